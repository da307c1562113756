//! Split documents: a register of resources, whose operations are in documents beside it.
//!
//! Owns: which documents a register needs, and joining them with it into one tree.
//! Surprise: the first document is the root of the tree. Others keep their own `components`: they are below
//! `x-documents`, and their references are changed to lead there.

use std::sync::Arc;

use strataql_diag::Report;

use super::Overlay;
use crate::node::{Map, Node, NodeValue};
use crate::yaml;

/// The key of the documents that are not the root.
const DOCUMENTS: &str = "x-documents";

/// A document that a register names, by the text of its reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitDocument {
    /// The reference, as [`documents_of`] gives it.
    pub reference: String,
    /// Its text; the same file may have several references.
    pub document: Overlay,
}

/// The documents that a register of resources needs, the one of the whole service first.
///
/// # Errors
/// `bad-document` or `untrusted-document` if the text cannot be read.
pub fn documents_of(register: &str) -> Result<Vec<String>, Box<Report>> {
    let (root, _) = yaml::parse(register)?;
    let mut found: Vec<String> = Vec::new();
    let mut add = |reference: Option<&str>| {
        let path = reference.map(|text| text.split('#').next().unwrap_or_default());
        if let Some(path) =
            path.filter(|path| !path.is_empty() && !found.iter().any(|it| it == path))
        {
            found.push(path.to_owned());
        }
    };
    add(service_document(&root));
    for (_, resource) in resources(&root) {
        add(service_document(resource));
        for (_, method) in resource.get("methods").into_iter().flat_map(Node::entries) {
            add(method.get("operation").and_then(|operation| operation.text_at("$ref")));
        }
    }
    Ok(found)
}

fn service_document(node: &Node) -> Option<&str> {
    node.get("serviceDoc").and_then(|document| document.text_at("$ref"))
}

fn resources(register: &Node) -> impl Iterator<Item = (&str, &Node)> {
    register.get("resources").into_iter().flat_map(Node::entries)
}

/// True for a tree that is a register and no service document.
pub(super) fn is_register(root: &Node) -> bool {
    root.get("resources").is_some() && root.get("paths").is_none()
}

/// The root in which the operations of a method are, and its reference without the document.
pub(super) fn document<'n, 'r>(root: &'n Node, reference: &'r str) -> Option<(&'n Node, &'r str)> {
    match reference.split_once('#') {
        None | Some(("", _)) => Some((root, reference)),
        Some((number, fragment)) => Some((root.get(DOCUMENTS)?.get(number)?, fragment)),
    }
}

/// One tree of a register and its documents.
///
/// # Errors
/// As [`documents_of`], for a document.
pub(super) fn join(register: &Node, documents: &[SplitDocument]) -> Result<Node, Box<Report>> {
    // one number for each file
    let mut files: Vec<&str> = Vec::new();
    let mut trees: Vec<Node> = Vec::new();
    let mut numbers: Vec<(&str, usize)> = Vec::new();
    for SplitDocument { reference, document } in documents {
        let known = files.iter().position(|file| *file == document.file);
        let number = known.unwrap_or(files.len());
        if known.is_none() {
            let (tree, _) =
                yaml::parse(&document.text).map_err(|it| super::in_file(it, &document.file))?;
            trees.push(if number == 0 { tree } else { moved(&tree, number) });
            files.push(&document.file);
        }
        numbers.push((reference, number));
    }
    let number = |reference: &str| {
        let path = reference.split('#').next().unwrap_or_default();
        numbers.iter().find(|(known, _)| *known == path).map(|(_, number)| *number)
    };
    let mut others = trees.into_iter();
    let mut root = others.next().unwrap_or_else(|| Node::null(1));
    let others: Map = others
        .enumerate()
        .map(|(at, tree)| ((at + 1).to_string().into_boxed_str(), tree))
        .collect();
    let own = service_document(register).and_then(number).unwrap_or(0);
    let placed: Map = resources(register)
        .map(|(name, resource)| {
            let of = service_document(resource).and_then(number).unwrap_or(own);
            (Box::from(name), resource_of(resource, of, &number))
        })
        .collect();
    let line = root.line;
    change(&mut root, |root| {
        root.insert(DOCUMENTS.into(), mapping(line, others));
        let components = root.entry("components".into()).or_insert_with(|| Node::null(line));
        change(components, |it| it.insert("x-stackQL-resources".into(), mapping(line, placed)));
    });
    Ok(root)
}

/// A resource whose references lead to the documents of the tree.
fn resource_of(resource: &Node, own: usize, number: &dyn Fn(&str) -> Option<usize>) -> Node {
    let mut resource = if own == 0 { resource.clone() } else { moved(resource, own) };
    let place = |operation: &mut Map| {
        let Some(reference) = operation.get_mut("$ref") else { return };
        let Some(text) = reference.text().map(str::to_owned) else { return };
        let (path, fragment) = text.split_once('#').unwrap_or(("", &text));
        let fragment = fragment.strip_prefix(&prefix(own)).unwrap_or(fragment);
        let at = if path.is_empty() { Some(own) } else { number(path) };
        let name = match at {
            Some(0) => String::new(),
            Some(at) => at.to_string(),
            // the document is not there, which the method's report says
            None => path.to_owned(),
        };
        reference.value = NodeValue::Text(format!("{name}#{fragment}").into_boxed_str());
    };
    change(&mut resource, |resource| {
        let Some(methods) = resource.get_mut("methods") else { return };
        change(methods, |methods| {
            for method in methods.values_mut().filter(|method| method.map().is_some()) {
                change(method, |method| {
                    if let Some(operation) = method.get_mut("operation") {
                        change(operation, place);
                    }
                });
            }
        });
    });
    resource
}

