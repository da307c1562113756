//! The object of a finished change.
//!
//! Owns: finding it: in the operation (`response`), at its `targetLink`, or by a lookup with the values of
//! the change.

use serde_json::Value as Json;
use strataql_diag::{Code, Report};
use strataql_net::{Request, Response, check_same_origin, status_report};
use strataql_spec::HttpVerb;

use super::handle::told;
use super::{Ended, Style, Waiter, json};
use crate::exchange::Exchange;
use crate::method_call::MethodCall;
use crate::method_ref::MethodRef;
use crate::metrics::CallMetrics;

impl Waiter {
    /// The response with the finished object, as `lookup` documents it.
    ///
    /// # Errors
    /// The error of reading the object; the change itself is done.
    pub async fn object(
        &self,
        exchange: &dyn Exchange,
        metrics: &CallMetrics,
        call: &MethodCall,
        ended: Ended,
        lookup: &MethodRef,
    ) -> Result<Response, Box<Report>> {
        let Ended { answer, .. } = ended;
        let body = json(&answer);
        let provider = &self.target.provider().name;
        let done = |report: Box<Report>| Box::new(report.with_note(self.done()));
        let shown = match &self.style {
            Style::Status { .. } => return Ok(answer),
            // the final response of a `Location` is the object
            Style::Location if is_of(&body, lookup) => return Ok(answer),
            Style::Operation { .. }
                if is_of(body.get("response").unwrap_or(&Json::Null), lookup) =>
            {
                let object = body["response"].to_string();
                let asked = Request::new(provider.clone(), HttpVerb::Get, answer.url.clone());
                return Ok(Response::new(200, answer.headers, object, &asked));
            }
            _ => match body.get("targetLink").and_then(Json::as_str) {
                Some(link) => {
                    let url = check_same_origin(&answer.url, link, &self.origins).map_err(done)?;
                    let request = Request::new(provider.clone(), HttpVerb::Get, url);
                    let shown = exchange.exchange(request).await.map_err(done)?;
                    metrics.count_answer(shown.attempts, shown.body.len(), shown.waited);
                    shown
                }
                None => {
                    // the operation's `name` is not that of the object
                    let object = body.get("response").or_else(|| body.get("metadata"));
                    let arguments =
                        told(lookup.method(), call.arguments(), object.unwrap_or(&Json::Null))
                            .map_err(|name| self.untold(&name))?;
                    let lookup = call.sibling(lookup.clone(), arguments).map_err(done)?;
                    lookup.read(exchange, metrics).await.map_err(done)?
                }
            },
        };
        if !shown.is_success() {
            return Err(done(Box::new(status_report(&shown.facts, &shown))));
        }
        Ok(shown)
    }

    fn done(&self) -> String {
        format!("the change by `{}` is done; only the object could not be read", self.name)
    }

    fn untold(&self, name: &str) -> Box<Report> {
        Box::new(
            Report::new(
                Code::UnexpectedBody,
                format!(
                    "`{}` is done, and its answer does not tell `{name}` of the object",
                    self.name
                ),
            )
            .with_help("read the object with SELECT; RETURNING cannot find it")
            .with_note(self.done()),
        )
    }
}

/// True for an object with at least one of the columns of a lookup.
fn is_of(json: &Json, lookup: &MethodRef) -> bool {
    let response = &lookup.method().response;
    let Some(fields) = json.as_object() else { return false };
    let Some(row) = response.row_schema else { return false };
    let schema = &lookup.service().schemas[row];
    response.rows.path().is_empty()
        && fields.keys().any(|name| schema.properties.contains_key(name))
}
