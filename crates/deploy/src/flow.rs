//! Build, test and teardown of stacks with query files.
//!
//! Owns: the flows of the reference tool, in the order of the manifest, with its messages.
//! Surprise: where the reference goes on after a failure that it should not pass over, these flows stop:
//! an error of a check is never taken for absence, and a write is not sent again unless it was refused.

mod auth;
mod build;
mod checks;
mod deeds;
mod explain;
mod exports;
mod native;
mod planned;
mod policy;
mod polling;
mod statements;
mod teardown;
mod test;

use std::time::Instant;

use strataql_diag::{Code, Report};

pub(crate) use self::explain::parameters_of;
pub use self::exports::{ExportFormat, Outputs};
pub(crate) use self::native::alike;
pub use self::test::Verdict;
use crate::condition;
use crate::iql::QueryFile;
use crate::journal::{Deed, Journal};
use crate::manifest::{Kind, Resource, Stack};
use crate::plan::Plan;
use crate::runner::{Host, Level, Runner};
use crate::scope::{Names, Scope};

/// What follows after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFailure {
    /// The run ends.
    #[default]
    Error,
    /// The run goes on with the next resource.
    Ignore,
    /// What the run created is deleted again.
    Rollback,
}

/// How a flow runs.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The environment of the stack.
    pub environment: String,
    /// Variables of the command line and of files.
    pub variables: std::collections::BTreeMap<String, String>,
    /// Nothing is changed, nothing is asked: statements are shown.
    pub dry_run: bool,
    /// Statements are shown before they run.
    pub show_queries: bool,
    /// What follows after a failure.
    pub on_failure: OnFailure,
    /// `test` ends at the first failure.
    pub fail_fast: bool,
    /// `test` runs scripts, and queries that write.
    pub run_scripts: bool,
    /// Only these resources; all of them if there are none.
    pub targets: Vec<String>,
    /// Plans have the requests of their statements.
    pub show_requests: bool,
    /// The plan that the run has to follow.
    pub plan: Option<Plan>,
    /// The journal of the run after which this one goes on.
    pub earlier: Option<Journal>,
    /// Commands and scripts that run again although they may have run before.
    pub rerun: Vec<String>,
}

/// How a flow ended.
#[derive(Debug, Clone, Default)]
pub struct Ended {
    /// What the stack exports.
    pub outputs: Outputs,
    /// The verdicts of `test`.
    pub verdicts: Vec<Verdict>,
    /// Resources that failed while failures are ignored.
    pub failed: Vec<String>,
    /// Deleted resources that may still be there.
    pub unconfirmed: Vec<String>,
    /// Changes that could not be taken back, and why.
    pub left: Vec<String>,
    /// The failure after which the run was taken back.
    pub failure: Option<Box<Report>>,
}

/// A flow.
pub struct Flow<'a> {
    stack: &'a Stack,
    options: &'a Options,
    runner: &'a dyn Runner,
    host: &'a dyn Host,
    scope: Scope<'a>,
    started: Instant,
    /// What this run did, for a rollback.
    deeds: Vec<Deed>,
    /// True while changes are taken back, which is no change of the run.
    is_undoing: bool,
    /// Lists that were read, by statement.
    lists: std::collections::HashMap<String, Vec<crate::runner::Row>>,
}

type Step<T> = Result<T, Box<Report>>;

impl<'a> Flow<'a> {
    /// A flow over a stack.
    ///
    /// # Errors
    /// `unset-variable`; `bad-manifest` for targets that are no resources; providers that are not there.
    pub fn new(
        stack: &'a Stack,
        options: &'a Options,
        runner: &'a dyn Runner,
        host: &'a dyn Host,
    ) -> Step<Self> {
        for target in &options.targets {
            if stack.resource(target).is_none() {
                let names = stack.resources.iter().map(|resource| &*resource.name);
                let help = strataql_diag::did_you_mean(target, names);
                return Err(Box::new(
                    Report::new(Code::Usage, format!("the stack has no resource `{target}`"))
                        .with_help(
                            help.unwrap_or_else(|| {
                                "`--target` is the name of a resource".to_owned()
                            }),
                        ),
                ));
            }
        }
        let scope = Scope::new(stack, &options.environment, &options.variables, host)?;
        let flow = Self {
            stack,
            options,
            runner,
            host,
            scope,
            started: Instant::now(),
            deeds: options.earlier.as_ref().map(Journal::deeds).unwrap_or_default(),
            is_undoing: false,
            lists: std::collections::HashMap::new(),
        };
        flow.check_providers()?;
        flow.check_plan()?;
        Ok(flow)
    }

    fn check_providers(&self) -> Step<()> {
        let installed = self.runner.providers();
        for pin in &self.stack.providers {
            let versions: Vec<&str> = installed
                .iter()
                .filter(|(name, _)| *name == pin.name)
                .map(|(_, version)| version.as_str())
                .collect();
            if versions.is_empty() {
                let is_used = self.stack.resources.iter().any(|resource| {
                    let prefix = format!("{}.", pin.name);
                    let of =
                        |text: &Option<String>| text.as_ref().is_some_and(|t| t.contains(&prefix));
                    of(&resource.sql)
                        || of(&resource.native)
                        || std::fs::read_to_string(resource.query_file(&self.stack.folder))
                            .is_ok_and(|text| text.contains(&prefix))
                });
                let report = Report::new(
                    Code::UnknownProvider,
                    format!("the provider `{}` is not installed", pin.name),
                )
                .with_place(&*self.stack.file, pin.line)
                .with_help(format!(
                    "pull it with `strataql registry pull {}`, or name a folder with `--registry`",
                    pin.name
                ));
                if is_used {
                    return Err(Box::new(report));
                }
                self.tell(
                    Level::Warn,
                    &format!("provider [{}] is not installed; no resource uses it", pin.name),
                );
            } else if let Some(version) = &pin.version
                && !versions.iter().any(|installed| installed == version)
            {
                self.tell(
                    Level::Warn,
                    &format!(
                        "provider [{}] has version [{}] here; the manifest asks for [{version}]",
                        pin.name,
                        versions.join(", ")
                    ),
                );
            }
        }
        Ok(())
    }

