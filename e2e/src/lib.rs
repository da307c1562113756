//! The set-up of an end-to-end test: a sandbox over real HTTP and a session that uses it.
//!
//! Owns: set-up and the formatting of cells. Behaviour of the service is a scenario or an option of
//! the sandbox, never code in a test.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::{DataType, Field};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::TryStreamExt;
use strataql_diag::{Code, Redactor, Report};
use strataql_engine::{Engine, EngineConfig, Outcome, Parameters, Recording, Session, Settings};
use strataql_ledger::{Ledger, Run, Timestamp};
use strataql_net::{
    Clock, CredentialsOverride, Environment, ProxyPolicy, RetrySettings, Settings as NetSettings,
    SystemClock, Transport,
};
use strataql_registry::{Origin, Registry, Settings as RegistrySettings, Source};
use strataql_sandbox::{Options, ProviderSource, Sandbox, Scenario};
use url::Url;

/// A sandbox and a session.
pub struct World {
    /// The server.
    pub sandbox: Sandbox,
    /// The client.
    pub session: Session,
}

/// What a statement gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Labels of the columns.
    pub labels: Vec<String>,
    /// Cells as text; NULL is `NULL`, empty text `(empty)`.
    pub rows: Vec<Vec<String>>,
    /// One letter per column: `T` text, `J` JSON, `I` whole numbers, `R` others, `B` truth values,
    /// `D` dates and times.
    pub kinds: String,
}

/// The folder of this package.
pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The documents of the tests: our own of `e2e/documents` beside the embedded ones. They are read
/// once per process.
///
/// # Errors
/// Reports about the documents.
pub fn registry() -> Result<Arc<Registry>, Box<Report>> {
    static SHARED: OnceLock<Arc<Registry>> = OnceLock::new();
    if let Some(registry) = SHARED.get() {
        return Ok(Arc::clone(registry));
    }
    let own = Source::folder(Origin::Registry, folder().join("documents"));
    let sources = vec![own, Source::embedded()];
    let registry = Arc::new(Registry::new(RegistrySettings { sources, cache_dir: None })?);
    Ok(Arc::clone(SHARED.get_or_init(|| registry)))
}

/// The scenario `e2e/scenarios/NAME.yaml`.
///
/// # Errors
/// `local-io` when there is no such file, `config` for a mistake in it.
pub fn scenario(name: &str) -> Result<Scenario, Box<Report>> {
    let file = folder().join("scenarios").join(format!("{name}.yaml"));
    let text = std::fs::read_to_string(&file).map_err(|error| {
        Box::new(Report::new(Code::LocalIo, format!("`{}`: {error}", file.display())))
    })?;
    Scenario::parse(&text, name)
}

/// What the sandbox accepts, in the shape that each provider's own scheme asks for.
fn credentials(registry: &Registry, options: &Options) -> Result<CredentialsOverride, Box<Report>> {
    let own = &options.credentials;
    let providers = registry
        .providers()
        .into_iter()
        .map(|summary| registry.provider(&summary.name))
        .collect::<Result<Vec<_>, _>>()?;
    let auths = providers.iter().map(|provider| (provider.name.as_str(), provider.auth.as_ref()));
    Ok(CredentialsOverride::simulated(&own.client_id, &own.client_secret, &own.token, auths))
}

/// Time limits that make a test of a silent server short.
pub fn impatient() -> NetSettings {
    NetSettings {
        connect_timeout: Duration::from_secs(2),
        answer_timeout: Duration::from_millis(600),
        stall_timeout: Duration::from_millis(300),
        retry: RetrySettings {
            max_attempts: 2,
            initial: Duration::from_millis(1),
            max: Duration::from_millis(5),
            budget: Duration::from_secs(4),
        },
        ..NetSettings::default()
    }
}

