//! `deploy lint`: what would go wrong, with file and line, before anything runs.
//!
//! Owns: names without a value, anchors that a type needs, statements of the wrong kind, placeholders
//! of documentation pages.

use std::collections::BTreeSet;
use std::sync::Arc;

use strataql_diag::{Code, Report, Severity};

use crate::flow::read_queries;
use crate::iql::QueryFile;
use crate::manifest::{Kind, Resource, Stack};
use crate::runner::{EnvironmentLookup, Runner};
use crate::template::Templates;
use crate::template::json::plain;
use crate::words::listed;

/// Anchors that only read.
const READS: &[&str] = &["exists", "statecheck", "exports", "callback", "troubleshoot"];
/// Anchors that write.
const WRITES: &[&str] = &["create", "update", "createorupdate", "delete"];

/// Checks a stack; `variables` are names that have a value at the command line.
pub fn lint(
    stack: &Stack,
    variables: &BTreeSet<String>,
    lookup: EnvironmentLookup,
    runner: &dyn Runner,
) -> Vec<Report> {
    let mut lint = Lint {
        stack,
        runner,
        templates: Templates::new(&stack.folder, Arc::clone(&lookup)),
        known: [
            "stack_name",
            "stack_env",
            "resource_name",
            "idempotency_token",
            "this",
            "res",
            "callback",
        ]
        .map(str::to_owned)
        .into(),
        reports: stack.warnings.clone(),
    };
    for global in &stack.globals {
        if let Some(value) = &global.value {
            let seen: BTreeSet<String> = lint.known.union(variables).cloned().collect();
            let missing: Vec<String> = lint
                .templates
                .names(&plain(value))
                .into_iter()
                .filter(|name| !seen.contains(first(name)) && lookup(name).is_none())
                .filter(|_| global.default.is_none())
                .collect();
            if !missing.is_empty() {
                lint.warn(
                    global.line,
                    format!(
                        "the global `{}` needs {}, which has no value here",
                        global.name,
                        listed(&missing)
                    ),
                    "give it with `-e NAME=value`, or give the global a `default`",
                );
            }
        }
        lint.known.insert(global.name.clone());
    }
    for resource in &stack.resources {
        lint.resource(resource);
        lint.known.insert(resource.name.clone());
        lint.known.extend(resource.exports.iter().map(|export| export.name.clone()));
    }
    for name in &stack.exports {
        let is_known = lint.known.contains(name)
            || name
                .rsplit_once('.')
                .is_some_and(|(resource, _)| stack.resource(resource).is_some());
        if !is_known {
            lint.warn(
                0,
                format!("the stack exports `{name}`, which nothing gives"),
                "name an export of a resource, or a global",
            );
        }
    }
    lint.reports
}

struct Lint<'a> {
    stack: &'a Stack,
    runner: &'a dyn Runner,
    templates: Templates,
    /// Names that have a value.
    known: BTreeSet<String>,
    reports: Vec<Report>,
}

