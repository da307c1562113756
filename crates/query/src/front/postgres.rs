//! What PostgreSQL writes and DataFusion does not plan, or plans with another meaning.
//!
//! Owns: AT TIME ZONE, the sign of intervals, SIMILAR TO, LIKE and ILIKE with ESCAPE, literals of timestamps without seconds,
//! functions that give rows in a select list.
//! Surprise: the functions that stand for them are those of `strataql-functions`, which anybody may
//! call by name, too.

use datafusion::sql::sqlparser::ast::{
    CastKind, DataType, ExactNumberInfo, Expr, FunctionArg, FunctionArgExpr, FunctionArguments,
    Ident, ObjectName, Select, SelectItem, UnaryOperator, Value, ValueWithSpan,
};
use strataql_diag::{Code, Report, excerpt};
use strataql_functions::REPLACE_GROUPS;

use super::rewrite::{call_of, is_named};

/// Replaces an expression by one with the meaning that PostgreSQL gives it.
///
/// # Errors
/// `bad-value` for a text that is no time.
pub(super) fn respell(expr: &mut Expr) -> Result<(), Box<Report>> {
    if let Some(plain) = plain(expr)? {
        *expr = plain;
    }
    Ok(())
}

fn plain(expr: &mut Expr) -> Result<Option<Expr>, Box<Report>> {
    Ok(Some(match expr {
        Expr::Value(ValueWithSpan { value: Value::Number(text, false), .. }) => {
            match decimal(text) {
                Some(decimal) => decimal,
                None => return Ok(None),
            }
        }
        // DataFusion writes the sign in front of the text, where it is that of the first part alone
        Expr::UnaryOp { op: UnaryOperator::Minus, expr: inner }
            if matches!(inner.as_ref(), Expr::Interval(_)) =>
        {
            let interval = Expr::Nested(Box::new(take(inner)));
            Expr::UnaryOp { op: UnaryOperator::Minus, expr: Box::new(interval) }
        }
        Expr::AtTimeZone { timestamp, time_zone } => {
            call_of("timezone", vec![take(time_zone), take(timestamp)])
        }
        Expr::SimilarTo { negated, expr: value, pattern, escape_char } => {
            let mut arguments = vec![take(value), take(pattern)];
            arguments.extend(escape_char.take().map(Expr::Value));
            negated_if(*negated, call_of("similar_to", arguments))
        }
        Expr::Like { negated, expr: value, pattern, escape_char, any: false } => {
            let Some(escape) = escape_of(escape_char.as_ref()) else { return Ok(None) };
            if let Some(text) = text_mut(pattern) {
                *text = with_backslashes(text, &escape);
                *escape_char = None;
                return Ok(None);
            }
            let escape = Expr::value(Value::SingleQuotedString(escape));
            negated_if(*negated, call_of("like", vec![take(pattern), take(value), escape]))
        }
        Expr::ILike { pattern, escape_char, any: false, .. } => {
            if let (Some(escape), Some(text)) = (escape_of(escape_char.as_ref()), text_mut(pattern))
            {
                *text = with_backslashes(text, &escape);
                *escape_char = None;
            }
            return Ok(None);
        }
        // the part of a text that a regular expression takes, or its first group
        Expr::Substring {
            expr: value, substring_from: Some(pattern), substring_for: None, ..
        } if is_text(pattern) => {
            let taken = call_of("regexp_match", vec![take(value), take(pattern)]);
            call_of("array_element", vec![taken, Expr::value(Value::Number("1".to_owned(), false))])
        }
        Expr::Function(function) if is_named(function, "regexp_replace") => {
            if let FunctionArguments::List(list) = &mut function.args
                && let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(replacement))) =
                    list.args.get_mut(2)
                && let Some(text) = text_mut(replacement)
            {
                *text = with_groups(text);
                // a query may come here twice
                function.name = ObjectName::from(vec![Ident::new(REPLACE_GROUPS)]);
            }
            return Ok(None);
        }
        Expr::TypedString(literal) if is_timestamp(&literal.data_type) => {
            if let Value::SingleQuotedString(text) = &mut literal.value.value {
                add_seconds(text);
            }
            return Ok(None);
        }
        Expr::Cast {
            kind: CastKind::Cast | CastKind::DoubleColon, expr: inner, data_type, ..
        } if is_timestamp(data_type) => {
            if let Some(text) = text_mut(inner) {
                add_seconds(text);
            }
            return Ok(None);
        }
        Expr::Cast {
            kind: CastKind::Cast | CastKind::DoubleColon,
            expr: inner,
            data_type: DataType::Time(..),
            ..
        } => {
            match text_mut(inner) {
                // a bare number would be nanoseconds
                Some(text) if !text.contains(':') => {
                    return Err(Box::new(
                        Report::new(Code::BadValue, format!("`{}` is no time", excerpt(text)))
                            .with_help("write hours, minutes and seconds: `11:00:00`"),
                    ));
                }
                _ => return Ok(None),
            }
        }
        _ => return Ok(None),
    }))
}

