//! The sandbox from a client's view: bytes over a socket.

mod access;
mod client;
mod faults;
mod paging;
mod registry;
mod routing;
mod state;

use std::path::Path;
use std::sync::Arc;

use strataql_sandbox::{Options, ProviderSource, Sandbox, Scenario};
use strataql_spec::{load_provider, load_service};

/// A provider of the test documents, with the given services.
pub(crate) fn source(provider: &str, services: &[&str]) -> ProviderSource {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/documents").join(provider);
    let read = |name: &str| {
        let file = folder.join(format!("{name}.yaml"));
        std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    };
    let (provider, reports) =
        load_provider(&read("provider"), "provider.yaml").expect("a valid provider");
    assert_eq!(reports, []);
    let services = services
        .iter()
        .map(|name| {
            let (service, reports) =
                load_service(&read(name), &provider, &provider.services[*name], name)
                    .expect("a valid service");
            assert_eq!(reports, []);
            Arc::new(service)
        })
        .collect();
    ProviderSource::new(provider, services)
}

pub(crate) async fn start(options: Options) -> Sandbox {
    let sources = vec![source("databricks_demo", &["apps"]), source("shop", &["catalog"])];
    Sandbox::start(sources, options).await.expect("starts")
}

/// A server with options in the command line's combined form.
pub(crate) async fn with(options: &str) -> Sandbox {
    start(Options::parse_list(options).expect("valid options")).await
}

/// A server with a scenario.
pub(crate) async fn playing(scenario: &str) -> Sandbox {
    let scenario = Scenario::parse(scenario, "scenario.yaml").expect("a valid scenario");
    start(Options { scenario: Some(scenario), ..Options::default() }).await
}
