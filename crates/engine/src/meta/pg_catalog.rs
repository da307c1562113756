//! The catalogs of PostgreSQL, as its clients read them.
//!
//! Owns: the tables of `pg_catalog`, numbers of objects, the functions that turn names into numbers and back.
//! Refuses: what is the same for all objects (`query::front` has it).
//! Surprise: a database is a provider, a schema is a service. In a database of any other name all providers
//! are there, and a schema is called `provider.service`.

mod functions;
mod layouts;
mod names;
mod numbers;
mod rows;
mod sheet;
mod types;

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::datasource::empty::EmptyTable;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, Operator, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use strataql_diag::Report;
use strataql_query::error::external;
use strataql_query::query_engine::QueryEngine;
use strataql_query::statement::Statement;
use strataql_sql::Name;

pub(crate) use self::functions::register;
use self::layouts::{LAYOUTS, Layout, Rows};
pub(crate) use self::names::provider;
use self::rows::Source;
use self::sheet::schema_of;
pub(crate) use self::types::name_of as type_name;

/// The schema of the catalogs.
const SCHEMA: &str = "pg_catalog";

/// A table or view of the user's own.
#[derive(Debug, Clone)]
pub(crate) struct Own {
    pub(crate) name: String,
    /// `r` for a table, `v` for a view, `m` for a materialized view.
    pub(crate) kind: &'static str,
    /// Its columns, where its rows are kept.
    pub(crate) columns: Option<SchemaRef>,
    /// The text of a view.
    pub(crate) definition: Option<String>,
}

/// Lists tables and views of the user's own.
pub(crate) type Owned = Arc<dyn Fn() -> Result<Vec<Own>, Box<Report>> + Send + Sync>;

/// The lower-case name and the table that a name means, if it is one of the catalogs.
pub(crate) fn table(
    statement: &Statement,
    name: &Name,
    own: &Owned,
) -> Option<(String, Arc<dyn TableProvider>)> {
    let (key, bare) = match name.parts.as_slice() {
        [one] if !one.quoted || one.value.starts_with("pg_") => {
            let bare = one.value.to_ascii_lowercase();
            (bare.clone(), bare)
        }
        [schema, one] if schema.value.eq_ignore_ascii_case(SCHEMA) => {
            let bare = one.value.to_ascii_lowercase();
            (format!("{SCHEMA}.{bare}"), bare)
        }
        // what the standard has and no service does
        [schema, one] if schema.value.eq_ignore_ascii_case("information_schema") => {
            let bare = format!("information_schema.{}", one.value.to_ascii_lowercase());
            (bare.clone(), bare)
        }
        _ => return None,
    };
    let layout = LAYOUTS.iter().find(|layout| layout.name == bare)?;
    let schema = schema_of(layout);
    if layout.rows == Rows::None {
        return Some((key, Arc::new(EmptyTable::new(schema))));
    }
    let table = CatalogTable {
        layout,
        schema,
        engine: Arc::clone(&statement.engine),
        database: names::database(statement),
        user: statement.settings.login.as_ref().map(|login| login.user.clone()),
        own: Arc::clone(own),
    };
    Some((key, Arc::new(table)))
}

/// A catalog with rows.
#[derive(Clone)]
struct CatalogTable {
    layout: &'static Layout,
    schema: SchemaRef,
    engine: Arc<QueryEngine>,
    database: String,
    user: Option<String>,
    own: Owned,
}

impl std::fmt::Debug for CatalogTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CatalogTable").field("name", &self.layout.name).finish_non_exhaustive()
    }
}

impl CatalogTable {
    /// The column whose numbers say which objects are read at all.
    fn key(&self) -> Option<&'static str> {
        match self.layout.rows {
            Rows::Class => Some("oid"),
            Rows::Attribute => Some("attrelid"),
            Rows::Description => Some("objoid"),
            _ => None,
        }
    }
}

#[async_trait]
impl TableProvider for CatalogTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let kind = |filter: &&Expr| match self.key().and_then(|key| numbers_in(filter, key)) {
            Some(_) => TableProviderFilterPushDown::Inexact,
            None => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(kind).collect())
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let wanted = self.key().and_then(|key| {
            filters.iter().filter_map(|filter| numbers_in(filter, key)).min_by_key(Vec::len)
        });
        let reading = Reading { table: self.clone(), wanted };
        let plan = StreamingTableExec::try_new(
            Arc::clone(&self.schema),
            vec![Arc::new(reading)],
            projection,
            [],
            false,
            // the conditions come after it
            None,
        )?;
        Ok(Arc::new(plan))
    }
}

/// The numbers that a condition gives a column.
fn numbers_in(condition: &Expr, key: &str) -> Option<Vec<i64>> {
    let is_key = |expr: &Expr| matches!(expr, Expr::Column(column) if column.name == key);
    let number = |expr: &Expr| match expr {
        Expr::Literal(ScalarValue::Int64(Some(number)), _) => Some(*number),
        _ => None,
    };
    match condition {
        Expr::BinaryExpr(binary) if binary.op == Operator::Eq => {
            let (left, right) = (binary.left.as_ref(), binary.right.as_ref());
            let value = if is_key(left) { right } else { left };
            let column = if is_key(left) { left } else { right };
            is_key(column).then(|| number(value).map(|one| vec![one]))?
        }
        Expr::InList(list) if !list.negated && is_key(&list.expr) => {
            list.list.iter().map(number).collect()
        }
        _ => None,
    }
}

/// A scan of a catalog.
#[derive(Debug)]
struct Reading {
    table: CatalogTable,
    /// The numbers of the only objects that are read.
    wanted: Option<Vec<i64>>,
}

impl Reading {
    fn source(&self) -> Source {
        let CatalogTable { engine, database, user, own, .. } = &self.table;
        Source::new(
            Arc::clone(engine),
            (database.clone(), user.clone()),
            Arc::clone(own),
            self.wanted.clone(),
        )
    }
}

impl PartitionStream for Reading {
    fn schema(&self) -> &SchemaRef {
        &self.table.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (source, layout) = (self.source(), self.table.layout);
        let rows = async move {
            // documents are read on a thread where that may take long
            let work = SpawnedTask::spawn_blocking(move || source.rows(layout));
            let batch: RecordBatch = work
                .join_unwind()
                .await
                .map_err(|error| DataFusionError::Internal(error.to_string()))?
                .map_err(external)?;
            Ok(batch)
        };
        let rows = futures::stream::once(rows);
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.table.schema), rows))
    }
}
