//! Aggregates: `json_group_array`, `json_group_object`, `group_concat`, `total`.
//!
//! Surprise: the first three are DataFusion's `array_agg` with another ending, so DISTINCT, ORDER BY
//! and partial states over several partitions are its own.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StructArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Float64Type};
use datafusion_common::{Result, ScalarValue, internal_err, plan_err};
use datafusion_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, Signature, Volatility,
};
use datafusion_functions_aggregate::array_agg::ArrayAgg;
use datafusion_physical_expr::expressions::Literal;
use strataql_diag::{Code, Report};

use super::cell::{Cell, Cells};
use super::doc::{Example, FunctionDoc, Section};
use super::json::member;
use super::json_column::json_field;
use super::scalar::signature;
use crate::error::external;

/// How a group ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Ending {
    JsonArray,
    JsonObject,
    Concat,
}

static DOCS: &[(Ending, FunctionDoc)] = &[
    (
        Ending::JsonArray,
        FunctionDoc {
            name: "json_group_array",
            aliases: &["json_agg", "jsonb_agg", "jsonb_group_array"],
            section: Section::Aggregates,
            syntax: "json_group_array([DISTINCT] x [ORDER BY …])",
            text: "A JSON array of the values of a group, NULL as `null`; an empty array without rows.",
            example: Example {
                sql: "SELECT json_group_array(x ORDER BY x) FROM (VALUES ('b'), ('a')) AS t (x)",
                rows: r#"["a","b"]"#,
            },
        },
    ),
    (
        Ending::JsonObject,
        FunctionDoc {
            name: "json_group_object",
            aliases: &["json_object_agg", "jsonb_group_object", "jsonb_object_agg"],
            section: Section::Aggregates,
            syntax: "json_group_object(key, value [ORDER BY …])",
            text: "A JSON object of the keys and values of a group; an empty object without rows.",
            example: Example {
                sql: "SELECT json_group_object(k, v ORDER BY k) FROM (VALUES ('a', 1), ('b', 2)) AS t (k, v)",
                rows: r#"{"a":1,"b":2}"#,
            },
        },
    ),
    (
        Ending::Concat,
        FunctionDoc {
            name: "group_concat",
            aliases: &[],
            section: Section::Aggregates,
            syntax: "group_concat([DISTINCT] x[, separator] [ORDER BY …])",
            text: "The values of a group that are not NULL, joined by a separator, which is `,` if not given; NULL if there are none. `SEPARATOR '…'` after the arguments means the same.",
            example: Example {
                sql: "SELECT group_concat(DISTINCT x, '; ' ORDER BY x) FROM (VALUES ('b'), ('a'), ('b')) AS t (x)",
                rows: "a; b",
            },
        },
    ),
];

static TOTAL: FunctionDoc = FunctionDoc {
    name: "total",
    aliases: &[],
    section: Section::Aggregates,
    syntax: "total(x)",
    text: "The sum of the values of a group as a real number, 0.0 if there are none.",
    example: Example {
        sql: "SELECT total(x) FROM (VALUES (1), (NULL), (2)) AS t (x)",
        rows: "3.0",
    },
};

/// Every aggregate of this file, in words.
pub(super) fn docs() -> impl Iterator<Item = &'static FunctionDoc> {
    DOCS.iter().map(|(_, doc)| doc).chain([&TOTAL])
}

/// Every aggregate of this file.
pub(super) fn udafs() -> Vec<AggregateUDF> {
    let mut all: Vec<AggregateUDF> = DOCS
        .iter()
        .map(|(ending, doc)| {
            AggregateUDF::new_from_impl(Collected {
                ending: *ending,
                doc,
                aliases: doc.other_names(),
                signature: match ending {
                    Ending::JsonArray => signature((1, 1), Volatility::Immutable),
                    Ending::JsonObject => signature((2, 2), Volatility::Immutable),
                    Ending::Concat => Signature::user_defined(Volatility::Immutable),
                },
                documentation: doc.documentation(),
                inner: ArrayAgg::default(),
            })
        })
        .collect();
    all.push(AggregateUDF::new_from_impl(Total {
        signature: Signature::user_defined(Volatility::Immutable),
        documentation: TOTAL.documentation(),
    }));
    all
}

/// An aggregate that collects a list first.
#[derive(Debug)]
struct Collected {
    ending: Ending,
    doc: &'static FunctionDoc,
    aliases: Vec<String>,
    signature: Signature,
    documentation: Documentation,
    inner: ArrayAgg,
}

impl PartialEq for Collected {
    fn eq(&self, other: &Self) -> bool {
        self.ending == other.ending
    }
}

impl Eq for Collected {}

impl Hash for Collected {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.ending.hash(state);
    }
}

impl Collected {
    /// The element that is collected.
    fn element(&self, inputs: &[FieldRef]) -> FieldRef {
        match self.ending {
            Ending::JsonObject => {
                let fields: Fields = inputs
                    .iter()
                    .take(2)
                    .zip(["key", "value"])
                    .map(|(field, name)| field.as_ref().clone().with_name(name).with_nullable(true))
                    .collect::<Vec<_>>()
                    .into();
                Arc::new(Field::new("member", DataType::Struct(fields), true))
            }
            _ => Arc::clone(&inputs[0]),
        }
    }
}

