//! INSERT … ON CONFLICT: an object is written whether it is there or not.
//!
//! Owns: what identifies an object, finding those that exist (one SELECT for all rows), and sending
//! each row as what it needs.
//! Refuses: writing one object twice, and rows of which one object cannot be told.
//! Surprise: services know no such thing. An object that appears between the question and the INSERT
//! makes the INSERT fail with the service's own conflict; it is not written over.

mod branches;
mod expressions;
mod finder;

use std::collections::BTreeMap;

use datafusion::sql::sqlparser::ast as sql;
use strataql_diag::{Code, Report, Span};
use strataql_query::resource::ResourceRef;
use strataql_query::result_set::ResultSet;
use strataql_spec::{Location, Method};
use strataql_sql::WriteKind;

use self::branches::{Branch, Branches};
use self::expressions::{is_true, literal_true, qualified, text_of};
use super::awaiting::Awaiting;
use super::cells::{Cell, Row};
use super::chosen::Chosen;
use super::collect::collect;
use super::conflict::{Action, Conflict};
use super::prepared::PreparedWrite;
use super::rows::RowSource;
use super::statement::{Assigned, Marker, Target, WriteStatement};
use super::writer::Writer;
use super::{method, show};

/// The relation that the rows of the INSERT are in DO UPDATE.
pub(super) const EXCLUDED: &str = "excluded";
/// The column of that relation which counts its rows.
const NUMBER: &str = "strataql row";

/// An INSERT with ON CONFLICT, and all it is about.
pub(super) struct Upsert<'a> {
    pub(super) writer: &'a Writer<'a>,
    pub(super) resource: &'a ResourceRef,
    pub(super) statement: &'a WriteStatement,
}

/// The DO UPDATE of a statement: which method, and the SELECT that finds the rows.
struct Update {
    chosen: Chosen,
    statement: WriteStatement,
    source: RowSource,
    /// For each thing that is set, the inserted column whose value it takes over.
    copied: Vec<Option<usize>>,
}

