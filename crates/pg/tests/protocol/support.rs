//! A server with a backend that needs no engine, and a client that sends bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use futures::StreamExt;
use strataql_diag::{Code, Report, Span};
use strataql_pg::{
    Answer, Backend, Description, Login, Notice, Options, Server, Session, async_trait,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Statements: `ROWS n`, `ADD $1`, `SLOW`, `WRONG`, `LATE` (fails after rows), `WRITE`, `NOTE`.
#[derive(Default)]
pub(crate) struct Fake {
    /// Batches that were made.
    pub(crate) made: Arc<AtomicUsize>,
    /// Statements that were dropped before their end.
    pub(crate) dropped: Arc<AtomicUsize>,
}

struct FakeSession {
    made: Arc<AtomicUsize>,
    dropped: Arc<AtomicUsize>,
    open: AtomicBool,
}

struct CountDrop(Arc<AtomicUsize>);

impl Drop for CountDrop {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Backend for Fake {
    async fn connect(&self, _login: &Login) -> Result<Box<dyn Session>, Box<Report>> {
        Ok(Box::new(FakeSession {
            made: Arc::clone(&self.made),
            dropped: Arc::clone(&self.dropped),
            open: AtomicBool::new(false),
        }))
    }
}

fn numbers() -> Arc<Schema> {
    Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, false)]))
}

fn wrong() -> Box<Report> {
    Box::new(
        Report::new(Code::UnknownColumn, "there is no column `é`")
            .with_label(Span::new(6, 7), "here")
            .with_help("look closer"),
    )
}

#[async_trait]
impl Session for FakeSession {
    async fn describe(
        &self,
        text: &str,
        _types: &[Option<DataType>],
    ) -> Result<Description, Box<Report>> {
        let first = text.split_whitespace().next().unwrap_or_default();
        let schema = match first {
            "WRONG" => return Err(wrong()),
            "WRITE" | "NOTE" => Arc::new(Schema::empty()),
            _ => numbers(),
        };
        let parameters = if first == "ADD" { vec![Some(DataType::Int64)] } else { Vec::new() };
        Ok(Description { schema, labels: Vec::new(), parameters })
    }

    async fn run(&self, text: &str, values: &[ArrayRef]) -> Result<Answer, Box<Report>> {
        let mut words = text.split_whitespace();
        match words.next().unwrap_or_default() {
            "BEGIN" => self.open.store(true, Ordering::SeqCst),
            "COMMIT" | "ROLLBACK" => self.open.store(false, Ordering::SeqCst),
            "ROWS" => {
                let count: i64 = words.next().and_then(|word| word.parse().ok()).unwrap_or(1);
                let made = Arc::clone(&self.made);
                let batches = (0..count).step_by(1000).map(move |first| {
                    made.fetch_add(1, Ordering::SeqCst);
                    let values = Int64Array::from_iter_values(first..(first + 1000).min(count));
                    Ok(RecordBatch::try_new(numbers(), vec![Arc::new(values)]).expect("fits"))
                });
                let rows = futures::stream::iter(batches).boxed();
                return Ok(Answer { schema: numbers(), rows, ..Answer::nothing() });
            }
            "ADD" => {
                let given = values[0].as_any().downcast_ref::<Int64Array>().expect("bigint");
                let sum = Int64Array::from(vec![given.value(0) + 1]);
                let batch = RecordBatch::try_new(numbers(), vec![Arc::new(sum)]).expect("fits");
                return Ok(Answer::of_batch(batch));
            }
            "SLOW" => {
                let _dropped = CountDrop(Arc::clone(&self.dropped));
                std::future::pending::<()>().await;
            }
            "WRONG" => return Err(wrong()),
            "LATE" => {
                let values = Int64Array::from(vec![1, 2]);
                let batch = RecordBatch::try_new(numbers(), vec![Arc::new(values)]).expect("fits");
                let rows = futures::stream::iter([Ok(batch), Err(wrong())]).boxed();
                return Ok(Answer { schema: numbers(), rows, ..Answer::nothing() });
            }
            "INSERT" => return Ok(Answer { affected: Some(3), ..Answer::nothing() }),
            "NOTE" => {
                let notices = || vec![Notice::Note("something to know".to_owned())];
                return Ok(Answer { notices: Box::new(notices), ..Answer::nothing() });
            }
            _ => {}
        }
        Ok(Answer::nothing())
    }

