//! The examples of README and docs print what stands there.
//!
//! Owns: which examples are run: commands in `console` blocks that begin with `strataql`, with the files
//! that blocks before them name in their first line.
//! Surprise: examples with `…`, with a server of their own or with another program are not run.
//! `UPDATE_EXPECT=1` writes what they print.

use std::path::Path;
use std::process::Command;

use crate::document_views::public_documents;
use crate::process::{Ended, Home};
use crate::slt::setting;

/// Pages whose examples are run, each in a home of its own, from top to bottom.
const PAGES: [&str; 11] = [
    "README.md",
    "docs/querying.md",
    "docs/databricks.md",
    "docs/scripting.md",
    "docs/agents.md",
    "docs/scenarios.md",
    "docs/documents.md",
    "docs/import.md",
    "docs/coming-from.md",
    "docs/deploy.md",
    "docs/from-terraform.md",
];

/// Texts of commands that are not run.
const ELSEWHERE: [&str; 6] = ["…", "127.0.0.1", "sandbox serve", "| jq", "$APPS", "--port"];

/// A command and what stands below it.
struct Example {
    command: String,
    /// Lines of the page with its output.
    output: std::ops::Range<usize>,
}

/// Pages whose examples need the documents of a public registry.
const PAGES_OF_DOCUMENTS: [&str; 1] = ["docs/providers.md"];

#[test]
fn examples_print_what_stands_there() {
    let count = check(&PAGES, &|_| {});
    assert!(count > 40, "{count} examples");
}

/// Needs a folder of public documents, which are pulled documents to the examples; what is skipped is said.
#[cfg(unix)]
#[test]
#[expect(clippy::print_stdout, reason = "nobody should believe that this has run")]
fn examples_of_public_documents_print_what_stands_there() {
    let Some(folder) = public_documents() else {
        println!("skipped: neither STRATAQL_TEST_REGISTRY nor ../shared/registry is there");
        return;
    };
    let folder = folder.canonicalize().expect("a folder");
    let count = check(&PAGES_OF_DOCUMENTS, &|home| {
        let pulled = home.path().join(".local/share/strataql/registry");
        std::fs::create_dir_all(&pulled).expect("writable");
        std::os::unix::fs::symlink(folder.join("src"), pulled.join("src")).expect("a link");
    });
    assert!(count >= 15, "{count} examples");
}

/// Runs the examples of pages, each page in a home of its own that is set up first; gives their number.
fn check(pages: &[&str], set_up: &dyn Fn(&Home)) -> usize {
    let is_update = setting("UPDATE_EXPECT").is_some();
    let mut wrong = Vec::new();
    let mut count = 0;
    for page in pages {
        let path = strataql_e2e::folder().join("..").join(page);
        let text = std::fs::read_to_string(&path).expect(page);
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let home = Home::new();
        set_up(&home);
        let examples = prepare(&lines, &home);
        let mut shown: Vec<(std::ops::Range<usize>, String)> = Vec::new();
        for example in &examples {
            let expected = lines[example.output.clone()].join("\n");
            let seen = run(&home, &example.command);
            count += 1;
            if timeless(&seen) != timeless(expected.trim_end()) {
                wrong.push(format!("{page}: {}\n{expected}\nis now\n{seen}", example.command));
                shown.push((example.output.clone(), seen));
            }
        }
        if is_update {
            for (range, seen) in shown.into_iter().rev() {
                let blank = range.end > range.start && lines[range.end - 1].is_empty();
                let seen = seen.lines().map(str::to_owned).chain(blank.then(String::new));
                lines.splice(range, seen.collect::<Vec<_>>());
            }
            std::fs::write(&path, lines.join("\n") + "\n").expect("writable");
        }
    }
    assert!(wrong.is_empty() || is_update, "{}\nof {count}: {}", wrong.join("\n\n"), wrong.len());
    count
}

/// Writes the files of a page; gives its examples.
fn prepare(lines: &[String], home: &Home) -> Vec<Example> {
    let mut examples = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let Some(kind) = lines[at].strip_prefix("```").filter(|kind| !kind.is_empty()) else {
            at += 1;
            continue;
        };
        let end = (at + 1..lines.len()).find(|line| lines[*line] == "```").expect("the block ends");
        match kind {
            "console" => collect(lines, at + 1..end, &mut examples),
            "yaml" | "sql" | "toml" => {
                let name = lines[at + 1].trim_start_matches(['#', '-', ' ']);
                if name.ends_with(&format!(".{kind}")) && !name.contains(' ') {
                    home.write(name, lines[at + 1..end].join("\n") + "\n");
                }
            }
            _ => {}
        }
        at = end + 1;
    }
    examples
}

/// The examples of a block.
fn collect(lines: &[String], block: std::ops::Range<usize>, examples: &mut Vec<Example>) {
    let mut at = block.start;
    while at < block.end {
        let Some(first) = lines[at].strip_prefix("$ ") else {
            at += 1;
            continue;
        };
        let mut command = first.to_owned();
        at += 1;
        while at < block.end && is_open(&command) {
            command.push('\n');
            command.push_str(&lines[at]);
            at += 1;
        }
        let start = at;
        while at < block.end && !lines[at].starts_with("$ ") {
            at += 1;
        }
        let is_ours = command.starts_with("strataql ") || command.starts_with("STRATAQL_");
        if is_ours && !ELSEWHERE.iter().any(|text| command.contains(text)) {
            examples.push(Example { command, output: start..at });
        }
    }
}

/// True if a quote is open, or the line goes on.
fn is_open(command: &str) -> bool {
    let mut open = None;
    for c in command.chars() {
        match open {
            None if matches!(c, '"' | '\'') => open = Some(c),
            Some(quote) if c == quote => open = None,
            _ => {}
        }
    }
    open.is_some() || command.ends_with('\\')
}

fn run(home: &Home, command: &str) -> String {
    let binary = strataql_e2e::binary();
    let programs = binary.parent().map(Path::to_path_buf).unwrap_or_default();
    let output = Command::new("sh")
        .args(["-c", &format!("{{ {command}\n}} 2>&1")])
        .current_dir(home.path())
        .env_clear()
        .env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", programs.display()))
        .env("HOME", home.path())
        .output()
        .expect("a shell");
    Ended::of(output).out.trim_end().to_owned()
}

/// The text without what differs between runs: durations.
fn timeless(text: &str) -> String {
    let words = text.split(' ').collect::<Vec<_>>();
    let is_number = |word: &str| word.chars().all(|c| c.is_ascii_digit() || c == '.');
    let mut kept: Vec<&str> = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let next = words.get(at + 1).copied().unwrap_or_default();
        kept.push(if is_number(word) && (next == "ms" || next.starts_with("ms\n")) {
            "0"
        } else {
            word
        });
    }
    kept.join(" ")
}
