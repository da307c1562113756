//! Messages and enums as schemas.
//!
//! Owns: schemas of types, and the components that they need: each named message and enum once.

use indexmap::IndexMap;
use serde_json::{Map, Value as Json, json};

use super::overlay::Overlay;
use super::texts::Descriptions;
use crate::sdk::{Field, Sdk, Type};

/// The schemas of one service.
pub(super) struct Schemas<'a> {
    pub(super) sdk: &'a Sdk,
    pub(super) descriptions: Descriptions,
    pub(super) overlay: &'a Overlay,
    module: &'a str,
    /// Component names of types.
    names: IndexMap<(String, String), String>,
    /// Components that are not built yet.
    open: Vec<(String, String)>,
}

impl<'a> Schemas<'a> {
    pub(super) fn new(
        sdk: &'a Sdk,
        module: &'a str,
        descriptions: Descriptions,
        overlay: &'a Overlay,
    ) -> Self {
        Self { sdk, descriptions, overlay, module, names: IndexMap::new(), open: Vec::new() }
    }

    /// The schema of a type.
    pub(super) fn of(&mut self, kind: &Type) -> Json {
        match kind {
            Type::Text => json!({"type": "string"}),
            Type::Integer => json!({"type": "integer"}),
            Type::Number => json!({"type": "number"}),
            Type::Boolean => json!({"type": "boolean"}),
            Type::Timestamp => json!({"type": "string", "format": "date-time"}),
            Type::Duration => json!({"type": "string", "format": "duration"}),
            Type::FieldMask => json!({"type": "string"}),
            Type::Binary => json!({"type": "string", "format": "binary"}),
            Type::Any => json!({}),
            Type::List(item) => json!({"type": "array", "items": self.of(item)}),
            Type::Map(value) => match **value {
                Type::Any => json!({"type": "object"}),
                _ => json!({"type": "object", "additionalProperties": self.of(value)}),
            },
            Type::Named(module, class) => {
                if self.sdk.message(kind).is_none() && self.sdk.values(kind).is_none() {
                    return json!({"type": "object"});
                }
                let name = self.name(module, class);
                json!({"$ref": format!("#/components/schemas/{name}")})
            }
        }
    }

    /// The module of the service.
    pub(super) fn home(&self) -> &'a str {
        self.module
    }

    /// The component's name of a message or enum, which is needed from now on.
    fn name(&mut self, module: &str, class: &str) -> String {
        let key = (module.to_owned(), class.to_owned());
        if let Some(name) = self.names.get(&key) {
            return name.clone();
        }
        let home = self.sdk.modules.get(self.module);
        let is_of_home = home.is_some_and(|home| {
            home.messages.contains_key(class) || home.enums.contains_key(class)
        });
        let is_taken = self.names.values().any(|name| name == class);
        let name = if module == self.module || !(is_of_home || is_taken) {
            class.to_owned()
        } else {
            format!("{module}_{class}")
        };
        self.names.insert(key.clone(), name.clone());
        self.open.push(key);
        name
    }

    /// The properties of a message, in order, and the names of those that it requires.
    pub(super) fn properties(
        &mut self,
        module: &str,
        class: &str,
    ) -> (Map<String, Json>, Vec<String>) {
        let kind = Type::Named(module.to_owned(), class.to_owned());
        let sdk = self.sdk;
        let Some(message) = sdk.message(&kind) else { return Default::default() };
        let first = self.overlay.order(class);
        let rank = |field: &&Field| first.iter().position(|name| *name == field.wire);
        let mut fields: Vec<&Field> = message.fields.iter().collect();
        fields.sort_by_key(|field| rank(field).unwrap_or(usize::MAX));
        let mut properties = Map::new();
        let mut required = Vec::new();
        for field in fields {
            let schema = self.of(&field.kind);
            let text = self.descriptions.field(field).or_else(|| self.own(class, &field.wire));
            properties.insert(field.wire.clone(), described(schema, text));
            if field.required {
                required.push(field.wire.clone());
            }
        }
        if self.descriptions == Descriptions::None {
            for (wire, schema) in self.overlay.more("messages", class) {
                let text = self.own(class, wire);
                insert_sorted(&mut properties, wire, described(schema.clone(), text));
            }
        }
        (properties, required)
    }

    fn own(&self, class: &str, field: &str) -> Option<String> {
        let wanted = self.descriptions == Descriptions::None;
        wanted.then(|| self.overlay.field(class, field)).flatten()
    }

    /// The components, by name.
    pub(super) fn components(&mut self) -> Map<String, Json> {
        let mut built: Vec<(String, Json)> = Vec::new();
        while let Some((module, class)) = self.open.pop() {
            let name = self.names[&(module.clone(), class.clone())].clone();
            let kind = Type::Named(module.clone(), class.clone());
            let schema = match self.sdk.values(&kind) {
                Some(values) => {
                    let values: Vec<&String> = values.values().collect();
                    json!({"type": "string", "enum": values})
                }
                None => {
                    let (properties, required) = self.properties(&module, &class);
                    object(properties, &required)
                }
            };
            built.push((name, schema));
        }
        built.sort_by(|(left, _), (right, _)| left.cmp(right));
        built.into_iter().collect()
    }
}

/// Inserts a property before the first that comes after it by name.
pub(super) fn insert_sorted(properties: &mut Map<String, Json>, name: &str, schema: Json) {
    let at = properties.keys().position(|other| other.as_str() > name).unwrap_or(properties.len());
    properties.shift_insert(at, name.to_owned(), schema);
}

/// The schema of an object.
pub(super) fn object(properties: Map<String, Json>, required: &[String]) -> Json {
    let mut schema = json!({"type": "object"});
    if !properties.is_empty() {
        schema["properties"] = Json::Object(properties);
    }
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// The schema with a description.
pub(super) fn described(mut schema: Json, text: Option<String>) -> Json {
    if let (Some(text), Some(map)) = (text, schema.as_object_mut()) {
        map.insert("description".to_owned(), Json::String(text));
    }
    schema
}
