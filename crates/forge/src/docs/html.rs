//! Pages as a static site that opens from disk.
//!
//! Owns: HTML from the Markdown of pages, the frame around each page, the style sheet and the search.
//! Refuses: markup of documents. What a document writes as HTML is shown as text, and its links lead to
//! web addresses only.
//! Surprise: browsers read no file from a page on disk, so the search index is a script.

use std::collections::BTreeSet;

use pulldown_cmark::{CowStr, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd, html};

use super::Page;

const STYLE: &str = include_str!("html/style.css");
const SEARCH: &str = include_str!("html/search.js");

/// The site of pages in Markdown: each as HTML, a style sheet, and a search over all pages.
///
/// Files that are no Markdown stay as they are. `title` is the name of the site, shown above every page.
pub(super) fn site(title: &str, pages: &[Page]) -> Vec<Page> {
    let mut out = Vec::with_capacity(pages.len() + 3);
    let mut entries = Vec::new();
    for (path, text) in pages {
        let Some(stem) = path.strip_suffix(".md") else {
            out.push((path.clone(), text.clone()));
            continue;
        };
        let page = format!("{stem}.html");
        let body = body(text);
        entries.push((page.clone(), heading(text), summary(text)));
        out.push((page.clone(), frame(title, &page, &heading(text), &body)));
    }
    out.push(("assets/style.css".to_owned(), STYLE.to_owned()));
    out.push(("assets/search.js".to_owned(), SEARCH.to_owned()));
    out.push(("assets/index.js".to_owned(), index(&entries)));
    out
}

/// The first heading of a page.
fn heading(text: &str) -> String {
    let line = text.lines().find_map(|line| line.strip_prefix("# "));
    line.unwrap_or_default().trim().to_owned()
}

/// The first paragraph of a page, for the search; empty if a table or a heading comes first.
fn summary(text: &str) -> String {
    let mut lines = text.lines().skip_while(|line| !line.starts_with("# ")).skip(1);
    let first = lines.find(|line| !line.trim().is_empty()).unwrap_or_default();
    if first.starts_with(['|', '#', '`', '>']) { String::new() } else { first.trim().to_owned() }
}

/// The search index: one assignment that a browser runs.
fn index(entries: &[(String, String, String)]) -> String {
    let rows: Vec<serde_json::Value> =
        entries.iter().map(|(page, name, text)| serde_json::json!([page, name, text])).collect();
    // `</script>` and line separators cannot end the script: it is a file of its own
    format!("window.searchIndex = {};\n", serde_json::Value::Array(rows))
}

/// How a page reaches the root of the site.
fn to_root(page: &str) -> String {
    "../".repeat(page.matches('/').count())
}

fn frame(title: &str, page: &str, heading: &str, body: &str) -> String {
    let root = to_root(page);
    let trail = trail(title, page);
    let shown = if heading.is_empty() { title } else { heading };
    let name = if shown == title {
        escaped(title)
    } else {
        format!("{} · {}", escaped(shown), escaped(title))
    };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{name}</title>\n<link rel=\"stylesheet\" href=\"{root}assets/style.css\">\n</head>\n\
         <body data-root=\"{root}\">\n<header>\n<nav aria-label=\"Breadcrumb\">{trail}</nav>\n\
         <search><label for=\"find\">Search</label>\
         <input id=\"find\" type=\"search\" placeholder=\"Resource or words\" autocomplete=\"off\">\
         <ul id=\"found\" hidden></ul></search>\n</header>\n<main>\n{body}</main>\n\
         <script src=\"{root}assets/index.js\"></script>\n<script src=\"{root}assets/search.js\"></script>\n\
         </body>\n</html>\n"
    )
}

/// Links to the pages above this one.
fn trail(title: &str, page: &str) -> String {
    let folders: Vec<&str> = page.split('/').collect();
    let depth = folders.len() - 1;
    let mut links = Vec::new();
    if depth == 0 {
        return format!("<span>{}</span>", escaped(title));
    }
    links.push(format!("<a href=\"{}index.html\">{}</a>", "../".repeat(depth), escaped(title)));
    // below `services/`: the service, then the resource
    for (at, folder) in folders.iter().enumerate().take(depth).skip(1) {
        let name = escaped(folder);
        if at + 1 == depth {
            links.push(format!("<span>{name}</span>"));
        } else {
            let up = "../".repeat(depth - at - 1);
            links.push(format!("<a href=\"{up}index.html\">{name}</a>"));
        }
    }
    links.join(" <i>/</i> ")
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            _ => out.push(c),
        }
    }
    out
}

/// The HTML of a page's Markdown.
fn body(text: &str) -> String {
    let parser = Parser::new_ext(text, Options::ENABLE_TABLES);
    let mut events: Vec<Event<'_>> = Vec::new();
    let mut taken = BTreeSet::new();
    let mut opened: Option<(usize, HeadingLevel)> = None;
    for event in parser {
        match event {
            Event::Start(Tag::Heading { level, .. }) => {
                opened = Some((events.len(), level));
                events.push(Event::Start(Tag::Heading {
                    level,
                    id: None,
                    classes: vec![],
                    attrs: vec![],
                }));
            }
            Event::End(TagEnd::Heading(level)) => {
                if let Some((at, _)) = opened.take() {
                    let id = anchor(&events[at + 1..], &mut taken);
                    events[at] = Event::Start(Tag::Heading {
                        level,
                        id: Some(id.into()),
                        classes: vec![],
                        attrs: vec![],
                    });
                }
                events.push(Event::End(TagEnd::Heading(level)));
            }
            Event::Html(html) | Event::InlineHtml(html) => {
                if let Some(id) = anchor_mark(&html) {
                    taken.insert(id.to_owned());
                    events.push(Event::InlineHtml(html));
                } else {
                    events.push(Event::Text(html));
                }
            }
            Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
                events.push(Event::Start(Tag::Link {
                    link_type: if link_type == LinkType::Email {
                        LinkType::Inline
                    } else {
                        link_type
                    },
                    dest_url: target(dest_url),
                    title,
                    id,
                }));
            }
            // a picture of a document would be fetched from elsewhere
            Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => {}
            other => events.push(other),
        }
    }
    let mut out = String::with_capacity(text.len() * 2);
    html::push_html(&mut out, events.into_iter());
    // a wide table scrolls by itself
    out.replace("<table>", "<div class=\"table\"><table>").replace("</table>", "</table></div>")
}

