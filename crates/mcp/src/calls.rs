//! What each tool does.
//!
//! Owns: the way from arguments to an answer, and the gate that every statement passes.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

use futures::future::BoxFuture;
use rmcp::model::CallToolResult;
use serde_json::{Value, json};
use strataql_diag::{Code, Report, listed};

use crate::answer;
use crate::approval::{Approval, Plan, refused};
use crate::arguments::Arguments;
use crate::backend::{Backend, Effect, Row, Statement, Stopped};
use crate::cursors::{Cursor, Cursors};
use crate::library;
use crate::mode::Decision;
use crate::options::{Options, Rendering};
use crate::text;
use crate::tools;

/// Whoever can approve statements.
pub(crate) trait Person: Send + Sync {
    /// Asks; gives the answer.
    fn ask(&self, question: String) -> BoxFuture<'_, Reply>;
}

/// What a person replied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    Accepted,
    Declined,
    Cancelled,
    /// The client cannot ask.
    Unavailable,
}

/// The tools of a server.
pub(crate) struct Calls {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) options: Options,
    pub(crate) transport: &'static str,
    pub(crate) cursors: Cursors,
}

type Answer = Result<CallToolResult, Box<Report>>;

impl Calls {
    /// Calls a tool. A failure is an answer, too: one with `isError`.
    pub(crate) async fn call(
        &self,
        name: &str,
        given: &Row,
        person: &dyn Person,
    ) -> CallToolResult {
        let began = Instant::now();
        let answer = self.answer(name, given, person).await;
        let code = answer.as_ref().err().map_or("", |report| report.code.id());
        tracing::info!(
            tool = name,
            mode = self.options.mode.name(),
            code,
            ms = began.elapsed().as_millis(),
            "tool"
        );
        let mut result = answer.unwrap_or_else(|report| answer::failure(&report));
        for content in &mut result.content {
            if let rmcp::model::ContentBlock::Text(block) = content {
                block.text = self.backend.redacted(&block.text);
            }
        }
        result
    }

    async fn answer(&self, name: &str, given: &Row, person: &dyn Person) -> Answer {
        let known = tools::arguments(name);
        let arguments = Arguments::of(given, &known)?;
        let rendering = arguments.rendering(self.options.rendering)?;
        let path = |parts: &[&str]| -> Result<String, Box<Report>> {
            let names: Result<Vec<&str>, _> =
                parts.iter().map(|part| arguments.name(part)).collect();
            Ok(names?.iter().map(|name| quoted(name)).collect::<Vec<_>>().join("."))
        };
        let resource = ["provider", "service", "resource"];
        let listing = match name {
            "list_providers" => Some("SHOW PROVIDERS".to_owned()),
            "list_services" => Some(format!("SHOW SERVICES IN {}", path(&resource[..1])?)),
            "list_resources" => Some(format!("SHOW RESOURCES IN {}", path(&resource[..2])?)),
            "list_methods" => Some(format!("SHOW METHODS IN {}", path(&resource)?)),
            "describe_resource" => Some(format!("DESCRIBE {}", path(&resource)?)),
            "describe_method" => {
                let target = path(&["provider", "service", "resource", "method"])?;
                Some(format!("DESCRIBE METHOD {target}"))
            }
            _ => None,
        };
        if let Some(sql) = listing {
            return self.within(self.rows(sql, &arguments, rendering)).await;
        }
        match name {
            "server_info" => Ok(answer::object(self.info(), rendering)),
            "search_schema" => self.within(self.search(&arguments, rendering)).await,
            "describe" => self.within(self.describe(&arguments, rendering)).await,
            "explain_requests" => self.within(self.explain(&arguments, rendering)).await,
            "validate_select_query" => self.within(self.validate(&arguments, rendering)).await,
            "run_select_query" => {
                let sql = arguments.needed("sql")?;
                self.only_reads(sql)?;
                self.within(self.rows(sql.to_owned(), &arguments, rendering)).await
            }
            "continue_result" => {
                let cursor = self.cursors.take(arguments.needed("continuation")?)?;
                self.within(self.part(cursor, &arguments, rendering)).await
            }
            "run_mutation_query" => self.change(name, &arguments, rendering, person).await,
            "run_lifecycle_operation" => self.change(name, &arguments, rendering, person).await,
            "reload_credentials" => self.within(self.reload(&arguments, rendering)).await,
            "query_library_search" => self.within(self.find(&arguments, rendering)).await,
            "query_library_get" => self.within(self.template(&arguments, rendering)).await,
            _ => Err(Box::new(
                Report::new(Code::Usage, format!("there is no tool `{name}`"))
                    .with_help("`tools/list` has the tools"),
            )),
        }
    }

