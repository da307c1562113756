//! The body of a write whose rows are not known yet: constants as they are, everything else as the
//! expression that will give it.
//!
//! Owns: what EXPLAIN shows in place of a body.
//! Surprise: secrets are masked here as in a real body, so a constant never shows because its row
//! does not exist yet.

use datafusion::sql::sqlparser::ast as sql;
use serde_json::{Map, Value as Json};
use strataql_call::{json_text, read_json};
use strataql_spec::Method;

use super::masking;
use super::rows::RowSource;
use super::statement::Marker;

/// The body, if the method has one: `{"name": "x", "owner": "‹upper(owner)›"}`.
pub(super) fn body(method: &Method, source: &RowSource) -> Option<String> {
    let known = method.body.as_ref()?;
    let exprs = projection(&source.query, source.columns.len());
    let mut body = match &known.base {
        Some(Json::Object(base)) => base.clone(),
        _ => Map::new(),
    };
    for (position, column) in source.columns.iter().enumerate() {
        let Some((name, rest)) = column.path.split_first() else { continue };
        let is_field = column.to.field || (column.to.argument && method.param(name).is_none());
        if !is_field {
            continue;
        }
        let wire = known.property(name).map_or(name, |property| &property.wire);
        let expr = exprs.as_ref().map(|exprs| exprs[position]);
        let value = shown(expr, column.marker, &column.path);
        place(&mut body, wire, rest, value);
    }
    if body.is_empty() {
        return known.default.clone();
    }
    Some(json_text(&masking::masked(method, &Json::Object(body))))
}

/// The expressions of a query's columns, if it has at least as many as are wanted.
fn projection(query: &sql::Query, count: usize) -> Option<Vec<&sql::Expr>> {
    let sql::SetExpr::Select(select) = query.body.as_ref() else { return None };
    let exprs: Option<Vec<&sql::Expr>> = select
        .projection
        .iter()
        .map(|item| match item {
            sql::SelectItem::UnnamedExpr(expr) | sql::SelectItem::ExprWithAlias { expr, .. } => {
                Some(expr)
            }
            _ => None,
        })
        .collect();
    // behind them stands what the rows are compared with
    exprs.filter(|exprs| exprs.len() >= count)
}

/// A constant, or what stands for the value of each row.
fn shown(expr: Option<&sql::Expr>, marker: Marker, path: &[String]) -> Json {
    let Some(expr) = expr else { return Json::String(format!("‹{}›", path.join("."))) };
    let constant = match expr {
        sql::Expr::Value(value) => constant(&value.value, marker),
        _ => None,
    };
    constant.unwrap_or_else(|| {
        Json::String(match expr {
            sql::Expr::Identifier(ident) => format!("‹{}›", ident.value),
            sql::Expr::CompoundIdentifier(parts) => {
                let names: Vec<&str> = parts.iter().map(|part| part.value.as_str()).collect();
                format!("‹{}›", names.join("."))
            }
            other => format!("‹{other}›"),
        })
    })
}

fn constant(value: &sql::Value, marker: Marker) -> Option<Json> {
    match value {
        sql::Value::Null => Some(Json::Null),
        sql::Value::Boolean(flag) => Some(Json::Bool(*flag)),
        sql::Value::Number(digits, _) => read_json(digits).ok(),
        sql::Value::SingleQuotedString(text) => {
            let read = read_json(text).ok();
            let structure = read.filter(|json| {
                marker == Marker::Json
                    || (marker == Marker::None && (json.is_object() || json.is_array()))
            });
            Some(structure.unwrap_or_else(|| Json::String(text.clone())))
        }
        _ => None,
    }
}

/// Puts a value at a path, making objects on the way.
fn place(body: &mut Map<String, Json>, name: &str, rest: &[String], value: Json) {
    let Some((next, rest)) = rest.split_first() else {
        body.insert(name.to_owned(), value);
        return;
    };
    let slot = body.entry(name).or_insert_with(|| Json::Object(Map::new()));
    if let Json::Object(inner) = slot {
        place(inner, next, rest, value);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn expr(text: &str) -> sql::Expr {
        let parsed = strataql_sql::parse(&format!("SELECT {text}")).expect("valid").remove(0);
        let strataql_sql::Statement::Query(query) = parsed.statement else { panic!("no query") };
        projection(&query, 1).expect("one column")[0].clone()
    }

    #[test]
    fn constants_are_shown_and_the_rest_is_named() {
        let path = ["a".to_owned(), "b".to_owned()];
        for (text, marker, expected) in [
            ("5", Marker::None, json!(5)),
            ("'x'", Marker::None, json!("x")),
            ("NULL", Marker::None, json!(null)),
            ("'{\"a\": 1}'", Marker::None, json!({"a": 1})),
            ("'{\"a\": 1}'", Marker::Text, json!("{\"a\": 1}")),
            ("'1'", Marker::None, json!("1")),
            ("'1'", Marker::Json, json!(1)),
            ("upper(t.name)", Marker::None, json!("‹upper(t.name)›")),
        ] {
            assert_eq!(shown(Some(&expr(text)), marker, &path), expected, "{text}");
        }
        assert_eq!(shown(None, Marker::None, &path), json!("‹a.b›"));
    }

    #[test]
    fn paths_make_objects() {
        let mut body = Map::new();
        place(&mut body, "a", &["b".to_owned()], json!(1));
        place(&mut body, "a", &["c".to_owned(), "d".to_owned()], json!(2));
        place(&mut body, "e", &[], json!(3));
        assert_eq!(Json::Object(body), json!({"a": {"b": 1, "c": {"d": 2}}, "e": 3}));
    }
}
