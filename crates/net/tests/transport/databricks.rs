//! Databricks: sources, hosts, profiles, and what goes wrong with them.

use serde_json::{Value as Json, json};
use strataql_diag::Code;

use crate::machine::{Case, Machine, field};
use crate::server::{Seen, Step, answer};

const ACCOUNT: &str = "https://accounts.cloud.databricks.com/api/2.0/accounts/a1/workspaces";
const WORKSPACE: &str = "https://dbc-1.cloud.databricks.com/api/2.1/clusters/list";
const AZURE: &str = "https://adb-1.2.azuredatabricks.net/api/2.1/clusters/list";
const FILE: &str = "/home/ada/.databrickscfg";
const CLIENT: &[(&str, &str)] = &[
    ("DATABRICKS_CLIENT_ID", "sp-1"),
    ("DATABRICKS_CLIENT_SECRET", "sp-s3cret"),
    ("DATABRICKS_ACCOUNT_ID", "a1"),
];

fn services(_: usize, seen: &Seen) -> Vec<Step> {
    let host = seen.header("host").unwrap_or_default();
    let path = seen.target.split('?').next().unwrap_or_default();
    let issued = |token: &str| {
        let body = json!({"access_token": token, "expires_in": 3600, "token_type": "Bearer"});
        answer(200, &[], body.to_string())
    };
    match (host, path) {
        (_, "/.well-known/databricks-config") => answer(200, &[], r#"{"account_id": "found-1"}"#),
        (_, "/aad/auth") => {
            answer(302, &["location: https://login.microsoftonline.com/t-1/oauth2/authorize"], "")
        }
        ("login.microsoftonline.com", _) => {
            issued(&format!("{path}:{}", field(seen, "scope").unwrap_or_default()))
        }
        ("actions.test", _) => {
            let audience = seen.target.split("audience=").nth(1).unwrap_or_default();
            answer(200, &[], json!({"value": format!("gh.{audience}")}).to_string())
        }
        (_, path) if path.ends_with("/v1/token") => match field(seen, "grant_type").as_deref() {
            Some("client_credentials") if seen.header("authorization").is_some() => {
                issued(&format!("m2m:{host}{path}"))
            }
            Some(_) => issued(&format!("for:{}", field(seen, "subject_token").unwrap_or_default())),
            None => answer(400, &[], ""),
        },
        _ => answer(200, &[], "{}"),
    }
}

fn document() -> Json {
    json!({"type": "databricks"})
}

async fn of(machine: Machine) -> Case {
    Case::of_document(machine, document(), services).await
}

async fn authorization(case: &Case, url: &str) -> String {
    case.sent(url).await.header("authorization").expect("a credential").to_owned()
}

#[tokio::test]
async fn one_client_has_a_token_for_the_account_and_for_each_workspace() {
    let case = of(Machine::new(CLIENT, &[])).await;
    for _ in 0..2 {
        for (url, endpoint) in [
            (ACCOUNT, "accounts.cloud.databricks.com/oidc/accounts/a1/v1/token"),
            (WORKSPACE, "dbc-1.cloud.databricks.com/oidc/v1/token"),
            ("https://dbc-2.cloud.databricks.com/x", "dbc-2.cloud.databricks.com/oidc/v1/token"),
        ] {
            assert_eq!(authorization(&case, url).await, format!("Bearer m2m:{endpoint}"));
        }
    }
    let seen = case.server.seen();
    let tokens: Vec<&Seen> = seen.iter().filter(|seen| seen.verb == "POST").collect();
    assert_eq!(tokens.len(), 3);
    assert_eq!(tokens[0].body, "grant_type=client_credentials&scope=all-apis");
}

#[tokio::test]
async fn every_source_has_a_token() {
    let profile = "[DEFAULT]\nhost = https://dbc-1.cloud.databricks.com\ntoken = dapi-default\n\
                   [two]\nhost = dbc-1.cloud.databricks.com/\nusername = ada\npassword = pass-w0rd\n";
    let files: &[(&str, &str)] = &[(FILE, profile), ("/jwt", "file.t0ken\n")];
    let azure: &[(&str, &str)] = &[("ARM_CLIENT_ID", "az-1"), ("ARM_CLIENT_SECRET", "az-s3cret")];
    let github: &[(&str, &str)] = &[
        ("ACTIONS_ID_TOKEN_REQUEST_URL", "https://actions.test/id?v=1"),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "gh-s3cret"),
        ("DATABRICKS_TOKEN_AUDIENCE", "aud-1"),
        ("DATABRICKS_HOST", "https://dbc-1.cloud.databricks.com"),
    ];
    let az = json!({"accessToken": "az-t0ken", "expires_on": 1_767_229_200}).to_string();
    let cli = json!({"access_token": "cli-t0ken", "token_type": "Bearer",
        "expiry": "2026-01-01T01:00:00.5+00:00"});
    let application = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d/.default";
    let basic = "Basic YWRhOnBhc3MtdzByZA==".to_owned();
    let bearer = |token: &str| format!("Bearer {token}");
    for (machine, url, expected, source) in [
        (
            Machine::new(&[("DATABRICKS_TOKEN", "dapi-env")], &[]),
            WORKSPACE,
            bearer("dapi-env"),
            "token from `DATABRICKS_TOKEN`",
        ),
        (Machine::new(&[], files), WORKSPACE, bearer("dapi-default"), "token from profile DEFAULT"),
        (
            Machine::new(&[("DATABRICKS_CONFIG_PROFILE", "two")], files),
            WORKSPACE,
            basic,
            "password from profile two",
        ),
        (
            Machine::new(&[("DATABRICKS_OIDC_TOKEN", "env.t0ken"), github[3]], &[]),
            WORKSPACE,
            bearer("for:env.t0ken"),
            "token in `DATABRICKS_OIDC_TOKEN`",
        ),
        (
            Machine::new(&[("DATABRICKS_OIDC_TOKEN_FILEPATH", "/jwt"), github[3]], files),
            WORKSPACE,
            bearer("for:file.t0ken"),
            "token in `/jwt`",
        ),
        (
            Machine::new(github, &[]),
            WORKSPACE,
            bearer("for:gh.aud-1"),
            "identity of the GitHub action",
        ),
        (
            Machine::new(azure, &[]),
            AZURE,
            bearer(&format!("/t-1/oauth2/v2.0/token:{application}")),
            "client of Azure from `ARM_CLIENT_ID`",
        ),
        (Machine::new(&[], &[]).with("az", Ok(&az)), AZURE, bearer("az-t0ken"), "`az`"),
        (
            Machine::new(&[], &[]).with("databricks", Ok(&cli.to_string())),
            WORKSPACE,
            bearer("cli-t0ken"),
            "`databricks auth token`",
        ),
    ] {
        let case = of(machine).await;
        assert_eq!(authorization(&case, url).await, expected, "{source}");
        if url == WORKSPACE {
            assert_eq!(case.source().await, source);
        }
    }
}

