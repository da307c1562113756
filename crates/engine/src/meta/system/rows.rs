//! What the tables of documents hold: their columns, and the rows of a provider, a service, a
//! resource.

use std::sync::Arc;

use strataql_query::front::views::document_view;
use strataql_query::resource::ResourceRef;
use strataql_registry::{MethodSummary, ProviderSummary, ResourceSummary, ServiceIndex};
use strataql_spec::provider::ServiceEntry;
use strataql_spec::{ColumnType, Location, Provider, SchemaId, Service, SqlVerb};

use super::sheet::Kind::{Boolean, Integer, Text};
use super::sheet::{Cell, Kind, Sheet, described};
use crate::meta::show::{VIEW, verbs};

/// How the rows of a table come about, and what has to be read for them.
#[derive(Clone, Copy)]
pub(super) enum Rows {
    /// The list of installed providers; no document is read.
    Providers(fn(&ProviderSummary, &mut Sheet)),
    /// The entry documents of providers.
    Services(fn(&str, &ServiceEntry, &mut Sheet)),
    /// The indexes of services.
    Resources(fn(&ServiceIndex, &ResourceSummary, &mut Sheet)),
    /// The models of services.
    Models(fn(&ResourceRef, &mut Sheet)),
}

/// A table.
pub(super) struct Layout {
    /// `schema.table`.
    pub(super) name: &'static str,
    /// Its first columns are provider, service and resource, as far as it has them.
    pub(super) columns: &'static [(&'static str, Kind)],
    /// How many of its first columns name a place.
    pub(super) places: usize,
    pub(super) rows: Rows,
}

