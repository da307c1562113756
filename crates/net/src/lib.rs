//! The transport: one request in, one response out.
//!
//! Owns: the HTTP client, TLS, proxies, time limits, size limits, retries, gates per origin and
//! credential, credentials and tokens, same-origin checks, the HTTP log and the messages for failed
//! requests.
//! Refuses: building requests from parameters, paging, decoding rows, reading the environment
//! (callers pass a lookup function), printing.
//! Surprise: a response is `Ok` whatever its status; `Err` means that no usable response arrived.
//! URLs are the *logical* ones of the documents everywhere; a replacement endpoint is substituted
//! only when the request is written to a connection.

mod attempt;
mod auth;
mod buffers;
mod client;
pub mod clock;
mod exchange;
mod failure;
mod gate;
mod inflate;
mod key;
pub mod link;
pub mod origin;
mod page;
mod remote_error;
mod request;
mod retry;
mod sender;
mod settings;
mod status;
pub mod tls;
mod trace;
mod transport;
mod wire;

pub use auth::{CredentialReport, Principal, Tried};
pub use clock::{Clock, ManualClock, SystemClock};
pub use failure::{Cause, Failure, Phase};
pub use key::idempotency_key;
pub use link::{LinkProblem, next_link};
pub use origin::{Origin, check_same_origin};
pub use page::HtmlPage;
pub use remote_error::RemoteError;
pub use request::{Facts, Repeat, Request, Response, SigningScope};
pub use settings::{
    CredentialsOverride, Environment, FixedCredential, HttpLog, Program, ProgramOutput,
    ProxyPolicy, ReadFile, RetrySettings, RunProgram, Settings,
};
pub use status::{leaves_open, status_report};
pub use trace::{Attempt, Observer, Purpose};
pub use transport::Transport;
