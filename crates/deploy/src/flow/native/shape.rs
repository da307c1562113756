//! A native resource with its values, and which of them name the object.
//!
//! Surprise: a field of a body may hold the object as a whole (`budget: {display_name: …}`) where rows
//! have its members as columns. Such a field is compared, and names the object, by its members.

use serde_json::{Map, Value as Json};

use super::values::{literal, quoted};
use crate::flow::{Flow, Step};
use crate::manifest::Resource;
use crate::runner::{Described, DescribedMethod, Field, Row};
use crate::scope::{Names, UNKNOWN};
use crate::template::Failure;
use crate::template::json::plain;

/// A native resource with its values.
#[derive(Debug)]
pub(crate) struct Native<'r> {
    pub(super) resource: &'r Resource,
    pub(super) described: Described,
    /// The declared values, in order.
    pub(super) values: Map<String, Json>,
    /// The props, or members of props, that name the object.
    pub(super) identity: Vec<String>,
}

/// A declared value and the column that shows it.
#[derive(Debug)]
pub(super) struct Declared<'n> {
    /// The path in the manifest.
    pub(super) path: String,
    pub(super) column: &'n str,
    pub(super) value: &'n Json,
}

/// Parameters and fields that a method must be given.
pub(super) fn required(method: &DescribedMethod) -> Vec<String> {
    let all = method.parameters.iter().chain(&method.body);
    all.filter(|field| field.is_required).map(|field| field.name.clone()).collect()
}

/// True for spellings of one name: `displayName`, `display_name`, `DisplayName`.
pub(crate) fn alike(one: &str, other: &str) -> bool {
    let letters = |text: &str| {
        text.chars().filter(|c| *c != '_').flat_map(char::to_lowercase).collect::<String>()
    };
    one == other || letters(one) == letters(other)
}

