//! Generated statements of many forms: clauses over joins, and parameters from all kinds of
//! sources.

use super::Dice;
use super::queries::{CHILDREN, Case, ITEMS, OPAQUE, PARENTS, condition_of, other};

/// Something over parents that feed children, in a form that the dice choose.
pub(crate) fn form(dice: &mut Dice, limit: Option<usize>) -> Case {
    match dice.roll(9) {
        0 => set_operation(dice, limit),
        1 => window(dice, limit),
        2 => grouped(dice, limit),
        3 => ordered(dice),
        4 => subquery(dice, limit),
        5 => with(dice, limit),
        6 => pairs(dice, limit),
        7 => derived(dice, limit),
        _ => things(dice, limit),
    }
}

/// Parents that pass something, joined to their children.
fn source(dice: &mut Dice) -> String {
    let condition = condition_of(dice, PARENTS, "p.", 1);
    let on = condition_of(dice, CHILDREN, OPAQUE, 0);
    let join = dice.pick(&["JOIN", "LEFT JOIN"]);
    format!("@parents p {join} @children c ON c.k = p.k AND {on} WHERE {condition}")
}

fn set_operation(dice: &mut Dice, limit: Option<usize>) -> Case {
    let operation =
        dice.pick(&["UNION", "UNION ALL", "INTERSECT", "EXCEPT", "INTERSECT ALL", "EXCEPT ALL"]);
    let one = format!("SELECT p.k AS x, p.n AS y FROM {}", source(dice));
    let condition = condition_of(dice, CHILDREN, "c.", 1);
    let two = match dice.roll(3) {
        0 => format!("SELECT c.t, c.v FROM @children c WHERE c.k = 'k1' AND {condition}"),
        1 => format!("SELECT c.k, c.v FROM @children c WHERE c.k IN ('k1', 'k2') AND {condition}"),
        _ => format!("SELECT p.k, p.n FROM {}", source(dice)),
    };
    let is_counted = dice.roll(2) == 0;
    let text = |sets: String| {
        if is_counted {
            format!("SELECT x, count(*) AS m FROM ({sets}) u GROUP BY x")
        } else {
            sets
        }
    };
    let case = other(text(format!("{one} {operation} {two}")), limit).unordered();
    match operation.strip_suffix(" ALL") {
        // the judge takes no account of how often a row stands on the right
        Some(operation) if operation != "UNION" => {
            let numbered = |select: &str| {
                format!(
                    "SELECT x, y, row_number() OVER (PARTITION BY x, y) AS copy FROM ({select}) AS q (x, y)"
                )
            };
            let sets = format!("{} {operation} {}", numbered(&one), numbered(&two));
            case.judged_by(text(format!("SELECT x, y FROM ({sets}) u")))
        }
        _ => case,
    }
}

fn window(dice: &mut Dice, limit: Option<usize>) -> Case {
    let value = dice.pick(&[
        "count(*) OVER (PARTITION BY p.k)",
        "sum(c.v) OVER (PARTITION BY c.t)",
        "rank() OVER (ORDER BY c.id)",
        "max(p.n) OVER (PARTITION BY p.g)",
        "lag(c.id) OVER (PARTITION BY p.k ORDER BY c.id, p.n, p.g)",
        "first_value(c.v) OVER (ORDER BY c.id NULLS FIRST)",
    ]);
    let inner = format!("SELECT p.k, c.id, {value} AS w FROM {}", source(dice));
    let text = match dice.roll(3) {
        0 => inner,
        1 => format!("SELECT * FROM ({inner}) q WHERE w >= 2"),
        _ => format!("SELECT * FROM ({inner}) q WHERE k = 'k1'"),
    };
    other(text, limit).unordered()
}

fn grouped(dice: &mut Dice, limit: Option<usize>) -> Case {
    let keys = dice.pick(&["p.g", "p.k", "c.t", "p.n", "c.id"]);
    let group = match dice.roll(4) {
        0 => format!("ROLLUP ({keys}, c.v)"),
        1 => format!("GROUPING SETS (({keys}), ())"),
        _ => keys.to_owned(),
    };
    let having = dice.pick(&["", " HAVING count(*) > 1", " HAVING min(c.v) IS NOT NULL"]);
    let distinct = dice.pick(&["", "", "DISTINCT "]);
    let value = dice.pick(&["count(*)", "count(DISTINCT c.t)", "sum(c.v)", "min(c.t)", "max(p.k)"]);
    let text = format!(
        "SELECT {distinct}{keys} AS x, {value} AS m FROM {} GROUP BY {group}{having}",
        source(dice)
    );
    other(text, limit).unordered()
}

