//! Sources of server variables, refusals, and the registration of providers.

use std::collections::BTreeMap;
use std::sync::Mutex;

use futures::FutureExt;
use futures::TryStreamExt;
use futures::executor::block_on;
use futures::future::BoxFuture;
use serde_json::json;
use strataql_diag::Code;
use strataql_net::{Environment, Repeat, Request, Response};
use strataql_spec::{Provider, Service, load_provider, load_service};

use super::*;
use crate::metrics::CallMetrics;
use crate::pager::PageAddress;
use crate::stream::CallContext;

const PROVIDER: &str = r"
name: fleet
version: v1
providerServices: {sites: {id: 'sites:v1', name: sites, service: {$ref: sites.yaml}}}
";

const DOCUMENT: &str = r"
openapi: 3.0.3
info: {title: sites, version: v1}
servers:
  - url: https://{site}.{zone}.example.com
    variables:
      site: {default: my-site, x-stackQL-envVar: SITE}
      zone: {default: eu, enum: [eu, us]}
paths:
  /racks:
    get:
      operationId: list
      parameters: [{name: page, in: query, schema: {type: integer}}]
      responses: {'200': {description: racks, content: {application/json: {schema: {type: object, properties: {racks: {type: array, items: {$ref: '#/components/schemas/Rack'}}}}}}}}
  /racks/{id}:
    get:
      operationId: get
      parameters: [{name: id, in: path, required: true, schema: {type: string}}]
      responses: {'200': {description: rack, content: {application/json: {schema: {$ref: '#/components/schemas/Rack'}}}}}
    patch:
      operationId: update
      parameters: [{name: id, in: path, required: true, schema: {type: string}}]
      requestBody: {required: true, content: {application/json: {schema: {$ref: '#/components/schemas/Rack'}}}}
      responses: {'200': {description: rack, content: {application/json: {schema: {$ref: '#/components/schemas/Rack'}}}}}
components:
  schemas:
    Rack: {type: object, properties: {id: {type: string}, name: {type: string}}}
  x-stackQL-resources:
    racks:
      id: fleet.sites.racks
      name: racks
      config:
        requestBodyTranslate: {algorithm: naive}
        x-strataql: {paging: {style: page, request: page}}
      methods:
        list: {operation: {$ref: '#/paths/~1racks/get'}, response: {mediaType: application/json, openAPIDocKey: '200', objectKey: $.racks}}
        get: {operation: {$ref: '#/paths/~1racks~1{id}/get'}, response: {mediaType: application/json, openAPIDocKey: '200'}}
        update: {operation: {$ref: '#/paths/~1racks~1{id}/patch'}, request: {mediaType: application/json}, response: {mediaType: application/json, openAPIDocKey: '200'}}
        shaped: {operation: {$ref: '#/paths/~1racks~1{id}/get'}, response: {mediaType: application/json, openAPIDocKey: '200', transform: {type: golang_template_json_v0.3.0, body: '{{ template x }}'}}}
        signed: {operation: {$ref: '#/paths/~1racks~1{id}/patch'}, request: {mediaType: application/json, transform: {type: golang_template_json_v0.1.0, body: '{{ template x }}'}}, response: {mediaType: application/json, openAPIDocKey: '200'}}
      sqlVerbs:
        select: [{$ref: '#/components/x-stackQL-resources/racks/methods/get'}, {$ref: '#/components/x-stackQL-resources/racks/methods/list'}]
        update: [{$ref: '#/components/x-stackQL-resources/racks/methods/update'}]
    shapes:
      id: fleet.sites.shapes
      name: shapes
      config: {requestBodyTranslate: {algorithm: naive}}
      methods:
        get: {operation: {$ref: '#/paths/~1racks~1{id}/get'}, response: {mediaType: application/json, openAPIDocKey: '200', transform: {type: golang_template_json_v0.3.0, body: '{{ template x }}'}}}
        update: {operation: {$ref: '#/paths/~1racks~1{id}/patch'}, request: {mediaType: application/json}, response: {mediaType: application/json, openAPIDocKey: '200'}}
      sqlVerbs:
        select: [{$ref: '#/components/x-stackQL-resources/shapes/methods/get'}]
        update: [{$ref: '#/components/x-stackQL-resources/shapes/methods/update'}]
";

fn documents() -> (Arc<Provider>, Arc<Service>) {
    let (provider, _) = load_provider(PROVIDER, "provider.yaml").expect("loads");
    let entry = &provider.services["sites"];
    let (service, _) = load_service(DOCUMENT, &provider, entry, "sites.yaml").expect("loads");
    (Arc::new(provider), Arc::new(service))
}

fn target(method: &str) -> MethodRef {
    let (provider, service) = documents();
    let (resource, method) = method.split_once('.').unwrap_or(("racks", method));
    MethodRef::find(&provider, &service, resource, method).expect("known")
}

