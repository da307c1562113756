//! Functions on text and on values of any type.

use super::cell::{Answer, Cell, text};
use super::doc::{FunctionDoc, Section};
use super::scalar::{ANY, Memory, Returns, Scalar, text_of};

fn typeof_(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    Ok(text(match cells[0] {
        Cell::Null => "null",
        Cell::Boolean(_) => "boolean",
        Cell::Integer(_) => "integer",
        Cell::Real(_) => "real",
        Cell::Text(_) | Cell::Json(_) => "text",
        Cell::Blob(_) => "blob",
    }))
}

fn string(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    Ok(text(text_of(cells, 0)))
}

fn char(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    let mut out = String::new();
    for cell in cells.iter().filter(|cell| !cell.is_null()) {
        let code = cell.integer().and_then(|code| u32::try_from(code).ok());
        out.push(code.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    Ok(text(out))
}

fn unicode(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    let first = text_of(cells, 0).chars().next();
    Ok(first.map_or(Cell::Null, |first| Cell::Integer(i64::from(u32::from(first)))))
}

fn hex(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let owned;
    let bytes: &[u8] = if let Cell::Blob(bytes) = &cells[0] {
        bytes
    } else {
        owned = text_of(cells, 0).into_owned();
        owned.as_bytes()
    };
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    Ok(text(out))
}

fn unhex(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    let ignored = text_of(cells, 1);
    let mut bytes = Vec::new();
    let mut high = None;
    for char in text_of(cells, 0).chars() {
        match (char.to_digit(16).and_then(|digit| u8::try_from(digit).ok()), high) {
            (Some(digit), None) => high = Some(digit),
            (Some(digit), Some(first)) => {
                bytes.push(first << 4 | digit);
                high = None;
            }
            // only between two bytes may other characters stand
            (None, None) if ignored.contains(char) => {}
            (None, _) => return Ok(Cell::Null),
        }
    }
    Ok(if high.is_some() { Cell::Null } else { Cell::Blob(bytes.into()) })
}

fn regexp_substr(cells: &[Cell<'_>], memory: &mut Memory) -> Answer {
    let found = text_of(cells, 0);
    let pattern = memory.pattern(&text_of(cells, 1))?;
    Ok(pattern.find(&found).map_or(Cell::Null, |found| text(found.as_str())))
}

const fn doc(
    name: &'static str,
    syntax: &'static str,
    text: &'static str,
    example: (&'static str, &'static str),
) -> FunctionDoc {
    FunctionDoc::new(Section::Text, (name, &[]), syntax, text, example)
}

const fn scalar(
    doc: FunctionDoc,
    arguments: (usize, usize),
    returns: Returns,
    call: fn(&[Cell<'_>], &mut Memory) -> Answer,
) -> Scalar {
    Scalar { doc, arguments, returns, strict: true, times: &[], call }
}

/// The functions of this file.
pub(super) static FUNCTIONS: &[Scalar] = &[
    Scalar {
        strict: false,
        ..scalar(
            doc(
                "typeof",
                "typeof(x)",
                "The type of a value: `null`, `boolean`, `integer`, `real`, `text` or `blob`. Dates and times are text.",
                ("SELECT typeof(1), typeof('a'), typeof(NULL)", "integer | text | null"),
            ),
            (1, 1),
            Returns::Text,
            typeof_,
        )
    },
    scalar(
        doc(
            "string",
            "string(x)",
            "A value as text; in a request body, a JSON string whatever the text looks like.",
            ("SELECT string(1.5)", "1.5"),
        ),
        (1, 1),
        Returns::Text,
        string,
    ),
    Scalar {
        strict: false,
        ..scalar(
            doc(
                "char",
                "char(code, …)",
                "The characters with the given Unicode code points. NULL arguments are left out.",
                ("SELECT char(72, 105)", "Hi"),
            ),
            (0, ANY),
            Returns::Text,
            char,
        )
    },
    scalar(
        doc(
            "unicode",
            "unicode(x)",
            "The Unicode code point of the first character; NULL for an empty text.",
            ("SELECT unicode('é')", "233"),
        ),
        (1, 1),
        Returns::Integer,
        unicode,
    ),
    scalar(
        doc(
            "hex",
            "hex(x)",
            "The bytes of a value in hexadecimal; numbers are written as text first.",
            ("SELECT hex('ab')", "6162"),
        ),
        (1, 1),
        Returns::Text,
        hex,
    ),
    scalar(
        doc(
            "unhex",
            "unhex(x[, ignored])",
            "The bytes of a hexadecimal text; NULL if it is none. Characters of the second argument may stand between bytes.",
            ("SELECT arrow_cast(unhex('61-62', '-'), 'Utf8')", "ab"),
        ),
        (1, 2),
        Returns::Blob,
        unhex,
    ),
    scalar(
        doc(
            "regexp_substr",
            "regexp_substr(x, pattern)",
            "The first part of a text that matches a regular expression; NULL if none does. A pattern that cannot be read is an error.",
            ("SELECT regexp_substr('db-42-eu', '[0-9]+|eu')", "42"),
        ),
        (2, 2),
        Returns::Text,
        regexp_substr,
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(text: &str) -> Cell<'_> {
        Cell::Text(text.into())
    }

    #[test]
    fn hexadecimal_goes_both_ways() {
        let mut memory = Memory::default();
        assert_eq!(hex(&[cell("é")], &mut memory).unwrap(), text("C3A9"));
        assert_eq!(hex(&[Cell::Integer(12)], &mut memory).unwrap(), text("3132"));
        for (input, ignored, bytes) in [
            ("c3A9", "", Some(&[0xc3, 0xa9][..])),
            ("61 62", " ", Some(b"ab")),
            ("6 1", " ", None),
            ("6", "", None),
            ("zz", "", None),
            ("", "", Some(b"")),
        ] {
            let wanted = bytes.map_or(Cell::Null, |bytes| Cell::Blob(bytes.into()));
            assert_eq!(
                unhex(&[cell(input), cell(ignored)], &mut memory).unwrap(),
                wanted,
                "{input}"
            );
        }
    }

    #[test]
    fn patterns_are_compiled_once_and_bad_ones_named() {
        let mut memory = Memory::default();
        let mut at =
            |whole: &str, pattern: &str| regexp_substr(&[cell(whole), cell(pattern)], &mut memory);
        assert_eq!(at("aab", "^a").unwrap(), text("a"));
        assert_eq!(at("xaab", "^a").unwrap(), Cell::Null);
        assert_eq!(at("xaab", "(b|x)a*").unwrap(), text("xaa"));
        assert_eq!(at("abc", "z*").unwrap(), text(""));
        let report = at("a", "(").unwrap_err();
        assert_eq!(report.code, strataql_diag::Code::BadValue);
        assert!(!report.help.is_empty());
    }

    #[test]
    fn code_points_that_are_none_become_replacements() {
        let cells = [Cell::Integer(72), Cell::Null, Cell::Integer(-1), Cell::Integer(0xd800)];
        let found = char(&cells, &mut Memory::default()).unwrap();
        assert_eq!(found, text("H\u{fffd}\u{fffd}"));
        assert_eq!(unicode(&[cell("")], &mut Memory::default()).unwrap(), Cell::Null);
    }
}
