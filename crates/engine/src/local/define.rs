//! CREATE, DROP and REFRESH.

use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, Schema};
use datafusion::sql::sqlparser::ast::{self as sql, ColumnOption, ObjectName, ObjectType, Spanned};
use datafusion::sql::sqlparser::tokenizer::Token;
use strataql_diag::{Code, LineColumn, Report, Span, counted};
use strataql_query::explain;
use strataql_query::outcome::Outcome;
use strataql_query::parameters::Parameters;
use strataql_query::result_set::ResultSet;
use strataql_query::statement::Statement;
use strataql_sql::{Name, Parsed};

use super::fill::{Filler, column_count, parsed_view, query_of, refuse_twins};
use super::manifest::{Content, Entry, IfTaken, ViewText};
use super::types::column;
use super::writer::Written;
use super::{Found, Store};

/// Runs CREATE or DROP.
///
/// # Errors
/// Reports about names and columns, those of the query, `local-io`.
pub(crate) async fn define(
    statement: &Statement,
    store: &Store,
    definition: &sql::Statement,
) -> Found<ResultSet> {
    let parsed = statement.parsed.as_ref();
    let definer = Definer { statement, store, text: &statement.text };
    match definition {
        sql::Statement::CreateView(view) => definer.create_view(parsed, view).await,
        sql::Statement::CreateTable(table) => {
            definer.create_table(parsed, table, &statement.parameters).await
        }
        sql::Statement::Drop {
            object_type, if_exists, names, cascade: false, table: None, ..
        } => definer.drop(*object_type, names, *if_exists).await,
        sql::Statement::Drop { .. } => {
            Err(unsupported("DROP … CASCADE", parsed.span, "drop each by itself"))
        }
        _ => Err(unsupported(
            "ALTER TABLE",
            parsed.span,
            "make the table anew with CREATE OR REPLACE TABLE … AS SELECT",
        )),
    }
}

/// Explains the query of CREATE … AS SELECT; nothing else of these statements sends requests.
///
/// # Errors
/// Those of the query.
pub(crate) async fn explain(
    statement: &Statement,
    definition: &sql::Statement,
) -> Found<ResultSet> {
    let parsed = &statement.parsed;
    let reads = match definition {
        sql::Statement::CreateView(view) => view.materialized,
        sql::Statement::CreateTable(table) => table.query.is_some(),
        _ => false,
    };
    if !reads {
        return Err(unsupported(
            "EXPLAIN of a statement that reads nothing",
            parsed.span,
            "run it",
        ));
    }
    let (inner, query) = query_of(&statement.text, parsed)?;
    let part =
        statement.part(Arc::clone(&statement.text), inner, Arc::clone(&statement.parameters));
    let prepared = part.prepare(&query).await?;
    explain::explain(statement, prepared, false, false).await
}

/// Runs REFRESH MATERIALIZED VIEW.
///
/// # Errors
/// `unknown-resource`, those of the query, `local-io`.
pub(crate) async fn refresh(statement: &Statement, store: &Store, name: &Name) -> Found<ResultSet> {
    let manifest = store.manifest()?;
    let [part] = name.parts.as_slice() else {
        return Err(dotted(&name.dotted(), name.span));
    };
    let entry = manifest
        .find(&part.value, part.quoted)
        .filter(|entry| matches!(entry.content, Content::MaterializedView { .. }));
    let Some(entry) = entry else {
        let report = manifest.missing(&part.value, "materialized view");
        return Err(Box::new(report.with_label(name.span, "")));
    };
    let Content::MaterializedView { view, .. } = &entry.content else {
        return Err(Box::new(Report::internal("a materialized view is something else")));
    };
    let (inner, query) = parsed_view(&entry.name, view)?;
    let mut settings = statement.settings.as_ref().clone();
    settings.namespace.clone_from(&view.namespace);
    let part = statement
        .part(view.sql.as_str(), inner.clone(), Parameters::default())
        .with_settings(settings);
    let filler = Filler { statement: &part, store };
    let (written, outcome) = filler
        .fill(&inner, &query, &Parameters::default(), &view.columns)
        .await
        .map_err(|report| elsewhere(report, &entry.name, name.span))?;
    let rows = written.file.rows;
    let file = written.file.clone();
    let known: Entry = entry.clone();
    store.commit(move |manifest| manifest.refresh(&known, file)).await?;
    written.keep();
    outcome.note(format!("materialized view `{}` has {} now", entry.name, counted(rows, "row")));
    Ok(ResultSet { outcome, ..ResultSet::nothing() })
}

