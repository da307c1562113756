//! `strataql provider`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Commands for provider documents.
#[derive(Debug, Subcommand)]
pub(crate) enum ProviderCommand {
    // their help texts are at their arguments
    Lint(LintArguments),
    Coverage(CoverageArguments),
    Import(ImportArguments),
    Generate(GenerateArguments),
    Diff(DiffArguments),
}

/// Call every method of documents in a sandbox
///
/// For each method values are made by its schemas, its request is built and sent to a sandbox on this machine.
/// The method works if every value is in the request, the sandbox takes it, and the answer is read into the
/// documented columns; lists have three pages and must be complete. The exit code is 0 if at least 99 % of the
/// methods work, else 1.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  strataql provider coverage registry
  strataql provider coverage registry/src/acme -o json | jq '.failures[]'")]
pub(crate) struct CoverageArguments {
    /// A registry folder, its `src`, or the folder of a provider
    #[arg(value_name = "PATH")]
    pub(crate) path: PathBuf,

    /// The form of the result
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t = CoverageFormat::Text)]
    pub(crate) output: CoverageFormat,
}

/// Forms of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CoverageFormat {
    /// A table per provider and SQL verb, and reasons by count
    Text,
    /// One JSON object with every failure
    Json,
}

/// Make a provider document from an API description
///
/// Reads OpenAPI 3.0 and 3.1 (YAML or JSON) and Google discovery documents. Resources, SQL verbs, the place of
/// the rows, paging and the credential are guessed; each guess is listed with its reason. Files that are there
/// are kept unless `--force` is given.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  strataql provider import openapi.yaml --name tickets
  strataql provider lint registry/src/tickets/v1
  strataql exec --registry registry --sandbox 'SHOW METHODS IN tickets.api.tickets'")]
pub(crate) struct ImportArguments {
    /// The API description; `-` reads stdin
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// The name of the provider in SQL
    #[arg(long, value_name = "NAME")]
    pub(crate) name: String,

    /// The name of the service in SQL
    #[arg(long, value_name = "NAME", default_value = "api")]
    pub(crate) service: String,

    /// The address of the server, in place of those that the description names
    #[arg(long, value_name = "URL")]
    pub(crate) server: Option<String>,

    /// The registry folder that receives the provider
    #[arg(long, value_name = "DIR", default_value = "registry")]
    pub(crate) out: PathBuf,

    /// Replace files that are there
    #[arg(long)]
    pub(crate) force: bool,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// Make provider documents from an SDK package
///
/// The package is read, never run. The same package gives the same bytes.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pip download --no-deps databricks-sdk
  strataql provider generate databricks --sdk databricks_sdk-0.162.0-py3-none-any.whl --out registry/src
  strataql exec --registry registry 'SHOW SERVICES IN databricks_workspace'")]
pub(crate) struct GenerateArguments {
    /// The providers to make documents of
    #[arg(value_enum, value_name = "PROVIDER")]
    pub(crate) provider: Generated,

    /// The package: a wheel, or a folder with the installed package
    #[arg(long, value_name = "PATH")]
    pub(crate) sdk: PathBuf,

    /// The folder that receives the provider folders
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,

    /// The texts of the documents
    #[arg(long, value_enum, value_name = "TEXTS", default_value_t = Texts::Sdk)]
    pub(crate) descriptions: Texts,
}

/// Providers that have a generator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Generated {
    /// `databricks_account` and `databricks_workspace`, from `databricks-sdk` for Python
    Databricks,
}

/// The texts of generated documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Texts {
    /// Those of the package
    Sdk,
    /// None of the package; short ones made from names
    None,
    /// Those of the package, as the public reference pages of early 2026 show them
    SeedEra,
}

/// List the differences between two sets of provider documents
///
/// Lists methods that were added, removed or changed: requests, parameters, bodies, columns, paging. Texts do
/// not count. The exit code is 0 when there are none, else 1.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  strataql provider diff old/databricks_workspace new/databricks_workspace
  strataql provider diff old new --json | jq '.removed[]'")]
pub(crate) struct DiffArguments {
    /// A provider folder or a registry folder
    #[arg(value_name = "BEFORE")]
    pub(crate) before: PathBuf,

    /// The folder to compare it with
    #[arg(value_name = "AFTER")]
    pub(crate) after: PathBuf,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// Check the documents of a provider
///
/// Reports what cannot be used and what is probably a mistake. The exit code is 0 when there are no
/// errors; warnings do not count unless `--strict` is given.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  strataql provider lint registry/src/databricks_account/v1
  strataql provider lint registry --json | jq -r .message")]
pub(crate) struct LintArguments {
    /// A provider folder, a registry folder or one document
    #[arg(value_name = "PATH")]
    pub(crate) path: PathBuf,

    /// Fail on warnings, too
    #[arg(long)]
    pub(crate) strict: bool,

    /// Print findings as JSON, one object per line
    #[arg(long)]
    pub(crate) json: bool,
}
