//! Layouts in which nothing is cut, and formats that report a run.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use strataql_diag::{Code, Report};
use strataql_output::{Begin, End, Format, Options, RECORDS, ResultWriter, Status, WHOLE, writer};

/// A sink that can be read while the writer owns it.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("no panic while held").clone()).expect("UTF-8")
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

/// Rows with an identifier and a text.
fn rows(texts: &[Option<&str>]) -> RecordBatch {
    let ids = (1..).take(texts.len()).collect::<Vec<i64>>();
    let columns: Vec<ArrayRef> =
        vec![Arc::new(Int64Array::from(ids)), Arc::new(StringArray::from(texts.to_vec()))];
    let schema = Schema::new(vec![
        Field::new("id", DataType::Int64, true),
        Field::new("secret_text", DataType::Utf8, true),
    ]);
    RecordBatch::try_new(Arc::new(schema), columns).expect("a batch")
}

fn put(writer: &mut dyn ResultWriter, batch: &RecordBatch, mark: Option<&str>) {
    let mut schema = batch.schema().as_ref().clone();
    if let Some(mark) = mark {
        schema.metadata.insert(mark.to_owned(), "1".to_owned());
    }
    let labels: Vec<String> = schema.fields().iter().map(|field| field.name().to_owned()).collect();
    writer.start(&schema, &labels).expect("started");
    writer.batch(batch).expect("written");
    writer.finish().expect("finished");
}

fn table(batch: &RecordBatch, width: Option<usize>, mark: Option<&str>) -> String {
    let shared = Shared::default();
    let options = Options { terminal: width.is_some(), width, ..Options::default() };
    put(&mut *writer(Format::Table, Box::new(shared.clone()), options), batch, mark);
    shared.text()
}

#[test]
fn vertical_has_a_line_per_value() {
    let shared = Shared::default();
    let mut writer = writer(Format::Vertical, Box::new(shared.clone()), Options::default());
    put(&mut *writer, &rows(&[Some("a\nb"), None]), None);
    put(&mut *writer, &rows(&[]), None);
    assert_eq!(
        shared.text(),
        "─ 1 ────────────────────\nid           1\nsecret_text  a⏎b\n\
         ─ 2 ────────────────────\nid           2\nsecret_text  NULL\n\n(no rows)\n"
    );
}

#[test]
fn what_must_not_be_cut_becomes_records() {
    let long = "x".repeat(100);
    let two = rows(&[Some(&long), Some("y")]);
    let whole = table(&two, Some(80), Some(WHOLE));
    assert!(whole.contains(&long) && whole.contains("─ 2 ─"), "{whole}");
    assert!(whole.ends_with("(2 rows)\n"), "{whole}");
    // with room for all of it a table is a table, however wide its cells are
    assert!(
        table(&two, Some(200), Some(WHOLE))
            .contains(&format!("   1  {long}\n").replace("   1", " 1"))
    );
    assert!(!table(&two, Some(80), None).contains(&long));
    let marked = table(&rows(&[Some("a"), Some("b")]), None, Some(RECORDS));
    assert!(marked.starts_with("─ 1 ─"), "{marked}");
}

#[test]
fn a_single_row_that_does_not_fit_is_a_record() {
    let long = "x".repeat(100);
    let one = rows(&[Some(&long)]);
    assert_eq!(
        table(&one, Some(80), None),
        format!("id           1\nsecret_text  {long}\n(1 row)\n")
    );
    assert!(table(&rows(&[Some("short")]), Some(80), None).starts_with("id  secret_text\n"));
}

#[test]
fn one_long_cell_does_not_fill_every_row_with_blanks() {
    let long = "x".repeat(100_000);
    let texts: Vec<Option<&str>> =
        [Some(long.as_str())].into_iter().chain([Some("y"); 50]).collect();
    let shown = table(&rows(&texts), None, None);
    assert!(shown.contains(&long), "nothing is cut");
    assert!(shown.len() < 110_000, "{}", shown.len());
}

fn begin(number: usize, text: &str, is_check: bool) -> Begin<'_> {
    let kind = if is_check { "ASSERT" } else { "SELECT" };
    Begin { number, kind, text, line: number, file: Some("checks.sql"), is_check, title: None }
}

fn end(rows: u64, failure: Option<&Report>) -> End<'_> {
    End {
        status: if failure.is_some() { Status::Failed } else { Status::Done },
        rows,
        affected: None,
        complete: true,
        requests: 1,
        pages: 1,
        bytes: 10,
        duration: Duration::from_millis(250),
        failure,
    }
}

