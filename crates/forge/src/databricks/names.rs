//! Names of methods in SQL.
//!
//! Owns: the names of the public documents (`names.txt`, facts), and the rule for methods that these do
//! not have: the noun of the SDK method is the resource, its verb the method.

use indexmap::{IndexMap, IndexSet};

use super::words::{plural, singular, snake};
use crate::sdk::{Answer, Api, Operation};

/// Module and class, then SDK methods.
const KNOWN: &str = include_str!("names.txt");

/// Verbs that begin the names of SDK methods, besides those that are known to be nouns.
const VERBS: &[&str] = &[
    "get",
    "list",
    "create",
    "update",
    "delete",
    "set",
    "put",
    "patch",
    "replace",
    "add",
    "remove",
    "approve",
    "reject",
    "cancel",
    "start",
    "stop",
    "restart",
    "search",
    "query",
    "sync",
    "refresh",
    "backfill",
    "purge",
    "extract",
    "fork",
    "append",
    "pop",
    "clear",
    "grant",
    "revoke",
    "execute",
    "download",
    "upload",
    "rename",
    "finalize",
    "reveal",
    "undelete",
    "undrop",
    "complete",
    "restore",
    "enable",
    "disable",
    "validate",
    "generate",
    "rotate",
    "publish",
    "unpublish",
    "deploy",
    "run",
    "reset",
    "move",
    "copy",
    "clone",
    "import",
    "export",
    "batch",
    "read",
    "write",
    "submit",
];
/// Nouns that say nothing without the class they belong to.
const GENERIC: &[&str] = &["permission", "permission_level", "metadata", "path", "file"];

/// The place of a method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) resource: String,
    pub(super) method: String,
    /// `select`, `insert`, `update`, `replace`, `delete`; none for methods that EXEC runs.
    pub(super) verbs: Vec<String>,
    /// The path of the rows, where the public documents have one.
    pub(super) rows: Option<String>,
    /// True for a name of the public documents.
    pub(super) is_known: bool,
}

/// Names by module, class and SDK method.
#[derive(Debug)]
pub(super) struct Names {
    known: IndexMap<(String, String), IndexMap<String, Name>>,
}

/// Verb and noun of an SDK method; the noun is singular.
pub(super) fn split(method: &str) -> (&str, String) {
    match method.split_once('_') {
        Some((verb, noun)) if VERBS.contains(&verb) => (verb, singular(noun)),
        _ => (method, String::new()),
    }
}

impl Names {
    /// The names of the public documents.
    pub(super) fn known() -> Self {
        let mut known: IndexMap<_, IndexMap<String, Name>> = IndexMap::new();
        let mut class = (String::new(), String::new());
        for line in KNOWN.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split_whitespace();
            let mut next = || words.next().unwrap_or_default().to_owned();
            if !line.starts_with(' ') {
                class = (next(), next());
                continue;
            }
            let method = next();
            let place = next();
            let (resource, name) = place.split_once('.').unwrap_or((&place, ""));
            let verbs = next();
            let rows = next();
            let name = Name {
                resource: resource.to_owned(),
                method: name.to_owned(),
                verbs: verbs.split('/').filter(|verb| *verb != "exec").map(str::to_owned).collect(),
                rows: (!rows.is_empty()).then_some(rows),
                is_known: true,
            };
            known.entry(class.clone()).or_default().insert(method, name);
        }
        Self { known }
    }

    /// The names of a class' methods, in order.
    pub(super) fn of(&self, module: &str, api: &Api) -> Vec<Name> {
        let key = (module.to_owned(), api.class.clone());
        let none = IndexMap::new();
        let known = self.known.get(&key).unwrap_or(&none);
        let nouns = NounTable::new(known, api);
        let name = |operation: &Operation| match known.get(&operation.name) {
            Some(name) => name.clone(),
            None => nouns.default(operation),
        };
        api.methods.iter().map(name).collect()
    }

    /// Every known name, with its module.
    #[cfg(test)]
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &Name)> {
        self.known.iter().flat_map(|((module, _), methods)| {
            methods.values().map(move |name| (module.as_str(), name))
        })
    }
}

