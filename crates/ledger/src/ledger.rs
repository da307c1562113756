//! The ledger interface for one run.
//!
//! Owns: [`Ledger`]: a writer thread, and callers that await the disk without blocking.
//! Refuses: sending requests; a request may be sent once [`Ledger::intent`] has returned.
//! Surprise: nothing is created before the first record, neither files nor the thread, so a run that
//! only reads works in a read-only home.

use std::fmt;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, mpsc};

use strataql_diag::Report;
use tokio::sync::oneshot;

use crate::failure::unwritable;
use crate::folder::Folder;
use crate::record::{Intent, Outcome, Resolution, Run, WriteId};
use crate::thread::{self, Message};
use crate::writer::Writer;

/// The change ledger of one run. Share it in an `Arc`; any number of tasks may record at once.
///
/// Records that arrive while the disk is busy are written together afterwards, with one flush.
/// Dropping it ends the segment in the background; a process that ends meanwhile leaves it to the next
/// run, so [`close`](Self::close) is the orderly way.
pub struct Ledger {
    dir: PathBuf,
    run: Run,
    state: Mutex<State>,
}

enum State {
    Idle,
    Running(mpsc::Sender<Message>),
    Closed,
}

impl Ledger {
    /// The ledger in `dir`, for a run. Creates nothing and cannot fail.
    pub fn open(dir: PathBuf, run: Run) -> Self {
        Self { dir, run, state: Mutex::new(State::Idle) }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Records a request that is about to be sent; the record is durable when this returns.
    ///
    /// If the caller is dropped before that, the write is recorded as never sent, or not at all.
    ///
    /// # Errors
    /// `local-io` when it cannot be recorded. Then nothing must be sent.
    pub async fn intent(&self, mut intent: Intent) -> Result<WriteId, Box<Report>> {
        let statement = mem::take(&mut intent.statement);
        let data = self.json(&intent)?;
        let Intent { at, statement_digest, .. } = intent;
        let sender = self.sender()?;
        let (reply, answer) = oneshot::channel();
        let back = sender.clone();
        let message = Message::Intent { statement_digest, statement, data, at, reply, back };
        let delivery = self.ask(&sender, message, answer).await?;
        Ok(delivery.accept())
    }

    /// Records the outcome of a write; it is durable when this returns. The last outcome counts.
    ///
    /// # Errors
    /// `local-io` when it cannot be recorded; `internal` for a write of another run.
    pub async fn outcome(&self, id: WriteId, outcome: Outcome) -> Result<(), Box<Report>> {
        let data = self.json(&outcome)?;
        let (reply, answer) = oneshot::channel();
        self.ask(&self.sender()?, Message::Outcome { id, data, reply: Some(reply) }, answer).await
    }

    /// As [`acknowledge`](crate::acknowledge()), in the segment of this run.
    ///
    /// # Errors
    /// `local-io` when it cannot be recorded.
    pub async fn acknowledge(
        &self,
        ids: Vec<WriteId>,
        resolution: Resolution,
    ) -> Result<Vec<WriteId>, Box<Report>> {
        let (reply, answer) = oneshot::channel();
        self.ask(&self.sender()?, Message::Acknowledge { ids, resolution, reply }, answer).await
    }

    /// Writes pending records and closes the segment. Later records are errors.
    ///
    /// Writes without an outcome are reported at the next start, like those of a killed run.
    ///
    /// # Errors
    /// `local-io` when the end cannot be recorded; every confirmed record is safe nevertheless.
    pub async fn close(&self) -> Result<(), Box<Report>> {
        let state = mem::replace(&mut *self.lock(), State::Closed);
        let State::Running(sender) = state else { return Ok(()) };
        let (reply, answer) = oneshot::channel();
        self.ask(&sender, Message::Close(reply), answer).await
    }

    fn sender(&self) -> Result<mpsc::Sender<Message>, Box<Report>> {
        let mut state = self.lock();
        match &*state {
            State::Running(sender) => Ok(sender.clone()),
            State::Closed => Err(Box::new(Report::internal(
                "a write was to be recorded after the change ledger was closed",
            ))),
            State::Idle => {
                let writer = Writer::new(Folder::new(&self.dir), self.run.clone());
                let (sender, receiver) = mpsc::channel();
                std::thread::Builder::new()
                    .name("strataql-ledger".to_owned())
                    .spawn(move || thread::serve(&receiver, writer))
                    .map_err(|error| unwritable(&self.dir, "starting its thread", error))?;
                *state = State::Running(sender.clone());
                Ok(sender)
            }
        }
    }

    async fn ask<T>(
        &self,
        sender: &mpsc::Sender<Message>,
        message: Message,
        answer: oneshot::Receiver<Result<T, Box<Report>>>,
    ) -> Result<T, Box<Report>> {
        let gone = || unwritable(&self.dir, "recording", "its thread has ended");
        sender.send(message).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    fn json(&self, record: &impl serde::Serialize) -> Result<String, Box<Report>> {
        serde_json::to_string(record)
            .map_err(|error| unwritable(&self.dir, "writing a record as JSON", error))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").field("dir", &self.dir).finish_non_exhaustive()
    }
}
