//! The arguments of a tool, checked.

use serde_json::Value;
use strataql_diag::{Code, Report, did_you_mean};

use crate::backend::Row;
use crate::options::Rendering;

/// The arguments of a call.
pub(crate) struct Arguments<'a> {
    given: &'a Row,
}

impl<'a> Arguments<'a> {
    /// Checks that only these names are given.
    ///
    /// # Errors
    /// `usage` with the name that is meant.
    pub(crate) fn of(given: &'a Row, known: &[&str]) -> Result<Self, Box<Report>> {
        for name in given.keys() {
            if !known.contains(&name.as_str()) {
                return Err(Box::new(
                    Report::new(Code::Usage, format!("there is no argument `{name}`"))
                        .with_help_if(did_you_mean(name, known.iter().copied()))
                        .with_help(format!("the arguments are `{}`", known.join("`, `"))),
                ));
            }
        }
        Ok(Self { given })
    }

    /// A text, if it is given.
    ///
    /// # Errors
    /// `usage` for another type.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&'a str>, Box<Report>> {
        match self.given.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(unfit(name, "a text")),
        }
    }

    /// A text that must be given.
    ///
    /// # Errors
    /// `usage`.
    pub(crate) fn needed(&self, name: &str) -> Result<&'a str, Box<Report>> {
        let text = self.text(name)?.filter(|text| !text.trim().is_empty());
        text.ok_or_else(|| unfit(name, "a text that is not empty"))
    }

    /// A part of a name for a statement that the server writes.
    ///
    /// # Errors
    /// `usage` for characters that no such name has.
    pub(crate) fn name(&self, name: &str) -> Result<&'a str, Box<Report>> {
        checked(name, self.needed(name)?)
    }

    /// As [`Self::name`], if it is given.
    ///
    /// # Errors
    /// As [`Self::name`].
    pub(crate) fn name_if(&self, name: &str) -> Result<Option<&'a str>, Box<Report>> {
        self.text(name)?.filter(|text| !text.is_empty()).map(|text| checked(name, text)).transpose()
    }

    /// A whole number of at least 1, if it is given.
    ///
    /// # Errors
    /// `usage`.
    pub(crate) fn count(&self, name: &str) -> Result<Option<usize>, Box<Report>> {
        match self.given.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => value
                .as_u64()
                .filter(|number| *number > 0)
                .and_then(|number| usize::try_from(number).ok())
                .map(Some)
                .ok_or_else(|| unfit(name, "a whole number of at least 1")),
        }
    }

    /// Whether something is wanted.
    ///
    /// # Errors
    /// `usage`.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Box<Report>> {
        match self.given.get(name) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(unfit(name, "`true` or `false`")),
        }
    }

    /// An object, if it is given.
    ///
    /// # Errors
    /// `usage`.
    pub(crate) fn object(&self, name: &str) -> Result<Option<&'a Row>, Box<Report>> {
        match self.given.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object)),
            Some(_) => Err(unfit(name, "an object")),
        }
    }

    /// Texts of a list, if it is given.
    ///
    /// # Errors
    /// `usage`.
    pub(crate) fn texts(&self, name: &str) -> Result<Vec<&'a str>, Box<Report>> {
        match self.given.get(name) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(list)) => {
                let text =
                    |value: &'a Value| value.as_str().ok_or_else(|| unfit(name, "a list of texts"));
                list.iter().map(text).collect()
            }
            Some(_) => Err(unfit(name, "a list of texts")),
        }
    }

    /// `format`, or the server's.
    ///
    /// # Errors
    /// `usage`.
    pub(crate) fn rendering(&self, otherwise: Rendering) -> Result<Rendering, Box<Report>> {
        let Some(name) = self.text("format")? else { return Ok(otherwise) };
        Rendering::of(name).ok_or_else(|| {
            Box::new(
                Report::new(Code::Usage, format!("invalid format `{name}`"))
                    .with_help(format!("the formats are `{}`", Rendering::NAMES.join("`, `"))),
            )
        })
    }
}

fn checked<'a>(name: &str, text: &'a str) -> Result<&'a str, Box<Report>> {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    if text.chars().all(is_plain) { Ok(text) } else { Err(unfit(name, "a name")) }
}

fn unfit(name: &str, wanted: &str) -> Box<Report> {
    Box::new(
        Report::new(Code::Usage, format!("the argument `{name}` has to be {wanted}"))
            .with_help("the tool's input schema has its arguments"),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn arguments_are_checked() {
        let value =
            json!({"sql": "SELECT 1", "row_limit": 0, "provider": "a; DROP", "format": "xml"});
        let given = value.as_object().expect("object");
        let known = ["sql", "row_limit", "provider", "format", "deep"];
        let arguments = Arguments::of(given, &known).expect("known");
        assert_eq!(arguments.needed("sql").ok(), Some("SELECT 1"));
        assert!(arguments.count("row_limit").is_err());
        assert!(arguments.name("provider").is_err());
        assert!(arguments.rendering(Rendering::Json).is_err());
        assert_eq!(arguments.flag("deep").ok(), Some(false));
        let report = Arguments::of(given, &["sqll"]).err().expect("unknown");
        assert!(report.message.contains("no argument `sql`"));
    }
}
