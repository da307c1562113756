//! SHOW.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::concat_batches;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, col, lit};
use datafusion::prelude::DataFrame;
use strataql_diag::{Code, Report};
use strataql_registry::{MethodSummary, ResourceSummary, ServiceIndex};
use strataql_spec::SqlVerb;
use strataql_sql::{Name, Show, ShowWhat};

use super::{templates, texts};
use crate::catalog::Catalog;
use crate::error::report_of;
use crate::session::{ResultSet, Session};
use crate::settings::SETTINGS;

type Rows = Vec<Vec<Option<String>>>;

/// Runs SHOW.
pub(crate) async fn show(session: &Session, show: &Show) -> Result<ResultSet, Box<Report>> {
    let settings = session.settings();
    let catalog = Catalog { registry: session.registry(), namespace: &settings.namespace };
    let batch = rows(session, &catalog, show)?;
    let batch = filtered(session, show, batch).await?;
    Ok(ResultSet::of_batch(batch))
}

fn rows(session: &Session, catalog: &Catalog<'_>, show: &Show) -> Result<RecordBatch, Box<Report>> {
    match &show.what {
        ShowWhat::Providers => providers(session),
        ShowWhat::Services(name) => services(catalog, name, show.extended),
        ShowWhat::Resources(name) => resources(session, catalog, name, show.extended),
        ShowWhat::Methods(name) => methods(session, catalog, name, show.extended),
        ShowWhat::Functions => functions(session, show.extended),
        ShowWhat::Settings => settings_table(session),
        ShowWhat::Template(template, name) => {
            templates::template(catalog, *template, name, show.extended)
        }
        ShowWhat::Version => {
            texts(&["version"], vec![vec![Some(env!("CARGO_PKG_VERSION").to_owned())]])
        }
        ShowWhat::TransactionIsolation => {
            texts(&["transaction_isolation"], vec![vec![Some("read committed".to_owned())]])
        }
        ShowWhat::Views => crate::local::show_views(session.local()),
        ShowWhat::Tables => crate::local::show_tables(session.local()),
        ShowWhat::Auth(_) => Err(Box::new(
            Report::new(Code::UnsupportedSyntax, "this SHOW cannot be run by this version")
                .with_label(show.span, "")
                .with_help(
                    "SHOW PROVIDERS, SERVICES, RESOURCES, METHODS, FUNCTIONS and SETTINGS can",
                ),
        )),
    }
}

pub(super) fn providers(session: &Session) -> Result<RecordBatch, Box<Report>> {
    let rows = session
        .registry()
        .providers()
        .into_iter()
        .map(|provider| {
            vec![Some(provider.name), Some(provider.version), Some(provider.source.to_string())]
        })
        .collect();
    texts(&["name", "version", "source"], rows)
}

fn services(
    catalog: &Catalog<'_>,
    name: &Name,
    extended: bool,
) -> Result<RecordBatch, Box<Report>> {
    let part = &name.parts[0];
    let provider = catalog.provider(&part.value, part.span)?;
    let rows: Rows = provider
        .services
        .values()
        .map(|entry| {
            let mut row =
                vec![Some(entry.name.clone()), Some(entry.id.clone()), Some(entry.title.clone())];
            if extended {
                row.push(Some(entry.description.clone()));
                row.push(Some(entry.version.clone()));
                row.push(Some(entry.preferred.to_string()));
            }
            row
        })
        .collect();
    let mut names = vec!["name", "id", "title"];
    if extended {
        names.extend(["description", "version", "preferred"]);
    }
    texts(&names, rows)
}

/// The index of the service that the first two parts of a name mean.
fn index(
    session: &Session,
    catalog: &Catalog<'_>,
    name: &Name,
    parts: usize,
) -> Result<(Arc<ServiceIndex>, Vec<String>), Box<Report>> {
    let Some(full) = catalog.full(name, parts).filter(|full| full.len() == parts) else {
        let shape = ["provider", "provider.service", "provider.service.resource"][parts - 1];
        return Err(Box::new(
            Report::new(
                Code::UnknownService,
                format!("`{}` is not of the form `{shape}`", name.dotted()),
            )
            .with_label(name.span, "")
            .with_help(
                "`SHOW SERVICES IN <provider>` lists services; `USE <provider>` shortens names",
            ),
        ));
    };
    let own = |position: usize| {
        let back = parts - position;
        name.parts.len().checked_sub(back).map_or(name.span, |index| name.parts[index].span)
    };
    let provider = catalog.provider(&full[0], own(0))?;
    // resolves the service's name with suggestions before the index is read
    let service = provider
        .services
        .keys()
        .find(|key| **key == full[1])
        .or_else(|| provider.services.keys().find(|key| key.eq_ignore_ascii_case(&full[1])))
        .cloned();
    let service = match service {
        Some(service) => service,
        None => catalog.service(&full[0], &full[1], own(1))?.name.clone(),
    };
    let index = session.registry().index(&provider.name, &service)?;
    Ok((index, full))
}

fn resources(
    session: &Session,
    catalog: &Catalog<'_>,
    name: &Name,
    extended: bool,
) -> Result<RecordBatch, Box<Report>> {
    let (index, _) = index(session, catalog, name, 2)?;
    let rows = index
        .resources
        .iter()
        .map(|resource| {
            let mut row = vec![Some(resource.name.clone()), Some(verbs(resource))];
            if extended {
                row.push(Some(resource.id.clone()));
                row.push(Some(resource.description.clone()));
            }
            row
        })
        .collect();
    let mut names = vec!["name", "verbs"];
    if extended {
        names.extend(["id", "description"]);
    }
    texts(&names, rows)
}

