//! Provider documents: sources, versions, and compiled models.
//!
//! Owns: [`Source`]s and their precedence, versions, the `google` alias, lazy loading of services,
//! compiled models in the cache folder, the index for SHOW, [`lint`], pulling ([`Remote`], [`Store`]).
//! Refuses: HTTP (bytes come through [`Fetch`]), SQL, credentials, printing.
//! Surprise: all services of a provider come from one source. A provider in a user's folder
//! replaces the embedded one entirely, so that a query never mixes two versions of an API.

mod cache;
mod document;
mod embedded;
mod index;
mod lint;
mod name;
mod pull;
mod registry;
mod source;
mod version;

pub use index::{MethodSummary, ResourceSummary, ServiceIndex};
pub use lint::{DocumentTime, LintReport, lint};
pub use pull::{Fetch, Listed, Problem, Pulled, Remote, Server, Store, Verified};
pub use registry::{ProviderSummary, Registry, Settings};
pub use source::{Origin, Source};
