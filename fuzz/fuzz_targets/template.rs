//! A template and an answer, between them the byte `ff`, which no text has.
#![no_main]

#[path = "../../crates/call/tests/random/check.rs"]
#[expect(dead_code, reason = "the other target has its own check")]
mod check;

use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|data: &[u8]| -> Corpus {
    let mut parts = data.splitn(2, |byte| *byte == 0xff);
    let (Some(Ok(template)), Some(body)) = (parts.next().map(str::from_utf8), parts.next()) else {
        return Corpus::Reject;
    };
    check::check_template(template, body);
    Corpus::Keep
});
