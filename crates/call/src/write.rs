//! Calls with one request and one response: writes, and lookups of one object.
//!
//! Owns: the request of a write, whether it may be retried, and the rows of its response.
//! Refuses: deciding what to write and in which order.

use arrow_array::RecordBatch;
use strataql_diag::Report;
use strataql_net::{Repeat, Request, Response};
use strataql_spec::HttpVerb;

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
            // a whole replacement sent twice is the same replacement
            HttpVerb::Put => Repeat::WithKey,
            // a DELETE that is repeated may find nothing, which would look like an error
            _ => Repeat::RefusedOnly,
        };
        self.bound().request(&PageAddress::First, repeat)
    }

    /// Sends the request of a write; returns the response when its status is a success.
    ///
    /// # Errors
    /// The report of any other status, or of a missing response, and whether the change may have
    /// been made.
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
        if response.is_success() {
            return Ok(response);
        }
        // a gateway that lost its server does not know what the server did
        let maybe_applied = matches!(response.status, 502 | 504) || response.followed_loss;
        let report = Box::new(refusal(&response));
        Err(WriteFailure { report, maybe_applied, status: Some(response.status) })
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
}

/// The rows of an answer; none when it has no body.
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
