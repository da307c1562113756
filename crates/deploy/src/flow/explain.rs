//! Why a `statecheck` is not satisfied: each of its conditions with what is there.
//!
//! Owns: taking a check of one resource apart, `SELECT … FROM a.b.c WHERE … AND …`. The verdict stays that
//! of the check; what cannot be taken apart has no explanation.

use serde_json::Value as Json;

use super::statements::Statement;
use super::{Flow, Step};
use crate::manifest::Resource;
use crate::plan::FieldChange;
use crate::scope::Names;
use crate::template::json::{plain, structured};

/// A check of one resource.
#[derive(Debug, PartialEq, Eq)]
struct Check {
    table: String,
    /// What is joined by AND.
    conditions: Vec<String>,
}

/// A word, a text in quotes or a sign, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Token {
    text: String,
    start: usize,
    end: usize,
    depth: usize,
}

impl Token {
    fn is(&self, word: &str) -> bool {
        self.depth == 0 && self.text.eq_ignore_ascii_case(word)
    }
}

/// The tokens of a statement; comments are left out.
fn tokens(sql: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(c) = sql[at..].chars().next() {
        let rest = &sql[at..];
        let length = if rest.starts_with("--") {
            at += rest.find('\n').unwrap_or(rest.len());
            continue;
        } else if rest.starts_with("/*") {
            at += rest.find("*/").map_or(rest.len(), |end| end + 2);
            continue;
        } else if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        } else if c == '\'' || c == '"' || c == '`' {
            quoted_length(rest, c)
        } else if c.is_alphanumeric() || c == '_' {
            rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'))
                .unwrap_or(rest.len())
        } else if ["<=", ">=", "<>", "!="].iter().any(|sign| rest.starts_with(sign)) {
            2
        } else {
            c.len_utf8()
        };
        if c == ')' {
            depth = depth.saturating_sub(1);
        }
        tokens.push(Token { text: rest[..length].to_owned(), start: at, end: at + length, depth });
        if c == '(' {
            depth += 1;
        }
        at += length;
    }
    tokens
}

/// The length of a text in quotes; a doubled quote is part of it.
fn quoted_length(text: &str, quote: char) -> usize {
    let mut at = 1;
    while let Some(end) = text[at..].find(quote) {
        at += end + 1;
        if !text[at..].starts_with(quote) {
            return at;
        }
        at += 1;
    }
    text.len()
}

/// Takes a statement apart.
fn taken_apart(sql: &str) -> Option<Check> {
    let tokens = tokens(sql.trim().trim_end_matches(';'));
    if !tokens.first()?.is("select") {
        return None;
    }
    let from = tokens.iter().position(|token| token.is("from"))?;
    let table = tokens.get(from + 1)?;
    let condition = tokens.iter().position(|token| token.is("where"))?;
    // one table, perhaps with another name
    if table.text.split('.').count() != 3 || condition > from + 4 || condition < from + 2 {
        return None;
    }
    let last = |token: &Token| {
        ["group", "order", "having", "limit", "union", "intersect", "except"]
            .iter()
            .any(|word| token.is(word))
    };
    let tail = &tokens[condition + 1..];
    if tail.iter().any(|token| token.is("or") || last(token)) {
        return None;
    }
    let mut conditions = Vec::new();
    let mut part: Vec<&Token> = Vec::new();
    let mut is_between = false;
    for token in tail {
        if token.is("between") {
            is_between = true;
        }
        if token.is("and") && !is_between {
            conditions.push(text_of(sql, &part)?);
            part.clear();
            continue;
        }
        if token.is("and") {
            is_between = false;
        }
        part.push(token);
    }
    conditions.push(text_of(sql, &part)?);
    Some(Check { table: table.text.clone(), conditions })
}

fn text_of(sql: &str, part: &[&Token]) -> Option<String> {
    let sql = sql.trim();
    Some(sql.get(part.first()?.start..part.last()?.end)?.to_owned())
}

/// Both sides of `left = right`.
fn equation(condition: &str) -> Option<(&str, &str)> {
    let tokens = tokens(condition);
    let sign = tokens.iter().find(|token| token.is("="))?;
    let (left, right) = (condition[..sign.start].trim(), condition[sign.end..].trim());
    (!left.is_empty() && !right.is_empty()).then_some((left, right))
}

