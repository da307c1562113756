//! Opening the session of a run: documents, transport, sandbox.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use strataql_call::Exchange;
use strataql_diag::{Code, Report};
use strataql_engine::{Engine, EngineConfig, Recording, Session};
use strataql_net::{
    Attempt, Clock, CredentialsOverride, HttpLog, Observer, ProxyPolicy, Settings as NetSettings,
    SystemClock, Transport,
};
use strataql_registry::Registry;
use strataql_sandbox::{Options, Sandbox};
use tokio::runtime::Handle;
use tokio::time::timeout;
use url::Url;

use super::ledger;
use crate::args::SessionArguments;
use crate::commands::registry::Statements;
use crate::commands::sandbox::{read_state, scenario, write_state};
use crate::console::Console;
use crate::env::Environment;
use crate::programs;
use crate::progress::ProgressState;
use crate::providers;
use crate::settings::Settings;

/// An open session with its sandbox and log.
pub(crate) struct Opened {
    pub(crate) session: Arc<Session>,
    pub(crate) engine: Arc<Engine>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) transport: Arc<Transport>,
    pub(crate) progress: Arc<ProgressState>,
    pub(crate) sandbox: Option<Simulation>,
    pub(crate) recording: Recording,
}

/// Which providers a sandbox simulates.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Simulated<'a> {
    /// Those that a text names.
    NamedIn(&'a str),
    /// All that there are.
    All,
}

/// What a session is opened with.
#[derive(Clone, Copy)]
pub(crate) struct Opening<'a> {
    pub(crate) arguments: &'a SessionArguments,
    pub(crate) settings: &'a Settings,
    pub(crate) environment: &'a Environment,
    pub(crate) console: &'a Console,
    /// Where statements run.
    pub(crate) workers: &'a Handle,
}

/// A sandbox, and the file for what requests change.
pub(crate) struct Simulation {
    sandbox: Sandbox,
    state: Option<PathBuf>,
}

impl Simulation {
    /// Its address.
    pub(crate) fn url(&self) -> String {
        self.sandbox.url()
    }

    /// Writes the state of the sandbox and stops it; `limit` is for requests that go on.
    ///
    /// # Errors
    /// `local-io` if the state cannot be written.
    pub(crate) async fn end(self, limit: Duration) -> Result<(), Box<Report>> {
        let written = write_state(&self.sandbox, self.state.as_deref());
        drop(timeout(limit, self.sandbox.shutdown()).await);
        written
    }
}

