//! LIMIT in a subquery that reads the outer row: the first rows for each of those.
//!
//! DataFusion makes no join of it. Where every comparison with the outer row is a parameter of a
//! resource, the bind join asks once per key and needs no other words. Elsewhere the rows are
//! numbered within their keys, and the numbers compared:
//! `(SELECT a FROM t WHERE t.k = o.k ORDER BY b LIMIT 1)` asks for the rows where
//! `row_number() OVER (PARTITION BY k ORDER BY b)` is 1 and `k = o.k`.

use std::sync::Arc;

use datafusion_common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion_common::{Column, Result};
use datafusion_expr::utils::{conjunction, split_conjunction};
use datafusion_expr::{
    Expr, FetchType, Limit, LogicalPlan, LogicalPlanBuilder, SkipType, SortExpr, Subquery, lit,
};
use datafusion_optimizer::OptimizerConfig;

use crate::correction::{Apply, Correction};
use crate::nodes::{columns_of, compared, is_parameter, numbered, reads_outer};

pub(crate) const CORRECTION: Correction = Correction {
    name: "limited_subquery",
    datafusion: "55.2",
    example: "SELECT id, (SELECT x FROM t WHERE t.k = o.k ORDER BY t.id DESC LIMIT 1) FROM o",
    apply: Apply::Logical(apply),
};

/// Rewrites such limits in the subqueries of a plan.
fn apply(plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
    plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Subquery(subquery) if !subquery.outer_ref_columns.is_empty() => {
            let plan = Arc::unwrap_or_clone(subquery.subquery);
            // a limit below other operators is left to the dependent join
            let done = plan.transform_down(|node| match node {
                LogicalPlan::Projection(_) | LogicalPlan::SubqueryAlias(_) => {
                    Ok(Transformed::no(node))
                }
                LogicalPlan::Limit(limit) => {
                    let done = of_limit(limit, config)?;
                    Ok(Transformed { tnr: TreeNodeRecursion::Jump, ..done })
                }
                other => Ok(Transformed::new(other, false, TreeNodeRecursion::Jump)),
            })?;
            let subquery = Subquery { subquery: Arc::new(done.data), ..subquery };
            Ok(Transformed::new_transformed(LogicalPlan::Subquery(subquery), done.transformed))
        }
        other => Ok(Transformed::no(other)),
    })
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
        let keys: Vec<Column> = self.keys.iter().map(|key| key.column.clone()).collect();
        let (plan, rank) = numbered(self.plan, &keys, order, config)?;
        Ok(Self { plan, rank: Some(rank), ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::check;

    #[test]
    fn datafusion_needs_it() {
        check(&CORRECTION, &["1 3", "2 NULL", "3 NULL"]);
    }
}
