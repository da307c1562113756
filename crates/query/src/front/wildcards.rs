//! Wildcards, short names and NATURAL joins, with hidden parameter columns in view.
//!
//! A resource shows a parameter-only column when the statement mentions its name. `*` must not: it
//! becomes one `item.*` per FROM item, each without that item's hidden columns. NATURAL joins become
//! USING over the visible columns, so that mentioning a parameter does not change their meaning.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{
    ExceptSelectItem, ExcludeSelectItem, Ident, JoinConstraint, JoinOperator, ObjectName, Query,
    Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, TableFactor, VisitMut,
    VisitorMut, WildcardAdditionalOptions,
};
use strataql_diag::{Code, Report};

use super::outputs::{Ctes, open_parentheses, renamed};
use super::{Relation, Tables, whole_rows};
use crate::resource::{ResourceRef, is_hidden};
use crate::resource_table::Scope;

/// What is known of the relations of a statement.
pub(super) struct Shapes<'a> {
    tables: &'a Tables,
    scope: &'a Arc<Scope>,
    namespace: &'a [String],
    qualified: BTreeSet<String>,
    pub(super) ctes: Ctes,
    /// Queries around the place.
    depth: usize,
}

/// The identifiers of a name.
pub(super) fn name_parts(name: &ObjectName) -> Option<Vec<String>> {
    name.0.iter().map(|part| part.as_ident().map(|ident| ident.value.clone())).collect()
}

/// The key of a full name.
pub(super) fn full_name(parts: &[String]) -> String {
    parts.join(".").to_lowercase()
}

impl<'a> Shapes<'a> {
    pub(super) fn new(tables: &'a Tables, scope: &'a Arc<Scope>, namespace: &'a [String]) -> Self {
        let (qualified, ctes) = (BTreeSet::new(), Ctes::new());
        Self { tables, scope, namespace, qualified, ctes, depth: 0 }
    }

    /// Rewrites the query; gives the full names that keep their qualifier.
    pub(super) fn rewrite(mut self, query: &mut Query) -> Result<BTreeSet<String>, Box<Report>> {
        let _done = query.visit(&mut Definitions(&mut self.ctes));
        match query.visit(&mut self) {
            ControlFlow::Break(report) => Err(report),
            ControlFlow::Continue(()) => Ok(self.qualified),
        }
    }

    fn resource(&self, factor: &TableFactor) -> Option<&Arc<ResourceRef>> {
        let TableFactor::Table { name, args: None, .. } = factor else { return None };
        let parts = name_parts(name).filter(|parts| parts.len() == 3)?;
        self.tables.resource(&full_name(&parts))
    }

    /// Parameter-only columns of an item that the statement mentions.
    fn hidden(&self, factor: &TableFactor) -> Vec<String> {
        let Some(resource) = self.resource(factor) else { return Vec::new() };
        resource
            .schema(&self.scope.words)
            .fields()
            .iter()
            .filter(|field| {
                is_hidden(field) && self.scope.words.contains(&field.name().to_lowercase())
            })
            .map(|field| field.name().clone())
            .collect()
    }

    /// The columns that `*` shows of an item, as far as they are known here.
    pub(super) fn visible(&self, factor: &TableFactor) -> Option<Vec<String>> {
        self.visible_at(factor, 0)
    }

    /// As [`Self::visible`], inside of so many derived tables.
    pub(super) fn visible_at(&self, factor: &TableFactor, depth: usize) -> Option<Vec<String>> {
        let TableFactor::Table { name, alias, args: None, .. } = factor else {
            return self.derived(factor, depth);
        };
        let own = match self.tables.get(&full_name(&name_parts(name)?)) {
            Some(Relation::Resource(resource)) => {
                resource.columns().into_iter().map(|column| column.name).collect()
            }
            Some(Relation::Table(table)) => {
                table.schema().fields().iter().map(|field| field.name().clone()).collect()
            }
            None => return self.derived(factor, depth),
        };
        renamed(Some(own), alias.as_ref())
    }

    /// True in a select whose rows are the statement's.
    pub(super) const fn is_result(&self) -> bool {
        self.depth == 1
    }

