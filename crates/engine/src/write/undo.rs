//! How a write is undone: a created object is deleted, a changed one is restored, a deleted one is made
//! again.
//!
//! Owns: the inverse of a write, what it needs to know beforehand, and why there is none.
//! Refuses: sending; transactions do that.
//! Surprise: an object that the service names itself cannot be made again, since its name would be
//! another one.

use indexmap::IndexMap;
use serde_json::{Map, Value as Json};
use strataql_call::{
    Arguments, CallMetrics, Exchange, MethodCall, MethodRef, Value, known_arguments,
};
use strataql_diag::{Code, Report};
use strataql_net::Response;
use strataql_spec::{HttpVerb, Location, Method, Resource, SqlVerb};

use super::prepared::PreparedWrite;
use super::sender::WriteOutcome;
use super::{UndoLog, WriteContext};
use crate::statement::Statement;

/// The write that takes another back.
pub(crate) struct Undo {
    target: MethodRef,
    /// Why there is no request, else the request.
    pub(crate) write: Result<PreparedWrite, String>,
}

impl Undo {
    /// The name of its method, in full.
    pub(crate) fn name(&self) -> String {
        self.target.name()
    }
}

/// How the writes of a statement are undone.
pub(super) struct Plans(Vec<Plan>);

enum Plan {
    /// By this method, with values from the answer.
    Delete(MethodRef),
    Call(Box<MethodCall>),
    /// Not at all.
    Never(String),
}

impl Plans {
    /// How the writes are undone, when an eager transaction is open; reads objects as they are.
    ///
    /// # Errors
    /// `transaction` for a write that cannot be undone, unless that was allowed.
    pub(super) async fn of(
        (statement, context): (&Statement, &WriteContext),
        exchange: &dyn Exchange,
        metrics: &CallMetrics,
        writes: &mut [PreparedWrite],
    ) -> Result<Option<Self>, Box<Report>> {
        let is_read = writes.first().is_some_and(|write| write.call.method().is_read());
        if !context.undo.is_open() || is_read {
            return Ok(None);
        }
        let mut plans = Vec::new();
        for write in writes {
            let plan = plan(exchange, metrics, write).await?;
            if let Plan::Never(why) = &plan
                && !statement.settings.irreversible
            {
                return Err(irreversible(write.call.target(), why));
            }
            plans.push(plan);
        }
        Ok(Some(Self(plans)))
    }

    /// Remembers a write that has happened, or may have.
    pub(super) fn note(
        &self,
        log: &UndoLog,
        position: usize,
        write: &PreparedWrite,
        outcome: &WriteOutcome,
    ) {
        match outcome {
            WriteOutcome::Applied(answer) => self.happened(log, position, write, Some(answer)),
            WriteOutcome::Unknown(_) => self.happened(log, position, write, None),
            WriteOutcome::Failed(_) | WriteOutcome::NotSent => {}
        }
    }

    fn happened(
        &self,
        log: &UndoLog,
        position: usize,
        write: &PreparedWrite,
        answer: Option<&Response>,
    ) {
        let made = &write.call;
        let (target, call) = match &self.0[position] {
            Plan::Never(why) => (made.target().clone(), Err(why.clone())),
            Plan::Call(call) => (call.target().clone(), Ok(call.as_ref().clone())),
            Plan::Delete(target) => {
                let shown = answer.map(|answer| row(made.method(), answer)).unwrap_or_default();
                let call = known_arguments(target.method(), made.arguments(), &shown)
                    .map_err(|name| format!("its answer does not tell `{name}`"))
                    .and_then(|arguments| {
                        made.sibling(target.clone(), arguments).map_err(|report| report.message)
                    });
                (target.clone(), call)
            }
        };
        log.add(Undo { target, write: call.map(PreparedWrite::from) });
    }
}

