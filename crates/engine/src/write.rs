//! Statements that change resources: INSERT, UPDATE, REPLACE, DELETE and EXEC.
//!
//! Owns: which method a write calls, which rows it writes, checking everything before anything is sent,
//! sending, and what is said afterwards.
//! Refuses: ignoring a condition. A WHERE that is nothing but values of the method's parameters is one
//! request per combination; any other is resolved by a SELECT of the same resource, then one write
//! per row that it finds.
//! Surprise: all requests are built before the first is sent. A value that does not fit in the last
//! row stops the statement before the first row is written.

mod awaiting;
mod call_statement;
mod cells;
mod chosen;
mod collect;
mod condition;
mod conflict;
mod context;
mod defaults;
mod exec_relation;
mod hints;
mod image;
mod masking;
mod method;
mod prepared;
mod record;
mod resolve;
mod returning;
mod rows;
mod send;
mod sender;
mod show;
mod shown_once;
mod statement;
mod template;
mod undo;
mod upsert;
mod writer;

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::sql::sqlparser::ast as sql;
use strataql_diag::Report;
use strataql_query::front::spell;
use strataql_query::outcome::default_note;
use strataql_query::resource::ResourceRef;
use strataql_query::result_set::ResultSet;
use strataql_query::statement::Statement;
use strataql_sql::{Spelling, Statement as Syntax, TableNames, WriteKind, mentions, respell};

use self::awaiting::Awaiting;
pub(crate) use self::call_statement::exec;
pub(crate) use self::context::{UndoLog, WriteContext};
pub(crate) use self::exec_relation::{
    changes, refuse_in_view, refuse_in_write, table as exec_table,
};
use self::prepared::PreparedWrite;
use self::rows::RowSource;
pub(crate) use self::send::send_undo;
use self::statement::WriteStatement;
pub(crate) use self::undo::Undo;
use self::writer::Writer;

/// Runs or explains a write.
///
/// # Errors
/// Anything that is wrong with the statement, before a request is sent; then the first failed write.
pub(crate) async fn write(
    running: &Statement,
    context: &WriteContext,
    explain: bool,
) -> Result<ResultSet, Box<Report>> {
    let parsed = running.parsed.as_ref();
    running.run.decide_write();
    refuse_in_write(parsed)?;
    let statement = respelled(running)?;
    let resource = statement.target.resource(running)?;
    let mut writer = writer(running, context, &resource)?;
    if let Some(conflict) = &statement.conflict {
        let upsert = upsert::Upsert { writer: &writer, resource: &resource, statement: &statement };
        return Box::pin(upsert.run(conflict, explain, parsed.span)).await;
    }
    let chosen = method::choose(&resource, &statement)?;
    let wants_object = statement.returning.is_some();
    writer.awaiting = Awaiting::of(running, &chosen.target, &statement.hints, wants_object)
        .map_err(|report| Box::new(report.with_label(statement.target.name.span, "")))?;
    let source = RowSource::of(&resource, &chosen, &statement, running, &writer.variables)?;
    let returning = match &statement.returning {
        Some(items) => Some(returning::Returning::plan(&writer, &chosen, items, &statement).await?),
        None => None,
    };
    if explain && let Some(shown) = show::unknown(&writer, &chosen, &source).await? {
        return Ok(shown);
    }
    let limit = running.settings.max_writes;
    let rows = Box::pin(collect::collect(&writer, &source, limit, parsed.span)).await?;
    let prepared = rows
        .into_iter()
        .map(|row| PreparedWrite::of(&chosen, &row, &writer.variables, explain))
        .collect::<Result<Vec<_>, _>>()?;
    if explain {
        return show::requests(&writer, &chosen, &prepared);
    }
    let result = Box::pin(send::send(&writer, &chosen, prepared, returning)).await?;
    for (name, value) in &statement.defaulted {
        result.outcome.note(default_note(name, value));
    }
    Ok(result)
}

