//! `strataql registry` and REGISTRY statements against a registry server: what is installed is whole, is what
//! the server said, and works without the server.

#[path = "pulling/server.rs"]
mod server;

use std::process::Command;

use self::server::{Reply, Server, acme, tgz};
use crate::process::{Ended, Home};

const OLD: &str = "v24.09.00001";
const NEW: &str = "v24.11.00002";

/// A server with two versions of `acme`.
fn registry() -> Server {
    let server = Server::start();
    server.index(&format!("providers:\n  acme: {{versions: [{OLD}, {NEW}]}}\n"));
    for version in [OLD, NEW] {
        server.serve(&format!("acme/{version}.tgz"), Reply::Ok(tgz(&acme(version))));
    }
    server
}

/// The command with a home, and no other environment than the server's address.
fn command(home: &Home, server: &Server, arguments: &[&str]) -> Ended {
    let mut command = Command::new(strataql_e2e::binary());
    command
        .env_clear()
        .env("HOME", home.path())
        .env("STRATAQL_HOME", home.path().join("data"))
        .env("XDG_CACHE_HOME", home.path().join("cache"))
        .env("XDG_CONFIG_HOME", home.path().join("config"))
        .env("STRATAQL_REGISTRY_URL", &server.url)
        .args(arguments);
    Ended::of(command.output().expect("starts"))
}

#[test]
fn a_provider_is_listed_pulled_found_and_used() {
    let (server, home) = (registry(), Home::new());
    let run = |arguments: &[&str]| command(&home, &server, arguments);
    assert_eq!(run(&["registry", "list"]).success(), format!("acme  {NEW}\n"));
    assert_eq!(run(&["registry", "list", "acme"]).success(), format!("acme  {OLD}, {NEW}\n"));
    assert_eq!(
        run(&["registry", "pull", "acme"]).success(),
        format!("acme {NEW} is installed, 2 files\n")
    );
    assert_eq!(
        server.asked(),
        ["providers.yaml", "providers.yaml", "providers.yaml", &format!("acme/{NEW}.tgz")]
    );
    // an older one stands beside it, and the higher one stays in use
    let older = run(&["registry", "pull", "acme", OLD]);
    assert!(
        older.err.contains(&format!("statements use acme {NEW}, which is higher")),
        "{older:?}"
    );
    assert_eq!(older.success(), format!("acme {OLD} is installed, 2 files\n"));
    let again = run(&["registry", "pull", "acme", "--json"]).success();
    assert!(again.contains("\"was_there\":true"), "{again}");
    server.asked();

    // from here on no server is needed
    let installed = run(&["registry", "list", "--installed"]).success();
    assert!(installed.contains(&format!("acme  {NEW}  pulled")), "{installed}");
    let found = run(&["registry", "search", "wooden", "boxes"]).success();
    assert!(found.starts_with("acme.depot.crates"), "{found}");
    let verified = run(&["registry", "verify"]).success();
    let number = |label: &str| {
        let line = verified.lines().find(|line| line.starts_with(label)).expect(label);
        line.split_whitespace().last().expect("a number").to_owned()
    };
    assert_eq!([number("versions"), number("files"), number("problems")], ["2", "4", "0"]);
    let version = "SELECT version FROM sys.providers WHERE provider = 'acme'";
    assert_eq!(run(&["exec", version, "-o", "csv"]).success(), format!("version\n{NEW}\n"));
    let rows = "SELECT count(*) AS n FROM acme.depot.crates WHERE crate_id <> ''";
    let rows = run(&["exec", "--sandbox=rows=7", rows, "-o", "csv"]);
    assert_eq!(rows.success(), "n\n7\n");
    assert_eq!(server.asked(), Vec::<String>::new());

    std::fs::write(home.path().join(format!("data/registry/src/acme/{NEW}/provider.yaml")), "x")
        .expect("writable");
    let changed = run(&["registry", "verify"]);
    assert_eq!(changed.exit, Some(1));
    assert!(changed.out.contains("is not as it was pulled"), "{changed:?}");
}

