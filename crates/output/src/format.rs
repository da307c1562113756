//! The names of the output formats.
//!
//! Owns: [`Format`], its spelling and whether it streams.
//! Surprise: names are matched exactly; for `JSON` the error suggests `json`.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use strataql_diag::{Code, Report, did_you_mean};

/// An output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Format {
    /// Aligned columns for people.
    #[default]
    Table,
    /// One array of objects per result set.
    Json,
    /// One object per line, as rows arrive.
    Jsonl,
    /// Comma-separated values (RFC 4180), as rows arrive.
    Csv,
    /// Tab-separated raw cells, as rows arrive.
    Text,
    /// A line per value, row after row, as rows arrive.
    Vertical,
    /// A table of GitHub-flavoured Markdown.
    Markdown,
    /// An Arrow IPC stream with exactly one result set.
    Arrow,
    /// A Parquet file with exactly one result set.
    Parquet,
    /// Everything that happens in a run, one JSON object per line.
    Events,
    /// The checks of a run for CI servers.
    Junit,
}

impl Format {
    /// Every format, in the order of the help text.
    pub const ALL: [Self; 11] = [
        Self::Table,
        Self::Json,
        Self::Jsonl,
        Self::Csv,
        Self::Text,
        Self::Vertical,
        Self::Markdown,
        Self::Arrow,
        Self::Parquet,
        Self::Events,
        Self::Junit,
    ];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::Text => "text",
            Self::Vertical => "vertical",
            Self::Markdown => "markdown",
            Self::Arrow => "arrow",
            Self::Parquet => "parquet",
            Self::Events => "events",
            Self::Junit => "junit",
        }
    }

    /// The format for the extension of a file name.
    pub fn of_file(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        Some(match extension.as_str() {
            "json" => Self::Json,
            "jsonl" | "ndjson" => Self::Jsonl,
            "csv" => Self::Csv,
            "tsv" => Self::Text,
            "md" => Self::Markdown,
            "arrow" | "arrows" => Self::Arrow,
            "parquet" => Self::Parquet,
            "xml" => Self::Junit,
            _ => return None,
        })
    }

    /// True when rows are written as they arrive.
    pub const fn is_streaming(self) -> bool {
        matches!(self, Self::Jsonl | Self::Csv | Self::Text | Self::Vertical | Self::Events)
    }

    /// True when the output reports the run, failures included: its file is written also if the run
    /// fails.
    pub const fn is_report(self) -> bool {
        matches!(self, Self::Events | Self::Junit)
    }

    /// True when the bytes are not text and do not belong on a terminal.
    pub const fn is_binary(self) -> bool {
        matches!(self, Self::Arrow | Self::Parquet)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = Box<Report>;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let names = Self::ALL.map(Self::name);
        match Self::ALL.into_iter().find(|format| format.name() == text) {
            Some(format) => Ok(format),
            None => Err(Box::new(
                Report::new(Code::Usage, format!("there is no output format `{text}`"))
                    .with_help_if(did_you_mean(text, names))
                    .with_note(format!("the formats are {}", names.join(", "))),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for format in Format::ALL {
            assert_eq!(format.to_string().parse::<Format>(), Ok(format));
        }
    }

    #[test]
    fn unknown_names_get_a_suggestion() {
        let report = "jsonll".parse::<Format>().expect_err("unknown");
        assert_eq!(report.code, Code::Usage);
        assert!(report.help[0].contains("`jsonl`"), "{report:?}");
        assert!("JSON".parse::<Format>().expect_err("case counts").help[0].contains("`json`"));
        assert!("xml-tree".parse::<Format>().expect_err("far off").help.is_empty());
    }

    #[test]
    fn files_name_their_format_by_their_ending() {
        let of = |name: &str| Format::of_file(Path::new(name));
        assert_eq!(of("o.csv"), Some(Format::Csv));
        assert_eq!(of("a/b.tar/O.JSONL"), Some(Format::Jsonl));
        assert_eq!(of("rows.parquet"), Some(Format::Parquet));
        assert_eq!(of("csv"), None);
        assert_eq!(of("notes.txt"), None);
    }
}
