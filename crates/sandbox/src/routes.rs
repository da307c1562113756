//! The routing table: the method that a request matches.
//!
//! Owns: routes of all services, their hosts, lazy loading of services.
//! Refuses: parameters of queries and bodies (see `validate`).
//! Surprise: a request for a host that some document names matches only routes of that host; any
//! other host (the server's own address, a private workspace) matches every route.

pub(crate) mod template;

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value as Json;
use strataql_diag::Report;
use strataql_spec::path::pieces;
use strataql_spec::{HttpVerb, Method, Piece, Provider, Resource, Schemas, Service};

use crate::request::{Incoming, pairs};
use crate::{Loader, ProviderSource, graphql};
use template::{Template, Values, one_way};

/// One operation that requests can reach.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    /// Its provider.
    pub(crate) provider: Arc<Provider>,
    /// Its service.
    pub(crate) service: Arc<Service>,
    resource: String,
    method: String,
    /// `provider.service.resource` of every resource that has this operation.
    pub(crate) resources: Vec<String>,
    /// `provider.service.resource.method` likewise.
    pub(crate) methods: Vec<String>,
    /// The path, with the server's base path.
    pub(crate) template: Template,
    /// Query pairs that are part of the path key.
    fixed: Vec<(String, Option<Vec<Piece>>)>,
    hosts: Vec<Vec<Piece>>,
}

impl Route {
    /// The method.
    pub(crate) fn method(&self) -> &Method {
        &self.resource().methods[self.method.as_str()]
    }

    /// The resource.
    pub(crate) fn resource(&self) -> &Resource {
        &self.service.resources[self.resource.as_str()]
    }

    /// The schemas that the method's identifiers refer to.
    pub(crate) fn schemas(&self) -> &Schemas {
        &self.service.schemas
    }

    /// Whether a query parameter belongs to the path key.
    pub(crate) fn is_fixed(&self, name: &str) -> bool {
        self.fixed.iter().any(|(own, _)| own == name)
    }

    /// Another method of the same resource, with this route.
    pub(crate) fn with_method(&self, method: &str) -> Self {
        Self { method: method.to_owned(), ..self.clone() }
    }

    fn serves(&self, host: &str) -> bool {
        self.hosts.iter().any(|pieces| one_way(pieces, host, true).is_some())
    }

    /// Whether a request is told from those of other operations, where the path key has a mark that is not sent: by
    /// what the document puts into the body.
    fn has_base(&self, request: &Incoming) -> bool {
        let method = self.method();
        let is_mark = |(name, _): &(String, _)| name.starts_with("__");
        if !drops_marks(method) || !query_pairs(&method.path.query).iter().any(is_mark) {
            return true;
        }
        let base = method.body.as_ref().and_then(|body| body.base.as_ref());
        let (Some(Json::Object(base)), Some(sent)) = (base, &request.json) else { return false };
        let mut scalars =
            base.iter().filter(|(_, value)| !value.is_object() && !value.is_array()).peekable();
        scalars.peek().is_some() && scalars.all(|(name, value)| sent.get(name) == Some(value))
    }

    /// Values of the path key's query, if the request has all of it.
    fn fixed_values(&self, request: &Incoming) -> Option<Values> {
        let mut values = Values::new();
        if let Some(own) = &self.method().graphql {
            // the query of the path key is not sent
            return graphql::is_query(&own.query, request).then_some(values);
        }
        if !self.has_base(request) {
            return None;
        }
        for (name, wanted) in &self.fixed {
            let in_query = request.query.iter().find(|(own, _)| own == name);
            let sent = match in_query {
                Some((_, value)) => value.as_deref().unwrap_or_default(),
                None => &request.form.iter().find(|(own, _)| own == name)?.1,
            };
            if let Some(pieces) = wanted {
                values.extend(one_way(pieces, sent, true)?);
            }
        }
        Some(values)
    }
}

/// A route and the values of its path template.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// The route.
    pub(crate) route: Arc<Route>,
    /// Path parameters.
    pub(crate) values: Values,
}

/// All routes.
#[derive(Default)]
pub(crate) struct Routes {
    all: Vec<Arc<Route>>,
    by_length: HashMap<(HttpVerb, usize), Vec<usize>>,
    by_key: HashMap<String, usize>,
    pending: Vec<Pending>,
    /// The providers.
    pub(crate) providers: Vec<Arc<Provider>>,
    /// Services that failed to load.
    pub(crate) problems: Vec<Report>,
}

/// Quality of a match: same host, weight of its template, pairs of its query.
type Rank = (bool, (usize, usize), usize);

/// A service that is loaded on demand.
struct Pending {
    provider: Arc<Provider>,
    service: String,
    load: Loader,
}

