//! Exports of resources and of the stack.
//!
//! Owns: where exports are kept, and the formats in which the stack's own are written.
//! Surprise: a protected value is left out of what is written, unless it is asked for.

use serde_json::{Map, Value as Json};
use strataql_diag::{Code, Report};

use super::{Flow, Step};
use crate::manifest::Resource;
use crate::runner::{Level, Row};
use crate::scope::{EVALUATED, UNKNOWN};
use crate::template::json::plain;

/// What a stack exports.
#[derive(Debug, Clone, Default)]
pub struct Outputs {
    stack: String,
    environment: String,
    elapsed: String,
    values: Map<String, Json>,
    protected: Vec<String>,
}

/// How exports are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// One object.
    Json,
    /// One object.
    Yaml,
    /// Lines `export STACKQL_DEPLOY__<stack>__<env>__<name>='…'`.
    Env,
    /// Lines `name=value` for `$GITHUB_OUTPUT`.
    Github,
}

impl Outputs {
    /// True if the stack exports nothing.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The values, without protected ones unless `all` is set.
    pub fn values(&self, all: bool) -> Map<String, Json> {
        let shown = self.values.iter().filter(|(name, _)| all || !self.protected.contains(name));
        shown.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// The text of a file, without protected values unless `all` is set.
    pub fn written(&self, format: ExportFormat, all: bool) -> String {
        let values = self.values(all);
        match format {
            ExportFormat::Json | ExportFormat::Yaml => {
                let mut object = Map::new();
                object.insert("stack_name".to_owned(), Json::String(self.stack.clone()));
                object.insert("stack_env".to_owned(), Json::String(self.environment.clone()));
                object.extend(values);
                object.insert("elapsed_time".to_owned(), Json::String(self.elapsed.clone()));
                if format == ExportFormat::Yaml {
                    return crate::yaml::written(&Json::Object(object));
                }
                format!("{:#}\n", Json::Object(object))
            }
            ExportFormat::Env => {
                let name = |text: &str| text.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
                let prefix =
                    format!("STACKQL_DEPLOY__{}__{}", name(&self.stack), name(&self.environment));
                let lines = values.iter().map(|(key, value)| {
                    let value = plain(value).replace('\'', "'\\''");
                    format!("export {prefix}__{}='{value}'\n", name(key))
                });
                lines.collect()
            }
            ExportFormat::Github => {
                let lines = values.iter().map(|(key, value)| {
                    let value = plain(value);
                    if value.contains('\n') {
                        let mark = format!("end_{}", crate::random::uuid());
                        format!("{key}<<{mark}\n{value}\n{mark}\n")
                    } else {
                        format!("{key}={value}\n")
                    }
                });
                lines.collect()
            }
        }
    }
}

impl Flow<'_> {
    /// Keeps the exports that a row has.
    pub(super) fn keep_exports(&mut self, resource: &Resource, row: &Row) {
        for export in &resource.exports {
            let other = || {
                let same = row.iter().find(|(name, _)| super::alike(name, &export.column));
                same.map(|(_, value)| value)
            };
            let value = match row.get(&export.column).or_else(other) {
                Some(value) => unwrapped(value.clone()),
                None => {
                    let text = format!(
                        "exports of [{}] have no column [{}]; the variable is empty",
                        resource.name, export.column
                    );
                    self.tell(Level::Warn, &text);
                    Json::String(String::new())
                }
            };
            let value = if value.is_null() { Json::String(String::new()) } else { value };
            if resource.protected.contains(&export.name)
                || resource.protected.contains(&export.column)
            {
                self.host.keep_secret(&plain(&value));
                self.info(&format!("set protected variable [{}] to [********]", export.name));
            } else {
                self.info(&format!("set variable [{}] to [{}]", export.name, plain(&value)));
            }
            self.scope.export(&resource.name, &export.name, value);
        }
    }

    /// Exports of a dry run.
    pub(super) fn evaluated(&mut self, resource: &Resource) {
        for export in &resource.exports {
            self.scope.export(&resource.name, &export.name, Json::String(EVALUATED.to_owned()));
        }
    }

    /// Exports that are not known.
    pub(super) fn unknown(&mut self, resource: &Resource) {
        for export in &resource.exports {
            self.scope.export(&resource.name, &export.name, Json::String(UNKNOWN.to_owned()));
        }
    }

