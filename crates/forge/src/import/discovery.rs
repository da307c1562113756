//! A Google discovery document as OpenAPI 3.

use serde_json::{Map, Value as Json, json};
use strataql_diag::Report;

use super::places::Method;
use super::refused;

/// How deep resources are nested.
const MAX_DEPTH: usize = 12;

/// A discovery document in the other form.
pub(super) struct Converted {
    /// The OpenAPI document.
    pub(super) root: Json,
    /// The methods in the tree of the discovery document.
    pub(super) methods: Vec<Method>,
}

/// Converts a discovery document.
pub(super) fn convert(root: &Json, source: &str) -> Result<Converted, Box<Report>> {
    let text = |key: &str| root.get(key).and_then(Json::as_str).unwrap_or_default();
    let server = match (text("rootUrl"), text("baseUrl")) {
        ("", "") => {
            return Err(refused(
                source,
                "the discovery document has no `rootUrl`",
                "give the whole document, as the discovery service returns it",
            ));
        }
        ("", base) => base.to_owned(),
        (address, _) => format!(
            "{}/{}",
            address.trim_end_matches('/'),
            text("servicePath").trim_start_matches('/')
        ),
    };
    let shared: Vec<Json> = object(root, "parameters")
        .filter(|(name, _)| {
            !name.starts_with('$')
                && *name != "access_token"
                && *name != "oauth_token"
                && *name != "key"
        })
        .map(|(name, node)| parameter(name, node))
        .collect();
    let mut out = Converted { root: Json::Null, methods: Vec::new() };
    let mut paths = Map::new();
    tree(root, &mut Vec::new(), &shared, &mut paths, &mut out.methods);
    if out.methods.is_empty() {
        return Err(refused(
            source,
            "the discovery document has no methods",
            "give the whole document, as the discovery service returns it",
        ));
    }
    let schemas: Map<String, Json> =
        object(root, "schemas").map(|(name, node)| (name.to_owned(), schema(node))).collect();
    let scopes: Vec<&str> = root
        .pointer("/auth/oauth2/scopes")
        .and_then(Json::as_object)
        .into_iter()
        .flatten()
        .map(|(scope, _)| scope.as_str())
        .collect();
    let mut components = json!({"schemas": schemas});
    if !scopes.is_empty() {
        // the widest scope is listed first
        components["securitySchemes"] =
            json!({"google": {"type": "oauth2", "flows": {}, "x-google-scopes": [scopes[0]]}});
    }
    out.root = json!({
        "openapi": "3.0.3",
        "info": {
            "title": if text("title").is_empty() { text("name") } else { text("title") },
            "description": text("description"),
            "version": text("version"),
        },
        "servers": [{"url": server.trim_end_matches('/')}],
        "paths": paths,
        "components": components,
    });
    Ok(out)
}

fn object<'a>(node: &'a Json, key: &str) -> impl Iterator<Item = (&'a str, &'a Json)> {
    let map = node.get(key).and_then(Json::as_object);
    map.into_iter().flatten().map(|(name, node)| (name.as_str(), node))
}

fn tree(
    node: &Json,
    resource: &mut Vec<String>,
    shared: &[Json],
    paths: &mut Map<String, Json>,
    methods: &mut Vec<Method>,
) {
    for (name, method) in object(node, "methods") {
        let text = |key: &str| method.get(key).and_then(Json::as_str);
        // the flat path has a parameter for each part of a name
        let (Some(path), Some(verb)) =
            (text("flatPath").or_else(|| text("path")), text("httpMethod"))
        else {
            continue;
        };
        let path = format!("/{}", path.trim_start_matches('/').replace("{+", "{"));
        let verb = verb.to_ascii_lowercase();
        let entry = paths.entry(path.clone()).or_insert_with(|| json!({}));
        if entry.get(&verb).is_some() {
            continue;
        }
        entry[&verb] = operation(name, method, &path, shared);
        let resource = if resource.is_empty() { vec!["root".to_owned()] } else { resource.clone() };
        methods.push(Method { path, verb, resource, name: name.to_owned() });
    }
    if resource.len() >= MAX_DEPTH {
        return;
    }
    for (name, child) in object(node, "resources") {
        resource.push(name.to_owned());
        tree(child, resource, shared, paths, methods);
        resource.pop();
    }
}

