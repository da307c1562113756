//! Aggregates over window frames with EXCLUDE.
//!
//! DataFusion has no EXCLUDE. Here such an aggregate is a window function with more arguments: the
//! condition of FILTER, and the keys of ORDER BY, by which the peers of a row are found.
//! Surprise: the function is made from its name, which [`excluding_name`] returns.

use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::compute::{filter, partition};
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::function::{AccumulatorArgs, PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion_expr::type_coercion::functions::fields_with_udf;
use datafusion_expr::{
    AggregateUDF, PartitionEvaluator, Signature, Volatility, WindowUDF, WindowUDFImpl,
};
use datafusion_physical_expr_common::physical_expr::PhysicalExpr;

/// First part of the names; no SQL can spell it.
const PREFIX: char = '\u{1}';

/// The rows of a frame that are excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exclusion {
    /// The current row.
    CurrentRow,
    /// The current row and its peers.
    Group,
    /// The peers of the current row.
    Ties,
}

impl Exclusion {
    /// The exclusion by its words.
    pub fn of(words: &str) -> Option<Self> {
        match words.to_ascii_lowercase().as_str() {
            "current row" => Some(Self::CurrentRow),
            "group" => Some(Self::Group),
            "ties" => Some(Self::Ties),
            _ => None,
        }
    }

    const fn code(self) -> char {
        match self {
            Self::CurrentRow => 'c',
            Self::Group => 'g',
            Self::Ties => 't',
        }
    }
}

/// The name of a window function: an aggregate of so many arguments over the rest of a frame. The
/// arguments are those of the aggregate, a condition, and the keys of the order.
pub fn excluding_name(aggregate: &str, arguments: usize, exclusion: Exclusion) -> String {
    format!("{PREFIX}{}{PREFIX}{arguments}{PREFIX}{aggregate}", exclusion.code())
}

/// The window function of a name that [`excluding_name`] returned; `find` looks up aggregates.
pub fn excluding(
    name: &str,
    find: impl FnOnce(&str) -> Option<Arc<AggregateUDF>>,
) -> Option<WindowUDF> {
    let mut parts = name.strip_prefix(PREFIX)?.splitn(3, PREFIX);
    let exclusion = match parts.next()? {
        "c" => Exclusion::CurrentRow,
        "g" => Exclusion::Group,
        "t" => Exclusion::Ties,
        _ => return None,
    };
    let arguments = parts.next()?.parse().ok()?;
    let aggregate = find(parts.next()?)?;
    let signature = Signature::user_defined(Volatility::Immutable);
    Some(WindowUDF::new_from_impl(Excluding { aggregate, arguments, exclusion, signature }))
}

#[derive(Debug, PartialEq, Eq)]
struct Excluding {
    aggregate: Arc<AggregateUDF>,
    /// How many of the arguments are the aggregate's.
    arguments: usize,
    exclusion: Exclusion,
    signature: Signature,
}

impl Hash for Excluding {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.aggregate.name().hash(state);
        self.arguments.hash(state);
        self.exclusion.hash(state);
    }
}

impl WindowUDFImpl for Excluding {
    fn name(&self) -> &str {
        self.aggregate.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, kinds: &[DataType]) -> Result<Vec<DataType>> {
        let field = |kind: &DataType| Arc::new(Field::new("value", kind.clone(), true));
        let fields: Vec<FieldRef> = kinds.iter().take(self.arguments).map(field).collect();
        let fields = fields_with_udf(&fields, self.aggregate.as_ref())?;
        let own = fields.iter().map(|field| field.data_type().clone());
        Ok(own.chain(kinds.iter().skip(self.arguments).cloned()).collect())
    }

    fn partition_evaluator(
        &self,
        args: PartitionEvaluatorArgs<'_>,
    ) -> Result<Box<dyn PartitionEvaluator>> {
        let own = self.arguments.min(args.input_fields().len());
        Ok(Box::new(Rest {
            aggregate: Arc::clone(&self.aggregate),
            exclusion: self.exclusion,
            exprs: args.input_exprs()[..own].to_vec(),
            fields: args.input_fields()[..own].to_vec(),
            keys: args.input_fields().len().saturating_sub(own + 1),
            peers: Vec::new(),
            row: 0,
        }))
    }

    fn field(&self, args: WindowUDFFieldArgs<'_>) -> Result<FieldRef> {
        let own = self.arguments.min(args.input_fields().len());
        let field = self.aggregate.return_field(&args.input_fields()[..own])?;
        Ok(Arc::new(field.as_ref().clone().with_name(args.name()).with_nullable(true)))
    }
}

/// Evaluates the aggregate row by row.
#[derive(Debug)]
struct Rest {
    aggregate: Arc<AggregateUDF>,
    exclusion: Exclusion,
    exprs: Vec<Arc<dyn PhysicalExpr>>,
    fields: Vec<FieldRef>,
    /// Number of keys of the order.
    keys: usize,
    /// Ranges of equal keys; none before the first row.
    peers: Vec<Range<usize>>,
    /// The current row.
    row: usize,
}

impl Rest {
    /// The parts of a frame that are not excluded.
    fn parts(&self, frame: &Range<usize>) -> [Range<usize>; 3] {
        let peers = self.peers.partition_point(|range| range.end <= self.row);
        let peers = self.peers.get(peers).cloned().unwrap_or(self.row..self.row + 1);
        let row = self.row..self.row + 1;
        let (out, back) = match self.exclusion {
            Exclusion::CurrentRow => (row, 0..0),
            Exclusion::Group => (peers, 0..0),
            Exclusion::Ties => (peers, row),
        };
        let within = |start: usize, end: usize| {
            let start = start.clamp(frame.start, frame.end);
            start..end.clamp(start, frame.end)
        };
        [within(frame.start, out.start), within(back.start, back.end), within(out.end, frame.end)]
    }
}

impl PartitionEvaluator for Rest {
    fn uses_window_frame(&self) -> bool {
        true
    }

    fn evaluate(&mut self, values: &[ArrayRef], range: &Range<usize>) -> Result<ScalarValue> {
        let own = self.fields.len();
        let condition = &values[own];
        if self.peers.is_empty() {
            self.peers = match &values[own + 1..own + 1 + self.keys] {
                [] => std::iter::once(0..condition.len()).collect(),
                keys => partition(keys)?.ranges(),
            };
        }
        let schema = Schema::new(self.fields.clone());
        let mut accumulator = self.aggregate.accumulator(AccumulatorArgs {
            return_field: self.aggregate.return_field(&self.fields)?,
            schema: &schema,
            ignore_nulls: false,
            order_bys: &[],
            is_reversed: false,
            name: self.aggregate.name(),
            is_distinct: false,
            exprs: &self.exprs,
            expr_fields: &self.fields,
        })?;
        for part in self.parts(range).into_iter().filter(|part| !part.is_empty()) {
            let is_kept = condition.slice(part.start, part.len());
            let rows = values[..own].iter().map(|value| {
                Ok(filter(&value.slice(part.start, part.len()), is_kept.as_boolean())?)
            });
            accumulator.update_batch(&rows.collect::<Result<Vec<ArrayRef>>>()?)?;
        }
        self.row += 1;
        accumulator.evaluate()
    }
}
