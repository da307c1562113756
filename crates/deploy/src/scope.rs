//! The values of names, as a run goes on.
//!
//! Owns: globals, exports, what writes returned; the names of one resource, in the order of
//! precedence that the reference has.
//! Surprise: a value that cannot be rendered yet is no error. It is one where it is used.

use std::collections::BTreeMap;
use std::sync::Arc;

use indexmap::IndexMap;
use minijinja::Value;
use serde_json::{Map, Value as Json};
use strataql_diag::{Code, Report};

use crate::words::listed;

use crate::manifest::{Prop, Resource, SINGLE, Stack};
use crate::merge;
use crate::runner::{EnvironmentLookup, Host};
use crate::template::json::{plain, structured, to_template};
use crate::template::{Failure, Templates, has_template};

/// What an export has in place of a value that is not known.
pub(crate) const UNKNOWN: &str = "<unknown>";
/// What an export has in a dry run.
pub(crate) const EVALUATED: &str = "<evaluated>";

/// The values of a run.
pub(crate) struct Scope<'a> {
    stack: &'a Stack,
    environment: &'a str,
    host: &'a dyn Host,
    pub(crate) templates: Templates,
    lookup: EnvironmentLookup,
    /// Built-in names, globals and exports; the last writer wins.
    values: IndexMap<String, Json>,
    /// What the resources export; the first writer wins.
    scoped: IndexMap<String, Map<String, Json>>,
    /// Globals that could not be rendered, with the names they need.
    unresolved: BTreeMap<String, Vec<String>>,
    tokens: BTreeMap<String, String>,
}

/// The names of one resource.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    values: IndexMap<String, Json>,
    own: Map<String, Json>,
    scoped: IndexMap<String, Map<String, Json>>,
    resource: String,
    /// Names that could not be rendered, why, and where they are.
    unresolved: BTreeMap<String, (Vec<String>, usize)>,
}

impl Names {
    /// The value of a prop or another name.
    pub(crate) fn get(&self, name: &str) -> Option<&Json> {
        self.values.get(name)
    }

    /// What `this` has.
    pub(crate) fn own(&self) -> &Map<String, Json> {
        &self.own
    }

    /// Adds `this.<name>`.
    pub(crate) fn capture(&mut self, values: &Map<String, Json>) {
        for (name, value) in values {
            self.own.insert(name.clone(), typed(value.clone()));
        }
    }

    /// Gives a name another value.
    pub(crate) fn set(&mut self, name: &str, value: Json) {
        self.values.insert(name.to_owned(), value);
    }

    /// What `callback` and `this.callback` show.
    pub(crate) fn set_callback(&mut self, row: &Map<String, Json>) {
        let row = Json::Object(row.iter().map(|(k, v)| (k.clone(), typed(v.clone()))).collect());
        self.values.insert("callback".to_owned(), row.clone());
        self.own.insert("callback".to_owned(), row);
    }

    /// For templates.
    pub(crate) fn context(&self) -> Value {
        let mut members: IndexMap<String, Value> =
            self.values.iter().map(|(name, value)| (name.clone(), to_template(value))).collect();
        let mut all = self.scoped.clone();
        let own = all.entry(self.resource.clone()).or_default();
        for (name, value) in &self.own {
            own.insert(name.clone(), value.clone());
        }
        let mut resources = Map::new();
        for (name, values) in all {
            let is_free = self.values.get(&name).is_none_or(Json::is_object);
            let object = Json::Object(values);
            if is_free {
                members.insert(name.clone(), to_template(&object));
            }
            resources.insert(name, object);
        }
        let this = resources.get(&self.resource).cloned().unwrap_or_default();
        members.insert("this".to_owned(), to_template(&this));
        members.insert("res".to_owned(), to_template(&Json::Object(resources)));
        Value::from_pairs(members)
    }

    /// Notes about names that have no value because of another.
    fn explain(&self, names: &[String], file: &str) -> Vec<String> {
        let known = names.iter().filter_map(|name| {
            let (needs, line) = self.unresolved.get(name)?;
            let needs = listed(needs);
            Some(format!("`{name}` is at {file}:{line} and needs {needs}, which has no value"))
        });
        known.collect()
    }
}

/// The value of a text that holds JSON, and of Python's booleans.
fn typed(value: Json) -> Json {
    match value {
        Json::String(text) => match text.as_str() {
            "True" => Json::String("true".to_owned()),
            "False" => Json::String("false".to_owned()),
            _ => structured(&text).unwrap_or(Json::String(text)),
        },
        other => other,
    }
}

