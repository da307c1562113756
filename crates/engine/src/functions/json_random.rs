//! The JSON functions over texts and paths that nobody would write.
//!
//! The calls follow from their number. `STRATAQL_FULL=1` makes fifty times as many;
//! `STRATAQL_FUZZ_SECONDS=600` goes on for so long.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use strataql_json::{Node, compact, find, parse_path, raw_at};

use super::cell::Cell;
use super::scalar::{Memory, Returns, Scalar};
use super::{json, json_compare, json_edit};

const CALLS: u64 = 50_000;

const TEXTS: &[&str] = &[
    r#"{"a": {"b": [1, {"c": "x"}, -2.50, null]}, "b": 12345678901234567890123, "é\n": true}"#,
    r#"[[], {}, "", "\u00e9\ud834\udd1e", 1e400, -0.0, {"a": 1, "a": 2}]"#,
    r#"{"Statement": [{"Effect": "Allow", "Action": ["s3:Get*", "s3:List*"], "Resource": "*"}]}"#,
    "1",
    "\"text\"",
    "null",
    "no json",
    "",
];

const PATHS: &[&str] = &[
    "$",
    "$.a.b[0]",
    "$.a.b[#-1].c",
    "$[#]",
    "$.\"é\\n\"",
    "$['a'][\"b\"]",
    "$.a[9]",
    "a",
    "$.",
    "$[",
];

const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "\"",
    "\\",
    "\\u",
    "\\ud834",
    ",",
    ":",
    ".",
    "$",
    "#",
    "#-",
    "-",
    "0",
    "1",
    "99999999999999999999",
    "e",
    "null",
    "true",
    " ",
    "\n",
    "\u{0}",
    "é",
    "𝄞",
    "a",
    "b",
    "[0]",
    ".a",
    "{\"a\":",
    "[[[[[[[[",
];

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

    fn place(&mut self, text: &str) -> usize {
        let mut at = self.roll(text.len() + 1);
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }

    /// One of the texts, more or less changed.
    fn text(&mut self, from: &[&str]) -> String {
        let mut text = from[self.roll(from.len())].to_owned();
        for _ in 0..self.roll(4) {
            let (one, other) = (self.place(&text), self.place(&text));
            let (start, end) = (one.min(other), one.max(other));
            let piece = PIECES[self.roll(PIECES.len())];
            let piece = if self.roll(40) == 0 { piece.repeat(300) } else { piece.to_owned() };
            let end = if self.roll(2) == 0 { start } else { end };
            text.replace_range(start..end, &piece);
        }
        text
    }

    fn cell(&mut self) -> Cell<'static> {
        match self.roll(12) {
            0 => Cell::Null,
            1 => Cell::Integer(i64::MIN + i64::try_from(self.roll(3)).expect("small")),
            2 => Cell::Real([f64::NAN, f64::INFINITY, -0.0, 1e300][self.roll(4)]),
            3 => Cell::Boolean(self.roll(2) == 0),
            4 => Cell::Blob(vec![0xff, 0x22, 0x7b].into()),
            5 | 6 => {
                // the mark promises that it is JSON
                let text = self.text(TEXTS);
                let text = if Node::read(&text).is_some() { text } else { "{}".to_owned() };
                Cell::Json(text.into())
            }
            7..=9 => Cell::Text(self.text(PATHS).into()),
            _ => Cell::Text(self.text(TEXTS).into()),
        }
    }
}

/// Calls a function; what it says is JSON has to be.
fn call(function: &Scalar, cells: &[Cell<'_>]) {
    if function.strict && cells.iter().any(Cell::is_null) {
        return;
    }
    let Ok(answer) = (function.call)(cells, &mut Memory::default()) else { return };
    if matches!(function.returns, Returns::Json | Returns::SameJson)
        && let Cell::Json(text) = &answer
    {
        // deeper than what is read, if it was put together of parts
        let is_deep = text.matches(['[', '{']).count() >= 200;
        assert!(is_deep || Node::read(text).is_some(), "{}: {text}", function.about.name);
    }
}

fn search(text: &str, path: &str) {
    let Ok(steps) = parse_path(path) else { return };
    let _found = find(text, &steps);
    if let (Some(raw), Some(_)) = (raw_at(text, &steps), Node::read(text)) {
        assert!(Node::read(raw).is_some(), "{raw} at {path} of {text}");
        assert_eq!(Node::read(&compact(raw)), Node::read(raw), "{raw}");
    }
}

fn run(number: u64) -> Vec<String> {
    let mut dice = Dice::new(number + 1);
    let (text, path) = (dice.text(TEXTS), dice.text(PATHS));
    let tables = [json::FUNCTIONS, json_compare::FUNCTIONS, json_edit::FUNCTIONS];
    let table = tables[dice.roll(tables.len())];
    let function = &table[dice.roll(table.len())];
    let (fewest, most) = function.arguments;
    let count = fewest + dice.roll(most.min(fewest + 5) - fewest + 1);
    let mut cells: Vec<Cell<'_>> = (0..count).map(|_| dice.cell()).collect();
    if dice.roll(2) == 0 && cells.len() > 1 {
        cells[0] = Cell::Text(text.clone().into());
        cells[1] = Cell::Text(path.clone().into());
    }
    let shown = vec![text.clone(), path.clone(), format!("{} {cells:?}", function.about.name)];
    let result = catch_unwind(AssertUnwindSafe(|| {
        search(&text, &path);
        call(function, &cells);
    }));
    if result.is_ok() { Vec::new() } else { shown }
}

#[expect(clippy::disallowed_methods, reason = "a test asks how it was started")]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[test]
#[expect(clippy::print_stdout, reason = "how much was called is worth knowing")]
fn no_text_and_no_path_breaks_a_json_function() {
    let seconds = setting("STRATAQL_FUZZ_SECONDS").and_then(|text| text.parse().ok());
    let full = if setting("STRATAQL_FULL").is_some() { 50 } else { 1 };
    let (started, limit) = (Instant::now(), seconds.map(Duration::from_secs));
    let mut number = 0;
    while limit.map_or(number < CALLS * full, |limit| started.elapsed() < limit) {
        let wrong = run(number);
        assert!(wrong.is_empty(), "call {number}: {wrong:#?}");
        number += 1;
    }
    println!("{number} calls in {:.0} s", started.elapsed().as_secs_f64());
}
