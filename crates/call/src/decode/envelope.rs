//! The envelope: finding the rows, capturing page addresses, rejecting unexpected bodies.
//!
//! Strict reading (docs/decisions/0001-answers-are-read-strictly.md): an answer without its rows is an
//! empty list only when the document knows every key it has; anything else is an error, never an empty
//! table.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use jiter::{Jiter, JiterError, Peek};
use strataql_spec::RowShape;

use super::builder::ColumnBuilder;
use super::order::KeyOrder;
use super::signs::{Sign, SignKind};
use super::{Decoded, Decoder};
use crate::error_object::{Tone, text_says_something};

/// The reason why a page cannot be decoded.
#[derive(Debug)]
pub(super) enum Failure {
    /// A value does not fit.
    Value { column: String, expected: &'static str, found: String, row: usize },
    /// The body does not answer the request.
    Body(String),
    /// It is not JSON.
    Syntax(String),
    /// A row has a key twice.
    RepeatedKey,
    /// Arrow rejected the columns.
    Batch(String),
}

impl Failure {
    #[expect(clippy::needless_pass_by_value, reason = "the shape that map_err asks for")]
    pub(super) fn syntax(error: JiterError) -> Self {
        Self::Syntax(error.error_type.to_string())
    }
}

/// What leads to the next page, as it was named first.
#[derive(Debug, Clone, Default)]
struct Captured {
    is_named: bool,
    text: Option<String>,
}

/// Decodes one page.
pub(super) struct Reader<'a> {
    pub(super) decoder: &'a Decoder,
    pub(super) jiter: Jiter<'a>,
    pub(super) builders: Vec<ColumnBuilder<'a>>,
    pub(super) rows: usize,
    pub(super) dropped: u64,
    /// True when rows may name a key twice.
    pub(super) last_wins: bool,
    pub(super) known_fields_seen: u64,
    /// How often each column has had its key in this row.
    pub(super) seen: Vec<u32>,
    pub(super) order: KeyOrder<'a>,
    /// What speaks of rows that are not here.
    pub(super) signs: Vec<Sign>,
    /// The addresses of the next page, each as it was named first.
    captured: Vec<Captured>,
    found_rows: bool,
    /// The first undocumented top-level key that reports an error, and the first of another kind.
    error: Option<String>,
    unknown: Option<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(decoder: &'a Decoder, body: &'a [u8], last_wins: bool) -> Self {
        let plan = &decoder.plan;
        Self {
            decoder,
            jiter: Jiter::new(body),
            builders: plan
                .columns
                .iter()
                .enumerate()
                .map(|(at, column)| {
                    ColumnBuilder::new(column, plan.mismatch, decoder.capacities.of(at))
                })
                .collect(),
            rows: 0,
            dropped: 0,
            last_wins,
            known_fields_seen: 0,
            seen: Vec::new(),
            order: KeyOrder::default(),
            signs: Vec::new(),
            captured: vec![Captured::default(); plan.captures.len()],
            found_rows: false,
            error: None,
            unknown: None,
        }
    }

    pub(super) fn read(mut self) -> Result<Decoded, Failure> {
        let peek = self.jiter.peek().map_err(Failure::syntax)?;
        self.value(peek, &mut Vec::new())?;
        self.jiter.finish().map_err(Failure::syntax)?;
        let unknown = self.unknown.as_ref().filter(|_| !self.found_rows);
        if let Some(key) = self.error.as_ref().or(unknown) {
            return Err(Failure::Body(self.no_rows(key)));
        }
        self.decoder
            .capacities
            .used(self.rows, self.builders.iter().map(ColumnBuilder::text_bytes));
        let mismatches = self.builders.iter().map(|builder| builder.mismatches).sum();
        let columns: Vec<ArrayRef> = self.builders.into_iter().map(ColumnBuilder::finish).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        let schema = Arc::clone(self.decoder.schema());
        let batch = RecordBatch::try_new_with_options(schema, columns, &options)
            .map_err(|error| Failure::Batch(error.to_string()))?;
        Ok(Decoded {
            batch,
            captured: self.captured.into_iter().map(|captured| captured.text).collect(),
            signs: self.signs,
            dropped: self.dropped,
            mismatches,
        })
    }

