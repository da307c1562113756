//! Reference pages of providers.
//!
//! Owns: the pages of a provider, its services and resources, in profiles: `seed` is byte for byte what the
//! public reference pages of early 2026 are, `site` is this project's own, whose statements run, as Markdown
//! or as a static site.
//! Refuses: reading documents from a registry; texts come in, files go out.

mod facts;
mod html;
mod index;
mod manifest;
mod resolve;
mod seed;
mod site;
mod text;
mod write_examples;

use strataql_diag::{Code, Report};
use strataql_spec::{Provider, Service, yaml};

pub use site::resource_page;

/// The layout of pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// As the public reference pages of early 2026.
    Seed,
    /// This project's own.
    Site,
}

impl Profile {
    /// All of them, with the names that the command line has.
    pub const NAMES: [(&'static str, Self); 2] = [("seed", Self::Seed), ("site", Self::Site)];

    /// The one of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::NAMES.into_iter().find(|(own, _)| *own == name).map(|(_, found)| found)
    }
}

/// A file of the pages: path below the output folder, and text.
pub type Page = (String, String);

/// The pages of a service document in the layout of early 2026: one per resource, and the service's own.
///
/// # Errors
/// `bad-document` if the text is no service document.
pub fn seed_pages(provider: &str, service: &str, document: &str) -> Result<Vec<Page>, Box<Report>> {
    let (root, _) = yaml::parse(document)?;
    let root = root.to_json();
    let resources = facts::resources(&root, provider, service);
    if resources.is_empty() {
        return Err(Box::new(
            Report::new(Code::BadDocument, format!("service `{service}` has no resources"))
                .with_help("resources are under `components.x-stackQL-resources`"),
        ));
    }
    let names: Vec<&str> = resources.iter().map(|resource| resource.name.as_str()).collect();
    let mut pages =
        vec![(format!("services/{service}/index.md"), index::service(provider, service, &names))];
    for resource in &resources {
        let path = format!("services/{service}/{}/index.md", resource.name);
        pages.push((path, seed::page(resource)));
    }
    Ok(pages)
}

/// The page of a provider, from the names of its services and how many resources each has.
pub fn seed_index(provider: &str, services: &[(String, usize)]) -> Page {
    ("index.md".to_owned(), index::provider(provider, services))
}

/// The site's pages of a service.
pub fn site_pages(provider: &Provider, service: &Service) -> Vec<Page> {
    site::service_pages(provider, service)
}

/// The site's page of a provider, and the index for language models.
pub fn site_index(provider: &Provider, services: &[(String, String, Vec<String>)]) -> Vec<Page> {
    site::provider_pages(provider, services)
}

/// Pages as a static site: HTML, one style sheet and a search, in one folder that opens from disk.
///
/// Takes the pages of the profile `site` and a title; gives the files of the site.
pub fn html_site(title: &str, pages: &[Page]) -> Vec<Page> {
    html::site(title, pages)
}

#[cfg(test)]
mod tests;
