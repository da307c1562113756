//! `config` blocks: what `x-strataql` says about a method.

use serde_json::{Map, Value as Json, json};

use super::layout::Placed;
use super::names::split;
use crate::sdk::{Answer, Body, Paging, PathPart, Sdk, Source, Type};

/// Names of page sizes.
const SIZES: &[&str] = &["page_size", "max_results", "limit"];
/// Names of lists of changed fields.
const MASKS: &[&str] = &["update_mask", "field_mask"];
/// Names of secrets, whole or at the end behind `_`.
const SECRETS: &[&str] = &[
    "secret",
    "password",
    "token_value",
    "access_token",
    "refresh_token",
    "bearer_token",
    "personal_access_token",
    "session_token",
    "sas_token",
    "sas_uri",
    "private_key",
    "secret_access_key",
    "api_key",
    "plaintext",
];
/// Values of a secret whose name does not tell.
const VALUES: &[&str] = &["value", "string_value", "bytes_value"];
/// Nesting in which secrets are looked for.
const MAX_DEPTH: usize = 3;

/// The block of a method; `poll` is where its state is read.
pub(super) fn block(sdk: &Sdk, placed: &Placed<'_>, poll: Option<String>) -> Option<Json> {
    let operation = placed.operation;
    let mut own = Map::new();
    if let Some(paging) = paging(sdk, placed) {
        own.insert("paging".to_owned(), paging);
    }
    if let (Some(wait), Some(poll)) = (&operation.wait, poll) {
        let mut block = json!({"poll": poll});
        if !wait.status.is_empty() {
            block["status"] = json!(dotted(&wait.status));
            block["success"] = json!(wait.success);
        }
        if !wait.failure.is_empty() {
            block["failure"] = json!(wait.failure);
        }
        if !wait.message.is_empty() {
            block["message"] = json!(dotted(&wait.message));
        }
        own.insert("wait".to_owned(), block);
    }
    if let Some(name) = &operation.random
        && let Some(source) = source(placed, name)
    {
        own.insert("idempotencyKey".to_owned(), target(&source));
    }
    let path: Vec<&String> = placed
        .path
        .iter()
        .filter(|(name, _)| spans_segments(placed, name))
        .map(|(_, wire)| wire)
        .collect();
    if !path.is_empty() {
        own.insert("path".to_owned(), json!(path));
    }
    if let Body::Whole(name) = &operation.body {
        own.insert("bodyWrapper".to_owned(), json!(name));
    }
    let aliases = aliases(sdk, placed);
    if !aliases.is_empty() {
        own.insert("paramAlias".to_owned(), Json::Object(aliases));
    }
    if let Some(mask) = MASKS.iter().find_map(|name| source(placed, name))
        && !(mask.in_body && has_message(sdk, placed))
    {
        own.insert("updateMask".to_owned(), target(&mask));
    }
    if operation.verb == "GET" && strataql_spec::changes_by_name(&placed.id) {
        // `enable_…` is the name of a setting
        own.insert("safe".to_owned(), json!(true));
    }
    let secrets = secrets(sdk, placed);
    if !secrets.is_empty() {
        own.insert("secret".to_owned(), json!(secrets));
    }
    let mut block = Map::new();
    if operation.body != Body::None {
        block.insert("requestBodyTranslate".to_owned(), json!({"algorithm": "naive"}));
    }
    if !own.is_empty() {
        block.insert("x-strataql".to_owned(), Json::Object(own));
    }
    (!block.is_empty()).then_some(Json::Object(block))
}

/// True if a key of the body is a message. A mask beside it lists fields of that message, not the keys that a
/// statement sets: whoever writes the message writes the mask.
fn has_message(sdk: &Sdk, placed: &Placed<'_>) -> bool {
    let Body::Keyed(keys) = &placed.operation.body else { return false };
    keys.iter().any(|(_, name)| {
        let parameter = placed.operation.parameter(name);
        parameter.is_some_and(|parameter| sdk.message(&parameter.kind).is_some())
    })
}

fn dotted(path: &[String]) -> String {
    format!("$.{}", path.join("."))
}

fn target(source: &Source) -> Json {
    let location = if source.in_body { "body" } else { "query" };
    json!({"key": source.wire, "location": location})
}

/// Where a Python parameter is sent, if it is in the query or a key of the body.
fn source(placed: &Placed<'_>, name: &str) -> Option<Source> {
    let find = |list: &[(String, String)]| {
        list.iter().find(|(_, parameter)| parameter == name).map(|(wire, _)| wire.clone())
    };
    if let Some(wire) = find(&placed.operation.query) {
        return Some(Source { in_body: false, wire });
    }
    match &placed.operation.body {
        Body::Keyed(keys) => find(keys).map(|wire| Source { in_body: true, wire }),
        _ => None,
    }
}

/// The fields of the message at the root of the answer.
fn answers(sdk: &Sdk, placed: &Placed<'_>, wire: &str) -> bool {
    let (Answer::One(kind) | Answer::Items { envelope: Some(kind), .. }) = &placed.operation.answer
    else {
        return false;
    };
    sdk.message(kind).is_some_and(|message| message.fields.iter().any(|field| field.wire == wire))
}

