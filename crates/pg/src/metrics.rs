//! Figures of a server, and the second port that shows them.
//!
//! Owns: `/health` and `/metrics`, as much HTTP as they need.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// Requests at the second port that are answered at the same time.
const MOST_REQUESTS: usize = 16;

/// Figures of a server, since it started.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    open: AtomicU64,
    connections: AtomicU64,
    refused: AtomicU64,
    logins_failed: AtomicU64,
    statements: AtomicU64,
    failures: AtomicU64,
    cancelled: AtomicU64,
    rows: AtomicU64,
}

/// An open connection; it is counted until this is dropped.
pub(crate) struct Counted(Arc<Metrics>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Metrics {
    pub(crate) fn connected(self: &Arc<Self>) -> Counted {
        self.connections.fetch_add(1, Ordering::Relaxed);
        self.open.fetch_add(1, Ordering::Relaxed);
        Counted(Arc::clone(self))
    }

    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn login_failed(&self) {
        self.logins_failed.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn started(&self) {
        self.statements.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn failed(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn cancelled(&self) {
        self.cancelled.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn rows(&self, count: u64) {
        self.rows.fetch_add(count, Ordering::Relaxed);
    }

    /// The figures in the text format of Prometheus.
    fn text(&self) -> String {
        let all = [
            ("connections_open", "gauge", "Connections that are open", &self.open),
            ("connections_total", "counter", "Connections that were accepted", &self.connections),
            ("connections_refused_total", "counter", "Connections over the limit", &self.refused),
            ("logins_failed_total", "counter", "Logins that were refused", &self.logins_failed),
            ("statements_total", "counter", "Statements that were started", &self.statements),
            ("errors_total", "counter", "Errors that were sent", &self.failures),
            ("cancels_total", "counter", "Requests to cancel a statement", &self.cancelled),
            ("rows_total", "counter", "Rows that were sent", &self.rows),
        ];
        let mut text = String::new();
        for (name, kind, help, value) in all {
            let value = value.load(Ordering::Relaxed);
            text.push_str(&format!(
                "# HELP strataql_pg_{name} {help}.\n# TYPE strataql_pg_{name} {kind}\nstrataql_pg_{name} {value}\n"
            ));
        }
        text
    }
}

/// Answers requests until it is dropped.
pub(crate) async fn serve(listener: TcpListener, metrics: Arc<Metrics>) {
    let mut tasks = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((socket, _)) if tasks.len() < MOST_REQUESTS => {
                    let metrics = Arc::clone(&metrics);
                    tasks.spawn(async move {
                        // who asks too slowly gets no answer
                        let _late = timeout(Duration::from_secs(5), answer(socket, &metrics)).await;
                    });
                }
                Ok(_) => {}
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            Some(_) = tasks.join_next() => {}
        }
    }
}

async fn answer(mut socket: TcpStream, metrics: &Metrics) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.windows(4).any(|four| four == b"\r\n\r\n") {
        if request.len() > 8 << 10 || socket.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let line = request.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let (status, body) = match line {
        line if line.starts_with(b"GET /health ") => ("200 OK", "ok\n".to_owned()),
        line if line.starts_with(b"GET /metrics ") => ("200 OK", metrics.text()),
        _ => ("404 Not Found", "/health and /metrics are here\n".to_owned()),
    };
    let length = body.len();
    let response = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    socket.write_all(response.as_bytes()).await?;
    socket.shutdown().await
}
