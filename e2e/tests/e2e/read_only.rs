//! Read-only sessions: every kind of change is refused, and no request that could change something
//! is sent.

use futures::TryStreamExt;
use strataql_diag::{Code, Report};
use strataql_e2e::{World, impatient};
use strataql_engine::Parameters;

use crate::process::exec;

const T: &str = "fleet.machines.machines";
const KEY: &str = "zone = 'z1' AND machine_id = 'm1'";
const OBJECTS: &str = "objects:
  fleet.machines.machines:
  - {zone: z1, machine_id: m1, name: alpha, size: 1}
";

async fn world() -> World {
    let world = World::scenario(OBJECTS, impatient()).await.expect("starts");
    world.session.set("read_only", "on").expect("a setting");
    world
}

/// Runs all statements of a text; the first failure ends it.
async fn run(world: &World, text: &str) -> Result<(), Box<Report>> {
    let parameters = Parameters::default();
    let mut results = std::pin::pin!(world.session.run(text, &parameters));
    while let Some(result) = results.try_next().await? {
        let _rows: Vec<_> = result.rows.try_collect().await?;
    }
    Ok(())
}

/// Requests that are no reads.
fn writes(world: &World) -> Vec<String> {
    let log = world.sandbox.log().into_iter();
    log.filter(|entry| !entry.auth && entry.verb != "GET")
        .map(|entry| format!("{} {}", entry.verb, entry.path))
        .collect()
}

