//! Functions of `std`.

use std::rc::Rc;

use super::eval::{Computed, Evaluator};
use super::value::{Object, Thunk, Value};
use crate::go_json;

/// The functions that there are.
const NAMES: &[&str] = &[
    "abs",
    "all",
    "any",
    "asciiLower",
    "asciiUpper",
    "base64",
    "ceil",
    "count",
    "endsWith",
    "extVar",
    "filter",
    "find",
    "flatMap",
    "flattenArrays",
    "floor",
    "foldl",
    "foldr",
    "format",
    "get",
    "isArray",
    "isBoolean",
    "isFunction",
    "isNumber",
    "isObject",
    "isString",
    "join",
    "length",
    "lines",
    "makeArray",
    "manifestJson",
    "manifestJsonEx",
    "manifestJsonMinified",
    "map",
    "mapWithIndex",
    "max",
    "member",
    "mergePatch",
    "min",
    "mod",
    "objectFields",
    "objectFieldsAll",
    "objectHas",
    "objectHasAll",
    "objectValues",
    "parseInt",
    "parseJson",
    "pow",
    "prune",
    "range",
    "repeat",
    "reverse",
    "set",
    "slice",
    "sort",
    "split",
    "sqrt",
    "startsWith",
    "strReplace",
    "stringChars",
    "stripChars",
    "substr",
    "sum",
    "toString",
    "trim",
    "type",
    "uniq",
];

fn failed<T>(text: impl std::fmt::Display) -> Computed<T> {
    Err(format!("RUNTIME ERROR: {text}"))
}

/// A member of `std`.
pub(super) fn named(name: &str) -> Computed<Value> {
    match NAMES.iter().find(|known| **known == name) {
        Some(known) => Ok(Value::Native(known)),
        None => failed(format!("Field does not exist: {name}")),
    }
}

/// Arguments of a call.
struct Given<'a> {
    evaluator: &'a Evaluator,
    name: &'static str,
    values: &'a [Thunk],
}

impl Given<'_> {
    fn has(&self, at: usize) -> bool {
        at < self.values.len()
    }

    fn value(&self, at: usize) -> Computed<Value> {
        match self.values.get(at) {
            Some(thunk) => self.evaluator.force(thunk),
            None => failed(format!("std.{} needs another argument", self.name)),
        }
    }

    fn text(&self, at: usize) -> Computed<Rc<str>> {
        match self.value(at)? {
            Value::Text(text) => Ok(text),
            other => failed(format!("std.{} needs a string, got {}", self.name, other.kind())),
        }
    }

    fn number(&self, at: usize) -> Computed<f64> {
        match self.value(at)? {
            Value::Number(number) => Ok(number),
            other => failed(format!("std.{} needs a number, got {}", self.name, other.kind())),
        }
    }

    fn items(&self, at: usize) -> Computed<Vec<Thunk>> {
        match self.value(at)? {
            Value::Array(items) => Ok(items.as_ref().clone()),
            Value::Text(text) => {
                Ok(text.chars().map(|c| Thunk::done(Value::text(c.to_string()))).collect())
            }
            other => failed(format!("std.{} needs an array, got {}", self.name, other.kind())),
        }
    }

    fn object(&self, at: usize) -> Computed<Rc<Object>> {
        match self.value(at)? {
            Value::Object(object) => Ok(object),
            other => failed(format!("std.{} needs an object, got {}", self.name, other.kind())),
        }
    }

    fn apply(&self, at: usize, arguments: Vec<Thunk>) -> Computed<Value> {
        self.evaluator.apply(&self.value(at)?, arguments, Vec::new())
    }
}

