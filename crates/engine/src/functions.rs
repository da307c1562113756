//! Functions that DataFusion does not have: SQLite's and PostgreSQL's JSON functions, SQLite's dates
//! and text functions, policies, addresses and encodings.
//!
//! Owns: the functions, their registration, and their reference (`docs/functions.md`).
//! Refuses: functions that DataFusion already has under the same name with the same meaning.
//! Surprise: `json_each` and its kin are no table functions of DataFusion, which take constants only,
//! but lists that are unnested: see `json_rows` and `lateral`.

mod about;
mod aggregate;
mod arithmetic;
mod cell;
mod condition;
mod dates;
mod extreme;
mod hints;
mod json;
mod json_compare;
mod json_edit;
mod json_extract;
mod json_path;
#[cfg(test)]
mod json_random;
mod json_rows;
mod lateral;
mod likeness;
mod network;
mod printf;
#[cfg(test)]
mod reference;
mod scalar;
mod sqlite;
mod sum;
#[cfg(test)]
mod tests;
mod text;

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::execution::{FunctionRegistry, SessionState};

use self::about::About;
use self::scalar::Scalar;

pub(crate) use arithmetic::{Arithmetic, written};
pub(crate) use cell::json_field;
pub(crate) use json_path::{JsonPlanner, schema_text};
pub(crate) use json_rows::{COLUMNS, JsonRows, is_row_function, make_lateral};
pub(crate) use lateral::expand_rows;

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
        likeness::FUNCTIONS,
    ];
    tables.into_iter().flatten()
}

/// Adds the functions to a session.
///
/// # Errors
/// Those of the registry.
pub(crate) fn register(state: &mut SessionState) -> Result<()> {
    for scalar in scalars() {
        state.register_udf(Arc::new(scalar::udf(scalar)))?;
    }
    state.register_udf(Arc::new(json_extract::udf()))?;
    state.register_udf(Arc::new(condition::udf()))?;
    for hint in hints::udfs() {
        state.register_udf(Arc::new(hint))?;
    }
    // SQLite's other name of it
    let ceil = datafusion::functions::math::ceil().as_ref().clone();
    state.register_udf(Arc::new(ceil.with_aliases(["ceiling"])))?;
    state.register_udaf(Arc::new(sum::udaf()))?;
    for aggregate in aggregate::udafs() {
        state.register_udaf(Arc::new(aggregate))?;
    }
    Ok(())
}

/// Functions of FROM by their names, with what they say of themselves.
pub(crate) fn row_functions() -> impl Iterator<Item = (&'static str, &'static About)> {
    json_rows::ABOUTS.iter().flat_map(|about| {
        std::iter::once(about.name)
            .chain(about.aliases.iter().copied())
            .map(move |name| (name, about))
    })
}

/// `mod(x, y)`, which is planned as `x % y`.
static MOD: About = About::new(
    about::Section::Text,
    ("mod", &[]),
    "mod(x, y)",
    "What is left of the division of two numbers, with the sign of the first; the same as `x % y`.",
    ("SELECT mod(7, 4), mod(-7, 4), mod(7.5, 2)", "3 | -3 | 1.5"),
);

/// Scalar functions that no registry knows, since the planner makes something else of them.
pub(crate) fn planned_functions() -> impl Iterator<Item = &'static About> {
    extreme::ABOUTS.iter().chain([&MOD])
}

/// Every function of this folder, in words.
#[cfg(test)]
fn abouts() -> Vec<&'static About> {
    let mut all: Vec<&About> = scalars().map(|scalar| &scalar.about).collect();
    all.extend([&json_extract::ABOUT, &condition::ABOUT]);
    all.extend(json_rows::ABOUTS);
    all.extend(hints::ABOUTS);
    all.extend(planned_functions());
    all.extend(aggregate::abouts());
    all.sort_by_key(|about| (about.section, about.name));
    all
}
