//! The shipped documents: what is in them, and that they are what the package gives.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use strataql_spec::{
    BodyProperty, Extension, Method, Paging, Provider, Service, SqlVerb, TokenSource,
    load_provider, load_service,
};

use super::names::Names;
use super::{Descriptions, generate};
use crate::testing::{sdk, skipped};

const PROVIDERS: [&str; 2] = ["databricks_account", "databricks_workspace"];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn shipped(path: &str) -> String {
    let file = repository().join("providers").join(path);
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn pinned() -> String {
    shipped("databricks-sdk.version").trim().to_owned()
}

/// The services of a shipped provider. They load without a report.
fn services(name: &str) -> (Provider, Vec<Service>) {
    let (provider, reports) =
        load_provider(&shipped(&format!("{name}/v00.00.00000/provider.yaml")), name).expect(name);
    assert_eq!(reports, []);
    let services = provider.services.values().map(|entry| {
        let (service, reports) =
            load_service(&shipped(&entry.document), &provider, entry, &entry.document).expect(name);
        assert_eq!(reports, [], "{}", entry.document);
        service
    });
    let services = services.collect();
    (provider, services)
}

fn method<'a>(services: &'a [Service], path: &str) -> &'a Method {
    let mut names = path.split('.');
    let mut next = || names.next().expect("service.resource.method");
    let (service, resource, method) = (next(), next(), next());
    let service = services.iter().find(|found| found.name == service).expect(path);
    let resource = service.resources.get(resource).expect(path);
    resource.methods.get(method).unwrap_or_else(|| panic!("{path}: {:?}", resource.methods.keys()))
}

fn columns(method: &Method) -> Vec<&str> {
    method.response.columns.iter().map(|column| column.name.as_str()).collect()
}

#[test]
fn every_method_of_the_package_is_shipped() {
    let counts = PROVIDERS.map(|name| {
        let (_, services) = services(name);
        services.iter().flat_map(|s| s.resources.values()).map(|r| r.methods.len()).sum::<usize>()
    });
    assert_eq!(counts, [238, 1199]);
}

#[test]
fn the_shipped_documents_are_what_the_package_gives() {
    let Some(package) = sdk() else { return skipped("the SDK is not installed") };
    let documents = generate(&package, Descriptions::None).expect("documents");
    if documents.source_version != pinned() {
        return skipped("another version of the SDK is installed");
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        documents.write(&repository().join("providers")).expect("written");
    }
    for (path, text) in &documents.files {
        assert!(*text == shipped(path), "{path} differs: generate the documents again");
    }
    let folder = repository().join("providers");
    let mut there = 0;
    for name in PROVIDERS {
        let services =
            fs::read_dir(folder.join(name).join("v00.00.00000/services")).expect("services");
        there += services.count() + 1;
    }
    assert_eq!(there, documents.files.len(), "files that nothing generates");
    assert_eq!(generate(&package, Descriptions::None).expect("documents"), documents);
}

/// Methods of the public documents that this version of the package does not have.
const GONE: usize = 52;

#[test]
fn names_of_the_public_documents_stay() {
    let mut places: BTreeMap<(String, String, String), (Vec<String>, String)> = BTreeMap::new();
    for name in PROVIDERS {
        for service in services(name).1 {
            for resource in service.resources.values() {
                for method in resource.methods.keys() {
                    let verbs = resource.verbs.listing(method);
                    let verbs = verbs.iter().map(|verb| verb.as_str().to_lowercase()).collect();
                    let rows = resource.methods[method].response.rows.path().join(".");
                    let key = (service.name.clone(), resource.name.clone(), method.clone());
                    places.insert(key, (verbs, rows));
                }
            }
        }
    }
    let mut gone = 0;
    for (module, name) in Names::known().all() {
        let key = (module.to_owned(), name.resource.clone(), name.method.clone());
        let Some((verbs, rows)) = places.get(&key) else {
            gone += 1;
            continue;
        };
        let wanted: BTreeSet<&String> = name.verbs.iter().collect();
        assert_eq!(verbs.iter().collect::<BTreeSet<_>>(), wanted, "{key:?}");
        if let Some(path) = &name.rows
            // the package reads these rows at another key today
            && key.1 != "effective_privilege_assignments"
        {
            assert_eq!(format!("$.{rows}"), *path, "{key:?}");
        }
    }
    assert_eq!(gone, GONE);
}

