//! Data classes and enums.

use indexmap::IndexMap;

use super::facts::{Field, Message};
use super::types;
use crate::python::{Class, Expr, Stmt, docstring};

/// The members of an enum.
pub(super) fn members(class: &Class) -> IndexMap<String, String> {
    let member = |statement: &Stmt| match statement {
        Stmt::Assign { target, value, .. } => {
            Some((target.name()?.to_owned(), value.text()?.to_owned()))
        }
        _ => None,
    };
    class.body.iter().filter_map(member).collect()
}

/// The fields of a data class.
pub(super) fn message(class: &Class, module: &str) -> Message {
    let wires = wire_names(class);
    let has_docstring = docstring(&class.body).is_some();
    let mut fields: Vec<Field> = Vec::new();
    for (at, statement) in class.body.iter().enumerate() {
        let Stmt::Annotated { target, annotation, value } = statement else { continue };
        let doc = match class.body.get(at + 1) {
            Some(Stmt::Expr(Expr::Text(text))) => Some(text.clone()),
            _ => None,
        };
        fields.push(Field {
            name: target.clone(),
            wire: wires.get(target).unwrap_or(target).clone(),
            kind: types::of(annotation, module),
            required: value.is_none(),
            doc,
            is_first: fields.is_empty() && !has_docstring,
        });
    }
    Message { fields }
}

/// Python name → JSON name, from the call that `from_dict` returns.
fn wire_names(class: &Class) -> IndexMap<String, String> {
    let mut names = IndexMap::new();
    for statement in &class.body {
        let Stmt::Function(function) = statement else { continue };
        if function.name != "from_dict" {
            continue;
        }
        let Some(Stmt::Return(Some(Expr::Call(_, _, keywords)))) = function.body.last() else {
            continue;
        };
        for (name, value) in keywords {
            if let Some(wire) = first_text(value) {
                names.insert(name.clone(), wire.to_owned());
            }
        }
    }
    names
}

fn first_text(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Text(text) => Some(text),
        Expr::Call(of, arguments, _) => {
            arguments.iter().find_map(first_text).or_else(|| first_text(of))
        }
        Expr::Attribute(of, _) => first_text(of),
        Expr::Subscript(_, key) => first_text(key),
        Expr::Conditional { body, .. } => first_text(body),
        _ => None,
    }
}
