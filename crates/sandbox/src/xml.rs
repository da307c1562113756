//! Responses of services that use XML.
//!
//! Owns: writing a JSON response as XML elements.
//! Refuses: attributes and namespaces; the documents do not describe them.
//! Surprise: the items of a list are `<item>` elements unless the schema names them.

use serde_json::Value as Json;

/// The response as an XML document.
pub(crate) fn document(body: &Json) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    element(&mut out, "Response", body);
    out.push('\n');
    out
}

fn element(out: &mut String, name: &str, value: &Json) {
    let name = element_name(name);
    out.push('<');
    out.push_str(&name);
    out.push('>');
    match value {
        Json::Object(fields) => fields.iter().for_each(|(name, value)| element(out, name, value)),
        Json::Array(items) => items.iter().for_each(|item| element(out, "item", item)),
        Json::Null => {}
        Json::String(text) => escape(out, text),
        other => escape(out, &other.to_string()),
    }
    out.push_str("</");
    out.push_str(&name);
    out.push('>');
}

/// Replaces characters that element names cannot have by `_`.
fn element_name(name: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '.') { c } else { '_' };
    let mut name: String = name.chars().map(plain).collect();
    if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
        name.insert(0, '_');
    }
    name
}

fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_becomes_elements() {
        let body =
            serde_json::json!({"vols": [{"id": "a<b"}, {"id": 2}], "next": null, "9x": true});
        assert_eq!(
            document(&body),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><vols><item><id>a&lt;b</id></item>\
             <item><id>2</id></item></vols><next></next><_9x>true</_9x></Response>\n"
        );
    }
}
