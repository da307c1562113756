//! LIMIT in a subquery that reads the outer row: the first rows for each of those.
//!
//! DataFusion makes no join of it. Where every comparison with the outer row is a parameter of a
//! resource, the bind join asks once per key and needs no other words. Elsewhere the rows are
//! numbered within their keys, and the numbers compared:
//! `(SELECT a FROM t WHERE t.k = o.k ORDER BY b LIMIT 1)` asks for the rows where
//! `row_number() OVER (PARTITION BY k ORDER BY b)` is 1 and `k = o.k`.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, Result, ScalarValue};
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::utils::{conjunction, split_conjunction};
use datafusion::logical_expr::{
    BinaryExpr, Expr, ExprFunctionExt, FetchType, Limit, LogicalPlan, LogicalPlanBuilder, Operator,
    SkipType, SortExpr, Subquery, TableProviderFilterPushDown, WindowFrame, WindowFrameBound,
    WindowFrameUnits, lit,
};
use datafusion::optimizer::OptimizerConfig;

use super::nodes::{columns_of, reads_outer};

/// Rewrites such limits in the subqueries of a plan.
pub(crate) fn top_rows(plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Subquery(subquery) if !subquery.outer_ref_columns.is_empty() => {
            let plan = Arc::unwrap_or_clone(subquery.subquery);
            let done = plan.transform_up(|node| match node {
                LogicalPlan::Limit(limit) => of_limit(limit, config),
                other => Ok(Transformed::no(other)),
            })?;
            let subquery = Subquery { subquery: Arc::new(done.data), ..subquery };
            Ok(Transformed::new_transformed(LogicalPlan::Subquery(subquery), done.transformed))
        }
        other => Ok(Transformed::no(other)),
    })
    .map(|done| done.data)
}

fn of_limit(limit: Limit, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
    let (SkipType::Literal(skip), FetchType::Literal(fetch)) =
        (limit.get_skip_type()?, limit.get_fetch_type()?)
    else {
        return Ok(Transformed::no(LogicalPlan::Limit(limit)));
    };
    let Some(found) = Keyed::of(&limit.input, config)? else {
        return Ok(Transformed::no(LogicalPlan::Limit(limit)));
    };
    if found.keys.is_empty() || found.keys.iter().all(|key| key.is_parameter) {
        return Ok(Transformed::no(LogicalPlan::Limit(limit)));
    }
    let found = if found.rank.is_some() { found } else { found.ranked(&[], config)? };
    let Keyed { plan, keys, rank } = found;
    let mut conditions: Vec<Expr> =
        keys.into_iter().map(|key| Expr::Column(key.column).eq(key.outer)).collect();
    let rank = rank.map(Expr::Column);
    let number = |rows: usize| lit(u64::try_from(rows).unwrap_or(u64::MAX));
    conditions.extend(rank.clone().filter(|_| skip > 0).map(|rank| rank.gt(number(skip))));
    conditions
        .extend(rank.zip(fetch).map(|(rank, rows)| rank.lt_eq(number(skip.saturating_add(rows)))));
    let mut builder = LogicalPlanBuilder::from(plan);
    if let Some(condition) = conjunction(conditions) {
        builder = builder.filter(condition)?;
    }
    builder.project(columns_of(&limit.input))?.build().map(Transformed::yes)
}

/// What an inner column is compared with.
struct Key {
    column: Column,
    outer: Expr,
    /// True if a scan would take the comparison as a parameter.
    is_parameter: bool,
}

/// A plan without its comparisons with the outer row, their columns beside its own.
struct Keyed {
    plan: LogicalPlan,
    keys: Vec<Key>,
    /// The number of the row within its keys.
    rank: Option<Column>,
}

