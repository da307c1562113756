//! The sources of Databricks' chain.
//!
//! Owns: what each needs, and how it becomes a token for one host.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderName;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value as Json;
use url::Url;

use super::{AZURE, Databricks, HOSTS, Host};
use crate::auth::ask::Ask;
use crate::auth::azure::{Client, DATABRICKS, Entra, Proof, az_token};
use crate::auth::header::header_value;
use crate::auth::machine::ProgramFailure;
use crate::auth::time::{instant, life};
use crate::auth::token::Token;
use crate::auth::trail::Step;
use crate::failure::Failure;
use crate::sender::Sender;
use crate::settings::Program;

type Found = Result<Step<Token>, Failure>;

const MANAGER: &str = "https://management.core.windows.net/";

impl Databricks {
    fn absent(attribute: &str) -> Step<Token> {
        Step::Absent(format!("`{attribute}` is not set"))
    }

    /// A credential that belongs to the configured host goes nowhere else.
    fn check_host(&self, host: &Host, is_configured: bool, name: &str) -> Result<(), Failure> {
        if is_configured {
            return Ok(());
        }
        let own = self.attributes.host().unwrap_or_default();
        Err(self.failed(&format!(
            "the `{name}` from {} is for `{own}`, and the request goes to `{}`",
            self.attributes.source(name),
            host.origin
        )))
    }

    pub(super) fn of_pat(&self, core: &Arc<dyn Sender>, host: &Host, is_configured: bool) -> Found {
        let Some(token) = self.attributes.secret("token") else { return Ok(Self::absent("token")) };
        self.check_host(host, is_configured, "token")?;
        let source = format!("token from {}", self.attributes.source("token"));
        Token::new("Bearer", &token, core.clock().now(), None)
            .map(|token| Step::Found(token.from(source)))
            .ok_or_else(|| self.failed("the token holds characters that no header can carry"))
    }

    pub(super) fn of_basic(
        &self,
        core: &Arc<dyn Sender>,
        host: &Host,
        is_configured: bool,
    ) -> Found {
        let user = self.attributes.get("username");
        let (Some(user), Some(password)) = (user, self.attributes.secret("password")) else {
            return Ok(Self::absent("username"));
        };
        self.check_host(host, is_configured, "password")?;
        let pair = STANDARD.encode(format!("{user}:{}", password.expose_secret()));
        self.machine.redactor.register_exact(&pair);
        let source = format!("password from {}", self.attributes.source("password"));
        Token::new("Basic", &pair.into(), core.clock().now(), None)
            .map(|token| Step::Found(token.from(source)))
            .ok_or_else(|| self.failed("the password holds characters that no header can carry"))
    }

    pub(super) async fn of_client(&self, core: &Arc<dyn Sender>, host: &Host) -> Found {
        let id = self.attributes.get("client_id");
        let (Some(id), Some(secret)) = (id, self.attributes.secret("client_secret")) else {
            let missing = if id.is_some() { "client_secret" } else { "client_id" };
            return Ok(Self::absent(missing));
        };
        let url = self.endpoint(core, host).await?;
        let fields = [("grant_type", "client_credentials"), ("scope", "all-apis")];
        let asked = core.clock().now();
        let response = self.asker.send(core, Ask::form(url, fields).basic(id, &secret)).await?;
        let token = self.asker.token(&response, asked)?;
        let source = format!("client from {}", self.attributes.source("client_id"));
        Ok(Step::Found(token.from(source).of(id)))
    }

    pub(super) async fn of_variable(&self, core: &Arc<dyn Sender>, host: &Host) -> Found {
        let name = self.attributes.get("oidc_token_env").unwrap_or("DATABRICKS_OIDC_TOKEN");
        let Some(token) = self.machine.variable(name) else { return Ok(Self::absent(name)) };
        let token = self.asker.registered(&token);
        self.exchanged(core, host, &token, &format!("token in `{name}`")).await
    }

    pub(super) async fn of_file(&self, core: &Arc<dyn Sender>, host: &Host) -> Found {
        let Some(path) = self.attributes.get("oidc_token_filepath") else {
            return Ok(Self::absent("oidc_token_filepath"));
        };
        let path = self.machine.path(path);
        let token = self.machine.secret_file(&path).map_err(|why| self.failed(&why))?;
        let source = format!("token in `{}`", path.display());
        self.exchanged(core, host, &token.into(), &source).await
    }

