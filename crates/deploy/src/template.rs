//! Templates of manifests and query files.
//!
//! Owns: the minijinja environment with the filters of both generations of the reference tool, and
//! which names a text uses.
//! Refuses: where names come from; `scope` gives values.
//! Surprise: a name without a value is an error wherever it is printed, but for SQL comments: what
//! only a comment mentions is blanked.

mod comments;
mod filters;
pub(crate) mod json;
mod methods;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use minijinja::value::{Object, ObjectRepr};
use minijinja::{AutoEscape, Environment, ErrorKind, State, UndefinedBehavior, Value};
use regex::Regex;
use serde_json::Value as Json;

use self::json::{from_template, text_of};
use crate::runner::EnvironmentLookup;

/// Renders templates.
pub(crate) struct Templates {
    environment: Environment<'static>,
}

/// Why a text was not rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Names have no value (yet).
    Undefined {
        /// The names, in alphabetical order.
        names: Vec<String>,
        /// 1-based line of the text.
        line: usize,
    },
    /// The template is wrong, or a filter refuses its input.
    Invalid {
        /// What is wrong.
        message: String,
        /// 1-based line of the text.
        line: usize,
    },
}

impl Failure {
    /// The line of the text.
    pub(crate) fn line(&self) -> usize {
        match self {
            Self::Undefined { line, .. } | Self::Invalid { line, .. } => *line,
        }
    }
}

/// `env("NAME")` and `env.NAME`.
struct EnvironmentObject(EnvironmentLookup);

impl std::fmt::Debug for EnvironmentObject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("env")
    }
}

impl Object for EnvironmentObject {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        (self.0)(key.as_str()?).map(Value::from)
    }

    fn call(
        self: &Arc<Self>,
        _: &mut State<'_, '_>,
        args: &[Value],
    ) -> Result<Value, minijinja::Error> {
        let name = args.first().map(text_of).unwrap_or_default();
        match (self.0(&name), args.get(1)) {
            (Some(value), _) => Ok(Value::from(value)),
            (None, Some(default)) => Ok(default.clone()),
            (None, None) => Err(minijinja::Error::new(
                ErrorKind::UndefinedError,
                format!("the environment variable `{name}` is not set"),
            )),
        }
    }
}

