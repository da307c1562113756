//! The rows of the catalogs.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::DataType;
use strataql_diag::Report;
use strataql_query::query_engine::QueryEngine;
use strataql_query::resource::ResourceRef;
use strataql_query::settings::{SETTINGS, Settings};
use strataql_registry::{Registry, ResourceSummary};
use strataql_spec::SqlVerb;

use super::layouts::{LAYOUTS, Layout, Rows};
use super::names::schema_name;
use super::numbers::{Object, number_of, object_of};
use super::sheet::{Cell, Sheet, schema_of};
use super::types::{self, TYPES};
use super::{Own, Owned, SCHEMA};
use crate::meta::function_rows;

type Found<T> = Result<T, Box<Report>>;

/// Numbers of schemas, of the only owner and of the order of texts.
const CATALOG: i64 = 11;
const PUBLIC: i64 = 2200;
const INFORMATION: i64 = 13_000;
const OWNER: i64 = 10;
const COLLATION: i64 = 100;
/// The number of the database that is no provider.
const DATABASE: i64 = 5;

/// What rows are made of.
pub(super) struct Source {
    engine: Arc<QueryEngine>,
    database: String,
    user: Option<String>,
    own: Owned,
    /// The numbers of the only objects that are read.
    wanted: Option<Vec<i64>>,
}

impl Source {
    pub(super) fn new(
        engine: Arc<QueryEngine>,
        (database, user): (String, Option<String>),
        own: Owned,
        wanted: Option<Vec<i64>>,
    ) -> Self {
        Self { engine, database, user, own, wanted }
    }

    /// The rows of a catalog.
    ///
    /// # Errors
    /// Reports of documents that cannot be read.
    pub(super) fn rows(&self, layout: &Layout) -> Found<RecordBatch> {
        let mut sheet = Sheet::new(layout);
        match layout.rows {
            Rows::None => {}
            Rows::Namespace => self.namespaces(&mut sheet)?,
            Rows::Class => self.classes(&mut sheet)?,
            Rows::Attribute => self.attributes(&mut sheet)?,
            Rows::Type => types_of(&mut sheet),
            Rows::Database => self.databases(&mut sheet),
            Rows::Roles => self.roles(&mut sheet),
            Rows::Proc => self.functions(&mut sheet),
            Rows::Settings => settings(&mut sheet),
            Rows::Am => sheet.row([
                ("oid", Cell::from(2)),
                ("amname", Cell::from("heap")),
                ("amtype", Cell::from("t")),
            ]),
            Rows::Tables => self.tables(&mut sheet)?,
            Rows::Views => self.views(&mut sheet)?,
            Rows::Description => self.descriptions(&mut sheet)?,
            Rows::Language => sheet.row([
                ("oid", Cell::from(14)),
                ("lanname", Cell::from("sql")),
                ("lanowner", Cell::from(OWNER)),
                ("lanpltrusted", Cell::from(true)),
            ]),
            Rows::Tablespace => sheet.row([
                ("oid", Cell::from(1663)),
                ("spcname", Cell::from("pg_default")),
                ("spcowner", Cell::from(OWNER)),
            ]),
        }
        sheet.batch()
    }

    fn registry(&self) -> &Registry {
        &self.engine.registry
    }

    /// The providers that the database shows.
    fn providers(&self) -> Vec<String> {
        let all = self.registry().providers().into_iter().map(|provider| provider.name);
        let all: Vec<String> = all.collect();
        if all.contains(&self.database) { vec![self.database.clone()] } else { all }
    }

