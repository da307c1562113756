"""The StackQL profile: results, messages and exit codes of the command line, byte for byte.

The cases are in `e2e/stackql/cases`, one file per category. A case has a title, arguments, a statement, and what
comes out. The service behind them is made here. `UPDATE_EXPECT=1` writes what comes out now.
"""

import concurrent.futures
import http.server
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent / "stackql"
BINARY = os.environ["STRATAQL_BIN"]
UPDATE = os.environ.get("UPDATE_EXPECT") == "1"
ONLY = sys.argv[1] if len(sys.argv) > 1 else ""

THINGS = [
    {"name": "t1", "size": 10, "price": 1.5, "flag": True, "tags": ["b", "a"], "meta": {"b": 1, "a": "<x>"},
     "strnum": "42"},
    {"name": "t2", "size": 20, "price": 3.0, "flag": False, "tags": [], "meta": {}, "note": "two, \"quoted\"",
     "strnum": "7"},
    {"name": "T3", "size": 30, "price": 2, "flag": True, "note": "a longer note that has to be wrapped somewhere",
     "strnum": "100"},
]
OWNERS = [
    {"id": "o1", "name": "owners/ada", "email": "ada@example.com"},
    {"id": "o2", "name": "owners/bob", "email": None},
]
KEYS = {"o1": [{"key_id": "k1", "kind": "rsa", "path": "a/b/c"}, {"key_id": "k2", "kind": "ec", "path": "d"}],
        "ada": [{"key_id": "k9", "kind": "rsa", "path": ""}]}


