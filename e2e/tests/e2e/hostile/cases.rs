//! The cells: statements, their requests, and what the service does beside the response of the cell.

use std::sync::Arc;

use super::answers::{ANSWERS, Answer};
use super::server::{Asked, Script, Wire};

/// The resource of all statements.
pub(super) const T: &str = "fleet.machines.machines";
const MACHINES: [(&str, &str, i64); 6] = [
    ("m1", "alpha", 1),
    ("m2", "beta", 2),
    ("m3", "gamma", 3),
    ("m4", "delta", 4),
    ("m5", "eps", 5),
    ("m6", "zeta", 6),
];

/// The request that gets the response of the cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// A page of the list, from 1.
    Page(usize),
    /// The read of one object before anything is written.
    Lookup(&'static str),
    /// The write.
    Write,
}

/// What a lookup shows after the write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    Made,
    NotMade,
    /// It gets the response of the cell.
    Same,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Read,
    /// The verb of its write, and the object that a lookup can find.
    Write(&'static str, Option<&'static str>),
}

/// A statement, with what runs before it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) before: &'static [&'static str],
    pub(super) sql: &'static str,
    pub(super) kind: Kind,
    pub(super) steps: &'static [Step],
    /// Rows of a read.
    pub(super) rows: &'static [&'static str],
}

const ALL: &[&str] = &["m1 alpha", "m2 beta", "m3 gamma", "m4 delta", "m5 eps", "m6 zeta"];
const PAGES: &[Step] = &[Step::Page(1), Step::Page(2), Step::Page(3)];

const fn read_case(
    name: &'static str,
    sql: &'static str,
    steps: &'static [Step],
    rows: &'static [&'static str],
) -> Case {
    Case { name, before: &[], sql, kind: Kind::Read, steps, rows }
}

const fn write_case(
    name: &'static str,
    sql: &'static str,
    verb: &'static str,
    object: Option<&'static str>,
    steps: &'static [Step],
) -> Case {
    Case { name, before: &[], sql, kind: Kind::Write(verb, object), steps, rows: &[] }
}

pub(super) const CASES: &[Case] = &[
    read_case(
        "list",
        "SELECT machine_id, name FROM fleet.machines.machines WHERE zone = 'z1'",
        PAGES,
        ALL,
    ),
    read_case(
        "count",
        "SELECT 'n' AS a, count(*) AS b FROM fleet.machines.machines WHERE zone = 'z1'",
        PAGES,
        &["n 6"],
    ),
    read_case(
        "lookup",
        "SELECT machine_id, name FROM fleet.machines.machines WHERE zone = 'z1' AND machine_id = 'm2'",
        &[Step::Lookup("m2")],
        &["m2 beta"],
    ),
    read_case(
        "fan-out",
        "SELECT machine_id, name FROM fleet.machines.machines WHERE zone = 'z1' AND machine_id IN ('m1', 'm2')",
        &[Step::Lookup("m1"), Step::Lookup("m2")],
        &["m1 alpha", "m2 beta"],
    ),
    read_case(
        "self-join",
        "SELECT a.machine_id, b.name FROM fleet.machines.machines a JOIN fleet.machines.machines b ON a.size = b.size WHERE a.zone = 'z1' AND b.zone = 'z1'",
        &[Step::Page(2)],
        ALL,
    ),
    write_case(
        "insert",
        "INSERT INTO fleet.machines.machines (zone, machine_id, name) VALUES ('z1', 'm9', 'nine')",
        "POST",
        Some("m9"),
        &[Step::Write],
    ),
    write_case(
        "insert returning",
        "INSERT INTO fleet.machines.machines (zone, machine_id, name) VALUES ('z1', 'm9', 'nine') RETURNING machine_id",
        "POST",
        Some("m9"),
        &[Step::Write],
    ),
    write_case(
        "insert without a name",
        "INSERT INTO fleet.machines.machines (zone, name) VALUES ('z1', 'nine')",
        "POST",
        None,
        &[Step::Write],
    ),
    write_case(
        "update",
        "UPDATE fleet.machines.machines SET size = 7 WHERE zone = 'z1' AND machine_id = 'm1'",
        "PATCH",
        Some("m1"),
        &[Step::Write],
    ),
    write_case(
        "update by search",
        "UPDATE fleet.machines.machines SET size = 7 WHERE zone = 'z1' AND name = 'alpha'",
        "PATCH",
        Some("m1"),
        &[Step::Page(1), Step::Page(3), Step::Write],
    ),
    write_case(
        "replace",
        "REPLACE fleet.machines.machines SET name = 'new' WHERE zone = 'z1' AND machine_id = 'm1'",
        "PUT",
        Some("m1"),
        &[Step::Write],
    ),
    write_case(
        "delete",
        "DELETE FROM fleet.machines.machines WHERE zone = 'z1' AND machine_id = 'm1'",
        "DELETE",
        Some("m1"),
        &[Step::Write],
    ),
    write_case(
        "delete by search",
        "DELETE FROM fleet.machines.machines WHERE zone = 'z1' AND name = 'alpha'",
        "DELETE",
        Some("m1"),
        &[Step::Page(2), Step::Write],
    ),
    write_case(
        "exec",
        "EXEC fleet.machines.machines.restart @zone = 'z1', @machine_id = 'm1', @reason = 'x'",
        "POST",
        None,
        &[Step::Write],
    ),
    Case {
        name: "eager transaction",
        before: &["BEGIN"],
        sql: "UPDATE fleet.machines.machines SET size = 7 WHERE zone = 'z1' AND machine_id = 'm1'",
        kind: Kind::Write("PATCH", Some("m1")),
        steps: &[Step::Lookup("m1"), Step::Write],
        rows: &[],
    },
];

