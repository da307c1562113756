//! The parts of a write, read from its tree.

use datafusion::sql::sqlparser::ast as sql;
use datafusion::sql::sqlparser::ast::Spanned;
use strataql_call::read_json;
use strataql_diag::{Code, LineColumn, Report, Span};
use strataql_query::resource::ResourceRef;
use strataql_query::statement::Statement;
use strataql_spec::SqlVerb;
use strataql_sql::{Name, NamePart, WriteKind, relations};

use super::conflict::Conflict;
use super::hints;

/// A write.
pub(crate) struct WriteStatement {
    pub(crate) kind: WriteKind,
    pub(crate) target: Target,
    /// What is set: INSERT columns, or SET targets; each a path of names.
    pub(crate) assigned: Vec<Assigned>,
    /// INSERT: the query that gives the rows.
    pub(crate) source: Option<sql::Query>,
    /// UPDATE … FROM.
    pub(crate) from: Vec<sql::TableWithJoins>,
    pub(crate) condition: Option<sql::Expr>,
    pub(crate) returning: Option<Vec<sql::SelectItem>>,
    /// Parameters that have their defaults.
    pub(crate) defaulted: Vec<(String, String)>,
    /// Words of its hints, upper case.
    pub(crate) hints: Vec<String>,
    /// ON CONFLICT.
    pub(crate) conflict: Option<Conflict>,
}

/// The resource that is written.
pub(crate) struct Target {
    pub(crate) name: Name,
    pub(crate) factor: sql::ObjectName,
    pub(crate) alias: Option<sql::TableAlias>,
}

/// One thing that is set.
#[derive(Clone)]
pub(crate) struct Assigned {
    /// `token_access_policy`, `access_token_ttl_in_minutes`.
    pub(crate) path: Vec<String>,
    pub(crate) span: Span,
    /// The value, for SET; INSERT has its values in the source.
    pub(crate) value: Option<sql::Expr>,
    pub(crate) marker: Marker,
}

/// How text is meant: `JSON('…')` is a structure, `string('…')` is text whatever it looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Marker {
    /// As the schema says.
    #[default]
    None,
    Json,
    Text,
}

impl WriteStatement {
    /// Reads the tree.
    ///
    /// # Errors
    /// `unsupported-syntax` for clauses without a meaning here.
    pub(crate) fn read(
        kind: WriteKind,
        tree: &sql::Statement,
        text: &str,
    ) -> Result<Self, Box<Report>> {
        match tree {
            sql::Statement::Insert(insert) => read_insert(kind, insert, text),
            sql::Statement::Update(update) => read_update(kind, update, text),
            sql::Statement::Delete(delete) => read_delete(kind, delete, text),
            other => Err(Box::new(Report::internal(format!("`{other}` is no write")))),
        }
    }

    pub(crate) fn verb(&self) -> SqlVerb {
        match self.kind {
            WriteKind::Insert => SqlVerb::Insert,
            WriteKind::Update => SqlVerb::Update,
            WriteKind::Replace => SqlVerb::Replace,
            WriteKind::Delete => SqlVerb::Delete,
        }
    }

    /// True if names of its condition may be those of other relations.
    pub(super) fn reads_others(&self) -> bool {
        use std::ops::ControlFlow;

        let has_subquery = |condition: &sql::Expr| {
            let found = sql::visit_expressions(condition, |part: &sql::Expr| match part {
                sql::Expr::Subquery(_)
                | sql::Expr::InSubquery { .. }
                | sql::Expr::Exists { .. } => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            });
            found.is_break()
        };
        !self.from.is_empty() || self.condition.as_ref().is_some_and(has_subquery)
    }

    /// Relations that the statement reads beside its target.
    pub(crate) fn relations(&self, text: &str) -> Vec<Name> {
        let mut all = Vec::new();
        if let Some(source) = &self.source {
            all.extend(relations(source, text));
        }
        if let Some(condition) = &self.condition {
            all.extend(relations(condition, text));
        }
        for item in &self.from {
            all.extend(relations(item, text));
        }
        for value in self.assigned.iter().filter_map(|assigned| assigned.value.as_ref()) {
            all.extend(relations(value, text));
        }
        all.into_iter().map(|relation| relation.name).collect()
    }
}

impl Target {
    pub(crate) fn resource(&self, statement: &Statement) -> Result<ResourceRef, Box<Report>> {
        statement.resource(&self.name)
    }

    /// An error that is about the resource, with where it stands.
    pub(super) fn error(&self, code: Code, message: String) -> Report {
        Report::new(code, message).with_label(self.name.span, "")
    }

    /// The name by which the statement's expressions call it.
    pub(super) fn shown_as(&self) -> String {
        self.alias.as_ref().map_or_else(
            || self.name.parts.last().map(|part| part.value.clone()).unwrap_or_default(),
            |alias| alias.name.value.clone(),
        )
    }

    fn of(factor: &sql::TableFactor, text: &str) -> Result<Self, Box<Report>> {
        match factor {
            sql::TableFactor::Table { name, alias, args: None, .. } => {
                Ok(Self { name: name_of(name, text)?, factor: name.clone(), alias: alias.clone() })
            }
            other => {
                Err(unsupported("a write to something that is no resource", other.span(), text))
            }
        }
    }
}

