//! Answers that the document rewrites before they are read: templates, and XML by its schema.
//!
//! Owns: which rewriting a method needs, and the JSON that comes out of it.
//! Surprise: keys of the original that speak of the list (a token, a flag, an error) and that a template
//! leaves out are added to its output: a list must not end because its template forgot the next page.

mod flatten;

use std::borrow::Cow;

use jiter::{Jiter, Peek};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use strataql_spec::{Method, RowShape, SchemaKind, Schemas, Transform};

use super::media::{Body, Expected, Form, NotJson};
use super::xml::{self, Casts};
use super::xml_rows::{self, XmlShape};
use crate::error_object::Tone;
use crate::exact;
use crate::template::{self, Template};

/// How the answers of a method become JSON; plain data.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RewritePlan {
    /// The template of the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transform: Option<Transform>,
    /// The shape of a row, for answers in XML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<XmlShape>,
    /// The whole answer is one text.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_text: bool,
}

/// Why an answer cannot be read.
#[derive(Debug)]
pub(crate) enum Unread {
    /// It has no form that is read.
    Form(NotJson),
    /// What is wrong with it, as a clause.
    Rewrite(String),
}

/// What a template is run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    Json,
    Text,
    /// The map of an XML document.
    Xml,
}

/// A prepared [`RewritePlan`].
#[derive(Debug)]
pub(crate) enum Rewrite {
    /// The answer is read as it is.
    None,
    Template(Template, Input),
    /// Members of `properties` into their row; the flag says whether answers are lists.
    Flatten {
        is_list: bool,
    },
    XmlRows,
    /// The plan has a template that cannot be run.
    Broken(String),
}

impl RewritePlan {
    /// The plan of a method.
    pub(crate) fn of(method: &Method, schemas: &Schemas) -> Self {
        let response = &method.response;
        let is_xml =
            |media: &Option<String>| media.as_deref().is_some_and(|text| text.contains("xml"));
        let needs_row = match &response.transform {
            Some(transform) => transform.kind.starts_with("schema_driven_xml"),
            None => is_xml(&response.media_type) || is_xml(&response.override_media_type),
        };
        let row = response.row_schema.filter(|_| needs_row).map(|id| XmlShape::of(schemas, id));
        let is_lone_text = |id| schemas[id].kind == SchemaKind::String;
        let is_json = response.media_type.as_deref().is_none_or(|text| text.contains("json"));
        let is_text = response.transform.is_none() && !is_json;
        Self {
            transform: response.transform.clone(),
            row,
            is_text: is_text && response.schema.is_some_and(is_lone_text),
        }
    }
}

impl Rewrite {
    /// Prepares a plan.
    pub(crate) fn new(plan: &RewritePlan) -> Self {
        let Some(transform) = &plan.transform else { return Self::None };
        match prepared(transform) {
            Ok(rewrite) => rewrite,
            Err(problem) => Self::Broken(problem),
        }
    }

    /// Why the transform of a method cannot be carried out.
    pub(crate) fn problem(transform: &Transform) -> Option<String> {
        prepared(transform).err()
    }

    /// True if a template makes the JSON that is read.
    pub(super) const fn is_template(&self) -> bool {
        matches!(self, Self::Template(..))
    }

    /// The JSON that the rows are read from. `media_type` is what the document says that answers are.
    ///
    /// # Errors
    /// What is wrong with the answer.
    pub(crate) fn json<'a>(
        &self,
        plan: &RewritePlan,
        rows: &RowShape,
        body: Body<'a>,
        media_type: Option<&str>,
    ) -> Result<Cow<'a, [u8]>, Unread> {
        if let Self::Template(template, Input::Text) = self {
            let made = utf8(body.bytes)
                .and_then(|text| run(template, &gotmpl::Value::String(text.into()), text.len()));
            return made.map(Cow::Owned).map_err(Unread::Rewrite);
        }
        let is_xml =
            plan.row.is_some() || matches!(self, Self::XmlRows | Self::Template(_, Input::Xml));
        let expected = Expected { media_type, is_xml, is_text: plan.is_text };
        let form = body.form(expected).map_err(Unread::Form)?;
        self.apply(plan, rows, form).map_err(Unread::Rewrite)
    }

    /// [`Self::json`] of a form.
    fn apply<'a>(
        &self,
        plan: &RewritePlan,
        rows: &RowShape,
        json: Form<'a>,
    ) -> Result<Cow<'a, [u8]>, String> {
        let is_list = !rows.is_single();
        match (self, json) {
            (Self::Broken(problem), _) => Err(format!("cannot be rewritten: {problem}")),
            (Self::None, Form::Json(json)) => Ok(Cow::Borrowed(json)),
            (Self::None, Form::Made(json)) => Ok(Cow::Owned(json)),
            (Self::None | Self::XmlRows, Form::Xml(text)) => by_schema(plan, rows, text),
            (Self::XmlRows, Form::Json(json)) => Ok(Cow::Borrowed(json)),
            (Self::XmlRows, Form::Made(json)) => Ok(Cow::Owned(json)),
            (Self::Flatten { is_list }, Form::Json(json)) => {
                let made = if *is_list { flatten::list(json) } else { flatten::single(json) };
                made.map(Cow::Owned)
                    .map_err(|error| format!("is no complete JSON document: {error}"))
            }
            (Self::Flatten { .. }, _) => Err("is not JSON".to_owned()),
            (Self::Template(template, Input::Json), Form::Json(json)) => {
                let text = utf8(json)?;
                let input = exact::read_json(text)
                    .map_err(|error| format!("is no complete JSON document: {error}"))?;
                let made = run(template, &template::value(&input), text.len())?;
                Ok(Cow::Owned(if is_list { with_signs(made, &input, rows.path()) } else { made }))
            }
            (Self::Template(template, Input::Xml), Form::Xml(text)) => {
                let root = xml::read(text, Casts::Scalars)?;
                let whole = Json::Object([(root.name, root.content)].into_iter().collect());
                let made = run(template, &template::value(&whole), text.len())?;
                let inner = inner_most(&whole);
                Ok(Cow::Owned(if is_list { with_signs(made, inner, rows.path()) } else { made }))
            }
            (Self::Template(_, Input::Json | Input::Text), _) => Err("is not JSON".to_owned()),
            (Self::Template(_, Input::Xml), _) => Err("is not XML".to_owned()),
        }
    }
}

