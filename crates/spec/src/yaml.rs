//! YAML 1.2 text to [`Node`] trees.
//!
//! Owns: building the tree from parser events, scalar resolution (core schema), anchors, merge keys,
//! and the limits that keep a hostile document harmless.
//! Refuses: YAML 1.1 booleans (`yes`, `on`), custom tags (their node is null or plain data).
//! Surprise: aliases share their anchor's node, so an expansion bomb costs no memory here. Its
//! *expanded* size is counted nevertheless, because later stages walk the whole tree.

use std::collections::HashMap;
use std::sync::Arc;

use serde_saphyr::granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Span, Tag};
use strataql_diag::{Code, Report};

use crate::node::{Map, Node, NodeValue};

/// Maximum size of a document in bytes; the largest real one has 3.4 MB.
pub const MAX_BYTES: usize = 64 << 20;
/// Maximum number of nodes after expansion of aliases.
pub const MAX_NODES: u64 = 8_000_000;
/// Maximum nesting.
pub const MAX_DEPTH: usize = 128;

/// Parses one document.
///
/// Returns the root and warnings (duplicate keys). An empty text is a null root.
///
/// # Errors
/// `bad-document` for invalid YAML, `untrusted-document` when a limit is exceeded; both carry the
/// line (the file name is the caller's to add).
pub fn parse(text: &str) -> Result<(Node, Vec<Report>), Box<Report>> {
    if text.len() > MAX_BYTES {
        return Err(Box::new(
            Report::new(
                Code::UntrustedDocument,
                format!("the document has {} bytes, more than the {MAX_BYTES} allowed", text.len()),
            )
            .with_place("", 1)
            .with_help("split it into several services"),
        ));
    }
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| invalid(&error))?;
        builder.event(event, span)?;
    }
    Ok((builder.root.unwrap_or_else(|| Node::null(1)), builder.warnings))
}

fn invalid(error: &ScanError) -> Box<Report> {
    if matches!(error.kind(), ErrorKind::RecursionLimitExceeded) {
        return too_deep(u32::try_from(error.marker().line()).unwrap_or(u32::MAX));
    }
    Box::new(
        Report::new(Code::BadDocument, format!("not valid YAML: {}", error.info()))
            .with_place("", error.marker().line())
            .with_help("correct the document at that line"),
    )
}

fn line_of(span: Span) -> u32 {
    u32::try_from(span.start.line()).unwrap_or(u32::MAX)
}

struct Open {
    anchor: usize,
    line: u32,
    size: Size,
    content: Content,
}

/// The expanded size of a node.
#[derive(Clone, Copy)]
struct Size {
    nodes: u64,
    height: usize,
}

impl Size {
    const SCALAR: Self = Self { nodes: 1, height: 1 };
}

enum Content {
    Sequence(Vec<Node>),
    /// Merged mappings wait until the mapping is complete, so that its own keys win.
    Mapping {
        map: Map,
        key: Option<(Box<str>, u32)>,
        merged: Vec<Node>,
    },
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, (Node, Size)>,
    root: Option<Node>,
    warnings: Vec<Report>,
}

impl Builder {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Box<Report>> {
        let line = line_of(span);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = scalar(&text, style, tag.as_deref());
                self.finish(Node { line, value }, Size::SCALAR, anchor)
            }
            Event::SequenceStart(_, anchor, _) => {
                self.start(line, anchor, Content::Sequence(Vec::new()))
            }
            Event::MappingStart(_, anchor, _) => self.start(
                line,
                anchor,
                Content::Mapping { map: Map::new(), key: None, merged: Vec::new() },
            ),
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => {
                let Some((node, size)) = self.anchors.get(&anchor).cloned() else {
                    return Err(Box::new(
                        Report::new(Code::BadDocument, "an alias refers to the node it stands in")
                            .with_place("", line as usize),
                    ));
                };
                self.finish(node, size, 0)
            }
            _ => Ok(()),
        }
    }

    fn start(&mut self, line: u32, anchor: usize, content: Content) -> Result<(), Box<Report>> {
        if self.open.len() >= MAX_DEPTH {
            return Err(too_deep(line));
        }
        self.open.push(Open { anchor, line, size: Size::SCALAR, content });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Box<Report>> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let value = match open.content {
            Content::Sequence(items) => NodeValue::Sequence(Arc::new(items)),
            Content::Mapping { mut map, merged, .. } => {
                for source in &merged {
                    merge(&mut map, source);
                }
                NodeValue::Mapping(Arc::new(map))
            }
        };
        self.finish(Node { line: open.line, value }, open.size, open.anchor)
    }

    /// A node is complete: registers its anchor and adds it to its parent.
    fn finish(&mut self, node: Node, size: Size, anchor: usize) -> Result<(), Box<Report>> {
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), size));
        }
        let depth = self.open.len();
        let Some(parent) = self.open.last_mut() else {
            self.root.get_or_insert(node);
            return Ok(());
        };
        parent.size.nodes = parent.size.nodes.saturating_add(size.nodes);
        parent.size.height = parent.size.height.max(size.height + 1);
        // an alias brings its own depth along
        if depth + size.height > MAX_DEPTH + 1 {
            return Err(too_deep(node.line));
        }
        if parent.size.nodes > MAX_NODES {
            return Err(Box::new(
                Report::new(
                    Code::UntrustedDocument,
                    format!("the document expands to more than {MAX_NODES} nodes"),
                )
                .with_place("", node.line as usize)
                .with_help("repeat less through YAML aliases; use `$ref`"),
            ));
        }
        match &mut parent.content {
            Content::Sequence(items) => items.push(node),
            Content::Mapping { map, key, merged } => match key.take() {
                None => *key = Some((key_text(&node), node.line)),
                Some((name, _)) if &*name == "<<" => merged.push(node),
                Some((name, line)) => {
                    if map.insert(name.clone(), node).is_some() {
                        self.warnings.push(
                            Report::warning(
                                Code::BadDocument,
                                format!("the key `{name}` is given twice; the last one counts"),
                            )
                            .with_place("", line as usize),
                        );
                    }
                }
            },
        }
        Ok(())
    }
}