fn read_insert(
    kind: WriteKind,
    insert: &sql::Insert,
    text: &str,
) -> Result<WriteStatement, Box<Report>> {
    let sql::TableObject::TableName(name) = &insert.table else {
        return Err(unsupported("INSERT into a function", insert.table.span(), text));
    };
    let Some(source) = insert.source.as_deref().cloned() else {
        return Err(unsupported("INSERT without VALUES or SELECT", name.span(), text));
    };
    let mut source = source;
    let assigned = insert
        .columns
        .iter()
        .map(|column| {
            Ok(Assigned {
                path: path_of(column),
                span: span_of(column.span(), text),
                value: None,
                marker: Marker::None,
            })
        })
        .collect::<Result<Vec<_>, Box<Report>>>()?;
    if assigned.is_empty() {
        return Err(Box::new(
            Report::new(Code::Syntax, "INSERT into a resource names its columns")
                .with_label(span_of(name.span(), text), "")
                .with_help("write `INSERT INTO resource (column, …) SELECT value, …`"),
        ));
    }
    let mut assigned = assigned;
    take_markers(&mut source.body, &mut assigned);
    Ok(WriteStatement {
        kind,
        target: Target { name: name_of(name, text)?, factor: name.clone(), alias: None },
        assigned,
        source: Some(source),
        from: Vec::new(),
        condition: None,
        returning: insert.returning.clone(),
        defaulted: Vec::new(),
        hints: hints_of(&insert.optimizer_hints),
        conflict: insert.on.as_ref().map(|on| Conflict::read(on, text)).transpose()?,
    })
}

