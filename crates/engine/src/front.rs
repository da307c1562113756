//! The front: a query's text to a logical plan.
//!
//! Owns: loading of the documents that a query names (once per name), re-spelling, AST rewrites,
//! planning with our own context, result labels.
//! Refuses: optimising and executing; DataFusion does.
//! Surprise: the text is parsed twice. The first parse tells which documents matter; with their
//! spelling of names known, identifiers are re-spelt (only case changes) and parsed again.

mod context;
mod json_paths;
mod labels;
mod outer_names;
mod rewrite;
mod using;
pub(crate) mod views;
mod wildcards;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::Result as DataFusionResult;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::OptimizerRule;
use datafusion::optimizer::rewrite_set_comparison::RewriteSetComparison;
use datafusion::sql::planner::SqlToRel;
use datafusion::sql::sqlparser::ast as sql;
use strataql_diag::{Code, Report, Span};
use strataql_functions::{self as functions, expand_rows};
use strataql_registry::Registry;
use strataql_sql::{Name, Parsed, Spelling, Statement, respell, words};

use crate::catalog::Catalog;
use crate::error::report_of;
use crate::parameters::Parameters;
use crate::plan::comparisons::settle_types;
use crate::plan::hoist::hoist;
use crate::plan::in_values::in_values;
use crate::plan::laterals::as_plain_joins;
use crate::plan::no_row::may_be_null;
use crate::plan::one_row::one_rows;
use crate::plan::only_value::only_values;
use crate::plan::same_names::distinct_names;
use crate::plan::set_all::count_copies;
use crate::plan::sort_keys::distinct_keys;
use crate::plan::subqueries::as_joins;
use crate::plan::top_rows::top_rows;
use crate::plan::totals::fenced;
use crate::plan::unequal::by_value;
use crate::settings::Settings;
use crate::table::{ResourceRef, Scope};
use crate::write::exec_table;

/// `(EXEC …)` in FROM, by the name that stands for it in the tree.
type ExecRelation = (String, Arc<dyn TableProvider>);

/// A query, planned.
pub(crate) struct Planned {
    pub(crate) plan: LogicalPlan,
    /// Labels of the output columns, as the user typed them.
    pub(crate) labels: Vec<String>,
}

/// What a query is planned in.
pub(crate) struct Front<'a> {
    pub(crate) state: &'a SessionState,
    pub(crate) registry: &'a Registry,
    pub(crate) settings: Arc<Settings>,
    pub(crate) environment: strataql_net::Environment,
    pub(crate) text: &'a str,
    /// Relations that are no resources.
    pub(crate) locals: &'a dyn Locals,
}

/// Relations of our own, found before provider names are tried.
pub(crate) trait Locals: Sync {
    /// The lower-case full name and the table that a name means, if it is one of ours.
    fn table(&self, name: &Name) -> Option<(String, Arc<dyn TableProvider>)>;

    /// The view that a name means, if it is one of ours.
    fn view(&self, _name: &Name) -> Option<views::Definition> {
        None
    }

    /// Names of one part that would mean something here, for suggestions.
    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    /// The alias and the table of a file that the statement reads.
    fn file(&self, _path: &str) -> Option<(String, Arc<dyn TableProvider>)> {
        None
    }
}

/// What a relation name of a statement stands for.
#[derive(Debug, Clone)]
pub(crate) enum Relation {
    /// A resource of a provider.
    Resource(Arc<ResourceRef>),
    /// A table of our own: system tables, local tables.
    Table(Arc<dyn TableProvider>),
}

/// Relations of a statement by lower-case full name.
#[derive(Debug, Default)]
pub(crate) struct Tables(HashMap<String, Relation>);

impl Tables {
    pub(crate) fn insert(&mut self, name: String, relation: Relation) {
        self.0.entry(name).or_insert(relation);
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Relation> {
        self.0.get(name)
    }

    /// The resource of that name.
    pub(crate) fn resource(&self, name: &str) -> Option<&Arc<ResourceRef>> {
        match self.0.get(name) {
            Some(Relation::Resource(resource)) => Some(resource),
            _ => None,
        }
    }
}

impl Front<'_> {
    /// Plans a query.
    ///
    /// # Errors
    /// Reports about names, types, missing values of bind parameters.
    pub(crate) fn plan(
        &self,
        parsed: &Parsed,
        query: &sql::Query,
        parameters: &Parameters,
    ) -> Result<Planned, Box<Report>> {
        self.plan_mentioning(parsed, query, parameters, &[])
    }

