//! Views of public documents: all can be planned, and those of one provider run.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::TryStreamExt;
use strataql_e2e::World;
use strataql_engine::{Engine, EngineConfig, Parameters, Recording, Session, Settings};
use strataql_net::Settings as NetSettings;
use strataql_registry::{Origin, Registry, Settings as RegistrySettings, Source};
use strataql_sandbox::Options;

use crate::properties::Nowhere;

/// Names of resources with views, and a condition for every value that one needs.
fn views(registry: &Registry, provider: &str) -> Vec<(String, Vec<String>)> {
    let known = registry.provider(provider).expect("a provider");
    let mut found = Vec::new();
    for name in known.services.keys() {
        let Ok(service) = registry.service(provider, name) else { continue };
        for (resource, model) in &service.resources {
            if let Some(view) = model.views.first() {
                let required = view.required.clone();
                found.push((format!("{provider}.{name}.{resource}"), required));
            }
        }
    }
    found
}

fn statement(name: &str, required: &[String]) -> String {
    let parts: Vec<String> = name.split('.').map(|part| format!("\"{part}\"")).collect();
    let conditions: Vec<String> = required.iter().map(|name| format!("\"{name}\" = '7'")).collect();
    let filter = if conditions.is_empty() {
        String::new()
    } else {
        format!(" WHERE {}", conditions.join(" AND "))
    };
    format!("SELECT * FROM {}{filter}", parts.join("."))
}

/// The first parameter that a refusal asks for.
fn asked(message: &str) -> Option<String> {
    let rest = message.split(" needs `").nth(1)?;
    rest.split('`').next().map(str::to_owned)
}

/// Explains a view; parameters that the error asks for are given.
async fn plans(session: &Session, name: &str, required: &[String]) -> Result<Vec<String>, String> {
    let mut given = required.to_vec();
    loop {
        let sql = format!("EXPLAIN {}", statement(name, &given));
        let parsed = Session::parse(&sql).map_err(|report| report.message.clone())?;
        let run = async {
            let result = session.run_statement(&sql, &parsed[0], &Parameters::default()).await?;
            result.rows.try_collect::<Vec<_>>().await
        };
        match run.await {
            Ok(_) => return Ok(given),
            Err(report) => match asked(&report.message) {
                Some(parameter) if given.len() < 12 && !given.contains(&parameter) => {
                    given.push(parameter);
                }
                _ => return Err(format!("{name}: {} {:?}", report.message, report.notes)),
            },
        }
    }
}

/// The folder that the environment names, or the one beside the repository.
pub(crate) fn public_documents() -> Option<PathBuf> {
    let named = std::env::var_os("STRATAQL_TEST_REGISTRY").map(PathBuf::from);
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/registry");
    named.or_else(|| Some(beside()).filter(|folder| folder.join("src").is_dir()))
}

/// Needs a folder of public documents; what is skipped is said.
#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "nobody should believe that this has run")]
async fn views_of_public_documents_can_be_planned() {
    let Some(folder) = public_documents() else {
        println!("skipped: neither STRATAQL_TEST_REGISTRY nor ../shared/registry is there");
        return;
    };
    let cache = tempfile::tempdir().expect("a folder");
    let sources = vec![Source::folder(Origin::Registry, folder)];
    let settings = RegistrySettings { sources, cache_dir: Some(cache.path().to_owned()) };
    let registry = Arc::new(Registry::new(settings).expect("a registry"));
    let engine = Engine::new(EngineConfig {
        registry: Arc::clone(&registry),
        exchange: Arc::new(Nowhere),
        environment: Arc::new(|_: &str| None),
        tables: None,
        recording: Recording::Off { folder: None },
    });
    let session = engine.expect("an engine").session(Settings::default());
    let mut wrong = Vec::new();
    for (provider, least) in [("databricks_account", 29), ("awscc", 280)] {
        let all = views(&registry, provider);
        assert!(all.len() >= least, "{provider} has {} views", all.len());
        let mut good = Vec::new();
        for (name, required) in &all {
            match plans(&session, name, required).await {
                Ok(given) => good.push((name.clone(), given)),
                Err(why) => wrong.push(why),
            }
        }
        println!("{} of {} views of {provider}", good.len(), all.len());
        if provider == "databricks_account" {
            wrong.extend(run(&registry, &good).await);
        }
    }
    assert!(wrong.is_empty(), "{} views:\n{}", wrong.len(), wrong.join("\n"));
}

/// Runs the views on a sandbox.
async fn run(registry: &Arc<Registry>, views: &[(String, Vec<String>)]) -> Vec<String> {
    let options = Options::parse_list("rows=2").expect("options");
    let world = World::of(Arc::clone(registry), options, NetSettings::default()).await;
    let world = world.expect("a sandbox");
    let mut wrong = Vec::new();
    for (name, given) in views {
        if let Err(report) = world.run(&statement(name, given)).await {
            wrong.push(format!("{name}: {} {:?}", report.message, report.notes));
        }
    }
    wrong
}
