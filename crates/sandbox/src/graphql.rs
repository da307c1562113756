//! GraphQL requests: which of a document's queries a body is, and the position that it asks for.
//!
//! Refuses: reading GraphQL. A query of a document is known by its longest part without actions; the rest of a
//! body is looked at only where the document's default form of a cursor stands.

use serde_json::Value as Json;

use crate::request::Incoming;

/// True if a request is that query.
pub(crate) fn is_query(template: &str, request: &Incoming) -> bool {
    let Some(sent) = query(request) else { return false };
    let sent = squeezed(sent);
    literals(template).into_iter().max_by_key(String::len).is_some_and(|part| sent.contains(&part))
}

/// The cursor or offset that a request asks for.
pub(crate) fn position(request: &Incoming) -> Option<String> {
    let text = query(request)?;
    if let Some((_, rest)) = text.split_once("after: \"") {
        return rest.split_once('"').map(|(token, _)| token.to_owned());
    }
    let (_, rest) = text.split_once("offset: ")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    (!digits.is_empty()).then_some(digits)
}

fn query(request: &Incoming) -> Option<&str> {
    request.body_value("query").and_then(Json::as_str)
}

/// The parts of a template between its actions.
fn literals(template: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some((before, action)) = rest.split_once("{{") {
        parts.push(squeezed(before));
        rest = action.split_once("}}").map_or("", |(_, after)| after);
    }
    parts.push(squeezed(rest));
    parts
}

/// Text with one blank for each run of them.
fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, Uri};

    use super::*;

    fn request(query: &str) -> Incoming {
        let body = serde_json::json!({"query": query}).to_string();
        let uri = Uri::from_static("/graphql");
        Incoming::new("POST", &uri, HeaderMap::new(), Bytes::from(body), "127.0.0.1:1")
    }

    #[test]
    fn a_query_is_known_by_its_text() {
        let template = "query {\n  repo(name: \"{{ .name }}\"{{ .cursor }}) { issues { id } }\n}";
        let sent = request("query { repo(name: \"x\", after: \"t 1\") { issues { id } } }");
        assert!(is_query(template, &sent));
        assert!(!is_query("query { repo(name: \"{{ .name }}\") { labels { id } } }", &sent));
        assert_eq!(position(&sent).as_deref(), Some("t 1"));
        assert_eq!(position(&request("{ a(x: 1, offset: 20) }")).as_deref(), Some("20"));
        assert_eq!(position(&request("{ a }")), None);
    }
}
