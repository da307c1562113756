//! A schema as a line of text, which travels with a column of JSON.

use serde_json::{Value as Json, json};

use super::{SchemaId, SchemaKind, Schemas};

/// Most schema nodes that travel with a column.
const MAX_NODES: usize = 500;
/// Deepest path that is typed.
const MAX_DEPTH: usize = 12;

impl Schemas {
    /// The compact form of a schema: `{"o":{name: …}}` with `"r"` for other members, `{"a":…}`, or the
    /// letter of a type (`i`, `n`, `b`, `t`). It ends at 12 levels and 500 schemas.
    pub fn compact(&self, id: SchemaId) -> String {
        let mut left = MAX_NODES;
        of(self, id, MAX_DEPTH, &mut left).to_string()
    }
}

fn of(schemas: &Schemas, id: SchemaId, depth: usize, left: &mut usize) -> Json {
    let schema = &schemas[id];
    if depth == 0 || *left == 0 {
        return json!("t");
    }
    *left -= 1;
    match schema.kind {
        SchemaKind::Integer => json!("i"),
        SchemaKind::Number => json!("n"),
        SchemaKind::Boolean => json!("b"),
        SchemaKind::String | SchemaKind::Any => json!("t"),
        SchemaKind::Array => match schema.items {
            Some(items) => json!({ "a": of(schemas, items, depth - 1, left) }),
            None => json!({ "a": "t" }),
        },
        SchemaKind::Object => {
            let properties: serde_json::Map<String, Json> = schema
                .properties
                .iter()
                .map(|(name, id)| (name.clone(), of(schemas, *id, depth - 1, left)))
                .collect();
            match schema.additional {
                Some(rest) => {
                    json!({ "o": properties, "r": of(schemas, rest, depth - 1, left) })
                }
                None => json!({ "o": properties }),
            }
        }
    }
}
