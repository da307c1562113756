//! Mistakes that people make, and what they read then.
//!
//! `goldens/mistakes.txt` has a heading, a command and its whole output for each; `UPDATE_EXPECT=1`
//! writes the outputs. A message names the object and the cause, and `help` says what to do next.

use std::path::Path;
use std::process::Command;

use crate::process::{Ended, Home};
use crate::slt::setting;

/// Fewest mistakes that the file has.
const FEWEST: usize = 60;

/// A section of the file.
struct Mistake {
    title: String,
    /// Files that the command reads: name and content.
    files: Vec<(String, String)>,
    command: String,
    output: String,
}

#[test]
fn every_mistake_is_answered() {
    let path = strataql_e2e::folder().join("goldens/mistakes.txt");
    let text = std::fs::read_to_string(&path).expect("readable");
    let mistakes = parse(&text);
    assert!(mistakes.len() >= FEWEST, "{} mistakes", mistakes.len());
    let is_update = setting("UPDATE_EXPECT").is_some();
    let seen: Vec<String> = mistakes.iter().map(run).collect();
    if is_update {
        std::fs::write(&path, written(&mistakes, &seen)).expect("writable");
    }
    let mut wrong = Vec::new();
    for (mistake, seen) in mistakes.iter().zip(&seen) {
        if *seen != mistake.output && !is_update {
            wrong.push(format!("# {}\n{}\nis now\n{seen}", mistake.title, mistake.output));
        }
        let is_answered = seen.contains("help: ")
            || seen.contains("tip: ")
            || seen.contains("For more information");
        assert!(is_answered, "no next step: {}\n{seen}", mistake.title);
    }
    assert!(wrong.is_empty(), "{}\nof {} differ", wrong.join("\n"), wrong.len());
}

fn parse(text: &str) -> Vec<Mistake> {
    let mut mistakes: Vec<Mistake> = Vec::new();
    for line in text.lines().skip_while(|line| !line.starts_with("# ")) {
        if let Some(title) = line.strip_prefix("# ") {
            mistakes.push(Mistake {
                title: title.to_owned(),
                files: Vec::new(),
                command: String::new(),
                output: String::new(),
            });
            continue;
        }
        let mistake = mistakes.last_mut().expect("after a heading");
        if mistake.output.is_empty() && mistake.command.is_empty() {
            if let Some(name) = line.strip_prefix("file ") {
                mistake.files.push((name.to_owned(), String::new()));
                continue;
            }
            if let (Some(content), Some((_, file))) =
                (line.strip_prefix("| "), mistake.files.last_mut())
            {
                file.push_str(content);
                file.push('\n');
                continue;
            }
        }
        if let Some(command) = line.strip_prefix("$ ").filter(|_| mistake.command.is_empty()) {
            command.clone_into(&mut mistake.command);
        } else if !mistake.command.is_empty() {
            mistake.output.push_str(line);
            mistake.output.push('\n');
        }
    }
    for mistake in &mut mistakes {
        mistake.output = mistake.output.trim_end().to_owned();
    }
    mistakes
}

/// Runs the command in a new home; gives its exit code and what it printed.
fn run(mistake: &Mistake) -> String {
    let home = Home::new();
    for (name, content) in &mistake.files {
        home.write(name, content);
    }
    let binary = strataql_e2e::binary();
    let folder = binary.parent().map(Path::to_path_buf).unwrap_or_default();
    let system = "/usr/local/bin:/usr/bin:/bin";
    let output = Command::new("sh")
        .args(["-c", &mistake.command])
        .current_dir(home.path())
        .env_clear()
        .env("PATH", format!("{}:{system}", folder.display()))
        .env("HOME", home.path())
        .env("DOCUMENTS", strataql_e2e::folder().join("documents"))
        .output()
        .expect("a shell");
    let ended = Ended::of(output);
    let exit = ended.exit.map_or("no exit code".to_owned(), |exit| format!("exit {exit}"));
    let parts = [exit, ended.out, ended.err];
    let shown = parts.iter().map(|text| text.trim_end()).filter(|text| !text.is_empty());
    let text = shown.collect::<Vec<_>>().join("\n");
    let root = home.path().display().to_string();
    let documents = strataql_e2e::folder().join("documents").display().to_string();
    text.replace(&root, "~").replace(&documents, "$DOCUMENTS")
}

fn written(mistakes: &[Mistake], seen: &[String]) -> String {
    let head = "Mistakes, and what the command says. See tests/e2e/mistakes.rs.\n".to_owned();
    let sections = mistakes.iter().zip(seen).map(|(mistake, seen)| {
        let files: String =
            mistake.files.iter().map(|(name, content)| file(name, content)).collect();
        format!("\n# {}\n{files}$ {}\n{seen}\n", mistake.title, mistake.command)
    });
    std::iter::once(head).chain(sections).collect()
}

fn file(name: &str, content: &str) -> String {
    let lines: Vec<String> = content.lines().map(|line| format!("| {line}\n")).collect();
    format!("file {name}\n{}", lines.concat())
}
