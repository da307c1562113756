//! Types of the columns of local tables.
//!
//! Owns: what a type name of CREATE TABLE means, how a type is called, and putting values into a
//! column without changing them.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use datafusion::arrow::compute::kernels::cmp::distinct;
use datafusion::arrow::compute::{CastOptions, cast, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Field, TimeUnit};
use datafusion::sql::sqlparser::ast::{self as sql, ExactNumberInfo, TimezoneInfo};
use strataql_call::field_of;
use strataql_diag::{Code, Report};
use strataql_query::error::sql_types;
use strataql_spec::ColumnType;

use super::Found;

/// Metadata of a column that says what it is; anything else belongs to the scan it came from.
const KEPT_METADATA: &[&str] = &["ARROW:extension:name", strataql_functions::JSON_SCHEMA];

/// The column that a definition describes.
pub(super) fn column(name: &str, kind: &sql::DataType, nullable: bool) -> Found<Field> {
    if let sql::DataType::JSON | sql::DataType::JSONB = kind {
        return Ok(field_of(name, ColumnType::Json).with_nullable(nullable));
    }
    match arrow_type(kind) {
        Some(kind) => Ok(Field::new(name, kind, nullable)),
        None => Err(Box::new(
            Report::new(Code::UnsupportedSyntax, format!("the column `{name}` cannot have the type {kind}"))
                .with_help("types are BOOLEAN, SMALLINT, INTEGER, BIGINT, REAL, DOUBLE, DECIMAL, TEXT, DATE, TIME, TIMESTAMP, BLOB and JSON"),
        )),
    }
}

fn arrow_type(kind: &sql::DataType) -> Option<DataType> {
    use sql::DataType as S;
    Some(match kind {
        S::Bit(None | Some(1)) | S::Bool | S::Boolean => DataType::Boolean,
        S::TinyInt(_) | S::SmallInt(_) | S::Int2(_) | S::Int16 => DataType::Int16,
        S::MediumInt(_) | S::Int(_) | S::Int4(_) | S::Integer(_) | S::Int32 => DataType::Int32,
        S::BigInt(_) | S::Int8(_) | S::Int64 | S::IntUnsigned(_) | S::IntegerUnsigned(_) => {
            DataType::Int64
        }
        S::BigIntUnsigned(_) | S::UInt64 => DataType::UInt64,
        S::Real | S::Float4 | S::Float32 => DataType::Float32,
        S::Float(_) | S::Double(_) | S::DoublePrecision | S::Float8 | S::Float64 => {
            DataType::Float64
        }
        S::Decimal(info) | S::Numeric(info) | S::Dec(info) => decimal(info)?,
        S::Char(_)
        | S::Character(_)
        | S::CharacterVarying(_)
        | S::CharVarying(_)
        | S::Varchar(_)
        | S::Nvarchar(_)
        | S::Clob(_)
        | S::Text
        | S::TinyText
        | S::MediumText
        | S::LongText
        | S::String(_)
        | S::Uuid
        | S::Enum(..) => DataType::Utf8,
        S::Blob(_)
        | S::TinyBlob
        | S::MediumBlob
        | S::LongBlob
        | S::Binary(_)
        | S::Varbinary(_)
        | S::Bytea
        | S::Bytes(_) => DataType::Binary,
        S::Date | S::Date32 => DataType::Date32,
        S::Time(_, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => {
            DataType::Time64(TimeUnit::Microsecond)
        }
        S::Timestamp(_, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone)
        | S::Datetime(_)
        | S::TimestampNtz(_) => DataType::Timestamp(TimeUnit::Microsecond, None),
        S::Timestamp(..) => DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into())),
        S::Custom(name, _) if name.to_string().eq_ignore_ascii_case("year") => DataType::Int32,
        _ => return None,
    })
}

fn decimal(info: &ExactNumberInfo) -> Option<DataType> {
    let (precision, scale) = match info {
        ExactNumberInfo::None => (38, 10),
        ExactNumberInfo::Precision(precision) => (*precision, 0),
        ExactNumberInfo::PrecisionAndScale(precision, scale) => (*precision, *scale),
    };
    let precision = u8::try_from(precision).ok().filter(|p| (1..=38).contains(p))?;
    let scale = i8::try_from(scale).ok().filter(|s| *s >= 0 && s.unsigned_abs() <= precision)?;
    Some(DataType::Decimal128(precision, scale))
}

