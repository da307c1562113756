//! `pg_typeof(x)`: the type of a value as PostgreSQL names it.

use std::sync::LazyLock;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion_common::{Result, ScalarValue, internal_err};
use datafusion_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};

use super::doc::{FunctionDoc, Section};
use super::json_column::is_json;

static DOCUMENTATION: LazyLock<Documentation> = LazyLock::new(|| DOC.documentation());

pub(super) static DOC: FunctionDoc = FunctionDoc::new(
    Section::Text,
    ("pg_typeof", &[]),
    "pg_typeof(x)",
    "The type of a value by the name that PostgreSQL has for it; `typeof` has the names of SQLite.",
    (
        "SELECT pg_typeof(1), pg_typeof(1.5), pg_typeof('a'), pg_typeof(now())",
        "bigint | double precision | text | timestamp with time zone",
    ),
);

#[derive(Debug, PartialEq, Eq, Hash)]
struct TypeOf {
    signature: Signature,
}

/// The function.
pub(super) fn udf() -> ScalarUDF {
    ScalarUDF::from(TypeOf { signature: Signature::any(1, Volatility::Immutable) })
}

impl ScalarUDFImpl for TypeOf {
    fn name(&self) -> &'static str {
        DOC.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _kinds: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn return_field_from_args(&self, _args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        Ok(FieldRef::new(Field::new(DOC.name, DataType::Utf8, false)))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(field) = arguments.arg_fields.first() else {
            return internal_err!("pg_typeof takes one value");
        };
        let name = if is_json(field) { "json".to_owned() } else { name_of(field.data_type()) };
        Ok(ColumnarValue::Scalar(ScalarValue::Utf8(Some(name))))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&DOCUMENTATION)
    }
}

fn name_of(kind: &DataType) -> String {
    let name = match kind {
        DataType::Null => "unknown",
        DataType::Boolean => "boolean",
        DataType::Int8 | DataType::UInt8 | DataType::Int16 => "smallint",
        DataType::Int32 | DataType::UInt16 => "integer",
        DataType::Int64 | DataType::UInt32 => "bigint",
        DataType::UInt64 => "numeric",
        DataType::Float16 | DataType::Float32 => "real",
        DataType::Float64 => "double precision",
        kind if kind.is_decimal() => "numeric",
        kind if kind.is_string() => "text",
        kind if kind.is_binary() => "bytea",
        DataType::Date32 | DataType::Date64 => "date",
        DataType::Time32(_) | DataType::Time64(_) => "time without time zone",
        DataType::Timestamp(_, None) => "timestamp without time zone",
        DataType::Timestamp(_, Some(_)) => "timestamp with time zone",
        DataType::Interval(_) | DataType::Duration(_) => "interval",
        DataType::List(field) | DataType::LargeList(field) | DataType::FixedSizeList(field, _) => {
            return format!("{}[]", name_of(field.data_type()));
        }
        DataType::Dictionary(_, value) => return name_of(value),
        _ => "record",
    };
    name.to_owned()
}
