//! Scenario files: exact data and behaviour, as YAML.
//!
//! Owns: the keys (see `schemas/scenario.schema.json` in the repository) and their errors.
//! Refuses: reading files; the caller passes text.
//! Surprise: a collection with given objects has exactly these, for every parent; an object that
//! has its parent's parameters belongs to that parent only.

use std::time::Duration;

use indexmap::IndexMap;
use serde_json::{Map, Value as Json};
use strataql_diag::{Code, Report, did_you_mean};
use strataql_spec::{Node, yaml};

use crate::clock;
use crate::fault::{Fault, FaultKind, When};
use crate::options::{parse_duration, parse_rate};
use crate::rate::Rate;
use crate::task::Slow;

/// A parsed scenario.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scenario {
    /// Providers of the scenario, for the code that starts the server.
    pub providers: Vec<String>,
    /// Data by resource (`provider.service.resource`).
    pub objects: IndexMap<String, ScenarioObjects>,
    /// The only values of path parameters; requests with others get 404.
    pub parents: IndexMap<String, Vec<String>>,
    /// Maximum rows per page.
    pub page_size: Option<usize>,
    /// Delay before every response.
    pub latency: Option<Duration>,
    /// Limit of requests per logical host.
    pub rate: Option<Rate>,
    /// Faults.
    pub faults: Vec<Fault>,
    /// The time in responses, in seconds since 1970.
    pub clock: Option<i64>,
    /// True for identifiers `1`, `2`, … instead of generated ones.
    pub sequential_ids: bool,
    /// Objects of a generated list.
    pub rows: Option<usize>,
    /// True when an empty list omits its rows key.
    pub omit_empty: bool,
    /// Authentication.
    pub auth: AuthRules,
    /// Long-running operations.
    pub slow: Vec<Slow>,
}

/// The data of one resource.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ScenarioObjects {
    /// Exactly these objects; path parameters can be among the fields.
    pub objects: Option<Vec<Map<String, Json>>>,
    /// This many generated objects.
    pub rows: Option<usize>,
    /// See [`Scenario::omit_empty`].
    pub omit_empty: bool,
    /// Line in the scenario file.
    pub line: usize,
}

/// Authentication of a scenario.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct AuthRules {
    /// Whether requests need a credential.
    pub required: Option<bool>,
    /// Accepted client id.
    pub client_id: Option<String>,
    /// Accepted client secret.
    pub client_secret: Option<String>,
    /// Accepted bearer token.
    pub token: Option<String>,
    /// Lifetime of a token that the token endpoint states, in seconds.
    pub expires_in: Option<u64>,
    /// Number of requests after which an issued token is rejected.
    pub requests_per_token: Option<usize>,
}

impl std::fmt::Debug for AuthRules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthRules")
            .field("required", &self.required)
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}

const KEYS: &[&str] = &[
    "providers",
    "objects",
    "parents",
    "page_size",
    "latency",
    "rate",
    "faults",
    "clock",
    "ids",
    "rows",
    "empty",
    "auth",
    "slow",
];
const SLOW_KEYS: &[&str] = &["method", "pending", "failure"];
const OBJECT_KEYS: &[&str] = &["objects", "rows", "empty"];
const AUTH_KEYS: &[&str] =
    &["required", "client_id", "client_secret", "token", "expires_in", "requests_per_token"];
const FAULT_KEYS: &[&str] = &[
    "method",
    "path",
    "page",
    "request",
    "times",
    "status",
    "kind",
    "probability",
    "retry_after",
    "body",
    "when",
];

impl Scenario {
    /// Parses a scenario; `file` is its name in errors.
    ///
    /// # Errors
    /// `config` with the line of the first error.
    pub fn parse(text: &str, file: &str) -> Result<Self, Box<Report>> {
        let reader = Reader { file };
        let (root, _) = yaml::parse(text).map_err(|report| {
            let line = report.place.as_ref().map_or(1, |place| place.line);
            Box::new(Report { code: Code::Config, ..*report }.with_place(file, line))
        })?;
        reader.scenario(&root)
    }
}

struct Reader<'a> {
    file: &'a str,
}

type Read<T> = Result<T, Box<Report>>;

