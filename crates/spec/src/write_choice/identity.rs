//! Fields of a body that name the object of a write.
//!
//! Owns: telling them from the fields that are changed. Best first: what a method needs that shows one
//! object; the required fields of a method that nothing else points at an object; a field that is called
//! like the object.
//! Refuses: guessing among several fields that are called like nothing.

use super::{StatementNames, missing_fields, required};
use crate::body::BodyProperty;
use crate::column::Column;
use crate::method::{HttpVerb, Input, Location, Method, SqlVerb};
use crate::schema::{SchemaKind, Schemas};
use crate::service::Resource;

/// Names of fields that name an object, whatever it is.
const NAMES: &[&str] = &["id", "name", "arn", "identifier", "uuid", "guid", "key", "slug"];

impl Resource {
    /// The fields of a method's body that name the object which an UPDATE, REPLACE or DELETE changes.
    pub fn body_keys<'m>(
        &self,
        schemas: &Schemas,
        method: &'m Method,
        given: &StatementNames,
    ) -> Vec<Input<'m>> {
        let Some(body) = &method.body else { return Vec::new() };
        let looked_up = self.looked_up(method, given);
        if !looked_up.is_empty() {
            return looked_up;
        }
        let has_own = required(method).any(|input| !self.is_scope(input.name));
        if has_own {
            return Vec::new();
        }
        let is_key = |property: &BodyProperty| {
            !schemas[property.schema].kind.is_nested() && !given.sets(&Input::of_property(property))
        };
        let needed: Vec<Input<'m>> = missing_fields(method)
            .filter(|field| body.property(field.name).is_some_and(is_key))
            .collect();
        if !needed.is_empty() {
            return needed;
        }
        let called: Vec<Input<'m>> = body
            .properties
            .iter()
            .filter(|property| is_key(property) && self.is_called_like(property.plain_name()))
            .map(Input::of_property)
            .collect();
        let equated: Vec<Input<'m>> =
            called.iter().copied().filter(|input| given.equates(input)).collect();
        if !equated.is_empty() {
            return equated;
        }
        let all: Vec<Input<'m>> = match given.verb {
            // a deletion has no other use for a field that WHERE gives
            SqlVerb::Delete if called.is_empty() => body
                .properties
                .iter()
                .filter(|property| is_key(property))
                .map(Input::of_property)
                .filter(|input| given.equates(input))
                .collect(),
            _ => called,
        };
        let mut known = all.into_iter().filter(|input| {
            let name = super::plain(input);
            given.equates(input)
                || self.candidates(SqlVerb::Select).any(|select| select.column(name).is_some())
        });
        known.next().into_iter().collect()
    }

    /// What the first lookup needs that the method takes in its body.
    fn looked_up<'m>(&self, method: &'m Method, given: &StatementNames) -> Vec<Input<'m>> {
        let Some(body) = &method.body else { return Vec::new() };
        let lookups = self.candidates(SqlVerb::Select).filter(|it| it.response.rows.is_single());
        for lookup in lookups {
            let needed: Vec<Input<'_>> = lookup
                .inputs()
                .filter(|input| input.required && input.location != Some(Location::Server))
                .collect();
            let mut keys = Vec::new();
            let taken = needed.iter().all(|input| {
                if method.param(input.name).is_some() {
                    return true;
                }
                let Some(property) = body.property(super::plain(input)) else { return false };
                let key = Input::of_property(property);
                let is_free = !given.sets(&key);
                keys.extend(is_free.then_some(key));
                is_free
            });
            if taken && !keys.is_empty() {
                return keys;
            }
        }
        // no lookup can be made of what the method takes: a field that both need names the object all the same
        let mut shared = Vec::new();
        for lookup in self.candidates(SqlVerb::Select).filter(|it| it.response.rows.is_single()) {
            for input in lookup.inputs().filter(|input| input.required) {
                let Some(property) = body.property(super::plain(&input)) else { continue };
                let key = Input::of_property(property);
                let is_new = shared.iter().all(|found: &Input<'_>| found.name != key.name);
                if property.required && is_new && !given.sets(&key) {
                    shared.push(key);
                }
            }
        }
        shared
    }

    /// True if a method changes the only object of its kind: nothing names it, and a lookup of the same path finds
    /// it. What holds a list and has no id may stand for many objects, and a deletion is never taken for one of a
    /// single object.
    pub fn is_singleton(&self, schemas: &Schemas, method: &Method) -> bool {
        let is_unnamed = required(method).all(|input| input.location == Some(Location::Server));
        let is_one = |select: &Method| {
            let has_list = |column: &Column| schemas[column.schema].kind == SchemaKind::Array;
            select.is_selectable()
                && select.response.rows.is_single()
                && (!select.response.columns.iter().any(has_list)
                    || select.response.columns.iter().any(|column| column.name == "id"))
        };
        is_unnamed
            && method.verb != HttpVerb::Delete
            && self
                .candidates(SqlVerb::Select)
                .any(|select| select.path == method.path && is_one(select))
    }

    /// True for what every list of objects needs: it names where objects are, and none of them.
    pub fn is_scope(&self, name: &str) -> bool {
        let mut lists = self
            .candidates(SqlVerb::Select)
            .filter(|method| method.is_selectable() && !method.response.rows.is_single())
            .peekable();
        lists.peek().is_some()
            && lists.all(|list| list.input(name).is_some_and(|input| input.required))
    }

    /// True for a key that tells one object of the resource from the others: with the other keys it is what a
    /// lookup needs, it is called like the object, or it stands behind the path of a list. What a list needs is
    /// the scope of its rows, and what is called otherwise (`kind`, the owner) may be the same in many.
    pub(super) fn names_one(&self, method: &Method, keys: &[Input<'_>], key: &Input<'_>) -> bool {
        let name = super::plain(key);
        let is_sought = |lookup: &Method| {
            super::needed(lookup).any(|input| super::is_called(&input, name))
                && super::takes_all(method, keys, lookup)
        };
        let is_one = |select: &Method| {
            if select.response.rows.is_single() {
                is_sought(select)
            } else {
                method.path.is_item_of(&select.path, key.wire)
            }
        };
        let mut selects = self.candidates(SqlVerb::Select).filter(|it| it.is_selectable());
        !self.is_scope(key.name) && (self.is_name_of_rows(name) || selects.any(is_one))
    }

    /// True for a field that is called like the object. Where the rows have an `id`, that is another one than a
    /// field which is called like the resource alone: `kind` of `kinds`.
    fn is_name_of_rows(&self, field: &str) -> bool {
        let has_suffix = NAMES.iter().any(|name| plain(field).ends_with(name));
        let has_id = |select: &Method| {
            select.response.columns.iter().any(|column| plain(&column.name) == "id")
        };
        self.is_called_like(field) && (has_suffix || !self.candidates(SqlVerb::Select).any(has_id))
    }

    /// True for a method that gets one object by its name, though its response could hold several (XML).
    pub(super) fn is_lookup_by(&self, select: &Method, name: &str) -> bool {
        let is_inside = !select.path.ends_with(name) && select.path.params().contains(&name);
        select.name.to_ascii_lowercase().starts_with("get")
            && self.is_called_like(name)
            && !is_inside
    }

    /// True if a field is called like a name of the object: `id`, `job`, `job_id`.
    pub(super) fn is_called_like(&self, field: &str) -> bool {
        let field = plain(field);
        if NAMES.contains(&field.as_str()) {
            return true;
        }
        let last = self.name.rsplit(['_', '-', '.']).next().unwrap_or(&self.name);
        [self.name.as_str(), last].into_iter().any(|resource| {
            let resource = plain(resource);
            let mut singulars = vec![resource.clone()];
            singulars.extend(resource.strip_suffix('s').map(str::to_owned));
            singulars.extend(resource.strip_suffix("es").map(str::to_owned));
            singulars.extend(resource.strip_suffix("ies").map(|stem| format!("{stem}y")));
            singulars.iter().any(|one| {
                let rest = field.strip_prefix(one.as_str());
                rest.is_some_and(|rest| rest.is_empty() || NAMES.contains(&rest))
            })
        })
    }
}

/// A name without separators and case.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}
