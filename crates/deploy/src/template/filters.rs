//! Filters, functions and tests of manifests and query files.
//!
//! Owns: what the two generations of the reference tool register, under both spellings of arguments:
//! `replace("a", "b")` and `replace(from="a", to="b")`.
//! Surprise: each takes lists and objects as such, and as JSON text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::value::{Kwargs, Rest, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind};
use serde_json::Value as Json;

use super::json::{from_template, plain, structured, text_of, to_template};

/// Registers all of them.
pub(super) fn register(environment: &mut Environment<'_>) {
    environment.add_filter("from_json", from_json);
    for name in ["tojson", "json_encode", "to_json"] {
        environment.add_filter(name, to_json);
    }
    environment.add_filter("base64_encode", |value: &Value| {
        Ok::<_, Error>(STANDARD.encode(defined(value)?))
    });
    environment
        .add_filter("base64", |value: &Value| Ok::<_, Error>(STANDARD.encode(defined(value)?)));
    environment.add_filter("base64_decode", base64_decode);
    environment.add_filter("sql_escape", |value: &Value| {
        Ok::<_, Error>(defined(value)?.replace('\'', "''"))
    });
    environment.add_filter("sql_list", sql_list);
    environment.add_filter("merge_lists", merge_lists);
    environment.add_filter("merge_objects", merge_objects);
    environment.add_filter("generate_patch_document", patch_document);
    environment.add_filter("to_aws_tag_filters", tag_filters);
    environment.add_filter("get", get);
    environment.add_filter("replace", replace);
    environment.add_filter("split", split);
    environment.add_filter("default", default);
    environment.add_filter("d", default);
    environment.add_filter("slice", slice);
    environment.add_filter("nth", nth);
    environment.add_filter("concat", concat);
    environment.add_filter("map", map);
    environment.add_filter("filter", filter);
    environment.add_filter("slugify", |value: &Value| Ok::<_, Error>(slug(&defined(value)?)));
    environment.add_filter("addslashes", |value: &Value| {
        let text = defined(value)?.replace('\\', "\\\\").replace('"', "\\\"");
        Ok::<_, Error>(text.replace('\'', "\\'"))
    });
    environment.add_filter("truncate", truncate);
    environment.add_filter("date", date);
    environment.add_filter("as_str", defined);
    environment.add_function("range", range);
    environment.add_function("uuid", crate::random::uuid);
    environment.add_function("now", now);
    environment.add_function("throw", throw);
    environment.add_test("containing", |value: &Value, part: &Value| match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => {
            value.try_iter().into_iter().flatten().any(|item| item == *part)
        }
        ValueKind::Map => value.get_item(part).is_ok_and(|member| !member.is_undefined()),
        _ => text_of(value).contains(&text_of(part)),
    });
    environment.add_test("starting_with", |value: &Value, part: &Value| {
        text_of(value).starts_with(&text_of(part))
    });
    environment.add_test("ending_with", |value: &Value, part: &Value| {
        text_of(value).ends_with(&text_of(part))
    });
    environment.add_test("matching", |value: &Value, pattern: &Value| {
        regex::Regex::new(&text_of(pattern))
            .map(|pattern| pattern.is_match(&text_of(value)))
            .map_err(|error| invalid(error.to_string()))
    });
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

/// The text of a value that must be there.
fn defined(value: &Value) -> Result<String, Error> {
    if value.is_undefined() {
        return Err(Error::new(ErrorKind::UndefinedError, "the input has no value"));
    }
    Ok(text_of(value))
}

/// An argument by position or by name.
fn argument(args: &Rest<Value>, kwargs: &Kwargs, at: usize, names: &[&str]) -> Option<Value> {
    let named = names.iter().find_map(|name| kwargs.get::<Option<Value>>(name).ok().flatten());
    named.or_else(|| args.get(at).cloned())
}

