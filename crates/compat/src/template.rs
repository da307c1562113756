//! Templates over a script: a context in JSON or Jsonnet, then Go's text templates.
//!
//! Owns: the block `<<<json … >>>`, the context of `--iqldata`, how values of the context are written.
//! Surprise: a key that the context lacks is `<no value>`, and the script runs.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use gotmpl::Value;
use serde_json::Value as Json;

use crate::{go_json, jsonnet};

/// What a missing key is written as.
const NO_VALUE: &str = "<no value>";

/// The function that writes a value.
const SHOWN: &str = "stackql_shown";

/// A script with what fills it.
#[derive(Debug, Clone, Default)]
pub struct Script<'a> {
    /// The text, with its block.
    pub text: &'a str,
    /// The file of `--iqldata`: its name and content.
    pub data: Option<(&'a Path, &'a str)>,
    /// `--var`: `name=value`.
    pub vars: &'a [String],
}

impl Script<'_> {
    /// The script as it is run.
    ///
    /// # Errors
    /// The sentence that says what is wrong with the context or the template.
    pub fn render(&self) -> Result<String, String> {
        let (block, text) = block(self.text)?;
        if block.is_none() && self.data.is_none() {
            return Ok(text);
        }
        let mut context = serde_json::Map::new();
        if let Some((path, content)) = self.data {
            let folder = path.parent().unwrap_or(Path::new(""));
            let value = match path.extension().and_then(|it| it.to_str()) {
                Some("json") => json(content)?,
                Some("jsonnet") => jsonnet::evaluate(content, folder, self.vars)?,
                _ => {
                    let name = path.display();
                    return Err(format!(
                        "'{name}' is no context: it must end in .json or .jsonnet"
                    ));
                }
            };
            merge(&mut context, value)?;
        }
        if let Some((kind, content)) = block {
            let value = match kind {
                "json" => json(content)?,
                _ => jsonnet::evaluate(content, Path::new(""), self.vars)?,
            };
            merge(&mut context, value)?;
        }
        if !context.contains_key("values") {
            // what SHOW INSERT writes names its values so
            let values = Json::Object(context.clone());
            context.insert("values".to_owned(), values);
        }
        fill(&text, &Json::Object(context))
    }
}

fn json(text: &str) -> Result<Json, String> {
    serde_json::from_str(text).map_err(|error| format!("the context is no JSON: {error}"))
}

fn merge(context: &mut serde_json::Map<String, Json>, value: Json) -> Result<(), String> {
    let Json::Object(fields) = value else {
        return Err("the context is no object".to_owned());
    };
    context.extend(fields);
    Ok(())
}

/// A block at the start of a line, with its kind and content.
type Block<'t> = Option<(&'t str, &'t str)>;

/// The block of a text, and the text without it.
fn block(text: &str) -> Result<(Block<'_>, String), String> {
    for kind in ["jsonnet", "json"] {
        let open = format!("<<<{kind}");
        let Some(at) = text.find(&open) else { continue };
        let inside = &text[at + open.len()..];
        let end =
            inside.find(">>>").ok_or_else(|| format!("the block `{open}` has no end `>>>`"))?;
        let rest = format!("{}{}", &text[..at], &inside[end + ">>>".len()..]);
        return Ok((Some((kind, &inside[..end])), rest.trim_start_matches('\n').to_owned()));
    }
    Ok((None, text.to_owned()))
}

fn fill(text: &str, context: &Json) -> Result<String, String> {
    let engine = gotmpl::Template::new("query").func(SHOWN, |values: &[Value]| {
        Ok(Value::String(Arc::from(shown(values.first()).as_str())))
    });
    let parsed = engine.parse(&marked(text)).map_err(|error| error.to_string())?;
    let mut out = String::new();
    parsed.execute_fmt(&mut out, &value(context)).map_err(|error| error.to_string())?;
    Ok(out)
}

