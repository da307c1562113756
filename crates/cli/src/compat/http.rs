//! What the profile says about requests: answers whose status is no success, and the HTTP log.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt;
use futures::future::BoxFuture;
use strataql_call::{Exchange, Layer, WriteFailure};
use strataql_compat::{go_json, messages};
use strataql_diag::Report;
use strataql_net::{Request, Response};

use crate::console::Console;

/// An answer that was no success.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) body: String,
    /// It answers a write.
    pub(super) is_write: bool,
}

/// The answers of a statement that were no success, in the order in which they came.
#[derive(Debug, Clone, Default)]
pub(super) struct Refusals(Arc<Mutex<Vec<Refusal>>>, Arc<AtomicBool>);

impl Refusals {
    /// Takes them out.
    pub(super) fn take(&self) -> Vec<Refusal> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether the statement waits until its changes are done.
    pub(super) fn await_changes(&self, awaits: bool) {
        self.1.store(awaits, Ordering::Relaxed);
    }

    /// True once a write of the statement was refused: what is read then only decides what became of it.
    fn has_write(&self) -> bool {
        let refusals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        refusals.iter().any(|refusal| refusal.is_write)
    }

    fn add(&self, refusal: Refusal) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(refusal);
    }
}

/// A layer that tells of answers on stderr.
pub(super) struct Telling {
    pub(super) inner: Arc<dyn Exchange>,
    pub(super) console: Console,
    pub(super) refusals: Refusals,
    /// `--http.log.enabled`.
    pub(super) logs: bool,
}

impl Telling {
    fn say(&self, line: &str) {
        self.console.write_err(&format!("{}\n", self.inner.redact(line)));
    }

    fn before(&self, request: &Request) {
        if !self.logs {
            return;
        }
        self.say(&format!("http request url: '{}', method: '{}'", request.url, request.verb));
        if let Some(body) = &request.body {
            self.say(&format!("http request body = '{}'", String::from_utf8_lossy(body)));
        }
    }

    fn after(&self, response: &Response, is_write: bool) {
        let body = String::from_utf8_lossy(&response.body).into_owned();
        if self.logs {
            self.say(&format!(
                "http response status code: {}, response body: {body}",
                response.status
            ));
            if response.status < 300
                && let Some(pretty) = go_json::pretty(&body)
            {
                self.say(&format!("processed http response body object: {pretty}"));
            }
        }
        if self.refusals.1.load(Ordering::Relaxed)
            && let Some(done) = finished(&body)
        {
            self.say(&done);
        }
        if response.status >= 300 {
            if !self.logs {
                self.say(&messages::http_status(response.status, response.body.as_ref()));
            }
            self.refusals.add(Refusal { status: response.status, body, is_write });
        }
    }
}

/// What is said of an operation that has ended.
fn finished(body: &str) -> Option<String> {
    let body: serde_json::Value = serde_json::from_str(body).ok()?;
    let text =
        |key: &str| body.get(key).and_then(|value| value.as_str()).filter(|it| !it.is_empty());
    text("endTime")?;
    Some(format!("{}: {} complete", text("kind")?, text("operationType")?))
}

impl Layer for Telling {
    fn inner(&self) -> &Arc<dyn Exchange> {
        &self.inner
    }

    fn exchange(&self, request: Request) -> BoxFuture<'_, Result<Response, Box<Report>>> {
        let is_quiet = self.refusals.has_write();
        if !is_quiet {
            self.before(&request);
        }
        async move {
            let response = self.inner.exchange(request).await?;
            if !is_quiet {
                self.after(&response, false);
            }
            Ok(response)
        }
        .boxed()
    }

    fn write(&self, request: Request) -> BoxFuture<'_, Result<Response, WriteFailure>> {
        self.before(&request);
        async move {
            let response = self.inner.write(request).await?;
            self.after(&response, true);
            Ok(response)
        }
        .boxed()
    }
}
