//! Bind parameters of a statement: `$1`, `:name`, `?`.
//!
//! Owns: their values as DataFusion scalars.

use std::collections::HashMap;

use datafusion::common::metadata::ScalarAndMetadata;
use datafusion::common::{ParamValues, ScalarValue};

/// Values of bind parameters, by name (`1`, `name`).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parameters(Vec<(String, ScalarValue)>);

impl Parameters {
    /// Adds a value given as text: whole numbers and booleans keep their kind, anything else is text.
    pub fn add_text(&mut self, name: &str, text: &str) {
        let value = match text.parse::<i64>() {
            Ok(number) if number.to_string() == text => ScalarValue::Int64(Some(number)),
            _ => match text {
                "true" => ScalarValue::Boolean(Some(true)),
                "false" => ScalarValue::Boolean(Some(false)),
                _ => ScalarValue::Utf8(Some(text.to_owned())),
            },
        };
        self.add(name, value);
    }

    /// Adds a value; a later one of the same name replaces it.
    pub fn add(&mut self, name: &str, value: ScalarValue) {
        self.0.retain(|(known, _)| known != name);
        self.0.push((name.to_owned(), value));
    }

    /// True without any value.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True if there is a value of that name.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    pub(crate) fn values(&self) -> ParamValues {
        let map: HashMap<String, ScalarAndMetadata> = self
            .0
            .iter()
            .map(|(name, value)| (name.clone(), ScalarAndMetadata::new(value.clone(), None)))
            .collect();
        ParamValues::Map(map)
    }
}
