//! Jsonnet: contexts of templates.
//!
//! Owns: the language as far as contexts use it: objects with locals, `self`, `super`, `$`, functions,
//! conditions, comprehensions, imports, `std.extVar` and the common functions of `std`.
//! Not taken: jrsonnet (docs/decisions/0016-own-jsonnet.md).
//! Surprise: values are computed when they are asked for, so a field that fails does no harm unless it is
//! in the result.

mod eval;
mod lex;
mod parse;
mod std_lib;
mod value;

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value as Json;

/// Evaluates a text. `folder` is where its imports are, `vars` are `name=value`.
///
/// # Errors
/// The sentence that says why there is no value.
pub(crate) fn evaluate(text: &str, folder: &Path, vars: &[String]) -> Result<Json, String> {
    let pairs = vars.iter().filter_map(|pair| pair.split_once('='));
    let vars: HashMap<String, String> =
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    eval::evaluate(text, folder, vars)
}

#[cfg(test)]
mod tests;
