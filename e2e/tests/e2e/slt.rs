//! SQL tests: rows, and how many calls they took.
//!
//! A file may begin with `# sandbox: OPTIONS`. A record that touches an API has `# calls: N` directly
//! above it. `UPDATE_EXPECT=1` writes what was seen into the files.

use std::path::{Path, PathBuf};

use strataql_e2e::{Table, World};

/// A record of a file.
#[derive(Debug, Default)]
struct Record {
    line: usize,
    calls: Option<usize>,
    /// `query`, `query rowsort`, `statement ok`, `statement error CODE`.
    head: String,
    sql: String,
    expected: Vec<String>,
}

#[tokio::test(flavor = "multi_thread")]
async fn sql_tests() {
    let mut files = Vec::new();
    collect(&strataql_e2e::folder().join("slt"), &mut files);
    files.sort();
    assert!(!files.is_empty(), "no SQL tests found");
    let (mut records, mut wrong) = (0, Vec::new());
    for file in files {
        records += run(&file, &mut wrong).await;
    }
    println!("{records} records");
    assert!(wrong.is_empty(), "{} of {records} records:\n{}", wrong.len(), wrong.join("\n"));
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("readable") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "slt") {
            files.push(path);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a test asks how it was started")]
fn rewrites() -> bool {
    std::env::var("UPDATE_EXPECT").is_ok()
}

async fn run(file: &Path, wrong: &mut Vec<String>) -> usize {
    let text = std::fs::read_to_string(file).expect("readable");
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let options = text
        .lines()
        .find_map(|line| line.strip_prefix("# sandbox: "))
        .unwrap_or("rows=7")
        .trim()
        .to_owned();
    let world = World::new(&options).await.expect("starts");
    let records = parse(&text);
    let mut out = preamble(&text);
    for record in &records {
        let before = world.sandbox.requests();
        let result = world.run(&record.sql).await;
        let calls = world.sandbox.requests() - before;
        let seen = match &result {
            Ok(table) => lines(table, record.head.contains("rowsort")),
            Err(report) => vec![format!("error {}", report.code)],
        };
        let expected = match record.head.strip_prefix("statement error ") {
            Some(code) => vec![format!("error {}", code.trim())],
            None if record.head == "statement ok" => Vec::new(),
            None => record.expected.clone(),
        };
        let seen = if record.head == "statement ok" && result.is_ok() { Vec::new() } else { seen };
        let calls_differ = record.calls.unwrap_or(0) != calls;
        if seen != expected || calls_differ {
            let detail = match &result {
                Err(report) => format!(" ({})", report.message),
                Ok(_) => String::new(),
            };
            wrong.push(format!(
                "{name}:{}: calls {calls}{}, expected {}\n  {}\n  got      {seen:?}{detail}\n  expected {expected:?}",
                record.line,
                if calls_differ { " (differs)" } else { "" },
                record.calls.unwrap_or(0),
                record.sql.replace('\n', " "),
            ));
        }
        write(&mut out, record, calls, &seen, result.is_err());
    }
    if rewrites() {
        std::fs::write(file, out).expect("writable");
    }
    records.len()
}

/// Cells separated by two blanks.
fn lines(table: &Table, sorted: bool) -> Vec<String> {
    let mut lines: Vec<String> = table.rows.iter().map(|row| row.join("  ")).collect();
    if sorted {
        lines.sort();
    }
    lines
}

fn preamble(text: &str) -> String {
    let head: Vec<&str> = text
        .lines()
        .take_while(|line| line.starts_with('#') && !line.starts_with("# calls:"))
        .collect();
    if head.is_empty() { String::new() } else { head.join("\n") + "\n\n" }
}

fn write(out: &mut String, record: &Record, calls: usize, seen: &[String], failed: bool) {
    if record.calls.is_some() || calls > 0 {
        out.push_str(&["# calls: ", &calls.to_string(), "\n"].concat());
    }
    let head = if failed { format!("statement {}", seen[0]) } else { record.head.clone() };
    out.push_str(&[head.as_str(), "\n", &record.sql, "\n"].concat());
    if head.starts_with("query") {
        out.push_str("----\n");
        for line in seen {
            out.push_str(&[line.as_str(), "\n"].concat());
        }
    }
    out.push('\n');
}

fn parse(text: &str) -> Vec<Record> {
    let mut records = Vec::new();
    let mut calls = None;
    let mut lines = text.lines().enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        if let Some(count) = line.strip_prefix("# calls:") {
            calls = count.trim().parse().ok();
            continue;
        }
        if !line.starts_with("query") && !line.starts_with("statement") {
            continue;
        }
        let mut record = Record {
            line: number + 1,
            calls: calls.take(),
            head: line.to_owned(),
            ..Record::default()
        };
        let mut sql = Vec::new();
        let mut in_rows = false;
        while let Some((_, line)) = lines.next_if(|(_, line)| !line.is_empty()) {
            match line {
                "----" => in_rows = true,
                line if in_rows => record.expected.push(line.to_owned()),
                line => sql.push(line),
            }
        }
        record.sql = sql.join("\n");
        if record.head.contains("rowsort") {
            record.expected.sort();
        }
        records.push(record);
    }
    records
}
