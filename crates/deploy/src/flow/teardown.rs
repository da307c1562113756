//! `teardown`: resources are deleted in reverse order, and their absence is checked.

use serde_json::{Map, Value as Json};
use strataql_diag::{Code, Report};

use super::polling::Pace;
use super::statements::Statement;
use super::{Ended, Flow, OnFailure, Step};
use crate::iql::QueryFile;
use crate::journal::Operation;
use crate::manifest::{Kind, Resource};
use crate::runner::Level;
use crate::scope::Names;
use crate::verdict;

/// How a deletion ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gone {
    /// It was not there.
    Absent,
    /// It is left where it is, as the manifest says.
    Kept,
    /// It is not there any more.
    Confirmed,
    /// It may be there.
    Unconfirmed,
}

impl Flow<'_> {
    /// Runs the flow.
    ///
    /// # Errors
    /// The first failure, unless failures are ignored.
    pub fn teardown(mut self) -> Step<Ended> {
        self.begin("tearing down")?;
        self.record_run("teardown")?;
        let mut ended = Ended::default();
        self.info("collecting exports from all resources...");
        for resource in &self.stack.resources {
            self.read_exports(resource)?;
        }
        for (at, resource) in self.stack.resources.iter().enumerate().rev() {
            if !self.is_targeted(resource) {
                continue;
            }
            self.progress(at, resource);
            match self.deleted(resource, false) {
                Ok(Gone::Unconfirmed) => ended.unconfirmed.push(resource.name.clone()),
                Ok(Gone::Absent | Gone::Kept | Gone::Confirmed) => {}
                Err(report) if report.code == Code::Cancelled => return Err(report),
                Err(report) if self.options.on_failure == OnFailure::Ignore => {
                    self.failed(resource, &report);
                    ended.failed.push(resource.name.clone());
                }
                Err(report) => return self.ended_with(resource, report),
            }
        }
        self.record_end(ended.failed.is_empty() && ended.unconfirmed.is_empty())?;
        for name in &ended.unconfirmed {
            self.tell(
                Level::Error,
                &format!("deletion of [{name}] was not confirmed, it may still be there"),
            );
        }
        self.info(&format!("teardown completed in {}", self.elapsed()));
        let dry = if self.options.dry_run { "dry-run " } else { "" };
        self.frame(&format!("{dry}teardown complete"))?;
        Ok(ended)
    }

    /// Deletes a resource. `undoes` is true if the run created it itself.
    pub(super) fn deleted(&mut self, resource: &Resource, undoes: bool) -> Step<Gone> {
        if !matches!(resource.kind, Kind::Resource | Kind::Multi) || resource.unknown_kind.is_some()
        {
            self.tell(Level::Debug, &format!("[{}] has nothing to delete", resource.name));
            return Ok(Gone::Kept);
        }
        if (resource.skip_on_delete || resource.lifecycle.is_retained) && !undoes {
            self.info(&format!("Skipping delete for [{}] (skip_on_delete)", resource.name));
            return Ok(Gone::Kept);
        }
        if resource.lifecycle.is_protected && !undoes {
            return Err(Box::new(
                self.stack
                    .failed(resource, format!("`{}` is protected and not deleted", resource.name))
                    .with_help("remove `lifecycle.protect` to delete it, or leave it with `lifecycle.retain`"),
            ));
        }
        let Some(mut names) = self.enter(resource)? else { return Ok(Gone::Kept) };
        self.own_exports(resource, &mut names);
        if self.is_native(resource) {
            return match self.native_or_unknown(resource, &names)? {
                Some(native) => self.delete_native(&native, &names),
                None => Ok(Gone::Absent),
            };
        }
        let queries = self.queries(resource)?;
        if queries.get("delete").is_none() {
            self.info(&format!("delete query not defined for [{}], skipping...", resource.name));
            return Ok(Gone::Kept);
        }
        let check_name = if queries.get("exists").is_some() { "exists" } else { "statecheck" };
        if queries.get(check_name).is_none() && queries.get("exports").is_none() {
            self.info(&format!("exists query not defined for [{}], skipping...", resource.name));
            return Ok(Gone::Kept);
        }
        let check_name = if queries.get(check_name).is_some() { check_name } else { "exports" };
        let check = self.deferred(resource, &queries, check_name, &names)?;
        let Some(check) = check.filter(|check| !check.is_unknown()) else {
            self.info(&format!(
                "[{}] depends on what is not there, taken as deleted",
                resource.name
            ));
            return Ok(Gone::Absent);
        };
        if self.options.dry_run {
            let sql = match self.deferred(resource, &queries, "delete", &names)? {
                Some(delete) => delete.sql,
                None => queries.get("delete").map(|anchor| anchor.text.clone()).unwrap_or_default(),
            };
            self.info(&format!("dry run delete for [{}]:\n\n{sql}\n", resource.name));
            return Ok(Gone::Confirmed);
        }
        let attempts = check.anchor.options.tries(1);
        match self.exists(resource, &names, &check, attempts, &check.anchor.options)? {
            Some(captured) => names.capture(&captured),
            None if resource.kind == Kind::Multi => {}
            None => {
                self.info(&format!("resource [{}] does not exist, skipping delete", resource.name));
                return Ok(Gone::Absent);
            }
        }
        let delete = self.rendered(resource, &queries, "delete", &names)?;
        let Some(mut delete) = delete else { return Ok(Gone::Kept) };
        if delete.is_unknown() {
            self.tell(
                Level::Warn,
                &format!("[{}] is not deleted: a value of its delete is not known", resource.name),
            );
            return Ok(Gone::Unconfirmed);
        }
        if resource.return_values.delete.is_none() {
            delete.sql = without_returning(&delete.sql);
        }
        self.delete(resource, &queries, &mut names, &delete, &check)
    }

    fn delete(
        &mut self,
        resource: &Resource,
        queries: &QueryFile,
        names: &mut Names,
        delete: &Statement<'_>,
        check: &Statement<'_>,
    ) -> Step<Gone> {
        let attempts = delete.anchor.options.tries(1).max(1);
        let mut pace = Pace::of(&delete.anchor.options);
        for attempt in 1..=attempts {
            self.info(&format!("deleting [{}]...", resource.name));
            let sent = self.change(resource, Operation::Delete, &Map::new(), |flow| {
                flow.ask(resource, names, delete, false)
            });
            match sent {
                Ok(answer) => {
                    self.returned(resource, names, "delete", &answer, true)?;
                    if !answer.rows.is_empty() {
                        self.callback(resource, queries, "delete", names)?;
                    }
                }
                Err(report) if verdict::is_missing(&report) => {}
                // another attempt may find that what held it is gone
                Err(report)
                    if attempt < attempts
                        && verdict::is_refusal(&report)
                        && self.wait(&mut pace)? =>
                {
                    self.tell(
                        Level::Warn,
                        &format!("[{}] delete was refused: {}", resource.name, report.message),
                    );
                    continue;
                }
                Err(report) => {
                    self.troubleshoot(resource, queries, "delete", names)?;
                    return Err(report);
                }
            }
            if self.is_gone(resource, names, check)? {
                self.info(&format!("[{}] confirmed deleted", resource.name));
                self.info(&format!("successfully deleted {}", resource.name));
                return Ok(Gone::Confirmed);
            }
            if attempt < attempts && !self.wait(&mut pace)? {
                break;
            }
        }
        self.troubleshoot(resource, queries, "delete", names)?;
        self.tell(Level::Error, &format!("[{}] is still there after its delete", resource.name));
        Ok(Gone::Unconfirmed)
    }

    /// Polls until the object is not there.
    fn is_gone(&self, resource: &Resource, names: &Names, check: &Statement<'_>) -> Step<bool> {
        let options = &check.anchor.options;
        let retries = options.postdelete_retries();
        let mut pace = Pace::from(options.postdelete_delay(), options);
        for attempt in 0..=retries {
            let there = self.exists(resource, names, check, 1, options)?;
            if there.is_none() {
                return Ok(true);
            }
            if attempt < retries && !self.wait(&mut pace)? {
                break;
            }
        }
        Ok(false)
    }

    /// The resource's own exports, under their names and under the columns they come from: another
    /// resource may export the same name.
    fn own_exports(&self, resource: &Resource, names: &mut Names) {
        let Some(own) = self.scope.exported(&resource.name) else { return };
        for export in &resource.exports {
            let Some(value) = own.get(&export.name) else { continue };
            let is_prop = |name: &str| resource.props.iter().any(|prop| prop.name == name);
            if !is_prop(&export.name) {
                names.set(&export.name, value.clone());
            }
            if export.column != export.name && !is_prop(&export.column) {
                names.set(&export.column, value.clone());
            }
        }
        let known = own
            .iter()
            .filter(|(_, value)| **value != Json::String(crate::scope::UNKNOWN.to_owned()));
        names.capture(&known.map(|(k, v)| (k.clone(), v.clone())).collect());
    }
}

/// A statement without its last RETURNING.
fn without_returning(sql: &str) -> String {
    let Some(at) = sql.to_uppercase().rfind("RETURNING") else { return sql.to_owned() };
    // upper case may have another length than the text
    match sql.get(at..at + 9) {
        Some(word) if word.eq_ignore_ascii_case("RETURNING") => sql[..at].trim_end().to_owned(),
        _ => sql.to_owned(),
    }
}

impl crate::manifest::Stack {
    /// A resource that is not as it should be.
    pub(crate) fn failed(&self, resource: &Resource, message: impl Into<String>) -> Box<Report> {
        Box::new(Report::new(Code::AssertionFailed, message).with_place(&*self.file, resource.line))
    }
}
