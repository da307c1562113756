//! `strataql registry search`.

use serde_json::json;
use strataql_diag::Report;
use strataql_registry::ResourceSummary;

use super::print;
use crate::args::registry::SearchArguments;
use crate::console::Console;
use crate::exit::Exit;
use crate::providers;
use crate::settings::Settings;

/// A resource that was found.
struct Hit {
    /// 0 is best.
    rank: usize,
    path: String,
    text: String,
}

pub(super) fn run(
    arguments: &SearchArguments,
    settings: &Settings,
    console: &Console,
) -> Result<Exit, Box<Report>> {
    let registry = providers::registry(settings.registry.as_deref(), &settings.places)?;
    let words: Vec<String> = arguments
        .words
        .iter()
        .flat_map(|text| text.split_whitespace())
        .map(str::to_lowercase)
        .collect();
    let names = match &arguments.provider {
        Some(name) => vec![registry.provider(name)?.name.clone()],
        None => registry.providers().into_iter().map(|it| it.name).collect(),
    };
    let mut hits = Vec::new();
    let mut unread = 0;
    for name in &names {
        let Ok(provider) = registry.provider(name) else {
            unread += 1;
            continue;
        };
        for service in provider.services.values() {
            let Ok(index) = registry.index(name, &service.name) else {
                unread += 1;
                continue;
            };
            let above = format!("{name}.{}", service.name);
            hits.extend(index.resources.iter().filter_map(|it| hit(&above, it, &words)));
        }
    }
    hits.sort_by(|left, right| (left.rank, &left.path).cmp(&(right.rank, &right.path)));
    let more = hits.len().saturating_sub(arguments.limit);
    hits.truncate(arguments.limit);
    let lines: Vec<String> = hits
        .iter()
        .map(|hit| {
            if arguments.json {
                json!({"resource": hit.path, "description": hit.text}).to_string()
            } else {
                format!("{}  {}", hit.path, hit.text).trim_end().to_owned()
            }
        })
        .collect();
    print(console, &lines)?;
    if more > 0 {
        console.note(&format!("{more} more; `--limit` lists them"));
    }
    if unread > 0 {
        console.note(&format!(
            "{unread} documents could not be read; `strataql provider lint` says why"
        ));
    }
    Ok(Exit::SUCCESS)
}

/// A resource in which all words occur; fewer words outside of its name are better.
fn hit(above: &str, resource: &ResourceSummary, words: &[String]) -> Option<Hit> {
    let path = format!("{above}.{}", resource.name);
    let name = path.to_lowercase();
    let text = first_sentence(if resource.description.is_empty() {
        &resource.title
    } else {
        &resource.description
    });
    let methods = resource.methods.iter().map(|method| method.description.as_str());
    let texts: Vec<&str> =
        [resource.title.as_str(), &resource.description].into_iter().chain(methods).collect();
    let texts = texts.join(" ").to_lowercase();
    let mut rank = 0;
    for word in words {
        if name.contains(word) {
            continue;
        }
        if !texts.contains(word) {
            return None;
        }
        rank += 1;
    }
    Some(Hit { rank, path, text })
}

fn first_sentence(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default().trim();
    let end = line.find(". ").map_or(line.len(), |at| at + 1);
    line[..end].chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_words_are_needed_and_names_come_first() {
        let resource = ResourceSummary {
            name: "published_app".to_owned(),
            id: String::new(),
            title: "Apps".to_owned(),
            description: "OAuth apps of an account. More".to_owned(),
            has_view: false,
            view_required: Vec::new(),
            methods: Vec::new(),
        };
        let rank = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            hit("p.s", &resource, &words).map(|hit| (hit.rank, hit.text))
        };
        let text = "OAuth apps of an account.".to_owned();
        assert_eq!(rank(&["app"]), Some((0, text.clone())));
        assert_eq!(rank(&["oauth", "app"]), Some((1, text)));
        assert_eq!(rank(&["oauth", "user"]), None);
    }
}