/// Everything that is shown decides the order, so there is one right list.
fn ordered(dice: &mut Dice) -> Case {
    let way = |dice: &mut Dice| dice.pick(&["", " DESC", " NULLS FIRST", " DESC NULLS LAST"]);
    let (one, two, three) = (way(dice), way(dice), way(dice));
    let rows = match dice.roll(4) {
        0 => String::new(),
        1 => format!(" LIMIT {}", dice.roll(6)),
        2 => format!(" OFFSET {}", dice.roll(6)),
        _ => format!(" LIMIT {} OFFSET {}", dice.roll(6), dice.roll(4)),
    };
    let text = match dice.roll(3) {
        0 => format!(
            "SELECT n, k, g FROM @parents p WHERE {} ORDER BY n{one}, k{two}, g{three}{rows}",
            condition_of(dice, PARENTS, "p.", 1)
        ),
        1 => format!(
            "SELECT b, a, id FROM @items WHERE {} ORDER BY b{one}, a{two}, id{three}{rows}",
            condition_of(dice, ITEMS, "", 1)
        ),
        _ => format!(
            "SELECT c.id, p.n, p.k FROM {} ORDER BY c.id{one}, p.n{two}, p.k{three}{rows}",
            source(dice)
        ),
    };
    other(text, None).listed()
}

/// Subqueries where they are neither a plain EXISTS nor a plain IN.
fn subquery(dice: &mut Dice, limit: Option<usize>) -> Case {
    let least = dice.roll(7);
    let on = condition_of(dice, CHILDREN, "c.", 1);
    let passes = condition_of(dice, PARENTS, "p.", 0);
    match dice.roll(9) {
        0 => other(
            format!("SELECT p.k, p.g FROM @parents p WHERE {passes} OR p.k IN (SELECT c.t FROM @children c WHERE c.k = p.k AND {on})"),
            limit,
        ),
        1 => none_of(dice, limit),
        2 => other(
            format!("SELECT c.id, c.t FROM @children c WHERE c.k = (SELECT min(p.k) FROM @parents p WHERE p.n >= {least}) AND {on}"),
            limit,
        ),
        3 => other(
            format!("SELECT p.k, CASE WHEN p.n > 2 THEN (SELECT max(c.id) FROM @children c WHERE c.k = p.k AND {on}) END AS m FROM @parents p"),
            limit,
        ),
        4 => other(
            format!("SELECT p.k, p.n FROM @parents p WHERE p.n < (SELECT count(*) FROM @children c WHERE c.k = p.k AND {on})"),
            limit,
        ),
        5 => {
            let matching = format!("FROM @children c WHERE c.k = p.k AND {on}");
            let text = format!("SELECT p.k, x.m, x.s FROM @parents p CROSS JOIN LATERAL (SELECT count(*) AS m, sum(c.v) AS s {matching}) x");
            let judged = format!("SELECT p.k, (SELECT count(*) {matching}) AS m, (SELECT sum(c.v) {matching}) AS s FROM @parents p");
            other(text, limit).judged_by(judged)
        }
        6 => {
            let text = format!("SELECT p.k, x.id FROM @parents p LEFT JOIN LATERAL (SELECT c.id FROM @children c WHERE c.k = p.k AND {on}) x ON true");
            let judged = format!("SELECT p.k, c.id FROM @parents p LEFT JOIN @children c ON c.k = p.k AND {on}");
            other(text, limit).judged_by(judged)
        }
        7 => other(
            format!("SELECT c.id FROM @children c WHERE c.k IN (SELECT p.k FROM @parents p WHERE {passes} UNION SELECT i.b FROM @items i WHERE i.c UNION SELECT 'k1')"),
            limit,
        ),
        _ => other(
            "SELECT g, (SELECT count(*) FROM @children c WHERE c.k = q.k) AS m FROM (SELECT g, max(k) AS k FROM @parents GROUP BY g) q".to_owned(),
            limit,
        ),
    }
    .unordered()
}

