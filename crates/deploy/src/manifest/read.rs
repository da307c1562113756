//! YAML to the model.

use std::path::Path;

use serde_json::Value as Json;
use strataql_diag::{Code, Report, did_you_mean};
use strataql_spec::Node;

use super::include::Includes;
use super::{
    Export, Global, Kind, Lifecycle, MANIFEST, Prop, ProviderPin, Resource, ReturnValues, Stack,
    bad, line_of, placeholder_type, tolerance, value,
};

const TOP: &[&str] =
    &["version", "name", "description", "providers", "globals", "resources", "exports", "policies"];
const GLOBAL: &[&str] =
    &["name", "value", "description", "protected", "default", "required", "type", "env"];
const RESOURCE: &[&str] = &[
    "name",
    "type",
    "file",
    "sql",
    "run",
    "props",
    "exports",
    "protected",
    "description",
    "if",
    "skip_validation",
    "skip_on_delete",
    "auth",
    "return_vals",
    "resource",
    "identity",
    "lifecycle",
    "depends_on",
];
const PROP: &[&str] = &[
    "name",
    "value",
    "values",
    "merge",
    "description",
    "protected",
    "valid_values",
    "default",
    "props",
    "items",
    "type",
    "required",
];
const POLICY: &[&str] = &["name", "sql", "description"];
const LIFECYCLE: &[&str] = &["protect", "retain", "observe", "ignore"];

/// Reads a manifest.
pub(super) fn load(folder: &Path) -> Result<Stack, Box<Report>> {
    let path = [MANIFEST, "stackql_manifest.yaml"]
        .iter()
        .map(|name| folder.join(name))
        .find(|path| path.exists())
        .unwrap_or_else(|| folder.join(MANIFEST));
    let file = path.display().to_string();
    let text = std::fs::read_to_string(&path).map_err(|error| {
        Report::new(Code::LocalIo, format!("the manifest `{file}` cannot be read: {error}"))
            .with_help(format!(
                "name the folder that holds `{MANIFEST}`; `strataql deploy init` makes one"
            ))
    })?;
    Reader::new(folder, &file).stack(&text)
}

/// Reads the text of a manifest.
pub(super) fn of_text(text: &str, folder: &Path) -> Result<Stack, Box<Report>> {
    Reader::new(folder, MANIFEST).stack(text)
}

struct Reader<'a> {
    folder: &'a Path,
    file: &'a str,
    includes: Includes<'a>,
    warnings: Vec<Report>,
}

type Read<T> = Result<T, Box<Report>>;

impl<'a> Reader<'a> {
    fn new(folder: &'a Path, file: &'a str) -> Self {
        let includes = Includes { folder: folder.join("resources"), file, read: Vec::new() };
        Self { folder, file, includes, warnings: Vec::new() }
    }

    fn stack(mut self, text: &str) -> Read<Stack> {
        let (root, duplicates) =
            strataql_spec::yaml::parse(&tolerance::quoted(text)).map_err(|report| {
                let line = report.place.as_ref().map_or(1, |place| place.line);
                bad(self.file, line, report.message.clone())
                    .with_help("the manifest is YAML: look for wrong indentation, or a value that needs quotes")
            })?;
        for report in duplicates {
            let line = report.place.as_ref().map_or(0, |place| place.line);
            self.warnings
                .push(Report::warning(Code::Config, report.message).with_place(self.file, line));
        }
        if root.is_sequence() {
            return Err(self.pasted(&root));
        }
        if root.map().is_none() {
            return Err(Box::new(
                bad(self.file, line_of(&root), "the file is no manifest: it is not an object")
                    .with_help("a manifest has the keys `name`, `providers` and `resources`"),
            ));
        }
        self.unknown_keys(&root, TOP, "the manifest");
        let name =
            root.string_at("name").map(|name| name.trim().to_owned()).filter(|n| !n.is_empty());
        let name = name.or_else(|| Some(self.folder.file_name()?.to_str()?.to_owned()));
        let Some(name) = name else { return Err(self.missing(&root, "the manifest", "name")) };
        let providers = self.providers(&root)?;
        let globals = self.list(&root, "globals", Self::global)?;
        let resources = self.list(&root, "resources", Self::resource)?;
        for (at, resource) in resources.iter().enumerate() {
            if let Some(first) = resources[..at].iter().find(|first| first.name == resource.name) {
                return Err(Box::new(
                    bad(
                        self.file,
                        resource.line,
                        format!("two resources are called `{}`", resource.name),
                    )
                    .with_note(format!("the first is at line {}", first.line))
                    .with_help("give each its own name; `file:` lets both use one query file"),
                ));
            }
        }
        let policies = self.list(&root, "policies", Self::policy)?;
        let exports = self.texts(&root, "exports")?;
        let mut bytes = text.as_bytes().to_vec();
        bytes.extend_from_slice(&self.includes.read);
        for resource in &resources {
            // what cannot be read is reported where it is needed
            bytes.extend(std::fs::read(resource.query_file(self.folder)).unwrap_or_default());
        }
        Ok(Stack {
            folder: self.folder.to_owned(),
            file: self.file.to_owned(),
            digest: crate::random::sha256(&bytes),
            name,
            providers,
            globals,
            resources,
            policies,
            exports,
            warnings: self.warnings,
        })
    }

