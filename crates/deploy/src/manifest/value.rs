//! Values of manifests, and the vocabulary of documentation pages.

use serde_json::{Map, Value as Json};
use strataql_spec::Node;

/// Marks a text that was not quoted: a value that is one expression keeps its type.
pub(crate) const SINGLE: char = '\u{e000}';

/// Words that documentation pages have in place of values.
const TYPES: &[&str] = &[
    "string", "integer", "boolean", "object", "array", "number", "int32", "int64", "float",
    "double",
];

/// The type that stands in place of a value.
pub(crate) fn placeholder_type(value: &Json) -> Option<String> {
    let text = value.as_str()?;
    let word = text.split([' ', '(']).next().unwrap_or_default();
    let is_type = TYPES.contains(&text)
        || TYPES.contains(&word) && text.ends_with(')')
        || text.to_lowercase().starts_with("array of ")
        || text.to_lowercase().starts_with("array<");
    is_type.then(|| text.to_owned())
}

/// The value of a prop. Nested `props` with values are another way to write an object, `items` a list.
pub(super) fn of_prop(node: &Node) -> Option<Json> {
    let own = node.get("value").map(Node::to_json);
    let nested = node.get("props").filter(|props| !props.items().is_empty());
    match (own, nested) {
        // a documentation page: the type in `value`, the members in `props`
        (Some(value), Some(nested)) if placeholder_type(&value).is_some() => {
            Some(members(nested).unwrap_or(value))
        }
        (None, Some(nested)) => members(nested),
        (own, _) => own.or_else(|| {
            let items = node.get("items")?.items();
            Some(Json::Array(items.iter().map(Node::to_json).collect()))
        }),
    }
}

/// The object of nested props; `None` if no member has a value of its own.
fn members(nested: &Node) -> Option<Json> {
    let mut members = Map::new();
    for prop in nested.items() {
        let (Some(name), Some(value)) = (prop.text_at("name"), of_prop(prop)) else { continue };
        if placeholder_type(&value).is_none() {
            members.insert(name.to_owned(), value);
        }
    }
    (!members.is_empty()).then_some(Json::Object(members))
}
