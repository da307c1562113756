//! What seeded tests share: numbers that follow from a seed, and how long a run goes on.
//!
//! Included by path (`crates/sql/tests/random.rs` and others): a crate for it would be one more edge
//! of every crate that has such a test. Each case follows from its number, so that a failure can be
//! run again. `STRATAQL_FULL=1` makes fifty times as many; `STRATAQL_FUZZ_SECONDS=600` goes on for
//! so long.

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// Numbers from a seed.
pub(crate) struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below a length; 0 below nothing.
    pub(crate) fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 11) % below.max(1) as u64).expect("below a length")
    }

    /// One of several.
    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.roll(from.len())]
    }

    /// Two places between characters of a text, the smaller first.
    pub(crate) fn range(&mut self, text: &str) -> (usize, usize) {
        let (one, other) = (self.place(text), self.place(text));
        (one.min(other), one.max(other))
    }

    fn place(&mut self, text: &str) -> usize {
        let mut at = self.roll(text.len() + 1);
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }
}

/// Makes and checks case after case, `ordinary` of them in an ordinary run.
#[expect(clippy::print_stdout, reason = "how much was checked is worth knowing")]
pub(crate) fn run<T: Debug>(
    ordinary: u64,
    mut make: impl FnMut(&mut Dice) -> T,
    mut check: impl FnMut(&T),
) {
    let seconds = setting("STRATAQL_FUZZ_SECONDS").and_then(|text| text.parse().ok());
    let full = if setting("STRATAQL_FULL").is_some() { 50 } else { 1 };
    let (started, limit) = (Instant::now(), seconds.map(Duration::from_secs));
    let mut number = 0;
    while limit.map_or(number < ordinary * full, |limit| started.elapsed() < limit) {
        let case = make(&mut Dice::new(number + 1));
        let result = catch_unwind(AssertUnwindSafe(|| check(&case)));
        assert!(result.is_ok(), "case {number}: {case:#?}");
        number += 1;
    }
    println!("{number} cases in {:.0} s", started.elapsed().as_secs_f64());
}

#[expect(clippy::disallowed_methods, reason = "a test asks how it was started")]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
