//! The method of a write: the first in document order that takes everything the statement gives and
//! lacks nothing.

use strataql_diag::{Code, Report, did_you_mean};
use strataql_spec::{Location, Method};
use strataql_sql::WriteKind;

use super::statement::{Assigned, WriteStatement};
use super::writer::Chosen;
use super::{condition, target_error};
use crate::resource::ResourceRef;

/// Chooses the method.
///
/// # Errors
/// `no-such-verb`, `unknown-column` for names that no candidate takes, `missing-param`.
pub(crate) fn choose(
    resource: &ResourceRef,
    statement: &WriteStatement,
) -> Result<Chosen, Box<Report>> {
    let verb = statement.verb();
    let candidates: Vec<&Method> = resource.resource().candidates(verb).collect();
    if candidates.is_empty() {
        let others = match statement.kind {
            WriteKind::Update if !resource.resource().verbs.replace.is_empty() => "it has REPLACE",
            WriteKind::Replace if !resource.resource().verbs.update.is_empty() => "it has UPDATE",
            _ => "it cannot be changed in that way",
        };
        return Err(Box::new(
            target_error(
                Code::NoSuchVerb,
                &statement.target,
                format!("`{}` has no method for {}", resource.dotted(), verb.as_str()),
            )
            .with_help(format!(
                "`SHOW METHODS IN {}` lists what it has; {others}",
                resource.dotted()
            )),
        ));
    }
    let given = condition::names(statement.condition.as_ref());
    let fits = candidates.iter().find(|method| {
        statement.assigned.iter().all(|assigned| takes(method, assigned))
            && lacks(method, statement, &given, resource).is_empty()
    });
    match fits.and_then(|method| resource.method(&method.name)) {
        Some(target) => Ok(Chosen { target, verb }),
        None => Err(refusal(resource, statement, &candidates, &given)),
    }
}

/// True if a method takes what is set.
pub(crate) fn takes(method: &Method, assigned: &Assigned) -> bool {
    let Some(name) = assigned.path.first() else { return false };
    method.param(name).is_some()
        || method.body.as_ref().is_some_and(|body| body.property(name).is_some())
        || method.extension.body_wrapper.as_deref() == Some(name.as_str())
}

/// What a method needs and the statement can never give. Parameters of an UPDATE or DELETE may come
/// from the rows that its WHERE finds.
fn lacks(
    method: &Method,
    statement: &WriteStatement,
    given: &[String],
    resource: &ResourceRef,
) -> Vec<String> {
    let set = |name: &str| {
        statement
            .assigned
            .iter()
            .any(|assigned| assigned.path.first().is_some_and(|first| first == name))
    };
    let found_by_select = |name: &str| {
        statement.kind != WriteKind::Insert
            && (resource.is_column(name) || resource.parameters().iter().any(|known| known == name))
    };
    let key = method.extension.idempotency_key.as_ref().map(|target| target.name.as_str());
    let is_key = |name: &str, wire: &str| key.is_some_and(|key| key == name || key == wire);
    let mut missing: Vec<String> = method
        .required_params()
        .filter(|param| {
            let name = &param.name;
            param.location != Location::Server
                && !is_key(name, &param.wire)
                && !set(name)
                && !given.contains(name)
                && !found_by_select(name)
        })
        .map(|param| param.name.clone())
        .collect();
    if statement.kind == WriteKind::Insert {
        let sets = |wire: &str| {
            let named = |name: &String| method.body.as_ref().and_then(|body| body.property(name));
            statement.assigned.iter().any(|assigned| {
                assigned.path.first().and_then(named).is_some_and(|property| property.wire == wire)
            })
        };
        let wrapped = method.extension.body_wrapper.as_deref().is_some_and(&set);
        for property in method.body.iter().flat_map(|body| &body.properties) {
            let has_base = method.body.as_ref().is_some_and(|body| {
                body.base.as_ref().is_some_and(|base| base.get(&property.wire).is_some())
            });
            if property.required
                && !is_key(&property.name, &property.wire)
                && !wrapped
                && !has_base
                && !sets(&property.wire)
            {
                missing.push(property.name.clone());
            }
        }
    }
    missing
}

fn refusal(
    resource: &ResourceRef,
    statement: &WriteStatement,
    candidates: &[&Method],
    given: &[String],
) -> Box<Report> {
    for assigned in &statement.assigned {
        if candidates.iter().any(|method| takes(method, assigned)) {
            continue;
        }
        let name = assigned.path.join(".");
        let mut known: Vec<&str> = Vec::new();
        for method in candidates {
            known.extend(method.params.iter().map(|param| param.name.as_str()));
            known.extend(
                method
                    .body
                    .iter()
                    .flat_map(|body| &body.properties)
                    .map(|property| property.name.as_str()),
            );
        }
        return Box::new(
            Report::new(
                Code::UnknownColumn,
                format!(
                    "{} of `{}` sets no `{name}`",
                    statement.verb().as_str(),
                    resource.dotted()
                ),
            )
            .with_label(assigned.span, "")
            .with_help_if(did_you_mean(&name, known.iter().copied()))
            .with_help(format!("`SHOW METHODS IN {}` lists what each takes", resource.dotted()))
            .with_note(format!("it takes {}", strataql_diag::listed(&known))),
        );
    }
    let nearest = candidates
        .iter()
        .map(|method| (method, lacks(method, statement, given, resource)))
        .min_by_key(|(_, missing)| missing.len());
    let (method, missing) = match nearest {
        Some((method, missing)) if !missing.is_empty() => (method.name.clone(), missing),
        _ => {
            return Box::new(
                target_error(
                    Code::MissingParam,
                    &statement.target,
                    format!("no single method of `{}` takes what is set here", resource.dotted()),
                )
                .with_help(format!(
                    "`SHOW METHODS IN {}` lists what each takes",
                    resource.dotted()
                )),
            );
        }
    };
    let quoted: Vec<String> = missing.iter().map(|name| format!("`{name}`")).collect();
    let how = if statement.kind == WriteKind::Insert { "give a column" } else { "add a condition" };
    Box::new(
        target_error(
            Code::MissingParam,
            &statement.target,
            format!(
                "{} of `{}` needs {}",
                statement.verb().as_str(),
                resource.dotted(),
                quoted.join(" and ")
            ),
        )
        .with_help(format!("{how} for {}", quoted[0]))
        .with_note(format!("method `{method}` is the nearest that fits")),
    )
}