#[rustfmt::skip]
fn statements() -> Vec<String> {
    let key = KEY;
    let at = "@zone = 'z1', @machine_id = 'm1'";
    vec![
        // plain writes
        format!("INSERT INTO {T} (zone, name) VALUES ('z1', 'x')"),
        format!("INSERT INTO {T} (zone, name) SELECT 'z1', 'x'"),
        format!("INSERT INTO {T} (zone, name) SELECT 'z1', 'x' WHERE 1 = 0"),
        format!("INSERT INTO {T} (zone, name) VALUES ('z1', 'x') RETURNING *"),
        format!("INSERT INTO {T} (zone, machine_id, name) VALUES ('z1', 'm1', 'x') ON CONFLICT DO NOTHING"),
        format!("INSERT INTO {T} (zone, machine_id, name) VALUES ('z1', 'm1', 'x') ON CONFLICT (zone, machine_id) DO UPDATE SET name = excluded.name"),
        format!("UPDATE {T} SET size = 2 WHERE {key}"),
        format!("UPDATE {T} SET size = size WHERE zone = 'z1' AND 1 = 0"),
        format!("REPLACE {T} SET name = 'x' WHERE {key}"),
        format!("DELETE FROM {T} WHERE {key}"),
        format!("DELETE FROM {T} WHERE zone = 'z1' AND name = 'nobody'"),
        format!("DELETE FROM {T}"),
        format!("DELETE FROM {T} AS m USING (VALUES (1)) v(n) WHERE m.zone = 'z1' AND m.size = v.n"),
        // case, spacing, comments, hints
        format!("delete from {T} where {key}"),
        format!("dElEtE\tFrOm\n\n{T}\r\nwHeRe {key}"),
        format!("DELETE/**/FROM/**/{T}/**/WHERE/**/{key}"),
        format!("/* SELECT 1 */ DELETE FROM {T} WHERE {key}"),
        format!("-- SELECT 1\nDELETE FROM {T} WHERE {key}"),
        format!("/* /* nested */ */ DELETE FROM {T} WHERE {key}"),
        format!("DELETE /*+ AWAIT */ FROM {T} WHERE {key}"),
        format!("DELETE /*+ READ_ONLY */ FROM {T} WHERE {key}"),
        format!("INSERT /*+ AWAIT NOSTATUS */ INTO {T} (zone, name) VALUES ('z1', 'x')"),
        format!("UPDATE /*+ AWAIT */ {T} SET size = 2 WHERE {key}"),
        format!("REPLACE /*+ AWAIT */ {T} SET size = 2 WHERE {key}"),
        format!("replace/* */{T} set size=2 where {key}"),
        format!("DELETE FROM \"fleet\".\"machines\".\"machines\" WHERE {key}"),
        format!("DELETE FROM FLEET.Machines.MACHINES WHERE {key}"),
        format!("  ;;  DELETE FROM {T} WHERE {key};"),
        // EXEC
        format!("EXEC {T}.delete {at}"),
        format!("exec {T}.delete {at}"),
        format!("EXECUTE {T}.delete {at}"),
        format!("EXEC /*+ SHOWRESULTS */ {T}.create @zone = 'z1', @name = 'x'"),
        format!("EXEC /*+ AWAIT */ {T}.replace {at}, @name = 'x'"),
        format!("EXEC {T}.update {at} @@json = '{{\"size\": 3}}'"),
        format!("EXEC {T}.restart {at}"),
        format!("EXEC \"fleet\".\"machines\".\"machines\".\"delete\" {at}"),
        // EXEC as a relation
        format!("SELECT * FROM (EXEC {T}.delete {at})"),
        format!("SELECT * FROM (EXEC {T}.create @zone = 'z1', @name = 'x') AS e"),
        format!("SELECT 1 WHERE EXISTS (SELECT 1 FROM (EXEC {T}.delete {at}) e)"),
        format!("SELECT * FROM ( /* a */ exec {T}.restart {at} )"),
        format!("SELECT m.name FROM {T} m JOIN (EXEC {T}.restart {at}) e ON true WHERE m.zone = 'z1'"),
        format!("WITH e AS (SELECT * FROM (EXEC {T}.delete {at})) SELECT 1 FROM e"),
        format!("SELECT 1 UNION ALL SELECT 2 FROM (EXEC {T}.delete {at})"),
        format!("VALUES ((SELECT count(*) FROM (EXEC {T}.delete {at})))"),
        format!("SELECT * FROM (EXEC {T}.get {at}) a, (EXEC {T}.delete {at}) b"),
        format!("SELECT * FROM (EXEC {T}.delete {at}) LIMIT 0"),
        // EXPLAIN ANALYZE runs
        format!("EXPLAIN ANALYZE DELETE FROM {T} WHERE {key}"),
        format!("EXPLAIN ANALYZE VERBOSE DELETE FROM {T} WHERE {key}"),
        format!("EXPLAIN ANALYZE INSERT INTO {T} (zone, name) VALUES ('z1', 'x')"),
        format!("EXPLAIN ANALYZE UPDATE {T} SET size = 2 WHERE {key}"),
        format!("EXPLAIN ANALYZE REPLACE {T} SET size = 2 WHERE {key}"),
        format!("EXPLAIN ANALYZE EXEC {T}.delete {at}"),
        format!("EXPLAIN ANALYZE SELECT * FROM (EXEC {T}.delete {at})"),
        format!("explain /* x */ analyze delete from {T} where {key}"),
        // stacked
        format!("SELECT 1; DELETE FROM {T} WHERE {key}"),
        format!("SELECT ';'; DELETE FROM {T} WHERE {key}; SELECT 2"),
        format!("SELECT 1 /* ; */ ; -- ;\n EXEC {T}.delete {at}"),
        format!("SELECT name FROM {T} WHERE zone = 'z1'; UPDATE {T} SET size = 2 WHERE {key}"),
        format!("SELECT '--'; DELETE FROM {T} WHERE {key} -- '"),
        format!("USE fleet; DELETE FROM machines.machines WHERE {key}"),
        format!("USE fleet.machines; DELETE FROM machines WHERE {key}"),
        format!("EXPLAIN DELETE FROM {T} WHERE {key}; DELETE FROM {T} WHERE {key}"),
        format!("SHOW PROVIDERS; INSERT INTO {T} (zone, name) VALUES ('z1', 'x')"),
        format!("SET read_only = on; DELETE FROM {T} WHERE {key}"),
        format!("SET read_only = off; DELETE FROM {T} WHERE {key}"),
        format!("SET read_only = DEFAULT; DELETE FROM {T} WHERE {key}"),
        format!("SET \"read_only\" TO false; DELETE FROM {T} WHERE {key}"),
        // writes inside queries
        format!("WITH x AS (DELETE FROM {T} WHERE {key} RETURNING *) SELECT * FROM x"),
        format!("WITH x AS (INSERT INTO {T} (zone, name) VALUES ('z1', 'x') RETURNING *) SELECT * FROM x"),
        format!("WITH x AS (UPDATE {T} SET size = 2 WHERE {key} RETURNING *) SELECT * FROM x"),
        format!("WITH x AS (SELECT 1) DELETE FROM {T} WHERE {key}"),
        format!("WITH x AS (SELECT 'z1' AS z) INSERT INTO {T} (zone, name) SELECT z, 'x' FROM x"),
        format!("SELECT * INTO t2 FROM {T} WHERE zone = 'z1'"),
        format!("MERGE INTO {T} m USING (SELECT 1 AS n) s ON m.size = s.n WHEN MATCHED THEN DELETE"),
        // what is kept here, and what leaves by files
        format!("CREATE TABLE t AS SELECT name FROM {T} WHERE zone = 'z1'"),
        "CREATE TABLE t (a INT)".to_owned(),
        "CREATE OR REPLACE TABLE t AS SELECT 1 AS a".to_owned(),
        "CREATE TEMPORARY TABLE t AS SELECT 1 AS a".to_owned(),
        "INSERT INTO t VALUES (1)".to_owned(),
        "CREATE VIEW v AS SELECT 1 AS a".to_owned(),
        format!("CREATE VIEW v AS SELECT * FROM (EXEC {T}.delete {at})"),
        "CREATE MATERIALIZED VIEW v AS SELECT 1 AS a".to_owned(),
        "REFRESH MATERIALIZED VIEW v".to_owned(),
        "DROP TABLE t".to_owned(),
        "DROP VIEW IF EXISTS v".to_owned(),
        "ALTER TABLE t ADD COLUMN b INT".to_owned(),
        "TRUNCATE TABLE t".to_owned(),
        format!("TRUNCATE {T}"),
        format!("COPY (SELECT name FROM {T} WHERE zone = 'z1') TO 'x.csv'"),
        "COPY t FROM 'x.csv'".to_owned(),
        "COMMIT".to_owned(),
        "REGISTRY PULL google".to_owned(),
        "PURGE".to_owned(),
        format!("NATIVEQUERY 'DELETE FROM {T}'"),
        format!("PREPARE p AS DELETE FROM {T} WHERE {key}"),
        format!("CALL {T}()"),
        "GRANT ALL ON t TO u".to_owned(),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_of_writing_is_refused() {
    let statements = statements();
    assert!(statements.len() >= 60);
    let mut wrong = Vec::new();
    for sql in statements {
        let world = world().await;
        match run(&world, &sql).await {
            Err(report) if report.code == Code::ReadOnly && !report.help.is_empty() => {}
            got => wrong.push(format!("{sql}: {got:?}")),
        }
        let writes = writes(&world);
        if !writes.is_empty() {
            wrong.push(format!("{sql}: sent {writes:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_goes_on() {
    let world = world().await;
    let at = "@zone = 'z1', @machine_id = 'm1'";
    for sql in [
        format!("SELECT name FROM {T} WHERE zone = 'z1'"),
        format!("EXPLAIN DELETE FROM {T} WHERE {KEY}"),
        format!("EXPLAIN EXEC {T}.delete {at}"),
        format!("EXPLAIN ANALYZE SELECT name FROM {T} WHERE zone = 'z1'"),
        format!("EXEC {T}.get {at}"),
        format!("SELECT name FROM (EXEC {T}.get {at})"),
        format!("SELECT * FROM (EXEC /*+ SHOWRESULTS */ {T}.readings {at}) r"),
        "SELECT 'DELETE FROM x; DROP TABLE y' AS text".to_owned(),
        format!("SELECT name AS \"delete\" FROM {T} WHERE zone = 'z1' -- DELETE"),
        format!("SHOW METHODS IN {T}"),
        format!("DESCRIBE {T}"),
        "SET timeout = '30s'".to_owned(),
        "SET read_only = on".to_owned(),
    ] {
        run(&world, &sql).await.unwrap_or_else(|report| panic!("{sql}: {report}"));
    }
    assert_eq!(writes(&world), Vec::<String>::new());
    for value in ["off", "false", "0"] {
        let report = world.session.set("read_only", value).expect_err("for good");
        assert_eq!(report.code, Code::ReadOnly);
    }
}

#[test]
fn the_command_refuses_with_9() {
    let apps = "databricks_account.oauth2.published_app_integration";
    for sql in [
        format!("INSERT INTO {apps} (account_id, app_id) VALUES ('a1', 'x')"),
        format!(
            "SELECT 1; EXEC {apps}.published_app_integration_delete @account_id = 'a1', @integration_id = 'i'"
        ),
        format!(
            "SELECT * FROM (EXEC {apps}.published_app_integration_create @account_id = 'a1', @app_id = 'x')"
        ),
        "CREATE TABLE t AS SELECT 1 AS a".to_owned(),
    ] {
        exec(&["--sandbox", "--read-only", &sql]).failed("read-only", 9, &["read-only"]);
    }
}
