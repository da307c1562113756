//! The embedded `databricks_account.oauth2` against the reference page and the public document.

use std::collections::BTreeSet;

use crate::common::{public_documents, registry};
use strataql_registry::{Registry, Settings, Source};
use strataql_spec::service::Service;
use strataql_spec::{Method, Paging, SqlVerb, TokenSource};

const PROVIDER: &str = "databricks_account";

/// Intended differences from the public document.
///
/// The list of published apps has no `search_keyword`: the reference page, which the document must
/// reproduce, does not show it.
const LEFT_OUT_PARAMS: &[(&str, &str)] = &[("published_app_integration_list", "search_keyword")];
/// The page has these columns in its own order; the public document has them by name.
const REORDERED_COLUMNS: &[&str] =
    &["published_app_integration_get", "published_app_integration_list"];
/// The public document wraps the whole message in one attribute, which the service does not do;
/// here the message's fields are the attributes and `bodyWrapper` accepts the old form.
const UNWRAPPED_BODIES: &[&str] = &[
    "account_federation_policy_create",
    "account_federation_policy_update",
    "service_principal_federation_policy_create",
    "service_principal_federation_policy_update",
];

fn embedded() -> std::sync::Arc<Service> {
    let sources = vec![Source::embedded()];
    let registry = Registry::new(Settings { sources, cache_dir: None }).expect("opens");
    registry.service(PROVIDER, "oauth2").expect("loads")
}

fn method<'a>(service: &'a Service, name: &str) -> &'a Method {
    service
        .resources
        .values()
        .find_map(|resource| resource.methods.get(name))
        .unwrap_or_else(|| panic!("no method {name}"))
}

fn column_names(method: &Method) -> Vec<&str> {
    method.response.columns.iter().map(|column| column.name.as_str()).collect()
}

#[test]
fn the_published_apps_are_described_as_on_the_page() {
    let service = embedded();
    let list = method(&service, "published_app_integration_list");
    assert_eq!(
        column_names(list),
        ["name", "app_id", "integration_id", "create_time", "created_by", "token_access_policy"]
    );
    assert_eq!(
        list.summary.as_deref(),
        Some(
            "Get the list of published OAuth app integrations for the specified Databricks account"
        )
    );
    let policy = list.column("token_access_policy").expect("a column");
    let policy = &service.schemas[policy.schema];
    assert_eq!(policy.description.as_deref(), Some("Token access policy"));
    assert_eq!(
        policy.properties.keys().collect::<Vec<_>>(),
        [
            "absolute_session_lifetime_in_minutes",
            "access_token_ttl_in_minutes",
            "enable_single_use_refresh_tokens",
            "refresh_token_ttl_in_minutes",
        ]
    );
    let text = |method: &str, param: &str| {
        self::method(&service, method).param(param).expect(param).description.clone()
    };
    let page_size = text("published_app_integration_list", "page_size");
    assert_eq!(page_size.as_deref(), Some(":param page_token: str (optional)"));
    assert_eq!(text("published_app_integration_delete", "integration_id").as_deref(), Some("str"));
    assert_eq!(text("published_app_integration_list", "account_id"), None);
    assert_eq!(service.resources["published_app_integration"].description, "");
}

#[test]
fn lists_page_by_token() {
    let service = embedded();
    for name in ["published_app_integration_list", "service_principal_secrets_list"] {
        let Paging::Token { request, response, size, .. } = &method(&service, name).paging else {
            panic!("{name} does not page by token");
        };
        assert_eq!(request.name, "page_token");
        assert_eq!(*response, TokenSource::Body(vec!["next_page_token".to_owned()]));
        assert_eq!(size.as_ref().map(|size| size.target.name.as_str()), Some("page_size"));
    }
}

#[test]
fn the_corrections_are_there() {
    let service = embedded();
    for name in UNWRAPPED_BODIES {
        let method = method(&service, name);
        assert_eq!(method.extension.body_wrapper.as_deref(), Some("policy"), "{name}");
        let body = method.body.as_ref().expect("a body");
        let names: Vec<&str> = body.properties.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "create_time",
                "description",
                "name",
                "oidc_policy",
                "policy_id",
                "service_principal_id",
                "uid",
                "update_time"
            ],
            "{name}"
        );
        let mask = method.extension.update_mask.as_ref().map(|mask| mask.name.as_str());
        assert_eq!(mask, name.ends_with("_update").then_some("update_mask"), "{name}");
    }
    let secret = |name: &str| method(&service, name).extension.secret.clone();
    assert_eq!(secret("custom_app_integration_create"), ["client_secret"]);
    assert_eq!(secret("service_principal_secrets_create"), ["secret"]);
    for view in
        ["vw_federation_policies", "vw_custom_app_integrations", "vw_published_app_integrations"]
    {
        let views = &service.resources[view].views;
        assert_eq!(
            (views.len(), views[0].required.as_slice()),
            (1, &["account_id".to_owned()][..])
        );
    }
}