fn given(pairs: &[(&str, &str)]) -> Arguments {
    let text = |value: &str| Value::Text(value.to_owned());
    pairs.iter().map(|(name, value)| ((*name).to_owned(), text(value))).collect()
}

/// A source with this setting of `site`, and this value of the environment variable `SITE`.
fn variables(setting: Option<&str>, environment: Option<&str>) -> ServerVariables {
    let key = ("fleet".to_owned(), "site".to_owned());
    let settings = setting.map(|value| (key, value.to_owned()));
    let environment = environment.map(str::to_owned);
    let environment: Environment =
        Arc::new(move |name: &str| environment.clone().filter(|_| name == "SITE"));
    ServerVariables::new(settings.into_iter().collect::<BTreeMap<_, _>>(), environment)
}

fn call(method: &str, arguments: &[(&str, &str)], from: &ServerVariables) -> MethodCall {
    MethodCall::new(target(method), given(arguments), from).expect("bound")
}

#[test]
fn server_variables_come_from_arguments_settings_environment_and_defaults() {
    let host = |arguments: &[(&str, &str)], from: &ServerVariables| {
        let call = MethodCall::new(target("list"), given(arguments), from)?;
        Ok::<_, Box<Report>>(call.url().host_str().unwrap_or_default().to_owned())
    };
    let (both, environment) = (variables(Some("set"), Some("env")), variables(None, Some("env")));
    assert_eq!(host(&[("site", "own")], &both).expect("bound"), "own.eu.example.com");
    assert_eq!(host(&[], &both).expect("bound"), "set.eu.example.com");
    assert_eq!(host(&[], &environment).expect("bound"), "env.eu.example.com");
    assert_eq!(host(&[("zone", "us")], &environment).expect("bound"), "env.us.example.com");
    // a default that is no value of an enum is a placeholder, and an empty variable is none
    for none in [variables(None, None), variables(None, Some(""))] {
        assert_eq!(host(&[], &none).expect_err("no site").code, Code::MissingParam);
    }
}

#[test]
fn further_calls_go_where_the_first_went() {
    let update = call("update", &[("id", "r1"), ("name", "x")], &variables(Some("set"), None));
    assert_eq!(update.arguments().0["site"], Value::Text("set".to_owned()));
    let lookup = update.lookup().expect("readable").expect("a lookup");
    assert_eq!(lookup.url().as_str(), "https://set.eu.example.com/racks/r1");
    // nothing but the source knows the site here
    let list = update.sibling(target("list"), Arguments::default()).expect("bound");
    assert_eq!(list.url().as_str(), "https://set.eu.example.com/racks");
    let other = call("update", &[("site", "own"), ("id", "r1")], &variables(Some("set"), None));
    let lookup = other.lookup().expect("readable").expect("a lookup");
    assert_eq!(lookup.url().as_str(), "https://own.eu.example.com/racks/r1");
}

#[test]
fn responses_whose_template_cannot_be_run_are_refused() {
    let from = variables(Some("set"), None);
    let shaped = call("shaped", &[("id", "r1")], &from);
    let columns = shaped.target().columns(|_| false);
    let report = shaped.decode_plan(columns, Mismatch::Error).expect_err("refused");
    assert_eq!(report.code, Code::UnsupportedSyntax);
    assert!(report.message.contains("`fleet.sites.racks.shaped`"), "{report}");
    assert!(report.message.contains("`template`"), "{report}");
    let update = call("shapes.update", &[("id", "r1")], &from);
    assert_eq!(update.lookup().expect_err("refused").code, Code::UnsupportedSyntax);
}

#[test]
fn bodies_whose_template_cannot_be_run_are_refused() {
    let arguments = given(&[("id", "r1"), ("name", "x")]);
    let from = variables(Some("set"), None);
    let report = MethodCall::new(target("signed"), arguments, &from).expect_err("refused");
    assert_eq!(report.code, Code::BadDocument);
    assert!(report.message.contains("`signed`"), "{report}");
}

#[test]
fn templates_show_what_is_known() {
    let shown = |from: &ServerVariables| target("get").url_template(from);
    assert_eq!(shown(&variables(Some("set"), None)), "https://set.eu.example.com/racks/{id}");
    assert_eq!(shown(&variables(None, None)), "https://{site}.eu.example.com/racks/{id}");
    let known = target("get").url_template_with(|param| match param.name.as_str() {
        "id" => Some("‹key›".to_owned()),
        "zone" => Some("us".to_owned()),
        _ => None,
    });
    assert_eq!(known, "https://{site}.us.example.com/racks/‹key›");
}

