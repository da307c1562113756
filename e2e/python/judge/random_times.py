"""Random expressions over dates, timestamps, intervals and zones."""

from __future__ import annotations

from random import Random

from .statements import Statement

ZONES = ["UTC", "America/New_York", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe"]
FIELDS = ["year", "quarter", "month", "week", "day", "hour", "minute", "second"]
PARTS = ["year", "month", "day", "hour", "minute", "second", "dow", "doy", "isodow", "week", "quarter", "epoch", "isoyear"]
COLUMNS = {"date": "d", "timestamp": "ts", "timestamptz": "tz", "interval": "p", "int": "n"}
LITERALS = {
    "date": ["DATE '2024-02-29'", "DATE '2024-03-31'", "DATE '1970-01-01'", "DATE '2023-01-01'"],
    "timestamp": ["TIMESTAMP '2024-03-10 02:30:00'", "TIMESTAMP '2024-12-31 23:59:59.999'", "TIMESTAMP '2024-02-29 00:00:00'"],
    "timestamptz": ["TIMESTAMPTZ '2024-03-10 07:00:00Z'", "TIMESTAMPTZ '2024-10-27 00:30:00+00'", "TIMESTAMPTZ '2023-06-30 22:00:00-05'"],
    "interval": ["INTERVAL '1 day'", "INTERVAL '1 month'", "INTERVAL '36 hours'", "INTERVAL '1 year 2 months'",
                 "INTERVAL '90 minutes'", "INTERVAL '-1 day 12 hours'", "INTERVAL '0'"],
    "int": ["0", "1", "2", "-3", "31", "400"],
}


class Times:
    """A source of queries; the same seed makes the same ones."""

    def __init__(self, seed: int) -> None:
        self.random = Random(f"times {seed}")

    def next(self) -> Statement:
        roll = self.random.random()
        if roll < 0.6:
            items = [self._value(self._kind(), 3) for _ in range(self.random.randint(1, 3))]
            where = f" WHERE {self._bool(2)}" if self.random.random() < 0.4 else ""
            return Statement(f"SELECT id, {', '.join(items)} FROM times{where}")
        if roll < 0.75:
            kind = self._kind()
            key = self._value(kind, 2)
            return Statement(f"SELECT id FROM times ORDER BY {key}{self.random.choice(['', ' DESC', ' NULLS FIRST'])}, id", True)
        if roll < 0.9:
            kind = self.random.choice(["date", "timestamp", "timestamptz", "interval"])
            value = self._value(kind, 1)
            return Statement(
                f"SELECT min({value}), max({value}), count({value}), count(DISTINCT {value}) FROM times WHERE {self._bool(1)}")
        left, right = self._value("date", 1, "l."), self._value("date", 1, "r.")
        comparison = self.random.choice(["=", "<", ">="])
        return Statement(f"SELECT l.id, r.id FROM times l {self.random.choice(['', 'LEFT '])}JOIN times r ON {left} {comparison} {right}")

    def _kind(self) -> str:
        return self.random.choice(["date", "timestamp", "timestamptz", "interval", "int", "bool", "text"])

    def _value(self, kind: str, depth: int, table: str = "") -> str:
        if kind == "bool":
            return f"({self._bool(depth - 1, table)})"
        if kind == "text":
            value = self._value(self.random.choice(["timestamp", "date"]), depth - 1, table)
            template = self.random.choice(["YYYY-MM-DD", "DD.MM.YY", "HH24:MI:SS", "IYYY-IW", "DDD", "Q", "FMMonth", "Dy", "D"])
            return f"to_char(CAST({value} AS TIMESTAMP), '{template}')"
        roll = self.random.random()
        if depth <= 0 or roll < 0.25:
            return table + COLUMNS[kind] if self.random.random() < 0.7 else self.random.choice(LITERALS[kind])
        value = lambda other: self._value(other, depth - 1, table)
        zone = f"'{self.random.choice(ZONES)}'"
        if roll < 0.32:
            return f"coalesce({value(kind)}, {value(kind)})"
        if roll < 0.38:
            return f"CASE WHEN {self._bool(depth - 1, table)} THEN {value(kind)} ELSE {value(kind)} END"
        if roll < 0.42:
            return f"{self.random.choice(['greatest', 'least'])}({value(kind)}, {value(kind)})"
        if kind == "date":
            return self.random.choice([
                f"CAST({value('timestamp')} AS DATE)", f"({value('date')} + {self.random.randint(-40, 40)})",
                f"({value('date')} - {self.random.randint(0, 400)})", f"CAST(({value('timestamptz')} AT TIME ZONE {zone}) AS DATE)",
            ])
        if kind == "timestamp":
            return self.random.choice([
                f"({value('timestamp')} + {value('interval')})", f"({value('timestamp')} - {value('interval')})",
                f"({value('date')} + {value('interval')})", f"({value('date')} - {value('interval')})",
                f"date_trunc('{self.random.choice(FIELDS)}', {value('timestamp')})",
                f"({value('timestamptz')} AT TIME ZONE {zone})", f"CAST({value('date')} AS TIMESTAMP)",
            ])
        if kind == "timestamptz":
            return self.random.choice([
                f"({value('timestamptz')} + {value('interval')})", f"({value('timestamp')} AT TIME ZONE {zone})",
                f"date_trunc('{self.random.choice(FIELDS)}', {value('timestamptz')})",
                f"CAST({value('timestamp')} AS TIMESTAMPTZ)", f"({value('timestamptz')} - {value('interval')})",
            ])
        if kind == "interval":
            return self.random.choice([
                f"({value('timestamp')} - {value('timestamp')})", f"({value('timestamptz')} - {value('timestamptz')})",
                f"({value('interval')} + {value('interval')})", f"({value('interval')} * {self.random.randint(-2, 3)})",
                f"({value('interval')} - {value('interval')})", f"age({value('timestamp')}, {value('timestamp')})", f"-{value('interval')}",
                f"make_interval(days => {self.random.randint(0, 40)})" if self.random.random() < 0.1 else f"justify_days({value('interval')})",
            ])
        field = self.random.choice(PARTS)
        of = self.random.choice(["timestamp", "timestamptz", "date"])
        if of == "date" and field in ("hour", "minute", "second"):
            field = "day"
        return self.random.choice([
            f"CAST(floor(extract({field} FROM {value(of)})) AS BIGINT)", f"({value('date')} - {value('date')})",
            f"CAST(floor(extract({self.random.choice(['day', 'hour', 'month', 'epoch'])} FROM {value('interval')})) AS BIGINT)",
        ])

    def _bool(self, depth: int, table: str = "") -> str:
        kind = self.random.choice(["date", "timestamp", "timestamptz", "interval", "int"])
        left, right = self._value(kind, depth, table), self._value(kind, depth, table)
        roll = self.random.random()
        if roll < 0.65:
            return f"{left} {self.random.choice(['=', '<>', '<', '<=', '>', '>='])} {right}"
        if roll < 0.75:
            return f"{left} BETWEEN {right} AND {self._value(kind, depth, table)}"
        if roll < 0.82:
            return f"{left} IS {self.random.choice(['', 'NOT '])}NULL"
        if roll < 0.88:
            return f"{self._value('timestamp', depth, table)} < {self._value('date', depth, table)}"
        if roll < 0.92:
            return f"{left} IS DISTINCT FROM {right}"
        return f"{left} IN ({right}, {self._value(kind, depth, table)})"
