-- dates, timestamps, intervals and zones
SELECT DATE '{2024-01-31|2024-02-29|2023-02-28|2024-12-31|1970-01-01|2000-03-01}' {+|-} INTERVAL '{1 day|1 month|1 year|36 hours|1 second|13 months|-1 day|1 month 1 day}' AS r
SELECT TIMESTAMP '{2024-01-31 10:00:00|2024-02-29 23:59:59.5|2023-12-31 00:00:00|1969-12-31 23:59:59}' {+|-} INTERVAL '{1 day|1 month|1 year|36 hours|90 minutes|-1 month|1 year 2 months 3 days}' AS r
SELECT DATE '{2024-03-01|2023-01-01|2024-12-31}' {-|+} {1|30|366|0} AS r
SELECT DATE '{2024-03-01|2023-01-01}' - DATE '{2024-02-01|2022-12-31|2024-03-01}' AS r
SELECT TIMESTAMP '{2024-03-01 12:00:00|2023-01-01 00:00:00}' - TIMESTAMP '{2024-02-01 00:00:00|2022-12-31 23:00:00.25|2024-03-01 12:00:01}' AS r
SELECT INTERVAL '{1 day|24 hours|1 month|30 days|1 year|12 months|25 hours|-1 day}' {=|<|>|<>} INTERVAL '{1 day|24 hours|1 month|30 days|1 year|360 days|25 hours}' AS r
SELECT INTERVAL '{1 day|2 hours|1 month}' {* 2|* -1|+ INTERVAL '1 hour'|- INTERVAL '30 minutes'|* 0} AS r
SELECT extract({year|month|day|hour|minute|dow|isodow|doy|week|quarter|epoch|isoyear|century|decade} FROM TIMESTAMP '{2024-02-29 12:30:45|2021-01-03 00:00:00|2020-12-31 23:59:59|1999-12-31 00:00:00}') AS r
SELECT extract({year|month|day|dow|doy|week|quarter} FROM DATE '{2024-02-29|2021-01-03|2020-12-31}') AS r
SELECT extract({year|month|day|hour|minute|second|epoch} FROM INTERVAL '{1 year 2 months|36 hours|90 minutes|3 days 4 hours}') AS r
SELECT date_trunc('{year|quarter|month|week|day|hour|minute|second}', TIMESTAMP '{2024-02-29 12:30:45.678|2021-01-03 23:59:59|2023-12-31 00:00:00}') AS r
SELECT TIMESTAMPTZ '{2024-03-10 06:59:59Z|2024-03-10 07:00:00Z|2024-11-03 05:30:00Z|2024-07-01 02:00:00+02}' AT TIME ZONE '{UTC|America/New_York|Europe/Berlin|Asia/Kolkata}' AS r
SELECT TIMESTAMP '{2024-03-10 01:59:59|2024-03-10 03:00:00|2024-11-03 00:30:00|2024-07-01 02:00:00}' AT TIME ZONE '{UTC|America/New_York|Europe/Berlin|Asia/Kolkata}' AS r
SELECT (TIMESTAMPTZ '2024-07-01 02:00:00Z' AT TIME ZONE '{UTC|America/New_York|Asia/Kolkata}')::{date|timestamp|text} AS r
SELECT TIMESTAMPTZ '{2024-07-01 02:00:00Z|2024-07-01 00:00:00-02}' {=|<|>=} TIMESTAMPTZ '{2024-07-01 04:00:00+02|2024-07-01 02:00:01Z}' AS r
SELECT to_char(TIMESTAMP '{2024-02-29 15:04:05|2021-01-03 00:00:00}', '{YYYY-MM-DD|DD.MM.YY|HH24:MI:SS|HH12:MI AM|FMMonth DD|Dy|Day|D|DDD|IYYY-IW|Q|J|MS|US|Mon|FMDD|MM/YYYY}') AS r
SELECT age(TIMESTAMP '{2024-03-01|2024-02-29|2023-01-31}', TIMESTAMP '{2024-01-15|2023-02-28|2020-12-31 12:00:00}') AS r
SELECT id FROM times WHERE {d < DATE '2024-01-01'|d = ts::date|ts > d|ts - d::timestamp > INTERVAL '1 hour'|tz > ts|p > INTERVAL '1 day'|p <= INTERVAL '1 month'|d + p > ts|d IS NULL|d BETWEEN DATE '2000-01-01' AND DATE '2024-01-01'|extract(year FROM ts) = 2024|date_trunc('month', ts) = d|d - DATE '1970-01-01' > 365|ts IN (TIMESTAMP '2024-07-01 00:00:00')} {|OR n = 1|AND n > 0}
SELECT id, {d + 1|d - 1|d + p|ts + p|ts - p|tz + p|d - DATE '2020-01-01'|ts - TIMESTAMP '2020-01-01'|p * 2|-p|p + p|extract(month FROM p)|ts::date|d::timestamp|tz::date|date_trunc('day', tz)|coalesce(ts, d)|greatest(d, ts::date)|to_char(ts, 'YYYY-MM')|age(ts, TIMESTAMP '2000-01-01')} AS r FROM times
SELECT {min(d)|max(ts)|min(tz)|max(p)|sum(p)|count(DISTINCT d)|max(d) - min(d)|max(ts) - min(ts)|avg(n)} AS r FROM times
SELECT id FROM times ORDER BY {d|ts DESC|tz NULLS FIRST|p|d + p|extract(day FROM ts)|ts::date, n} , id -- ordered
SELECT l.id, r.id FROM times l JOIN times r ON {l.d < r.d|l.ts::date = r.d|l.d + l.n = r.d|l.ts > r.tz|l.p < r.p}
SELECT id, {lag(d)|max(d)|count(d)|first_value(ts)} OVER (ORDER BY id) AS r FROM times
SELECT id, d - lag(d) OVER (ORDER BY {d, id|id}) AS r FROM times
SELECT date_trunc('{year|month}', {ts|d}) AS r, count(*) FROM times GROUP BY 1
SELECT g::date FROM generate_series(DATE '2024-02-27', DATE '2024-03-02', INTERVAL '{1 day|2 days}') AS s(g) ORDER BY 1 -- ordered
SELECT make_date({2024, 2, 29|1999, 12, 31}) AS r
SELECT {justify_days|justify_hours|justify_interval}(INTERVAL '{35 days|27 hours|1 month -1 hour|65 days 30 hours}') AS r
