-- joins, with keys that are NULL, repeated or missing on a side
SELECT a.id, c.id FROM a {JOIN|LEFT JOIN|RIGHT JOIN|FULL JOIN} c ON {a.id = c.a_id|a.g = c.k|a.x = c.v|a.s = c.t|a.id = c.a_id AND a.g = c.k}
SELECT a.id, c.id FROM a {JOIN|LEFT JOIN} c ON {a.id < c.a_id|a.x > c.v|a.s <> c.t|a.id = c.a_id OR a.g = c.k|a.id = c.a_id AND c.v > 5|a.id = c.a_id AND a.b|true|false|a.g IS NOT DISTINCT FROM c.k}
SELECT count(*), count(a.id), count(c.id), count(e.w) FROM a {JOIN|LEFT JOIN|RIGHT JOIN|FULL JOIN} c ON a.id = c.a_id {JOIN|LEFT JOIN|RIGHT JOIN|FULL JOIN} e ON {c.k = e.k|a.g = e.k|a.id = e.k}
SELECT {*|k, e.w|e.k, c.k, count(*) OVER ()} FROM e {JOIN|LEFT JOIN} c USING (k) {|WHERE k = 1|WHERE k IS NULL|WHERE c.v IS NULL}
SELECT k, count(*), sum(w) FROM e {JOIN|LEFT JOIN|RIGHT JOIN|FULL JOIN} c USING (k) GROUP BY k ORDER BY {k|k DESC|k NULLS FIRST} -- ordered
SELECT l.id, r.id FROM a l {JOIN|LEFT JOIN} a r ON {l.g = r.g AND l.id < r.id|l.x = r.y|l.s = r.s AND l.id <> r.id|l.id = r.id + 1|upper(l.s) = upper(r.s)}
SELECT a.id FROM a {CROSS JOIN|,} z
SELECT a.id, z.w FROM a {LEFT JOIN|JOIN} z ON {a.id = z.w|true|a.id = z.w AND z.q = 'x'}
SELECT a.id, n FROM a {CROSS JOIN LATERAL|LEFT JOIN LATERAL} (SELECT count(*) AS n FROM c WHERE c.a_id = a.id) l {ON true|}
SELECT a.id, l.v FROM a {JOIN LATERAL|LEFT JOIN LATERAL} (SELECT v FROM c WHERE {c.a_id = a.id|c.k = a.g|c.v < a.x} ORDER BY c.id {|DESC} LIMIT {1|2}) l ON {true|l.v > 5|l.v IS NOT NULL}
SELECT x.id, y.id FROM (SELECT * FROM a WHERE {g = 1|x IS NULL|b}) x {JOIN|LEFT JOIN|FULL JOIN} (SELECT * FROM c WHERE {v > 4|t IS NULL|k < 3}) y ON x.id = y.a_id
SELECT a.id, c.t FROM a LEFT JOIN c ON a.id = c.a_id WHERE {c.id IS NULL|c.t = 'red'|c.t IS DISTINCT FROM 'red'|coalesce(c.v, 0) = 0|NOT (c.v > 5)|c.v > 5 OR c.v IS NULL}
SELECT DISTINCT {a.g|a.g, c.k|c.t} FROM a {JOIN|LEFT JOIN} c ON {a.id = c.a_id|a.g = c.k}
