"""No secret comes out again, in whatever form a service echoes it.

Each name that suggests a secret gets a canary of its own, in every place where a value can go: query, header,
path, body, JSON within text, conditions of a SELECT. The service echoes what it gets, encoded in the ways in which
services encode, under error statuses and under success. Then no canary may stand in any output: errors in both formats, notes,
the log, the HTTP log, EXPLAIN, `sys.changes`, `sys.requests`, and the files that a run leaves behind.

That the service did get each canary is a check, too: a canary that is never sent proves nothing.

Run by `cargo xtask test`. By hand: `STRATAQL_BIN=…/strataql python e2e/python/canaries.py`.
"""

from __future__ import annotations

import base64
import html
import json
import subprocess
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlsplit

from support import environment
from support.checks import Checks

NAMES = [
    "password", "passwd", "passphrase", "passcode", "pass", "pwd", "db_pwd", "user_password", "adminPassword",
    "secret", "client_secret", "clientSecret", "pin_secret", "token", "access_token", "authToken", "refresh_token",
    "page_access_token", "api_key", "apiKey", "accessKey", "secret_access_key", "key", "jwt", "otp", "sas",
    "sasToken", "sig", "bearer", "credential", "credentials", "connection_string", "connectionString", "private_key",
    "privateData", "private_pem", "webhook_secret", "sharedSecret",
]
HEADERS = ["X-Api-Key", "X-Auth-Token", "X-Vault-Token", "X-Client-Secret", "X-Db-Password", "X-Sig"]
STATUSES = [400, 403, 409, 422, 500, 200]
SECONDS = 120
STRING = {"type": "string"}


def encodings(secret: str) -> dict[str, str]:
    """The forms in which a service may echo a text."""
    raw = secret.encode()
    escaped = "".join(f"\\u{ord(c):04x}" for c in secret)
    percent = "".join(f"%{byte:02x}" for byte in raw)
    forms = {
        "as it is": secret,
        "JSON": json.dumps(secret)[1:-1],
        "JSON, all escaped": escaped,
        "JSON, upper case": escaped.upper().replace("\\U", "\\u"),
        "percent": quote(secret, safe=""),
        "percent, all": percent,
        "percent, upper case": percent.upper(),
        "percent, twice": quote(percent, safe=""),
        "form": quote(secret, safe="").replace("%20", "+"),
        "hex": raw.hex(),
        "hex, upper case": raw.hex().upper(),
        "HTML": html.escape(secret),
    }
    for before in range(3):
        text = b"u:x"[:before] + raw
        forms[f"base64 after {before}"] = base64.b64encode(text).decode()
        forms[f"base64 for URLs after {before}"] = base64.urlsafe_b64encode(text).decode().rstrip("=")
        forms[f"base64 after {before} and before more"] = base64.b64encode(text + b":more").decode()
    return forms


def traces(secret: str) -> list[str]:
    """What must not be found: long parts of every form, in lower case."""
    found = []
    for name, text in encodings(secret).items():
        # the first and last characters of base64 depend on what is around
        found.append((text[4:-6] if name.startswith("base64") else text).lower())
    return found


def plain(body: str) -> list[str]:
    """JSON without needless escapes, and the JSON within its texts."""
    try:
        tree = json.loads(body)
    except ValueError:
        return []
    found = [json.dumps(tree, ensure_ascii=False)]
    for value in tree.values() if isinstance(tree, dict) else []:
        if isinstance(value, str) and value.startswith("{"):
            found += plain(value)
    return found


class Service:
    """Echoes every value that it gets, in one encoding after the other."""

    def __init__(self, canaries: dict[str, str]) -> None:
        self.heard: set[str] = set()
        self.turn = 0
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def answer(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                body = self.rfile.read(length).decode("utf8", "replace")
                url = urlsplit(self.path)
                heard = [value for _, value in parse_qsl(url.query)] + [url.path, body]
                heard += [str(value) for value in self.headers.values()]
                heard += plain(body)
                text = "\n".join(heard)
                got = [one for one in canaries.values()
                       if one in text or json.dumps(one, ensure_ascii=False)[1:-1] in text
                       or quote(one, safe="") in text]
                service.heard.update(got)
                service.turn += 1
                status = STATUSES[service.turn % len(STATUSES)]
                echoes = [f"{form}" for one in got for form in encodings(one).values()]
                message = "cannot take " + " ".join(echoes)
                answer = {"error": {"code": "bad " + " ".join(echoes[:3]), "message": message}, "message": message}
                if status == 200:
                    answer = {"id": "i", "note": "done"}
                out = json.dumps(answer).encode()
                if service.turn % 5 == 0:
                    out, kind = message.encode(), "text/plain"
                elif service.turn % 7 == 0:
                    out, kind = f"<html><title>{message}</title></html>".encode(), "text/html"
                else:
                    kind = "application/json"
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(out)))
                self.send_header("x-echo", quote("".join(got), safe=""))
                self.end_headers()
                self.wfile.write(out)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"


