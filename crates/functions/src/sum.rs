//! `sum` of whole numbers, which fails where the result is no BIGINT (SQLSTATE 22003).
//!
//! Surprise: DataFusion's own adds up in 64 bits and wraps around. This one adds up in 128 bits, so
//! that the order of the rows does not matter either, and takes DataFusion's accumulators for it.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, PrimitiveArray};
use arrow::compute::cast;
use arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, FieldRef, Int64Type, UInt64Type,
};
use datafusion_common::{DataFusionError, Result, ScalarValue, internal_err};
use datafusion_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion_expr::utils::AggregateOrderSensitivity;
use datafusion_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, EmitTo, GroupsAccumulator,
    ReversedUDAF, SetMonotonicity, Signature, StatisticsArgs,
};
use datafusion_functions_aggregate::sum::Sum;
use strataql_diag::{Code, Report};

use crate::error::external;

/// What whole numbers are added up in.
const WIDE: DataType = DataType::Decimal128(DECIMAL128_MAX_PRECISION, 0);

/// The aggregate.
pub(super) fn udaf() -> AggregateUDF {
    AggregateUDF::new_from_impl(Checked { inner: Sum::new() })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Checked {
    inner: Sum,
}

impl AggregateUDFImpl for Checked {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        match whole(args.return_type()) {
            Some(kind) => {
                Ok(Box::new(Narrowed { inner: self.inner.accumulator(widened(args))?, kind }))
            }
            None => self.inner.accumulator(args),
        }
    }

    fn state_fields(&self, mut args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        if whole(args.return_type()).is_some() {
            args.return_field = wide(&args.return_field);
        }
        self.inner.state_fields(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        self.inner.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        match whole(args.return_type()) {
            Some(kind) => {
                let inner = self.inner.create_groups_accumulator(widened(args))?;
                Ok(Box::new(Narrowed { kind, inner }))
            }
            None => self.inner.create_groups_accumulator(args),
        }
    }

    fn create_sliding_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn Accumulator>> {
        match whole(args.return_type()) {
            Some(kind) if args.is_distinct => {
                Ok(Box::new(SlidingDistinct { kind, copies: HashMap::new(), sum: 0 }))
            }
            Some(kind) => {
                let inner = self.inner.create_sliding_accumulator(widened(args))?;
                Ok(Box::new(Narrowed { kind, inner }))
            }
            None => self.inner.create_sliding_accumulator(args),
        }
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        self.inner.reverse_expr()
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        self.inner.order_sensitivity()
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }

    fn value_from_stats(&self, args: &StatisticsArgs<'_>) -> Option<ScalarValue> {
        self.inner.value_from_stats(args)
    }

    fn set_monotonicity(&self, kind: &DataType) -> SetMonotonicity {
        self.inner.set_monotonicity(kind)
    }
}

/// A type whose sums could wrap around.
#[derive(Debug, Clone, Copy)]
enum Whole {
    Signed,
    Unsigned,
}

fn whole(kind: &DataType) -> Option<Whole> {
    match kind {
        DataType::Int64 => Some(Whole::Signed),
        DataType::UInt64 => Some(Whole::Unsigned),
        _ => None,
    }
}

fn wide(field: &FieldRef) -> FieldRef {
    Arc::new(field.as_ref().clone().with_data_type(WIDE))
}

fn widened(args: AccumulatorArgs<'_>) -> AccumulatorArgs<'_> {
    AccumulatorArgs { return_field: wide(&args.return_field), ..args }
}

fn widened_values(values: &[ArrayRef]) -> Result<Vec<ArrayRef>> {
    values.iter().map(|values| Ok(cast(values, &WIDE)?)).collect()
}

impl Whole {
    fn value(self, sum: Option<i128>) -> Result<ScalarValue> {
        Ok(match self {
            Self::Signed => ScalarValue::Int64(sum.map(narrow).transpose()?),
            Self::Unsigned => ScalarValue::UInt64(sum.map(narrow).transpose()?),
        })
    }

    fn array(self, sums: &ArrayRef) -> Result<ArrayRef> {
        Ok(match self {
            Self::Signed => Arc::new(narrow_all::<Int64Type>(sums)?),
            Self::Unsigned => Arc::new(narrow_all::<UInt64Type>(sums)?),
        })
    }
}

fn narrow_all<T>(sums: &ArrayRef) -> Result<PrimitiveArray<T>>
where
    T: ArrowPrimitiveType,
    T::Native: TryFrom<i128>,
{
    sums.as_primitive::<Decimal128Type>().try_unary(narrow)
}

fn narrow<N: TryFrom<i128>>(sum: i128) -> Result<N> {
    N::try_from(sum).map_err(|_| beyond(sum))
}

fn beyond(sum: i128) -> DataFusionError {
    external(Box::new(
        Report::new(Code::BadValue, format!("the sum {sum} is beyond BIGINT"))
            .with_help("add up DECIMAL or DOUBLE: `sum(CAST(x AS DECIMAL(38, 0)))`"),
    ))
}

/// An accumulator of [`WIDE`] that takes and gives whole numbers; its state is wide.
#[derive(Debug)]
struct Narrowed<A: ?Sized> {
    kind: Whole,
    inner: Box<A>,
}

impl Accumulator for Narrowed<dyn Accumulator> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.update_batch(&widened_values(values)?)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.inner.merge_batch(states)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.inner.state()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        match self.inner.evaluate()? {
            ScalarValue::Decimal128(sum, ..) => self.kind.value(sum),
            other => internal_err!("a sum of whole numbers is {other:?}"),
        }
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.retract_batch(&widened_values(values)?)
    }

    fn supports_retract_batch(&self) -> bool {
        self.inner.supports_retract_batch()
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.inner.size()
    }
}

impl GroupsAccumulator for Narrowed<dyn GroupsAccumulator> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.inner.update_batch(&widened_values(values)?, groups, filter, total)
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.inner.merge_batch(states, groups, total)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        self.kind.array(&self.inner.evaluate(emit_to)?)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.inner.state(emit_to)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        self.inner.convert_to_state(&widened_values(values)?, filter)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.inner.size()
    }
}

/// `sum(DISTINCT x)` of a moving frame, which DataFusion has for BIGINT only, in 64 bits.
#[derive(Debug)]
struct SlidingDistinct {
    kind: Whole,
    copies: HashMap<i128, usize>,
    sum: i128,
}

impl SlidingDistinct {
    fn each(&mut self, values: &ArrayRef, change: fn(&mut Self, i128)) -> Result<()> {
        let values = cast(values, &WIDE)?;
        for value in values.as_primitive::<Decimal128Type>().iter().flatten() {
            change(self, value);
        }
        Ok(())
    }

    fn enters(&mut self, value: i128) {
        let copies = self.copies.entry(value).or_default();
        if *copies == 0 {
            self.sum += value;
        }
        *copies += 1;
    }

    fn leaves(&mut self, value: i128) {
        let Some(copies) = self.copies.get_mut(&value) else { return };
        *copies -= 1;
        if *copies == 0 {
            self.sum -= value;
            self.copies.remove(&value);
        }
    }
}

impl Accumulator for SlidingDistinct {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.each(&values[0], Self::enters)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.each(&values[0], Self::leaves)
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, _states: &[ArrayRef]) -> Result<()> {
        internal_err!("a moving frame is never merged")
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        internal_err!("a moving frame has no state to merge")
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.kind.value((!self.copies.is_empty()).then_some(self.sum))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.copies.capacity() * size_of::<(i128, usize)>()
    }
}
