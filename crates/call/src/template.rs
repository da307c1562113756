//! Go templates of provider documents.
//!
//! Owns: the functions that documents may call, values for the engine, and bounds on time and memory.
//! Refuses: definitions and calls of other templates, which documents do not use and which could recurse.
//! Surprise: numbers keep their digits. One that the engine's own types would change travels as text with
//! the mark of [`crate::exact`], and is a number again in the output.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gotmpl::{TemplateError, Value};
use serde_json::Value as Json;

use crate::exact;

/// Longest template that is read.
const MAX_SOURCE: usize = 256 << 10;
/// Iterations of all loops of a run.
const MAX_ITERATIONS: u64 = 4_000_000;
/// Bytes that a run may write whatever its input.
const MIN_OUTPUT: usize = 1 << 20;
/// How often the size of its input a run may write.
const OUTPUT_FACTOR: usize = 16;
/// Widest field that `printf` may pad.
const MAX_WIDTH: usize = 64;

thread_local! {
    /// Bytes that the functions of this run may still make.
    static BUDGET: Cell<usize> = const { Cell::new(0) };
}

/// A template that can be run.
#[derive(Clone)]
pub(crate) struct Template {
    inner: Arc<gotmpl::Template>,
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Template")
    }
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// What is wrong with it, as a clause.
    pub(crate) fn parse(source: &str) -> Result<Self, String> {
        if source.len() > MAX_SOURCE {
            return Err(format!("it is longer than {MAX_SOURCE} bytes"));
        }
        if let Some(word) = nested_template(source) {
            return Err(format!("it has `{word}`, and templates may not call templates"));
        }
        let mut engine = gotmpl::Template::new("response").max_range_iters(MAX_ITERATIONS);
        for (name, function) in functions() {
            engine = engine.func(name, function);
        }
        let parsed = engine.parse(source).map_err(|error| error.to_string())?;
        Ok(Self { inner: Arc::new(parsed) })
    }

    /// The output for a value; `size` is how many bytes the input has.
    ///
    /// # Errors
    /// Why the template fails, as a clause.
    pub(crate) fn run(&self, input: &Value, size: usize) -> Result<String, String> {
        let most = size.saturating_mul(OUTPUT_FACTOR).saturating_add(MIN_OUTPUT);
        BUDGET.set(most.saturating_mul(2));
        let mut output = Output { text: String::new(), most, is_full: false };
        let run = self.inner.execute_fmt(&mut output, input);
        if output.is_full {
            return Err(format!("it writes more than {most} bytes"));
        }
        run.map_err(|error| error.to_string())?;
        Ok(unmarked(output.text))
    }
}

/// Text that does not grow without bound.
struct Output {
    text: String,
    most: usize,
    is_full: bool,
}

impl fmt::Write for Output {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.text.len() + text.len() > self.most {
            self.is_full = true;
            return Err(fmt::Error);
        }
        self.text.push_str(text);
        Ok(())
    }
}

/// The first action that defines or calls a template.
fn nested_template(source: &str) -> Option<&'static str> {
    source.split("{{").skip(1).find_map(|action| {
        let action = action.strip_prefix('-').unwrap_or(action).trim_start();
        let words = ["template", "define", "block"];
        words.into_iter().find(|word| {
            let rest = action.strip_prefix(word);
            rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
        })
    })
}

/// Marks of numbers that were printed as they are.
fn unmarked(text: String) -> String {
    if text.contains(exact::MARK) { text.replace(exact::MARK, "") } else { text }
}

/// JSON as a value of the engine.
pub(crate) fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Nil,
        Json::Bool(flag) => Value::Bool(*flag),
        Json::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(whole), ..) => Value::Int(whole),
            (None, Some(whole), _) => Value::Uint(whole),
            (None, None, Some(other)) => Value::Float(other),
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

