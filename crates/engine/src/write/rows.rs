//! The rows of a write: a query whose columns are what is set and what names the object.
//!
//! Owns: which query that is. WHERE as nothing but values of the method is its own rows; any other WHERE is
//! asked with a SELECT of the resource.
//! Refuses: reading them.

use std::ops::Range;
use std::sync::Arc;

use datafusion::sql::sqlparser::ast as sql;
use strataql_call::ServerVariables;
use strataql_diag::{Code, Report, Span};
use strataql_query::resource::ResourceRef;
use strataql_query::statement::{PreparedQuery, Statement};
use strataql_spec::{ColumnType, Location, Param, SqlVerb};

use super::cells::{self, SourceColumn};
use super::chosen::Chosen;
use super::condition::{self, ParamValues, Scope, ScopeNames};
use super::method;
use super::statement::{Target, WriteStatement};
use super::writer::Writer;

/// Where the rows come from.
pub(crate) struct RowSource {
    pub(crate) query: sql::Query,
    pub(crate) columns: Vec<SourceColumn>,
    /// `provider.service.resource` of what is written.
    pub(super) resource: String,
    /// A SELECT of the resource finds the rows.
    resolved: bool,
    /// Columns that name the object.
    pub(super) keys: Vec<usize>,
    /// Rows that name the same object are one write.
    pub(super) is_distinct: bool,
    /// What the rows must be, in columns behind `columns`.
    pub(super) asked: Vec<Asked>,
}

/// A name that WHERE asks for, and that the rows show as well.
pub(super) struct Asked {
    pub(super) name: String,
    /// Its column of keys, if it is one.
    pub(super) key: Option<usize>,
    /// The column with what the row shows.
    pub(super) shown: usize,
    /// The columns with what was asked for.
    pub(super) values: Range<usize>,
}

/// A query while it is put together.
#[derive(Default)]
struct Parts {
    items: Vec<sql::SelectItem>,
    columns: Vec<SourceColumn>,
    keys: Vec<usize>,
}

impl Parts {
    fn key(&mut self, name: &str, value: sql::Expr, is_key: bool) {
        // NULL is no key: an optional host may have its default
        if is_key {
            self.keys.push(self.columns.len());
        }
        self.items.push(item(value, &format!("key {}", self.columns.len())));
        self.columns.push(SourceColumn::key(name));
    }
}

impl RowSource {
    /// True when a SELECT of the resource finds the rows.
    pub(crate) const fn is_resolved(&self) -> bool {
        self.resolved
    }

    /// A SELECT whose rows are taken as they are. Behind the columns are pairs of what the row shows and what
    /// it was asked for, by name.
    pub(super) fn found(
        resource: &ResourceRef,
        query: sql::Query,
        columns: Vec<SourceColumn>,
        compared: &[String],
    ) -> Self {
        let mut asked = Vec::new();
        for (number, name) in compared.iter().enumerate() {
            let shown = columns.len() + 2 * number;
            asked.push(Asked {
                name: name.clone(),
                key: None,
                shown,
                values: shown + 1..shown + 2,
            });
        }
        Self {
            query,
            columns,
            resource: resource.dotted(),
            resolved: true,
            keys: Vec::new(),
            is_distinct: false,
            asked,
        }
    }

    /// Keeps rows that mean the same object.
    pub(super) fn forget_keys(&mut self) {
        self.keys.clear();
        self.is_distinct = false;
    }

