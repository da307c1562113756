//! The test run: the Rust tests, then programs of others as clients.
//!
//! Surprise: a group whose input is absent is not passed over in silence. It is listed at the end,
//! and where `CI=true` says that everything must be there, it is a failure.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::step;

/// What became of a group.
enum Fate {
    Passed,
    Failed(String),
    Skipped(String),
}

/// Packages of the real client; the SDK itself is installed without its dependencies, because its
/// newest release asks for a certificate bundle that not every index has.
const CLIENT_PACKAGES: [&str; 3] = ["requests", "google-auth", "protobuf"];
const CLIENT: &str = "databricks-sdk==0.162.0";

/// Runs all groups.
pub(crate) fn test(root: &Path, rest: &[String], full: bool) -> Result<(), String> {
    let mut fates: Vec<(String, Fate)> = Vec::new();
    let mut environment: Vec<(&str, &str)> = Vec::new();
    if full {
        environment.push(("STRATAQL_FULL", "1"));
    }
    let mut arguments = vec!["build", "--locked", "-p", "strataql"];
    fates.push(("binary".to_owned(), fate(step(root, "cargo", &arguments, &environment))));
    arguments = vec!["test", "--workspace", "--locked"];
    arguments.extend(rest.iter().map(String::as_str));
    fates.push(("rust".to_owned(), fate(step(root, "cargo", &arguments, &environment))));
    let registry = match env::var("STRATAQL_TEST_REGISTRY") {
        // the tests themselves have run above, with or without it
        Ok(folder) if Path::new(&folder).join("src").is_dir() => Fate::Passed,
        Ok(folder) => Fate::Failed(format!("`{folder}` holds no `src` folder")),
        Err(_) => Fate::Skipped("STRATAQL_TEST_REGISTRY names no registry folder".to_owned()),
    };
    fates.push(("public documents".to_owned(), registry));
    if rest.is_empty() {
        python(root, &mut fates);
    }
    report(&fates)
}

fn fate(result: Result<(), String>) -> Fate {
    match result {
        Ok(()) => Fate::Passed,
        Err(message) => Fate::Failed(message),
    }
}

/// Runs `e2e/python/*.py` in a virtual environment.
fn python(root: &Path, fates: &mut Vec<(String, Fate)>) {
    let folder = root.join("e2e/python");
    let mut scripts: Vec<PathBuf> = std::fs::read_dir(&folder)
        .map(|entries| {
            entries
                .filter_map(|entry| Some(entry.ok()?.path()))
                .filter(|path| path.extension().is_some_and(|extension| extension == "py"))
                .collect()
        })
        .unwrap_or_default();
    scripts.sort();
    let interpreter = match virtual_environment(root) {
        Ok(interpreter) => interpreter,
        Err(message) => {
            fates.push(("real clients".to_owned(), Fate::Skipped(message)));
            return;
        }
    };
    let binary = target(root).join("debug/strataql").display().to_string();
    for script in scripts {
        let name = script.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let program = interpreter.display().to_string();
        let path = script.display().to_string();
        let result = step(root, &program, &[&path], &[("STRATAQL_BIN", &binary)]);
        fates.push((format!("python {name}"), fate(result)));
    }
}

/// The interpreter of the virtual environment, which is made when it is not there.
fn virtual_environment(root: &Path) -> Result<PathBuf, String> {
    let folder = target(root).join("venv");
    let interpreter = folder.join("bin/python");
    let ready = folder.join(".ready");
    if ready.is_file() {
        return Ok(interpreter);
    }
    let system = ["python3", "python"]
        .into_iter()
        .find(|program| is_recent(program))
        .ok_or("Python 3.10 or newer is not installed")?;
    let folder_text = folder.display().to_string();
    step(root, system, &["-m", "venv", "--clear", &folder_text], &[])?;
    let program = interpreter.display().to_string();
    let mut install = vec!["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    let mut without = install.clone();
    install.extend(CLIENT_PACKAGES);
    step(root, &program, &install, &[])?;
    without.extend(["--no-deps", CLIENT]);
    step(root, &program, &without, &[])?;
    std::fs::write(&ready, CLIENT).map_err(|error| error.to_string())?;
    Ok(interpreter)
}

fn is_recent(program: &str) -> bool {
    Command::new(program)
        .args(["-c", "import sys; sys.exit(sys.version_info < (3, 10))"])
        .status()
        .is_ok_and(|status| status.success())
}

fn target(root: &Path) -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from)
}

fn report(fates: &[(String, Fate)]) -> Result<(), String> {
    let strict = env::var("CI").is_ok_and(|value| value == "true");
    let (mut passed, mut failed) = (0, 0);
    println!("\n# groups");
    for (name, fate) in fates {
        match fate {
            Fate::Passed => {
                passed += 1;
                println!("{name}: passed");
            }
            Fate::Failed(message) => {
                failed += 1;
                println!("{name}: FAILED ({message})");
            }
            Fate::Skipped(reason) => {
                failed += usize::from(strict);
                println!("{name}: skipped ({reason})");
            }
        }
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 { Ok(()) } else { Err("the test run failed".to_owned()) }
}
