//! What is there, and how it differs from what is declared.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use super::shape::{Native, required};
use super::values::{compare, quoted};
use crate::flow::{Flow, Step};
use crate::plan::{Action, FieldChange};
use crate::runner::{DescribedMethod, Row};
use crate::scope::Names;
use crate::template::json::{plain, structured};
use crate::verdict;

/// What a native resource needs.
#[derive(Debug)]
pub(crate) struct Difference {
    pub(crate) action: Action,
    pub(crate) fields: Vec<FieldChange>,
    pub(crate) row: Option<Row>,
    /// What was seen of the declared fields.
    pub(crate) fingerprint: String,
}

impl Native<'_> {
    /// The columns that are compared, exported, or needed to write.
    fn wanted(&self) -> BTreeSet<String> {
        let mut wanted: BTreeSet<String> =
            self.declared().iter().map(|one| one.column.to_owned()).collect();
        let exported = self.resource.exports.iter().filter_map(|one| self.column(&one.column));
        wanted.extend(exported.map(str::to_owned));
        wanted.extend(
            self.identity.iter().filter_map(|name| self.identifier(name)).map(|(column, _)| column),
        );
        let mut needed = self.keys();
        for method in ["update", "replace", "delete"].into_iter().flat_map(|v| self.methods(v)) {
            needed.extend(required(method));
        }
        // what is replaced as a whole keeps its other members
        let wrappers = self.values.keys().filter_map(|name| self.wrapper(name));
        needed.extend(wrappers.flat_map(|field| field.members.clone()));
        wanted.extend(
            needed.iter().filter_map(|name| self.column_of(name)).map(|(name, _)| name.to_owned()),
        );
        wanted.retain(|name| self.is_column(name));
        wanted
    }
}

impl Flow<'_> {
    /// The object, if it is there.
    pub(super) fn observed(&mut self, native: &Native<'_>, names: &Names) -> Step<Option<Row>> {
        let keys = native.keys();
        let wanted = native.wanted();
        let has = |name: &String| native.value(name).is_some();
        if !keys.is_empty() && keys.iter().all(has) {
            let condition = native.condition(&keys, None).unwrap_or_default();
            return self.looked_up(native, names, &wanted, &condition);
        }
        let list =
            native.methods("select").filter(|method| required(method).iter().all(has)).max_by_key(
                |method| wanted.iter().filter(|name| method.returns.contains(name)).count(),
            );
        let Some(list) = list else { return Ok(None) };
        let columns: BTreeSet<String> =
            wanted.iter().filter(|name| list.returns.contains(name)).cloned().collect();
        let Some(row) = self.found_in(native, names, list, &columns)? else { return Ok(None) };
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

    /// The row of a list that has the identity.
    fn found_in(
        &mut self,
        native: &Native<'_>,
        names: &Names,
        list: &DescribedMethod,
        columns: &BTreeSet<String>,
    ) -> Step<Option<Row>> {
        let scope = required(list);
        let condition = native.condition(&scope, None).unwrap_or_default();
        let rows = self.listed(native, names, columns, &condition)?;
        let own: Vec<(String, &Json)> = native
            .identity
            .iter()
            .filter(|name| !scope.contains(name))
            .filter_map(|name| native.identifier(name))
            .collect();
        let is_it = |row: &&Row| {
            own.iter().all(|(column, value)| {
                row.get(column).is_some_and(|found| plain(found) == plain(value))
            })
        };
        let found: Vec<&Row> = rows.iter().filter(is_it).collect();
        match found.as_slice() {
            [] => Ok(None),
            [row] => Ok(Some((*row).clone())),
            several => {
                let keys = native.keys();
                let shown = |row: &&Row| {
                    let parts = keys.iter().filter(|key| !scope.contains(key));
                    let parts = parts.filter_map(|key| row.get(native.column_of(key)?.0));
                    parts.map(plain).collect::<Vec<_>>().join("/")
                };
                let named: Vec<String> = several.iter().map(shown).collect();
                Err(Box::new(
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
                ))
            }
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
        match self.ask_native(native, names, "read", &sql) {
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
        let rows = match self.ask_native(native, names, "read", &sql) {
            Ok(answer) => answer.rows,
            Err(report) if verdict::is_missing(&report) => Vec::new(),
            Err(report) => return Err(report),
        };
        self.lists.insert(key, rows.clone());
        Ok(rows)
    }

    /// A key that was recognised by its likeness must give the object that was found, before anything
    /// is written with it.
    pub(super) fn confirm(&self, native: &Native<'_>, names: &Names, row: &Row) -> Step<()> {
        let keys = native.keys();
        let is_like = |name: &String| {
            native.value(name).is_none()
                && native.column_of(name).is_some_and(|(_, is_named)| !is_named)
        };
        if !keys.iter().any(is_like) {
            return Ok(());
        }
        let own: Vec<(String, &Json)> =
            native.identity.iter().filter_map(|name| native.identifier(name)).collect();
        let columns: BTreeSet<String> = own
            .iter()
            .map(|(name, _)| name.clone())
            .filter(|name| native.is_column(name))
            .collect();
        let condition = native.condition(&keys, Some(row)).unwrap_or_default();
        let found = self.looked_up(native, names, &columns, &condition)?;
        let is_it = |found: &Row| {
            own.iter().filter(|(column, _)| columns.contains(column)).all(|(column, value)| {
                found.get(column).is_some_and(|found| plain(found) == plain(value))
            })
        };
        if found.as_ref().is_some_and(is_it) {
            return Ok(());
        }
        Err(Box::new(
            self.stack
                .failed(
                    native.resource,
                    format!("the keys of `{}` do not lead to it", native.resource.name),
                )
                .with_note(format!("the lookup was by {condition}"))
                .with_help("give the parameters of the lookup as props"),
        ))
    }

    /// What is there, and what has to be done.
    pub(in crate::flow) fn difference(
        &mut self,
        native: &Native<'_>,
        names: &Names,
    ) -> Step<Difference> {
        let row = self.observed(native, names)?;
        let Some(found) = &row else {
            let fields = native
                .declared()
                .into_iter()
                .map(|one| FieldChange {
                    before: Json::Null,
                    after: masked(native, &one.path, one.value),
                    path: one.path,
                    is_replacing: false,
                })
                .collect();
            let fingerprint = "absent".to_owned();
            return Ok(Difference { action: Action::Create, fields, row, fingerprint });
        };
        let mut fields = Vec::new();
        let mut seen = Map::new();
        for one in native.declared() {
            // what no answer shows cannot be compared
            let Some(observed) = found.get(one.column) else { continue };
            let observed = match observed {
                Json::String(text) if one.value.is_object() || one.value.is_array() => {
                    structured(text).unwrap_or_else(|| observed.clone())
                }
                other => other.clone(),
            };
            seen.insert(one.path.clone(), observed.clone());
            let can_change = native.changing(&one.path).is_some();
            compare(&one.path, one.value, &observed, &mut |path, before, after| {
                let is_ignored = native.resource.lifecycle.ignore.iter().any(|ignored| {
                    path.strip_prefix(ignored.as_str())
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
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
        for key in native.keys() {
            if let Some(value) = native.parameter(&key, row.as_ref()) {
                seen.insert(format!("key {key}"), value.clone());
            }
        }
        let fingerprint = crate::random::sha256(Json::Object(seen).to_string().as_bytes());
        Ok(Difference { action, fields, row, fingerprint })
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
