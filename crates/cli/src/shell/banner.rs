//! What the shell says at its start: which services it would talk to, and as whom.
//!
//! Surprise: no request is sent for it. An account whose name only the service knows is shown by what
//! its credential tells.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use strataql_spec::Service;

use super::Shell;

/// Providers that are shown in full.
const SHOWN: usize = 12;
/// Services of a provider that are looked at for hosts.
const LOOKED_AT: usize = 3;

/// The banner.
pub(super) fn banner(shell: &Shell<'_>) -> String {
    let mut text = format!("strataql {}", env!("CARGO_PKG_VERSION"));
    let settings = shell.session().settings();
    if settings.read_only {
        text.push_str(", read-only");
    }
    text.push('\n');
    let providers = shell.opened.registry.providers();
    if let Some(sandbox) = &shell.opened.sandbox {
        // writing to a string cannot fail
        _ = writeln!(
            text,
            "Simulated providers at {}; no other machine is contacted:",
            sandbox.url()
        );
    } else {
        text.push_str("Statements go to these services:\n");
    }
    for provider in providers.iter().take(SHOWN) {
        let line = if shell.opened.sandbox.is_some() {
            format!("  {}", provider.name)
        } else {
            format!("  {:<24}{}", provider.name, target(shell, &provider.name))
        };
        _ = writeln!(text, "{}", line.trim_end());
    }
    if let Some(more) = providers.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        _ = writeln!(text, "  and {more} more; \\l lists them");
    }
    if !settings.read_only && shell.opened.sandbox.is_none() {
        text.push_str("Statements may change objects there; `--read-only` prevents that.\n");
    }
    text.push_str("\\? lists commands, Tab completes, \\q leaves.\n");
    shell.console.redactor.redact(&text).into_owned()
}

/// The hosts and the account of a provider.
fn target(shell: &Shell<'_>, name: &str) -> String {
    let mut parts = Vec::new();
    let endpoint = shell.settings.endpoints.iter().find(|(known, _)| known == name);
    match endpoint {
        Some((_, url)) => parts.push(url.clone()),
        None => parts.extend(hosts(shell, name)),
    }
    if let Ok(provider) = shell.opened.registry.provider(name) {
        shell.opened.transport.register_provider(&provider.name, provider.auth.clone());
    }
    parts.push(match shell.opened.transport.principal(name) {
        Ok(principal) => match principal.identity {
            Some(identity) => format!("as {identity} ({})", principal.auth_type),
            None => format!("credential: {}", principal.auth_type),
        },
        Err(_) => "no credential".to_owned(),
    });
    parts.join(", ")
}

/// The hosts of a provider's first services.
fn hosts(shell: &Shell<'_>, name: &str) -> Option<String> {
    let provider = shell.opened.registry.provider(name).ok()?;
    let services = provider.services.values().take(LOOKED_AT);
    let mut hosts = BTreeSet::new();
    for service in services {
        let Ok(service) = shell.opened.registry.service(name, &service.name) else { continue };
        hosts.extend(first_host(&service));
    }
    let mut shown: Vec<String> = hosts.into_iter().collect();
    if provider.services.len() > LOOKED_AT {
        shown.push("…".to_owned());
    }
    (!shown.is_empty()).then(|| shown.join(" "))
}

/// The host of a service's first method, with its variables as written.
fn first_host(service: &Service) -> Option<String> {
    let mut methods = service.resources.values().flat_map(|resource| resource.methods.values());
    let server = methods.find_map(|method| method.servers.first())?;
    let rest = server.url.split_once("://").map_or(server.url.as_str(), |(_, rest)| rest);
    rest.split('/').next().map(str::to_owned)
}
