//! Overlays: files that mend a service document without changing it.
//!
//! Owns: merging `config`, `resources.<name>` and their methods into the document before it is read.
//! Refuses: new resources and methods. An overlay may be older or newer than its document, so what the document
//! does not have is left out.

use std::sync::Arc;

use strataql_diag::{Code, Report};

use crate::node::{Map, Node, NodeValue};
use crate::yaml;

/// Merges an overlay into a service document; gives what is wrong with it.
///
/// # Errors
/// `bad-document` if it is no YAML mapping.
pub(super) fn apply(root: &mut Node, text: &str) -> Result<Vec<Report>, Box<Report>> {
    let (overlay, mut reports) = yaml::parse(text)?;
    if overlay.map().is_none() {
        return Err(Box::new(
            Report::new(Code::BadDocument, "the overlay is not a mapping")
                .with_place("", 1)
                .with_help("an overlay has `config` and `resources`"),
        ));
    }
    for (key, part) in overlay.entries() {
        match key {
            "config" => merge_at(root, &["x-stackQL-config"], part),
            "resources" => {
                for (name, resource) in part.entries() {
                    mend(root, name, resource);
                }
            }
            _ => reports.push(
                Report::warning(Code::BadDocument, format!("an overlay has no key `{key}`"))
                    .with_place("", part.line as usize)
                    .with_help("its keys are `config` and `resources`"),
            ),
        }
    }
    Ok(reports)
}

/// Merges what an overlay says about a resource that the document has.
fn mend(root: &mut Node, name: &str, overlay: &Node) {
    let place = ["components", "x-stackQL-resources", name];
    let Some(known) = at(root, &place) else { return };
    let mut overlay = overlay.clone();
    if let Some(map) = map_mut(&mut overlay)
        && let Some(methods) = map.get_mut("methods").and_then(map_mut)
    {
        methods.retain(|key, _| known.get("methods").is_some_and(|own| own.get(key).is_some()));
    }
    merge_at(root, &place, &overlay);
}

fn at<'n>(root: &'n Node, path: &[&str]) -> Option<&'n Node> {
    path.iter().try_fold(root, |node, key| node.get(key))
}

/// Merges into the node at a path, which is made where it is missing.
fn merge_at(root: &mut Node, path: &[&str], patch: &Node) {
    let Some((key, rest)) = path.split_first() else {
        merge(root, patch);
        return;
    };
    let line = root.line;
    if root.map().is_none() {
        root.value = NodeValue::Mapping(Arc::default());
    }
    if let Some(map) = map_mut(root) {
        let child = map.entry((*key).into()).or_insert_with(|| Node::null(line));
        merge_at(child, rest, patch);
    }
}

/// Mappings are merged key by key; anything else is replaced. Lines stay those of the document.
fn merge(node: &mut Node, patch: &Node) {
    let line = node.line;
    let (true, true) = (node.map().is_some(), patch.map().is_some()) else {
        *node = placed(patch, line);
        return;
    };
    let Some(map) = map_mut(node) else { return };
    for (key, part) in patch.map().into_iter().flatten() {
        match map.get_mut(key) {
            Some(own) => merge(own, part),
            None => {
                map.insert(key.clone(), placed(part, line));
            }
        }
    }
}

fn map_mut(node: &mut Node) -> Option<&mut Map> {
    match &mut node.value {
        NodeValue::Mapping(map) => Some(Arc::make_mut(map)),
        _ => None,
    }
}

/// The same node, at another line.
fn placed(node: &Node, line: u32) -> Node {
    let value = match &node.value {
        NodeValue::Sequence(items) => {
            NodeValue::Sequence(Arc::new(items.iter().map(|item| placed(item, line)).collect()))
        }
        NodeValue::Mapping(map) => NodeValue::Mapping(Arc::new(
            map.iter().map(|(key, child)| (key.clone(), placed(child, line))).collect(),
        )),
        other => other.clone(),
    };
    Node { line, value }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "
components:
  x-stackQL-resources:
    things:
      methods:
        list: {response: {objectKey: $.wrong, mediaType: application/json}}
";

    fn mended(overlay: &str) -> (Node, Vec<String>) {
        let mut root = yaml::parse(DOCUMENT).expect("valid").0;
        let reports = apply(&mut root, overlay).expect("valid");
        (root, reports.into_iter().map(|report| report.message).collect())
    }

    #[test]
    fn what_the_document_has_is_mended() {
        let (root, reports) = mended(
            "resources: {things: {methods: {list: {response: {objectKey: $.things}, config: {x-strataql: {paging: none}}}}}}",
        );
        assert_eq!(reports, [""; 0]);
        let list = at(&root, &["components", "x-stackQL-resources", "things", "methods", "list"]);
        let list = list.expect("still there");
        assert_eq!(list.get("response").and_then(|it| it.text_at("objectKey")), Some("$.things"));
        assert_eq!(
            list.get("response").and_then(|it| it.text_at("mediaType")),
            Some("application/json")
        );
        let paging = at(list, &["config", "x-strataql"]).and_then(|block| block.text_at("paging"));
        assert_eq!(paging, Some("none"));
    }

    #[test]
    fn nothing_new_is_made_and_other_keys_are_told() {
        let (root, reports) = mended(
            "{config: {x-strataql: {missing: empty}}, other: 1, resources: {gone: {}, things: {methods: {gone: {}}}}}",
        );
        assert_eq!(reports, ["an overlay has no key `other`"]);
        assert!(at(&root, &["x-stackQL-config", "x-strataql"]).is_some());
        let resources = at(&root, &["components", "x-stackQL-resources"]).expect("there");
        assert!(resources.get("gone").is_none());
        assert!(at(resources, &["things", "methods", "gone"]).is_none());
        assert!(at(resources, &["things", "methods", "list"]).is_some());
    }
}