fn required(
    args: &Rest<Value>,
    kwargs: &Kwargs,
    at: usize,
    names: &[&str],
) -> Result<Value, Error> {
    argument(args, kwargs, at, names).ok_or_else(|| {
        let name = names.first().copied().unwrap_or_default();
        Error::new(ErrorKind::MissingArgument, format!("the argument `{name}` is missing"))
    })
}

/// The JSON of a value, of its text if it is a text with JSON.
fn tree(value: &Value) -> Result<Json, Error> {
    match value.as_str() {
        Some(text) => Ok(structured(text).unwrap_or_else(|| Json::String(text.to_owned()))),
        None if value.is_undefined() => defined(value).map(Json::String),
        None => Ok(from_template(value)),
    }
}

fn from_json(value: &Value) -> Result<Value, Error> {
    match value.as_str() {
        Some(text) => serde_json::from_str(text)
            .map(|json| to_template(&json))
            .map_err(|error| invalid(format!("the input is not JSON: {error}"))),
        None => defined(value).map(|_| value.clone()),
    }
}

fn to_json(value: &Value, kwargs: Kwargs) -> Result<String, Error> {
    defined(value)?;
    let json = from_template(value);
    let pretty = kwargs.get::<Option<bool>>("pretty")?.unwrap_or(false)
        || kwargs.get::<Option<Value>>("indent")?.is_some();
    let text =
        if pretty { serde_json::to_string_pretty(&json) } else { serde_json::to_string(&json) };
    text.map_err(|error| invalid(error.to_string()))
}

fn base64_decode(value: &Value) -> Result<String, Error> {
    let bytes = STANDARD
        .decode(defined(value)?.trim())
        .map_err(|error| invalid(format!("the input is not base64: {error}")))?;
    String::from_utf8(bytes).map_err(|_| invalid("the decoded input is not UTF-8"))
}

fn sql_list(value: &Value) -> Result<String, Error> {
    let items = match tree(value)? {
        Json::Array(items) => items,
        other => vec![Json::String(plain(&other))],
    };
    if items.is_empty() {
        return Ok("(NULL)".to_owned());
    }
    let items: Vec<String> =
        items.iter().map(|item| format!("'{}'", plain(item).replace('\'', "''"))).collect();
    Ok(format!("({})", items.join(",")))
}

fn merge_lists(value: &Value, args: Rest<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let other = tree(&required(&args, &kwargs, 0, &["other"])?)?;
    match (tree(value)?, other) {
        (Json::Array(first), Json::Array(second)) => {
            Ok(to_template(&Json::Array(crate::merge::lists(first, second))))
        }
        _ => Err(invalid("both inputs of `merge_lists` must be lists")),
    }
}

fn merge_objects(value: &Value, args: Rest<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let other = tree(&required(&args, &kwargs, 0, &["other"])?)?;
    match (tree(value)?, other) {
        (Json::Object(mut first), Json::Object(second)) => {
            first.extend(second);
            Ok(to_template(&Json::Object(first)))
        }
        _ => Err(invalid("both inputs of `merge_objects` must be objects")),
    }
}

fn patch_document(value: &Value) -> Result<String, Error> {
    let Json::Object(members) = tree(value)? else {
        return Err(invalid("the input of `generate_patch_document` must be an object"));
    };
    let operations = members
        .into_iter()
        .map(|(key, value)| {
            let value = match value {
                Json::String(text) => serde_json::from_str(&text).unwrap_or(Json::String(text)),
                other => other,
            };
            let path = format!("/{}", key.replace('~', "~0").replace('/', "~1"));
            serde_json::json!({"op": "add", "path": path, "value": value})
        })
        .collect();
    Ok(Json::Array(operations).to_string())
}

fn tag_filters(value: &Value) -> Result<String, Error> {
    let Json::Array(tags) = tree(value)? else {
        return Err(invalid("the input of `to_aws_tag_filters` must be a list of tags"));
    };
    let filters = tags
        .iter()
        .filter_map(|tag| {
            let (key, value) = (tag.get("Key")?, tag.get("Value")?);
            Some(serde_json::json!({"Key": key, "Values": [value]}))
        })
        .collect();
    Ok(Json::Array(filters).to_string())
}

