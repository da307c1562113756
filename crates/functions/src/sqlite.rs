//! Small functions that SQLite has and DataFusion has not: `quote`, `sign`, `unistr`, `zeroblob`,
//! `sqlite_version`.

use std::fmt::Write as _;

use strataql_diag::excerpt;

use super::cell::{Answer, Cell, bad, real_text, text};
use super::doc::{FunctionDoc, Section};
use super::scalar::{Memory, Returns, Scalar, text_of};

/// The release of SQLite whose functions these follow.
const SQLITE: &str = "3.47.0";

/// The longest blob that a statement may make out of nothing.
const MAX_BLOB: i64 = 1 << 24;

fn sqlite_version(_cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    Ok(text(SQLITE))
}

fn quote(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    Ok(text(match &cells[0] {
        Cell::Null => "NULL".to_owned(),
        Cell::Real(number) if number.is_nan() => "NULL".to_owned(),
        // too large for any literal, so read back as infinite
        Cell::Real(number) if number.is_infinite() => {
            if *number > 0.0 { "9.0e+999" } else { "-9.0e+999" }.to_owned()
        }
        Cell::Real(number) => real_text(*number),
        Cell::Blob(bytes) => {
            let mut out = String::with_capacity(bytes.len() * 2 + 3);
            out.push_str("X'");
            for byte in bytes.iter() {
                write!(out, "{byte:02X}").expect("a string takes all");
            }
            out.push('\'');
            out
        }
        Cell::Text(text) | Cell::Json(text) => format!("'{}'", text.replace('\'', "''")),
        other => other.text().unwrap_or_default().into_owned(),
    }))
}

fn sign(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    // `inf` and `nan` are words, not numbers
    let is_word = matches!(&cells[0], Cell::Text(text) | Cell::Json(text)
        if !text.bytes().any(|byte| byte.is_ascii_digit()));
    let number = if is_word { None } else { cells[0].real().filter(|number| !number.is_nan()) };
    Ok(number.map_or(Cell::Null, |number| {
        Cell::Integer(i64::from(number > 0.0) - i64::from(number < 0.0))
    }))
}

fn zeroblob(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    let length = cells[0].integer().unwrap_or(0).max(0);
    match usize::try_from(length) {
        Ok(bytes) if length <= MAX_BLOB => Ok(Cell::Blob(vec![0; bytes].into())),
        _ => Err(bad(
            format!("`zeroblob` cannot make {length} bytes"),
            "ask for at most 16 MiB, which are 16777216 bytes",
        )),
    }
}

fn unistr(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    let whole = text_of(cells, 0);
    let mut out = String::with_capacity(whole.len());
    let mut rest = whole.as_ref();
    while let Some((before, escaped)) = rest.split_once('\\') {
        out.push_str(before);
        rest = match escape(escaped) {
            Some((char, rest)) => {
                out.push(char);
                rest
            }
            None => {
                return Err(bad(
                    format!("`\\{}` is no character", excerpt(escaped)),
                    "write `\\0041`, `\\u0041`, `\\+000041`, `\\U00000041`, or `\\\\` for a backslash",
                ));
            }
        };
    }
    out.push_str(rest);
    Ok(text(out))
}

