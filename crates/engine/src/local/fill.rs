//! Running a query into a file of rows.
//!
//! Owns: the query inside a CREATE or INSERT as a statement of its own, and writing its rows as they
//! come.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::execution::memory_pool::MemoryPool;
use datafusion::sql::sqlparser::ast as sql;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};
use futures::TryStreamExt;
use strataql_diag::{Code, Report, Span};
use strataql_query::outcome::Outcome;
use strataql_query::parameters::Parameters;
use strataql_query::resource::EVERY_SCHEMA;
use strataql_query::result_set::ResultSet;
use strataql_query::statement::Statement;
use strataql_sql::{Parsed, Statement as Syntax};

use super::Found;
use super::define::unsupported;
use super::manifest::ViewText;
use super::store::Store;
use super::types::{fitted, kept};
use super::writer::Written;

/// Runs a query into a file.
pub(super) struct Filler<'a> {
    pub(super) statement: &'a Statement,
    pub(super) store: &'a Store,
}

impl Filler<'_> {
    pub(super) fn pool(&self) -> Found<Arc<dyn MemoryPool>> {
        Ok(Arc::clone(&self.statement.memory()?.memory_pool))
    }

    /// Starts the query.
    pub(super) async fn start(
        &self,
        inner: &Parsed,
        query: &sql::Query,
        parameters: &Parameters,
    ) -> Found<ResultSet> {
        let relations = self.statement.relations.open(self.statement, query).await?;
        let logical = self.statement.plan_with(relations.as_ref(), |front| {
            front.plan_mentioning(inner, query, parameters, &[EVERY_SCHEMA])
        })?;
        let prepared = self.statement.operators(logical).await?;
        self.statement.execute(prepared)
    }

    /// Writes all rows of the query, under names of its own if there are any.
    pub(super) async fn fill(
        &self,
        inner: &Parsed,
        query: &sql::Query,
        parameters: &Parameters,
        names: &[String],
    ) -> Found<(Written, Outcome)> {
        let mut result = self.start(inner, query, parameters).await?;
        if !names.is_empty() && names.len() != result.labels.len() {
            return Err(column_count(names.len(), result.labels.len()));
        }
        let labels = if names.is_empty() { result.labels.as_slice() } else { names };
        refuse_twins(labels.iter().map(String::as_str))?;
        let fields: Vec<Field> = result
            .schema
            .fields()
            .iter()
            .zip(labels)
            .map(|(field, label)| kept(field, label))
            .collect();
        let schema = Arc::new(Schema::new(fields));
        let mut writer = self.store.writer(&schema, &self.pool()?)?;
        while let Some(batch) = result.rows.try_next().await? {
            writer.write(shaped(&batch, batch.columns(), &schema)?).await?;
        }
        Ok((writer.finish().await?, result.outcome))
    }
}

/// Columns as a batch of a schema.
pub(super) fn shaped(
    batch: &RecordBatch,
    columns: &[ArrayRef],
    schema: &SchemaRef,
) -> Found<RecordBatch> {
    let columns = columns
        .iter()
        .zip(schema.fields())
        .map(|(values, field)| fitted(values, field))
        .collect::<Found<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
        .map_err(|error| Box::new(Report::internal(error.to_string())))
}

/// The query after the first AS outside brackets, as a statement of its own.
pub(super) fn query_of(text: &str, parsed: &Parsed) -> Found<(Parsed, sql::Query)> {
    let mut depth = 0_usize;
    let start = parsed.tokens.iter().position(|token| {
        match &token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && is_as(token)
    });
    let start = start.map_or(parsed.tokens.len(), |position| position + 1);
    query_from(text, parsed, start)
}

/// The tokens from a position on as a query.
pub(super) fn query_from(text: &str, parsed: &Parsed, start: usize) -> Found<(Parsed, sql::Query)> {
    let tokens: Vec<TokenWithSpan> = parsed.tokens[start..]
        .iter()
        .skip_while(|token| matches!(token.token, Token::Whitespace(_)))
        .cloned()
        .collect();
    let statement = strataql_sql::reparse(text, &tokens)?;
    let Syntax::Query(query) = &statement else {
        return Err(unsupported(
            "this statement without a SELECT",
            parsed.span,
            "write a SELECT after AS",
        ));
    };
    let query = query.as_ref().clone();
    let span = match tokens.first() {
        Some(first) => Span::new(strataql_sql::byte_span(text, first).start, parsed.span.end),
        None => parsed.span,
    };
    let execs = parsed.execs.clone();
    Ok((Parsed { span, tokens, statement, execs, assertion: None, vertical: false }, query))
}

fn is_as(token: &TokenWithSpan) -> bool {
    matches!(&token.token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("as"))
}

/// The kept text of a view as a statement.
pub(super) fn parsed_view(name: &str, view: &ViewText) -> Found<(Parsed, sql::Query)> {
    let mut all = strataql_sql::parse(&view.sql)?;
    match (all.pop(), all.is_empty()) {
        (Some(parsed), true) => match &parsed.statement {
            Syntax::Query(query) => {
                let query = query.as_ref().clone();
                Ok((parsed, query))
            }
            _ => Err(Box::new(Report::internal(format!("the text of `{name}` is no query")))),
        },
        _ => Err(Box::new(Report::internal(format!("the text of `{name}` is no query")))),
    }
}

/// No two columns under one name.
pub(super) fn refuse_twins<'a>(names: impl Iterator<Item = &'a str>) -> Found<()> {
    let mut seen: Vec<&str> = Vec::new();
    for name in names {
        if seen.contains(&name) {
            return Err(Box::new(
                Report::new(Code::AmbiguousName, format!("two columns are named `{name}`"))
                    .with_help("give one of them an alias with AS"),
            ));
        }
        seen.push(name);
    }
    Ok(())
}

pub(super) fn column_count(names: usize, columns: usize) -> Box<Report> {
    Box::new(
        Report::new(Code::Syntax, format!("{names} names are given for {columns} columns"))
            .with_help("name each column of the SELECT, or none"),
    )
}
