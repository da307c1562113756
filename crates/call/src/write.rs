//! Calls with one request and one response: writes, and lookups of one object.
//!
//! Owns: the request of a write, whether it may be retried, and the rows of its response.
//! Refuses: deciding what to write and in which order.

use arrow_array::RecordBatch;
use strataql_diag::{Code, Report};
use strataql_net::{Repeat, Request, Response, leaves_open};
use strataql_spec::HttpVerb;

use crate::acceptance::check_accepted;
use crate::decode::media::Body;
use crate::decode::{DecodePlan, Decoder};
use crate::exchange::{Exchange, WriteFailure};
use crate::method_call::MethodCall;
use crate::metrics::CallMetrics;
use crate::pager::PageAddress;
use crate::stream::refusal;

impl MethodCall {
    /// The request of a write.
    ///
    /// # Errors
    /// `internal` if the body cannot be serialised.
    pub fn request(&self) -> Result<Request, Box<Report>> {
        let repeat = match self.verb() {
            _ if self.method().may_repeat() => Repeat::Safe,
            _ if self.key().is_some() => Repeat::WithKey,
            // replacing a whole object twice is idempotent
            HttpVerb::Put => Repeat::WithKey,
            // a DELETE that is repeated may find nothing, which would look like an error
            _ => Repeat::RefusedOnly,
        };
        self.bound().request(&PageAddress::First, repeat)
    }

    /// Sends the request of a write; returns the response if it shows that the write was carried out.
    ///
    /// # Errors
    /// The report of any other response, or of a missing one, and whether the change may have been
    /// made. A success status with a body that is no response of the method (a page, an error object,
    /// half a document) leaves that open.
    pub async fn send(
        &self,
        exchange: &dyn Exchange,
        metrics: &CallMetrics,
        request: Request,
    ) -> Result<Response, WriteFailure> {
        self.introduce(exchange);
        metrics.count_call();
        let response = exchange.write(request).await?;
        metrics.count_answer(response.attempts, response.body.len(), response.waited);
        let status = Some(response.status);
        if response.is_success() {
            if self.method().is_write()
                && let Err(report) = check_accepted(self.target(), &response)
            {
                return Err(WriteFailure { report, maybe_applied: true, status });
            }
            return Ok(response);
        }
        let is_open = leaves_open(response.status, &response.headers) || response.followed_loss;
        let maybe_applied = self.method().is_write() && is_open;
        let report = Box::new(refusal(&response));
        Err(WriteFailure { report, maybe_applied, status })
    }

    /// Sends the request of a read; the response may have any status.
    ///
    /// # Errors
    /// The report of a missing response.
    pub async fn read(
        &self,
        exchange: &dyn Exchange,
        metrics: &CallMetrics,
    ) -> Result<Response, Box<Report>> {
        self.introduce(exchange);
        metrics.count_call();
        let request = self.bound().request(&PageAddress::First, self.bound().repeat())?;
        let response = exchange.exchange(request).await?;
        metrics.count_answer(response.attempts, response.body.len(), response.waited);
        Ok(response)
    }

    /// Reads one object; `None` for 404.
    ///
    /// # Errors
    /// The report of any other status that is no success, or of a missing response.
    pub async fn look_up(
        &self,
        exchange: &dyn Exchange,
        metrics: &CallMetrics,
    ) -> Result<Option<Response>, Box<Report>> {
        let response = self.read(exchange, metrics).await?;
        match response.status {
            404 => Ok(None),
            200..=299 => {
                check_accepted(self.target(), &response)?;
                if Body::of(&response).is_empty() {
                    let what = format!("the response to `{}` is empty", self.target().name());
                    let help = "run the statement again; read the object with SELECT to see more";
                    return Err(Box::new(Report::new(Code::UnexpectedBody, what).with_help(help)));
                }
                Ok(Some(response))
            }
            _ => Err(Box::new(refusal(&response))),
        }
    }
}

/// The rows of a response; none when it has no body.
///
/// # Errors
/// `unexpected-body`, `bad-remote-value`.
pub fn decode_answer(plan: DecodePlan, response: &Response) -> Result<RecordBatch, Box<Report>> {
    let decoder = Decoder::new(plan);
    let body = Body::of(response);
    if response.status == 204 || body.is_empty() {
        return Ok(decoder.empty().batch);
    }
    Ok(decoder.decode(body)?.batch)
}
