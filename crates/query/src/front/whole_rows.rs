//! `count(t.*)` and `count(t)`: how many rows of an item of FROM there are.
//!
//! DataFusion counts the rows of the join. An outer join gives a row also where the item has none; all of its columns
//! are NULL there.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CaseWhen, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident,
    JoinOperator, ObjectName, Select, Value, VisitMut, VisitorMut,
    helpers::attached_token::AttachedToken,
};

use super::rewrite::is_named;

/// An item of FROM: how its columns are qualified, and their names, as far as they are known.
pub(super) struct Item {
    pub(super) qualifier: Option<ObjectName>,
    pub(super) columns: Option<Vec<String>>,
}

/// Replaces the counts of whole rows of a select, whose items of FROM are these, in order.
pub(super) fn count_rows(select: &mut Select, items: Vec<Item>) {
    let optional = optional(select);
    let mut counts = Counts(items.into_iter().zip(optional).collect());
    let _done = select.projection.visit(&mut counts);
    let _done = select.having.visit(&mut counts);
    let _done = select.qualify.visit(&mut counts);
}

/// Which items may have no row where the select has one, in order.
fn optional(select: &Select) -> Vec<bool> {
    let mut all = Vec::new();
    for from in &select.from {
        let first = all.len();
        all.push(false);
        for join in &from.joins {
            let (before, own) = match join.join_operator {
                JoinOperator::Left(_) | JoinOperator::LeftOuter(_) => (false, true),
                JoinOperator::Right(_) | JoinOperator::RightOuter(_) => (true, false),
                JoinOperator::FullOuter(_) => (true, true),
                _ => (false, false),
            };
            all[first..].iter_mut().for_each(|is_optional| *is_optional |= before);
            all.push(own);
        }
    }
    all
}

/// The items, and whether one may have no row where the select has one.
struct Counts(Vec<(Item, bool)>);

impl VisitorMut for Counts {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr
            && is_named(function, "count")
            && let FunctionArguments::List(list) = &mut function.args
            && let [argument] = list.args.as_mut_slice()
            && let Some(counted) = self.counted(argument)
        {
            *argument = counted;
        }
        ControlFlow::Continue(())
    }
}

impl Counts {
    /// What is counted in the place of a whole row.
    fn counted(&self, argument: &FunctionArg) -> Option<FunctionArg> {
        let name = match argument {
            FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(name)) => {
                name.0.last()?.as_ident()?
            }
            // a column of that name is meant first
            FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Identifier(name))) => {
                let is_column = |(item, _): &(Item, bool)| {
                    let mut known = item.columns.iter().flatten();
                    item.columns.is_none() || known.any(|own| own.eq_ignore_ascii_case(&name.value))
                };
                if self.0.iter().any(is_column) {
                    return None;
                }
                name
            }
            _ => return None,
        };
        let is_it = |item: &Item| {
            let last = item.qualifier.as_ref().and_then(|own| own.0.last()?.as_ident());
            last.is_some_and(|own| own.value.eq_ignore_ascii_case(&name.value))
        };
        let (item, is_optional) = self.0.iter().find(|(item, _)| is_it(item))?;
        if !is_optional {
            return Some(FunctionArg::Unnamed(FunctionArgExpr::Wildcard));
        }
        let counted = one_if_any(item.qualifier.as_ref()?, item.columns.as_ref()?)?;
        Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(counted)))
    }
}

/// 1 where any of the columns has a value.
fn one_if_any(qualifier: &ObjectName, columns: &[String]) -> Option<Expr> {
    let parts: Option<Vec<Ident>> =
        qualifier.0.iter().map(|part| part.as_ident().cloned()).collect();
    let parts = parts?;
    let is_there = columns.iter().map(|column| {
        let name = parts.iter().cloned().chain([Ident::with_quote('"', column.clone())]);
        Expr::IsNotNull(Box::new(Expr::CompoundIdentifier(name.collect())))
    });
    let condition = is_there.reduce(|left, right| Expr::BinaryOp {
        left: Box::new(left),
        op: BinaryOperator::Or,
        right: Box::new(right),
    })?;
    let result = Expr::value(Value::Number("1".to_owned(), false));
    Some(Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![CaseWhen { condition, result }],
        else_result: None,
    })
}
