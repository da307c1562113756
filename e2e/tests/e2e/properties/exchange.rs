//! The remote side of the properties: generated tables behind an exchange, and documents for them.

use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value as Json, json};
use strataql_call::Exchange;
use strataql_diag::Report;
use strataql_net::{Request, Response};

use super::Dice;

/// A row of `parents`.
#[derive(Debug, Clone)]
pub(crate) struct Parent {
    pub(crate) k: String,
    pub(crate) n: Option<i64>,
    pub(crate) g: Option<String>,
}

/// A row of `children`; `k` is what it is asked for by.
#[derive(Debug, Clone)]
pub(crate) struct Child {
    k: String,
    id: i64,
    v: Option<i64>,
    t: Option<String>,
}

/// A row of `items`.
#[derive(Debug, Clone)]
struct Item {
    id: i64,
    a: Option<i64>,
    b: Option<String>,
    c: Option<bool>,
}

/// The tables of one round.
#[derive(Debug)]
pub(crate) struct Data {
    pub(crate) parents: Vec<Parent>,
    children: Vec<Child>,
    items: Vec<Item>,
    /// Rows of a page.
    pub(crate) page: usize,
}

fn some<T>(dice: &mut Dice, value: T) -> Option<T> {
    (dice.roll(5) > 0).then_some(value)
}

fn number(dice: &mut Dice) -> i64 {
    i64::try_from(dice.roll(6)).expect("small")
}

impl Data {
    pub(crate) fn generate(dice: &mut Dice) -> Self {
        let page = usize::try_from(1 + dice.roll(4)).expect("small");
        let count = dice.roll(12);
        let parents: Vec<Parent> = (0..count)
            .map(|_| Parent {
                // keys repeat: one request must do for all their rows
                k: format!("k{}", dice.roll(7)),
                n: {
                    let n = number(dice);
                    some(dice, n)
                },
                g: {
                    let g = dice.pick(&["x", "y", "xy", "it's"]).to_owned();
                    some(dice, g)
                },
            })
            .collect();
        let mut children = Vec::new();
        for key in 0..8 {
            for _ in 0..dice.roll(5) {
                children.push(Child {
                    k: format!("k{key}"),
                    id: i64::try_from(children.len()).expect("small"),
                    v: {
                        let v = number(dice);
                        some(dice, v)
                    },
                    t: {
                        let t = dice.pick(&["x", "y", "k1", "k2"]).to_owned();
                        some(dice, t)
                    },
                });
            }
        }
        let items = (0..dice.roll(14))
            .map(|id| Item {
                id: i64::try_from(id).expect("small"),
                a: {
                    let a = number(dice);
                    some(dice, a)
                },
                b: {
                    let b = dice.pick(&["x", "y", "xy", "it's"]).to_owned();
                    some(dice, b)
                },
                c: {
                    let c = dice.roll(2) == 0;
                    some(dice, c)
                },
            })
            .collect();
        Self { parents, children, items, page }
    }

    /// How many pages so many rows are.
    pub(crate) fn pages(&self, rows: usize) -> usize {
        rows.div_ceil(self.page).max(1)
    }

    /// The distinct keys of the parents that pass.
    pub(crate) fn keys(&self, passes: impl Fn(&Parent) -> bool) -> usize {
        let mut keys: Vec<&str> = self
            .parents
            .iter()
            .filter(|parent| passes(parent))
            .map(|parent| parent.k.as_str())
            .collect();
        keys.sort_unstable();
        keys.dedup();
        keys.len()
    }

