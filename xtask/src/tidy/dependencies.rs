//! Rules of manifests: charters, inherited versions, the direction of dependencies.

use std::fs;
use std::path::Path;

use toml::{Table, Value};

use super::Finding;
use super::table::{COMMON, RULES, Rule, TESTING};

/// Members outside `crates/`.
const OTHERS: [&str; 3] = ["e2e", "bench", "xtask"];
/// Keys of `[package]` that have one value in the workspace.
const INHERITED: [&str; 5] = ["version", "edition", "rust-version", "license", "publish"];

/// Checks the manifest of every member.
pub(super) fn check(root: &Path, findings: &mut Vec<Finding>) -> Result<(), String> {
    let crates = root.join("crates");
    let entries =
        fs::read_dir(&crates).map_err(|error| format!("{}: {error}", crates.display()))?;
    let mut names: Vec<String> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.path().join("Cargo.toml").is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    for name in &names {
        let charter = format!("crates/{name}/README.md");
        let text = fs::read_to_string(root.join(&charter)).unwrap_or_default();
        if text.trim().is_empty() {
            let message = "the crate has no charter: what it owns, refuses and promises";
            findings.push(Finding::new(&charter, 1, message));
        }
    }
    let folders = names.iter().map(|name| format!("crates/{name}"));
    for folder in folders.chain(OTHERS.map(str::to_owned)) {
        let path = format!("{folder}/Cargo.toml");
        let text =
            fs::read_to_string(root.join(&path)).map_err(|error| format!("{path}: {error}"))?;
        manifest(&path, &text, findings)?;
    }
    Ok(())
}

fn manifest(path: &str, text: &str, findings: &mut Vec<Finding>) -> Result<(), String> {
    let parsed: Table = text.parse().map_err(|error| format!("{path}: {error}"))?;
    let name = path.rsplit('/').nth(1).unwrap_or_default();
    inherited(path, &parsed, findings);
    let Some(rule) = RULES.iter().find(|rule| rule.name == name) else {
        let message =
            format!("`{name}` is not in the table of dependencies (xtask/src/tidy/table.rs)");
        findings.push(Finding::new(path, 1, message));
        return Ok(());
    };
    for (section, table) in sections(&parsed) {
        for (dependency, value) in table {
            let line = line_of(text, dependency);
            for message in broken(rule, section, dependency, value) {
                findings.push(Finding::new(path, line, message));
            }
        }
    }
    Ok(())
}

/// Values that the workspace has once.
fn inherited(path: &str, parsed: &Table, findings: &mut Vec<Finding>) {
    let package = parsed.get("package").and_then(Value::as_table);
    for key in INHERITED {
        if !package.and_then(|package| package.get(key)).is_some_and(inherits) {
            findings.push(Finding::new(path, 1, format!("write `{key}.workspace = true`")));
        }
    }
    if !parsed.get("lints").is_some_and(inherits) {
        findings.push(Finding::new(path, 1, "write `workspace = true` under `[lints]`"));
    }
}

fn inherits(value: &Value) -> bool {
    value.get("workspace").and_then(Value::as_bool) == Some(true)
}

/// The tables of dependencies, those of single platforms included.
fn sections(parsed: &Table) -> Vec<(&'static str, &Table)> {
    let platforms = parsed.get("target").and_then(Value::as_table);
    let platforms = platforms.into_iter().flat_map(Table::values).filter_map(Value::as_table);
    let holders: Vec<&Table> = std::iter::once(parsed).chain(platforms).collect();
    let mut found = Vec::new();
    for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let tables = holders.iter().filter_map(|holder| holder.get(section)?.as_table());
        found.extend(tables.map(|table| (section, table)));
    }
    found
}

