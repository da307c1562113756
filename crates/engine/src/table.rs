//! A resource as a table: one value per occurrence in a statement.
//!
//! Owns: the schema (visible columns in document order, then parameter-only columns, hidden), and
//! which predicates DataFusion may hand to the scan.
//! Refuses: choosing a method here; `plan::settle` does, with the whole statement in view.
//! Surprise: every equality on a parameter is claimed as `Exact`. What the chosen method does not
//! take over is put back above the scan when the scan is settled.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{ScanArgs, ScanResult, Session, TableProvider};
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use strataql_call::field_of;
use strataql_diag::Span;
use strataql_functions::JSON_SCHEMA;
use strataql_spec::method::SqlVerb;
use strataql_spec::{Column, ColumnType, Method, Provider, Resource, Service};

use crate::operators::{ScanExec, ScanSpec};
use crate::plan::alternatives::{Given, given};
use crate::plan::settle::Settled;
use crate::settings::Settings;

/// Field metadata key of parameter-only columns.
pub(crate) const HIDDEN: &str = "strataql:hidden";

/// A word that no SQL holds: among the words of a statement it stands for every JSON column, so that
/// rows that are kept keep the schemas of their columns.
pub(crate) const EVERY_SCHEMA: &str = "\u{1}schemas";

/// A resource of a loaded document.
#[derive(Debug, Clone)]
pub(crate) struct ResourceRef {
    pub(crate) provider: Arc<Provider>,
    pub(crate) service: Arc<Service>,
    pub(crate) name: String,
}

impl ResourceRef {
    pub(crate) fn resource(&self) -> &Resource {
        &self.service.resources[self.name.as_str()]
    }

    /// `provider.service.resource`.
    pub(crate) fn dotted(&self) -> String {
        format!("{}.{}.{}", self.provider.name, self.service.name, self.name)
    }

    /// True if some select method returns a column of that name.
    pub(crate) fn is_column(&self, name: &str) -> bool {
        self.select_methods().any(|method| method.column(name).is_some())
    }

    pub(crate) fn select_methods(&self) -> impl Iterator<Item = &Method> {
        self.resource().candidates(SqlVerb::Select)
    }

    /// The union of the select methods' columns, in document order. A name that methods give
    /// different types is text.
    pub(crate) fn columns(&self) -> Vec<Column> {
        let mut columns: Vec<Column> = Vec::new();
        for column in self.select_methods().flat_map(|method| &method.response.columns) {
            match columns.iter_mut().find(|known| known.name == column.name) {
                None => columns.push(column.clone()),
                Some(known) if known.kind != column.kind => known.kind = ColumnType::Text,
                Some(_) => {}
            }
        }
        columns
    }

    /// Names that are parameters of some select method, in order, each once.
    pub(crate) fn parameters(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for input in self.select_methods().flat_map(Method::inputs) {
            if !names.iter().any(|known| known == input.name) {
                names.push(input.name.to_owned());
            }
        }
        names
    }

    /// The schema: columns, then parameters that are no columns, marked hidden. JSON columns among
    /// `words` (lower case) carry their documented schema, so that paths into them are typed.
    pub(crate) fn schema(&self, words: &BTreeSet<String>) -> SchemaRef {
        let columns = self.columns();
        let mut fields: Vec<Field> = columns
            .iter()
            .map(|column| {
                let field = field_of(&column.name, column.kind);
                let is_wanted =
                    words.contains(&column.name.to_lowercase()) || words.contains(EVERY_SCHEMA);
                if column.kind != ColumnType::Json || !is_wanted {
                    return field;
                }
                let mut metadata = field.metadata().clone();
                let schema = self.service.schemas.compact(column.schema);
                metadata.insert(JSON_SCHEMA.to_owned(), schema);
                field.with_metadata(metadata)
            })
            .collect();
        for name in self.parameters() {
            if !columns.iter().any(|column| column.name == name) {
                let hidden = [(HIDDEN.to_owned(), "1".to_owned())];
                fields.push(Field::new(name, DataType::Utf8, true).with_metadata(hidden.into()));
            }
        }
        Arc::new(Schema::new(fields))
    }
}

