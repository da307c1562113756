//! Functions of the catalogs: names of types and objects, and their numbers.
//!
//! Surprise: they are registered under `pg_catalog.…`, so that nobody calls them by chance.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::execution::SessionState;
use datafusion::execution::registry::FunctionRegistry;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use strataql_diag::{Code, Report};
use strataql_query::error::external;
use strataql_query::front::pg_catalog::setting;
use strataql_registry::Registry;

use super::layouts::LAYOUTS;
use super::names::{Part, parts, quoted, schema_name, split};
use super::numbers::{Object, number_of, object_of};
use super::{SCHEMA, types};

type Call = fn(&Registry, &[ScalarValue]) -> Result<ScalarValue>;

/// Registers the functions.
///
/// # Errors
/// Those of the registry of functions.
pub(crate) fn register(state: &mut SessionState, registry: &Arc<Registry>) -> Result<()> {
    let all: [(&'static str, usize, DataType, Call); 11] = [
        ("current_setting", 1, DataType::Utf8, |_, given| {
            let Some(name) = text(given, 0) else { return Ok(ScalarValue::Utf8(None)) };
            let value = setting(&name.to_lowercase()).ok_or_else(|| {
                external(Box::new(
                    Report::new(Code::UnknownSetting, format!("there is no setting `{name}`"))
                        .with_help(
                            "`current_setting(name, true)` is NULL for a setting that there is not",
                        ),
                ))
            })?;
            Ok(ScalarValue::Utf8(Some(value.to_owned())))
        }),
        ("known_setting", 1, DataType::Utf8, |_, given| {
            let value = text(given, 0).and_then(|name| setting(&name.to_lowercase()));
            Ok(ScalarValue::Utf8(value.map(str::to_owned)))
        }),
        ("format_type", 2, DataType::Utf8, |_, given| {
            let modifier = number(given, 1);
            Ok(ScalarValue::Utf8(number(given, 0).map(|kind| types::shown(kind, modifier))))
        }),
        ("parse_ident", 1, texts(), |_, given| {
            let Some(name) = text(given, 0) else { return ScalarValue::try_from(&texts()) };
            let plain = |part: Part| {
                if part.is_quoted { part.name } else { part.name.trim().to_lowercase() }
            };
            let parts: Vec<ScalarValue> =
                split(&name).into_iter().map(|part| ScalarValue::Utf8(Some(plain(part)))).collect();
            Ok(ScalarValue::List(ScalarValue::new_list_nullable(&parts, &DataType::Utf8)))
        }),
        ("quote_ident", 1, DataType::Utf8, |_, given| {
            Ok(ScalarValue::Utf8(text(given, 0).map(|name| quoted(&name))))
        }),
        ("relation_name", 2, DataType::Utf8, |_, given| {
            let name = |number| relation_name(number, &text(given, 1).unwrap_or_default());
            Ok(ScalarValue::Utf8(number(given, 0).map(name)))
        }),
        ("relation_number", 2, DataType::Int64, |registry, given| {
            let Some(name) = text(given, 0) else { return Ok(ScalarValue::Int64(None)) };
            let database = text(given, 1).unwrap_or_default();
            let number = relation_number(registry, &name, &database).map_err(external)?;
            Ok(ScalarValue::Int64(Some(number)))
        }),
        ("schema_name", 2, DataType::Utf8, |_, given| {
            let database = text(given, 1).unwrap_or_default();
            let name = number(given, 0).map(|number| match object_of(number) {
                Some(Object::Schema(provider, service)) => {
                    quoted(&schema_name(&provider, &service, &database))
                }
                _ if number == 11 => SCHEMA.to_owned(),
                _ if number == 2200 => "public".to_owned(),
                _ => number.to_string(),
            });
            Ok(ScalarValue::Utf8(name))
        }),
        ("to_regclass", 2, DataType::Int64, |registry, given| {
            let Some(name) = text(given, 0) else { return Ok(ScalarValue::Int64(None)) };
            let database = text(given, 1).unwrap_or_default();
            Ok(ScalarValue::Int64(relation_number(registry, &name, &database).ok()))
        }),
        ("to_regtype", 1, DataType::Int64, |_, given| {
            Ok(ScalarValue::Int64(text(given, 0).and_then(|name| types::numbered(&name))))
        }),
        ("type_number", 1, DataType::Int64, |_, given| {
            let Some(name) = text(given, 0) else { return Ok(ScalarValue::Int64(None)) };
            let number = types::numbered(&name).or_else(|| name.trim().parse().ok());
            number.map(|number| ScalarValue::Int64(Some(number))).ok_or_else(|| {
                external(Box::new(
                    Report::new(Code::BadValue, format!("there is no type `{name}`"))
                        .with_help("`SELECT typname FROM pg_catalog.pg_type` lists them"),
                ))
            })
        }),
    ];
    for (name, arguments, returns, call) in all {
        let function = Function {
            name: format!("{SCHEMA}.{name}"),
            returns,
            signature: Signature::any(arguments, Volatility::Stable),
            registry: Arc::clone(registry),
            call,
        };
        state.register_udf(Arc::new(ScalarUDF::from(function)))?;
    }
    Ok(())
}

fn texts() -> DataType {
    DataType::new_list(DataType::Utf8, true)
}

fn number(given: &[ScalarValue], at: usize) -> Option<i64> {
    match given.get(at)?.cast_to(&DataType::Int64) {
        Ok(ScalarValue::Int64(number)) => number,
        _ => None,
    }
}

fn text(given: &[ScalarValue], at: usize) -> Option<String> {
    match given.get(at)?.cast_to(&DataType::Utf8) {
        Ok(ScalarValue::Utf8(text)) => text,
        _ => None,
    }
}

/// A relation's name as `regclass` shows it.
fn relation_name(number: i64, database: &str) -> String {
    if let Some(layout) = LAYOUTS.iter().find(|layout| layout.number == number) {
        return layout.name.to_owned();
    }
    match object_of(number) {
        Some(Object::Resource(provider, service, name)) => {
            let schema = schema_name(&provider, &service, database);
            format!("{}.{}", quoted(&schema), quoted(&name))
        }
        Some(Object::Local(name)) => quoted(&name),
        _ if number == 0 => "-".to_owned(),
        _ => number.to_string(),
    }
}

/// The number of a relation by its name, or of a number as text.
fn relation_number(registry: &Registry, written: &str, database: &str) -> Result<i64, Box<Report>> {
    if let Ok(number) = written.trim().parse() {
        return Ok(number);
    }
    let parts = parts(written);
    let catalog = |name: &str| LAYOUTS.iter().find(|layout| layout.name == name);
    let (provider, service, name) = match parts.as_slice() {
        [name] => {
            let known = catalog(name).map(|layout| layout.number);
            return Ok(known.unwrap_or_else(|| number_of(Object::Local(name.clone()))));
        }
        [schema, name] if schema == SCHEMA => {
            return catalog(name).map(|layout| layout.number).ok_or_else(|| missing(written));
        }
        [schema, name] if schema == "public" => return Ok(number_of(Object::Local(name.clone()))),
        [service, name] => (database, service.as_str(), name),
        [provider, service, name] => (provider.as_str(), service.as_str(), name),
        _ => return Err(missing(written)),
    };
    let index = registry.index(provider, service).map_err(|_| missing(written))?;
    let found = index.resources.iter().find(|resource| resource.name == *name);
    let found = found.ok_or_else(|| missing(written))?;
    Ok(number_of(Object::Resource(provider.to_owned(), service.to_owned(), found.name.clone())))
}

fn missing(name: &str) -> Box<Report> {
    Box::new(
        Report::new(Code::UnknownResource, format!("there is no relation `{name}`"))
            .with_help("a schema is a service of the provider that the database is named after"),
    )
}

/// A function over the values of a row.
#[derive(Debug)]
struct Function {
    name: String,
    returns: DataType,
    signature: Signature,
    registry: Arc<Registry>,
    call: Call,
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(self.returns.clone())
    }

    fn invoke_with_args(&self, given: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_constant = given.args.iter().all(|one| matches!(one, ColumnarValue::Scalar(_)));
        let rows = if is_constant { 1 } else { given.number_rows };
        let mut values = Vec::with_capacity(rows);
        for row in 0..rows {
            let cells: Result<Vec<ScalarValue>> = given
                .args
                .iter()
                .map(|argument| match argument {
                    ColumnarValue::Scalar(value) => Ok(value.clone()),
                    ColumnarValue::Array(array) => ScalarValue::try_from_array(array, row),
                })
                .collect();
            values.push((self.call)(&self.registry, &cells?)?);
        }
        match values.pop() {
            Some(value) if is_constant => Ok(ColumnarValue::Scalar(value)),
            Some(value) => {
                values.push(value);
                Ok(ColumnarValue::Array(ScalarValue::iter_to_array(values)?))
            }
            None => {
                Ok(ColumnarValue::Array(ScalarValue::try_from(&self.returns)?.to_array_of_size(0)?))
            }
        }
    }
}
