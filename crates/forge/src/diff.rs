//! Differences between two sets of provider documents.
//!
//! Owns: reading both from folders, and which methods were added, removed or changed, with what changed.
//! Surprise: texts do not count; what a statement or a request depends on does.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use strataql_diag::{Code, Report};
use strataql_spec::{Method, Resource, Service, load_provider, load_service};

/// Folders below the named one in which providers are looked for.
const MAX_DEPTH: usize = 4;
/// The entry document of a provider.
const ENTRY: &str = "provider.yaml";

/// What differs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// Methods that only the second set has, as `provider.service.resource.method`.
    pub added: Vec<String>,
    /// Methods that only the first set has.
    pub removed: Vec<String>,
    /// Methods of both, with a line for each fact that changed.
    pub changed: Vec<(String, Vec<String>)>,
}

impl Difference {
    /// True if statements and requests are the same.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }

    /// One line per method, then the totals.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let mut line = |text: &str| {
            out.push_str(text);
            out.push('\n');
        };
        for name in &self.added {
            line(&format!("+ {name}"));
        }
        for name in &self.removed {
            line(&format!("- {name}"));
        }
        for (name, facts) in &self.changed {
            line(&format!("~ {name}"));
            for fact in facts {
                line(&format!("    {fact}"));
            }
        }
        line(&format!(
            "{} added, {} removed, {} changed",
            self.added.len(),
            self.removed.len(),
            self.changed.len()
        ));
        out
    }

    /// One JSON object.
    pub fn json(&self) -> Json {
        let changed: Vec<Json> = self
            .changed
            .iter()
            .map(|(name, facts)| json!({"method": name, "facts": facts}))
            .collect();
        json!({"added": self.added, "removed": self.removed, "changed": changed})
    }
}

/// Compares the documents below two folders: of one provider, or of a registry.
///
/// # Errors
/// `local-io` or `bad-document` for what cannot be read.
pub fn diff(before: &Path, after: &Path) -> Result<Difference, Box<Report>> {
    let (before, after) = (methods(before)?, methods(after)?);
    let mut difference = Difference::default();
    for (name, facts) in &before {
        match after.get(name) {
            None => difference.removed.push(name.clone()),
            Some(other) if other != facts => {
                difference.changed.push((name.clone(), changes(facts, other)));
            }
            Some(_) => {}
        }
    }
    let added = after.keys().filter(|name| !before.contains_key(*name));
    difference.added = added.cloned().collect();
    Ok(difference)
}

/// What a statement or a request depends on, by kind.
type Facts = BTreeMap<&'static str, BTreeSet<String>>;

fn changes(before: &Facts, after: &Facts) -> Vec<String> {
    let none = BTreeSet::new();
    let kinds: BTreeSet<&&str> = before.keys().chain(after.keys()).collect();
    let mut found = Vec::new();
    for kind in kinds {
        let (before, after) = (before.get(kind).unwrap_or(&none), after.get(kind).unwrap_or(&none));
        let gone: Vec<String> = before.difference(after).map(|fact| format!("-{fact}")).collect();
        let new: Vec<String> = after.difference(before).map(|fact| format!("+{fact}")).collect();
        if !gone.is_empty() || !new.is_empty() {
            found.push(format!("{kind}: {}", [gone, new].concat().join(", ")));
        }
    }
    found
}

fn methods(folder: &Path) -> Result<BTreeMap<String, Facts>, Box<Report>> {
    let mut entries = Vec::new();
    find(folder, MAX_DEPTH, &mut entries);
    entries.sort();
    if entries.is_empty() {
        return Err(Box::new(
            Report::new(Code::LocalIo, format!("`{}` holds no `{ENTRY}`", folder.display()))
                .with_help("name the folder of a provider, or of a registry"),
        ));
    }
    let mut all = BTreeMap::new();
    for entry in entries {
        let file = entry.display().to_string();
        let (provider, _) = load_provider(&read(&entry)?, &file)?;
        for service in provider.services.values() {
            let document = document(&entry, &service.document);
            let name = document.display().to_string();
            let (model, _) = load_service(&read(&document)?, &provider, service, &name)?;
            for resource in model.resources.values() {
                for method in resource.methods.values() {
                    let path = format!(
                        "{}.{}.{}.{}",
                        provider.name, model.name, resource.name, method.name
                    );
                    all.insert(path, facts(&model, resource, method));
                }
            }
        }
    }
    Ok(all)
}

