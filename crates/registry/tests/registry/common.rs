//! Shared helpers.

use std::fs;
use std::path::{Path, PathBuf};

use strataql_registry::{Origin, Registry, Settings, Source};

/// A service document with one resource and one list method.
pub(crate) const SERVICE: &str = "\
info: {title: Things}
paths:
  /things:
    get:
      summary: Lists things.
      parameters: [{name: owner, in: query, required: true, schema: {type: string}}]
      responses: {'200': {content: {application/json: {schema: {type: array, items: {properties: {id: {type: string}}}}}}}}
components:
  x-stackQL-resources:
    things:
      methods:
        list: {operation: {$ref: '#/paths/~1things/get'}}
        gone: {operation: {$ref: '#/paths/~1gone/get'}}
";

/// Writes a provider with one service `main`.
pub(crate) fn write_provider(src: &Path, folder: &str, name: &str, version: &str) {
    let base = src.join(folder).join(version);
    fs::create_dir_all(base.join("services")).expect("writable");
    let reference = format!("{folder}/{version}/services/main.yaml");
    fs::write(base.join("provider.yaml"), provider(name, version, &reference)).expect("writable");
    fs::write(base.join("services/main.yaml"), SERVICE).expect("writable");
}

/// An entry document whose service `main` is at `reference`.
pub(crate) fn provider(name: &str, version: &str, reference: &str) -> String {
    format!(
        "id: {name}\nname: {name}\nversion: {version}\nproviderServices:\n  main:\n    \
         id: main\n    service:\n      $ref: {reference:?}\n"
    )
}

/// A registry over folders, the first one given by the user.
pub(crate) fn registry(folders: &[&Path], cache: Option<PathBuf>) -> Registry {
    let sources = folders.iter().map(|folder| Source::folder(Origin::Registry, *folder)).collect();
    Registry::new(Settings { sources, cache_dir: cache }).expect("opens")
}

/// The folder of public documents, if `STRATAQL_TEST_REGISTRY` is set.
///
/// Without it the caller skips its checks; on a build server that is a failure.
pub(crate) fn public_documents() -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("STRATAQL_TEST_REGISTRY") else {
        let is_server = std::env::var_os("CI").is_some_and(|value| value == "true");
        assert!(!is_server, "STRATAQL_TEST_REGISTRY is not set");
        return None;
    };
    let folder = PathBuf::from(folder);
    // a relative path is relative to the workspace, where the run was started
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    Some(if folder.is_absolute() { folder } else { workspace.join(folder) })
}
