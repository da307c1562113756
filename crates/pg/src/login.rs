//! From the first byte of a connection to its session.
//!
//! Owns: TLS, start-up, authentication, requests to cancel.
//! Surprise: a user that does not exist goes through the same steps as one with a wrong password.

use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use pgwire::api::auth::Password;
use pgwire::api::auth::sasl::scram::ScramServerAuth;
use pgwire::tokio::tokio_rustls::server::TlsStream;
use strataql_diag::{Code, Report};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;

use crate::backend::Login;
use crate::client::{Client, Shared};
use crate::commands::default;
use crate::frame::{Message, Opening, opening, violation};
use crate::messages::{message, text};
use crate::report::{Failure, Severity};
use crate::state::State;
use crate::wire::{Incoming, Outgoing, Socket};

/// Most bytes of a message before the login.
const LIMIT: usize = 10_000;

/// The pause after a wrong password.
const PAUSE: Duration = Duration::from_millis(250);

/// Serves a connection to its end.
pub(crate) async fn serve(socket: TcpStream, state: Arc<State>) {
    // small answers must not wait for more
    let _slower = socket.set_nodelay(true);
    let within = state.options.login_timeout;
    let opened = tokio::time::timeout(within, open(socket, &state)).await;
    if let Ok(Some(client)) = opened {
        client.serve().await;
    }
}

/// A connection before its start-up message, encrypted or not.
async fn open(mut socket: TcpStream, state: &Arc<State>) -> Option<Ready> {
    let mut buffer = BytesMut::new();
    loop {
        let first = match opening(&mut buffer) {
            Ok(Some(first)) => first,
            Ok(None) => {
                if socket.read_buf(&mut buffer).await.ok()? == 0 {
                    return None;
                }
                continue;
            }
            Err(report) => {
                return refuse(&mut socket, &Failure::new("08P01", *report)).await;
            }
        };
        match first {
            Opening::Tls => {
                let Some(tls) = &state.options.tls else {
                    socket.write_all(b"N").await.ok()?;
                    continue;
                };
                if !buffer.is_empty() {
                    // what came before the handshake could be anybody's
                    let report = violation("data arrived before the TLS handshake");
                    return refuse(&mut socket, &Failure::new("08P01", *report)).await;
                }
                socket.write_all(b"S").await.ok()?;
                let mut socket = tls.acceptor.accept(socket).await.ok()?;
                loop {
                    match opening(&mut buffer) {
                        Ok(Some(Opening::Startup { minor, parameters })) => {
                            let client = start(socket, buffer, minor, parameters, state).await?;
                            return Some(Ready::Encrypted(Box::new(client)));
                        }
                        Ok(Some(Opening::Cancel { process, key })) => {
                            state.cancel(process, &key);
                            return None;
                        }
                        Ok(Some(_)) => {
                            let report = violation("TLS was asked for twice");
                            return refuse(&mut socket, &Failure::new("08P01", *report)).await;
                        }
                        Ok(None) => {
                            if socket.read_buf(&mut buffer).await.ok()? == 0 {
                                return None;
                            }
                        }
                        Err(report) => {
                            return refuse(&mut socket, &Failure::new("08P01", *report)).await;
                        }
                    }
                }
            }
            Opening::Gss => socket.write_all(b"N").await.ok()?,
            Opening::Cancel { process, key } => {
                state.cancel(process, &key);
                return None;
            }
            Opening::Startup { .. }
                if state.options.tls.as_ref().is_some_and(|tls| tls.required) =>
            {
                let report =
                    Report::new(Code::TlsFailed, "this server takes encrypted connections only")
                        .with_help("connect with `sslmode=require` or better");
                return refuse(&mut socket, &Failure::new("28000", report)).await;
            }
            Opening::Startup { minor, parameters } => {
                let client = start(socket, buffer, minor, parameters, state).await?;
                return Some(Ready::Plain(Box::new(client)));
            }
        }
    }
}

/// A client that has logged in.
enum Ready {
    Plain(Box<Client<TcpStream>>),
    Encrypted(Box<Client<TlsStream<TcpStream>>>),
}

impl Ready {
    async fn serve(self) {
        match self {
            Self::Plain(client) => client.serve().await,
            Self::Encrypted(client) => client.serve().await,
        }
    }
}

/// Sends a report and ends the connection.
async fn refuse<S: Socket, T>(socket: &mut S, failure: &Failure) -> Option<T> {
    let mut out = BytesMut::new();
    message(&mut out, b'E', |out| crate::report::fields(Severity::Fatal, failure, None, out));
    // the client may have gone
    let _gone = socket.write_all(&out).await;
    let _ended = socket.shutdown().await;
    None
}

