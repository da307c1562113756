//! `strataql sandbox`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Commands for simulated providers.
#[derive(Debug, Subcommand)]
pub(crate) enum SandboxCommand {
    // its help text is at its arguments
    Serve(Box<ServeArguments>),
}

/// Serve simulated providers over HTTP on this machine
///
/// The server is generated from the providers' documents: token endpoints, objects that can be
/// created, changed and deleted, pages, errors in the provider's format. It listens on the loopback
/// interface only and prints its URL. `/__log` lists the requests it has received.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  strataql sandbox serve databricks_account --port 8080
  strataql sandbox serve databricks_account --page-size 2 --latency 50ms --rate 20/s --fault 503:2%
  strataql exec --endpoint databricks_account=http://127.0.0.1:8080 -i apps.sql")]
pub(crate) struct ServeArguments {
    /// The providers
    #[arg(value_name = "PROVIDER", required = true)]
    pub(crate) providers: Vec<String>,

    /// The port; 0 chooses a free one
    #[arg(long, default_value_t = 0)]
    pub(crate) port: u16,

    /// Objects and behaviour from a YAML file instead of generated ones
    #[arg(long, value_name = "FILE")]
    pub(crate) scenario: Option<PathBuf>,

    /// Read changes of an earlier run from a file, and write them to it at the end
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,

    /// Maximum rows per page
    #[arg(long, value_name = "N")]
    pub(crate) page_size: Option<usize>,

    /// Objects in every generated list
    #[arg(long, value_name = "N")]
    pub(crate) rows: Option<usize>,

    /// Delay before every response, such as `50ms`
    #[arg(long, value_name = "DURATION")]
    pub(crate) latency: Option<String>,

    /// Rate limit, above which the response is 429, such as `20/s`
    #[arg(long, value_name = "RATE")]
    pub(crate) rate: Option<String>,

    /// Inject faults, such as `503:2%,reset:1%`
    #[arg(long, value_name = "LIST")]
    pub(crate) fault: Vec<String>,

    /// Take provider documents from a folder: `file:PATH`
    #[arg(long, value_name = "SOURCE")]
    pub(crate) registry: Option<String>,
}

impl ServeArguments {
    /// The options by their names in `--sandbox=…`, for the one parser that knows their forms.
    pub(crate) fn options(&self) -> Vec<(&'static str, String)> {
        let number = |number: Option<usize>| number.map(|number| number.to_string());
        let mut options = vec![("port", self.port.to_string())];
        let given = [
            ("page-size", number(self.page_size)),
            ("rows", number(self.rows)),
            ("latency", self.latency.clone()),
            ("rate", self.rate.clone()),
        ];
        options.extend(given.into_iter().filter_map(|(name, value)| Some((name, value?))));
        options.extend(self.fault.iter().map(|fault| ("fault", fault.clone())));
        options
    }
}
