//! Scalar functions that are one plain function over the values of a row.
//!
//! Owns: the bridge from a [`Scalar`] in a table to DataFusion: arguments, NULLs, result type,
//! and the literal `'now'`.
//! Refuses: functions whose result type depends on their arguments; those implement the trait.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};

use arrow::datatypes::{DataType, Field, FieldRef};
use chrono::{DateTime, Utc};
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion_expr::{
    ColumnarValue, Documentation, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, TypeSignature, Volatility, lit,
};
use regex::Regex;
use strataql_diag::excerpt;
use strataql_json::{Step, parse_path};

use super::cell::{Answer, Cell, Cells, Output, bad};
use super::doc::FunctionDoc;
use super::json_column::{JSON_SCHEMA, json_field};
use crate::error::external;

/// The type of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Returns {
    Boolean,
    Integer,
    Real,
    Text,
    Json,
    /// JSON with the documented schema of the argument.
    SameJson,
    Blob,
}

impl Returns {
    const fn kind(self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::Integer => DataType::Int64,
            Self::Real => DataType::Float64,
            Self::Text | Self::Json | Self::SameJson => DataType::Utf8,
            Self::Blob => DataType::Binary,
        }
    }
}

/// As many arguments as one likes.
pub(super) const ANY: usize = usize::MAX;

/// A function.
#[derive(Debug)]
pub(super) struct Scalar {
    pub(super) doc: FunctionDoc,
    /// Fewest and most arguments.
    pub(super) arguments: (usize, usize),
    pub(super) returns: Returns,
    /// True if a NULL argument makes the result NULL.
    pub(super) strict: bool,
    /// The arguments that are points in time, which may be `'now'`; the last ones may be left out.
    pub(super) times: &'static [usize],
    pub(super) call: fn(&[Cell<'_>], &mut Memory) -> Answer,
}

/// What one batch remembers from row to row: constant arguments are read once.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pattern: Option<(String, Regex)>,
    path: Option<(String, Vec<Step>)>,
}

impl Memory {
    /// A compiled pattern.
    pub(super) fn pattern(
        &mut self,
        text: &str,
    ) -> std::result::Result<&Regex, Box<strataql_diag::Report>> {
        if self.pattern.as_ref().is_none_or(|(known, _)| known != text) {
            let regex = Regex::new(text).map_err(|error| {
                let why = error.to_string();
                let why = why.lines().last().unwrap_or("it cannot be read").trim().to_owned();
                bad(
                    format!("`{}` is no regular expression", excerpt(text)),
                    "escape special characters with a backslash",
                )
                .with_note(why)
            })?;
            self.pattern = Some((text.to_owned(), regex));
        }
        Ok(&self.pattern.as_ref().expect("filled above").1)
    }

    /// A parsed path.
    pub(super) fn path(
        &mut self,
        text: &str,
    ) -> std::result::Result<&[Step], Box<strataql_diag::Report>> {
        if self.path.as_ref().is_none_or(|(known, _)| known != text) {
            self.path = Some((text.to_owned(), parse_path(text)?));
        }
        Ok(&self.path.as_ref().expect("filled above").1)
    }
}

/// A [`Scalar`] in DataFusion.
#[derive(Debug)]
struct Function {
    scalar: &'static Scalar,
    aliases: Vec<String>,
    signature: Signature,
    documentation: Documentation,
}

/// The function for DataFusion.
pub(super) fn udf(scalar: &'static Scalar) -> ScalarUDF {
    let volatility =
        if scalar.times.is_empty() { Volatility::Immutable } else { Volatility::Stable };
    ScalarUDF::new_from_impl(Function {
        scalar,
        aliases: scalar.doc.other_names(),
        signature: signature(scalar.arguments, volatility),
        documentation: scalar.doc.documentation(),
    })
}

/// Between `fewest` and `most` arguments of any type.
pub(super) fn signature((fewest, most): (usize, usize), volatility: Volatility) -> Signature {
    let mut shapes: Vec<TypeSignature> = Vec::new();
    if fewest == 0 {
        shapes.push(TypeSignature::Nullary);
    }
    if most == ANY {
        shapes.push(TypeSignature::VariadicAny);
    } else {
        shapes.extend((fewest.max(1)..=most).map(TypeSignature::Any));
    }
    if shapes.len() == 1 {
        return Signature::new(shapes.remove(0), volatility);
    }
    Signature::one_of(shapes, volatility)
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.scalar.doc.name == other.scalar.doc.name
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.scalar.doc.name.hash(state);
    }
}

