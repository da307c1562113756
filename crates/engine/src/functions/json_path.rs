//! Typed paths into JSON columns: `col.a.b`, `col['a']`, `col[0]`, `col -> 'a'`, `col ->> 'a'`.
//!
//! Owns: the function `json_path(column, step, …)`, its typing from the documented schema that
//! travels in the column's field metadata, and the planner hooks that make every spelling call it.
//! Why: docs/decisions/0003-nested-values-are-json-text.md.
//! Surprise: the type of a path comes from the *argument's field*, so it holds through aliases,
//! derived tables and joins without any planner state.

use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanBuilder, Float64Builder, Int64Builder, StringBuilder,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{
    Column, DFSchema, DataFusionError, Result, ScalarValue, TableReference, internal_err,
};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{
    ExprPlanner, PlannerResult, RawAggregateExpr, RawBinaryExpr, RawFieldAccessExpr,
};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, GetFieldAccess, ReturnFieldArgs, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, Volatility, lit,
};
use datafusion::sql::sqlparser::ast::BinaryOperator;
use serde_json::{Value as Json, json};
use strataql_diag::{Code, Report, did_you_mean};
use strataql_json::{Found, find_keys, is_index};
use strataql_spec::{SchemaId, SchemaKind, Service};

use super::extreme;
use crate::error::{external, listed};
use crate::front::outer_names::OuterNames;
use crate::table::JSON_SCHEMA;

/// Most schema nodes that travel with a column.
const MAX_NODES: usize = 500;
/// Deepest path that is typed.
const MAX_DEPTH: usize = 12;

/// The compact schema of a JSON column: `{"o":{name: …}}`, `{"a":…}`, or a type letter.
pub(crate) fn schema_text(service: &Service, id: SchemaId) -> String {
    let mut left = MAX_NODES;
    compact(service, id, MAX_DEPTH, &mut left).to_string()
}

fn compact(service: &Service, id: SchemaId, depth: usize, left: &mut usize) -> Json {
    let schema = &service.schemas[id];
    if depth == 0 || *left == 0 {
        return json!("t");
    }
    *left -= 1;
    match schema.kind {
        SchemaKind::Integer => json!("i"),
        SchemaKind::Number => json!("n"),
        SchemaKind::Boolean => json!("b"),
        SchemaKind::String | SchemaKind::Any => json!("t"),
        SchemaKind::Array => match schema.items {
            Some(items) => json!({ "a": compact(service, items, depth - 1, left) }),
            None => json!({ "a": "t" }),
        },
        SchemaKind::Object => {
            let properties: serde_json::Map<String, Json> = schema
                .properties
                .iter()
                .map(|(name, id)| (name.clone(), compact(service, *id, depth - 1, left)))
                .collect();
            match schema.additional {
                Some(rest) => {
                    json!({ "o": properties, "r": compact(service, rest, depth - 1, left) })
                }
                None => json!({ "o": properties }),
            }
        }
    }
}

/// The type and schema at a path.
pub(super) fn type_at(field: &Field, path: &[String]) -> (DataType, Option<String>) {
    schema_at(field, path).map_or((DataType::Utf8, None), |schema| typed(&schema))
}

/// The compact schema at a path of a JSON column.
pub(super) fn schema_at(field: &Field, path: &[String]) -> Option<Json> {
    let text = field.metadata().get(JSON_SCHEMA)?;
    let root = serde_json::from_str::<Json>(text).ok()?;
    let mut at = &root;
    for step in path {
        at = match at.get("o") {
            Some(properties) => properties.get(step).or_else(|| at.get("r"))?,
            None if is_index(step) => at.get("a")?,
            None => return None,
        };
    }
    Some(at.clone())
}

/// The steps as the documented schema spells them: exactly, else by the only spelling that differs in
/// case. A field that a known object does not have is an error.
fn resolved(field: &Field, path: &[String]) -> std::result::Result<Vec<String>, Box<Report>> {
    let root = field.metadata().get(JSON_SCHEMA).and_then(|text| serde_json::from_str(text).ok());
    let mut at: Option<&Json> = root.as_ref();
    let mut out = Vec::with_capacity(path.len());
    for step in path {
        let Some(schema) = at else {
            out.push(step.clone());
            continue;
        };
        let Some(properties) = schema.get("o").and_then(Json::as_object) else {
            at = schema.get("a").filter(|_| is_index(step));
            out.push(step.clone());
            continue;
        };
        let twins: Vec<&String> =
            properties.keys().filter(|name| name.eq_ignore_ascii_case(step)).collect();
        let name = match (properties.contains_key(step), twins.as_slice()) {
            (false, [one]) => (*one).clone(),
            (false, []) if schema.get("r").is_none() && !properties.is_empty() => {
                let place = [&[field.name().clone()], out.as_slice()].concat().join(".");
                return Err(unknown_field(&place, step, properties.keys()));
            }
            _ => step.clone(),
        };
        at = properties.get(&name).or_else(|| schema.get("r"));
        out.push(name);
    }
    Ok(out)
}

