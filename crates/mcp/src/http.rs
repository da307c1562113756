//! Streamable HTTP.
//!
//! Owns: who may connect. Without a token the server listens on loopback only; with one every request
//! has to bring it. A request that a browser made for another site is refused by its `Origin`, one that
//! came by another name of the host by its `Host`.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use strataql_diag::{Code, Report};
use tokio::net::TcpListener;

use crate::digest;
use crate::server::Server;

/// Longest body of a request, in bytes.
const LONGEST: usize = 8 << 20;

/// How the server is reached.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// Where it listens.
    pub address: SocketAddr,
    /// The token that requests have to bring. Needed for addresses that other machines can reach.
    pub token: Option<String>,
    /// Names of the host that requests may use, besides those of loopback and the address.
    pub hosts: Vec<String>,
    /// Sites whose pages may send requests: `https://app.example`.
    pub origins: Vec<String>,
}

/// A server that listens.
pub struct Listening {
    listener: TcpListener,
    router: Router,
}

impl std::fmt::Debug for Listening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listening").field("listener", &self.listener).finish_non_exhaustive()
    }
}

impl Server {
    /// Begins to listen.
    ///
    /// # Errors
    /// `usage` for an address that other machines can reach, without a token; `local-io` if the address
    /// is taken.
    pub async fn listen(self, options: HttpOptions) -> Result<Listening, Box<Report>> {
        let address = options.address;
        let is_local = address.ip().is_loopback();
        if !is_local && options.token.is_none() {
            return Err(Box::new(
                Report::new(
                    Code::Usage,
                    format!(
                        "`{address}` can be reached from other machines, and there is no token"
                    ),
                )
                .with_help("give a token, or listen on `127.0.0.1`"),
            ));
        }
        if options.token.as_ref().is_some_and(|token| token.len() < 16) {
            return Err(Box::new(
                Report::new(Code::Usage, "the token is shorter than 16 characters")
                    .with_help("make one that nobody can guess: `openssl rand -hex 32`"),
            ));
        }
        let mut hosts = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
        if !address.ip().is_unspecified() {
            hosts.push(address.ip().to_string());
        }
        hosts.extend(options.hosts);
        let config = StreamableHttpServerConfig::default()
            .with_allowed_hosts(hosts)
            .with_allowed_origins(options.origins)
            .enforce_origin_validation()
            .with_max_request_body_bytes(LONGEST);
        let sessions = Arc::new(LocalSessionManager::default());
        let server = self;
        let service = StreamableHttpService::new(move || Ok(server.clone()), sessions, config);
        let router = Router::new().route_service("/mcp", service);
        let router = match options.token {
            None => router,
            Some(token) => {
                let token: Arc<str> = token.into();
                router.layer(from_fn(move |request: Request, next: Next| {
                    let token = Arc::clone(&token);
                    async move {
                        if brings(&request, &token) { next.run(request).await } else { refusal() }
                    }
                }))
            }
        };
        let listener = TcpListener::bind(address).await.map_err(|error| {
            Box::new(
                Report::new(Code::LocalIo, format!("`{address}` cannot be listened on: {error}"))
                    .with_help("choose another port, or 0 for a free one"),
            )
        })?;
        Ok(Listening { listener, router })
    }
}

impl Listening {
    /// The address.
    ///
    /// # Errors
    /// `internal` if the system does not tell.
    pub fn url(&self) -> Result<String, Box<Report>> {
        let address = self.listener.local_addr();
        address
            .map(|address| format!("http://{address}/mcp"))
            .map_err(|error| Box::new(Report::internal(error.to_string())))
    }

    /// Serves until `ended` is.
    ///
    /// # Errors
    /// `local-io`.
    pub async fn serve(
        self,
        ended: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), Box<Report>> {
        let served = async { axum::serve(self.listener, self.router).await };
        tokio::select! {
            served = served => served.map_err(|error| {
                Box::new(Report::new(Code::LocalIo, format!("the server ended: {error}")))
            }),
            // streams to clients never end by themselves
            () = ended => Ok(()),
        }
    }
}

/// Whether a request brings the token.
fn brings(request: &Request, token: &str) -> bool {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = given.and_then(|text| text.split_once(' '));
    bearer.is_some_and(|(scheme, given)| {
        scheme.eq_ignore_ascii_case("bearer") && digest::is_same(given.trim(), token)
    })
}

fn refusal() -> Response {
    let mut response = Response::new(Body::from("a bearer token is needed\n"));
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    let headers = response.headers_mut();
    headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"strataql\""));
    response
}
