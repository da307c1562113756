//! Rows made of the columns of the tables before them.
//!
//! A chain of projections, filters and unnests over nothing, which refers to the left side of its
//! join, becomes the same chain over that left side:
//!
//! ```text
//! Join                                Projection (columns of the join)
//!   left                                Filter (condition of the join)
//!   Subquery x                 ->         Projection (left, fields)
//!     Projection (fields)                   Unnest
//!       Unnest                                Projection (left, list of left.c)
//!         Projection (list of outer(left.c))    left
//!           EmptyRelation
//! ```
//!
//! Surprise: the same chain in a correlated subquery (`EXISTS (SELECT … FROM json_each(t.c))`) has no
//! join to stand on. It gets the distinct values of the outer columns as its left side, and a filter
//! `d.c = outer(t.c)`, which DataFusion turns into a join.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion_common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion_common::{Column, DFSchema, JoinType, NullHandling, Result, TableReference};
use datafusion_expr::logical_plan::builder::unnest_with_options;
use datafusion_expr::utils::{conjunction, split_conjunction};
use datafusion_expr::{Expr, Filter, Join, LogicalPlan, LogicalPlanBuilder, Subquery, lit};
use strataql_diag::{Code, Report};

use crate::error::external;

/// The qualifier of columns between the nodes of a chain.
const INNER: &str = "\u{1}lateral";

/// Rewrites every lateral chain of a plan.
///
/// # Errors
/// `unsupported-syntax` for an outer join with a condition.
pub fn expand_rows(plan: LogicalPlan) -> Result<LogicalPlan> {
    let mut names = 0;
    expand(plan, &mut names)
}

fn expand(plan: LogicalPlan, names: &mut usize) -> Result<LogicalPlan> {
    let done = plan.transform_up(|node| {
        // a subquery first sees the rows that its outer plan can give it, then its own joins
        let node = feed_subqueries(node, names)?;
        let was_fed = node.transformed;
        let node = node.data.map_subqueries(|subquery| expand_subquery(subquery, names))?;
        let changed = was_fed || node.transformed;
        match node.data {
            LogicalPlan::Join(join) => {
                let grafted = graft_join(&join, names)?;
                Ok(match grafted {
                    Some(plan) => Transformed::yes(plan),
                    None => Transformed::new(
                        LogicalPlan::Join(join),
                        changed,
                        TreeNodeRecursion::Continue,
                    ),
                })
            }
            other => Ok(Transformed::new(other, changed, TreeNodeRecursion::Continue)),
        }
    })?;
    if !done.transformed {
        return Ok(done.data);
    }
    done.data
        .transform_up(|node| node.recompute_schema().map(Transformed::yes))
        .map(|done| done.data)
}

fn expand_subquery(plan: LogicalPlan, names: &mut usize) -> Result<Transformed<LogicalPlan>> {
    let LogicalPlan::Subquery(subquery) = plan else { return Ok(Transformed::no(plan)) };
    let inner = expand(subquery.subquery.as_ref().clone(), names)?;
    let changed = inner != *subquery.subquery;
    let outer_ref_columns = inner.all_out_ref_exprs();
    let subquery = Subquery { subquery: Arc::new(inner), outer_ref_columns, ..subquery };
    Ok(Transformed::new(LogicalPlan::Subquery(subquery), changed, TreeNodeRecursion::Jump))
}

/// The lateral subquery of a join's side.
fn lateral(plan: &LogicalPlan) -> Option<&LogicalPlan> {
    match plan {
        LogicalPlan::Subquery(subquery) => Some(&subquery.subquery),
        LogicalPlan::SubqueryAlias(alias) => lateral(&alias.input),
        _ => None,
    }
}

