//! What clients of PostgreSQL write about its catalogs.
//!
//! Owns: the schema `pg_catalog` before functions, operators and types; casts to `regclass` and its kin;
//! functions whose value is the same for every object here, such as privileges.
//! Refuses: the catalogs themselves, which are tables like others.
//! Surprise: what there is not (comments, defaults, partitions) is NULL, as PostgreSQL has it for objects
//! without.

use std::convert::Infallible;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Array, ArrayElemTypeDef, BinaryOperator, CastKind, DataType, ExactNumberInfo, Expr, Function,
    FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, Query, TableFactor,
    TimezoneInfo, Value, VisitMut, VisitorMut,
};

use super::from_functions;
use super::rewrite::call_of;
use super::wildcards::name_parts;
use crate::settings::{Login, Settings};

/// The schema of the catalogs.
pub const SCHEMA: &str = "pg_catalog";

/// Functions of the catalogs that are computed; they are registered under their full names.
pub const FUNCTIONS: &[&str] = &[
    "current_setting",
    "format_type",
    "known_setting",
    "parse_ident",
    "quote_ident",
    "relation_name",
    "relation_number",
    "schema_name",
    "to_regclass",
    "to_regtype",
    "type_number",
];

/// Replaces what only clients of PostgreSQL write.
pub(super) fn rewrite(query: &mut Query, settings: &Settings) {
    let _done = query.visit(&mut Catalogs { login: settings.login.as_ref(), settings });
}

struct Catalogs<'a> {
    login: Option<&'a Login>,
    settings: &'a Settings,
}

