//! One call of a method: its arguments, its request, and how its responses are read.
//!
//! Owns: completing arguments with server variables, binding, and the registration of the provider
//! with the exchange. Every request of a statement is built here, lookups included.
//! Refuses: choosing the method, and the order of calls.
//! Surprise: [`MethodCall::sibling`] keeps the source of server variables. A lookup or an undo goes to
//! the host of the write, also when a setting has changed since.

use std::sync::Arc;

use serde_json::Value as Json;
use strataql_diag::Report;
use strataql_net::Principal;
use strataql_spec::{HttpVerb, Method, SqlVerb};
use url::Url;

use crate::bind::{Arguments, BoundCall, bind_with_key};
use crate::decode::{ColumnPlan, DecodePlan, Mismatch};
use crate::exchange::Exchange;
use crate::method_ref::MethodRef;
use crate::server_variables::ServerVariables;

/// A call that can be sent.
#[derive(Debug, Clone)]
pub struct MethodCall {
    target: MethodRef,
    arguments: Arguments,
    variables: ServerVariables,
    bound: Arc<BoundCall>,
    key: Option<String>,
}

impl MethodCall {
    /// Binds arguments to a method. Where its document defines an idempotency key, the call gets a
    /// new one, unless the arguments contain it. The key stays the same when the request is retried.
    ///
    /// Names that are neither a parameter nor a body attribute of the method are ignored: method
    /// choice has already treated them as filters.
    ///
    /// # Errors
    /// `missing-param` for a required parameter without a value, `bad-param-value` for a value that
    /// does not fit or would call another endpoint. Both name method and parameter.
    pub fn new(
        target: MethodRef,
        arguments: Arguments,
        variables: &ServerVariables,
    ) -> Result<Self, Box<Report>> {
        Self::with_key(target, arguments, variables, strataql_net::idempotency_key)
    }

    /// [`Self::new`] with another source of idempotency keys.
    ///
    /// # Errors
    /// As [`Self::new`]; `bad-document` when the document names no possible header; what `fresh`
    /// fails with.
    pub fn with_key(
        target: MethodRef,
        mut arguments: Arguments,
        variables: &ServerVariables,
        fresh: impl FnOnce() -> Result<String, Box<Report>>,
    ) -> Result<Self, Box<Report>> {
        let (service, method) = (target.service(), target.method());
        let provider = &target.provider().name;
        variables.complete(provider, target.resource(), method, &mut arguments);
        let (bound, key) = bind_with_key(service, method, &mut arguments, fresh)?;
        let variables = variables.clone();
        Ok(Self { target, arguments, variables, bound: Arc::new(bound), key })
    }

    /// A call of another method of the service, with the same source of server variables.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn sibling(&self, target: MethodRef, arguments: Arguments) -> Result<Self, Box<Report>> {
        Self::new(target, arguments, &self.variables)
    }

    /// The call that reads the object of this one: the first lookup of the resource whose
    /// parameters are among the arguments.
    ///
    /// # Errors
    /// As [`MethodRef::check_readable`].
    pub fn lookup(&self) -> Result<Option<Self>, Box<Report>> {
        let target = &self.target;
        let lookups = target.resource().candidates(SqlVerb::Select).filter(|it| it.is_lookup());
        let mut bound = lookups.filter_map(|lookup| {
            let lookup = target.neighbour(&lookup.name)?;
            self.sibling(lookup, self.arguments.clone()).ok()
        });
        let Some(found) = bound.next() else { return Ok(None) };
        found.target.check_readable()?;
        Ok(Some(found))
    }

    /// The method.
    pub fn target(&self) -> &MethodRef {
        &self.target
    }

    /// The method, as its document has it.
    pub fn method(&self) -> &Method {
        self.target.method()
    }

    /// The values by name, those of server variables included.
    pub fn arguments(&self) -> &Arguments {
        &self.arguments
    }

    /// The idempotency key in the request.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// The HTTP verb.
    pub fn verb(&self) -> HttpVerb {
        self.bound.verb
    }

    /// The address of the first request.
    pub fn url(&self) -> Url {
        self.bound.url(&[])
    }

    /// The body as JSON; `None` without one, and where the document gives it verbatim.
    pub fn body(&self) -> Option<Json> {
        self.bound.body.as_ref()?.json()
    }

    /// A text that is equal for identical calls.
    pub(crate) fn identity(&self) -> String {
        self.bound.identity()
    }

    /// Adds a pair to the query string, unless the name is there already.
    pub fn add_query(&mut self, name: String, value: String) {
        if self.bound.query.iter().all(|(known, _)| *known != name) {
            Arc::make_mut(&mut self.bound).query.push((name, Some(value)));
        }
    }

    /// How to read columns of the response.
    ///
    /// # Errors
    /// As [`MethodRef::check_readable`].
    pub fn decode_plan(
        &self,
        columns: Vec<ColumnPlan>,
        mismatch: Mismatch,
    ) -> Result<DecodePlan, Box<Report>> {
        self.target.decode_plan(columns, &self.arguments, mismatch)
    }

    /// The identity that the call is authenticated as.
    ///
    /// # Errors
    /// `no-credential` when the credential is missing.
    pub fn principal(&self, exchange: &dyn Exchange) -> Result<Principal, Box<Report>> {
        self.introduce(exchange);
        exchange.principal(&self.bound.provider)
    }

    /// The values that must not be shown.
    pub fn secrets(&self) -> &[String] {
        &self.bound.secrets
    }

    /// Registers the provider's authentication and the secrets of the call with the exchange.
    pub(crate) fn introduce(&self, exchange: &dyn Exchange) {
        exchange.conceal(&self.bound.secrets);
        exchange.introduce(self.target.provider());
    }

    pub(crate) fn bound(&self) -> &Arc<BoundCall> {
        &self.bound
    }
}

#[cfg(test)]
mod tests;
