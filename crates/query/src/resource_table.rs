//! A resource as a table: one value per occurrence in a statement.
//!
//! Owns: which predicates DataFusion may hand to the scan, and the scan as plain data.
//! Refuses: choosing a method here; `plan::resolve_scans` does, with the whole statement in view.
//! Surprise: every equality on a parameter is claimed as `Exact`. What the chosen method does not
//! take over is put back above the scan when its call is chosen.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{ScanArgs, ScanResult, Session, TableProvider};
use datafusion::common::{Result, internal_err};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableScan, TableType};
use datafusion::physical_plan::ExecutionPlan;
use strataql_call::ServerVariables;
use strataql_diag::Span;
use strataql_spec::ColumnType;

use crate::operators::{ScanColumn, ScanExec, ScanSpec};
use crate::predicate::ScanCall;
use crate::predicate::alternatives::{PredicateValues, predicate_values};
use crate::predicate::clauses::Clauses;
use crate::resource::{ResourceRef, is_hidden};
use crate::settings::Settings;

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
    /// Source of server variables that are not in the statement.
    pub(crate) variables: ServerVariables,
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
    /// The call, once `plan::resolve_scans` has chosen it.
    pub(crate) call: Option<Arc<ScanCall>>,
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
            .map(|filter| match predicate_values(filter, &|name| self.is_parameter(name)) {
                Some(PredicateValues::Binding(_)) => TableProviderFilterPushDown::Exact,
                // asked for, and checked again on the rows
                Some(PredicateValues::Alternatives(_)) => TableProviderFilterPushDown::Inexact,
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
        let Some(call) = &self.call else {
            return internal_err!("{} has no call when it is planned", self.resource.dotted());
        };
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        let projection = args.projection().unwrap_or(&all);
        let spec = scan_spec(self, call, projection, args.limit());
        Ok((Arc::new(ScanExec::new(spec)) as Arc<dyn ExecutionPlan>).into())
    }
}

/// The resource table of a scan.
pub(crate) fn table_of(scan: &TableScan) -> Option<ResourceTable> {
    let provider = source_as_provider(&scan.source).ok()?;
    let any: &dyn std::any::Any = provider.as_ref();
    any.downcast_ref::<ResourceTable>().cloned()
}

/// The scan of one occurrence, once its call is chosen.
fn scan_spec(
    table: &ResourceTable,
    call: &ScanCall,
    projection: &[usize],
    limit: Option<usize>,
) -> ScanSpec {
    let resource = &table.resource;
    let method = &resource.resource().methods[call.method.as_str()];
    let kinds: HashMap<String, ColumnType> =
        resource.columns().into_iter().map(|column| (column.name, column.kind)).collect();
    let wires: HashMap<&str, &str> = method
        .response
        .columns
        .iter()
        .rev()
        .map(|column| (column.name.as_str(), column.wire.as_str()))
        .collect();
    let asked = call.asked.iter().filter_map(|name| {
        let wire = wires.get(name.as_str()).map(|wire| (*wire).to_owned())?;
        Some(ScanColumn {
            name: name.clone(),
            wire: Some(wire),
            kind: ColumnType::Text,
            metadata: BTreeMap::new(),
        })
    });
    let asked = asked.collect();
    let columns: Vec<ScanColumn> = projection
        .iter()
        .map(|position| {
            let field = table.schema.field(*position);
            let name = field.name();
            let kind = kinds.get(name).copied().unwrap_or(ColumnType::Text);
            ScanColumn {
                wire: wires.get(name.as_str()).map(|wire| (*wire).to_owned()),
                metadata: field.metadata().clone().into_iter().collect(),
                name: name.clone(),
                kind,
            }
        })
        .collect();
    let settings = &table.scope.settings;
    let read: Vec<&str> = columns.iter().filter_map(|column| column.wire.as_deref()).collect();
    ScanSpec {
        clauses: Clauses::of(method, &call.remote, &read),
        provider: resource.provider.name.clone(),
        service: resource.service.name.clone(),
        resource: resource.name.clone(),
        method: call.method.clone(),
        bindings: call.bindings.clone(),
        alternatives: call.alternatives.clone(),
        compared: call.compared.clone(),
        asked,
        columns,
        limit,
        lazy: false,
        eager: true,
        shared: false,
        arrival_order: settings.arrival_order,
        concurrency: settings.scan_concurrency,
        mismatch: settings.on_mismatch,
        why: call.why.clone(),
        local: call.local.clone(),
        notes: call.notes.clone(),
    }
}