/// The template with each action that writes a value passing it through the function for that.
fn marked(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("{{") {
        out.push_str(&rest[..at + 2]);
        rest = &rest[at + 2..];
        let Some(end) = rest.find("}}") else { break };
        let action = &rest[..end];
        let (left, inner) = match action.strip_prefix("- ") {
            Some(inner) => ("- ", inner),
            None => ("", action),
        };
        let (inner, right) = match inner.strip_suffix(" -") {
            Some(inner) => (inner, " -"),
            None => (inner, ""),
        };
        let writes = inner.trim_start().starts_with(['.', '(', '$'])
            || inner.trim_start().starts_with("index ");
        if writes && !inner.contains(":=") {
            out.extend([left, SHOWN, " (", inner, ")", right]);
        } else {
            out.push_str(action);
        }
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

fn shown(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Nil) => NO_VALUE.to_owned(),
        Some(Value::String(text)) => text.to_string(),
        Some(Value::Bool(flag)) => flag.to_string(),
        Some(Value::Int(number)) => number.to_string(),
        Some(Value::Uint(number)) => number.to_string(),
        Some(Value::Float(number)) => go_json::float_text(*number),
        Some(nested) => go_json::compact(&to_json(nested)),
    }
}

fn to_json(value: &Value) -> Json {
    match value {
        Value::Nil | Value::Function(_) => Json::Null,
        Value::Bool(flag) => Json::Bool(*flag),
        Value::Int(number) => Json::from(*number),
        Value::Uint(number) => Json::from(*number),
        Value::Float(number) => Json::from(*number),
        Value::String(text) => Json::String(text.to_string()),
        Value::List(items) => Json::Array(items.iter().map(to_json).collect()),
        Value::Map(fields) => Json::Object(
            fields.iter().map(|(key, field)| (key.to_string(), to_json(field))).collect(),
        ),
    }
}

fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Nil,
        Json::Bool(flag) => Value::Bool(*flag),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Value::Int(whole),
            (None, Some(other)) => Value::Float(other),
            _ => Value::Nil,
        },
        Json::String(text) => Value::String(Arc::from(text.as_str())),
        Json::Array(items) => Value::List(items.iter().map(value).collect()),
        Json::Object(fields) => {
            let fields: BTreeMap<Arc<str>, Value> =
                fields.iter().map(|(key, field)| (Arc::from(key.as_str()), value(field))).collect();
            Value::Map(Arc::new(fields))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(text: &str) -> Result<String, String> {
        Script { text, ..Script::default() }.render()
    }

    #[test]
    fn a_block_fills_the_script() {
        let text = "<<<json\n{\"a\": {\"b\": \"x\"}, \"n\": 7, \"list\": [{\"x\": \"y\"}]}\n>>>\nselect '{{ .a.b }}', {{ .n }}, '{{ (index .list 0).x }}', '{{ .values.a.b }}', '{{.none}}';\n";
        assert_eq!(render(text).expect("rendered"), "select 'x', 7, 'y', 'x', '<no value>';\n");
    }

    #[test]
    fn nested_values_are_written_as_json() {
        let text = "<<<json {\"o\": {\"b\": [1, \"<\"], \"a\": null}}>>>select '{{ .o }}' {{- /* x */ -}} , '{{ .o.b }}'";
        assert_eq!(
            render(text).expect("rendered"),
            "select '{\"a\":null,\"b\":[1,\"\\u003c\"]}', '[1,\"\\u003c\"]'"
        );
    }

    #[test]
    fn a_file_is_merged_below_the_block() {
        let script = Script {
            text: "<<<json {\"a\": \"block\"}>>>{{ .a }} {{ .b }}{{ range .l }}<{{ . }}>{{ end }}",
            data: Some((
                Path::new("x/data.json"),
                "{\"a\": \"file\", \"b\": \"too\", \"l\": [1, 2]}",
            )),
            vars: &[],
        };
        assert_eq!(script.render().expect("rendered"), "block too<1><2>");
    }

    #[test]
    fn a_script_without_a_context_is_not_touched() {
        assert_eq!(render("select '{{ .a }}'").expect("as it is"), "select '{{ .a }}'");
    }

    #[test]
    fn mistakes_are_said() {
        for text in ["<<<json {>>>x", "<<<json {}", "<<<json []>>>x", "<<<json {}>>>{{ .a "] {
            assert!(render(text).is_err(), "{text}");
        }
        let script = Script { text: "x", data: Some((Path::new("a.yaml"), "")), vars: &[] };
        assert_eq!(
            script.render().expect_err("refused"),
            "'a.yaml' is no context: it must end in .json or .jsonnet"
        );
    }
}