impl Opening<'_> {
    /// Opens the session that the arguments describe.
    ///
    /// # Errors
    /// What is wrong with the documents, the flags, the sandbox or the network.
    pub(crate) async fn open(&self, simulated: Simulated<'_>) -> Result<Opened, Box<Report>> {
        let Self { arguments, settings, environment, console, workers } = *self;
        let registry = providers::registry(settings.registry.as_deref(), &settings.places)?;
        let progress = Arc::new(ProgressState::default());
        let mut net = self.network(&progress)?;
        let sandbox = if let Some(options) = &arguments.sandbox {
            let names = named(simulated, settings, &registry)?;
            Some(simulate(options.as_deref(), &registry, &names, &mut net, workers).await?)
        } else {
            connect(settings, environment, &registry, &mut net)?;
            None
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let recording = ledger::open(settings, sandbox.is_some(), Arc::clone(&clock));
        let transport = Arc::new(Transport::new(net, clock, console.redactor.clone())?);
        let engine = self.engine(&registry, &transport, recording.clone(), sandbox.is_some())?;
        let mut session = engine.session(settings.session.clone()).on(workers.clone());
        if sandbox.is_none() {
            // a sandbox connects to nothing but itself
            let server = Statements::new(settings, console.redactor.clone());
            session = session.with_registry_server(Arc::new(server));
        }
        let session = Arc::new(session);
        // the first and only value
        let _kept = progress.activity.set(session.activity());
        Ok(Opened { session, engine, registry, transport, progress, sandbox, recording })
    }

    /// The way to the network with the credentials as they are now, for a session that is open and has
    /// no sandbox.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(crate) fn connect_again(
        &self,
        opened: &Opened,
    ) -> Result<(Arc<Transport>, Arc<Engine>), Box<Report>> {
        let Self { settings, environment, console, .. } = *self;
        let mut net = self.network(&opened.progress)?;
        connect(settings, environment, &opened.registry, &mut net)?;
        let redactor = console.redactor.clone();
        let transport = Arc::new(Transport::new(net, Arc::new(SystemClock), redactor)?);
        let recording = opened.recording.clone();
        let engine = self.engine(&opened.registry, &transport, recording, false)?;
        Ok((transport, engine))
    }

    fn network(&self, progress: &Arc<ProgressState>) -> Result<NetSettings, Box<Report>> {
        Ok(NetSettings {
            http_log: http_log(self.arguments, self.console)?,
            observer: Some(Arc::new(RequestCount(Arc::clone(progress)))),
            ..NetSettings::default()
        })
    }

    /// An engine with other documents, or another way to the network.
    ///
    /// # Errors
    /// `internal` if it cannot be set up.
    pub(crate) fn engine(
        &self,
        registry: &Arc<Registry>,
        transport: &Arc<Transport>,
        recording: Recording,
        is_simulated: bool,
    ) -> Result<Arc<Engine>, Box<Report>> {
        let environment = if is_simulated { &Environment::empty() } else { self.environment };
        Engine::new(EngineConfig {
            registry: Arc::clone(registry),
            exchange: Arc::clone(transport) as Arc<dyn Exchange>,
            environment: environment.lookup(),
            tables: tables(self.settings, is_simulated),
            recording,
        })
    }
}

/// The providers that a sandbox simulates.
fn named(
    simulated: Simulated<'_>,
    settings: &Settings,
    registry: &Registry,
) -> Result<Vec<String>, Box<Report>> {
    let known = registry.providers().into_iter().map(|provider| provider.name);
    let Simulated::NamedIn(text) = simulated else { return Ok(known.collect()) };
    let mut text = text.to_lowercase();
    // providers that are named only in a local view are simulated too
    if let Some(folder) = tables(settings, true) {
        text.push_str(&strataql_engine::stored_views(&folder)?.join(" ").to_lowercase());
    }
    Ok(known.filter(|name| text.contains(&name.to_lowercase())).collect())
}

/// The folder of local tables. Data from simulated services is kept apart from real data.
fn tables(settings: &Settings, simulated: bool) -> Option<PathBuf> {
    let folder = settings.places.tables()?;
    Some(if simulated { folder.join("sandbox") } else { folder })
}

/// The user's own credentials, endpoints, certificates.
pub(crate) fn connect(
    settings: &Settings,
    environment: &Environment,
    registry: &Registry,
    net: &mut NetSettings,
) -> Result<(), Box<Report>> {
    net.environment = environment.lookup();
    net.run_program = programs::runner();
    if let Some(secret) = &settings.auth {
        net.auth = super::auth::read(secret, registry)?;
    }
    for (provider, text) in &settings.endpoints {
        let url = Url::parse(text).ok().filter(Url::has_host).ok_or_else(|| {
            Box::new(
                Report::new(Code::Usage, format!("`{text}` is no address of a server"))
                    .with_help(format!("write `--endpoint {provider}=https://host:port`")),
            )
        })?;
        // an endpoint with a misspelled name would leave the real service in use
        let named = registry.providers().into_iter().find(|known| known.name == *provider);
        let known = match named {
            Some(known) => known.name,
            None => registry.provider(provider).map_err(endpoint_of_nothing)?.name.clone(),
        };
        net.endpoints.insert(known, url);
    }
    net.extra_roots = certificates(settings)?;
    Ok(())
}

/// Certificates that the user trusts, too.
pub(crate) fn certificates(settings: &Settings) -> Result<Option<Vec<u8>>, Box<Report>> {
    let Some(path) = &settings.ca_bundle else { return Ok(None) };
    let pem = std::fs::read(path).map_err(|error| {
        Box::new(
            Report::new(
                Code::LocalIo,
                format!("the certificates `{}` cannot be read: {error}", path.display()),
            )
            .with_help("give the path of a PEM file"),
        )
    })?;
    Ok(Some(pem))
}

