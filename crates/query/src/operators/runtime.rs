//! What operators find at execution: documents, the network, shared calls.
//!
//! Surprise: operators hold none of this. They look it up in the session's extensions, so that a
//! plan can be sent to another process which brings its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::common::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use strataql_call::{CallMetrics, Exchange, SharedChains};
use strataql_registry::Registry;

use crate::outcome::Outcome;
use crate::predicate::bindings::SlotId;
use crate::run::Run;

/// The runtime of one statement.
pub struct CallRuntime {
    pub(crate) registry: Arc<Registry>,
    /// The statement's way to the network.
    pub exchange: Arc<dyn Exchange>,
    pub(crate) chains: Arc<SharedChains>,
    /// Where scans report completeness, issues and counts.
    pub outcome: Outcome,
    /// The statement's budget and partial mode.
    pub run: Arc<Run>,
}

impl CallRuntime {
    /// The runtime of the statement that a task belongs to.
    pub fn of(context: &TaskContext) -> Result<Arc<Self>> {
        context.session_config().get_extension::<Self>().ok_or_else(|| {
            DataFusionError::Internal("the call runtime is not installed".to_owned())
        })
    }

    /// Counters of a new scan, registered with the outcome.
    pub fn metrics(&self, name: String) -> Arc<CallMetrics> {
        self.run.reads(&self.outcome);
        let metrics = Arc::new(CallMetrics::default());
        self.outcome.add_scan(name, Arc::clone(&metrics));
        metrics
    }
}

/// Values of bind-join keys for one execution of a template.
#[derive(Debug, Default, Clone)]
pub struct BoundKeys(pub(crate) BTreeMap<SlotId, strataql_call::Value>);