    /// As [`Self::plan`], as if the statement held some more words.
    ///
    /// # Errors
    /// As [`Self::plan`].
    pub(crate) fn plan_mentioning(
        &self,
        parsed: &Parsed,
        query: &sql::Query,
        parameters: &Parameters,
        more: &[&str],
    ) -> Result<Planned, Box<Report>> {
        let mut learnt = self.learn(query)?;
        let execs = self.execs(parsed)?;
        for (_, table) in &execs {
            for field in table.schema().fields() {
                learnt.spelling.add(field.name());
            }
        }
        let written = words(&parsed.tokens);
        if functions::row_functions().any(|(name, _)| written.contains(name)) {
            for name in functions::COLUMNS {
                learnt.spelling.add(name);
            }
        }
        let mut query = self.reread(parsed, learnt.spelling.clone())?;
        // numbers the values that `?` stands for, before a view repeats one of them
        rewrite::rewrite(&mut query)?;
        let mut mentioned: BTreeSet<String> = written.union(&learnt.words).cloned().collect();
        mentioned.extend(more.iter().map(|&word| word.to_owned()));
        let texts = labels::written(self.text, &parsed.tokens);
        self.plan_expanded(query, &learnt.spelling, Arc::new(mentioned), parameters, execs, &texts)
    }

    /// Plans a query that was made from a statement, its names spelt as the documents spell them.
    /// `mentioned` are the lower-case words of the statement.
    ///
    /// # Errors
    /// As [`Self::plan`].
    pub(crate) fn plan_derived(
        &self,
        query: sql::Query,
        mentioned: Arc<BTreeSet<String>>,
        parameters: &Parameters,
    ) -> Result<Planned, Box<Report>> {
        let learnt = self.learn(&query)?;
        let mentioned = mentioned.union(&learnt.words).cloned().collect();
        let mentioned = Arc::new(mentioned);
        self.plan_expanded(query, &learnt.spelling, mentioned, parameters, Vec::new(), &[])
    }

    /// The `(EXEC …)` relations of a statement, by the names that stand for them in its tree.
    fn execs(&self, parsed: &Parsed) -> Result<Vec<ExecRelation>, Box<Report>> {
        let catalog = Catalog { registry: self.registry, namespace: &self.settings.namespace };
        let tables = parsed.execs.iter().enumerate().map(|(position, exec)| {
            let table = exec_table(
                &|name| catalog.resource(name),
                exec,
                (self.text, parsed),
                &self.settings,
            )?;
            Ok((format!("exec_relation_{position}"), table))
        });
        tables.collect()
    }

    /// What a query and the views in it name.
    fn learn(&self, query: &sql::Query) -> Result<views::Learnt, Box<Report>> {
        views::Expander::new(self.locals, self.registry, self.text, None)
            .expand(&mut query.clone(), &self.settings.namespace)
    }

    fn plan_expanded(
        &self,
        mut query: sql::Query,
        spelling: &Spelling,
        mentioned: Arc<BTreeSet<String>>,
        parameters: &Parameters,
        execs: Vec<ExecRelation>,
        texts: &[String],
    ) -> Result<Planned, Box<Report>> {
        let labels = labels::Labels::of(&query, texts);
        let mut learnt =
            views::Expander::new(self.locals, self.registry, self.text, Some(spelling))
                .expand(&mut query, &self.settings.namespace)?;
        for (name, table) in execs {
            learnt.tables.insert(name, Relation::Table(table));
        }
        self.plan_tree(query, labels, learnt.tables, learnt.views, mentioned, parameters)
    }

