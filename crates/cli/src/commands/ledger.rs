//! `strataql ledger verify`.

use strataql_diag::{Code, Report};
use strataql_ledger::{Verification, verify};

use crate::console::Console;
use crate::exit::Exit;
use crate::settings::Settings;

/// Verifies the ledger and prints the result; a problem is a failed check.
pub(crate) fn run(json: bool, sandbox: bool, settings: &Settings, console: &Console) -> Exit {
    let Some(folder) = super::exec::ledger::folder(settings, sandbox) else {
        let report = Report::new(Code::Config, "nothing says where the change ledger is")
            .with_help("set `STRATAQL_HOME` to the folder that has `ledger/` in it");
        return console.fail(&report, None);
    };
    let found = match verify(&folder) {
        Ok(found) => found,
        Err(report) => return console.fail(&report, None),
    };
    let text = if json { json_lines(&found) } else { lines(&found) };
    if let Err(report) = console.write_out(&text) {
        return console.fail(&report, None);
    }
    if found.problems.is_empty() { Exit::SUCCESS } else { Exit::CHECK_FALSE }
}

/// One line per problem, then the totals.
fn lines(found: &Verification) -> String {
    let mut lines: Vec<String> = found
        .problems
        .iter()
        .map(|problem| {
            let place = match &problem.place {
                Some(place) => format!("{}:{}: ", place.file, place.line),
                None => String::new(),
            };
            strataql_output::neutral(&format!("{place}{}", problem.message)).into_owned()
        })
        .collect();
    if !lines.is_empty() {
        lines.push(String::new());
    }
    let mut total = |label: &str, value: String| lines.push(format!("{label:<22}{value:>12}"));
    total("segments", found.segments.to_string());
    total("records", found.records.to_string());
    total("incomplete records", found.incomplete.to_string());
    total("problems", found.problems.len().to_string());
    if let Some(head) = &found.head {
        lines.push(format!("newest record: {head}"));
    }
    lines.join("\n") + "\n"
}

/// One JSON object per problem, then one with the totals.
fn json_lines(found: &Verification) -> String {
    let mut lines: Vec<String> =
        found.problems.iter().filter_map(|problem| serde_json::to_string(problem).ok()).collect();
    lines.push(
        serde_json::json!({
            "segments": found.segments,
            "records": found.records,
            "incomplete": found.incomplete,
            "problems": found.problems.len(),
            "head": found.head,
        })
        .to_string(),
    );
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn damaged() -> Verification {
        let problem =
            Report::new(Code::LocalIo, "this record was altered").with_place("a.jsonl", 3);
        Verification {
            segments: 2,
            records: 9,
            head: Some("ab12".to_owned()),
            problems: vec![problem],
            ..Verification::default()
        }
    }

    #[test]
    fn problems_come_first_with_their_place() {
        let text = lines(&damaged());
        assert!(text.starts_with("a.jsonl:3: this record was altered\n\nsegments "), "{text}");
        assert!(text.ends_with("newest record: ab12\n"), "{text}");
    }

    #[test]
    fn json_is_one_object_a_line() {
        let text = json_lines(&damaged());
        let objects: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("an object")).collect();
        assert_eq!(objects[0]["place"]["line"], 3);
        assert_eq!((&objects[1]["problems"], &objects[1]["head"]), (&1.into(), &"ab12".into()));
    }
}
