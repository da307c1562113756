//! Listening, limits, and the end of a server.
//!
//! Owns: what all connections of a server share.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use strataql_diag::{Code, Report};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::backend::Backend;
use crate::login;
use crate::metrics::{self, Metrics};
use crate::report::{Failure, Severity, fields};
use crate::tls::Tls;
use crate::users::{Users, random};
use crate::wire::message;

/// How a server listens, and what it takes.
#[derive(Debug)]
pub struct Options {
    /// Where it listens; port 0 is any free one.
    pub address: SocketAddr,
    /// Where `/health` and `/metrics` are, if anywhere.
    pub monitor: Option<SocketAddr>,
    /// Who may log in; without it everybody on this machine may.
    pub users: Option<Users>,
    /// Encryption; without it clients that ask for it are told that there is none.
    pub tls: Option<Tls>,
    /// Most connections at a time.
    pub connections: usize,
    /// Most bytes of a message, such as one with a statement.
    pub message_limit: usize,
    /// How long a client may take to log in.
    pub login_timeout: Duration,
    /// How long a session may do nothing, if that is limited.
    pub idle_timeout: Option<Duration>,
    /// How long a client may read nothing while rows wait for it.
    pub patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            monitor: None,
            users: None,
            tls: None,
            connections: 100,
            message_limit: 32 << 20,
            login_timeout: Duration::from_secs(30),
            idle_timeout: None,
            patience: Duration::from_secs(600),
        }
    }
}

/// A server that runs until it is shut down or dropped.
pub struct Server {
    address: SocketAddr,
    monitor: Option<SocketAddr>,
    state: Arc<State>,
    accepting: JoinHandle<()>,
    monitoring: Option<JoinHandle<()>>,
}

/// What the connections of a server share.
pub(crate) struct State {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) options: Options,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) stop: watch::Sender<bool>,
    next: AtomicI32,
    sessions: Mutex<HashMap<i32, (Bytes, Arc<Cancel>)>>,
}

/// A request to cancel what a session runs. It also counts for a statement that waits for nothing.
#[derive(Debug, Default)]
pub(crate) struct Cancel {
    asked: AtomicBool,
    told: Notify,
}

impl Cancel {
    /// Forgets requests that came while nothing ran.
    pub(crate) fn begin(&self) {
        self.asked.store(false, Ordering::Relaxed);
    }

    /// True if there was a request since the beginning.
    pub(crate) fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Returns at the next request.
    pub(crate) async fn asked(&self) {
        self.told.notified().await;
    }

    fn ask(&self) {
        self.asked.store(true, Ordering::Relaxed);
        self.told.notify_waiters();
    }
}

/// A session that can be cancelled; forgotten when this is dropped.
pub(crate) struct Registration {
    state: Arc<State>,
    process: i32,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.state.sessions().remove(&self.process);
    }
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
        let state = Arc::new(State {
            backend,
            options,
            metrics,
            stop: watch::Sender::new(false),
            next: AtomicI32::new(1),
            sessions: Mutex::new(HashMap::new()),
        });
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

impl State {
    /// A number and a key with which other connections can cancel statements of a session.
    pub(crate) fn register(state: &Arc<Self>) -> Option<(i32, Bytes, Arc<Cancel>, Registration)> {
        let process = state.next.fetch_add(1, Ordering::Relaxed) & i32::MAX;
        let key = Bytes::from(random(4).ok()?);
        let cancel = Arc::new(Cancel::default());
        state.sessions().insert(process, (key.clone(), Arc::clone(&cancel)));
        Some((process, key, cancel, Registration { state: Arc::clone(state), process }))
    }

    /// Cancels the statement that a session runs, if it runs one.
    pub(crate) fn cancel(&self, process: i32, key: &[u8]) {
        if let Some((known, cancel)) = self.sessions().get(&process)
            && known.len() == key.len()
            // as long for a wrong key as for one that is nearly right
            && known.iter().zip(key).fold(0, |all, (a, b)| all | (a ^ b)) == 0
        {
            self.metrics.cancelled();
            cancel.ask();
        }
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<i32, (Bytes, Arc<Cancel>)>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
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

/// Returns once the server stops.
pub(crate) async fn stopping(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stops| *stops).await.is_err() {
        std::future::pending::<()>().await;
    }
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
