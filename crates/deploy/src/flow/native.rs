//! Resources without a query file: what to send comes from the provider's document.
//!
//! Owns: finding the object, comparing what is declared with what is there, and the statements that
//! create, change, replace and delete it.
//! Surprise: only declared fields are compared. Lists are read once per run, however many resources
//! are looked for in them.

mod values;

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use self::values::{compare, literal, over, quoted};
use super::{Flow, Step};
use crate::manifest::Resource;
use crate::plan::{Action, FieldChange};
use crate::runner::{Answer, Ask, Described, DescribedMethod, Level, Row};
use crate::scope::{Names, UNKNOWN};
use crate::template::json::{plain, structured};
use crate::verdict;

/// A native resource with its values.
pub(super) struct Native<'r> {
    resource: &'r Resource,
    described: Described,
    /// The declared values, in order.
    values: Map<String, Json>,
    /// The props that name the object.
    identity: Vec<String>,
}

impl Native<'_> {
    fn methods<'m>(&'m self, verb: &'m str) -> impl Iterator<Item = &'m DescribedMethod> {
        self.described.methods.iter().filter(move |method| method.verb == verb)
    }

    fn is_column(&self, name: &str) -> bool {
        self.described.columns.iter().any(|column| column.name == name)
    }

    /// Parameters that name one object, by the lookup.
    fn keys(&self) -> Vec<String> {
        let lookup =
            self.methods("select").find(|method| method.gives_one && !required(method).is_empty());
        lookup.map(required).unwrap_or_default()
    }

    /// A condition that gives names their values.
    fn condition(&self, names: &[String], row: Option<&Row>) -> Option<String> {
        let terms = names.iter().map(|name| {
            let value =
                self.values.get(name).or_else(|| row?.get(name)).filter(|v| !v.is_null())?;
            Some(format!("{} = {}", quoted(name), literal(value)))
        });
        terms.collect::<Option<Vec<_>>>().map(|terms| terms.join(" AND "))
    }

    /// True if a value that is needed is not known yet.
    pub(super) fn is_unknown(&self) -> bool {
        self.identity
            .iter()
            .any(|name| self.values.get(name).is_some_and(|value| plain(value).contains(UNKNOWN)))
    }
}

fn required(method: &DescribedMethod) -> Vec<String> {
    let all = method.parameters.iter().chain(&method.body);
    all.filter(|field| field.is_required).map(|field| field.name.clone()).collect()
}

/// What a native resource needs.
#[derive(Debug)]
pub(super) struct Difference {
    pub(super) action: Action,
    pub(super) fields: Vec<FieldChange>,
    pub(super) row: Option<Row>,
}

