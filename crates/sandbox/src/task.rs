//! Long-running operations: pending for a few polls, then done or failed.
//!
//! Owns: which methods are long-running (`x-strataql.wait`, or a response schema that is an
//! operation), the formats of operations, the polled URLs, and the number of pending polls.
//! Refuses: time. The state advances with each poll, so that runs repeat.
//! Surprise: the change itself is applied at once; only the responses are delayed. A list shows it
//! early.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value as Json, json};
use strataql_spec::paging::body_path;
use strataql_spec::{HttpVerb, Method, Piece, SchemaId, Schemas, SqlVerb, Wait};

use crate::collection::scalar_text;
use crate::crud::Success;
use crate::pages::put_at;
use crate::problem::Problem;
use crate::request::Incoming;
use crate::routes::{Found, Route};
use crate::store::place;

/// Default number of pending polls.
pub(crate) const DEFAULT_PENDING: usize = 2;

/// A scenario's entry for the long-running operations of a method.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Slow {
    /// A method, or any longer suffix of `provider.service.resource.method`; all when absent.
    pub method: Option<String>,
    /// Pending responses before the end.
    pub pending: Option<usize>,
    /// The message of an operation that fails.
    pub failure: Option<String>,
}

impl Slow {
    fn concerns(&self, methods: &[String]) -> bool {
        self.method.as_ref().is_none_or(|wanted| {
            methods.iter().any(|name| name == wanted || name.ends_with(&format!(".{wanted}")))
        })
    }
}

/// The operations in progress.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    rules: Vec<Slow>,
    begun: usize,
    open: HashMap<(String, Key), Task>,
}

/// How a poll is recognised.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    /// The path of an operation.
    Path(String),
    /// The polled method and the values that identify the object.
    Object(String, Vec<(String, String)>),
}

#[derive(Debug, Clone)]
struct Task {
    found: Found,
    left: usize,
    failure: Option<String>,
    shape: Shape,
}

#[derive(Debug, Clone)]
enum Shape {
    /// A field of the object has the status.
    Status {
        path: Vec<String>,
        pending: String,
        end: String,
        message: Option<Vec<String>>,
        gone: Option<Json>,
    },
    /// An operation object.
    Operation { schema: SchemaId, body: Map<String, Json>, object: Json },
    /// 202 with `Location`, then the object.
    Location { path: String, object: Json },
}

impl Tasks {
    /// No operation yet.
    pub(crate) fn new(rules: Vec<Slow>) -> Self {
        Self { rules, ..Self::default() }
    }

    /// Discards every operation.
    pub(crate) fn reset(&mut self) {
        self.begun = 0;
        self.open.clear();
    }

    /// The route of the operation that a URL belongs to.
    pub(crate) fn found(&self, request: &Incoming) -> Option<Found> {
        let key = (place(request), Key::Path(request.path.clone()));
        self.open.get(&key).map(|task| task.found.clone())
    }

    /// The response to a poll of an operation; `None` for any other request.
    pub(crate) fn asked(&mut self, request: &Incoming) -> Option<Success> {
        if !matches!(request.verb, Some(HttpVerb::Get | HttpVerb::Head)) {
            return None;
        }
        let key = (place(request), Key::Path(request.path.clone()));
        let task = self.open.get_mut(&key)?;
        let is_pending = task.take();
        Some(task.answer(is_pending))
    }

    /// Changes the response of a lookup whose object is being changed.
    pub(crate) fn shown(
        &mut self,
        found: &Found,
        request: &Incoming,
        answer: Result<Success, Problem>,
    ) -> Result<Success, Problem> {
        let method = found.route.method();
        if !method.verb.is_safe() {
            return answer;
        }
        let identity = identity(method, found, request, None);
        let Some(identity) = identity else { return answer };
        let key = (place(request), Key::Object(method_name(&found.route, method), identity));
        let Some(task) = self.open.get_mut(&key) else { return answer };
        let is_pending = task.take();
        let Shape::Status { path, pending, end, message, gone } = &task.shape else {
            return answer;
        };
        let mut success = match (answer, gone) {
            (Err(_), Some(object)) if is_pending => object.clone().into(),
            (answer, _) => answer?,
        };
        let status = if is_pending { pending } else { end };
        put_at(&mut success.body, path, Json::String(status.clone()));
        if let (false, Some(path), Some(text)) = (is_pending, message, &task.failure) {
            put_at(&mut success.body, path, Json::String(text.clone()));
        }
        Ok(success)
    }

