//! Google: keys, refresh tokens, federation, impersonation, the metadata server.

use std::time::Duration;

use futures::future::join_all;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::{Value as Json, json};
use strataql_diag::Code;

use crate::machine::{Case, Machine, field, request};
use crate::server::{Seen, Step, answer};

const URL: &str = "https://compute.googleapis.com/compute/v1/projects/p/zones";
const PEM: &str = include_str!("keys/rsa.pem");
const PUBLIC: &str = include_str!("keys/public.pem");
const WELL_KNOWN: &str = "/home/ada/.config/gcloud/application_default_credentials.json";

fn key() -> Json {
    json!({"type": "service_account", "client_email": "bot@p.iam", "private_key_id": "k1",
        "private_key": PEM, "token_uri": "https://oauth2.googleapis.com/token"})
}

fn user() -> Json {
    json!({"type": "authorized_user", "client_id": "cli", "client_secret": "cli-s3cret",
        "refresh_token": "refresh-t0ken", "quota_project_id": "bill-me"})
}

fn services(_: usize, seen: &Seen) -> Vec<Step> {
    let host = seen.header("host").unwrap_or_default();
    let path = seen.target.split('?').next().unwrap_or_default();
    let issued = |token: &str| {
        let body = json!({"access_token": token, "expires_in": 3600, "token_type": "Bearer"});
        answer(200, &[], body.to_string())
    };
    match (host, path) {
        ("oauth2.googleapis.com", "/token") => match field(seen, "grant_type").as_deref() {
            Some("refresh_token") => issued("of-user"),
            Some("urn:ietf:params:oauth:grant-type:jwt-bearer") => issued("of-key"),
            _ => answer(400, &[], ""),
        },
        ("sts.googleapis.com", "/v1/token") => issued("of-federation"),
        ("iamcredentials.googleapis.com", _) => {
            let body = json!({"accessToken": "of-account", "expireTime": "2026-01-01T01:00:00Z"});
            answer(200, &[], body.to_string())
        }
        ("metadata.google.internal", _) if seen.header("metadata-flavor") == Some("Google") => {
            issued("of-machine")
        }
        ("compute.googleapis.com", _) => answer(200, &[], "{}"),
        _ => answer(404, &[], "nobody"),
    }
}

fn document() -> Json {
    json!({"type": "service_account", "credentialsenvvar": "GOOGLE_CREDENTIALS"})
}

#[tokio::test]
async fn a_key_signs_an_assertion_that_the_token_endpoint_can_check() {
    let machine = Machine::new(&[("GOOGLE_CREDENTIALS", &key().to_string())], &[]);
    let mut config = document();
    config["sub"] = "ada@example.com".into();
    config["scopes"] = json!(["a", "b"]);
    let case = Case::of_document(machine, config, services).await;
    let sends = (0..4).map(|_| case.bench.transport.send(request(URL)));
    for result in join_all(sends).await {
        assert_eq!(result.expect("an answer").status, 200);
    }
    let seen = case.server.seen();
    let tokens: Vec<&Seen> = seen.iter().filter(|seen| seen.target == "/token").collect();
    let [request] = tokens.as_slice() else { panic!("one token request for all: {seen:?}") };
    let assertion = field(request, "assertion").expect("an assertion");
    let mut rules = Validation::new(Algorithm::RS256);
    rules.validate_exp = false;
    rules.set_audience(&["https://oauth2.googleapis.com/token"]);
    let public = DecodingKey::from_rsa_pem(PUBLIC.as_bytes()).expect("a key");
    let decoded = decode::<Json>(&assertion, &public, &rules).expect("a valid signature");
    assert_eq!(decoded.header.kid.as_deref(), Some("k1"));
    // the clock of the test begins in 2026
    let expected = json!({"iss": "bot@p.iam", "scope": "a b", "sub": "ada@example.com",
        "aud": "https://oauth2.googleapis.com/token", "iat": 1_767_225_600, "exp": 1_767_229_200});
    assert_eq!(decoded.claims, expected);
    assert_eq!(seen.last().expect("sent").header("authorization"), Some("Bearer of-key"));
    case.bench.clock.advance(Duration::from_secs(3541));
    case.sent(URL).await;
    assert_eq!(case.server.targets().iter().filter(|target| *target == "/token").count(), 2);
}

