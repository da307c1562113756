//! The record of a statement's writes: on disk before a request leaves, completed after.
//!
//! Owns: what of a write is recorded, masked, and how its end is worded.
//! Refuses: sending; a request whose intent cannot be recorded is refused here.
//! Surprise: an end that cannot be recorded is a note and no failure, since what was done was done;
//! such a write counts as open and is reported at the next start.

use std::sync::Arc;

use serde_json::Value as Json;
use strataql_call::{Exchange, MethodCall, json_text, number_digits};
use strataql_diag::{Code, MASK, Report};
use strataql_ledger::{
    Intent, JsonText, Ledger, Outcome as Ending, OutcomeKind, Principal, Timestamp, WriteId,
    request_digest, statement_digest,
};
use strataql_net::{Clock, Request};
use strataql_spec::Method;
use strataql_sql::Parsed;

use super::masking;
use super::prepared::PreparedWrite;
use crate::recording::Recording;

/// Secrets shorter than this are not looked for in messages: every other word would be masked.
const SHORTEST: usize = 4;

/// The text of a statement.
#[derive(Clone, Copy)]
pub(crate) struct StatementText<'a> {
    pub(crate) text: &'a str,
    pub(crate) parsed: &'a Parsed,
}

/// The record of one statement.
pub(crate) struct Record<'a> {
    exchange: &'a dyn Exchange,
    kept: Option<Kept>,
}

struct Kept {
    ledger: Arc<Ledger>,
    clock: Arc<dyn Clock>,
    template: Intent,
    secrets: Vec<String>,
    /// Objects are read before they are written.
    images: bool,
}

/// How a write ended.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) kind: OutcomeKind,
    pub(crate) status: Option<u16>,
    pub(crate) request_id: Option<String>,
    pub(crate) message: Option<String>,
}

impl<'a> Record<'a> {
    /// The record of a statement that is about to make these calls; `images` tells that objects are
    /// read before they are written.
    ///
    /// # Errors
    /// `local-io` when writes are to be recorded and nothing says where; `no-credential`.
    pub(crate) fn of(
        recording: &Recording,
        images: bool,
        exchange: &'a dyn Exchange,
        StatementText { text, parsed }: StatementText<'_>,
        calls: &[&MethodCall],
    ) -> Result<Self, Box<Report>> {
        let parameters: Vec<String> =
            calls.iter().flat_map(|call| call.secrets().iter().cloned()).collect();
        exchange.conceal(&parameters);
        // what changes nothing is not recorded
        let first = calls.first().filter(|call| changes(call.method()));
        let Some(first) = first else { return Ok(Self { exchange, kept: None }) };
        let (target, method) = (first.target(), first.method());
        let (ledger, clock) = match recording {
            Recording::Off { .. } => return Ok(Self { exchange, kept: None }),
            Recording::Nowhere => return Err(nowhere()),
            Recording::On { ledger, clock } => (Arc::clone(ledger), Arc::clone(clock)),
        };
        let bodies = calls.iter().filter_map(|call| call.body());
        let mut secrets: Vec<String> =
            bodies.flat_map(|body| masking::secrets(method, &body)).chain(parameters).collect();
        secrets.sort_unstable();
        secrets.dedup();
        let statement = exchange.redact(&masking::statement(text, parsed, &secrets));
        let principal = first.principal(exchange)?;
        let template = Intent {
            at: Timestamp::from(clock.wall()),
            statement_digest: statement_digest(&statement),
            statement,
            row: 0,
            provider: target.provider().name.clone(),
            service: target.service().name.clone(),
            resource: target.short_name().resource.clone(),
            method: method.name.clone(),
            verb: method.verb.to_string(),
            url: String::new(),
            principal: Principal {
                provider: target.provider().name.clone(),
                auth_type: principal.auth_type,
                identity: principal.identity,
            },
            request_digest: String::new(),
            body: None,
            idempotency_key: None,
            before: None,
        };
        Ok(Self { exchange, kept: Some(Kept { ledger, clock, template, secrets, images }) })
    }

