//! Programs of `e2e/python`: one group each, in a virtual environment next to the build.
//!
//! Owns: finding Python, creating the environment once, running `e2e/python/*.py`; their shared
//! code is in a folder below and is not a group.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use super::debian::{self, PSQL, TMUX};
use super::{Fate, Group, binary, postgres, target};
use crate::step::Step;

/// The SDK is installed without its dependencies: it asks for a newer certificate bundle than every
/// index has, and for plain HTTP on loopback none is needed.
const PACKAGES: [&str; 12] = [
    "requests",
    "google-auth",
    "protobuf",
    "PyYAML",
    "mcp==2.3.0",
    "IPython",
    "psycopg[binary]",
    "psycopg2-binary",
    "cryptography",
    "SQLAlchemy",
    "asyncpg",
    "pg8000",
];
const WITHOUT_DEPENDENCIES: [&str; 2] = ["databricks-sdk==0.162.0", "pystackql==3.8.5"];

/// The program that compares with PostgreSQL.
const WITH_POSTGRES: &str = "differential";

/// The program that drives the shell in a terminal.
const WITH_TERMINAL: &str = "shell";

/// What the names of programs begin with that drive psql.
const WITH_PSQL: &str = "postgres_";

/// The program that runs statements against a mock of every provider in the registry of the tests, and the share in
/// percent that has to work.
const CONFORMANCE: &str = "conformance/providers/run.py";
const LEAST: &str = "97";

/// The program that compares requests with those of the Databricks SDK.
const DATABRICKS: &str = "conformance/databricks/run.py";

/// Names under which a recent Python is looked for.
const INTERPRETERS: [&str; 7] =
    ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10", "python"];

/// Runs the programs whose names hold `filter`.
pub(super) fn run(root: &Path, filter: &str, full: bool) -> Vec<Group> {
    let programs = match programs(&root.join("e2e/python")) {
        Ok(programs) => programs,
        Err(message) => return vec![("python".to_owned(), Fate::Failed(message))],
    };
    let is_chosen = |path: &PathBuf| {
        let is_long = stem(path) == WITH_POSTGRES;
        stem(path).contains(filter) && (full || !filter.is_empty() || !is_long)
    };
    let chosen: Vec<PathBuf> = programs.into_iter().filter(is_chosen).collect();
    let with_providers = "providers".contains(filter);
    if chosen.is_empty() && !with_providers {
        return Vec::new();
    }
    let interpreter = environment(root);
    let fate = |path: &Path| {
        let interpreter = match &interpreter {
            Ok(interpreter) => interpreter,
            Err(fate) => return fate.clone(),
        };
        let mut step = Step::program(root, interpreter)
            .with(&[path.display().to_string()])
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PYTHONUNBUFFERED", "1")
            .env("STRATAQL_BIN", binary(root))
            .long_form(full);
        if stem(path) == WITH_POSTGRES {
            match postgres::programs(root, full) {
                Ok(folder) => step = step.env("STRATAQL_POSTGRES", folder),
                Err(reason) => return Fate::Skipped(reason),
            }
        }
        let needed = match stem(path).as_str() {
            WITH_TERMINAL => Some(&TMUX),
            name if name.starts_with(WITH_PSQL) => Some(&PSQL),
            _ => None,
        };
        if let Some(Err(reason)) = needed.map(|needed| debian::is_there(root, needed)) {
            return Fate::Skipped(reason);
        }
        step.run().into()
    };
    let mut groups: Vec<Group> =
        chosen.iter().map(|path| (format!("python {}", stem(path)), fate(path))).collect();
    if with_providers {
        let fate = match &interpreter {
            Ok(interpreter) => conformance(root, interpreter, full),
            Err(fate) => fate.clone(),
        };
        groups.push(("python providers".to_owned(), fate));
    }
    if "databricks".contains(filter) {
        let fate = match &interpreter {
            Ok(interpreter) => databricks(root, interpreter, full),
            Err(fate) => fate.clone(),
        };
        groups.push(("python databricks".to_owned(), fate));
    }
    groups
}