fn paging(sdk: &Sdk, placed: &Placed<'_>) -> Option<Json> {
    let operation = placed.operation;
    let token = |request: &Source, response: &str| {
        let key = if request.in_body { target(request) } else { json!(request.wire) };
        let mut paging = json!({"style": "token", "request": key, "response": response});
        if let Some(size) = SIZES.iter().find_map(|name| source(placed, name)) {
            let size = if size.in_body { target(&size) } else { json!(size.wire) };
            paging["size"] = size;
        }
        paging
    };
    match &operation.paging {
        Paging::Token { request, response } => Some(token(request, response)),
        Paging::NextBody { .. } => {
            // its next body repeats the request with the token of the next page
            let request = source(placed, "page_token")?;
            Some(token(&request, "next_page_token"))
        }
        Paging::Offset { wire } => {
            let mut paging =
                json!({"style": "offset", "request": wire, "start": 1, "total": "totalResults"});
            let size = operation.defaults.iter().find(|(source, _)| source.wire == "count");
            if let Some(max) = size.and_then(|(_, max)| max.parse::<u64>().ok()) {
                paging["size"] = json!({"key": "count", "max": max});
            }
            Some(paging)
        }
        Paging::Page { wire } => Some(json!({"style": "page", "request": wire, "start": 1})),
        // the caller of the SDK asks for each page itself
        Paging::None => {
            let request = source(placed, "page_token")?;
            answers(sdk, placed, "next_page_token").then(|| token(&request, "next_page_token"))
        }
    }
}

/// Whether values of a path parameter are resource names, whose `/` is sent as it is.
fn spans_segments(placed: &Placed<'_>, name: &str) -> bool {
    let slashes = placed.operation.path.iter().any(
        |part| matches!(part, PathPart::Parameter { name: own, slashes: true } if own == name),
    );
    let is_name = name == "name" || name == "parent" || name.ends_with("_name");
    let shows_slash = || {
        let marker = format!(":param {name}:");
        let text = placed.operation.doc.split(&marker).nth(1).unwrap_or_default();
        let text = text.split("\n        :").next().unwrap_or_default();
        text.split_whitespace().any(|word| word.contains("/{") || word.contains("/<"))
    };
    slashes
        || name == "parent"
        || (name == "name" && placed.in_hierarchy)
        || (is_name && shows_slash())
}

/// Names on the wire that SQL spells otherwise: as the parameter is called in Python.
fn aliases(sdk: &Sdk, placed: &Placed<'_>) -> Map<String, Json> {
    let mut aliases = Map::new();
    for (name, wire) in &placed.path {
        if name != wire && !placed.is_renamed_for_good {
            aliases.insert(wire.clone(), json!(name));
        }
    }
    let operation = placed.operation;
    for (wire, name) in &operation.query {
        let kind = operation.parameter(name).map(|parameter| &parameter.kind);
        match kind.and_then(|kind| sdk.message(kind)) {
            Some(_) => {
                for leaf in leaves(sdk, kind, wire, MAX_DEPTH) {
                    let alias = leaf.replace('.', "_");
                    aliases.insert(leaf, json!(alias));
                }
            }
            None if wire != name => {
                aliases.insert(wire.clone(), json!(name));
            }
            None => {}
        }
    }
    if let Body::Keyed(keys) = &operation.body {
        for (wire, name) in keys.iter().filter(|(wire, name)| wire != name) {
            aliases.insert(wire.clone(), json!(name));
        }
    }
    aliases
}

/// The dotted names of a message's fields in the query.
fn leaves(sdk: &Sdk, kind: Option<&Type>, wire: &str, depth: usize) -> Vec<String> {
    match kind.and_then(|kind| sdk.message(kind)).filter(|_| depth > 0) {
        Some(message) => message
            .fields
            .iter()
            .flat_map(|field| {
                leaves(sdk, Some(&field.kind), &format!("{wire}.{}", field.wire), depth - 1)
            })
            .collect(),
        None => vec![wire.to_owned()],
    }
}

/// Fields of requests and rows that hold secrets.
fn secrets(sdk: &Sdk, placed: &Placed<'_>) -> Vec<String> {
    let operation = placed.operation;
    let mut found = Vec::new();
    let of_secret =
        split(&operation.name).1.contains("secret") && operation.name != "get_secret_scope";
    let is_value = |wire: &str| of_secret && VALUES.contains(&wire);
    match &operation.body {
        Body::Keyed(keys) => {
            for (wire, name) in keys {
                let Some(parameter) = operation.parameter(name) else { continue };
                field(sdk, wire, &parameter.kind, wire, MAX_DEPTH, &is_value, &mut found);
            }
        }
        Body::Whole(name) => {
            let kind = operation.parameter(name).map(|parameter| &parameter.kind);
            fields(sdk, kind, "", MAX_DEPTH, &is_value, &mut found);
        }
        Body::None | Body::Binary(_) => {}
    }
    let row = match &operation.answer {
        Answer::None => None,
        Answer::One(kind) => Some(kind),
        Answer::Items { item, .. } => Some(item),
    };
    fields(sdk, row, "", MAX_DEPTH, &is_value, &mut found);
    found.sort();
    found.dedup();
    found
}

fn fields(
    sdk: &Sdk,
    kind: Option<&Type>,
    prefix: &str,
    depth: usize,
    is_value: &dyn Fn(&str) -> bool,
    out: &mut Vec<String>,
) {
    let Some(message) = kind.and_then(|kind| sdk.message(kind)).filter(|_| depth > 0) else {
        return;
    };
    for own in &message.fields {
        let path =
            if prefix.is_empty() { own.wire.clone() } else { format!("{prefix}.{}", own.wire) };
        field(sdk, &own.wire, &own.kind, &path, depth, is_value, out);
    }
}

fn field(
    sdk: &Sdk,
    wire: &str,
    kind: &Type,
    path: &str,
    depth: usize,
    is_value: &dyn Fn(&str) -> bool,
    out: &mut Vec<String>,
) {
    let ends = |name: &str| {
        wire.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('_'))
    };
    if *kind == Type::Text && (SECRETS.iter().any(|name| ends(name)) || is_value(wire)) {
        out.push(path.to_owned());
    } else {
        fields(sdk, Some(kind), path, depth - 1, is_value, out);
    }
}
