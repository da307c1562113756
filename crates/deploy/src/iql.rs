//! Query files: anchors and the statements below them.
//!
//! Owns: the form of `.iql` files with every tolerance of the reference parser, and options of anchors.
//! Surprise: text before the first anchor belongs to that anchor; a body without text is no anchor.

use std::time::Duration;

use indexmap::IndexMap;
use strataql_diag::{Code, Report};

/// A query file.
#[derive(Debug, Clone, Default)]
pub(crate) struct QueryFile {
    /// Its path, as messages name it.
    pub(crate) file: String,
    /// By name, in lower case.
    pub(crate) anchors: IndexMap<String, Anchor>,
    /// What a lint says.
    pub(crate) warnings: Vec<Report>,
}

/// A statement with its options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Anchor {
    /// The statement, a template.
    pub(crate) text: String,
    /// The line of the file in which the statement begins.
    pub(crate) line: usize,
    /// The options.
    pub(crate) options: Options,
}

/// The options of an anchor.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Options(IndexMap<String, String>);

impl Options {
    /// A whole number; what is none counts as absent.
    fn number(&self, key: &str) -> Option<u32> {
        self.0.get(key)?.parse().ok()
    }

    /// A text.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// `retries`.
    pub(crate) fn retries(&self) -> Option<u32> {
        self.number("retries")
    }

    /// How often a read is asked: `retries`; with a `timeout` alone until that is over.
    pub(crate) fn tries(&self, otherwise: u32) -> u32 {
        let otherwise = if self.seconds("timeout").is_some() { u32::MAX } else { otherwise };
        self.retries().unwrap_or(otherwise)
    }

    /// `retry_delay`; with a `timeout` a second, if there is none.
    pub(crate) fn delay(&self) -> Duration {
        let otherwise = u32::from(self.seconds("timeout").is_some());
        Duration::from_secs(self.number("retry_delay").unwrap_or(otherwise).into())
    }

    /// A number with decimals, zero or more; what is none counts as absent.
    pub(crate) fn decimal(&self, key: &str) -> Option<f64> {
        let number: f64 = self.0.get(key)?.parse().ok()?;
        (number.is_finite() && number >= 0.0).then_some(number)
    }

    /// A time in seconds.
    pub(crate) fn seconds(&self, key: &str) -> Option<Duration> {
        Duration::try_from_secs_f64(self.decimal(key)?).ok()
    }

    /// `postdelete_retries`.
    pub(crate) fn postdelete_retries(&self) -> u32 {
        self.number("postdelete_retries").unwrap_or(10)
    }

    /// `postdelete_retry_delay`.
    pub(crate) fn postdelete_delay(&self) -> Duration {
        Duration::from_secs(self.number("postdelete_retry_delay").unwrap_or(5).into())
    }

    /// `idempotent=true`: the statement may be sent again.
    pub(crate) fn is_idempotent(&self) -> bool {
        self.text("idempotent") == Some("true")
    }
}

/// Anchors that mean something.
const KNOWN: &[&str] = &[
    "exists",
    "statecheck",
    "create",
    "update",
    "createorupdate",
    "delete",
    "exports",
    "command",
    "callback",
    "callback:create",
    "callback:update",
    "callback:delete",
    "troubleshoot",
    "troubleshoot:create",
    "troubleshoot:update",
    "troubleshoot:delete",
    "rollback",
];

const OPTIONS: &[&str] = &[
    "retries",
    "retry_delay",
    "postdelete_retries",
    "postdelete_retry_delay",
    "short_circuit_field",
    "short_circuit_value",
    "idempotent",
    "timeout",
    "backoff",
    "max_delay",
    "jitter",
    "until",
    "fail_when",
];

/// Options whose value is a whole number.
const NUMBERS: &[&str] =
    &["retries", "retry_delay", "postdelete_retries", "postdelete_retry_delay"];

/// Options whose value is a number, zero or more.
const DECIMALS: &[&str] = &["timeout", "backoff", "max_delay", "jitter"];

impl QueryFile {
    /// Reads the text of a file.
    pub(crate) fn parse(file: &str, text: &str) -> Self {
        let mut read = Self { file: file.to_owned(), ..Self::default() };
        let mut head: Option<(String, Options, usize)> = None;
        // the line of the body's first text, and the body
        let mut body = (0, String::new());
        for (at, line) in text.lines().enumerate() {
            if let Some(hint) = hint_of(line) {
                if let Some(head) = head.take() {
                    read.add(head, std::mem::take(&mut body));
                }
                let (key, options) = read.head(hint, at + 1);
                head = Some((key, options, at + 1));
                continue;
            }
            if body.0 == 0 && !line.trim().is_empty() {
                body.0 = at + 1;
            }
            if body.0 > 0 {
                body.1.push_str(line);
                body.1.push('\n');
            }
        }
        match head {
            Some(head) => read.add(head, body),
            None if !body.1.trim().is_empty() => read.warn(
                1,
                "the file has no anchor, so that nothing of it is run",
                "begin each statement with a line such as `/*+ create */`",
            ),
            None => {}
        }
        read
    }

    /// The anchor of a name.
    pub(crate) fn get(&self, name: &str) -> Option<&Anchor> {
        self.anchors.get(name)
    }

