//! Executing requests.
//!
//! Owns: get, create, update, replace, delete; `crud/list.rs` has lists, `crud/singleton.rs` the rest.
//! Refuses: routing, authentication, faults other than those of paging.

mod list;
mod singleton;

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::clock;
use crate::collection::{Collection, Kind, Object, scalar_text};
use crate::fault::FaultKind;
use crate::problem::Problem;
use crate::request::Incoming;
use crate::role::{Role, Target, resolve};
use crate::routes::{Found, Routes};
use crate::shape::{self, Sent};
use crate::store::Store;
use crate::synthesis::moment;

/// A success response.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Success {
    /// HTTP status.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: Json,
    /// Further headers.
    pub(crate) headers: Vec<(String, String)>,
}

impl From<Json> for Success {
    fn from(body: Json) -> Self {
        Self { status: 200, body, headers: Vec::new() }
    }
}

/// A request that was routed.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    /// All routes.
    pub(crate) routes: &'a Routes,
    /// The route and its path values.
    pub(crate) found: &'a Found,
    /// The request.
    pub(crate) request: &'a Incoming,
    /// A fault that concerns paging.
    pub(crate) trick: Option<FaultKind>,
}

/// Executes a request.
pub(crate) fn perform(call: Call<'_>, store: &mut Store) -> Result<Success, Problem> {
    let (role, target) = resolve(call.routes, call.found, call.request);
    let Some(target) = target else { return call.singleton(store) };
    match role {
        Role::List => call.list(store, &target),
        Role::Create => call.create(store, &target),
        Role::Action => call.act(store, &target),
        Role::Get => call.with_object(store, &target, |_, _, object| Ok(object)),
        Role::Update => call.with_object(store, &target, |collection, id, object| {
            let object = call.merged(collection, object)?;
            collection.put(id, object.clone());
            Ok(object)
        }),
        Role::Replace => call.with_object(store, &target, |collection, id, object| {
            let object = call.replaced(collection, object);
            collection.put(id, object.clone());
            Ok(object)
        }),
        Role::Upsert => Ok(call.upsert(store, &target)),
        Role::Delete => call.with_object(store, &target, |collection, id, object| {
            collection.remove(id);
            Ok(object)
        }),
    }
}

