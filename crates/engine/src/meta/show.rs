//! SHOW.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::Schema;
use datafusion::common::DFSchema;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Documentation, Expr, LogicalPlanBuilder, col, lit};
use datafusion::prelude::{DataFrame, SessionContext};
use strataql_diag::{Code, Report, Span};
use strataql_query::catalog::Catalog;
use strataql_query::error::report_of;
use strataql_query::settings::SETTINGS;
use strataql_query::statement::Statement;
use strataql_query::text_table::text_table;
use strataql_registry::{MethodSummary, ResourceSummary, ServiceIndex};
use strataql_spec::SqlVerb;
use strataql_sql::sqlparser::ast as sql;
use strataql_sql::{Name, Show, ShowWhat};

use super::templates;

/// Stands for a document's view where methods are listed.
pub(super) const VIEW: &str = "__view__";

pub(crate) type Rows = Vec<Vec<Option<String>>>;

/// The rows of SHOW, but for what a session keeps itself (SHOW VIEWS, SHOW TABLES).
///
/// # Errors
/// Those of names; `unsupported-syntax`.
pub(crate) fn rows(statement: &Statement, show: &Show) -> Result<RecordBatch, Box<Report>> {
    let catalog = &statement.catalog();
    match &show.what {
        ShowWhat::Providers => providers(statement),
        ShowWhat::Services(name) => services(catalog, name, show.extended),
        ShowWhat::Resources(name) => {
            super::resources::resources(statement, name.as_ref(), show.extended)
        }
        ShowWhat::Methods(name) => methods(statement, catalog, name, show.extended),
        ShowWhat::Functions => functions(statement, show.extended),
        ShowWhat::Settings => settings_table(statement),
        ShowWhat::Template(template, name) => {
            templates::template(catalog, *template, name, show.extended)
        }
        ShowWhat::Version => version(show.extended),
        ShowWhat::TransactionIsolation => {
            text_table(&["transaction_isolation"], vec![vec![Some("read committed".to_owned())]])
        }
        ShowWhat::Views | ShowWhat::Tables => {
            Err(Box::new(Report::internal("local relations are listed elsewhere")))
        }
        ShowWhat::Auth(provider) => Err(no_logins(provider.as_ref(), show.span)),
    }
}

/// There is nothing that SHOW AUTH could show: credentials are read when a request is made.
fn no_logins(provider: Option<&Name>, span: Span) -> Box<Report> {
    let whose = provider.map_or_else(String::new, |name| format!(" of `{}`", name.dotted()));
    Box::new(
        Report::new(
            Code::UnsupportedSyntax,
            format!("SHOW AUTH cannot show the credentials{whose}"),
        )
        .with_label(span, "")
        .with_note(
            "there is no login that is kept: `--auth` or the environment says where the credentials \
             of a provider are, and they are read for each statement",
        )
        .with_help("run a SELECT on a small resource: its error says what is missing")
        .with_help("the command line takes `--auth '{\"provider\": {…}}'`, or STRATAQL_AUTH"),
    )
}

/// The version; EXTENDED adds the platform.
fn version(extended: bool) -> Result<RecordBatch, Box<Report>> {
    let mut names = vec!["version"];
    let mut row = vec![Some(env!("CARGO_PKG_VERSION").to_owned())];
    if extended {
        names.push("platform");
        row.push(Some(format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH)));
    }
    text_table(&names, vec![row])
}

pub(super) fn providers(statement: &Statement) -> Result<RecordBatch, Box<Report>> {
    let registry = statement.registry();
    let rows = registry
        .providers()
        .into_iter()
        .map(|provider| {
            // a document that cannot be read is listed all the same; its use says what is wrong
            let document = registry.provider(&provider.name).ok();
            let from = document.and_then(|document| document.generated_from.clone());
            vec![
                Some(provider.name),
                Some(provider.version),
                Some(provider.source.to_string()),
                Some(from.unwrap_or_default()),
            ]
        })
        .collect();
    text_table(&["name", "version", "source", "generated_from"], rows)
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
    text_table(&names, rows)
}

