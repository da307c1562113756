//! Which modules of a crate may import which, and the circles of imports that are still allowed.

/// The top-level modules of a crate, from the highest layer to the lowest.
pub(super) struct Layers {
    /// The crate's folder below `crates/`.
    pub(super) name: &'static str,
    /// Modules of one layer do not import each other. The root (`lib.rs`) is above all.
    pub(super) order: &'static [&'static [&'static str]],
    /// Imports that point up or sideways today, as module and imported module.
    pub(super) exceptions: &'static [(&'static str, &'static str)],
}

/// Circles of a crate that are larger than the rule wants them.
pub(super) struct Circles {
    /// The crate's folder below `crates/`, or of the workspace.
    pub(super) name: &'static str,
    /// Files of the largest circle.
    pub(super) largest: usize,
    /// Files of the largest circle across top-level modules.
    pub(super) across: usize,
}

/// Layers of crates that are large enough to need them.
pub(super) const LAYERS: &[Layers] = &[
    Layers {
        name: "engine",
        order: &[
            &["session"],
            &["engine"],
            &["transaction"],
            &["complete", "description", "read_only", "relations"],
            &["local", "meta", "write"],
            &["recording"],
        ],
        exceptions: &[("engine", "session")],
    },
    Layers {
        name: "query",
        order: &[
            &["assertion", "explain"],
            &["statement"],
            &["query_engine"],
            &["front"],
            &["plan"],
            &["catalog"],
            &["resource_table"],
            &["operators"],
            &["predicate"],
            &["resource"],
            &["run"],
            &["response_cache"],
            &["journal"],
            &["task"],
            &["result_set", "text_table"],
            &["partial"],
            &["outcome"],
            &["budget", "traffic"],
            &["activity", "error", "parameters", "settings", "trace"],
        ],
        exceptions: &[("operators", "plan")],
    },
];

/// Today's circles. They may shrink only.
pub(super) const CIRCLES: &[Circles] = &[
    Circles { name: "call", largest: 12, across: 2 },
    Circles { name: "engine", largest: 12, across: 2 },
    Circles { name: "net", largest: 12, across: 5 },
    Circles { name: "sandbox", largest: 12, across: 7 },
    Circles { name: "spec", largest: 12, across: 2 },
];
