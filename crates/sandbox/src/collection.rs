//! The objects of one collection, as its list shows them.
//!
//! Owns: generated objects (by position, never stored), changes to them, objects that were created.
//! Refuses: HTTP.
//! Surprise: a generated object is computed on access, so that a list of a million costs nothing
//! until it is changed.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Map, Value as Json};
use strataql_spec::{SchemaId, Schemas, Service};

use crate::identity::{IdKind, identifier, position};
use crate::random::nth;
use crate::state::Changes;
use crate::synthesis::Synthesis;

/// One object.
pub(crate) type Object = Map<String, Json>;

/// The properties that all objects of a collection share.
#[derive(Debug, Clone)]
pub(crate) struct Kind {
    /// Source of generated values.
    pub(crate) seed: u64,
    /// The clock.
    pub(crate) clock: i64,
    /// Row schemas: of the list first, then of the lookup, which may have more fields.
    pub(crate) rows: Vec<(Arc<Service>, SchemaId)>,
    /// The field that identifies an object.
    pub(crate) id_field: Option<String>,
    /// Format of generated identifiers.
    pub(crate) id_form: IdKind,
    /// Text before the identifier in the identifying field (`accounts/7/groups/`).
    pub(crate) id_prefix: String,
    /// Path parameters: fields of these names have these values.
    pub(crate) parents: Vec<(String, String)>,
}

impl Kind {
    /// The names that some row schema documents; `None` when anything is allowed.
    pub(crate) fn documented(&self) -> Option<BTreeSet<&str>> {
        let mut names = BTreeSet::new();
        for (service, id) in &self.rows {
            let schema = &service.schemas[*id];
            if schema.open || schema.properties.is_empty() {
                return None;
            }
            names.extend(schema.properties.keys().map(String::as_str));
        }
        (!names.is_empty()).then_some(names)
    }

    /// The schema of a field.
    pub(crate) fn field(&self, name: &str) -> Option<(&Schemas, SchemaId)> {
        self.rows.iter().find_map(|(service, id)| {
            Some((&service.schemas, service.schemas.property(*id, name)?))
        })
    }

    /// The field for a parameter, whatever its spelling.
    pub(crate) fn field_like(&self, name: &str) -> Option<&str> {
        let wanted = plain(name);
        self.rows.iter().find_map(|(service, id)| {
            let names = service.schemas[*id].properties.keys();
            names.map(String::as_str).find(|own| plain(own) == wanted)
        })
    }

    /// The object at a position, with its identifier and parents; `complete` includes every
    /// documented field.
    pub(crate) fn synthesize(&self, at: usize, id: &str, complete: bool) -> Object {
        let spot = nth(self.seed, at);
        let mut object = Object::new();
        for (service, schema) in &self.rows {
            let fields =
                Synthesis::new(&service.schemas, self.clock, complete).object(*schema, spot);
            for (name, value) in fields {
                object.entry(name).or_insert(value);
            }
        }
        if object.is_empty() && self.documented().is_none() {
            object.insert("name".to_owned(), Json::String(identifier(IdKind::Name, spot, at)));
        }
        self.identify(&mut object, id);
        object
    }

    /// Sets identifier and parents of an object.
    pub(crate) fn identify(&self, object: &mut Object, id: &str) {
        for (name, value) in &self.parents {
            if let Some(field) = self.field_like(name) {
                let value = self.typed(field, value);
                object.insert(field.to_owned(), value);
            }
        }
        match &self.id_field {
            Some(field) => {
                let text = format!("{}{id}", self.id_prefix);
                object.insert(field.clone(), self.typed(field, &text));
            }
            None if !id.is_empty() && self.documented().is_none() => {
                object.insert("id".to_owned(), Json::String(id.to_owned()));
            }
            None => {}
        }
    }

    /// A text as a value of a field's type.
    pub(crate) fn typed(&self, field: &str, text: &str) -> Json {
        let kind = self.field(field).map(|(schemas, id)| schemas[id].kind);
        match kind {
            Some(strataql_spec::SchemaKind::Integer | strataql_spec::SchemaKind::Number) => {
                text.parse::<i64>().map_or_else(|_| Json::String(text.to_owned()), Json::from)
            }
            _ => Json::String(text.to_owned()),
        }
    }

    /// The identifier in an object.
    pub(crate) fn id_of(&self, object: &Object) -> Option<String> {
        let text = scalar_text(object.get(self.id_field.as_deref().unwrap_or("id"))?)?;
        let bare = text.strip_prefix(self.id_prefix.as_str()).unwrap_or(&text);
        (!bare.is_empty()).then(|| bare.to_owned())
    }
}

