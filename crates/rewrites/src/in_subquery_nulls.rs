//! `x IN (SELECT …)` where its NULL counts.
//!
//! DataFusion makes joins of it that know found and not found. Where the condition as a whole is kept
//! or dropped that is enough; under NOT, in CASE and in a select list it is not: `x NOT IN (…) OR b`
//! would keep rows although the list holds a NULL. There it becomes
//!
//! ```text
//! CASE WHEN EXISTS (… y = x) THEN true WHEN EXISTS (… y IS NULL OR x IS NULL) THEN NULL ELSE false END
//! ```
//!
//! A `NOT IN` that the whole condition depends on is a join of DataFusion's that minds NULL, but only
//! where it has one pair of keys and nothing else: with a list that depends on the row, or for a
//! value that is no column (and may turn out to be a constant), it becomes
//! `NOT EXISTS (… y = x) AND NOT EXISTS (… y IS NULL OR x IS NULL)`.
//!
//! Also owns: `k IN (SELECT …) OR k = 'x'`, which is one list, so that it may feed a parameter.

use std::sync::Arc;

use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_common::{Column, Result, ScalarValue, TableReference};
use datafusion_expr::expr::{Exists, InList, InSubquery};
use datafusion_expr::utils::{conjunction, split_binary, split_conjunction};
use datafusion_expr::{
    BinaryExpr, Expr, ExprSchemable, Filter, LogicalPlan, LogicalPlanBuilder, Operator, Subquery,
    cast, lit, not, when,
};
use datafusion_optimizer::OptimizerConfig;

use crate::correction::{Apply, Correction};
use crate::nodes::{names_of, with_own_alias};

pub(crate) const CORRECTION: Correction = Correction {
    name: "in_subquery_nulls",
    datafusion: "55.2",
    example: "SELECT id FROM o WHERE id + 10 NOT IN (SELECT x FROM t) OR id = 3",
    apply: Apply::Logical(apply),
};

/// Rewrites such conditions of a plan, subqueries included.
fn apply(plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
    plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Filter(filter) => of_filter(filter, config),
        LogicalPlan::Projection(_) | LogicalPlan::Aggregate(_) => of_values(node, config),
        other => Ok(Transformed::no(other)),
    })
}

fn has_list(expr: &Expr) -> bool {
    expr.exists(|inner| Ok(matches!(inner, Expr::InSubquery(_)))).unwrap_or(false)
}

fn of_filter(filter: Filter, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
    if !has_list(&filter.predicate) {
        return Ok(Transformed::no(LogicalPlan::Filter(filter)));
    }
    let mut is_changed = false;
    let mut conditions = Vec::new();
    for condition in split_conjunction(&filter.predicate) {
        match none_of(condition) {
            Some(list) if !is_one_join(list) => {
                let asked = Asked::of(list, &filter.input, config)?;
                is_changed = true;
                conditions.push(not(asked.hit));
                conditions.extend(asked.unknown.map(not));
            }
            // a join of its own, which minds NULL
            Some(_) => conditions.push(condition.clone()),
            None if matches!(condition, Expr::InSubquery(_)) => {
                let done = with_own_name(condition.clone(), &filter.input, config)?;
                is_changed |= done.transformed;
                conditions.push(done.data);
            }
            None => {
                let done = match one_list(condition)? {
                    Some(list) => Transformed::yes(list),
                    None => with_null(condition.clone(), &filter.input, true, config)?,
                };
                is_changed |= done.transformed;
                conditions.push(done.data);
            }
        }
    }
    if !is_changed {
        return Ok(Transformed::no(LogicalPlan::Filter(filter)));
    }
    let predicate = conjunction(conditions).unwrap_or_else(|| lit(true));
    Filter::try_new(predicate, filter.input).map(LogicalPlan::Filter).map(Transformed::yes)
}

/// The condition, its list under an alias if an expression outside has the same name: the join would
/// find two.
fn with_own_name(
    condition: Expr,
    input: &LogicalPlan,
    config: &dyn OptimizerConfig,
) -> Result<Transformed<Expr>> {
    let Expr::InSubquery(mut list) = condition else { return Ok(Transformed::no(condition)) };
    let is_expression = list.subquery.subquery.schema().qualified_field(0).0.is_none();
    if is_expression
        && list.subquery.outer_ref_columns.is_empty()
        && let Some(plan) = with_own_alias(&list.subquery.subquery, input.schema(), config)?
    {
        list.subquery.subquery = plan;
        return Ok(Transformed::yes(Expr::InSubquery(list)));
    }
    Ok(Transformed::no(Expr::InSubquery(list)))
}

