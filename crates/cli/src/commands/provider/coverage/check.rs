//! One method against the sandbox: its request, what arrived, its answer.

use std::collections::HashMap;
use std::sync::Arc;

use futures::TryStreamExt;
use strataql_call::{
    CallContext, CallMetrics, Exchange, MethodCall, MethodRef, Mismatch, ServerVariables,
    decode_answer,
};
use strataql_diag::{MASK, Redactor, Report};
use strataql_net::{
    CredentialsOverride, ProxyPolicy, RetrySettings, Settings as NetSettings, SystemClock,
    Transport,
};
use strataql_sandbox::{LogEntry, Options, ProviderSource, Sandbox};
use strataql_spec::{Provider, RowShape, Service, SqlVerb};
use url::Url;

use super::values::{self, Given};

/// Objects of a list, and how many are on a page: three pages.
const ROWS: usize = 5;
const PAGE: usize = 2;

/// A sandbox of one service, and the way to it.
pub(super) struct Bench {
    sandbox: Sandbox,
    exchange: Arc<dyn Exchange>,
}

impl Bench {
    /// Starts the sandbox.
    ///
    /// # Errors
    /// `local-io` without a port.
    pub(super) async fn start(
        provider: &Arc<Provider>,
        service: &Arc<Service>,
    ) -> Result<Self, Box<Report>> {
        let options =
            Options { rows: Some(ROWS), page_size: Some(PAGE), adopt: true, ..Options::default() };
        let own = &options.credentials;
        let auth = [(provider.name.as_str(), provider.auth.as_ref())];
        let credentials =
            CredentialsOverride::simulated(&own.client_id, &own.client_secret, &own.token, auth);
        let source = ProviderSource::new(provider.as_ref().clone(), vec![Arc::clone(service)]);
        let sandbox = Sandbox::start(vec![source], options).await?;
        let url =
            Url::parse(&sandbox.url()).map_err(|error| Report::internal(error.to_string()))?;
        let net = NetSettings {
            endpoints: HashMap::from([(provider.name.clone(), url)]),
            proxy: ProxyPolicy::None,
            credentials_override: Some(credentials),
            retry: RetrySettings { max_attempts: 1, ..RetrySettings::default() },
            ..NetSettings::default()
        };
        let transport = Transport::new(net, Arc::new(SystemClock), Redactor::new())?;
        Ok(Self { sandbox, exchange: Arc::new(transport) })
    }

    pub(super) async fn end(self) {
        self.sandbox.shutdown().await;
    }

    /// Calls a method as a statement of that verb does; gives what is wrong.
    ///
    /// # Errors
    /// What is wrong, in one line.
    pub(super) async fn check(
        &self,
        target: &MethodRef,
        verb: Option<SqlVerb>,
    ) -> Result<(), String> {
        let given = values::of(target.method(), &target.service().schemas, verb);
        let call = MethodCall::write(
            target.clone(),
            given.arguments.clone(),
            given.fields.clone(),
            &ServerVariables::none(),
        );
        let call = call.map_err(|report| format!("no request: {}", report.message))?;
        self.sandbox.reset();
        let answered = match verb {
            Some(SqlVerb::Select) => self.rows(&call).await,
            _ => self.answer(&call).await,
        };
        let log: Vec<LogEntry> = self.sandbox.log().into_iter().filter(|it| !it.auth).collect();
        let Some(request) = log.first() else {
            return Err(answered.err().unwrap_or_else(|| "no request arrived".to_owned()));
        };
        answered?;
        if request.method.is_none() {
            return Err("the sandbox has no such route".to_owned());
        }
        arrived(&given, request)
    }

    /// Reads all pages of a query.
    async fn rows(&self, call: &MethodCall) -> Result<(), String> {
        let said = |report: Box<Report>| format!("{}: {}", report.code, report.message);
        let target = call.target();
        let rows = &target.method().response.rows;
        if let RowShape::Nothing { reason } = rows {
            return Err(format!("no rows: {reason}"));
        }
        let plan = call.decode_plan(target.columns(|_| false), Mismatch::Error).map_err(said)?;
        let context = CallContext {
            exchange: Arc::clone(&self.exchange),
            metrics: Arc::new(CallMetrics::default()),
            missing_is_empty: false,
            decides_write: false,
            shared: None,
            ahead: 1,
            most_pages: None,
        };
        let pages: Vec<_> = call.pages(context, plan).try_collect().await.map_err(said)?;
        let count: usize = pages.iter().map(|page| page.batch.num_rows()).sum();
        match (rows.is_single(), count) {
            (true, 1) => Ok(()),
            (true, count) => Err(format!("{count} rows of one object")),
            (false, 0) => Err("no rows of a list".to_owned()),
            // the first page alone
            (false, PAGE) if target.method().paging.name() != "none" => {
                Err(format!("{count} rows of {ROWS}"))
            }
            (false, _) => Ok(()),
        }
    }

    /// Sends a request and reads its answer.
    async fn answer(&self, call: &MethodCall) -> Result<(), String> {
        let said = |report: &Report| format!("{}: {}", report.code, report.message);
        let request = call.request().map_err(|report| said(&report))?;
        let metrics = CallMetrics::default();
        let response = call
            .send(self.exchange.as_ref(), &metrics, request)
            .await
            .map_err(|failure| said(&failure.report))?;
        let target = call.target();
        if matches!(target.method().response.rows, RowShape::Nothing { .. }) {
            return Ok(());
        }
        let plan = call
            .decode_plan(target.columns(|_| false), Mismatch::Error)
            .map_err(|report| said(&report))?;
        decode_answer(plan, &response).map(drop).map_err(|report| said(&report))
    }
}

/// Looks for every value in the request.
fn arrived(given: &Given, request: &LogEntry) -> Result<(), String> {
    let mut words = vec![request.host.clone(), decoded(&request.path)];
    for (name, value) in &request.query {
        words.extend([name.clone(), value.clone().unwrap_or_default()]);
    }
    words.extend(request.headers.values().cloned());
    let body = request.body.as_ref();
    let body = body.map(|body| body.as_str().map_or_else(|| body.to_string(), str::to_owned));
    words.extend(body);
    let text = words.join(" ");
    for (name, value) in &given.probes {
        // in JSON quotes and backslashes are escaped
        let escaped = serde_json::to_string(value).unwrap_or_default();
        let inner = escaped.trim_matches('"');
        // the log hides secrets
        if !text.contains(value.as_str()) && !text.contains(inner) && !text.contains(MASK) {
            return Err(format!("the value of `{}` is not in the request", top(name)));
        }
    }
    Ok(())
}

fn top(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

/// A path without percent signs.
fn decoded(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = (*first == b'%').then(|| after.get(..2)).flatten();
        let byte = hex.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
