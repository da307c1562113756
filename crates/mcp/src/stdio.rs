//! Standard input and output: one message a line.
//!
//! Owns: frames. A line that is no JSON, JSON that is no message, and a line that is too long are each
//! answered, and the next line is read. The end of the input ends the session once every request has
//! its answer.
//! Surprise: before the handshake only requests pass. What else comes then has no meaning, and would
//! end the session.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rmcp::model::{
    ClientJsonRpcMessage, ClientRequest, ErrorCode, ErrorData, RequestId, ServerJsonRpcMessage,
};
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use rmcp::{RoleServer, ServiceExt};
use strataql_diag::{Code, Report};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::{Mutex, Notify, mpsc};
use tokio::task::JoinHandle;

use crate::server::Server;

/// Longest line, in bytes.
const LONGEST: usize = 8 << 20;
/// How long answers may take after the input has ended.
const SETTLING: Duration = Duration::from_mins(5);

impl Server {
    /// Serves one session on a pair of streams, until the input ends.
    ///
    /// # Errors
    /// `local-io` if the session cannot be kept up.
    pub async fn serve<R, W>(self, read: R, write: W) -> Result<(), Box<Report>>
    where
        R: AsyncRead + Send + Unpin + 'static,
        W: AsyncWrite + Send + Unpin + 'static,
    {
        let lines = Lines::new(read, write);
        let ended = Arc::clone(&lines.ended);
        match ServiceExt::serve(self, lines).await {
            Ok(running) => match running.waiting().await {
                Ok(_) => Ok(()),
                Err(error) => Err(Box::new(Report::internal(error.to_string()))),
            },
            // the client went before it said hello
            Err(_) if ended.load(Ordering::Acquire) > 0 => Ok(()),
            Err(error) => Err(Box::new(
                Report::new(Code::LocalIo, format!("the session could not be begun: {error}"))
                    .with_help("start the server from a client of the Model Context Protocol"),
            )),
        }
    }
}

type Writer<W> = Arc<Mutex<W>>;

/// Lines in, lines out.
struct Lines<W> {
    writer: Writer<W>,
    incoming: mpsc::Receiver<ClientJsonRpcMessage>,
    reader: JoinHandle<()>,
    open: Arc<Open>,
    ended: Arc<AtomicUsize>,
}

/// Requests without an answer.
#[derive(Default)]
struct Open {
    count: AtomicUsize,
    less: Notify,
}

impl<W: AsyncWrite + Send + Unpin + 'static> Lines<W> {
    fn new<R: AsyncRead + Send + Unpin + 'static>(read: R, write: W) -> Self {
        let writer = Arc::new(Mutex::new(write));
        let (sender, incoming) = mpsc::channel(16);
        let (open, ended) = (Arc::<Open>::default(), Arc::<AtomicUsize>::default());
        let frames = Frames {
            read: BufReader::new(read),
            writer: Arc::clone(&writer),
            sender,
            open: Arc::clone(&open),
            ended: Arc::clone(&ended),
            is_open: false,
        };
        Self { writer, incoming, reader: tokio::spawn(frames.run()), open, ended }
    }
}

impl<W> Drop for Lines<W> {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl<W: AsyncWrite + Send + Unpin + 'static> Transport<RoleServer> for Lines<W> {
    type Error = std::io::Error;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = Result<(), std::io::Error>> + Send + 'static {
        let (writer, open) = (Arc::clone(&self.writer), Arc::clone(&self.open));
        async move {
            let is_answer =
                matches!(item, ServerJsonRpcMessage::Response(_) | ServerJsonRpcMessage::Error(_));
            let sent = write(&writer, &item).await;
            if is_answer {
                let count = open.count.load(Ordering::Acquire);
                open.count.store(count.saturating_sub(1), Ordering::Release);
                open.less.notify_waiters();
            }
            sent
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        if let Some(message) = self.incoming.recv().await {
            return Some(message);
        }
        let open = Arc::clone(&self.open);
        let answered = async {
            loop {
                let less = open.less.notified();
                if open.count.load(Ordering::Acquire) == 0 {
                    return;
                }
                less.await;
            }
        };
        // a client that is gone does not read them
        _ = tokio::time::timeout(SETTLING, answered).await;
        None
    }

    async fn close(&mut self) -> Result<(), std::io::Error> {
        self.writer.lock().await.flush().await
    }
}

async fn write<W: AsyncWrite + Unpin>(
    writer: &Writer<W>,
    item: &ServerJsonRpcMessage,
) -> Result<(), std::io::Error> {
    let mut line = serde_json::to_vec(item)?;
    line.push(b'\n');
    let mut writer = writer.lock().await;
    writer.write_all(&line).await?;
    writer.flush().await
}

/// Reads frames until the input ends.
struct Frames<R, W> {
    read: BufReader<R>,
    writer: Writer<W>,
    sender: mpsc::Sender<ClientJsonRpcMessage>,
    open: Arc<Open>,
    ended: Arc<AtomicUsize>,
    /// True after the handshake has begun.
    is_open: bool,
}

