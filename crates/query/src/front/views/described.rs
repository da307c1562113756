//! What a document's view needs, told without planning it.
//!
//! Owns: the parameters that SHOW METHODS, DESCRIBE and `sys.methods` name: those the document lists, its
//! placeholders, and what the resources in its FROM require and no condition of it gives.
//! Refuses: judging the view; whoever reads it gets the errors.

use std::collections::BTreeSet;

use datafusion::sql::sqlparser::ast::{
    Expr, JoinConstraint, JoinOperator, Select, SetExpr, TableFactor, Value,
};
use strataql_diag::Span;
use strataql_registry::Registry;
use strataql_sql::{Name, NamePart};

use super::conditions::{Condition, ParameterSource, read, split};
use super::parts::factors_mut;
use super::push_parameters::{has_placeholder, is_required};
use super::{Definition, MAX_DEPTH, answers_to, document_view, idents, names_of, placeholders};
use crate::catalog::Catalog;
use crate::resource::ResourceRef;

/// The parameters that a document's view needs, in the order in which they are found.
pub fn described_parameters(definition: &Definition, registry: &Registry) -> Vec<String> {
    let mut names = Vec::new();
    collect(definition, registry, MAX_DEPTH, &mut names);
    let mut seen = BTreeSet::new();
    names.retain(|name: &String| seen.insert(name.to_lowercase()));
    names
}

fn collect(definition: &Definition, registry: &Registry, depth: usize, names: &mut Vec<String>) {
    names.extend(definition.required.iter().cloned());
    names.extend(placeholders::names(&definition.sql));
    for parsed in strataql_sql::parse(&definition.sql).iter().flatten() {
        if let strataql_sql::Statement::Query(query) = &parsed.statement
            && let SetExpr::Select(select) = query.body.as_ref()
        {
            of_select(select, definition, registry, depth, names);
        }
    }
}

fn of_select(
    select: &Select,
    definition: &Definition,
    registry: &Registry,
    depth: usize,
    names: &mut Vec<String>,
) {
    let conditions: Vec<Condition> = parts(select).iter().flat_map(read).collect();
    let unfilled = conditions.iter().filter(|found| has_placeholder(found));
    names.extend(unfilled.map(|found| found.column.value.clone()));
    let catalog = Catalog { registry, namespace: &definition.namespace };
    let mut from = select.from.clone();
    for (_, factor) in factors_mut(&mut from) {
        let TableFactor::Table { name, args: None, .. } = &*factor else {
            continue;
        };
        let Some(resource) = idents(name).and_then(|parts| {
            let parts = parts.into_iter().map(|ident| NamePart {
                quoted: ident.quote_style.is_some(),
                value: ident.value,
                span: Span::new(0, 0),
            });
            let name = Name { parts: parts.collect(), span: Span::new(0, 0) };
            catalog.resource(&name).ok()
        }) else {
            continue;
        };
        let own = names_of(factor);
        let is_given = |parameter: &str| {
            conditions.iter().any(|found| {
                found.key() == parameter.to_lowercase()
                    && answers_to(&own, &found.qualifier)
                    && is_filled(found)
            })
        };
        names.extend(
            needs(&resource, definition, registry, depth)
                .into_iter()
                .filter(|name| !is_given(name)),
        );
    }
}

/// What a relation of the body needs: what its own view does, else what all of its select methods require.
fn needs(
    resource: &ResourceRef,
    around: &Definition,
    registry: &Registry,
    depth: usize,
) -> Vec<String> {
    if resource.dotted() != around.name
        && let Some(view) = document_view(resource)
    {
        let mut names = Vec::new();
        if let Some(deeper) = depth.checked_sub(1) {
            collect(&view, registry, deeper, &mut names);
        }
        return names;
    }
    let required = resource.parameters().into_iter().filter(|name| is_required(resource, name));
    required.collect()
}

/// The AND-ed parts of WHERE and of the conditions of joins.
fn parts(select: &Select) -> Vec<Expr> {
    let mut all = select.selection.clone().map(split).unwrap_or_default();
    for join in select.from.iter().flat_map(|item| &item.joins) {
        if let JoinOperator::Join(JoinConstraint::On(on))
        | JoinOperator::Inner(JoinConstraint::On(on))
        | JoinOperator::Left(JoinConstraint::On(on))
        | JoinOperator::LeftOuter(JoinConstraint::On(on)) = &join.join_operator
        {
            all.extend(split(on.clone()));
        }
    }
    all
}

/// True for a condition that gives its column a value: no placeholder, and no empty text in its place.
fn is_filled(found: &Condition) -> bool {
    let is_empty = |expr: &Expr| {
        matches!(expr, Expr::Value(value)
            if matches!(&value.value, Value::SingleQuotedString(text) if text.trim().is_empty()))
    };
    match &found.given {
        ParameterSource::Fed => true,
        ParameterSource::Values(values) => !has_placeholder(found) && !values.iter().any(is_empty),
    }
}
