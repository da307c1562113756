//! `deploy import`: entries of a manifest for objects that are there, and for resources of a Terraform
//! state.
//!
//! Owns: which fields of an object a manifest declares. Secrets are left out.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};
use strataql_diag::{Code, Report, is_secret_name};

use crate::flow::alike;
use crate::runner::{Ask, Described, DescribedMethod, Field, Row, Runner};
use crate::template::json::{plain, structured};

/// An entry of `resources`, as YAML has it.
fn entry(name: &str, resource: &str, props: Map<String, Json>) -> Json {
    let props: Vec<Json> = props
        .into_iter()
        .map(|(name, value)| serde_json::json!({"name": name, "value": value}))
        .collect();
    serde_json::json!({"name": name, "resource": resource, "props": props})
}

/// A manifest with entries.
fn manifest(stack: &str, provider: &str, entries: Vec<Json>) -> String {
    crate::yaml::written(&serde_json::json!({
        "version": 2,
        "name": stack,
        "providers": [provider],
        "resources": entries,
    }))
}

/// A name for an entry, from what names the object.
fn entry_name(text: &str, taken: &mut BTreeSet<String>) -> String {
    let lower = text.to_lowercase();
    let words: Vec<&str> =
        lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let base = if words.is_empty() { "object".to_owned() } else { words.join("_") };
    let mut name = base.clone();
    let mut number = 2;
    while !taken.insert(name.clone()) {
        name = format!("{base}_{number}");
        number += 1;
    }
    name
}

/// The manifest of a stack with the objects that a condition finds.
///
/// # Errors
/// Those of the document and of the reads; `usage` for a resource that cannot be created.
pub fn import(
    runner: &dyn Runner,
    stack: &str,
    resource: &str,
    condition: &str,
) -> Result<String, Box<Report>> {
    let described = runner.describe(resource)?;
    let provider = resource.split('.').next().unwrap_or(resource);
    let Some(insert) = described.methods.iter().find(|method| method.verb == "insert") else {
        return Err(Box::new(
            Report::new(Code::Usage, format!("`{resource}` cannot be created by a statement"))
                .with_help("import a resource that has a method for INSERT"),
        ));
    };
    let filter = if condition.is_empty() { String::new() } else { format!(" WHERE {condition}") };
    let given = crate::flow::parameters_of(condition);
    let columns: Vec<String> =
        described.columns.iter().map(|column| format!("\"{}\"", column.name)).collect();
    let list = format!("SELECT {} FROM {resource}{filter}", columns.join(", "));
    let rows = runner.run(&Ask { sql: &list, auth: None, only_reads: true })?.rows;
    let mut taken = BTreeSet::new();
    let mut entries = Vec::new();
    for row in rows {
        let row = whole(runner, &described, &given, row)?;
        let props = declared(&described, insert, &given, &row);
        let named = props
            .iter()
            .find(|(name, value)| alike(name, "name") && value.is_string())
            .or_else(|| props.iter().find(|(name, _)| name.to_lowercase().ends_with("name")))
            .or_else(|| {
                props.iter().find(|(name, _)| {
                    name.to_lowercase().ends_with("id") && !given.contains_key(name.as_str())
                })
            })
            .map(|(_, value)| plain(value));
        let short = resource.rsplit('.').next().unwrap_or(resource);
        let name = entry_name(&named.unwrap_or_else(|| short.to_owned()), &mut taken);
        entries.push(entry(&name, resource, props));
    }
    Ok(manifest(stack, provider, entries))
}

/// The object with what only a lookup shows.
fn whole(
    runner: &dyn Runner,
    described: &Described,
    given: &Map<String, Json>,
    row: Row,
) -> Result<Row, Box<Report>> {
    let lookup = described.methods.iter().find(|method| {
        method.verb == "select"
            && method.gives_one
            && method.parameters.iter().any(|p| p.is_required)
    });
    let Some(lookup) = lookup else { return Ok(row) };
    let lacks = lookup.returns.iter().any(|name| row.get(name).is_none_or(Json::is_null));
    let keys = lookup.parameters.iter().filter(|parameter| parameter.is_required);
    let terms: Option<Vec<String>> = keys
        .map(|key| {
            let value = given.get(&key.name).or_else(|| row.get(&key.name))?;
            let value = plain(value).replace('\'', "''");
            (!value.is_empty()).then(|| format!("\"{}\" = '{value}'", key.name))
        })
        .collect();
    let (true, Some(terms)) = (lacks, terms) else { return Ok(row) };
    let columns: Vec<String> = lookup.returns.iter().map(|name| format!("\"{name}\"")).collect();
    let sql = format!(
        "SELECT {} FROM {} WHERE {}",
        columns.join(", "),
        described.name,
        terms.join(" AND ")
    );
    let found = runner.run(&Ask { sql: &sql, auth: None, only_reads: true })?.rows;
    let mut row = row;
    for (name, value) in found.into_iter().next().unwrap_or_default() {
        if !value.is_null() {
            row.insert(name, value);
        }
    }
    Ok(row)
}