/// A report about the text of a view, which is not the text of the statement.
pub(super) fn elsewhere(mut report: Box<Report>, view: &str, span: Span) -> Box<Report> {
    report.labels.clear();
    let note = format!("`{view}` reads it");
    // a view inside may have said so
    let is_known = report.notes.iter().any(|known| known.ends_with(" reads it"));
    let report = report.with_label(span, "");
    Box::new(if is_known { report } else { report.with_note(note) })
}

struct Definer<'a> {
    statement: &'a Statement,
    store: &'a Store,
    text: &'a str,
}

impl Definer<'_> {
    async fn create_view(&self, parsed: &Parsed, view: &sql::CreateView) -> Found<ResultSet> {
        if view.temporary {
            return Err(unsupported(
                "a temporary view",
                parsed.span,
                "leave TEMPORARY out and drop the view when it is done",
            ));
        }
        let name = self.one_part(&view.name)?;
        let taken = taken(view.or_replace, view.if_not_exists);
        let kind = if view.materialized { "materialized view" } else { "view" };
        if self.store.manifest()?.check_create(&name, kind, taken)? {
            return Ok(note(format!("there is a {kind} `{name}` already")));
        }
        let (inner, query) = query_of(self.text, parsed)?;
        refuse_parameters(&inner, kind)?;
        let text = ViewText {
            sql: inner.span.slice(self.text).to_owned(),
            columns: view.columns.iter().map(|column| column.name.value.clone()).collect(),
            namespace: self.statement.settings.namespace.clone(),
        };
        self.refuse_itself(&name, &query)?;
        if !view.materialized {
            self.check(&inner, &query, &text.columns).await?;
            let content = Content::View { view: text };
            let own = name.clone();
            self.store.commit(move |manifest| manifest.create(&own, content, taken)).await?;
            return Ok(note(format!("view `{name}` created{}", self.how_long())));
        }
        let filler = Filler { statement: self.statement, store: self.store };
        let (written, outcome) =
            filler.fill(&inner, &query, &Parameters::default(), &text.columns).await?;
        let content = Content::MaterializedView { files: vec![written.file.clone()], view: text };
        self.keep(&name, content, taken, written, outcome).await
    }

    async fn create_table(
        &self,
        parsed: &Parsed,
        table: &sql::CreateTable,
        parameters: &Parameters,
    ) -> Found<ResultSet> {
        if table.temporary {
            return Err(unsupported(
                "a temporary table",
                parsed.span,
                "leave TEMPORARY out and drop the table when it is done",
            ));
        }
        if table.like.is_some()
            || table.clone.is_some()
            || table.external
            || table.location.is_some()
        {
            return Err(unsupported(
                "this form of CREATE TABLE",
                parsed.span,
                "write CREATE TABLE t (column type, …) or CREATE TABLE t AS SELECT …",
            ));
        }
        let name = self.one_part(&table.name)?;
        let taken = taken(table.or_replace, table.if_not_exists);
        if self.store.manifest()?.check_create(&name, "table", taken)? {
            return Ok(note(format!("there is a table `{name}` already")));
        }
        let filler = Filler { statement: self.statement, store: self.store };
        if table.query.is_some() {
            if !table.columns.is_empty() || !table.constraints.is_empty() {
                return Err(unsupported(
                    "CREATE TABLE … AS SELECT with columns",
                    parsed.span,
                    "use aliases and CAST in the SELECT",
                ));
            }
            let (inner, query) = query_of(self.text, parsed)?;
            let (written, outcome) = filler.fill(&inner, &query, parameters, &[]).await?;
            let content = Content::Table { files: vec![written.file.clone()] };
            return self.keep(&name, content, taken, written, outcome).await;
        }
        let schema = Arc::new(Schema::new(self.columns(parsed, table)?));
        let written = self.store.writer(&schema, &filler.pool()?)?.finish().await?;
        let content = Content::Table { files: vec![written.file.clone()] };
        self.keep(&name, content, taken, written, Outcome::default()).await
    }

    fn columns(&self, parsed: &Parsed, table: &sql::CreateTable) -> Found<Vec<Field>> {
        if table.columns.is_empty() {
            return Err(unsupported(
                "a table without columns",
                parsed.span,
                "write CREATE TABLE t (column type, …)",
            ));
        }
        if let Some(constraint) = table.constraints.first() {
            return Err(constraint_refused(&constraint.to_string(), self.bytes(constraint.span())));
        }
        let mut fields: Vec<Field> = Vec::new();
        for definition in &table.columns {
            let mut nullable = true;
            for option in &definition.options {
                match &option.option {
                    ColumnOption::Null | ColumnOption::Comment(_) => {}
                    ColumnOption::NotNull => nullable = false,
                    other => {
                        return Err(constraint_refused(
                            &other.to_string(),
                            self.bytes(definition.span()),
                        ));
                    }
                }
            }
            let name = &definition.name.value;
            let field = column(name, &definition.data_type, nullable).map_err(|report| {
                Box::new(report.with_label(self.bytes(definition.name.span), ""))
            })?;
            fields.push(field);
        }
        refuse_twins(fields.iter().map(|field| field.name().as_str()))?;
        Ok(fields)
    }

    async fn drop(
        &self,
        object: ObjectType,
        names: &[ObjectName],
        if_exists: bool,
    ) -> Found<ResultSet> {
        let kind = match object {
            ObjectType::Table => "table",
            ObjectType::View => "view",
            ObjectType::MaterializedView => "materialized view",
            other => {
                let span = names.first().map_or(Span::new(0, 0), |name| self.bytes(name.span()));
                return Err(unsupported(
                    &format!("DROP {other}"),
                    span,
                    "DROP TABLE, VIEW and MATERIALIZED VIEW can be run",
                ));
            }
        };
        let mut wanted = Vec::new();
        for name in names {
            let quoted = name
                .0
                .last()
                .and_then(|part| part.as_ident())
                .is_some_and(|ident| ident.quote_style.is_some());
            wanted.push((self.one_part(name)?, quoted, self.bytes(name.span())));
        }
        let notes = self
            .store
            .commit(move |manifest| {
                let mut notes = Vec::new();
                for (name, quoted, span) in &wanted {
                    let dropped = manifest
                        .drop(name, *quoted, kind)
                        .map_err(|report| Box::new(report.with_label(*span, "")))?;
                    if !dropped && !if_exists {
                        return Err(Box::new(manifest.missing(name, kind).with_label(*span, "")));
                    }
                    notes.push(if dropped {
                        format!("{kind} `{name}` dropped")
                    } else {
                        format!("there is no {kind} `{name}`")
                    });
                }
                Ok(notes)
            })
            .await?;
        let result = ResultSet::nothing();
        for text in notes {
            result.outcome.note(text);
        }
        Ok(result)
    }

    /// Puts a new table or materialized view into the list.
    async fn keep(
        &self,
        name: &str,
        content: Content,
        taken: IfTaken,
        written: Written,
        outcome: Outcome,
    ) -> Found<ResultSet> {
        let kind = content.kind();
        let rows = written.file.rows;
        let own = name.to_owned();
        let file = written.file.name.clone();
        let is_in = self
            .store
            .commit(move |manifest| {
                manifest.create(&own, content, taken)?;
                Ok(manifest.files().any(|known| known.name == file))
            })
            .await?;
        if is_in {
            written.keep();
        }
        outcome.note(format!(
            "{kind} `{name}` created with {}{}",
            counted(rows, "row"),
            self.how_long()
        ));
        Ok(ResultSet { outcome, ..ResultSet::nothing() })
    }

    /// Plans the query of a view, so that mistakes show when it is made.
    async fn check(&self, inner: &Parsed, query: &sql::Query, columns: &[String]) -> Found<()> {
        let relations = self.statement.relations.open(self.statement, query).await?;
        let logical = self.statement.plan_with(relations.as_ref(), |front| {
            front.plan(inner, query, &Parameters::default())
        })?;
        let planned = logical.planned;
        if !columns.is_empty() && columns.len() != planned.labels.len() {
            return Err(column_count(columns.len(), planned.labels.len()));
        }
        let labels = if columns.is_empty() { planned.labels.as_slice() } else { columns };
        refuse_twins(labels.iter().map(String::as_str))
    }

    /// A view must not read itself, through others neither.
    fn refuse_itself(&self, name: &str, query: &sql::Query) -> Found<()> {
        let mut wanted = super::Wanted::default();
        wanted.collect(query);
        wanted.follow(&self.store.manifest()?);
        if wanted.names.contains(&name.to_lowercase()) {
            return Err(Box::new(
                Report::new(
                    Code::UnsupportedSyntax,
                    format!("the view `{name}` would read itself"),
                )
                .with_help("give the new view another name"),
            ));
        }
        Ok(())
    }

    fn how_long(&self) -> &'static str {
        if self.store.is_lasting() { "" } else { ", in memory until the session ends" }
    }

    fn one_part(&self, name: &ObjectName) -> Found<String> {
        match name.0.as_slice() {
            [part] => match part.as_ident() {
                Some(ident) if ident.quote_style != Some('\'') => Ok(ident.value.clone()),
                _ => Err(dotted(&name.to_string(), self.bytes(name.span()))),
            },
            _ => Err(dotted(&name.to_string(), self.bytes(name.span()))),
        }
    }

    fn bytes(&self, span: datafusion::sql::sqlparser::tokenizer::Span) -> Span {
        bytes(self.text, span)
    }
}

