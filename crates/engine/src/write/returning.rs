//! RETURNING: expressions over the answer of a write.
//!
//! Surprise: it is planned before anything is sent, so an unknown column stops the write.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use datafusion::sql::sqlparser::ast as sql;
use strataql_call::{Arguments, ColumnPlan, MethodRef, Mismatch, decode_answer};
use strataql_diag::{Code, Report};
use strataql_functions::JSON_SCHEMA;
use strataql_net::Response;
use strataql_query::front::RelationResolver;
use strataql_query::result_set::ResultSet;
use strataql_spec::{ColumnType, RowShape};
use strataql_sql::Name;

use super::chosen::Chosen;
use super::rows;
use super::statement::WriteStatement;
use super::writer::Writer;

/// A planned RETURNING.
pub(crate) struct Returning {
    query: sql::Query,
    /// Columns of the answer.
    answered: Vec<ColumnPlan>,
    schema: SchemaRef,
    name: String,
    columns: Vec<(String, DataType)>,
}

/// The one relation that RETURNING reads.
struct Answer {
    name: String,
    table: Arc<dyn TableProvider>,
}

impl RelationResolver for Answer {
    fn table(&self, name: &Name) -> Option<(String, Arc<dyn TableProvider>)> {
        (name.dotted() == self.name).then(|| (self.name.to_lowercase(), Arc::clone(&self.table)))
    }
}

impl Returning {
    pub(crate) async fn plan(
        writer: &Writer<'_>,
        chosen: &Chosen,
        items: &[sql::SelectItem],
        statement: &WriteStatement,
    ) -> Result<Self, Box<Report>> {
        let target = writer.returned_method(chosen);
        let method = target.method();
        if let RowShape::Nothing { reason } = &method.response.rows {
            return Err(Box::new(
                statement
                    .target
                    .error(
                        Code::UnsupportedSyntax,
                        format!("method `{}` returns nothing: {reason}", method.name),
                    )
                    .with_help("leave out RETURNING, or read the object with SELECT"),
            ));
        }
        // columns of the answer, then the method's parameters that it does not repeat
        let answered = target.columns(|_| true);
        let plan = target
            .decode_plan(answered.clone(), &Arguments::default(), Mismatch::Error)
            .map_err(|report| Box::new(report.with_label(statement.target.name.span, "")))?;
        let schema = documented(target, plan.schema());
        let name =
            statement.target.name.parts.last().map(|part| part.value.clone()).unwrap_or_default();
        let factor = sql::TableWithJoins {
            relation: sql::TableFactor::Table {
                name: sql::ObjectName::from(vec![sql::Ident::with_quote('"', name.clone())]),
                alias: None,
                args: None,
                with_hints: vec![],
                version: None,
                with_ordinality: false,
                partitions: vec![],
                json_path: None,
                sample: None,
                index_hints: vec![],
            },
            joins: vec![],
        };
        let query = rows::select(items.to_vec(), vec![factor], None);
        let mut returning = Self { query, answered, schema, name, columns: Vec::new() };
        let empty = RecordBatch::new_empty(Arc::clone(&returning.schema));
        let shown = returning.over(writer, vec![empty]).await?.schema;
        returning.columns = shown
            .fields()
            .iter()
            .map(|field| (field.name().clone(), field.data_type().clone()))
            .collect();
        Ok(returning)
    }

    /// Names and types of its columns.
    pub(super) fn columns(&self) -> &[(String, DataType)] {
        &self.columns
    }

    /// The rows of the answers.
    pub(crate) async fn evaluate(
        &self,
        writer: &Writer<'_>,
        chosen: &Chosen,
        answers: Vec<(Response, &Arguments)>,
    ) -> Result<ResultSet, Box<Report>> {
        let target = writer.returned_method(chosen);
        let batches = answers
            .into_iter()
            .map(|(response, arguments)| {
                let columns = self.answered.clone();
                let plan = target.decode_plan(columns, arguments, Mismatch::Error)?;
                let batch = decode_answer(plan, &response).map_err(done_all_the_same)?;
                batch
                    .with_schema(Arc::clone(&self.schema))
                    .map_err(|error| Box::new(Report::internal(error.to_string())))
            })
            .collect::<Result<Vec<_>, _>>()?;
        self.over(writer, batches).await
    }

    async fn over(
        &self,
        writer: &Writer<'_>,
        batches: Vec<RecordBatch>,
    ) -> Result<ResultSet, Box<Report>> {
        let table = MemTable::try_new(Arc::clone(&self.schema), vec![batches])
            .map_err(|error| crate::report_of(&error, writer.text))?;
        let answer = Answer { name: self.name.clone(), table: Arc::new(table) };
        let prepared = writer
            .statement
            .prepare_with(&answer, |front| {
                front.plan_derived(
                    self.query.clone(),
                    Arc::clone(&writer.mentioned_identifiers),
                    writer.parameters,
                )
            })
            .await?;
        writer.statement.execute(prepared)
    }
}

/// The write was done; only its answer cannot be read.
fn done_all_the_same(report: Box<Report>) -> Box<Report> {
    Box::new((*report).with_note("the write itself was accepted; only RETURNING could not be read"))
}

/// The schema with the documented schemas of JSON columns, so that paths into them are typed.
pub(super) fn documented(target: &MethodRef, schema: SchemaRef) -> SchemaRef {
    let method = target.method();
    let fields: Vec<_> = schema
        .fields()
        .iter()
        .map(|field| {
            let column =
                method.column(field.name()).filter(|column| column.kind == ColumnType::Json);
            match column {
                None => field.as_ref().clone(),
                Some(column) => {
                    let mut metadata = field.metadata().clone();
                    let schema = target.service().schemas.compact(column.schema);
                    metadata.insert(JSON_SCHEMA.to_owned(), schema);
                    field.as_ref().clone().with_metadata(metadata)
                }
            }
        })
        .collect();
    Arc::new(Schema::new(fields))
}