/// `regexp_matches(…)` gives rows. A query may come here twice, so what is unnested stays as it is.
pub(super) fn unnest_rows(expr: &mut Expr) {
    if is_call(expr, "regexp_matches") {
        let rows = take(expr);
        *expr = call_of("unnest", vec![rows]);
    } else if is_call(expr, "unnest")
        && let Some(inner) = argument_mut(expr)
        && is_call(inner, "unnest")
        && argument_mut(inner).is_some_and(|rows| is_call(rows, "regexp_matches"))
    {
        *expr = take(inner);
    }
}

/// `generate_series(…)` as an item of a select list gives rows, too; elsewhere it is a list.
pub(super) fn unnest_series(select: &mut Select) {
    for item in &mut select.projection {
        if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item
            && is_call(expr, "generate_series")
        {
            let rows = take(expr);
            *expr = call_of("unnest", vec![rows]);
        }
    }
}

fn is_call(expr: &Expr, name: &str) -> bool {
    matches!(expr, Expr::Function(function) if is_named(function, name))
}

/// The only argument of a call.
fn argument_mut(expr: &mut Expr) -> Option<&mut Expr> {
    let Expr::Function(function) = expr else { return None };
    let FunctionArguments::List(list) = &mut function.args else { return None };
    match list.args.as_mut_slice() {
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))] => Some(argument),
        _ => None,
    }
}

fn take(expr: &mut Expr) -> Expr {
    std::mem::replace(expr, Expr::value(Value::Null))
}

fn negated_if(negated: bool, expr: Expr) -> Expr {
    if negated { Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(expr) } } else { expr }
}

fn is_text(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(_), .. }))
}

fn text_mut(expr: &mut Expr) -> Option<&mut String> {
    match expr {
        Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) => Some(text),
        _ => None,
    }
}

/// The character of ESCAPE, which DataFusion knows as a backslash only; empty for none.
fn escape_of(escape: Option<&ValueWithSpan>) -> Option<String> {
    match escape.map(|escape| &escape.value) {
        Some(Value::SingleQuotedString(text)) if text != "\\" && text.chars().count() <= 1 => {
            Some(text.clone())
        }
        _ => None,
    }
}

/// The replacement of a regular expression, in which `\\1` is a group and `\\&` all that fitted, with the groups of
/// DataFusion; what these begin with stands for itself.
fn with_groups(replacement: &str) -> String {
    let mut out = String::with_capacity(replacement.len() + 2);
    let mut chars = replacement.chars().peekable();
    while let Some(char) = chars.next() {
        match (char, chars.peek().copied()) {
            ('$', _) => out.push_str("$$"),
            ('\\', Some('&')) => {
                chars.next();
                out.push_str("${0}");
            }
            ('\\', Some(digit @ '0'..='9')) => {
                chars.next();
                out.extend(["${", digit.encode_utf8(&mut [0; 4]), "}"]);
            }
            // a group that no expression has: what follows is no group for DataFusion
            ('\\', Some('\\')) => {
                chars.next();
                out.push_str("\\${4294967295}");
            }
            (char, _) => out.push(char),
        }
    }
    out
}