    /// How columns of an item are qualified.
    pub(super) fn name_of(&self, factor: &TableFactor) -> Option<ObjectName> {
        qualifier(factor, &self.qualified)
    }

    /// Completes a short name with the namespace that USE chose.
    fn complete(&self, name: &mut ObjectName) {
        let Some(parts) = name_parts(name) else { return };
        let is_cte = parts.len() == 1 && self.ctes.contains_key(&parts[0].to_lowercase());
        if is_cte || parts.len() >= 3 {
            return;
        }
        let Some(prefix) = self.namespace.get(..3 - parts.len()) else { return };
        let full: Vec<String> = prefix.iter().cloned().chain(parts).collect();
        if self.tables.get(&full_name(&full)).is_none() {
            return;
        }
        let span = datafusion::sql::sqlparser::ast::Spanned::span(name);
        let idents = full.into_iter().map(|part| {
            let mut ident = Ident::with_quote('"', part);
            ident.span = span;
            ident
        });
        *name = ObjectName::from(idents.collect::<Vec<_>>());
    }

    /// Completes the names of a select's items, and notes how each is qualified.
    fn complete_names(&mut self, select: &mut Select) {
        open_parentheses(select);
        for from in &mut select.from {
            for factor in std::iter::once(&mut from.relation)
                .chain(from.joins.iter_mut().map(|join| &mut join.relation))
            {
                if let TableFactor::Table { name, args: None, .. } = factor {
                    self.complete(name);
                }
            }
        }
        let items: Vec<TableFactor> = factors(select).into_iter().cloned().collect();
        self.note_twins(&items.iter().collect::<Vec<_>>());
    }

    /// Unaliased items of one FROM that share their last part keep their full names.
    fn note_twins(&mut self, factors: &[&TableFactor]) {
        let plain: Vec<Vec<String>> = factors
            .iter()
            .filter_map(|factor| match factor {
                TableFactor::Table { name, alias: None, args: None, .. } => name_parts(name),
                _ => None,
            })
            .filter(|parts| parts.len() == 3)
            .collect();
        for (index, parts) in plain.iter().enumerate() {
            let twin = plain
                .iter()
                .enumerate()
                .any(|(other, twin)| other != index && twin[2] == parts[2] && twin != parts);
            if twin {
                self.qualified.insert(full_name(parts));
            }
        }
    }

    fn natural_joins(&self, select: &mut Select) -> Result<(), Box<Report>> {
        for from in &mut select.from {
            let mut left = vec![from.relation.clone()];
            for join in &mut from.joins {
                if let Some(constraint) = constraint_mut(&mut join.join_operator)
                    && *constraint == JoinConstraint::Natural
                {
                    let right = join.relation.clone();
                    let touched =
                        left.iter().chain([&right]).any(|item| !self.hidden(item).is_empty());
                    if touched {
                        *constraint = JoinConstraint::Using(self.common(&left, &right)?);
                    }
                }
                left.push(join.relation.clone());
            }
        }
        Ok(())
    }

