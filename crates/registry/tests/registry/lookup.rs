//! Lookup, precedence, the cache and hostile documents.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::common::{SERVICE, provider, registry, write_provider};
use strataql_diag::Code;
use strataql_registry::{Origin, Registry, Settings, Source};
use strataql_spec::SqlVerb;
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// A registry root with provider `shop`, and its `src` folder.
fn shop() -> (TempDir, PathBuf) {
    let root = folder();
    let src = root.path().join("src");
    write_provider(&src, "shop", "shop", "v1");
    (root, src)
}

fn sidecars(cache: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(cache.join("compiled"))
        .map(|entries| entries.map(|entry| entry.expect("readable").path()).collect())
        .unwrap_or_default();
    files.sort();
    files
}

fn model_of(cache: &Path) -> PathBuf {
    sidecars(cache)
        .into_iter()
        .find(|path| !path.to_string_lossy().ends_with(".index.json"))
        .expect("a stored model")
}

#[test]
fn a_provider_comes_whole_from_the_first_source_that_has_it() {
    let (mine, _) = shop();
    let home = folder();
    let pulled = home.path().join("registry/src");
    write_provider(&pulled, "shop", "shop", "v99");
    write_provider(&pulled, "bank", "bank", "v2");
    let registry = Registry::new(Settings {
        sources: vec![
            Source::folder(Origin::Registry, mine.path()),
            Source::pulled(home.path()),
            Source::embedded(),
        ],
        cache_dir: None,
    })
    .expect("opens");
    let found: Vec<String> = registry
        .providers()
        .into_iter()
        .map(|p| format!("{} {} {}", p.name, p.version, p.source))
        .collect();
    assert_eq!(
        found,
        [
            "bank v2 pulled",
            "databricks_account v00.00.00000 embedded",
            "databricks_workspace v00.00.00000 embedded",
            "shop v1 registry"
        ]
    );
}

#[test]
fn the_highest_version_counts_and_names_that_are_none_are_skipped() {
    let (root, src) = shop();
    for version in ["v0.9.0", "v0.10.0", "nightly"] {
        write_provider(&src, "bank", "bank", version);
    }
    fs::create_dir_all(src.join("bank/v7")).expect("writable"); // no entry document
    fs::create_dir_all(src.join(".git/v1")).expect("writable");
    let registry = registry(&[root.path()], None);
    let versions: Vec<_> = registry.providers().into_iter().map(|p| (p.name, p.version)).collect();
    let expected = [("bank", "v0.10.0"), ("shop", "v1")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(versions, expected);
    assert_eq!(registry.provider("bank").expect("loads").version, "v0.10.0");
}

#[test]
fn google_is_found_under_both_names() {
    let root = folder();
    write_provider(&root.path().join("src"), "googleapis.com", "google", "v1");
    let registry = registry(&[root.path()], None);
    assert_eq!(registry.providers()[0].name, "google");
    for name in ["google", "googleapis.com", "Google"] {
        assert_eq!(registry.provider(name).expect(name).name, "google");
        assert_eq!(registry.service(name, "main").expect(name).provider, "google");
    }
    assert!(registry.provider_reports("google").expect("loads").is_empty());
}

#[test]
fn a_folder_may_hold_the_providers_without_src() {
    let (_root, src) = shop();
    assert_eq!(registry(&[&src], None).providers().len(), 1);
}

#[test]
fn unknown_names_come_with_the_next_step() {
    let (root, _) = shop();
    let registry = registry(&[root.path()], None);
    let report = registry.provider("shp").expect_err("unknown");
    assert_eq!(report.code, Code::UnknownProvider);
    assert_eq!(
        report.help,
        ["did you mean `shop`?", "`SHOW PROVIDERS` lists the installed providers"]
    );
    let report = registry.service("shop", "mian").expect_err("unknown");
    assert_eq!(report.code, Code::UnknownService);
    assert_eq!(report.message, "there is no service `mian` in provider `shop`");
    assert_eq!(report.help, ["did you mean `main`?", "`SHOW SERVICES IN shop` lists its services"]);
    assert_eq!(registry.service("SHOP", "Main").expect("the only match").name, "main");
}

#[test]
fn a_service_is_compiled_once_and_shared() {
    let (root, _) = shop();
    let registry = registry(&[root.path()], None);
    let models: Vec<_> = std::thread::scope(|scope| {
        let readers: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| registry.service("shop", "main").expect("loads")))
            .collect();
        readers.into_iter().map(|reader| reader.join().expect("no panic")).collect()
    });
    assert!(models.iter().all(|model| Arc::ptr_eq(model, &models[0])));
    let reports = registry.reports("shop", "main").expect("loads");
    assert_eq!(reports.len(), 1, "{reports:?}");
    let place = reports[0].place.as_ref().expect("has a place");
    assert!(place.file.ends_with("shop/v1/services/main.yaml"), "{}", place.file);
    assert_eq!(place.line, 13);
}

