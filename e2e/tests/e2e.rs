//! The end-to-end tests, in one binary: DataFusion is linked once.

#[path = "e2e/bad_input.rs"]
mod bad_input;
#[path = "e2e/checks.rs"]
mod checks;
#[path = "e2e/clauses.rs"]
mod clauses;
#[path = "e2e/command.rs"]
mod command;
#[path = "e2e/completion.rs"]
mod completion;
#[path = "e2e/concurrent_statements.rs"]
mod concurrent_statements;
#[path = "e2e/deploy.rs"]
mod deploy;
#[path = "e2e/document_views.rs"]
mod document_views;
#[path = "e2e/documents.rs"]
mod documents;
#[path = "e2e/examples.rs"]
mod examples;
#[path = "e2e/faults.rs"]
mod faults;
#[path = "e2e/hostile.rs"]
mod hostile;
#[path = "e2e/imported.rs"]
mod imported;
#[path = "e2e/ledger.rs"]
mod ledger;
#[path = "e2e/ledger_command.rs"]
mod ledger_command;
#[path = "e2e/ledger_ends.rs"]
mod ledger_ends;
#[path = "e2e/ledger_kills.rs"]
mod ledger_kills;
#[path = "e2e/log.rs"]
mod log;
#[path = "e2e/mistakes.rs"]
mod mistakes;
#[path = "e2e/output.rs"]
mod output;
#[path = "e2e/pages.rs"]
mod pages;
#[path = "e2e/plans.rs"]
mod plans;
#[path = "e2e/process.rs"]
mod process;
#[path = "e2e/properties.rs"]
mod properties;
#[path = "e2e/pulling.rs"]
mod pulling;
#[path = "e2e/read_only.rs"]
mod read_only;
#[path = "e2e/refused.rs"]
mod refused;
#[path = "e2e/script.rs"]
mod script;
#[path = "e2e/seed.rs"]
mod seed;
#[path = "e2e/servers.rs"]
mod servers;
#[path = "e2e/slt.rs"]
mod slt;
#[path = "e2e/templates.rs"]
mod templates;
#[path = "e2e/time_limits.rs"]
mod time_limits;
#[path = "e2e/transactions.rs"]
mod transactions;
#[path = "e2e/where_forms.rs"]
mod where_forms;
#[path = "e2e/writes.rs"]
mod writes;

/// A test file that nobody lists would never run.
#[test]
fn every_test_file_is_listed() {
    let folder = strataql_e2e::folder().join("tests/e2e");
    let own =
        std::fs::read_to_string(strataql_e2e::folder().join("tests/e2e.rs")).expect("readable");
    for entry in std::fs::read_dir(folder).expect("readable") {
        let name = entry.expect("readable").file_name().to_string_lossy().into_owned();
        assert!(own.contains(&format!("e2e/{name}")), "{name} is not listed");
    }
}
