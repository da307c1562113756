"""What a service answers: bodies by schema, as they are on the wire, before any template of a document."""

from __future__ import annotations

import json
from typing import Any
from xml.sax.saxutils import escape

import paging as pages
from documents import Document, Method, json_path, plain
from paging import PAGES, Paging

ROWS = 2

# what a complete list says about itself
QUIET = ("hasmore", "more", "istruncated", "truncated", "hasnextpage", "hasnext", "incompleteresults", "partial", "ispartial",
         "timedout", "unreachable", "errors", "error", "warnings", "messages", "moreresults", "incompletesearch", "remainingitemcount")
TOTALS = ("total", "totalcount", "totalresults", "totalitems", "totalsize", "totalrecords", "count", "resultcount", "size", "totalentries")


class Maker:
    """Makes values by schema; every text and number is different."""

    def __init__(self, document: Document, tag: str, given: dict[str, Any] | None = None) -> None:
        self.document, self.tag, self.count = document, tag, 0
        # fields that name the object are as the statement gave them
        self.given = {plain(name): value for name, value in (given or {}).items()}

    def value(self, schema: Any, key: str = "", depth: int = 0) -> Any:
        """A value of a schema."""
        document = self.document
        node = document.target(schema) or {}
        kind = document.kind(node)
        if depth <= 1 and plain(key) in self.given and kind not in ("object", "array"):
            return typed(kind, self.given[plain(key)])
        if node.get("enum"):
            return next((one for one in node["enum"] if one not in (None, "")), node["enum"][0])
        self.count += 1
        if kind == "object":
            if depth > 3:
                return {}
            return {name: self.value(one, name, depth + 1) for name, one in document.properties(node).items()
                    if depth < 2 or document.kind(one) not in ("object", "array")}
        if kind == "array":
            return [] if depth > 2 else [self.value(document.items(node), key, depth + 1)]
        if kind == "integer":
            return self.count
        if kind == "number":
            return self.count + 0.5
        if kind == "boolean":
            return True
        if node.get("format") == "date-time":
            return f"2024-01-01T00:00:{self.count % 60:02}Z"
        if str(node.get("format")) in ("int64", "int32", "uint64"):
            return str(self.count)
        return f"{key or 'x'}-{self.tag}-{self.count}"


def typed(kind: str, value: Any) -> Any:
    """A value as its JSON type has it."""
    if kind in ("integer", "number") and str(value).lstrip("-").isdigit():
        return int(value)
    if kind == "boolean":
        return str(value).lower() == "true"
    return str(value) if kind == "string" and not isinstance(value, (dict, list)) else value


def _put(root: Any, path: tuple[str, ...], value: Any) -> None:
    for step in path[:-1]:
        if not isinstance(root, dict):
            return
        if not isinstance(root.get(step), dict):
            root[step] = {}
        root = root[step]
    if isinstance(root, dict):
        if value is None:
            root.pop(path[-1], None)
        else:
            root[path[-1]] = value


def _calm(body: Any, rows: list[str], depth: int = 0) -> None:
    """Takes out what would say that the list goes on or is not complete."""
    if not isinstance(body, dict):
        return
    for key in list(body):
        word = plain(key)
        if rows[:1] == [key] and len(rows) == 1:
            continue
        if word in ("success", "ok"):
            body[key] = True
        elif word in QUIET:
            body[key] = [] if isinstance(body[key], list) else False if isinstance(body[key], bool) else None
            if body[key] is None:
                del body[key]
        elif word.startswith("next") or word in pages.TOKENS or word in ("last", "lastid", "first", "firstid", "prev", "previous"):
            del body[key]
        elif word in ("totalpages", "pagecount", "numpages", "lastpage"):
            body[key] = 1
        elif word in TOTALS or (word.startswith("total") and isinstance(body[key], (int, float))):
            body[key] = ROWS
        elif word in ("pages", "pagecount", "numpages", "page", "pagenumber", "currentpage") and isinstance(body[key], (int, float)):
            body[key] = 1
        elif isinstance(body[key], dict) and depth < 3:
            _calm(body[key], rows[1:] if rows[:1] == [key] else [], depth + 1)


