"""Real clients of the PostgreSQL protocol: psql, psycopg 3 and psycopg2.

They talk to `strataql srv --sandbox`: rows and types in text and binary, parameters, server-side cursors,
COPY, transactions, errors with their SQLSTATE, cancelling, and 50 clients with 200 statements each, none
of which may see another's row.

Run by `cargo xtask test`. By hand: `STRATAQL_BIN=…/strataql python e2e/python/postgres_clients.py`.
"""

from __future__ import annotations

import datetime
import decimal
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import psycopg
import psycopg2
import psycopg2.extras

from support import environment
from support.checks import Checks

RESOURCE = "databricks_account.oauth2.published_app_integration"
CLIENTS = 50
STATEMENTS = 200
ROWS = 7


class Server:
    """A server of the binary under test, on a port that is free."""

    def __init__(self, home: Path) -> None:
        self.process = subprocess.Popen(
            [environment.binary(), "srv", "--port", "0", f"--sandbox=rows={ROWS},page-size=3"],
            env=environment.clean(home),
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        self.host, port = line.removeprefix("postgresql://").split("/")[0].rsplit(":", 1)
        self.port = int(port)

    def conninfo(self) -> str:
        return f"host={self.host} port={self.port} user=me dbname=strataql"

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=10)


def psql(server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A run of psql without its start-up file."""
    return subprocess.run(
        ["psql", "-X", "-d", server.conninfo(), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def check_psql(checks: Checks, server: Server) -> None:
    if shutil.which("psql") is None:
        print("psql is not installed; its part is left out")
        return
    ended = psql(server, "-At", "-c", f"SELECT count(*) FROM {RESOURCE} WHERE account_id = 'a1'")
    checks.equal("psql reads a resource", (ended.stdout.strip(), ended.returncode), (str(ROWS), 0))
    ended = psql(server, "-c", "SELECT 1; SELECT 'two' AS b; SELECT x FROM nowhere")
    checks.true("several statements, up to an error", "two" in ended.stdout, ended.stdout)
    checks.true("the error names the relation", "nowhere" in ended.stderr, ended.stderr)
    ended = psql(server, "-c", f"\\copy (SELECT name FROM {RESOURCE} WHERE account_id = 'a1') to stdout csv header")
    checks.equal("\\copy has a header and the rows", len(ended.stdout.splitlines()), ROWS + 1)
    ended = psql(server, "-At", "-c", "PREPARE p AS SELECT $1 || 'x'", "-c", "EXECUTE p('a')")
    checks.equal("a prepared statement", ended.stdout.split(), ["PREPARE", "ax"])


def check_psycopg(checks: Checks, server: Server) -> None:
    with psycopg.connect(server.conninfo(), autocommit=True) as connection:
        statement = (
            "SELECT CAST(7 AS BIGINT) AS a, 1.5::double precision AS b, true AS c, 'ü' AS d, NULL AS e, "
            "CAST('12.340' AS DECIMAL(10,3)) AS f, DATE '2024-02-29' AS g, "
            "TIMESTAMP '2024-02-29 01:02:03.5' AS h, ARRAY[1, 2] AS i"
        )
        wanted = (
            7, 1.5, True, "ü", None, decimal.Decimal("12.340"), datetime.date(2024, 2, 29),
            datetime.datetime(2024, 2, 29, 1, 2, 3, 500000), [1, 2],
        )
        for binary in (False, True):
            row = connection.cursor(binary=binary).execute(statement).fetchone()
            checks.equal(f"types, binary={binary}", row, wanted)
        cursor = connection.execute("SELECT %s::bigint + 1, %s, %b", (41, "it's", b"x"))
        row = cursor.fetchone()
        checks.equal("parameters", (row[0], row[1]), (42, "it's"))
        cursor = connection.execute(
            f"SELECT name FROM {RESOURCE} WHERE account_id = %s LIMIT %s", ("a1", 2), prepare=True
        )
        checks.equal("parameters of a resource", len(cursor.fetchall()), 2)
        error = checks.raises("a wrong column", psycopg.Error, lambda: connection.execute("SELECT nothing_here"))
        checks.equal("its SQLSTATE", error.sqlstate, "42703")
    with psycopg.connect(server.conninfo()) as connection:
        with connection.cursor(name="c") as cursor:
            cursor.itersize = 100
            cursor.execute("SELECT value FROM generate_series(1, 1000)")
            checks.equal("a server-side cursor", sum(row[0] for row in cursor), 500500)
        with connection.cursor() as cursor, cursor.copy("COPY (SELECT 1, 'a') TO STDOUT") as copy:
            checks.equal("COPY", b"".join(copy), b"1\ta\n")
        checks.raises("a failure in a transaction", psycopg.Error, lambda: connection.execute("SELECT nothing_here"))
        checks.raises(
            "what follows it", psycopg.errors.InFailedSqlTransaction, lambda: connection.execute("SELECT 1")
        )
        connection.rollback()
        checks.equal("after ROLLBACK", connection.execute("SELECT 1").fetchone(), (1,))


def check_cancel(checks: Checks, server: Server) -> None:
    with psycopg.connect(server.conninfo(), autocommit=True) as connection:
        timer = threading.Timer(0.5, connection.cancel_safe)
        timer.start()
        started = time.monotonic()
        statement = "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b WHERE a.value * b.value % 7 = 3"
        checks.raises("a statement is cancelled", psycopg.errors.QueryCanceled, lambda: connection.execute(statement))
        timer.join()
        checks.true("at once", time.monotonic() - started < 10)
        checks.equal("the session goes on", connection.execute("SELECT 1").fetchone(), (1,))


def check_psycopg2(checks: Checks, server: Server) -> None:
    connection = psycopg2.connect(server.conninfo())
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT %s + 1, %s", (1, "a"))
        checks.equal("psycopg2 reads", cursor.fetchone(), (2, "a"))
    with connection, connection.cursor(name="named") as cursor:
        cursor.execute("SELECT value FROM generate_series(1, 5000)")
        checks.equal("psycopg2 has a named cursor", len(cursor.fetchall()), 5000)
    connection.close()


def check_many(checks: Checks, server: Server) -> None:
    wrong: list[str] = []

    def work(number: int) -> None:
        try:
            with psycopg.connect(server.conninfo(), autocommit=True) as connection:
                for step in range(STATEMENTS):
                    wanted = number * 1000 + step
                    got = connection.execute("SELECT %s::bigint", (wanted,)).fetchone()
                    if got != (wanted,):
                        wrong.append(f"{got} for {wanted}")
        except Exception as error:  # noqa: BLE001
            wrong.append(repr(error))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    checks.equal(f"{CLIENTS} clients with {STATEMENTS} statements each", wrong, [])


def main() -> None:
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        try:
            for part in (check_psql, check_psycopg, check_psycopg2, check_cancel, check_many):
                with checks.section(part.__name__):
                    part(checks, server)
        finally:
            ended = server.stop()
        with checks.section("the end"):
            checks.equal("Ctrl-C ends the server in order", ended, 0)
    checks.finish()


if __name__ == "__main__":
    main()
