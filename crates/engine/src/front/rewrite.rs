//! AST rewrites: path spellings that the planner's hooks do not see, and bind parameters.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    AccessExpr, Expr, JsonPathElem, Query, Subscript, Value, VisitMut, VisitorMut,
};
use strataql_diag::Report;

/// Rewrites a query.
pub(super) fn rewrite(query: &mut Query) -> Result<(), Box<Report>> {
    let mut rewriter = Rewriter { placeholders: 0 };
    match query.visit(&mut rewriter) {
        ControlFlow::Break(report) => Err(report),
        ControlFlow::Continue(()) => Ok(()),
    }
}

struct Rewriter {
    placeholders: usize,
}

impl VisitorMut for Rewriter {
    type Break = Box<Report>;

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        if let Expr::JsonAccess { value, path } = expr {
            // `col:a.b` is `col['a']['b']`
            let access_chain = path
                .path
                .iter()
                .map(|step| match step {
                    JsonPathElem::Dot { key, .. } => subscript(key),
                    JsonPathElem::Bracket { key } | JsonPathElem::ColonBracket { key } => {
                        AccessExpr::Subscript(Subscript::Index { index: key.clone() })
                    }
                })
                .collect();
            *expr = Expr::CompoundFieldAccess { root: value.clone(), access_chain };
        }
        if let Expr::CompoundFieldAccess { access_chain, .. } = expr {
            // a name after a subscript is a key: `col['a'].b`
            let mut after = false;
            for access in access_chain {
                match access {
                    AccessExpr::Subscript(_) => after = true,
                    AccessExpr::Dot(Expr::Identifier(ident)) if after => {
                        *access = subscript(&ident.value.clone());
                    }
                    AccessExpr::Dot(_) => {}
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_value(
        &mut self,
        value: &mut datafusion::sql::sqlparser::ast::ValueWithSpan,
    ) -> ControlFlow<Self::Break> {
        if let Value::Placeholder(name) = &mut value.value {
            if name == "?" {
                self.placeholders += 1;
                *name = format!("${}", self.placeholders);
            } else if let Some(rest) = name.strip_prefix(':') {
                *name = format!("${rest}");
            }
        }
        ControlFlow::Continue(())
    }
}

fn subscript(key: &str) -> AccessExpr {
    AccessExpr::Subscript(Subscript::Index {
        index: Expr::value(Value::SingleQuotedString(key.to_owned())),
    })
}
