//! `strataql provider import`.

use std::io::Read as _;
use std::path::Path;

use serde_json::json;
use strataql_diag::{Code, Report};
use strataql_forge::{Guess, ImportOptions, Imported, import};
use strataql_registry::{LintReport, lint};

use super::finding;
use crate::args::provider::ImportArguments;
use crate::console::Console;
use crate::exit::Exit;

/// The most bytes of a description.
const MAX_BYTES: u64 = 64 << 20;

pub(super) fn run(arguments: &ImportArguments, console: &Console) -> Result<Exit, Box<Report>> {
    let options = ImportOptions {
        provider: arguments.name.clone(),
        service: arguments.service.clone(),
        server: arguments.server.clone(),
        source: arguments.file.display().to_string(),
    };
    let imported = import(&read(&arguments.file)?, &options)?;
    let folder = arguments.out.join("src");
    if !arguments.force {
        let is_there = |path: &&String| folder.join(path).exists();
        if let Some(path) = imported.documents.files.iter().map(|(path, _)| path).find(is_there) {
            return Err(Box::new(
                Report::new(Code::LocalIo, format!("`{}` exists", folder.join(path).display()))
                    .with_help("give `--force` to replace it, or another folder with `--out`"),
            ));
        }
    }
    imported.documents.write(&folder)?;
    let written = folder.join(&arguments.name).join("v1");
    let checked = lint(&written)?;
    let shown = if arguments.json {
        line(&imported, &checked, &written)
    } else {
        text(arguments, &imported, &checked, &written)
    };
    console.write_out(&shown)?;
    Ok(if checked.fatal > 0 { Exit::from(Code::BadDocument) } else { Exit::SUCCESS })
}

fn read(path: &Path) -> Result<String, Box<Report>> {
    let failed = |error: &std::io::Error| {
        Box::new(
            Report::new(Code::LocalIo, format!("`{}` cannot be read: {error}", path.display()))
                .with_help("give the file of an API description"),
        )
    };
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        std::io::stdin()
            .take(MAX_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| failed(&error))?;
    } else {
        let file = std::fs::File::open(path).map_err(|error| failed(&error))?;
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to() + 1;
        Box::new(
            Report::new(Code::BadDocument, format!("the document is not UTF-8 text (byte {at})"))
                .with_place(path.display().to_string(), 1)
                .with_help("save it as UTF-8"),
        )
    })
}

fn text(
    arguments: &ImportArguments,
    imported: &Imported,
    checked: &LintReport,
    written: &Path,
) -> String {
    let name = |resource: &str| format!("{}.{}.{resource}", arguments.name, arguments.service);
    let mut out = format!("{} resources in {}\n", imported.resources.len(), written.display());
    let names: Vec<String> =
        imported.resources.iter().map(|(resource, _)| name(resource)).collect();
    let width = names.iter().map(String::len).max().unwrap_or(0);
    for (full, (_, verbs)) in names.iter().zip(&imported.resources) {
        let verbs = if verbs.is_empty() { "exec".to_owned() } else { verbs.join(", ") };
        out.push_str(&format_line(&format!("  {full:<width$}  {}", verbs.to_uppercase())));
    }
    for (title, open) in [("guessed", false), ("to check", true)] {
        let guesses: Vec<&Guess> =
            imported.guesses.iter().filter(|guess| guess.open == open).collect();
        if !guesses.is_empty() {
            out.push_str(&format_line(&format!("\n{title}:")));
        }
        for guess in guesses {
            let line = format!("  {}: {} ({})", guess.subject, guess.guess, guess.why);
            out.push_str(&format_line(&strataql_output::neutral(&line)));
        }
    }
    if !checked.reports.is_empty() {
        out.push_str("\nlint:\n");
        for report in &checked.reports {
            out.push_str(&format_line(&finding(report)));
        }
    }
    out
}

fn format_line(text: &str) -> String {
    format!("{}\n", text.trim_end())
}

/// One JSON object.
fn line(imported: &Imported, checked: &LintReport, written: &Path) -> String {
    let resources: Vec<_> = imported
        .resources
        .iter()
        .map(|(name, verbs)| json!({"name": name, "verbs": verbs}))
        .collect();
    let object = json!({
        "folder": written.display().to_string(),
        "resources": resources,
        "variables": imported.variables,
        "guesses": imported.guesses,
        "findings": checked.reports,
    });
    format!("{object}\n")
}