/// Calls a function of `std`.
#[expect(clippy::too_many_lines, reason = "one arm per function")]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "the language has doubles only"
)]
pub(super) fn call(evaluator: &Evaluator, name: &'static str, given: &[Thunk]) -> Computed<Value> {
    let given = Given { evaluator, name, values: given };
    let force = |thunk: &Thunk| evaluator.force(thunk);
    let texts = |items: Vec<String>| Value::array(items.into_iter().map(Value::text).collect());
    Ok(match name {
        "extVar" => evaluator.external(&given.text(0)?)?,
        "type" => Value::text(given.value(0)?.kind()),
        "isArray" | "isBoolean" | "isFunction" | "isNumber" | "isObject" | "isString" => {
            Value::Bool(given.value(0)?.kind().eq_ignore_ascii_case(&name[2..]))
        }
        "length" => Value::Number(match given.value(0)? {
            Value::Text(text) => text.chars().count(),
            Value::Array(items) => items.len(),
            Value::Object(object) => object.names(false).len(),
            Value::Function(closure) => closure.function.params.len(),
            other => {
                return failed(format!(
                    "length operates on strings, objects, and arrays, got {}",
                    other.kind()
                ));
            }
        } as f64),
        "toString" => Value::text(evaluator.to_text(&given.value(0)?)?),
        "format" => format(evaluator, &given.text(0)?, &given.value(1)?)?,
        "asciiUpper" => Value::text(given.text(0)?.to_ascii_uppercase()),
        "asciiLower" => Value::text(given.text(0)?.to_ascii_lowercase()),
        "startsWith" => Value::Bool(given.text(0)?.starts_with(given.text(1)?.as_ref())),
        "endsWith" => Value::Bool(given.text(0)?.ends_with(given.text(1)?.as_ref())),
        "trim" => Value::text(given.text(0)?.trim()),
        "stripChars" => {
            let unwanted = given.text(1)?;
            Value::text(given.text(0)?.trim_matches(|c| unwanted.contains(c)))
        }
        "stringChars" => Value::Array(Rc::new(given.items(0)?)),
        "substr" => {
            let (from, length) = (given.number(1)? as usize, given.number(2)? as usize);
            Value::text(given.text(0)?.chars().skip(from).take(length).collect::<String>())
        }
        "strReplace" => {
            let from = given.text(1)?;
            if from.is_empty() {
                return failed("std.strReplace needs a text to look for");
            }
            Value::text(given.text(0)?.replace(from.as_ref(), &given.text(2)?))
        }
        "split" => {
            let by = given.text(1)?;
            if by.is_empty() {
                return failed("std.split needs a separator");
            }
            texts(given.text(0)?.split(by.as_ref()).map(str::to_owned).collect())
        }
        "lines" => {
            let mut out = String::new();
            for item in given.items(0)? {
                out.push_str(&evaluator.to_text(&force(&item)?)?);
                out.push('\n');
            }
            Value::text(out)
        }
        "parseInt" => match given.text(0)?.trim().parse::<i64>() {
            Ok(number) => Value::Number(number as f64),
            Err(_) => return failed(format!("\"{}\" is not a base 10 integer", given.text(0)?)),
        },
        "parseJson" => match serde_json::from_str(&given.text(0)?) {
            Ok(json) => of_json(&json),
            Err(error) => return failed(format!("std.parseJson: {error}")),
        },
        "manifestJson" | "manifestJsonEx" => {
            let json = evaluator.json(&given.value(0)?)?;
            let text = serde_json::to_string_pretty(&json).map_err(|error| error.to_string())?;
            let indent = if name == "manifestJson" { "    ".into() } else { given.text(1)? };
            let lines = text.lines().map(|line| {
                let own = line.trim_start_matches(' ');
                format!("{}{own}", indent.repeat((line.len() - own.len()) / 2))
            });
            Value::text(lines.collect::<Vec<_>>().join("\n"))
        }
        "manifestJsonMinified" => Value::text(evaluator.json(&given.value(0)?)?.to_string()),
        "base64" => Value::text(base64(given.text(0)?.as_bytes())),
        "abs" => Value::Number(given.number(0)?.abs()),
        "ceil" => Value::Number(given.number(0)?.ceil()),
        "floor" => Value::Number(given.number(0)?.floor()),
        "sqrt" => Value::Number(given.number(0)?.sqrt()),
        "pow" => Value::Number(given.number(0)?.powf(given.number(1)?)),
        "max" => Value::Number(given.number(0)?.max(given.number(1)?)),
        "min" => Value::Number(given.number(0)?.min(given.number(1)?)),
        "mod" => evaluator.operate("%", &given.value(0)?, &given.value(1)?)?,
        "sum" => {
            let mut sum = Value::Number(0.0);
            for item in given.items(0)? {
                sum = evaluator.operate("+", &sum, &force(&item)?)?;
            }
            sum
        }
        "range" => {
            let (from, to) = (given.number(0)? as i64, given.number(1)? as i64);
            if to.saturating_sub(from) > 1_000_000 {
                return failed("std.range is too long");
            }
            Value::array((from..=to).map(|number| Value::Number(number as f64)).collect())
        }
        "makeArray" => {
            let count = (given.number(0)? as usize).min(1_000_000);
            let mut items = Vec::with_capacity(count);
            for at in 0..count {
                items.push(given.apply(1, vec![Thunk::done(Value::Number(at as f64))])?);
            }
            Value::array(items)
        }
        "repeat" => {
            let count = (given.number(1)? as usize).min(1_000_000);
            match given.value(0)? {
                Value::Text(text) => Value::text(text.repeat(count)),
                _ => {
                    let items = given.items(0)?;
                    Value::Array(Rc::new((0..count).flat_map(|_| items.clone()).collect()))
                }
            }
        }
        "join" => join(&given)?,
        "map" | "mapWithIndex" => {
            let mut items = Vec::new();
            for (at, item) in given.items(1)?.into_iter().enumerate() {
                let arguments = if name == "map" {
                    vec![item]
                } else {
                    vec![Thunk::done(Value::Number(at as f64)), item]
                };
                items.push(given.apply(0, arguments)?);
            }
            Value::array(items)
        }
        "filter" => {
            let mut items = Vec::new();
            for item in given.items(1)? {
                if matches!(given.apply(0, vec![item.clone()])?, Value::Bool(true)) {
                    items.push(item);
                }
            }
            Value::Array(Rc::new(items))
        }
        "flatMap" => {
            let mut items = Vec::new();
            for item in given.items(1)? {
                if let Value::Array(inner) = given.apply(0, vec![item])? {
                    items.extend(inner.iter().cloned());
                }
            }
            Value::Array(Rc::new(items))
        }
        "flattenArrays" => {
            let mut items = Vec::new();
            for item in given.items(0)? {
                match force(&item)? {
                    Value::Array(inner) => items.extend(inner.iter().cloned()),
                    other => {
                        return failed(format!(
                            "std.flattenArrays needs arrays, got {}",
                            other.kind()
                        ));
                    }
                }
            }
            Value::Array(Rc::new(items))
        }
        "foldl" | "foldr" => {
            let mut items = given.items(1)?;
            if name == "foldr" {
                items.reverse();
            }
            let mut folded = given.value(2)?;
            for item in items {
                let own = Thunk::done(folded);
                let arguments = if name == "foldl" { vec![own, item] } else { vec![item, own] };
                folded = given.apply(0, arguments)?;
            }
            folded
        }
        "any" | "all" => {
            let wanted = name == "any";
            let mut found = !wanted;
            for item in given.items(0)? {
                if matches!(force(&item)?, Value::Bool(flag) if flag == wanted) {
                    found = wanted;
                }
            }
            Value::Bool(found)
        }
        "member" | "count" | "find" => {
            let (items, wanted) = if name == "find" {
                (given.items(1)?, given.value(0)?)
            } else {
                (given.items(0)?, given.value(1)?)
            };
            let mut places = Vec::new();
            for (at, item) in items.iter().enumerate() {
                if evaluator.equal(&force(item)?, &wanted)? {
                    places.push(at);
                }
            }
            match name {
                "member" => Value::Bool(!places.is_empty()),
                "count" => Value::Number(places.len() as f64),
                _ => Value::array(places.into_iter().map(|at| Value::Number(at as f64)).collect()),
            }
        }
        "reverse" => Value::Array(Rc::new(given.items(0)?.into_iter().rev().collect())),
        "sort" | "set" | "uniq" => {
            let mut items = given.items(0)?.iter().map(force).collect::<Computed<Vec<_>>>()?;
            if name != "uniq" {
                // an order that fails is that of equal values; the failure comes first
                for pair in items.windows(2) {
                    evaluator.order(&pair[0], &pair[1])?;
                }
                items.sort_by(|a, b| evaluator.order(a, b).unwrap_or(std::cmp::Ordering::Equal));
            }
            if name != "sort" {
                items.dedup_by(|a, b| evaluator.equal(a, b).unwrap_or(false));
            }
            Value::array(items)
        }
        "slice" => {
            let part =
                |at: usize| if given.has(at) { given.number(at).map(Some) } else { Ok(None) };
            slice(&given.value(0)?, [part(1)?, part(2)?, part(3)?])?
        }
        "objectFields" => texts(given.object(0)?.names(false)),
        "objectFieldsAll" => texts(given.object(0)?.names(true)),
        "objectHas" => Value::Bool(
            given
                .object(0)?
                .names(false)
                .iter()
                .any(|it| Ok(it.as_str()) == given.text(1).as_deref()),
        ),
        "objectHasAll" => Value::Bool(given.object(0)?.find(&given.text(1)?, usize::MAX).is_some()),
        "objectValues" => {
            let object = given.object(0)?;
            let values =
                object.names(false).into_iter().map(|name| evaluator.field(&object, &name));
            Value::array(values.collect::<Computed<_>>()?)
        }
        "get" => {
            let (object, name) = (given.object(0)?, given.text(1)?);
            match (object.find(&name, usize::MAX), given.has(2)) {
                (Some(_), _) => evaluator.field(&object, &name)?,
                (None, true) => given.value(2)?,
                (None, false) => Value::Null,
            }
        }
        "mergePatch" => {
            let (mut target, patch) =
                (evaluator.json(&given.value(0)?)?, evaluator.json(&given.value(1)?)?);
            merge(&mut target, patch);
            of_json(&target)
        }
        "prune" => of_json(&pruned(evaluator.json(&given.value(0)?)?)),
        other => return failed(format!("std.{other} cannot be called")),
    })
}

