//! The exact output of every format, through the public interface.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use arrow_array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray};
use arrow_schema::{Field, Schema};
use strataql_diag::Code;
use strataql_output::{Begin, Format, Options, is_broken_pipe, writer};

/// A sink that can be read while the writer owns it.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn bytes(&self) -> Vec<u8> {
        self.0.lock().expect("no panic while held").clone()
    }

    fn text(&self) -> String {
        String::from_utf8(self.bytes()).expect("UTF-8")
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic while held").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Set {
    schema: Arc<Schema>,
    labels: Vec<String>,
    batch: RecordBatch,
}

fn set(columns: Vec<(&str, &str, ArrayRef)>) -> Set {
    let labels = columns.iter().map(|(label, ..)| (*label).to_owned()).collect();
    let fields: Vec<Field> = columns
        .iter()
        .map(|(label, extension, array)| {
            let field = Field::new(*label, array.data_type().clone(), true);
            match *extension {
                "" => field,
                name => field.with_metadata(HashMap::from([(
                    "ARROW:extension:name".to_owned(),
                    name.to_owned(),
                )])),
            }
        })
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let arrays = columns.into_iter().map(|(.., array)| array).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays).expect("a batch");
    Set { schema, labels, batch }
}

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

/// Integrations as a control plane lists them.
fn integrations() -> Set {
    set(vec![
        ("name", "", texts(&[Some("Power BI"), Some("日本 \"表\""), None])),
        (
            "created_by",
            "",
            Arc::new(Int64Array::from(vec![Some(1_234_567_890_123), Some(-7), None])),
        ),
        ("enabled", "", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]))),
        (
            "policy",
            "arrow.json",
            texts(&[Some("{\"ttl\": 60, \"ids\": [1, 2]}"), Some("not json"), Some("")]),
        ),
    ])
}

fn write_with(format: Format, options: Options, sets: &[&Set]) -> Shared {
    let shared = Shared::default();
    let mut writer = writer(format, Box::new(shared.clone()), options);
    for set in sets {
        writer.start(&set.schema, &set.labels).expect("started");
        writer.batch(&set.batch).expect("written");
        writer.finish().expect("finished");
    }
    shared
}

fn written(format: Format, sets: &[&Set]) -> String {
    write_with(format, Options::default(), sets).text()
}

fn lines(lines: &[&str]) -> String {
    lines.iter().flat_map(|line| [*line, "\n"]).collect()
}

#[test]
fn jsonl_is_one_object_per_line() {
    assert_eq!(
        written(Format::Jsonl, &[&integrations()]),
        lines(&[
            r#"{"name":"Power BI","created_by":1234567890123,"enabled":true,"policy":{"ttl":60,"ids":[1,2]}}"#,
            r#"{"name":"日本 \"表\"","created_by":-7,"enabled":null,"policy":"not json"}"#,
            r#"{"name":null,"created_by":null,"enabled":false,"policy":""}"#,
        ])
    );
}

#[test]
fn json_is_one_array_per_result_set() {
    let set = set(vec![("id", "", Arc::new(Int64Array::from(vec![1, 2])))]);
    assert_eq!(
        written(Format::Json, &[&set, &set]),
        lines(&[
            "[",
            r#"  {"id":1},"#,
            r#"  {"id":2}"#,
            "]",
            "[",
            r#"  {"id":1},"#,
            r#"  {"id":2}"#,
            "]"
        ])
    );
}

#[test]
fn csv_tells_null_from_empty() {
    assert_eq!(
        written(Format::Csv, &[&integrations()]),
        lines(&[
            "name,created_by,enabled,policy",
            r#"Power BI,1234567890123,true,"{""ttl"": 60, ""ids"": [1, 2]}""#,
            r#""日本 ""表""",-7,,not json"#,
            r#",,false,"""#,
        ])
    );
    let options = Options {
        null: Some("NULL".to_owned()),
        delimiter: Some(';'),
        header: Some(false),
        ..Options::default()
    };
    let set = set(vec![
        ("a", "", texts(&[Some("NULL"), Some("x;y"), Some("x,y")])),
        ("b", "", texts(&[None, Some("=1+1"), Some("two\nlines")])),
    ]);
    assert_eq!(
        write_with(Format::Csv, options, &[&set]).text(),
        "\"NULL\";NULL\n\"x;y\";=1+1\nx,y;\"two\nlines\"\n"
    );
}