#[tokio::test]
async fn headers_say_which_workspace_is_meant() {
    let variables = &[("DATABRICKS_TOKEN", "dapi-env"), ("DATABRICKS_WORKSPACE_ID", "42")];
    let case = of(Machine::new(variables, &[])).await;
    assert_eq!(case.sent(WORKSPACE).await.header("x-databricks-org-id"), Some("42"));
    assert_eq!(case.sent(ACCOUNT).await.header("x-databricks-org-id"), None);
    let variables = &[
        ("ARM_CLIENT_ID", "az-1"),
        ("ARM_CLIENT_SECRET", "az-s3cret"),
        ("ARM_TENANT_ID", "t-2"),
        ("DATABRICKS_AZURE_RESOURCE_ID", "/subscriptions/1"),
    ];
    let seen = of(Machine::new(variables, &[])).await.sent(AZURE).await;
    let resource = seen.header("x-databricks-azure-workspace-resource-id");
    assert_eq!(resource, Some("/subscriptions/1"));
    let manager = seen.header("x-databricks-azure-sp-management-token");
    assert!(manager.is_some_and(|token| token.starts_with("/t-2/oauth2/v2.0/token:")), "{seen:?}");
}

#[tokio::test]
async fn the_account_is_found_where_it_is_not_configured() {
    let case = of(Machine::new(&CLIENT[..2], &[])).await;
    let token = authorization(&case, ACCOUNT).await;
    assert_eq!(token, "Bearer m2m:accounts.cloud.databricks.com/oidc/accounts/found-1/v1/token");
}

#[tokio::test]
async fn the_keys_of_the_public_documents_still_work() {
    let config = json!({"type": "databricks", "client_id_env_var": "MY_ID",
        "client_secret_env_var": "MY_SECRET", "account_id_env_var": "MY_ACCOUNT"});
    let variables = &[("MY_ID", "x"), ("MY_SECRET", "y-s3cret"), ("MY_ACCOUNT", "a9")];
    let case = Case::of_document(Machine::new(variables, &[]), config, services).await;
    let token = authorization(&case, ACCOUNT).await;
    assert_eq!(token, "Bearer m2m:accounts.cloud.databricks.com/oidc/accounts/a9/v1/token");
}

#[tokio::test]
async fn what_goes_wrong_is_said_so_that_people_can_act() {
    let host = ("DATABRICKS_HOST", "https://dbc-9.cloud.databricks.com");
    let token = ("DATABRICKS_TOKEN", "hush-hush");
    let with =
        |variables: &[(&str, &str)]| Machine::new(variables, &[(FILE, "[one]\ntoken = x\n")]);
    let of_client = [CLIENT[0], CLIENT[1], ("DATABRICKS_TOKEN", "hush-hush")];
    for (machine, url, part) in [
        (
            with(&[("DATABRICKS_CONFIG_PROFILE", "gone")]),
            WORKSPACE,
            "there is no profile `gone` in",
        ),
        (with(&of_client), WORKSPACE, "more than one credential: `token` from `DATABRICKS_TOKEN`"),
        (with(&[host, token]), WORKSPACE, "is for `https://dbc-9.cloud.databricks.com`"),
        (
            with(&[("DATABRICKS_AUTH_TYPE", "magic"), token]),
            WORKSPACE,
            "unknown `auth_type` `magic`",
        ),
        (with(CLIENT), "https://evil.test/x", "neither the configured host nor one of Databricks"),
        (with(&[]), WORKSPACE, "none of its sources has one"),
    ] {
        let report = of(machine).await.failed(url).await;
        assert_eq!(report.code, Code::NoCredential);
        assert!(report.message.contains(part), "{report}");
        assert!(!report.help.is_empty(), "{report:?}");
        assert!(!format!("{report:?}").contains("hush"), "{report:?}");
    }
    let forced = [&of_client[..], &[("DATABRICKS_AUTH_TYPE", "oauth-m2m")]].concat();
    let case = of(with(&forced)).await;
    assert!(authorization(&case, WORKSPACE).await.starts_with("Bearer m2m:"));
    let report = of(with(&[])).await.failed(WORKSPACE).await;
    for start in
        ["pat: `token` is not set", "azure-cli: ", "profile: there is no profile `DEFAULT`"]
    {
        assert!(report.notes.iter().any(|note| note.starts_with(start)), "{start} {report:?}");
    }
}
