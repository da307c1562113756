//! Values for the inputs of a method, by their schemas.

use serde_json::{Map, Value as Json};
use strataql_call::{Arguments, Fields, Value};
use strataql_spec::{BodyProperty, Location, Method, SchemaId, SchemaKind, Schemas, SqlVerb};

/// Optional fields that are set beside the required ones.
const OPTIONAL: usize = 2;
/// Deepest structure that is made.
const DEEPEST: usize = 5;

/// What a statement gives, and the texts that its request must have.
#[derive(Default)]
pub(super) struct Given {
    pub(super) arguments: Arguments,
    pub(super) fields: Fields,
    /// Name and text of each value.
    pub(super) probes: Vec<(String, String)>,
}

/// The values of a statement of an SQL verb: everything that the method needs, and some fields that it takes.
pub(super) fn of(method: &Method, schemas: &Schemas, verb: Option<SqlVerb>) -> Given {
    let mut maker = Maker { schemas, count: 0 };
    let mut given = Given::default();
    for param in &method.params {
        let is_whole_host = param.location == Location::Server
            && method.servers.first().is_some_and(|server| {
                let host =
                    server.url.split_once("://").map_or(server.url.as_str(), |(_, rest)| rest);
                host.starts_with(&format!("{{{}}}", param.wire))
            });
        let json = match (param.location, param.required) {
            (Location::Server, true) if param.name == "region" => Json::from("us-east-1"),
            (Location::Server, true) if is_whole_host => {
                Json::String(format!("{}.example.com", maker.text()))
            }
            (Location::Server, true) => server_value(method, &param.wire, &mut maker),
            // told when the fields are known
            _ if is_mask(&param.wire) => continue,
            (_, true) => maker.value(param.schema, 0),
            (_, false) => continue,
        };
        add(&mut given.probes, &param.name, &json);
        given.arguments.0.insert(param.name.clone(), as_value(json));
    }
    let Some(body) = &method.body else { return given };
    let is_taken = |property: &BodyProperty| {
        let in_base = body.base.as_ref().is_some_and(|base| base.get(&property.wire).is_some());
        in_base
            || method
                .params
                .iter()
                .any(|param| param.name == property.name || param.wire == property.wire)
    };
    let (needed, others): (Vec<&BodyProperty>, Vec<&BodyProperty>) =
        body.properties.iter().filter(|property| !is_taken(property)).partition(|it| it.required);
    let is_simple = |property: &&BodyProperty| !schemas[property.schema].kind.is_nested();
    let more = if matches!(verb, Some(SqlVerb::Select | SqlVerb::Delete)) { 0 } else { OPTIONAL };
    let mut changed: Vec<String> = Vec::new();
    for property in needed.into_iter().chain(others.into_iter().filter(is_simple).take(more)) {
        let json = maker.value(property.schema, 0);
        add(&mut given.probes, &property.name, &json);
        let value = as_value(json);
        if verb.is_none() || matches!(verb, Some(SqlVerb::Select | SqlVerb::Delete)) {
            given.arguments.0.insert(property.name.clone(), value);
        } else {
            changed.push(property.wire.clone());
            given.fields.0.insert(property.name.clone(), value);
        }
    }
    if let Some(mask) = method.params.iter().find(|param| is_mask(&param.wire)) {
        let names = if changed.is_empty() { "*".to_owned() } else { changed.join(",") };
        given.probes.push((mask.name.clone(), names.clone()));
        given.arguments.0.insert(mask.name.clone(), Value::Text(names));
    }
    given
}

/// True for the parameter that lists the fields which a request changes.
fn is_mask(name: &str) -> bool {
    matches!(name, "update_mask" | "updateMask")
}

/// A value of a server variable, one that its document lists if it lists some.
fn server_value(method: &Method, wire: &str, maker: &mut Maker<'_>) -> Json {
    let listed =
        method.servers.iter().find_map(|server| server.variables.get(wire)?.values.first());
    listed.map_or_else(|| Json::String(maker.text()), |value| Json::from(value.as_str()))
}

