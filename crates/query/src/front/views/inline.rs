//! Putting view bodies in place of view names.

use std::collections::BTreeSet;

use datafusion::sql::sqlparser::ast::{
    Ident, Query, Select, TableAlias, TableAliasColumnDef, TableFactor,
};
use strataql_diag::{Code, Report};

use super::conditions::{Givens, ParameterSource, read};
use super::parts::{Parts, factors_mut, using_columns};
use super::shape::{ctes_of, document_views};
use super::{Body, Definition, Expander, Found, Frame, Item, MAX_DEPTH, Target, placeholders};
use crate::resource::ResourceRef;

/// A view that is read, with its body.
struct Placed {
    item: usize,
    definition: Definition,
    query: Query,
    given: Givens,
    parameters: BTreeSet<String>,
    outputs: Option<BTreeSet<String>>,
}

impl Expander<'_> {
    /// Puts the views of a SELECT in place.
    pub(super) fn inline(
        &mut self,
        select: &mut Select,
        items: &[Item],
        frame: &Frame,
    ) -> Found<()> {
        let using = using_columns(select);
        let mut parts = Parts::take(select);
        let mut views = Vec::new();
        for (position, item) in items.iter().enumerate() {
            let given = given_for(item, &parts, &using, frame);
            let definition = match &item.target {
                Target::View(definition) => definition.clone(),
                Target::Resource(resource) => {
                    match self.document_view(resource, item, &given, frame)? {
                        Some(definition) => definition,
                        None => continue,
                    }
                }
                Target::Other => continue,
            };
            views.push(self.place(position, item, definition, given, frame)?);
        }
        if !views.is_empty() {
            self.drop_taken(select, &mut parts, items, &views, frame)?;
        }
        parts.put(select);
        let mut factors = factors_mut(&mut select.from);
        for view in views {
            let (_, factor) = &mut factors[view.item];
            **factor = derived(factor, &items[view.item], view.definition, view.query);
        }
        Ok(())
    }

    /// The view of a document that stands for a resource here, if one does.
    fn document_view(
        &self,
        resource: &ResourceRef,
        item: &Item,
        given: &Givens,
        frame: &Frame,
    ) -> Found<Option<Definition>> {
        let views = document_views(resource);
        // inside its own view a resource is what its methods say
        if views.is_empty() || frame.chain.contains(&resource.dotted().to_lowercase()) {
            return Ok(None);
        }
        let lacks = |view: &Definition| {
            let mut names = view.required.iter();
            names.find(|name| !given.contains_key(&name.to_lowercase())).cloned()
        };
        if let Some(view) = views.iter().find(|view| lacks(view).is_none()) {
            return Ok(Some(view.clone()));
        }
        if resource.select_methods().next().is_some() {
            return Ok(None);
        }
        let name = views.first().and_then(lacks).unwrap_or_default();
        Err(self.missing_in(&resource.dotted(), &name, item.span))
    }

    fn place(
        &mut self,
        position: usize,
        item: &Item,
        definition: Definition,
        given: Givens,
        frame: &Frame,
    ) -> Found<Placed> {
        let key = definition.name.to_lowercase();
        let shown = || {
            let mut names = frame.chain.clone();
            names.push(key.clone());
            names.join(" → ")
        };
        if frame.chain.contains(&key) {
            return Err(Box::new(
                Report::new(
                    Code::UnsupportedSyntax,
                    format!("the view `{}` reads itself: {}", definition.name, shown()),
                )
                .with_label(self.bytes(item.span), "")
                .with_help("change one of them with CREATE OR REPLACE VIEW"),
            ));
        }
        if frame.chain.len() >= MAX_DEPTH {
            return Err(Box::new(
                Report::new(
                    Code::UnsupportedSyntax,
                    format!("views are nested more than {MAX_DEPTH} deep: {}", shown()),
                )
                .with_label(self.bytes(item.span), "")
                .with_help("make a materialized view of one of them"),
            ));
        }
        let parameters = self.parameters(&definition, frame, item.span)?;
        let outputs = self.outputs(&definition, frame, item.span)?;
        let place = self.bytes(item.span);
        self.learnt.views.push((place, definition.name.clone()));
        let mut query = self.body(&definition, item.span)?;
        if definition.from_document {
            placeholders::fill(&mut query, &given);
        }
        let mut chain = frame.chain.clone();
        chain.push(key);
        self.count += 1;
        let inner = Frame {
            namespace: definition.namespace.clone(),
            ctes: ctes_of(&query),
            given: given.clone(),
            chain,
            body: Some(Body {
                definition: definition.clone(),
                span: item.span,
                outputs: outputs.clone(),
                number: self.count,
            }),
            provider: frame.provider_in(&definition),
        };
        self.walk(&mut query, &inner)?;
        if definition.from_document
            && let Some(name) = placeholders::first_left(&query)
        {
            return Err(self.missing_in(&definition.name, &name, item.span));
        }
        Ok(Placed { item: position, definition, query, given, parameters, outputs })
    }

    /// Drops conditions that only name a parameter inside a view: no item has such a column.
    fn drop_taken(
        &mut self,
        select: &Select,
        parts: &mut Parts,
        items: &[Item],
        views: &[Placed],
        frame: &Frame,
    ) -> Found<()> {
        let mut taken: BTreeSet<String> = BTreeSet::new();
        for part in parts.iter() {
            let conditions = read(part);
            let [condition] = conditions.as_slice() else { continue };
            let key = condition.key();
            let uses = |view: &Placed| {
                view.parameters.contains(&key) && view.given.get(&key) == Some(&condition.given)
            };
            let mut is_taken = false;
            let mut is_column = false;
            for (position, item) in items.iter().enumerate() {
                if !item.answers_to(&condition.qualifier) {
                    continue;
                }
                let columns = match views.iter().find(|view| view.item == position) {
                    Some(view) => {
                        is_taken |= uses(view);
                        view.outputs.clone()
                    }
                    None => self.item_columns(select, position, frame)?,
                };
                is_column |= columns.is_none_or(|columns| columns.contains(&key));
            }
            if is_taken && !is_column && condition.given != ParameterSource::Fed {
                taken.insert(part.to_string());
            }
        }
        parts.retain(|part| !taken.contains(&part.to_string()));
        Ok(())
    }

    /// The columns of an item, those that only conditions name included.
    fn item_columns(
        &mut self,
        select: &Select,
        position: usize,
        frame: &Frame,
    ) -> Found<Option<BTreeSet<String>>> {
        let mut from = select.from.clone();
        let factors = factors_mut(&mut from);
        let Some((_, factor)) = factors.get(position) else { return Ok(None) };
        self.factor_outputs(factor, frame, true)
    }
}