    fn plan_tree(
        &self,
        mut query: sql::Query,
        labels: labels::Labels,
        tables: Tables,
        views: Vec<(Span, String)>,
        mentioned: Arc<BTreeSet<String>>,
        parameters: &Parameters,
    ) -> Result<Planned, Box<Report>> {
        let scope = Arc::new(Scope {
            views,
            words: mentioned,
            settings: Arc::clone(&self.settings),
            environment: Arc::clone(&self.environment),
        });
        let shapes = wildcards::Shapes::new(&tables, &scope, &self.settings.namespace);
        let qualified = shapes.rewrite(&mut query)?;
        rewrite::rewrite(&mut query)?;
        labels.make_unique(&mut query);
        let outer = outer_names::rewrite(&mut query);
        let context = context::Context::new(
            self.state,
            tables,
            Arc::clone(&scope),
            (qualified, outer),
            self.text,
        );
        let statement = sql::Statement::Query(Box::new(query));
        let describe = |error| in_view(report_of(&error, self.text), &scope);
        let plan = SqlToRel::new(&context).sql_statement_to_plan(statement);
        if let Some(refusal) = context.refusal() {
            return Err(in_view(refusal, &scope));
        }
        let plan = plan.map_err(describe)?;
        let plan = expand_rows(plan).map_err(describe)?;
        let plan = self.bind(plan, parameters)?;
        let plan = self.put_right(plan).map_err(describe)?;
        let labels = labels.for_schema(plan.schema());
        Ok(Planned { plan, labels })
    }

    /// The plan, with what DataFusion would answer wrongly or not at all in other terms.
    fn put_right(&self, plan: LogicalPlan) -> DataFusionResult<LogicalPlan> {
        let plan = count_copies(plan)?;
        let plan = distinct_keys(plan)?;
        let plan = one_rows(plan)?;
        let plan = top_rows(plan, self.state)?;
        let plan = may_be_null(plan)?;
        let plan = hoist(plan)?;
        // a rule of DataFusion's, early: what it makes is ours to plan
        let plan = RewriteSetComparison::new().rewrite(plan, self.state)?.data;
        let plan = in_values(plan)?;
        let plan = only_values(plan)?;
        let plan = by_value(plan, self.state)?;
        let plan = distinct_names(plan, self.state)?;
        let plan = fenced(plan)?;
        let plan = as_joins(plan, self.state)?;
        let plan = as_plain_joins(plan, self.state)?;
        settle_types(plan)
    }

    fn reread(&self, parsed: &Parsed, mut spelling: Spelling) -> Result<sql::Query, Box<Report>> {
        let mut tokens = parsed.tokens.clone();
        spelling.complete(&tokens);
        respell(&mut tokens, &spelling);
        let mut statement = strataql_sql::reparse(self.text, &tokens)?;
        while let Statement::Explain { inner, .. } = statement {
            statement = *inner;
        }
        match statement {
            Statement::Query(query) => Ok(*query),
            other => Err(Box::new(Report::internal(format!("{} is no query", other.keyword())))),
        }
    }

    /// Fills bind parameters.
    fn bind(&self, plan: LogicalPlan, parameters: &Parameters) -> Result<LogicalPlan, Box<Report>> {
        let names = plan.get_parameter_names().map_err(|error| report_of(&error, self.text))?;
        let missing: Vec<String> = names
            .iter()
            .map(|name| name.trim_start_matches(['$', ':']).to_owned())
            .filter(|name| !parameters.has(name))
            .collect();
        if let Some(first) = missing.first() {
            let quoted: Vec<String> = missing.iter().map(|name| format!("`{name}`")).collect();
            return Err(Box::new(
                Report::new(
                    Code::MissingParam,
                    format!("the statement's parameters {} have no value", quoted.join(", ")),
                )
                .with_help(format!("give `--param {first}=…`")),
            ));
        }
        if names.is_empty() {
            return Ok(plan);
        }
        plan.replace_params_with_values(&parameters.values())
            .map_err(|error| report_of(&error, self.text))
    }
}

/// The report, with the view whose text it is about.
fn in_view(mut report: Box<Report>, scope: &Scope) -> Box<Report> {
    let view = report.labels.iter().find_map(|label| scope.view_at(label.span));
    if let Some(view) = view {
        report.notes.insert(0, format!("it is about the text of the view `{view}`"));
    }
    report
}

/// Adds the spellings of a resource: its names, columns and parameters.
pub(crate) fn spell(spelling: &mut Spelling, resource: &ResourceRef) {
    spelling.add(&resource.provider.name);
    spelling.add(&resource.service.name);
    spelling.add(&resource.name);
    for column in resource.columns() {
        spelling.add(&column.name);
    }
    for parameter in resource.parameters() {
        spelling.add(&parameter);
    }
}