impl Native<'_> {
    pub(super) fn methods<'m>(
        &'m self,
        verb: &'m str,
    ) -> impl Iterator<Item = &'m DescribedMethod> {
        self.described.methods.iter().filter(move |method| method.verb == verb)
    }

    pub(super) fn is_column(&self, name: &str) -> bool {
        self.column(name).is_some()
    }

    /// The column of a name, in whatever spelling.
    pub(super) fn column(&self, name: &str) -> Option<&str> {
        let columns = || self.described.columns.iter().map(|column| column.name.as_str());
        columns().find(|column| *column == name).or_else(|| columns().find(|c| alike(c, name)))
    }

    /// The declared value of a name.
    pub(super) fn value(&self, name: &str) -> Option<&Json> {
        self.values.get(name).or_else(|| {
            self.values.iter().find(|(own, _)| alike(own, name)).map(|(_, value)| value)
        })
    }

    /// Parameters that name one object, by the lookup.
    pub(super) fn keys(&self) -> Vec<String> {
        let lookup =
            self.methods("select").find(|method| method.gives_one && !required(method).is_empty());
        lookup.map(required).unwrap_or_default()
    }

    /// The field of a body whose members are columns.
    pub(super) fn wrapper(&self, name: &str) -> Option<&Field> {
        if self.is_column(name) {
            return None;
        }
        let fields = ["insert", "update", "replace"]
            .into_iter()
            .flat_map(|verb| self.methods(verb))
            .flat_map(|method| &method.body);
        let mut own = fields.filter(|field| alike(&field.name, name));
        own.find(|field| field.members.iter().any(|member| self.is_column(member)))
    }

    /// The declared values that a row can show.
    pub(super) fn declared(&self) -> Vec<Declared<'_>> {
        let mut all = Vec::new();
        for (name, value) in &self.values {
            match (self.wrapper(name), value.as_object()) {
                (Some(_), Some(members)) => {
                    all.extend(members.iter().map(|(member, value)| Declared {
                        path: format!("{name}.{member}"),
                        column: self.column(member).unwrap_or(member),
                        value,
                    }));
                }
                _ => all.push(Declared {
                    path: name.clone(),
                    column: self.column(name).unwrap_or(name),
                    value,
                }),
            }
        }
        all
    }

    /// The column and the value of a name of the identity.
    pub(super) fn identifier(&self, name: &str) -> Option<(String, &Json)> {
        if let Some(value) = self.value(name) {
            return Some((self.column(name).unwrap_or(name).to_owned(), value));
        }
        let declared = self.declared();
        let found = declared.iter().find(|one| one.path == name || alike(one.column, name))?;
        let (prop, member) = found.path.split_once('.')?;
        Some((found.column.to_owned(), self.values.get(prop)?.get(member)?))
    }

    /// The column that shows a parameter, and whether its name alone says so.
    pub(super) fn column_of(&self, parameter: &str) -> Option<(&str, bool)> {
        let columns = || self.described.columns.iter().map(|column| column.name.as_str());
        if let Some(same) = self.column(parameter) {
            return Some((same, true));
        }
        let is_id = |name: &str| name.to_lowercase().ends_with("id");
        if !is_id(parameter) {
            return None;
        }
        if let Some(id) = columns().find(|column| *column == "id") {
            return Some((id, true));
        }
        let own = words(parameter);
        let is_like = |column: &&str| {
            let other = words(column);
            let starts =
                |a: &String, b: &String| a.starts_with(b.as_str()) || b.starts_with(a.as_str());
            let within = |some: &[String], all: &[String]| {
                !some.is_empty()
                    && some.iter().all(|word| all.iter().any(|known| starts(word, known)))
            };
            is_id(column) && (within(&own, &other) || within(&other, &own))
        };
        let mut like = columns().filter(is_like);
        match (like.next(), like.next()) {
            (Some(only), None) => Some((only, false)),
            _ => None,
        }
    }

    /// The value of a parameter: declared, or shown by the object.
    pub(super) fn parameter<'v>(&'v self, name: &str, row: Option<&'v Row>) -> Option<&'v Json> {
        self.value(name)
            .or_else(|| row?.get(self.column_of(name)?.0))
            .filter(|value| !value.is_null())
    }

    /// A condition that gives names their values.
    pub(super) fn condition(&self, names: &[String], row: Option<&Row>) -> Option<String> {
        let terms = names.iter().map(|name| {
            Some(format!("{} = {}", quoted(name), literal(self.parameter(name, row)?)))
        });
        terms.collect::<Option<Vec<_>>>().map(|terms| terms.join(" AND "))
    }

    /// True if a value that is needed to find the object is not known yet.
    pub(crate) fn is_unknown(&self) -> bool {
        let keys = self.keys();
        self.identity.iter().chain(&keys).any(|name| {
            self.identifier(name).is_some_and(|(_, value)| plain(value).contains(UNKNOWN))
        })
    }
}

/// The words of a name, without its last one, `id`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for c in name.chars() {
        if c == '_' || c == '-' || c.is_uppercase() {
            words.push(String::new());
        }
        if let (Some(word), true) = (words.last_mut(), c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty() && word != "id");
    words
}

