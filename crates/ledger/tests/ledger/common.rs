//! Records of a fictitious provider, and copies of a folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use strataql_ledger::{
    Intent, JsonText, Ledger, Outcome, OutcomeKind, Principal, Resolution, ResolutionKind, Run,
    Timestamp, Verification, WriteId, request_digest, statement_digest, verify,
};

pub(crate) const STATEMENT: &str = "INSERT INTO zoo.animals.dogs (name) VALUES ('Rex')";

pub(crate) fn at(second: u64) -> Timestamp {
    (UNIX_EPOCH + Duration::from_secs(1_785_579_072 + second)).into()
}

pub(crate) fn ledger(dir: &Path) -> Ledger {
    Ledger::open(dir.to_owned(), run())
}

pub(crate) fn run() -> Run {
    Run { version: "0.1.0".into(), started_at: at(0) }
}

pub(crate) fn intent(row: u64) -> Intent {
    let body = serde_json::json!({ "name": format!("Rex {row}"), "tag": "***" });
    let url = "https://zoo.example/v1/dogs";
    Intent {
        at: at(row),
        statement: STATEMENT.into(),
        statement_digest: statement_digest(STATEMENT),
        row,
        provider: "zoo".into(),
        service: "animals".into(),
        resource: "dogs".into(),
        method: "create".into(),
        verb: "POST".into(),
        url: url.into(),
        principal: Principal {
            provider: "zoo".into(),
            auth_type: "oauth2".into(),
            identity: Some("keeper".into()),
        },
        request_digest: request_digest("POST", url, body.to_string().as_bytes()),
        body: JsonText::new(&body.to_string()),
        idempotency_key: None,
        before: None,
    }
}

pub(crate) fn outcome(kind: OutcomeKind) -> Outcome {
    Outcome { kind, status: Some(200), request_id: Some("q-1".into()), message: None, at: at(9) }
}

pub(crate) fn reported() -> Resolution {
    Resolution { kind: ResolutionKind::Reported, message: None, at: at(10) }
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

/// Records writes one after the other; those with an outcome are applied.
pub(crate) async fn record(
    ledger: &Ledger,
    rows: std::ops::Range<u64>,
    settled: bool,
) -> Vec<WriteId> {
    let mut ids = Vec::new();
    for row in rows {
        let id = ledger.intent(intent(row)).await.expect("recorded");
        if settled {
            ledger.outcome(id.clone(), outcome(OutcomeKind::Applied)).await.expect("recorded");
        }
        ids.push(id);
    }
    ids
}

/// The files of a folder. Copied to another folder, they are in the state after a kill: nobody
/// holds their locks.
pub(crate) type Image = BTreeMap<String, Vec<u8>>;

pub(crate) fn image(dir: &Path) -> Image {
    let entries = fs::read_dir(dir).expect("a folder");
    entries
        .map(|entry| {
            let entry = entry.expect("an entry");
            let name = entry.file_name().into_string().expect("a plain name");
            (name, fs::read(entry.path()).expect("a readable file"))
        })
        .filter(|(name, _)| name != "lock")
        .collect()
}

/// Replaces the content of the folder.
pub(crate) fn put(image: &Image, dir: &Path) {
    if dir.exists() {
        fs::remove_dir_all(dir).expect("removed");
    }
    fs::create_dir_all(dir).expect("created");
    for (name, bytes) in image {
        fs::write(dir.join(name), bytes).expect("written");
    }
}

pub(crate) fn assert_sound(dir: &Path) -> Verification {
    let found = verify(dir).expect("readable");
    assert!(found.problems.is_empty(), "{:#?}", found.problems);
    found
}