/// The id of `<a id="…">`, as the pages of this crate write it.
fn anchor_mark(html: &str) -> Option<&str> {
    if html == "</a>" {
        return Some("");
    }
    let id = html.strip_prefix("<a id=\"")?.strip_suffix("\">")?;
    let is_plain = |c: char| c.is_alphanumeric() || "_-.$".contains(c);
    id.chars().all(is_plain).then_some(id)
}

/// The id of a heading: its text in lower case, with hyphens for spaces.
fn anchor(heading: &[Event<'_>], taken: &mut BTreeSet<String>) -> String {
    let mut text = String::new();
    for event in heading {
        if let Event::Text(part) | Event::Code(part) = event {
            text.push_str(part);
        }
    }
    let plain: String = text
        .to_lowercase()
        .chars()
        .filter_map(|c| match c {
            ' ' => Some('-'),
            c if c.is_alphanumeric() || "_-".contains(c) => Some(c),
            _ => None,
        })
        .collect();
    let mut id = plain.clone();
    let mut copy = 1;
    while !taken.insert(id.clone()) {
        id = format!("{plain}-{copy}");
        copy += 1;
    }
    id
}

/// Where a link leads: to a page of the site, a place on a page, or a web address. Anything else leads
/// nowhere.
fn target(url: CowStr<'_>) -> CowStr<'_> {
    if url.starts_with("https://") || url.starts_with("http://") || url.starts_with('#') {
        return url;
    }
    let (path, place) =
        url.split_once('#').map_or((&*url, None), |(path, place)| (path, Some(place)));
    let is_relative = !path.contains(':') && !path.starts_with('/') && !path.contains('\\');
    match path.strip_suffix(".md") {
        Some(stem) if is_relative => {
            let place = place.map_or_else(String::new, |place| format!("#{place}"));
            format!("{stem}.html{place}").into()
        }
        _ => "#".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::{body, site};

    #[test]
    fn links_lead_to_pages_of_the_site() {
        let html =
            body("[a](x/index.md) [b](x/index.md#name) [c](#d) [e](https://example.com/x.md)");
        for link in
            ["\"x/index.html\"", "\"x/index.html#name\"", "\"#d\"", "\"https://example.com/x.md\""]
        {
            assert!(html.contains(link), "{link} in {html}");
        }
    }

    #[test]
    fn markup_of_a_document_is_text() {
        let hostile = "a <script>alert(1)</script> <img src=x onerror=alert(1)>\n\n\
             <div onclick=\"x\">b</div>\n\n[c](javascript:alert(1)) [d](JAVASCRIPT:x.md) \
             ![e](https://example.com/p.png) <a id=\"x\" onclick=\"y\">z</a> [f](data:text/html,x) \
             [g](//example.com/x.md)";
        let html = body(hostile);
        for tag in [
            "<script",
            "<img",
            "<div o",
            "<a id=\"x\" o",
            "javascript:",
            "JAVASCRIPT:",
            "data:",
            "//example.com/x",
        ] {
            let shown = html.replace("&lt;", "");
            assert!(!shown.contains(tag), "{tag} in {html}");
        }
        assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{html}");
    }

    #[test]
    fn headings_and_marks_are_places() {
        let html =
            body("# A b\n\n## name\n\n## name\n\n| a |\n|---|\n| <a id=\"p_q\"></a>`p_q` |\n");
        for place in ["id=\"a-b\"", "id=\"name\"", "id=\"name-1\"", "<a id=\"p_q\"></a>"] {
            assert!(html.contains(place), "{place} in {html}");
        }
        assert!(html.contains("<div class=\"table\"><table>"), "{html}");
    }

    #[test]
    fn a_site_is_complete() {
        let pages = vec![
            ("index.md".to_owned(), "# p\n\ntext of `p`\n".to_owned()),
            ("services/s/r/index.md".to_owned(), "# p.s.r\n\nA \"resource\".\n".to_owned()),
            ("llms.txt".to_owned(), "# p\n".to_owned()),
        ];
        let site = site("p", &pages);
        let names: Vec<&str> = site.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(
            names,
            [
                "index.html",
                "services/s/r/index.html",
                "llms.txt",
                "assets/style.css",
                "assets/search.js",
                "assets/index.js"
            ]
        );
        let page = &site[1].1;
        assert!(page.contains("href=\"../../../assets/style.css\""), "{page}");
        assert!(page.contains("<a href=\"../../../index.html\">p</a>"), "{page}");
        assert!(page.contains("<a href=\"../index.html\">s</a>"), "{page}");
        assert!(
            site[5].1.contains(r#"["services/s/r/index.html","p.s.r","A \"resource\"."]"#),
            "{}",
            site[5].1
        );
    }
}
