//! The values of the outer columns that a subquery reads, and plans that are joined with them.

use std::sync::Arc;

use arrow::datatypes::FieldRef;
use datafusion_common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion_common::{Column, Result, ScalarValue};
use datafusion_expr::utils::conjunction;
use datafusion_expr::{Expr, LogicalPlan, LogicalPlanBuilder, SortExpr, lit};
use datafusion_optimizer::OptimizerConfig;

use super::subquery_of;
use crate::nodes::{columns_of, names_of, numbered, or_zero, reads_further};

/// The values of the outer columns.
pub(super) struct Domain<'a> {
    pub(super) outer: &'a LogicalPlan,
    pub(super) columns: Vec<(FieldRef, Column)>,
    pub(super) config: &'a dyn OptimizerConfig,
}

/// A plan whose rows are those of each row of the domain.
pub(super) struct Joined {
    /// First the columns of the plan that it was made of.
    pub(super) plan: LogicalPlan,
    /// The columns of the domain in it.
    pub(super) keys: Vec<Column>,
    /// The number of a row within its keys.
    pub(super) rank: Option<Column>,
}

impl<'a> Domain<'a> {
    /// The domain of a subquery; `None` if it reads no columns of the outer query or others, too.
    pub(super) fn of(
        plan: &LogicalPlan,
        outer: &'a LogicalPlan,
        config: &'a dyn OptimizerConfig,
    ) -> Result<Option<Self>> {
        let columns = outer_columns(plan, outer)?.filter(|columns| !columns.is_empty());
        let Some(columns) = columns else { return Ok(None) };
        if is_unstable(outer)? {
            return Ok(None);
        }
        Ok(Some(Self { outer, columns, config }))
    }
}

impl Domain<'_> {
    pub(super) fn reads(&self, expr: &Expr) -> bool {
        let is_ours = |inner: &Expr| matches!(inner, Expr::OuterReferenceColumn(_, column) if self.columns.iter().any(|(_, known)| known == column));
        expr.exists(|inner| Ok(is_ours(inner))).unwrap_or(true)
    }

    pub(super) fn node_reads(&self, node: &LogicalPlan) -> bool {
        node.expressions().iter().any(|expr| self.reads(expr))
    }

    pub(super) fn plan_reads(&self, plan: &LogicalPlan) -> Result<bool> {
        plan.exists(|node| Ok(self.node_reads(node)))
    }

    /// The distinct values of the outer columns, under new names.
    pub(super) fn rows(&self) -> Result<Joined> {
        let names: Vec<String> =
            self.columns.iter().map(|_| self.config.alias_generator().next("__outer")).collect();
        let values = self.columns.iter().zip(&names);
        let values = values.map(|((_, column), name)| Expr::Column(column.clone()).alias(name));
        let plan = LogicalPlanBuilder::from(self.outer.clone()).project(values)?.distinct()?;
        let keys = names.into_iter().map(Column::from_name).collect();
        Ok(Joined { plan: plan.build()?, keys, rank: None })
    }

    /// The expression with columns of the domain for those of the outer query.
    pub(super) fn inner(&self, expr: Expr, keys: &[Column]) -> Result<Expr> {
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
    pub(super) fn inner_all(
        &self,
        node: &LogicalPlan,
        exprs: &[Expr],
        keys: &[Column],
    ) -> Result<Vec<Expr>> {
        let names = names_of(node);
        let exprs = exprs.iter().map(|expr| {
            let name = names.save(expr);
            Ok(name.restore(self.inner(expr.clone(), keys)?))
        });
        exprs.collect()
    }

    /// The rows for an outer row, in the columns of the subquery.
    pub(super) fn correlated(
        &self,
        found: Joined,
        plan: &LogicalPlan,
    ) -> Result<Option<LogicalPlan>> {
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
    pub(super) fn shown(self, mut exprs: Vec<Expr>) -> Result<Self> {
        exprs.extend(self.keys.iter().chain(&self.rank).cloned().map(Expr::Column));
        let plan = LogicalPlanBuilder::from(self.plan).project(exprs)?.build()?;
        Ok(Self { plan, ..self })
    }

    pub(super) fn numbered(self, order: &[SortExpr], config: &dyn OptimizerConfig) -> Result<Self> {
        let (plan, rank) = numbered(self.plan, &self.keys, order, config)?;
        Ok(Self { plan, keys: self.keys, rank: Some(rank) })
    }
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
