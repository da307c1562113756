//! Where each method goes: provider, resource, path key.
//!
//! Surprise: a document cannot have one path and HTTP verb twice, and the service has: whatever is
//! behind `/postgres/{name}` depends on the value. Such paths get a parameter per resource
//! (`{project_name}`, `{branch_name}`), which is still called `name` in SQL.

use indexmap::{IndexMap, IndexSet};
use serde_json::Value as Json;

use super::names::{Name, split};
use super::operation::{built, template};
use super::schema::Schemas;
use super::words::{singular, snake};
use crate::sdk::{Api, Operation, PathPart};

/// A method in its place.
pub(super) struct Placed<'a> {
    pub(super) operation: &'a Operation,
    pub(super) class: &'a str,
    pub(super) name: Name,
    /// `operationId`.
    pub(super) id: String,
    /// The path key of the document.
    pub(super) key: String,
    /// Path parameters: Python names and names in the key.
    pub(super) path: Vec<(String, String)>,
    /// The operation object.
    pub(super) object: Json,
    /// True if the class has parents in its paths, so that its names are resource names.
    pub(super) in_hierarchy: bool,
    /// True if the parameter's new name is its name in SQL too.
    pub(super) is_renamed_for_good: bool,
}

/// Places the methods of a service that belong to one provider.
pub(super) fn place<'a>(
    schemas: &mut Schemas<'_>,
    apis: &[(&'a Api, Vec<Name>)],
    in_workspace: bool,
) -> Vec<Placed<'a>> {
    let mut all = Vec::new();
    for (api, names) in apis {
        let in_hierarchy = api.methods.iter().any(|operation| has_parameter(operation, "parent"));
        let polled: IndexSet<&str> = api
            .methods
            .iter()
            .filter_map(|operation| operation.wait.as_ref())
            .filter(|wait| wait.status.is_empty())
            .map(|wait| wait.poll.as_str())
            .collect();
        for (operation, name) in api.methods.iter().zip(names) {
            if operation.in_workspace != in_workspace {
                continue;
            }
            let id = format!("{}_{}", snake(api.class.trim_end_matches("API")), operation.name);
            // the operation's name is not the name of what is changed: a change that is awaited has both
            let is_poll = polled.contains(operation.name.as_str()) && !name.is_known;
            all.push(Placed {
                operation,
                class: &api.class,
                name: name.clone(),
                id,
                key: String::new(),
                path: Vec::new(),
                object: Json::Null,
                in_hierarchy,
                is_renamed_for_good: is_poll,
            });
        }
    }
    // the method's own address is not in the package; the one that it stands for has the same path
    let twins: Vec<(usize, usize)> = all
        .iter()
        .enumerate()
        .filter(|(_, placed)| placed.operation.path.is_empty())
        .filter_map(|(at, placed)| {
            let name = &placed.operation.name;
            let other = all.iter().position(|other| {
                other.operation.name == *name
                    && !other.operation.path.is_empty()
                    && placed.class.starts_with(other.class.trim_end_matches("API"))
            });
            Some((at, other?))
        })
        .collect();
    for (at, other) in twins {
        all[at].operation = all[other].operation;
    }
    all.retain(|placed| !placed.operation.path.is_empty());
    for placed in &mut all {
        let renamed = placed.is_renamed_for_good;
        set_key(schemas, placed, &|name| match (renamed, name) {
            (true, "name") => "operation_name".to_owned(),
            _ => name.to_owned(),
        });
    }
    let contended: IndexSet<String> = contended(&all).into_iter().collect();
    for placed in &mut all {
        if contended.contains(&placed.key) && !placed.is_renamed_for_good {
            let last = placed.path.last().map(|(name, _)| name.clone());
            let noun = noun(placed);
            set_key(schemas, placed, &|name| {
                if last.as_deref() == Some(name) {
                    format!("{noun}_{name}")
                } else {
                    name.to_owned()
                }
            });
        }
    }
    rename_duplicates(&mut all);
    withdraw_twins(&mut all);
    all
}

fn has_parameter(operation: &Operation, wanted: &str) -> bool {
    operation
        .path
        .iter()
        .any(|part| matches!(part, PathPart::Parameter { name, .. } if name == wanted))
}

/// What a method's path parameter names.
fn noun(placed: &Placed<'_>) -> String {
    let (_, noun) = split(&placed.operation.name);
    if noun.is_empty() { singular(&placed.name.resource) } else { noun }
}

fn set_key(schemas: &mut Schemas<'_>, placed: &mut Placed<'_>, rename: &dyn Fn(&str) -> String) {
    let (key, path) = template(&placed.operation.path, rename);
    placed.object = built(schemas, placed.operation, &placed.id, &path);
    placed.key = key;
    placed.path = path;
}

/// Path keys that operations on different things want for one HTTP verb. Two versions of one API share
/// their paths: they are the same request.
fn contended(all: &[Placed<'_>]) -> Vec<String> {
    let mut seen: IndexMap<(&str, &str), (&Json, String)> = IndexMap::new();
    let mut found = Vec::new();
    for placed in all.iter().filter(|placed| !placed.path.is_empty()) {
        let place = (placed.key.as_str(), placed.operation.verb.as_str());
        let noun = noun(placed);
        match seen.get(&place) {
            Some((object, other)) if **object != placed.object && *other != noun => {
                found.push(placed.key.clone());
            }
            Some(_) => {}
            None => {
                seen.insert(place, (&placed.object, noun));
            }
        }
    }
    found
}

/// A method whose name another one of its resource has is called as its operation is.
fn rename_duplicates(all: &mut [Placed<'_>]) {
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|at| !all[*at].name.is_known);
    let mut seen: IndexSet<(String, String)> = IndexSet::new();
    for at in order {
        let placed = &mut all[at];
        let Name { resource, method, .. } = &placed.name;
        if !seen.insert((resource.clone(), method.clone())) {
            placed.name.method.clone_from(&placed.id);
        }
    }
}

/// A method whose request another one of its resource makes already is left to EXEC.
fn withdraw_twins(all: &mut [Placed<'_>]) {
    let mut seen: IndexSet<(String, String, String)> = IndexSet::new();
    let mut known: Vec<usize> = (0..all.len()).collect();
    known.sort_by_key(|at| !all[*at].name.is_known);
    for at in known {
        let placed = &mut all[at];
        let shape: String = placed
            .key
            .split('{')
            .map(|part| part.split_once('}').map_or(part, |(_, rest)| rest))
            .collect();
        let request = (placed.name.resource.clone(), placed.operation.verb.clone(), shape);
        if !seen.insert(request) {
            placed.name.verbs.clear();
        }
    }
}
