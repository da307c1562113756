//! Parsing SQL text.
//!
//! Owns: splitting a text into statements, the dialect's own statements (SHOW, DESCRIBE, EXEC,
//! REPLACE, REGISTRY, …), names with spans, respelling of identifiers.
//! Refuses: semantics; the engine resolves names. No DataFusion.
//! Surprise: tokens keep their span in the whole input, so every report points into the original
//! text, also after identifiers were respelled (only case changes, never length).

mod ast;
mod completeness;
mod cursor;
mod error;
mod lexer;
mod limits;
mod names;
mod parse;
mod pieces;
mod place;
mod roles;
mod schemas;
mod secrets;
mod spans;
mod spelling;

pub use ast::{
    Argument, Assertion, Check, Describe, Exec, Literal, Name, NamePart, Parsed, Registry,
    SetValue, Show, ShowWhat, Statement, Template, Transaction, WriteKind,
};
pub use completeness::{Completeness, completeness};
pub use lexer::{Open, words};
pub use names::{Relation, cte_names, relations};
pub use parse::{EXCLUDE, WHOLE_ROW, empty_select, parse, query_of, reparse};
pub use pieces::{Piece, pieces};
pub use place::{Expects, NamedRelation, Place};
pub use roles::{TableNames, mentions};
pub use schemas::plain_schemas;
pub use secrets::{literal_text, secret_literals};
pub use spans::byte_span;
pub use spelling::{Spelling, respell};
pub use sqlparser;
