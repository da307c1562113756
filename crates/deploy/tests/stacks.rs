//! Stacks of the reference tool over a cloud that answers from a table.

#[path = "stacks/cloud.rs"]
mod cloud;
#[path = "stacks/flows.rs"]
mod flows;
#[path = "stacks/mistakes.rs"]
mod mistakes;
#[path = "stacks/values.rs"]
mod values;
