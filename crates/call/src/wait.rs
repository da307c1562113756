//! Waiting for long-running operations.
//!
//! Owns: which methods can be awaited, polling with increasing intervals, and the reports of
//! failures and timeouts.
//! Refuses: sending the change, and undoing it.
//! Surprise: a timeout does not end the change. The report names the handle, with which the wait
//! can be resumed.

mod handle;
mod object;
mod operation;

use std::time::Duration;

use http::header;
use serde_json::Value as Json;
use strataql_diag::{Code, Report, duration};
use strataql_net::{Response, status_report};
use strataql_spec::paging::body_path;
use strataql_spec::{Extension, HttpVerb, Method, SchemaId, Service, Wait};

use self::handle::Handle;
pub use self::handle::told as known_arguments;
use self::operation::{State, is_operation};
use crate::decode::media::Body;
use crate::error_object::error_key;
use crate::exact::read_answer;
use crate::exchange::Exchange;
use crate::look_up::{is_structured, wrong_object};
use crate::method_call::MethodCall;
use crate::method_ref::{MethodName, MethodRef};
use crate::metrics::CallMetrics;
use crate::server_variables::ServerVariables;

/// Maximum polling interval; a service may request longer ones.
const MAX_PAUSE: Duration = Duration::from_secs(10);
/// The first interval.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// How the end of a change is detected.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Style {
    /// A method returns the object, and one of its fields is the status.
    Status { poll: MethodName, status: Vec<String>, success: Vec<String>, failure: Vec<String> },
    /// The response is an operation, which is polled.
    Operation { poll: Option<MethodName> },
    /// The response has a URL to poll (`Location`).
    Location,
}

/// Called before each interval with the status and the time waited.
pub type Watch<'a> = &'a (dyn Fn(Option<&str>, Duration) + Send + Sync);

/// Waits for the changes of one method.
#[derive(Debug, Clone)]
pub struct Waiter {
    target: MethodRef,
    /// `provider.service.resource.method`.
    name: String,
    style: Style,
    message: Option<Vec<String>>,
    origins: Vec<String>,
    is_delete: bool,
    /// The method itself returns the state: a resumed wait.
    is_poll: bool,
    timeout: Duration,
}

/// The end of a change.
#[derive(Debug, Clone)]
pub struct Ended {
    /// The last response.
    pub answer: Response,
    /// Number of polls.
    pub polls: u32,
    /// Duration.
    pub waited: Duration,
}

impl Waiter {
    /// How the changes of a method are awaited.
    ///
    /// # Errors
    /// `unsupported-syntax` if its document does not say how, `bad-document` if the document is
    /// invalid.
    pub fn of(target: &MethodRef, timeout: Duration) -> Result<Self, Box<Report>> {
        let (service, method) = (target.service(), target.method());
        let resource = &target.short_name().resource;
        let name = target.name();
        let wait = declared(service, resource, method);
        let shows_operation = is_operation(&service.schemas, method.response.schema);
        let style = match &wait {
            Some(wait) => style(service, resource, wait, method.response.schema, &name)?,
            None if shows_operation => Style::Operation { poll: None },
            None => return Err(not_awaitable(&name)),
        };
        // what is read in order to wait must be readable before anything is sent
        target.check_readable()?;
        let waiter = Self {
            target: target.clone(),
            name,
            style,
            message: wait.and_then(|wait| wait.message).map(|path| body_path(&path)),
            origins: method.extension.origins.clone(),
            is_delete: method.verb == HttpVerb::Delete,
            is_poll: method.verb.is_safe(),
            timeout,
        };
        if let Some(poll) = waiter.polled() {
            waiter.method(poll)?.check_readable()?;
        }
        Ok(waiter)
    }

    /// The method that is polled, if it is one of the document.
    fn polled(&self) -> Option<&MethodName> {
        match &self.style {
            Style::Status { poll, .. } | Style::Operation { poll: Some(poll) } => Some(poll),
            Style::Operation { poll: None } | Style::Location => None,
        }
    }

