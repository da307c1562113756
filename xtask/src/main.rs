//! Chores of the repository: `cargo xtask check | tidy | circles | test | full | bench`.
//!
//! Owns: the commands of a check and of a test run, and the rules of the repository that the
//! compiler does not check ([`tidy`]).
//! Refuses: building anything twice. The engine's dependencies take minutes on two cores, so every
//! command selects targets for which cargo resolves the same features ([`step`]).
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a chore talks to its terminal")]
#![expect(clippy::disallowed_methods, reason = "a chore reads its environment")]

mod groups;
mod step;
mod tidy;

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use step::Step;

const USAGE: &str = "cargo xtask COMMAND

  check             formatting, repository rules, clippy, documentation
  tidy [--verbose]  repository rules only; --verbose lists files that grow long
  circles [CRATE…]  lines per crate and folder, and circles of imports; those of named crates in full
  test [FILTER]     every test; groups whose input is absent are listed at the end
  full [FILTER]     every test in its long form
  bench [ARGS]      benchmarks, from a release build";

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    match run(&root(), &command, &rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn run(root: &Path, command: &str, rest: &[String]) -> Result<(), String> {
    match command {
        "check" => check(root),
        "tidy" => tidy::run(root, rest.iter().any(|argument| argument == "--verbose")),
        "circles" => tidy::circles(root, rest),
        "test" => groups::run(root, rest, false),
        "full" => groups::run(root, rest, true),
        "bench" => {
            let measured = ["build", "--release", "--locked", "-p", "strataql"];
            Step::cargo(root, &measured).run()?;
            let fixed = ["run", "--release", "--locked", "-p", "strataql-bench", "--"];
            Step::cargo(root, &fixed).with(rest).run()
        }
        _ => Err(USAGE.to_owned()),
    }
}

/// The folder of the workspace.
fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_path_buf()
}

fn check(root: &Path) -> Result<(), String> {
    Step::cargo(root, &["fmt", "--all", "--check"]).run()?;
    tidy::run(root, false)?;
    let clippy = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
    Step::cargo(root, &clippy).run()?;
    // examples are named so that development dependencies take part in choosing features, as they
    // do for clippy; without them the whole engine is checked a second time
    let doc = ["doc", "--workspace", "--no-deps", "--locked", "--lib", "--bins", "--examples"];
    Step::cargo(root, &doc).env("RUSTDOCFLAGS", "-D warnings").run()
}