    /// The tables for the judge.
    pub(crate) fn tables(&self) -> Vec<(&'static str, RecordBatch)> {
        fn texts<'a>(values: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
            Arc::new(values.collect::<StringArray>())
        }
        fn numbers(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
            Arc::new(values.collect::<Int64Array>())
        }
        let batch = |columns: Vec<(&str, ArrayRef)>| {
            let columns = columns.into_iter().map(|(name, array)| (name, array, true));
            RecordBatch::try_from_iter_with_nullable(columns).expect("a batch")
        };
        let (parents, children, items) = (&self.parents, &self.children, &self.items);
        let flags: BooleanArray = items.iter().map(|item| item.c).collect();
        vec![
            (
                "parents",
                batch(vec![
                    ("k", texts(parents.iter().map(|row| Some(row.k.as_str())))),
                    ("n", numbers(parents.iter().map(|row| row.n))),
                    ("g", texts(parents.iter().map(|row| row.g.as_deref()))),
                ]),
            ),
            (
                "children",
                batch(vec![
                    ("k", texts(children.iter().map(|row| Some(row.k.as_str())))),
                    ("id", numbers(children.iter().map(|row| Some(row.id)))),
                    ("v", numbers(children.iter().map(|row| row.v))),
                    ("t", texts(children.iter().map(|row| row.t.as_deref()))),
                ]),
            ),
            (
                "items",
                batch(vec![
                    ("id", numbers(items.iter().map(|row| Some(row.id)))),
                    ("a", numbers(items.iter().map(|row| row.a))),
                    ("b", texts(items.iter().map(|row| row.b.as_deref()))),
                    ("c", Arc::new(flags)),
                ]),
            ),
        ]
    }
}

/// The exchange.
pub(crate) struct Memory {
    data: Arc<Data>,
    log: Mutex<Vec<String>>,
}

impl Memory {
    pub(crate) fn new(data: Arc<Data>) -> Self {
        Self { data, log: Mutex::default() }
    }

    pub(crate) fn forget(&self) {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn answer(&self, request: &Request) -> Json {
        let query: Vec<(String, String)> = request.url.query_pairs().into_owned().collect();
        let given =
            |name: &str| query.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
        let path: Vec<&str> = request.url.path_segments().expect("a path").collect();
        let data = &self.data;
        let rows: Vec<Json> = match path.as_slice() {
            ["parents"] => data
                .parents
                .iter()
                .filter(|row| given("g").is_none_or(|g| row.g.as_deref() == Some(g)))
                .map(|row| json!({"k": row.k, "n": row.n, "g": row.g}))
                .collect(),
            ["parents", key, "children"] => data
                .children
                .iter()
                .filter(|row| row.k == *key)
                .map(|row| json!({"id": row.id, "v": row.v, "t": row.t}))
                .collect(),
            ["items"] => {
                let rows = data
                    .items
                    .iter()
                    .map(|row| json!({"id": row.id, "a": row.a, "b": row.b, "c": row.c}))
                    .filter(|row| given("$filter").is_none_or(|text| holds(text, row)))
                    .map(|row| match given("$select") {
                        Some(list) => {
                            list.split(',').map(|n| (n.to_owned(), row[n].clone())).collect()
                        }
                        None => row,
                    });
                let top = given("$top").map_or(usize::MAX, |top| top.parse().expect("a number"));
                rows.take(top).collect()
            }
            other => panic!("no such path {other:?}"),
        };
        let start: usize = given("cursor").map_or(0, |cursor| cursor.parse().expect("a number"));
        let end = (start + data.page).min(rows.len());
        let next = (end < rows.len()).then(|| end.to_string());
        json!({"items": rows[start.min(end)..end], "next": next})
    }
}

/// The value of a filter: comparisons, `startswith`, `(… or …)`, joined by ` and `.
fn holds(text: &str, row: &Json) -> bool {
    split(text, " and ").iter().all(|part| {
        match part.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
            Some(inner) => split(inner, " or ").iter().any(|arm| holds(arm, row)),
            None => compares(part, row),
        }
    })
}

/// The parts between separators outside of parentheses; texts hold neither.
fn split<'t>(text: &'t str, by: &str) -> Vec<&'t str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ if depth == 0 && at >= start && text[at..].starts_with(by) => {
                parts.push(&text[start..at]);
                start = at + by.len();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn compares(text: &str, row: &Json) -> bool {
    let plain = |text: &str| text.trim_matches('\'').replace("''", "'");
    if let Some(rest) = text.strip_prefix("startswith(") {
        let (name, prefix) = rest.trim_end_matches(')').split_once(',').expect("two arguments");
        return row[name].as_str().is_some_and(|own| own.starts_with(&plain(prefix)));
    }
    let mut words = text.splitn(3, ' ');
    let (name, op, value) = (
        words.next().expect("a name"),
        words.next().expect("an operator"),
        words.next().expect("a value"),
    );
    let order = match &row[name] {
        Json::Null => return op == "ne",
        Json::Bool(own) => own.to_string().cmp(&value.to_owned()),
        Json::Number(own) => {
            let (own, value) = (own.as_f64().expect("a number"), value.parse::<f64>());
            own.total_cmp(&value.expect("a number"))
        }
        Json::String(own) => own.cmp(&plain(value)),
        other => panic!("{other} has no order"),
    };
    match op {
        "eq" => order.is_eq(),
        "ne" => order.is_ne(),
        "lt" => order.is_lt(),
        "le" => order.is_le(),
        "gt" => order.is_gt(),
        "ge" => order.is_ge(),
        other => panic!("no operator `{other}`"),
    }
}

