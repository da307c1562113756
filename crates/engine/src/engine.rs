//! The engine of a process.
//!
//! Owns: what all sessions share: documents, network, DataFusion's state with all functions, the store
//! of local tables, the ledger.
//! Refuses: anything that changes. Settings, transactions and kept answers belong to sessions.

use std::path::PathBuf;
use std::sync::Arc;

use strataql_call::Exchange;
use strataql_diag::Report;
use strataql_net::Environment;
use strataql_query::error::report_of;
use strataql_query::query_engine::QueryEngine;
use strataql_query::settings::Settings;
use strataql_registry::Registry;

use crate::local::Store;
use crate::meta::pg_catalog;
use crate::recording::Recording;
use crate::session::Session;

/// What an engine works with.
pub struct EngineConfig {
    /// Provider documents.
    pub registry: Arc<Registry>,
    /// The way to the network.
    pub exchange: Arc<dyn Exchange>,
    /// Environment lookup, for server variables that documents bind to one.
    pub environment: Environment,
    /// Folder of local views and tables; without one each session keeps its own in memory.
    pub tables: Option<PathBuf>,
    /// Whether and where writes are recorded.
    pub recording: Recording,
}

/// An engine: built once per process, shared by all sessions, never changed.
pub struct Engine {
    pub(crate) query: Arc<QueryEngine>,
    pub(crate) recording: Recording,
    /// Local tables in a folder.
    store: Option<Arc<Store>>,
}

impl Engine {
    /// An engine.
    ///
    /// # Errors
    /// `internal` if DataFusion cannot be set up.
    pub fn new(config: EngineConfig) -> Result<Arc<Self>, Box<Report>> {
        Self::without_rules(config, &[])
    }

    /// An engine that plans without these optimizer rules of DataFusion, logical and physical ones by
    /// name. Rows never depend on a rule, so this tells whether one is to blame for wrong rows.
    /// Without a rule that gives a statement its plannable form (`decorrelate_predicate_subquery`)
    /// or brings conditions to the resources (`push_down_filter`), statements may be refused.
    ///
    /// # Errors
    /// `internal` if DataFusion cannot be set up.
    pub fn without_rules(config: EngineConfig, rules: &[&str]) -> Result<Arc<Self>, Box<Report>> {
        let EngineConfig { registry, exchange, environment, tables, recording } = config;
        let mut query = QueryEngine::new(Arc::clone(&registry), exchange, environment, rules)?;
        pg_catalog::register(&mut query.state, &registry).map_err(|error| report_of(&error, ""))?;
        let store = tables.map(|folder| Arc::new(Store::new(Some(folder))));
        Ok(Arc::new(Self { query: Arc::new(query), recording, store }))
    }

    /// A session with its first settings.
    pub fn session(self: &Arc<Self>, settings: Settings) -> Session {
        Session::new(Arc::clone(self), settings)
    }

    /// The store of local tables: shared where a folder holds them, else one of its own.
    pub(crate) fn store(&self) -> Arc<Store> {
        self.store.as_ref().map_or_else(|| Arc::new(Store::new(None)), Arc::clone)
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("recording", &self.recording).finish_non_exhaustive()
    }
}
