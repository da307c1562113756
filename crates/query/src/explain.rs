//! EXPLAIN: what would be requested, as rows (docs/decisions/0011-explain-is-rows.md).
//!
//! Owns: the listing of scans with method, URL, counts, paging, pushed and local work, and its
//! ANALYZE form with measured counters.
//! Refuses: sending requests, except under ANALYZE.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::physical_plan::{ExecutionPlan, displayable};
use futures::TryStreamExt;
use strataql_call::{Arguments, MethodRef, MetricsSnapshot, Value};
use strataql_diag::{Report, is_secret_name};
use strataql_registry::Registry;
use strataql_rewrites::operator_corrections;
use strataql_spec::{Paging, RowShape};

use crate::operators::demand::{bind_join, scan};
use crate::operators::{ParameterSource, ScanSpec, call_of};
use crate::result_set::ResultSet;
use crate::statement::{PreparedQuery, Statement};

/// One row of EXPLAIN.
#[derive(Debug, Default)]
pub struct Step {
    /// The method that the step calls, as `resource.method`.
    pub method: Option<String>,
    /// Its HTTP verb.
    pub http: Option<String>,
    /// Its URL, secrets masked.
    pub url: Option<String>,
    count_min: Option<i64>,
    count_max: Option<i64>,
    paging: Option<String>,
    pushed: Option<String>,
    local: Option<String>,
    why: Option<String>,
}

/// Explains a prepared query.
pub async fn explain(
    statement: &Statement,
    prepared: PreparedQuery,
    analyze: bool,
    verbose: bool,
) -> Result<ResultSet, Box<Report>> {
    let plan = Arc::clone(&prepared.plan);
    if verbose {
        statement.exchange().conceal(&secrets(&plan));
        return verbose_plan(&plan, &prepared.corrections, statement);
    }
    let mut steps = Vec::new();
    let mut names = Vec::new();
    walk(&plan, statement.registry(), &mut steps, &mut names)?;
    let local = local_work(&plan);
    if !local.is_empty() {
        steps.push(Step {
            local: Some(local.join("; ")),
            why: Some("done here".to_owned()),
            ..Step::default()
        });
    }
    let measured = if analyze {
        let result = statement.execute(prepared)?;
        let outcome = result.outcome.clone();
        let mut stream = result.rows;
        while stream.try_next().await?.is_some() {}
        Some(outcome.scans().into_iter().map(|scan| (scan.name, scan.metrics)).collect::<Vec<_>>())
    } else {
        None
    };
    let exchange = statement.exchange();
    exchange.conceal(&secrets(&plan));
    table(&steps, &names, measured, &|text| exchange.redact(text)).map(ResultSet::of_batch)
}

/// The steps of a plan that send requests.
pub fn requests(
    plan: &Arc<dyn ExecutionPlan>,
    registry: &Registry,
) -> Result<Vec<Step>, Box<Report>> {
    let mut steps = Vec::new();
    walk(plan, registry, &mut steps, &mut Vec::new())?;
    Ok(steps)
}

/// The operators, one a row, and above them the corrections of DataFusion that changed the plan.
fn verbose_plan(
    plan: &Arc<dyn ExecutionPlan>,
    corrections: &[&'static str],
    statement: &Statement,
) -> Result<ResultSet, Box<Report>> {
    let mut names = corrections.to_vec();
    names.extend(operator_corrections(plan));
    let corrections = (!names.is_empty()).then(|| format!("corrected: {}", names.join(", ")));
    let text = displayable(plan.as_ref()).indent(true).to_string();
    let text = statement.exchange().redact(&text);
    let lines: StringArray =
        corrections.iter().map(String::as_str).chain(text.lines()).map(Some).collect();
    let batch = RecordBatch::try_new(Arc::new(self::lines()), vec![Arc::new(lines)])
        .map_err(|error| Box::new(Report::internal(error.to_string())))?;
    Ok(ResultSet::of_batch(batch))
}

fn walk(
    node: &Arc<dyn ExecutionPlan>,
    registry: &Registry,
    steps: &mut Vec<Step>,
    names: &mut Vec<Option<String>>,
) -> Result<(), Box<Report>> {
    if let Some(found) = scan(node) {
        steps.push(step(found.spec(), registry)?);
        names.push(Some(found.spec().name()));
    }
    if let Some(call) = call_of(node) {
        steps.push(Step {
            method: Some(call.name()),
            http: Some(call.http().to_owned()),
            url: Some(call.url()),
            count_min: Some(0),
            count_max: call.is_change().then_some(1),
            paging: Some(call.paging().to_owned()),
            why: Some("the method that EXEC names, called when its rows are read".to_owned()),
            ..Step::default()
        });
        names.push(Some(call.name()));
    }
    for child in node.children() {
        walk(child, registry, steps, names)?;
    }
    if let Some(join) = bind_join(node) {
        let before = steps.len();
        walk(join.template(), registry, steps, names)?;
        let keys: Vec<String> = join.key_names().iter().map(|key| format!("`{key}`")).collect();
        for step in &mut steps[before..] {
            step.count_min = Some(0);
            step.count_max = None;
            let why = step.why.take().unwrap_or_default();
            step.why =
                Some(format!("once per distinct {} of the steps before; {why}", keys.join(", ")));
        }
    }
    Ok(())
}

/// The values of bindings whose names suggest secrets.
fn secrets(plan: &Arc<dyn ExecutionPlan>) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(scan) = scan(plan) {
        for (name, source) in &scan.spec().bindings {
            if is_secret_name(name)
                && let ParameterSource::Values(values) = source
            {
                found.extend(values.iter().map(Value::text));
            }
        }
    }
    found.extend(plan.children().into_iter().flat_map(secrets));
    found.extend(bind_join(plan).into_iter().flat_map(|join| secrets(join.template())));
    found
}

