//! A machine that tests make up: variables, files and programs.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value as Json;
use strataql_diag::Report;
use strataql_net::{ProgramOutput, Request, Settings, SigningScope};
use strataql_spec::{AuthConfig, HttpVerb};
use url::Url;

use crate::server::{Bench, PROVIDER, Seen, Server, Step, bench};

/// The variables, files and programs of a test.
#[derive(Clone, Default)]
pub(crate) struct Machine {
    variables: HashMap<String, String>,
    files: HashMap<String, String>,
    programs: HashMap<String, Result<String, String>>,
    /// Command lines of the programs that were run.
    pub(crate) ran: Arc<Mutex<Vec<String>>>,
}

impl Machine {
    pub(crate) fn new(variables: &[(&str, &str)], files: &[(&str, &str)]) -> Self {
        let owned = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let mut this = Self { variables: owned(variables), files: owned(files), ..Self::default() };
        this.variables.entry("HOME".to_owned()).or_insert_with(|| "/home/ada".to_owned());
        this
    }

    /// With a program that prints, or that fails and says why.
    pub(crate) fn with(mut self, name: &str, output: Result<&str, &str>) -> Self {
        let output = output.map(str::to_owned).map_err(str::to_owned);
        self.programs.insert(name.to_owned(), output);
        self
    }

    fn apply(self, settings: &mut Settings) {
        let Self { variables, files, programs, ran } = self;
        settings.environment = Arc::new(move |name| variables.get(name).cloned());
        settings.read_file = Arc::new(move |path: &Path| {
            let text = files.get(path.to_str().expect("text"));
            text.map(|text| text.clone().into_bytes()).ok_or_else(|| io::ErrorKind::NotFound.into())
        });
        settings.run_program = Arc::new(move |program| {
            let line = format!("{} {}", program.name, program.arguments.join("|"));
            ran.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            let output = match programs.get(&program.name) {
                None => Err(io::ErrorKind::NotFound.into()),
                Some(Ok(text)) => {
                    let stdout = text.clone().into_bytes();
                    Ok(ProgramOutput { success: true, stdout, stderr: Vec::new() })
                }
                Some(Err(text)) => {
                    let stderr = text.clone().into_bytes();
                    Ok(ProgramOutput { success: false, stdout: Vec::new(), stderr })
                }
            };
            Box::pin(async move { output })
        });
    }
}

/// A transport on a machine, whose requests all go to one server.
pub(crate) struct Case {
    pub(crate) bench: Bench,
    pub(crate) server: Server,
}

impl Case {
    /// The configuration is the document's.
    pub(crate) async fn of_document(
        machine: Machine,
        config: Json,
        script: impl Fn(usize, &Seen) -> Vec<Step> + Send + Sync + 'static,
    ) -> Self {
        Self::start(machine, config, script, false).await
    }

    /// The configuration is the user's.
    pub(crate) async fn of_user(
        machine: Machine,
        config: Json,
        script: impl Fn(usize, &Seen) -> Vec<Step> + Send + Sync + 'static,
    ) -> Self {
        Self::start(machine, config, script, true).await
    }

    async fn start(
        machine: Machine,
        config: Json,
        script: impl Fn(usize, &Seen) -> Vec<Step> + Send + Sync + 'static,
        is_users: bool,
    ) -> Self {
        let server = Server::start(script).await;
        let config = AuthConfig::from_json(config).expect("an object");
        let bench = bench(|settings| {
            settings.endpoints.insert(PROVIDER.to_owned(), server.url.clone());
            machine.apply(settings);
            if is_users {
                settings.auth.insert(PROVIDER.to_owned(), config.clone());
            }
        });
        bench.transport.register_provider(PROVIDER, Some(config));
        Self { bench, server }
    }

    /// Sends a GET, which must be answered, and returns it as it arrived.
    pub(crate) async fn sent(&self, url: &str) -> Seen {
        let response = self.bench.transport.send(request(url)).await.expect("an answer");
        assert_eq!(response.status, 200, "{url}");
        self.server.seen().pop().expect("a request")
    }

    /// The report of a GET that has no credential.
    pub(crate) async fn failed(&self, url: &str) -> Report {
        let failure = self.bench.transport.send(request(url)).await.expect_err("no credential");
        assert!(!failure.maybe_sent);
        Report::from(failure)
    }

    /// The source of the credential.
    pub(crate) async fn source(&self) -> String {
        let report = self.bench.transport.credential_report(PROVIDER).await;
        assert!(report.failure.is_none(), "{report:?}");
        report.source.expect("a source")
    }
}

/// A GET that may be signed.
pub(crate) fn request(url: &str) -> Request {
    let url = Url::parse(url).expect("a URL");
    let scope = SigningScope { service: "ec2".to_owned(), region: Some("eu-west-1".to_owned()) };
    Request { scope: Some(Arc::new(scope)), ..Request::new(PROVIDER, HttpVerb::Get, url) }
}

/// A field of a form.
pub(crate) fn field(seen: &Seen, name: &str) -> Option<String> {
    let pairs = url::form_urlencoded::parse(seen.body.as_bytes());
    pairs.into_iter().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}
