//! The front: a query's text to a logical plan.
//!
//! Owns: loading of the documents that a query names (once per name), re-spelling, AST rewrites,
//! planning with our own context, result labels.
//! Refuses: optimising and executing; DataFusion does.
//! Surprise: the text is parsed twice. The first parse tells which documents matter; with their
//! spelling of names known, identifiers are re-spelt (only case changes) and parsed again.

mod compat;
mod context;
mod empty_tables;
mod forms;
mod from_functions;
mod item_names;
mod json_paths;
mod labels;
mod outer_names;
mod outputs;
pub mod pg_catalog;
mod postgres;
mod recursion;
mod relations;
mod rewrite;
mod rows;
mod scopes;
mod using;
pub mod views;
mod volatile;
mod whole_rows;
mod wildcards;

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::planner::SqlToRel;
use datafusion::sql::sqlparser::ast as sql;
use strataql_call::ServerVariables;
use strataql_diag::{Code, Report};
use strataql_functions::{
    self as functions, check_negations, expand_rows, order_intervals, respell_casts,
};
use strataql_registry::Registry;
use strataql_rewrites::apply_corrections;
use strataql_sql::{Parsed, Spelling, Statement, TableNames, mentions, respell, words};

use crate::error::report_of;
use crate::parameters::Parameters;
use crate::plan::lateral_keys::show_keys;
use crate::plan::number_check::check_numbers;
use crate::plan::number_order::number_order;
use crate::plan::outer_types::note_outer_types;
use crate::plan::ranked_limits::rank_by_free_keys;
use crate::resource_table::Scope;
use crate::settings::Settings;

pub use self::relations::{Planned, Relation, RelationResolver, Tables, spell};

/// `(EXEC …)` in FROM, by the name that stands for it in the tree.
type ExecRelation = (String, Arc<dyn TableProvider>);

/// What a query is planned in.
pub struct Front<'a> {
    pub(crate) state: &'a SessionState,
    pub(crate) registry: &'a Registry,
    pub(crate) settings: Arc<Settings>,
    pub(crate) variables: ServerVariables,
    pub(crate) text: &'a str,
    /// Relations that are no resources.
    pub(crate) relations: &'a dyn RelationResolver,
}

impl Front<'_> {
    /// Plans a query.
    ///
    /// # Errors
    /// Reports about names, types, missing values of bind parameters.
    pub fn plan(
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
    pub fn plan_mentioning(
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
        let names = TableNames::of(query);
        let is_column = |word: &str| learnt.spelling.is_known(word);
        let mut mentioned = mentions(&parsed.tokens, &names, &is_column);
        mentioned.extend(learnt.words.iter().cloned());
        learnt.spelling.complete(&parsed.tokens, &names);
        let mut query = self.reread(parsed, &learnt.spelling, &names)?;
        pg_catalog::rewrite(&mut query, &self.settings);
        if self.settings.profile.is_some() {
            compat::rewrite(&mut query);
        }
        // numbers the values that `?` stands for, before a view repeats one of them
        rewrite::rewrite(&mut query, self.state)?;
        // what another word stands for is mentioned too
        let others: Vec<String> = mentioned
            .iter()
            .filter_map(|word| learnt.spelling.of(word).map(str::to_lowercase))
            .collect();
        mentioned.extend(others);
        mentioned.extend(more.iter().map(|&word| word.to_owned()));
        let texts = labels::written(self.text, &parsed.tokens);
        self.plan_expanded(query, &learnt.spelling, Arc::new(mentioned), parameters, execs, &texts)
    }

    /// Plans a query that was made from a statement, its names spelt as the documents spell them.
    /// `mentioned` are the lower-case words of the statement.
    ///
    /// # Errors
    /// As [`Self::plan`].
    pub fn plan_derived(
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
        let tables = parsed.execs.iter().enumerate().map(|(position, exec)| {
            Ok((format!("exec_relation_{position}"), self.relations.exec(exec)?))
        });
        tables.collect()
    }

    /// What a query and the views in it name.
    fn learn(&self, query: &sql::Query) -> Result<views::Learnt, Box<Report>> {
        views::Expander::new(self.relations, self.registry, self.text, None)
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
            views::Expander::new(self.relations, self.registry, self.text, Some(spelling))
                .expand(&mut query, &self.settings.namespace)?;
        for (name, table) in execs {
            learnt.tables.insert(name, Relation::Table(table));
        }
        self.plan_tree(query, labels, learnt, spelling, mentioned, parameters)
    }

    fn plan_tree(
        &self,
        mut query: sql::Query,
        labels: labels::Labels,
        learnt: views::Learnt,
        spelling: &Spelling,
        mentioned: Arc<BTreeSet<String>>,
        parameters: &Parameters,
    ) -> Result<Planned, Box<Report>> {
        let tables = learnt.tables;
        let scope = Arc::new(Scope {
            views: learnt.views,
            words: mentioned,
            settings: Arc::clone(&self.settings),
            variables: self.variables.clone(),
        });
        let shapes = wildcards::Shapes::new(&tables, &scope, &self.settings.namespace);
        let qualified = shapes.rewrite(&mut query)?;
        if self.settings.profile.is_some() {
            compat::rewrite(&mut query);
        }
        scopes::rewrite(&mut query, &tables, spelling);
        from_functions::rewrite(&mut query, &tables, self.state)?;
        pg_catalog::rewrite(&mut query, &self.settings);
        empty_tables::fold(&mut query, &tables, self.state);
        rewrite::rewrite(&mut query, self.state)?;
        volatile::mark(&mut query, self.state);
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
        let plan = volatile::share(plan).map_err(describe)?;
        let plan = expand_rows(plan).map_err(describe)?;
        let plan = check_negations(plan).map_err(describe)?;
        let plan = order_intervals(plan).map_err(describe)?;
        let plan = respell_casts(plan).map_err(describe)?;
        let plan = self.bind(plan, parameters)?;
        let plan = number_order(plan).map_err(describe)?;
        let plan = rank_by_free_keys(plan).map_err(describe)?;
        let (plan, corrections) = apply_corrections(plan, self.state).map_err(describe)?;
        let plan = note_outer_types(plan, self.state.config_options()).map_err(describe)?;
        let plan = show_keys(plan).map_err(describe)?;
        check_numbers(&plan).map_err(describe)?;
        let labels = labels.for_schema(plan.schema());
        Ok(Planned { plan, labels, corrections })
    }

    fn reread(
        &self,
        parsed: &Parsed,
        spelling: &Spelling,
        names: &TableNames,
    ) -> Result<sql::Query, Box<Report>> {
        let mut tokens = parsed.tokens.clone();
        respell(&mut tokens, spelling, names);
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
        if parameters.is_open() {
            return Ok(plan);
        }
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
