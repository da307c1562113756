//! EXEC: any method by its name.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use futures::TryStreamExt;
use indexmap::IndexMap;
use serde_json::Value as Json;
use strataql_call::{
    Arguments, CallContext, CallMetrics, ColumnPlan, DecodePlan, Pager, Value, decode_answer, pages,
};
use strataql_diag::{Code, Report, did_you_mean};
use strataql_spec::{Method, RowShape};
use strataql_sql::{Exec, Literal, Name};
use tokio::sync::Semaphore;

use super::awaiting::{Awaiting, with_parameters};
use super::record::{Record, StatementText};
use super::send::Prepared;
use super::sender::{Fate, Sender};
use super::undo::Plans;
use super::{WriteContext, image, show};
use crate::outcome::Outcome;
use crate::resource::ResourceRef;
use crate::result_set::ResultSet;
use crate::statement::Statement;

/// Runs or explains EXEC.
///
/// # Errors
/// `unknown-method`, `missing-param`, `bad-param-value` before anything is sent; then what the service
/// says.
pub(crate) async fn exec(
    statement: &Statement,
    context: &WriteContext,
    exec: &Exec,
    explain: bool,
) -> Result<ResultSet, Box<Report>> {
    let (resource, method) = method_of(&|name| statement.resource(name), &exec.method)?;
    let arguments = arguments(exec, &method)?;
    let shows = exec.hints.iter().any(|hint| hint == "SHOWRESULTS");
    let awaiting = Awaiting::of(statement, &resource, &method, &exec.hints, shows)
        .map_err(|report| Box::new(report.with_label(exec.span, "")))?;
    let mut prepared = Prepared::bound(&resource, &method, arguments, explain)?;
    if explain {
        return show::exec(&resource, &method, &prepared, awaiting.as_ref(), (statement, context));
    }
    let exchange = statement.exchange();
    exchange.introduce(&resource.provider);
    let outcome = Outcome::default();
    let metrics = Arc::new(CallMetrics::default());
    let name = format!("{}.{}", resource.dotted(), method.name);
    outcome.add_scan(name.clone(), Arc::clone(&metrics));
    let mut plan = decode_plan(&resource, &method, &prepared.arguments);
    if shows {
        plan = with_parameters(plan, &resource, &method, &prepared.arguments);
    }
    let has_rows = !matches!(method.response.rows, RowShape::Nothing { .. });
    if method.verb.is_safe() && has_rows && awaiting.is_none() {
        let pager =
            Pager::new(method.paging.clone(), &method.name, None, &method.extension.origins);
        let call = CallContext { exchange, metrics, missing_is_empty: false, shared: None };
        let schema = plan.schema();
        let labels = plan.columns.iter().map(|column| column.name.clone()).collect();
        let rows = pages(call, Arc::new(prepared.call), plan, pager).map_ok(|page| page.batch);
        let rows = Box::pin(rows);
        return Ok(ResultSet { schema, labels, rows, outcome, affected: None });
    }
    let writes = std::slice::from_mut(&mut prepared);
    let plans =
        Plans::of((statement, context), exchange.as_ref(), &metrics, &resource, &method, writes)
            .await?;
    let source = StatementText { text: &statement.text, parsed: &statement.parsed };
    let record = Record::of(
        &context.recording,
        image::is_wanted(statement, context),
        &resource,
        &method,
        exchange.as_ref(),
        source,
        &[&prepared.call],
    )?;
    let sender = Sender {
        exchange: exchange.as_ref(),
        metrics: &metrics,
        resource: &resource,
        method: &method,
        record: &record,
        outcome: &outcome,
        slots: Semaphore::new(1),
        stop: AtomicBool::new(false),
        stops: true,
    };
    let fate = sender.write(0, &prepared).await;
    if let Some(plans) = &plans {
        plans.note(&context.undo, 0, &prepared, &fate);
    }
    let response = match fate {
        Fate::Applied(response) => response,
        Fate::Failed(report) | Fate::Unknown(report) => return Err(report),
        Fate::NotSent => return Err(Box::new(Report::internal("EXEC sent nothing"))),
    };
    if !exec.hints.iter().any(|hint| hint == "NOSTATUS") {
        outcome.note(format!("`{name}` answered {}", response.status));
    }
    if let Some(awaiting) = awaiting {
        return awaiting
            .exec_result(
                &exchange,
                &metrics,
                &resource,
                &prepared.arguments,
                outcome.clone(),
                response,
            )
            .await;
    }
    if shows && has_rows {
        let batch = decode_answer(plan, &response)?;
        return Ok(ResultSet { outcome, ..ResultSet::of_batch(batch) });
    }
    Ok(ResultSet { outcome, ..ResultSet::nothing() })
}

