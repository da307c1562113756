//! Which resource an operation belongs to, and its role there.
//!
//! Surprise: paths decide, not tags: `/teams/{team}/tickets/{id}` is an item of the resource `tickets`,
//! whatever the parameters are called.

use std::collections::HashSet;

use serde_json::Value as Json;
use strataql_diag::Report;

use super::document::{Description, VERBS};
use super::names::{is_plural, singular, word};
use super::{Guess, refused};

/// Segments that version or mount an API and name nothing.
const MOUNTS: [&str; 5] = ["api", "apis", "rest", "public", "admin"];
/// The most operations of a description.
const MAX_OPERATIONS: usize = 20_000;

/// Where operations come from.
pub(super) enum Source {
    /// The paths.
    Paths,
    /// A tree of resources that the description has.
    Tree(Vec<Method>),
}

/// A method of a description with a tree of resources.
pub(super) struct Method {
    /// Its path in the document.
    pub(super) path: String,
    /// Its HTTP verb.
    pub(super) verb: String,
    /// Names of resources, from the outermost.
    pub(super) resource: Vec<String>,
    /// Its own name.
    pub(super) name: String,
}

/// What an operation does for its resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Role {
    /// It works on all objects: list, create.
    Collection,
    /// It works on one object: get, change, delete.
    Item,
    /// Anything else, by its name.
    Action(String),
}

/// An operation with its resource and role.
pub(super) struct Placed<'a> {
    /// What operations of one resource share.
    pub(super) group: String,
    /// Words that may name the resource, from the outermost.
    words: Vec<String>,
    pub(super) role: Role,
    pub(super) path: &'a str,
    pub(super) verb: String,
    pub(super) item: &'a Json,
    pub(super) operation: &'a Json,
}

/// A resource with its operations.
pub(super) struct Resource<'a> {
    /// Its name in SQL.
    pub(super) name: String,
    pub(super) operations: Vec<Placed<'a>>,
}

/// Every operation of a description, by resource.
pub(super) fn place<'a>(
    description: &Description<'a>,
    source: &Source,
    file: &str,
    guesses: &mut Vec<Guess>,
) -> Result<Vec<Resource<'a>>, Box<Report>> {
    let placed = match source {
        Source::Paths => by_path(description, guesses),
        Source::Tree(methods) => by_tree(description, methods),
    };
    if placed.is_empty() {
        return Err(refused(
            file,
            "the document has no operation that can be called",
            "paths begin with `/` and have operations such as `get`",
        ));
    }
    if placed.len() > MAX_OPERATIONS {
        return Err(refused(
            file,
            format!("the document has {} operations, more than {MAX_OPERATIONS}", placed.len()),
            "split it, and import each part as a service",
        ));
    }
    Ok(named(placed))
}

fn by_tree<'a>(description: &Description<'a>, methods: &[Method]) -> Vec<Placed<'a>> {
    let mut placed = Vec::new();
    for method in methods {
        let Some((path, item)) = description.paths().find(|(path, _)| *path == method.path) else {
            continue;
        };
        let Some(operation) = item.get(&method.verb) else { continue };
        let role = match (method.name.as_str(), method.verb.as_str()) {
            ("list" | "aggregatedList" | "search", "get") | ("insert" | "create", "post") => {
                Role::Collection
            }
            ("get", "get")
            | ("patch" | "update", "patch" | "put")
            | ("update", "post")
            | ("delete", "delete") => Role::Item,
            (name, _) => Role::Action(word(name)),
        };
        placed.push(Placed {
            group: method.resource.join("."),
            words: method.resource.iter().map(|name| word(name)).collect(),
            role,
            path,
            verb: method.verb.clone(),
            item,
            operation,
        });
    }
    placed
}

/// A segment of a path.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Segment {
    Word(String),
    Parameter,
}

/// The segments of a path, and the action behind a `:` at its end.
fn segments(path: &str) -> (Vec<Segment>, Option<String>) {
    let path = path.split(['?', '#']).next().unwrap_or(path).trim_matches('/');
    let (path, action) = match path.rsplit_once(':') {
        Some((rest, action)) if !action.contains(['/', '{', '}']) && !action.is_empty() => {
            (rest, Some(word(action)))
        }
        _ => (path, None),
    };
    let read = |part: &str| {
        if part.contains('{') {
            Segment::Parameter
        } else {
            Segment::Word(part.trim_end_matches(".json").to_owned())
        }
    };
    (path.split('/').filter(|part| !part.is_empty()).map(read).collect(), action)
}

