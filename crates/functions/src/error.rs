//! Reports as errors of DataFusion.

use datafusion_common::DataFusionError;
use strataql_diag::Report;

/// Wraps a report for the way through DataFusion.
pub fn external(report: Box<Report>) -> DataFusionError {
    DataFusionError::External(report)
}
