//! Authentication settings of a provider, without any secret.
//!
//! Owns: the types of authentication, and the keys of `config.auth` and of the `--auth` map, in all
//! spellings that documents use.
//! Refuses: reading the environment or files; secrets given literally stay in [`AuthConfig::literal`]
//! and never reach `Debug` or serialised forms.

use std::fmt;

use indexmap::IndexMap;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value as Json;

use crate::node::Node;

/// How a credential gets into a request: the `type` of an `auth` block, in any case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum AuthKind {
    /// No type is given.
    #[default]
    Unspecified,
    /// `null_auth`, or `none`: requests carry no credential.
    Null,
    /// `bearer`: a token in the `Authorization` header.
    Bearer,
    /// `basic`: user name and password.
    Basic,
    /// `api_key`: a key with a prefix of its own.
    ApiKey,
    /// `custom`: a secret in any header or query parameter.
    Custom,
    /// `oauth2`: access tokens of a grant.
    OAuth2,
    /// `aws_signing_v4`: every request is signed.
    AwsSigningV4,
    /// `aws_assume_role`: every request is signed with the keys of a role.
    AwsAssumeRole,
    /// `service_account`: a key file of Google, or its application default credentials.
    ServiceAccount,
    /// `interactive`: the token of the `gcloud` program.
    Interactive,
    /// `azure_default`: the credential chain of Azure.
    AzureDefault,
    /// `k8s`, or `kubeconfig`: the user of a Kubernetes configuration.
    Kubernetes,
    /// `databricks`: the unified authentication of Databricks.
    Databricks,
    /// Any other text, in lower case.
    Unknown(String),
}

impl AuthKind {
    /// The text of a document, in lower case.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Unspecified => "",
            Self::Null => "null_auth",
            Self::Bearer => "bearer",
            Self::Basic => "basic",
            Self::ApiKey => "api_key",
            Self::Custom => "custom",
            Self::OAuth2 => "oauth2",
            Self::AwsSigningV4 => "aws_signing_v4",
            Self::AwsAssumeRole => "aws_assume_role",
            Self::ServiceAccount => "service_account",
            Self::Interactive => "interactive",
            Self::AzureDefault => "azure_default",
            Self::Kubernetes => "k8s",
            Self::Databricks => "databricks",
            Self::Unknown(text) => text,
        }
    }
}

impl From<String> for AuthKind {
    fn from(text: String) -> Self {
        let text = text.to_ascii_lowercase();
        match text.as_str() {
            "" => Self::Unspecified,
            "null_auth" | "none" => Self::Null,
            "bearer" => Self::Bearer,
            "basic" => Self::Basic,
            "api_key" => Self::ApiKey,
            "custom" => Self::Custom,
            "oauth2" => Self::OAuth2,
            "aws_signing_v4" => Self::AwsSigningV4,
            "aws_assume_role" => Self::AwsAssumeRole,
            "service_account" => Self::ServiceAccount,
            "interactive" => Self::Interactive,
            "azure_default" => Self::AzureDefault,
            "k8s" | "kubernetes" | "kubeconfig" => Self::Kubernetes,
            "databricks" => Self::Databricks,
            _ => Self::Unknown(text),
        }
    }
}

impl From<AuthKind> for String {
    fn from(kind: AuthKind) -> Self {
        kind.as_str().to_owned()
    }
}

