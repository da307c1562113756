//! `+`, `-` and `*` of whole numbers, which fail where the result is no BIGINT (SQLSTATE 22003).
//!
//! Surprise: DataFusion's own operators wrap around, so that `9223372036854775807 + 1` is the smallest
//! BIGINT. The planner hook puts a function in their place, one for a chain of any length
//! (`a + b - c`): names and types of nested calls would take time that grows with the cube of the
//! length. While a statement is planned, CASE and UNION have the type of their first branch; the
//! function takes whatever they turn out to be.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::compute::kernels::numeric::{add, mul, neg, sub};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use datafusion_common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion_common::{DFSchema, DataFusionError, Result, ScalarValue, internal_err};
use datafusion_expr::binary::BinaryTypeCoercer;
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion_expr::utils::merge_schema;
use datafusion_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion_physical_expr_common::datum::apply;
use sqlparser::ast::BinaryOperator;
use strataql_diag::{Code, Report};

use crate::error::external;

/// True for the types that are computed with as BIGINT.
fn is_whole(kind: &DataType) -> bool {
    kind.is_integer() && *kind != DataType::UInt64
}

/// A chain of operators of one precedence, from left to right: one fewer than arguments.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Checked {
    operators: Vec<Operator>,
    signature: Signature,
}

impl Checked {
    fn call(operators: Vec<Operator>, arguments: Vec<Expr>) -> Expr {
        let signature = Signature::user_defined(Volatility::Immutable);
        let function = Arc::new(ScalarUDF::from(Self { operators, signature }));
        Expr::ScalarFunction(ScalarFunction::new_udf(function, arguments))
    }

    fn of(expr: &Expr) -> Option<(&Self, &ScalarFunction)> {
        let Expr::ScalarFunction(call) = expr else { return None };
        let any: &dyn std::any::Any = call.func.inner().as_ref();
        Some((any.downcast_ref()?, call))
    }

    fn precedence(&self) -> u8 {
        self.operators.first().map_or(0, |op| op.precedence())
    }
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &'static str {
        match self.operators.first() {
            Some(Operator::Plus) => "+",
            Some(Operator::Minus) => "-",
            _ => "*",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, kinds: &[DataType]) -> Result<Vec<DataType>> {
        if kinds.iter().all(is_whole) {
            return Ok(vec![DataType::Int64; kinds.len()]);
        }
        Ok(kinds.to_vec())
    }

    fn return_type(&self, kinds: &[DataType]) -> Result<DataType> {
        let Some((first, rest)) = kinds.split_first() else {
            return internal_err!("{} without arguments", self.name());
        };
        let mut left = first.clone();
        for (op, right) in self.operators.iter().zip(rest) {
            left = if is_whole(&left) && is_whole(right) {
                DataType::Int64
            } else {
                BinaryTypeCoercer::new(&left, op, right).get_result_type()?
            };
        }
        Ok(left)
    }

    fn display_name(&self, arguments: &[Expr]) -> Result<String> {
        self.schema_name(arguments)
    }

    fn schema_name(&self, arguments: &[Expr]) -> Result<String> {
        let mut name = String::new();
        for (at, argument) in arguments.iter().enumerate() {
            let op = at.checked_sub(1).and_then(|before| self.operators.get(before));
            if let Some(op) = op {
                write!(name, " {op} ")?;
            }
            let text = argument.schema_name().to_string();
            let inner = loosest(&text);
            // `a - (b - c)` keeps its parentheses
            if inner < self.precedence() || (op.is_some() && inner == self.precedence()) {
                write!(name, "({text})")?;
            } else {
                write!(name, "{text}")?;
            }
        }
        Ok(name)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let mut values = arguments.args.into_iter();
        let Some(mut left) = values.next() else {
            return internal_err!("{} without arguments", self.name());
        };
        for (op, right) in self.operators.iter().zip(values) {
            left = computed(&left, *op, &right)?;
        }
        Ok(left)
    }
}

