//! One record per line, with its own digest.
//!
//! Owns: the text form of a record and the check that no byte of it changed.
//! Surprise: the digest covers the bytes of the line, not their meaning. Everything before
//! `,"hash":"` is digested and the rest has a fixed form, so every byte is covered.
//!
//! ```text
//! {"seq":2,"prev":"…","run":"…","kind":"intent","write":1,"data":{…},"hash":"…"}
//! ```

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::digest::sha256;

const SEAL: &str = ",\"hash\":\"";
const END: &str = "\"}";
const HASH_LENGTH: usize = 64;

/// `prev` of the first record of a ledger.
pub(crate) const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The kinds of records.
pub(crate) mod kind {
    pub(crate) const RUN: &str = "run";
    pub(crate) const STATEMENT: &str = "statement";
    pub(crate) const INTENT: &str = "intent";
    pub(crate) const OUTCOME: &str = "outcome";
    pub(crate) const RESOLUTION: &str = "resolution";
    pub(crate) const CUT: &str = "cut";
}

/// A parsed record.
#[derive(Debug, Deserialize)]
pub(crate) struct Line {
    pub(crate) seq: u64,
    pub(crate) prev: String,
    pub(crate) run: String,
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) write: Option<u64>,
    pub(crate) data: Box<RawValue>,
    pub(crate) hash: String,
}

impl Line {
    /// Parses a line without its line feed.
    pub(crate) fn parse(line: &[u8]) -> Result<Self, Flaw> {
        unseal(line)?;
        serde_json::from_slice(line).map_err(|_| Flaw::Unreadable)
    }

    /// The record's data, as a type.
    pub(crate) fn data<T: for<'de> Deserialize<'de>>(&self) -> Result<T, Flaw> {
        serde_json::from_str(self.data.get()).map_err(|_| Flaw::Unreadable)
    }
}

/// Why a line is not a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// It does not have the form of a record.
    Unreadable,
    /// It was changed after it was written.
    Altered,
}

impl Flaw {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "this line is no record of the change ledger",
            Self::Altered => "this record was altered: its digest does not fit its text",
        }
    }
}

/// Serializes records, each with the digest of the one before.
#[derive(Debug, Clone)]
pub(crate) struct Pen {
    pub(crate) seq: u64,
    pub(crate) prev: String,
    pub(crate) text: String,
    run: String,
}

impl Pen {
    /// Continues after record `seq` with digest `prev`.
    pub(crate) fn new(run: &str, seq: u64, prev: &str) -> Self {
        Self { seq, prev: prev.to_owned(), text: String::new(), run: run.to_owned() }
    }

    /// Adds a record; `data` is JSON text on one line.
    pub(crate) fn push(&mut self, kind: &str, write: Option<u64>, data: &str) {
        self.seq += 1;
        let write = write.map(|number| format!("\"write\":{number},")).unwrap_or_default();
        let object = format!(
            "{{\"seq\":{},\"prev\":\"{}\",\"run\":\"{}\",\"kind\":\"{kind}\",{write}\"data\":{data}}}",
            self.seq, self.prev, self.run
        );
        let (line, hash) = seal(&object);
        self.text.push_str(&line);
        self.prev = hash;
    }
}

/// Adds the digest to a JSON object, and a line feed.
pub(crate) fn seal(object: &str) -> (String, String) {
    let body = object.strip_suffix('}').expect("a JSON object ends with a brace");
    let hash = sha256(body.as_bytes());
    (format!("{body}{SEAL}{hash}{END}\n"), hash)
}

/// Checks the digest of a line without its line feed.
pub(crate) fn unseal(line: &[u8]) -> Result<(), Flaw> {
    let text = std::str::from_utf8(line).map_err(|_| Flaw::Unreadable)?;
    let (body, hash) = text
        .len()
        .checked_sub(SEAL.len() + HASH_LENGTH + END.len())
        .and_then(|end| text.split_at_checked(end))
        .and_then(|(body, rest)| Some((body, rest.strip_prefix(SEAL)?.strip_suffix(END)?)))
        .ok_or(Flaw::Unreadable)?;
    if sha256(body.as_bytes()) == hash { Ok(()) } else { Err(Flaw::Altered) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample() -> Vec<u8> {
        let mut pen = Pen::new("r", 0, GENESIS);
        pen.push(kind::INTENT, Some(7), "{\"x\":\"é\"}");
        pen.text.trim_end().as_bytes().to_vec()
    }

    #[test]
    fn a_line_reads_back() {
        let line = Line::parse(&sample()).expect("a record");
        assert_eq!((line.seq, line.write, line.kind.as_str()), (1, Some(7), "intent"));
        assert_eq!((line.prev.as_str(), line.run.as_str()), (GENESIS, "r"));
        assert_eq!(line.data.get(), "{\"x\":\"é\"}");
    }

    #[test]
    fn every_flipped_bit_is_seen() {
        let line = sample();
        for (at, bit) in (0..line.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut changed = line.clone();
            changed[at] ^= 1 << bit;
            assert!(Line::parse(&changed).is_err(), "byte {at}, bit {bit}");
        }
    }

    #[test]
    fn every_shortened_line_is_seen() {
        let line = sample();
        for length in 0..line.len() {
            assert!(Line::parse(&line[..length]).is_err(), "{length} bytes");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            prop_assert!(Line::parse(&bytes).is_err());
        }

        #[test]
        fn no_sealed_object_makes_the_reader_panic(inner in ".{0,200}") {
            let (line, _) = seal(&format!("{{{inner}}}"));
            let parsed = Line::parse(line.trim_end_matches('\n').as_bytes());
            prop_assert!(parsed.is_err());
        }
    }
}
