-- groups and aggregates
SELECT {g|s|b|g, b|x > 10|coalesce(g, -1)}, count(*), {sum(x)|min(y)|max(s)|count(DISTINCT y)|avg(x)|bool_and(b)|bool_or(x > 10)} FROM a GROUP BY {1|1}
SELECT {count(*)|count(x)|count(DISTINCT g)|sum(x)|avg(y)|min(s)|max(s)|bool_and(b)|sum(DISTINCT y)|stddev(x)|variance(x)|string_agg(s, ',' ORDER BY id)} {|FILTER (WHERE x > 10)|FILTER (WHERE false)} FROM a
SELECT {count(*)|count(w)|sum(w)|min(q)|max(w)|avg(w)|bool_or(w > 1)} FROM z {|HAVING count(*) > 0|HAVING count(*) = 0|HAVING true}
SELECT g, count(*) FROM a GROUP BY g HAVING {count(*) > 1|sum(x) > 40|max(s) = 'red'|g IS NULL|min(y) IS NULL|bool_or(b)|count(DISTINCT s) = 1}
SELECT g, b, count(*), sum(x) FROM a GROUP BY {ROLLUP (g, b)|CUBE (g, b)|GROUPING SETS ((g), (b))|GROUPING SETS ((g, b), ())|ROLLUP (g), b}
SELECT g, grouping(g), count(*) FROM a GROUP BY {ROLLUP (g)|GROUPING SETS ((g), ())}
SELECT g, sum(x) AS s FROM a GROUP BY g ORDER BY {s|s DESC|sum(x) NULLS FIRST|count(*), g|max(id)} , g -- ordered
SELECT sum(CASE WHEN {x > 10|b|s = 'red'|y IS NULL} THEN 1 ELSE 0 END), count(CASE WHEN {x > 10|b} THEN 1 END) FROM a
SELECT percentile_disc({0.25|0.5|0.9|1}) WITHIN GROUP (ORDER BY {x|y|id DESC}) FROM a
SELECT {max(n)|min(n)|sum(n)|count(*)} FROM (SELECT {count(*)|count(x)|sum(y)} AS n FROM a GROUP BY g) q
