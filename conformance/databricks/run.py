"""The same call, by the real `databricks-sdk` and by a statement: the same request.

Every method of the SDK is called with arguments made from its types, and its request is recorded before it
leaves. The statement of the same call runs against a server that answers `{}`. Verb, decoded path, query
pairs and JSON body must be the same. What differs is listed, one line a method.

    STRATAQL_BIN=…/strataql python run.py [--all] [--service NAME] [--registry FOLDER] [--verbose]

Without `--all`, the account and two services of the workspace run.
"""

from __future__ import annotations

import argparse
import collections
import json
import logging
import os
import re
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from client import Call, Request, calls  # noqa: E402
from documents import Method, methods  # noqa: E402
from statements import statement  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
PROVIDERS = ("databricks_account", "databricks_workspace")
SAMPLE = ("jobs", "workspace")
SECONDS = 900
MARK = "SELECT count(*) FROM databricks_account.oauth2.published_app_integration WHERE account_id = 'mark-{}'"
EXPECTED = {"databricks_account": 0.995, "databricks_workspace": 0.99}


class Server:
    """Answers `{}` to everything, and keeps what it was asked."""

    def __init__(self) -> None:
        requests: list[Request] = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _any(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length) if length else None
                media = self.headers.get("Content-Type", "")
                requests.append(Request.of(self.command, self.path, body, media))
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _any  # noqa: N815

            def log_message(self, *_: Any) -> None:
                pass

        self.requests = requests
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


def run(statements: list[str], url: str, registry: str | None, home: Path) -> list[dict]:
    """The events of all statements, in one process."""
    auth = {provider: {"type": "null_auth"} for provider in PROVIDERS}
    command = [os.environ["STRATAQL_BIN"], "exec", "--keep-going", "-o", "events", "--auth", json.dumps(auth)]
    for provider in PROVIDERS:
        command += ["--endpoint", f"{provider}={url}"]
    if registry:
        command += ["--registry", registry]
    ended = subprocess.run(
        command,
        input=";\n".join(statements) + ";\n",
        env={"HOME": str(home), "PATH": os.environ.get("PATH", "")},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if not ended.stdout:
        sys.exit(f"the command printed nothing: {ended.stderr}")
    return [json.loads(line) for line in ended.stdout.splitlines()]


def matched(found: list[tuple[Call, Method]], args: argparse.Namespace) -> dict[str, list[str]]:
    """Runs the statements; differences by provider."""
    server = Server()
    made = [statement(call, method) for call, method in found]
    # a read between two statements separates their requests
    marked = [sql for number, one in enumerate(made, 1) for sql in (one, MARK.format(number))]
    with tempfile.TemporaryDirectory() as folder:
        events = run(marked, server.url, args.registry, Path(folder))
    errors = {one["statement"]: one for one in events if one["event"] == "error"}
    differences: dict[str, list[str]] = collections.defaultdict(list)
    requests = separated(server.requests)
    for number, ((call, method), sql) in enumerate(zip(found, made), 1):
        sent = requests.get(number, [])
        if call.request in sent and len(sent) == 1:
            continue
        label = f"{call.service}.{call.operation} ({method.verb})"
        error = errors.get(2 * number - 1)
        if not sent and error:
            reason = f"refused: {error['code']}: {error['message']}"
        elif len(sent) != 1:
            reason = f"{len(sent)} requests: {sent}"
        else:
            reason = difference(call.request, sent[0])
        differences[call.provider].append(f"{label}: {reason}")
        if args.verbose:
            differences[call.provider].append(f"    {sql}")
    if len(requests) != len(made):
        differences["all"].append(f"{len(made) - len(requests)} statements did not run")
    return differences


def separated(sent: list[Request]) -> dict[int, list[Request]]:
    """The requests of each statement, which its mark ends."""
    found: dict[int, list[Request]] = {}
    own: list[Request] = []
    for request in sent:
        mark = re.fullmatch(r"/api/2\.0/accounts/mark-(\d+)/oauth2/published-app-integrations", request.path)
        if mark:
            found[int(mark[1])] = own
            own = []
        else:
            own.append(request)
    return found


def difference(wanted: Request, got: Request) -> str:
    """The parts in which two requests differ."""
    parts = [
        f"{part}: {getattr(got, part)!r} for {getattr(wanted, part)!r}"
        for part in Request._fields
        if getattr(wanted, part) != getattr(got, part)
    ]
    return "; ".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="every service")
    parser.add_argument("--service", help="one service only")
    parser.add_argument("--registry", help="documents to use, a folder; those of the binary without it")
    parser.add_argument("--documents", type=Path, default=ROOT / "providers", help="the same documents, to read")
    parser.add_argument("--verbose", action="store_true", help="show statements")
    args = parser.parse_args()
    logging.disable(logging.CRITICAL)
    report: list[str] = []
    known: dict[tuple[str, str, str], Method] = {}
    for provider in PROVIDERS:
        for (service, operation), method in methods(args.documents / provider).items():
            known[(provider, service, operation)] = method
    found: list[tuple[Call, Method]] = []
    total: collections.Counter[str] = collections.Counter()
    for call in calls(report):
        keys = [(one, call.service, call.operation) for one in (call.provider, *PROVIDERS)]
        key = next((key for key in keys if key in known), None)
        provider = key[0] if key else call.provider
        if args.service:
            chosen = call.service == args.service
        else:
            chosen = args.all or provider == "databricks_account" or call.service in SAMPLE
        if not chosen:
            continue
        total[provider] += 1
        if key is None:
            report.append(f"{call.service}.{call.operation}: no document has it ({call.request.verb} {call.request.path})")
        else:
            found.append((call._replace(provider=provider), known[key]))
    differences = matched(found, args)
    failed = bool(differences.get("all"))
    for provider, number in sorted(total.items()):
        lines = [line for line in differences.get(provider, []) if not line.startswith("    ")]
        share = 1 - len(lines) / number
        met = share >= EXPECTED[provider]
        failed |= not met
        print(f"{provider}: {number - len(lines)} of {number} methods send the same request ({share:.2%})")
    for lines in differences.values():
        for line in lines:
            print(f"  {line}")
    for line in report:
        print(f"  not compared: {line}")
    print(f"{sum(total.values()) - sum(map(len, differences.values()))} passed, {1 if failed else 0} failed")
    sys.exit(1 if failed or not total else 0)


if __name__ == "__main__":
    main()
