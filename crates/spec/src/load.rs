//! Loading provider and service documents.
//!
//! Owns: `provider.yaml` → [`Provider`], service document → [`Service`]; every problem becomes a
//! report with its line.
//! Refuses: failing unless the whole document is unreadable; an invalid method is reported and left
//! out.

mod body;
mod method;
mod overlay;
mod response;
mod split;

use indexmap::{IndexMap, IndexSet};
use strataql_diag::{Code, Report};

use crate::auth::AuthConfig;
use crate::extension;
use crate::method::{Method, SqlVerb};
use crate::node::Node;
use crate::provider::{Provider, ServiceEntry};
use crate::schema::SchemaBuilder;
use crate::service::{Resource, Service, Verbs};
use crate::view::View;
use crate::yaml;

pub use split::{SplitDocument, documents_of};

/// Loads `provider.yaml`.
///
/// `file` is its name in reports.
///
/// # Errors
/// `bad-document` or `untrusted-document` when nothing can be read from it.
pub fn load_provider(text: &str, file: &str) -> Result<(Provider, Vec<Report>), Box<Report>> {
    let (root, mut reports) = yaml::parse(text).map_err(|report| in_file(report, file))?;
    let missing = |what: &str| {
        Box::new(
            Report::new(Code::BadDocument, format!("the provider document has no `{what}`"))
                .with_place(file, 1)
                .with_help(format!("add `{what}` at the top level of the document")),
        )
    };
    let name =
        root.string_at("name").or_else(|| root.string_at("id")).ok_or_else(|| missing("name"))?;
    let entries = root.get("providerServices").ok_or_else(|| missing("providerServices"))?;
    let mut services = IndexMap::new();
    for (key, entry) in entries.entries() {
        let reference = |key: &str| entry.get(key).and_then(|part| part.string_at("$ref"));
        // a register of resources names the service's documents itself
        let register = reference("resources");
        let is_register = register.is_some();
        let Some(document) = register.or_else(|| reference("service")) else {
            reports.push(
                Report::warning(
                    Code::BadDocument,
                    format!("service `{key}` of provider `{name}` names no document"),
                )
                .with_place("", entry.line as usize),
            );
            continue;
        };
        // `compute:alpha` is written `compute__alpha` in SQL
        let sql_name = key.replace(':', "__");
        let text = |key: &str| entry.string_at(key).unwrap_or_default();
        services.insert(
            sql_name.clone(),
            ServiceEntry {
                name: sql_name,
                id: text("id"),
                version: text("version"),
                title: text("title"),
                description: text("description"),
                preferred: entry.get("preferred").and_then(Node::flag).unwrap_or(true),
                document,
                is_register,
                line: entry.line,
                config: entry.get("config").cloned().unwrap_or_else(|| Node::null(0)),
            },
        );
    }
    let config = root.get("config").cloned().unwrap_or_else(|| Node::null(0));
    check_extension(Some(&config), &mut reports);
    let provider = Provider {
        id: root.string_at("id").unwrap_or_else(|| name.clone()),
        version: root.string_at("version").unwrap_or_default(),
        title: root.string_at("title"),
        // the misspelling `desription` is part of the reference format
        description: root.string_at("description").or_else(|| root.string_at("desription")),
        generated_from: root.get("x-source").and_then(|source| {
            let package = source.string_at("package")?;
            Some(match source.string_at("version") {
                Some(version) => format!("{package} {version}"),
                None => package,
            })
        }),
        auth: config.get("auth").and_then(AuthConfig::read).map(|auth| auth.known_of(&name)),
        snake_case_aliases: config.flag_at("snake_case_aliases"),
        defaults: config
            .get("x-strataql")
            .and_then(|block| block.get("defaults"))
            .into_iter()
            .flat_map(Node::entries)
            .filter_map(|(name, node)| Some((name.to_owned(), node.text()?.to_owned())))
            .collect(),
        services,
        config,
        name,
    };
    Ok((provider, placed(reports, file)))
}

/// Loads a service document.
///
/// `entry` is the provider's index entry, `file` the name in reports.
///
/// # Errors
/// `bad-document` or `untrusted-document` when the document as a whole cannot be read.
pub fn load_service(
    text: &str,
    provider: &Provider,
    entry: &ServiceEntry,
    file: &str,
) -> Result<(Service, Vec<Report>), Box<Report>> {
    load_mended_service(text, &[], provider, entry, file)
}

/// A text with the name of its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlay {
    /// The overlay.
    pub text: String,
    /// Its name in reports.
    pub file: String,
}

/// Loads a service document that overlays mend, later ones last.
///
/// # Errors
/// As [`load_service`], and `bad-document` for an overlay that cannot be read.
pub fn load_mended_service(
    text: &str,
    overlays: &[Overlay],
    provider: &Provider,
    entry: &ServiceEntry,
    file: &str,
) -> Result<(Service, Vec<Report>), Box<Report>> {
    let read = yaml::parse(text).map_err(|report| in_file(report, file))?;
    load_tree(read, overlays, provider, entry, file)
}