#[test]
fn text_is_tab_separated_and_one_line_per_row() {
    let set = set(vec![
        ("a", "", texts(&[Some("one\ttwo\nthree"), None, Some("C:\\new")])),
        ("b", "", texts(&[Some("x"), Some(""), Some("\u{1b}[1m")])),
    ]);
    assert_eq!(
        written(Format::Text, &[&set]),
        lines(&["one\\ttwo\\nthree\tx", "\t", "C:\\new\t\u{1b}[1m"])
    );
    let options = Options { header: Some(true), terminal: true, ..Options::default() };
    let shown = write_with(Format::Text, options, &[&set]).text();
    assert!(shown.starts_with("a\tb\n"), "{shown}");
    assert!(shown.ends_with("\t␛[1m\n"), "{shown}");
}

#[test]
fn markdown_escapes_what_would_end_a_cell() {
    let set = set(vec![
        ("na|me", "", texts(&[Some("a|b\\|c"), None, Some("<b>\ntwo")])),
        ("id", "", Arc::new(Int64Array::from(vec![1, 2, 3]))),
    ]);
    assert_eq!(
        written(Format::Markdown, &[&set]),
        lines(&[
            "| na\\|me | id |",
            "| --- | ---: |",
            "| a\\|b\\\\\\|c | 1 |",
            "| NULL | 2 |",
            "| \\<b><br>two | 3 |",
        ])
    );
}

#[test]
fn tables_align_numbers_right_and_know_wide_characters() {
    assert_eq!(
        written(Format::Table, &[&integrations()]),
        lines(&[
            "name          created_by  enabled  policy",
            "─────────  ─────────────  ───────  ──────────────────────────",
            "Power BI   1234567890123  true     {\"ttl\": 60, \"ids\": [1, 2]}",
            "日本 \"表\"             -7  NULL     not json",
            "NULL                NULL  false",
        ])
    );
}

#[test]
fn terminals_get_dim_nulls_and_shortened_cells() {
    let long = "x".repeat(100);
    let set = set(vec![
        ("id", "", Arc::new(Int64Array::from(vec![Some(1), None]))),
        ("text", "", texts(&[Some(&long), None])),
    ]);
    let options = Options { terminal: true, color: true, width: Some(120), ..Options::default() };
    assert_eq!(
        write_with(Format::Table, options.clone(), &[&set]).text(),
        lines(&[
            "  id  text",
            &format!("────  {}", "─".repeat(60)),
            &format!("   1  {}…", "x".repeat(59)),
            "\u{1b}[2mNULL\u{1b}[0m  \u{1b}[2mNULL\u{1b}[0m",
            "\u{1b}[2m(2 rows; 1 cell cut: end the statement with \\G to see all)\u{1b}[0m",
        ])
    );
    let narrow = Options { width: Some(20), color: false, ..options };
    assert_eq!(
        write_with(Format::Table, narrow, &[&set]).text(),
        lines(&[
            "  id  text",
            "────  ──────────────",
            "   1  xxxxxxxxxxxxx…",
            "NULL  NULL",
            "(2 rows; 1 cell cut: end the statement with \\G to see all)",
        ])
    );
    assert!(written(Format::Table, &[&set]).contains(&long));
}

#[test]
fn columns_without_room_are_named() {
    let column = || texts(&[Some("0123456789"), None]);
    let set = set(vec![("a", "", column()), ("b", "", column()), ("c", "", column())]);
    let options = Options { terminal: true, width: Some(16), ..Options::default() };
    assert_eq!(
        write_with(Format::Table, options, &[&set]).text(),
        lines(&[
            "a         +2 …",
            "────────  ────",
            "0123456…  …",
            "NULL      …",
            "(2 rows; 2 columns left out, 1 cell cut: end the statement with \\G to see all)",
        ])
    );
}

#[test]
fn escape_sequences_never_reach_a_reader_of_tables() {
    let set = set(vec![(
        "na\u{1b}]0;me",
        "",
        texts(&[Some("\u{1b}[2J\u{9b}31m\rrm -rf\u{202e}\u{7}\nx")]),
    )]);
    for format in [Format::Table, Format::Markdown, Format::Json, Format::Jsonl] {
        let shown = written(format, &[&set]);
        let bad = |c: char| c.is_control() && c != '\n';
        assert!(!shown.contains(bad), "{format}: {shown:?}");
    }
    assert_eq!(
        written(Format::Table, &[&set]),
        lines(&["na␛]0;me", &"─".repeat(19), "␛[2J�31m␍rm -rf�␇⏎x"])
    );
    for format in [Format::Csv, Format::Text] {
        let options = Options { terminal: true, ..Options::default() };
        let shown = write_with(format, options, &[&set]).text();
        assert!(!shown.contains('\u{1b}') && !shown.contains('\u{9b}'), "{format}: {shown:?}");
    }
}

