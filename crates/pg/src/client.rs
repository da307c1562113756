//! One client that has logged in: its messages, and the state of its session.
//!
//! Owns: prepared statements, portals, the transaction status that clients see.
//! Refuses: running statements (`run`), sending their rows (`send`).

mod extended;
mod run;
mod send;

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::BufMut;
use strataql_diag::{Code, Report};
use tokio::sync::watch;

use crate::backend::{Login, Session};
use crate::commands::default;
use crate::frame::{Message, violation};
use crate::messages::text;
use crate::metrics::Metrics;
use crate::pieces::split;
use crate::portal::{Column, Formats, Rows};
use crate::report::{Failure, Severity};
use crate::state::{Cancel, Registration, stopping};
use crate::wire::{Incoming, Outgoing, Socket};

/// Most prepared statements, and most portals, of a session.
const MOST_NAMES: usize = 4096;

/// Most bytes of all prepared statements of a session.
const MOST_BYTES: usize = 64 << 20;

/// The transaction status that clients see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Idle,
    Open,
    /// A statement failed: only the end of the transaction is accepted.
    Failed,
}

/// Why a session ends before its client says so.
#[derive(Debug)]
pub(crate) enum End {
    /// The client has gone or does not read.
    Gone,
    /// After a report for the client.
    Fatal(Failure),
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

/// What stops the work for a message: a failed statement, or the end of the session.
#[derive(Debug)]
enum Stop {
    Failed(Failure),
    End(End),
}

impl<E: Into<Failure>> From<E> for Stop {
    fn from(failure: E) -> Self {
        Self::Failed(failure.into())
    }
}

/// What a session shares with its server.
pub(crate) struct Shared {
    /// Told when another connection cancels the statement.
    pub(crate) cancel: Arc<Cancel>,
    /// Its place among those that can be cancelled, until it ends.
    #[expect(dead_code, reason = "dropped with the session")]
    pub(crate) registration: Registration,
    /// Who has logged in.
    pub(crate) login: Login,
    /// True once the server stops.
    pub(crate) stop: watch::Receiver<bool>,
    pub(crate) metrics: Arc<Metrics>,
    /// How long a session may do nothing.
    pub(crate) idle: Option<Duration>,
}

/// A prepared statement.
struct Prepared {
    /// Without its `;`; empty if there is no statement.
    text: String,
    /// The types of its parameters.
    parameters: Vec<crate::kinds::Kind>,
    /// The numbers of those types: drivers expect the ones that they gave.
    numbers: Vec<u32>,
    columns: Vec<Column>,
}

/// A statement with its values.
struct Portal {
    statement: Arc<Prepared>,
    values: Vec<arrow_array::ArrayRef>,
    formats: Formats,
    progress: Progress,
    /// Outlives its transaction.
    hold: bool,
}

enum Progress {
    Ready,
    Running(Rows),
    Done,
}

/// A client that has logged in.
pub(crate) struct Client<S> {
    incoming: Incoming<S>,
    outgoing: Outgoing<S>,
    session: Box<dyn Session>,
    shared: Shared,
    status: Status,
    prepared: HashMap<String, Arc<Prepared>>,
    portals: HashMap<String, Portal>,
    /// PostgreSQL's settings where they differ from a new session's.
    settings: HashMap<String, String>,
    /// After a failure everything up to Sync is skipped.
    skips: bool,
    /// Savepoints of the transaction, with the writes before each.
    savepoints: Vec<(String, u64)>,
    /// Statements so far that may have written.
    writes: u64,
}

impl<S: Socket> Client<S> {
    pub(crate) fn new(
        incoming: Incoming<S>,
        outgoing: Outgoing<S>,
        session: Box<dyn Session>,
        shared: Shared,
    ) -> Self {
        Self {
            incoming,
            outgoing,
            session,
            shared,
            status: Status::Idle,
            prepared: HashMap::new(),
            portals: HashMap::new(),
            settings: HashMap::new(),
            skips: false,
            savepoints: Vec::new(),
            writes: 0,
        }
    }

    /// Takes over settings of the start-up message; what does not fit is left out.
    pub(crate) async fn take_over(&mut self, parameters: &[(String, String)]) {
        for (name, value) in parameters {
            if default(name).is_some() {
                // clients cannot answer to a refusal here; SHOW tells the value in force
                let _refused = self.set(name, Some(value)).await;
            }
        }
    }

