//! Methods: one HTTP operation in the model of SQL.
//!
//! Owns: parameters with their locations, the response's row shape and columns, the effective
//! configuration.
//! Refuses: values, URLs and requests.
//! Surprise: if several parameters have a name, the first by location counts (path, query, header,
//! server), as in the reference; it hides a body attribute of the same name.

use serde::{Deserialize, Serialize};

use crate::body::{Body, BodyProperty};
use crate::column::Column;
use crate::extension::Extension;
use crate::graphql::GraphQl;
use crate::paging::Paging;
use crate::path::PathTemplate;
use crate::pushdown::Pushdown;
use crate::schema::{SchemaId, Schemas};
use crate::server::Server;

/// An HTTP verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum HttpVerb {
    /// GET.
    Get,
    /// HEAD.
    Head,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
    /// OPTIONS.
    Options,
    /// TRACE.
    Trace,
}

impl HttpVerb {
    /// Parses a lower-case `OpenAPI` verb.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "get" => Self::Get,
            "head" => Self::Head,
            "post" => Self::Post,
            "put" => Self::Put,
            "patch" => Self::Patch,
            "delete" => Self::Delete,
            "options" => Self::Options,
            "trace" => Self::Trace,
            _ => return None,
        })
    }

    /// The upper-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
            Self::Trace => "TRACE",
        }
    }

    /// True when repeating the request changes nothing (RFC 9110, 9.2.1: safe methods).
    pub const fn is_safe(self) -> bool {
        matches!(self, Self::Get | Self::Head | Self::Options | Self::Trace)
    }
}

impl std::fmt::Display for HttpVerb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A SQL verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SqlVerb {
    /// SELECT.
    Select,
    /// INSERT.
    Insert,
    /// UPDATE.
    Update,
    /// REPLACE.
    Replace,
    /// DELETE.
    Delete,
    /// EXEC.
    Exec,
}

impl SqlVerb {
    /// The upper-case keyword.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Select => "SELECT",
            Self::Insert => "INSERT",
            Self::Update => "UPDATE",
            Self::Replace => "REPLACE",
            Self::Delete => "DELETE",
            Self::Exec => "EXEC",
        }
    }
}

/// The location of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Location {
    /// The URL path.
    Path,
    /// The query string.
    Query,
    /// A header.
    Header,
    /// A variable of the server URL.
    Server,
}

/// An input that a SELECT can set: a parameter, or an attribute of the body.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Input<'m> {
    /// The name in SQL.
    pub name: &'m str,
    /// The name on the wire.
    pub wire: &'m str,
    /// Its schema.
    pub schema: SchemaId,
    /// True when it is required.
    pub required: bool,
    /// Its location; `None` for the body.
    pub location: Option<Location>,
    /// Description.
    pub description: Option<&'m str>,
}

impl<'m> Input<'m> {
    pub(crate) fn of_param(param: &'m Param) -> Self {
        Self {
            name: &param.name,
            wire: &param.wire,
            schema: param.schema,
            required: param.required,
            location: Some(param.location),
            description: param.description.as_deref(),
        }
    }

    pub(crate) fn of_property(property: &'m BodyProperty) -> Self {
        Self {
            name: &property.name,
            wire: &property.wire,
            schema: property.schema,
            required: property.required,
            location: None,
            description: None,
        }
    }
}

/// A parameter of a method (body attributes are in [`Body`]).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Param {
    /// The name in SQL.
    pub name: String,
    /// The name on the wire.
    pub wire: String,
    /// Its location.
    #[serde(rename = "in")]
    pub location: Location,
    /// True when it is required.
    pub required: bool,
    /// The schema of its values.
    pub schema: SchemaId,
    /// A header default that is always sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// Description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `OpenAPI` `explode`; absent means the default of the location.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explode: Option<bool>,
    /// A path parameter whose value may be several segments: its `/` is sent as it is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub multi_segment: bool,
}

/// The location of the rows in a response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "shape", rename_all = "snake_case")]
pub enum RowShape {
    /// An array of objects at this path.
    List {
        /// Keys from the root.
        path: Vec<String>,
    },
    /// One object at this path; `or_list` names a key whose array holds the rows instead.
    Object {
        /// Keys from the root.
        path: Vec<String>,
    },
    /// An array of scalars (or of anything that is not an object) at this path.
    Scalars {
        /// Keys from the root.
        path: Vec<String>,
    },
    /// A map at this path, whose values are the rows.
    MapValues {
        /// Keys from the root.
        path: Vec<String>,
    },
    /// The method returns nothing that can be rows.
    Nothing {
        /// The reason.
        reason: String,
    },
}

impl RowShape {
    /// The keys from the root of the body to the rows.
    pub fn path(&self) -> &[String] {
        match self {
            Self::List { path }
            | Self::Object { path }
            | Self::Scalars { path }
            | Self::MapValues { path } => path,
            Self::Nothing { .. } => &[],
        }
    }

    /// True for shapes with at most one row.
    pub const fn is_single(&self) -> bool {
        matches!(self, Self::Object { .. })
    }
}

