//! SHOW INSERT, UPDATE, REPLACE, DELETE and EXEC: statements to fill in.
//!
//! Owns: statements that run as they stand once `--var` fills their holes.
//! Surprise: whether a name needs quotes is not looked up in a list of words but tried on the parser.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::Schema;
use strataql_diag::{Code, Report};
use strataql_query::catalog::Catalog;
use strataql_query::resource::ResourceRef;
use strataql_query::text_table::text_table;
use strataql_spec::{Method, SchemaId, SchemaKind, SqlVerb};
use strataql_sql::sqlparser::ast::{Expr, Statement as Tree};
use strataql_sql::{Name, Statement, Template};

use super::fields::inside;

/// Metadata of a result whose cells are texts of several lines, to be copied.
const LINES: &str = "strataql:lines";

/// The template of a statement, ready for `--var`.
pub(super) fn template(
    catalog: &Catalog<'_>,
    template: Template,
    name: &Name,
    extended: bool,
) -> Result<RecordBatch, Box<Report>> {
    let (verb, column) = match template {
        Template::Insert { .. } => (SqlVerb::Insert, "insert_statement"),
        Template::Update => (SqlVerb::Update, "update_statement"),
        Template::Replace => (SqlVerb::Replace, "replace_statement"),
        Template::Delete => (SqlVerb::Delete, "delete_statement"),
        Template::Exec => (SqlVerb::Exec, "exec_statement"),
    };
    let (resource, only) = if template == Template::Exec && name.parts.len() == 4 {
        let (resource, key) = super::describe::method_name(catalog, name)?;
        (resource, Some(key))
    } else {
        (catalog.resource(name)?, None)
    };
    let writer = Writer { resource: &resource, extended };
    let methods = resource.resource().methods.values();
    let rows: Vec<Vec<Option<String>>> = match (&only, template) {
        (Some(key), _) => methods.filter(|m| m.name == *key).map(|m| writer.exec(m)).collect(),
        (None, Template::Exec) => methods
            .filter(|method| resource.resource().verb_of(&method.name) == SqlVerb::Exec)
            .map(|method| writer.exec(method))
            .collect(),
        (None, _) => resource
            .resource()
            .candidates(verb)
            .map(|method| writer.statement(template, method))
            .collect(),
    };
    if rows.is_empty() {
        let target = resource.dotted();
        return Err(Box::new(
            Report::new(
                Code::NoSuchVerb,
                format!("`{target}` has no method for {}", verb.as_str()),
            )
            .with_label(name.span, "")
            .with_help(format!("`SHOW METHODS IN {target}` lists what it has")),
        ));
    }
    let batch = text_table(&[column], rows)?;
    let metadata = HashMap::from([(LINES.to_owned(), "1".to_owned())]);
    let schema = Schema::new_with_metadata(batch.schema().fields().clone(), metadata);
    batch
        .with_schema(Arc::new(schema))
        .map_err(|error| Box::new(Report::internal(error.to_string())))
}

/// Writes the statements of one resource.
struct Writer<'a> {
    resource: &'a ResourceRef,
    extended: bool,
}