    /// The block of a documentation page that is the whole file.
    fn pasted(&mut self, root: &Node) -> Box<Report> {
        let mut report = bad(self.file, 1, "the file is a list of resources, not a manifest")
            .with_help("put the list below `resources:`, and add `name:` and `providers:`");
        for entry in root.items() {
            if let Ok(resource) = self.resource(entry) {
                for prop in resource.props.iter().filter(|prop| prop.placeholder.is_some()) {
                    report = report.with_note(format!(
                        "line {}: `{}` of `{}` needs a value in place of the type `{}`",
                        prop.line,
                        prop.name,
                        resource.name,
                        prop.placeholder.as_deref().unwrap_or_default()
                    ));
                }
            }
        }
        Box::new(report)
    }

    fn providers(&mut self, root: &Node) -> Read<Vec<ProviderPin>> {
        let node = root.get("providers").filter(|node| !node.items().is_empty());
        let Some(node) = node else { return Err(self.missing(root, "the manifest", "providers")) };
        let mut pins = Vec::new();
        for item in node.items() {
            let Some(text) = item.text().map(str::trim).filter(|text| !text.is_empty()) else {
                return Err(Box::new(
                    bad(self.file, line_of(item), "a provider is a name")
                        .with_help("write `- aws` or `- aws::v24.07.00246`"),
                ));
            };
            let (name, version) = match text.split_once("::") {
                Some((name, version)) => (name.trim(), Some(version.trim().to_owned())),
                None => (text, None),
            };
            pins.push(ProviderPin { name: name.to_owned(), version, line: line_of(item) });
        }
        Ok(pins)
    }

    /// The entries of a list; `{}` and null are an empty list.
    fn list<T>(
        &mut self,
        parent: &Node,
        key: &str,
        mut read: impl FnMut(&mut Self, &Node) -> Read<T>,
    ) -> Read<Vec<T>> {
        match parent.get(key) {
            None => Ok(Vec::new()),
            Some(node) if node.map().is_some_and(|map| map.is_empty()) => Ok(Vec::new()),
            Some(node) if node.is_sequence() => {
                node.items().iter().map(|item| read(self, item)).collect()
            }
            Some(node) => Err(Box::new(
                bad(self.file, line_of(node), format!("`{key}` is a list"))
                    .with_help("begin each entry with `- `"),
            )),
        }
    }

    fn texts(&mut self, parent: &Node, key: &str) -> Read<Vec<String>> {
        if let Some(text) = parent.get(key).and_then(Node::text) {
            return Ok(vec![text.to_owned()]);
        }
        self.list(parent, key, |reader, item| match item.text() {
            Some(text) => Ok(text.to_owned()),
            None => Err(Box::new(
                bad(reader.file, line_of(item), format!("the entries of `{key}` are names"))
                    .with_help("write one name per entry"),
            )),
        })
    }