/// NOT IN. DataFusion minds the NULLs of a list only if the list is the same for every row and what
/// is looked for is not.
fn none_of(dice: &mut Dice, limit: Option<usize>) -> Case {
    let key = format!("k{}", dice.roll(8));
    let on = condition_of(dice, CHILDREN, "c.", 1);
    let passes = condition_of(dice, ITEMS, "i.", 1);
    let judged = |list: &str, is_hit: &str| {
        format!("SELECT p.k FROM @parents p WHERE NOT EXISTS (SELECT 1 FROM {list} AND ({is_hit}))")
    };
    match dice.roll(4) {
        0 => other(
            format!(
                "SELECT p.k FROM @parents p WHERE p.k NOT IN (SELECT c.t FROM @children c WHERE c.k = '{key}')"
            ),
            limit,
        ),
        1 => {
            let list = format!("@children c WHERE c.k = p.k AND ({on})");
            other(
                format!("SELECT p.k FROM @parents p WHERE NOT p.k IN (SELECT c.t FROM {list})"),
                limit,
            )
            .judged_by(judged(&list, "c.t = p.k OR c.t IS NULL OR p.k IS NULL"))
        }
        2 => {
            let list = format!("@items i WHERE i.a < p.n AND ({passes})");
            other(
                format!("SELECT p.k FROM @parents p WHERE p.k NOT IN (SELECT i.b FROM {list})"),
                limit,
            )
            .judged_by(judged(&list, "i.b = p.k OR i.b IS NULL OR p.k IS NULL"))
        }
        _ => {
            let list = format!("@items i WHERE ({passes})");
            other(
                format!("SELECT p.k FROM @parents p WHERE '{key}' NOT IN (SELECT i.b FROM {list})"),
                limit,
            )
            .judged_by(judged(&list, &format!("i.b = '{key}' OR i.b IS NULL")))
        }
    }
}

/// CTEs, recursion, VALUES, and keys that are computed.
fn with(dice: &mut Dice, limit: Option<usize>) -> Case {
    let passes = condition_of(dice, PARENTS, "p.", 1);
    let on = condition_of(dice, CHILDREN, "c.", 1);
    let text = match dice.roll(7) {
        0 => format!(
            "WITH q AS (SELECT p.k, c.t, c.id FROM @parents p JOIN @children c ON c.k = p.k WHERE {passes}) SELECT a.id, b.id AS other FROM q a JOIN q b ON b.t = a.t"
        ),
        1 => format!(
            "WITH RECURSIVE r AS (SELECT 'k{}' AS k, 0 AS depth UNION ALL SELECT c.t, r.depth + 1 FROM r JOIN @children c ON c.k = r.k WHERE r.depth < 3) SELECT k, depth FROM r",
            dice.roll(7)
        ),
        2 => format!(
            "SELECT v.x, c.id FROM (VALUES ('k1', 1), ('k3', 2), (NULL, 3), ('k1', 4)) AS v(x, y) LEFT JOIN @children c ON c.k = v.x AND {on}"
        ),
        3 => format!(
            "SELECT i.id, c.id AS e FROM @items i JOIN @children c ON c.k = 'k' || CAST(i.a AS VARCHAR) WHERE {on}"
        ),
        4 => format!(
            "SELECT p.k, c.id FROM @parents p JOIN @children c ON c.k = lower(upper(p.k)) AND {on} WHERE {passes}"
        ),
        5 => format!(
            "WITH a AS (SELECT p.k FROM @parents p WHERE {passes}), b AS (SELECT DISTINCT k FROM a) SELECT b.k, count(c.id) AS m FROM b LEFT JOIN @children c ON c.k = b.k AND {on} GROUP BY b.k"
        ),
        _ => format!(
            "SELECT c.id, d.id AS e FROM @children c JOIN @children d ON d.k = c.t AND d.id <> c.id WHERE c.k IN ('k1', 'k2') AND {on}"
        ),
    };
    other(text, limit).unordered()
}

/// A resource with two required parameters.
fn pairs(dice: &mut Dice, limit: Option<usize>) -> Case {
    let passes = condition_of(dice, PARENTS, "p.", 1);
    let (k, m) = (dice.roll(7), dice.roll(6));
    let text = match dice.roll(8) {
        0 => format!(
            "SELECT p.k, p.n, q.w FROM @parents p JOIN @pairs q ON q.k = p.k AND q.m = p.n WHERE {passes}"
        ),
        1 => format!(
            "SELECT p.k, p.n, q.w FROM @parents p LEFT JOIN @pairs q ON q.k = p.k AND q.m = p.n AND {passes}"
        ),
        2 => format!(
            "SELECT p.k, i.id, q.w FROM @items i JOIN @pairs q ON q.m = i.a JOIN @parents p ON p.k = q.k WHERE {passes}"
        ),
        3 => format!("SELECT q.w FROM @pairs q WHERE q.k IN ('k{k}', 'k1') AND q.m IN ({m}, 2)"),
        4 => format!(
            "SELECT q.w FROM @pairs q WHERE (q.k = 'k{k}' AND q.m = {m}) OR (q.k = 'k2' AND q.m = 1 AND q.w > 3)"
        ),
        5 => format!(
            "SELECT p.k, q.w FROM @parents p JOIN @pairs q ON q.k = p.k WHERE q.m IN ({m}, 0) AND {passes}"
        ),
        6 => format!(
            "SELECT c.id, q.w FROM @children c JOIN @pairs q ON q.k = c.t AND q.m = c.v WHERE c.k = 'k{k}'"
        ),
        _ => format!(
            "SELECT p.k FROM @parents p WHERE EXISTS (SELECT 1 FROM @pairs q WHERE q.k = p.k AND q.m = p.n) AND {passes}"
        ),
    };
    other(text, limit).unordered()
}

