//! SQL tests: rows, and the number of calls.
//!
//! Every file of `slt` has its own sandbox and session, and runs record after record.
//! `UPDATE_EXPECT=1` writes the actual results into the files; `STRATAQL_SLT=TEXT` runs the files
//! whose path contains the text.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use strataql_e2e::World;
use strataql_engine::Parameters;
use strataql_net::{ManualClock, Settings as NetSettings};
use strataql_sandbox::Options;

use crate::script::{Case, Expect, Script, Seen, lines};

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "the number of records is worth knowing")]
async fn sql_tests() {
    let folder = strataql_e2e::folder().join("slt");
    let mut files = Vec::new();
    collect(&folder, &mut files);
    files.sort();
    let only = setting("STRATAQL_SLT").unwrap_or_default();
    let (mut records, mut wrong) = (0, Vec::new());
    for file in files {
        let name = file.strip_prefix(&folder).unwrap_or(&file).display().to_string();
        if name.contains(&only) {
            records += run(&file, &name, &mut wrong).await;
        }
    }
    println!("{records} records");
    assert!(records > 0, "no SQL tests found");
    assert!(wrong.is_empty(), "{} of {records} records:\n{}", wrong.len(), wrong.join("\n"));
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("readable") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "slt") {
            files.push(path);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a test asks how it was started")]
pub(crate) fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

async fn world(script: &Script) -> World {
    let mut options = Options::parse_list(&script.options).expect("valid options");
    let scenario = script.scenario.as_deref().map(strataql_e2e::scenario);
    options.scenario = scenario.transpose().expect("a valid scenario");
    // waits take no time
    let clock = Arc::new(ManualClock::default());
    let environment: HashMap<String, String> = script.environment.iter().cloned().collect();
    let environment = Arc::new(move |name: &str| environment.get(name).cloned());
    let net = NetSettings::default();
    World::in_environment(environment, options, net, clock).await.expect("starts")
}

async fn run(file: &Path, name: &str, wrong: &mut Vec<String>) -> usize {
    let text = std::fs::read_to_string(file).expect("readable");
    let script = Script::parse(name, &text);
    let world = world(&script).await;
    let mut all = Vec::new();
    for case in &script.cases {
        let mut parameters = Parameters::default();
        for (name, value) in &case.parameters {
            parameters.add_text(name, value);
        }
        let before = world.sandbox.requests();
        let logged = world.sandbox.log().len();
        let result = world.run_with(&case.sql, &parameters).await;
        let calls = world.sandbox.requests() - before;
        let (outcome, notes) = match result {
            Ok((table, outcome)) => (Ok(table), outcome.notes()),
            Err(report) => (Err(report), Vec::new()),
        };
        let (sent, hosts) = (sent(&world, logged), hosts(&world, logged));
        let seen = Seen { calls, sent, hosts, outcome };
        let differences = differences(case, &seen, &notes);
        if !differences.is_empty() {
            let sql = case.sql.replace('\n', " ");
            wrong.push(format!("{name}:{}: {sql}\n  {}", case.line, differences.join("\n  ")));
        }
        all.push(seen);
    }
    if setting("UPDATE_EXPECT").is_some() {
        std::fs::write(file, script.rewritten(&all)).expect("writable");
    }
    script.cases.len()
}

/// The requests since then that may change something, sorted, as `PATCH /path {"body": …}`.
fn sent(world: &World, before: usize) -> Vec<String> {
    let log = world.sandbox.log().into_iter().skip(before);
    let mut all: Vec<String> = log
        .filter(|entry| !entry.auth && entry.verb != "GET")
        .map(|entry| match entry.body {
            Some(body) => format!("{} {} {body}", entry.verb, entry.path),
            None => format!("{} {}", entry.verb, entry.path),
        })
        .collect();
    // requests of several rows arrive in any order
    all.sort();
    all
}

/// The hosts of all requests since then, sorted, each once.
fn hosts(world: &World, before: usize) -> Vec<String> {
    let log = world.sandbox.log().into_iter().skip(before);
    let mut all: Vec<String> = log.filter(|entry| !entry.auth).map(|entry| entry.host).collect();
    all.sort();
    all.dedup();
    all
}

/// What is not as it was expected.
fn differences(case: &Case, seen: &Seen, notes: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    if case.calls != seen.calls {
        found.push(format!("calls: {}, expected {}", seen.calls, case.calls));
    }
    if case.sent != seen.sent {
        found.push(format!("sent     {:?}\n  expected {:?}", seen.sent, case.sent));
    }
    if let Some(hosts) = &case.hosts
        && *hosts != seen.hosts
    {
        found.push(format!("hosts    {:?}\n  expected {hosts:?}", seen.hosts));
    }
    for wanted in &case.notes {
        if !notes.iter().any(|note| note.contains(wanted)) {
            found.push(format!("no note with `{wanted}`: {notes:?}"));
        }
    }
    match (&case.expect, &seen.outcome) {
        (Expect::Error { code, text }, Err(report)) => {
            if *code != report.code.id() && *code != report.code.sqlstate() {
                found.push(format!("error {report}, expected {code}"));
            }
            let told = [report.message.clone(), report.help.join(" "), report.notes.join(" ")];
            if !told.join(" ").contains(text.as_str()) {
                found.push(format!("`{text}` is not in {told:?}"));
            }
            if report.help.is_empty() {
                found.push(format!("no next step: {report}"));
            }
        }
        (Expect::Error { code, .. }, Ok(table)) => {
            found.push(format!("{} rows, expected error {code}", table.rows.len()));
        }
        (_, Err(report)) => found.push(format!("error[{}] {}", report.code, report.message)),
        (Expect::Success, Ok(_)) => {}
        (Expect::Rows { kinds, sorted, lines: expected }, Ok(table)) => {
            let got = lines(table, *sorted);
            if got != *expected {
                found.push(format!("got      {got:?}\n  expected {expected:?}"));
            }
            if !kinds.is_empty() && *kinds != table.kinds {
                found.push(format!("types {}, expected {kinds}", table.kinds));
            }
        }
    }
    if let (Some(labels), Ok(table)) = (&case.labels, &seen.outcome)
        && *labels != table.labels
    {
        found.push(format!("labels {:?}, expected {labels:?}", table.labels));
    }
    found
}
