//! Corrections of what DataFusion answers wrongly or refuses.
//!
//! Owns: [`CORRECTIONS`], an ordered table; each correction is a rewrite of a plan, in a file of its
//! own, with the statement that fails without it.
//! Refuses: everything that knows resources, and rewrites that only make plans faster.
//! Surprise: each has a test that asks DataFusion alone, and fails once the answer is right: then the
//! correction can go.

mod aggregate_subquery;
mod compared_names;
mod comparison_types;
mod constant_having;
mod constant_operand;
mod correction;
mod dependent_join;
mod in_subquery_nulls;
mod lateral_columns;
mod limited_subquery;
mod nodes;
mod non_equi_correlation;
mod nullable_scalar;
mod optional_side;
mod repeated_sort_keys;
mod self_equality;
mod set_comparison;
mod set_operation_all;
mod single_row_check;
mod subquery_joins;
mod subquery_placement;
mod table;
#[cfg(test)]
mod testing;

pub use correction::{Apply, Correction};
pub use nodes::{columns_of, is_comparison};
pub use table::{CORRECTIONS, apply_corrections, operator_corrections, physical_rules};
