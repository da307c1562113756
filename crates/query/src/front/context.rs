//! Our `ContextProvider`: functions from the session, relations from the statement.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::catalog::cte_worktable::CteWorkTable;
use datafusion::common::config::ConfigOptions;
use datafusion::common::{DFSchema, Result, TableReference, plan_err};
use datafusion::datasource::provider_as_source;
use datafusion::execution::SessionState;
use datafusion::logical_expr::planner::{
    ContextProvider, ExprPlanner, PlannedRelation, RelationPlanner, RelationPlannerContext,
    RelationPlanning,
};
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{
    AggregateUDF, Expr, HigherOrderUDF, LogicalPlanBuilder, ScalarUDF, TableSource, WindowUDF,
};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::sql::sqlparser::ast::{
    Ident, ObjectName, Spanned, TableAlias, TableFactor, TableFunctionArgs,
};
use strataql_diag::{LineColumn, Report, Span};
use strataql_functions::{JsonRows, excluding, expr_planners};

use super::json_paths::JsonPlanner;
use super::outer_names::OuterNames;
use super::wildcards::{full_name, name_parts};
use super::{Relation, Tables};
use crate::resource_table::{Occurrence, ResourceTable, Scope};

/// The context of one statement.
pub(super) struct Context<'a> {
    state: &'a SessionState,
    expressions: Vec<Arc<dyn ExprPlanner>>,
    relations: Vec<Arc<dyn RelationPlanner>>,
    paths: Arc<JsonPlanner>,
}

impl<'a> Context<'a> {
    /// `qualified` are full names that keep their qualifier, because two unaliased tables of one FROM
    /// share their last part; `outer` are names that mean columns of outer tables.
    pub(super) fn new(
        state: &'a SessionState,
        tables: Tables,
        scope: Arc<Scope>,
        (qualified, outer): (BTreeSet<String>, OuterNames),
        text: &str,
    ) -> Self {
        let paths = Arc::new(JsonPlanner::new(outer));
        let mut expressions: Vec<Arc<dyn ExprPlanner>> = vec![Arc::clone(&paths) as _];
        expressions.extend(expr_planners());
        expressions.extend(state.expr_planners().iter().map(Arc::clone));
        let relations = Relations { tables, scope, qualified, text: text.to_owned() };
        Self { state, expressions, relations: vec![Arc::new(relations), Arc::new(JsonRows)], paths }
    }

    /// The first path into JSON that was refused, if one was.
    pub(super) fn refusal(&self) -> Option<Box<Report>> {
        self.paths.refusal()
    }
}

impl ContextProvider for Context<'_> {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>> {
        plan_err!("there is no relation {name}")
    }

    fn get_table_function_source(
        &self,
        name: &str,
        args: Vec<Expr>,
    ) -> Result<Arc<dyn TableSource>> {
        match self.state.table_functions().get(name) {
            Some(function) => {
                let args = args
                    .into_iter()
                    .map(|arg| constant(arg, self.state))
                    .collect::<Result<Vec<_>>>()?;
                let args = datafusion::catalog::TableFunctionArgs::new(&args, self.state);
                Ok(provider_as_source(function.create_table_provider_with_args(args)?))
            }
            None => plan_err!("Invalid function '{name}'"),
        }
    }

    fn create_cte_work_table(&self, name: &str, schema: SchemaRef) -> Result<Arc<dyn TableSource>> {
        Ok(provider_as_source(Arc::new(CteWorkTable::new(name, schema))))
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        &self.expressions
    }

    fn get_relation_planners(&self) -> &[Arc<dyn RelationPlanner>] {
        &self.relations
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        self.state.scalar_functions().get(name).cloned()
    }

    fn get_higher_order_meta(&self, name: &str) -> Option<Arc<HigherOrderUDF>> {
        self.state.higher_order_functions().get(name).cloned()
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        self.state.aggregate_functions().get(name).cloned()
    }

    fn get_window_meta(&self, name: &str) -> Option<Arc<WindowUDF>> {
        let aggregate = |name: &str| self.state.aggregate_functions().get(name).cloned();
        let excluding = excluding(name, aggregate).map(Arc::new);
        excluding.or_else(|| self.state.window_functions().get(name).cloned())
    }

    fn get_variable_type(&self, _names: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        self.state.config_options()
    }

    fn udf_names(&self) -> Vec<String> {
        self.state.scalar_functions().keys().cloned().collect()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        self.state.higher_order_functions().keys().cloned().collect()
    }

    fn udaf_names(&self) -> Vec<String> {
        self.state.aggregate_functions().keys().cloned().collect()
    }

    fn udwf_names(&self) -> Vec<String> {
        self.state.window_functions().keys().cloned().collect()
    }
}

