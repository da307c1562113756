//! Statements that nobody would write: real ones, cut, spliced, repeated and misspelt.
//!
//! The texts follow from their number, so that a failure can be run again. `STRATAQL_FULL=1` reads
//! fifty times as many; `STRATAQL_FUZZ_SECONDS=600` goes on for so long.

#[path = "random/check.rs"]
mod check;

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use check::check;

/// Texts of an ordinary run.
const TEXTS: u64 = 10_000;

/// Pieces that grammars stumble over.
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

/// Numbers from a seed.
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 11) % below.max(1) as u64).expect("below a length")
    }
}

/// A place between two characters.
fn place(dice: &mut Dice, text: &str) -> usize {
    let mut at = dice.roll(text.len() + 1);
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn range(dice: &mut Dice, text: &str) -> (usize, usize) {
    let (one, other) = (place(dice, text), place(dice, text));
    (one.min(other), one.max(other))
}

fn changed(dice: &mut Dice, text: &str, corpus: &[String]) -> String {
    let (start, end) = range(dice, text);
    let (before, part, after) = (&text[..start], &text[start..end], &text[end..]);
    match dice.roll(9) {
        0 => format!("{before}{after}"),
        1 => before.to_owned(),
        2 => format!("{before}{part}{part}{after}"),
        3 | 4 => format!("{before}{}{part}{after}", PIECES[dice.roll(PIECES.len())]),
        5 => format!("{before}{}{after}", PIECES[dice.roll(PIECES.len())]),
        6 => format!("{before}{}{after}", part.to_uppercase()),
        7 => {
            let other = &corpus[dice.roll(corpus.len())];
            let (start, end) = range(dice, other);
            format!("{before}{}{after}", &other[start..end])
        }
        _ => {
            let piece = PIECES[dice.roll(PIECES.len())];
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

fn text(number: u64, corpus: &[String]) -> String {
    let mut dice = Dice::new(number + 1);
    let mut text = corpus[dice.roll(corpus.len())].clone();
    for _ in 0..=dice.roll(6) {
        text = changed(&mut dice, &text, corpus);
    }
    text
}

#[expect(clippy::disallowed_methods, reason = "a test asks how it was started")]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[test]
#[expect(clippy::print_stdout, reason = "how much was read is worth knowing")]
fn no_text_breaks_the_reader() {
    let corpus = corpus();
    for text in &corpus {
        check(text);
    }
    let seconds = setting("STRATAQL_FUZZ_SECONDS").and_then(|text| text.parse().ok());
    let full = if setting("STRATAQL_FULL").is_some() { 50 } else { 1 };
    let (started, limit) = (Instant::now(), seconds.map(Duration::from_secs));
    let mut number = 0;
    while limit.map_or(number < TEXTS * full, |limit| started.elapsed() < limit) {
        let text = text(number, &corpus);

        let result = catch_unwind(|| check(&text));
        assert!(result.is_ok(), "text {number}: {text:?}");
        number += 1;
    }
    println!("{number} texts in {:.0} s", started.elapsed().as_secs_f64());
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
