//! `likely`, `unlikely`, `likelihood`: hints for SQLite's planner that say nothing to ours. They are
//! taken away while planning, so that a condition inside feeds requests as it does alone.

use std::hash::{Hash, Hasher};

use arrow::datatypes::{DataType, FieldRef};
use datafusion_common::{Result, ScalarValue, internal_err};
use datafusion_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion_expr::{
    ColumnarValue, Documentation, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};

use super::cell::bad;
use super::doc::{FunctionDoc, Section};
use crate::error::external;

pub(super) static DOCS: &[FunctionDoc] = &[
    FunctionDoc::new(
        Section::Text,
        ("likely", &[]),
        "likely(x)",
        "The argument as it is. SQLite takes the call for a hint that it is usually true; here it changes nothing.",
        ("SELECT likely(2 > 1)", "true"),
    ),
    FunctionDoc::new(
        Section::Text,
        ("unlikely", &[]),
        "unlikely(x)",
        "The argument as it is; see `likely`.",
        ("SELECT unlikely('x')", "x"),
    ),
    FunctionDoc::new(
        Section::Text,
        ("likelihood", &[]),
        "likelihood(x, probability)",
        "The first argument as it is; see `likely`. The second has to be a number between 0.0 and 1.0 that stands in the statement.",
        ("SELECT likelihood(1 = 1, 0.25)", "true"),
    ),
];

#[derive(Debug)]
struct Hint {
    doc: &'static FunctionDoc,
    signature: Signature,
    documentation: Documentation,
}

/// The functions.
pub(super) fn udfs() -> impl Iterator<Item = ScalarUDF> {
    DOCS.iter().map(|doc| {
        let arguments = if doc.name == "likelihood" { 2 } else { 1 };
        ScalarUDF::new_from_impl(Hint {
            doc,
            signature: Signature::any(arguments, Volatility::Immutable),
            documentation: doc.documentation(),
        })
    })
}

impl PartialEq for Hint {
    fn eq(&self, other: &Self) -> bool {
        self.doc.name == other.doc.name
    }
}

impl Eq for Hint {}

impl Hash for Hint {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.doc.name.hash(state);
    }
}

/// True if a probability is one.
fn is_probability(value: Option<&ScalarValue>) -> bool {
    let number = value.and_then(|value| value.cast_to(&DataType::Float64).ok());
    matches!(number, Some(ScalarValue::Float64(Some(number))) if (0.0..=1.0).contains(&number))
}

impl ScalarUDFImpl for Hint {
    fn name(&self) -> &'static str {
        self.doc.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(types[0].clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        if let Some(value) = args.scalar_arguments.get(1)
            && !is_probability(*value)
        {
            return Err(external(bad(
                "the second argument of `likelihood` is no probability".to_owned(),
                "write a number between 0.0 and 1.0, as in `likelihood(x, 0.5)`",
            )));
        }
        match args.arg_fields.first() {
            Some(field) => Ok(FieldRef::new(field.as_ref().clone().with_name(self.name()))),
            None => internal_err!("a hint without an argument"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.into_iter().next() {
            Some(value) => Ok(value),
            None => internal_err!("a hint without an argument"),
        }
    }

    fn simplify(&self, args: Vec<Expr>, _info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        match args.into_iter().next() {
            Some(inner) => Ok(ExprSimplifyResult::Simplified(inner)),
            None => internal_err!("a hint without an argument"),
        }
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}