/// The index of the service that the first two parts of a name mean.
pub(super) fn index(
    statement: &Statement,
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
            .with_help(match (name.parts.as_slice(), parts) {
                ([provider, service], 3) => format!(
                    "`SHOW RESOURCES IN {}.{}` lists the resources of a service",
                    provider.value, service.value
                ),
                ([provider], 2 | 3) => {
                    format!(
                        "`SHOW SERVICES IN {}` lists the services of a provider",
                        provider.value
                    )
                }
                _ => "`SHOW PROVIDERS` lists providers; `USE provider` shortens names".to_owned(),
            }),
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
    let index = statement.registry().index(&provider.name, &service)?;
    Ok((index, full))
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
    statement: &Statement,
    catalog: &Catalog<'_>,
    name: &Name,
    extended: bool,
) -> Result<RecordBatch, Box<Report>> {
    let (index, full) = index(statement, catalog, name, 3)?;
    let find = |typed: &str| index.resources.iter().find(|resource| resource.name == typed);
    let resource = match find(&full[2]) {
        Some(resource) => resource,
        None => {
            let span = name.parts.last().map_or(name.span, |part| part.span);
            let service = catalog.service(&full[0], &full[1], name.span)?;
            let known = strataql_query::catalog::resource_name(&service, &full[2], span)?;
            find(&known).ok_or_else(|| Box::new(Report::internal("the index lacks a resource")))?
        }
    };
    let mut sorted: Vec<&MethodSummary> = resource.methods.iter().collect();
    sorted.sort_by_key(|method| method.sql_verb);
    let mut rows: Rows = view_row(resource, extended).into_iter().collect();
    rows.extend(sorted.into_iter().map(|method| {
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
    }));
    let mut names = vec!["method", "verb", "required_params"];
    if extended {
        names.extend(["http", "path", "description"]);
    }
    text_table(&names, rows)
}

/// The row of a view that the document defines: it answers a SELECT before any method does.
fn view_row(resource: &ResourceSummary, extended: bool) -> Option<Vec<Option<String>>> {
    let required = resource.view_required.join(", ");
    let mut row = vec![VIEW, SqlVerb::Select.as_str(), &required];
    if extended {
        row.extend(["", "", "the view that the document defines"]);
    }
    resource.has_view.then(|| row.into_iter().map(|cell| Some(cell.to_owned())).collect())
}

/// The entries of a map by name.
fn sorted<T>(map: &HashMap<String, T>) -> BTreeMap<&String, &T> {
    map.iter().collect()
}

/// The functions with what each takes; EXTENDED gives the whole descriptions.
pub(super) fn functions(statement: &Statement, extended: bool) -> Result<RecordBatch, Box<Report>> {
    let rows = function_rows(&statement.engine.state, extended);
    text_table(&["name", "kind", "syntax", "description"], rows)
}

