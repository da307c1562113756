//! Every response that a service, a gateway or a broken connection can give, to every request of every
//! kind of statement: a matrix of response, statement, step and what is found afterwards.
//!
//! A read returns all rows or an error that names method and page. A write is done only if its response
//! or a lookup shows it, is never sent twice, and is recorded as what is known of it. No output has the
//! credential. A sample of the cells runs by default; `STRATAQL_FULL=1` runs all.

#[path = "hostile/answers.rs"]
mod answers;
#[path = "hostile/cases.rs"]
mod cases;
#[path = "hostile/lookups.rs"]
mod lookups;
#[path = "hostile/server.rs"]
mod server;
#[path = "hostile/undo.rs"]
mod undo;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use strataql_diag::{Code, Redactor, Report};
use strataql_e2e::{impatient, registry};
use strataql_engine::{
    Engine, EngineConfig, Parameters, Recording, Session, Settings as SessionSettings,
};
use strataql_ledger::{Ledger, OutcomeKind, Run, Timestamp, read};
use strataql_net::{
    Clock, Environment, ManualClock, ProxyPolicy, Settings as NetSettings, Transport,
};
use tokio::task::JoinSet;
use url::Url;

use self::answers::{ANSWERS, Meaning, SECRET, secrets};
use self::cases::{After, Cell, Kind, Step, T, cells, script};
use self::server::{Asked, Hostile, Wire};

/// Everything that a statement shows.
struct Seen {
    result: Result<Vec<String>, Box<Report>>,
    text: String,
    asked: Vec<Asked>,
    outcome: Option<OutcomeKind>,
}

/// A session whose provider `fleet` is a server, and whose writes are recorded in a folder.
fn session(url: &str, home: &Path) -> Session {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::default());
    let started = Run { version: "test".to_owned(), started_at: Timestamp::from(clock.wall()) };
    let ledger = Arc::new(Ledger::open(home.to_path_buf(), started));
    let environment: Environment =
        Arc::new(|name: &str| (name == "FLEET_TOKEN").then(|| SECRET.to_owned()));
    let net = NetSettings {
        endpoints: HashMap::from([("fleet".to_owned(), Url::parse(url).expect("a URL"))]),
        proxy: ProxyPolicy::None,
        environment: Arc::clone(&environment),
        max_body: 1 << 20,
        ..impatient()
    };
    let transport = Transport::new(net, Arc::clone(&clock), Redactor::new()).expect("a client");
    let engine = Engine::new(EngineConfig {
        registry: registry().expect("documents"),
        exchange: Arc::new(transport),
        environment,
        tables: None,
        recording: Recording::On { ledger, clock },
    })
    .expect("an engine");
    let session = engine.session(SessionSettings::default());
    session.set("transaction.mode", "eager").expect("a setting");
    session
}

async fn run(cell: Cell) -> Seen {
    let server = Hostile::start(script(cell)).await;
    let home = tempfile::tempdir().expect("a folder");
    let session = session(&server.url, home.path());
    let mut text = String::new();
    for sql in cell.case.before {
        statement(&session, sql, &mut text).await.expect("what runs before it");
    }
    let result = statement(&session, cell.case.sql, &mut text).await;
    let asked = server.asked();
    if !cell.case.before.is_empty() {
        let _undone = statement(&session, "ROLLBACK", &mut text).await;
    }
    let entries = read(home.path()).expect("a ledger");
    let outcome = entries.first().and_then(|entry| entry.outcome.as_ref()).map(|it| it.kind);
    for file in std::fs::read_dir(home.path()).expect("readable") {
        let bytes = std::fs::read(file.expect("readable").path()).unwrap_or_default();
        text.push_str(&String::from_utf8_lossy(&bytes));
    }
    Seen { result, text, asked, outcome }
}

/// Runs a statement; everything that it shows is added to `text`.
async fn statement(
    session: &Session,
    sql: &str,
    text: &mut String,
) -> Result<Vec<String>, Box<Report>> {
    use futures::TryStreamExt;

    let parsed = Session::parse(sql)?;
    let run = async {
        let result = session.run_statement(sql, &parsed[0], &Parameters::default()).await?;
        let outcome = result.outcome.clone();
        let batches: Vec<_> = result.rows.try_collect().await?;
        Ok::<_, Box<Report>>((outcome.notes(), batches))
    };
    let (notes, batches) = match run.await {
        Ok(done) => done,
        Err(report) => {
            text.push_str(&[report.to_string(), format!("{report:?}")].join("\n"));
            return Err(report);
        }
    };
    text.push_str(&notes.join("\n"));
    let mut rows = Vec::new();
    for batch in &batches {
        let options = arrow::util::display::FormatOptions::default().with_null("NULL");
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|column| {
                arrow::util::display::ArrayFormatter::try_new(column, &options).expect("shown")
            })
            .collect();
        for row in 0..batch.num_rows() {
            let cells: Vec<String> =
                columns.iter().map(|column| column.value(row).to_string()).collect();
            rows.push(cells.join(" "));
        }
    }
    text.push_str(&rows.join("\n"));
    rows.sort();
    Ok(rows)
}

