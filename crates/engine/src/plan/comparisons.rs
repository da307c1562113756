//! Comparisons as people write them.
//!
//! Why: docs/decisions/0005-comparisons-as-people-write-them.md.
//! Owns: text columns against numbers and booleans (compared as text), boolean columns against
//! `'true'`, `'false'`, 1 and 0. Runs before DataFusion's type coercion, which would put casts on
//! the column and then fail on the first row that does not convert.
//!
//! Also owns: the constant of a condition on its right. DataFusion infers `u.k = 1` of `t.k = u.k` and
//! `1 = t.k` both as it is written and turned around, and takes the two for a contradiction. Nor does a
//! filter `lower(k) = k` stay as it is: DataFusion sorts by either, and then misses the order by `k`.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, ExprSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{
    Between, BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator, lit,
};

use strataql_diag::{Code, Report};

use crate::error::external;
use crate::predicate::bindings::value_of;
use crate::resource_table::table_of;

/// Rewrites the comparisons of a plan.
pub(crate) fn settle_types(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|node| {
        check_numbers(&node)?;
        let mut schema = DFSchema::empty();
        for input in node.inputs() {
            schema.merge(input.schema());
        }
        let is_condition = matches!(node, LogicalPlan::Filter(_) | LogicalPlan::Join(_));
        let done = node.map_expressions(|expr| {
            expr.transform_up(|expr| {
                let done = rewrite(expr, &schema);
                Ok(if is_condition { done.update_data(constant_right) } else { done })
            })
        })?;
        Ok(done.update_data(|node| match node {
            LogicalPlan::Filter(mut filter) => {
                let conditions = split_conjunction_owned(filter.predicate);
                let conditions = conditions.into_iter().map(opaque);
                filter.predicate = conjunction(conditions).unwrap_or_else(|| lit(true));
                LogicalPlan::Filter(filter)
            }
            other => other,
        }))
    })
    .map(|transformed| transformed.data)
}

/// A condition that equates a column with something made of it, in other words.
fn opaque(condition: Expr) -> Expr {
    let repeats = match &condition {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
            left != right && left.column_refs().intersection(&right.column_refs()).next().is_some()
        }
        // the two ends make it an equality
        Expr::Between(Between { expr, negated: false, low, high }) => {
            low == high && expr.column_refs().intersection(&low.column_refs()).next().is_some()
        }
        _ => false,
    };
    if repeats { condition.is_true() } else { condition }
}

fn constant_right(expr: Expr) -> Expr {
    let is_constant = |expr: &Expr| {
        !expr.contains_outer()
            && expr.column_refs().is_empty()
            && !expr.exists(|inner| Ok(matches!(inner, Expr::ScalarSubquery(_)))).unwrap_or(true)
    };
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right })
            if is_comparison(op) && is_constant(&left) && !is_constant(&right) =>
        {
            match op.swap() {
                Some(op) => Expr::BinaryExpr(BinaryExpr::new(right, op, left)),
                None => Expr::BinaryExpr(BinaryExpr::new(left, op, right)),
            }
        }
        other => other,
    }
}

