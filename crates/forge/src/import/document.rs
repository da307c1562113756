//! The description as a JSON tree: limits, references, servers.

use serde_json::{Value as Json, json};
use strataql_diag::{Code, Report};
use strataql_spec::yaml::{self, MAX_BYTES};

use super::{Guess, ImportOptions, refused};

/// The most values in a description; the largest public ones have a tenth of it.
const MAX_VALUES: usize = 3_000_000;
/// How many references are followed one after the other.
const MAX_HOPS: usize = 32;
/// How many parts of `allOf` are looked into.
const MAX_PARTS: usize = 64;
/// The most properties of a schema that are looked at.
const MAX_PROPERTIES: usize = 2_000;
/// HTTP verbs of a path.
pub(super) const VERBS: [&str; 7] = ["get", "post", "put", "patch", "delete", "head", "options"];

/// Reads YAML or JSON.
pub(super) fn read(text: &str, source: &str) -> Result<Json, Box<Report>> {
    let text = text.trim_start_matches('\u{feff}');
    if text.len() > MAX_BYTES {
        return Err(too_large(source, &format!("{} bytes, more than the {MAX_BYTES}", text.len())));
    }
    let root = if text.trim_start().starts_with('{') {
        // JSON may have tabs where YAML may not
        serde_json::from_str(text).or_else(|error| {
            from_yaml(text, source).map_err(|_| {
                Box::new(
                    Report::new(Code::BadDocument, format!("not valid JSON: {error}"))
                        .with_place(source, error.line())
                        .with_help("correct the document at that line"),
                )
            })
        })?
    } else {
        from_yaml(text, source)?
    };
    let mut left = MAX_VALUES;
    if !fits(&root, &mut left) {
        return Err(too_large(source, &format!("more than the {MAX_VALUES} values")));
    }
    if !root.is_object() {
        return Err(refused(
            source,
            "the document is not an API description",
            "give an OpenAPI 3 document or a Google discovery document, in YAML or JSON",
        ));
    }
    Ok(root)
}

fn from_yaml(text: &str, source: &str) -> Result<Json, Box<Report>> {
    let (node, _) = yaml::parse(text).map_err(|mut report| {
        let line = report.place.as_ref().map_or(1, |place| place.line);
        report = Box::new(report.with_place(source, line));
        report
    })?;
    let mut left = MAX_VALUES;
    if !node_fits(&node, &mut left) {
        return Err(too_large(source, &format!("more than the {MAX_VALUES} values")));
    }
    Ok(node.to_json())
}

fn too_large(source: &str, what: &str) -> Box<Report> {
    Box::new(
        Report::new(Code::UntrustedDocument, format!("the document has {what} allowed"))
            .with_place(source, 1)
            .with_help("split it, and import each part as a service"),
    )
}

fn fits(value: &Json, left: &mut usize) -> bool {
    let Some(rest) = left.checked_sub(1) else { return false };
    *left = rest;
    match value {
        Json::Array(items) => items.iter().all(|item| fits(item, left)),
        Json::Object(map) => map.values().all(|item| fits(item, left)),
        _ => true,
    }
}

/// As [`fits`], before aliases become copies.
fn node_fits(node: &strataql_spec::Node, left: &mut usize) -> bool {
    let Some(rest) = left.checked_sub(1) else { return false };
    *left = rest;
    node.items().iter().all(|item| node_fits(item, left))
        && node.entries().all(|(_, item)| node_fits(item, left))
}

