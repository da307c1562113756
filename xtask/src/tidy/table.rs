//! Allowed dependencies. A new edge is a change of this table, and is discussed first.
//!
//! Surprise: the direction of workspace crates also holds for tests; external crates for tests have
//! a list of their own ([`TESTING`]).

/// What one of our crates may depend on.
pub(super) struct Rule {
    /// The folder below `crates/`, or of the workspace.
    pub(super) name: &'static str,
    /// Our own crates.
    pub(super) own: Allowed,
    /// Foreign crates, besides [`COMMON`].
    pub(super) foreign: Allowed,
    /// True if it may see DataFusion, and the engine that brings it.
    pub(super) heavy: bool,
}

/// A set of names.
pub(super) enum Allowed {
    Any,
    Only(&'static [&'static str]),
}

impl Allowed {
    pub(super) fn has(&self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Only(names) => names.contains(&name),
        }
    }
}

use Allowed::{Any, Only};

/// Foreign crates that every crate may use.
pub(super) const COMMON: &[&str] = &["serde", "serde_json", "thiserror", "tracing"];

/// Foreign crates that every crate may use in tests and build scripts.
pub(super) const TESTING: &[&str] = &["insta", "proptest", "tempfile", "sqllogictest", "flate2"];

const fn light(
    name: &'static str,
    own: &'static [&'static str],
    foreign: &'static [&'static str],
) -> Rule {
    Rule { name, own: Only(own), foreign: Only(foreign), heavy: false }
}

/// One rule per member of the workspace.
pub(super) const RULES: &[Rule] = &[
    light("diag", &[], &[]),
    light("spec", &["diag"], &["indexmap", "jiter", "serde-saphyr", "url"]),
    light("sql", &["diag"], &["sqlparser", "stacker"]),
    light("json", &["diag"], &["indexmap", "jiter"]),
    light("ledger", &["diag"], &["ring", "tokio"]),
    light(
        "output",
        &["diag"],
        &[
            "arrow",
            "arrow-array",
            "arrow-ipc",
            "arrow-schema",
            "parquet",
            "tempfile",
            "unicode-width",
        ],
    ),
    light("deploy", &["diag", "spec"], &["base64", "indexmap", "minijinja", "regex", "ring"]),
    light("compat", &["diag", "registry", "spec", "sql"], &["gotmpl", "unicode-width"]),
    light("mcp", &["diag"], &["axum", "futures", "ring", "rmcp", "tokio"]),
    light(
        "pg",
        &["diag"],
        &[
            "arrow",
            "arrow-array",
            "arrow-schema",
            "async-trait",
            "bytes",
            "futures",
            "pgwire",
            "ring",
            "rustls",
            "secrecy",
            "tokio",
        ],
    ),
    light("forge", &["diag", "spec"], &["flate2", "indexmap", "pulldown-cmark"]),
    light("registry", &["diag", "spec"], &["flate2", "ring", "tar", "tokio"]),
    // a second reading of the documents: it must share nothing with the client's side
    light(
        "sandbox",
        &["diag", "spec"],
        &[
            "axum",
            "base64",
            "bytes",
            "futures",
            "http",
            "indexmap",
            "percent-encoding",
            "ring",
            "tokio",
        ],
    ),
    light(
        "net",
        &["diag", "spec"],
        &[
            "aws-credential-types",
            "aws-sigv4",
            "backon",
            "base64",
            "bytes",
            "chrono",
            "flate2",
            "futures",
            "http",
            "http-cache-semantics",
            "httpdate",
            "jsonwebtoken",
            "oauth2",
            "percent-encoding",
            "reqwest",
            "ring",
            "rustls",
            "secrecy",
            "tokio",
            "url",
        ],
    ),
    light(
        "call",
        &["diag", "net", "spec"],
        &[
            "arrow-array",
            "arrow-schema",
            "bytes",
            "futures",
            "gotmpl",
            "http",
            "indexmap",
            "jiter",
            "percent-encoding",
            "quick-xml",
            "tokio",
            "url",
        ],
    ),
    // parts of DataFusion, not the whole of it
    Rule {
        name: "functions",
        own: Only(&["diag", "json"]),
        foreign: Only(&[
            "arrow",
            "base64",
            "chrono",
            "percent-encoding",
            "regex",
            "sqlparser",
            "url",
        ]),
        heavy: true,
    },
    Rule {
        name: "rewrites",
        // in tests alone, for the features that they give to shared dependencies
        own: Only(&["call", "sql"]),
        foreign: Only(&["arrow", "tokio"]),
        heavy: true,
    },
    Rule {
        name: "query",
        own: Only(&[
            "call",
            "diag",
            "functions",
            "json",
            "net",
            "registry",
            "rewrites",
            "spec",
            "sql",
        ]),
        foreign: Only(&[
            "arrow",
            "async-trait",
            "datafusion",
            "futures",
            "indexmap",
            "regex",
            "tokio",
            "url",
        ]),
        heavy: true,
    },
    Rule {
        name: "engine",
        own: Only(&[
            "call",
            "diag",
            "functions",
            "ledger",
            "net",
            "query",
            "registry",
            "spec",
            "sql",
        ]),
        foreign: Only(&["async-trait", "datafusion", "futures", "indexmap", "tokio", "url"]),
        heavy: true,
    },
    Rule {
        name: "cli",
        own: Any,
        foreign: Only(&[
            "annotate-snippets",
            "anstream",
            "anstyle",
            "arrow",
            "clap",
            "clap_complete",
            "futures",
            "indicatif",
            "reedline",
            "secrecy",
            "terminal_size",
            "tokio",
            "toml",
            "tracing-subscriber",
            "url",
        ]),
        heavy: true,
    },
    Rule { name: "e2e", own: Any, foreign: Any, heavy: true },
    Rule { name: "bench", own: Any, foreign: Any, heavy: true },
    light("xtask", &[], &["toml"]),
];
