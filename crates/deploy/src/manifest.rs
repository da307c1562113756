//! The manifest of a stack.
//!
//! Owns: the model, and reading it from YAML with lines, tolerances and `file()` includes.
//! Refuses: rendering. Texts are templates as they were written.

mod include;
mod read;
mod tolerance;
mod value;

use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use strataql_diag::{Code, Report};
use strataql_spec::Node;

pub(crate) use self::value::{SINGLE, placeholder_type};

/// The name of the file in a stack's folder.
pub const MANIFEST: &str = "stackql_manifest.yml";

/// A manifest.
#[derive(Debug, Clone)]
pub struct Stack {
    /// The folder.
    pub(crate) folder: PathBuf,
    /// The path of the manifest, as messages name it.
    pub(crate) file: String,
    /// The digest of everything that was read.
    pub(crate) digest: String,
    /// The name of the stack.
    pub(crate) name: String,
    /// Providers with the versions that are asked for.
    pub(crate) providers: Vec<ProviderPin>,
    pub(crate) globals: Vec<Global>,
    pub(crate) resources: Vec<Resource>,
    /// Queries over plans, whose rows forbid them.
    pub(crate) policies: Vec<Policy>,
    /// Names of the stack's own exports.
    pub(crate) exports: Vec<String>,
    /// What a lint says about the text.
    pub(crate) warnings: Vec<Report>,
}

/// A provider, and the version that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProviderPin {
    pub(crate) name: String,
    pub(crate) version: Option<String>,
    pub(crate) line: usize,
}

/// A query over plans.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    pub(crate) name: String,
    pub(crate) line: usize,
    pub(crate) sql: String,
}

/// A value for the whole stack.
#[derive(Debug, Clone)]
pub(crate) struct Global {
    pub(crate) name: String,
    pub(crate) line: usize,
    pub(crate) value: Option<Json>,
    /// Taken if the value is empty or cannot be rendered.
    pub(crate) default: Option<Json>,
    /// The environment variable that gives the value.
    pub(crate) env: Option<String>,
    pub(crate) is_required: bool,
    pub(crate) is_protected: bool,
}

/// What a resource is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Resource,
    Multi,
    Query,
    Script,
    Command,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] =
        [Self::Resource, Self::Multi, Self::Query, Self::Script, Self::Command];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Resource => "resource",
            Self::Multi => "multi",
            Self::Query => "query",
            Self::Script => "script",
            Self::Command => "command",
        }
    }
}

/// A column of a result under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Export {
    pub(crate) column: String,
    pub(crate) name: String,
}

/// `return_vals`.
#[derive(Debug, Clone, Default)]
pub(crate) struct ReturnValues {
    pub(crate) create: Option<Vec<Export>>,
    pub(crate) update: Option<Vec<Export>>,
    pub(crate) delete: Option<Vec<Export>>,
}

/// What may happen to a resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Lifecycle {
    /// Never deleted nor replaced.
    pub(crate) is_protected: bool,
    /// Left in place by teardown.
    pub(crate) is_retained: bool,
    /// Only read.
    pub(crate) is_observed: bool,
    /// Paths that are not compared.
    pub(crate) ignore: Vec<String>,
}

/// An entry of `resources`.
#[derive(Debug, Clone)]
pub(crate) struct Resource {
    pub(crate) name: String,
    pub(crate) line: usize,
    pub(crate) kind: Kind,
    /// A kind that is not known; an error when it is reached.
    pub(crate) unknown_kind: Option<String>,
    pub(crate) file: Option<String>,
    pub(crate) sql: Option<String>,
    pub(crate) run: Option<String>,
    pub(crate) props: Vec<Prop>,
    pub(crate) exports: Vec<Export>,
    pub(crate) protected: Vec<String>,
    pub(crate) condition: Option<String>,
    pub(crate) skip_validation: bool,
    pub(crate) skip_on_delete: bool,
    pub(crate) auth: Option<Json>,
    pub(crate) return_values: ReturnValues,
    /// `provider.service.resource`: there is no query file, or it has single anchors.
    pub(crate) native: Option<String>,
    /// The props that name the object.
    pub(crate) identity: Vec<String>,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) depends_on: Vec<String>,
}

