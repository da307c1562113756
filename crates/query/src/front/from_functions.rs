//! Functions in FROM, as PostgreSQL has them.
//!
//! Owns: `unnest` under each of its spellings, calls of a function that gives one value, `WITH ORDINALITY`,
//! series whose bounds are columns, and the column that is named as the alias of a call.
//! Refuses: functions over JSON, which are planned by themselves (`JsonRows`).
//! Surprise: a query may come here twice, so each rewrite leaves what it made as it is.

use std::ops::ControlFlow;

use datafusion::execution::SessionState;
use datafusion::sql::sqlparser::ast::{
    DataType, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, JoinOperator,
    ObjectName, Query, Select, SelectItem, SetExpr, TableAlias, TableAliasColumnDef, TableFactor,
    TableWithJoins, Value, VisitMut, VisitorMut, WildcardAdditionalOptions, WindowSpec, WindowType,
    visit_expressions,
};
use strataql_diag::{Code, Report};
use strataql_functions::is_row_function;

use super::Tables;
use super::pg_catalog;
use super::rewrite::{call_of, has_column};
use super::wildcards::{full_name, name_parts};

/// Rewrites the functions in FROM of a query.
///
/// # Errors
/// `WITH ORDINALITY` of a call that reads the tables before it.
pub(super) fn rewrite(
    query: &mut Query,
    tables: &Tables,
    state: &SessionState,
) -> Result<(), Box<Report>> {
    match query.visit(&mut Functions { tables, state }) {
        ControlFlow::Break(report) => Err(report),
        ControlFlow::Continue(()) => Ok(()),
    }
}

struct Functions<'a> {
    tables: &'a Tables,
    state: &'a SessionState,
}

impl VisitorMut for Functions<'_> {
    type Break = Box<Report>;

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Self::Break> {
        if !has_call(select) {
            return ControlFlow::Continue(());
        }
        let whole = select.clone();
        for (at, item) in select.from.iter_mut().enumerate() {
            if let Err(report) = self.item(item, at > 0, &whole) {
                return ControlFlow::Break(report);
            }
        }
        ControlFlow::Continue(())
    }
}

/// True if FROM has anything but tables.
fn has_call(select: &Select) -> bool {
    let is_call = |factor: &TableFactor| match factor {
        TableFactor::Table { args, .. } => args.is_some(),
        TableFactor::Derived { .. } => false,
        _ => true,
    };
    select.from.iter().any(|item| {
        is_call(&item.relation) || item.joins.iter().any(|join| is_call(&join.relation))
    })
}

/// A call in FROM: the name as it is written and in lower case, and the arguments.
struct Call {
    written: ObjectName,
    name: String,
    args: Vec<FunctionArg>,
    alias: Option<TableAlias>,
    with_ordinality: bool,
}

