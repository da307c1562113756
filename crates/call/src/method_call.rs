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

use crate::bind::{Arguments, BoundCall, Fields, bind_with_key};
use crate::decode::{ColumnPlan, DecodePlan, Mismatch};
use crate::exchange::Exchange;
use crate::method_ref::MethodRef;
use crate::server_variables::ServerVariables;
use crate::value::Value;

/// A call that can be sent.
#[derive(Debug, Clone)]
pub struct MethodCall {
    target: MethodRef,
    arguments: Arguments,
    fields: Fields,
    variables: ServerVariables,
    bound: Arc<BoundCall>,
    key: Option<String>,
}

impl MethodCall {
    /// A call that sets nothing: [`Self::write`] without fields.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn new(
        target: MethodRef,
        arguments: Arguments,
        variables: &ServerVariables,
    ) -> Result<Self, Box<Report>> {
        Self::write(target, arguments, Fields::default(), variables)
    }

    /// Binds arguments and the fields of the body to a method. Where its document defines an idempotency key,
    /// the call gets a new one, unless it is given. The key stays the same when the request is retried.
    ///
    /// Arguments go to parameters, and to body attributes of which there is no parameter: they name the
    /// object. Fields go to the body only, also where a parameter has the same name. Arguments that are neither are ignored: whoever chose
    /// the method has already decided that they are filters.
    ///
    /// # Errors
    /// `missing-param` for a required parameter without a value, `bad-param-value` for a value that
    /// does not fit, would call another endpoint or stands twice, `unknown-column` for a field that the body
    /// does not have.
    pub fn write(
        target: MethodRef,
        arguments: Arguments,
        fields: Fields,
        variables: &ServerVariables,
    ) -> Result<Self, Box<Report>> {
        Self::with_key(target, arguments, fields, variables, strataql_net::idempotency_key)
    }

    /// [`Self::write`] with another source of idempotency keys.
    ///
    /// # Errors
    /// As [`Self::write`]; `bad-document` when the document names no possible header; what `fresh`
    /// fails with.
    pub fn with_key(
        target: MethodRef,
        mut arguments: Arguments,
        mut fields: Fields,
        variables: &ServerVariables,
        fresh: impl FnOnce() -> Result<String, Box<Report>>,
    ) -> Result<Self, Box<Report>> {
        let (service, method) = (target.service(), target.method());
        variables.complete(target.provider(), target.resource(), method, &mut arguments);
        let (bound, key) = bind_with_key(service, method, &mut arguments, &mut fields, fresh)?;
        let variables = variables.clone();
        Ok(Self { target, arguments, fields, variables, bound: Arc::new(bound), key })
    }

    /// A call of another method of the service, with the same source of server variables.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn sibling(&self, target: MethodRef, arguments: Arguments) -> Result<Self, Box<Report>> {
        self.sibling_write(target, arguments, Fields::default())
    }

    /// [`Self::sibling`] with fields of the body.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn sibling_write(
        &self,
        target: MethodRef,
        arguments: Arguments,
        fields: Fields,
    ) -> Result<Self, Box<Report>> {
        Self::write(target, arguments, fields, &self.variables)
    }

    /// The call that reads the object of this one: the first lookup of the resource whose
    /// parameters are among the arguments. What is set names an object only if the call makes it.
    ///
    /// # Errors
    /// As [`MethodRef::check_readable`].
    pub fn lookup(&self) -> Result<Option<Self>, Box<Report>> {
        let target = &self.target;
        let by = |arguments: &Arguments| {
            let lookups = target.resource().candidates(SqlVerb::Select).filter(|it| it.is_lookup());
            let mut bound = lookups.filter_map(|lookup| {
                let lookup = target.neighbour(&lookup.name)?;
                self.sibling(lookup, arguments.clone()).ok()
            });
            bound.next()
        };
        let makes = target.resource().verbs.insert.contains(&self.method().name);
        let found = by(&self.arguments).or_else(|| by(&self.known()).filter(|_| makes));
        let Some(found) = found else { return Ok(None) };
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

    /// What is set, by name.
    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    /// The arguments, and what is set under other names.
    pub fn known(&self) -> Arguments {
        let mut all = self.arguments.clone();
        let body = self.method().body.as_ref();
        let set = self.fields.0.iter().filter(|(_, value)| **value != Value::Json(Json::Null));
        for (name, value) in set {
            let property = body.and_then(|body| body.property(name));
            let names = property.map(|property| [property.plain_name(), property.wire.as_str()]);
            for name in names.into_iter().flatten() {
                all.0.entry(name.to_owned()).or_insert_with(|| value.clone());
            }
        }
        all
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

    /// The body as JSON, numbers as [`read_json`](crate::read_json) has them; `None` without one, and where the document gives it verbatim.
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
