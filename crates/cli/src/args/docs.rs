//! `strataql docs`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Commands for reference pages.
#[derive(Debug, Subcommand)]
pub(crate) enum DocsCommand {
    // their help texts are at their arguments
    Generate(GenerateArguments),
    Show(ShowArguments),
}

/// Write the reference pages of a provider
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  strataql docs generate databricks_account --out pages
  strataql docs generate databricks_account --out site --format html
  strataql docs generate databricks_account --out pages --profile seed")]
pub(crate) struct GenerateArguments {
    /// The provider
    #[arg(value_name = "PROVIDER")]
    pub(crate) provider: String,

    /// The folder that receives the pages
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,

    /// The layout of the pages
    #[arg(long, value_enum, value_name = "PROFILE", default_value_t = PageProfile::Site)]
    pub(crate) profile: PageProfile,

    /// The format of the pages; `html` is a static site that opens from disk, of the profile `site` only
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = PageFormat::Markdown)]
    pub(crate) format: PageFormat,

    /// A registry folder, or its `file:` URL
    #[arg(long, value_name = "REGISTRY")]
    pub(crate) registry: Option<String>,
}

/// The layout of pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PageProfile {
    /// As the public reference pages of early 2026, byte for byte
    Seed,
    /// Plain Markdown whose statements run
    Site,
}

/// The format of pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PageFormat {
    /// Markdown files
    Markdown,
    /// A static site: HTML pages, a style sheet and a search
    Html,
}

/// Print the reference page of a resource
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  strataql docs show databricks_account.oauth2.published_app_integration")]
pub(crate) struct ShowArguments {
    /// `provider.service.resource`
    #[arg(value_name = "RESOURCE")]
    pub(crate) resource: String,

    /// A registry folder, or its `file:` URL
    #[arg(long, value_name = "REGISTRY")]
    pub(crate) registry: Option<String>,
}
