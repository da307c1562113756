//! Benchmarks of the command, as people run it: a process that talks to a server over HTTP.
//!
//! Owns: a server with pages made beforehand ([`serve`]), the scenarios with their targets
//! ([`scenario`]), measuring processes, and the table and JSON of figures.
//! Refuses: linking the engine. What is measured is the binary that people get.
//! Surprise: `run` starts its servers by calling itself with `serve`, so that the server's work is
//! on another process's account.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark talks to its terminal")]
#![expect(clippy::disallowed_methods, reason = "a benchmark reads clock and environment itself")]

mod floor;
mod machine;
mod options;
mod program;
mod report;
mod run;
mod scenario;
mod serve;
mod server;
mod statistic;

use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    let result = match command.as_str() {
        // `cargo xtask bench` without words measures everything
        "" => run::run(&[]),
        "run" => run::run(&rest),
        "serve" => serve::run(&rest),
        _ => Err(options::USAGE.to_owned()),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}
