//! Rules of SQL tests: a record that names a provider declares its number of calls.

use super::Finding;

/// The provider that ships; naming it anywhere is enough.
const PROVIDER: &str = "databricks_account.";

/// Words after which a relation's name stands.
const BEFORE_NAME: [&str; 4] = ["FROM", "JOIN", "INTO", "UPDATE"];
/// Words that end a list of relations.
const AFTER_NAMES: [&str; 9] =
    ["WHERE", "ON", "USING", "GROUP", "ORDER", "LIMIT", "SET", "VALUES", "SELECT"];

/// Checks the records of a file.
pub(super) fn check(path: &str, text: &str, findings: &mut Vec<Finding>) {
    let lines: Vec<&str> = text.lines().collect();
    for (number, line) in lines.iter().enumerate() {
        let kind = line.split_whitespace().next().unwrap_or_default();
        let is_record = !line.starts_with(' ') && matches!(kind, "query" | "statement");
        if !is_record {
            continue;
        }
        let sql: Vec<&str> = lines[number + 1..]
            .iter()
            .take_while(|line| !line.trim().is_empty() && **line != "----")
            .copied()
            .collect();
        let is_told = number > 0 && tells_calls(lines[number - 1]);
        if names_provider(&sql.join(" ")) && !is_told {
            let message = "`# calls: N` belongs directly above a record that names a provider";
            findings.push(Finding::new(path, number + 1, message));
        }
    }
}

fn tells_calls(line: &str) -> bool {
    line.strip_prefix("# calls:").is_some_and(|count| count.trim().parse::<usize>().is_ok())
}

/// True if a statement names a provider's resource.
fn names_provider(sql: &str) -> bool {
    sql.contains(PROVIDER) || relations(sql).any(is_three_part)
}

/// The words of a statement that stand where names of relations do.
fn relations(sql: &str) -> impl Iterator<Item = &str> {
    let (mut is_list, mut is_next) = (false, false);
    sql.split_whitespace().filter(move |word| {
        let plain = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '"' && c != '_');
        let upper = plain.to_ascii_uppercase();
        if BEFORE_NAME.contains(&upper.as_str()) {
            (is_list, is_next) = (true, true);
            return false;
        }
        if AFTER_NAMES.contains(&upper.as_str()) {
            (is_list, is_next) = (false, false);
            return false;
        }
        // an opening parenthesis alone, as in `FROM ( a.b.c JOIN …`
        if plain.is_empty() {
            return false;
        }
        let is_name = is_next;
        is_next = is_list && word.ends_with(',');
        is_name
    })
}

/// True for `provider.service.resource`, quoted or not.
fn is_three_part(word: &str) -> bool {
    let name = word.trim_start_matches('(').trim_end_matches([',', ';', ')']);
    let is_part = |part: &str| {
        let bare = part.trim_matches('"');
        !bare.is_empty() && bare.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
    };
    name.split('.').count() == 3 && name.split('.').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<usize> {
        let mut findings = Vec::new();
        check("e2e/slt/a.slt", text, &mut findings);
        findings.into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn a_record_that_calls_says_so() {
        let record = "query TT rowsort\nSELECT name\nFROM shop.store.article\n----\na  b\n";
        assert_eq!(lines(record), [1]);
        assert_eq!(lines(&["# calls: 2\n", record].concat()), []);
        assert_eq!(lines(&["# calls: two\n", record].concat()), [2]);
        assert_eq!(lines(&["# calls: 2\n\n", record].concat()), [3], "directly above");
        let failing = "statement error missing-param\nSELECT * FROM shop.store.article\n";
        assert_eq!(lines(failing), [1]);
    }

    #[test]
    fn records_without_a_provider_need_nothing() {
        for sql in [
            "SELECT a.b.c, d.e.f FROM t",
            "SELECT 1 -- FROM nothing",
            "INSERT INTO t VALUES (1.5)",
            "SELECT * FROM read_csv('a.b.c')",
            "UPDATE t SET x = a.b.c",
            "SELECT x FROM t, u WHERE t.a.b = u.a.b",
        ] {
            assert_eq!(lines(&format!("statement ok\n{sql}\n")), [], "{sql}");
        }
    }

    #[test]
    fn providers_are_found_where_relations_stand() {
        for sql in [
            "SELECT 1 from shop.store.article;",
            "SELECT 1 FROM t, shop.store.article a WHERE 1 = 1",
            "SELECT 1 FROM (SELECT 1 FROM t) a JOIN shop.store.article b ON true",
            "SELECT 1 FROM ( shop.store.article )",
            "INSERT INTO shop.store.article (a) VALUES (1)",
            "UPDATE shop.store.\"article-x\" SET a = 1",
            "DELETE FROM shop.store.article",
            "DESCRIBE databricks_account.oauth2.published_app_integration",
        ] {
            assert_eq!(lines(&format!("statement ok\n{sql}\n")), [1], "{sql}");
        }
    }
}
