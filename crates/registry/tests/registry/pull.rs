//! Pulling: versions side by side, digests, archives that nobody should unpack.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use strataql_diag::{Code, Report};
use strataql_registry::{Fetch, Registry, Remote, Settings, Source, Store};
use tempfile::TempDir;

use crate::common::{SERVICE, provider};

/// A server as a map of addresses.
#[derive(Default)]
struct Server {
    pages: BTreeMap<String, Vec<u8>>,
}

const URL: &str = "https://registry.example/providers";

impl Fetch for Server {
    fn fetch(&self, url: &str, limit: u64) -> Result<Vec<u8>, Box<Report>> {
        let found = self.pages.get(url).filter(|bytes| bytes.len() as u64 <= limit);
        found.cloned().ok_or_else(|| Box::new(Report::new(Code::RemoteMissing, "404")))
    }
}

impl Server {
    fn index(&mut self, text: &str) {
        self.pages.insert(format!("{URL}/dist/providers.yaml"), text.as_bytes().to_vec());
    }

    fn archive(&mut self, folder: &str, version: &str, bytes: Vec<u8>) {
        self.pages.insert(format!("{URL}/dist/{folder}/{version}.tgz"), bytes);
    }

    fn pull(&self, store: &Path, name: &str, version: Option<&str>) -> Result<String, Box<Report>> {
        let remote = Remote::new(URL).expect("an address");
        let pulled = remote.pull(self, &Store::new(store), name, version)?;
        Ok(format!("{} {} {} {:?}", pulled.version, pulled.files, pulled.was_there, pulled.in_use))
    }
}

fn tgz(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, text) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        // the builder refuses paths that a hostile archive has
        let name = &mut header.as_old_mut().name;
        name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        archive.append(&header, text.as_bytes()).expect("appended");
    }
    archive.into_inner().and_then(GzEncoder::finish).expect("packed")
}

fn version(name: &str, folder: &str, version: &str) -> Vec<u8> {
    let entry = provider(name, version, &format!("{folder}/{version}/services/main.yaml"));
    tgz(&[
        (&format!("{version}/provider.yaml"), &entry),
        (&format!("{version}/services/main.yaml"), SERVICE),
    ])
}

fn server() -> Server {
    let mut server = Server::default();
    server.index(
        "providers:\n  acme: {versions: [v24.11.00010, nonsense, v24.9.00002]}\n  google: {versions: [v1]}\n  ../x: {versions: [v1]}\n",
    );
    server.archive("acme", "v24.11.00010", version("acme", "acme", "v24.11.00010"));
    server.archive("acme", "v24.9.00002", version("acme", "acme", "v24.9.00002"));
    server.archive("googleapis.com", "v1", version("google", "googleapis.com", "v1"));
    server
}

fn providers(home: &TempDir) -> Vec<String> {
    let sources = vec![Source::pulled(home.path())];
    let registry = Registry::new(Settings { sources, cache_dir: None }).expect("opens");
    let shown = |it: strataql_registry::ProviderSummary| format!("{} {}", it.name, it.version);
    registry.providers().into_iter().map(shown).collect()
}

#[test]
fn versions_are_side_by_side_and_the_highest_counts() {
    let home = tempfile::tempdir().expect("a folder");
    let store = home.path().join("registry");
    let server = server();
    assert_eq!(server.pull(&store, "acme", None).as_deref(), Ok("v24.11.00010 2 false None"));
    assert_eq!(
        server.pull(&store, "ACME", Some("24.9.00002")).as_deref(),
        Ok("v24.9.00002 2 false Some(\"v24.11.00010\")")
    );
    assert_eq!(server.pull(&store, "acme", None).as_deref(), Ok("v24.11.00010 2 true None"));
    assert_eq!(server.pull(&store, "google", None).as_deref(), Ok("v1 2 false None"));
    assert_eq!(providers(&home), ["acme v24.11.00010", "google v1"]);
    let verified = Store::new(&store).verify().expect("read");
    assert_eq!((verified.versions, verified.files, verified.problems.len()), (3, 6, 0));
    assert!(!store.join(".staging").exists());
}

