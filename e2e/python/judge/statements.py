"""What both sides are given: tables, and a statement whose rows may have an order."""

from __future__ import annotations

from dataclasses import dataclass

TABLES = [
    "CREATE TABLE a (id INT, g INT, x INT, y INT, s TEXT, b BOOLEAN)",
    "INSERT INTO a VALUES (1,1,10,1,'red',true),(2,1,20,NULL,'blue',false),(3,2,NULL,3,'red',NULL),"
    "(4,2,40,4,NULL,true),(5,NULL,50,NULL,'',false),(6,3,-6,0,'Blue',NULL),(7,3,10,7,'green',true)",
    "CREATE TABLE c (id INT, a_id INT, k INT, v INT, t TEXT)",
    "INSERT INTO c VALUES (1,1,1,5,'red'),(2,1,2,NULL,'b'),(3,2,1,7,NULL),(4,4,NULL,9,'blue'),(5,9,3,5,'red'),"
    "(6,NULL,2,0,'x'),(7,7,3,-1,'')",
    "CREATE TABLE e (k INT, w INT)",
    "INSERT INTO e VALUES (1,100),(2,NULL),(4,400),(NULL,5)",
    "CREATE TABLE z (w INT, q TEXT)",
    "CREATE VIEW times AS SELECT * FROM (VALUES "
    "(1,DATE '2024-02-29',TIMESTAMP '2024-02-29 12:30:45.5',TIMESTAMPTZ '2024-02-29 23:59:59Z',INTERVAL '1 month',1),"
    "(2,DATE '2023-12-31',TIMESTAMP '2023-12-31 23:59:59',TIMESTAMPTZ '2024-03-31 01:30:00Z',INTERVAL '1 day 2 hours 3 minutes 4 seconds',30),"
    "(3,NULL,TIMESTAMP '2024-07-01 00:00:00',TIMESTAMPTZ '2024-11-03 05:30:00Z',INTERVAL '-3 hours',NULL),"
    "(4,DATE '2000-01-01',NULL,TIMESTAMPTZ '1999-12-31 23:00:00Z',NULL,-1),"
    "(5,DATE '1969-07-20',TIMESTAMP '1969-07-20 20:17:40',NULL,INTERVAL '1 year 2 months 3 days',365)"
    ") AS v(id, d, ts, tz, p, n)",
]


@dataclass(frozen=True)
class Statement:
    """A query, and whether the order of its rows is given."""

    text: str
    ordered: bool = False
