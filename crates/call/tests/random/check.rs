//! Properties of all templates and XML documents. The fuzz targets `template` and `xml` check the same.

use strataql_call::{read_json, rewrite_answer};
use strataql_spec::Transform;

/// What a template may write for an empty answer, with room for what is added to it.
const MOST: usize = 2 << 20;

fn made(kind: &str, template: &str, body: &[u8]) -> Result<Vec<u8>, String> {
    let transform = Transform { kind: kind.to_owned(), body: template.to_owned() };
    let made = rewrite_answer(&transform, body);
    match &made {
        Ok(json) => assert!(json.len() <= MOST + 32 * body.len()),
        Err(problem) => assert!(!problem.is_empty()),
    }
    made
}

/// Runs a template on an answer in every way.
///
/// # Panics
/// If a property does not hold.
pub(crate) fn check_template(template: &str, body: &[u8]) {
    for kind in
        ["golang_template_json_v0.3.0", "golang_template_text_v0.3.0", "golang_template_mxj_v0.3.0"]
    {
        let first = made(kind, template, body);
        assert_eq!(first, made(kind, template, body));
    }
}

/// Reads an XML document; what comes out of it is JSON.
///
/// # Panics
/// If a property does not hold.
pub(crate) fn check_xml(body: &[u8]) {
    let whole = made("golang_template_mxj_v0.3.0", "{{ toJson . }}", body);
    let rows = made("schema_driven_xml_v0.1.0", "", body);
    // what is no XML is left to the reader of JSON
    let is_xml = body.trim_ascii_start().starts_with(b"<");
    for json in [whole, rows].into_iter().flatten().filter(|_| is_xml) {
        let text = String::from_utf8(json).expect("text");
        if let Err(problem) = read_json(&text) {
            panic!("{problem}: {text}");
        }
    }
}