/// Appends a value as JSON, and gives false if it has none.
fn write_json(value: &Value, out: &mut String) -> bool {
    match value {
        Value::Nil => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Int(number) => out.push_str(&number.to_string()),
        Value::Uint(number) => out.push_str(&number.to_string()),
        Value::Float(number) => out.push_str(&Json::from(*number).to_string()),
        Value::String(text) => {
            out.push_str(&exact::json_text(&Json::String(text.to_string())));
        }
        Value::List(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                if !write_json(item, out) {
                    return false;
                }
            }
            out.push(']');
        }
        Value::Map(fields) => {
            out.push('{');
            for (at, (key, field)) in fields.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                out.push_str(&Json::from(&**key).to_string());
                out.push(':');
                if !write_json(field, out) {
                    return false;
                }
            }
            out.push('}');
        }
        Value::Function(_) => return false,
    }
    true
}

type Outcome = Result<Value, TemplateError>;

fn failed(what: &str) -> TemplateError {
    TemplateError::Exec(what.to_owned())
}

/// Takes bytes from what the run may make.
fn charge(bytes: usize) -> Result<(), TemplateError> {
    let left = BUDGET.get().checked_sub(bytes).ok_or_else(|| failed("it makes too much text"))?;
    BUDGET.set(left);
    Ok(())
}

fn first<'a>(name: &str, args: &'a [Value]) -> Result<&'a Value, TemplateError> {
    args.first().ok_or_else(|| failed(&format!("{name} needs a value")))
}

fn text_of<'a>(name: &str, args: &'a [Value]) -> Result<&'a str, TemplateError> {
    first(name, args)?.as_str().ok_or_else(|| failed(&format!("{name} needs text")))
}

type Function = Box<dyn Fn(&[Value]) -> Outcome + Send + Sync>;

fn functions() -> Vec<(&'static str, Function)> {
    let mut all: Vec<(&'static str, Function)> = vec![
        ("toJson", Box::new(to_json)),
        ("kindOf", Box::new(kind_of)),
        ("jsonMapFromString", Box::new(json_from_text)),
        ("separator", Box::new(separator)),
        ("safeIndex", Box::new(safe_index)),
        ("toBool", Box::new(to_bool)),
        ("toInt", Box::new(to_int)),
        ("plus1", Box::new(plus_one)),
    ];
    all.push(("printf", Box::new(|args: &[Value]| bounded("printf", args))));
    for name in ["print", "println", "html", "js", "urlquery"] {
        all.push((name, Box::new(move |args: &[Value]| bounded(name, args))));
    }
    all
}

/// A builtin that makes text, if what it makes is within the bounds.
fn bounded(name: &str, args: &[Value]) -> Outcome {
    let size: usize = args.iter().map(size_of).sum();
    if name == "printf" {
        let format = args.first().and_then(Value::as_str).unwrap_or_default();
        if has_wide_field(format) {
            return Err(failed(&format!("printf pads to {MAX_WIDTH} characters at most")));
        }
        let verbs = format.matches('%').count();
        charge(size.saturating_mul(verbs.max(1)).saturating_add(verbs * MAX_WIDTH))?;
        if let Some(text) = plain_format(format, &args[1..]) {
            return Ok(Value::String(Arc::from(text)));
        }
    } else {
        charge(size.saturating_mul(6))?;
    }
    builtin(name, args)
}

/// The common formats: texts in the place of `%s` and `%v`, and a quoted text.
fn plain_format(format: &str, args: &[Value]) -> Option<String> {
    let texts: Vec<&str> = args.iter().map(Value::as_str).collect::<Option<_>>()?;
    if let ("%q", [text]) = (format, &texts[..]) {
        return Some(Json::from(*text).to_string());
    }
    let mut parts = format.split('%');
    let mut out = parts.next()?.to_owned();
    let mut texts = texts.into_iter();
    for part in parts {
        let rest = part.strip_prefix(['s', 'v'])?;
        out.push_str(texts.next()?);
        out.push_str(rest);
    }
    texts.next().is_none().then_some(out)
}

