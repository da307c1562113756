//! A plan: what a build would do, and why.
//!
//! Owns: its forms for people, machines and pull requests.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use strataql_diag::{Code, Report};

use crate::runner::Request;
use crate::yaml::scalar;

/// The form of a plan.
pub(crate) const FORMAT: &str = "deploy-plan/1";

/// What happens to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It is as it should be.
    None,
    /// It is created.
    Create,
    /// It is changed in place.
    Update,
    /// It is deleted and created again.
    Replace,
    /// It is deleted.
    Delete,
    /// A command or a script runs.
    Run,
    /// A query reads.
    Read,
    /// Its condition does not hold.
    Skip,
}

impl Action {
    const fn sign(self) -> &'static str {
        match self {
            Self::None => " ",
            Self::Create => "+",
            Self::Update => "~",
            Self::Replace => "-/+",
            Self::Delete => "-",
            Self::Run => ">",
            Self::Read => "<=",
            Self::Skip => "·",
        }
    }

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::None => "no change",
            Self::Create => "create",
            Self::Update => "update",
            Self::Replace => "replace",
            Self::Delete => "delete",
            Self::Run => "run",
            Self::Read => "read",
            Self::Skip => "skip",
        }
    }

    /// True if something would be written to the resource.
    pub const fn changes(self) -> bool {
        matches!(self, Self::Create | Self::Update | Self::Replace | Self::Delete)
    }
}

/// A field that differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldChange {
    /// Its path.
    pub path: String,
    /// What is there.
    pub before: Json,
    /// What is declared.
    pub after: Json,
    /// True if it cannot be changed in place.
    #[serde(rename = "replaces")]
    pub is_replacing: bool,
}

impl FieldChange {
    /// The change in one line.
    pub(crate) fn told(&self) -> String {
        format!("{}: {}", self.path, self.values())
    }

    /// Both values; texts are quoted together.
    fn values(&self) -> String {
        let (before, after) = (scalar(&self.before), scalar(&self.after));
        if self.before.is_string()
            && self.after.is_string()
            && before.starts_with('"') != after.starts_with('"')
        {
            return format!("{} → {}", self.before, self.after);
        }
        format!("{before} → {after}")
    }
}

/// What happens to one resource.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Change {
    /// Its name.
    pub resource: String,
    /// What happens.
    pub action: Action,
    /// Why, where fields do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The fields that differ.
    pub fields: Vec<FieldChange>,
    /// The statements that would run.
    pub statements: Vec<String>,
    /// The requests that they would send, if that was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<Request>,
    /// A digest of what was seen; absent if nothing could be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
}

/// A row of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// The policy.
    pub policy: String,
    /// What it found, as JSON.
    pub row: String,
}

/// A plan.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    /// The form of this object.
    pub format: String,
    /// The folder of the stack, as it was given.
    pub folder: String,
    /// The stack.
    pub stack: String,
    /// The environment.
    pub env: String,
    /// The digest of the manifest and what it includes.
    pub manifest_sha256: String,
    /// The digest of the values of globals and variables.
    pub values_sha256: String,
    /// The versions of the providers' documents.
    pub providers: BTreeMap<String, String>,
    /// What happens, in order.
    pub changes: Vec<Change>,
    /// Why it may not be applied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<Violation>,
    /// The digest of everything above.
    pub sha256: String,
}

impl Plan {
    /// True if no resource would be written.
    pub fn is_empty(&self) -> bool {
        !self.changes.iter().any(|change| change.action.changes())
    }

