//! `strataql registry`.

pub(crate) mod network;
mod search;
mod statements;

use serde_json::json;
use strataql_diag::{Code, Report};
use strataql_registry::{Remote, Store};

use crate::args::RegistryCommand;
use crate::args::registry::{ListArguments, PullArguments, VerifyArguments};
use crate::console::Console;
use crate::exit::Exit;
use crate::providers;
use crate::settings::Settings;
use network::Network;
pub(crate) use statements::Statements;

pub(crate) fn run(command: &RegistryCommand, settings: &Settings, console: &Console) -> Exit {
    let done = match command {
        RegistryCommand::List(arguments) => list(arguments, settings, console),
        RegistryCommand::Pull(arguments) => pull(arguments, settings, console),
        RegistryCommand::Search(arguments) => search::run(arguments, settings, console),
        RegistryCommand::Verify(arguments) => verify(arguments, settings, console),
    };
    done.unwrap_or_else(|report| console.fail(&report, None))
}

/// The server: `--from`, or the configured one.
fn remote(from: Option<&str>, settings: &Settings) -> Result<Remote, Box<Report>> {
    let Some(url) = from.or(settings.registry_url.as_deref()) else {
        return Err(Box::new(
            Report::new(Code::Config, "nothing says where the registry server is").with_help(
                "give `--from https://registry.example/providers`, or set `STRATAQL_REGISTRY_URL`",
            ),
        ));
    };
    Remote::new(url)
}

/// The folder of pulled documents.
fn store(settings: &Settings) -> Result<Store, Box<Report>> {
    settings.places.registry().map(Store::new).ok_or_else(|| {
        Box::new(
            Report::new(Code::Config, "nothing says where pulled documents are")
                .with_help("set `STRATAQL_HOME` to a folder that you may write to"),
        )
    })
}

fn list(
    arguments: &ListArguments,
    settings: &Settings,
    console: &Console,
) -> Result<Exit, Box<Report>> {
    let wanted = |name: &str| {
        arguments.provider.as_deref().is_none_or(|provider| provider.eq_ignore_ascii_case(name))
    };
    let mut lines = Vec::new();
    if arguments.installed {
        let registry = providers::registry(settings.registry.as_deref(), &settings.places)?;
        for provider in registry.providers().into_iter().filter(|it| wanted(&it.name)) {
            lines.push(if arguments.json {
                json!(provider).to_string()
            } else {
                format!("{}  {}  {}", provider.name, provider.version, provider.source)
            });
        }
    } else {
        let network = Network::new(settings, console.redactor.clone())?;
        let listed = remote(arguments.from.as_deref(), settings)?.list(&network)?;
        for provider in listed.iter().filter(|it| wanted(&it.provider)) {
            let versions = match &arguments.provider {
                Some(_) => provider.versions.join(", "),
                None => provider.latest().unwrap_or_default().to_owned(),
            };
            lines.push(if arguments.json {
                json!(provider).to_string()
            } else {
                format!("{}  {versions}", provider.provider)
            });
        }
    }
    if let (true, Some(provider)) = (lines.is_empty(), &arguments.provider) {
        return Err(Box::new(
            Report::new(Code::UnknownProvider, format!("there is no provider `{provider}`"))
                .with_help("`strataql registry list` without a name lists them all"),
        ));
    }
    print(console, &lines)?;
    Ok(Exit::SUCCESS)
}

fn print(console: &Console, lines: &[String]) -> Result<(), Box<Report>> {
    let mut lines: Vec<String> =
        lines.iter().map(|line| strataql_output::neutral(line).into_owned()).collect();
    // the last line ends, too
    lines.push(String::new());
    console.write_out(&lines.join("\n"))
}

fn pull(
    arguments: &PullArguments,
    settings: &Settings,
    console: &Console,
) -> Result<Exit, Box<Report>> {
    let remote = remote(arguments.from.as_deref(), settings)?;
    let store = store(settings)?;
    let network = Network::new(settings, console.redactor.clone())?;
    let version = arguments.version.as_deref();
    let pulled = remote.pull(&network, &store, &arguments.provider, version)?;
    if arguments.json {
        print(console, &[json!(pulled).to_string()])?;
        return Ok(Exit::SUCCESS);
    }
    let what = if pulled.was_there { "is installed already" } else { "is installed" };
    print(
        console,
        &[format!("{} {} {what}, {} files", pulled.provider, pulled.version, pulled.files)],
    )?;
    if let Some(other) = &pulled.in_use {
        console.note(&format!("statements use {} {other}, which is higher", pulled.provider));
    }
    Ok(Exit::SUCCESS)
}

fn verify(
    arguments: &VerifyArguments,
    settings: &Settings,
    console: &Console,
) -> Result<Exit, Box<Report>> {
    let found = store(settings)?.verify()?;
    let mut lines: Vec<String> = found
        .problems
        .iter()
        .map(|problem| {
            if arguments.json {
                json!(problem).to_string()
            } else {
                format!("{}: {}", problem.path, problem.problem)
            }
        })
        .collect();
    let problems = found.problems.len();
    if arguments.json {
        let totals =
            json!({"versions": found.versions, "files": found.files, "problems": problems});
        lines.push(totals.to_string());
    } else {
        for (label, number) in
            [("versions", found.versions), ("files", found.files), ("problems", problems)]
        {
            lines.push(format!("{label:<22}{number:>12}"));
        }
    }
    print(console, &lines)?;
    Ok(if problems == 0 { Exit::SUCCESS } else { Exit::CHECK_FALSE })
}
