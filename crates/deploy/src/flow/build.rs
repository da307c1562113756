//! `build`: every resource is created or brought to its desired state, in the order of the manifest.

use serde_json::{Map, Value as Json};
use strataql_diag::{Code, Report};

use super::statements::Statement;
use super::{Ended, Flow, OnFailure, Step};
use crate::iql::QueryFile;
use crate::journal::Operation;
use crate::manifest::{Kind, Resource};
use crate::plan::Action;
use crate::runner::{Level, Row};
use crate::scope::Names;

/// What is known of a resource before anything is written.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) exists: bool,
    pub(super) is_correct: bool,
    /// What `exists` captured.
    pub(super) captured: Map<String, Json>,
    /// The row of the exports query, if it was run.
    pub(super) row: Option<Row>,
}

impl Found {
    /// What has to be done.
    pub(super) const fn action(&self) -> Action {
        match (self.exists, self.is_correct) {
            (false, _) => Action::Create,
            (true, true) => Action::None,
            (true, false) => Action::Update,
        }
    }

    /// A digest of what was seen.
    pub(super) fn fingerprint(&self) -> String {
        if !self.exists {
            return "absent".to_owned();
        }
        let seen = serde_json::json!([self.is_correct, self.captured, self.row]);
        crate::random::sha256(seen.to_string().as_bytes())
    }
}

/// What was done to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Done {
    Nothing,
    Created,
    Updated,
}

impl Done {
    const fn operation(self) -> &'static str {
        match self {
            Self::Updated => "update",
            _ => "create",
        }
    }
}

