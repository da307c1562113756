//! Changes to the data of a server as JSON, to be kept between runs.
//!
//! Owns: the format. The caller reads and writes files.
//! Surprise: only what was changed is kept. Everything else is generated again, the same, as long as
//! documents and options are the same.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use strataql_diag::{Code, Report, Result};

use crate::collection::Object;

/// The version of the format.
const VERSION: u32 = 1;

/// What was changed on a server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    pub(crate) version: u32,
    pub(crate) collections: Vec<CollectionState>,
    pub(crate) singletons: Vec<SingletonState>,
}

impl Default for State {
    fn default() -> Self {
        Self { version: VERSION, collections: Vec::new(), singletons: Vec::new() }
    }
}

/// The changes to a collection.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct CollectionState {
    pub(crate) host: String,
    pub(crate) key: String,
    pub(crate) changes: Changes,
}

/// Objects that were changed, removed and added.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Changes {
    /// Positions of generated objects that are gone.
    pub(crate) gone: BTreeSet<usize>,
    /// Generated objects that were changed, by position.
    pub(crate) changed: BTreeMap<usize, Object>,
    /// Objects that were given or created, by identifier.
    pub(crate) added: IndexMap<String, Object>,
    /// How many identifiers were claimed.
    pub(crate) created: usize,
}

/// A singleton; without an object it was removed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SingletonState {
    pub(crate) host: String,
    pub(crate) key: String,
    pub(crate) object: Option<Object>,
}

impl State {
    /// Reads a state; `file` is its name in errors.
    ///
    /// # Errors
    /// `config` if the text is no state.
    pub fn parse(text: &str, file: &str) -> Result<Self> {
        let wrong = |cause: String, line: usize| {
            Box::new(
                Report::new(Code::Config, format!("this is no state of a sandbox: {cause}"))
                    .with_place(file, line)
                    .with_help("delete the file to start anew, or name another one"),
            )
        };
        let state: Self =
            serde_json::from_str(text).map_err(|error| wrong(error.to_string(), error.line()))?;
        if state.version == VERSION {
            Ok(state)
        } else {
            Err(wrong(format!("its version is {}, not {VERSION}", state.version), 1))
        }
    }

    /// The text of the state.
    pub fn to_text(&self) -> String {
        // maps with text and number keys are always JSON
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_what_was_written() {
        let mut state = State::default();
        let object: Object = [("name".to_owned(), "x".into())].into_iter().collect();
        state.collections.push(CollectionState {
            host: "h".to_owned(),
            key: "k".to_owned(),
            changes: Changes {
                gone: [3].into(),
                changed: [(1, object.clone())].into(),
                added: [("id".to_owned(), object)].into_iter().collect(),
                created: 2,
            },
        });
        assert_eq!(State::parse(&state.to_text(), "f").expect("valid"), state);
        for text in ["", "[]", "{\"version\": 9, \"collections\": [], \"singletons\": []}"] {
            assert_eq!(State::parse(text, "f").expect_err(text).code, Code::Config);
        }
    }
}