    async fn set(&self, _name: &str, _value: &str) -> Result<(), Box<Report>> {
        Ok(())
    }

    fn in_transaction(&self) -> bool {
        self.open.load(Ordering::SeqCst)
    }
}

/// A server with default options.
pub(crate) async fn server() -> Server {
    Server::start(Arc::new(Fake::default()), Options::default()).await.expect("starts")
}

/// A client that sends and reads bytes.
pub(crate) struct Raw {
    pub(crate) socket: TcpStream,
    pub(crate) process: Vec<u8>,
}

impl Raw {
    /// A connection without anything sent.
    pub(crate) async fn open(server: &Server) -> Self {
        let socket = TcpStream::connect(server.address()).await.expect("connects");
        Self { socket, process: Vec::new() }
    }

    /// A client that has logged in without a password.
    pub(crate) async fn login(server: &Server) -> Self {
        let mut raw = Self::open(server).await;
        raw.startup().await;
        let messages = raw.until(b'Z').await;
        let key = messages.iter().find(|(kind, _)| *kind == b'K').expect("a key");
        raw.process.clone_from(&key.1);
        raw
    }

    pub(crate) async fn startup(&mut self) {
        let body = b"\0\x03\0\0user\0me\0database\0db\0\0";
        let mut bytes = u32::try_from(body.len() + 4).expect("small").to_be_bytes().to_vec();
        bytes.extend_from_slice(body);
        self.bytes(&bytes).await;
    }

    pub(crate) async fn bytes(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).await.expect("sent");
    }

    pub(crate) async fn message(&mut self, kind: u8, body: &[u8]) {
        let mut bytes = vec![kind];
        bytes.extend_from_slice(&u32::try_from(body.len() + 4).expect("small").to_be_bytes());
        bytes.extend_from_slice(body);
        self.bytes(&bytes).await;
    }

    pub(crate) async fn query(&mut self, text: &str) -> Vec<(u8, Vec<u8>)> {
        self.message(b'Q', format!("{text}\0").as_bytes()).await;
        self.until(b'Z').await
    }

    /// A message; `None` at the end of the connection.
    pub(crate) async fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        let read = async {
            let kind = self.socket.read_u8().await.ok()?;
            let length = self.socket.read_u32().await.ok()?;
            let mut body = vec![0; length as usize - 4];
            self.socket.read_exact(&mut body).await.ok()?;
            Some((kind, body))
        };
        timeout(Duration::from_secs(20), read).await.expect("an answer in time")
    }

    /// Messages up to one of a kind.
    pub(crate) async fn until(&mut self, kind: u8) -> Vec<(u8, Vec<u8>)> {
        let mut all = Vec::new();
        loop {
            let message = self.next().await.unwrap_or_else(|| panic!("no end in {all:?}"));
            let ends = message.0 == kind;
            all.push(message);
            if ends {
                return all;
            }
        }
    }

    /// Messages up to the end of the connection.
    pub(crate) async fn rest(&mut self) -> Vec<(u8, Vec<u8>)> {
        let mut all = Vec::new();
        while let Some(message) = self.next().await {
            all.push(message);
        }
        all
    }
}

/// The kinds of messages, one letter each; rows once.
pub(crate) fn kinds(messages: &[(u8, Vec<u8>)]) -> String {
    let mut all: Vec<u8> = messages.iter().map(|(kind, _)| *kind).collect();
    all.dedup_by(|a, b| *a == b'D' && *b == b'D');
    String::from_utf8(all).expect("letters")
}

/// The field of the first error or notice.
pub(crate) fn field(messages: &[(u8, Vec<u8>)], wanted: u8) -> String {
    let (_, body) = messages.iter().find(|(kind, _)| b"EN".contains(kind)).expect("a report");
    let mut fields = body.split(|byte| *byte == 0);
    let found = fields.find(|field| field.first() == Some(&wanted)).expect("the field");
    String::from_utf8_lossy(&found[1..]).into_owned()
}

/// The tags of statements.
pub(crate) fn tags(messages: &[(u8, Vec<u8>)]) -> Vec<String> {
    let tags = messages.iter().filter(|(kind, _)| *kind == b'C');
    tags.map(|(_, body)| String::from_utf8_lossy(&body[..body.len() - 1]).into_owned()).collect()
}
