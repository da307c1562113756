//! Fields inside of objects, as statements name them: `token_access_policy.access_token_ttl_in_minutes`.
//!
//! Refuses: what is inside of lists; a path does not reach there.

use strataql_spec::{SchemaId, Service};

/// How deep objects are opened. Documents nest without end.
const DEPTH: usize = 4;

/// Fields that are listed of one value.
const MOST: usize = 200;

/// A field.
pub(super) struct Field {
    /// Its dotted path.
    pub(super) path: String,
    pub(super) schema: SchemaId,
    /// True if its object must have it.
    pub(super) required: bool,
}

/// The fields inside of a value, in document order, each before its own fields.
///
/// `for_request` leaves out what the server sets.
pub(super) fn inside(
    service: &Service,
    name: &str,
    schema: SchemaId,
    for_request: bool,
) -> Vec<Field> {
    let mut found = Vec::new();
    let mut above = vec![schema];
    open(service, name, schema, for_request, &mut above, &mut found);
    found
}

fn open(
    service: &Service,
    path: &str,
    schema: SchemaId,
    for_request: bool,
    above: &mut Vec<SchemaId>,
    found: &mut Vec<Field>,
) {
    let object = &service.schemas[schema];
    if above.len() > DEPTH {
        return;
    }
    for (name, child) in &object.properties {
        let is_set_elsewhere = for_request && service.schemas[*child].read_only;
        if is_set_elsewhere || found.len() >= MOST || above.contains(child) {
            continue;
        }
        let path = format!("{path}.{name}");
        let required = object.required.iter().any(|required| required == name);
        found.push(Field { path: path.clone(), schema: *child, required });
        above.push(*child);
        open(service, &path, *child, for_request, above, found);
        above.pop();
    }
}
