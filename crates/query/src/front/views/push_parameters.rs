//! Pushes given values down to the resources of a view's body.
//!
//! A condition `p = constant` on a parameter is replaced; where the body gives none, one is added to
//! the SELECT that reads the resource.

use std::collections::BTreeSet;

use datafusion::sql::sqlparser::ast::Select;
use strataql_diag::{Code, Report};

use super::conditions::{Condition, ParameterSource, column, condition, read};
use super::parts::{Parts, using_columns};
use super::placeholders::is_placeholder;
use super::shape::document_views;
use super::{Body, Expander, Found, Frame, Item, Target};
use crate::resource::ResourceRef;

/// An item that takes a parameter.
struct Taker {
    item: usize,
    /// The parameter as the item spells it.
    name: String,
}

impl Expander<'_> {
    /// Pushes what is given to the items of a SELECT.
    pub(super) fn push_parameters(
        &mut self,
        select: &mut Select,
        items: &[Item],
        frame: &Frame,
    ) -> Found<()> {
        let Some(body) = &frame.body else { return Ok(()) };
        let using = using_columns(select);
        let mut parts = Parts::take(select);
        for (key, given) in &frame.given {
            let takers = self.takers(items, key, frame)?;
            if takers.is_empty() {
                continue;
            }
            let mut held = replace(&mut parts, items, &takers, key, given, body);
            if using.contains(key) {
                held.extend(takers.iter().map(|taker| taker.item));
            }
            let ParameterSource::Values(values) = given else { continue };
            for taker in takers.iter().filter(|taker| !held.contains(&taker.item)) {
                let item = &items[taker.item];
                let Target::Resource(resource) = &item.target else { continue };
                // a column that the view shows is filtered outside, as in any SELECT
                let is_shown = body.outputs.as_ref().is_none_or(|outputs| outputs.contains(key));
                if is_shown && !is_required(resource, &taker.name) {
                    continue;
                }
                let part = condition(column(&item.names, &taker.name), values);
                parts.add(select, item.place, part);
            }
        }
        let left = unfilled(&parts, body);
        parts.put(select);
        match left {
            Some(name) => Err(self.missing(body, &name)),
            None => Ok(()),
        }
    }

    fn takers(&mut self, items: &[Item], key: &str, frame: &Frame) -> Found<Vec<Taker>> {
        let mut takers = Vec::new();
        for (position, item) in items.iter().enumerate() {
            let name = match &item.target {
                Target::Resource(resource) => {
                    let own =
                        resource.parameters().into_iter().find(|name| name.to_lowercase() == key);
                    match own {
                        Some(name) => Some(name),
                        None => {
                            self.taken_by_views(resource, key, frame, item)?.then(|| key.to_owned())
                        }
                    }
                }
                Target::View(definition) => {
                    let names = self.parameters(definition, frame, item.span)?;
                    names.contains(key).then(|| key.to_owned())
                }
                Target::Other => None,
            };
            takers.extend(name.map(|name| Taker { item: position, name }));
        }
        Ok(takers)
    }

    fn taken_by_views(
        &mut self,
        resource: &ResourceRef,
        key: &str,
        frame: &Frame,
        item: &Item,
    ) -> Found<bool> {
        if frame.chain.contains(&resource.dotted().to_lowercase()) {
            return Ok(false);
        }
        for view in document_views(resource) {
            if self.parameters(&view, frame, item.span)?.contains(key) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(super) fn missing(&self, body: &Body, name: &str) -> Box<Report> {
        self.missing_in(&body.definition.name, name, body.span)
    }

    pub(super) fn missing_in(&self, view: &str, name: &str, span: super::TextSpan) -> Box<Report> {
        Box::new(
            Report::new(Code::MissingParam, format!("reading the view `{view}` needs `{name}`"))
                .with_label(self.bytes(span), "")
                .with_help(format!("add `WHERE {name} = '…'` to the SELECT that reads the view")),
        )
    }
}

/// Replaces constants of the body; gives the items that have a value of their own in the body.
fn replace(
    parts: &mut Parts,
    items: &[Item],
    takers: &[Taker],
    key: &str,
    given: &ParameterSource,
    body: &Body,
) -> BTreeSet<usize> {
    let mut held = BTreeSet::new();
    let hits = |found: &Condition| -> Vec<usize> {
        takers
            .iter()
            .map(|taker| taker.item)
            .filter(|item| items[*item].answers_to(&found.qualifier))
            .collect()
    };
    for part in parts.iter_mut() {
        for found in read(part) {
            if found.key() != key {
                continue;
            }
            let taken = hits(&found);
            if let (ParameterSource::Values(_), ParameterSource::Values(values), false) =
                (&found.given, given, taken.is_empty())
            {
                *part = condition(column(&found.qualifier, &found.column.value), values);
            }
            held.extend(taken);
        }
    }
    if *given == ParameterSource::Fed && body.definition.from_document {
        // the value comes from a join outside: the placeholder must not stand against it
        parts.retain(|part| {
            !read(part).iter().any(|found| found.key() == key && has_placeholder(found))
        });
    }
    held
}

fn has_placeholder(found: &Condition) -> bool {
    match &found.given {
        ParameterSource::Values(values) => values.iter().any(is_placeholder),
        ParameterSource::Fed => false,
    }
}

/// The first parameter of a document's view that is still a placeholder.
fn unfilled(parts: &Parts, body: &Body) -> Option<String> {
    if !body.definition.from_document {
        return None;
    }
    parts.iter().flat_map(read).find(has_placeholder).map(|found| found.column.value)
}

/// True if no select method of a resource does without the parameter.
pub(super) fn is_required(resource: &ResourceRef, name: &str) -> bool {
    resource.select_methods().all(|method| method.input(name).is_some_and(|input| input.required))
}
