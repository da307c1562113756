-- expressions, three-valued logic, text and numbers
SELECT id FROM a WHERE {x > 10|NOT x > 10|x <> 10|x IS DISTINCT FROM 10|x IS NOT DISTINCT FROM NULL|x BETWEEN 10 AND 40|x NOT BETWEEN 10 AND 40|x IN (10, NULL)|x NOT IN (10, NULL)|x NOT IN (10, 20)|coalesce(x, 0) = 0|nullif(x, 10) IS NULL} {|AND b|OR b|AND NOT b|OR g = 1}
SELECT id FROM a WHERE {b|NOT b|b IS TRUE|b IS NOT TRUE|b IS FALSE|b IS NOT FALSE|b IS UNKNOWN|b = true|b <> true|b AND NULL|b OR NULL|b IS NULL OR b}
SELECT id FROM a WHERE s {= 'red'|<> 'red'|LIKE 'r%'|NOT LIKE 'r%'|ILIKE 'b%'|LIKE '_ed'|LIKE ''|IN ('red', '')|> 'blue'|IS NULL|SIMILAR TO '(r|b)%'|LIKE '%e%' ESCAPE '!'}
SELECT id, {x + y|x - y|x * y|x / 3|x % 7|-x|abs(x)|x::double precision / 3|round(x / 7.0, 2)|x::text|x || s|s || '!'|coalesce(s, '?')|length(s)|upper(s)|lower(s)|initcap(s)|reverse(s)|repeat(s, 2)|substr(s, 2)|substr(s, 2, 2)|left(s, 2)|right(s, 2)|replace(s, 'e', '3')|position('e' in s)|trim(s)|lpad(s, 6, '.')|rpad(s, 6, '.')|strpos(s, 'e')|concat(s, x, b)|concat_ws('-', s, x)|split_part(s, 'e', 1)|translate(s, 're', 'RE')|ascii(s)|md5(s)} AS r FROM a
SELECT id, CASE {WHEN x > 10 THEN 1 WHEN x > 5 THEN 2 ELSE 3 END|WHEN b THEN 'y' END|g WHEN 1 THEN 'one' WHEN 2 THEN 'two' ELSE 'more' END|WHEN x IS NULL THEN 0 ELSE x END|s WHEN 'red' THEN x ELSE y END} AS r FROM a
SELECT {greatest|least}({x, y|x, y, 5|NULL, x|g, id}) AS r FROM a
SELECT {1 = NULL|NULL = NULL|NULL IS NULL|NULL AND false|NULL OR true|NOT NULL::boolean|1 IN (NULL, 1)|2 IN (NULL, 1)|2 NOT IN (NULL, 1)|NULL IN (1)|1 BETWEEN NULL AND 0|1 BETWEEN 0 AND NULL} AS r
SELECT {7 / 2|-7 / 2|7 % 3|-7 % 3|7.0 / 2|2 ^ 3|2 ^ 0.5|1 + 2 * 3|(1 + 2) * 3|- 2 ^ 2|10 - 3 - 2|100 / 10 / 2|5 % 3 * 2|1.5 + 1|0.1 + 0.2|1e3|ceil(1.2)|floor(-1.2)|round(2.5)|round(-2.5)|round(1.005, 2)|trunc(1.99)|sign(-3)|power(2, 10)|sqrt(16)|mod(7, 3)|exp(0)|ln(1)|log(100)} AS r
SELECT {'a' < 'b'|'a' < 'B'|'' = ''|'abc' LIKE 'a_c'|'a%c' LIKE 'a\%c'|'abc' ~ '^a'|'abc' !~ 'z'|'ABC' ~* 'b'|'10' < '9'|'a' || NULL IS NULL} AS r
SELECT id FROM a ORDER BY {x|x DESC|x NULLS FIRST|x DESC NULLS LAST|s|s DESC|b|b DESC|g, x DESC|coalesce(x, 0)|x % 7|-x|length(s)|x IS NULL|CASE WHEN b THEN 0 ELSE 1 END} , id {|LIMIT 3|LIMIT 2 OFFSET 3|OFFSET 5|LIMIT 0} -- ordered
SELECT * FROM (VALUES (1, 'a'), (2, NULL), (NULL, 'c')) v(n, t) WHERE {n > 1|t IS NULL|n IS NULL OR t = 'a'|NOT (n = 1)|n + 1 > 2}
SELECT CAST({'12'|' 12 '|'-3'|12.7|-12.5|true|false} AS INT) AS r
SELECT CAST({'1.50'|2|'1e2'|-0.0} AS {DOUBLE PRECISION|NUMERIC(10, 2)}) AS r
SELECT CAST({1|1.5|true|'x'|NULL|date '2024-02-29'} AS TEXT) AS r
