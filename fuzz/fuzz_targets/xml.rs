//! An answer in XML.
#![no_main]

#[path = "../../crates/call/tests/random/check.rs"]
#[expect(dead_code, reason = "the other target has its own check")]
mod check;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| check::check_xml(data));
