//! What the tests of corrections share: two tables, and statements on DataFusion with and without
//! corrections.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::datasource::MemTable;
use datafusion::execution::SessionStateBuilder;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_common::{DataFusionError, Result};
use datafusion_expr::LogicalPlan;

use crate::correction::{Apply, Correction};
use crate::table::{CORRECTIONS, apply_all};

/// The tables of the examples:
///
/// ```text
/// o: id k    x     t: id k x    is_odd
///    1  a    1        1  a 1    true
///    2  b    2        2  a 3    false
///    3  NULL NULL     3  b NULL true
///                     4  c 2    false
/// ```
fn tables() -> Vec<(&'static str, RecordBatch)> {
    let table = |ids: &[i64], keys: &[Option<&str>], numbers: &[Option<i64>]| {
        let columns: Vec<(Field, ArrayRef)> = vec![
            (Field::new("id", DataType::Int64, false), Arc::new(Int64Array::from(ids.to_vec()))),
            (Field::new("k", DataType::Utf8, true), Arc::new(StringArray::from(keys.to_vec()))),
            (Field::new("x", DataType::Int64, true), Arc::new(Int64Array::from(numbers.to_vec()))),
            (
                Field::new("is_odd", DataType::Boolean, false),
                Arc::new(ids.iter().map(|id| Some(id % 2 == 1)).collect::<BooleanArray>()),
            ),
        ];
        let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = columns.into_iter().unzip();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("columns fit")
    };
    vec![
        ("o", table(&[1, 2, 3], &[Some("a"), Some("b"), None], &[Some(1), Some(2), None])),
        (
            "t",
            table(
                &[1, 2, 3, 4],
                &[Some("a"), Some("a"), Some("b"), Some("c")],
                &[Some(1), Some(3), None, Some(2)],
            ),
        ),
    ]
}

/// DataFusion with the tables, and with these corrections' physical rules.
fn context(corrections: &[&Correction]) -> SessionContext {
    let mut rules = PhysicalOptimizer::new().rules;
    let own = corrections.iter().filter_map(|correction| match correction.apply {
        Apply::Physical { rule, .. } => Some(rule()),
        Apply::Logical(_) => None,
    });
    rules.splice(0..0, own);
    let state = SessionStateBuilder::new()
        .with_config(SessionConfig::new().with_target_partitions(1))
        .with_default_features()
        .with_physical_optimizer_rules(rules)
        .build();
    let context = SessionContext::new_with_state(state);
    for (name, batch) in tables() {
        let table = MemTable::try_new(batch.schema(), vec![vec![batch]]).expect("one batch");
        context.register_table(name, Arc::new(table)).expect("a new name");
    }
    context
}

/// The rows of a statement with these corrections, and which of them changed its plan. Rows without
/// an order are sorted.
fn run(corrections: &[&Correction], sql: &str) -> Result<(Vec<String>, Vec<&'static str>)> {
    let context = context(corrections);
    let corrections: Vec<Correction> = corrections.iter().map(|&correction| *correction).collect();
    let sql = sql.to_owned();
    let task = async move {
        let plan = context.state().create_logical_plan(&sql).await?;
        let is_sorted = match &plan {
            LogicalPlan::Projection(shown) => matches!(*shown.input, LogicalPlan::Sort(_)),
            other => matches!(other, LogicalPlan::Sort(_)),
        };
        let (plan, changed) = apply_all(&corrections, plan, &context.state())?;
        let batches = context.execute_logical_plan(plan).await?.collect().await?;
        let mut rows = Vec::new();
        for batch in batches {
            let options = FormatOptions::new().with_null("NULL");
            let columns = batch.columns().iter();
            let columns = columns
                .map(|column| ArrayFormatter::try_new(column, &options))
                .collect::<Result<Vec<_>, _>>()?;
            rows.extend((0..batch.num_rows()).map(|row| {
                let cells: Vec<String> =
                    columns.iter().map(|column| column.value(row).to_string()).collect();
                cells.join(" ")
            }));
        }
        if !is_sorted {
            rows.sort();
        }
        Ok((rows, changed))
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    // a panic of DataFusion's is a refusal
    runtime
        .block_on(runtime.spawn(task))
        .unwrap_or_else(|error| Err(DataFusionError::Execution(error.to_string())))
}

/// Checks the rows of a statement with all corrections.
pub(crate) fn check_rows(sql: &str, right: &[&str]) {
    let all: Vec<&Correction> = CORRECTIONS.iter().collect();
    let (rows, _) = run(&all, sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    assert_eq!(rows, right, "{sql}");
}

/// Checks a correction: the result of its example is these rows with all corrections, but not without
/// any.
pub(crate) fn check(correction: &Correction, right: &[&str]) {
    if let Ok((rows, _)) = run(&[], correction.example) {
        assert_ne!(
            rows, right,
            "DataFusion returns the right rows of `{}`: the correction `{}` can be removed",
            correction.example, correction.name
        );
    }
    let all: Vec<&Correction> = CORRECTIONS.iter().collect();
    check_rows(correction.example, right);
    let (_, changed) = run(&all, correction.example).expect("the corrected plan runs");
    if matches!(correction.apply, Apply::Logical(_)) {
        assert!(changed.contains(&correction.name), "{changed:?}");
    }
}

/// Checks that a correction leaves the plan of a statement as it is.
pub(crate) fn check_unchanged(correction: &Correction, sql: &str) {
    let changed = run(&[correction], sql).expect("the statement runs").1;
    assert!(changed.is_empty(), "`{sql}` is changed");
}