    pub(super) fn common(
        &self,
        left: &[TableFactor],
        right: &TableFactor,
    ) -> Result<Vec<ObjectName>, Box<Report>> {
        let unknown = || {
            Box::new(
                Report::new(
                    Code::UnsupportedSyntax,
                    "NATURAL JOIN with a derived table cannot tell its common columns here",
                )
                .with_help("name the columns with USING"),
            )
        };
        let right = self.visible(right).ok_or_else(unknown)?;
        let mut names: Vec<String> = Vec::new();
        for item in left {
            for name in self.visible(item).ok_or_else(unknown)? {
                if right.contains(&name) && !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        Ok(names
            .into_iter()
            .map(|name| ObjectName::from(vec![Ident::with_quote('"', name)]))
            .collect())
    }

    /// The options of a `*`, for one of its items: what it leaves out is a column of that item.
    pub(super) fn part_of(
        &self,
        options: &WildcardAdditionalOptions,
        item: &TableFactor,
        items: &[&TableFactor],
    ) -> WildcardAdditionalOptions {
        let mut own = options.clone();
        let visible: Vec<Option<Vec<String>>> =
            items.iter().map(|item| self.visible(item)).collect();
        let has_it = |columns: &Option<Vec<String>>, name: &str| {
            columns.as_ref().is_some_and(|columns| has(columns, name))
        };
        let columns = self.visible(item);
        let is_all_known = visible.iter().all(Option::is_some);
        let is_its_own = |name: &str| {
            let is_known = visible.iter().any(|columns| has_it(columns, name));
            match &columns {
                // a name that no item has is told by whoever looks for it
                Some(columns) => has(columns, name) || (is_all_known && !is_known),
                // of a derived table nothing is known: what no other item has
                None => !is_known,
            }
        };
        if let Some(excluded) = own.opt_exclude.take() {
            let names: Vec<ObjectName> = match excluded {
                ExcludeSelectItem::Single(name) => vec![name],
                ExcludeSelectItem::Multiple(names) => names,
            };
            let names: Vec<ObjectName> =
                names.into_iter().filter(|name| is_its_own(&last_part(name))).collect();
            own.opt_exclude = (!names.is_empty()).then_some(ExcludeSelectItem::Multiple(names));
        }
        if let Some(except) = own.opt_except.take() {
            let mut names: Vec<Ident> =
                std::iter::once(except.first_element).chain(except.additional_elements).collect();
            names.retain(|name| is_its_own(&name.value));
            own.opt_except = names.split_first().map(|(first, more)| ExceptSelectItem {
                first_element: first.clone(),
                additional_elements: more.to_vec(),
            });
        }
        own
    }

    fn wildcards(&self, select: &mut Select) {
        let factors: Vec<&TableFactor> = factors(select);
        let hidden: Vec<Vec<String>> = factors.iter().map(|factor| self.hidden(factor)).collect();
        if hidden.iter().all(Vec::is_empty) {
            return;
        }
        let using = using_columns(select);
        let mut items = Vec::new();
        for item in &select.projection {
            match item {
                SelectItem::Wildcard(options) => {
                    for (position, factor) in factors.iter().enumerate() {
                        let Some(qualifier) = qualifier(factor, &self.qualified) else {
                            continue;
                        };
                        let mut left_out = hidden[position].clone();
                        // what USING merges stands where it is shown first
                        let merged = using.iter().filter(|(at, _)| *at == position);
                        for (_, name) in merged {
                            let is_shown = factors[..position].iter().any(|item| {
                                self.visible(item).is_none_or(|names| has(&names, name))
                            });
                            if is_shown && !has(&left_out, name) {
                                left_out.push(name.clone());
                            }
                        }
                        let options = self.part_of(options, factor, &factors);
                        items.push(qualified_wildcard(qualifier, &left_out, &options));
                    }
                }
                SelectItem::QualifiedWildcard(
                    SelectItemQualifiedWildcardKind::ObjectName(name),
                    options,
                ) => {
                    let position = factors.iter().position(|factor| is_named(factor, name));
                    let left_out = position.map(|at| hidden[at].clone()).unwrap_or_default();
                    items.push(qualified_wildcard(name.clone(), &left_out, options));
                }
                other => items.push(other.clone()),
            }
        }
        select.projection = items;
    }
}

/// Collects common table expressions.
struct Definitions<'a>(&'a mut Ctes);

impl VisitorMut for Definitions<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.0.insert(cte.alias.name.value.to_lowercase(), cte.clone());
        }
        ControlFlow::Continue(())
    }
}

impl VisitorMut for Shapes<'_> {
    type Break = Box<Report>;

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<Self::Break> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Self::Break> {
        self.depth += 1;
        if query.order_by.is_none() {
            return ControlFlow::Continue(());
        }
        if let SetExpr::Select(select) = query.body.as_mut() {
            self.complete_names(select);
        }
        match self.spell_merged_order(query) {
            Ok(()) => ControlFlow::Continue(()),
            Err(report) => ControlFlow::Break(report),
        }
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Self::Break> {
        self.complete_names(select);
        if let Err(report) = self.spell_merged(select).and_then(|()| self.natural_joins(select)) {
            return ControlFlow::Break(report);
        }
        let items = factors(select).into_iter().map(|factor| whole_rows::Item {
            qualifier: self.name_of(factor),
            columns: self.visible(factor),
        });
        let items = items.collect();
        whole_rows::count_rows(select, items);
        self.wildcards(select);
        ControlFlow::Continue(())
    }
}