    fn no_rows(&self, key: &str) -> String {
        let path = self.decoder.plan.rows.path();
        if path.is_empty() || self.found_rows {
            format!("has `{key}`, which its document does not know")
        } else {
            format!("has no `{}`, where its rows should be, but `{key}`", path.join("."))
        }
    }

    /// One value on the path to the rows; `path` has the keys so far.
    fn value(&mut self, peek: Peek, path: &mut Vec<String>) -> Result<(), Failure> {
        let plan = &self.decoder.plan;
        let is_rows = plan.rows.path() == path.as_slice();
        if is_rows && !matches!(plan.rows, RowShape::Nothing { .. }) {
            if self.found_rows {
                return Err(Failure::Body(format!("names `{}` twice", path.join("."))));
            }
            return self.rows_value(peek, path);
        }
        let inside = |whole: &[String]| whole.len() > path.len() && whole.starts_with(path);
        let leads_on = inside(plan.rows.path()) || plan.captures.iter().any(|p| inside(p));
        if leads_on && peek == Peek::Object {
            return self.object(path);
        }
        if leads_on && peek == Peek::Array && !path.is_empty() && !inside(plan.rows.path()) {
            return self.items(path);
        }
        if leads_on && path.is_empty() {
            return Err(Failure::Body(format!("is {} where an object should be", kind(peek))));
        }
        if !path.is_empty() && plan.captures.contains(path) {
            return self.capture(path, peek);
        }
        if leads_on && peek != Peek::Null && !inside(plan.rows.path()) {
            self.unreadable(path, peek);
        }
        self.beside(peek, path)
    }

    /// Walks an array on the way to the address of the next page (`$.links[0].next`).
    fn items(&mut self, path: &mut Vec<String>) -> Result<(), Failure> {
        let mut next = self.jiter.known_array().map_err(Failure::syntax)?;
        let mut at = 0usize;
        while let Some(peek) = next {
            path.push(at.to_string());
            self.value(peek, path)?;
            path.pop();
            at += 1;
            next = self.jiter.array_step().map_err(Failure::syntax)?;
        }
        Ok(())
    }

    /// Remembers that what leads to the next page cannot be read.
    fn unreadable(&mut self, path: &[String], peek: Peek) {
        let what = format!("has {} where the address of the next page should be", kind(peek));
        self.signs.push(Sign { key: path.join("."), kind: SignKind::Missing(what) });
    }

    pub(super) fn object(&mut self, path: &mut Vec<String>) -> Result<(), Failure> {
        let mut key = self.jiter.known_object().map_err(Failure::syntax)?.map(str::to_owned);
        while let Some(name) = key {
            path.push(name);
            let peek = self.jiter.peek().map_err(Failure::syntax)?;
            let start = self.jiter.current_index();
            self.value(peek, path)?;
            if let Some(name) = path.pop().filter(|_| path.is_empty()) {
                self.note_key(&name, self.jiter.slice_to_current(start));
            }
            key = self.jiter.next_key().map_err(Failure::syntax)?.map(str::to_owned);
        }
        Ok(())
    }

    /// Records an undocumented top-level key, those of errors first. `"error": null` reports none.
    pub(super) fn note_key(&mut self, name: &str, value: &[u8]) {
        let plan = &self.decoder.plan;
        let known = plan.known_envelope.iter().any(|known| known == name)
            || plan.rows.path().first().is_some_and(|first| first == name)
            || plan.captures.iter().any(|path| path.first().is_some_and(|first| first == name));
        if known {
            return;
        }
        let is_error = Tone::of(name) == Tone::Error && text_says_something(value);
        let slot = if is_error { &mut self.error } else { &mut self.unknown };
        slot.get_or_insert_with(|| name.to_owned());
    }

