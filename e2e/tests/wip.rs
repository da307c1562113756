//! Work in progress.
#[path = "e2e/command_next.rs"]
mod command;
#[path = "e2e/documents.rs"]
mod documents;
#[path = "e2e/faults_next.rs"]
mod faults;
#[path = "e2e/output.rs"]
mod output;
#[path = "e2e/plans.rs"]
mod plans;
#[path = "e2e/process.rs"]
mod process;
#[path = "e2e/refused.rs"]
mod refused;
#[path = "e2e/script.rs"]
mod script;
#[path = "e2e/seed.rs"]
mod seed;
#[path = "e2e/slt_next.rs"]
mod slt;