/// All tables of documents.
pub(super) const LAYOUTS: &[Layout] = &[
    Layout {
        name: "sys.providers",
        columns: &[("provider", Text), ("version", Text), ("source", Text), ("path", Text)],
        places: 1,
        rows: Rows::Providers(|provider, sheet| {
            sheet.row([
                Cell::from(&provider.name),
                Cell::from(&provider.version),
                Cell::from(provider.source.to_string()),
                Cell::from(&provider.path),
            ]);
        }),
    },
    Layout {
        name: "sys.services",
        columns: &[
            ("provider", Text),
            ("service", Text),
            ("id", Text),
            ("title", Text),
            ("description", Text),
            ("version", Text),
            ("preferred", Boolean),
        ],
        places: 2,
        rows: Rows::Services(|provider, entry, sheet| {
            sheet.row([
                Cell::from(provider),
                Cell::from(&entry.name),
                Cell::from(&entry.id),
                described(&entry.title),
                described(&entry.description),
                Cell::from(&entry.version),
                Cell::from(entry.preferred),
            ]);
        }),
    },
    Layout {
        name: "sys.resources",
        columns: &[
            ("provider", Text),
            ("service", Text),
            ("resource", Text),
            ("id", Text),
            ("verbs", Text),
            ("methods", Integer),
            ("has_view", Boolean),
            ("title", Text),
            ("description", Text),
        ],
        places: 3,
        rows: Rows::Resources(|index, resource, sheet| {
            sheet.row([
                Cell::from(&index.provider),
                Cell::from(&index.service),
                Cell::from(&resource.name),
                Cell::from(&resource.id),
                Cell::from(verbs(resource)),
                Cell::from(resource.methods.len()),
                Cell::from(resource.has_view),
                described(&resource.title),
                described(&resource.description),
            ]);
        }),
    },
    Layout {
        name: "sys.methods",
        columns: &[
            ("provider", Text),
            ("service", Text),
            ("resource", Text),
            ("method", Text),
            ("verb", Text),
            ("http", Text),
            ("path", Text),
            ("required_params", Text),
            ("has_rows", Boolean),
            ("description", Text),
        ],
        places: 3,
        rows: Rows::Resources(|index, resource, sheet| {
            if resource.has_view {
                sheet.row(view_row(index, resource));
            }
            for method in &resource.methods {
                sheet.row(method_row(index, resource, method));
            }
        }),
    },
    Layout {
        name: "sys.columns",
        columns: &[
            ("provider", Text),
            ("service", Text),
            ("resource", Text),
            ("name", Text),
            ("position", Integer),
            ("type", Text),
            ("methods", Text),
            ("description", Text),
        ],
        places: 3,
        rows: Rows::Models(columns),
    },
    Layout {
        name: "sys.parameters",
        columns: &[
            ("provider", Text),
            ("service", Text),
            ("resource", Text),
            ("method", Text),
            ("name", Text),
            ("place", Text),
            ("type", Text),
            ("required", Boolean),
            ("description", Text),
        ],
        places: 3,
        rows: Rows::Models(parameters),
    },
    Layout {
        name: "information_schema.schemata",
        columns: &[
            ("catalog_name", Text),
            ("schema_name", Text),
            ("schema_owner", Text),
            ("default_character_set_catalog", Text),
            ("default_character_set_schema", Text),
            ("default_character_set_name", Text),
            ("sql_path", Text),
        ],
        places: 2,
        rows: Rows::Services(|provider, entry, sheet| {
            let name = [Cell::from(provider), Cell::from(&entry.name)];
            sheet.row(name.into_iter().chain(std::iter::repeat_n(Cell::Null, 5)));
        }),
    },
    Layout {
        name: "information_schema.tables",
        columns: &[
            ("table_catalog", Text),
            ("table_schema", Text),
            ("table_name", Text),
            ("table_type", Text),
            ("is_insertable_into", Text),
        ],
        places: 3,
        rows: Rows::Resources(|index, resource, sheet| {
            let has = |verb| resource.methods.iter().any(|method| method.sql_verb == verb);
            let is_view = resource.has_view && !has(SqlVerb::Select);
            sheet.row([
                Cell::from(&index.provider),
                Cell::from(&index.service),
                Cell::from(&resource.name),
                Cell::from(if is_view { "VIEW" } else { "BASE TABLE" }),
                Cell::from(if has(SqlVerb::Insert) { "YES" } else { "NO" }),
            ]);
        }),
    },
    Layout {
        name: "information_schema.views",
        columns: &[
            ("table_catalog", Text),
            ("table_schema", Text),
            ("table_name", Text),
            ("view_definition", Text),
            ("check_option", Text),
            ("is_updatable", Text),
        ],
        places: 3,
        rows: Rows::Models(|resource, sheet| {
            if let Some(view) = document_view(resource) {
                let rest = [Cell::from(view.sql), Cell::from("NONE"), Cell::from("NO")];
                sheet.row(place(resource).into_iter().chain(rest));
            }
        }),
    },
    Layout {
        name: "information_schema.columns",
        columns: &[
            ("table_catalog", Text),
            ("table_schema", Text),
            ("table_name", Text),
            ("column_name", Text),
            ("ordinal_position", Integer),
            ("column_default", Text),
            ("is_nullable", Text),
            ("data_type", Text),
            ("character_maximum_length", Integer),
            ("numeric_precision", Integer),
            ("numeric_scale", Integer),
            ("datetime_precision", Integer),
            ("udt_catalog", Text),
            ("udt_schema", Text),
            ("udt_name", Text),
            ("is_identity", Text),
            ("is_generated", Text),
            ("is_updatable", Text),
        ],
        places: 3,
        rows: Rows::Models(|resource, sheet| {
            for (position, column) in resource.columns().iter().enumerate() {
                let [catalog, schema, table] = place(resource);
                sheet.row([
                    catalog,
                    schema,
                    table,
                    Cell::from(&column.name),
                    Cell::from(position + 1),
                    Cell::Null,
                    Cell::from("YES"),
                    Cell::from(column.kind.sql_name()),
                    Cell::Null,
                    Cell::Null,
                    Cell::Null,
                    Cell::Null,
                    Cell::from(&resource.provider.name),
                    Cell::from("pg_catalog"),
                    Cell::from(crate::meta::pg_catalog::type_name(column.kind)),
                    Cell::from("NO"),
                    Cell::from("NEVER"),
                    Cell::from("NO"),
                ]);
            }
        }),
    },
];