/// The resource and method that a four-part name (or a shorter one after USE) means.
pub(super) fn method_of(
    find: &dyn Fn(&Name) -> Result<ResourceRef, Box<Report>>,
    name: &Name,
) -> Result<(ResourceRef, Method), Box<Report>> {
    let Some((last, rest)) = name.parts.split_last().filter(|(_, rest)| !rest.is_empty()) else {
        return Err(Box::new(Report::internal("EXEC without a method name")));
    };
    let span = rest[0].span.to(rest[rest.len() - 1].span);
    let resource = find(&Name { parts: rest.to_vec(), span })?;
    let methods = &resource.resource().methods;
    if let Some(method) = methods.get(last.value.as_str()) {
        let method = method.clone();
        return Ok((resource, method));
    }
    let names: Vec<&str> = methods.keys().map(String::as_str).collect();
    Err(Box::new(
        Report::new(
            Code::UnknownMethod,
            format!("`{}` has no method `{}`", resource.dotted(), last.value),
        )
        .with_label(last.span, "")
        .with_help_if(did_you_mean(&last.value, names.iter().copied()))
        .with_help(format!("`SHOW METHODS IN {}` lists them", resource.dotted())),
    ))
}

pub(super) fn arguments(exec: &Exec, method: &Method) -> Result<Arguments, Box<Report>> {
    let mut all: IndexMap<String, Value> = IndexMap::new();
    for argument in &exec.arguments {
        let known = method.param(&argument.name).is_some()
            || method.body.as_ref().is_some_and(|body| body.property(&argument.name).is_some())
            || method.extension.body_wrapper.as_deref() == Some(argument.name.as_str());
        if !known {
            let names = method.params.iter().map(|param| param.name.as_str()).chain(
                method
                    .body
                    .iter()
                    .flat_map(|body| &body.properties)
                    .map(|property| property.name.as_str()),
            );
            return Err(Box::new(
                Report::new(
                    Code::UnknownColumn,
                    format!("method `{}` has no parameter `{}`", method.name, argument.name),
                )
                .with_label(argument.span, "")
                .with_help_if(did_you_mean(&argument.name, names)),
            ));
        }
        let value = match &argument.value {
            Literal::Text(text) => Value::Text(text.clone()),
            Literal::Number(text) => match text.parse() {
                Ok(number) => Value::Integer(number),
                Err(_) => Value::Text(text.clone()),
            },
            Literal::Boolean(flag) => Value::Boolean(*flag),
            Literal::Null => Value::Json(Json::Null),
        };
        all.insert(argument.name.clone(), value);
    }
    if let Some(payload) = &exec.payload {
        let Ok(Json::Object(fields)) = serde_json::from_str(payload) else {
            return Err(Box::new(
                Report::new(Code::BadParamValue, "`@@json` is no JSON object")
                    .with_label(exec.span, "")
                    .with_help("give the request body: `@@json = '{\"name\": \"value\"}'`"),
            ));
        };
        let body = method.body.as_ref();
        for (name, value) in fields {
            if body.is_none_or(|body| body.property(&name).is_none()) {
                let names =
                    body.into_iter().flat_map(|body| &body.properties).map(|p| p.wire.as_str());
                return Err(Box::new(
                    Report::new(
                        Code::UnknownColumn,
                        format!("the body of method `{}` has no field `{name}`", method.name),
                    )
                    .with_label(exec.span, "")
                    .with_help_if(did_you_mean(&name, names)),
                ));
            }
            all.insert(name, Value::Json(value));
        }
    }
    Ok(Arguments(all))
}

pub(super) fn decode_plan(
    resource: &ResourceRef,
    method: &Method,
    arguments: &Arguments,
) -> DecodePlan {
    let schemas = &resource.service.schemas;
    let keys = |id: Option<strataql_spec::SchemaId>| -> Vec<String> {
        id.map(|id| schemas[id].properties.keys().cloned().collect()).unwrap_or_default()
    };
    DecodePlan {
        method: method.name.clone(),
        rows: method.response.rows.clone(),
        columns: method
            .response
            .columns
            .iter()
            .map(|column| ColumnPlan {
                name: column.name.clone(),
                wire: Some(column.wire.clone()),
                kind: column.kind,
                echo: method.param(&column.name).and_then(|param| arguments.value(param)).cloned(),
            })
            .collect(),
        known_fields: keys(method.response.row_schema),
        known_envelope: keys(method.response.schema),
        captures: Pager::captures(&method.paging),
        mismatch: strataql_call::Mismatch::Error,
    }
}