fn unquoted(name: &str) -> &str {
    name.trim_matches(['"', '`'])
}

/// The value of a literal.
fn literal(text: &str) -> Option<Json> {
    if let Some(inner) = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
        return Some(Json::String(inner.replace("''", "'")));
    }
    match text.to_lowercase().as_str() {
        "true" => Some(Json::Bool(true)),
        "false" => Some(Json::Bool(false)),
        "null" => Some(Json::Null),
        number => serde_json::from_str::<serde_json::Number>(number).ok().map(Json::Number),
    }
}

/// What a condition is about: the name to show, the expression with what is there, what is wanted.
fn subject(condition: &str) -> (String, Option<String>, Json) {
    let raw = || (condition.to_owned(), None, Json::Bool(true));
    let (left, right) = match equation(condition) {
        Some((left, right)) => (left, Some(right)),
        None => (condition, None),
    };
    let parts = tokens(left);
    let arguments = |function: &str| {
        let is_call = parts.first().is_some_and(|token| token.text.eq_ignore_ascii_case(function))
            && parts.len() == 6
            && parts[1].text == "("
            && parts[3].text == ",";
        is_call.then(|| (parts[2].text.clone(), parts[4].text.clone()))
    };
    for function in ["json_equal", "aws_policy_equal"] {
        if let (Some((column, wanted)), true) = (
            arguments(function),
            right.is_none_or(|right| matches!(right.to_lowercase().as_str(), "1" | "true")),
        ) {
            let wanted = literal(&wanted).map(|text| plain(&text));
            let wanted = wanted.map(|text| structured(&text).unwrap_or(Json::String(text)));
            return match wanted {
                Some(wanted) => (unquoted(&column).to_owned(), Some(column), wanted),
                None => raw(),
            };
        }
    }
    let Some(wanted) = right.and_then(literal) else { return raw() };
    let name = match arguments("json_extract") {
        Some((column, path)) => {
            let path = path.trim_matches('\'').trim_start_matches('$');
            format!("{}{path}", unquoted(&column))
        }
        None => unquoted(left).to_owned(),
    };
    (name, Some(left.to_owned()), wanted)
}

fn normal(condition: &str) -> String {
    let words: Vec<String> = tokens(condition).into_iter().map(|token| token.text).collect();
    words.join(" ")
}

/// The values that a condition gives names: `a = 'x' AND b = 1`.
pub(crate) fn parameters_of(condition: &str) -> serde_json::Map<String, Json> {
    let check = taken_apart(&format!("SELECT 1 FROM a.b.c WHERE {condition}"));
    let terms = check.map(|check| check.conditions).unwrap_or_default();
    let given = terms.iter().filter_map(|term| {
        let (left, right) = equation(term)?;
        Some((unquoted(left).to_owned(), literal(right)?))
    });
    given.collect()
}

