//! Listening, limits, and the end of a server.
//!
//! Owns: the address, the number of connections, shutting down.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use strataql_diag::{Code, Report};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::backend::Backend;
use crate::login;
use crate::messages::message;
use crate::metrics::{self, Metrics};
use crate::options::Options;
use crate::report::{Failure, Severity, fields};
use crate::state::{State, stopping};

/// A server that runs until it is shut down or dropped.
pub struct Server {
    address: SocketAddr,
    monitor: Option<SocketAddr>,
    state: Arc<State>,
    accepting: JoinHandle<()>,
    monitoring: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a server.
    ///
    /// # Errors
    /// `usage` for an address that is not of this machine alone, without users; `local-io` if it cannot
    /// listen there.
    pub async fn start(backend: Arc<dyn Backend>, options: Options) -> Result<Self, Box<Report>> {
        if !options.address.ip().is_loopback() && options.users.is_none() {
            return Err(Box::new(
                Report::new(
                    Code::Usage,
                    format!("other machines could use `{}` without a password", options.address),
                )
                .with_help("name a file with users, `--users FILE`, or listen on 127.0.0.1"),
            ));
        }
        if let Some(monitor) = options.monitor
            && !monitor.ip().is_loopback()
        {
            return Err(Box::new(
                Report::new(Code::Usage, format!("figures would be open to others at `{monitor}`"))
                    .with_help("they are served on 127.0.0.1 only"),
            ));
        }
        let listener = listen(options.address).await?;
        let address = local(&listener)?;
        let metrics = Arc::new(Metrics::default());
        let (monitor, monitoring) = match options.monitor {
            None => (None, None),
            Some(monitor) => {
                let listener = listen(monitor).await?;
                let at = local(&listener)?;
                let task = tokio::spawn(metrics::serve(listener, Arc::clone(&metrics)));
                (Some(at), Some(task))
            }
        };
        let state = Arc::new(State::new(backend, options, metrics));
        let accepting = tokio::spawn(accept(listener, Arc::clone(&state)));
        Ok(Self { address, monitor, state, accepting, monitoring })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where its figures are.
    pub fn monitor(&self) -> Option<SocketAddr> {
        self.monitor
    }

    /// Ends it: no new connections, statements are cancelled, clients are told. Those that do not end
    /// within `limit` are cut off.
    pub async fn shutdown(mut self, limit: Duration) {
        self.state.stop.send_replace(true);
        // what is left ends with the drop
        let _cut = tokio::time::timeout(limit, &mut self.accepting).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
        if let Some(task) = &self.monitoring {
            task.abort();
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Box<Report>> {
    TcpListener::bind(address).await.map_err(|error| {
        Box::new(
            Report::new(Code::LocalIo, format!("`{address}` cannot be listened on: {error}"))
                .with_help("choose another port, or 0 for any free one"),
        )
    })
}

fn local(listener: &TcpListener) -> Result<SocketAddr, Box<Report>> {
    listener.local_addr().map_err(|error| Box::new(Report::internal(error.to_string())))
}

/// Accepts connections until the server stops, and then waits for their ends.
async fn accept(listener: TcpListener, state: Arc<State>) {
    let mut stop = state.stop.subscribe();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((socket, _)) if connections.len() < state.options.connections => {
                    let counted = state.metrics.connected();
                    let state = Arc::clone(&state);
                    connections.spawn(async move {
                        login::serve(socket, state).await;
                        drop(counted);
                    });
                }
                Ok((socket, _)) => {
                    state.metrics.refused();
                    refuse(socket, state.options.connections);
                }
                // out of files: some may be closed soon
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            Some(_) = connections.join_next() => {}
            () = stopping(&mut stop) => break,
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Tells a client that there are too many, as far as the system takes it at once.
fn refuse(mut socket: TcpStream, most: usize) {
    let report = Report::new(Code::Budget, format!("{most} clients are connected already"))
        .with_help("end one of them, or start the server with a higher `--max-connections`");
    let mut out = BytesMut::new();
    let failure = Failure::new("53300", report);
    message(&mut out, b'E', |out| fields(Severity::Fatal, &failure, None, out));
    let _unsent = socket.try_write(&out);
    let _gone = futures::FutureExt::now_or_never(socket.shutdown());
}
