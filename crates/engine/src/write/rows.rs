//! The rows of a write: a query whose columns are what is set and what identifies the object.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::common::ScalarValue;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::sql::sqlparser::ast as sql;
use futures::TryStreamExt;
use strataql_call::{ServerVariables, Value, read_json};
use strataql_diag::{Code, Report, Span};
use strataql_spec::{Location, Param};

use super::statement::{Marker, Target, WriteStatement};
use super::writer::{Chosen, Writer};
use super::{condition, target_error};
use crate::predicate::bindings::value_of;
use crate::resource::ResourceRef;
use crate::statement::Statement;

/// Where the rows come from.
pub(crate) struct RowSource {
    pub(crate) query: sql::Query,
    pub(crate) columns: Vec<SourceColumn>,
    /// A SELECT of the resource finds the rows.
    resolved: bool,
    /// Rows in which one of these columns is NULL match nothing.
    keys: Vec<usize>,
}

/// A column of the source.
#[derive(Debug, Clone)]
pub(crate) struct SourceColumn {
    pub(crate) path: Vec<String>,
    pub(crate) marker: Marker,
}

/// One row to write: values by path.
pub(crate) type Row = Vec<(Vec<String>, CellValue)>;

/// A value of a row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum CellValue {
    Value(Value),
    Null,
}

impl RowSource {
    /// True when a SELECT of the resource finds the rows.
    pub(crate) const fn is_resolved(&self) -> bool {
        self.resolved
    }

    /// A SELECT whose rows are taken as they are.
    pub(super) const fn found(query: sql::Query, columns: Vec<SourceColumn>) -> Self {
        Self { query, columns, resolved: true, keys: Vec::new() }
    }

    /// Keeps rows that mean the same object.
    pub(super) fn forget_keys(&mut self) {
        self.keys.clear();
    }

    pub(crate) fn of(
        resource: &ResourceRef,
        chosen: &Chosen,
        statement: &WriteStatement,
        running: &Statement,
        variables: &ServerVariables,
    ) -> Result<Self, Box<Report>> {
        if let Some(query) = &statement.source {
            let columns = statement
                .assigned
                .iter()
                .map(|assigned| SourceColumn {
                    path: assigned.path.clone(),
                    marker: assigned.marker,
                })
                .collect();
            return Ok(Self { query: query.clone(), columns, resolved: false, keys: Vec::new() });
        }
        let Some(where_clause) = &statement.condition else {
            return Err(no_condition(statement));
        };
        let method = chosen.method();
        let configured =
            |name: &str| method.param(name).is_some_and(|param| is_set(resource, variables, param));
        let constant = statement
            .assigned
            .iter()
            .all(|assigned| assigned.value.as_ref().is_none_or(condition::is_constant));
        let direct = condition::parameters(where_clause, method, &configured)
            .filter(|_| constant && statement.from.is_empty());
        match direct {
            Some(parameters) => Ok(direct_source(statement, parameters)),
            None => {
                check_scope(resource, statement, where_clause, running)?;
                resolved_source(resource, chosen, statement, where_clause, variables)
            }
        }
    }
}

fn no_condition(statement: &WriteStatement) -> Box<Report> {
    let verb = statement.verb().as_str();
    Box::new(
        target_error(
            Code::MissingParam,
            &statement.target,
            format!("{verb} without WHERE would change every object"),
        )
        .with_help("add WHERE with the parameters that name the object"),
    )
}

/// Every combination of the given values, with the constants of SET.
fn direct_source(statement: &WriteStatement, parameters: Vec<condition::ParamValues>) -> RowSource {
    let mut items = Vec::new();
    let mut columns = Vec::new();
    let mut from = Vec::new();
    for (position, parameter) in parameters.iter().enumerate() {
        let alias = format!("k{position}");
        items.push(sql::SelectItem::UnnamedExpr(sql::Expr::CompoundIdentifier(vec![
            quoted(&alias),
            quoted("v"),
        ])));
        columns.push(SourceColumn { path: vec![parameter.name.clone()], marker: Marker::Text });
        let rows = parameter.values.iter().map(|value| vec![value.clone()]).collect();
        from.push(values_item(&alias, &["v".to_owned()], rows));
    }
    let keys = (0..columns.len()).collect();
    push_assigned(statement, &mut items, &mut columns);
    RowSource { query: select(items, from, None), columns, resolved: false, keys }
}

/// True for a server variable with a value from settings or environment.
fn is_set(resource: &ResourceRef, variables: &ServerVariables, param: &Param) -> bool {
    param.location == Location::Server
        && variables.value(&resource.provider.name, resource.resource(), &param.wire).is_some()
}

/// Refuses a condition that selects all objects, unless that is allowed.
fn check_scope(
    resource: &ResourceRef,
    statement: &WriteStatement,
    where_clause: &sql::Expr,
    running: &Statement,
) -> Result<(), Box<Report>> {
    if running.settings.write_all || !scope_only(resource, where_clause) {
        return Ok(());
    }
    Err(Box::new(
        target_error(
            Code::MissingParam,
            &statement.target,
            format!("this {} would change every object of its scope", statement.verb().as_str()),
        )
        .with_help(
            "add a condition that picks objects, or allow it with `--all` (`SET write.all = on`)",
        ),
    ))
}