/// A service's file: beside the entry document, whatever folder the reference begins with.
fn document(entry: &Path, reference: &str) -> PathBuf {
    let folder = entry.parent().unwrap_or(entry);
    let parts: Vec<&str> = reference.split('/').collect();
    let tail =
        parts.iter().rposition(|part| *part == "services").map_or(&parts[..], |at| &parts[at..]);
    tail.iter()
        .filter(|part| **part != "..")
        .fold(folder.to_path_buf(), |path, part| path.join(part))
}

fn find(folder: &Path, depth: usize, out: &mut Vec<PathBuf>) {
    let entry = folder.join(ENTRY);
    if entry.is_file() {
        out.push(entry);
        return;
    }
    if depth == 0 {
        return;
    }
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            find(&entry.path(), depth - 1, out);
        }
    }
}

fn read(file: &Path) -> Result<String, Box<Report>> {
    fs::read_to_string(file).map_err(|error| {
        Box::new(
            Report::new(Code::LocalIo, format!("`{}` cannot be read: {error}", file.display()))
                .with_help("name the folder of a provider, or of a registry"),
        )
    })
}

fn facts(service: &Service, resource: &Resource, method: &Method) -> Facts {
    let kind = |id| service.schemas[id].kind.name();
    let mark = |required| if required { " (required)" } else { "" };
    let mut facts = Facts::new();
    let mut add = |kind, fact: String| {
        facts.entry(kind).or_default().insert(fact);
    };
    add("request", format!("{} {}", method.verb, method.path.raw));
    let verbs = resource.verbs.listing(&method.name);
    let verbs: Vec<&str> = verbs.into_iter().map(strataql_spec::SqlVerb::as_str).collect();
    add("statement", if verbs.is_empty() { "EXEC".to_owned() } else { verbs.join(", ") });
    for param in &method.params {
        add("parameters", format!("{} {}{}", param.name, kind(param.schema), mark(param.required)));
    }
    for property in method.body.iter().flat_map(|body| &body.properties) {
        let mut fact = String::new();
        let _ =
            write!(fact, "{} {}{}", property.name, kind(property.schema), mark(property.required));
        add("body", fact);
    }
    for column in &method.response.columns {
        add("columns", format!("{} {}", column.name, column.kind.sql_name()));
    }
    add("rows", format!("$.{}", method.response.rows.path().join(".")));
    add(
        "paging",
        format!("{} {}", method.paging.name(), method.paging.target().map_or("", |t| &t.name)),
    );
    if let Some(wait) = &method.extension.wait {
        add("wait", format!("{} {}", wait.poll.as_deref().unwrap_or(""), wait.success.join("|")));
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROVIDER: &str = "
name: p
version: v1
providerServices:
  s: {id: s, name: s, service: {$ref: p/v1/services/s.yaml}}
";

    fn service(parameters: &str, more: &str) -> String {
        format!(
            "
openapi: 3.0.0
paths:
  /things:
    get:
      summary: any text
      parameters: [{parameters}]
      responses: {{'200': {{content: {{application/json: {{schema: {{type: object, properties: {{a: {{type: string}}}}}}}}}}}}}}
components:
  x-stackQL-resources:
    things:
      id: p.s.things
      methods:
        get: {{operation: {{$ref: '#/paths/~1things/get'}}, response: {{mediaType: application/json, openAPIDocKey: '200'}}}}
{more}
      sqlVerbs: {{select: [{{$ref: '#/components/x-stackQL-resources/things/methods/get'}}]}}
"
        )
    }

    fn folder(service: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("src/p/v1");
        fs::create_dir_all(root.join("services")).expect("created");
        fs::write(root.join(ENTRY), PROVIDER).expect("written");
        fs::write(root.join("services/s.yaml"), service).expect("written");
        folder
    }

    #[test]
    fn methods_are_added_removed_and_changed() {
        let more = "        more: {operation: {$ref: '#/paths/~1things/get'}}";
        let old = folder(&service("{name: x, in: query, schema: {type: string}}", more));
        let new = folder(&service(
            "{name: x, in: query, required: true, schema: {type: integer}}",
            &more.replace("more:", "other:"),
        ));
        let found = diff(old.path(), &new.path().join("src/p")).expect("compared");
        assert_eq!(
            found.text(),
            "+ p.s.things.other\n- p.s.things.more\n~ p.s.things.get\n    \
             parameters: -x string, +x integer (required)\n1 added, 1 removed, 1 changed\n"
        );
        assert_eq!(found.json()["changed"][0]["method"], "p.s.things.get");
        assert!(diff(old.path(), old.path()).expect("compared").is_empty());
    }

    #[test]
    fn folders_without_documents_are_refused() {
        let empty = tempfile::tempdir().expect("a folder");
        assert_eq!(diff(empty.path(), empty.path()).expect_err("refused").code, Code::LocalIo);
    }
}
