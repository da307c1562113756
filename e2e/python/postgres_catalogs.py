"""What clients of PostgreSQL ask its catalogs: psql's commands, SQLAlchemy's reflection, start-up queries of tools.

Databases are providers, schemas are services. In a database of another name a schema is `provider.service`.
The questions of tools are files of `e2e/startup`, with their answers; `UPDATE_EXPECT=1` writes those anew.

Run by `cargo xtask test`. By hand: `STRATAQL_BIN=…/strataql python e2e/python/postgres_catalogs.py`.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import psycopg
import sqlalchemy
from sqlalchemy import MetaData, Table, create_engine, inspect, select

from support.checks import Checks
from support.pg import Server

PROVIDER = "databricks_account"
SERVICE = "oauth2"
RESOURCE = "published_app_integration"
STARTUP = Path(__file__).resolve().parents[1] / "startup"


def check_describe(checks: Checks, server: Server) -> None:
    everywhere = server.shown("\\d")
    here = server.shown("\\d", PROVIDER)
    checks.true("\\d lists a resource", [SERVICE, RESOURCE, "table", "me"] in here, here[:5])
    checks.true("elsewhere its schema has the provider", [f"{PROVIDER}.{SERVICE}", RESOURCE, "table", "me"] in everywhere)
    checks.true("\\dt lists tables", [SERVICE, RESOURCE, "table", "me"] in server.shown("\\dt", PROVIDER))
    for name, database in ((RESOURCE, PROVIDER), (f"{SERVICE}.{RESOURCE}", PROVIDER), (f'"{PROVIDER}.{SERVICE}".{RESOURCE}', "strataql")):
        shown = server.shown(f"\\d {name}", database)
        checks.true(f"\\d {name} has columns", ["name", "text", "", "", ""] in shown, shown)
        checks.true(f"\\d {name} has types", any(row[1] in ("json", "bigint", "boolean") for row in shown), shown)
    checks.equal("\\d of a pattern", len(server.shown(f"\\dt {SERVICE}.*", PROVIDER)) > 1, True)
    shown = server.shown("\\d+ pg_namespace")
    checks.true("\\d+ of a catalog", any(row[:2] == ["nspname", "text"] for row in shown), shown)
    ended = server.psql("-c", "\\d nothing_of_that_name")
    checks.true("\\d of nothing", "Did not find any relation" in ended.stderr, ended)


def check_lists(checks: Checks, server: Server) -> None:
    checks.true("\\dn lists services", [SERVICE, "me"] in server.shown("\\dn", PROVIDER))
    databases = [row[0] for row in server.shown("\\l")]
    checks.true("\\l lists providers", PROVIDER in databases and "strataql" in databases, databases)
    checks.equal("\\df lists the user's", server.shown("\\df"), [])
    functions = [row[1] for row in server.shown("\\dfS lower")]
    checks.equal("\\dfS lists ours", functions, ["lower"])
    checks.true("\\du lists the user", server.shown("\\du")[0][0] == "me")
    for command in ("\\dv", "\\di", "\\dx", "\\dT", "\\ds", "\\dm", "\\dE", "\\dD", "\\dc", "\\dRp", "\\dew", "\\des", "\\dF", "\\dA", "\\db", "\\dp", "\\dn+", "\\dt+", "\\l+", "\\dL", "\\dy", "\\do"):
        ended = server.psql("-c", command, database=PROVIDER)
        said = ended.stderr.replace("Did not find any", "")
        checks.true(f"{command} is answered", "ERROR" not in said and ended.returncode == 0, ended.stderr)


def check_own(checks: Checks, server: Server) -> None:
    with psycopg.connect(server.conninfo(), autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS own AS SELECT 1 AS a, 'x' AS b")
        rows = connection.execute('SELECT "public"."own"."b" FROM "public"."own"').fetchall()
        checks.equal("what the user keeps is in `public`", rows, [("x",)])
    shown = server.shown("\\d own")
    checks.equal("and is described", [row[:2] for row in shown], [["a", "bigint"], ["b", "text"]])


def check_names(checks: Checks, server: Server) -> None:
    where = "WHERE account_id = 'a1'"
    for database, schema in ((PROVIDER, f'"{SERVICE}"'), ("strataql", f'"{PROVIDER}.{SERVICE}"')):
        statement = f'SELECT {schema}."{RESOURCE}"."name" FROM {schema}."{RESOURCE}" {where}'
        checks.equal(f"names of {database}", len(server.shown(statement, database)), 7)
        shown = server.shown(
            f"SELECT c.oid::regclass, '{schema}.{RESOURCE}'::regclass = c.oid FROM pg_class c WHERE relname = '{RESOURCE}'", database
        )
        checks.equal(f"regclass in {database}", shown, [[f"{schema}.{RESOURCE}".replace(f'"{SERVICE}"', SERVICE), "t"]])
    shown = server.shown("SELECT current_database(), current_schema(), current_user, version() ~ '^PostgreSQL 16'", PROVIDER)
    checks.equal("who and where", shown, [[PROVIDER, "public", "me", "t"]])
    shown = server.shown("SELECT DISTINCT table_catalog FROM information_schema.tables", PROVIDER)
    checks.equal("information_schema is of the database", shown, [[PROVIDER]])


def check_sqlalchemy(checks: Checks, server: Server) -> None:
    for driver in ("psycopg", "psycopg2"):
        engine = create_engine(f"postgresql+{driver}://me@{server.host}:{server.port}/{PROVIDER}")
        inspector = inspect(engine)
        checks.true(f"{driver}: schemas", SERVICE in inspector.get_schema_names())
        checks.true(f"{driver}: tables", RESOURCE in inspector.get_table_names(SERVICE))
        checks.equal(f"{driver}: has_table", [inspector.has_table(name, SERVICE) for name in (RESOURCE, "nothing")], [True, False])
        columns = {column["name"]: column["type"] for column in inspector.get_columns(RESOURCE, SERVICE)}
        checks.true(f"{driver}: columns", isinstance(columns["name"], sqlalchemy.TEXT), columns)
        empty = (
            inspector.get_pk_constraint(RESOURCE, SERVICE)["constrained_columns"], inspector.get_foreign_keys(RESOURCE, SERVICE),
            inspector.get_indexes(RESOURCE, SERVICE), inspector.get_unique_constraints(RESOURCE, SERVICE),
            inspector.get_check_constraints(RESOURCE, SERVICE), inspector.get_enums(SERVICE),
            inspector.get_sequence_names(SERVICE), inspector.get_materialized_view_names(SERVICE),
        )
        checks.equal(f"{driver}: no keys", empty, ([],) * 8)
        table = Table(RESOURCE, MetaData(), autoload_with=engine, schema=SERVICE)
        with engine.connect() as connection:
            found = connection.execute(select(table.c.name).where(sqlalchemy.text("account_id = 'a1'")).limit(3)).fetchall()
            checks.equal(f"{driver}: a reflected table is read", len(found), 3)
        engine.dispose()


def check_startup(checks: Checks, server: Server) -> None:
    """The files of `e2e/startup`: a statement, `----`, its rows; an empty line between two."""
    update = os.environ.get("UPDATE_EXPECT") == "1"
    for path in sorted(STARTUP.glob("*.txt")):
        with psycopg.connect(server.conninfo(PROVIDER), autocommit=True) as connection:
            parts = path.read_text().strip().split("\n\n")
            written = []
            for part in parts:
                if part.startswith("#"):
                    written.append(part)
                    continue
                statement, _, wanted = part.partition("\n----")
                try:
                    cursor = connection.execute(statement)
                    rows = cursor.fetchall() if cursor.description else []
                    got = "\n".join("|".join("" if cell is None else str(cell) for cell in row) for row in rows)
                except psycopg.Error as error:
                    got = f"ERROR {error}"
                wanted = wanted.removeprefix("\n")
                written.append(f"{statement}\n----\n{got}".rstrip("\n"))
                if not update:
                    checks.true(f"{path.stem}: {statement.splitlines()[0][:60]}", got == wanted, f"\n{statement}\ngot\n{got}\nwanted\n{wanted}")
            if update:
                path.write_text("\n\n".join(written) + "\n")


def main() -> None:
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        try:
            for part in (check_describe, check_lists, check_own, check_names, check_sqlalchemy, check_startup):
                with checks.section(part.__name__):
                    part(checks, server)
        finally:
            server.stop()
    checks.finish()


if __name__ == "__main__":
    main()
