//! Lint: reports everything that is wrong in a set of documents, with file and line.
//!
//! Owns: which documents a path refers to (registry, `src` folder, provider folder, one file),
//! totals and times.
//! Refuses: printing.
//! Surprise: all versions of a provider are read, not only the highest.

mod gather;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use strataql_diag::Report;
use strataql_spec::Overlay;
use strataql_spec::service::Service;

use crate::cache::{Key, decode_model, encode_model};
use crate::document::{Document, existing, overlay_of, parts, read_file};
use gather::{Gathered, Job, gather};

/// Number of threads.
const WORKERS: usize = 2;

/// The result of a lint run.
#[derive(Debug, Clone, Default, Serialize)]
pub struct LintReport {
    /// Entry documents read.
    pub providers: usize,
    /// Service documents read.
    pub services: usize,
    /// Resources in them.
    pub resources: usize,
    /// Resources with a view.
    pub views: usize,
    /// Methods in them.
    pub methods: usize,
    /// Methods whose response has rows.
    pub selectable: usize,
    /// Bytes read.
    pub bytes: u64,
    /// Services whose document is missing; each has a report.
    pub missing: usize,
    /// Documents that cannot be used at all; each has a report.
    pub fatal: usize,
    /// All findings, in the order of files and lines.
    pub reports: Vec<Report>,
    /// The document that took longest.
    pub slowest: Option<DocumentTime>,
    /// The document with the most bytes.
    pub largest: Option<DocumentTime>,
    /// Total time.
    pub elapsed: Duration,
}

/// The time for one document.
#[derive(Debug, Clone, Serialize)]
pub struct DocumentTime {
    /// Its path.
    pub file: String,
    /// Its size.
    pub bytes: u64,
    /// Size of the compiled model.
    pub compiled_bytes: u64,
    /// Parsing and compiling.
    pub cold: Duration,
    /// Reading the compiled model from memory, including the digest of its key.
    pub warm: Duration,
}

/// Lints every document that a path refers to.
///
/// # Errors
/// `local-io` when the path itself cannot be read, `bad-document` when it holds no documents.
pub fn lint(path: &Path) -> Result<LintReport, Box<Report>> {
    let start = Instant::now();
    let Gathered { jobs, mut report } = gather(path)?;
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::with_capacity(jobs.len()));
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = run(job);
                    found.lock().unwrap_or_else(PoisonError::into_inner).push(outcome);
                }
            });
        }
    });
    for outcome in found.into_inner().unwrap_or_else(PoisonError::into_inner) {
        report.add(outcome);
    }
    let place = |report: &Report| {
        report.place.as_ref().map(|place| (place.file.clone(), place.line)).unwrap_or_default()
    };
    report.reports.sort_by_cached_key(place);
    report.elapsed = start.elapsed();
    Ok(report)
}

struct Outcome {
    counts: Option<Counts>,
    time: Option<DocumentTime>,
    reports: Vec<Report>,
}

struct Counts {
    resources: usize,
    views: usize,
    methods: usize,
    selectable: usize,
}

fn run(job: &Job) -> Outcome {
    let failed = |report: Box<Report>| Outcome { counts: None, time: None, reports: vec![*report] };
    let document = match read(job) {
        Ok(document) => document,
        Err(report) => return failed(report),
    };
    let start = Instant::now();
    let (service, reports) = match document.load(&job.provider, &job.entry) {
        Ok(loaded) => loaded,
        Err(report) => return failed(report),
    };
    let cold = start.elapsed();
    let stored = encode_model(&service, &reports);
    let start = Instant::now();
    // a later run pays for the digest and the decoding instead
    let key = Key::of("", &job.entry.name, &[&document.text]);
    let again = decode_model(&stored, &document.name);
    let warm = start.elapsed();
    drop(key);
    let mut reports = reports;
    let place = |report: Report| {
        let line = report.place.as_ref().map_or(1, |place| place.line);
        report.with_place(&document.name, line)
    };
    reports.extend(strataql_spec::lint(&service).into_iter().map(place));
    if again.is_none_or(|(again, _)| again != service) {
        reports.push(
            Report::internal("the compiled form of the document differs from the document")
                .with_place(&document.name, 1),
        );
    }
    let time = DocumentTime {
        bytes: document.text.len() as u64,
        compiled_bytes: stored.len() as u64,
        file: document.name,
        cold,
        warm,
    };
    Outcome { counts: Some(Counts::of(&service)), time: Some(time), reports }
}

/// A document with what belongs to it.
fn read(job: &Job) -> Result<Document, Box<Report>> {
    let mut document = read_file(&job.path)?;
    document.overlays = beside(&job.path)?;
    if job.entry.is_register {
        let inside =
            job.path.strip_prefix(&job.root).ok().and_then(Path::to_str).unwrap_or_default();
        let own: String = inside.splitn(3, '/').take(2).flat_map(|part| [part, "/"]).collect();
        let place = |path: &str| existing(&job.root.join(path));
        document.parts = parts(&document.text, &own, &|path| place(path).exists(), &|path| {
            read_file(&place(path))
        })?;
    }
    Ok(document)
}

/// The overlay beside a document.
fn beside(document: &Path) -> Result<Vec<Overlay>, Box<Report>> {
    let name = document.to_str().and_then(overlay_of).map(PathBuf::from);
    let Some(path) = name.filter(|path| path.is_file()) else { return Ok(Vec::new()) };
    let Document { text, name, .. } = read_file(&path)?;
    Ok(vec![Overlay { text, file: name }])
}

impl Counts {
    fn of(service: &Service) -> Self {
        let methods = || service.resources.values().flat_map(|resource| resource.methods.values());
        Self {
            resources: service.resources.len(),
            views: service.resources.values().filter(|r| !r.views.is_empty()).count(),
            methods: methods().count(),
            selectable: methods().filter(|method| method.is_selectable()).count(),
        }
    }
}

impl LintReport {
    fn add(&mut self, outcome: Outcome) {
        self.services += 1;
        self.reports.extend(outcome.reports);
        let Some(counts) = outcome.counts else {
            self.fatal += 1;
            return;
        };
        self.resources += counts.resources;
        self.views += counts.views;
        self.methods += counts.methods;
        self.selectable += counts.selectable;
        let Some(time) = outcome.time else { return };
        self.bytes += time.bytes;
        if self.slowest.as_ref().is_none_or(|slowest| slowest.cold < time.cold) {
            self.slowest = Some(time.clone());
        }
        if self.largest.as_ref().is_none_or(|largest| largest.bytes < time.bytes) {
            self.largest = Some(time);
        }
    }
}
