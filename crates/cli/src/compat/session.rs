//! Opening the engine as the flags of the profile say.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use strataql_call::Exchange;
use strataql_compat::Line;
use strataql_compat::documents::{Documents, Place, mapping};
use strataql_diag::Report;
use strataql_engine::{
    Engine, EngineConfig, Profile, Recording, Session as EngineSession, Settings,
};
use strataql_net::{ProxyPolicy, Settings as NetSettings, SystemClock, Transport};
use strataql_registry::{Origin, Registry, Settings as RegistrySettings, Source};
use strataql_spec::AuthConfig;
use tokio::runtime::{Handle, Runtime};
use url::Url;

use super::http::{Refusals, Telling};
use crate::commands::exec::{auth, runtime};
use crate::console::Console;
use crate::env::Environment;
use crate::programs;
use crate::settings::Places;

/// An open engine with a session.
pub(super) struct Session {
    pub(super) documents: Documents,
    pub(super) environment: Environment,
    pub(super) refusals: Refusals,
    runtime: Runtime,
    workers: Runtime,
    state: RwLock<State>,
    opening: Opening,
}

/// What REGISTRY PULL and SET replace.
struct State {
    registry: Arc<Registry>,
    engine: Arc<Engine>,
    session: Arc<EngineSession>,
}

/// What engines are opened with.
struct Opening {
    console: Console,
    auth: RwLock<serde_json::Map<String, serde_json::Value>>,
    net: NetSettings,
    settings: Settings,
    cache: Option<PathBuf>,
    tables: Option<PathBuf>,
    logs: bool,
}

impl Session {
    /// Opens the engine.
    ///
    /// # Errors
    /// The sentence about a flag, a document folder or a credential that cannot be read.
    pub(super) fn open(
        line: &Line,
        environment: &Environment,
        console: &Console,
    ) -> Result<Self, String> {
        let approot = match line.text("approot") {
            "" => PathBuf::from(".stackql"),
            path => PathBuf::from(path),
        };
        let documents = Documents::read(line.text("registry"), &approot)?;
        let auth = match line.text("auth") {
            "" => serde_json::Map::new(),
            text => match mapping(text, "AuthCtx")? {
                serde_json::Value::Object(map) => map,
                _ => serde_json::Map::new(),
            },
        };
        let mut settings = Settings::default();
        let most_pages = usize::try_from(line.number("http.response.pageLimit")).unwrap_or(0);
        settings.profile = Some(Profile { most_pages: Some(most_pages).filter(|most| *most > 0) });
        settings.keeps_partial = true;
        settings.max_writes = usize::MAX;
        settings.on_mismatch = strataql_call::Mismatch::Null;
        settings.irreversible = true;
        settings.scan_concurrency = match line.number("execution.concurrency.limit") {
            limit if limit < 1 => 64,
            limit => usize::try_from(limit).unwrap_or(64),
        };
        let session = line.text("session");
        settings.eager = mapping(session, "SessionContext")?
            .get("rollback_type")
            .is_some_and(|kind| kind == "eager");
        if !line.text("provider").is_empty() {
            settings.namespace = vec![line.text("provider").to_owned()];
        }
        let opening = Opening {
            console: console.clone(),
            auth: RwLock::new(auth),
            net: network(line, environment)?,
            settings,
            cache: Places::of(environment).cache,
            tables: stored(line)?,
            logs: line.is_on("http.log.enabled"),
        };
        let said = |report: Box<Report>| report.message.clone();
        let (runtime, workers) = (runtime().map_err(said)?, runtime().map_err(said)?);
        let refusals = Refusals::default();
        let state = opening.state(&documents, &refusals, environment, workers.handle())?;
        Ok(Self {
            documents,
            environment: environment.clone(),
            refusals,
            runtime,
            workers,
            state: RwLock::new(state),
            opening,
        })
    }

    /// The documents as they are now.
    pub(super) fn registry(&self) -> Arc<Registry> {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner).registry)
    }

    /// The session of the engine.
    pub(super) fn session(&self) -> Arc<EngineSession> {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner).session)
    }

    /// The engine.
    pub(super) fn engine(&self) -> Arc<Engine> {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner).engine)
    }

    /// What new sessions begin with.
    pub(super) fn settings(&self) -> Settings {
        self.opening.settings.clone()
    }

    /// Where statements run.
    pub(super) fn workers(&self) -> &Handle {
        self.workers.handle()
    }

    /// The runtime that waits.
    pub(super) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Reads the documents and credentials again. Local relations are those of the new session: what was
    /// defined before is gone, as it is kept in memory.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(super) fn renew(&self) -> Result<(), String> {
        let workers = self.workers.handle();
        let state =
            self.opening.state(&self.documents, &self.refusals, &self.environment, workers)?;
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = state;
        Ok(())
    }

    /// Changes a field of a credential.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(super) fn set_auth(&self, provider: &str, field: &str, value: &str) -> Result<(), String> {
        {
            let mut auth = self.opening.auth.write().unwrap_or_else(PoisonError::into_inner);
            let entry = auth
                .entry(provider.to_owned())
                .or_insert_with(|| serde_json::Value::Object(serde_json::Map::new()));
            if let Some(entry) = entry.as_object_mut() {
                entry.insert(field.to_owned(), serde_json::Value::from(value));
            }
        }
        self.renew()
    }

    /// Ends its threads.
    pub(super) fn close(self) {
        self.workers.shutdown_background();
        self.runtime.shutdown_background();
    }
}

