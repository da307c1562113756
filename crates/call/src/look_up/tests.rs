use std::sync::Arc;

use http::HeaderMap;
use strataql_net::Request;
use strataql_spec::{HttpVerb, load_provider, load_service};

use super::*;
use crate::bind::{Arguments, Fields};
use crate::method_ref::MethodRef;
use crate::server_variables::ServerVariables;
use crate::value::Value;

const DOCUMENT: &str = "
servers: [{url: 'https://h.example'}]
paths:
  /racks/{id}:
    get: {responses: {'200': {content: {application/json: {schema: {properties: {id: {type: string}, name: {type: string}, zone: {type: string}}}}}}}}
    patch: {requestBody: {content: {application/json: {schema: {properties: {id: {type: string}, name: {type: string}, size: {type: integer}}}}}}, responses: {'200': {}}}
  /boxes/{id}: {get: {responses: {'200': {content: {application/json: {schema: {properties: {box: {properties: {id: {type: integer}, error: {type: string}}}}}}}}}}}
  /racks/named/{name}: {get: {responses: {'200': {content: {application/json: {schema: {properties: {id: {type: string}, name: {type: string}}}}}}}}}
  /racks: {post: {requestBody: {content: {application/json: {schema: {properties: {id: {type: string}, name: {type: string}}}}}}, responses: {'200': {}}}}
components:
  x-stackQL-resources:
    racks:
      config: {requestBodyTranslate: {algorithm: naive}}
      methods:
        named: {operation: {$ref: '#/paths/~1racks~1named~1{name}/get'}}
        get: {operation: {$ref: '#/paths/~1racks~1{id}/get'}}
        update: {operation: {$ref: '#/paths/~1racks~1{id}/patch'}}
        create: {operation: {$ref: '#/paths/~1racks/post'}}
      sqlVerbs: {select: [named, get], update: [update], insert: [create]}
    boxes:
      methods: {get: {operation: {$ref: '#/paths/~1boxes~1{id}/get'}, response: {objectKey: $.box}}}
      sqlVerbs: {select: [get]}
";

fn target(resource: &str, method: &str) -> MethodRef {
    let provider = "name: p\nproviderServices: {s: {service: {$ref: p/v1/services/s.yaml}}}\n";
    let (provider, _) = load_provider(provider, "p").expect("valid");
    let (service, _) =
        load_service(DOCUMENT, &provider, &provider.services[0], "s").expect("valid");
    MethodRef::find(&Arc::new(provider), &Arc::new(service), resource, method).expect("known")
}

fn values<C: FromIterator<(String, Value)>>(pairs: &[(&str, &str)]) -> C {
    let text = |text: &str| Value::Text(text.to_owned());
    pairs.iter().map(|(name, value)| ((*name).to_owned(), text(value))).collect()
}

fn call(
    resource: &str,
    method: &str,
    arguments: &[(&str, &str)],
    fields: &[(&str, &str)],
) -> MethodCall {
    let (arguments, fields): (Arguments, Fields) = (values(arguments), values(fields));
    MethodCall::write(target(resource, method), arguments, fields, &ServerVariables::none())
        .expect("bound")
}

/// What an answer shows, in a word.
fn seen(resource: &str, asked: &str, status: u16, body: &str) -> String {
    let lookup = call(resource, "get", &[("id", asked)], &[]);
    let request = Request::new("p", HttpVerb::Get, lookup.url());
    let response = Response::new(status, HeaderMap::new(), body.to_owned(), &request);
    match lookup.sight(response) {
        Sight::Object(shown) => shown.object.to_string(),
        Sight::Missing(_) => "missing".to_owned(),
        Sight::Unclear(report) => report.code.id().to_owned(),
    }
}