/// Finds what is wrong with a write, as far as that takes no request.
///
/// # Errors
/// As [`write`].
pub(crate) async fn check(running: &Statement, context: &WriteContext) -> Result<(), Box<Report>> {
    let statement = respelled(running)?;
    let reads = !statement.relations(&running.text).is_empty();
    if !reads {
        return Box::pin(write(running, context, true)).await.map(drop);
    }
    // its rows are known once it runs
    let resource = statement.target.resource(running)?;
    let chosen = method::choose(&resource, &statement)?;
    let variables = running.server_variables();
    RowSource::of(&resource, &chosen, &statement, running, &variables).map(drop)
}

/// The columns that a write returns; none without RETURNING.
///
/// # Errors
/// What is wrong with its names or its RETURNING.
pub(crate) async fn returned(
    running: &Statement,
    context: &WriteContext,
) -> Result<Vec<(String, DataType)>, Box<Report>> {
    let statement = respelled(running)?;
    let resource = statement.target.resource(running)?;
    let Some(items) = &statement.returning else { return Ok(Vec::new()) };
    let chosen = method::choose(&resource, &statement)?;
    let writer = writer(running, context, &resource)?;
    let returning = returning::Returning::plan(&writer, &chosen, items, &statement).await?;
    Ok(returning.columns().to_vec())
}

/// What the parts of a write share.
fn writer<'a>(
    running: &'a Statement,
    context: &'a WriteContext,
    resource: &ResourceRef,
) -> Result<Writer<'a>, Box<Report>> {
    let parsed = running.parsed.as_ref();
    let names = TableNames::of(write_tree(&parsed.statement)?.1);
    let is_column = |word: &str| resource.is_column(word);
    let mut mentioned = mentions(&parsed.tokens, &names, &is_column);
    // parameters that identify rows must be visible to the SELECT that finds them
    mentioned.extend(resource.parameters().into_iter().map(|name| name.to_lowercase()));
    Ok(Writer {
        statement: running,
        context,
        text: running.text.as_ref(),
        parsed,
        parameters: running.parameters.as_ref(),
        mentioned_identifiers: Arc::new(mentioned),
        variables: running.server_variables(),
        awaiting: None,
    })
}

/// True if a write returns rows.
pub(crate) fn has_returning(statement: &Syntax) -> bool {
    match statement {
        Syntax::Write(_, tree) => match tree.as_ref() {
            sql::Statement::Insert(insert) => insert.returning.is_some(),
            sql::Statement::Update(update) => update.returning.is_some(),
            sql::Statement::Delete(delete) => delete.returning.is_some(),
            _ => false,
        },
        _ => false,
    }
}

/// The statement with its identifiers spelt as the documents spell them.
fn respelled(running: &Statement) -> Result<WriteStatement, Box<Report>> {
    let (text, parsed) = (running.text.as_ref(), running.parsed.as_ref());
    let (kind, tree) = write_tree(&parsed.statement)?;
    let first = WriteStatement::read(kind, tree, text)?;
    let resource = first.target.resource(running)?;
    let mut spelling = Spelling::default();
    spell(&mut spelling, &resource);
    for method in resource.resource().methods.values() {
        for property in method.body.iter().flat_map(|body| &body.properties) {
            spelling.add(&property.name);
        }
        for param in &method.params {
            spelling.add(&param.name);
        }
    }
    for relation in first.relations(text) {
        if let Ok(other) = running.resource(&relation) {
            spell(&mut spelling, &other);
        }
    }
    let mut tokens = parsed.tokens.clone();
    if first.conflict.is_some() {
        spelling.add(upsert::EXCLUDED);
    }
    let names = TableNames::of(tree);
    spelling.complete(&tokens, &names);
    respell(&mut tokens, &spelling, &names);
    let again = strataql_sql::reparse(text, &tokens)?;
    let (kind, tree) = write_tree(&again)?;
    let mut statement = WriteStatement::read(kind, tree, text)?;
    defaults::fill(&mut statement, &resource, &running.server_variables());
    Ok(statement)
}

fn write_tree(statement: &Syntax) -> Result<(WriteKind, &sql::Statement), Box<Report>> {
    match statement {
        Syntax::Write(kind, tree) => Ok((*kind, tree)),
        Syntax::Explain { inner, .. } => write_tree(inner),
        other => Err(Box::new(Report::internal(format!("{} is no write", other.keyword())))),
    }
}
