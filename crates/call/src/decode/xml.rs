//! XML as JSON trees.
//!
//! Owns: which tree an XML document is, and the limits on reading it.
//! Refuses: entities of the document's own. They are never read, so that a small document cannot expand.
//! Surprise: names lose their namespace prefix. An element with text only is text, one that repeats is a
//! list, an empty one is empty text; attributes are keys that begin with `-`, text beside children is
//! `#text`.

use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Map, Value as Json};

use crate::exact;

/// Deepest nesting of elements that is read.
const MAX_DEPTH: usize = 150;

/// Whether text that looks like a number or a boolean is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Casts {
    /// Text stays text.
    None,
    /// `5` is a number and `true` a boolean, as in the maps that templates of the kind `mxj` read.
    Scalars,
}

/// The root element: its name and its content.
#[derive(Debug, PartialEq)]
pub(crate) struct Root {
    pub(crate) name: String,
    pub(crate) content: Json,
}

struct Open {
    name: String,
    fields: Map<String, Json>,
    text: String,
}

/// Reads a document.
///
/// # Errors
/// What is wrong with it, as a clause.
pub(crate) fn read(text: &str, casts: Casts) -> Result<Root, String> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut open: Vec<Open> = Vec::new();
    let mut root = None;
    loop {
        let event = reader.read_event().map_err(|error| broken(&error))?;
        match event {
            Event::Start(start) => {
                if root.is_some() {
                    return Err("has two root elements".to_owned());
                }
                if open.len() >= MAX_DEPTH {
                    return Err(format!("is nested more than {MAX_DEPTH} deep"));
                }
                open.push(begin(&start, casts)?);
            }
            Event::End(_) => {
                let Some(element) = open.pop() else { continue };
                let name = element.name.clone();
                let content = element.finish(casts)?;
                match open.last_mut() {
                    Some(parent) => parent.add(name, content),
                    None => root = Some(Root { name, content }),
                }
            }
            Event::Text(text) => add_text(&mut open, &text.xml10_content())?,
            Event::CData(text) => add_text(&mut open, &text.xml10_content())?,
            Event::GeneralRef(reference) => {
                let resolved = reference.resolve_char_ref().map_err(|error| broken(&error))?;
                let name = reference.into_inner();
                let known = match (resolved, &*name) {
                    (Some(c), _) => c,
                    (None, "lt") => '<',
                    (None, "gt") => '>',
                    (None, "amp") => '&',
                    (None, "apos") => '\'',
                    (None, "quot") => '"',
                    (None, other) => {
                        let start: String = other.chars().take(40).collect();
                        return Err(format!(
                            "uses the entity `&{start};`, which XML does not define"
                        ));
                    }
                };
                add_text(&mut open, known.encode_utf8(&mut [0; 4]))?;
            }
            Event::DocType(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::Comment(_)
            | Event::Empty(_) => {}
            Event::Eof => break,
        }
    }
    match (root, open.last()) {
        (_, Some(element)) => Err(format!("ends inside of the element `{}`", element.name)),
        (Some(root), None) => Ok(root),
        (None, None) => Err("has no element".to_owned()),
    }
}

fn broken(error: &dyn std::fmt::Display) -> String {
    format!("is no complete XML document: {error}")
}

fn add_text(open: &mut [Open], text: &str) -> Result<(), String> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if text.trim_matches(['\u{feff}', ' ', '\t', '\r', '\n']).is_empty() => {}
        None => return Err("has text outside of its root element".to_owned()),
    }
    Ok(())
}

fn begin(start: &BytesStart<'_>, casts: Casts) -> Result<Open, String> {
    let mut fields = Map::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| broken(&error))?;
        let name = attribute.key.local_name().into_inner().to_owned();
        let value =
            attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| broken(&error))?;
        fields.insert(format!("-{name}"), scalar(&value, casts)?);
    }
    let name = start.local_name().into_inner().to_owned();
    Ok(Open { name, fields, text: String::new() })
}

