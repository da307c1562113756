//! Requests of GraphQL methods: the document's query, filled in, as the body.
//!
//! Owns: what a value may be at its place in the query, the cursor, the JSON around it.
//! Surprise: a query is text, so a value could end its place and add fields of its own. In quotes a value is
//! escaped; outside of quotes it must be a number, a boolean or a name.

use bytes::Bytes;
use serde_json::{Map, Value as Json};
use strataql_diag::{Code, Report};
use strataql_spec::graphql::{GraphQl, GraphQlCursor};
use strataql_spec::{Param, SchemaKind};

use super::Binder;
use crate::exact;
use crate::template::{Template, value as template_value};

/// The body of a GraphQL method's requests.
#[derive(Debug, Clone)]
pub(super) struct GraphQlBody {
    method: String,
    query: GraphQl,
    template: Template,
    /// The template of `.cursor`.
    format: Option<Template>,
    values: Map<String, Json>,
}

/// The body, if the method is a GraphQL query.
///
/// # Errors
/// `missing-param`, `bad-param-value`; `bad-document` for a template that cannot be read.
pub(super) fn assemble(binder: &Binder<'_>) -> Result<Option<GraphQlBody>, Box<Report>> {
    let Some(query) = &binder.method.graphql else { return Ok(None) };
    let method = binder.method.name.clone();
    let parsed = |text: &str| {
        Template::parse(text).map_err(|problem| {
            Box::new(
                Report::new(
                    Code::BadDocument,
                    format!("the GraphQL query of method `{method}` cannot be used: {problem}"),
                )
                .with_help("correct `x-stackQL-graphQL` in the document"),
            )
        })
    };
    let format = query.cursor.as_ref().and_then(|cursor| cursor.format.as_deref());
    let (template, format) = (parsed(&query.query)?, format.map(parsed).transpose()?);
    let mut values = Map::new();
    for param in &binder.method.params {
        let Some(given) = binder.args.value(param) else {
            binder.require(param)?;
            continue;
        };
        let text = binder.text(param, given)?;
        let kind = binder.service.schemas[param.schema].kind;
        let json = placed(&query.query, param, &text, kind).ok_or_else(|| {
            binder.bad(
                param,
                "a number, a boolean or a name",
                "it stands outside of quotes in the GraphQL query",
            )
        })?;
        values.insert(param.name.clone(), json);
    }
    Ok(Some(GraphQlBody { method, query: query.clone(), template, format, values }))
}

impl GraphQlBody {
    /// The bytes, with further values (a row limit) and the position of a page.
    ///
    /// # Errors
    /// `unexpected-body` for a position that cannot be written into the query, `bad-document` for a template
    /// that fails.
    pub(super) fn bytes(
        &self,
        added: &[(String, Option<String>)],
        page: Option<&str>,
    ) -> Result<Bytes, Box<Report>> {
        let mut values = self.values.clone();
        for (name, text) in added {
            if let (Some(text), false) = (text, values.contains_key(name)) {
                values.insert(name.clone(), scalar(text));
            }
        }
        let cursor = page.map(|page| self.cursor(page)).transpose()?.unwrap_or_default();
        values.insert("cursor".to_owned(), Json::String(cursor));
        let text = self.run(&self.template, Json::Object(values))?;
        let body = Json::Object([("query".to_owned(), Json::String(text))].into_iter().collect());
        Ok(Bytes::from(exact::json_text(&body)))
    }

    /// What `.cursor` is for a position.
    fn cursor(&self, page: &str) -> Result<String, Box<Report>> {
        let is_offset = self.query.cursor.as_ref().is_some_and(GraphQlCursor::is_offset);
        let Some(format) = &self.format else {
            return Ok(if is_offset {
                format!(", offset: {page}")
            } else {
                format!(", after: \"{}\"", escaped(page))
            });
        };
        let source = self.query.cursor.as_ref().and_then(|cursor| cursor.format.as_deref());
        if outside_of_quotes(source.unwrap_or_default(), "value") && !is_bare(page) {
            return Err(Box::new(
                Report::new(
                    Code::UnexpectedBody,
                    format!(
                        "the answer of method `{}` gives a position that is no number and no name",
                        self.method
                    ),
                )
                .with_help("put quotes around `.value` in the document's `cursor.format`"),
            ));
        }
        let value = if is_offset { scalar(page) } else { Json::String(escaped(page)) };
        self.run(format, Json::Object([("value".to_owned(), value)].into_iter().collect()))
    }

    fn run(&self, template: &Template, input: Json) -> Result<String, Box<Report>> {
        let size = self.query.query.len();
        template.run(&template_value(&input), size).map_err(|problem| {
            Box::new(
                Report::new(
                    Code::BadDocument,
                    format!(
                        "the GraphQL query of method `{}` cannot be made: {problem}",
                        self.method
                    ),
                )
                .with_help("correct `x-stackQL-graphQL` in the document"),
            )
        })
    }
}

/// A value as the query takes it; `None` if it would not stay in its place.
fn placed(query: &str, param: &Param, text: &str, kind: SchemaKind) -> Option<Json> {
    if matches!(kind, SchemaKind::Integer | SchemaKind::Number | SchemaKind::Boolean) {
        return Some(scalar(text));
    }
    if outside_of_quotes(query, &param.name) && !is_bare(text) {
        return None;
    }
    Some(Json::String(escaped(text)))
}

