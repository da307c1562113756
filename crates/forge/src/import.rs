//! A provider document from an API description: OpenAPI 3, or Google discovery.
//!
//! Owns: what an API description does not say and SQL needs: resources, verbs, the place of the rows,
//! paging, credentials. All of it is guessed from names and shapes, and every guess is returned with its
//! reason.
//! Refuses: files, the network; documents that are spread over several files.
//! Surprise: nothing is guessed that could lose rows or objects silently. A list whose paging is not
//! recognised gets none, and a response that says that there is more ends the statement.

mod auth;
mod discovery;
mod document;
mod names;
mod paging;
mod places;
mod resources;
mod rows;

use serde_json::{Map, Value as Json, json};
use strataql_diag::{Code, Report};

use crate::documents::Documents;
use crate::yaml;
use document::Description;

/// The version folder of imported documents.
const VERSION: &str = "v1";
/// Comment at the top of every file.
const HEADER: &str = "# Made by `strataql provider import`; correct it where a guess was wrong.\n";

/// What the user says about an import.
#[derive(Debug, Clone, Default)]
pub struct ImportOptions {
    /// Name of the provider in SQL.
    pub provider: String,
    /// Name of the service in SQL.
    pub service: String,
    /// Address of the server, for documents that name none.
    pub server: Option<String>,
    /// What the document is called in messages.
    pub source: String,
}

/// Something that the description does not say.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Guess {
    /// What was guessed, such as `paging of tickets.list`.
    pub subject: String,
    /// The guess.
    pub guess: String,
    /// Why.
    pub why: String,
    /// True if the author should look at it.
    pub open: bool,
}

impl Guess {
    fn new(subject: impl Into<String>, guess: impl Into<String>, why: impl Into<String>) -> Self {
        Self { subject: subject.into(), guess: guess.into(), why: why.into(), open: false }
    }

    fn open(self) -> Self {
        Self { open: true, ..self }
    }
}

/// An imported provider.
#[derive(Debug)]
pub struct Imported {
    /// Its files.
    pub documents: Documents,
    /// Names of its resources in SQL, with the verbs that each has.
    pub resources: Vec<(String, Vec<&'static str>)>,
    /// What was guessed.
    pub guesses: Vec<Guess>,
    /// Environment variables of the credential.
    pub variables: Vec<String>,
}

/// Makes the documents of a provider from the text of an API description.
///
/// # Errors
/// `usage` for names that are no SQL names, `bad-document` for what is not a complete API description,
/// `untrusted-document` for one that is too large.
pub fn import(text: &str, options: &ImportOptions) -> Result<Imported, Box<Report>> {
    for (what, name) in [("provider", &options.provider), ("service", &options.service)] {
        names::check(what, name)?;
    }
    let mut root = document::read(text, &options.source)?;
    let mut guesses = Vec::new();
    let found = if root.get("discoveryVersion").is_some()
        || root.get("kind") == Some(&json!("discovery#restDescription"))
    {
        let converted = discovery::convert(&root, &options.source)?;
        root = converted.root;
        places::Source::Tree(converted.methods)
    } else {
        document::check(&root, &options.source)?;
        places::Source::Paths
    };
    document::prepare(&mut root, options, &mut guesses)?;
    let description = Description::new(&root);
    let placed = places::place(&description, &found, &options.source, &mut guesses)?;
    let auth = auth::guess(&description, &options.provider, &mut guesses);
    let built = resources::build(&description, &placed, options, &mut guesses);
    drop(placed);
    let resources = built.summary;
    root["components"]["x-stackQL-resources"] = Json::Object(built.resources);
    root["x-stackQL-config"] = json!({"requestBodyTranslate": {"algorithm": "naive"}});
    let entry = entry(&root, options, &auth.config);
    let folder = format!("{}/{VERSION}", options.provider);
    let files = vec![
        (format!("{folder}/provider.yaml"), format!("{HEADER}{}", yaml::document(&entry))),
        (
            format!("{folder}/services/{}.yaml", options.service),
            format!("{HEADER}{}", yaml::document(&root)),
        ),
    ];
    let version = root.pointer("/info/version").and_then(Json::as_str).unwrap_or(VERSION);
    let documents = Documents { files, source_version: version.to_owned() };
    Ok(Imported { documents, resources, guesses, variables: auth.variables })
}

/// The provider document.
fn entry(root: &Json, options: &ImportOptions, auth: &Json) -> Json {
    let text = |pointer: &str| root.pointer(pointer).and_then(Json::as_str);
    let title = text("/info/title").unwrap_or(&options.provider);
    let description = text("/info/description").unwrap_or(title);
    let (provider, service) = (&options.provider, &options.service);
    let mut services = Map::new();
    services.insert(
        service.clone(),
        json!({
            "id": format!("{service}:{VERSION}"),
            "name": service,
            "preferred": true,
            "service": {"$ref": format!("{provider}/{VERSION}/services/{service}.yaml")},
            "title": title,
            "version": VERSION,
            "description": description,
        }),
    );
    json!({
        "id": provider,
        "name": provider,
        "version": VERSION,
        "title": title,
        "description": description,
        "providerServices": services,
        "config": {"auth": auth},
    })
}

/// A report that a description cannot be imported.
fn refused(source: &str, message: impl Into<String>, help: impl Into<String>) -> Box<Report> {
    Box::new(Report::new(Code::BadDocument, message.into()).with_place(source, 1).with_help(help))
}
