//! Completion: what may be written at a position of a text.
//!
//! Owns: names, columns, parameters, settings, functions and words with what they mean, from the
//! compiled documents.
//! Refuses: requests, and reading the text as a statement (`strataql_sql::Place` finds the position's
//! place in it).
//! Surprise: what fails to load is left out. A text that is being written names what does not exist
//! yet, and nobody wants an error for that.

mod items;

use std::collections::BTreeSet;
use std::ops::Range;

use strataql_diag::Span;
use strataql_query::catalog::Catalog;
use strataql_query::query_engine::QueryEngine;
use strataql_query::resource::ResourceRef;
use strataql_query::settings::{SETTINGS, Settings};
use strataql_spec::{ColumnType, Method, SchemaId, SqlVerb};
use strataql_sql::{Expects, Name, NamePart, NamedRelation, Place};

use self::items::Items;
use crate::local::Store;
use crate::meta::{self, system};

/// What may be written at a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completions {
    /// The bytes of the text that a choice replaces.
    pub replaces: Range<usize>,
    /// The choices: missing parameters first, words last.
    pub items: Vec<Completion>,
}

/// One choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// The text to insert, quoted where a name needs that.
    pub text: String,
    /// What it is.
    pub kind: CompletionKind,
    /// A type, a syntax, or what else is known in one line; may be empty.
    pub detail: String,
    /// What it means, in one line; may be empty.
    pub description: String,
}

/// What a choice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CompletionKind {
    /// A parameter without which no method can be called, and which has no value yet.
    MissingParameter,
    /// A column.
    Column,
    /// Another parameter of a method.
    Parameter,
    /// A local table or view, or a system table.
    Table,
    /// A provider.
    Provider,
    /// A service.
    Service,
    /// A resource.
    Resource,
    /// A method.
    Method,
    /// A setting.
    Setting,
    /// A value of a setting.
    Value,
    /// A function.
    Function,
    /// A word of the language.
    Keyword,
}

const STATEMENTS: &[&str] = &[
    "SELECT",
    "WITH",
    "INSERT INTO",
    "UPDATE",
    "REPLACE",
    "DELETE FROM",
    "EXEC",
    "EXPLAIN",
    "SHOW",
    "DESCRIBE",
    "USE",
    "SET",
    "CREATE",
    "DROP",
    "REFRESH MATERIALIZED VIEW",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
];

/// Where completions come from.
pub(crate) struct Completer<'a> {
    pub(crate) engine: &'a QueryEngine,
    pub(crate) settings: &'a Settings,
    pub(crate) store: &'a Store,
}