/// The SQL verbs of a resource, in the order of its document.
pub(super) fn verbs(resource: &ResourceSummary) -> String {
    let mut verbs: Vec<&str> = Vec::new();
    if resource.has_view {
        verbs.push(SqlVerb::Select.as_str());
    }
    for method in &resource.methods {
        let verb = method.sql_verb.as_str();
        if !verbs.contains(&verb) {
            verbs.push(verb);
        }
    }
    verbs.join(", ")
}

fn methods(
    session: &Session,
    catalog: &Catalog<'_>,
    name: &Name,
    extended: bool,
) -> Result<RecordBatch, Box<Report>> {
    let (index, full) = index(session, catalog, name, 3)?;
    let service = catalog.service(&full[0], &full[1], name.span);
    let find = |typed: &str| index.resources.iter().find(|resource| resource.name == typed);
    let resource = match find(&full[2]) {
        Some(resource) => resource,
        None => {
            let span = name.parts.last().map_or(name.span, |part| part.span);
            let known = crate::catalog::resource_name(service?.as_ref(), &full[2], span)?;
            find(&known).ok_or_else(|| Box::new(Report::internal("the index lacks a resource")))?
        }
    };
    let mut sorted: Vec<&MethodSummary> = resource.methods.iter().collect();
    sorted.sort_by_key(|method| method.sql_verb);
    let rows = sorted
        .into_iter()
        .map(|method| {
            let mut row = vec![
                Some(method.name.clone()),
                Some(method.sql_verb.as_str().to_owned()),
                Some(method.required.join(", ")),
            ];
            if extended {
                row.push(Some(method.http_verb.to_string()));
                row.push(Some(method.path.clone()));
                row.push(Some(method.description.clone()));
            }
            row
        })
        .collect();
    let mut names = vec!["method", "verb", "required_params"];
    if extended {
        names.extend(["http", "path", "description"]);
    }
    texts(&names, rows)
}

/// The entries of a map by name.
fn sorted<T>(map: &HashMap<String, T>) -> BTreeMap<&String, &T> {
    map.iter().collect()
}

/// The functions; EXTENDED gives the whole descriptions.
pub(super) fn functions(session: &Session, extended: bool) -> Result<RecordBatch, Box<Report>> {
    let state = session.engine().state();
    let mut rows: Rows = Vec::new();
    let mut push = |name: &str, kind: &str, description: Option<&str>| {
        let description = description
            .map(|text| if extended { text.trim().to_owned() } else { first_sentence(text) });
        rows.push(vec![Some(name.to_owned()), Some(kind.to_owned()), description]);
    };
    for (name, function) in sorted(state.scalar_functions()) {
        push(name, "scalar", function.documentation().map(|d| d.description.as_str()));
    }
    for (name, function) in sorted(state.aggregate_functions()) {
        push(name, "aggregate", function.documentation().map(|d| d.description.as_str()));
    }
    for (name, function) in sorted(state.window_functions()) {
        push(name, "window", function.documentation().map(|d| d.description.as_str()));
    }
    for (name, _) in sorted(state.table_functions()) {
        push(name, "table", None);
    }
    for (name, description) in crate::functions::row_functions() {
        push(name, "table", Some(description));
    }
    rows.sort();
    texts(&["name", "kind", "description"], rows)
}

/// The first sentence of a description, on one line and without markup.
fn first_sentence(text: &str) -> String {
    const LONGEST: usize = 100;
    let line = text.trim().split("\n\n").next().unwrap_or_default();
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    let end = line.find(". ").map_or(line.len(), |end| end + 1);
    let sentence = &line[..end];
    if sentence.chars().count() <= LONGEST {
        return sentence.to_owned();
    }
    let mut cut: String = sentence.chars().take(LONGEST - 1).collect();
    if let Some(blank) = cut.rfind(' ') {
        cut.truncate(blank);
    }
    format!("{cut}…")
}

pub(super) fn settings_table(session: &Session) -> Result<RecordBatch, Box<Report>> {
    let settings = session.settings();
    let rows = SETTINGS
        .iter()
        .map(|setting| {
            vec![
                Some(setting.name.to_owned()),
                Some(settings.shown(setting.name)),
                Some(setting.default.to_owned()),
                Some(setting.meaning.to_owned()),
            ]
        })
        .collect();
    texts(&["name", "value", "default", "meaning"], rows)
}

/// Applies LIKE (on the first column) or WHERE.
async fn filtered(
    session: &Session,
    show: &Show,
    batch: RecordBatch,
) -> Result<RecordBatch, Box<Report>> {
    let describe = |error| report_of(&error, "");
    if show.like.is_none() && show.filter.is_none() {
        return Ok(batch);
    }
    let schema = batch.schema();
    let frame = session.engine().read_batch(batch).map_err(describe)?;
    let predicate: Expr = match (&show.like, &show.filter) {
        (Some(pattern), _) => {
            col(format!("\"{}\"", schema.field(0).name())).ilike(lit(pattern.as_str()))
        }
        (None, Some(filter)) => frame.parse_sql_expr(&filter.to_string()).map_err(|error| {
            let report = report_of(&error, "");
            Box::new(report.with_label(show.span, ""))
        })?,
        (None, None) => return Err(Box::new(Report::internal("a filter without a condition"))),
    };
    let (state, plan) = frame.into_parts();
    let plan = LogicalPlanBuilder::from(plan)
        .filter(predicate)
        .and_then(LogicalPlanBuilder::build)
        .map_err(describe)?;
    let batches = DataFrame::new(state, plan).collect().await.map_err(describe)?;
    concat_batches(&schema, &batches).map_err(|error| Box::new(Report::internal(error.to_string())))
}
