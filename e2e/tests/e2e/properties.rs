//! Properties of SELECT over generated tables: what is pushed down, how much runs at once and which
//! side of a join is fed change the requests, never the rows.
//!
//! The other side is an exchange in this process. The judge is DataFusion itself, with the same rows
//! in memory. `STRATAQL_FULL=1` runs fifty times as many cases.

#[path = "properties/exchange.rs"]
mod exchange;
#[path = "properties/queries.rs"]
mod queries;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::prelude::{SessionConfig as EngineConfig, SessionContext};
use futures::TryStreamExt;
use strataql_engine::{Parameters, Recording, Session, SessionConfig, Settings};
use strataql_registry::{Origin, Registry, Settings as RegistrySettings, Source};

use self::exchange::{Data, Memory};
use self::queries::{Case, Shape};

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
        let [head, service] = exchange::documents(provider, pushdown);
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

fn session(registry: &Arc<Registry>, memory: &Arc<Memory>, concurrency: usize) -> Session {
    let settings = Settings { scan_concurrency: concurrency, ..Settings::default() };
    Session::new(SessionConfig {
        registry: Arc::clone(registry),
        exchange: Arc::clone(memory) as _,
        environment: Arc::new(|_: &str| None),
        settings,
        tables: None,
        recording: Recording::Off { folder: None },
    })
    .expect("a session")
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
    let batches = run.await.map_err(|report| format!("{report:?}"))?;
    Ok((cells(&batches), memory.log()))
}

/// The judge: the same rows in memory.
fn judge(data: &Data, stock_rules: bool) -> SessionContext {
    let mut config = EngineConfig::new().with_target_partitions(1);
    config.options_mut().sql_parser.enable_ident_normalization = true;
    let context = SessionContext::new_with_config(config);
    if !stock_rules {
        for name in [
            "push_down_filter",
            "push_down_limit",
            "optimize_projections",
            "eliminate_outer_join",
            "eliminate_join",
            "common_sub_expression_eliminate",
        ] {
            context.remove_optimizer_rule(name);
        }
    }
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
    memory: &Arc<Memory>,
    [wide, narrow]: [&Session; 2],
    judges: [&SessionContext; 2],
) -> Result<(), String> {
    let mut expected = Vec::new();
    for judge in judges {
        let frame = judge.sql(&case.judged()).await.map_err(|error| error.to_string())?;
        let batches = frame.collect().await.map_err(|error| error.to_string())?;
        expected.push(sorted(cells(&batches)));
    }
    if expected[0] != expected[1] {
        return Err("the judges do not agree".to_owned());
    }
    let expected = expected.remove(0);
    let sql = case.sql("grid.data.");
    let (rows, log) = ask(wide, memory, &sql).await?;
    let (serial, _) = ask(narrow, memory, &sql).await?;
    let is_same = match (case.is_ordered(), case.limit) {
        (true, _) => rows == serial,
        (false, None) => sorted(rows.clone()) == sorted(serial.clone()),
        (false, Some(_)) => rows.len() == serial.len(),
    };
    if !is_same {
        return Err(format!("parallel {rows:?}\nserial {serial:?}"));
    }
    let (plain, _) = ask(wide, memory, &case.sql("plain.data.")).await?;
    match case.limit {
        None => {
            for (name, rows) in [("pushed", rows.clone()), ("plain", plain)] {
                if sorted(rows.clone()) != expected {
                    return Err(format!("{name} {:?}\njudge  {expected:?}", sorted(rows)));
                }
            }
        }
        Some(limit) => {
            let count = limit.min(expected.len());
            for (name, rows) in [("pushed", &rows), ("serial", &serial), ("plain", &plain)] {
                if rows.len() != count || !missing(rows, &expected).is_empty() {
                    return Err(format!("{name} {rows:?}\n{limit} of the judge's {expected:?}"));
                }
            }
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
            if case.limit.is_none() && first.len() != keys(data) {
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
    let (wide, narrow) = (session(registry, &memory, 32), session(registry, &memory, 1));
    let judges = [judge(&data, true), judge(&data, false)];
    let mut wrong = Vec::new();
    for turn in 0..CASES {
        let case = Case::generate(&mut dice);
        let sessions = [&wide, &narrow];
        if let Err(why) = check(&case, &data, &memory, sessions, [&judges[0], &judges[1]]).await {
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