fn get(value: &Value, args: Rest<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let key = required(&args, &kwargs, 0, &["key"])?;
    let found = to_template(&tree(value)?).get_item(&key)?;
    if !found.is_undefined() {
        return Ok(found);
    }
    argument(&args, &kwargs, 1, &["default"]).ok_or_else(|| {
        Error::new(ErrorKind::UndefinedError, format!("the object has no member `{key}`"))
    })
}

fn replace(value: &Value, args: Rest<Value>, kwargs: Kwargs) -> Result<String, Error> {
    let from = text_of(&required(&args, &kwargs, 0, &["from", "old"])?);
    let to = text_of(&required(&args, &kwargs, 1, &["to", "new"])?);
    Ok(defined(value)?.replace(&from, &to))
}

fn split(value: &Value, args: Rest<Value>, kwargs: Kwargs) -> Result<Vec<String>, Error> {
    let text = defined(value)?;
    Ok(match argument(&args, &kwargs, 0, &["pat"]) {
        Some(separator) => text.split(&text_of(&separator)).map(str::to_owned).collect(),
        None => text.split_whitespace().map(str::to_owned).collect(),
    })
}

fn default(value: &Value, args: Rest<Value>, kwargs: Kwargs) -> Value {
    let other = argument(&args, &kwargs, 0, &["value", "default_value"]);
    let lax = argument(&args, &kwargs, 1, &["boolean"]).is_some_and(|lax| lax.is_true());
    if value.is_undefined() || lax && !value.is_true() {
        other.unwrap_or_else(|| Value::from(""))
    } else {
        value.clone()
    }
}

fn list(value: &Value) -> Result<Vec<Json>, Error> {
    match tree(value)? {
        Json::Array(items) => Ok(items),
        _ => Err(invalid("the input is not a list")),
    }
}

fn slice(value: &Value, args: Rest<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let items = list(value)?;
    let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
    let bound = |at, name: &str, otherwise: i64| {
        let given = argument(&args, &kwargs, at, &[name]).and_then(|value| value.as_i64());
        let bound = given.unwrap_or(otherwise);
        usize::try_from(if bound < 0 { bound + length } else { bound }.clamp(0, length))
            .unwrap_or_default()
    };
    let (start, end) = (bound(0, "start", 0), bound(1, "end", length));
    let part = items.get(start..end.max(start)).unwrap_or_default();
    Ok(to_template(&Json::Array(part.to_vec())))
}

fn nth(value: &Value, args: Rest<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let at = required(&args, &kwargs, 0, &["n"])?.as_usize().unwrap_or(usize::MAX);
    Ok(list(value)?.get(at).map_or_else(|| Value::from(""), to_template))
}

fn concat(value: &Value, args: Rest<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let mut items = list(value)?;
    match tree(&required(&args, &kwargs, 0, &["with"])?)? {
        Json::Array(more) => items.extend(more),
        other => items.push(other),
    }
    Ok(to_template(&Json::Array(items)))
}

/// A member by its path, `a.b`.
fn member<'a>(item: &'a Json, path: &str) -> Option<&'a Json> {
    path.split('.').try_fold(item, |item, key| match item {
        Json::Array(items) => items.get(key.parse::<usize>().ok()?),
        other => other.get(key),
    })
}

fn map(
    state: &mut minijinja::State<'_, '_>,
    value: &Value,
    args: Rest<Value>,
    kwargs: Kwargs,
) -> Result<Value, Error> {
    let items = list(value)?;
    if let Some(attribute) = kwargs.get::<Option<String>>("attribute")? {
        let default = kwargs.get::<Option<Value>>("default")?;
        let members = items.iter().filter_map(|item| {
            member(item, &attribute).cloned().or_else(|| default.as_ref().map(from_template))
        });
        return Ok(to_template(&Json::Array(members.collect())));
    }
    let name = text_of(&required(&args, &kwargs, 0, &["filter"])?);
    let mut mapped = Vec::with_capacity(items.len());
    for item in &items {
        let mut all = vec![to_template(item)];
        all.extend(args.iter().skip(1).cloned());
        mapped.push(from_template(&state.apply_filter(&name, &all)?));
    }
    Ok(to_template(&Json::Array(mapped)))
}

