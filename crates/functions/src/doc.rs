//! The documentation of a function: the one source of `SHOW FUNCTIONS` and of `docs/functions.md`.

use datafusion_expr::{DocSection, Documentation};

/// A chapter of the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// Values out of JSON, and JSON out of values.
    Json,
    /// JSON as rows.
    Rows,
    /// Text.
    Text,
    /// Dates and times.
    Dates,
    /// Addresses, URLs and encodings.
    Network,
    /// Aggregates.
    Aggregates,
}

impl Section {
    /// The heading.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Rows => "Rows from JSON",
            Self::Text => "Text and values",
            Self::Dates => "Dates and times",
            Self::Network => "Addresses, URLs and encodings",
            Self::Aggregates => "Aggregates",
        }
    }

    const fn doc(self) -> DocSection {
        DocSection { include: true, label: self.title(), description: None }
    }
}

/// A statement and the rows it gives: cells separated by ` | `, one line per row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Example {
    /// The statement.
    pub sql: &'static str,
    /// Its rows.
    pub rows: &'static str,
}

/// The documentation of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FunctionDoc {
    /// The name.
    pub name: &'static str,
    /// Other names of it.
    pub aliases: &'static [&'static str],
    /// The chapter that it stands in.
    pub section: Section,
    /// How a call is written.
    pub syntax: &'static str,
    /// What it computes.
    pub text: &'static str,
    /// A call and its result.
    pub example: Example,
}

impl FunctionDoc {
    /// The documentation of a function; `example` is a statement and its rows.
    pub(crate) const fn new(
        section: Section,
        (name, aliases): (&'static str, &'static [&'static str]),
        syntax: &'static str,
        text: &'static str,
        (sql, rows): (&'static str, &'static str),
    ) -> Self {
        Self { name, aliases, section, syntax, text, example: Example { sql, rows } }
    }

    /// The same for DataFusion.
    pub(crate) fn documentation(&self) -> Documentation {
        Documentation::builder(self.section.doc(), self.text, self.syntax)
            .with_sql_example(self.example.sql)
            .build()
    }

    /// The aliases as DataFusion wants them.
    pub(crate) fn other_names(&self) -> Vec<String> {
        self.aliases.iter().map(|&name| name.to_owned()).collect()
    }
}