    /// True if an object is to be read before it is written.
    pub(crate) fn has_images(&self) -> bool {
        self.kept.as_ref().is_some_and(|kept| kept.images)
    }

    /// Records what is about to be sent for a row; it is on disk when this returns.
    ///
    /// # Errors
    /// `local-io` when it cannot be recorded. Then the request must not leave.
    pub(crate) async fn begin(
        &self,
        position: usize,
        write: &PreparedWrite,
        request: &Request,
        before: Option<Json>,
    ) -> Result<Option<WriteId>, Box<Report>> {
        let Some(kept) = &self.kept else { return Ok(None) };
        let verb = request.verb.to_string();
        let sent = request.body.as_deref().unwrap_or_default();
        let method = write.call.method();
        let body = write.call.body().map(|body| self.redacted(&masking::masked(method, &body)));
        let intent = Intent {
            at: Timestamp::from(kept.clock.wall()),
            row: write.row.unwrap_or(position) as u64 + 1,
            url: self.exchange.redact(&masking::masked_url(method, &request.url)),
            request_digest: request_digest(&verb, request.url.as_str(), sent),
            verb,
            body: body.map(|body| recorded(&body)),
            idempotency_key: write.call.key().map(str::to_owned),
            before: before.map(|object| recorded(&self.redacted(&object))),
            ..kept.template.clone()
        };
        kept.ledger.intent(intent).await.map(Some)
    }

    /// Records how a write ended; gives what is to be said when that is impossible.
    pub(crate) async fn end(&self, id: Option<WriteId>, end: End) -> Option<String> {
        let (kept, id) = (self.kept.as_ref()?, id?);
        let name = id.to_string();
        let ending = Ending {
            kind: end.kind,
            status: end.status,
            request_id: end.request_id,
            message: end
                .message
                .map(|message| self.exchange.redact(&kept.without_secrets(message))),
            at: Timestamp::from(kept.clock.wall()),
        };
        let report = kept.ledger.outcome(id, ending).await.err()?;
        Some(format!(
            "the outcome `{}` of write `{name}` is not in the change ledger: {}",
            end.kind.as_str(),
            report.message
        ))
    }

    /// JSON with the secrets masked that the exchange knows.
    fn redacted(&self, json: &Json) -> Json {
        match json {
            Json::String(text) => {
                // a number that a secret stands in is no number any more
                let digits = number_digits(json);
                let shown = self.exchange.redact(digits.as_deref().unwrap_or(text));
                if digits.as_ref() == Some(&shown) { json.clone() } else { Json::String(shown) }
            }
            Json::Array(items) => items.iter().map(|item| self.redacted(item)).collect(),
            Json::Object(fields) => fields
                .iter()
                .map(|(name, field)| (name.clone(), self.redacted(field)))
                .collect::<serde_json::Map<_, _>>()
                .into(),
            Json::Number(number) => {
                let digits = number.to_string();
                let shown = self.exchange.redact(&digits);
                if shown == digits { json.clone() } else { Json::String(shown) }
            }
            Json::Null | Json::Bool(_) => json.clone(),
        }
    }
}

/// JSON as it is recorded: numbers with all their digits.
fn recorded(json: &Json) -> JsonText {
    JsonText::new(&json_text(json)).unwrap_or_default()
}

/// True if a call of the method is recorded: a POST that reads is recorded when EXEC names it.
fn changes(method: &Method) -> bool {
    method.is_write() || !method.verb.is_safe()
}

impl Kept {
    fn without_secrets(&self, mut message: String) -> String {
        for secret in self.secrets.iter().filter(|secret| secret.len() >= SHORTEST) {
            message = message.replace(secret, MASK);
        }
        message
    }
}

fn nowhere() -> Box<Report> {
    Box::new(
        Report::new(
            Code::LocalIo,
            "the write cannot be recorded: nothing says where the change ledger is",
        )
        .with_help("set `STRATAQL_HOME` to a folder that you may write to")
        .with_help("`--no-ledger` writes to the account without a record"),
    )
}