impl Exchange for Memory {
    fn exchange(&self, request: Request) -> BoxFuture<'_, Result<Response, Box<Report>>> {
        async move {
            let turns = {
                let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
                log.push(request.url.to_string());
                log.len() * 7 % 5
            };
            // answers overtake each other
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
            let body = self.answer(&request).to_string();
            let mut headers = http::HeaderMap::new();
            headers.insert("content-type", "application/json".parse().expect("a value"));
            Ok(Response::new(200, headers, body, &request))
        }
        .boxed()
    }
}

/// Provider and service: with everything that can be pushed down, or with what cannot be left out.
pub(crate) fn documents(provider: &str, pushdown: bool) -> [String; 2] {
    let head = format!(
        "id: {provider}\nname: {provider}\nversion: v1\ntitle: {provider}\ndescription: Exists in tests only.\n\
         providerServices:\n  data:\n    id: data:v1\n    name: data\n    preferred: true\n    \
         service: {{$ref: {provider}/v1/services/data.yaml}}\n    title: Data\n    version: v1\n    description: Tables.\n\
         config:\n  auth:\n    type: null_auth\n"
    );
    let (group, clauses) = if pushdown {
        (
            "        - {name: g, in: query, schema: {type: string}}\n",
            "            queryParamPushdown:\n              filter: {dialect: odata}\n              \
             select: {dialect: odata}\n              top: {dialect: odata}\n",
        )
    } else {
        ("", "")
    };
    let list = |path: &str, id: &str, parameters: &str, row: &str| {
        format!(
            "  {path}:\n    get:\n      operationId: {id}\n      parameters:\n{parameters}        \
             - {{name: cursor, in: query, schema: {{type: string}}}}\n      responses:\n        \
             '200': {{description: rows, content: {{application/json: {{schema: {{type: object, properties: {{items: {{type: array, items: {{type: object, properties: {{{row}}}}}}}, next: {{type: string}}}}}}}}}}}}\n"
        )
    };
    let resource = |name: &str, path: &str, clauses: &str| {
        let path = path.replace('/', "~1");
        format!(
            "    {name}:\n      id: {provider}.data.{name}\n      name: {name}\n      methods:\n        list:\n          \
             operation: {{$ref: '#/paths/{path}/get'}}\n          \
             response: {{mediaType: application/json, openAPIDocKey: '200', objectKey: $.items}}\n          \
             config:\n            pagination:\n              requestToken: {{key: cursor, location: query}}\n              \
             responseToken: {{key: $.next, location: body}}\n{clauses}      \
             sqlVerbs:\n        select: [{{$ref: '#/components/x-stackQL-resources/{name}/methods/list'}}]\n"
        )
    };
    let service = [
        format!(
            "openapi: 3.0.3\ninfo: {{title: data, version: v1}}\nservers:\n  - url: https://{provider}.example.com\npaths:\n"
        ),
        list(
            "/parents",
            "parents",
            group,
            "k: {type: string}, n: {type: integer}, g: {type: string}",
        ),
        list(
            "/parents/{k}/children",
            "children",
            "        - {name: k, in: path, required: true, schema: {type: string}}\n",
            "id: {type: integer}, v: {type: integer}, t: {type: string}",
        ),
        list(
            "/items",
            "items",
            "",
            "id: {type: integer}, a: {type: integer}, b: {type: string}, c: {type: boolean}",
        ),
        "components:\n  x-stackQL-resources:\n".to_owned(),
        resource("parents", "/parents", ""),
        resource("children", "/parents/{k}/children", ""),
        resource("items", "/items", clauses),
    ];
    [head, service.concat()]
}
