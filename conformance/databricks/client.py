"""What the real SDK sends: every method of its clients, called with arguments made from their types."""

from __future__ import annotations

import dataclasses
import enum
import functools
import importlib
import inspect
import json
import pkgutil
import re
import typing
from datetime import timedelta
from typing import Any, Iterator, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

import requests
from databricks.sdk import service
from databricks.sdk.core import ApiClient, Config

DEPTH = 3
"""Levels of messages whose optional fields are set."""
DEEPEST = 8
"""Levels of messages at all."""
ACCOUNT = "acc-1"


class Sent(BaseException):
    """Ends a call at its first request. No `Exception`: the SDK would send it again."""

    def __init__(self, request: "Request") -> None:
        super().__init__(request)
        self.request = request


class Request(NamedTuple):
    """A request as both sides are compared: decoded, without the order of pairs."""

    verb: str
    path: str
    query: tuple[tuple[str, str], ...]
    body: Any

    @staticmethod
    def of(verb: str, target: str, body: bytes | str | None, media: str = "") -> "Request":
        parts = urlsplit(target)
        pairs = tuple(sorted(map(_pair, parse_qsl(parts.query, keep_blank_values=True))))
        if isinstance(body, bytes) and not media.startswith("multipart"):
            body = body.decode("utf-8", "replace")
        tree: Any = None
        if body:
            try:
                tree = json.loads(body)
            except (ValueError, TypeError):
                tree = body if isinstance(body, str) else "bytes"
        # an empty object and no body mean the same to every service
        return Request(verb.upper(), unquote(parts.path), pairs, tree or None)


def _pair(pair: tuple[str, str]) -> tuple[str, str]:
    """A pair of the query. Booleans below a message are spelt as Python spells them; services take either."""
    name, value = pair
    return name, value.lower() if value in ("True", "False") else value


class Call(NamedTuple):
    """A method of the SDK, and what it was called with."""

    provider: str
    service: str
    operation: str
    arguments: dict[str, Any]
    required: set[str]
    messages: set[str]
    """Arguments that are messages, whose fields are columns of their own."""
    request: Request


