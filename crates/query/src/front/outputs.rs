//! The columns of derived tables and common table expressions, as far as the tree tells them, and joins in
//! parentheses.
//!
//! `(a JOIN b USING (k)) j` becomes a derived table, and parentheses around the first join go away.

use std::collections::BTreeMap;

use datafusion::sql::sqlparser::ast::{
    Cte, Expr, JoinConstraint, JoinOperator, Select, SelectItem, SelectItemQualifiedWildcardKind,
    SetExpr, TableAlias, TableFactor, WildcardAdditionalOptions,
};

use super::wildcards::{
    Shapes, constraint_mut, excluded, factors, has, is_named, last_part, name_parts,
};

/// Deepest nesting of derived tables whose columns are told.
const MAX_DEPTH: usize = 16;

/// Common table expressions by lower-case name.
pub(super) type Ctes = BTreeMap<String, Cte>;

impl Shapes<'_> {
    /// The columns of a derived table or a common table expression.
    pub(super) fn derived(&self, factor: &TableFactor, depth: usize) -> Option<Vec<String>> {
        if depth > MAX_DEPTH {
            return None;
        }
        match factor {
            TableFactor::Derived { subquery, alias, .. } => {
                renamed(self.outputs(&subquery.body, depth), alias.as_ref())
            }
            TableFactor::Table { name, args: None, alias, .. } => {
                let parts = name_parts(name)?;
                let [name] = parts.as_slice() else { return None };
                let cte = self.ctes.get(&name.to_lowercase())?;
                let own = renamed(self.outputs(&cte.query.body, depth), Some(&cte.alias));
                renamed(own, alias.as_ref())
            }
            _ => None,
        }
    }

    fn outputs(&self, body: &SetExpr, depth: usize) -> Option<Vec<String>> {
        match body {
            SetExpr::Select(select) => self.items(select, depth),
            SetExpr::Query(query) => self.outputs(&query.body, depth),
            SetExpr::SetOperation { left, .. } => self.outputs(left, depth),
            SetExpr::Values(values) => {
                let width = values.rows.first()?.len();
                Some((1..=width).map(|position| format!("column{position}")).collect())
            }
            _ => None,
        }
    }

    fn items(&self, select: &Select, depth: usize) -> Option<Vec<String>> {
        let mut names = Vec::new();
        for item in &select.projection {
            match item {
                SelectItem::ExprWithAlias { alias, .. } => names.push(alias.value.clone()),
                SelectItem::UnnamedExpr(expr) => names.push(output_name(expr)),
                SelectItem::Wildcard(options) => {
                    names.extend(self.all(select, options, depth)?);
                }
                SelectItem::QualifiedWildcard(
                    SelectItemQualifiedWildcardKind::ObjectName(name),
                    options,
                ) => {
                    let all = factors(select);
                    let factor = all.into_iter().find(|factor| is_named(factor, name))?;
                    names.extend(shown(self.visible_at(factor, depth + 1)?, options)?);
                }
                _ => return None,
            }
        }
        Some(names)
    }

    /// What `*` shows: merged columns once.
    fn all(
        &self,
        select: &Select,
        options: &WildcardAdditionalOptions,
        depth: usize,
    ) -> Option<Vec<String>> {
        let mut names: Vec<String> = Vec::new();
        for from in &select.from {
            let mut own = self.visible_at(&from.relation, depth + 1)?;
            for join in &from.joins {
                let right = self.visible_at(&join.relation, depth + 1)?;
                let merged = merged(&join.join_operator, &own, &right);
                own.extend(right.into_iter().filter(|name| !has(&merged, name)));
            }
            names.extend(own);
        }
        shown(names, options)
    }
}

fn merged(operator: &JoinOperator, left: &[String], right: &[String]) -> Vec<String> {
    match constraint_mut(&mut operator.clone()) {
        Some(JoinConstraint::Using(names)) => names.iter().map(last_part).collect(),
        Some(JoinConstraint::Natural) => {
            left.iter().filter(|name| has(right, name)).cloned().collect()
        }
        _ => Vec::new(),
    }
}

/// The columns that the options of a wildcard leave; `None` where they rename some.
fn shown(names: Vec<String>, options: &WildcardAdditionalOptions) -> Option<Vec<String>> {
    if options.opt_rename.is_some() || options.opt_ilike.is_some() {
        return None;
    }
    let left_out = excluded(options);
    Some(names.into_iter().filter(|name| !has(&left_out, name)).collect())
}

/// The columns under the names that an alias gives them.
pub(super) fn renamed(
    names: Option<Vec<String>>,
    alias: Option<&TableAlias>,
) -> Option<Vec<String>> {
    let given = alias.map(|alias| alias.columns.as_slice()).unwrap_or_default();
    let given = given.iter().map(|column| column.name.value.clone());
    match names {
        Some(names) => {
            let rest = names.into_iter().skip(given.len());
            Some(given.chain(rest).collect())
        }
        // the list may be shorter than the columns
        None => (given.len() > 0).then(|| given.collect()),
    }
}

fn output_name(expr: &Expr) -> String {
    match expr {
        Expr::Identifier(name) => name.value.clone(),
        Expr::CompoundIdentifier(parts) => {
            parts.last().map(|name| name.value.clone()).unwrap_or_default()
        }
        Expr::Nested(inner) => output_name(inner),
        // no name that a condition could use
        other => other.to_string(),
    }
}

/// Replaces joins in parentheses.
pub(super) fn open_parentheses(select: &mut Select) {
    for from in &mut select.from {
        while let TableFactor::NestedJoin { table_with_joins, alias: None } = &from.relation {
            let inner = table_with_joins.as_ref().clone();
            from.relation = inner.relation;
            from.joins.splice(0..0, inner.joins);
        }
        let joined = from.joins.iter_mut().map(|join| &mut join.relation);
        for factor in std::iter::once(&mut from.relation).chain(joined) {
            let TableFactor::NestedJoin { table_with_joins, alias: Some(alias) } = factor else {
                continue;
            };
            let mut select = strataql_sql::empty_select();
            select.projection = vec![SelectItem::Wildcard(WildcardAdditionalOptions::default())];
            select.from = vec![table_with_joins.as_ref().clone()];
            let alias = Some(alias.clone());
            let body = SetExpr::Select(Box::new(select));
            let subquery = Box::new(strataql_sql::query_of(body));
            *factor = TableFactor::Derived { lateral: false, subquery, alias, sample: None };
        }
    }
}