/// The JSON that a rewriting makes of an answer.
///
/// # Errors
/// Why there is none, as a clause.
pub fn rewrite_answer(transform: &Transform, body: &[u8]) -> Result<Vec<u8>, String> {
    let plan = RewritePlan { transform: Some(transform.clone()), ..RewritePlan::default() };
    let rows = RowShape::List { path: vec!["rows".to_owned()] };
    let body = Body { bytes: body, content_type: None };
    match Rewrite::new(&plan).json(&plan, &rows, body, None) {
        Ok(json) => Ok(json.into_owned()),
        Err(Unread::Form(found)) => Err(found.to_string()),
        Err(Unread::Rewrite(what)) => Err(what),
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|_| "is not text in UTF-8".to_owned())
}

fn prepared(transform: &Transform) -> Result<Rewrite, String> {
    let input = match transform.family() {
        "schema_driven_xml" => return Ok(Rewrite::XmlRows),
        "golang_template_json" => Input::Json,
        "golang_template_text" | "golang_template" => Input::Text,
        "golang_template_mxj" => Input::Xml,
        _ => return Err(format!("`{}` is no known kind of template", transform.kind)),
    };
    if input == Input::Json
        && let Some(is_list) = flatten::recognise(&transform.body)
    {
        return Ok(Rewrite::Flatten { is_list });
    }
    Ok(Rewrite::Template(Template::parse(&transform.body)?, input))
}

fn run(template: &Template, input: &gotmpl::Value, size: usize) -> Result<Vec<u8>, String> {
    let made = template.run(input, size);
    made.map(String::into_bytes)
        .map_err(|error| format!("cannot be rewritten by its template: {error}"))
}

fn by_schema<'a>(plan: &RewritePlan, rows: &RowShape, text: &str) -> Result<Cow<'a, [u8]>, String> {
    let root = xml::read(text, Casts::None)?;
    let any = XmlShape::Any;
    let row = plan.row.as_ref().unwrap_or(&any);
    let made = match rows {
        RowShape::Object { path } => xml_rows::single(root, row, path)?,
        _ => xml_rows::rows(root, row, rows.path())?,
    };
    Ok(Cow::Owned(exact::json_text(&made).into_bytes()))
}

/// The object in which an XML answer has its list.
fn inner_most(whole: &Json) -> &Json {
    let only = |json: &Json, suffix: &str| {
        let fields = json.as_object()?;
        fields
            .iter()
            .find(|(name, value)| name.ends_with(suffix) && value.is_object())
            .map(|(name, _)| name.clone())
    };
    let mut inner = whole;
    for suffix in ["", "Result"] {
        if let Some(found) = only(inner, suffix).and_then(|name| inner.get(&name)) {
            inner = found;
        }
    }
    inner
}

/// The output of a template with the scalars and errors beside the rows that it left out.
fn with_signs(mut made: Vec<u8>, input: &Json, path: &[String]) -> Vec<u8> {
    let Json::Object(fields) = input else { return made };
    let trimmed = made.trim_ascii_end().len();
    if made[..trimmed].last() != Some(&b'}') {
        return made;
    }
    let Some(known) = top_keys(&made) else { return made };
    let missing: Vec<(&String, &Json)> = fields
        .iter()
        .filter(|(key, value)| {
            let speaks = match value {
                Json::Null => false,
                Json::Object(_) | Json::Array(_) => Tone::of(key) == Tone::Error,
                _ => !key.starts_with('-'),
            };
            speaks && !known.contains(*key) && path.first() != Some(*key)
        })
        .collect();
    if missing.is_empty() {
        return made;
    }
    made.truncate(trimmed - 1);
    let mut is_first = known.is_empty();
    for (key, value) in missing {
        if !is_first {
            made.push(b',');
        }
        is_first = false;
        made.extend_from_slice(Json::from(key.as_str()).to_string().as_bytes());
        made.push(b':');
        made.extend_from_slice(exact::json_text(value).as_bytes());
    }
    made.push(b'}');
    made
}

/// The keys of an object; `None` if it is none.
fn top_keys(json: &[u8]) -> Option<Vec<String>> {
    let mut jiter = Jiter::new(json);
    if jiter.peek().ok()? != Peek::Object {
        return None;
    }
    let mut keys = Vec::new();
    let mut key = jiter.known_object().ok()?.map(str::to_owned);
    while let Some(name) = key {
        keys.push(name);
        jiter.next_skip().ok()?;
        key = jiter.next_key().ok()?.map(str::to_owned);
    }
    Some(keys)
}
