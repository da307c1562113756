//! Text files of a wheel, which is a ZIP archive.
//!
//! Owns: the central directory, stored and deflated entries, limits.
//! Refuses: encryption, ZIP64, other methods: wheels have none of these.

use std::io::Read;

use flate2::read::DeflateDecoder;

/// The largest file that is unpacked, in bytes.
const MAX_FILE: u64 = 64 << 20;
/// Signature of the end of the central directory.
const END: &[u8] = b"PK\x05\x06";
/// Signature of an entry of the central directory.
const ENTRY: &[u8] = b"PK\x01\x02";
/// Signature of a file.
const FILE: &[u8] = b"PK\x03\x04";

/// The wanted files, with their names, in the order of the archive.
pub(super) fn texts(
    bytes: &[u8],
    is_wanted: &dyn Fn(&str) -> bool,
) -> Result<Vec<(String, String)>, String> {
    let end = bytes
        .windows(END.len())
        .rposition(|window| window == END)
        .ok_or("it is neither a folder nor a ZIP archive")?;
    let damaged = || "the ZIP archive is damaged".to_owned();
    let count = number(bytes, end + 10, 2).ok_or_else(damaged)?;
    let mut at = number(bytes, end + 16, 4).ok_or_else(damaged)?;
    let mut found = Vec::new();
    for _ in 0..count {
        let entry = bytes.get(at..).filter(|entry| entry.starts_with(ENTRY)).ok_or_else(damaged)?;
        let field = |offset, size| number(entry, offset, size).ok_or_else(damaged);
        let (method, packed, offset) = (field(10, 2)?, field(20, 4)?, field(42, 4)?);
        let (name, extra, comment) = (field(28, 2)?, field(30, 2)?, field(32, 2)?);
        let text = entry.get(46..46 + name).ok_or_else(damaged)?;
        let file = String::from_utf8_lossy(text).into_owned();
        at += 46 + name + extra + comment;
        if !is_wanted(&file) {
            continue;
        }
        let header = bytes.get(offset..).filter(|header| header.starts_with(FILE));
        let header = header.ok_or_else(damaged)?;
        let name = number(header, 26, 2).ok_or_else(damaged)?;
        let extra = number(header, 28, 2).ok_or_else(damaged)?;
        let data = header.get(30 + name + extra..30 + name + extra + packed).ok_or_else(damaged)?;
        found.push((file, unpacked(data, method)?));
    }
    Ok(found)
}

fn unpacked(data: &[u8], method: usize) -> Result<String, String> {
    let mut text = String::new();
    let result = match method {
        0 => data.take(MAX_FILE).read_to_string(&mut text),
        8 => DeflateDecoder::new(data).take(MAX_FILE).read_to_string(&mut text),
        _ => return Err(format!("compression method {method} is not known")),
    };
    result.map_err(|error| format!("a file of the ZIP archive cannot be unpacked: {error}"))?;
    Ok(text)
}

/// A little-endian number.
fn number(bytes: &[u8], at: usize, size: usize) -> Option<usize> {
    let part = bytes.get(at..at.checked_add(size)?)?;
    Some(part.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte)))
}
