//! A resource of a provider document, as the crate `deploy` needs it.

use std::collections::BTreeSet;

use strataql_deploy::{Described, DescribedMethod, Field};
use strataql_diag::{Code, Report, did_you_mean, is_secret_name};
use strataql_registry::Registry;
use strataql_spec::{Location, Method, Schema, SchemaId, Schemas, SqlVerb};

/// A resource by its full name.
pub(super) fn described(registry: &Registry, name: &str) -> Result<Described, Box<Report>> {
    let parts: Vec<&str> = name.split('.').collect();
    let [provider, service, resource] = parts.as_slice() else {
        return Err(Box::new(
            Report::new(Code::UnknownResource, format!("`{name}` is no name of a resource"))
                .with_help("write `provider.service.resource`"),
        ));
    };
    let service = registry.service(provider, service)?;
    let Some(found) = service.resources.get(*resource) else {
        let names = service.resources.keys().map(String::as_str);
        let help = did_you_mean(resource, names);
        let report = Report::new(
            Code::UnknownResource,
            format!("the service `{provider}.{}` has no resource `{resource}`", service.name),
        );
        return Err(Box::new(report.with_help(help.unwrap_or_else(|| {
            format!("`SHOW RESOURCES IN {provider}.{}` lists them", service.name)
        }))));
    };
    let mut out = Described { name: name.to_owned(), ..Described::default() };
    let mut seen = BTreeSet::new();
    for verb in
        [SqlVerb::Select, SqlVerb::Insert, SqlVerb::Update, SqlVerb::Replace, SqlVerb::Delete]
    {
        for method in found.candidates(verb) {
            out.methods.push(method_of(&service.schemas, verb, method));
            if verb == SqlVerb::Select {
                for column in &method.response.columns {
                    if seen.insert(column.name.clone()) {
                        let mut field =
                            field(&service.schemas, &column.name, column.schema, false, None);
                        column.kind.sql_name().clone_into(&mut field.kind);
                        out.columns.push(field);
                    }
                }
            }
        }
    }
    Ok(out)
}

fn method_of(schemas: &Schemas, verb: SqlVerb, method: &Method) -> DescribedMethod {
    let mut out = DescribedMethod {
        name: method.name.clone(),
        verb: verb.as_str().to_lowercase(),
        gives_one: method.response.rows.is_single(),
        returns: method.response.columns.iter().map(|column| column.name.clone()).collect(),
        ..DescribedMethod::default()
    };
    for input in method.inputs() {
        let description = input.description.map(str::to_owned);
        let field = field(schemas, input.name, input.schema, input.required, description);
        match input.location {
            Some(Location::Path | Location::Query | Location::Header | Location::Server) => {
                out.parameters.push(field);
            }
            _ => out.body.push(field),
        }
    }
    out
}

fn field(
    schemas: &Schemas,
    name: &str,
    schema: SchemaId,
    is_required: bool,
    description: Option<String>,
) -> Field {
    let schema = &schemas[schema];
    Field {
        name: name.to_owned(),
        kind: schema.kind.name().to_owned(),
        is_required,
        is_read_only: schema.read_only,
        is_secret: is_secret_name(name),
        values: schema
            .values
            .iter()
            .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            .collect(),
        description: description.or_else(|| schema.description.clone()).unwrap_or_default(),
        members: members(schemas, schema),
    }
}

/// The members of an object that a request may set.
fn members(schemas: &Schemas, schema: &Schema) -> Vec<String> {
    let settable = schema.properties.iter().filter(|(_, id)| !schemas[**id].read_only);
    settable.map(|(name, _)| name.clone()).collect()
}