#[test]
fn repeated_labels_are_made_unique_only_where_they_are_keys() {
    let mut set = set(vec![("x", "", texts(&[Some("1")])), ("y", "", texts(&[Some("2")]))]);
    set.labels = vec!["name".to_owned(), "name".to_owned()];
    assert_eq!(written(Format::Jsonl, &[&set]), "{\"name\":\"1\",\"name_2\":\"2\"}\n");
    assert_eq!(written(Format::Csv, &[&set]), "name,name\n1,2\n");
    assert!(written(Format::Table, &[&set]).starts_with("name  name\n"));
    let (names, _) = read_arrow(write_with(Format::Arrow, Options::default(), &[&set]).bytes());
    assert_eq!(names, ["name", "name_2"]);
    let (names, _) = read_parquet(write_with(Format::Parquet, Options::default(), &[&set]).bytes());
    assert_eq!(names, ["name", "name_2"]);
}

#[test]
fn results_without_rows_keep_their_heading() {
    let set = set(vec![("id", "", Arc::new(Int64Array::from(Vec::<i64>::new())))]);
    assert_eq!(written(Format::Table, &[&set]), "id\n──\n");
    assert_eq!(written(Format::Markdown, &[&set]), "| id |\n| ---: |\n");
    assert_eq!(written(Format::Csv, &[&set]), "id\n");
    assert_eq!(written(Format::Text, &[&set]), "");
    assert_eq!(written(Format::Json, &[&set]), "[]\n");
    assert_eq!(written(Format::Jsonl, &[&set]), "");
    let (names, rows) = read_arrow(write_with(Format::Arrow, Options::default(), &[&set]).bytes());
    assert_eq!((names, count(&rows)), (vec!["id".to_owned()], 0));
    let (names, rows) =
        read_parquet(write_with(Format::Parquet, Options::default(), &[&set]).bytes());
    assert_eq!((names, count(&rows)), (vec!["id".to_owned()], 0));
}

#[test]
fn several_tables_are_set_apart() {
    let set = set(vec![("id", "", Arc::new(Int64Array::from(vec![1])))]);
    assert_eq!(written(Format::Table, &[&set, &set]), "id\n──\n 1\n\nid\n──\n 1\n");
    let shown = written(Format::Markdown, &[&set, &set]);
    assert_eq!(shown.matches("\n\n| id |").count(), 1, "{shown}");
}

#[test]
fn only_streaming_formats_print_before_the_end() {
    let set = integrations();
    // a report of checks is written when the run ends
    for format in Format::ALL.into_iter().filter(|format| *format != Format::Junit) {
        for spool_bytes in [64 << 20, 16] {
            let shared = Shared::default();
            let options = Options { spool_bytes, ..Options::default() };
            let mut writer = writer(format, Box::new(shared.clone()), options);
            writer.start(&set.schema, &set.labels).expect("started");
            writer.batch(&set.batch).expect("written");
            assert_eq!(!shared.bytes().is_empty(), format.is_streaming(), "{format}");
            writer.batch(&set.batch).expect("written");
            writer.finish().expect("finished");
            assert!(!shared.bytes().is_empty(), "{format}");
        }
    }
}

#[test]
fn a_spool_on_disk_gives_the_same_bytes() {
    let set = integrations();
    for format in [Format::Table, Format::Markdown, Format::Json, Format::Arrow] {
        let small = Options { spool_bytes: 16, ..Options::default() };
        assert_eq!(
            write_with(format, small, &[&set]).bytes(),
            write_with(format, Options::default(), &[&set]).bytes(),
            "{format}"
        );
    }
}

#[test]
fn arrow_and_parquet_give_back_the_rows_and_take_one_set() {
    let set = integrations();
    let (names, rows) = read_arrow(write_with(Format::Arrow, Options::default(), &[&set]).bytes());
    assert_eq!(names, set.labels);
    assert_eq!(rows[0].columns(), set.batch.columns());
    let (names, rows) =
        read_parquet(write_with(Format::Parquet, Options::default(), &[&set]).bytes());
    assert_eq!(names, set.labels);
    assert_eq!(rows[0].columns(), set.batch.columns());
    assert_eq!(
        rows[0].schema().field(3).metadata().get("ARROW:extension:name").map(String::as_str),
        Some("arrow.json")
    );
    for format in [Format::Arrow, Format::Parquet] {
        let mut writer = writer(format, Box::new(io::sink()), Options::default());
        writer.start(&set.schema, &set.labels).expect("started");
        writer.finish().expect("finished");
        let report = writer.start(&set.schema, &set.labels).expect_err("a second one");
        assert_eq!(report.code, Code::Usage);
        assert!(report.message.contains(format.name()));
    }
}