impl AggregateUDFImpl for Collected {
    fn name(&self) -> &'static str {
        self.doc.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn return_field(&self, _fields: &[FieldRef]) -> Result<FieldRef> {
        Ok(Arc::new(match self.ending {
            Ending::Concat => Field::new(self.name(), DataType::Utf8, true),
            _ => json_field(self.name()),
        }))
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        if types.is_empty() || types.len() > 2 {
            return plan_err!("group_concat takes a value and, if wanted, a separator");
        }
        Ok(vec![DataType::Utf8; types.len()])
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let element = [self.element(args.input_fields)];
        self.inner.state_fields(StateFieldsArgs { input_fields: &element, ..args })
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let separator = match args.exprs.get(1) {
            Some(expr) if self.ending == Ending::Concat => {
                let literal = expr.downcast_ref::<Literal>().ok_or_else(|| {
                    external(Box::new(
                        Report::new(
                            Code::UnsupportedSyntax,
                            "the separator of `group_concat` has to be a constant",
                        )
                        .with_help("join it to the value: `group_concat(x || separator, '')`"),
                    ))
                })?;
                literal.value().try_as_str().flatten().unwrap_or_default().to_owned()
            }
            _ => ",".to_owned(),
        };
        let element = self.element(args.expr_fields);
        let list = DataType::new_list(element.data_type().clone(), true);
        let fields = [Arc::clone(&element)];
        let inner = self.inner.accumulator(AccumulatorArgs {
            return_field: Arc::new(Field::new("list", list, true)),
            exprs: &args.exprs[..1],
            expr_fields: &fields,
            schema: args.schema,
            ignore_nulls: false,
            order_bys: args.order_bys,
            is_reversed: args.is_reversed,
            name: args.name,
            is_distinct: args.is_distinct,
        })?;
        let inputs = args.expr_fields.len();
        Ok(Box::new(Collector { ending: self.ending, separator, element, inputs, inner }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

/// Collects a list and ends it.
#[derive(Debug)]
struct Collector {
    ending: Ending,
    separator: String,
    element: FieldRef,
    /// Number of arguments; what follows in a batch are values to order by.
    inputs: usize,
    inner: Box<dyn Accumulator>,
}

impl Accumulator for Collector {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let first = match (self.ending, self.element.data_type()) {
            (Ending::JsonObject, DataType::Struct(fields)) => {
                let members = values[..2].to_vec();
                Arc::new(StructArray::try_new(fields.clone(), members, None)?) as ArrayRef
            }
            _ => Arc::clone(&values[0]),
        };
        let mut inner = vec![first];
        inner.extend(values[self.inputs..].iter().map(Arc::clone));
        self.inner.update_batch(&inner)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.inner.merge_batch(states)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.inner.state()
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.inner.size() + self.separator.capacity()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let ScalarValue::List(list) = self.inner.evaluate()? else {
            return internal_err!("array_agg gives a list");
        };
        let values = if list.is_null(0) { None } else { Some(list.value(0)) };
        Ok(ScalarValue::Utf8(match self.ending {
            Ending::JsonArray => Some(json_array(values.as_ref(), &self.element)?),
            Ending::JsonObject => Some(json_object(values.as_ref())?),
            Ending::Concat => concat(values.as_ref(), &self.element, &self.separator)?,
        }))
    }
}

fn json_array(values: Option<&ArrayRef>, element: &Field) -> Result<String> {
    let Some(values) = values else { return Ok("[]".to_owned()) };
    let cells = Cells::new(values, element)?;
    let items: Vec<String> = (0..values.len()).map(|row| cells.at(row).json()).collect();
    Ok(format!("[{}]", items.join(",")))
}

fn json_object(values: Option<&ArrayRef>) -> Result<String> {
    let Some(values) = values else { return Ok("{}".to_owned()) };
    let structs = values.as_struct();
    let keys = Cells::new(structs.column(0), &structs.fields()[0])?;
    let cells = Cells::new(structs.column(1), &structs.fields()[1])?;
    let mut members = Vec::new();
    for row in 0..structs.len() {
        members.push(member(&keys.at(row), &cells.at(row)).map_err(external)?);
    }
    Ok(format!("{{{}}}", members.join(",")))
}

fn concat(values: Option<&ArrayRef>, element: &Field, separator: &str) -> Result<Option<String>> {
    let Some(values) = values else { return Ok(None) };
    let cells = Cells::new(values, element)?;
    let texts: Vec<String> = (0..values.len())
        .filter_map(|row| match cells.at(row) {
            Cell::Null => None,
            cell => cell.text().map(std::borrow::Cow::into_owned),
        })
        .collect();
    Ok((!texts.is_empty()).then(|| texts.join(separator)))
}

/// `total`.
#[derive(Debug)]
struct Total {
    signature: Signature,
    documentation: Documentation,
}

impl PartialEq for Total {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Total {}

impl Hash for Total {
    fn hash<H: Hasher>(&self, state: &mut H) {
        TOTAL.name.hash(state);
    }
}

impl AggregateUDFImpl for Total {
    fn name(&self) -> &'static str {
        TOTAL.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        if types.len() != 1 {
            return plan_err!("total takes one value");
        }
        Ok(vec![DataType::Float64])
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct {
            return Err(external(Box::new(
                Report::new(Code::UnsupportedSyntax, "`total` cannot be combined with DISTINCT")
                    .with_help("write `coalesce(sum(DISTINCT x), 0)`"),
            )));
        }
        Ok(Box::new(Sum(0.0)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

#[derive(Debug)]
struct Sum(f64);

impl Accumulator for Sum {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let values = cast(&values[0], &DataType::Float64)?;
        self.0 += values.as_primitive::<Float64Type>().iter().flatten().sum::<f64>();
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::Float64(Some(self.0))])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Float64(Some(self.0)))
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}