/// Checks that a document is OpenAPI 3, complete, and not a provider document already.
pub(super) fn check(root: &Json, source: &str) -> Result<(), Box<Report>> {
    let text = |key: &str| match root.get(key) {
        Some(Json::String(text)) => Some(text.clone()),
        Some(Json::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    if let Some(version) = text("swagger") {
        return Err(refused(
            source,
            format!("the document is Swagger {version}"),
            "convert it to OpenAPI 3 first; every Swagger editor does that",
        ));
    }
    match text("openapi") {
        Some(version) if version.starts_with("3.") => {}
        Some(version) => {
            return Err(refused(
                source,
                format!("the document is OpenAPI {version}"),
                "OpenAPI 3.0 and 3.1 can be imported",
            ));
        }
        None => {
            return Err(refused(
                source,
                "the document has neither `openapi` nor `discoveryVersion`",
                "give an OpenAPI 3 document or a Google discovery document",
            ));
        }
    }
    if root.pointer("/components/x-stackQL-resources").is_some() {
        return Err(refused(
            source,
            "the document is a provider document already: it has `x-stackQL-resources`",
            "put it into a registry folder, see docs/documents.md",
        ));
    }
    if root.get("paths").and_then(Json::as_object).is_none_or(serde_json::Map::is_empty) {
        return Err(refused(
            source,
            "the document has no `paths`",
            "there is nothing to call; give the whole description of the API",
        ));
    }
    for (key, is_right) in [
        ("components", root.get("components").is_none_or(Json::is_object)),
        ("info", root.get("info").is_none_or(Json::is_object)),
    ] {
        if !is_right {
            return Err(refused(
                source,
                format!("`{key}` is not a mapping"),
                "correct the document",
            ));
        }
    }
    let mut outside = Vec::new();
    outside_references(root, &mut outside);
    if let Some(first) = outside.first() {
        return Err(refused(
            source,
            format!(
                "the document refers to another file: `{first}` (and {} more)",
                outside.len() - 1
            ),
            "bundle the files into one document first",
        ));
    }
    Ok(())
}

/// References that leave the document.
fn outside_references<'a>(value: &'a Json, out: &mut Vec<&'a str>) {
    match value {
        Json::Array(items) => items.iter().for_each(|item| outside_references(item, out)),
        Json::Object(map) => {
            for (key, item) in map {
                match (key.as_str(), item) {
                    ("$ref", Json::String(target)) if !target.starts_with('#') => out.push(target),
                    // what they hold is data
                    ("example" | "examples" | "default" | "enum" | "const", _) => {}
                    _ => outside_references(item, out),
                }
            }
        }
        _ => {}
    }
}

/// Adds what a provider document needs and a description may lack: the server, and declarations of path
/// parameters. Removes keys that would configure requests.
pub(super) fn prepare(
    root: &mut Json,
    options: &ImportOptions,
    guesses: &mut Vec<Guess>,
) -> Result<(), Box<Report>> {
    remove_extensions(root);
    if let Some(server) = &options.server {
        if !is_absolute(server) {
            return Err(Box::new(
                Report::new(Code::Usage, format!("`{server}` is not the address of a server"))
                    .with_help("give an address such as `https://api.example.com/v1`"),
            ));
        }
        root["servers"] = json!([{"url": server}]);
    }
    let servers = root.get("servers").and_then(Json::as_array);
    let url = |server: &Json| server.get("url").and_then(Json::as_str).map(str::to_owned);
    let named: Vec<String> = servers.into_iter().flatten().filter_map(url).collect();
    let Some(first) = named.iter().position(|url| is_absolute(url)) else {
        let what = match named.first() {
            Some(url) => format!("the document names its server as `{url}`, without a host"),
            None => "the document names no server".to_owned(),
        };
        return Err(refused(
            &options.source,
            what,
            "give its address: `--server https://api.example.com/v1`",
        ));
    };
    if named.len() > 1 {
        guesses.push(Guess::new(
            "server",
            named[first].clone(),
            format!("the first of {} servers", named.len()),
        ));
        let chosen = root["servers"][first].clone();
        root["servers"] = json!([chosen]);
    }
    if root.get("components").is_none() {
        root["components"] = json!({});
    }
    if root.get("info").is_none() {
        root["info"] = json!({"title": options.provider, "version": "1"});
    }
    declare_path_parameters(root);
    Ok(())
}

fn is_absolute(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
}

/// Keys by which a description could configure requests of its provider; its author did not mean us.
fn remove_extensions(value: &mut Json) {
    match value {
        Json::Array(items) => items.iter_mut().for_each(remove_extensions),
        Json::Object(map) => {
            map.retain(|key, _| !key.starts_with("x-stackQL-") && key != "x-strataql");
            map.values_mut().for_each(remove_extensions);
        }
        _ => {}
    }
}

/// Path parameters that no list of parameters has are text.
fn declare_path_parameters(root: &mut Json) {
    let mut missing: Vec<(String, &str, String)> = Vec::new();
    let description = Description::new(root);
    for (path, item) in description.paths() {
        for verb in VERBS {
            let Some(operation) = item.get(verb).filter(|node| node.is_object()) else { continue };
            let declared = description.parameters(item, operation);
            for name in names_in(path) {
                let is_declared = declared.iter().any(|it| {
                    it.get("in") == Some(&json!("path")) && it.get("name") == Some(&json!(name))
                });
                if !is_declared {
                    missing.push((path.to_owned(), verb, name.to_owned()));
                }
            }
        }
    }
    for (path, verb, name) in missing {
        let operation = &mut root["paths"][path][verb];
        let parameter =
            json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}});
        match operation.get_mut("parameters").and_then(Json::as_array_mut) {
            Some(list) => list.push(parameter),
            None => operation["parameters"] = json!([parameter]),
        }
    }
}

/// Names in braces.
fn names_in(path: &str) -> Vec<&str> {
    let parts = path.split('{').skip(1).filter_map(|part| part.split_once('}'));
    parts.map(|(name, _)| name.trim_start_matches('+')).filter(|name| !name.is_empty()).collect()
}

/// A description that can be looked at.
pub(super) struct Description<'a> {
    root: &'a Json,
}

impl<'a> Description<'a> {
    pub(super) fn new(root: &'a Json) -> Self {
        Self { root }
    }