fn graft_join(join: &Join, names: &mut usize) -> Result<Option<LogicalPlan>> {
    if lateral(&join.right).is_none() || !is_chain(&join.right) {
        return Ok(None);
    }
    let conditions = conditions(join);
    let is_kept = match join.join_type {
        JoinType::Inner => false,
        JoinType::Left if conditions.iter().all(|condition| *condition == lit(true)) => true,
        JoinType::Left => {
            return Err(external(Box::new(
                Report::new(
                    Code::UnsupportedSyntax,
                    "a LEFT JOIN with rows made of the table before it can only have the condition `true`",
                )
                .with_help("write `LEFT JOIN … ON true`, or an inner join"),
            )));
        }
        _ => return Ok(None),
    };
    if is_kept && has_filter(&join.right) {
        return Ok(None);
    }
    let mut grafter = Grafter { left: join.left.as_ref(), is_kept, names };
    let (plan, columns) = grafter.graft(&join.right)?;
    let mut builder = LogicalPlanBuilder::from(plan);
    let left_count = join.left.schema().fields().len();
    let outputs: Vec<Expr> = join
        .schema
        .iter()
        .enumerate()
        .map(|(position, (qualifier, field))| match position.checked_sub(left_count) {
            None => Expr::Column(Column::new(qualifier.cloned(), field.name())),
            Some(right) => Expr::Column(columns[right].clone())
                .alias_qualified(qualifier.cloned(), field.name()),
        })
        .collect();
    builder = builder.project(outputs)?;
    match conjunction(conditions.into_iter().filter(|condition| *condition != lit(true))) {
        Some(condition) => builder.filter(condition)?.build().map(Some),
        None => builder.build().map(Some),
    }
}

/// What a join checks.
fn conditions(join: &Join) -> Vec<Expr> {
    let pairs = join.on.iter().map(|(left, right)| left.clone().eq(right.clone()));
    let rest = join.filter.iter().flat_map(|filter| split_conjunction(filter)).cloned();
    pairs.chain(rest).collect()
}

/// True if a plan is a chain over nothing that this module can move.
fn is_chain(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::EmptyRelation(empty) => empty.produce_one_row,
        LogicalPlan::Projection(projection) => is_chain(&projection.input),
        LogicalPlan::Filter(filter) => is_chain(&filter.input),
        LogicalPlan::Unnest(unnest) => is_chain(&unnest.input),
        LogicalPlan::SubqueryAlias(alias) => is_chain(&alias.input),
        LogicalPlan::Subquery(subquery) => is_chain(&subquery.subquery),
        _ => false,
    }
}

fn has_filter(plan: &LogicalPlan) -> bool {
    plan.exists(|node| Ok(matches!(node, LogicalPlan::Filter(_)))).unwrap_or(true)
        || lateral(plan).is_some_and(|inner| {
            inner.exists(|node| Ok(matches!(node, LogicalPlan::Filter(_)))).unwrap_or(true)
        })
}

/// Moves a chain onto a plan.
struct Grafter<'a> {
    left: &'a LogicalPlan,
    /// Rows of the left side without an element stay.
    is_kept: bool,
    names: &'a mut usize,
}