impl Functions<'_> {
    fn item(
        &self,
        item: &mut TableWithJoins,
        is_after: bool,
        select: &Select,
    ) -> Result<(), Box<Report>> {
        self.factor(&mut item.relation, is_after, select)?;
        for join in &mut item.joins {
            let is_own = matches!(
                join.join_operator,
                JoinOperator::Right(_) | JoinOperator::RightOuter(_) | JoinOperator::FullOuter(_)
            );
            self.factor(&mut join.relation, !is_own, select)?;
        }
        Ok(())
    }

    /// Rewrites one item of FROM. `is_after` says that it may read items before it.
    fn factor(
        &self,
        factor: &mut TableFactor,
        is_after: bool,
        select: &Select,
    ) -> Result<(), Box<Report>> {
        if let TableFactor::NestedJoin { table_with_joins, .. } = factor {
            return self.item(table_with_joins, is_after, select);
        }
        if is_row_function(factor) {
            return Ok(());
        }
        let Some(mut call) = self.call(factor) else { return Ok(()) };
        let reads_columns = reads_columns(&call.args);
        if call.with_ordinality {
            if reads_columns && is_after {
                return Err(Box::new(
                    Report::new(
                        Code::UnsupportedSyntax,
                        format!(
                            "`{}` cannot be numbered where it reads the tables before it",
                            call.name
                        ),
                    )
                    .with_help("leave out WITH ORDINALITY, or number the rows with row_number()"),
                ));
            }
            call.with_ordinality = false;
            let alias = call.named();
            call.alias = Some(TableAlias { columns: Vec::new(), ..alias.clone() });
            let mut inner = call.restored(factor);
            self.factor(&mut inner, false, select)?;
            *factor = numbered(inner, alias);
            return Ok(());
        }
        let is_series = matches!(call.name.as_str(), "generate_series" | "range");
        if call.name == "unnest" || (is_series && reads_columns) {
            *factor = call.unnested(reads_columns, select);
        } else if is_series {
            if let Some(alias) = &mut call.alias
                && alias.columns.is_empty()
                && is_used(select, &alias.name)
            {
                alias.columns = vec![column(&alias.name)];
                *factor = call.restored(factor);
            }
        } else if !self.is_table_function(&call.name) {
            *factor = call.row(reads_columns && is_after);
        }
        Ok(())
    }

    fn call(&self, factor: &TableFactor) -> Option<Call> {
        let (written, args, alias, with_ordinality) = match factor {
            TableFactor::Table { name, args: Some(args), alias, with_ordinality, .. } => {
                let parts = name_parts(name)?;
                // it stands for an EXEC
                if args.args.is_empty() && self.tables.get(&full_name(&parts)).is_some() {
                    return None;
                }
                (name.clone(), args.args.clone(), alias, *with_ordinality)
            }
            TableFactor::Function { name, args, alias, with_ordinality, .. } => {
                (name.clone(), args.clone(), alias, *with_ordinality)
            }
            TableFactor::UNNEST {
                alias, array_exprs, with_offset: false, with_ordinality, ..
            } => {
                let unnamed =
                    |expr: &Expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr.clone()));
                let args = array_exprs.iter().map(unnamed).collect();
                (ObjectName::from(vec![Ident::new("unnest")]), args, alias, *with_ordinality)
            }
            _ => return None,
        };
        let parts = name_parts(&written)?;
        let name = match parts.as_slice() {
            [one] => one,
            [schema, one] if schema.eq_ignore_ascii_case(pg_catalog::SCHEMA) => one,
            _ => return None,
        };
        let name = name.to_lowercase();
        Some(Call { written, name, args, alias: alias.clone(), with_ordinality })
    }

    fn is_table_function(&self, name: &str) -> bool {
        name == "pg_get_keywords" || self.state.table_functions().contains_key(name)
    }
}

impl Call {
    /// The alias, which is the name of the function where there is none.
    fn named(&self) -> TableAlias {
        self.alias.clone().unwrap_or_else(|| TableAlias {
            explicit: true,
            name: Ident::with_quote('"', self.name.clone()),
            columns: Vec::new(),
            at: None,
        })
    }

    fn exprs(&self) -> Vec<Expr> {
        let exprs = self.args.iter().filter_map(expr_of);
        exprs.cloned().collect()
    }

    /// The call in the form that it had.
    fn restored(self, factor: &TableFactor) -> TableFactor {
        let mut restored = factor.clone();
        match &mut restored {
            TableFactor::Table { alias, with_ordinality, .. }
            | TableFactor::Function { alias, with_ordinality, .. }
            | TableFactor::UNNEST { alias, with_ordinality, .. } => {
                *alias = self.alias;
                *with_ordinality = self.with_ordinality;
            }
            _ => {}
        }
        restored
    }

