//! The registry server of REGISTRY LIST and REGISTRY PULL.

use strataql_diag::{Redactor, Report};
use strataql_registry::{Listed, Pulled, Server};

use super::network::Network;
use super::{remote, store};
use crate::settings::Settings;

/// The configured server. It is reached when a statement needs it: most sessions never do.
pub(crate) struct Statements {
    settings: Settings,
    redactor: Redactor,
}

impl Statements {
    /// The server that the settings name; whether they do is told by the first statement.
    pub(crate) fn new(settings: &Settings, redactor: Redactor) -> Self {
        Self { settings: settings.clone(), redactor }
    }
}

impl Server for Statements {
    fn list(&self) -> Result<Vec<Listed>, Box<Report>> {
        let remote = remote(None, &self.settings)?;
        remote.list(&Network::new(&self.settings, self.redactor.clone())?)
    }

    fn pull(&self, provider: &str, version: Option<&str>) -> Result<Pulled, Box<Report>> {
        let remote = remote(None, &self.settings)?;
        let store = store(&self.settings)?;
        let network = Network::new(&self.settings, self.redactor.clone())?;
        remote.pull(&network, &store, provider, version)
    }
}
