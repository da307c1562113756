//! Planning: which method a scan calls, with which values, and what is left to do locally.

pub(crate) mod bind_join;
pub(crate) mod bind_node;
mod constants;
pub(crate) mod lateral_keys;
pub mod method_choice;
pub(crate) mod number_check;
pub(crate) mod number_order;
pub(crate) mod outer_types;
pub(crate) mod planner;
pub(crate) mod ranked_limits;
pub(crate) mod refusal;
pub(crate) mod resolve_scans;
mod shapes;
pub(crate) mod shared_node;
pub(crate) mod truth;
