//! Building and sending the requests of a write.
//!
//! Owns: requests from rows, and what is said about all of them together.
//! Surprise: several requests are in flight, results keep the order of the rows, and the first failure
//! keeps all that have not left from leaving.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use futures::StreamExt;
use indexmap::IndexMap;
use serde_json::{Map, Value as Json};
use strataql_call::{Arguments, BoundCall, CallMetrics, Value, attribute_json, bind_with_key};
use strataql_diag::{Code, Report};
use strataql_net::idempotency_key;
use strataql_spec::paging::TokenLocation;
use strataql_spec::{HttpVerb, Method, Service, SqlVerb};
use tokio::sync::Semaphore;

use super::record::{Record, StatementText};
use super::returning::Returning;
use super::rows::{Given, Row};
use super::sender::{Fate, Sender};
use super::undo::{Plans, Undo};
use super::{Chosen, WriteContext, Writer, image};
use crate::outcome::Outcome;
use crate::resource::ResourceRef;
use crate::result_set::ResultSet;
use crate::statement::Statement;

/// Writes in flight at once; the gate of the transport bounds requests.
const CONCURRENCY: usize = 16;

/// Stands for the key of a write that is only explained.
const SHOWN_KEY: &str = "<a new key>";

/// A write that is ready to be sent.
#[derive(Clone)]
pub(crate) struct Prepared {
    pub(crate) call: BoundCall,
    pub(crate) arguments: Arguments,
    /// What makes sending it again harmless.
    pub(crate) key: Option<String>,
    /// The object before, when it was read to be able to undo the write.
    pub(crate) image: Option<Json>,
    /// Its row of the statement, where that is not its place among the writes that are sent together.
    pub(crate) row: Option<usize>,
}

impl Prepared {
    /// Builds the request of a row; one that is only shown has no real idempotency key.
    pub(crate) fn of(
        resource: &ResourceRef,
        chosen: &Chosen,
        row: &Row,
        shown: bool,
    ) -> Result<Self, Box<Report>> {
        let method = chosen.of(resource);
        let mut arguments = arguments(&resource.service, method, row)?;
        add_update_mask(method, row, &mut arguments);
        Self::bound(resource, method, arguments, shown)
    }

    /// Builds the request of given values.
    pub(crate) fn bound(
        resource: &ResourceRef,
        method: &Method,
        mut arguments: Arguments,
        shown: bool,
    ) -> Result<Self, Box<Report>> {
        let service = &resource.service;
        // every logical write has a key of its own, which stays when it is sent again
        let (call, key) = if shown {
            bind_with_key(service, method, &mut arguments, || Ok(SHOWN_KEY.to_owned()))?
        } else {
            bind_with_key(service, method, &mut arguments, idempotency_key)?
        };
        Ok(Self { call, arguments, key, image: None, row: None })
    }
}

/// Values of a row by parameter or attribute; paths into one attribute are merged.
fn arguments(service: &Service, method: &Method, row: &Row) -> Result<Arguments, Box<Report>> {
    let mut all: IndexMap<String, Value> = IndexMap::new();
    for (path, given) in row {
        let Some((name, rest)) = path.split_first() else { continue };
        let json = |given: &Given| match given {
            Given::Null => Value::Json(Json::Null),
            Given::Value(value) => value.clone(),
        };
        if rest.is_empty() {
            if *given == Given::Null && method.param(name).is_some() {
                if method.param(name).is_some_and(|param| param.required) {
                    return Err(Box::new(
                        Report::new(
                            Code::BadParamValue,
                            format!("`{name}` of method `{}` is NULL", method.name),
                        )
                        .with_help("give it a value"),
                    ));
                }
                continue;
            }
            all.insert(name.clone(), json(given));
            continue;
        }
        let value = nested(service, method, path, given)?;
        match all.entry(name.clone()).or_insert_with(|| Value::Json(Json::Object(Map::new()))) {
            Value::Json(Json::Object(object)) => place(object, rest, value),
            _ => {
                return Err(Box::new(
                    Report::new(
                        Code::BadParamValue,
                        format!("`{name}` is set as a whole and by path (`{}`)", path.join(".")),
                    )
                    .with_help("set it in one way"),
                ));
            }
        }
    }
    Ok(Arguments(all))
}

