//! Constants that reach a parameter through a join.
//!
//! Owns: following a column down to the scan that it comes from; carrying `a.k = 'x'` over a chain of
//! equalities; the empty text as a key.
//! Surprise: `c.k = p.k AND c.k = ''` gives no row of `p` where `k` is part of its path: no object has
//! an empty name, and without it the path would be another one. Written for `p` alone it is an error
//! instead, since the text of a variable that is not set is meant by nobody.

use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, Result};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{
    BinaryExpr, EmptyRelation, Expr, Filter, Join, LogicalPlan, Operator, TableScan,
    TableScanBuilder, lit,
};
use datafusion::optimizer::propagate_empty_relation::PropagateEmptyRelation;
use datafusion::optimizer::push_down_filter::PushDownFilter;
use datafusion::optimizer::{Optimizer, OptimizerContext};
use strataql_call::Value;
use strataql_spec::Location;

use crate::predicate::bindings::{ParameterSource, bare, binding};
use crate::resource_table::{ResourceTable, table_of};

/// The input that an output column comes from unchanged, and its name there.
fn below(plan: &LogicalPlan, column: &Column) -> Option<(usize, Column)> {
    match plan {
        LogicalPlan::SubqueryAlias(alias) => {
            let position = plan.schema().maybe_index_of_column(column)?;
            Some((0, Column::from(alias.input.schema().qualified_field(position))))
        }
        LogicalPlan::Projection(projection) => {
            let position = plan.schema().maybe_index_of_column(column)?;
            match &projection.expr[position] {
                Expr::Column(inner) => Some((0, inner.clone())),
                Expr::Alias(alias) => match alias.expr.as_ref() {
                    Expr::Column(inner) => Some((0, inner.clone())),
                    _ => None,
                },
                _ => None,
            }
        }
        LogicalPlan::Filter(_) | LogicalPlan::Sort(_) | LogicalPlan::Limit(_) => {
            Some((0, column.clone()))
        }
        LogicalPlan::Join(_) => {
            let inputs = plan.inputs();
            let position = inputs.iter().position(|input| input.schema().has_column(column))?;
            Some((position, column.clone()))
        }
        _ => None,
    }
}

/// `column = 'x'` among conditions.
fn equated<'e>(mut conditions: impl Iterator<Item = &'e Expr>, column: &Column) -> Option<Expr> {
    conditions.find_map(|condition| {
        let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = condition else {
            return None;
        };
        [(left, right), (right, left)].into_iter().find_map(|(known, value)| {
            let is_column =
                matches!(known.as_ref(), Expr::Column(known) if known.name == column.name);
            match value.as_ref() {
                Expr::Literal(scalar, _) if is_column && !scalar.is_null() => {
                    Some(value.as_ref().clone())
                }
                _ => None,
            }
        })
    })
}

/// The constant that a column of a plan is.
fn constant(plan: &LogicalPlan, column: &Column) -> Option<Expr> {
    match plan {
        LogicalPlan::TableScan(scan) => equated(scan.filters.iter(), column),
        LogicalPlan::Filter(filter) => {
            equated(split_conjunction(&filter.predicate).into_iter(), column)
                .or_else(|| constant(&filter.input, column))
        }
        other => {
            let (position, inner) = below(other, column)?;
            constant(other.inputs()[position], &inner)
        }
    }
}