    /// Calls `each` for the services that the database shows and the wanted objects are in.
    fn services(&self, mut each: impl FnMut(&str, &str) -> Found<()>) -> Found<()> {
        let places: Option<Vec<(String, String)>> = self.wanted.as_ref().map(|wanted| {
            let places = wanted.iter().filter_map(|number| match object_of(*number)? {
                Object::Schema(provider, service) | Object::Resource(provider, service, _) => {
                    Some((provider, service))
                }
                Object::Database(_) | Object::Local(_) | Object::Function(_) => None,
            });
            places.collect()
        });
        for provider in self.providers() {
            let is_wanted = |service: &str| {
                places.as_ref().is_none_or(|places| {
                    places.iter().any(|(own, name)| *own == provider && name == service)
                })
            };
            if places.as_ref().is_some_and(|all| all.iter().all(|(own, _)| *own != provider)) {
                continue;
            }
            let entries = self.registry().provider(&provider)?;
            for service in entries.services.values().map(|entry| entry.name.as_str()) {
                if is_wanted(service) {
                    each(&provider, service)?;
                }
            }
        }
        Ok(())
    }

    fn is_wanted(&self, number: i64) -> bool {
        self.wanted.as_ref().is_none_or(|wanted| wanted.contains(&number))
    }

    /// The tables of the catalog itself that are read.
    fn catalogs(&self) -> impl Iterator<Item = &'static Layout> {
        let own = LAYOUTS.iter().filter(|layout| !layout.name.contains('.'));
        own.filter(move |layout| self.is_wanted(layout.number))
    }

    /// Calls `each` for the resources that are read.
    fn resources(
        &self,
        mut each: impl FnMut((&str, &str), &ResourceSummary, i64) -> Found<()>,
    ) -> Found<()> {
        self.services(|provider, service| {
            if !self.registry().has_document(provider, service)? {
                return Ok(());
            }
            let index = self.registry().index(provider, service)?;
            for resource in &index.resources {
                let number = resource_number(provider, service, &resource.name);
                if self.is_wanted(number) {
                    each((provider, service), resource, number)?;
                }
            }
            Ok(())
        })
    }

    /// Calls `each` for the models of the resources that are read.
    fn models(&self, mut each: impl FnMut(&ResourceRef, i64)) -> Found<()> {
        self.resources(|(provider, service), resource, number| {
            let entries = self.registry().provider(provider)?;
            let model = self.registry().service(provider, service)?;
            if model.resources.contains_key(&resource.name) {
                let name = resource.name.clone();
                each(&ResourceRef { provider: entries, service: model, name }, number);
            }
            Ok(())
        })
    }

    fn schema_name(&self, provider: &str, service: &str) -> String {
        schema_name(provider, service, &self.database)
    }

    fn own(&self) -> Found<Vec<(Own, i64)>> {
        let all = (self.own)()?.into_iter();
        let numbered = all.map(|own| (number_of(Object::Local(own.name.clone())), own));
        let wanted = numbered.filter(|(number, _)| self.is_wanted(*number));
        Ok(wanted.map(|(number, own)| (own, number)).collect())
    }

    fn namespaces(&self, sheet: &mut Sheet) -> Found<()> {
        let mut add = |number: i64, name: &str| {
            sheet.row([
                ("oid", Cell::from(number)),
                ("nspname", Cell::from(name)),
                ("nspowner", Cell::from(OWNER)),
            ]);
        };
        add(CATALOG, SCHEMA);
        add(PUBLIC, "public");
        add(INFORMATION, "information_schema");
        self.services(|provider, service| {
            add(schema_number(provider, service), &self.schema_name(provider, service));
            Ok(())
        })
    }

    fn classes(&self, sheet: &mut Sheet) -> Found<()> {
        let mut add = |number: i64, name: &str, schema: i64, kind: &str, columns: usize| {
            sheet.row([
                ("oid", Cell::from(number)),
                ("relname", Cell::from(name)),
                ("relnamespace", Cell::from(schema)),
                ("relowner", Cell::from(OWNER)),
                ("relam", Cell::from(if kind == "r" { 2 } else { 0 })),
                ("reltuples", Cell::Real(-1.0)),
                ("relpersistence", Cell::from("p")),
                ("relkind", Cell::from(kind)),
                ("relnatts", Cell::from(i64::try_from(columns).unwrap_or(i64::MAX))),
                ("relispopulated", Cell::from(true)),
                ("relreplident", Cell::from("n")),
            ]);
        };
        for layout in self.catalogs() {
            add(layout.number, layout.name, CATALOG, "r", schema_of(layout).fields().len());
        }
        for (own, number) in self.own()? {
            let columns = own.columns.as_ref().map_or(0, |schema| schema.fields().len());
            add(number, &own.name, PUBLIC, own.kind, columns);
        }
        self.resources(|(provider, service), resource, number| {
            let schema = schema_number(provider, service);
            add(number, &resource.name, schema, kind_of(resource), 0);
            Ok(())
        })
    }

    fn attributes(&self, sheet: &mut Sheet) -> Found<()> {
        let mut add = |relation: i64, name: &str, position: usize, kind: i64| {
            let known = TYPES.iter().find(|known| known.number == kind);
            sheet.row([
                ("attrelid", Cell::from(relation)),
                ("attname", Cell::from(name)),
                ("atttypid", Cell::from(kind)),
                ("attstattarget", Cell::from(-1)),
                ("attlen", Cell::from(known.map_or(-1, |known| known.length))),
                ("attnum", Cell::from(i64::try_from(position + 1).unwrap_or(i64::MAX))),
                ("attcacheoff", Cell::from(-1)),
                ("atttypmod", Cell::from(-1)),
                ("attalign", Cell::from("i")),
                ("attstorage", Cell::from(if kind == 25 { "x" } else { "p" })),
                ("attcompression", Cell::from("")),
                ("attidentity", Cell::from("")),
                ("attgenerated", Cell::from("")),
                ("attislocal", Cell::from(true)),
                ("attcollation", Cell::from(if kind == 25 { COLLATION } else { 0 })),
            ]);
        };
        for layout in self.catalogs() {
            for (position, field) in schema_of(layout).fields().iter().enumerate() {
                add(layout.number, field.name(), position, number_of_arrow(field.data_type()));
            }
        }
        for (own, number) in self.own()? {
            let fields = own.columns.iter().flat_map(|schema| schema.fields().iter());
            for (position, field) in fields.enumerate() {
                add(number, field.name(), position, number_of_arrow(field.data_type()));
            }
        }
        self.models(|resource, number| {
            for (position, column) in resource.columns().iter().enumerate() {
                add(number, &column.name, position, types::number_of(column.kind));
            }
        })
    }

    fn descriptions(&self, sheet: &mut Sheet) -> Found<()> {
        self.resources(|_, resource, number| {
            let text =
                if resource.title.is_empty() { &resource.description } else { &resource.title };
            if !text.is_empty() {
                sheet.row([
                    ("objoid", Cell::from(number)),
                    ("classoid", Cell::from(1259)),
                    ("description", Cell::from(text.as_str())),
                ]);
            }
            Ok(())
        })
    }

    fn databases(&self, sheet: &mut Sheet) {
        let mut add = |number: i64, name: &str| {
            sheet.row([
                ("oid", Cell::from(number)),
                ("datname", Cell::from(name)),
                ("datdba", Cell::from(OWNER)),
                ("encoding", Cell::from(6)),
                ("datlocprovider", Cell::from("c")),
                ("datallowconn", Cell::from(true)),
                ("datconnlimit", Cell::from(-1)),
                ("dattablespace", Cell::from(1663)),
                ("datcollate", Cell::from("C.UTF-8")),
                ("datctype", Cell::from("C.UTF-8")),
            ]);
        };
        let all = self.registry().providers();
        if !all.iter().any(|provider| provider.name == self.database) {
            add(DATABASE, &self.database);
        }
        for provider in all {
            add(number_of(Object::Database(provider.name.clone())), &provider.name);
        }
    }

    fn roles(&self, sheet: &mut Sheet) {
        let user = self.user.as_deref().unwrap_or("strataql");
        sheet.row([
            ("oid", Cell::from(OWNER)),
            ("rolname", Cell::from(user)),
            ("rolinherit", Cell::from(true)),
            ("rolcanlogin", Cell::from(true)),
            ("rolconnlimit", Cell::from(-1)),
            ("usename", Cell::from(user)),
            ("usesysid", Cell::from(OWNER)),
        ]);
    }

    fn functions(&self, sheet: &mut Sheet) {
        let mut add = |number: i64, name: &str, kind: &str, is_set: bool| {
            sheet.row([
                ("oid", Cell::from(number)),
                ("proname", Cell::from(name)),
                ("pronamespace", Cell::from(CATALOG)),
                ("proowner", Cell::from(OWNER)),
                ("prolang", Cell::from(14)),
                ("prokind", Cell::from(kind)),
                ("proretset", Cell::from(is_set)),
                ("provolatile", Cell::from("i")),
                ("proparallel", Cell::from("s")),
                ("proisagg", Cell::from(kind == "a")),
                ("proiswindow", Cell::from(kind == "w")),
            ]);
        };
        add(750, "array_in", "f", false);
        add(2400, "array_recv", "f", false);
        for row in function_rows(&self.engine.state, false) {
            let mut row = row.into_iter().flatten();
            let (Some(name), Some(kind)) = (row.next(), row.next()) else { continue };
            let short = match kind.as_str() {
                "aggregate" => "a",
                "window" => "w",
                _ => "f",
            };
            add(number_of(Object::Function(name.clone())), &name, short, kind == "table");
        }
    }

    fn tables(&self, sheet: &mut Sheet) -> Found<()> {
        let user = self.user.as_deref().unwrap_or("strataql");
        let mut add = |schema: &str, name: &str| {
            sheet.row([
                ("schemaname", Cell::from(schema)),
                ("tablename", Cell::from(name)),
                ("tableowner", Cell::from(user)),
            ]);
        };
        for layout in self.catalogs() {
            add(SCHEMA, layout.name);
        }
        for (own, _) in self.own()?.iter().filter(|(own, _)| own.kind == "r") {
            add("public", &own.name);
        }
        self.resources(|(provider, service), resource, _| {
            if kind_of(resource) == "r" {
                add(&self.schema_name(provider, service), &resource.name);
            }
            Ok(())
        })
    }

    fn views(&self, sheet: &mut Sheet) -> Found<()> {
        let user = self.user.as_deref().unwrap_or("strataql");
        let mut add = |schema: &str, name: &str, definition: Option<&str>| {
            sheet.row([
                ("schemaname", Cell::from(schema)),
                ("viewname", Cell::from(name)),
                ("viewowner", Cell::from(user)),
                ("definition", definition.map_or(Cell::Null, Cell::from)),
            ]);
        };
        for (own, _) in self.own()?.iter().filter(|(own, _)| own.kind == "v") {
            add("public", &own.name, own.definition.as_deref());
        }
        self.resources(|(provider, service), resource, _| {
            if kind_of(resource) == "v" {
                add(&self.schema_name(provider, service), &resource.name, None);
            }
            Ok(())
        })
    }
}

