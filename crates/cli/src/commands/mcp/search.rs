//! Resources by words.

use strataql_diag::Report;
use strataql_mcp::{Found, FoundMethod};
use strataql_registry::{MethodSummary, Registry, ResourceSummary};

/// Words that say nothing about what is looked for.
const COMMON: [&str; 20] = [
    "a", "all", "an", "and", "are", "for", "get", "have", "in", "list", "me", "my", "of", "on",
    "show", "that", "the", "to", "which", "with",
];

/// The resources that fit, best first; all without a word.
///
/// # Errors
/// Names that do not exist, documents that cannot be read.
pub(super) fn resources(
    registry: &Registry,
    words: &str,
    provider: Option<&str>,
    service: Option<&str>,
) -> Result<Vec<Found>, Box<Report>> {
    let lower = words.to_lowercase();
    let all: Vec<&str> =
        lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let mut meant: Vec<&str> = all.iter().copied().filter(|word| !COMMON.contains(word)).collect();
    if meant.is_empty() {
        meant = all;
    }
    let providers = match provider {
        Some(name) => vec![registry.provider(name)?.name.clone()],
        None => registry.providers().into_iter().map(|provider| provider.name).collect(),
    };
    let mut found = Vec::new();
    for name in providers {
        let model = registry.provider(&name)?;
        for known in model.services.values() {
            if service.is_some_and(|wanted| !known.name.eq_ignore_ascii_case(wanted)) {
                continue;
            }
            let index = registry.index(&name, &known.name)?;
            for resource in &index.resources {
                let score = score(&meant, &[&name, &known.name], resource);
                if meant.is_empty() || score > 0 {
                    found.push(hit(&name, &known.name, resource, score));
                }
            }
        }
    }
    found.sort_by(|one, other| {
        let name =
            |found: &Found| (found.provider.clone(), found.service.clone(), found.resource.clone());
        other.score.cmp(&one.score).then_with(|| name(one).cmp(&name(other)))
    });
    Ok(found)
}

/// How well a resource fits: names count more than descriptions, and more words more than few.
fn score(words: &[&str], scope: &[&str], resource: &ResourceSummary) -> u32 {
    let name = resource.name.to_lowercase();
    let parts: Vec<&str> = name.split(['_', '.', '-']).collect();
    let text = format!("{} {}", resource.title, resource.description).to_lowercase();
    let one = |word: &&str| {
        // `apps` looks for `app`, too
        let stem = word.strip_suffix('s').filter(|stem| stem.len() > 2).unwrap_or(word);
        if parts.iter().any(|part| part.strip_suffix('s').unwrap_or(part) == stem) {
            8
        } else if name.contains(stem) {
            5
        } else if scope.iter().any(|part| part.to_lowercase().contains(stem)) {
            2
        } else {
            u32::from(text.contains(stem))
        }
    };
    words.iter().map(one).sum()
}

fn hit(provider: &str, service: &str, resource: &ResourceSummary, score: u32) -> Found {
    let method = |method: &MethodSummary| FoundMethod {
        name: method.name.clone(),
        verb: method.sql_verb.as_str().to_uppercase(),
        request: format!("{} {}", method.http_verb.as_str(), method.path),
        description: method.description.clone(),
        required: method.required.clone(),
    };
    let description =
        if resource.description.is_empty() { &resource.title } else { &resource.description };
    Found {
        provider: provider.to_owned(),
        service: service.to_owned(),
        resource: resource.name.clone(),
        description: description.clone(),
        methods: resource.methods.iter().map(method).collect(),
        score,
    }
}
