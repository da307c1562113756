//! Scalar subqueries that may give no row, though their value is never NULL.
//!
//! `(SELECT 'yes' FROM t WHERE …)` is NULL where nothing matches. DataFusion takes NULL to be
//! impossible as long as it is for the rows of the subquery, and answers `… IS NULL` before it looks.
//! Here the value says that it may be NULL.

use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion_common::Result;
use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_expr::{
    ColumnarValue, Expr, LogicalPlan, LogicalPlanBuilder, ReturnFieldArgs, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, Subquery, Volatility,
};
use datafusion_optimizer::OptimizerConfig;

use crate::correction::{Apply, Correction};

pub(crate) const CORRECTION: Correction = Correction {
    name: "nullable_scalar",
    datafusion: "55.2",
    example: "SELECT (SELECT 'yes' FROM t WHERE k = 'z') IS NULL",
    apply: Apply::Logical(apply),
};

/// Marks the values of such subqueries of a plan, subqueries included.
fn apply(plan: LogicalPlan, _config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
    plan.transform_up_with_subqueries(|node| {
        node.map_expressions(|expr| {
            expr.transform_up(|expr| match expr {
                Expr::ScalarSubquery(subquery) if may_give_none(&subquery) => {
                    marked(subquery).map(Transformed::yes)
                }
                other => Ok(Transformed::no(other)),
            })
        })
    })
}

fn may_give_none(subquery: &Subquery) -> bool {
    let fields = subquery.subquery.schema().fields();
    fields.len() == 1 && !fields[0].is_nullable() && !gives_one(&subquery.subquery)
}

/// True if the plan always has a row.
fn gives_one(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.is_empty(),
        LogicalPlan::EmptyRelation(empty) => empty.produce_one_row,
        LogicalPlan::Values(_) => true,
        LogicalPlan::Projection(_) | LogicalPlan::SubqueryAlias(_) | LogicalPlan::Sort(_) => {
            gives_one(plan.inputs()[0])
        }
        _ => false,
    }
}

fn marked(subquery: Subquery) -> Result<Expr> {
    let (qualifier, field) = subquery.subquery.schema().qualified_field(0);
    let name = field.name().clone();
    let value = Expr::Column((qualifier, field).into());
    let signature = Signature::any(1, Volatility::Volatile);
    let value = ScalarUDF::new_from_impl(Nullable { signature }).call(vec![value]);
    let plan = LogicalPlanBuilder::from(subquery.subquery.as_ref().clone());
    let plan = plan.project([value.alias(name)])?.build()?;
    Ok(Expr::ScalarSubquery(Subquery { subquery: Arc::new(plan), ..subquery }))
}

/// Its argument, which may be NULL. Volatile, or it would be gone once a constant is its argument.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Nullable {
    signature: Signature,
}

impl ScalarUDFImpl for Nullable {
    fn name(&self) -> &'static str {
        "nullable"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(arguments[0].clone())
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        Ok(Arc::new(arguments.arg_fields[0].as_ref().clone().with_nullable(true)))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(arguments.args[0].clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::check;

    #[test]
    fn datafusion_needs_it() {
        check(&CORRECTION, &["true"]);
    }
}