/// A value at a path, as JSON of the type that the schema has there.
fn nested(
    service: &Service,
    method: &Method,
    path: &[String],
    given: &Given,
) -> Result<Json, Box<Report>> {
    let Given::Value(value) = given else { return Ok(Json::Null) };
    let property = method.body.as_ref().and_then(|body| body.property(&path[0]));
    let schema = property.and_then(|property| service.schemas.at_path(property.schema, &path[1..]));
    let dotted = path.join(".");
    let Some(schema) = schema else {
        let known: Vec<&str> = property
            .map(|property| {
                service.schemas[property.schema].properties.keys().map(String::as_str).collect()
            })
            .unwrap_or_default();
        return Err(Box::new(
            Report::new(
                Code::UnknownColumn,
                format!("method `{}` knows no field `{dotted}`", method.name),
            )
            .with_help_if(strataql_diag::did_you_mean(&path[path.len() - 1], known))
            .with_help("`DESCRIBE METHOD EXTENDED …` lists what it takes"),
        ));
    };
    attribute_json(&service.schemas, schema, value).map_err(|expected| {
        Box::new(
            Report::new(
                Code::BadParamValue,
                format!(
                    "`{}` is no value for `{dotted}` of method `{}`",
                    value.text(),
                    method.name
                ),
            )
            .with_help(format!("give {expected}")),
        )
    })
}

fn place(object: &mut Map<String, Json>, path: &[String], value: Json) {
    match path {
        [] => {}
        [last] => {
            object.insert(last.clone(), value);
        }
        [first, rest @ ..] => {
            let inner = object.entry(first.clone()).or_insert_with(|| Json::Object(Map::new()));
            if let Json::Object(inner) = inner {
                place(inner, rest, value);
            }
        }
    }
}

/// The list of changed fields, where the document asks for one and the statement gives none.
fn add_update_mask(method: &Method, row: &Row, arguments: &mut Arguments) {
    let Some(target) = &method.extension.update_mask else { return };
    if arguments.0.contains_key(&target.name) {
        return;
    }
    let wrapper = method.extension.body_wrapper.as_deref();
    let mut fields: Vec<String> = Vec::new();
    for (path, _) in row {
        if method.param(&path[0]).is_some() {
            continue;
        }
        if wrapper == Some(path[0].as_str())
            && let Some(Value::Json(Json::Object(object))) = arguments.0.get(&path[0])
        {
            fields.extend(object.keys().cloned());
            continue;
        }
        let wire = method
            .body
            .as_ref()
            .and_then(|body| body.property(&path[0]))
            .map_or_else(|| path[0].clone(), |property| property.wire.clone());
        let field =
            std::iter::once(wire).chain(path[1..].iter().cloned()).collect::<Vec<_>>().join(".");
        if !fields.contains(&field) {
            fields.push(field);
        }
    }
    let in_request = target.location == TokenLocation::Body || method.param(&target.name).is_some();
    if !fields.is_empty() && in_request {
        arguments.0.insert(target.name.clone(), Value::Text(fields.join(",")));
    }
}