    /// Replaces the response of a long-running operation by its start.
    pub(crate) fn begin(&mut self, found: &Found, request: &Incoming, success: Success) -> Success {
        let route = &found.route;
        let method = route.method();
        let wait = method.extension.wait.as_ref();
        let operation =
            method.response.schema.filter(|schema| is_operation(route.schemas(), *schema));
        if method.verb.is_safe() || (wait.is_none() && operation.is_none()) {
            return success;
        }
        self.begun += 1;
        let rule = self.rules.iter().find(|rule| rule.concerns(&route.methods));
        let left = rule.and_then(|rule| rule.pending).unwrap_or(DEFAULT_PENDING);
        let failure = rule.and_then(|rule| rule.failure.clone());
        let begun = self.begun;
        let started = match (wait, operation) {
            (Some(wait), _) if wait.status.is_some() => {
                status_task(found, request, wait, &success, failure.is_some())
            }
            (wait, Some(schema)) => {
                Some(operation_task(found, request, wait, schema, &success, begun))
            }
            (Some(_), None) => Some(location_task(found, &success, begun)),
            (None, None) => None,
        };
        let Some((key, shape)) = started else { return success };
        let task = Task { found: found.clone(), left, failure, shape };
        let answer = task.first(success);
        self.open.insert((place(request), key), task);
        answer
    }
}

impl Task {
    /// Counts a poll; true while pending.
    fn take(&mut self) -> bool {
        let is_pending = self.left > 0;
        self.left = self.left.saturating_sub(1);
        is_pending
    }

    /// The response to the change itself.
    fn first(&self, mut success: Success) -> Success {
        match &self.shape {
            Shape::Status { path, pending, gone, .. } => {
                if gone.is_none() {
                    put_at(&mut success.body, path, Json::String(pending.clone()));
                }
                success
            }
            _ => self.answer(true),
        }
    }

    fn answer(&self, is_pending: bool) -> Success {
        match &self.shape {
            Shape::Operation { schema, body, object } => {
                self.operation(*schema, body, object, is_pending).into()
            }
            Shape::Location { path, object } => {
                if is_pending {
                    let headers = vec![
                        ("location".to_owned(), path.clone()),
                        ("retry-after".to_owned(), "1".to_owned()),
                    ];
                    return Success { status: 202, body: json!({}), headers };
                }
                match &self.failure {
                    Some(text) => {
                        let error = json!({"code": "Failed", "message": text});
                        json!({"status": "Failed", "error": error}).into()
                    }
                    None => object.clone().into(),
                }
            }
            Shape::Status { .. } => json!({}).into(),
        }
    }

    /// The operation, with the fields of its schema.
    fn operation(
        &self,
        schema: SchemaId,
        body: &Map<String, Json>,
        object: &Json,
        is_pending: bool,
    ) -> Json {
        let schemas = self.found.route.schemas();
        let has = |name: &str| schemas[schema].properties.contains_key(name);
        let mut body = body.clone();
        let mut set = |name: &str, value: Json| {
            if has(name) {
                body.insert(name.to_owned(), value);
            }
        };
        set("status", json!(if is_pending { "RUNNING" } else { "DONE" }));
        set("progress", json!(if is_pending { 0 } else { 100 }));
        set("done", json!(!is_pending));
        if !is_pending {
            set("endTime", json!(crate::clock::iso(crate::clock::DEFAULT)));
            match &self.failure {
                Some(text) if has("selfLink") => {
                    set("error", json!({"errors": [{"code": "FAILED", "message": text}]}));
                }
                Some(text) => set("error", json!({"code": 9, "message": text})),
                None => set("response", object.clone()),
            }
        }
        Json::Object(body)
    }
}

