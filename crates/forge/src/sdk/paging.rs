//! How a method iterates over pages.

use super::facts::{Answer, Paging, Source, Type};
use super::types;
use crate::python::{Expr, Function, Stmt, walk};

/// The paging of a method.
pub(super) fn paging(function: &Function) -> Paging {
    let mut found = Paging::None;
    walk(&function.body, &mut |statement| {
        let Stmt::Assign { target, operator, value } = statement else { return };
        let response = value.item().filter(|(of, _)| of == "json").map(|(_, key)| key.to_owned());
        match (target.item(), operator.as_str(), response) {
            (Some((of, wire)), "=", Some(response)) => {
                let request = Source { in_body: of == "body", wire: wire.to_owned() };
                found = Paging::Token { request, response };
            }
            (Some((_, wire)), "+=", _) => {
                let wire = wire.to_owned();
                found = match value {
                    Expr::Number(_) => Paging::Page { wire },
                    _ => Paging::Offset { wire },
                };
            }
            (None, "=", Some(response)) if target.name() == Some("body") => {
                found = Paging::NextBody { response };
            }
            _ => {}
        }
    });
    found
}

/// The answer of a method.
pub(super) fn answer(function: &Function, module: &str) -> Answer {
    let mut key = None;
    let mut item = None;
    let mut found = Answer::None;
    let mut envelope: Option<(Type, String)> = None;
    let mut local: Vec<(&str, Type)> = Vec::new();
    walk(&function.body, &mut |statement| match statement {
        Stmt::For { iterable, .. } => {
            if let Some((of, name)) = iterable.item()
                && of == "json"
            {
                key = Some(name.to_owned());
            }
        }
        Stmt::Expr(expression) => {
            if let Some((called, arguments, _)) = expression.call()
                && called == "yield"
            {
                item = arguments.first().and_then(|value| parsed(value, module));
            }
        }
        Stmt::Assign { target, value, .. } => match value {
            Expr::Attribute(of, field) => {
                if let Some(kind) = parsed(of, module) {
                    envelope = Some((kind, field.clone()));
                }
            }
            _ => {
                if let (Some(name), Some(kind)) = (target.name(), parsed(value, module)) {
                    local.push((name, kind));
                }
            }
        },
        Stmt::Return(Some(value)) => {
            if let Some(kind) = parsed(value, module) {
                found = Answer::One(kind);
            } else if let Expr::Comprehension { item, .. } = value {
                if let Some(item) = parsed(item, module) {
                    found = Answer::Items { key: None, item, envelope: None };
                }
            } else if let Some((called, arguments, keywords)) = value.call() {
                let response = keywords.iter().find(|(name, _)| name == "response");
                if let Some(kind) = response.and_then(|(_, value)| parsed(value, module)) {
                    found = Answer::One(kind);
                } else if called != "Wait"
                    && let Some(name) = arguments.get(1).and_then(Expr::name)
                    && let Some((_, kind)) = local.iter().find(|(local, _)| *local == name)
                {
                    // a long-running operation wraps the parsed answer
                    found = Answer::One(kind.clone());
                }
            } else if value.name() == Some("res")
                && let Some(returns) = &function.returns
            {
                found = Answer::One(types::of(returns, module));
            }
        }
        _ => {}
    });
    if let Some((kind, field)) = envelope {
        let item =
            function.returns.as_ref().map_or(Type::Any, |returns| types::of(returns, module));
        return Answer::Items { key: Some(field), item, envelope: Some(kind) };
    }
    match (key, item) {
        (Some(key), item) => {
            let declared = || function.returns.as_ref().map(|returns| types::of(returns, module));
            let item = item.or_else(declared).unwrap_or(Type::Any);
            Answer::Items { key: Some(key), item, envelope: None }
        }
        _ => found,
    }
}

/// `X.from_dict(…)` as the type of X.
fn parsed(expression: &Expr, module: &str) -> Option<Type> {
    let (called, _, _) = expression.call()?;
    Some(types::named(called.strip_suffix(".from_dict")?, module))
}
