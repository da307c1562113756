//! The extended protocol: Parse, Bind, Describe, Execute, Close.

use std::sync::Arc;

use bytes::{BufMut, BytesMut};

use super::run::{Outcome, no_portal, no_statement, words_of, wrong_count};
use super::{Client, Portal, Progress, Stop};
use crate::commands;
use crate::frame::{Bind, Message, Target};
use crate::portal::{Formats, describe};
use crate::values::value;
use crate::wire::Socket;

impl<S: Socket> Client<S> {
    /// One message of the extended protocol.
    pub(super) async fn extended(&mut self, message: Message) -> Result<(), Stop> {
        match message {
            Message::Parse { name, text, types } => {
                if name.is_empty() {
                    self.prepared.remove("");
                }
                let prepared = self.prepare(&text, &types).await?;
                self.keep(name, prepared)?;
                self.outgoing.put(b'1', |_| {});
            }
            Message::Bind(bind) => self.bind(bind)?,
            Message::Describe(target) => self.describe(&target)?,
            Message::Execute { portal, rows } => Box::pin(self.execute(portal, rows)).await?,
            Message::Close(target) => {
                match target {
                    Target::Statement(name) => drop(self.prepared.remove(&name)),
                    Target::Portal(name) => drop(self.portals.remove(&name)),
                }
                self.outgoing.put(b'3', |_| {});
            }
            // the others are no messages of this protocol
            _ => {}
        }
        Ok(())
    }

    fn bind(&mut self, bind: Bind) -> Result<(), Stop> {
        let Bind { portal, statement, formats, values, results } = bind;
        let prepared = self.prepared.get(&statement).cloned();
        let prepared = prepared.ok_or_else(|| no_statement(&statement))?;
        self.check(&commands::read(&prepared.text)?)?;
        let wanted = prepared.parameters.len();
        if values.len() != wanted {
            return Err(wrong_count(values.len(), wanted).into());
        }
        let formats = Formats::new(formats, wanted, "parameters")?;
        let results = Formats::new(results, prepared.columns.len(), "columns")?;
        let values = values.iter().zip(&prepared.parameters).enumerate();
        let values = values.map(|(index, (bytes, kind))| {
            value(index + 1, kind, formats.is_binary(index), bytes.as_ref())
        });
        let values = values.collect::<Result<Vec<_>, _>>()?;
        self.portals.remove(&portal);
        let progress = Progress::Ready;
        self.keep_portal(
            portal,
            Portal { statement: prepared, values, formats: results, progress, hold: false },
        )?;
        self.outgoing.put(b'2', |_| {});
        Ok(())
    }

    fn describe(&mut self, target: &Target) -> Result<(), Stop> {
        let mut out = BytesMut::new();
        match target {
            Target::Statement(name) => {
                let statement = self.prepared.get(name).ok_or_else(|| no_statement(name))?;
                self.outgoing.put(b't', |out| {
                    let count = statement.parameters.len();
                    out.put_i16(i16::try_from(count).unwrap_or(i16::MAX));
                    statement.numbers.iter().for_each(|number| out.put_u32(*number));
                });
                describe(&statement.columns, &Formats::default(), &mut out);
            }
            Target::Portal(name) => {
                let portal = self.portals.get(name).ok_or_else(|| no_portal(name))?;
                match &portal.progress {
                    Progress::Running(rows) => describe(rows.columns(), &portal.formats, &mut out),
                    _ => describe(&portal.statement.columns, &portal.formats, &mut out),
                }
            }
        }
        self.outgoing.put_all(&out);
        Ok(())
    }

    async fn execute(&mut self, name: String, limit: usize) -> Result<(), Stop> {
        let mut portal = self.portals.remove(&name).ok_or_else(|| no_portal(&name))?;
        let statement = Arc::clone(&portal.statement);
        if statement.text.is_empty() && matches!(portal.progress, Progress::Ready) {
            self.outgoing.put(b'I', |_| {});
            self.portals.insert(name, portal);
            return Ok(());
        }
        let command = commands::read(&statement.text)?;
        self.check(&command)?;
        let words = words_of(&command);
        let mut rows = match std::mem::replace(&mut portal.progress, Progress::Done) {
            Progress::Done => {
                self.complete(&format!("{words} 0"));
                self.portals.insert(name, portal);
                return Ok(());
            }
            Progress::Running(rows) => rows,
            Progress::Ready => {
                let told = Some(statement.columns.as_slice());
                match self.run(command, &statement.text, &portal.values, told).await? {
                    Outcome::Rows(rows) => rows,
                    Outcome::Done(tag) => {
                        self.complete(&tag);
                        self.portals.insert(name, portal);
                        return Ok(());
                    }
                }
            }
        };
        let ended = self.send(&mut rows, &portal.formats, &words, limit).await?;
        if !ended {
            portal.progress = Progress::Running(rows);
        }
        self.portals.insert(name, portal);
        Ok(())
    }
}
