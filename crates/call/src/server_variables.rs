//! Values of server variables from outside a statement (docs/decisions/0008-server-variables.md).
//!
//! Owns: their order: a setting, then the environment variable that the document names, then those of
//! the service's own tools. A value in the statement comes before all, a trusted default of the
//! document after them.
//! Surprise: any method of the resource may name the environment variable, so that all methods of a
//! resource use the same host.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use strataql_net::Environment;
use strataql_spec::{Location, Method, Resource};

use crate::bind::Arguments;
use crate::value::Value;

/// Environment variables that all tools of a service read for one of its server variables.
struct Chain {
    /// A part of the service's host names.
    host: &'static str,
    variable: &'static str,
    environment: &'static [&'static str],
}

const CHAINS: &[Chain] = &[Chain {
    host: ".amazonaws.com",
    variable: "region",
    environment: &["AWS_REGION", "AWS_DEFAULT_REGION"],
}];

/// A source of server variables.
#[derive(Clone)]
pub struct ServerVariables {
    /// By provider and name.
    settings: Arc<BTreeMap<(String, String), String>>,
    environment: Environment,
    /// Defaults of documents count, trusted or not.
    takes_defaults: bool,
}

impl ServerVariables {
    /// Settings by provider and name, and a view of the environment.
    pub fn new(settings: BTreeMap<(String, String), String>, environment: Environment) -> Self {
        Self { settings: Arc::new(settings), environment, takes_defaults: false }
    }

    /// The source with every default of a document, which may be somebody else's host: the StackQL
    /// profile does so.
    #[must_use]
    pub fn with_defaults(self) -> Self {
        Self { takes_defaults: true, ..self }
    }

    /// A source without values, for calls whose arguments are complete.
    pub fn none() -> Self {
        Self::new(BTreeMap::new(), Arc::new(|_: &str| None))
    }

    /// The value of a variable for the methods of a resource.
    pub fn value(&self, provider: &str, resource: &Resource, name: &str) -> Option<String> {
        let key = (provider.to_owned(), name.to_owned());
        if let Some(value) = self.settings.get(&key) {
            return Some(value.clone());
        }
        let servers = resource.methods.values().flat_map(|method| &method.servers);
        let declared =
            servers.clone().filter_map(|server| server.variables.get(name)?.env_var.as_deref());
        let usual = CHAINS
            .iter()
            .filter(|chain| chain.variable == name)
            .filter(|chain| servers.clone().any(|server| server.url.contains(chain.host)))
            .flat_map(|chain| chain.environment.iter().copied());
        let found = declared
            .chain(usual)
            .filter_map(|variable| (self.environment)(variable))
            .find(|value| !value.is_empty());
        if found.is_some() || !self.takes_defaults {
            return found;
        }
        servers.clone().find_map(|server| server.variables.get(name)?.default.clone())
    }

    /// Adds the server variables that the arguments lack.
    pub(crate) fn complete(
        &self,
        provider: &str,
        resource: &Resource,
        method: &Method,
        arguments: &mut Arguments,
    ) {
        for param in method.params.iter().filter(|param| param.location == Location::Server) {
            if arguments.value(param).is_none()
                && let Some(value) = self.value(provider, resource, &param.wire)
            {
                arguments.0.insert(param.name.clone(), Value::Text(value));
            }
        }
    }
}

impl fmt::Debug for ServerVariables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerVariables").field("settings", &self.settings).finish_non_exhaustive()
    }
}
