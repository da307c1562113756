//! `plan`: what a build would do. Only reads are sent.

use serde_json::Value as Json;
use strataql_diag::{Code, Report};

use super::native::Difference;
use super::{Flow, Step};
use crate::manifest::{Kind, Resource};
use crate::plan::{Action, Change, FORMAT, Plan};
use crate::runner::Ask;
use crate::scope::{Names, UNKNOWN};

/// What stands in a plan for a value that an earlier resource gives.
const KNOWN_LATER: &str = "(known after apply)";

impl Flow<'_> {
    fn new_plan(&self) -> Plan {
        let used = |name: &str| self.stack.providers.iter().any(|pin| pin.name == name);
        Plan {
            format: FORMAT.to_owned(),
            folder: self.stack.folder.display().to_string(),
            stack: self.stack.name.clone(),
            env: self.options.environment.clone(),
            manifest_sha256: self.stack.digest.clone(),
            values_sha256: self.scope.digest(),
            providers: self.runner.providers().into_iter().filter(|(name, _)| used(name)).collect(),
            changes: Vec::new(),
            violations: Vec::new(),
            sha256: String::new(),
        }
    }

    /// Refuses a plan that was made for something else.
    pub(super) fn check_plan(&self) -> Step<()> {
        let Some(plan) = &self.options.plan else { return Ok(()) };
        if let Some(report) = plan.forbidden() {
            return Err(report);
        }
        let now = self.new_plan();
        let what = if plan.sha256 != plan.digest() {
            "the file was changed after it was written"
        } else if (&plan.stack, &plan.env) != (&now.stack, &now.env) {
            "it is of another stack or environment"
        } else if plan.manifest_sha256 != now.manifest_sha256 {
            "the manifest or a query file was changed after it was made"
        } else if plan.values_sha256 != now.values_sha256 {
            "globals or variables have other values than when it was made"
        } else if plan.providers != now.providers {
            "the documents of the providers have other versions than when it was made"
        } else {
            return Ok(());
        };
        Err(stale(what.to_owned()))
    }

    /// Refuses to treat a resource in another way than the plan says.
    pub(super) fn check_planned(
        &self,
        resource: &Resource,
        action: Action,
        fingerprint: &str,
    ) -> Step<()> {
        let Some(plan) = &self.options.plan else { return Ok(()) };
        let Some(planned) = plan.changes.iter().find(|one| one.resource == resource.name) else {
            return Ok(());
        };
        let is_as_planned = match &planned.fingerprint {
            Some(seen) => seen == fingerprint,
            // nothing could be seen then
            None => action == Action::Create || action == planned.action,
        };
        if is_as_planned {
            return Ok(());
        }
        let report = stale(format!("`{}` was changed after the plan was made", resource.name));
        Err(Box::new(report.with_place(&*self.stack.file, resource.line).with_note(format!(
            "the plan says `{}`, now it would be `{}`",
            planned.action.word(),
            action.word()
        ))))
    }

    /// The requests of the statements, if they were asked for.
    fn add_requests(&self, resource: &Resource, names: &Names, change: &mut Change) -> Step<()> {
        if self.options.show_requests {
            let auth = self.auth(resource, names)?;
            for sql in &change.statements {
                let ask = Ask { sql, auth: auth.as_ref(), only_reads: true };
                let mut requests = self.runner.requests(&ask)?;
                for request in &mut requests {
                    request.url = known_later(&request.url.replace("%3Cunknown%3E", UNKNOWN));
                    request.body = request.body.as_deref().map(known_later);
                }
                change.requests.extend(requests);
            }
        }
        for sql in &mut change.statements {
            *sql = self.host.masked(&known_later(sql));
        }
        Ok(())
    }

    /// Makes the plan.
    ///
    /// # Errors
    /// Failures of reads, and mistakes of the manifest.
    pub fn plan(mut self) -> Step<Plan> {
        let mut plan = self.new_plan();
        for resource in &self.stack.resources {
            if !self.is_targeted(resource) {
                self.read_exports(resource)?;
                continue;
            }
            let change = self.planned(resource)?;
            plan.changes.push(change);
        }
        // values that are protected leave neither this nor the digest
        let masked = self.host.masked(&plan.json());
        if let Ok(masked) = Plan::parse(&masked) {
            plan = masked;
        }
        plan.violations = self.violations(&plan)?;
        plan.seal();
        Ok(plan)
    }

    fn planned(&mut self, resource: &Resource) -> Step<Change> {
        let entered = self.entered(resource)?;
        let change = |action, why: Option<&str>| Change {
            resource: resource.name.clone(),
            action,
            why: why.map(str::to_owned),
            fields: Vec::new(),
            statements: Vec::new(),
            requests: Vec::new(),
            fingerprint: None,
        };
        let Some(mut names) = entered else {
            return Ok(change(Action::Skip, Some("its condition does not hold")));
        };
        match resource.kind {
            Kind::Script => {
                self.unknown(resource);
                return Ok(change(Action::Run, None));
            }
            Kind::Command => return Ok(change(Action::Run, None)),
            Kind::Query => {
                let queries = self.queries(resource)?;
                let exports = self.deferred(resource, &queries, "exports", &names)?;
                if let Some(exports) = &exports
                    && self.is_mutating(resource, &exports.sql)?
                {
                    self.unknown(resource);
                    return Ok(change(Action::Run, Some("the query writes")));
                }
                self.read_exports(resource)?;
                return Ok(change(Action::Read, None));
            }
            Kind::Resource | Kind::Multi => {}
        }
        if self.is_native(resource) {
            return self.planned_native(resource, &mut names, change(Action::Create, None));
        }
        let queries = self.queries(resource)?;
        let exists = self.deferred(resource, &queries, "exists", &names)?;
        let has_exists = queries.get("exists").is_some();
        if has_exists && exists.as_ref().is_none_or(|exists| exists.is_unknown()) {
            self.unknown(resource);
            return Ok(change(Action::Create, Some("what it depends on is not there yet")));
        }
        if queries.get("createorupdate").is_some() {
            let is_right = match self.deferred(resource, &queries, "statecheck", &names)? {
                Some(check) if !check.is_unknown() => self.state(resource, &names, &check, 1)?,
                _ => false,
            };
            self.read_exports(resource)?;
            return Ok(if is_right {
                change(Action::None, None)
            } else {
                change(Action::Update, Some("created or updated at every build"))
            });
        }
        let found = self.look(resource, &queries, &mut names)?;
        let action = found.action();
        let name = if action == Action::Create { "create" } else { "update" };
        let mut change = change(action, None);
        change.fingerprint = Some(found.fingerprint());
        if action == Action::None {
            match found.row {
                Some(row) => self.keep_exports(resource, &row),
                None => self.read_exports(resource)?,
            }
            return Ok(change);
        }
        if action == Action::Update
            && let Some(check) = self.deferred(resource, &queries, "statecheck", &names)?
        {
            change.fields = self.explained(resource, &names, &check, exists.as_ref())?;
        }
        let statement = self.deferred(resource, &queries, name, &names)?;
        change.statements.extend(statement.map(|statement| statement.sql));
        self.add_requests(resource, &names, &mut change)?;
        if action == Action::Create {
            self.unknown(resource);
        } else {
            self.read_exports(resource)?;
        }
        Ok(change)
    }

    fn planned_native(
        &mut self,
        resource: &Resource,
        names: &mut Names,
        mut change: Change,
    ) -> Step<Change> {
        let Some(native) = self.native(resource, names)? else { return Ok(change) };
        if native.is_unknown() {
            change.why = Some("what it depends on is not there yet".to_owned());
            self.unknown(resource);
            return Ok(change);
        }
        if resource.lifecycle.is_observed {
            change.action = Action::Read;
            match self.native_row(&native, names)? {
                Some(row) => self.keep_exports(resource, &row),
                None => self.unknown(resource),
            }
            return Ok(change);
        }
        let difference: Difference = self.difference(&native, names)?;
        change.action = difference.action;
        change.fingerprint = Some(difference.fingerprint.clone());
        change.statements = self.statements(&native, &difference)?;
        self.add_requests(resource, names, &mut change)?;
        if change.action != Action::None {
            change.fields.clone_from(&difference.fields);
        }
        for field in &mut change.fields {
            if field.after.as_str().is_some_and(|text| text.contains(UNKNOWN)) {
                field.after = Json::from(KNOWN_LATER);
            }
        }
        match difference.row {
            Some(row) if !resource.exports.is_empty() => self.keep_exports(resource, &row),
            Some(_) => {}
            None => self.unknown(resource),
        }
        Ok(change)
    }
}

fn known_later(text: &str) -> String {
    text.replace(UNKNOWN, KNOWN_LATER)
}

fn stale(why: String) -> Box<Report> {
    Box::new(
        Report::new(Code::AssertionFailed, format!("the plan cannot be applied: {why}"))
            .with_help("make a new plan, and look at it"),
    )
}
