//! The role of a method: what it does to which collection.
//!
//! Owns: recognising list, get, create, update, replace and delete, by paths (`/apps` and
//! `/apps/{id}`) or, where paths are named after verbs (`/clusters/get?cluster_id=`), by the SQL
//! verbs of the resource.
//! Refuses: executing it (see `crud`).
//! Surprise: a collection is identified by the concrete path of its list, so that objects of any
//! parent exist without being declared.

use std::sync::Arc;

use strataql_spec::{HttpVerb, Location, Method, Resource, RowShape, SqlVerb};

use crate::collection::scalar_text;
use crate::request::Incoming;
use crate::routes::template::Values;
use crate::routes::{Found, Route, Routes};

/// A placeholder segment, to find the route of objects.
const ANY_ID: &str = "~";

/// The role of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Shows a list.
    List,
    /// Shows one object of a collection.
    Get,
    /// Adds an object.
    Create,
    /// Changes the fields that are given.
    Update,
    /// Replaces an object.
    Replace,
    /// Replaces an object, or adds it.
    Upsert,
    /// Removes an object.
    Delete,
    /// Anything else, on a singleton or on nothing.
    Action,
}

/// The collection of a request.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// Identifies the collection within its host.
    pub(crate) key: String,
    /// Path parameters of the collection.
    pub(crate) parents: Values,
    /// The identifier of the object.
    pub(crate) id: Option<String>,
    /// The route of the list.
    pub(crate) list: Option<Arc<Route>>,
    /// A route of single objects.
    pub(crate) item: Option<Arc<Route>>,
    /// The name of the parameter that identifies objects.
    pub(crate) id_param: Option<String>,
    /// Text before the identifier in resource names.
    pub(crate) id_prefix: String,
}

/// The role of a request and its collection; an action may have none.
pub(crate) fn resolve(
    routes: &Routes,
    found: &Found,
    request: &Incoming,
) -> (Role, Option<Target>) {
    let route = &found.route;
    let method = route.method();
    let segments = &request.segments;
    if is_list(route) {
        let target = gathered(routes, found, request).or_else(|| Some(bare_list(found, request)));
        return (Role::List, target.map(|target| Target { id: None, ..target }));
    }
    let write = route.resource().verb_of(&method.name);
    if method.verb == HttpVerb::Post {
        let adds = write == SqlVerb::Insert || write == SqlVerb::Exec;
        if adds && by_path(routes, request, segments).is_some() {
            return (Role::Create, gathered(routes, found, request));
        }
        if write == SqlVerb::Insert
            && let Some(target) = item_by_path(routes, route, request)
        {
            return (Role::Create, Some(target));
        }
    } else if let Some(target) = item_by_path(routes, route, request) {
        let role = match method.verb {
            HttpVerb::Get | HttpVerb::Head => Role::Get,
            HttpVerb::Put if write == SqlVerb::Insert => Role::Upsert,
            HttpVerb::Put => Role::Replace,
            HttpVerb::Patch => Role::Update,
            HttpVerb::Delete => Role::Delete,
            _ => Role::Action,
        };
        return (role, Some(target));
    }
    let role = match write {
        SqlVerb::Select => Role::Get,
        SqlVerb::Insert => Role::Create,
        SqlVerb::Update => Role::Update,
        SqlVerb::Replace => Role::Replace,
        SqlVerb::Delete => Role::Delete,
        SqlVerb::Exec => return (Role::Action, acted_on(routes, request)),
    };
    match by_verbs(found, request) {
        Some(target) if role == Role::Create || target.id.is_some() => (role, Some(target)),
        _ => (Role::Action, None),
    }
}

/// True for methods that return several rows.
pub(crate) fn is_list(route: &Route) -> bool {
    let method = route.method();
    let rows = !matches!(method.response.rows, RowShape::Object { .. } | RowShape::Nothing { .. });
    let reads = matches!(method.verb, HttpVerb::Get | HttpVerb::Head)
        || (method.verb == HttpVerb::Post
            && route.resource().verb_of(&method.name) == SqlVerb::Select);
    rows && reads
}

/// The collection of a list or of a create: by path if objects have paths below it, else by the
/// resource's verbs if they tell how objects are addressed, else by path anyway.
fn gathered(routes: &Routes, found: &Found, request: &Incoming) -> Option<Target> {
    let here = by_path(routes, request, &request.segments);
    if here.as_ref().is_some_and(|target| target.item.is_some()) {
        return here;
    }
    by_verbs(found, request).or(here)
}

/// The collection at a path: it has a list, or objects can be created and looked up there.
fn by_path(routes: &Routes, request: &Incoming, path: &[String]) -> Option<Target> {
    let list = routes.peek(request, HttpVerb::Get, path).filter(|found| is_list(&found.route));
    let item = item_at(routes, request, path);
    let create = || {
        let found = routes.peek(request, HttpVerb::Post, path)?;
        item.as_ref().filter(|(item, _)| !is_above(item, &found.values))?;
        let inserts = found.route.resource().verb_of(&found.route.method().name) == SqlVerb::Insert;
        inserts.then_some(found)
    };
    let (list, shape) = match list {
        Some(found) => (Some(Arc::clone(&found.route)), found),
        None => (None, create()?),
    };
    let item = item.filter(|(item, _)| !is_above(item, &shape.values));
    let id_param = item.as_ref().and_then(|(found, _)| found.route.template.last_param());
    Some(Target {
        key: format!("{} {}", shape.route.methods[0], escaped(path)),
        parents: shape.values,
        id: None,
        list,
        id_param: id_param.map(str::to_owned),
        id_prefix: item.as_ref().map(|(_, prefix)| prefix.clone()).unwrap_or_default(),
        item: item.map(|(found, _)| found.route),
    })
}

