//! INSERT INTO a local table.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, new_null_array};
use datafusion::sql::sqlparser::ast::{self as sql, ObjectName, Spanned, TableFactor, TableObject};
use datafusion::sql::sqlparser::tokenizer::Token;
use futures::TryStreamExt;
use strataql_diag::{Code, Report, counted, did_you_mean, listed};
use strataql_query::result_set::ResultSet;
use strataql_query::statement::Statement;
use strataql_sql::{Parsed, WriteKind};

use super::define::{bytes, note, unsupported};
use super::fill::{Filler, query_from, shaped};
use super::manifest::{Content, Entry};
use super::{Found, Store};

/// Runs a write if its target is kept here; `None` for the resources of providers.
///
/// # Errors
/// Reports about names and values, those of the query, `local-io`.
pub(crate) async fn write(
    statement: &Statement,
    store: &Store,
    kind: WriteKind,
    tree: &sql::Statement,
) -> Found<Option<ResultSet>> {
    let Some(name) = target(tree) else { return Ok(None) };
    let [part] = name.0.as_slice() else { return Ok(None) };
    let Some(ident) = part.as_ident() else { return Ok(None) };
    let manifest = store.manifest()?;
    let span = bytes(&statement.text, name.span());
    let Some(entry) = manifest.find(&ident.value, ident.quote_style.is_some()) else {
        // with a provider and a service in use, one part may name a resource
        if statement.settings.namespace.len() >= 2 {
            return Ok(None);
        }
        let known: Vec<&str> = manifest.entries().iter().map(|entry| entry.name.as_str()).collect();
        return Err(Box::new(
            Report::new(Code::UnknownResource, format!("there is no table `{}` here", ident.value))
                .with_label(span, "")
                .with_help_if(did_you_mean(&ident.value, known))
                .with_help("`SHOW TABLES` lists local tables; a resource is written `provider.service.resource`"),
        ));
    };
    if !matches!(entry.content, Content::Table { .. }) {
        return Err(Box::new(
            Report::new(
                Code::UnsupportedSyntax,
                format!("`{}` is a {}, which takes no rows", entry.name, entry.content.kind()),
            )
            .with_label(span, "")
            .with_help("write to a table, or change what the view reads"),
        ));
    }
    match (kind, tree) {
        (WriteKind::Insert, sql::Statement::Insert(insert)) => {
            insert_rows(statement, store, insert, entry).await.map(Some)
        }
        _ => Err(unsupported(
            "UPDATE, REPLACE or DELETE of a local table",
            span,
            "make the table anew with CREATE OR REPLACE TABLE … AS SELECT",
        )),
    }
}

/// True if what a statement writes to is kept here.
///
/// # Errors
/// `local-io`.
pub(crate) fn owns(store: &Store, statement: &sql::Statement) -> Found<bool> {
    let Some([part]) = target(statement).map(|name| name.0.as_slice()) else { return Ok(false) };
    let Some(ident) = part.as_ident() else { return Ok(false) };
    let manifest = store.manifest()?;
    Ok(manifest.find(&ident.value, ident.quote_style.is_some()).is_some())
}

/// The name that a statement writes to.
fn target(statement: &sql::Statement) -> Option<&ObjectName> {
    fn of_factor(factor: &TableFactor) -> Option<&ObjectName> {
        match factor {
            TableFactor::Table { name, .. } => Some(name),
            _ => None,
        }
    }
    match statement {
        sql::Statement::Insert(insert) => match &insert.table {
            TableObject::TableName(name) => Some(name),
            _ => None,
        },
        sql::Statement::Update(update) => of_factor(&update.table.relation),
        sql::Statement::Delete(delete) => {
            let (sql::FromTable::WithFromKeyword(from) | sql::FromTable::WithoutKeyword(from)) =
                &delete.from;
            of_factor(&from.first()?.relation)
        }
        _ => None,
    }
}