    /// Reads the exports of a resource without changing anything; what cannot be read is unknown.
    pub(super) fn read_exports(&mut self, resource: &Resource) -> Step<()> {
        use crate::manifest::Kind;

        if resource.exports.is_empty() {
            return Ok(());
        }
        if resource.kind == Kind::Command {
            return Ok(());
        }
        let is_unread = resource.kind == Kind::Script
            || resource.kind == Kind::Query && resource.skip_on_delete
            || resource.unknown_kind.is_some();
        if is_unread || self.options.dry_run {
            self.unknown(resource);
            return Ok(());
        }
        let row = self.exports_row(resource);
        match row {
            Ok(Some(row)) => self.keep_exports(resource, &row),
            Ok(None) => {
                self.info(&format!("exports of [{}] are not known", resource.name));
                self.unknown(resource);
            }
            Err(report) if report.code == Code::Cancelled => return Err(report),
            Err(report) => {
                let text =
                    format!("exports of [{}] cannot be read: {}", resource.name, report.message);
                self.tell(Level::Warn, &text);
                self.unknown(resource);
            }
        }
        Ok(())
    }

    fn exports_row(&mut self, resource: &Resource) -> Step<Option<Row>> {
        let Some(mut names) = self.entered(resource)? else { return Ok(None) };
        if self.is_native(resource) {
            let Some(native) = self.native_or_unknown(resource, &names)? else { return Ok(None) };
            return self.native_row(&native, &names);
        }
        let queries = self.queries(resource)?;
        let exists = self.deferred(resource, &queries, "exists", &names)?;
        if let Some(exists) = exists.filter(|exists| !exists.is_unknown()) {
            let attempts = exists.anchor.options.tries(1);
            match self.exists(resource, &names, &exists, attempts, &exists.anchor.options)? {
                Some(captured) => names.capture(&captured),
                None => return Ok(None),
            }
        }
        let exports = self.deferred(resource, &queries, "exports", &names)?;
        let Some(exports) = exports.filter(|exports| !exports.is_unknown()) else {
            return Ok(None);
        };
        if self.is_mutating(resource, &exports.sql)? {
            self.tell(Level::Warn, &format!("query [{}] writes, it is not run", resource.name));
            return Ok(None);
        }
        let rows = self.read(resource, &names, &exports, 2)?;
        self.one(resource, &exports, rows)
    }

    /// What the stack exports.
    pub(super) fn outputs(&self) -> Step<Outputs> {
        let mut outputs = Outputs {
            stack: self.stack.name.clone(),
            environment: self.options.environment.clone(),
            elapsed: self.elapsed(),
            ..Outputs::default()
        };
        if self.options.dry_run {
            if !self.stack.exports.is_empty() {
                self.info(&format!(
                    "dry run: would export {} variables",
                    self.stack.exports.len() + 3
                ));
            }
            return Ok(outputs);
        }
        let mut missing = Vec::new();
        for name in &self.stack.exports {
            match self.scope.value(name) {
                Some(value) => outputs.values.insert(name.clone(), value.clone()),
                None => {
                    missing.push(name.clone());
                    None
                }
            };
            let is_protected = self.stack.resources.iter().any(|resource| {
                resource.exports.iter().any(|export| {
                    export.name == *name
                        && (resource.protected.contains(name)
                            || resource.protected.contains(&export.column))
                })
            }) || self
                .stack
                .globals
                .iter()
                .any(|global| global.name == *name && global.is_protected);
            if is_protected {
                outputs.protected.push(name.clone());
            }
        }
        if missing.is_empty() {
            return Ok(outputs);
        }
        Err(Box::new(
            Report::new(
                Code::AssertionFailed,
                format!("the stack exports {}, which has no value", crate::words::listed(&missing)),
            )
            .with_place(&*self.stack.file, 0)
            .with_help("`exports` of the stack names globals, and exports of its resources"),
        ))
    }
}

/// The text of an object `{"String": …, "Valid": …}`, as Go writes a text that may be null.
fn unwrapped(value: Json) -> Json {
    match &value {
        Json::Object(members) if members.len() == 2 => {
            match (members.get("String"), members.get("Valid")) {
                (Some(text), Some(Json::Bool(true))) => text.clone(),
                (Some(_), Some(Json::Bool(false))) => Json::Null,
                _ => value,
            }
        }
        _ => value,
    }
}