/// Start-up, authentication and the first messages of a session.
async fn start<S: Socket>(
    socket: S,
    buffer: BytesMut,
    minor: u16,
    parameters: Vec<(String, String)>,
    state: &Arc<State>,
) -> Option<Client<S>> {
    let (reading, writing): (ReadHalf<S>, WriteHalf<S>) = tokio::io::split(socket);
    let options = &state.options;
    let mut incoming = Incoming::new(reading, buffer, LIMIT);
    let mut outgoing = Outgoing::new(writing, options.patience);
    let unknown: Vec<&str> = parameters
        .iter()
        .map(|(name, _)| name.as_str())
        .filter(|name| name.starts_with("_pq_."))
        .collect();
    if minor > 0 || !unknown.is_empty() {
        outgoing.put(b'v', |out| {
            out.put_u32(0);
            out.put_u32(u32::try_from(unknown.len()).unwrap_or(0));
            for name in &unknown {
                text(out, name);
            }
        });
    }
    let find = |wanted: &str| parameters.iter().find(|(name, _)| name == wanted);
    let get = |wanted: &str| find(wanted).map(|(_, value)| value.clone()).unwrap_or_default();
    let user = get("user");
    let database = if get("database").is_empty() { user.clone() } else { get("database") };
    let login = Login { user, database, application: get("application_name") };
    match authenticate(&login, &mut incoming, &mut outgoing, state).await {
        Ok(()) => {}
        Err(None) => return None,
        Err(Some(failure)) => {
            state.metrics.login_failed();
            tokio::time::sleep(PAUSE).await;
            outgoing.report(Severity::Fatal, &failure, None);
            outgoing.end().await;
            return None;
        }
    }
    let session = match state.backend.connect(&login).await {
        Ok(session) => session,
        Err(report) => {
            outgoing.report(Severity::Fatal, &report.into(), None);
            outgoing.end().await;
            return None;
        }
    };
    incoming.limit = options.message_limit;
    outgoing.put(b'R', |out| out.put_u32(0));
    let told = [
        "server_version",
        "server_encoding",
        "client_encoding",
        "DateStyle",
        "IntervalStyle",
        "TimeZone",
        "integer_datetimes",
        "standard_conforming_strings",
        "is_superuser",
        "in_hot_standby",
        "default_transaction_read_only",
    ];
    let told = told.into_iter().map(|name| (name, default(name).unwrap_or_default()));
    for (name, value) in told.chain([("session_authorization", login.user.as_str())]) {
        outgoing.put(b'S', |out| {
            text(out, name);
            text(out, value);
        });
    }
    let (process, key, cancel, registration) = State::register(state)?;
    outgoing.put(b'K', |out| {
        out.put_i32(process);
        out.put_slice(&key);
    });
    let shared = Shared {
        cancel,
        registration,
        login,
        stop: state.stop.subscribe(),
        metrics: Arc::clone(&state.metrics),
        idle: options.idle_timeout,
    };
    let mut client = Client::new(incoming, outgoing, session, shared);
    client.take_over(&parameters).await;
    Some(client)
}

/// Checks who the client is; `None` if it has gone.
async fn authenticate<S: Socket>(
    login: &Login,
    incoming: &mut Incoming<S>,
    outgoing: &mut Outgoing<S>,
    state: &State,
) -> Result<(), Option<Failure>> {
    if login.user.is_empty() {
        let report = Report::new(Code::Usage, "the start-up message names no user");
        return Err(Some(Failure::new("28000", report.with_help("give a user name"))));
    }
    let Some(users) = &state.options.users else { return Ok(()) };
    let password = users.password(&login.user);
    outgoing.put(b'R', |out| {
        out.put_u32(10);
        text(out, "SCRAM-SHA-256");
        out.put_u8(0);
    });
    outgoing.send().await.map_err(|_| None)?;
    let wrong = || {
        let report = Report::new(
            Code::CredentialRefused,
            format!("the password of `{}` is wrong", login.user),
        );
        Some(Failure::new("28P01", report.with_help("check user and password")))
    };
    let first = step(incoming).await?;
    let body = initial(&first).ok_or_else(|| {
        let report = violation("the client did not begin SCRAM-SHA-256");
        Some(Failure::new("08P01", *report))
    })?;
    let password = Password::new(Some(password.salt.clone()), password.salted.clone());
    let started = ScramServerAuth::new().on_client_first_message(body, password);
    let (challenge, waiting) = started.map_err(|_| wrong())?;
    outgoing.put(b'R', |out| {
        out.put_u32(11);
        out.put_slice(challenge.as_bytes());
    });
    outgoing.send().await.map_err(|_| None)?;
    let last = step(incoming).await?;
    let proven = waiting.on_client_final_message(&last).map_err(|_| wrong())?;
    if !users.has(&login.user) {
        return Err(wrong());
    }
    outgoing.put(b'R', |out| {
        out.put_u32(12);
        out.put_slice(proven.as_bytes());
    });
    Ok(())
}

/// The next step of SASL.
async fn step<S: Socket>(incoming: &mut Incoming<S>) -> Result<bytes::Bytes, Option<Failure>> {
    loop {
        match incoming.next() {
            Ok(Some(Message::Password(body))) => return Ok(body),
            Ok(Some(_)) => {
                let report = violation("a statement came before the password");
                return Err(Some(Failure::new("08P01", *report)));
            }
            Ok(None) => {
                if !matches!(incoming.fill().await, Ok(true)) {
                    return Err(None);
                }
            }
            Err(report) => return Err(Some(Failure::new("08P01", *report))),
        }
    }
}

/// The data of SASL's first message: the mechanism, a length, the data.
fn initial(message: &[u8]) -> Option<&[u8]> {
    let end = message.iter().position(|byte| *byte == 0)?;
    let (mechanism, rest) = message.split_at(end);
    (mechanism == b"SCRAM-SHA-256").then_some(())?;
    rest.get(5..)
}
