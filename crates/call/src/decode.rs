//! Decoding: one pass over the bytes of a page, into the projected columns.
//!
//! Owns: finding the rows, the strict reading of envelopes and values
//! (docs/decisions/0001-answers-are-read-strictly.md), capture of page addresses on the way.
//! Refuses: choosing columns; the plan does.
//! Surprise: fields that are not projected are skipped without being parsed into values, and nested
//! values are copied as text, so the cost depends on the projection.

mod builder;
mod capacity;
mod envelope;
pub(crate) mod media;
mod order;
mod rewrite;
mod rows;
mod signs;
mod xml;
mod xml_rows;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use serde::{Deserialize, Serialize};
use strataql_diag::{Code, Report};
use strataql_spec::{ColumnType, RowShape};

use crate::value::Value;
use capacity::Capacities;
use media::{Body, NotJson};
pub(crate) use rewrite::{Rewrite, Unread};
pub use rewrite::{RewritePlan, rewrite_answer};
pub use xml_rows::XmlShape;

/// What to do about an answer that the document does not allow.
const UNEXPECTED_HELP: &str =
    "run the statement again; if it stays so, the service or its document is at fault";

pub(crate) use signs::header_sign;
pub(crate) use signs::{Sign, SignKind};

/// The treatment of a value that does not fit its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mismatch {
    /// Fail with `bad-remote-value`.
    #[default]
    Error,
    /// NULL, counted (`SET on_mismatch = 'null'`).
    Null,
}

/// One projected column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnPlan {
    /// Name in the batch.
    pub name: String,
    /// Key in a row object; `None` for a column that only echoes a parameter.
    pub wire: Option<String>,
    /// Its type.
    pub kind: ColumnType,
    /// The value where the row lacks the key: the argument of the parameter of that name.
    pub echo: Option<Value>,
}

/// How to decode the pages of one call; plain data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DecodePlan {
    /// The method's full name, for messages.
    pub method: String,
    /// The location of the rows.
    pub rows: RowShape,
    /// Projected columns.
    pub columns: Vec<ColumnPlan>,
    /// Keys that row objects may have; others are dropped and counted.
    pub known_fields: Vec<String>,
    /// Documented top-level keys of the response.
    pub known_envelope: Vec<String>,
    /// Body paths of page addresses.
    pub captures: Vec<Vec<String>>,
    /// The treatment of values that do not fit.
    pub mismatch: Mismatch,
    /// The media type that the document gives for the answer.
    #[serde(default)]
    pub media_type: Option<String>,
    /// How answers become JSON.
    #[serde(default)]
    pub rewrite: RewritePlan,
}

/// A decoded page.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) batch: RecordBatch,
    pub(crate) captured: Vec<Option<String>>,
    /// What speaks of rows that are not here.
    pub(crate) signs: Vec<Sign>,
    pub(crate) dropped: u64,
    pub(crate) mismatches: u64,
}

/// A plan prepared for many pages.
#[derive(Debug)]
pub(crate) struct Decoder {
    plan: DecodePlan,
    schema: SchemaRef,
    /// Row key → positions of its columns.
    slots: HashMap<String, Vec<usize>>,
    known: std::collections::HashSet<String>,
    capacities: Capacities,
    rewrite: Rewrite,
}

/// The Arrow type of a column type.
pub const fn arrow_type(kind: ColumnType) -> DataType {
    match kind {
        ColumnType::Text | ColumnType::Json => DataType::Utf8,
        ColumnType::Integer => DataType::Int64,
        ColumnType::Number => DataType::Float64,
        ColumnType::Boolean => DataType::Boolean,
    }
}

/// The Arrow field of a column; JSON columns carry the canonical `arrow.json` extension type.
pub fn field_of(name: &str, kind: ColumnType) -> Field {
    let field = Field::new(name, arrow_type(kind), true);
    if kind == ColumnType::Json {
        let metadata = [("ARROW:extension:name".to_owned(), "arrow.json".to_owned())];
        return field.with_metadata(metadata.into());
    }
    field
}

impl DecodePlan {
    /// The schema of the batches.
    pub fn schema(&self) -> SchemaRef {
        let fields: Vec<Field> =
            self.columns.iter().map(|column| field_of(&column.name, column.kind)).collect();
        Arc::new(Schema::new(fields))
    }
}