    /// The answer, unless it takes too long.
    async fn within(&self, answer: impl Future<Output = Answer>) -> Answer {
        match tokio::time::timeout(self.options.timeout, answer).await {
            Ok(answer) => answer,
            Err(_) => Err(Box::new(
                Report::new(
                    Code::Timeout,
                    format!("the call took more than {} s", self.options.timeout.as_secs()),
                )
                .with_help("ask for less: more conditions, a LIMIT, fewer columns"),
            )),
        }
    }

    fn info(&self) -> Value {
        let about = self.backend.about();
        json!({
            "version": about.version,
            "commit": null,
            "build_date": null,
            "platform": format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
            "transport": self.transport,
            "sql_backend": "datafusion",
            "provider_registry": about.registry,
            "sandbox": about.is_sandbox,
            "mode": self.options.mode.name(),
            "is_read_only": self.options.mode == crate::mode::Mode::ReadOnly,
            "max_tokens": self.options.max_tokens,
        })
    }

    async fn rows(&self, sql: String, arguments: &Arguments<'_>, rendering: Rendering) -> Answer {
        let table = self.backend.query(sql).await?;
        self.part(Cursor::new(table), arguments, rendering).await
    }

    async fn part(
        &self,
        cursor: Cursor,
        arguments: &Arguments<'_>,
        rendering: Rendering,
    ) -> Answer {
        let rows = arguments.count("row_limit")?.unwrap_or(usize::MAX);
        let tokens = arguments.count("max_tokens")?.unwrap_or(usize::MAX);
        let mut part = cursor.part(rows, tokens.min(self.options.max_tokens)).await?;
        let rest = part.rest.take();
        let continuation = rest.map(|rest| self.cursors.keep(rest)).transpose()?;
        Ok(answer::part(part, continuation, rendering))
    }

    /// The statements of a text for the tool that takes them.
    fn statements(&self, sql: &str) -> Result<Vec<Statement>, Box<Report>> {
        let statements = self.backend.statements(sql)?;
        if statements.is_empty() {
            return Err(Box::new(
                Report::new(Code::Usage, "there is no statement to run")
                    .with_help("the text holds only blanks and comments"),
            ));
        }
        Ok(statements)
    }

    /// Refuses what is more or other than one query.
    fn only_reads(&self, sql: &str) -> Result<(), Box<Report>> {
        let statements = self.statements(sql)?;
        if let Some(other) = statements.iter().find(|one| one.effect != Effect::Select) {
            return Err(self.not_a_query(other));
        }
        if statements.len() > 1 {
            return Err(Box::new(
                Report::new(Code::Usage, "the tool takes one statement")
                    .with_help("call it once for each query"),
            ));
        }
        Ok(())
    }

    fn not_a_query(&self, statement: &Statement) -> Box<Report> {
        let keyword = &statement.keyword;
        if statement.effect == Effect::Session {
            return unchangeable(keyword);
        }
        if self.options.mode.decide(statement.effect) == Decision::Refuse {
            return self.refusal("run_select_query", keyword);
        }
        let tool = match statement.effect {
            Effect::Exec => "run_lifecycle_operation",
            _ => "run_mutation_query",
        };
        Box::new(
            Report::new(Code::ReadOnly, format!("`run_select_query` does not run {keyword}"))
                .with_help(format!("use `{tool}`, which may ask the user")),
        )
    }

    fn refusal(&self, tool: &str, keyword: &str) -> Box<Report> {
        let mode = self.options.mode;
        Box::new(
            Report::new(
                Code::ReadOnly,
                format!("tool `{tool}` refused {keyword}: server is in '{mode}' mode"),
            )
            .with_help("do not try again in another way; tell the user what was asked for"),
        )
    }

    /// Runs what changes something, if the mode and the person allow it.
    async fn change(
        &self,
        tool: &str,
        arguments: &Arguments<'_>,
        rendering: Rendering,
        person: &dyn Person,
    ) -> Answer {
        let sql = arguments.needed("sql")?;
        let statements = self.statements(sql)?;
        let mut decision = Decision::Allow;
        for statement in &statements {
            let keyword = &statement.keyword;
            if is_setting(statement) {
                return Err(unchangeable(keyword));
            }
            match self.options.mode.decide(statement.effect) {
                Decision::Refuse => return Err(self.refusal(tool, keyword)),
                Decision::Approve => decision = Decision::Approve,
                Decision::Allow => {}
            }
            let is_exec = statement.effect == Effect::Exec;
            let is_other =
                matches!(statement.effect, Effect::Write | Effect::Delete | Effect::Other);
            if tool == "run_lifecycle_operation" && is_other {
                return Err(another_tool(tool, keyword, "run_mutation_query"));
            }
            if tool == "run_mutation_query" && is_exec {
                return Err(another_tool(tool, keyword, "run_lifecycle_operation"));
            }
        }
        let limit = if decision == Decision::Approve {
            self.approve(tool, sql, person).await?;
            Some(self.options.approved_rows)
        } else {
            None
        };
        let run = self.backend.execute(sql.to_owned(), limit);
        let Ok(ran) = tokio::time::timeout(self.options.timeout, run).await else {
            return Err(Box::new(
                Report::new(
                    Code::WriteOutcomeUnknown,
                    format!("the statements took more than {} s", self.options.timeout.as_secs()),
                )
                .with_help(
                    "read each object to see whether it was changed before you repeat a statement",
                ),
            ));
        };
        match ran {
            Ok(done) => {
                let messages = answer::messages(&done);
                let value = json!({ "messages": messages, "timestamp": timestamp() });
                let shown = match rendering {
                    Rendering::Json => value.to_string(),
                    Rendering::Markdown => {
                        messages.iter().map(message).collect::<Vec<_>>().join("\n")
                    }
                };
                Ok(answer::done(shown, value))
            }
            Err(Stopped { report, done }) => {
                Ok(answer::failure_after(&report, Some(answer::messages(&done))))
            }
        }
    }

