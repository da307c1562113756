//! The handle of a change, which is polled for its state.
//!
//! Owns: finding it in the response to the change, the poll, and the statement that resumes the
//! wait.
//! Refuses: URLs of other origins.

use std::fmt;

use http::HeaderMap;
use serde_json::Value as Json;
use strataql_diag::{Code, Report};
use strataql_net::{Request, Response, check_same_origin};
use strataql_spec::{HttpVerb, Location, Method, Piece};
use url::Url;

use super::{Style, Waiter, json, operation};
use crate::bind::Arguments;
use crate::exchange::Exchange;
use crate::method_call::MethodCall;
use crate::method_ref::MethodName;
use crate::metrics::CallMetrics;
use crate::value::Value;

/// Headers with the URL to poll, in order of preference.
const ADDRESSES: [&str; 3] = ["azure-asyncoperation", "operation-location", "location"];

/// What is polled.
#[derive(Debug, Clone)]
pub(super) enum Handle {
    /// A call that shows the state.
    Call(Box<MethodCall>),
    /// A URL.
    Address(Url),
}

impl Handle {
    /// The handle in the response to a change.
    pub(super) fn of(
        waiter: &Waiter,
        call: &MethodCall,
        first: &Response,
    ) -> Result<Self, Box<Report>> {
        let json = json(first);
        match &waiter.style {
            Style::Status { poll, .. } | Style::Operation { poll: Some(poll) } => {
                let target = waiter.method(poll)?;
                let arguments = told(target.method(), &call.known(), &json)
                    .map_err(|name| unknown(waiter, &format!("`{name}`")))?;
                let accepted = |report: Box<Report>| Box::new(report.with_note(waiter.accepted()));
                target.check_readable().map_err(accepted)?;
                let poll = call.sibling(target, arguments).map_err(accepted)?;
                Ok(Self::Call(Box::new(poll)))
            }
            Style::Operation { poll: None } => {
                if let Some(link) = json.get("selfLink").and_then(Json::as_str) {
                    return supplied(waiter, &first.url, link);
                }
                if let Some(link) = address(first) {
                    return supplied(waiter, &first.url, &link);
                }
                let name = json.get("name").and_then(Json::as_str);
                name.and_then(|name| named(&first.url, name))
                    .map(Self::Address)
                    .ok_or_else(|| unknown(waiter, "the operation"))
            }
            Style::Location => {
                let link = address(first).ok_or_else(|| unknown(waiter, "a `Location`"))?;
                supplied(waiter, &first.url, &link)
            }
        }
    }

    /// A `Location` may move while the change is under way.
    pub(super) fn follow(&mut self, waiter: &Waiter, answer: &Response) -> Result<(), Box<Report>> {
        if waiter.style == Style::Location
            && answer.status == 202
            && let Some(link) = address(answer)
        {
            *self = supplied(waiter, &answer.url, &link)?;
        }
        Ok(())
    }

    /// Asks for the state.
    pub(super) async fn ask(
        &self,
        waiter: &Waiter,
        exchange: &dyn Exchange,
        metrics: &CallMetrics,
    ) -> Result<Response, Box<Report>> {
        match self {
            Self::Call(call) => call.read(exchange, metrics).await,
            Self::Address(url) => {
                let provider = waiter.target.provider().name.clone();
                let request = Request::new(provider, HttpVerb::Get, url.clone());
                let answer = exchange.exchange(request).await?;
                metrics.count_answer(answer.attempts, answer.body.len(), answer.waited);
                Ok(answer)
            }
        }
    }

