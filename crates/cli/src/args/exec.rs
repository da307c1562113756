//! `strataql exec`.

use std::path::PathBuf;

use clap::Args;

use super::StatementArguments;

/// Run SQL statements and print their results
///
/// Statements are separated by `;` and run in order; each result is printed when it is complete, or,
/// with `-o jsonl`, `csv`, `text`, `vertical` and `events`, as its rows arrive. The first failure ends the run. Results go to
/// stdout, everything else to stderr. The command never prompts.
///
/// `ASSERT condition` and `ASSERT SELECT …` check something: the exit code is 1 if the condition is
/// not true, or if the query has rows.
#[derive(Debug, Default, Args)]
#[command(after_help = "Examples:
  Read, with a simulated provider:
    strataql exec --sandbox \"SELECT name, app_id FROM databricks_account.oauth2.published_app_integration WHERE account_id = 'a1'\"
  Set `{{ account_id }}` in a file, leave out conditions without a value, write Parquet:
    strataql exec -i apps.sql --var account_id=a1 --drop-unset -o parquet -f apps.parquet
  Show the requests without sending them:
    strataql exec --dry-run -i apps.sql --vars prod.yaml
  Check a file of assertions, with a report for a CI server:
    strataql exec -i checks.sql --keep-going -o junit -f report.xml
  Statements from another program, rows to the next:
    generate | strataql exec -i - -o jsonl | jq .name")]
pub(crate) struct ExecArguments {
    /// The statements; stdin or a file with `-i`
    #[arg(value_name = "SQL", conflicts_with = "infile")]
    pub(crate) sql: Option<String>,

    /// Read the statements from a file, or from stdin with `-`; piped statements need no `-i`
    #[arg(short, long, value_name = "FILE")]
    pub(crate) infile: Option<PathBuf>,

    /// Explain every statement instead of running it; no request is sent
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Run the statements after a failed one, too
    ///
    /// Every failure is printed; the exit code is that of the first. A failure inside a transaction ends
    /// it: it is rolled back, and its remaining statements are not run.
    #[arg(long)]
    pub(crate) keep_going: bool,

    /// Fail with exit code 1 if a query has rows; the rows are printed
    #[arg(long)]
    pub(crate) fail_if_rows: bool,

    /// Print the time and the number of requests of each statement to stderr
    #[arg(long)]
    pub(crate) timing: bool,

    /// Allow writes whose WHERE has only a scope, such as an account
    #[arg(long)]
    pub(crate) all: bool,

    /// What every door for statements takes.
    #[command(flatten)]
    pub(crate) common: StatementArguments,
}
