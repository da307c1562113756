//! Methods that wait for a state, and classes of long-running operations.

use super::facts::{Sdk, Waiter};
use super::types;
use crate::python::{Class, Expr, Function, Stmt, walk};

/// A waiter as its function has it: states are enum members, still to be looked up.
#[derive(Debug)]
pub(super) struct Raw {
    poll: String,
    status: Vec<String>,
    success: Vec<String>,
    failure: Vec<String>,
    message: Vec<String>,
}

/// Reads a `wait_*` function.
pub(super) fn read(function: &Function) -> Option<Raw> {
    let mut raw = Raw {
        poll: String::new(),
        status: Vec::new(),
        success: Vec::new(),
        failure: Vec::new(),
        message: Vec::new(),
    };
    let states = |value: &Expr| match value {
        Expr::Items(items) => items.iter().filter_map(Expr::dotted).collect(),
        one => one.dotted().into_iter().collect(),
    };
    let polled = |value: &Expr| -> Option<Vec<String>> {
        let path = value.dotted()?;
        Some(path.strip_prefix("poll.")?.split('.').map(str::to_owned).collect())
    };
    walk(&function.body, &mut |statement| {
        let Stmt::Assign { target, value, .. } = statement else { return };
        match target.name() {
            Some("target_states") => raw.success = states(value),
            Some("failure_states") => raw.failure = states(value),
            Some("poll") => {
                if let Some((called, _, _)) = value.call()
                    && let Some(method) = called.strip_prefix("self.")
                {
                    method.clone_into(&mut raw.poll);
                }
            }
            Some("status") => raw.status = polled(value).unwrap_or_default(),
            Some("status_message") => {
                if let Some(path) = polled(value) {
                    raw.message = path;
                }
            }
            _ => {}
        }
    });
    (!raw.poll.is_empty() && !raw.status.is_empty()).then_some(raw)
}

/// Looks the states up.
pub(super) fn resolved(raw: &Raw, module: &str, sdk: &Sdk) -> Waiter {
    let values = |members: &[String]| {
        let value = |member: &String| {
            let (of, member) = member.rsplit_once('.')?;
            Some(sdk.values(&types::named(of, module))?.get(member)?.clone())
        };
        members.iter().filter_map(value).collect()
    };
    Waiter {
        poll: raw.poll.clone(),
        status: raw.status.clone(),
        success: values(&raw.success),
        failure: values(&raw.failure),
        message: raw.message.clone(),
    }
}

/// The SDK method that an operation class asks for its state.
pub(super) fn polled_by(class: &Class) -> Option<String> {
    let mut found = None;
    for statement in &class.body {
        let Stmt::Function(function) = statement else { continue };
        walk(&function.body, &mut |statement| {
            collect(statement, &mut |called| {
                if let Some(method) = called.strip_prefix("self._impl.")
                    && method.contains("get")
                {
                    found = Some(method.to_owned());
                }
            });
        });
        for statement in &function.body {
            // the function that polls is defined inside of the one that waits
            if let Stmt::Function(inner) = statement {
                walk(&inner.body, &mut |statement| {
                    collect(statement, &mut |called| {
                        if let Some(method) = called.strip_prefix("self._impl.")
                            && method.contains("get")
                        {
                            found = Some(method.to_owned());
                        }
                    });
                });
            }
        }
    }
    found
}

/// Everything that a statement calls by name.
fn collect(statement: &Stmt, visit: &mut dyn FnMut(&str)) {
    let (Stmt::Assign { value, .. } | Stmt::Expr(value) | Stmt::Return(Some(value))) = statement
    else {
        return;
    };
    if let Some((called, _, _)) = value.call() {
        visit(&called);
    }
}
