//! Names of relations: what each means, and under which name it is planned.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::sql::sqlparser::ast::{Ident, ObjectName, Spanned, TableAlias, TableFactor};
use strataql_diag::{Code, Report, did_you_mean};
use strataql_sql::{Name, NamePart};

use super::{Expander, Found, Frame, Looked, RESERVED, Target, idents, renamed};
use crate::catalog::Catalog;
use crate::front::{Relation, spell};

impl Expander<'_> {
    /// Gives a relation the name under which it is planned.
    pub(super) fn resolve(&mut self, factor: &mut TableFactor, frame: &Frame) -> Found<Target> {
        let TableFactor::Table { name, alias, args: None, .. } = factor else {
            return Ok(Target::Other);
        };
        let Some(parts) = idents(name) else { return Ok(Target::Other) };
        if let [only] = parts.as_slice() {
            if only.quote_style == Some('\'') {
                if let Some(provider) = &frame.provider {
                    return Err(self.foreign(frame, provider, &only.value, name));
                }
                let (stem, table) =
                    self.relations.file(&only.value).ok_or_else(|| no_file(&only.value))?;
                alias.get_or_insert_with(|| implicit_alias(Ident::with_quote('"', stem)));
                self.learn_table(only.value.to_lowercase(), table);
                return Ok(Target::Other);
            }
            let key = only.value.to_lowercase();
            if frame.ctes.contains_key(&key) {
                if let Some(body) = &frame.body {
                    alias.get_or_insert_with(|| implicit_alias(only.clone()));
                    *name = ObjectName::from(vec![renamed(&key, body.number)]);
                }
                return Ok(Target::Other);
            }
        }
        match self.look(name, frame)? {
            Looked::View(definition) => Ok(Target::View(definition)),
            Looked::Table(key, table) => {
                if let [only] = parts.as_slice() {
                    // a common table expression around a view must not take the name over
                    alias.get_or_insert_with(|| implicit_alias(only.clone()));
                    let mut own = Ident::with_quote('"', key.clone());
                    own.span = only.span;
                    *name = ObjectName::from(vec![Ident::with_quote('"', RESERVED), own]);
                    self.learn_table(format!("{RESERVED}.{key}"), table);
                } else {
                    self.learn_table(key, table);
                }
                Ok(Target::Other)
            }
            Looked::Resource(resource) => {
                if parts.len() < 3 {
                    let full = [&resource.provider.name, &resource.service.name, &resource.name];
                    let place = name.span();
                    let idents = full.into_iter().map(|part| {
                        let mut ident = Ident::with_quote('"', part.clone());
                        ident.span = place;
                        ident
                    });
                    *name = ObjectName::from(idents.collect::<Vec<_>>());
                }
                Ok(Target::Resource(resource))
            }
        }
    }

    /// What a name means that is neither a file nor a common table expression.
    pub(super) fn look(&mut self, object: &ObjectName, frame: &Frame) -> Found<Looked> {
        let parts = object.0.iter().filter_map(|part| part.as_ident());
        let name = Name {
            parts: parts
                .map(|ident| NamePart {
                    value: ident.value.clone(),
                    quoted: ident.quote_style.is_some(),
                    span: self.bytes(ident.span),
                })
                .collect(),
            span: self.bytes(object.span()),
        };
        // a document is not the user's: views, tables and files of the user are none of its business
        let is_local = frame.provider.is_none();
        if let Some(definition) = self.relations.view(&name).filter(|_| is_local) {
            for column in &definition.columns {
                self.learnt.spelling.add(column);
            }
            return Ok(Looked::View(definition));
        }
        if let Some((key, table)) = self.relations.table(&name).filter(|_| is_local) {
            for field in table.schema().fields() {
                self.learnt.spelling.add(field.name());
            }
            return Ok(Looked::Table(key, table));
        }
        let catalog = Catalog { registry: self.registry, namespace: &frame.namespace };
        let resource = catalog
            .resource(&name)
            .map_err(|report| self.suggested(report, &name))
            .map_err(|report| {
                let body = frame.body.as_ref().map(|body| &body.definition.name);
                match body.or(frame.chain.last()) {
                    None => report,
                    Some(view) => Box::new(report.with_note(format!("`{view}` reads it"))),
                }
            })?;
        if let Some(provider) = &frame.provider
            && resource.provider.name != *provider
        {
            return Err(self.foreign(frame, provider, &resource.dotted(), object));
        }
        spell(&mut self.learnt.spelling, &resource);
        let resource = Arc::new(resource);
        let key = resource.dotted().to_lowercase();
        self.learnt.tables.insert(key, Relation::Resource(Arc::clone(&resource)));
        Ok(Looked::Resource(resource))
    }

    /// A view of a document reads something that is not of its provider.
    fn foreign(&self, frame: &Frame, provider: &str, what: &str, name: &ObjectName) -> Box<Report> {
        let view = frame.chain.last().map_or("", String::as_str);
        Box::new(
            Report::new(
                Code::BadDocument,
                format!("the view `{view}` of provider `{provider}` reads `{what}`"),
            )
            .with_label(self.bytes(name.span()), "")
            .with_help("read the resources themselves; the provider's document has to be corrected")
            .with_note("a view of a document reads resources of its own provider only"),
        )
    }

    /// The report with the names of ours that are like the one that was not found.
    fn suggested(&self, mut report: Box<Report>, name: &Name) -> Box<Report> {
        if let Some(better) = self.relations.missing(name) {
            return better;
        }
        if let [part] = name.parts.as_slice() {
            let own = self.relations.names();
            if let Some(help) = did_you_mean(&part.value, own.iter().map(String::as_str)) {
                report.help.insert(0, help);
            }
        }
        report
    }

    fn learn_table(&mut self, key: String, table: Arc<dyn TableProvider>) {
        for field in table.schema().fields() {
            self.learnt.spelling.add(field.name());
        }
        self.learnt.tables.insert(key, Relation::Table(table));
    }
}

fn implicit_alias(name: Ident) -> TableAlias {
    TableAlias { explicit: true, name, columns: Vec::new(), at: None }
}

fn no_file(path: &str) -> Box<Report> {
    Box::new(
        Report::new(
            Code::UnsupportedSyntax,
            format!("the file `{path}` cannot be read in this statement"),
        )
        .with_help(
            "read it in a SELECT, or first make a table of it with CREATE TABLE … AS SELECT",
        ),
    )
}
