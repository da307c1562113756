//! Properties of all values: JSON lines and CSV parse back, text has one line per row.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use proptest::prelude::*;
use serde_json::Value;
use strataql_output::{Format, Options, writer};

type Row = (Option<String>, Option<i64>, Option<f64>, Option<String>);

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic while held").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The rows in batches of three, written in a format.
fn written(format: Format, rows: &[Row]) -> String {
    let fields = vec![
        Field::new("a", DataType::Utf8, true),
        Field::new("b", DataType::Int64, true),
        Field::new("c", DataType::Float64, true),
        Field::new("d", DataType::Utf8, true),
    ];
    let schema = Arc::new(Schema::new(fields));
    let labels: Vec<String> = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
    let shared = Shared::default();
    let mut writer = writer(format, Box::new(shared.clone()), Options::default());
    writer.start(&schema, &labels).expect("started");
    for rows in rows.chunks(3) {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(rows.iter().map(|row| row.0.clone()).collect::<StringArray>()),
            Arc::new(rows.iter().map(|row| row.1).collect::<Int64Array>()),
            Arc::new(rows.iter().map(|row| row.2).collect::<Float64Array>()),
            Arc::new(rows.iter().map(|row| row.3.clone()).collect::<StringArray>()),
        ];
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns).expect("a batch");
        writer.batch(&batch).expect("written");
    }
    writer.finish().expect("finished");
    let bytes = shared.0.lock().expect("no panic while held").clone();
    String::from_utf8(bytes).expect("UTF-8")
}

/// RFC 4180, distinguishing a quoted empty field from an empty one.
fn read_csv(text: &str) -> Vec<Vec<Option<String>>> {
    let (mut rows, mut row, mut chars) = (Vec::new(), Vec::new(), text.chars().peekable());
    while chars.peek().is_some() {
        let mut field = String::new();
        let is_quoted = chars.next_if_eq(&'"').is_some();
        loop {
            if !is_quoted && matches!(chars.peek(), Some(',' | '\n')) {
                break;
            }
            match chars.next() {
                Some('"') if is_quoted => {
                    if chars.next_if_eq(&'"').is_none() {
                        break;
                    }
                    field.push('"');
                }
                Some(c) => field.push(c),
                None => break,
            }
        }
        row.push((is_quoted || !field.is_empty()).then_some(field));
        if chars.next() == Some('\n') {
            rows.push(std::mem::take(&mut row));
        }
    }
    rows
}

fn hard_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[,\"\n\r\t\\\\ =|\u{0}-\u{1f}\u{7f}-\u{a0}é日]{0,8}",
        Just(String::new()),
        Just("NULL".to_owned()),
    ]
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let row = (
        prop::option::of(hard_text()),
        prop::option::of(any::<i64>()),
        prop::option::of(prop::num::f64::NORMAL | prop::num::f64::ZERO | prop::num::f64::NEGATIVE),
        prop::option::of(hard_text()),
    );
    prop::collection::vec(row, 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn json_lines_parse_back(rows in rows()) {
        let text = written(Format::Jsonl, &rows);
        prop_assert_eq!(text.lines().count(), rows.len());
        for (line, row) in text.lines().zip(&rows) {
            let value: Value = serde_json::from_str(line).expect("valid JSON");
            prop_assert_eq!(value["a"].as_str(), row.0.as_deref());
            prop_assert_eq!(value["b"].as_i64(), row.1);
            // serde_json reads floats to within one unit of the last place
            match (value["c"].as_f64(), row.2) {
                (Some(read), Some(had)) => prop_assert!((read - had).abs() <= had.abs() * 1e-15),
                (read, had) => prop_assert_eq!(read, had),
            }
            prop_assert_eq!(value["d"].as_str(), row.3.as_deref());
        }
        let all: Vec<Value> =
            serde_json::from_str(&written(Format::Json, &rows)).expect("valid JSON");
        let lines: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("valid JSON")).collect();
        prop_assert_eq!(all, lines);
    }

    #[test]
    fn csv_reads_back(rows in rows()) {
        let read = read_csv(&written(Format::Csv, &rows));
        prop_assert_eq!(read.len(), rows.len() + 1);
        for (read, row) in read[1..].iter().zip(&rows) {
            prop_assert_eq!(&read[0], &row.0);
            prop_assert_eq!(read[1].as_ref().map(|b| b.parse::<i64>().expect("whole")), row.1);
            prop_assert_eq!(read[2].as_ref().map(|c| c.parse::<f64>().expect("a number")), row.2);
            prop_assert_eq!(&read[3], &row.3);
        }
    }

    #[test]
    fn text_and_tables_keep_one_line_per_row(rows in rows()) {
        let text = written(Format::Text, &rows);
        prop_assert_eq!(text.matches('\n').count(), rows.len());
        prop_assert!(text.lines().all(|line| line.matches('\t').count() == 3));
        let table = written(Format::Table, &rows);
        prop_assert_eq!(table.matches('\n').count(), rows.len() + 2);
        prop_assert!(!table.contains(|c: char| c.is_control() && c != '\n'));
    }
}
