//! The records of the ledger.
//!
//! Owns: intents, outcomes, resolutions and the names of writes.
//! Refuses: masking; callers mask texts and bodies.
//! Surprise: a write may have more than one outcome (`unknown`, then `applied` after a lookup); the
//! last one counts.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::time::Timestamp;

/// The run that writes: one process, or one session of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Version of strataql.
    pub version: String,
    /// When the run started; the segment's file name begins with it.
    pub started_at: Timestamp,
}

/// Id of a write: the run, and its number within the run, counted from 1. Shown as
/// `<run>/<number>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WriteId {
    /// The run: the name of its segment file without `.jsonl`.
    pub run: String,
    /// Number of the write within the run.
    pub number: u64,
}

impl fmt::Display for WriteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.run, self.number)
    }
}

impl FromStr for WriteId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = text.rsplit_once('/').and_then(|(run, number)| {
            Some(Self { run: run.to_owned(), number: number.parse().ok()? })
        });
        parsed.ok_or_else(|| format!("`{text}` names no write; its form is `<run>/<number>`"))
    }
}

impl Serialize for WriteId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for WriteId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A write that is about to be sent. Every text is masked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// When it was recorded.
    pub at: Timestamp,
    /// Text of the statement. Stored once per run and digest, however many rows it writes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub statement: String,
    /// Digest of the statement ([`statement_digest`](crate::statement_digest)); stands for its text.
    pub statement_digest: String,
    /// Number of the source row, counted from 1.
    pub row: u64,
    /// Provider, as in the statement.
    pub provider: String,
    /// Service.
    pub service: String,
    /// Resource.
    pub resource: String,
    /// Method.
    pub method: String,
    /// HTTP verb.
    pub verb: String,
    /// URL of the request.
    pub url: String,
    /// The owner of the credential.
    pub principal: Principal,
    /// Digest of the request as sent ([`request_digest`](crate::request_digest)).
    pub request_digest: String,
    /// Body of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<JsonText>,
    /// Idempotency key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// The object before the write, if it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<JsonText>,
}

/// JSON as text on one line; numbers keep all their digits.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JsonText(Box<RawValue>);

impl JsonText {
    /// Takes JSON text; `None` if it is none.
    pub fn new(text: &str) -> Option<Self> {
        // line feeds stand between values only: inside of texts they are escaped
        let line = text.replace(['\n', '\r'], " ");
        RawValue::from_string(line).ok().map(Self)
    }

    /// The tree; numbers as `serde_json` has them.
    pub fn value(&self) -> serde_json::Value {
        serde_json::from_str(self.get()).unwrap_or_default()
    }

    /// The text.
    pub fn get(&self) -> &str {
        self.0.get()
    }
}

impl Default for JsonText {
    fn default() -> Self {
        Self(RawValue::NULL.to_owned())
    }
}

impl PartialEq for JsonText {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

/// The credential that a request uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// Provider whose credential is used.
    pub provider: String,
    /// Kind of credential, for example `oauth2`.
    pub auth_type: String,
    /// Client id, or a fingerprint: the first twelve characters of a digest of the credential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
}

/// The outcome of a write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Kind of outcome.
    pub kind: OutcomeKind,
    /// HTTP status, if a response arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The service's request identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The service's message, or the error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When the outcome was known.
    pub at: Timestamp,
}

/// Kind of outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeKind {
    /// The service confirmed it.
    Applied,
    /// The service refused it; nothing changed.
    Refused,
    /// It failed, and the service states that nothing changed.
    Failed,
    /// It was sent, and whether anything changed could not be determined.
    Unknown,
    /// It was never sent.
    NotSent,
}

impl OutcomeKind {
    /// The word in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::NotSent => "not_sent",
        }
    }
}

/// The resolution of an open write of a run that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    /// Kind of resolution.
    pub kind: ResolutionKind,
    /// Details.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// Kind of resolution of an open write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResolutionKind {
    /// The user was warned that the outcome is unknown.
    Reported,
    /// A lookup showed that it took effect.
    Applied,
    /// A lookup showed that it did not take effect.
    NotApplied,
}

impl ResolutionKind {
    /// The word in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Applied => "applied",
            Self::NotApplied => "not_applied",
        }
    }
}

/// First record of a segment.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RunRecord {
    pub(crate) format: u32,
    pub(crate) version: String,
    pub(crate) pid: u32,
    pub(crate) started_at: Timestamp,
}

/// Text of a statement, once per run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StatementRecord {
    pub(crate) digest: String,
    pub(crate) text: String,
}

/// Resolution of one write, possibly of another run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ResolutionRecord {
    pub(crate) of: WriteId,
    pub(crate) resolution: Resolution,
}

/// A killed run left an incomplete record: its segment counts up to `bytes` only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CutRecord {
    pub(crate) run: String,
    pub(crate) bytes: u64,
    pub(crate) cut: u64,
    pub(crate) sha256: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn write_ids_survive_their_text() {
        let id = WriteId { run: "20260801T101112Z-7-ab".into(), number: 12 };
        assert_eq!(id.to_string().parse::<WriteId>(), Ok(id));
        for text in ["", "a", "a/", "a/x", "a/-1"] {
            assert!(text.parse::<WriteId>().is_err(), "{text}");
        }
    }

    #[test]
    fn words_equal_those_in_the_file() {
        let outcomes = [
            OutcomeKind::Applied,
            OutcomeKind::Refused,
            OutcomeKind::Failed,
            OutcomeKind::Unknown,
            OutcomeKind::NotSent,
        ];
        for kind in outcomes {
            assert_eq!(serde_json::to_value(kind).ok(), Some(kind.as_str().into()));
        }
        for kind in [ResolutionKind::Reported, ResolutionKind::Applied, ResolutionKind::NotApplied]
        {
            assert_eq!(serde_json::to_value(kind).ok(), Some(kind.as_str().into()));
        }
    }
}
