//! Reading one document: size limit, text encoding, paths that must stay inside their registry.
//!
//! Owns: every check before a document is parsed.
//! Refuses: paths by which a document could open another file of the machine.

use std::fs;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

use strataql_diag::{Code, Report};
use strataql_spec::provider::{Provider, ServiceEntry};
use strataql_spec::service::Service;
use strataql_spec::yaml::MAX_BYTES;
use strataql_spec::{
    Overlay, SplitDocument, documents_of, load_mended_service, load_split_service,
};

/// A document as text, with its name for reports.
pub(crate) struct Document {
    pub(crate) text: String,
    pub(crate) name: String,
    /// What mends it.
    pub(crate) overlays: Vec<Overlay>,
    /// The documents that it names, if it is a register of resources.
    pub(crate) parts: Vec<SplitDocument>,
}

impl Document {
    /// The model of the service.
    pub(crate) fn load(
        &self,
        provider: &Provider,
        entry: &ServiceEntry,
    ) -> Result<(Service, Vec<Report>), Box<Report>> {
        let Self { text, name, overlays, parts } = self;
        if entry.is_register {
            return load_split_service(text, parts, overlays, provider, entry, name);
        }
        load_mended_service(text, overlays, provider, entry, name)
    }
}

/// The path itself, or the only entry that differs from it in case: documents written on a
/// case-insensitive file system may refer to `Org.yaml` as `org.yaml`.
pub(crate) fn existing(path: &Path) -> PathBuf {
    if path.exists() {
        return path.to_path_buf();
    }
    let wanted = path.file_name().and_then(|name| name.to_str());
    let (Some(folder), Some(wanted)) = (path.parent(), wanted) else { return path.to_path_buf() };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut same = entries.filter(|entry| {
        entry.file_name().to_str().is_some_and(|name| name.eq_ignore_ascii_case(wanted))
    });
    match (same.next(), same.next()) {
        (Some(only), None) => only.path(),
        _ => path.to_path_buf(),
    }
}

/// Reads a file; one that is larger than the limit is not read at all.
pub(crate) fn read_file(path: &Path) -> Result<Document, Box<Report>> {
    let name = path.display().to_string();
    let failed = |error: &std::io::Error| unreadable(path, error);
    let file = fs::File::open(path).map_err(|error| failed(&error))?;
    let size = file.metadata().map_err(|error| failed(&error))?.len();
    if size > MAX_BYTES as u64 {
        return Err(too_large(&name, size));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    // the size of a device or a growing file is unreliable
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
    if bytes.len() > MAX_BYTES {
        return Err(too_large(&name, bytes.len() as u64));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        Box::new(
            Report::new(
                Code::BadDocument,
                format!(
                    "the document is not UTF-8 text (byte {})",
                    error.utf8_error().valid_up_to() + 1
                ),
            )
            .with_place(&name, 1)
            .with_help("save it as UTF-8"),
        )
    })?;
    let text = match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    };
    Ok(Document { text, name, overlays: Vec::new(), parts: Vec::new() })
}

/// The documents that a register names, as far as they are there. A copy of a provider may be of another
/// version than its references say, so its `own` folder is tried, too.
pub(crate) fn parts(
    register: &str,
    own: &str,
    has: &dyn Fn(&str) -> bool,
    read: &dyn Fn(&str) -> Result<Document, Box<Report>>,
) -> Result<Vec<SplitDocument>, Box<Report>> {
    let mut found = Vec::new();
    for reference in documents_of(register)? {
        let Some(path) = inside(&reference) else { continue };
        let below = path.splitn(3, '/').nth(2).map(|rest| format!("{own}{rest}"));
        let Some(path) = [Some(path), below].into_iter().flatten().find(|it| has(it)) else {
            continue;
        };
        let Document { text, name, .. } = read(&path)?;
        found.push(SplitDocument { reference, document: Overlay { text, file: name } });
    }
    Ok(found)
}

/// The overlay beside a service document.
pub(crate) fn overlay_of(document: &str) -> Option<String> {
    let stem = document.strip_suffix(".yaml").or_else(|| document.strip_suffix(".yml"))?;
    Some(format!("{stem}.x-strataql.yaml"))
}

/// A report about a file or folder of this machine.
pub(crate) fn unreadable(path: &Path, error: &std::io::Error) -> Box<Report> {
    Box::new(
        Report::new(Code::LocalIo, format!("`{}` cannot be read: {error}", path.display()))
            .with_help("check that the path exists and that you may read it"),
    )
}

fn too_large(name: &str, size: u64) -> Box<Report> {
    Box::new(
        Report::new(
            Code::UntrustedDocument,
            format!("the document has {size} bytes, more than the {MAX_BYTES} allowed"),
        )
        .with_place(name, 1)
        .with_help("split the service into several documents"),
    )
}

/// The path a `service.$ref` names, with `/` between its parts; `None` when it could leave the
/// registry.
pub(crate) fn inside(reference: &str) -> Option<String> {
    if reference.contains(['\\', '\0']) {
        return None;
    }
    let mut parts = Vec::new();
    for component in Path::new(reference).components() {
        match component {
            Component::Normal(part) => parts.push(part.to_str()?),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_cannot_leave_the_registry() {
        assert_eq!(inside("p/v1/services/s.yaml").as_deref(), Some("p/v1/services/s.yaml"));
        assert_eq!(inside("./p//s.yaml").as_deref(), Some("p/s.yaml"));
        for hostile in ["/etc/passwd", "../x", "p/../../x", "p\\..\\x", "", ".", "a\0b"] {
            assert_eq!(inside(hostile), None, "{hostile:?}");
        }
    }
}