def document() -> dict:
    """A provider `vault` whose methods take a secret in every place."""
    fields = {name: STRING for name in NAMES} | {"id": STRING, "settings": {"type": "object"}, "blob": STRING}
    thing = {"type": "object", "properties": {"id": STRING, "note": STRING}}
    path = [{"name": "token", "in": "path", "required": True, "schema": STRING}]
    places = {
        "things": ("post", "/things", [], {"type": "object", "properties": fields}, "insert"),
        "queries": ("post", "/queries", [{"name": name, "in": "query", "schema": STRING} for name in NAMES], None, "insert"),
        "headers": ("post", "/headers", [{"name": name, "in": "header", "schema": STRING} for name in HEADERS], None, "insert"),
        "paths": ("post", "/paths/{token}/x", path, None, "insert"),
        "updates": ("patch", "/updates/{id}", [{**path[0], "name": "id"}], {"type": "object", "properties": fields}, "update"),
        "reads": ("get", "/reads", [{"name": name, "in": "query", "schema": STRING} for name in NAMES], None, "select"),
    }
    paths, resources = {}, {}
    for name, (verb, where, parameters, body, statement) in places.items():
        answer = {"description": "ok", "content": {"application/json": {"schema": thing}}}
        operation = {"operationId": name, "parameters": parameters, "responses": {"200": answer}}
        if body:
            operation["requestBody"] = {"content": {"application/json": {"schema": body}}}
        paths[where] = {verb: operation}
        method = {
            "operation": {"$ref": f"#/paths/{where.replace('/', '~1')}/{verb}"},
            "response": {"mediaType": "application/json", "openAPIDocKey": "200"},
        }
        if body:
            method["request"] = {"mediaType": "application/json"}
        link = {"$ref": f"#/components/x-stackQL-resources/{name}/methods/run"}
        resources[name] = {"id": f"vault.svc.{name}", "name": name, "title": name, "methods": {"run": method},
                           "sqlVerbs": {statement: [link]}}
    return {"openapi": "3.0.3", "info": {"title": "svc", "version": "1"}, "servers": [{"url": "https://vault.example.com"}],
            "paths": paths, "components": {"schemas": {}, "x-stackQL-resources": resources}}


def registry(folder: Path) -> str:
    """Writes the document as a registry."""
    version = "v00.00.00000"
    base = folder / "registry" / "src" / "vault" / version
    (base / "services").mkdir(parents=True)
    service = {"id": f"svc:{version}", "name": "svc", "preferred": True, "title": "svc", "version": version,
               "description": "svc", "service": {"$ref": f"vault/{version}/services/svc.yaml"}}
    provider = {"id": "vault", "name": "vault", "version": version, "title": "vault", "description": "vault",
                "providerServices": {"svc": service}, "config": {"auth": {"type": "null_auth"}}}
    (base / "provider.yaml").write_text(json.dumps(provider), encoding="utf-8")
    (base / "services" / "svc.yaml").write_text(json.dumps(document()), encoding="utf-8")
    return f"file:{folder / 'registry'}"


def text(value: str) -> str:
    """A literal of SQL."""
    return "'" + value.replace("'", "''") + "'"


