//! Merging `allOf`, `oneOf` and `anyOf` into one schema.
//!
//! Owns: precedence, and the common kind of several.
//! Surprise: alternatives without a common kind have the kind "anything", so that their column
//! takes every value as text instead of rejecting some.

use super::{Schema, SchemaKind};

/// Merges a member of `allOf`; the schema's own properties take precedence.
pub(super) fn merge_part(schema: &mut Schema, member: Schema) {
    for (name, id) in member.properties {
        schema.properties.entry(name).or_insert(id);
    }
    for name in member.required {
        if !schema.required.contains(&name) {
            schema.required.push(name);
        }
    }
    if schema.kind == SchemaKind::Any {
        schema.kind = member.kind;
    }
    schema.items = schema.items.or(member.items);
    schema.additional = schema.additional.or(member.additional);
    schema.open |= member.open;
    schema.nullable |= member.nullable;
    schema.string_only |= member.string_only;
    schema.format = schema.format.take().or(member.format);
    schema.description = schema.description.take().or(member.description);
    if schema.values.is_empty() {
        schema.values = member.values;
    }
}

/// Merges the members of `oneOf` or `anyOf`; true when their kinds do not fit one column type.
pub(super) fn merge_alternatives(schema: &mut Schema, members: Vec<Schema>) -> bool {
    let members: Vec<Schema> = members
        .into_iter()
        .filter(|member| {
            let is_null =
                member.kind == SchemaKind::Any && member.nullable && member.items.is_none();
            schema.nullable |= member.nullable;
            !(is_null && member.properties.is_empty())
        })
        .collect();
    let kinds: Vec<SchemaKind> =
        members.iter().map(|member| member.kind).filter(|kind| *kind != SchemaKind::Any).collect();
    let joint = joint_kind(&kinds);
    if schema.kind == SchemaKind::Any {
        schema.kind = joint.unwrap_or_default();
    }
    let has_one_format = members.windows(2).all(|pair| pair[0].format == pair[1].format);
    if schema.format.is_none() && has_one_format {
        schema.format = members.first().and_then(|member| member.format.clone());
    }
    // an alternative without values allows any: the list would then be too narrow
    if schema.values.is_empty() && members.iter().all(|member| !member.values.is_empty()) {
        for value in members.iter().flat_map(|member| &member.values) {
            if !schema.values.contains(value) {
                schema.values.push(value.clone());
            }
        }
    }
    for member in members {
        for (name, id) in member.properties {
            schema.properties.entry(name).or_insert(id);
        }
        schema.items = schema.items.or(member.items);
        schema.additional = schema.additional.or(member.additional);
        schema.open |= member.open;
        schema.description = schema.description.take().or(member.description);
    }
    joint.is_none() && schema.kind == SchemaKind::Any
}

/// The common kind of several. Objects and arrays share their JSON text, integers are numbers;
/// other mixtures have none.
pub(super) fn joint_kind(kinds: &[SchemaKind]) -> Option<SchemaKind> {
    let Some(first) = kinds.first() else { return Some(SchemaKind::Any) };
    let all = |allowed: &[SchemaKind]| kinds.iter().all(|kind| allowed.contains(kind));
    if all(&[*first]) || all(&[SchemaKind::Object, SchemaKind::Array]) {
        Some(*first)
    } else if all(&[SchemaKind::Integer, SchemaKind::Number]) {
        Some(SchemaKind::Number)
    } else {
        None
    }
}
