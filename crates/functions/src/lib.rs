//! The SQL functions that DataFusion does not have: SQLite's and PostgreSQL's JSON functions, SQLite's
//! dates and text functions, policies, addresses and encodings.
//!
//! Owns: the functions, their registration ([`register`], [`expr_planners`], [`JsonRows`]) and their
//! descriptions ([`descriptions`]), which `docs/functions.md` and `SHOW FUNCTIONS` are made of.
//! Refuses: functions that DataFusion already has under the same name with the same meaning; names of
//! columns, which the engine resolves.
//! Surprise: `json_each` and its kin are no table functions of DataFusion, which take constants only,
//! but lists that are unnested: see `json_rows` and `lateral`.

mod ages;
mod aggregate;
mod arithmetic;
mod average;
mod booleans;
mod casts;
mod cell;
mod condition;
mod date_part;
mod dates;
mod differences;
mod doc;
mod error;
mod excluded;
mod hints;
mod intervals;
mod json;
mod json_column;
mod json_compare;
mod json_edit;
mod json_extract;
mod json_path;
#[cfg(test)]
mod json_random;
mod json_rows;
mod lateral;
mod memory;
mod min_max;
mod network;
mod operators;
mod ordered_set;
mod patterns;
mod printf;
mod regexp;
mod scalar;
mod sqlite;
mod sum;
mod text;
mod time_texts;
mod to_char;
mod type_names;
mod windows;
mod zones;

use std::sync::Arc;

use datafusion_common::Result;
use datafusion_expr::planner::ExprPlanner;
use datafusion_expr::registry::FunctionRegistry;

use self::scalar::Scalar;

pub use arithmetic::{check_negations, operator_of};
pub use casts::respell_casts;
pub use doc::{Example, FunctionDoc, Section};
pub use error::external;
pub use excluded::{Exclusion, excluding, excluding_name};
pub use intervals::order_intervals;
pub use json_column::{JSON_SCHEMA, is_json, json_field};
pub use json_path::{path_call, step_text};
pub use json_rows::{COLUMNS, JsonRows, is_row_function, make_lateral};
pub use lateral::expand_rows;
pub use memory::MemoryLimit;

/// The internal name of `regexp_replace` for a replacement whose groups are `${1}`.
pub const REPLACE_GROUPS: &str = "regexp_replace_groups";

/// Scalar functions that are plain functions over values.
fn scalars() -> impl Iterator<Item = &'static Scalar> {
    let tables = [
        json::FUNCTIONS,
        json_compare::FUNCTIONS,
        json_edit::FUNCTIONS,
        text::FUNCTIONS,
        printf::FUNCTIONS,
        dates::FUNCTIONS,
        network::FUNCTIONS,
        sqlite::FUNCTIONS,
        patterns::FUNCTIONS,
    ];
    tables.into_iter().flatten().chain([json_compare::CONTAINS])
}

/// Registers every function that has a name of its own: scalar functions and aggregates. What is left
/// is planned: [`expr_planners`] and [`JsonRows`] belong in front of DataFusion's own planners.
///
/// A function of DataFusion with the same name is replaced, so this comes after DataFusion's. Nothing
/// here depends on a session: once per process is enough.
///
/// # Errors
/// Those of the registry.
pub fn register(registry: &mut dyn FunctionRegistry) -> Result<()> {
    for scalar in scalars() {
        registry.register_udf(Arc::new(scalar::udf(scalar)))?;
    }
    registry.register_udf(Arc::new(json_extract::udf()))?;
    registry.register_udf(Arc::new(condition::udf()))?;
    for hint in hints::udfs() {
        registry.register_udf(Arc::new(hint))?;
    }
    // SQLite's other name of it
    let ceil = datafusion_functions::math::ceil().as_ref().clone();
    registry.register_udf(Arc::new(ceil.with_aliases(["ceiling"])))?;
    let replace = datafusion_functions::regex::regexp_replace().as_ref().clone();
    registry.register_udf(Arc::new(replace.with_aliases([REPLACE_GROUPS])))?;
    let others = [date_part::udf(), zones::udf(), type_names::udf(), to_char::udf()];
    for function in others.into_iter().chain(ages::udfs()).chain(regexp::udfs()) {
        registry.register_udf(Arc::new(function))?;
    }
    memory::register(registry)?;
    for name in ["lag", "lead"] {
        let shift = windows::shift(registry.udwf(name)?);
        registry.register_udwf(Arc::new(shift))?;
    }
    registry.register_udaf(Arc::new(sum::udaf()))?;
    registry.register_udaf(Arc::new(average::udaf()))?;
    let aggregates = aggregate::udafs().into_iter().chain(booleans::udafs());
    for aggregate in aggregates.chain(ordered_set::udafs()) {
        registry.register_udaf(Arc::new(aggregate))?;
    }
    Ok(())
}

/// Operators and calls that are planned as functions of this crate.
pub fn expr_planners() -> Vec<Arc<dyn ExprPlanner>> {
    vec![
        Arc::new(min_max::MinMax),
        Arc::new(arithmetic::Arithmetic),
        Arc::new(intervals::Intervals),
        Arc::new(differences::Differences),
        Arc::new(operators::Operators),
        Arc::new(windows::Windows),
        Arc::new(date_part::Extract),
    ]
}

/// Functions of FROM by their names, with their descriptions.
pub fn row_functions() -> impl Iterator<Item = (&'static str, &'static FunctionDoc)> {
    json_rows::DOCS.iter().flat_map(|doc| {
        std::iter::once(doc.name).chain(doc.aliases.iter().copied()).map(move |name| (name, doc))
    })
}

/// `mod(x, y)`, which is planned as `x % y`.
static MOD: FunctionDoc = FunctionDoc::new(
    Section::Text,
    ("mod", &[]),
    "mod(x, y)",
    "What is left of the division of two numbers, with the sign of the first; the same as `x % y`.",
    ("SELECT mod(7, 4), mod(-7, 4), mod(7.5, 2)", "3 | -3 | 1.5"),
);

/// Scalar functions that no registry knows, since the planner makes something else of them.
pub fn planned_functions() -> impl Iterator<Item = &'static FunctionDoc> {
    min_max::DOCS.iter().chain([&MOD])
}

/// The descriptions of every function of this crate, by chapter and name.
pub fn descriptions() -> Vec<&'static FunctionDoc> {
    let mut all: Vec<&FunctionDoc> = scalars().map(|scalar| &scalar.doc).collect();
    all.extend([&json_extract::DOC, &condition::DOC]);
    all.extend([&zones::DOC, &type_names::DOC, &to_char::DOC]);
    all.extend(ages::docs().chain(regexp::docs()).chain(booleans::docs()));
    all.extend(ordered_set::docs());
    all.extend(json_rows::DOCS);
    all.extend(hints::DOCS);
    all.extend(planned_functions());
    all.extend(aggregate::docs());
    all.sort_by_key(|doc| (doc.section, doc.name));
    all
}
