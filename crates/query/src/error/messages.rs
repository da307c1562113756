//! Messages of the planner in the user's words: names of SQL types, what is wrong, what to do.
//!
//! Surprise: DataFusion gives most of its errors as text alone, so text is what is read here. A
//! message that is not known stays as it is, but for the names of types.

use std::sync::LazyLock;

use regex::{Captures, Regex};
use strataql_diag::{Code, Report, did_you_mean};

use super::{first_line, sentence};

/// A pattern that is part of the program.
fn pattern(text: &'static str) -> Option<Regex> {
    Regex::new(text).ok()
}

static GROUPING: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r#"(?i)column "([^"]+)" must appear in the GROUP BY clause"#));
static ARITHMETIC: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"(?i)arithmetic expression (\S+) (\S+) (\S+)"));
static UNKNOWN: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"(?i)invalid function '([^']+)'"));
static MEANT: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"(?i)did you mean '([^']+)'"));
static COUNT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(r"(?i)function '([^']+)' expects (\S+) arguments? but received (\d+)")
});
static NONE: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"(?i)'([^']+)' does not support zero arguments"));
static KIND: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(r"(?i)function '([^']+)' (?:expects|requires) (\w+),? but received (\w+)")
});
static NAMED: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"(?i)function '([^']+)'"));
static NODE: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"(?i)unsupported ast node in sqltorel: (\w+)"));
static TYPES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r"\b(?:(LargeUtf8|Utf8View|Utf8|String|Boolean|U?Int(?:8|16|32|64)|Integer|Numeric|Float(?:16|32|64)|Date(?:32|64)|Binary)\b|(Timestamp|Time(?:32|64)|Decimal(?:128|256)?)(?:\([^)]*\)|\b))",
    )
});

fn captured<'t>(pattern: &LazyLock<Option<Regex>>, text: &'t str) -> Option<Captures<'t>> {
    pattern.as_ref().and_then(|pattern| pattern.captures(text))
}

/// The text with the names of types as SQL has them.
pub fn sql_types(text: &str) -> String {
    let Some(types) = TYPES.as_ref() else { return text.to_owned() };
    types
        .replace_all(text, |found: &Captures<'_>| {
            let name = found.get(1).or(found.get(2)).map_or("", |name| name.as_str());
            match name {
                "Boolean" => "BOOLEAN",
                "Numeric" => "a number",
                "Binary" => "BYTES",
                _ if name.contains("Int") => "BIGINT",
                _ if name.starts_with("Float") => "DOUBLE",
                _ if name.starts_with("Date") => "DATE",
                _ if name.starts_with("Timestamp") => "TIMESTAMP",
                _ if name.starts_with("Time") => "TIME",
                _ if name.starts_with("Decimal") => "DECIMAL",
                _ => "TEXT",
            }
        })
        .into_owned()
}

/// The report of a regular expression that cannot be read, which DataFusion reports in several ways.
pub(super) fn of_pattern(message: &str) -> Option<Report> {
    if message.contains("CompiledTooBig") || message.contains("exceeds size limit") {
        let report =
            Report::new(Code::BadValue, "a regular expression is too big when it is compiled");
        return Some(report.with_help("repeat less: `(a{1,1000}){1,1000}` has a million parts"));
    }
    let Some((_, why)) = message.split_once("regex parse error:") else {
        let (_, pattern) = message.split_once("expression did not compile: ")?;
        let text = format!("`{}` is no regular expression", pattern.trim());
        return Some(
            Report::new(Code::BadValue, text)
                .with_help("escape special characters with a backslash"),
        );
    };
    let pattern = why.lines().map(str::trim).find(|line| !line.is_empty());
    let report = Report::new(
        Code::BadValue,
        match pattern {
            Some(pattern) => format!("`{pattern}` is no regular expression"),
            None => "this is no regular expression".to_owned(),
        },
    )
    .with_help("escape special characters with a backslash");
    let why = why.lines().map(str::trim).rfind(|line| line.starts_with("error:"));
    Some(match why {
        Some(why) => report.with_note(why),
        None => report,
    })
}

