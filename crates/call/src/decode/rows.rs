//! Rows: objects, scalars and map values into the column builders.

use jiter::{Jiter, Peek};

use super::envelope::{Failure, Reader, kind};
use super::order::KeyFacts;
use super::signs::{Sign, SignKind};
use crate::error_object::{Tone, text_says_something};
use crate::exact;

impl<'a> Reader<'a> {
    /// A row of a list of objects.
    pub(super) fn object_row(&mut self, peek: Peek) -> Result<(), Failure> {
        if self.takes_anything() {
            return self.scalar_row(peek);
        }
        if peek != Peek::Object {
            return Err(Failure::Body(format!("has {} where a row should be", kind(peek))));
        }
        self.fields(false)
    }

    /// A row that is not an object: its one column is the value.
    pub(super) fn scalar_row(&mut self, peek: Peek) -> Result<(), Failure> {
        if peek == Peek::Object {
            self.whole_error()?;
        }
        self.whole_row(peek)
    }

    /// The single object of a lookup. Returns whether it is a row: `{}` at the root is not.
    pub(super) fn single_row(&mut self, envelope: bool) -> Result<bool, Failure> {
        if self.takes_anything() {
            self.whole_error()?;
            self.whole_row(Peek::Object)?;
            self.rows += 1;
            return Ok(true);
        }
        let mut ahead = self.jiter.clone();
        let empty = ahead.known_object().map_err(Failure::syntax)?.is_none();
        if empty {
            self.jiter.known_object().map_err(Failure::syntax)?;
            return Ok(false);
        }
        let dropped = self.dropped;
        self.fields(envelope)?;
        self.rows += 1;
        // at the root, an object with undocumented keys only is another kind of object
        let known_any = self.known_fields_seen > 0;
        Ok(!envelope || known_any || self.dropped == dropped)
    }

    /// The values of a map, each a row.
    pub(super) fn map_rows(&mut self) -> Result<(), Failure> {
        let mut more = self.jiter.known_object().map_err(Failure::syntax)?.is_some();
        while more {
            let peek = self.jiter.peek().map_err(Failure::syntax)?;
            self.object_row(peek)?;
            self.rows += 1;
            more = self.jiter.next_key().map_err(Failure::syntax)?.is_some();
        }
        Ok(())
    }

    /// True when the rows have no documented fields: each is one JSON value.
    fn takes_anything(&self) -> bool {
        self.decoder.known.is_empty()
    }

    fn whole_row(&mut self, peek: Peek) -> Result<(), Failure> {
        let start = self.jiter.clone();
        let mut read = false;
        for builder in &mut self.builders {
            if builder.is_echo() {
                builder.append_absent();
                continue;
            }
            let mut ahead: Jiter<'a> = start.clone();
            builder.append(&mut ahead, peek, self.rows)?;
            self.jiter = ahead;
            read = true;
        }
        if !read {
            self.jiter.known_skip(peek).map_err(Failure::syntax)?;
        }
        Ok(())
    }

    /// The fields of a row object into their columns.
    fn fields(&mut self, envelope: bool) -> Result<(), Failure> {
        let wanted = if self.last_wins { Some(self.occurrences()?) } else { None };
        let decoder = self.decoder;
        let mut seen = std::mem::take(&mut self.seen);
        seen.clear();
        seen.resize(self.builders.len(), 0);
        self.order.start_row();
        let mut first = true;
        let mut tones = Tones::default();
        loop {
            // the key borrows the parser: only its meaning is kept
            let (slots, known, tone, unknown_name) = {
                let key = if first { self.jiter.known_object() } else { self.jiter.next_key() }
                    .map_err(Failure::syntax)?;
                first = false;
                let Some(key) = key else { break };
                let KeyFacts { slots, known, tone } = self.order.facts(key, decoder);
                let is_named = !known && (envelope || tone != Tone::Neutral);
                (slots, known, tone, is_named.then(|| key.to_owned()))
            };
            let peek = self.jiter.peek().map_err(Failure::syntax)?;
            if known {
                self.known_fields_seen += 1;
            } else {
                self.dropped += 1;
            }
            tones.count(known, tone);
            let Some(slots) = slots else {
                let start = self.jiter.current_index();
                self.jiter.known_skip(peek).map_err(Failure::syntax)?;
                if let Some(name) = unknown_name {
                    let value = self.jiter.slice_to_current(start);
                    if envelope {
                        self.note_key(&name, value);
                    }
                    tones.hear(name, tone, value);
                }
                continue;
            };
            self.cells(slots, peek, &mut seen, wanted.as_deref())?;
        }
        self.order.end_row();
        for (builder, seen) in self.builders.iter_mut().zip(&seen) {
            if *seen == 0 {
                builder.append_absent();
            }
        }
        self.seen = seen;
        if !envelope && let Some(key) = tones.error(self.decoder.known.len()) {
            self.error_row(key);
        }
        Ok(())
    }

