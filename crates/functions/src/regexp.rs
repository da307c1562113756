//! `regexp_matches`, `regexp_split_to_array`: lists of what a regular expression finds.
//!
//! Surprise: in PostgreSQL `regexp_matches` gives rows. Here it gives a list of them, which the front
//! unnests in a select list.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListBuilder, StringArray, StringBuilder};
use arrow::datatypes::{DataType, Field};
use datafusion_common::{Result, ScalarValue, plan_err};
use datafusion_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use regex::Regex;

use super::doc::{FunctionDoc, Section};
use super::scalar::Memory;
use crate::error::external;

static DOCS: &[(bool, FunctionDoc)] = &[
    (
        true,
        FunctionDoc::new(
            Section::Text,
            ("regexp_matches", &[]),
            "regexp_matches(x, pattern[, flags])",
            "In a select list a row for the first place that the regular expression fits, with the flag `g` one for every such place: the list of what its groups took, or of all that fitted if it has none. Further flags are `i` (case does not matter), `s`, `n` and `x`.",
            (
                "SELECT array_to_string(m, '-') FROM (SELECT regexp_matches('a1b22', '([a-z])(\\d+)', 'g') AS m) AS q",
                "a-1\nb-22",
            ),
        ),
    ),
    (
        false,
        FunctionDoc::new(
            Section::Text,
            ("regexp_split_to_array", &[]),
            "regexp_split_to_array(x, pattern[, flags])",
            "The list of the parts between the places that the regular expression fits.",
            ("SELECT array_to_string(regexp_split_to_array('a, b,c', ',\\s*'), '|')", "a|b|c"),
        ),
    ),
];

/// The documentation of these functions.
pub(super) fn docs() -> impl Iterator<Item = &'static FunctionDoc> {
    DOCS.iter().map(|(_, doc)| doc)
}

/// The functions.
pub(super) fn udfs() -> impl Iterator<Item = ScalarUDF> {
    DOCS.iter().map(|(is_match, doc)| {
        ScalarUDF::from(Lists {
            is_match: *is_match,
            name: doc.name,
            signature: Signature::user_defined(Volatility::Immutable),
            documentation: doc.documentation(),
        })
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Lists {
    is_match: bool,
    name: &'static str,
    signature: Signature,
    documentation: Documentation,
}

fn list(element: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(element, true)))
}

impl ScalarUDFImpl for Lists {
    fn name(&self) -> &'static str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }

    fn coerce_types(&self, kinds: &[DataType]) -> Result<Vec<DataType>> {
        if !(2..=3).contains(&kinds.len()) {
            return plan_err!("{} takes a text, a pattern and, if wanted, flags", self.name);
        }
        Ok(vec![DataType::Utf8; kinds.len()])
    }

    fn return_type(&self, _kinds: &[DataType]) -> Result<DataType> {
        let texts = list(DataType::Utf8);
        Ok(if self.is_match { list(texts) } else { texts })
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_constant = arguments.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if is_constant { 1 } else { arguments.number_rows };
        let columns: Vec<ArrayRef> =
            arguments.args.iter().map(|arg| arg.to_array(rows)).collect::<Result<_>>()?;
        let texts: Vec<&StringArray> =
            columns.iter().map(|column| column.as_string::<i32>()).collect();
        let mut memory = Memory::default();
        let mut matches = ListBuilder::new(ListBuilder::new(StringBuilder::new()));
        let mut parts = ListBuilder::new(StringBuilder::new());
        for row in 0..rows {
            if texts.iter().any(|text| text.is_null(row)) {
                matches.append_null();
                parts.append_null();
                continue;
            }
            let flags = texts.get(2).map_or("", |flags| flags.value(row));
            let pattern = with_flags(texts[1].value(row), flags);
            let regex = memory.pattern(&pattern).map_err(external)?;
            let text = texts[0].value(row);
            if self.is_match {
                add_matches(regex, text, flags.contains('g'), matches.values());
                matches.append(true);
            } else {
                for part in regex.split(text) {
                    parts.values().append_value(part);
                }
                parts.append(true);
            }
        }
        let made: ArrayRef =
            if self.is_match { Arc::new(matches.finish()) } else { Arc::new(parts.finish()) };
        if is_constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&made, 0)?));
        }
        Ok(ColumnarValue::Array(made))
    }
}

/// A pattern with PostgreSQL's flags in front.
fn with_flags(pattern: &str, flags: &str) -> String {
    let mut inner = String::new();
    for flag in flags.chars() {
        match flag {
            'i' | 's' | 'x' => inner.push(flag),
            'n' | 'm' => inner.push('m'),
            _ => {}
        }
    }
    // a dot takes line breaks, unless `n` is there
    if !flags.contains(['n', 'm', 's']) {
        inner.push('s');
    }
    format!("(?{inner}){pattern}")
}

fn add_matches(regex: &Regex, text: &str, every: bool, rows: &mut ListBuilder<StringBuilder>) {
    for found in regex.captures_iter(text).take(if every { usize::MAX } else { 1 }) {
        let first = usize::from(found.len() > 1);
        for group in found.iter().skip(first) {
            rows.values().append_option(group.map(|group| group.as_str()));
        }
        rows.append(true);
    }
}
