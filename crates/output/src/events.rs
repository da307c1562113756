//! Everything that happens in a run, one JSON object per line.
//!
//! Owns: the `events` output: `start`, `columns`, `row`, `note`, `warning`, `error`, `end` of each
//! statement with its number, and `exit` at the end.
//! Surprise: notes and errors are part of the output, so that a program reads one stream in order.

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use serde_json::{Value, json};
use strataql_diag::Result;

use crate::cells::columns;
use crate::json::Objects;
use crate::labels::unique;
use crate::run::{Begin, End, Status};
use crate::types::sql_type;
use crate::writer::{ResultWriter, Sink, drain, drain_if_large, out_of_order};

/// Writes events as they happen.
pub(crate) struct Events {
    sink: Sink,
    buffer: Vec<u8>,
    /// The statement that runs; none before the first and after the last.
    statement: Option<usize>,
    objects: Option<Objects>,
    ended: u64,
    failed: u64,
}

impl Events {
    pub(crate) fn new(sink: Sink) -> Self {
        Self { sink, buffer: Vec::new(), statement: None, objects: None, ended: 0, failed: 0 }
    }

    /// Writes one event; `fields` is an object.
    fn write(&mut self, event: &str, fields: Value) -> Result<()> {
        let mut object = serde_json::Map::new();
        object.insert("event".to_owned(), event.into());
        object.insert("statement".to_owned(), self.statement.into());
        if let Value::Object(fields) = fields {
            object.extend(fields);
        }
        self.buffer.extend_from_slice(Value::Object(object).to_string().as_bytes());
        self.buffer.push(b'\n');
        drain(&mut self.buffer, &mut self.sink)
    }
}

impl ResultWriter for Events {
    fn start(&mut self, schema: &Schema, labels: &[String]) -> Result<()> {
        self.objects = Some(Objects::new(schema, labels));
        let columns: Vec<Value> = schema
            .fields()
            .iter()
            .zip(unique(labels))
            .map(|(field, name)| json!({ "name": name, "type": sql_type(field) }))
            .collect();
        self.write("columns", json!({ "columns": columns }))
    }

    fn batch(&mut self, batch: &RecordBatch) -> Result<()> {
        let objects = self.objects.as_ref().ok_or_else(out_of_order)?;
        let columns = columns(objects.schema(), batch)?;
        let mut head = b"{\"event\":\"row\",\"statement\":".to_vec();
        match self.statement {
            Some(number) => head.extend_from_slice(number.to_string().as_bytes()),
            None => head.extend_from_slice(b"null"),
        }
        head.extend_from_slice(b",\"row\":");
        for row in 0..batch.num_rows() {
            self.buffer.extend_from_slice(&head);
            objects.push(&columns, row, &mut self.buffer)?;
            self.buffer.extend_from_slice(b"}\n");
            drain_if_large(&mut self.buffer, &mut self.sink)?;
        }
        drain(&mut self.buffer, &mut self.sink)
    }

    fn finish(&mut self) -> Result<()> {
        self.objects.take().ok_or_else(out_of_order).map(drop)
    }

    fn begin(&mut self, statement: &Begin<'_>) -> Result<()> {
        self.statement = Some(statement.number);
        self.write(
            "start",
            json!({ "kind": statement.kind, "line": statement.line, "text": statement.text }),
        )
    }

    fn tell(&mut self, message: &Value) -> Result<bool> {
        let severity = message.get("severity").and_then(Value::as_str).unwrap_or("note");
        let severity = severity.to_owned();
        let mut fields = message.clone();
        if let Some(fields) = fields.as_object_mut() {
            fields.remove("severity");
        }
        self.write(&severity, fields).map(|()| true)
    }

    fn end(&mut self, end: &End<'_>) -> Result<()> {
        // what a failed statement has printed of its result ends here
        self.objects = None;
        self.ended += 1;
        self.failed += u64::from(end.status == Status::Failed);
        let fields = json!({
            "status": end.status.name(),
            "rows": end.rows,
            "affected": end.affected,
            "complete": end.complete && end.status == Status::Done,
            "requests": end.requests,
            "pages": end.pages,
            "bytes": end.bytes,
            "seconds": end.duration.as_secs_f64(),
        });
        self.write("end", fields)?;
        self.statement = None;
        Ok(())
    }

    fn close(&mut self, exit: u8) -> Result<()> {
        self.statement = None;
        let fields = json!({ "code": exit, "statements": self.ended, "failed": self.failed });
        self.write("exit", fields)
    }
}
