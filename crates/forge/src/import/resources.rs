//! Resources with their methods and SQL verbs.

use serde_json::{Map, Value as Json, json};

use super::document::{Answer, Description};
use super::names::{plain, word};
use super::places::{Placed, Resource, Role};
use super::rows::{self, Place};
use super::{Guess, ImportOptions, paging};

/// First words of operations that only read, whatever HTTP verb they have.
const READS: [&str; 8] = ["search", "query", "list", "find", "lookup", "get", "count", "filter"];

/// The resources of a document.
pub(super) struct Built {
    /// The `x-stackQL-resources` block.
    pub(super) resources: Map<String, Json>,
    /// Names with their SQL verbs.
    pub(super) summary: Vec<(String, Vec<&'static str>)>,
}

/// SQL verbs in the order of documents.
const VERBS: [&str; 5] = ["select", "insert", "update", "replace", "delete"];

pub(super) fn build(
    description: &Description<'_>,
    resources: &[Resource<'_>],
    options: &ImportOptions,
    guesses: &mut Vec<Guess>,
) -> Built {
    let mut built = Built { resources: Map::new(), summary: Vec::new() };
    for resource in resources {
        let (block, verbs) = one(description, resource, options, guesses);
        built.resources.insert(resource.name.clone(), block);
        built.summary.push((resource.name.clone(), verbs));
    }
    built
}

/// One resource, and the verbs that it has.
fn one(
    description: &Description<'_>,
    resource: &Resource<'_>,
    options: &ImportOptions,
    guesses: &mut Vec<Guess>,
) -> (Json, Vec<&'static str>) {
    let name = &resource.name;
    let has = |role: &Role, verb: &str| {
        resource.operations.iter().any(|it| it.role == *role && it.verb == verb)
    };
    let has_items = resource.operations.iter().any(|it| it.role == Role::Item);
    let has_patch = has(&Role::Item, "patch") || has(&Role::Collection, "patch");
    let mut methods = Map::new();
    let mut listed: Vec<(&'static str, String, usize)> = Vec::new();
    for operation in &resource.operations {
        let id = operation.operation.get("operationId").and_then(Json::as_str).map(word);
        let answer = description.answer(operation.operation);
        let reads = id.as_deref().is_some_and(|id| READS.iter().any(|read| id.starts_with(read)));
        let creates = id.as_deref().is_some_and(|id| id.contains("create"));
        let (method, verbs): (String, &[&'static str]) =
            match (&operation.role, operation.verb.as_str()) {
                (Role::Collection, "get") if answer.schema.is_none() => ("get".into(), &[]),
                (Role::Collection, "get") => ("list".into(), &["select"]),
                (Role::Item, "get") => ("get".into(), &["select"]),
                // a search by POST may be anything; EXEC calls it
                (Role::Collection, "post") if reads => ("search".into(), &[]),
                (Role::Collection, "post") => ("create".into(), &["insert"]),
                (Role::Item, "post") if !has_patch && !reads => ("update".into(), &["update"]),
                (Role::Item | Role::Collection, "patch") => ("update".into(), &["update"]),
                (Role::Item, "put") if creates && !has(&Role::Collection, "post") => {
                    ("replace".into(), &["insert", "replace"])
                }
                (Role::Item, "put") => ("replace".into(), &["replace"]),
                (Role::Collection, "put") if !has_items => ("replace".into(), &["replace"]),
                (Role::Item, "delete") => ("delete".into(), &["delete"]),
                (Role::Collection, "delete") if !has_items => ("delete".into(), &["delete"]),
                (Role::Collection, "delete") => ("delete_all".into(), &[]),
                (Role::Action(action), _) => (action.clone(), &[]),
                (_, verb) => (id.clone().unwrap_or_else(|| verb.to_owned()), &[]),
            };
        let single = method == "list" && !is_list(description, &answer, name, has_items);
        let method = if single { "get".to_owned() } else { method };
        let method = free(method, id, &operation.verb, &methods);
        let block =
            method_block(description, operation, &answer, (name, &method), has_items, guesses);
        let required = required(description, operation);
        listed.extend(verbs.iter().map(|verb| (*verb, method.clone(), required)));
        if verbs == ["replace"] && !has_patch {
            let guess = Guess::new(
                format!("UPDATE of `{name}`"),
                "not offered",
                "PUT replaces the whole object: REPLACE calls it; list it under `update`, too, if it keeps fields that are not sent",
            );
            guesses.push(guess.open());
        }
        methods.insert(method, block);
    }
    let mut verbs = Map::new();
    let mut summary = Vec::new();
    for verb in VERBS {
        let mut own: Vec<&(&str, String, usize)> =
            listed.iter().filter(|it| it.0 == verb).collect();
        // the first method that fits is called: those that need most come first
        own.sort_by_key(|(_, _, required)| std::cmp::Reverse(*required));
        if !own.is_empty() {
            summary.push(verb);
        }
        let list: Vec<Json> = own
            .iter()
            .map(|(_, method, _)| {
                json!({"$ref": format!("#/components/x-stackQL-resources/{name}/methods/{method}")})
            })
            .collect();
        verbs.insert(verb.to_owned(), Json::Array(list));
    }
    let block = json!({
        "id": format!("{}.{}.{name}", options.provider, options.service),
        "name": name,
        "title": name.replace('_', " "),
        "methods": methods,
        "sqlVerbs": verbs,
    });
    (block, summary)
}

fn is_list(
    description: &Description<'_>,
    answer: &Answer<'_>,
    name: &str,
    has_items: bool,
) -> bool {
    let place =
        answer.schema.and_then(|schema| rows::of_collection(description, schema, name, has_items));
    place.is_some_and(|place| place.is_list)
}

/// A name that no other method has.
fn free(wanted: String, id: Option<String>, verb: &str, taken: &Map<String, Json>) -> String {
    let candidates = [Some(wanted.clone()), id, Some(format!("{wanted}_{verb}"))];
    let found =
        candidates.into_iter().flatten().find(|name| !name.is_empty() && !taken.contains_key(name));
    found.unwrap_or_else(|| {
        let mut number = 2;
        while taken.contains_key(&format!("{wanted}_{number}")) {
            number += 1;
        }
        format!("{wanted}_{number}")
    })
}

/// How many values a request needs.
fn required(description: &Description<'_>, operation: &Placed<'_>) -> usize {
    let parameters = description.parameters(operation.item, operation.operation);
    parameters.iter().filter(|it| it.get("required") == Some(&json!(true))).count()
}

fn method_block(
    description: &Description<'_>,
    operation: &Placed<'_>,
    answer: &Answer<'_>,
    (resource, method): (&str, &str),
    has_items: bool,
    guesses: &mut Vec<Guess>,
) -> Json {
    let full = format!("{resource}.{method}");
    let path = operation.path.replace('~', "~0").replace('/', "~1");
    let mut response = Map::new();
    if let Some(media) = answer.media {
        response.insert("mediaType".to_owned(), json!(media));
    }
    if let Some(key) = answer.key {
        response.insert("openAPIDocKey".to_owned(), json!(key));
    }
    let mut own = Map::new();
    let is_collection = operation.role == Role::Collection && operation.verb == "get";
    if let Some(schema) = answer.schema {
        let place = if is_collection {
            rows::of_collection(description, schema, resource, has_items)
        } else {
            Some(rows::of_object(description, schema, resource))
        };
        if let Some(place) = place {
            if let Some(key) = place.key() {
                response.insert("objectKey".to_owned(), json!(key));
                explain_rows(&full, &key, &place, guesses);
            }
            if is_collection && place.is_list {
                let found = find_paging(description, operation, answer, &place, &full, guesses);
                own.extend(found.map(|block| ("paging".to_owned(), block)));
            }
        } else if is_collection {
            let guess = Guess::new(
                format!("rows of `{full}`"),
                "none",
                "its answer is no object and no list",
            );
            guesses.push(guess.open());
        }
    }
    let aliases = aliases(description, operation);
    if !aliases.is_empty() {
        own.insert("paramAlias".to_owned(), Json::Object(aliases));
    }
    let mut block = Map::new();
    block.insert(
        "operation".to_owned(),
        json!({"$ref": format!("#/paths/{path}/{}", operation.verb)}),
    );
    if !response.is_empty() {
        block.insert("response".to_owned(), Json::Object(response));
    }
    if !own.is_empty() {
        block.insert("config".to_owned(), json!({"x-strataql": own}));
    }
    Json::Object(block)
}

fn explain_rows(full: &str, key: &str, place: &Place, guesses: &mut Vec<Guess>) {
    let subject = format!("rows of `{full}`");
    let what = if place.is_list { "a list" } else { "the object" };
    if place.others.is_empty() {
        guesses.push(Guess::new(subject, key, format!("{what} in an envelope")));
    } else {
        let why = format!("`{}` would fit as well", place.others.join("`, `"));
        guesses.push(Guess::new(subject, key, why).open());
    }
}

fn find_paging(
    description: &Description<'_>,
    operation: &Placed<'_>,
    answer: &Answer<'_>,
    place: &Place,
    full: &str,
    guesses: &mut Vec<Guess>,
) -> Option<Json> {
    let parameters = description.parameters(operation.item, operation.operation);
    let subject = format!("paging of `{full}`");
    match paging::guess(description, &parameters, answer, place) {
        Ok(Some((block, why))) => {
            let style = block.get("style").and_then(Json::as_str).unwrap_or_default().to_owned();
            guesses.push(Guess::new(subject, style, why));
            Some(block)
        }
        Ok(None) => {
            guesses.push(Guess::new(subject, "none", "neither parameters nor answer show any"));
            None
        }
        Err(why) => {
            guesses.push(Guess::new(subject, "none", why).open());
            None
        }
    }
}

/// SQL names of parameters that are hard to write.
fn aliases(description: &Description<'_>, operation: &Placed<'_>) -> Map<String, Json> {
    let parameters = description.parameters(operation.item, operation.operation);
    let names: Vec<&str> =
        parameters.iter().filter_map(|it| it.get("name").and_then(Json::as_str)).collect();
    let mut aliases = Map::new();
    for name in &names {
        let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let alias = word(name);
        let is_free = !names.iter().any(|other| plain(other) == plain(&alias) && other != name)
            && !aliases.values().any(|other| *other == json!(alias));
        if !is_plain && is_free && !alias.is_empty() {
            aliases.insert((*name).to_owned(), json!(alias));
        }
    }
    aliases
}
