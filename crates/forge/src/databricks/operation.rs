//! One SDK method as an OpenAPI operation.

use serde_json::{Map, Value as Json, json};

use super::schema::{Schemas, described, insert_sorted, object};
use super::texts::Descriptions;
use crate::sdk::{Answer, Body, Operation, PathPart, Type};

/// The longest chain of messages in the query.
const MAX_DEPTH: usize = 4;

/// Parameters, body and responses of an operation.
pub(super) fn built(
    schemas: &mut Schemas<'_>,
    operation: &Operation,
    id: &str,
    path: &[(String, String)],
) -> Json {
    let mut object = Map::new();
    let mut parameters = Vec::new();
    for (name, wire) in path {
        let parameter = operation.parameter(name);
        let schema = parameter.map_or(json!({"type": "string"}), |own| schemas.of(&own.kind));
        let text = input_text(schemas, operation, id, name, wire);
        let entry = json!({"name": wire, "in": "path", "required": true});
        parameters.push(with_schema(described(entry, text), schema));
    }
    for (wire, name) in &operation.query {
        let Some(parameter) = operation.parameter(name) else { continue };
        let text = input_text(schemas, operation, id, name, wire);
        query(schemas, wire, &parameter.kind, parameter.required, text, MAX_DEPTH, &mut parameters);
    }
    if schemas.descriptions == Descriptions::None {
        for (wire, schema) in schemas.overlay.more("query", id) {
            let entry = json!({"name": wire, "in": "query", "required": false});
            let entry = described(entry, schemas.overlay.input(id, wire));
            parameters.push(with_schema(entry, schema.clone()));
        }
    }
    if !parameters.is_empty() {
        object.insert("parameters".to_owned(), Json::Array(parameters));
    }
    if let Some(body) = body(schemas, operation, id) {
        object.insert("requestBody".to_owned(), body);
    }
    object.insert("responses".to_owned(), responses(schemas, operation));
    Json::Object(object)
}

fn with_schema(mut entry: Json, schema: Json) -> Json {
    entry["schema"] = schema;
    entry
}

/// The text of an input: the package's, or this project's.
fn input_text(
    schemas: &Schemas<'_>,
    operation: &Operation,
    id: &str,
    name: &str,
    wire: &str,
) -> Option<String> {
    match schemas.descriptions {
        Descriptions::None => schemas.overlay.input(id, wire),
        package => package.parameter(&operation.doc, name),
    }
}

/// A parameter of the query; a message is one parameter per field, named `message.field`.
fn query(
    schemas: &mut Schemas<'_>,
    wire: &str,
    kind: &Type,
    required: bool,
    text: Option<String>,
    depth: usize,
    out: &mut Vec<Json>,
) {
    let sdk = schemas.sdk;
    if let Some(message) = sdk.message(kind).filter(|_| depth > 0) {
        for field in &message.fields {
            let text = schemas.descriptions.field(field);
            let wire = format!("{wire}.{}", field.wire);
            query(schemas, &wire, &field.kind, required && field.required, text, depth - 1, out);
        }
        return;
    }
    let entry = described(json!({"name": wire, "in": "query", "required": required}), text);
    let schema = schemas.of(kind);
    out.push(with_schema(entry, schema));
}

fn body(schemas: &mut Schemas<'_>, operation: &Operation, id: &str) -> Option<Json> {
    let (media, schema) = match &operation.body {
        Body::None => return None,
        Body::Keyed(keys) => {
            let mut properties = Map::new();
            let mut required = Vec::new();
            for (wire, name) in keys {
                let Some(parameter) = operation.parameter(name) else { continue };
                let text = input_text(schemas, operation, id, name, wire);
                properties.insert(wire.clone(), described(schemas.of(&parameter.kind), text));
                if parameter.required {
                    required.push(wire.clone());
                }
            }
            if schemas.descriptions == Descriptions::None {
                for (wire, schema) in schemas.overlay.more("body", id) {
                    let text = schemas.overlay.input(id, wire);
                    insert_sorted(&mut properties, wire, described(schema.clone(), text));
                }
            }
            ("application/json", object(properties, &required))
        }
        Body::Whole(name) => {
            let kind = operation.parameter(name).map_or(&Type::Any, |own| &own.kind);
            ("application/json", whole(schemas, operation, kind))
        }
        Body::Binary(_) => {
            ("application/octet-stream", json!({"type": "string", "format": "binary"}))
        }
    };
    // the SDK sends an object without keys where nothing is given
    Some(json!({"required": true, "content": {media: {"schema": schema}}}))
}