fn operation(name: &str, method: &Json, path: &str, shared: &[Json]) -> Json {
    let mut parameters: Vec<Json> = object(method, "parameters")
        .filter(|(name, node)| {
            let is_path = node.get("location").and_then(Json::as_str) == Some("path");
            !is_path || path.contains(&format!("{{{name}}}"))
        })
        .map(|(name, node)| parameter(name, node))
        .collect();
    let own: Vec<Json> = parameters.iter().filter_map(|it| it.get("name").cloned()).collect();
    parameters.extend(
        shared.iter().filter(|it| !own.iter().any(|name| it.get("name") == Some(name))).cloned(),
    );
    let id = method.get("id").and_then(Json::as_str).unwrap_or(name);
    let reference = |key: &str| {
        let target = method.get(key)?.get("$ref")?.as_str()?;
        let schema = json!({"$ref": format!("#/components/schemas/{target}")});
        Some(json!({"application/json": {"schema": schema}}))
    };
    let mut success = json!({"description": "OK"});
    if let Some(content) = reference("response") {
        success["content"] = content;
    }
    let mut operation = json!({"operationId": id, "parameters": parameters});
    if let Some(text) = method.get("description").and_then(Json::as_str) {
        operation["description"] = json!(text);
    }
    if let Some(content) = reference("request") {
        operation["requestBody"] = json!({"content": content});
    }
    operation["responses"] = json!({"200": success});
    operation
}

fn parameter(name: &str, node: &Json) -> Json {
    let location = node.get("location").and_then(Json::as_str).unwrap_or("query");
    let mut schema = schema(node);
    if node.get("repeated") == Some(&json!(true)) {
        schema = json!({"type": "array", "items": schema});
    }
    let is_required = location == "path" || node.get("required") == Some(&json!(true));
    let mut parameter =
        json!({"name": name, "in": location, "required": is_required, "schema": schema});
    if let Some(text) = node.get("description").and_then(Json::as_str) {
        parameter["description"] = json!(text);
    }
    parameter
}

/// A schema: names become references, and words of the discovery format go.
fn schema(node: &Json) -> Json {
    let Some(map) = node.as_object() else { return json!({}) };
    if let Some(target) = map.get("$ref").and_then(Json::as_str) {
        return json!({"$ref": format!("#/components/schemas/{target}")});
    }
    let mut out = Map::new();
    for (key, value) in map {
        match key.as_str() {
            "properties" => {
                let properties =
                    object(node, "properties").map(|(name, node)| (name.to_owned(), schema(node)));
                out.insert(key.clone(), Json::Object(properties.collect()));
            }
            "items" | "additionalProperties" => {
                out.insert(key.clone(), schema(value));
            }
            "type" if value == "any" => {}
            "type" | "format" | "description" | "readOnly" | "enum" | "pattern" => {
                out.insert(key.clone(), value.clone());
            }
            "default" => {
                out.insert(key.clone(), typed(value, map.get("type")));
            }
            "minimum" | "maximum" => {
                out.insert(key.clone(), typed(value, Some(&json!("integer"))));
            }
            _ => {}
        }
    }
    Json::Object(out)
}

/// Defaults are texts in discovery documents, whatever their type.
fn typed(value: &Json, kind: Option<&Json>) -> Json {
    let kind = kind.and_then(Json::as_str);
    match (value.as_str(), kind) {
        (Some(text), Some("integer" | "number")) => {
            text.parse::<i64>().map_or(value.clone(), |it| json!(it))
        }
        (Some(text), Some("boolean")) => json!(text == "true"),
        _ => value.clone(),
    }
}
