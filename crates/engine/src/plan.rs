//! Planning: which method a scan calls, with which values, and what is left to do locally.

pub(crate) mod bind_join;
pub(crate) mod bind_node;
pub(crate) mod comparisons;
mod constants;
pub(crate) mod hoist;
pub(crate) mod in_values;
pub(crate) mod laterals;
pub(crate) mod method_choice;
pub(crate) mod no_row;
mod nodes;
pub(crate) mod one_row;
pub(crate) mod only_value;
pub(crate) mod planner;
pub(crate) mod refusal;
pub(crate) mod resolve_scans;
pub(crate) mod same_names;
pub(crate) mod set_all;
mod shapes;
pub(crate) mod sort_keys;
pub(crate) mod subqueries;
pub(crate) mod top_rows;
pub(crate) mod totals;
pub(crate) mod truth;
pub(crate) mod unequal;
