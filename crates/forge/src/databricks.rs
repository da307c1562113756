//! Documents of the Databricks providers, from the facts of an SDK.
//!
//! Owns: names (those of the public documents where they exist), the layout of paths, schemas,
//! `x-strataql` blocks, texts.
//! Refuses: facts that the package does not have; those of this project are in `overlay/`.

mod config;
mod document;
mod layout;
mod names;
mod operation;
mod overlay;
mod schema;
mod summary;
mod texts;
mod words;

use std::path::Path;

use strataql_diag::Report;

pub use texts::Descriptions;

use crate::documents::Documents;
use crate::sdk;

/// Writes the documents of the account's and of the workspaces' services.
///
/// # Errors
/// `local-io` for a package that cannot be opened, `bad-document` for what is no such package.
pub fn generate(package: &Path, descriptions: Descriptions) -> Result<Documents, Box<Report>> {
    let sdk = sdk::read(package)?;
    document::all(&sdk, descriptions)
}

#[cfg(test)]
mod tests;