    fn capture(&mut self, path: &[String], peek: Peek) -> Result<(), Failure> {
        let text = match peek {
            Peek::Null => {
                self.jiter.known_null().map_err(Failure::syntax)?;
                None
            }
            Peek::String => Some(self.jiter.known_str().map_err(Failure::syntax)?.to_owned()),
            peek if peek.is_num() => {
                let bytes = self.jiter.known_number_bytes(peek).map_err(Failure::syntax)?;
                Some(String::from_utf8_lossy(bytes).into_owned())
            }
            Peek::True | Peek::False => {
                let flag = self.jiter.known_bool(peek).map_err(Failure::syntax)?;
                Some(flag.to_string())
            }
            peek => {
                let start = self.jiter.current_index();
                self.jiter.known_skip(peek).map_err(Failure::syntax)?;
                let inside = self.jiter.slice_to_current(start);
                let is_empty = inside.iter().all(|byte| b"[]{} \t\r\n".contains(byte));
                if !is_empty {
                    self.unreadable(path, peek);
                }
                None
            }
        };
        let captures = &self.decoder.plan.captures;
        for (slot, _) in self.captured.iter_mut().zip(captures).filter(|(_, own)| *own == path) {
            let plain = |text: &Option<String>| {
                text.clone().filter(|text| text != "false").unwrap_or_default()
            };
            let same = |a: &Option<String>, b: &Option<String>| plain(a) == plain(b);
            if !slot.is_named {
                *slot = Captured { is_named: true, text: text.clone() };
            } else if !same(&slot.text, &text) {
                self.signs.push(Sign {
                    key: path.join("."),
                    kind: SignKind::Missing("names it twice, with different values".to_owned()),
                });
            }
        }
        Ok(())
    }

    fn rows_value(&mut self, peek: Peek, path: &mut [String]) -> Result<(), Failure> {
        let at =
            if path.is_empty() { "the body".to_owned() } else { format!("`{}`", path.join(".")) };
        let refuse = |expected: &str| {
            Err(Failure::Body(format!("has {} where {expected} should be, at {at}", kind(peek))))
        };
        match (&self.decoder.plan.rows, peek) {
            // a documented list that is null has no rows; a body that is null is unexpected
            (_, Peek::Null) if !path.is_empty() => {
                self.found_rows = true;
                self.jiter.known_null().map_err(Failure::syntax)
            }
            (RowShape::List { .. }, Peek::Array) => {
                self.found_rows = true;
                self.array(Self::object_row)
            }
            (RowShape::Scalars { .. }, Peek::Array) => {
                self.found_rows = true;
                self.array(Self::scalar_row)
            }
            // a lone value is a row
            (RowShape::Scalars { .. }, peek) if !matches!(peek, Peek::Null | Peek::Object) => {
                self.found_rows = true;
                self.scalar_row(peek)?;
                self.rows += 1;
                Ok(())
            }
            (RowShape::MapValues { .. }, Peek::Object) => {
                self.found_rows = true;
                self.map_rows()
            }
            (RowShape::Object { .. }, Peek::Object) => {
                let envelope = path.is_empty();
                self.found_rows = self.single_row(envelope)?;
                Ok(())
            }
            (RowShape::Object { .. }, _) => refuse("an object"),
            (RowShape::MapValues { .. }, _) => refuse("an object"),
            _ => refuse("an array"),
        }
    }

    fn array(&mut self, row: fn(&mut Self, Peek) -> Result<(), Failure>) -> Result<(), Failure> {
        let mut next = self.jiter.known_array().map_err(Failure::syntax)?;
        while let Some(peek) = next {
            row(self, peek)?;
            self.rows += 1;
            next = self.jiter.array_step().map_err(Failure::syntax)?;
        }
        Ok(())
    }
}

/// A JSON type with its article.
pub(super) fn kind(peek: Peek) -> &'static str {
    match peek {
        Peek::Null => "null",
        Peek::True | Peek::False => "a boolean",
        Peek::String => "text",
        Peek::Array => "an array",
        Peek::Object => "an object",
        _ => "a number",
    }
}