    /// The method that returns the finished object, if it is the polled one.
    pub fn object_method(&self) -> Option<&MethodName> {
        match &self.style {
            Style::Status { poll, .. } => Some(poll),
            _ => None,
        }
    }

    /// The polled request for EXPLAIN: method, and address.
    pub fn described(&self, variables: &ServerVariables) -> (String, String) {
        match (self.polled().and_then(|poll| self.target.sibling(poll)), &self.style) {
            (Some(polled), _) => (polled.name(), polled.url_template(variables)),
            (None, Style::Location) => (self.name.clone(), "‹`Location` of the answer›".to_owned()),
            (None, _) => (self.name.clone(), "‹address of the operation in the answer›".to_owned()),
        }
    }

    fn full_name(&self, method: &MethodName) -> String {
        let Service { provider, name, .. } = self.target.service();
        format!("{provider}.{name}.{}.{}", method.resource, method.method)
    }

    fn method(&self, name: &MethodName) -> Result<MethodRef, Box<Report>> {
        self.target.sibling(name).ok_or_else(|| {
            Box::new(Report::internal(format!("method `{}` is gone", self.full_name(name))))
        })
    }

    /// Waits for the end of the change that `call` has made, whose answer is `first`.
    ///
    /// # Errors
    /// The failure that the service reports, `timeout`, or the error of a poll; all name the
    /// handle.
    pub async fn finish(
        &self,
        exchange: &dyn Exchange,
        metrics: &CallMetrics,
        call: &MethodCall,
        first: Response,
        watch: Watch<'_>,
    ) -> Result<Ended, Box<Report>> {
        let clock = exchange.clock();
        let started = clock.now();
        let mut state = self.state_of_first(&first);
        if let State::Done = state {
            return Ok(Ended { answer: first, polls: 0, waited: Duration::ZERO });
        }
        let mut handle = Handle::of(self, call, &first)?;
        if self.is_poll {
            state = self.state(&first, &handle)?;
        }
        let mut answer = first;
        let mut polls = 0;
        loop {
            let status = match &state {
                State::Done => {
                    let waited = clock.now().saturating_duration_since(started);
                    return Ok(Ended { answer, polls, waited });
                }
                State::Failed(message) => return Err(self.failed(message, &handle)),
                State::Pending(status) => status.clone(),
            };
            let pause = asked_pause(&answer).unwrap_or_else(|| pause(polls));
            let waited = clock.now().saturating_duration_since(started);
            if waited + pause > self.timeout {
                return Err(self.late(status.as_deref(), &handle));
            }
            watch(status.as_deref(), waited);
            clock.sleep(pause).await;
            let next = handle.ask(self, exchange, metrics).await.map_err(|report| {
                Box::new((*report).with_note(self.accepted()).with_help(handle.resume(self)))
            })?;
            polls += 1;
            state = self.state(&next, &handle)?;
            handle.follow(self, &next)?;
            answer = next;
        }
    }

    /// The state in the response to the change itself.
    fn state_of_first(&self, first: &Response) -> State {
        let json = json(first);
        match &self.style {
            // it may show the state before the change; only the polled method is reliable
            Style::Status { status, .. } => {
                State::Pending(at(&json, status).and_then(operation::text))
            }
            Style::Operation { .. } => operation::state(&json),
            Style::Location if first.status == 202 => State::Pending(None),
            Style::Location if handle::address(first).is_some() && first.status != 200 => {
                State::Pending(None)
            }
            Style::Location => State::Done,
        }
    }

