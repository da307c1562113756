//! The manifest beside the INSERT examples.

use serde_json::Value as Json;

use super::facts::{Method, Resource};
use super::resolve::{entries, text};

/// Nesting that is shown.
const MAX_DEPTH: usize = 4;

/// The manifest of a resource, over all its INSERT methods.
pub(super) fn manifest(resource: &Resource, methods: &[&Method]) -> String {
    let mut out = format!(
        "```yaml\n# Description fields are for documentation purposes\n- name: {}\n  props:\n",
        resource.name
    );
    let mut seen: Vec<&str> = Vec::new();
    for (name, input) in methods.iter().flat_map(|method| &method.required) {
        if !seen.contains(&name.as_str()) {
            seen.push(name);
            out.push_str(&format!(
                "    - name: {name}\n      value: {}\n      description: Required parameter for the {} resource.\n",
                input.kind, resource.name
            ));
        }
    }
    for (name, schema) in methods.iter().flat_map(|method| &method.body) {
        if !seen.contains(&name.as_str()) {
            seen.push(name);
            property(name, schema, 4, 0, &mut out);
        }
    }
    for (name, input) in methods.iter().flat_map(|method| &method.optional) {
        if !seen.contains(&name.as_str()) {
            seen.push(name);
            out.push_str(&format!("    - name: {name}\n      value: {}\n", input.kind));
            if !input.text.is_empty() {
                out.push_str(&format!("      description: {}\n", input.text));
            }
        }
    }
    out + "```"
}

fn property(name: &str, schema: &Json, indent: usize, depth: usize, out: &mut String) {
    let pad = " ".repeat(indent);
    let kind = text(schema, "type").unwrap_or("string");
    out.push_str(&format!("{pad}- name: {name}\n{pad}  value: {kind}\n"));
    if let Some(description) = text(schema, "description").filter(|text| !text.is_empty()) {
        out.push_str(&format!("{pad}  description: |\n"));
        for line in description.lines().map(str::trim).filter(|line| !line.is_empty()) {
            out.push_str(&format!("{pad}    {line}\n"));
        }
    }
    let items = schema.get("items");
    let holder = if kind == "array" { items } else { Some(schema) };
    let children: Vec<_> =
        holder.into_iter().flat_map(|holder| entries(holder, "properties")).collect();
    if !children.is_empty() && depth + 1 < MAX_DEPTH {
        out.push_str(&format!("{pad}  props:\n"));
        for (name, child) in children {
            property(name, child, indent + 2, depth + 1, out);
        }
    } else if kind == "array"
        && let Some(kind) = items.and_then(|items| text(items, "type"))
    {
        out.push_str(&format!("{pad}  items:\n{pad}    type: {kind}\n"));
    }
    if let Some(values) = schema.get("enum").and_then(Json::as_array) {
        let shown: Vec<String> = values
            .iter()
            .map(|value| value.as_str().map_or_else(String::new, |text| format!("'{text}'")))
            .collect();
        out.push_str(&format!("{pad}  valid_values: [{}]\n", shown.join(", ")));
    }
    if let Some(default) = schema.get("default") {
        let shown = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
        out.push_str(&format!("{pad}  default: {shown}\n"));
    }
}