impl Call<'_> {
    /// Applies a change to an existing object, and returns the result.
    fn with_object(
        &self,
        store: &mut Store,
        target: &Target,
        act: impl FnOnce(&mut Collection, &str, Object) -> Result<Object, Problem>,
    ) -> Result<Success, Problem> {
        let adopts = store.rules.adopt;
        let collection = store.collection(self.request, target);
        let id = target.id.as_deref().unwrap_or_default();
        let object = match collection.get(id) {
            Some(object) => object,
            None if adopts && !id.is_empty() => collection.adopt(id),
            None => return Err(self.missing(id)),
        };
        let object = act(collection, id, object)?;
        Ok(shape::object_body(&self.found.route, &object, &collection.kind).into())
    }

    fn missing(&self, id: &str) -> Problem {
        Problem::missing(&self.found.route.resource().name, id)
    }

    fn create(&self, store: &mut Store, target: &Target) -> Result<Success, Problem> {
        let collection = store.collection(self.request, target);
        let body = self.request.body_object().unwrap_or_default();
        let sent = shape::sent(&self.found.route, body, &collection.kind);
        let named = collection
            .kind
            .id_of(&sent.fields)
            .or_else(|| target.id.clone())
            .or_else(|| {
                let param = target.id_param.as_deref()?;
                let value = self.request.query_value(param).map(str::to_owned);
                value.or_else(|| sent.fields.get(param).and_then(scalar_text))
            })
            .filter(|id| !id.is_empty());
        let (position, fresh) = collection.claim();
        let id = match named {
            Some(id) if collection.get(&id).is_some() => {
                let resource = &self.found.route.resource().name;
                return Err(Problem::new(409, format!("{resource} `{id}` already exists")));
            }
            Some(id) => id,
            None => fresh,
        };
        let object = self.created(&collection.kind, position, &id, sent);
        collection.put(&id, object.clone());
        Ok(shape::object_body(&self.found.route, &object, &collection.kind).into())
    }

    /// A new object: the client's fields, defaults, and fields that services fill in.
    fn created(&self, kind: &Kind, position: usize, id: &str, sent: Sent) -> Object {
        let mut base = kind.synthesize(position, id, true);
        let now = kind.clock + i64::try_from(position).unwrap_or(0);
        for (name, value) in &mut base {
            if moment(name) {
                *value = match value {
                    Json::Number(_) => Json::from(now * 1000),
                    _ => Json::String(clock::iso(now)),
                };
            }
        }
        let mut object = self.settled(kind, base, sent);
        kind.identify(&mut object, id);
        object
    }

    /// Merges the request into the server's fields; settable fields that were not sent are absent
    /// or have their default.
    fn settled(&self, kind: &Kind, base: Object, sent: Sent) -> Object {
        let Sent { settable, mut fields } = sent;
        let documented = kind.documented();
        let mut object = Object::new();
        for (name, value) in base {
            if let Some(value) = fields.shift_remove(&name) {
                object.insert(name, value);
            } else if !settable.contains(&name) {
                object.insert(name, value);
            } else if let Some(value) = shape::default_of(&self.found.route, &name) {
                object.insert(name, value);
            }
        }
        let known = |name: &str| documented.as_ref().is_none_or(|names| names.contains(name));
        object.extend(fields.into_iter().filter(|(name, _)| known(name)));
        object
    }

    /// PATCH: replaces the given fields; `null` removes one.
    fn merged(&self, collection: &Collection, mut object: Object) -> Result<Object, Problem> {
        let kind = &collection.kind;
        let body = self.request.body_object().unwrap_or_default();
        let sent = shape::sent(&self.found.route, body, kind);
        let mask = self.mask(&sent.settable)?;
        let documented = kind.documented();
        for (name, value) in sent.fields {
            let masked = mask.as_ref().is_some_and(|mask| !mask.contains(&name));
            let unknown = documented.as_ref().is_some_and(|names| !names.contains(name.as_str()));
            if masked || unknown {
                continue;
            }
            if value.is_null() {
                object.shift_remove(&name);
            } else {
                object.insert(name, value);
            }
        }
        Ok(object)
    }

    /// The top-level fields in an update mask; `None` when everything may change.
    fn mask(&self, settable: &BTreeSet<String>) -> Result<Option<BTreeSet<String>>, Problem> {
        let sent =
            ["update_mask", "updateMask"].iter().find_map(|name| self.request.query_value(name));
        let Some(text) = sent.filter(|text| !text.is_empty() && *text != "*") else {
            return Ok(None);
        };
        let head = |path: &str| path.split('.').next().unwrap_or(path).to_owned();
        let names: BTreeSet<String> = text.split(',').map(|path| head(path.trim())).collect();
        match names.iter().find(|name| !settable.is_empty() && !settable.contains(*name)) {
            Some(name) => {
                Err(Problem::invalid(format!("the update mask names `{name}`, which is no field")))
            }
            None => Ok(Some(names)),
        }
    }

    /// PUT: the given fields replace all fields that a client can set.
    fn replaced(&self, collection: &Collection, object: Object) -> Object {
        let body = self.request.body_object().unwrap_or_default();
        let sent = shape::sent(&self.found.route, body, &collection.kind);
        let id = collection.kind.id_of(&object);
        let mut object = self.settled(&collection.kind, object, sent);
        if let Some(id) = id {
            collection.kind.identify(&mut object, &id);
        }
        object
    }

    fn upsert(&self, store: &mut Store, target: &Target) -> Success {
        let collection = store.collection(self.request, target);
        let id = target.id.clone().unwrap_or_default();
        let object = if let Some(object) = collection.get(&id) {
            self.replaced(collection, object)
        } else {
            let body = self.request.body_object().unwrap_or_default();
            let sent = shape::sent(&self.found.route, body, &collection.kind);
            let (position, _) = collection.claim();
            self.created(&collection.kind, position, &id, sent)
        };
        collection.put(&id, object.clone());
        shape::object_body(&self.found.route, &object, &collection.kind).into()
    }

    /// An action on an object of a collection (`/apps/{id}/start`), or a method with an identifier
    /// that is not a CRUD operation.
    fn act(&self, store: &mut Store, target: &Target) -> Result<Success, Problem> {
        let Some(id) = target.id.as_deref() else { return self.singleton(store) };
        let adopts = store.rules.adopt;
        let collection = store.collection(self.request, target);
        if collection.get(id).is_none() && !adopts {
            return Err(self.missing(id));
        }
        self.singleton(store)
    }
}
