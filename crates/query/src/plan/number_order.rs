//! `<`, `<=`, `>`, `>=` and BETWEEN of a text column and a number: compared as numbers.
//!
//! A column without a type, and one that its document calls text because its numbers are long, is text
//! here; `'100' < '9'` is not what `size < 9` asks. Text that is no number is neither less nor greater.
//! Refuses: equality, which compares as text (docs/decisions/0005-comparisons-as-people-write-them.md) and may be
//! a parameter of a request.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use datafusion::arrow::array::{AsArray, Int8Array};
use datafusion::arrow::compute::cast as cast_array;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, ExprSchema, Result, ScalarValue};
use datafusion::logical_expr::{
    Between, BinaryExpr, ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator,
    ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, binary_expr, lit, not,
};

use crate::resource::NUMBERS;

/// Rewrites such comparisons in a plan.
pub(crate) fn number_order(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|node| {
        let mut schema = DFSchema::empty();
        for input in node.inputs() {
            schema.merge(input.schema());
        }
        let names = datafusion::logical_expr::expr_rewriter::NamePreserver::new(&node);
        node.map_expressions(|expr| {
            let name = names.save(&expr);
            let done = expr.transform_up(|expr| Ok(rewrite(expr, &schema)))?;
            Ok(done.update_data(|expr| name.restore(expr)))
        })
    })
    .map(|done| done.data)
}

fn rewrite(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let ordered = match &expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => ordered(left, *op, right, schema),
        Expr::Between(Between { expr, negated, low, high }) => {
            let from = ordered(expr, Operator::GtEq, low, schema);
            let to = ordered(expr, Operator::LtEq, high, schema);
            from.zip(to).map(|(from, to)| {
                let between = from.and(to);
                if *negated { not(between) } else { between }
            })
        }
        _ => None,
    };
    match ordered {
        Some(ordered) => Transformed::yes(ordered),
        None => Transformed::no(expr),
    }
}

fn ordered(left: &Expr, op: Operator, right: &Expr, schema: &DFSchema) -> Option<Expr> {
    if !matches!(op, Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq) {
        return None;
    }
    let (left, op, right) = match (side(left, schema)?, side(right, schema)?) {
        (Side::Text | Side::Numbers, Side::Number) | (Side::Numbers, Side::Numbers) => {
            (left, op, right)
        }
        (Side::Number, Side::Text | Side::Numbers) => (right, op.swap()?, left),
        _ => return None,
    };
    let order = ScalarUDF::new_from_impl(Order::new()).call(vec![left.clone(), right.clone()]);
    Some(binary_expr(order, op, lit(0_i8)))
}

enum Side {
    /// A column of text.
    Text,
    /// A column of text that holds numbers by its document.
    Numbers,
    /// A number.
    Number,
}

fn side(expr: &Expr, schema: &DFSchema) -> Option<Side> {
    let (kind, is_numbers) = match expr {
        Expr::Column(column) => {
            let field = schema.field_from_column(column).ok()?;
            (field.data_type().clone(), field.metadata().contains_key(NUMBERS))
        }
        Expr::OuterReferenceColumn(field, _) => {
            (field.data_type().clone(), field.metadata().contains_key(NUMBERS))
        }
        other => {
            let kind = other.get_type(schema).ok()?;
            return kind.is_numeric().then_some(Side::Number);
        }
    };
    match kind {
        DataType::Utf8 if is_numbers => Some(Side::Numbers),
        DataType::Utf8 => Some(Side::Text),
        kind if kind.is_numeric() => Some(Side::Number),
        _ => None,
    }
}

/// The comparison as it was written.
pub(crate) fn written(expr: Expr) -> Transformed<Expr> {
    let Expr::BinaryExpr(BinaryExpr { left, op, right: _ }) = &expr else {
        return Transformed::no(expr);
    };
    let Expr::ScalarFunction(call) = left.as_ref() else { return Transformed::no(expr) };
    match call.args.as_slice() {
        [one, other] if call.func.name() == NAME => {
            Transformed::yes(binary_expr(one.clone(), *op, other.clone()))
        }
        _ => Transformed::no(expr),
    }
}

