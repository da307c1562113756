//! The list of views and tables.
//!
//! Owns: its shape on disk, looking up names, and every change of it. A change is made on a copy; the
//! store replaces the whole list or nothing.

use serde::{Deserialize, Serialize};
use strataql_diag::{Code, Report, did_you_mean};
use strataql_query::front::views::Definition;

use super::Found;

/// Version of the shape.
pub(super) const FORMAT: u32 = 1;

/// Seconds after which a file that nothing refers to any more may go: readers of an older list are
/// done by then.
pub(super) const GRACE: u64 = 3_600;

/// The list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(super) format: u32,
    /// Goes up with every change.
    pub(super) generation: u64,
    pub(super) relations: Vec<Entry>,
    /// Files that are waiting to be removed.
    #[serde(default)]
    pub(super) retired: Vec<Retired>,
}

/// A view or table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Tells this one from a later one of the same name.
    pub(super) id: u64,
    pub(crate) name: String,
    #[serde(flatten)]
    pub(crate) content: Content,
}

impl Entry {
    /// The view that it is, if it is one.
    pub(crate) fn view(&self) -> Option<Definition> {
        let Content::View { view } = &self.content else { return None };
        Some(Definition {
            name: self.name.clone(),
            sql: view.sql.clone(),
            columns: view.columns.clone(),
            namespace: view.namespace.clone(),
            from_document: false,
            required: Vec::new(),
        })
    }
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Content {
    Table { files: Vec<DataFile> },
    View { view: ViewText },
    MaterializedView { files: Vec<DataFile>, view: ViewText },
}

/// The text of a view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ViewText {
    pub(crate) sql: String,
    /// Names of its columns, if it gives them names of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) columns: Vec<String>,
    /// What USE had chosen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) namespace: Vec<String>,
}

/// A file of rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DataFile {
    pub(super) name: String,
    pub(super) rows: u64,
    pub(super) bytes: u64,
}

/// A file that no entry holds any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Retired {
    pub(super) name: String,
    /// When it was let go, seconds since 1970.
    pub(super) since: u64,
}

/// What CREATE does when the name is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IfTaken {
    Fail,
    Replace,
    Keep,
}

impl Content {
    /// What it is, for people.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Table { .. } => "table",
            Self::View { .. } => "view",
            Self::MaterializedView { .. } => "materialized view",
        }
    }

    /// The keywords that drop it.
    pub(super) const fn keywords(&self) -> &'static str {
        match self {
            Self::Table { .. } => "TABLE",
            Self::View { .. } => "VIEW",
            Self::MaterializedView { .. } => "MATERIALIZED VIEW",
        }
    }

    /// Its rows; nothing for a view.
    pub(crate) fn files(&self) -> &[DataFile] {
        match self {
            Self::Table { files } | Self::MaterializedView { files, .. } => files,
            Self::View { .. } => &[],
        }
    }
}

impl Default for Manifest {
    fn default() -> Self {
        Self { format: FORMAT, generation: 0, relations: Vec::new(), retired: Vec::new() }
    }
}

impl Manifest {
    /// The entry of a name. Names differ by more than case; a quoted one fits only exactly.
    pub(crate) fn find(&self, name: &str, quoted: bool) -> Option<&Entry> {
        self.relations.iter().find(|entry| {
            entry.name == name || (!quoted && entry.name.to_lowercase() == name.to_lowercase())
        })
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.relations
    }

    /// All files that entries hold.
    pub(super) fn files(&self) -> impl Iterator<Item = &DataFile> {
        self.relations.iter().flat_map(|entry| entry.content.files())
    }

