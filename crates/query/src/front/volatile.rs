//! Common table expressions with volatile functions.
//!
//! `WITH q AS (SELECT random() AS r) SELECT a.r = b.r FROM q a, q b` is true: the rows of `q` are
//! computed once. DataFusion puts the query in the place of every reference. Here the query gets a mark,
//! by which its copies are found in the plan.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Extension, LogicalPlan, SubqueryAlias, Volatility};
use datafusion::sql::sqlparser::ast::{
    Expr, Ident, Query, SelectItem, TableAlias, TableFactor, TableWithJoins, VisitMut, VisitorMut,
    WildcardAdditionalOptions, visit_expressions, visit_relations,
};

use super::rows::around;
use crate::operators::SharedRows;
use crate::plan::shared_node::SharedRowsNode;

/// Begins the mark; no SQL can spell it.
const MARK: &str = "\u{1}shared";

/// Marks such common table expressions.
pub(super) fn mark(query: &mut Query, state: &SessionState) {
    let _done = query.visit(&mut Marker { state, count: 0 });
}

struct Marker<'a> {
    state: &'a SessionState,
    count: usize,
}

impl VisitorMut for Marker<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let Some(with) = &mut query.with else { return ControlFlow::Continue(()) };
        for cte in &mut with.cte_tables {
            let own = cte.alias.name.value.clone();
            if (with.recursive && reads(&cte.query, &own)) || !self.is_volatile(&cte.query) {
                continue;
            }
            self.count += 1;
            let name = Ident::with_quote('"', format!("{MARK}{}", self.count));
            let relation = TableFactor::Derived {
                lateral: false,
                subquery: cte.query.clone(),
                alias: Some(TableAlias { explicit: true, name, columns: vec![], at: None }),
                sample: None,
            };
            let mut select = strataql_sql::empty_select();
            select.projection = vec![SelectItem::Wildcard(WildcardAdditionalOptions::default())];
            select.from = vec![TableWithJoins { relation, joins: vec![] }];
            *cte.query = around(&cte.query, select);
        }
        ControlFlow::Continue(())
    }
}

impl Marker<'_> {
    fn is_volatile(&self, query: &Query) -> bool {
        let functions = self.state.scalar_functions();
        let found = visit_expressions(query, |expr| {
            if let Expr::Function(function) = expr
                && let Some(known) = functions.get(&function.name.to_string().to_lowercase())
                && known.signature().volatility == Volatility::Volatile
            {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        found.is_break()
    }
}

fn reads(query: &Query, name: &str) -> bool {
    let found = visit_relations(query, |relation| {
        let is_it = relation.to_string().trim_matches('"').eq_ignore_ascii_case(name);
        if is_it { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    found.is_break()
}

/// Makes the copies of a marked query readers of the same rows.
pub(super) fn share(plan: LogicalPlan) -> Result<LogicalPlan> {
    let mut copies: BTreeMap<String, usize> = BTreeMap::new();
    plan.apply_with_subqueries(|node| {
        if let Some(mark) = mark_of(node) {
            *copies.entry(mark.to_owned()).or_default() += 1;
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    copies.retain(|_, count| *count > 1);
    if copies.is_empty() {
        return Ok(plan);
    }
    let rows: BTreeMap<String, Arc<SharedRows>> =
        copies.into_keys().map(|mark| (mark, Arc::default())).collect();
    let done = plan.transform_up_with_subqueries(|node| {
        let Some(rows) = mark_of(&node).and_then(|mark| rows.get(mark)) else {
            return Ok(Transformed::no(node));
        };
        let LogicalPlan::SubqueryAlias(alias) = node else { return Ok(Transformed::no(node)) };
        let input = Arc::unwrap_or_clone(alias.input);
        let node = Arc::new(SharedRowsNode { input, rows: Arc::clone(rows) });
        let input = Arc::new(LogicalPlan::Extension(Extension { node }));
        SubqueryAlias::try_new(input, alias.alias)
            .map(LogicalPlan::SubqueryAlias)
            .map(Transformed::yes)
    })?;
    Ok(done.data)
}

fn mark_of(node: &LogicalPlan) -> Option<&str> {
    match node {
        LogicalPlan::SubqueryAlias(alias) if alias.alias.table().starts_with(MARK) => {
            Some(alias.alias.table())
        }
        _ => None,
    }
}