/// The list that a condition keeps out.
fn none_of(condition: &Expr) -> Option<&InSubquery> {
    match condition {
        Expr::InSubquery(list) if list.negated => Some(list),
        Expr::Not(inner) => match inner.as_ref() {
            Expr::InSubquery(list) if !list.negated => Some(list),
            _ => None,
        },
        _ => None,
    }
}

/// True if DataFusion's join for a `NOT IN` has one pair of keys and no other condition.
fn is_one_join(list: &InSubquery) -> bool {
    list.subquery.outer_ref_columns.is_empty() && matches!(list.expr.as_ref(), Expr::Column(_))
}

fn of_values(node: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
    let expressions = node.expressions();
    if !expressions.iter().any(has_list) {
        return Ok(Transformed::no(node));
    }
    let names = names_of(&node);
    let input = node.inputs()[0].clone();
    let changed = expressions
        .into_iter()
        .map(|expr| {
            let name = names.save(&expr);
            Ok(name.restore(with_null(expr, &input, false, config)?.data))
        })
        .collect::<Result<Vec<Expr>>>()?;
    node.with_new_exprs(changed, vec![input]).map(Transformed::yes)
}

/// The expression with its lists as values. `is_kept` while nothing but AND and OR is around it, so
/// that not true is as good as false.
fn with_null(
    expr: Expr,
    input: &LogicalPlan,
    is_kept: bool,
    config: &dyn OptimizerConfig,
) -> Result<Transformed<Expr>> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { op: Operator::And | Operator::Or, .. }) => {
            expr.map_children(|child| with_null(child, input, is_kept, config))
        }
        Expr::InSubquery(list) if is_kept && !list.negated && is_column(&list) => {
            Ok(Transformed::no(Expr::InSubquery(list)))
        }
        Expr::InSubquery(list) => value(list, input, config).map(Transformed::yes),
        other => other.map_children(|child| with_null(child, input, false, config)),
    }
}

/// True if the list holds a table's column. DataFusion's mark join looks for what an aggregate gives
/// twice, under its own name and under the join's, and finds both.
fn is_column(list: &InSubquery) -> bool {
    list.subquery.subquery.schema().qualified_field(0).0.is_some()
}

fn value(list: InSubquery, input: &LogicalPlan, config: &dyn OptimizerConfig) -> Result<Expr> {
    let asked = Asked::of(&list, input, config)?;
    let mut cases = when(asked.hit, lit(!list.negated));
    if let Some(unknown) = asked.unknown {
        cases = cases.when(unknown, lit(ScalarValue::Boolean(None)));
    }
    cases.otherwise(lit(list.negated))
}

/// What has to be known of a list.
struct Asked {
    /// `EXISTS (… y = x)`
    hit: Expr,
    /// `EXISTS (… y IS NULL OR x IS NULL)`, unless neither can be.
    unknown: Option<Expr>,
}

impl Asked {
    fn of(list: &InSubquery, input: &LogicalPlan, config: &dyn OptimizerConfig) -> Result<Self> {
        let mut outer = Vec::new();
        let wanted = list.expr.as_ref().clone().transform(|expr| match expr {
            Expr::Column(column) => {
                let (_, field) = input.schema().qualified_field_from_column(&column)?;
                let column = Expr::OuterReferenceColumn(Arc::clone(field), column);
                outer.push(column.clone());
                Ok(Transformed::yes(column))
            }
            other => Ok(Transformed::no(other)),
        })?;
        let wanted = wanted.data;
        let plan = with_own_alias(&list.subquery.subquery, input.schema(), config)?;
        let plan = plan.unwrap_or_else(|| Arc::clone(&list.subquery.subquery));
        let (qualifier, field) = plan.schema().qualified_field(0);
        let found = Expr::Column(Column::from((qualifier, field)));
        let exists = |condition: Expr| -> Result<Expr> {
            let plan = LogicalPlan::Filter(Filter::try_new(condition, Arc::clone(&plan))?);
            let mut columns = list.subquery.outer_ref_columns.clone();
            columns.extend(outer.iter().cloned());
            Ok(Expr::Exists(Exists {
                subquery: Subquery {
                    subquery: Arc::new(plan),
                    outer_ref_columns: columns,
                    spans: list.subquery.spans.clone(),
                },
                negated: false,
            }))
        };
        let hit = exists(found.clone().eq(wanted.clone()))?;
        let may_be_null = list.expr.nullable(input.schema())?;
        let unknown = match (field.is_nullable(), may_be_null) {
            (false, false) => None,
            (true, false) => Some(found.is_null()),
            (false, true) => Some(wanted.is_null()),
            (true, true) => Some(found.is_null().or(wanted.is_null())),
        };
        Ok(Self { hit, unknown: unknown.map(exists).transpose()? })
    }
}