impl Reader<'_> {
    fn scenario(&self, root: &Node) -> Read<Scenario> {
        if !root.is_null() && root.map().is_none() {
            return Err(self.wrong(
                root,
                "the scenario is not a mapping",
                "start with a key such as `objects:`",
            ));
        }
        self.known(root, KEYS, "the scenario")?;
        let mut scenario =
            Scenario { providers: root.texts_at("providers"), ..Scenario::default() };
        for (name, node) in root.get("objects").into_iter().flat_map(Node::entries) {
            scenario.objects.insert(name.to_owned(), self.given(name, node)?);
        }
        scenario.parents = self.parents(root)?;
        scenario.page_size = self.count(root, "page_size")?;
        scenario.rows = self.count(root, "rows")?;
        scenario.latency = self.parsed(root, "latency", parse_duration)?;
        scenario.rate = self.parsed(root, "rate", parse_rate)?;
        scenario.omit_empty = self.omits(root)?;
        if let Some(node) = root.get("clock") {
            let moment = node.text().and_then(clock::parse);
            scenario.clock = Some(moment.ok_or_else(|| {
                self.wrong(
                    node,
                    "`clock` is not a time",
                    "write for example `2024-05-01T08:00:00Z`",
                )
            })?);
        }
        scenario.sequential_ids = self.choice(root, "ids", ["uuid", "sequential"])? == Some(1);
        for node in root.get("faults").map_or(&[][..], Node::items) {
            scenario.faults.push(self.fault(node)?);
        }
        for node in root.get("slow").map_or(&[][..], Node::items) {
            self.known(node, SLOW_KEYS, "`slow`")?;
            scenario.slow.push(Slow {
                method: node.string_at("method"),
                pending: self.count(node, "pending")?,
                failure: node.string_at("failure"),
            });
        }
        if let Some(node) = root.get("auth") {
            scenario.auth = self.auth(node)?;
        }
        if scenario.page_size == Some(0) {
            let node = root.get("page_size").unwrap_or(root);
            return Err(self.wrong(node, "`page_size` is 0", "a page has at least one row"));
        }
        Ok(scenario)
    }

    fn given(&self, name: &str, node: &Node) -> Read<ScenarioObjects> {
        let line = node.line as usize;
        if node.is_sequence() {
            return Ok(ScenarioObjects {
                objects: Some(self.objects(node)?),
                line,
                ..ScenarioObjects::default()
            });
        }
        if node.map().is_none() {
            let message = format!("`{name}` has neither objects nor a number of rows");
            return Err(self.wrong(node, &message, "write a list of objects, or `{rows: 700}`"));
        }
        self.known(node, OBJECT_KEYS, &format!("`{name}`"))?;
        Ok(ScenarioObjects {
            objects: node.get("objects").map(|objects| self.objects(objects)).transpose()?,
            rows: self.count(node, "rows")?,
            omit_empty: self.omits(node)?,
            line,
        })
    }

    fn parents(&self, root: &Node) -> Read<IndexMap<String, Vec<String>>> {
        let entries = root.get("parents").into_iter().flat_map(Node::entries);
        entries
            .map(|(name, node)| {
                let values: Option<Vec<String>> = if node.is_sequence() {
                    node.items().iter().map(|item| item.text().map(str::to_owned)).collect()
                } else {
                    node.text().map(|text| vec![text.to_owned()])
                };
                let message = format!("`{name}` has no values");
                let values = values.filter(|values| !values.is_empty()).ok_or_else(|| {
                    self.wrong(node, &message, &format!("write for example `{name}: [a1, a2]`"))
                })?;
                Ok((name.to_owned(), values))
            })
            .collect()
    }

    fn objects(&self, list: &Node) -> Read<Vec<Map<String, Json>>> {
        list.items()
            .iter()
            .map(|item| match item.to_json() {
                Json::Object(object) => Ok(object),
                _ => Err(self.wrong(item, "this is not an object", "write `{field: value, …}`")),
            })
            .collect()
    }

    fn fault(&self, node: &Node) -> Read<Fault> {
        self.known(node, FAULT_KEYS, "a fault")?;
        // a plain `null` is a kind, but not a string in YAML
        let is_null = node.map().and_then(|map| map.get("kind")).is_some_and(Node::is_null);
        let named = node.text_at("kind").or(is_null.then_some("null"));
        let kind = node.text_at("status").or(named);
        let kind = kind.ok_or_else(|| {
            self.wrong(
                node,
                "a fault has neither `status` nor `kind`",
                "add `status: 503` or `kind: reset`",
            )
        })?;
        let kind = FaultKind::parse(kind).map_err(|report| self.placed(node, *report))?;
        let seconds = self.parsed(node, "retry_after", |text| match text.parse() {
            Ok(seconds) => Ok(Duration::from_secs(seconds)),
            Err(_) => parse_duration(text),
        })?;
        let probability = self.parsed(node, "probability", |text| {
            text.parse::<f64>().ok().filter(|number| (0.0..=1.0).contains(number)).ok_or_else(
                || {
                    Box::new(
                        Report::new(Code::Config, format!("`{text}` is not a probability"))
                            .with_help("give a number from 0 to 1"),
                    )
                },
            )
        })?;
        let when = match self.choice(node, "when", ["before", "after", "answered"])? {
            Some(1) => When::After,
            Some(2) => When::Answered,
            _ => When::Before,
        };
        if when == When::Answered && kind != FaultKind::Hold {
            return Err(self.wrong(
                node,
                &format!("`when: answered` cannot be combined with `{kind}`"),
                "write `when: after`, or `kind: hold`",
            ));
        }
        Ok(Fault {
            kind,
            method: node.string_at("method"),
            path: node.string_at("path"),
            page: self.count(node, "page")?,
            request: self.count(node, "request")?,
            times: self.count(node, "times")?,
            probability,
            retry_after: seconds,
            body: node.get("body").map(Node::to_json),
            when,
        })
    }

    fn auth(&self, node: &Node) -> Read<AuthRules> {
        self.known(node, AUTH_KEYS, "`auth`")?;
        Ok(AuthRules {
            required: node.get("required").and_then(Node::flag),
            client_id: node.string_at("client_id"),
            client_secret: node.string_at("client_secret"),
            token: node.string_at("token"),
            expires_in: self.count(node, "expires_in")?.map(|seconds| seconds as u64),
            requests_per_token: self.count(node, "requests_per_token")?,
        })
    }

    fn omits(&self, node: &Node) -> Read<bool> {
        Ok(self.choice(node, "empty", ["list", "omit"])? == Some(1))
    }

    fn count(&self, node: &Node, key: &str) -> Read<Option<usize>> {
        let Some(child) = node.get(key) else { return Ok(None) };
        let number = child.text().and_then(|text| text.parse().ok());
        let help = format!("write for example `{key}: 2`");
        number
            .map(Some)
            .ok_or_else(|| self.wrong(child, &format!("`{key}` is not a whole number"), &help))
    }

    fn parsed<T>(&self, node: &Node, key: &str, read: impl Fn(&str) -> Read<T>) -> Read<Option<T>> {
        let Some(child) = node.get(key) else { return Ok(None) };
        let value = read(child.text().unwrap_or_default());
        value.map(Some).map_err(|report| self.placed(child, *report))
    }

    /// The index of a word among the allowed ones.
    fn choice<const N: usize>(
        &self,
        node: &Node,
        key: &str,
        words: [&str; N],
    ) -> Read<Option<usize>> {
        let Some(child) = node.get(key) else { return Ok(None) };
        let found = words.iter().position(|word| child.text() == Some(word));
        found.map(Some).ok_or_else(|| {
            let forms = words.map(|word| format!("`{key}: {word}`"));
            let help = format!("write {}", forms.join(" or "));
            self.wrong(child, &format!("`{key}` has an unknown value"), &help)
        })
    }

    fn known(&self, node: &Node, keys: &[&str], owner: &str) -> Read<()> {
        let Some((key, child)) = node.entries().find(|(key, _)| !keys.contains(key)) else {
            return Ok(());
        };
        let report = Report::new(Code::Config, format!("{owner} has no key `{key}`"))
            .with_help_if(did_you_mean(key, keys.iter().copied()))
            .with_help(format!("the keys are {}", keys.join(", ")));
        Err(self.placed(child, report))
    }

    fn wrong(&self, node: &Node, message: &str, help: &str) -> Box<Report> {
        self.placed(node, Report::new(Code::Config, message).with_help(help))
    }

    /// The report with its location; whatever the value, the file counts as configuration.
    fn placed(&self, node: &Node, report: Report) -> Box<Report> {
        Box::new(Report { code: Code::Config, ..report }.with_place(self.file, node.line as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_read() {
        let scenario = Scenario::parse(
            "providers: [p]\nparents: {account_id: [a1, 7]}\n\
             objects:\n  p.s.apps:\n    - {account_id: a1, name: one}\n  p.s.more: {rows: 700, empty: omit}\n\
             page_size: 2\nlatency: 50ms\nrate: 20/s\nrows: 9\nempty: omit\nids: sequential\n\
             clock: 2024-01-02T03:04:05Z\n\
             faults:\n  - {method: list, page: 2, times: 1, status: 503, retry_after: 2}\n  - {kind: reset, probability: 0.5, when: after}\n\
             auth: {required: false, token: t, expires_in: 60, requests_per_token: 3}\n\
             slow:\n  - {method: create, pending: 3, failure: full}\n  - {pending: 0}\n",
            "s.yaml",
        )
        .expect("valid");
        assert_eq!(scenario.providers, ["p"]);
        assert_eq!(scenario.parents["account_id"], ["a1", "7"]);
        let given = &scenario.objects["p.s.apps"];
        assert_eq!(given.objects.as_ref().map(Vec::len), Some(1));
        assert_eq!(scenario.objects["p.s.more"].rows, Some(700));
        assert!(scenario.objects["p.s.more"].omit_empty && scenario.omit_empty);
        assert_eq!((scenario.page_size, scenario.rows), (Some(2), Some(9)));
        assert_eq!(scenario.clock.map(clock::iso).as_deref(), Some("2024-01-02T03:04:05Z"));
        assert!(scenario.sequential_ids);
        assert_eq!(scenario.faults[0].retry_after, Some(Duration::from_secs(2)));
        assert_eq!(scenario.faults[1].when, When::After);
        assert_eq!(scenario.auth.requests_per_token, Some(3));
        assert_eq!(scenario.slow[0].failure.as_deref(), Some("full"));
        assert_eq!(scenario.slow[1].pending, Some(0));
        assert_eq!(Scenario::parse("", "s.yaml").expect("empty"), Scenario::default());
    }

    #[test]
    fn mistakes_have_their_line_and_a_suggestion() {
        for (text, line, help) in [
            ("rows: 3\npage_sise: 2", 2, "did you mean `page_size`?"),
            ("faults:\n  - {method: x}", 2, "add `status: 503` or `kind: reset`"),
            ("faults:\n  - {kind: rest}", 2, "did you mean `reset`?"),
            ("latency: soon", 1, "write for example `50ms` or `2s`"),
            ("objects:\n  p.s.r: 5", 2, "write a list of objects, or `{rows: 700}`"),
            ("objects:\n  p.s.r: {row: 5}", 2, "did you mean `rows`?"),
            ("clock: noon", 1, "write for example `2024-05-01T08:00:00Z`"),
            ("parents:\n  account_id: {}", 2, "write for example `account_id: [a1, a2]`"),
            ("ids: random", 1, "write `ids: uuid` or `ids: sequential`"),
            ("page_size: 0", 1, "a page has at least one row"),
            (
                "faults:\n  - {kind: reset, when: answered}",
                2,
                "write `when: after`, or `kind: hold`",
            ),
        ] {
            let report = Scenario::parse(text, "s.yaml").expect_err(text);
            assert_eq!(report.code, Code::Config, "{text}");
            assert_eq!(report.place.as_ref().map(|place| place.line), Some(line), "{text}");
            assert_eq!(report.help[0], help, "{text}");
        }
        let report = Scenario::parse("a: [", "s.yaml").expect_err("no YAML");
        assert_eq!(report.place.map(|place| place.file).as_deref(), Some("s.yaml"));
    }

    #[test]
    fn the_json_schema_has_the_same_keys() {
        let text = include_str!("../../../schemas/scenario.schema.json");
        let schema: Json = serde_json::from_str(text).expect("valid JSON");
        let check = |pointer: &str, keys: &[&str]| {
            let object = schema.pointer(pointer).and_then(Json::as_object).expect("properties");
            let mut found: Vec<&str> = object.keys().map(String::as_str).collect();
            let mut keys = keys.to_vec();
            found.sort_unstable();
            keys.sort_unstable();
            assert_eq!(found, keys, "{pointer}");
        };
        check("/properties", KEYS);
        check("/$defs/given/properties", OBJECT_KEYS);
        check("/$defs/fault/properties", FAULT_KEYS);
        check("/properties/auth/properties", AUTH_KEYS);
        check("/properties/slow/items/properties", SLOW_KEYS);
        let kinds = schema.pointer("/$defs/fault/properties/kind/enum").and_then(Json::as_array);
        for kind in kinds.expect("kinds") {
            let name = kind.as_str().unwrap_or("null");
            let kind = FaultKind::parse(name).expect("a kind");
            assert_eq!(kind.to_string(), name);
        }
    }

    #[test]
    fn secrets_of_a_scenario_never_show() {
        let scenario = Scenario::parse("auth: {client_secret: hush-hush, token: hush-hush}", "s")
            .expect("valid");
        assert!(!format!("{scenario:?}").contains("hush"));
    }
}