impl Routes {
    /// The routes of these providers; services with a loader are added later.
    pub(crate) fn new(sources: Vec<ProviderSource>) -> Self {
        let mut all = Self::default();
        for source in sources {
            let provider = Arc::new(source.provider);
            if let Some(load) = &source.loader {
                for name in provider.services.keys() {
                    if !source.services.iter().any(|service| &service.name == name) {
                        all.pending.push(Pending {
                            provider: Arc::clone(&provider),
                            service: name.clone(),
                            load: Arc::clone(load),
                        });
                    }
                }
            }
            for service in &source.services {
                all.add(&provider, service);
            }
            all.providers.push(provider);
        }
        all
    }

    /// The route of a request, loading further services if none matches.
    pub(crate) fn find(&mut self, request: &Incoming) -> Option<Found> {
        if let Some(found) = self.exact(request, request.verb?, &request.segments) {
            return Some(found);
        }
        while self.load_next(request) {
            if let Some(found) = self.exact(request, request.verb?, &request.segments) {
                return Some(found);
            }
        }
        self.across(request, request.verb?, &request.segments)
    }

    /// The route of another path of the same host and query, among the loaded ones.
    pub(crate) fn peek(
        &self,
        request: &Incoming,
        verb: HttpVerb,
        path: &[String],
    ) -> Option<Found> {
        self.exact(request, verb, path).or_else(|| self.across(request, verb, path))
    }

    /// Loads a service by its `provider.service` name; false if it does not exist.
    pub(crate) fn load(&mut self, provider: &str, service: &str) -> bool {
        let wanted = |entry: &Pending| entry.provider.name == provider && entry.service == service;
        match self.pending.iter().position(wanted) {
            Some(position) => self.load_at(position),
            None => self.has_service(provider, service),
        }
    }

    /// Names of every loaded resource.
    pub(crate) fn resources(&self) -> impl Iterator<Item = &str> {
        self.all.iter().flat_map(|route| &route.resources).map(String::as_str)
    }

    /// The routes of a resource.
    pub(crate) fn of_resource(&self, name: &str) -> impl Iterator<Item = &Route> {
        let has = move |route: &&Arc<Route>| route.resources.iter().any(|own| own == name);
        self.all.iter().filter(has).map(AsRef::as_ref)
    }

    /// Names of every loaded method.
    pub(crate) fn methods(&self) -> impl Iterator<Item = &str> {
        self.all.iter().flat_map(|route| &route.methods).map(String::as_str)
    }

    /// Names of the path parameters of every loaded method.
    pub(crate) fn path_params(&self) -> impl Iterator<Item = &str> {
        let params = self.all.iter().flat_map(|route| &route.method().params);
        let in_path = params.filter(|param| param.location == strataql_spec::Location::Path);
        in_path.map(|param| param.wire.as_str())
    }

    /// Loads a service that is not loaded; false when all are.
    pub(crate) fn load_any(&mut self) -> bool {
        let is_left = !self.pending.is_empty();
        if is_left {
            self.load_at(0);
        }
        is_left
    }

    fn has_service(&self, provider: &str, service: &str) -> bool {
        self.all.iter().any(|r| r.provider.name == provider && r.service.name == service)
    }

    fn exact(&self, request: &Incoming, verb: HttpVerb, path: &[String]) -> Option<Found> {
        let candidates = self.by_length.get(&(verb, path.len())).map_or(&[][..], Vec::as_slice);
        let routes = candidates.iter().map(|at| &self.all[*at]);
        self.choose(request, routes, |template| template.matches(path))
    }

    fn across(&self, request: &Incoming, verb: HttpVerb, path: &[String]) -> Option<Found> {
        let routes = self
            .all
            .iter()
            .filter(|route| served_verb(route.method()) == verb && route.template.has_params());
        self.choose(request, routes, |template| template.matches_across(path))
    }