/// The column as it is kept: under its label, without what only its scan understands.
pub(super) fn kept(field: &Field, label: &str) -> Field {
    let kind = match field.data_type() {
        DataType::Null | DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        other => other.clone(),
    };
    let metadata = field
        .metadata()
        .iter()
        .filter(|(key, _)| KEPT_METADATA.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    Field::new(label, kind, true).with_metadata(metadata)
}

/// Values as a column's type.
///
/// # Errors
/// `bad-value` for a value that the column cannot hold as it is.
pub(super) fn fitted(values: &ArrayRef, field: &Field) -> Found<ArrayRef> {
    let bad = |why: String| {
        Box::new(
            Report::new(
                Code::BadValue,
                format!("a value does not fit the column `{}`: {why}", field.name()),
            )
            .with_help(format!("the column is {}; convert the value with CAST", sql_name(field))),
        )
    };
    let fitted = if values.data_type() == field.data_type() {
        Arc::clone(values)
    } else {
        let strict = CastOptions { safe: false, ..CastOptions::default() };
        let fitted = cast_with_options(values, field.data_type(), &strict)
            .map_err(|error| bad(sql_types(&first_line(&error.to_string()))))?;
        let rounds = values.data_type().is_floating() && !field.data_type().is_floating();
        if rounds && field.data_type().is_numeric() && !is_same(values, &fitted) {
            return Err(bad("it has digits after the point that would be lost".to_owned()));
        }
        fitted
    };
    if !field.is_nullable() && fitted.null_count() > 0 {
        return Err(Box::new(
            Report::new(Code::BadValue, format!("the column `{}` takes no NULL", field.name()))
                .with_help("give a value"),
        ));
    }
    if is_json(field)
        && let Some(texts) = fitted.as_string_opt::<i32>()
        && let Some(text) = texts.iter().flatten().find(|text| !is_json_text(text))
    {
        let shown: String = text.chars().take(40).collect();
        return Err(bad(format!("`{shown}` is no JSON")));
    }
    Ok(fitted)
}

/// True if a cast kept every value.
fn is_same(before: &ArrayRef, after: &ArrayRef) -> bool {
    let Ok(back) = cast(after, before.data_type()) else { return false };
    let different: Option<BooleanArray> = distinct(before, &back).ok();
    different.is_some_and(|different| different.true_count() == 0)
}

fn is_json_text(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

fn is_json(field: &Field) -> bool {
    field.metadata().get("ARROW:extension:name").is_some_and(|name| name == "arrow.json")
}

fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or(text);
    let line = line.split_once("error: ").map_or(line, |(_, rest)| rest);
    let mut chars = line.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => String::new(),
    }
}

/// What SQL calls the type of a column.
pub(crate) fn sql_name(field: &Field) -> String {
    if is_json(field) {
        return ColumnType::Json.sql_name().to_owned();
    }
    match field.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => {
            "TEXT".to_owned()
        }
        DataType::Boolean => "BOOLEAN".to_owned(),
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => "SMALLINT".to_owned(),
        DataType::Int32 | DataType::UInt16 => "INTEGER".to_owned(),
        DataType::Int64 | DataType::UInt32 => "BIGINT".to_owned(),
        DataType::UInt64 => "BIGINT UNSIGNED".to_owned(),
        DataType::Float16 | DataType::Float32 => "REAL".to_owned(),
        DataType::Float64 => "DOUBLE".to_owned(),
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            format!("DECIMAL({precision}, {scale})")
        }
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "BLOB".to_owned(),
        DataType::Date32 | DataType::Date64 => "DATE".to_owned(),
        DataType::Time32(_) | DataType::Time64(_) => "TIME".to_owned(),
        DataType::Timestamp(_, None) => "TIMESTAMP".to_owned(),
        DataType::Timestamp(..) => "TIMESTAMP WITH TIME ZONE".to_owned(),
        other => other.to_string().to_uppercase(),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Float64Array, Int64Array, StringArray};

    use super::*;

    #[test]
    fn values_are_fitted_without_changing_them() {
        let int = Field::new("n", DataType::Int32, false);
        let fits =
            |values: ArrayRef, field: &Field| fitted(&values, field).map(|array| array.len());
        assert_eq!(fits(Arc::new(Float64Array::from(vec![2.0])), &int).expect("whole"), 1);
        assert_eq!(fits(Arc::new(StringArray::from(vec!["7"])), &int).expect("digits"), 1);
        for bad in [
            Arc::new(Float64Array::from(vec![1.5])) as ArrayRef,
            Arc::new(StringArray::from(vec!["x"])),
            Arc::new(Int64Array::from(vec![i64::MAX])),
            Arc::new(Int64Array::from(vec![None])),
        ] {
            assert_eq!(fits(bad, &int).expect_err("does not fit").code, Code::BadValue);
        }
        let json = column("j", &sql::DataType::JSON, true).expect("a type");
        assert!(fits(Arc::new(StringArray::from(vec!["{\"a\":1}"])), &json).is_ok());
        assert!(fits(Arc::new(StringArray::from(vec!["{a}"])), &json).is_err());
    }

    #[test]
    fn type_names_have_a_meaning() {
        let name = |kind| column("c", &kind, true).map(|field| sql_name(&field));
        assert_eq!(name(sql::DataType::Text).expect("text"), "TEXT");
        assert_eq!(
            name(sql::DataType::Decimal(ExactNumberInfo::PrecisionAndScale(10, 2)))
                .expect("decimal"),
            "DECIMAL(10, 2)"
        );
        assert_eq!(name(sql::DataType::TsVector).expect_err("none").code, Code::UnsupportedSyntax);
    }
}