impl VisitorMut for Catalogs<'_> {
    type Break = Infallible;

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Infallible> {
        // functions that are tables here
        if let TableFactor::Table { name, args: args @ Some(_), .. } = factor
            && function_name(name).is_some_and(|name| name == "pg_get_keywords")
        {
            *args = None;
            *name = full("pg_get_keywords");
            return ControlFlow::Continue(());
        }
        if let TableFactor::UNNEST { alias: Some(alias), array_exprs, .. } = factor
            && matches!(array_exprs.as_slice(), [one] if is_never_given(one))
        {
            *factor = from_functions::nothing(alias);
            return ControlFlow::Continue(());
        }
        // `pg_catalog.generate_series(…)`
        if let TableFactor::Table { name, args: Some(_), .. } | TableFactor::Function { name, .. } =
            factor
            && let Some(bare) = without_schema(name)
        {
            *name = bare;
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Infallible> {
        self.respell(expr);
        ControlFlow::Continue(())
    }
}

impl Catalogs<'_> {
    fn respell(&self, expr: &mut Expr) {
        match expr {
            Expr::BinaryOp { op, .. } => {
                if let Some(plain) = operator(op) {
                    *op = plain;
                }
            }
            // `pg_catalog.pg_class.oid`
            Expr::CompoundIdentifier(parts) if parts.len() > 2 && is_schema(&parts[0].value) => {
                parts.remove(0);
            }
            // there is one order of texts
            Expr::Collate { expr: inner, .. } => {
                let mut plain = take(inner);
                self.respell(&mut plain);
                *expr = plain;
            }
            Expr::Cast {
                expr: inner,
                data_type,
                kind: CastKind::Cast | CastKind::DoubleColon,
                ..
            } => {
                plain_type(data_type);
                if let Some(list) = list(inner, data_type) {
                    *expr = list;
                    return;
                }
                if let Some(name) = type_name(data_type)
                    && let Some(plain) = self.cast(inner, &name)
                {
                    *expr = plain;
                    // what came of it may be another of these
                    self.respell(expr);
                }
            }
            Expr::Function(function) => {
                let Some(name) = function_name(&function.name) else { return };
                if let Some(value) = self.value(&name, function) {
                    *expr = value;
                } else if FUNCTIONS.contains(&name.as_str()) {
                    function.name = full(&name);
                } else if let Some(bare) = without_schema(&function.name) {
                    function.name = bare;
                }
            }
            _ => {}
        }
    }

    /// A cast to a type that only the catalogs have.
    fn cast(&self, inner: &mut Expr, name: &str) -> Option<Expr> {
        let is_given = is_given(inner);
        Some(match name {
            "regclass" if is_given => call("relation_number", vec![take(inner), self.database()]),
            "regclass" => call("relation_name", vec![take(inner), self.database()]),
            "regnamespace" if !is_given => call("schema_name", vec![take(inner), self.database()]),
            "regtype" if !is_given => {
                call("format_type", vec![take(inner), Expr::value(Value::Null)])
            }
            "regtype" => call("type_number", vec![take(inner)]),
            "regrole" => text(self.user()),
            "oid" | "xid" | "cid" => match number_of_name(inner) {
                Some(number) => number,
                None => cast(take(inner), DataType::BigInt(None)),
            },
            "name" | "char" | "sql_identifier" | "character_data" | "yes_or_no" => {
                cast(take(inner), DataType::Text)
            }
            "cardinal_number" => cast(take(inner), DataType::BigInt(None)),
            "regproc" | "regprocedure" if is_given => procedure(inner)?,
            "regproc" | "regprocedure" | "regoper" | "regoperator" | "regconfig" | "anyarray"
            | "int2vector" | "oidvector" | "aclitem" | "pg_node_tree" => take(inner),
            _ => return None,
        })
    }

    /// A function whose value does not depend on an object.
    fn value(&self, name: &str, function: &Function) -> Option<Expr> {
        let yes = || Expr::value(Value::Boolean(true));
        let no = || Expr::value(Value::Boolean(false));
        let null = || cast(Expr::value(Value::Null), DataType::Text);
        let number = |text: &str| {
            cast(Expr::value(Value::Number(text.to_owned(), false)), DataType::BigInt(None))
        };
        Some(match name {
            "version" => text(&self.login?.version),
            "current_database" | "current_catalog" => self.database(),
            // the database that names without one are looked up in
            "to_regclass" if count(function) == 1 => {
                call("to_regclass", vec![argument(function, 0)?, self.database()])
            }
            "current_user" | "session_user" | "user" | "current_role" => text(&self.login?.user),
            "pg_get_userbyid" => text(self.user()),
            "current_schema" => text(self.schema()),
            "current_schemas" => {
                Expr::Array(Array { elem: vec![text(SCHEMA), text(self.schema())], named: true })
            }
            "array_upper" => {
                let both = vec![argument(function, 0)?, argument(function, 1)?];
                cast(call_of("array_length", both), DataType::BigInt(None))
            }
            "array_lower" => number("1"),
            // `current_setting(name, missing_ok)`
            "current_setting" if count(function) == 2 && is_true(&argument(function, 1)?) => {
                call("known_setting", vec![argument(function, 0)?])
            }
            "set_config" => return argument(function, 1),
            "pg_table_is_visible"
            | "pg_type_is_visible"
            | "pg_function_is_visible"
            | "pg_operator_is_visible"
            | "pg_collation_is_visible"
            | "has_table_privilege"
            | "has_schema_privilege"
            | "has_database_privilege"
            | "has_column_privilege"
            | "has_any_column_privilege"
            | "has_function_privilege"
            | "has_sequence_privilege"
            | "pg_has_role"
            | "has_type_privilege"
            | "has_language_privilege"
            | "has_tablespace_privilege" => yes(),
            "pg_is_in_recovery"
            | "pg_is_other_temp_schema"
            | "pg_relation_is_publishable"
            | "row_security_active"
            | "pg_is_wal_replay_paused" => no(),
            "pg_encoding_to_char" => text("UTF8"),
            "pg_char_to_encoding" => number("6"),
            "pg_backend_pid"
            | "pg_my_temp_schema"
            | "inet_server_port"
            | "inet_client_port"
            | "pg_table_size"
            | "pg_relation_size"
            | "pg_total_relation_size"
            | "pg_indexes_size"
            | "pg_database_size"
            | "txid_current"
            | "pg_tablespace_size" => number("0"),
            "pg_size_pretty" => text("0 bytes"),
            "pg_get_expr"
            | "pg_get_indexdef"
            | "pg_get_constraintdef"
            | "pg_get_viewdef"
            | "pg_get_triggerdef"
            | "pg_get_ruledef"
            | "pg_get_functiondef"
            | "pg_get_partkeydef"
            | "pg_get_function_result"
            | "pg_get_function_arguments"
            | "pg_get_serial_sequence"
            | "pg_get_function_identity_arguments"
            | "pg_get_statisticsobjdef_columns"
            | "obj_description"
            | "col_description"
            | "shobj_description"
            | "pg_tablespace_location"
            | "inet_server_addr"
            | "inet_client_addr"
            | "pg_get_partition_constraintdef"
            | "pg_last_xlog_replay_location"
            | "pg_get_function_sqlbody"
            | "pg_get_function_arg_default" => null(),
            "to_regrole" | "to_regproc" | "to_regprocedure" | "to_regoper" => null(),
            _ => return None,
        })
    }

    fn database(&self) -> Expr {
        let used = || self.settings.namespace.first().map(String::as_str);
        text(self.login.map(|login| login.database.as_str()).or_else(used).unwrap_or("strataql"))
    }

    fn user(&self) -> &str {
        self.login.map_or("strataql", |login| login.user.as_str())
    }

    /// The schema that names without one are looked up in.
    fn schema(&self) -> &str {
        self.settings.namespace.get(1).map_or("public", String::as_str)
    }
}