impl Function {
    /// The arguments with the statement's time in place of `'now'` and of a missing time.
    fn with_time(&self, mut args: Vec<Expr>, now: DateTime<Utc>) -> (Vec<Expr>, bool) {
        let now = lit(now.format("%Y-%m-%d %H:%M:%S%.3f").to_string());
        let mut is_changed = false;
        for &at in self.scalar.times {
            let is_now = match args.get(at) {
                None => args.len() == at,
                Some(Expr::Literal(value, _)) => value
                    .try_as_str()
                    .flatten()
                    .is_some_and(|text| text.trim().eq_ignore_ascii_case("now")),
                Some(_) => false,
            };
            if is_now {
                match args.get_mut(at) {
                    Some(time) => *time = now.clone(),
                    None => args.push(now.clone()),
                }
                is_changed = true;
            }
        }
        (args, is_changed)
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &'static str {
        self.scalar.doc.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(self.scalar.returns.kind())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let name = self.name();
        Ok(FieldRef::new(match self.scalar.returns {
            Returns::Json => json_field(name),
            Returns::SameJson => {
                let mut field = json_field(name);
                let schema =
                    args.arg_fields.first().and_then(|arg| arg.metadata().get(JSON_SCHEMA));
                if let Some(schema) = schema {
                    field.metadata_mut().insert(JSON_SCHEMA.to_owned(), schema.clone());
                }
                field
            }
            other => Field::new(name, other.kind(), true),
        }))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        by_rows(&args, &self.scalar.returns.kind(), |cells, memory| {
            if self.scalar.strict && cells.iter().any(Cell::is_null) {
                return Ok(Cell::Null);
            }
            (self.scalar.call)(cells, memory)
        })
    }

    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let Some(now) = info.query_execution_start_time() else {
            return Ok(ExprSimplifyResult::Original(args));
        };
        let (args, changed) = self.with_time(args, now);
        if !changed {
            return Ok(ExprSimplifyResult::Original(args));
        }
        Ok(ExprSimplifyResult::Simplified(udf(self.scalar).call(args)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

/// Calls `call` once per row; constant arguments give a constant.
pub(super) fn by_rows(
    args: &ScalarFunctionArgs,
    kind: &DataType,
    mut call: impl FnMut(&[Cell<'_>], &mut Memory) -> Answer,
) -> Result<ColumnarValue> {
    let is_constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
    let rows = if is_constant { 1 } else { args.number_rows };
    let mut columns = Vec::with_capacity(args.args.len());
    for (value, field) in args.args.iter().zip(&args.arg_fields) {
        columns.push(match value {
            ColumnarValue::Array(array) => (Cells::new(array, field)?, true),
            ColumnarValue::Scalar(scalar) => (Cells::new(&scalar.to_array()?, field)?, false),
        });
    }
    let mut memory = Memory::default();
    let mut output = Output::new(kind);
    for row in 0..rows {
        let cells: Vec<Cell<'_>> =
            columns.iter().map(|(cells, varies)| cells.at(if *varies { row } else { 0 })).collect();
        output.push(&call(&cells, &mut memory).map_err(external)?);
    }
    let array = output.finish();
    if is_constant {
        return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?));
    }
    Ok(ColumnarValue::Array(array))
}

/// The text of an argument; empty for NULL.
pub(super) fn text_of<'a>(cells: &'a [Cell<'_>], at: usize) -> Cow<'a, str> {
    cells.get(at).and_then(Cell::text).unwrap_or_default()
}