    /// Asks a person about the requests of the statements.
    ///
    /// # Errors
    /// `read-only` without an approval.
    async fn approve(&self, tool: &str, sql: &str, person: &dyn Person) -> Result<(), Box<Report>> {
        let options = &self.options;
        let plan = self.plan(sql).await?;
        let question = plan.question(tool, options.approved_rows, options.approval_ttl);
        let until = Instant::now() + options.approval_ttl;
        let question = self.backend.redacted(&question);
        let asked = tokio::time::timeout(options.approval_ttl, person.ask(question)).await;
        let Ok(reply) = asked else { return Err(refused("nobody answered in time")) };
        tracing::info!(tool, plan = %plan.hash, reply = ?reply, "approval");
        match reply {
            Reply::Accepted => {}
            Reply::Declined => return Err(refused("the user declined")),
            Reply::Cancelled => return Err(refused("the user cancelled the question")),
            Reply::Unavailable => {
                return Err(refused(&format!(
                    "server is in '{}' mode, in which a person approves `{tool}`, and the client does not support elicitation",
                    options.mode
                )));
            }
        }
        Approval::of(&plan, until).check(&self.plan(sql).await?)
    }

    async fn plan(&self, sql: &str) -> Result<Plan, Box<Report>> {
        let planned = self.backend.explain(sql.to_owned()).await?;
        Ok(Plan::new(sql, planned, self.options.mode))
    }

    async fn explain(&self, arguments: &Arguments<'_>, rendering: Rendering) -> Answer {
        let plan = self.plan(arguments.needed("sql")?).await?;
        let value = plan.as_json();
        let shown = match rendering {
            Rendering::Json => value.to_string(),
            Rendering::Markdown => {
                let mut lines = Vec::new();
                for statement in value["statements"].as_array().into_iter().flatten() {
                    lines.push(format!(
                        "**{}**",
                        statement["statement"].as_str().unwrap_or_default()
                    ));
                    let steps = statement["requests"].as_array().into_iter().flatten();
                    lines.extend(steps.map(text::pairs));
                }
                lines.join("\n")
            }
        };
        Ok(answer::done(shown, value))
    }

    async fn describe(&self, arguments: &Arguments<'_>, rendering: Rendering) -> Answer {
        let found = self.backend.describe(arguments.needed("sql")?.to_owned()).await?;
        let value = json!({
            "statement": found.keyword,
            "columns": answer::columns_as_json(&found.columns),
            "parameters": answer::columns_as_json(&found.parameters),
        });
        Ok(answer::object(value, rendering))
    }

    async fn validate(&self, arguments: &Arguments<'_>, rendering: Rendering) -> Answer {
        let sql = arguments.needed("sql")?;
        let checked = match self.only_reads(sql) {
            Ok(()) => self.backend.describe(sql.to_owned()).await.map(|_| ()),
            Err(report) => Err(report),
        };
        let checked = match checked {
            // what EXPLAIN takes is planned down to its requests, where a parameter may be missing
            Ok(()) if self.backend.statements(sql)?.iter().any(|one| is_planned(&one.keyword)) => {
                self.backend.explain(sql.to_owned()).await.map(|_| ())
            }
            other => other,
        };
        let errors: Vec<Value> = match &checked {
            Ok(()) => Vec::new(),
            Err(report) => vec![json!({
                "code": report.code.id(),
                "message": report.message,
                "help": report.help,
                "notes": report.notes,
            })],
        };
        let value = json!({ "valid": checked.is_ok(), "errors": errors });
        Ok(answer::object(value, rendering))
    }