/// True for lists of the catalogs that no object has: options, privileges.
fn is_never_given(expr: &Expr) -> bool {
    let name = match expr {
        Expr::Identifier(name) => name,
        Expr::CompoundIdentifier(parts) => match parts.last() {
            Some(name) => name,
            None => return false,
        },
        _ => return false,
    };
    matches!(
        name.value.as_str(),
        "reloptions" | "attoptions" | "relacl" | "attacl" | "nspacl" | "datacl" | "evttags"
    )
}

/// `relation_number(…)` as it is: a cast to a number of what is one.
fn number_of_name(inner: &mut Expr) -> Option<Expr> {
    let Expr::Cast { expr, data_type, .. } = inner else { return None };
    match type_name(data_type)?.as_str() {
        // `c.oid::regclass::oid`
        "regclass" | "regnamespace" if !is_given(expr) => Some(take(expr)),
        _ => None,
    }
}

/// True for a value that stands in the statement, or is given with it.
fn is_given(expr: &Expr) -> bool {
    match expr {
        Expr::Value(_) => true,
        Expr::Nested(inner) => is_given(inner),
        Expr::Cast { expr, .. } => is_given(expr),
        _ => false,
    }
}

/// `OPERATOR(pg_catalog.~)` as `~`.
fn operator(op: &BinaryOperator) -> Option<BinaryOperator> {
    let BinaryOperator::PGCustomBinaryOperator(parts) = op else { return None };
    Some(match parts.last()?.as_str() {
        "~" => BinaryOperator::PGRegexMatch,
        "~*" => BinaryOperator::PGRegexIMatch,
        "!~" => BinaryOperator::PGRegexNotMatch,
        "!~*" => BinaryOperator::PGRegexNotIMatch,
        "~~" => BinaryOperator::PGLikeMatch,
        "~~*" => BinaryOperator::PGILikeMatch,
        "!~~" => BinaryOperator::PGNotLikeMatch,
        "=" => BinaryOperator::Eq,
        "<>" | "!=" => BinaryOperator::NotEq,
        "<" => BinaryOperator::Lt,
        "<=" => BinaryOperator::LtEq,
        ">" => BinaryOperator::Gt,
        ">=" => BinaryOperator::GtEq,
        "||" => BinaryOperator::StringConcat,
        "+" => BinaryOperator::Plus,
        "-" => BinaryOperator::Minus,
        _ => return None,
    })
}

/// `pg_catalog.int4` as `INTEGER`, also of arrays.
fn plain_type(kind: &mut DataType) {
    match kind {
        DataType::Array(
            ArrayElemTypeDef::SquareBracket(inner, _) | ArrayElemTypeDef::AngleBracket(inner),
        ) => {
            if let Some(name) = type_name(inner) {
                match name.as_str() {
                    "name" | "char" | "regclass" | "regtype" => **inner = DataType::Text,
                    "oid" => **inner = DataType::BigInt(None),
                    _ => plain_type(inner),
                }
            }
        }
        DataType::Custom(name, _) => {
            let Some(bare) = without_schema(name) else { return };
            let Some(parts) = name_parts(&bare) else { return };
            *kind = match parts[0].to_ascii_lowercase().as_str() {
                "text" | "varchar" | "bpchar" => DataType::Text,
                "bool" => DataType::Boolean,
                "int2" => DataType::SmallInt(None),
                "int4" => DataType::Integer(None),
                "int8" => DataType::BigInt(None),
                "float4" => DataType::Real,
                "float8" => DataType::DoublePrecision,
                "numeric" => DataType::Numeric(ExactNumberInfo::None),
                "date" => DataType::Date,
                "timestamp" => DataType::Timestamp(None, TimezoneInfo::None),
                "timestamptz" => DataType::Timestamp(None, TimezoneInfo::WithTimeZone),
                _ => DataType::Custom(bare, Vec::new()),
            };
        }
        _ => {}
    }
}

