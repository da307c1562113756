//! A write that is ready to be sent.
//!
//! Owns: the call of a row: its arguments, paths into one attribute merged, and the update mask.

use indexmap::IndexMap;
use serde_json::{Map, Value as Json};
use strataql_call::{Arguments, MethodCall, MethodRef, ServerVariables, Value, attribute_json};
use strataql_diag::{Code, Report};
use strataql_spec::paging::TokenLocation;
use strataql_spec::{Method, Service};

use super::rows::{CellValue, Row};
use super::writer::{Chosen, Writer};

/// The key of a write that is only explained.
const SHOWN_KEY: &str = "<a new key>";

/// A write that is ready to be sent.
#[derive(Clone)]
pub(crate) struct PreparedWrite {
    pub(crate) call: MethodCall,
    /// The object before, when it was read to be able to undo the write.
    pub(crate) image: Option<Json>,
    /// Its row of the statement, where that is not its place among the writes that are sent together.
    pub(crate) row: Option<usize>,
}

impl PreparedWrite {
    /// Builds the request of a row; one that is only shown has no real idempotency key.
    pub(crate) fn of(
        writer: &Writer<'_>,
        chosen: &Chosen,
        row: &Row,
        shown: bool,
    ) -> Result<Self, Box<Report>> {
        let method = chosen.method();
        let mut arguments = arguments(chosen.target.service(), method, row)?;
        add_update_mask(method, row, &mut arguments);
        Self::bound(&chosen.target, arguments, &writer.variables, shown)
    }

    /// Builds the request of given values.
    pub(crate) fn bound(
        target: &MethodRef,
        arguments: Arguments,
        variables: &ServerVariables,
        shown: bool,
    ) -> Result<Self, Box<Report>> {
        let call = if shown {
            MethodCall::with_key(target.clone(), arguments, variables, || Ok(SHOWN_KEY.to_owned()))?
        } else {
            MethodCall::new(target.clone(), arguments, variables)?
        };
        Ok(Self::from(call))
    }
}

impl From<MethodCall> for PreparedWrite {
    fn from(call: MethodCall) -> Self {
        Self { call, image: None, row: None }
    }
}

/// Values of a row by parameter or attribute; paths into one attribute are merged.
fn arguments(service: &Service, method: &Method, row: &Row) -> Result<Arguments, Box<Report>> {
    let mut all: IndexMap<String, Value> = IndexMap::new();
    for (path, given) in row {
        let Some((name, rest)) = path.split_first() else { continue };
        let json = |given: &CellValue| match given {
            CellValue::Null => Value::Json(Json::Null),
            CellValue::Value(value) => value.clone(),
        };
        if rest.is_empty() {
            if *given == CellValue::Null && method.param(name).is_some() {
                if method.param(name).is_some_and(|param| param.required) {
                    return Err(Box::new(
                        Report::new(
                            Code::BadParamValue,
                            format!("`{name}` of method `{}` is NULL", method.name),
                        )
                        .with_help("give it a value"),
                    ));
                }
                continue;
            }
            all.insert(name.clone(), json(given));
            continue;
        }
        let value = nested(service, method, path, given)?;
        match all.entry(name.clone()).or_insert_with(|| Value::Json(Json::Object(Map::new()))) {
            Value::Json(Json::Object(object)) => place(object, rest, value),
            _ => {
                return Err(Box::new(
                    Report::new(
                        Code::BadParamValue,
                        format!("`{name}` is set as a whole and by path (`{}`)", path.join(".")),
                    )
                    .with_help("set it in one way"),
                ));
            }
        }
    }
    Ok(Arguments(all))
}

/// A value at a path, as JSON of the type that the schema has there.
fn nested(
    service: &Service,
    method: &Method,
    path: &[String],
    given: &CellValue,
) -> Result<Json, Box<Report>> {
    let CellValue::Value(value) = given else { return Ok(Json::Null) };
    let property = method.body.as_ref().and_then(|body| body.property(&path[0]));
    let schema = property.and_then(|property| service.schemas.at_path(property.schema, &path[1..]));
    let dotted = path.join(".");
    let Some(schema) = schema else {
        let known: Vec<&str> = property
            .map(|property| {
                service.schemas[property.schema].properties.keys().map(String::as_str).collect()
            })
            .unwrap_or_default();
        return Err(Box::new(
            Report::new(
                Code::UnknownColumn,
                format!("method `{}` knows no field `{dotted}`", method.name),
            )
            .with_help_if(strataql_diag::did_you_mean(&path[path.len() - 1], known))
            .with_help("`DESCRIBE METHOD EXTENDED …` lists what it takes"),
        ));
    };
    attribute_json(&service.schemas, schema, value).map_err(|expected| {
        Box::new(
            Report::new(
                Code::BadParamValue,
                format!(
                    "`{}` is no value for `{dotted}` of method `{}`",
                    value.text(),
                    method.name
                ),
            )
            .with_help(format!("give {expected}")),
        )
    })
}

fn place(object: &mut Map<String, Json>, path: &[String], value: Json) {
    match path {
        [] => {}
        [last] => {
            object.insert(last.clone(), value);
        }
        [first, rest @ ..] => {
            let inner = object.entry(first.clone()).or_insert_with(|| Json::Object(Map::new()));
            if let Json::Object(inner) = inner {
                place(inner, rest, value);
            }
        }
    }
}

/// The list of changed fields, where the document asks for one and the statement gives none.
fn add_update_mask(method: &Method, row: &Row, arguments: &mut Arguments) {
    let Some(target) = &method.extension.update_mask else { return };
    if arguments.0.contains_key(&target.name) {
        return;
    }
    let wrapper = method.extension.body_wrapper.as_deref();
    let mut fields: Vec<String> = Vec::new();
    for (path, _) in row {
        if method.param(&path[0]).is_some() {
            continue;
        }
        if wrapper == Some(path[0].as_str())
            && let Some(Value::Json(Json::Object(object))) = arguments.0.get(&path[0])
        {
            fields.extend(object.keys().cloned());
            continue;
        }
        let wire = method
            .body
            .as_ref()
            .and_then(|body| body.property(&path[0]))
            .map_or_else(|| path[0].clone(), |property| property.wire.clone());
        let field =
            std::iter::once(wire).chain(path[1..].iter().cloned()).collect::<Vec<_>>().join(".");
        if !fields.contains(&field) {
            fields.push(field);
        }
    }
    let in_request = target.location == TokenLocation::Body || method.param(&target.name).is_some();
    if !fields.is_empty() && in_request {
        arguments.0.insert(target.name.clone(), Value::Text(fields.join(",")));
    }
}
