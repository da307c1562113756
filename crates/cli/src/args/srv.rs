//! `strataql srv`.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;

use super::SessionArguments;

/// Serve clients of the PostgreSQL protocol
///
/// Drivers, BI tools and `psql` connect as to a PostgreSQL server; each connection is a session with the
/// settings of the flags. The server listens on this machine only, unless `--users` names who may log
/// in. It prints its address once it is ready, and ends with Ctrl-C or SIGTERM.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  strataql srv --sandbox
  strataql srv --port 5432 --read-only --monitor-port 9187
  strataql srv --host 0.0.0.0 --users users.toml --tls-cert server.pem --tls-key server.key
  psql 'host=127.0.0.1 port=5466 user=me dbname=strataql'")]
pub(crate) struct SrvArguments {
    /// The address to listen on
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    pub(crate) host: IpAddr,

    /// The port; 0 chooses a free one
    #[arg(long, default_value_t = 5466)]
    pub(crate) port: u16,

    /// Who may log in, from a TOML file
    ///
    /// A table per user: `[user.NAME]` with `password-env` or `password-file`, and optionally
    /// `read-only = true`, `providers = ["…"]` and `settings = { key = "value" }`. Passwords are checked
    /// with SCRAM-SHA-256.
    #[arg(long, value_name = "FILE")]
    pub(crate) users: Option<PathBuf>,

    /// The certificate chain of the server, PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,

    /// The private key of the server, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,

    /// Require certificates of clients that these authorities have signed, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_client_ca: Option<PathBuf>,

    /// Refuse connections without TLS
    #[arg(long, requires = "tls_cert")]
    pub(crate) tls_required: bool,

    /// Maximum number of connections at a time
    #[arg(long, default_value_t = 100, value_name = "N")]
    pub(crate) max_connections: usize,

    /// End sessions that do nothing for so long, in seconds
    #[arg(long, value_name = "SECONDS")]
    pub(crate) idle_timeout: Option<u64>,

    /// Serve `/health` and Prometheus `/metrics` on this port of 127.0.0.1; 0 chooses a free one
    #[arg(long, value_name = "PORT")]
    pub(crate) monitor_port: Option<u16>,

    /// Session.
    #[command(flatten)]
    pub(crate) session: SessionArguments,
}