/// `'{a,b}'::text[]` as `ARRAY['a', 'b']::text[]`, where no value is quoted.
fn list(inner: &Expr, kind: &DataType) -> Option<Expr> {
    let (Expr::Value(value), DataType::Array(ArrayElemTypeDef::SquareBracket(item, _))) =
        (inner, kind)
    else {
        return None;
    };
    let Value::SingleQuotedString(written) = &value.value else { return None };
    let items = written.trim().strip_prefix('{')?.strip_suffix('}')?;
    if items.contains(['"', '{', '\\']) {
        return None;
    }
    let items = items.split(',').map(str::trim).filter(|item| !item.is_empty());
    let elem = items.map(|one| cast(text(one), item.as_ref().clone())).collect();
    Some(Expr::Array(Array { elem, named: true }))
}

/// The name of a type that is none of SQL's.
fn type_name(kind: &DataType) -> Option<String> {
    let DataType::Custom(name, _) = kind else {
        return matches!(kind, DataType::Regclass).then(|| "regclass".to_owned());
    };
    name_parts(name)?.last().map(|part| part.to_ascii_lowercase())
}

/// The name of a function that may be one of the catalogs'.
fn function_name(name: &ObjectName) -> Option<String> {
    match name_parts(name)?.as_slice() {
        [one] => Some(one.to_ascii_lowercase()),
        [schema, one] if is_schema(schema) => Some(one.to_ascii_lowercase()),
        _ => None,
    }
}

fn is_schema(name: &str) -> bool {
    name.eq_ignore_ascii_case(SCHEMA)
}

fn without_schema(name: &ObjectName) -> Option<ObjectName> {
    let [schema, one] = name.0.as_slice() else { return None };
    is_schema(&schema.as_ident()?.value).then(|| ObjectName(vec![one.clone()]))
}

fn full(name: &str) -> ObjectName {
    ObjectName::from(vec![Ident::new(SCHEMA), Ident::new(name)])
}

/// A call of a function of the catalogs.
fn call(name: &str, arguments: Vec<Expr>) -> Expr {
    let mut call = call_of(name, arguments);
    if let Expr::Function(function) = &mut call {
        function.name = full(name);
    }
    call
}

fn argument(function: &Function, index: usize) -> Option<Expr> {
    let FunctionArguments::List(list) = &function.args else { return None };
    match list.args.get(index)? {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)) => Some(argument.clone()),
        _ => None,
    }
}

fn count(function: &Function) -> usize {
    match &function.args {
        FunctionArguments::List(list) => list.args.len(),
        _ => 0,
    }
}

fn is_true(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(value) if value.value == Value::Boolean(true))
}

/// The number of a function that catalogs of types name.
fn procedure(name: &Expr) -> Option<Expr> {
    let Expr::Value(value) = name else { return None };
    let Value::SingleQuotedString(text) = &value.value else { return None };
    let number = match text.rsplit('.').next()? {
        "array_in" => "750",
        "array_recv" => "2400",
        _ => "0",
    };
    Some(Expr::value(Value::Number(number.to_owned(), false)))
}

/// Settings that clients look up in the middle of a query, by their names in lower case.
#[must_use]
pub fn setting(name: &str) -> Option<&'static str> {
    Some(match name {
        "server_version_num" => "160000",
        "server_version" => "16.0",
        "search_path" => "\"$user\", public",
        "server_encoding" | "client_encoding" => "UTF8",
        "timezone" => "UTC",
        "standard_conforming_strings" | "integer_datetimes" => "on",
        "max_index_keys" => "32",
        "max_identifier_length" => "63",
        "is_superuser" | "transaction_read_only" | "default_transaction_read_only" => "off",
        "transaction_isolation" | "default_transaction_isolation" => "read committed",
        "lc_collate" | "lc_ctype" => "C.UTF-8",
        "datestyle" => "ISO, MDY",
        "block_size" => "8192",
        "jit" => "off",
        "default_table_access_method" => "heap",
        _ => return None,
    })
}

pub(super) fn cast(expr: Expr, data_type: DataType) -> Expr {
    Expr::Cast { kind: CastKind::Cast, expr: Box::new(expr), data_type, array: false, format: None }
}

fn text(value: &str) -> Expr {
    Expr::value(Value::SingleQuotedString(value.to_owned()))
}

fn take(expr: &mut Expr) -> Expr {
    std::mem::replace(expr, Expr::value(Value::Null))
}
