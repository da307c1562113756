//! The types that `pg_type` lists, and their names.

use strataql_spec::ColumnType;

/// A type.
pub(super) struct Type {
    pub(super) name: &'static str,
    pub(super) number: i64,
    /// The number of arrays of it; 0 for none.
    pub(super) array: i64,
    pub(super) length: i64,
    pub(super) category: &'static str,
    /// What people call it.
    pub(super) shown: &'static str,
}

const fn kind(
    name: &'static str,
    (number, array): (i64, i64),
    length: i64,
    category: &'static str,
    shown: &'static str,
) -> Type {
    Type { name, number, array, length, category, shown }
}

/// All types but arrays.
pub(super) const TYPES: &[Type] = &[
    kind("bool", (16, 1000), 1, "B", "boolean"),
    kind("bytea", (17, 1001), -1, "U", "bytea"),
    kind("char", (18, 1002), 1, "Z", "\"char\""),
    kind("name", (19, 1003), 64, "S", "name"),
    kind("int8", (20, 1016), 8, "N", "bigint"),
    kind("int2", (21, 1005), 2, "N", "smallint"),
    kind("int4", (23, 1007), 4, "N", "integer"),
    kind("regproc", (24, 1008), 4, "N", "regproc"),
    kind("text", (25, 1009), -1, "S", "text"),
    kind("oid", (26, 1028), 4, "N", "oid"),
    kind("json", (114, 199), -1, "U", "json"),
    kind("float4", (700, 1021), 4, "N", "real"),
    kind("float8", (701, 1022), 8, "N", "double precision"),
    kind("unknown", (705, 0), -2, "X", "unknown"),
    kind("bpchar", (1042, 1014), -1, "S", "character"),
    kind("varchar", (1043, 1015), -1, "S", "character varying"),
    kind("date", (1082, 1182), 4, "D", "date"),
    kind("time", (1083, 1183), 8, "D", "time without time zone"),
    kind("timestamp", (1114, 1115), 8, "D", "timestamp without time zone"),
    kind("timestamptz", (1184, 1185), 8, "D", "timestamp with time zone"),
    kind("interval", (1186, 1187), 16, "T", "interval"),
    kind("numeric", (1700, 1231), -1, "N", "numeric"),
    kind("regclass", (2205, 2210), 4, "N", "regclass"),
    kind("regtype", (2206, 2211), 4, "N", "regtype"),
    kind("record", (2249, 2287), -1, "P", "record"),
    kind("void", (2278, 0), 4, "P", "void"),
    kind("uuid", (2950, 2951), 16, "U", "uuid"),
    kind("jsonb", (3802, 3807), -1, "U", "jsonb"),
];

/// The number of the type of a resource's column.
pub(super) const fn number_of(kind: ColumnType) -> i64 {
    match kind {
        ColumnType::Text => 25,
        ColumnType::Integer => 20,
        ColumnType::Number => 701,
        ColumnType::Boolean => 16,
        ColumnType::Json => 114,
    }
}

/// The name of the type of a resource's column.
pub(crate) fn name_of(kind: ColumnType) -> &'static str {
    let number = number_of(kind);
    TYPES.iter().find(|kind| kind.number == number).map_or("text", |kind| kind.name)
}

/// What `format_type` says of a number.
pub(super) fn shown(number: i64, modifier: Option<i64>) -> String {
    let plain = TYPES.iter().find(|kind| kind.number == number);
    if let Some(kind) = plain {
        return match (kind.name, modifier) {
            ("numeric", Some(modifier)) if modifier > 4 => {
                let modifier = modifier - 4;
                format!("numeric({},{})", (modifier >> 16) & 0xffff, modifier & 0xffff)
            }
            ("varchar" | "bpchar", Some(modifier)) if modifier > 4 => {
                format!("{}({})", kind.shown, modifier - 4)
            }
            _ => kind.shown.to_owned(),
        };
    }
    match TYPES.iter().find(|kind| kind.array == number && number != 0) {
        Some(kind) => format!("{}[]", kind.shown),
        None if number == 0 => "-".to_owned(),
        None => "???".to_owned(),
    }
}

/// The number of a type by either of its names.
pub(super) fn numbered(name: &str) -> Option<i64> {
    let name = name.trim().to_lowercase();
    let name = name.strip_prefix("pg_catalog.").unwrap_or(&name);
    let is = |kind: &&Type, name: &str| kind.name == name || kind.shown == name;
    if let Some(item) = name.strip_suffix("[]").or_else(|| name.strip_prefix('_')) {
        return TYPES.iter().find(|kind| is(kind, item)).map(|kind| kind.array);
    }
    TYPES.iter().find(|kind| is(kind, name)).map(|kind| kind.number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_have_their_names() {
        assert_eq!(shown(20, None), "bigint");
        assert_eq!(shown(1016, Some(-1)), "bigint[]");
        assert_eq!(shown(1700, Some(655_366)), "numeric(10,2)");
        assert_eq!(shown(1043, Some(14)), "character varying(10)");
        assert_eq!(shown(0, None), "-");
        assert_eq!(shown(99_999, None), "???");
        assert_eq!(numbered("bigint"), Some(20));
        assert_eq!(numbered("pg_catalog.int4[]"), Some(1007));
        assert_eq!(numbered("_text"), Some(1009));
        assert_eq!(numbered("nothing"), None);
    }
}
