//! REGISTRY LIST and PULL.

use std::fs;
use std::io::ErrorKind;

use strataql_compat::documents::Place;
use strataql_compat::layout::Table;
use strataql_compat::{Line, messages};
use strataql_diag::{Code, Report};
use strataql_registry::{Fetch, Remote, Store};

use super::answer::Answer;
use super::session::{Session, is_local};
use crate::commands::registry::network::Network;
use crate::console::Console;
use crate::settings::Settings;

/// REGISTRY LIST, of one provider or all.
///
/// # Errors
/// The message for a folder, or for a server that cannot be read.
pub(super) fn list(
    line: &Line,
    session: &Session,
    console: &Console,
    provider: Option<&str>,
) -> Result<Answer, String> {
    if is_local(&session.documents) {
        return Err(messages::LOCAL_LIST.to_owned());
    }
    if line.is_on("offline") {
        return Err("the registry cannot be listed in offline mode".to_owned());
    }
    let said = |report: Box<Report>| report.message.clone();
    let network = Network::new(&Settings::default(), console.redactor.clone()).map_err(said)?;
    let listed = remote(session)?.list(&network).map_err(said)?;
    let rows = listed.iter().filter(|it| provider.is_none_or(|name| name == it.provider));
    let mut rows: Vec<(String, String)> = rows
        .map(|it| {
            let versions = match provider {
                Some(_) => it.versions.join(", "),
                None => it.latest().unwrap_or_default().to_owned(),
            };
            (it.provider.clone(), versions)
        })
        .collect();
    rows.sort();
    let labels = ["provider", if provider.is_some() { "versions" } else { "version" }];
    let rows = rows.iter().map(|(name, versions)| vec![name.as_str(), versions.as_str()]);
    Ok(Answer::rows(Table::of(&labels, rows)))
}

/// REGISTRY PULL. What was there of the provider goes once the new version is installed.
///
/// # Errors
/// The message for a provider or version that is not there, or an archive that cannot be installed.
pub(super) fn pull(
    session: &Session,
    console: &Console,
    provider: &str,
    version: Option<&str>,
) -> Result<Answer, String> {
    let said = |report: Box<Report>| report.message.clone();
    let documents = &session.documents;
    let target = if documents.src.is_empty() {
        documents.local_root.clone()
    } else {
        documents.local_root.join(&documents.src)
    };
    let store = Store::new(documents.local_root.clone());
    let pulled = match &documents.place {
        Place::Server(_) => {
            let network =
                Network::new(&Settings::default(), console.redactor.clone()).map_err(said)?;
            remote(session)?.pull(&network, &store, provider, version)
        }
        Place::Folder(root) => {
            let archives = Archives { root: root.join(&documents.dist) };
            Remote::new("http://localhost")
                .and_then(|remote| remote.pull(&archives, &store, provider, version))
        }
    };
    let pulled = pulled.map_err(said)?;
    let folder = if provider == "google" { "googleapis.com" } else { provider };
    let installed = target.join(folder);
    let others = fs::read_dir(&installed).into_iter().flatten().filter_map(Result::ok);
    for other in others.filter(|it| it.file_name().to_string_lossy() != pulled.version) {
        if other.path().is_dir() {
            fs::remove_dir_all(other.path()).map_err(|error| error.to_string())?;
        }
    }
    session.renew()?;
    Ok(Answer::said(messages::pulled(provider, &pulled.version)))
}

fn remote(session: &Session) -> Result<Remote, String> {
    let url = session.documents.index_url().unwrap_or_default();
    Remote::new(&url).map_err(|report| report.message.clone())
}

/// The archives of a folder, under the addresses that a server has.
struct Archives {
    root: std::path::PathBuf,
}

impl Fetch for Archives {
    fn fetch(&self, url: &str, limit: u64) -> Result<Vec<u8>, Box<Report>> {
        let path = url.strip_prefix("http://localhost/dist/").unwrap_or_default();
        let path = self.root.join(path);
        let bytes = fs::read(&path).map_err(|error| {
            let what =
                if error.kind() == ErrorKind::NotFound { "is not there" } else { "cannot be read" };
            Box::new(
                Report::new(Code::LocalIo, format!("the archive `{}` {what}", path.display()))
                    .with_help("put the archives of providers into `dist` of the registry folder"),
            )
        })?;
        if bytes.len() as u64 > limit {
            return Err(Box::new(
                Report::new(Code::UntrustedDocument, format!("`{}` is too large", path.display()))
                    .with_help("nothing was installed"),
            ));
        }
        Ok(bytes)
    }
}
