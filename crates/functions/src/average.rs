//! `avg` of intervals, which DataFusion has for durations only.
//!
//! Owns: their sum by months, days and time, divided as `interval / number` divides. Everything else is
//! DataFusion's own.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{
    DataType, Field, FieldRef, Int64Type, IntervalMonthDayNano, IntervalMonthDayNanoType,
};
use datafusion_common::{Result, ScalarValue, plan_err};
use datafusion_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, GroupsAccumulator, ReversedUDAF,
    Signature, TypeSignature, Volatility,
};
use datafusion_functions_aggregate::average::Avg;

use super::intervals::{INTERVAL, divided};

/// The aggregate.
pub(super) fn udaf() -> AggregateUDF {
    let inner = Avg::new();
    let kinds =
        vec![inner.signature().type_signature.clone(), TypeSignature::Exact(vec![INTERVAL])];
    AggregateUDF::new_from_impl(Average {
        inner,
        signature: Signature::one_of(kinds, Volatility::Immutable),
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Average {
    inner: Avg,
    signature: Signature,
}

impl AggregateUDFImpl for Average {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, kinds: &[DataType]) -> Result<DataType> {
        if kinds.first() == Some(&INTERVAL) { Ok(INTERVAL) } else { self.inner.return_type(kinds) }
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        if *args.return_type() != INTERVAL {
            return self.inner.accumulator(args);
        }
        if args.is_distinct {
            return plan_err!("avg(DISTINCT …) of intervals is not supported");
        }
        Ok(Box::new(OfIntervals::default()))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        if *args.return_field.data_type() != INTERVAL {
            return self.inner.state_fields(args);
        }
        let field =
            |part: &str, kind| Arc::new(Field::new(format!("{}[{part}]", args.name), kind, true));
        Ok(vec![field("sum", INTERVAL), field("count", DataType::Int64)])
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        *args.return_type() != INTERVAL && self.inner.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        self.inner.create_groups_accumulator(args)
    }

    fn create_sliding_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn Accumulator>> {
        if *args.return_type() == INTERVAL {
            return self.accumulator(args);
        }
        self.inner.create_sliding_accumulator(args)
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }
}

/// The sum so far, part by part, and of how many.
#[derive(Debug, Default)]
struct OfIntervals {
    sum: IntervalMonthDayNano,
    count: i64,
}

impl OfIntervals {
    fn change(&mut self, by: IntervalMonthDayNano, count: i64) -> Result<()> {
        let months = self.sum.months.checked_add(by.months);
        let days = self.sum.days.checked_add(by.days);
        let nanos = self.sum.nanoseconds.checked_add(by.nanoseconds);
        let (Some(months), Some(days), Some(nanos)) = (months, days, nanos) else {
            return plan_err!("the sum of the intervals is out of range");
        };
        self.sum = IntervalMonthDayNano::new(months, days, nanos);
        self.count += count;
        Ok(())
    }
}

impl Accumulator for OfIntervals {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let intervals = values[0].as_primitive::<IntervalMonthDayNanoType>();
        intervals.iter().flatten().try_for_each(|interval| self.change(interval, 1))
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let intervals = values[0].as_primitive::<IntervalMonthDayNanoType>();
        intervals.iter().flatten().try_for_each(|at| {
            let opposite = IntervalMonthDayNano::new(-at.months, -at.days, -at.nanoseconds);
            self.change(opposite, -1)
        })
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let sums = states[0].as_primitive::<IntervalMonthDayNanoType>();
        let counts = states[1].as_primitive::<Int64Type>();
        sums.iter().zip(counts).try_for_each(|(sum, count)| match (sum, count) {
            (Some(sum), Some(count)) => self.change(sum, count),
            _ => Ok(()),
        })
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let sum = ScalarValue::IntervalMonthDayNano(Some(self.sum));
        Ok(vec![sum, ScalarValue::Int64(Some(self.count))])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.count == 0 {
            return Ok(ScalarValue::IntervalMonthDayNano(None));
        }
        #[expect(clippy::cast_precision_loss, reason = "no table has so many rows")]
        let count = self.count as f64;
        Ok(ScalarValue::IntervalMonthDayNano(Some(divided(self.sum, count)?)))
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::IntervalMonthDayNanoArray;

    use super::*;

    fn batch(days: &[i32]) -> Vec<ArrayRef> {
        let intervals = days.iter().map(|days| Some(IntervalMonthDayNano::new(0, *days, 0)));
        vec![Arc::new(intervals.collect::<IntervalMonthDayNanoArray>())]
    }

    #[test]
    fn a_half_day_is_time_and_a_frame_moves() {
        let mut average = OfIntervals::default();
        let none = average.evaluate().expect("a value");
        assert!(none.is_null());
        average.update_batch(&batch(&[1, 2])).expect("added");
        let half = IntervalMonthDayNano::new(0, 1, 43_200_000_000_000);
        assert_eq!(average.evaluate().ok(), Some(ScalarValue::IntervalMonthDayNano(Some(half))));
        average.retract_batch(&batch(&[1])).expect("taken back");
        let two = IntervalMonthDayNano::new(0, 2, 0);
        assert_eq!(average.evaluate().ok(), Some(ScalarValue::IntervalMonthDayNano(Some(two))));
    }
}
