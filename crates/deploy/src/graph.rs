//! Which resource needs which: from the names in values and statements.
//!
//! Surprise: a name without a resource before it belongs to the last resource above that exports it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use crate::flow::read_queries;
use crate::manifest::{Resource, Stack};
use crate::template::Templates;

/// The edges of a stack, as indices of resources: the second needs the first.
fn edges(stack: &Stack) -> BTreeSet<(usize, usize)> {
    let templates = Templates::new(Path::new("."), Arc::new(|_| None));
    let mut edges = BTreeSet::new();
    for (at, resource) in stack.resources.iter().enumerate() {
        let own: BTreeSet<&str> = resource.props.iter().map(|prop| prop.name.as_str()).collect();
        for name in used(stack, &templates, resource) {
            let first = name.split('.').next().unwrap_or(&name);
            let above = stack.resources[..at].iter();
            let giver = above.clone().position(|other| other.name == first).or_else(|| {
                let gives =
                    |other: &Resource| other.exports.iter().any(|export| export.name == first);
                above.clone().rposition(gives).filter(|_| {
                    // a prop of that name may take the export as its value
                    !own.contains(first) || name_is_in_props(&templates, resource, first)
                })
            });
            edges.extend(giver.map(|giver| (giver, at)));
        }
        for dependency in &resource.depends_on {
            let giver = stack.resources.iter().position(|other| other.name == *dependency);
            edges.extend(giver.map(|giver| (giver, at)));
        }
    }
    edges
}

fn name_is_in_props(templates: &Templates, resource: &Resource, name: &str) -> bool {
    texts_of_props(resource)
        .iter()
        .any(|text| templates.names(text).iter().any(|used| used.split('.').next() == Some(name)))
}

fn texts_of_props(resource: &Resource) -> Vec<String> {
    let values = resource.props.iter().flat_map(|prop| {
        prop.value
            .iter()
            .chain(prop.values.iter().flatten().filter_map(|(_, value)| value.as_ref()))
    });
    values.map(crate::template::json::plain).collect()
}

/// The names that a resource uses.
fn used(stack: &Stack, templates: &Templates, resource: &Resource) -> BTreeSet<String> {
    let mut texts = texts_of_props(resource);
    texts
        .extend([&resource.sql, &resource.run, &resource.condition].into_iter().flatten().cloned());
    texts.extend(resource.auth.as_ref().map(ToString::to_string));
    // what cannot be read is reported where it is needed
    if let Ok(queries) = read_queries(stack, resource) {
        texts.extend(queries.anchors.values().map(|anchor| anchor.text.clone()));
    }
    texts.iter().flat_map(|text| templates.names(text)).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The graph in the language of Graphviz.
pub fn dot(stack: &Stack) -> String {
    let quoted = |name: &str| format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
    let mut text = format!("digraph {} {{\n  rankdir=LR;\n", quoted(&stack.name));
    for resource in &stack.resources {
        text.extend(["  ", &quoted(&resource.name), ";\n"]);
    }
    for (from, to) in edges(stack) {
        let (from, to) = (&stack.resources[from].name, &stack.resources[to].name);
        text.extend(["  ", &quoted(from), " -> ", &quoted(to), ";\n"]);
    }
    text + "}\n"
}

/// Width and height of a box, and the space around it.
const BOX: (usize, usize) = (180, 32);
const GAP: (usize, usize) = (60, 18);

/// The graph as a picture: what needs nothing is on the left.
pub fn svg(stack: &Stack) -> String {
    let edges = edges(stack);
    let mut ranks = vec![0_usize; stack.resources.len()];
    for (at, _) in stack.resources.iter().enumerate() {
        let before = edges.iter().filter(|(_, to)| *to == at).map(|(from, _)| ranks[*from] + 1);
        ranks[at] = before.max().unwrap_or(0);
    }
    let mut rows = vec![0_usize; ranks.len() + 1];
    let places: Vec<(usize, usize)> = ranks
        .iter()
        .map(|rank| {
            let row = rows[*rank];
            rows[*rank] += 1;
            (GAP.1 + rank * (BOX.0 + GAP.0), GAP.1 + row * (BOX.1 + GAP.1))
        })
        .collect();
    let width = places.iter().map(|(x, _)| x + BOX.0 + GAP.1).max().unwrap_or(0);
    let height = places.iter().map(|(_, y)| y + BOX.1 + GAP.1).max().unwrap_or(0);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"13\">\n"
    );
    for (from, to) in edges {
        let ((x1, y1), (x2, y2)) = (places[from], places[to]);
        text.push_str(&format!(
            "  <line x1=\"{}\" y1=\"{}\" x2=\"{x2}\" y2=\"{}\" stroke=\"#888\"/>\n",
            x1 + BOX.0,
            y1 + BOX.1 / 2,
            y2 + BOX.1 / 2
        ));
    }
    for (resource, (x, y)) in stack.resources.iter().zip(places) {
        text.push_str(&format!(
            "  <rect x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{}\" rx=\"4\" fill=\"#fff\" stroke=\"#333\"/>\n  <text x=\"{}\" y=\"{}\">{}</text>\n",
            BOX.0,
            BOX.1,
            x + 8,
            y + BOX.1 / 2 + 5,
            escaped(&resource.name)
        ));
    }
    text + "</svg>\n"
}