impl Writer<'_> {
    fn statement(&self, template: Template, method: &Method) -> Vec<Option<String>> {
        let text = match template {
            Template::Insert { required } => self.insert(method, required),
            Template::Update => self.change("UPDATE", method),
            Template::Replace => self.change("REPLACE", method),
            Template::Delete => self.delete(method),
            Template::Exec => None,
        };
        // a statement without columns or conditions is none; EXEC needs neither
        let required = matches!(template, Template::Insert { required: true });
        text.map_or_else(
            || self.exec(method),
            |text| vec![Some(self.fields(template, method, required) + &text)],
        )
    }

    /// Comments with the fields inside of objects, which a statement may give one by one.
    fn fields(&self, template: Template, method: &Method, required: bool) -> String {
        if template == Template::Delete {
            return String::new();
        }
        let service = &self.resource.service;
        let lines = body(method, required).into_iter().flat_map(|(name, schema)| {
            inside(service, &name, schema, true)
                .into_iter()
                .map(|field| {
                    let kind = service.schemas[field.schema].kind.name();
                    format!("-- {} {kind}\n", field.path)
                })
                .collect::<Vec<_>>()
        });
        lines.collect()
    }

    fn target(&self) -> String {
        let resource = self.resource;
        let parts = [&resource.provider.name, &resource.service.name, &resource.name];
        parts.map(|part| ident(part)).join(".")
    }

    /// Parameters that are wanted, with their schemas.
    fn params(&self, method: &Method, optional: bool) -> Vec<(String, SchemaId)> {
        let wanted = method.params.iter().filter(|param| param.required || optional);
        wanted.map(|param| (param.name.clone(), param.schema)).collect()
    }

    fn insert(&self, method: &Method, required: bool) -> Option<String> {
        let mut names = body(method, required);
        names.extend(self.params(method, self.extended && !required));
        let names = distinct(names);
        if names.is_empty() {
            return None;
        }
        let columns: Vec<String> = names.iter().map(|(name, _)| ident(name)).collect();
        let holes: Vec<String> =
            names.iter().map(|(name, schema)| self.hole(name, *schema)).collect();
        Some(format!(
            "INSERT INTO {} (\n  {}\n)\nSELECT\n  {}\n;",
            self.target(),
            columns.join(",\n  "),
            holes.join(",\n  ")
        ))
    }

    fn conditions(&self, method: &Method) -> Option<String> {
        let conditions: Vec<String> = self
            .params(method, self.extended)
            .iter()
            .map(|(name, schema)| format!("{} = {}", ident(name), self.hole(name, *schema)))
            .collect();
        (!conditions.is_empty()).then(|| conditions.join("\n  AND "))
    }

    fn change(&self, verb: &str, method: &Method) -> Option<String> {
        let sets: Vec<String> = body(method, false)
            .iter()
            .filter(|(name, _)| method.param(name).is_none())
            .map(|(name, schema)| format!("{} = {}", ident(name), self.hole(name, *schema)))
            .collect();
        let conditions = self.conditions(method).filter(|_| !sets.is_empty())?;
        let sets = sets.join(",\n  ");
        Some(format!("{verb} {}\nSET\n  {sets}\nWHERE\n  {conditions}\n;", self.target()))
    }

    fn delete(&self, method: &Method) -> Option<String> {
        let conditions = self.conditions(method)?;
        Some(format!("DELETE FROM {}\nWHERE\n  {conditions}\n;", self.target()))
    }

    fn exec(&self, method: &Method) -> Vec<Option<String>> {
        let mut names = self.params(method, self.extended);
        names.extend(body(method, false));
        let arguments: Vec<String> = distinct(names)
            .iter()
            .map(|(name, schema)| format!("@{} = {}", word(name), self.hole(name, *schema)))
            .collect();
        let call = format!("EXEC {}.{}", self.target(), ident(&method.name));
        vec![Some(if arguments.is_empty() {
            format!("{call}\n;")
        } else {
            format!("{call}\n  {}\n;", arguments.join(",\n  "))
        })]
    }

    /// A place for a value: numbers and booleans stand without quotes.
    fn hole(&self, name: &str, schema: SchemaId) -> String {
        let variable: String = name
            .chars()
            .map(|c| if c.is_alphanumeric() || matches!(c, '_' | '-' | '.') { c } else { '_' })
            .collect();
        let is_name = variable.starts_with(|c: char| c.is_alphabetic() || c == '_');
        let variable = if is_name { variable } else { format!("_{variable}") };
        match self.resource.service.schemas[schema].kind {
            SchemaKind::Integer | SchemaKind::Number | SchemaKind::Boolean => {
                ["{{ ", &variable, " }}"].concat()
            }
            _ => ["'{{ ", &variable, " }}'"].concat(),
        }
    }
}

/// Attributes of the body, with their schemas.
fn body(method: &Method, required: bool) -> Vec<(String, SchemaId)> {
    let properties = method.body.iter().flat_map(|body| &body.properties);
    properties
        .filter(|property| !required || property.required)
        .map(|property| (property.name.clone(), property.schema))
        .collect()
}

/// Each name once.
fn distinct(names: Vec<(String, SchemaId)>) -> Vec<(String, SchemaId)> {
    let mut kept: Vec<(String, SchemaId)> = Vec::new();
    for (name, schema) in names {
        if !kept.iter().any(|(known, _)| *known == name) {
            kept.push((name, schema));
        }
    }
    kept
}

/// A name as a statement takes it: in quotes where the bare word would mean something else.
fn ident(name: &str) -> String {
    if is_word(name) && reads_as_name(name) { name.to_owned() } else { quoted(name) }
}

/// The same where any word will do.
fn word(name: &str) -> String {
    if is_word(name) { name.to_owned() } else { quoted(name) }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn is_word(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn reads_as_name(name: &str) -> bool {
    let text = format!("UPDATE {name} SET {name} = 1 WHERE {name} = 1 AND {name} = 2");
    let Ok(all) = strataql_sql::parse(&text) else { return false };
    let [parsed] = all.as_slice() else { return false };
    let Statement::Write(_, tree) = &parsed.statement else { return false };
    let Tree::Update(update) = tree.as_ref() else { return false };
    let Some(Expr::BinaryOp { left, right, .. }) = &update.selection else { return false };
    [left, right].into_iter().all(|side| match side.as_ref() {
        Expr::BinaryOp { left, .. } => {
            matches!(left.as_ref(), Expr::Identifier(ident) if ident.value == name)
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_where_they_have_to_be() {
        for name in ["name", "type", "account_id", "value", "key"] {
            assert_eq!(ident(name), name);
        }
        for name in ["x-y", "2x", "$filter"] {
            assert_eq!(ident(name), format!("\"{name}\""), "{name}");
        }
        assert_eq!(ident("a\"b"), "\"a\"\"b\"");
        assert_eq!(word("case"), "case");
    }
}
