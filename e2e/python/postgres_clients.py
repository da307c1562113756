"""Real clients of the PostgreSQL protocol: psql, psycopg 3 and psycopg2.

They talk to `strataql srv --sandbox`: rows and types in text and binary, parameters, server-side cursors,
COPY, transactions, errors with their fields, notices, cancelling, and 50 clients at a time, none of which
may see another's row.

Run by `cargo xtask test`. By hand: `STRATAQL_BIN=…/strataql python e2e/python/postgres_clients.py`.
"""

from __future__ import annotations

import datetime
import decimal
import os
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import psycopg
import psycopg2
import psycopg2.extras

from support.checks import Checks
from support.pg import Server

RESOURCE = "databricks_account.oauth2.published_app_integration"
CLIENTS = 50
# all of them take minutes with a binary that is not optimised
STATEMENTS = 200 if os.environ.get("STRATAQL_FULL") else 6
ROWS = 7
ENDLESS = "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b WHERE a.value * b.value % 7 = 3"


def check_psql(checks: Checks, server: Server) -> None:
    ended = server.psql("-At", "-c", f"SELECT count(*) FROM {RESOURCE} WHERE account_id = 'a1'")
    checks.equal("psql reads a resource", (ended.stdout.strip(), ended.returncode), (str(ROWS), 0))
    ended = server.psql("-c", "SELECT 1; SELECT 'two' AS b; SELECT x FROM nowhere")
    checks.true("several statements, up to an error", "two" in ended.stdout, ended.stdout)
    checks.true("the error names the relation", "nowhere" in ended.stderr, ended.stderr)
    checks.true("and its place", "LINE 1: " in ended.stderr and "^" in ended.stderr, ended.stderr)
    ended = server.psql("-c", f"\\copy (SELECT name FROM {RESOURCE} WHERE account_id = 'a1') to stdout csv header")
    checks.equal("\\copy has a header and the rows", len(ended.stdout.splitlines()), ROWS + 1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        ended = server.psql("-c", f"\\copy (SELECT 1 AS a, 'x,\"y' AS b, NULL AS c) to '{path}' csv header")
        checks.equal("\\copy into a file", path.read_text(), 'a,b,c\n1,"x,""y",\n')
    ended = server.psql("-At", "-c", "PREPARE p AS SELECT $1 || 'x'", "-c", "EXECUTE p('a')", "-c", "DEALLOCATE p")
    checks.equal("a prepared statement", ended.stdout.split(), ["PREPARE", "ax", "DEALLOCATE"])
    ended = server.psql("-At", text="BEGIN;\nSELECT nothing_here;\nSELECT 1;\nROLLBACK;\nSELECT 2;\n")
    checks.true("a failed transaction", ended.stdout.split() == ["BEGIN", "ROLLBACK", "2"], ended)
    checks.true("says so", "transaction has failed" in ended.stderr, ended.stderr)
    ended = server.psql("-At", text="SELECT 1 AS a, 'two' AS b \\gx\nSELECT $1 + 1 \\bind 41 \\g\n" if psql_version() >= 16 else "SELECT 1 AS a, 'two' AS b \\gx\n")
    checks.true("\\gx", "a|1" in ended.stdout, ended)
    ended = server.psql("-At", text="SELECT 1 AS one, 'x' AS two \\gset\n\\echo :one :two\n\\conninfo\n")
    checks.true("\\gset", "1 x" in ended.stdout and "me" in ended.stdout, ended)
    ended = server.psql("-At", "-v", "FETCH_COUNT=100", "-c", "SELECT value FROM generate_series(1, 1000)")
    checks.equal("rows by FETCH", len(ended.stdout.split()), 1000)


def psql_version() -> int:
    said = subprocess.run(["psql", "--version"], capture_output=True, text=True, check=True).stdout
    return int(said.split()[2].split(".")[0])


def check_psql_waits(checks: Checks, server: Server) -> None:
    """\\watch, and Ctrl-C in psql."""
    command = ["psql", "-X", "-At", "-d", server.conninfo()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watching:
        assert watching.stdin is not None and watching.stdout is not None
        watching.stdin.write("SELECT 'tick' \\watch 0.5\n")
        watching.stdin.flush()
        seen = 0
        while seen < 3:
            line = watching.stdout.readline()
            checks.true("\\watch goes on", line != "") if not line else None
            seen += line.strip() == "tick"
        # while it waits: a statement that is cancelled ends a script
        time.sleep(0.2)
        watching.send_signal(signal.SIGINT)
        watching.stdin.write("SELECT 'after' AS watch;\n")
        watching.stdin.close()
        rest = watching.stdout.read()
        checks.true("\\watch repeats until Ctrl-C", "after" in rest, rest)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdin is not None and running.stdout is not None and running.stderr is not None
        running.stdin.write(f"SELECT 'ready';\n{ENDLESS};\n")
        running.stdin.flush()
        checks.equal("psql runs", running.stdout.readline().strip(), "ready")
        time.sleep(0.5)
        began = time.monotonic()
        running.send_signal(signal.SIGINT)
        said = running.stderr.readline()
        while said.strip() in ("", "Cancel request sent"):
            said = running.stderr.readline()
        checks.true("Ctrl-C in psql cancels", "cancelled" in said, said)
        checks.true("at once", time.monotonic() - began < 10)
        # it stops the script as well
        running.stdin.close()
        running.stdout.read()


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
        check_parameters(checks, connection)
        cursor = connection.execute(
            f"SELECT name FROM {RESOURCE} WHERE account_id = %s LIMIT %s", ("a1", 2), prepare=True
        )
        checks.equal("parameters of a resource", len(cursor.fetchall()), 2)
        for _ in range(8):  # prepared after some
            row = connection.execute("SELECT %s::bigint * 2", (21,)).fetchone()
        checks.equal("a statement that is prepared on the way", row, (42,))
        cursor = connection.cursor()
        cursor.executemany("SELECT %s::bigint + 1", [(1,), (2,), (3,)], returning=True)
        got = [cursor.fetchone()]
        while cursor.nextset():
            got.append(cursor.fetchone())
        checks.equal("executemany", got, [(2,), (3,), (4,)])
        with connection.pipeline():
            first, second = connection.execute("SELECT 1"), connection.execute("SELECT 2")
            checks.equal("a pipeline", (first.fetchone(), second.fetchone()), ((1,), (2,)))
        check_errors(checks, connection)
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


def check_parameters(checks: Checks, connection: psycopg.Connection) -> None:
    values = [
        ("bigint", 2**53 + 1), ("integer", -7), ("smallint", 3), ("double precision", 0.1), ("text", "it's \\ ü"),
        ("boolean", False), ("date", datetime.date(1999, 12, 31)), ("bytea", b"\x00\xff"),
        ("timestamp", datetime.datetime(2024, 1, 2, 3, 4, 5, 678900)),
        ("decimal(20,4)", decimal.Decimal("-12345678901234.5678")),
    ]
    for kind, value in values:
        for placeholder in ("%s", "%b"):
            for given in (value, None):
                got = connection.execute(f"SELECT {placeholder}::{kind}", (given,)).fetchone()
                checks.true(f"a parameter of {kind}", got == (given,), (placeholder, got, given))
    got = connection.execute("SELECT %s + 1, %s || 'x', %s", (41, "it's", [1, 2])).fetchone()
    checks.equal("parameters without a cast", got, (42, "it'sx", [1, 2]))


def check_errors(checks: Checks, connection: psycopg.Connection) -> None:
    error = checks.raises("a wrong column", psycopg.Error, lambda: connection.execute("SELECT nothing_here"))
    checks.equal("its SQLSTATE", error.sqlstate, "42703")
    checks.equal("its position", error.diag.statement_position, "8")
    checks.true("its severity", error.diag.severity == "ERROR" and bool(error.diag.message_primary))
    error = checks.raises(
        "a parameter that is missing", psycopg.Error, lambda: connection.execute(f"SELECT * FROM {RESOURCE}")
    )
    checks.true("names it and helps", "account_id" in f"{error} {error.diag.message_hint}" and bool(error.diag.message_hint), error)
    checks.raises("no syntax", psycopg.errors.SyntaxError, lambda: connection.execute("SELEC 1"))
    checks.raises("a wrong value", psycopg.Error, lambda: connection.execute("SELECT %s::bigint", ("x",)))
    checks.equal("the session goes on", connection.execute("SELECT 1").fetchone(), (1,))
    notices: list[str] = []
    connection.add_notice_handler(lambda notice: notices.append(f"{notice.severity} {notice.message_primary}"))
    connection.execute("ROLLBACK")
    checks.true("a warning", any("no transaction" in notice for notice in notices), notices)


def check_cancel(checks: Checks, server: Server) -> None:
    with psycopg.connect(server.conninfo(), autocommit=True) as connection:
        timer = threading.Timer(0.5, connection.cancel_safe)
        timer.start()
        started = time.monotonic()
        checks.raises("a statement is cancelled", psycopg.errors.QueryCanceled, lambda: connection.execute(ENDLESS))
        timer.join()
        checks.true("at once", time.monotonic() - started < 10)
        checks.equal("the session goes on", connection.execute("SELECT 1").fetchone(), (1,))
        connection.execute("SET statement_timeout = 300")
        checks.raises("its time is up", psycopg.errors.QueryCanceled, lambda: connection.execute(ENDLESS))
        connection.execute("SET statement_timeout = 0")
        checks.equal("and it goes on again", connection.execute("SELECT 1").fetchone(), (1,))


def check_psycopg2(checks: Checks, server: Server) -> None:
    connection = psycopg2.connect(server.conninfo())
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT %s + 1, %s", (1, "a"))
        checks.equal("psycopg2 reads", cursor.fetchone(), (2, "a"))
        cursor.execute(
            "SELECT %s, %s, %s, %s, %s, %s",
            (True, decimal.Decimal("1.50"), datetime.date(2024, 2, 29), None, [1, 2], "ü"),
        )
        row = cursor.fetchone()
        checks.true("psycopg2 has its types", (row[0], row[2], row[3], row[4], row[5]) == (True, datetime.date(2024, 2, 29), None, [1, 2], "ü"), row)
        cursor.executemany("SELECT %s", [(1,), (2,)])
        checks.true("psycopg2 runs many", cursor.rowcount >= 0, cursor.rowcount)
    with connection, connection.cursor(name="named") as cursor:
        cursor.itersize = 500
        cursor.execute("SELECT value FROM generate_series(1, 5000)")
        checks.equal("psycopg2 has a named cursor", len(list(cursor)), 5000)
    with connection, connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
        cursor.execute(f"SELECT name FROM {RESOURCE} WHERE account_id = %(account)s", {"account": "a1"})
        checks.equal("psycopg2 has rows of a resource", [list(row) for row in cursor.fetchall()], [["name"]] * ROWS)
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
        parts = (check_psql, check_psql_waits, check_psycopg, check_psycopg2, check_cancel, check_many)
        try:
            for part in parts:
                with checks.section(part.__name__):
                    part(checks, server)
        finally:
            ended = server.stop()
        with checks.section("the end"):
            checks.equal("Ctrl-C ends the server in order", ended, 0)
    checks.finish()


if __name__ == "__main__":
    main()
