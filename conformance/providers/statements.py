"""Statements as a user writes them, and what their requests must hold."""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass, field
from typing import Any

from answers import Answer
from documents import Method, Param, Service, View, plain, quoted

NAMES_OF_OBJECTS = ("id", "name", "arn", "identifier", "uuid", "guid", "key", "slug")


@dataclass
class Expected:
    """A value of a statement and its place in the request."""

    place: str  # path, query, header, body, host
    name: str
    value: Any
    unique: bool
    path: tuple[str, ...] = ()


@dataclass
class Statement:
    """One statement, its method and the values that its request must hold."""

    verb: str
    sql: str
    method: Method | None
    expected: list[Expected] = field(default_factory=list)
    answer: Answer | None = None
    view: View | None = None
    host: str = ""
    path: re.Pattern[str] | None = None

    @property
    def key(self) -> str:
        """What it samples."""
        return ".".join(self.method.key) if self.method else self.view.table if self.view else ""


class Writer:
    """Writes statements with values that occur nowhere else."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.count = 0

    def token(self) -> str:
        """A short text that is unique in the run."""
        self.count += 1
        return "u" + "".join(self.random.choices("bcdfghjkmnpqrstvwxz", k=4)) + str(self.count)

    def value(self, method: Method, schema: Any, depth: int = 0) -> tuple[Any, bool]:
        """A value of a schema as JSON has it, and whether it is unique."""
        document = method.document
        node = document.target(schema) or {}
        kind = document.kind(node)
        enum = [one for one in node.get("enum") or [] if one not in (None, "")]
        if enum:
            return enum[0], False
        if kind == "integer":
            self.count += 1
            return 1_000_003 + self.count * 7, True
        if kind == "number":
            self.count += 1
            return 1_000_003 + self.count * 7 + 0.5, True
        if kind == "boolean":
            return True, False
        if kind == "array":
            if depth > 5:
                return [], False
            one, unique = self.value(method, document.items(node), depth + 1)
            return [one], unique
        if kind == "object":
            properties, needed = document.properties(node), document.required(node)
            if not properties:
                return {"note": self.token()}, True
            some = [name for name, one in properties.items() if document.kind(one) == "string" and name not in needed]
            chosen = needed or some[:1]
            if depth > 5:
                return {}, False
            return {name: self.value(method, properties[name], depth + 1)[0] for name in chosen}, False
        if node.get("format") == "date-time":
            return "2024-03-04T05:06:07Z", False
        if node.get("format") in ("date",):
            return "2024-03-04", False
        return self.token(), True

    # ---- the parts of statements
    def _host(self, method: Method) -> tuple[dict[str, str], str]:
        """Values of the server's variables, and the host that they make."""
        values, url = {}, method.server
        for one in method.server_variables():
            enum = one.schema.get("enum")
            known = {"region": "us-east-1", "protocol": "https"}.get(one.name)
            value = str(enum[0]) if enum else known or self.token()
            if re.search(r"://{%s}(/|$)" % re.escape(one.name), method.server):
                value = f"{value}.example.com"
            values[one.name] = value
            url = re.sub(r"{%s(:[^}]*)?}" % re.escape(one.name), value, url)
        return values, re.sub(r"^[a-z]+://", "", url).split("/")[0]

    def _param(self, method: Method, one: Param) -> tuple[Any, Expected]:
        value, unique = self.value(method, one.schema)
        if one.place == "path" and not isinstance(value, (str, int)):
            value, unique = self.token(), True
        return value, Expected(one.place, one.name, value, unique)

    def write(self, service: Service, method: Method) -> Statement | None:
        """The statement of a method; None if another method answers it."""
        if method.verb == "select" and not method.is_known:
            return None
        pairs: list[tuple[str, Any]] = []
        expected: list[Expected] = []
        variables, host = self._host(method)
        pairs += list(variables.items())
        for one in method.required_params():
            value, wanted = self._param(method, one)
            pairs.append((method.sql_name(one.alias or one.name), value))
            expected.append(wanted)
        fields = self._fields(method)
        if self._is_shadowed(service, method, {name for name, *_ in pairs} | {name for name, *_ in fields}):
            return None
        tag = self.token()
        given = {name: value for name, value in pairs if name not in variables}
        wheres = [f"{quoted(name)} = {literal(value)}" for name, value in pairs]
        sets = [(name, wire, value, unique) for name, wire, value, unique, is_key in fields if not is_key]
        keys = [(name, wire, value, unique) for name, wire, value, unique, is_key in fields if is_key]
        inner = (method.inner,) if method.inner else ()
        expected += [Expected("body", wire, value, unique, (*inner, wire)) for _, wire, value, unique in sets + keys]
        if method.verb == "select":
            wheres += [f"{quoted(name)} = {literal(value)}" for name, _, value, _ in sets + keys]
            sql = f"SELECT * FROM {method.table}" + where(wheres)
        elif method.verb == "insert":
            columns = [(name, value) for name, value in pairs] + [(name, value) for name, _, value, _ in sets + keys]
            if not columns:
                return None
            names = ", ".join(quoted(name) for name, _ in columns)
            sql = f"INSERT INTO {method.table} ({names}) VALUES ({', '.join(literal(value) for _, value in columns)})"
        elif method.verb == "update":
            if not sets:
                return None
            wheres += [f"{quoted(name)} = {literal(value)}" for name, _, value, _ in keys]
            given |= {name: value for name, _, value, _ in keys}
            sql = f"UPDATE {method.table} SET {', '.join(f'{quoted(n)} = {literal(v)}' for n, _, v, _ in sets)}" + where(wheres)
        else:
            if not wanted_by(expected):
                return None  # it would delete every object, which is refused unless it is allowed
            wheres += [f"{quoted(name)} = {literal(value)}" for name, _, value, _ in sets + keys]
            given |= {name: value for name, _, value, _ in sets + keys}
            sql = f"DELETE FROM {method.table}" + where(wheres)
        answer = Answer(method, tag, given)
        verb = method.verb if method.verb != "select" else "list" if answer.is_list else "get"
        return Statement(verb, sql, method, expected, answer, host=host, path=_path(method, expected))

    def _fields(self, method: Method) -> list[tuple[str, str, Any, bool, bool]]:
        """Fields of the body that the statement gives: SQL name, wire name, value, unique, names the object."""
        schema = method.body
        if schema is None or (method.verb == "select" and method.http == "GET"):
            return []
        document = method.document
        properties = document.properties(schema)
        taken = {one.name for one in method.params} | set(method.base)
        def is_read_only(name: str) -> bool:
            return bool((document.target(properties[name]) or {}).get("readOnly") or properties[name].get("readOnly"))

        names = [one for one in method.required_fields() if not is_read_only(one)]
        if method.verb in ("insert", "update"):
            more = [one for one in properties if one not in names and one not in taken
                    and not is_read_only(one)
                    and document.kind(properties[one]) in ("string", "integer", "boolean")
                    and not (method.verb == "update" and self._names_object(method, one))]
            names = names + more[:2]
        has_own = any(one.place == "path" for one in method.required_params())
        found = []
        for wire in names:
            value, unique = self.value(method, properties[wire])
            if value == {} and (method.node.get("request") or {}).get("transform"):
                continue  # templates leave out what is empty
            is_key = method.verb == "update" and not has_own and self._names_object(method, wire)
            found.append((method.field_name(wire), wire, value, unique, is_key))
        return found

    def _names_object(self, method: Method, wire: str) -> bool:
        word = plain(wire)
        last = plain(method.resource.rsplit("_", 1)[-1]).rstrip("s")
        return word in NAMES_OF_OBJECTS or (word.startswith(last) and word[len(last):] in NAMES_OF_OBJECTS)

    def _is_shadowed(self, service: Service, method: Method, names: set[str]) -> bool:
        """True if the statement gives all that an earlier method needs as well."""
        resource = service.resources[method.resource]
        if method.verb == "select" and ((resource.get("config") or {}).get("views") or {}).get("select"):
            return True
        bare = {name.removeprefix("data__") for name in names}
        for other in service.candidates(method.resource, resource, method.verb):
            if other.name == method.name:
                return False
            needed = {name.removeprefix("data__") for name in other.needs()}
            # of writes the one counts whose own parameters are given
            if needed <= bare and (method.verb == "select" or len(needed) >= len(
                    {name.removeprefix("data__") for name in method.needs()})):
                return True
        return False

    def view(self, view: View) -> Statement:
        """A view, with all that it requires."""
        # some are numbers
        wheres = [f"{quoted(name)} = '{1000 + number}'" for number, name in enumerate(view.required)]
        return Statement("view", f"EXPLAIN SELECT * FROM {view.table}" + where(wheres), None, view=view)


def wanted_by(expected: list[Expected]) -> bool:
    """True if the request has a value that may name an object."""
    return any(one.place in ("path", "query", "body", "text") for one in expected)


def where(conditions: list[str]) -> str:
    """A WHERE clause, empty without conditions."""
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def literal(value: Any) -> str:
    """A value in SQL."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    text = value if isinstance(value, str) else json.dumps(value)
    return "'" + text.replace("'", "''") + "'"


def _path(method: Method, expected: list[Expected]) -> re.Pattern[str]:
    """The path of its request, without query."""
    values = {one.name: str(one.value) for one in expected if one.place == "path"}
    prefix = re.sub(r"^([a-z]+|{[^}]*})://[^/]*|^[^/]*", "", method.server).rstrip("/")
    # server variables may be in the path as well
    template = prefix + method.path.partition("?")[0]
    pattern = ""
    for literal_part, name in re.findall(r"([^{]*)(?:{\+?([^}:*]+)[^}]*})?", template):
        pattern += re.escape(literal_part) + (re.escape(values.get(name, "\0")) if name in values else "[^/]+" if name else "")
    return re.compile(pattern)