/// The FROM items of a select, in order.
pub(super) fn factors(select: &Select) -> Vec<&TableFactor> {
    select
        .from
        .iter()
        .flat_map(|from| {
            std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation))
        })
        .collect()
}

pub(super) fn constraint_mut(operator: &mut JoinOperator) -> Option<&mut JoinConstraint> {
    match operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint) => Some(constraint),
        _ => None,
    }
}

/// Columns that USING merges, with the position of the item that must not repeat them.
fn using_columns(select: &Select) -> Vec<(usize, String)> {
    let mut columns = Vec::new();
    let mut position = 0;
    for from in &select.from {
        for join in &from.joins {
            position += 1;
            let mut operator = join.join_operator.clone();
            if let Some(JoinConstraint::Using(names)) = constraint_mut(&mut operator) {
                for name in names {
                    columns.extend(
                        name_parts(name).into_iter().flatten().map(|part| (position, part)),
                    );
                }
            }
        }
        position += 1;
    }
    columns
}

pub(super) fn last_part(name: &ObjectName) -> String {
    name_parts(name).and_then(|mut parts| parts.pop()).unwrap_or_default()
}

pub(super) fn has(names: &[String], name: &str) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// How columns of an item are qualified.
fn qualifier(factor: &TableFactor, qualified: &BTreeSet<String>) -> Option<ObjectName> {
    match factor {
        TableFactor::Table { alias: Some(alias), .. }
        | TableFactor::Derived { alias: Some(alias), .. }
        | TableFactor::Function { alias: Some(alias), .. } => {
            Some(ObjectName::from(vec![alias.name.clone()]))
        }
        TableFactor::Table { name, .. } => {
            let parts = name_parts(name)?;
            if parts.len() == 3 && !qualified.contains(&full_name(&parts)) {
                return Some(ObjectName::from(vec![Ident::with_quote('"', parts[2].clone())]));
            }
            Some(name.clone())
        }
        _ => None,
    }
}

/// True if `name.*` means that item.
pub(super) fn is_named(factor: &TableFactor, name: &ObjectName) -> bool {
    let last = |name: &ObjectName| name_parts(name).and_then(|parts| parts.last().cloned());
    match factor {
        TableFactor::Table { alias: Some(alias), .. } => {
            last(name).is_some_and(|part| part.eq_ignore_ascii_case(&alias.name.value))
        }
        TableFactor::Table { name: own, .. } => match (last(own), last(name)) {
            (Some(own), Some(part)) => own.eq_ignore_ascii_case(&part),
            _ => false,
        },
        TableFactor::Derived { alias: Some(alias), .. } => {
            last(name).is_some_and(|part| part.eq_ignore_ascii_case(&alias.name.value))
        }
        _ => false,
    }
}

/// The columns that the options of a `*` leave out.
pub(super) fn excluded(options: &WildcardAdditionalOptions) -> Vec<String> {
    let mut names: Vec<String> = match &options.opt_exclude {
        Some(ExcludeSelectItem::Single(name)) => vec![last_part(name)],
        Some(ExcludeSelectItem::Multiple(names)) => names.iter().map(last_part).collect(),
        None => vec![],
    };
    if let Some(except) = &options.opt_except {
        let all = std::iter::once(&except.first_element).chain(&except.additional_elements);
        names.extend(all.map(|name| name.value.clone()));
    }
    names
}

pub(super) fn qualified_wildcard(
    name: ObjectName,
    left_out: &[String],
    options: &WildcardAdditionalOptions,
) -> SelectItem {
    let mut options = options.clone();
    if !left_out.is_empty() {
        let mut names: Vec<ObjectName> = match options.opt_exclude.take() {
            Some(ExcludeSelectItem::Single(name)) => vec![name],
            Some(ExcludeSelectItem::Multiple(names)) => names,
            None => vec![],
        };
        let given: Vec<String> = names.iter().map(last_part).collect();
        let more = left_out.iter().filter(|name| !has(&given, name));
        names.extend(more.map(|name| ObjectName::from(vec![Ident::with_quote('"', name.clone())])));
        options.opt_exclude = Some(ExcludeSelectItem::Multiple(names));
    }
    SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options)
}
