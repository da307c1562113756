//! One method of an API class.

use super::body;
use super::facts::{Operation, Parameter, PathPart};
use super::paging;
use super::types;
use crate::python::{Expr, Function, Part, Stmt, docstring, walk};

/// The name of the SDK's function that sends a request.
const SEND: &str = "self._api.do";

/// Reads a method; `None` if it sends no request. The waiter is left to the caller: its name comes
/// with the method.
pub(super) fn read(function: &Function, module: &str) -> Option<(Operation, Link)> {
    let (arguments, keywords) = sent(function)?;
    let verb = arguments.first().and_then(Expr::text)?.to_owned();
    let inputs = body::inputs(function, keywords);
    let mut in_workspace = false;
    let mut accept = None;
    let mut headers = Vec::new();
    let mut random = None;
    let mut link = Link::None;
    walk(&function.body, &mut |statement| match statement {
        Stmt::Assign { target, value, .. } => {
            in_workspace |= target.name() == Some("cfg");
            match (target.name(), value) {
                (Some("headers"), Expr::Dict(entries)) => {
                    let found = entries.iter().find(|(key, _)| key.text() == Some("Accept"));
                    accept = found.and_then(|(_, value)| value.text()).map(str::to_owned);
                }
                (Some("response_headers"), Expr::Items(items)) => {
                    headers = items.iter().filter_map(Expr::text).map(str::to_owned).collect();
                }
                (Some(name), value) if makes_uuid(value) => random = Some(name.to_owned()),
                _ => {}
            }
        }
        Stmt::Return(Some(value)) => {
            if let Some((called, arguments, _)) = value.call() {
                if called == "Wait" {
                    let waiter = arguments.first().and_then(Expr::dotted);
                    if let Some(name) =
                        waiter.as_deref().and_then(|name| name.strip_prefix("self."))
                    {
                        link = Link::Waiter(name.to_owned());
                    }
                } else if called.ends_with("Operation") {
                    link = Link::Operation(called);
                }
            }
        }
        _ => {}
    });
    let parameters = function.parameters.iter().map(|found| Parameter {
        name: found.name.clone(),
        kind: found.annotation.as_ref().map_or(super::Type::Any, |kind| types::of(kind, module)),
        required: found.required,
    });
    let operation = Operation {
        name: function.name.clone(),
        doc: docstring(&function.body).unwrap_or_default().to_owned(),
        verb,
        path: arguments.get(1).map(path).unwrap_or_default(),
        in_workspace,
        parameters: parameters.collect(),
        query: inputs.query,
        body: inputs.body,
        accept,
        headers,
        answer: paging::answer(function, module),
        paging: paging::paging(function),
        defaults: inputs.defaults,
        random,
        wait: None,
    };
    Some((operation, link))
}

/// What a method's result waits with.
#[derive(Debug, PartialEq)]
pub(super) enum Link {
    None,
    /// A `wait_*` function of the same class.
    Waiter(String),
    /// A class of long-running operations.
    Operation(String),
}

type Call<'a> = (&'a [Expr], &'a [(String, Expr)]);

/// The call that sends the request.
fn sent(function: &Function) -> Option<Call<'_>> {
    let mut found = None;
    walk(&function.body, &mut |statement| {
        let (Stmt::Assign { value, .. } | Stmt::Expr(value) | Stmt::Return(Some(value))) =
            statement
        else {
            return;
        };
        if let Some((called, arguments, keywords)) = value.call()
            && called == SEND
        {
            found.get_or_insert((arguments, keywords));
        }
    });
    found
}

fn makes_uuid(value: &Expr) -> bool {
    match value {
        Expr::Call(of, arguments, _) => {
            of.dotted().is_some_and(|name| name.contains("uuid"))
                || arguments.iter().any(makes_uuid)
        }
        _ => false,
    }
}

/// The pieces of a path.
fn path(expression: &Expr) -> Vec<PathPart> {
    let parameter = |name: &str, slashes| PathPart::Parameter { name: name.to_owned(), slashes };
    match expression {
        Expr::Text(text) => vec![PathPart::Text(text.clone())],
        Expr::Format(parts) => parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => PathPart::Text(text.clone()),
                Part::Expr(inner) => match inner.call() {
                    Some((_, arguments, _)) => {
                        let name = arguments.first().and_then(Expr::name).unwrap_or_default();
                        parameter(name, true)
                    }
                    None => {
                        let dotted = inner.dotted().unwrap_or_default();
                        let name = dotted.strip_suffix(".value").unwrap_or(&dotted);
                        parameter(name.rsplit('.').next().unwrap_or(name), false)
                    }
                },
            })
            .collect(),
        _ => Vec::new(),
    }
}