/// True for a parameter-only column.
pub(crate) fn is_hidden(field: &Field) -> bool {
    field.metadata().contains_key(HIDDEN)
}

/// Where a resource stands in a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Occurrence {
    /// The name as it is written there.
    pub(crate) written: String,
    pub(crate) span: Span,
    /// The view whose text names it.
    pub(crate) view: Option<String>,
}

impl Occurrence {
    /// The name for messages, with the view that it stands in.
    pub(crate) fn shown(&self) -> String {
        match &self.view {
            Some(view) => format!("`{}` in the view `{view}`", self.written),
            None => format!("`{}`", self.written),
        }
    }
}

/// What all occurrences of a statement share.
pub(crate) struct Scope {
    /// Views of the statement by the place where they are named.
    pub(crate) views: Vec<(Span, String)>,
    /// Every word of the statement, lower case: the names it mentions.
    pub(crate) words: Arc<BTreeSet<String>>,
    pub(crate) settings: Arc<Settings>,
    /// Environment lookup for server variables that documents bind to one.
    pub(crate) environment: strataql_net::Environment,
}

impl Scope {
    /// The outermost view whose name stands at a place: its whole text counts as standing there.
    pub(crate) fn view_at(&self, span: Span) -> Option<&str> {
        self.views.iter().find(|(place, _)| *place == span).map(|(_, name)| name.as_str())
    }
}

impl std::fmt::Debug for ResourceTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ResourceTable({})", self.resource.dotted())
    }
}

/// One occurrence of a resource in a statement.
#[derive(Clone)]
pub(crate) struct ResourceTable {
    pub(crate) resource: Arc<ResourceRef>,
    pub(crate) schema: SchemaRef,
    pub(crate) occurrence: Occurrence,
    pub(crate) scope: Arc<Scope>,
    /// The call, once `plan::settle` has chosen it.
    pub(crate) settled: Option<Arc<Settled>>,
}

impl ResourceTable {
    /// True if the statement mentions the name.
    pub(crate) fn mentions(&self, name: &str) -> bool {
        self.scope.words.contains(&name.to_lowercase())
    }

    pub(crate) fn is_parameter(&self, name: &str) -> bool {
        self.resource.select_methods().any(|method| method.inputs().any(|input| input.name == name))
    }

    /// Positions of columns that a scan of this occurrence shows: hidden ones only when mentioned.
    pub(crate) fn exposed(&self) -> Vec<usize> {
        self.schema
            .fields()
            .iter()
            .enumerate()
            .filter(|(_, field)| !is_hidden(field) || self.mentions(field.name()))
            .map(|(position, _)| position)
            .collect()
    }
}

#[async_trait]
impl TableProvider for ResourceTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(filters
            .iter()
            .map(|filter| match given(filter, &|name| self.is_parameter(name)) {
                Some(Given::Binding(_)) => TableProviderFilterPushDown::Exact,
                // asked for, and checked again on the rows
                Some(Given::Alternatives(_)) => TableProviderFilterPushDown::Inexact,
                None => TableProviderFilterPushDown::Unsupported,
            })
            .collect())
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        _projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        internal_err!("resource tables are scanned with arguments")
    }

    async fn scan_with_args<'a>(
        &self,
        _state: &dyn Session,
        args: ScanArgs<'a>,
    ) -> Result<ScanResult> {
        let Some(settled) = &self.settled else {
            return internal_err!("{} was not settled before planning", self.resource.dotted());
        };
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        let projection = args.projection().unwrap_or(&all);
        let spec = ScanSpec::new(self, settled, projection, args.limit());
        Ok((Arc::new(ScanExec::new(spec)) as Arc<dyn ExecutionPlan>).into())
    }
}
