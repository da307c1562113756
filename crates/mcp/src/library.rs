//! Templates of statements, made from the documents: one for each method.
//!
//! Owns: their ids, texts and parameters, and which of them fit an intent.

use serde_json::{Value, json};
use strataql_diag::{Code, Report, did_you_mean};

use crate::backend::{Found, FoundMethod, Row};
use crate::text;

/// The id of a template: `provider.service.resource.method`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Id {
    pub(crate) provider: String,
    pub(crate) service: String,
    resource: String,
    method: String,
}

impl Id {
    /// # Errors
    /// `usage`.
    pub(crate) fn parse(text: &str) -> Result<Self, Box<Report>> {
        let parts: Vec<String> = text.split('.').map(str::to_owned).collect();
        match <[String; 4]>::try_from(parts) {
            Ok([provider, service, resource, method]) => {
                Ok(Self { provider, service, resource, method })
            }
            Err(_) => Err(unknown(text)),
        }
    }
}

fn unknown(id: &str) -> Box<Report> {
    Box::new(
        Report::new(Code::Usage, format!("there is no template `{id}`"))
            .with_help("`query_library_search` gives ids: `provider.service.resource.method`"),
    )
}

/// A resource that was found, for the model.
pub(crate) fn resource(found: &Found) -> Value {
    let method = |method: &FoundMethod| {
        json!({
            "method": method.name,
            "verb": method.verb,
            "required_params": method.required,
        })
    };
    json!({
        "name": format!("{}.{}.{}", found.provider, found.service, found.resource),
        "description": text::description(&found.description),
        "methods": found.methods.iter().map(method).collect::<Vec<_>>(),
        "score": found.score,
    })
}

/// The templates that fit an intent.
pub(crate) fn hits(
    found: &[Found],
    intent: &str,
    tags: &[&str],
    has_mutations: bool,
    limit: usize,
) -> Value {
    let intent = intent.to_lowercase();
    let mut hits = Vec::new();
    for resource in found {
        for method in &resource.methods {
            let is_mutation = method.verb != "SELECT";
            let id = id(resource, method);
            let all =
                format!("{id} {} {}", method.description, resource.description).to_lowercase();
            let has_tags = tags.iter().all(|tag| all.contains(&tag.to_lowercase()));
            if is_mutation && !has_mutations || !has_tags {
                continue;
            }
            // of the methods of a resource, the one whose words are in the intent
            let words = method.name.split(['_', '.']).filter(|word| word.len() > 2);
            let fits = words.filter(|word| intent.contains(&word.to_lowercase())).count();
            let score = resource.score + u32::try_from(fits).unwrap_or_default();
            hits.push((
                score,
                json!({
                    "id": id,
                    "title": format!("{} {}", method.verb, resource.resource),
                    "description": text::description(&method.description),
                    "providers": [resource.provider],
                    "services": [resource.service],
                    "mutation": is_mutation,
                    "required_params": method.required,
                    "score": score,
                }),
            ));
        }
    }
    hits.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    let hits: Vec<Value> = hits.into_iter().take(limit).map(|(_, hit)| hit).collect();
    let is_miss = hits.is_empty();
    let guidance = if is_miss {
        "no template fits: use other words, or `list_services` and `list_resources`"
    } else {
        "`query_library_get` with an id and `params` gives a statement to run"
    };
    json!({
        "hits": hits,
        "rows": hits,
        "miss": is_miss,
        "guidance": guidance,
        "source_tier": "documents",
        "source_url": null,
        "stale": false,
    })
}

fn id(resource: &Found, method: &FoundMethod) -> String {
    format!("{}.{}.{}.{}", resource.provider, resource.service, resource.resource, method.name)
}