/// Operators above the scans, outermost last, in words.
fn local_work(plan: &Arc<dyn ExecutionPlan>) -> Vec<String> {
    let mut words = Vec::new();
    collect_work(plan, &mut words);
    words
}

fn collect_work(node: &Arc<dyn ExecutionPlan>, words: &mut Vec<String>) {
    for child in node.children() {
        collect_work(child, words);
    }
    let word = match node.name() {
        "SortExec" | "SortPreservingMergeExec" => "sort",
        "AggregateExec" => "aggregate",
        "BindJoinExec" | "HashJoinExec" | "NestedLoopJoinExec" | "CrossJoinExec"
        | "SortMergeJoinExec" => "join",
        "GlobalLimitExec" => "limit",
        "WindowAggExec" | "BoundedWindowAggExec" => "window",
        "UnionExec" | "InterleaveExec" => "union",
        _ => return,
    };
    if words.last().is_none_or(|last| last != word) {
        words.push(word.to_owned());
    }
}

fn step(spec: &ScanSpec, registry: &Registry) -> Result<Step, Box<Report>> {
    let target = spec.target(registry)?;
    let method = target.method();
    let calls = i64::try_from(spec.calls()).unwrap_or(i64::MAX);
    // paging that holds for a whole provider has no meaning for an answer that is one object
    let is_object = matches!(method.response.rows, RowShape::Object { .. });
    let paging = if is_object { &Paging::None } else { &method.paging };
    let mut pushed: Vec<String> = spec
        .bindings
        .iter()
        .filter(|(name, _)| method.input(name).is_some())
        .map(|(name, source)| format!("{name} {}", shown_source(source)))
        .collect();
    if !spec.shared {
        let clauses = spec.clauses.with_limit(spec.limit).into_iter();
        pushed.extend(clauses.map(|(name, value)| format!("{name} = {value}")));
    }
    if let Some(limit) = spec.limit {
        pushed.push(format!("limit {limit}"));
    }
    // a limit of zero rows, and nothing else, makes no request
    let count_min = if spec.limit == Some(0) { 0 } else { calls };
    Ok(Step {
        method: Some(spec.name()),
        http: Some(method.verb.to_string()),
        url: Some(url(spec, &target)),
        count_min: Some(if spec.lazy || spec.limit.is_some() {
            count_min.min(1)
        } else {
            count_min
        }),
        count_max: (*paging == Paging::None).then_some(calls),
        paging: Some(paging.name().to_owned()),
        pushed: (!pushed.is_empty()).then(|| pushed.join(", ")),
        local: (!spec.local.is_empty()).then(|| spec.local.join(" AND ")),
        why: Some(spec.why.clone()),
    })
}

fn shown_source(source: &ParameterSource) -> String {
    match source {
        ParameterSource::Values(values) => {
            let texts: Vec<String> = values.iter().take(3).map(quoted).collect();
            match values.len() {
                1 => format!("= {}", texts[0]),
                n if n > 3 => format!("IN ({}, … {n} values)", texts.join(", ")),
                _ => format!("IN ({})", texts.join(", ")),
            }
        }
        ParameterSource::Slot(_) => "= ‹key›".to_owned(),
    }
}

fn quoted(value: &Value) -> String {
    match value {
        Value::Text(text) => format!("'{text}'"),
        other => other.text(),
    }
}