#[test]
fn a_closed_pipe_is_recognised() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let set = integrations();
    for format in Format::ALL {
        let mut writer = writer(format, Box::new(Closed), Options::default());
        let mut run = || {
            let (kind, text) = ("SELECT", "SELECT 1");
            let (number, line) = (1, 1);
            writer.begin(&Begin {
                number,
                kind,
                text,
                line,
                file: None,
                is_check: true,
                title: None,
            })?;
            writer.start(&set.schema, &set.labels)?;
            writer.batch(&set.batch)?;
            writer.finish()?;
            writer.close(0)
        };
        let report = run().expect_err("nobody reads");
        assert!(is_broken_pipe(&report), "{format}: {report:?}");
    }
}

#[test]
fn rows_outside_a_result_set_are_a_defect() {
    let set = integrations();
    for format in Format::ALL {
        let mut writer = writer(format, Box::new(io::sink()), Options::default());
        assert_eq!(writer.batch(&set.batch).expect_err("not started").code, Code::Internal);
        assert_eq!(writer.finish().expect_err("not started").code, Code::Internal);
    }
}

fn count(batches: &[RecordBatch]) -> usize {
    batches.iter().map(RecordBatch::num_rows).sum()
}

fn read_arrow(bytes: Vec<u8>) -> (Vec<String>, Vec<RecordBatch>) {
    let reader = arrow_ipc::reader::StreamReader::try_new(io::Cursor::new(bytes), None)
        .expect("an Arrow stream");
    let names = reader.schema().fields().iter().map(|field| field.name().clone()).collect();
    (names, reader.map(|batch| batch.expect("a batch")).collect())
}

fn read_parquet(bytes: Vec<u8>) -> (Vec<String>, Vec<RecordBatch>) {
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rows.parquet");
    std::fs::write(&path, bytes).expect("written");
    let file = std::fs::File::open(&path).expect("there");
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).expect("a Parquet file");
    let names = builder.schema().fields().iter().map(|field| field.name().clone()).collect();
    let reader = builder.build().expect("a reader");
    (names, reader.map(|batch| batch.expect("a batch")).collect())
}

#[test]
fn marked_results_become_blocks_where_they_do_not_fit() {
    let url = format!("https://api.example.com/{}", "x".repeat(80));
    let set = set(vec![
        ("step", "", Arc::new(Int64Array::from(vec![1, 2]))),
        ("url", "", texts(&[Some(&url), Some("y")])),
        ("local", "", texts(&[None, Some("sort")])),
    ]);
    let metadata = HashMap::from([(strataql_output::BLOCKS.to_owned(), "1".to_owned())]);
    let marked = Set {
        schema: Arc::new(set.schema.as_ref().clone().with_metadata(metadata)),
        labels: set.labels.clone(),
        batch: set.batch.clone(),
    };
    let options = Options { terminal: true, width: Some(60), ..Options::default() };
    assert_eq!(
        write_with(Format::Table, options.clone(), &[&marked]).text(),
        lines(&[
            "step     1",
            &format!("  url    {url}"),
            "",
            "step     2",
            "  url    y",
            "  local  sort",
        ])
    );
    let wide = Options { width: Some(200), ..options.clone() };
    assert!(write_with(Format::Table, wide, &[&marked]).text().contains(&url));
    assert!(!write_with(Format::Table, options, &[&set]).text().contains(&url));
}

#[test]
fn marked_texts_are_printed_as_lines_to_copy() {
    let set = set(vec![("statement", "", texts(&[Some("DELETE FROM t\n;"), Some("a\u{1b}b")]))]);
    let metadata = HashMap::from([(strataql_output::LINES.to_owned(), "1".to_owned())]);
    let marked = Set {
        schema: Arc::new(set.schema.as_ref().clone().with_metadata(metadata)),
        labels: set.labels.clone(),
        batch: set.batch.clone(),
    };
    assert_eq!(
        write_with(Format::Table, Options::default(), &[&marked]).text(),
        lines(&["DELETE FROM t", ";", "", "a␛b"])
    );
    assert!(
        write_with(Format::Csv, Options::default(), &[&marked]).text().starts_with("statement")
    );
}
