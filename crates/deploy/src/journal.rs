//! What a run did, line by line, so that another run can go on after it or take it back.
//!
//! Owns: the entries and their form. An intent stands in the journal before its statement is sent, an
//! outcome after it; an intent without an outcome may have happened.
//! Refuses: files; the command line keeps the lines.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

/// The form of the lines.
pub(crate) const FORMAT: &str = "deploy-journal/1";

/// What a statement does to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// It is created.
    Create,
    /// It is changed.
    Update,
    /// It is created or changed, whatever is there.
    CreateOrUpdate,
    /// It is deleted.
    Delete,
    /// A command, a script, or a query that writes, is run.
    Run,
}

impl Operation {
    /// The operation as a noun of messages.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::CreateOrUpdate => "createorupdate",
            Self::Delete => "delete",
            Self::Run => "run",
        }
    }
}

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The service did it.
    Done,
    /// Nothing was changed.
    Refused,
    /// It may have happened.
    Unknown,
}

/// A line of a journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Entry {
    /// The run begins.
    Run {
        /// The form of the lines.
        format: String,
        /// `build`, `teardown` or `rollback`.
        mode: String,
        /// The stack.
        stack: String,
        /// Its environment.
        env: String,
        /// The digest of the manifest and its files.
        manifest_sha256: String,
        /// When, UTC.
        at: String,
    },
    /// A statement is about to be sent.
    Intent {
        /// The resource.
        resource: String,
        /// What it does.
        operation: Operation,
        /// What is there before, as far as it is declared; secrets are left out.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        before: Map<String, Json>,
    },
    /// The statement has ended.
    Outcome {
        /// The resource.
        resource: String,
        /// What it did.
        operation: Operation,
        /// How it ended.
        outcome: Outcome,
        /// Why it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
    /// A change was taken back.
    Undone {
        /// The resource.
        resource: String,
        /// The operation that was taken back.
        operation: Operation,
    },
    /// The run has ended.
    End {
        /// True if everything was done.
        complete: bool,
    },
}

/// A change that a run made, or may have made.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Deed {
    pub(crate) resource: String,
    pub(crate) operation: Operation,
    pub(crate) outcome: Outcome,
    pub(crate) before: Map<String, Json>,
}

/// The journal of a run that has ended.
#[derive(Debug, Clone, Default)]
pub struct Journal {
    entries: Vec<Entry>,
}

impl Journal {
    /// Reads lines. A last line that was cut off is left out: what it says did not happen.
    ///
    /// # Errors
    /// The number of the line that is none, and why.
    pub fn parse(text: &str) -> Result<Self, (usize, String)> {
        let lines: Vec<&str> = text.lines().collect();
        let mut entries = Vec::with_capacity(lines.len());
        for (at, line) in lines.iter().enumerate() {
            match serde_json::from_str(line) {
                Ok(entry) => entries.push(entry),
                Err(_) if at + 1 == lines.len() && !text.ends_with('\n') => {}
                Err(error) => return Err((at + 1, error.to_string())),
            }
        }
        match entries.first() {
            Some(Entry::Run { format, .. }) if format == FORMAT => Ok(Self { entries }),
            _ => Err((1, "the first line does not begin a run".to_owned())),
        }
    }

    /// The stack, its environment and the digest of its files.
    pub fn of(&self) -> Option<(&str, &str, &str)> {
        match self.entries.first()? {
            Entry::Run { stack, env, manifest_sha256, .. } => Some((stack, env, manifest_sha256)),
            _ => None,
        }
    }

    /// What the run did: `build` or `teardown`.
    pub fn mode(&self) -> &str {
        match self.entries.first() {
            Some(Entry::Run { mode, .. }) => mode,
            _ => "",
        }
    }

    /// True if the run came to its end and everything was done.
    pub fn is_complete(&self) -> bool {
        matches!(self.entries.last(), Some(Entry::End { complete: true }))
    }

    /// True if the run changed something, or may have.
    pub fn has_changes(&self) -> bool {
        !self.deeds().is_empty()
    }

    /// The changes of the run, in their order, without those that were taken back.
    pub(crate) fn deeds(&self) -> Vec<Deed> {
        let mut deeds: Vec<Deed> = Vec::new();
        for entry in &self.entries {
            match entry {
                Entry::Intent { resource, operation, before } => deeds.push(Deed {
                    resource: resource.clone(),
                    operation: *operation,
                    outcome: Outcome::Unknown,
                    before: before.clone(),
                }),
                Entry::Outcome { resource, operation, outcome, .. } => {
                    let own = deeds
                        .iter_mut()
                        .rev()
                        .find(|deed| deed.resource == *resource && deed.operation == *operation);
                    if let Some(deed) = own {
                        deed.outcome = *outcome;
                    }
                }
                Entry::Undone { resource, operation } => {
                    let own = deeds.iter().rposition(|deed| {
                        deed.resource == *resource && deed.operation == *operation
                    });
                    if let Some(at) = own {
                        deeds.remove(at);
                    }
                }
                Entry::Run { .. } | Entry::End { .. } => {}
            }
        }
        deeds.retain(|deed| deed.outcome != Outcome::Refused);
        deeds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_have_happened_is_a_deed() {
        let text = concat!(
            r#"{"event":"run","format":"deploy-journal/1","mode":"build","stack":"s","env":"dev","manifest_sha256":"x","at":"t"}"#,
            "\n",
            r#"{"event":"intent","resource":"a","operation":"create"}"#,
            "\n",
            r#"{"event":"outcome","resource":"a","operation":"create","outcome":"done"}"#,
            "\n",
            r#"{"event":"intent","resource":"b","operation":"update","before":{"ttl":30}}"#,
            "\n",
            r#"{"event":"outcome","resource":"b","operation":"update","outcome":"refused","message":"no"}"#,
            "\n",
            r#"{"event":"intent","resource":"c","operation":"createorupdate"}"#,
            "\n",
            r#"{"event":"outco"#
        );
        let journal = Journal::parse(text).expect("valid");
        let deeds: Vec<(String, Outcome)> =
            journal.deeds().into_iter().map(|deed| (deed.resource, deed.outcome)).collect();
        assert_eq!(deeds, [("a".to_owned(), Outcome::Done), ("c".to_owned(), Outcome::Unknown)]);
        assert!(!journal.is_complete());
        assert_eq!(journal.of(), Some(("s", "dev", "x")));
        assert_eq!(Journal::parse("{}\n").map(|_| ()).map_err(|(line, _)| line), Err(1));
        assert!(Journal::parse("").is_err());
    }
}
