//! Correlated scalar subqueries that do not promise to give one row.
//!
//! DataFusion plans them only if they aggregate. Here their rows become a list, and the list, once it
//! is beside the outer row, the value: none is NULL, more than one is an error, as SQL has it.
//! Surprise: the check stands above the join, so that rows which no outer row asks for may be as many
//! as they like.

use std::sync::Arc;

use arrow::array::{Array, AsArray, UInt64Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, FieldRef};
use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_common::{DataFusionError, Result};
use datafusion_expr::utils::split_conjunction;
use datafusion_expr::{
    Aggregate, ColumnarValue, Expr, LogicalPlan, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Subquery, Volatility,
};
use datafusion_functions_aggregate::expr_fn::array_agg;
use datafusion_optimizer::OptimizerConfig;

use crate::correction::{Apply, Correction};
use crate::nodes::{compared, with_parts};

pub(crate) const CORRECTION: Correction = Correction {
    name: "single_row_check",
    datafusion: "55.2",
    example: "SELECT id, (SELECT x FROM t WHERE t.k = o.k AND t.id <> 1) FROM o",
    apply: Apply::Logical(apply),
};

/// Rewrites the scalar subqueries of a plan of which nobody says that they give one row.
fn apply(plan: LogicalPlan, _config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
    plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Aggregate(_)
        | LogicalPlan::Window(_) => rewrite(node),
        other => Ok(Transformed::no(other)),
    })
}

fn rewrite(node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let is_ours =
        |expr: &Expr| matches!(expr, Expr::ScalarSubquery(subquery) if may_repeat(subquery));
    if !node
        .expressions()
        .iter()
        .any(|expr| expr.exists(|inner| Ok(is_ours(inner))).unwrap_or(false))
    {
        return Ok(Transformed::no(node));
    }
    with_parts(node, |inner| match inner {
        Expr::ScalarSubquery(subquery) if may_repeat(&subquery) => {
            only_value(subquery).map(Transformed::yes)
        }
        other => Ok(Transformed::no(other)),
    })
}

/// True for a correlated subquery of one column that may give several rows.
fn may_repeat(subquery: &Subquery) -> bool {
    if subquery.outer_ref_columns.is_empty() || subquery.subquery.schema().fields().len() != 1 {
        return false;
    }
    let mut plan = subquery.subquery.as_ref();
    while let LogicalPlan::Projection(_)
    | LogicalPlan::SubqueryAlias(_)
    | LogicalPlan::Sort(_)
    | LogicalPlan::Filter(_) = plan
    {
        plan = plan.inputs()[0];
    }
    let is_judged = match plan {
        // one row, or one for each value of columns that the outer row gives
        LogicalPlan::Aggregate(aggregate) => {
            aggregate.group_expr.iter().all(|group| is_fixed(group, &aggregate.input))
        }
        LogicalPlan::Limit(_) => true,
        _ => false,
    };
    !is_judged && subquery.subquery.max_rows().is_none_or(|rows| rows > 1)
}

/// True if a filter below compares the group with the outer row.
fn is_fixed(group: &Expr, input: &LogicalPlan) -> bool {
    match input {
        LogicalPlan::Filter(filter) => {
            let mut conditions = split_conjunction(&filter.predicate).into_iter();
            conditions.any(|at| compared(at).is_some_and(|(inner, _)| inner == group))
                || is_fixed(group, &filter.input)
        }
        _ => false,
    }
}

fn only_value(subquery: Subquery) -> Result<Expr> {
    let (qualifier, field) = subquery.subquery.schema().qualified_field(0);
    let field = Arc::clone(field);
    let column = Expr::Column((qualifier, &field).into());
    let list = Aggregate::try_new(subquery.subquery, vec![], vec![array_agg(column)])?;
    let list = Expr::ScalarSubquery(Subquery {
        subquery: Arc::new(LogicalPlan::Aggregate(list)),
        outer_ref_columns: subquery.outer_ref_columns,
        spans: subquery.spans,
    });
    let field = Arc::new(field.as_ref().clone().with_nullable(true));
    Ok(ScalarUDF::new_from_impl(OnlyValue { field, signature: signature() }).call(vec![list]))
}

/// Volatile, though it always answers the same: it must stay above the join that makes the list.
fn signature() -> Signature {
    Signature::any(1, Volatility::Volatile)
}

/// The only element of a list.
#[derive(Debug, PartialEq, Eq, Hash)]
struct OnlyValue {
    /// The element, with its metadata, which a list may lose.
    field: FieldRef,
    signature: Signature,
}

impl ScalarUDFImpl for OnlyValue {
    fn name(&self) -> &'static str {
        "only_value"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(self.field.data_type().clone())
    }

    fn return_field_from_args(&self, _arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        Ok(Arc::new(self.field.as_ref().clone().with_name(self.name())))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let lists = arguments.args[0].to_array(arguments.number_rows)?;
        let lists = lists.as_list::<i32>();
        let indices = (0..lists.len())
            .map(|row| match if lists.is_null(row) { 0 } else { lists.value_length(row) } {
                0 => Ok(None),
                1 => Ok(u64::try_from(lists.value_offsets()[row]).ok()),
                _ => Err(DataFusionError::Execution(
                    "the subquery gives more than one row".to_owned(),
                )),
            })
            .collect::<Result<UInt64Array>>()?;
        Ok(ColumnarValue::Array(take(lists.values(), &indices, None)?))
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
