//! The rules that apply to a file, and the rule for all texts: no paths of a developer's machine.

use std::path::Path;

use super::{Finding, rust, slt};

/// Folders whose files come from elsewhere or are written by programs.
const DATA: [&str; 3] = ["providers/", "e2e/seed/", "bench/history/"];

/// The user of examples and tests; her home is on nobody's machine.
const FICTION: &str = "ada";

/// Checks a file.
pub(super) fn check(path: &str, text: &str, findings: &mut Vec<Finding>) {
    if DATA.iter().any(|folder| path.starts_with(folder)) || path == "Cargo.lock" {
        return;
    }
    machine_paths(path, text, findings);
    if has_extension(path, "rs") && !is_golden(path) {
        rust::check(path, text, findings);
    }
    if has_extension(path, "slt") {
        slt::check(path, text, findings);
    }
}

/// True for a kind of file.
pub(super) fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|own| own == extension)
}

/// True if a test compares with the file and rewrites it.
pub(super) fn is_golden(path: &str) -> bool {
    path.split('/').any(|folder| matches!(folder, "golden" | "goldens" | "snapshots"))
}

/// Absolute paths of somebody's machine.
fn machine_paths(path: &str, text: &str, findings: &mut Vec<Finding>) {
    // written apart, so that this file does not find itself
    let prefixes =
        ["ro_ot", "wo_rk", "ho_me", "Us_ers"].map(|name| format!("/{}/", name.replace('_', "")));
    for (number, line) in text.lines().enumerate() {
        if prefixes.iter().any(|prefix| starts_path(line, prefix)) {
            findings.push(Finding::new(path, number + 1, "a path of somebody's machine"));
        }
    }
}

/// True if a path begins there: nothing of a longer path or URL stands before it.
fn starts_path(line: &str, prefix: &str) -> bool {
    line.match_indices(prefix).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let is_start = before.is_none_or(|c| {
            !c.is_alphanumeric() && !matches!(c, '.' | '-' | '_' | '}' | '/' | '*' | '>' | '~')
        });
        let rest = &line[at + prefix.len()..];
        let owner: String = rest.chars().take_while(|c| c.is_alphanumeric()).collect();
        is_start && owner != FICTION
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_line(line: &str) -> usize {
        let mut findings = Vec::new();
        check("docs/page.md", &format!("fine\n{line}\n"), &mut findings);
        assert!(findings.iter().all(|finding| finding.line == 2), "{findings:?}");
        findings.len()
    }

    #[test]
    fn paths_of_machines_are_found() {
        let work = ["/wo", "rk/"].concat();
        let home = ["/ho", "me/"].concat();
        assert_eq!(check_line(&format!("cd {work}main")), 1);
        assert_eq!(check_line(&format!("`{home}bob/x`")), 1);
        assert_eq!(check_line(&format!("{home}bob")), 1);
        assert_eq!(check_line(&format!("file:{}x", ["/ro", "ot/"].concat())), 1);
        assert_eq!(check_line(&format!("{home}ada/key")), 0);
        assert_eq!(check_line(&format!("https://host.example{work}x")), 0);
        assert_eq!(check_line(&format!("a{work}x ./b{home}y $X{{z}}{work}")), 0);
    }

    #[test]
    fn data_is_exempt() {
        let mut findings = Vec::new();
        let line = ["/wo", "rk/x"].concat();
        check("providers/p/v1/provider.yaml", &line, &mut findings);
        check("crates/spec/tests/golden/generated.rs", "fn no_docs() {}", &mut findings);
        assert_eq!(findings, []);
        check("crates/spec/src/generated.rs", "fn no_docs() {}", &mut findings);
        assert_eq!(findings.len(), 1);
    }
}