    /// Serves the client until it ends.
    pub(crate) async fn serve(mut self) {
        self.ready();
        let end = self.messages().await;
        self.portals.clear();
        self.session.close().await;
        if let Err(End::Fatal(failure)) = end {
            self.outgoing.report(Severity::Fatal, &failure, None);
        }
        self.outgoing.end().await;
    }

    async fn messages(&mut self) -> Result<(), End> {
        loop {
            let message = match self.incoming.next() {
                Ok(Some(message)) => message,
                Ok(None) => {
                    self.outgoing.send().await?;
                    self.wait().await?;
                    continue;
                }
                Err(report) => return Err(End::Fatal(Failure::new("08P01", *report))),
            };
            if self.skips && !matches!(message, Message::Sync | Message::Terminate) {
                continue;
            }
            let is_extended = message.is_extended();
            self.shared.cancel.begin();
            match message {
                Message::Terminate => return Ok(()),
                Message::Query(text) => self.query(&text).await?,
                Message::Sync => {
                    self.skips = false;
                    if self.status == Status::Idle {
                        self.portals.retain(|_, portal| portal.hold);
                    }
                    self.ready();
                }
                Message::Flush => self.outgoing.send().await?,
                Message::Password(_) => {
                    return Err(End::Fatal(Failure::new(
                        "08P01",
                        *violation("a password came after the login"),
                    )));
                }
                // what a client sent for a COPY that failed
                Message::Copy => {}
                message => match self.extended(message).await {
                    Ok(()) => {}
                    Err(Stop::End(end)) => return Err(end),
                    Err(Stop::Failed(failure)) => {
                        self.failed(&failure, None);
                        self.skips = is_extended;
                    }
                },
            }
        }
    }

    /// Waits for bytes of the client.
    async fn wait(&mut self) -> Result<(), End> {
        let idle = self.shared.idle;
        let late = async {
            match idle {
                Some(idle) => tokio::time::sleep(idle).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            more = self.incoming.fill() => if more? { Ok(()) } else { Err(End::Gone) },
            () = stopping(&mut self.shared.stop) => Err(stopped()),
            () = late => Err(End::Fatal(Failure::new(
                "57P05",
                Report::new(Code::Timeout, "the session did nothing for too long")
                    .with_help("connect again; `--idle-timeout` is the limit"),
            ))),
        }
    }

    /// A simple query: all statements of a text, up to the first failure.
    async fn query(&mut self, text: &str) -> Result<(), End> {
        // the unnamed statement and portal do not outlive it
        self.prepared.remove("");
        self.portals.remove("");
        let pieces = split(text);
        if pieces.is_empty() {
            self.outgoing.put(b'I', |_| {});
        }
        for piece in pieces {
            let statement = &text[piece.clone()];
            match Box::pin(self.simple(statement)).await {
                Ok(()) => {}
                Err(Stop::End(end)) => return Err(end),
                Err(Stop::Failed(failure)) => {
                    self.failed(&failure.shifted(piece.start), Some(text));
                    break;
                }
            }
        }
        self.ready();
        Ok(())
    }

    fn failed(&mut self, failure: &Failure, text: Option<&str>) {
        self.shared.metrics.failed();
        self.outgoing.report(Severity::Error, failure, text);
        if self.status == Status::Open {
            self.status = Status::Failed;
        }
    }

    fn ready(&mut self) {
        let status = match self.status {
            Status::Idle => b'I',
            Status::Open => b'T',
            Status::Failed => b'E',
        };
        self.outgoing.put(b'Z', |out| out.put_u8(status));
    }

    fn complete(&mut self, tag: &str) {
        self.outgoing.put(b'C', |out| text(out, tag));
    }

    /// A warning of the connection itself.
    fn warn(&mut self, state: &'static str, message: &str) {
        let failure = Failure::new(state, Report::warning(Code::Transaction, message));
        self.outgoing.report(Severity::Warning, &failure, None);
    }
}

/// The end of all sessions.
fn stopped() -> End {
    End::Fatal(Failure::new(
        "57P01",
        Report::new(Code::Cancelled, "the server is shutting down")
            .with_help("connect again later"),
    ))
}
