//! What can be told of a query without planning it: the columns it gives, the parameters inside.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Cte, Expr, ObjectName, Query, SelectItem, SelectItemQualifiedWildcardKind, SetExpr,
    TableFactor, Visit, Visitor,
};

use super::conditions::Givens;
use super::parts::{factors_mut, last_part};
use super::{
    Definition, Expander, Found, Frame, Looked, MAX_DEPTH, TextSpan, idents, names_of, placeholders,
};
use crate::front::Relation;
use crate::resource::ResourceRef;

/// Lower-case names; `None` when they cannot all be told.
type Names = Option<BTreeSet<String>>;

impl Expander<'_> {
    /// The frame in which a view's names are looked up, without anything given.
    fn bare_frame(definition: &Definition, query: &Query, around: &Frame) -> Frame {
        let mut chain = around.chain.clone();
        chain.push(definition.name.to_lowercase());
        Frame {
            namespace: definition.namespace.clone(),
            ctes: ctes_of(query),
            given: Givens::new(),
            chain,
            body: None,
            provider: around.provider_in(definition),
        }
    }

    /// The columns of a view.
    pub(super) fn outputs(
        &mut self,
        definition: &Definition,
        around: &Frame,
        span: TextSpan,
    ) -> Found<Names> {
        if !definition.columns.is_empty() {
            return Ok(Some(definition.columns.iter().map(|name| name.to_lowercase()).collect()));
        }
        let query = self.body(definition, span)?;
        let frame = Self::bare_frame(definition, &query, around);
        if frame.chain.len() > MAX_DEPTH {
            return Ok(None);
        }
        self.query_outputs(&query, &frame)
    }

    fn query_outputs(&mut self, query: &Query, frame: &Frame) -> Found<Names> {
        self.body_outputs(&query.body, frame)
    }

    fn body_outputs(&mut self, body: &SetExpr, frame: &Frame) -> Found<Names> {
        let select = match body {
            SetExpr::Select(select) => select,
            SetExpr::Query(inner) => return self.query_outputs(inner, frame),
            SetExpr::SetOperation { left, .. } => return self.body_outputs(left, frame),
            _ => return Ok(None),
        };
        let mut names = BTreeSet::new();
        let mut from = select.from.clone();
        for item in &select.projection {
            let wanted = match item {
                SelectItem::UnnamedExpr(Expr::Identifier(ident)) => {
                    names.insert(ident.value.to_lowercase());
                    continue;
                }
                SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => {
                    names.extend(parts.last().map(|part| part.value.to_lowercase()));
                    continue;
                }
                SelectItem::UnnamedExpr(expr) => {
                    names.insert(expr.to_string().to_lowercase());
                    continue;
                }
                SelectItem::ExprWithAlias { alias, .. } => {
                    names.insert(alias.value.to_lowercase());
                    continue;
                }
                SelectItem::Wildcard(_) => None,
                SelectItem::QualifiedWildcard(
                    SelectItemQualifiedWildcardKind::ObjectName(name),
                    _,
                ) => last_part(name),
                _ => return Ok(None),
            };
            for (_, factor) in factors_mut(&mut from) {
                let is_wanted = wanted.as_ref().is_none_or(|wanted| {
                    names_of(factor).last().is_some_and(|name| name.eq_ignore_ascii_case(wanted))
                });
                if is_wanted {
                    match self.factor_outputs(factor, frame, false)? {
                        Some(more) => names.extend(more),
                        None => return Ok(None),
                    }
                }
            }
        }
        Ok(Some(names))
    }

    /// The columns of an item of FROM; with `hidden`, also those that only a condition can name.
    pub(super) fn factor_outputs(
        &mut self,
        factor: &TableFactor,
        frame: &Frame,
        hidden: bool,
    ) -> Found<Names> {
        match factor {
            TableFactor::Derived { alias: Some(alias), .. } if !alias.columns.is_empty() => Ok(
                Some(alias.columns.iter().map(|column| column.name.value.to_lowercase()).collect()),
            ),
            TableFactor::Derived { subquery, .. } => self.query_outputs(subquery, frame),
            TableFactor::Table { name, args: None, .. } => self.named_outputs(name, frame, hidden),
            _ => Ok(None),
        }
    }

    fn named_outputs(&mut self, name: &ObjectName, frame: &Frame, hidden: bool) -> Found<Names> {
        let Some(parts) = idents(name) else { return Ok(None) };
        let key = parts.iter().map(|part| part.value.clone()).collect::<Vec<_>>().join(".");
        let key = key.to_lowercase();
        if let Some(Relation::Table(table)) = self.learnt.tables.get(&key) {
            let schema = table.schema();
            return Ok(Some(
                schema.fields().iter().map(|field| field.name().to_lowercase()).collect(),
            ));
        }
        if let [only] = parts.as_slice() {
            // in a body the name may have its new form already
            let own = match only.value.strip_prefix('\u{1}').and_then(|rest| rest.split_once(':')) {
                Some((_, own)) => own.to_owned(),
                None => key.clone(),
            };
            if let Some(cte) = frame.ctes.get(&own) {
                return match cte {
                    Some(cte) if !cte.alias.columns.is_empty() => Ok(Some(
                        cte.alias
                            .columns
                            .iter()
                            .map(|column| column.name.value.to_lowercase())
                            .collect(),
                    )),
                    // one that reads itself cannot be told
                    Some(cte) if !reads(&cte.query, &own) => self.query_outputs(&cte.query, frame),
                    _ => Ok(None),
                };
            }
            if only.quote_style == Some('\'') {
                return Ok(None);
            }
        }
        match self.look(name, frame)? {
            Looked::View(definition) => {
                if frame.chain.len() >= MAX_DEPTH {
                    return Ok(None);
                }
                self.outputs(&definition, frame, TextSpan::empty())
            }
            Looked::Table(_, table) => {
                let schema = table.schema();
                Ok(Some(schema.fields().iter().map(|field| field.name().to_lowercase()).collect()))
            }
            Looked::Resource(resource) if !resource.resource().views.is_empty() => Ok(None),
            Looked::Resource(resource) => {
                let mut names: BTreeSet<String> =
                    resource.columns().iter().map(|column| column.name.to_lowercase()).collect();
                if hidden {
                    names.extend(resource.parameters().iter().map(|name| name.to_lowercase()));
                }
                Ok(Some(names))
            }
        }
    }

    /// Lower-case names of the parameters that a view's body takes, at any depth.
    pub(super) fn parameters(
        &mut self,
        definition: &Definition,
        around: &Frame,
        span: TextSpan,
    ) -> Found<BTreeSet<String>> {
        if let Some(known) = self.parameters.get(&definition.sql) {
            return Ok(known.clone());
        }
        let mut names: BTreeSet<String> =
            definition.required.iter().map(|name| name.to_lowercase()).collect();
        if definition.from_document {
            names.extend(
                placeholders::names(&definition.sql).iter().map(|name| name.to_lowercase()),
            );
        }
        // a view that reads itself ends here; expanding it is refused elsewhere
        self.parameters.insert(definition.sql.clone(), names.clone());
        let query = self.body(definition, span)?;
        let frame = Self::bare_frame(definition, &query, around);
        for name in relation_names(&query) {
            let Some(parts) = idents(&name) else { continue };
            if let [only] = parts.as_slice()
                && (only.quote_style == Some('\'')
                    || frame.ctes.contains_key(&only.value.to_lowercase()))
            {
                continue;
            }
            match self.look(&name, &frame)? {
                Looked::View(inner) => names.extend(self.parameters(&inner, &frame, span)?),
                Looked::Table(..) => {}
                Looked::Resource(resource) => {
                    names.extend(resource.parameters().iter().map(|name| name.to_lowercase()));
                    if !frame.chain.contains(&resource.dotted().to_lowercase()) {
                        for inner in document_views(&resource) {
                            names.extend(self.parameters(&inner, &frame, span)?);
                        }
                    }
                }
            }
        }
        self.parameters.insert(definition.sql.clone(), names.clone());
        Ok(names)
    }
}