/// A SELECT of the resource with the statement's own WHERE.
fn resolved_source(
    resource: &ResourceRef,
    chosen: &Chosen,
    statement: &WriteStatement,
    where_clause: &sql::Expr,
    variables: &ServerVariables,
) -> Result<RowSource, Box<Report>> {
    let alias = statement.target.shown_as();
    let mut items = Vec::new();
    let mut columns = Vec::new();
    let mut keys = Vec::new();
    let named = condition::names(Some(where_clause));
    for param in &chosen.method().params {
        let name = &param.name;
        let of_row = || sql::Expr::CompoundIdentifier(vec![quoted(&alias), quoted(name)]);
        let is_parameter = resource.parameters().contains(name);
        let is_named = |name: &String| {
            named.contains(name) || (param.required && !is_set(resource, variables, param))
        };
        let value = match param.location {
            // the write goes to the server of the SELECT: the one in the statement, else the one that
            // settings and defaults give to both
            Location::Server => match condition::only_value(where_clause, name) {
                Some(value) => value,
                // the response has a column of that name, which need not be the server's
                None if resource.is_column(name) && !is_named(name) => continue,
                None if is_parameter => of_row(),
                None if !param.required || is_set(resource, variables, param) => continue,
                None => of_row(),
            },
            _ if param.required => of_row(),
            _ => continue,
        };
        if !is_parameter && !resource.is_column(name) {
            return Err(Box::new(
                target_error(
                    Code::MissingParam,
                    &statement.target,
                    format!("the rows of `{}` do not tell `{name}`", resource.dotted()),
                )
                .with_help(format!("give it: `{name} = '…'`")),
            ));
        }
        // NULL is no key: an optional server variable may have its default
        if param.required {
            keys.push(columns.len());
        }
        items.push(sql::SelectItem::ExprWithAlias {
            expr: value,
            alias: quoted(&format!("key {}", columns.len())),
        });
        columns.push(SourceColumn { path: vec![name.clone()], marker: Marker::Text });
    }
    push_assigned(statement, &mut items, &mut columns);
    let mut from = vec![table_item(&statement.target)];
    from.extend(statement.from.iter().cloned());
    Ok(RowSource {
        query: select(items, from, Some(where_clause.clone())),
        columns,
        resolved: true,
        keys,
    })
}