/// The fields of an object that a manifest declares.
fn declared(
    described: &Described,
    insert: &DescribedMethod,
    given: &Map<String, Json>,
    row: &Row,
) -> Map<String, Json> {
    let shown = |name: &str| {
        let found = row.iter().find(|(column, _)| alike(column, name)).map(|(_, value)| value)?;
        let tree = found.as_str().and_then(structured);
        Some(without_nulls(tree.unwrap_or_else(|| found.clone()))).filter(|value| !value.is_null())
    };
    let is_settable = |field: &&Field| {
        let changes = described
            .methods
            .iter()
            .filter(|method| method.verb == "update" || method.verb == "replace")
            .any(|method| method.body.iter().any(|other| alike(&other.name, &field.name)));
        !field.is_read_only
            && !is_secret_name(&field.name)
            && (field.is_required || changes || field.name != "id")
    };
    let mut props = Map::new();
    for parameter in insert.parameters.iter().filter(|parameter| parameter.is_required) {
        if let Some(value) = given.get(&parameter.name).cloned().or_else(|| shown(&parameter.name))
        {
            props.insert(parameter.name.clone(), value);
        }
    }
    for field in insert.body.iter().filter(is_settable) {
        if let Some(value) = shown(&field.name) {
            props.insert(field.name.clone(), value);
            continue;
        }
        let members: Map<String, Json> = field
            .members
            .iter()
            .filter(|member| !is_secret_name(member) && !given.contains_key(member.as_str()))
            .filter_map(|member| Some((member.clone(), shown(member)?)))
            .collect();
        let is_whole = !described.columns.iter().any(|column| alike(&column.name, &field.name));
        if is_whole && !members.is_empty() {
            props.insert(field.name.clone(), Json::Object(members));
        }
    }
    // the parameters that the service would choose, such as the id of a policy
    for parameter in &insert.parameters {
        if !parameter.is_required
            && !props.contains_key(&parameter.name)
            && let Some(value) = shown(&parameter.name)
        {
            props.insert(parameter.name.clone(), value);
        }
    }
    props
}

fn without_nulls(value: Json) -> Json {
    match value {
        Json::Object(members) => Json::Object(
            members
                .into_iter()
                .map(|(name, value)| (name, without_nulls(value)))
                .filter(|(_, value)| !value.is_null())
                .collect(),
        ),
        other => other,
    }
}

/// How a type of a Terraform provider is called here.
struct Mapping {
    kind: &'static str,
    resource: &'static str,
    /// The field of the body that holds the object as a whole.
    whole: Option<&'static str>,
    /// Attributes and the fields that they are.
    fields: &'static [(&'static str, &'static str)],
    /// Which of them hold one object in a list.
    blocks: &'static [&'static str],
}

const MAPPINGS: &[Mapping] = &[
    Mapping {
        kind: "databricks_service_principal",
        resource: "databricks_account.iam.account_service_principals",
        whole: None,
        fields: &[("display_name", "displayName"), ("active", "active")],
        blocks: &[],
    },
    Mapping {
        kind: "databricks_group",
        resource: "databricks_account.iam.account_groups",
        whole: None,
        fields: &[("display_name", "displayName")],
        blocks: &[],
    },
    Mapping {
        kind: "databricks_user",
        resource: "databricks_account.iam.account_users",
        whole: None,
        fields: &[("user_name", "userName"), ("display_name", "displayName"), ("active", "active")],
        blocks: &[],
    },
    Mapping {
        kind: "databricks_custom_app_integration",
        resource: "databricks_account.oauth2.custom_app_integration",
        whole: None,
        fields: &[
            ("name", "name"),
            ("redirect_urls", "redirect_urls"),
            ("scopes", "scopes"),
            ("confidential", "confidential"),
            ("token_access_policy", "token_access_policy"),
        ],
        blocks: &["token_access_policy"],
    },
    Mapping {
        kind: "databricks_account_federation_policy",
        resource: "databricks_account.oauth2.account_federation_policy",
        whole: None,
        fields: &[
            ("policy_id", "policy_id"),
            ("description", "description"),
            ("oidc_policy", "oidc_policy"),
        ],
        blocks: &["oidc_policy"],
    },
    Mapping {
        kind: "databricks_mws_log_delivery",
        resource: "databricks_account.billing.log_delivery",
        whole: Some("log_delivery_configuration"),
        fields: &[
            ("config_name", "config_name"),
            ("log_type", "log_type"),
            ("output_format", "output_format"),
            ("credentials_id", "credentials_id"),
            ("storage_configuration_id", "storage_configuration_id"),
            ("delivery_path_prefix", "delivery_path_prefix"),
        ],
        blocks: &[],
    },
    Mapping {
        kind: "databricks_budget",
        resource: "databricks_account.billing.budgets",
        whole: Some("budget"),
        fields: &[
            ("display_name", "display_name"),
            ("alert_configurations", "alert_configurations"),
            ("filter", "filter"),
        ],
        blocks: &["filter"],
    },
];

