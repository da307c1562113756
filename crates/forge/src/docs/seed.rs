//! The page of a resource as the public reference pages of early 2026 have it.

use indexmap::IndexMap;
use serde_json::{Value as Json, json};

use super::facts::{Input, Method, Resource, kind};
use super::index::front_matter;
use super::resolve::{entries, text};
use super::text::{article, by_column, by_field, sanitised};
use super::write_examples;

/// Nesting of the tree of fields.
const MAX_DEPTH: usize = 4;
/// Imports of every page.
const IMPORTS: &str = "
import CopyableCode from '@site/src/components/CopyableCode/CopyableCode';
import Tabs from '@theme/Tabs';
import TabItem from '@theme/TabItem';
import SchemaTable from '@site/src/components/SchemaTable/SchemaTable';

";

/// The page.
pub(super) fn page(resource: &Resource) -> String {
    let Resource { provider, service, name, .. } = resource;
    let mut out = front_matter(name, &[name, service, provider], provider);
    out.push_str(IMPORTS);
    let description = if resource.description.is_empty() {
        format!(
            "Creates, updates, deletes, gets or lists {} <code>{name}</code> resource.",
            article(name)
        )
    } else {
        sanitised(&resource.description)
    };
    let kind = if resource.views.is_empty() { "Resource" } else { "View" };
    out.push_str(&format!(
        "{description}\n\n## Overview\n<table><tbody>\n\
         <tr><td><b>Name</b></td><td><CopyableCode code=\"{name}\" /></td></tr>\n\
         <tr><td><b>Type</b></td><td>{kind}</td></tr>\n\
         <tr><td><b>Id</b></td><td><CopyableCode code=\"{}\" /></td></tr>\n</tbody></table>\n\n",
        resource.full_name()
    ));
    if resource.views.is_empty() {
        out.push_str(&fields(resource));
        out.push_str(&methods(resource));
        out.push_str(&parameters(resource));
        out.push_str(&select_examples(resource));
        out.push_str(&write_examples::sections(resource));
    } else {
        out.push_str(&definition(resource));
    }
    out
}

/// The head of tabs: labels and values.
pub(super) fn tabs(labels: &[(&str, &str)]) -> String {
    let lines: Vec<String> = labels
        .iter()
        .map(|(label, value)| format!("        {{ label: '{label}', value: '{value}' }}"))
        .collect();
    let first = labels.first().map_or("", |(_, value)| value);
    format!(
        "<Tabs\n    defaultValue=\"{first}\"\n    values={{[\n{}\n    ]}}\n>\n",
        lines.join(",\n")
    )
}

fn tabs_of(methods: &[&Method]) -> String {
    let labels: Vec<(&str, &str)> =
        methods.iter().map(|method| (method.name.as_str(), method.name.as_str())).collect();
    tabs(&labels)
}

fn is_plain_success(text: &str) -> bool {
    matches!(
        text.trim().to_ascii_lowercase().as_str(),
        "" | "ok" | "successful response" | "success"
    )
}

fn fields(resource: &Resource) -> String {
    let mut out = "## Fields\n\n".to_owned();
    let selects: Vec<&Method> = resource.of_verb("select").collect();
    if selects.is_empty() {
        out.push_str(
            "`SELECT` not supported for this resource, use `SHOW METHODS` to view available operations for the resource.\n\n",
        );
        return out;
    }
    out.push_str("The following fields are returned by `SELECT` queries:\n\n");
    out.push_str(&tabs_of(&selects));
    for method in selects {
        out.push_str(&format!("<TabItem value=\"{}\">\n\n", method.name));
        if !is_plain_success(&method.response_text) {
            out.push_str(&sanitised(&method.response_text));
            out.push_str("\n\n");
        }
        let mut names: Vec<&String> = method.fields.keys().collect();
        names.sort_by(|left, right| by_field(left, right));
        let tree: Vec<Json> =
            names.iter().map(|name| node(name, &method.fields[*name], 1)).collect();
        let tree = serde_json::to_string_pretty(&tree).unwrap_or_default();
        out.push_str(&format!("<SchemaTable fields={{{tree}}} />\n</TabItem>\n"));
    }
    out.push_str("</Tabs>\n");
    out
}

/// A field with its children.
fn node(name: &str, schema: &Json, depth: usize) -> Json {
    let description = sanitised(text(schema, "description").unwrap_or_default());
    let mut node =
        json!({"name": name, "type": kind(schema, "object"), "description": description});
    let holder =
        if text(schema, "type") == Some("array") { schema.get("items") } else { Some(schema) };
    if depth < MAX_DEPTH
        && let Some(holder) = holder
    {
        let children: Vec<Json> = entries(holder, "properties")
            .map(|(name, child)| self::node(name, child, depth + 1))
            .collect();
        if !children.is_empty() {
            node["children"] = Json::Array(children);
        }
    }
    node
}

fn link(name: &str) -> String {
    format!("<a href=\"#parameter-{name}\"><code>{name}</code></a>")
}

