//! Rules of Rust files.

use super::{Finding, files};

/// Longest file.
const LIMIT: usize = 700;
/// Longest file without a word from `tidy --verbose`.
pub(super) const AIM: usize = 400;

/// Checks a file.
pub(super) fn check(path: &str, text: &str, findings: &mut Vec<Finding>) {
    let lines = text.lines().count();
    if lines > LIMIT {
        let message = format!("{lines} lines; split the file, {LIMIT} are the most");
        findings.push(Finding::new(path, lines, message));
    }
    if !is_test(path) && !text.starts_with("//!") {
        findings.push(Finding::new(path, 1, "the file has no module docs (`//!`)"));
    }
    if path.ends_with("/mod.rs") {
        findings.push(Finding::new(path, 1, "name the file after its module, not `mod.rs`"));
    }
    for (number, line) in text.lines().enumerate() {
        for message in broken(line) {
            findings.push(Finding::new(path, number + 1, message));
        }
    }
}

/// A file that may stay as it is but should not grow.
pub(super) fn long(path: &str, text: &str) -> Option<(String, usize)> {
    let lines = text.lines().count();
    let is_code = files::has_extension(path, "rs") && !files::is_golden(path);
    (is_code && lines > AIM).then(|| (path.to_owned(), lines))
}

/// Tests explain themselves by their names.
fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs")
}

/// What is wrong with a line.
fn broken(line: &str) -> Vec<&'static str> {
    // written apart, so that this file does not find itself
    let forbidden = [
        ("#[ign_ore", "a test that does not run proves nothing"),
        ("to_do!(", "unfinished code"),
        ("unimple_mented!(", "unfinished code"),
        ("db_g!(", "a leftover of debugging"),
        ("FIX_ME", "finish it, or open an issue"),
    ];
    let mut messages: Vec<&str> = forbidden
        .into_iter()
        .filter(|(parts, _)| line.contains(&parts.replacen('_', "", 1)))
        .map(|(_, message)| message)
        .collect();
    if has_unnumbered_note(line) {
        messages.push("such a note carries the number of an issue: `(#123)`");
    }
    messages
}

/// True if a note about later work names no issue.
fn has_unnumbered_note(line: &str) -> bool {
    let note = ["TO", "DO"].concat();
    line.match_indices(&note).any(|(at, _)| {
        let rest = &line[at + note.len()..];
        let issue = rest.strip_prefix("(#").and_then(|rest| rest.split_once(')'));
        let is_numbered = issue.is_some_and(|(number, _)| {
            !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
        });
        let is_word = line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_')
            || rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        !is_word && !is_numbered
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(path: &str, text: &str) -> Vec<(usize, String)> {
        let mut findings = Vec::new();
        check(path, text, &mut findings);
        findings.into_iter().map(|finding| (finding.line, finding.message)).collect()
    }

    #[test]
    fn size_is_limited() {
        let of = |lines: usize| "//! Docs.\n".repeat(lines);
        assert_eq!(messages("crates/a/src/a.rs", &of(LIMIT)), []);
        assert_eq!(messages("crates/a/src/a.rs", &of(LIMIT + 1))[0].0, LIMIT + 1);
        assert_eq!(long("a.rs", &of(AIM)), None);
        assert_eq!(long("a.rs", &of(AIM + 1)), Some(("a.rs".to_owned(), AIM + 1)));
        assert_eq!(long("a.md", &of(AIM + 1)), None);
    }

    #[test]
    fn modules_have_docs_and_names() {
        assert_eq!(messages("crates/a/src/lib.rs", "mod a;\n").len(), 1);
        assert_eq!(messages("crates/a/src/attests.rs", "mod a;\n").len(), 1);
        assert_eq!(messages("crates/a/src/b/tests.rs", "use super::*;\n"), []);
        assert_eq!(messages("crates/a/tests/b.rs", "#[test]\n"), []);
        assert_eq!(messages("crates/a/src/b/mod.rs", "//! Docs.\n").len(), 1);
    }

    #[test]
    fn unfinished_code_is_found() {
        for parts in [
            "#[ign_ore]",
            "#[ign_ore = \"slow\"]",
            "to_do!()",
            "unimple_mented!()",
            "db_g!(x)",
            "FIX_ME",
        ] {
            let text = ["//! Docs.\n", &parts.replacen('_', "", 1), "\n"].concat();
            let found = messages("crates/a/src/lib.rs", &text);
            assert_eq!(found.len(), 1, "{parts}");
            assert_eq!(found[0].0, 2, "{parts}");
        }
    }

    #[test]
    fn notes_carry_a_number() {
        let note = ["TO", "DO"].concat();
        for (rest, wrong) in
            [("", 1), (": later", 1), ("(ada): x", 1), ("(#): x", 1), ("(#12): x", 0), ("S_MAX", 0)]
        {
            let text = format!("//! Docs.\n// {note}{rest}\n");
            assert_eq!(messages("crates/a/src/lib.rs", &text).len(), wrong, "{rest}");
        }
    }
}
