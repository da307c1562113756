//! Labels: what stands above the columns of a result.
//!
//! Owns: labels as the user typed them, and select lists that name a column twice (which DataFusion
//! refuses: every output needs a name of its own, so repeats get an internal one).
//! Surprise: the text of an expression is cut out of the statement, since the tree no longer holds
//! what was read as something else (`x REGEXP y`, `substr`, `mod`).

use std::ops::ControlFlow;

use datafusion::common::DFSchema;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Ident, Query, Select, SelectItem, SetExpr, VisitMut, VisitorMut,
    visit_expressions,
};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};
use strataql_sql::byte_span;

/// Begins an internal name, and ends the part of it that is not shown: of a merged column of `*` whose name
/// another column has, of a repeated item.
pub(super) const MERGED: char = '\u{2}';

fn has_subquery(expr: &Expr) -> bool {
    let found = visit_expressions(expr, |inner| match inner {
        Expr::Subquery(_) | Expr::InSubquery { .. } | Expr::Exists { .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}

/// A select item's label.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Label {
    /// Fixed text: an alias, or the text of an expression.
    Text(String),
    /// The name of the planned column (its document spelling, or the path); this one if it got an
    /// internal name.
    Column(String),
    /// As many columns as a wildcard gives.
    Wildcard,
}

/// The labels of a query's first select list.
#[derive(Debug, Clone)]
pub(super) struct Labels(Vec<Label>);

impl Labels {
    /// The labels of a query, with the texts of its select items as far as they are [`written`].
    pub(super) fn of(query: &Query, written: &[String]) -> Self {
        let Some(select) = first_select(&query.body) else { return Self(vec![Label::Wildcard]) };
        let is_whole = written.len() == select.projection.len();
        let text = |position: usize| written.get(position).filter(|_| is_whole);
        let items = select.projection.iter().enumerate();
        Self(items.map(|(position, item)| label(item, text(position))).collect())
    }

    /// Gives repeated items of the first select list internal names.
    pub(super) fn make_unique(&self, query: &mut Query) {
        let Some(select) = first_select_mut(&mut query.body) else { return };
        let has_wildcard = self.0.contains(&Label::Wildcard);
        let mut seen: Vec<String> = Vec::new();
        for (position, item) in select.projection.iter_mut().enumerate() {
            let (name, expr) = match item {
                SelectItem::UnnamedExpr(expr) => (output_name(expr), expr.clone()),
                SelectItem::ExprWithAlias { expr, alias } => {
                    (alias.value.to_lowercase(), expr.clone())
                }
                _ => continue,
            };
            let is_column = matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
            // a subquery's column has a name without a table, which may clash with any other, and an
            // expression around one is named without its text
            let is_subquery = matches!(item, SelectItem::UnnamedExpr(expr) if has_subquery(expr));
            // planned, and named, as the `@>` of the other order
            let is_mirrored = matches!(expr, Expr::BinaryOp { op: BinaryOperator::ArrowAt, .. });
            let is_taken = seen.iter().any(|other| is_same(other, &name));
            if is_taken || is_mirrored || is_subquery || (has_wildcard && is_column) {
                let alias = Ident::with_quote('"', format!("\u{1}{position}"));
                *item = SelectItem::ExprWithAlias { expr, alias };
            } else {
                seen.push(name);
            }
        }
    }

    /// One label per column of the planned schema.
    pub(super) fn for_schema(&self, schema: &DFSchema) -> Vec<String> {
        let fields = schema.fields().iter();
        let names: Vec<String> = fields.map(|field| shown(field.name()).to_owned()).collect();
        let fixed = self.0.iter().filter(|label| **label != Label::Wildcard).count();
        let wildcards = self.0.len() - fixed;
        let spread = names.len().checked_sub(fixed);
        let Some(spread) =
            spread.filter(|_| wildcards <= 1 && (wildcards == 1 || fixed == names.len()))
        else {
            return names;
        };
        let mut labels = Vec::with_capacity(names.len());
        for label in &self.0 {
            match label {
                Label::Text(text) => labels.push(text.clone()),
                Label::Column(own) => {
                    let name = &names[labels.len()];
                    let is_internal = name.starts_with('\u{1}');
                    labels.push(if is_internal { own.clone() } else { name.clone() });
                }
                Label::Wildcard => {
                    let from = labels.len();
                    labels.extend(names[from..from + spread].iter().cloned());
                }
            }
        }
        labels
    }
}

/// The name without its internal part.
fn shown(name: &str) -> &str {
    name.starts_with(MERGED).then(|| name.rsplit(MERGED).next()).flatten().unwrap_or(name)
}

fn label(item: &SelectItem, written: Option<&String>) -> Label {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Label::Text(shown(&alias.value).to_owned()),
        SelectItem::UnnamedExpr(Expr::Identifier(ident)) => Label::Text(ident.value.clone()),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => {
            Label::Column(parts.last().map(|part| part.value.clone()).unwrap_or_default())
        }
        SelectItem::UnnamedExpr(expr) => {
            Label::Text(written.cloned().unwrap_or_else(|| expr.to_string()))
        }
        _ => Label::Wildcard,
    }
}

/// The items of the first select list as they stand in the statement, blanks and comments as one
/// space; nothing where that list is not found.
pub(super) fn written(text: &str, tokens: &[TokenWithSpan]) -> Vec<String> {
    let start = tokens.iter().position(|token| !is_blank(token) && token.token != Token::LParen);
    let outer =
        start.map_or(0, |start| tokens[..start].iter().filter(|token| !is_blank(token)).count());
    let mut depth = 0;
    let mut is_list = false;
    let mut items = vec![String::new()];
    let mut before = Keyword::NoKeyword;
    for token in tokens {
        let keyword = match &token.token {
            Token::Word(word) if word.quote_style.is_none() => word.keyword,
            _ => Keyword::NoKeyword,
        };
        let is_outer = depth == outer;
        match &token.token {
            Token::LParen | Token::LBracket | Token::LBrace => depth += 1,
            Token::RParen | Token::RBracket | Token::RBrace => depth -= 1,
            _ => {}
        }
        if !is_list {
            is_list = is_outer && keyword == Keyword::SELECT;
            continue;
        }
        if depth < outer || is_outer && ends_list(keyword, before) {
            break;
        }
        let item = items.last_mut().expect("one at least");
        if is_blank(token) {
            if !item.is_empty() && !item.ends_with(' ') {
                item.push(' ');
            }
            continue;
        }
        let is_quantifier = matches!(keyword, Keyword::DISTINCT | Keyword::ALL);
        if keyword == Keyword::ON && before == Keyword::DISTINCT {
            return Vec::new();
        }
        if token.token == Token::Comma && is_outer {
            items.push(String::new());
        } else if !(is_quantifier && item.is_empty()) {
            item.push_str(byte_span(text, token).slice(text));
        }
        before = keyword;
    }
    items.iter().map(|item| item.trim_end().to_owned()).filter(|item| !item.is_empty()).collect()
}

fn is_blank(token: &TokenWithSpan) -> bool {
    matches!(token.token, Token::Whitespace(_) | Token::EOF | Token::SemiColon)
}

/// True for a word that ends a select list.
fn ends_list(keyword: Keyword, before: Keyword) -> bool {
    match keyword {
        // IS DISTINCT FROM
        Keyword::FROM => before != Keyword::DISTINCT,
        Keyword::EXCEPT
        | Keyword::FETCH
        | Keyword::GROUP
        | Keyword::HAVING
        | Keyword::INTERSECT
        | Keyword::LIMIT
        | Keyword::OFFSET
        | Keyword::ORDER
        | Keyword::QUALIFY
        | Keyword::UNION
        | Keyword::WHERE
        | Keyword::WINDOW => true,
        _ => false,
    }
}

/// The name under which DataFusion would put an item out.
fn output_name(expr: &Expr) -> String {
    /// Casts and parentheses leave no trace in a name.
    struct Plain;

    impl VisitorMut for Plain {
        type Break = ();

        fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            while let Expr::Cast { expr: inner, .. } | Expr::Nested(inner) = expr {
                *expr = inner.as_ref().clone();
            }
            ControlFlow::Continue(())
        }
    }

    let mut plain = expr.clone();
    let _done = plain.visit(&mut Plain);
    match plain {
        // nor do subqueries leave anything else
        Expr::Subquery(_) => "<subquery>".to_owned(),
        // both arrows are one function there
        _ => plain.to_string().to_lowercase().replace("->>", "->"),
    }
}

