//! Output formats: one result in eight formats.

use std::path::Path;

use arrow::array::RecordBatch;
use arrow::ipc::reader::{FileReader, StreamReader};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value as Json;

use crate::process::{Home, exec};

const LABELS: [&str; 3] = ["name", "app_id", "ttl"];

/// The statement that a newcomer begins with.
pub(crate) const ACCEPTANCE: &str = "SELECT name, app_id, token_access_policy.access_token_ttl_in_minutes AS ttl \
     FROM databricks_account.oauth2.published_app_integration WHERE account_id = 'a1'";

/// Its rows: texts, `None` for NULL.
type Rows = Vec<Vec<Option<String>>>;

fn printed(format: &str) -> String {
    exec(&["--sandbox", ACCEPTANCE, "-o", format]).success()
}

fn from_objects<'a>(objects: impl Iterator<Item = &'a Json>) -> Rows {
    objects
        .map(|object| {
            let keys: Vec<&str> =
                object.as_object().expect("an object").keys().map(String::as_str).collect();
            assert_eq!(keys, LABELS, "in the order of the SELECT list");
            assert!(object["ttl"].is_number() || object["ttl"].is_null(), "a number: {object}");
            LABELS.map(|label| match &object[label] {
                Json::Null => None,
                Json::String(text) => Some(text.clone()),
                other => Some(other.to_string()),
            })
        })
        .map(Vec::from)
        .collect()
}

/// The rows as one object per line has them; every other format must hold the same.
fn expected() -> Rows {
    let text = printed("jsonl");
    let objects: Vec<Json> =
        text.lines().map(|line| serde_json::from_str(line).expect("an object")).collect();
    let rows = from_objects(objects.iter());
    assert_eq!(rows.len(), 7);
    assert!(rows.iter().any(|row| row[2].is_none()), "one has no policy: {rows:?}");
    rows
}

fn with_null(rows: &Rows, null: &str) -> Vec<Vec<String>> {
    rows.iter()
        .map(|row| row.iter().map(|cell| cell.clone().unwrap_or_else(|| null.to_owned())).collect())
        .collect()
}

fn split(line: &str, separator: &str) -> Vec<String> {
    line.split(separator).map(|cell| cell.trim().to_owned()).collect()
}

#[test]
fn json_is_one_array_of_objects() {
    let text = printed("json");
    let value: Json = serde_json::from_str(&text).expect("one document");
    assert_eq!(from_objects(value.as_array().expect("an array").iter()), expected());
}

#[test]
fn csv_has_a_header_and_empty_nulls() {
    let text = printed("csv");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("name,app_id,ttl"));
    let rows: Vec<Vec<String>> = lines.map(|line| split(line, ",")).collect();
    assert_eq!(rows, with_null(&expected(), ""));
}

#[test]
fn text_is_cells_between_tabs() {
    let rows: Vec<Vec<String>> = printed("text").lines().map(|line| split(line, "\t")).collect();
    assert_eq!(rows, with_null(&expected(), ""));
}

#[test]
fn tables_have_one_header_one_rule_and_a_line_per_row() {
    let text = printed("table");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 9);
    assert_eq!(lines[0].split_whitespace().collect::<Vec<_>>(), LABELS);
    assert!(lines[1].chars().all(|c| c == '─' || c == ' '), "{}", lines[1]);
    let rows: Vec<Vec<String>> = lines[2..]
        .iter()
        .map(|line| line.split_whitespace().map(str::to_owned).collect())
        .collect();
    assert_eq!(rows, with_null(&expected(), "NULL"));
    let columns: Vec<usize> = lines.iter().map(|line| line.chars().count()).collect();
    assert!(
        columns.iter().all(|width| *width <= columns[1]),
        "columns stand below each other: {text}"
    );
    assert!(!text.contains('\u{1b}'), "no colours into a pipe");
}

#[test]
fn markdown_is_a_table() {
    let text = printed("markdown");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0].replace(' ', ""), "|name|app_id|ttl|");
    assert!(lines[1].chars().all(|c| "|-: ".contains(c)), "{}", lines[1]);
    let rows: Vec<Vec<String>> =
        lines[2..].iter().map(|line| split(line.trim_matches('|'), "|")).collect();
    assert_eq!(rows.len(), 7);
    assert_eq!(rows[0][..2], with_null(&expected(), "NULL")[0][..2]);
}