impl Completer<'_> {
    /// What may be written at a byte of the text.
    pub(crate) fn complete(&self, text: &str, position: usize) -> Completions {
        let place = Place::of(text, position);
        let mut items = Items::of(&place);
        let mut replaces = place.word.start..place.word.end;
        match &place.expects {
            Expects::Nothing => {}
            Expects::Statement if place.path.is_empty() => items.words(STATEMENTS),
            Expects::Statement => {}
            Expects::Words(words) => items.words(words),
            Expects::Relation => self.names(&mut items, &place, 3, true),
            Expects::Name(levels) => self.names(&mut items, &place, *levels, false),
            Expects::Argument { method } => self.arguments(&mut items, method, &place),
            Expects::Setting => {
                // the path is a part of the name
                replaces.start -= place.path.iter().map(|part| part.len() + 1).sum::<usize>();
                self.settings(&mut items, &place);
            }
            Expects::Value { setting } => self.values(&mut items, setting),
            Expects::Assigned { verb } => self.assigned(&mut items, verb, &place),
            Expects::Expression { is_condition, words } => {
                self.columns(&mut items, &place, *is_condition);
                if place.path.is_empty() {
                    self.functions(&mut items);
                    items.words(words);
                }
            }
        }
        Completions { replaces, items: items.sorted() }
    }

    fn catalog(&self) -> Catalog<'_> {
        Catalog { registry: &self.engine.registry, namespace: &self.settings.namespace }
    }

    /// Providers and what they have, down to names of so many parts.
    fn names(&self, items: &mut Items<'_>, place: &Place, levels: usize, is_relation: bool) {
        let path = &place.path;
        if path.is_empty() {
            for provider in self.engine.registry.providers() {
                items.add_name(&provider.name, CompletionKind::Provider, &provider.version, "");
            }
            if is_relation {
                self.local(items);
            }
        }
        if is_relation && let [schema] = path.as_slice() {
            for table in system::tables(schema) {
                items.add_name(table, CompletionKind::Table, "system table", "");
            }
        }
        let namespace = &self.settings.namespace;
        let shortened = namespace.iter().chain(path).cloned().collect::<Vec<_>>();
        for full in [path, &shortened] {
            if full.len() < levels {
                self.inside(items, full);
            }
            if namespace.is_empty() {
                break;
            }
        }
    }

    /// What a provider, a service or a resource has.
    fn inside(&self, items: &mut Items<'_>, path: &[String]) {
        let registry = &self.engine.registry;
        match path {
            [provider] => {
                let Ok(provider) = registry.provider(provider) else { return };
                for service in provider.services.values() {
                    let (kind, title) = (CompletionKind::Service, &service.title);
                    items.add_name(&service.name, kind, title, &service.description);
                }
            }
            [provider, service] => {
                let Ok(index) = registry.index(provider, service) else { return };
                for resource in &index.resources {
                    let (kind, title) = (CompletionKind::Resource, &resource.title);
                    items.add_name(&resource.name, kind, title, &resource.description);
                }
            }
            [provider, service, resource] => {
                let Ok(index) = registry.index(provider, service) else { return };
                let found =
                    index.resources.iter().find(|known| known.name.eq_ignore_ascii_case(resource));
                for method in found.iter().flat_map(|resource| &resource.methods) {
                    let detail = format!("{} {}", method.sql_verb.as_str(), method.path);
                    let kind = CompletionKind::Method;
                    items.add_name(&method.name, kind, &detail, &method.description);
                }
            }
            _ => {}
        }
    }

    /// Local tables and views, schemas of system tables.
    fn local(&self, items: &mut Items<'_>) {
        for entry in self.store.manifest().iter().flat_map(|manifest| manifest.entries()) {
            items.add_name(&entry.name, CompletionKind::Table, entry.content.kind(), "");
        }
        for schema in ["sys", "information_schema"] {
            items.add_name(schema, CompletionKind::Table, "system tables", "");
        }
    }

    /// The resource of a relation, if it is one.
    fn resource(&self, parts: &[String]) -> Option<ResourceRef> {
        let span = Span::new(0, 0);
        let part = |value: &String| NamePart { value: value.clone(), quoted: false, span };
        let name = Name { parts: parts.iter().map(part).collect(), span };
        self.catalog().resource(&name).ok()
    }

    /// The resources that a name before the word stands for: all without one.
    fn meant(&self, place: &Place) -> Vec<ResourceRef> {
        let is_meant = |relation: &&NamedRelation| match place.path.as_slice() {
            [] => true,
            [one] => {
                let alias = relation.alias.as_ref().or(relation.name.last());
                alias.is_some_and(|alias| alias.eq_ignore_ascii_case(one))
            }
            path => {
                let (name, path) = (relation.name.iter().rev(), path.iter().rev());
                relation.name.len() >= path.len()
                    && name.zip(path).all(|(one, other)| one.eq_ignore_ascii_case(other))
            }
        };
        let relations = place.relations.iter().filter(is_meant);
        relations.filter_map(|relation| self.resource(&relation.name)).collect()
    }

    fn columns(&self, items: &mut Items<'_>, place: &Place, is_condition: bool) {
        for resource in self.meant(place) {
            let schemas = &resource.service.schemas;
            let missing = missing(&resource, &place.bound);
            for column in resource.columns() {
                if is_condition && missing.contains(&column.name) {
                    continue;
                }
                let text = schemas[column.schema].description.as_deref().unwrap_or_default();
                let kind = CompletionKind::Column;
                items.add_name(&column.name, kind, column.kind.sql_name(), text);
            }
            for name in resource.parameters() {
                let found = resource.select_methods().find_map(|method| {
                    method.input(&name).map(|input| (input, method.name.as_str()))
                });
                let Some((input, method)) = found else { continue };
                let is_missing = missing.contains(&name);
                if resource.is_column(&name) && !(is_condition && is_missing) {
                    continue;
                }
                let schema = &schemas[input.schema];
                let text = input.description.or(schema.description.as_deref());
                let type_name = ColumnType::of(schema).sql_name();
                let (kind, detail) = if is_condition && is_missing {
                    let detail = format!("{type_name}, required by `{method}`");
                    (CompletionKind::MissingParameter, detail)
                } else {
                    (CompletionKind::Parameter, format!("{type_name}, parameter of `{method}`"))
                };
                items.add_name(&name, kind, &detail, text.unwrap_or_default());
            }
        }
    }

    /// What a write may assign.
    fn assigned(&self, items: &mut Items<'_>, verb: &str, place: &Place) {
        let verb = match verb {
            "UPDATE" => SqlVerb::Update,
            "REPLACE" => SqlVerb::Replace,
            _ => SqlVerb::Insert,
        };
        let Some(relation) = place.relations.first() else { return };
        let Some(resource) = self.resource(&relation.name) else { return };
        for method in resource.resource().candidates(verb) {
            // UPDATE and REPLACE have their parameters in WHERE
            inputs(items, &resource, method, verb == SqlVerb::Insert, &place.bound);
        }
    }

    /// The arguments of EXEC.
    fn arguments(&self, items: &mut Items<'_>, method: &[String], place: &Place) {
        let Some((method, resource)) = method.split_last() else { return };
        let Some(resource) = self.resource(resource) else { return };
        let methods = &resource.resource().methods;
        let found = methods.iter().find(|(name, _)| name.eq_ignore_ascii_case(method));
        if let Some((_, method)) = found {
            inputs(items, &resource, method, true, &place.bound);
        }
    }

    fn settings(&self, items: &mut Items<'_>, place: &Place) {
        let typed = [place.path.as_slice(), std::slice::from_ref(&place.prefix)].concat().join(".");
        for setting in SETTINGS {
            items.add(
                setting.name,
                &typed,
                CompletionKind::Setting,
                &setting.values(),
                setting.meaning,
            );
        }
    }

    fn values(&self, items: &mut Items<'_>, name: &str) {
        let Some(setting) = SETTINGS.iter().find(|one| one.name.eq_ignore_ascii_case(name)) else {
            return;
        };
        let values = setting.values();
        // words of the description that the setting takes
        for value in values.split('`').skip(1).step_by(2) {
            let is_number = value.chars().all(|c| c.is_ascii_digit());
            let text = if is_number { value.to_owned() } else { format!("'{value}'") };
            items.add(&text, "", CompletionKind::Value, &values, setting.meaning);
        }
        items.add("DEFAULT", "", CompletionKind::Value, &setting.default(), "the default");
    }

    fn functions(&self, items: &mut Items<'_>) {
        for row in meta::function_rows(&self.engine.state, false) {
            let cell = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
            items.add_name(&cell(0), CompletionKind::Function, &cell(2), &cell(3));
        }
    }
}