    /// The state in the response to a poll.
    fn state(&self, answer: &Response, handle: &Handle) -> Result<State, Box<Report>> {
        match answer.status {
            404 | 410 if self.is_delete && is_structured(answer) => return Ok(State::Done),
            200..=299 => {}
            _ => {
                return Err(Box::new(
                    status_report(&answer.facts, answer)
                        .with_note(self.accepted())
                        .with_help(handle.resume(self)),
                ));
            }
        }
        let json = json(answer);
        self.readable(answer, &json, handle)?;
        Ok(match &self.style {
            Style::Status { status, success, failure, .. } => {
                match at(&json, status).and_then(operation::text) {
                    Some(text) if success.contains(&text) => State::Done,
                    Some(text) if failure.contains(&text) => {
                        State::Failed(self.explained(&json, &text))
                    }
                    text => State::Pending(text),
                }
            }
            Style::Operation { .. } => operation::state(&json),
            Style::Location if answer.status == 202 => State::Pending(operation::status(&json)),
            Style::Location if operation::has_state(&json) => operation::state(&json),
            Style::Location => State::Done,
        })
    }

    /// Refuses an answer that decides nothing: one that is no object, or another object.
    fn readable(&self, answer: &Response, json: &Json, handle: &Handle) -> Result<(), Box<Report>> {
        let has_body = !answer.body.trim_ascii().is_empty();
        let must_be_object = match &self.style {
            Style::Status { .. } | Style::Operation { .. } => true,
            Style::Location => has_body,
        };
        let told = |report: Box<Report>| {
            Box::new(report.with_note(self.accepted()).with_help(handle.resume(self)))
        };
        let is_odd = match &self.style {
            Style::Location => {
                !(json.is_object() || json.is_array())
                    || (!operation::has_state(json)
                        && json.as_object().is_some_and(|it| error_key(it, |_| false).is_some()))
            }
            _ => !json.is_object(),
        };
        if must_be_object && is_odd {
            let message =
                format!("the answer that tells the state of `{}` cannot be read", self.name);
            return Err(told(Box::new(Report::new(Code::UnexpectedBody, message))));
        }
        match (&self.style, handle) {
            (Style::Status { .. }, Handle::Call(poll)) => match poll.differs(poll.row_of(json)) {
                Some((name, asked, shown)) => {
                    let resource = poll.target().resource_name();
                    Err(told(wrong_object(&resource, &name, &asked, &shown)))
                }
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// A status with the message that explains it.
    fn explained(&self, json: &Json, status: &str) -> String {
        let message = self.message.as_ref().and_then(|path| at(json, path));
        match message.and_then(operation::text).filter(|text| !text.is_empty()) {
            Some(message) => format!("its status is `{status}`: {message}"),
            None => format!("its status is `{status}`"),
        }
    }

    fn accepted(&self) -> String {
        format!("the change by `{}` was accepted before; it was not sent again", self.name)
    }

    fn failed(&self, message: &str, handle: &Handle) -> Box<Report> {
        Box::new(
            Report::new(
                Code::RemoteRejected,
                format!("`{}` was accepted and then failed: {message}", self.name),
            )
            .with_help("correct what the service complains about, then run the statement again")
            .with_note(format!("its handle is {handle}")),
        )
    }

    fn late(&self, status: Option<&str>, handle: &Handle) -> Box<Report> {
        let status = status.map(|status| format!(", its status is `{status}`")).unwrap_or_default();
        Box::new(
            Report::new(
                Code::Timeout,
                format!(
                    "`{}` was accepted and is not done after {}{status}",
                    self.name,
                    shown(self.timeout)
                ),
            )
            .with_help(handle.resume(self))
            .with_help("wait longer with `SET await.timeout = '1h'`")
            .with_note(format!("its handle is {handle}; it goes on without being awaited")),
        )
    }
}

/// The `wait` block of a method: its own, or that of a method which polls with it.
fn declared(service: &Service, resource: &str, method: &Method) -> Option<Wait> {
    if let Some(wait) = &method.extension.wait {
        return Some(wait.clone());
    }
    if !method.verb.is_safe() {
        return None;
    }
    let this = MethodName { resource: resource.to_owned(), method: method.name.clone() };
    service.resources.iter().find_map(|(name, other)| {
        other.methods.values().find_map(|method| {
            let Extension { wait: Some(wait), .. } = &method.extension else { return None };
            let poll = wait.poll.as_deref().map(|poll| poll_name(name, poll))?;
            (poll == this).then(|| wait.clone())
        })
    })
}

/// `get` of the same resource, or `operations.get`.
fn poll_name(resource: &str, poll: &str) -> MethodName {
    let (resource, method) = poll.split_once('.').unwrap_or((resource, poll));
    MethodName { resource: resource.to_owned(), method: method.to_owned() }
}

fn style(
    service: &Service,
    resource: &str,
    wait: &Wait,
    answer: Option<SchemaId>,
    name: &str,
) -> Result<Style, Box<Report>> {
    let wrong = |what: String| {
        Box::new(
            Report::new(Code::BadDocument, format!("`x-strataql.wait` of `{name}` {what}"))
                .with_help("leave AWAIT out; the provider's document has to be corrected"),
        )
    };
    let Some(poll) = &wait.poll else {
        return Ok(if is_operation(&service.schemas, answer) {
            Style::Operation { poll: None }
        } else {
            Style::Location
        });
    };
    let poll = poll_name(resource, poll);
    let method = service
        .resources
        .get(&poll.resource)
        .and_then(|resource| resource.methods.get(&poll.method))
        .ok_or_else(|| wrong(format!("names `{}`, which is no method", poll.method)))?;
    if !method.verb.is_safe() {
        return Err(wrong(format!("polls with `{}`, which may change something", poll.method)));
    }
    match &wait.status {
        None => Ok(Style::Operation { poll: Some(poll) }),
        Some(_) if wait.success.is_empty() => {
            Err(wrong("names no status that means success".to_owned()))
        }
        Some(status) => Ok(Style::Status {
            poll,
            status: body_path(status),
            success: wait.success.clone(),
            failure: wait.failure.clone(),
        }),
    }
}

fn not_awaitable(name: &str) -> Box<Report> {
    Box::new(
        Report::new(
            Code::UnsupportedSyntax,
            format!("`{name}` cannot be awaited: its document tells of no operation and no status"),
        )
        .with_help("leave AWAIT out")
        .with_help("a provider document says how to wait under `x-strataql.wait`")
        .with_note("nothing was sent"),
    )
}

/// 1, 2, 4, 8 and then always 10 seconds.
fn pause(polls: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << polls.min(4)).min(MAX_PAUSE)
}

/// `Retry-After` in seconds.
fn asked_pause(answer: &Response) -> Option<Duration> {
    let text = answer.headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

fn json(answer: &Response) -> Json {
    read_answer(Body::of(answer).json().unwrap_or_default()).unwrap_or(Json::Null)
}

fn at<'j>(json: &'j Json, path: &[String]) -> Option<&'j Json> {
    path.iter().try_fold(json, |json, step| match json {
        Json::Array(items) => items.get(step.parse::<usize>().ok()?),
        other => other.get(step),
    })
}

/// `90 s`, `20 min`.
fn shown(time: Duration) -> String {
    match time.as_secs() {
        whole if whole >= 120 && whole % 60 == 0 => format!("{} min", whole / 60),
        _ => duration(time),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit() {
        let pauses: Vec<u64> = (0..7).map(|polls| pause(polls).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 10, 10, 10]);
        assert_eq!(pause(u32::MAX), MAX_PAUSE);
    }

    #[test]
    fn patience_is_said_in_words() {
        for (millis, text) in [(20 * 60_000, "20 min"), (90_000, "90 s"), (500, "500 ms")] {
            assert_eq!(shown(Duration::from_millis(millis)), text);
        }
    }

    #[test]
    fn a_poll_may_belong_to_another_resource() {
        let name = |resource: &str, method: &str| MethodName {
            resource: resource.to_owned(),
            method: method.to_owned(),
        };
        assert_eq!(poll_name("apps", "get"), name("apps", "get"));
        assert_eq!(poll_name("apps", "operations.get"), name("operations", "get"));
    }
}