fn schema_number(provider: &str, service: &str) -> i64 {
    number_of(Object::Schema(provider.to_owned(), service.to_owned()))
}

fn resource_number(provider: &str, service: &str, name: &str) -> i64 {
    number_of(Object::Resource(provider.to_owned(), service.to_owned(), name.to_owned()))
}

/// A view is what only a document's SELECT reads.
fn kind_of(resource: &ResourceSummary) -> &'static str {
    let is_read = resource.methods.iter().any(|method| method.sql_verb == SqlVerb::Select);
    if resource.has_view && !is_read { "v" } else { "r" }
}

/// The number of the type of an Arrow column.
fn number_of_arrow(kind: &DataType) -> i64 {
    match kind {
        DataType::Boolean => 16,
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => 21,
        DataType::Int32 | DataType::UInt16 => 23,
        DataType::Int64 | DataType::UInt32 => 20,
        DataType::Float16 | DataType::Float32 => 700,
        DataType::Float64 => 701,
        DataType::UInt64 | DataType::Decimal128(..) | DataType::Decimal256(..) => 1700,
        DataType::Date32 | DataType::Date64 => 1082,
        DataType::Time32(_) | DataType::Time64(_) => 1083,
        DataType::Timestamp(_, None) => 1114,
        DataType::Timestamp(_, Some(_)) => 1184,
        DataType::Interval(_) | DataType::Duration(_) => 1186,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => 17,
        DataType::List(item) | DataType::LargeList(item) => {
            let item = number_of_arrow(item.data_type());
            TYPES.iter().find(|kind| kind.number == item).map_or(114, |kind| kind.array)
        }
        DataType::Struct(_) | DataType::Map(..) => 114,
        _ => 25,
    }
}