/// A template, filled in if there are values.
///
/// # Errors
/// `usage` if there is none of that id.
pub(crate) fn template(
    found: &[Found],
    id: &Id,
    params: Option<&Row>,
) -> Result<Value, Box<Report>> {
    let of_resource = found.iter().find(|found| found.resource.eq_ignore_ascii_case(&id.resource));
    let Some(resource) = of_resource else {
        let names = found.iter().map(|found| found.resource.as_str());
        let text = format!("{}.{}.{}.{}", id.provider, id.service, id.resource, id.method);
        let help = did_you_mean(&id.resource, names);
        return Err(Box::new(
            Report { help: Vec::new(), ..*unknown(&text) }
                .with_help_if(help)
                .with_help("`query_library_search` gives ids"),
        ));
    };
    let of_method = resource.methods.iter().find(|one| one.name.eq_ignore_ascii_case(&id.method));
    let Some(method) = of_method else {
        let names = resource.methods.iter().map(|method| method.name.as_str());
        let text = format!("{}.{}.{}.{}", id.provider, id.service, id.resource, id.method);
        let help = did_you_mean(&id.method, names);
        return Err(Box::new(
            Report { help: Vec::new(), ..*unknown(&text) }
                .with_help_if(help)
                .with_help("`query_library_search` gives ids"),
        ));
    };
    let mut value = json!({
        "id": self::id(resource, method),
        "title": format!("{} {}", method.verb, resource.resource),
        "description": text::description(&method.description),
        "mutation": method.verb != "SELECT",
        "request": method.request,
        "required_params": method.required,
        "template": statement(resource, method, &|name| format!("'{{{{ {name} }}}}'")),
    });
    let (Some(params), Some(object)) = (params, value.as_object_mut()) else { return Ok(value) };
    let is_given = |name: &&String| params.keys().any(|known| known.eq_ignore_ascii_case(name));
    let missing: Vec<&String> = method.required.iter().filter(|name| !is_given(name)).collect();
    let is_known =
        |name: &&String| method.required.iter().any(|one| one.eq_ignore_ascii_case(name));
    let unknown: Vec<&String> = params.keys().filter(|name| !is_known(name)).collect();
    let is_valid = missing.is_empty() && unknown.is_empty();
    object.insert("missing_params".to_owned(), json!(missing));
    object.insert("unknown_params".to_owned(), json!(unknown));
    object.insert("rendered".to_owned(), is_valid.into());
    object.insert("valid".to_owned(), is_valid.into());
    object.insert("errors".to_owned(), json!([]));
    if is_valid {
        let literal = |name: &str| {
            let given = params.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            literal(given.map_or(&Value::Null, |(_, value)| value))
        };
        object.insert("sql".to_owned(), statement(resource, method, &literal).into());
        let tool = match method.verb.as_str() {
            "SELECT" => "run_select_query",
            "EXEC" => "run_lifecycle_operation",
            _ => "run_mutation_query",
        };
        object.insert("next_tool".to_owned(), tool.into());
    }
    Ok(value)
}

/// The statement that calls a method with the values that it needs.
fn statement(resource: &Found, method: &FoundMethod, value: &dyn Fn(&str) -> String) -> String {
    let target = format!("{}.{}.{}", resource.provider, resource.service, resource.resource);
    let names = &method.required;
    let equal: Vec<String> = names.iter().map(|name| format!("{name} = {}", value(name))).collect();
    let condition =
        if equal.is_empty() { String::new() } else { format!(" WHERE {}", equal.join(" AND ")) };
    match method.verb.as_str() {
        "SELECT" => format!("SELECT * FROM {target}{condition}"),
        "DELETE" => format!("DELETE FROM {target}{condition}"),
        "INSERT" => {
            let values: Vec<String> = names.iter().map(|name| value(name)).collect();
            format!("INSERT INTO {target} ({}) VALUES ({})", names.join(", "), values.join(", "))
        }
        "UPDATE" | "REPLACE" => format!("{} {target} SET name = '…'{condition}", method.verb),
        _ => {
            let arguments: Vec<String> =
                names.iter().map(|name| format!("@{name} = {}", value(name))).collect();
            format!("EXEC {target}.{} {}", method.name, arguments.join(", ")).trim_end().to_owned()
        }
    }
}

fn literal(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::String(text) => format!("'{}'", text.replace('\'', "''")),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        other => format!("'{}'", other.to_string().replace('\'', "''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found() -> Vec<Found> {
        let method = |name: &str, verb: &str, required: &[&str]| FoundMethod {
            name: name.to_owned(),
            verb: verb.to_owned(),
            request: "GET /x".to_owned(),
            description: String::new(),
            required: required.iter().map(|name| (*name).to_owned()).collect(),
        };
        vec![Found {
            provider: "p".to_owned(),
            service: "s".to_owned(),
            resource: "apps".to_owned(),
            description: "Applications".to_owned(),
            methods: vec![
                method("list", "SELECT", &["org"]),
                method("delete", "DELETE", &["org", "id"]),
            ],
            score: 3,
        }]
    }

    #[test]
    fn templates_are_found_and_filled_in() {
        let value = hits(&found(), "list apps", &[], false, 5);
        assert_eq!(value["hits"].as_array().map(Vec::len), Some(1));
        assert_eq!(value["hits"][0]["id"], "p.s.apps.list");
        let all = hits(&found(), "delete an app", &["app"], true, 5);
        assert_eq!(all["hits"][0]["id"], "p.s.apps.delete");
        assert_eq!(hits(&found(), "x", &["nothing"], true, 5)["miss"], true);
        let id = Id::parse("p.s.apps.list").expect("an id");
        let params = json!({"org": "o'1"});
        let value = template(&found(), &id, params.as_object()).expect("found");
        assert_eq!(value["sql"], "SELECT * FROM p.s.apps WHERE org = 'o''1'");
        assert_eq!(value["next_tool"], "run_select_query");
        let value = template(&found(), &id, json!({"orgg": 1}).as_object()).expect("found");
        assert_eq!(value["missing_params"], json!(["org"]));
        assert_eq!(value["unknown_params"], json!(["orgg"]));
        assert!(value.get("sql").is_none());
        assert!(template(&found(), &Id::parse("p.s.apps.lst").expect("an id"), None).is_err());
    }
}