fn as_value(json: Json) -> Value {
    match json {
        Json::String(text) => Value::Text(text),
        Json::Bool(flag) => Value::Boolean(flag),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Value::Integer(whole),
            (None, Some(other)) => Value::Number(other),
            _ => Value::Json(Json::Number(number)),
        },
        other => Value::Json(other),
    }
}

/// The texts of a value and of everything in it.
fn add(probes: &mut Vec<(String, String)>, name: &str, json: &Json) {
    match json {
        Json::Null => {}
        Json::Array(items) => items.iter().for_each(|item| add(probes, name, item)),
        Json::Object(fields) => fields.iter().for_each(|(key, value)| {
            add(probes, &format!("{name}.{key}"), value);
        }),
        Json::String(text) => probes.push((name.to_owned(), text.clone())),
        other => probes.push((name.to_owned(), other.to_string())),
    }
}

struct Maker<'a> {
    schemas: &'a Schemas,
    count: i64,
}

impl Maker<'_> {
    /// A text that occurs nowhere else.
    fn text(&mut self) -> String {
        self.count += 1;
        format!("cov{}q", 1000 + self.count)
    }

    fn value(&mut self, id: SchemaId, depth: usize) -> Json {
        let schema = &self.schemas[id];
        if let Some(value) = schema.values.iter().find(|value| !is_empty(value)) {
            return value.clone();
        }
        match schema.kind {
            SchemaKind::Integer => {
                self.count += 1;
                Json::from(70_000 + self.count)
            }
            SchemaKind::Number => {
                self.count += 1;
                let number = serde_json::Number::from_f64(
                    f64::from(i32::try_from(self.count).unwrap_or(0)) + 0.5,
                );
                number.map_or(Json::Null, Json::Number)
            }
            SchemaKind::Boolean => Json::Bool(true),
            SchemaKind::Array if depth > DEEPEST => Json::Array(Vec::new()),
            SchemaKind::Array => {
                let item = match schema.items {
                    Some(items) => self.value(items, depth + 1),
                    None => Json::String(self.text()),
                };
                Json::Array(vec![item])
            }
            SchemaKind::Object => self.object(id, depth),
            SchemaKind::String | SchemaKind::Any => match schema.format.as_deref() {
                Some("date-time") => Json::from("2024-03-04T05:06:07Z"),
                Some("date") => Json::from("2024-03-04"),
                Some("int64" | "int32" | "uint64") => {
                    self.count += 1;
                    Json::String((70_000 + self.count).to_string())
                }
                _ => Json::String(self.text()),
            },
        }
    }

    fn object(&mut self, id: SchemaId, depth: usize) -> Json {
        let schemas = self.schemas;
        let schema = &schemas[id];
        let mut object = Map::new();
        if depth > DEEPEST {
            return Json::Object(object);
        }
        if schema.properties.is_empty() {
            object.insert("note".to_owned(), Json::String(self.text()));
            return Json::Object(object);
        }
        let settable = |(_, id): &(&String, &SchemaId)| !schemas[**id].read_only;
        let needed = |(name, _): &(&String, &SchemaId)| schema.required.contains(name);
        let is_text = |(_, id): &(&String, &SchemaId)| schemas[**id].kind == SchemaKind::String;
        let own = || schema.properties.iter().filter(settable);
        let mut chosen: Vec<(&String, &SchemaId)> = own().filter(needed).collect();
        if chosen.is_empty() {
            chosen.extend(own().find(is_text));
        }
        for (name, id) in chosen {
            object.insert(name.clone(), self.value(*id, depth + 1));
        }
        Json::Object(object)
    }
}

fn is_empty(value: &Json) -> bool {
    value.is_null() || value.as_str().is_some_and(str::is_empty)
}