/// Everything that is wrong with a cell.
fn judge(cell: Cell, seen: &Seen) -> Vec<String> {
    let mut wrong = Vec::new();
    if let Some(secret) = secrets().iter().find(|secret| seen.text.contains(**secret)) {
        wrong.push(format!("shows `{secret}`"));
    }
    if let Err(report) = &seen.result {
        if matches!(report.code, Code::Internal | Code::Syntax | Code::UnsupportedSyntax) {
            wrong.push(format!("{report}"));
        }
        if report.help.is_empty() {
            wrong.push(format!("{report} gives no next step"));
        }
    }
    match cell.case.kind {
        Kind::Read => judge_read(cell, seen, &mut wrong),
        Kind::Write(verb, object) => judge_write(cell, verb, object.is_some(), seen, &mut wrong),
    }
    wrong
}

fn judge_read(cell: Cell, seen: &Seen, wrong: &mut Vec<String>) {
    let meaning = cell.answer().meaning;
    match &seen.result {
        Ok(rows) if meaning == Meaning::Whole => {
            if rows.iter().map(String::as_str).ne(cell.case.rows.iter().copied()) {
                wrong.push(format!("{rows:?}"));
            }
        }
        // a documented list without rows, or an object without fields
        Ok(_) if meaning == Meaning::DoneOrEmpty => {}
        Ok(rows) => wrong.push(format!("{} rows and no error", rows.len())),
        Err(report) if meaning == Meaning::Whole => wrong.push(format!("{report}")),
        Err(report) => {
            let method = match cell.step {
                Step::Page(number) => format!("page {number} of the response to `{T}.list`"),
                _ => format!("`{T}.get`"),
            };
            let told = format!("{} {}", report.message, report.notes.join(" "));
            if !told.contains(&method) {
                wrong.push(format!("{told} does not name {method}"));
            }
            if report.remote.as_ref().is_none_or(|remote| remote.url.is_empty()) {
                wrong.push(format!("{report} names no address"));
            }
        }
    }
}

