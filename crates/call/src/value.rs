//! Parameter values and their form on the wire.
//!
//! Owns: the check of a value against the schema of its parameter.
//! Surprise: text with a number fits a numeric parameter (`page_size = '2'`), because that is how
//! people write it; any other text is an error before any request.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use strataql_spec::{Schema, SchemaKind};

use crate::exact;

/// A value given for a parameter or body attribute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Value {
    /// Text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Number(f64),
    /// A boolean.
    Boolean(bool),
    /// A structure.
    Json(Json),
}

impl Value {
    /// The value as text, without a schema: numbers in shortest form, text as it is, structures as JSON.
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Integer(number) => number.to_string(),
            Self::Number(number) => number_text(*number),
            Self::Boolean(flag) => flag.to_string(),
            Self::Json(json) => json_text(json),
        }
    }

    /// True if a response that has this text where this value was requested is about the object that was
    /// requested: the text is equal, equal but for case, the same number, or a name that ends with it
    /// (`projects/p/zones/z` for `z`).
    pub fn is_same_object(&self, answered: &str) -> bool {
        let requested = self.text();
        let (requested, answered) = (requested.trim(), answered.trim());
        // `007` as text is not `7`
        let is_number = matches!(self, Self::Integer(_) | Self::Number(_));
        let bare = |text: &str| whole_number(text).unwrap_or_else(|| text.to_owned());
        let is_equal = |one: &str, other: &str| {
            one == other
                || one.to_lowercase() == other.to_lowercase()
                || (is_number && exact::is_same_number(&bare(one), &bare(other)))
        };
        let ends_with = |long: &str, short: &str| {
            !short.is_empty()
                && long.len() > short.len()
                && long.is_char_boundary(long.len() - short.len())
                && long[..long.len() - short.len()].ends_with('/')
                && is_equal(&long[long.len() - short.len()..], short)
        };
        is_equal(requested, answered)
            || ends_with(answered, requested)
            || ends_with(requested, answered)
    }

    /// The texts to send for a parameter of that schema; several only for arrays.
    /// # Errors
    /// The expected type, when the value does not fit.
    pub fn wire_texts(&self, schema: &Schema) -> Result<Vec<String>, String> {
        if schema.kind == SchemaKind::Array {
            if let Some(items) = self.items() {
                return Ok(items.iter().map(json_text).collect());
            }
            return Ok(vec![self.text()]);
        }
        let text = self.text();
        match schema.kind {
            SchemaKind::Integer => whole_number(&text)
                .map(|number| vec![number])
                .ok_or_else(|| "a whole number".to_owned()),
            SchemaKind::Number if text.trim().parse::<f64>().is_ok_and(f64::is_finite) => {
                Ok(vec![text.trim().to_owned()])
            }
            SchemaKind::Number => Err("a number".to_owned()),
            SchemaKind::Boolean => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "1" => Ok(vec!["true".to_owned()]),
                "false" | "0" => Ok(vec!["false".to_owned()]),
                _ => Err("`true` or `false`".to_owned()),
            },
            _ => Ok(vec![text]),
        }
    }

    /// The items of a JSON array, given as a structure or as text.
    fn items(&self) -> Option<Vec<Json>> {
        match self {
            Self::Json(Json::Array(items)) => Some(items.clone()),
            Self::Text(text) if text.trim_start().starts_with('[') => {
                match exact::read_json(text) {
                    Ok(Json::Array(items)) => Some(items),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

/// A JSON scalar without quotes, a structure as JSON.
pub(crate) fn json_text(json: &Json) -> String {
    match (exact::digits(json), json) {
        (Some(digits), _) => digits.to_owned(),
        (None, Json::String(text)) => text.clone(),
        (None, other) => exact::json_text(other),
    }
}

/// True for scalars that mean the same: one text, or one number in two spellings (`"5"` and `5.0`).
pub fn is_same_scalar(one: &Json, other: &Json) -> bool {
    let is_scalar = |json: &Json| !json.is_object() && !json.is_array();
    let is_number = |json: &Json| exact::number_digits(json).is_some();
    let (a, b) = (json_text(one), json_text(other));
    is_scalar(one)
        && is_scalar(other)
        && one.is_null() == other.is_null()
        && (a == b || ((is_number(one) || is_number(other)) && exact::is_same_number(&a, &b)))
}

/// The canonical text of an integer, also when it is written `12.0`.
pub(crate) fn whole_number(text: &str) -> Option<String> {
    let text = text.trim();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = !whole.is_empty() && whole.bytes().all(|b| b.is_ascii_digit());
    let no_fraction = fraction.bytes().all(|b| b == b'0');
    (all_digits && no_fraction).then(|| {
        let sign = if text.starts_with('-') { "-" } else { "" };
        let whole = whole.trim_start_matches('0');
        if whole.is_empty() { "0".to_owned() } else { format!("{sign}{whole}") }
    })
}

/// A number in its shortest form: `2` rather than `2.0`.
fn number_text(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0 {
        format!("{number:.0}")
    } else {
        number.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_in_json_is_text() {
        assert_eq!(Value::Json(Json::from("x")).text(), "x");
        assert_eq!(Value::Json(serde_json::json!(["x"])).text(), "[\"x\"]");
    }

    fn check(kind: SchemaKind, value: Value, expected: Result<&[&str], &str>) {
        let schema = Schema { kind, ..Schema::default() };
        let got = value.wire_texts(&schema);
        match expected {
            Ok(texts) => assert_eq!(got.expect("fits"), texts),
            Err(wanted) => assert_eq!(got.expect_err("does not fit"), wanted),
        }
    }

    #[test]
    fn an_object_is_the_same_in_another_case_or_below_its_parents() {
        let is_same = |requested: &str, answered: &str| {
            Value::Text(requested.to_owned()).is_same_object(answered)
        };
        assert!(is_same("vm-1", "vm-1"));
        assert!(is_same("vm-1", "VM-1"));
        assert!(is_same("Ärger", "ärger"));
        assert!(is_same("zone-a", "https://h/projects/p/zones/zone-a"));
        assert!(is_same("projects/p/instances/x", "x"));
        assert!(Value::Integer(5).is_same_object("5"));
        assert!(Value::Integer(5).is_same_object("5.0"));
        for (requested, answered) in [
            ("vm-1", "vm-2"),
            ("vm-1", "xvm-1"),
            ("1", "projects/11"),
            ("", "x/"),
            ("x", ""),
            ("007", "7"),
            ("vm-1", "vm-1/x"),
        ] {
            assert!(!is_same(requested, answered), "{requested} and {answered}");
        }
    }

    #[test]
    fn scalars_are_compared_by_what_they_mean() {
        let read = |text: &str| exact::read_json(text).expect("JSON");
        for (one, other) in
            [("5", "5.0"), ("5", "\"5\""), ("1.10", "1.1"), ("\"x\"", "\"x\""), ("null", "null")]
        {
            assert!(is_same_scalar(&read(one), &read(other)), "{one} and {other}");
        }
        for (one, other) in [
            ("12345678901234567890123", "12345678901234567890124"),
            ("\"1.10\"", "\"1.1\""),
            ("null", "\"null\""),
            ("[1]", "[1]"),
            ("true", "1"),
        ] {
            assert!(!is_same_scalar(&read(one), &read(other)), "{one} and {other}");
        }
    }

    #[test]
    fn values_fit_their_schema_or_say_what_was_expected() {
        check(SchemaKind::Integer, Value::Text("2".into()), Ok(&["2"]));
        check(SchemaKind::Integer, Value::Number(2.0), Ok(&["2"]));
        check(SchemaKind::Integer, Value::Text("12.00".into()), Ok(&["12"]));
        check(SchemaKind::Integer, Value::Text("two".into()), Err("a whole number"));
        check(SchemaKind::Integer, Value::Number(2.5), Err("a whole number"));
        check(SchemaKind::Number, Value::Integer(3), Ok(&["3"]));
        check(SchemaKind::Number, Value::Text("x".into()), Err("a number"));
        check(SchemaKind::Boolean, Value::Text("TRUE".into()), Ok(&["true"]));
        check(SchemaKind::Boolean, Value::Integer(0), Ok(&["false"]));
        check(SchemaKind::Boolean, Value::Text("maybe".into()), Err("`true` or `false`"));
        check(SchemaKind::String, Value::Integer(i64::MAX), Ok(&["9223372036854775807"]));
        check(SchemaKind::Array, Value::Text("[1,\"b\"]".into()), Ok(&["1", "b"]));
        check(SchemaKind::Array, Value::Text("a,b".into()), Ok(&["a,b"]));
    }
}
