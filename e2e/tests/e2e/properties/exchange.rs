//! The service side of the properties: generated tables behind an exchange.

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

/// A row of `pairs`; `k` and `m` are what it is asked for by.
#[derive(Debug, Clone)]
struct Pair {
    k: String,
    m: i64,
    w: i64,
}

/// A row of `things`: a list shows `id` and `n`, a lookup `d` too.
#[derive(Debug, Clone)]
struct Thing {
    id: i64,
    n: Option<i64>,
    d: Option<String>,
}

/// The tables of one round.
#[derive(Debug)]
pub(crate) struct Data {
    pub(crate) parents: Vec<Parent>,
    children: Vec<Child>,
    items: Vec<Item>,
    pairs: Vec<Pair>,
    things: Vec<Thing>,
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
        let pairs = (0..dice.roll(40))
            .map(|w| Pair {
                k: format!("k{}", dice.roll(7)),
                m: number(dice),
                w: i64::try_from(w).expect("small"),
            })
            .collect();
        let things = (0..dice.roll(6))
            .map(|id| Thing {
                id: i64::try_from(id).expect("small"),
                n: {
                    let n = number(dice);
                    some(dice, n)
                },
                d: {
                    let d = dice.pick(&["x", "y", "k1", "k2"]).to_owned();
                    some(dice, d)
                },
            })
            .collect();
        Self { parents, children, items, pairs, things, page }
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
        let (pairs, things) = (&self.pairs, &self.things);
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
            (
                "pairs",
                batch(vec![
                    ("k", texts(pairs.iter().map(|row| Some(row.k.as_str())))),
                    ("m", numbers(pairs.iter().map(|row| Some(row.m)))),
                    ("w", numbers(pairs.iter().map(|row| Some(row.w)))),
                ]),
            ),
            (
                "things",
                batch(vec![
                    ("id", numbers(things.iter().map(|row| Some(row.id)))),
                    ("n", numbers(things.iter().map(|row| row.n))),
                    ("d", texts(things.iter().map(|row| row.d.as_deref()))),
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

    /// The body of an answer; `None` if there is no such object.
    fn answer(&self, request: &Request) -> Option<Json> {
        let query: Vec<(String, String)> = request.url.query_pairs().into_owned().collect();
        let given =
            |name: &str| query.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
        let path: Vec<&str> = request.url.path_segments().expect("a path").collect();
        let data = &self.data;
        let rows: Vec<Json> = match path.as_slice() {
            ["parents"] => data
                .parents
                .iter()
                // more than asked for: services compare loosely
                .filter(|row| {
                    given("g")
                        .is_none_or(|g| row.g.as_deref().is_some_and(|own| own.starts_with(g)))
                })
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
            ["parents", key, "pairs"] => {
                let m: i64 = given("m").expect("a required parameter").parse().expect("a number");
                let asked = data.pairs.iter().filter(|row| row.k == *key && row.m == m);
                asked.map(|row| json!({"w": row.w})).collect()
            }
            ["things"] => data.things.iter().map(|row| json!({"id": row.id, "n": row.n})).collect(),
            ["things", id] => {
                let thing = data.things.iter().find(|row| row.id.to_string() == *id)?;
                return Some(json!({"id": thing.id, "n": thing.n, "d": thing.d}));
            }
            other => panic!("no such path {other:?}"),
        };
        let start: usize = given("cursor").map_or(0, |cursor| cursor.parse().expect("a number"));
        let end = (start + data.page).min(rows.len());
        let next = (end < rows.len()).then(|| end.to_string());
        Some(json!({"items": rows[start.min(end)..end], "next": next}))
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
            let (status, body) = match self.answer(&request) {
                Some(body) => (200, body.to_string()),
                None => (404, json!({"message": "no such object"}).to_string()),
            };
            let mut headers = http::HeaderMap::new();
            headers.insert("content-type", "application/json".parse().expect("a value"));
            Ok(Response::new(status, headers, body, &request))
        }
        .boxed()
    }
}
