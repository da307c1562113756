//! Access keys of AWS: every source of the chain, against a server that plays all of its services.

use std::time::Duration;

use serde_json::{Value as Json, json};
use strataql_diag::{Code, Report};

use crate::machine::{Case, Machine};
use crate::server::{PROVIDER, Seen, Step, answer};

/// The clock of the tests starts here.
const LATER: &str = "2026-01-01T01:00:00Z";
const SECRETS: &[&str] =
    &["env-s3cret", "file-s3cret", "role-s3cret", "sso-t0ken", "session-t0ken"];

fn role_answer(id: &str) -> Vec<Step> {
    let body = format!(
        "<AssumeRoleResponse xmlns=\"x\"><AssumeRoleResult><Credentials><AccessKeyId>{id}</AccessKeyId>\
         <SecretAccessKey>role-s3cret</SecretAccessKey><SessionToken>session-t0ken</SessionToken>\
         <Expiration>{LATER}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
    );
    answer(200, &["content-type: text/xml"], body)
}

/// The services of AWS, told apart by host and path.
fn services(_: usize, seen: &Seen) -> Vec<Step> {
    let path = seen.target.split('?').next().unwrap_or_default();
    let keys = |id: &str| {
        json!({"Code": "Success", "AccessKeyId": id, "SecretAccessKey": "role-s3cret",
            "Token": "session-t0ken", "Expiration": LATER})
    };
    match (seen.header("host").unwrap_or_default(), path) {
        (host, "/") if host.starts_with("sts.") => {
            let id = if seen.body.contains("WebIdentity") { "ASIAWEB" } else { "ASIAROLE" };
            role_answer(id)
        }
        ("portal.sso.eu-north-1.amazonaws.com", "/federation/credentials") => {
            let body = json!({"roleCredentials": {"accessKeyId": "ASIASSO", "expiration": 1_767_229_200_000_u64,
                "secretAccessKey": "role-s3cret", "sessionToken": "session-t0ken"}});
            answer(200, &[], body.to_string())
        }
        ("169.254.170.2", "/role") => answer(200, &[], keys("ASIABOX").to_string()),
        ("169.254.169.254", "/latest/api/token") if seen.verb == "PUT" => {
            answer(200, &[], "imds-t0ken")
        }
        ("169.254.169.254", _) if seen.header("x-aws-ec2-metadata-token") != Some("imds-t0ken") => {
            answer(401, &[], "")
        }
        ("169.254.169.254", "/latest/meta-data/iam/security-credentials/") => {
            answer(200, &[], "the-role\n")
        }
        ("169.254.169.254", "/latest/meta-data/iam/security-credentials/the-role") => {
            answer(200, &[], keys("ASIAMACHINE").to_string())
        }
        ("ec2.eu-west-1.amazonaws.com", _) => answer(200, &[], "ok"),
        _ => answer(404, &[], "nobody"),
    }
}

fn document() -> Json {
    json!({"type": "aws_signing_v4", "keyIDenvvar": "AWS_ACCESS_KEY_ID",
        "credentialsenvvar": "AWS_SECRET_ACCESS_KEY"})
}

const URL: &str = "https://ec2.eu-west-1.amazonaws.com/?Action=X";

/// Sends a request and returns the key that signed it and the source of the key.
async fn used(case: &Case) -> (String, String) {
    let seen = case.sent(URL).await;
    let credential = seen.header("authorization").expect("signed");
    let credential = credential.strip_prefix("AWS4-HMAC-SHA256 Credential=").expect("a signature");
    let (key, rest) = credential.split_once('/').expect("a scope");
    assert!(rest.starts_with("20260101/eu-west-1/ec2/aws4_request,"), "{rest}");
    let report = case.bench.transport.credential_report(PROVIDER).await;
    assert_eq!(report.principal.identity.as_deref(), Some(key));
    let shown = format!("{report:?}");
    for secret in SECRETS {
        assert!(!shown.contains(secret), "{shown}");
    }
    (key.to_owned(), report.source.expect("a source"))
}

async fn failed(machine: Machine, config: Json) -> Report {
    let report = Case::of_document(machine, config, services).await.failed(URL).await;
    for secret in SECRETS {
        assert!(!format!("{report:?}").contains(secret), "{report:?}");
    }
    report
}

const ENVIRONMENT: &[(&str, &str)] =
    &[("AWS_ACCESS_KEY_ID", "AKIAENV"), ("AWS_SECRET_ACCESS_KEY", "env-s3cret")];