fn too_deep(line: u32) -> Box<Report> {
    Box::new(
        Report::new(
            Code::UntrustedDocument,
            format!("the document nests deeper than {MAX_DEPTH} levels"),
        )
        .with_place("", line as usize)
        .with_help("name the inner parts in `components` and use `$ref`"),
    )
}

/// Mapping keys are text, whatever YAML type they have (`200:` is common).
fn key_text(node: &Node) -> Box<str> {
    match &node.value {
        NodeValue::Null => "null".into(),
        _ => node.text().unwrap_or("").into(),
    }
}

/// The merge key `<<`: entries of the merged mapping that are not present yet.
fn merge(map: &mut Map, node: &Node) {
    let sources = if node.is_sequence() { node.items() } else { std::slice::from_ref(node) };
    for (key, child) in sources.iter().flat_map(Node::entries) {
        if !map.contains_key(key) {
            map.insert(key.into(), child.clone());
        }
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> NodeValue {
    if let Some(tag) = tag {
        return match tag.core_suffix() {
            Some("str") => NodeValue::Text(text.into()),
            Some("null") => NodeValue::Null,
            Some("bool" | "int" | "float") => plain(text),
            // `!!js/undefined` and similar tags occur in real documents and have no value
            _ if text.is_empty() => NodeValue::Null,
            _ => NodeValue::Text(text.into()),
        };
    }
    if style == ScalarStyle::Plain { plain(text) } else { NodeValue::Text(text.into()) }
}

fn plain(text: &str) -> NodeValue {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => NodeValue::Null,
        "true" | "True" | "TRUE" => NodeValue::Bool(true),
        "false" | "False" | "FALSE" => NodeValue::Bool(false),
        _ if is_number(text) => NodeValue::Number(text.into()),
        _ => NodeValue::Text(text.into()),
    }
}

/// A number that JSON can represent as written.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0') || digits.starts_with("0."))
        && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'))
        && text.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_text_and_the_last_duplicate_wins() {
        let (root, warnings) = parse("200: ok\n200: again\n").expect("valid");
        assert_eq!(root.text_at("200"), Some("again"));
        assert_eq!(warnings.len(), 1);
        assert_eq!(warnings[0].place.as_ref().map(|p| p.line), Some(2));
    }

    #[test]
    fn aliases_share_and_merge_keys_merge() {
        let (root, warnings) =
            parse("base: &b {x: 1, y: 2}\nmine:\n  <<: *b\n  y: 3\nsame: *b\n").expect("valid");
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(root.pointer("/mine/y").and_then(Node::text), Some("3"));
        assert_eq!(root.pointer("/mine/x").and_then(Node::text), Some("1"));
        assert_eq!(root.pointer("/mine/y").and_then(Node::text), Some("3"));
        assert_eq!(root.get("same"), root.get("base"));
    }

    #[test]
    fn expansion_bombs_are_refused() {
        let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for level in 1..12 {
            let before = format!("*a{}", level - 1);
            let row = vec![before; 10].join(",");
            bomb.push_str(
                &["a", &level.to_string(), ": &a", &level.to_string(), " [", &row, "]\n"].concat(),
            );
        }
        let report = parse(&bomb).expect_err("a bomb");
        assert_eq!(report.code, Code::UntrustedDocument);
    }

    #[test]
    fn deep_nesting_and_self_reference_are_refused() {
        let deep: String = (0..MAX_DEPTH + 2).map(|level| " ".repeat(level) + "a:\n").collect();
        assert_eq!(parse(&deep).expect_err("too deep").code, Code::UntrustedDocument);
        assert!(parse(&"[".repeat(100_000)).is_err());
        assert!(parse("a: &a [*a]").is_err());
        assert_eq!(parse("a: [1, 2").expect_err("unclosed").code, Code::BadDocument);
    }

    #[test]
    fn aliases_cannot_smuggle_depth() {
        let mut tower = format!("- &a0 {}x{}\n", "[".repeat(100), "]".repeat(100));
        for level in 1..20 {
            let before = level - 1;
            tower.push_str(&["- &a", &level.to_string()].concat());
            tower.push_str(&[" [[[[[[[[[[*a", &before.to_string(), "]]]]]]]]]]\n"].concat());
        }
        assert_eq!(parse(&tower).expect_err("too deep").code, Code::UntrustedDocument);
    }

    #[test]
    fn tags_of_other_languages_are_null() {
        let (root, _) = parse("a: !!js/undefined ''\nb: !!str 5\nc: 007\nd: 1e3").expect("valid");
        assert!(root.get("a").is_none());
        assert_eq!(root.get("b").map(Node::to_json), Some(serde_json::json!("5")));
        assert_eq!(root.get("c").map(Node::to_json), Some(serde_json::json!("007")));
        assert_eq!(root.get("d").map(Node::to_json), Some(serde_json::json!(1000.0)));
    }
}