impl fmt::Display for AuthKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How requests of a provider authenticate; has the keys of all types.
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AuthConfig {
    /// How a credential gets into a request.
    #[serde(rename = "type")]
    pub kind: AuthKind,
    /// Environment variable that holds the secret.
    #[serde(alias = "credentialsenvvar", skip_serializing_if = "Option::is_none")]
    pub credentials_env_var: Option<String>,
    /// File that holds the secret.
    #[serde(alias = "credentialsfilepath", skip_serializing_if = "Option::is_none")]
    pub credentials_file: Option<String>,
    /// Environment variable that names that file.
    #[serde(alias = "credentialsfilepathenvvar", skip_serializing_if = "Option::is_none")]
    pub credentials_file_env_var: Option<String>,
    /// Program with arguments that prints the secret, as a command line without a shell.
    #[serde(alias = "credentialscommand", skip_serializing_if = "Option::is_none")]
    pub credentials_command: Option<String>,
    /// True when requests without a credential are allowed; they have none if there is none.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// Environment variables of user name and password (or key and secret).
    #[serde(
        alias = "username_var",
        alias = "api_key_var",
        skip_serializing_if = "Option::is_none"
    )]
    pub username_env_var: Option<String>,
    /// See `username_env_var`.
    #[serde(
        alias = "password_var",
        alias = "api_secret_var",
        skip_serializing_if = "Option::is_none"
    )]
    pub password_env_var: Option<String>,
    /// Text before the secret in the header, with its space.
    #[serde(alias = "valuePrefix", skip_serializing_if = "Option::is_none")]
    pub value_prefix: Option<String>,
    /// `header` or `query`, for `custom` and `api_key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Header or query name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// An additional credential, sent with the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub successor: Option<Box<AuthConfig>>,
    /// Scopes to request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// OAuth 2 grant; only `client_credentials` is supported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant_type: Option<String>,
    /// Token endpoint; `{{ .__env__NAME }}` stands for environment variables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_url: Option<String>,
    /// Literal client id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Environment variable of the client id.
    #[serde(alias = "client_id_var", skip_serializing_if = "Option::is_none")]
    pub client_id_env_var: Option<String>,
    /// Environment variable of the client secret.
    #[serde(alias = "client_secret_var", skip_serializing_if = "Option::is_none")]
    pub client_secret_env_var: Option<String>,
    /// Literal account id, for the token URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// Environment variable of the account id.
    #[serde(alias = "account_id_var", skip_serializing_if = "Option::is_none")]
    pub account_id_env_var: Option<String>,
    /// 0: Basic, then form on refusal; 1: form; 2: Basic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_style: Option<i64>,
    /// Literal access key id of AWS.
    #[serde(alias = "keyID", skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// Environment variable of the access key id.
    #[serde(alias = "keyIDenvvar", skip_serializing_if = "Option::is_none")]
    pub key_id_env_var: Option<String>,
    /// Role to assume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws_role_arn: Option<String>,
    /// Environment variable of the role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws_role_arn_env_var: Option<String>,
    /// Name of the sessions of the role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws_role_session_name: Option<String>,
    /// External id that the role demands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws_role_external_id: Option<String>,
    /// Environment variable of the external id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws_role_external_id_env_var: Option<String>,
    /// Region of the token service of AWS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws_sts_region: Option<String>,
    /// Address of the token service of AWS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws_sts_endpoint: Option<String>,
    /// Lifetime of the role's keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws_role_duration_seconds: Option<u64>,
    /// Profile in the configuration files of the service's own tools.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// User on whose behalf a Google service account acts (domain-wide delegation).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// Address of the workspace or account console of Databricks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The source of Databricks' chain that is to be used, and no other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_type: Option<String>,
    /// Tenant of Azure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// Further form fields of the token request.
    #[serde(skip_serializing_if = "IndexMap::is_empty", deserialize_with = "lists")]
    pub values: IndexMap<String, Vec<String>>,
    /// Secrets given literally (`--auth` only): `client_secret`, `password`, `api_secret`, …
    #[serde(skip)]
    pub literal: IndexMap<String, String>,
}

/// Keys whose values are secrets.
const SECRET_KEYS: &[&str] =
    &["client_secret", "password", "api_key", "api_secret", "private_key", "token"];

/// Providers that answer requests without a credential, and whose documents demand one.
const ANONYMOUS: &[&str] = &["github"];

impl AuthConfig {
    /// Parses the `auth` block of a document.
    pub fn read(node: &Node) -> Option<Self> {
        Self::from_json(node.to_json())
    }