/// Calls a builtin of the engine, which the function of that name here hides.
fn builtin(name: &str, args: &[Value]) -> Outcome {
    let mut data: BTreeMap<Arc<str>, Value> = BTreeMap::new();
    let mut source = format!("{{{{{name}");
    for (at, arg) in args.iter().enumerate() {
        let key = format!("a{at}");
        source.push_str(" .");
        source.push_str(&key);
        data.insert(Arc::from(key), arg.clone());
    }
    source.push_str("}}");
    let template = gotmpl::Template::new("call").parse(&source)?;
    let made = template.execute_to_string(&Value::Map(Arc::new(data)))?;
    Ok(Value::String(Arc::from(made)))
}

/// About how many bytes a value has as text.
fn size_of(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::List(items) => items.iter().map(size_of).sum::<usize>() + items.len(),
        Value::Map(fields) => {
            fields.iter().map(|(key, field)| key.len() + size_of(field) + 2).sum()
        }
        _ => 24,
    }
}

/// True for a format that pads to more than [`MAX_WIDTH`], or takes a width from its values.
fn has_wide_field(format: &str) -> bool {
    format.split('%').skip(1).any(|rest| {
        let verb = rest.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let flags = &rest[..verb];
        let mut numbers =
            flags.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
        flags.contains('*')
            || numbers.any(|digits| digits.parse::<usize>().map_or(true, |width| width > MAX_WIDTH))
    })
}

fn to_json(args: &[Value]) -> Outcome {
    let value = first("toJson", args)?;
    let mut out = String::new();
    charge(size_of(value))?;
    if !write_json(value, &mut out) {
        return Err(failed("toJson of a function"));
    }
    Ok(Value::String(Arc::from(out)))
}

fn kind_of(args: &[Value]) -> Outcome {
    let kind = match first("kindOf", args)? {
        Value::Nil => "invalid",
        Value::Bool(_) => "bool",
        // every number of JSON is a double in Go
        Value::Int(_) | Value::Uint(_) | Value::Float(_) => "float64",
        Value::String(text) if text.starts_with(exact::MARK) => "float64",
        Value::String(_) => "string",
        Value::List(_) => "slice",
        Value::Map(_) => "map",
        Value::Function(_) => "func",
    };
    Ok(Value::String(Arc::from(kind)))
}

fn json_from_text(args: &[Value]) -> Outcome {
    let text = text_of("jsonMapFromString", args)?;
    charge(text.len())?;
    let json = exact::read_json(text).map_err(|error| failed(&error))?;
    if !json.is_object() {
        return Err(failed("jsonMapFromString needs a JSON object"));
    }
    Ok(value(&json))
}

/// A function that gives nothing when it is called first, and the separator after that.
fn separator(args: &[Value]) -> Outcome {
    let text: Arc<str> = Arc::from(text_of("separator", args)?);
    let called = AtomicBool::new(false);
    Ok(Value::Function(Arc::new(move |_: &[Value]| {
        let again = called.swap(true, Ordering::Relaxed);
        Ok(Value::String(if again { Arc::clone(&text) } else { Arc::from("") }))
    })))
}

fn safe_index(args: &[Value]) -> Outcome {
    Ok(match args {
        [Value::Map(fields), Value::String(key), ..] => {
            fields.get(key.as_ref()).cloned().unwrap_or(Value::Nil)
        }
        _ => Value::Nil,
    })
}

fn to_bool(args: &[Value]) -> Outcome {
    Ok(Value::Bool(match first("toBool", args)? {
        Value::Bool(flag) => *flag,
        other => other.as_str() == Some("true"),
    }))
}

fn to_int(args: &[Value]) -> Outcome {
    let value = first("toInt", args)?;
    let text = value.to_string();
    let whole = crate::value::whole_number(text.trim_start_matches(exact::MARK));
    match whole.and_then(|digits| digits.parse().ok()) {
        Some(number) => Ok(Value::Int(number)),
        None => Err(failed("toInt needs a whole number")),
    }
}

