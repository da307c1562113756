//! EXEC: any method by its name.

use std::fmt;
use std::sync::Arc;

use futures::TryStreamExt;
use indexmap::IndexMap;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value as Json;
use serde_json::value::RawValue;
use strataql_call::{
    Arguments, CallContext, CallMetrics, Fields, MethodRef, Mismatch, Value, decode_answer,
    read_json,
};
use strataql_diag::{Code, Report, did_you_mean};
use strataql_query::outcome::Outcome;
use strataql_query::resource::ResourceRef;
use strataql_query::result_set::ResultSet;
use strataql_query::statement::Statement;
use strataql_spec::{Method, RowShape, SqlVerb, StatementNames};
use strataql_sql::{Argument, Exec, Literal, Name};

use super::awaiting::Awaiting;
use super::context::WriteContext;
use super::prepared::PreparedWrite;
use super::record::{Record, StatementText};
use super::sender::Sender;
use super::undo::Plans;
use super::{hints, image, show};

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
    let method = target.method();
    let variables = statement.call_variables(method.is_read());
    let (given, fields) = arguments(exec, &target)?;
    let shows = hints::has(&exec.hints, "SHOWRESULTS");
    let labelled = |report: Box<Report>| Box::new(report.with_label(exec.span, ""));
    let awaiting = Awaiting::of(statement, &target, &exec.hints, shows).map_err(labelled)?;
    let columns = target.columns(|param| shows && given.value(param).is_some());
    let mut prepared = PreparedWrite::bound(&target, given, fields, &variables, explain)?;
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
        let call = CallContext::new(exchange, metrics);
        let schema = plan.schema();
        let labels = plan.columns.iter().map(|column| column.name.clone()).collect();
        let rows = prepared.call.pages(call, plan.clone()).map_ok(|page| page.batch);
        let rows = Box::pin(rows);
        return Ok(ResultSet { schema, labels, rows, outcome, affected: None });
    }
    statement.run.budget.take_writes(1)?;
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

/// The values of EXEC: `@name` goes to the parameter of that name, else to the body; `@@json` is the body. What
/// names the object that a method changes is an argument, also in the body.
///
/// # Errors
/// `unknown-column` for what the method does not take, `ambiguous-name` for what stands twice,
/// `bad-param-value` for a body that is no JSON object.
pub(super) fn arguments(
    exec: &Exec,
    target: &MethodRef,
) -> Result<(Arguments, Fields), Box<Report>> {
    let method = target.method();
    let mut all: IndexMap<String, Value> = IndexMap::new();
    for argument in &exec.arguments {
        let name = meant(method, &argument.name);
        let name = name.ok_or_else(|| unknown_argument(method, argument))?;
        let value = match &argument.value {
            Literal::Text(text) => Value::Text(text.clone()),
            Literal::Number(text) => match text.parse() {
                Ok(number) => Value::Integer(number),
                Err(_) => Value::Text(text.clone()),
            },
            Literal::Boolean(flag) => Value::Boolean(*flag),
            Literal::Null => Value::Json(Json::Null),
        };
        if all.insert(name, value).is_some() {
            return Err(Box::new(
                Report::new(Code::AmbiguousName, format!("`@{}` is given twice", argument.name))
                    .with_label(argument.span, "")
                    .with_help("give it once"),
            ));
        }
    }
    let mut fields = Fields::default();
    if let Some(payload) = &exec.payload {
        for (name, value) in payload_fields(payload, exec)? {
            let body = method.body.as_ref();
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
            fields.0.insert(name, Value::Json(value));
        }
    }
    // what stands in `@@json` as well is refused when the body is put together
    let is_field = |name: &str| !names_object(target, &all, name) && !fields.0.contains_key(name);
    let changed: Vec<String> = all.keys().filter(|name| is_field(name.as_str())).cloned().collect();
    for name in changed {
        if let Some(value) = all.shift_remove(&name) {
            fields.0.insert(name, value);
        }
    }
    Ok((Arguments(all), fields))
}

/// True for an argument that names the object, or where it is; false for a field that is changed.
fn names_object(target: &MethodRef, all: &IndexMap<String, Value>, name: &str) -> bool {
    let (resource, method) = (target.resource(), target.method());
    let verb = resource.verb_of(&method.name);
    if method.param(name).is_some() || !matches!(verb, SqlVerb::Update | SqlVerb::Replace) {
        return true;
    }
    let given = all.keys().fold(StatementNames::new(verb), |given, name| given.with_constant(name));
    let keys = resource.body_keys(&target.service().schemas, method, &given);
    let property = method.body.as_ref().and_then(|body| body.property(name));
    keys.iter().any(|key| property.is_some_and(|property| property.wire == key.wire))
}

/// The parameter or field that a name means, by its own name.
fn meant(method: &Method, name: &str) -> Option<String> {
    if let Some(param) = method.param(name) {
        return Some(param.name.clone());
    }
    if method.extension.body_wrapper.as_deref() == Some(name) {
        return Some(name.to_owned());
    }
    let property = method.body.as_ref()?.property(name)?;
    // the field of a parameter's name is called by its prefix
    let own = method.param(&property.name).is_none();
    Some(if own { property.name.clone() } else { name.to_owned() })
}

fn unknown_argument(method: &Method, argument: &Argument) -> Box<Report> {
    let fields = method.body.iter().flat_map(|body| &body.properties);
    let names = method
        .params
        .iter()
        .map(|param| param.name.as_str())
        .chain(fields.map(|property| property.name.as_str()));
    Box::new(
        Report::new(
            Code::UnknownColumn,
            format!("method `{}` has no parameter `{}`", method.name, argument.name),
        )
        .with_label(argument.span, "")
        .with_help_if(did_you_mean(&argument.name, names)),
    )
}

/// The fields of `@@json`, each once.
fn payload_fields(payload: &str, exec: &Exec) -> Result<Vec<(String, Json)>, Box<Report>> {
    let refuse = |code, message: String| {
        Box::new(
            Report::new(code, message)
                .with_label(exec.span, "")
                .with_help("give the request body: `@@json = '{\"name\": \"value\"}'`"),
        )
    };
    let Ok(JsonFields(fields)) = serde_json::from_str(payload) else {
        return Err(refuse(Code::BadParamValue, "`@@json` is no JSON object".to_owned()));
    };
    for (position, (name, _)) in fields.iter().enumerate() {
        if fields[..position].iter().any(|(known, _)| known == name) {
            return Err(refuse(
                Code::AmbiguousName,
                format!("`@@json` has the field `{name}` twice"),
            ));
        }
    }
    let read = |(name, text): (String, Box<RawValue>)| match read_json(text.get()) {
        Ok(value) => Ok((name, value)),
        Err(error) => {
            Err(refuse(Code::BadParamValue, format!("`@@json` is no JSON object: {error}")))
        }
    };
    fields.into_iter().map(read).collect()
}

/// The fields of a JSON object as they stand in its text.
struct JsonFields(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for JsonFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = JsonFields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<JsonFields, M::Error> {
                let mut all = Vec::new();
                while let Some(field) = map.next_entry()? {
                    all.push(field);
                }
                Ok(JsonFields(all))
            }
        }

        deserializer.deserialize_map(Fields)
    }
}