    /// The best match: same host, most literal first.
    fn choose<'a>(
        &self,
        request: &Incoming,
        routes: impl Iterator<Item = &'a Arc<Route>>,
        matches: impl Fn(&Template) -> Option<Values>,
    ) -> Option<Found> {
        let mut best: Option<(Rank, Found)> = None;
        for route in routes {
            let Some(mut values) = matches(&route.template) else { continue };
            let Some(fixed) = route.fixed_values(request) else { continue };
            values.extend(fixed);
            let rank = (route.serves(&request.host), route.template.weight, route.fixed.len());
            if best.as_ref().is_none_or(|(other, _)| rank > *other) {
                best = Some((rank, Found { route: Arc::clone(route), values }));
            }
        }
        let ((serves, ..), found) = best?;
        let elsewhere = !serves && !request.direct;
        let stranger = elsewhere && self.all.iter().any(|route| route.serves(&request.host));
        (!stranger).then_some(found)
    }

    /// Loads the service most likely to have the request's route; false when all are loaded.
    fn load_next(&mut self, request: &Incoming) -> bool {
        let said = [request.host.as_str(), request.path.as_str()].concat().to_ascii_lowercase();
        let likely = |entry: &Pending| said.contains(&entry.service.to_ascii_lowercase());
        let position = self.pending.iter().position(likely).unwrap_or(0);
        if self.pending.is_empty() {
            return false;
        }
        self.load_at(position);
        true
    }

    fn load_at(&mut self, position: usize) -> bool {
        let entry = self.pending.remove(position);
        match (entry.load)(&entry.service) {
            Ok(service) => {
                self.add(&entry.provider, &service);
                true
            }
            Err(report) => {
                self.problems.push(*report);
                false
            }
        }
    }

    fn add(&mut self, provider: &Arc<Provider>, service: &Arc<Service>) {
        let whole = format!("{}.{}", provider.name, service.name);
        for (resource_name, resource) in &service.resources {
            for (method_name, method) in &resource.methods {
                for (base, hosts) in bases(method) {
                    self.add_route(
                        Route {
                            provider: Arc::clone(provider),
                            service: Arc::clone(service),
                            resource: resource_name.clone(),
                            method: method_name.clone(),
                            resources: vec![format!("{whole}.{resource_name}")],
                            methods: vec![format!("{whole}.{resource_name}.{method_name}")],
                            template: Template::new(base.iter().chain(&method.path.path)),
                            fixed: fixed_pairs(method),
                            hosts,
                        },
                        &base,
                    );
                }
            }
        }
    }

    /// Operations that several resources share are one route.
    fn add_route(&mut self, route: Route, base: &[Piece]) {
        let method = route.method();
        let key = format!(
            "{} {} {} {base:?} {}",
            route.provider.name, route.service.name, method.verb, method.path.raw
        );
        if let Some(existing) = self.by_key.get(&key).and_then(|at| self.all.get_mut(*at))
            && let Some(existing) = Arc::get_mut(existing)
        {
            existing.resources.extend(route.resources);
            existing.methods.extend(route.methods);
            return;
        }
        let position = self.all.len();
        let length = (served_verb(method), route.template.len());
        self.by_length.entry(length).or_default().push(position);
        self.by_key.insert(key, position);
        self.all.push(Arc::new(route));
    }
}

/// The verb with which a method is called: some documents describe a form in the query of a GET.
fn served_verb(method: &Method) -> HttpVerb {
    match method.request_translate.as_deref() {
        Some("get_query_to_post_form_utf_8") => HttpVerb::Post,
        _ => method.verb,
    }
}

/// Base paths of a method's servers, each with its hosts.
fn bases(method: &Method) -> Vec<(Vec<Piece>, Vec<Vec<Piece>>)> {
    let mut bases: Vec<(Vec<Piece>, Vec<Vec<Piece>>)> = Vec::new();
    for server in &method.servers {
        let (host, path) = split_server(&server.url);
        let (host, path) = (pieces(&host.to_ascii_lowercase()), pieces(path));
        match bases.iter_mut().find(|(base, _)| *base == path) {
            Some((_, hosts)) => hosts.push(host),
            None => bases.push((path, vec![host])),
        }
    }
    if bases.is_empty() {
        bases.push((Vec::new(), Vec::new()));
    }
    bases
}

/// Authority and path of a server URL; braces may contain slashes.
fn split_server(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let mut depth = 0usize;
    for (at, c) in rest.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            '/' if depth == 0 => return (&rest[..at], rest[at..].trim_end_matches('/')),
            _ => {}
        }
    }
    (rest, "")
}

/// True for methods whose path key has marks, `__Bucket`, that are not sent.
fn drops_marks(method: &Method) -> bool {
    method.request_translate.as_deref() == Some("drop_double_underscore_params")
}

/// The query of a method's path key as pairs with templates for values.
fn fixed_pairs(method: &Method) -> Vec<(String, Option<Vec<Piece>>)> {
    let mut all = query_pairs(&method.path.query);
    all.retain(|(name, _)| !drops_marks(method) || !name.starts_with("__"));
    all
}

/// A query as pairs with templates for values.
fn query_pairs(query: &[Piece]) -> Vec<(String, Option<Vec<Piece>>)> {
    let text: String = query
        .iter()
        .map(|piece| match piece {
            Piece::Literal(text) => text.clone(),
            Piece::Param(name) => format!("{{{name}}}"),
        })
        .collect();
    let template = |value: String| pieces(&value);
    pairs(&text).into_iter().map(|(name, value)| (name, value.map(template))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_urls_split_into_authority_and_base_path() {
        assert_eq!(split_server("https://api.x.com/v1/"), ("api.x.com", "/v1"));
        assert_eq!(split_server("https://{host:a/b}.x.com"), ("{host:a/b}.x.com", ""));
        assert_eq!(split_server("/v2"), ("", "/v2"));
    }

    #[test]
    fn queries_of_path_keys_become_pairs() {
        let pairs = query_pairs(&pieces("Action=List&acl&region={r}"));
        assert_eq!(pairs[0], ("Action".to_owned(), Some(pieces("List"))));
        assert_eq!(pairs[1], ("acl".to_owned(), None));
        assert_eq!(pairs[2].1, Some(vec![Piece::Param("r".to_owned())]));
    }
}
