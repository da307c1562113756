//! `strataql auth`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use secrecy::SecretString;

use super::session::{SessionArguments, secret};

/// Commands for credentials.
#[derive(Debug, Subcommand)]
pub(crate) enum AuthCommand {
    // its help text is at its arguments
    Check(CheckArguments),
}

impl AuthCommand {
    /// The flags as those of a session.
    pub(crate) fn session(&self) -> SessionArguments {
        let Self::Check(check) = self;
        SessionArguments {
            registry: check.registry.clone(),
            auth: check.auth.clone(),
            endpoint: check.endpoint.clone(),
            ca_bundle: check.ca_bundle.clone(),
            ..SessionArguments::default()
        }
    }
}

/// Show where the credential of a provider comes from
///
/// Obtains the credential as a statement would, and shows its source, its owner and its expiry, and
/// why other sources were not used. The credential itself is not shown. The exit code is 4 if there is
/// none.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  strataql auth check aws
  strataql auth check databricks_account github --json | jq -r .source")]
pub(crate) struct CheckArguments {
    /// Names of providers
    #[arg(value_name = "PROVIDER", required = true)]
    pub(crate) providers: Vec<String>,

    /// Print one JSON object per provider
    #[arg(long)]
    pub(crate) json: bool,

    /// Take provider documents from a folder: `file:PATH`
    #[arg(long, value_name = "SOURCE")]
    registry: Option<String>,

    /// Credentials by provider, as JSON
    ///
    /// As `--auth` of `exec`.
    #[arg(long, value_name = "JSON", value_parser = secret)]
    auth: Option<SecretString>,

    /// Send the requests of a provider to another server
    ///
    /// As `--endpoint` of `exec`. May be repeated.
    #[arg(long, value_name = "PROVIDER=URL")]
    endpoint: Vec<String>,

    /// Also trust the certificates in a PEM file
    #[arg(long, value_name = "FILE")]
    ca_bundle: Option<PathBuf>,
}
