//! The form of a success answer, whatever its media type says: JSON, lines of JSON, XML, CSV or text.
//!
//! Owns: the choice of the form, and what an answer is called that has none of them.
//! Refuses: reading rows; JSON goes to the envelope reader, XML to [`super::rewrite`].
//! Surprise: the bytes decide before the `Content-Type` does. Services send JSON as `text/plain`, and
//! sign-in pages as `application/json`.

mod csv;

use std::fmt;

use http::header::CONTENT_TYPE;
use serde_json::Value as Json;
use strataql_net::{HtmlPage, Response};

/// The body of an answer, with what is said about its form.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Body<'a> {
    /// The bytes.
    pub(crate) bytes: &'a [u8],
    /// The `Content-Type` of the answer.
    pub(crate) content_type: Option<&'a str>,
}

impl<'a> Body<'a> {
    /// A body with the headers it came with.
    pub(crate) fn new(bytes: &'a [u8], headers: &'a http::HeaderMap) -> Self {
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        Self { bytes, content_type }
    }

    /// The body of an answer.
    pub(crate) fn of(response: &'a Response) -> Self {
        Self::new(&response.body, &response.headers)
    }

    /// True if there is nothing to read.
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.iter().all(u8::is_ascii_whitespace)
    }

    /// The form in which the answer is read.
    ///
    /// # Errors
    /// What the body is when it cannot be read, as far as the first characters and the media type show it.
    pub(crate) fn form(&self, expected: Expected<'_>) -> Result<Form<'a>, NotJson> {
        let bytes = self.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(self.bytes);
        let media = self.essence().filter(|text| text != "application/octet-stream");
        let media = media.or_else(|| expected.media_type.map(essence)).unwrap_or_default();
        if expected.is_text && !is_json(&media) {
            return text(bytes).map(|text| Form::Made(Json::from(text).to_string().into_bytes()));
        }
        if expected.is_xml && bytes.trim_ascii_start().first() == Some(&b'<') {
            return match HtmlPage::read(bytes) {
                Some(page) => Err(NotJson::Page(page)),
                None => text(bytes).map(Form::Xml),
            };
        }
        if is_lines(&media) {
            return Ok(Form::Made(joined_lines(bytes)));
        }
        if media == "text/csv" || media == "application/csv" {
            return text(bytes).and_then(|text| {
                csv::objects(text).map(|json| Form::Made(json.into_bytes())).map_err(NotJson::Table)
            });
        }
        self.json().map(Form::Json)
    }

    /// The JSON in it.
    ///
    /// # Errors
    /// What the body is instead, when the first characters show it already.
    pub(crate) fn json(&self) -> Result<&'a [u8], NotJson> {
        let bytes = self.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(self.bytes);
        match bytes.trim_ascii_start().first() {
            None => Err(NotJson::Empty),
            Some(b'<') => Err(self.markup(bytes)),
            Some(_) => Ok(bytes),
        }
    }

    fn markup(&self, bytes: &[u8]) -> NotJson {
        match HtmlPage::read(bytes) {
            Some(page) => NotJson::Page(page),
            None => NotJson::Other(self.essence().unwrap_or_else(|| "application/xml".to_owned())),
        }
    }

    /// What the body is, when reading it as JSON ended at `syntax`. `declared` is the media type that
    /// the document gives for the method's answers.
    pub(crate) fn not_json(&self, syntax: &str, declared: Option<&str>) -> NotJson {
        let is_other = |text: &str| !is_json(text) && !text.starts_with("text/plain");
        match self.essence().or_else(|| declared.map(essence)).filter(|text| is_other(text)) {
            Some(other) => NotJson::Other(other),
            None => NotJson::Broken(syntax.to_owned()),
        }
    }

    fn essence(&self) -> Option<String> {
        self.content_type.map(essence).filter(|text| !text.is_empty())
    }
}

/// What an answer is read as.
#[derive(Debug)]
pub(crate) enum Form<'a> {
    /// JSON as it came.
    Json(&'a [u8]),
    /// JSON made of lines, a table or text.
    Made(Vec<u8>),
    /// An XML document.
    Xml(&'a str),
}

/// What the document says about the form of answers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Expected<'a> {
    /// Its media type.
    pub(crate) media_type: Option<&'a str>,
    /// Answers may be XML.
    pub(crate) is_xml: bool,
    /// The whole answer is one text.
    pub(crate) is_text: bool,
}

