//! Predicates as parameter values.
//!
//! Owns: recognising `p = v`, `p IN (…)`, OR of those on one parameter, `p IS NOT DISTINCT FROM v`,
//! boolean columns, and join slots; conversion of scalars to call values.
//! Refuses: any other shape; it stays a filter.

use std::collections::BTreeMap;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::TreeNode;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use serde::{Deserialize, Serialize};
use strataql_call::Value;

/// Number of a join key that is filled per driver row.
pub(crate) type SlotId = usize;

/// Where a parameter's value comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ParameterSource {
    /// Constants; several fan out into several calls.
    Values(Vec<Value>),
    /// A key of an enclosing bind join.
    Slot(SlotId),
}

/// A parameter with its source.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Binding {
    pub(crate) name: String,
    pub(crate) source: ParameterSource,
}

/// Prefix of placeholder names that stand for slots; no SQL text can spell it.
const SLOT_PREFIX: &str = "\u{1}slot:";

/// The placeholder name of a slot.
pub(crate) fn slot_name(slot: SlotId) -> String {
    format!("{SLOT_PREFIX}{slot}")
}

/// The slot that an expression is, if it is one.
pub(crate) fn slot(expr: &Expr) -> Option<SlotId> {
    match bare(expr) {
        Expr::Placeholder(placeholder) => {
            placeholder.id.strip_prefix(SLOT_PREFIX).and_then(|id| id.parse().ok())
        }
        _ => None,
    }
}

/// True if the expression has a slot in it.
pub(crate) fn has_slot(expr: &Expr) -> bool {
    expr.exists(|inner| Ok(slot(inner).is_some())).unwrap_or(false)
}

/// The expression under casts and aliases.
pub(crate) fn bare(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => bare(&alias.expr),
        Expr::Cast(cast) => bare(&cast.expr),
        Expr::TryCast(cast) => bare(&cast.expr),
        other => other,
    }
}

/// The binding that a predicate is, if it is one on a parameter.
pub(crate) fn binding(expr: &Expr, is_parameter: &dyn Fn(&str) -> bool) -> Option<Binding> {
    let parameter = |expr: &Expr| match bare(expr) {
        Expr::Column(column) if is_parameter(&column.name) => Some(column.name.clone()),
        _ => None,
    };
    let of_flag = |expr: &Expr, flag: bool| match expr {
        Expr::Column(column) if is_parameter(&column.name) => Some(Binding {
            name: column.name.clone(),
            source: ParameterSource::Values(vec![Value::Boolean(flag)]),
        }),
        _ => None,
    };
    match expr {
        Expr::Column(_) => of_flag(expr, true),
        Expr::Not(inner) => of_flag(inner, false),
        Expr::IsTrue(inner) => of_flag(inner, true).or_else(|| binding(inner, is_parameter)),
        Expr::IsFalse(inner) => of_flag(inner, false),
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::Eq | Operator::IsNotDistinctFrom,
            right,
        }) => [(left, right), (right, left)].into_iter().find_map(|(column, value)| {
            let Some(name) = parameter(column) else {
                // `(p = 'a') = true`, which is what a CASE of truth values comes to
                return if is_true(value) { binding(column, is_parameter) } else { None };
            };
            let source = match slot(value) {
                Some(slot) => ParameterSource::Slot(slot),
                None => ParameterSource::Values(vec![literal(value)?]),
            };
            Some(Binding { name, source })
        }),
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) if never_holds(left) => {
            binding(right, is_parameter)
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) if never_holds(right) => {
            binding(left, is_parameter)
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            let (left, right) = (binding(left, is_parameter)?, binding(right, is_parameter)?);
            match (left.source, right.source) {
                (ParameterSource::Values(mut values), ParameterSource::Values(more))
                    if left.name == right.name =>
                {
                    extend(&mut values, more);
                    Some(Binding { name: left.name, source: ParameterSource::Values(values) })
                }
                _ => None,
            }
        }
        Expr::InList(list) if !list.negated => {
            let name = parameter(&list.expr)?;
            let mut values = Vec::new();
            // nothing equals NULL
            for item in list.list.iter().filter(|item| !never_holds(item)) {
                extend(&mut values, vec![literal(item)?]);
            }
            Some(Binding { name, source: ParameterSource::Values(values) })
        }
        _ => None,
    }
}

/// True for NULL and false.
pub(super) fn never_holds(expr: &Expr) -> bool {
    match bare(expr) {
        Expr::Literal(scalar, _) => {
            scalar.is_null() || matches!(scalar, ScalarValue::Boolean(Some(false)))
        }
        _ => false,
    }
}

fn is_true(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(ScalarValue::Boolean(Some(true)), _))
}

/// Adds values that are not there yet.
pub(super) fn extend(values: &mut Vec<Value>, more: Vec<Value>) {
    for value in more {
        if !values.contains(&value) {
            values.push(value);
        }
    }
}

/// All bindings of a list of AND-ed predicates; values of one parameter are intersected.
pub(crate) fn combine(
    bindings: impl IntoIterator<Item = Binding>,
) -> BTreeMap<String, ParameterSource> {
    let mut all: BTreeMap<String, ParameterSource> = BTreeMap::new();
    for Binding { name, source } in bindings {
        match (all.get_mut(&name), source) {
            (None, source) => {
                all.insert(name, source);
            }
            (Some(ParameterSource::Values(known)), ParameterSource::Values(more)) => {
                known.retain(|value| more.iter().any(|other| other.text() == value.text()));
            }
            // a constant beside a slot: the constant is asked, the join compares
            (Some(known @ ParameterSource::Slot(_)), ParameterSource::Values(values)) => {
                *known = ParameterSource::Values(values);
            }
            (Some(_), ParameterSource::Slot(_)) => {}
        }
    }
    all
}

