//! Samples of public documents: names, types and requests, one provider of each kind.

use strataql_registry::Registry;
use strataql_spec::{
    BodyNaming, Location, Method, Paging, RowShape, Service, SqlVerb, TokenSource,
};

use crate::common::{public_documents, registry};

struct Sample {
    service: std::sync::Arc<Service>,
    resource: &'static str,
    method: &'static str,
}

fn sample(registry: &Registry, [provider, service, resource, method]: [&'static str; 4]) -> Sample {
    let service = registry.service(provider, service).expect("loads");
    Sample { service, resource, method }
}

impl Sample {
    fn get(&self) -> &Method {
        &self.service.resources[self.resource].methods[self.method]
    }

    fn request(&self) -> String {
        let method = self.get();
        format!("{} {}{}", method.verb, method.servers[0].url, method.path.raw)
    }

    fn required(&self) -> Vec<&str> {
        self.get().required_params().map(|param| param.name.as_str()).collect()
    }

    fn columns(&self) -> Vec<String> {
        let columns = self.get().response.columns.iter();
        columns.map(|column| format!("{} {}", column.name, column.kind.sql_name())).collect()
    }

    fn candidates(&self, verb: SqlVerb) -> &[String] {
        self.service.resources[self.resource].verbs.of(verb)
    }
}

fn list(path: &[&str]) -> RowShape {
    RowShape::List { path: path.iter().map(|step| (*step).to_owned()).collect() }
}

#[test]
fn databricks_lists_page_by_token_and_keep_document_order() {
    let Some(folder) = public_documents() else { return };
    let registry = registry(&[&folder], None);
    let sample = sample(
        &registry,
        [
            "databricks_account",
            "oauth2",
            "published_app_integration",
            "published_app_integration_list",
        ],
    );
    assert_eq!(
        sample.request(),
        "GET https://accounts.cloud.databricks.com/api/2.0/accounts/{account_id}/oauth2/published-app-integrations"
    );
    assert_eq!(sample.required(), ["account_id"]);
    assert_eq!(sample.get().response.rows, list(&["apps"]));
    assert_eq!(
        sample.columns(),
        [
            "app_id TEXT",
            "create_time TEXT",
            "created_by BIGINT",
            "integration_id TEXT",
            "name TEXT",
            "token_access_policy JSON"
        ]
    );
    let Paging::Token { request, response, .. } = &sample.get().paging else { panic!("no token") };
    assert_eq!(request.name, "page_token");
    assert_eq!(*response, TokenSource::Body(vec!["next_page_token".to_owned()]));
    let workspace = registry.provider("databricks_workspace").expect("loads");
    let service = workspace
        .services
        .keys()
        .find_map(|name| registry.service("databricks_workspace", name).ok());
    let method =
        service.iter().flat_map(|s| s.resources.values()).find_map(|r| r.methods.values().next());
    let host =
        method.and_then(|method| method.param("deployment_name")).expect("a server variable");
    assert!(host.required && host.location == Location::Server, "a placeholder host is never used");
}

#[test]
fn aws_queries_become_forms_and_names_become_snake_case() {
    let Some(folder) = public_documents() else { return };
    let registry = registry(&[&folder], None);
    let sample = sample(&registry, ["aws", "iam", "groups", "list_groups"]);
    assert_eq!(
        sample.request(),
        "GET https://iam.amazonaws.com/?Action=ListGroups&Version=2010-05-08"
    );
    assert_eq!(sample.required(), ["region"]);
    let method = sample.get();
    assert_eq!(method.request_translate.as_deref(), Some("get_query_to_post_form_utf_8"));
    assert_eq!(method.query_transpose.as_deref(), Some("AWSCanonical"));
    assert_eq!(method.param("path_prefix").map(|param| param.wire.as_str()), Some("PathPrefix"));
    let transform = method.response.transform.as_ref().expect("an XML transform");
    assert_eq!(transform.kind, "schema_driven_xml_v0.1.0");
    assert_eq!(sample.columns()[..2], ["path TEXT", "group_name TEXT"]);
    assert_eq!(method.response.columns[1].wire, "GroupName");
    assert_eq!(sample.candidates(SqlVerb::Select), ["get_group", "list_groups"]);
}

#[test]
fn awscc_bodies_go_under_the_desired_state() {
    let Some(folder) = public_documents() else { return };
    let registry = registry(&[&folder], None);
    let service = registry.service("awscc", "s3").expect("loads");
    let bodies = service
        .resources
        .values()
        .flat_map(|resource| resource.candidates(SqlVerb::Insert))
        .filter_map(|method| method.body.as_ref());
    let nested: Vec<_> = bodies
        .filter(|body| body.naming == BodyNaming::Nested("DesiredState".to_owned()))
        .collect();
    assert!(!nested.is_empty());
    assert!(nested.iter().all(|body| body.base.is_some() && !body.properties.is_empty()));
    assert!(service.resources.values().any(|resource| !resource.views.is_empty()));
}

#[test]
fn azure_lists_follow_the_documented_link() {
    let Some(folder) = public_documents() else { return };
    let registry = registry(&[&folder], None);
    let sample = sample(&registry, ["azure", "compute", "availability_sets", "list"]);
    assert_eq!(sample.required(), ["resource_group_name", "subscription_id"]);
    assert_eq!(sample.get().response.rows, list(&["value"]));
    let link = TokenSource::Body(vec!["nextLink".to_owned()]);
    assert_eq!(sample.get().paging, Paging::Link { source: link });
    assert_eq!(sample.columns()[..3], ["id TEXT", "name TEXT", "type TEXT"]);
}

#[test]
fn github_and_okta_lists_follow_the_link_header() {
    let Some(folder) = public_documents() else { return };
    let registry = registry(&[&folder], None);
    let link = Paging::Link { source: TokenSource::Header("Link".to_owned()) };
    let repos = sample(&registry, ["github", "repos", "repos", "list_for_org"]);
    assert_eq!(repos.request(), "GET https://api.github.com/orgs/{org}/repos");
    assert_eq!((repos.required(), &repos.get().paging), (vec!["org"], &link));
    assert_eq!(repos.get().response.rows, list(&[]));
    assert_eq!(repos.columns()[..2], ["id BIGINT", "node_id TEXT"]);
    let groups = sample(&registry, ["okta", "groups", "groups", "list_groups"]);
    assert_eq!((groups.required(), &groups.get().paging), (vec!["subdomain"], &link));
    assert_eq!(groups.get().pushdown.as_ref().and_then(|p| p.top.as_ref()?.max), Some(200));
}

#[test]
fn google_bodies_are_prefixed_and_lists_page_by_default_names() {
    let Some(folder) = public_documents() else { return };
    let registry = registry(&[&folder], None);
    let buckets = sample(&registry, ["google", "storage", "buckets", "list"]);
    assert_eq!(buckets.request(), "GET https://storage.googleapis.com/storage/v1/b");
    assert_eq!((buckets.required(), buckets.get().paging.name()), (vec!["project"], "token"));
    assert_eq!(buckets.get().response.rows, list(&["items"]));
    let insert = sample(&registry, ["google", "storage", "buckets", "insert"]);
    let body = insert.get().body.as_ref().expect("a body");
    assert_eq!(body.properties[0].name, format!("data__{}", body.properties[0].wire));
    assert!(body.property("name").is_some(), "the bare name is understood");
}

#[test]
fn kubernetes_hosts_and_digitalocean_links() {
    let Some(folder) = public_documents() else { return };
    let registry = registry(&[&folder], None);
    let versions = sample(&registry, ["k8s", "core", "core", "getCoreAPIVersions"]);
    assert_eq!(versions.required(), ["cluster_addr"]);
    let protocol = versions.get().param("protocol").expect("a server variable");
    assert_eq!(protocol.default.as_deref(), Some("https"), "a default among its own values");
    let droplets = sample(&registry, ["digitalocean", "compute", "droplets", "droplets_list"]);
    assert_eq!(droplets.get().response.rows, list(&["droplets"]));
    let next = ["links", "pages", "next"].map(str::to_owned).to_vec();
    assert_eq!(droplets.get().paging, Paging::Link { source: TokenSource::Body(next) });
    assert_eq!(droplets.columns()[..3], ["id BIGINT", "name TEXT", "memory BIGINT"]);
}

#[test]
fn graphql_methods_keep_their_query_and_parameters() {
    let Some(folder) = public_documents() else { return };
    let registry = registry(&[&folder], None);
    let sample = sample(&registry, ["cloudflare", "r2", "operations_adaptive_groups", "list"]);
    let graphql = sample.get().graphql.as_ref().expect("a query");
    assert!(graphql.query.contains(".account_tag") && graphql.rows.starts_with("$."));
    assert!(sample.required().contains(&"account_tag"));
}
