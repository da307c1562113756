//! EXEC: any method by its name.

use std::sync::Arc;

use futures::TryStreamExt;
use indexmap::IndexMap;
use serde_json::Value as Json;
use strataql_call::{
    Arguments, CallContext, CallMetrics, MethodRef, Mismatch, Value, decode_answer, read_json,
};
use strataql_diag::{Code, Report, did_you_mean};
use strataql_spec::{Method, RowShape};
use strataql_sql::{Exec, Literal, Name};

use super::awaiting::Awaiting;
use super::prepared::PreparedWrite;
use super::record::{Record, StatementText};
use super::sender::Sender;
use super::undo::Plans;
use super::{WriteContext, hints, image, show};
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
    let target = method_of(&|name| statement.resource(name), &exec.method)?;
    let variables = statement.server_variables();
    let method = target.method();
    let given = arguments(exec, method)?;
    let shows = hints::has(&exec.hints, "SHOWRESULTS");
    let labelled = |report: Box<Report>| Box::new(report.with_label(exec.span, ""));
    let awaiting = Awaiting::of(statement, &target, &exec.hints, shows).map_err(labelled)?;
    let columns = target.columns(|param| shows && given.value(param).is_some());
    let mut prepared = PreparedWrite::bound(&target, given, &variables, explain)?;
    let has_rows = !matches!(method.response.rows, RowShape::Nothing { .. });
    let is_read = method.is_read() && method.verb.is_safe() && has_rows && awaiting.is_none();
    let is_shown = is_read || (shows && has_rows && awaiting.is_none());
    let plan = is_shown.then(|| prepared.call.decode_plan(columns, Mismatch::Error));
    let plan = plan.transpose().map_err(labelled)?;
    if explain {
        return show::exec((statement, context), &prepared, awaiting.as_ref(), &variables);
    }
    let exchange = statement.exchange();
    let outcome = Outcome::default();
    let metrics = Arc::new(CallMetrics::default());
    outcome.add_scan(target.name(), Arc::clone(&metrics));
    if let Some(plan) = plan.as_ref().filter(|_| is_read) {
        let call = CallContext { exchange, metrics, missing_is_empty: false, shared: None };
        let schema = plan.schema();
        let labels = plan.columns.iter().map(|column| column.name.clone()).collect();
        let rows = prepared.call.pages(call, plan.clone()).map_ok(|page| page.batch);
        let rows = Box::pin(rows);
        return Ok(ResultSet { schema, labels, rows, outcome, affected: None });
    }
    let writes = std::slice::from_mut(&mut prepared);
    let plans = Plans::of((statement, context), exchange.as_ref(), &metrics, writes).await?;
    let source = StatementText { text: &statement.text, parsed: &statement.parsed };
    let images = image::is_wanted(statement, context);
    let calls = [&prepared.call];
    let record = Record::of(&context.recording, images, exchange.as_ref(), source, &calls)?;
    let sender = Sender::new(exchange.as_ref(), &metrics, &record, &outcome);
    let written = sender.write(0, &prepared).await;
    if let Some(plans) = &plans {
        plans.note(&context.undo, 0, &prepared, &written);
    }
    let response = written.response()?;
    if !hints::has(&exec.hints, "NOSTATUS") {
        outcome.note(format!("`{}` answered {}", target.name(), response.status));
    }
    if let Some(awaiting) = awaiting {
        return awaiting
            .exec_result(&exchange, &metrics, &prepared.call, outcome.clone(), response)
            .await;
    }
    match plan {
        Some(plan) => {
            let batch = decode_answer(plan, &response)?;
            Ok(ResultSet { outcome, ..ResultSet::of_batch(batch) })
        }
        None => Ok(ResultSet { outcome, ..ResultSet::nothing() }),
    }
}

/// The method that a four-part name (or a shorter one after USE) means.
pub(super) fn method_of(
    find: &dyn Fn(&Name) -> Result<ResourceRef, Box<Report>>,
    name: &Name,
) -> Result<MethodRef, Box<Report>> {
    let Some((last, rest)) = name.parts.split_last().filter(|(_, rest)| !rest.is_empty()) else {
        return Err(Box::new(Report::internal("EXEC without a method name")));
    };
    let span = rest[0].span.to(rest[rest.len() - 1].span);
    let resource = find(&Name { parts: rest.to_vec(), span })?;
    if let Some(target) = resource.method(&last.value) {
        return Ok(target);
    }
    let names: Vec<&str> = resource.resource().methods.keys().map(String::as_str).collect();
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
        let Ok(Json::Object(fields)) = read_json(payload) else {
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
