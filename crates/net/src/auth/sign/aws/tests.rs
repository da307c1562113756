use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::HeaderMap;
use strataql_spec::HttpVerb;

use super::*;
use crate::request::SigningScope;

/// A request of the published examples.
struct Example {
    verb: HttpVerb,
    url: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
}

const GET: Example =
    Example { verb: HttpVerb::Get, url: "https://example.amazonaws.com/", headers: &[], body: "" };
const POST: Example = Example { verb: HttpVerb::Post, ..GET };

fn signed(example: &Example, signer: &SigV4, scope: SigningScope, time: &str) -> WireRequest {
    let mut headers = HeaderMap::new();
    for (name, value) in example.headers {
        let name: HeaderName = name.parse().expect("a name");
        headers.append(name, value.parse().expect("a value"));
    }
    let time = chrono::DateTime::parse_from_rfc3339(time).expect("a time");
    let mut request = WireRequest {
        verb: example.verb,
        url: Url::parse(example.url).expect("a URL"),
        headers,
        body: (!example.body.is_empty()).then(|| Bytes::from_static(example.body.as_bytes())),
        scope: Some(Arc::new(scope)),
        time: SystemTime::from(time),
    };
    signer.sign(&mut request).expect("signed");
    request
}

fn authorization(request: &WireRequest) -> (&str, &str) {
    let value = &request.headers[AUTHORIZATION];
    assert!(value.is_sensitive());
    let text = value.to_str().expect("text");
    let names = text.split("SignedHeaders=").nth(1).and_then(|rest| rest.split(',').next());
    let signature = text.rsplit("Signature=").next();
    (names.expect("names"), signature.expect("a signature"))
}

fn keys(id: &str, secret: &str) -> Keys {
    Keys { id: id.to_owned(), secret: secret.into(), session: None }
}