/// True if the condition names nothing but parameters that are no columns, and constants:
/// `account_id = '…' AND 1 = 1` holds for every object of the scope or for none.
fn scope_only(resource: &ResourceRef, where_clause: &sql::Expr) -> bool {
    use std::ops::ControlFlow;

    let parameters = resource.parameters();
    let is_scope = |name: &str| {
        !resource.is_column(name) && parameters.iter().any(|parameter| parameter == name)
    };
    let found = sql::visit_expressions(where_clause, |part: &sql::Expr| match part {
        sql::Expr::Identifier(name) if !is_scope(&name.value) => ControlFlow::Break(()),
        sql::Expr::CompoundIdentifier(path)
            if path.last().is_none_or(|last| !is_scope(&last.value))
                || path.first().is_some_and(|first| resource.is_column(&first.value)) =>
        {
            ControlFlow::Break(())
        }
        sql::Expr::CompoundFieldAccess { .. }
        | sql::Expr::Subquery(_)
        | sql::Expr::InSubquery { .. }
        | sql::Expr::Exists { .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    found.is_continue()
}

fn push_assigned(
    statement: &WriteStatement,
    items: &mut Vec<sql::SelectItem>,
    columns: &mut Vec<SourceColumn>,
) {
    for (position, assigned) in statement.assigned.iter().enumerate() {
        if let Some(value) = &assigned.value {
            items.push(sql::SelectItem::ExprWithAlias {
                expr: value.clone(),
                alias: quoted(&format!("set {position}")),
            });
            columns.push(SourceColumn { path: assigned.path.clone(), marker: assigned.marker });
        }
    }
}

fn quoted(name: &str) -> sql::Ident {
    sql::Ident::with_quote('"', name)
}

/// The target as an item of FROM.
pub(super) fn table_item(target: &Target) -> sql::TableWithJoins {
    sql::TableWithJoins {
        relation: sql::TableFactor::Table {
            name: target.factor.clone(),
            alias: target.alias.clone(),
            args: None,
            with_hints: vec![],
            version: None,
            with_ordinality: false,
            partitions: vec![],
            json_path: None,
            sample: None,
            index_hints: vec![],
        },
        joins: vec![],
    }
}

/// `(VALUES (…), (…)) AS alias(columns)`.
pub(super) fn values_item(
    alias: &str,
    columns: &[String],
    rows: Vec<Vec<sql::Expr>>,
) -> sql::TableWithJoins {
    let rows = rows.into_iter().map(sql::Parens::with_empty_span).collect();
    let body =
        sql::SetExpr::Values(sql::Values { explicit_row: false, value_keyword: false, rows });
    let columns = columns
        .iter()
        .map(|name| sql::TableAliasColumnDef { name: quoted(name), data_type: None })
        .collect();
    sql::TableWithJoins {
        relation: sql::TableFactor::Derived {
            lateral: false,
            subquery: Box::new(query(body)),
            alias: Some(sql::TableAlias { explicit: true, name: quoted(alias), columns, at: None }),
            sample: None,
        },
        joins: vec![],
    }
}

fn query(body: sql::SetExpr) -> sql::Query {
    sql::Query {
        with: None,
        body: Box::new(body),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: vec![],
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: vec![],
    }
}

/// `SELECT items FROM from WHERE condition`, built on an empty SELECT of the parser's.
pub(crate) fn select(
    items: Vec<sql::SelectItem>,
    from: Vec<sql::TableWithJoins>,
    condition: Option<sql::Expr>,
) -> sql::Query {
    let mut empty = strataql_sql::empty_select();
    empty.projection = items;
    empty.from = from;
    empty.selection = condition;
    query(sql::SetExpr::Select(Box::new(empty)))
}

/// Refuses a source that has more or fewer columns than are named.
pub(super) fn check_width(
    plan: &Arc<dyn ExecutionPlan>,
    source: &RowSource,
    span: Span,
) -> Result<(), Box<Report>> {
    let given = plan.schema().fields().len();
    let named = source.columns.len();
    if given == named {
        return Ok(());
    }
    Err(Box::new(
        Report::new(
            Code::Syntax,
            format!("{named} columns are named, and {given} values are given"),
        )
        .with_label(span, "")
        .with_help("give one value per column"),
    ))
}

/// Reads all rows, at most `limit`.
///
/// # Errors
/// `max-writes` when there are more; reports of the query.
pub(crate) async fn collect(
    writer: &Writer<'_>,
    source: &RowSource,
    limit: usize,
    span: Span,
) -> Result<Vec<Row>, Box<Report>> {
    let relations = writer.statement.relations.open(writer.statement, &source.query).await?;
    let prepared = writer
        .statement
        .prepare_with(relations.as_ref(), |front| {
            front.plan_derived(
                source.query.clone(),
                Arc::clone(&writer.mentioned_identifiers),
                writer.parameters,
            )
        })
        .await?;
    check_width(&prepared.plan, source, span)?;
    let result = writer.statement.execute(prepared)?;
    let mut batches = result.rows;
    let mut rows = Vec::new();
    let mut seen = BTreeSet::new();
    while let Some(batch) = batches.try_next().await? {
        for row in 0..batch.num_rows() {
            let Some(values) = read_row(&batch, row, source)? else { continue };
            // the same object is written once, however often a join or a list names it
            let is_new =
                source.keys.is_empty() || seen.insert(format!("{:?}", key_of(&values, source)));
            if is_new {
                rows.push(values);
            }
            if rows.len() > limit {
                return Err(Box::new(
                    Report::new(
                        Code::MaxWrites,
                        format!("the statement would write more than {limit} rows"),
                    )
                    .with_label(span, "")
                    .with_help(
                        "narrow it, or allow more with `--max-writes N` (`SET max_writes = N`)",
                    )
                    .with_note("nothing was sent"),
                ));
            }
        }
    }
    Ok(rows)
}

fn key_of<'r>(row: &'r Row, source: &RowSource) -> Vec<&'r CellValue> {
    source.keys.iter().map(|key| &row[*key].1).collect()
}

/// A row; `None` when a key is NULL and so names no object.
fn read_row(
    batch: &RecordBatch,
    row: usize,
    source: &RowSource,
) -> Result<Option<Row>, Box<Report>> {
    let schema = batch.schema();
    let mut values = Vec::with_capacity(source.columns.len());
    for (position, column) in source.columns.iter().enumerate() {
        let scalar = ScalarValue::try_from_array(batch.column(position), row)
            .map_err(|error| crate::report_of(&error, ""))?;
        let is_json = schema
            .field(position)
            .metadata()
            .get("ARROW:extension:name")
            .is_some_and(|name| name == "arrow.json");
        let given = match value_of(&scalar) {
            None => CellValue::Null,
            Some(value) => CellValue::Value(marked(value, column, is_json)?),
        };
        if given == CellValue::Null && source.keys.contains(&position) {
            return Ok(None);
        }
        values.push((column.path.clone(), given));
    }
    Ok(Some(values))
}

fn marked(value: Value, column: &SourceColumn, is_json: bool) -> Result<Value, Box<Report>> {
    match (value, column.marker) {
        (Value::Text(text), Marker::Json) => match read_json(&text) {
            Ok(json) => Ok(Value::Json(json)),
            Err(error) => Err(Box::new(
                Report::new(
                    Code::BadParamValue,
                    format!(
                        "`{}` is given JSON text that is not valid: {error}",
                        column.path.join(".")
                    ),
                )
                .with_help("correct the text inside `JSON(…)`"),
            )),
        },
        (value, Marker::Json | Marker::Text) => Ok(value),
        (Value::Text(text), Marker::None) if is_json => {
            Ok(read_json(&text).map_or(Value::Text(text), Value::Json))
        }
        (value, Marker::None) => Ok(value),
    }
}
