//! `deploy import`: a manifest for what is there, or for a Terraform state.

use std::path::Path;

use strataql_deploy::flow::{Flow, Options};
use strataql_deploy::{Stack, from_state, import};
use strataql_diag::{Code, Report};

use super::host::Machine;
use super::runner::EngineRunner;
use super::session::Session;
use crate::args::deploy::{DeployLogLevel, ImportArguments};
use crate::console::Console;
use crate::env::Environment;
use crate::exit::Exit;
use crate::interruption::Interruption;
use crate::settings::Settings;

/// Runs the command.
pub(super) fn run(
    arguments: &ImportArguments,
    settings: &Settings,
    environment: &Environment,
    console: &Console,
    interruption: &Interruption,
) -> Result<Exit, Box<Report>> {
    if let Some(path) = &arguments.from_state {
        return of_state(path, &arguments.name, console);
    }
    let Some(resource) = &arguments.resource else {
        return Err(Box::new(Report::new(Code::Usage, "nothing says what to import").with_help(
            "name a resource, `provider.service.resource`, or a state with `--from-state`",
        )));
    };
    let session = Session {
        arguments: &arguments.session,
        settings,
        environment,
        console,
        interruption,
        level: DeployLogLevel::Warn,
        text: resource.clone(),
    };
    session.with(|runner, machine, _| {
        let condition = arguments.condition.as_deref().unwrap_or_default();
        let text = import(runner, &arguments.name, resource, condition)?;
        console.write_out(&console.redactor.redact(&text))?;
        verify(&text, runner, machine, console)
    })
}

/// A plan of what was written must be empty.
fn verify(
    text: &str,
    runner: &EngineRunner<'_>,
    machine: &Machine<'_>,
    console: &Console,
) -> Result<Exit, Box<Report>> {
    let stack = Stack::of_text(text, Path::new("."))?;
    let options = Options { environment: "dev".to_owned(), ..Options::default() };
    let plan = Flow::new(&stack, &options, runner, machine)?.plan()?;
    if plan.is_empty() {
        return Ok(Exit::SUCCESS);
    }
    console.note("a plan of these entries is not empty:");
    console.note(plan.text(false).trim_end());
    Ok(Exit::PART)
}

fn of_state(path: &Path, name: &str, console: &Console) -> Result<Exit, Box<Report>> {
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| {
        Report::new(Code::LocalIo, format!("the state `{file}` cannot be read: {error}"))
            .with_help("write it with `terraform state pull > FILE`")
    })?;
    let (manifest, others) = from_state(name, &text, &file)?;
    console.write_out(&console.redactor.redact(&manifest))?;
    for address in &others {
        console.note(&format!("`{address}` has no counterpart and is left out"));
    }
    Ok(if others.is_empty() { Exit::SUCCESS } else { Exit::PART })
}