/// Refuses text that is no number where a column of numbers is compared with it: the cast would
/// fail later, in words that do not name the column.
fn check_numbers(node: &LogicalPlan) -> Result<()> {
    let LogicalPlan::Filter(filter) = node else { return Ok(()) };
    let schema = filter.input.schema();
    filter.predicate.apply(|expr| {
        let pairs: Vec<(&Expr, &Expr)> = match expr {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_comparison(*op) => {
                vec![(&**left, &**right), (&**right, &**left)]
            }
            Expr::InList(InList { expr, list, .. }) => {
                list.iter().map(|item| (&**expr, item)).collect()
            }
            Expr::Between(Between { expr, low, high, .. }) => {
                vec![(&**expr, &**low), (&**expr, &**high)]
            }
            _ => Vec::new(),
        };
        for (column, value) in pairs {
            let (Expr::Column(column), Expr::Literal(ScalarValue::Utf8(Some(text)), _)) =
                (column, value)
            else {
                continue;
            };
            let is_number =
                schema.field_from_column(column).is_ok_and(|field| field.data_type().is_numeric());
            if is_number && text.trim().parse::<f64>().is_err() {
                let code = if is_parameter(&filter.input, &column.name) {
                    Code::BadParamValue
                } else {
                    Code::BadValue
                };
                return Err(external(Box::new(
                    Report::new(
                        code,
                        format!("`{}` is a number, and '{text}' is none", column.name),
                    )
                    .with_help(format!("compare `{}` with a number", column.name)),
                )));
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}

/// True if a resource below the node has a parameter of that name.
fn is_parameter(plan: &LogicalPlan, name: &str) -> bool {
    plan.exists(|node| {
        let LogicalPlan::TableScan(scan) = node else { return Ok(false) };
        Ok(table_of(scan).is_some_and(|table| table.is_parameter(name)))
    })
    .unwrap_or(false)
}

fn rewrite(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_comparison(op) => {
            let (new_right, a) = fitted(&left, *right, schema);
            let (new_left, b) = fitted(&new_right, *left, schema);
            let expr =
                Expr::BinaryExpr(BinaryExpr::new(Box::new(new_left), op, Box::new(new_right)));
            if a || b { Transformed::yes(expr) } else { Transformed::no(expr) }
        }
        Expr::InList(InList { expr, list, negated }) => {
            let mut changed = false;
            let list = list
                .into_iter()
                .map(|item| {
                    let (item, fitted) = fitted(&expr, item, schema);
                    changed |= fitted;
                    item
                })
                .collect();
            let expr = Expr::InList(InList { expr, list, negated });
            if changed { Transformed::yes(expr) } else { Transformed::no(expr) }
        }
        Expr::Between(Between { expr, negated, low, high }) => {
            let (low, a) = fitted(&expr, *low, schema);
            let (high, b) = fitted(&expr, *high, schema);
            let expr = Expr::Between(Between::new(expr, negated, Box::new(low), Box::new(high)));
            if a || b { Transformed::yes(expr) } else { Transformed::no(expr) }
        }
        other => Transformed::no(other),
    }
}

/// True for `=`, `<>`, `<`, `>` and their kin.
pub(super) const fn is_comparison(op: Operator) -> bool {
    matches!(
        op,
        Operator::Eq
            | Operator::NotEq
            | Operator::Lt
            | Operator::LtEq
            | Operator::Gt
            | Operator::GtEq
            | Operator::IsDistinctFrom
            | Operator::IsNotDistinctFrom
    )
}

/// A literal as the type of the column that it is compared with.
fn fitted(column: &Expr, literal: Expr, schema: &DFSchema) -> (Expr, bool) {
    let (Expr::Column(_) | Expr::ScalarFunction(_), Expr::Literal(scalar, _)) = (column, &literal)
    else {
        return (literal, false);
    };
    let Ok(kind) = column.get_type(schema) else { return (literal, false) };
    let converted = match (kind, scalar.data_type()) {
        // text that a function makes of JSON compares with a number as a number
        (DataType::Utf8, _) if !matches!(column, Expr::Column(_)) => None,
        (DataType::Utf8, from) if from.is_numeric() || from == DataType::Boolean => {
            value_of(scalar).map(|value| ScalarValue::Utf8(Some(value.text())))
        }
        (DataType::Boolean, DataType::Utf8) => match scalar.try_as_str().flatten() {
            Some("true") => Some(ScalarValue::Boolean(Some(true))),
            Some("false") => Some(ScalarValue::Boolean(Some(false))),
            _ => None,
        },
        (DataType::Boolean, from) if from.is_integer() => match value_of(scalar) {
            Some(strataql_call::Value::Integer(1)) => Some(ScalarValue::Boolean(Some(true))),
            Some(strataql_call::Value::Integer(0)) => Some(ScalarValue::Boolean(Some(false))),
            _ => None,
        },
        _ => None,
    };
    match converted {
        Some(scalar) => (Expr::Literal(scalar, None), true),
        None => (literal, false),
    }
}
