//! `strataql sandbox serve`.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use strataql_diag::{Code, Report};
use strataql_output::AtomicFile;
use strataql_sandbox::{Options, Sandbox, Scenario, State};

use crate::args::SandboxCommand;
use crate::args::sandbox::ServeArguments;
use crate::console::Console;
use crate::exit::Exit;
use crate::providers;
use crate::settings::Settings;

pub(crate) fn run(command: &SandboxCommand, settings: &Settings, console: &Console) -> Exit {
    match command {
        SandboxCommand::Serve(arguments) => {
            let result = crate::commands::exec::runtime()
                .and_then(|runtime| runtime.block_on(serve(arguments, settings, console)));
            match result {
                Ok(()) => Exit::SUCCESS,
                Err(report) => console.fail(&report, None),
            }
        }
    }
}

async fn serve(
    arguments: &ServeArguments,
    settings: &Settings,
    console: &Console,
) -> Result<(), Box<Report>> {
    let named = arguments.registry.as_deref().or(settings.registry.as_deref());
    let registry = providers::registry(named, &settings.places)?;
    let mut options = Options::default();
    for (key, value) in arguments.options() {
        options.set(key, &value)?;
    }
    if let Some(path) = &arguments.scenario {
        options.scenario = Some(scenario(path)?);
    }
    let sources = arguments
        .providers
        .iter()
        .map(|name| providers::simulated(&registry, name))
        .collect::<Result<Vec<_>, _>>()?;
    options.state_file = arguments.state.as_ref().map(|path| path.display().to_string());
    let state = read_state(&mut options)?;
    let sandbox = Sandbox::start(sources, options).await?;
    console.write_out(&format!("{}\n", sandbox.url()))?;
    if console.stderr_is_terminal {
        console.note(&format!(
            "serving {}; client id `sandbox-client`, secret `sandbox-secret`; {}/__log lists requests; Ctrl-C ends it",
            arguments.providers.join(", "),
            sandbox.url()
        ));
    }
    // until the user or the parent process ends it
    let _ended = tokio::signal::ctrl_c().await;
    let kept = write_state(&sandbox, state.as_deref());
    sandbox.shutdown().await;
    kept
}

/// Reads the state of an earlier run, if its file is there; gives the file to write at the end.
///
/// # Errors
/// `local-io` if the file cannot be read, `config` if it holds something else.
pub(crate) fn read_state(options: &mut Options) -> Result<Option<PathBuf>, Box<Report>> {
    let Some(name) = options.state_file.clone() else { return Ok(None) };
    let path = PathBuf::from(&name);
    match fs::read_to_string(&path) {
        Ok(text) => options.state = State::parse(&text, &name)?,
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => {
            return Err(Box::new(
                Report::new(
                    Code::LocalIo,
                    format!("the state of the sandbox `{name}` cannot be read: {error}"),
                )
                .with_help("give the path of a file that may be read and written"),
            ));
        }
    }
    Ok(Some(path))
}

/// Writes what requests have changed.
///
/// # Errors
/// `local-io`.
pub(crate) fn write_state(sandbox: &Sandbox, path: Option<&Path>) -> Result<(), Box<Report>> {
    let Some(path) = path else { return Ok(()) };
    let file = AtomicFile::create(path)?;
    let text = sandbox.state().to_text();
    file.sink()?.write_all(text.as_bytes()).map_err(|error| {
        Box::new(
            Report::new(
                Code::LocalIo,
                format!("the state of the sandbox `{}` cannot be written: {error}", path.display()),
            )
            .with_help("give the path of a file that may be read and written"),
        )
    })?;
    file.commit()
}

/// Reads a scenario file.
pub(crate) fn scenario(path: &Path) -> Result<Scenario, Box<Report>> {
    let name = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|error| {
        Box::new(
            Report::new(Code::LocalIo, format!("the scenario `{name}` cannot be read: {error}"))
                .with_help("give the path of a YAML file"),
        )
    })?;
    Scenario::parse(&text, &name)
}
