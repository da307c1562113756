//! JSON whose numbers keep their digits.
//!
//! Owns: reading JSON text, and writing it, without a number passing through a float.
//! Surprise: `serde_json` keeps numbers of 64 bits. A number that it would change is text that begins
//! with [`MARK`] inside of the tree, and a number again when the tree is written. No other text may
//! begin with that character.

use jiter::{Jiter, Peek};
use serde::ser::{Error as _, Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value as Json};

/// A code point that Unicode reserves for use inside of programs.
pub(crate) const MARK: char = '\u{fdd0}';

/// Deepest nesting that is read.
const MAX_DEPTH: usize = 200;

/// Reads JSON text. If an object names a key twice, the last one counts.
///
/// # Errors
/// What is wrong with the text, as a clause.
pub fn read_json(text: &str) -> Result<Json, String> {
    read(text, Repeated::LastCounts)
}

/// What is done with a key that an object names twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repeated {
    LastCounts,
    /// The values must be the same.
    MustAgree,
}

fn read(text: &str, repeated: Repeated) -> Result<Json, String> {
    let mut jiter = Jiter::new(text.as_bytes());
    let peek = jiter.peek().map_err(|error| error.error_type.to_string())?;
    let json = value(&mut jiter, peek, repeated, MAX_DEPTH)?;
    jiter.finish().map_err(|error| error.error_type.to_string())?;
    Ok(json)
}

/// [`read_json`] of an answer; one that gives a key two values cannot be read.
///
/// # Errors
/// What is wrong with it, as a clause.
pub fn read_answer(bytes: &[u8]) -> Result<Json, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    read(text, Repeated::MustAgree)
}

/// Writes JSON text, numbers as they were read.
pub fn json_text(json: &Json) -> String {
    serde_json::to_string(&Written(json)).unwrap_or_else(|_| json.to_string())
}

/// A number by its digits; `None` if JSON has no such number.
pub(crate) fn number(digits: &str) -> Option<Json> {
    if !is_number(digits) {
        return None;
    }
    let short = serde_json::from_str::<Number>(digits).ok();
    Some(match short.filter(|number| number.to_string() == digits) {
        Some(number) => Json::Number(number),
        None => Json::String(format!("{MARK}{digits}")),
    })
}

/// The digits of a number that `serde_json` would change.
pub(crate) fn digits(json: &Json) -> Option<&str> {
    json.as_str()?.strip_prefix(MARK).filter(|digits| is_number(digits))
}

/// The digits of a number of [`read_json`]; `None` for another value.
pub fn number_digits(json: &Json) -> Option<String> {
    match json {
        Json::Number(number) => Some(number.to_string()),
        other => digits(other).map(str::to_owned),
    }
}

/// True for two spellings of one number: `1.10` and `1.1`, `100` and `1e2`.
pub(crate) fn is_same_number(one: &str, other: &str) -> bool {
    match (Decimal::read(one), Decimal::read(other)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}

/// A number without what its spelling adds: no zeros at either end.
#[derive(PartialEq, Eq)]
struct Decimal {
    is_negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    fn read(text: &str) -> Option<Self> {
        if !is_number(text) {
            return None;
        }
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let exponent: i64 = exponent.parse().ok()?;
        let unsigned = mantissa.strip_prefix('-').unwrap_or(mantissa);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let all = format!("{whole}{fraction}");
        let digits = all.trim_end_matches('0');
        if digits.is_empty() {
            return Some(Self { is_negative: false, digits: String::new(), exponent: 0 });
        }
        let cut = i64::try_from(all.len() - digits.len()).ok()?;
        let places = i64::try_from(fraction.len()).ok()?;
        Some(Self {
            is_negative: mantissa.starts_with('-'),
            digits: digits.trim_start_matches('0').to_owned(),
            exponent: exponent.checked_sub(places)?.checked_add(cut)?,
        })
    }
}

/// Text as JSON.
///
/// # Errors
/// A clause about text that begins with the reserved character.
pub(crate) fn text(text: &str) -> Result<Json, String> {
    if text.starts_with(MARK) {
        return Err("text that does not begin with the noncharacter U+FDD0".to_owned());
    }
    Ok(Json::String(text.to_owned()))
}

/// True for a number in the grammar of JSON.
fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    all_digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(all_digits)
        && exponent.is_none_or(|text| all_digits(text.strip_prefix(['+', '-']).unwrap_or(text)))
}

