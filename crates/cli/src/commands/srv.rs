//! `strataql srv`.

mod backend;
mod users;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use strataql_diag::{Code, Report};
use strataql_pg::{Options, Server, Tls, Users};
use tokio::runtime::Handle;

pub(crate) use self::backend::{EngineBackend, Role};
use self::users::read_users;
use crate::args::SrvArguments;
use crate::commands::exec::session::{Opening, Simulated};
use crate::commands::exec::{ledger, runtime};
use crate::console::Console;
use crate::env::Environment;
use crate::exit::Exit;
use crate::interruption::Interruption;
use crate::providers;
use crate::settings::Settings;

/// How long sessions may take to end.
const SETTLING: Duration = Duration::from_millis(500);

/// Runs the command.
pub(crate) fn run(
    arguments: &SrvArguments,
    settings: &Settings,
    environment: &Environment,
    console: &Console,
    interruption: &Interruption,
) -> Exit {
    // connections wait on one runtime, statements compute on the other
    let result = runtime().and_then(|own| {
        let workers = runtime()?;
        let result = own.block_on(serve(
            arguments,
            settings,
            environment,
            console,
            workers.handle(),
            interruption,
        ));
        workers.shutdown_background();
        own.shutdown_background();
        result
    });
    match result {
        Ok(()) => Exit::SUCCESS,
        Err(report) => console.fail(&report, None),
    }
}

async fn serve(
    arguments: &SrvArguments,
    settings: &Settings,
    environment: &Environment,
    console: &Console,
    workers: &Handle,
    interruption: &Interruption,
) -> Result<(), Box<Report>> {
    let opening =
        Opening { arguments: &arguments.session, settings, environment, console, workers };
    // nothing says yet which providers clients will ask for
    let opened = opening.open(Simulated::All).await?;
    let known = match &arguments.users {
        Some(path) => Some(read_users(path, environment, settings)?),
        None => None,
    };
    let mut roles = Vec::new();
    let mut passwords = Vec::new();
    for user in known.iter().flatten() {
        let engine = match &user.providers {
            Some(only) => {
                let all = providers::registry(settings.registry.as_deref(), &settings.places)?;
                let all = Arc::into_inner(all)
                    .ok_or_else(|| Box::new(Report::internal("the registry is in use")))?;
                let (recording, simulated) = (opened.recording.clone(), opened.sandbox.is_some());
                let few = Arc::new(all.limited_to(only)?);
                opening.engine(&few, &opened.transport, recording, simulated)?
            }
            None => Arc::clone(&opened.engine),
        };
        roles.push((user.name.clone(), Role { engine, settings: user.settings.clone() }));
        passwords.push((user.name.clone(), user.password.clone()));
    }
    let everybody = known
        .is_none()
        .then(|| Role { engine: Arc::clone(&opened.engine), settings: settings.session.clone() });
    let backend = EngineBackend {
        roles: roles.into_iter().collect(),
        everybody,
        workers: workers.clone(),
        redactor: console.redactor.clone(),
    };
    let options = Options {
        address: SocketAddr::new(arguments.host, arguments.port),
        monitor: arguments.monitor_port.map(|port| (Ipv4Addr::LOCALHOST, port).into()),
        users: known.map(|_| Users::new(passwords)).transpose()?,
        tls: tls(arguments)?,
        connections: arguments.max_connections,
        idle_timeout: arguments.idle_timeout.map(Duration::from_secs),
        ..Options::default()
    };
    let open = options.users.is_none();
    let server = Server::start(Arc::new(backend), options).await?;
    ledger::report_open(&opened.recording, workers, console).await;
    console.write_out(&format!("postgresql://{}/strataql\n", server.address()))?;
    if let Some(monitor) = server.monitor() {
        console.note(&format!("http://{monitor}/health and /metrics tell how it is"));
    }
    if console.stderr_is_terminal {
        let who = if open { "everybody on this machine may connect" } else { "users must log in" };
        console.note(&format!("ready; {who}; Ctrl-C ends it"));
    }
    interruption.received().await;
    server.shutdown(SETTLING).await;
    ledger::close(&opened.recording, console).await;
    match opened.sandbox {
        Some(sandbox) => sandbox.end(SETTLING).await,
        None => Ok(()),
    }
}

fn tls(arguments: &SrvArguments) -> Result<Option<Tls>, Box<Report>> {
    let (Some(certificates), Some(key)) = (&arguments.tls_cert, &arguments.tls_key) else {
        return Ok(None);
    };
    let roots = arguments.tls_client_ca.as_deref().map(read).transpose()?;
    let (certificates, key) = (read(certificates)?, read(key)?);
    Tls::new(&certificates, &key, roots.as_deref(), arguments.tls_required).map(Some)
}

fn read(path: &Path) -> Result<Vec<u8>, Box<Report>> {
    fs::read(path).map_err(|error| {
        Box::new(
            Report::new(Code::LocalIo, format!("`{}` cannot be read: {error}", path.display()))
                .with_help("give the path of a PEM file"),
        )
    })
}