impl Flow<'_> {
    /// What of a check is not so; nothing if it cannot be told.
    pub(super) fn explained(
        &self,
        resource: &Resource,
        names: &Names,
        check: &Statement<'_>,
        exists: Option<&Statement<'_>>,
    ) -> Step<Vec<FieldChange>> {
        let Some(taken) = taken_apart(&check.sql) else { return Ok(Vec::new()) };
        let Ok(described) = self.runner.describe(&taken.table) else { return Ok(Vec::new()) };
        let selects = described.methods.iter().filter(|method| method.verb == "select");
        let parameters: Vec<&str> = selects
            .flat_map(|method| &method.parameters)
            .map(|field| field.name.as_str())
            .collect();
        let identity: Vec<String> = exists
            .and_then(|exists| taken_apart(&exists.sql))
            .map(|exists| exists.conditions.iter().map(|one| normal(one)).collect())
            .unwrap_or_default();
        let is_scope = |condition: &String| {
            identity.contains(&normal(condition))
                || equation(condition).is_some_and(|(left, right)| {
                    parameters.contains(&unquoted(left)) && literal(right).is_some()
                })
        };
        let (scope, tested): (Vec<String>, Vec<String>) =
            taken.conditions.into_iter().partition(is_scope);
        if tested.is_empty() || scope.is_empty() {
            return Ok(Vec::new());
        }
        let subjects: Vec<(String, Option<String>, Json)> =
            tested.iter().map(|condition| subject(condition)).collect();
        let mut columns = Vec::new();
        for (at, (condition, (_, shown, _))) in tested.iter().zip(&subjects).enumerate() {
            columns.push(format!("CASE WHEN {condition} THEN 1 ELSE 0 END AS holds_{at}"));
            columns.extend(shown.as_ref().map(|shown| format!("{shown} AS shown_{at}")));
        }
        let sql = format!(
            "SELECT {} FROM {} WHERE {}",
            columns.join(", "),
            taken.table,
            scope.join(" AND ")
        );
        let statement = Statement { sql, ..check.clone() };
        let rows = match self.ask(resource, names, &statement, true) {
            Ok(answer) => answer.rows,
            Err(report) if report.code == strataql_diag::Code::Cancelled => return Err(report),
            // the verdict stands; only its explanation is missing
            Err(_) => return Ok(Vec::new()),
        };
        let [row] = rows.as_slice() else { return Ok(Vec::new()) };
        let mut fields = Vec::new();
        for (at, (path, _, after)) in subjects.into_iter().enumerate() {
            if row.get(&format!("holds_{at}")).is_none_or(|holds| plain(holds) == "1") {
                continue;
            }
            let before = row.get(&format!("shown_{at}")).cloned().unwrap_or(Json::Bool(false));
            let before = match &before {
                Json::String(text) => structured(text).unwrap_or(before),
                _ => before,
            };
            fields.push(FieldChange { path, before, after, is_replacing: false });
        }
        Ok(fields)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn checks_of_one_resource_are_taken_apart() {
        let check = taken_apart(
            "SELECT COUNT(*) as count -- all of it\nFROM a.b.c t\nWHERE id = 'x AND y' AND n BETWEEN 1 AND 3\nAND JSON_EQUAL(tags, '[\"it''s\"]') = 1 AND (a = 1 OR b = 2);",
        )
        .expect("a check");
        assert_eq!(check.table, "a.b.c");
        assert_eq!(
            check.conditions,
            [
                "id = 'x AND y'",
                "n BETWEEN 1 AND 3",
                "JSON_EQUAL(tags, '[\"it''s\"]') = 1",
                "(a = 1 OR b = 2)"
            ]
        );
        for other in [
            "SELECT 1",
            "SELECT count(*) FROM a.b.c JOIN a.b.d ON 1 = 1 WHERE x = 1",
            "SELECT count(*) FROM a.b.c WHERE x = 1 OR y = 2",
            "SELECT count(*) FROM (SELECT 1) t WHERE x = 1",
            "SELECT count(*) FROM a.b.c WHERE x = 1 GROUP BY y",
            "WITH t AS (SELECT 1) SELECT 1 FROM a.b.c WHERE x = 1",
        ] {
            assert_eq!(taken_apart(other), None, "{other}");
        }
    }

    #[test]
    fn conditions_have_a_subject() {
        let cases = [
            ("\"displayName\" = 'x'", "displayName", Some("\"displayName\""), json!("x")),
            ("active = true", "active", Some("active"), json!(true)),
            ("JSON_EXTRACT(p, '$.a.b') = 60", "p.a.b", Some("JSON_EXTRACT(p, '$.a.b')"), json!(60)),
            ("JSON_EQUAL(tags, '[1]')", "tags", Some("tags"), json!([1])),
            ("AWS_POLICY_EQUAL(d, '{}') = 1", "d", Some("d"), json!({})),
            ("name LIKE 'a%'", "name LIKE 'a%'", None, json!(true)),
            ("a = b", "a = b", None, json!(true)),
        ];
        for (condition, name, shown, wanted) in cases {
            let (path, expression, after) = subject(condition);
            assert_eq!(
                (&*path, expression.as_deref(), &after),
                (name, shown, &wanted),
                "{condition}"
            );
        }
    }
}
