//! The page of the published app integrations, byte for byte, from each of its sources.

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use super::seed_pages;
use crate::testing::{sdk, skipped};
use crate::{Descriptions, generate_databricks, yaml};

const PAGE: &str = "services/oauth2/published_app_integration/index.md";

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn expected() -> String {
    let file = repository().join("e2e/seed/published_app_integration.mdx");
    std::fs::read_to_string(file).expect("the page")
}

fn page_of(document: &str) -> String {
    let pages = seed_pages("databricks_account", "oauth2", document).expect("pages");
    pages.into_iter().find(|(path, _)| path == PAGE).expect("the resource").1
}

/// Compares line by line first: the difference is easier to read.
fn same(found: &str, expected: &str) {
    for (number, (found, expected)) in found.lines().zip(expected.lines()).enumerate() {
        assert_eq!(found, expected, "line {}", number + 1);
    }
    assert_eq!(found, expected);
    assert_eq!(found.len(), 12_615);
}

#[test]
fn the_page_comes_from_the_shipped_document() {
    let file = "providers/databricks_account/v00.00.00000/services/oauth2.yaml";
    let document = std::fs::read_to_string(repository().join(file)).expect("the document");
    same(&page_of(&document), &expected());
}

#[test]
fn the_page_comes_from_the_package() {
    let Some(package) = sdk() else { return skipped("the SDK is not installed") };
    let documents = generate_databricks(&package, Descriptions::SeedEra).expect("documents");
    let wanted = "databricks_account/v00.00.00000/services/oauth2.yaml";
    let document = documents.files.iter().find(|(path, _)| path == wanted).expect("the service");
    same(&page_of(&document.1), &expected());
}

/// The public document is newer than the page: it has one parameter more, and two texts were corrected.
#[test]
fn the_page_comes_from_the_public_document() {
    let Some(folder) = std::env::var_os("STRATAQL_TEST_REGISTRY") else {
        return skipped("STRATAQL_TEST_REGISTRY is not set");
    };
    let file = "src/databricks_account/v00.00.00000/services/oauth2.yaml";
    let text = std::fs::read_to_string(Path::new(&folder).join(file)).expect("the document");
    let mut root = strataql_spec::yaml::parse(&text).expect("YAML").0.to_json();
    let paths = root["paths"].as_object_mut().expect("paths");
    for (_, item) in
        paths.iter_mut().filter(|(path, _)| path.contains("published-app-integrations"))
    {
        for (verb, operation) in item.as_object_mut().expect("a path") {
            let Some(parameters) = operation.get_mut("parameters").and_then(Json::as_array_mut)
            else {
                continue;
            };
            parameters.retain(|parameter| parameter["name"] != "search_keyword");
            for parameter in parameters {
                match (parameter["name"].as_str(), verb.as_str()) {
                    (Some("page_size"), _) => {
                        parameter["description"] = json!(":param page_token: str (optional)");
                    }
                    (Some("integration_id"), "delete") => parameter["description"] = json!("str"),
                    _ => {}
                }
            }
        }
    }
    same(&page_of(&yaml::document(&root)), &expected());
}