/// A number or boolean by its text.
fn scalar(text: &str) -> Json {
    match exact::read_json(text) {
        Ok(json @ (Json::Number(_) | Json::Bool(_))) => json,
        _ => Json::String(escaped(text)),
    }
}

/// Text as it stands between the quotes of a GraphQL string, which are those of JSON.
fn escaped(text: &str) -> String {
    let quoted = exact::json_text(&Json::String(text.to_owned()));
    quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default().to_owned()
}

/// True for numbers, booleans and names.
fn is_bare(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    !text.is_empty() && text.chars().all(is_part)
}

/// True if a template prints `.name` outside of quotes.
fn outside_of_quotes(template: &str, name: &str) -> bool {
    let mut rest = template;
    let mut is_quoted = false;
    while let Some(at) = rest.find("{{") {
        is_quoted = quoted_after(&rest[..at], is_quoted);
        let action = &rest[at + 2..];
        let end = action.find("}}").unwrap_or(action.len());
        let inner = action[..end].trim_matches(|c: char| c == '-' || c.is_whitespace());
        let is_print = inner.strip_prefix('.').is_some_and(|word| word == name);
        // functions and pipes of values are not followed: they count as outside
        let is_other =
            !inner.starts_with('.') && !CONTROL.iter().any(|word| inner.starts_with(word));
        let mentions =
            || inner.split(|c: char| !c.is_alphanumeric() && c != '_').any(|it| it == name);
        if !is_quoted && (is_print || (is_other && mentions())) {
            return true;
        }
        rest = action.get(end + 2..).unwrap_or_default();
    }
    false
}

/// Actions that print nothing themselves.
const CONTROL: [&str; 4] = ["if", "else", "end", "range"];

/// Whether a quote is open behind a text.
fn quoted_after(text: &str, mut is_open: bool) -> bool {
    let mut is_escaped = false;
    for c in text.chars() {
        match c {
            '"' if !is_escaped => is_open = !is_open,
            _ => {}
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    is_open
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(query: &str, cursor: Option<GraphQlCursor>, values: &[(&str, Json)]) -> GraphQlBody {
        let format = cursor.as_ref().and_then(|cursor| cursor.format.clone());
        GraphQlBody {
            method: "list".to_owned(),
            template: Template::parse(query).expect("valid"),
            format: format.map(|text| Template::parse(&text).expect("valid")),
            query: GraphQl { query: query.to_owned(), rows: String::new(), cursor },
            values: values
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
        }
    }

    fn sent(body: &GraphQlBody, added: &[(&str, &str)], page: Option<&str>) -> String {
        let added: Vec<_> = added
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned())))
            .collect();
        let bytes = body.bytes(&added, page).expect("made");
        let json: Json = serde_json::from_slice(&bytes).expect("JSON");
        json["query"].as_str().expect("text").to_owned()
    }

    #[test]
    fn values_limit_and_cursor_are_filled_in() {
        let query = "query { a(name: \"{{ .name }}\", first: {{ if .limit }}{{ .limit }}{{ else }}9{{ end }}{{ .cursor }}) { id } }";
        let own = body(query, None, &[("name", Json::String(escaped("a\"b\n")))]);
        assert_eq!(sent(&own, &[], None), "query { a(name: \"a\\\"b\\n\", first: 9) { id } }");
        assert_eq!(
            sent(&own, &[("limit", "3")], Some("x\"")),
            "query { a(name: \"a\\\"b\\n\", first: 3, after: \"x\\\"\") { id } }"
        );
    }

    #[test]
    fn strategies_have_their_own_cursors() {
        let cursor = |strategy: &str, format: Option<&str>| {
            Some(GraphQlCursor {
                strategy: strategy.to_owned(),
                format: format.map(str::to_owned),
                ..GraphQlCursor::default()
            })
        };
        let query = "{ a({{ .cursor }}) }";
        let of = |cursor| body(query, cursor, &[]);
        assert_eq!(sent(&of(cursor("offset", None)), &[], Some("20")), "{ a(, offset: 20) }");
        let keyset = of(cursor("keyset", Some("where: {id_gt: \"{{ .value }}\"}")));
        assert_eq!(sent(&keyset, &[], Some("k 1")), "{ a(where: {id_gt: \"k 1\"}) }");
        let bare = of(cursor("keyset", Some("id_gt: {{ .value }}")));
        assert_eq!(sent(&bare, &[], Some("17")), "{ a(id_gt: 17) }");
        assert_eq!(
            bare.bytes(&[], Some("1) { b")).expect_err("hostile").code,
            Code::UnexpectedBody
        );
    }

    #[test]
    fn places_outside_of_quotes_are_found() {
        for (template, is_outside) in [
            ("a(x: \"{{ .name }}\")", false),
            ("a(x: {{ .name }})", true),
            ("a(y: \"\\\"\", x: {{- .name -}})", true),
            ("a({{ if .name }}x: \"{{ .name }}\"{{ end }})", false),
            ("a(x: {{ printf \"%s\" .name }})", true),
            ("a(x: {{ .names }})", false),
        ] {
            assert_eq!(outside_of_quotes(template, "name"), is_outside, "{template}");
        }
        assert!(is_bare("OPEN_1") && is_bare("-1.5") && !is_bare("a b") && !is_bare(""));
    }
}