/// The views that a document defines on a resource, the dialect that suits best first.
pub(super) fn document_views(resource: &ResourceRef) -> Vec<Definition> {
    use strataql_spec::Dialect;
    let mut views: Vec<&strataql_spec::View> = resource.resource().views.iter().collect();
    views.sort_by_key(|view| match view.dialect {
        Some(Dialect::Sqlite) => 0,
        Some(Dialect::Postgres) => 1,
        None => 2,
    });
    views
        .into_iter()
        .map(|view| Definition {
            name: resource.dotted(),
            sql: view.ddl.clone(),
            columns: Vec::new(),
            namespace: vec![resource.provider.name.clone(), resource.service.name.clone()],
            from_document: true,
            required: view.required.clone(),
        })
        .collect()
}

/// True if a query names that relation.
fn reads(query: &Query, key: &str) -> bool {
    relation_names(query).iter().any(|name| {
        idents(name).is_some_and(|parts| parts.len() == 1 && parts[0].value.to_lowercase() == key)
    })
}

/// Names of relations anywhere in a query, table functions left out.
pub(super) fn relation_names(query: &Query) -> Vec<ObjectName> {
    let mut collector = Collector(Vec::new());
    let _done: ControlFlow<()> = query.visit(&mut collector);
    collector.0
}

struct Collector(Vec<ObjectName>);

impl Visitor for Collector {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, args: None, .. } = factor {
            self.0.push(name.clone());
        }
        ControlFlow::Continue(())
    }
}

/// The view of a resource that DESCRIBE shows.
pub fn document_view(resource: &ResourceRef) -> Option<Definition> {
    document_views(resource).into_iter().next()
}

/// The common table expressions anywhere in a query.
pub(super) fn ctes_of(query: &Query) -> BTreeMap<String, Option<Cte>> {
    let mut collector = CteCollector(BTreeMap::new());
    let _done: ControlFlow<()> = query.visit(&mut collector);
    collector.0
}

struct CteCollector(BTreeMap<String, Option<Cte>>);

impl Visitor for CteCollector {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.0
                .entry(cte.alias.name.value.to_lowercase())
                .and_modify(|known| *known = None)
                .or_insert_with(|| Some(cte.clone()));
        }
        ControlFlow::Continue(())
    }
}