impl Grafter<'_> {
    /// The chain over the left side, and where its own columns are then.
    fn graft(&mut self, plan: &LogicalPlan) -> Result<(LogicalPlan, Vec<Column>)> {
        match plan {
            LogicalPlan::Projection(projection) => {
                let (input, columns) = self.graft(&projection.input)?;
                let places = places(projection.input.schema(), &columns);
                let mut exprs: Vec<Expr> =
                    self.left.schema().columns().into_iter().map(Expr::Column).collect();
                let mut outputs = Vec::new();
                for expr in &projection.expr {
                    *self.names += 1;
                    let output = Column::new(Some(INNER), format!("\u{1}c{}", self.names));
                    exprs.push(
                        self.moved(expr.clone().unalias(), &places)?
                            .alias_qualified(output.relation.clone(), output.name.clone()),
                    );
                    outputs.push(output);
                }
                Ok((LogicalPlanBuilder::from(input).project(exprs)?.build()?, outputs))
            }
            LogicalPlan::Filter(filter) => {
                let (input, columns) = self.graft(&filter.input)?;
                let places = places(filter.input.schema(), &columns);
                let predicate = self.moved(filter.predicate.clone(), &places)?;
                Ok((LogicalPlanBuilder::from(input).filter(predicate)?.build()?, columns))
            }
            LogicalPlan::Unnest(unnest) => {
                let (input, columns) = self.graft(&unnest.input)?;
                let places = places(unnest.input.schema(), &columns);
                let exec: Vec<Column> = unnest
                    .exec_columns
                    .iter()
                    .map(|column| places.get(column).unwrap_or(column).clone())
                    .collect();
                let mut options = unnest.options.clone();
                if self.is_kept {
                    options.null_handling = NullHandling::PreserveAndExpandEmpty;
                }
                let outputs = columns
                    .into_iter()
                    .map(|column| {
                        if exec.contains(&column) { Column::from_name(column.name) } else { column }
                    })
                    .collect();
                Ok((unnest_with_options(input, exec, options)?, outputs))
            }
            LogicalPlan::SubqueryAlias(alias) => self.graft(&alias.input),
            LogicalPlan::Subquery(subquery) => self.graft(&subquery.subquery),
            _ => Ok((self.left.clone(), Vec::new())),
        }
    }

    /// An expression of the chain over its new input.
    fn moved(&self, expr: Expr, places: &HashMap<Column, Column>) -> Result<Expr> {
        let left = self.left.schema();
        expr.transform(|expr| {
            Ok(match expr {
                Expr::OuterReferenceColumn(_, column) if left.has_column(&column) => {
                    Transformed::yes(Expr::Column(column))
                }
                Expr::Column(column) => match places.get(&column) {
                    Some(place) => Transformed::yes(Expr::Column(place.clone())),
                    None => Transformed::no(Expr::Column(column)),
                },
                other => Transformed::no(other),
            })
        })
        .map(|done| done.data)
    }
}

/// Where the columns of a schema are now.
fn places(schema: &DFSchema, columns: &[Column]) -> HashMap<Column, Column> {
    schema.columns().into_iter().zip(columns.iter().cloned()).collect()
}

/// Gives lateral chains in the subqueries of a node's expressions the outer values they are made of.
fn feed_subqueries(node: LogicalPlan, names: &mut usize) -> Result<Transformed<LogicalPlan>> {
    let source = match &node {
        LogicalPlan::Filter(filter) => {
            // values of rows that other conditions drop are not needed
            let plain = split_conjunction(&filter.predicate)
                .into_iter()
                .filter(|condition| !has_subquery(condition) && !condition.contains_outer())
                .cloned();
            match conjunction(plain) {
                Some(predicate) => {
                    LogicalPlan::Filter(Filter::try_new(predicate, Arc::clone(&filter.input))?)
                }
                None => filter.input.as_ref().clone(),
            }
        }
        LogicalPlan::Projection(projection) => projection.input.as_ref().clone(),
        LogicalPlan::Aggregate(aggregate) => aggregate.input.as_ref().clone(),
        _ => return Ok(Transformed::no(node)),
    };
    node.map_subqueries(|plan| {
        let LogicalPlan::Subquery(subquery) = plan else { return Ok(Transformed::no(plan)) };
        let fed = subquery.subquery.as_ref().clone().transform_down(|inner| {
            let (chain, alias) = match &inner {
                LogicalPlan::Subquery(chain) => (chain, None),
                LogicalPlan::SubqueryAlias(alias) => match alias.input.as_ref() {
                    LogicalPlan::Subquery(chain) => (chain, Some(&alias.alias)),
                    _ => return Ok(Transformed::no(inner)),
                },
                _ => return Ok(Transformed::no(inner)),
            };
            if !is_chain(&chain.subquery) {
                return Ok(Transformed::no(inner));
            }
            match feed(chain, alias, &source, names)? {
                Some(plan) => Ok(Transformed::new(plan, true, TreeNodeRecursion::Jump)),
                None => Ok(Transformed::no(inner)),
            }
        })?;
        let changed = fed.transformed;
        let subquery = Subquery { subquery: Arc::new(fed.data), ..subquery };
        Ok(Transformed::new(LogicalPlan::Subquery(subquery), changed, TreeNodeRecursion::Jump))
    })
}