    /// How the wait is resumed.
    pub(super) fn resume(&self, waiter: &Waiter) -> String {
        let call = match self {
            Self::Call(call) => {
                Some((call.target().short_name().clone(), call.arguments().clone()))
            }
            Self::Address(url) => method_at(waiter, url),
        };
        match call {
            Some((name, arguments)) => {
                let given = arguments.0.iter().map(|(name, value)| match value {
                    Value::Integer(number) => format!("@{name} = {number}"),
                    other => format!("@{name} = '{}'", other.text().replace('\'', "''")),
                });
                let given: Vec<String> = given.collect();
                format!(
                    "wait on with `EXEC /*+ AWAIT */ {} {}`",
                    waiter.full_name(&name),
                    given.join(", ")
                )
            }
            None => format!("read {self} until it is done"),
        }
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(call) => {
                let name = call.target().short_name();
                let given: Vec<String> = call
                    .arguments()
                    .0
                    .iter()
                    .map(|(name, value)| format!("`{name}` = `{}`", value.text()))
                    .collect();
                write!(f, "{} of `{}.{}`", given.join(", "), name.resource, name.method)
            }
            Self::Address(url) => write!(f, "`{url}`"),
        }
    }
}

/// The URL in the headers of a response.
pub(super) fn address(answer: &Response) -> Option<String> {
    let headers: &HeaderMap = &answer.headers;
    let text = ADDRESSES.iter().find_map(|name| headers.get(*name))?.to_str().ok()?;
    Some(text.to_owned())
}

fn supplied(waiter: &Waiter, from: &Url, link: &str) -> Result<Handle, Box<Report>> {
    check_same_origin(from, link, &waiter.origins)
        .map(Handle::Address)
        .map_err(|report| Box::new((*report).with_note(waiter.accepted())))
}

/// The URL of an operation by its name: below the version prefix of the path of the change.
fn named(from: &Url, name: &str) -> Option<Url> {
    let is_plain = |segment: &str| {
        !segment.is_empty()
            && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_~.:@".contains(&b))
            && !segment.bytes().all(|b| b == b'.')
    };
    if !name.split('/').all(is_plain) {
        return None;
    }
    let first = from.path_segments()?.next()?;
    let is_version =
        first.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let mut url = from.clone();
    url.set_query(None);
    url.set_fragment(None);
    url.set_path(&if is_version { format!("/{first}/{name}") } else { format!("/{name}") });
    Some(url)
}

/// The values of a method's required parameters: from the change, else from its answer. An answer
/// does not tell which server to ask.
///
/// # Errors
/// The name of one that neither has.
pub fn told(method: &Method, arguments: &Arguments, answer: &Json) -> Result<Arguments, String> {
    let mut all = Arguments::default();
    for param in &method.params {
        if param.location == Location::Server {
            if let Some(value) = arguments.value(param) {
                all.0.insert(param.name.clone(), value.clone());
            }
            continue;
        }
        let value = arguments
            .value(param)
            .cloned()
            .or_else(|| field(answer, &param.name))
            .or_else(|| field(answer, &param.wire));
        let value = value.or_else(|| {
            let name = answer.get("name").and_then(Json::as_str)?;
            let pieces = &method.path.path;
            let last = pieces.iter().rposition(|piece| matches!(piece, Piece::Param(_)))?;
            let before = match last.checked_sub(1).map(|at| &pieces[at]) {
                Some(Piece::Literal(text)) => text.as_str(),
                _ => "",
            };
            let is_last = matches!(&pieces[last], Piece::Param(own) if own == &param.wire);
            is_last.then(|| Value::Text(below(before, name).to_owned()))
        });
        match value {
            Some(value) if param.required => {
                all.0.insert(param.name.clone(), value);
            }
            None if param.required => return Err(param.name.clone()),
            _ => {}
        }
    }
    Ok(all)
}

/// What a name has below the path that stands before a parameter: `operations/o-1` below `/v1/operations/` is
/// `o-1`, and `operations/a/b` is `a/b`. Below another path it is the last segment.
fn below<'n>(before: &str, name: &'n str) -> &'n str {
    let literal = before.trim_matches('/').rsplit('/').next().unwrap_or_default();
    let begins = |at: usize| at == 0 || name[..at].ends_with('/');
    let found = name.match_indices(literal).find(|(at, _)| {
        !literal.is_empty() && begins(*at) && name[at + literal.len()..].starts_with('/')
    });
    match found {
        Some((at, _)) => &name[at + literal.len() + 1..],
        None => name.rsplit('/').next().unwrap_or(name),
    }
}

