//! Providers: the entry document and its service index.
//!
//! Owns: `provider.yaml`.
//! Refuses: opening service documents; [`crate::load_service`] loads one on demand.

use indexmap::IndexMap;

use crate::auth::AuthConfig;
use crate::node::Node;

/// A provider, without the content of its services.
#[derive(Debug, Clone, PartialEq)]
pub struct Provider {
    /// The name in SQL.
    pub name: String,
    /// `id`.
    pub id: String,
    /// Version text.
    pub version: String,
    /// Title.
    pub title: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Package and version that the document was generated from (`x-source`), for example
    /// `databricks-sdk 0.162.0`.
    pub generated_from: Option<String>,
    /// Services by SQL name, in document order.
    pub services: IndexMap<String, ServiceEntry>,
    /// The default authentication.
    pub auth: Option<AuthConfig>,
    /// True when columns and parameters have snake-case names in SQL.
    pub snake_case_aliases: bool,
    /// Environment variables that hold defaults of parameters, by the parameter's name
    /// (`x-strataql.defaults`).
    pub defaults: IndexMap<String, String>,
    /// The `config` block, inherited by services.
    pub(crate) config: Node,
}

/// A service in the index.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceEntry {
    /// The name in SQL.
    pub name: String,
    /// `id`, for example `oauth2:v00.00.00000`.
    pub id: String,
    /// Version text.
    pub version: String,
    /// Title.
    pub title: String,
    /// Description.
    pub description: String,
    /// True for the preferred version of several.
    pub preferred: bool,
    /// Path of the document, relative to the folder that holds the provider folders.
    pub document: String,
    /// True if the document is a register of resources, and the operations are in documents that it names.
    pub is_register: bool,
    /// Line of the entry in the provider document.
    pub line: u32,
    /// The `config` block of the entry.
    pub(crate) config: Node,
}
