//! Random JSON: mutated texts and generated values.

#[path = "random/check.rs"]
mod check;
#[path = "../../../fuzz/seeded.rs"]
mod seeded;
#[path = "random/texts.rs"]
mod texts;

use std::time::{Duration, Instant};

use check::check;
use seeded::Dice;
use strataql_json::{Mode, Node, Step, equal, equal_as_sets, raw_at, tree};
use texts::{PATHS, TEXTS, changed};

/// Cases in a normal run.
const CASES: u64 = 10_000;

const KEYS: &[&str] = &["a", "b", "c d", "é", "", "0", "-1", "x.y", "q\"r", "s\\t", "#"];

/// Any value, in any layout.
fn value(dice: &mut Dice, depth: usize, out: &mut String) {
    let space = |dice: &mut Dice| [" ", "\n\t", "", "", ""][dice.roll(5)];
    out.push_str(space(dice));
    let deeper = depth.saturating_sub(1);
    match dice.roll(if depth == 0 { 5 } else { 9 }) {
        0 => out.push_str(["null", "true", "false"][dice.roll(3)]),
        1 => out.push_str(["0", "-0", "1", "12345678901234567890123", "-7"][dice.roll(5)]),
        2 => out.push_str(["1.50", "1e3", "-0.0", "2E-2", "1e400"][dice.roll(5)]),
        3 => out.push_str(["\"\"", "\"x\"", "\"\\u00e9\\\"\"", "\"[1]\""][dice.roll(4)]),
        4 => out.push_str(["[]", "{}"][dice.roll(2)]),
        5 | 6 => {
            out.push('[');
            for position in 0..=dice.roll(4) {
                out.push_str(if position > 0 { "," } else { "" });
                value(dice, deeper, out);
            }
            out.push(']');
        }
        _ => {
            out.push('{');
            for position in 0..=dice.roll(4) {
                out.push_str(if position > 0 { "," } else { "" });
                out.push_str(&strataql_json::quoted(dice.pick::<&str>(KEYS)));
                out.push_str(space(dice));
                out.push(':');
                value(dice, deeper, out);
            }
            out.push('}');
        }
    }
    out.push_str(space(dice));
}

/// Any path.
fn path(dice: &mut Dice) -> String {
    let steps = 1 + dice.roll(6);
    let step = |position: usize| {
        let index = dice.roll(4);
        match dice.roll(5) {
            _ if position == 0 => "$".to_owned(),
            0 => ".a".to_owned(),
            1 => format!(".{}", strataql_json::quoted(dice.pick::<&str>(KEYS))),
            2 => format!("[{index}]"),
            3 => format!("[#-{index}]"),
            _ => "[#]".to_owned(),
        }
    };
    (0..steps).map(step).collect()
}

/// The path of one of the values in a text.
fn path_into(dice: &mut Dice, text: &str) -> Option<String> {
    let mut rows = Vec::new();
    tree(&Node::read(text)?, "$", &mut rows);
    Some(rows.swap_remove(dice.roll(rows.len())).fullkey)
}

#[test]
fn no_text_breaks_a_law() {
    seeded::run(
        CASES,
        |dice| [changed(dice, TEXTS), changed(dice, PATHS), changed(dice, TEXTS)],
        |[text, path, edit]| check(text, path, edit),
    );
}

#[test]
fn no_value_breaks_a_law() {
    seeded::run(
        CASES,
        |dice| {
            let (mut text, mut edit) = (String::new(), String::new());
            value(dice, 4, &mut text);
            value(dice, 2, &mut edit);
            let known = if dice.roll(2) == 0 { path_into(dice, &text) } else { None };
            let path = known.unwrap_or_else(|| path(dice));
            [text, path, edit]
        },
        |[text, path, edit]| check(text, path, edit),
    );
}

/// Sizes at which quadratic work would take minutes.
#[test]
fn work_grows_with_the_size() {
    const MEMBERS: usize = 100_000;
    let object = |first: usize| {
        let members: Vec<String> =
            (first..first + MEMBERS).map(|number| format!("\"k{number}\":{number}")).collect();
        Node::read(&format!("{{{}}}", members.join(","))).expect("an object")
    };
    let started = Instant::now();
    let (one, other) = (object(0), object(MEMBERS / 2));
    let Node::Object(merged) = one.clone().patched(other.clone()) else { panic!("an object") };
    assert_eq!(merged.len(), MEMBERS + MEMBERS / 2);
    assert!(!equal(&one, &other) && !equal_as_sets(&one, &other));
    assert!(equal(&one, &one) && equal_as_sets(&other, &other));
    let mut rows = Vec::new();
    tree(&one, "$", &mut rows);
    assert_eq!(rows.len(), MEMBERS + 1);

    let text = one.json();
    assert_eq!(raw_at(&text, &[Step::Key("k99999".to_owned())]), Some("99999"));
    let array = format!("[{}1]", "1,".repeat(10 * MEMBERS));
    assert_eq!(raw_at(&array, &[Step::FromEnd(1)]), Some("1"));
    let digits = "7".repeat(1_000_000);
    assert!(Node::read(&digits).is_none(), "longer than an integer may be");
    assert!(Node::read(&format!("0.{digits}")).is_some());
    let escapes = "\\u0041".repeat(MEMBERS);
    assert!(Node::read(&format!("\"{escapes}\"")).is_some());

    let deep = "[".repeat(MEMBERS);
    assert!(Node::read(&deep).is_none() && raw_at(&deep, &[Step::FromEnd(1)]).is_none());
    let mut node = Node::Null;
    let far: Vec<Step> = (0..100).map(|_| Step::Key("a".repeat(1000))).collect();
    node.put(&[], one, Mode::Set);
    node.put(&far, other, Mode::Set);
    assert!(node.json().len() < 3 * text.len() + 200_000);
    let took = started.elapsed();
    assert!(took < Duration::from_secs(20), "{took:?}");
}