/// Everything about a method that affects a statement or a request.
fn facts(service: &Service, method: &Method) -> Vec<String> {
    let kind = |id| service.schemas[id].kind.name();
    let mut facts = vec![
        format!("{} {}", method.verb, method.path.raw),
        format!("servers {:?}", method.servers.iter().map(|s| &s.url).collect::<Vec<_>>()),
        format!("rows {:?}", method.response.rows),
    ];
    for param in &method.params {
        if !LEFT_OUT_PARAMS.contains(&(method.name.as_str(), param.name.as_str())) {
            facts.push(format!(
                "param {:?} {} {} {}",
                param.location,
                param.name,
                kind(param.schema),
                param.required
            ));
        }
    }
    let mut columns: Vec<String> = method
        .response
        .columns
        .iter()
        .map(|column| format!("column {} {}", column.name, column.kind.sql_name()))
        .collect();
    if REORDERED_COLUMNS.contains(&method.name.as_str()) {
        columns.sort();
    }
    facts.extend(columns);
    if let Some(body) = &method.body
        && !UNWRAPPED_BODIES.contains(&method.name.as_str())
    {
        facts.push(format!("body {} {:?}", body.media_type, body.naming));
        for property in &body.properties {
            facts.push(format!(
                "set {} {} {}",
                property.name,
                kind(property.schema),
                property.required
            ));
        }
    }
    facts
}

#[test]
fn the_document_states_the_facts_of_the_public_one() {
    let Some(folder) = public_documents() else { return };
    let public = registry(&[&folder], None).service(PROVIDER, "oauth2").expect("loads");
    let ours = embedded();
    assert_eq!(
        ours.resources.keys().collect::<Vec<_>>(),
        public.resources.keys().collect::<Vec<_>>()
    );
    for (name, theirs) in &public.resources {
        let resource = &ours.resources[name];
        assert_eq!(
            resource.methods.keys().collect::<Vec<_>>(),
            theirs.methods.keys().collect::<Vec<_>>(),
            "{name}"
        );
        assert_eq!((&resource.verbs, &resource.id), (&theirs.verbs, &theirs.id), "{name}");
        assert_eq!(resource.views.is_empty(), theirs.views.is_empty(), "{name}");
        for (key, method) in &theirs.methods {
            assert_eq!(facts(&ours, &resource.methods[key]), facts(&public, method), "{key}");
        }
    }
    // an entry that no longer differs must be removed
    for (method_name, param) in LEFT_OUT_PARAMS {
        assert!(method(&public, method_name).param(param).is_some(), "{method_name}");
        assert!(method(&ours, method_name).param(param).is_none(), "{method_name}");
    }
    for name in REORDERED_COLUMNS {
        assert_ne!(column_names(method(&ours, name)), column_names(method(&public, name)));
    }
    for name in UNWRAPPED_BODIES {
        let body = method(&public, name).body.as_ref().expect("a body");
        assert_eq!(body.properties.iter().map(|p| &p.name).collect::<Vec<_>>(), ["policy"]);
    }
}

/// The texts of a service, without those of the published apps, which come from the page.
fn texts(service: &Service) -> BTreeSet<String> {
    const GIVEN: &str = "published_app_integration";
    let mut given = BTreeSet::new();
    let mut texts: BTreeSet<String> = BTreeSet::new();
    for resource in service.resources.values() {
        let target = if resource.name == GIVEN { &mut given } else { &mut texts };
        target.insert(resource.description.clone());
        for method in resource.methods.values() {
            target.extend(method.summary.clone());
            target.extend(method.description.clone());
            target.extend(method.params.iter().filter_map(|param| param.description.clone()));
            let columns = method.response.columns.iter().map(|column| column.schema);
            let body = method.body.iter().flat_map(|body| &body.properties).map(|p| p.schema);
            for id in columns.chain(body) {
                target.extend(service.schemas[id].description.clone());
                for child in service.schemas[id].properties.values() {
                    target.extend(service.schemas[*child].description.clone());
                }
            }
        }
    }
    texts.into_iter().filter(|text| !text.is_empty() && !given.contains(text)).collect()
}

#[test]
fn the_texts_are_our_own() {
    let Some(folder) = public_documents() else { return };
    let public = registry(&[&folder], None).service(PROVIDER, "oauth2").expect("loads");
    let (ours, theirs) = (texts(&embedded()), texts(&public));
    assert!(ours.len() > 40 && theirs.len() > 40, "{} {}", ours.len(), theirs.len());
    let shared: Vec<&String> = ours.intersection(&theirs).collect();
    assert!(shared.is_empty(), "{shared:#?}");
}

#[test]
fn the_first_candidate_of_each_verb_is_the_most_specific() {
    let service = embedded();
    let resource = &service.resources["published_app_integration"];
    let names: Vec<&str> =
        resource.candidates(SqlVerb::Select).map(|method| method.name.as_str()).collect();
    assert_eq!(names, ["published_app_integration_get", "published_app_integration_list"]);
    assert!(resource.methods["published_app_integration_get"].is_lookup());
    assert!(!resource.methods["published_app_integration_list"].is_lookup());
}