/// True for a stream of JSON documents, one a line.
pub(super) fn is_lines(media_type: &str) -> bool {
    let essence = essence(media_type);
    ["ndjson", "jsonl", "jsonlines", "json-lines", "json-seq", "stream+json"]
        .iter()
        .any(|word| essence.contains(word))
}

/// Lines of JSON as one array.
fn joined_lines(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 2);
    out.push(b'[');
    for line in bytes.split(|byte| *byte == b'\n') {
        // documents of `json-seq` begin with a record separator
        let line = line.strip_prefix(b"\x1e").unwrap_or(line).trim_ascii();
        if line.is_empty() {
            continue;
        }
        if out.len() > 1 {
            out.push(b',');
        }
        out.extend_from_slice(line);
    }
    out.push(b']');
    out
}

fn text(bytes: &[u8]) -> Result<&str, NotJson> {
    std::str::from_utf8(bytes).map_err(|_| NotJson::Binary)
}

/// A media type without its parameters.
fn essence(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn is_json(essence: &str) -> bool {
    essence.ends_with("/json") || essence.ends_with("+json")
}

/// What an answer is that is not JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotJson {
    /// There is nothing.
    Empty,
    /// A page for people.
    Page(HtmlPage),
    /// Another media type.
    Other(String),
    /// JSON up to some place.
    Broken(String),
    /// A table that cannot be read, and why.
    Table(String),
    /// Bytes that are no text.
    Binary,
}

impl NotJson {
    /// What to do about it.
    pub(super) fn help(&self) -> &'static str {
        match self {
            Self::Page(page) if page.is_sign_in => {
                "check the credential and the server: a proxy or a gateway asks for a login before the \
                 API is reached"
            }
            Self::Page(_) => {
                "check the server of the provider document or `--endpoint`: this is not the API"
            }
            _ => super::UNEXPECTED_HELP,
        }
    }
}

impl fmt::Display for NotJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty"),
            Self::Page(page) => write!(f, "is {page}, not JSON"),
            Self::Other(media_type) => write!(f, "is `{media_type}`, not JSON"),
            Self::Table(problem) => write!(f, "is a table that cannot be read: {problem}"),
            Self::Binary => f.write_str("is binary, and columns hold text"),
            Self::Broken(syntax) => write!(f, "is no complete JSON document: {syntax}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body<'a>(text: &'a str, content_type: Option<&'a str>) -> Body<'a> {
        Body { bytes: text.as_bytes(), content_type }
    }

    #[test]
    fn json_is_json_whatever_it_is_called() {
        for content_type in [None, Some("application/json"), Some("text/plain"), Some("text/html")]
        {
            assert_eq!(body("\u{feff} {}", content_type).json(), Ok(&b" {}"[..]));
        }
    }

    #[test]
    fn what_is_no_json_is_called_by_its_name() {
        let check = |text: &str, content_type: Option<&str>, expected: &str| {
            let body = body(text, content_type);
            let found = body.json().err().unwrap_or_else(|| body.not_json("EOF", None));
            assert_eq!(found.to_string(), expected, "{text}");
        };
        let page = "<!doctype html><html><head><title>Sign in</title></head></html>";
        check(page, None, "is a sign-in page (\"Sign in\"), not JSON");
        check(page, Some("application/json"), "is a sign-in page (\"Sign in\"), not JSON");
        check("\n<html><title>Welcome</title>", None, "is an HTML page (\"Welcome\"), not JSON");
        check("<a/>", Some("text/xml; charset=utf-8"), "is `text/xml`, not JSON");
        check("<a/>", None, "is `application/xml`, not JSON");
        check("a,b", Some("text/csv"), "is `text/csv`, not JSON");
        check("{\"a\"", Some("application/scim+json"), "is no complete JSON document: EOF");
        check("nope", Some("text/plain"), "is no complete JSON document: EOF");
        check("nope", None, "is no complete JSON document: EOF");
        check(" \n", None, "is empty");
        let declared = body("a,b", None).not_json("EOF", Some("text/csv"));
        assert_eq!(declared.to_string(), "is `text/csv`, not JSON");
    }

    #[test]
    fn a_sign_in_page_is_a_matter_of_the_credential() {
        let found = body("<html><title>Log in</title></html>", None).json().expect_err("a page");
        assert!(found.help().contains("credential"), "{}", found.help());
    }
}
