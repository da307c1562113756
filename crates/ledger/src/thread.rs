//! The writer thread.
//!
//! Owns: collecting pending records into one group, and replying to each caller.
//! Surprise: a caller may be dropped while its intent is being written. It cannot have sent
//! anything, so [`Delivery`] then records that the write was not sent.

use std::mem;
use std::sync::mpsc::{Receiver, Sender};

use strataql_diag::Report;
use tokio::sync::oneshot;

use crate::acknowledge::resolved;
use crate::record::{Outcome, OutcomeKind, Resolution, WriteId};
use crate::time::Timestamp;
use crate::writer::{Done, Item, Writer};

/// Limits of a group: larger ones would delay its first callers.
const GROUP_RECORDS: usize = 1024;
const GROUP_BYTES: usize = 4 << 20;

type Reply<T> = oneshot::Sender<Result<T, Box<Report>>>;

/// Requests of callers.
#[derive(Debug)]
pub(crate) enum Message {
    Intent {
        statement_digest: String,
        statement: String,
        data: String,
        at: Timestamp,
        reply: Reply<Delivery>,
        back: Sender<Message>,
    },
    Outcome {
        id: WriteId,
        data: String,
        reply: Option<Reply<()>>,
    },
    Acknowledge {
        ids: Vec<WriteId>,
        resolution: Resolution,
        reply: Reply<Vec<WriteId>>,
    },
    Close(Reply<()>),
}

/// A recorded intent on its way to the caller.
#[derive(Debug)]
pub(crate) struct Delivery {
    id: WriteId,
    at: Timestamp,
    back: Option<Sender<Message>>,
}

impl Delivery {
    /// The caller received it.
    pub(crate) fn accept(mut self) -> WriteId {
        self.back = None;
        self.id.clone()
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        let Some(back) = self.back.take() else { return };
        let outcome = Outcome {
            kind: OutcomeKind::NotSent,
            status: None,
            request_id: None,
            message: Some("cancelled before the request was sent".to_owned()),
            at: self.at.clone(),
        };
        if let Ok(data) = serde_json::to_string(&outcome) {
            // a thread that has ended has registered the write as open
            drop(back.send(Message::Outcome { id: self.id.clone(), data, reply: None }));
        }
    }
}

/// Writes until the last sender is dropped or one closes.
pub(crate) fn serve(messages: &Receiver<Message>, mut writer: Writer) {
    let mut group = Group::default();
    while group.closing.is_none()
        && let Ok(message) = messages.recv()
    {
        group.add(message);
        while !group.is_full()
            && let Ok(message) = messages.try_recv()
        {
            group.add(message);
        }
        group.commit(&mut writer);
    }
    let closed = writer.close();
    if let Some(reply) = group.closing {
        drop(reply.send(closed));
    }
}

#[derive(Debug, Default)]
struct Group {
    items: Vec<Item>,
    waiting: Vec<Waiting>,
    bytes: usize,
    closing: Option<Reply<()>>,
}

#[derive(Debug)]
enum Waiting {
    Intent { at: Timestamp, reply: Reply<Delivery>, back: Sender<Message> },
    Outcome(Option<Reply<()>>),
    Acknowledge(Reply<Vec<WriteId>>),
}

impl Group {
    fn is_full(&self) -> bool {
        self.closing.is_some() || self.items.len() >= GROUP_RECORDS || self.bytes >= GROUP_BYTES
    }

    fn add(&mut self, message: Message) {
        let (item, waiting) = match message {
            // its caller is gone, so it will not be sent
            Message::Intent { reply, .. } if reply.is_closed() => return,
            Message::Intent { statement_digest, statement, data, at, reply, back } => {
                self.bytes += data.len() + statement.len();
                let item = Item::Intent { statement_digest, statement, data };
                (item, Waiting::Intent { at, reply, back })
            }
            Message::Outcome { id, data, reply } => {
                self.bytes += data.len();
                (Item::Outcome { id, data }, Waiting::Outcome(reply))
            }
            Message::Acknowledge { ids, resolution, reply } => {
                (Item::Resolutions { ids, resolution }, Waiting::Acknowledge(reply))
            }
            Message::Close(reply) => {
                self.closing = Some(reply);
                return;
            }
        };
        self.items.push(item);
        self.waiting.push(waiting);
    }

    fn commit(&mut self, writer: &mut Writer) {
        let items = mem::take(&mut self.items);
        let waiting = mem::take(&mut self.waiting);
        self.bytes = 0;
        if items.is_empty() {
            return;
        }
        match writer.commit(&items) {
            Ok(done) => {
                waiting.into_iter().zip(done).for_each(|(waiting, done)| waiting.tell(done));
            }
            Err(report) => waiting.into_iter().for_each(|waiting| waiting.refuse(report.clone())),
        }
    }
}

impl Waiting {
    // a reply without a receiver is dropped, which `Delivery` relies on
    fn tell(self, done: Done) {
        match (self, done) {
            (Self::Intent { at, reply, back }, Done::Intent(id)) => {
                drop(reply.send(Ok(Delivery { id, at, back: Some(back) })));
            }
            (Self::Outcome(Some(reply)), Done::Outcome) => drop(reply.send(Ok(()))),
            (Self::Outcome(None), _) => {}
            (Self::Acknowledge(reply), done) => drop(reply.send(Ok(resolved(done)))),
            (waiting, done) => {
                let what = match done {
                    Done::NoSuchWrite(id) => format!("`{id}` is no write of this run"),
                    other => format!("the change ledger answered {other:?}"),
                };
                waiting.refuse(Box::new(Report::internal(what)));
            }
        }
    }

    fn refuse(self, report: Box<Report>) {
        match self {
            Self::Intent { reply, .. } => drop(reply.send(Err(report))),
            Self::Outcome(reply) => drop(reply.map(|reply| reply.send(Err(report)))),
            Self::Acknowledge(reply) => drop(reply.send(Err(report))),
        }
    }
}
