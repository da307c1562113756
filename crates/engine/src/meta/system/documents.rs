//! Tables of documents: one batch per service, made when it is asked for.
//!
//! Owns: the order of rows (providers by name, services and resources as documents have them), and
//! reading of several services at once.
//! Surprise: reading a document takes a thread of its own, so that the threads that answer others
//! stay free.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use strataql_diag::{Report, counted};
use strataql_query::error::external;
use strataql_query::operators::CallRuntime;
use strataql_query::resource::ResourceRef;
use strataql_registry::{ProviderSummary, Registry, ResourceSummary, ServiceIndex};
use strataql_spec::provider::ServiceEntry;

use super::places::{Places, depth};
use super::rows::{Layout, Rows, resource_of};
use super::sheet::{Sheet, schema_of};

/// A table of documents.
#[derive(Debug)]
pub(super) struct DocumentTable {
    layout: &'static Layout,
    registry: Arc<Registry>,
    schema: SchemaRef,
    /// The only provider that is shown.
    only: Option<String>,
}

impl DocumentTable {
    pub(super) fn new(
        layout: &'static Layout,
        registry: Arc<Registry>,
        only: Option<String>,
    ) -> Self {
        Self { layout, registry, schema: schema_of(layout.columns), only }
    }

    fn places(&self) -> Vec<&'static str> {
        self.layout.columns[..self.layout.places].iter().map(|(name, _)| *name).collect()
    }
}

#[async_trait]
impl TableProvider for DocumentTable {
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
        let places = self.places();
        Ok(filters
            .iter()
            .map(|filter| match depth(filter, &places) {
                Some(_) => TableProviderFilterPushDown::Exact,
                None => TableProviderFilterPushDown::Unsupported,
            })
            .collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let places = Places::new(state, &self.schema, &self.places(), filters)?;
        let reading = Reading {
            layout: self.layout,
            registry: Arc::clone(&self.registry),
            only: self.only.clone(),
            schema: Arc::clone(&self.schema),
            places: Arc::new(places),
            read: projection.cloned().map(Arc::from),
            absent: Arc::default(),
        };
        let schema = Arc::clone(&self.schema);
        let plan = StreamingTableExec::try_new(
            schema,
            vec![Arc::new(reading)],
            projection,
            [],
            false,
            limit,
        )?;
        Ok(Arc::new(plan))
    }
}

/// A scan of such a table.
#[derive(Debug, Clone)]
struct Reading {
    layout: &'static Layout,
    registry: Arc<Registry>,
    only: Option<String>,
    schema: SchemaRef,
    places: Arc<Places>,
    /// Columns that somebody reads.
    read: Option<Arc<[usize]>>,
    /// Services by provider whose documents are not there.
    absent: Arc<Mutex<BTreeMap<String, usize>>>,
}

impl PartitionStream for Reading {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let width = context.session_config().target_partitions().max(1);
        let reading = Arc::new(Self { absent: Arc::default(), ..self.clone() });
        let rows = match self.provider_names() {
            Ok(providers) => Arc::clone(&reading).batches(providers, width),
            Err(error) => futures::stream::once(std::future::ready(Err(error))).boxed(),
        };
        let end = futures::stream::once(async move {
            let runtime = CallRuntime::of(&context)?;
            if let Some(note) = reading.absence() {
                runtime.outcome.note(note);
            }
            Ok(None)
        });
        let rows = rows.chain(end.try_filter_map(|batch| std::future::ready(Ok(batch))));
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), rows))
    }
}

