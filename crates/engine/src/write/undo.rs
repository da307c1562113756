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
    Arguments, CallMetrics, Exchange, Fields, MethodCall, MethodRef, Sight, Value, is_secret,
    known_arguments, read_answer,
};
use strataql_diag::{Code, Report};
use strataql_net::Response;
use strataql_query::statement::Statement;
use strataql_spec::{HttpVerb, Location, Method, Resource, SchemaId, Schemas, SqlVerb};

use super::context::{UndoLog, WriteContext};
use super::masking;
use super::prepared::{Before, PreparedWrite};
use super::sender::WriteOutcome;

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
    /// Not at all, though the write is no reason to refuse the statement.
    Stays(String),
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
            Plan::Never(why) | Plan::Stays(why) => (made.target().clone(), Err(why.clone())),
            // an object of that name may be another one, from before
            Plan::Delete(target) if answer.is_none() && write.before != Before::Absent => {
                (target.clone(), Err("whether it was made is not known".to_owned()))
            }
            Plan::Call(call) => (call.target().clone(), Ok(call.as_ref().clone())),
            Plan::Delete(target) => {
                let shown = answer.map(|answer| row(made.method(), answer)).unwrap_or_default();
                let call = known_arguments(target.method(), &made.known(), &shown)
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
    let creates = verb == SqlVerb::Insert && method.verb != HttpVerb::Put;
    if creates {
        write.before = Before::Unread;
        if let Ok(Some(lookup)) = write.call.lookup()
            && let Ok(sight) = lookup.look_up(exchange, metrics).await
        {
            match sight {
                Sight::Missing(_) => write.before = Before::Absent,
                Sight::Object(_) => {
                    return Ok(Plan::Stays("an object of its name was there before".to_owned()));
                }
                Sight::Unclear(_) => {}
            }
        }
    }
    // a PUT may replace what is there already
    let image = if creates {
        None
    } else {
        let unread = |report: Box<Report>| {
            Box::new(report.with_note("the object could not be read; it was not changed"))
        };
        let Some(lookup) = write.call.lookup().map_err(unread)? else {
            return Ok(Plan::Never("no method shows the object before".to_owned()));
        };
        match lookup.look_up(exchange, metrics).await.map_err(unread)? {
            Sight::Object(shown) => Some((lookup, shown.object)),
            Sight::Missing(_) => None,
            Sight::Unclear(report) => return Err(unread(report)),
        }
    };
    let Some((lookup, image)) = image else {
        return Ok(match verb {
            SqlVerb::Insert => {
                match deletion(resource, &method).and_then(|found| target.neighbour(&found.name)) {
                    Some(deletion) => Plan::Delete(deletion),
                    None => Plan::Never("no DELETE takes what its answer tells".to_owned()),
                }
            }
            // there is nothing to change; the service will say so
            _ => Plan::Never("the object is not there".to_owned()),
        });
    };
    write.image = Some(masking::masked(lookup.method(), &image));
    let call = &write.call;
    let inverse = match verb {
        SqlVerb::Delete => match recreation(resource, &method) {
            Ok(creation) => creation,
            Err(why) => return Ok(Plan::Never(why)),
        },
        _ => &method,
    };
    let shown = Shown { lookup: &lookup, image: &image };
    let values = match verb {
        SqlVerb::Update => restored(inverse, call, &shown),
        _ => replaced(inverse, call, &shown),
    };
    let (arguments, fields) = match values {
        Ok(values) => values,
        Err(why) => return Ok(Plan::Never(why)),
    };
    let Some(inverse) = target.neighbour(&inverse.name) else {
        return Ok(Plan::Never("its inverse is gone".to_owned()));
    };
    Ok(match call.sibling_write(inverse, arguments, fields) {
        Ok(call) => Plan::Call(Box::new(call)),
        Err(report) => Plan::Never(report.message),
    })
}

/// An object as it was, and the lookup that shows it.
struct Shown<'a> {
    lookup: &'a MethodCall,
    image: &'a Json,
}

impl Shown<'_> {
    /// True if the answers of the lookup may have a field.
    fn documents(&self, wire: &str) -> bool {
        let schemas = &self.lookup.target().service().schemas;
        let row = self.lookup.method().response.row_schema.map(|id| &schemas[id]);
        row.is_none_or(|row| {
            row.properties.is_empty() || row.open || row.properties.contains_key(wire)
        })
    }
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
    let body = read_answer(&answer.body).unwrap_or_default();
    let shown = method.response.rows.path().iter().try_fold(&body, |json, step| json.get(step));
    match shown {
        Some(Json::Array(items)) => items.first().cloned().unwrap_or_default(),
        Some(object) => object.clone(),
        None => body,
    }
}

/// True for a value that goes into every request anew.
fn is_own(method: &Method, name: &str) -> bool {
    method.extension.idempotency_key.as_ref().is_some_and(|key| key.name == name)
}

