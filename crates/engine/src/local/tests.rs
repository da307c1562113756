//! Sessions that share a folder, without any provider being asked.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::BoxFuture;
use strataql_diag::{Code, Report};

use crate::testing::{self, offline};
use crate::{Parameters, Session};

/// A folder that goes with the test.
struct Home(PathBuf);

impl Home {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("strataql-home-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("made");
        Self(path)
    }

    fn tables(&self) -> PathBuf {
        self.0.join("tables")
    }

    fn rows_files(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.tables()) else { return Vec::new() };
        let paths = entries.flatten().map(|entry| entry.path());
        paths.filter(|path| path.extension().is_some_and(|ending| ending == "parquet")).collect()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ignored = std::fs::remove_dir_all(&self.0);
    }
}

/// The rows of the last statement, cells separated by `|`.
async fn run(session: &Session, text: &str) -> Result<Vec<String>, Box<Report>> {
    Ok(testing::run(session, text).await?.0)
}

/// Servers run statements on many threads.
#[tokio::test]
async fn a_statement_may_move_between_threads() {
    let own = offline(None);
    let parsed = Session::parse("SELECT 1").expect("parses");
    let parameters = Parameters::default();
    let running: BoxFuture<'_, _> =
        Box::pin(own.run_statement("SELECT 1", &parsed[0], &parameters));
    assert!(running.await.is_ok());
}

async fn code(session: &Session, text: &str) -> Code {
    run(session, text).await.expect_err(text).code
}

#[tokio::test]
async fn what_one_session_keeps_another_finds() {
    let home = Home::new();
    let one = offline(Some(home.tables()));
    let made = "CREATE TABLE t AS SELECT * FROM (VALUES (1, 'a'), (2, NULL)) v (n, s);
                INSERT INTO t (S, n) SELECT 'c', 3;
                CREATE VIEW w AS SELECT n * 10 AS tens FROM t;
                CREATE MATERIALIZED VIEW m AS SELECT count(*) FROM t";
    run(&one, made).await.expect("made");
    let other = offline(Some(home.tables()));
    let rows = |text: &'static str| run(&other, text);
    assert_eq!(rows("SELECT * FROM T ORDER BY n").await.expect("reads"), ["1|a", "2|NULL", "3|c"]);
    assert_eq!(rows("SELECT sum(tens) FROM w").await.expect("reads"), ["60"]);
    run(&one, "INSERT INTO t VALUES (4, 'd')").await.expect("inserted");
    assert_eq!(rows("SELECT * FROM m").await.expect("reads"), ["3"]);
    assert_eq!(
        rows("REFRESH MATERIALIZED VIEW m; SELECT \"count(*)\" FROM m").await.expect("reads"),
        ["4"]
    );
    let in_memory = offline(None);
    assert_eq!(code(&in_memory, "SELECT * FROM t").await, Code::UnknownResource);
}

#[tokio::test]
async fn memory_keeps_tables_for_the_session() {
    let own = offline(None);
    let text = "CREATE TABLE t (n BIGINT NOT NULL, s TEXT);
                INSERT INTO t VALUES (1, 'a');
                INSERT INTO t SELECT n + 1, s || 'b' FROM t;
                SELECT * FROM t ORDER BY n";
    assert_eq!(run(&own, text).await.expect("runs"), ["1|a", "2|ab"]);
    assert_eq!(code(&own, "INSERT INTO t (s) VALUES ('x')").await, Code::BadValue);
    assert_eq!(code(&own, "INSERT INTO t (s, q) VALUES ('x', 1)").await, Code::UnknownColumn);
    assert_eq!(code(&own, "INSERT INTO t VALUES (1)").await, Code::Syntax);
    assert_eq!(run(&own, "SELECT count(*) FROM t").await.expect("runs"), ["2"]);
    assert_eq!(code(&own, "DROP TABLE t; SELECT * FROM t").await, Code::UnknownResource);
}

