//! Azure: every source of the chain, and a token for each audience.

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::{Value as Json, json};
use strataql_diag::Code;

use crate::machine::{Case, Machine, field};
use crate::server::{Seen, Step, answer};

const URL: &str = "https://management.azure.com/subscriptions?api-version=1";
const PEM: &str = include_str!("keys/rsa.pem");
const CERTIFICATE: &str = include_str!("keys/certificate.pem");
const PUBLIC: &str = include_str!("keys/public.pem");
const CLIENT: &[(&str, &str)] = &[("AZURE_TENANT_ID", "tenant-1"), ("AZURE_CLIENT_ID", "client-1")];
/// Ends of the names of services.
const AZURE: [&str; 2] = [".azure.com", ".net"];

fn services(_: usize, seen: &Seen) -> Vec<Step> {
    let host = seen.header("host").unwrap_or_default();
    let issued = |token: &str| {
        let body = json!({"access_token": token, "expires_in": "3599", "token_type": "Bearer"});
        answer(200, &[], body.to_string())
    };
    match host {
        "login.microsoftonline.com" if seen.target == "/tenant-1/oauth2/v2.0/token" => {
            let scope = field(seen, "scope").expect("a scope");
            let proof = match (field(seen, "client_secret"), field(seen, "client_assertion")) {
                (Some(_), None) => "secret",
                (None, Some(text)) if text.matches('.').count() == 2 => "assertion",
                _ => return answer(401, &[], r#"{"error":"invalid_client"}"#),
            };
            issued(&format!("{proof}:{scope}"))
        }
        "169.254.169.254" if seen.header("metadata") == Some("true") => issued("machine"),
        "127.0.0.1:41" if seen.header("x-identity-header") == Some("app-s3cret") => {
            let body = json!({"access_token": "app", "expires_on": "1767229200"});
            answer(200, &[], body.to_string())
        }
        host if AZURE.iter().any(|suffix| host.ends_with(suffix)) => answer(200, &[], "{}"),
        _ => answer(404, &[], "nobody"),
    }
}

fn document() -> Json {
    json!({"type": "azure_default"})
}

#[tokio::test]
async fn every_source_has_a_token() {
    let manager = "https://management.azure.com/.default";
    let pem = format!("{PEM}{CERTIFICATE}");
    let files: &[(&str, &str)] = &[("/client.pem", &pem), ("/token", "a.b.c\n")];
    let with = |more: &[(&str, &str)]| Machine::new(&[CLIENT, more].concat(), files);
    let printed = json!({"accessToken": "az", "expires_on": 1_767_229_200}).to_string();
    let azd = json!({"token": "azd", "expiresOn": "2026-01-01T01:00:00Z"}).to_string();
    let no_machine = ("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:1");
    for (machine, token, source) in [
        (with(&[("AZURE_CLIENT_SECRET", "s3cret")]), format!("secret:{manager}"), "client secret"),
        (
            with(&[("AZURE_CLIENT_CERTIFICATE_PATH", "/client.pem")]),
            format!("assertion:{manager}"),
            "client certificate",
        ),
        (
            with(&[("AZURE_FEDERATED_TOKEN_FILE", "/token")]),
            format!("assertion:{manager}"),
            "workload identity",
        ),
        (
            Machine::new(
                &[
                    ("IDENTITY_ENDPOINT", "http://127.0.0.1:41/msi"),
                    ("IDENTITY_HEADER", "app-s3cret"),
                ],
                &[],
            ),
            "app".to_owned(),
            "managed identity of the app",
        ),
        (Machine::new(&[], &[]), "machine".to_owned(), "managed identity of the machine"),
        (Machine::new(&[no_machine], &[]).with("az", Ok(&printed)), "az".to_owned(), "`az`"),
        (
            Machine::new(&[no_machine], &[]).with("az", Err("az login")).with("azd", Ok(&azd)),
            "azd".to_owned(),
            "`azd`",
        ),
    ] {
        let case = Case::of_document(machine, document(), services).await;
        let seen = case.sent(URL).await;
        assert_eq!(seen.header("authorization"), Some(&*format!("Bearer {token}")), "{source}");
        assert_eq!(case.source().await, source);
    }
}

#[tokio::test]
async fn each_kind_of_host_has_a_token_of_its_own() {
    let machine = Machine::new(&[CLIENT, &[("AZURE_CLIENT_SECRET", "s3cret")]].concat(), &[]);
    let case = Case::of_document(machine, document(), services).await;
    for (url, audience, requests) in [
        (URL, "https://management.azure.com", 1),
        ("https://one.vault.azure.net/secrets", "https://vault.azure.net", 2),
        ("https://two.vault.azure.net/keys", "https://vault.azure.net", 2),
        ("https://a.blob.core.windows.net/?comp=list", "https://storage.azure.com", 3),
        (URL, "https://management.azure.com", 3),
    ] {
        let seen = case.sent(url).await;
        let expected = format!("Bearer secret:{audience}/.default");
        assert_eq!(seen.header("authorization"), Some(&*expected), "{url}");
        let asked = case.server.seen().iter().filter(|seen| seen.verb == "POST").count();
        assert_eq!(asked, requests, "{url}");
    }
}

#[tokio::test]
async fn a_certificate_signs_an_assertion_that_can_be_checked() {
    let pem = format!("{PEM}{CERTIFICATE}");
    let variables = [CLIENT, &[("AZURE_CLIENT_CERTIFICATE_PATH", "/c.pem")]].concat();
    let machine = Machine::new(&variables, &[("/c.pem", &pem)]);
    let case = Case::of_document(machine, document(), services).await;
    case.sent(URL).await;
    let assertion = field(&case.server.seen()[0], "client_assertion").expect("an assertion");
    let address = "https://login.microsoftonline.com/tenant-1/oauth2/v2.0/token";
    let mut rules = Validation::new(Algorithm::PS256);
    rules.validate_exp = false;
    rules.set_audience(&[address]);
    let public = DecodingKey::from_rsa_pem(PUBLIC.as_bytes()).expect("a key");
    let decoded = decode::<Json>(&assertion, &public, &rules).expect("a valid signature");
    assert_eq!(decoded.claims["iss"], "client-1");
    assert_eq!(decoded.claims["exp"], 1_767_226_200);
    assert_eq!(decoded.header.x5t_s256.map(|text| text.len()), Some(43));
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let machine = Machine::new(&[("AZURE_CLIENT_SECRET", "hush-hush")], &[]);
    let report = Case::of_document(machine, document(), services).await.failed(URL).await;
    assert_eq!(report.code, Code::NoCredential);
    assert!(report.message.contains("`AZURE_TENANT_ID` is not set"), "{report}");
    let variables = &[("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:1")];
    let case = Case::of_document(Machine::new(variables, &[]), document(), services).await;
    let report = case.failed(URL).await;
    for start in ["client secret: ", "workload identity: ", "Azure CLI: there is no program `az`"] {
        assert!(report.notes.iter().any(|note| note.starts_with(start)), "{start} {report:?}");
    }
    let evil = [
        CLIENT,
        &[("AZURE_CLIENT_SECRET", "hush-hush"), ("AZURE_AUTHORITY_HOST", "http://e.test")],
    ];
    let case = Case::of_document(Machine::new(&evil.concat(), &[]), document(), services).await;
    let report = case.failed(URL).await;
    assert!(report.message.contains("is no address of a tenant"), "{report}");
    assert!(!format!("{report:?}").contains("hush"), "{report:?}");
}
