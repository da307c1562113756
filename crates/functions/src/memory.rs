//! Functions whose result is larger than their arguments, held to the memory limit of a statement.
//!
//! Owns: [`MemoryLimit`], and how much each of these functions needs, before it is called.
//! Refuses: counting what a plan holds; DataFusion's memory pool does.
//! Surprise: constants are folded while a query is planned. The limit is an option of the
//! configuration, so it holds there, too.

use std::any::Any;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef, Int64Type, IntervalMonthDayNanoType, TimeUnit};
use datafusion_common::config::{ConfigEntry, ConfigExtension, ExtensionOptions};
use datafusion_common::{DataFusionError, Result, not_impl_err};
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::interval_arithmetic::Interval;
use datafusion_expr::registry::FunctionRegistry;
use datafusion_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion_expr::{
    ColumnarValue, Documentation, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature,
};

/// Bytes that the result of one function call may have. Without it there is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryLimit(pub usize);

impl ConfigExtension for MemoryLimit {
    const PREFIX: &'static str = "strataql";
}

impl ExtensionOptions for MemoryLimit {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn cloned(&self) -> Box<dyn ExtensionOptions> {
        Box::new(*self)
    }

    fn set(&mut self, key: &str, _: &str) -> Result<()> {
        not_impl_err!("`{key}` is set with the statement")
    }

    fn entries(&self) -> Vec<ConfigEntry> {
        Vec::new()
    }
}

/// How the result of a function grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Growth {
    /// `repeat(text, count)`, `array_repeat(value, count)`.
    Times,
    /// `lpad(text, length)`, `array_resize(list, length)`: to a length, in units of that many bytes.
    Length(u64),
    /// `generate_series(start, stop, step)`.
    Series,
    /// `concat(text, …)`.
    Sum,
    /// `replace(text, from, to)`.
    Replace,
}

const FUNCTIONS: &[(&str, Growth)] = &[
    ("repeat", Growth::Times),
    ("array_repeat", Growth::Times),
    ("lpad", Growth::Length(1)),
    ("rpad", Growth::Length(1)),
    ("array_resize", Growth::Length(8)),
    ("range", Growth::Series),
    ("generate_series", Growth::Series),
    ("concat", Growth::Sum),
    ("concat_ws", Growth::Sum),
    ("replace", Growth::Replace),
];

/// Replaces these functions of a registry with ones that heed the limit.
pub(crate) fn register(registry: &mut dyn FunctionRegistry) -> Result<()> {
    for (name, growth) in FUNCTIONS {
        let inner = registry.udf(name)?;
        registry.register_udf(Arc::new(ScalarUDF::from(Limited { inner, growth: *growth })))?;
    }
    Ok(())
}

/// A function of DataFusion that is not called when its result would be too large.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Limited {
    inner: Arc<ScalarUDF>,
    growth: Growth,
}

impl Hash for Limited {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
        self.growth.hash(state);
    }
}

impl Limited {
    /// # Errors
    /// `ResourcesExhausted` when the result would be larger than the limit.
    fn check(&self, call: &ScalarFunctionArgs) -> Result<()> {
        let Some(limit) = call.config_options.extensions.get::<MemoryLimit>() else {
            return Ok(());
        };
        let limit = u128::try_from(limit.0).unwrap_or(u128::MAX);
        let arguments = call.args.iter().map(Argument::of).collect::<Result<Vec<_>>>()?;
        let is_constant = arguments.iter().all(|argument| argument.is_constant);
        let rows = if is_constant { 1 } else { call.number_rows };
        let needs = |exactly: bool| {
            let mut total = 0_u128;
            for row in 0..rows {
                total = total.saturating_add(self.growth.bytes(&arguments, row, exactly));
                if total > limit {
                    break;
                }
            }
            total
        };
        let mut needed = needs(false);
        if needed > limit && self.growth == Growth::Replace {
            needed = needs(true);
        }
        if needed <= limit {
            return Ok(());
        }
        Err(DataFusionError::ResourcesExhausted(format!(
            "the result of `{}` takes more than the {limit} bytes of `memory.limit`",
            self.inner.name()
        )))
    }
}

