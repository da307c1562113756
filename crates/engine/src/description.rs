//! What a statement takes and returns, without running it.
//!
//! Owns: columns with their types, parameters with the types that the statement gives them.
//! Refuses: requests, and values of parameters.
//! Surprise: the method of a scan is not chosen, since that may depend on values.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::Result as DataFusionResult;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::expr::Placeholder as Parameter;
use datafusion::logical_expr::{Expr, LogicalPlan};
use strataql_diag::Report;
use strataql_query::error::report_of;
use strataql_query::explain;
use strataql_query::result_set::ResultSet;
use strataql_query::statement::Statement;
use strataql_sql::sqlparser::ast as sql;
use strataql_sql::{Parsed, Statement as Syntax};

use crate::write::{self, WriteContext};

/// What a statement takes and returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The first word of the statement.
    pub keyword: &'static str,
    /// Columns; an empty schema for statements without rows.
    pub schema: SchemaRef,
    /// What is shown above the columns; may repeat.
    pub labels: Vec<String>,
    /// Its parameters: numbered ones in the order of their numbers, then named ones.
    pub parameters: Vec<Placeholder>,
}

/// A parameter of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placeholder {
    /// `1`, `name`.
    pub name: String,
    /// The type that the statement implies, if it implies one. Any other value is text.
    pub data_type: Option<DataType>,
}

impl Description {
    /// The description of a statement.
    ///
    /// # Errors
    /// Reports of planning.
    pub(crate) async fn of(
        statement: &Statement,
        writes: &WriteContext,
    ) -> Result<Self, Box<Report>> {
        let parsed = &statement.parsed;
        match &parsed.statement {
            Syntax::Query(query) => {
                let relations = statement.relations.open(statement, query).await?;
                let logical = statement.plan_with(relations.as_ref(), |front| {
                    front.plan(parsed, query, &statement.parameters)
                })?;
                let plan = &logical.planned.plan;
                let types = types(plan).map_err(|error| report_of(&error, &statement.text))?;
                let schema = Arc::new(plan.schema().as_arrow().clone());
                let labels = logical.planned.labels.clone();
                Ok(Self { schema, labels, ..Self::without_rows(parsed, types) })
            }
            Syntax::Write(..) => {
                let columns = write::returned(statement, writes).await?;
                let fields = columns.into_iter().map(|(name, kind)| Field::new(name, kind, true));
                let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
                Ok(Self::without_rows(parsed, BTreeMap::new()).with(schema))
            }
            Syntax::Exec(exec) => {
                let description = Self::without_rows(parsed, BTreeMap::new());
                if !exec.hints.iter().any(|hint| hint == "SHOWRESULTS") {
                    return Ok(description);
                }
                Ok(description.with(write::exec_table(statement, writes, exec)?.schema()))
            }
            Syntax::Explain { analyze, verbose, .. } => {
                let schema = explain::schema(*analyze, *verbose)?;
                Ok(Self::without_rows(parsed, BTreeMap::new()).with(schema))
            }
            _ => Ok(Self::without_rows(parsed, BTreeMap::new())),
        }
    }

    /// The description of a statement whose result is there already.
    pub(crate) fn of_result(statement: &Statement, result: &ResultSet) -> Self {
        let description = Self::without_rows(&statement.parsed, BTreeMap::new());
        let labels = result.labels.clone();
        Self { schema: Arc::clone(&result.schema), labels, ..description }
    }

    fn without_rows(parsed: &Parsed, mut types: BTreeMap<String, Option<DataType>>) -> Self {
        let mut unnamed = 0;
        let mut add = |expr: &sql::Expr| -> ControlFlow<()> {
            if let sql::Expr::Value(value) = expr
                && let sql::Value::Placeholder(text) = &value.value
            {
                let name = if text == "?" {
                    unnamed += 1;
                    format!("{unnamed}")
                } else {
                    bare(text)
                };
                types.entry(name).or_default();
            }
            ControlFlow::Continue(())
        };
        if let Syntax::Write(_, tree) | Syntax::Definition(tree) = &parsed.statement {
            let _done = sql::visit_expressions(tree.as_ref(), &mut add);
        }
        let mut parameters: Vec<Placeholder> =
            types.into_iter().map(|(name, data_type)| Placeholder { name, data_type }).collect();
        parameters.sort_by_key(|parameter| parameter.name.parse::<u64>().unwrap_or(u64::MAX));
        Self {
            keyword: parsed.statement.keyword(),
            schema: Arc::new(Schema::empty()),
            labels: Vec::new(),
            parameters,
        }
    }

    /// The same with columns that are labelled by their names.
    fn with(self, schema: SchemaRef) -> Self {
        let labels = schema.fields().iter().map(|field| field.name().clone()).collect();
        Self { schema, labels, ..self }
    }
}

/// The name of a parameter without its mark.
fn bare(text: &str) -> String {
    text.trim_start_matches(['$', ':']).to_owned()
}

/// The types of the parameters in a plan. Where it uses one in several ways, the first counts.
fn types(plan: &LogicalPlan) -> DataFusionResult<BTreeMap<String, Option<DataType>>> {
    let mut found: BTreeMap<String, Option<DataType>> = BTreeMap::new();
    plan.apply_with_subqueries(|node| {
        // LIMIT and OFFSET take nothing else
        let implied = matches!(node, LogicalPlan::Limit(_)).then_some(DataType::Int64);
        node.apply_expressions(|expr| {
            expr.apply(|part| {
                // `$1::bigint` is given as a number
                let (part, wanted) = match part {
                    Expr::Cast(cast) => (cast.expr.as_ref(), Some(cast.field.data_type().clone())),
                    part => (part, implied.clone()),
                };
                if let Expr::Placeholder(Parameter { id, field }) = part {
                    let known = found.entry(bare(id)).or_default();
                    let kind = field.as_ref().map(|field| field.data_type().clone());
                    *known = known.take().or(kind).or(wanted);
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests;