/// The view of a document among its methods, as SHOW METHODS lists it.
fn view_row<'a>(index: &'a ServiceIndex, resource: &'a ResourceSummary) -> [Cell<'a>; 10] {
    [
        Cell::from(&index.provider),
        Cell::from(&index.service),
        Cell::from(&resource.name),
        Cell::from(VIEW),
        Cell::from(SqlVerb::Select.as_str()),
        Cell::Null,
        Cell::Null,
        Cell::from(resource.view_required.join(", ")),
        Cell::from(true),
        Cell::from("the view that the document defines"),
    ]
}

fn place(resource: &ResourceRef) -> [Cell<'_>; 3] {
    [
        Cell::from(&resource.provider.name),
        Cell::from(&resource.service.name),
        Cell::from(&resource.name),
    ]
}

fn method_row<'a>(
    index: &'a ServiceIndex,
    resource: &'a ResourceSummary,
    method: &'a MethodSummary,
) -> [Cell<'a>; 10] {
    [
        Cell::from(&index.provider),
        Cell::from(&index.service),
        Cell::from(&resource.name),
        Cell::from(&method.name),
        Cell::from(method.sql_verb.as_str()),
        Cell::from(method.http_verb.as_str()),
        Cell::from(&method.path),
        Cell::from(method.required.join(", ")),
        Cell::from(method.is_selectable),
        described(&method.description),
    ]
}

/// Columns of the select methods.
fn columns(resource: &ResourceRef, sheet: &mut Sheet) {
    let schemas = &resource.service.schemas;
    for (position, column) in resource.columns().iter().enumerate() {
        let methods: Vec<&str> = resource
            .select_methods()
            .filter(|method| method.column(&column.name).is_some())
            .map(|method| method.name.as_str())
            .collect();
        let [provider, service, name] = place(resource);
        sheet.row([
            provider,
            service,
            name,
            Cell::from(&column.name),
            Cell::from(position + 1),
            Cell::from(column.kind.sql_name()),
            Cell::from(methods.join(", ")),
            Cell::from(schemas[column.schema].description.as_deref()),
        ]);
    }
}

/// Parameters and body attributes of every method.
fn parameters(resource: &ResourceRef, sheet: &mut Sheet) {
    let schemas = &resource.service.schemas;
    let kind = |schema: SchemaId| Cell::from(ColumnType::of(&schemas[schema]).sql_name());
    for method in resource.resource().methods.values() {
        for param in &method.params {
            let text =
                param.description.as_deref().or(schemas[param.schema].description.as_deref());
            let [provider, service, name] = place(resource);
            sheet.row([
                provider,
                service,
                name,
                Cell::from(&method.name),
                Cell::from(&param.name),
                Cell::from(place_name(param.location)),
                kind(param.schema),
                Cell::from(param.required),
                Cell::from(text),
            ]);
        }
        for property in method.body.iter().flat_map(|body| &body.properties) {
            let [provider, service, name] = place(resource);
            sheet.row([
                provider,
                service,
                name,
                Cell::from(&method.name),
                Cell::from(&property.name),
                Cell::from("body"),
                kind(property.schema),
                Cell::from(property.required),
                Cell::from(schemas[property.schema].description.as_deref()),
            ]);
        }
    }
}

fn place_name(location: Location) -> &'static str {
    match location {
        Location::Path => "path",
        Location::Query => "query",
        Location::Header => "header",
        Location::Server => "server",
    }
}

impl std::fmt::Debug for Layout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// A resource of a loaded service.
pub(super) fn resource_of(
    provider: &Arc<Provider>,
    service: &Arc<Service>,
    name: &str,
) -> ResourceRef {
    ResourceRef {
        provider: Arc::clone(provider),
        service: Arc::clone(service),
        name: name.to_owned(),
    }
}
