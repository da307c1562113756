//! Correlated subqueries that DataFusion cannot turn into a join, or turns into a wrong one.
//!
//! DataFusion pulls the conditions that read the outer row out of the subquery and into a join. It
//! pulls them through windows, OFFSET and the optional side of outer joins, which changes the rows; and
//! it refuses outer columns in select lists, UNION, VALUES and under DISTINCT or GROUP BY without an
//! equality. Here the subquery first becomes a join with the distinct values of the outer columns:
//!
//! ```text
//! (SELECT count(*) OVER () FROM b WHERE b.x = o.x)
//! (SELECT count(*) OVER (PARTITION BY d.x) FROM b, (SELECT DISTINCT x FROM o) d WHERE b.x = d.x AND d.x = o.x)
//! ```
//!
//! `d.x = o.x` is the only condition left that reads the outer row, and it is on top. The outer query is
//! read twice; its requests are sent once.
//! Refuses: subqueries that read rows further out than the next query, GROUPING SETS.

use std::sync::Arc;

use arrow::datatypes::FieldRef;
use datafusion_common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion_common::{
    Column, JoinConstraint, JoinType, NullEquality, Result, ScalarValue, Spans,
};
use datafusion_expr::expr::{Exists, InSubquery, SetComparison};
use datafusion_expr::utils::{conjunction, split_conjunction};
use datafusion_expr::{
    Aggregate, Distinct, Expr, ExprSchemable, FetchType, Join, Limit, LogicalPlan,
    LogicalPlanBuilder, Operator, SkipType, SortExpr, Subquery, SubqueryAlias, Union, Values,
    Window, binary_expr, lit, when,
};
use datafusion_functions::expr_fn::coalesce;
use datafusion_optimizer::OptimizerConfig;

use crate::correction::{Apply, Correction};
use crate::nodes::{
    columns_of, compared, is_key, is_parameter, names_of, numbered, or_zero, reads_further,
    with_parts,
};

pub(crate) const CORRECTION: Correction = Correction {
    name: "dependent_join",
    datafusion: "55.2",
    example: "SELECT id, (SELECT count(*) OVER () FROM t WHERE t.k = o.k AND t.id > 1) FROM o",
    apply: Apply::Logical(apply),
};

/// Rewrites such subqueries of a plan, LATERAL ones included.
fn apply(plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
    plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Join(join) => of_lateral(join, config),
        node => {
            let [outer] = node.inputs()[..] else { return Ok(Transformed::no(node)) };
            let has_subquery = |expr: &Expr| expr.exists(|inner| Ok(subquery_of(inner).is_some()));
            if !node.expressions().iter().any(|expr| has_subquery(expr).unwrap_or(false)) {
                return Ok(Transformed::no(node));
            }
            let outer = outer.clone();
            with_parts(node, |mut expr| {
                let is_exists = matches!(expr, Expr::Exists(_));
                let Some(subquery) = subquery_of_mut(&mut expr) else {
                    return Ok(Transformed::no(expr));
                };
                let done = rewrite(&subquery.subquery, &outer, is_exists, config)?;
                let Some(plan) = done else { return Ok(Transformed::no(expr)) };
                *subquery = correlated(plan);
                Ok(Transformed::yes(expr))
            })
        }
    })
}

fn subquery_of(expr: &Expr) -> Option<&Subquery> {
    match expr {
        Expr::ScalarSubquery(subquery) => Some(subquery),
        Expr::Exists(Exists { subquery, .. })
        | Expr::InSubquery(InSubquery { subquery, .. })
        | Expr::SetComparison(SetComparison { subquery, .. }) => Some(subquery),
        _ => None,
    }
}

fn subquery_of_mut(expr: &mut Expr) -> Option<&mut Subquery> {
    match expr {
        Expr::ScalarSubquery(subquery) => Some(subquery),
        Expr::Exists(Exists { subquery, .. })
        | Expr::InSubquery(InSubquery { subquery, .. })
        | Expr::SetComparison(SetComparison { subquery, .. }) => Some(subquery),
        _ => None,
    }
}

fn of_lateral(mut join: Join, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
    let (alias, subquery) = match join.right.as_ref() {
        LogicalPlan::SubqueryAlias(alias) => (Some(alias.alias.clone()), alias.input.as_ref()),
        other => (None, other),
    };
    let LogicalPlan::Subquery(subquery) = subquery else {
        return Ok(Transformed::no(LogicalPlan::Join(join)));
    };
    let Some(plan) = rewrite(&subquery.subquery, &join.left, false, config)? else {
        return Ok(Transformed::no(LogicalPlan::Join(join)));
    };
    let mut right = LogicalPlan::Subquery(correlated(plan));
    if let Some(alias) = alias {
        right = LogicalPlan::SubqueryAlias(SubqueryAlias::try_new(Arc::new(right), alias)?);
    }
    join.right = Arc::new(right);
    Ok(Transformed::yes(LogicalPlan::Join(join)))
}

