//! What a page shows of a resource, from the document as it is written.

use indexmap::IndexMap;
use serde_json::{Map, Value as Json};

use super::resolve::{entries, resolved, text};

/// SQL verbs in the order of pages, besides `exec`.
const VERBS: [&str; 5] = ["select", "insert", "update", "replace", "delete"];

/// A resource.
#[derive(Debug)]
pub(super) struct Resource {
    pub(super) provider: String,
    pub(super) service: String,
    pub(super) name: String,
    pub(super) description: String,
    /// Methods in the order of verbs.
    pub(super) methods: Vec<Method>,
    /// Definitions of a view, by dialect.
    pub(super) views: Vec<(String, String)>,
}

impl Resource {
    /// `provider.service.resource`.
    pub(super) fn full_name(&self) -> String {
        format!("{}.{}.{}", self.provider, self.service, self.name)
    }

    /// The methods of a verb.
    pub(super) fn of_verb<'a>(&'a self, verb: &'a str) -> impl Iterator<Item = &'a Method> {
        self.methods.iter().filter(move |method| method.verb == verb)
    }
}

/// A method.
#[derive(Debug)]
pub(super) struct Method {
    pub(super) name: String,
    pub(super) verb: &'static str,
    pub(super) summary: String,
    pub(super) description: String,
    pub(super) required: IndexMap<String, Input>,
    pub(super) optional: IndexMap<String, Input>,
    /// Attributes of the body, resolved one level deep.
    pub(super) body: IndexMap<String, Json>,
    pub(super) body_required: Vec<String>,
    /// What stands before the names of attributes.
    pub(super) prefix: &'static str,
    /// Fields of a row.
    pub(super) fields: IndexMap<String, Json>,
    pub(super) response_text: String,
}

impl Method {
    /// The summary, else the description.
    pub(super) fn text(&self) -> &str {
        if self.summary.is_empty() { &self.description } else { &self.summary }
    }
}

/// A parameter.
#[derive(Debug, Clone)]
pub(super) struct Input {
    pub(super) kind: String,
    pub(super) text: String,
}

/// The resources of a service document, in order.
pub(super) fn resources(root: &Json, provider: &str, service: &str) -> Vec<Resource> {
    let declared = root.pointer("/components/x-stackQL-resources").and_then(Json::as_object);
    let with_id = declared.into_iter().flatten().filter(|(_, node)| node.get("id").is_some());
    with_id
        .map(|(name, node)| Resource {
            provider: provider.to_owned(),
            service: service.replace('-', "_"),
            name: name.clone(),
            description: text(node, "description").unwrap_or_default().to_owned(),
            methods: methods(root, node),
            views: views(node),
        })
        .collect()
}

fn methods(root: &Json, resource: &Json) -> Vec<Method> {
    let mut found = Vec::new();
    let mut listed: Vec<String> = Vec::new();
    for verb in VERBS {
        let references = resource.pointer(&format!("/sqlVerbs/{verb}")).and_then(Json::as_array);
        for reference in references.into_iter().flatten().filter_map(|entry| text(entry, "$ref")) {
            let name = reference.rsplit('/').next().unwrap_or_default().replace("~1", "/");
            let node = resource.get("methods").and_then(|methods| methods.get(&name));
            if let Some(method) = node.and_then(|node| method(root, &name, node, verb)) {
                found.push(method);
            }
            listed.push(name);
        }
    }
    for (name, node) in entries(resource, "methods").filter(|(name, _)| !listed.contains(name)) {
        found.extend(method(root, name, node, "exec"));
    }
    found
}

fn method(root: &Json, name: &str, node: &Json, verb: &'static str) -> Option<Method> {
    let reference = node.pointer("/operation/$ref")?.as_str()?;
    let fragment = reference.split_once('#').map_or(reference, |(_, fragment)| fragment);
    let (path, http) = fragment.trim_start_matches('/').strip_prefix("paths/")?.rsplit_once('/')?;
    let path = path.replace("~1", "/").replace("~0", "~");
    let operation = root.get("paths")?.get(&path)?.get(http)?;
    let (required, optional) = parameters(root, operation);
    let algorithm = node.pointer("/config/requestBodyTranslate/algorithm").and_then(Json::as_str);
    let (body, body_required) = body(root, operation);
    let (fields, response_text) = response(root, operation, node.get("response"), verb == "exec");
    let own = |key: &str| text(operation, key).unwrap_or_default().to_owned();
    Some(Method {
        name: name.to_owned(),
        verb,
        summary: own("summary"),
        description: own("description"),
        required,
        optional,
        body,
        body_required,
        prefix: if algorithm == Some("naive") { "" } else { "data__" },
        fields,
        response_text,
    })
}

/// Type of a schema as shown: with its format.
pub(super) fn kind(schema: &Json, without: &str) -> String {
    let kind = text(schema, "type").unwrap_or(without);
    match text(schema, "format") {
        Some(format) => format!("{kind} ({format})"),
        None => kind.to_owned(),
    }
}

type Inputs = (IndexMap<String, Input>, IndexMap<String, Input>);