class Service(http.server.BaseHTTPRequestHandler):
    """Answers as the cases need it."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """Says nothing."""

    def send(self, status, body=None, kind="application/json"):
        text = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def read(self):
        length = int(self.headers.get("Content-Length") or 0)
        text = self.rfile.read(length)
        return json.loads(text) if text else None

    def parts(self):
        url = urllib.parse.urlsplit(self.path)
        parts = [urllib.parse.unquote(part) for part in url.path.strip("/").split("/")]
        return parts, dict(urllib.parse.parse_qsl(url.query))

    def do_GET(self):
        parts, query = self.parts()
        match parts:
            case ["projects", "none", "things"]:
                self.send(200, {"items": []})
            case ["projects", "gone", *_]:
                self.send(404, {"error": {"code": 404, "message": "no such project"}})
            case ["projects", project, "things"]:
                above = int(query.get("size_above", 0))
                self.send(200, {"items": [dict(thing, note=thing.get("note")) for thing in THINGS
                                          if thing["size"] > above and (project != "p2" or thing["name"] != "t1")]})
            case ["projects", _, "things", name]:
                found = [thing for thing in THINGS if thing["name"] == name]
                self.send(200, found[0]) if found else self.send(404, {"error": "no such thing"})
            case ["owners"]:
                self.send(200, {"items": OWNERS})
            case ["owners", "o2", "keys"]:
                self.send(403, {"error": "not yours"})
            case ["owners", owner, "keys"]:
                self.send(200, {"items": KEYS.get(owner, [])})
            case ["pages"]:
                number = int(query.get("pageToken", 0))
                body = {"items": [{"n": number}]}
                if number < 24:
                    body["nextPageToken"] = str(number + 1)
                self.send(200, body)
            case ["status", "nil"]:
                self.send(500)
            case ["status", code]:
                self.send(int(code), {"error": {"status": int(code)}})
            case ["shape", "nokey"]:
                self.send(200, {"other": [1]})
            case ["shape", "html"]:
                self.send(200, b"<html>hello</html>", "text/html")
            case ["shape", "nothing"]:
                self.send(204)
            case ["shape", "null"]:
                self.send(200, {"items": None})
            case ["shape", "large"]:
                self.send(200, b'{"items": [{"n": 9223372036854775807}, {"n": 9007199254740993}]}')
            case ["shape", "odd"]:
                self.send(200, {"items": [{"n": "5"}, {"n": 7}]})
            case [zone, "odds"]:
                self.send(200, {"items": [{"id": 1, "Upper": "U", "lower": zone}]})
            case _:
                self.send(404, {"error": "nothing here"})

    def do_POST(self):
        parts, _ = self.parts()
        body = self.read()
        match parts:
            case ["projects", "full", "things"]:
                self.send(500, {"error": {"message": "no room"}})
            case ["projects", _, "things"] if body.get("name") == "taken":
                self.send(409, {"error": "taken"})
            case ["projects", _, "things"]:
                self.send(200, dict(body, size=body.get("size", 1)))
            case ["projects", _, "things", "t1", "sell"]:
                self.send(200, {"sold": True, "price": 9.5})
            case [_, "odds"]:
                self.send(200, body)
            case _:
                self.send(404, {"error": "nothing to sell"})

    def do_PATCH(self):
        parts, _ = self.parts()
        body = self.read() or {}
        if parts[-1] in ("t1", "t2"):
            self.send(200, dict(THINGS[0], name=parts[-1], **body))
        else:
            self.send(404, {"error": "no such thing"})

    do_PUT = do_PATCH

    def do_DELETE(self):
        parts, _ = self.parts()
        if parts[-1] in ("t1", "t2"):
            self.send(204)
        else:
            self.send(404, {"b": "no such thing", "a": 1})


class Case:
    """A case and what is expected of it."""

    def __init__(self, category, title):
        self.category, self.title = category, title
        self.arguments, self.sql = "", []
        self.expected = {}

    def text(self):
        lines = [f"=== {self.title}", f"$ {self.arguments}".rstrip(), *self.sql]
        for part in ("stdout", "stderr", "exit"):
            lines.append(f"--- {part}")
            value = self.expected.get(part, "")
            if value:
                lines.extend(value.split("\n")[:-1] if value.endswith("\n") else [*value.split("\n"), "\\"])
        return "\n".join(lines) + "\n"


def read(path):
    """The cases of a file."""
    cases, part = [], None
    for line in path.read_text().splitlines():
        if line.startswith("=== "):
            cases.append(Case(path.stem, line[4:]))
            part = "sql"
        elif line.startswith("$") and part == "sql" and not cases[-1].sql:
            cases[-1].arguments = line[2:]
        elif line.startswith("--- ") and line[4:] in ("stdout", "stderr", "exit"):
            part = line[4:]
            cases[-1].expected[part] = ""
        elif part == "sql":
            cases[-1].sql.append(line)
        elif line == "\\":
            cases[-1].expected[part] = cases[-1].expected[part][:-1]
        elif line or part != "exit":
            cases[-1].expected[part] += line + "\n"
    return cases


def run(case, folder, port):
    """What a case gives now."""
    home = pathlib.Path(tempfile.mkdtemp(dir=folder))
    for path in (ROOT / "files").glob("*"):
        shutil.copy(path, home)
    documents = folder / "documents"
    registry = json.dumps({"url": f"file://{documents}", "localDocRoot": str(documents),
                           "verifyConfig": {"nopVerify": True}})
    arguments = shlex.split(case.arguments.replace("@DOCUMENTS", str(documents)))
    sql = "\n".join(case.sql)
    command = [str(folder / "stackql")]
    if "--registry" not in case.arguments:
        command += ["--registry", registry]
    command += arguments
    stdin = None
    if sql and arguments[:1] == ["shell"]:
        stdin = sql + "\n"
    elif sql and "stdin" in arguments:
        stdin = sql
    elif sql:
        command.append(sql)
    variables = {"HOME": str(home), "XDG_CACHE_HOME": str(folder / "cache"), "MOCK_TOKEN": "token-of-the-mock",
                 "NO_COLOR": "1"}
    done = subprocess.run(command, capture_output=True, env=variables, cwd=home, timeout=60, check=False,
                          input=stdin.encode() if stdin is not None else b"")
    clean = lambda text: text.decode().replace(str(port), "PORT").replace(str(folder), "FOLDER")
    seen = {"stdout": clean(done.stdout), "stderr": clean(done.stderr), "exit": f"{done.returncode}\n"}
    for path in sorted(home.glob("out*")):
        seen["stdout"] += f"[{path.name}]\n{path.read_text()}"
    if "token-of-the-mock" in seen["stdout"] + seen["stderr"]:
        seen["stderr"] += "A SECRET IS SHOWN\n"
    return seen


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = server.server_address[1]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        os.symlink(pathlib.Path(BINARY).resolve(), folder / "stackql")
        shutil.copytree(ROOT / "documents", folder / "documents")
        for path in (folder / "documents").rglob("*.yaml"):
            path.write_text(path.read_text().replace("__PORT__", str(port)))
        files = [path for path in sorted((ROOT / "cases").glob("*.txt")) if ONLY in path.stem]
        cases = {path: read(path) for path in files}
        every = [case for path in files for case in cases[path]]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            seen = list(pool.map(lambda case: run(case, folder, port), every))
        wrong = 0
        for case, now in zip(every, seen):
            if now != case.expected:
                wrong += 1
                if not UPDATE:
                    print(f"{case.category}: {case.title}\n  expected {case.expected}\n  is now   {now}")
                case.expected = now
        if UPDATE:
            for path in files:
                path.write_text("\n".join(case.text() for case in cases[path]))
        for path in files:
            print(f"{path.stem:<14} {len(cases[path]):>4}")
        print(f"{'all':<14} {len(every):>4}, {wrong} {'written' if UPDATE else 'wrong'}")
        if wrong and not UPDATE or not every:
            sys.exit(1)


main()
