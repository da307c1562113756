//! Sessions of the engine behind the server of the PostgreSQL protocol.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use futures::TryStreamExt;
use strataql_diag::{Code, Redactor, Report};
use strataql_engine::{Engine, Parameters, Session, Settings};
use strataql_pg::{Answer, Backend, Description, Login, Notice, async_trait};
use tokio::runtime::Handle;

/// How long a statement that was cancelled may take to end with its session.
const SETTLING: Duration = Duration::from_millis(200);

/// What a user works with.
pub(crate) struct Role {
    pub(crate) engine: Arc<Engine>,
    pub(crate) settings: Settings,
}

/// Opens sessions by the roles of users.
pub(crate) struct EngineBackend {
    pub(crate) roles: HashMap<String, Role>,
    /// The role of all users, if there is no list of them.
    pub(crate) everybody: Option<Role>,
    pub(crate) workers: Handle,
    pub(crate) redactor: Redactor,
}

#[async_trait]
impl Backend for EngineBackend {
    async fn connect(&self, login: &Login) -> Result<Box<dyn strataql_pg::Session>, Box<Report>> {
        let role = self.roles.get(&login.user).or(self.everybody.as_ref()).ok_or_else(|| {
            Box::new(
                Report::new(Code::CredentialRefused, format!("`{}` has no role", login.user))
                    .with_help("add the user to the file of `--users`"),
            )
        })?;
        let session = role.engine.session(role.settings.clone()).on(self.workers.clone());
        session.log_in(strataql_engine::Login {
            user: login.user.clone(),
            database: login.database.clone(),
            version: format!("PostgreSQL {}", strataql_pg::VERSION),
        });
        Ok(Box::new(EngineSession { session, redactor: self.redactor.clone() }))
    }
}

struct EngineSession {
    session: Session,
    redactor: Redactor,
}

impl EngineSession {
    fn clean(&self, report: Box<Report>) -> Box<Report> {
        Box::new(report.redacted(&self.redactor))
    }
}

#[async_trait]
impl strataql_pg::Session for EngineSession {
    async fn describe(
        &self,
        text: &str,
        types: &[Option<DataType>],
    ) -> Result<Description, Box<Report>> {
        let text = &*self.session.with_plain_schemas(text);
        let described =
            self.session.describe_given(text, types).await.map_err(|report| self.clean(report))?;
        let mut parameters = Vec::new();
        for one in described.parameters {
            // clients give values by number only
            let Some(index) = one.name.parse::<usize>().ok().and_then(|n| n.checked_sub(1)) else {
                continue;
            };
            if index >= usize::from(u16::MAX) {
                return Err(Box::new(
                    Report::new(Code::Syntax, format!("there is no parameter ${}", one.name))
                        .with_help("parameters are $1 to $65535"),
                ));
            }
            if parameters.len() <= index {
                parameters.resize(index + 1, None);
            }
            parameters[index] = one.data_type;
        }
        Ok(Description { schema: described.schema, labels: described.labels, parameters })
    }

    async fn run(&self, text: &str, values: &[ArrayRef]) -> Result<Answer, Box<Report>> {
        let text = &*self.session.with_plain_schemas(text);
        let parsed = Session::parse(text).map_err(|report| self.clean(report))?;
        let mut parsed = parsed.into_iter();
        let Some(statement) = parsed.next() else { return Ok(Answer::nothing()) };
        if parsed.next().is_some() {
            return Err(Box::new(
                Report::new(Code::Syntax, "one statement can run at a time")
                    .with_help("end each statement with a semicolon"),
            ));
        }
        let mut parameters = Parameters::default();
        for (index, value) in values.iter().enumerate() {
            parameters.add_array(&(index + 1).to_string(), value.as_ref())?;
        }
        let started =
            self.session.start(Arc::from(text), Arc::new(statement), Arc::new(parameters));
        let result = started.await.map_err(|report| self.clean(report))?;
        let (redactor, outcome) = (self.redactor.clone(), result.outcome);
        let rows = {
            let redactor = redactor.clone();
            result.rows.map_err(move |report| Box::new(report.redacted(&redactor)))
        };
        let notices = move || {
            let notes = outcome.notes().into_iter();
            let notes = notes.map(|note| Notice::Note(redactor.redact(&note).into_owned()));
            let warnings = outcome.warnings().into_iter();
            let warnings = warnings.map(|one| Notice::Warning(Box::new(one.redacted(&redactor))));
            notes.chain(warnings).collect()
        };
        Ok(Answer {
            schema: result.schema,
            labels: result.labels,
            rows: Box::pin(rows),
            affected: result.affected,
            notices: Box::new(notices),
        })
    }

    async fn set(&self, name: &str, value: &str) -> Result<(), Box<Report>> {
        self.session.set(name, value)
    }

    fn in_transaction(&self) -> bool {
        self.session.open_transaction().is_some()
    }

    async fn close(&self) {
        if self.in_transaction() {
            // what an eager transaction cannot undo stays in the ledger
            if let Ok(answer) = self.run("ROLLBACK", &[]).await {
                let _rows = answer.rows.try_collect::<Vec<_>>().await;
            }
        }
        self.session.idle(SETTLING).await;
    }
}