const CREDENTIALS: &str = "/home/ada/.aws/credentials";
const CONFIG: &str = "/home/ada/.aws/config";
const STATIC: &str = "[default]\naws_access_key_id = AKIAFILE\naws_secret_access_key = file-s3cret\n\
                      [base]\naws_access_key_id = AKIABASE\naws_secret_access_key = file-s3cret\n";

#[tokio::test]
async fn every_source_signs() {
    let roles = "[profile role]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = base\n\
                 external_id = ext\nregion = eu-west-1\n\
                 [profile twice]\nrole_arn = arn:aws:iam::1:role/r2\nsource_profile = role\n\
                 [profile env]\nrole_arn = arn:aws:iam::1:role/e\ncredential_source = Environment\n\
                 [profile web]\nrole_arn = arn:aws:iam::1:role/w\nweb_identity_token_file = /jwt\n\
                 [profile run]\ncredential_process = /bin/keys --for \"me too\"\n\
                 [profile sso]\nsso_session = s\nsso_account_id = 1\nsso_role_name = viewer\n\
                 [sso-session s]\nsso_start_url = https://x.awsapps.com/start\nsso_region = eu-north-1\n";
    let token = json!({"accessToken": "sso-t0ken", "expiresAt": LATER}).to_string();
    // the name is the SHA-1 of `s`
    let cached = "/home/ada/.aws/sso/cache/a0f1490a20d0211c997b44bc357e1972deab8ae3.json";
    let files: &[(&str, &str)] =
        &[(CREDENTIALS, STATIC), (CONFIG, roles), ("/jwt", "web-t0ken\n"), (cached, &token)];
    let of_profile = |name| Machine::new(&[("AWS_PROFILE", name)], files);
    let printed = json!({"Version": 1, "AccessKeyId": "AKIARUN", "SecretAccessKey": "role-s3cret"});
    let with_program = of_profile("run").with("/bin/keys", Ok(&printed.to_string()));
    let both = [ENVIRONMENT, &[("AWS_PROFILE", "base")]].concat();
    let of_environment = Machine::new(&both, files);
    let web: &[(&str, &str)] =
        &[("AWS_WEB_IDENTITY_TOKEN_FILE", "/jwt"), ("AWS_ROLE_ARN", "arn:aws:iam::1:role/w")];
    for (machine, key, source) in [
        (Machine::new(ENVIRONMENT, files), "AKIAENV", "environment"),
        (of_environment, "AKIAENV", "environment"),
        (Machine::new(&[], files), "AKIAFILE", "profile default"),
        (of_profile("base"), "AKIABASE", "profile base"),
        (of_profile("role"), "ASIAROLE", "profile role, role arn:aws:iam::1:role/r with"),
        (of_profile("twice"), "ASIAROLE", "profile twice, role arn:aws:iam::1:role/r2 with"),
        (of_profile("web"), "ASIAWEB", "role arn:aws:iam::1:role/w with the token in /jwt"),
        (with_program, "AKIARUN", "program of profile run"),
        (of_profile("sso"), "ASIASSO", "single sign-on of profile sso: viewer in 1"),
        (Machine::new(web, &[("/jwt", "web-t0ken")]), "ASIAWEB", "role arn:aws:iam::1:role/w"),
        (
            Machine::new(&[("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/role")], &[]),
            "ASIABOX",
            "container",
        ),
        (Machine::new(&[], &[]), "ASIAMACHINE", "machine, role the-role"),
    ] {
        let case = Case::of_document(machine, document(), services).await;
        let (used, found) = used(&case).await;
        assert_eq!(used, key, "{source}");
        assert!(found.starts_with(source), "{found}");
    }
}

#[tokio::test]
async fn a_configuration_of_the_user_names_profile_role_or_keys() {
    let files = &[(CREDENTIALS, STATIC), ("/secret", "file-s3cret\n")];
    let variables = [ENVIRONMENT, &[("MY_ID", "AKIAMINE"), ("MY_SECRET", "env-s3cret")]].concat();
    for (config, key) in [
        (json!({"type": "aws_signing_v4", "profile": "base"}), "AKIABASE"),
        (
            json!({"type": "aws_signing_v4", "keyIDenvvar": "MY_ID", "credentialsenvvar": "MY_SECRET"}),
            "AKIAMINE",
        ),
        (
            json!({"type": "aws_signing_v4", "keyID": "AKIALIT", "credentialsfilepath": "/secret"}),
            "AKIALIT",
        ),
        (
            json!({"type": "aws_assume_role", "aws_role_arn": "arn:aws:iam::2:role/x",
                "aws_sts_region": "us-west-2", "aws_role_external_id": "e1"}),
            "ASIAROLE",
        ),
    ] {
        let machine = Machine::new(&variables, files);
        let case = Case::of_user(machine, config.clone(), services).await;
        let used = used(&case).await;
        assert_eq!(used.0, key, "{config}");
        if key == "ASIAROLE" {
            let seen = &case.server.seen()[0];
            assert_eq!(seen.header("host"), Some("sts.us-west-2.amazonaws.com"));
            assert!(seen.body.contains("ExternalId=e1"), "{}", seen.body);
            let authorization = seen.header("authorization").expect("signed");
            assert!(
                authorization.contains("Credential=AKIAENV/20260101/us-west-2/sts/aws4_request")
            );
        }
    }
}