    /// Fails early when a name cannot be created; true when there is nothing to do.
    ///
    /// # Errors
    /// `bad-value` if the name is taken.
    pub(super) fn check_create(
        &self,
        name: &str,
        content: &'static str,
        taken: IfTaken,
    ) -> Found<bool> {
        let Some(entry) = self.find(name, false) else { return Ok(false) };
        let kind = entry.content.kind();
        match taken {
            IfTaken::Keep if kind == content => Ok(true),
            IfTaken::Replace if kind == content => Ok(false),
            _ => {
                let report = Report::new(
                    Code::BadValue,
                    format!("there is a {kind} `{}` already", entry.name),
                );
                let drop = format!("`DROP {} {}`", entry.content.keywords(), entry.name);
                Err(Box::new(if kind == content {
                    report.with_help(format!("write CREATE OR REPLACE, or {drop} first"))
                } else {
                    report.with_help(format!("choose another name, or {drop} first"))
                }))
            }
        }
    }

    /// Adds an entry, in place of one of the same name and kind if that may be.
    ///
    /// # Errors
    /// `bad-value` if the name is taken.
    pub(super) fn create(&mut self, name: &str, content: Content, taken: IfTaken) -> Found<()> {
        if self.check_create(name, content.kind(), taken)? {
            return Ok(());
        }
        self.relations.retain(|entry| entry.name.to_lowercase() != name.to_lowercase());
        let id = self.generation + 1;
        self.relations.push(Entry { id, name: name.to_owned(), content });
        Ok(())
    }

    /// Removes an entry; false if there is none.
    ///
    /// # Errors
    /// `bad-value` if the name is that of something else.
    pub(super) fn drop(&mut self, name: &str, quoted: bool, kind: &str) -> Found<bool> {
        let Some(entry) = self.find(name, quoted) else { return Ok(false) };
        if entry.content.kind() != kind {
            return Err(Box::new(
                Report::new(
                    Code::BadValue,
                    format!("`{}` is a {}, no {kind}", entry.name, entry.content.kind()),
                )
                .with_help(format!(
                    "write `DROP {} {}`",
                    entry.content.keywords(),
                    entry.name
                )),
            ));
        }
        let id = entry.id;
        let name = entry.name.clone();
        self.relations.retain(|entry| entry.id != id || entry.name != name);
        Ok(true)
    }

    /// Adds a file to a table that is still the one that was read.
    ///
    /// # Errors
    /// `bad-value` if the table was dropped or made anew meanwhile.
    pub(super) fn append(&mut self, known: &Entry, file: DataFile) -> Found<()> {
        match self.same(known)? {
            Content::Table { files } => {
                files.push(file);
                Ok(())
            }
            other => Err(Box::new(Report::internal(format!("a {} takes no rows", other.kind())))),
        }
    }

    /// Gives a materialized view new rows.
    ///
    /// # Errors
    /// `bad-value` if it was dropped or made anew meanwhile.
    pub(super) fn refresh(&mut self, known: &Entry, file: DataFile) -> Found<()> {
        match self.same(known)? {
            Content::MaterializedView { files, .. } => {
                *files = vec![file];
                Ok(())
            }
            other => Err(Box::new(Report::internal(format!(
                "a {} has nothing to refresh",
                other.kind()
            )))),
        }
    }

    fn same(&mut self, known: &Entry) -> Found<&mut Content> {
        self.relations
            .iter_mut()
            .find(|entry| entry.id == known.id && entry.name == known.name)
            .map(|entry| &mut entry.content)
            .ok_or_else(|| {
                Box::new(
                    Report::new(
                        Code::BadValue,
                        format!("`{}` was changed by somebody else meanwhile", known.name),
                    )
                    .with_help("run the statement again"),
                )
            })
    }

    /// The report that a name means nothing here.
    pub(super) fn missing(&self, name: &str, kind: &str) -> Report {
        let known = self.relations.iter().filter(|entry| entry.content.kind() == kind);
        Report::new(Code::UnknownResource, format!("there is no {kind} `{name}`"))
            .with_help_if(did_you_mean(name, known.map(|entry| entry.name.as_str())))
            .with_help(format!(
                "`SHOW {}` lists them",
                if kind == "view" { "VIEWS" } else { "TABLES" }
            ))
    }
}
