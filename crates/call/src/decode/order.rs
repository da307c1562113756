//! The meaning of the keys of a row.
//!
//! Surprise: the rows of a page have their keys in the order of the first row, with some absent.
//! Comparing with the expected key is cheaper than hashing, which was a seventh of decoding.

use super::Decoder;
use crate::error_object::Tone;

/// The meaning of a key.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeyFacts<'a> {
    /// The columns that it feeds.
    pub(super) slots: Option<&'a [usize]>,
    /// True if it is documented.
    pub(super) known: bool,
    /// What it would be in an error object.
    pub(super) tone: Tone,
}

/// The keys of the first row, and the position of the current row among them.
#[derive(Debug, Default)]
pub(super) struct KeyOrder<'a> {
    keys: Vec<(String, KeyFacts<'a>)>,
    learned: bool,
    next: usize,
}

/// Number of keys that a row may omit in one place before hashing is used.
const LEFT_OUT: usize = 4;

impl<'a> KeyOrder<'a> {
    pub(super) fn start_row(&mut self) {
        self.next = 0;
    }

    /// The first row has been read: its order is the one to expect.
    pub(super) fn end_row(&mut self) {
        self.learned = true;
    }

    /// Looks up a key of the current row.
    pub(super) fn facts(&mut self, key: &str, decoder: &'a Decoder) -> KeyFacts<'a> {
        let ahead = self.keys.get(self.next..).unwrap_or_default();
        if self.learned
            && let Some(at) = ahead.iter().take(LEFT_OUT).position(|(known, _)| known == key)
        {
            self.next += at + 1;
            return ahead[at].1;
        }
        let slots = decoder.slots.get(key).map(Vec::as_slice);
        let facts = KeyFacts {
            slots,
            known: slots.is_some() || decoder.known.contains(key),
            tone: Tone::of(key),
        };
        if !self.learned {
            self.keys.push((key.to_owned(), facts));
        }
        facts
    }
}