    fn name(&self, node: &Node, what: &str) -> Read<String> {
        match node.text_at("name").map(str::trim).filter(|name| !name.is_empty()) {
            Some(name) => Ok(name.to_owned()),
            None => Err(self.missing(node, what, "name")),
        }
    }

    fn global(&mut self, node: &Node) -> Read<Global> {
        self.unknown_keys(node, GLOBAL, "a global");
        let line = line_of(node);
        Ok(Global {
            name: self.name(node, "a global")?,
            line,
            value: self.included(node.get("value"))?,
            default: self.included(node.get("default"))?,
            env: node.string_at("env"),
            is_required: node.get("required").and_then(Node::flag).unwrap_or(true),
            is_protected: node.flag_at("protected"),
        })
    }

    fn policy(&mut self, node: &Node) -> Read<super::Policy> {
        self.unknown_keys(node, POLICY, "a policy");
        let Some(sql) = node.string_at("sql") else {
            return Err(self.missing(node, "a policy", "sql"));
        };
        Ok(super::Policy { name: self.name(node, "a policy")?, line: line_of(node), sql })
    }

    fn included(&mut self, node: Option<&Node>) -> Read<Option<Json>> {
        let Some(node) = node else { return Ok(None) };
        self.includes.resolved(node.to_json(), line_of(node), &mut Vec::new()).map(Some)
    }

    fn resource(&mut self, node: &Node) -> Read<Resource> {
        self.unknown_keys(node, RESOURCE, "a resource");
        let name = self.name(node, "a resource")?;
        let kind = node.text_at("type").unwrap_or("resource");
        let known = Kind::ALL.into_iter().find(|known| known.name() == kind);
        let return_values = match node.get("return_vals") {
            Some(node) => ReturnValues {
                create: self.mappings(node, "create")?,
                update: self.mappings(node, "update")?,
                delete: self.mappings(node, "delete")?,
            },
            None => ReturnValues::default(),
        };
        let native = node.string_at("resource");
        if let Some(native) = &native
            && native.split('.').filter(|part| !part.is_empty()).count() != 3
        {
            return Err(Box::new(
                bad(self.file, line_of(node), format!("`{native}` is no name of a resource"))
                    .with_help("write `resource: provider.service.resource`"),
            ));
        }
        Ok(Resource {
            line: line_of(node),
            kind: known.unwrap_or(Kind::Resource),
            unknown_kind: known.is_none().then(|| kind.to_owned()),
            file: node.string_at("file"),
            sql: node.string_at("sql"),
            run: node.string_at("run"),
            props: self.list(node, "props", Self::prop)?,
            exports: self.mappings(node, "exports")?.unwrap_or_default(),
            protected: self.texts(node, "protected")?,
            condition: node.get("if").and_then(Node::text).map(unmarked),
            skip_validation: node.flag_at("skip_validation"),
            skip_on_delete: node.flag_at("skip_on_delete"),
            auth: node.get("auth").map(Node::to_json),
            return_values,
            native,
            identity: self.texts(node, "identity")?,
            lifecycle: self.lifecycle(node)?,
            depends_on: self.texts(node, "depends_on")?,
            name,
        })
    }

    fn lifecycle(&mut self, node: &Node) -> Read<Lifecycle> {
        let Some(node) = node.get("lifecycle") else { return Ok(Lifecycle::default()) };
        self.unknown_keys(node, LIFECYCLE, "`lifecycle`");
        Ok(Lifecycle {
            is_protected: node.flag_at("protect"),
            is_retained: node.flag_at("retain"),
            is_observed: node.flag_at("observe"),
            ignore: self.texts(node, "ignore")?,
        })
    }

    /// Names, or objects `{column: name}`, in any mix.
    fn mappings(&mut self, parent: &Node, key: &str) -> Read<Option<Vec<Export>>> {
        let Some(node) = parent.get(key) else { return Ok(None) };
        let mut exports = Vec::new();
        let single = [node.clone()];
        let items = if node.is_sequence() { node.items() } else { single.as_slice() };
        for item in items {
            if let Some(text) = item.text() {
                exports.push(Export { column: text.to_owned(), name: text.to_owned() });
                continue;
            }
            for (column, name) in item.entries() {
                let Some(name) = name.text() else {
                    return Err(Box::new(
                        bad(
                            self.file,
                            line_of(item),
                            format!("an entry of `{key}` is a name, or `column: name`"),
                        )
                        .with_help("write `- column` or `- column: other_name`"),
                    ));
                };
                exports.push(Export { column: column.to_owned(), name: name.to_owned() });
            }
        }
        Ok(Some(exports))
    }