impl Flow<'_> {
    /// Runs the flow.
    ///
    /// # Errors
    /// The first failure, unless failures are ignored.
    pub fn build(mut self) -> Step<Ended> {
        self.begin("deploying")?;
        self.record_run("build")?;
        let mut ended = Ended::default();
        for (at, resource) in self.stack.resources.iter().enumerate() {
            if !self.is_targeted(resource) {
                self.info(&format!("resource [{}] is no target", resource.name));
                self.read_exports(resource)?;
                continue;
            }
            self.progress(at, resource);
            match self.deploy(resource) {
                Ok(()) => {}
                Err(report) if report.code == Code::Cancelled => return Err(report),
                Err(report) if self.options.on_failure == OnFailure::Ignore => {
                    self.failed(resource, &report);
                    ended.failed.push(resource.name.clone());
                }
                Err(report) => return self.ended_with(resource, report),
            }
        }
        if ended.failed.is_empty() {
            ended.outputs = self.outputs()?;
        }
        self.record_end(ended.failed.is_empty())?;
        let dry = if self.options.dry_run { "dry-run " } else { "" };
        self.info(&format!("deployment completed in {}", self.elapsed()));
        self.frame(&format!("{dry}build complete"))?;
        Ok(ended)
    }

    /// A failure that does not end the run.
    pub(super) fn failed(&self, resource: &Resource, report: &Report) {
        let help = report.help.first().map(|help| format!(" ({help})")).unwrap_or_default();
        self.tell(
            Level::Error,
            &format!(
                "[{}] failed: error[{}]: {}{help}",
                resource.name, report.code, report.message
            ),
        );
    }

    pub(super) fn deploy(&mut self, resource: &Resource) -> Step<()> {
        let Some(mut names) = self.enter(resource)? else { return Ok(()) };
        match resource.kind {
            Kind::Script => return self.build_script(resource, &names),
            Kind::Query => return self.query(resource, &names),
            Kind::Command => return self.command(resource, &names),
            Kind::Resource | Kind::Multi => {}
        }
        if self.is_native(resource)
            && let Some(native) = self.native(resource, &names)?
        {
            return self.deploy_native(&native, &mut names);
        }
        let queries = self.queries(resource)?;
        if queries.get("create").is_none() && queries.get("createorupdate").is_none() {
            return Err(Box::new(
                self.stack
                    .error(
                        resource.line,
                        format!("`{}` has no `create` or `createorupdate`", resource.name),
                    )
                    .with_help(format!(
                        "add the line `/*+ create */` and a statement to `{}`",
                        queries.file
                    )),
            ));
        }
        let mut found = self.look(resource, &queries, &mut names)?;
        self.check_planned(resource, found.action(), &found.fingerprint())?;
        let done = self.bring(resource, &queries, &mut names, &found)?;
        if done != Done::Nothing {
            found.is_correct = self.verify(resource, &queries, &mut names, done, &mut found.row)?;
        }
        if !found.is_correct && !self.options.dry_run {
            self.troubleshoot(resource, &queries, done.operation(), &names)?;
            return Err(Box::new(
                self.stack
                    .failed(
                        resource,
                        format!("deployment failed for {} after post-deploy checks", resource.name),
                    )
                    .with_help("run with `--show-queries`, and see what the check finds"),
            ));
        }
        self.finish(resource, &queries, &names, found.row)?;
        let dry = if self.options.dry_run { "dry run: " } else { "" };
        self.info(&format!("{dry}successfully deployed {}", resource.name));
        Ok(())
    }

    /// Asks what is there.
    pub(super) fn look(
        &mut self,
        resource: &Resource,
        queries: &QueryFile,
        names: &mut Names,
    ) -> Step<Found> {
        let mut found = Found::default();
        if queries.get("createorupdate").is_some() {
            return Ok(found);
        }
        // its names must have values before anything is written
        let exists = self.rendered(resource, queries, "exists", names)?;
        let has_check = queries.get("statecheck").is_some();
        if exists.is_none() && !has_check && queries.get("exports").is_none() {
            return Err(Box::new(
                self.stack
                    .error(
                        resource.line,
                        format!("`{}` has no `exists`, `statecheck` or `exports`", resource.name),
                    )
                    .with_help(format!(
                        "add the line `/*+ exists */` and a SELECT to `{}`",
                        queries.file
                    )),
            ));
        }
        match &exists {
            Some(exists) => {
                if let Some(captured) =
                    self.exists(resource, names, exists, 1, &exists.anchor.options)?
                {
                    found.exists = true;
                    names.capture(&captured);
                    found.captured = captured;
                }
            }
            None if has_check => {
                if let Some(check) = self.deferred(resource, queries, "statecheck", names)? {
                    let attempts = check.anchor.options.tries(1);
                    found.is_correct =
                        !self.options.dry_run && self.state(resource, names, &check, attempts)?;
                }
                found.exists = found.is_correct;
                return Ok(found);
            }
            None => {
                if let Some(exports) = self.deferred(resource, queries, "exports", names)? {
                    found.row = self.proxy(resource, names, &exports, 1)?;
                }
                (found.exists, found.is_correct) = (found.row.is_some(), found.row.is_some());
                return Ok(found);
            }
        }
        if !found.exists {
            return Ok(found);
        }
        if resource.skip_validation {
            self.info(&format!("skipping validation for [{}]", resource.name));
            found.is_correct = true;
        } else if has_check {
            match self.deferred(resource, queries, "statecheck", names)? {
                Some(check) => found.is_correct = self.state(resource, names, &check, 1)?,
                None => {
                    let text = format!("statecheck of [{}] cannot be rendered yet", resource.name);
                    self.tell(Level::Warn, &text);
                }
            }
        } else if let Some(exports) = self.deferred(resource, queries, "exports", names)? {
            let attempts = exports.anchor.options.tries(1);
            found.row = self.proxy(resource, names, &exports, attempts)?;
            found.is_correct = found.row.is_some();
        } else {
            found.is_correct = true;
        }
        Ok(found)
    }

    /// Writes what is missing or different.
    fn bring(
        &mut self,
        resource: &Resource,
        queries: &QueryFile,
        names: &mut Names,
        found: &Found,
    ) -> Step<Done> {
        let both = queries.get("createorupdate").map(|_| "createorupdate");
        if !found.exists {
            let anchor = both.unwrap_or("create");
            self.send(resource, queries, names, anchor, Done::Created)?;
            return Ok(Done::Created);
        }
        if found.is_correct {
            return Ok(Done::Nothing);
        }
        if queries.get("update").is_none() {
            self.info(&format!(
                "update query not configured for [{}], skipping update",
                resource.name
            ));
            return Ok(Done::Nothing);
        }
        self.send(resource, queries, names, "update", Done::Updated)?;
        Ok(Done::Updated)
    }

    fn send(
        &mut self,
        resource: &Resource,
        queries: &QueryFile,
        names: &mut Names,
        anchor: &str,
        done: Done,
    ) -> Step<()> {
        let (operation, doing) = match (done, anchor) {
            (_, "createorupdate") => ("create", "creating/updating"),
            (Done::Updated, _) => ("update", "updating"),
            _ => ("create", "creating"),
        };
        if self.options.dry_run {
            let text = match self.deferred(resource, queries, anchor, names)? {
                Some(statement) => statement.sql,
                None => queries.get(anchor).map(|anchor| anchor.text.clone()).unwrap_or_default(),
            };
            let what = if anchor == "createorupdate" { "create_or_update" } else { operation };
            self.info(&format!("dry run {what} for [{}]:\n\n{text}\n", resource.name));
            return Ok(());
        }
        let Some(statement) = self.rendered(resource, queries, anchor, names)? else {
            return Ok(());
        };
        if statement.is_unknown() {
            return Err(self.stack.failed(
                resource,
                format!("`{anchor}` of `{}` uses a value that is not known", resource.name),
            ));
        }
        self.info(&format!(
            "[{}] {}, {doing} [{}]...",
            resource.name,
            state_of(done),
            resource.name
        ));
        let kind = match (anchor, done) {
            ("createorupdate", _) => Operation::CreateOrUpdate,
            (_, Done::Updated) => Operation::Update,
            _ => Operation::Create,
        };
        let sent = self
            .change(resource, kind, &Map::new(), |flow| flow.write(resource, names, &statement));
        let answer = match sent {
            Ok(answer) => answer,
            Err(report) if report.code == Code::RemoteConflict && done == Done::Created => {
                return self.adopt(resource, queries, names, report);
            }
            Err(report) if resource.kind == Kind::Multi && crate::verdict::is_refusal(&report) => {
                let text =
                    format!("[{}] {operation} had an error: {}", resource.name, report.message);
                self.tell(Level::Warn, &text);
                return Ok(());
            }
            Err(report) => {
                self.troubleshoot(resource, queries, operation, names)?;
                return Err(report);
            }
        };
        self.returned(resource, names, operation, &answer, false)?;
        self.callback(resource, queries, operation, names).inspect_err(|_| {
            // what it shows belongs to the failure that is reported
            let _shown = self.troubleshoot(resource, queries, operation, names);
        })
    }

    /// The service says that the object is there already: so it is, if `exists` finds it.
    fn adopt(
        &self,
        resource: &Resource,
        queries: &QueryFile,
        names: &mut Names,
        report: Box<Report>,
    ) -> Step<()> {
        let Some(exists) = self.rendered(resource, queries, "exists", names)? else {
            return Err(report);
        };
        match self.exists(resource, names, &exists, 1, &exists.anchor.options)? {
            Some(captured) => {
                names.capture(&captured);
                self.tell(
                    Level::Warn,
                    &format!("[{}] exists already, it was not created", resource.name),
                );
                Ok(())
            }
            None => Err(report),
        }
    }

    /// Checks what a write did; gives whether the resource is as it should be.
    fn verify(
        &mut self,
        resource: &Resource,
        queries: &QueryFile,
        names: &mut Names,
        done: Done,
        row: &mut Option<Row>,
    ) -> Step<bool> {
        if self.options.dry_run {
            return Ok(true);
        }
        let check_options = queries.get("statecheck").map(|anchor| &anchor.options);
        let mut is_found = false;
        if let Some(exists) = self.rendered(resource, queries, "exists", names)? {
            let pause = check_options.unwrap_or(&exists.anchor.options);
            let attempts = pause.tries(1);
            match self.exists(resource, names, &exists, attempts, pause)? {
                Some(captured) => {
                    names.capture(&captured);
                    is_found = true;
                }
                None => {
                    self.troubleshoot(resource, queries, done.operation(), names)?;
                    return Err(Box::new(
                        self.stack
                            .failed(resource, format!("`{}` is not there after its {}", resource.name, done.operation()))
                            .with_help("raise `retries` and `retry_delay` of the check if the service is slow"),
                    ));
                }
            }
        }
        if queries.get("statecheck").is_some()
            && let Some(check) = self.deferred(resource, queries, "statecheck", names)?
        {
            let attempts = check.anchor.options.tries(1);
            return self.state(resource, names, &check, attempts);
        }
        if queries.get("createorupdate").is_some() && queries.get("statecheck").is_none() {
            return Ok(true);
        }
        if let Some(exports) = self.deferred(resource, queries, "exports", names)? {
            let attempts = exports.anchor.options.tries(1).saturating_add(1);
            *row = self.proxy(resource, names, &exports, attempts)?;
            return Ok(row.is_some());
        }
        Ok(is_found || queries.get("statecheck").is_some())
    }

    /// Exports of a resource.
    fn finish(
        &mut self,
        resource: &Resource,
        queries: &QueryFile,
        names: &Names,
        row: Option<Row>,
    ) -> Step<()> {
        if resource.exports.is_empty() {
            return Ok(());
        }
        if let Some(row) = row {
            self.keep_exports(resource, &row);
            return Ok(());
        }
        if self.options.dry_run {
            self.evaluated(resource);
            return Ok(());
        }
        match self.rendered(resource, queries, "exports", names)? {
            Some(exports) => self.run_exports(resource, names, &exports),
            None => {
                // captured by `exists` or `return_vals`
                let row = self.captured(resource, names);
                let Some(row) = row else {
                    return Err(Box::new(
                        self.stack
                            .error(
                                resource.line,
                                format!(
                                    "`{}` exports values and has no `exports` query",
                                    resource.name
                                ),
                            )
                            .with_help(format!(
                                "add the line `/*+ exports */` and a SELECT to `{}`",
                                queries.file
                            )),
                    ));
                };
                self.keep_exports(resource, &row);
                Ok(())
            }
        }
    }

    /// The exports that earlier steps captured, if they captured all.
    fn captured(&self, resource: &Resource, names: &Names) -> Option<Row> {
        let this = names.own();
        let mut row = Map::new();
        for export in &resource.exports {
            row.insert(export.column.clone(), this.get(&export.column)?.clone());
        }
        Some(row)
    }

    fn run_exports(
        &mut self,
        resource: &Resource,
        names: &Names,
        exports: &Statement<'_>,
    ) -> Step<()> {
        let is_mutating = self.is_mutating(resource, &exports.sql)?;
        let attempts = exports.anchor.options.tries(1).saturating_add(1);
        self.info(&format!("exporting variables for [{}]...", resource.name));
        let rows = if is_mutating {
            // a write is sent once
            let operation = Operation::Run;
            let write = |flow: &mut Self| flow.write(resource, names, exports);
            self.change(resource, operation, &Map::new(), write)?.rows
        } else {
            self.read(resource, names, exports, attempts)?
        };
        match self.one(resource, exports, rows)? {
            Some(row) => {
                self.keep_exports(resource, &row);
                Ok(())
            }
            None => Err(Box::new(
                Report::new(
                    Code::AssertionFailed,
                    format!("`exports` of `{}` has no row", resource.name),
                )
                .with_place(exports.file, exports.anchor.line)
                .with_help("the query must find one object"),
            )),
        }
    }

    fn build_script(&mut self, resource: &Resource, names: &Names) -> Step<()> {
        if self.options.dry_run {
            return self.script(resource, names);
        }
        if self.is_done_already(resource)? {
            self.unknown(resource);
            return Ok(());
        }
        let run = |flow: &mut Self| flow.script(resource, names);
        self.change(resource, Operation::Run, &Map::new(), run)
    }

    fn query(&mut self, resource: &Resource, names: &Names) -> Step<()> {
        let queries = self.queries(resource)?;
        if queries.get("exports").is_none() {
            return Err(Box::new(
                self.stack
                    .error(resource.line, format!("the query `{}` has no `exports`", resource.name))
                    .with_help("add `sql:`, or the line `/*+ exports */` and a SELECT to its file"),
            ));
        }
        if self.options.dry_run {
            if let Some(statement) = self.deferred(resource, &queries, "exports", names)? {
                let text = format!(
                    "dry run exports query for [{}]:\n\n{}\n",
                    resource.name, statement.sql
                );
                self.info(&text);
            }
            self.evaluated(resource);
        } else if resource.exports.is_empty() {
            self.tell(
                Level::Warn,
                &format!("query [{}] exports nothing, it is not run", resource.name),
            );
        } else if let Some(exports) = self.rendered(resource, &queries, "exports", names)? {
            if self.is_mutating(resource, &exports.sql)? && self.is_done_already(resource)? {
                // what it returned was shown to the earlier run only
                self.unknown(resource);
            } else {
                self.run_exports(resource, names, &exports)?;
            }
        }
        self.info(&format!("successfully exported variables for query in {}", resource.name));
        Ok(())
    }

    fn command(&mut self, resource: &Resource, names: &Names) -> Step<()> {
        let queries = self.queries(resource)?;
        if queries.get("command").is_none() {
            return Err(Box::new(
                self.stack
                    .error(
                        resource.line,
                        format!("the command `{}` has no statement", resource.name),
                    )
                    .with_help(
                        "add `sql:`, or the line `/*+ command */` and a statement to its file",
                    ),
            ));
        }
        if self.options.dry_run {
            let text = match self.deferred(resource, &queries, "command", names)? {
                Some(statement) => statement.sql,
                None => {
                    queries.get("command").map(|anchor| anchor.text.clone()).unwrap_or_default()
                }
            };
            self.info(&format!("dry run command for [{}]:\n\n{text}\n", resource.name));
            return Ok(());
        }
        let Some(statement) = self.rendered(resource, &queries, "command", names)? else {
            return Ok(());
        };
        if self.is_done_already(resource)? {
            return Ok(());
        }
        self.info("running command...");
        let write = |flow: &mut Self| flow.write(resource, names, &statement);
        let answer = self.change(resource, Operation::Run, &Map::new(), write)?;
        if let Some(row) = answer.rows.first() {
            self.scope.returned(&resource.name, &crate::verdict::returned(row));
        }
        self.info(&format!("successfully executed command for {}", resource.name));
        Ok(())
    }
}

const fn state_of(done: Done) -> &'static str {
    match done {
        Done::Updated => "is not in the desired state",
        _ => "does not exist",
    }
}
