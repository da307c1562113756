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

const USAGE: &str = "strataql-bench COMMAND

  run [SCENARIO…]     measure; every scenario when none is named
    --list            name the scenarios and what each measures
    --binary PATH     the command to measure (default: `strataql` beside this program)
    --runs N          runs of which the median counts (default 5; starts: 6 times as many)
    --json FILE       write the figures as JSON, too
    --save            write them to bench/history/<date>.json; refused on a busy machine
  serve               the server alone, until it is stopped
    --port N          (default 0: any)
    --rows N          objects of each list (default 10000)
    --page-rows N     objects of a page when the request names no page size (default 1000)
    --keys N          different principals among the custom apps (default 200)
    --latency MS      wait before each answer of the API (default 0)
    --threads N       threads that answer (default 1)";

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    let result = match command.as_str() {
        // `cargo xtask bench` without words measures everything
        "" => run::run(&[]),
        "run" => run::run(&rest),
        "serve" => serve::run(&rest),
        _ => Err(USAGE.to_owned()),
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