/// Lower case without separators: `workspaceId`, `workspace_id` and `WorkspaceID` are the same
/// name.
pub(crate) fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The text of a scalar.
pub(crate) fn scalar_text(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// The state of one collection.
#[derive(Debug, Clone)]
pub(crate) struct Collection {
    /// The shared properties of its objects.
    pub(crate) kind: Kind,
    /// True when an empty list omits its rows key.
    pub(crate) omit_empty: bool,
    generated: usize,
    gone: BTreeSet<usize>,
    changed: BTreeMap<usize, Object>,
    added: IndexMap<String, Object>,
    created: usize,
}

impl Collection {
    /// A collection of generated objects.
    pub(crate) fn generated(kind: Kind, count: usize, omit_empty: bool) -> Self {
        Self {
            kind,
            omit_empty,
            generated: count,
            gone: BTreeSet::new(),
            changed: BTreeMap::new(),
            added: IndexMap::new(),
            created: 0,
        }
    }

    /// A collection of exactly these objects; those without an identifier get one.
    pub(crate) fn given(kind: Kind, objects: Vec<Object>, omit_empty: bool) -> Self {
        let mut collection = Self::generated(kind, 0, omit_empty);
        for mut object in objects {
            let id = if let Some(id) = collection.kind.id_of(&object) {
                id
            } else {
                let (_, id) = collection.claim();
                collection.kind.identify(&mut object, &id);
                id
            };
            collection.added.insert(id, object);
        }
        collection
    }

    /// What was changed.
    pub(crate) fn changes(&self) -> Changes {
        Changes {
            gone: self.gone.clone(),
            changed: self.changed.clone(),
            added: self.added.clone(),
            created: self.created,
        }
    }

    /// The collection after these changes, instead of its own.
    pub(crate) fn with_changes(self, changes: Changes) -> Self {
        let Changes { gone, changed, added, created } = changes;
        let gone = gone.into_iter().filter(|at| *at < self.generated).collect();
        Self { gone, changed, added, created, ..self }
    }

    /// The number of objects.
    pub(crate) fn len(&self) -> usize {
        self.generated - self.gone.len() + self.added.len()
    }

    /// The objects in this range of the list.
    pub(crate) fn range(&self, range: Range<usize>) -> Vec<Object> {
        let live = self.generated - self.gone.len();
        range
            .take_while(|place| *place < self.len())
            .map(|place| match place.checked_sub(live) {
                None => self.at(self.position_of(place)),
                Some(added) => self.added[added].clone(),
            })
            .collect()
    }

    /// True while every object is as generated.
    pub(crate) fn is_untouched(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty()
    }

    /// True for an object that was not given, created or changed.
    pub(crate) fn is_generated(&self, object: &Object) -> bool {
        let position = self.kind.id_of(object).and_then(|id| self.generated_position(&id));
        position.is_some_and(|at| !self.changed.contains_key(&at))
            || (self.kind.id_field.is_none() && self.added.is_empty())
    }

    /// Finds an object by identifier.
    pub(crate) fn get(&self, id: &str) -> Option<Object> {
        self.added.get(id).cloned().or_else(|| self.generated_position(id).map(|at| self.at(at)))
    }

    /// Replaces an object, or adds it.
    pub(crate) fn put(&mut self, id: &str, object: Object) {
        match self.generated_position(id) {
            Some(at) => {
                self.changed.insert(at, object);
            }
            None => {
                self.added.insert(id.to_owned(), object);
            }
        }
    }

    /// Removes an object; false if it does not exist.
    pub(crate) fn remove(&mut self, id: &str) -> bool {
        if self.added.shift_remove(id).is_some() {
            return true;
        }
        match self.generated_position(id) {
            Some(at) => {
                self.changed.remove(&at);
                self.gone.insert(at)
            }
            None => false,
        }
    }

    /// The position that seeds the values of a new object, and a new identifier.
    pub(crate) fn claim(&mut self) -> (usize, String) {
        loop {
            let position = self.generated + self.created;
            self.created += 1;
            let id = identifier(self.kind.id_form, self.kind.seed, position);
            if !self.added.contains_key(&id) {
                return (position, id);
            }
        }
    }

    /// A new object of that identifier.
    pub(crate) fn adopt(&mut self, id: &str) -> Object {
        let (position, _) = self.claim();
        let object = self.kind.synthesize(position, id, true);
        self.put(id, object.clone());
        object
    }

    fn at(&self, position: usize) -> Object {
        self.changed.get(&position).cloned().unwrap_or_else(|| {
            let id = identifier(self.kind.id_form, self.kind.seed, position);
            // the first one has every field
            self.kind.synthesize(position, &id, position == 0)
        })
    }

    /// The position of the generated object at an index of the list.
    fn position_of(&self, place: usize) -> usize {
        let mut position = place;
        for gone in &self.gone {
            if *gone > position {
                break;
            }
            position += 1;
        }
        position
    }

    fn generated_position(&self, id: &str) -> Option<usize> {
        position(self.kind.id_form, self.kind.seed, id)
            .filter(|at| *at < self.generated && !self.gone.contains(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind() -> Kind {
        Kind {
            seed: 1,
            clock: crate::clock::DEFAULT,
            rows: Vec::new(),
            id_field: None,
            id_form: IdKind::Sequential,
            id_prefix: String::new(),
            parents: Vec::new(),
        }
    }

    fn ids(collection: &Collection) -> Vec<String> {
        let all = collection.range(0..100);
        all.iter().filter_map(|object| collection.kind.id_of(object)).collect()
    }

    #[test]
    fn changes_show_in_lists_and_lookups() {
        let mut collection = Collection::generated(kind(), 4, false);
        assert_eq!(ids(&collection), ["1", "2", "3", "4"]);
        assert!(collection.remove("1") && collection.remove("3"));
        assert!(!collection.remove("3"), "it is gone");
        let (position, id) = collection.claim();
        collection.put(&id, collection.kind.synthesize(position, &id, true));
        assert_eq!(ids(&collection), ["2", "4", "5"]);
        assert_eq!(collection.len(), 3);
        let mut changed = collection.get("4").expect("still there");
        changed.insert("name".to_owned(), Json::from("new"));
        collection.put("4", changed);
        assert_eq!(collection.range(1..2)[0]["name"], "new");
        assert_eq!(collection.get("1"), None);
        assert_eq!(collection.get("99"), None);
    }

    #[test]
    fn given_objects_keep_or_get_an_identifier() {
        let object = |id: Option<&str>| {
            id.map(|id| ("id".to_owned(), Json::from(id))).into_iter().collect::<Object>()
        };
        let collection = Collection::given(kind(), vec![object(Some("1")), object(None)], false);
        assert_eq!(ids(&collection), ["1", "2"]);
    }
}