/// Sends the writes and reports on them.
pub(crate) async fn send(
    writer: &Writer<'_>,
    resource: &ResourceRef,
    chosen: &Chosen,
    mut prepared: Vec<Prepared>,
    returning: Option<Returning>,
) -> Result<ResultSet, Box<Report>> {
    let method = chosen.of(resource);
    let settings = &writer.statement.settings;
    writer.statement.run.budget.check_writes(prepared.len())?;
    let exchange = writer.statement.exchange();
    exchange.introduce(&resource.provider);
    let outcome = Outcome::default();
    let metrics = Arc::new(CallMetrics::default());
    outcome.add_scan(format!("{}.{}", resource.dotted(), method.name), Arc::clone(&metrics));
    let plans = Plans::of(
        (writer.statement, writer.context),
        exchange.as_ref(),
        &metrics,
        resource,
        method,
        &mut prepared,
    )
    .await?;
    let calls: Vec<&BoundCall> = prepared.iter().map(|write| &write.call).collect();
    let source = StatementText { text: writer.text, parsed: writer.parsed };
    let record = Record::of(
        &writer.context.recording,
        image::is_wanted(writer.statement, writer.context),
        resource,
        method,
        exchange.as_ref(),
        source,
        &calls,
    )?;
    let sender = Sender {
        exchange: exchange.as_ref(),
        metrics: &metrics,
        resource,
        method,
        record: &record,
        outcome: &outcome,
        slots: Semaphore::new(CONCURRENCY),
        stop: AtomicBool::new(false),
        stops: !settings.continue_on_write_error,
    };
    let count = prepared.len();
    // by position: over references the compiler cannot tell that the future may be sent
    let mut ended: Vec<(usize, Fate)> = futures::stream::iter(0..count)
        .map(|position| {
            let (sender, write, plans) = (&sender, &prepared[position], plans.as_ref());
            async move {
                let fate = sender.write(position, write).await;
                if let Some(plans) = plans {
                    plans.note(&writer.context.undo, position, write, &fate);
                }
                (position, writer.end(fate, sender, write).await)
            }
        })
        // those that are done wait for the disk while others are on their way
        .buffer_unordered(2 * CONCURRENCY)
        .collect()
        .await;
    ended.sort_unstable_by_key(|(position, _)| *position);
    let fates: Vec<Fate> = ended.into_iter().map(|(_, fate)| fate).collect();
    let applied = fates.iter().filter(|fate| matches!(fate, Fate::Applied(_))).count();
    if let Some(report) = failure(&fates, applied, count) {
        return Err(report);
    }
    let rows = if applied == 1 { "1 row".to_owned() } else { format!("{applied} rows") };
    let done = match chosen.verb {
        SqlVerb::Insert => "inserted into",
        SqlVerb::Delete => "deleted from",
        SqlVerb::Replace => "replaced in",
        _ => "updated in",
    };
    match returning {
        None => {
            outcome.note(format!("{rows} {done} `{}`", resource.dotted()));
            Ok(ResultSet { outcome, ..ResultSet::nothing() })
        }
        Some(returning) => {
            let answers = fates.into_iter().zip(&prepared).filter_map(|(fate, write)| match fate {
                Fate::Applied(response) => Some((response, &write.arguments)),
                _ => None,
            });
            let mut result =
                returning.evaluate(writer, resource, chosen, answers.collect()).await?;
            result.outcome = outcome;
            Ok(result)
        }
    }
}

/// The report of the first write that failed, with what became of the others.
fn failure(fates: &[Fate], applied: usize, count: usize) -> Option<Box<Report>> {
    let unknown = fates.iter().find_map(|fate| match fate {
        Fate::Unknown(report) => Some(report),
        _ => None,
    });
    let failed = fates.iter().find_map(|fate| match fate {
        Fate::Failed(report) => Some(report),
        _ => None,
    });
    // an unknown outcome outweighs a refusal: it needs the user's eyes
    let report = unknown.or(failed)?;
    if count == 1 {
        return Some(report.clone());
    }
    let number = |pick: fn(&Fate) -> bool| fates.iter().filter(|fate| pick(fate)).count();
    let refused = number(|fate| matches!(fate, Fate::Failed(_)));
    let open = number(|fate| matches!(fate, Fate::Unknown(_)));
    let left = number(|fate| matches!(fate, Fate::NotSent));
    Some(Box::new(report.as_ref().clone().with_note(format!(
        "of {count} rows {applied} were written, {refused} failed, {open} have an unknown outcome and {left} were not sent"
    ))))
}

/// Sends what undoes a change.
///
/// # Errors
/// Why it is not undone.
pub(crate) async fn send_undo(
    statement: &Statement,
    context: &WriteContext,
    undo: &Undo,
    metrics: &CallMetrics,
    outcome: &Outcome,
) -> Result<(), String> {
    let Undo { resource, method, write } = undo;
    let write = write.as_ref().map_err(Clone::clone)?;
    let exchange = statement.exchange();
    exchange.introduce(&resource.provider);
    let record = Record::of(
        &context.recording,
        false,
        resource,
        method,
        exchange.as_ref(),
        StatementText { text: &statement.text, parsed: &statement.parsed },
        &[&write.call],
    )
    .map_err(|report| report.message)?;
    let sender = Sender {
        exchange: exchange.as_ref(),
        metrics,
        resource,
        method,
        record: &record,
        outcome,
        slots: Semaphore::new(1),
        stop: AtomicBool::new(false),
        stops: true,
    };
    match sender.write(0, write).await {
        Fate::Applied(_) => Ok(()),
        // what is to be deleted is gone
        Fate::Failed(report)
            if method.verb == HttpVerb::Delete && report.code == Code::RemoteMissing =>
        {
            Ok(())
        }
        Fate::Failed(report) | Fate::Unknown(report) => Err(report.message),
        Fate::NotSent => Err("it was not sent".to_owned()),
    }
}