/// Required parameters without a value of the select method that lacks the fewest; none if one can be
/// called.
fn missing(resource: &ResourceRef, bound: &BTreeSet<String>) -> BTreeSet<String> {
    let lacks = |method: &Method| -> BTreeSet<String> {
        let is_bound = |name: &str, wire: &str| {
            [name, wire].iter().any(|it| bound.contains(&it.to_lowercase()))
        };
        let required = method.inputs().filter(|input| input.required);
        let open = required.filter(|input| !is_bound(input.name, input.wire));
        open.map(|input| input.name.to_owned()).collect()
    };
    resource.select_methods().map(lacks).min_by_key(BTreeSet::len).unwrap_or_default()
}

/// The inputs of a method that writes.
fn inputs(
    items: &mut Items<'_>,
    resource: &ResourceRef,
    method: &Method,
    has_params: bool,
    bound: &BTreeSet<String>,
) {
    let schemas = &resource.service.schemas;
    let mut add = |name: &str, schema: SchemaId, is_required: bool, text: Option<&str>| {
        if bound.contains(&name.to_lowercase()) {
            return;
        }
        let schema = &schemas[schema];
        let kind =
            if is_required { CompletionKind::MissingParameter } else { CompletionKind::Parameter };
        let required = if is_required { ", required by" } else { ", of" };
        let type_name = ColumnType::of(schema).sql_name();
        let detail = format!("{type_name}{required} `{}`", method.name);
        let text = text.or(schema.description.as_deref()).unwrap_or_default();
        items.add_name(name, kind, &detail, text);
    };
    for param in method.params.iter().filter(|_| has_params) {
        add(&param.name, param.schema, param.required, param.description.as_deref());
    }
    for property in method.body.iter().flat_map(|body| &body.properties) {
        add(&property.name, property.schema, property.required, None);
    }
}

#[cfg(test)]
mod tests;
