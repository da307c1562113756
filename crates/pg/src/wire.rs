//! Both directions of a connection.
//!
//! Owns: buffers and their limits, the messages of the server.
//! Surprise: what is to be sent is sent when the buffer is full, and when the server waits for the
//! client; a client that does not read therefore stops its statement, and nothing grows.

use std::io;
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use strataql_diag::Report;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::timeout;

use crate::frame::{self, Message};
use crate::messages::message;
use crate::report::{Failure, Severity, fields};

/// Bytes that are collected before they are sent.
const FULL: usize = 64 << 10;

/// Bytes that are read ahead while a statement runs.
const AHEAD: usize = 64 << 10;

/// A connection, encrypted or not.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Socket for T {}

/// What comes from the client.
pub(crate) struct Incoming<S> {
    half: ReadHalf<S>,
    pub(crate) buffer: BytesMut,
    pub(crate) limit: usize,
}

impl<S: Socket> Incoming<S> {
    pub(crate) fn new(half: ReadHalf<S>, buffer: BytesMut, limit: usize) -> Self {
        Self { half, buffer, limit }
    }

    /// Reads what has arrived; `false` at the end of the connection.
    pub(crate) async fn fill(&mut self) -> io::Result<bool> {
        if self.buffer.capacity() - self.buffer.len() < 1024 {
            self.buffer.reserve(8 << 10);
        }
        Ok(self.half.read_buf(&mut self.buffer).await? > 0)
    }

    /// The next message, if it has arrived whole.
    ///
    /// # Errors
    /// Bytes that are no message.
    pub(crate) fn next(&mut self) -> Result<Option<Message>, Box<Report>> {
        let message = frame::message(&mut self.buffer, self.limit)?;
        // a large message must not keep its memory
        if self.buffer.is_empty() && self.buffer.capacity() > AHEAD {
            self.buffer = BytesMut::new();
        }
        Ok(message)
    }

    /// Returns when the client has gone.
    pub(crate) async fn gone(&mut self) {
        loop {
            if self.buffer.len() >= AHEAD {
                // it has sent more than is read ahead: it is there
                return std::future::pending().await;
            }
            if !matches!(self.fill().await, Ok(true)) {
                return;
            }
        }
    }
}

/// What goes to the client.
pub(crate) struct Outgoing<S> {
    half: WriteHalf<S>,
    buffer: BytesMut,
    /// How long a client may read nothing.
    patience: Duration,
}

impl<S: Socket> Outgoing<S> {
    pub(crate) fn new(half: WriteHalf<S>, patience: Duration) -> Self {
        Self { half, buffer: BytesMut::new(), patience }
    }

    /// Adds a message.
    pub(crate) fn put(&mut self, kind: u8, body: impl FnOnce(&mut BytesMut)) {
        message(&mut self.buffer, kind, body);
    }

    /// Adds messages that are encoded already.
    pub(crate) fn put_all(&mut self, messages: &[u8]) {
        self.buffer.put_slice(messages);
    }

    /// Adds an error or a notice.
    pub(crate) fn report(&mut self, severity: Severity, failure: &Failure, text: Option<&str>) {
        let kind = if severity.is_error() { b'E' } else { b'N' };
        self.put(kind, |out| fields(severity, failure, text, out));
    }

    /// Sends what has been added, if that is much.
    ///
    /// # Errors
    /// The client has gone, or reads nothing.
    pub(crate) async fn send_if_full(&mut self) -> io::Result<()> {
        if self.buffer.len() >= FULL { self.send().await } else { Ok(()) }
    }

    /// Sends what has been added.
    ///
    /// # Errors
    /// The client has gone, or reads nothing.
    pub(crate) async fn send(&mut self) -> io::Result<()> {
        while !self.buffer.is_empty() {
            let written = timeout(self.patience, self.half.write_buf(&mut self.buffer)).await;
            if written.map_err(|_| io::ErrorKind::TimedOut)?? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
        if self.buffer.capacity() > 4 * FULL {
            self.buffer = BytesMut::new();
        }
        timeout(self.patience, self.half.flush()).await.map_err(|_| io::ErrorKind::TimedOut)?
    }

    /// Sends the rest and ends the connection.
    pub(crate) async fn end(mut self) {
        if self.send().await.is_ok() {
            // the client may be gone already
            let _ended = timeout(Duration::from_secs(1), self.half.shutdown()).await;
        }
    }
}