fn parameters(root: &Json, operation: &Json) -> Inputs {
    let (mut required, mut optional) = (IndexMap::new(), IndexMap::new());
    let declared = operation.get("parameters").and_then(Json::as_array);
    for node in declared.into_iter().flatten() {
        let node = resolved(root, node);
        let (Some(name), Some(schema)) = (text(&node, "name"), node.get("schema")) else {
            continue;
        };
        let schema = resolved(root, schema);
        let mut shown = text(&node, "description").unwrap_or_default().replace('\n', " ");
        if let Some(example) = node.get("example") {
            let example = example.as_str().map_or_else(|| example.to_string(), str::to_owned);
            shown.push_str(&format!(" (example: {example})"));
        }
        let input = Input { kind: kind(&schema, "string"), text: shown };
        let is_required = node.get("required").and_then(Json::as_bool) == Some(true);
        let list = if is_required { &mut required } else { &mut optional };
        list.insert(name.to_owned(), input);
    }
    let server = root.pointer("/servers/0").cloned().unwrap_or(Json::Null);
    for (name, variable) in entries(&server, "variables") {
        let more: Vec<String> = variable
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(key, _)| *key != "description")
            .map(|(key, value)| {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                format!("{key}: {value}")
            })
            .collect();
        let text = text(variable, "description").unwrap_or_default();
        let text =
            if more.is_empty() { text.to_owned() } else { format!("{text} ({})", more.join(", ")) };
        required.insert(name.clone(), Input { kind: "string".to_owned(), text });
    }
    (required, optional)
}

fn body(root: &Json, operation: &Json) -> (IndexMap<String, Json>, Vec<String>) {
    let Some(request) = operation.get("requestBody") else { return Default::default() };
    let request = resolved(root, request);
    let schema = entries(&request, "content").next().and_then(|(_, media)| media.get("schema"));
    let Some(schema) = schema.map(|schema| resolved(root, schema)) else {
        return Default::default();
    };
    let first = ["anyOf", "oneOf"].iter().find_map(|key| schema.get(*key)?.as_array()?.first());
    let schema = first.map_or_else(|| schema.clone(), |first| resolved(root, first));
    let required = schema.get("required").and_then(Json::as_array);
    let required = required.into_iter().flatten().filter_map(Json::as_str).map(str::to_owned);
    (properties(root, &schema), required.collect())
}

/// The properties of a schema, each resolved.
pub(super) fn properties(root: &Json, schema: &Json) -> IndexMap<String, Json> {
    entries(schema, "properties")
        .map(|(name, node)| (name.clone(), expanded(root, node, 4)))
        .collect()
}

/// A schema whose references are replaced as deep as pages show it.
fn expanded(root: &Json, node: &Json, depth: usize) -> Json {
    let mut node = resolved(root, node);
    if depth == 0 {
        return node;
    }
    if let Some(map) = node.get_mut("properties").and_then(Json::as_object_mut) {
        let inner: Map<String, Json> = std::mem::take(map)
            .into_iter()
            .map(|(name, child)| {
                let child = expanded(root, &child, depth - 1);
                (name, child)
            })
            .collect();
        *map = inner;
    }
    if let Some(items) = node.get("items") {
        let items = expanded(root, items, depth);
        node["items"] = items;
    }
    node
}

fn response(
    root: &Json,
    operation: &Json,
    block: Option<&Json>,
    is_exec: bool,
) -> (IndexMap<String, Json>, String) {
    let part = |key: &str| block.and_then(|block| text(block, key));
    let key = part("openAPIDocKey").or(is_exec.then_some("200"));
    let answer = key.and_then(|key| operation.get("responses")?.get(key));
    let Some(answer) = answer.map(|answer| resolved(root, answer)) else {
        return Default::default();
    };
    let own = text(&answer, "description").unwrap_or_default().to_owned();
    let media = part("mediaType").unwrap_or("application/json");
    let schema = answer.get("content").and_then(|content| content.get(media)?.get("schema"));
    let Some(schema) = schema.map(|schema| resolved(root, schema)) else {
        return (IndexMap::new(), own);
    };
    let object_key = part("objectKey").filter(|_| !is_exec);
    let rows = rows(root, &schema, object_key);
    let text = if own.is_empty() {
        text(&schema, "description").unwrap_or_default().to_owned()
    } else {
        own
    };
    (rows.map(|rows| properties(root, &rows)).unwrap_or_default(), text)
}

/// The schema of a row.
fn rows(root: &Json, schema: &Json, object_key: Option<&str>) -> Option<Json> {
    let items = |schema: &Json| schema.get("items").map(|items| resolved(root, items));
    match (text(schema, "type")?, object_key) {
        ("array", _) => items(schema),
        ("object", Some(key)) => {
            let key = key.strip_prefix("$.").unwrap_or(key);
            let inner = schema.get("properties")?.get(key).map(|node| resolved(root, node))?;
            Some(items(&inner).unwrap_or(inner))
        }
        ("object", None) => Some(schema.clone()),
        _ => None,
    }
}

/// The definitions of a view, along its fallbacks.
fn views(resource: &Json) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut node = resource.pointer("/config/views/select");
    while let Some(view) = node {
        let Some(definition) = text(view, "ddl") else { break };
        let dialect = text(view, "predicate")
            .and_then(|predicate| predicate.split("sqlDialect == \"").nth(1)?.split('"').next())
            .map_or_else(
                || "Default".to_owned(),
                |name| {
                    let mut letters = name.chars();
                    let first = letters.next().map(|c| c.to_ascii_uppercase()).unwrap_or_default();
                    format!("{first}{}", letters.as_str())
                },
            );
        found.push((dialect, definition.to_owned()));
        node = view.get("fallback");
    }
    found
}
