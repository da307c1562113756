"""The service on loopback: answers the methods of the sampled statements and remembers every request."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from answers import Answer
from documents import Method
from statements import Statement, _path


@dataclass
class Request:
    """A request as it came."""

    verb: str
    host: str
    path: str
    raw: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    text: str
    statement: int | None = None
    page: int = 0

    @property
    def body(self) -> Any:
        """Its body: JSON, or the fields of a form."""
        try:
            return json.loads(self.text) if self.text else None
        except ValueError:
            return dict(parse_qsl(self.text, keep_blank_values=True)) if "=" in self.text else self.text

    def all_query(self) -> list[tuple[str, str]]:
        """Query parameters, also those of a form."""
        form = "form-urlencoded" in self.headers.get("content-type", "")
        return self.query + (parse_qsl(self.text, keep_blank_values=True) if form else [])

    def shown(self) -> str:
        """For reports."""
        return f"{self.verb} {self.host}{self.raw} {self.text[:300]}"


def fixed_query(method: Method) -> list[tuple[str, str]]:
    """The query that is part of the path's key, without what is never sent."""
    if method.operation.get("x-stackQL-graphQL"):
        return []  # it only tells operations of the document apart
    query = parse_qsl(method.path.partition("?")[2], keep_blank_values=True)
    dropped = method.translate == "drop_double_underscore_params"
    return [(name, value) for name, value in query if not (dropped and name.startswith("__")) and "{" not in value]


def matches(method: Method, path: re.Pattern[str], request: Request) -> bool:
    """True if a request is one for a method."""
    verbs = {method.http} | ({"POST"} if method.translate == "get_query_to_post_form_utf_8" else set())
    if request.verb not in verbs or not path.fullmatch(request.path):
        return False
    query = request.all_query()
    if not all((name, value) in query for name, value in fixed_query(method)):
        return False
    # operations of one path are told apart by what the body always holds, or by a header
    body = request.body
    if isinstance(body, dict) and any(body.get(key) != value for key, value in method.base.items()):
        return False
    target = next((one.default for one in method.params if one.name.lower() == "x-amz-target"), None)
    return target is None or request.headers.get("x-amz-target") in (None, target)


class Service:
    """The server; `statements` in the order in which they run."""

    def __init__(self, statements: list[Statement], others: list[Method]) -> None:
        self.statements = statements
        self.others = [(one, _path(one, [])) for one in others]
        self.log: list[Request] = []
        self.lock = threading.Lock()
        self.at = 0
        handler = self._handler()
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Ends the server."""
        self.http.shutdown()
        self.http.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def _answer(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                text = self.rfile.read(length).decode("utf-8", "replace")
                status, headers, body = service.answer(self.command, self.path, self.headers, text)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if status != 204:
                    self.send_header("content-length", str(len(body)))
                self.end_headers()
                if status != 204 and self.command != "HEAD":
                    self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _answer

        return Handler

    def answer(self, verb: str, raw: str, headers: Any, text: str) -> tuple[int, dict[str, str], bytes]:
        """The answer to a request, which is remembered."""
        parts = urlsplit(raw)
        host = headers.get("host", "")
        if verb == "POST" and "grant_type=" in text:
            token = {"access_token": "dummy", "token_type": "Bearer", "expires_in": 3600}
            return 200, {"content-type": "application/json"}, json.dumps(token).encode()
        query = parse_qsl(parts.query, keep_blank_values=True)
        lower = {name.lower(): value for name, value in headers.items()}
        request = Request(verb, host, unquote(parts.path), raw, query, lower, text)
        with self.lock:
            self.log.append(request)
            found = self._find(request)
            if found is None:
                return self._other(request)
            request.statement, self.at = found, found
        statement = self.statements[found]
        asked = statement.answer.asked(dict(request.all_query()), headers, request.body)
        request.page = asked
        if asked < 0:
            return refused("the page was never given")
        address = f"https://{host}{raw}"
        address = re.sub(r"[?&]mockpage=\d+", "", address)
        return statement.answer.page(asked, address)

    def _find(self, request: Request) -> int | None:
        order = list(range(self.at, len(self.statements))) + list(range(self.at - 1, -1, -1))
        fitting = [number for number in order if self._fits(self.statements[number], request)]
        # operations of one path differ in what they are given
        text = unquote(request.raw) + request.text + " ".join(request.headers.values())

        def found(number: int) -> int:
            return sum(str(one.value) in text for one in self.statements[number].expected if one.unique)

        return max(fitting, key=found, default=None)

    @staticmethod
    def _fits(statement: Statement, request: Request) -> bool:
        return bool(statement.method and statement.path and matches(statement.method, statement.path, request))

    def _other(self, request: Request) -> tuple[int, dict[str, str], bytes]:
        """Another operation of the service: a lookup before a write, or a method that was not meant."""
        for method, path in self.others:
            if method.http == request.verb and matches(method, path, request):
                return Answer(method, "other", {}).page(0, f"https://{request.host}{request.raw}")
        return refused("the document has no such operation")


def refused(why: str) -> tuple[int, dict[str, str], bytes]:
    """A refusal that nobody repeats."""
    return 400, {"content-type": "application/json"}, json.dumps({"message": why}).encode()