/// A pattern of LIKE with another escape character as one with backslashes.
fn with_backslashes(pattern: &str, escape: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 2);
    let mut chars = pattern.chars();
    while let Some(char) = chars.next() {
        match char {
            char if escape.starts_with(char) => {
                out.push('\\');
                out.extend(chars.next());
            }
            '\\' => out.push_str("\\\\"),
            char => out.push(char),
        }
    }
    out
}

/// A number with a point as a DECIMAL, if it has more digits than a DOUBLE holds.
fn decimal(text: &str) -> Option<Expr> {
    let (whole, fraction) = text.split_once('.')?;
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let digits = (whole.len() + fraction.len()) as u64;
    let significant = whole.trim_start_matches('0').len() + fraction.len();
    if !is_digits(whole) || !is_digits(fraction) || significant < 16 || digits > 38 {
        return None;
    }
    let scale = i64::try_from(fraction.len()).ok()?;
    Some(Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(Expr::value(Value::SingleQuotedString(text.to_owned()))),
        data_type: DataType::Decimal(ExactNumberInfo::PrecisionAndScale(digits, scale)),
        array: false,
        format: None,
    })
}

fn is_timestamp(kind: &DataType) -> bool {
    matches!(kind, DataType::Timestamp(..) | DataType::TimestampNtz(..) | DataType::Datetime(_))
}

/// `2026-01-31 10:00` as `2026-01-31 10:00:00`.
fn add_seconds(text: &mut String) {
    let is_clock = |at: usize| {
        let clock = text.get(at..at + 5).map(str::as_bytes);
        clock.is_some_and(|c| {
            c[2] == b':' && [0, 1, 3, 4].iter().all(|&digit: &usize| c[digit].is_ascii_digit())
        })
    };
    let is_date = text.get(..10).is_some_and(|date| date.as_bytes().get(4) == Some(&b'-'));
    let follows = text.get(16..).unwrap_or_default().trim_start();
    let ends = follows.is_empty() || follows.starts_with(['Z', 'z', '+', '-']);
    if is_date
        && matches!(text.as_bytes().get(10), Some(b' ' | b'T' | b't'))
        && is_clock(11)
        && ends
    {
        text.insert_str(16, ":00");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replacements_get_groups() {
        assert_eq!(with_groups(r"[\1-\&]"), "[${1}-${0}]");
        assert_eq!(with_groups("$1 ${a}"), "$$1 $${a}");
        assert_eq!(with_groups(r"a\\1"), r"a\${4294967295}1");
        assert_eq!(with_groups(r"a\b"), r"a\b");
    }

    #[test]
    fn patterns_get_backslashes() {
        assert_eq!(with_backslashes("10!%", "!"), "10\\%");
        assert_eq!(with_backslashes("a!!b\\%", "!"), "a\\!b\\\\%");
        assert_eq!(with_backslashes("a\\b", ""), "a\\\\b");
    }

    #[test]
    fn seconds_are_added_where_none_are() {
        for (text, wanted) in [
            ("2026-01-31 10:00", "2026-01-31 10:00:00"),
            ("2026-01-31T10:00+02", "2026-01-31T10:00:00+02"),
            ("2026-01-31 10:00:01", "2026-01-31 10:00:01"),
            ("2026-01-31", "2026-01-31"),
            ("yesterday", "yesterday"),
        ] {
            let mut text = text.to_owned();
            add_seconds(&mut text);
            assert_eq!(text, wanted);
        }
    }
}