#[test]
fn a_response_does_not_name_the_server_of_the_next_call() {
    let answer = json!({"id": "r1", "site": "evil", "zone": "us"});
    let get = target("get");
    let told = crate::known_arguments(get.method(), &Arguments::default(), &answer).expect("id");
    assert_eq!(told, given(&[("id", "r1")]));
    let own = given(&[("site", "own")]);
    let told = crate::known_arguments(get.method(), &own, &answer).expect("id");
    assert_eq!(told, given(&[("id", "r1"), ("site", "own")]));
}

/// An exchange that accepts registered providers only.
#[derive(Default)]
struct Strict {
    known: Mutex<Vec<String>>,
    asked: Mutex<Vec<String>>,
}

impl Exchange for Strict {
    fn exchange(&self, request: Request) -> BoxFuture<'_, Result<Response, Box<Report>>> {
        assert!(self.known.lock().expect("whole").contains(&request.provider), "introduced");
        self.asked.lock().expect("whole").push(request.url.to_string());
        let has_rows = request.url.query() == Some("page=3");
        let rows = if has_rows { json!([{"id": "r1", "name": "x"}]) } else { json!([]) };
        let body = match request.verb {
            HttpVerb::Get => json!({"racks": rows}).to_string(),
            _ => String::new(),
        };
        async move { Ok(Response::new(200, http::HeaderMap::new(), body, &request)) }.boxed()
    }

    fn introduce(&self, provider: &Provider) {
        self.known.lock().expect("whole").push(provider.name.clone());
    }

    fn principal(&self, provider: &str) -> Result<Principal, Box<Report>> {
        assert!(self.known.lock().expect("whole").iter().any(|known| known == provider));
        Ok(Principal::anonymous())
    }
}

#[test]
fn a_provider_is_registered_before_anything_is_sent() {
    let from = variables(Some("set"), None);
    let metrics = CallMetrics::default();
    let update = call("update", &[("id", "r1"), ("name", "x")], &from);
    let exchange = Strict::default();
    update.principal(&exchange).expect("known");
    let exchange = Strict::default();
    let request = update.request().expect("a request");
    block_on(update.send(&exchange, &metrics, request)).expect("sent");
    let exchange = Strict::default();
    block_on(update.lookup().expect("readable").expect("a lookup").look_up(&exchange, &metrics))
        .expect("read");
}

#[test]
fn pages_begin_where_the_arguments_say() {
    let list = call("list", &[("page", "3")], &variables(Some("set"), None));
    let plan = list.decode_plan(list.target().columns(|_| false), Mismatch::Error).expect("plan");
    let strict = Arc::new(Strict::default());
    let exchange: Arc<dyn Exchange> = Arc::<Strict>::clone(&strict);
    let metrics = Arc::new(CallMetrics::default());
    let context = CallContext::new(exchange, metrics);
    let pages = block_on(list.pages(context, plan).try_collect::<Vec<_>>()).expect("pages");
    assert_eq!(pages.iter().map(|page| page.batch.num_rows()).sum::<usize>(), 1);
    let asked = strict.asked.lock().expect("whole").clone();
    assert_eq!(asked, [3, 4].map(|page| format!("https://set.eu.example.com/racks?page={page}")));
}

#[test]
fn the_region_comes_from_the_variables_of_aws_and_signatures_are_valid_for_it() {
    let variables = "site: {default: my-site, x-stackQL-envVar: SITE}\n      \
                     zone: {default: eu, enum: [eu, us]}";
    let document = DOCUMENT
        .replace("https://{site}.{zone}.example.com", "https://ec2.{region}.amazonaws.com")
        .replace(variables, "region: {default: us-east-1}")
        .replace("info: {title: sites,", "info: {title: sites, x-serviceName: ec2,");
    let (provider, _) = load_provider(PROVIDER, "provider.yaml").expect("loads");
    let entry = &provider.services["sites"];
    let (service, _) = load_service(&document, &provider, entry, "sites.yaml").expect("loads");
    let target = MethodRef::find(&Arc::new(provider), &Arc::new(service), "racks", "list");
    let environment: Environment =
        Arc::new(|name: &str| (name == "AWS_DEFAULT_REGION").then(|| "eu-west-1".to_owned()));
    let from = ServerVariables::new(BTreeMap::new(), environment);
    let target = target.expect("known");
    let call = MethodCall::new(target.clone(), given(&[]), &from).expect("bound");
    assert_eq!(call.url().as_str(), "https://ec2.eu-west-1.amazonaws.com/racks");
    let other = MethodCall::new(target, given(&[("region", "us-west-2")]), &from).expect("bound");
    for (call, region) in [(call, "eu-west-1"), (other, "us-west-2")] {
        let request = call.bound().request(&PageAddress::First, Repeat::Safe).expect("a request");
        let scope = request.scope.expect("a scope");
        assert_eq!((scope.service.as_str(), scope.region.as_deref()), ("ec2", Some(region)));
    }
}