#[tokio::test]
async fn a_statement_that_fails_leaves_no_file() {
    let home = Home::new();
    let own = offline(Some(home.tables()));
    run(&own, "CREATE TABLE t (n INTEGER)").await.expect("made");
    let before = home.rows_files();
    let division = "CREATE TABLE u AS SELECT 1 / (n - 5) AS x FROM generate_series(1, 9) g (n)";
    assert_eq!(code(&own, division).await, Code::BadValue);
    assert_eq!(code(&own, "INSERT INTO t VALUES (1), (3000000000)").await, Code::BadValue);
    assert_eq!(code(&own, "CREATE TABLE t (m INTEGER)").await, Code::BadValue);
    let asks = "CREATE TABLE v AS SELECT * FROM databricks_account.oauth2.custom_app_integration WHERE account_id = 'a'";
    assert_eq!(code(&own, asks).await, Code::RemoteUnavailable);
    assert_eq!(home.rows_files(), before);
    assert_eq!(run(&own, "SELECT count(*) FROM t").await.expect("reads"), ["0"]);
}

#[tokio::test]
async fn rows_that_are_gone_are_an_error_and_not_no_rows() {
    let home = Home::new();
    let own = offline(Some(home.tables()));
    run(&own, "CREATE TABLE t AS SELECT 1 AS n").await.expect("made");
    for path in home.rows_files() {
        std::fs::remove_file(path).expect("removed");
    }
    assert_eq!(code(&own, "SELECT * FROM t").await, Code::LocalIo);
    // and can be put right
    run(&own, "CREATE OR REPLACE TABLE t AS SELECT 2 AS n").await.expect("made");
    assert_eq!(run(&own, "SELECT * FROM t").await.expect("reads"), ["2"]);
}

#[tokio::test]
async fn a_view_is_blind_for_the_names_around_it() {
    let own = offline(None);
    let text = "CREATE TABLE t AS SELECT 1 AS n; CREATE VIEW v AS SELECT n FROM t;
                WITH t AS (SELECT 2 AS n) SELECT v.n, t.n FROM v, t";
    assert_eq!(run(&own, text).await.expect("runs"), ["1|2"]);
    let text = "CREATE VIEW c AS WITH t AS (SELECT 3 AS n) SELECT n FROM t;
                WITH t AS (SELECT 2 AS n) SELECT c.n, t.n FROM c, t";
    assert_eq!(run(&own, text).await.expect("runs"), ["3|2"]);
    assert_eq!(
        code(&own, "CREATE OR REPLACE VIEW v AS SELECT * FROM v").await,
        Code::UnsupportedSyntax
    );
    assert_eq!(code(&own, "CREATE VIEW x AS SELECT nope FROM v").await, Code::UnknownColumn);
}

#[tokio::test]
async fn files_are_tables() {
    let home = Home::new();
    let path = |name: &str| home.0.join(name).display().to_string();
    std::fs::write(path("a.csv"), "id,Text\n1,\"x\ny\"\n2,\n").expect("written");
    std::fs::write(path("a.json"), " [{\"id\": 1, \"d\": {\"k\": 5}}, {\"id\": 3}]")
        .expect("written");
    std::fs::write(path("a.jsonl"), "{\"id\": 2}\n{\"id\": 1}\n").expect("written");
    let own = offline(Some(home.tables()));
    let rows = |text: String| {
        let own = &own;
        async move { run(own, &text).await.expect("reads") }
    };
    let csv = path("a.csv");
    assert_eq!(
        rows(format!("SELECT a.id, text FROM '{csv}' ORDER BY id")).await,
        ["1|x\ny", "2|NULL"]
    );
    let joined = format!(
        "SELECT c.id, d['k'] FROM '{csv}' c JOIN '{}' l USING (id) LEFT JOIN '{}' j USING (id) ORDER BY 1",
        path("a.jsonl"),
        path("a.json")
    );
    assert_eq!(rows(joined).await, ["1|5", "2|NULL"]);
    rows("CREATE TABLE t AS SELECT 7 AS n".to_owned()).await;
    let parquet = home.rows_files().remove(0).display().to_string();
    assert_eq!(rows(format!("SELECT * FROM '{parquet}'")).await, ["7"]);
    assert_eq!(code(&own, &format!("SELECT * FROM '{}'", path("no.csv"))).await, Code::LocalIo);
    run(&own, "SET local_files = off").await.expect("set");
    assert_eq!(code(&own, &format!("SELECT * FROM '{csv}'")).await, Code::UnsupportedSyntax);
}
