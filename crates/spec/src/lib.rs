//! The model of provider documents.
//!
//! Owns: reading `OpenAPI` 3 documents with `x-stackQL-*` extensions and the `x-strataql` block into
//! [`Provider`], [`Service`], [`Resource`] and [`Method`]; effective (inherited) configuration;
//! result columns; lint.
//! Refuses: I/O, HTTP, SQL, credentials. Bytes in, models and [`Report`](strataql_diag::Report)s
//! out.
//! Surprise: an invalid method never makes loading fail; it is reported and left out, and the rest
//! of the service works. Schemas are in one arena per service and refer to each other by index, so
//! that cyclic documents are harmless.

pub mod auth;
pub mod body;
pub mod column;
pub mod extension;
pub mod graphql;
mod lint;
mod load;
pub mod method;
pub mod naming;
pub mod node;
pub mod paging;
pub mod path;
pub mod provider;
pub mod pushdown;
pub mod schema;
pub mod server;
pub mod service;
pub mod view;
pub mod write_choice;
pub mod yaml;

pub use auth::{AuthConfig, AuthKind};
pub use body::{Body, BodyNaming, BodyProperty};
pub use column::{Column, ColumnType};
pub use extension::{Extension, Wait};
pub use graphql::GraphQl;
pub use lint::lint;
pub use load::{
    Overlay, SplitDocument, documents_of, load_mended_service, load_provider, load_service,
    load_split_service,
};
pub use method::{
    HttpVerb, Input, Location, Method, Param, Response, RowShape, SqlVerb, Transform,
    changes_by_name,
};
pub use node::Node;
pub use paging::{Paging, TokenSource, TokenTarget};
pub use path::{PathTemplate, Piece};
pub use provider::{Provider, ServiceEntry};
pub use pushdown::Pushdown;
pub use schema::{Schema, SchemaId, SchemaKind, Schemas};
pub use server::{Server, ServerVariable};
pub use service::{Resource, Service, Verbs};
pub use view::{Dialect, View};
pub use write_choice::{NoChoice, Slot, StatementNames, WriteChoice};

/// The format of compiled models; a stored model of another format is not read.
pub const MODEL_VERSION: u32 = 2;