const NAME: &str = "number_order";

/// -1, 0 or 1 as text is less than a number, equal or greater; NULL for text that is none.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Order {
    signature: Signature,
}

impl Order {
    fn new() -> Self {
        Self { signature: Signature::any(2, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Order {
    fn name(&self) -> &'static str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int8)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_constant =
            arguments.args.iter().all(|argument| matches!(argument, ColumnarValue::Scalar(_)));
        let rows = if is_constant { 1 } else { arguments.number_rows };
        let texts = |at: usize| {
            cast_array(&arguments.args[at].to_array(rows)?, &DataType::Utf8)
                .map_err(datafusion::common::DataFusionError::from)
        };
        let (left, right) = (texts(0)?, texts(1)?);
        let pairs = left.as_string::<i32>().iter().zip(right.as_string::<i32>());
        let orders: Int8Array =
            pairs.map(|(left, right)| Some(compared(left?, right?)? as i8)).collect();
        if is_constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&orders, 0)?));
        }
        Ok(ColumnarValue::Array(Arc::new(orders)))
    }
}

/// A number as its sign, its digits without zeros around them, and the power of ten before the first.
struct Decimal<'a> {
    is_negative: bool,
    digits: Cow<'a, str>,
    power: i64,
}

impl<'a> Decimal<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let text = text.trim();
        let (is_negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, exponent) = match text.find(['e', 'E']) {
            Some(at) => (&text[..at], text[at + 1..].parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty()) || !is_digits(whole) || !is_digits(fraction) {
            return None;
        }
        let whole = whole.trim_start_matches('0');
        let length = |text: &str| i64::try_from(text.len()).ok();
        let (digits, power) = if whole.is_empty() {
            let digits = fraction.trim_start_matches('0');
            (digits.into(), length(digits)? - length(fraction)?)
        } else if fraction.is_empty() {
            (whole.into(), length(whole)?)
        } else {
            (format!("{whole}{fraction}").into(), length(whole)?)
        };
        let digits: Cow<'a, str> = digits;
        let digits: Cow<'a, str> = match digits {
            Cow::Borrowed(digits) => digits.trim_end_matches('0').into(),
            Cow::Owned(digits) => digits.trim_end_matches('0').to_owned().into(),
        };
        let is_zero = digits.is_empty();
        Some(Self {
            is_negative: is_negative && !is_zero,
            power: if is_zero { 0 } else { power + i64::from(exponent) },
            digits,
        })
    }

    /// 0 for zero, else the sign.
    fn sign(&self) -> i8 {
        match (self.digits.is_empty(), self.is_negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        }
    }
}

/// The order of two numbers, digit by digit; `None` if one of the texts is none.
fn compared(left: &str, right: &str) -> Option<Ordering> {
    let (left, right) = (Decimal::read(left)?, Decimal::read(right)?);
    let by_size = || {
        let order = left.power.cmp(&right.power).then_with(|| left.digits.cmp(&right.digits));
        if left.is_negative { order.reverse() } else { order }
    };
    Some(left.sign().cmp(&right.sign()).then_with(by_size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_digit_by_digit() {
        let order = [
            "-1e3",
            "-100",
            "-99.5",
            "-0.5",
            "0",
            "1e-9",
            "0.099",
            "0.1",
            "9",
            "10",
            "10.25",
            "100",
            "9007199254740992",
            "9007199254740993",
            "1e300",
        ];
        for (at, left) in order.iter().enumerate() {
            for (other, right) in order.iter().enumerate() {
                assert_eq!(compared(left, right), Some(at.cmp(&other)), "{left} and {right}");
            }
        }
        for (left, right) in [
            ("1.50", "1.5"),
            ("-0", "0"),
            (" 007 ", "7"),
            ("1e2", "100"),
            (".5", "0.5"),
            ("1000", "1e3"),
        ] {
            assert_eq!(compared(left, right), Some(Ordering::Equal), "{left} and {right}");
        }
        for text in ["", "-", "abc", "1x", "0x10", "NaN", "1e", "1.2.3", "--1", "{}"] {
            assert_eq!(compared(text, "1"), None, "{text}");
        }
    }
}
