//! Lint: which documents a path refers to, and the public documents as a whole.

use std::fs;
use std::path::Path;

use crate::common::{SERVICE, public_documents, write_provider};
use strataql_diag::Code;
use strataql_registry::lint;

#[test]
fn every_kind_of_path_is_linted() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let src = root.path().join("src");
    write_provider(&src, "shop", "shop", "v1");
    write_provider(&src, "shop", "shop", "v2");
    write_provider(&src, "bank", "bank", "v1");
    let count = |path: &Path| {
        let found = lint(path).expect("readable");
        assert_eq!((found.fatal, found.reports.len()), (0, found.services), "{:?}", found.reports);
        (found.providers, found.services, found.resources, found.methods, found.selectable)
    };
    assert_eq!(count(root.path()), (3, 3, 3, 3, 3));
    assert_eq!(count(&src), (3, 3, 3, 3, 3));
    assert_eq!(count(&src.join("shop")), (2, 2, 2, 2, 2));
    assert_eq!(count(&src.join("shop/v1")), (1, 1, 1, 1, 1));
    assert_eq!(count(&src.join("shop/v1/provider.yaml")), (1, 1, 1, 1, 1));
    assert_eq!(count(&src.join("shop/v1/services/main.yaml")), (1, 1, 1, 1, 1));

    let lone = root.path().join("my service.yaml");
    fs::write(&lone, SERVICE).expect("writable");
    assert_eq!(count(&lone), (0, 1, 1, 1, 1));
}

#[test]
fn reports_are_ordered_and_fatal_ones_counted() {
    let root = tempfile::tempdir().expect("a temporary folder");
    for name in ["a", "b", "c", "d"] {
        write_provider(root.path(), name, name, "v1");
    }
    let at = |name: &str, file: &str| root.path().join(name).join("v1").join(file);
    fs::write(at("b", "services/main.yaml"), "{").expect("writable");
    fs::write(at("c", "provider.yaml"), "version: 1").expect("writable");
    fs::remove_file(at("d", "services/main.yaml")).expect("removable");
    let found = lint(root.path()).expect("readable");
    assert_eq!((found.fatal, found.missing, found.providers, found.services), (2, 1, 4, 2));
    let files: Vec<String> = found
        .reports
        .iter()
        .map(|report| report.place.as_ref().map(|place| place.file.clone()).unwrap_or_default())
        .collect();
    assert!(files.is_sorted() && files.len() == 4, "{files:?}");
    assert!(found.reports.iter().all(|report| report.code == Code::BadDocument));
    assert!(found.slowest.is_some_and(|time| time.compiled_bytes > 0));
}

#[test]
fn a_path_without_documents_is_an_error() {
    let root = tempfile::tempdir().expect("a temporary folder");
    assert_eq!(lint(root.path()).expect_err("empty").code, Code::BadDocument);
    assert_eq!(lint(&root.path().join("none")).expect_err("missing").code, Code::LocalIo);
}

#[test]
fn our_own_documents_have_no_reports() {
    let found =
        lint(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../providers")).expect("readable");
    assert!(found.reports.is_empty(), "{:#?}", found.reports);
    assert!(found.methods >= 24, "{}", found.methods);
}

#[test]
fn public_documents_load_without_exception() {
    let Some(folder) = public_documents() else { return };
    let found = lint(&folder).expect("readable");
    let serious: Vec<String> = found
        .reports
        .iter()
        .filter(|report| report.code != Code::BadDocument || report.message.contains("is left out"))
        .map(ToString::to_string)
        .collect();
    assert!(found.fatal == 0 && serious.is_empty(), "{}", serious.join("\n"));
    assert!(found.providers > 0 && found.methods > found.services, "{found:?}");
}

/// Write methods of the public documents that only EXEC calls: a DELETE of a key version takes what another takes.
const SHADOWED: usize = 1;

#[test]
fn public_write_methods_are_called_by_their_own_parameters() {
    let Some(folder) = public_documents() else { return };
    let found = lint(&folder).expect("readable");
    let shadowed: Vec<String> = found
        .reports
        .iter()
        .filter(|report| report.message.contains("another method takes the same parameters"))
        .map(ToString::to_string)
        .collect();
    assert!(shadowed.len() <= SHADOWED, "{}\n{}", shadowed.len(), shadowed.join("\n"));
}