/// True for the schema of an operation.
fn is_operation(schemas: &Schemas, id: SchemaId) -> bool {
    let schema = &schemas[id];
    let has = |name: &str| schema.properties.contains_key(name);
    (has("name") && has("done"))
        || (has("selfLink") && (has("operationType") || has("targetLink") || has("endTime")))
}

fn method_name(route: &Arc<Route>, method: &Method) -> String {
    format!("{}.{}", route.resource().name, method.name)
}

/// The values with which a method polls one object: from a request to that method, or from the
/// request and response of a change.
fn identity(
    method: &Method,
    found: &Found,
    request: &Incoming,
    answer: Option<&Json>,
) -> Option<Vec<(String, String)>> {
    let server = strataql_spec::Location::Server;
    let names = method.params.iter().filter(|param| param.required && param.location != server);
    let identity: Option<Vec<(String, String)>> = names
        .map(|param| {
            let name = param.wire.as_str();
            let in_path =
                found.values.iter().find(|(own, _)| own == name).map(|(_, value)| value.clone());
            let value = in_path
                .or_else(|| request.query_value(name).map(str::to_owned))
                .or_else(|| answer.and_then(|answer| answer.get(name)).and_then(scalar_text))
                .or_else(|| request.body_value(name).and_then(scalar_text))?;
            Some((name.to_owned(), value))
        })
        .collect();
    identity.filter(|identity| !identity.is_empty())
}

fn status_task(
    found: &Found,
    request: &Incoming,
    wait: &Wait,
    success: &Success,
    fails: bool,
) -> Option<(Key, Shape)> {
    let route = &found.route;
    let poll = wait.poll.as_deref()?;
    let method = route.resource().methods.get(poll)?;
    let identity = identity(method, found, request, Some(&success.body))?;
    let path = body_path(wait.status.as_deref()?);
    let ends = if fails { &wait.failure } else { &wait.success };
    let end = ends.first().cloned().unwrap_or_else(|| "FAILED".to_owned());
    let shape = Shape::Status {
        pending: pending_word(route, method, wait, &path),
        end,
        message: wait.message.as_deref().map(body_path),
        gone: (route.resource().verb_of(&route.method().name) == SqlVerb::Delete)
            .then(|| Json::Object(shown_before(&identity))),
        path,
    };
    Some((Key::Object(method_name(route, method), identity), shape))
}

/// The object while it is being deleted.
fn shown_before(identity: &[(String, String)]) -> Map<String, Json> {
    identity.iter().map(|(name, value)| (name.clone(), Json::String(value.clone()))).collect()
}

/// A documented status that is not final, else `PENDING`.
fn pending_word(route: &Arc<Route>, method: &Method, wait: &Wait, path: &[String]) -> String {
    let schemas = route.schemas();
    let schema = method.response.schema.and_then(|schema| schemas.at_path(schema, path));
    let values = schema.map(|schema| schemas[schema].values.as_slice()).unwrap_or_default();
    let mut words = values.iter().filter_map(Json::as_str);
    let word = words.find(|word| {
        let ends = wait.success.iter().chain(&wait.failure);
        !ends.into_iter().any(|end| end == word)
    });
    word.unwrap_or("PENDING").to_owned()
}

fn operation_task(
    found: &Found,
    request: &Incoming,
    wait: Option<&Wait>,
    schema: SchemaId,
    success: &Success,
    number: usize,
) -> (Key, Shape) {
    let route = &found.route;
    let id = format!("op-{number}");
    let path = operation_path(found, wait, schema, &id);
    let has = |name: &str| route.schemas()[schema].properties.contains_key(name);
    let absolute = |path: &str| {
        if request.direct { path.to_owned() } else { format!("https://{}{path}", request.host) }
    };
    let mut body = Map::new();
    // compute operations have a plain name and links; in other long-running operations the name is
    // the path
    let name = if has("selfLink") { id } else { unversioned(&path) };
    body.insert("name".to_owned(), Json::String(name));
    if has("kind") {
        body.insert("kind".to_owned(), json!(format!("{}#operation", route.service.name)));
    }
    if has("operationType") {
        let verb = route.resource().verb_of(&route.method().name).as_str().to_lowercase();
        body.insert("operationType".to_owned(), Json::String(verb));
    }
    if has("selfLink") {
        body.insert("selfLink".to_owned(), Json::String(absolute(&path)));
    }
    if has("targetLink")
        && let Some(target) = object_path(found, request, &success.body)
    {
        body.insert("targetLink".to_owned(), Json::String(absolute(&target)));
    }
    (Key::Path(path), Shape::Operation { schema, body, object: object_of(request, found) })
}

