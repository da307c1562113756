//! How a server listens, and what it takes.

use std::net::SocketAddr;
use std::time::Duration;

use crate::tls::Tls;
use crate::users::Users;

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
            patience: Duration::from_mins(10),
        }
    }
}
