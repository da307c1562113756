//! Chores of the repository: `cargo xtask check | tidy | test | full | bench`.
//!
//! Owns: which commands make up a check and the test run, and the rules of the repository that no
//! compiler knows ([`tidy`]).
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a chore talks to its terminal")]
#![expect(clippy::disallowed_methods, reason = "a chore reads its environment")]

mod groups;
mod tidy;

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

const USAGE: &str = "cargo xtask COMMAND

  check          formatting, repository rules, clippy, documentation
  tidy           repository rules only
  test [FILTER]  every test; groups whose input is absent are listed at the end
  full           every test in its long form
  bench [ARGS]   benchmarks, from a release build";

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    let root = root();
    let done = match command.as_str() {
        "check" => check(&root),
        "tidy" => tidy::run(&root),
        "test" => groups::test(&root, &rest, false),
        "full" => groups::test(&root, &rest, true),
        "bench" => bench(&root, &rest),
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// The folder of the workspace.
fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_path_buf()
}

fn check(root: &Path) -> Result<(), String> {
    step(root, "cargo", &["fmt", "--all", "--check"], &[])?;
    tidy::run(root)?;
    let clippy =
        ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
    step(root, "cargo", &clippy, &[])?;
    let doc = ["doc", "--workspace", "--no-deps", "--locked", "--document-private-items"];
    step(root, "cargo", &doc, &[("RUSTDOCFLAGS", "-D warnings")])
}

fn bench(root: &Path, rest: &[String]) -> Result<(), String> {
    let mut arguments = vec!["run", "--release", "--locked", "-p", "strataql-bench", "--"];
    arguments.extend(rest.iter().map(String::as_str));
    step(root, "cargo", &arguments, &[])
}

/// Runs a command, its time told afterwards.
fn step(
    root: &Path,
    program: &str,
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> Result<(), String> {
    let shown = format!("{program} {}", arguments.join(" "));
    println!("# {shown}");
    let started = Instant::now();
    let status = Command::new(program)
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(root)
        .status()
        .map_err(|error| format!("`{shown}` cannot be started: {error}"))?;
    println!("# {:.0} s: {shown}", started.elapsed().as_secs_f64());
    if status.success() { Ok(()) } else { Err(format!("`{shown}` failed: {status}")) }
}