/// A template that transforms a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transform {
    /// `golang_template_json_v0.3.0`, `schema_driven_xml_v0.1.0`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// The template; empty for schema-driven kinds.
    pub body: String,
}

/// Kinds of templates, without their version.
const KINDS: &[&str] = &[
    "golang_template",
    "golang_template_json",
    "golang_template_text",
    "golang_template_mxj",
    "schema_driven_xml",
];

impl Transform {
    /// The kind without its version.
    pub fn family(&self) -> &str {
        self.kind.rsplit_once("_v").map_or(self.kind.as_str(), |(family, _)| family)
    }

    /// True if the format has such a kind.
    pub fn is_known(&self) -> bool {
        KINDS.contains(&self.family())
    }
}

/// The response of a method.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Response {
    /// `Accept`, and the type assumed when the response has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// The type to parse the (transformed) response as, whatever its header says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub override_media_type: Option<String>,
    /// The schema of the whole response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<SchemaId>,
    /// Schemas of the responses with another success status.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_schemas: Vec<SchemaId>,
    /// The schema of one row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row_schema: Option<SchemaId>,
    /// The location of the rows.
    pub rows: RowShape,
    /// Columns in document order.
    pub columns: Vec<Column>,
    /// Template applied to the response first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transform: Option<Transform>,
}

impl Response {
    /// Top-level keys that an answer without rows may have.
    ///
    /// There are none where the document looks for rows at a place that its own schema does not have:
    /// an answer without them tells that the place is wrong, not that the list is empty.
    pub fn envelope_keys(&self, schemas: &Schemas) -> Vec<String> {
        let Some(schema) = self.schema else { return Vec::new() };
        if schemas.at_path(schema, self.rows.path()).is_none() {
            return Vec::new();
        }
        schemas[schema].properties.keys().cloned().collect()
    }
}

/// Words that begin the names of operations that read.
const READING: &[&str] =
    &["get", "list", "describe", "search", "query", "batchget", "lookup", "count", "scan"];

/// Words that begin the names of operations that change something.
const CHANGING: &[&str] = &[
    "create",
    "delete",
    "update",
    "remove",
    "patch",
    "insert",
    "put",
    "modify",
    "terminate",
    "destroy",
    "purge",
    "revoke",
    "reset",
    "rotate",
    "attach",
    "detach",
    "enable",
    "disable",
];

/// Words that begin the names of operations that do something else than their last word says: `run_query`.
const ACTING: &[&str] = &[
    "run", "post", "execute", "exec", "start", "stop", "submit", "trigger", "apply", "send", "set",
    "add", "save", "make", "do", "cancel", "new", "register", "replace", "import", "export",
    "invoke", "perform", "issue", "open", "schedule", "launch", "begin", "init", "initiate",
    "generate", "build", "move", "copy", "write", "store", "upload",
];

/// True if the name of an operation begins with a word that reads, at its start or behind what names its
/// resource. What begins with an action is none: `create_query`.
fn reads_by_name(name: &str) -> bool {
    let acts = begins_with(name, CHANGING) || begins_with(name, ACTING);
    begins_with(name, READING) || (!acts && is_named_by(name, READING))
}

/// True if the name of an operation begins with a word that changes something, and none that reads.
pub fn changes_by_name(name: &str) -> bool {
    is_named_by(name, CHANGING) && !is_named_by(name, READING)
}

/// True if a name begins with one of the words, at its start or behind what names its resource
/// (`jobs_list`, `Clusters.List`).
fn is_named_by(name: &str, words: &[&str]) -> bool {
    let separators = ['_', '-', '.', '/', ':'];
    begins_with(name, words)
        || name.split_once(separators).is_some_and(|(_, rest)| begins_with(rest, words))
        || name.rsplit_once(separators).is_some_and(|(_, last)| begins_with(last, words))
}

/// True if a name begins with one of the words, and the word ends there.
fn begins_with(name: &str, words: &[&str]) -> bool {
    words.iter().any(|word| {
        let plain = name.replacen(['_', '-'], "", usize::from(*word == "batchget"));
        let is_word = plain.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
        is_word && !plain[word.len()..].starts_with(|next: char| next.is_ascii_lowercase())
    })
}

/// One method of a resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Method {
    /// Key in the resource.
    pub name: String,
    /// `operationId`, if the document has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation_id: Option<String>,
    /// HTTP verb.
    pub verb: HttpVerb,
    /// Path key.
    pub path: PathTemplate,
    /// Candidate servers, first one first.
    pub servers: Vec<Server>,
    /// Parameters: path, query, header, server, in document order within each.
    pub params: Vec<Param>,
    /// Request body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
    /// Response.
    pub response: Response,
    /// Paging.
    pub paging: Paging,
    /// `queryParamTranspose.algorithm`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_transpose: Option<String>,
    /// `requestTranslate.algorithm`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_translate: Option<String>,
    /// `queryParamPushdown`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pushdown: Option<Pushdown>,
    /// The GraphQL query behind the operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graphql: Option<GraphQl>,
    /// `x-strataql`.
    #[serde(default)]
    pub extension: Extension,
    /// Summary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// Description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// True when the document marks it as deprecated.
    #[serde(default)]
    pub deprecated: bool,
    /// True if a call may change something.
    #[serde(default)]
    pub(crate) writes: bool,
    /// Line of the method in its document.
    #[serde(default)]
    pub line: u32,
}

