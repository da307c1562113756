//! Placeholders in views of documents: `'{{ account_id }}'`, `'<Arn>'`, `'replace-me'`.
//!
//! Owns: telling them from values, and filling them in.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Query, Value, ValueWithSpan, Visit, VisitMut, Visitor, VisitorMut,
};

use super::conditions::{Givens, ParameterSource};

/// The names of `{{ name }}` in a text, in order.
pub(super) fn names(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("{{") {
        let Some((name, after)) = after.split_once("}}") else { break };
        names.push(name.trim().to_owned());
        rest = after;
    }
    names
}

/// True for a value that stands for one that the user gives.
pub(super) fn is_placeholder(expr: &Expr) -> bool {
    let Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) = expr else {
        return false;
    };
    let text = text.trim();
    !names(text).is_empty()
        || (text.starts_with('<') && text.ends_with('>'))
        || text == "replace-me"
}

/// Fills `{{ name }}` with the values that are given.
pub(super) fn fill(query: &mut Query, given: &Givens) {
    let _done: ControlFlow<()> = query.visit(&mut Filler { given });
}

/// The first `{{ name }}` that has no value.
pub(super) fn first_left(query: &Query) -> Option<String> {
    match query.visit(&mut Finder) {
        ControlFlow::Break(name) => Some(name),
        ControlFlow::Continue(()) => None,
    }
}

struct Filler<'a> {
    given: &'a Givens,
}

impl Filler<'_> {
    /// The one value of a name.
    fn value(&self, name: &str) -> Option<&Expr> {
        match self.given.get(&name.to_lowercase())? {
            ParameterSource::Values(values) => match values.as_slice() {
                [one] => Some(one),
                _ => None,
            },
            ParameterSource::Fed => None,
        }
    }
}

impl VisitorMut for Filler<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let Expr::Value(value) = &*expr else { return ControlFlow::Continue(()) };
        let Value::SingleQuotedString(text) = &value.value else {
            return ControlFlow::Continue(());
        };
        let all = names(text);
        let whole = text.trim();
        if let [name] = all.as_slice()
            && whole.starts_with("{{")
            && whole.ends_with("}}")
        {
            if let Some(value) = self.value(name) {
                *expr = value.clone();
            }
            return ControlFlow::Continue(());
        }
        let mut filled = text.clone();
        for name in &all {
            if let Some(Expr::Value(ValueWithSpan {
                value: Value::SingleQuotedString(given),
                ..
            })) = self.value(name)
            {
                filled = replaced(&filled, name, given);
            }
        }
        if filled != *text {
            *expr = Expr::value(Value::SingleQuotedString(filled));
        }
        ControlFlow::Continue(())
    }
}

/// The text with every `{{ name }}` replaced.
fn replaced(text: &str, name: &str, value: &str) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        filled.push_str(before);
        let Some((found, tail)) = after.split_once("}}") else {
            filled.push_str("{{");
            rest = after;
            break;
        };
        if found.trim() == name {
            filled.push_str(value);
        } else {
            filled.push_str("{{");
            filled.push_str(found);
            filled.push_str("}}");
        }
        rest = tail;
    }
    filled.push_str(rest);
    filled
}

struct Finder;

impl Visitor for Finder {
    type Break = String;

    fn pre_visit_value(&mut self, value: &ValueWithSpan) -> ControlFlow<String> {
        match &value.value {
            Value::SingleQuotedString(text) => match names(text).into_iter().next() {
                Some(name) => ControlFlow::Break(name),
                None => ControlFlow::Continue(()),
            },
            _ => ControlFlow::Continue(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Expr {
        Expr::value(Value::SingleQuotedString(value.to_owned()))
    }

    #[test]
    fn placeholders_are_told_from_values() {
        for placeholder in ["{{ account_id }}", "<Arn>", "<A>|<B>", "replace-me"] {
            assert!(is_placeholder(&text(placeholder)), "{placeholder}");
        }
        for value in ["a1", "us-east-1", "a < b", "AWS::S3::Bucket"] {
            assert!(!is_placeholder(&text(value)), "{value}");
        }
    }

    #[test]
    fn filling_keeps_what_is_not_given() {
        assert_eq!(replaced("x-{{ a }}-{{b}}", "a", "1"), "x-1-{{b}}");
        assert_eq!(names("x-{{ a }}-{{b}} {{"), ["a", "b"]);
    }
}
