//! Aggregates over the sorted values of a group: `mode` and `percentile_disc`, with WITHIN GROUP.
//!
//! Surprise: the values are collected by DataFusion's `array_agg` and sorted at the end, so that states
//! of several partitions are its own.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::compute::{SortOptions, cast, partition, sort};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion_common::{Result, ScalarValue, internal_err, plan_err};
use datafusion_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion_expr::utils::AggregateOrderSensitivity;
use datafusion_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, Signature, Volatility,
};
use datafusion_functions_aggregate::array_agg::ArrayAgg;
use datafusion_physical_expr::expressions::Literal;

use super::cell::bad;
use super::doc::{Example, FunctionDoc, Section};
use crate::error::external;

/// What is taken of the sorted values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Choice {
    Mode,
    Percentile,
}

static DOCS: &[(Choice, FunctionDoc)] = &[
    (
        Choice::Mode,
        FunctionDoc {
            name: "mode",
            aliases: &[],
            section: Section::Aggregates,
            syntax: "mode() WITHIN GROUP (ORDER BY x)",
            text: "The value that comes most often, without regard to NULL; of several the first one in that order.",
            example: Example {
                sql: "SELECT mode() WITHIN GROUP (ORDER BY x) FROM (VALUES ('b'), ('a'), ('b'), ('a'), ('c')) AS t (x)",
                rows: "a",
            },
        },
    ),
    (
        Choice::Percentile,
        FunctionDoc {
            name: "percentile_disc",
            aliases: &["quantile_disc"],
            section: Section::Aggregates,
            syntax: "percentile_disc(fraction) WITHIN GROUP (ORDER BY x)",
            text: "The first value in that order whose place is at least the fraction of all values; NULL values do not count. `percentile_cont` interpolates between two values.",
            example: Example {
                sql: "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY x) FROM (VALUES (10), (20), (30), (40)) AS t (x)",
                rows: "20",
            },
        },
    ),
];

/// The documentation of these aggregates.
pub(super) fn docs() -> impl Iterator<Item = &'static FunctionDoc> {
    DOCS.iter().map(|(_, doc)| doc)
}

/// The aggregates.
pub(super) fn udafs() -> impl Iterator<Item = AggregateUDF> {
    DOCS.iter().map(|(choice, doc)| {
        AggregateUDF::new_from_impl(OrderedSet {
            choice: *choice,
            doc,
            aliases: doc.other_names(),
            signature: Signature::user_defined(Volatility::Immutable),
            documentation: doc.documentation(),
            inner: ArrayAgg::default(),
        })
    })
}

#[derive(Debug)]
struct OrderedSet {
    choice: Choice,
    doc: &'static FunctionDoc,
    aliases: Vec<String>,
    signature: Signature,
    documentation: Documentation,
    inner: ArrayAgg,
}

impl PartialEq for OrderedSet {
    fn eq(&self, other: &Self) -> bool {
        self.choice == other.choice
    }
}

impl Eq for OrderedSet {}

impl Hash for OrderedSet {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.choice.hash(state);
    }
}

impl AggregateUDFImpl for OrderedSet {
    fn name(&self) -> &'static str {
        self.doc.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, kinds: &[DataType]) -> Result<Vec<DataType>> {
        match (self.choice, kinds) {
            (Choice::Mode, [value]) => Ok(vec![value.clone()]),
            (Choice::Percentile, [value, _]) => Ok(vec![value.clone(), DataType::Float64]),
            _ => plan_err!("write `{}`", self.doc.syntax),
        }
    }

    fn return_type(&self, kinds: &[DataType]) -> Result<DataType> {
        match kinds.first() {
            Some(kind) => Ok(kind.clone()),
            None => plan_err!("write `{}`", self.doc.syntax),
        }
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let inputs = &args.input_fields[..1];
        self.inner.state_fields(StateFieldsArgs {
            input_fields: inputs,
            ordering_fields: &[],
            ..args
        })
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let fraction = match args.exprs.get(1) {
            None => 0.0,
            Some(expr) => {
                let value = expr.downcast_ref::<Literal>().map(|literal| literal.value());
                match value.map(|value| value.cast_to(&DataType::Float64)) {
                    Some(Ok(ScalarValue::Float64(Some(value)))) if (0.0..=1.0).contains(&value) => {
                        value
                    }
                    _ => {
                        return Err(external(bad(
                            format!("the fraction of `{}` is no number from 0 to 1", self.name()),
                            "write it as a constant, for example 0.9",
                        )));
                    }
                }
            }
        };
        let options = args.order_bys.first().map(|order| order.options).unwrap_or_default();
        let list = DataType::new_list(args.expr_fields[0].data_type().clone(), true);
        let inner = self.inner.accumulator(AccumulatorArgs {
            return_field: Arc::new(Field::new("list", list, true)),
            exprs: &args.exprs[..1],
            expr_fields: &args.expr_fields[..1],
            schema: args.schema,
            ignore_nulls: true,
            order_bys: &[],
            is_reversed: false,
            name: args.name,
            is_distinct: false,
        })?;
        let kind = args.return_field.data_type().clone();
        Ok(Box::new(Collector { choice: self.choice, fraction, options, kind, inner }))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn supports_within_group_clause(&self) -> bool {
        true
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

/// Collects the values of a group and chooses one.
#[derive(Debug)]
struct Collector {
    choice: Choice,
    fraction: f64,
    options: SortOptions,
    kind: DataType,
    inner: Box<dyn Accumulator>,
}

impl Accumulator for Collector {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.update_batch(&values[..1])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.inner.merge_batch(states)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.inner.state()
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.inner.size()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let ScalarValue::List(list) = self.inner.evaluate()? else {
            return internal_err!("array_agg gives a list");
        };
        if list.is_null(0) || list.value(0).is_empty() {
            return ScalarValue::try_new_null(&self.kind);
        }
        let sorted = sort(&cast(&list.value(0), &self.kind)?, Some(self.options))?;
        let at = match self.choice {
            Choice::Mode => {
                let mut longest = 0..0;
                for run in partition(&[Arc::clone(&sorted)])?.ranges() {
                    if run.len() > longest.len() {
                        longest = run;
                    }
                }
                longest.start
            }
            Choice::Percentile => place(self.fraction, sorted.len()),
        };
        ScalarValue::try_from_array(&sorted, at)
    }
}

/// The place of the value at a fraction of `count` values.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and the count"
)]
fn place(fraction: f64, count: usize) -> usize {
    let rank = (fraction * count as f64).ceil() as usize;
    rank.clamp(1, count) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_value_that_is_there() {
        assert_eq!((place(0.0, 4), place(0.5, 4), place(0.51, 4), place(1.0, 4)), (0, 1, 2, 3));
        assert_eq!(place(0.9, 5), 4);
    }
}
