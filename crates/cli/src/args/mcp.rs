//! `strataql mcp`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::SessionArguments;

/// Serve agents over the Model Context Protocol
///
/// Without `--http` the server talks over stdin and stdout, as clients start it; the end of the input
/// ends it. Each call is a session of its own with the flags given here; local files cannot be read.
///
/// The mode is enforced on the parsed statements: `read_only` runs queries only; `safe` asks a person
/// before every change; `delete_safe` asks before DELETE and EXEC; `full_access` asks nobody. A person
/// is asked by the client (elicitation) and sees the requests; without a client that can ask, the
/// change is refused.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  For a client that starts programs, with simulated providers:
    strataql mcp --sandbox
  Over HTTP on this machine:
    strataql mcp --http --mode read_only
  For other machines, behind a proxy with TLS:
    STRATAQL_MCP_TOKEN=$(openssl rand -hex 32) strataql mcp --http 0.0.0.0:9876 --allow-host mcp.example.com")]
pub(crate) struct McpArguments {
    /// Serve streamable HTTP at `/mcp` of an address, `127.0.0.1:9876` without one
    ///
    /// Every request has to bring the token of `STRATAQL_MCP_TOKEN` or `--token-file`, if there is one. An
    /// address that other machines can reach needs one. TLS is left to a proxy.
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = "127.0.0.1:9876")]
    pub(crate) http: Option<SocketAddr>,

    /// Read the bearer token from a file
    #[arg(long, value_name = "FILE", requires = "http")]
    pub(crate) token_file: Option<PathBuf>,

    /// Accept requests to another name of this host, besides loopback; may be repeated
    #[arg(long, value_name = "HOST", requires = "http")]
    pub(crate) allow_host: Vec<String>,

    /// Accept requests of pages of a site, such as `https://app.example.com`; may be repeated
    #[arg(long, value_name = "ORIGIN", requires = "http")]
    pub(crate) allow_origin: Vec<String>,

    /// What may run: `read_only`, `safe`, `delete_safe` or `full_access`
    #[arg(long, value_name = "MODE", default_value = "safe", value_parser = ["read_only", "safe", "delete_safe", "full_access"])]
    pub(crate) mode: String,

    /// How the text of answers is written: `markdown` or `json`
    #[arg(long, value_name = "FORMAT", default_value = "markdown", value_parser = ["markdown", "json"])]
    pub(crate) format: String,

    /// Most tokens of an answer, at four bytes each; the rest of a result is continued
    #[arg(long, value_name = "TOKENS", default_value_t = 10_000)]
    pub(crate) max_tokens: usize,

    /// How long a question to a person waits, and an approval holds
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = time)]
    pub(crate) approval_ttl: Duration,

    /// Most rows that approved statements may write
    #[arg(long, value_name = "ROWS", default_value_t = 100)]
    pub(crate) approved_rows: u64,

    /// Longest run of a call
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = time)]
    pub(crate) call_timeout: Duration,

    /// Calls that run at once
    #[arg(long, value_name = "CALLS", default_value_t = 16)]
    pub(crate) concurrency: usize,

    /// Offer only this tool; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(crate) tool: Vec<String>,

    /// Read environment variables from a file with lines `NAME=value`
    ///
    /// `reload_credentials` reads it again. May be repeated.
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Vec<PathBuf>,

    /// Session.
    #[command(flatten)]
    pub(crate) session: SessionArguments,
}

/// A duration that is not nothing.
fn time(text: &str) -> Result<Duration, String> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => 0,
    };
    let number: u64 = number.parse().unwrap_or_default();
    match number.checked_mul(milliseconds) {
        Some(milliseconds) if milliseconds > 0 => Ok(Duration::from_millis(milliseconds)),
        _ => Err("write a duration, such as `30s` or `5m`".to_owned()),
    }
}
