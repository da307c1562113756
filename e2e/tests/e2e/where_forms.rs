//! WHERE of UPDATE, REPLACE and DELETE: exactly the rows that a SELECT with the same WHERE returns
//! are written.

use strataql_diag::Code;
use strataql_e2e::{World, impatient};

const MACHINES: &str = "fleet.machines.machines";

/// What a condition picks: the machines as `zone/machine`, or the code of the refusal.
enum Picks {
    Rows(&'static [&'static str]),
    /// SELECT shows rows, writes refuse: the condition picks no objects, only a scope.
    TooWide,
    /// Nothing can run it.
    Wrong(&'static [Code]),
}

use Picks::{Rows, TooWide, Wrong};

const OBJECTS: &str = "objects:
  fleet.machines.machines:
  - {zone: z1, machine_id: m1, name: alpha, size: 1, active: true, state: on, spec: {cpus: 1, memory: 0.5}, labels: {env: prod}}
  - {zone: z1, machine_id: m2, name: beta, size: 2, active: false, state: off, spec: {cpus: 2, memory: 2}, labels: {env: test}}
  - {zone: z1, machine_id: m3, name: gamma, size: 3, active: true, state: on, spec: {cpus: 8, memory: 16}, labels: {env: prod, tier: a}}
  - {zone: z1, machine_id: m4, size: 4, active: null, state: 'o''n_%'}
  - {zone: z2, machine_id: m1, name: alpha, size: 10, active: true, state: on, spec: {cpus: 1, memory: 1}}
  - {zone: z2, machine_id: m5, name: m5, size: 20, active: false, state: off}
";

