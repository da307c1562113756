//! Provider documents from SDKs and API descriptions, and reference pages from provider documents.
//!
//! Owns: reading an SDK package without running it, the documents that follow from it, differences
//! between documents, pages.
//! Refuses: running anything, the network, printing; what a document means is `spec`'s.

mod databricks;
pub mod diff;
#[allow(
    clippy::format_push_string,
    reason = "pages are built once, and `write!` into a text has an error that cannot happen"
)]
pub mod docs;
mod documents;
mod import;
mod python;
mod sdk;
#[cfg(test)]
mod testing;
mod yaml;

pub use databricks::{Descriptions, generate as generate_databricks};
pub use documents::{Documents, write_pages};
pub use import::{Guess, ImportOptions, Imported, import};