fn methods(resource: &Resource) -> String {
    let mut out = "\n## Methods\n\nThe following methods are available for this resource:\n\n<table>\n<thead>\n    <tr>\n    \
        <th>Name</th>\n    <th>Accessible by</th>\n    <th>Required Params</th>\n    <th>Optional Params</th>\n    \
        <th>Description</th>\n    </tr>\n</thead>\n<tbody>\n"
        .to_owned();
    for method in &resource.methods {
        let prefix = if method.verb == "exec" { "" } else { method.prefix };
        let required: Vec<String> = method
            .required
            .keys()
            .map(|name| link(name))
            .chain(method.body_required.iter().map(|name| link(&format!("{prefix}{name}"))))
            .collect();
        let optional: Vec<String> = method.optional.keys().map(|name| link(name)).collect();
        out.push_str(&format!(
            "<tr>\n    <td><a href=\"#{0}\"><CopyableCode code=\"{0}\" /></a></td>\n    \
             <td><CopyableCode code=\"{1}\" /></td>\n    <td>{2}</td>\n    <td>{3}</td>\n    <td>{4}</td>\n</tr>\n",
            method.name,
            method.verb,
            required.join(", "),
            optional.join(", "),
            sanitised(method.text())
        ));
    }
    out + "</tbody>\n</table>"
}

fn parameters(resource: &Resource) -> String {
    // the last method that has a parameter describes it
    let mut required: IndexMap<&str, &Input> = IndexMap::new();
    let mut optional: IndexMap<&str, &Input> = IndexMap::new();
    for method in &resource.methods {
        required.extend(method.required.iter().map(|(name, input)| (name.as_str(), input)));
        optional.extend(method.optional.iter().map(|(name, input)| (name.as_str(), input)));
    }
    required.sort_by(|left, _, right, _| left.encode_utf16().cmp(right.encode_utf16()));
    optional.sort_by(|left, _, right, _| left.encode_utf16().cmp(right.encode_utf16()));
    let mut out = "\n\n## Parameters\n\nParameters can be passed in the `WHERE` clause of a query. Check the \
        [Methods](#methods) section to see which parameters are required or optional for each operation.\n\n\
        <table>\n<thead>\n    <tr>\n    <th>Name</th>\n    <th>Datatype</th>\n    <th>Description</th>\n    </tr>\n\
        </thead>\n<tbody>\n"
        .to_owned();
    for (name, input) in required.iter().chain(&optional) {
        out.push_str(&format!(
            "<tr id=\"parameter-{name}\">\n    <td><CopyableCode code=\"{name}\" /></td>\n    \
             <td><code>{}</code></td>\n    <td>{}</td>\n</tr>\n",
            input.kind,
            sanitised(&input.text)
        ));
    }
    out + "</tbody>\n</table>"
}

/// The fields of a method in the order of statements.
pub(super) fn ordered(method: &Method) -> Vec<&str> {
    let mut names: Vec<&str> = method.fields.keys().map(String::as_str).collect();
    names.sort_by(|left, right| by_column(left, right));
    names
}

/// The text above an example.
pub(super) fn method_text(method: &Method) -> String {
    let texts = [method.text(), method.response_text.as_str()];
    let found = texts.into_iter().find(|text| !text.is_empty());
    sanitised(found.unwrap_or("No description available."))
}

fn select_examples(resource: &Resource) -> String {
    let selects: Vec<&Method> = resource.of_verb("select").collect();
    if selects.is_empty() {
        return String::new();
    }
    let mut out = format!("\n\n## `SELECT` examples\n\n{}", tabs_of(&selects));
    for method in selects {
        let fields = ordered(method);
        let columns = if fields.is_empty() { "*".to_owned() } else { fields.join(",\n") };
        let conditions = write_examples::conditions(method, "-- required");
        out.push_str(&format!(
            "<TabItem value=\"{}\">\n\n{}\n\n```sql\nSELECT\n{columns}\nFROM {}{conditions}\n;\n```\n</TabItem>\n",
            method.name,
            method_text(method),
            resource.full_name()
        ));
    }
    out + "</Tabs>\n"
}

/// The definition of a view.
fn definition(resource: &Resource) -> String {
    let labels: Vec<(&str, &str)> =
        resource.views.iter().map(|(name, _)| (name.as_str(), name.as_str())).collect();
    let lines: Vec<String> = labels
        .iter()
        .map(|(label, value)| format!("{{ label: '{label}', value: '{value}' }}"))
        .collect();
    let first = labels.first().map_or("", |(_, value)| value);
    let mut out =
        "## Fields\n\nSee the SQL definition (view DDL) for fields returned by this view.\n\n\
        ## SQL Definition\n\n"
            .to_owned();
    out.push_str(&format!(
        "<Tabs\ndefaultValue=\"{first}\"\nvalues={{[\n{}\n]}}\n>\n",
        lines.join(",\n")
    ));
    for (name, sql) in &resource.views {
        out.push_str(&format!("<TabItem value=\"{name}\">\n\n```sql\n{sql}\n```\n\n</TabItem>\n"));
    }
    out + "</Tabs>\n"
}