#[rustfmt::skip]
fn cases() -> Vec<(&'static str, Picks)> {
    vec![
        // values of parameters
        ("zone = 'z1' AND machine_id = 'm1'", Rows(&["z1/m1"])),
        ("'z1' = zone AND 'm1' = machine_id", Rows(&["z1/m1"])),
        ("(zone = 'z1') AND ((machine_id = 'm1'))", Rows(&["z1/m1"])),
        ("zone = 'z1' AND machine_id IN ('m1', 'm3', 'm1')", Rows(&["z1/m1", "z1/m3"])),
        ("zone IN ('z1', 'z2') AND machine_id = 'm1'", Rows(&["z1/m1", "z2/m1"])),
        ("zone IN ('z1') AND machine_id IN ('m2')", Rows(&["z1/m2"])),
        ("zone = lower('Z1') AND machine_id = 'm' || '1'", Rows(&["z1/m1"])),
        ("zone = 'z1' AND (machine_id = 'm1' OR machine_id = 'm2')", Rows(&["z1/m1", "z1/m2"])),
        ("machines.zone = 'z1' AND machines.machine_id = 'm3'", Rows(&["z1/m3"])),
        ("ZONE = 'z1' AND Machine_Id = 'm3'", Rows(&["z1/m3"])),
        ("zone = 'z1' AND machine_id = (SELECT 'm' || '2')", Rows(&["z1/m2"])),
        ("zone = 'z1' AND machine_id = CASE WHEN 1 = 1 THEN 'm2' ELSE 'm1' END", Rows(&["z1/m2"])),
        ("(zone = 'z1' AND machine_id = 'm1') OR (zone = 'z2' AND machine_id = 'm5')", Rows(&["z1/m1", "z2/m5"])),
        // extra conditions on the object
        ("zone = 'z1' AND machine_id = 'm1' AND name = 'alpha'", Rows(&["z1/m1"])),
        ("zone = 'z1' AND machine_id = 'm1' AND name = 'beta'", Rows(&[])),
        ("zone = 'z1' AND machine_id IN ('m1', 'm2') AND size > 1", Rows(&["z1/m2"])),
        ("zone IN ('z1', 'z2') AND name = 'alpha'", Rows(&["z1/m1", "z2/m1"])),
        ("zone = 'z1' AND machine_id IN ('m1', 'm3') AND NOT machine_id = 'm1'", Rows(&["z1/m3"])),
        // negations
        ("zone = 'z1' AND NOT name = 'alpha'", Rows(&["z1/m2", "z1/m3"])),
        ("zone = 'z1' AND NOT (name = 'alpha' OR size = 2)", Rows(&["z1/m3"])),
        ("zone = 'z1' AND NOT (NOT name = 'alpha')", Rows(&["z1/m1"])),
        ("zone = 'z1' AND NOT machine_id IN ('m1', 'm2')", Rows(&["z1/m3", "z1/m4"])),
        ("zone = 'z1' AND machine_id NOT IN ('m1', 'm2')", Rows(&["z1/m3", "z1/m4"])),
        ("zone = 'z1' AND name <> 'alpha'", Rows(&["z1/m2", "z1/m3"])),
        ("zone = 'z1' AND name != 'alpha'", Rows(&["z1/m2", "z1/m3"])),
        ("zone = 'z1' AND machine_id <> 'm1'", Rows(&["z1/m2", "z1/m3", "z1/m4"])),
        ("zone = 'z1' AND name IS DISTINCT FROM 'alpha'", Rows(&["z1/m2", "z1/m3", "z1/m4"])),
        // patterns
        ("zone = 'z1' AND name LIKE '%a' AND name LIKE 'a%'", Rows(&["z1/m1"])),
        ("zone = 'z1' AND name LIKE '_eta'", Rows(&["z1/m2"])),
        ("zone = 'z1' AND name NOT LIKE 'a%'", Rows(&["z1/m2", "z1/m3"])),
        ("zone = 'z1' AND name ILIKE 'ALPHA'", Rows(&["z1/m1"])),
        ("zone = 'z1' AND machine_id LIKE 'm1'", Rows(&["z1/m1"])),
        ("zone = 'z1' AND state LIKE 'o''n\\_\\%'", Rows(&["z1/m4"])),
        ("zone = 'z1' AND name ~ '^[bg]'", Rows(&["z1/m2", "z1/m3"])),
        // OR
        ("zone = 'z1' AND name = 'alpha' OR zone = 'z1' AND size = 2", Rows(&["z1/m1", "z1/m2"])),
        ("zone = 'z1' AND (machine_id = 'm1' OR name = 'beta')", Rows(&["z1/m1", "z1/m2"])),
        ("zone = 'z1' AND (machine_id = 'm1' OR 1 = 2)", Rows(&["z1/m1"])),
        // ranges and order
        ("zone = 'z1' AND size BETWEEN 2 AND 3", Rows(&["z1/m2", "z1/m3"])),
        ("zone = 'z1' AND size NOT BETWEEN 2 AND 3", Rows(&["z1/m1", "z1/m4"])),
        ("zone = 'z1' AND machine_id BETWEEN 'm1' AND 'm2'", Rows(&["z1/m1", "z1/m2"])),
        ("zone = 'z1' AND machine_id > 'm2'", Rows(&["z1/m3", "z1/m4"])),
        ("zone = 'z1' AND 2 >= size", Rows(&["z1/m1", "z1/m2"])),
        // NULL
        ("zone = 'z1' AND name IS NULL", Rows(&["z1/m4"])),
        ("zone = 'z1' AND name IS NOT NULL AND size > 1", Rows(&["z1/m2", "z1/m3"])),
        ("zone = 'z1' AND machine_id = NULL", Rows(&[])),
        ("zone = 'z1' AND name = NULL", Rows(&[])),
        ("zone = 'z1' AND name IN ('alpha', NULL)", Rows(&["z1/m1"])),
        ("zone = 'z1' AND machine_id IN ('m1', NULL)", Rows(&["z1/m1"])),
        ("zone = 'z1' AND machine_id NOT IN ('m1', NULL)", Rows(&[])),
        ("zone = 'z1' AND coalesce(name, 'none') = 'none'", Rows(&["z1/m4"])),
        // functions and arithmetic
        ("zone = 'z1' AND upper(name) = 'ALPHA'", Rows(&["z1/m1"])),
        ("zone = 'z1' AND upper(machine_id) = 'M2'", Rows(&["z1/m2"])),
        ("zone = 'z1' AND length(name) = 5 AND size = 3", Rows(&["z1/m3"])),
        ("zone = 'z1' AND size + 1 = 3", Rows(&["z1/m2"])),
        ("zone = 'z1' AND size % 2 = 0", Rows(&["z1/m2", "z1/m4"])),
        ("zone = 'z1' AND size = 2.0", Rows(&["z1/m2"])),
        ("zone = 'z1' AND size = '2'", Rows(&["z1/m2"])),
        ("zone || '/' || machine_id = 'z1/m1' AND zone = 'z1'", Rows(&["z1/m1"])),
        ("zone = 'z1' AND CASE WHEN size > 2 THEN true ELSE false END", Rows(&["z1/m3", "z1/m4"])),
        ("zone = 'z2' AND name = machine_id", Rows(&["z2/m5"])),
        ("zone = 'z1' AND 'alpha' IN (name, state)", Rows(&["z1/m1"])),
        // booleans
        ("zone = 'z1' AND active", Rows(&["z1/m1", "z1/m3"])),
        ("zone = 'z1' AND NOT active", Rows(&["z1/m2"])),
        ("zone = 'z1' AND active = false", Rows(&["z1/m2"])),
        ("zone = 'z1' AND active IS NOT TRUE", Rows(&["z1/m2", "z1/m4"])),
        // paths into objects
        ("zone = 'z1' AND spec.cpus > 1", Rows(&["z1/m2", "z1/m3"])),
        ("zone = 'z1' AND labels->>'env' = 'prod'", Rows(&["z1/m1", "z1/m3"])),
        // contradictions and constants
        ("zone = 'z1' AND machine_id = 'm1' AND machine_id = 'm2'", Rows(&[])),
        ("zone = 'z1' AND machine_id = 'm1' AND machine_id IN ('m2', 'm3')", Rows(&[])),
        ("zone = 'z1' AND machine_id = 'm1' AND 1 = 0", Rows(&[])),
        ("zone = 'z1' AND name = 'alpha' AND false", Rows(&[])),
        ("zone = 'z1' AND name = 'alpha' AND true", Rows(&["z1/m1"])),
        ("zone = 'z1' AND size > 3 AND size < 3", Rows(&[])),
        ("zone = 'z1' AND name = 'nobody'", Rows(&[])),
        ("zone = 'z9' AND name = 'alpha'", Rows(&[])),
        // subqueries
        ("zone = 'z1' AND machine_id IN (SELECT 'm2')", Rows(&["z1/m2"])),
        ("zone = 'z1' AND machine_id IN (SELECT v FROM (VALUES ('m1'), ('m9')) t(v))", Rows(&["z1/m1"])),
        ("zone = 'z1' AND machine_id IN (SELECT 'm1' WHERE 1 = 0)", Rows(&[])),
        ("zone = 'z1' AND size = (SELECT max(size) FROM fleet.machines.machines WHERE zone = 'z1')", Rows(&["z1/m4"])),
        ("zone = 'z1' AND machine_id IN (SELECT o.machine_id FROM fleet.machines.machines o WHERE o.zone = 'z2')", Rows(&["z1/m1"])),
        ("zone = 'z1' AND EXISTS (SELECT 1 FROM (VALUES ('beta')) v(n) WHERE v.n = name)", Rows(&["z1/m2"])),
        ("zone = 'z1' AND NOT EXISTS (SELECT 1 FROM (VALUES ('beta'), ('gamma')) v(n) WHERE v.n = name)", Rows(&["z1/m1", "z1/m4"])),
        // a scope is no choice of objects
        ("zone = 'z1'", TooWide),
        ("zone IN ('z1', 'z2')", TooWide),
        ("zone = 'z1' AND true", TooWide),
        ("zone = 'z1' AND 1 = 1", TooWide),
        ("zone = 'z1' AND (machine_id = 'm1' OR 1 = 1)", TooWide),
        ("zone = 'z1' AND machine_id = machine_id", TooWide),
        ("zone = 'z1' OR zone = 'z2'", TooWide),
        // what means nothing
        ("zone = 'z1' AND machine_id IN ()", Wrong(&[Code::Syntax, Code::UnsupportedSyntax])),
        ("zone = 'z1' AND nothing = 1", Wrong(&[Code::UnknownColumn])),
        ("zone = 'z1' AND count(*) > size", Wrong(&[Code::Syntax, Code::UnsupportedSyntax, Code::TypeMismatch])),
        ("name = 'alpha'", Wrong(&[Code::MissingParam])),
        ("zone <> 'z1' AND name = 'alpha'", Wrong(&[Code::MissingParam])),
        ("zone LIKE 'z%' AND name = 'alpha'", Wrong(&[Code::MissingParam])),
        ("zone = 'z1' OR name = 'alpha'", Wrong(&[Code::MissingParam])),
        ("NOT zone = 'z1' AND machine_id = 'm1'", Wrong(&[Code::MissingParam])),
        ("machine_id = 'm1'", Wrong(&[Code::MissingParam])),
        ("zone = '' AND machine_id = 'm1'", Wrong(&[Code::BadParamValue])),
        ("zone = 'z1' AND machine_id = '..'", Wrong(&[Code::BadParamValue])),
    ]
}