impl Upsert<'_> {
    /// Runs or explains it.
    ///
    /// # Errors
    /// As any write; `bad-param-value` for two rows that mean one object or one that means several.
    pub(super) async fn run(
        &self,
        conflict: &Conflict,
        explain: bool,
        span: Span,
    ) -> Result<ResultSet, Box<Report>> {
        let insert = method::choose(self.resource, self.statement)?;
        let keys = self.keys(conflict, insert.method())?;
        let source = self.source(&insert, self.statement)?;
        if explain && let Some(shown) = self.unread(conflict, &keys, &insert, &source).await? {
            return Ok(shown);
        }
        let limit = self.writer.statement.settings.max_writes;
        let rows = collect(self.writer, &source, limit, span).await?;
        let rows = self.distinct(rows, &keys, conflict, span)?;
        let inserts = rows
            .iter()
            .map(|row| PreparedWrite::of(&insert, row, &self.writer.variables, explain))
            .collect::<Result<Vec<_>, _>>()?;
        let update = match &conflict.action {
            Action::Nothing => None,
            Action::Update { set, condition } => {
                Some(self.update(set, condition.as_ref(), &keys, &rows)?)
            }
        };
        let finder = match &update {
            Some(update) => &update.source,
            None => &self.finder(&keys, &rows),
        };
        let branches = Branches {
            resource: self.resource,
            insert: self.branch(&insert, self.statement).await?,
            update: match &update {
                Some(update) => Some(self.branch(&update.chosen, &update.statement).await?),
                None => None,
            },
        };
        branches.check_returning(self.statement)?;
        if explain {
            let update = branches.update.as_ref().zip(update.as_ref());
            let update =
                update.map(|(branch, update)| (&branch.writer, branch.chosen, &update.source));
            let insert = (&branches.insert.writer, inserts.as_slice());
            return show::upsert(finder, update, insert).await;
        }
        let found = if rows.is_empty() {
            Vec::new()
        } else {
            collect(self.writer, finder, usize::MAX, span).await?
        };
        let found = self.by_number(found, span)?;
        let mut updates = Vec::new();
        let mut left = 0;
        for (number, mut row) in found.clone() {
            let is_wanted = row.pop().is_some_and(|wanted| is_true(&wanted.value));
            match &update {
                Some(update) if is_wanted => {
                    update.copy(&mut row, &rows[number]);
                    let variables = &self.writer.variables;
                    let write = PreparedWrite::of(&update.chosen, &row, variables, explain)?;
                    updates.push((number, write));
                }
                _ => left += 1,
            }
        }
        let inserts = inserts
            .into_iter()
            .enumerate()
            .filter(|(number, _)| !found.contains_key(number))
            .collect();
        Box::pin(branches.send(inserts, updates, left)).await
    }

    fn source(
        &self,
        chosen: &Chosen,
        statement: &WriteStatement,
    ) -> Result<RowSource, Box<Report>> {
        let Self { writer, resource, .. } = self;
        RowSource::of(resource, chosen, statement, writer.statement, &writer.variables)
    }

    /// The columns that identify an object, by position in the INSERT; those of its scope included.
    fn keys(&self, conflict: &Conflict, insert: &Method) -> Result<Vec<usize>, Box<Report>> {
        let position = |name: &str| {
            self.statement.assigned.iter().position(|assigned| assigned.path == [name.to_owned()])
        };
        let is_own =
            |name: &str| insert.param(name).is_some_and(|param| param.location == Location::Server);
        let mut keys = Vec::new();
        if conflict.keys.is_empty() {
            keys = self.identity(&position).ok_or_else(|| self.unidentified())?;
        }
        for (name, span) in &conflict.keys {
            let position = position(name).ok_or_else(|| {
                Box::new(
                    Report::new(
                        Code::UnknownColumn,
                        format!("ON CONFLICT names `{name}`, which the INSERT does not set"),
                    )
                    .with_label(*span, "")
                    .with_help("name columns of the INSERT"),
                )
            })?;
            keys.push(position);
        }
        // what every reading method needs is part of what names an object: its account, its zone
        for name in self.resource.parameters() {
            let is_scope = self
                .resource
                .select_methods()
                .all(|method| method.param(&name).is_some_and(|param| param.required));
            if let Some(position) = position(&name)
                && (is_scope || is_own(&name))
                && !keys.contains(&position)
            {
                keys.push(position);
            }
        }
        Ok(keys)
    }

    /// What the first lookup needs, if the INSERT sets all of it.
    fn identity(&self, position: &dyn Fn(&str) -> Option<usize>) -> Option<Vec<usize>> {
        let lookups =
            self.resource.select_methods().filter(|method| method.response.rows.is_single());
        let keys = |lookup: &Method| -> Option<Vec<usize>> {
            lookup
                .inputs()
                .filter(|input| input.required && input.location != Some(Location::Server))
                .map(|input| position(input.name))
                .collect()
        };
        lookups.filter_map(keys).find(|keys| !keys.is_empty())
    }

    fn unidentified(&self) -> Box<Report> {
        Box::new(
            self.statement
                .target
                .error(
                    Code::MissingParam,
                    format!(
                        "the INSERT does not set what identifies an object of `{}`",
                        self.resource.dotted()
                    ),
                )
                .with_help("name the columns that do: `ON CONFLICT (name) DO UPDATE …`"),
        )
    }

    /// The rows, each object once.
    fn distinct(
        &self,
        rows: Vec<Row>,
        keys: &[usize],
        conflict: &Conflict,
        span: Span,
    ) -> Result<Vec<Row>, Box<Report>> {
        let mut seen: BTreeMap<Vec<String>, usize> = BTreeMap::new();
        let mut kept = Vec::new();
        for (number, row) in rows.into_iter().enumerate() {
            let values: Option<Vec<String>> =
                keys.iter().map(|key| text_of(&row[*key].value)).collect();
            let first = values.clone().and_then(|values| seen.get(&values).copied());
            match (first, &conflict.action) {
                (Some(_), Action::Nothing) => continue,
                (Some(first), Action::Update { .. }) => {
                    let values = values.unwrap_or_default().join("`, `");
                    return Err(Box::new(
                        Report::new(
                            Code::BadParamValue,
                            format!(
                                "rows {} and {} both mean the object `{values}`",
                                first + 1,
                                number + 1
                            ),
                        )
                        .with_label(span, "")
                        .with_help("give each object once")
                        .with_note("nothing was sent"),
                    ));
                }
                (None, _) => {}
            }
            if let Some(values) = values {
                seen.insert(values, number);
            }
            kept.push(row);
        }
        Ok(kept)
    }

    /// DO UPDATE as an UPDATE … FROM the rows of the INSERT.
    fn update(
        &self,
        set: &[Assigned],
        condition: Option<&sql::Expr>,
        keys: &[usize],
        rows: &[Row],
    ) -> Result<Update, Box<Report>> {
        let mut assigned = self.set(set, keys)?;
        for value in assigned.iter_mut().filter_map(|assigned| assigned.value.as_mut()) {
            self.flatten(value);
        }
        let copied = assigned.iter().map(|assigned| self.copy_of(assigned)).collect();
        let verbs = &self.resource.resource().verbs;
        let kind = if verbs.update.is_empty() && !verbs.replace.is_empty() {
            WriteKind::Replace
        } else {
            WriteKind::Update
        };
        let target = &self.statement.target;
        let mut statement = WriteStatement {
            kind,
            target: Target {
                name: target.name.clone(),
                factor: target.factor.clone(),
                alias: target.alias.clone(),
            },
            assigned,
            source: None,
            from: vec![self.excluded(rows)],
            condition: Some(self.matching(keys, rows)),
            returning: self.statement.returning.clone(),
            defaulted: Vec::new(),
            hints: self.statement.hints.clone(),
            conflict: None,
        };
        let chosen = method::choose(self.resource, &statement)?;
        let mut wanted = condition.cloned().unwrap_or_else(literal_true);
        self.flatten(&mut wanted);
        let extra = |value| Assigned {
            path: Vec::new(),
            span: Span::new(0, 0),
            value: Some(value),
            marker: Marker::Text,
        };
        let set = statement.assigned.len();
        statement.assigned.push(extra(qualified(EXCLUDED, NUMBER)));
        statement.assigned.push(extra(wanted));
        let mut source = self.source(&chosen, &statement)?;
        statement.assigned.truncate(set);
        source.forget_keys();
        Ok(Update { chosen, statement, source, copied })
    }

    /// What EXPLAIN shows when only requests can tell the rows; `None` if they are known here.
    async fn unread(
        &self,
        conflict: &Conflict,
        keys: &[usize],
        insert: &Chosen,
        source: &RowSource,
    ) -> Result<Option<ResultSet>, Box<Report>> {
        let update = match &conflict.action {
            Action::Nothing => None,
            Action::Update { set, condition } => {
                Some(self.update(set, condition.as_ref(), keys, &[])?)
            }
        };
        let update = update.as_ref().map(|update| (&update.chosen, &update.source));
        show::unread_upsert(self.writer, (insert, source), update).await
    }

    /// What DO UPDATE sets: what it says, or every inserted column that is no key.
    fn set(&self, set: &[Assigned], keys: &[usize]) -> Result<Vec<Assigned>, Box<Report>> {
        if !set.is_empty() {
            return Ok(set.to_vec());
        }
        let all: Vec<Assigned> = self
            .statement
            .assigned
            .iter()
            .enumerate()
            .filter(|(position, _)| !keys.contains(position))
            .map(|(_, assigned)| Assigned {
                value: Some(qualified(EXCLUDED, &assigned.path.join("."))),
                ..assigned.clone()
            })
            .collect();
        if all.is_empty() {
            return Err(Box::new(
                self.statement
                    .target
                    .error(
                        Code::Syntax,
                        "DO UPDATE has nothing to set: every column identifies the object"
                            .to_owned(),
                    )
                    .with_help("write `ON CONFLICT DO NOTHING`, or insert further columns"),
            ));
        }
        Ok(all)
    }

    /// Makes `excluded.a.b` the one column that stands for the inserted path `a.b`.
    fn flatten(&self, expr: &mut sql::Expr) {
        let _done = sql::visit_expressions_mut(expr, |part| {
            if let sql::Expr::CompoundIdentifier(path) = part
                && let Some((first, rest)) = path.split_first()
                && first.value == EXCLUDED
                && rest.len() > 1
            {
                let names: Vec<String> = rest.iter().map(|ident| ident.value.clone()).collect();
                if self.statement.assigned.iter().any(|assigned| assigned.path == names) {
                    *part = qualified(EXCLUDED, &names.join("."));
                }
            }
            std::ops::ControlFlow::<()>::Continue(())
        });
    }

    /// The inserted column that is set as it is.
    fn copy_of(&self, assigned: &Assigned) -> Option<usize> {
        match assigned.value.as_ref()? {
            sql::Expr::CompoundIdentifier(path) => match path.as_slice() {
                [relation, column] if relation.value == EXCLUDED => self
                    .statement
                    .assigned
                    .iter()
                    .position(|assigned| assigned.path.join(".") == column.value),
                _ => None,
            },
            _ => None,
        }
    }

    async fn branch<'b>(
        &'b self,
        chosen: &'b Chosen,
        statement: &WriteStatement,
    ) -> Result<Branch<'b>, Box<Report>> {
        let awaiting = Awaiting::of(
            self.writer.statement,
            &chosen.target,
            &statement.hints,
            statement.returning.is_some(),
        )
        .map_err(|report| Box::new(report.with_label(statement.target.name.span, "")))?;
        let writer = self.writer.awaiting(awaiting);
        Branch::plan(writer, chosen, statement).await
    }

    /// The found objects by the row that means them.
    fn by_number(&self, found: Vec<Row>, span: Span) -> Result<BTreeMap<usize, Row>, Box<Report>> {
        let mut all = BTreeMap::new();
        for mut row in found {
            let wanted = row.pop();
            let number = row.pop().and_then(|Cell { value, .. }| text_of(&value)?.parse().ok());
            let (Some(number), Some(wanted)) = (number, wanted) else {
                return Err(Box::new(Report::internal("a found object without its row")));
            };
            row.push(wanted);
            if all.insert(number, row).is_some() {
                return Err(Box::new(
                    Report::new(
                        Code::BadParamValue,
                        format!(
                            "row {} means several objects of `{}`",
                            number + 1,
                            self.resource.dotted()
                        ),
                    )
                    .with_label(span, "")
                    .with_help("name columns in ON CONFLICT that identify one object")
                    .with_note("nothing was sent"),
                ));
            }
        }
        Ok(all)
    }
}

impl Update {
    /// Takes over values as they were given, with their JSON types.
    fn copy(&self, found: &mut Row, inserted: &Row) {
        let first = found.len() - self.copied.len();
        for (value, copied) in found[first..].iter_mut().zip(&self.copied) {
            if let Some(column) = copied {
                value.value = inserted[*column].value.clone();
            }
        }
    }
}