impl<'a> Scope<'a> {
    /// The values that a run starts with. `variables` are those of the command line and of files.
    ///
    /// # Errors
    /// `unset-variable` for globals that have no value, all of them.
    pub(crate) fn new(
        stack: &'a Stack,
        environment: &'a str,
        variables: &BTreeMap<String, String>,
        host: &'a dyn Host,
    ) -> Result<Self, Box<Report>> {
        let lookup = host.environment();
        let mut scope = Self {
            templates: Templates::new(&stack.folder, Arc::clone(&lookup)),
            stack,
            environment,
            host,
            lookup,
            values: IndexMap::new(),
            scoped: IndexMap::new(),
            unresolved: BTreeMap::new(),
            tokens: BTreeMap::new(),
        };
        for resource in &stack.resources {
            scope.tokens.insert(resource.name.clone(), crate::random::uuid());
        }
        scope.globals(variables)?;
        Ok(scope)
    }

    fn globals(&mut self, variables: &BTreeMap<String, String>) -> Result<(), Box<Report>> {
        let builtin = [("stack_env", self.environment), ("stack_name", &*self.stack.name)];
        for (name, value) in builtin {
            self.values.insert(name.to_owned(), Json::String(value.to_owned()));
        }
        let mut problems = Vec::new();
        for global in &self.stack.globals {
            let mut seen: IndexMap<String, Json> =
                variables.iter().map(|(k, v)| (k.clone(), Json::String(v.clone()))).collect();
            seen.extend(self.values.iter().map(|(k, v)| (k.clone(), v.clone())));
            let own = global.value.clone().or_else(|| {
                let name = global.env.as_ref()?;
                let value = variables.get(name).cloned().or_else(|| (self.lookup)(name))?;
                Some(Json::String(value))
            });
            let rendered = match own {
                Some(value) => self.with_environment(&value, &mut seen),
                None => Ok(Json::Null),
            };
            let value = match (rendered, &global.default) {
                (Ok(value), Some(default)) if plain(&value).is_empty() => default.clone(),
                (Err(_), Some(default)) => default.clone(),
                (Ok(value), _) => value,
                (Err(Failure::Undefined { names, .. }), None) => {
                    let late: Vec<String> =
                        names.iter().filter(|name| !self.is_later(name)).cloned().collect();
                    if !late.is_empty() && self.is_mentioned(&global.name) {
                        problems.push((global, late));
                    }
                    self.unresolved.insert(global.name.clone(), names);
                    // rendered again with the names of each resource
                    let raw = global.value.clone().unwrap_or_default();
                    self.values.insert(global.name.clone(), raw);
                    continue;
                }
                (Err(Failure::Invalid { message, .. }), None) => {
                    return Err(Box::new(*self.stack.error(
                        global.line,
                        format!("the template of the global `{}` is wrong: {message}", global.name),
                    )));
                }
            };
            if plain(&value).is_empty() && global.is_required {
                return Err(Box::new(
                    self.stack
                        .error(global.line, format!("the global `{}` is empty", global.name))
                        .with_help(
                            "give it a value, with `-e NAME=value` if it comes from a variable",
                        ),
                ));
            }
            if global.is_protected {
                self.host.keep_secret(&plain(&value));
            }
            self.values.insert(global.name.clone(), typed(value));
        }
        self.refuse(&problems)
    }

    /// Renders with process variables for names that have no value otherwise.
    fn with_environment(
        &self,
        value: &Json,
        seen: &mut IndexMap<String, Json>,
    ) -> Result<Json, Failure> {
        loop {
            let context = Value::from_pairs(
                seen.iter().map(|(name, value)| (name.clone(), to_template(value))),
            );
            match self.rendered(value, &context) {
                Err(Failure::Undefined { names, line }) => {
                    let found: Vec<(String, String)> = names
                        .iter()
                        .filter(|name| !seen.contains_key(*name))
                        .filter_map(|name| Some((name.clone(), (self.lookup)(name)?)))
                        .collect();
                    if found.is_empty() {
                        return Err(Failure::Undefined { names, line });
                    }
                    seen.extend(found.into_iter().map(|(k, v)| (k, Json::String(v))));
                }
                other => return other,
            }
        }
    }