/// True for an internal error that is in fact one of types.
pub(super) fn is_about_types(message: &str) -> bool {
    message.contains("failed to match any signature")
}

/// The report for an error of the planner.
pub(super) fn of_planner(message: &str) -> Report {
    let lower = message.to_lowercase();
    if let Some(found) = captured(&GROUPING, message) {
        let name = found[1].rsplit('.').next().unwrap_or_default().to_owned();
        return Report::new(
            Code::Syntax,
            format!("`{name}` must be in GROUP BY or in an aggregate"),
        )
        .with_help(format!("add `{name}` to GROUP BY, or write for example `max({name})`"));
    }
    if let Some(found) = captured(&UNKNOWN, message) {
        let name = &found[1];
        let meant = captured(&MEANT, message);
        let meant = meant.as_ref().and_then(|meant| did_you_mean(name, [&meant[1]]));
        let report = Report::new(Code::UnknownFunction, format!("there is no function `{name}`"));
        return match meant {
            Some(meant) => report.with_help(meant),
            None => report.with_help("`SHOW FUNCTIONS` lists the functions"),
        };
    }
    if let Some(found) = captured(&ARITHMETIC, message) {
        let (left, right) = (sql_types(&found[1]), sql_types(&found[3]));
        return Report::new(
            Code::TypeMismatch,
            format!("`{}` cannot be used on {left} and {right}", &found[2]),
        )
        .with_help(
            "convert one side with CAST, as in `CAST(x AS BIGINT)`; text is joined with `||`",
        );
    }
    if lower.contains("no function matches") || is_about_types(message) {
        return of_call(message);
    }
    if lower.contains("aggregate functions are not allowed in the where") {
        return Report::new(Code::Syntax, "an aggregate cannot stand in WHERE")
            .with_help("write the condition in HAVING");
    }
    if lower.contains("non-boolean predicate") {
        let kind = message.rsplit("returning ").next().unwrap_or_default();
        return Report::new(
            Code::TypeMismatch,
            format!("a condition has to be true or false, and this one is {}", sql_types(kind)),
        )
        .with_help("compare it with something, as in `x > 0` or `x IS NOT NULL`");
    }
    if lower.contains("different number of columns") {
        return Report::new(
            Code::Syntax,
            "the sides of a set operation have different numbers of columns",
        )
        .with_help("select as many columns on each side");
    }
    if lower.contains("correlated scalar subquery must be aggregated") {
        return Report::new(
            Code::UnsupportedSyntax,
            "a subquery that reads the query around it may give several rows where one value is wanted",
        )
        .with_help("end it with `LIMIT 1`, select an aggregate such as `max(x)`, or join the tables");
    }
    if lower.contains("outerreferencecolumn") {
        return correlated();
    }
    let text = sql_types(&sentence(first_line(message)));
    if lower.contains("cannot infer common") || lower.contains("coerce") || lower.contains("type") {
        return Report::new(Code::TypeMismatch, text).with_help("convert one side with CAST");
    }
    Report::new(Code::UnsupportedSyntax, text).with_help("rewrite that part of the statement")
}

/// The report for something that the planner cannot do.
pub(super) fn of_missing(message: &str) -> Report {
    // the planner prints trees of its own
    if let Some(found) = captured(&NODE, message) {
        return Report::new(
            Code::UnsupportedSyntax,
            format!("the expression `{}` cannot be run by this version", &found[1]),
        )
        .with_help("rewrite the statement without it");
    }
    if message.contains("OuterReferenceColumn")
        || message.contains("Exists")
        || message.contains("InSubquery")
        || message.contains("ScalarSubquery")
    {
        return correlated();
    }
    Report::new(Code::UnsupportedSyntax, sql_types(&sentence(first_line(message))))
        .with_help("rewrite the statement without it")
}

/// The report for a subquery that no join expresses.
pub(super) fn correlated() -> Report {
    Report::new(Code::UnsupportedSyntax, "this subquery cannot be run here")
        .with_help("write it as a join, or as EXISTS in WHERE")
        .with_note("it reads columns of the query around it in a way that no join expresses")
}