    /// Remembers that a row is an error.
    fn error_row(&mut self, key: String) {
        let what = format!("has an error (`{key}`) in the place of row {}", self.rows + 1);
        self.signs.push(Sign { key, kind: SignKind::Missing(what) });
    }

    /// Looks whether an object that is taken as a whole is an error.
    fn whole_error(&mut self) -> Result<(), Failure> {
        let mut ahead = self.jiter.clone();
        let mut tones = Tones::default();
        let mut key = ahead.known_object().map_err(Failure::syntax)?.map(str::to_owned);
        while let Some(name) = key {
            let tone = Tone::of(&name);
            tones.count(tone == Tone::Neutral, tone);
            let peek = ahead.peek().map_err(Failure::syntax)?;
            let start = ahead.current_index();
            ahead.known_skip(peek).map_err(Failure::syntax)?;
            if tone == Tone::Error {
                tones.hear(name, tone, ahead.slice_to_current(start));
            }
            key = ahead.next_key().map_err(Failure::syntax)?.map(str::to_owned);
        }
        if let Some(key) = tones.error(usize::MAX) {
            self.error_row(key);
        }
        Ok(())
    }

    /// One value into each column that asks for its key.
    fn cells(
        &mut self,
        slots: &[usize],
        peek: Peek,
        seen: &mut [u32],
        wanted: Option<&[u32]>,
    ) -> Result<(), Failure> {
        let again = (slots.len() > 1).then(|| self.jiter.clone());
        for (position, slot) in slots.iter().enumerate() {
            seen[*slot] += 1;
            let is_last = wanted.is_none_or(|wanted| wanted[*slot] == seen[*slot]);
            if wanted.is_none() && seen[*slot] > 1 {
                return Err(Failure::RepeatedKey);
            }
            if position > 0
                && let Some(start) = &again
            {
                self.jiter = start.clone();
            }
            if is_last {
                self.builders[*slot].append(&mut self.jiter, peek, self.rows)?;
            } else {
                self.jiter.known_skip(peek).map_err(Failure::syntax)?;
            }
        }
        Ok(())
    }

    /// How often each column's key occurs in the row that comes next.
    ///
    /// # Errors
    /// A key that contradicts itself, unless a template of the document made the answer.
    fn occurrences(&self) -> Result<Vec<u32>, Failure> {
        let mut counts = vec![0u32; self.builders.len()];
        let mut first_values: Vec<&[u8]> = vec![&[]; self.builders.len()];
        let may_differ = self.decoder.is_template();
        let mut ahead = self.jiter.clone();
        let mut first = true;
        loop {
            let key = if first { ahead.known_object() } else { ahead.next_key() }
                .map_err(Failure::syntax)?;
            first = false;
            let Some(key) = key else { return Ok(counts) };
            let key_slots = self.decoder.slots.get(key).into_iter().flatten();
            let name = key_slots.clone().next().map(|_| key.to_owned());
            let peek = ahead.peek().map_err(Failure::syntax)?;
            let start = ahead.current_index();
            ahead.known_skip(peek).map_err(Failure::syntax)?;
            let Some(name) = name else { continue };
            let text = ahead.slice_to_current(start);
            for slot in key_slots {
                counts[*slot] += 1;
                if counts[*slot] == 1 {
                    first_values[*slot] = text;
                } else if !may_differ && !is_same_json(first_values[*slot], text) {
                    let row = self.rows + 1;
                    return Err(Failure::Body(format!(
                        "names `{name}` twice in row {row}, with different values"
                    )));
                }
            }
        }
    }
}

/// True for two texts of the same JSON value.
fn is_same_json(one: &[u8], other: &[u8]) -> bool {
    one == other
        || matches!((exact::read_answer(one), exact::read_answer(other)), (Ok(a), Ok(b)) if a == b)
}

/// What the keys of a row say about its being an error.
#[derive(Debug, Default)]
struct Tones {
    /// Documented keys.
    known: usize,
    /// Documented keys that error objects do not have.
    own: usize,
    /// An undocumented key that names an error.
    error: Option<String>,
    /// An undocumented key that error objects have.
    common: Option<String>,
}

impl Tones {
    fn count(&mut self, known: bool, tone: Tone) {
        self.known += usize::from(known);
        self.own += usize::from(known && tone == Tone::Neutral);
    }

    /// Takes an undocumented key and its value.
    fn hear(&mut self, key: String, tone: Tone, value: &[u8]) {
        if !text_says_something(value) {
            return;
        }
        match tone {
            Tone::Error => self.error = Some(key),
            Tone::Common if !matches!(key.as_str(), "id" | "name" | "type" | "index" | "key") => {
                self.common = Some(key);
            }
            _ => {}
        }
    }

    /// The key that makes the row an error; `documented` is how many keys a whole row has.
    fn error(self, documented: usize) -> Option<String> {
        if self.known == 0 {
            return self.error.or(self.common);
        }
        self.error.filter(|_| self.own == 0 && self.known < documented)
    }
}