    /// `unnest(x)`, of a series `unnest(generate_series(a, b))`.
    fn unnested(self, reads_columns: bool, select: &Select) -> TableFactor {
        let mut alias = self.named();
        let is_series = self.name != "unnest";
        let array_exprs =
            if is_series { vec![call_of(&self.name, self.exprs())] } else { self.exprs() };
        if alias.columns.is_empty() && array_exprs.len() == 1 {
            let name = if is_series && !is_used(select, &alias.name) {
                Ident::new("value")
            } else {
                alias.name.clone()
            };
            alias.columns = vec![column(&name)];
        }
        if !reads_columns {
            // DataFusion takes each of them for lateral, which RIGHT JOIN does not allow
            let mut select = strataql_sql::empty_select();
            let unnest = |array| SelectItem::UnnamedExpr(call_of("unnest", vec![array]));
            select.projection = array_exprs.into_iter().map(unnest).collect();
            return derived(select, false, alias);
        }
        TableFactor::UNNEST {
            alias: Some(alias),
            array_exprs,
            with_offset: false,
            with_offset_alias: None,
            with_ordinality: false,
        }
    }

    /// A function of one value: a table with one row.
    fn row(self, lateral: bool) -> TableFactor {
        let alias = self.named();
        let mut expr = call_of(&self.name, Vec::new());
        if let Expr::Function(function) = &mut expr {
            function.name = self.written;
            if let FunctionArguments::List(list) = &mut function.args {
                list.args = self.args;
            }
        }
        let mut select = strataql_sql::empty_select();
        select.projection = vec![SelectItem::ExprWithAlias { expr, alias: alias.name.clone() }];
        derived(select, lateral, alias)
    }
}

/// No row, under the names of an alias.
pub(super) fn nothing(alias: &TableAlias) -> TableFactor {
    let null = || Expr::value(Value::Null);
    let names = alias.columns.iter().map(|column| column.name.clone());
    let mut select = strataql_sql::empty_select();
    select.projection =
        names.map(|alias| SelectItem::ExprWithAlias { expr: null(), alias }).collect();
    select.selection = Some(Expr::value(Value::Boolean(false)));
    derived(select, false, alias.clone())
}

/// Rows beside their numbers, in the column `ordinality`.
fn numbered(inner: TableFactor, alias: TableAlias) -> TableFactor {
    let mut number = call_of("row_number", Vec::new());
    if let Expr::Function(function) = &mut number {
        function.over = Some(WindowType::WindowSpec(WindowSpec {
            window_name: None,
            partition_by: Vec::new(),
            order_by: Vec::new(),
            window_frame: None,
        }));
    }
    let number = pg_catalog::cast(number, DataType::BigInt(None));
    let mut select = strataql_sql::empty_select();
    select.projection = vec![
        SelectItem::Wildcard(WildcardAdditionalOptions::default()),
        SelectItem::ExprWithAlias { expr: number, alias: Ident::new("ordinality") },
    ];
    select.from = vec![TableWithJoins { relation: inner, joins: Vec::new() }];
    derived(select, false, alias)
}

fn derived(select: Select, lateral: bool, alias: TableAlias) -> TableFactor {
    let subquery = Query {
        with: None,
        body: Box::new(SetExpr::Select(Box::new(select))),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: Vec::new(),
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: Vec::new(),
    };
    let subquery = Box::new(subquery);
    TableFactor::Derived { lateral, subquery, alias: Some(alias), sample: None }
}

fn column(name: &Ident) -> TableAliasColumnDef {
    TableAliasColumnDef { name: name.clone(), data_type: None }
}

fn expr_of(argument: &FunctionArg) -> Option<&Expr> {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))
        | FunctionArg::Named { arg: FunctionArgExpr::Expr(expr), .. } => Some(expr),
        _ => None,
    }
}

fn reads_columns(args: &[FunctionArg]) -> bool {
    args.iter().filter_map(expr_of).any(has_column)
}

/// True if a SELECT uses the name of a table as that of a column: `i`, `i.i`.
fn is_used(select: &Select, table: &Ident) -> bool {
    let is_table = |part: &Ident| part.value.eq_ignore_ascii_case(&table.value);
    let used = visit_expressions(select, |expr| match expr {
        Expr::Identifier(name) if is_table(name) => ControlFlow::Break(()),
        Expr::CompoundIdentifier(parts) if parts.len() == 2 && parts.iter().all(is_table) => {
            ControlFlow::Break(())
        }
        _ => ControlFlow::Continue(()),
    });
    used.is_break()
}
