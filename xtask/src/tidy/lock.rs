//! Rules of the lock file: single versions, and banned crates.

use std::fs;
use std::path::Path;

use super::Finding;

/// Crates of which one version is locked: their types cross borders.
const SINGLE: [&str; 6] = ["arrow-array", "datafusion", "sqlparser", "rustls", "hyper", "reqwest"];

/// Crates that must not come in: `ring` is the one source of cryptography, without C toolchains.
const BANNED: [&str; 3] = ["openssl-sys", "aws-lc-sys", "aws-lc-rs"];

const PATH: &str = "Cargo.lock";

/// Checks the lock file.
pub(super) fn check(root: &Path, findings: &mut Vec<Finding>) -> Result<(), String> {
    let text = fs::read_to_string(root.join(PATH)).map_err(|error| format!("{PATH}: {error}"))?;
    check_text(&text, findings);
    Ok(())
}

fn check_text(text: &str, findings: &mut Vec<Finding>) {
    let lines_of = |name: &str| -> Vec<usize> {
        let wanted = format!("name = \"{name}\"");
        let lines = text.lines().enumerate();
        lines.filter(|(_, line)| *line == wanted).map(|(number, _)| number + 1).collect()
    };
    for name in SINGLE {
        let lines = lines_of(name);
        if lines.len() != 1 {
            let message = format!("{} versions of `{name}`; exactly one is wanted", lines.len());
            findings.push(Finding::new(PATH, lines.last().copied().unwrap_or(1), message));
        }
    }
    for name in BANNED {
        for line in lines_of(name) {
            let message = format!("`{name}` must not be a dependency");
            findings.push(Finding::new(PATH, line, message));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(names: &[&str]) -> Vec<Finding> {
        let package =
            |name: &&str| format!("[[package]]\nname = \"{name}\"\nversion = \"1.0.0\"\n");
        let mut findings = Vec::new();
        check_text(&names.iter().map(package).collect::<String>(), &mut findings);
        findings
    }

    #[test]
    fn versions_are_single_and_banned_crates_stay_out() {
        assert_eq!(lock(&SINGLE), []);
        assert_eq!(lock(&SINGLE[1..]).len(), 1, "absent");
        let found = lock(&[SINGLE.as_slice(), &["hyper"]].concat());
        assert_eq!((found.len(), found[0].line), (1, 20), "{found:?}");
        let found = lock(&[SINGLE.as_slice(), &["openssl-sys", "aws-lc-sys"]].concat());
        assert_eq!(found.len(), 2, "{found:?}");
    }
}