fn join(given: &Given<'_>) -> Computed<Value> {
    let items =
        given.items(1)?.iter().map(|it| given.evaluator.force(it)).collect::<Computed<Vec<_>>>()?;
    let items: Vec<Value> = items.into_iter().filter(|item| !matches!(item, Value::Null)).collect();
    match given.value(0)? {
        Value::Text(by) => {
            let mut parts = Vec::new();
            for item in items {
                match item {
                    Value::Text(text) => parts.push(text.to_string()),
                    other => {
                        return failed(format!("std.join needs strings, got {}", other.kind()));
                    }
                }
            }
            Ok(Value::text(parts.join(&by)))
        }
        Value::Array(by) => {
            let mut out: Vec<Thunk> = Vec::new();
            for (at, item) in items.into_iter().enumerate() {
                if at > 0 {
                    out.extend(by.iter().cloned());
                }
                match item {
                    Value::Array(inner) => out.extend(inner.iter().cloned()),
                    other => return failed(format!("std.join needs arrays, got {}", other.kind())),
                }
            }
            Ok(Value::Array(Rc::new(out)))
        }
        other => failed(format!("std.join needs a string or an array, got {}", other.kind())),
    }
}

/// A part of an array or a text.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "the language has doubles only"
)]
pub(super) fn slice(target: &Value, [from, to, step]: [Option<f64>; 3]) -> Computed<Value> {
    let length = match target {
        Value::Array(items) => items.len(),
        Value::Text(text) => text.chars().count(),
        other => return failed(format!("{} cannot be sliced", other.kind())),
    };
    let place = |number: f64| {
        let number = if number < 0.0 { number + length as f64 } else { number };
        (number.max(0.0) as usize).min(length)
    };
    let (from, to) = (from.map_or(0, place), to.map_or(length, place));
    let step = step.map_or(1, |step| step as usize).max(1);
    let chosen = (from..to.max(from)).step_by(step);
    Ok(match target {
        Value::Array(items) => Value::Array(Rc::new(chosen.map(|at| items[at].clone()).collect())),
        Value::Text(text) => {
            let characters: Vec<char> = text.chars().collect();
            Value::text(chosen.map(|at| characters[at]).collect::<String>())
        }
        _ => Value::Null,
    })
}

