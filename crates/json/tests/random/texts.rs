//! Unusual texts and paths. The test of the engine's JSON functions uses them too.

use super::seeded::Dice;

/// JSON, and texts that are not JSON.
pub(crate) const TEXTS: &[&str] = &[
    r#"{"a": {"b": [1, {"c": "x"}, -2.50, null]}, "b": 12345678901234567890123, "é\n": true}"#,
    r#"[[], {}, "", "\u00e9\ud834\udd1e", 1e400, -0.0, {"a": 1, "a": 2}]"#,
    r#"{"Statement": [{"Effect": "Allow", "Action": ["s3:Get*", "s3:List*"], "Resource": "*"}]}"#,
    r#"{"a.b": {"c\"d\\": [{"": 1}]}, "0": [[[[0]]]]}"#,
    "1",
    "\"text\"",
    "null",
    "no json",
    "",
];

/// Paths, and texts that are not paths.
pub(crate) const PATHS: &[&str] = &[
    "$",
    "$.a.b[0]",
    "$.a.b[#-1].c",
    "$[#]",
    "$.\"é\\n\"",
    "$['a'][\"b\"]",
    "$.a[9]",
    "$.a.b[#].c[0]",
    "a",
    "$.",
    "$[",
];

/// Fragments that are difficult for parsers of JSON and paths.
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
    "[#]",
    "{\"a\":",
    "[[[[[[[[",
];

/// One of the texts, randomly mutated.
pub(crate) fn changed(dice: &mut Dice, from: &[&str]) -> String {
    let mut text = (*dice.pick(from)).to_owned();
    for _ in 0..dice.roll(4) {
        let (start, end) = dice.range(&text);
        let piece = *dice.pick(PIECES);
        let piece = if dice.roll(40) == 0 { piece.repeat(300) } else { piece.to_owned() };
        let end = if dice.roll(2) == 0 { start } else { end };
        text.replace_range(start..end, &piece);
    }
    text
}
