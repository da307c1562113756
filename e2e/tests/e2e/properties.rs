//! Properties of SELECT over generated tables: pushdown, concurrency and the direction of bind
//! joins change the requests, never the rows.
//!
//! The service is an exchange in this process. The reference is DataFusion itself with the same
//! rows in memory. Each data set is also queried by a session whose optimizer lacks a random half
//! of the optional rules. `STRATAQL_FULL=1` runs fifty times as many cases.

#[path = "properties/documents.rs"]
mod documents;
#[path = "properties/exchange.rs"]
mod exchange;
#[path = "properties/forms.rs"]
mod forms;
#[path = "properties/queries.rs"]
mod queries;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::optimizer::Optimizer;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::TryStreamExt;
use strataql_engine::{Engine, EngineConfig, Parameters, Recording, Session, Settings};
use strataql_registry::{Origin, Registry, Settings as RegistrySettings, Source};

use self::exchange::{Data, Memory};
use self::queries::{Case, Order, Shape};

/// An exchange without a network.
pub(crate) struct Nowhere;

impl strataql_call::Exchange for Nowhere {
    fn exchange(
        &self,
        request: strataql_net::Request,
    ) -> futures::future::BoxFuture<'_, Result<strataql_net::Response, Box<strataql_diag::Report>>>
    {
        let message = format!("a request that nobody asked for: {}", request.url);
        Box::pin(async move { Err(Box::new(strataql_diag::Report::internal(message))) })
    }
}

/// Rounds that run side by side.
const WORKERS: usize = 2;

/// A statement that takes longer waits for something that never comes.
const PATIENCE: Duration = Duration::from_mins(2);

/// Cases per data set.
const CASES: u64 = 20;

/// A small generator of numbers; the same seed gives the same test.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `below`.
    pub(crate) fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % below
    }

    pub(crate) fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[usize::try_from(self.roll(from.len() as u64)).expect("small")]
    }
}

fn registry() -> Arc<Registry> {
    let folder = tempfile::tempdir().expect("a folder");
    for (provider, pushdown) in [("grid", true), ("plain", false)] {
        let root = folder.path().join("src").join(provider).join("v1");
        std::fs::create_dir_all(root.join("services")).expect("a folder");
        let [head, service] = documents::documents(provider, pushdown);
        std::fs::write(root.join("provider.yaml"), head).expect("written");
        std::fs::write(root.join("services/data.yaml"), service).expect("written");
    }
    let sources = vec![Source::folder(Origin::Registry, folder.path())];
    let registry = Registry::new(RegistrySettings { sources, cache_dir: None }).expect("documents");
    // everything is read now: the folder goes
    for provider in ["grid", "plain"] {
        registry.service(provider, "data").expect("a service");
    }
    Arc::new(registry)
}

/// A session whose optimizer lacks those rules.
fn session(
    registry: &Arc<Registry>,
    memory: &Arc<Memory>,
    concurrency: usize,
    without: &[&str],
) -> Session {
    let settings = Settings { scan_concurrency: concurrency, ..Settings::default() };
    let config = EngineConfig {
        registry: Arc::clone(registry),
        exchange: Arc::clone(memory) as _,
        environment: Arc::new(|_: &str| None),
        tables: None,
        recording: Recording::Off { folder: None },
    };
    Engine::without_rules(config, without).expect("an engine").session(settings)
}

/// Rules without which statements cannot be planned or resources lack the conditions they need. The
/// join that DataFusion makes of NOT IN minds NULL on its keys alone, so keys have to be found.
const NEEDED: &[&str] = &[
    "push_down_filter",
    "optimize_projections",
    "decorrelate_predicate_subquery",
    "scalar_subquery_to_join",
    "extract_equijoin_predicate",
    "decorrelate_lateral_join",
    "replace_distinct_aggregate",
    "rewrite_set_comparison",
    "join_selection",
    "eliminate_limit",
    "OutputRequirements",
    "EnsureRequirements",
];

