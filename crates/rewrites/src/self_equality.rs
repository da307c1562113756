//! Filters that equate a column with something made of it.
//!
//! After `lower(k) = k` DataFusion takes either for the other, sorts by one and misses the order by the
//! other. `(lower(k) = k) IS TRUE` is no equality to it.

use datafusion_common::Result;
use datafusion_common::tree_node::Transformed;
use datafusion_expr::utils::{conjunction, split_conjunction, split_conjunction_owned};
use datafusion_expr::{Between, BinaryExpr, Expr, Filter, LogicalPlan, Operator, lit};
use datafusion_optimizer::OptimizerConfig;

use crate::correction::{Apply, Correction};

pub(crate) const CORRECTION: Correction = Correction {
    name: "self_equality",
    datafusion: "55.2",
    example: "SELECT k, count(*) OVER (PARTITION BY k) FROM t WHERE lower(k) = k ORDER BY lower(k), k, id",
    apply: Apply::Logical(apply),
};

/// Puts such conditions in other words.
fn apply(plan: LogicalPlan, _config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
    plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Filter(filter) if has_repeat(&filter) => {
            let conditions = split_conjunction_owned(filter.predicate).into_iter();
            let conditions = conditions
                .map(|condition| if repeats(&condition) { condition.is_true() } else { condition });
            let predicate = conjunction(conditions).unwrap_or_else(|| lit(true));
            let filter = Filter::try_new(predicate, filter.input)?;
            Ok(Transformed::yes(LogicalPlan::Filter(filter)))
        }
        other => Ok(Transformed::no(other)),
    })
}

fn has_repeat(filter: &Filter) -> bool {
    split_conjunction(&filter.predicate).into_iter().any(repeats)
}

fn repeats(condition: &Expr) -> bool {
    match condition {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
            left != right && shares_column(left, right)
        }
        // the two ends make it an equality
        Expr::Between(Between { expr, negated: false, low, high }) => {
            low == high && shares_column(expr, low)
        }
        _ => false,
    }
}

fn shares_column(left: &Expr, right: &Expr) -> bool {
    left.column_refs().intersection(&right.column_refs()).next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::check;

    #[test]
    fn datafusion_needs_it() {
        check(&CORRECTION, &["a 2", "a 2", "b 1", "c 1"]);
    }
}