/// The values that name the object.
fn identity(method: &Method, call: &MethodCall) -> Arguments {
    let given = call.arguments().0.iter().filter(|(name, _)| !is_own(method, name));
    given.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// What an UPDATE is undone with: the fields that it sets, as they were.
///
/// # Errors
/// Why it cannot be: a field that is not shown is not known, and an object that is renamed is another one.
fn restored(
    method: &Method,
    call: &MethodCall,
    shown: &Shown<'_>,
) -> Result<(Arguments, Fields), String> {
    let schemas = &call.target().service().schemas;
    let mut fields = Fields::default();
    for (name, value) in &call.fields().0 {
        if is_own(method, name) {
            continue;
        }
        let given = method.param(name).and_then(|param| call.arguments().value(param));
        if given.is_some_and(|given| given.text() != value.text()) {
            return Err(format!("it sets `{name}`, which names the object"));
        }
        if method.extension.update_mask.as_ref().is_some_and(|mask| mask.name == *name) {
            fields.0.insert(name.clone(), value.clone());
            continue;
        }
        let property = method.body.as_ref().and_then(|body| body.property(name));
        let (before, schema) = match property {
            Some(property) => (shown.image.get(&property.wire), Some(property.schema)),
            // the wrapper of the whole message
            None => (Some(shown.image), None),
        };
        let unread =
            || format!("`{}` does not show `{name}` as it was", shown.lookup.method().name);
        let before = match (before, value) {
            (None, _) => return Err(unread()),
            (Some(before), Value::Json(sent)) => {
                shaped(schemas, schema, sent, before).ok_or_else(unread)?
            }
            (Some(before), _) => before.clone(),
        };
        if hides_something(&before) {
            return Err(format!("`{name}` cannot be read back"));
        }
        fields.0.insert(name.clone(), Value::Json(before));
    }
    Ok((identity(method, call), fields))
}

/// True for a value in which a service shows something else in the place of a secret: `****`, `[REDACTED]`.
fn hides_something(json: &Json) -> bool {
    match json {
        Json::String(text) => {
            let is_filler = |c: char| matches!(c, '*' | '•' | '●' | '∗');
            let word = text.trim_matches(|c: char| !c.is_ascii_alphabetic()).to_ascii_lowercase();
            let is_bare = text.len() > word.len();
            (text.chars().count() > 2 && text.chars().all(is_filler))
                || (is_bare && matches!(word.as_str(), "redacted" | "masked" | "hidden"))
        }
        Json::Array(items) => items.iter().any(hides_something),
        Json::Object(fields) => fields.values().any(hides_something),
        _ => false,
    }
}

/// The parts of an object that were sent, as they were; `None` if one is not shown. A map is one part.
fn shaped(schemas: &Schemas, schema: Option<SchemaId>, sent: &Json, before: &Json) -> Option<Json> {
    let known = schema.map(|id| &schemas[id].properties);
    let is_map = known.is_some_and(IndexMap::is_empty);
    match (sent, before) {
        (Json::Object(sent), Json::Object(before)) if !is_map => {
            let fields = sent.iter().map(|(name, value)| {
                let inner = known.and_then(|known| known.get(name)).copied();
                Some((name.clone(), shaped(schemas, inner, value, before.get(name)?)?))
            });
            fields.collect::<Option<Map<_, _>>>().map(Json::Object)
        }
        _ => Some(before.clone()),
    }
}

/// What makes the whole object as it was, by a method that takes all of it.
///
/// # Errors
/// A field that the lookup never shows, or a secret that it does not show, could be lost.
fn replaced(
    method: &Method,
    call: &MethodCall,
    shown: &Shown<'_>,
) -> Result<(Arguments, Fields), String> {
    let arguments = identity(method, call);
    let mut fields = Fields::default();
    for property in method.body.iter().flat_map(|body| &body.properties) {
        let (name, wire) = (&property.name, &property.wire);
        if call.target().service().schemas[property.schema].read_only || is_own(method, wire) {
            continue;
        }
        let is_named = method.param(name).is_none()
            && arguments.0.keys().any(|given| {
                method.body.as_ref().and_then(|body| body.property(given)) == Some(property)
            });
        if is_named {
            continue;
        }
        match shown.image.get(wire) {
            Some(Json::Null) => {}
            Some(value) if hides_something(value) => {
                return Err(format!("`{wire}` cannot be read back"));
            }
            Some(value) => {
                fields.0.insert(name.clone(), Value::Json(value.clone()));
            }
            None if is_secret(method, wire) => return Err(format!("`{wire}` cannot be read back")),
            None if !shown.documents(wire) => {
                return Err(format!("`{}` never shows `{wire}`", shown.lookup.method().name));
            }
            None => {}
        }
    }
    Ok((arguments, fields))
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
    fn what_is_shown_masked_was_not_read() {
        for hidden in [json!("****"), json!({"a": ["•••"]}), json!("[REDACTED]"), json!("<hidden>")]
        {
            assert!(hides_something(&hidden), "{hidden}");
        }
        for shown in [json!("*"), json!("a***"), json!("hidden"), json!("* * *"), json!(7)] {
            assert!(!hides_something(&shown), "{shown}");
        }
    }

    #[test]
    fn only_what_was_sent_is_restored() {
        let before = json!({"a": 1, "b": {"c": 2, "d": 3}, "l": [1]});
        let shaped = |sent| shaped(&Schemas::default(), None, &sent, &before);
        assert_eq!(shaped(json!({"b": {"c": 9}})), Some(json!({"b": {"c": 2}})));
        assert_eq!(shaped(json!({"l": [2, 3]})), Some(json!({"l": [1]})));
        // what was not read is not known
        assert_eq!(shaped(json!({"b": {"x": 9}})), None);
        assert_eq!(shaped(json!({"x": 9})), None);
    }
}