/// The precedence of the arithmetic operator of a name that binds its parts least, outside parentheses and
/// quotes. It is read from the name, since an optimizer rule may put a column of that name in the
/// place of the expression, and the name of the whole must not change by that.
fn loosest(name: &str) -> u8 {
    let mut depth = 0_usize;
    let mut quote = None;
    let mut loosest = u8::MAX;
    let mut rest = name.chars();
    while let Some(character) = rest.next() {
        match (quote, character) {
            (Some(end), _) => {
                if character == end {
                    quote = None;
                }
            }
            (None, '"' | '\'') => quote = Some(character),
            (None, '(' | '[') => depth += 1,
            (None, ')' | ']') => depth = depth.saturating_sub(1),
            (None, ' ') if depth == 0 => {
                let op = match rest.as_str().get(..2) {
                    Some("+ ") => Operator::Plus,
                    Some("- ") => Operator::Minus,
                    Some("* ") => Operator::Multiply,
                    Some("/ ") => Operator::Divide,
                    Some("% ") => Operator::Modulo,
                    _ => continue,
                };
                loosest = loosest.min(op.precedence());
            }
            (None, _) => {}
        }
    }
    loosest
}

fn computed(left: &ColumnarValue, op: Operator, right: &ColumnarValue) -> Result<ColumnarValue> {
    let kinds = (left.data_type(), right.data_type());
    let kinds = if is_whole(&kinds.0) && is_whole(&kinds.1) {
        (DataType::Int64, DataType::Int64)
    } else {
        BinaryTypeCoercer::new(&kinds.0, &op, &kinds.1).get_input_types()?
    };
    let kernel = match op {
        Operator::Plus => add,
        Operator::Minus => sub,
        _ => mul,
    };
    let (left, right) = (left.cast_to(&kinds.0, None)?, right.cast_to(&kinds.1, None)?);
    apply(&left, &right, kernel).map_err(|error| as_report(error, "BIGINT"))
}

/// The error of a result that its type does not hold.
fn as_report(error: DataFusionError, kind: &str) -> DataFusionError {
    let DataFusionError::ArrowError(inner, _) = error.find_root() else { return error };
    let ArrowError::ArithmeticOverflow(text) = inner.as_ref() else { return error };
    let operation = text.rsplit_once(": ").map_or(text.as_str(), |(_, operation)| operation);
    external(Box::new(
        Report::new(Code::BadValue, format!("{operation} is beyond {kind}"))
            .with_help("compute with DECIMAL or DOUBLE: `CAST(x AS DECIMAL(38, 0))`"),
    ))
}

/// The expression as the operators that the user wrote, if it is one of these functions.
pub fn operator_of(expr: &Expr) -> Option<Expr> {
    if let Some(inner) = Negated::of(expr) {
        return Some(Expr::Negative(Box::new(inner.clone())));
    }
    let (checked, call) = Checked::of(expr)?;
    let (first, rest) = call.args.split_first()?;
    Some(checked.operators.iter().zip(rest).fold(first.clone(), |left, (op, right)| {
        Expr::BinaryExpr(BinaryExpr::new(Box::new(left), *op, Box::new(right.clone())))
    }))
}

/// `-x`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Negated {
    signature: Signature,
}

impl Negated {
    fn of(expr: &Expr) -> Option<&Expr> {
        let Expr::ScalarFunction(call) = expr else { return None };
        let any: &dyn std::any::Any = call.func.inner().as_ref();
        any.downcast_ref::<Self>()?;
        call.args.first()
    }
}

impl ScalarUDFImpl for Negated {
    fn name(&self) -> &'static str {
        "-"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, kinds: &[DataType]) -> Result<Vec<DataType>> {
        Ok(kinds.to_vec())
    }

    fn return_type(&self, kinds: &[DataType]) -> Result<DataType> {
        match kinds {
            [kind] => Ok(kind.clone()),
            _ => internal_err!("- takes one argument here"),
        }
    }

    fn display_name(&self, arguments: &[Expr]) -> Result<String> {
        self.schema_name(arguments)
    }

    fn schema_name(&self, arguments: &[Expr]) -> Result<String> {
        let [inner] = arguments else { return internal_err!("- takes one argument here") };
        Ok(format!("(- {})", inner.schema_name()))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [value] = arguments.args.as_slice() else {
            return internal_err!("- takes one argument here");
        };
        let negated = |array: &dyn arrow::array::Array| {
            let kind = match array.data_type() {
                DataType::Int8 | DataType::Int16 => "SMALLINT",
                DataType::Int32 => "INTEGER",
                _ => "BIGINT",
            };
            neg(array).map_err(|error| as_report(DataFusionError::from(error), kind))
        };
        Ok(match value {
            ColumnarValue::Array(array) => ColumnarValue::Array(negated(array)?),
            ColumnarValue::Scalar(value) => {
                let array = negated(&value.to_array()?)?;
                ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?)
            }
        })
    }
}