#[test]
fn changed_files_are_found() {
    let home = tempfile::tempdir().expect("a folder");
    let store = home.path().join("registry");
    server().pull(&store, "acme", None).expect("pulled");
    let folder = store.join("src/acme/v24.11.00010");
    std::fs::write(folder.join("services/main.yaml"), "x").expect("written");
    std::fs::write(folder.join("services/other.yaml"), "x").expect("written");
    std::fs::remove_file(folder.join("provider.yaml")).expect("removed");
    std::fs::create_dir_all(store.join("src/other/v1")).expect("written");
    std::fs::write(store.join("src/other/v1/provider.yaml"), "x").expect("written");
    let found = Store::new(&store).verify().expect("read");
    let problems: Vec<&str> = found.problems.iter().map(|it| it.problem.as_str()).collect();
    assert_eq!(problems.len(), 4, "{problems:?}");
    assert!(problems[0].starts_with("cannot be read"), "{problems:?}");
    assert_eq!(problems[1..], ["is not as it was pulled", "was not pulled", "was not pulled"]);
}

#[test]
fn what_does_not_exist_is_named() {
    let home = tempfile::tempdir().expect("a folder");
    let server = server();
    let code = |name: &str, version: Option<&str>| {
        let report = server.pull(home.path(), name, version).expect_err(name);
        (report.code, report.help.len())
    };
    assert_eq!(code("acmee", None), (Code::UnknownProvider, 1));
    assert_eq!(code("acme", Some("v24.12.00010")).0, Code::Usage);
    let mut gone = Server::default();
    gone.index("providers: {acme: {versions: [v1]}}");
    assert_eq!(gone.pull(home.path(), "acme", None).expect_err("gone").code, Code::RemoteMissing);
    for wrong in ["<html>", "a: 1", "providers: 1", "a: ["] {
        gone.index(wrong);
        assert_eq!(gone.pull(home.path(), "acme", None).expect_err(wrong).code, Code::BadDocument);
    }
}

#[test]
fn nothing_is_exchanged_silently() {
    let home = tempfile::tempdir().expect("a folder");
    let mut server = server();
    server.pull(home.path(), "acme", None).expect("pulled");
    // the index forgot the version that is installed
    server.index("providers: {acme: {versions: [v24.9.00002]}}");
    let report = server.pull(home.path(), "acme", None).expect_err("older");
    assert!(report.message.contains("older than v24.11.00010"), "{report:?}");
    // another archive under the same name
    server.index("providers: {acme: {versions: [v24.11.00010], sha256: {v24.11.00010: abc}}}");
    let report = server.pull(home.path(), "acme", None).expect_err("another digest");
    assert_eq!(report.code, Code::UntrustedDocument);
    server.index("providers: {acme: {versions: [v24.11.00010]}}");
    std::fs::remove_dir_all(home.path().join("src")).expect("removed");
    server.archive("acme", "v24.11.00010", version("acme", "acme", "v24.11.00010 "));
    let report = server.pull(home.path(), "acme", None).expect_err("another archive");
    assert!(report.message.contains("was pulled before"), "{report:?}");
}

