//! What every query of a process is planned and run with.
//!
//! Owns: DataFusion's state with all functions, optimizer rules and our planner.
//! Surprise: it is built once and never changes. A statement clones the state, which shares its parts.

use std::sync::Arc;

use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::optimizer::Optimizer;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::prelude::SessionConfig;
use strataql_call::Exchange;
use strataql_diag::Report;
use strataql_net::Environment;
use strataql_registry::Registry;

use crate::error::report_of;
use crate::operators::{PartitionsInOrder, PauseInJoins};
use crate::plan::planner::Planner;

/// Documents, network, environment and DataFusion's state: one per process.
pub struct QueryEngine {
    /// Provider documents.
    pub registry: Arc<Registry>,
    pub(crate) exchange: Arc<dyn Exchange>,
    /// Environment lookup, for server variables that documents bind to one.
    pub(crate) environment: Environment,
    /// DataFusion's state, with all functions and rules.
    pub state: SessionState,
}

impl QueryEngine {
    /// `without` are names of DataFusion's optimizer rules that are left out.
    ///
    /// # Errors
    /// `internal` if DataFusion cannot be set up.
    pub fn new(
        registry: Arc<Registry>,
        exchange: Arc<dyn Exchange>,
        environment: Environment,
        without: &[&str],
    ) -> Result<Self, Box<Report>> {
        let mut logical = Optimizer::new().rules;
        logical
            .retain(|rule| !without.contains(&rule.name()) && !MOVES_FIELDS.contains(&rule.name()));
        let mut physical = PhysicalOptimizer::new().rules;
        physical.retain(|rule| !without.contains(&rule.name()));
        physical.splice(0..0, strataql_rewrites::physical_rules());
        physical.push(Arc::new(PauseInJoins));
        physical.push(Arc::new(PartitionsInOrder));
        let mut state = SessionStateBuilder::new()
            .with_config(config())
            .with_default_features()
            .with_optimizer_rules(logical)
            .with_physical_optimizer_rules(physical)
            .with_query_planner(Arc::new(Planner))
            .build();
        strataql_functions::register(&mut state).map_err(|error| report_of(&error, ""))?;
        Ok(Self { registry, exchange, environment, state })
    }
}

/// Rules of DataFusion 55.2 that move the fields of structs towards the scan. Beside a column that is
/// computed under the name of its input (`SELECT -a AS a, s`) the input's value comes out, or an internal
/// error.
const MOVES_FIELDS: [&str; 2] = ["extract_leaf_expressions", "push_down_leaf_projections"];

/// DataFusion's options, where they differ from its defaults.
fn config() -> SessionConfig {
    let mut config = SessionConfig::new().with_information_schema(false);
    let options = config.options_mut();
    options.sql_parser.enable_ident_normalization = false;
    options.sql_parser.collect_spans = true;
    options.sql_parser.map_string_types_to_utf8view = false;
    // without a zone TIMESTAMPTZ and now() would be TIMESTAMPs
    options.execution.time_zone = Some("+00:00".to_owned());
    // a repartition pulls its input without waiting for demand: more pages than a LIMIT needs
    options.optimizer.enable_round_robin_repartition = false;
    // a count that a join brings is never NULL; only the logical plan knows, and both are right
    options.execution.skip_physical_aggregate_schema_check = true;
    config
}
