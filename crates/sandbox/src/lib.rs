//! A loopback HTTP server that simulates any provider from its documents.
//!
//! Owns: routing, checks, state, paging, credentials, faults and the request log of a server whose
//! only knowledge of a provider is its documents.
//! Refuses: sharing code with the client. Router and validator are a second implementation of the
//! documents, so that a bug in the client is not repeated in the server that tests it.
//! Surprise: nothing is random and nothing depends on the clock. Two servers with the same
//! documents and options give the same bytes for the same requests.

mod access;
mod clock;
mod collection;
mod connection;
mod crud;
mod exchange;
pub mod fault;
mod graphql;
mod identity;
mod log;
pub mod options;
mod original;
mod pages;
mod problem;
mod random;
mod rate;
mod reply;
mod request;
mod role;
mod routes;
pub mod scenario;
mod scenario_names;
mod server;
mod shape;
mod signature;
pub mod state;
mod store;
mod synthesis;
mod task;
mod validate;
mod xml;

use std::fmt;
use std::sync::Arc;

use strataql_diag::Report;
use strataql_spec::{Provider, Service};

pub use fault::{Fault, FaultKind, When};
pub use log::LogEntry;
pub use options::{Credentials, Options};
pub use rate::Rate;
pub use scenario::{AuthRules, Scenario, ScenarioObjects};
pub use server::Sandbox;
pub use state::State;
pub use task::Slow;

/// Loads a service of a provider by name, on demand.
pub type Loader = Arc<dyn Fn(&str) -> Result<Arc<Service>, Box<Report>> + Send + Sync>;

/// A provider to simulate.
#[derive(Clone)]
pub struct ProviderSource {
    /// The provider.
    pub provider: Provider,
    /// Services that are loaded from the start.
    pub services: Vec<Arc<Service>>,
    /// Loads the provider's other services; without it they do not exist.
    pub loader: Option<Loader>,
}

impl ProviderSource {
    /// A provider with these services only.
    pub fn new(provider: Provider, services: Vec<Arc<Service>>) -> Self {
        Self { provider, services, loader: None }
    }

    /// A provider whose services are loaded on demand.
    pub fn lazy(provider: Provider, loader: Loader) -> Self {
        Self { provider, services: Vec::new(), loader: Some(loader) }
    }
}

impl fmt::Debug for ProviderSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderSource")
            .field("provider", &self.provider.name)
            .field("services", &self.services.len())
            .field("lazy", &self.loader.is_some())
            .finish()
    }
}
