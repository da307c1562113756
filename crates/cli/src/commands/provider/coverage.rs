//! `strataql provider coverage`: every method of documents against the sandbox.
//!
//! Owns: which methods are called as what, the table of what works, and the share that is enough.
//! Surprise: the client and the sandbox read the same model of a document, so a mistake in reading it can hide
//! here. The mock of `conformance/providers` reads documents on its own.

mod check;
mod values;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;
use strataql_call::MethodRef;
use strataql_diag::{Code, Report};
use strataql_registry::{Origin, Registry, Settings as RegistrySettings, Source};
use strataql_spec::{Method, Provider, Resource, Service, SqlVerb};

use self::check::Bench;
use crate::args::provider::{CoverageArguments, CoverageFormat};
use crate::commands::exec::runtime;
use crate::console::Console;
use crate::exit::Exit;

/// The share of methods that must work, in thousandths.
const ENOUGH: usize = 990;
/// Reasons that the table lists.
const REASONS: usize = 40;

/// What methods are called as, in the order of the table.
const KINDS: [&str; 7] = ["list", "get", "insert", "update", "replace", "delete", "exec"];

/// A method that does not work.
struct Failure {
    method: String,
    kind: &'static str,
    reason: String,
}

/// Methods that work, and all of them.
#[derive(Default, Clone, Copy)]
struct Share {
    works: usize,
    all: usize,
}

#[derive(Default)]
struct Coverage {
    /// By provider and kind.
    shares: BTreeMap<String, BTreeMap<&'static str, Share>>,
    failures: Vec<Failure>,
    /// Documents that could not be read.
    unread: Vec<String>,
}

pub(super) fn run(arguments: &CoverageArguments, console: &Console) -> Result<Exit, Box<Report>> {
    let (root, only) = registry_of(&arguments.path)?;
    let runtime = runtime()?;
    let mut coverage = Coverage::default();
    let names: Vec<String> = open(&root)?.providers().into_iter().map(|it| it.name).collect();
    for name in names.iter().filter(|name| only.as_ref().is_none_or(|only| only == *name)) {
        let provider = open(&root)?.provider(name)?;
        for service in provider.services.keys() {
            // a registry of its own, so that not all services are in memory at once
            let documents = open(&root)?;
            if !documents.has_document(name, service)? {
                continue;
            }
            match documents.service(name, service) {
                Ok(model) => runtime.block_on(coverage.service(&provider, &model))?,
                Err(report) => {
                    coverage.unread.push(format!("{name}.{service}: {}", report.message));
                }
            }
        }
    }
    if coverage.total().all == 0 {
        return Err(Box::new(
            Report::new(Code::BadDocument, format!("`{}` has no method", arguments.path.display()))
                .with_help("give a registry folder, its `src`, or the folder of a provider"),
        ));
    }
    let shown = match arguments.output {
        CoverageFormat::Text => coverage.text(),
        CoverageFormat::Json => coverage.json(),
    };
    console.write_out(&shown)?;
    let Share { works, all } = coverage.total();
    let is_enough = works * 1000 >= all * ENOUGH && coverage.unread.is_empty();
    Ok(if is_enough { Exit::SUCCESS } else { Exit::CHECK_FALSE })
}

fn open(root: &Path) -> Result<Registry, Box<Report>> {
    let sources = vec![Source::folder(Origin::Registry, root)];
    Registry::new(RegistrySettings { sources, cache_dir: None })
}

/// The folder of provider folders for a path, and the provider that it is limited to.
fn registry_of(path: &Path) -> Result<(PathBuf, Option<String>), Box<Report>> {
    let path = path.canonicalize().map_err(|error| {
        Box::new(
            Report::new(Code::LocalIo, format!("`{}` cannot be read: {error}", path.display()))
                .with_help("give a registry folder, its `src`, or the folder of a provider"),
        )
    })?;
    let holds = |folder: &Path| folder.join("provider.yaml").is_file();
    let holds_version = |folder: &Path| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).any(|entry| holds(&entry))
    };
    let provider = if holds(&path) {
        path.parent().map(Path::to_path_buf)
    } else {
        holds_version(&path).then(|| path.clone())
    };
    let Some(provider) = provider else { return Ok((path, None)) };
    let folder = provider.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let name = open(provider.parent().unwrap_or(Path::new("")))?.provider(folder)?.name.clone();
    Ok((provider.parent().unwrap_or(Path::new("")).to_path_buf(), Some(name)))
}

/// What a method is called as.
fn kind(resource: &Resource, method: &Method) -> (&'static str, Option<SqlVerb>) {
    let verb = resource.verbs.listing(&method.name).into_iter().next();
    let kind = match verb {
        Some(SqlVerb::Select) if method.response.rows.is_single() => "get",
        Some(SqlVerb::Select) => "list",
        Some(SqlVerb::Insert) => "insert",
        Some(SqlVerb::Update) => "update",
        Some(SqlVerb::Replace) => "replace",
        Some(SqlVerb::Delete) => "delete",
        _ => "exec",
    };
    (kind, verb)
}

