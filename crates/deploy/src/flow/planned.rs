//! `plan`: what a build would do. Only reads are sent.

use super::native::Difference;
use super::{Flow, Step};
use crate::manifest::{Kind, Resource};
use crate::plan::{Action, Change, Plan};
use crate::scope::{Names, UNKNOWN};

impl Flow<'_> {
    /// Makes the plan.
    ///
    /// # Errors
    /// Failures of reads, and mistakes of the manifest.
    pub fn plan(mut self) -> Step<Plan> {
        let mut plan = Plan {
            format: "deploy-plan/1",
            stack: self.stack.name.clone(),
            env: self.options.environment.clone(),
            manifest_sha256: self.stack.digest.clone(),
            changes: Vec::new(),
        };
        for resource in &self.stack.resources {
            if !self.is_targeted(resource) {
                self.read_exports(resource)?;
                continue;
            }
            let change = self.planned(resource)?;
            plan.changes.push(change);
        }
        Ok(plan)
    }

    fn planned(&mut self, resource: &Resource) -> Step<Change> {
        self.check_kind(resource)?;
        let mut names = self.scope.names(resource)?;
        let change = |action, why: Option<&str>| Change {
            resource: resource.name.clone(),
            action,
            why: why.map(str::to_owned),
            fields: Vec::new(),
            statements: Vec::new(),
        };
        if !self.applies(resource, &names)? {
            return Ok(change(Action::Skip, Some("its condition does not hold")));
        }
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
        let action = match (found.exists, found.is_correct) {
            (false, _) => Action::Create,
            (true, true) => Action::None,
            (true, false) => Action::Update,
        };
        let name = if action == Action::Create { "create" } else { "update" };
        let mut change = change(action, None);
        if action == Action::None {
            match found.row {
                Some(row) => self.keep_exports(resource, &row),
                None => self.read_exports(resource)?,
            }
            return Ok(change);
        }
        change
            .statements
            .extend(self.deferred(resource, &queries, name, &names)?.map(|s| known_later(&s.sql)));
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
        let difference: Difference = self.difference(&native, names)?;
        change.action = difference.action;
        let statements = self.statements(&native, &difference)?;
        change.statements = statements.iter().map(|sql| known_later(sql)).collect();
        if change.action != Action::None {
            change.fields.clone_from(&difference.fields);
        }
        for field in &mut change.fields {
            if field.after.as_str().is_some_and(|text| text.contains(UNKNOWN)) {
                field.after = serde_json::Value::from("(known after apply)");
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

fn known_later(sql: &str) -> String {
    sql.replace(UNKNOWN, "(known after apply)")
}