    async fn search(&self, arguments: &Arguments<'_>, rendering: Rendering) -> Answer {
        let limit = arguments.count("limit")?.unwrap_or(10).min(50);
        let found = self.found(arguments.needed("query")?, arguments).await?;
        let total = found.len();
        let rows: Vec<Value> = found.iter().take(limit).map(library::resource).collect();
        let value = json!({ "rows": rows, "total": total, "truncated": total > limit });
        Ok(answer::object(value, rendering))
    }

    async fn found(
        &self,
        words: &str,
        arguments: &Arguments<'_>,
    ) -> Result<Vec<crate::backend::Found>, Box<Report>> {
        let provider = arguments.name_if("provider")?.map(str::to_owned);
        let service = arguments.name_if("service")?.map(str::to_owned);
        self.backend.search(words.to_owned(), provider, service).await
    }

    async fn find(&self, arguments: &Arguments<'_>, rendering: Rendering) -> Answer {
        let limit = arguments.count("limit")?.unwrap_or(5).min(20);
        let intent = arguments.needed("intent")?;
        let has_mutations = arguments.flag("include_mutations")?;
        let tags = arguments.texts("tags")?;
        let found = self.found(intent, arguments).await?;
        Ok(answer::object(library::hits(&found, intent, &tags, has_mutations, limit), rendering))
    }

    async fn template(&self, arguments: &Arguments<'_>, rendering: Rendering) -> Answer {
        let id = library::Id::parse(arguments.name("id")?)?;
        let (provider, service) = (Some(id.provider.clone()), Some(id.service.clone()));
        let found = self.backend.search(String::new(), provider, service).await?;
        let value = library::template(&found, &id, arguments.object("params")?)?;
        Ok(answer::object(value, rendering))
    }

    async fn reload(&self, arguments: &Arguments<'_>, rendering: Rendering) -> Answer {
        let provider = arguments.name_if("provider")?.map(str::to_owned);
        let (files, credentials) = self.backend.reload_credentials(provider).await?;
        let providers: Vec<Value> = credentials
            .iter()
            .map(|one| {
                json!({
                    "provider": one.provider,
                    "auth_type": one.auth_type,
                    "sourced_from": one.sourced_from,
                    "status": one.status,
                    "detail": one.detail,
                })
            })
            .collect();
        let value = json!({
            "env_file": files.first(),
            "env_file_sourced": !files.is_empty(),
            "env_files": files,
            "rows": providers,
            "providers": providers,
        });
        Ok(answer::object(value, rendering))
    }
}

/// True for statements that EXPLAIN takes.
fn is_planned(keyword: &str) -> bool {
    matches!(keyword, "SELECT" | "WITH" | "VALUES" | "TABLE")
}

/// True for what changes settings; a transaction is a part of the text that is run.
fn is_setting(statement: &Statement) -> bool {
    statement.effect == Effect::Session && matches!(statement.keyword.as_str(), "SET" | "USE")
}

fn unchangeable(keyword: &str) -> Box<Report> {
    Box::new(
        Report::new(Code::ReadOnly, format!("{keyword} does not run here"))
            .with_note("each call is a session of its own, with the settings of the server")
            .with_help("write names in full, and leave settings to whoever starts the server"),
    )
}

fn another_tool(tool: &str, keyword: &str, right: &str) -> Box<Report> {
    Box::new(
        Report::new(Code::Usage, format!("`{tool}` does not run {keyword}"))
            .with_help(format!("use `{right}`")),
    )
}

/// What a statement did, in a line.
fn message(value: &Value) -> String {
    let mut parts = vec![value["statement"].as_str().unwrap_or_default().to_owned()];
    if let Some(affected) = value["affected"].as_u64() {
        parts.push(format!("{affected} affected"));
    }
    let rows = value["rows"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut line = format!("- {}", parts.join(", "));
    for row in rows {
        line.push('\n');
        line.push_str(&text::pairs(row));
    }
    for note in value["notes"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        _ = write!(line, "\n- note: {}", text::clean(note));
    }
    line
}

fn quoted(name: &str) -> String {
    let parts = name.split('.').map(|part| format!("\"{}\"", part.replace('"', "\"\"")));
    parts.collect::<Vec<_>>().join(".")
}

/// Seconds since 1970.
fn timestamp() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |since| since.as_secs())
}

/// The names of the tools that are given but do not exist.
///
/// # Errors
/// `usage`.
pub(crate) fn check_tools(list: &[String]) -> Result<(), Box<Report>> {
    let known = tools::names();
    let unknown: Vec<&String> =
        list.iter().filter(|name| !known.contains(&name.as_str())).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let named: Vec<&str> = unknown.iter().map(|name| name.as_str()).collect();
    Err(Box::new(
        Report::new(Code::Usage, format!("there is no tool {}", listed(&named)))
            .with_help(format!("the tools are `{}`", known.join("`, `"))),
    ))
}