#[test]
fn whole_messages_are_bodies() {
    let (_, account) = services("databricks_account");
    let update =
        method(&account, "oauth2.account_federation_policy.account_federation_policy_update");
    assert_eq!(update.extension.body_wrapper.as_deref(), Some("policy"));
    let mask = update.extension.update_mask.as_ref().map(|mask| mask.name.as_str());
    assert_eq!(mask, Some("update_mask"));
    let wrapped = |services: &[Service]| {
        let methods =
            services.iter().flat_map(|s| s.resources.values()).flat_map(|r| r.methods.values());
        methods.filter(|method| method.extension.body_wrapper.is_some()).count()
    };
    let (_, workspace) = services("databricks_workspace");
    assert_eq!(wrapped(&account) + wrapped(&workspace), 194);
}

#[test]
fn paths_that_collide_have_a_parameter_each() {
    let (_, workspace) = services("databricks_workspace");
    for (resource, wire) in [
        ("postgres_projects", "project_name"),
        ("postgres_branches", "branch_name"),
        ("postgres_endpoints", "endpoint_name"),
        ("postgres_roles", "role_name"),
    ] {
        for verb in ["get", "delete", "update"] {
            let found = method(&workspace, &format!("postgres.{resource}.{verb}"));
            let param = found.param("name").expect("a name");
            assert_eq!(
                (param.name.as_str(), param.wire.as_str()),
                ("name", wire),
                "{resource}.{verb}"
            );
            assert!(param.multi_segment, "{resource}.{verb}");
        }
    }
    let apps = method(&workspace, "apps.apps.get");
    assert!(!apps.param("name").expect("a name").multi_segment);
    let change = method(&workspace, "postgres.postgres_projects.update");
    let wait = change.extension.wait.as_ref().expect("a wait");
    assert_eq!(wait.poll.as_deref(), Some("postgres_operations.get"));
    let poll = method(&workspace, "postgres.postgres_operations.get");
    assert_eq!(poll.params[0].name, "operation_name");
}

#[test]
fn each_way_of_paging_is_there() {
    let (_, account) = services("databricks_account");
    let (_, workspace) = services("databricks_workspace");
    let users = method(&account, "iam.account_users.account_users_v2_list");
    let Paging::Offset { start: 1, total: Some(TokenSource::Body(total)), size, .. } =
        &users.paging
    else {
        panic!("{:?}", users.paging)
    };
    assert_eq!(
        (total[0].as_str(), size.as_ref().and_then(|size| size.max)),
        ("totalResults", Some(10_000))
    );
    assert_eq!(
        users.params.iter().find(|p| p.wire == "sortBy").map(|p| p.name.as_str()),
        Some("sort_by")
    );
    let sizes = |path: &str| match &method(&workspace, path).paging {
        Paging::Token { request, size, .. } => (
            format!("{:?} {}", request.location, request.name),
            size.as_ref().map(|size| size.target.name.clone()),
        ),
        other => panic!("{path}: {other:?}"),
    };
    assert_eq!(sizes("catalog.catalogs.list").1.as_deref(), Some("max_results"));
    assert_eq!(sizes("ml.experiment_runs.search").0, "Body page_token");
    assert_eq!(sizes("compute.clusters.events").0, "Body page_token");
    let pages = method(&workspace, "sql.queries_legacy.list");
    assert!(matches!(pages.paging, Paging::PageNumber { start: 1, .. }), "{:?}", pages.paging);
}

#[test]
fn other_facts_of_methods_are_there() {
    let (_, account) = services("databricks_account");
    let (_, workspace) = services("databricks_workspace");
    let create = &method(&account, "billing.budget_policy.budget_policy_create").extension;
    let key = create.idempotency_key.as_ref().map(|key| key.name.as_str());
    assert_eq!(key, Some("request_id"));
    let Extension { wait, .. } =
        &method(&account, "provisioning.workspaces.workspaces_create").extension;
    let wait = wait.as_ref().expect("a wait");
    assert_eq!(wait.status.as_deref(), Some("$.workspace_status"));
    assert_eq!(
        (wait.success.join(","), wait.failure.join(",")),
        ("RUNNING".into(), "BANNED,FAILED".into())
    );
    let file = method(&workspace, "files.files.download");
    assert!(file.params[0].multi_segment);
    assert_eq!(file.response.media_type.as_deref(), Some("application/octet-stream"));
    let usage = method(&account, "billing.billable_usage.billable_usage_download");
    assert_eq!(usage.response.media_type.as_deref(), Some("text/plain"));
    assert_eq!(columns(usage), ["contents"]);
    let filter = method(&account, "billing.budget_policy.budget_policy_list");
    let param = filter.param("filter_by_policy_name").expect("a field of the filter");
    assert_eq!(param.wire, "filter_by.policy_name");
    let secret = method(&account, "oauth2.custom_app_integration.custom_app_integration_create");
    assert_eq!(secret.extension.secret, ["client_secret"]);
    // account-level settings are on the account's host
    assert!(method(&account, "settings.csp_enablement_account.get").param("account_id").is_some());
}

