//! Types of PostgreSQL for Arrow types.
//!
//! Owns: which type of PostgreSQL a column has, and the one Arrow form in which its values are written.
//! Surprise: what PostgreSQL has no type for (structures, maps, lists of lists) is JSON text.

use std::sync::Arc;

use arrow_schema::{DataType, Field, IntervalUnit, TimeUnit};

/// A type of PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    Numeric,
    Text,
    /// Text that holds JSON.
    Json,
    /// A structure that is written as JSON.
    Structure,
    Bytea,
    Date,
    Time,
    Timestamp,
    TimestampTz,
    Interval,
    Array(Box<Kind>),
}

impl Kind {
    /// The type of a column.
    pub(crate) fn of(field: &Field) -> Self {
        let extension = field.metadata().get("ARROW:extension:name");
        match Self::of_type(field.data_type()) {
            Self::Text if extension.is_some_and(|name| name == "arrow.json") => Self::Json,
            kind => kind,
        }
    }

    /// The type of values of an Arrow type.
    pub(crate) fn of_type(data_type: &DataType) -> Self {
        match data_type {
            DataType::Boolean => Self::Bool,
            DataType::Int8 | DataType::Int16 | DataType::UInt8 => Self::Int2,
            DataType::Int32 | DataType::UInt16 => Self::Int4,
            DataType::Int64 | DataType::UInt32 => Self::Int8,
            DataType::UInt64
            | DataType::Decimal32(..)
            | DataType::Decimal64(..)
            | DataType::Decimal128(..)
            | DataType::Decimal256(..) => Self::Numeric,
            DataType::Float16 | DataType::Float32 => Self::Float4,
            DataType::Float64 => Self::Float8,
            DataType::Null | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
                Self::Text
            }
            DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::FixedSizeBinary(_) => Self::Bytea,
            DataType::Date32 | DataType::Date64 => Self::Date,
            DataType::Time32(_) | DataType::Time64(_) => Self::Time,
            DataType::Timestamp(_, None) => Self::Timestamp,
            DataType::Timestamp(_, Some(_)) => Self::TimestampTz,
            DataType::Interval(_) | DataType::Duration(_) => Self::Interval,
            DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
                match Self::of(item) {
                    Self::Array(_) | Self::Structure => Self::Structure,
                    kind => Self::Array(Box::new(kind)),
                }
            }
            DataType::Dictionary(_, values) => Self::of_type(values),
            _ => Self::Structure,
        }
    }

    /// The Arrow type whose values are written; `None` where they are written as they are.
    pub(crate) fn form(&self) -> Option<DataType> {
        Some(match self {
            Self::Bool => DataType::Boolean,
            Self::Int2 => DataType::Int16,
            Self::Int4 => DataType::Int32,
            Self::Int8 => DataType::Int64,
            Self::Float4 => DataType::Float32,
            Self::Float8 => DataType::Float64,
            // as text its digits are exact, whatever its width
            Self::Numeric | Self::Text | Self::Json => DataType::Utf8,
            Self::Bytea => DataType::Binary,
            Self::Date => DataType::Date32,
            Self::Time => DataType::Time64(TimeUnit::Microsecond),
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Interval => DataType::Interval(IntervalUnit::MonthDayNano),
            Self::Array(item) => {
                DataType::List(Arc::new(Field::new_list_field(item.form()?, true)))
            }
            Self::Structure => return None,
        })
    }

    /// The Arrow type that values of a parameter have.
    pub(crate) fn of_values(&self) -> Option<DataType> {
        match self {
            // of any scale
            Self::Numeric => Some(DataType::Decimal128(38, 10)),
            kind => kind.form(),
        }
    }

    /// The type of a parameter whose number a client gives.
    pub(crate) fn of_oid(oid: u32) -> Option<Self> {
        Some(match oid {
            16 => Self::Bool,
            20 | 26 => Self::Int8,
            21 => Self::Int2,
            23 => Self::Int4,
            700 => Self::Float4,
            701 => Self::Float8,
            1700 => Self::Numeric,
            18 | 19 | 25 | 705 | 1042 | 1043 | 2950 | 2205 | 2206 => Self::Text,
            114 | 3802 => Self::Json,
            17 => Self::Bytea,
            1082 => Self::Date,
            1083 => Self::Time,
            1114 => Self::Timestamp,
            1184 => Self::TimestampTz,
            1186 => Self::Interval,
            1000 => Self::Array(Box::new(Self::Bool)),
            1005 => Self::Array(Box::new(Self::Int2)),
            1007 => Self::Array(Box::new(Self::Int4)),
            1016 | 1028 => Self::Array(Box::new(Self::Int8)),
            1021 => Self::Array(Box::new(Self::Float4)),
            1022 => Self::Array(Box::new(Self::Float8)),
            1231 => Self::Array(Box::new(Self::Numeric)),
            1002 | 1003 | 1009 | 1014 | 1015 => Self::Array(Box::new(Self::Text)),
            199 | 3807 => Self::Array(Box::new(Self::Json)),
            1001 => Self::Array(Box::new(Self::Bytea)),
            1182 => Self::Array(Box::new(Self::Date)),
            1183 => Self::Array(Box::new(Self::Time)),
            1115 => Self::Array(Box::new(Self::Timestamp)),
            1185 => Self::Array(Box::new(Self::TimestampTz)),
            1187 => Self::Array(Box::new(Self::Interval)),
            _ => return None,
        })
    }

    /// The number of the type.
    pub(crate) fn oid(&self) -> u32 {
        match self {
            Self::Bool => 16,
            Self::Int2 => 21,
            Self::Int4 => 23,
            Self::Int8 => 20,
            Self::Float4 => 700,
            Self::Float8 => 701,
            Self::Numeric => 1700,
            Self::Text => 25,
            Self::Json | Self::Structure => 114,
            Self::Bytea => 17,
            Self::Date => 1082,
            Self::Time => 1083,
            Self::Timestamp => 1114,
            Self::TimestampTz => 1184,
            Self::Interval => 1186,
            Self::Array(item) => match item.as_ref() {
                Self::Bool => 1000,
                Self::Int2 => 1005,
                Self::Int4 => 1007,
                Self::Int8 => 1016,
                Self::Float4 => 1021,
                Self::Float8 => 1022,
                Self::Numeric => 1231,
                Self::Text => 1009,
                Self::Bytea => 1001,
                Self::Date => 1182,
                Self::Time => 1183,
                Self::Timestamp => 1115,
                Self::TimestampTz => 1185,
                Self::Interval => 1187,
                Self::Json | Self::Structure | Self::Array(_) => 199,
            },
        }
    }

    /// The bytes of a value, or -1 where they differ.
    pub(crate) fn size(&self) -> i16 {
        match self {
            Self::Bool => 1,
            Self::Int2 => 2,
            Self::Int4 | Self::Float4 | Self::Date => 4,
            Self::Int8 | Self::Float8 | Self::Time | Self::Timestamp | Self::TimestampTz => 8,
            Self::Interval => 16,
            _ => -1,
        }
    }

    /// What messages call it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Bool => "boolean".to_owned(),
            Self::Int2 => "smallint".to_owned(),
            Self::Int4 => "integer".to_owned(),
            Self::Int8 => "bigint".to_owned(),
            Self::Float4 => "real".to_owned(),
            Self::Float8 => "double precision".to_owned(),
            Self::Numeric => "numeric".to_owned(),
            Self::Text => "text".to_owned(),
            Self::Json | Self::Structure => "json".to_owned(),
            Self::Bytea => "bytea".to_owned(),
            Self::Date => "date".to_owned(),
            Self::Time => "time".to_owned(),
            Self::Timestamp => "timestamp".to_owned(),
            Self::TimestampTz => "timestamptz".to_owned(),
            Self::Interval => "interval".to_owned(),
            Self::Array(item) => format!("{}[]", item.name()),
        }
    }
}

/// The modifier of a type: precision and scale of decimals, -1 without one.
pub(crate) fn modifier(data_type: &DataType) -> i32 {
    match data_type {
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale)
            if *scale >= 0 =>
        {
            (i32::from(*precision) << 16 | i32::from(*scale)) + 4
        }
        _ => -1,
    }
}
