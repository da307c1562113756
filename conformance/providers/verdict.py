"""What became of a statement: works, or the first thing that is wrong with its request, answer or rows."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import unquote

from answers import ROWS
from documents import plain
from paging import PAGES
from server import Request
from statements import Expected, Statement


def judge(statement: Statement, events: list[dict[str, Any]], requests: list[Request]) -> str:
    """Empty if the statement works, else the reason in a few words."""
    error = next((one for one in events if one["event"] == "error"), None)
    if statement.verb == "view":
        return f"error {error['code']}: {shape(error['message'])}" if error else ""
    own = [one for one in requests if one.statement is not None]
    if error:
        strange = [one for one in requests if one.statement is None]
        what = "unknown request, " if strange and not own else ""
        return f"{what}error {error['code']}: {shape(error['message'])}"
    if not own:
        strange = next(iter(requests), None)
        return f"no such request: {shape(strange.shown())}" if strange else "no request"
    request = own[-1] if statement.verb in ("insert", "update", "delete") else own[0]
    if statement.host and request.host.lower() != statement.host.lower():
        return f"host {shape(request.host)} instead of {shape(statement.host)}"
    for wanted in statement.expected:
        wrong = misplaced(wanted, request)
        if wrong:
            return wrong
    for one in statement.method.params:
        if one.place == "header" and one.default is not None and one.name.lower() not in ("content-type", "accept") \
                and bool(one.required) and one.name.lower() not in request.headers:
            return f"header {one.name} is missing"
    if statement.verb == "list":
        return judge_list(statement, events, own)
    if statement.verb == "get":
        rows = [one["row"] for one in events if one["event"] == "row"]
        if len(rows) != 1:
            return f"{len(rows)} rows instead of 1"
        return decoded(statement, rows)
    return ""


def misplaced(wanted: Expected, request: Request) -> str:
    """Why a value is not where it belongs."""
    text = str(wanted.value).lower() if isinstance(wanted.value, bool) else str(wanted.value)
    if wanted.place == "path":
        found = text in request.path
    elif wanted.place == "query":
        values = [value for name, value in request.all_query() if name == wanted.name or name.startswith(wanted.name)]
        found = text in values or any(same(wanted.value, value) for value in values) or (
            isinstance(wanted.value, (list, dict)) and any(leaf(wanted.value) in value for value in values))
    elif wanted.place == "text":
        found = text in request.text
    elif wanted.place == "header":
        found = request.headers.get(wanted.name.lower()) == text
    else:
        found = in_body(wanted, request)
    if not found:
        return f"{wanted.place} value is missing or wrong"
    if wanted.unique and not isinstance(wanted.value, (list, dict)):
        headers = " ".join(value for name, value in request.headers.items() if name not in ("host", "authorization"))
        times = sum(unquote(part).count(text) for part in (request.raw, request.text, headers))
        if times > 1:
            return f"{wanted.place} value is sent {times} times"
    return ""


def leaf(value: Any) -> str:
    """Some scalar in a nested value."""
    while isinstance(value, (list, dict)):
        value = next(iter(value.values() if isinstance(value, dict) else value), "")
    return str(value)


def same(value: Any, text: str) -> bool:
    """True if a text is the value as JSON."""
    try:
        return json.loads(text) == value
    except ValueError:
        return False


def in_body(wanted: Expected, request: Request) -> bool:
    """True if a field of the body has the value, with its type."""
    body = request.body
    if isinstance(body, dict) and "form-urlencoded" not in request.headers.get("content-type", "") \
            and request.text.lstrip().startswith("{"):
        for step in wanted.path:
            if isinstance(body, str):
                try:
                    body = json.loads(body)
                except ValueError:
                    return False
            body = body.get(step) if isinstance(body, dict) else None
        return body == wanted.value or (isinstance(body, str) and same(wanted.value, body))
    return leaf(wanted.value) in unquote(request.text)


def judge_list(statement: Statement, events: list[dict[str, Any]], own: list[Request]) -> str:
    """Whether all pages were read, once each, and their rows came."""
    rows = [one["row"] for one in events if one["event"] == "row"]
    answer = statement.answer
    style = answer.paging.style
    pages = sorted(one.page for one in own)
    wanted = list(range(PAGES)) if style != "none" else [0]
    if len(rows) != len(wanted) * ROWS:
        return f"{len(rows)} rows of {len(wanted) * ROWS}, pages {pages} ({style})"
    if pages != wanted and not (style in ("number", "offset", "token") and pages == [*wanted, len(wanted)]):
        return f"pages {pages} ({style})"
    return decoded(statement, rows)


def decoded(statement: Statement, rows: list[dict[str, Any]]) -> str:
    """Whether the fields of the answer are in their columns."""
    answer = statement.answer
    sent = answer.rows
    path = statement.method.response.get("objectKey")
    if not answer.is_list and sent and path and not statement.method.transformed:
        for step in re.findall(r"[^.$\[\]']+", str(path)):
            sent = [sent[0].get(step)] if isinstance(sent[0], dict) else sent
    for row, item in zip(rows, sent):
        if not isinstance(item, dict):
            continue
        columns = {plain(name): value for name, value in row.items()}
        for name, value in item.items():
            word = plain(name)
            if word not in columns or isinstance(value, (dict, list)):
                continue
            got = columns[word]
            if got != value and str(got) != str(value) and str(got).lower() != str(value).lower():
                return f"column has {type(got).__name__} for {type(value).__name__}" if got is None or type(got) is not type(value) \
                    else "column has another value"
    return ""


def shape(text: str) -> str:
    """A message without names, so that equal causes are counted together."""
    text = re.sub(r"`[^`]*`", "`…`", text.split("\n")[0])
    text = re.sub(r"u[bcdfghjkmnpqrstvwxz]{4}\d+", "…", text)
    return re.sub(r"\d+", "N", text)[:140]
