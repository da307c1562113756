//! Tokens of Entra for a client that can prove who it is.
//!
//! Owns: the token request, with a secret, a signed assertion of a certificate, or the token of
//! another identity provider.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use ring::digest::{SHA256, digest};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use strataql_diag::{Code, Report};
use url::Url;

use super::scope;
use crate::auth::ask::{Ask, Asker};
use crate::auth::machine::Machine;
use crate::auth::token::Token;
use crate::failure::Failure;
use crate::sender::Sender;

const AUTHORITY: &str = "https://login.microsoftonline.com";
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How long an assertion is valid, in seconds.
const LIFE: u64 = 600;

/// A tenant, where its tokens are issued.
pub(in crate::auth) struct Entra {
    asker: Asker,
    authority: String,
    tenant: String,
}

/// A client of a tenant.
pub(in crate::auth) struct Client {
    pub(in crate::auth) id: String,
    pub(in crate::auth) proof: Proof,
}

/// How a client proves who it is.
pub(in crate::auth) enum Proof {
    /// A secret.
    Secret(SecretString),
    /// Certificate and private key in PEM form.
    Certificate(SecretString),
    /// A token of another identity provider.
    Assertion(SecretString),
}

impl Entra {
    /// A tenant of the authority that the environment names, else of the public cloud.
    pub(in crate::auth) fn new(asker: Asker, machine: &Machine, tenant: String) -> Self {
        let authority = machine.variable("AZURE_AUTHORITY_HOST");
        Self { asker, authority: authority.unwrap_or_else(|| AUTHORITY.to_owned()), tenant }
    }

    /// The same tenant at another authority.
    pub(in crate::auth) fn at(mut self, authority: &str) -> Self {
        authority.clone_into(&mut self.authority);
        self
    }

    /// A token for an audience.
    pub(in crate::auth) async fn token(
        &self,
        core: &Arc<dyn Sender>,
        client: &Client,
        audience: &str,
    ) -> Result<Token, Failure> {
        let url = self.url()?;
        let scope = scope(audience);
        let mut fields = vec![
            ("grant_type", "client_credentials"),
            ("client_id", &*client.id),
            ("scope", &*scope),
        ];
        let (assertion, source);
        match &client.proof {
            Proof::Secret(secret) => {
                fields.push(("client_secret", secret.expose_secret()));
                source = "client secret";
            }
            Proof::Certificate(pem) => {
                assertion = self.signed(core, &client.id, pem, &url)?;
                fields.push(("client_assertion_type", ASSERTION_TYPE));
                fields.push(("client_assertion", &assertion));
                source = "client certificate";
            }
            Proof::Assertion(token) => {
                fields.push(("client_assertion_type", ASSERTION_TYPE));
                fields.push(("client_assertion", token.expose_secret()));
                source = "workload identity";
            }
        }
        let asked = core.clock().now();
        let response = self.asker.send(core, Ask::form(url, fields)).await?;
        Ok(self.asker.token(&response, asked)?.from(source).of(&*client.id))
    }

    fn url(&self) -> Result<Url, Failure> {
        let tenant = &self.tenant;
        let is_name = tenant.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'));
        let authority = self.authority.trim_end_matches('/');
        let authority = if authority.contains("://") {
            authority.to_owned()
        } else {
            format!("https://{authority}")
        };
        Url::parse(&format!("{authority}/{tenant}/oauth2/v2.0/token"))
            .ok()
            .filter(|url| url.scheme() == "https" || crate::origin::is_loopback(url))
            .filter(|_| is_name && !tenant.is_empty())
            .ok_or_else(|| {
                self.failed(&format!(
                    "`{authority}` with tenant `{tenant}` is no address of a tenant"
                ))
            })
    }

    fn signed(
        &self,
        core: &Arc<dyn Sender>,
        id: &str,
        pem: &SecretString,
        url: &Url,
    ) -> Result<String, Failure> {
        let pem = pem.expose_secret().as_bytes();
        let certificate = CertificateDer::from_pem_slice(pem)
            .map_err(|_| self.failed("the client certificate holds no certificate in PEM form"))?;
        let key = EncodingKey::from_rsa_pem(&private_key(pem))
            .map_err(|_| self.failed("the client certificate holds no RSA key in PEM form"))?;
        let now = core.clock().wall().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let jti =
            crate::key::idempotency_key().map_err(|report| self.asker.failure(*report, None))?;
        let claims = json!({"aud": url.as_str(), "iss": id, "sub": id, "jti": jti,
            "nbf": now, "iat": now, "exp": now + LIFE});
        let mut header = Header::new(Algorithm::PS256);
        header.x5t_s256 = Some(URL_SAFE_NO_PAD.encode(digest(&SHA256, &certificate)));
        let assertion = encode(&header, &claims, &key)
            .map_err(|_| self.failed("the key of the client certificate cannot sign"))?;
        self.asker.redactor.register(&assertion);
        Ok(assertion)
    }

    fn failed(&self, why: &str) -> Failure {
        let message = format!("provider `{}` has no credential: {why}", self.asker.provider);
        let help = "check the variables that begin with `AZURE_`";
        self.asker.failure(Report::new(Code::NoCredential, message).with_help(help), None)
    }
}

/// The part of a PEM file that is a private key.
fn private_key(pem: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(pem);
    let mut part = String::new();
    let mut is_inside = false;
    for line in text.lines() {
        is_inside |= line.starts_with("-----BEGIN") && line.contains("PRIVATE KEY");
        if is_inside {
            part.push_str(line.trim());
            part.push('\n');
        }
        if line.starts_with("-----END") {
            is_inside = false;
        }
    }
    part.into_bytes()
}