fn field(answer: &Json, name: &str) -> Option<Value> {
    let value = answer.get(name)?;
    match value {
        Json::Number(number) if number.is_i64() => number.as_i64().map(Value::Integer),
        // of a number that `i64` does not hold, all digits
        other => operation::text(other).map(Value::Text),
    }
}

fn unknown(waiter: &Waiter, what: &str) -> Box<Report> {
    Box::new(
        Report::new(
            Code::UnexpectedBody,
            format!(
                "the answer of `{}` does not tell {what}, so it cannot be awaited",
                waiter.name
            ),
        )
        .with_help("read the object to see whether the change is done")
        .with_note(waiter.accepted()),
    )
}

/// The select method of the service whose path a URL matches, with its values.
fn method_at(waiter: &Waiter, url: &Url) -> Option<(MethodName, Arguments)> {
    let service = waiter.target.service();
    service.resources.iter().find_map(|(resource, found)| {
        found.methods.values().find_map(|method| {
            if method.verb != HttpVerb::Get || !is_operation_reader(waiter, method) {
                return None;
            }
            let arguments = spelt(method, url.path())?;
            Some((
                MethodName { resource: resource.clone(), method: method.name.clone() },
                arguments,
            ))
        })
    })
}

fn is_operation_reader(waiter: &Waiter, method: &Method) -> bool {
    operation::is_operation(&waiter.target.service().schemas, method.response.schema)
}

/// The path values for which a method has this path.
fn spelt(method: &Method, path: &str) -> Option<Arguments> {
    let mut all = Arguments::default();
    let mut rest = path;
    let mut pieces = method.path.path.iter().peekable();
    while let Some(piece) = pieces.next() {
        match piece {
            Piece::Literal(text) => rest = rest.strip_prefix(text.as_str())?,
            Piece::Param(wire) => {
                let end = match pieces.peek() {
                    Some(Piece::Literal(next)) => rest.find(next.as_str())?,
                    _ => rest.len(),
                };
                let (value, after) = rest.split_at(end);
                if value.is_empty() {
                    return None;
                }
                let name = method.param(wire).map_or(wire, |param| &param.name);
                all.0.insert(name.clone(), Value::Text(value.to_owned()));
                rest = after;
            }
        }
    }
    rest.is_empty().then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_told_below_the_path_of_its_parameter() {
        for (before, name, expected) in [
            ("/v1/operations/", "operations/o-1", "o-1"),
            ("/v1/operations/", "operations/a/b", "a/b"),
            ("/v1/projects/", "projects/p", "p"),
            ("/operations/", "projects/p/operations/o-1", "o-1"),
            ("/v1/operations/", "things/o-1", "o-1"),
            ("/v1/operations/", "myoperations/o-1", "o-1"),
            ("/v1/", "operations/o-1", "o-1"),
            ("", "o-1", "o-1"),
        ] {
            assert_eq!(below(before, name), expected, "{before} {name}");
        }
    }

    #[test]
    fn names_of_operations_keep_the_version() {
        let url = |text: &str| Url::parse(text).expect("a URL");
        let from = url("https://h.example/v1/projects/p/things?x=1");
        assert_eq!(
            named(&from, "operations/o-1"),
            Some(url("https://h.example/v1/operations/o-1"))
        );
        let from = url("https://h.example/things");
        assert_eq!(named(&from, "op/1"), Some(url("https://h.example/op/1")));
        for name in ["", "a/../b", "a//b", "a?b", "a#b", "..", "a\\b", "a b"] {
            assert_eq!(named(&from, name), None, "{name}");
        }
    }
}
