use super::*;
use crate::ast::{Check, Literal, ShowWhat, Template};
use crate::names::relations;

fn one(text: &str) -> Parsed {
    let mut all = parse(text).unwrap_or_else(|report| panic!("{text}: {report}"));
    assert_eq!(all.len(), 1, "{text}");
    all.remove(0)
}

/// The kind of a parsed statement.
pub(super) fn shown(text: &str) -> String {
    let mut all = parse(text).expect(text);
    match all.pop().expect("one").statement {
        Statement::Query(query) => query.to_string(),
        Statement::Write(_, statement) => statement.to_string(),
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn every_statement_kind_is_recognised() {
    for (text, keyword) in [
        ("SELECT 1", "SELECT"),
        ("WITH a AS (SELECT 1) SELECT * FROM a", "SELECT"),
        ("VALUES (1), (2)", "SELECT"),
        ("SELECT 1 UNION ALL SELECT 2", "SELECT"),
        ("INSERT INTO p.s.r (a) SELECT 'x' RETURNING id", "INSERT"),
        ("INSERT /*+ AWAIT */ INTO p.s.r (a) VALUES ('x')", "INSERT"),
        ("UPDATE p.s.r SET a = 1 WHERE id = '1'", "UPDATE"),
        ("REPLACE p.s.r SET a = 1 WHERE id = '1'", "REPLACE"),
        ("DELETE FROM p.s.r WHERE id = '1'", "DELETE"),
        ("EXEC p.s.r.m @a='x' @@json='{}'", "EXEC"),
        ("EXPLAIN ANALYZE SELECT 1", "EXPLAIN"),
        ("SHOW PROVIDERS", "SHOW"),
        ("DESCRIBE EXTENDED p.s.r", "DESCRIBE"),
        ("desc method p.s.r.m", "DESCRIBE"),
        ("USE databricks_account", "USE"),
        ("SET budget.requests = 5", "SET"),
        ("SET transaction.mode = 'eager'", "SET"),
        ("SET TRANSACTION READ ONLY", "transactions"),
        ("CREATE OR REPLACE VIEW v AS SELECT 1", "CREATE and DROP"),
        ("CREATE MATERIALIZED VIEW v AS SELECT 1", "CREATE and DROP"),
        ("DROP TABLE IF EXISTS t", "CREATE and DROP"),
        ("REFRESH MATERIALIZED VIEW v", "REFRESH MATERIALIZED VIEW"),
        ("BEGIN", "transactions"),
        ("COMMIT", "transactions"),
        ("ROLLBACK", "transactions"),
        ("REGISTRY PULL google v24.07.00246", "REGISTRY"),
        ("AUTH LOGIN google", "AUTH"),
        ("PURGE CACHE", "PURGE"),
    ] {
        assert_eq!(one(text).statement.keyword(), keyword, "{text}");
    }
}

#[test]
fn the_statements_of_the_published_page_split_and_parse() {
    let text = "SELECT\nname\nFROM p.s.r\nWHERE account_id = 'a' -- required\nAND id = 'i' -- required\n;\n\
                UPDATE p.s.r\nSET \ntoken = '{}'\nWHERE \na = 'x' --required\nAND b = 'y' --required;";
    let all = parse(text).expect("both parse");
    let keywords: Vec<&str> = all.iter().map(|parsed| parsed.statement.keyword()).collect();
    assert_eq!(keywords, ["SELECT", "UPDATE"]);
    assert!(all[1].span.slice(text).ends_with("b = 'y'"));
}

#[test]
fn exec_reads_arguments_payload_and_hints() {
    let Statement::Exec(exec) =
        one("EXEC /*+ AWAIT showresults */ p.s.r.m @a = 'x', @\"max-n\" = -4 @@json = '{\"b\":1}'")
            .statement
    else {
        panic!("no EXEC")
    };
    assert_eq!(exec.method.dotted(), "p.s.r.m");
    assert_eq!(exec.hints, ["AWAIT", "SHOWRESULTS"]);
    let arguments: Vec<(&str, &Literal)> =
        exec.arguments.iter().map(|a| (a.name.as_str(), &a.value)).collect();
    assert_eq!(
        arguments,
        [("a", &Literal::Text("x".into())), ("max-n", &Literal::Number("-4".into()))]
    );
    assert_eq!(exec.payload.as_deref(), Some("{\"b\":1}"));
}

#[test]
fn exec_relations_are_spliced_out_of_queries() {
    let parsed = one("SELECT a FROM (EXEC p.s.r.m @a = 'x)') WHERE a > 1");
    assert_eq!(parsed.execs.len(), 1);
    let Statement::Query(query) = &parsed.statement else { panic!("no query") };
    assert!(query.to_string().contains("exec_relation_0()"), "{query}");
}

#[test]
fn show_reads_objects_and_filters() {
    let Statement::Show(show) = one("SHOW EXTENDED METHODS IN p.s.\"r-x\" LIKE '%get%'").statement
    else {
        panic!("no SHOW")
    };
    assert!(show.extended && show.like.as_deref() == Some("%get%"));
    assert!(matches!(&show.what, ShowWhat::Methods(name) if name.dotted() == "p.s.r-x"));
    let Statement::Show(show) =
        one("SHOW RESOURCES FROM p.s WHERE name = 'x' AND id LIKE 'y'").statement
    else {
        panic!("no SHOW")
    };
    assert!(show.filter.is_some());
    let Statement::Show(show) = one("SHOW INSERT /*+ REQUIRED */ INTO p.s.r").statement else {
        panic!("no SHOW")
    };
    assert!(matches!(show.what, ShowWhat::Template(Template::Insert { required: true }, _)));
}

#[test]
fn mistakes_are_reported_at_their_place_and_never_panic() {
    for (text, at, part) in [
        ("SELECT a FROM t WHERE", 16, "end of the statement"),
        ("SHOW PROVIDRS", 5, "no SHOW"),
        ("SHOW METHODS p.s.r", 13, "IN"),
        ("EXEC m", 5, "names no method"),
        ("EXEC p.s.r.m a = 1", 15, "@"),
        ("SELECT 1 SELECT 2", 9, "end of the statement"),
        ("USE", 3, "provider"),
        ("EXPLAIN", 7, "a statement"),
        ("EXPLAIN EXPLAIN SELECT 1", 8, "EXPLAIN"),
        ("SELECT (1", 8, "expected"),
    ] {
        let report = parse(text).err().unwrap_or_else(|| panic!("{text} parses"));
        assert!(report.message.contains(part), "{text}: {report}");
        let start = report.labels.first().map(|label| label.span.start);
        assert_eq!(start, Some(at), "{text}: {report}");
    }
}

#[test]
fn deep_nesting_is_an_error() {
    let text = format!("SELECT {}1{}", "(".repeat(5000), ")".repeat(5000));
    assert_eq!(parse(&text).expect_err("too deep").code, Code::Syntax);
}

#[test]
fn relations_leave_out_common_table_expressions_and_carry_spans() {
    let text = "WITH x AS (SELECT * FROM p.s.a) SELECT * FROM x JOIN P.\"S\".b ON true WHERE c IN (SELECT d FROM local, generate_series(1, 2))";
    let Statement::Query(query) = one(text).statement else { panic!("no query") };
    let found = relations(&query, text);
    let names: Vec<String> = found.iter().map(|relation| relation.name.dotted()).collect();
    assert_eq!(names, ["p.s.a", "P.S.b", "local"]);
    assert_eq!(found[1].name.span.slice(text), "P.\"S\".b");
    assert!(found[1].name.parts[1].quoted);
}

#[test]
fn mistakes_inside_of_towers_are_found_or_given_up() {
    let tower =
        |depth: usize| format!("SELECT {}1{}", "CAST(".repeat(depth), " AS INT)".repeat(depth));
    one(&tower(40));
    for inner in [
        "SELECT CAST(",
        "SELECT a[s[",
        "SELECT [[1:2]",
        "SELECT INTERVAL f(",
        "SELECT x WHERE x IN ((",
        "SELECT x FROM f IN (",
        "a.",
    ] {
        let (start, again) = inner.split_at(inner.rfind(' ').map_or(0, |at| at + 1));
        let start = if start.is_empty() { "SELECT " } else { start };
        let report = parse(&format!("{start}{} ", again.repeat(60))).expect_err("a mistake");
        assert_eq!(report.code, Code::Syntax, "{report}");
    }
    let report = parse(&format!("SELECT {}", "INTERVAL f(".repeat(40))).expect_err("too long");
    assert!(report.message.contains("cannot be found"), "{report}");
    for inner in ["((((FROM ", "(((SELECT x FROM ", "x JOIN ((SELECT (", "x, (((FROM "] {
        let report = parse(&format!("SELECT x FROM {}", inner.repeat(40))).expect_err("too deep");
        assert!(report.message.contains("parentheses around tables"), "{report}");
    }
    let report = parse("SELECT INTERVAL INTERVAL '1' DAY").expect_err("no value");
    assert!(report.message.contains("after INTERVAL"), "{report}");
}

#[test]
fn what_people_nest_is_read() {
    one("SELECT a[b[c[d[e[f[g[h[1]]]]]]]]");
    one(&format!("SELECT {}1", "CAST(1 AS INT) + ".repeat(400)));
    one(&format!("SELECT {}a", "a.".repeat(40)));
    one(&format!("SELECT 1 WHERE {}1 = 1{}", "a = 1 AND (".repeat(40), ")".repeat(40)));
    one(&format!("SELECT 1 WHERE a IN ({}1)", "1, ".repeat(20_000)));
    one(&format!("{}SELECT 1{}", "SELECT * FROM (".repeat(20), ") AS s".repeat(20)));
    let join = "SELECT * FROM (((a JOIN b ON a.x = b.x) JOIN c ON c.x = a.x) JOIN (d JOIN e USING (x)) USING (x))";
    one(join);
    one("SELECT * FROM a WHERE x IN (SELECT y FROM b WHERE z IN (SELECT u FROM c))");
}

/// The first column of a query, with parentheses around every operator.
fn grouped(text: &str) -> String {
    fn of(expr: &sql::Expr) -> String {
        match expr {
            sql::Expr::BinaryOp { left, op, right } => format!("({} {op} {})", of(left), of(right)),
            sql::Expr::UnaryOp { op, expr } => format!("({op} {})", of(expr)),
            other => other.to_string(),
        }
    }
    let Statement::Query(query) = one(text).statement else { panic!("{text}") };
    let sql::SetExpr::Select(select) = *query.body else { panic!("{text}") };
    match &select.projection[..] {
        [sql::SelectItem::UnnamedExpr(expr)] => of(expr),
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn powers_bind_as_in_postgres() {
    for (text, wanted) in [
        ("SELECT 2 * 3 ^ 2", "(2 * (3 ^ 2))"),
        ("SELECT 2 ^ 3 ^ 2", "((2 ^ 3) ^ 2)"),
        ("SELECT -2 ^ 2", "((- 2) ^ 2)"),
        ("SELECT a ^ 2 + 1", "((a ^ 2) + 1)"),
    ] {
        assert_eq!(grouped(text), wanted);
    }
}

#[test]
fn between_symmetric_takes_the_bounds_in_any_order() {
    let both = "x BETWEEN 9 AND 1 OR x BETWEEN 1 AND 9";
    assert_eq!(shown("SELECT x BETWEEN SYMMETRIC 9 AND 1"), format!("SELECT ({both})"));
    assert_eq!(
        shown("SELECT x NOT BETWEEN SYMMETRIC 9 AND 1 AND y"),
        format!("SELECT NOT ({both}) AND y")
    );
    assert_eq!(shown("SELECT x BETWEEN ASYMMETRIC 1 AND 2"), "SELECT (x BETWEEN 1 AND 2)");
}

#[test]
fn assert_is_a_query_with_a_check() {
    let check = |text: &str, check: Check, query: &str, message: Option<&str>| {
        let parsed = one(text);
        let assertion = parsed.assertion.clone().expect(text);
        assert_eq!((assertion.check, assertion.message.as_deref()), (check, message), "{text}");
        assert_eq!(shown(text), query, "{text}");
        assert_eq!(parsed.keyword(), "ASSERT");
        assert_eq!(parsed.span.slice(text).trim(), text.trim());
        // names may be spelt again
        assert!(matches!(reparse(text, &parsed.tokens), Ok(Statement::Query(_))), "{text}");
    };
    check("ASSERT 1 < 2", Check::Condition, "SELECT 1 < 2", None);
    check("assert f(a, 'x'), 'why'", Check::Condition, "SELECT f(a, 'x')", Some("why"));
    check(
        "ASSERT (SELECT count(*) FROM t) > 3",
        Check::Condition,
        "SELECT (SELECT count(*) FROM t) > 3",
        None,
    );
    check("ASSERT NOT EXISTS (SELECT 1)", Check::Condition, "SELECT NOT EXISTS (SELECT 1)", None);
    check(
        "ASSERT SELECT a FROM t WHERE b, 'it''s'",
        Check::NoRows,
        "SELECT a FROM t WHERE b",
        Some("it's"),
    );
    check("ASSERT (SELECT a FROM t), 'why'", Check::NoRows, "(SELECT a FROM t)", Some("why"));
    check(
        "ASSERT WITH t AS (SELECT 1) SELECT * FROM t",
        Check::NoRows,
        "WITH t AS (SELECT 1) SELECT * FROM t",
        None,
    );
    for text in
        ["ASSERT", "ASSERT , 'x'", "ASSERT a, b", "ASSERT 1 = 1 FROM t", "ASSERT DELETE FROM t"]
    {
        let report = parse(text).expect_err(text);
        assert_eq!(report.code, Code::Syntax, "{text}");
    }
}

#[test]
fn a_misspelled_keyword_is_suggested() {
    for (text, keyword) in [
        ("SELECT a FORM t", "FROM"),
        ("SELECT a FROM t WHER a = 1", "WHERE"),
        ("SELCT a FROM t", "SELECT"),
        ("SELECT a FROM t ODER BY a", "ORDER"),
        ("SELECT a FROM t GRUOP BY a", "GROUP"),
        ("SELECT a FROM t LIMT 3", "LIMIT"),
    ] {
        let report = parse(text).expect_err(text);
        assert!(
            report.help.iter().any(|help| help.contains(&format!("`{keyword}`"))),
            "{text}: {report:?}"
        );
    }
}

#[test]
fn habits_of_other_tools_are_answered() {
    for (text, answer) in [
        ("\\d p.s.r", "DESCRIBE p.s.r"),
        (".inspect github.repos", "DESCRIBE github.repos"),
        ("\\dt", "SHOW RESOURCES"),
        ("terraform plan", "--dry-run"),
    ] {
        let report = parse(text).expect_err(text);
        assert!(report.help.iter().any(|help| help.contains(answer)), "{text}: {report:?}");
    }
    for (text, keyword) in [
        ("SHOW CATALOGS", "SHOW"),
        ("SHOW SCHEMAS IN p", "SHOW"),
        ("SHOW TABLES IN p.s", "SHOW"),
        ("SHOW RESOURCES LIKE '%a%'", "SHOW"),
        ("SHOW RESOURCES", "SHOW"),
        ("SHOW COLUMNS IN p.s.r", "DESCRIBE"),
        ("SHOW EXTENDED COLUMNS FROM p.s.r", "DESCRIBE"),
        ("DESCRIBE TABLE p.s.r", "DESCRIBE"),
        ("DESCRIBE table.s.r", "DESCRIBE"),
    ] {
        assert_eq!(one(text).statement.keyword(), keyword, "{text}");
    }
}

#[test]
fn a_text_of_too_many_words_is_refused_before_it_is_read() {
    let report = parse(&format!("SELECT {}1", "1 + ".repeat(600_000))).expect_err("too long");
    assert!(report.message.contains("million"), "{report:?}");
    let long = format!("SELECT '{}'", "1 + ".repeat(600_000));
    assert_eq!(parse(&long).expect("one word").len(), 1);
}