/// The character after a backslash, and what follows.
fn escape(text: &str) -> Option<(char, &str)> {
    if let Some(rest) = text.strip_prefix('\\') {
        return Some(('\\', rest));
    }
    let (digits, rest) = match text.as_bytes().first()? {
        b'u' => (4, &text[1..]),
        b'+' => (6, &text[1..]),
        b'U' => (8, &text[1..]),
        _ => (4, text),
    };
    let code =
        rest.get(..digits).filter(|code| code.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    let char = u32::from_str_radix(code, 16).ok().and_then(char::from_u32)?;
    Some((char, &rest[digits..]))
}

const fn scalar(
    (name, syntax, words): (&'static str, &'static str, &'static str),
    example: (&'static str, &'static str),
    arguments: usize,
    returns: Returns,
    call: fn(&[Cell<'_>], &mut Memory) -> Answer,
) -> Scalar {
    Scalar {
        doc: FunctionDoc::new(Section::Text, (name, &[]), syntax, words, example),
        arguments: (arguments, arguments),
        returns,
        strict: true,
        times: &[],
        call,
    }
}

/// The functions of this file.
pub(super) static FUNCTIONS: &[Scalar] = &[
    scalar(
        (
            "sqlite_version",
            "sqlite_version()",
            "The release of SQLite whose functions are followed, for statements that ask. No SQLite runs here.",
        ),
        ("SELECT sqlite_version()", SQLITE),
        0,
        Returns::Text,
        sqlite_version,
    ),
    Scalar {
        strict: false,
        ..scalar(
            (
                "quote",
                "quote(x)",
                "A value as a literal of SQL: text in quotes, bytes as `X'…'`, NULL as `NULL`.",
            ),
            ("SELECT quote('it''s'), quote(1.5), quote(NULL)", "'it''s' | 1.5 | NULL"),
            1,
            Returns::Text,
            quote,
        )
    },
    scalar(
        (
            "sign",
            "sign(x)",
            "-1, 0 or 1 for a number, or a text that is one, below, at or above zero; NULL for anything else.",
        ),
        ("SELECT sign(-2.5), sign(0), sign('3'), sign('x')", "-1 | 0 | 1 | NULL"),
        1,
        Returns::Integer,
        sign,
    ),
    scalar(
        (
            "unistr",
            "unistr(x)",
            "A text with characters in place of their codes: `\\0041`, `\\u0041`, `\\+000041`, `\\U00000041`; `\\\\` is a backslash. Any other backslash is an error.",
        ),
        (r"SELECT unistr('caf\00e9')", "café"),
        1,
        Returns::Text,
        unistr,
    ),
    scalar(
        ("zeroblob", "zeroblob(length)", "So many zero bytes, at most 16 MiB."),
        ("SELECT hex(zeroblob(2))", "0000"),
        1,
        Returns::Blob,
        zeroblob,
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn run(call: fn(&[Cell<'_>], &mut Memory) -> Answer, cell: Cell<'static>) -> Cell<'static> {
        call(&[cell], &mut Memory::default()).unwrap()
    }

    #[test]
    fn literals_read_back_as_what_they_were() {
        for (cell, wanted) in [
            (Cell::Null, "NULL"),
            (Cell::Integer(-3), "-3"),
            (Cell::Real(2.0), "2.0"),
            (Cell::Real(f64::NEG_INFINITY), "-9.0e+999"),
            (Cell::Real(f64::NAN), "NULL"),
            (Cell::Boolean(true), "true"),
            (text(""), "''"),
            (text("'"), "''''"),
            (Cell::Blob(vec![0, 0xAB].into()), "X'00AB'"),
        ] {
            assert_eq!(run(quote, cell.clone()), text(wanted), "{cell:?}");
        }
    }

    #[test]
    fn only_numbers_have_signs() {
        for (cell, wanted) in [
            (Cell::Integer(i64::MIN), Cell::Integer(-1)),
            (Cell::Real(-0.0), Cell::Integer(0)),
            (Cell::Real(f64::INFINITY), Cell::Integer(1)),
            (Cell::Real(f64::NAN), Cell::Null),
            (text(" -1e3 "), Cell::Integer(-1)),
            (text("inf"), Cell::Null),
            (text(""), Cell::Null),
            (text("1x"), Cell::Null),
        ] {
            assert_eq!(run(sign, cell.clone()), wanted, "{cell:?}");
        }
    }

    #[test]
    fn codes_are_characters() {
        for (typed, wanted) in [
            (r"\0041\u0042\+000043\U00000044", Some("ABCD")),
            (r"a\\b", Some(r"a\b")),
            ("", Some("")),
            (r"\", None),
            (r"\004", None),
            (r"\d800", None),
            (r"\+0", None),
            (r"\é041", None),
        ] {
            let found = unistr(&[text(typed)], &mut Memory::default()).ok();
            assert_eq!(found, wanted.map(text), "{typed}");
        }
    }

    #[test]
    fn no_blob_is_endless() {
        assert_eq!(run(zeroblob, Cell::Integer(-1)), Cell::Blob(Vec::new().into()));
        assert!(zeroblob(&[Cell::Integer(i64::MAX)], &mut Memory::default()).is_err());
    }
}