impl Keyed {
    /// `None` if the plan reads the outer row in another way than by `inner = outer`.
    fn of(plan: &LogicalPlan, config: &dyn OptimizerConfig) -> Result<Option<Self>> {
        if !reads_outer(plan)? {
            return Ok(Some(Self { plan: plan.clone(), keys: vec![], rank: None }));
        }
        let (LogicalPlan::Filter(_)
        | LogicalPlan::Projection(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Sort(_)) = plan
        else {
            return Ok(None);
        };
        let Some(input) = Self::of(plan.inputs()[0], config)? else { return Ok(None) };
        match plan {
            LogicalPlan::Filter(filter) => input.without(&filter.predicate, config),
            LogicalPlan::Sort(sort) if sort.fetch.is_none() => {
                let rest = Self { rank: None, ..input };
                rest.ranked(&sort.expr, config).map(Some)
            }
            LogicalPlan::Projection(projection) => {
                if projection.expr.iter().any(Expr::contains_outer) {
                    return Ok(None);
                }
                let more = input.keys.iter().map(|key| &key.column).chain(&input.rank);
                let all = projection.expr.iter().cloned();
                let all: Vec<Expr> = all.chain(more.cloned().map(Expr::Column)).collect();
                let plan = LogicalPlanBuilder::from(input.plan).project(all)?.build()?;
                Ok(Some(Self { plan, ..input }))
            }
            LogicalPlan::SubqueryAlias(alias) => {
                let renamed = |column: Column| Column::new(Some(alias.alias.clone()), column.name);
                let keys = input.keys.into_iter();
                let keys = keys.map(|key| Key { column: renamed(key.column), ..key }).collect();
                let plan = LogicalPlanBuilder::from(input.plan).alias(alias.alias.clone())?;
                Ok(Some(Self { plan: plan.build()?, keys, rank: input.rank.map(renamed) }))
            }
            _ => Ok(None),
        }
    }

    /// The plan with the rest of a condition, its comparisons with the outer row made keys.
    fn without(mut self, predicate: &Expr, config: &dyn OptimizerConfig) -> Result<Option<Self>> {
        let mut rest = Vec::new();
        let mut inner = Vec::new();
        for condition in split_conjunction(predicate) {
            if !condition.contains_outer() {
                rest.push(condition.clone());
                continue;
            }
            let Some((value, outer)) = compared(condition) else { return Ok(None) };
            let is_parameter = is_parameter(&self.plan, value)?;
            let name = config.alias_generator().next("__key");
            inner.push(value.clone().alias(&name));
            let column = Column::from_name(name);
            self.keys.push(Key { column, outer: outer.clone(), is_parameter });
        }
        let mut builder = LogicalPlanBuilder::from(self.plan);
        if let Some(rest) = conjunction(rest) {
            builder = builder.filter(rest)?;
        }
        let shown = columns_of(builder.plan());
        let plan = builder.project(shown.into_iter().chain(inner))?.build()?;
        Ok(Some(Self { plan, ..self }))
    }

    /// The plan with its rows numbered within their keys.
    fn ranked(self, order: &[SortExpr], config: &dyn OptimizerConfig) -> Result<Self> {
        let keys = self.keys.iter().map(|key| Expr::Column(key.column.clone())).collect();
        let number = row_number()
            .partition_by(keys)
            .order_by(order.to_vec())
            // without an order the frame that is taken for granted is none
            .window_frame(WindowFrame::new_bounds(
                WindowFrameUnits::Rows,
                WindowFrameBound::Preceding(ScalarValue::UInt64(None)),
                WindowFrameBound::CurrentRow,
            ))
            .build()?;
        let name = config.alias_generator().next("__rank");
        let shown = columns_of(&self.plan);
        let label = number.schema_name().to_string();
        let plan = LogicalPlanBuilder::from(self.plan).window([number])?;
        let rank = Expr::Column(Column::from_name(label)).alias(&name);
        let plan = plan.project(shown.into_iter().chain([rank]))?.build()?;
        Ok(Self { plan, rank: Some(Column::from_name(name)), ..self })
    }
}

/// The sides of `inner = outer`.
fn compared(condition: &Expr) -> Option<(&Expr, &Expr)> {
    let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = condition else {
        return None;
    };
    let is_outer = |expr: &Expr| expr.contains_outer() && expr.column_refs().is_empty();
    let is_inner = |expr: &Expr| !expr.contains_outer() && !expr.column_refs().is_empty();
    match (left.as_ref(), right.as_ref()) {
        (inner, outer) | (outer, inner) if is_inner(inner) && is_outer(outer) => {
            Some((inner, outer))
        }
        _ => None,
    }
}

/// True if some scan of the plan takes over an equality on the column.
fn is_parameter(plan: &LogicalPlan, value: &Expr) -> Result<bool> {
    let Expr::Column(column) = value else { return Ok(false) };
    let equality = Expr::Column(Column::from_name(&column.name)).eq(lit("x"));
    let mut is_one = false;
    plan.apply(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && scan.source.schema().field_with_name(&column.name).is_ok()
        {
            let answer = scan.source.supports_filters_pushdown(&[&equality])?;
            is_one |= answer.first() == Some(&TableProviderFilterPushDown::Exact);
        }
        Ok(if is_one { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(is_one)
}