impl Method {
    /// True if a call may change something: a property of the method, not of its HTTP verb.
    pub const fn is_write(&self) -> bool {
        self.writes
    }

    /// True if a call only reads.
    pub const fn is_read(&self) -> bool {
        !self.writes
    }

    /// True if a call may be retried after its response was lost: a read by an HTTP verb that reads, or one
    /// that its document marks or its operation's name calls a read.
    pub fn may_repeat(&self) -> bool {
        let named = || reads_by_name(self.operation_id.as_deref().unwrap_or(&self.name));
        self.is_read() && (self.verb.is_safe() || self.extension.safe == Some(true) || named())
    }

    /// Sets whether the method writes, from its document or else from the SQL verbs that list it.
    pub(crate) fn decide_access(&mut self, listed: &[SqlVerb]) {
        let changes = |verb: &SqlVerb| *verb != SqlVerb::Select;
        let by_verb = matches!(self.verb, HttpVerb::Put | HttpVerb::Patch | HttpVerb::Delete);
        self.writes = match self.extension.safe {
            Some(safe) => !safe,
            None if listed.iter().any(changes) => true,
            None if listed.contains(&SqlVerb::Select) => by_verb,
            // `?Action=TerminateInstances` is an action by itself
            None => {
                !matches!(self.verb, HttpVerb::Get | HttpVerb::Head) || !self.path.query.is_empty()
            }
        };
    }

    /// The parameter that a SQL name refers to: by SQL name first, then by wire name.
    pub fn param(&self, name: &str) -> Option<&Param> {
        let by_name = self.params.iter().find(|param| param.name == name);
        by_name.or_else(|| self.params.iter().find(|param| param.wire == name))
    }

    /// Required parameters.
    pub fn required_params(&self) -> impl Iterator<Item = &Param> {
        self.params.iter().filter(|param| param.required)
    }

    /// The inputs that a SELECT can set: parameters, and the attributes of the body if rows are
    /// requested by something other than GET.
    pub fn inputs(&self) -> impl Iterator<Item = Input<'_>> {
        let params = self.params.iter().map(Input::of_param);
        let body = self.body.iter().filter(|_| !self.verb.is_safe());
        let properties = body.flat_map(|body| &body.properties).map(Input::of_property);
        params.chain(properties.filter(|property| self.param(property.name).is_none()))
    }

    /// The input that a SQL name refers to.
    pub fn input(&self, name: &str) -> Option<Input<'_>> {
        if let Some(param) = self.param(name) {
            return Some(Input::of_param(param));
        }
        let body = self.body.as_ref().filter(|_| !self.verb.is_safe())?;
        body.property(name).map(Input::of_property)
    }

    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.response.columns.iter().find(|column| column.name == name)
    }

    /// Every schema that the method names.
    pub(crate) fn schemas(&self) -> impl Iterator<Item = SchemaId> {
        let params = self.params.iter().map(|param| param.schema);
        let body = self.body.iter().flat_map(|body| {
            body.schema.into_iter().chain(body.properties.iter().map(|property| property.schema))
        });
        let answer = self.response.schema.into_iter().chain(self.response.row_schema);
        let columns = self.response.columns.iter().map(|column| column.schema);
        params.chain(body).chain(answer).chain(columns)
    }

    /// True when the method returns at most one object and every path parameter is part of its
    /// identity: a 404 then means "no such row" (docs/decisions/0001-answers-are-read-strictly.md).
    pub fn is_lookup(&self) -> bool {
        self.verb.is_safe()
            && self.response.rows.is_single()
            && self.params.iter().any(|param| param.location == Location::Path)
    }

    /// True when the response has rows.
    pub fn is_selectable(&self) -> bool {
        !matches!(self.response.rows, RowShape::Nothing { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_are_recognised_by_the_name_of_their_operation() {
        for name in [
            "getThing",
            "GetThing",
            "get",
            "list_things",
            "jobs_list",
            "Clusters.List",
            "BatchGetItem",
            "batch_get_item",
            "things/search",
            "DescribeInstances",
            "message_batches_list",
            "scan",
        ] {
            assert!(reads_by_name(name), "{name}");
        }
        for name in [
            "messages_post",
            "getaway",
            "listen",
            "createList",
            "things_create",
            "queryless",
            "post",
            "discount",
            "BatchWriteItem",
            "create_query",
            "run_query",
            "purge_list",
            "post_list",
            "Queries.runSearch",
            "startScan",
            "execute-search",
        ] {
            assert!(!reads_by_name(name), "{name}");
        }
    }
}