impl Reading {
    fn batches(
        self: Arc<Self>,
        providers: Vec<String>,
        width: usize,
    ) -> BoxStream<'static, Result<RecordBatch>> {
        let rows = self.layout.rows;
        if let Rows::Providers(row) = rows {
            let batch = self.of_providers(&providers, row);
            return futures::stream::once(std::future::ready(batch)).boxed();
        }
        let providers = futures::stream::iter(providers);
        if let Rows::Services(row) = rows {
            return providers
                .map(move |name| {
                    aside(Arc::clone(&self), move |reading| reading.of_services(&name, row))
                })
                .buffered(width)
                .boxed();
        }
        let listing = Arc::clone(&self);
        providers
            .map(move |name| {
                aside(Arc::clone(&listing), move |reading| reading.service_names(&name))
            })
            .buffered(width)
            .map_ok(|services| futures::stream::iter(services.into_iter().map(Ok)))
            .try_flatten()
            .map_ok(move |(provider, service)| {
                aside(Arc::clone(&self), move |reading| match rows {
                    Rows::Models(row) => reading.of_models(&provider, &service, row),
                    Rows::Resources(row) => reading.of_resources(&provider, &service, row),
                    Rows::Providers(_) | Rows::Services(_) => {
                        reading.sheet().batch().map_err(external)
                    }
                })
            })
            .try_buffered(width)
            .boxed()
    }

    fn sheet(&self) -> Sheet {
        Sheet::new(&self.schema, self.read.as_deref())
    }

    /// The names that pass the conditions on them.
    fn kept(&self, path: &[&str], names: Vec<String>) -> Result<Vec<String>> {
        let texts: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut passing = self.places.passing(path, &texts)?.into_iter();
        Ok(names.into_iter().filter(|_| passing.next().unwrap_or(true)).collect())
    }

    fn provider_names(&self) -> Result<Vec<String>> {
        let all = self.registry.providers().into_iter().map(|provider| provider.name);
        let shown = all.filter(|name| self.only.as_ref().is_none_or(|only| only == name));
        self.kept(&[], shown.collect())
    }

    /// The services of a provider that pass.
    fn service_names(&self, provider: &str) -> Result<Vec<(String, String)>> {
        let entries = self.registry.provider(provider).map_err(external)?;
        let names = entries.services.values().map(|entry| entry.name.clone()).collect();
        let kept = self.kept(&[provider], names)?;
        Ok(kept.into_iter().map(|service| (provider.to_owned(), service)).collect())
    }

    /// True if the document of a service is there; counts those that are not.
    fn has_document(&self, provider: &str, service: &str) -> Result<bool, Box<Report>> {
        let is_there = self.registry.has_document(provider, service)?;
        if !is_there {
            let mut absent = self.absent.lock().unwrap_or_else(PoisonError::into_inner);
            *absent.entry(provider.to_owned()).or_default() += 1;
        }
        Ok(is_there)
    }

    /// What has no document, for the user.
    fn absence(&self) -> Option<String> {
        let absent = self.absent.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = absent.values().sum();
        let parts: Vec<String> =
            absent.iter().map(|(provider, count)| format!("{count} of `{provider}`")).collect();
        (all > 0).then(|| {
            format!(
                "{} without a document in this registry left out: {}",
                counted(all as u64, "service"),
                parts.join(", ")
            )
        })
    }

    fn of_providers(
        &self,
        names: &[String],
        row: fn(&ProviderSummary, &mut Sheet),
    ) -> Result<RecordBatch> {
        let mut sheet = self.sheet();
        for provider in self.registry.providers() {
            if names.contains(&provider.name) {
                row(&provider, &mut sheet);
            }
        }
        sheet.batch().map_err(external)
    }

    fn of_services(
        &self,
        provider: &str,
        row: fn(&str, &ServiceEntry, &mut Sheet),
    ) -> Result<RecordBatch> {
        let entries = self.registry.provider(provider).map_err(external)?;
        let names: Vec<&str> = entries.services.values().map(|entry| entry.name.as_str()).collect();
        let passing = self.places.passing(&[provider], &names)?;
        let mut sheet = self.sheet();
        for (entry, _) in entries.services.values().zip(passing).filter(|(_, passes)| *passes) {
            row(provider, entry, &mut sheet);
        }
        sheet.batch().map_err(external)
    }

    fn of_resources(
        &self,
        provider: &str,
        service: &str,
        row: fn(&ServiceIndex, &ResourceSummary, &mut Sheet),
    ) -> Result<RecordBatch> {
        let describe = |report| unread(report, provider, service);
        if !self.has_document(provider, service).map_err(describe)? {
            return self.sheet().batch().map_err(external);
        }
        let index = self.registry.index(provider, service).map_err(describe)?;
        let names: Vec<&str> =
            index.resources.iter().map(|resource| resource.name.as_str()).collect();
        let passing = self.places.passing(&[provider, service], &names)?;
        let mut sheet = self.sheet();
        for (resource, _) in index.resources.iter().zip(passing).filter(|(_, passes)| *passes) {
            row(&index, resource, &mut sheet);
        }
        sheet.batch().map_err(external)
    }

    fn of_models(
        &self,
        provider: &str,
        service: &str,
        row: fn(&ResourceRef, &mut Sheet),
    ) -> Result<RecordBatch> {
        let describe = |report| unread(report, provider, service);
        let mut sheet = self.sheet();
        if !self.has_document(provider, service).map_err(describe)? {
            return sheet.batch().map_err(external);
        }
        // the index knows the names without the model
        let index = self.registry.index(provider, service).map_err(describe)?;
        let names: Vec<&str> =
            index.resources.iter().map(|resource| resource.name.as_str()).collect();
        let passing = self.places.passing(&[provider, service], &names)?;
        if !passing.contains(&true) {
            return sheet.batch().map_err(external);
        }
        let entries = self.registry.provider(provider).map_err(describe)?;
        let model = self.registry.service(provider, service).map_err(describe)?;
        for (name, _) in names.iter().zip(passing).filter(|(_, passes)| *passes) {
            if model.resources.contains_key(*name) {
                row(&resource_of(&entries, &model, name), &mut sheet);
            }
        }
        sheet.batch().map_err(external)
    }
}

/// Work on a thread where it may take long.
async fn aside<T: Send + 'static>(
    reading: Arc<Reading>,
    work: impl FnOnce(&Reading) -> Result<T> + Send + 'static,
) -> Result<T> {
    SpawnedTask::spawn_blocking(move || work(&reading))
        .join_unwind()
        .await
        .map_err(|error| DataFusionError::Internal(error.to_string()))?
}

/// The report of a document that cannot be read, with the way around it.
fn unread(report: Box<Report>, provider: &str, service: &str) -> DataFusionError {
    external(Box::new(report.with_help(format!(
        "leave it out with `WHERE NOT (provider = '{provider}' AND service = '{service}')`"
    ))))
}