    /// Adds what is known about a provider and its public document does not say.
    #[must_use]
    pub(crate) fn known_of(mut self, provider: &str) -> Self {
        self.optional |= ANONYMOUS.contains(&provider);
        self
    }

    /// Parses an entry of the `--auth` map or a document block. `None` when it is not an object.
    pub fn from_json(mut json: Json) -> Option<Self> {
        let object = json.as_object_mut()?;
        let mut literal = IndexMap::new();
        for key in SECRET_KEYS {
            if let Some(Json::String(secret)) = object.shift_remove(*key) {
                literal.insert((*key).to_owned(), secret);
            }
        }
        if let Some(Json::String(user)) = object.shift_remove("username") {
            literal.insert("username".to_owned(), user);
        }
        let successor = object.shift_remove("successor").and_then(Self::from_json);
        object.retain(|_, value| !value.is_null());
        let mut config: Self = serde_json::from_value(json).ok()?;
        config.literal = literal;
        config.successor = successor.map(Box::new);
        Some(config)
    }
}

impl fmt::Debug for AuthConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthConfig")
            .field("kind", &self.kind)
            .field("token_url", &self.token_url)
            .field("secrets", &self.literal.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// A map of names to one text or a list of texts.
fn lists<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<IndexMap<String, Vec<String>>, D::Error> {
    let raw: IndexMap<String, Json> = IndexMap::deserialize(deserializer)?;
    let text = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Ok(raw
        .into_iter()
        .map(|(name, value)| {
            let values = match &value {
                Json::Array(items) => items.iter().map(text).collect(),
                one => vec![text(one)],
            };
            (name, values)
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    #[test]
    fn document_and_flag_spellings_are_read_alike() {
        let node = yaml::parse(
            "{type: OAuth2, grant_type: client_credentials, client_id_env_var: A, \
             client_secret_env_var: B, token_url: 'https://x/{{ .__env__C }}', scopes: [all]}",
        )
        .expect("valid")
        .0;
        let config = AuthConfig::read(&node).expect("an object");
        assert_eq!((config.kind, config.scopes.len()), (AuthKind::OAuth2, 1));
        let config = AuthConfig::from_json(serde_json::json!({
            "type": "bearer", "credentialsenvvar": "T", "values": {"a": "b", "c": [1]}
        }))
        .expect("an object");
        assert_eq!(config.credentials_env_var.as_deref(), Some("T"));
        assert_eq!(config.values["c"], ["1"]);
    }

    #[test]
    fn every_type_is_read_in_any_case_and_written_as_documents_do() {
        for text in [
            "null_auth",
            "bearer",
            "basic",
            "api_key",
            "custom",
            "oauth2",
            "aws_signing_v4",
            "aws_assume_role",
            "service_account",
            "interactive",
            "azure_default",
            "k8s",
            "databricks",
            "hmac",
            "",
        ] {
            let json = serde_json::json!({"type": text.to_ascii_uppercase()});
            let config = AuthConfig::from_json(json).expect("an object");
            assert_eq!(config.kind.to_string(), text);
            let is_known = text != "hmac";
            assert_eq!(!matches!(config.kind, AuthKind::Unknown(_)), is_known, "{text}");
            let written = serde_json::to_value(&config).expect("serialises");
            assert_eq!(written["type"], text);
            let read: AuthConfig = serde_json::from_value(written).expect("as it was written");
            assert_eq!(read, config);
        }
        let absent = AuthConfig::from_json(serde_json::json!({})).expect("an object");
        assert_eq!(absent.kind, AuthKind::Unspecified);
    }

    #[test]
    fn literal_secrets_never_show() {
        let config = AuthConfig::from_json(serde_json::json!({
            "type": "oauth2", "client_id": "id", "client_secret": "hush-hush",
            "successor": {"type": "custom", "password": "hush-hush"}
        }))
        .expect("an object");
        let shown = format!("{config:?}{}", serde_json::to_string(&config).expect("serialises"));
        assert!(!shown.contains("hush"), "{shown}");
    }
}
