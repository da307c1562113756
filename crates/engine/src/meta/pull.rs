//! REGISTRY LIST and REGISTRY PULL.
//!
//! Surprise: a registry server is asked on a thread that may wait, since its client blocks. A pull that has
//! begun goes on when its statement is abandoned: it installs all or nothing.

use std::sync::Arc;

use strataql_diag::{Code, Report, did_you_mean};
use strataql_query::result_set::ResultSet;
use strataql_query::statement::Statement;
use strataql_query::text_table::text_table;
use strataql_registry::{Listed, Server};
use strataql_sql::Registry;

/// Runs the statement.
///
/// # Errors
/// `unsupported-syntax` in a session without a registry server, and those of [`Server`].
pub(crate) async fn run(
    statement: &Statement,
    server: Option<&Arc<dyn Server>>,
    what: &Registry,
) -> Result<ResultSet, Box<Report>> {
    let Some(server) = server else {
        return Err(Box::new(
            Report::new(Code::UnsupportedSyntax, "this session has no registry server")
                .with_label(statement.parsed.span, "")
                .with_help(
                    "run it with `strataql exec` or in the shell, without `--sandbox`; `SHOW PROVIDERS` lists what is here",
                ),
        ));
    };
    let server = Arc::clone(server);
    match what.clone() {
        Registry::List(provider) => {
            let listed = waiting(move || server.list()).await?;
            list(&listed, provider.as_deref())
        }
        Registry::Pull(provider, version) => {
            let pulled = waiting(move || server.pull(&provider, version.as_deref())).await?;
            statement.registry().reload()?;
            let row = vec![
                Some(pulled.provider),
                Some(pulled.version),
                Some(if pulled.was_there { "was installed" } else { "installed" }.to_owned()),
                pulled.in_use,
            ];
            text_table(&["provider", "version", "status", "version_in_use"], vec![row])
                .map(ResultSet::of_batch)
        }
    }
}

/// Runs what blocks.
async fn waiting<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Box<Report>> + Send + 'static,
) -> Result<T, Box<Report>> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Box::new(Report::internal(error.to_string())))?
}

/// All providers with their highest versions, or one with all of them.
fn list(listed: &[Listed], provider: Option<&str>) -> Result<ResultSet, Box<Report>> {
    let Some(wanted) = provider else {
        let rows = listed
            .iter()
            .map(|it| vec![Some(it.provider.clone()), it.latest().map(str::to_owned)])
            .collect();
        return text_table(&["provider", "version"], rows).map(ResultSet::of_batch);
    };
    let Some(found) = listed.iter().find(|it| it.provider.eq_ignore_ascii_case(wanted)) else {
        let names = listed.iter().map(|it| it.provider.as_str());
        return Err(Box::new(
            Report::new(Code::UnknownProvider, format!("the registry has no provider `{wanted}`"))
                .with_help_if(did_you_mean(wanted, names))
                .with_help("`REGISTRY LIST` lists them all"),
        ));
    };
    let row = vec![Some(found.provider.clone()), Some(found.versions.join(", "))];
    text_table(&["provider", "versions"], vec![row]).map(ResultSet::of_batch)
}
