//! The function reference: every example runs, and `docs/functions.md` says what they gave.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use strataql_diag::Report;
use strataql_functions::{FunctionDoc, Section, descriptions};

use super::{offline, run_with};
use crate::Session;

pub(super) fn session() -> Session {
    offline(None)
}

/// The rows of the last statement, cells separated by ` | `.
pub(super) async fn rows(session: &Session, text: &str) -> Result<Vec<String>, Box<Report>> {
    Ok(run_with(session, text, " | ").await?.0)
}

fn page() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/functions.md")
}

#[expect(clippy::disallowed_methods, reason = "a test asks how it was started")]
fn rewrites() -> bool {
    std::env::var("UPDATE_EXPECT").is_ok()
}

fn entry(doc: &FunctionDoc) -> String {
    let mut out = format!("### {}\n\n`{}`\n\n{}\n", doc.name, doc.syntax, doc.text);
    if !doc.aliases.is_empty() {
        let names: Vec<String> = doc.aliases.iter().map(|name| format!("`{name}`")).collect();
        write!(out, "\nOther names: {}.\n", names.join(", ")).expect("a string takes all");
    }
    write!(out, "\n```sql\n{}\n```\n\n```text\n{}\n```\n", doc.example.sql, doc.example.rows)
        .expect("a string takes all");
    out
}

fn reference(session: &Session) -> String {
    let mut out = String::from(
        "# Functions\n\nFunctions that strataql adds to those of DataFusion. Names may be written in any case. \
         A NULL argument gives NULL unless the text says otherwise. Results are shown with cells separated by ` | `.\n\n\
         This page is made from the functions' own descriptions, and every example on it is run by the tests.\n",
    );
    let mut section: Option<Section> = None;
    for doc in descriptions() {
        if section != Some(doc.section) {
            section = Some(doc.section);
            write!(out, "\n## {}\n", doc.section.title()).expect("a string takes all");
        }
        out += "\n";
        out += &entry(doc);
    }
    out += "\n## Functions of DataFusion\n\nAll of them are there.\n";
    let state = session.state();
    let own: BTreeSet<&str> = descriptions()
        .into_iter()
        .flat_map(|doc| std::iter::once(doc.name).chain(doc.aliases.iter().copied()))
        .collect();
    let kinds: [(&str, Vec<String>); 3] = [
        ("Scalar", state.scalar_functions().keys().cloned().collect()),
        ("Aggregate", state.aggregate_functions().keys().cloned().collect()),
        ("Window", state.window_functions().keys().cloned().collect()),
    ];
    for (kind, names) in kinds {
        let names: BTreeSet<&String> =
            names.iter().filter(|name| !own.contains(name.as_str())).collect();
        let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
        write!(out, "\n{kind}: {}.\n", names.join(", ")).expect("a string takes all");
    }
    out
}

#[tokio::test]
async fn every_example_gives_what_it_says() {
    let session = session();
    let mut wrong = Vec::new();
    for doc in descriptions() {
        let found = match rows(&session, doc.example.sql).await {
            Ok(rows) => rows.join("\n"),
            Err(report) => format!("{}: {}", report.code, report.message),
        };
        if found != doc.example.rows {
            let (sql, said) = (doc.example.sql, doc.example.rows);
            wrong.push(format!("{}: {sql}\n  says  {said}\n  gives {found}", doc.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn the_page_is_up_to_date() {
    let page = page();
    let made = reference(&session());
    if rewrites() {
        std::fs::write(&page, &made).expect("written");
    }
    let there = std::fs::read_to_string(&page).unwrap_or_default();
    assert!(there == made, "docs/functions.md is out of date: run the test with UPDATE_EXPECT=1");
}

#[test]
fn every_name_is_there_once() {
    let mut seen = BTreeSet::new();
    for doc in descriptions() {
        for name in std::iter::once(&doc.name).chain(doc.aliases) {
            assert!(seen.insert(*name), "{name} twice");
        }
    }
}