async fn plan(
    exchange: &dyn Exchange,
    metrics: &CallMetrics,
    write: &mut PreparedWrite,
) -> Result<Plan, Box<Report>> {
    let (target, method) = (write.call.target().clone(), write.call.method().clone());
    let resource = target.resource();
    let verb = resource.verb_of(&method.name);
    if let Err(why) = inverse(resource, &method) {
        return Ok(Plan::Never(why));
    }
    // a PUT may replace what is there already
    let creates = verb == SqlVerb::Insert;
    let image = if creates && method.verb != HttpVerb::Put {
        None
    } else {
        let unread = |report: Box<Report>| {
            Box::new(report.with_note("the object could not be read; it was not changed"))
        };
        let Some(lookup) = write.call.lookup().map_err(unread)? else {
            return Ok(Plan::Never("no method shows the object before".to_owned()));
        };
        let answer = lookup.look_up(exchange, metrics).await.map_err(unread)?;
        answer.map(|answer| row(lookup.method(), &answer))
    };
    write.image.clone_from(&image);
    let call = &write.call;
    let inverse = match (&image, verb) {
        (None, SqlVerb::Insert) => {
            return Ok(
                match deletion(resource, &method).and_then(|found| target.neighbour(&found.name)) {
                    Some(deletion) => Plan::Delete(deletion),
                    None => Plan::Never("no DELETE takes what its answer tells".to_owned()),
                },
            );
        }
        // there is nothing to change; the service will say so
        (None, _) => return Ok(Plan::Never("the object is not there".to_owned())),
        (Some(_), SqlVerb::Delete) => match recreation(resource, &method) {
            Ok(creation) => creation,
            Err(why) => return Ok(Plan::Never(why)),
        },
        (Some(_), _) => &method,
    };
    let image = image.unwrap_or_default();
    let arguments = match verb {
        SqlVerb::Delete => recreated(inverse, call, &image),
        SqlVerb::Update => restored(inverse, call, &image),
        _ => replaced(inverse, call, &image),
    };
    let Some(inverse) = target.neighbour(&inverse.name) else {
        return Ok(Plan::Never("its inverse is gone".to_owned()));
    };
    Ok(match call.sibling(inverse, arguments) {
        Ok(call) => Plan::Call(Box::new(call)),
        Err(report) => Plan::Never(report.message),
    })
}

/// The method that undoes a method, as far as documents tell.
pub(super) fn inverse<'r>(
    resource: &'r Resource,
    method: &'r Method,
) -> Result<&'r Method, String> {
    let reads = resource.candidates(SqlVerb::Select).any(Method::is_lookup);
    match resource.verb_of(&method.name) {
        SqlVerb::Insert => {
            deletion(resource, method).ok_or_else(|| "no DELETE undoes it".to_owned())
        }
        SqlVerb::Delete => recreation(resource, method),
        SqlVerb::Update | SqlVerb::Replace if reads => Ok(method),
        SqlVerb::Update | SqlVerb::Replace => Err("no method shows the object before".to_owned()),
        _ => Err("what it does is not known".to_owned()),
    }
}

fn required(method: &Method) -> impl Iterator<Item = &strataql_spec::Param> {
    method.required_params().filter(|param| param.location != Location::Server)
}

/// The DELETE that takes what a creation is given or answers.
fn deletion<'r>(resource: &'r Resource, creation: &Method) -> Option<&'r Method> {
    let is_known = |name: &str| {
        creation.param(name).is_some()
            || creation.body.as_ref().is_some_and(|body| body.property(name).is_some())
            || creation.response.columns.iter().any(|column| column.name == name)
    };
    resource
        .candidates(SqlVerb::Delete)
        .find(|method| required(method).all(|param| is_known(&param.name) || is_known(&param.wire)))
}

/// The INSERT that makes a deleted object again, under its own name.
fn recreation<'r>(resource: &'r Resource, deletion: &Method) -> Result<&'r Method, String> {
    let mut why = "no INSERT makes it again".to_owned();
    for creation in resource.candidates(SqlVerb::Insert) {
        let body = creation.body.as_ref();
        let takes = |name: &str| {
            creation.param(name).is_some() || body.is_some_and(|body| body.property(name).is_some())
        };
        if let Some(param) = required(deletion).find(|param| !takes(&param.name)) {
            why = format!("the service chooses `{}` of an object that is made again", param.name);
        } else if let Some(secret) = creation.extension.secret.first() {
            why = format!("`{secret}` cannot be read back");
        } else if resource.candidates(SqlVerb::Select).any(Method::is_lookup) {
            return Ok(creation);
        } else {
            "no method shows the object before".clone_into(&mut why);
        }
    }
    Err(why)
}

