//! Rendering and running statements.

use serde_json::{Map, Value as Json};
use strataql_diag::{Code, Report};

use super::polling::Pace;
use super::{Flow, Step};
use crate::iql::{Anchor, QueryFile};
use crate::manifest::{Kind, Resource};
use crate::runner::{Answer, Ask, Level};
use crate::scope::{Names, UNKNOWN};
use crate::template::Failure;
use crate::verdict;

/// A rendered statement with its anchor.
#[derive(Debug, Clone)]
pub(super) struct Statement<'q> {
    pub(super) sql: String,
    pub(super) anchor: &'q Anchor,
    pub(super) file: &'q str,
    pub(super) name: &'q str,
}

impl Statement<'_> {
    /// True if a name in it stands for something that is not known.
    pub(super) fn is_unknown(&self) -> bool {
        self.sql.contains(UNKNOWN)
    }
}

impl Flow<'_> {
    /// Renders an anchor; every name must have a value.
    pub(super) fn rendered<'q>(
        &self,
        resource: &Resource,
        queries: &'q QueryFile,
        name: &'q str,
        names: &Names,
    ) -> Step<Option<Statement<'q>>> {
        let Some(anchor) = queries.get(name) else { return Ok(None) };
        let statement = self.render(queries, anchor, name, names);
        statement.map(Some).map_err(|failure| {
            let place = (queries.file.as_str(), anchor.line);
            self.unrendered(resource, name, names, place, &failure)
        })
    }

    /// Renders an anchor if its names have values; mistakes of the template are errors.
    pub(super) fn deferred<'q>(
        &self,
        resource: &Resource,
        queries: &'q QueryFile,
        name: &'q str,
        names: &Names,
    ) -> Step<Option<Statement<'q>>> {
        let Some(anchor) = queries.get(name) else { return Ok(None) };
        match self.render(queries, anchor, name, names) {
            Ok(statement) => Ok(Some(statement)),
            Err(Failure::Undefined { names: missing, .. }) => {
                let missing = crate::words::listed(&missing);
                let text =
                    format!("`{name}` of [{}] is not run: {missing} has no value", resource.name);
                self.tell(Level::Debug, &text);
                Ok(None)
            }
            Err(failure) => {
                let place = (queries.file.as_str(), anchor.line);
                Err(self.unrendered(resource, name, names, place, &failure))
            }
        }
    }

    fn render<'q>(
        &self,
        queries: &'q QueryFile,
        anchor: &'q Anchor,
        name: &'q str,
        names: &Names,
    ) -> Result<Statement<'q>, Failure> {
        let sql = self.scope.templates.render(&anchor.text, &names.context())?;
        Ok(Statement { sql, anchor, file: &queries.file, name })
    }

    /// The report of an anchor whose template fails.
    fn unrendered(
        &self,
        resource: &Resource,
        name: &str,
        names: &Names,
        place: (&str, usize),
        failure: &Failure,
    ) -> Box<Report> {
        let what = format!("`{name}` of `{}`", resource.name);
        self.scope.report(failure, names, &what, place)
    }

    /// Shows a statement, if that was asked for.
    pub(super) fn show(&self, what: &str, resource: &Resource, sql: &str) {
        if self.options.show_queries {
            self.info(&format!("{what} query for [{}]:\n\n{sql}\n", resource.name));
        } else {
            self.tell(Level::Debug, &format!("{what} query for [{}]:\n\n{sql}\n", resource.name));
        }
    }

    /// Runs a statement once.
    pub(super) fn ask(
        &self,
        resource: &Resource,
        names: &Names,
        statement: &Statement<'_>,
        only_reads: bool,
    ) -> Step<Answer> {
        self.show(statement.name, resource, &statement.sql);
        let auth = self.auth(resource, names)?;
        let ask = Ask { sql: &statement.sql, auth: auth.as_ref(), only_reads };
        let answer = self.runner.run(&ask).map_err(|mut report| {
            if report.place.is_none() {
                *report = report.with_place(statement.file, statement.anchor.line);
            }
            // a span is of the rendered text, which nobody sees
            report.labels.clear();
            Box::new(report.with_note(format!("`{}` of `{}`", statement.name, resource.name)))
        })?;
        for note in &answer.notes {
            self.tell(Level::Debug, note);
        }
        Ok(answer)
    }

    /// Runs a read until it has rows; failures that may be over the next time are asked again.
    pub(super) fn read(
        &self,
        resource: &Resource,
        names: &Names,
        statement: &Statement<'_>,
        attempts: u32,
    ) -> Step<Vec<crate::runner::Row>> {
        let mut pace = Pace::of(&statement.anchor.options);
        let mut attempt = 1;
        loop {
            // what it gives if it is not asked again
            let last = match self.ask(resource, names, statement, true) {
                Ok(answer) => {
                    let row = answer.rows.first();
                    self.not_failed(resource, statement, row)?;
                    if row.is_some() && self.is_reached(statement, row)? {
                        return Ok(answer.rows);
                    }
                    Ok(Vec::new())
                }
                Err(report) if verdict::is_missing(&report) => Ok(Vec::new()),
                Err(report) if verdict::is_passing(&report) => Err(report),
                Err(report) => return Err(report),
            };
            if attempt >= attempts.max(1) || !self.wait(&mut pace)? {
                return last;
            }
            attempt += 1;
        }
    }

    /// Sends a statement that writes. It is sent again only if the anchor allows it and the service
    /// refused it, so that nothing happens twice.
    pub(super) fn write(
        &self,
        resource: &Resource,
        names: &Names,
        statement: &Statement<'_>,
    ) -> Step<Answer> {
        let retries = statement.anchor.options.retries().unwrap_or(0);
        let mut pace = Pace::of(&statement.anchor.options);
        let mut attempt = 0;
        loop {
            match self.ask(resource, names, statement, false) {
                Ok(answer) => return Ok(answer),
                Err(report) => {
                    let again = verdict::is_refusal(&report)
                        || verdict::is_passing(&report) && statement.anchor.options.is_idempotent();
                    if attempt >= retries || !again {
                        return Err(report);
                    }
                    attempt += 1;
                    self.tell(
                        Level::Warn,
                        &format!(
                            "[{}] {} was refused, retrying ({attempt}/{retries}): {}",
                            resource.name, statement.name, report.message
                        ),
                    );
                    if !self.wait(&mut pace)? {
                        return Err(report);
                    }
                }
            }
        }
    }

    /// Keeps what a write returned, under the names of callbacks and `return_vals`.
    pub(super) fn returned(
        &mut self,
        resource: &Resource,
        names: &mut Names,
        operation: &str,
        answer: &Answer,
        is_tolerant: bool,
    ) -> Step<()> {
        let wanted = match operation {
            "create" => &resource.return_values.create,
            "update" => &resource.return_values.update,
            _ => &resource.return_values.delete,
        };
        let Some(row) = answer.rows.first().map(verdict::returned) else {
            if wanted.is_some() {
                let text = format!(
                    "[{}] {operation} returned no row; `return_vals` has no values",
                    resource.name
                );
                self.tell(Level::Warn, &text);
            }
            return Ok(());
        };
        self.scope.returned(&resource.name, &row);
        names.set_callback(&row);
        let mut captured = Map::new();
        for mapping in wanted.iter().flatten() {
            match member(&row, &mapping.column).filter(|value| !verdict::is_nothing(value)) {
                Some(value) => {
                    if resource.protected.contains(&mapping.name) {
                        self.host.keep_secret(&crate::template::json::plain(value));
                    }
                    captured.insert(mapping.name.clone(), value.clone());
                }
                None => {
                    let text = format!(
                        "{operation} of `{}` did not return `{}`, which `return_vals` names",
                        resource.name, mapping.column
                    );
                    if !is_tolerant {
                        return Err(Box::new(self.stack.error(resource.line, text).with_help(
                            format!("name it in RETURNING of the anchor `{operation}`"),
                        )));
                    }
                    self.tell(Level::Warn, &text);
                }
            }
        }
        names.capture(&captured);
        Ok(())
    }

    /// Polls the callback of an operation until it succeeds.
    pub(super) fn callback(
        &mut self,
        resource: &Resource,
        queries: &QueryFile,
        operation: &str,
        names: &Names,
    ) -> Step<()> {
        let specific = format!("callback:{operation}");
        let name = if queries.get(&specific).is_some() { specific.as_str() } else { "callback" };
        let Some(statement) = self.rendered(resource, queries, name, names)? else { return Ok(()) };
        let options = &statement.anchor.options;
        if let (Some(field), Some(value)) =
            (options.text("short_circuit_field"), options.text("short_circuit_value"))
        {
            let path = field.strip_prefix("callback.").unwrap_or(field);
            let found =
                names.get("callback").and_then(Json::as_object).and_then(|row| member(row, path));
            if found.is_some_and(|found| crate::template::json::plain(found) == value) {
                self.info(&format!(
                    "[{}] callback is not needed, `{field}` is `{value}`",
                    resource.name
                ));
                return Ok(());
            }
        }
        let attempts = options.tries(1).saturating_add(1);
        let mut pace = Pace::of(options);
        let mut attempt = 1;
        loop {
            let of =
                options.retries().map_or_else(String::new, |retries| format!("/{}", retries + 1));
            self.info(&format!("running callback for [{}] ({attempt}{of})...", resource.name));
            let rows = self.read(resource, names, &statement, 1)?;
            // `until` says what success is, where it is there
            let is_reached = options.text("until").is_some() && !rows.is_empty();
            if is_reached || verdict::succeeded(&rows) {
                return Ok(());
            }
            if attempt >= attempts || !self.wait(&mut pace)? {
                break;
            }
            attempt += 1;
        }
        Err(Box::new(
            Report::new(
                Code::AssertionFailed,
                format!(
                    "the callback of `{}` did not succeed after {attempt} attempts",
                    resource.name
                ),
            )
            .with_place(statement.file, statement.anchor.line)
            .with_help("raise `retries`, `retry_delay` or `timeout` of the anchor, or look at the operation"),
        ))
    }

    /// Logs what the `troubleshoot` anchor of an operation shows.
    pub(super) fn troubleshoot(
        &self,
        resource: &Resource,
        queries: &QueryFile,
        operation: &str,
        names: &Names,
    ) -> Step<()> {
        let specific = format!("troubleshoot:{operation}");
        let name =
            if queries.get(&specific).is_some() { specific.as_str() } else { "troubleshoot" };
        let Some(statement) = self.deferred(resource, queries, name, names)? else { return Ok(()) };
        if statement.is_unknown() {
            return Ok(());
        }
        match self.ask(resource, names, &statement, true) {
            Ok(answer) => {
                let rows = Json::Array(answer.rows.into_iter().map(Json::Object).collect());
                self.tell(Level::Error, &format!("troubleshooting [{}]: {rows:#}", resource.name));
            }
            Err(report) => self.tell(
                Level::Warn,
                &format!("troubleshooting of [{}] failed: {}", resource.name, report.message),
            ),
        }
        Ok(())
    }

    /// Runs a script; gives what it exports.
    pub(super) fn script(&mut self, resource: &Resource, names: &Names) -> Step<()> {
        let Some(run) = &resource.run else {
            return Err(Box::new(
                self.stack
                    .error(resource.line, format!("the script `{}` has no `run`", resource.name))
                    .with_help("add `run:` with a command of the shell"),
            ));
        };
        let text = self.scope.templates.render(run, &names.context());
        let text = match text {
            Ok(text) => text,
            Err(Failure::Undefined { .. }) if self.options.dry_run => run.clone(),
            Err(failure) => {
                let what = format!("`run` of `{}`", resource.name);
                let mut report =
                    self.scope.report(&failure, names, &what, (&self.stack.file, resource.line));
                report.place = Some(strataql_diag::Place {
                    file: self.stack.file.clone(),
                    line: resource.line,
                });
                return Err(report);
            }
        };
        if self.options.dry_run {
            self.info(&format!("dry run script for [{}]:\n\n{text}\n", resource.name));
            for export in &resource.exports {
                let value = Json::String(crate::scope::EVALUATED.to_owned());
                self.scope.export(&resource.name, &export.name, value);
            }
            return Ok(());
        }
        self.info(&format!("running script for [{}]...", resource.name));
        let script = crate::runner::Script {
            text,
            folder: self.stack.folder.clone(),
            variables: variables(resource, names),
        };
        let printed = self
            .host
            .script(&script)
            .map_err(|report| Box::new(report.with_place(&*self.stack.file, resource.line)))?;
        if resource.exports.is_empty() {
            return Ok(());
        }
        let parsed = serde_json::from_str::<Json>(printed.trim());
        let Ok(Json::Object(row)) = parsed else {
            return Err(Box::new(
                self.stack
                    .error(resource.line, format!("the script `{}` did not print one JSON object", resource.name))
                    .with_help("print an object with the names of `exports` on stdout, everything else on stderr"),
            ));
        };
        for export in &resource.exports {
            if !row.contains_key(&export.column) {
                return Err(self.stack.error(
                    resource.line,
                    format!("the script `{}` did not print `{}`", resource.name, export.column),
                ));
            }
        }
        self.info(&format!("Exported variables from script [{}]", resource.name));
        self.keep_exports(resource, &row);
        Ok(())
    }

    /// True if a query resource would write.
    pub(super) fn is_mutating(&self, resource: &Resource, sql: &str) -> Step<bool> {
        Ok(resource.kind == Kind::Query && !self.runner.only_reads(sql)?)
    }
}

/// A member by its dotted path.
fn member<'r>(row: &'r Map<String, Json>, path: &str) -> Option<&'r Json> {
    if let Some(value) = row.get(path) {
        return Some(value);
    }
    let mut parts = path.split('.');
    let first = row.get(parts.next()?)?;
    parts.try_fold(first, |value, part| value.get(part))
}

/// `DEPLOY_<NAME>` for every prop.
fn variables(resource: &Resource, names: &Names) -> std::collections::BTreeMap<String, String> {
    let named = resource.props.iter().filter_map(|prop| {
        let name = prop.name.to_uppercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        Some((format!("DEPLOY_{name}"), crate::template::json::plain(names.get(&prop.name)?)))
    });
    named.collect()
}
