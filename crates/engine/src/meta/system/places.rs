//! Conditions on provider, service and resource, checked before anything is opened.
//!
//! Owns: which conditions need no more than the names of a place, and their evaluation.
//! Surprise: any condition counts, not only `=` and `IN`: the names are listed anyway, so `LIKE` and
//! functions are evaluated on them just as exactly.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, RecordBatch, RecordBatchOptions, StringArray};
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::Session;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::PhysicalExpr;

/// The deepest place column that a condition names, if it names such columns alone.
pub(super) fn depth(condition: &Expr, columns: &[&str]) -> Option<usize> {
    if condition.is_volatile() {
        return None;
    }
    let positions: Option<Vec<usize>> = condition
        .column_refs()
        .into_iter()
        .map(|column| columns.iter().position(|name| *name == column.name))
        .collect();
    positions?.into_iter().max()
}

/// The conditions of a scan by the depth at which they can be checked.
#[derive(Debug)]
pub(super) struct Places {
    schema: SchemaRef,
    conditions: Vec<(usize, Arc<dyn PhysicalExpr>)>,
}

impl Places {
    /// Compiles conditions of which [`depth`] knows the depth.
    pub(super) fn new(
        state: &dyn Session,
        schema: &Schema,
        columns: &[&str],
        conditions: &[Expr],
    ) -> Result<Self> {
        let schema = Arc::new(schema.project(&(0..columns.len()).collect::<Vec<_>>())?);
        let names = DFSchema::try_from(Arc::clone(&schema))?;
        let conditions = conditions
            .iter()
            .filter_map(|condition| Some((depth(condition, columns)?, condition)))
            .map(|(depth, condition)| {
                Ok((depth, state.create_physical_expr(condition.clone(), &names)?))
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Self { schema, conditions })
    }

    /// Which of the names at the end of `path` pass the conditions that are decided by them.
    pub(super) fn passing(&self, path: &[&str], names: &[&str]) -> Result<Vec<bool>> {
        let mut passing = vec![true; names.len()];
        if names.is_empty() || !self.conditions.iter().any(|(depth, _)| *depth == path.len()) {
            return Ok(passing);
        }
        let given = path
            .iter()
            .map(|name| Arc::new(StringArray::from(vec![*name; names.len()])) as ArrayRef);
        let own: ArrayRef = Arc::new(StringArray::from(names.to_vec()));
        let columns: Vec<ArrayRef> = given.chain([own]).collect();
        let schema = Arc::new(self.schema.project(&(0..columns.len()).collect::<Vec<_>>())?);
        let options = RecordBatchOptions::new().with_row_count(Some(names.len()));
        let batch = RecordBatch::try_new_with_options(schema, columns, &options)?;
        for (_, condition) in self.conditions.iter().filter(|(depth, _)| *depth == path.len()) {
            let result = condition.evaluate(&batch)?.into_array(names.len())?;
            for (passing, holds) in passing.iter_mut().zip(result.as_boolean()) {
                *passing &= holds == Some(true);
            }
        }
        Ok(passing)
    }
}