#[tokio::test]
async fn a_source_that_is_configured_and_fails_ends_the_chain() {
    let sso = "[default]\nsso_session = s\nsso_account_id = 1\nsso_role_name = viewer\n\
               [sso-session s]\nsso_start_url = https://x\nsso_region = eu-north-1\n";
    let odd = "[profile a]\nrole_arn = r\nsource_profile = b\n[profile b]\nrole_arn = r\n\
               source_profile = a\n[profile mfa]\nrole_arn = r\nsource_profile = a\nmfa_serial = 1\n\
               [profile lost]\nrole_arn = r\n";
    let of_profile = |name| Machine::new(&[("AWS_PROFILE", name)], &[(CONFIG, odd)]);
    for (machine, part) in [
        (Machine::new(&ENVIRONMENT[..1], &[]), "`AWS_SECRET_ACCESS_KEY` is not"),
        (Machine::new(&[], &[(CONFIG, sso)]), "run `aws sso login --profile default`"),
        (Machine::new(&[("AWS_PROFILE", "gone")], &[]), "there is no profile `gone`"),
        (of_profile("a"), "refers to itself"),
        (of_profile("mfa"), "second factor"),
        (of_profile("lost"), "neither `source_profile` nor"),
        (
            Machine::new(&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://evil.test/x")], &[]),
            "neither encrypted nor on this machine",
        ),
        (
            Machine::new(&[("AWS_WEB_IDENTITY_TOKEN_FILE", "/gone"), ("AWS_ROLE_ARN", "r")], &[]),
            "`/gone` does not exist",
        ),
    ] {
        let report = failed(machine, document()).await;
        assert_eq!(report.code, Code::NoCredential);
        assert!(report.message.contains(part), "{report}");
    }
}

#[tokio::test]
async fn the_end_of_the_chain_names_every_source() {
    let machine = Machine::new(&[("AWS_EC2_METADATA_DISABLED", "true")], &[]);
    let report = failed(machine, document()).await;
    assert_eq!(report.code, Code::NoCredential);
    assert!(report.help[0].contains("AWS_PROFILE"), "{report:?}");
    let starts = [
        "environment: ",
        "profile default: ",
        "web identity: ",
        "container: ",
        "machine (IMDSv2): ",
    ];
    for start in starts {
        assert!(report.notes.iter().any(|note| note.starts_with(start)), "{start} {report:?}");
    }
}

#[tokio::test]
async fn keys_that_expired_early_are_asked_for_anew() {
    let script = |number: usize, seen: &Seen| {
        let is_call = seen.header("host") == Some("ec2.eu-west-1.amazonaws.com");
        if is_call && number == 3 {
            let body = "<Response><Errors><Error><Code>ExpiredTokenException</Code></Error></Errors></Response>";
            return answer(400, &[], body);
        }
        services(number, seen)
    };
    let machine = Machine::new(&[("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/role")], &[]);
    let case = Case::of_document(machine, document(), script).await;
    case.sent(URL).await;
    case.sent(URL).await;
    assert_eq!(case.server.seen().len(), 3);
    // the call that is refused, keys, the call again
    case.sent(URL).await;
    let targets = case.server.targets();
    assert_eq!(targets.iter().filter(|target| *target == "/role").count(), 2, "{targets:?}");
    assert_eq!(targets.len(), 6, "{targets:?}");
}

#[tokio::test]
async fn temporary_keys_are_kept_and_renewed_before_they_expire() {
    let machine = Machine::new(&[("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/role")], &[]);
    let case = Case::of_document(machine, document(), services).await;
    let asked = || case.server.targets().iter().filter(|target| *target == "/role").count();
    for (pause, expected) in [(0, 1), (3500, 1), (50, 2)] {
        case.bench.clock.advance(Duration::from_secs(pause));
        case.sent(URL).await;
        assert_eq!(asked(), expected, "after {pause} s");
    }
}