fn correlated(plan: LogicalPlan) -> Subquery {
    let outer_ref_columns = plan.all_out_ref_exprs();
    Subquery { subquery: Arc::new(plan), outer_ref_columns, spans: Spans::new() }
}

/// The subquery with its conditions on the outer row on top, if it needs that.
fn rewrite(
    plan: &LogicalPlan,
    outer: &LogicalPlan,
    is_exists: bool,
    config: &dyn OptimizerConfig,
) -> Result<Option<LogicalPlan>> {
    let Some(columns) = outer_columns(plan, outer)? else { return Ok(None) };
    let domain = Domain { outer, columns, config };
    if domain.columns.is_empty() || !domain.is_needed(plan, is_exists)? || is_unstable(outer)? {
        return Ok(None);
    }
    let Some(found) = domain.join(plan, false)? else { return Ok(None) };
    domain.correlated(found, plan)
}

/// The columns of the outer query that the subquery reads; `None` if it reads others, too.
fn outer_columns(
    plan: &LogicalPlan,
    outer: &LogicalPlan,
) -> Result<Option<Vec<(FieldRef, Column)>>> {
    if reads_further(outer)? {
        return Ok(None);
    }
    let mut columns: Vec<(FieldRef, Column)> = Vec::new();
    let mut is_ours = true;
    plan.apply(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|inner| {
                match inner {
                    Expr::OuterReferenceColumn(_, column) => {
                        if columns.iter().any(|(_, known)| known == column) {
                        } else if let Ok((_, field)) =
                            outer.schema().qualified_field_from_column(column)
                        {
                            columns.push((Arc::clone(field), column.clone()));
                        } else {
                            is_ours &= plan.exists(|node| Ok(node.schema().has_column(column)))?;
                        }
                    }
                    // a subquery below that reads the outer row
                    inner => {
                        let nested = subquery_of(inner).map(|subquery| &subquery.outer_ref_columns);
                        is_ours &= !nested.into_iter().flatten().any(|expr| {
                            matches!(expr, Expr::OuterReferenceColumn(_, column) if outer.schema().has_column(column))
                        });
                    }
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(is_ours.then_some(columns))
}

/// True if the plan gives other rows when it is read again.
fn is_unstable(plan: &LogicalPlan) -> Result<bool> {
    plan.exists(|node| Ok(node.expressions().iter().any(Expr::is_volatile)))
}

/// The values of the outer columns.
struct Domain<'a> {
    outer: &'a LogicalPlan,
    columns: Vec<(FieldRef, Column)>,
    config: &'a dyn OptimizerConfig,
}

/// A plan whose rows are those of each row of the domain.
struct Joined {
    /// First the columns of the plan that it was made of.
    plan: LogicalPlan,
    /// The columns of the domain in it.
    keys: Vec<Column>,
    /// The number of a row within its keys.
    rank: Option<Column>,
}

impl Domain<'_> {
    fn reads(&self, expr: &Expr) -> bool {
        let is_ours = |inner: &Expr| matches!(inner, Expr::OuterReferenceColumn(_, column) if self.columns.iter().any(|(_, known)| known == column));
        expr.exists(|inner| Ok(is_ours(inner))).unwrap_or(true)
    }

    fn node_reads(&self, node: &LogicalPlan) -> bool {
        node.expressions().iter().any(|expr| self.reads(expr))
    }

    fn plan_reads(&self, plan: &LogicalPlan) -> Result<bool> {
        plan.exists(|node| Ok(self.node_reads(node)))
    }

    /// True if DataFusion would refuse the subquery, or change its rows.
    fn is_needed(&self, plan: &LogicalPlan, is_exists: bool) -> Result<bool> {
        if !self.plan_reads(plan)? {
            return Ok(false);
        }
        Ok(match plan {
            LogicalPlan::Projection(projection) => {
                self.node_reads(plan) || self.is_needed(&projection.input, is_exists)?
            }
            LogicalPlan::Filter(_) | LogicalPlan::SubqueryAlias(_) => {
                self.is_needed(plan.inputs()[0], is_exists)?
            }
            LogicalPlan::Aggregate(aggregate) => {
                self.node_reads(plan)
                    || (!aggregate.group_expr.is_empty()
                        && !self.has_only_keys(&aggregate.input)?)
                    || self.is_needed(&aggregate.input, false)?
            }
            LogicalPlan::Distinct(Distinct::All(input)) => {
                (!is_exists && !self.has_only_keys(input)?) || self.is_needed(input, is_exists)?
            }
            LogicalPlan::Limit(limit) if is_exists => {
                !matches!(limit.get_skip_type()?, SkipType::Literal(0))
                    || self.is_needed(&limit.input, is_exists)?
            }
            LogicalPlan::Limit(_) | LogicalPlan::Sort(_) => !self.has_only_parameters(plan)?,
            LogicalPlan::Join(join) => {
                let is_on = self.node_reads(plan);
                let (left, right) = (self.plan_reads(&join.left)?, self.plan_reads(&join.right)?);
                match join.join_type {
                    JoinType::Inner => {
                        self.is_needed(&join.left, false)? || self.is_needed(&join.right, false)?
                    }
                    JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti => {
                        is_on || right || self.is_needed(&join.left, false)?
                    }
                    JoinType::Right => is_on || left || self.is_needed(&join.right, false)?,
                    _ => true,
                }
            }
            LogicalPlan::Window(_)
            | LogicalPlan::Union(_)
            | LogicalPlan::Values(_)
            | LogicalPlan::Distinct(Distinct::On(_)) => true,
            _ => false,
        })
    }

    /// True if the filters of a plan read the outer row by `inner column = outer value` alone.
    fn has_only_keys(&self, plan: &LogicalPlan) -> Result<bool> {
        self.all_conditions(plan, |condition, _| Ok(is_key(condition)))
    }

    /// True if those columns are parameters, which a bind join fills in.
    fn has_only_parameters(&self, plan: &LogicalPlan) -> Result<bool> {
        self.all_conditions(plan, |condition, input| match compared(condition) {
            Some((inner, _)) => is_parameter(input, inner),
            None => Ok(false),
        })
    }

    fn all_conditions(
        &self,
        plan: &LogicalPlan,
        mut holds: impl FnMut(&Expr, &LogicalPlan) -> Result<bool>,
    ) -> Result<bool> {
        let mut is_all = true;
        plan.apply(|node| {
            if let LogicalPlan::Filter(filter) = node {
                for condition in split_conjunction(&filter.predicate) {
                    is_all &= !self.reads(condition) || holds(condition, &filter.input)?;
                }
            } else {
                is_all &= !self.node_reads(node);
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(is_all)
    }

    /// The distinct values of the outer columns, under new names.
    fn rows(&self) -> Result<Joined> {
        let names: Vec<String> =
            self.columns.iter().map(|_| self.config.alias_generator().next("__outer")).collect();
        let values = self.columns.iter().zip(&names);
        let values = values.map(|((_, column), name)| Expr::Column(column.clone()).alias(name));
        let plan = LogicalPlanBuilder::from(self.outer.clone()).project(values)?.distinct()?;
        let keys = names.into_iter().map(Column::from_name).collect();
        Ok(Joined { plan: plan.build()?, keys, rank: None })
    }

    /// The expression with columns of the domain for those of the outer query.
    fn inner(&self, expr: Expr, keys: &[Column]) -> Result<Expr> {
        let done = expr.transform(|inner| {
            let Expr::OuterReferenceColumn(_, column) = &inner else {
                return Ok(Transformed::no(inner));
            };
            let position = self.columns.iter().position(|(_, known)| known == column);
            Ok(match position {
                Some(position) => Transformed::yes(Expr::Column(keys[position].clone())),
                None => Transformed::no(inner),
            })
        })?;
        Ok(done.data)
    }

    /// As [`Self::inner`], for all expressions of a node, whose names stay.
    fn inner_all(&self, node: &LogicalPlan, exprs: &[Expr], keys: &[Column]) -> Result<Vec<Expr>> {
        let names = names_of(node);
        let exprs = exprs.iter().map(|expr| {
            let name = names.save(expr);
            Ok(name.restore(self.inner(expr.clone(), keys)?))
        });
        exprs.collect()
    }

    /// The plan, joined with the domain; `None` if that cannot be expressed. `is_limited` asks for
    /// the rows' numbers in the order of the plan.
    fn join(&self, plan: &LogicalPlan, is_limited: bool) -> Result<Option<Joined>> {
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

    /// The rows for an outer row, in the columns of the subquery.
    fn correlated(&self, found: Joined, plan: &LogicalPlan) -> Result<Option<LogicalPlan>> {
        let shown = columns_of(plan);
        let mut all = shown.clone();
        let mut conditions = Vec::new();
        for ((field, column), key) in self.columns.iter().zip(found.keys) {
            let outer = Expr::OuterReferenceColumn(Arc::clone(field), column.clone());
            let own = Expr::Column(key);
            if !field.is_nullable() {
                all.push(own.clone());
                conditions.push(own.eq(outer));
                continue;
            }
            let Ok(zero) = ScalarValue::new_default(field.data_type()) else { return Ok(None) };
            for of in [|expr: Expr, _: &ScalarValue| expr.is_null(), or_zero] {
                let name = self.config.alias_generator().next("__outer");
                all.push(of(own.clone(), &zero).alias(&name));
                conditions.push(Expr::Column(Column::from_name(name)).eq(of(outer.clone(), &zero)));
            }
        }
        let plan = LogicalPlanBuilder::from(found.plan).project(all)?;
        let condition = conjunction(conditions).unwrap_or_else(|| lit(true));
        plan.filter(condition)?.project(shown)?.build().map(Some)
    }
}

impl Joined {
    /// Shows these expressions, and the columns of the domain.
    fn shown(self, mut exprs: Vec<Expr>) -> Result<Self> {
        exprs.extend(self.keys.iter().chain(&self.rank).cloned().map(Expr::Column));
        let plan = LogicalPlanBuilder::from(self.plan).project(exprs)?.build()?;
        Ok(Self { plan, ..self })
    }

    fn numbered(self, order: &[SortExpr], config: &dyn OptimizerConfig) -> Result<Self> {
        let (plan, rank) = numbered(self.plan, &self.keys, order, config)?;
        Ok(Self { plan, keys: self.keys, rank: Some(rank) })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, check_rows};

    #[test]
    fn datafusion_needs_it() {
        check(&CORRECTION, &["1 1", "2 1", "3 NULL"]);
    }

    #[test]
    fn conditions_of_outer_joins_keep_rows_without_a_partner() {
        check_rows(
            "SELECT id, (SELECT count(*) FROM t LEFT JOIN t u ON u.k = o.k) FROM o",
            &["1 8", "2 4", "3 4"],
        );
        check_rows(
            "SELECT id, (SELECT count(*) FROM t RIGHT JOIN t u ON t.k = o.k) FROM o",
            &["1 8", "2 4", "3 4"],
        );
        check_rows(
            "SELECT id, (SELECT count(*) FROM t FULL JOIN t u ON t.id = u.id AND t.k = o.k) FROM o",
            &["1 6", "2 7", "3 8"],
        );
    }

    #[test]
    fn windows_and_limits_are_those_of_an_outer_row() {
        check_rows(
            "SELECT o.id, l.id, l.n FROM o, LATERAL (SELECT id, row_number() OVER (ORDER BY t.id DESC) AS n FROM t WHERE t.id > o.id) l",
            &["1 2 3", "1 3 2", "1 4 1", "2 3 2", "2 4 1", "3 4 1"],
        );
        check_rows(
            "SELECT id FROM o WHERE EXISTS (SELECT 1 FROM t WHERE t.id > o.id LIMIT 1 OFFSET 1)",
            &["1", "2"],
        );
        check_rows(
            "SELECT o.id, l.id FROM o, LATERAL (SELECT id FROM t WHERE t.id > o.id ORDER BY id DESC LIMIT 1) l",
            &["1 4", "2 4", "3 4"],
        );
    }

    #[test]
    fn outer_columns_may_be_anywhere() {
        check_rows(
            "SELECT id, (SELECT t.x + o.x FROM t WHERE t.id = o.id + 1) FROM o",
            &["1 4", "2 NULL", "3 NULL"],
        );
        check_rows(
            "SELECT o.id, l.v FROM o, LATERAL (SELECT o.x AS v UNION ALL SELECT t.x FROM t WHERE t.k = o.k) l",
            &["1 1", "1 1", "1 3", "2 2", "2 NULL", "3 NULL"],
        );
        check_rows(
            "SELECT o.id, l.v FROM o, LATERAL (VALUES (o.id), (o.id * 10)) l(v)",
            &["1 1", "1 10", "2 2", "2 20", "3 3", "3 30"],
        );
        check_rows(
            "SELECT id, (SELECT sum(t.id + o.id) FROM t WHERE t.k = o.k) FROM o",
            &["1 5", "2 5", "3 NULL"],
        );
        check_rows(
            "SELECT o.id, l.k, l.n FROM o, LATERAL (SELECT k, count(*) AS n FROM t WHERE t.id <= o.id GROUP BY k) l",
            &["1 a 1", "2 a 2", "3 a 2", "3 b 1"],
        );
    }
}