/// The manifest of a stack with the resources of a Terraform state, and the addresses of those that
/// have no counterpart here.
///
/// # Errors
/// `config` for a text that is no state of version 4.
pub fn from_state(
    stack: &str,
    text: &str,
    file: &str,
) -> Result<(String, Vec<String>), Box<Report>> {
    let wrong = |why: &str| {
        Box::new(
            Report::new(Code::Config, format!("the file is no Terraform state: {why}"))
                .with_place(file, 1)
                .with_help("give a file of `terraform state pull`, of version 4"),
        )
    };
    let state: Json = serde_json::from_str(text).map_err(|error| wrong(&error.to_string()))?;
    if state.get("version").and_then(Json::as_u64) != Some(4) {
        return Err(wrong("its `version` is not 4"));
    }
    let resources = state.get("resources").and_then(Json::as_array);
    let Some(resources) = resources else { return Err(wrong("it has no `resources`")) };
    let (mut entries, mut others, mut taken) = (Vec::new(), Vec::new(), BTreeSet::new());
    for resource in resources {
        let word = |key: &str| resource.get(key).and_then(Json::as_str).unwrap_or_default();
        if word("mode") != "managed" {
            continue;
        }
        let (kind, name) = (word("type"), word("name"));
        let mapping = MAPPINGS.iter().find(|mapping| mapping.kind == kind);
        let instances = resource.get("instances").and_then(Json::as_array);
        for instance in instances.into_iter().flatten() {
            let key = instance.get("index_key").map(plain);
            let address = match &key {
                Some(key) => format!("{kind}.{name}[{key}]"),
                None => format!("{kind}.{name}"),
            };
            let attributes = instance.get("attributes").and_then(Json::as_object);
            let (Some(mapping), Some(attributes)) = (mapping, attributes) else {
                others.push(address);
                continue;
            };
            let named = key.map_or_else(|| name.to_owned(), |key| format!("{name} {key}"));
            let name = entry_name(&named, &mut taken);
            entries.push(entry(&name, mapping.resource, props_of(mapping, attributes)));
        }
    }
    Ok((manifest(stack, "databricks_account", entries), others))
}

fn props_of(mapping: &Mapping, attributes: &Map<String, Json>) -> Map<String, Json> {
    let mut fields = Map::new();
    for (attribute, field) in mapping.fields {
        let Some(value) = attributes.get(*attribute) else { continue };
        let value = match value.as_array() {
            Some(items) if mapping.blocks.contains(attribute) => {
                items.first().cloned().unwrap_or_default()
            }
            _ => value.clone(),
        };
        let value = without_nulls(value);
        let is_empty = match &value {
            Json::Null => true,
            Json::String(text) => text.is_empty(),
            Json::Array(items) => items.is_empty(),
            Json::Object(members) => members.is_empty(),
            _ => false,
        };
        if !is_empty && (!is_secret_name(field) || *field == "token_access_policy") {
            fields.insert((*field).to_owned(), value);
        }
    }
    let account = attributes
        .get("account_id")
        .filter(|id| id.as_str().is_some_and(|id| !id.is_empty()))
        .cloned()
        .unwrap_or_else(|| Json::from("{{ DATABRICKS_ACCOUNT_ID }}"));
    let mut props = Map::new();
    props.insert("account_id".to_owned(), account);
    match mapping.whole {
        Some(whole) => {
            props.insert(whole.to_owned(), Json::Object(fields));
        }
        None => props.extend(fields),
    }
    props
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_becomes_a_manifest() {
        let state = serde_json::json!({
            "version": 4,
            "resources": [
                {"mode": "data", "type": "databricks_group", "name": "x", "instances": [{"attributes": {}}]},
                {"mode": "managed", "type": "databricks_custom_app_integration", "name": "reports", "instances": [
                    {"attributes": {"name": "reports", "redirect_urls": ["https://x"], "scopes": null, "client_secret": "s3cr3t",
                        "token_access_policy": [{"access_token_ttl_in_minutes": 60, "refresh_token_ttl_in_minutes": null}]}}]},
                {"mode": "managed", "type": "databricks_budget", "name": "b", "instances": [
                    {"index_key": "eu", "attributes": {"account_id": "a1", "display_name": "monthly"}}]},
                {"mode": "managed", "type": "aws_s3_bucket", "name": "data", "instances": [{"attributes": {}}]},
            ],
        });
        let (text, others) = from_state("s", &state.to_string(), "t.tfstate").expect("a state");
        assert_eq!(others, ["aws_s3_bucket.data"]);
        assert!(!text.contains("s3cr3t"), "{text}");
        let (read, _) = strataql_spec::yaml::parse(&text).expect("YAML");
        let resources = &read.to_json()["resources"];
        assert_eq!(resources[0]["name"], "reports");
        assert_eq!(
            resources[0]["props"][3]["value"],
            serde_json::json!({"access_token_ttl_in_minutes": 60})
        );
        assert_eq!(resources[1]["name"], "b_eu");
        assert_eq!(resources[1]["props"][1]["value"]["display_name"], "monthly");
        assert!(from_state("s", "{\"version\": 3}", "t").is_err());
        assert!(from_state("s", "no", "t").is_err());
    }
}
