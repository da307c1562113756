"""The real `pystackql` with our binary, called `stackql`, against the sandbox.

The package starts the executable and reads what it prints, or speaks to its server. Nothing of it is changed. The
documents are ours, with the address of the sandbox in place of the service's.

Run by `cargo xtask test`. By hand: `STRATAQL_BIN=…/strataql python e2e/python/pystackql_client.py`.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from support import environment
from support.checks import Checks
from support.sandbox import CLIENT_ID, CLIENT_SECRET, Sandbox

APPS = "databricks_account.oauth2.custom_app_integration"
PROVIDER = "databricks_account"


def documents(folder: Path, url: str) -> Path:
    """Our documents, which name the sandbox as their server."""
    source = Path(__file__).resolve().parents[2] / "providers" / PROVIDER
    target = folder / "registry" / "src" / PROVIDER
    shutil.copytree(source, target)
    for path in target.rglob("*.yaml"):
        text = path.read_text()
        path.write_text(text.replace("https://accounts.cloud.databricks.com", url))
    return folder / "registry"


def local(checks: Checks, folder: Path, registry: Path) -> None:
    """The package starts the executable."""
    from pystackql import StackQL

    # the package gives JSON to a shell without quotes, so that the documents are named by the root instead
    client = StackQL(download_dir=str(folder), app_root=str(registry))
    with checks.section("the executable"):
        checks.true("the version is read", client.version.startswith("v"), client.version)
        checks.equal("the path is ours", client.bin_path, str(folder / "stackql"))
    with checks.section("rows as dictionaries"):
        rows = client.execute(f"SELECT integration_id, name, confidential FROM {APPS} WHERE account_id = 'a1'")
        checks.equal("three rows", len(rows), 3)
        checks.equal("keys are sorted", list(rows[0]), ["confidential", "integration_id", "name"])
        checks.true("every value is a text", all(isinstance(value, str) for row in rows for value in row.values()), rows)
    with checks.section("metadata"):
        rows = client.execute(f"SHOW METHODS IN {APPS}")
        checks.equal("columns", sorted(rows[0]), ["MethodName", "RequiredParams", "SQLVerb"])
        rows = client.execute("SHOW PROVIDERS")
        checks.equal("one provider", [row["name"] for row in rows], [PROVIDER])
    with checks.section("statements"):
        said = client.executeStmt(f"INSERT INTO {APPS} (account_id, data__name) SELECT 'a1', 'of pystackql'")
        checks.true("a write is confirmed", "The operation was despatched successfully" in str(said), said)
        count = client.execute(f"SELECT count(*) AS n FROM {APPS} WHERE account_id = 'a1'")
        checks.equal("the sandbox has it", count, [{"n": "4"}])
    with checks.section("errors"):
        checks.equal("an error gives nothing", client.execute("SELECT x FROM nowhere"), [])
        said = client.execute("SELECT x FROM nowhere", suppress_errors=False)
        checks.true("unless it is asked for", "could not locate table 'nowhere'" in said[0]["error"], said)
    with checks.section("several at once"):
        texts = [f"SELECT '{number}' AS a" for number in range(3)]
        rows = asyncio.run(client.executeQueriesAsync(texts))
        checks.equal("in their order", rows, [{"a": str(number)} for number in range(3)])
    with checks.section("rows as csv"):
        csv = StackQL(download_dir=str(folder), app_root=str(registry), output="csv", header=True)
        checks.equal("with a header", csv.execute("SELECT 1 AS a, 'x' AS b"), "a,b\n1,x\n")


def served(checks: Checks, folder: Path, registry: Path) -> None:
    """The package speaks to the server."""
    from pystackql import StackQL

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(folder / "stackql"), "srv", "--approot", str(registry), "--pgsrv.port", str(port)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as server, checks.section("the server"):
        try:
            for _ in range(100):
                with socket.socket() as client:
                    if client.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            client = StackQL(server_mode=True, server_port=port)
            checks.equal("a native statement", client.execute("SELECT 'x' AS a"), [{"a": "x"}])
            rows = client.execute(f"SELECT name FROM {APPS} WHERE account_id = 'a1'")
            checks.equal("rows of the sandbox", len(rows), 4)
        finally:
            server.terminate()


def main() -> None:
    checks = Checks()
    binary = environment.binary()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment.enter(folder)
        os.environ["DATABRICKS_CLIENT_ID"] = CLIENT_ID
        os.environ["DATABRICKS_CLIENT_SECRET"] = CLIENT_SECRET
        os.environ["DATABRICKS_ACCOUNT_ID"] = "a1"
        shutil.copy(binary, folder / "stackql")
        with Sandbox(binary, folder, PROVIDER, "--rows", "3") as sandbox:
            registry = documents(folder, sandbox.url)
            local(checks, folder, registry)
            served(checks, folder, registry)
    checks.finish()


main()
