//! Partial results: a call that fails ends, and the statement goes on without its remaining rows.
//!
//! Owns: `SET on_error = 'partial'`: which failures a statement may outlive, and their description.
//! Refuses: everything that writes or is kept. Rows that are missing would be deleted, or missed for
//! good, so only queries may be partial.
//! Surprise: a refusal of one object (403) is a failure of that call; a missing or refused credential
//! (401) is a failure of the statement, as no other call would fare better.

use futures::{Stream, StreamExt, TryStreamExt};
use strataql_call::Arguments;
use strataql_diag::{Class, Code, Report};
use strataql_spec::{Location, Method};

use crate::outcome::{Issue, Outcome};

/// The items of a call up to its failure, which goes to the outcome.
pub(crate) fn kept<T: Send>(
    items: impl Stream<Item = Result<T, Box<Report>>> + Send,
    outcome: Outcome,
    scope: String,
    outlives_refusals: bool,
) -> impl Stream<Item = Result<T, Box<Report>>> + Send {
    items
        .map(move |item| match item {
            Ok(item) => Ok(Some(item)),
            Err(report) if is_of_one_call(&report, outlives_refusals) => {
                outcome.add_issue(Issue::of(scope.clone(), &report));
                Ok(None)
            }
            Err(report) => Err(report),
        })
        .try_filter_map(|item| std::future::ready(Ok(item)))
}

/// True for failures that other calls need not share.
fn is_of_one_call(report: &Report, outlives_refusals: bool) -> bool {
    match report.code {
        Code::CrossOrigin => false,
        Code::CredentialRefused => {
            let status = report.remote.as_ref().and_then(|remote| remote.status);
            status == Some(403) || outlives_refusals && status.is_some()
        }
        code => matches!(code.class(), Class::Remote | Class::Transient),
    }
}

/// A call as people recognise it. Values of headers and of secrets stay out.
pub(crate) fn scope(name: &str, method: &Method, arguments: &Arguments) -> String {
    let values: Vec<String> = method
        .inputs()
        .filter(|input| input.location != Some(Location::Header))
        .filter_map(|input| {
            let value = arguments.0.get(input.name).or_else(|| arguments.0.get(input.wire))?;
            let hidden = strataql_call::is_secret(method, input.name);
            let shown = if hidden { strataql_diag::MASK.to_owned() } else { value.text() };
            Some(format!("{}={shown}", input.name))
        })
        .collect();
    format!("{name}({})", values.join(", "))
}
