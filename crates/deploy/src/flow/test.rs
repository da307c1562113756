//! `test`: every resource is compared with the manifest; nothing is changed.

use strataql_diag::{Code, Report};

use super::{Ended, Flow, Step};
use crate::manifest::{Kind, Resource};
use crate::runner::Level;

/// The verdict on one resource.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// The resource.
    pub resource: String,
    /// Why it failed, or nothing if it is as the manifest says.
    pub failure: Option<Box<Report>>,
    /// True if it was not tested.
    pub is_skipped: bool,
    /// How long the test took.
    pub seconds: f64,
}

impl Flow<'_> {
    /// Runs the flow. All resources are tested, whatever the verdict on one.
    ///
    /// # Errors
    /// Failures that are no verdict; with `fail_fast` also the first verdict.
    pub fn test(mut self) -> Step<Ended> {
        self.begin("testing")?;
        let mut ended = Ended::default();
        for (at, resource) in self.stack.resources.iter().enumerate() {
            if !self.is_targeted(resource) {
                self.read_exports(resource)?;
                continue;
            }
            self.progress(at, resource);
            let started = std::time::Instant::now();
            let result = self.tested(resource);
            let (failure, is_skipped) = match result {
                Ok(is_tested) => (None, !is_tested),
                Err(report) if report.code == Code::Cancelled => return Err(report),
                Err(report) => {
                    if self.options.fail_fast {
                        return Err(report);
                    }
                    self.failed(resource, &report);
                    (Some(report), false)
                }
            };
            let seconds = started.elapsed().as_secs_f64();
            let resource = resource.name.clone();
            ended.verdicts.push(Verdict { resource, failure, is_skipped, seconds });
        }
        let failed = ended.verdicts.iter().filter(|verdict| verdict.failure.is_some()).count();
        if failed == 0 {
            ended.outputs = self.outputs()?;
            let dry = if self.options.dry_run { "dry-run " } else { "" };
            self.frame(&format!("{dry}tests complete"))?;
        } else {
            self.tell(Level::Error, &format!("{failed} of {} tests failed", ended.verdicts.len()));
        }
        self.info(&format!("deployment tests completed in {}", self.elapsed()));
        Ok(ended)
    }

    /// Tests a resource; false if there is nothing to test.
    fn tested(&mut self, resource: &Resource) -> Step<bool> {
        let Some(mut names) = self.enter(resource)? else { return Ok(false) };
        match resource.kind {
            Kind::Command => return Ok(false),
            Kind::Script if self.options.run_scripts || self.options.dry_run => {
                self.script(resource, &names)?;
                return Ok(false);
            }
            Kind::Script => {
                self.info(&format!(
                    "script [{}] is not run by test, `--run-scripts` runs it",
                    resource.name
                ));
                self.unknown(resource);
                return Ok(false);
            }
            Kind::Query | Kind::Resource | Kind::Multi => {}
        }
        if self.is_native(resource)
            && !self.options.dry_run
            && let Some(native) = self.native(resource, &names)?
        {
            return self.test_native(&native, &names).map(|()| true);
        }
        let queries = self.queries(resource)?;
        if resource.kind == Kind::Query {
            return self.tested_query(resource, &queries, &names).map(|()| false);
        }
        let has_exists = queries.get("exists").is_some();
        let mut is_there = false;
        let mut identifies = false;
        if let Some(exists) = self.deferred(resource, &queries, "exists", &names)?
            && !exists.is_unknown()
        {
            let attempts = exists.anchor.options.tries(1);
            if let Some(captured) =
                self.exists(resource, &names, &exists, attempts, &exists.anchor.options)?
            {
                is_there = true;
                identifies = !captured.is_empty();
                names.capture(&captured);
            }
        }
        let check = if is_there || has_exists || self.options.dry_run {
            self.deferred(resource, &queries, "statecheck", &names)?
        } else {
            self.rendered(resource, &queries, "statecheck", &names)?
        };
        let exports = self.deferred(resource, &queries, "exports", &names)?;
        let is_unknown = [&check, &exports].into_iter().flatten().any(|one| one.is_unknown());
        if is_unknown && !self.options.dry_run {
            self.info(&format!(
                "[{}] is not tested: it needs a value that is not known",
                resource.name
            ));
            self.unknown(resource);
            return Ok(false);
        }
        // a check may still say that all is well: `exists` may look at something else
        let has_check = check.is_some()
            || queries.get("statecheck").is_none()
                && exports.as_ref().is_some_and(|e| !e.is_unknown());
        let is_missing = has_exists && !is_there && !self.options.dry_run;
        if is_missing && (resource.skip_validation || !has_check) {
            return Err(self.not_as_said(resource, "it does not exist"));
        }
        let mut row = None;
        let is_correct = if resource.skip_validation {
            self.info(&format!("skipping validation for [{}]", resource.name));
            true
        } else if let Some(check) = &check {
            let attempts = check.anchor.options.tries(1);
            let is_right = self.state(resource, &names, check, attempts)?;
            if !is_right {
                let exists = self.deferred(resource, &queries, "exists", &names)?;
                for field in self.explained(resource, &names, check, exists.as_ref())? {
                    self.info(&format!("[{}] {}", resource.name, field.told()));
                }
            }
            is_right
        } else if let Some(exports) = &exports {
            row = self.proxy(resource, &names, exports, 2)?;
            row.is_some() || self.options.dry_run
        } else if identifies || is_there || self.options.dry_run {
            true
        } else {
            return Err(Box::new(
                self.stack
                    .error(
                        resource.line,
                        format!(
                            "`{}` has no `statecheck` or `exports` to test with",
                            resource.name
                        ),
                    )
                    .with_help(format!(
                        "add the line `/*+ statecheck */` and a SELECT to `{}`",
                        queries.file
                    )),
            ));
        };
        if !is_correct {
            return Err(self.not_as_said(resource, "it is not in the desired state"));
        }
        self.info(&format!("test passed for {}", resource.name));
        if resource.exports.is_empty() {
            return Ok(true);
        }
        if self.options.dry_run {
            self.evaluated(resource);
        } else if let Some(row) = row {
            self.keep_exports(resource, &row);
        } else if let Some(exports) = exports {
            let rows = self.read(resource, &names, &exports, 2)?;
            match self.one(resource, &exports, rows)? {
                Some(row) => self.keep_exports(resource, &row),
                None => self.unknown(resource),
            }
        } else {
            self.unknown(resource);
        }
        Ok(true)
    }

    fn tested_query(
        &mut self,
        resource: &Resource,
        queries: &crate::iql::QueryFile,
        names: &crate::scope::Names,
    ) -> Step<()> {
        if resource.exports.is_empty() {
            return Ok(());
        }
        if self.options.dry_run {
            self.evaluated(resource);
            return Ok(());
        }
        let Some(exports) = self.rendered(resource, queries, "exports", names)? else {
            return Ok(());
        };
        if exports.is_unknown() {
            self.unknown(resource);
            return Ok(());
        }
        if self.is_mutating(resource, &exports.sql)? && !self.options.run_scripts {
            self.info(&format!("query [{}] writes, it is not run by test", resource.name));
            self.unknown(resource);
            return Ok(());
        }
        let rows = if self.is_mutating(resource, &exports.sql)? {
            self.write(resource, names, &exports)?.rows
        } else {
            self.read(resource, names, &exports, 2)?
        };
        match self.one(resource, &exports, rows)? {
            Some(row) => {
                self.keep_exports(resource, &row);
                Ok(())
            }
            None => Err(self.not_as_said(resource, "its query has no row")),
        }
    }

    fn not_as_said(&self, resource: &Resource, why: &str) -> Box<Report> {
        Box::new(
            self.stack
                .failed(resource, format!("test failed for {}.", resource.name))
                .with_note(why.to_owned())
                .with_help("`strataql deploy build` makes it so"),
        )
    }
}
