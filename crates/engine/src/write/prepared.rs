//! A write that is ready to be sent.
//!
//! Owns: the call of a row: its arguments, paths into one attribute merged, and the update mask.

use serde_json::{Map, Value as Json};
use strataql_call::{
    Arguments, Fields, MethodCall, MethodRef, ServerVariables, Value, attribute_json,
};
use strataql_diag::{Code, Report};
use strataql_spec::paging::TokenLocation;
use strataql_spec::{Method, Service};

use super::cells::{Cell, CellValue, Row};
use super::chosen::Chosen;

/// The key of a write that is only explained.
const SHOWN_KEY: &str = "<a new key>";

/// A write that is ready to be sent.
#[derive(Clone)]
pub(crate) struct PreparedWrite {
    pub(crate) call: MethodCall,
    /// The object before, when it was read to be able to undo the write.
    pub(crate) image: Option<Json>,
    /// Whether the object of a creation was there before.
    pub(crate) before: Before,
    /// Its row of the statement, where that is not its place among the writes that are sent together.
    pub(crate) row: Option<usize>,
}

/// What is known of the object that a write creates, from before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Before {
    /// Nobody asked.
    #[default]
    Unasked,
    /// It was asked for, and the answer did not tell.
    Unread,
    /// It was not there.
    Absent,
}

impl PreparedWrite {
    /// Builds the request of a row; one that is only shown has no real idempotency key.
    pub(crate) fn of(
        chosen: &Chosen,
        row: &Row,
        variables: &ServerVariables,
        shown: bool,
    ) -> Result<Self, Box<Report>> {
        let method = chosen.method();
        let (mut arguments, mut fields) = values(chosen.target.service(), method, row)?;
        add_update_mask(method, row, &mut arguments, &mut fields);
        Self::bound(&chosen.target, arguments, fields, variables, shown)
    }

    /// Builds the request of given values.
    pub(crate) fn bound(
        target: &MethodRef,
        arguments: Arguments,
        fields: Fields,
        variables: &ServerVariables,
        shown: bool,
    ) -> Result<Self, Box<Report>> {
        let target = target.clone();
        let call = if shown {
            let key = || Ok(SHOWN_KEY.to_owned());
            MethodCall::with_key(target, arguments, fields, variables, key)?
        } else {
            MethodCall::write(target, arguments, fields, variables)?
        };
        Ok(Self::from(call))
    }
}

impl From<MethodCall> for PreparedWrite {
    fn from(call: MethodCall) -> Self {
        Self { call, image: None, before: Before::default(), row: None }
    }
}

/// The values of a row that name the object, and those of the body; paths into one attribute are merged.
fn values(
    service: &Service,
    method: &Method,
    row: &Row,
) -> Result<(Arguments, Fields), Box<Report>> {
    let (mut arguments, mut fields) = (Arguments::default(), Fields::default());
    for Cell { path, to, value } in row {
        let Some((name, rest)) = path.split_first() else { continue };
        if to.argument && rest.is_empty() {
            add_argument(method, name, value, &mut arguments)?;
        }
        if to.field || !rest.is_empty() {
            add_field(service, method, path, value, &mut fields)?;
        }
    }
    Ok((arguments, fields))
}

fn add_argument(
    method: &Method,
    name: &str,
    value: &CellValue,
    arguments: &mut Arguments,
) -> Result<(), Box<Report>> {
    let is_optional = method.param(name).is_some_and(|param| !param.required);
    match value {
        CellValue::Value(value) => {
            arguments.0.insert(name.to_owned(), value.clone());
            Ok(())
        }
        CellValue::Null if is_optional => Ok(()),
        CellValue::Null => Err(Box::new(
            Report::new(
                Code::BadParamValue,
                format!("`{name}` of method `{}` is NULL", method.name),
            )
            .with_help("give it a value"),
        )),
    }
}

fn add_field(
    service: &Service,
    method: &Method,
    path: &[String],
    value: &CellValue,
    fields: &mut Fields,
) -> Result<(), Box<Report>> {
    let Some((name, rest)) = path.split_first() else { return Ok(()) };
    if rest.is_empty() {
        let value = match value {
            CellValue::Null => Value::Json(Json::Null),
            CellValue::Value(value) => value.clone(),
        };
        fields.0.insert(name.clone(), value);
        return Ok(());
    }
    let json = nested(service, method, path, value)?;
    let all = fields.0.entry(name.clone());
    if let Value::Json(Json::Object(object)) =
        all.or_insert_with(|| Value::Json(Json::Object(Map::new())))
    {
        place(object, rest, json);
    }
    Ok(())
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
fn add_update_mask(method: &Method, row: &Row, arguments: &mut Arguments, fields: &mut Fields) {
    let Some(target) = &method.extension.update_mask else { return };
    let body = method.body.as_ref();
    let property = |name: &str| body.and_then(|body| body.property(name));
    let is_given = arguments.0.contains_key(&target.name)
        || fields.0.keys().any(|name| {
            *name == target.name || property(name).is_some_and(|it| it.wire == target.name)
        });
    if is_given {
        return;
    }
    let wrapper = method.extension.body_wrapper.as_deref();
    let mut changed: Vec<String> = Vec::new();
    for path in row.iter().filter(|cell| cell.to.field).map(|cell| &cell.path) {
        if wrapper == Some(path[0].as_str())
            && let Some(Value::Json(Json::Object(object))) = fields.0.get(&path[0])
        {
            changed.extend(object.keys().cloned());
            continue;
        }
        let wire = property(&path[0]).map_or_else(|| path[0].clone(), |it| it.wire.clone());
        let field =
            std::iter::once(wire).chain(path[1..].iter().cloned()).collect::<Vec<_>>().join(".");
        if !changed.contains(&field) {
            changed.push(field);
        }
    }
    if changed.is_empty() {
        return;
    }
    let mask = Value::Text(changed.join(","));
    if target.location != TokenLocation::Body && method.param(&target.name).is_some() {
        arguments.0.insert(target.name.clone(), mask);
    } else if target.location == TokenLocation::Body && property(&target.name).is_some() {
        fields.0.insert(target.name.clone(), mask);
    }
}