fn unknown_field<'a>(
    place: &str,
    step: &str,
    names: impl Iterator<Item = &'a String>,
) -> Box<Report> {
    let names: Vec<&str> = names.map(String::as_str).collect();
    let fields = format!("its fields are {}", listed(&names));
    Box::new(
        Report::new(Code::UnknownColumn, format!("`{place}` has no field `{step}`"))
            .with_help(did_you_mean(step, names).unwrap_or(fields))
            .with_note(format!(
                "`{place} ->> '{step}'` reads a field that the provider's document does not know"
            )),
    )
}

/// The type of a compact schema, and the schema that its column carries on.
pub(super) fn typed(schema: &Json) -> (DataType, Option<String>) {
    match schema.as_str() {
        Some("i") => (DataType::Int64, None),
        Some("n") => (DataType::Float64, None),
        Some("b") => (DataType::Boolean, None),
        _ if schema.is_object() => (DataType::Utf8, Some(schema.to_string())),
        _ => (DataType::Utf8, None),
    }
}

/// A field of a type; with a schema, JSON text of that schema.
pub(super) fn typed_field(name: &str, kind: DataType, schema: Option<String>) -> Field {
    let field = Field::new(name, kind, true);
    match schema {
        Some(schema) => field.with_metadata(
            [
                ("ARROW:extension:name".to_owned(), "arrow.json".to_owned()),
                (JSON_SCHEMA.to_owned(), schema),
            ]
            .into(),
        ),
        None => field,
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct JsonPath {
    signature: Signature,
}

/// The function.
pub(crate) fn json_path() -> Arc<ScalarUDF> {
    let signature = Signature::variadic_any(Volatility::Immutable);
    Arc::new(ScalarUDF::new_from_impl(JsonPath { signature }))
}

fn step_text(scalar: &ScalarValue) -> Option<String> {
    match scalar {
        ScalarValue::Utf8(Some(text))
        | ScalarValue::Utf8View(Some(text))
        | ScalarValue::LargeUtf8(Some(text)) => Some(text.clone()),
        ScalarValue::Int64(Some(number)) => Some(number.to_string()),
        ScalarValue::UInt64(Some(number)) => Some(number.to_string()),
        _ => None,
    }
}

impl ScalarUDFImpl for JsonPath {
    fn name(&self) -> &'static str {
        "json_path"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let parts: Vec<String> = args
            .iter()
            .map(|arg| match arg {
                Expr::Literal(value, _) => step_text(value).unwrap_or_else(|| value.to_string()),
                Expr::Column(column) => column.name.clone(),
                other => other.schema_name().to_string(),
            })
            .collect();
        Ok(parts.join("."))
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        internal_err!("json_path is typed by its argument's field")
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let path: Vec<String> = args
            .scalar_arguments
            .iter()
            .skip(1)
            .map(|step| step.and_then(step_text).unwrap_or_default())
            .collect();
        let Some(first) = args.arg_fields.first() else {
            return internal_err!("json_path needs a column");
        };
        let (kind, schema) = type_at(first, &path);
        Ok(Arc::new(typed_field(self.name(), kind, schema)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let path: Vec<String> = args
            .args
            .iter()
            .skip(1)
            .map(|step| match step {
                ColumnarValue::Scalar(scalar) => step_text(scalar).unwrap_or_default(),
                ColumnarValue::Array(_) => String::new(),
            })
            .collect();
        let texts = args.args[0].to_array(args.number_rows)?;
        let texts = cast(&texts, &DataType::Utf8)?;
        let texts = texts.as_string::<i32>();
        let cells = (0..texts.len())
            .map(|row| if texts.is_null(row) { None } else { find_keys(texts.value(row), &path) });
        let array = column(cells, args.return_field.data_type(), &path)?;
        Ok(ColumnarValue::Array(array))
    }
}

/// A column of found values; `path` is named in messages.
pub(super) fn column(
    cells: impl Iterator<Item = Option<Found>>,
    kind: &DataType,
    path: &[String],
) -> Result<ArrayRef> {
    let misfit = |text: &str, wanted: &str| {
        external(Box::new(
            Report::new(
                Code::BadRemoteValue,
                format!("`{text}` at `{}` should be {wanted}", path.join(".")),
            )
            .with_help("read it as text with `json_extract`, or convert it with TRY_CAST"),
        ))
    };
    Ok(match kind {
        DataType::Int64 => {
            let mut builder = Int64Builder::new();
            for cell in cells {
                let text = cell.map(Found::into_text);
                let number = text.as_deref().map(whole).transpose();
                builder.append_option(number.map_err(|text| misfit(&text, "a whole number"))?);
            }
            Arc::new(builder.finish())
        }
        DataType::Float64 => {
            let mut builder = Float64Builder::new();
            for cell in cells {
                let text = cell.map(Found::into_text);
                let number = text.as_deref().map(|text| text.parse().map_err(|_| text.to_owned()));
                builder
                    .append_option(number.transpose().map_err(|text| misfit(&text, "a number"))?);
            }
            Arc::new(builder.finish())
        }
        DataType::Boolean => {
            let mut builder = BooleanBuilder::new();
            for cell in cells {
                let text = cell.map(Found::into_text);
                let flag = text.as_deref().map(|text| text.parse().map_err(|_| text.to_owned()));
                builder.append_option(
                    flag.transpose().map_err(|text| misfit(&text, "`true` or `false`"))?,
                );
            }
            Arc::new(builder.finish())
        }
        _ => {
            let mut builder = StringBuilder::new();
            for cell in cells {
                builder.append_option(cell.map(Found::into_text));
            }
            Arc::new(builder.finish())
        }
    })
}

fn whole(text: &str) -> std::result::Result<i64, String> {
    let digits = text.strip_suffix(".0").unwrap_or(text);
    digits.parse().map_err(|_| text.to_owned())
}

fn is_json(field: &Field) -> bool {
    field.metadata().get("ARROW:extension:name").is_some_and(|name| name == "arrow.json")
}

/// `root` with further steps; steps on a path lengthen it.
pub(super) fn path_call(root: Expr, steps: impl IntoIterator<Item = String>) -> Expr {
    let mut args = match root {
        Expr::ScalarFunction(call) if call.func.name() == "json_path" => call.args,
        other => vec![other],
    };
    args.extend(steps.into_iter().map(lit));
    Expr::ScalarFunction(ScalarFunction::new_udf(json_path(), args))
}

/// Planner hooks for every spelling of a path, and for `max(a, b)`, which is no aggregate.
#[derive(Debug)]
pub(crate) struct JsonPlanner {
    /// Names that mean a column of an outer table, whatever columns are nearer.
    outer: OuterNames,
    /// Why a path is wrong: DataFusion drops what this hook for `a.b` says and tries the next.
    refused: Mutex<Option<Box<Report>>>,
}

impl JsonPlanner {
    pub(crate) fn new(outer: OuterNames) -> Self {
        Self { outer, refused: Mutex::default() }
    }

    fn refuse(&self, report: Box<Report>) -> DataFusionError {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.get_or_insert_with(|| report.clone());
        external(report)
    }

    /// Refuses `b.x` where `b` is an outer table, and the nearest thing of that name a column.
    fn check_outer(&self, column: &str, nested: &[String]) -> Result<()> {
        let written = std::iter::once(column).chain(nested.iter().map(String::as_str));
        if !self.outer.contains(&written.map(str::to_lowercase).collect::<Vec<_>>()) {
            return Ok(());
        }
        let path = nested.join(".");
        Err(self.refuse(Box::new(
            Report::new(
                Code::AmbiguousName,
                format!(
                    "`{column}` in `{column}.{path}` is a column here, and a table of the query \
                     around this one"
                ),
            )
            .with_help(
                "give that table another alias, or put this table's alias before the column",
            ),
        )))
    }

    /// The first path that was refused, if one was.
    pub(crate) fn refusal(&self) -> Option<Box<Report>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl ExprPlanner for JsonPlanner {
    fn plan_aggregate(&self, call: RawAggregateExpr) -> Result<PlannerResult<RawAggregateExpr>> {
        Ok(extreme::planned(call))
    }

    fn plan_compound_identifier(
        &self,
        field: &Field,
        qualifier: Option<&TableReference>,
        nested: &[String],
    ) -> Result<PlannerResult<Vec<Expr>>> {
        self.check_outer(field.name(), nested)?;
        if !is_json(field) {
            return Ok(PlannerResult::Original(vec![]));
        }
        let column = Expr::Column(Column::new(qualifier.cloned(), field.name()));
        let steps = resolved(field, nested).map_err(|report| self.refuse(report))?;
        Ok(PlannerResult::Planned(path_call(column, steps)))
    }

    fn plan_field_access(
        &self,
        access: RawFieldAccessExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawFieldAccessExpr>> {
        let inner = match &access.expr {
            Expr::Alias(alias) => alias.expr.as_ref().clone(),
            other => other.clone(),
        };
        let Some(field) = inner.to_field(schema).ok().map(|(_, field)| field) else {
            return Ok(PlannerResult::Original(access));
        };
        if !is_json(&field) {
            return Ok(PlannerResult::Original(access));
        }
        let step = match &access.field_access {
            GetFieldAccess::NamedStructField { name } => step_text(name),
            GetFieldAccess::ListIndex { key } => match key.as_ref() {
                Expr::Literal(value, _) => step_text(value),
                _ => None,
            },
            GetFieldAccess::ListRange { .. } => None,
        };
        match step {
            Some(step) => {
                let steps = resolved(&field, &[step]).map_err(external)?;
                Ok(PlannerResult::Planned(path_call(inner, steps)))
            }
            None => Ok(PlannerResult::Original(access)),
        }
    }

    fn plan_binary_op(
        &self,
        binary: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        let is_arrow = matches!(binary.op, BinaryOperator::Arrow | BinaryOperator::LongArrow);
        // plain text may hold JSON too, and no other meaning of an arrow on text exists
        let reads = |field: &Field| is_json(field) || field.data_type().is_string();
        if !is_arrow || !binary.left.to_field(schema).is_ok_and(|(_, field)| reads(&field)) {
            return Ok(PlannerResult::Original(binary));
        }
        let Expr::Literal(value, _) = &binary.right else {
            return Ok(PlannerResult::Original(binary));
        };
        let Some(text) = step_text(value) else { return Ok(PlannerResult::Original(binary)) };
        // `'$.a.b'` is a path, anything else one key
        let steps = if text.starts_with('$') {
            strataql_spec::paging::body_path(&text)
        } else {
            vec![text]
        };
        Ok(PlannerResult::Planned(path_call(binary.left, steps)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_take_the_spelling_of_the_document() {
        let schema = r#"{"o":{"maxItems":"i","inner":{"o":{"Name":"t","name":"t"}},"any":{"o":{}},"open":{"o":{"a":"t"},"r":"t"},"list":{"a":{"o":{"Kind":"t"}}}}}"#;
        let field = Field::new("c", DataType::Utf8, true)
            .with_metadata([(JSON_SCHEMA.to_owned(), schema.to_owned())].into());
        let steps = |path: &[&str]| {
            let path: Vec<String> = path.iter().map(|step| (*step).to_owned()).collect();
            resolved(&field, &path).map(|path| path.join("."))
        };
        assert_eq!(steps(&["MAXITEMS"]).expect("known"), "maxItems");
        assert_eq!(steps(&["list", "0", "kind"]).expect("known"), "list.0.Kind");
        // two spellings: neither is preferred
        assert_eq!(steps(&["inner", "NAME"]).expect("known"), "inner.NAME");
        for open in [&["any", "x"][..], &["open", "x"], &["maxItems", "x"], &["list", "x"]] {
            assert_eq!(steps(open).expect("open"), open.join("."));
        }
        let error = steps(&["inner", "nope"]).expect_err("unknown").message;
        assert!(error.contains("`c.inner` has no field `nope`"), "{error}");
    }

    #[test]
    fn types_come_from_the_schema_in_the_metadata() {
        let schema = r#"{"o":{"n":"i","l":{"a":{"o":{"f":"b"}}}},"r":"n"}"#;
        let field = Field::new("c", DataType::Utf8, true)
            .with_metadata([(JSON_SCHEMA.to_owned(), schema.to_owned())].into());
        let kind = |path: &[&str]| {
            type_at(&field, &path.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>()).0
        };
        assert_eq!(kind(&["n"]), DataType::Int64);
        assert_eq!(kind(&["l", "0", "f"]), DataType::Boolean);
        assert_eq!(kind(&["l", "-1", "f"]), DataType::Boolean);
        assert_eq!(kind(&["other"]), DataType::Float64);
        assert_eq!(kind(&["l"]), DataType::Utf8);
        assert_eq!(kind(&["l", "x"]), DataType::Utf8);
    }
}
