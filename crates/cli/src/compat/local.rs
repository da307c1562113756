//! UPDATE and DELETE of a local table, as a new table in its place.
//!
//! Surprise: the engine has no statement that changes rows of a local table; it can replace one by the rows of
//! a query over it.

use strataql_sql::sqlparser::ast as sql;
use strataql_sql::{Parsed, Statement};

/// The table that a statement changes.
pub(super) fn table(parsed: &Parsed) -> Option<String> {
    let Statement::Write(_, tree) = &parsed.statement else { return None };
    match tree.as_ref() {
        sql::Statement::Update(_) | sql::Statement::Delete(_) => {
            super::statement::target(tree).map(ToString::to_string)
        }
        _ => None,
    }
}

/// The statement that puts a changed table in the place of the table, whose columns come with their types.
pub(super) fn replacement(
    parsed: &Parsed,
    table: &str,
    columns: &[(String, String)],
) -> Option<String> {
    let Statement::Write(_, tree) = &parsed.statement else { return None };
    let (items, condition) = match tree.as_ref() {
        sql::Statement::Delete(delete) => {
            let kept = delete.selection.as_ref().map_or_else(
                || "FALSE".to_owned(),
                |condition| format!("NOT coalesce({condition}, FALSE)"),
            );
            ("*".to_owned(), format!(" WHERE {kept}"))
        }
        sql::Statement::Update(update) => {
            let condition =
                update.selection.as_ref().map_or_else(|| "TRUE".to_owned(), ToString::to_string);
            let items = columns.iter().map(|(name, kind)| {
                let set = update.assignments.iter().find(|it| {
                    let target = it.target.to_string();
                    target.trim_matches('"').eq_ignore_ascii_case(name)
                });
                set.map_or_else(
                    || format!("\"{name}\""),
                    |set| {
                        let value = &set.value;
                        format!(
                            "CAST(CASE WHEN {condition} THEN {value} ELSE \"{name}\" END AS {kind}) AS \"{name}\""
                        )
                    },
                )
            });
            (items.collect::<Vec<_>>().join(", "), String::new())
        }
        _ => return None,
    };
    Some(format!("CREATE OR REPLACE TABLE {table} AS SELECT {items} FROM {table}{condition}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> String {
        let parsed = strataql_sql::parse(text).expect(text).remove(0);
        let table = table(&parsed).expect("a table");
        let columns = [("a".to_owned(), "INTEGER".to_owned()), ("b".to_owned(), "TEXT".to_owned())];
        replacement(&parsed, &table, &columns).expect("a statement")
    }

    #[test]
    fn rows_that_stay_are_selected() {
        assert_eq!(
            of("DELETE FROM t WHERE a = 1"),
            "CREATE OR REPLACE TABLE t AS SELECT * FROM t WHERE NOT coalesce(a = 1, FALSE)"
        );
        assert_eq!(of("DELETE FROM t"), "CREATE OR REPLACE TABLE t AS SELECT * FROM t WHERE FALSE");
        assert_eq!(
            of("UPDATE t SET b = 'z' WHERE a = 1"),
            "CREATE OR REPLACE TABLE t AS SELECT \"a\", CAST(CASE WHEN a = 1 THEN 'z' ELSE \"b\" END AS TEXT) AS \"b\" FROM t"
        );
    }
}
