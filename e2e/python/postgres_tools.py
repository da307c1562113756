"""What BI tools and drivers ask when they connect: statements of each, psql's commands, SQLAlchemy, asyncpg, pg8000.

The statements of tools are files in `startup/`; each has to be answered, and those behind `-- some` with rows.

Run by `cargo xtask test`. By hand: `STRATAQL_BIN=…/strataql python e2e/python/postgres_tools.py`.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import asyncpg
import pg8000.native
import psycopg
import sqlalchemy

from support.checks import Checks
from support.pg import Server

DATABASE = "databricks_account"
TABLE = "custom_app_integration"
ROWS = 7
STARTUP = Path(__file__).parent / "startup"
# what psql asks the catalogs for; each has an answer, also where there is nothing
COMMANDS = (
    r"\d \d+ \dt \dt+ \dv \dv+ \dn \dn+ \l \l+ \du \df \df+ \dT \dT+ \di \ds \dp \z \dx \dD \dF \dc \dC \dg \dy \da"
    r" \db \det \dew \des \dO \dm \dE \dd \ddp \drds \dRp \dRs \dA \dX \dP"
).split()


def statements(path: Path) -> list[str]:
    return [text.strip() for text in path.read_text().split("\n;\n") if text.strip()]


def check_startup(checks: Checks, server: Server) -> None:
    for path in sorted(STARTUP.glob("*.sql")):
        for number, text in enumerate(statements(path), 1):
            name = f"{path.stem} {number}"
            # a connection each: some of them set what the next would see
            with psycopg.connect(server.conninfo(DATABASE), autocommit=True) as connection:
                try:
                    rows = connection.execute(text, prepare=False).fetchall()
                except psycopg.Error as error:
                    checks.true(f"{name} is answered", False, f"{error}: {text}")
                    continue
            checks.true(f"{name} is answered", bool(rows) or not text.startswith("-- some"), text)


def check_commands(checks: Checks, server: Server) -> None:
    for command in COMMANDS:
        ended = server.psql("-c", command, database=DATABASE)
        checks.true(f"psql {command}", ended.returncode == 0 and "ERROR" not in ended.stderr, ended.stderr)
    for command in (rf"\d oauth2.{TABLE}", rf"\d+ oauth2.{TABLE}"):
        rows = server.shown(command, database=DATABASE)
        checks.true(f"psql {command}", ["integration_id", "text"] in [row[:2] for row in rows], rows)
    listed = [row[1] for row in server.shown(r"\dt oauth2.*", database=DATABASE)]
    checks.true("psql lists tables", TABLE in listed, listed)
    listed = [row[1] for row in server.shown(r"\dp oauth2.*", database=DATABASE)]
    checks.true("psql lists privileges", TABLE in listed, listed)


def check_sqlalchemy(checks: Checks, server: Server) -> None:
    engine = sqlalchemy.create_engine(f"postgresql+psycopg://me@{server.host}:{server.port}/{DATABASE}")
    inspector = sqlalchemy.inspect(engine)
    checks.true("schemas are services", {"oauth2", "iam"} <= set(inspector.get_schema_names()))
    checks.true("tables are resources", TABLE in inspector.get_table_names(schema="oauth2"))
    checks.true("views are views", "vw_custom_app_integrations" in inspector.get_view_names(schema="oauth2"))
    columns = {column["name"]: column["type"] for column in inspector.get_columns(TABLE, schema="oauth2")}
    checks.true("columns have types", isinstance(columns["confidential"], sqlalchemy.BOOLEAN), columns)
    checks.equal("there are no keys", inspector.get_foreign_keys(TABLE, schema="oauth2"), [])
    table = sqlalchemy.Table(TABLE, sqlalchemy.MetaData(), schema="oauth2", autoload_with=engine)
    with engine.connect() as connection:
        # a parameter that no row has is no column of the catalogs
        is_of_account = sqlalchemy.literal_column("account_id") == "a1"
        read = sqlalchemy.select(table.c.name).where(is_of_account)
        checks.equal("a reflected table is read", len(connection.execute(read).all()), ROWS)
        count = sqlalchemy.select(sqlalchemy.func.count()).select_from(table).where(is_of_account)
        checks.equal("and counted", connection.execute(count).scalar(), ROWS)
    engine.dispose()


def check_asyncpg(checks: Checks, server: Server) -> None:
    async def talk() -> None:
        connection = await asyncpg.connect(host=server.host, port=server.port, user="me", database=DATABASE)
        rows = await connection.fetch(f"SELECT name FROM oauth2.{TABLE} WHERE account_id = $1 LIMIT $2", "a1", 3)
        checks.equal("asyncpg binds values", len(rows), 3)
        row = await connection.fetchrow("SELECT $1::int + 1 AS a, 'x'::text AS t, true AS b", 41)
        checks.equal("asyncpg has types", tuple(row), (42, "x", True))
        async with connection.transaction():
            seen = [row["value"] async for row in connection.cursor("SELECT value FROM generate_series(1, 300)", prefetch=50)]
        checks.equal("asyncpg has a cursor", seen, list(range(1, 301)))
        try:
            await connection.fetch("SELECT nothing_here")
            checks.true("asyncpg raises", False)
        except asyncpg.UndefinedColumnError:
            checks.true("asyncpg raises", True)
        await connection.close()

    asyncio.run(talk())


def check_pg8000(checks: Checks, server: Server) -> None:
    connection = pg8000.native.Connection("me", host=server.host, port=server.port, database=DATABASE)
    checks.equal("pg8000 binds values", connection.run("SELECT :a::text || 'x', :b::int + 1", a="q", b=1), [["qx", 2]])
    rows = connection.run(f"SELECT name FROM oauth2.{TABLE} WHERE account_id = :a", a="a1")
    checks.equal("pg8000 reads a resource", len(rows), ROWS)
    connection.close()


def main() -> None:
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        parts = (check_startup, check_commands, check_sqlalchemy, check_asyncpg, check_pg8000)
        try:
            for part in parts:
                with checks.section(part.__name__):
                    part(checks, server)
        finally:
            server.stop()
    checks.finish()


if __name__ == "__main__":
    main()
