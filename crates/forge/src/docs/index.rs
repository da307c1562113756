//! Pages of services and of the provider.

use super::text::by_locale;

/// The head of a page.
pub(super) fn front_matter(title: &str, keywords: &[&str], provider: &str) -> String {
    let mut out = format!(
        "---\ntitle: {title}\nhide_title: false\nhide_table_of_contents: false\nkeywords:\n"
    );
    let fixed = ["infrastructure-as-code", "configuration-as-data", "cloud inventory"];
    for keyword in keywords.iter().chain(&fixed) {
        out.push_str("  - ");
        out.push_str(keyword);
        out.push('\n');
    }
    out.push_str(&format!(
        "description: Query, deploy and manage {provider} resources using SQL\ncustom_edit_url: null\n\
         image: /img/stackql-{provider}-provider-featured-image.png\n---\n"
    ));
    out
}

/// Two columns of links; the first has the larger half.
fn columns(links: &[String], end: &str) -> String {
    let half = links.len().div_ceil(2);
    let column = |links: &[String]| {
        let lines: Vec<String> = links.iter().map(|link| format!("{link}{end}")).collect();
        format!("<div class=\"providerDocColumn\">\n{}\n</div>", lines.join("\n"))
    };
    format!("<div class=\"row\">\n{}\n{}\n</div>", column(&links[..half]), column(&links[half..]))
}

/// The page of a service.
pub(super) fn service(provider: &str, service: &str, names: &[&str]) -> String {
    let mut names = names.to_vec();
    names.sort_by(|left, right| by_locale(left, right));
    let links: Vec<String> = names
        .iter()
        .map(|name| format!("<a href=\"/services/{service}/{name}/\">{name}</a>"))
        .collect();
    let links: Vec<String> = joined(&links);
    format!(
        "{}\n{service} service documentation.\n\n:::info[Service Summary]\n\ntotal resources: __{}__  \n\n:::\n\n## Resources\n{}",
        front_matter(service, &[service, provider, "stackql"], provider),
        names.len(),
        columns(&links, "")
    )
}

/// Links with a line break behind each but the last of a column.
fn joined(links: &[String]) -> Vec<String> {
    let half = links.len().div_ceil(2);
    let last = |at: usize| at + 1 == half || at + 1 == links.len();
    links
        .iter()
        .enumerate()
        .map(|(at, link)| if last(at) { link.clone() } else { format!("{link}<br />") })
        .collect()
}

/// The page of a provider. The count has each service once more, as on the public pages.
pub(super) fn provider(provider: &str, services: &[(String, usize)]) -> String {
    let mut services = services.to_vec();
    services.sort_by(|left, right| by_locale(&left.0, &right.0));
    let total: usize = services.iter().map(|(_, resources)| resources + 1).sum();
    let links: Vec<String> = services
        .iter()
        .map(|(name, _)| format!("<a href=\"/services/{name}/\">{name}</a>"))
        .collect();
    format!(
        "{}\n:::info[Provider Summary]\n\ntotal services: __{}__\ntotal resources: __{total}__\n\n:::\n\n## Services\n{}\n",
        front_matter(provider, &[provider, "stackql"], provider),
        services.len(),
        columns(&links, "<br />")
    )
}
