//! JSON text: trees, paths, edits, comparison and walks.
//!
//! Owns: [`Node`], paths as SQLite writes them, the value at a path, changes at paths, equality, and
//! the rows that a value unfolds into.
//! Refuses: SQL, columns and types (the engine), the decoding of answers (`call`).
//! Surprise: numbers are never computed. They stay the text that they were, so a long integer keeps
//! its digits; only comparison looks at their value.

mod compare;
mod edit;
mod lookup;
mod node;
mod path;
mod walk;

pub use compare::{equal, equal_as_sets};
pub use edit::{Mode, changing_path};
pub use lookup::{Found, find, find_keys, is_index, raw_at};
pub use node::{Node, compact, pretty, quoted};
pub use path::{Step, parse_path};
pub use walk::{Row, each, elements, tree};