/// Name, kind, syntax and description of every function, in the order of names.
pub(crate) fn function_rows(state: &SessionState, extended: bool) -> Rows {
    let mut rows: Rows = Vec::new();
    let mut push = |name: &str, kind: &str, own: &str, syntax: &str, text: &str| {
        // an alias takes what its function takes
        let syntax = one_line(syntax).replace(&format!("{own}("), &format!("{name}("));
        let text = if extended { text.trim().to_owned() } else { first_sentence(text) };
        let row = [name.to_owned(), kind.to_owned(), syntax, text];
        rows.push(row.into_iter().map(Some).collect());
    };
    // those of `pg_catalog` are for its clients
    for (name, function) in
        sorted(state.scalar_functions()).into_iter().filter(|(name, _)| !name.contains('.'))
    {
        let (syntax, text) = said(function.documentation());
        push(name, "scalar", function.name(), syntax, text);
    }
    for (name, function) in sorted(state.aggregate_functions()) {
        let (syntax, text) = said(function.documentation());
        push(name, "aggregate", function.name(), syntax, text);
    }
    for (name, function) in sorted(state.window_functions()) {
        let (syntax, text) = said(function.documentation());
        push(name, "window", function.name(), syntax, text);
    }
    for (name, _) in sorted(state.table_functions()) {
        // the tables of DataFusion say nothing about themselves
        let syntax = format!("{name}(start, end[, step])");
        let text = if name == "range" {
            "The numbers from the first to below the second."
        } else {
            "The numbers from the first to the second."
        };
        push(name, "table", name, &syntax, text);
    }
    for doc in strataql_functions::planned_functions() {
        push(doc.name, "scalar", doc.name, doc.syntax, doc.text);
    }
    for (name, doc) in strataql_functions::row_functions() {
        push(name, "table", doc.name, doc.syntax, doc.text);
    }
    rows.sort();
    rows.dedup_by(|one, other| one[..2] == other[..2]);
    rows
}

/// What a function says it takes, and does.
fn said(documentation: Option<&Documentation>) -> (&str, &str) {
    documentation.map_or(("", ""), |words| (&words.syntax_example, &words.description))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
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

pub(super) fn settings_table(statement: &Statement) -> Result<RecordBatch, Box<Report>> {
    let settings = &statement.settings;
    let rows = SETTINGS
        .iter()
        .map(|setting| {
            vec![
                Some(setting.name.to_owned()),
                Some(setting.show(settings)),
                Some(setting.default()),
                Some(setting.meaning.to_owned()),
            ]
        })
        .collect();
    text_table(&["name", "value", "default", "meaning"], rows)
}

/// Applies LIKE (on the first column) or WHERE.
pub(crate) async fn filtered(
    statement: &Statement,
    show: &Show,
    batch: RecordBatch,
) -> Result<RecordBatch, Box<Report>> {
    let text = &statement.text;
    let describe = |error| report_of(&error, text);
    let schema = batch.schema();
    let state = &statement.engine.state;
    let predicate: Expr = match (&show.like, &show.filter) {
        (Some(pattern), _) => {
            col(format!("\"{}\"", schema.field(0).name())).ilike(lit(pattern.as_str()))
        }
        (None, Some(filter)) => {
            let mut expr = filter.as_ref().clone();
            respell(&mut expr, &schema);
            let names = DFSchema::try_from(Arc::clone(&schema)).map_err(describe)?;
            let expr = sql::ExprWithAlias { expr, alias: None };
            state.create_logical_expr_from_sql_expr(expr, &names).map_err(|error| {
                let report = report_of(&error, text);
                let is_placed = !report.labels.is_empty();
                if is_placed { report } else { Box::new(report.with_label(show.span, "")) }
            })?
        }
        (None, None) => return Ok(batch),
    };
    let engine = SessionContext::new_with_state(state.clone());
    let (state, plan) = engine.read_batch(batch).map_err(describe)?.into_parts();
    let plan = LogicalPlanBuilder::from(plan)
        .filter(predicate)
        .and_then(LogicalPlanBuilder::build)
        .map_err(describe)?;
    let batches = DataFrame::new(state, plan).collect().await.map_err(describe)?;
    concat_batches(&schema, &batches).map_err(|error| Box::new(Report::internal(error.to_string())))
}

/// Names of columns in the case that the table has them, as everywhere.
fn respell(expr: &mut sql::Expr, schema: &Schema) {
    let _done: ControlFlow<()> = sql::visit_expressions_mut(expr, |part| {
        if let sql::Expr::Identifier(ident) = part
            && ident.quote_style.is_none()
            && let Some(field) =
                schema.fields().iter().find(|field| field.name().eq_ignore_ascii_case(&ident.value))
        {
            ident.value.clone_from(field.name());
        }
        ControlFlow::Continue(())
    });
}
