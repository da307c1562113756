use http::HeaderMap;
use strataql_net::Request;
use strataql_spec::{HttpVerb, load_provider, load_service};
use url::Url;

use super::*;

/// Responses by the name of their method.
const DOCUMENT: &str = "
paths:
  /object: {post: {responses: {'200': {content: {application/json: {schema: {properties: {id: {type: string}, name: {type: string}}}}}}, '201': {content: {application/json: {schema: {properties: {task: {type: string}}}}}}}}}
  /nothing: {post: {responses: {'204': {description: done}}}}
  /list: {post: {responses: {'200': {content: {application/json: {schema: {type: array, items: {type: integer}}}}}}}}
  /open: {post: {responses: {'200': {content: {application/json: {schema: {properties: {id: {type: string}}, additionalProperties: true}}}}}}}
  /own: {post: {responses: {'200': {content: {application/json: {schema: {properties: {id: {type: string}, error: {type: string}, errors: {type: array, items: {type: string}}}}}}}}}}
  /free: {post: {responses: {'200': {content: {application/json: {schema: {type: object}}}}}}}
  /text: {post: {responses: {'200': {content: {application/json: {schema: {type: string}}}}}}}
  /xml: {post: {responses: {'200': {content: {application/xml: {schema: {properties: {id: {type: string}}}}}}}}}
components:
  x-stackQL-resources:
    things:
      methods:
        object: {operation: {$ref: '#/paths/~1object/post'}}
        nothing: {operation: {$ref: '#/paths/~1nothing/post'}}
        list: {operation: {$ref: '#/paths/~1list/post'}}
        open: {operation: {$ref: '#/paths/~1open/post'}}
        own: {operation: {$ref: '#/paths/~1own/post'}}
        free: {operation: {$ref: '#/paths/~1free/post'}}
        text: {operation: {$ref: '#/paths/~1text/post'}}
        xml: {operation: {$ref: '#/paths/~1xml/post'}}
      sqlVerbs: {insert: [object]}
";

const PAGE: &str = "<!doctype html><html><head><title>Sign in</title></head></html>";

fn found(method: &str, status: u16, body: &str) -> Option<String> {
    let provider = "name: p\nproviderServices: {s: {service: {$ref: p/v1/services/s.yaml}}}\n";
    let (provider, _) = load_provider(provider, "p").expect("valid");
    let (service, _) =
        load_service(DOCUMENT, &provider, &provider.services[0], "s").expect("valid");
    let method = &service.resources["things"].methods[method];
    let url = Url::parse("https://h.example/x").expect("a URL");
    let request = Request::new("p", HttpVerb::Post, url);
    let response = Response::new(status, HeaderMap::new(), body.to_owned(), &request);
    Expected::of(method, &service.schemas).problem(&response)
}

#[track_caller]
fn done(method: &str, status: u16, body: &str) {
    assert_eq!(found(method, status, body), None, "{method} {status} {body}");
}

#[track_caller]
fn open(method: &str, status: u16, body: &str, part: &str) {
    let problem = found(method, status, body)
        .unwrap_or_else(|| panic!("{method} {status} {body} counts as done"));
    assert!(problem.contains(part), "{method} {body}: {problem}");
}

#[test]
fn documented_shapes_and_empty_responses_are_done() {
    for method in ["object", "nothing", "list", "open", "own", "text", "xml"] {
        for status in [200, 201, 202, 204] {
            done(method, status, "");
            done(method, status, " \n");
            done(method, status, "{}");
        }
    }
    done("object", 200, r#"{"id": "1"}"#);
    done("object", 200, r#"{"id": "1", "odd": 2}"#);
    // another success status documents another shape
    done("object", 201, r#"{"task": "t1"}"#);
    done("object", 202, r#"{"poll": "/x"}"#);
    done("object", 200, r#"[{"id": "1"}, {"name": "x"}]"#);
    done("nothing", 200, "OK");
    done("nothing", 200, r#"{"deleted": true}"#);
    done("nothing", 200, "true");
    done("nothing", 200, "<Response/>");
    done("list", 200, "[1]");
    done("open", 200, r#"{"odd": 2}"#);
    done("text", 200, "\"done\"");
    done("text", 200, "done");
    done("xml", 200, "<?xml version=\"1.0\"?>\n<!-- x -->\n<R a='b'><id>1</id></R>\n");
    // a document may have an `error` field of its own, and list errors that are none
    done("own", 200, r#"{"id": "1", "error": "the last run failed"}"#);
    done("object", 200, r#"{"id": "1", "errors": [], "error": null, "error_code": 0}"#);
    done("object", 200, r#"{"id": "1", "__type": "Thing"}"#);
    done("object", 200, r#"{"id": "1", "success": true}"#);
}

#[test]
fn other_responses_leave_the_outcome_open() {
    for method in ["object", "nothing", "list", "open", "own", "text", "xml"] {
        open(method, 200, PAGE, "a sign-in page");
        open(method, 202, PAGE, "a sign-in page");
        open(method, 200, r#"{"id": "1", "na"#, "JSON");
        open(method, 200, "[1, 2", "JSON");
        open(method, 200, "null", "null");
        open(method, 206, "{}", "206");
        open(method, 207, "", "207");
        open(method, 200, r#"{"error_code": "DENIED", "message": "no"}"#, "`error_code`");
        open(method, 202, r#"{"id": "1", "fault": {"code": 7}}"#, "`fault`");
        open(method, 200, r#"{"success": false, "errors": [{"code": 7}]}"#, "`success`");
        open(method, 200, r#"{"code": 403, "message": "no"}"#, "error status");
        open(method, 200, r#"{"__type": "ThrottlingException"}"#, "`__type`");
        open(method, 200, "<Error><Code>x</Code></Error>", "<Error>");
        open(method, 200, "<s:Fault>no</s:Fault>", "<s:Fault>");
        open(method, 200, "<R><id>1</id>", "not closed");
    }
    open("object", 200, "[1, 2]", "an array where its document has object");
    open("object", 200, r#"[{"id": "1"}, {"error": "no"}]"#, "an array");
    open("object", 200, "[]", "an array");
    open("object", 200, "true", "a boolean");
    open("object", 200, "5", "a number");
    open("object", 200, "OK", "JSON");
    open("object", 200, "<Response/>", "xml");
    open("object", 200, r#"{"odd": 1}"#, "`odd`");
    open("list", 200, r#"{"odd": 1}"#, "`odd`");
    done("free", 200, r#"{"odd": 1}"#);
    for (body, part) in [("true", "a boolean"), ("[1]", "an array"), ("restarting", "JSON")] {
        open("free", 200, body, part);
    }
}