/// `k IN (SELECT …) OR k = 'x' OR k IN ('y', …)` as one list.
fn one_list(condition: &Expr) -> Result<Option<Expr>> {
    let arms = split_binary(condition, Operator::Or);
    let mut key: Option<&Column> = None;
    let mut lists: Vec<&InSubquery> = Vec::new();
    let mut constants: Vec<Expr> = Vec::new();
    for arm in arms {
        let column = match arm {
            Expr::InSubquery(list)
                if !list.negated && list.subquery.outer_ref_columns.is_empty() =>
            {
                lists.push(list);
                list.expr.as_ref()
            }
            Expr::InList(InList { expr, list, negated: false }) if list.iter().all(is_constant) => {
                constants.extend(list.iter().cloned());
                expr.as_ref()
            }
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
                let (column, value) =
                    if is_constant(right) { (left, right) } else { (right, left) };
                if !is_constant(value) {
                    return Ok(None);
                }
                constants.push(value.as_ref().clone());
                column.as_ref()
            }
            _ => return Ok(None),
        };
        match (column, key) {
            (Expr::Column(column), None) => key = Some(column),
            (Expr::Column(column), Some(known)) if column == known => {}
            _ => return Ok(None),
        }
    }
    let (Some(key), Some((first, more))) = (key, lists.split_first()) else { return Ok(None) };
    if more.is_empty() && constants.is_empty() {
        return Ok(None);
    }
    let field = Arc::clone(first.subquery.subquery.schema().field(0));
    let named = |plan: LogicalPlan| -> Result<LogicalPlan> {
        let column = Column::from(plan.schema().qualified_field(0));
        let column = Expr::Column(column);
        let is_same = column.get_type(plan.schema())? == *field.data_type();
        let column = if is_same { column } else { cast(column, field.data_type().clone()) };
        let column = column.alias_qualified(None::<TableReference>, field.name());
        LogicalPlanBuilder::from(plan).project([column])?.build()
    };
    let mut all = LogicalPlanBuilder::from(named(first.subquery.subquery.as_ref().clone())?);
    for list in more {
        all = all.union(named(list.subquery.subquery.as_ref().clone())?)?;
    }
    if !constants.is_empty() {
        let rows = constants.into_iter().map(|value| vec![value]).collect();
        all = all.union(named(LogicalPlanBuilder::values(rows)?.build()?)?)?;
    }
    Ok(Some(Expr::InSubquery(InSubquery {
        expr: Box::new(Expr::Column(key.clone())),
        subquery: Subquery {
            subquery: Arc::new(all.build()?),
            outer_ref_columns: vec![],
            spans: first.subquery.spans.clone(),
        },
        negated: false,
    })))
}

fn is_constant(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(..))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, check_rows};

    #[test]
    fn datafusion_needs_it() {
        check(&CORRECTION, &["3"]);
    }
    #[test]
    fn a_list_of_the_same_column_is_another_list() {
        check_rows(
            "SELECT id, id IN (SELECT id FROM t WHERE x > 1) FROM t",
            &["1 false", "2 true", "3 false", "4 true"],
        );
        check_rows(
            "SELECT id FROM t WHERE id NOT IN (SELECT id FROM t WHERE x > 1) OR k = 'c'",
            &["1", "3", "4"],
        );
    }

    #[test]
    fn an_aggregate_may_be_in_a_list_of_the_same_aggregate() {
        check_rows(
            "SELECT k, max(x) FROM t GROUP BY k HAVING max(x) IN (SELECT max(x) FROM t GROUP BY k HAVING k < 'b')",
            &["a 3"],
        );
    }
}
