//! `json_extract`: SQLite's paths, typed from the documented schema where there is one.

use std::hash::{Hash, Hasher};

use arrow::datatypes::{DataType, FieldRef};
use datafusion_common::{Result, internal_err};
use datafusion_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};
use strataql_json::{Found, Step, find, parse_path, quoted};

use super::cell::{Cell, text};
use super::doc::{Example, FunctionDoc, Section};
use super::json_column::{json_field, type_at, typed_field};
use super::json_path::column;
use super::scalar::{ANY, Memory, by_rows, signature, text_of};
use crate::error::external;

pub(super) static DOC: FunctionDoc = FunctionDoc {
    name: "json_extract",
    aliases: &["jsonb_extract"],
    section: Section::Json,
    syntax: "json_extract(x, path[, path, …])",
    text: "The value at a path such as `$.a.b[0].\"c d\"[#-1]`, where a key in double quotes is a JSON string. Scalars come as they are, objects and arrays as compact JSON text; NULL if nothing is there. On a column whose document describes it, the result has the type of the described value, otherwise it is text. Several paths give a JSON array.",
    example: Example {
        sql: r#"SELECT json_extract('{"a": [{"b": "x"}, 2]}', '$.a[0].b') AS b, json_extract('{"a": [1, 2]}', '$.a') AS a, json_extract('[1, "y"]', '$[0]', '$[#-1]') AS two"#,
        rows: r#"x | [1,2] | [1,"y"]"#,
    },
};

#[derive(Debug)]
struct JsonExtract {
    aliases: Vec<String>,
    signature: Signature,
    documentation: Documentation,
}

/// The function.
pub(super) fn udf() -> ScalarUDF {
    ScalarUDF::new_from_impl(JsonExtract {
        aliases: DOC.other_names(),
        signature: signature((2, ANY), Volatility::Immutable),
        documentation: DOC.documentation(),
    })
}

impl PartialEq for JsonExtract {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for JsonExtract {}

impl Hash for JsonExtract {
    fn hash<H: Hasher>(&self, state: &mut H) {
        DOC.name.hash(state);
    }
}

/// The keys of a path, as typed paths have them.
pub(super) fn keys(steps: &[Step]) -> Vec<String> {
    steps.iter().map(Step::key).collect()
}

impl ScalarUDFImpl for JsonExtract {
    fn name(&self) -> &'static str {
        DOC.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        internal_err!("json_extract is typed by its argument's field")
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        if args.arg_fields.len() > 2 {
            return Ok(FieldRef::new(json_field(DOC.name)));
        }
        let path = args.scalar_arguments.get(1).copied().flatten();
        let path = path.and_then(|path| path.try_as_str().flatten());
        let (kind, schema) = match (args.arg_fields.first(), path) {
            (Some(field), Some(path)) => {
                type_at(field, &keys(&parse_path(path).map_err(external)?))
            }
            _ => (DataType::Utf8, None),
        };
        Ok(FieldRef::new(typed_field(DOC.name, kind, schema)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let kind = args.return_field.data_type().clone();
        if args.args.len() > 2 {
            return by_rows(&args, &kind, several);
        }
        let texts = by_rows(&args, &DataType::Utf8, one)?;
        if kind == DataType::Utf8 {
            return Ok(texts);
        }
        let rows = match &texts {
            ColumnarValue::Array(array) => array.len(),
            ColumnarValue::Scalar(_) => 1,
        };
        let array = texts.to_array(rows)?;
        let array = datafusion_common::cast::as_string_array(&array)?;
        let path = match &args.args[1] {
            ColumnarValue::Scalar(path) => path.try_as_str().flatten().unwrap_or_default(),
            ColumnarValue::Array(_) => "",
        };
        let cells = array.iter().map(|text| text.map(|text| Found::Raw(text.to_owned())));
        Ok(ColumnarValue::Array(column(cells, &kind, &[path.to_owned()])?))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

fn one(cells: &[Cell<'_>], memory: &mut Memory) -> super::cell::Answer {
    if cells.iter().any(Cell::is_null) {
        return Ok(Cell::Null);
    }
    let steps = memory.path(&text_of(cells, 1))?;
    let whole = text_of(cells, 0);
    if steps.is_empty() && find(&whole, steps).is_none() {
        // `$` of a text that is no JSON: nested columns hold plain text where anything may be
        return Ok(if whole.trim() == "null" { Cell::Null } else { text(whole.into_owned()) });
    }
    let found = find(&whole, steps).map(Found::into_compact_text);
    Ok(found.map_or(Cell::Null, text))
}

fn several(cells: &[Cell<'_>], _memory: &mut Memory) -> super::cell::Answer {
    if cells.iter().any(Cell::is_null) {
        return Ok(Cell::Null);
    }
    let whole = text_of(cells, 0);
    let mut items = Vec::new();
    for path in &cells[1..] {
        let steps = parse_path(&path.text().unwrap_or_default())?;
        items.push(match find(&whole, &steps) {
            None => "null".to_owned(),
            Some(Found::Text(text)) => quoted(&text),
            Some(found) => found.into_compact_text(),
        });
    }
    Ok(super::cell::json(format!("[{}]", items.join(","))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, path: &str) -> Cell<'static> {
        one(&[Cell::Text(text.into()), Cell::Text(path.into())], &mut Memory::default()).unwrap()
    }

    #[test]
    fn scalars_come_unwrapped_and_containers_compact() {
        let text = r#"{"a": {"b": [1, "x", null, {"c": 1.50}]}, "t": true, "q.r": "s"}"#;
        for (path, found) in [
            ("$.a.b[0]", Some("1")),
            ("$.a.b[1]", Some("x")),
            ("$.a.b[2]", None),
            ("$.a.b[3].c", Some("1.50")),
            ("$.a.b", Some(r#"[1,"x",null,{"c":1.50}]"#)),
            ("$.t", Some("true")),
            ("$.\"q.r\"", Some("s")),
            ("$.a.x", None),
            ("$.a.b[#-1].c", Some("1.50")),
        ] {
            let wanted = found.map_or(Cell::Null, super::super::cell::text);
            assert_eq!(at(text, path), wanted, "{path}");
        }
        assert_eq!(at("plain", "$"), super::super::cell::text("plain"));
        assert_eq!(at("plain", "$.a"), Cell::Null);
        assert_eq!(at("null", "$"), Cell::Null);
    }
}
