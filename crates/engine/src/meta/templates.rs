//! SHOW INSERT, UPDATE and DELETE: statements to fill in.

use datafusion::arrow::array::RecordBatch;
use strataql_diag::{Code, Report};
use strataql_spec::{Method, SqlVerb};
use strataql_sql::{Name, Template};

use super::texts;
use crate::catalog::Catalog;

/// The template of a statement, ready for `--var`.
pub(super) fn template(
    catalog: &Catalog<'_>,
    template: Template,
    name: &Name,
    extended: bool,
) -> Result<RecordBatch, Box<Report>> {
    let resource = catalog.resource(name)?;
    let (verb, column) = match template {
        Template::Insert { .. } => (SqlVerb::Insert, "insert_statement"),
        Template::Update => (SqlVerb::Update, "update_statement"),
        Template::Delete => (SqlVerb::Delete, "delete_statement"),
    };
    let target = resource.dotted();
    let rows: Vec<Vec<Option<String>>> = resource
        .resource()
        .candidates(verb)
        .map(|method| {
            let text = match template {
                Template::Insert { required } => insert(&target, method, required, extended),
                Template::Update => update(&target, method),
                Template::Delete => delete(&target, method),
            };
            vec![Some(text)]
        })
        .collect();
    if rows.is_empty() {
        return Err(Box::new(
            Report::new(
                Code::NoSuchVerb,
                format!("`{target}` has no method for {}", verb.as_str()),
            )
            .with_label(name.span, "")
            .with_help(format!("`SHOW METHODS IN {target}` lists what it has")),
        ));
    }
    texts(&[column], rows)
}

fn hole(name: &str) -> String {
    ["'{{ ", name, " }}'"].concat()
}

fn body_names(method: &Method, required_only: bool) -> Vec<&str> {
    method
        .body
        .iter()
        .flat_map(|body| &body.properties)
        .filter(|property| !required_only || property.required)
        .map(|property| property.name.as_str())
        .collect()
}

fn insert(target: &str, method: &Method, required_only: bool, extended: bool) -> String {
    let mut names = body_names(method, required_only);
    let wanted =
        method.params.iter().filter(|param| param.required || (extended && !required_only));
    names.extend(wanted.map(|param| param.name.as_str()));
    let holes: Vec<String> = names.iter().map(|name| hole(name)).collect();
    format!("INSERT INTO {target} (\n{}\n)\nSELECT\n{}\n;", names.join(",\n"), holes.join(",\n"))
}

fn conditions(method: &Method) -> String {
    let conditions: Vec<String> = method
        .required_params()
        .map(|param| format!("{} = {}", param.name, hole(&param.name)))
        .collect();
    conditions.join("\nAND ")
}

fn update(target: &str, method: &Method) -> String {
    let sets: Vec<String> = body_names(method, false)
        .into_iter()
        .map(|name| format!("{name} = {}", hole(name)))
        .collect();
    format!("UPDATE {target}\nSET\n{}\nWHERE\n{}\n;", sets.join(",\n"), conditions(method))
}

fn delete(target: &str, method: &Method) -> String {
    format!("DELETE FROM {target}\nWHERE\n{}\n;", conditions(method))
}
