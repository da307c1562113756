//! The values of variables and how they are written into a statement.
//!
//! Owns: parsing `--var` and `--vars`, and the escapes of every context.
//! Surprise: `--var` values are text. Outside quotes that text must be a JSON scalar; names and
//! expressions are not, so that a value cannot change what the statement does.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value as Json;
use serde_json::error::Category;
use serde_json::value::RawValue;
use strataql_diag::{Code, Report, Result};
use strataql_spec::Node;
use strataql_spec::node::NodeValue;

use super::scan::{Found, Place, is_name, scan};
use crate::env::Environment;

/// One value.
#[derive(Clone, PartialEq, Eq)]
enum Value {
    /// From the command line: text that may be JSON.
    Given(String),
    /// A number or boolean of a file, as written there.
    Literal(String),
    /// A text of a file.
    Text(String),
    /// A list or an object of a file, as JSON text.
    Structure(String),
    /// Null.
    Null,
}

/// The variables of a run; `Debug` shows names only, since a value may be a secret.
#[derive(Clone, Default)]
pub(crate) struct Variables {
    entries: BTreeMap<String, Value>,
    /// Names whose values come from the environment.
    inherited: BTreeSet<String>,
}

/// What the names of environment variables begin with that set variables of a statement.
pub(crate) const ENVIRONMENT: &str = "STRATAQL_VAR_";

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.entries.keys()).finish()
    }
}

impl Variables {
    /// The names that have a value.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Adds `name=value` from the command line; it overrides the files.
    ///
    /// # Errors
    /// `usage` for any other form.
    pub(crate) fn add_pair(&mut self, pair: &str) -> Result<()> {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if !pair.contains('=') || !is_name(name.trim()) {
            return Err(Box::new(
                Report::new(
                    Code::Usage,
                    format!("`--var {name}` does not give a variable a value"),
                )
                .with_help("write `--var name=value`"),
            ));
        }
        self.entries.insert(name.trim().to_owned(), Value::Given(value.to_owned()));
        Ok(())
    }

    /// The names that the command line gives.
    pub(super) fn given(&self) -> impl Iterator<Item = &str> {
        let given = self.entries.iter().filter(|(name, _)| !self.inherited.contains(*name));
        given.filter(|(_, value)| matches!(value, Value::Given(_))).map(|(name, _)| name.as_str())
    }

    /// Takes variables of `text` without a value from the environment: `STRATAQL_VAR_name`, also in
    /// upper case.
    ///
    /// # Errors
    /// `syntax` for braces around something that is not a name.
    pub(crate) fn add_environment(&mut self, text: &str, environment: &Environment) -> Result<()> {
        for found in scan(text)?.found {
            if self.entries.contains_key(&found.name) {
                continue;
            }
            let value = [found.name.clone(), found.name.to_uppercase()]
                .iter()
                .find_map(|name| environment.value(&format!("{ENVIRONMENT}{name}")));
            if let Some(value) = value {
                self.inherited.insert(found.name.clone());
                self.entries.insert(found.name, Value::Given(value));
            }
        }
        Ok(())
    }

    /// Adds the entries of a file; it is JSON if its name says so, otherwise YAML.
    ///
    /// # Errors
    /// `usage` when it is not valid or not a mapping.
    pub(crate) fn add_file(&mut self, name: &str, text: &str) -> Result<()> {
        let is_json =
            name.rsplit_once('.').is_some_and(|(_, end)| end.eq_ignore_ascii_case("json"));
        let entries = if is_json { read_json(name, text)? } else { read_yaml(name, text)? };
        for (key, value) in entries {
            if !is_name(&key) {
                return Err(bad_file(name, 0, &format!("`{key}` is not the name of a variable")));
            }
            self.entries.insert(key, value);
        }
        Ok(())
    }

    /// True when the variable has no value that fits its context.
    pub(super) fn lacks(&self, found: &Found) -> bool {
        match self.entries.get(&found.name) {
            None => true,
            Some(Value::Null) => found.place != Place::Code,
            Some(_) => false,
        }
    }

    /// True when it is set to null.
    pub(super) fn is_null(&self, name: &str) -> bool {
        self.entries.get(name) == Some(&Value::Null)
    }

