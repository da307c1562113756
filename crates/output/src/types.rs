//! The SQL names of column types.

use arrow_schema::extension::EXTENSION_TYPE_NAME_KEY;
use arrow_schema::{DataType, Field};

/// The SQL name of a column's type; types that SQL has no name for have Arrow's.
pub fn sql_type(field: &Field) -> String {
    let is_json =
        field.metadata().get(EXTENSION_TYPE_NAME_KEY).is_some_and(|name| name == "arrow.json");
    if is_json {
        return "JSON".to_owned();
    }
    let name = match field.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "TEXT",
        DataType::Boolean => "BOOLEAN",
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => "SMALLINT",
        DataType::Int32 | DataType::UInt16 => "INTEGER",
        DataType::Int64 | DataType::UInt32 => "BIGINT",
        DataType::UInt64 => "NUMERIC(20,0)",
        DataType::Float16 | DataType::Float32 => "REAL",
        DataType::Float64 => "DOUBLE",
        DataType::Date32 | DataType::Date64 => "DATE",
        DataType::Time32(_) | DataType::Time64(_) => "TIME",
        DataType::Timestamp(_, None) => "TIMESTAMP",
        DataType::Timestamp(_, Some(_)) => "TIMESTAMPTZ",
        DataType::Interval(_) | DataType::Duration(_) => "INTERVAL",
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "BYTEA",
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            return format!("NUMERIC({precision},{scale})");
        }
        DataType::Null => "NULL",
        other => return other.to_string(),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_have_names_of_sql() {
        let name = |kind: DataType| sql_type(&Field::new("a", kind, true));
        assert_eq!(name(DataType::Utf8View), "TEXT");
        assert_eq!(name(DataType::Int64), "BIGINT");
        assert_eq!(name(DataType::Decimal128(38, 2)), "NUMERIC(38,2)");
        let json = [(EXTENSION_TYPE_NAME_KEY.to_owned(), "arrow.json".to_owned())].into();
        assert_eq!(sql_type(&Field::new("a", DataType::Utf8, true).with_metadata(json)), "JSON");
    }
}