#[test]
fn the_index_says_what_show_needs() {
    let (root, _) = shop();
    let index = registry(&[root.path()], None).index("shop", "main").expect("loads");
    let resource = &index.resources[0];
    let method = &resource.methods[0];
    assert_eq!((resource.id.as_str(), method.path.as_str()), ("shop.main.things", "/things"));
    assert_eq!((method.sql_verb, method.is_selectable), (SqlVerb::Select, true));
    assert_eq!(
        (method.required.as_slice(), method.description.as_str()),
        (&["owner".to_owned()][..], "Lists things.")
    );
}

#[test]
fn a_stored_model_is_used_and_a_changed_document_is_not_it() {
    let (root, src) = shop();
    let cache = folder();
    let fresh = || registry(&[root.path()], Some(cache.path().to_owned()));
    let first = fresh().service("shop", "main").expect("compiles");
    assert_eq!(sidecars(cache.path()).len(), 2);

    // a mark in the stored form shows that the second run read it
    let stored = model_of(cache.path());
    let text = fs::read_to_string(&stored).expect("readable");
    fs::write(&stored, text.replace("\"title\":\"Things\"", "\"title\":\"Marked\""))
        .expect("writable");
    let again = fresh();
    assert_eq!(again.service("shop", "main").expect("reads").title, "Marked");
    assert_eq!(again.reports("shop", "main").expect("reads").len(), 1);
    let place = again.reports("shop", "main").expect("reads")[0].place.clone().expect("has one");
    assert!(place.file.ends_with("main.yaml") && place.line == 13, "{place:?}");

    let document = src.join("shop/v1/services/main.yaml");
    fs::write(&document, SERVICE.replace("Things", "Changed")).expect("writable");
    assert_eq!(fresh().service("shop", "main").expect("compiles").title, "Changed");
    fs::write(&document, SERVICE).expect("writable");
    fs::write(&stored, text).expect("writable");
    assert_eq!(*fresh().service("shop", "main").expect("reads"), *first);
}

#[test]
fn the_stored_index_is_read_without_the_model() {
    let (root, _) = shop();
    let cache = folder();
    let fresh = || registry(&[root.path()], Some(cache.path().to_owned()));
    let first = fresh().index("shop", "main").expect("compiles");
    fs::remove_file(model_of(cache.path())).expect("removable");
    assert_eq!(fresh().index("shop", "main").expect("reads"), first);
    assert_eq!(sidecars(cache.path()).len(), 1, "the model was not compiled again");
}

#[test]
fn damaged_sidecars_are_made_again() {
    let (root, _) = shop();
    let cache = folder();
    let fresh = || registry(&[root.path()], Some(cache.path().to_owned()));
    let first = fresh().service("shop", "main").expect("compiles");
    let stored = model_of(cache.path());
    let text = fs::read_to_string(&stored).expect("readable");
    let half = text[..text.len() / 2].to_owned();
    let wild = text.replacen("\"schema\":0", "\"schema\":4000000000", 1);
    assert_ne!(wild, text);
    for damaged in [String::new(), half, wild, "null".to_owned()] {
        fs::write(&stored, &damaged).expect("writable");
        assert_eq!(*fresh().service("shop", "main").expect("compiles"), *first);
        assert_eq!(fs::read_to_string(&stored).expect("readable"), text, "repaired");
    }
}

#[test]
fn a_cache_that_cannot_be_written_is_no_problem() {
    let (root, _) = shop();
    let file = root.path().join("file");
    fs::write(&file, "not a folder").expect("writable");
    let registry = registry(&[root.path()], Some(file.join("cache")));
    assert_eq!(registry.service("shop", "main").expect("compiles").name, "main");
    assert_eq!(registry.index("shop", "main").expect("compiles").resources.len(), 1);
}