fn from_batches(batches: &[RecordBatch]) -> Rows {
    let mut rows = Rows::new();
    for batch in batches {
        let names: Vec<String> =
            batch.schema().fields().iter().map(|field| field.name().clone()).collect();
        assert_eq!(names, LABELS);
        for row in 0..batch.num_rows() {
            let cells = batch.columns().iter().map(|column| {
                let text = arrow::util::display::array_value_to_string(column, row).expect("shown");
                (!column.is_null(row)).then_some(text)
            });
            rows.push(cells.collect());
        }
    }
    rows
}

#[test]
fn arrow_is_an_ipc_stream_or_file() {
    let home = Home::new();
    let piped = home.run(&["--sandbox", ACCEPTANCE, "-o", "arrow"]);
    assert_eq!(piped.exit, Some(0), "{}", piped.err);
    assert_eq!(read_arrow(piped.bytes), expected());
    let file = home.path().join("out.arrow");
    let name = file.to_str().expect("text");
    assert_eq!(home.run(&["--sandbox", ACCEPTANCE, "-o", "arrow", "-f", name]).success(), "");
    assert_eq!(read_arrow(std::fs::read(&file).expect("written")), expected());
}

fn read_arrow(bytes: Vec<u8>) -> Rows {
    let is_file = bytes.starts_with(b"ARROW1");
    let cursor = std::io::Cursor::new(bytes);
    let batches: Vec<RecordBatch> = if is_file {
        FileReader::try_new(cursor, None)
            .expect("a file")
            .map(|batch| batch.expect("a batch"))
            .collect()
    } else {
        StreamReader::try_new(cursor, None)
            .expect("a stream")
            .map(|batch| batch.expect("a batch"))
            .collect()
    };
    from_batches(&batches)
}

#[test]
fn parquet_is_a_parquet_file() {
    let home = Home::new();
    let file = home.path().join("out.parquet");
    let name = file.to_str().expect("text");
    assert_eq!(home.run(&["--sandbox", ACCEPTANCE, "-o", "parquet", "-f", name]).success(), "");
    assert_eq!(read_parquet(&file), expected());
}

fn read_parquet(path: &Path) -> Rows {
    let file = std::fs::File::open(path).expect("written");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).and_then(|builder| builder.build());
    let batches: Vec<RecordBatch> =
        reader.expect("readable").map(|batch| batch.expect("a batch")).collect();
    from_batches(&batches)
}

#[test]
fn nested_values_are_json_in_json_and_text_elsewhere() {
    let sql = "SELECT token_access_policy FROM databricks_account.oauth2.published_app_integration WHERE account_id = 'a1' LIMIT 1";
    let line: Json = serde_json::from_str(&exec(&["--sandbox", sql, "-o", "jsonl"]).success())
        .expect("an object");
    assert!(line["token_access_policy"]["access_token_ttl_in_minutes"].is_number(), "{line}");
    let text = exec(&["--sandbox", sql, "-o", "text"]).success();
    let value: Json = serde_json::from_str(text.trim()).expect("JSON text");
    assert_eq!(value, line["token_access_policy"]);
}

#[test]
fn binary_formats_hold_one_result() {
    for format in ["arrow", "parquet"] {
        let ended = exec(&["-o", format, "SELECT 1 AS a; SELECT 2 AS a"]);
        ended.failed("usage", 2, &[format]);
    }
}

#[test]
fn results_without_rows_still_have_their_columns() {
    let sql = "SELECT 1 AS a, 'x' AS b WHERE false";
    assert_eq!(exec(&[sql, "-o", "csv"]).success(), "a,b\n");
    assert_eq!(exec(&[sql, "-o", "jsonl"]).success(), "");
    assert_eq!(exec(&[sql, "-o", "json"]).success().trim(), "[]");
    assert_eq!(exec(&[sql, "-o", "text"]).success(), "");
    assert!(exec(&[sql]).success().starts_with("a  b\n"));
}
