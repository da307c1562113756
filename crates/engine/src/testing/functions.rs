//! Functions in whole statements.

use super::reference::{rows, session};

const TABLE: &str = r#"
CREATE TABLE t (id BIGINT, doc JSON);
INSERT INTO t VALUES
  (1, '{"tags": ["a", "b"], "m": {"k": 1}}'), (2, '{"tags": []}'), (3, NULL), (4, '{"tags": ["b"]}');
"#;

/// Runs each statement over the table; what it gives is rows, or the code of a report.
async fn check(cases: &[(&str, &[&str])]) {
    let session = session();
    rows(&session, TABLE).await.expect("a table");
    let mut wrong = Vec::new();
    for (sql, wanted) in cases {
        let found = match rows(&session, sql).await {
            Ok(rows) => rows,
            Err(report) => vec![format!("{} {}", report.code, report.message)],
        };
        let fits = match wanted {
            [code] if code.starts_with("error ") => {
                found.len() == 1 && found[0].starts_with(&code["error ".len()..])
            }
            _ => found == *wanted,
        };
        if !fits {
            wrong.push(format!("{sql}\n  wanted {wanted:?}\n  found  {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[tokio::test]
async fn rows_are_made_of_the_tables_before() {
    check(&[
        (
            "SELECT t.id, x.value FROM t, json_each(t.doc, '$.tags') x ORDER BY 1, 2",
            &["1 | a", "1 | b", "4 | b"],
        ),
        (
            "SELECT t.id, x.value FROM t, JSON_EACH(t.doc.tags) AS x WHERE x.value = 'b' AND t.id > 1",
            &["4 | b"],
        ),
        (
            "SELECT t.id, json_each.key, json_each.value FROM t, json_each(doc) WHERE t.id = 1",
            &["1 | tags | [\"a\",\"b\"]", "1 | m | {\"k\":1}"],
        ),
        (
            "SELECT x.key, y.key, y.value FROM t, json_each(t.doc) x, json_each(x.value) y WHERE t.id = 1 ORDER BY 1, 2",
            &["m | k | 1", "tags | 0 | a", "tags | 1 | b"],
        ),
        (
            "SELECT t.id, x.value FROM t CROSS JOIN LATERAL json_each(t.doc, '$.tags') x ORDER BY 1, 2",
            &["1 | a", "1 | b", "4 | b"],
        ),
        (
            "SELECT t.id, x.value FROM t JOIN json_each(t.doc, '$.tags') x ON x.value = 'b' ORDER BY 1",
            &["1 | b", "4 | b"],
        ),
        (
            "SELECT t.id, x.value FROM t LEFT JOIN json_each(t.doc, '$.tags') x ON true ORDER BY 1, 2",
            &["1 | a", "1 | b", "2 | NULL", "3 | NULL", "4 | b"],
        ),
        (
            "SELECT t.id FROM t LEFT JOIN json_each(t.doc, '$.tags') x ON x.value = 'b'",
            &["error unsupported-syntax"],
        ),
        (
            "SELECT t.id, y.value FROM t, LATERAL (SELECT value FROM json_each(t.doc, '$.tags') WHERE value <> 'a') y ORDER BY 1",
            &["1 | b", "4 | b"],
        ),
        (
            "SELECT t.id, rd.tag FROM t, json_array_elements_text(t.doc -> 'tags') AS rd (tag) ORDER BY 1, 2",
            &["1 | a", "1 | b", "4 | b"],
        ),
        (
            "SELECT t.id, u.id, x.value FROM t, json_each(t.doc, '$.tags') x JOIN t u ON u.id = t.id ORDER BY 1, 3",
            &["1 | 1 | a", "1 | 1 | b", "4 | 4 | b"],
        ),
        (
            "SELECT x.value, u.id FROM t, t w, json_each(t.doc, '$.tags') x LEFT JOIN t u ON u.id = t.id AND x.value = 'b' WHERE w.id = 2 ORDER BY 1, 2",
            &["a | NULL", "b | 1", "b | 4"],
        ),
        ("SELECT X.VALUE, x.KEY FROM JSON_EACH('[1]') x", &["1 | 0"]),
        (
            "SELECT x.value, count(*) FROM t, json_each(t.doc, '$.tags') x GROUP BY x.value ORDER BY 1",
            &["a | 1", "b | 2"],
        ),
        (
            "SELECT DISTINCT value FROM t, jsonb_array_elements_text((t.doc -> 'tags')::jsonb) ORDER BY value DESC LIMIT 1",
            &["b"],
        ),
        (
            "SELECT t.id, x.value FROM t RIGHT JOIN json_each('[1,7]') x ON t.id = x.value ORDER BY x.key",
            &["1 | 1", "NULL | 7"],
        ),
        (
            "SELECT * FROM json_array_elements_text('[1,2]'), json_each_text('{\"a\":3}')",
            &["1 | a | 3", "2 | a | 3"],
        ),
        ("SELECT value FROM json_each(NULL)", &[]),
        ("SELECT key, value, type, fullkey FROM json_each('5')", &["NULL | 5 | integer | $"]),
        ("SELECT value FROM json_each('{\"a\":')", &["error bad-value"]),
        ("SELECT value FROM json_each('[1]', 'a')", &["error bad-value"]),
        ("SELECT value FROM json_each()", &["error type-mismatch"]),
        ("SELECT path, fullkey FROM json_each('{\"a\": {\"b c\": [1]}}', '$.a')", &["$.a | $.a.\"b c\""]),
        (
            "WITH w AS (SELECT id, doc FROM t) SELECT w.id FROM w, json_each(w.doc, '$.tags') x WHERE x.value = 'a'",
            &["1"],
        ),
    ])
    .await;
}

#[tokio::test]
async fn rows_in_correlated_subqueries() {
    check(&[
        (
            "SELECT id FROM t WHERE EXISTS (SELECT 1 FROM json_each(t.doc, '$.tags') x WHERE x.value = 'b') ORDER BY id",
            &["1", "4"],
        ),
        (
            "SELECT id FROM t WHERE NOT EXISTS (SELECT 1 FROM json_each(t.doc, '$.tags') x WHERE x.value = 'b') ORDER BY id",
            &["2", "3"],
        ),
        (
            "SELECT id FROM t WHERE 'a' IN (SELECT value FROM json_each(t.doc, '$.tags'))",
            &["1"],
        ),
        (
            "SELECT id, (SELECT count(*) FROM json_each(t.doc, '$.tags')) AS n FROM t ORDER BY id",
            &["1 | 2", "2 | 0", "3 | 0", "4 | 1"],
        ),
        (
            "SELECT id, (SELECT group_concat(value, '+') FROM json_each(t.doc, '$.tags')) AS n FROM t WHERE id <> 2 ORDER BY id",
            &["1 | a+b", "3 | NULL", "4 | b"],
        ),
    ])
    .await;
}

#[tokio::test]
async fn aggregates_over_groups() {
    check(&[
        (
            "SELECT json_group_array(DISTINCT x.value ORDER BY x.value DESC) FROM t, json_each(t.doc, '$.tags') x",
            &["[\"b\",\"a\"]"],
        ),
        ("SELECT json_group_array(id ORDER BY id) FROM t", &["[1,2,3,4]"]),
        ("SELECT json_group_array(doc) FROM t WHERE id IN (2, 3) GROUP BY id % 2 ORDER BY 1", &[
            "[null]",
            "[{\"tags\": []}]",
        ]),
        ("SELECT json_group_array(id), json_group_object('a', id), group_concat(id), total(id) FROM t WHERE id > 9", &[
            "[] | {} | NULL | 0.0",
        ]),
        ("SELECT group_concat(id SEPARATOR '-') FROM (SELECT id FROM t ORDER BY id)", &["1-2-3-4"]),
        ("SELECT GROUP_CONCAT(id ORDER BY id DESC) FROM t", &["4,3,2,1"]),
        ("SELECT json_group_object(id, doc -> 'tags' ORDER BY id) FROM t WHERE id < 3", &[
            "{\"1\":\"[\\\"a\\\", \\\"b\\\"]\",\"2\":\"[]\"}",
        ]),
        ("SELECT json_group_object(doc, 1) FROM t", &["error bad-value"]),
        ("SELECT group_concat(id, doc) FROM t", &["error unsupported-syntax"]),
        ("SELECT total(DISTINCT id), count(id) FROM t", &["error unsupported-syntax"]),
    ])
    .await;
}

#[tokio::test]
async fn scalars_in_statements() {
    check(&[
        ("SELECT date('2024-01-01'), DATE '2024-01-01', date_trunc('month', DATE '2024-01-15')", &[
            "2024-01-01 | 2024-01-01 | 2024-01-01T00:00:00",
        ]),
        ("SELECT length(date('now')), length(datetime()), unixepoch() > 1700000000, length(strftime('%Y'))", &[
            "10 | 19 | true | 4",
        ]),
        ("SELECT date(now()) = date('now'), date(TIMESTAMP '2024-05-06 07:08:09')", &[
            "true | 2024-05-06",
        ]),
        ("SELECT date(column1) FROM (VALUES ('now'))", &["error bad-value"]),
        ("SELECT time('10:00'), char(65), string('x'), json('[ 1 ]'), hex(255)", &[
            "10:00:00 | A | x | [1] | 323535",
        ]),
        ("SELECT '{\"a\": [1]}'::json, '{\"a\": {\"b\": \"c\"}}'::jsonb -> 'a' ->> 'b'", &[
            "{\"a\":[1]} | c",
        ]),
        ("SELECT 'x'::json", &["error bad-value"]),
        ("SELECT ifnull(NULL, 2), iif(id = 1, 'one', 'more') FROM t ORDER BY id LIMIT 2", &[
            "2 | one",
            "2 | more",
        ]),
        ("SELECT iif(id = 1, 10, 10 / (id - 1)) FROM t ORDER BY id LIMIT 2", &["10", "10"]),
        ("SELECT iif(id > 1, id) FROM t ORDER BY id LIMIT 2", &["NULL", "2"]),
        ("SELECT typeof(id), typeof(doc), typeof(1.5), typeof(id = 1) FROM t WHERE id = 1", &[
            "integer | text | real | boolean",
        ]),
        ("SELECT instr('abc', 'c'), regexp_like('abc', '^a.c$'), substr('abcd', 2, 2)", &[
            "3 | true | bc",
        ]),
        ("SELECT regexp_substr('a', '(')", &["error bad-value"]),
        ("SELECT split_part('a.b.c', '.', 2), split_part('a.b.c', '.', -1), split_part('a.b.c', '.', -3)", &[
            "b | c | a",
        ]),
        ("SELECT split_part('a', '.', 5), split_part('a', '.', -2), split_part('', '.', 1), split_part('a..c', '.', 2)", &[
            " |  |  | ",
        ]),
        ("SELECT split_part('abc', '', 1), split_part('abc', '', 2), split_part('é→x', '→', 2)", &[
            "abc |  | x",
        ]),
        ("SELECT split_part('a', '.', 0)", &["error bad-value"]),
        ("SELECT json_extract(doc, '$.tags[0]'), json_extract(doc, '$.m.k') > 0 FROM t WHERE id = 1", &[
            "a | true",
        ]),
        ("SELECT json_extract(doc, 'tags') FROM t", &["error bad-value"]),
        ("SELECT id FROM t WHERE json_extract(doc, '$.tags[#-1]') = 'b' ORDER BY id", &["1", "4"]),
        ("SELECT id FROM t WHERE json_valid(doc) = 1 AND json_equal(doc, '{\"tags\":[]}') = 1", &["2"]),
        ("SELECT json_array(doc, 'x', json_object('a', NULL)) FROM t WHERE id = 2", &[
            "[{\"tags\": []},\"x\",{\"a\":null}]",
        ]),
        ("SELECT json_object(NULL, 1)", &["error bad-value"]),
        ("SELECT json_object('a')", &["error bad-value"]),
        ("SELECT json('{a}')", &["error bad-value"]),
        ("SELECT format('%s-%d', 'a', id) FROM t WHERE id = 2", &["a-2"]),
        ("SELECT json_array_length(doc, '$.tags') FROM t ORDER BY id", &["2", "0", "NULL", "1"]),
        ("SELECT json_type(doc, '$.m'), json_type('null'), json_type(doc, '$.x') FROM t WHERE id = 1", &[
            "object | null | NULL",
        ]),
    ])
    .await;
}
