//! Rules of dependencies: their direction, and single versions.

use std::path::Path;

use super::Finding;

/// Who may depend on which of our crates.
const OWN: &[(&str, &[&str])] = &[
    ("diag", &[]),
    ("ledger", &["diag"]),
    ("spec", &["diag"]),
    ("sql", &["diag"]),
    ("output", &["diag"]),
    ("net", &["diag", "spec"]),
    ("registry", &["diag", "spec"]),
    ("sandbox", &["diag", "spec"]),
    ("call", &["diag", "net", "spec"]),
    ("engine", &["call", "diag", "ledger", "net", "registry", "spec", "sql"]),
];

/// Crates that may see DataFusion.
const HEAVY: [&str; 4] = ["engine", "cli", "e2e", "bench"];

/// Crates of which the lock file holds one version: their types cross borders.
const SINGLE: [&str; 6] = ["arrow-array", "datafusion", "sqlparser", "rustls", "hyper", "reqwest"];

/// Crates that must not come in.
const BANNED: [&str; 3] = ["openssl-sys", "aws-lc-sys", "aws-lc-rs"];

/// Checks the manifests and the lock file.
pub(crate) fn check(root: &Path, findings: &mut Vec<Finding>) -> Result<(), String> {
    let folders = std::fs::read_dir(root.join("crates")).map_err(|error| error.to_string())?;
    let mut names: Vec<String> = folders
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .collect();
    names.sort();
    for name in names {
        let folder = format!("crates/{name}");
        if !root.join(&folder).join("README.md").is_file() {
            findings.push(Finding::new(&format!("{folder}/README.md"), 1, "the crate has no charter"));
        }
        manifest(root, &folder, &name, findings)?;
    }
    for name in ["e2e", "bench", "xtask"] {
        manifest(root, name, name, findings)?;
    }
    lock(root, findings)
}

fn manifest(root: &Path, folder: &str, name: &str, findings: &mut Vec<Finding>) -> Result<(), String> {
    let path = format!("{folder}/Cargo.toml");
    let text = std::fs::read_to_string(root.join(&path)).map_err(|error| format!("{path}: {error}"))?;
    let parsed: toml::Table = text.parse().map_err(|error| format!("{path}: {error}"))?;
    let allowed = OWN.iter().find(|(own, _)| *own == name).map(|(_, allowed)| *allowed);
    for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let Some(table) = parsed.get(section).and_then(toml::Value::as_table) else { continue };
        for (dependency, value) in table {
            let line = line_of(&text, dependency);
            let inherits = value.get("workspace").and_then(toml::Value::as_bool) == Some(true);
            if !inherits {
                let message = format!("`{dependency}` does not inherit its version from the workspace");
                findings.push(Finding::new(&path, line, message));
            }
            let own = dependency.strip_prefix("strataql-");
            if let (Some(own), Some(allowed), "dependencies") = (own, allowed, section)
                && !allowed.contains(&own)
            {
                let message = format!("`{name}` must not depend on `{own}`");
                findings.push(Finding::new(&path, line, message));
            }
            let is_heavy = dependency.starts_with("datafusion") || own == Some("engine");
            if is_heavy && !HEAVY.contains(&name) {
                let message = format!("`{name}` must not see DataFusion");
                findings.push(Finding::new(&path, line, message));
            }
        }
    }
    Ok(())
}

fn line_of(text: &str, dependency: &str) -> usize {
    text.lines().position(|line| line.starts_with(dependency)).map_or(1, |line| line + 1)
}

fn lock(root: &Path, findings: &mut Vec<Finding>) -> Result<(), String> {
    let path = "Cargo.lock";
    let text = std::fs::read_to_string(root.join(path)).map_err(|error| format!("{path}: {error}"))?;
    let count = |name: &str| {
        let wanted = format!("name = \"{name}\"");
        text.lines().filter(|line| *line == wanted).count()
    };
    for name in SINGLE {
        let versions = count(name);
        if versions != 1 {
            findings.push(Finding::new(path, 1, format!("{versions} versions of `{name}`; one is allowed")));
        }
    }
    for name in BANNED {
        if count(name) > 0 {
            findings.push(Finding::new(path, 1, format!("`{name}` must not be a dependency")));
        }
    }
    Ok(())
}