/// An argument as a constant, if it is one: table functions of DataFusion take nothing else.
fn constant(expr: Expr, state: &SessionState) -> Result<Expr> {
    let schema = Arc::new(DFSchema::empty());
    let info = SimplifyContext::builder()
        .with_schema(Arc::clone(&schema))
        .with_config_options(Arc::clone(state.config().options()))
        .with_current_time();
    let simplifier = ExprSimplifier::new(info.build());
    let plain = simplifier.simplify(simplifier.coerce(expr, &schema)?)?;
    // `array_length` and its kin count without a sign
    Ok(match plain {
        Expr::Literal(value, meta) if value.data_type().is_integer() => {
            Expr::Literal(value.cast_to(&DataType::Int64)?, meta)
        }
        plain => plain,
    })
}

/// Plans resource names.
struct Relations {
    tables: Tables,
    scope: Arc<Scope>,
    qualified: BTreeSet<String>,
    text: String,
}

impl std::fmt::Debug for Relations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Relations")
    }
}

impl Relations {
    /// True for the call that stands for an `(EXEC …)`.
    fn is_exec(&self, name: &ObjectName, args: &TableFunctionArgs) -> bool {
        args.args.is_empty()
            && name_parts(name).is_some_and(|parts| self.tables.get(&full_name(&parts)).is_some())
    }

    fn occurrence(&self, factor: &TableFactor, written: String) -> Occurrence {
        let TableFactor::Table { name, .. } = factor else {
            return Occurrence { written, span: Span::new(0, 0), view: None };
        };
        let span = name.span();
        let offset = |line: u64, column: u64| {
            Span::offset(
                &self.text,
                LineColumn {
                    line: usize::try_from(line).unwrap_or(usize::MAX),
                    column: usize::try_from(column).unwrap_or(usize::MAX),
                },
            )
        };
        let span = Span::new(
            offset(span.start.line, span.start.column),
            offset(span.end.line, span.end.column),
        );
        let view = self.scope.view_at(span).filter(|view| *view != written).map(str::to_owned);
        Occurrence { written, span, view }
    }
}

/// The last part of a name as its alias.
fn implicit_alias(name: &str) -> TableAlias {
    TableAlias { explicit: false, name: Ident::with_quote('"', name), columns: vec![], at: None }
}

impl RelationPlanner for Relations {
    fn plan_relation(
        &self,
        relation: TableFactor,
        _context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        let TableFactor::Table { name, alias, args, .. } = &relation else {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        };
        if args.as_ref().is_some_and(|args| !self.is_exec(name, args)) {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        }
        let Some(parts) = name_parts(name) else {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        };
        let key = full_name(&parts);
        let resource = match self.tables.get(&key) {
            Some(Relation::Resource(resource)) => resource,
            Some(Relation::Table(table)) => {
                let name = parts.last().cloned().unwrap_or_default();
                let source = provider_as_source(Arc::clone(table));
                let plan = LogicalPlanBuilder::scan(name.clone(), source, None)?.build()?;
                let alias = alias.clone().or_else(|| Some(implicit_alias(&name)));
                return Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, alias))));
            }
            // a common table expression: the rest was completed before
            None if parts.len() != 3 => {
                return Ok(RelationPlanning::Original(Box::new(relation)));
            }
            None => return plan_err!("there is no relation {}", parts.join(".")),
        };
        let table = ResourceTable {
            schema: resource.schema(&self.scope.words),
            resource: Arc::clone(resource),
            occurrence: self.occurrence(&relation, parts.join(".")),
            scope: Arc::clone(&self.scope),
            call: None,
        };
        let exposed = table.exposed();
        let projection = (exposed.len() < table.schema.fields().len()).then_some(exposed);
        let reference = TableReference::full(parts[0].clone(), parts[1].clone(), parts[2].clone());
        let source = provider_as_source(Arc::new(table));
        let plan = LogicalPlanBuilder::scan(reference, source, projection)?.build()?;
        let alias = alias
            .clone()
            .or_else(|| (!self.qualified.contains(&key)).then(|| implicit_alias(&parts[2])));
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, alias))))
    }
}