impl Coverage {
    /// Calls all methods of a service.
    async fn service(
        &mut self,
        provider: &Arc<Provider>,
        service: &Arc<Service>,
    ) -> Result<(), Box<Report>> {
        let bench = Bench::start(provider, service).await?;
        for resource in service.resources.values() {
            for method in resource.methods.values() {
                let Some(target) = MethodRef::find(provider, service, &resource.name, &method.name)
                else {
                    continue;
                };
                let (kind, verb) = kind(resource, method);
                let share = self.shares.entry(provider.name.clone()).or_default().entry(kind);
                let share = share.or_default();
                share.all += 1;
                match bench.check(&target, verb).await {
                    Ok(()) => share.works += 1,
                    Err(reason) => {
                        let reason = reason.lines().next().unwrap_or_default().to_owned();
                        self.failures.push(Failure { method: target.name(), kind, reason });
                    }
                }
            }
        }
        bench.end().await;
        Ok(())
    }

    fn total(&self) -> Share {
        self.shares.values().flat_map(BTreeMap::values).fold(Share::default(), |sum, one| Share {
            works: sum.works + one.works,
            all: sum.all + one.all,
        })
    }

    /// A table per provider and kind, then the reasons by count.
    fn text(&self) -> String {
        let mut lines = vec![row("provider", &KINDS.map(str::to_owned))];
        let cell = |share: Option<&Share>| match share {
            Some(Share { works, all }) => format!("{works}/{all}"),
            None => "-".to_owned(),
        };
        for (provider, shares) in &self.shares {
            lines.push(row(provider, &KINDS.map(|kind| cell(shares.get(kind)))));
        }
        let mut reasons: BTreeMap<(&str, String), (usize, &str)> = BTreeMap::new();
        for failure in &self.failures {
            let entry = reasons.entry((failure.kind, unnamed(&failure.reason)));
            entry.or_insert((0, &failure.method)).0 += 1;
        }
        let mut reasons: Vec<_> = reasons.into_iter().collect();
        reasons.sort_by(|(left, (one, _)), (right, (other, _))| (other, left).cmp(&(one, right)));
        if !reasons.is_empty() {
            lines.push(String::new());
        }
        for ((kind, reason), (count, method)) in reasons.iter().take(REASONS) {
            lines.push(format!("{count:>6}  {kind}: {reason} ({method})"));
        }
        if reasons.len() > REASONS {
            lines.push(format!("{} more reasons; `-o json` lists all", reasons.len() - REASONS));
        }
        lines.extend(self.unread.iter().map(|document| format!("not read: {document}")));
        let Share { works, all } = self.total();
        lines.push(String::new());
        lines.push(format!("{works} of {all} methods work, {}", percent(works, all)));
        let lines: Vec<_> = lines.iter().map(|line| strataql_output::neutral(line)).collect();
        lines.join("\n") + "\n"
    }

    /// One JSON object.
    fn json(&self) -> String {
        let providers: Vec<_> = self
            .shares
            .iter()
            .map(|(provider, shares)| {
                let verbs: serde_json::Map<_, _> = shares
                    .iter()
                    .map(|(kind, share)| {
                        ((*kind).to_owned(), json!({"works": share.works, "all": share.all}))
                    })
                    .collect();
                json!({"provider": provider, "verbs": verbs})
            })
            .collect();
        let failures: Vec<_> = self
            .failures
            .iter()
            .map(|it| json!({"method": it.method, "verb": it.kind, "reason": it.reason}))
            .collect();
        let Share { works, all } = self.total();
        let object = json!({
            "works": works, "all": all, "providers": providers, "failures": failures,
            "unread": self.unread,
        });
        format!("{object}\n")
    }
}

fn row(name: &str, cells: &[String; 7]) -> String {
    let cells = cells.each_ref().map(|cell| format!("{cell:>12}"));
    format!("{name:<22}{}", cells.concat())
}

/// Never rounded up to what it is not.
fn percent(works: usize, all: usize) -> String {
    let tenths = works * 1000 / all.max(1);
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// A reason without names, so that equal causes are counted together.
fn unnamed(reason: &str) -> String {
    let mut text = String::new();
    for (at, part) in reason.split('`').enumerate() {
        text.push_str(if at % 2 == 0 { part } else { "`…`" });
    }
    text.chars().take(140).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_not_rounded_up() {
        assert_eq!(percent(9899, 10_000), "98.9 %");
        assert_eq!(percent(3, 3), "100.0 %");
        assert_eq!(unnamed("method `a` needs `b`: no"), "method `…` needs `…`: no");
    }
}
