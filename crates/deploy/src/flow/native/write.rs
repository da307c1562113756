//! Bringing native resources to their desired state, testing and deleting them.

use serde_json::{Map, Value as Json};

use super::read::Difference;
use super::shape::Native;
use crate::flow::teardown::Gone;
use crate::flow::{Flow, Step};
use crate::journal::Operation;
use crate::manifest::Resource;
use crate::plan::Action;
use crate::runner::{Answer, Ask, Level, Row};
use crate::scope::Names;
use crate::template::json::plain;
use crate::verdict;

/// Looks after a deletion, with growing pauses.
const LOOKS: u64 = 10;

impl Flow<'_> {
    /// Runs a statement of a native resource; `what` is `read` or what it writes.
    pub(super) fn ask_native(
        &self,
        native: &Native<'_>,
        names: &Names,
        what: &str,
        sql: &str,
    ) -> Step<Answer> {
        self.show(what, native.resource, sql);
        let auth = self.auth(native.resource, names)?;
        let ask = Ask { sql, auth: auth.as_ref(), only_reads: what == "read" };
        self.runner.run(&ask).map_err(|mut report| {
            report.labels.clear();
            let report = match &report.place {
                Some(_) => report,
                None => Box::new(report.with_place(&*self.stack.file, native.resource.line)),
            };
            Box::new(report.with_note(format!("for the resource `{}`", native.resource.name)))
        })
    }

    /// Brings a native resource to its desired state.
    pub(in crate::flow) fn deploy_native(
        &mut self,
        native: &Native<'_>,
        names: &mut Names,
    ) -> Step<()> {
        let resource = native.resource;
        if self.options.dry_run {
            let nothing = Difference {
                action: Action::Create,
                fields: Vec::new(),
                row: None,
                fingerprint: String::new(),
            };
            let sql = self.statement(native, &nothing, Action::Create)?;
            self.info(&format!("dry run create for [{}]:\n\n{sql}\n", resource.name));
            self.evaluated(resource);
            return Ok(());
        }
        let difference = self.difference(native, names)?;
        self.check_planned(resource, difference.action, &difference.fingerprint)?;
        let returned = self.brought(native, names, &difference)?;
        let mut row = difference.row.unwrap_or_default();
        if difference.action != Action::None {
            self.lists.clear();
            let after = self.difference(native, names)?;
            if after.action != Action::None {
                return Err(self.not_shown(native, &after));
            }
            row = after.row.unwrap_or_default();
        }
        for (name, value) in returned {
            row.entry(name).or_insert(value);
        }
        names.capture(&row);
        if !resource.exports.is_empty() {
            self.keep_exports(resource, &row);
        }
        self.info(&format!("successfully deployed {}", resource.name));
        Ok(())
    }

    fn not_shown(&self, native: &Native<'_>, after: &Difference) -> Box<strataql_diag::Report> {
        let left: Vec<&str> = after.fields.iter().map(|field| &*field.path).collect();
        let why = match after.action {
            Action::Create => {
                "the service accepted the creation, and the object is not there".to_owned()
            }
            _ => format!(
                "the service accepted the change and does not show it: {}",
                crate::words::listed(&left)
            ),
        };
        Box::new(
            self.stack
                .failed(
                    native.resource,
                    format!(
                        "deployment failed for {} after post-deploy checks",
                        native.resource.name
                    ),
                )
                .with_note(why)
                .with_help("list fields that the service changes itself in `lifecycle.ignore`"),
        )
    }

    /// Sends what the difference asks for; gives what a creation returned.
    fn brought(
        &mut self,
        native: &Native<'_>,
        names: &Names,
        difference: &Difference,
    ) -> Step<Row> {
        let resource = native.resource;
        let is = |text: &str| format!("[{}] {text}", resource.name);
        match difference.action {
            Action::None => {
                self.info(&is("exists"));
                self.info(&is("is in the desired state"));
            }
            Action::Create if resource.lifecycle.is_observed => {
                return Err(self.stack.failed(
                    resource,
                    format!("`{}` is only read, and does not exist", resource.name),
                ));
            }
            Action::Create => {
                self.info(&format!("[{0}] does not exist, creating [{0}]...", resource.name));
                return self.create_native(native, names);
            }
            Action::Update => {
                self.info(&is("is not in the desired state"));
                self.info(&format!("updating [{}]...", resource.name));
                self.update_native(native, names, difference)?;
            }
            Action::Replace => {
                let fields: Vec<&str> =
                    difference.fields.iter().filter(|f| f.is_replacing).map(|f| &*f.path).collect();
                let fields = crate::words::listed(&fields);
                if resource.lifecycle.is_protected {
                    return Err(Box::new(
                        self.stack
                            .failed(resource, format!("`{}` is protected, and {fields} cannot be changed in place", resource.name))
                            .with_help("remove `lifecycle.protect` to replace it, or list the field in `lifecycle.ignore`"),
                    ));
                }
                self.info(&format!(
                    "replacing [{}], {fields} cannot be changed in place...",
                    resource.name
                ));
                // both must be possible before the object goes
                self.statements(native, difference)?;
                self.drop_native(native, names, difference)?;
                self.lists.clear();
                return self.create_native(native, names);
            }
            Action::Delete | Action::Run | Action::Read | Action::Skip => {}
        }
        Ok(Row::new())
    }

    fn create_native(&mut self, native: &Native<'_>, names: &Names) -> Step<Row> {
        let nothing = Difference {
            action: Action::Create,
            fields: Vec::new(),
            row: None,
            fingerprint: String::new(),
        };
        let sql = self.statement(native, &nothing, Action::Create)?;
        let answer = self.change(native.resource, Operation::Create, &Map::new(), |flow| {
            flow.ask_native(native, names, "create", &sql)
        })?;
        let row = answer.rows.into_iter().next().unwrap_or_default();
        for (name, value) in &row {
            if strataql_diag::is_secret_name(name) && value.is_string() {
                self.host.keep_secret(&plain(value));
            }
        }
        self.scope.returned(&native.resource.name, &verdict::returned(&row));
        Ok(row)
    }

    fn update_native(
        &mut self,
        native: &Native<'_>,
        names: &Names,
        difference: &Difference,
    ) -> Step<()> {
        let sql = self.statement(native, difference, Action::Update)?;
        let before = native.before(difference.row.as_ref());
        if let Some(row) = &difference.row {
            self.confirm(native, names, row)?;
        }
        self.change(native.resource, Operation::Update, &before, |flow| {
            flow.ask_native(native, names, "update", &sql)
        })?;
        Ok(())
    }

    fn drop_native(
        &mut self,
        native: &Native<'_>,
        names: &Names,
        difference: &Difference,
    ) -> Step<()> {
        let sql = self.statement(native, difference, Action::Delete)?;
        let before = native.before(difference.row.as_ref());
        if let Some(row) = &difference.row {
            self.confirm(native, names, row)?;
        }
        let sent = self.change(native.resource, Operation::Delete, &before, |flow| {
            flow.ask_native(native, names, "delete", &sql)
        });
        match sent {
            Ok(_) => Ok(()),
            Err(report) if verdict::is_missing(&report) => Ok(()),
            Err(report) => Err(report),
        }
    }

    /// Gives a changed object the values that it had before.
    pub(in crate::flow) fn restored(
        &mut self,
        resource: &Resource,
        before: &Map<String, Json>,
    ) -> Step<()> {
        let Some((native, names)) = self.as_before(resource, before)? else { return Ok(()) };
        self.lists.clear();
        let difference = self.difference(&native, &names)?;
        match difference.action {
            Action::None => return Ok(()),
            Action::Update => {}
            _ => {
                return Err(self.stack.failed(
                    resource,
                    format!("`{}` cannot be given its earlier values", resource.name),
                ));
            }
        }
        self.update_native(&native, &names, &difference)
    }

    /// Creates a deleted object with the values that it had before.
    pub(in crate::flow) fn recreated(
        &mut self,
        resource: &Resource,
        before: &Map<String, Json>,
    ) -> Step<()> {
        let Some((native, mut names)) = self.as_before(resource, before)? else { return Ok(()) };
        self.lists.clear();
        if self.observed(&native, &names)?.is_some() {
            return Ok(());
        }
        let returned = self.create_native(&native, &names)?;
        names.capture(&returned);
        // it has another identifier than before, which what depends on it needs
        self.lists.clear();
        if let Some(row) = self.observed(&native, &names)?
            && !resource.exports.is_empty()
        {
            self.keep_exports(resource, &row);
        }
        Ok(())
    }

    /// A native resource whose declared values are those that were there before.
    fn as_before<'r>(
        &mut self,
        resource: &'r Resource,
        before: &Map<String, Json>,
    ) -> Step<Option<(Native<'r>, Names)>> {
        let names = self.scope.names(resource)?;
        let Some(mut native) = self.native(resource, &names)? else { return Ok(None) };
        for (name, value) in before {
            native.values.insert(name.clone(), value.clone());
        }
        Ok(Some((native, names)))
    }

    /// Compares a native resource with the manifest.
    pub(in crate::flow) fn test_native(&mut self, native: &Native<'_>, names: &Names) -> Step<()> {
        let resource = native.resource;
        if native.is_unknown() {
            return Err(Box::new(
                self.stack
                    .failed(resource, format!("test failed for {}.", resource.name))
                    .with_note("what it depends on is not there"),
            ));
        }
        let difference = self.difference(native, names)?;
        if difference.action != Action::None {
            let fields: Vec<&str> = difference.fields.iter().map(|field| &*field.path).collect();
            let why = match difference.action {
                Action::Create => {
                    self.unknown(resource);
                    self.info(&format!("[{}] does not exist", resource.name));
                    "it does not exist".to_owned()
                }
                _ => {
                    self.info(&format!("[{}] is not in the desired state", resource.name));
                    for field in &difference.fields {
                        self.info(&format!("[{}] {}", resource.name, field.told()));
                    }
                    if let Some(row) = &difference.row {
                        self.keep_exports(resource, row);
                    }
                    format!("different: {}", crate::words::listed(&fields))
                }
            };
            return Err(Box::new(
                self.stack
                    .failed(resource, format!("test failed for {}.", resource.name))
                    .with_note(why)
                    .with_help("`strataql deploy build` makes it so"),
            ));
        }
        self.info(&format!("test passed for {}", resource.name));
        if let Some(row) = difference.row
            && !resource.exports.is_empty()
        {
            self.keep_exports(resource, &row);
        }
        Ok(())
    }

    /// A native resource, or nothing if one of its values cannot be known.
    pub(in crate::flow) fn native_or_unknown<'r>(
        &self,
        resource: &'r Resource,
        names: &Names,
    ) -> Step<Option<Native<'r>>> {
        match self.native(resource, names) {
            Err(report) if report.code == strataql_diag::Code::UnsetVariable => {
                self.info(&format!(
                    "[{}] depends on what is not there: {}",
                    resource.name, report.message
                ));
                Ok(None)
            }
            other => other,
        }
    }

    /// The exports of a native resource.
    pub(in crate::flow) fn native_row(
        &mut self,
        native: &Native<'_>,
        names: &Names,
    ) -> Step<Option<Row>> {
        if native.is_unknown() { Ok(None) } else { self.observed(native, names) }
    }

    /// Deletes a native resource.
    pub(in crate::flow) fn delete_native(
        &mut self,
        native: &Native<'_>,
        names: &Names,
    ) -> Step<Gone> {
        let resource = native.resource;
        self.lists.clear();
        if native.is_unknown() {
            self.info(&format!(
                "[{}] depends on what is not there, taken as deleted",
                resource.name
            ));
            return Ok(Gone::Absent);
        }
        if self.options.dry_run {
            self.info(&format!("dry run delete for [{}]", resource.name));
            return Ok(Gone::Confirmed);
        }
        let difference = self.difference(native, names)?;
        if difference.row.is_none() {
            self.info(&format!("[{}] does not exist", resource.name));
            return Ok(Gone::Absent);
        }
        if native.methods("delete").next().is_none() {
            self.tell(
                Level::Warn,
                &format!(
                    "[{}] stays: `{}` has no method that deletes it",
                    resource.name, native.described.name
                ),
            );
            return Ok(Gone::Unconfirmed);
        }
        self.info(&format!("deleting [{}]...", resource.name));
        self.drop_native(native, names, &difference)?;
        for look in 0..=LOOKS {
            self.lists.clear();
            if self.observed(native, names)?.is_none() {
                self.info(&format!("[{}] confirmed deleted", resource.name));
                self.info(&format!("successfully deleted {}", resource.name));
                return Ok(Gone::Confirmed);
            }
            if look < LOOKS {
                self.host.wait(std::time::Duration::from_secs(look.min(5) + 1))?;
            }
        }
        self.tell(Level::Error, &format!("[{}] is still there after its delete", resource.name));
        Ok(Gone::Unconfirmed)
    }
}

impl Native<'_> {
    /// The values that the declared props have in a row.
    fn before(&self, row: Option<&Row>) -> Map<String, Json> {
        let Some(row) = row else { return Map::new() };
        let mut before = Map::new();
        for one in self.declared() {
            let Some(found) = row.get(one.column) else { continue };
            let found = match found.as_str().and_then(crate::template::json::structured) {
                Some(tree) if one.value.is_object() || one.value.is_array() => tree,
                _ => found.clone(),
            };
            match one.path.split_once('.') {
                Some((prop, member)) => {
                    let whole =
                        before.entry(prop.to_owned()).or_insert_with(|| Json::Object(Map::new()));
                    if let Json::Object(members) = whole {
                        members.insert(member.to_owned(), found);
                    }
                }
                None => {
                    before.insert(one.path, found);
                }
            }
        }
        before
    }
}