fn has_subquery(expr: &Expr) -> bool {
    expr.exists(|expr| {
        Ok(matches!(
            expr,
            Expr::Exists(_)
                | Expr::InSubquery(_)
                | Expr::ScalarSubquery(_)
                | Expr::SetComparison(_)
        ))
    })
    .unwrap_or(true)
}

/// A chain over the distinct values of the outer columns that it reads, matched with the outer row.
fn feed(
    subquery: &Subquery,
    alias: Option<&TableReference>,
    source: &LogicalPlan,
    names: &mut usize,
) -> Result<Option<LogicalPlan>> {
    let outer = subquery.subquery.all_out_ref_exprs();
    let mut columns: Vec<(Expr, Column)> = Vec::new();
    for expr in outer {
        let Expr::OuterReferenceColumn(_, column) = &expr else { return Ok(None) };
        if !source.schema().has_column(column) {
            return Ok(None);
        }
        columns.push((expr.clone(), column.clone()));
    }
    if columns.is_empty() {
        return Ok(None);
    }
    *names += 1;
    let inner = format!("{INNER}{names}");
    let place = |at: usize| Column::new(Some(inner.as_str()), format!("{inner}v{at}"));
    let values = columns
        .iter()
        .enumerate()
        .map(|(at, (_, column))| Expr::Column(column.clone()).alias(place(at).name));
    let values = LogicalPlanBuilder::from(source.clone())
        .project(values.collect::<Vec<_>>())?
        .distinct()?
        .alias(TableReference::bare(inner.clone()))?
        .build()?;
    let renamed: HashMap<Column, Column> =
        columns.iter().enumerate().map(|(at, (_, column))| (column.clone(), place(at))).collect();
    let body = renamed_outer(subquery.subquery.as_ref().clone(), &renamed)?;
    let mut grafter = Grafter { left: &values, is_kept: false, names };
    let (plan, outputs) = grafter.graft(&body)?;
    // the values stand beside the columns until the filter above has matched them: DataFusion adds
    // columns to a projection on the way up, but not to an alias
    let schema = subquery.subquery.schema();
    let own = schema.iter().zip(outputs).map(|((qualifier, field), output)| {
        Expr::Column(output).alias_qualified(qualifier.cloned(), field.name())
    });
    let beside = (0..columns.len()).map(|at| Expr::Column(place(at)).alias(place(at).name));
    let mut builder =
        LogicalPlanBuilder::from(plan).project(own.chain(beside).collect::<Vec<_>>())?;
    if let Some(alias) = alias {
        builder = builder.alias(alias.clone())?;
    }
    let matched = columns.iter().enumerate().map(|(at, (expr, _))| {
        Expr::Column(Column::new(alias.cloned(), place(at).name)).eq(expr.clone())
    });
    if let Some(condition) = conjunction(matched) {
        builder = builder.filter(condition)?;
    }
    let kept: Vec<Expr> = builder
        .schema()
        .columns()
        .into_iter()
        .take(schema.fields().len())
        .map(Expr::Column)
        .collect();
    builder.project(kept)?.build().map(Some)
}

/// A chain whose outer columns are others.
fn renamed_outer(plan: LogicalPlan, renamed: &HashMap<Column, Column>) -> Result<LogicalPlan> {
    plan.transform_down(|node| {
        node.map_expressions(|expr| {
            expr.transform(|expr| {
                Ok(match expr {
                    Expr::OuterReferenceColumn(field, column) => match renamed.get(&column) {
                        Some(place) => {
                            Transformed::yes(Expr::OuterReferenceColumn(field, place.clone()))
                        }
                        None => Transformed::no(Expr::OuterReferenceColumn(field, column)),
                    },
                    other => Transformed::no(other),
                })
            })
        })
    })
    .map(|done| done.data)
}
