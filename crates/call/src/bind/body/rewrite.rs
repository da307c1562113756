//! Bodies that a template of the document makes of the attributes.

use serde_json::{Map, Value as Json};
use strataql_diag::{Code, Report};
use strataql_spec::Transform;

use super::Content;
use crate::bind::Binder;
use crate::exact;
use crate::template::{self, Template};

/// The body that the template makes.
///
/// # Errors
/// Why there is none, as a clause.
pub(super) fn rewritten(
    transform: &Transform,
    object: Map<String, Json>,
    is_json: bool,
) -> Result<Content, String> {
    let input = Json::Object(object);
    let text = exact::json_text(&input);
    let value = match transform.family() {
        "golang_template_json" => template::value(&input),
        "golang_template_text" | "golang_template" => gotmpl::Value::String(text.as_str().into()),
        _ => return Err(format!("`{}` is no kind of template for bodies", transform.kind)),
    };
    let made = Template::parse(&transform.body)?.run(&value, text.len())?;
    if !is_json {
        return Ok(Content::Verbatim(made));
    }
    match exact::read_json(&made) {
        Ok(Json::Object(object)) => Ok(Content::Object(object)),
        Ok(_) => Ok(Content::Verbatim(made)),
        Err(problem) => Err(format!("what it makes is no JSON: {problem}")),
    }
}

/// The report of a template that makes no body.
pub(super) fn report(binder: &Binder<'_>, problem: &str) -> Box<Report> {
    Box::new(
        Report::new(
            Code::BadDocument,
            format!("the request template of method `{}` fails: {problem}", binder.method.name),
        )
        .with_help("give other values, or correct the template in the document"),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sent(kind: &str, body: &str, object: &Json, is_json: bool) -> Result<String, String> {
        let transform = Transform { kind: kind.to_owned(), body: body.to_owned() };
        let object = object.as_object().expect("an object").clone();
        Ok(match rewritten(&transform, object, is_json)? {
            Content::Object(object) => exact::json_text(&Json::Object(object)),
            Content::Verbatim(text) => format!("verbatim {text}"),
        })
    }

    #[test]
    fn attributes_are_rebuilt_by_the_template() {
        let template = r#"{ {{- $sep := "" -}}{{ if .name }}{{ $sep }}"zone": {"name": {{ toJson .name }}}{{ $sep = "," }}{{ end }}{{ if .ttl }}{{ $sep }}"ttl": {{ toJson .ttl }}{{ end }} }"#;
        let made = |object: &Json| sent("golang_template_json_v0.3.0", template, object, true);
        assert_eq!(
            made(&json!({"name": "a\"b", "ttl": 5})).expect("made"),
            r#"{"zone":{"name":"a\"b"},"ttl":5}"#
        );
        assert_eq!(made(&json!({"ttl": 5})).expect("made"), r#"{"ttl":5}"#);
        let whole = sent(
            "golang_template_json_v0.1.0",
            "{{ .contents }}",
            &json!({"contents": "x y"}),
            false,
        );
        assert_eq!(whole.expect("made"), "verbatim x y");
    }

    #[test]
    fn a_template_that_makes_no_json_says_so() {
        let made = sent("golang_template_json_v0.3.0", "{{ .a", &json!({}), true);
        assert!(made.is_err());
        let made = sent("golang_template_json_v0.3.0", "{", &json!({}), true);
        assert!(made.expect_err("no JSON").starts_with("what it makes is no JSON"));
        assert!(sent("golang_template_mxj_v0.3.0", "", &json!({}), true).is_err());
    }
}
