//! The JSON functions over arguments that nobody would write: what is between the arguments of a
//! statement and `strataql-json`, which has a test like this one of its own.

#[path = "../../../fuzz/seeded.rs"]
mod seeded;
#[path = "../../json/tests/random/texts.rs"]
mod texts;

use strataql_json::Node;

use self::seeded::Dice;
use self::texts::{PATHS, TEXTS, changed};
use super::cell::Cell;
use super::scalar::{Memory, Returns, Scalar};
use super::{json, json_compare, json_edit};

/// Calls of an ordinary run.
const CALLS: u64 = 50_000;

fn cell(dice: &mut Dice) -> Cell<'static> {
    match dice.roll(12) {
        0 => Cell::Null,
        1 => Cell::Integer(*dice.pick(&[i64::MIN, -1, 0, i64::MAX])),
        2 => Cell::Real(*dice.pick(&[f64::NAN, f64::INFINITY, -0.0, 1e300])),
        3 => Cell::Boolean(dice.roll(2) == 0),
        4 => Cell::Blob(vec![0xff, 0x22, 0x7b].into()),
        5 | 6 => {
            // the mark promises that it is JSON
            let text = changed(dice, TEXTS);
            let text = if Node::read(&text).is_some() { text } else { "{}".to_owned() };
            Cell::Json(text.into())
        }
        7..=9 => Cell::Text(changed(dice, PATHS).into()),
        _ => Cell::Text(changed(dice, TEXTS).into()),
    }
}

/// A function and its arguments; the first two are often a text and a path.
fn case(dice: &mut Dice) -> (&'static Scalar, Vec<Cell<'static>>) {
    let table = *dice.pick(&[json::FUNCTIONS, json_compare::FUNCTIONS, json_edit::FUNCTIONS]);
    let function = dice.pick(table);
    let (fewest, most) = function.arguments;
    let count = fewest + dice.roll(most.min(fewest + 5) - fewest + 1);
    let mut cells: Vec<Cell<'_>> = (0..count).map(|_| cell(dice)).collect();
    if dice.roll(2) == 0 && cells.len() > 1 {
        cells[0] = Cell::Text(changed(dice, TEXTS).into());
        cells[1] = Cell::Text(changed(dice, PATHS).into());
    }
    (function, cells)
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
        assert!(is_deep || Node::read(text).is_some(), "{}: {text}", function.doc.name);
    }
}

#[test]
fn no_argument_breaks_a_json_function() {
    seeded::run(CALLS, case, |(function, cells)| call(function, cells));
}