    fn prop(&mut self, node: &Node) -> Read<Prop> {
        self.unknown_keys(node, PROP, "a prop");
        let name = self.name(node, "a prop")?;
        let line = line_of(node);
        let own = value::of_prop(node);
        let mut placeholder = own.as_ref().and_then(placeholder_type);
        if node.get("valid_values").is_none()
            && node.get("description").is_none()
            && node.get("props").is_none()
        {
            // written by hand: the word may be meant
            placeholder = None;
        }
        let value = match own {
            Some(own) => Some(self.includes.resolved(own, line, &mut Vec::new())?),
            None => None,
        };
        let values = match node.get("values") {
            Some(node) => {
                let mut values = Vec::new();
                for (environment, entry) in node.entries() {
                    let inner = if entry.map().is_some_and(|map| map.contains_key("value")) {
                        entry.get("value")
                    } else {
                        Some(entry).filter(|entry| !entry.is_null() && entry.map().is_none())
                    };
                    values.push((environment.to_owned(), self.included(inner)?));
                }
                Some(values)
            }
            None => None,
        };
        let merge = self.texts(node, "merge")?;
        if value.is_none() && values.is_none() && merge.is_empty() {
            return Err(Box::new(
                bad(self.file, line, format!("the prop `{name}` has no value"))
                    .with_help("give it `value:`, `values:` by environment, or `merge:`"),
            ));
        }
        Ok(Prop {
            name,
            line,
            value,
            values,
            merge,
            is_protected: node.flag_at("protected"),
            valid_values: node
                .get("valid_values")
                .map(Node::items)
                .unwrap_or_default()
                .iter()
                .map(Node::to_json)
                .collect(),
            placeholder,
        })
    }

    fn missing(&self, node: &Node, what: &str, key: &str) -> Box<Report> {
        Box::new(
            bad(self.file, line_of(node), format!("{what} has no `{key}`"))
                .with_help(format!("add `{key}:`")),
        )
    }

    fn unknown_keys(&mut self, node: &Node, known: &[&str], what: &str) {
        for (key, member) in node.entries() {
            if !known.contains(&key) {
                let help = did_you_mean(key, known.iter().copied());
                self.warnings.push(
                    Report::warning(
                        Code::Config,
                        format!("{what} has no key `{key}`; it has no effect"),
                    )
                    .with_place(self.file, line_of(member))
                    .with_help(
                        help.unwrap_or_else(|| format!("its keys are `{}`", known.join("`, `"))),
                    ),
                );
            }
        }
    }
}

/// A text without the mark of an unquoted value.
fn unmarked(text: &str) -> String {
    text.trim_start_matches(value::SINGLE).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_for_editors_has_the_same_keys() {
        let text = include_str!("../../../../schemas/stackql_manifest.schema.json");
        let schema: Json = serde_json::from_str(text).expect("JSON");
        let keys = |pointer: &str| {
            let object = schema.pointer(pointer).and_then(Json::as_object).expect("an object");
            let mut keys: Vec<String> = object.keys().cloned().collect();
            keys.sort();
            keys
        };
        let sorted = |known: &[&str]| {
            let mut known: Vec<String> = known.iter().map(|key| (*key).to_owned()).collect();
            known.sort();
            known
        };
        assert_eq!(keys("/properties"), sorted(TOP));
        for (name, known) in
            [("global", GLOBAL), ("prop", PROP), ("resource", RESOURCE), ("policy", POLICY)]
        {
            assert_eq!(keys(&format!("/$defs/{name}/properties")), sorted(known), "{name}");
        }
        let lifecycle = "/$defs/resource/properties/lifecycle/properties";
        assert_eq!(keys(lifecycle), sorted(LIFECYCLE));
    }
}