impl Flow<'_> {
    /// A native resource with its document and its values.
    pub(in crate::flow) fn native<'r>(
        &self,
        resource: &'r Resource,
        names: &Names,
    ) -> Step<Option<Native<'r>>> {
        let Some(name) = &resource.native else { return Ok(None) };
        let described = self
            .runner
            .describe(name)
            .map_err(|report| Box::new(report.with_place(&*self.stack.file, resource.line)))?;
        let mut values = Map::new();
        for prop in &resource.props {
            let Some(value) = names.get(&prop.name) else {
                let failure = Failure::Undefined { names: vec![prop.name.clone()], line: 1 };
                let what = format!("`{}`", resource.name);
                let place = (&*self.stack.file, prop.line);
                return Err(self.scope.report(&failure, names, &what, place));
            };
            values.insert(prop.name.clone(), value.clone());
        }
        let mut native =
            Native { resource, described, values, identity: resource.identity.clone() };
        self.check_fields(&native)?;
        if native.identity.is_empty() {
            native.identity = self.inferred(&native)?;
        }
        for name in &native.identity {
            if native.identifier(name).is_none() {
                return Err(Box::new(
                    self.stack
                        .error(
                            resource.line,
                            format!(
                                "`identity` of `{}` names `{name}`, which is no prop",
                                resource.name
                            ),
                        )
                        .with_help("name props that together belong to one object"),
                ));
            }
        }
        Ok(Some(native))
    }

    /// Props that the document does not have would be refused, or silently passed over.
    fn check_fields(&self, native: &Native<'_>) -> Step<()> {
        let known: Vec<&str> = native
            .described
            .methods
            .iter()
            .flat_map(|method| method.parameters.iter().chain(&method.body))
            .map(|field| field.name.as_str())
            .collect();
        for prop in &native.resource.props {
            if known.iter().any(|known| alike(known, &prop.name)) {
                continue;
            }
            let help = strataql_diag::did_you_mean(&prop.name, known.iter().copied());
            let table = &native.described.name;
            return Err(Box::new(
                self.stack
                    .error(prop.line, format!("`{table}` has no field `{}`", prop.name))
                    .with_help(help.unwrap_or_else(|| format!("`DESCRIBE {table}` lists them"))),
            ));
        }
        Ok(())
    }

    fn inferred(&self, native: &Native<'_>) -> Step<Vec<String>> {
        let has = |name: &String| native.value(name).is_some();
        let keys = native.keys();
        if !keys.is_empty() && keys.iter().all(has) {
            return Ok(keys);
        }
        let list = native.methods("select").find(|method| required(method).iter().all(has));
        let Some(list) = list else {
            return Err(Box::new(
                self.stack
                    .error(
                        native.resource.line,
                        format!("nothing can read `{}` with these props", native.resource.name),
                    )
                    .with_help(format!("a lookup needs {}", crate::words::listed(&keys))),
            ));
        };
        let mut identity = required(list);
        let declared = native.declared();
        let named: Vec<&str> = declared
            .iter()
            .filter(|one| !one.value.is_object() && !one.value.is_array())
            .filter(|one| list.returns.iter().any(|column| column == one.column))
            .filter(|one| !identity.iter().any(|name| alike(name, one.column)))
            .map(|one| one.path.as_str())
            .collect();
        let last = |path: &str| path.rsplit('.').next().unwrap_or(path).to_lowercase();
        let found = named
            .iter()
            .find(|name| last(name) == "name")
            .or_else(|| named.iter().find(|name| last(name).ends_with("name")))
            .or_else(|| named.iter().find(|name| last(name).ends_with("id")));
        match found {
            Some(name) => identity.push((*name).to_owned()),
            None => {
                return Err(Box::new(
                    self.stack
                        .error(
                            native.resource.line,
                            format!("nothing says which object `{}` is", native.resource.name),
                        )
                        .with_help("add `identity:` with the props that name it"),
                ));
            }
        }
        Ok(identity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn native(columns: &[&str]) -> Described {
        let field = |name: &&str| Field { name: (*name).to_owned(), ..Field::default() };
        Described { columns: columns.iter().map(field).collect(), ..Described::default() }
    }

    #[test]
    fn a_column_shows_a_parameter() {
        let column = |columns: &[&str], parameter: &str| {
            let described = native(columns);
            let names: Vec<String> = described.columns.iter().map(|c| c.name.clone()).collect();
            let resource = Resource::named("r");
            let native =
                Native { resource: &resource, described, values: Map::new(), identity: Vec::new() };
            let found = native.column_of(parameter).map(|(name, _)| name.to_owned());
            assert!(found.as_ref().is_none_or(|name| names.contains(name)));
            found
        };
        let some = |name: &str| Some(name.to_owned());
        assert_eq!(column(&["id", "status"], "secret_id"), some("id"));
        assert_eq!(
            column(&["account_id", "budget_configuration_id"], "budget_id"),
            some("budget_configuration_id")
        );
        let delivery = ["config_id", "credentials_id", "storage_configuration_id"];
        assert_eq!(column(&delivery, "log_delivery_configuration_id"), some("config_id"));
        assert_eq!(column(&["warehouse_id", "owner_id"], "budget_id"), None);
        assert_eq!(column(&["name"], "zone"), None);
    }
}
