//! Rules of single files.

use super::Finding;

/// Longest Rust file.
const MAX_LINES: usize = 700;
/// Folders whose files are data.
const DATA: [&str; 3] = ["providers/", "e2e/seed/", "bench/history/"];

/// Checks a file.
pub(crate) fn check(path: &str, text: &str, findings: &mut Vec<Finding>) {
    if DATA.iter().any(|folder| path.starts_with(folder)) || path == "Cargo.lock" {
        return;
    }
    machine_paths(path, text, findings);
    if path.ends_with(".rs") {
        rust(path, text, findings);
    }
    if path.ends_with(".slt") {
        calls(path, text, findings);
    }
}

fn rust(path: &str, text: &str, findings: &mut Vec<Finding>) {
    let lines = text.lines().count();
    if lines > MAX_LINES {
        let message = format!("{lines} lines; split the file, {MAX_LINES} are the most");
        findings.push(Finding::new(path, lines, message));
    }
    let is_test = path.contains("/tests/") || path.ends_with("tests.rs");
    if !is_test && !text.starts_with("//!") {
        findings.push(Finding::new(path, 1, "the file has no module docs (`//!`)"));
    }
    if path.ends_with("/mod.rs") {
        findings.push(Finding::new(path, 1, "name the file after its module, not `mod.rs`"));
    }
    // written apart, so that this file does not find itself
    let forbidden = [
        (["#[ign", "ore"], "a test that does not run proves nothing"),
        (["todo", "!("], "unfinished code"),
        (["unimplemented", "!("], "unfinished code"),
        (["dbg", "!("], "a leftover of debugging"),
        (["FIX", "ME"], "finish it, or open an issue"),
    ];
    for (number, line) in text.lines().enumerate() {
        for (parts, message) in &forbidden {
            if line.contains(&parts.concat()) {
                findings.push(Finding::new(path, number + 1, *message));
            }
        }
        let note = ["TO", "DO"].concat();
        if line.contains(&note) && !line.contains(&format!("{note}(#")) {
            findings.push(Finding::new(path, number + 1, "such notes carry an issue number"));
        }
    }
}

/// Absolute paths of somebody's machine.
fn machine_paths(path: &str, text: &str, findings: &mut Vec<Finding>) {
    let prefixes = [["/ro", "ot/"], ["/wo", "rk/"], ["/Us", "ers/"]].map(|parts| parts.concat());
    for (number, line) in text.lines().enumerate() {
        if prefixes.iter().any(|prefix| starts_path(line, prefix)) {
            findings.push(Finding::new(path, number + 1, "a path of somebody's machine"));
        }
    }
}

/// True if a path begins there: nothing of a longer path or URL stands before it.
fn starts_path(line: &str, prefix: &str) -> bool {
    line.match_indices(prefix).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '.' | '-' | '_' | '}' | '/' | '*'))
    })
}

/// Records that touch an API say how many calls they make.
fn calls(path: &str, text: &str, findings: &mut Vec<Finding>) {
    let lines: Vec<&str> = text.lines().collect();
    for (number, line) in lines.iter().enumerate() {
        if !line.starts_with("query") && !line.starts_with("statement") {
            continue;
        }
        let sql: Vec<&str> = lines[number + 1..]
            .iter()
            .take_while(|line| !line.is_empty() && **line != "----")
            .copied()
            .collect();
        let said = number > 0 && lines[number - 1].starts_with("# calls:");
        if touches_api(&sql.join(" ")) && !said {
            let message = "`# calls: N` belongs directly above this record";
            findings.push(Finding::new(path, number + 1, message));
        }
    }
}

/// True if a three-part name follows FROM, JOIN, INTO or UPDATE.
fn touches_api(sql: &str) -> bool {
    let words: Vec<&str> = sql.split_whitespace().collect();
    words.windows(2).any(|pair| {
        let before = pair[0].to_ascii_uppercase();
        let before = before.trim_start_matches('(');
        let is_relation = matches!(before, "FROM" | "JOIN" | "INTO" | "UPDATE");
        let name = pair[1].trim_end_matches(|c: char| !c.is_alphanumeric() && c != '"');
        is_relation && name.split('.').count() == 3
    })
}
