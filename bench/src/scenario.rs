//! The scenarios and their targets.
//!
//! Surprise: a scenario that the measured command cannot run yet is reported as not measured; it is
//! not a failure, and never counts as met.

mod latency;
mod start;
mod throughput;
mod writes;

use crate::floor::Floor;
use crate::program::Program;
use crate::report::Figure;
use crate::server::Server;

/// Everything that scenarios share.
pub(crate) struct Bench {
    pub(crate) program: Program,
    pub(crate) floor: Floor,
    /// Runs of which the median counts.
    pub(crate) runs: usize,
}

/// One scenario.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) run: fn(&Bench) -> Result<Vec<Figure>, String>,
}

/// Every scenario, in the order of running.
pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "count",
        about: "count(*) of 1 M rows: 100 lists of 10 pages, and 1 list of 1,000 pages",
        run: throughput::count,
    },
    Scenario {
        name: "jsonl",
        about: "1 M rows as JSON lines; all columns",
        run: throughput::jsonl,
    },
    Scenario {
        name: "parquet",
        about: "1 M rows into a Parquet file; all columns",
        run: throughput::parquet,
    },
    Scenario {
        name: "memory",
        about: "peak memory of count(*) and JSON lines at 1 M and 3 M rows",
        run: throughput::memory,
    },
    Scenario {
        name: "first-line",
        about: "the first JSON line of a long list whose pages take 1 s each",
        run: latency::first_line,
    },
    Scenario {
        name: "scopes",
        about: "64 lists of 10 pages at 50 ms, 16 requests at once",
        run: latency::scopes,
    },
    Scenario {
        name: "limit",
        about: "LIMIT 15 of 14,000 rows in pages of 100 at 100 ms",
        run: latency::limit,
    },
    Scenario {
        name: "bind-join",
        about: "1,000 driver rows with 200 keys at 50 ms, 16 requests at once",
        run: latency::bind_join,
    },
    Scenario {
        name: "inserts",
        about: "1,000 INSERTs at 50 ms, 16 at once, with the change ledger and without",
        run: writes::inserts,
    },
    Scenario {
        name: "start",
        about: "--version, SELECT 1, SHOW SERVICES and a SELECT of one page, from start to exit",
        run: start::start,
    },
    Scenario {
        name: "metadata",
        about: "all of sys.methods over the registry that STRATAQL_TEST_REGISTRY names",
        run: start::metadata,
    },
];

/// The resource that is read.
const RESOURCE: &str = "databricks_account.oauth2.published_app_integration";

/// A server with these options.
fn server(options: &str) -> Result<Server, String> {
    let words: Vec<String> = options.split_whitespace().map(str::to_owned).collect();
    Server::start(&words)
}

/// The words of a statement against a server.
fn exec<'a>(endpoint: &'a str, format: &'a str, statement: &'a str) -> [&'a str; 6] {
    ["exec", "--endpoint", endpoint, "-o", format, statement]
}

/// The option that sends a provider's requests to a server.
fn endpoint(server: &Server) -> String {
    format!("databricks_account={}", server.url())
}

/// A condition on this many accounts.
fn accounts(count: usize) -> String {
    let names: Vec<String> = (1..=count).map(|number| format!("'a{number}'")).collect();
    format!("account_id IN ({})", names.join(", "))
}