    /// The source of a statement's rows.
    ///
    /// # Errors
    /// `missing-param` for a WHERE that is missing or names too little, `ambiguous-name` for what is set twice.
    pub(crate) fn of(
        resource: &ResourceRef,
        chosen: &Chosen,
        statement: &WriteStatement,
        running: &Statement,
        variables: &ServerVariables,
    ) -> Result<Self, Box<Report>> {
        let assigned = &statement.assigned;
        let to = cells::destinations(resource, chosen.verb, chosen.method(), assigned)?;
        let set: Vec<SourceColumn> = assigned
            .iter()
            .zip(to)
            .map(|(one, to)| SourceColumn { path: one.path.clone(), marker: one.marker, to })
            .collect();
        if let Some(query) = &statement.source {
            return Ok(Self {
                query: query.clone(),
                columns: set,
                resource: resource.dotted(),
                resolved: false,
                keys: Vec::new(),
                is_distinct: false,
                asked: Vec::new(),
            });
        }
        let Some(where_clause) = &statement.condition else {
            let schemas = &resource.service.schemas;
            let is_only = resource.resource().is_singleton(schemas, chosen.method());
            if is_only && chosen.verb != SqlVerb::Delete && statement.from.is_empty() {
                return Ok(direct_source(resource, statement, Vec::new(), set));
            }
            return Err(no_condition(statement));
        };
        let is_constant = assigned
            .iter()
            .all(|assigned| assigned.value.as_ref().is_none_or(condition::is_constant));
        let values = is_constant && statement.from.is_empty();
        let values = values.then(|| given_values(chosen, statement, where_clause)).flatten();
        let configured = |param: &Param| is_set(resource, variables, param);
        match values.filter(|values| names_all(chosen, values, &configured)) {
            Some(values) => Ok(direct_source(resource, statement, values, set)),
            None => {
                check_scope(resource, statement, (chosen, running))?;
                resolved_source(resource, chosen, statement, (where_clause, variables), set)
            }
        }
    }