fn judge_write(cell: Cell, verb: &str, can_look: bool, seen: &Seen, wrong: &mut Vec<String>) {
    let meaning = cell.answer().meaning;
    let writes: Vec<&Asked> = seen.asked.iter().filter(|asked| asked.verb == verb).collect();
    if cell.step != Step::Write {
        // an error before the write keeps it from leaving
        match (&seen.result, meaning) {
            (Ok(_), Meaning::Open | Meaning::Refused | Meaning::Done) => {
                wrong.push("done".to_owned());
            }
            (Err(_), Meaning::Open | Meaning::Refused | Meaning::Done) if !writes.is_empty() => {
                wrong.push(format!("sent {writes:?}"));
            }
            (Err(report), Meaning::Whole) => wrong.push(format!("{report}")),
            _ => {}
        }
        return;
    }
    // a whole replacement may be repeated, and so may what a service says that it did not do
    let may_repeat = verb == "PUT" || meaning == Meaning::Refused;
    if writes.is_empty() || (writes.len() > 1 && !may_repeat) {
        wrong.push(format!("sent {} times", writes.len()));
    }
    let has_evidence = match meaning {
        Meaning::Whole | Meaning::Done | Meaning::DoneOrEmpty => true,
        Meaning::Open => can_look && cell.after == After::Made,
        Meaning::Refused => false,
    };
    match &seen.result {
        Ok(_) if !has_evidence => wrong.push("done without evidence".to_owned()),
        Ok(_) if seen.outcome != Some(OutcomeKind::Applied) => {
            wrong.push(format!("done, and recorded as {:?}", seen.outcome));
        }
        Ok(_) => {}
        Err(report) => {
            let is_returning = report.notes.iter().any(|note| note.contains("only RETURNING"));
            if matches!(meaning, Meaning::Whole | Meaning::Done | Meaning::DoneOrEmpty)
                && !is_returning
            {
                wrong.push(format!("not done: {report}"));
            }
            if meaning == Meaning::Open
                && cell.after != After::NotMade
                && report.code != Code::WriteOutcomeUnknown
                && !is_returning
            {
                wrong.push(format!("not unknown: {report}"));
            }
            if meaning == Meaning::Refused
                && report.code == Code::WriteOutcomeUnknown
                && verb != "PUT"
            {
                wrong.push(format!("unknown: {report}"));
            }
            if seen.outcome == Some(OutcomeKind::Applied) && !is_returning {
                wrong.push("an error, and recorded as applied".to_owned());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_response_makes_a_wrong_row_or_a_write_that_was_not() {
    let is_full = std::env::var_os("STRATAQL_FULL").is_some_and(|value| value == "1");
    let all = cells();
    let step = if is_full { 1 } else { 4 };
    // shifted by one in each row, so that every response occurs
    let is_taken = |at: usize| (at + at / ANSWERS.len()).is_multiple_of(step);
    let sample: Vec<Cell> = (0..all.len()).filter(|at| is_taken(*at)).map(|at| all[at]).collect();
    assert!(sample.len() >= 600, "{} of {} cells", sample.len(), all.len());
    let mut tasks = JoinSet::new();
    let mut wrong = Vec::new();
    let mut waiting = sample.iter().copied();
    loop {
        while tasks.len() < 4
            && let Some(cell) = waiting.next()
        {
            tasks.spawn(async move {
                let seen = run(cell).await;
                let found = judge(cell, &seen);
                let name = format!(
                    "{}, {:?}, {:?}, {}",
                    cell.case.name,
                    cell.step,
                    cell.after,
                    cell.answer().name
                );
                found.into_iter().map(|what| format!("{name}: {what}")).collect::<Vec<_>>()
            });
        }
        let Some(done) = tasks.join_next().await else { break };
        wrong.extend(done.expect("no panic"));
    }
    wrong.sort();
    assert!(wrong.is_empty(), "{} of {} cells:\n{}", wrong.len(), sample.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_of_statements_are_sent_as_they_are_written() {
    let done = b"HTTP/1.1 204 X\r\nconnection: close\r\n\r\n".to_vec();
    let server = Hostile::start(Arc::new(move |_, _| Wire::Bytes(done.clone()))).await;
    let home = tempfile::tempdir().expect("a folder");
    let session = session(&server.url, home.path());
    let one = "WHERE zone = 'z1' AND machine_id = 'm1'";
    for (sql, body) in [
        (format!("UPDATE {T} SET spec.memory = 1.10 {one}"), r#"{"spec":{"memory":1.10}}"#),
        (format!("UPDATE {T} SET spec.memory = -1e3 {one}"), r#"{"spec":{"memory":-1e3}}"#),
        (
            format!("UPDATE {T} SET size = 12345678901234567890123 {one}"),
            r#"{"size":12345678901234567890123}"#,
        ),
        (
            format!("UPDATE {T} SET spec = '{{\"memory\": 0.1234567890123456789}}' {one}"),
            r#"{"spec":{"memory":0.1234567890123456789}}"#,
        ),
        (
            format!("UPDATE {T} SET spec = JSON('{{\"cpus\": 18446744073709551616}}') {one}"),
            r#"{"spec":{"cpus":18446744073709551616}}"#,
        ),
        (
            format!(
                "EXEC {T}.replace @zone = 'z1', @machine_id = 'm1', @@json = '{{\"spec\": {{\"memory\": 2.50}}}}'"
            ),
            r#"{"spec":{"memory":2.50}}"#,
        ),
        (
            format!("INSERT INTO {T} (zone, name, size) VALUES ('z1', 'a', 99999999999999999999)"),
            r#"{"name":"a","size":99999999999999999999}"#,
        ),
        // text stays text
        (format!("UPDATE {T} SET name = 1.10 {one}"), r#"{"name":"1.10"}"#),
        (format!("UPDATE {T} SET spec.memory = 1.5 * 2 {one}"), r#"{"spec":{"memory":3.0}}"#),
    ] {
        let mut text = String::new();
        let result = statement(&session, &sql, &mut text).await;
        let last = server.asked().pop().map(|asked| asked.body);
        assert!(result.is_ok(), "{sql}: {text}");
        assert_eq!(last.as_deref(), Some(body), "{sql}");
    }
}