/// The value of a literal that is not NULL.
fn literal(expr: &Expr) -> Option<Value> {
    match bare(expr) {
        Expr::Literal(scalar, _) => value_of(scalar),
        _ => None,
    }
}

/// A scalar as a call value; `None` for NULL and for types that have no text.
pub fn value_of(scalar: &ScalarValue) -> Option<Value> {
    match scalar {
        ScalarValue::Utf8(text) | ScalarValue::Utf8View(text) | ScalarValue::LargeUtf8(text) => {
            text.clone().map(Value::Text)
        }
        ScalarValue::Boolean(flag) => flag.map(Value::Boolean),
        ScalarValue::Int8(n) => n.map(|n| Value::Integer(n.into())),
        ScalarValue::Int16(n) => n.map(|n| Value::Integer(n.into())),
        ScalarValue::Int32(n) => n.map(|n| Value::Integer(n.into())),
        ScalarValue::Int64(n) => n.map(Value::Integer),
        ScalarValue::UInt8(n) => n.map(|n| Value::Integer(n.into())),
        ScalarValue::UInt16(n) => n.map(|n| Value::Integer(n.into())),
        ScalarValue::UInt32(n) => n.map(|n| Value::Integer(n.into())),
        ScalarValue::UInt64(n) => n.map(|n| match i64::try_from(n) {
            Ok(n) => Value::Integer(n),
            Err(_) => Value::Text(n.to_string()),
        }),
        ScalarValue::Float32(n) => n.map(|n| Value::Number(n.into())),
        ScalarValue::Float64(n) => n.map(Value::Number),
        other if other.is_null() => None,
        other => match other.cast_to(&DataType::Utf8) {
            // timestamps as APIs write them (RFC 3339)
            Ok(ScalarValue::Utf8(Some(text))) => Some(Value::Text(text)),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::{cast, col, lit, not};

    use super::*;

    fn check(expr: Expr, expected: Option<(&str, &[&str])>) {
        let found = binding(&expr, &|name| name == "p" || name == "q");
        let shown = found.map(|binding| match binding.source {
            ParameterSource::Values(values) => {
                (binding.name, values.iter().map(Value::text).collect::<Vec<_>>())
            }
            ParameterSource::Slot(slot) => (binding.name, vec![format!("slot {slot}")]),
        });
        let expected = expected.map(|(name, values)| {
            (name.to_owned(), values.iter().map(|v| (*v).to_owned()).collect())
        });
        assert_eq!(shown, expected, "{expr}");
    }

    #[test]
    fn equalities_and_lists_on_parameters_bind() {
        check(col("p").eq(lit("a")), Some(("p", &["a"])));
        check(lit("a").eq(col("p")), Some(("p", &["a"])));
        check(cast(col("p"), DataType::Int64).eq(lit(5i64)), Some(("p", &["5"])));
        check(
            col("p").in_list(vec![lit("a"), lit("b"), lit("a")], false),
            Some(("p", &["a", "b"])),
        );
        check(col("p").eq(lit("a")).or(col("p").eq(lit("b"))), Some(("p", &["a", "b"])));
        check(col("p"), Some(("p", &["true"])));
        check(not(col("p")), Some(("p", &["false"])));
        check(col("p").eq(lit("a")).is_true(), Some(("p", &["a"])));
        check(col("p").eq(lit("a")).eq(lit(true)), Some(("p", &["a"])));
    }

    #[test]
    fn nothing_equals_null() {
        let null = lit(ScalarValue::Utf8(None));
        check(col("p").in_list(vec![lit("a"), null], false), Some(("p", &["a"])));
        let unknown = lit(ScalarValue::Boolean(None));
        check(unknown.clone().or(col("p").eq(lit("a"))), Some(("p", &["a"])));
        check(col("p").eq(lit("a")).or(unknown), Some(("p", &["a"])));
    }

    #[test]
    fn other_shapes_stay_filters() {
        check(col("x").eq(lit("a")), None);
        check(col("p").not_eq(lit("a")), None);
        check(col("p").gt(lit("a")), None);
        check(col("p").eq(col("x")), None);
        check(col("p").eq(lit(ScalarValue::Utf8(None))), None);
        check(col("p").in_list(vec![lit("a"), col("x")], false), None);
        check(col("p").in_list(vec![lit("a")], true), None);
        check(col("p").eq(lit("a")).or(col("q").eq(lit("b"))), None);
        check(not(col("p").eq(lit("a"))), None);
        check(col("p").like(lit("a%")), None);
    }

    #[test]
    fn anded_values_are_intersected() {
        let values = |texts: &[&str]| Binding {
            name: "p".into(),
            source: ParameterSource::Values(
                texts.iter().map(|t| Value::Text((*t).into())).collect(),
            ),
        };
        let all = combine([values(&["a", "b"]), values(&["b", "c"])]);
        assert_eq!(all["p"], ParameterSource::Values(vec![Value::Text("b".into())]));
        let all = combine([values(&["a"]), values(&["b"])]);
        assert_eq!(all["p"], ParameterSource::Values(vec![]));
    }
}
