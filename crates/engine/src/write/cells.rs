//! The values of a row, and where each of them goes in the request.
//!
//! Owns: WHERE names the object and SET fills the body, in every verb; what stands twice.
//! Surprise: a column of an INSERT does both. A new object has no WHERE, so a column with the name of a
//! parameter goes there, and into the body as well if that requires such a field.

use strataql_call::Value;
use strataql_diag::{Code, Report};
use strataql_query::resource::ResourceRef;
use strataql_spec::{Method, Slot, SqlVerb};

use super::statement::{Assigned, Marker};

/// Where a value goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Destination {
    /// To the parameter of its name, or else to the field by which the body names the object.
    pub(crate) argument: bool,
    /// To the field of its name in the body.
    pub(crate) field: bool,
}

impl Destination {
    /// A value that names the object.
    pub(crate) const KEY: Self = Self { argument: true, field: false };
    /// A value of the body.
    const FIELD: Self = Self { argument: false, field: true };
}

/// A column of the source of rows.
#[derive(Debug, Clone)]
pub(crate) struct SourceColumn {
    pub(crate) path: Vec<String>,
    pub(crate) marker: Marker,
    pub(crate) to: Destination,
}

impl SourceColumn {
    /// A column that names the object.
    pub(crate) fn key(name: &str) -> Self {
        Self { path: vec![name.to_owned()], marker: Marker::Text, to: Destination::KEY }
    }
}

/// One row to write.
pub(crate) type Row = Vec<Cell>;

/// A value of a row.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    pub(crate) path: Vec<String>,
    pub(crate) to: Destination,
    pub(crate) value: CellValue,
}

/// What a row has in a column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum CellValue {
    Value(Value),
    Null,
}

/// Where the things go that are set, in their order.
///
/// # Errors
/// `ambiguous-name` for what stands twice.
pub(crate) fn destinations(
    resource: &ResourceRef,
    verb: SqlVerb,
    method: &Method,
    assigned: &[Assigned],
) -> Result<Vec<Destination>, Box<Report>> {
    let mut all: Vec<Destination> = assigned
        .iter()
        .map(|assigned| {
            let name = assigned.path.first().map(String::as_str).unwrap_or_default();
            let is_field = resource.resource().slot(verb, method, name) == Some(Slot::Body);
            match (verb, method.param(name)) {
                (SqlVerb::Insert, Some(_)) if is_field => {
                    let property = method.body.as_ref().and_then(|body| body.property(name));
                    let field = property.is_some_and(|property| property.required);
                    Destination { argument: true, field }
                }
                _ if is_field => Destination::FIELD,
                _ => Destination::KEY,
            }
        })
        .collect();
    for position in 0..all.len() {
        // `(name, data__name)`: the field has a value of its own
        let is_other = |other: usize| other != position && all[other] == Destination::FIELD;
        let both = Destination { argument: true, field: true };
        if all[position] == both
            && (0..all.len())
                .any(|other| is_other(other) && same(method, &assigned[position], &assigned[other]))
        {
            all[position] = Destination::KEY;
        }
    }
    for (position, one) in assigned.iter().enumerate() {
        for (before, other) in assigned.iter().enumerate().take(position) {
            // columns of the statement's own have no path
            if one.path.is_empty() || other.path.is_empty() {
                continue;
            }
            let (to, known) = (all[position], all[before]);
            let is_twice = (to.field && known.field && overlaps(method, one, other))
                || (to.argument && known.argument && is_param_twice(method, one, other));
            if is_twice {
                return Err(Box::new(
                    Report::new(
                        Code::AmbiguousName,
                        format!("`{}` is set twice", one.path.join(".")),
                    )
                    .with_label(one.span, "")
                    .with_help("set it once"),
                ));
            }
        }
    }
    Ok(all)
}

fn is_param_twice(method: &Method, one: &Assigned, other: &Assigned) -> bool {
    let param = |assigned: &Assigned| {
        assigned.path.first().and_then(|name| method.param(name)).map(|param| &param.name)
    };
    one.path == other.path || param(one).is_some_and(|name| param(other) == Some(name))
}

/// The path of what is set, as it is in the body.
fn in_body(method: &Method, assigned: &Assigned) -> Vec<String> {
    let mut path = assigned.path.clone();
    let property = path.first().and_then(|name| method.body.as_ref()?.property(name));
    if let Some(property) = property {
        path[0].clone_from(&property.wire);
    }
    path
}

fn same(method: &Method, one: &Assigned, other: &Assigned) -> bool {
    in_body(method, one) == in_body(method, other)
}

/// True if one is the other or a part of it.
fn overlaps(method: &Method, one: &Assigned, other: &Assigned) -> bool {
    let (one, other) = (in_body(method, one), in_body(method, other));
    one.starts_with(&other) || other.starts_with(&one)
}
