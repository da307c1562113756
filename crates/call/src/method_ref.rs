//! A method of a loaded document, and how its responses are read.
//!
//! Owns: columns and decode plan of a response, the page driver, and the refusal of methods whose
//! responses cannot be read.
//! Refuses: values and requests; [`crate::MethodCall`] has those.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use strataql_diag::{Code, Report};
use strataql_net::Response;
use strataql_spec::{ColumnType, Location, Method, Param, Provider, Resource, SchemaId, Service};

use crate::bind::{Arguments, template};
use crate::decode::media::Body;
use crate::decode::{ColumnPlan, DecodePlan, Mismatch, Rewrite, RewritePlan, Unread};
use crate::pager::Pager;
use crate::server_variables::ServerVariables;
use crate::value::Value;

/// A method of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MethodName {
    /// The resource.
    pub resource: String,
    /// The method.
    pub method: String,
}

/// A method of a loaded document.
#[derive(Clone)]
pub struct MethodRef {
    provider: Arc<Provider>,
    service: Arc<Service>,
    name: MethodName,
}

impl MethodRef {
    /// The method of these names, if the service has it.
    pub fn find(
        provider: &Arc<Provider>,
        service: &Arc<Service>,
        resource: &str,
        method: &str,
    ) -> Option<Self> {
        service.resources.get(resource)?.methods.get(method)?;
        let name = MethodName { resource: resource.to_owned(), method: method.to_owned() };
        Some(Self { provider: Arc::clone(provider), service: Arc::clone(service), name })
    }

    /// Another method of the service.
    pub fn sibling(&self, name: &MethodName) -> Option<Self> {
        Self::find(&self.provider, &self.service, &name.resource, &name.method)
    }

    /// Another method of the resource.
    pub fn neighbour(&self, method: &str) -> Option<Self> {
        Self::find(&self.provider, &self.service, &self.name.resource, method)
    }

    /// The provider.
    pub fn provider(&self) -> &Provider {
        &self.provider
    }

    /// The service.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// The resource.
    pub fn resource(&self) -> &Resource {
        &self.service.resources[self.name.resource.as_str()]
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.resource().methods[self.name.method.as_str()]
    }

    /// The names of resource and method.
    pub fn short_name(&self) -> &MethodName {
        &self.name
    }

    /// `provider.service.resource.method`.
    pub fn name(&self) -> String {
        let Self { provider, service, name } = self;
        format!("{}.{}.{}.{}", provider.name, service.name, name.resource, name.method)
    }

    /// `provider.service.resource`.
    pub fn resource_name(&self) -> String {
        format!("{}.{}.{}", self.provider.name, self.service.name, self.name.resource)
    }

    /// Refuses a method whose responses cannot be read.
    ///
    /// # Errors
    /// `unsupported-syntax` when its document rewrites responses in a way that cannot be carried out: the
    /// document may be right, and a later version may know it.
    pub fn check_readable(&self) -> Result<(), Box<Report>> {
        let Some(transform) = &self.method().response.transform else { return Ok(()) };
        let Some(problem) = Rewrite::problem(transform) else { return Ok(()) };
        Err(Box::new(
            Report::new(
                Code::UnsupportedSyntax,
                format!(
                    "the response template of method `{}` cannot be run: {problem}",
                    self.name()
                ),
            )
            .with_help("use a method without a response template, or correct the document"),
        ))
    }

    /// The JSON that rows of a response are read from.
    ///
    /// # Errors
    /// What is wrong with the response, as a clause.
    pub(crate) fn json_of<'a>(&self, response: &'a Response) -> Result<Cow<'a, [u8]>, String> {
        let answer = &self.method().response;
        let plan = RewritePlan::of(self.method(), &self.service.schemas);
        let rewrite = Rewrite::new(&plan);
        let body = Body::of(response);
        rewrite.json(&plan, &answer.rows, body, answer.media_type.as_deref()).map_err(|problem| {
            match problem {
                Unread::Form(found) => found.to_string(),
                Unread::Rewrite(what) => what,
            }
        })
    }

    /// The columns of the response, then the wanted parameters that are not among them.
    pub fn columns(&self, wanted: impl Fn(&Param) -> bool) -> Vec<ColumnPlan> {
        let method = self.method();
        let column = |name: &str, wire: Option<String>, kind| ColumnPlan {
            name: name.to_owned(),
            wire,
            kind,
            echo: None,
        };
        let returned = method.response.columns.iter();
        let mut columns: Vec<ColumnPlan> = returned
            .map(|found| column(&found.name, Some(found.wire.clone()), found.kind))
            .collect();
        for param in method.params.iter().filter(|param| wanted(param)) {
            if !columns.iter().any(|known| known.name == param.name) {
                let kind = ColumnType::of(&self.service.schemas[param.schema]);
                columns.push(column(&param.name, None, kind));
            }
        }
        columns
    }

    /// How to read columns of the response to a call. A column that is missing in the response has
    /// the argument of the parameter of its name.
    ///
    /// # Errors
    /// As [`Self::check_readable`].
    pub fn decode_plan(
        &self,
        mut columns: Vec<ColumnPlan>,
        arguments: &Arguments,
        mismatch: Mismatch,
    ) -> Result<DecodePlan, Box<Report>> {
        self.check_readable()?;
        let method = self.method();
        for column in &mut columns {
            let param = method.param(&column.name);
            if let Some(value) = param.and_then(|param| arguments.value(param)) {
                column.echo = Some(value.clone());
            }
        }
        let keys = |id: Option<SchemaId>| -> Vec<String> {
            let schema = id.map(|id| &self.service.schemas[id]);
            schema.map(|schema| schema.properties.keys().cloned().collect()).unwrap_or_default()
        };
        let mut known_fields = keys(method.response.row_schema);
        for column in &method.response.columns {
            if !known_fields.contains(&column.wire) && !known_fields.is_empty() {
                known_fields.push(column.wire.clone());
            }
        }
        Ok(DecodePlan {
            method: self.name(),
            rows: method.response.rows.clone(),
            columns,
            known_fields,
            known_envelope: method.response.envelope_keys(&self.service.schemas),
            captures: Pager::captures(&method.paging),
            mismatch,
            media_type: method.response.media_type.clone(),
            rewrite: RewritePlan::of(method, &self.service.schemas),
        })
    }

    /// The page driver of a call; its arguments may contain the address of the first page.
    pub(crate) fn pager(&self, arguments: &Arguments) -> Pager {
        let method = self.method();
        let first = method.paging.target().and_then(|target| {
            let param = method.param(&target.name)?;
            arguments.value(param).map(Value::text)
        });
        Pager::new(method.paging.clone(), &self.name(), first, &method.extension.origins)
            .ignoring(&method.extension.paging_ignore)
    }

    /// The URL of the method's requests without arguments: server variables from their source, and
    /// `{name}` for every other value.
    pub fn url_template(&self, variables: &ServerVariables) -> String {
        self.url_template_with(|param| {
            (param.location == Location::Server)
                .then(|| variables.value(&self.provider.name, self.resource(), &param.wire))
                .flatten()
        })
    }

    /// The URL of the method's requests with known values, and `{name}` for every other value.
    pub fn url_template_with(&self, known: impl Fn(&Param) -> Option<String>) -> String {
        let method = self.method();
        template(method, &|wire| known(method.params.iter().find(|param| param.wire == wire)?))
    }
}

impl fmt::Debug for MethodRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MethodRef({})", self.name())
    }
}
