use std::io;
use std::path::Path;

use http::HeaderMap;
use serde_json::{Value as Json, json};
use strataql_spec::HttpVerb;
use url::Url;

use super::template::token_url;
use super::*;
use crate::attempt::WireRequest;
use crate::request::SigningScope;

fn settings() -> Settings {
    Settings {
        environment: Arc::new(|name| match name {
            "TOKEN" => Some("t0ken-value".to_owned()),
            "USER" => Some("ada".to_owned()),
            "PASSWORD" => Some("pa55-word".to_owned()),
            "EMPTY" => Some(String::new()),
            "BROKEN" => Some("line\nbreak".to_owned()),
            "ACCOUNT" => Some("acc/../x".to_owned()),
            "DOTS" => Some("..".to_owned()),
            "TENANT" => Some("my-org.eu".to_owned()),
            "BASE" => Some("https://base.example/".to_owned()),
            "HOST_TRICK" => Some("evil.test/x".to_owned()),
            "HOME" => Some("/home/ada".to_owned()),
            "KEY_PATH" => Some("~/key".to_owned()),
            _ => None,
        }),
        read_file: Arc::new(|path: &Path| match path.to_str() {
            Some("/home/ada/key") => Ok(b"f1le-secret\r\n".to_vec()),
            Some("/empty") => Ok(b"\n".to_vec()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }),
        ..Settings::default()
    }
}

fn config(json: Json) -> AuthConfig {
    AuthConfig::from_json(json).expect("an object")
}

/// What the credential adds to a request.
fn resolve(settings: &Settings, json: Json) -> Result<Vec<String>, Box<Report>> {
    let credentials = Credentials::new(settings, Redactor::new());
    credentials.register("prov", Some(config(json)));
    let signer = match &*credentials.of("prov")? {
        Credential::Anonymous => return Ok(Vec::new()),
        Credential::Token(source) => {
            return Ok(vec![format!("token source {}", source.identity() != 0)]);
        }
        Credential::Signer(signer) => Arc::clone(signer),
    };
    let mut request = WireRequest {
        verb: HttpVerb::Get,
        url: Url::parse("https://h.example/x").expect("a URL"),
        headers: HeaderMap::new(),
        body: None,
        scope: Some(Arc::new(SigningScope { service: "ec2".to_owned(), region: None })),
        time: std::time::UNIX_EPOCH,
    };
    signer.sign(&mut request)?;
    // the time of a signature is no secret
    request.headers.remove("x-amz-date");
    let headers = request.headers.iter().map(|(name, value)| {
        assert!(value.is_sensitive(), "{name}");
        format!("{name}: {}", value.to_str().expect("text"))
    });
    Ok(headers.chain(request.url.query().map(|query| format!("?{query}"))).collect())
}

#[track_caller]
fn check(json: Json, expected: &[&str]) {
    assert_eq!(resolve(&settings(), json).expect("a credential"), expected);
}

#[track_caller]
fn refused(json: Json, part: &str) {
    let report = resolve(&settings(), json).expect_err("no credential");
    assert_eq!(report.code, Code::NoCredential);
    assert!(report.message.contains("`prov`") && report.message.contains(part), "{report}");
    assert_eq!(report.help.len(), 1, "{report:?}");
}

#[test]
fn every_type_adds_its_own_header_or_parameter() {
    check(
        json!({"type": "bearer", "credentialsenvvar": "TOKEN"}),
        &["authorization: Bearer t0ken-value"],
    );
    check(
        json!({"type": "bearer", "credentialsenvvar": "TOKEN", "valuePrefix": "X "}),
        &["authorization: Bearer t0ken-value"],
    );
    check(
        json!({"type": "bearer", "token": "literal-one"}),
        &["authorization: Bearer literal-one"],
    );
    check(
        json!({"type": "basic", "username_var": "USER", "password_var": "PASSWORD"}),
        &["authorization: Basic YWRhOnBhNTUtd29yZA=="],
    );
    check(
        json!({"type": "basic", "username": "ada", "password": "pa55-word", "valuePrefix": "BASIC "}),
        &["authorization: BASIC YWRhOnBhNTUtd29yZA=="],
    );
    check(
        json!({"type": "basic", "credentialsenvvar": "TOKEN"}),
        &["authorization: Basic t0ken-value"],
    );
    check(
        json!({"type": "api_key", "credentialsenvvar": "TOKEN"}),
        &["authorization: api_key t0ken-value"],
    );
    check(
        json!({"type": "api_key", "credentialsenvvar": "TOKEN", "valuePrefix": "SSWS "}),
        &["authorization: SSWS t0ken-value"],
    );
    check(
        json!({"type": "api_key", "credentialsenvvar": "TOKEN", "name": "X-Key", "location": "header"}),
        &["x-key: t0ken-value"],
    );
    check(
        json!({"type": "api_key", "credentialsenvvar": "TOKEN", "name": "key", "location": "query"}),
        &["?key=t0ken-value"],
    );
    check(
        json!({"type": "custom", "location": "header", "name": "DD-API-KEY", "credentialsenvvar": "TOKEN",
            "successor": {"type": "custom", "location": "query", "name": "app", "credentialsenvvar": "USER"}}),
        &["dd-api-key: t0ken-value", "?app=ada"],
    );
    check(json!({"type": "null_auth"}), &[]);
    check(json!({"type": ""}), &[]);
    check(
        json!({"type": "oauth2", "client_id": "id", "client_secret": "hush-hush", "token_url": "https://h/t"}),
        &["token source true"],
    );
}

#[test]
fn files_are_read_without_their_last_line_break() {
    let shown = &["authorization: Bearer f1le-secret"];
    let named = |path: &str| json!({"type": "bearer", "credentialsfilepath": path});
    let own = |path: &str| {
        let auth = HashMap::from([("prov".to_owned(), config(named(path)))]);
        resolve(&Settings { auth, ..settings() }, json!({"type": "bearer"}))
    };
    assert_eq!(own("~/key").expect("read"), shown);
    for (path, part) in [("/none", "`/none`"), ("/empty", "is empty")] {
        assert!(own(path).expect_err(path).message.contains(part), "{path}");
    }
    check(json!({"type": "bearer", "credentialsfilepathenvvar": "KEY_PATH"}), shown);
    // a document names no file by itself
    refused(named("~/key"), "names the file `~/key`");
    refused(
        json!({"type": "custom", "location": "header", "name": "a", "credentialsenvvar": "TOKEN",
            "successor": {"type": "custom", "location": "header", "name": "b",
                "credentialsfilepath": "~/key"}}),
        "names the file `~/key`",
    );
}

#[test]
fn files_of_any_size_are_not_read_into_memory() {
    let settings = Settings::default();
    let refused = (settings.read_file)(Path::new("/dev/zero")).expect_err("endless");
    assert_eq!(refused.kind(), io::ErrorKind::FileTooLarge);
}

#[test]
fn everything_that_is_missing_is_named_at_once() {
    refused(
        json!({"type": "oauth2", "client_id_env_var": "ONE", "client_secret_env_var": "TWO",
            "token_url": "https://h/{{ .__env__THREE }}/t"}),
        "the environment variables `ONE`, `TWO` and `THREE`, which are not set",
    );
    refused(
        json!({"type": "custom", "location": "header", "name": "a", "credentialsenvvar": "TOKEN",
            "successor": {"type": "custom", "location": "header", "name": "b", "credentialsenvvar": "ONE",
                "successor": {"type": "custom", "location": "header", "name": "c", "credentialsenvvar": "EMPTY"}}}),
        "`ONE` and `EMPTY`",
    );
}

#[test]
fn what_is_missing_is_named() {
    refused(json!({"type": "bearer", "credentialsenvvar": "NOPE"}), "`NOPE`, which is not set");
    refused(json!({"type": "bearer", "credentialsenvvar": "EMPTY"}), "`EMPTY`, which is empty");
    refused(json!({"type": "bearer"}), "no credential configured");
    refused(json!({"type": "basic", "username_var": "USER", "password_var": "NOPE"}), "`NOPE`");
    refused(json!({"type": "basic", "username_var": "EMPTY", "password_var": "EMPTY"}), "`EMPTY`");
    refused(json!({"type": "bearer", "credentialsenvvar": "BROKEN"}), "no header can carry");
    refused(json!({"type": "custom", "credentialsenvvar": "TOKEN"}), "`location` and `name`");
    refused(
        json!({"type": "api_key", "credentialsenvvar": "TOKEN", "name": "a b"}),
        "no header name",
    );
    refused(json!({"type": "aws_signing_v4", "credentialsenvvar": "TOKEN"}), "access key id");
    refused(json!({"type": "hmac", "credentialsenvvar": "TOKEN"}), "`hmac`");
    refused(json!({"type": "", "credentialsenvvar": "TOKEN"}), "neither JSON nor the path");
    let oauth = |extra: Json| {
        let mut all = json!({"type": "oauth2", "client_id": "id", "client_secret": "hush-hush",
            "token_url": "https://h/t"});
        for (key, value) in extra.as_object().expect("an object") {
            all[key] = value.clone();
        }
        all
    };
    refused(oauth(json!({"client_id_env_var": "NOPE"})), "`NOPE`");
    refused(oauth(json!({"client_secret_env_var": "NOPE"})), "`NOPE`");
    refused(oauth(json!({"client_id": null})), "`client_id`");
    refused(oauth(json!({"token_url": null})), "`token_url`");
    refused(oauth(json!({"grant_type": "password"})), "`password`");
    refused(oauth(json!({"token_url": "https://h/{{ .__env__NOPE }}/t"})), "`NOPE`");
    refused(oauth(json!({"token_url": "https://h/{{ .account_id }}/t"})), "`account_id`");
    refused(oauth(json!({"token_url": "https://{{ .__env__HOST_TRICK }}.h/t"})), "does not fit");
    refused(oauth(json!({"token_url": "https://h/{{ .__env__DOTS }}/t"})), "does not fit");
}

#[test]
fn token_addresses_are_filled_and_values_cannot_redirect_them() {
    let settings = settings();
    let credentials = Credentials::new(&settings, Redactor::new());
    let lookup = credentials.lookup("prov");
    let check = |template: &str, expected: &str| {
        let config = config(json!({"type": "oauth2", "token_url": template, "account_id": "a 1",
            "client_secret": "hush-hush"}));
        assert_eq!(token_url(&config, &lookup).expect(template).as_str(), expected);
    };
    check("https://h.example/t", "https://h.example/t");
    check("https://h.example/a/{{ .account_id }}/t", "https://h.example/a/a%201/t");
    check("https://h.example/a/{{.__env__ACCOUNT}}/t", "https://h.example/a/acc%2F..%2Fx/t");
    check("https://{{ .__env__TENANT }}.h.example/t", "https://my-org.eu.h.example/t");
    check("{{ .__env__BASE }}/oidc/t", "https://base.example/oidc/t");
    for template in
        ["https://h/{{ .client_secret }}", "https://h/{{ account }}", "https://h/{{ .x", "/t"]
    {
        let config =
            config(json!({"type": "oauth2", "token_url": template, "client_secret": "hush-hush"}));
        let missing = token_url(&config, &lookup).expect_err(template);
        let report = lookup.report_of(missing, &config);
        assert!(!report.to_string().contains("hush"), "{report}");
    }
}

#[test]
fn the_users_entry_replaces_the_documents() {
    let mut settings = settings();
    settings
        .auth
        .insert("prov".to_owned(), config(json!({"type": "bearer", "token": "mine-mine"})));
    let document = json!({"type": "basic", "username": "ada", "password": "pa55-word"});
    assert_eq!(resolve(&settings, document).expect("mine"), ["authorization: Bearer mine-mine"]);
}

#[test]
fn a_fixed_credential_replaces_everything_and_reads_nothing() {
    let fixed = FixedCredential::Client { id: "id".to_owned(), secret: "fixed-one".into() };
    let mut settings = Settings {
        environment: Arc::new(|name| panic!("read the variable {name}")),
        read_file: Arc::new(|path| panic!("read the file {}", path.display())),
        credentials_override: Some(CredentialsOverride::same(fixed, "any")),
        ..Settings::default()
    };
    settings
        .auth
        .insert("prov".to_owned(), config(json!({"type": "bearer", "token": "mine-mine"})));
    let check = |settings: &Settings, json: Json, expected: &[&str]| {
        assert_eq!(resolve(settings, json).expect("a credential"), expected);
    };
    let file = json!({"type": "bearer", "credentialsfilepath": "~/key"});
    check(&settings, file.clone(), &["authorization: Bearer fixed-one"]);
    check(
        &settings,
        json!({"type": "basic", "username_var": "U", "password_var": "P"}),
        &["authorization: Basic aWQ6Zml4ZWQtb25l"],
    );
    check(&settings, json!({"type": "hmac"}), &["authorization: Bearer fixed-one"]);
    let signed = resolve(&settings, json!({"type": "aws_signing_v4"})).expect("a credential");
    assert!(signed[0].contains("AWS4-HMAC-SHA256 Credential=id/"), "{signed:?}");
    check(&settings, json!({"type": "null_auth"}), &[]);
    check(
        &settings,
        json!({"type": "oauth2", "client_id_env_var": "A", "client_secret_env_var": "B",
            "token_url": "https://h/{{ .__env__C }}"}),
        &["token source true"],
    );
    let bearer = CredentialsOverride::same(FixedCredential::Bearer("tok-tok".into()), "any");
    settings.credentials_override = Some(bearer);
    check(&settings, json!({"type": "oauth2"}), &["authorization: Bearer tok-tok"]);
    settings.credentials_override =
        Some(CredentialsOverride::same(FixedCredential::Anonymous, "any"));
    check(&settings, file, &[]);
}

#[test]
fn failures_are_not_remembered_and_secrets_are_registered() {
    let redactor = Redactor::new();
    let credentials = Credentials::new(&settings(), redactor.clone());
    credentials
        .register("prov", Some(config(json!({"type": "bearer", "credentialsenvvar": "NOPE"}))));
    assert!(credentials.of("prov").is_err());
    credentials
        .register("prov", Some(config(json!({"type": "bearer", "credentialsenvvar": "TOKEN"}))));
    assert!(credentials.of("prov").is_ok());
    assert_eq!(redactor.redact("a t0ken-value b"), "a *** b");
    assert!(matches!(&*credentials.of("unknown").expect("none needed"), Credential::Anonymous));
}

#[test]
fn tokens_are_kept_by_client_scope_and_audience() {
    let credentials = Credentials::new(&settings(), Redactor::new());
    let identity = |extra: Json| {
        let mut all = json!({"type": "oauth2", "client_id": "id", "client_secret": "hush-hush",
            "token_url": "https://h/t", "scopes": ["a"]});
        for (key, value) in extra.as_object().expect("an object") {
            all[key] = value.clone();
        }
        credentials.register("prov", Some(config(all)));
        credentials.of("prov").expect("a credential").identity()
    };
    let first = identity(json!({}));
    assert_eq!(identity(json!({"auth_style": 1})), first);
    for other in [
        json!({"client_id": "other"}),
        json!({"client_secret": "other-hush"}),
        json!({"token_url": "https://h/u"}),
        json!({"scopes": ["a", "b"]}),
        json!({"values": {"audience": "c"}}),
    ] {
        assert_ne!(identity(other.clone()), first, "{other}");
    }
}

#[test]
fn equal_credentials_of_two_providers_share_their_identity() {
    let credentials = Credentials::new(&settings(), Redactor::new());
    let bearer =
        |variable: &str| Some(config(json!({"type": "bearer", "credentialsenvvar": variable})));
    credentials.register("one", bearer("TOKEN"));
    credentials.register("two", bearer("TOKEN"));
    credentials.register("three", bearer("PASSWORD"));
    let identity = |name: &str| credentials.of(name).expect("a credential").identity();
    assert_eq!(identity("one"), identity("two"));
    assert_ne!(identity("one"), identity("three"));
}
