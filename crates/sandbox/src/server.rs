//! The running server.
//!
//! Owns: one thread with its own runtime, the listener, and the paths that start with `/__`.
//! Surprise: the server lives in its thread. When the thread ends, so does its runtime with every
//! connection, including stalled and endless responses.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use serde_json::{Value as Json, json};
use strataql_diag::{Code, Report};
use strataql_spec::HttpVerb;
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};

use crate::ProviderSource;
use crate::clock;
use crate::connection::{Door, Switch};
use crate::exchange::Exchange;
use crate::log::LogEntry;
use crate::options::Options;
use crate::reply::Reply;
use crate::request::Incoming;
use crate::routes::Routes;
use crate::scenario_names;
use crate::state;

/// Maximum size of a request body.
const MAX_BODY: usize = 64 << 20;

/// A running sandbox; dropping it stops it.
#[derive(Debug)]
pub struct Sandbox {
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    stopped: Option<oneshot::Receiver<()>>,
}

struct Shared {
    exchange: Mutex<Exchange>,
    address: SocketAddr,
    authority: String,
    latency: Duration,
    /// Wakes requests that wait because the server is held.
    released: Notify,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Shared {
    fn exchange(&self) -> MutexGuard<'_, Exchange> {
        self.exchange.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Handles a request. While the server is held it waits; if its client disconnects meanwhile,
    /// the request is dropped.
    async fn answer(&self, request: &Incoming) -> Reply {
        loop {
            let released = self.released.notified();
            {
                let mut exchange = self.exchange();
                if !exchange.is_held() {
                    return exchange.answer(request);
                }
            }
            released.await;
        }
    }

    fn reset(&self) {
        self.exchange().reset();
        self.released.notify_waiters();
    }

    fn release(&self) {
        self.exchange().release();
        self.released.notify_waiters();
    }
}

impl Sandbox {
    /// Starts a server on the loopback interface.
    ///
    /// # Errors
    /// `local-io` when the port is not available, `unknown-resource` when the scenario has objects
    /// of a resource that no served provider has.
    pub async fn start(
        sources: Vec<ProviderSource>,
        options: Options,
    ) -> Result<Self, Box<Report>> {
        let mut routes = Routes::new(sources);
        if let Some(scenario) = &options.scenario {
            scenario_names::check(&mut routes, scenario)?;
        }
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, options.port))
            .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
            .map_err(|error| no_port(options.port, &error))?;
        let address = listener.local_addr().map_err(|error| no_port(options.port, &error))?;
        let scenario_latency = options.scenario.as_ref().and_then(|scenario| scenario.latency);
        let shared = Arc::new(Shared {
            exchange: Mutex::new(Exchange::new(routes, &options)),
            address,
            authority: address.to_string(),
            latency: options.latency.or(scenario_latency).unwrap_or_default(),
            released: Notify::new(),
        });
        let (stop, stop_signal) = oneshot::channel();
        let (ready, is_ready) = oneshot::channel();
        let (done, stopped) = oneshot::channel();
        let served = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("sandbox".to_owned())
            .spawn(move || {
                run(served, listener, ready, stop_signal);
                // there may be no receiver any more
                let _ignored = done.send(());
            })
            .map_err(|error| no_port(options.port, &error))?;
        match is_ready.await {
            Ok(Ok(())) => Ok(Self { shared, stop: Some(stop), stopped: Some(stopped) }),
            Ok(Err(error)) => Err(no_port(options.port, &error)),
            Err(_) => Err(Box::new(Report::internal("the sandbox thread ended before it served"))),
        }
    }

    /// The URL for `--endpoint`, for example `http://127.0.0.1:45123`.
    pub fn url(&self) -> String {
        format!("http://{}", self.shared.authority)
    }

    /// The socket address.
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// Every request so far.
    pub fn log(&self) -> Vec<LogEntry> {
        self.shared.exchange().log.clone()
    }

    /// The number of requests, without those for tokens and discovery.
    pub fn requests(&self) -> usize {
        self.shared.exchange().log.iter().filter(|entry| !entry.auth).count()
    }

    /// What requests have changed, to be kept for the next run.
    pub fn state(&self) -> state::State {
        self.shared.exchange().state()
    }

    /// Services that could not be loaded so far.
    pub fn problems(&self) -> Vec<Report> {
        self.shared.exchange().routes.problems.clone()
    }

    /// Resets data, tokens, faults, limits and log.
    pub fn reset(&self) {
        self.shared.reset();
    }

    /// True while the server is held by a `hold` fault.
    pub fn is_held(&self) -> bool {
        self.shared.exchange().is_held()
    }

    /// Releases a held server. The request of the fault gets no response.
    pub fn release(&self) {
        self.shared.release();
    }

    /// Stops the server and waits for its end.
    pub async fn shutdown(mut self) {
        drop(self.stop.take());
        if let Some(stopped) = self.stopped.take() {
            // an error means that the thread is gone, as intended
            let _ignored = stopped.await;
        }
    }
}

/// The main function of the server's thread.
fn run(
    shared: Arc<Shared>,
    listener: std::net::TcpListener,
    ready: oneshot::Sender<std::io::Result<()>>,
    stop: oneshot::Receiver<()>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ignored = ready.send(Err(error));
            return;
        }
    };
    runtime.block_on(async {
        let listener = match TcpListener::from_std(listener) {
            Ok(listener) => Door(listener),
            Err(error) => {
                let _ignored = ready.send(Err(error));
                return;
            }
        };
        let _ignored = ready.send(Ok(()));
        let router = Router::new().fallback(handle).with_state(shared);
        let service = router.into_make_service_with_connect_info::<Switch>();
        tokio::select! {
            _ = axum::serve(listener, service) => {}
            _ = stop => {}
        }
    });
    runtime.shutdown_background();
}

async fn handle(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let switch = parts.extensions.get::<ConnectInfo<Switch>>().map(|info| info.0.clone());
    let verb = parts.method.as_str().to_owned();
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY).await else {
        let problem = json!({"error": {"code": 413, "message": "the request body is too large"}});
        return Reply::json(413, &problem, None).into_response(false);
    };
    let request = Incoming::new(&verb, &parts.uri, parts.headers, body, &shared.authority);
    if let Some(reply) = internal(&shared, &request) {
        return reply.into_response(false);
    }
    if !shared.latency.is_zero() {
        clock::pause(shared.latency).await;
    }
    let reply = shared.answer(&request).await;
    if reply.is_silent() {
        std::future::pending::<()>().await;
    }
    if reply.resets()
        && let Some(switch) = switch
    {
        switch.reset();
    }
    reply.into_response(request.verb == Some(HttpVerb::Head))
}

/// The sandbox's own paths; they are not logged.
fn internal(shared: &Shared, request: &Incoming) -> Option<Reply> {
    let [first] = request.segments.as_slice() else { return None };
    match (request.verb?, first.as_str()) {
        (HttpVerb::Get, "__log") => {
            let log = serde_json::to_value(&shared.exchange().log).unwrap_or(Json::Null);
            Some(Reply::json(200, &log, None))
        }
        (HttpVerb::Post, "__reset") => {
            shared.reset();
            Some(Reply::json(200, &json!({}), None))
        }
        (HttpVerb::Post, "__release") => {
            shared.release();
            Some(Reply::json(200, &json!({}), None))
        }
        _ => None,
    }
}

fn no_port(port: u16, error: &std::io::Error) -> Box<Report> {
    Box::new(
        Report::new(Code::LocalIo, format!("the sandbox cannot listen on port {port}: {error}"))
            .with_help("choose another port, or 0 for any free one"),
    )
}