def statements() -> tuple[dict[str, str], list[str]]:
    """Canaries by what they are about, and the statements that hold them."""
    canaries: dict[str, str] = {}
    script: list[str] = []

    def canary(about: str, odd: bool = False) -> str:
        number = len(canaries)
        value = f'Zq{number}é "w/{number}\\k&<xY>%{number}' if odd else f"Zq{number}canary{number * 7919 % 1000}xW"
        canaries[about] = value
        return value

    for name in NAMES:
        for odd in (False, True):
            kind = "odd" if odd else "plain"
            script.append(f'INSERT INTO vault.svc.things (id, "{name}") VALUES (\'x\', {text(canary(f"body {name} {kind}", odd))})')
            script.append(f'INSERT INTO vault.svc.queries ("{name}") VALUES ({text(canary(f"query {name} {kind}", odd))})')
            script.append(f'SELECT id FROM vault.svc.reads WHERE "{name}" = {text(canary(f"read {name} {kind}", odd))}')
        script.append(f'UPDATE vault.svc.updates SET "{name}" = {text(canary(f"update {name}"))} WHERE id = \'u\'')
        nested = json.dumps({"a": [{name: canary(f"nested {name}", True)}]}, ensure_ascii=False)
        script.append(f"INSERT INTO vault.svc.things (id, settings) VALUES ('x', {text(nested)})")
        blob = json.dumps({name: [canary(f"blob {name}", True)]}, ensure_ascii=False)
        script.append(f"INSERT INTO vault.svc.things (id, blob) VALUES ('x', {text(blob)})")
    for name in HEADERS:
        script.append(f'INSERT INTO vault.svc.headers ("{name}") VALUES ({text(canary(f"header {name}"))})')
    script.append(f"INSERT INTO vault.svc.paths (token) VALUES ({text(canary('path'))})")
    script.append(f"EXEC vault.svc.things.run @@json = {text(json.dumps({'password': canary('exec', True)}, ensure_ascii=False))}")
    for inner in ("value", "hash"):
        held = json.dumps({"password": {inner: canary(f"object {inner}", True), "kind": "plain"}}, ensure_ascii=False)
        script.append(f"INSERT INTO vault.svc.things (id, settings) VALUES ('x', {text(held)})")
    script.append(f"INSERT INTO vault.svc.things (id, password) SELECT 'x', upper({text(canary('computed'))})")
    script.append(f"INSERT INTO vault.svc.things (id, password) SELECT 'x', {text(canary('half one'))} || {text(canary('half two'))}")
    return canaries, script


def files(folder: Path) -> dict[str, str]:
    """The files below a folder."""
    found = [path for path in folder.rglob("*") if path.is_file() and "registry" not in path.parts]
    return {str(path.relative_to(folder)): path.read_text(encoding="utf-8", errors="replace") for path in found}


def main() -> None:
    checks = Checks()
    canaries, script = statements()
    service = Service(canaries)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        home = folder / "home"
        home.mkdir()
        own = environment.clean(home) | {"STRATAQL_HOME": str(home / "data"), "XDG_CACHE_HOME": str(home / "cache"),
                                         "XDG_CONFIG_HOME": str(home / "config")}
        source = folder / "script.sql"
        common = [environment.binary(), "exec", "--registry", registry(folder), "--endpoint", f"vault={service.url}",
                  "--auth", json.dumps({"vault": {"type": "null_auth"}})]
        outputs: dict[str, str] = {}

        def run(about: str, parts: list[str], *flags: str) -> None:
            source.write_text(";\n".join(parts) + ";\n", encoding="utf-8")
            done = subprocess.run([*common, *flags, "-i", str(source)], env=own, cwd=home, capture_output=True,
                                  timeout=SECONDS, check=False)
            outputs[f"{about}, output"] = done.stdout.decode("utf8", "replace")
            outputs[f"{about}, errors"] = done.stderr.decode("utf8", "replace")

        run("dry run", script, "--dry-run", "--keep-going")
        asked = ["SELECT * FROM sys.requests", "SELECT * FROM sys.last_query_issues"]
        run("text", [*script, *asked], "--keep-going", "--http-log=http.log")
        run("JSON", [*script, *asked], "--keep-going", "--error-format", "json", "--log", "trace", "-o", "jsonl", "--timing")
        run("changes", ["SELECT * FROM sys.changes"], "-o", "json")
        outputs |= files(home)
        with checks.section("secrets"):
            for about, canary in canaries.items():
                sent = canary.upper() if about == "computed" else canary
                wanted = "half" not in about
                checks.true(f"{about}: the service heard it", not wanted or sent in service.heard or about == "computed")
            checks.true("there are outputs", len("".join(outputs.values())) > 10_000)
            checks.true("the record has rows", outputs["changes, output"].count("request_digest") > 100)
        with checks.section("outputs"):
            # the script itself is the user's own
            lower = {place: found.lower() for place, found in outputs.items()}
            leaks = []
            for about, canary in canaries.items():
                for place, found in lower.items():
                    hit = next((trace for trace in traces(canary) if trace in found), None)
                    if hit is not None:
                        at = found.index(hit)
                        leaks.append(f"{about} in {place}: …{found[max(0, at - 60):at + 60]}…")
            for leak in leaks[:40]:
                print(leak)
            checks.equal(f"places where one of {len(canaries)} canaries stands", len(leaks), 0)
    checks.finish()


if __name__ == "__main__":
    main()
