//! Completion over public documents: it answers at once when they are compiled.

use std::sync::Arc;
use std::time::{Duration, Instant};

use strataql_engine::{CompletionKind, Engine, EngineConfig, Recording, Session, Settings};
use strataql_registry::{Origin, Registry, Settings as RegistrySettings, Source};

use crate::document_views::public_documents;
use crate::properties::Nowhere;

/// A debug build on a busy machine; a release build takes a tenth.
const PROMPT: Duration = Duration::from_millis(500);

/// The kinds and texts of the choices at the end of a text, the second time they are wanted.
fn choices(session: &Session, text: &str) -> Vec<(CompletionKind, String)> {
    session.complete(text, text.len());
    let begun = Instant::now();
    let found = session.complete(text, text.len());
    assert!(begun.elapsed() < PROMPT, "{text}: {:?}", begun.elapsed());
    found.items.into_iter().map(|item| (item.kind, item.text)).collect()
}

#[test]
#[expect(clippy::print_stdout, reason = "nobody should believe that this has run")]
fn public_documents_are_completed_at_once() {
    let Some(folder) = public_documents() else {
        println!("skipped: neither STRATAQL_TEST_REGISTRY nor ../shared/registry is there");
        return;
    };
    let cache = tempfile::tempdir().expect("a folder");
    let sources = vec![Source::folder(Origin::Registry, folder)];
    let settings = RegistrySettings { sources, cache_dir: Some(cache.path().to_owned()) };
    let engine = Engine::new(EngineConfig {
        registry: Arc::new(Registry::new(settings).expect("a registry")),
        exchange: Arc::new(Nowhere),
        environment: Arc::new(|_: &str| None),
        tables: None,
        recording: Recording::Off { folder: None },
    });
    let session = engine.expect("an engine").session(Settings::default());
    let has = |all: &[(CompletionKind, String)], kind: CompletionKind, text: &str| {
        assert!(all.contains(&(kind, text.to_owned())), "no {text}");
    };
    let providers = choices(&session, "SELECT * FROM a");
    has(&providers, CompletionKind::Provider, "aws");
    has(&providers, CompletionKind::Provider, "azure");
    let services = choices(&session, "SELECT * FROM aws.");
    has(&services, CompletionKind::Service, "dynamodb");
    let resources = choices(&session, "SELECT * FROM aws.dynamodb.");
    has(&resources, CompletionKind::Resource, "tables");
    let columns = choices(&session, "SELECT * FROM aws.rds.db_instances WHERE ");
    assert!(columns.iter().any(|(kind, _)| *kind == CompletionKind::Keyword), "{columns:?}");
    let columns = choices(&session, "SELECT * FROM github.issues.labels WHERE ");
    let first: Vec<_> = columns.iter().take(2).map(|(kind, text)| (*kind, text.as_str())).collect();
    let missing = CompletionKind::MissingParameter;
    assert_eq!(first, [(missing, "owner"), (missing, "repo")]);
    let named = "SELECT * FROM github.issues.labels l WHERE l.owner = 'a' AND l.repo = 'b' AND l.";
    let columns = choices(&session, named);
    assert!(columns.iter().all(|(kind, _)| *kind != missing), "{columns:?}");
    has(&columns, CompletionKind::Column, "color");
    let methods = choices(&session, "EXEC github.issues.issues.");
    assert!(methods.iter().any(|(kind, _)| *kind == CompletionKind::Method), "{methods:?}");
}
