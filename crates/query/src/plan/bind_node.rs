//! The bind join as a logical node.
//!
//! Owns: its data. The fed side ("template") is planned on its own and is no input: operators above
//! and below must not repartition it, and a cluster must not cut a stage into it.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchemaRef, Result};
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore};
use serde::{Deserialize, Serialize};

use crate::predicate::bindings::{SlotId, slot};

/// Which rows a bind join gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Keep {
    /// Pairs that match.
    Inner,
    /// Pairs that match, and driver rows without a match.
    Left,
    /// Driver rows with a match.
    Semi,
    /// Driver rows without a match.
    Anti,
    /// Driver rows with a flag that tells whether there is a match.
    Mark,
    /// Fed rows with a match, each once.
    Fed,
}

/// A join whose driver supplies parameters of the other side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BindJoinNode {
    /// The side that is read first.
    pub(crate) driver: LogicalPlan,
    /// The side that is read once per distinct key.
    pub(crate) template: LogicalPlan,
    /// The slots that the keys fill.
    pub(crate) slots: Vec<SlotId>,
    /// Key expressions over the driver, one per slot.
    pub(crate) keys: Vec<Expr>,
    /// Condition over the driver alone: rows that fail it make no request.
    pub(crate) driver_check: Option<Expr>,
    /// Condition over driver and fed columns.
    pub(crate) check: Option<Expr>,
    pub(crate) keep: Keep,
    /// A scalar subquery drives: more than one row is an error.
    pub(crate) at_most_one: bool,
    pub(crate) schema: DFSchemaRef,
}

impl Hash for BindJoinNode {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.driver.hash(state);
        self.template.hash(state);
        self.slots.hash(state);
        self.keys.hash(state);
        self.check.hash(state);
        self.keep.hash(state);
    }
}

impl PartialOrd for BindJoinNode {
    fn partial_cmp(&self, _other: &Self) -> Option<Ordering> {
        None
    }
}

impl UserDefinedLogicalNodeCore for BindJoinNode {
    fn name(&self) -> &'static str {
        "BindJoin"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.driver]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        self.keys
            .iter()
            .cloned()
            .chain(self.driver_check.clone())
            .chain(self.check.clone())
            .collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<String> = self.keys.iter().map(ToString::to_string).collect();
        write!(f, "BindJoin: {:?} keys=[{}]", self.keep, keys.join(", "))
    }

    fn with_exprs_and_inputs(&self, exprs: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        let mut node = self.clone();
        let mut exprs = exprs.into_iter();
        node.keys = exprs.by_ref().take(self.keys.len()).collect();
        if node.driver_check.is_some() {
            node.driver_check = exprs.next();
        }
        if node.check.is_some() {
            node.check = exprs.next();
        }
        if let Some(driver) = inputs.into_iter().next() {
            node.driver = driver;
        }
        Ok(node)
    }
}

/// Slots that scans of the plan, and templates of bind joins in it, read.
pub(crate) fn used_slots(plan: &LogicalPlan) -> Result<Vec<SlotId>> {
    let mut used = Vec::new();
    plan.apply_with_subqueries(|node| {
        match node {
            LogicalPlan::TableScan(scan) => {
                for filter in &scan.filters {
                    filter.apply(|expr| {
                        used.extend(slot(expr));
                        Ok(TreeNodeRecursion::Continue)
                    })?;
                }
            }
            LogicalPlan::Extension(extension) => {
                let any: &dyn std::any::Any = extension.node.as_any();
                if let Some(inner) = any.downcast_ref::<BindJoinNode>() {
                    used.extend(used_slots(&inner.template)?);
                }
            }
            _ => {}
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(used)
}