/// Loads a service whose resources are in a register, and their operations in the documents that
/// [`documents_of`] lists. Those that are missing are left out, and so are their methods.
///
/// # Errors
/// As [`load_mended_service`].
pub fn load_split_service(
    register: &str,
    documents: &[SplitDocument],
    overlays: &[Overlay],
    provider: &Provider,
    entry: &ServiceEntry,
    file: &str,
) -> Result<(Service, Vec<Report>), Box<Report>> {
    let (root, reports) = yaml::parse(register).map_err(|report| in_file(report, file))?;
    if !split::is_register(&root) {
        return load_tree((root, reports), overlays, provider, entry, file);
    }
    load_tree((split::join(&root, documents)?, reports), overlays, provider, entry, file)
}

fn load_tree(
    (mut root, mut reports): (Node, Vec<Report>),
    overlays: &[Overlay],
    provider: &Provider,
    entry: &ServiceEntry,
    file: &str,
) -> Result<(Service, Vec<Report>), Box<Report>> {
    let mut of_overlays = Vec::new();
    for one in overlays {
        let found = overlay::apply(&mut root, &one.text).map_err(|it| in_file(it, &one.file))?;
        of_overlays.extend(placed(found, &one.file));
    }
    if root.map().is_none() {
        return Err(in_file(
            Box::new(
                Report::new(Code::BadDocument, "the service document is not a mapping")
                    .with_help("a service document is an OpenAPI 3 document"),
            ),
            file,
        ));
    }
    let context = Context { root: &root, provider, entry };
    let mut schemas = SchemaBuilder::new(&root);
    let mut resources = IndexMap::new();
    let declared = root.get("components").and_then(|c| c.get("x-stackQL-resources"));
    if declared.is_none() {
        reports.push(
            Report::warning(Code::BadDocument, "the document declares no resources")
                .with_place("", 1)
                .with_help("resources live under `components.x-stackQL-resources`"),
        );
    }
    for config in [root.get("x-stackQL-config"), Some(&entry.config)] {
        check_extension(config, &mut reports);
    }
    for (name, node) in declared.into_iter().flat_map(Node::entries) {
        resources.insert(name.to_owned(), context.resource(name, node, &mut schemas, &mut reports));
        if schemas.is_exhausted() {
            return Err(in_file(too_large(name, node), file));
        }
    }
    let dangling: IndexSet<_> = std::mem::take(&mut schemas.dangling).into_iter().collect();
    for (reference, line) in dangling {
        reports.push(
            Report::warning(Code::BadDocument, format!("`$ref` `{reference}` points nowhere"))
                .with_place("", line as usize),
        );
    }
    for line in std::mem::take(&mut schemas.too_deep) {
        reports.push(
            Report::warning(
                Code::UntrustedDocument,
                "the schema composes others too deeply; the deepest members are left out",
            )
            .with_place("", line as usize),
        );
    }
    let info = root.get("info");
    let info_text = |key: &str| info.and_then(|info| info.string_at(key));
    let title = info_text("title").unwrap_or_else(|| entry.title.clone());
    let service = Service {
        provider: provider.name.clone(),
        name: entry.name.clone(),
        description: info_text("description").unwrap_or_default(),
        signing_name: info_text("x-serviceName").unwrap_or_else(|| title.clone()),
        protocol: info_text("x-protocol"),
        title,
        resources,
        schemas: schemas.finish(),
    };
    let mut reports = placed(reports, file);
    reports.extend(of_overlays);
    Ok((service, reports))
}

/// The context in which all parts of a service are read.
struct Context<'a> {
    root: &'a Node,
    provider: &'a Provider,
    entry: &'a ServiceEntry,
}

impl<'a> Context<'a> {
    fn resource(
        &self,
        name: &str,
        node: &'a Node,
        schemas: &mut SchemaBuilder<'a>,
        reports: &mut Vec<Report>,
    ) -> Resource {
        let config = node.get("config");
        check_extension(config, reports);
        let mut methods = IndexMap::new();
        for (key, method) in node.get("methods").into_iter().flat_map(Node::entries) {
            match self.method(key, method, config, schemas, reports) {
                Ok(method) => {
                    check_templates(name, &method, reports);
                    methods.insert(key.to_owned(), method);
                }
                Err(reason) => reports.push(
                    Report::warning(
                        Code::BadDocument,
                        format!("method `{key}` of resource `{name}` is left out: {reason}"),
                    )
                    .with_place("", method.line as usize),
                ),
            }
        }
        let known = |key: &str| methods.contains_key(key);
        let verbs = read_verbs(name, node, &known, reports);
        for (key, method) in &mut methods {
            method.decide_access(&verbs.listing(key));
        }
        let id = node
            .string_at("id")
            .unwrap_or_else(|| format!("{}.{}.{name}", self.provider.name, self.entry.name));
        Resource {
            name: name.to_owned(),
            id,
            title: node.string_at("title").unwrap_or_default(),
            description: node
                .string_at("description")
                .or_else(|| node.string_at("desription"))
                .unwrap_or_default(),
            views: View::read_chain(config),
            methods,
            verbs,
            line: node.line,
        }
    }

