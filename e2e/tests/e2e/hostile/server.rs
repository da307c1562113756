//! A server that answers with bytes: what a script returns is written to the socket as it is.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A request as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) verb: String,
    /// Path with query.
    pub(super) path: String,
    pub(super) body: String,
}

/// What is written to the socket before the connection ends.
#[derive(Debug, Clone)]
pub(super) enum Wire {
    Bytes(Vec<u8>),
    /// These bytes, then a reset.
    Reset(Vec<u8>),
}

type Log = Arc<Mutex<Vec<Asked>>>;

/// Chooses the response to a request; the requests before it come first.
pub(super) type Script = Arc<dyn Fn(&[Asked], &Asked) -> Wire + Send + Sync>;

/// A running server. It ends when it is dropped.
pub(super) struct Hostile {
    pub(super) url: String,
    log: Log,
    _accepting: JoinSet<()>,
}

impl Hostile {
    pub(super) async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let log = Log::default();
        let mut accepting = JoinSet::new();
        let shared = Arc::clone(&log);
        accepting.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (script, log) = (Arc::clone(&script), Arc::clone(&shared));
                open.spawn(async move {
                    let _closed = serve(stream, &script, &log).await;
                });
            }
        });
        Self { url, log, _accepting: accepting }
    }

    /// All requests so far.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Reads one request and answers it.
async fn serve(mut stream: TcpStream, script: &Script, log: &Log) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
    let length = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok())
        .unwrap_or(0usize);
    while bytes.len() < head + length {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
    }
    let mut first = text.split_whitespace().map(str::to_owned);
    let asked = Asked {
        verb: first.next().unwrap_or_default(),
        path: first.next().unwrap_or_default(),
        body: String::from_utf8_lossy(&bytes[head..]).into_owned(),
    };
    let wire = {
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        let wire = script(&log, &asked);
        log.push(asked);
        wire
    };
    match wire {
        Wire::Bytes(bytes) => {
            stream.write_all(&bytes).await?;
            stream.shutdown().await
        }
        Wire::Reset(bytes) => {
            stream.write_all(&bytes).await?;
            stream.flush().await?;
            stream.set_zero_linger()
        }
    }
}