    pub(super) async fn of_github(&self, core: &Arc<dyn Sender>, host: &Host) -> Found {
        let (address, secret) = ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN");
        let (Some(text), Some(token)) =
            (self.machine.variable(address), self.machine.variable(secret))
        else {
            return Ok(Self::absent(address));
        };
        let token = self.asker.registered(&token);
        let mut url = Url::parse(&text)
            .ok()
            .filter(|url| url.scheme() == "https" || crate::origin::is_loopback(url))
            .ok_or_else(|| self.failed(&format!("`{address}` is no encrypted address")))?;
        let audience = self.oidc_audience(core, host).await?;
        url.query_pairs_mut().append_pair("audience", &audience);
        let ask = Ask::get(url).secret("authorization", "Bearer ", &token);
        let response = self.asker.send(core, ask).await?;
        if !response.is_success() {
            return Err(self.asker.refused(&response));
        }
        let json: Option<Json> = serde_json::from_slice(&response.body).ok();
        let value = json.as_ref().and_then(|json| json.get("value")?.as_str());
        let value = value.ok_or_else(|| self.asker.unreadable(&response))?;
        let value = self.asker.registered(value);
        self.exchanged(core, host, &value, "identity of the GitHub action").await
    }

    async fn oidc_audience(&self, core: &Arc<dyn Sender>, host: &Host) -> Result<String, Failure> {
        if let Some(audience) = self.attributes.get("token_audience") {
            return Ok(audience.to_owned());
        }
        match self.attributes.get("account_id").filter(|_| host.is_account()) {
            Some(account) => Ok(account.to_owned()),
            None => Ok(self.endpoint(core, host).await?.to_string()),
        }
    }

    /// The token of another identity provider, exchanged (RFC 8693).
    async fn exchanged(
        &self,
        core: &Arc<dyn Sender>,
        host: &Host,
        token: &SecretString,
        source: &str,
    ) -> Found {
        let url = self.endpoint(core, host).await?;
        let mut fields = vec![
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
            ("subject_token", token.expose_secret()),
            ("scope", "all-apis"),
        ];
        if let Some(id) = self.attributes.get("client_id") {
            fields.push(("client_id", id));
        }
        let asked = core.clock().now();
        let response = self.asker.send(core, Ask::form(url, fields)).await?;
        Ok(Step::Found(self.asker.token(&response, asked)?.from(source)))
    }

    /// Where tokens for a host are issued.
    async fn endpoint(&self, core: &Arc<dyn Sender>, host: &Host) -> Result<Url, Failure> {
        let is_configured = self.attributes.host().is_some_and(|own| own == host.origin);
        let url = Url::parse(&host.origin).map_err(|_| self.failed("its host is no address"))?;
        if !is_configured && !host.is_of(HOSTS) && !crate::origin::is_loopback(&url) {
            return Err(self.failed(&format!(
                "`{}` is neither the configured host nor one of Databricks",
                host.origin
            )));
        }
        let path = match self.attributes.get("account_id") {
            _ if !host.is_account() => "/oidc/v1/token".to_owned(),
            Some(account) => format!("/oidc/accounts/{account}/v1/token"),
            None => format!("/oidc/accounts/{}/v1/token", self.account(core, &url).await?),
        };
        let has_dots = path.split('/').any(|segment| matches!(segment, "." | ".."));
        url.join(&path)
            .ok()
            .filter(|joined| joined.origin() == url.origin() && !has_dots)
            .ok_or_else(|| self.failed("the `account_id` is none"))
    }