    fn tell(&self, level: Level, text: &str) {
        self.host.tell(level, text);
    }

    fn info(&self, text: &str) {
        self.tell(Level::Info, text);
    }

    /// The frame around the first and the last line.
    fn frame(&self, text: &str) -> Step<()> {
        let masked = self.host.masked(text);
        let rule = "─".repeat(masked.chars().count() + 2);
        self.host.print(&format!("┌{rule}┐\n│ {masked} │\n└{rule}┘\n"))
    }

    /// The first line of a run.
    fn begin(&self, doing: &str) -> Step<()> {
        let dry = if self.options.dry_run { " (dry run)" } else { "" };
        self.frame(&format!(
            "{doing} stack: [{}] in environment: [{}]{dry}",
            self.stack.name, self.options.environment
        ))
    }

    fn is_targeted(&self, resource: &Resource) -> bool {
        let is_planned = self.options.plan.as_ref().is_none_or(|plan| plan.has(&resource.name));
        let targets = &self.options.targets;
        is_planned && (targets.is_empty() || targets.contains(&resource.name))
    }

    /// The names of a resource, or nothing if its condition does not hold.
    fn entered(&self, resource: &Resource) -> Step<Option<Names>> {
        self.check_kind(resource)?;
        let names = self.scope.names(resource)?;
        Ok(self.applies(resource, &names)?.then_some(names))
    }

    /// The same, with a line of the log for a resource that is passed over.
    fn enter(&self, resource: &Resource) -> Step<Option<Names>> {
        let names = self.entered(resource)?;
        if names.is_none() {
            self.info(&format!(
                "Skipping resource [{}] due to condition: {}",
                resource.name,
                resource.condition.as_deref().unwrap_or_default()
            ));
        }
        Ok(names)
    }

    /// True if the condition of a resource holds.
    fn applies(&self, resource: &Resource, names: &Names) -> Step<bool> {
        let Some(text) = &resource.condition else { return Ok(true) };
        condition::holds(&self.scope.templates, text, &names.context()).map_err(|failure| {
            let what = format!("the condition of `{}`", resource.name);
            let mut report =
                self.scope.report(&failure, names, &what, (&self.stack.file, resource.line));
            if let Some(place) = &mut report.place {
                place.line = resource.line;
            }
            report
        })
    }

    fn progress(&self, at: usize, resource: &Resource) {
        self.info(&format!(
            "processing resource [{}] ({}/{}), type: {}",
            resource.name,
            at + 1,
            self.stack.resources.len(),
            resource.unknown_kind.as_deref().unwrap_or(resource.kind.name())
        ));
    }

    fn check_kind(&self, resource: &Resource) -> Step<()> {
        let Some(kind) = &resource.unknown_kind else { return Ok(()) };
        let known = Kind::ALL.map(Kind::name);
        let help = strataql_diag::did_you_mean(kind, known);
        Err(Box::new(
            self.stack
                .error(resource.line, format!("`{kind}` is no type of a resource"))
                .with_help(
                    help.unwrap_or_else(|| {
                        format!("the types are {}", crate::words::listed(&known))
                    }),
                ),
        ))
    }

    /// True for a resource whose statements come from the provider's document.
    fn is_native(&self, resource: &Resource) -> bool {
        resource.native.is_some() && !resource.query_file(&self.stack.folder).exists()
    }

    /// The query file of a resource; inline statements are its anchors.
    fn queries(&self, resource: &Resource) -> Step<QueryFile> {
        read_queries(self.stack, resource)
    }

    /// The value of elapsed time, as the reference prints it.
    fn elapsed(&self) -> String {
        format!("{:.2}s", self.started.elapsed().as_secs_f64())
    }
}

/// The query file of a resource; inline statements are its anchors.
pub(crate) fn read_queries(stack: &Stack, resource: &Resource) -> Step<QueryFile> {
    if let (Some(sql), Kind::Query | Kind::Command) = (&resource.sql, resource.kind) {
        let name = if resource.kind == Kind::Query { "exports" } else { "command" };
        let mut inline = QueryFile::parse(&stack.file, &format!("/*+ {name} */\nx"));
        if let Some(anchor) = inline.anchors.get_mut(name) {
            anchor.text.clone_from(sql);
            anchor.line = resource.line;
        }
        return Ok(inline);
    }
    let path = resource.query_file(&stack.folder);
    if resource.native.is_some() && !path.exists() {
        return Ok(QueryFile::default());
    }
    let text = std::fs::read_to_string(&path).map_err(|error| {
        stack
            .error(
                resource.line,
                format!("the query file of `{}` cannot be read: {error}", resource.name),
            )
            .with_help(format!("it is looked for at `{}`; `file:` names another", path.display()))
            .with_help(format!(
                "`resource: provider.service.{}` needs none, if a provider has that resource",
                resource.name
            ))
    })?;
    Ok(QueryFile::parse(&path.display().to_string(), &text))
}
