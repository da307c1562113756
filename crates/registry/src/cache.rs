//! The cache of compiled models and indexes, as JSON.
//!
//! Owns: the key (a digest of the document, its provider and the code that compiled it), atomic
//! writing, tolerant reading.
//! Refuses: failing. Without a usable folder everything works, only slower.
//! Surprise: reports are stored without their file, because the same document may be at another
//! path next time.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use ring::digest::{Context, SHA256};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use strataql_diag::{Code, Report, Severity};
use strataql_spec::{MODEL_VERSION, Service};

use crate::index::ServiceIndex;

/// The key of a cache entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key(String);

impl Key {
    /// The key of a service document: its text, then those of its overlays.
    pub(crate) fn of(provider: &str, service: &str, texts: &[&str]) -> Self {
        let mut context = Context::new(&SHA256);
        let version = MODEL_VERSION.to_le_bytes();
        let code = [env!("CARGO_PKG_VERSION"), env!("STRATAQL_MODEL_FINGERPRINT")];
        context.update(&version);
        for part in [code[0], code[1], provider, service].iter().chain(texts) {
            // the length keeps the concatenation of parts unambiguous
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part.as_bytes());
        }
        let digest = context.finish();
        let mut name = String::with_capacity(64);
        for byte in digest.as_ref() {
            for half in [byte >> 4, byte & 15] {
                name.extend(char::from_digit(u32::from(half), 16));
            }
        }
        Self(name)
    }
}

/// The cache folder, if there is one.
#[derive(Debug)]
pub(crate) struct Cache {
    folder: Option<PathBuf>,
}

/// A model with the reports of its compilation.
#[derive(Serialize, Deserialize)]
struct StoredModel<S> {
    service: S,
    reports: Vec<StoredReport>,
}

impl Cache {
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        Self { folder: folder.map(|folder| folder.join("compiled")) }
    }

    /// The stored model, if it exists and is intact.
    pub(crate) fn model(&self, key: &Key, file: &str) -> Option<(Service, Vec<Report>)> {
        let bytes = self.read(key, "json")?;
        decode_model(&bytes, file)
    }

    /// Stores a model and its index.
    pub(crate) fn store(&self, key: &Key, service: &Service, reports: &[Report]) {
        self.write(key, "json", &encode_model(service, reports));
        self.write(key, "index.json", &encode(&ServiceIndex::of(service)));
    }

    /// The stored index, if it exists and is intact.
    pub(crate) fn index(&self, key: &Key) -> Option<ServiceIndex> {
        decode(&self.read(key, "index.json")?)
    }

    fn path(&self, key: &Key, suffix: &str) -> Option<PathBuf> {
        Some(self.folder.as_ref()?.join(format!("{}.{suffix}", key.0)))
    }

    fn read(&self, key: &Key, suffix: &str) -> Option<Vec<u8>> {
        fs::read(self.path(key, suffix)?).ok()
    }

    /// Writes a temporary file and renames it, so that a reader never sees a part.
    fn write(&self, key: &Key, suffix: &str, bytes: &[u8]) {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let (Some(folder), Some(target)) = (&self.folder, self.path(key, suffix)) else { return };
        if bytes.is_empty() || fs::create_dir_all(folder).is_err() {
            return;
        }
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let draft = target.with_extension(format!("{}-{number}.draft", std::process::id()));
        let is_written = fs::write(&draft, bytes).is_ok() && fs::rename(&draft, &target).is_ok();
        if !is_written {
            // failures are harmless: the folder may be full or read-only
            drop(fs::remove_file(&draft));
        }
    }
}

/// The bytes of a stored model.
pub(crate) fn encode_model(service: &Service, reports: &[Report]) -> Vec<u8> {
    let reports = reports.iter().map(StoredReport::of).collect();
    encode(&StoredModel { service, reports })
}

/// The model in stored bytes; `None` when they are damaged.
pub(crate) fn decode_model(bytes: &[u8], file: &str) -> Option<(Service, Vec<Report>)> {
    let stored: StoredModel<Service> = decode(bytes)?;
    if !stored.service.is_consistent() {
        return None;
    }
    let reports: Option<Vec<Report>> =
        stored.reports.into_iter().map(|report| report.restored(file)).collect();
    Some((stored.service, reports?))
}

/// The JSON of a value; empty if it has none (a map whose keys are not strings).
fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    serde_json::from_slice(bytes).ok()
}

/// A report about a document, in a form that can be deserialized.
#[derive(Serialize, Deserialize)]
struct StoredReport {
    code: String,
    is_warning: bool,
    message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    help: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

impl StoredReport {
    fn of(report: &Report) -> Self {
        Self {
            code: report.code.id().to_owned(),
            is_warning: report.severity == Severity::Warning,
            message: report.message.clone(),
            line: report.place.as_ref().map(|place| place.line),
            help: report.help.clone(),
            notes: report.notes.clone(),
        }
    }

    fn restored(self, file: &str) -> Option<Report> {
        let code = *Code::ALL.iter().find(|code| code.id() == self.code)?;
        let mut report = if self.is_warning {
            Report::warning(code, self.message)
        } else {
            Report::new(code, self.message)
        };
        if let Some(line) = self.line {
            report = report.with_place(file, line);
        }
        report.help = self.help;
        report.notes = self.notes;
        Some(report)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_in_each_part() {
        let key = Key::of("p", "s", &["d"]);
        assert_eq!(key, Key::of("p", "s", &["d"]));
        for other in
            [Key::of("q", "s", &["d"]), Key::of("p", "t", &["d"]), Key::of("ps", "", &["d"])]
        {
            assert_ne!(key, other);
        }
        assert_eq!(key.0.len(), 64);
    }

    #[test]
    fn reports_come_back_in_their_new_place() {
        let report = Report::warning(Code::BadDocument, "m").with_place("old", 7).with_help("h");
        let stored = encode(&StoredReport::of(&report));
        let back = decode::<StoredReport>(&stored).and_then(|stored| stored.restored("new"));
        assert_eq!(back, Some(Report { place: None, ..report }.with_place("new", 7)));
    }
}