    fn head(&mut self, hint: &str, line: usize) -> (String, Options) {
        let mut parts = hint.split(',');
        let key = parts.next().unwrap_or_default().trim().to_lowercase();
        let key = match key.as_str() {
            "preflight" => "exists".to_owned(),
            "postdeploy" => "statecheck".to_owned(),
            _ => key,
        };
        let mut options = IndexMap::new();
        for part in parts {
            match part.split_once('=') {
                Some((name, value)) => {
                    let (name, value) = (name.trim(), value.trim());
                    if !OPTIONS.contains(&name) {
                        let help = strataql_diag::did_you_mean(name, OPTIONS.iter().copied());
                        self.warn(
                            line,
                            &format!("`{name}` is no option of an anchor, and has no effect"),
                            &help.unwrap_or_else(|| "remove it".to_owned()),
                        );
                    } else if NUMBERS.contains(&name) && value.parse::<u32>().is_err() {
                        self.warn(
                            line,
                            &format!(
                                "`{value}` is no whole number, so that `{name}` has its default"
                            ),
                            "write a number such as `retries=3`",
                        );
                    }
                    let is_decimal = || value.parse::<f64>().is_ok_and(|number| number >= 0.0);
                    if DECIMALS.contains(&name) && !is_decimal() {
                        self.warn(
                            line,
                            &format!("`{value}` is no number, so that `{name}` has no effect"),
                            "write seconds such as `timeout=300`, or a factor such as `backoff=1.5`",
                        );
                    }
                    options.insert(name.to_owned(), value.to_owned());
                }
                None if part.trim().is_empty() => {}
                None => self.warn(
                    line,
                    &format!("`{}` is no option of an anchor", part.trim()),
                    "write `name=value`; a value cannot have a comma",
                ),
            }
        }
        if !KNOWN.contains(&key.as_str()) {
            let help = strataql_diag::did_you_mean(&key, KNOWN.iter().copied());
            self.warn(
                line,
                &format!("`{key}` is no anchor that anything runs"),
                &help.unwrap_or_else(|| "the anchors are `exists`, `statecheck`, `create`, `update`, `createorupdate`, `delete`, `exports` and `command`".to_owned()),
            );
        }
        (key, Options(options))
    }

    fn add(&mut self, (key, options, line): (String, Options, usize), body: (usize, String)) {
        let text = body.1.trim_end();
        if text.is_empty() {
            self.warn(
                line,
                &format!("the anchor `{key}` has no statement, and counts as absent"),
                "write a statement below it, or remove it",
            );
            return;
        }
        if self.anchors.contains_key(&key) {
            self.warn(
                line,
                &format!("the anchor `{key}` is there twice, and the last one counts"),
                "remove one of them",
            );
        }
        // leading blanks of the first line stay out, lines keep their numbers
        let anchor = Anchor { text: text.trim_start().to_owned(), line: body.0, options };
        self.anchors.insert(key, anchor);
    }

    fn warn(&mut self, line: usize, message: &str, help: &str) {
        self.warnings.push(
            Report::warning(Code::Config, message).with_place(&*self.file, line).with_help(help),
        );
    }
}

/// The text of an anchor's line.
fn hint_of(line: &str) -> Option<&str> {
    let line = line.trim_start();
    if let Some(named) = line.strip_prefix("-- @anchor ") {
        return Some(named);
    }
    line.strip_prefix("/*+")?.split_once("*/").map(|(hint, _)| hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> QueryFile {
        QueryFile::parse("a.iql", text)
    }

    fn warnings(text: &str) -> Vec<String> {
        let read = parse(text);
        read.warnings
            .iter()
            .map(|warning| {
                let line = warning.place.as_ref().map_or(0, |place| place.line);
                format!("{line}: {}", warning.message)
            })
            .collect()
    }

    #[test]
    fn anchors_have_names_options_and_lines() {
        let read = parse(
            "/* a header */\n\n/*+ Exists, retries=3, retry_delay=2 */ rest\n\nSELECT 1\n;\n  /*+ postdeploy,retries=0*/\nSELECT 2",
        );
        let exists = read.get("exists").expect("there");
        assert_eq!(exists.text, "/* a header */\n\n\nSELECT 1\n;");
        assert_eq!(exists.options.retries(), Some(3));
        assert_eq!(exists.options.delay(), Duration::from_secs(2));
        assert_eq!(exists.options.postdelete_retries(), 10);
        assert_eq!(exists.options.postdelete_delay(), Duration::from_secs(5));
        let check = read.get("statecheck").expect("there");
        assert_eq!((check.line, check.options.retries()), (8, Some(0)));
        assert!(read.warnings.is_empty(), "{:?}", read.warnings);
    }

    #[test]
    fn what_the_reference_passes_over_is_a_warning() {
        assert_eq!(
            warnings(
                "/*+ create, retries=-1, retrys=2, x */\nA\n/*+ create */\nB\n/*+ updte */\n\n"
            ),
            [
                "1: `-1` is no whole number, so that `retries` has its default",
                "1: `retrys` is no option of an anchor, and has no effect",
                "1: `x` is no option of an anchor",
                "3: the anchor `create` is there twice, and the last one counts",
                "5: `updte` is no anchor that anything runs",
                "5: the anchor `updte` has no statement, and counts as absent",
            ]
        );
        assert_eq!(
            parse("/*+ create */\nA\n/*+ create */\nB").get("create").map(|a| &*a.text),
            Some("B")
        );
        assert_eq!(
            warnings("SELECT 1"),
            ["1: the file has no anchor, so that nothing of it is run"]
        );
        assert!(parse("").anchors.is_empty());
    }
}