/// `%` of texts: `%s`, `%d`, `%f`, `%(name)s`, widths and zeros.
#[expect(clippy::cast_possible_truncation, reason = "what %d is for")]
pub(super) fn format(evaluator: &Evaluator, pattern: &str, value: &Value) -> Computed<Value> {
    let items: Vec<Value> = match value {
        Value::Array(items) => {
            items.iter().map(|it| evaluator.force(it)).collect::<Computed<_>>()?
        }
        other => vec![other.clone()],
    };
    let mut items = items.into_iter();
    let mut out = String::new();
    let mut rest = pattern;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(behind) = rest.strip_prefix('%') {
            out.push('%');
            rest = behind;
            continue;
        }
        let item = match rest.strip_prefix('(') {
            Some(named) => {
                let end = named.find(')').ok_or("RUNTIME ERROR: Truncated format code.")?;
                let Value::Object(object) = value else { return failed("%(name) needs an object") };
                rest = &named[end + 1..];
                Some(evaluator.field(object, &named[..end])?)
            }
            None => None,
        };
        let end = rest
            .find(|c: char| c.is_ascii_alphabetic())
            .ok_or("RUNTIME ERROR: Truncated format code.")?;
        let (flags, code) = (&rest[..end], &rest[end..=end]);
        rest = &rest[end + 1..];
        let Some(item) = item.or_else(|| items.next()) else {
            return failed("Not enough values to format");
        };
        let (width, precision) = match flags.split_once('.') {
            Some((width, precision)) => (width, precision.parse::<usize>().ok()),
            None => (flags, None),
        };
        let (zero, left) = (width.starts_with('0'), width.starts_with('-'));
        let width =
            width.trim_matches(['-', '+', ' ', '#']).parse::<usize>().unwrap_or(0).min(1000);
        let text = match (code, &item) {
            ("d" | "i" | "u", Value::Number(number)) => (*number as i64).to_string(),
            ("f" | "F", Value::Number(number)) => format!("{number:.*}", precision.unwrap_or(6)),
            ("x", Value::Number(number)) => format!("{:x}", *number as i64),
            ("o", Value::Number(number)) => format!("{:o}", *number as i64),
            ("g" | "e", Value::Number(number)) => go_json::float_text(*number),
            ("s" | "c", item) => evaluator.to_text(item)?,
            (_, item) => return failed(format!("Format %{code} does not take {}", item.kind())),
        };
        let padded = if left {
            format!("{text:<width$}")
        } else if zero {
            format!("{text:0>width$}")
        } else {
            format!("{text:>width$}")
        };
        out.push_str(&padded);
    }
    out.push_str(rest);
    Ok(Value::text(out))
}