/// The test suite of AWS has one key, one time and one service for all of its requests.
#[track_caller]
fn check_suite(example: &Example, names: &str, signature: &str) {
    let signer = SigV4::new(keys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"), None);
    let scope =
        SigningScope { service: "service".to_owned(), region: Some("us-east-1".to_owned()) };
    let request = signed(example, &signer, scope, "2015-08-30T12:36:00Z");
    assert_eq!(authorization(&request), (names, signature));
    assert_eq!(request.headers["x-amz-date"], "20150830T123600Z");
    let text = request.headers[AUTHORIZATION].to_str().expect("text");
    let scope = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request,";
    assert!(text.starts_with(scope), "{text}");
}

#[test]
fn signatures_equal_those_of_the_published_suite() {
    let plain = "host;x-amz-date";
    let get = |url| Example { url, ..GET };
    check_suite(&GET, plain, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
    check_suite(
        &get("https://example.amazonaws.com/?Param2=value2&Param1=value1"),
        plain,
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    );
    check_suite(
        &get("https://example.amazonaws.com/?Param1=value1"),
        plain,
        "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
    );
    check_suite(
        &get(
            "https://example.amazonaws.com/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
        ),
        plain,
        "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
    );
    check_suite(
        &Example { headers: &[("My-Header1", " value1"), ("My-Header2", " \"a   b   c\"")], ..GET },
        "host;my-header1;my-header2;x-amz-date",
        "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
    );
    check_suite(&POST, plain, "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
    check_suite(
        &Example { url: "https://example.amazonaws.com/?Param1=value1", ..POST },
        plain,
        "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
    );
    check_suite(
        &Example {
            headers: &[("Content-Type", "application/x-www-form-urlencoded")],
            body: "Param1=value1",
            ..POST
        },
        "content-type;host;x-amz-date",
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    );
}

#[test]
fn headers_that_change_on_the_way_are_not_signed() {
    check_suite(
        &Example {
            headers: &[
                ("accept-encoding", "gzip"),
                ("user-agent", "x"),
                ("authorization", "Bearer theirs"),
                ("x-amz-date", "19700101T000000Z"),
            ],
            ..GET
        },
        "host;x-amz-date",
        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    );
}

/// The examples in the documentation of S3.
#[track_caller]
fn check_s3(example: &Example, names: &str, signature: &str) {
    let signer = SigV4::new(
        keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        Some("us-east-1".to_owned()),
    );
    let scope = SigningScope { service: "s3".to_owned(), region: None };
    let request = signed(example, &signer, scope, "2013-05-24T00:00:00Z");
    assert_eq!(authorization(&request), (names, signature));
    assert_eq!(request.headers["x-amz-content-sha256"].len(), 64);
}

#[test]
fn s3_signs_the_hash_of_the_body_as_a_header() {
    let plain = "host;x-amz-content-sha256;x-amz-date";
    let get = |url| Example { url, ..GET };
    check_s3(
        &Example {
            url: "https://examplebucket.s3.amazonaws.com/test.txt",
            headers: &[("range", "bytes=0-9")],
            ..GET
        },
        "host;range;x-amz-content-sha256;x-amz-date",
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    );
    check_s3(
        &get("https://examplebucket.s3.amazonaws.com/?lifecycle"),
        plain,
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    );
    check_s3(
        &get("https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J"),
        plain,
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    );
}

fn scope(service: &str, region: Option<&str>) -> SigningScope {
    SigningScope { service: service.to_owned(), region: region.map(str::to_owned) }
}

fn region_of(url: &'static str, scope: SigningScope, default: Option<&str>) -> String {
    let signer = SigV4::new(keys("AKID", "secret"), default.map(str::to_owned));
    let request = signed(&Example { url, ..GET }, &signer, scope, "2015-08-30T12:36:00Z");
    let text = request.headers[AUTHORIZATION].to_str().expect("text");
    text.split('/').nth(2).expect("a region").to_owned()
}

#[test]
fn the_region_is_the_statements_unless_the_service_has_one_for_all() {
    let given = Some("eu-west-1");
    for (url, service, given, default, expected) in [
        ("https://ec2.eu-west-1.amazonaws.com/", "ec2", given, None, "eu-west-1"),
        ("https://ec2.eu-west-1.amazonaws.com/", "ec2", given, Some("us-west-2"), "eu-west-1"),
        ("https://iam.amazonaws.com/", "iam", given, None, "us-east-1"),
        ("https://iam.amazonaws.com/", "iam", None, None, "us-east-1"),
        ("https://iam.us-gov.amazonaws.com/", "iam", given, None, "us-gov-west-1"),
        ("https://b.s3.amazonaws.com/", "s3", given, None, "eu-west-1"),
        ("https://s3.amazonaws.com/", "s3", None, Some("us-west-2"), "us-west-2"),
        ("http://127.0.0.1:1/", "iam", given, None, "eu-west-1"),
    ] {
        assert_eq!(region_of(url, scope(service, given), default), expected, "{url}");
    }
}

#[test]
fn what_cannot_be_signed_is_an_error_that_names_what_is_missing() {
    let signer = SigV4::new(keys("AKID", "secret"), None);
    for (scope, part) in [(None, "its service"), (Some(scope("ec2", None)), "its region")] {
        let mut request = WireRequest {
            verb: HttpVerb::Get,
            url: Url::parse("https://h.example/").expect("a URL"),
            headers: HeaderMap::new(),
            body: None,
            scope: scope.map(Arc::new),
            time: SystemTime::UNIX_EPOCH,
        };
        let report = signer.sign(&mut request).expect_err("no scope");
        assert!(report.message.contains(part) && report.message.contains("h.example"), "{report}");
        assert_eq!((report.code, report.help.len()), (Code::NoCredential, 1));
    }
}

#[test]
fn addresses_are_sent_as_they_are_signed() {
    let signer = SigV4::new(keys("AKID", "secret"), Some("us-east-1".to_owned()));
    let url = "https://h.example/a+b/c%2fd:e(1)?q=a+b&acl&z=%7e&y=x%2Fy";
    let sent = |service| {
        let request =
            signed(&Example { url, ..GET }, &signer, scope(service, None), "2015-08-30T12:36:00Z");
        request.url.to_string()
    };
    assert_eq!(sent("s3"), "https://h.example/a%2Bb/c%2Fd%3Ae%281%29?q=a%20b&acl&z=~&y=x%2Fy");
    assert_eq!(sent("sqs"), "https://h.example/a+b/c%2fd:e(1)?q=a%20b&acl&z=~&y=x%2Fy");
}

#[test]
fn sessions_and_the_replaced_host_are_signed() {
    let mut keys = keys("AKID", "secret");
    keys.session = Some("t0ken".into());
    let signer = SigV4::new(keys, Some("us-east-1".to_owned()));
    let example = Example {
        url: "http://127.0.0.1:9/",
        headers: &[("host", "ec2.eu-west-1.amazonaws.com"), ("x-amz-security-token", "old")],
        ..GET
    };
    let request = signed(&example, &signer, scope("ec2", None), "2015-08-30T12:36:00Z");
    assert_eq!(authorization(&request).0, "host;x-amz-date;x-amz-security-token");
    assert_eq!(request.headers["x-amz-security-token"], "t0ken");
    assert!(request.headers["x-amz-security-token"].is_sensitive());
    assert_eq!(request.headers["host"], "ec2.eu-west-1.amazonaws.com");
}

#[test]
fn writes_to_s3_carry_a_checksum() {
    let signer = SigV4::new(keys("AKID", "secret"), Some("us-east-1".to_owned()));
    let example = Example { body: "<Delete/>", url: "https://b.s3.amazonaws.com/?delete", ..POST };
    let request = signed(&example, &signer, scope("s3", None), "2015-08-30T12:36:00Z");
    let sum = STANDARD.encode(digest(&SHA256, b"<Delete/>"));
    assert_eq!(request.headers["x-amz-checksum-sha256"], sum);
    assert!(authorization(&request).0.contains("x-amz-checksum-sha256"));
}

/// What other implementations sign, for requests that the published examples do not have.
#[test]
fn signatures_equal_those_of_another_implementation() {
    let mut session = keys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    let lasting = session.clone();
    session.session = Some("the-session".into());
    let get = |url| Example { url, ..GET };
    for (keys, example, service, expected) in [
        (
            &lasting,
            get(
                "https://s3.eu-west-1.amazonaws.com/bucket/a%20b%2Bc%281%29/%C3%BC%24.txt?versionId=a%2Fb%20c&x=~%2A%27",
            ),
            "s3",
            "aca09a0648b3f508d1b1564fdcc324ee2cb355298b058dc9f8216c855505a6d8",
        ),
        (
            &session,
            get(
                "https://lambda.eu-west-1.amazonaws.com/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-west-1%3A1%3Afunction%3Af%20g/configuration?Qualifier=%24LATEST",
            ),
            "lambda",
            "4107ff3fd712aef698521d5ffd0e03bd4a51c1cbe36b8588374f8699373098a6",
        ),
        (
            &lasting,
            Example {
                url: "https://dynamodb.eu-west-1.amazonaws.com/",
                headers: &[
                    ("content-type", "application/x-amz-json-1.0"),
                    ("x-amz-target", "DynamoDB_20120810.ListTables"),
                ],
                body: "{\"Limit\":2}",
                ..POST
            },
            "dynamodb",
            "93d3f4f96e7435f6d9a83c6dcfc9a2d38f588fa334f9cf505ed08ccb3a20041d",
        ),
        (
            &lasting,
            get(
                "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08&Marker=a%2Bb%2F%3D%3D&PathPrefix=%2F",
            ),
            "iam",
            "16f123e688a1809ed24bd596f62195deab8229111f02140bee4e5f5ac28d959b",
        ),
    ] {
        let signer = SigV4::new(keys.clone(), None);
        let scope = scope(service, Some("eu-west-1"));
        let request = signed(&example, &signer, scope, "2026-01-01T00:00:00Z");
        assert_eq!(authorization(&request).1, expected, "{service}");
    }
}
