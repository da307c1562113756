//! `json_path(column, step, …)`: the value at a path into a JSON column, which every spelling of such a
//! path becomes (`col.a.b`, `col['a']`, `col[0]`, `col -> 'a'`, `col ->> 'a'`).
//!
//! Surprise: the type of a path comes from the *argument's field*, so it holds through aliases,
//! derived tables and joins without any planner state.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanBuilder, Float64Builder, Int64Builder, StringBuilder,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef};
use datafusion_common::{Result, ScalarValue, internal_err};
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility, lit,
};
use strataql_diag::{Code, Report};
use strataql_json::{Found, find_keys};

use super::json_column::{type_at, typed_field};
use crate::error::external;

#[derive(Debug, PartialEq, Eq, Hash)]
struct JsonPath {
    signature: Signature,
}

/// The function.
fn json_path() -> Arc<ScalarUDF> {
    let signature = Signature::variadic_any(Volatility::Immutable);
    Arc::new(ScalarUDF::new_from_impl(JsonPath { signature }))
}

/// The step of a path that a literal is: a key, or an index.
pub fn step_text(scalar: &ScalarValue) -> Option<String> {
    match scalar {
        ScalarValue::Utf8(Some(text))
        | ScalarValue::Utf8View(Some(text))
        | ScalarValue::LargeUtf8(Some(text)) => Some(text.clone()),
        ScalarValue::Int64(Some(number)) => Some(number.to_string()),
        ScalarValue::UInt64(Some(number)) => Some(number.to_string()),
        _ => None,
    }
}

impl ScalarUDFImpl for JsonPath {
    fn name(&self) -> &'static str {
        "json_path"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let parts: Vec<String> = args
            .iter()
            .map(|arg| match arg {
                Expr::Literal(value, _) => step_text(value).unwrap_or_else(|| value.to_string()),
                Expr::Column(column) => column.name.clone(),
                other => other.schema_name().to_string(),
            })
            .collect();
        Ok(parts.join("."))
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        internal_err!("json_path is typed by its argument's field")
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let path: Vec<String> = args
            .scalar_arguments
            .iter()
            .skip(1)
            .map(|step| step.and_then(step_text).unwrap_or_default())
            .collect();
        let Some(first) = args.arg_fields.first() else {
            return internal_err!("json_path needs a column");
        };
        let (kind, schema) = type_at(first, &path);
        Ok(Arc::new(typed_field(self.name(), kind, schema)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let path: Vec<String> = args
            .args
            .iter()
            .skip(1)
            .map(|step| match step {
                ColumnarValue::Scalar(scalar) => step_text(scalar).unwrap_or_default(),
                ColumnarValue::Array(_) => String::new(),
            })
            .collect();
        let texts = args.args[0].to_array(args.number_rows)?;
        let texts = cast(&texts, &DataType::Utf8)?;
        let texts = texts.as_string::<i32>();
        let cells = (0..texts.len())
            .map(|row| if texts.is_null(row) { None } else { find_keys(texts.value(row), &path) });
        let array = column(cells, args.return_field.data_type(), &path)?;
        Ok(ColumnarValue::Array(array))
    }
}

/// A column of found values; `path` is named in messages.
pub(super) fn column(
    cells: impl Iterator<Item = Option<Found>>,
    kind: &DataType,
    path: &[String],
) -> Result<ArrayRef> {
    let misfit = |text: &str, wanted: &str| {
        external(Box::new(
            Report::new(
                Code::BadRemoteValue,
                format!("`{text}` at `{}` should be {wanted}", path.join(".")),
            )
            .with_help("read it as text with `json_extract`, or convert it with TRY_CAST"),
        ))
    };
    Ok(match kind {
        DataType::Int64 => {
            let mut builder = Int64Builder::new();
            for cell in cells {
                let text = cell.map(Found::into_text);
                let number = text.as_deref().map(whole).transpose();
                builder.append_option(number.map_err(|text| misfit(&text, "a whole number"))?);
            }
            Arc::new(builder.finish())
        }
        DataType::Float64 => {
            let mut builder = Float64Builder::new();
            for cell in cells {
                let text = cell.map(Found::into_text);
                let number = text.as_deref().map(|text| text.parse().map_err(|_| text.to_owned()));
                builder
                    .append_option(number.transpose().map_err(|text| misfit(&text, "a number"))?);
            }
            Arc::new(builder.finish())
        }
        DataType::Boolean => {
            let mut builder = BooleanBuilder::new();
            for cell in cells {
                let text = cell.map(Found::into_text);
                let flag = text.as_deref().map(|text| text.parse().map_err(|_| text.to_owned()));
                builder.append_option(
                    flag.transpose().map_err(|text| misfit(&text, "`true` or `false`"))?,
                );
            }
            Arc::new(builder.finish())
        }
        _ => {
            let mut builder = StringBuilder::new();
            for cell in cells {
                builder.append_option(cell.map(Found::into_text));
            }
            Arc::new(builder.finish())
        }
    })
}

fn whole(text: &str) -> std::result::Result<i64, String> {
    let digits = text.strip_suffix(".0").unwrap_or(text);
    digits.parse().map_err(|_| text.to_owned())
}

/// `root` with further steps; steps on a path lengthen it.
pub fn path_call(root: Expr, steps: impl IntoIterator<Item = String>) -> Expr {
    let mut args = match root {
        Expr::ScalarFunction(call) if call.func.name() == "json_path" => call.args,
        other => vec![other],
    };
    args.extend(steps.into_iter().map(lit));
    Expr::ScalarFunction(ScalarFunction::new_udf(json_path(), args))
}
