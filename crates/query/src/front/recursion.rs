//! References of recursive common table expressions to themselves.
//!
//! Refuses: those in a subquery, and more than one, as PostgreSQL does; DataFusion has the rows of the last
//! step for one reader only.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Cte, Expr, Query, TableFactor, VisitMut, VisitorMut};
use strataql_diag::{Code, Report};

/// Checks the common table expressions of a query.
pub(super) fn check(query: &mut Query) -> Result<(), Box<Report>> {
    let Some(with) = query.with.as_mut().filter(|with| with.recursive) else { return Ok(()) };
    with.cte_tables.iter_mut().try_for_each(check_one)
}

fn check_one(cte: &mut Cte) -> Result<(), Box<Report>> {
    let name = cte.alias.name.value.clone();
    let mut found = References { name: &name, depth: 0, all: 0, nested: 0 };
    let _done = cte.query.visit(&mut found);
    let shown = name.split('\u{2}').next().unwrap_or_default();
    let cause = if found.nested > 0 {
        "is read in a subquery of its own query"
    } else if found.all > 1 {
        "is read more than once in its own query"
    } else {
        return Ok(());
    };
    Err(Box::new(
        Report::new(Code::UnsupportedSyntax, format!("the recursive query `{shown}` {cause}"))
            .with_help("read it once, in FROM, and join what else is needed"),
    ))
}

struct References<'a> {
    name: &'a str,
    /// Expressions around the place.
    depth: usize,
    all: usize,
    nested: usize,
}

impl VisitorMut for References<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, _: &mut Expr) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, _: &mut Expr) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, args: None, .. } = factor
            && let [part] = name.0.as_slice()
            && part.as_ident().is_some_and(|ident| ident.value.eq_ignore_ascii_case(self.name))
        {
            self.all += 1;
            self.nested += usize::from(self.depth > 0);
        }
        ControlFlow::Continue(())
    }
}