#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    pub(super) case: &'static Case,
    pub(super) step: Step,
    pub(super) after: After,
    pub(super) answer: usize,
}

impl Cell {
    pub(super) fn answer(&self) -> &'static Answer {
        &ANSWERS[self.answer]
    }
}

pub(super) fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for case in CASES {
        for step in case.steps {
            let afters: &[After] = match (case.kind, step) {
                (Kind::Write(_, Some(_)), Step::Write) => {
                    &[After::Made, After::NotMade, After::Same]
                }
                _ => &[After::Same],
            };
            for after in afters {
                let all = 0..ANSWERS.len();
                cells.extend(all.map(|answer| Cell { case, step: *step, after: *after, answer }));
            }
        }
    }
    cells
}

/// An object as the service shows it.
fn machine(id: &str, name: &str, size: i64) -> String {
    format!(r#"{{"machine_id":"{id}","name":"{name}","size":{size},"active":true}}"#)
}

fn reply(status: u16, body: &str) -> Wire {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
    );
    Wire::Bytes(format!("{head}{body}").into_bytes())
}

/// An object before the writes, or after one that was made; `None` if there is none.
fn shown(id: &str, write: Option<&str>) -> Option<String> {
    let known = MACHINES.iter().find(|(known, ..)| *known == id);
    match (known, write) {
        (_, Some("DELETE")) | (None, None) => None,
        (None, Some(_)) => Some(machine(id, "nine", 0)),
        (Some((_, name, _)), Some("PATCH")) => Some(machine(id, name, 7)),
        (Some((_, _, size)), Some("PUT")) => Some(machine(id, "new", *size)),
        (Some((_, name, size)), _) => Some(machine(id, name, *size)),
    }
}

/// The page of a list that a path asks for, from 1.
fn page_of(path: &str) -> usize {
    match path.split_once("page_token=t") {
        Some((_, number)) => number.parse().unwrap_or(1),
        None => 1,
    }
}

fn page(number: usize) -> String {
    let rows = &MACHINES[2 * number - 2..2 * number];
    let rows: Vec<String> = rows.iter().map(|(id, name, size)| machine(id, name, *size)).collect();
    let next =
        if number < 3 { format!(r#","next_page_token":"t{}""#, number + 1) } else { String::new() };
    format!(r#"{{"machines":[{}]{next}}}"#, rows.join(","))
}

pub(super) fn script(cell: Cell) -> Script {
    let missing = r#"{"error_code":"NOT_FOUND","message":"there is no such machine"}"#;
    Arc::new(move |before: &[Asked], asked: &Asked| {
        let answer = cell.answer();
        let written = before.iter().map(|one| one.verb.as_str()).find(|verb| *verb != "GET");
        if asked.verb != "GET" {
            let id =
                asked.path.rsplit('/').next().filter(|id| id.starts_with('m') && *id != "machines");
            let verb = if asked.verb == "DELETE" { "POST" } else { &asked.verb };
            let body = if asked.path.ends_with("/restart") {
                r#"{"accepted":true}"#.to_owned()
            } else {
                shown(id.unwrap_or("m9"), Some(verb)).unwrap_or_default()
            };
            // what undoes a write is answered as documented
            return if cell.step == Step::Write && written.is_none() || is_again(before, asked) {
                answer.wire(&body)
            } else {
                reply(200, &body)
            };
        }
        if asked.path.starts_with("/again") {
            return answer.wire("{}");
        }
        if asked.path.split('?').next().is_some_and(|path| path.ends_with("/machines")) {
            let number = page_of(&asked.path);
            return match cell.step {
                Step::Page(own) if own == number => answer.wire(&page(number)),
                _ => reply(200, &page(number)),
            };
        }
        let id = asked.path.rsplit('/').next().unwrap_or_default();
        let state = written.filter(|_| cell.after == After::Made || cell.step != Step::Write);
        let object = shown(id, state);
        let body = object.clone().unwrap_or_else(|| missing.to_owned());
        match (cell.step, written) {
            (Step::Lookup(own), None) if own == id => answer.wire(&body),
            (Step::Write, Some(_)) if cell.after == After::Same => answer.wire(&body),
            _ if object.is_some() => reply(200, &body),
            _ => reply(404, missing),
        }
    })
}

/// True for a request that was sent before.
fn is_again(before: &[Asked], asked: &Asked) -> bool {
    before.contains(asked)
}