    /// The account that a console names as its own.
    async fn account(&self, core: &Arc<dyn Sender>, url: &Url) -> Result<String, Failure> {
        let missing = || self.failed("`account_id` is not set, and the host does not name it");
        let url = url.join("/.well-known/databricks-config").map_err(|_| missing())?;
        let response = self.asker.send(core, Ask::get(url)).await?;
        let json: Option<Json> = serde_json::from_slice(&response.body).ok();
        let account = json.as_ref().and_then(|json| json.get("account_id")?.as_str());
        let is_name = |text: &&str| {
            !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        account.filter(is_name).map(str::to_owned).ok_or_else(missing)
    }

    pub(super) async fn of_azure(&self, core: &Arc<dyn Sender>, host: &Host) -> Found {
        let attributes = &self.attributes;
        let id = attributes.get("azure_client_id");
        let (Some(id), Some(secret)) = (id, attributes.secret("azure_client_secret")) else {
            return Ok(Self::absent("azure_client_id"));
        };
        if !host.is_of(AZURE) && !self.is_own(host) {
            return Ok(Step::Absent(format!("`{}` is no host of Azure", host.origin)));
        }
        let tenant = match attributes.get("azure_tenant_id") {
            Some(tenant) => tenant.to_owned(),
            None => self.tenant(core, host).await?,
        };
        let authority = match attributes.get("azure_environment").map(str::to_ascii_uppercase) {
            Some(name) if name.contains("US") => "https://login.microsoftonline.us",
            Some(name) if name.contains("CHINA") => "https://login.chinacloudapi.cn",
            _ => "",
        };
        let entra = Entra::new(self.asker.clone(), &self.machine, tenant);
        let entra = if authority.is_empty() { entra } else { entra.at(authority) };
        let client = Client { id: id.to_owned(), proof: Proof::Secret(secret) };
        let token = entra.token(core, &client, DATABRICKS).await?;
        let source = format!("client of Azure from {}", attributes.source("azure_client_id"));
        let token = token.from(source);
        let Some(resource) = attributes.get("azure_workspace_resource_id") else {
            return Ok(Step::Found(token));
        };
        // who is no member of the workspace shows that he may manage it
        let manager = entra.token(core, &client, MANAGER).await?;
        let value = manager.secret().and_then(|secret| header_value("", secret));
        let value = value.ok_or_else(|| self.failed("the token for the resource is no text"))?;
        let resource = http::HeaderValue::from_str(resource)
            .map_err(|_| self.failed("`azure_workspace_resource_id` is none"))?;
        let token = token
            .with(HeaderName::from_static("x-databricks-azure-workspace-resource-id"), resource)
            .with(HeaderName::from_static("x-databricks-azure-sp-management-token"), value);
        Ok(Step::Found(token))
    }

    fn is_own(&self, host: &Host) -> bool {
        self.attributes.host().is_some_and(|own| own == host.origin)
    }

    /// The tenant of a workspace, which it names when somebody wants to sign in.
    async fn tenant(&self, core: &Arc<dyn Sender>, host: &Host) -> Result<String, Failure> {
        let missing = || self.failed("`azure_tenant_id` is not set, and the host does not name it");
        let url = Url::parse(&format!("{}/aad/auth", host.origin)).map_err(|_| missing())?;
        let response = self.asker.send(core, Ask::get(url).once()).await?;
        let location = response.headers.get(http::header::LOCATION).and_then(|it| it.to_str().ok());
        let location = location.and_then(|text| Url::parse(text).ok()).ok_or_else(missing)?;
        let tenant = location.path_segments().and_then(|mut segments| segments.next());
        tenant.filter(|tenant| !tenant.is_empty()).map(str::to_owned).ok_or_else(missing)
    }

    pub(super) async fn of_az(&self, core: &Arc<dyn Sender>, host: &Host) -> Found {
        let has_resource = self.attributes.get("azure_workspace_resource_id").is_some();
        if !host.is_of(AZURE) && !has_resource {
            return Ok(Step::Absent(format!("`{}` is no host of Azure", host.origin)));
        }
        let tenant = self.attributes.get("azure_tenant_id");
        let token = az_token(core, &self.asker, &self.machine, DATABRICKS, tenant).await;
        token.map_err(|why| self.failed(&why))
    }

    pub(super) async fn of_cli(&self, core: &Arc<dyn Sender>, host: &Host) -> Found {
        let mut arguments = vec!["auth", "token"];
        match &self.attributes.profile {
            Some(profile) if self.is_own(host) => arguments.extend(["--profile", profile]),
            _ => {
                arguments.extend(["--host", &host.origin]);
                let account = self.attributes.get("account_id").filter(|_| host.is_account());
                if let Some(account) = account {
                    arguments.extend(["--account-id", account]);
                }
            }
        }
        let program = Program {
            name: self.attributes.get("databricks_cli_path").unwrap_or("databricks").to_owned(),
            arguments: arguments.into_iter().map(str::to_owned).collect(),
            variables: Vec::new(),
        };
        let asked = core.clock().now();
        let text = match self.machine.run(program).await {
            Ok(text) => text,
            Err(ProgramFailure::NotFound(why) | ProgramFailure::Failed(why)) => {
                return Ok(Step::Absent(why));
            }
        };
        let json: Option<Json> = serde_json::from_str(&text).ok();
        let field = |name: &str| json.as_ref()?.get(name)?.as_str().filter(|text| !text.is_empty());
        let token = field("access_token");
        let token = token.ok_or_else(|| self.failed("`databricks auth token` printed no token"))?;
        let token = self.asker.registered(token);
        let life = life(field("expiry").and_then(instant), core.clock().wall());
        Token::new(field("token_type").unwrap_or("Bearer"), &token, asked, life)
            .map(|token| Step::Found(token.from("`databricks auth token`")))
            .ok_or_else(|| self.failed("`databricks auth token` printed a token that is no text"))
    }
}