    /// The text for a variable that has a value.
    ///
    /// # Errors
    /// `bad-param-value` when the value is not allowed there.
    pub(super) fn written(&self, found: &Found) -> Result<String> {
        let value = self.entries.get(&found.name).unwrap_or(&Value::Null);
        if found.place == Place::Code {
            return literal(value, found);
        }
        let text = match value {
            Value::Given(text)
            | Value::Literal(text)
            | Value::Text(text)
            | Value::Structure(text) => text,
            Value::Null => "",
        };
        match &found.place {
            Place::EscapedText => Ok(text.replace('\\', "\\\\").replace('\'', "''")),
            Place::Name(quote) => {
                let quote = char::from(*quote).to_string();
                Ok(text.replace(&quote, &quote.repeat(2)))
            }
            Place::Dollar if text.contains('$') => Err(unfit(
                found,
                "contains `$`, which may end the text it stands in",
                "write the text with single quotes instead of `$$`",
            )),
            Place::Dollar => Ok(text.to_owned()),
            Place::Code | Place::Text => Ok(text.replace('\'', "''")),
        }
    }
}

/// A value as a literal of its own.
fn literal(value: &Value, found: &Found) -> Result<String> {
    match value {
        Value::Literal(text) => Ok(text.clone()),
        Value::Text(text) => Ok(quoted(text)),
        Value::Null => Ok("NULL".to_owned()),
        Value::Structure(_) => Err(unfit(
            found,
            "is a list or an object, which is no SQL literal",
            &format!("write `'{{{{ {} }}}}'` to use its JSON text", found.name),
        )),
        Value::Given(text) => match serde_json::from_str::<Json>(text) {
            Ok(Json::Null | Json::Bool(_) | Json::Number(_)) => Ok(text.trim().to_owned()),
            Ok(Json::String(text)) => Ok(quoted(&text)),
            Ok(Json::Array(_) | Json::Object(_)) | Err(_) => Err(unfit(
                found,
                "is neither a number, `true`, `false`, `null` nor a JSON string",
                &format!("write `'{{{{ {} }}}}'` to use it as text", found.name),
            )),
        },
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn unfit(found: &Found, cause: &str, help: &str) -> Box<Report> {
    Box::new(
        Report::new(Code::BadParamValue, format!("the value of `{}` {cause}", found.name))
            .with_label(found.span, "stands here")
            .with_help(help),
    )
}

fn bad_file(name: &str, line: usize, cause: &str) -> Box<Report> {
    Box::new(
        Report::new(Code::Usage, format!("the variables cannot be read: {cause}"))
            .with_place(name, line)
            .with_help("a file of variables is a mapping of names to values"),
    )
}

/// Numbers stay as written: a mapping to raw values keeps every digit.
fn read_json(name: &str, text: &str) -> Result<Vec<(String, Value)>> {
    let entries: BTreeMap<String, &RawValue> =
        serde_json::from_str(text).map_err(|error| match error.classify() {
            // the error would quote the value, which may be a secret
            Category::Data => bad_file(name, error.line(), "it holds no mapping"),
            _ => bad_file(name, error.line(), &error.to_string()),
        })?;
    let entries = entries.into_iter().map(|(key, raw)| {
        let raw = raw.get();
        let value = match raw.as_bytes() {
            [b'"', ..] => serde_json::from_str(raw).map(Value::Text),
            [b'{' | b'[', ..] => {
                serde_json::from_str::<Json>(raw).map(|json| Value::Structure(json.to_string()))
            }
            b"null" => Ok(Value::Null),
            _ => Ok(Value::Literal(raw.to_owned())),
        };
        match value {
            Ok(value) => Ok((key, value)),
            Err(error) => Err(bad_file(name, 0, &format!("`{key}`: {error}"))),
        }
    });
    entries.collect()
}

fn read_yaml(name: &str, text: &str) -> Result<Vec<(String, Value)>> {
    let (root, _) = strataql_spec::yaml::parse(text).map_err(|report| {
        let line = report.place.as_ref().map_or(0, |place| place.line);
        bad_file(name, line, &report.message)
    })?;
    let Some(map) = root.map() else {
        return Err(bad_file(name, root.line as usize, "it holds no mapping"));
    };
    Ok(map.iter().map(|(key, node)| (key.to_string(), from_node(node))).collect())
}

fn from_node(node: &Node) -> Value {
    match &node.value {
        NodeValue::Null => Value::Null,
        NodeValue::Bool(flag) => Value::Literal(flag.to_string()),
        NodeValue::Number(text) => Value::Literal(text.to_string()),
        NodeValue::Text(text) => Value::Text(text.to_string()),
        NodeValue::Sequence(_) | NodeValue::Mapping(_) => {
            Value::Structure(node.to_json().to_string())
        }
    }
}
