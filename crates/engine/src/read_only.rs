//! What a statement may change, and read-only sessions, which refuse what may change something.
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
use strataql_sql::{Exec, Parsed, Registry, Statement as Syntax, Transaction, WriteKind};

use crate::write;

/// What a statement may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Nothing.
    Nothing,
    /// The session: SET, USE, BEGIN, ROLLBACK.
    Session,
    /// Objects or rows are created or changed: INSERT, UPDATE, REPLACE.
    Write,
    /// Objects or rows are deleted: DELETE.
    Delete,
    /// EXEC of a method that may change something.
    Exec,
    /// Anything else: definitions, COMMIT, and what is not known.
    Other,
}

/// What a statement would change, in words.
struct Change {
    effect: Effect,
    what: &'static str,
}

/// The refusal of a statement that may write.
pub(crate) fn refusal(statement: &Statement) -> Option<Box<Report>> {
    let change = change(statement)?;
    Some(Box::new(read_only_refusal(change.what).with_label(statement.parsed.span, "")))
}

/// What a statement may change.
pub(crate) fn effect(statement: &Statement) -> Effect {
    match (change(statement), &statement.parsed.statement) {
        (Some(change), _) => change.effect,
        (None, Syntax::Set { .. } | Syntax::Use(_) | Syntax::Transaction(_)) => Effect::Session,
        (None, _) => Effect::Nothing,
    }
}

fn change(statement: &Statement) -> Option<Change> {
    let parsed = statement.parsed.as_ref();
    let changes = |exec: &Exec| write::changes(&|name| statement.resource(name), exec);
    writes(parsed, &parsed.statement, &changes)
}

fn writes(parsed: &Parsed, statement: &Syntax, changes: &dyn Fn(&Exec) -> bool) -> Option<Change> {
    let other = |what| Some(Change { effect: Effect::Other, what });
    let explains = matches!(statement, Syntax::Explain { analyze: false, .. });
    if !explains && parsed.execs.iter().any(changes) {
        let what = "EXEC inside a query of a method that may change something";
        return Some(Change { effect: Effect::Exec, what });
    }
    match statement {
        Syntax::Query(query) => {
            written(query.as_ref()).map(|effect| Change { effect, what: "a query that writes" })
        }
        Syntax::Explain { analyze: false, .. } => None,
        Syntax::Explain { inner, .. } => writes(parsed, inner, changes),
        Syntax::Write(kind, _) => {
            let is_delete = matches!(kind, WriteKind::Delete);
            let effect = if is_delete { Effect::Delete } else { Effect::Write };
            Some(Change { effect, what: statement.keyword() })
        }
        Syntax::Exec(exec) => changes(exec).then_some(Change {
            effect: Effect::Exec,
            what: "EXEC of a method that may change something",
        }),
        Syntax::Definition(_) | Syntax::Refresh(_) => other(statement.keyword()),
        Syntax::Registry(Registry::Pull(..)) => other("REGISTRY PULL"),
        Syntax::Registry(Registry::List(_)) => None,
        Syntax::Transaction(Transaction::Commit) => other("COMMIT"),
        Syntax::Transaction(_) => None,
        Syntax::Foreign(_) => other("a statement that is no query"),
        Syntax::Known(word) => other(word),
        Syntax::Show(_) | Syntax::Describe(_) | Syntax::Use(_) | Syntax::Set { .. } => None,
    }
}

/// What a query writes, for example in a common table expression. Of several writes, the one that
/// needs more care counts.
fn written(query: &Query) -> Option<Effect> {
    struct Finder(Option<Effect>);

    impl Visitor for Finder {
        type Break = ();

        fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
            self.0 = self.0.max(body(&query.body));
            ControlFlow::Continue(())
        }

        fn pre_visit_select(&mut self, select: &sql::Select) -> ControlFlow<()> {
            if select.into.is_some() {
                self.0 = self.0.max(Some(Effect::Other));
            }
            ControlFlow::Continue(())
        }
    }

    let mut finder = Finder(None);
    let _done = query.visit(&mut finder);
    finder.0
}

fn body(part: &SetExpr) -> Option<Effect> {
    match part {
        SetExpr::Insert(_) | SetExpr::Update(_) => Some(Effect::Write),
        SetExpr::Delete(_) => Some(Effect::Delete),
        SetExpr::Merge(_) => Some(Effect::Other),
        SetExpr::SetOperation { left, right, .. } => body(left).max(body(right)),
        _ => None,
    }
}