/// A call whose arguments do not fit.
fn of_call(message: &str) -> Report {
    let report = |text: String| {
        Report::new(Code::TypeMismatch, text).with_help("`SHOW FUNCTIONS` lists what each takes")
    };
    if let Some(found) = captured(&NONE, message) {
        return report(format!("`{}` needs an argument", &found[1]));
    }
    if let Some(found) = captured(&COUNT, message) {
        let noun = if &found[2] == "1" { "argument" } else { "arguments" };
        return report(format!("`{}` takes {} {noun}, not {}", &found[1], &found[2], &found[3]));
    }
    if let Some(found) = captured(&KIND, message) {
        let (wanted, given) = (sql_types(&found[2]), sql_types(&found[3]));
        return report(format!("`{}` takes {wanted}, not {given}", &found[1]))
            .with_help(format!("convert it with CAST, as in `CAST(x AS {})`", castable(&wanted)));
    }
    if let Some(found) = captured(&NAMED, message) {
        let larger = match found[1].to_lowercase().as_str() {
            "max" => Some("greatest"),
            "min" => Some("least"),
            _ => None,
        };
        if let Some(other) = larger {
            let name = &found[1];
            return report(format!("`{name}` takes one value of every row, or several of one row"))
                .with_help(format!(
                    "`{name}(x)` is an aggregate; `{name}(a, b)` is one of its values, or NULL if \
                     one of them is; `{other}(a, b)` leaves NULL out"
                ));
        }
        return report(format!("`{}` does not take these arguments", &found[1]));
    }
    report(sql_types(&sentence(first_line(message))))
}

fn castable(wanted: &str) -> &str {
    if wanted == "a number" { "DOUBLE" } else { wanted }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_that_cannot_be_read_are_no_defect() {
        let message = "External error: regex parse error:\n    (a\n    ^\nerror: unclosed group";
        let report = of_pattern(message).expect("a pattern");
        assert_eq!(report.code, Code::BadValue);
        assert_eq!(report.message, "`(a` is no regular expression");
        assert_eq!(report.notes, ["error: unclosed group"]);
        assert!(of_pattern("External error: anything else").is_none());
    }

    #[test]
    fn types_have_their_sql_names() {
        assert_eq!(sql_types("Utf8 + Int64"), "TEXT + BIGINT");
        assert_eq!(sql_types("Float64, Boolean, Decimal128(5, 2)"), "DOUBLE, BOOLEAN, DECIMAL");
        assert_eq!(sql_types("Timestamp(ns)"), "TIMESTAMP");
        assert_eq!(sql_types("a String in Printing"), "a TEXT in Printing");
    }

    #[test]
    fn messages_are_read() {
        let cases = [
            (
                "Column in SELECT must be in GROUP BY or an aggregate function: While expanding wildcard, column \"products.name\" must appear in the GROUP BY clause or must be part of an aggregate function, currently only \"x\" appears",
                "`name` must be in GROUP BY or in an aggregate",
            ),
            (
                "Cannot coerce arithmetic expression Utf8 + Int64 to valid types",
                "`+` cannot be used on TEXT and BIGINT",
            ),
            (
                "'upper' does not support zero arguments. No function matches the given name and argument types 'upper()'.",
                "`upper` needs an argument",
            ),
            (
                "Function 'upper' expects 1 arguments but received 2. No function matches the given name",
                "`upper` takes 1 argument, not 2",
            ),
            (
                "Function 'abs' expects Numeric but received String. No function matches",
                "`abs` takes a number, not TEXT",
            ),
            (
                "Internal error: Function 'sum' failed to match any signature, errors: Error during planning: Function 'sum' requires Decimal, but received String (DataType: Utf8).",
                "`sum` takes DECIMAL, not TEXT",
            ),
            ("Invalid function 'uper'.\nDid you mean 'upper'?", "there is no function `uper`"),
        ];
        for (message, expected) in cases {
            let report = of_planner(message);
            assert_eq!(report.message, expected);
            assert!(!report.help.is_empty(), "{message}");
        }
        let far = of_planner("Invalid function 'xyzzy'.\nDid you mean 'upper'?");
        assert_eq!(far.help, ["`SHOW FUNCTIONS` lists the functions"]);
    }
}
