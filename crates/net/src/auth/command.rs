//! Secrets that a program prints.
//!
//! Owns: [`Printed`], which runs the program of `credentialscommand` when the secret is needed first,
//! and again when the service refuses it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use strataql_diag::{Code, Report};
use strataql_spec::AuthConfig;

use super::ask::Asker;
use super::credential::Credential;
use super::grant::Grant;
use super::lookup::{Built, Lookup, Missing};
use super::machine::{Machine, program};
use super::secret::of_secret;
use super::token::Token;
use crate::failure::Failure;
use crate::sender::Sender;
use crate::settings::Program;

/// A credential whose secret a program prints.
pub(super) struct Printed {
    asker: Asker,
    machine: Machine,
    program: Program,
    config: AuthConfig,
    identity: u64,
}

impl Printed {
    /// The credential of a configuration with a command.
    pub(super) fn build(config: &AuthConfig, line: &str, lookup: &Lookup<'_>) -> Built<Self> {
        let program = program(line).ok_or_else(|| {
            lookup
                .report("has a `credentialscommand` that is no command line")
                .with_help("close its quotes; it is run without a shell")
        })?;
        let mut hasher = DefaultHasher::new();
        (config.kind.as_str(), line).hash(&mut hasher);
        let mut config = config.clone();
        config.credentials_command = None;
        Ok(Self {
            asker: lookup.asker(),
            machine: lookup.machine(),
            program,
            config,
            identity: hasher.finish(),
        })
    }

    async fn run(&self, core: &Arc<dyn Sender>) -> Result<Token, Failure> {
        let asked = core.clock().now();
        let name = self.program.name.clone();
        let text = self.machine.run(self.program.clone()).await;
        let text = text.map_err(|why| self.failed(&why.into_text()))?;
        let text = text.trim();
        if text.is_empty() {
            return Err(self.failed(&format!("`{name}` printed nothing")));
        }
        let mut config = self.config.clone();
        config.literal.insert("token".to_owned(), text.to_owned());
        let machine = &self.machine;
        let lookup = Lookup {
            provider: &self.asker.provider,
            environment: &machine.environment,
            read_file: &machine.read_file,
            fixed: None,
            redactor: &machine.redactor,
            run: &machine.run,
            is_users: true,
        };
        match of_secret(&config, &lookup) {
            Ok(Credential::Signer(signer)) => {
                Ok(Token::signing(signer, asked, None).from(format!("`{name}`")))
            }
            Ok(_) => Err(self.failed("its type has no place for a printed secret")),
            Err(Missing::Variable { name, how }) => {
                Err(self.failed(&format!("the environment variable `{name}` {how}")))
            }
            Err(Missing::Other(report)) => Err(self.asker.failure(*report, None)),
        }
    }

    fn failed(&self, why: &str) -> Failure {
        let message = format!("provider `{}` has no credential: {why}", self.asker.provider);
        let report = Report::new(Code::NoCredential, message)
            .with_help("run the `credentialscommand` by hand; it must print the secret alone");
        self.asker.failure(report, None)
    }
}

impl Grant for Printed {
    fn identity(&self) -> u64 {
        self.identity
    }

    fn principal(&self) -> String {
        format!("printed by `{}`", self.program.name)
    }

    fn fetch<'a>(
        &'a self,
        core: &'a Arc<dyn Sender>,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Token, Failure>> {
        self.run(core).boxed()
    }
}
