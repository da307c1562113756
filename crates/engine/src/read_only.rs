//! Read-only sessions: what may change something is refused on the parsed tree.
//!
//! Owns: the classification. It works on the tree, so comments, hints, case and spacing cannot hide a
//! write, and each statement of a batch is judged by itself.
//! Surprise: EXEC is judged by its method. One that only reads may run; one that cannot be found is
//! left to the report that says so.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast as sql;
use datafusion::sql::sqlparser::ast::{Query, SetExpr, Visit, Visitor};
use strataql_diag::Report;
use strataql_query::run::read_only_refusal;
use strataql_query::statement::Statement;
use strataql_sql::{Exec, Parsed, Registry, Statement as Syntax, Transaction};

use crate::write;

/// The refusal of a statement that may write.
pub(crate) fn refusal(statement: &Statement) -> Option<Box<Report>> {
    let parsed = statement.parsed.as_ref();
    let changes = |exec: &Exec| write::changes(&|name| statement.resource(name), exec);
    let what = writes(parsed, &parsed.statement, &changes)?;
    Some(Box::new(read_only_refusal(what).with_label(parsed.span, "")))
}

/// What a statement would change, in words.
fn writes(
    parsed: &Parsed,
    statement: &Syntax,
    changes: &dyn Fn(&Exec) -> bool,
) -> Option<&'static str> {
    let explains = matches!(statement, Syntax::Explain { analyze: false, .. });
    if !explains && parsed.execs.iter().any(changes) {
        return Some("EXEC inside a query of a method that may change something");
    }
    match statement {
        Syntax::Query(query) => has_write(query.as_ref()).then_some("a query that writes"),
        Syntax::Explain { analyze: false, .. } => None,
        Syntax::Explain { inner, .. } => writes(parsed, inner, changes),
        Syntax::Write(..) => Some(statement.keyword()),
        Syntax::Exec(exec) => changes(exec).then_some("EXEC of a method that may change something"),
        Syntax::Definition(_) | Syntax::Refresh(_) => Some(statement.keyword()),
        Syntax::Registry(Registry::Pull(..)) => Some("REGISTRY PULL"),
        Syntax::Registry(Registry::List(_)) => None,
        Syntax::Transaction(Transaction::Commit) => Some("COMMIT"),
        Syntax::Transaction(_) => None,
        Syntax::Foreign(_) => Some("a statement that is no query"),
        Syntax::Known(word) => Some(word),
        Syntax::Show(_) | Syntax::Describe(_) | Syntax::Use(_) | Syntax::Set { .. } => None,
    }
}

/// True if a query holds a write, for example in a common table expression.
fn has_write(query: &Query) -> bool {
    struct Finder;

    impl Visitor for Finder {
        type Break = ();

        fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
            if body_writes(&query.body) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        }

        fn pre_visit_select(&mut self, select: &sql::Select) -> ControlFlow<()> {
            if select.into.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }

    query.visit(&mut Finder).is_break()
}

fn body_writes(body: &SetExpr) -> bool {
    match body {
        SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => true,
        SetExpr::SetOperation { left, right, .. } => body_writes(left) || body_writes(right),
        _ => false,
    }
}