#[test]
fn hostile_archives_leave_what_was_there() {
    let home = tempfile::tempdir().expect("a folder");
    let mut server = server();
    server.pull(home.path(), "acme", Some("v24.9.00002")).expect("pulled");
    let entry = provider("acme", "v24.11.00010", "acme/v24.11.00010/services/main.yaml");
    let other = provider("other", "v24.11.00010", "x/y");
    let good = ("v24.11.00010/provider.yaml", entry.as_str());
    let mut zeros = GzEncoder::new(Vec::new(), Compression::fast());
    zeros.write_all(&vec![0; 1 << 20]).expect("packed");
    let cases: Vec<(Vec<u8>, Code)> = vec![
        (b"<html>".to_vec(), Code::BadDocument),
        (Vec::new(), Code::BadDocument),
        (tgz(&[good])[..60].to_vec(), Code::BadDocument),
        (zeros.finish().expect("packed"), Code::UntrustedDocument),
        (tgz(&[good, ("../../evil", "x")]), Code::UntrustedDocument),
        (tgz(&[good, ("v24.11.00010/../../evil", "x")]), Code::UntrustedDocument),
        (tgz(&[good, ("/tmp/evil", "x")]), Code::UntrustedDocument),
        (tgz(&[good, ("other/evil", "x")]), Code::UntrustedDocument),
        (tgz(&[good, ("v24.11.00010/a\\b", "x")]), Code::UntrustedDocument),
        (tgz(&[good, good]), Code::UntrustedDocument),
        (large(), Code::UntrustedDocument),
        (tgz(&[("v24.11.00010/x", "x")]), Code::UntrustedDocument),
        (tgz(&[("v24.11.00010/provider.yaml", &other)]), Code::UntrustedDocument),
        (tgz(&[("v24.11.00010/provider.yaml", "a: [")]), Code::BadDocument),
        (link(), Code::UntrustedDocument),
    ];
    for (at, (bytes, code)) in cases.into_iter().enumerate() {
        server.archive("acme", "v24.11.00010", bytes);
        let report = server.pull(home.path(), "acme", None).expect_err("hostile");
        assert_eq!(report.code, code, "{at}: {report:?}");
        assert!(!report.help.is_empty(), "{report:?}");
        let store = Store::new(home.path());
        assert_eq!(store.versions("acme").expect("read"), ["v24.9.00002"], "{at}");
        assert_eq!(store.verify().expect("read").problems, [], "{at}");
        assert!(!home.path().join(".staging").exists() && !home.path().join("evil").exists());
    }
}

/// An archive whose file is larger than documents may be, by what it says.
fn large() -> Vec<u8> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.set_size((64 << 20) + 1);
    header.set_path("v24.11.00010/provider.yaml").expect("a path");
    header.set_cksum();
    archive.append(&header, &b"x"[..]).expect("appended");
    archive.into_inner().and_then(GzEncoder::finish).expect("packed")
}

/// An archive with a link to a file of the machine.
fn link() -> Vec<u8> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    archive
        .append_link(&mut header, "v24.11.00010/provider.yaml", "/etc/passwd")
        .expect("appended");
    archive.into_inner().and_then(GzEncoder::finish).expect("packed")
}

#[test]
fn a_pull_that_ended_between_two_renames_is_put_right() {
    let home = tempfile::tempdir().expect("a folder");
    let server = server();
    server.pull(home.path(), "acme", Some("v24.9.00002")).expect("pulled");
    let aside = home.path().join(".staging/old/acme");
    std::fs::create_dir_all(&aside).expect("written");
    std::fs::rename(home.path().join("src/acme/v24.9.00002"), aside.join("v24.9.00002"))
        .expect("moved");
    server.pull(home.path(), "google", None).expect("pulled");
    assert_eq!(Store::new(home.path()).verify().expect("read").problems, []);
}

#[test]
fn addresses_are_checked() {
    for right in ["https://r.example/providers/", "http://127.0.0.1:8080/x", "http://localhost/x"] {
        assert!(Remote::new(right).is_ok(), "{right}");
    }
    for wrong in [
        "",
        "r.example",
        "http://r.example/x",
        "ftp://r.example",
        "https://",
        "https://u@r.example",
        "http://127.0.0.1.evil.example/x",
        "https://r.example/?x",
        "file:///x",
    ] {
        assert_eq!(Remote::new(wrong).expect_err(wrong).code, Code::Usage, "{wrong}");
    }
}