/// The first object that an answer shows.
fn row(method: &Method, answer: &Response) -> Json {
    let body: Json = serde_json::from_slice(&answer.body).unwrap_or_default();
    let shown = method.response.rows.path().iter().try_fold(&body, |json, step| json.get(step));
    match shown {
        Some(Json::Array(items)) => items.first().cloned().unwrap_or_default(),
        Some(object) => object.clone(),
        None => body,
    }
}

/// True for a parameter that goes into every request anew.
fn is_own(method: &Method, name: &str) -> bool {
    method.extension.idempotency_key.as_ref().is_some_and(|key| key.name == name)
}

/// The values that name the object.
fn identity(method: &Method, call: &MethodCall) -> IndexMap<String, Value> {
    let given = call.arguments().0.iter();
    given
        .filter(|(name, _)| method.param(name).is_some() && !is_own(method, name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// The fields that an UPDATE sets, as they were.
fn restored(method: &Method, call: &MethodCall, image: &Json) -> Arguments {
    let mut all = identity(method, call);
    for (name, value) in &call.arguments().0 {
        if method.param(name).is_some() || is_own(method, name) {
            continue;
        }
        let property = method.body.as_ref().and_then(|body| body.property(name));
        let before = match property {
            Some(property) => image.get(&property.wire).unwrap_or(&Json::Null),
            // the wrapper of the whole message
            None => image,
        };
        let before = match value {
            Value::Json(sent) => shaped(sent, before),
            _ => before.clone(),
        };
        all.insert(name.clone(), Value::Json(before));
    }
    Arguments(all)
}

/// The parts of an object that were sent.
fn shaped(sent: &Json, before: &Json) -> Json {
    match (sent, before) {
        (Json::Object(sent), Json::Object(before)) => {
            let fields = sent.iter().map(|(name, value)| {
                (name.clone(), shaped(value, before.get(name).unwrap_or(&Json::Null)))
            });
            Json::Object(fields.collect::<Map<_, _>>())
        }
        _ => before.clone(),
    }
}

/// The whole object, as it was.
fn replaced(method: &Method, call: &MethodCall, image: &Json) -> Arguments {
    let mut all = identity(method, call);
    for property in method.body.iter().flat_map(|body| &body.properties) {
        let is_read_only = call.target().service().schemas[property.schema].read_only;
        if let Some(value) = image.get(&property.wire).filter(|value| !value.is_null())
            && !is_read_only
        {
            all.insert(property.name.clone(), Value::Json(value.clone()));
        }
    }
    Arguments(all)
}

/// A deleted object, made again.
fn recreated(creation: &Method, call: &MethodCall, image: &Json) -> Arguments {
    let Arguments(mut all) = replaced(creation, call, image);
    for (name, value) in &call.arguments().0 {
        let takes = creation.param(name).is_some()
            || creation.body.as_ref().is_some_and(|body| body.property(name).is_some());
        if takes && !is_own(creation, name) {
            all.insert(name.clone(), value.clone());
        }
    }
    Arguments(all)
}

fn irreversible(target: &MethodRef, why: &str) -> Box<Report> {
    Box::new(
        Report::new(Code::Transaction, format!("`{}` cannot be undone: {why}", target.name()))
            .with_help("run it before BEGIN or after COMMIT")
            .with_help("`SET transaction.irreversible = on` does it all the same")
            .with_note("nothing was sent"),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_was_sent_is_restored() {
        let before = json!({"a": 1, "b": {"c": 2, "d": 3}, "l": [1]});
        assert_eq!(shaped(&json!({"b": {"c": 9}}), &before), json!({"b": {"c": 2}}));
        assert_eq!(shaped(&json!({"b": {"x": 9}}), &before), json!({"b": {"x": null}}));
        assert_eq!(shaped(&json!({"l": [2, 3]}), &before), json!({"l": [1]}));
    }
}
