//! Which correlated subqueries need a dependent join.

use datafusion_common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion_common::{JoinType, Result};
use datafusion_expr::utils::split_conjunction;
use datafusion_expr::{Distinct, Expr, LogicalPlan, SkipType};

use super::Place;
use super::domain::Domain;
use crate::nodes::{compared, is_key, is_parameter};

impl Domain<'_> {
    /// True if DataFusion would refuse the subquery, or change its rows.
    pub(super) fn is_needed(&self, plan: &LogicalPlan, place: Place) -> Result<bool> {
        if !self.plan_reads(plan)? {
            return Ok(false);
        }
        Ok(match plan {
            LogicalPlan::Projection(projection) => {
                self.node_reads(plan) || self.is_needed(&projection.input, place)?
            }
            LogicalPlan::Filter(filter) => {
                // a condition on the outer row alone stays in the subquery
                let is_outer =
                    |condition: &Expr| self.reads(condition) && condition.column_refs().is_empty();
                (place != Place::Exists
                    && split_conjunction(&filter.predicate).into_iter().any(is_outer))
                    || self.is_needed(&filter.input, place)?
            }
            LogicalPlan::SubqueryAlias(alias) => self.is_needed(&alias.input, place)?,
            LogicalPlan::Aggregate(aggregate) => {
                let has_groups = place == Place::Lateral || !aggregate.group_expr.is_empty();
                self.node_reads(plan)
                    || (has_groups && !self.has_only_keys(&aggregate.input)?)
                    || self.is_needed(&aggregate.input, Place::Value)?
            }
            LogicalPlan::Distinct(Distinct::All(input)) => {
                (place != Place::Exists && !self.has_only_keys(input)?)
                    || self.is_needed(input, place)?
            }
            LogicalPlan::Limit(limit) if place == Place::Exists => {
                !matches!(limit.get_skip_type()?, SkipType::Literal(0))
                    || self.is_needed(&limit.input, place)?
            }
            LogicalPlan::Limit(_) | LogicalPlan::Sort(_) => !self.has_only_parameters(plan)?,
            LogicalPlan::Join(join) => {
                let is_on = self.node_reads(plan);
                let (left, right) = (self.plan_reads(&join.left)?, self.plan_reads(&join.right)?);
                match join.join_type {
                    JoinType::Inner => {
                        self.is_needed(&join.left, Place::Value)?
                            || self.is_needed(&join.right, Place::Value)?
                    }
                    JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti => {
                        is_on || right || self.is_needed(&join.left, Place::Value)?
                    }
                    JoinType::Right => {
                        is_on || left || self.is_needed(&join.right, Place::Value)?
                    }
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
    pub(super) fn has_only_parameters(&self, plan: &LogicalPlan) -> Result<bool> {
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
}
