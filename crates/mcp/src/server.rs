//! The server: what the protocol asks, answered.

use std::borrow::Cow;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, ClientResult, ElicitRequest, ElicitRequestParams,
    ElicitationAction, ElicitationSchema, ErrorData, GetPromptRequestParams, GetPromptResponse,
    GetPromptResult, Implementation, ListPromptsResult, ListResourceTemplatesResult,
    ListResourcesResult, ListToolsResult, PaginatedRequestParams, PromptMessage, ProtocolVersion,
    ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, ResourceContents, Role,
    ServerCapabilities, ServerConfig, ServerRequest, Tool,
};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, ServerHandler};
use serde_json::json;
use strataql_diag::Report;
use tokio::sync::Semaphore;

use crate::backend::{Backend, Row};
use crate::calls::{Calls, Person, Reply, check_tools};
use crate::cursors::Cursors;
use crate::options::Options;
use crate::{answer, documents, prompts, tools};

/// A server; clones share everything.
#[derive(Clone)]
pub struct Server {
    pub(crate) calls: Arc<Calls>,
    tools: Arc<Vec<Tool>>,
    seats: Arc<Semaphore>,
}

impl Server {
    /// A server over a backend. `transport` is `stdio` or `http`.
    ///
    /// # Errors
    /// `usage` for tools that do not exist.
    pub fn new(
        backend: Arc<dyn Backend>,
        options: Options,
        transport: &'static str,
    ) -> Result<Self, Box<Report>> {
        check_tools(&options.tools)?;
        let tools = Arc::new(tools::offered(&options.tools));
        let seats = Arc::new(Semaphore::new(options.concurrency.max(1)));
        let calls = Calls { backend, options, transport, cursors: Cursors::default() };
        Ok(Self { calls: Arc::new(calls), tools, seats })
    }

    /// Calls a tool by its name.
    async fn call(
        &self,
        name: &str,
        given: &Row,
        person: &dyn Person,
    ) -> Result<CallToolResponse, ErrorData> {
        if !self.tools.iter().any(|tool| tool.name == name) {
            return Err(ErrorData::invalid_params(format!("there is no tool `{name}`"), None));
        }
        let Ok(_seat) = self.seats.acquire().await else {
            return Err(ErrorData::internal_error("the server is ending", None));
        };
        let call = std::panic::AssertUnwindSafe(self.calls.call(name, given, person));
        // a defect ends one call and not the server
        match call.catch_unwind().await {
            Ok(result) => Ok(result.into()),
            Err(_) => {
                let report = Report::internal("the call ended before it had an answer");
                Ok(answer::failure(&report).into())
            }
        }
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("options", &self.calls.options).finish_non_exhaustive()
    }
}

/// The person behind a client.
struct Client<'a> {
    context: &'a RequestContext<RoleServer>,
}

impl Person for Client<'_> {
    fn ask(&self, question: String) -> BoxFuture<'_, Reply> {
        let capabilities = self.context.client_capabilities();
        if capabilities.is_none_or(|known| known.elicitation.is_none()) {
            return futures::future::ready(Reply::Unavailable).boxed();
        }
        let params = ElicitRequestParams::FormElicitationParams {
            meta: None,
            message: question,
            requested_schema: ElicitationSchema::new(std::collections::BTreeMap::new()),
        };
        let request = ServerRequest::ElicitRequest(ElicitRequest::new(params));
        async move {
            match self.context.peer.send_request(request).await {
                Ok(ClientResult::ElicitResult(result)) => match result.action {
                    ElicitationAction::Accept => Reply::Accepted,
                    ElicitationAction::Decline => Reply::Declined,
                    _ => Reply::Cancelled,
                },
                Ok(_) => Reply::Cancelled,
                Err(error) => {
                    tracing::warn!(%error, "the question to the user failed");
                    Reply::Cancelled
                }
            }
        }
        .boxed()
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_prompts()
            .enable_resources()
            .build();
        let version = self.calls.backend.about().version;
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("strataql", version))
            .with_instructions(documents::INSTRUCTIONS)
    }

    /// The versions with a handshake: a person can be asked in the middle of a call in these alone.
    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Cow::Borrowed(ProtocolVersion::known_up_to(&ProtocolVersion::V_2025_11_25))
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.tools.as_ref().clone()))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.tools.iter().find(|tool| tool.name == name).cloned()
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let given = request.arguments.unwrap_or_default();
        let client = Client { context: &context };
        tokio::select! {
            result = self.call(&request.name, &given, &client) => result,
            // the client no longer wants it
            () = context.ct.cancelled() => {
                Err(ErrorData::internal_error("the call was cancelled", None))
            }
        }
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Ok(ListPromptsResult::with_all_items(prompts::all()))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        let value = |name: &str| {
            let value = arguments.get(name)?;
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            Some(value).filter(|value| !value.trim().is_empty())
        };
        let name = &request.name;
        match prompts::filled(name, &value) {
            None => Err(ErrorData::invalid_params(format!("there is no prompt `{name}`"), None)),
            Some(Err(missing)) => Err(ErrorData::invalid_params(
                format!("the prompt `{name}` needs `{}`", missing.join("`, `")),
                None,
            )),
            Some(Ok(text)) => {
                let message = PromptMessage::new_text(Role::User, text);
                Ok(GetPromptResult::new(vec![message]).into())
            }
        }
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Ok(ListResourcesResult::with_all_items(documents::all()))
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(ListResourceTemplatesResult::with_all_items(documents::templates()))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let uri = request.uri;
        let none = |why: String| ErrorData::resource_not_found(why, Some(json!({ "uri": uri })));
        let text = if let Some(text) = documents::text(&uri) {
            text.to_owned()
        } else if let Some([provider, service, resource]) = documents::schema(&uri) {
            let given = json!({ "provider": provider, "service": service, "resource": resource, "format": "json" });
            let given = given.as_object().cloned().unwrap_or_default();
            let result = self.calls.call("describe_resource", &given, &Nobody).await;
            if result.is_error == Some(true) {
                let why = result.structured_content.unwrap_or_default();
                return Err(none(
                    why["error"]["message"].as_str().unwrap_or("it cannot be read").to_owned(),
                ));
            }
            result.structured_content.unwrap_or_default().to_string()
        } else {
            return Err(none(format!("there is no resource `{uri}`")));
        };
        Ok(ReadResourceResult::new(vec![ResourceContents::text(text, uri.clone())]).into())
    }
}

/// Nobody to ask.
struct Nobody;

impl Person for Nobody {
    fn ask(&self, _: String) -> BoxFuture<'_, Reply> {
        futures::future::ready(Reply::Unavailable).boxed()
    }
}
