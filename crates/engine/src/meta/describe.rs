//! DESCRIBE: columns and parameters of a resource, or the shape of a method.
//!
//! Surprise: what is not said is empty text, not NULL: the rows are read by people, and every cell is
//! text. `sys.columns` and `sys.parameters` have NULL there, for programs.

use datafusion::arrow::array::RecordBatch;
use strataql_diag::{Code, Report, did_you_mean, listed};
use strataql_query::catalog::Catalog;
use strataql_query::resource::ResourceRef;
use strataql_query::result_set::ResultSet;
use strataql_query::statement::Statement;
use strataql_query::text_table::text_table;
use strataql_spec::{ColumnType, Location, Method, SchemaId, Service};
use strataql_sql::{Describe, Name};

use super::fields::inside;

/// Runs DESCRIBE.
pub(crate) fn describe(
    statement: &Statement,
    describe: &Describe,
) -> Result<ResultSet, Box<Report>> {
    let catalog = statement.catalog();
    let batch = if describe.method {
        let (resource, key) = method_name(&catalog, &describe.name)?;
        let method = &resource.resource().methods[key.as_str()];
        method_shape(&resource.service, method, describe.extended)
    } else {
        let resource = catalog.resource(&describe.name)?;
        columns(&resource, describe.extended)
    }?;
    Ok(ResultSet::of_batch(batch))
}

/// The resource and method key of a four-part name.
pub(super) fn method_name(
    catalog: &Catalog<'_>,
    name: &Name,
) -> Result<(ResourceRef, String), Box<Report>> {
    let Some((last, rest)) = name.parts.split_last().filter(|(_, rest)| !rest.is_empty()) else {
        return Err(Box::new(
            Report::new(Code::UnknownMethod, format!("`{}` names no method", name.dotted()))
                .with_label(name.span, "")
                .with_help("write `DESCRIBE METHOD provider.service.resource.method`"),
        ));
    };
    if name.parts.len() == 3
        && let Ok(resource) = catalog.resource(name)
    {
        return Err(lacks_method(&resource, name));
    }
    let span = rest[0].span.to(rest[rest.len() - 1].span);
    let resource = catalog.resource(&Name { parts: rest.to_vec(), span })?;
    let methods = &resource.resource().methods;
    if methods.contains_key(last.value.as_str()) {
        let key = last.value.clone();
        return Ok((resource, key));
    }
    let names: Vec<&str> = methods.keys().map(String::as_str).collect();
    Err(Box::new(
        Report::new(
            Code::UnknownMethod,
            format!("`{}` has no method `{}`", resource.dotted(), last.value),
        )
        .with_label(last.span, "")
        .with_help_if(did_you_mean(&last.value, names.iter().copied()))
        .with_help(format!("`SHOW METHODS IN {}` lists them", resource.dotted())),
    ))
}

/// A resource where one of its methods was meant.
fn lacks_method(resource: &ResourceRef, name: &Name) -> Box<Report> {
    let methods = &resource.resource().methods;
    let names: Vec<&str> = methods.keys().map(String::as_str).collect();
    let dotted = resource.dotted();
    let mut report =
        Report::new(Code::UnknownMethod, format!("`{dotted}` is a resource, no method"))
            .with_label(name.span, "")
            .with_help(match names.first() {
                Some(first) => format!("add one of its methods: `{dotted}.{first}`"),
                None => format!("`DESCRIBE {dotted}` shows its columns"),
            });
    if !names.is_empty() {
        report = report.with_note(format!("its methods are {}", listed(&names)));
    }
    Box::new(report)
}

fn columns(resource: &ResourceRef, extended: bool) -> Result<RecordBatch, Box<Report>> {
    let service = &resource.service;
    let mut rows: Vec<Vec<Option<String>>> = resource
        .columns()
        .into_iter()
        .map(|column| {
            let schema = &service.schemas[column.schema];
            let mut row = vec![
                Some(column.name.clone()),
                Some(column.kind.sql_name().to_owned()),
                Some(role(resource, &column.name)),
            ];
            if extended {
                row.push(Some(one_line(schema.description.as_deref())));
            }
            row
        })
        .collect();
    for name in resource.parameters() {
        if rows.iter().any(|row| row[0].as_deref() == Some(name.as_str())) {
            continue;
        }
        let input = resource.select_methods().find_map(|method| method.input(&name));
        let description = input.and_then(|input| {
            input.description.or(service.schemas[input.schema].description.as_deref())
        });
        let kind =
            input.map_or(ColumnType::Text, |input| ColumnType::of(&service.schemas[input.schema]));
        let mut row =
            vec![Some(name.clone()), Some(kind.sql_name().to_owned()), Some(role(resource, &name))];
        if extended {
            row.push(Some(one_line(description)));
        }
        rows.push(row);
    }
    let mut names = vec!["name", "type", "parameter"];
    if extended {
        names.push("description");
    }
    text_table(&names, rows)
}

/// `required`, `optional`, or nothing, over the select methods of a resource.
fn role(resource: &ResourceRef, name: &str) -> String {
    let count = resource.select_methods().count();
    let methods: Vec<&Method> =
        resource.select_methods().filter(|method| method.input(name).is_some()).collect();
    if methods.is_empty() {
        return String::new();
    }
    let required = methods
        .iter()
        .filter(|method| method.input(name).is_some_and(|input| input.required))
        .count();
    match required {
        0 => "optional".to_owned(),
        n if n == count => "required".to_owned(),
        _ => {
            let names: Vec<&str> = methods.iter().map(|method| method.name.as_str()).collect();
            format!("of {}", names.join(", "))
        }
    }
}

fn method_shape(
    service: &Service,
    method: &Method,
    extended: bool,
) -> Result<RecordBatch, Box<Report>> {
    let mut rows: Vec<Vec<Option<String>>> = Vec::new();
    let fields = |name: &str, schema: SchemaId, for_request: bool| {
        // a list of every field is for those who ask for all of it
        if extended { inside(service, name, schema, for_request) } else { Vec::new() }
    };
    let mut push = |name: &str, id: SchemaId, role: &str, place: &str, text: Option<String>| {
        let schema = &service.schemas[id];
        let mut row = vec![
            Some(name.to_owned()),
            Some(schema.kind.name().to_owned()),
            Some(role.to_owned()),
            Some(place.to_owned()),
        ];
        if extended {
            row.push(Some(one_line(text.as_deref().or(schema.description.as_deref()))));
        }
        rows.push(row);
    };
    for param in &method.params {
        let role = if param.required { "input_required" } else { "input_optional" };
        let place = match param.location {
            Location::Path => "path",
            Location::Query => "query",
            Location::Header => "header",
            Location::Server => "server",
        };
        push(&param.name, param.schema, role, place, param.description.clone());
    }
    for property in method.body.iter().flat_map(|body| &body.properties) {
        let role = if property.required { "input_required" } else { "input_optional" };
        push(&property.name, property.schema, role, "body", None);
        for field in fields(&property.name, property.schema, true) {
            let is_required = property.required && field.required;
            let role = if is_required { "input_required" } else { "input_optional" };
            push(&field.path, field.schema, role, "body", None);
        }
    }
    for column in &method.response.columns {
        push(&column.name, column.schema, "output", "row", None);
        for field in fields(&column.name, column.schema, false) {
            push(&field.path, field.schema, "output", "row", None);
        }
    }
    let mut names = vec!["name", "type", "param_type", "place"];
    if extended {
        names.push("description");
    }
    text_table(&names, rows)
}

/// A text that people may have left out, on one line.
fn one_line(text: Option<&str>) -> String {
    text.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}