/// What the nouns of a class are called.
struct NounTable {
    /// The class without `API`, in snake case.
    base: String,
    /// Noun → resource, from known names.
    resources: IndexMap<String, String>,
    /// What known resources have before their nouns.
    prefix: String,
    /// The only resource of a class whose methods are all in one.
    only: Option<(String, Style)>,
    /// Nouns that a method of the class lists or creates.
    families: IndexSet<String>,
}

/// How methods are called in a class with one resource.
#[derive(Clone, Copy, PartialEq)]
enum Style {
    /// `resource_get`
    Prefixed,
    /// `get`
    Plain,
}

impl NounTable {
    fn new(known: &IndexMap<String, Name>, api: &Api) -> Self {
        let base = snake(api.class.trim_end_matches("API"));
        let mut resources: IndexMap<String, String> = IndexMap::new();
        let mut prefixes: IndexMap<String, usize> = IndexMap::new();
        for (method, name) in known {
            let (verb, noun) = split(method);
            if noun.is_empty() {
                continue;
            }
            if matches!(verb, "create" | "list") || !resources.contains_key(&noun) {
                resources.insert(noun.clone(), name.resource.clone());
            }
            if let Some(prefix) = name.resource.strip_suffix(&plural(&noun)) {
                *prefixes.entry(prefix.to_owned()).or_default() += 1;
            }
        }
        let prefix = prefixes.into_iter().max_by_key(|(_, count)| *count);
        let places: IndexSet<&str> = known.values().map(|name| name.resource.as_str()).collect();
        let has_nouns = api.methods.iter().any(|operation| !split(&operation.name).1.is_empty());
        let only = match (places.len(), places.first()) {
            (1, Some(place)) => {
                let is_prefixed =
                    known.iter().any(|(method, name)| name.method == format!("{place}_{method}"));
                let style = if is_prefixed { Style::Prefixed } else { Style::Plain };
                Some(((*place).to_owned(), style))
            }
            (0, _) if !has_nouns => Some((base.clone(), Style::Prefixed)),
            _ => None,
        };
        let families = api.methods.iter().filter_map(|operation| {
            let (verb, noun) = split(&operation.name);
            (matches!(verb, "create" | "list") && !noun.is_empty()).then_some(noun)
        });
        Self {
            resources,
            prefix: prefix.map(|(prefix, _)| prefix).unwrap_or_default(),
            only,
            families: families.collect(),
            base,
        }
    }

    fn default(&self, operation: &Operation) -> Name {
        let (verb, noun) = split(&operation.name);
        let (resource, method) = if let Some(resource) = self.resources.get(&noun) {
            (resource.clone(), verb.to_owned())
        } else if let Some((resource, style)) =
            self.only.as_ref().filter(|_| noun.is_empty() || !self.families.contains(&noun))
        {
            let method = match style {
                Style::Prefixed => format!("{resource}_{}", operation.name),
                Style::Plain => operation.name.clone(),
            };
            (resource.clone(), method)
        } else if noun.is_empty() {
            (self.base.clone(), operation.name.clone())
        } else if GENERIC.contains(&noun.as_str()) && !self.families.contains(&noun) {
            (format!("{}_{}", singular(&self.base), plural(&noun)), verb.to_owned())
        } else {
            (format!("{}{}", self.prefix, plural(&noun)), verb.to_owned())
        };
        let verbs = sql_verb(operation, verb).map(str::to_owned).into_iter().collect();
        Name { resource, method, verbs, rows: None, is_known: false }
    }
}

/// The SQL verb of a method that the public documents do not have.
fn sql_verb(operation: &Operation, verb: &str) -> Option<&'static str> {
    match operation.verb.as_str() {
        "GET" if operation.answer != Answer::None => Some("select"),
        "POST" => match verb {
            "create" | "add" | "put" | "insert" => Some("insert"),
            "update" | "edit" | "patch" => Some("update"),
            "delete" | "remove" => Some("delete"),
            _ => None,
        },
        "PATCH" => Some("update"),
        "PUT" if matches!(verb, "update" | "set" | "replace" | "put") => Some("replace"),
        "DELETE" if matches!(verb, "delete" | "remove" | "revoke") => Some("delete"),
        _ => None,
    }
}