/// True if the identifier of an object is a parent of the collection: `/orgs/{org}` also matches
/// `/orgs/acme/repos/x` where parameters may have several segments.
fn is_above(item: &Found, parents: &Values) -> bool {
    let param = item.route.template.last_param();
    param.is_some_and(|param| parents.iter().any(|(name, _)| name == param))
}

/// The route of objects below a path, and the text before the identifier in their names.
fn item_at(routes: &Routes, request: &Incoming, path: &[String]) -> Option<(Found, String)> {
    let mut item_path = path.to_vec();
    item_path.push(ANY_ID.to_owned());
    let verbs = [HttpVerb::Get, HttpVerb::Patch, HttpVerb::Put, HttpVerb::Delete];
    let found = verbs.into_iter().find_map(|verb| {
        let found = routes.peek(request, verb, &item_path)?;
        (found.route.template.last_param().is_some() && !is_list(&found.route)).then_some(found)
    })?;
    let param = found.route.template.last_param()?;
    let value = &found.values.iter().find(|(name, _)| name == param)?.1;
    let prefix = value.strip_suffix(ANY_ID).unwrap_or_default().to_owned();
    Some((found, prefix))
}

/// The collection of an object, if the route is one of objects.
fn item_by_path(routes: &Routes, route: &Route, request: &Incoming) -> Option<Target> {
    route.template.last_param()?;
    let (id, path) = request.segments.split_last()?;
    let target = by_path(routes, request, path)?;
    Some(Target { id: Some(id.clone()), ..target })
}

/// The object of an action such as `/apps/{id}/start` or `/apps/{id}:start`.
fn acted_on(routes: &Routes, request: &Incoming) -> Option<Target> {
    let (last, path) = request.segments.split_last()?;
    let (id, path) = if let Some((id, _)) = last.rsplit_once(':') {
        (id.to_owned(), path)
    } else {
        let (id, path) = path.split_last()?;
        (id.clone(), path)
    };
    let target = by_path(routes, request, path)?;
    target.list.as_ref()?;
    Some(Target { id: Some(id), ..target })
}

/// A list whose objects cannot be addressed.
fn bare_list(found: &Found, request: &Incoming) -> Target {
    let fixed = &found.route.methods[0];
    Target {
        key: format!("{fixed} {}", escaped(&request.segments)),
        parents: found.values.clone(),
        id: None,
        list: Some(Arc::clone(&found.route)),
        item: None,
        id_param: None,
        id_prefix: String::new(),
    }
}

/// The collection of a resource whose methods have unrelated paths.
fn by_verbs(found: &Found, request: &Incoming) -> Option<Target> {
    let route = &found.route;
    let resource = route.resource();
    let lists = |method: &&Method| !method.response.rows.is_single() && method.is_selectable();
    let list = resource.candidates(SqlVerb::Select).find(lists)?;
    let parents: Vec<&str> = required(list).collect();
    let id_param = identifier_param(resource, &parents)?;
    let value = |name: &str| value_of(found, request, name);
    let parent_values: Values =
        parents.iter().filter_map(|name| Some(((*name).to_owned(), value(name)?))).collect();
    let shown: Vec<&str> = parent_values.iter().map(|(_, value)| value.as_str()).collect();
    Some(Target {
        key: format!("{} {}", route.resources[0], shown.join("/")),
        id: value(&id_param),
        parents: parent_values,
        list: Some(sibling(route, list)),
        item: resource
            .candidates(SqlVerb::Select)
            .find(|method| method.response.rows.is_single())
            .map(|method| sibling(route, method)),
        id_param: Some(id_param),
        id_prefix: String::new(),
    })
}

/// Another method of the same resource as a route, for its schemas.
fn sibling(route: &Arc<Route>, method: &Method) -> Arc<Route> {
    if route.method().name == method.name {
        return Arc::clone(route);
    }
    Arc::new(route.with_method(&method.name))
}

/// Names of the required parameters of a request.
fn required(method: &Method) -> impl Iterator<Item = &str> {
    method
        .params
        .iter()
        .filter(|param| param.required && param.location != Location::Server)
        .map(|param| param.wire.as_str())
}

/// The parameter that identifies an object: the last one that get, delete or update needs beyond
/// the list.
fn identifier_param(resource: &Resource, parents: &[&str]) -> Option<String> {
    let singles = resource
        .candidates(SqlVerb::Select)
        .filter(|method| method.response.rows.is_single())
        .chain(resource.candidates(SqlVerb::Delete))
        .chain(resource.candidates(SqlVerb::Update));
    for method in singles {
        let in_body = method
            .body
            .iter()
            .flat_map(|body| &body.properties)
            .filter(|property| property.required)
            .map(|property| property.wire.as_str());
        let own = required(method).filter(|name| !parents.contains(name)).last();
        if let Some(name) = own.or_else(|| in_body.clone().find(|name| !parents.contains(name))) {
            return Some(name.to_owned());
        }
    }
    None
}

fn value_of(found: &Found, request: &Incoming, name: &str) -> Option<String> {
    let in_path = found.values.iter().find(|(own, _)| own == name).map(|(_, value)| value.clone());
    in_path
        .or_else(|| request.query_value(name).map(str::to_owned))
        .or_else(|| request.form.iter().find(|(own, _)| own == name).map(|(_, v)| v.clone()))
        .or_else(|| request.body_value(name).and_then(scalar_text))
        .filter(|value| !value.is_empty())
}

/// The path as text; slashes inside a segment are distinguished from separators.
fn escaped(path: &[String]) -> String {
    path.iter().map(|segment| segment.replace('/', "%2F")).collect::<Vec<_>>().join("/")
}