/// A kept text has no values for `$1`.
fn refuse_parameters(inner: &Parsed, kind: &str) -> Found<()> {
    match inner.tokens.iter().find(|token| matches!(token.token, Token::Placeholder(_))) {
        None => Ok(()),
        Some(token) => Err(Box::new(
            Report::new(
                Code::UnsupportedSyntax,
                format!("a {kind} cannot keep the parameter `{}`", token.token),
            )
            .with_help("write the value itself; who reads the view may give another with WHERE"),
        )),
    }
}

fn constraint_refused(what: &str, span: Span) -> Box<Report> {
    Box::new(
        Report::new(Code::UnsupportedSyntax, format!("a local table cannot have `{what}`"))
            .with_label(span, "")
            .with_help("leave it out; NOT NULL is the only constraint that is checked"),
    )
}

fn taken(or_replace: bool, if_not_exists: bool) -> IfTaken {
    if or_replace {
        IfTaken::Replace
    } else if if_not_exists {
        IfTaken::Keep
    } else {
        IfTaken::Fail
    }
}

/// A result that says one thing.
pub(super) fn note(text: String) -> ResultSet {
    let result = ResultSet::nothing();
    result.outcome.note(text);
    result
}

pub(super) fn unsupported(what: &str, span: Span, help: &str) -> Box<Report> {
    Box::new(
        Report::new(Code::UnsupportedSyntax, format!("{what} cannot be run by this version"))
            .with_label(span, "")
            .with_help(help),
    )
}

fn dotted(name: &str, span: Span) -> Box<Report> {
    Box::new(
        Report::new(
            Code::UnsupportedSyntax,
            format!("`{name}` cannot be the name of a local view or table"),
        )
        .with_label(span, "")
        .with_help("local views and tables have names of one part"),
    )
}

/// The bytes of a place in the text.
pub(super) fn bytes(text: &str, span: datafusion::sql::sqlparser::tokenizer::Span) -> Span {
    if span.start.line == 0 {
        return Span::new(0, 0);
    }
    let offset = |line: u64, column: u64| {
        let line = usize::try_from(line).unwrap_or(usize::MAX);
        let column = usize::try_from(column).unwrap_or(usize::MAX);
        Span::offset(text, LineColumn { line, column })
    };
    Span::new(offset(span.start.line, span.start.column), offset(span.end.line, span.end.column))
}