    /// Plans the query.
    ///
    /// # Errors
    /// `syntax` if it has more or fewer columns than are named; reports of planning.
    pub(crate) async fn prepare(
        &self,
        writer: &Writer<'_>,
        span: Span,
    ) -> Result<PreparedQuery, Box<Report>> {
        let statement = writer.statement;
        let relations = statement.relations.open(statement, &self.query).await?;
        let words = Arc::clone(&writer.mentioned_identifiers);
        let prepared = statement
            .prepare_with(relations.as_ref(), |front| {
                front.plan_derived(self.query.clone(), words, writer.parameters)
            })
            .await?;
        let named = self.columns.len();
        let behind: usize = self.asked.iter().map(|asked| 1 + asked.values.len()).sum();
        let given = prepared.plan.schema().fields().len();
        if given == named + behind {
            return Ok(prepared);
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
}

fn no_condition(statement: &WriteStatement) -> Box<Report> {
    let message = format!("{} without WHERE would change every object", statement.verb().as_str());
    let report = statement.target.error(Code::MissingParam, message);
    Box::new(report.with_help("add WHERE with the parameters that name the object"))
}

/// The values of WHERE, if it is nothing but values that the method takes.
fn given_values(
    chosen: &Chosen,
    statement: &WriteStatement,
    where_clause: &sql::Expr,
) -> Option<Vec<ParamValues>> {
    let method = chosen.method();
    let takes = |name: &str| takes(chosen, name);
    let mut values = condition::only_values(&Scope::of(&statement.target), where_clause, &takes)?;
    for found in &mut values {
        if let Some(param) = method.param(&found.name) {
            found.name.clone_from(&param.name);
        }
    }
    Some(values)
}

/// True if a method takes a value of WHERE.
fn takes(chosen: &Chosen, name: &str) -> bool {
    let method = chosen.method();
    let property = method.body.as_ref().and_then(|body| body.property(name));
    let is_key = property.is_some_and(|property| {
        chosen.verb == SqlVerb::Delete || chosen.keys.iter().any(|key| key == property.plain_name())
    });
    method.param(name).is_some() || is_key
}

/// True if values name all that the method needs, or settings do.
fn names_all(chosen: &Chosen, values: &[ParamValues], configured: &dyn Fn(&Param) -> bool) -> bool {
    let method = chosen.method();
    let property = |name: &str| method.body.as_ref().and_then(|body| body.property(name));
    let is_given = |key: &String| {
        values.iter().any(|value| {
            value.name == *key
                || (method.param(key).is_none()
                    && property(&value.name).is_some_and(|it| it.plain_name() == key))
        })
    };
    let mut hosts = method.required_params().filter(|param| param.location == Location::Server);
    chosen.keys.iter().all(is_given)
        && hosts.all(|param| configured(param) || is_given(&param.name))
}

/// Every combination of the given values, with the constants of SET.
fn direct_source(
    resource: &ResourceRef,
    statement: &WriteStatement,
    values: Vec<ParamValues>,
    set: Vec<SourceColumn>,
) -> RowSource {
    let mut parts = Parts::default();
    let mut from = Vec::new();
    for (position, given) in values.into_iter().enumerate() {
        let alias = format!("k{position}");
        let value = sql::Expr::CompoundIdentifier(vec![quoted(&alias), quoted("v")]);
        parts.key(&given.name, value, true);
        let rows = given.values.into_iter().map(|value| vec![value]).collect();
        from.push(values_item(&alias, &["v".to_owned()], rows));
    }
    push_assigned(statement, &mut parts, set);
    RowSource {
        query: select(parts.items, from, None),
        columns: parts.columns,
        resource: resource.dotted(),
        resolved: false,
        keys: parts.keys,
        is_distinct: true,
        asked: Vec::new(),
    }
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
    (chosen, running): (&Chosen, &Statement),
) -> Result<(), Box<Report>> {
    if running.settings.write_all || !scope_only(resource, chosen, statement) {
        return Ok(());
    }
    let given = method::given(resource, statement);
    let schemas = &resource.service.schemas;
    if resource.resource().names_object(schemas, chosen.method(), &given) {
        return Ok(());
    }
    Err(Box::new(
        statement
            .target
            .error(
                Code::MissingParam,
                format!(
                    "this {} would change every object of its scope",
                    statement.verb().as_str()
                ),
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
    (where_clause, variables): (&sql::Expr, &ServerVariables),
    set: Vec<SourceColumn>,
) -> Result<RowSource, Box<Report>> {
    let alias = statement.target.shown_as();
    let scope = Scope::of(&statement.target);
    let of_row = |name: &str| sql::Expr::CompoundIdentifier(vec![quoted(&alias), quoted(name)]);
    let known = resource.parameters();
    let is_known = |name: &str| resource.is_column(name) || known.iter().any(|known| known == name);
    let mut parts = Parts::default();
    for name in &chosen.keys {
        let value = if is_known(name) {
            of_row(name)
        } else {
            condition::only_value(&scope, where_clause, name)
                .ok_or_else(|| untold(resource, statement, name))?
        };
        parts.key(name, value, true);
    }
    let hosts = chosen.method().params.iter().filter(|param| param.location == Location::Server);
    for param in hosts {
        if let Some(value) = host(resource, variables, (&scope, where_clause), param, &of_row) {
            parts.key(&param.name, value, param.required);
        }
    }
    let mut conditions = Vec::new();
    for part in condition::conjuncts(where_clause) {
        let taken = scope.values(part).filter(|it| takes(chosen, &it.name));
        // an option of the request that no SELECT knows is no condition on rows
        if taken.as_ref().is_none_or(|it| is_known(&it.name)) {
            conditions.push(part.clone());
        }
        let Some(mut option) = taken else { continue };
        if parts.columns.iter().any(|column| column.path == [option.name.as_str()]) {
            continue;
        }
        let is_column = resource.is_column(&option.name);
        if option.values.len() == 1 {
            parts.key(&option.name, option.values.remove(0), is_column);
        } else if is_known(&option.name) {
            parts.key(&option.name, of_row(&option.name), is_column);
        } else {
            return Err(untold(resource, statement, &option.name));
        }
    }
    push_assigned(statement, &mut parts, set);
    let asked = push_asked(resource, &scope, &conditions, &mut parts, &of_row);
    let condition = conditions.into_iter().reduce(|left, right| sql::Expr::BinaryOp {
        left: Box::new(left),
        op: sql::BinaryOperator::And,
        right: Box::new(right),
    });
    let mut from = vec![table_item(&statement.target)];
    from.extend(statement.from.iter().cloned());
    Ok(RowSource {
        query: select(parts.items, from, condition),
        columns: parts.columns,
        resource: resource.dotted(),
        resolved: true,
        keys: parts.keys,
        is_distinct: true,
        asked,
    })
}

fn untold(resource: &ResourceRef, statement: &WriteStatement, name: &str) -> Box<Report> {
    let message = format!("the rows of `{}` do not tell `{name}`", resource.dotted());
    let report = statement.target.error(Code::MissingParam, message);
    Box::new(report.with_help(format!("give it: `{name} = '…'`")))
}

/// The host that a write goes to, if the statement or the rows tell it: the one of the SELECT. Otherwise it is
/// the one that settings and defaults give to both.
fn host(
    resource: &ResourceRef,
    variables: &ServerVariables,
    (scope, where_clause): (&Scope, &sql::Expr),
    param: &Param,
    of_row: &dyn Fn(&str) -> sql::Expr,
) -> Option<sql::Expr> {
    let name = &param.name;
    if let Some(value) = condition::only_value(scope, where_clause, name) {
        return Some(value);
    }
    let is_needed = param.required && !is_set(resource, variables, param);
    let is_named = condition::conjuncts(where_clause)
        .into_iter()
        .any(|part| scope.values(part).is_some_and(|values| values.name == *name));
    // the response has a column of that name, which need not be the server's
    if resource.is_column(name) && !is_named && !is_needed {
        return None;
    }
    (resource.parameters().contains(name) || is_needed).then(|| of_row(name))
}

/// Adds what was asked for, where the rows show it as well.
fn push_asked(
    resource: &ResourceRef,
    scope: &Scope,
    conditions: &[sql::Expr],
    parts: &mut Parts,
    of_row: &dyn Fn(&str) -> sql::Expr,
) -> Vec<Asked> {
    let mut all: Vec<Asked> = Vec::new();
    for part in conditions {
        let Some((name, values)) = scope.compared(part) else { continue };
        if !is_compared(resource, &name) || all.iter().any(|asked| asked.name == name) {
            continue;
        }
        let key = parts.keys.iter().copied().find(|key| parts.columns[*key].path == [name.clone()]);
        let shown = parts.items.len();
        parts.items.push(item(of_row(&name), &format!("shown {shown}")));
        let first = parts.items.len();
        for value in values {
            parts.items.push(item(value.clone(), &format!("asked {}", parts.items.len())));
        }
        all.push(Asked { name, key, shown, values: first..parts.items.len() });
    }
    all
}

/// True for a name by which a SELECT asks for objects, and which the rows show: such a condition is not
/// checked again.
pub(super) fn is_compared(resource: &ResourceRef, name: &str) -> bool {
    let is_asked = resource.select_methods().any(|method| {
        method.input(name).is_some_and(|input| {
            input.location != Some(Location::Server)
                && (input.required || input.location == Some(Location::Path))
        })
    });
    let is_plain = |kind: ColumnType| matches!(kind, ColumnType::Text | ColumnType::Integer);
    is_asked && resource.columns().iter().any(|column| column.name == name && is_plain(column.kind))
}

/// True if the condition holds for every object of the scope or for none: `account_id = '…' AND 1 = 1`.
fn scope_only(resource: &ResourceRef, chosen: &Chosen, statement: &WriteStatement) -> bool {
    let parameters = resource.parameters();
    let is_scope = |name: &str| {
        let is_parameter = parameters.iter().any(|parameter| parameter == name);
        resource.resource().is_scope(name)
            || (!resource.is_column(name) && (is_parameter || takes(chosen, name)))
    };
    let is_column = |name: &str| resource.is_column(name);
    let names = ScopeNames { is_scope: &is_scope, is_column: &is_column };
    let condition = statement.condition.as_ref();
    !condition.is_some_and(|all| Scope::of(&statement.target).picks(all, &names))
}

fn push_assigned(statement: &WriteStatement, parts: &mut Parts, set: Vec<SourceColumn>) {
    for (position, (assigned, column)) in statement.assigned.iter().zip(set).enumerate() {
        if let Some(value) = &assigned.value {
            parts.items.push(item(value.clone(), &format!("set {position}")));
            parts.columns.push(column);
        }
    }
}

fn item(expr: sql::Expr, alias: &str) -> sql::SelectItem {
    sql::SelectItem::ExprWithAlias { expr, alias: quoted(alias) }
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
            subquery: Box::new(strataql_sql::query_of(body)),
            alias: Some(sql::TableAlias { explicit: true, name: quoted(alias), columns, at: None }),
            sample: None,
        },
        joins: vec![],
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
    strataql_sql::query_of(sql::SetExpr::Select(Box::new(empty)))
}
