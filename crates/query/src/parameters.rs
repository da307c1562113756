//! Bind parameters of a statement: `$1`, `:name`, `?`.
//!
//! Owns: their values as DataFusion scalars.

use std::collections::HashMap;

use datafusion::arrow::array::Array;
use datafusion::common::metadata::ScalarAndMetadata;
use datafusion::common::{ParamValues, ScalarValue};
use strataql_diag::Report;

/// Values of bind parameters, by name (`1`, `name`).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parameters {
    values: Vec<(String, ScalarValue)>,
    /// True where a statement is described: its parameters stay in the plan.
    is_open: bool,
}

impl Parameters {
    /// Parameters without values, of a statement that is not run.
    pub fn open() -> Self {
        Self { values: Vec::new(), is_open: true }
    }

    /// True if parameters without a value are no mistake.
    pub(crate) fn is_open(&self) -> bool {
        self.is_open
    }

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
        self.values.retain(|(known, _)| known != name);
        self.values.push((name.to_owned(), value));
    }

    /// Adds the first value of an array.
    ///
    /// # Errors
    /// `internal` for an empty array, and for a type without single values.
    pub fn add_array(&mut self, name: &str, array: &dyn Array) -> Result<(), Box<Report>> {
        let value = ScalarValue::try_from_array(array, 0)
            .map_err(|error| Box::new(Report::internal(error.to_string())))?;
        self.add(name, value);
        Ok(())
    }

    /// True without any value.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// True if there is a value of that name.
    pub fn has(&self, name: &str) -> bool {
        self.values.iter().any(|(known, _)| known == name)
    }

    pub(crate) fn values(&self) -> ParamValues {
        let map: HashMap<String, ScalarAndMetadata> = self
            .values
            .iter()
            .map(|(name, value)| (name.clone(), ScalarAndMetadata::new(value.clone(), None)))
            .collect();
        ParamValues::Map(map)
    }
}