impl Templates {
    /// Templates of a stack in a folder. `lookup` gives environment variables.
    pub(crate) fn new(folder: &Path, lookup: EnvironmentLookup) -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_formatter(|out, _, value| {
            if value.is_undefined() {
                return Err(minijinja::Error::from(ErrorKind::UndefinedError));
            }
            out.write_str(&text_of(value)).map_err(minijinja::Error::from)
        });
        environment.set_unknown_method_callback(methods::call);
        filters::register(&mut environment);
        environment.add_filter("pairs", methods::pairs);
        let folder: PathBuf = folder.to_owned();
        environment.add_function("file_sha256", move |path: String| {
            std::fs::read(folder.join(&path)).map(|bytes| crate::random::sha256(&bytes)).map_err(
                |error| {
                    minijinja::Error::new(
                        ErrorKind::InvalidOperation,
                        format!("the file `{path}` cannot be read: {error}"),
                    )
                },
            )
        });
        environment.add_global("env", Value::from_object(EnvironmentObject(lookup)));
        Self { environment }
    }

    /// Renders a text.
    ///
    /// # Errors
    /// Names without a value, all of them; what is wrong with the template.
    pub(crate) fn render(&self, text: &str, context: &Value) -> Result<String, Failure> {
        if !has_template(text) {
            return Ok(text.to_owned());
        }
        let text = comments::blanked(text, |part| self.missing(part, context).is_empty());
        let text = prepared(&text);
        self.environment
            .render_named_str("template", &text, context)
            // the last line break is part of a block text
            .map(|rendered| if text.ends_with('\n') { rendered + "\n" } else { rendered })
            .map_err(|error| self.failure(&error, &text, context))
    }

    /// Renders a text that may be one expression, whose value then keeps its type.
    ///
    /// # Errors
    /// As [`Self::render`].
    pub(crate) fn value(&self, text: &str, context: &Value) -> Result<Json, Failure> {
        match single_expression(text) {
            Some(expression) => {
                let value = self.evaluated(expression, context)?;
                if value.is_undefined() {
                    return Err(self.undefined(text, context, 1, expression));
                }
                Ok(from_template(&value))
            }
            None => self.render(text, context).map(Json::String),
        }
    }

    /// The value of an expression.
    ///
    /// # Errors
    /// As [`Self::render`].
    pub(crate) fn evaluated(&self, expression: &str, context: &Value) -> Result<Value, Failure> {
        let compiled = self.environment.compile_expression(expression);
        compiled
            .and_then(|compiled| compiled.eval(context))
            .map_err(|error| self.failure(&error, &format!("{{{{ {expression} }}}}"), context))
    }

    /// The names that a text uses and does not define: `a`, or `a.b` with their members.
    pub(crate) fn names(&self, text: &str) -> BTreeSet<String> {
        if !has_template(text) {
            return BTreeSet::new();
        }
        let text = prepared(text);
        let globals: BTreeSet<&str> = self.environment.globals().map(|(name, _)| name).collect();
        match self.environment.template_from_named_str("template", &text) {
            Ok(template) => template
                .undeclared_variables(true)
                .into_iter()
                .filter(|name| !globals.contains(name.split('.').next().unwrap_or(name)))
                .collect(),
            Err(_) => BTreeSet::new(),
        }
    }

    /// What is wrong with the form of a template.
    pub(crate) fn mistake(&self, text: &str) -> Option<Failure> {
        let text = prepared(text);
        let error = self.environment.template_from_named_str("template", &text).err()?;
        Some(Failure::Invalid { message: message(&error), line: error.line().unwrap_or(1) })
    }

    /// The names of a text that have no value.
    fn missing(&self, text: &str, context: &Value) -> Vec<String> {
        self.names(text).into_iter().filter(|name| !has(context, name)).collect()
    }

    fn failure(&self, error: &minijinja::Error, text: &str, context: &Value) -> Failure {
        let line = error.line().unwrap_or(1);
        if error.kind() == ErrorKind::UndefinedError {
            return self.undefined(text, context, line, error.detail().unwrap_or("a value"));
        }
        Failure::Invalid { message: message(error), line }
    }

    fn undefined(&self, text: &str, context: &Value, line: usize, detail: &str) -> Failure {
        let mut names = self.missing(text, context);
        if names.is_empty() {
            names.push(detail.to_owned());
        }
        Failure::Undefined { names, line }
    }
}

impl std::fmt::Debug for Templates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Templates")
    }
}

/// True if the text has something to render.
pub(crate) fn has_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%") || text.contains("{#")
}

fn message(error: &minijinja::Error) -> String {
    match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    }
}

/// True if a dotted name has a value.
fn has(context: &Value, name: &str) -> bool {
    let mut value = context.clone();
    for part in name.split('.') {
        match value.get_attr(part) {
            Ok(member) if !member.is_undefined() => value = member,
            _ => return false,
        }
    }
    true
}

/// `{{ expression }}` without anything around it.
fn single_expression(text: &str) -> Option<&str> {
    let inner = text.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    (!inner.contains("}}") && !inner.contains("{{") && !inner.contains("{%"))
        .then(|| inner.trim_matches('-').trim())
}

/// A text in the syntax of minijinja: loops over the pairs of an object need no `items()`.
fn prepared(text: &str) -> String {
    static PAIRS: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"\{%(-?)\s*for\s+(\w+)\s*,\s*(\w+)\s+in\s+([\w.|\s()\x22']+?)\s*(-?)%\}").ok()
    });
    match &*PAIRS {
        Some(pairs) if text.contains("for ") => {
            pairs.replace_all(text, "{%$1 for $2, $3 in ($4) | pairs $5%}").into_owned()
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