#[test]
fn only_the_object_that_was_asked_for_is_shown() {
    assert_eq!(seen("racks", "x", 200, r#"{"id":"x","name":"n"}"#), r#"{"id":"x","name":"n"}"#);
    assert_eq!(seen("racks", "x", 200, r#"{"id":"X"}"#), r#"{"id":"X"}"#);
    assert_eq!(seen("racks", "x", 200, r#"{"id":"racks/x"}"#), r#"{"id":"racks/x"}"#);
    // an object that does not tell its name may be the one
    assert_eq!(seen("racks", "x", 200, r#"{"name":"n"}"#), r#"{"name":"n"}"#);
    assert_eq!(seen("racks", "x", 200, r#"{"id":"y","name":"n"}"#), "wrong-object");
    assert_eq!(seen("racks", "x", 200, r#"{"id":"ax"}"#), "wrong-object");
    assert_eq!(seen("boxes", "7", 200, r#"{"box":{"id":7}}"#), r#"{"id":7}"#);
    assert_eq!(seen("boxes", "7", 200, r#"{"box":{"id":8}}"#), "wrong-object");
    // a field that the document has is no sign of an error
    assert_eq!(seen("boxes", "7", 200, r#"{"box":{"error":"e"}}"#), r#"{"error":"e"}"#);
}

#[test]
fn an_answer_that_is_no_object_decides_nothing() {
    let page = "<!doctype html><html><head><title>Sign in</title></head></html>";
    for body in [
        page,
        "",
        "null",
        "[]",
        r#"[{"id":"x"}]"#,
        "{}",
        "\"x\"",
        "7",
        r#"{"id":"x""#,
        r#"{"error_code":"DENIED"}"#,
        r#"{"id":"x","error":{"code":7}}"#,
        r#"{"message":"no"}"#,
        "not json",
    ] {
        assert_eq!(seen("racks", "x", 200, body), "unexpected-body", "{body}");
    }
    assert_eq!(seen("boxes", "7", 200, r#"{"box":null}"#), "unexpected-body");
    assert_eq!(seen("boxes", "7", 200, r#"{"id":7}"#), "unexpected-body");
    assert_eq!(seen("racks", "x", 403, r#"{"message":"no"}"#), "credential-refused");
    assert_eq!(seen("racks", "x", 500, ""), "remote-unavailable");
}

#[test]
fn only_the_api_says_that_there_is_no_object() {
    let page = "<html><body>404 Not Found</body></html>";
    assert_eq!(seen("racks", "x", 404, r#"{"message":"no"}"#), "missing");
    assert_eq!(seen("racks", "x", 410, "{}"), "missing");
    assert_eq!(seen("racks", "x", 404, "<Error><Code>NoSuchKey</Code></Error>"), "missing");
    for body in [page, "", "not found", r#"{"mess"#] {
        assert_eq!(seen("racks", "x", 404, body), "remote-missing", "{body}");
    }
}

#[test]
fn what_is_set_names_the_object_only_if_it_is_made() {
    let looked_up = |call: &MethodCall| {
        call.lookup().expect("readable").map(|lookup| lookup.url().path().to_owned())
    };
    let update = call("racks", "update", &[("id", "x")], &[("name", "new"), ("id", "y")]);
    assert_eq!(looked_up(&update).as_deref(), Some("/racks/x"));
    assert_eq!(update.url().path(), "/racks/x");
    assert_eq!(update.body(), Some(serde_json::json!({"name": "new", "id": "y"})));
    let create = call("racks", "create", &[], &[("id", "x")]);
    assert_eq!(looked_up(&create).as_deref(), Some("/racks/x"));
    let named = call("racks", "create", &[], &[("name", "n")]);
    assert_eq!(looked_up(&named).as_deref(), Some("/racks/named/n"));
}

#[test]
fn a_field_stands_once() {
    let bound = |arguments: &[(&str, &str)], fields: &[(&str, &str)]| {
        let (arguments, fields): (Arguments, Fields) = (values(arguments), values(fields));
        let target = target("racks", "update");
        MethodCall::write(target, arguments, fields, &ServerVariables::none())
            .map(|call| call.body().unwrap_or_default().to_string())
            .map_err(|report| report.code.id())
    };
    let id = ("id", "x");
    assert_eq!(bound(&[id], &[("size", "1")]).as_deref(), Ok(r#"{"size":1}"#));
    assert_eq!(bound(&[id, ("size", "1")], &[]).as_deref(), Ok(r#"{"size":1}"#));
    assert_eq!(bound(&[id, ("size", "1")], &[("size", "2")]), Err("bad-param-value"));
    assert_eq!(bound(&[id], &[("size", "1"), ("data__size", "2")]), Err("bad-param-value"));
    assert_eq!(bound(&[id], &[("shade", "1")]), Err("unknown-column"));
    // names that are neither are conditions of somebody else
    assert_eq!(bound(&[id, ("shade", "1")], &[("size", "1")]).as_deref(), Ok(r#"{"size":1}"#));
}