/// Compares requests of statements with those of the SDK: the account and two services, with `full` all.
fn databricks(root: &Path, interpreter: &Path, full: bool) -> Fate {
    let mut step = Step::program(root, interpreter)
        .with(&[DATABRICKS.to_owned()])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONUNBUFFERED", "1")
        .env("STRATAQL_BIN", binary(root));
    if full {
        step = step.with(&["--all"]);
    }
    step.run().into()
}

/// Runs a sample of the providers' methods against a mock, or many of them with `full`; further registries
/// count in full runs only, since their documents are large.
fn conformance(root: &Path, interpreter: &Path, full: bool) -> Fate {
    let registries = |name: &str| env::var_os(name).map(PathBuf::from);
    let Some(registry) = registries("STRATAQL_TEST_REGISTRY") else {
        return Fate::Skipped("STRATAQL_TEST_REGISTRY names no registry folder".to_owned());
    };
    let mut step = Step::program(root, interpreter)
        .with(&[CONFORMANCE.to_owned(), "--least".to_owned(), LEAST.to_owned()])
        .with(&["--registry".to_owned(), registry.display().to_string()])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONUNBUFFERED", "1")
        .env("STRATAQL_BIN", binary(root));
    if full {
        step = step.with(&["--full"]);
        if let Some(more) = registries("STRATAQL_TEST_REGISTRY_EXTRA") {
            step = step.with(&["--registry".to_owned(), more.display().to_string()]);
        }
    }
    step.run().into()
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// The programs of a folder, in order of their names. None at all is a mistake, not an empty run.
fn programs(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut programs: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "py"))
        .collect();
    programs.sort();
    if programs.is_empty() {
        return Err(format!("{} holds no program", folder.display()));
    }
    Ok(programs)
}

/// The interpreter of the virtual environment, which is made when it is absent or holds other
/// packages. No Python is an absent input; an environment that cannot be made is a failure.
fn environment(root: &Path) -> Result<PathBuf, Fate> {
    let folder = target(root).join("venv");
    let interpreter = if cfg!(windows) {
        folder.join("Scripts").join("python.exe")
    } else {
        folder.join("bin").join("python")
    };
    let stamp = folder.join("packages");
    let wanted = [PACKAGES.as_slice(), &WITHOUT_DEPENDENCIES].concat().join("\n");
    let is_current = fs::read_to_string(&stamp).is_ok_and(|text| text == wanted);
    if is_current && is_recent(root, &interpreter) {
        return Ok(interpreter);
    }
    let system = system(root)
        .ok_or_else(|| Fate::Skipped("Python 3.10 or newer is not installed".to_owned()))?;
    make(root, system, &folder, &interpreter)
        .and_then(|()| fs::write(&stamp, wanted).map_err(|error| error.to_string()))
        .map_err(Fate::Failed)?;
    Ok(interpreter)
}

/// The first Python of the machine that is recent enough.
pub(super) fn system(root: &Path) -> Option<&'static Path> {
    INTERPRETERS.iter().map(Path::new).find(|program| is_recent(root, program))
}

fn make(root: &Path, system: &Path, folder: &Path, interpreter: &Path) -> Result<(), String> {
    let folder = folder.display().to_string();
    Step::program(root, system).with(&["-m", "venv", "--clear", folder.as_str()]).run()?;
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    let pip = || Step::program(root, interpreter).with(&install);
    pip().with(&PACKAGES).run()?;
    pip().with(&["--no-deps"]).with(&WITHOUT_DEPENDENCIES).run()
}

fn is_recent(root: &Path, program: &Path) -> bool {
    let question = "import sys; sys.exit(sys.version_info < (3, 10))";
    Step::program(root, program).with(&["-c", question]).succeeds()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_programs_is_a_mistake() {
        let own = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert!(programs(&own.join("src")).is_err());
        assert!(programs(&own.join("no-such-folder")).is_err());
    }

    #[test]
    fn shared_modules_are_no_programs() {
        let found = programs(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../e2e/python"));
        let names: Vec<String> = found.expect("programs").iter().map(|path| stem(path)).collect();
        assert!(names.contains(&"sdk_client".to_owned()), "{names:?}");
        assert!(!names.contains(&"checks".to_owned()), "{names:?}");
    }
}
