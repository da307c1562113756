-- windows
SELECT id, {row_number()|rank()|dense_rank()|ntile(3)|percent_rank()|cume_dist()} OVER ({|PARTITION BY g }ORDER BY {x, id|s NULLS FIRST, id|y DESC, id|id}) FROM a
SELECT id, {sum(x)|count(x)|min(x)|max(y)|avg(x)|first_value(x)|last_value(x)|nth_value(x, 2)} OVER ({|PARTITION BY g }ORDER BY id {|ROWS BETWEEN 1 PRECEDING AND CURRENT ROW|ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING|ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING|ROWS BETWEEN 2 PRECEDING AND 1 PRECEDING|RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW}) FROM a
SELECT id, {lag|lead}({x|s}{|, 2|, 0}) OVER ({|PARTITION BY g }ORDER BY id{| DESC}) FROM a
SELECT id, {sum(x)|count(*)|rank()} OVER w FROM a WINDOW w AS ({PARTITION BY g ORDER BY id|ORDER BY id|PARTITION BY b ORDER BY x, id})
SELECT g, {sum(count(*))|rank()|sum(sum(x))} OVER (ORDER BY g) FROM a GROUP BY g
SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY {g|s|b} ORDER BY {x DESC NULLS LAST|y|id} , id) AS n FROM a) q WHERE n {= 1|<= 2|> 1}
SELECT id, x - lag(x) OVER (ORDER BY id), sum(x) OVER (PARTITION BY g) - x, count(*) FILTER (WHERE {x > 10|b|s = 'red'}) OVER (PARTITION BY g) FROM a
SELECT id, sum(x) OVER (ORDER BY g {|NULLS FIRST|DESC}) FROM a
SELECT a.id, c.id, {row_number()|sum(c.v)|count(c.v)} OVER (PARTITION BY a.id ORDER BY c.id) FROM a {JOIN|LEFT JOIN} c ON {a.id = c.a_id|a.g = c.k}