async fn world() -> World {
    World::scenario(OBJECTS, impatient()).await.expect("starts")
}

/// The machines that requests of this verb changed, as `zone/machine`, and how many other writes came.
fn changed(world: &World, verb: &str) -> (Vec<String>, usize) {
    let mut machines = Vec::new();
    let mut others = 0;
    for entry in world.sandbox.log() {
        if entry.auth || entry.verb == "GET" {
            continue;
        }
        let parts: Vec<&str> = entry.path.trim_start_matches('/').split('/').collect();
        match parts.as_slice() {
            ["zones", zone, "machines", machine]
                if entry.verb == verb && entry.status == Some(200) =>
            {
                machines.push(format!("{zone}/{machine}"));
            }
            _ => others += 1,
        }
    }
    machines.sort();
    (machines, others)
}

fn statements(condition: &str) -> [(&'static str, String); 3] {
    [
        ("PATCH", format!("UPDATE {MACHINES} SET size = 7 WHERE {condition}")),
        ("PUT", format!("REPLACE {MACHINES} SET name = 'new', size = 7 WHERE {condition}")),
        ("DELETE", format!("DELETE FROM {MACHINES} WHERE {condition}")),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_reach_the_rows_that_a_select_shows() {
    let cases = cases();
    assert!(cases.len() >= 30);
    let mut wrong = Vec::new();
    for (condition, picks) in cases {
        let select = format!(
            "SELECT zone || '/' || machine_id FROM {MACHINES} WHERE {condition} ORDER BY 1"
        );
        let shown = world().await.run(&select).await;
        let shown: Result<Vec<String>, _> = shown.map(|table| table.rows.concat());
        match (&picks, &shown) {
            (Rows(rows), Ok(shown)) if shown == rows => {}
            (TooWide, Ok(shown)) if !shown.is_empty() => {}
            (Wrong(codes), Err(report)) if codes.contains(&report.code) => {}
            _ => wrong.push(format!("SELECT {condition}: {shown:?}")),
        }
        for (verb, sql) in statements(condition) {
            let world = world().await;
            let got = world.run(&sql).await;
            let (machines, others) = changed(&world, verb);
            if others > 0 {
                wrong.push(format!("{sql}: {others} requests of another kind"));
            }
            let fits = match (&picks, &got) {
                (Rows(rows), Ok(_)) => machines == *rows,
                (TooWide, Err(report)) => machines.is_empty() && report.code == Code::MissingParam,
                (Wrong(codes), Err(report)) => machines.is_empty() && codes.contains(&report.code),
                _ => false,
            };
            if !fits {
                wrong.push(format!("{sql}: {got:?}, wrote {machines:?}"));
            }
            if let Err(report) = &got
                && report.help.is_empty()
            {
                wrong.push(format!("{sql}: no help: {report}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_names_the_target() {
    for (verb, sql) in [
        ("DELETE", format!("DELETE FROM {MACHINES} AS m WHERE m.zone = 'z1' AND m.name = 'beta'")),
        ("DELETE", format!("DELETE FROM {MACHINES} m WHERE m.zone = 'z1' AND m.machine_id = 'm2'")),
        (
            "PATCH",
            format!(
                "UPDATE {MACHINES} m SET size = m.size + 1 WHERE m.zone = 'z1' AND m.name = 'beta'"
            ),
        ),
        (
            "PUT",
            format!("REPLACE {MACHINES} m SET size = 3 WHERE m.zone = 'z1' AND m.name = 'beta'"),
        ),
        (
            "DELETE",
            format!(
                "DELETE FROM {MACHINES} m USING (VALUES ('beta')) v(n) WHERE m.zone = 'z1' AND m.name = v.n"
            ),
        ),
        (
            "PATCH",
            format!(
                "UPDATE {MACHINES} SET size = v.s FROM (VALUES ('m2', 5)) v(id, s) WHERE zone = 'z1' AND machine_id = v.id"
            ),
        ),
    ] {
        let world = world().await;
        world.run(&sql).await.unwrap_or_else(|report| panic!("{sql}: {report}"));
        assert_eq!(changed(&world, verb), (vec!["z1/m2".to_owned()], 0), "{sql}");
    }
}

/// An object that is not there is an error of the service, and nothing else is touched.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_of_nothing_is_an_error() {
    for (verb, sql) in statements("zone = 'z1' AND machine_id = 'm9'") {
        let world = world().await;
        let report = world.run(&sql).await.expect_err("not there");
        assert_eq!(report.code, Code::RemoteMissing, "{sql}");
        assert_eq!(changed(&world, verb).0, Vec::<String>::new());
    }
}
