//! Lists: rows, filters, pages.
//!
//! Surprise: required query parameters with the name of a field act as parents. Unchanged objects
//! belong to any parent that a request names.

use serde_json::{Map, Value as Json};
use strataql_spec::{Location, RowShape};

use super::{Call, Success};
use crate::collection::{Collection, Kind, Object, scalar_text};
use crate::fault::FaultKind;
use crate::pages::{self, Window};
use crate::problem::Problem;
use crate::random::nth;
use crate::role::Target;
use crate::routes::template::Values;
use crate::shape;
use crate::store::Store;
use crate::synthesis::Synthesis;

impl Call<'_> {
    /// Returns the requested part of a list.
    pub(super) fn list(&self, store: &mut Store, target: &Target) -> Result<Success, Problem> {
        let route = &self.found.route;
        let window = pages::requested(route, self.request, store.rules.page_size)?;
        let rows = store.rules.rows;
        let collection = store.collection(self.request, target);
        let path = route.method().response.rows.path();
        let (shown, total) = match &route.method().response.rows {
            RowShape::Scalars { .. } => self.scalars(&window, rows, &collection.kind),
            _ => self.rows(&window, collection),
        };
        let mut body = Json::Object(Map::new());
        if shown.is_empty() && collection.omit_empty && !path.is_empty() {
            // the rows key is omitted
        } else if matches!(route.method().response.rows, RowShape::MapValues { .. }) {
            let entry = |row: Json| {
                let id = row.as_object().and_then(|row| collection.kind.id_of(row));
                (id.unwrap_or_default(), row)
            };
            pages::put_at(&mut body, path, Json::Object(shown.into_iter().map(entry).collect()));
        } else {
            pages::put_at(&mut body, path, Json::Array(shown));
        }
        let mut headers = Vec::new();
        pages::finish(route, self.request, &window, total, self.trick, &mut body, &mut headers);
        Ok(Success { status: 200, body, headers })
    }

    /// The objects of a window, and the total.
    fn rows(&self, window: &Window, collection: &Collection) -> (Vec<Json>, usize) {
        let route = &self.found.route;
        let row = route.method().response.row_schema;
        let show = |object: Object| match row {
            Some(row) => {
                Json::Object(shape::projected(&object, route.schemas(), row, &collection.kind))
            }
            None => Json::Object(object),
        };
        let (asked, filters) = self.filters(&collection.kind);
        let echo = |mut object: Object| {
            for (name, value) in &asked {
                let value = collection.kind.typed(name, value);
                object.insert(name.clone(), value);
            }
            object
        };
        if filters.is_empty() && (asked.is_empty() || collection.is_untouched()) {
            let total = collection.len();
            let objects = match self.trick {
                Some(FaultKind::Endless) if total > 0 => (0..window.size.min(total))
                    .flat_map(|at| {
                        let place = (window.start + at) % total;
                        collection.range(place..place + 1)
                    })
                    .collect(),
                _ => collection.range(window.start..window.start.saturating_add(window.size)),
            };
            return (objects.into_iter().map(echo).map(show).collect(), total);
        }
        let passes = |object: &Object, filters: &[(String, String)]| {
            filters.iter().all(|(name, value)| {
                object.get(name).and_then(scalar_text).as_deref() == Some(value.as_str())
            })
        };
        let all: Vec<Object> = collection
            .range(0..collection.len())
            .into_iter()
            .map(|object| if collection.is_generated(&object) { echo(object) } else { object })
            .filter(|object| passes(object, &asked) && passes(object, &filters))
            .collect();
        let total = all.len();
        let shown = all.into_iter().skip(window.start).take(window.size).map(show);
        (shown.collect(), total)
    }

    /// Query parameters with the name of a scalar field of the rows, with their values.
    ///
    /// Required ones come first: they act as parents, so generated objects take whatever value is
    /// requested. The others are filters, as in real services.
    fn filters(&self, kind: &Kind) -> (Values, Values) {
        let method = self.found.route.method();
        let paging = method.paging.target().map(|target| target.name.as_str());
        let (mut asked, mut filters) = (Vec::new(), Vec::new());
        for param in &method.params {
            if param.location != Location::Query || paging == Some(param.wire.as_str()) {
                continue;
            }
            let Some((schemas, id)) = kind.field(&param.wire) else { continue };
            let value = self.request.query_value(&param.wire).unwrap_or_default();
            if value.is_empty() || schemas[id].kind.is_nested() {
                continue;
            }
            let entry = (param.wire.clone(), value.to_owned());
            if param.required { asked.push(entry) } else { filters.push(entry) }
        }
        (asked, filters)
    }

    fn scalars(&self, window: &Window, count: usize, kind: &Kind) -> (Vec<Json>, usize) {
        let route = &self.found.route;
        let Some(row) = route.method().response.row_schema else { return (Vec::new(), 0) };
        let name = &route.resource().name;
        let value = |at: usize| {
            Synthesis::new(route.schemas(), kind.clock, true).value(name, row, nth(kind.seed, at))
        };
        let end = window.start.saturating_add(window.size).min(count);
        ((window.start..end).map(value).collect(), count)
    }
}
