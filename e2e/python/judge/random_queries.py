"""Random queries over joins, subqueries, groups, windows, sets and NULLs."""

from __future__ import annotations

from random import Random

from .statements import Statement

COLUMNS = {
    "a": {"id": "int", "g": "int", "x": "int", "y": "int", "s": "text", "b": "bool"},
    "c": {"id": "int", "a_id": "int", "k": "int", "v": "int", "t": "text"},
    "e": {"k": "int", "w": "int"},
    "z": {"w": "int", "q": "text"},
}
TEXTS = ["red", "blue", "Blue", "", "x", "green"]


class Queries:
    """A source of queries; the same seed makes the same ones."""

    def __init__(self, seed: int) -> None:
        self.random = Random(f"queries {seed}")
        self.names = 0

    def next(self) -> Statement:
        self.names = 0
        roll = self.random.random()
        if roll < 0.12:
            return self._sets()
        if roll < 0.24:
            return Statement(self._with())
        return self._select_statement()

    # ---- queries
    def _name(self) -> str:
        self.names += 1
        return f"t{self.names}"

    def _select_statement(self) -> Statement:
        text, width = self._select({}, 2)
        if self.random.random() < 0.35:
            order = ", ".join(f"{n}{self._direction()}" for n in self._shuffled(range(1, width + 1)))
            text += f" ORDER BY {order}"
            if self.random.random() < 0.5:
                text += f" LIMIT {self.random.randint(0, 5)}"
                if self.random.random() < 0.4:
                    text += f" OFFSET {self.random.randint(0, 3)}"
            return Statement(text, True)
        return Statement(text)

    def _direction(self) -> str:
        return self.random.choice(["", " DESC", " NULLS FIRST", " DESC NULLS LAST", " ASC"])

    def _shuffled(self, items) -> list:
        items = list(items)
        self.random.shuffle(items)
        return items

    def _with(self) -> str:
        name, (inner, _) = self._name(), self._select({}, 1, kinds=["int", "text"])
        outer = self.random.choice([
            f"SELECT p, q FROM {name}",
            f"SELECT l.p, r.q FROM {name} l JOIN {name} r ON l.p = r.p",
            f"SELECT l.p, r.q FROM {name} l LEFT JOIN {name} r ON l.p < r.p",
            f"SELECT q, count(*), sum(p) FROM {name} GROUP BY q",
            f"SELECT p FROM {name} WHERE p IN (SELECT k FROM e)",
            f"SELECT p FROM {name} WHERE p = (SELECT max(p) FROM {name})",
            f"SELECT id, x FROM a WHERE EXISTS (SELECT 1 FROM {name} WHERE p = a.x OR q = a.s)",
        ])
        return f"WITH {name}(p, q) AS ({inner}) {outer}"

    def _sets(self) -> Statement:
        kinds = [self._kind() for _ in range(self.random.randint(1, 2))]
        parts = [self._select({}, 1, kinds=kinds)[0] for _ in range(self.random.randint(2, 3))]
        text = parts[0]
        for part in parts[1:]:
            word = self.random.choice(["UNION", "UNION ALL", "INTERSECT", "EXCEPT", "INTERSECT ALL", "EXCEPT ALL"])
            text = f"({text}) {word} ({part})"
        if self.random.random() < 0.5:
            order = ", ".join(f"{n + 1}{self._direction()}" for n in range(len(kinds)))
            return Statement(f"{text} ORDER BY {order}", True)
        return Statement(text)

    def _select(self, outer: dict, depth: int, kinds: list[str] | None = None) -> tuple[str, int]:
        scope, source = self._from(depth, outer)
        seen = {**outer, **scope}
        where = f" WHERE {self._bool(seen, depth)}" if self.random.random() < 0.6 else ""
        wanted = kinds or [self._kind() for _ in range(self.random.randint(1, 4))]
        roll = self.random.random()
        if roll < 0.25:
            return self._grouped(scope, seen, source, where, wanted, depth)
        if roll < 0.42 and not outer:
            items = [self._window(scope, kind) for kind in wanted]
        else:
            items = [self._value(seen, kind, depth) for kind in wanted]
        distinct = "DISTINCT " if self.random.random() < 0.12 else ""
        return f"SELECT {distinct}{', '.join(items)} FROM {source}{where}", len(items)

    def _grouped(self, scope, seen, source, where, wanted, depth) -> tuple[str, int]:
        keys = [self._column(scope, self._kind()) for _ in range(self.random.randint(0, 2))]
        keys = list(dict.fromkeys(key for key in keys if key))
        items = []
        for kind in wanted:
            fitting = [key for key in keys if self._kind_of(scope, key) == kind]
            items.append(self.random.choice(fitting) if fitting and self.random.random() < 0.5 else self._aggregate(scope, kind))
        having = ""
        if self.random.random() < 0.3:
            having = f" HAVING {self._aggregate(scope, 'int')} {self._comparison()} {self.random.randint(0, 9)}"
        groups = f" GROUP BY {', '.join(keys)}" if keys else ""
        return f"SELECT {', '.join(items)} FROM {source}{where}{groups}{having}", len(items)

    def _from(self, depth: int, outer: dict) -> tuple[dict, str]:
        scope: dict = {}
        name, text = self._item(scope, depth)
        source = text
        for _ in range(self.random.choice([0, 0, 1, 1, 1, 2])):
            before = {**outer, **scope}
            name, text = self._item(scope, depth)
            roll = self.random.random()
            if roll < 0.12:
                source += f" CROSS JOIN {text}"
                continue
            join = self.random.choice(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "JOIN", "LEFT JOIN"])
            own = self._column({name: scope[name]}, "int")
            other = self._column({key: value for key, value in scope.items() if key != name}, "int")
            condition = f"{own} = {other}"
            if join != "FULL JOIN" and self.random.random() < 0.3:
                condition += f" AND {self._simple(scope)}"
            elif join in ("JOIN", "LEFT JOIN") and self.random.random() < 0.15:
                condition = f"{own} {self._comparison()} {other}"
            source += f" {join} {text} ON {condition}"
            del before
        return scope, source

    def _item(self, scope: dict, depth: int) -> tuple[str, str]:
        name = self._name()
        if depth > 0 and self.random.random() < 0.15:
            inner, _ = self._select({}, depth - 1, kinds=["int", "int", "text"])
            scope[name] = {"p": "int", "q": "int", "r": "text"}
            return name, f"({inner}) AS {name}(p, q, r)"
        table = self.random.choice(["a", "a", "c", "c", "e", "z"]) if self.random.random() < 0.9 else "a"
        scope[name] = COLUMNS[table]
        return name, f"{table} {name}"

    # ---- values
    def _kind(self) -> str:
        return self.random.choice(["int", "int", "int", "text", "bool"])

    def _kind_of(self, scope: dict, column: str) -> str:
        table, name = column.split(".")
        return scope[table][name]

    def _column(self, scope: dict, kind: str) -> str | None:
        fitting = [f"{table}.{name}" for table, columns in scope.items() for name, own in columns.items() if own == kind]
        return self.random.choice(fitting) if fitting else None

    def _comparison(self) -> str:
        return self.random.choice(["=", "<>", "<", "<=", ">", ">="])

    def _literal(self, kind: str) -> str:
        if self.random.random() < 0.06:
            return {"int": "CAST(NULL AS INT)", "text": "CAST(NULL AS TEXT)", "bool": "CAST(NULL AS BOOLEAN)"}[kind]
        if kind == "int":
            return str(self.random.choice([0, 1, 2, 3, 5, 7, 10, 40]))
        if kind == "bool":
            return self.random.choice(["true", "false"])
        return f"'{self.random.choice(TEXTS)}'"

    def _value(self, scope: dict, kind: str, depth: int) -> str:
        if kind == "bool":
            return f"({self._bool(scope, depth - 1)})"
        column = self._column(scope, kind)
        roll = self.random.random()
        if column is None or roll < 0.08:
            return self._literal(kind)
        if roll < 0.5 or depth <= 0:
            return column
        other = lambda: self._value(scope, kind, depth - 1)
        if roll < 0.58:
            return f"CASE WHEN {self._simple(scope)} THEN {other()} ELSE {other()} END"
        if roll < 0.64:
            return f"coalesce({column}, {other()})"
        if roll < 0.68:
            return f"nullif({column}, {other()})"
        if roll < 0.8:
            return self._scalar_subquery(scope, kind, depth)
        if kind == "text":
            return self.random.choice([
                f"upper({column})", f"{column} || '-' || {other()}", f"substr({column}, 1, 2)", f"trim({column})",
                f"replace({column}, 'e', 'E')", f"CAST({self._int(scope)} AS TEXT)",
            ])
        return self.random.choice([
            f"({column} + {other()})", f"({column} - {other()})", f"({column} * 2)", f"abs({column})", f"-{column}",
            f"({column} / 3)", f"({column} % 4)", f"length({self._column(scope, 'text') or chr(39) * 2})",
            f"greatest({column}, {other()})", f"least({column}, {other()})",
        ])

    def _int(self, scope: dict) -> str:
        return self._column(scope, "int") or "1"

    def _scalar_subquery(self, scope: dict, kind: str, depth: int) -> str:
        inner: dict = {}
        name, text = self._item(inner, 0)
        own = self._column(inner, kind) or self._literal(kind)
        function = self.random.choice(["max", "min"])
        if kind == "int" and self.random.random() < 0.4:
            function = self.random.choice(["sum", "count"])
        condition = ""
        if self.random.random() < 0.7:
            condition = f" WHERE {self._column(inner, 'int')} {self.random.choice(['=', '=', '<'])} {self._int(scope)}"
            if self.random.random() < 0.3:
                condition += f" AND {self._simple(inner)}"
        if self.random.random() < 0.2:
            keys = ", ".join(f"{name}.{column}" for column in inner[name])
            return f"(SELECT {own} FROM {text}{condition} ORDER BY {keys} LIMIT 1)"
        return f"(SELECT {function}({own}) FROM {text}{condition})"

    def _simple(self, scope: dict) -> str:
        column = self._int(scope)
        return self.random.choice([
            f"{column} {self._comparison()} {self._literal('int')}", f"{column} IS NULL", f"{column} IS NOT NULL",
            f"{column} IN (1, 2, {self._literal('int')})", f"{column} NOT IN (1, 2, 10)",
            f"{column} BETWEEN 1 AND {self._literal('int')}", f"{column} IS DISTINCT FROM {self._int(scope)}",
        ])

    def _bool(self, scope: dict, depth: int) -> str:
        roll = self.random.random()
        if depth <= 0 or roll < 0.3:
            flag, text = self._column(scope, "bool"), self._column(scope, "text")
            if flag and self.random.random() < 0.2:
                return self.random.choice([flag, f"NOT {flag}", f"{flag} IS TRUE", f"{flag} IS NOT FALSE", f"{flag} IS NULL"])
            if text and self.random.random() < 0.3:
                return self.random.choice([
                    f"{text} = {self._literal('text')}", f"{text} LIKE '%e%'", f"{text} IN ('red', {self._literal('text')})",
                    f"{text} <> {self._literal('text')}", f"{text} ILIKE 'b%'", f"{text} NOT LIKE 'r%'",
                ])
            return self._simple(scope)
        if roll < 0.42:
            return f"({self._bool(scope, depth - 1)} AND {self._bool(scope, depth - 1)})"
        if roll < 0.54:
            return f"({self._bool(scope, depth - 1)} OR {self._bool(scope, depth - 1)})"
        if roll < 0.6:
            return f"NOT ({self._bool(scope, depth - 1)})"
        inner: dict = {}
        name, text = self._item(inner, 0)
        link = f"{self._column(inner, 'int')} {self.random.choice(['=', '=', '=', '<'])} {self._int(scope)}"
        rest = f" AND {self._simple(inner)}" if self.random.random() < 0.4 else ""
        own = self._column(inner, "int")
        free = f" WHERE {self._simple(inner)}" if self.random.random() < 0.6 else ""
        correlated = f" WHERE {link}{rest}" if self.random.random() < 0.4 else free
        if roll < 0.7:
            return f"{self.random.choice(['', 'NOT '])}EXISTS (SELECT 1 FROM {text} WHERE {link}{rest})"
        if roll < 0.82:
            return f"{self._int(scope)} {self.random.choice(['IN', 'NOT IN'])} (SELECT {own} FROM {text}{correlated})"
        if roll < 0.9:
            word = self.random.choice(["ANY", "ALL"])
            return f"{self._int(scope)} {self._comparison()} {word} (SELECT {own} FROM {text}{correlated})"
        return f"{self._int(scope)} {self._comparison()} {self._scalar_subquery(scope, 'int', 0)}"

    def _aggregate(self, scope: dict, kind: str) -> str:
        if kind == "bool":
            return f"(count({self._int(scope)}) > {self.random.randint(0, 4)})"
        if kind == "text":
            return f"{self.random.choice(['min', 'max'])}({self._column(scope, 'text') or self._literal('text')})"
        column = self._int(scope)
        rest = f" FILTER (WHERE {self._simple(scope)})" if self.random.random() < 0.2 else ""
        return self.random.choice([
            "count(*)", f"count({column}){rest}", f"sum({column}){rest}", f"min({column}){rest}", f"max({column}){rest}",
            f"count(DISTINCT {column})", f"sum(DISTINCT {column})",
        ])

    def _window(self, scope: dict, kind: str) -> str:
        # all columns, so that no two rows are peers by accident
        keys = ", ".join(f"{table}.{name}" for table, columns in scope.items() for name in columns)
        part = f"PARTITION BY {self._int(scope)} " if self.random.random() < 0.6 else ""
        over = f"({part}ORDER BY {keys})"
        column = self._column(scope, kind)
        if kind == "bool" or column is None:
            return self._literal(kind)
        if kind == "text":
            return self.random.choice([f"lag({column}) OVER {over}", f"first_value({column}) OVER {over}", column])
        frame = self.random.choice([
            "", " ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING", " ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW",
            " ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING",
        ])
        framed = f"({part}ORDER BY {keys}{frame})"
        return self.random.choice([
            f"row_number() OVER {over}", f"sum({column}) OVER {framed}", f"count({column}) OVER {framed}",
            f"lead({column}, 1, 0) OVER {over}", f"max({column}) OVER {framed}", f"min({column}) OVER ({part.strip()})",
            f"rank() OVER ({part}ORDER BY {column})", f"dense_rank() OVER ({part}ORDER BY {column} DESC)",
            f"last_value({column}) OVER {framed}", f"ntile(2) OVER {over}",
        ])
