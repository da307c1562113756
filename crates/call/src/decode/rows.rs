//! Rows: objects, scalars and map values into the column builders.

use jiter::{Jiter, Peek};

use super::envelope::{Failure, Reader, kind};
use super::order::KeyFacts;

impl<'a> Reader<'a> {
    /// A row of a list of objects.
    pub(super) fn object_row(&mut self, peek: Peek) -> Result<(), Failure> {
        if self.takes_anything() {
            return self.whole_row(peek);
        }
        if peek != Peek::Object {
            return Err(Failure::Body(format!("has {} where a row should be", kind(peek))));
        }
        self.fields(false)
    }

    /// A row that is no object: its one column is the value.
    pub(super) fn scalar_row(&mut self, peek: Peek) -> Result<(), Failure> {
        self.whole_row(peek)
    }

    /// The single object of a lookup. Gives whether it is a row: `{}` at the root is none.
    pub(super) fn single_row(&mut self, envelope: bool) -> Result<bool, Failure> {
        if self.takes_anything() {
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
        // at the root, an object of unknown keys only is somebody else's object
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
        loop {
            // the key borrows the parser: only what it stands for is kept
            let (slots, known, unknown_name) = {
                let key = if first { self.jiter.known_object() } else { self.jiter.next_key() }
                    .map_err(Failure::syntax)?;
                first = false;
                let Some(key) = key else { break };
                let KeyFacts { slots, known } = self.order.facts(key, decoder);
                (slots, known, (envelope && !known).then(|| key.to_owned()))
            };
            let peek = self.jiter.peek().map_err(Failure::syntax)?;
            if known {
                self.known_fields_seen += 1;
            } else {
                self.dropped += 1;
            }
            if let Some(name) = unknown_name {
                self.note_key(&name);
            }
            let Some(slots) = slots else {
                self.jiter.known_skip(peek).map_err(Failure::syntax)?;
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
    fn occurrences(&self) -> Result<Vec<u32>, Failure> {
        let mut counts = vec![0u32; self.builders.len()];
        let mut ahead = self.jiter.clone();
        let mut first = true;
        loop {
            let key = if first { ahead.known_object() } else { ahead.next_key() }
                .map_err(Failure::syntax)?;
            first = false;
            let Some(key) = key else { return Ok(counts) };
            for slot in self.decoder.slots.get(key).into_iter().flatten() {
                counts[*slot] += 1;
            }
            ahead.next_skip().map_err(Failure::syntax)?;
        }
    }
}