    /// The document.
    pub(super) fn root(&self) -> &'a Json {
        self.root
    }

    /// Paths with their items.
    pub(super) fn paths(&self) -> impl Iterator<Item = (&'a str, &'a Json)> {
        let paths = self.root.get("paths").and_then(Json::as_object).into_iter().flatten();
        paths.map(|(path, item)| (path.as_str(), item)).filter(|(_, item)| item.is_object())
    }

    /// What a node refers to, or the node itself. References in a circle end somewhere in it.
    pub(super) fn resolve(&self, node: &'a Json) -> &'a Json {
        let mut node = node;
        for _ in 0..MAX_HOPS {
            let Some(target) = node.get("$ref").and_then(Json::as_str) else { break };
            let pointer = target.trim_start_matches('#').replace("%7B", "{").replace("%7D", "}");
            match self.root.pointer(&pointer) {
                Some(found) => node = found,
                None => break,
            }
        }
        node
    }

    /// The parameters of an operation and its path.
    pub(super) fn parameters(&self, item: &'a Json, operation: &'a Json) -> Vec<&'a Json> {
        let of =
            |node: &'a Json| node.get("parameters").and_then(Json::as_array).into_iter().flatten();
        of(operation).chain(of(item)).map(|parameter| self.resolve(parameter)).collect()
    }

    /// The properties of a schema and of all that it is composed of.
    pub(super) fn properties(&self, schema: &'a Json) -> Vec<(&'a str, &'a Json)> {
        let mut found = Vec::new();
        self.collect(schema, &mut Vec::new(), &mut found);
        found
    }

    fn collect(
        &self,
        schema: &'a Json,
        seen: &mut Vec<&'a Json>,
        out: &mut Vec<(&'a str, &'a Json)>,
    ) {
        let schema = self.resolve(schema);
        let is_known = seen.iter().any(|other| std::ptr::eq(*other, schema));
        if is_known || seen.len() > MAX_PARTS || out.len() > MAX_PROPERTIES {
            return;
        }
        seen.push(schema);
        let own = schema.get("properties").and_then(Json::as_object);
        for (name, property) in own.into_iter().flatten() {
            if !out.iter().any(|(other, _)| other == name) {
                out.push((name, self.resolve(property)));
            }
        }
        for part in schema.get("allOf").and_then(Json::as_array).into_iter().flatten() {
            self.collect(part, seen, out);
        }
    }

    /// The type of a schema; in 3.1 it may be a list with `null`.
    pub(super) fn kind(&self, schema: &'a Json) -> &'a str {
        let schema = self.resolve(schema);
        let declared = match schema.get("type") {
            Some(Json::String(kind)) => Some(kind.as_str()),
            Some(Json::Array(kinds)) => {
                kinds.iter().filter_map(Json::as_str).find(|kind| *kind != "null")
            }
            _ => None,
        };
        match declared {
            Some(kind) => kind,
            None if schema.get("items").is_some() => "array",
            None if !self.properties(schema).is_empty() => "object",
            None => "",
        }
    }

    /// The success response: its key, media type and schema.
    pub(super) fn answer(&self, operation: &'a Json) -> Answer<'a> {
        let responses = operation.get("responses").and_then(Json::as_object);
        let all = || responses.into_iter().flatten();
        let mut found: Vec<(&'a String, &'a Json)> =
            all().filter(|(key, _)| key.starts_with('2')).collect();
        found.sort_unstable_by_key(|(key, _)| *key);
        if found.is_empty() {
            found.extend(all().filter(|(key, _)| *key == "default"));
        }
        let mut first = None;
        for (key, node) in found {
            let node = self.resolve(node);
            let content = node.get("content").and_then(Json::as_object);
            let media = content.and_then(|content| {
                let is_json = |name: &str| name.contains("json") && !name.contains("ndjson");
                content.iter().find(|(name, _)| is_json(name)).or_else(|| content.iter().next())
            });
            let headers = node.get("headers");
            let answer = Answer {
                key: Some(key.as_str()),
                media: media.map(|(name, _)| name.as_str()),
                schema: media.and_then(|(_, media)| media.get("schema")),
                has_link: headers.and_then(Json::as_object).is_some_and(|headers| {
                    headers.keys().any(|name| name.eq_ignore_ascii_case("link"))
                }),
            };
            if answer.schema.is_some() {
                return answer;
            }
            first.get_or_insert(answer);
        }
        first.unwrap_or_default()
    }
}

/// The success response of an operation.
#[derive(Clone, Copy, Default)]
pub(super) struct Answer<'a> {
    /// Its status.
    pub(super) key: Option<&'a str>,
    /// Its media type.
    pub(super) media: Option<&'a str>,
    /// Its schema.
    pub(super) schema: Option<&'a Json>,
    /// True if it documents a `Link` header.
    pub(super) has_link: bool,
}
