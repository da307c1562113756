//! Names in a scenario: resources, fields, methods and parameters that the documents have.
//!
//! Surprise: a method that no loaded service has makes all services load, once, because a misspelled
//! fault would never happen and a test would pass without it.

use std::collections::BTreeSet;

use strataql_diag::{Code, Report, did_you_mean};

use crate::collection::plain;
use crate::routes::{Route, Routes};
use crate::scenario::Scenario;

/// Checks the names of a scenario.
///
/// # Errors
/// `unknown-resource`, `unknown-column`, `unknown-method` or `usage`, with a suggestion.
pub(crate) fn check(routes: &mut Routes, scenario: &Scenario) -> Result<(), Box<Report>> {
    for (name, given) in &scenario.objects {
        if let [provider, service, _] = name.splitn(3, '.').collect::<Vec<_>>()[..] {
            routes.load(provider, service);
        }
        if !routes.resources().any(|resource| resource == name) {
            return Err(Box::new(
                Report::new(
                    Code::UnknownResource,
                    format!("the scenario gives objects of `{name}` (line {}), which no served provider has", given.line),
                )
                .with_help_if(did_you_mean(name, routes.resources()))
                .with_help("resources are named `provider.service.resource`"),
            ));
        }
        let Some(known) = fields(routes, name) else { continue };
        for field in given.objects.iter().flatten().flat_map(|object| object.keys()) {
            if !known.iter().any(|known| plain(known) == plain(field)) {
                return Err(unknown_field(name, field, given.line, &known));
            }
        }
    }
    let methods = scenario.faults.iter().filter_map(|fault| fault.method.as_deref());
    for method in methods.chain(scenario.slow.iter().filter_map(|slow| slow.method.as_deref())) {
        check_method(routes, method)?;
    }
    for name in scenario.parents.keys() {
        check_parent(routes, name)?;
    }
    Ok(())
}

/// Fields and parameters of a resource; `None` if its objects may have any.
fn fields(routes: &Routes, resource: &str) -> Option<BTreeSet<String>> {
    let mut known = BTreeSet::new();
    for route in routes.of_resource(resource) {
        known.extend(names(route)?);
    }
    Some(known)
}

/// What a route says about the objects of its resource.
fn names(route: &Route) -> Option<Vec<String>> {
    let method = route.method();
    let mut names: Vec<String> = method.params.iter().map(|param| param.wire.clone()).collect();
    names.extend(method.params.iter().map(|param| param.name.clone()));
    let schemas = route.schemas();
    let body = method.body.iter().flat_map(|body| &body.properties);
    names.extend(body.map(|property| property.wire.clone()));
    if let Some(row) = method.response.row_schema {
        let row = &schemas[row];
        if row.open || row.properties.is_empty() {
            return None;
        }
        names.extend(row.properties.keys().cloned());
    }
    Some(names)
}

fn unknown_field(
    resource: &str,
    field: &str,
    line: usize,
    known: &BTreeSet<String>,
) -> Box<Report> {
    Box::new(
        Report::new(
            Code::UnknownColumn,
            format!("the scenario gives an object of `{resource}` (line {line}) the field `{field}`, which it does not have"),
        )
        .with_help_if(did_you_mean(field, known.iter().map(String::as_str)))
        .with_help(format!("`DESCRIBE {resource}` lists its fields and parameters")),
    )
}

fn check_method(routes: &mut Routes, wanted: &str) -> Result<(), Box<Report>> {
    let is_named = |full: &str| full == wanted || full.ends_with(&format!(".{wanted}"));
    while !routes.methods().any(is_named) {
        if !routes.load_any() {
            let tail = |full: &str| full.rsplit('.').next().unwrap_or(full).to_owned();
            let last: BTreeSet<String> = routes.methods().map(tail).collect();
            return Err(Box::new(
                Report::new(
                    Code::UnknownMethod,
                    format!(
                        "the scenario names the method `{wanted}`, which no served provider has"
                    ),
                )
                .with_help_if(did_you_mean(&tail(wanted), last.iter().map(String::as_str)))
                .with_help("`SHOW METHODS IN provider.service.resource` lists methods"),
            ));
        }
    }
    Ok(())
}

fn check_parent(routes: &mut Routes, wanted: &str) -> Result<(), Box<Report>> {
    let is_named = |routes: &Routes| routes.path_params().any(|name| plain(name) == plain(wanted));
    while !is_named(routes) {
        if !routes.load_any() {
            let known: BTreeSet<&str> = routes.path_params().collect();
            return Err(Box::new(
                Report::new(
                    Code::Usage,
                    format!("the scenario restricts `{wanted}`, which is in no path of a served provider"),
                )
                .with_help_if(did_you_mean(wanted, known))
                .with_help("`DESCRIBE METHOD` lists the parameters of a method"),
            ));
        }
    }
    Ok(())
}
