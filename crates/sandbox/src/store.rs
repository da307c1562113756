//! The state of the server: collections and singletons, per logical host.
//!
//! Owns: creating a collection on first access, from the scenario or by generation.
//! Refuses: HTTP.

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;
use strataql_spec::{Location, SchemaKind};

use crate::clock;
use crate::collection::{Collection, Kind, Object, plain, scalar_text};
use crate::identity::IdKind;
use crate::options::{DEFAULT_ROWS, Options};
use crate::random::derive;
use crate::request::Incoming;
use crate::role::Target;
use crate::routes::Route;
use crate::routes::template::Values;
use crate::scenario::ScenarioObjects;
use crate::state::{Changes, CollectionState, SingletonState, State};

/// Inputs of generated data.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    /// Objects of a generated list.
    pub(crate) rows: usize,
    /// Maximum rows per page.
    pub(crate) page_size: Option<usize>,
    /// The clock.
    pub(crate) clock: i64,
    /// Objects that are not there are made.
    pub(crate) adopt: bool,
    sequential_ids: bool,
    omit_empty: bool,
    given: IndexMap<String, ScenarioObjects>,
    parents: IndexMap<String, Vec<String>>,
}

impl Rules {
    /// The rules of these options, which override their scenario.
    pub(crate) fn new(options: &Options) -> Self {
        let scenario = options.scenario.clone().unwrap_or_default();
        Self {
            rows: options.rows.or(scenario.rows).unwrap_or(DEFAULT_ROWS),
            page_size: options.page_size.or(scenario.page_size),
            clock: scenario.clock.unwrap_or(clock::DEFAULT),
            adopt: options.adopt,
            sequential_ids: scenario.sequential_ids,
            omit_empty: scenario.omit_empty,
            given: scenario.objects,
            parents: scenario.parents,
        }
    }

    fn given_for<'a>(&'a self, routes: &[Option<&Arc<Route>>]) -> Option<&'a ScenarioObjects> {
        let mut names = routes.iter().flatten().flat_map(|route| &route.resources);
        names.find_map(|name| self.given.get(name))
    }
}

/// The state of a server.
#[derive(Debug)]
pub(crate) struct Store {
    /// How data is generated.
    pub(crate) rules: Rules,
    collections: HashMap<(String, String), Collection>,
    singletons: HashMap<(String, String), Option<Object>>,
    /// Changes of an earlier run to collections that were not used yet.
    kept: HashMap<(String, String), Changes>,
}

impl Store {
    /// The initial state.
    pub(crate) fn new(rules: Rules, state: &State) -> Self {
        let kept = state.collections.iter().cloned();
        let singletons = state.singletons.iter().cloned();
        Self {
            rules,
            collections: HashMap::new(),
            singletons: singletons.map(|one| ((one.host, one.key), one.object)).collect(),
            kept: kept.map(|one| ((one.host, one.key), one.changes)).collect(),
        }
    }

    /// What was changed, in an order that does not depend on the run.
    pub(crate) fn state(&self) -> State {
        let used = self.collections.iter().map(|(key, collection)| (key, collection.changes()));
        let unused = self.kept.iter().map(|(key, changes)| (key, changes.clone()));
        let mut collections: Vec<CollectionState> = used
            .chain(unused)
            .filter(|(_, changes)| *changes != Changes::default())
            .map(|((host, key), changes)| CollectionState {
                host: host.clone(),
                key: key.clone(),
                changes,
            })
            .collect();
        collections.sort_by(|a, b| (&a.host, &a.key).cmp(&(&b.host, &b.key)));
        let mut singletons: Vec<SingletonState> = self
            .singletons
            .iter()
            .map(|((host, key), object)| SingletonState {
                host: host.clone(),
                key: key.clone(),
                object: object.clone(),
            })
            .collect();
        singletons.sort_by(|a, b| (&a.host, &a.key).cmp(&(&b.host, &b.key)));
        State { collections, singletons, ..State::default() }
    }

    /// Discards every change.
    pub(crate) fn reset(&mut self) {
        self.collections.clear();
        self.singletons.clear();
        self.kept.clear();
    }

    /// The collection of a request.
    pub(crate) fn collection(&mut self, request: &Incoming, target: &Target) -> &mut Collection {
        let key = (place(request), target.key.clone());
        let (rules, kept) = (&self.rules, &mut self.kept);
        self.collections.entry(key.clone()).or_insert_with(|| {
            let collection = make(rules, request, target);
            match kept.remove(&key) {
                Some(changes) => collection.with_changes(changes),
                None => collection,
            }
        })
    }

    /// The singleton at a key, created by `make` on first access. `None` if there is none, or after
    /// it was removed.
    pub(crate) fn singleton(
        &mut self,
        request: &Incoming,
        key: &str,
        make: impl FnOnce() -> Option<Object>,
    ) -> &mut Option<Object> {
        let key = (place(request), key.to_owned());
        self.singletons.entry(key).or_insert_with(make)
    }

    /// The scenario's objects for a singleton of these parents; `None` if it gives none of the
    /// resource, and the singleton is generated.
    pub(crate) fn given_singleton(&self, route: &Arc<Route>, kind: &Kind) -> Option<Vec<Object>> {
        let given = self.rules.given_for(&[Some(route)])?;
        Some(belonging(given.objects.as_deref()?, kind))
    }

    /// The parent in a request that the scenario does not have: its name and value.
    pub(crate) fn unknown_parent<'a>(&self, values: &'a Values) -> Option<&'a (String, String)> {
        values.iter().find(|(name, value)| {
            let allowed = self.rules.parents.iter().find(|(own, _)| plain(own) == plain(name));
            allowed.is_some_and(|(_, allowed)| !allowed.contains(value))
        })
    }
}

