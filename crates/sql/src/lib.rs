//! Reading SQL text.
//!
//! Owns: splitting a text into statements, the dialect's own statements (SHOW, DESCRIBE, EXEC,
//! REPLACE, REGISTRY, …), names with spans, re-spelling of identifiers.
//! Refuses: meaning; names are resolved by the engine. No DataFusion.
//! Surprise: tokens keep their place in the whole input, so every report points into the text that
//! the user wrote, also after identifiers were re-spelt (only case changes, never length).

mod ast;
mod cursor;
mod error;
mod lexer;
mod limits;
mod names;
mod parse;
mod spelling;

pub use ast::{
    Argument, Describe, Exec, Literal, Name, NamePart, Parsed, Registry, SetValue, Show, ShowWhat,
    Statement, Template, Transaction, WriteKind,
};
pub use lexer::{byte_span, is_complete, words};
pub use names::{Relation, cte_names, relations};
pub use parse::{WHOLE_ROW, empty_select, parse, reparse};
pub use spelling::{Spelling, respell};
pub use sqlparser;