fn by_path<'a>(description: &Description<'a>, guesses: &mut Vec<Guess>) -> Vec<Placed<'a>> {
    // what has items below it is a collection, whatever it is called
    let mut parents: HashSet<Vec<Segment>> = HashSet::new();
    for (path, _) in description.paths() {
        let (mut own, _) = segments(path);
        if own.last() == Some(&Segment::Parameter) {
            own.pop();
            parents.insert(own);
        }
    }
    let mut placed = Vec::new();
    for (path, item) in description.paths() {
        if !path.starts_with('/') {
            let guess =
                Guess::new(format!("path `{path}`"), "left out", "it does not begin with `/`");
            guesses.push(guess.open());
            continue;
        }
        let item = description.resolve(item);
        let (mut group, action) = segments(path);
        let is_item = group.last() == Some(&Segment::Parameter);
        let reads = item.get("get").is_some() || item.get("head").is_some();
        let mut role = match action {
            Some(action) => Role::Action(action),
            None if is_item => Role::Item,
            None => Role::Collection,
        };
        if role == Role::Collection
            && group.len() > 1
            && !reads
            && !parents.contains(&group)
            && let Some(Segment::Word(last)) = group.last()
            && (!is_plural(&word(last)) || is_action(last))
            && has_object(&group[..group.len() - 1], &parents)
        {
            role = Role::Action(word(last));
            group.pop();
        }
        while group.last() == Some(&Segment::Parameter) {
            group.pop();
        }
        let words = words(&group);
        let key: Vec<&str> = group
            .iter()
            .map(|segment| match segment {
                Segment::Word(word) => word.as_str(),
                Segment::Parameter => "{}",
            })
            .collect();
        for verb in VERBS {
            let Some(operation) = item.get(verb).filter(|node| node.is_object()) else { continue };
            if matches!(verb, "head" | "options") {
                continue;
            }
            placed.push(Placed {
                group: key.join("/"),
                words: words.clone(),
                role: role.clone(),
                path,
                verb: verb.to_owned(),
                item,
                operation,
            });
        }
    }
    placed
}

/// True if an action has something to work on: an object, or a collection.
fn has_object(above: &[Segment], parents: &HashSet<Vec<Segment>>) -> bool {
    above.last() == Some(&Segment::Parameter) || parents.contains(above)
}

/// Words that end like several things and are none.
fn is_action(word: &str) -> bool {
    ["dismiss", "process", "access", "focus"].contains(&word)
}

/// The words of a path that may name a resource, without versions and mounts in front.
fn words(group: &[Segment]) -> Vec<String> {
    let all: Vec<&str> = group
        .iter()
        .filter_map(|segment| match segment {
            Segment::Word(word) => Some(word.as_str()),
            Segment::Parameter => None,
        })
        .collect();
    let is_mount = |text: &&&str| {
        let is_version = text
            .strip_prefix('v')
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        is_version || MOUNTS.contains(*text)
    };
    let skipped = all.iter().take_while(is_mount).count();
    let kept = if skipped < all.len() { &all[skipped..] } else { &all[..] };
    let mut words: Vec<String> =
        kept.iter().map(|text| word(text)).filter(|word| !word.is_empty()).collect();
    // `status` says little, `ticket_status` says what it is of
    if let [.., above, last] = words.as_slice()
        && !is_plural(last)
    {
        let joined = format!("{}_{last}", singular(above));
        words.pop();
        words.push(joined);
    }
    words
}

/// Groups operations, and gives each group a name of its own: shorter paths have the first choice.
fn named(placed: Vec<Placed<'_>>) -> Vec<Resource<'_>> {
    let mut groups: Vec<(Vec<String>, Vec<Placed<'_>>)> = Vec::new();
    let mut known: std::collections::HashMap<String, usize> = std::collections::HashMap::new();
    for operation in placed {
        let at = *known.entry(operation.group.clone()).or_insert_with(|| {
            groups.push((operation.words.clone(), Vec::new()));
            groups.len() - 1
        });
        groups[at].1.push(operation);
    }
    let mut order: Vec<usize> = (0..groups.len()).collect();
    order.sort_by_key(|at| groups[*at].0.len());
    let mut taken: HashSet<String> = HashSet::new();
    let mut names = vec![String::new(); groups.len()];
    for at in order {
        let words = &groups[at].0;
        let mut name = words.last().cloned().unwrap_or_else(|| "root".to_owned());
        for above in words.iter().rev().skip(1) {
            if !taken.contains(&name) {
                break;
            }
            name = format!("{}_{name}", singular(above));
        }
        let base = name.clone();
        let mut number = 2;
        while !taken.insert(name.clone()) {
            name = format!("{base}_{number}");
            number += 1;
        }
        names[at] = name;
    }
    names
        .into_iter()
        .zip(groups)
        .map(|(name, (_, operations))| Resource { name, operations })
        .collect()
}
