//! Changes of a run: written down before they are sent, and taken back if the run fails.

use serde_json::{Map, Value as Json};
use strataql_diag::{Class, Code, Report};

use super::teardown::Gone;
use super::{Ended, Flow, OnFailure, Step};
use crate::journal::{Deed, Entry, FORMAT, Journal, Operation, Outcome};
use crate::manifest::{Kind, Resource};
use crate::moment::Moment;
use crate::runner::Level;

impl Flow<'_> {
    /// Writes a line of the journal.
    pub(super) fn record(&self, entry: &Entry) -> Step<()> {
        match serde_json::to_string(entry) {
            Ok(line) => self.host.record(&self.host.masked(&line)),
            Err(error) => Err(Box::new(Report::internal(error.to_string()))),
        }
    }

    /// The first line of the journal.
    pub(super) fn record_run(&self, mode: &str) -> Step<()> {
        if self.options.dry_run {
            return Ok(());
        }
        self.record(&Entry::Run {
            format: FORMAT.to_owned(),
            mode: mode.to_owned(),
            stack: self.stack.name.clone(),
            env: self.options.environment.clone(),
            manifest_sha256: self.stack.digest.clone(),
            at: Moment::now().to_string(),
        })
    }

    /// The last line of the journal.
    pub(super) fn record_end(&self, complete: bool) -> Step<()> {
        if self.options.dry_run { Ok(()) } else { self.record(&Entry::End { complete }) }
    }

    /// Sends a change, with what it does in the journal before it and how it ended after it.
    pub(super) fn change<T>(
        &mut self,
        resource: &Resource,
        operation: Operation,
        before: &Map<String, Json>,
        send: impl FnOnce(&mut Self) -> Step<T>,
    ) -> Step<T> {
        if self.is_undoing {
            return send(self);
        }
        let mut before = before.clone();
        before.retain(|name, _| !strataql_diag::is_secret_name(name));
        let name = resource.name.clone();
        self.record(&Entry::Intent { resource: name.clone(), operation, before: before.clone() })?;
        let result = send(self);
        let outcome = match &result {
            Ok(_) => Outcome::Done,
            Err(report) if may_have_happened(report) => Outcome::Unknown,
            Err(_) => Outcome::Refused,
        };
        if outcome != Outcome::Refused {
            self.deeds.push(Deed { resource: name.clone(), operation, outcome, before });
        }
        let message = result.as_ref().err().map(|report| report.message.clone());
        let written = self.record(&Entry::Outcome { resource: name, operation, outcome, message });
        match (result, written) {
            (Ok(value), Ok(())) => Ok(value),
            (Err(report), _) | (Ok(_), Err(report)) => Err(report),
        }
    }

    /// What an earlier run, which this one goes on after, says of a command or a script.
    pub(super) fn earlier(&self, resource: &Resource) -> Option<Outcome> {
        let deeds = self.options.earlier.as_ref()?.deeds();
        let own = deeds
            .into_iter()
            .rev()
            .find(|deed| deed.resource == resource.name && deed.operation == Operation::Run);
        own.map(|deed| deed.outcome)
    }

    /// True if a command or a script of an earlier run is not to be run again.
    ///
    /// # Errors
    /// The earlier run ended while it ran: nobody knows whether it did.
    pub(super) fn is_done_already(&self, resource: &Resource) -> Step<bool> {
        match self.earlier(resource) {
            // what it exports is needed again
            Some(Outcome::Done)
                if resource.kind == Kind::Script && !resource.exports.is_empty() =>
            {
                Ok(false)
            }
            Some(Outcome::Done) => {
                self.info(&format!("[{}] was run before, it is not run again", resource.name));
                Ok(true)
            }
            Some(Outcome::Unknown) if !self.options.rerun.contains(&resource.name) => {
                Err(Box::new(
                    self.stack
                        .failed(
                            resource,
                            format!(
                                "`{}` may have run before, and nothing can tell",
                                resource.name
                            ),
                        )
                        .with_help(format!(
                            "look whether it did; `--rerun {}` runs it again",
                            resource.name
                        )),
                ))
            }
            _ => Ok(false),
        }
    }

    /// Takes back what an earlier run did.
    ///
    /// # Errors
    /// What keeps the run from its work; what could not be taken back is in the result.
    pub fn rollback(mut self, journal: &Journal) -> Step<Ended> {
        self.begin("rolling back")?;
        self.deeds = journal.deeds();
        for resource in &self.stack.resources {
            self.read_exports(resource)?;
        }
        let left = self.taken_back()?;
        self.record_end(left.is_empty())?;
        for what in &left {
            self.tell(Level::Error, &format!("not rolled back: {what}"));
        }
        self.info(&format!("rollback completed in {}", self.elapsed()));
        self.frame("rollback complete")?;
        Ok(Ended { left, ..Ended::default() })
    }

    /// A failure of a run whose failures are not passed over.
    pub(super) fn ended_with(&mut self, at: &Resource, report: Box<Report>) -> Step<Ended> {
        if self.options.on_failure != OnFailure::Rollback {
            self.record_end(false)?;
            return Err(report);
        }
        self.failed(at, &report);
        let left = self.taken_back()?;
        self.record_end(left.is_empty())?;
        let report = if left.is_empty() {
            report.with_note("what this run did is taken back")
        } else {
            report.with_note(format!("not rolled back: {}", left.join(", ")))
        };
        let report = Box::new(report.with_note(format!("the failure is at `{}`", at.name)));
        Ok(Ended { failed: vec![at.name.clone()], left, failure: Some(report), ..Ended::default() })
    }

    /// Takes back the changes of this run, newest first; gives what was not.
    fn taken_back(&mut self) -> Step<Vec<String>> {
        let mut left = Vec::new();
        while let Some(deed) = self.deeds.pop() {
            let what = format!("`{}` ({})", deed.resource, deed.operation.word());
            let Some(resource) = self.stack.resource(&deed.resource) else {
                left.push(format!("{what}: the manifest has no such resource"));
                continue;
            };
            self.info(&format!("rolling back {} of [{}]...", deed.operation.word(), resource.name));
            self.is_undoing = true;
            let undone = self.undone(resource, &deed);
            self.is_undoing = false;
            match undone {
                Ok(None) => self.record(&Entry::Undone {
                    resource: deed.resource.clone(),
                    operation: deed.operation,
                })?,
                Ok(Some(why)) => left.push(format!("{what}: {why}")),
                Err(report) if report.code == Code::Cancelled => return Err(report),
                Err(report) => {
                    self.failed(resource, &report);
                    left.push(format!("{what}: {}", report.message));
                }
            }
        }
        Ok(left)
    }

    /// Takes back one change; gives why it could not.
    fn undone(&mut self, resource: &Resource, deed: &Deed) -> Step<Option<String>> {
        let is_native = self.is_native(resource);
        match deed.operation {
            Operation::Create => Ok(match self.deleted(resource, true)? {
                Gone::Confirmed | Gone::Absent => None,
                Gone::Unconfirmed => Some("it may still be there".to_owned()),
                Gone::Kept => Some("it is kept".to_owned()),
            }),
            Operation::Update if is_native => self.restored(resource, &deed.before).map(|()| None),
            Operation::Delete if is_native => self.recreated(resource, &deed.before).map(|()| None),
            Operation::Delete => {
                self.deploy(resource)?;
                Ok(None)
            }
            Operation::Update | Operation::CreateOrUpdate | Operation::Run => {
                let names = self.scope.names(resource)?;
                let queries = self.queries(resource)?;
                match self.deferred(resource, &queries, "rollback", &names)? {
                    Some(statement) if !statement.is_unknown() => {
                        self.ask(resource, &names, &statement, false)?;
                        Ok(None)
                    }
                    _ => Ok(Some("it has no anchor `rollback`".to_owned())),
                }
            }
        }
    }
}

/// True unless the failure says that nothing was changed.
fn may_have_happened(report: &Report) -> bool {
    match report.code {
        Code::WriteOutcomeUnknown | Code::Cancelled => true,
        Code::RateLimited => false,
        code => code.class() == Class::Transient,
    }
}
