//! Random statements: real ones, cut, spliced, repeated and misspelled.
//!
//! For the duration see `fuzz/seeded.rs`.

#[path = "random/check.rs"]
mod check;
#[path = "../../../fuzz/seeded.rs"]
mod seeded;

use std::fs;
use std::path::{Path, PathBuf};

use check::check;
use seeded::Dice;

/// Texts in a normal run.
const TEXTS: u64 = 10_000;

/// Fragments that are difficult for parsers.
const PIECES: &[&str] = &[
    "(",
    ")",
    "((((((((",
    "))))))))",
    "[",
    "]",
    "{",
    "}",
    "'",
    "''",
    "\"",
    "`",
    "$$",
    "$1",
    ":name",
    "?",
    ";",
    ",",
    ".",
    "..",
    "::",
    "->",
    "->>",
    "#>>",
    "@>",
    "||",
    "/*",
    "*/",
    "--",
    "\n",
    "\r\n",
    "\t",
    "\u{0}",
    "\u{feff}",
    "é",
    "\u{202e}",
    "𝄞",
    "0x",
    "1e999",
    "-",
    "NULL",
    "SELECT ",
    " FROM ",
    " WHERE ",
    " JOIN ",
    " LATERAL ",
    " WITH x AS ",
    " UNION ALL ",
    " INTERVAL ",
    " CASE WHEN ",
    " END",
    " IN (",
    " LIKE ",
    " CAST(",
    " AS ",
    " OVER (",
    "SHOW ",
    "DESCRIBE ",
    "EXEC ",
    "REPLACE ",
    "INSERT INTO ",
    " RETURNING ",
    " /*+ AWAIT */ ",
    "SET x = ",
    "USE ",
    "EXPLAIN ",
    "CREATE VIEW v AS ",
    " NOT ",
    " AND ",
    " OR ",
    " IS ",
    " BETWEEN ",
    "*",
    "E'\\x'",
    "N'a'",
    "U&'\\0061'",
];

fn changed(dice: &mut Dice, text: &str, corpus: &[String]) -> String {
    let (start, end) = dice.range(text);
    let (before, part, after) = (&text[..start], &text[start..end], &text[end..]);
    match dice.roll(9) {
        0 => format!("{before}{after}"),
        1 => before.to_owned(),
        2 => format!("{before}{part}{part}{after}"),
        3 | 4 => format!("{before}{}{part}{after}", dice.pick(PIECES)),
        5 => format!("{before}{}{after}", dice.pick(PIECES)),
        6 => format!("{before}{}{after}", part.to_uppercase()),
        7 => {
            let other = dice.pick(corpus);
            let (start, end) = dice.range(other);
            format!("{before}{}{after}", &other[start..end])
        }
        _ => {
            let piece = dice.pick(PIECES);
            format!("{before}{}{after}", piece.repeat(1 + dice.roll(400)))
        }
    }
}

/// The statements of the SQL tests.
fn corpus() -> Vec<String> {
    let mut files = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../e2e/slt"), &mut files);
    files.sort();
    let texts = files.iter().map(|file| fs::read_to_string(file).expect("readable"));
    let mut statements: Vec<String> = texts
        .flat_map(|text| {
            let records: Vec<String> = text.split("\n\n").map(statement).collect();
            records
        })
        .filter(|text| !text.is_empty())
        .collect();
    statements.dedup();
    assert!(statements.len() > 300, "{} statements", statements.len());
    statements
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the SQL tests") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "slt") {
            files.push(path);
        }
    }
}

/// The SQL of a record.
fn statement(record: &str) -> String {
    let lines = record.lines().skip_while(|line| {
        line.starts_with('#') || line.starts_with("query") || line.starts_with("statement")
    });
    lines.take_while(|line| *line != "----").collect::<Vec<_>>().join("\n")
}

fn text(dice: &mut Dice, corpus: &[String]) -> String {
    let mut text = dice.pick(corpus).clone();
    for _ in 0..=dice.roll(6) {
        text = changed(dice, &text, corpus);
    }
    text
}

#[test]
fn no_text_breaks_the_reader() {
    let corpus = corpus();
    for text in &corpus {
        check(text);
    }
    seeded::run(TEXTS, |dice| text(dice, &corpus), |text| check(text));
}

#[test]
fn nesting_has_an_end() {
    let thread = std::thread::Builder::new().stack_size(2 << 20);
    let run = thread.spawn(|| {
        for depth in [10, 100, 300] {
            for (open, close) in
                [("(", ")"), ("(SELECT ", ")"), ("NOT ", ""), ("-", ""), ("a.", "")]
            {
                check(&format!("SELECT {}1{}", open.repeat(depth), close.repeat(depth)));
            }
            for open in [
                "CAST(",
                "(SELECT * FROM ",
                "EXISTS(",
                "SELECT * FROM (",
                "a IN (",
                "f(",
                "NOT (",
                "CASE WHEN ",
            ] {
                check(&format!("SELECT {}", open.repeat(depth)));
                check(&format!("SELECT {}1", open.repeat(depth)));
            }
            check(&format!("SELECT * FROM {}a", "(".repeat(depth)));
            check(&format!("SELECT 1{}", " + 1".repeat(depth)));
            check(&format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(depth)));
            check(&format!("SELECT * FROM a{}", " JOIN a".repeat(depth)));
            check(&format!("{}SELECT 1", "EXPLAIN ".repeat(depth)));
        }
    });
    run.expect("a thread").join().expect("no text breaks the reader");
}
