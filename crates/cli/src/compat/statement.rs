//! What is told about a statement of the engine from its tree.

use strataql_sql::sqlparser::ast as sql;
use strataql_sql::{Parsed, Statement, Transaction, WriteKind};

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It gives rows.
    Query,
    /// It changes a service.
    Write(WriteKind),
    /// It changes a local table.
    Local(WriteKind),
    /// EXEC of a method.
    Exec,
    /// CREATE and DROP.
    Definition,
    /// REFRESH MATERIALIZED VIEW.
    Refresh,
    /// EXPLAIN.
    Explain,
    /// BEGIN, COMMIT, ROLLBACK.
    Transaction(Transaction),
    /// Something else.
    Other,
}

impl Kind {
    /// The kind of a statement.
    pub(super) fn of(parsed: &Parsed) -> Self {
        match &parsed.statement {
            Statement::Query(_) => Self::Query,
            Statement::Write(kind, tree) => match target(tree) {
                Some(name) if name.0.len() > 1 => Self::Write(*kind),
                _ => Self::Local(*kind),
            },
            Statement::Exec(_) => Self::Exec,
            Statement::Definition(_) => Self::Definition,
            Statement::Refresh(_) => Self::Refresh,
            Statement::Explain { .. } => Self::Explain,
            Statement::Transaction(word) => Self::Transaction(*word),
            _ => Self::Other,
        }
    }

    /// The verb in messages.
    pub(super) fn verb(self) -> &'static str {
        match self {
            Self::Write(kind) | Self::Local(kind) => match kind {
                WriteKind::Insert => "insert",
                WriteKind::Update => "update",
                WriteKind::Replace => "replace",
                WriteKind::Delete => "delete",
            },
            Self::Exec => "exec",
            _ => "select",
        }
    }
}

/// The resource that a statement names first, dotted; empty if it names none.
pub(super) fn resource(parsed: &Parsed, namespace: &[String], text: &str) -> String {
    let dotted = |parts: Vec<String>| {
        let missing = 3usize.saturating_sub(parts.len());
        let prefix = namespace.get(..missing).unwrap_or_default();
        prefix.iter().cloned().chain(parts).collect::<Vec<_>>().join(".")
    };
    match &parsed.statement {
        Statement::Query(query) => {
            let relations = strataql_sql::relations(query.as_ref(), text);
            let longest = relations.into_iter().max_by_key(|relation| relation.name.parts.len());
            longest.map_or_else(String::new, |relation| {
                dotted(relation.name.parts.into_iter().map(|part| part.value).collect())
            })
        }
        Statement::Write(_, tree) => target(tree).map_or_else(String::new, |name| {
            dotted(name.0.iter().filter_map(|part| Some(part.as_ident()?.value.clone())).collect())
        }),
        Statement::Exec(exec) => {
            let parts = exec.method.parts.iter().map(|part| part.value.clone());
            let mut parts: Vec<String> = parts.collect();
            parts.pop();
            dotted(parts)
        }
        _ => String::new(),
    }
}

/// The relation that a write names.
pub(super) fn target(tree: &sql::Statement) -> Option<&sql::ObjectName> {
    match tree {
        sql::Statement::Insert(insert) => match &insert.table {
            sql::TableObject::TableName(name) => Some(name),
            _ => None,
        },
        sql::Statement::Update(update) => match &update.table.relation {
            sql::TableFactor::Table { name, .. } => Some(name),
            _ => None,
        },
        sql::Statement::Delete(delete) => {
            let (sql::FromTable::WithFromKeyword(tables) | sql::FromTable::WithoutKeyword(tables)) =
                &delete.from;
            match &tables.first()?.relation {
                sql::TableFactor::Table { name, .. } => Some(name),
                _ => None,
            }
        }
        _ => None,
    }
}

/// True if a write or EXEC asks for rows.
pub(super) fn shows_rows(parsed: &Parsed) -> bool {
    match &parsed.statement {
        Statement::Write(_, tree) => match tree.as_ref() {
            sql::Statement::Insert(insert) => insert.returning.is_some(),
            sql::Statement::Update(update) => update.returning.is_some(),
            sql::Statement::Delete(delete) => delete.returning.is_some(),
            _ => false,
        },
        Statement::Exec(exec) => exec.hints.iter().any(|hint| hint == "SHOWRESULTS"),
        _ => false,
    }
}

/// True if a statement asks to wait until a change is done.
pub(super) fn awaits(text: &str) -> bool {
    let upper = text.to_ascii_uppercase();
    upper
        .find("/*+")
        .is_some_and(|at| upper[at..].split("*/").next().is_some_and(|it| it.contains("AWAIT")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Parsed {
        strataql_sql::parse(text).expect(text).remove(0)
    }

    #[test]
    fn statements_are_told_apart() {
        for (text, kind) in [
            ("SELECT 1", Kind::Query),
            ("INSERT INTO a.b.c(x) VALUES (1)", Kind::Write(WriteKind::Insert)),
            ("INSERT INTO t(x) VALUES (1)", Kind::Local(WriteKind::Insert)),
            ("DELETE FROM a.b.c WHERE x = 1", Kind::Write(WriteKind::Delete)),
            ("UPDATE t SET x = 1", Kind::Local(WriteKind::Update)),
            ("EXEC a.b.c.d @x = 'y'", Kind::Exec),
            ("DROP VIEW v", Kind::Definition),
            ("COMMIT", Kind::Transaction(Transaction::Commit)),
        ] {
            assert_eq!(Kind::of(&parsed(text)), kind, "{text}");
        }
    }

    #[test]
    fn the_resource_is_completed_by_use() {
        let provider = ["p".to_owned()];
        for (text, name) in [
            ("SELECT a FROM s.r WHERE x = 1", "p.s.r"),
            ("SELECT 1", ""),
            ("INSERT INTO q.s.r(x) VALUES (1)", "q.s.r"),
            ("EXEC s.r.m @x = 'y'", "p.s.r"),
        ] {
            assert_eq!(resource(&parsed(text), &provider, text), name, "{text}");
        }
    }

    #[test]
    fn rows_are_asked_for() {
        assert!(shows_rows(&parsed("INSERT INTO a.b.c(x) SELECT 1 RETURNING y")));
        assert!(!shows_rows(&parsed("INSERT INTO a.b.c(x) SELECT 1")));
        assert!(shows_rows(&parsed("EXEC /*+ SHOWRESULTS */ a.b.c.d")));
        assert!(
            awaits("INSERT /*+ AWAIT NOSTATUS */ INTO a.b.c(x) SELECT 1")
                && !awaits("SELECT 'AWAIT'")
        );
    }
}
