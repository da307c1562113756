//! References and composition of schemas, followed as far as a page needs.

use serde_json::{Map, Value as Json};

/// References in a row that are followed.
const MAX_CHAIN: usize = 16;

/// The node with its `$ref` and `allOf` replaced; keys beside a reference win.
pub(super) fn resolved(root: &Json, node: &Json) -> Json {
    follow(root, node, MAX_CHAIN)
}

fn follow(root: &Json, node: &Json, left: usize) -> Json {
    let Some(map) = node.as_object() else { return node.clone() };
    if left == 0 {
        return node.clone();
    }
    if let Some(reference) = map.get("$ref").and_then(Json::as_str) {
        let target = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        let target =
            target.map_or_else(|| Json::Object(Map::new()), |node| follow(root, node, left - 1));
        let mut merged: Map<String, Json> = map
            .iter()
            .filter(|(key, _)| *key != "$ref")
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        for (key, value) in target.as_object().into_iter().flatten() {
            merged.entry(key.clone()).or_insert_with(|| value.clone());
        }
        return Json::Object(merged);
    }
    let Some(parts) = map.get("allOf").and_then(Json::as_array) else { return node.clone() };
    let mut merged: Map<String, Json> = map
        .iter()
        .filter(|(key, _)| *key != "allOf")
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    for part in parts {
        let part = follow(root, part, left - 1);
        for (key, value) in part.as_object().into_iter().flatten() {
            match (merged.get_mut(key), value) {
                (Some(Json::Object(own)), Json::Object(more)) if key == "properties" => {
                    own.extend(more.clone());
                }
                (Some(Json::Array(own)), Json::Array(more)) if key == "required" => {
                    own.extend(more.iter().cloned());
                }
                (Some(_), _) => {}
                (None, _) => {
                    merged.insert(key.clone(), value.clone());
                }
            }
        }
    }
    Json::Object(merged)
}

/// The text of a key.
pub(super) fn text<'a>(node: &'a Json, key: &str) -> Option<&'a str> {
    node.get(key)?.as_str()
}

/// The entries of an object below a key.
pub(super) fn entries<'a>(
    node: &'a Json,
    key: &str,
) -> impl Iterator<Item = (&'a String, &'a Json)> {
    node.get(key).and_then(Json::as_object).into_iter().flatten()
}
