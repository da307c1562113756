"""The Python package: a wheel, installed into a fresh environment, gives a frame in three lines.

The wheel holds the executable under test and the package's own files; `pip install` is the real one.

Run by `cargo xtask test`. By hand: `STRATAQL_BIN=…/strataql python e2e/python/package.py`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from support import environment, wheel
from support.checks import Checks

THREE_LINES = """\
import strataql
frame = strataql.query("SELECT name, integration_id FROM databricks_account.oauth2.custom_app_integration WHERE account_id = 'a1'", sandbox="rows=4").pandas()
print(type(frame).__module__.split(".")[0], *frame.shape, *frame.columns)
"""

REST = '''
import asyncio, os, signal, strataql, time
APPS = "databricks_account.oauth2.custom_app_integration"
client = strataql.Client(sandbox="rows=4", variables={"name": "it's"})

def held(name, condition, detail=""):
    assert condition, f"{name}: {detail}"
    print("held", name)

table = client.query("SELECT value AS n, 'x' AS t FROM generate_series(1, 3)").arrow()
held("arrow", table.column("n").to_pylist() == [1, 2, 3], table)
rows = client.query("SELECT $1 AS a, $2 AS b", ["x", 2]).rows()
held("positions", rows == [{"a": "x", "b": "2"}] or rows == [{"a": "x", "b": 2}], rows)
rows = client.query("SELECT :who AS a", {"who": "o'b"}).rows()
held("names", rows == [{"a": "o'b"}], rows)
rows = client.query("SELECT '{{ name }}' AS a").rows()
held("variables", rows == [{"a": "it's"}], rows)

for sql, code in ((f"SELECT * FROM {APPS}", "missing-param"), ("SELEC 1", "syntax"), ("SELECT nam", "unknown-column")):
    for run in (client.query, client.execute, lambda sql: list(client.stream(sql)), lambda sql: list(client.stream_rows(sql))):
        try:
            run(sql)
        except strataql.Error as error:
            held(f"{code} raises", error.code == code and error.exit_code == 2 and error.sqlstate, error)
            held("with help", bool(error.help) and error.help[0] in str(error), error)
        else:
            raise AssertionError(sql)

done = client.execute(f"INSERT INTO {APPS} (account_id, name) VALUES ('a1', 'x') RETURNING account_id; SELECT 1 AS one")
held("execute", [one.affected for one in done] == [1, None] and done[0].rows == [{"account_id": "a1"}] and done[1].rows == [{"one": 1}], done)
try:
    client.execute("INSERT INTO t VALUES (1)")
except strataql.Error as error:
    held("execute raises", error.code != "", error)
try:
    strataql.execute(f"DELETE FROM {APPS} WHERE account_id = 'a1' AND integration_id = 'x'", sandbox=True, read_only=True)
    raise AssertionError("read_only")
except strataql.Error as error:
    held("read_only", error.code == "read-only", error)

series = "SELECT value AS n FROM generate_series(1, 300000)"
batches = list(client.stream(series))
held("batches", sum(batch.num_rows for batch in batches) == 300000 and len(batches) > 1, len(batches))
began = time.monotonic()
for row in client.stream_rows("SELECT value AS n FROM generate_series(1, 1000000000)"):
    break
held("leaving cancels", time.monotonic() - began < 20)

async def together():
    one, two = await asyncio.gather(
        strataql.aio.query("SELECT 1 AS a"), strataql.aio.execute("SELECT 2 AS b"))
    seen = [row async for row in strataql.aio.stream_rows("SELECT value AS n FROM generate_series(1, 3)")]
    try:
        await strataql.aio.query("SELECT nam")
    except strataql.Error as error:
        return one.rows(), two[0].rows, seen, error.code

found = asyncio.run(together())
held("asyncio", found == ([{"a": 1}], [{"b": 2}], [{"n": 1}, {"n": 2}, {"n": 3}], "unknown-column"), found)

from strataql._magic import load, parameters
held("parameters", parameters("SELECT :a, ':b', x::c -- :d", {"a": 1, "b": 2, "c": 3, "d": 4}) == {"a": 1})
class Shell:
    user_ns = {}
    def register_magic_function(self, run, kind, name):
        self.run = run
shell = Shell()
load(shell)
shell.run("--sandbox --name apps", f"SELECT name FROM {APPS} WHERE account_id = 'a1'")
held("the magic keeps a frame", list(shell.user_ns["apps"].columns) == ["name"])
held("and shows one", shell.run("SELECT 1 AS one").shape == (1, 1))
'''


def main() -> None:
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        surroundings = environment.clean(home)

        def run(*command: object, env: dict[str, str] = surroundings) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [str(part) for part in command], env=env, capture_output=True, text=True, check=False
            )

        with checks.section("pip install"):
            made = wheel.build(Path(environment.binary()), home)
            print(f"the wheel of this build has {made.stat().st_size / 1e6:.0f} MB")
            fresh = home / "fresh"
            created = run(sys.executable, "-m", "venv", fresh)
            checks.equal("a fresh environment", created.returncode, 0)
            python = fresh / ("Scripts" if sys.platform == "win32" else "bin") / "python"
            pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            # the index may need a proxy
            installed = run(*pip, f"strataql[pandas] @ {made.as_uri()}", env=dict(os.environ))
            checks.true("pip takes it", installed.returncode == 0, installed.stderr)
            ran = run(fresh / "bin" / "strataql", "--version")
            checks.true("the executable is there", wheel.version() in ran.stdout, ran)
            ran = run(python, "-c", THREE_LINES)
            checks.equal("three lines give a frame", ran.stdout.strip() or ran.stderr, "pandas 4 2 name integration_id")
            ran = run(python, "-c", REST)
            for line in ran.stdout.splitlines():
                if line.startswith("held "):
                    checks.true(line.removeprefix("held "), True)
            checks.true("the rest", ran.returncode == 0, ran.stdout[-500:] + ran.stderr)
    checks.finish()


if __name__ == "__main__":
    main()