class Answer:
    """What one method answers to one statement."""

    def __init__(self, method: Method, tag: str, given: dict[str, Any]) -> None:
        self.method, self.tag, self.given = method, tag, given
        self.media, self.schema = method.answer()
        self.rows_path = method.rows_path(self.schema) if self.schema is not None else None
        self.paging = Paging()
        if self.schema is not None and method.is_rows_of_xml:
            # the schema is that of the rows; what is around them is the protocol's
            is_list = method.name.startswith(("list", "describe"))
            self.rows_path = json_path(str(method.response.get("objectKey"))) if is_list else None
            self.paging = pages.in_xml(method) if is_list and method.verb == "select" else Paging()
        elif self.rows_path is not None and method.verb == "select":
            self.paging = pages.of(method, self.schema, self.rows_path)
        self.rows: list[Any] = []
        self.is_xml_rows = method.is_rows_of_xml
        for page in range(PAGES if self.paging.style != "none" else 1):
            self.rows += [self._row(page, one) for one in range(ROWS)] if self.rows_path is not None else []

    @property
    def is_list(self) -> bool:
        """True if there are several rows."""
        return self.rows_path is not None

    def _row(self, page: int, number: int) -> Any:
        document = self.method.document
        items = document.items(document.at(self.schema, self.rows_path or []))
        maker = Maker(document, f"{self.tag}p{page}r{number}", self.given)
        maker.count = (page * ROWS + number) * 500
        return maker.value(items, "row", 0)

    def page(self, number: int, url: str) -> tuple[int, dict[str, str], bytes]:
        """The answer for a page, counted from 0; `url` is the address that was asked for."""
        status = self.method.status()
        if self.schema is None or status == 204:
            return (status if self.schema is None else 204), {}, b""
        if not ("json" in self.media or "xml" in self.media):
            return status, {"content-type": self.media}, b"plain text of a file"
        if self.is_xml_rows:
            return status, {"content-type": self.media or "text/xml"}, self._rows_of_xml(number).encode()
        body = Maker(self.method.document, self.tag, self.given).value(self.schema)
        headers = {"content-type": self.media}
        if self.rows_path is not None:
            _calm(body, self.rows_path)
            rows = self.rows[number * ROWS : (number + 1) * ROWS] if self.paging.style != "none" else self.rows
            if self.rows_path:
                _put(body, tuple(self.rows_path), rows)
            else:
                body = rows
            self._go_on(body, headers, number, url)
        elif isinstance(body, dict):
            _calm(body, [])
            self.rows = [body]
        if "xml" in self.media:
            return status, headers, xml(self.method, self.schema, body).encode()
        return status, headers, json.dumps(body).encode()

    def _rows_of_xml(self, number: int) -> str:
        """The rows in the envelope of the protocol."""
        document, key = self.method.document, json_path(str(self.method.response.get("objectKey")))
        row = document.items(document.at(self.schema, key))
        if self.rows_path is None:
            # one object, in an element of its own name
            self.rows = self.rows or [Maker(document, self.tag, self.given).value(row, "row", 0)]
            return xml(self.method, {"properties": {"Result": row}}, {"Item": self.rows[0]})
        paging, is_last = self.paging, number + 1 >= PAGES
        rows = self.rows[number * ROWS : (number + 1) * ROWS] if paging.style != "none" else self.rows
        body: dict[str, Any] = {"Items": rows}
        if paging.style == "token":
            if paging.more:
                body[paging.more[0]] = not is_last
            if not is_last:
                body[paging.found[0]] = f"token{number + 1}{self.tag}"
        return xml(self.method, {"properties": {"Items": {"type": "array", "items": row}}}, body)

    def _go_on(self, body: Any, headers: dict[str, str], number: int, url: str) -> None:
        paging, is_last = self.paging, number + 1 >= PAGES
        address = f"{url}{'&' if '?' in url else '?'}mockpage={number + 1}"
        if paging.style == "header" and not is_last:
            headers["link"] = f'<{address}>; rel="next"'
        elif paging.style == "address":
            _put(body, paging.found, None if is_last else address)
        elif paging.style == "token":
            token = (number + 1) * 1000 + 7 if paging.numeric else f"token{number + 1}{self.tag}"
            _put(body, paging.found, token if not is_last or (paging.more and plain(paging.found[-1]) == "lastid") else None)
        elif paging.style == "number" and paging.found:
            _put(body, paging.found, paging.start + number)
        if paging.total:
            _put(body, paging.total, PAGES * ROWS if paging.counts_rows else PAGES)
        if paging.more:
            _put(body, paging.more, not is_last)

    def asked(self, query: dict[str, str], headers: Any, body: Any) -> int:
        """The page that a request asks for."""
        if "mockpage" in query:
            return int(query["mockpage"])
        paging = self.paging
        if not paging.name:
            return 0
        value = {"query": query, "header": headers}.get(paging.place, body if isinstance(body, dict) else {}).get(paging.name)
        if value is None and paging.place == "body":
            value = query.get(paging.name)
        if value in (None, ""):
            return 0
        text = str(value)
        if paging.style == "token":
            if paging.numeric:
                return int(text) // 1000 if text.isdigit() else -1
            return int(text[5]) if text.startswith("token") and text.endswith(self.tag) else -1
        if not text.lstrip("-").isdigit():
            return -1
        reached = int(text) - paging.start
        return reached if paging.style == "number" else reached // ROWS if reached % ROWS == 0 else -1


def xml(method: Method, schema: Any, body: Any) -> str:
    """A body as XML, in the style of the service's protocol."""
    document, operation = method.document, method.operation
    action = str(operation.get("operationId") or method.name).split("_", 1)[-1]
    item = "member" if method.protocol == "query" else "item"

    def fields(schema: Any, value: dict[str, Any]) -> str:
        known = document.properties(schema)
        text = ""
        for key, one in value.items():
            node = known.get(key) or {}
            name = ((document.target(node) or {}).get("xml") or node.get("xml") or {}).get("name") or key
            text += element(name, node, one)
        return text

    def element(name: str, schema: Any, value: Any) -> str:
        if isinstance(value, list):
            items = document.items(schema)
            node = document.target(schema) or {}
            inner = ((items.get("xml") if isinstance(items, dict) else None) or (document.target(items) or {}).get("xml") or {}).get("name")
            if method.protocol == "rest-xml" and not (node.get("xml") or {}).get("wrapped"):
                return "".join(element(name, items, one) for one in value)
            inner = inner or item
            return f"<{name}>" + "".join(element(inner, items, one) for one in value) + f"</{name}>"
        if isinstance(value, dict):
            return f"<{name}>{fields(schema, value)}</{name}>"
        if isinstance(value, bool):
            value = "true" if value else "false"
        return f"<{name}>{escape('' if value is None else str(value))}</{name}>"

    inner = fields(schema, body) if isinstance(body, dict) else element("item", schema, body)
    if method.protocol == "query":
        inner = f"<{action}Result>{inner}</{action}Result><ResponseMetadata><RequestId>r1</RequestId></ResponseMetadata>"
    root = f"{action}Response" if method.protocol in ("query", "ec2") else f"{action}Result"
    return f'<?xml version="1.0" encoding="UTF-8"?><{root} xmlns="https://service.example.com/doc/">{inner}</{root}>'
