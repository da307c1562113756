//! The join with the outer values, operator by operator.

use std::sync::Arc;

use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_common::{Column, JoinConstraint, JoinType, NullEquality, Result, ScalarValue};
use datafusion_expr::utils::conjunction;
use datafusion_expr::{
    Aggregate, Distinct, Expr, ExprSchemable, FetchType, Join, Limit, LogicalPlan,
    LogicalPlanBuilder, Operator, SkipType, SortExpr, Union, Values, Window, binary_expr, lit,
    when,
};
use datafusion_functions::expr_fn::coalesce;

use super::domain::{Domain, Joined};
use crate::nodes::columns_of;

impl Domain<'_> {
    /// The plan, joined with the domain; `None` if that cannot be expressed. `is_limited` asks for
    /// the rows' numbers in the order of the plan.
    pub(super) fn join(&self, plan: &LogicalPlan, is_limited: bool) -> Result<Option<Joined>> {
        if !self.plan_reads(plan)? && !is_limited {
            let rows = self.rows()?;
            let plan = LogicalPlanBuilder::from(plan.clone()).cross_join(rows.plan)?.build()?;
            return Ok(Some(Joined { plan, ..rows }));
        }
        match plan {
            LogicalPlan::Filter(filter) => {
                let Some(input) = self.join(&filter.input, is_limited)? else { return Ok(None) };
                let predicate = self.inner(filter.predicate.clone(), &input.keys)?;
                let plan = LogicalPlanBuilder::from(input.plan).filter(predicate)?.build()?;
                Ok(Some(Joined { plan, ..input }))
            }
            LogicalPlan::Projection(projection) => {
                let Some(input) = self.join(&projection.input, is_limited)? else {
                    return Ok(None);
                };
                let exprs = self.inner_all(plan, &projection.expr, &input.keys)?;
                Ok(Some(input.shown(exprs)?))
            }
            LogicalPlan::SubqueryAlias(alias) => {
                let Some(input) = self.join(&alias.input, is_limited)? else { return Ok(None) };
                let renamed = |column: Column| Column::new(Some(alias.alias.clone()), column.name);
                let plan = LogicalPlanBuilder::from(input.plan).alias(alias.alias.clone())?;
                Ok(Some(Joined {
                    plan: plan.build()?,
                    keys: input.keys.into_iter().map(renamed).collect(),
                    rank: input.rank.map(renamed),
                }))
            }
            LogicalPlan::Sort(sort) if sort.fetch.is_none() => {
                let Some(input) = self.join(&sort.input, false)? else { return Ok(None) };
                if !is_limited {
                    return Ok(Some(input));
                }
                let order = sort.expr.iter().map(|key| {
                    let expr = self.inner(key.expr.clone(), &input.keys)?;
                    Ok(SortExpr { expr, ..key.clone() })
                });
                let order = order.collect::<Result<Vec<SortExpr>>>()?;
                input.numbered(&order, self.config).map(Some)
            }
            LogicalPlan::Limit(limit) => self.of_limit(limit),
            LogicalPlan::Distinct(Distinct::All(input)) => {
                let Some(input) = self.join(input, false)? else { return Ok(None) };
                let plan = LogicalPlanBuilder::from(input.plan).distinct()?.build()?;
                Ok(Some(Joined { plan, ..input }))
            }
            LogicalPlan::Aggregate(aggregate) => self.of_aggregate(aggregate, plan),
            LogicalPlan::Window(window) => self.of_window(window),
            LogicalPlan::Join(join) => self.of_join(join),
            LogicalPlan::Union(union) => self.of_union(union),
            LogicalPlan::Values(values) => self.of_values(values),
            // their order is none
            other if is_limited => self.join(other, false),
            _ => Ok(None),
        }
    }

    fn of_limit(&self, limit: &Limit) -> Result<Option<Joined>> {
        let (SkipType::Literal(skip), FetchType::Literal(fetch)) =
            (limit.get_skip_type()?, limit.get_fetch_type()?)
        else {
            return Ok(None);
        };
        let Some(input) = self.join(&limit.input, true)? else { return Ok(None) };
        let input = if input.rank.is_some() { input } else { input.numbered(&[], self.config)? };
        let Joined { plan, keys, rank } = input;
        let number = |rows: usize| lit(u64::try_from(rows).unwrap_or(u64::MAX));
        let rank = rank.map(Expr::Column);
        let first = rank.clone().filter(|_| skip > 0).map(|rank| rank.gt(number(skip)));
        let last =
            rank.zip(fetch).map(|(rank, rows)| rank.lt_eq(number(skip.saturating_add(rows))));
        let mut builder = LogicalPlanBuilder::from(plan);
        if let Some(condition) = conjunction(first.into_iter().chain(last)) {
            builder = builder.filter(condition)?;
        }
        let joined = Joined { plan: builder.build()?, keys, rank: None };
        joined.shown(columns_of(&limit.input)).map(Some)
    }

    /// Groups by the domain, too. Without groups there is a row for each row of the domain.
    fn of_aggregate(&self, aggregate: &Aggregate, node: &LogicalPlan) -> Result<Option<Joined>> {
        if aggregate.group_expr.iter().any(|expr| matches!(expr, Expr::GroupingSet(_))) {
            return Ok(None);
        }
        let Some(input) = self.join(&aggregate.input, false)? else { return Ok(None) };
        let columns = columns_of(node);
        let mut groups = self.inner_all(node, &aggregate.group_expr, &input.keys)?;
        groups.extend(input.keys.iter().cloned().map(Expr::Column));
        let aggregates = self.inner_all(node, &aggregate.aggr_expr, &input.keys)?;
        let plan = LogicalPlanBuilder::from(input.plan).aggregate(groups, aggregates)?.build()?;
        let keys: Vec<Column> =
            input.keys.into_iter().map(|key| Column::from_name(key.name)).collect();
        if !aggregate.group_expr.is_empty() {
            return Joined { plan, keys, rank: None }.shown(columns).map(Some);
        }
        let name = self.config.alias_generator().next("__has_rows");
        let shown = columns.iter().cloned().chain([lit(true).alias(&name)]);
        let groups = Joined { plan, keys, rank: None }.shown(shown.collect())?;
        let rows = self.rows()?;
        let plan = LogicalPlanBuilder::from(rows.plan).join_detailed(
            groups.plan,
            JoinType::Left,
            (rows.keys.clone(), groups.keys),
            None,
            NullEquality::NullEqualsNull,
        )?;
        let is_none = Expr::Column(Column::from_name(name)).is_null();
        let values = columns.into_iter().zip(&aggregate.aggr_expr).map(|(column, expr)| {
            let empty = on_empty(expr, node)?;
            if empty.is_null() {
                return Ok(column);
            }
            let value = when(is_none.clone(), lit(empty)).otherwise(column.clone())?;
            Ok(value.alias(column.schema_name().to_string()))
        });
        let values = values.collect::<Result<Vec<Expr>>>()?;
        Joined { plan: plan.build()?, keys: rows.keys, rank: None }.shown(values).map(Some)
    }

    fn of_window(&self, window: &Window) -> Result<Option<Joined>> {
        let Some(input) = self.join(&window.input, false)? else { return Ok(None) };
        let keys: Vec<Expr> = input.keys.iter().cloned().map(Expr::Column).collect();
        let functions = window.window_expr.iter().map(|expr| {
            let done = self.inner(expr.clone(), &input.keys)?.transform(|inner| match inner {
                Expr::WindowFunction(mut function) => {
                    function.params.partition_by.extend(keys.iter().cloned());
                    Ok(Transformed::yes(Expr::WindowFunction(function)))
                }
                other => Ok(Transformed::no(other)),
            })?;
            Ok(done.data)
        });
        let functions = functions.collect::<Result<Vec<Expr>>>()?;
        let width = input.plan.schema().fields().len();
        let plan = LogicalPlan::Window(Window::try_new(functions, Arc::new(input.plan))?);
        let own = window.input.schema().fields().len();
        let names = window.schema.iter().skip(own).map(|(_, field)| field.name().clone());
        let results = plan.schema().iter().skip(width).zip(names);
        let mut shown = columns_of(&window.input);
        shown.extend(results.map(|(result, name)| Expr::from(result).alias(name)));
        Joined { plan, keys: input.keys, rank: None }.shown(shown).map(Some)
    }

    fn of_join(&self, join: &Join) -> Result<Option<Joined>> {
        let reads = (self.plan_reads(&join.left)?, self.plan_reads(&join.right)?);
        // the side whose rows all stay has to be joined with the domain
        let is_both = match join.join_type {
            JoinType::Full => (true, true),
            JoinType::Right => (reads.0, true),
            JoinType::Inner if !reads.0 && reads.1 => (false, true),
            JoinType::Inner | JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti => {
                (true, reads.1)
            }
            _ => return Ok(None),
        };
        let side = |plan: &Arc<LogicalPlan>, is_joined: bool| {
            if is_joined {
                return self.join(plan, false);
            }
            let plan = plan.as_ref().clone();
            Ok(Some(Joined { plan, keys: vec![], rank: None }))
        };
        let (Some(left), Some(right)) =
            (side(&join.left, is_both.0)?, side(&join.right, is_both.1)?)
        else {
            return Ok(None);
        };
        let keys = if is_both.0 { left.keys.clone() } else { right.keys.clone() };
        let on = join.on.iter().map(|(left, right)| {
            Ok((self.inner(left.clone(), &keys)?, self.inner(right.clone(), &keys)?))
        });
        let on = on.collect::<Result<Vec<_>>>()?;
        let filter = join.filter.clone().map(|filter| self.inner(filter, &keys)).transpose()?;
        let same = left.keys.iter().zip(&right.keys).map(|(left, right)| {
            let (left, right) = (Expr::Column(left.clone()), Expr::Column(right.clone()));
            binary_expr(left, Operator::IsNotDistinctFrom, right)
        });
        let filter = conjunction(filter.into_iter().chain(same));
        let plan = LogicalPlan::Join(Join::try_new(
            Arc::new(left.plan),
            Arc::new(right.plan),
            on,
            filter,
            join.join_type,
            JoinConstraint::On,
            join.null_equality,
            join.null_aware,
        )?);
        let columns: Vec<Expr> = join.schema.iter().map(Expr::from).collect();
        if join.join_type != JoinType::Full {
            return Joined { plan, keys, rank: None }.shown(columns).map(Some);
        }
        let mut merged = Vec::new();
        let mut shown = columns.clone();
        for (left, right) in left.keys.into_iter().zip(right.keys) {
            let name = self.config.alias_generator().next("__outer");
            let either = coalesce(vec![Expr::Column(left), Expr::Column(right)]);
            shown.push(either.alias(&name));
            merged.push(Column::from_name(name));
        }
        let plan = LogicalPlanBuilder::from(plan).project(shown)?.build()?;
        Joined { plan, keys: merged, rank: None }.shown(columns).map(Some)
    }

    fn of_union(&self, union: &Union) -> Result<Option<Joined>> {
        let names: Vec<String> =
            self.columns.iter().map(|_| self.config.alias_generator().next("__outer")).collect();
        let mut all: Option<LogicalPlanBuilder> = None;
        for arm in &union.inputs {
            let Some(arm) = self.join(arm, false)? else { return Ok(None) };
            let own = arm.plan.schema().iter().take(union.schema.fields().len());
            let shown = own.zip(union.schema.iter()).map(|(own, (qualifier, field))| {
                Expr::from(own).alias_qualified(qualifier.cloned(), field.name())
            });
            let keys = arm.keys.iter().zip(&names);
            let keys = keys.map(|(key, name)| Expr::Column(key.clone()).alias(name));
            let shown: Vec<Expr> = shown.chain(keys).collect();
            let arm = LogicalPlanBuilder::from(arm.plan.clone()).project(shown)?;
            all = Some(match all {
                Some(all) => all.union(arm.build()?)?,
                None => arm,
            });
        }
        let Some(all) = all else { return Ok(None) };
        let keys = names.into_iter().map(Column::from_name).collect();
        Ok(Some(Joined { plan: all.build()?, keys, rank: None }))
    }

    fn of_values(&self, values: &Values) -> Result<Option<Joined>> {
        let mut all: Option<(LogicalPlanBuilder, Vec<Column>)> = None;
        for row in &values.values {
            let rows = self.rows()?;
            let cells = row.iter().zip(values.schema.fields()).map(|(cell, field)| {
                let cell = self.inner(cell.clone(), &rows.keys)?;
                Ok(cell.alias(field.name()))
            });
            let mut shown = cells.collect::<Result<Vec<Expr>>>()?;
            let first = all.as_ref().map_or(&rows.keys, |(_, keys)| keys).clone();
            let keys = rows.keys.iter().zip(&first);
            shown.extend(keys.map(|(key, first)| Expr::Column(key.clone()).alias(&first.name)));
            let row = LogicalPlanBuilder::from(rows.plan).project(shown)?;
            all = Some(match all {
                Some((all, keys)) => (all.union(row.build()?)?, keys),
                None => (row, first),
            });
        }
        let Some((all, keys)) = all else { return Ok(None) };
        Ok(Some(Joined { plan: all.build()?, keys, rank: None }))
    }
}

/// What an aggregate is of no rows.
fn on_empty(expr: &Expr, node: &LogicalPlan) -> Result<ScalarValue> {
    match expr {
        Expr::Alias(alias) => on_empty(&alias.expr, node),
        Expr::AggregateFunction(call) => {
            let kind = expr.get_type(node.inputs()[0].schema())?;
            call.func.default_value(&kind)
        }
        _ => Ok(ScalarValue::Null),
    }
}