/// A resource with a list and a lookup that shows more.
fn things(dice: &mut Dice, limit: Option<usize>) -> Case {
    let (one, two) = (dice.roll(6), dice.roll(6));
    let text = match dice.roll(8) {
        0 => format!("SELECT id, n, d FROM @things WHERE id IN ({one}, {two})"),
        1 => "SELECT a.id, a.n, b.d FROM @things a JOIN @things b ON b.id = a.id".to_owned(),
        2 => format!("SELECT a.id, b.n FROM @things a JOIN @things b ON b.id = a.id WHERE a.n >= {one}"),
        3 => format!("SELECT i.id, t.d FROM @items i JOIN @things t ON t.id = i.a WHERE t.n IS NULL OR t.n <> {two}"),
        4 => "SELECT i.id, t.n FROM @items i LEFT JOIN @things t ON t.id = i.a".to_owned(),
        5 => {
            let rest = format!("FROM @things a WHERE a.n < {one}");
            let text = format!("SELECT a.id, (SELECT b.d FROM @things b WHERE b.id = a.id) AS d {rest}");
            // the judge knows no such subquery without an aggregate
            let judged = format!("SELECT a.id, (SELECT max(b.d) FROM @things b WHERE b.id = a.id) AS d {rest}");
            return other(text, limit).judged_by(judged).unordered();
        }
        6 => "SELECT a.id, c.id AS e FROM @things a JOIN @things b ON b.id = a.id JOIN @children c ON c.k = b.d".to_owned(),
        _ => format!("SELECT id, n FROM @things WHERE n BETWEEN {one} AND {two} OR id = {two}"),
    };
    other(text, limit).unordered()
}

/// Fed sides that are more than a table, joins of other kinds, and conditions on optional parameters.
fn derived(dice: &mut Dice, limit: Option<usize>) -> Case {
    let passes = condition_of(dice, PARENTS, "p.", 1);
    let on = condition_of(dice, CHILDREN, "c.", 1);
    let join = dice.pick(&["JOIN", "LEFT JOIN"]);
    let word = |dice: &mut Dice| dice.pick(&["x", "xy", "", "it''s", "none"]);
    let (g, h) = (word(dice), word(dice));
    let text = match dice.roll(9) {
        0 => format!(
            "SELECT p.k, d.id, d.i FROM @parents p {join} (SELECT c.k, c.id, i.id AS i FROM @children c JOIN @items i ON i.a = c.v WHERE {on}) d ON d.k = p.k AND {passes}"
        ),
        1 => format!(
            "SELECT p.k, d.m FROM @parents p {join} (SELECT c.k, count(*) AS m FROM @children c WHERE {on} GROUP BY c.k) d ON d.k = p.k AND {passes}"
        ),
        2 => format!(
            "SELECT p.k, d.w FROM @parents p {join} (SELECT c.k, q.w FROM @children c JOIN @pairs q ON q.k = c.t AND q.m = c.v WHERE {on}) d ON d.k = p.k WHERE {passes}"
        ),
        3 => format!(
            "SELECT p.k, d.x FROM @parents p {join} (SELECT c.k, c.id AS x FROM @children c WHERE {on} UNION ALL SELECT c.k, c.v FROM @children c) d ON d.k = p.k AND {passes}"
        ),
        4 => format!(
            "SELECT p.k, p.n, p.g FROM @parents p WHERE (p.g = '{g}' AND p.n <= 3) OR (p.g = '{h}' AND {passes})"
        ),
        5 => format!(
            "SELECT count(*) AS m, max(p.n) AS x FROM @parents p WHERE p.g IN ('{g}', '{h}', 'y') AND {passes}"
        ),
        6 => format!(
            "SELECT p.k, c.id FROM @parents p JOIN @children c ON (c.k IS NOT DISTINCT FROM p.k) AND {on} WHERE {passes}"
        ),
        7 => format!(
            "SELECT k, p.n, c.id FROM @parents p {join} @children c USING (k) WHERE {passes}"
        ),
        _ => format!(
            "SELECT p.k, i.id FROM @items i FULL JOIN @parents p ON p.n = i.a AND p.g = i.b WHERE i.id IS NULL OR {passes}"
        ),
    };
    other(text, limit).unordered()
}