fn first(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

impl Lint<'_> {
    fn warn(&mut self, line: usize, message: String, help: &str) {
        self.reports.push(
            Report::warning(Code::Config, message)
                .with_place(&*self.stack.file, line)
                .with_help(help),
        );
    }

    fn error(&mut self, line: usize, message: String, help: &str) {
        self.warn(line, message, help);
        if let Some(report) = self.reports.last_mut() {
            report.severity = Severity::Error;
        }
    }

    fn resource(&mut self, resource: &Resource) {
        if let Some(kind) = &resource.unknown_kind {
            let kinds = Kind::ALL.map(Kind::name);
            let text = format!("`{kind}` is no type of a resource");
            self.error(resource.line, text, &format!("the types are {}", listed(&kinds)));
            return;
        }
        let mut known = self.known.clone();
        for prop in &resource.props {
            if let Some(kind) = &prop.placeholder {
                self.error(
                    prop.line,
                    format!(
                        "the prop `{}` of `{}` has the type `{kind}` in place of a value",
                        prop.name, resource.name
                    ),
                    "fill in a value, or remove the prop",
                );
            }
            let values = prop
                .value
                .iter()
                .chain(prop.values.iter().flatten().filter_map(|(_, value)| value.as_ref()));
            let missing: BTreeSet<String> = values
                .flat_map(|value| self.templates.names(&plain(value)))
                .filter(|name| !known.contains(first(name)))
                .collect();
            let missing: Vec<String> = missing.into_iter().collect();
            if !missing.is_empty() {
                self.undefined(
                    resource,
                    &format!("the prop `{}`", prop.name),
                    &missing,
                    prop.line,
                    None,
                );
            }
            known.insert(prop.name.clone());
        }
        for dependency in &resource.depends_on {
            if self.stack.resource(dependency).is_none() {
                let text =
                    format!("`{}` depends on `{dependency}`, which is no resource", resource.name);
                self.error(resource.line, text, "`depends_on` has names of resources");
            }
        }
        if let Some(native) = &resource.native {
            if let Err(report) = self.runner.describe(native) {
                self.reports.push(report.with_place(&*self.stack.file, resource.line));
            }
            if !resource.query_file(&self.stack.folder).exists() {
                return;
            }
        }
        match resource.kind {
            Kind::Script => {
                if resource.run.is_none() {
                    let text = format!("the script `{}` has no `run`", resource.name);
                    self.error(resource.line, text, "add `run:` with a command of the shell");
                }
                return;
            }
            Kind::Resource | Kind::Multi | Kind::Query | Kind::Command => {}
        }
        let queries = match read_queries(self.stack, resource) {
            Ok(queries) => queries,
            Err(report) => return self.reports.push(*report),
        };
        self.anchors(resource, &queries);
        self.reports.extend(queries.warnings.iter().cloned());
        for (name, anchor) in &queries.anchors {
            if let Some(mistake) = self.templates.mistake(&anchor.text) {
                let line = anchor.line + mistake.line().saturating_sub(1);
                let crate::template::Failure::Invalid { message, .. } = mistake else { continue };
                let text = format!("the template of `{name}` is wrong: {message}");
                self.reports.push(crate::manifest::bad(&queries.file, line, text));
                continue;
            }
            // teardown reads the exports of a resource before it deletes it
            let is_own = |used: &str| {
                name.contains("delete")
                    && resource.exports.iter().any(|one| one.name == used || one.column == used)
            };
            let missing: Vec<String> = self
                .templates
                .names(&anchor.text)
                .into_iter()
                .filter(|used| !known.contains(first(used)) && !is_own(first(used)))
                .filter(|used| !is_only_commented(&anchor.text, first(used)))
                .collect();
            if !missing.is_empty() {
                let line =
                    missing.first().and_then(|name| line_with(&anchor.text, name)).unwrap_or(0);
                self.undefined(
                    resource,
                    &format!("`{name}`"),
                    &missing,
                    anchor.line + line,
                    Some(&queries.file),
                );
            }
            self.kind(resource, &queries, name, &anchor.text, anchor.line);
        }
    }

    fn anchors(&mut self, resource: &Resource, queries: &QueryFile) {
        let has = |name: &str| queries.get(name).is_some();
        let (missing, help) = match resource.kind {
            Kind::Resource | Kind::Multi if resource.native.is_none() => {
                if !has("create") && !has("createorupdate") {
                    ("`create` or `createorupdate`", "it cannot be created")
                } else if !has("createorupdate")
                    && !has("exists")
                    && !has("statecheck")
                    && !has("exports")
                {
                    ("`exists`, `statecheck` or `exports`", "nothing says whether it is there")
                } else {
                    return;
                }
            }
            Kind::Query if !has("exports") => ("`exports`", "it has nothing to ask"),
            Kind::Command if !has("command") => ("`command`", "it has nothing to run"),
            _ => return,
        };
        self.error(resource.line, format!("`{}` has no {missing}", resource.name), help);
    }

    /// The first word of a statement says whether it reads.
    fn kind(
        &mut self,
        resource: &Resource,
        queries: &QueryFile,
        name: &str,
        text: &str,
        line: usize,
    ) {
        let word = first_word(text);
        let writes = ["insert", "update", "replace", "delete", "exec"].contains(&word.as_str());
        let base = name.split(':').next().unwrap_or(name);
        let message = if READS.contains(&base) && writes && resource.kind != Kind::Query {
            format!("`{name}` writes, and may only read")
        } else if WRITES.contains(&base) && word == "select" && base == "create" {
            format!("`{name}` reads, and creates nothing")
        } else {
            return;
        };
        let report = Report::warning(Code::Config, message).with_place(&*queries.file, line);
        self.reports.push(
            report.with_help(format!(
                "put the statement under another anchor of `{}`",
                resource.name
            )),
        );
    }

    fn undefined(
        &mut self,
        resource: &Resource,
        what: &str,
        missing: &[String],
        line: usize,
        file: Option<&str>,
    ) {
        let later = missing.iter().filter(|name| {
            self.stack.resources.iter().any(|other| {
                other.name == first(name)
                    || other.exports.iter().any(|export| export.name == first(name))
            })
        });
        let later: Vec<&String> = later.collect();
        let help = if later.is_empty() {
            "add a prop, a global, or an export of an earlier resource".to_owned()
        } else {
            format!("{} comes from a later resource: move it up", listed(&later))
        };
        let text =
            format!("{what} of `{}` needs {}, which has no value", resource.name, listed(missing));
        let report = Report::warning(Code::UnsetVariable, text);
        self.reports
            .push(report.with_place(file.unwrap_or(&self.stack.file), line).with_help(help));
    }
}

/// The first word of a text that is no comment.
fn first_word(text: &str) -> String {
    let mut rest = text.trim_start();
    loop {
        if let Some(comment) = rest.strip_prefix("--") {
            rest = comment.split_once('\n').map_or("", |(_, rest)| rest).trim_start();
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").map_or("", |(_, rest)| rest).trim_start();
        } else {
            break;
        }
    }
    rest.chars().take_while(|c| c.is_alphabetic()).collect::<String>().to_lowercase()
}

/// The number of lines above the first use of a name.
fn line_with(text: &str, name: &str) -> Option<usize> {
    text.lines()
        .position(|line| (line.contains("{{") || line.contains("{%")) && line.contains(name))
}

/// True if a name is used in SQL comments only.
fn is_only_commented(text: &str, name: &str) -> bool {
    text.lines()
        .filter(|line| line.contains("{{") && line.contains(name))
        .all(|line| line.find("--").is_some_and(|at| line.find(name).is_some_and(|used| at < used)))
}
