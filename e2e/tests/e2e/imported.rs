//! `strataql provider import`: from an API description to statements that work, for four shapes of API.

use std::process::Command;

use crate::process::{Ended, Home};

/// Imports `crates/forge/tests/import/NAME` as `acme` into a new home.
fn import(name: &str) -> Home {
    let home = Home::new();
    let source = strataql_e2e::folder().join("../crates/forge/tests/import").join(name);
    std::fs::copy(source, home.path().join(name)).expect("copied");
    let ended = run(&home, &["provider", "import", name, "--name", "acme"]);
    assert!(!ended.out.contains("lint:"), "{ended:?}");
    ended.success();
    let again = run(&home, &["provider", "import", name, "--name", "acme"]);
    again.refused("local-io", 11, &["--force"]);
    home
}

fn run(home: &Home, arguments: &[&str]) -> Ended {
    let mut command = Command::new(strataql_e2e::binary());
    command
        .env_clear()
        .env("HOME", home.path())
        .env("STRATAQL_HOME", home.path().join("data"))
        .env("XDG_CACHE_HOME", home.path().join("cache"))
        .env("XDG_CONFIG_HOME", home.path().join("config"))
        .current_dir(home.path())
        .args(arguments);
    Ended::of(command.output().expect("starts"))
}

/// Runs statements in one sandbox of 11 objects in pages of 4; gives the rows as CSV.
#[track_caller]
fn csv(home: &Home, text: &str) -> String {
    let sandbox = "--sandbox=rows=11,page-size=4";
    run(home, &["exec", "--registry", "registry", sandbox, "-o", "csv", text]).success()
}

/// Checks that a list is complete and that it took three requests.
#[track_caller]
fn complete(home: &Home, from: &str, key: &str) {
    let text = format!("SELECT count(*) AS n, count(DISTINCT {key}) AS keys FROM {from}");
    assert_eq!(csv(home, &text), "n,keys\n11,11\n", "{from}");
    let explained = csv(home, &format!("EXPLAIN ANALYZE SELECT {key} FROM {from}"));
    let mut lines = explained.lines();
    let head: Vec<&str> = lines.next().expect("a header").split(',').collect();
    let at = head.iter().position(|name| *name == "pages").expect("pages");
    assert!(explained.contains(",3,"), "column {at}: {explained}");
}

#[test]
fn a_ticket_desk_with_offsets_and_a_key() {
    let home = import("tickets.yaml");
    complete(&home, "acme.api.tickets", "ticket_id");
    // everything that can be done with a ticket, in one state
    let out = csv(
        &home,
        "INSERT INTO acme.api.tickets (title, priority) VALUES ('Broken link', 2) RETURNING title, priority;
         SELECT count(*) AS n FROM acme.api.tickets;
         UPDATE acme.api.tickets SET priority = 1 WHERE ticket_id IN (SELECT ticket_id FROM acme.api.tickets WHERE title = 'Broken link');
         SELECT priority FROM acme.api.tickets WHERE title = 'Broken link';
         DELETE FROM acme.api.tickets WHERE title = 'Broken link';
         SELECT count(*) AS n FROM acme.api.tickets",
    );
    assert_eq!(
        out.lines().filter(|line| !line.is_empty()).collect::<Vec<_>>(),
        ["title,priority", "Broken link,2", "n", "12", "priority", "1", "n", "11",]
    );
}

#[test]
fn a_library_with_cursors() {
    let home = import("cursor.json");
    complete(&home, "acme.api.books WHERE library = 'main'", "isbn");
}

#[test]
fn repositories_with_link_headers() {
    let home = import("links.yaml");
    let described = csv(&home, "SHOW METHODS IN acme.api.repos");
    assert!(described.contains("list"), "{described}");
    complete(&home, "acme.api.repos WHERE org = 'main'", "name");
}

#[test]
fn a_fleet_in_nested_envelopes() {
    let home = import("nested.yaml");
    complete(&home, "acme.api.vehicles WHERE depot = 'north'", "\"vehicleId\"");
}