/// The names of all other rules.
fn optional_rules() -> Vec<String> {
    let logical = Optimizer::new().rules;
    let physical = PhysicalOptimizer::new().rules;
    let mut names: Vec<String> = logical
        .iter()
        .map(|rule| rule.name().to_owned())
        .chain(physical.iter().map(|rule| rule.name().to_owned()))
        .filter(|name| !NEEDED.contains(&name.as_str()))
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The sessions that a case is asked in.
struct Sessions {
    /// Many requests at a time.
    wide: Session,
    /// One at a time.
    narrow: Session,
    /// Some optimizer rules are missing.
    stripped: Session,
    /// The missing rules.
    without: Vec<String>,
}

impl Sessions {
    fn open(registry: &Arc<Registry>, memory: &Arc<Memory>, dice: &mut Dice) -> Self {
        let mut without = optional_rules();
        without.retain(|_| dice.roll(2) == 0);
        let names: Vec<&str> = without.iter().map(String::as_str).collect();
        Self {
            wide: session(registry, memory, 32, &[]),
            narrow: session(registry, memory, 1, &[]),
            stripped: session(registry, memory, 32, &names),
            without,
        }
    }
}

type Rows = Vec<Vec<String>>;

fn cells(batches: &[RecordBatch]) -> Rows {
    let options = FormatOptions::default().with_null("NULL");
    batches
        .iter()
        .flat_map(|batch| {
            let columns: Vec<ArrayFormatter<'_>> = batch
                .columns()
                .iter()
                .map(|column| ArrayFormatter::try_new(column.as_ref(), &options).expect("shown"))
                .collect();
            (0..batch.num_rows())
                .map(|row| columns.iter().map(|column| column.value(row).to_string()).collect())
                .collect::<Vec<_>>()
        })
        .collect()
}

/// The rows and the requests of a statement.
async fn ask(session: &Session, memory: &Memory, sql: &str) -> Result<(Rows, Vec<String>), String> {
    memory.forget();
    let run = async {
        let parsed = Session::parse(sql)?;
        let result = session.run_statement(sql, &parsed[0], &Parameters::default()).await?;
        result.rows.try_collect::<Vec<RecordBatch>>().await
    };
    let batches = match tokio::time::timeout(PATIENCE, run).await {
        Ok(batches) => batches.map_err(|report| format!("{report:?}"))?,
        Err(_) => return Err(format!("no end after {:#?}", memory.log())),
    };
    Ok((cells(&batches), memory.log()))
}

/// The judge: the same rows in memory.
fn judge(data: &Data) -> SessionContext {
    let mut config = SessionConfig::new().with_target_partitions(1);
    config.options_mut().sql_parser.enable_ident_normalization = true;
    let context = SessionContext::new_with_config(config);
    for (name, batch) in data.tables() {
        context.register_batch(name, batch).expect("registered");
    }
    context
}

fn sorted(mut rows: Rows) -> Rows {
    rows.sort();
    rows
}

/// Rows of the first list that the second has not, counted.
fn missing(rows: &Rows, from: &Rows) -> Rows {
    let mut left: BTreeMap<&Vec<String>, usize> = BTreeMap::new();
    for row in from {
        *left.entry(row).or_default() += 1;
    }
    rows.iter()
        .filter(|row| match left.get_mut(row) {
            Some(count) if *count > 0 => {
                *count -= 1;
                false
            }
            _ => true,
        })
        .cloned()
        .collect()
}

/// One case; what is wrong, if something is.
async fn check(
    case: &Case,
    data: &Data,
    memory: &Memory,
    sessions: &Sessions,
    judge: &SessionContext,
) -> Result<(), String> {
    let frame = judge.sql(&case.judged()).await.map_err(|error| error.to_string())?;
    let batches = frame.collect().await.map_err(|error| error.to_string())?;
    let expected = cells(&batches);
    let sql = case.sql("grid.data.");
    let (rows, log) = ask(&sessions.wide, memory, &sql).await?;
    let (serial, _) = ask(&sessions.narrow, memory, &sql).await?;
    if case.order != Order::Chance && rows != serial {
        return Err(format!("parallel {rows:?}\nserial {serial:?}"));
    }
    let (plain, _) = ask(&sessions.wide, memory, &case.sql("plain.data.")).await?;
    let stripped = ask(&sessions.stripped, memory, &sql).await;
    let (stripped, _) = stripped.map_err(|why| format!("without {:?}: {why}", sessions.without))?;
    let ways = [("pushed", rows), ("serial", serial), ("plain", plain), ("stripped", stripped)];
    for (name, rows) in ways {
        let is_right = match case.limit {
            None if case.order == Order::Asked => rows == expected,
            None => sorted(rows.clone()) == sorted(expected.clone()),
            Some(limit) => {
                rows.len() == limit.min(expected.len()) && missing(&rows, &expected).is_empty()
            }
        };
        if !is_right {
            let without = &sessions.without;
            return Err(format!("{name} {rows:?}\njudge  {expected:?}\nstripped of {without:?}"));
        }
    }
    requests(case, data, &log)
}

/// The promises about requests.
fn requests(case: &Case, data: &Data, log: &[String]) -> Result<(), String> {
    let mut once = log.to_vec();
    once.sort();
    once.dedup();
    if once.len() != log.len() {
        return Err(format!("a request was made twice: {log:#?}"));
    }
    match &case.shape {
        Shape::List { passes } => {
            let Some(limit) = case.limit else { return Ok(()) };
            // what a reader of whole pages needs until it has the rows
            let last = data
                .parents
                .iter()
                .enumerate()
                .filter(|(_, parent)| passes(parent))
                .map(|(position, _)| position)
                .nth(limit.saturating_sub(1));
            let pages = match (limit, last) {
                (0, _) => 0,
                (_, Some(last)) => last / data.page + 1,
                (_, None) => data.pages(data.parents.len()),
            };
            if log.len() > pages {
                return Err(format!("{} requests where {pages} are enough: {log:#?}", log.len()));
            }
        }
        Shape::Fed { keys } => {
            let first: Vec<&String> = log
                .iter()
                .filter(|url| url.contains("/children") && !url.contains("cursor="))
                .collect();
            // a condition that nothing fulfils needs no request
            if case.limit.is_none() && !first.is_empty() && first.len() != keys(data) {
                return Err(format!("{} keys, and requests {log:#?}", keys(data)));
            }
        }
        Shape::Other => {}
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a test asks how it was started")]
fn rounds() -> u64 {
    let is_full = std::env::var("STRATAQL_FULL").is_ok_and(|value| value == "1");
    if is_full { 2_500 } else { 50 }
}

async fn round(number: u64, registry: &Arc<Registry>) -> Vec<String> {
    let mut dice = Dice::new(number + 1);
    let data = Arc::new(Data::generate(&mut dice));
    let memory = Arc::new(Memory::new(Arc::clone(&data)));
    let sessions = Sessions::open(registry, &memory, &mut dice);
    let judge = judge(&data);
    let mut wrong = Vec::new();
    for turn in 0..CASES {
        let case = Case::generate(&mut dice);
        if let Err(why) = check(&case, &data, &memory, &sessions, &judge).await {
            wrong.push(format!("round {number} case {turn}: {}\n{why}", case.sql("grid.data.")));
        }
    }
    wrong
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "the number of cases is worth knowing")]
async fn rows_do_not_depend_on_how_they_are_asked_for() {
    let registry = registry();
    let rounds = rounds();
    let mut tasks = tokio::task::JoinSet::new();
    for worker in (0..).take(WORKERS) {
        let registry = Arc::clone(&registry);
        tasks.spawn(async move {
            let mut wrong = Vec::new();
            for number in (worker..rounds).step_by(WORKERS) {
                wrong.extend(Box::pin(round(number, &registry)).await);
            }
            wrong
        });
    }
    let wrong: Vec<String> = tasks.join_all().await.concat();
    println!("{} cases", rounds * CASES);
    let shown: Vec<String> = wrong.iter().take(12).cloned().collect();
    assert!(wrong.is_empty(), "{} cases are wrong:\n{}", wrong.len(), shown.join("\n\n"));
}