/// The columns that a condition says are the same.
fn equal_columns(condition: &Expr) -> Option<(&Column, &Column)> {
    match condition {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
            match (left.as_ref(), right.as_ref()) {
                (Expr::Column(left), Expr::Column(right)) => Some((left, right)),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Leaves of an inner join with the constants that equalities bring them from other leaves.
pub(super) fn carried(
    mut leaves: Vec<LogicalPlan>,
    conditions: &[Expr],
) -> Result<Vec<LogicalPlan>> {
    let known = |leaves: &[LogicalPlan], column: &Column| {
        let leaf = leaves.iter().find(|leaf| leaf.schema().has_column(column))?;
        constant(leaf, column)
    };
    let mut changed = true;
    while changed {
        changed = false;
        for (left, right) in conditions.iter().filter_map(equal_columns) {
            let (value, column) = match (known(&leaves, left), known(&leaves, right)) {
                (Some(value), None) => (value, right),
                (None, Some(value)) => (value, left),
                _ => continue,
            };
            let Some(leaf) = leaves.iter_mut().find(|leaf| leaf.schema().has_column(column)) else {
                continue;
            };
            let told = Expr::Column(column.clone()).eq(value);
            let told = LogicalPlan::Filter(Filter::try_new(told, Arc::new(leaf.clone()))?);
            let rules = Optimizer::with_rules(vec![Arc::new(PushDownFilter::new())]);
            let told = rules.optimize(told, &OptimizerContext::new(), |_, _| {})?;
            // a constant that does not stay visible would be told for ever
            changed = constant(&told, column).is_some();
            if changed {
                *leaf = told;
            }
        }
    }
    Ok(leaves)
}

/// Takes the empty text from the keys that joins bring to paths and hosts.
pub(super) fn without_empty_keys(plan: LogicalPlan) -> Result<LogicalPlan> {
    let done = plan.transform_up_with_subqueries(|node| {
        let LogicalPlan::Join(join) = &node else { return Ok(Transformed::no(node)) };
        Ok(match without_empty_key(join)? {
            Some(join) => Transformed::yes(LogicalPlan::Join(join)),
            None => Transformed::no(node),
        })
    })?;
    if !done.transformed {
        return Ok(done.data);
    }
    let rules = Optimizer::with_rules(vec![Arc::new(PropagateEmptyRelation::new())]);
    rules.optimize(done.data, &OptimizerContext::new(), |_, _| {})
}

fn without_empty_key(join: &Join) -> Result<Option<Join>> {
    let mut changed: Option<Join> = None;
    for (left, right) in &join.on {
        let (Expr::Column(left), Expr::Column(right)) = (bare(left), bare(right)) else { continue };
        let current = changed.as_ref().unwrap_or(join);
        match (emptied(&current.left, left)?, emptied(&current.right, right)?) {
            (Some(plan), None) => {
                changed = Some(Join { left: Arc::new(plan), ..current.clone() });
            }
            (None, Some(plan)) => {
                changed = Some(Join { right: Arc::new(plan), ..current.clone() });
            }
            // neither side is data: it was written for one of them
            _ => {}
        }
    }
    Ok(changed)
}

/// The plan without the calls for which the column would be the empty text; `None` if there are none.
fn emptied(plan: &LogicalPlan, column: &Column) -> Result<Option<LogicalPlan>> {
    if let LogicalPlan::TableScan(scan) = plan {
        return scan_without(scan, column);
    }
    let Some((position, inner)) = below(plan, column) else { return Ok(None) };
    let inputs = plan.inputs();
    let Some(changed) = emptied(inputs[position], &inner)? else { return Ok(None) };
    let mut inputs: Vec<LogicalPlan> = inputs.into_iter().cloned().collect();
    inputs[position] = changed;
    plan.with_new_exprs(plan.expressions(), inputs).map(Some)
}

fn scan_without(scan: &TableScan, column: &Column) -> Result<Option<LogicalPlan>> {
    let Some(table) = table_of(scan).filter(|table| names_object(table, &column.name)) else {
        return Ok(None);
    };
    let mut filters = Vec::with_capacity(scan.filters.len());
    let mut is_changed = false;
    for filter in &scan.filters {
        let found = binding(filter, &|name| name == column.name);
        let Some(ParameterSource::Values(values)) = found.map(|binding| binding.source) else {
            filters.push(filter.clone());
            continue;
        };
        let kept: Vec<Value> =
            values.iter().filter(|value| !value.text().is_empty()).cloned().collect();
        if kept.len() == values.len() {
            filters.push(filter.clone());
            continue;
        }
        if kept.is_empty() {
            return Ok(Some(LogicalPlan::EmptyRelation(EmptyRelation {
                produce_one_row: false,
                schema: Arc::clone(&scan.projected_schema),
            })));
        }
        is_changed = true;
        let kept = kept.into_iter().map(|value| lit(value.text())).collect();
        filters.push(Expr::Column(Column::from_name(&column.name)).in_list(kept, false));
    }
    if !is_changed {
        return Ok(None);
    }
    let scan = TableScanBuilder::new(scan.table_name.clone(), provider_as_source(Arc::new(table)))
        .with_projection(scan.projection.clone())
        .with_filters(filters)
        .with_fetch(scan.fetch)
        .build()?;
    Ok(Some(LogicalPlan::TableScan(scan)))
}

/// True if the parameter is part of a path or of a host.
fn names_object(table: &ResourceTable, name: &str) -> bool {
    let mut params = table.resource.select_methods().filter_map(|method| method.param(name));
    params.any(|param| matches!(param.location, Location::Path | Location::Server))
}
