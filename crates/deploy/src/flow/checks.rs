//! `exists`, `statecheck` and exports as checks.

use serde_json::{Map, Value as Json};
use strataql_diag::{Code, Report};

use super::polling::Pace;
use super::statements::Statement;
use super::{Flow, Step};
use crate::iql::Options;
use crate::manifest::Resource;
use crate::runner::Row;
use crate::scope::Names;
use crate::verdict::{self, Presence};

impl Flow<'_> {
    /// Whether an object is there, asked up to `attempts` times.
    pub(super) fn exists(
        &self,
        resource: &Resource,
        names: &Names,
        statement: &Statement<'_>,
        attempts: u32,
        pause: &Options,
    ) -> Step<Option<Map<String, Json>>> {
        if self.options.dry_run {
            let text =
                format!("dry run exists check for [{}]:\n\n{}\n", resource.name, statement.sql);
            self.info(&text);
            return Ok(None);
        }
        self.info(&format!("running exists check for [{}]...", resource.name));
        let mut pace = Pace::of(pause);
        for attempt in 1..=attempts.max(1) {
            let rows = self.rows(resource, names, statement)?;
            let found = match verdict::presence(&rows) {
                Presence::Present(captured) => Some(captured),
                Presence::Absent => None,
                Presence::Many(count) => return Err(self.many(resource, statement, count)),
            };
            // what is there stays there, also while it is not yet as `until` says
            let is_reached = found.is_some() && self.is_reached(statement, rows.first())?;
            let is_last = is_reached || attempt >= attempts || !self.wait(&mut pace)?;
            if is_last && found.is_some() {
                self.info(&format!("[{}] exists", resource.name));
                return Ok(found);
            }
            if is_last {
                break;
            }
        }
        self.info(&format!("[{}] does not exist", resource.name));
        Ok(None)
    }

    /// Whether an object is as it should be, asked up to `attempts` times.
    pub(super) fn state(
        &self,
        resource: &Resource,
        names: &Names,
        statement: &Statement<'_>,
        attempts: u32,
    ) -> Step<bool> {
        if self.options.dry_run {
            let text =
                format!("dry run statecheck for [{}]:\n\n{}\n", resource.name, statement.sql);
            self.info(&text);
            return Ok(true);
        }
        self.info(&format!("running state check for [{}]...", resource.name));
        let mut pace = Pace::of(&statement.anchor.options);
        for attempt in 1..=attempts.max(1) {
            let rows = self.rows(resource, names, statement)?;
            self.not_failed(resource, statement, rows.first())?;
            match verdict::presence(&rows) {
                Presence::Present(_) if self.is_reached(statement, rows.first())? => {
                    self.info(&format!("[{}] is in the desired state", resource.name));
                    return Ok(true);
                }
                Presence::Present(_) | Presence::Absent => {}
                Presence::Many(count) => return Err(self.many(resource, statement, count)),
            }
            if attempt < attempts && !self.wait(&mut pace)? {
                break;
            }
        }
        self.info(&format!("[{}] is not in the desired state", resource.name));
        Ok(false)
    }

    /// The exports query as a check: it is correct if it has a row.
    pub(super) fn proxy(
        &self,
        resource: &Resource,
        names: &Names,
        statement: &Statement<'_>,
        attempts: u32,
    ) -> Step<Option<Row>> {
        if self.options.dry_run {
            let text =
                format!("dry run exports check for [{}]:\n\n{}\n", resource.name, statement.sql);
            self.info(&text);
            return Ok(None);
        }
        self.info(&format!("running exports check for [{}]...", resource.name));
        let rows = self.read(resource, names, statement, attempts)?;
        let row = self.one(resource, statement, rows)?;
        let is = if row.is_some() { "is" } else { "is not" };
        self.info(&format!("[{}] {is} in the desired state", resource.name));
        Ok(row)
    }

    /// The only row of a result.
    pub(super) fn one(
        &self,
        resource: &Resource,
        statement: &Statement<'_>,
        rows: Vec<Row>,
    ) -> Step<Option<Row>> {
        if rows.len() > 1 {
            return Err(Box::new(
                Report::new(
                    Code::AssertionFailed,
                    format!(
                        "`{}` of `{}` has {} rows, and may have one",
                        statement.name,
                        resource.name,
                        rows.len()
                    ),
                )
                .with_place(statement.file, statement.anchor.line)
                .with_help("add a condition to WHERE that names one object"),
            ));
        }
        Ok(rows.into_iter().next())
    }

    /// One look. An answer "not found" is no rows; every other failure is one.
    fn rows(
        &self,
        resource: &Resource,
        names: &Names,
        statement: &Statement<'_>,
    ) -> Step<Vec<Row>> {
        match self.ask(resource, names, statement, true) {
            Ok(answer) => Ok(answer.rows),
            Err(report) if verdict::is_missing(&report) => Ok(Vec::new()),
            Err(report) => Err(report),
        }
    }

    fn many(&self, resource: &Resource, statement: &Statement<'_>, count: u64) -> Box<Report> {
        Box::new(
            Report::new(
                Code::AssertionFailed,
                format!(
                    "`{}` of `{}` finds {count} objects, more than one resource",
                    statement.name, resource.name
                ),
            )
            .with_place(statement.file, statement.anchor.line)
            .with_help("add a condition to WHERE that names one object"),
        )
    }
}
