//! Where the rows of an answer are.

use serde_json::Value as Json;

use super::document::Description;
use super::names::{plain, singular};

/// Keys that hold rows in many APIs.
const ROWS: [&str; 14] = [
    "data",
    "items",
    "results",
    "result",
    "value",
    "values",
    "records",
    "entries",
    "list",
    "content",
    "objects",
    "rows",
    "resources",
    "elements",
];
/// Keys that hold one object in many APIs.
const OBJECTS: [&str; 7] = ["data", "item", "result", "object", "resource", "response", "payload"];
/// Keys beside rows, without case and separators.
const ENVELOPE: [&str; 43] = [
    "meta",
    "metadata",
    "paging",
    "pagination",
    "page",
    "pages",
    "pageinfo",
    "links",
    "link",
    "total",
    "totals",
    "totalcount",
    "totalresults",
    "totalitems",
    "totalpages",
    "pagecount",
    "count",
    "hasmore",
    "more",
    "cursor",
    "cursors",
    "success",
    "status",
    "code",
    "message",
    "messages",
    "errors",
    "error",
    "requestid",
    "limit",
    "offset",
    "size",
    "pagesize",
    "perpage",
    "self",
    "first",
    "last",
    "object",
    "kind",
    "etag",
    "included",
    "warnings",
    "resultinfo",
];
/// How deep envelopes are nested.
const MAX_DEPTH: usize = 4;

/// The place of a row or of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Keys from the root.
    pub(super) path: Vec<String>,
    /// True if the place holds a list.
    pub(super) is_list: bool,
    /// Other places that would fit as well.
    pub(super) others: Vec<String>,
}

impl Place {
    fn object(path: Vec<String>) -> Self {
        Self { path, is_list: false, others: Vec::new() }
    }

    /// The `objectKey`, if the place is not the root.
    pub(super) fn key(&self) -> Option<String> {
        (!self.path.is_empty()).then(|| dotted(&self.path))
    }
}

/// A path of keys as documents write it.
pub(super) fn dotted(path: &[String]) -> String {
    let mut text = "$".to_owned();
    for step in path {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if step.chars().all(is_word) {
            text.push('.');
            text.push_str(step);
        } else {
            text.push_str("['");
            text.push_str(step);
            text.push_str("']");
        }
    }
    text
}

/// The rows of a collection; `None` if the answer has no place for them.
pub(super) fn of_collection(
    description: &Description<'_>,
    schema: &Json,
    resource: &str,
    has_items: bool,
) -> Option<Place> {
    match description.kind(schema) {
        "array" => return Some(Place { path: Vec::new(), is_list: true, others: Vec::new() }),
        "object" => {}
        _ => return None,
    }
    let mut found: Vec<(i32, Vec<String>)> = Vec::new();
    search(description, schema, resource, has_items, &mut Vec::new(), &mut found);
    found.sort_by_key(|(score, _)| -score);
    let Some((best, path)) = found.first().cloned() else {
        return Some(of_object(description, schema, resource));
    };
    let same = found.iter().skip(1).filter(|(score, _)| *score == best);
    let others = same.map(|(_, path)| dotted(path)).collect();
    Some(Place { path, is_list: true, others })
}

fn search(
    description: &Description<'_>,
    schema: &Json,
    resource: &str,
    has_items: bool,
    path: &mut Vec<String>,
    out: &mut Vec<(i32, Vec<String>)>,
) {
    if path.len() >= MAX_DEPTH {
        return;
    }
    let properties = description.properties(schema);
    for (name, property) in &properties {
        let key = plain(name);
        let own = plain(resource);
        let is_named =
            key == own || key == plain(&singular(resource)) || own.ends_with(&key) && key.len() > 3;
        let is_common = ROWS.contains(&key.as_str());
        let others = || properties.iter().filter(|(other, _)| other != name);
        let is_alone = others().all(|(other, _)| is_envelope(other));
        let depth = i32::try_from(path.len()).unwrap_or(0);
        match description.kind(property) {
            "array" if !is_envelope(name) || is_common => {
                let item = property.get("items");
                let is_object = item.is_some_and(|item| description.kind(item) == "object");
                let is_candidate = is_named || is_alone || (is_common && has_items);
                if !is_candidate {
                    continue;
                }
                let score = i32::from(is_named) * 8
                    + i32::from(is_object) * 4
                    + i32::from(is_common) * 2
                    + i32::from(is_alone)
                    - depth;
                path.push((*name).to_owned());
                out.push((score, path.clone()));
                path.pop();
            }
            "object"
                if is_common || is_named || key == "embedded" || key == "response" || is_alone =>
            {
                path.push((*name).to_owned());
                search(description, property, resource, has_items, path, out);
                path.pop();
            }
            _ => {}
        }
    }
}

/// The object of an answer: inside of an envelope, or the whole of it.
pub(super) fn of_object(description: &Description<'_>, schema: &Json, resource: &str) -> Place {
    if description.kind(schema) == "array" {
        return Place { path: Vec::new(), is_list: true, others: Vec::new() };
    }
    let mut path = Vec::new();
    let mut at = schema;
    while path.len() < MAX_DEPTH {
        let properties = description.properties(at);
        let mut inner =
            properties.iter().filter(|(name, _)| !is_envelope(name) || is_wrapper(name, resource));
        let (Some((name, property)), None) = (inner.next(), inner.next()) else { break };
        let is_object =
            description.kind(property) == "object" && !description.properties(property).is_empty();
        if !is_object || !is_wrapper(name, resource) {
            break;
        }
        path.push((*name).to_owned());
        at = property;
    }
    Place::object(path)
}

fn is_wrapper(name: &str, resource: &str) -> bool {
    let key = plain(name);
    let own = plain(&singular(resource));
    OBJECTS.contains(&key.as_str()) || key == own || key.len() > 3 && own.ends_with(&key)
}

/// True for keys that stand beside rows.
pub(super) fn is_envelope(name: &str) -> bool {
    let key = plain(name);
    let key = key.strip_prefix("odata").unwrap_or(&key);
    ENVELOPE.contains(&key) || key.starts_with("next") || key.starts_with("prev")
}
