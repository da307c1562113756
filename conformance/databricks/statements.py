"""The statement that makes the same call, written as a user would from the reference page."""

from __future__ import annotations

import json
import re
from typing import Any

from client import ACCOUNT, Call
from documents import Method

DEPLOYMENT = "dbc-1"
_PLAIN = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
_RESERVED = set(
    "all and any as between by case cast check column create cross current default delete desc distinct drop else end "
    "except exists false fetch filter for from full grant group having in inner insert intersect interval into is join "
    "left like limit not null offset on or order outer partition primary references returning right select set some "
    "table then to true union unique update user using values when where window with".split()
)


def name(text: str) -> str:
    """A name as a statement writes it."""
    if _PLAIN.match(text) and text.lower() not in _RESERVED:
        return text
    return '"' + text.replace('"', '""') + '"'


def literal(value: Any) -> str:
    """A value as a statement writes it: JSON as text."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return "'" + json.dumps(value).replace("'", "''") + "'"


def _columns(call: Call, method: Method) -> dict[str, Any]:
    """Arguments as columns. A message is its fields; in the query its fields have the message's name in front."""
    found: dict[str, Any] = {}
    for key, value in call.arguments.items():
        if key == method.mask:
            continue
        if key in call.messages and key not in method.fields and key not in method.places:
            parts = {f"{key}_{field}".replace(".", "_"): inner for field, inner in _flat(value).items()}
            found |= parts if parts.keys() & _spelt(method.places) else value
        else:
            found[key] = value
    free = [place for place, where in method.places.items() if where == "path" and place not in found and place != "account_id"]
    if "name" in found and "name" not in {*method.places, *method.fields} and len(free) == 1:
        # a resource name is called after its resource where `name` is a column
        found[free[0]] = found.pop("name")
    return found


def _spelt(places: dict[str, str]) -> set[str]:
    return {place.replace(".", "_") for place in places} | set(places)


def _flat(value: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, inner in value.items():
        if isinstance(inner, dict):
            found.update(_flat(inner, f"{prefix}{key}."))
        else:
            found[f"{prefix}{key}"] = inner
    return found


def _conditions(pairs: dict[str, Any]) -> str:
    if not pairs:
        return ""
    return " WHERE " + " AND ".join(f"{name(key)} = {literal(value)}" for key, value in pairs.items())


def statement(call: Call, method: Method) -> str:
    """The statement of a call."""
    columns = _columns(call, method)
    server: dict[str, Any] = {}
    if call.provider == "databricks_workspace":
        server["deployment_name"] = DEPLOYMENT
    if "account_id" in method.places and "account_id" not in columns:
        server["account_id"] = ACCOUNT
    resource = ".".join(name(part) for part in method.resource.split("."))
    if method.verb == "select":
        return f"SELECT * FROM {resource}{_conditions({**server, **columns})}"
    if method.verb == "insert":
        every = {**server, **columns}
        names = ", ".join(name(key) for key in every)
        values = ", ".join(literal(value) for value in every.values())
        return f"INSERT INTO {resource} ({names}) VALUES ({values})"
    if method.verb == "delete":
        return f"DELETE FROM {resource}{_conditions({**server, **columns})}"
    if method.verb in ("update", "replace"):
        places = _spelt(method.places)
        where = {key: value for key, value in columns.items() if key in places}
        if not any(place == "path" for key, place in method.places.items() if key != "account_id"):
            # the object is named in the body
            naming = [key for key in columns if key in call.required and key not in where]
            where |= {key: columns[key] for key in naming[:1] if not isinstance(columns[key], (dict, list, bool))}
        changed = {key: value for key, value in columns.items() if key not in where}
        if changed:
            settings = ", ".join(f"{name(key)} = {literal(value)}" for key, value in changed.items())
            return f"{method.verb.upper()} {resource} SET {settings}{_conditions({**server, **where})}"
    arguments = ", ".join(f"@{name(key)} = {literal(value)}" for key, value in {**server, **columns}.items())
    return f"EXEC {resource}.{name(method.name)} {arguments}".rstrip()