/// A line of the input.
enum Line {
    Whole(Vec<u8>),
    TooLong,
    End,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Frames<R, W> {
    async fn run(mut self) {
        loop {
            let frame = match self.line().await {
                Ok(Line::Whole(line)) => read(&line),
                Ok(Line::TooLong) => Err((
                    None,
                    ErrorData::invalid_request(
                        format!("the message is longer than {} MiB", LONGEST >> 20),
                        None,
                    ),
                )),
                Ok(Line::End) | Err(_) => break,
            };
            match frame {
                Ok(None) => {}
                Ok(Some(message)) => {
                    if !self.passes(&message) {
                        continue;
                    }
                    if matches!(message, ClientJsonRpcMessage::Request(_)) {
                        self.open.count.fetch_add(1, Ordering::AcqRel);
                    }
                    if self.sender.send(message).await.is_err() {
                        break;
                    }
                }
                Err((id, error)) => {
                    let answer = ServerJsonRpcMessage::error(error, id);
                    if write(&self.writer, &answer).await.is_err() {
                        break;
                    }
                }
            }
        }
        self.ended.store(1, Ordering::Release);
    }

    /// Requests pass always, the rest after the handshake has begun.
    fn passes(&mut self, message: &ClientJsonRpcMessage) -> bool {
        if let ClientJsonRpcMessage::Request(request) = message {
            self.is_open |= matches!(request.request, ClientRequest::InitializeRequest(_));
            return true;
        }
        self.is_open
    }

    /// The next line; one that is too long is passed over.
    async fn line(&mut self) -> Result<Line, std::io::Error> {
        let mut line = Vec::new();
        let mut is_too_long = false;
        loop {
            let part = self.read.fill_buf().await?;
            if part.is_empty() {
                return Ok(match (is_too_long, line.is_empty()) {
                    (true, _) => Line::TooLong,
                    (false, true) => Line::End,
                    (false, false) => Line::Whole(line),
                });
            }
            let end = part.iter().position(|byte| *byte == b'\n');
            let length = end.map_or(part.len(), |at| at + 1);
            if !is_too_long {
                line.extend_from_slice(&part[..length]);
                is_too_long = line.len() > LONGEST;
            }
            if is_too_long {
                line = Vec::new();
            }
            self.read.consume(length);
            if end.is_some() {
                return Ok(if is_too_long { Line::TooLong } else { Line::Whole(line) });
            }
        }
    }
}

type Refused = (Option<RequestId>, ErrorData);

/// The message of a line; nothing for an empty one.
#[expect(clippy::result_large_err, reason = "one refused line is answered at once")]
fn read(line: &[u8]) -> Result<Option<ClientJsonRpcMessage>, Refused> {
    if line.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let value: serde_json::Value = serde_json::from_slice(line).map_err(|error| {
        let message = format!("the line is no JSON: {error}");
        (None, ErrorData::new(ErrorCode::PARSE_ERROR, message, None))
    })?;
    let refuse = |id, why: &str| {
        (id, ErrorData::invalid_request(format!("the line is no request: {why}"), None))
    };
    if value.is_array() {
        return Err(refuse(None, "batches are not a part of the protocol"));
    }
    let Some(object) = value.as_object() else { return Err(refuse(None, "it is no object")) };
    if object.get("jsonrpc").and_then(serde_json::Value::as_str) != Some("2.0") {
        return Err(refuse(None, "`jsonrpc` has to be \"2.0\""));
    }
    let given = object.get("id").cloned().filter(|id| id.is_string() || id.is_u64() || id.is_i64());
    let id = given.and_then(|id| serde_json::from_value::<RequestId>(id).ok());
    if object.contains_key("id") && id.is_none() {
        return Err(refuse(None, "`id` has to be a text or a whole number"));
    }
    let has_method = object.get("method").is_some_and(serde_json::Value::is_string);
    if object.contains_key("method") && !has_method {
        return Err(refuse(id, "`method` has to be a text"));
    }
    let is_answer = object.contains_key("result") || object.contains_key("error");
    if !has_method && !is_answer {
        return Err(refuse(id, "it has no `method`"));
    }
    match serde_json::from_value(value) {
        Ok(message) => Ok(Some(message)),
        // an answer or a notification that cannot be read asks for nothing
        Err(_) if is_answer || id.is_none() => Ok(None),
        Err(error) => {
            let message = format!("the parameters cannot be read: {error}");
            Err((id, ErrorData::invalid_params(message, None)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(line: &str) -> Option<i32> {
        read(line.as_bytes()).err().map(|(_, error)| error.code.0)
    }

    #[test]
    fn frames_are_told_apart() {
        assert_eq!(code("{"), Some(-32700));
        assert_eq!(code("\u{0}\u{1}"), Some(-32700));
        for wrong in [
            "[]",
            "1",
            "\"x\"",
            "{}",
            r#"{"jsonrpc":"2.0"}"#,
            r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":7}"#,
        ] {
            assert_eq!(code(wrong), Some(-32600), "{wrong}");
        }
        assert!(matches!(read(b" \r\n"), Ok(None)));
        let ping = read(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\r\n");
        assert!(matches!(ping, Ok(Some(ClientJsonRpcMessage::Request(_)))));
    }
}