    /// Reads a plan as [`Self::json`] writes it.
    ///
    /// # Errors
    /// Why the text is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let plan: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if plan.format == FORMAT {
            Ok(plan)
        } else {
            Err(format!("its format is `{}`, and this program reads `{FORMAT}`", plan.format))
        }
    }

    /// Why it may not be applied, as a report.
    pub fn forbidden(&self) -> Option<Box<Report>> {
        let first = self.violations.first()?;
        let report = Report::new(
            Code::AssertionFailed,
            format!("the policy `{}` forbids the plan", first.policy),
        )
        .with_help("change the manifest, or the policy; nothing was written");
        Some(Box::new(self.violations.iter().fold(report, |report, one| {
            report.with_note(format!("policy `{}`: {}", one.policy, one.row))
        })))
    }

    /// True if a resource is part of the plan.
    pub(crate) fn has(&self, resource: &str) -> bool {
        self.changes.iter().any(|change| change.resource == resource)
    }

    /// The digest of everything but the digest.
    pub(crate) fn digest(&self) -> String {
        let mut plan = self.clone();
        plan.sha256.clear();
        crate::random::sha256(plan.json().as_bytes())
    }

    /// Closes the plan: what is changed in it later is noticed.
    pub(crate) fn seal(&mut self) {
        self.sha256 = self.digest();
    }

    /// The plan as JSON.
    pub fn json(&self) -> String {
        match serde_json::to_string_pretty(self) {
            Ok(text) => text + "\n",
            // a plan has nothing that JSON lacks
            Err(error) => format!("{{\"error\": {}}}\n", Json::from(error.to_string())),
        }
    }

    /// A tree for people.
    pub fn text(&self, color: bool) -> String {
        let mut text = format!("stack {} in {}\n", self.stack, self.env);
        for change in &self.changes {
            let code = match change.action {
                Action::Create => "32",
                Action::Update | Action::Run => "33",
                Action::Replace | Action::Delete => "31",
                _ => "2",
            };
            let why = change.why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
            let line = format!(
                "{:>3} {} {}{why}",
                change.action.sign(),
                change.action.word(),
                change.resource
            );
            text.push_str(&if color {
                format!("\u{1b}[{code}m{line}\u{1b}[0m\n")
            } else {
                line + "\n"
            });
            let width =
                change.fields.iter().map(|field| field.path.chars().count()).max().unwrap_or(0);
            for field in &change.fields {
                let values = if change.action == Action::Create {
                    scalar(&field.after)
                } else {
                    field.values()
                };
                let replaces = if field.is_replacing { "  (forces replacement)" } else { "" };
                let path = &field.path;
                text.extend(["      ", &format!("{path:<width$}  {values}{replaces}"), "\n"]);
            }
            for request in &change.requests {
                text.extend(["      ", &request.method, " ", &request.url, "\n"]);
                if let Some(body) = &request.body {
                    text.extend(["        ", body, "\n"]);
                }
            }
        }
        text + &self.summary() + "\n"
    }

    /// A table for pull requests.
    pub fn markdown(&self) -> String {
        let mut text = format!(
            "### Plan of `{}` in `{}`\n\n{}\n\n| | resource | field | before | after |\n|---|---|---|---|---|\n",
            self.stack,
            self.env,
            self.summary()
        );
        let cell = |value: &Json| scalar(value).replace('|', "\\|").replace('\n', " ");
        for change in self.changes.iter().filter(|change| change.action != Action::None) {
            let head = format!("| {} | `{}` |", change.action.word(), change.resource);
            if change.fields.is_empty() {
                let why = change.why.clone().unwrap_or_default();
                text.extend([&*head, " ", &why, " | | |\n"]);
            }
            for field in &change.fields {
                let row = format!(
                    " `{}` | {} | {} |\n",
                    field.path,
                    cell(&field.before),
                    cell(&field.after)
                );
                text.extend([&*head, &row]);
            }
        }
        text
    }

    fn summary(&self) -> String {
        let count = |action| self.changes.iter().filter(|change| change.action == action).count();
        let parts: Vec<String> =
            [Action::Create, Action::Update, Action::Replace, Action::Delete, Action::Run]
                .into_iter()
                .filter(|action| count(*action) > 0)
                .map(|action| format!("{} to {}", count(action), action.word()))
                .collect();
        if parts.is_empty() { "no changes".to_owned() } else { parts.join(", ") }
    }
}