/// What is wrong with a dependency.
fn broken(rule: &Rule, section: &str, dependency: &str, value: &Value) -> Vec<String> {
    let mut messages = Vec::new();
    if !inherits(value) {
        messages.push(format!("`{dependency}` does not inherit its version from the workspace"));
    }
    let own = dependency.strip_prefix("strataql-");
    let is_heavy = dependency.starts_with("datafusion") || matches!(own, Some("engine" | "query"));
    if is_heavy && !rule.heavy {
        messages.push(format!("`{}` must not see DataFusion", rule.name));
    }
    match own {
        Some(own) if !rule.own.has(own) => {
            messages.push(format!("`{}` must not depend on `{own}`", rule.name));
        }
        None if !is_heavy && !may_use(rule, section, dependency) => {
            messages.push(format!(
                "`{dependency}` is not among the crates that `{}` may use (xtask/src/tidy/table.rs)",
                rule.name
            ));
        }
        _ => {}
    }
    messages
}

fn may_use(rule: &Rule, section: &str, dependency: &str) -> bool {
    let is_test = section != "dependencies";
    COMMON.contains(&dependency)
        || rule.foreign.has(dependency)
        || (is_test && TESTING.contains(&dependency))
}

fn line_of(text: &str, dependency: &str) -> usize {
    let names = |line: &str| {
        let rest = line.trim_start().strip_prefix(dependency);
        rest.is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
    };
    text.lines().position(names).map_or(1, |line| line + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "[package]\nversion.workspace = true\nedition.workspace = true\n\
        rust-version.workspace = true\nlicense.workspace = true\npublish.workspace = true\n\
        [lints]\nworkspace = true\n";

    fn messages(name: &str, rest: &str) -> Vec<(usize, String)> {
        let mut findings = Vec::new();
        let text = [HEAD, rest].concat();
        manifest(&format!("crates/{name}/Cargo.toml"), &text, &mut findings).expect("TOML");
        findings.into_iter().map(|finding| (finding.line, finding.message)).collect()
    }

    fn wrong(name: &str, rest: &str) -> usize {
        messages(name, rest).len()
    }

    #[test]
    fn our_crates_have_a_direction() {
        let on = |own: &str| format!("[dependencies]\nstrataql-{own}.workspace = true\n");
        assert_eq!(wrong("sandbox", &on("spec")), 0);
        let found = messages("sandbox", &on("call"));
        assert_eq!(found, [(10, "`sandbox` must not depend on `call`".to_owned())]);
        assert_eq!(wrong("diag", &on("spec")), 1);
        assert_eq!(wrong("engine", &on("output")), 1);
        assert_eq!(wrong("cli", &on("output")), 0);
        assert_eq!(wrong("sandbox", &on("net").replace("[dep", "[dev-dep")), 1, "in tests, too");
    }

    #[test]
    fn datafusion_has_its_place() {
        let on = "[dependencies]\ndatafusion.workspace = true\n";
        assert_eq!(wrong("engine", on), 0);
        assert_eq!(wrong("output", on), 1);
        let on = "[target.'cfg(unix)'.dev-dependencies]\nstrataql-engine.workspace = true\n";
        assert_eq!(wrong("output", on), 2, "the crate itself and what it brings");
    }

    #[test]
    fn foreign_crates_are_listed() {
        let on =
            |section: &str, foreign: &str| format!("[{section}]\n{foreign}.workspace = true\n");
        assert_eq!(wrong("diag", &on("dependencies", "serde")), 0);
        assert_eq!(wrong("diag", &on("dependencies", "regex")), 1);
        assert_eq!(wrong("diag", &on("dependencies", "insta")), 1);
        assert_eq!(wrong("diag", &on("dev-dependencies", "insta")), 0);
        assert_eq!(wrong("e2e", &on("dependencies", "regex")), 0);
        assert_eq!(wrong("unknown", &on("dependencies", "serde")), 1);
    }

    #[test]
    fn versions_are_inherited() {
        assert_eq!(wrong("spec", "[dependencies]\nserde = \"1\"\n"), 1);
        assert_eq!(wrong("spec", "[dependencies]\nserde = { workspace = true }\n"), 0);
        let mut findings = Vec::new();
        manifest("crates/spec/Cargo.toml", "[package]\nversion = \"1\"\n", &mut findings)
            .expect("TOML");
        assert_eq!(findings.len(), INHERITED.len() + 1);
    }
}