    /// `config` blocks that apply to a method, most specific first.
    fn levels(
        &self,
        root: &'a Node,
        method: &'a Node,
        resource: Option<&'a Node>,
    ) -> Vec<&'a Node> {
        [
            method.get("config"),
            resource,
            root.get("x-stackQL-config"),
            Some(&self.entry.config),
            Some(&self.provider.config),
        ]
        .into_iter()
        .flatten()
        .filter(|level| level.map().is_some())
        .collect()
    }
}

/// The candidate lists; a verb without an entry has the default method names of the format.
fn read_verbs(
    resource: &str,
    node: &Node,
    known: &dyn Fn(&str) -> bool,
    reports: &mut Vec<Report>,
) -> Verbs {
    let declared = node.get("sqlVerbs");
    let mut list = |verb: SqlVerb, defaults: &[&str]| -> Vec<String> {
        let key = verb.as_str().to_ascii_lowercase();
        let Some(entry) = declared.and_then(|verbs| verbs.get(&key)) else {
            return defaults.iter().filter(|key| known(key)).map(|key| (*key).to_owned()).collect();
        };
        // a single mapping counts as a list of one
        let entries = if entry.is_sequence() { entry.items() } else { std::slice::from_ref(entry) };
        let mut keys = Vec::new();
        for item in entries {
            let reference = item.text_at("$ref").or_else(|| item.text()).unwrap_or_default();
            let method = reference.rsplit('/').next().unwrap_or_default().replace("~1", "/");
            if known(&method) {
                if !keys.contains(&method) {
                    keys.push(method);
                }
            } else {
                reports.push(
                    Report::warning(
                        Code::BadDocument,
                        format!("`sqlVerbs.{key}` of resource `{resource}` names `{method}`, which is no usable method"),
                    )
                    .with_place("", item.line as usize),
                );
            }
        }
        keys
    };
    Verbs {
        select: list(SqlVerb::Select, &["select", "list", "aggregatedList", "get"]),
        insert: list(SqlVerb::Insert, &["insert", "create"]),
        update: list(SqlVerb::Update, &[]),
        replace: list(SqlVerb::Replace, &[]),
        delete: list(SqlVerb::Delete, &["delete"]),
    }
}

fn too_large(resource: &str, node: &Node) -> Box<Report> {
    Box::new(
        Report::new(
            Code::UntrustedDocument,
            format!("resource `{resource}` makes the document expand to more than it may"),
        )
        .with_place("", node.line as usize)
        .with_help("split the document, or share its schemas less"),
    )
}

/// Reports the templates of a method whose kind is not known: calls that need them are refused.
fn check_templates(resource: &str, method: &Method, reports: &mut Vec<Report>) {
    let response = method.response.transform.as_ref().map(|found| ("responses", found));
    let body = method.body.as_ref().and_then(|body| body.transform.as_ref());
    let templates = response.into_iter().chain(body.map(|found| ("bodies", found)));
    for (what, transform) in templates.filter(|(_, transform)| !transform.is_known()) {
        let Method { name, line, .. } = method;
        let message = format!(
            "method `{name}` of resource `{resource}` rewrites its {what} with a template of the kind `{}`, which is not known",
            transform.kind
        );
        reports.push(
            Report::warning(Code::BadDocument, message)
                .with_place("", *line as usize)
                .with_help("describe the service's own requests and responses, without a template"),
        );
    }
}

/// Reports errors in the `x-strataql` block of a `config`.
fn check_extension(config: Option<&Node>, reports: &mut Vec<Report>) {
    let Some(block) = config.and_then(|config| config.get("x-strataql")) else { return };
    for (problem, line) in extension::problems(block) {
        reports.push(Report::warning(Code::BadDocument, problem).with_place("", line as usize));
    }
}

fn in_file(mut report: Box<Report>, file: &str) -> Box<Report> {
    match &mut report.place {
        Some(place) => file.clone_into(&mut place.file),
        None => *report = report.clone().with_place(file, 1),
    }
    report
}

fn placed(mut reports: Vec<Report>, file: &str) -> Vec<Report> {
    for place in reports.iter_mut().filter_map(|report| report.place.as_mut()) {
        file.clone_into(&mut place.file);
    }
    reports
}
