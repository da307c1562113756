//! Services and resources: the compiled model of one service document.
//!
//! Owns: the model that is cached (docs/decisions/0013-places-on-disk.md) and used everywhere else.
//! Refuses: changes after it was built.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::method::{Method, SqlVerb};
use crate::schema::Schemas;
use crate::view::View;

/// One service document, compiled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Service {
    /// Provider name.
    pub provider: String,
    /// Service name in SQL.
    pub name: String,
    /// `info.title`.
    pub title: String,
    /// `info.description`.
    pub description: String,
    /// Name used for request signing (`x-serviceName`, else the title).
    pub signing_name: String,
    /// `x-protocol`: the XML dialect of AWS services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// Resources by SQL name, in document order.
    pub resources: IndexMap<String, Resource>,
    /// Every schema that the methods use.
    pub schemas: Schemas,
}

impl Service {
    /// True if every index points into the arena and every verb at a method (a stored model may be
    /// damaged).
    pub fn is_consistent(&self) -> bool {
        self.schemas.is_consistent()
            && self.resources.values().all(|resource| resource.is_consistent(&self.schemas))
    }
}

/// A resource: a table in SQL.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Resource {
    /// Name in SQL.
    pub name: String,
    /// `provider.service.resource`.
    pub id: String,
    /// Title.
    pub title: String,
    /// Description.
    pub description: String,
    /// Methods by key, in document order.
    pub methods: IndexMap<String, Method>,
    /// Candidate methods of each SQL verb, in order.
    pub verbs: Verbs,
    /// View definitions, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub views: Vec<View>,
    /// Line of the resource in its document.
    #[serde(default)]
    pub line: u32,
}

/// Candidate method keys of each SQL verb.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Verbs {
    /// SELECT.
    pub select: Vec<String>,
    /// INSERT.
    pub insert: Vec<String>,
    /// UPDATE.
    pub update: Vec<String>,
    /// REPLACE.
    pub replace: Vec<String>,
    /// DELETE.
    pub delete: Vec<String>,
}

impl Verbs {
    /// The keys for a verb; EXEC has none, since it names its method.
    pub fn of(&self, verb: SqlVerb) -> &[String] {
        match verb {
            SqlVerb::Select => &self.select,
            SqlVerb::Insert => &self.insert,
            SqlVerb::Update => &self.update,
            SqlVerb::Replace => &self.replace,
            SqlVerb::Delete => &self.delete,
            SqlVerb::Exec => &[],
        }
    }

    /// The SQL verbs that list a method.
    pub fn listing(&self, method: &str) -> Vec<SqlVerb> {
        Self::ALL
            .into_iter()
            .filter(|verb| self.of(*verb).iter().any(|key| key == method))
            .collect()
    }

    const ALL: [SqlVerb; 5] =
        [SqlVerb::Select, SqlVerb::Insert, SqlVerb::Update, SqlVerb::Replace, SqlVerb::Delete];
}

impl Resource {
    fn is_consistent(&self, schemas: &Schemas) -> bool {
        Verbs::ALL
            .into_iter()
            .all(|verb| self.verbs.of(verb).iter().all(|key| self.methods.contains_key(key)))
            && self.methods.values().all(|method| method.schemas().all(|id| schemas.contains(id)))
    }

    /// Candidate methods of a SQL verb, in order.
    pub fn candidates(&self, verb: SqlVerb) -> impl Iterator<Item = &Method> {
        self.verbs.of(verb).iter().filter_map(|key| self.methods.get(key))
    }

    /// The SQL verb shown for a method: the first that lists it, else EXEC.
    pub fn verb_of(&self, method: &str) -> SqlVerb {
        self.verbs.listing(method).first().copied().unwrap_or(SqlVerb::Exec)
    }
}