    fn refuse(
        &self,
        problems: &[(&crate::manifest::Global, Vec<String>)],
    ) -> Result<(), Box<Report>> {
        let Some((first, _)) = problems.first() else { return Ok(()) };
        let mut names: Vec<String> = problems.iter().flat_map(|(_, names)| names.clone()).collect();
        names.sort();
        names.dedup();
        let report = Report::new(
            Code::UnsetVariable,
            format!("globals of the manifest need {}, which has no value", listed(&names)),
        )
        .with_place(&*self.stack.file, first.line)
        .with_help("give values with `-e NAME=value`, in the file `.env`, or in the environment");
        Err(Box::new(problems.iter().fold(report, |report, (global, names)| {
            report.with_note(format!(
                "line {}: `{}` needs {}",
                global.line,
                global.name,
                listed(names)
            ))
        })))
    }

    /// True for a name that a resource gives.
    fn is_later(&self, name: &str) -> bool {
        let first = name.split('.').next().unwrap_or(name);
        matches!(first, "resource_name" | "idempotency_token" | "this" | "res" | "callback")
            || self.stack.resources.iter().any(|resource| {
                resource.name == first
                    || resource.exports.iter().any(|export| export.name == first)
                    || resource.props.iter().any(|prop| prop.name == first)
            })
    }

    /// What to do about a name that a resource further down gives, or one in a circle.
    fn later(&self, own: &str, name: &str) -> Option<String> {
        let first = name.split('.').next().unwrap_or(name);
        let at = |name: &str| self.stack.resources.iter().position(|one| one.name == name);
        let here = at(own)?;
        let giver = self.stack.resources.iter().skip(here + 1).find(|one| {
            one.name == first || one.exports.iter().any(|export| export.name == first)
        })?;
        let mentions = |text: &str| {
            has_template(text) && text.contains(&format!("{own}."))
                || self.stack.resource(own).is_some_and(|own| {
                    own.exports.iter().any(|export| {
                        has_template(text)
                            && text
                                .split(|c: char| !c.is_alphanumeric() && c != '_')
                                .any(|word| word == export.name)
                    })
                })
        };
        let is_circle = giver
            .props
            .iter()
            .filter_map(|prop| prop.value.as_ref())
            .any(|value| mentions(&value.to_string()));
        Some(if is_circle {
            format!(
                "`{own}` and `{}` (line {}) need each other: break the circle with a value that both know",
                giver.name, giver.line
            )
        } else {
            format!(
                "`{}` (line {}) gives it, and runs later: move it above `{own}`",
                giver.name, giver.line
            )
        })
    }