impl Open {
    fn add(&mut self, name: String, content: Json) {
        match self.fields.get_mut(&name) {
            None => {
                self.fields.insert(name, content);
            }
            // no single element is a list, so a list is what repeats
            Some(Json::Array(items)) => items.push(content),
            Some(first) => {
                let first_content = std::mem::take(first);
                *first = Json::Array(vec![first_content, content]);
            }
        }
    }

    fn finish(mut self, casts: Casts) -> Result<Json, String> {
        let text = self.text.trim();
        if self.fields.is_empty() {
            return scalar(text, casts);
        }
        if !text.is_empty() {
            self.fields.insert("#text".to_owned(), scalar(text, casts)?);
        }
        Ok(Json::Object(self.fields))
    }
}

fn scalar(text: &str, casts: Casts) -> Result<Json, String> {
    if casts == Casts::Scalars {
        match text {
            "true" | "false" => return Ok(Json::Bool(text == "true")),
            _ => {
                if let Some(number) = exact::number(text) {
                    return Ok(number);
                }
            }
        }
    }
    exact::text(text).map_err(|expected| format!("should have {expected}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(text: &str, casts: Casts, name: &str, content: &Json) {
        let root = read(text, casts).expect(text);
        assert_eq!((root.name.as_str(), &root.content), (name, content), "{text}");
    }

    #[test]
    fn elements_become_text_objects_and_lists() {
        let text = "\u{feff}<?xml version=\"1.0\"?>\n<!-- c --><a:R xmlns:a='u' k=\"&lt;v\"><b>1</b><b> x&amp;y </b>\
                    <c/><d><![CDATA[<e>]]>&#65;</d>t</a:R>\n";
        let content = json!({
            "-a": "u", "-k": "<v", "b": ["1", "x&y"], "c": "", "d": "<e>A", "#text": "t",
        });
        check(text, Casts::None, "R", &content);
    }

    #[test]
    fn scalars_are_cast_where_that_is_asked_for_and_loses_nothing() {
        let text = "<r><a>1</a><b>true</b><c>007</c><d>1e3</d><e>12345678901234567890123</e></r>";
        let root = read(text, Casts::Scalars).expect("valid");
        let written = exact::json_text(&root.content);
        assert_eq!(written, r#"{"a":1,"b":true,"c":"007","d":1e3,"e":12345678901234567890123}"#);
    }

    #[test]
    fn broken_documents_say_what_is_wrong() {
        for (text, expected) in [
            ("", "has no element"),
            ("<a>", "ends inside of the element `a`"),
            ("<a><b></a>", "is no complete XML document"),
            ("<a/><b/>", "has two root elements"),
            ("<a/>x", "has text outside of its root element"),
            ("<a b='1' b='2'/>", "is no complete XML document"),
            ("<a>&#x110000;</a>", "is no complete XML document"),
            ("<a>\u{fdd0}1</a>", "should have text that does not begin"),
        ] {
            let error = read(text, Casts::None).expect_err(text);
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }

    #[test]
    fn entities_of_the_document_are_never_expanded() {
        let bomb =
            "<!DOCTYPE r [<!ENTITY a \"xxxxxxxxxx\"><!ENTITY b \"&a;&a;&a;&a;\">]><r>&b;</r>";
        let error = read(bomb, Casts::None).expect_err("an entity");
        assert_eq!(error, "uses the entity `&b;`, which XML does not define");
        let file = "<!DOCTYPE r [<!ENTITY f SYSTEM \"file:///etc/passwd\">]><r>&f;</r>";
        assert!(read(file, Casts::None).is_err());
    }

    #[test]
    fn nesting_has_an_end() {
        let deep = format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000));
        let error = read(&deep, Casts::None).expect_err("deep");
        assert_eq!(error, format!("is nested more than {MAX_DEPTH} deep"));
    }
}
