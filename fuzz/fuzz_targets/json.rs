//! A JSON text, a path and a value to put there, between them the byte `ff`, which no text has.
#![no_main]

#[path = "../../crates/json/tests/random/check.rs"]
mod check;

use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|data: &[u8]| -> Corpus {
    let mut parts = data.splitn(3, |byte| *byte == 0xff).map(str::from_utf8);
    let mut part = || parts.next().unwrap_or(Ok(""));
    let (Ok(text), Ok(path), Ok(edit)) = (part(), part(), part()) else { return Corpus::Reject };
    check::check(text, path, edit);
    Corpus::Keep
});
