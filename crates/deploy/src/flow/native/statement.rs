//! The statements that create, change and delete a native resource.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use super::read::Difference;
use super::shape::{Native, alike, required};
use super::values::{literal, over, quoted};
use crate::flow::{Flow, Step};
use crate::plan::Action;
use crate::runner::{DescribedMethod, Row};
use crate::template::json::structured;

/// A method that changes an object, with the fields of its body that a statement sets.
struct Changing<'n> {
    word: &'static str,
    method: &'n DescribedMethod,
}

/// The prop of a path, and its member if the prop is the object as a whole.
fn parts(path: &str) -> (&str, &str) {
    let mut parts = path.split('.');
    let first = parts.next().unwrap_or(path);
    (first, parts.next().unwrap_or(first))
}

fn has(method: &DescribedMethod, name: &str) -> bool {
    method.body.iter().any(|field| alike(&field.name, name))
}

impl Native<'_> {
    /// The field of a body that changes a path.
    fn field_of<'p>(&self, method: &DescribedMethod, path: &'p str) -> Option<&'p str> {
        let (prop, member) = parts(path);
        if has(method, prop) {
            return Some(prop);
        }
        (self.wrapper(prop).is_some() && has(method, member)).then_some(member)
    }

    /// The verb that changes a path in place.
    pub(super) fn changing(&self, path: &str) -> Option<&'static str> {
        ["update", "replace"]
            .into_iter()
            .find(|verb| self.methods(verb).any(|method| self.field_of(method, path).is_some()))
    }

    fn method_for<'n>(&'n self, paths: &[&str]) -> Option<Changing<'n>> {
        [("update", "UPDATE"), ("replace", "REPLACE")].into_iter().find_map(|(verb, word)| {
            let takes = |method: &&DescribedMethod| {
                paths.iter().all(|path| self.field_of(method, path).is_some())
            };
            let method = self.described.methods.iter().filter(|m| m.verb == verb).find(takes)?;
            Some(Changing { word, method })
        })
    }

    /// The value of a field with the declared members laid over those that are there.
    fn whole(&self, name: &str, row: Option<&Row>) -> Json {
        let declared = self.values.get(name).cloned().unwrap_or_default();
        let Some(field) = self.wrapper(name) else {
            let column = self.column(name).unwrap_or(name);
            return over(row.and_then(|row| row.get(column)), &declared);
        };
        let mut base = Map::new();
        for member in &field.members {
            let column = self.column(member).unwrap_or(member);
            let Some(found) = row.and_then(|row| row.get(column)).filter(|v| !v.is_null()) else {
                continue;
            };
            let tree = found.as_str().and_then(structured);
            base.insert(member.clone(), tree.unwrap_or_else(|| found.clone()));
        }
        over(Some(&Json::Object(base)), &declared)
    }
}

impl Flow<'_> {
    /// The statement of an action.
    pub(super) fn statement(
        &self,
        native: &Native<'_>,
        difference: &Difference,
        action: Action,
    ) -> Step<String> {
        let row = difference.row.as_ref();
        match action {
            Action::Create => self.insert(native),
            Action::Update => {
                let paths: Vec<&str> =
                    difference.fields.iter().map(|field| field.path.as_str()).collect();
                self.update(native, &paths, row)
            }
            Action::Delete => {
                let method = native
                    .methods("delete")
                    .find(|method| native.condition(&required(method), row).is_some())
                    .ok_or_else(|| self.lacks(native, "delete"))?;
                let condition = native.condition(&required(method), row).unwrap_or_default();
                Ok(format!("DELETE FROM {} WHERE {condition}", native.described.name))
            }
            Action::None | Action::Replace | Action::Run | Action::Read | Action::Skip => {
                Err(self.lacks(native, "treat"))
            }
        }
    }

    fn lacks(&self, native: &Native<'_>, verb: &str) -> Box<strataql_diag::Report> {
        let table = &native.described.name;
        Box::new(
            self.stack
                .error(
                    native.resource.line,
                    format!(
                        "`{table}` has no method to {verb} `{}` with these props",
                        native.resource.name
                    ),
                )
                .with_help(format!("`SHOW METHODS IN {table}` shows what its methods need")),
        )
    }

    fn insert(&self, native: &Native<'_>) -> Step<String> {
        let is_given = |method: &&DescribedMethod| {
            required(method).iter().all(|name| native.value(name).is_some())
        };
        let mut all = native.methods("insert");
        let Some(insert) = native.methods("insert").find(is_given) else {
            let Some(first) = all.next() else { return Err(self.lacks(native, "create")) };
            let missing: Vec<String> =
                required(first).into_iter().filter(|name| native.value(name).is_none()).collect();
            let missing = crate::words::listed(&missing);
            return Err(Box::new(
                self.stack
                    .error(
                        native.resource.line,
                        format!(
                            "`{}` needs the prop {missing} to be created",
                            native.resource.name
                        ),
                    )
                    .with_help(format!(
                        "add it to `props`; `SHOW METHODS IN {}` shows what is required",
                        native.described.name
                    )),
            ));
        };
        let given: Vec<(&String, &Json)> =
            native.values.iter().filter(|(_, value)| !value.is_null()).collect();
        let columns: Vec<String> = given.iter().map(|(name, _)| quoted(name)).collect();
        let values: Vec<String> = given.iter().map(|(_, value)| literal(value)).collect();
        let returning = if insert.returns.is_empty() { "" } else { " RETURNING *" };
        Ok(format!(
            "INSERT INTO {} ({}) VALUES ({}){returning}",
            native.described.name,
            columns.join(", "),
            values.join(", ")
        ))
    }

    fn update(&self, native: &Native<'_>, paths: &[&str], row: Option<&Row>) -> Step<String> {
        let Changing { word, method } =
            native.method_for(paths).ok_or_else(|| self.lacks(native, "change"))?;
        let declared = native.declared();
        // a request that replaces the object has all of it
        let all: Vec<&str> = declared.iter().map(|one| one.path.as_str()).collect();
        let changed = if word == "REPLACE" { &all } else { paths };
        let fields: BTreeSet<&str> =
            changed.iter().filter_map(|path| native.field_of(method, path)).collect();
        let set: Vec<String> = fields
            .into_iter()
            .map(|name| {
                let value = if native.values.contains_key(name) {
                    native.whole(name, row)
                } else {
                    let member = declared.iter().find(|one| alike(one.column, name));
                    member.map(|one| one.value.clone()).unwrap_or_default()
                };
                format!("{} = {}", quoted(name), literal(&value))
            })
            .collect();
        let keys: Vec<String> = method
            .parameters
            .iter()
            .filter(|field| field.is_required)
            .map(|field| field.name.clone())
            .collect();
        let condition = native.condition(&keys, row).ok_or_else(|| self.lacks(native, "change"))?;
        Ok(format!("{word} {} SET {} WHERE {condition}", native.described.name, set.join(", ")))
    }

    /// The statements that an action would run.
    pub(in crate::flow) fn statements(
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
}
