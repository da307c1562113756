//! The test run: the Rust tests, then Python programs that are clients of the binary.
//!
//! Owns: the order of groups and the summary of their outcomes.
//! Surprise: a group whose input is absent is not skipped silently. It is listed at the end, and
//! with `CI=true` it is a failure.

mod cases;
mod debian;
mod postgres;
mod python;

use std::env;
use std::path::{Path, PathBuf};

use crate::step::Step;

/// What became of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fate {
    Passed,
    Failed(String),
    Skipped(String),
}

impl From<Result<(), String>> for Fate {
    fn from(result: Result<(), String>) -> Self {
        result.map_or_else(Self::Failed, |()| Self::Passed)
    }
}

/// A group's name and fate.
type Group = (String, Fate);

/// Runs all groups; with arguments, the Rust tests get them and the Python programs whose names
/// hold the first of them run.
pub(crate) fn run(root: &Path, rest: &[String], full: bool) -> Result<(), String> {
    let filter = rest.first().filter(|first| !first.starts_with('-')).map(String::as_str);
    // `--tests` lets development dependencies take part in choosing features, as they do for
    // `cargo test`; a plain build of the binary would compile the whole engine a second time
    let build = Step::cargo(root, &["build", "--workspace", "--locked", "--bins", "--tests"]).run();
    let mut groups = vec![("build".to_owned(), Fate::from(build))];
    if groups[0].1 == Fate::Passed {
        let tests = Step::cargo(root, &["test", "--workspace", "--locked", "--no-fail-fast"])
            .with(rest)
            .env("STRATAQL_BIN", binary(root))
            .long_form(full);
        groups.push(("rust".to_owned(), tests.run().into()));
        groups.extend(public_documents());
        if rest.is_empty() || filter.is_some() {
            groups.extend(python::run(root, filter.unwrap_or_default(), full));
            groups.extend(cases::run(root, filter.unwrap_or_default()));
        }
    }
    let strict = env::var("CI").is_ok_and(|value| value == "true");
    let (text, failed) = summary(&groups, strict);
    println!("\n{text}");
    if failed == 0 { Ok(()) } else { Err("the test run failed".to_owned()) }
}

/// Tests that read a registry folder are among the Rust tests; without one they pass without doing
/// anything, which is told as a group of its own.
fn public_documents() -> Option<Group> {
    let fate = match env::var("STRATAQL_TEST_REGISTRY") {
        Ok(folder) if Path::new(&folder).join("src").is_dir() => return None,
        Ok(folder) => Fate::Failed(format!("STRATAQL_TEST_REGISTRY: `{folder}` has no `src`")),
        Err(_) => Fate::Skipped("STRATAQL_TEST_REGISTRY names no registry folder".to_owned()),
    };
    Some(("public documents".to_owned(), fate))
}

/// Where cargo builds; a relative path counts from the workspace, where all steps run.
fn target(root: &Path) -> PathBuf {
    root.join(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// The binary under test.
fn binary(root: &Path) -> PathBuf {
    target(root).join("debug").join(format!("strataql{}", env::consts::EXE_SUFFIX))
}

/// The last lines of a run, and how many groups count as failed.
fn summary(groups: &[Group], strict: bool) -> (String, usize) {
    let (mut passed, mut failed) = (0, 0);
    let mut lines = vec!["# groups".to_owned()];
    for (name, fate) in groups {
        lines.push(match fate {
            Fate::Passed => {
                passed += 1;
                format!("{name}: passed")
            }
            Fate::Failed(message) => {
                failed += 1;
                format!("{name}: FAILED: {message}")
            }
            Fate::Skipped(reason) if strict => {
                failed += 1;
                format!("{name}: FAILED: skipped, which CI=true forbids: {reason}")
            }
            Fate::Skipped(reason) => format!("{name}: skipped: {reason}"),
        });
    }
    lines.push(format!("{passed} passed, {failed} failed"));
    (lines.join("\n"), failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups() -> Vec<Group> {
        vec![
            ("a".to_owned(), Fate::Passed),
            ("b".to_owned(), Fate::Skipped("no input".to_owned())),
            ("c".to_owned(), Fate::Passed),
        ]
    }

    #[test]
    fn a_skipped_group_is_listed_and_no_failure() {
        let wanted = "# groups\na: passed\nb: skipped: no input\nc: passed\n2 passed, 0 failed";
        assert_eq!(summary(&groups(), false), (wanted.to_owned(), 0));
    }

    #[test]
    fn on_a_build_server_a_skipped_group_fails() {
        let (text, failed) = summary(&groups(), true);
        assert_eq!(failed, 1);
        assert!(text.ends_with("\n2 passed, 1 failed"), "{text}");
    }

    #[test]
    fn a_failure_is_told_with_its_reason() {
        let (text, failed) = summary(&[("a".to_owned(), Fate::Failed("why".to_owned()))], false);
        assert_eq!(failed, 1);
        assert!(text.contains("a: FAILED: why"), "{text}");
    }
}
