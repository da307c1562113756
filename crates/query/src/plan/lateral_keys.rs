//! Keys of LATERAL subqueries that stay subqueries until their calls are chosen.
//!
//! DataFusion drops columns of a join's left side that only a subquery on its right reads. A condition of
//! the join that names them keeps them; it always holds, and the bind join leaves it out.

use std::collections::BTreeSet;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, Expr, Join, LogicalPlan, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};

/// Adds such conditions to the joins of a plan.
pub(crate) fn show_keys(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|node| {
        let LogicalPlan::Join(join) = &node else { return Ok(Transformed::no(node)) };
        let mut columns = keys_of(join)?;
        if columns.is_empty() {
            return Ok(Transformed::no(node));
        }
        // a condition on one side would sink into it
        columns.extend(join.right.schema().columns().into_iter().next());
        let columns = columns.into_iter().map(Expr::Column).collect();
        let shown = ScalarUDF::new_from_impl(Shown::new()).call(columns);
        let filter = match &join.filter {
            Some(filter) => filter.clone().and(shown),
            None => shown,
        };
        Ok(Transformed::yes(LogicalPlan::Join(Join { filter: Some(filter), ..join.clone() })))
    })
    .map(|done| done.data)
}

/// True for a condition that only keeps columns.
pub(crate) fn is_shown_key(condition: &Expr) -> bool {
    matches!(condition, Expr::ScalarFunction(call) if call.func.name() == NAME)
}

/// The columns of the left side that a subquery on the right reads.
fn keys_of(join: &Join) -> Result<BTreeSet<Column>> {
    let mut keys = BTreeSet::new();
    join.right.apply(|node| {
        if let LogicalPlan::Subquery(subquery) = node {
            let outer = subquery.outer_ref_columns.iter();
            keys.extend(outer.filter_map(|expr| match expr {
                Expr::OuterReferenceColumn(_, column) => Some(column.clone()),
                _ => None,
            }));
        }
        Ok(datafusion::common::tree_node::TreeNodeRecursion::Continue)
    })?;
    keys.retain(|column| join.left.schema().has_column(column));
    Ok(keys)
}

const NAME: &str = "shown_key";

/// True, whatever the columns.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Shown {
    signature: Signature,
}

impl Shown {
    fn new() -> Self {
        Self { signature: Signature::variadic_any(Volatility::Stable) }
    }
}

impl ScalarUDFImpl for Shown {
    fn name(&self) -> &'static str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, _arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Scalar(ScalarValue::Boolean(Some(true))))
    }
}
