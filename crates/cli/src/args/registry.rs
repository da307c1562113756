//! `strataql registry`.

use clap::{Args, Subcommand};

/// Commands for provider documents of registry servers.
#[derive(Debug, Subcommand)]
pub(crate) enum RegistryCommand {
    // their help texts are at their arguments
    List(ListArguments),
    Pull(PullArguments),
    Search(SearchArguments),
    Verify(VerifyArguments),
}

/// List the providers of a registry server, or those that are here
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  strataql registry list --from https://registry.example/providers
  strataql registry list --installed")]
pub(crate) struct ListArguments {
    /// List all versions of this provider
    #[arg(value_name = "PROVIDER")]
    pub(crate) provider: Option<String>,

    /// The address of the registry server
    #[arg(long, value_name = "URL", conflicts_with = "installed")]
    pub(crate) from: Option<String>,

    /// List what is here; no request is sent
    #[arg(long)]
    pub(crate) installed: bool,

    /// Print one JSON object per provider
    #[arg(long)]
    pub(crate) json: bool,
}

/// Download provider documents
///
/// A version is installed as a whole or not at all, beside other versions; the highest is used. An archive that
/// differs from the digest in the index, or from an earlier pull of the same version, is refused, and so is a
/// newest version that is older than the installed one.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  strataql registry pull aws --from https://registry.example/providers
  strataql registry pull aws v24.07.00246")]
pub(crate) struct PullArguments {
    /// The provider
    #[arg(value_name = "PROVIDER")]
    pub(crate) provider: String,

    /// The version; the highest if it is left out
    #[arg(id = "pulled_version", value_name = "VERSION")]
    pub(crate) version: Option<String>,

    /// The address of the registry server
    #[arg(long, value_name = "URL")]
    pub(crate) from: Option<String>,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// Find resources by words
///
/// Looks in names, titles and descriptions of the resources of all providers that are here. All words must be
/// found; those in names come first.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  strataql registry search 'oauth app'")]
pub(crate) struct SearchArguments {
    /// The words
    #[arg(value_name = "WORDS", required = true)]
    pub(crate) words: Vec<String>,

    /// Look in this provider only
    #[arg(long, value_name = "PROVIDER")]
    pub(crate) provider: Option<String>,

    /// The most resources that are listed
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) limit: usize,

    /// Print one JSON object per resource
    #[arg(long)]
    pub(crate) json: bool,
}

/// Check that pulled documents are as they were pulled
///
/// Compares every file with its digest in `lock.json`. The exit code is 0 when all are the same, else 1.
#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    /// Print one JSON object per problem, then the totals
    #[arg(long)]
    pub(crate) json: bool,
}