fn filter(value: &Value, args: Rest<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let attribute = text_of(&required(&args, &kwargs, 0, &["attribute"])?);
    let wanted = argument(&args, &kwargs, 1, &["value"]).map(|value| from_template(&value));
    let kept = list(value)?.into_iter().filter(|item| match (member(item, &attribute), &wanted) {
        (Some(found), Some(wanted)) => found == wanted,
        (Some(found), None) => !found.is_null(),
        (None, _) => false,
    });
    Ok(to_template(&Json::Array(kept.collect())))
}

/// Words of letters and digits, joined by hyphens.
fn slug(text: &str) -> String {
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}

fn truncate(value: &Value, args: Rest<Value>, kwargs: Kwargs) -> Result<String, Error> {
    let text = defined(value)?;
    let length = argument(&args, &kwargs, 0, &["length"]).and_then(|length| length.as_usize());
    let length = length.unwrap_or(255);
    if text.chars().count() <= length {
        return Ok(text);
    }
    let end =
        argument(&args, &kwargs, 1, &["end"]).map_or_else(|| "…".to_owned(), |end| text_of(&end));
    Ok(text.chars().take(length).chain(end.chars()).collect())
}

/// Days, months and the like of a moment, by the letters of strftime.
fn date(value: &Value, kwargs: Kwargs) -> Result<String, Error> {
    let format = kwargs.get::<Option<String>>("format")?.unwrap_or_else(|| "%Y-%m-%d".to_owned());
    let text = defined(value)?;
    let moment = match text.trim().parse::<i64>() {
        Ok(seconds) => crate::moment::Moment::of_unix(seconds),
        Err(_) => crate::moment::Moment::parse(&text)
            .ok_or_else(|| invalid(format!("`{text}` is no date")))?,
    };
    moment.format(&format).ok_or_else(|| invalid(format!("`{format}` is no format of a date")))
}

fn now(kwargs: Kwargs) -> Result<Value, Error> {
    let moment = crate::moment::Moment::now();
    if kwargs.get::<Option<bool>>("timestamp")?.unwrap_or(false) {
        return Ok(Value::from(moment.unix()));
    }
    Ok(Value::from(moment.to_string()))
}

fn throw(args: Rest<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    Err(invalid(text_of(&required(&args, &kwargs, 0, &["message"])?)))
}

/// Most numbers that `range` gives.
const MOST: i64 = 100_000;

fn range(args: Rest<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let number = |value: Value| match value.as_i64() {
        Some(number) => Ok(number),
        None => text_of(&value)
            .trim()
            .parse::<i64>()
            .map_err(|_| invalid(format!("`{value}` is no whole number"))),
    };
    let named = |name: &str| kwargs.get::<Option<Value>>(name)?.map(number).transpose();
    let positional = |at: usize| args.get(at).cloned().map(number).transpose();
    let (first, second) = (positional(0)?, positional(1)?);
    let (start, end) = match (first, second) {
        (Some(start), Some(end)) => (Some(start), Some(end)),
        (end, _) => (None, end),
    };
    let start = named("start")?.or(start).unwrap_or(0);
    let end = named("end")?.or(end).ok_or_else(|| invalid("the argument `end` is missing"))?;
    let step = named("step_by")?.or(positional(2)?).unwrap_or(1);
    if step == 0 {
        return Err(invalid("the step of a range is zero"));
    }
    let mut numbers = Vec::new();
    let mut at = start;
    while if step > 0 { at < end } else { at > end } {
        if i64::try_from(numbers.len()).unwrap_or(MOST) >= MOST {
            return Err(invalid(format!("a range has more than {MOST} numbers")));
        }
        numbers.push(Json::from(at));
        at = at.saturating_add(step);
    }
    Ok(to_template(&Json::Array(numbers)))
}