#[test]
fn documents_outside_the_registry_are_refused() {
    let (root, src) = shop();
    fs::write(root.path().join("secret.yaml"), SERVICE).expect("writable");
    let outside = root.path().join("secret.yaml").display().to_string();
    for reference in [outside.as_str(), "../secret.yaml", "shop/../../secret.yaml", "shop\\x.yaml"]
    {
        fs::write(src.join("shop/v1/provider.yaml"), provider("shop", "v1", reference))
            .expect("writable");
        let report = registry(&[root.path()], None).service("shop", "main").expect_err(reference);
        assert_eq!(report.code, Code::UntrustedDocument, "{reference}");
        assert!(!report.help.is_empty());
    }
}

#[test]
fn unusable_files_are_named() {
    let (root, src) = shop();
    let document = src.join("shop/v1/services/main.yaml");
    let fails = || *registry(&[root.path()], None).service("shop", "main").expect_err("unusable");

    fs::write(&document, [b'a', b':', b' ', 0xff]).expect("writable");
    let report = fails();
    assert_eq!((report.code, report.place.map(|place| place.line)), (Code::BadDocument, Some(1)));

    fs::write(&document, "a: [1").expect("writable");
    assert_eq!(fails().code, Code::BadDocument);

    let file = fs::File::create(&document).expect("writable");
    file.set_len((64 << 20) + 1).expect("sparse");
    assert_eq!(fails().code, Code::UntrustedDocument);

    fs::remove_file(&document).expect("removable");
    let report = fails();
    assert_eq!(report.code, Code::LocalIo);
    assert!(report.message.contains("services/main.yaml"), "{}", report.message);
}

#[test]
fn a_file_name_may_differ_in_case_when_only_one_does() {
    let (root, src) = shop();
    let services = src.join("shop/v1/services");
    fs::rename(services.join("main.yaml"), services.join("Main.yaml")).expect("renamable");
    assert_eq!(registry(&[root.path()], None).service("shop", "main").expect("loads").name, "main");
    fs::write(services.join("MAIN.yaml"), SERVICE).expect("writable");
    let report = registry(&[root.path()], None).service("shop", "main").expect_err("two of them");
    assert_eq!(report.code, Code::LocalIo);
}

#[test]
fn a_repaired_document_loads_at_the_next_try() {
    let (root, src) = shop();
    let document = src.join("shop/v1/services/main.yaml");
    fs::write(&document, "[").expect("writable");
    let registry = registry(&[root.path()], None);
    assert!(registry.service("shop", "main").is_err());
    fs::write(&document, format!("\u{feff}{SERVICE}")).expect("writable");
    assert_eq!(registry.service("shop", "main").expect("loads").title, "Things");
}

#[test]
fn a_missing_registry_folder_is_an_error() {
    let root = folder();
    let sources = vec![Source::folder(Origin::Registry, root.path().join("none"))];
    let report = Registry::new(Settings { sources, cache_dir: None }).expect_err("missing");
    assert_eq!(report.code, Code::LocalIo);
}

#[test]
fn a_provider_in_a_folder_of_another_name_is_reported() {
    let root = folder();
    write_provider(&root.path().join("src"), "shop", "store", "v1");
    let registry = registry(&[root.path()], None);
    let reports = registry.provider_reports("shop").expect("loads");
    assert_eq!(reports.len(), 1);
    assert_eq!(
        reports[0].message,
        "the document is of provider `store` but is in the folder of `shop`"
    );
}

#[test]
fn an_overlay_beside_a_document_mends_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = tempfile::tempdir().expect("a folder");
    let src = folder.path().join("src");
    write_provider(&src, "p", "p", "v1");
    let style = || {
        let registry = registry(&[folder.path()], Some(cache.path().to_owned()));
        let service = registry.service("p", "main").expect("loads");
        service.resources["things"].methods["list"].paging.name()
    };
    assert_eq!(style(), "none");
    let overlay = src.join("p/v1/services/main.x-strataql.yaml");
    let mended =
        "resources: {things: {methods: {list: {config: {x-strataql: {paging: {style: link}}}}}}}";
    fs::write(&overlay, mended).expect("writable");
    // the model that was stored without it is not read
    assert_eq!(style(), "link");
    fs::write(&overlay, "- a list").expect("writable");
    let registry = registry(&[folder.path()], None);
    let report = registry.service("p", "main").expect_err("no mapping");
    assert_eq!(report.code, Code::BadDocument);
    let place = report.place.expect("a place");
    assert!(place.file.ends_with("main.x-strataql.yaml"), "{}", place.file);
}