async fn insert_rows(
    statement: &Statement,
    store: &Store,
    insert: &sql::Insert,
    entry: &Entry,
) -> Found<ResultSet> {
    let (text, parsed) = (&statement.text, statement.parsed.as_ref());
    let span = bytes(text, insert.table.span());
    if insert.returning.is_some() || insert.on.is_some() || insert.overwrite || insert.or.is_some()
    {
        return Err(unsupported(
            "this form of INSERT into a local table",
            span,
            "write INSERT INTO t (columns) VALUES … or SELECT …",
        ));
    }
    if insert.source.is_none() {
        return Err(unsupported(
            "INSERT without rows",
            span,
            "write INSERT INTO t (columns) VALUES … or SELECT …",
        ));
    }
    let schema = store.table(&entry.name, entry.content.files())?.schema();
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let mut positions = Vec::new();
    for column in &insert.columns {
        let position = position(column, &names)
            .map_err(|report| Box::new(report.with_label(bytes(text, column.span()), "")))?;
        if positions.contains(&position) {
            return Err(Box::new(
                Report::new(
                    Code::AmbiguousName,
                    format!("the column `{}` is named twice", names[position]),
                )
                .with_label(bytes(text, column.span()), "")
                .with_help("name each column once"),
            ));
        }
        positions.push(position);
    }
    if positions.is_empty() {
        positions.extend(0..names.len());
    }
    let (inner, query) = query_from(text, parsed, source_start(parsed))?;
    let filler = Filler { statement, store };
    let mut result = filler.start(&inner, &query, &statement.parameters).await?;
    if result.schema.fields().len() != positions.len() {
        return Err(Box::new(
            Report::new(
                Code::Syntax,
                format!(
                    "{} values are given for {} columns",
                    result.schema.fields().len(),
                    positions.len()
                ),
            )
            .with_label(span, "")
            .with_help(format!(
                "the columns of `{}` are {}",
                entry.name,
                listed(&names)
            )),
        ));
    }
    let mut writer = store.writer(&schema, &filler.pool()?)?;
    while let Some(batch) = result.rows.try_next().await? {
        let columns: Vec<ArrayRef> = (0..names.len())
            .map(|column| match positions.iter().position(|position| *position == column) {
                Some(given) => Arc::clone(batch.column(given)),
                None => new_null_array(schema.field(column).data_type(), batch.num_rows()),
            })
            .collect();
        writer.write(shaped(&batch, &columns, &schema)?).await?;
    }
    let rows = writer.rows();
    if rows == 0 {
        return Ok(note(format!("no rows inserted into `{}`", entry.name)));
    }
    let written = writer.finish().await?;
    let file = written.file.clone();
    let known = entry.clone();
    store.commit(move |manifest| manifest.append(&known, file)).await?;
    written.keep();
    result.outcome.note(format!("{} inserted into `{}`", counted(rows, "row"), entry.name));
    Ok(ResultSet { outcome: result.outcome, ..ResultSet::nothing() })
}

/// The position of a column: exact, else the only one but for case.
fn position(column: &ObjectName, names: &[&str]) -> Result<usize, Box<Report>> {
    let ident = column.0.last().and_then(|part| part.as_ident());
    let Some(ident) = ident.filter(|_| column.0.len() == 1) else {
        return Err(Box::new(
            Report::new(
                Code::UnsupportedSyntax,
                format!("`{column}` is no column of a local table"),
            )
            .with_help("name whole columns"),
        ));
    };
    if let Some(position) = names.iter().position(|name| *name == ident.value) {
        return Ok(position);
    }
    let mut same = names
        .iter()
        .enumerate()
        .filter(|(_, name)| ident.quote_style.is_none() && name.eq_ignore_ascii_case(&ident.value));
    match (same.next(), same.next()) {
        (Some((position, _)), None) => Ok(position),
        (Some(_), Some(_)) => Err(Box::new(
            Report::new(
                Code::AmbiguousName,
                format!("`{}` fits more than one column", ident.value),
            )
            .with_help("write it in quotes, in its own case"),
        )),
        (None, _) => Err(Box::new(
            Report::new(Code::UnknownColumn, format!("there is no column `{}` here", ident.value))
                .with_help(
                    did_you_mean(&ident.value, names.iter().copied())
                        .unwrap_or_else(|| "name columns that the table has".to_owned()),
                )
                .with_note(format!("columns are {}", listed(names))),
        )),
    }
}

/// Where the rows of an INSERT begin: after the target and its list of columns.
fn source_start(parsed: &Parsed) -> usize {
    let tokens = &parsed.tokens;
    let is_word = |position: usize, words: &[&str]| {
        matches!(&tokens[position].token, Token::Word(word)
            if word.quote_style.is_none() && words.iter().any(|known| word.value.eq_ignore_ascii_case(known)))
    };
    let real: Vec<usize> = (0..tokens.len())
        .filter(|position| !matches!(tokens[*position].token, Token::Whitespace(_)))
        .collect();
    let into = real.iter().position(|position| is_word(*position, &["into"])).unwrap_or(0);
    // the name has one part
    let mut next = into + 2;
    let begins = |at: usize| {
        real.get(at).is_some_and(|position| {
            is_word(*position, &["select", "with", "values", "table", "from"])
        })
    };
    let opens =
        |at: usize| real.get(at).is_some_and(|position| tokens[*position].token == Token::LParen);
    if opens(next) && !begins(next + 1) && !opens(next + 1) {
        while real.get(next).is_some_and(|position| tokens[*position].token != Token::RParen) {
            next += 1;
        }
        next += 1;
    }
    real.get(next).copied().unwrap_or(tokens.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> String {
        let parsed = strataql_sql::parse(text).expect("parses").remove(0);
        parsed.tokens[source_start(&parsed)..].iter().map(|token| token.token.to_string()).collect()
    }

    #[test]
    fn the_rows_begin_after_the_columns() {
        assert_eq!(source("INSERT INTO t VALUES (1)"), "VALUES (1)");
        assert_eq!(source("INSERT INTO t (a, \"b c\") VALUES (1, 2)"), "VALUES (1, 2)");
        assert_eq!(source("insert into t (select 1)"), "(select 1)");
        assert_eq!(source("INSERT INTO t (a) (SELECT 1)"), "(SELECT 1)");
        assert_eq!(
            source("INSERT /* x */ INTO t WITH c AS (SELECT 1) SELECT * FROM c"),
            "WITH c AS (SELECT 1) SELECT * FROM c"
        );
    }
}
