//! Values from outside a statement: of server variables (docs/decisions/0008-server-variables.md), and
//! defaults of required parameters.
//!
//! Owns: their order: a setting, then the environment variable that the document names, then those of
//! the service's own tools. A value in the statement comes before all, a trusted default of the
//! document after them.
//! Surprise: any method of the resource may name the environment variable, so that all methods of a
//! resource use the same host. A default parameter takes part only where a required value is missing.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use strataql_net::Environment;
use strataql_spec::{Location, Method, Provider, Resource};

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
    /// Defaults of parameters by provider and name, and whether any are used.
    defaults: Option<Arc<BTreeMap<(String, String), String>>>,
    environment: Environment,
    /// Defaults of documents count, trusted or not.
    takes_server_defaults: bool,
}

impl ServerVariables {
    /// Settings by provider and name, and a view of the environment.
    pub fn new(settings: BTreeMap<(String, String), String>, environment: Environment) -> Self {
        Self {
            settings: Arc::new(settings),
            defaults: None,
            environment,
            takes_server_defaults: false,
        }
    }

    /// The source with defaults of required parameters: these, then those that the environment has for
    /// the provider's document.
    #[must_use]
    pub fn with_defaults(self, defaults: BTreeMap<(String, String), String>) -> Self {
        Self { defaults: Some(Arc::new(defaults)), ..self }
    }

    /// The source without defaults of parameters.
    #[must_use]
    pub fn without_defaults(self) -> Self {
        Self { defaults: None, ..self }
    }

    /// The default of a parameter that a statement does not give.
    pub fn default_of(&self, provider: &Provider, name: &str) -> Option<String> {
        let defaults = self.defaults.as_ref()?;
        let set = defaults.iter().find(|((of, parameter), _)| {
            of.eq_ignore_ascii_case(&provider.name) && parameter.eq_ignore_ascii_case(name)
        });
        if let Some((_, value)) = set {
            return Some(value.clone());
        }
        let variable = provider.defaults.get(name)?;
        (self.environment)(variable).filter(|value| !value.is_empty())
    }

    /// True if some parameter of the provider has a default.
    pub fn has_defaults(&self, provider: &Provider) -> bool {
        let is_set = |defaults: &Arc<BTreeMap<(String, String), String>>| {
            defaults.keys().any(|(of, _)| of.eq_ignore_ascii_case(&provider.name))
        };
        self.defaults.as_ref().is_some_and(is_set)
            || provider.defaults.keys().any(|name| self.default_of(provider, name).is_some())
    }

    /// The source with every default of a document, which may be somebody else's host: the StackQL
    /// profile does so.
    #[must_use]
    pub fn with_server_defaults(self) -> Self {
        Self { takes_server_defaults: true, ..self }
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
        if found.is_some() || !self.takes_server_defaults {
            return found;
        }
        servers.clone().find_map(|server| server.variables.get(name)?.default.clone())
    }

    /// Adds the server variables that the arguments lack, and required parameters that have defaults.
    pub(crate) fn complete(
        &self,
        provider: &Provider,
        resource: &Resource,
        method: &Method,
        arguments: &mut Arguments,
    ) {
        for param in &method.params {
            if arguments.value(param).is_some() {
                continue;
            }
            let value = match param.location {
                Location::Server => self.value(&provider.name, resource, &param.wire),
                _ if param.required => self.default_of(provider, &param.name),
                _ => None,
            };
            if let Some(value) = value {
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