/// What a SELECT gives one of its items: its own conditions, under those from outside.
fn given_for(item: &Item, parts: &Parts, using: &[String], frame: &Frame) -> Givens {
    let mut given = Givens::new();
    for name in using {
        given.insert(name.clone(), ParameterSource::Fed);
    }
    for condition in parts.iter().flat_map(read) {
        if !item.answers_to(&condition.qualifier) {
            continue;
        }
        let key = condition.key();
        match given.get(&key) {
            Some(ParameterSource::Values(_)) => {}
            Some(ParameterSource::Fed) if condition.given == ParameterSource::Fed => {}
            _ => {
                given.insert(key, condition.given);
            }
        }
    }
    for (key, outer) in &frame.given {
        if matches!(outer, ParameterSource::Values(_)) || !given.contains_key(key) {
            given.insert(key.clone(), outer.clone());
        }
    }
    given
}

fn derived(factor: &TableFactor, item: &Item, definition: Definition, query: Query) -> TableFactor {
    let own = match factor {
        TableFactor::Table { alias, .. } => alias.clone(),
        _ => None,
    };
    let mut alias = own.unwrap_or_else(|| TableAlias {
        explicit: true,
        name: Ident::with_quote('"', item.names.last().cloned().unwrap_or_default()),
        columns: Vec::new(),
        at: None,
    });
    if alias.columns.is_empty() {
        let quoted = |name: String| TableAliasColumnDef {
            name: Ident::with_quote('"', name),
            data_type: None,
        };
        alias.columns = definition.columns.into_iter().map(quoted).collect();
    }
    TableFactor::Derived {
        lateral: false,
        subquery: Box::new(query),
        alias: Some(alias),
        sample: None,
    }
}