/// True for names that DataFusion would not tell apart: `x` may be `t.x`.
fn is_same(one: &str, other: &str) -> bool {
    let bare = |name: &str, full: &str| {
        !name.contains('.') && full.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'))
    };
    one == other || bare(one, other) || bare(other, one)
}

fn first_select(body: &SetExpr) -> Option<&Select> {
    match body {
        SetExpr::Select(select) => Some(select),
        SetExpr::Query(query) => first_select(&query.body),
        SetExpr::SetOperation { left, .. } => first_select(left),
        _ => None,
    }
}

fn first_select_mut(body: &mut SetExpr) -> Option<&mut Select> {
    match body {
        SetExpr::Select(select) => Some(select),
        SetExpr::Query(query) => first_select_mut(&mut query.body),
        SetExpr::SetOperation { left, .. } => first_select_mut(left),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        let parsed = strataql_sql::parse(text).expect("reads").pop().expect("one");
        written(text, &parsed.tokens)
    }

    #[test]
    fn expressions_are_labelled_as_they_were_typed() {
        assert_eq!(
            texts("SELECT substr(a, 2) , 'x' REGEXP\n 'y' /* why */, f([1, 2][1]) AS z FROM t"),
            ["substr(a, 2)", "'x' REGEXP 'y'", "f([1, 2][1]) AS z"]
        );
        assert_eq!(
            texts("SELECT DISTINCT a IS DISTINCT FROM b, extract(YEAR FROM c) WHERE d"),
            ["a IS DISTINCT FROM b", "extract(YEAR FROM c)"]
        );
        assert_eq!(texts("EXPLAIN WITH x AS (SELECT 1) SELECT n+1 FROM x"), ["n+1"]);
        assert_eq!(texts("((SELECT a ->> 'b', (SELECT 1)) UNION SELECT 2)").len(), 2);
        assert_eq!(texts("SELECT count(*) FILTER (WHERE x), 2 UNION SELECT 3, 4").len(), 2);
        assert_eq!(texts("VALUES (1)"), [] as [&str; 0]);
        assert_eq!(texts("SELECT DISTINCT ON (a) a, b FROM t"), [] as [&str; 0]);
    }
}
