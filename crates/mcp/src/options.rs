//! How a server behaves.

use std::time::Duration;

use crate::mode::Mode;

/// How results are written for the model. Structured content is always there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rendering {
    /// A Markdown table.
    #[default]
    Markdown,
    /// Compact JSON.
    Json,
}

impl Rendering {
    pub(crate) const NAMES: [&'static str; 2] = ["markdown", "json"];

    pub(crate) fn of(name: &str) -> Option<Self> {
        match name {
            "markdown" => Some(Self::Markdown),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

/// How a server behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// What may run.
    pub mode: Mode,
    /// How results are written.
    pub rendering: Rendering,
    /// Most tokens of a result, at four bytes each.
    pub max_tokens: usize,
    /// How long an approval waits for its answer and holds.
    pub approval_ttl: Duration,
    /// Most rows that approved statements may write.
    pub approved_rows: u64,
    /// Longest run of a tool, without the time that a person takes to approve.
    pub timeout: Duration,
    /// Calls that run at once.
    pub concurrency: usize,
    /// Names of the tools that are offered; none means all.
    pub tools: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            rendering: Rendering::default(),
            max_tokens: 10_000,
            approval_ttl: Duration::from_mins(10),
            approved_rows: 100,
            timeout: Duration::from_mins(5),
            concurrency: 16,
            tools: Vec::new(),
        }
    }
}
