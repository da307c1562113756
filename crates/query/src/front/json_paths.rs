//! Paths into JSON columns as they are written: `col.a.b`, `col['a']`, `col[0]`, `col -> 'a'`,
//! `col ->> 'a'`.
//!
//! Owns: the planner hooks that make each of them a call of `json_path`, in the spelling of the
//! documented schema; the refusal of a field that the document does not have.
//! Why: docs/decisions/0003-nested-values-are-json-text.md.
//! Surprise: DataFusion drops what the hook for `a.b` says and tries the next, so the refusal is kept
//! aside.

use std::sync::{Mutex, PoisonError};

use datafusion::arrow::datatypes::Field;
use datafusion::common::{Column, DFSchema, DataFusionError, Result, TableReference};
use datafusion::logical_expr::planner::{
    ExprPlanner, PlannerResult, RawBinaryExpr, RawFieldAccessExpr,
};
use datafusion::logical_expr::{Expr, ExprSchemable, GetFieldAccess};
use datafusion::sql::sqlparser::ast::BinaryOperator;
use serde_json::Value as Json;
use strataql_diag::{Code, Report, did_you_mean, listed};
use strataql_functions::{JSON_SCHEMA, external, is_json, path_call, step_text};
use strataql_json::is_index;

use super::outer_names::OuterNames;

/// Planner hooks for every spelling of a path.
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

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::DataType;

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
}