impl Resource {
    /// A resource without anything but its name.
    #[cfg(test)]
    pub(crate) fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            line: 1,
            kind: Kind::Resource,
            unknown_kind: None,
            file: None,
            sql: None,
            run: None,
            props: Vec::new(),
            exports: Vec::new(),
            protected: Vec::new(),
            condition: None,
            skip_validation: false,
            skip_on_delete: false,
            auth: None,
            return_values: ReturnValues::default(),
            native: None,
            identity: Vec::new(),
            lifecycle: Lifecycle::default(),
            depends_on: Vec::new(),
        }
    }

    /// The query file.
    pub(crate) fn query_file(&self, folder: &Path) -> PathBuf {
        let file = self.file.clone().unwrap_or_else(|| format!("{}.iql", self.name));
        folder.join("resources").join(file)
    }
}

/// A template variable of a resource.
#[derive(Debug, Clone)]
pub(crate) struct Prop {
    pub(crate) name: String,
    pub(crate) line: usize,
    pub(crate) value: Option<Json>,
    /// Values by environment.
    pub(crate) values: Option<Vec<(String, Option<Json>)>>,
    pub(crate) merge: Vec<String>,
    pub(crate) is_protected: bool,
    pub(crate) valid_values: Vec<Json>,
    /// The type name that a documentation page has in place of a value.
    pub(crate) placeholder: Option<String>,
}

impl Stack {
    /// Reads the manifest of a folder.
    ///
    /// # Errors
    /// `local-io` if it cannot be read, `bad-manifest` with the line.
    pub fn load(folder: &Path) -> Result<Self, Box<Report>> {
        read::load(folder)
    }

    /// Reads a manifest that is no file yet; `folder` is where it would be.
    ///
    /// # Errors
    /// `bad-manifest` with the line.
    pub fn of_text(text: &str, folder: &Path) -> Result<Self, Box<Report>> {
        read::of_text(text, folder)
    }

    /// What a lint says about its form.
    pub fn warnings(&self) -> &[Report] {
        &self.warnings
    }

    /// A text that tells it from other stacks on this machine.
    pub fn id(&self) -> String {
        let folder = std::path::absolute(&self.folder).unwrap_or_else(|_| self.folder.clone());
        let digest = crate::random::sha256(folder.to_string_lossy().as_bytes());
        let name: String = self
            .name
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' })
            .collect();
        format!("{name}-{}", &digest[..12])
    }

    /// True if plans have to be checked before they are applied.
    pub fn has_policies(&self) -> bool {
        !self.policies.is_empty()
    }

    /// Its folder, as it was given.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Everything that names providers: the manifest's pins and its query files.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for pin in &self.providers {
            text.push_str(&pin.name);
            text.push('\n');
        }
        for resource in &self.resources {
            for part in [&resource.native, &resource.sql].into_iter().flatten() {
                text.push_str(part);
                text.push('\n');
            }
            // what cannot be read is reported where it is needed
            text.push_str(
                &std::fs::read_to_string(resource.query_file(&self.folder)).unwrap_or_default(),
            );
        }
        text
    }

    pub(crate) fn resource(&self, name: &str) -> Option<&Resource> {
        self.resources.iter().find(|resource| resource.name == name)
    }

    /// An error with its line.
    pub(crate) fn error(&self, line: usize, message: impl Into<String>) -> Box<Report> {
        Box::new(bad(&self.file, line, message))
    }
}

/// A mistake in a manifest.
pub(crate) fn bad(file: &str, line: usize, message: impl Into<String>) -> Report {
    Report::new(Code::Config, message).with_place(file, line)
}

pub(crate) fn line_of(node: &Node) -> usize {
    usize::try_from(node.line).unwrap_or(0)
}