/// The host for seeding: the server's own address is left out, so that servers on different ports
/// are alike.
pub(crate) fn place(request: &Incoming) -> String {
    if request.direct { String::new() } else { request.host.clone() }
}

/// The seed for a key on a host.
pub(crate) fn seed(request: &Incoming, key: &str) -> u64 {
    derive(derive(0, &place(request)), key)
}

fn make(rules: &Rules, request: &Incoming, target: &Target) -> Collection {
    let kind = kind_of(rules, request, target);
    let given = rules.given_for(&[target.list.as_ref(), target.item.as_ref()]);
    let omit_empty = rules.omit_empty || given.is_some_and(|given| given.omit_empty);
    if let Some(objects) = given.and_then(|given| given.objects.as_deref()) {
        let objects = belonging(objects, &kind);
        return Collection::given(kind, objects, omit_empty);
    }
    let rows = given.and_then(|given| given.rows).unwrap_or(rules.rows);
    Collection::generated(kind, rows, omit_empty)
}

/// The given objects of these parents, without parameters that are not fields.
fn belonging(objects: &[Object], kind: &Kind) -> Vec<Object> {
    let documented = kind.documented();
    objects
        .iter()
        .filter_map(|object| {
            let mut object = object.clone();
            for (name, value) in &kind.parents {
                let key = object.keys().find(|key| plain(key) == plain(name)).cloned();
                let Some(key) = key else { continue };
                if scalar_text(&object[&key]).as_deref() != Some(value) {
                    return None;
                }
                if documented.as_ref().is_some_and(|names| !names.contains(key.as_str())) {
                    object.shift_remove(&key);
                }
            }
            Some(object)
        })
        .collect()
}

fn kind_of(rules: &Rules, request: &Incoming, target: &Target) -> Kind {
    let routes = [target.list.as_ref(), target.item.as_ref()];
    let mut kind = Kind {
        seed: seed(request, &target.key),
        clock: rules.clock,
        rows: routes.iter().flatten().filter_map(|route| row_of(route)).collect(),
        id_field: None,
        id_form: IdKind::Uuid,
        id_prefix: target.id_prefix.clone(),
        parents: target.parents.clone(),
    };
    kind.id_field = id_field(&kind, target);
    kind.id_form = id_form(rules, &kind, target);
    kind
}

/// The kind of a singleton: its path parameters are its parents.
pub(crate) fn singleton_kind(
    rules: &Rules,
    request: &Incoming,
    route: &Arc<Route>,
    key: &str,
    values: &Values,
) -> Kind {
    Kind {
        seed: seed(request, key),
        clock: rules.clock,
        rows: row_of(route).into_iter().collect(),
        id_field: None,
        id_form: IdKind::Uuid,
        id_prefix: String::new(),
        parents: values.clone(),
    }
}

/// The row schema of a route, if it describes objects.
fn row_of(route: &Arc<Route>) -> Option<(Arc<strataql_spec::Service>, strataql_spec::SchemaId)> {
    let id = route.method().response.row_schema?;
    let schema = &route.schemas()[id];
    (!schema.properties.is_empty()).then(|| (Arc::clone(&route.service), id))
}

fn id_field(kind: &Kind, target: &Target) -> Option<String> {
    let is_parent =
        |field: &str| target.parents.iter().any(|(name, _)| plain(name) == plain(field));
    let find = |name: &str| kind.field_like(name).filter(|field| !is_parent(field));
    let param = target.id_param.as_deref().unwrap_or_default();
    let bare = param.strip_suffix("_arg").unwrap_or(param);
    let tail = bare.rsplit(['_', '-']).next().unwrap_or(bare);
    let tail = if tail.ends_with("Id") { "id" } else { tail };
    let whole_name = if target.id_prefix.is_empty() { "" } else { "name" };
    let named = [whole_name, bare, tail, "id", "name", "uid", "uuid", "key"];
    let found = named.iter().filter(|name| !name.is_empty()).find_map(|name| find(name));
    let by_suffix = || {
        let names =
            kind.rows.iter().flat_map(|(service, id)| service.schemas[*id].properties.keys());
        let mut ids = names.filter(|name| plain(name).ends_with("id") && !is_parent(name));
        ids.next().map(String::as_str)
    };
    found.or_else(by_suffix).map(str::to_owned)
}

fn id_form(rules: &Rules, kind: &Kind, target: &Target) -> IdKind {
    let param_is_integer = target.item.as_ref().is_some_and(|route| {
        route.method().params.iter().any(|param| {
            param.location != Location::Server
                && Some(param.wire.as_str()) == target.id_param.as_deref()
                && route.schemas()[param.schema].kind == SchemaKind::Integer
        })
    });
    let field = kind.id_field.as_deref().and_then(|name| kind.field(name));
    let schema = field.map(|(schemas, id)| &schemas[id]);
    let is_integer = schema.is_some_and(|schema| schema.kind == SchemaKind::Integer);
    let format = schema.and_then(|schema| schema.format.as_deref()).unwrap_or_default();
    let named = kind.id_field.as_deref().is_some_and(|name| plain(name).ends_with("name"));
    match () {
        () if rules.sequential_ids => IdKind::Sequential,
        () if is_integer && format == "int32" => IdKind::SmallInteger,
        () if is_integer || param_is_integer || format == "int64" => IdKind::Integer,
        () if named || !kind.id_prefix.is_empty() => IdKind::Name,
        () => IdKind::Uuid,
    }
}