impl Opening {
    fn state(
        &self,
        documents: &Documents,
        refusals: &Refusals,
        environment: &Environment,
        workers: &Handle,
    ) -> Result<State, String> {
        let said = |report: Box<Report>| report.message.clone();
        let folders = documents.folders().into_iter().filter(|folder| folder.is_dir());
        let sources = folders.map(|folder| Source::folder(Origin::Registry, folder)).collect();
        let registry = Registry::new(RegistrySettings { sources, cache_dir: self.cache.clone() });
        let registry = Arc::new(registry.map_err(said)?);
        let mut net = self.net.clone();
        net.auth =
            credentials(&self.auth.read().unwrap_or_else(PoisonError::into_inner), &registry);
        let redactor = self.console.redactor.clone();
        let transport = Transport::new(net, Arc::new(SystemClock), redactor).map_err(said)?;
        let exchange = Telling {
            inner: Arc::new(transport) as Arc<dyn Exchange>,
            console: self.console.clone(),
            refusals: refusals.clone(),
            logs: self.logs,
        };
        let engine = Engine::new(EngineConfig {
            registry: Arc::clone(&registry),
            exchange: Arc::new(exchange),
            environment: environment.lookup(),
            tables: self.tables.clone(),
            recording: Recording::Off { folder: None },
        })
        .map_err(said)?;
        let session = Arc::new(engine.session(self.settings.clone()).on(workers.clone()));
        Ok(State { registry, engine, session })
    }
}

/// The credentials of providers that are there. Keys that are unknown are ignored, as the reference does.
fn credentials(
    given: &serde_json::Map<String, serde_json::Value>,
    registry: &Registry,
) -> HashMap<String, AuthConfig> {
    given
        .iter()
        .filter_map(|(name, entry)| {
            let provider = registry.provider(name).ok()?;
            let mut config = AuthConfig::from_json(entry.clone())?;
            if let Some(document) = &provider.auth {
                auth::inherit(&mut config, document);
            }
            Some((provider.name.clone(), config))
        })
        .collect()
}

/// The network as the flags describe it.
fn network(line: &Line, environment: &Environment) -> Result<NetSettings, String> {
    let mut net = NetSettings {
        environment: environment.lookup(),
        run_program: programs::runner(),
        ..NetSettings::default()
    };
    let seconds = u64::try_from(line.number("apirequesttimeout")).unwrap_or(0);
    // none at all would be for ever
    net.answer_timeout = Duration::from_secs(if seconds == 0 { 86_400 } else { seconds });
    if !line.text("http.proxy.host").is_empty() {
        let (scheme, host) = (line.text("http.proxy.scheme"), line.text("http.proxy.host"));
        let mut url = Url::parse(&format!("{scheme}://{host}"))
            .map_err(|error| format!("the proxy '{host}' is no host: {error}"))?;
        let unfit = |()| format!("the proxy '{host}' takes no such port, user or password");
        if let Ok(port) = u16::try_from(line.number("http.proxy.port"))
            && port > 0
        {
            url.set_port(Some(port)).map_err(unfit)?;
        }
        if !line.text("http.proxy.user").is_empty() {
            url.set_username(line.text("http.proxy.user")).map_err(unfit)?;
            url.set_password(Some(line.text("http.proxy.password"))).map_err(unfit)?;
        }
        net.proxy = ProxyPolicy::Url(url);
    }
    if !line.text("tls.CABundle").is_empty() {
        let path = line.text("tls.CABundle");
        net.extra_roots = Some(
            std::fs::read(path)
                .map_err(|error| format!("open {path}: {}", super::reason(&error)))?,
        );
    }
    Ok(net)
}

/// The folder of local relations, where a database file is named to keep them.
fn stored(line: &Line) -> Result<Option<PathBuf>, String> {
    let backend = mapping(line.text("sqlBackend"), "SQLBackendCfg")?;
    let dsn = backend.get("dsn").and_then(|dsn| dsn.as_str()).unwrap_or_default();
    let Some(path) = dsn.strip_prefix("file:") else { return Ok(None) };
    let path = path.split('?').next().unwrap_or(path);
    let is_memory = path.contains(":memory:") || dsn.contains("mode=memory");
    if path.is_empty() || is_memory {
        return Ok(None);
    }
    Ok(Some(Path::new(path).with_extension("strataql")))
}

/// True if documents come from a folder, whose listing has no meaning.
pub(super) fn is_local(documents: &Documents) -> bool {
    matches!(documents.place, Place::Folder(_))
}