fn prefix(number: usize) -> String {
    format!("/{DOCUMENTS}/{number}")
}

/// A tree whose references lead to its place below [`DOCUMENTS`].
fn moved(node: &Node, number: usize) -> Node {
    let value = match &node.value {
        NodeValue::Sequence(items) => {
            NodeValue::Sequence(Arc::new(items.iter().map(|item| moved(item, number)).collect()))
        }
        NodeValue::Mapping(map) => NodeValue::Mapping(Arc::new(
            map.iter()
                .map(|(key, child)| {
                    let local = child.text().and_then(|text| text.strip_prefix('#'));
                    let child = match (&**key, local) {
                        ("$ref", Some(rest)) => Node {
                            line: child.line,
                            value: NodeValue::Text(format!("#{}{rest}", prefix(number)).into()),
                        },
                        _ => moved(child, number),
                    };
                    (key.clone(), child)
                })
                .collect(),
        )),
        other => other.clone(),
    };
    Node { line: node.line, value }
}

fn mapping(line: u32, map: Map) -> Node {
    Node { line, value: NodeValue::Mapping(Arc::new(map)) }
}

/// Changes the children of a node, which becomes a mapping if it is none.
fn change<T>(node: &mut Node, how: impl FnOnce(&mut Map) -> T) -> T {
    let mut map = match std::mem::replace(&mut node.value, NodeValue::Null) {
        NodeValue::Mapping(map) => map,
        _ => Arc::default(),
    };
    let done = how(Arc::make_mut(&mut map));
    node.value = NodeValue::Mapping(map);
    done
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load_split_service;
    use crate::method::Method;
    use crate::service::Service;

    const REGISTER: &str = "
serviceDoc: {$ref: p/v1/services-split/main.yaml}
resources:
  boxes:
    methods:
      list: {operation: {$ref: 'p/v2/services-split/main.yaml#/paths/~1boxes/get'}, response: {objectKey: $.items}}
  disks:
    serviceDoc: {$ref: p/v1/services-split/disks.yaml}
    methods:
      list: {operation: {$ref: '#/paths/~1disks/get'}}
      gone: {operation: {$ref: 'p/v1/none.yaml#/paths/~1disks/get'}}
    sqlVerbs: {select: [{$ref: '#/resources/disks/methods/list'}]}
";
    const MAIN: &str = "
servers: [{url: 'https://main.example'}]
paths: {/boxes: {get: {responses: {'200': {content: {application/json: {schema: {$ref: '#/components/schemas/L'}}}}}}}}
components: {schemas: {L: {type: object, properties: {items: {type: array, items: {properties: {box: {type: string}}}}}}}}
";
    const DISKS: &str = "
servers: [{url: 'https://disks.example'}]
paths: {/disks: {get: {responses: {'200': {content: {application/json: {schema: {$ref: '#/components/schemas/L'}}}}}}}}
components: {schemas: {L: {type: array, items: {$ref: '#/components/schemas/Disk'}}, Disk: {type: object, properties: {disk: {type: string}}}}}
";

    fn loaded() -> (Service, Vec<String>) {
        let entry = "name: p\nproviderServices: {s: {service: {$ref: p/v1/s.yaml}, resources: {$ref: p/v1/resources/s.yaml}}}";
        let (provider, _) = crate::load_provider(entry, "provider.yaml").expect("valid");
        let files = [("main", MAIN), ("disks", DISKS)];
        let documents: Vec<SplitDocument> = documents_of(REGISTER)
            .expect("valid")
            .into_iter()
            .filter_map(|reference| {
                let (file, text) = files.iter().find(|(name, _)| reference.contains(name))?;
                let document = Overlay { text: (*text).to_owned(), file: (*file).to_owned() };
                Some(SplitDocument { reference, document })
            })
            .collect();
        assert_eq!(documents.len(), 3);
        assert_eq!(provider.services[0].document, "p/v1/resources/s.yaml");
        let (service, reports) = load_split_service(
            REGISTER,
            &documents,
            &[],
            &provider,
            &provider.services[0],
            "s.yaml",
        )
        .expect("valid");
        (service, reports.into_iter().map(|report| report.message).collect())
    }

    #[test]
    fn each_resource_is_read_from_its_own_document() {
        let (service, reports) = loaded();
        let shown = |method: &Method| {
            let columns: Vec<&str> =
                method.response.columns.iter().map(|column| column.name.as_str()).collect();
            format!("{} {}", method.servers[0].url, columns.join(","))
        };
        assert_eq!(shown(&service.resources["boxes"].methods["list"]), "https://main.example box");
        assert_eq!(
            shown(&service.resources["disks"].methods["list"]),
            "https://disks.example disk"
        );
        assert_eq!(service.resources["disks"].verbs.select, ["list"]);
        assert_eq!(reports.len(), 1, "{reports:?}");
        assert!(reports[0].contains("`p/v1/none.yaml`"), "{reports:?}");
    }
}
