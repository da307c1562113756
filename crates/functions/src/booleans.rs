//! Aggregates of truth values: `bool_and`, `bool_or`, `every` and `count_if`.
//!
//! Surprise: DataFusion's `bool_and` and `bool_or` cannot give up a row that leaves a window frame; what
//! is counted can.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, FieldRef, Int64Type};
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion_expr::utils::AggregateOrderSensitivity;
use datafusion_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, GroupsAccumulator, ReversedUDAF,
    Signature, Volatility,
};
use datafusion_functions_aggregate::bool_and_or::{bool_and_udaf, bool_or_udaf};

use super::doc::{Example, FunctionDoc, Section};

static COUNT_IF: FunctionDoc = FunctionDoc {
    name: "count_if",
    aliases: &["countif"],
    section: Section::Aggregates,
    syntax: "count_if(condition)",
    text: "The number of rows of a group for which the condition is true; 0 if there is none.",
    example: Example {
        sql: "SELECT count_if(x > 1) FROM (VALUES (1), (2), (3), (NULL)) AS t (x)",
        rows: "2",
    },
};

static EVERY: FunctionDoc = FunctionDoc {
    name: "every",
    aliases: &[],
    section: Section::Aggregates,
    syntax: "every(condition)",
    text: "True if the condition is true for all rows of a group for which it is not NULL; the same as `bool_and`.",
    example: Example {
        sql: "SELECT every(x > 1), bool_or(x > 1) FROM (VALUES (1), (2), (NULL)) AS t (x)",
        rows: "false | true",
    },
};

/// The documentation of these aggregates.
pub(super) fn docs() -> impl Iterator<Item = &'static FunctionDoc> {
    [&COUNT_IF, &EVERY].into_iter()
}

/// The aggregates.
pub(super) fn udafs() -> impl Iterator<Item = AggregateUDF> {
    let signature = || Signature::exact(vec![DataType::Boolean], Volatility::Immutable);
    let both =
        [(true, bool_and_udaf(), vec![EVERY.name.to_owned()]), (false, bool_or_udaf(), vec![])];
    both.into_iter()
        .map(|(is_and, inner, aliases)| {
            AggregateUDF::new_from_impl(AllOrAny { is_and, inner, aliases })
        })
        .chain([AggregateUDF::new_from_impl(CountIf {
            aliases: COUNT_IF.other_names(),
            signature: signature(),
            documentation: COUNT_IF.documentation(),
        })])
}

/// `bool_and` or `bool_or`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct AllOrAny {
    is_and: bool,
    inner: Arc<AggregateUDF>,
    aliases: Vec<String>,
}

impl AggregateUDFImpl for AllOrAny {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, kinds: &[DataType]) -> Result<DataType> {
        self.inner.return_type(kinds)
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        self.inner.state_fields(args)
    }

    fn accumulator(&self, _args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Counts { is_and: self.is_and, yes: 0, no: 0 }))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        self.inner.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        self.inner.create_groups_accumulator(args)
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }
}

/// How often a condition was true and false.
#[derive(Debug)]
struct Counts {
    is_and: bool,
    yes: usize,
    no: usize,
}

fn count(values: &[ArrayRef]) -> (usize, usize) {
    let values = values[0].as_boolean();
    let yes = values.true_count();
    (yes, values.len() - values.null_count() - yes)
}

impl Accumulator for Counts {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let (yes, no) = count(values);
        self.yes += yes;
        self.no += no;
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let (yes, no) = count(values);
        self.yes = self.yes.saturating_sub(yes);
        self.no = self.no.saturating_sub(no);
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let has_rows = self.yes + self.no > 0;
        let holds = if self.is_and { self.no == 0 } else { self.yes > 0 };
        Ok(ScalarValue::Boolean(has_rows.then_some(holds)))
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}

#[derive(Debug)]
struct CountIf {
    aliases: Vec<String>,
    signature: Signature,
    documentation: Documentation,
}

impl PartialEq for CountIf {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for CountIf {}

impl Hash for CountIf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        COUNT_IF.name.hash(state);
    }
}

impl AggregateUDFImpl for CountIf {
    fn name(&self) -> &'static str {
        COUNT_IF.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _kinds: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn default_value(&self, _kind: &DataType) -> Result<ScalarValue> {
        Ok(ScalarValue::Int64(Some(0)))
    }

    fn accumulator(&self, _args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Yes(0)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

/// How often a condition was true.
#[derive(Debug)]
struct Yes(i64);

impl Yes {
    fn add(&mut self, values: &[ArrayRef], sign: i64) {
        let (yes, _) = count(values);
        self.0 += sign * i64::try_from(yes).unwrap_or(i64::MAX);
    }
}

impl Accumulator for Yes {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add(values, 1);
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add(values, -1);
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.0 += states[0].as_primitive::<Int64Type>().iter().flatten().sum::<i64>();
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Int64(Some(self.0)))
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}
