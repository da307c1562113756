//! Provider documents: where they are, which one counts, and their compiled form.
//!
//! Owns: [`Source`]s and their precedence, versions, the `google` alias, lazy loading of services,
//! compiled sidecars in the cache folder, the index for SHOW, [`lint`].
//! Refuses: HTTP (pulling is another crate's), SQL, credentials, printing.
//! Surprise: a provider comes whole from one source. One that a user's folder has hides all of the
//! embedded one, so that a query never mixes two versions of the same API.

mod cache;
mod document;
mod embedded;
mod index;
mod lint;
mod name;
mod registry;
mod source;
mod version;

pub use index::{MethodSummary, ResourceSummary, ServiceIndex};
pub use lint::{DocumentTime, LintReport, lint};
pub use registry::{ProviderSummary, Registry, Settings};
pub use source::{Origin, Source};
