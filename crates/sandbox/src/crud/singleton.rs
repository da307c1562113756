//! Singletons and actions.
//!
//! Owns: settings that are read and written at one path, responses of methods that are not CRUD.

use std::sync::Arc;

use strataql_spec::{HttpVerb, Location, SchemaKind};

use super::{Call, Success};
use crate::collection::{Kind, Object, scalar_text};
use crate::problem::Problem;
use crate::routes::{Found, Route};
use crate::shape;
use crate::store::{Store, singleton_kind};
use crate::synthesis::Synthesis;

impl Call<'_> {
    /// Objects without a collection: settings that are read and written, and actions.
    pub(super) fn singleton(&self, store: &mut Store) -> Result<Success, Problem> {
        let Found { route, values } = self.found;
        let verb = route.method().verb;
        // a read returns what was written
        let reads = match verb {
            HttpVerb::Get | HttpVerb::Head => Some(Arc::clone(route)),
            _ => self
                .routes
                .peek(self.request, HttpVerb::Get, &self.request.segments)
                .map(|found| found.route),
        };
        let key =
            format!("{} {}", self.request.path, self.identity(reads.as_ref().unwrap_or(route)));
        let kind = singleton_kind(
            &store.rules,
            self.request,
            reads.as_ref().unwrap_or(route),
            &key,
            values,
        );
        let Some(reads) = reads else {
            let object = self.settled_action(&kind);
            return Ok(shape::object_body(route, &object, &kind).into());
        };
        let given = store.given_singleton(&reads, &kind);
        // where the scenario gives objects there are no others
        let make = || match given {
            Some(objects) => objects.into_iter().next(),
            None => Some(singleton_object(&kind)),
        };
        let state = store.singleton(self.request, &key, make);
        let body = self.request.body_object().unwrap_or_default();
        let sent = shape::sent(route, body, &kind);
        let what = &route.resource().name;
        let missing =
            || Problem::new(404, format!("{what} at `{}` does not exist", self.request.path));
        let object = match verb {
            HttpVerb::Put => {
                let before = state.take().unwrap_or_else(|| singleton_object(&kind));
                self.settled(&kind, before, sent)
            }
            HttpVerb::Patch | HttpVerb::Post => {
                let before = match state.take() {
                    Some(object) => object,
                    None if verb == HttpVerb::Post => singleton_object(&kind),
                    None => return Err(missing()),
                };
                let documented = kind.documented();
                let known =
                    |name: &str| documented.as_ref().is_none_or(|names| names.contains(name));
                let mut object = before;
                object.extend(sent.fields.into_iter().filter(|(name, _)| known(name)));
                object
            }
            HttpVerb::Delete => {
                let object = state.take().ok_or_else(missing)?;
                return Ok(shape::object_body(route, &object, &kind).into());
            }
            _ => state.clone().ok_or_else(missing)?,
        };
        *state = Some(object.clone());
        Ok(shape::object_body(route, &object, &kind).into())
    }

    /// Required query parameters are part of the identity of a singleton.
    fn identity(&self, route: &Route) -> String {
        let names = route
            .method()
            .params
            .iter()
            .filter(|param| param.location == Location::Query && param.required)
            .map(|param| param.wire.as_str());
        let value = |name: &str| {
            let in_query = self.request.query_value(name).map(str::to_owned);
            in_query
                .or_else(|| self.request.body_value(name).and_then(scalar_text))
                .unwrap_or_default()
        };
        names.map(value).collect::<Vec<_>>().join("/")
    }

    /// The response of an action: a generated object merged with the request.
    fn settled_action(&self, kind: &Kind) -> Object {
        let route = &self.found.route;
        let mut object = singleton_object(kind);
        let row = route.method().response.row_schema;
        for (name, value) in self.request.body_object().unwrap_or_default() {
            let property = row.and_then(|row| route.schemas().property(row, &name));
            if property.is_some_and(|id| route.schemas()[id].kind != SchemaKind::Any) {
                object.insert(name, value);
            }
        }
        object
    }
}

fn singleton_object(kind: &Kind) -> Object {
    let mut object = Object::new();
    for (service, row) in &kind.rows {
        object.extend(Synthesis::new(&service.schemas, kind.clock, true).object(*row, kind.seed));
    }
    kind.identify(&mut object, "");
    object
}