fn endpoint_of_nothing(mut report: Box<Report>) -> Box<Report> {
    if report.code == Code::UnknownProvider {
        report.notes.insert(0, "an endpoint is given for it".to_owned());
    }
    report
}

/// Starts the sandbox and redirects all requests to it.
async fn simulate(
    options: Option<&str>,
    registry: &Arc<Registry>,
    wanted: &[String],
    net: &mut NetSettings,
    workers: &Handle,
) -> Result<Simulation, Box<Report>> {
    let mut options =
        Options::parse_list_with(options.unwrap_or_default(), |path| scenario(Path::new(path)))?;
    let known = registry.providers();
    // a scenario names its providers; the statement may name some of them
    let of_scenario = options.scenario.as_ref().map(|scenario| &scenario.providers);
    for name in of_scenario.into_iter().flatten() {
        // a misspelled name would simulate less than the scenario says
        registry.provider(name)?;
    }
    let of_scenario = |name: &String| of_scenario.is_some_and(|names| names.contains(name));
    let named: Vec<&str> = known
        .iter()
        .map(|provider| &provider.name)
        .filter(|name| wanted.contains(name) || of_scenario(name))
        .map(String::as_str)
        .collect();
    let sources = named
        .iter()
        .map(|name| providers::simulated(registry, name))
        .collect::<Result<Vec<_>, _>>()?;
    let models = named.iter().map(|name| registry.provider(name)).collect::<Result<Vec<_>, _>>()?;
    let own = &options.credentials;
    let credentials = CredentialsOverride::simulated(
        &own.client_id,
        &own.client_secret,
        &own.token,
        models.iter().map(|model| (model.name.as_str(), model.auth.as_ref())),
    );
    let state = read_state(&mut options)?;
    let sandbox = workers.spawn(async move { Sandbox::start(sources, options).await });
    let sandbox = sandbox.await.map_err(|error| Report::internal(error.to_string()))??;
    let url = Url::parse(&sandbox.url()).map_err(|error| {
        Box::new(Report::internal(format!("the sandbox has no address: {error}")))
    })?;
    // every provider, also those that are not simulated: no other server may be contacted
    net.endpoints = known.into_iter().map(|provider| (provider.name, url.clone())).collect();
    net.proxy = ProxyPolicy::None;
    net.credentials_override = Some(credentials);
    Ok(Simulation { sandbox, state })
}

/// The destination of `--http-log`.
fn http_log(
    arguments: &SessionArguments,
    console: &Console,
) -> Result<Option<HttpLog>, Box<Report>> {
    let Some(target) = &arguments.http_log else { return Ok(None) };
    let console = console.clone();
    let Some(path) = target else {
        return Ok(Some(Arc::new(move |line: &str| console.log(line))));
    };
    let file = private_log(path).map_err(|error| {
        Box::new(
            Report::new(
                Code::LocalIo,
                format!("the HTTP log `{}` cannot be written: {error}", path.display()),
            )
            .with_help("give a path in a folder that you may write to"),
        )
    })?;
    let file = Mutex::new(file);
    Ok(Some(Arc::new(move |line: &str| {
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        // a full disk must not stop the statement
        let _ignored = writeln!(file, "{}", console.redactor.redact(line));
    })))
}

/// Opens a log that nobody but its owner can read: it has what services answer.
fn private_log(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let file = options.open(path)?;
    #[cfg(unix)]
    if file.metadata()?.is_file() {
        use std::os::unix::fs::PermissionsExt;
        // a file that was there keeps its mode otherwise
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

/// Counts requests for the progress line.
struct RequestCount(Arc<ProgressState>);

impl Observer for RequestCount {
    fn on_attempt(&self, _attempt: &Attempt) {
        self.0.requests.fetch_add(1, Ordering::Relaxed);
    }
}
