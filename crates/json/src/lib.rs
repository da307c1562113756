//! JSON text: trees, paths, edits, comparison and walks.
//!
//! Owns: [`Node`], paths in SQLite's syntax, the value at a path, edits at paths, equality, and the
//! rows of walks.
//! Refuses: SQL, columns and types (the engine), the decoding of responses (`call`).
//! Surprise: numbers are kept as text, so a long integer keeps its digits; only comparison
//! evaluates them.

mod compare;
mod edit;
mod lookup;
mod node;
mod path;
mod walk;

pub use compare::{contains, equal, equal_as_sets};
pub use edit::{Mode, changing_path};
pub use lookup::{Found, find, find_keys, is_index, raw_at};
pub use node::{Node, compact, pretty, quoted};
pub use path::{Step, parse_path};
pub use walk::{Row, each, elements, tree};
