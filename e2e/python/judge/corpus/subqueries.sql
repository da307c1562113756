-- subqueries in every place, correlated and not, over tables with NULLs and without rows
SELECT id FROM a WHERE {x|g|y} {IN|NOT IN} (SELECT {v|k|a_id} FROM c {|WHERE v IS NOT NULL|WHERE k > 1|WHERE false})
SELECT id FROM a WHERE {x|g|y} {IN|NOT IN} (SELECT {v|k|a_id} FROM c WHERE {c.a_id = a.id|c.k = a.g|c.t = a.s})
SELECT id FROM a WHERE {|NOT }EXISTS (SELECT {1|*|v} FROM {c|z|e} {WHERE true|WHERE false})
SELECT id FROM a WHERE {|NOT }EXISTS (SELECT 1 FROM c WHERE {c.a_id = a.id|c.k = a.g|c.v > a.x|c.t = a.s AND c.v > 0|c.a_id = a.id OR c.k = a.g} {|LIMIT 1|OFFSET 1})
SELECT id, (SELECT {max(v)|min(t)|count(*)|sum(v)|count(v)|avg(v)} FROM c WHERE {c.a_id = a.id|c.k = a.g|c.v < a.x|c.t = a.s}) AS r FROM a
SELECT id, (SELECT v FROM c WHERE {c.a_id = a.id|c.k = a.g} ORDER BY {c.id|c.id DESC|v, c.id|v DESC NULLS LAST, c.id} LIMIT 1 {|OFFSET 1}) AS r FROM a
SELECT id FROM a WHERE {x|y} {=|<>|<|>=} {ANY|ALL} (SELECT {v|k} FROM c {|WHERE v IS NOT NULL AND k IS NOT NULL|WHERE c.a_id = a.id|WHERE false})
SELECT id FROM a WHERE x {=|<|>} (SELECT {max(v) + 5|min(x)|avg(x)|sum(v)} FROM {a|c, a} {|WHERE x > 100})
SELECT id, x {IN|NOT IN} (SELECT v FROM c {|WHERE v IS NOT NULL|WHERE false}) AS r FROM a
SELECT id FROM a WHERE {x IN (SELECT v FROM c)|EXISTS (SELECT 1 FROM c WHERE c.a_id = a.id)|NOT EXISTS (SELECT 1 FROM c WHERE c.a_id = a.id)} {AND|OR} {g = 1|x NOT IN (SELECT v FROM c WHERE v IS NOT NULL)|y IS NULL|b}
SELECT id FROM a WHERE NOT ({x IN (SELECT v FROM c)|g IN (SELECT k FROM c)|x > ALL (SELECT v FROM c WHERE v IS NOT NULL)} {AND|OR} {y > 1|b IS NULL})
SELECT (SELECT {count(*)|max(x)|sum(x)} FROM a) {+|-} (SELECT {count(*)|max(v)} FROM {c|z}) AS r
SELECT g, (SELECT count(*) FROM c WHERE c.k = a.g) AS n, count(*) FROM a GROUP BY g
SELECT g FROM a GROUP BY g HAVING {count(*)|max(x)|sum(y)} {>|=|<} (SELECT {count(*)|min(v)|max(k)} FROM c {|WHERE v > 4})
SELECT CASE WHEN {EXISTS (SELECT 1 FROM c WHERE c.a_id = a.id)|x IN (SELECT v FROM c)|x = (SELECT max(x) FROM a)} THEN 'yes' ELSE 'no' END AS r, id FROM a
WITH w AS (SELECT {g, sum(x) AS s|g, count(*) AS s|k AS g, max(v) AS s}  FROM {a|a} GROUP BY 1) SELECT * FROM w WHERE {s > 10|g IS NULL|s = (SELECT max(s) FROM w)}
WITH w AS (SELECT id, g, x FROM a) SELECT l.id, r.id FROM w l JOIN w r ON {l.g = r.g|l.x < r.x|l.id = r.id} WHERE {l.id > 2|r.x IS NOT NULL}
WITH RECURSIVE r(n) AS (SELECT {1|0|5} UNION ALL SELECT n + {1|2} FROM r WHERE n < {3|7|10}) SELECT {n|sum(n)|count(*)} FROM r
SELECT * FROM (SELECT id, {x|y} AS v FROM a ORDER BY {x DESC NULLS LAST|y, x|id} , id LIMIT 3) q ORDER BY id -- ordered
