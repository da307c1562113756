//! Public documents, if `STRATAQL_TEST_REGISTRY` names a registry folder.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value as Json, json};
use strataql_diag::{Code, Report};
use strataql_sandbox::{Options, ProviderSource, Sandbox};
use strataql_spec::{
    HttpVerb, Location, Method, Param, Piece, RowShape, SchemaKind, Service, load_provider,
    load_service,
};

use crate::client::{Ask, get, post};

const HOST: &str = "accounts.cloud.databricks.com";
const APPS: &str = "/api/2.0/accounts/a1/oauth2/published-app-integrations";

#[expect(clippy::disallowed_methods, reason = "the only input of the test run")]
fn registry() -> Option<PathBuf> {
    std::env::var("STRATAQL_TEST_REGISTRY").ok().map(PathBuf::from)
}

#[expect(clippy::print_stdout, reason = "says that the group did not run")]
fn open(provider: &str) -> Option<ProviderSource> {
    let Some(root) = registry() else {
        println!("skipped: STRATAQL_TEST_REGISTRY is not set");
        return None;
    };
    let source = root.join("src");
    let mut versions: Vec<PathBuf> = std::fs::read_dir(source.join(provider))
        .expect("the registry has the provider")
        .map(|entry| entry.expect("readable").path())
        .collect();
    versions.sort();
    let file = versions.last().expect("a version").join("provider.yaml");
    let text = std::fs::read_to_string(file).expect("readable");
    let (provider, _) = load_provider(&text, "provider.yaml").expect("a provider");
    let entries = provider.clone();
    let load = move |name: &str| {
        let entry = &entries.services[name];
        let text = std::fs::read_to_string(source.join(&entry.document)).map_err(|error| {
            // a registry folder may have some services of a provider only
            Box::new(Report::new(Code::LocalIo, error.to_string()))
        })?;
        load_service(&text, &entries, entry, &entry.document).map(|(service, _)| Arc::new(service))
    };
    Some(ProviderSource::lazy(provider, Arc::new(load)))
}

#[tokio::test]
async fn the_account_provider_answers_like_the_service() {
    let Some(source) = open("databricks_account") else { return };
    let options = Options::parse_list("page-size=2").expect("valid");
    let sandbox = Sandbox::start(vec![source], options).await.expect("starts");
    let ask = |verb: &'static str, target: &str| Ask::new(&sandbox, verb, target).host(HOST);

    let first = ask("GET", APPS).send().await.json();
    let app = &first["apps"][0];
    for field in
        ["app_id", "create_time", "created_by", "integration_id", "name", "token_access_policy"]
    {
        assert!(!app[field].is_null(), "{field}: {app}");
    }
    let mut seen = first["apps"].as_array().map_or(0, Vec::len);
    let mut page = first.clone();
    while let Some(token) = page["next_page_token"].as_str() {
        page = ask("GET", &format!("{APPS}?page_token={token}")).send().await.json();
        seen += page["apps"].as_array().map_or(0, Vec::len);
    }
    assert_eq!((seen, sandbox.requests()), (7, 4));

    let body =
        json!({"app_id": "power-bi", "token_access_policy": {"access_token_ttl_in_minutes": 60}});
    let made = post(&sandbox, APPS).host(HOST).json(&body).send().await.json();
    assert_eq!(made.as_object().map(serde_json::Map::len), Some(1), "{made}");
    let path = format!("{APPS}/{}", made["integration_id"].as_str().unwrap_or_default());
    let stored = ask("GET", &path).send().await.json();
    assert_eq!(stored["app_id"], "power-bi");
    assert_eq!(stored["integration_id"], made["integration_id"]);
    let change = json!({"token_access_policy": {"refresh_token_ttl_in_minutes": 1440}});
    assert_eq!(ask("PATCH", &path).json(&change).send().await.status, 200);
    let stored = ask("GET", &path).send().await.json();
    assert_eq!(stored["token_access_policy"], change["token_access_policy"]);
    assert_eq!(ask("DELETE", &path).send().await.status, 200);
    assert_eq!(ask("GET", &path).send().await.status, 404);
}

/// A value for a required parameter.
fn sample(service: &Service, param: &Param) -> String {
    let schema = &service.schemas[param.schema];
    match (schema.values.first(), schema.kind) {
        (Some(Json::String(text)), _) => text.clone(),
        (Some(other), _) => other.to_string(),
        (None, SchemaKind::Integer | SchemaKind::Number) => "1".to_owned(),
        (None, SchemaKind::Boolean) => "true".to_owned(),
        (None, _) => "v".to_owned(),
    }
}