impl Flow<'_> {
    /// A native resource with its document and its values.
    pub(super) fn native<'r>(
        &self,
        resource: &'r Resource,
        names: &Names,
    ) -> Step<Option<Native<'r>>> {
        let Some(name) = &resource.native else { return Ok(None) };
        let described = self
            .runner
            .describe(name)
            .map_err(|report| Box::new(report.with_place(&*self.stack.file, resource.line)))?;
        let mut values = Map::new();
        for prop in &resource.props {
            let Some(value) = names.get(&prop.name) else {
                let failure =
                    crate::template::Failure::Undefined { names: vec![prop.name.clone()], line: 1 };
                let what = format!("`{}`", resource.name);
                return Err(self.scope.report(
                    &failure,
                    names,
                    &what,
                    (&self.stack.file, prop.line),
                ));
            };
            values.insert(prop.name.clone(), value.clone());
        }
        let mut native =
            Native { resource, described, values, identity: resource.identity.clone() };
        if native.identity.is_empty() {
            native.identity = self.inferred(&native)?;
        }
        for name in &native.identity {
            if !native.values.contains_key(name) {
                return Err(Box::new(
                    self.stack
                        .error(
                            resource.line,
                            format!(
                                "`identity` of `{}` names `{name}`, which is no prop",
                                resource.name
                            ),
                        )
                        .with_help("name props that together belong to one object"),
                ));
            }
        }
        Ok(Some(native))
    }

    fn inferred(&self, native: &Native<'_>) -> Step<Vec<String>> {
        let has = |name: &String| native.values.contains_key(name);
        let keys = native.keys();
        if !keys.is_empty() && keys.iter().all(has) {
            return Ok(keys);
        }
        let list = native.methods("select").find(|method| required(method).iter().all(has));
        let Some(list) = list else {
            return Err(Box::new(
                self.stack
                    .error(
                        native.resource.line,
                        format!("nothing can read `{}` with these props", native.resource.name),
                    )
                    .with_help(format!("a lookup needs {}", crate::words::listed(&keys))),
            ));
        };
        let mut identity = required(list);
        let scalar =
            |name: &str| native.values.get(name).is_some_and(|v| !v.is_object() && !v.is_array());
        let insert = native.methods("insert").next();
        let body: Vec<&str> = insert
            .into_iter()
            .flat_map(|method| &method.body)
            .map(|field| field.name.as_str())
            .filter(|name| scalar(name) && list.returns.iter().any(|column| column == name))
            .collect();
        let named = body
            .iter()
            .find(|name| **name == "name")
            .or_else(|| body.iter().find(|name| name.ends_with("name")))
            .or_else(|| body.iter().find(|name| name.ends_with("_id") || name.ends_with("id")));
        match named {
            Some(name) => identity.push((*name).to_owned()),
            None => {
                return Err(Box::new(
                    self.stack
                        .error(
                            native.resource.line,
                            format!("nothing says which object `{}` is", native.resource.name),
                        )
                        .with_help("add `identity:` with the props that name it"),
                ));
            }
        }
        identity.dedup();
        Ok(identity)
    }

    /// The object, if it is there.
    fn observed(&mut self, native: &Native<'_>, names: &Names) -> Step<Option<Row>> {
        let keys = native.keys();
        let mut wanted: BTreeSet<String> = native
            .values
            .keys()
            .chain(&native.identity)
            .chain(native.resource.exports.iter().map(|export| &export.column))
            .chain(&keys)
            .filter(|name| native.is_column(name))
            .cloned()
            .collect();
        for verb in ["update", "replace", "delete"] {
            for method in native.methods(verb) {
                wanted.extend(required(method).into_iter().filter(|name| native.is_column(name)));
            }
        }
        let has = |name: &String| native.values.contains_key(name);
        if !keys.is_empty() && keys.iter().all(has) {
            let condition = native.condition(&keys, None).unwrap_or_default();
            return self.looked_up(native, names, &wanted, &condition);
        }
        let list =
            native.methods("select").filter(|method| required(method).iter().all(has)).max_by_key(
                |method| wanted.iter().filter(|name| method.returns.contains(name)).count(),
            );
        let Some(list) = list else { return Ok(None) };
        let scope = required(list);
        let columns: BTreeSet<String> =
            wanted.iter().filter(|name| list.returns.contains(name)).cloned().collect();
        let condition = native.condition(&scope, None).unwrap_or_default();
        let rows = self.listed(native, names, &columns, &condition)?;
        let is_it = |row: &&Row| {
            native.identity.iter().filter(|name| !scope.contains(name)).all(|name| {
                let (Some(found), Some(value)) = (row.get(name), native.values.get(name)) else {
                    return false;
                };
                plain(found) == plain(value)
            })
        };
        let found: Vec<&Row> = rows.iter().filter(is_it).collect();
        let row = match found.as_slice() {
            [] => return Ok(None),
            [row] => (*row).clone(),
            several => {
                let named: Vec<String> = several
                    .iter()
                    .map(|row| {
                        keys.iter()
                            .filter_map(|key| row.get(key))
                            .map(plain)
                            .collect::<Vec<_>>()
                            .join("/")
                    })
                    .collect();
                return Err(Box::new(
                    self.stack
                        .failed(
                            native.resource,
                            format!(
                                "`{}` may be any of {} objects",
                                native.resource.name,
                                several.len()
                            ),
                        )
                        .with_note(format!("they are {}", crate::words::listed(&named)))
                        .with_help("add `identity:` with props that name one object"),
                ));
            }
        };
        if wanted.len() == columns.len() {
            return Ok(Some(row));
        }
        match native.condition(&keys, Some(&row)) {
            Some(condition) if !keys.is_empty() => {
                let full = self.looked_up(native, names, &wanted, &condition)?;
                Ok(full.map(|full| row.into_iter().chain(full).collect()))
            }
            _ => Ok(Some(row)),
        }
    }

    fn looked_up(
        &self,
        native: &Native<'_>,
        names: &Names,
        columns: &BTreeSet<String>,
        condition: &str,
    ) -> Step<Option<Row>> {
        let sql = select(native, columns, condition);
        match self.ask_native(native, names, &sql, true) {
            Ok(answer) => Ok(answer.rows.into_iter().next()),
            Err(report) if verdict::is_missing(&report) => Ok(None),
            Err(report) => Err(report),
        }
    }

    fn listed(
        &mut self,
        native: &Native<'_>,
        names: &Names,
        columns: &BTreeSet<String>,
        condition: &str,
    ) -> Step<Vec<Row>> {
        let sql = select(native, columns, condition);
        let key = format!("{:?} {sql}", native.resource.auth);
        if let Some(rows) = self.lists.get(&key) {
            return Ok(rows.clone());
        }
        let rows = match self.ask_native(native, names, &sql, true) {
            Ok(answer) => answer.rows,
            Err(report) if verdict::is_missing(&report) => Vec::new(),
            Err(report) => return Err(report),
        };
        self.lists.insert(key, rows.clone());
        Ok(rows)
    }

    fn ask_native(
        &self,
        native: &Native<'_>,
        names: &Names,
        sql: &str,
        only_reads: bool,
    ) -> Step<Answer> {
        let what = if only_reads { "read" } else { "write" };
        self.show(what, native.resource, sql);
        let auth = self.auth(native.resource, names)?;
        self.runner.run(&Ask { sql, auth: auth.as_ref(), only_reads }).map_err(|mut report| {
            report.labels.clear();
            let report = match &report.place {
                Some(_) => report,
                None => Box::new(report.with_place(&*self.stack.file, native.resource.line)),
            };
            Box::new(report.with_note(format!("for the resource `{}`", native.resource.name)))
        })
    }

    /// What is there, and what has to be done.
    pub(super) fn difference(&mut self, native: &Native<'_>, names: &Names) -> Step<Difference> {
        let row = self.observed(native, names)?;
        let Some(found) = &row else {
            let fields = native
                .values
                .iter()
                .map(|(name, value)| FieldChange {
                    path: name.clone(),
                    before: Json::Null,
                    after: masked(native, name, value),
                    is_replacing: false,
                })
                .collect();
            return Ok(Difference { action: Action::Create, fields, row });
        };
        let mut fields = Vec::new();
        for (name, declared) in &native.values {
            // what no answer shows cannot be compared
            let Some(observed) = found.get(name) else { continue };
            let observed = match observed {
                Json::String(text) if declared.is_object() || declared.is_array() => {
                    structured(text).unwrap_or_else(|| observed.clone())
                }
                other => other.clone(),
            };
            let can_change = ["update", "replace"].into_iter().any(|verb| {
                native
                    .methods(verb)
                    .any(|method| method.body.iter().any(|field| field.name == *name))
            });
            compare(name, declared, &observed, &mut |path, before, after| {
                let is_ignored = native.resource.lifecycle.ignore.iter().any(|ignored| {
                    path == ignored
                        || path
                            .strip_prefix(ignored.as_str())
                            .is_some_and(|rest| rest.starts_with('.'))
                });
                if !is_ignored {
                    fields.push(FieldChange {
                        path: path.to_owned(),
                        before: masked(native, path, before),
                        after: masked(native, path, after),
                        is_replacing: !can_change,
                    });
                }
            });
        }
        let action = if fields.is_empty() || native.resource.lifecycle.is_observed {
            Action::None
        } else if fields.iter().any(|field| field.is_replacing) {
            Action::Replace
        } else {
            Action::Update
        };
        Ok(Difference { action, fields, row })
    }

    /// The statement of an action.
    fn statement(
        &self,
        native: &Native<'_>,
        difference: &Difference,
        action: Action,
    ) -> Step<String> {
        let table = &native.described.name;
        let row = difference.row.as_ref();
        let lacks = |verb: &str| {
            Box::new(
                self.stack
                    .error(
                        native.resource.line,
                        format!(
                            "`{table}` has no method to {verb} `{}` with these props",
                            native.resource.name
                        ),
                    )
                    .with_help(format!("`DESCRIBE {table}` shows what its methods need")),
            )
        };
        match action {
            Action::Create => {
                let insert = native
                    .methods("insert")
                    .find(|method| {
                        required(method).iter().all(|name| native.values.contains_key(name))
                    })
                    .or_else(|| native.methods("insert").next())
                    .ok_or_else(|| lacks("create"))?;
                let columns: Vec<String> = native.values.keys().map(|name| quoted(name)).collect();
                let values: Vec<String> = native.values.values().map(literal).collect();
                let returning = if insert.returns.is_empty() { "" } else { " RETURNING *" };
                Ok(format!(
                    "INSERT INTO {table} ({}) VALUES ({}){returning}",
                    columns.join(", "),
                    values.join(", ")
                ))
            }
            Action::Update => {
                let changed: BTreeSet<&str> = difference
                    .fields
                    .iter()
                    .map(|field| field.path.split('.').next().unwrap_or(&field.path))
                    .collect();
                let takes = |method: &&DescribedMethod, names: &BTreeSet<&str>| {
                    names.iter().all(|name| method.body.iter().any(|field| field.name == **name))
                };
                let update = native.methods("update").find(|method| takes(method, &changed));
                let (word, method) = match update {
                    Some(method) => ("UPDATE", method),
                    None => {
                        let replace =
                            native.methods("replace").find(|method| takes(method, &changed));
                        ("REPLACE", replace.ok_or_else(|| lacks("change"))?)
                    }
                };
                let set: Vec<String> = native
                    .values
                    .iter()
                    .filter(|(name, _)| {
                        let is_field = method.body.iter().any(|field| field.name == **name);
                        is_field && (word == "REPLACE" || changed.contains(name.as_str()))
                    })
                    .map(|(name, value)| {
                        let base = row.and_then(|row| row.get(name));
                        format!("{} = {}", quoted(name), literal(&over(base, value)))
                    })
                    .collect();
                let keys: Vec<String> = method
                    .parameters
                    .iter()
                    .filter(|field| field.is_required)
                    .map(|field| field.name.clone())
                    .collect();
                let condition = native.condition(&keys, row).ok_or_else(|| lacks("change"))?;
                Ok(format!("{word} {table} SET {} WHERE {condition}", set.join(", ")))
            }
            Action::Delete => {
                let method = native
                    .methods("delete")
                    .find(|method| native.condition(&required(method), row).is_some())
                    .ok_or_else(|| lacks("delete"))?;
                let condition = native.condition(&required(method), row).unwrap_or_default();
                Ok(format!("DELETE FROM {table} WHERE {condition}"))
            }
            Action::None | Action::Replace | Action::Run | Action::Read | Action::Skip => {
                Err(lacks("treat"))
            }
        }
    }

    /// The statements that an action would run.
    pub(super) fn statements(
        &self,
        native: &Native<'_>,
        difference: &Difference,
    ) -> Step<Vec<String>> {
        let actions: &[Action] = match difference.action {
            Action::Create => &[Action::Create],
            Action::Update => &[Action::Update],
            Action::Replace => &[Action::Delete, Action::Create],
            _ => &[],
        };
        actions.iter().map(|action| self.statement(native, difference, *action)).collect()
    }

    /// Brings a native resource to its desired state.
    pub(super) fn deploy_native(&mut self, native: &Native<'_>, names: &mut Names) -> Step<()> {
        let resource = native.resource;
        if self.options.dry_run {
            let nothing = Difference { action: Action::Create, fields: Vec::new(), row: None };
            let sql = self.statement(native, &nothing, Action::Create)?;
            self.info(&format!("dry run create for [{}]:\n\n{sql}\n", resource.name));
            self.evaluated(resource);
            return Ok(());
        }
        let difference = self.difference(native, names)?;
        let is = |text: &str| format!("[{}] {text}", resource.name);
        let mut returned = Row::new();
        match difference.action {
            Action::None => self.info(&is("is in the desired state")),
            Action::Create if resource.lifecycle.is_observed => {
                return Err(self.stack.failed(
                    resource,
                    format!("`{}` is only read, and does not exist", resource.name),
                ));
            }
            Action::Create => {
                self.info(&format!("[{0}] does not exist, creating [{0}]...", resource.name));
                returned = self.create_native(native, names, &difference)?;
            }
            Action::Update => {
                self.info(&is("is not in the desired state"));
                self.info(&format!("updating [{}]...", resource.name));
                let sql = self.statement(native, &difference, Action::Update)?;
                self.ask_native(native, names, &sql, false)?;
            }
            Action::Replace => {
                let fields: Vec<&str> =
                    difference.fields.iter().filter(|f| f.is_replacing).map(|f| &*f.path).collect();
                if resource.lifecycle.is_protected {
                    return Err(Box::new(
                        self.stack
                            .failed(resource, format!("`{}` is protected, and {} cannot be changed in place", resource.name, crate::words::listed(&fields)))
                            .with_help("remove `lifecycle.protect` to replace it, or list the field in `lifecycle.ignore`"),
                    ));
                }
                self.info(&format!(
                    "replacing [{}], {} cannot be changed in place...",
                    resource.name,
                    crate::words::listed(&fields)
                ));
                let sql = self.statement(native, &difference, Action::Delete)?;
                self.ask_native(native, names, &sql, false)?;
                self.lists.clear();
                returned = self.create_native(native, names, &difference)?;
            }
            Action::Delete | Action::Run | Action::Read | Action::Skip => {}
        }
        let mut row = difference.row.unwrap_or_default();
        if difference.action != Action::None {
            self.lists.clear();
            let after = self.difference(native, names)?;
            if after.action != Action::None {
                let left: Vec<&str> = after.fields.iter().map(|field| &*field.path).collect();
                return Err(Box::new(
                    self.stack
                        .failed(
                            resource,
                            format!(
                                "deployment failed for {} after post-deploy checks",
                                resource.name
                            ),
                        )
                        .with_note(format!(
                            "the service accepted the change and does not show it: {}",
                            crate::words::listed(&left)
                        ))
                        .with_help(
                            "list fields that the service changes itself in `lifecycle.ignore`",
                        ),
                ));
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

    fn create_native(
        &mut self,
        native: &Native<'_>,
        names: &Names,
        difference: &Difference,
    ) -> Step<Row> {
        let sql = self.statement(native, difference, Action::Create)?;
        let answer = self.ask_native(native, names, &sql, false)?;
        self.created.push(native.resource.name.clone());
        let row = answer.rows.into_iter().next().unwrap_or_default();
        for (name, value) in &row {
            if strataql_diag::is_secret_name(name) {
                self.host.keep_secret(&plain(value));
            }
        }
        self.scope.returned(&native.resource.name, &verdict::returned(&row));
        Ok(row)
    }

    /// Compares a native resource with the manifest.
    pub(super) fn test_native(&mut self, native: &Native<'_>, names: &Names) -> Step<()> {
        let difference = self.difference(native, names)?;
        let resource = native.resource;
        if difference.action != Action::None {
            let fields: Vec<&str> = difference.fields.iter().map(|field| &*field.path).collect();
            let why = match difference.action {
                Action::Create => "it does not exist".to_owned(),
                _ => format!("different: {}", crate::words::listed(&fields)),
            };
            return Err(Box::new(
                self.stack
                    .failed(resource, format!("test failed for {}.", resource.name))
                    .with_note(why),
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

    /// The exports of a native resource.
    pub(super) fn native_row(&mut self, native: &Native<'_>, names: &Names) -> Step<Option<Row>> {
        if native.is_unknown() { Ok(None) } else { self.observed(native, names) }
    }

    /// Deletes a native resource; `None` if it was not there, false if it may still be.
    pub(super) fn delete_native(
        &mut self,
        native: &Native<'_>,
        names: &Names,
    ) -> Step<Option<bool>> {
        let resource = native.resource;
        self.lists.clear();
        if native.is_unknown() {
            self.info(&format!(
                "[{}] depends on what is not there, taken as deleted",
                resource.name
            ));
            return Ok(None);
        }
        let Some(row) = self.observed(native, names)? else {
            self.info(&format!("[{}] does not exist", resource.name));
            return Ok(None);
        };
        let difference = Difference { action: Action::Delete, fields: Vec::new(), row: Some(row) };
        let sql = self.statement(native, &difference, Action::Delete)?;
        if self.options.dry_run {
            self.info(&format!("dry run delete for [{}]:\n\n{sql}\n", resource.name));
            return Ok(Some(true));
        }
        self.info(&format!("deleting [{}]...", resource.name));
        match self.ask_native(native, names, &sql, false) {
            Ok(_) => {}
            Err(report) if verdict::is_missing(&report) => {}
            Err(report) => return Err(report),
        }
        for attempt in 0..=10_u64 {
            self.lists.clear();
            if self.observed(native, names)?.is_none() {
                self.info(&format!("[{}] confirmed deleted", resource.name));
                self.info(&format!("successfully deleted {}", resource.name));
                return Ok(Some(true));
            }
            if attempt < 10 {
                self.host.wait(std::time::Duration::from_secs(attempt.min(5) + 1))?;
            }
        }
        self.tell(Level::Error, &format!("[{}] is still there after its delete", resource.name));
        Ok(Some(false))
    }
}

fn select(native: &Native<'_>, columns: &BTreeSet<String>, condition: &str) -> String {
    let columns: Vec<String> = columns.iter().map(|name| quoted(name)).collect();
    let list = if columns.is_empty() { "*".to_owned() } else { columns.join(", ") };
    let filter = if condition.is_empty() { String::new() } else { format!(" WHERE {condition}") };
    format!("SELECT {list} FROM {}{filter}", native.described.name)
}

/// A value as it may be shown.
fn masked(native: &Native<'_>, path: &str, value: &Json) -> Json {
    let first = path.split('.').next().unwrap_or(path);
    let is_protected =
        native.resource.props.iter().any(|prop| prop.name == first && prop.is_protected);
    let last = path.rsplit('.').next().unwrap_or(path);
    if value.is_null() || !(is_protected || strataql_diag::is_secret_name(last)) {
        return value.clone();
    }
    // a policy about tokens is no token
    if is_protected || value.is_string() { Json::from("********") } else { value.clone() }
}