#[test]
fn events_belong_to_their_statement() {
    let shared = Shared::default();
    let mut writer = writer(Format::Events, Box::new(shared.clone()), Options::default());
    writer.begin(&begin(1, "SELECT *", false)).expect("begun");
    put(&mut *writer, &rows(&[Some("a"), None]), None);
    let note = serde_json::json!({ "severity": "note", "message": "m" });
    assert!(writer.tell(&note).expect("written"));
    writer.end(&end(2, None)).expect("ended");
    writer.begin(&begin(2, "SELECT x", false)).expect("begun");
    let report = Report::new(Code::UnknownColumn, "there is no column `x`");
    let error = serde_json::to_value(&report).expect("JSON");
    assert!(writer.tell(&error).expect("written"));
    writer.end(&end(0, Some(&report))).expect("ended");
    writer.close(2).expect("closed");
    let events: Vec<serde_json::Value> =
        shared.text().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let kinds: Vec<&str> =
        events.iter().map(|one| one["event"].as_str().expect("a text")).collect();
    assert_eq!(
        kinds,
        ["start", "columns", "row", "row", "note", "end", "start", "error", "end", "exit"]
    );
    assert!(events[..6].iter().all(|one| one["statement"] == 1), "{events:?}");
    assert!(events[6..9].iter().all(|one| one["statement"] == 2), "{events:?}");
    assert_eq!(
        events[1]["columns"][1],
        serde_json::json!({ "name": "secret_text", "type": "TEXT" })
    );
    assert_eq!(events[2]["row"], serde_json::json!({ "id": 1, "secret_text": "a" }));
    assert_eq!(events[7]["code"], "unknown-column");
    assert_eq!((&events[5]["status"], &events[8]["status"]), (&"done".into(), &"failed".into()));
    assert_eq!(events[5]["complete"], true);
    assert_eq!(events[8]["complete"], false);
    assert_eq!(
        events[9],
        serde_json::json!({ "event": "exit", "statement": null, "code": 2, "statements": 2, "failed": 1 })
    );
}

#[test]
fn junit_has_a_case_per_check() {
    let shared = Shared::default();
    let mut writer = writer(Format::Junit, Box::new(shared.clone()), Options::default());
    writer.begin(&begin(1, "SET a = 1", false)).expect("begun");
    writer.end(&end(0, None)).expect("ended");
    writer.begin(&begin(2, "ASSERT 1 < 2", true)).expect("begun");
    writer.end(&end(0, None)).expect("ended");
    writer.begin(&begin(3, "ASSERT SELECT *", true)).expect("begun");
    put(&mut *writer, &rows(&[Some("<bad>")]), None);
    let failed = Report::new(Code::AssertionFailed, "1 row violates \"it\"");
    writer.end(&end(1, Some(&failed))).expect("ended");
    writer.begin(&begin(4, "SELECT x", false)).expect("begun");
    let wrong = Report::new(Code::UnknownColumn, "no x").with_help("did you mean y?");
    writer.end(&end(0, Some(&wrong))).expect("ended");
    writer.begin(&begin(5, "ASSERT true", true)).expect("begun");
    writer.end(&End::SKIPPED).expect("ended");
    assert_eq!(shared.text(), "", "the report is written at the end");
    writer.close(1).expect("closed");
    let totals =
        "name=\"checks.sql\" tests=\"4\" failures=\"1\" errors=\"1\" skipped=\"1\" time=\"0.750\"";
    assert_eq!(
        shared.text(),
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {totals}>\n  <testsuite {totals}>\n\
             \x20   <testcase name=\"ASSERT 1 &lt; 2\" classname=\"checks.sql\" line=\"2\" time=\"0.250\"/>\n\
             \x20   <testcase name=\"ASSERT SELECT *\" classname=\"checks.sql\" line=\"3\" time=\"0.250\">\n\
             \x20     <failure type=\"assertion-failed\" message=\"1 row violates &quot;it&quot;\">\
             id  secret_text&#10;──  ───────────&#10; 1  &lt;bad&gt;&#10;</failure>\n\
             \x20   </testcase>\n\
             \x20   <testcase name=\"SELECT x\" classname=\"checks.sql\" line=\"4\" time=\"0.250\">\n\
             \x20     <error type=\"unknown-column\" message=\"no x\">help: did you mean y?&#10;</error>\n\
             \x20   </testcase>\n\
             \x20   <testcase name=\"ASSERT true\" classname=\"checks.sql\" line=\"5\" time=\"0.000\">\n\
             \x20     <skipped message=\"not run after an earlier failure\"/>\n\
             \x20   </testcase>\n\
             \x20 </testsuite>\n</testsuites>\n"
        )
    );
}
