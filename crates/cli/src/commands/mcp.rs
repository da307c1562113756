//! `strataql mcp`.

mod backend;
mod rows;
mod search;

use std::fs;
use std::sync::Arc;

use strataql_diag::{Code, Report};
use strataql_mcp::{HttpOptions, Mode, Options, Rendering, Server};
use tokio::runtime::Handle;

use self::backend::Door;
use super::exec::{Opening, SETTLING, Simulated, ledger, runtimes};
use crate::args::McpArguments;
use crate::console::Console;
use crate::env::{Environment, STRATAQL_MCP_TOKEN};
use crate::exit::Exit;
use crate::interruption::Interruption;
use crate::settings::Settings;

/// Serves until the input ends or the process is interrupted.
pub(crate) fn run(
    arguments: &McpArguments,
    settings: &Settings,
    environment: &Environment,
    console: &Console,
    interruption: &Interruption,
) -> Exit {
    let served = options(arguments, settings).and_then(|options| {
        let (own, workers) = runtimes()?;
        let server = Serve { arguments, settings, environment, console, workers: workers.handle() };
        let served = own.block_on(server.run(options, interruption));
        workers.shutdown_background();
        own.shutdown_background();
        served
    });
    match served {
        Ok(()) => Exit::SUCCESS,
        Err(report) => console.fail(&report, None),
    }
}

/// How the server behaves.
fn options(arguments: &McpArguments, settings: &Settings) -> Result<Options, Box<Report>> {
    let mode: Mode = arguments.mode.parse()?;
    let is_read_only = settings.session.read_only;
    Ok(Options {
        mode: if is_read_only { Mode::ReadOnly } else { mode },
        rendering: if arguments.format == "json" { Rendering::Json } else { Rendering::Markdown },
        max_tokens: arguments.max_tokens.max(100),
        approval_ttl: arguments.approval_ttl,
        approved_rows: arguments.approved_rows,
        timeout: arguments.call_timeout,
        concurrency: arguments.concurrency,
        tools: arguments.tool.clone(),
    })
}

struct Serve<'a> {
    arguments: &'a McpArguments,
    settings: &'a Settings,
    environment: &'a Environment,
    console: &'a Console,
    workers: &'a Handle,
}

impl Serve<'_> {
    async fn run(&self, options: Options, interruption: &Interruption) -> Result<(), Box<Report>> {
        let Self { arguments, settings, environment, console, workers } = *self;
        let mut settings = settings.clone();
        // nothing of this machine is for agents
        settings.session.set_text("local_files", "off")?;
        if options.mode == Mode::ReadOnly {
            settings.session.set_text("read_only", "on")?;
        }
        let session = &arguments.session;
        let opening =
            Opening { arguments: session, settings: &settings, environment, console, workers };
        let mut opened = opening.open(Simulated::All).await?;
        let recording = opened.recording.clone();
        ledger::report_open(&recording, workers, console).await;
        let sandbox = opened.sandbox.take();
        let is_sandbox = sandbox.is_some();
        let door = Door::new(self, settings.clone(), opened, is_sandbox);
        let transport = if arguments.http.is_some() { "http" } else { "stdio" };
        let server = Server::new(Arc::new(door), options, transport)?;
        let served = match arguments.http {
            None => {
                let stdio = server.serve(tokio::io::stdin(), tokio::io::stdout());
                tokio::select! {
                    served = stdio => served,
                    () = interruption.received() => Ok(()),
                }
            }
            Some(address) => {
                let token = token(arguments, environment)?;
                if let Some(token) = &token {
                    console.redactor.register(token);
                }
                let hosts = arguments.allow_host.clone();
                let origins = arguments.allow_origin.clone();
                let listening =
                    server.listen(HttpOptions { address, token, hosts, origins }).await?;
                console.write_out(&format!("{}\n", listening.url()?))?;
                let interruption = interruption.clone();
                listening.serve(async move { interruption.received().await }).await
            }
        };
        ledger::close(&recording, console).await;
        if let Some(sandbox) = sandbox {
            sandbox.end(SETTLING).await?;
        }
        served
    }
}

/// The bearer token, from the file or the environment.
fn token(
    arguments: &McpArguments,
    environment: &Environment,
) -> Result<Option<String>, Box<Report>> {
    let Some(path) = &arguments.token_file else {
        return Ok(environment.get(STRATAQL_MCP_TOKEN));
    };
    let text = fs::read_to_string(path).map_err(|error| {
        Box::new(
            Report::new(
                Code::LocalIo,
                format!("the token file `{}` cannot be read: {error}", path.display()),
            )
            .with_help("give the path of a file that holds the token and nothing else"),
        )
    })?;
    Ok(Some(text.trim().to_owned()))
}