/// The URL of the first call; several values show as `{name}`, keys as `‹key›`.
fn url(spec: &ScanSpec, target: &MethodRef) -> String {
    let single = |source: &ParameterSource| match source {
        ParameterSource::Values(values) if values.len() == 1 => Some(values[0].clone()),
        _ => None,
    };
    let all_single: Option<Arguments> = spec
        .bindings
        .iter()
        .map(|(name, source)| single(source).map(|value| (name.clone(), value)))
        .collect();
    if let Some(arguments) = all_single
        && let Ok(call) = spec.call(target, &arguments)
    {
        return call.url().to_string();
    }
    target.url_template_with(|param| match spec.bindings.get(&param.name)? {
        ParameterSource::Slot(_) => Some(["‹", &param.wire, "›"].concat()),
        source @ ParameterSource::Values(_) => single(source).map(|value| value.text()),
    })
}

/// The columns of EXPLAIN.
///
/// # Errors
/// None of its own.
pub fn schema(analyze: bool, verbose: bool) -> Result<SchemaRef, Box<Report>> {
    if verbose {
        return Ok(Arc::new(lines()));
    }
    let measured = analyze.then(Vec::new);
    Ok(table(&[], &[], measured, &|text| text.to_owned())?.schema())
}

/// The columns of EXPLAIN VERBOSE.
fn lines() -> Schema {
    Schema::new(vec![Field::new("plan", DataType::Utf8, true)])
}

fn table(
    steps: &[Step],
    names: &[Option<String>],
    measured: Option<Vec<(String, MetricsSnapshot)>>,
    redact: &dyn Fn(&str) -> String,
) -> Result<RecordBatch, Box<Report>> {
    let text = |pick: &dyn Fn(&Step) -> Option<String>| -> ArrayRef {
        let cells = steps.iter().map(|step| pick(step).map(|cell| redact(&cell)));
        Arc::new(StringArray::from(cells.collect::<Vec<_>>()))
    };
    let number = |pick: &dyn Fn(usize, &Step) -> Option<i64>| -> ArrayRef {
        let cells = steps.iter().enumerate().map(|(position, step)| pick(position, step));
        Arc::new(Int64Array::from(cells.collect::<Vec<_>>()))
    };
    let mut columns: Vec<(&str, DataType, ArrayRef)> = vec![
        ("step", DataType::Int64, number(&|position, _| i64::try_from(position + 1).ok())),
        ("method", DataType::Utf8, text(&|step| step.method.clone())),
        ("http", DataType::Utf8, text(&|step| step.http.clone())),
        ("url", DataType::Utf8, text(&|step| step.url.clone())),
        ("count_min", DataType::Int64, number(&|_, step| step.count_min)),
        ("count_max", DataType::Int64, number(&|_, step| step.count_max)),
        ("paging", DataType::Utf8, text(&|step| step.paging.clone())),
        ("pushed", DataType::Utf8, text(&|step| step.pushed.clone())),
        ("local", DataType::Utf8, text(&|step| step.local.clone())),
        ("why", DataType::Utf8, text(&|step| step.why.clone())),
    ];
    if let Some(measured) = measured {
        let figures = assign(names, measured);
        let figure = |pick: fn(&MetricsSnapshot) -> u64| -> ArrayRef {
            number(&|position, _| {
                let metrics = figures.get(position)?.as_ref()?;
                i64::try_from(pick(metrics)).ok()
            })
        };
        columns.push(("calls", DataType::Int64, figure(|m| m.calls)));
        columns.push(("pages", DataType::Int64, figure(|m| m.pages)));
        columns.push(("bytes", DataType::Int64, figure(|m| m.bytes)));
        columns.push(("retries", DataType::Int64, figure(|m| m.retries)));
        columns.push(("wait_ms", DataType::Int64, figure(|m| m.waited_ms)));
        columns.push(("rows", DataType::Int64, figure(|m| m.rows)));
    }
    let fields: Vec<Field> =
        columns.iter().map(|(name, kind, _)| Field::new(*name, kind.clone(), true)).collect();
    let arrays = columns.into_iter().map(|(_, _, array)| array).collect();
    // a cut URL says nothing: a terminal without room shows the steps one below the other
    let metadata = [("strataql:blocks".to_owned(), "1".to_owned())].into();
    let schema = Schema::new_with_metadata(fields, metadata);
    RecordBatch::try_new(Arc::new(schema), arrays)
        .map_err(|error| Box::new(Report::internal(error.to_string())))
}

/// The counters of each step: scans of one name are told apart by their order.
fn assign(
    names: &[Option<String>],
    mut measured: Vec<(String, MetricsSnapshot)>,
) -> Vec<Option<MetricsSnapshot>> {
    names
        .iter()
        .map(|name| {
            let name = name.as_ref()?;
            let position = measured.iter().position(|(measured, _)| measured == name)?;
            Some(measured.remove(position).1)
        })
        .collect()
}
