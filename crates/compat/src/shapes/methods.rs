//! SHOW METHODS.

use strataql_registry::Registry;
use strataql_spec::{Location, Method, Resource, Service, SqlVerb};

use super::{Result, owned, resource, service};
use crate::layout::Table;

/// Finds the value of an environment variable.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The verbs in the order of their rows.
const BINS: [SqlVerb; 6] = [
    SqlVerb::Select,
    SqlVerb::Insert,
    SqlVerb::Delete,
    SqlVerb::Update,
    SqlVerb::Replace,
    SqlVerb::Exec,
];

/// SHOW METHODS of a resource. Server variables that the environment sets are not asked for.
///
/// # Errors
/// The message for a provider, service or resource that is not there.
pub fn methods(
    registry: &Registry,
    name: [&str; 3],
    extended: bool,
    environment: Environment<'_>,
) -> Result<Table> {
    let service = service(registry, name[0], name[1])?;
    let resource = resource(&service, name[2])?;
    let mut rows = Vec::new();
    if !resource.views.is_empty() {
        let mut required = service.view_parameters(resource);
        required.sort_unstable();
        rows.push(row("__view__", &required.join(", "), SqlVerb::Select, extended.then_some("")));
    }
    for verb in BINS {
        let mut bin: Vec<&Method> = resource
            .methods
            .values()
            .filter(|method| verb_of(resource, &method.name) == verb)
            .collect();
        bin.sort_by(|one, other| one.name.cmp(&other.name));
        for method in bin {
            let required = required(&service, method, environment);
            let text =
                method.description.as_deref().or(method.summary.as_deref()).unwrap_or_default();
            rows.push(row(&method.name, &required, verb, extended.then_some(text)));
        }
    }
    let mut labels = vec!["MethodName", "RequiredParams", "SQLVerb"];
    if extended {
        labels.push("description");
    }
    Ok(Table { labels: owned(&labels), rows })
}

fn row(name: &str, required: &str, verb: SqlVerb, text: Option<&str>) -> Vec<Option<String>> {
    let cells = [name, required, verb.as_str()].into_iter().chain(text);
    cells.map(|cell| Some(cell.to_owned())).collect()
}

/// The verb that a method is listed under.
fn verb_of(resource: &Resource, name: &str) -> SqlVerb {
    resource.verb_of(name)
}

/// Required parameters, then required attributes of the body, then server variables; each sorted.
fn required(_service: &Service, method: &Method, environment: Environment<'_>) -> String {
    let of = |is_server: bool| {
        let params = method.params.iter().filter(move |param| param.required);
        let mut names: Vec<&str> = params
            .filter(|param| (param.location == Location::Server) == is_server)
            .filter(|param| !is_server || !is_set(method, &param.wire, environment))
            .map(|param| param.name.as_str())
            .collect();
        names.sort_unstable();
        names
    };
    let mut names = of(false);
    let mut attributes: Vec<&str> = method
        .body
        .iter()
        .flat_map(|body| &body.properties)
        .filter(|property| property.required && !names.contains(&property.name.as_str()))
        .map(|property| property.name.as_str())
        .collect();
    attributes.sort_unstable();
    names.extend(attributes);
    names.extend(of(true));
    names.join(", ")
}

/// True if the environment sets a server variable.
fn is_set(method: &Method, variable: &str, environment: Environment<'_>) -> bool {
    let declared = method.servers.iter().filter_map(|server| server.variables.get(variable));
    declared
        .filter_map(|variable| variable.env_var.as_deref())
        .any(|name| environment(name).is_some_and(|value| !value.is_empty()))
}