#[tokio::test]
async fn every_source_has_a_token() {
    let impersonated = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/\
                        bot@p.iam:generateAccessToken";
    let external = json!({"type": "external_account", "audience": "//iam/pool",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": "https://sts.googleapis.com/v1/token",
        "credential_source": {"file": "/oidc", "format": {"type": "json", "subject_token_field_name": "t"}}});
    let mut both = external.clone();
    both["service_account_impersonation_url"] = impersonated.into();
    let acting = json!({"type": "impersonated_service_account", "source_credentials": user(),
        "service_account_impersonation_url": impersonated});
    let (key, user) = (key().to_string(), user().to_string());
    let (external, both, acting) = (external.to_string(), both.to_string(), acting.to_string());
    let oidc = json!({"t": "subject-t0ken"}).to_string();
    let named = |text: &str| {
        let variables = &[("GOOGLE_APPLICATION_CREDENTIALS", "/key.json")];
        Machine::new(variables, &[("/key.json", text), ("/oidc", &oidc)])
    };
    for (machine, token, source) in [
        (
            Machine::new(&[("GOOGLE_CREDENTIALS", &key)], &[]),
            "of-key",
            "key in `GOOGLE_CREDENTIALS`",
        ),
        (
            Machine::new(&[("GOOGLE_CREDENTIALS", "~/k.json")], &[("/home/ada/k.json", &key)]),
            "of-key",
            "key in `GOOGLE_CREDENTIALS`",
        ),
        (named(&key), "of-key", "key file `/key.json`"),
        (named(&external), "of-federation", "key file `/key.json`"),
        (named(&both), "of-account", "key file `/key.json`"),
        (named(&acting), "of-account", "key file `/key.json`"),
        (Machine::new(&[], &[(WELL_KNOWN, &user)]), "of-user", &format!("file `{WELL_KNOWN}`")),
        (Machine::new(&[], &[]), "of-machine", "metadata server"),
    ] {
        let case = Case::of_document(machine, document(), services).await;
        let seen = case.sent(URL).await;
        assert_eq!(seen.header("authorization"), Some(&*format!("Bearer {token}")), "{source}");
        assert_eq!(case.source().await, source);
        let project = (token == "of-user").then_some("bill-me");
        assert_eq!(seen.header("x-goog-user-project"), project, "{source}");
    }
}

#[tokio::test]
async fn the_program_of_people_who_are_signed_in() {
    let machine = Machine::new(&[], &[]).with("gcloud", Ok("ya29.person\n"));
    let case = Case::of_user(machine, json!({"type": "interactive"}), services).await;
    assert_eq!(case.sent(URL).await.header("authorization"), Some("Bearer ya29.person"));
    let machine = Machine::new(&[], &[]).with("gcloud", Err("ERROR: not signed in\n"));
    let case = Case::of_user(machine, json!({"type": "interactive"}), services).await;
    let report = case.failed(URL).await;
    assert!(report.message.contains("not signed in; sign in with `gcloud auth login`"), "{report}");
}

#[tokio::test]
async fn what_is_wrong_with_a_key_is_said_without_the_key() {
    let mut bad_key = key();
    bad_key["private_key"] = "-----BEGIN hush-hush".into();
    let mut plain = key();
    plain["token_uri"] = "http://evil.test/token".into();
    for (text, part) in [
        (bad_key.to_string(), "is no RSA key in PEM form"),
        (plain.to_string(), "names an address that is not encrypted"),
        (
            json!({"type": "hush-kind", "private_key": PEM}).to_string(),
            "`hush-kind`, which is not known",
        ),
        ("{hush-hush".to_owned(), "is no JSON"),
    ] {
        let machine = Machine::new(&[("GOOGLE_CREDENTIALS", &text)], &[]);
        let report = Case::of_document(machine, document(), services).await.failed(URL).await;
        assert_eq!(report.code, Code::NoCredential);
        assert!(report.message.contains(part), "{report}");
        assert!(!format!("{report:?}").contains("hush-hush"), "{report:?}");
        assert!(!format!("{report:?}").contains("PRIVATE"), "{report:?}");
    }
}

#[tokio::test]
async fn the_users_own_place_must_have_a_key_and_the_documents_need_not() {
    let machine = Machine::new(&[("NO_GCE_CHECK", "true")], &[]);
    let case = Case::of_document(machine.clone(), document(), services).await;
    let report = case.failed(URL).await;
    let starts =
        ["configuration: `GOOGLE_CREDENTIALS` is not set", "key file: ", "metadata server: "];
    for start in starts {
        assert!(report.notes.iter().any(|note| note.starts_with(start)), "{start} {report:?}");
    }
    assert_eq!(case.server.seen().len(), 0);
    let report = Case::of_user(machine, document(), services).await.failed(URL).await;
    assert!(
        report.message.contains("needs the environment variable `GOOGLE_CREDENTIALS`"),
        "{report}"
    );
}