fn types_of(sheet: &mut Sheet) {
    for kind in TYPES {
        let is_pseudo = kind.category == "P" || kind.category == "X";
        sheet.row([
            ("oid", Cell::from(kind.number)),
            ("typname", Cell::from(kind.name)),
            ("typnamespace", Cell::from(CATALOG)),
            ("typowner", Cell::from(OWNER)),
            ("typlen", Cell::from(kind.length)),
            ("typbyval", Cell::from((1..=8).contains(&kind.length))),
            ("typtype", Cell::from(if is_pseudo { "p" } else { "b" })),
            ("typcategory", Cell::from(kind.category)),
            ("typispreferred", Cell::from(matches!(kind.name, "bool" | "text" | "float8"))),
            ("typisdefined", Cell::from(true)),
            ("typdelim", Cell::from(",")),
            ("typarray", Cell::from(kind.array)),
            ("typalign", Cell::from("i")),
            ("typstorage", Cell::from(if kind.length < 0 { "x" } else { "p" })),
            ("typtypmod", Cell::from(-1)),
            ("typcollation", Cell::from(if kind.category == "S" { COLLATION } else { 0 })),
        ]);
        if kind.array != 0 {
            sheet.row([
                ("oid", Cell::from(kind.array)),
                ("typname", Cell::from(format!("_{}", kind.name))),
                ("typnamespace", Cell::from(CATALOG)),
                ("typowner", Cell::from(OWNER)),
                ("typlen", Cell::from(-1)),
                ("typtype", Cell::from("b")),
                ("typcategory", Cell::from("A")),
                ("typisdefined", Cell::from(true)),
                ("typdelim", Cell::from(",")),
                ("typelem", Cell::from(kind.number)),
                ("typinput", Cell::from(750)),
                ("typreceive", Cell::from(2400)),
                ("typalign", Cell::from("i")),
                ("typstorage", Cell::from("x")),
                ("typtypmod", Cell::from(-1)),
                ("typcollation", Cell::from(if kind.category == "S" { COLLATION } else { 0 })),
            ]);
        }
    }
}

fn settings(sheet: &mut Sheet) {
    let defaults = Settings::default();
    for setting in SETTINGS {
        let value = setting.show(&defaults);
        sheet.row([
            ("name", Cell::from(setting.name)),
            ("setting", Cell::from(value.as_str())),
            ("short_desc", Cell::from(setting.meaning)),
            ("context", Cell::from("user")),
            ("vartype", Cell::from("string")),
            ("source", Cell::from("default")),
            ("boot_val", Cell::from(value.as_str())),
            ("reset_val", Cell::from(value.as_str())),
        ]);
    }
    // what drivers look up
    for (name, value) in [("max_index_keys", "32"), ("server_version_num", "160000")] {
        sheet.row([("name", Cell::from(name)), ("setting", Cell::from(value))]);
    }
}
