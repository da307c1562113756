//! Tokens, parser and re-spelling of any text.
#![no_main]

#[path = "../../crates/sql/tests/random/check.rs"]
mod check;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        check::check(text);
    }
});