impl Decoder {
    pub(crate) fn new(plan: DecodePlan) -> Self {
        let mut slots: HashMap<String, Vec<usize>> = HashMap::new();
        for (position, column) in plan.columns.iter().enumerate() {
            if let Some(wire) = &column.wire {
                slots.entry(wire.clone()).or_default().push(position);
            }
        }
        let known = plan.known_fields.iter().cloned().collect();
        let capacities = Capacities::new(&plan.rows, plan.columns.len());
        let rewrite = Rewrite::new(&plan.rewrite);
        Self { schema: plan.schema(), plan, slots, known, capacities, rewrite }
    }

    /// True when an answer holds at most one object.
    pub(crate) fn is_single(&self) -> bool {
        self.plan.rows.is_single()
    }

    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// What the page at `index` is, for messages.
    pub(crate) fn place(&self, index: usize) -> String {
        let method = &self.plan.method;
        if self.is_single() {
            format!("the response to `{method}`")
        } else {
            format!("page {} of the response to `{method}`", index + 1)
        }
    }

    /// An empty page: 204, or a lookup that found nothing.
    pub(crate) fn empty(&self) -> Decoded {
        Decoded {
            batch: RecordBatch::new_empty(Arc::clone(&self.schema)),
            captured: vec![None; self.plan.captures.len()],
            signs: Vec::new(),
            dropped: 0,
            mismatches: 0,
        }
    }

    /// Decodes the body of a success response.
    pub(crate) fn decode(&self, body: Body<'_>) -> Result<Decoded, Box<Report>> {
        let json = self.json(body)?;
        let read = |last_wins| envelope::Reader::new(self, &json, last_wins).read();
        match read(false) {
            // rare: a row has a key twice; whether with one value needs a second pass
            Err(envelope::Failure::RepeatedKey) => read(true),
            other => other,
        }
        .map_err(|failure| self.report(failure, body))
    }

    /// True if a template of the document makes the JSON that is read; such JSON may repeat a key.
    const fn is_template(&self) -> bool {
        self.rewrite.is_template()
    }

    /// The JSON in the body of a success response, or made of it.
    fn json<'b>(&self, body: Body<'b>) -> Result<Cow<'b, [u8]>, Box<Report>> {
        let DecodePlan { rewrite, rows, media_type, .. } = &self.plan;
        let found = self.rewrite.json(rewrite, rows, body, media_type.as_deref());
        found.map_err(|problem| match problem {
            Unread::Form(found) => self.not_json(&found, body.bytes),
            Unread::Rewrite(what) => self.unexpected(&what, body.bytes, UNEXPECTED_HELP),
        })
    }

    fn report(&self, failure: envelope::Failure, body: Body<'_>) -> Box<Report> {
        let method = &self.plan.method;
        match failure {
            envelope::Failure::Value { column, expected, found, row } => Box::new(
                Report::new(
                    Code::BadRemoteValue,
                    format!(
                        "row {row} of the response to `{method}` has `{found}` in `{column}`, which should be {expected}"
                    ),
                )
                .with_help("`SET on_mismatch = 'null'` reads such values as NULL and counts them"),
            ),
            envelope::Failure::Body(what) => self.unexpected(&what, body.bytes, UNEXPECTED_HELP),
            envelope::Failure::Syntax(what) if self.rewrite.is_template() => {
                let what = format!("becomes no JSON by the template of its document: {what}");
                self.unexpected(&what, body.bytes, UNEXPECTED_HELP)
            }
            envelope::Failure::Syntax(what) => {
                let found = body.not_json(&what, self.plan.media_type.as_deref());
                self.not_json(&found, body.bytes)
            }
            envelope::Failure::RepeatedKey => {
                self.unexpected("names a key twice", body.bytes, UNEXPECTED_HELP)
            }
            envelope::Failure::Batch(error) => Box::new(Report::internal(format!(
                "a page of `{method}` could not be assembled: {error}"
            ))),
        }
    }

    fn not_json(&self, found: &NotJson, body: &[u8]) -> Box<Report> {
        self.unexpected(&found.to_string(), body, found.help())
    }

    fn unexpected(&self, what: &str, body: &[u8], help: &str) -> Box<Report> {
        let message = format!("the response to `{}` {what}", self.plan.method);
        Box::new(
            Report::new(Code::UnexpectedBody, message)
                .with_note(format!("the body begins with `{}`", excerpt(body)))
                .with_help(help),
        )
    }
}

/// The first characters of a body, on one line.
pub(crate) fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(400)]);
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(120) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests;