/// Names, types and requests of the account, without texts.
#[test]
fn the_account_is_as_its_golden() {
    let (_, services) = services("databricks_account");
    let mut out = String::new();
    for service in &services {
        for resource in service.resources.values() {
            writeln!(out, "{}.{}", service.name, resource.name).expect("written");
            for method in resource.methods.values() {
                facts(service, method, resource.verb_of(&method.name), &mut out);
            }
        }
    }
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/databricks_account.txt");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&golden, &out).expect("written");
    }
    let expected = fs::read_to_string(&golden).expect("UPDATE_EXPECT=1 writes the golden");
    for (found, expected) in out.lines().zip(expected.lines()) {
        assert_eq!(found, expected);
    }
    assert_eq!(out.lines().count(), expected.lines().count());
}

fn facts(service: &Service, method: &Method, verb: SqlVerb, out: &mut String) {
    let kind = |id| service.schemas[id].kind.name();
    let mark = |required| if required { "!" } else { "" };
    let params: Vec<String> = method
        .params
        .iter()
        .map(|p| format!("{}{} {}", p.name, mark(p.required), kind(p.schema)))
        .collect();
    let attribute = |p: &BodyProperty| format!("{}{} {}", p.name, mark(p.required), kind(p.schema));
    let body: Vec<String> =
        method.body.iter().flat_map(|body| &body.properties).map(attribute).collect();
    let columns: Vec<String> = method
        .response
        .columns
        .iter()
        .map(|c| format!("{} {}", c.name, c.kind.sql_name()))
        .collect();
    writeln!(out, "  {} {} {} {}", method.name, verb.as_str(), method.verb, method.path.raw)
        .expect("written");
    for (what, list) in [("params", params), ("body", body), ("rows", columns)] {
        if !list.is_empty() {
            writeln!(out, "    {what}: {}", list.join(", ")).expect("written");
        }
    }
    if method.paging != Paging::None && !method.response.rows.is_single() {
        writeln!(out, "    pages: {}", method.paging.name()).expect("written");
    }
}

/// Every run of six words of the shipped texts, against the docstrings of the package.
#[test]
fn shipped_texts_are_not_the_packages() {
    let Some(package) = sdk() else { return skipped("the SDK is not installed") };
    let runs = |text: &str| -> Vec<String> {
        let words: Vec<String> = text
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect();
        words.windows(6).map(|run| run.join(" ")).collect()
    };
    let mut theirs: BTreeSet<String> = BTreeSet::new();
    for entry in fs::read_dir(package.join("databricks/sdk/service")).expect("services") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "py") {
            let text = fs::read_to_string(path).expect("text");
            // docstrings are between triple quotes
            theirs.extend(text.split("\"\"\"").skip(1).step_by(2).flat_map(runs));
        }
    }
    let given = fs::read_to_string(repository().join("e2e/seed/published_app_integration.mdx"))
        .expect("the page");
    let given: BTreeSet<String> = runs(&given).into_iter().collect();
    for name in PROVIDERS {
        let (provider, services) = services(name);
        let entries = provider.services.values().map(|entry| entry.description.as_str());
        let mut texts: Vec<&str> = entries.collect();
        for service in &services {
            for resource in service.resources.values() {
                texts.push(&resource.description);
                for method in resource.methods.values() {
                    texts.extend(method.summary.as_deref());
                    texts.extend(method.description.as_deref());
                    texts.extend(
                        method.params.iter().filter_map(|param| param.description.as_deref()),
                    );
                    assert!(method.summary.is_some(), "{}", method.name);
                }
            }
        }
        for text in texts {
            for run in runs(text) {
                assert!(!theirs.contains(&run) || given.contains(&run), "{name}: {run}");
            }
        }
    }
}