impl Growth {
    /// Bytes of the result of a row; at most, unless they are wanted `exactly`.
    fn bytes(self, arguments: &[Argument], row: usize, exactly: bool) -> u128 {
        let size = |at: usize| arguments.get(at).map_or(0, |argument| argument.size(row));
        let number = |at: usize| {
            let number = arguments.get(at).and_then(|argument| argument.number(row));
            u128::try_from(number.unwrap_or(0)).unwrap_or(0)
        };
        match self {
            Self::Times => size(0).saturating_mul(number(1)),
            Self::Length(unit) => number(1).saturating_mul(unit.into()),
            Self::Sum => (0..arguments.len()).map(size).sum(),
            Self::Series => series(arguments, row).saturating_mul(8),
            Self::Replace => {
                let (text, from, to) = (size(0), size(1), size(2));
                if to <= from {
                    return text;
                }
                let found = if exactly && let [text, from, ..] = arguments {
                    text.occurrences(from, row)
                } else {
                    // an empty text is found before and after every character
                    text.checked_div(from).unwrap_or(text + 1)
                };
                text + found.saturating_mul(to - from)
            }
        }
    }
}

/// The number of values from start to stop.
fn series(arguments: &[Argument], row: usize) -> u128 {
    let point = |at: usize| arguments.get(at).and_then(|argument| argument.number(row));
    let (start, stop) = match arguments.len() {
        1 => (Some(0), point(0)),
        _ => (point(0), point(1)),
    };
    let (Some(start), Some(stop)) = (start, stop) else { return 0 };
    let step = if arguments.len() < 3 { Some(1) } else { point(2) };
    let Some(step) = step.filter(|step| *step != 0) else { return 0 };
    let distance = i128::from(stop) - i128::from(start);
    if (distance < 0) != (step < 0) {
        return u128::from(distance == 0);
    }
    distance.unsigned_abs() / u128::from(step.unsigned_abs()) + 1
}

/// An argument of a call.
struct Argument {
    values: ArrayRef,
    /// As whole numbers: points in time and intervals in microseconds.
    numbers: Option<Int64Array>,
    is_constant: bool,
    /// Bytes of a value that is no text.
    width: u128,
}

impl Argument {
    fn of(value: &ColumnarValue) -> Result<Self> {
        let (values, is_constant) = match value {
            ColumnarValue::Scalar(value) => (value.to_array()?, true),
            ColumnarValue::Array(values) => (Arc::clone(values), false),
        };
        let numbers = numbers(&values);
        let kind = values.data_type();
        let width = kind
            .primitive_width()
            .unwrap_or_else(|| values.get_array_memory_size() / values.len().max(1));
        Ok(Self { numbers, is_constant, width: width as u128, values })
    }

    fn place(&self, row: usize) -> usize {
        if self.is_constant { 0 } else { row }
    }

    fn number(&self, row: usize) -> Option<i64> {
        let numbers = self.numbers.as_ref()?;
        let row = self.place(row);
        numbers.is_valid(row).then(|| numbers.value(row))
    }

    fn text(&self, row: usize) -> Option<&str> {
        let row = self.place(row);
        if self.values.is_null(row) {
            return Some("");
        }
        match self.values.data_type() {
            DataType::Utf8 => Some(self.values.as_string::<i32>().value(row)),
            DataType::LargeUtf8 => Some(self.values.as_string::<i64>().value(row)),
            DataType::Utf8View => Some(self.values.as_string_view().value(row)),
            _ => None,
        }
    }

    /// Bytes of the value.
    fn size(&self, row: usize) -> u128 {
        self.text(row).map_or(self.width, |text| text.len() as u128)
    }

    /// How often another text is in this one.
    fn occurrences(&self, of: &Self, row: usize) -> u128 {
        match (self.text(row), of.text(row)) {
            (Some(text), Some(of)) => text.matches(of).count() as u128,
            _ => 0,
        }
    }
}

fn numbers(values: &ArrayRef) -> Option<Int64Array> {
    /// Microseconds.
    const SECOND: i64 = 1_000_000;
    const DAY: i64 = 24 * 60 * 60 * SECOND;
    match values.data_type() {
        DataType::Interval(_) => {
            let kind = DataType::Interval(arrow::datatypes::IntervalUnit::MonthDayNano);
            let values = cast(values, &kind).ok()?;
            let values = values.as_primitive::<IntervalMonthDayNanoType>();
            let length = |value: arrow::datatypes::IntervalMonthDayNano| {
                let days = i64::from(value.months) * 28 + i64::from(value.days);
                days.saturating_mul(DAY).saturating_add(value.nanoseconds / 1000)
            };
            Some(values.iter().map(|value| value.map(length)).collect())
        }
        kind if kind.is_temporal() => {
            let times = cast(values, &DataType::Timestamp(TimeUnit::Microsecond, None)).ok()?;
            let numbers = cast(&times, &DataType::Int64).ok()?;
            Some(numbers.as_primitive::<Int64Type>().clone())
        }
        kind if kind.is_integer() => {
            let numbers = cast(values, &DataType::Int64).ok()?;
            Some(numbers.as_primitive::<Int64Type>().clone())
        }
        _ => None,
    }
}