/// The object of a change, as far as the request identifies it.
fn object_of(request: &Incoming, found: &Found) -> Json {
    let mut object = request.body_object().unwrap_or_default();
    for (name, value) in &found.values {
        object.entry(name.clone()).or_insert_with(|| Json::String(value.clone()));
    }
    Json::Object(object)
}

/// The path of the object of a change: the path of the change, or one below it.
fn object_path(found: &Found, request: &Incoming, answer: &Json) -> Option<String> {
    let route = &found.route;
    let own = route.method();
    let lookup = route
        .resource()
        .candidates(SqlVerb::Select)
        .find(|method| method.response.rows.is_single() && method.verb == HttpVerb::Get)?;
    if lookup.path == own.path {
        return Some(request.path.clone());
    }
    let values = identity(lookup, found, request, Some(answer))?;
    Some(filled(lookup, &values))
}

/// The path of an operation: of the method that polls, of one that returns operations, or next to
/// it.
fn operation_path(found: &Found, wait: Option<&Wait>, schema: SchemaId, id: &str) -> String {
    let route = &found.route;
    let named = wait.and_then(|wait| wait.poll.as_deref()).and_then(|poll| {
        let (resource, method) = poll.split_once('.').unwrap_or((&route.resource().name, poll));
        route.service.resources.get(resource)?.methods.get(method)
    });
    let readers =
        || {
            route.service.resources.values().flat_map(|resource| resource.methods.values()).find(
                |method| method.verb == HttpVerb::Get && method.response.schema == Some(schema),
            )
        };
    let Some(method) = named.or_else(readers) else {
        return format!("{}operations/{id}", version(route));
    };
    let params: Vec<&str> = method.path.params();
    let values: Vec<(String, String)> = params
        .iter()
        .enumerate()
        .map(|(position, name)| {
            let known = found.values.iter().find(|(own, _)| own == name);
            let value = match known {
                Some((_, value)) if position + 1 < params.len() => value.clone(),
                _ => id.to_owned(),
            };
            ((*name).to_owned(), value)
        })
        .collect();
    filled(method, &values)
}

fn filled(method: &Method, values: &[(String, String)]) -> String {
    let server = method.servers.first().map_or("", |server| server.url.as_str());
    let base = server.split_once("://").map_or("", |(_, rest)| rest);
    let base = base.find('/').map_or("", |at| base[at..].trim_end_matches('/'));
    let mut path = base.to_owned();
    for piece in &method.path.path {
        match piece {
            Piece::Literal(text) => path.push_str(text),
            Piece::Param(name) => {
                let value = values.iter().find(|(own, _)| own == name);
                path.push_str(value.map_or("x", |(_, value)| value.as_str()));
            }
        }
    }
    path
}

fn location_task(found: &Found, success: &Success, number: usize) -> (Key, Shape) {
    let path = format!("{}tasks/task-{number}", version(&found.route));
    (Key::Path(path.clone()), Shape::Location { path, object: success.body.clone() })
}

/// `/v1/` if paths of the route start with it, else `/`.
fn version(route: &Arc<Route>) -> String {
    let path = filled(route.method(), &[]);
    match path.trim_start_matches('/').split('/').next() {
        Some(first) if is_version(first) => format!("/{first}/"),
        _ => "/".to_owned(),
    }
}

/// The path without its version and first slash.
fn unversioned(path: &str) -> String {
    let path = path.trim_start_matches('/');
    match path.split_once('/') {
        Some((first, rest)) if is_version(first) => rest.to_owned(),
        _ => path.to_owned(),
    }
}

fn is_version(segment: &str) -> bool {
    segment.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}