    /// True if a resource, or a global that one uses, mentions a name.
    fn is_mentioned(&self, name: &str) -> bool {
        let mentions = |text: &str| {
            has_template(text)
                && text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|w| w == name)
        };
        self.stack.globals.iter().any(|global| {
            global.name != name
                && global.value.as_ref().is_some_and(|value| mentions(&value.to_string()))
        }) || self.stack.resources.iter().any(|resource| {
            resource.props.iter().any(|prop| {
                prop.merge.iter().any(|merged| merged == name)
                    || prop.value.as_ref().is_some_and(|value| mentions(&value.to_string()))
                    || prop.values.iter().flatten().any(|(environment, value)| {
                        environment == self.environment
                            && value.as_ref().is_some_and(|value| mentions(&value.to_string()))
                    })
            }) || [&resource.sql, &resource.run, &resource.condition]
                .into_iter()
                .flatten()
                .any(|text| mentions(text))
                || std::fs::read_to_string(resource.query_file(&self.stack.folder))
                    .is_ok_and(|text| mentions(&text))
        })
    }

    /// A manifest value with its templates rendered.
    ///
    /// # Errors
    /// As [`Templates::render`].
    pub(crate) fn rendered(&self, value: &Json, context: &Value) -> Result<Json, Failure> {
        self.leaf(value, context, false)
    }

    fn leaf(&self, value: &Json, context: &Value, is_inner: bool) -> Result<Json, Failure> {
        Ok(match value {
            Json::String(text) => match text.strip_prefix(SINGLE) {
                Some(text) => self.templates.value(text, context)?,
                None => {
                    let rendered = self.templates.render(text, context)?;
                    let embedded = (is_inner && has_template(text)).then(|| structured(&rendered));
                    embedded.flatten().unwrap_or(match rendered.as_str() {
                        "True" => Json::String("true".to_owned()),
                        "False" => Json::String("false".to_owned()),
                        _ => Json::String(rendered),
                    })
                }
            },
            Json::Array(items) => Json::Array(
                items
                    .iter()
                    .map(|item| self.leaf(item, context, true))
                    .collect::<Result<_, _>>()?,
            ),
            Json::Object(members) => {
                let mut out = Map::new();
                for (key, member) in members {
                    let key = self.templates.render(key, context)?;
                    out.insert(key, self.leaf(member, context, true)?);
                }
                Json::Object(out)
            }
            other => other.clone(),
        })
    }

    /// The names of a resource.
    ///
    /// # Errors
    /// `bad-manifest` for a prop without a value for the environment, or a merge of what does not fit.
    pub(crate) fn names(&self, resource: &Resource) -> Result<Names, Box<Report>> {
        let token = self.tokens.get(&resource.name).cloned().unwrap_or_default();
        let mut names = Names {
            values: self.values.clone(),
            own: self.scoped.get(&resource.name).cloned().unwrap_or_default(),
            scoped: self.scoped.clone(),
            resource: resource.name.clone(),
            unresolved: BTreeMap::new(),
        };
        names.set("resource_name", Json::String(resource.name.clone()));
        names.set("idempotency_token", Json::String(token.clone()));
        names.own.insert("idempotency_token".to_owned(), Json::String(token));
        let lines: BTreeMap<&str, usize> =
            self.stack.globals.iter().map(|global| (&*global.name, global.line)).collect();
        for name in self.unresolved.keys() {
            let Some(raw) = names.values.shift_remove(name) else { continue };
            let context = names.context();
            let line = lines.get(&**name).copied().unwrap_or(0);
            match self.rendered(&raw, &context) {
                Ok(value) => names.set(name, typed(value)),
                Err(Failure::Undefined { names: missing, .. }) => {
                    names.unresolved.insert(name.clone(), (missing, line));
                }
                Err(Failure::Invalid { message, .. }) => {
                    return Err(self
                        .stack
                        .error(line, format!("the template of `{name}` is wrong: {message}")));
                }
            }
        }
        for prop in &resource.props {
            self.prop(resource, prop, &mut names)?;
        }
        Ok(names)
    }

    fn prop(&self, resource: &Resource, prop: &Prop, names: &mut Names) -> Result<(), Box<Report>> {
        let value = match (&prop.value, &prop.values) {
            (Some(value), _) => Some(value.clone()),
            (None, Some(values)) => {
                let own = values.iter().find(|(environment, _)| environment == self.environment);
                match own {
                    Some((_, Some(value))) => Some(value.clone()),
                    _ => {
                        let known: Vec<&str> = values.iter().map(|(name, _)| &**name).collect();
                        return Err(Box::new(
                            self.stack
                                .error(
                                    prop.line,
                                    format!(
                                        "the prop `{}` of `{}` has no value for the environment `{}`",
                                        prop.name, resource.name, self.environment
                                    ),
                                )
                                .with_help(format!("it has values for {}", listed(&known))),
                        ));
                    }
                }
            }
            (None, None) => None,
        };
        let context = names.context();
        let mut rendered = match value.map(|value| self.rendered(&value, &context)).transpose() {
            Ok(value) => value.map(typed),
            Err(Failure::Undefined { names: missing, .. }) => {
                names.values.shift_remove(&prop.name);
                names.unresolved.insert(prop.name.clone(), (missing, prop.line));
                return Ok(());
            }
            Err(Failure::Invalid { message, .. }) => {
                let text = format!("the template of the prop `{}` is wrong: {message}", prop.name);
                return Err(self.stack.error(prop.line, text));
            }
        };
        for other in &prop.merge {
            let Some(over) = names.get(other) else {
                if names.unresolved.contains_key(other) {
                    names.unresolved.insert(prop.name.clone(), (vec![other.clone()], prop.line));
                    return Ok(());
                }
                return Err(Box::new(
                    self.stack
                        .error(
                            prop.line,
                            format!(
                                "`merge` of the prop `{}` names `{other}`, which has no value",
                                prop.name
                            ),
                        )
                        .with_help(
                            "name a global, an earlier prop, or an export of an earlier resource",
                        ),
                ));
            };
            rendered = Some(merge::values(rendered, over.clone()).map_err(|kinds| {
                self.stack
                    .error(
                        prop.line,
                        format!("`merge` of the prop `{}` cannot join {kinds}", prop.name),
                    )
                    .with_help("merge lists with lists, and objects with objects")
            })?);
        }
        let value = rendered.unwrap_or_default();
        if prop.is_protected {
            self.host.keep_secret(&plain(&value));
        }
        if !prop.valid_values.is_empty()
            && plain(&value) != EVALUATED
            && !prop.valid_values.iter().any(|valid| plain(valid) == plain(&value))
        {
            let valid: Vec<String> = prop.valid_values.iter().map(plain).collect();
            return Err(Box::new(
                self.stack
                    .error(
                        prop.line,
                        format!(
                            "the prop `{}` of `{}` has a value that is not valid",
                            prop.name, resource.name
                        ),
                    )
                    .with_help(format!("its values are {}", listed(&valid))),
            ));
        }
        names.unresolved.remove(&prop.name);
        names.own.insert(prop.name.clone(), value.clone());
        names.set(&prop.name, value);
        Ok(())
    }

    /// A digest of the values that the run starts with.
    pub(crate) fn digest(&self) -> String {
        let values: Map<String, Json> =
            self.values.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        crate::random::sha256(Json::Object(values).to_string().as_bytes())
    }

    /// Keeps an export.
    pub(crate) fn export(&mut self, resource: &str, name: &str, value: Json) {
        let value = typed(value);
        let own = self.scoped.entry(resource.to_owned()).or_default();
        let is_known = own.get(name).is_some_and(|value| value.as_str() != Some(UNKNOWN));
        if !is_known {
            own.insert(name.to_owned(), value.clone());
        }
        self.values.insert(name.to_owned(), value);
    }

    /// Keeps what a write returned.
    pub(crate) fn returned(&mut self, resource: &str, row: &Map<String, Json>) {
        let row: Map<String, Json> =
            row.iter().map(|(k, v)| (k.clone(), typed(v.clone()))).collect();
        self.values.insert("callback".to_owned(), Json::Object(row.clone()));
        let own = self.scoped.entry(resource.to_owned()).or_default();
        own.insert("callback".to_owned(), Json::Object(row));
    }

    /// What a resource exported.
    pub(crate) fn exported(&self, resource: &str) -> Option<&Map<String, Json>> {
        self.scoped.get(resource)
    }

    /// The value of an unscoped name, or of `resource.name`.
    pub(crate) fn value(&self, name: &str) -> Option<&Json> {
        self.values.get(name).or_else(|| {
            let (resource, name) = name.rsplit_once('.')?;
            self.scoped.get(resource)?.get(name)
        })
    }

    /// The report of a text that could not be rendered.
    pub(crate) fn report(
        &self,
        failure: &Failure,
        names: &Names,
        what: &str,
        place: (&str, usize),
    ) -> Box<Report> {
        let (file, first) = place;
        let line = first + failure.line().saturating_sub(1);
        // where the value should come from, if the manifest says it
        let cause = match failure {
            Failure::Undefined { names: missing, .. } => {
                missing.first().and_then(|name| names.unresolved.get(name)).map(|(_, line)| *line)
            }
            Failure::Invalid { .. } => None,
        };
        let (file, line) = cause.map_or((file, line), |line| (&*self.stack.file, line));
        let report = match failure {
            Failure::Undefined { names: missing, .. } => {
                let report = Report::new(
                    Code::UnsetVariable,
                    format!("{what} needs {}, which has no value", listed(missing)),
                );
                let candidates = names.values.keys().map(String::as_str);
                let close: Vec<String> = missing
                    .iter()
                    .filter_map(|name| strataql_diag::did_you_mean(name, candidates.clone()))
                    .collect();
                let report = close.into_iter().fold(report, Report::with_help);
                let notes = names.explain(missing, &self.stack.file);
                let report = notes.into_iter().fold(report, Report::with_note);
                let causes = missing.iter().flat_map(|name| match names.unresolved.get(name) {
                    Some((needs, _)) => needs.as_slice(),
                    None => std::slice::from_ref(name),
                });
                let later = causes.filter_map(|name| self.later(&names.resource, name));
                later.fold(report, Report::with_help).with_help(
                    "a name is a global, a prop of the resource, or an export of an earlier resource",
                )
            }
            Failure::Invalid { message, .. } => {
                Report::new(Code::Config, format!("the template of {what} is wrong: {message}"))
                    .with_help("correct the expression at that line")
            }
        };
        Box::new(report.with_place(file, line))
    }
}