impl ScalarUDFImpl for Limited {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        self.inner.schema_name(args)
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, kinds: &[DataType]) -> Result<DataType> {
        self.inner.return_type(kinds)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn is_strict(&self) -> bool {
        self.inner.is_strict()
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.check(&call)?;
        self.inner.invoke_with_args(call)
    }

    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        Ok(match self.inner.simplify(args, info)? {
            // what is left of the call heeds the limit, too
            ExprSimplifyResult::Simplified(Expr::ScalarFunction(call))
                if call.func.name() == self.name() =>
            {
                let func = Arc::new(ScalarUDF::from(self.clone()));
                ExprSimplifyResult::Simplified(Expr::ScalarFunction(ScalarFunction {
                    func,
                    ..call
                }))
            }
            other => other,
        })
    }

    fn short_circuits(&self) -> bool {
        self.inner.short_circuits()
    }

    fn evaluate_bounds(&self, input: &[&Interval]) -> Result<Interval> {
        self.inner.evaluate_bounds(input)
    }

    fn propagate_constraints(
        &self,
        interval: &Interval,
        inputs: &[&Interval],
    ) -> Result<Option<Vec<Interval>>> {
        self.inner.propagate_constraints(interval, inputs)
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        self.inner.output_ordering(inputs)
    }

    fn preserves_lex_ordering(&self, inputs: &[ExprProperties]) -> Result<bool> {
        self.inner.preserves_lex_ordering(inputs)
    }

    fn coerce_types(&self, kinds: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(kinds)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }
}

#[cfg(test)]
mod tests {
    use datafusion_common::ScalarValue;

    use super::*;

    fn constant(value: impl Into<ScalarValue>) -> ColumnarValue {
        ColumnarValue::Scalar(value.into())
    }

    fn needed(growth: Growth, values: &[ColumnarValue], exactly: bool) -> u128 {
        let arguments: Vec<Argument> =
            values.iter().map(|value| Argument::of(value).expect("an array")).collect();
        growth.bytes(&arguments, 0, exactly)
    }

    #[test]
    fn bytes_are_known_before_the_call() {
        let text = || constant("abc");
        assert_eq!(needed(Growth::Times, &[text(), constant(1_000_000_i64)], false), 3_000_000);
        assert_eq!(needed(Growth::Times, &[text(), constant(-5_i64)], false), 0);
        assert_eq!(needed(Growth::Times, &[constant(7_i64), constant(i64::MAX)], false), {
            u128::from(i64::MAX.unsigned_abs()) * 8
        });
        assert_eq!(needed(Growth::Length(1), &[text(), constant(500_i64)], false), 500);
        assert_eq!(needed(Growth::Sum, &[text(), text(), text()], false), 9);
        let replaced = [constant("a,b,c"), constant(","), constant("-----")];
        assert_eq!(needed(Growth::Replace, &replaced, false), 5 + 5 * 4);
        assert_eq!(needed(Growth::Replace, &replaced, true), 5 + 2 * 4);
        let everywhere = [constant("abc"), constant(""), constant("--")];
        assert_eq!(needed(Growth::Replace, &everywhere, false), 3 + 4 * 2);
    }

    #[test]
    fn the_length_of_a_series_is_known() {
        let numbers = |all: &[i64]| {
            let values: Vec<_> = all.iter().map(|number| constant(*number)).collect();
            needed(Growth::Series, &values, false) / 8
        };
        assert_eq!(numbers(&[4]), 5, "at most");
        assert_eq!(numbers(&[1, 10]), 10);
        assert_eq!(numbers(&[1, 10, 4]), 3);
        assert_eq!(numbers(&[10, 1]), 0);
        assert_eq!(numbers(&[10, 1, -1]), 10);
        assert_eq!(numbers(&[1, 10, 0]), 0);
        assert_eq!(numbers(&[i64::MIN, i64::MAX]), 1 << 64);
        let day = |days| constant(ScalarValue::Date32(Some(days)));
        let step = constant(ScalarValue::new_interval_dt(1, 0));
        assert_eq!(needed(Growth::Series, &[day(0), day(99), step], false), 100 * 8);
    }
}