#[test]
fn statements_list_and_pull() {
    let (server, home) = (registry(), Home::new());
    let run = |arguments: &[&str]| command(&home, &server, arguments);
    let csv = |text: &str| run(&["exec", text, "-o", "csv"]);
    assert_eq!(csv("REGISTRY LIST").success(), format!("provider,version\nacme,{NEW}\n"));
    assert_eq!(
        csv("REGISTRY LIST acme").success(),
        format!("provider,versions\nacme,\"{OLD}, {NEW}\"\n")
    );
    csv("REGISTRY LIST acmee").refused("unknown-provider", 2, &["acme"]);
    // what was pulled is there for the next statement
    let pulled = csv(&format!("REGISTRY PULL acme {OLD}; SHOW SERVICES IN acme")).success();
    assert!(pulled.starts_with("provider,version,status,version_in_use\n"), "{pulled}");
    assert!(pulled.contains(&format!("acme,{OLD},installed,")), "{pulled}");
    assert!(pulled.contains("depot"), "{pulled}");
    // a newer version is in use at once
    let newer =
        csv("SELECT version FROM sys.providers WHERE provider = 'acme'; REGISTRY PULL acme; \
         SELECT version FROM sys.providers WHERE provider = 'acme'")
        .success();
    assert_eq!(newer.matches(&format!("version\n{OLD}\n")).count(), 1, "{newer}");
    assert_eq!(newer.matches(&format!("version\n{NEW}\n")).count(), 1, "{newer}");
    server.asked();
    let read_only = run(&["exec", "--read-only", "REGISTRY PULL acme"]);
    read_only.refused("read-only", 9, &[]);
    let sandbox = run(&["exec", "--sandbox", "REGISTRY LIST"]);
    sandbox.refused("unsupported-syntax", 2, &["without `--sandbox`"]);
    assert_eq!(server.asked(), Vec::<String>::new());
}

#[test]
fn a_server_that_fails_changes_nothing() {
    let (server, home) = (registry(), Home::new());
    let run = |arguments: &[&str]| command(&home, &server, arguments);
    run(&["registry", "pull", "acme", OLD]).success();
    let archive = format!("acme/{NEW}.tgz");
    let good = tgz(&acme(NEW));
    let bomb = |path: &str| {
        let mut files = acme(NEW);
        files.push((path.to_owned(), " ".repeat((64 << 20) + 1)));
        tgz(&files)
    };
    let outside = |path: &str| {
        let mut files = acme(NEW);
        files.push((path.to_owned(), "x".to_owned()));
        tgz(&files)
    };
    let cases: Vec<(&str, Reply)> = vec![
        ("remote-unavailable", Reply::Short(good.clone())),
        ("remote-unavailable", Reply::Head("503 Service Unavailable", Vec::new())),
        ("remote-missing", Reply::Head("404 Not Found", b"<html>".to_vec())),
        ("bad-document", Reply::Ok(b"<html>no archive</html>".to_vec())),
        ("bad-document", Reply::Ok(good[..good.len() / 2].to_vec())),
        ("untrusted-document", Reply::Ok(bomb(&format!("{NEW}/services/large.yaml")))),
        ("untrusted-document", Reply::Ok(outside("../../../evil"))),
        ("untrusted-document", Reply::Ok(outside("/tmp/evil"))),
        ("untrusted-document", Reply::Ok(outside(&format!("{OLD}/services/depot.yaml")))),
    ];
    for (code, reply) in cases {
        server.serve(&archive, reply.clone());
        let ended = run(&["registry", "pull", "acme"]);
        assert!(ended.err.contains(&format!("error[{code}]")), "{code}: {}", ended.err);
        assert!(ended.err.contains("= help: ") && ended.out.is_empty(), "{ended:?}");
        assert_ne!(ended.exit, Some(0));
        let installed = run(&["registry", "list", "--installed"]).success();
        assert!(installed.contains(&format!("acme  {OLD}  pulled")), "{installed}");
        run(&["registry", "verify"]).success();
        let folder = home.path().join("data/registry");
        let mut names: Vec<String> = std::fs::read_dir(&folder)
            .expect("readable")
            .map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        assert_eq!(names, [".pull", "lock.json", "src"], "{code}");
    }
    // the redirect would leave the server
    server.serve(
        &archive,
        Reply::Head("302 Found\r\nlocation: https://evil.example/x.tgz", Vec::new()),
    );
    let ended = run(&["registry", "pull", "acme"]);
    assert!(ended.exit != Some(0) && ended.out.is_empty(), "{ended:?}");
    // and then it works
    server.serve(&archive, Reply::Ok(good));
    run(&["registry", "pull", "acme"]).success();
}

#[test]
fn an_index_is_not_believed_blindly() {
    let (server, home) = (registry(), Home::new());
    let run = |arguments: &[&str]| command(&home, &server, arguments);
    run(&["registry", "pull", "acme"]).success();
    server.index(&format!("providers: {{acme: {{versions: [{OLD}]}}}}"));
    let older = run(&["registry", "pull", "acme"]);
    older.refused("usage", 2, &["older than", NEW, OLD]);
    server.index(&format!("providers: {{acme: {{versions: [{NEW}], sha256: {{{NEW}: '00'}}}}}}"));
    run(&["registry", "pull", "acme"]).refused("untrusted-document", 6, &["SHA-256"]);
    for index in ["<html>", "providers: 1", "a: ["] {
        server.index(index);
        run(&["registry", "list"]).refused("bad-document", 6, &["registry"]);
    }
    server.serve("providers.yaml", Reply::Ok(vec![b' '; (8 << 20) + 1]));
    let large = run(&["registry", "list"]);
    large.refused("untrusted-document", 6, &["bytes"]);
}