class Maker:
    """Values from types; each is unlike any other of the same call."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.number = 0

    def next(self) -> int:
        self.number += 1
        return self.number

    def value(self, kind: Any, name: str, depth: int = 0) -> Any:
        origin = typing.get_origin(kind)
        if origin is typing.Union:
            inner = [one for one in typing.get_args(kind) if one is not type(None)]
            return self.value(inner[0], name, depth)
        if origin in (list, typing.Iterator):
            return [self.value(typing.get_args(kind)[0], name, depth)]
        if origin is dict:
            return {f"k{self.next()}": self.value(typing.get_args(kind)[1], name, depth)}
        if kind is str:
            return f"{name}-{self.next()}"
        if kind is bool:
            return True
        if kind is int:
            return 7000 + self.next()
        if kind is float:
            return 0.5 + self.next()
        if kind is timedelta:
            return timedelta(seconds=60)
        if inspect.isclass(kind) and issubclass(kind, enum.Enum):
            return next(iter(kind))
        if kind.__name__ == "FieldMask":
            return kind(field_mask=[])
        if kind.__name__ == "Timestamp":
            made = kind()
            made.FromJsonString("2024-02-02T14:54:38Z")
            return made
        if kind.__name__ == "Duration":
            made = kind()
            made.FromJsonString("30s")
            return made
        if dataclasses.is_dataclass(kind):
            return self.message(kind, depth) if depth <= DEEPEST else None
        if kind in (Any, any, dict, object):
            return {f"k{self.next()}": "v"}
        raise TypeError(f"no value of type {kind}")

    def message(self, kind: type, depth: int) -> Any:
        hints = _hints(kind, kind.__module__)
        values = {}
        for field in dataclasses.fields(kind):
            is_required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
            if (is_required and depth < DEEPEST) or (depth < DEPTH - 1 and len(values) < 4):
                values[field.name] = self.value(hints[field.name], field.name, depth + 1)
            elif is_required:
                values[field.name] = None
        return kind(**values)


@functools.cache
def _modules() -> dict[str, Any]:
    found = {}
    for info in pkgutil.iter_modules(service.__path__):
        found[info.name] = importlib.import_module(f"databricks.sdk.service.{info.name}")
    return found


def _hints(owner: Any, module: str) -> dict[str, Any]:
    """Annotations as types. Those of neighbouring modules are absent at run time, so they are given."""
    own = vars(importlib.import_module(module))
    known = {**own, **{name: found for name, found in _modules().items() if own.get(name) is None}}
    # a field may be called like a module: the names go before those of the class
    return typing.get_type_hints(owner, known, known)


def wire(value: Any) -> Any:
    """A value as the SDK writes it into JSON."""
    if dataclasses.is_dataclass(value):
        return value.as_dict()
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, list):
        return [wire(one) for one in value]
    if isinstance(value, dict):
        return {key: wire(one) for key, one in value.items()}
    if hasattr(value, "ToJsonString"):
        return value.ToJsonString()
    return value


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _intercept() -> None:
    def request(_session: Any, method: str, url: str, **more: Any) -> Any:
        kept = {key: more.get(key) for key in ("params", "json", "data", "files")}
        made = requests.Request(method, url, **kept).prepare()
        if "/.well-known/" in url:
            absent = requests.Response()
            absent.status_code = 404
            absent._content = b"{}"  # noqa: SLF001
            absent.request = made
            return absent
        raise Sent(Request.of(method, made.url, made.body, made.headers.get("Content-Type", "")))

    requests.Session.request = request  # type: ignore[method-assign]


def _classes(module: Any) -> Iterator[type]:
    for name, one in vars(module).items():
        # where there is a second version, the clients have that one
        is_old = f"{name.removesuffix('API')}V2API" in vars(module)
        if inspect.isclass(one) and one.__module__ == module.__name__ and name.endswith("API") and not is_old:
            yield one


def _of_account(source: str) -> bool:
    return "account_id}" in source


def calls(report: list[str]) -> Iterator[Call]:
    """Each method with an HTTP request of its own. What could not be called goes into `report`."""
    _intercept()
    configuration = Config(host="http://127.0.0.1:1", token="t", account_id=ACCOUNT)
    for info in pkgutil.iter_modules(service.__path__):
        if info.name.startswith("_"):
            continue
        module = importlib.import_module(f"databricks.sdk.service.{info.name}")
        for one in _classes(module):
            more = list(inspect.signature(one.__init__).parameters)[2:]
            if more:
                # the address of the data plane is in no document
                continue
            api = one(ApiClient(configuration))
            for name, method in inspect.getmembers(one, inspect.isfunction):
                source = inspect.getsource(method)
                if name.startswith("_") or "._api.do(" not in source:
                    continue
                label = f"{info.name}.{one.__name__}.{name}"
                made = _call(info.name, one, api, name, method, source, module, label, report)
                if made is not None:
                    yield made


def _unambiguous(values: dict[str, Any], source: str) -> None:
    """A message does not say again what an argument says, and the mask names what the message sets."""
    messages = [value for value in values.values() if dataclasses.is_dataclass(value)]
    if "body = {}" not in source:
        for message in messages:
            for field in dataclasses.fields(message):
                if field.name in {*values, "account_id"}:
                    setattr(message, field.name, None)
    if "start_index" in values:
        # the SDK counts by itself
        values["start_index"] = 1
    set_fields = ",".join(message.as_dict()) if len(messages) == 1 and (message := messages[0]) else ""
    for key, value in values.items():
        if type(value).__name__ == "FieldMask":
            value.FromJsonString(set_fields)
        elif key in ("update_mask", "field_mask") and isinstance(value, str) and "body[" not in source:
            values[key] = set_fields


def _call(
    service_name: str,
    one: type,
    api: Any,
    name: str,
    method: Any,
    source: str,
    module: Any,
    label: str,
    report: list[str],
) -> Call | None:
    maker = Maker(module)
    required = set()
    try:
        hints = _hints(method, module.__name__)
        values: dict[str, Any] = {}
        for key, parameter in inspect.signature(method).parameters.items():
            if key == "self":
                continue
            if parameter.default is inspect.Parameter.empty:
                required.add(key)
            values[key] = maker.value(hints[key], key)
        _unambiguous(values, source)
    except Exception as error:  # noqa: BLE001
        report.append(f"{label}: no arguments: {error}")
        return None
    try:
        result = getattr(api, name)(**values)
        if inspect.isgenerator(result):
            next(result, None)
        report.append(f"{label}: sent nothing")
        return None
    except Sent as sent:
        request = sent.request
    except Exception as error:  # noqa: BLE001
        report.append(f"{label}: {type(error).__name__}: {error}")
        return None
    own = "databricks_account" if _of_account(source) or one.__name__.startswith("Account") else "databricks_workspace"
    messages = {key for key, value in values.items() if dataclasses.is_dataclass(value)}
    arguments = {key: wire(value) for key, value in values.items()}
    operation = f"{_snake(one.__name__.removesuffix('API'))}_{name}"
    return Call(own, service_name, operation, arguments, required, messages, request)