/// Host and target of a GET with sample values.
fn address(service: &Service, method: &Method) -> (String, String) {
    let fill = |pieces: &[Piece]| -> String {
        let value = |name: &str| match method.params.iter().find(|param| param.wire == name) {
            Some(param) if param.location != Location::Server => sample(service, param),
            _ => "v".to_owned(),
        };
        let text = |piece: &Piece| match piece {
            Piece::Literal(text) => text.clone(),
            Piece::Param(name) => value(name),
        };
        pieces.iter().map(text).collect()
    };
    let server = method.servers.first().map_or(String::new(), |server| fill(&server.pieces));
    let rest = server.split_once("://").map_or(server.as_str(), |(_, rest)| rest);
    let (host, base) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let mut query = vec![fill(&method.path.query)];
    let required = method.params.iter().filter(|p| p.required && p.location == Location::Query);
    query.extend(required.map(|param| format!("{}={}", param.wire, sample(service, param))));
    query.retain(|part| !part.is_empty());
    let target =
        format!("{}{}?{}", base.trim_end_matches('/'), fill(&method.path.path), query.join("&"));
    (host.to_owned(), target.replace(' ', "%20"))
}

/// Requests every list that is read by GET; returns their number, and what was wrong.
async fn ask_every_list(provider: &str) -> Option<(usize, Vec<String>)> {
    let source = open(provider)?;
    let options = Options::parse_list("auth=off,rows=3").expect("valid");
    let loader = source.loader.clone().expect("lazy");
    let names: Vec<String> = source.provider.services.keys().cloned().collect();
    let services: Vec<Arc<Service>> = names.iter().filter_map(|name| loader(name).ok()).collect();
    let source = ProviderSource::new(source.provider, services.clone());
    let sandbox = Sandbox::start(vec![source], options).await.expect("starts");
    let (mut asked, mut wrong) = (0, Vec::new());
    for service in &services {
        for (resource, method) in service
            .resources
            .values()
            .flat_map(|resource| resource.methods.values().map(move |method| (resource, method)))
        {
            let RowShape::List { path } = &method.response.rows else { continue };
            let json = method.response.media_type.as_deref().unwrap_or("json").contains("json");
            if method.verb != HttpVerb::Get || method.response.transform.is_some() || !json {
                continue;
            }
            let (host, target) = address(service, method);
            let mut ask = get(&sandbox, &target).host(&host);
            for param in
                method.params.iter().filter(|p| p.required && p.location == Location::Header)
            {
                ask = ask.header(&param.wire, &sample(service, param));
            }
            let answer = ask.send().await;
            let body: Json = serde_json::from_slice(&answer.body).unwrap_or(Json::Null);
            let rows = path.iter().fold(&body, |body, key| &body[key.as_str()]);
            let count = rows.as_array().map_or(0, Vec::len);
            asked += 1;
            if answer.status != 200 || count != 3 {
                wrong.push(format!(
                    "{}.{}: {} {count} rows {target}",
                    resource.id, method.name, answer.status
                ));
            }
        }
    }
    Some((asked, wrong))
}

#[tokio::test]
async fn every_list_of_a_real_document_has_rows_where_the_document_says() {
    for (provider, at_least) in
        [("databricks_account", 20), ("databricks_workspace", 100), ("digitalocean", 100)]
    {
        let Some((asked, wrong)) = ask_every_list(provider).await else { return };
        assert!(asked >= at_least, "{provider}: {asked} lists");
        assert!(wrong.is_empty(), "{provider}: {} of {asked}\n{}", wrong.len(), wrong.join("\n"));
    }
}

#[tokio::test]
async fn what_a_list_shows_can_be_looked_up() {
    let Some(source) = open("databricks_account") else { return };
    let sandbox = Sandbox::start(vec![source], Options::default()).await.expect("starts");
    for (list, key, id) in [
        ("oauth2/custom-app-integrations", "/apps", "integration_id"),
        ("federationPolicies", "/policies", "policy_id"),
        ("ip-access-lists", "/ip_access_lists", "list_id"),
        ("network-policies", "/items", "network_policy_id"),
        ("scim/v2/Groups", "/Resources", "id"),
        ("scim/v2/Users", "/Resources", "id"),
    ] {
        let path = format!("/api/2.0/accounts/a1/{list}");
        let answer = get(&sandbox, &path).host(HOST).send().await;
        assert_eq!(answer.status, 200, "{list}: {}", String::from_utf8_lossy(&answer.body));
        let body = answer.json();
        let rows = body.pointer(key).and_then(|rows| rows.as_array()).cloned().unwrap_or_default();
        assert_eq!(rows.len(), 7, "{list}: {body}");
        let id = rows[4].get(id).map_or(String::new(), |id| id.to_string().replace('"', ""));
        let single = get(&sandbox, &format!("{path}/{id}")).host(HOST).send().await;
        assert_eq!(single.status, 200, "{list}/{id}: {}", String::from_utf8_lossy(&single.body));
    }
}
