//! Calls that change something: one request, one answer.
//!
//! Owns: the request of a write, how far it may be repeated, and the rows of its answer.
//! Refuses: deciding what to write and in which order.

use arrow_array::RecordBatch;
use strataql_diag::Report;
use strataql_net::{Repeat, Request, Response, status_report};
use strataql_spec::HttpVerb;

use crate::bind::BoundCall;
use crate::decode::{DecodePlan, Decoder};
use crate::exchange::{Exchange, WriteFailure};
use crate::metrics::CallMetrics;

/// The request of a write. `has_key` tells that it carries an idempotency key.
///
/// # Errors
/// `internal` if the body cannot be serialised.
pub fn request_of(call: &BoundCall, has_key: bool) -> Result<Request, Box<Report>> {
    let repeat = match call.verb {
        verb if verb.is_safe() => Repeat::Safe,
        _ if has_key => Repeat::WithKey,
        // a whole replacement sent twice is the same replacement
        HttpVerb::Put => Repeat::WithKey,
        // a DELETE that is repeated may find nothing, which would look like an error
        _ => Repeat::RefusedOnly,
    };
    Ok(Request {
        verb: call.verb,
        url: call.url(&[]),
        headers: call.headers.clone(),
        body: call.body_bytes(None)?,
        provider: call.provider.clone(),
        repeat,
    })
}

/// Sends a write; gives its answer when it was accepted.
///
/// # Errors
/// The report of a refusal (its status says that nothing was done, 5xx that it may have been), or of a
/// missing answer.
pub async fn write(
    exchange: &dyn Exchange,
    metrics: &CallMetrics,
    request: Request,
) -> Result<Response, WriteFailure> {
    metrics.count_call();
    let response = exchange.write(request).await?;
    metrics.count_answer(response.attempts, response.body.len(), response.waited);
    if response.is_success() {
        return Ok(response);
    }
    // a gateway that lost its server does not know what the server did
    let maybe_applied = matches!(response.status, 502 | 504) || response.followed_loss;
    let report = Box::new(status_report(&response.facts, &response));
    Err(WriteFailure { report, maybe_applied, status: Some(response.status) })
}

/// Reads one object; `None` when there is none (404).
///
/// # Errors
/// The report of any other answer that is no success, or of a missing answer.
pub async fn look_up(
    exchange: &dyn Exchange,
    metrics: &CallMetrics,
    call: &BoundCall,
) -> Result<Option<Response>, Box<Report>> {
    metrics.count_call();
    let response = exchange.exchange(request_of(call, false)?).await?;
    metrics.count_answer(response.attempts, response.body.len(), response.waited);
    match response.status {
        404 => Ok(None),
        200..=299 => Ok(Some(response)),
        _ => Err(Box::new(status_report(&response.facts, &response))),
    }
}

/// The rows of an answer; none when it has no body.
///
/// # Errors
/// `unexpected-body`, `bad-remote-value`.
pub fn decode_answer(plan: DecodePlan, response: &Response) -> Result<RecordBatch, Box<Report>> {
    let decoder = Decoder::new(plan);
    if response.status == 204 || response.body.iter().all(u8::is_ascii_whitespace) {
        return Ok(decoder.empty().batch);
    }
    Ok(decoder.decode(&response.body)?.batch)
}
