//! `strataql provider`.

mod coverage;
mod import;

use std::time::Duration;

use strataql_diag::{Report, Severity};
use strataql_forge::diff::diff;
use strataql_forge::{Descriptions, generate_databricks};
use strataql_registry::{LintReport, lint};

use crate::args::ProviderCommand;
use crate::args::provider::{DiffArguments, GenerateArguments, Generated, LintArguments, Texts};
use crate::console::Console;
use crate::exit::Exit;

pub(crate) fn run(command: &ProviderCommand, console: &Console) -> Exit {
    match command {
        ProviderCommand::Lint(arguments) => run_lint(arguments, console),
        ProviderCommand::Coverage(arguments) => {
            coverage::run(arguments, console).unwrap_or_else(|report| console.fail(&report, None))
        }
        ProviderCommand::Import(arguments) => {
            import::run(arguments, console).unwrap_or_else(|report| console.fail(&report, None))
        }
        ProviderCommand::Generate(arguments) => {
            generate(arguments, console).unwrap_or_else(|report| console.fail(&report, None))
        }
        ProviderCommand::Diff(arguments) => {
            compare(arguments, console).unwrap_or_else(|report| console.fail(&report, None))
        }
    }
}

fn generate(arguments: &GenerateArguments, console: &Console) -> Result<Exit, Box<Report>> {
    let descriptions = match arguments.descriptions {
        Texts::Sdk => Descriptions::Sdk,
        Texts::None => Descriptions::None,
        Texts::SeedEra => Descriptions::SeedEra,
    };
    let documents = match arguments.provider {
        Generated::Databricks => generate_databricks(&arguments.sdk, descriptions)?,
    };
    documents.write(&arguments.out)?;
    console.write_out(&format!(
        "{} documents of version {} in {}\n",
        documents.files.len(),
        documents.source_version,
        arguments.out.display()
    ))?;
    Ok(Exit::SUCCESS)
}

fn compare(arguments: &DiffArguments, console: &Console) -> Result<Exit, Box<Report>> {
    let found = diff(&arguments.before, &arguments.after)?;
    let text = if arguments.json { format!("{}\n", found.json()) } else { found.text() };
    console.write_out(&text)?;
    Ok(if found.is_empty() { Exit::SUCCESS } else { Exit::CHECK_FALSE })
}

fn run_lint(arguments: &LintArguments, console: &Console) -> Exit {
    let report = match lint(&arguments.path) {
        Ok(report) => report,
        Err(report) => return console.fail(&report, None),
    };
    let text = if arguments.json { json(&report) } else { text(&report) };
    if let Err(report) = console.write_out(&text) {
        return console.fail(&report, None);
    }
    let counts = |severity| arguments.strict || severity == Severity::Error;
    let has_errors = report.reports.iter().any(|report| counts(report.severity));
    if report.fatal > 0 || has_errors {
        Exit::from(strataql_diag::Code::BadDocument)
    } else {
        Exit::SUCCESS
    }
}

/// One line per finding, then the totals.
fn text(report: &LintReport) -> String {
    let mut lines: Vec<String> = report.reports.iter().map(finding).collect();
    if !lines.is_empty() {
        lines.push(String::new());
    }
    let mut total = |label: &str, value: String| lines.push(format!("{label:<22}{value:>12}"));
    total("providers", report.providers.to_string());
    total("services", report.services.to_string());
    total("resources", report.resources.to_string());
    total("methods", report.methods.to_string());
    total("selectable methods", report.selectable.to_string());
    total("views", report.views.to_string());
    total("listed, not there", report.missing.to_string());
    total("findings", report.reports.len().to_string());
    total("unusable documents", report.fatal.to_string());
    total("bytes", report.bytes.to_string());
    total("time", shown(report.elapsed));
    for (label, document) in [("slowest", &report.slowest), ("largest", &report.largest)] {
        if let Some(document) = document {
            lines.push(format!(
                "{label}: {} ({} bytes), cold {}, warm {}",
                document.file,
                document.bytes,
                shown(document.cold),
                shown(document.warm)
            ));
        }
    }
    lines.join("\n") + "\n"
}

/// A finding as a line, and what to do about it.
fn finding(finding: &Report) -> String {
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let place = match &finding.place {
        Some(place) => format!("{}:{}: ", place.file, place.line),
        None => String::new(),
    };
    let fixes: Vec<String> = finding
        .help
        .iter()
        .map(|help| format!("\n    fix: {}", strataql_output::neutral(help)))
        .collect();
    let message = strataql_output::neutral(&finding.message);
    format!("{place}{severity}[{}]: {message}{}", finding.code, fixes.concat())
}

/// One JSON object per finding, then one with the totals.
fn json(report: &LintReport) -> String {
    let mut lines: Vec<String> =
        report.reports.iter().filter_map(|finding| serde_json::to_string(finding).ok()).collect();
    lines.push(
        serde_json::json!({
            "providers": report.providers,
            "services": report.services,
            "resources": report.resources,
            "methods": report.methods,
            "selectable": report.selectable,
            "views": report.views,
            "missing": report.missing,
            "findings": report.reports.len(),
            "fatal": report.fatal,
            "bytes": report.bytes,
            "elapsed_ms": u64::try_from(report.elapsed.as_millis()).unwrap_or(u64::MAX),
        })
        .to_string(),
    );
    lines.join("\n") + "\n"
}

fn shown(duration: Duration) -> String {
    if duration.as_secs() >= 1 {
        format!("{:.1} s", duration.as_secs_f64())
    } else {
        format!("{:.1} ms", duration.as_secs_f64() * 1000.0)
    }
}
