//! `strataql auth`.

use std::sync::Arc;

use serde_json::json;
use strataql_diag::{Report, duration};
use strataql_net::{CredentialReport, Settings as NetSettings, SystemClock, Transport};

use super::exec::{connect, runtime};
use crate::args::AuthCommand;
use crate::args::auth::CheckArguments;
use crate::console::Console;
use crate::env::Environment;
use crate::exit::Exit;
use crate::providers;
use crate::settings::Settings;

pub(crate) fn run(
    command: &AuthCommand,
    settings: &Settings,
    environment: &Environment,
    console: &Console,
) -> Exit {
    let AuthCommand::Check(arguments) = command;
    let reports = runtime()
        .and_then(|runtime| runtime.block_on(check(arguments, settings, environment, console)));
    let reports = match reports {
        Ok(reports) => reports,
        Err(report) => return console.fail(&report, None),
    };
    let shown: Vec<String> = reports.iter().map(if arguments.json { line } else { text }).collect();
    let shown = shown.join(if arguments.json { "" } else { "\n" });
    if let Err(report) = console.write_out(&console.redactor.redact(&shown)) {
        return console.fail(&report, None);
    }
    let mut exit = Exit::SUCCESS;
    for failure in reports.iter().filter_map(|report| report.failure.as_deref()) {
        console.show(failure, None);
        exit = Exit::from(failure);
    }
    exit
}

async fn check(
    arguments: &CheckArguments,
    settings: &Settings,
    environment: &Environment,
    console: &Console,
) -> Result<Vec<CredentialReport>, Box<Report>> {
    let registry = providers::registry(settings.registry.as_deref(), &settings.places)?;
    let mut net = NetSettings::default();
    connect(settings, environment, &registry, &mut net)?;
    let transport = Transport::new(net, Arc::new(SystemClock), console.redactor.clone())?;
    let mut reports = Vec::new();
    for name in &arguments.providers {
        let provider = registry.provider(name)?;
        transport.register_provider(&provider.name, provider.auth.clone());
        reports.push(transport.credential_report(&provider.name).await);
    }
    Ok(reports)
}

/// A few lines for people.
fn text(report: &CredentialReport) -> String {
    let mut rows = vec![
        ("provider", report.provider.clone()),
        ("type", kind(report).to_owned()),
        ("configured by", configured_by(report).to_owned()),
    ];
    rows.extend(report.source.clone().map(|source| ("source", source)));
    rows.extend(report.principal.identity.clone().map(|owner| ("identity", owner)));
    rows.extend(report.life.map(|life| ("expires in", duration(life))));
    if let Some(failure) = &report.failure {
        rows.push(("result", format!("no credential ({})", failure.code.id())));
    } else if report.principal.identity.is_none() {
        rows.push(("result", "requests carry no credential".to_owned()));
    }
    for tried in &report.tried {
        let outcome = match &tried.why_not {
            Some(why) => format!("not used: {why}"),
            None => "used".to_owned(),
        };
        rows.push(("tried", format!("{}: {outcome}", tried.source)));
    }
    let lines: Vec<String> = rows
        .into_iter()
        .map(|(label, value)| format!("{label:<14}{}\n", strataql_output::neutral(&value)))
        .collect();
    lines.concat()
}

/// One JSON object on a line.
fn line(report: &CredentialReport) -> String {
    let tried: Vec<_> = report
        .tried
        .iter()
        .map(|tried| json!({"source": tried.source, "why_not": tried.why_not}))
        .collect();
    let object = json!({
        "provider": report.provider,
        "type": kind(report),
        "configured_by": configured_by(report),
        "source": report.source,
        "identity": report.principal.identity,
        "expires_in": report.life.map(|life| life.as_secs()),
        "error": report.failure.as_ref().map(|failure| failure.code.id()),
        "message": report.failure.as_ref().map(|failure| &failure.message),
        "tried": tried,
    });
    format!("{object}\n")
}

fn kind(report: &CredentialReport) -> &str {
    Some(report.principal.auth_type.as_str()).filter(|kind| !kind.is_empty()).unwrap_or("none")
}

fn configured_by(report: &CredentialReport) -> &'static str {
    if report.is_users { "--auth" } else { "document" }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use strataql_diag::Code;
    use strataql_net::{Principal, Tried};

    use super::*;

    fn report() -> CredentialReport {
        let principal = Principal {
            auth_type: "aws_signing_v4".to_owned(),
            identity: Some("AKIA1".to_owned()),
        };
        CredentialReport {
            provider: "aws".to_owned(),
            is_users: false,
            principal,
            source: Some("profile dev".to_owned()),
            tried: vec![
                Tried { source: "environment".to_owned(), why_not: Some("not set".to_owned()) },
                Tried { source: "profile dev".to_owned(), why_not: None },
            ],
            expires: None,
            life: Some(Duration::from_mins(59)),
            failure: None,
        }
    }

    #[test]
    fn a_credential_is_described_in_lines_or_as_an_object() {
        let shown = text(&report());
        for part in [
            "provider      aws\n",
            "configured by document\n",
            "identity      AKIA1\n",
            "tried         environment: not used: not set\n",
            "tried         profile dev: used\n",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        let json: serde_json::Value = serde_json::from_str(&line(&report())).expect("JSON");
        assert_eq!(json["expires_in"], 3540);
        assert_eq!(json["tried"][0]["why_not"], "not set");
        assert_eq!(json["error"], serde_json::Value::Null);
    }

    #[test]
    fn what_is_missing_is_named() {
        let failure = Report::new(Code::NoCredential, "nothing is set");
        let missing =
            CredentialReport { failure: Some(Box::new(failure)), source: None, ..report() };
        assert!(text(&missing).contains("result        no credential (no-credential)"));
        let json: serde_json::Value = serde_json::from_str(&line(&missing)).expect("JSON");
        assert_eq!(json["message"], "nothing is set");
        let none = CredentialReport { principal: Principal::anonymous(), ..report() };
        assert!(text(&none).contains("requests carry no credential"));
    }
}