fn value(
    jiter: &mut Jiter<'_>,
    peek: Peek,
    repeated: Repeated,
    depth: usize,
) -> Result<Json, String> {
    let wrong = |error: jiter::JiterError| error.error_type.to_string();
    let Some(deeper) = depth.checked_sub(1) else {
        return Err(format!("it is nested more than {MAX_DEPTH} deep"));
    };
    Ok(match peek {
        Peek::Null => {
            jiter.known_null().map_err(wrong)?;
            Json::Null
        }
        Peek::True | Peek::False => Json::Bool(jiter.known_bool(peek).map_err(wrong)?),
        Peek::String => {
            let read = jiter.known_str().map_err(wrong)?;
            text(read).map_err(|expected| format!("it needs {expected}"))?
        }
        Peek::Array => {
            let mut items = Vec::new();
            let mut next = jiter.known_array().map_err(wrong)?;
            while let Some(peek) = next {
                items.push(value(jiter, peek, repeated, deeper)?);
                next = jiter.array_step().map_err(wrong)?;
            }
            Json::Array(items)
        }
        Peek::Object => {
            let mut fields = Map::new();
            let mut key = jiter.known_object().map_err(wrong)?.map(str::to_owned);
            while let Some(name) = key {
                let peek = jiter.peek().map_err(wrong)?;
                let value = value(jiter, peek, repeated, deeper)?;
                let known = fields.get(&name).filter(|_| repeated == Repeated::MustAgree);
                if known.is_some_and(|known| *known != value) {
                    return Err(format!("it has the key `{name}` twice, with different values"));
                }
                fields.insert(name, value);
                key = jiter.next_key().map_err(wrong)?.map(str::to_owned);
            }
            Json::Object(fields)
        }
        peek => {
            let bytes = jiter.known_number_bytes(peek).map_err(wrong)?;
            let digits = String::from_utf8_lossy(bytes);
            number(&digits).ok_or_else(|| format!("`{digits}` is no number of JSON"))?
        }
    })
}

/// A tree that is written with the digits of its numbers.
struct Written<'a>(&'a Json);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Json::Array(items) => {
                let mut sequence = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    sequence.serialize_element(&Written(item))?;
                }
                sequence.end()
            }
            Json::Object(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (key, value) in fields {
                    map.serialize_entry(key, &Written(value))?;
                }
                map.end()
            }
            other => match digits(other) {
                Some(digits) => RawValue::from_string(digits.to_owned())
                    .map_err(S::Error::custom)?
                    .serialize(serializer),
                None => other.serialize(serializer),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_gives_a_key_one_value() {
        let twice = |text: &str| read_answer(text.as_bytes()).map(|json| json.to_string());
        assert_eq!(twice(r#"{"a":1,"b":2,"a":1}"#).expect("the same"), r#"{"a":1,"b":2}"#);
        let problem = twice(r#"[{"o":{"a":1,"a":2}}]"#).expect_err("two values");
        assert_eq!(problem, "it has the key `a` twice, with different values");
        assert_eq!(read_json(r#"{"a":1,"a":2}"#).expect("the last").to_string(), r#"{"a":2}"#);
    }

    #[test]
    fn numbers_keep_every_digit() {
        for text in [
            "0",
            "-0",
            "1.10",
            "1e3",
            "1E+3",
            "-2.50",
            "0.1234567890123456789",
            "18446744073709551615",
            "12345678901234567890123",
            "1e400",
            r#"{"a":[1.0,1.00,{"b":-0.0}],"c":"1.10","d":12345678901234567890123}"#,
        ] {
            assert_eq!(json_text(&read_json(text).expect("JSON")), text);
        }
        let long = "9".repeat(5000);
        let read = read_json(&long);
        assert!(read.is_err() || json_text(&read.expect("checked")) == long);
    }

    #[test]
    fn a_number_has_many_spellings() {
        for (one, other) in [
            ("1.10", "1.1"),
            ("100", "1e2"),
            ("0", "-0.000"),
            ("0e5", "0"),
            ("12345678901234567890123", "12345678901234567890.123E3"),
            ("-0.50", "-5e-1"),
        ] {
            assert!(is_same_number(one, other), "{one} and {other}");
        }
        for (one, other) in [
            ("1", "-1"),
            ("1", "10"),
            ("12345678901234567890123", "12345678901234567890124"),
            ("0.1", "0.10000000000000000001"),
            ("x", "x"),
        ] {
            assert!(!is_same_number(one, other), "{one} and {other}");
        }
    }

    #[test]
    fn no_text_becomes_a_number() {
        assert!(read_json("\"\u{fdd0}1\"").is_err());
        assert!(text("\u{fdd0}1").is_err());
        // a tree that was read elsewhere
        let forged = Json::from("\u{fdd0}1,\"admin\":true");
        assert_eq!(json_text(&forged), "\"\u{fdd0}1,\\\"admin\\\":true\"");
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in ["", "{", "01", "1.", ".5", "+1", "NaN", "Infinity", "[1,]", "1 2", "{a:1}"] {
            assert!(read_json(text).is_err(), "{text}");
        }
        assert!(read_json(&"[".repeat(100_000)).is_err());
        for text in ["01", "1.", ".5", "+1", "NaN", "1e", "", "-", "1_0", "0x1"] {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