/// The schema of a message that is the body. A change need not repeat what the message requires.
fn whole(schemas: &mut Schemas<'_>, operation: &Operation, kind: &Type) -> Json {
    let requires = schemas
        .sdk
        .message(kind)
        .is_some_and(|message| message.fields.iter().any(|field| field.required));
    match kind {
        Type::Named(module, class) if requires && operation.verb == "PATCH" => {
            let (properties, _) = schemas.properties(module, class);
            object(properties, &[])
        }
        _ => schemas.of(kind),
    }
}

fn responses(schemas: &mut Schemas<'_>, operation: &Operation) -> Json {
    let mut success = json!({"description": "Success"});
    if !operation.headers.is_empty() {
        let headers: Map<String, Json> = operation
            .headers
            .iter()
            .map(|name| (name.clone(), json!({"schema": {"type": "string"}})))
            .collect();
        success["headers"] = Json::Object(headers);
    }
    if let Some((media, schema)) = answer(schemas, operation) {
        success["content"] = json!({media: {"schema": schema}});
    }
    json!({"200": success, "default": {"$ref": "#/components/responses/Error"}})
}

/// The media type and schema of the answer.
fn answer(schemas: &mut Schemas<'_>, operation: &Operation) -> Option<(String, Json)> {
    let media = operation.accept.as_deref().unwrap_or("application/json").to_owned();
    let schema = match &operation.answer {
        Answer::None => return None,
        // the headers are all there is
        Answer::One(_) if operation.verb == "HEAD" => return None,
        Answer::One(kind) => schemas.of(kind),
        Answer::Items { key: None, item, .. } => {
            json!({"type": "array", "items": schemas.of(item)})
        }
        Answer::Items { key: Some(key), item, envelope } => {
            match envelope.clone().or_else(|| list_message(schemas, operation, key, item)) {
                Some(kind) => schemas.of(&kind),
                None => {
                    let items = json!({"type": "array", "items": schemas.of(item)});
                    json!({"type": "object", "properties": {key: items}})
                }
            }
        }
    };
    Some((media, schema))
}

/// The message that holds the items of a list, which no method names: it has them at that key.
fn list_message(
    schemas: &Schemas<'_>,
    operation: &Operation,
    key: &str,
    item: &Type,
) -> Option<Type> {
    let Type::Named(of, _) = item else { return None };
    let module = schemas.home();
    let wanted = Type::List(Box::new(item.clone()));
    let next = match &operation.paging {
        crate::sdk::Paging::Token { response, .. } => Some(response.as_str()),
        _ => None,
    };
    let mut best: Option<(usize, &String, &str)> = None;
    for home in [module, of.as_str()] {
        let Some(module) = schemas.sdk.modules.get(home) else { continue };
        for (name, message) in &module.messages {
            let has = |wire: &str| message.fields.iter().any(|field| field.wire == wire);
            let holds =
                message.fields.iter().any(|field| field.wire == key && field.kind == wanted);
            if !holds || !next.is_none_or(has) {
                continue;
            }
            let is_answer = ["Response", "Output", "List"].iter().any(|word| name.contains(word));
            let rank = usize::from(!is_answer) * 1000 + message.fields.len();
            if best.is_none_or(|(found, other, _)| (rank, name) < (found, other)) {
                best = Some((rank, name, home));
            }
        }
        if best.is_some() {
            break;
        }
    }
    best.map(|(_, name, home)| Type::Named(home.to_owned(), name.clone()))
}

/// The template of a path, and its parameters as Python names and wire names.
pub(super) fn template(
    path: &[PathPart],
    rename: &dyn Fn(&str) -> String,
) -> (String, Vec<(String, String)>) {
    let mut template = String::new();
    let mut parameters: Vec<(String, String)> = Vec::new();
    for part in path {
        match part {
            PathPart::Text(text) => template.push_str(text),
            PathPart::Parameter { name, .. } => {
                let wire = rename(name);
                template.push('{');
                template.push_str(&wire);
                template.push('}');
                if !parameters.iter().any(|(own, _)| own == name) {
                    parameters.push((name.clone(), wire));
                }
            }
        }
    }
    (template, parameters)
}