/// A plan whose `-x` of whole numbers are checked, too: the planner has no hook for them.
///
/// # Errors
/// Those of expressions that have no type.
pub fn check_negations(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|node| {
        if !mentions(&node, |expr| matches!(expr, Expr::Negative(_)))? {
            return Ok(Transformed::no(node));
        }
        let schema = merge_schema(&node.inputs());
        node.map_expressions(|expr| {
            expr.transform_up(|expr| match expr {
                Expr::Negative(inner) if inner.get_type(&schema).is_ok_and(|k| is_whole(&k)) => {
                    let signature = Signature::user_defined(Volatility::Immutable);
                    let function = ScalarUDF::from(Negated { signature });
                    Ok(Transformed::yes(function.call(vec![*inner])))
                }
                other => Ok(Transformed::no(other)),
            })
        })
    })
    .map(|done| done.data)
}

/// True if an expression of a node has a part like that.
pub(super) fn mentions(node: &LogicalPlan, is_one: impl Fn(&Expr) -> bool) -> Result<bool> {
    let mut found = false;
    node.apply_expressions(|expr| {
        found = found || expr.exists(|part| Ok(is_one(part)))?;
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

/// The planner hook.
#[derive(Debug)]
pub(crate) struct Arithmetic;

impl ExprPlanner for Arithmetic {
    fn plan_binary_op(
        &self,
        binary: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        let op = match binary.op {
            BinaryOperator::Plus => Operator::Plus,
            BinaryOperator::Minus => Operator::Minus,
            BinaryOperator::Multiply => Operator::Multiply,
            _ => return Ok(PlannerResult::Original(binary)),
        };
        let may_be_whole = |expr: &Expr| {
            Checked::of(expr).is_some() || expr.get_type(schema).is_ok_and(|kind| is_whole(&kind))
        };
        if !may_be_whole(&binary.left) || !may_be_whole(&binary.right) {
            return Ok(PlannerResult::Original(binary));
        }
        let before = Checked::of(&binary.left)
            .filter(|(inner, _)| inner.precedence() == op.precedence())
            .map(|(inner, _)| inner.operators.clone());
        Ok(PlannerResult::Planned(match (before, binary.left) {
            (Some(mut operators), Expr::ScalarFunction(mut chain)) => {
                operators.push(op);
                chain.args.push(binary.right);
                Checked::call(operators, chain.args)
            }
            (_, left) => Checked::call(vec![op], vec![left, binary.right]),
        }))
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::Field;
    use datafusion_expr::{col, lit};

    use super::*;

    fn plan(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
        let fields = vec![Field::new("a", DataType::Int64, true)];
        let schema = DFSchema::from_unqualified_fields(fields.into(), [].into()).expect("a schema");
        match Arithmetic.plan_binary_op(RawBinaryExpr { op, left, right }, &schema) {
            Ok(PlannerResult::Planned(expr)) => expr,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_chain_is_one_call_and_keeps_its_name() {
        use BinaryOperator::{Minus, Multiply, Plus};
        let sum = plan(plan(col("a"), Plus, lit(1_i64)), Minus, lit(2_i64));
        assert_eq!(Checked::of(&sum).map(|(_, call)| call.args.len()), Some(3));
        assert_eq!(sum.schema_name().to_string(), "a + Int64(1) - Int64(2)");
        let product = plan(sum.clone(), Multiply, col("a"));
        assert_eq!(product.schema_name().to_string(), "(a + Int64(1) - Int64(2)) * a");
        let outer = plan(col("a"), Minus, sum);
        assert_eq!(outer.schema_name().to_string(), "a - (a + Int64(1) - Int64(2))");
        assert_eq!(operator_of(&outer).map(|expr| matches!(expr, Expr::BinaryExpr(_))), Some(true));
    }

    #[test]
    fn other_numbers_are_computed_as_they_are() {
        let checked = Checked {
            operators: vec![Operator::Plus, Operator::Minus],
            signature: Signature::user_defined(Volatility::Immutable),
        };
        let kinds = [DataType::Int64, DataType::Float64, DataType::Int32];
        assert_eq!(checked.return_type(&kinds).expect("numbers"), DataType::Float64);
        let kinds = [DataType::Int32, DataType::Int16, DataType::Int64];
        assert_eq!(checked.coerce_types(&kinds).expect("numbers"), vec![DataType::Int64; 3]);
    }
}