fn read_update(
    kind: WriteKind,
    update: &sql::Update,
    text: &str,
) -> Result<WriteStatement, Box<Report>> {
    let target = Target::of(&update.table.relation, text)?;
    if !update.order_by.is_empty() || update.limit.is_some() || update.or.is_some() {
        return Err(unsupported("UPDATE … ORDER BY or LIMIT", update.table.relation.span(), text));
    }
    let from = match &update.from {
        None => Vec::new(),
        Some(
            sql::UpdateTableFromKind::BeforeSet(items) | sql::UpdateTableFromKind::AfterSet(items),
        ) => items.clone(),
    };
    let assigned = update
        .assignments
        .iter()
        .map(|assignment| {
            let sql::AssignmentTarget::ColumnName(name) = &assignment.target else {
                return Err(unsupported("SET of several columns at once", assignment.span(), text));
            };
            let (value, marker) = unmarked(&assignment.value);
            Ok(Assigned {
                path: without_alias(path_of(name), &target),
                span: span_of(name.span(), text),
                value: Some(value),
                marker,
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(WriteStatement {
        kind,
        target,
        assigned,
        source: None,
        from,
        condition: update.selection.clone(),
        returning: update.returning.clone(),
        defaulted: Vec::new(),
        hints: hints_of(&update.optimizer_hints),
        conflict: None,
    })
}

fn read_delete(
    kind: WriteKind,
    delete: &sql::Delete,
    text: &str,
) -> Result<WriteStatement, Box<Report>> {
    let tables = match &delete.from {
        sql::FromTable::WithFromKeyword(tables) | sql::FromTable::WithoutKeyword(tables) => tables,
    };
    let [table] = tables.as_slice() else {
        return Err(Box::new(
            Report::new(Code::UnsupportedSyntax, "DELETE names exactly one resource")
                .with_help("delete from each resource with a statement of its own"),
        ));
    };
    let target = Target::of(&table.relation, text)?;
    if !delete.order_by.is_empty() || delete.limit.is_some() || !table.joins.is_empty() {
        return Err(unsupported(
            "DELETE with a join, ORDER BY or LIMIT",
            table.relation.span(),
            text,
        ));
    }
    Ok(WriteStatement {
        kind,
        target,
        assigned: Vec::new(),
        source: None,
        from: delete.using.clone().unwrap_or_default(),
        condition: delete.selection.clone(),
        returning: delete.returning.clone(),
        defaulted: Vec::new(),
        hints: hints_of(&delete.optimizer_hints),
        conflict: None,
    })
}

fn hints_of(hints: &[sql::OptimizerHint]) -> Vec<String> {
    hints::words(hints.iter().map(|hint| hint.text.as_str()))
}

/// Takes `JSON(…)` and `string(…)` off the items of a source and notes them by column.
fn take_markers(body: &mut sql::SetExpr, assigned: &mut [Assigned]) {
    match body {
        sql::SetExpr::Select(select) => {
            for (item, assigned) in select.projection.iter_mut().zip(assigned) {
                if let sql::SelectItem::UnnamedExpr(expr)
                | sql::SelectItem::ExprWithAlias { expr, .. } = item
                {
                    let (inner, marker) = unmarked(expr);
                    *expr = inner;
                    assigned.marker = marker;
                }
            }
        }
        sql::SetExpr::Values(values) => {
            let is_numeric = |column: usize| {
                let mut cells = values.rows.iter().filter_map(|row| row.content.get(column));
                cells.all(|expr| digits_of(expr).is_some() || is_null(expr))
            };
            let numeric: Vec<bool> = (0..assigned.len()).map(is_numeric).collect();
            for row in &mut values.rows {
                let cells = row.content.iter_mut().zip(assigned.iter_mut());
                for ((expr, assigned), is_numeric) in cells.zip(&numeric) {
                    // a column of text stays one
                    let (inner, marker) = if *is_numeric || digits_of(expr).is_none() {
                        unmarked(expr)
                    } else {
                        (expr.clone(), Marker::None)
                    };
                    *expr = inner;
                    if marker != Marker::None {
                        assigned.marker = marker;
                    }
                }
            }
        }
        _ => {}
    }
}

/// The expression without `JSON(…)` or `string(…)` around it; a number that SQL would round is the JSON
/// text of its digits.
pub(super) fn unmarked(expr: &sql::Expr) -> (sql::Expr, Marker) {
    if let Some(digits) = digits_of(expr).filter(|digits| is_rounded(digits)) {
        return (sql::Expr::value(sql::Value::SingleQuotedString(digits)), Marker::Json);
    }
    if let sql::Expr::Function(function) = expr
        && let Some(name) = function.name.0.first().and_then(|part| part.as_ident())
        && let sql::FunctionArguments::List(list) = &function.args
        && let [sql::FunctionArg::Unnamed(sql::FunctionArgExpr::Expr(inner))] = list.args.as_slice()
    {
        match name.value.to_ascii_lowercase().as_str() {
            "json" => return (inner.clone(), Marker::Json),
            "string" => return (inner.clone(), Marker::Text),
            _ => {}
        }
    }
    (expr.clone(), Marker::None)
}

/// The digits of a number, with its sign.
fn digits_of(expr: &sql::Expr) -> Option<String> {
    match expr {
        sql::Expr::Value(value) => match &value.value {
            sql::Value::Number(digits, false) => Some(digits.clone()),
            _ => None,
        },
        sql::Expr::UnaryOp { op: sql::UnaryOperator::Minus, expr } => {
            let digits = digits_of(expr)?;
            (!digits.starts_with('-')).then(|| format!("-{digits}"))
        }
        _ => None,
    }
}

fn is_null(expr: &sql::Expr) -> bool {
    matches!(expr, sql::Expr::Value(value) if value.value == sql::Value::Null)
}

/// True if a number is not what is left of it as a BIGINT or DOUBLE.
fn is_rounded(digits: &str) -> bool {
    let is_kept = digits.parse::<i64>().is_ok_and(|number| number.to_string() == digits)
        || (digits.contains('.')
            && digits.parse::<f64>().is_ok_and(|number| number.to_string() == digits));
    // `.5` and `007` are numbers of SQL only
    !is_kept && read_json(digits).is_ok()
}

pub(super) fn path_of(name: &sql::ObjectName) -> Vec<String> {
    name.0.iter().filter_map(|part| part.as_ident().map(|ident| ident.value.clone())).collect()
}

/// `SET t.a = 1` with `t` as the target's alias sets `a`.
fn without_alias(path: Vec<String>, target: &Target) -> Vec<String> {
    let alias = target.alias.as_ref().map(|alias| alias.name.value.as_str());
    match (path.split_first(), alias) {
        (Some((first, rest)), Some(alias)) if first == alias && !rest.is_empty() => rest.to_vec(),
        _ => path,
    }
}

fn name_of(name: &sql::ObjectName, text: &str) -> Result<Name, Box<Report>> {
    let parts: Option<Vec<NamePart>> = name
        .0
        .iter()
        .map(|part| {
            let ident = part.as_ident()?;
            Some(NamePart {
                value: ident.value.clone(),
                quoted: ident.quote_style.is_some(),
                span: span_of(ident.span, text),
            })
        })
        .collect();
    let span = span_of(name.span(), text);
    match parts {
        Some(parts) => Ok(Name { parts, span }),
        None => Err(unsupported("this form of a name", name.span(), text)),
    }
}

pub(super) fn unsupported(
    what: &str,
    span: datafusion::sql::sqlparser::tokenizer::Span,
    text: &str,
) -> Box<Report> {
    Box::new(
        Report::new(Code::UnsupportedSyntax, format!("{what} cannot be run by this version"))
            .with_label(span_of(span, text), "")
            .with_help("rewrite the statement without it"),
    )
}

pub(crate) fn span_of(span: datafusion::sql::sqlparser::tokenizer::Span, text: &str) -> Span {
    let offset = |line: u64, column: u64| {
        let at = LineColumn {
            line: usize::try_from(line).unwrap_or(usize::MAX),
            column: usize::try_from(column).unwrap_or(usize::MAX),
        };
        Span::offset(text, at)
    };
    if span.start.line == 0 {
        return Span::new(0, 0);
    }
    Span::new(offset(span.start.line, span.start.column), offset(span.end.line, span.end.column))
}