fn plus_one(args: &[Value]) -> Outcome {
    let number = first("plus1", args)?.as_int().and_then(|number| number.checked_add(1));
    number.map(Value::Int).ok_or_else(|| failed("plus1 needs a whole number"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run(source: &str, input: &Json) -> Result<String, String> {
        Template::parse(source)?.run(&value(input), exact::json_text(input).len())
    }

    #[test]
    fn lists_are_wrapped_and_rows_flattened() {
        let source = r#"{"rows": [{{- range $i, $r := index . "value" }}{{ if $i }},{{ end }}{ {{ $p := index $r "p" }}{{ if eq (kindOf $p) "map" }}{{ range $k, $v := $p }}{{ printf "%q" $k }}: {{ toJson $v }}, {{ end }}{{ end }}"n": {{ toJson (index $r "n") }} }{{- end }}]}"#;
        let input = json!({"value": [{"p": {"a\"b": "<x>", "c": [1, null]}, "n": 1}, {"p": 2}]});
        let made = run(source, &input).expect("runs");
        let read: Json = serde_json::from_str(&made).expect("JSON");
        assert_eq!(read, json!({"rows": [{"a\"b": "<x>", "c": [1, null], "n": 1}, {"n": null}]}));
    }

    #[test]
    fn numbers_keep_their_digits() {
        let input =
            exact::read_json(r#"{"a": 12345678901234567890123, "b": 1.10, "c": 9007199254740993}"#);
        let input = input.expect("JSON");
        let made = run("{{ toJson . }} {{ .a }} {{ kindOf .a }} {{ kindOf .c }}", &input);
        assert_eq!(
            made.expect("runs"),
            r#"{"a":12345678901234567890123,"b":1.10,"c":9007199254740993} 12345678901234567890123 float64 float64"#
        );
    }

    #[test]
    fn functions_do_as_in_go() {
        for (source, expected) in [
            (r#"{{ $s := separator "," }}{{ call $s }}a{{ call $s }}b"#, "a,b"),
            (r#"{{ $m := jsonMapFromString .t }}{{ index $m "k" }}"#, "v"),
            (
                r#"{{ safeIndex .m "x" }}|{{ safeIndex .t "x" }}|{{ safeIndex .m "k" }}"#,
                "<no value>|<no value>|1",
            ),
            ("{{ toBool \"true\" }} {{ toInt \"12\" }} {{ plus1 4 }}", "true 12 5"),
            (r#"{{ printf "%q %s" .q .n }}"#, "\"a\\\"b\" 1"),
            (r#"{{ printf "{\"k\":%s}" .t }}"#, r#"{"k":{"k":"v"}}"#),
            ("{{ if .none }}x{{ else }}y{{ end }}", "y"),
        ] {
            let input = json!({"t": "{\"k\":\"v\"}", "m": {"k": 1}, "q": "a\"b", "n": "1"});
            assert_eq!(run(source, &input).as_deref().unwrap_or("failed"), expected, "{source}");
        }
    }

    #[test]
    fn runs_end_whatever_the_template_does() {
        let many = json!({"l": vec![0; 3000]});
        for source in [
            "{{ range .l }}{{ range $.l }}{{ range $.l }}x{{ end }}{{ end }}{{ end }}",
            "{{ $x := \"xx\" }}{{ range .l }}{{ $x = printf \"%s%s\" $x $x }}{{ end }}",
            "{{ $x := \"'\" }}{{ range .l }}{{ $x = js $x $x }}{{ end }}",
            "{{ printf \"%999999999d\" 1 }}",
            "{{ printf \"%*d\" 999999999 1 }}",
            "{{ range .l }}{{ range $.l }}{{ range $.l }}{{ end }}{{ end }}{{ end }}",
        ] {
            assert!(run(source, &many).is_err(), "{source}");
        }
        for source in ["{{ template \"response\" }}", "{{- define \"a\" }}{{ end }}", "{{ if }}"] {
            assert!(Template::parse(source).is_err(), "{source}");
        }
    }
}