/// JSON as a value.
fn of_json(json: &serde_json::Value) -> Value {
    use super::parse::Expr;
    use super::value::{Layer, LayerField, Scope};
    use serde_json::Value as Json;
    match json {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Bool(*flag),
        Json::Number(number) => Value::Number(number.as_f64().unwrap_or_default()),
        Json::String(text) => Value::text(text),
        Json::Array(items) => Value::array(items.iter().map(of_json).collect()),
        Json::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| {
                let (scope, vars) = Scope::default().inner();
                vars.names.borrow_mut().insert("value".to_owned(), Thunk::done(of_json(value)));
                LayerField {
                    name: name.clone(),
                    adds: false,
                    colons: 1,
                    value: Rc::new(Expr::Var("value".to_owned())),
                    scope: Some(scope),
                }
            });
            let layer = Layer { fields: fields.collect(), body: None, scope: Scope::default() };
            Value::Object(Rc::new(Object::of(vec![Rc::new(layer)])))
        }
    }
}

fn merge(target: &mut serde_json::Value, patch: serde_json::Value) {
    use serde_json::Value as Json;
    let Json::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Json::Object(serde_json::Map::new());
    }
    if let Json::Object(fields) = target {
        for (name, value) in patch {
            if value.is_null() {
                fields.shift_remove(&name);
            } else {
                merge(fields.entry(name).or_insert(Json::Null), value);
            }
        }
    }
}

fn pruned(json: serde_json::Value) -> serde_json::Value {
    use serde_json::Value as Json;
    let is_empty = |value: &Json| match value {
        Json::Null => true,
        Json::Array(items) => items.is_empty(),
        Json::Object(fields) => fields.is_empty(),
        _ => false,
    };
    match json {
        Json::Array(items) => {
            Json::Array(items.into_iter().map(pruned).filter(|item| !is_empty(item)).collect())
        }
        Json::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| (name, pruned(value)));
            Json::Object(fields.filter(|(_, value)| !is_empty(value)).collect())
        }
        other => other,
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..4 {
            if place > chunk.len() {
                out.push('=');
            } else {
                out.push(char::from(DIGITS[(word >> (18 - 6 * place) & 63) as usize]));
            }
        }
    }
    out
}
