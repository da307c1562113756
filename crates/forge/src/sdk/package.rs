//! Opening a package.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use strataql_diag::{Code, Report};

use super::archive;
use super::facts::{Api, Module, Sdk};
use super::operation::{self, Link};
use super::{messages, waiter};
use crate::python::{self, Class, Stmt};

/// The folder of the services inside of a package.
const SERVICES: &str = "databricks/sdk/service/";
/// The file with the package's version.
const VERSION: &str = "databricks/sdk/version.py";

/// Reads a package: a wheel, or a folder that holds `databricks/sdk` or is a part of that path.
///
/// # Errors
/// `local-io` for what cannot be opened, `bad-document` for what is no such package.
pub(crate) fn read(path: &Path) -> Result<Sdk, Box<Report>> {
    let files = if path.is_dir() { folder(path) } else { wheel(path) }?;
    facts(&files).map_err(|problem| not_a_package(path, &problem))
}

fn unreadable(path: &Path, error: &io::Error) -> Box<Report> {
    Box::new(
        Report::new(Code::LocalIo, format!("`{}` cannot be read: {error}", path.display()))
            .with_help("name a wheel, or a folder with the installed package"),
    )
}

fn not_a_package(path: &Path, problem: &str) -> Box<Report> {
    Box::new(
        Report::new(
            Code::BadDocument,
            format!("`{}` is no usable `databricks-sdk` package: {problem}", path.display()),
        )
        .with_help("`pip download --no-deps databricks-sdk` fetches a wheel"),
    )
}

/// Files by their path inside of the package.
type Files = Vec<(String, String)>;

fn folder(path: &Path) -> Result<Files, Box<Report>> {
    let prefixes = ["", "databricks", "databricks/sdk"];
    let root = prefixes.into_iter().find_map(|below| {
        let rest = SERVICES.strip_prefix(below)?.trim_start_matches('/');
        path.join(rest).is_dir().then_some(below)
    });
    let Some(below) = root else {
        return Err(not_a_package(path, &format!("it has no folder `{SERVICES}`")));
    };
    let inside =
        |full: &str| path.join(full.strip_prefix(below).unwrap_or(full).trim_start_matches('/'));
    let mut files = Vec::new();
    let services = inside(SERVICES);
    let entries = fs::read_dir(&services).map_err(|error| unreadable(&services, &error))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for file in paths {
        let Some(name) = file.file_name().and_then(|name| name.to_str()) else { continue };
        if file.extension().is_some_and(|extension| extension == "py") {
            let text = fs::read_to_string(&file).map_err(|error| unreadable(&file, &error))?;
            files.push((format!("{SERVICES}{name}"), text));
        }
    }
    let version = inside(VERSION);
    let text = fs::read_to_string(&version).map_err(|error| unreadable(&version, &error))?;
    files.push((VERSION.to_owned(), text));
    Ok(files)
}

fn wheel(path: &Path) -> Result<Files, Box<Report>> {
    let bytes = fs::read(path).map_err(|error| unreadable(path, &error))?;
    let is_wanted = |name: &str| {
        name == VERSION
            || name.strip_prefix(SERVICES).is_some_and(|file| {
                !file.contains('/') && Path::new(file).extension().is_some_and(|own| own == "py")
            })
    };
    let mut files =
        archive::texts(&bytes, &is_wanted).map_err(|problem| not_a_package(path, &problem))?;
    files.sort();
    Ok(files)
}

fn facts(files: &Files) -> Result<Sdk, String> {
    let mut sdk = Sdk::default();
    let mut waiters: HashMap<(String, String, String), waiter::Raw> = HashMap::new();
    let mut links: Vec<(String, usize, usize, Link)> = Vec::new();
    for (file, text) in files {
        let parsed = python::parse(text).map_err(|problem| format!("{file}: {problem}"))?;
        if file == VERSION {
            sdk.version = version(&parsed.body).ok_or("it has no version")?;
            continue;
        }
        let name = file.strip_prefix(SERVICES).and_then(|name| name.strip_suffix(".py"));
        let Some(name) = name.filter(|name| !name.starts_with('_')) else { continue };
        let mut module = Module::default();
        for statement in &parsed.body {
            let Stmt::Class(class) = statement else { continue };
            if class.name.ends_with("API") {
                let mut api = Api { class: class.name.clone(), methods: Vec::new() };
                for (function, link, raw) in methods(class, name) {
                    if let Some(raw) = raw {
                        let key = (name.to_owned(), class.name.clone(), function);
                        waiters.insert(key, raw);
                    } else if let Some((operation, link)) = link {
                        let at = (module.apis.len(), api.methods.len());
                        links.push((name.to_owned(), at.0, at.1, link));
                        api.methods.push(operation);
                    }
                }
                if !api.methods.is_empty() {
                    module.apis.push(api);
                }
            } else if class.bases.iter().any(|base| base == "Enum") {
                module.enums.insert(class.name.clone(), messages::members(class));
            } else if class.decorators.iter().any(|name| name.starts_with("dataclass")) {
                module.messages.insert(class.name.clone(), messages::message(class, name));
            } else if let Some(poll) = waiter::polled_by(class) {
                module.operations.insert(class.name.clone(), poll);
            }
        }
        if !module.apis.is_empty() || !module.messages.is_empty() || !module.enums.is_empty() {
            sdk.modules.insert(name.to_owned(), module);
        }
    }
    if sdk.modules.values().all(|module| module.apis.is_empty()) {
        return Err("it has no classes of methods".to_owned());
    }
    connect(&mut sdk, &waiters, links);
    Ok(sdk)
}

type Read = (String, Option<(super::Operation, Link)>, Option<waiter::Raw>);

/// The methods of a class that send requests, and those that wait.
fn methods(class: &Class, module: &str) -> Vec<Read> {
    let mut found = Vec::new();
    for statement in &class.body {
        let Stmt::Function(function) = statement else { continue };
        if function.name.starts_with('_') {
            continue;
        }
        let waiter = function.name.strip_prefix("wait_").and_then(|_| waiter::read(function));
        let operation = operation::read(function, module);
        found.push((function.name.clone(), operation, waiter));
    }
    found
}

/// Gives methods their waiters: the states are known once every module is read.
fn connect(
    sdk: &mut Sdk,
    waiters: &HashMap<(String, String, String), waiter::Raw>,
    links: Vec<(String, usize, usize, Link)>,
) {
    let mut found = Vec::new();
    for (name, api, method, link) in links {
        let module = &sdk.modules[&name];
        let wait = match link {
            Link::None => continue,
            Link::Waiter(function) => {
                let key = (name.clone(), module.apis[api].class.clone(), function);
                waiters.get(&key).map(|raw| waiter::resolved(raw, &name, sdk))
            }
            Link::Operation(class) => module
                .operations
                .get(&class)
                .map(|poll| super::Waiter { poll: poll.clone(), ..super::Waiter::default() }),
        };
        found.push((name, api, method, wait));
    }
    for (name, api, method, wait) in found {
        if let Some(module) = sdk.modules.get_mut(&name) {
            module.apis[api].methods[method].wait = wait;
        }
    }
}

fn version(body: &[Stmt]) -> Option<String> {
    body.iter().find_map(|statement| match statement {
        Stmt::Assign { target, value, .. } if target.name() == Some("__version__") => {
            value.text().map(str::to_owned)
        }
        _ => None,
    })
}
