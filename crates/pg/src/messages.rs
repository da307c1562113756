//! Messages of the server, byte by byte.

use bytes::{BufMut, BytesMut};

/// Appends a message with its length.
pub(crate) fn message(out: &mut BytesMut, kind: u8, body: impl FnOnce(&mut BytesMut)) {
    out.put_u8(kind);
    let start = out.len();
    out.put_u32(0);
    body(out);
    let length = u32::try_from(out.len() - start).unwrap_or(u32::MAX);
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
}

/// Appends a text with its end.
pub(crate) fn text(out: &mut BytesMut, text: &str) {
    // a zero byte would end it early
    match text.find('\0') {
        None => out.put_slice(text.as_bytes()),
        Some(_) => out.put_slice(text.replace('\0', "\u{fffd}").as_bytes()),
    }
    out.put_u8(0);
}
