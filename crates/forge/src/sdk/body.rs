//! What fills the query and the body of a request.

use super::facts::{Body, Source};
use crate::python::{Expr, Function, Stmt, walk};

/// The inputs of a request.
#[derive(Debug)]
pub(super) struct Inputs {
    pub(super) query: Vec<(String, String)>,
    pub(super) body: Body,
    /// Values that the SDK adds.
    pub(super) defaults: Vec<(Source, String)>,
}

/// Reads `query["k"] = v`, `body["k"] = v` and `body = v.as_dict()`.
pub(super) fn inputs(function: &Function, keywords: &[(String, Expr)]) -> Inputs {
    let mut query = Vec::new();
    let mut keyed = Vec::new();
    let mut body = Body::None;
    let mut defaults = Vec::new();
    let is_parameter = |name: &str| function.parameters.iter().any(|found| found.name == name);
    walk(&function.body, &mut |statement| {
        let Stmt::Assign { target, operator, value } = statement else { return };
        if operator != "=" {
            return;
        }
        if let Some((of, key)) = target.item() {
            let in_body = of == "body";
            if !in_body && of != "query" {
                return;
            }
            if let Some(name) = mentioned(value, &is_parameter) {
                let list = if in_body { &mut keyed } else { &mut query };
                let entry = (key.to_owned(), name);
                if !list.contains(&entry) {
                    list.push(entry);
                }
            } else if let Expr::Number(number) = value {
                let source = Source { in_body, wire: key.to_owned() };
                defaults.push((source, number.clone()));
            }
        } else if target.name() == Some("body") {
            match mentioned(value, &is_parameter) {
                Some(name) => body = Body::Whole(name),
                None if matches!(value, Expr::Dict(_)) => body = Body::Keyed(Vec::new()),
                None => {}
            }
        }
    });
    if let Some((_, data)) = keywords.iter().find(|(name, _)| name == "data")
        && let Some(name) = mentioned(data, &is_parameter)
    {
        body = Body::Binary(name);
    } else if let Some((_, value)) = keywords.iter().find(|(name, _)| name == "body") {
        // a parameter may be the body itself
        if let Some(name) = value.name().filter(|name| *name != "body" && is_parameter(name)) {
            body = Body::Whole(name.to_owned());
        }
    }
    if let Body::Keyed(_) = body {
        body = Body::Keyed(keyed);
    }
    Inputs { query, body, defaults }
}

/// The first parameter that an expression mentions.
fn mentioned(expression: &Expr, is_parameter: &dyn Fn(&str) -> bool) -> Option<String> {
    let find = |inner: &Expr| mentioned(inner, is_parameter);
    match expression {
        Expr::Name(name) if is_parameter(name) => Some(name.clone()),
        Expr::Attribute(of, _) => find(of),
        Expr::Call(of, arguments, _) => find(of).or_else(|| arguments.iter().find_map(find)),
        Expr::Comprehension { iterable, .. } => find(iterable),
        Expr::Conditional { body, otherwise } => find(body).or_else(|| find(otherwise)),
        Expr::Items(items) => items.iter().find_map(find),
        _ => None,
    }
}