impl World {
    /// A world whose sandbox has these options (as in `--sandbox=…`).
    ///
    /// # Errors
    /// Reports of the set-up.
    pub async fn new(options: &str) -> Result<Self, Box<Report>> {
        Self::with(Options::parse_list(options)?, NetSettings::default()).await
    }

    /// A world with a scenario, given as YAML.
    ///
    /// # Errors
    /// Reports of the set-up.
    pub async fn scenario(yaml: &str, net: NetSettings) -> Result<Self, Box<Report>> {
        let options = Options {
            scenario: Some(Scenario::parse(yaml, "scenario.yaml")?),
            ..Options::default()
        };
        Self::with(options, net).await
    }

    /// A world with these options and network settings.
    ///
    /// # Errors
    /// Reports of the set-up.
    pub async fn with(options: Options, net: NetSettings) -> Result<Self, Box<Report>> {
        Self::at(options, net, Arc::new(SystemClock)).await
    }

    /// A world whose client waits by another clock: a manual one makes back-off take no time.
    ///
    /// # Errors
    /// Reports of the set-up.
    pub async fn at(
        options: Options,
        net: NetSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Box<Report>> {
        Self::in_environment(Arc::new(|_: &str| None), options, net, clock).await
    }

    /// A world whose session sees these environment variables.
    ///
    /// # Errors
    /// Reports of the set-up.
    pub async fn in_environment(
        environment: Environment,
        options: Options,
        net: NetSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Box<Report>> {
        let recording = Recording::Off { folder: None };
        Self::set_up(registry()?, environment, options, net, clock, recording).await
    }

    /// A world with a scenario, given as YAML, whose writes are recorded in a folder.
    ///
    /// # Errors
    /// Reports of the set-up.
    pub async fn recorded(
        yaml: &str,
        net: NetSettings,
        folder: PathBuf,
    ) -> Result<Self, Box<Report>> {
        let options = Options {
            scenario: Some(Scenario::parse(yaml, "scenario.yaml")?),
            ..Options::default()
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let run = Run { version: "test".to_owned(), started_at: Timestamp::from(clock.wall()) };
        let ledger = Arc::new(Ledger::open(folder, run));
        let recording = Recording::On { ledger, clock: Arc::clone(&clock) };
        Self::set_up(registry()?, Arc::new(|_: &str| None), options, net, clock, recording).await
    }

    /// A world of other documents than those of the tests.
    ///
    /// # Errors
    /// Reports of the set-up.
    pub async fn of(
        registry: Arc<Registry>,
        options: Options,
        net: NetSettings,
    ) -> Result<Self, Box<Report>> {
        let recording = Recording::Off { folder: None };
        Self::set_up(
            registry,
            Arc::new(|_: &str| None),
            options,
            net,
            Arc::new(SystemClock),
            recording,
        )
        .await
    }

    async fn set_up(
        registry: Arc<Registry>,
        environment: Environment,
        options: Options,
        mut net: NetSettings,
        clock: Arc<dyn Clock>,
        recording: Recording,
    ) -> Result<Self, Box<Report>> {
        let mut sources = Vec::new();
        for summary in registry.providers() {
            let provider = registry.provider(&summary.name)?;
            let documents = Arc::clone(&registry);
            let name = summary.name.clone();
            let loader = Arc::new(move |service: &str| documents.service(&name, service));
            sources.push(ProviderSource::lazy(provider.as_ref().clone(), loader));
        }
        let credentials = credentials(&registry, &options)?;
        let sandbox = Sandbox::start(sources, options).await?;
        let url = Url::parse(&sandbox.url())
            .map_err(|error| Box::new(Report::internal(error.to_string())))?;
        let names = registry.providers().into_iter().map(|provider| provider.name);
        net.endpoints = names.map(|name| (name, url.clone())).collect::<HashMap<_, _>>();
        net.proxy = ProxyPolicy::None;
        net.credentials_override = Some(credentials);
        let transport = Transport::new(net, clock, Redactor::new())?;
        let engine = Engine::new(EngineConfig {
            registry,
            exchange: Arc::new(transport),
            environment,
            tables: None,
            recording,
        })?;
        let session = engine.session(Settings::default());
        Ok(Self { sandbox, session })
    }

    /// Runs one statement to its end.
    ///
    /// # Errors
    /// The statement's report.
    pub async fn run(&self, text: &str) -> Result<Table, Box<Report>> {
        self.run_with(text, &Parameters::default()).await.map(|(table, _)| table)
    }

    /// Runs one statement with bind parameters; gives what it did, too.
    ///
    /// # Errors
    /// The statement's report.
    pub async fn run_with(
        &self,
        text: &str,
        parameters: &Parameters,
    ) -> Result<(Table, Outcome), Box<Report>> {
        let parsed = Session::parse(text)?;
        let [parsed] = parsed.as_slice() else {
            return Err(Box::new(Report::internal("a record holds exactly one statement")));
        };
        let result = self.session.run_statement(text, parsed, parameters).await?;
        let outcome = result.outcome.clone();
        let batches: Vec<RecordBatch> = result.rows.try_collect().await?;
        let rows = batches.iter().map(cells).collect::<Result<Vec<_>, _>>()?.concat();
        let kinds = result.schema.fields().iter().map(|field| kind(field)).collect();
        Ok((Table { labels: result.labels, rows, kinds }, outcome))
    }
}

/// The letter of a column's type: `T` text, `J` JSON text, `I` whole number, `R` other number, `B`
/// boolean, `D` date or time, `?` anything else.
fn kind(field: &Field) -> char {
    match field.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let extension = field.metadata().get("ARROW:extension:name");
            if extension.is_some_and(|name| name == "arrow.json") { 'J' } else { 'T' }
        }
        data_type if data_type.is_integer() => 'I',
        data_type if data_type.is_numeric() => 'R',
        DataType::Boolean => 'B',
        data_type if data_type.is_temporal() => 'D',
        _ => '?',
    }
}

/// The cells of a batch, row by row.
fn cells(batch: &RecordBatch) -> Result<Vec<Vec<String>>, Box<Report>> {
    let wrong = |error: arrow::error::ArrowError| Box::new(Report::internal(error.to_string()));
    let options = FormatOptions::default().with_null("NULL");
    let columns = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
        .collect::<Result<Vec<_>, _>>()
        .map_err(wrong)?;
    Ok((0..batch.num_rows())
        .map(|row| {
            columns
                .iter()
                .zip(batch.columns())
                .map(|(column, array)| {
                    let text = column.value(row).to_string();
                    if text.is_empty() && !array.is_null(row) { "(empty)".to_owned() } else { text }
                })
                .collect()
        })
        .collect())
}

/// The `strataql` binary: `STRATAQL_BIN`, else the one beside the test's own build, which is built
/// when it is not there.
pub fn binary() -> PathBuf {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(find_binary).clone()
}

fn find_binary() -> PathBuf {
    if let Some(path) = std::env::var_os("STRATAQL_BIN") {
        return PathBuf::from(path);
    }
    let own = std::env::current_exe().unwrap_or_default();
    // <target>/debug/deps/e2e-<hash>
    let dependencies = own.parent().unwrap_or(Path::new("."));
    let built = dependencies.parent().unwrap_or(Path::new("."));
    let binary = built.join(format!("strataql{}", std::env::consts::EXE_SUFFIX));
    if !binary.exists() {
        let target = built.parent().filter(|_| dependencies.ends_with("deps"));
        let target = target.expect("the test runs from the folder that cargo built it in");
        let done = Command::new(env!("CARGO"))
            .args(["build", "-p", "strataql", "--target-dir"])
            .arg(target)
            .current_dir(folder())
            .status();
        assert!(done.is_ok_and(|status| status.success()), "`cargo build -p strataql` failed");
    }
    binary
}
