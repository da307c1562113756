"""Drivers of other languages: the metadata of JDBC, and the package `pg` of npm.

Run by `cargo xtask full`, and by `cargo xtask test postgres_drivers`, where a JDK and npm are. By hand:
`STRATAQL_BIN=…/strataql python e2e/python/postgres_drivers.py`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from support.checks import Checks
from support.pg import Server

DRIVERS = Path(__file__).resolve().parents[1] / "drivers"
JDBC = Path("/usr/share/java/postgresql.jar")
NODE = [
    'row {"a":1,"b":"x","c":true,"d":null,"e":1.5}',
    'prepared {"n":"42","t":"it\'s!"}',
    'again {"n":"2","t":"a!"}',
    "resource 7 name",
    "several 1 2",
    "error 42703 8",
    "notice true",
    "pool 380",
]
METADATA = {
    "catalogs": "databricks_account",
    "schemas": "[oauth2]",
    "tables": "[oauth2, published_app_integration, TABLE]",
    "tables all": "1 [oauth2, published_app_integration, TABLE]",
    "columns": "text, 12, ",
    "pk": "0",
    "imported": "0",
    "exported": "0",
    "indexes": "0",
    "typeinfo": "[int8, -5]",
    "functions": "1 [lower]",
    "procedures": "0",
    "best row": "0",
    "udts": "0",
    "cursor": "1000",
}


def check_jdbc(checks: Checks, server: Server) -> None:
    if shutil.which("javac") is None or not JDBC.is_file():
        print("no JDK, or no libpostgresql-jdbc-java: the part of JDBC is left out")
        return
    url = f"jdbc:postgresql://{server.host}:{server.port}/databricks_account"
    ran = subprocess.run(
        ["java", "-cp", str(JDBC), str(DRIVERS / "Metadata.java"), url, "me", "", "oauth2", "published_app_integration", " WHERE account_id = 'a1'"],
        capture_output=True, text=True, timeout=300, check=False,
    )
    said = ran.stdout.splitlines()
    checks.true("every call of JDBC is answered", ran.returncode == 0 and not any("FAILED" in line for line in said), ran)
    for name, wanted in METADATA.items():
        found = [line for line in said if line.startswith((f"{name}:", f"{name} "))]
        checks.true(f"JDBC: {name}", any(wanted in line for line in found), found)
    for wanted in ("prepared 42 x true 3", "error 42703", "readonly true", "valid true", "array [a, b]"):
        checks.true(f"JDBC: {wanted}", wanted in said, said)
    checks.true("JDBC: rows of a resource", any(line.startswith("rows 7 ") for line in said), said)


def check_node(checks: Checks, server: Server) -> None:
    if shutil.which("npm") is None:
        print("no npm: the part of Node is left out")
        return
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", folder, "pg@8"], check=True, timeout=300)
        ran = subprocess.run(
            ["node", str(DRIVERS / "node_pg.js"), server.host, str(server.port)],
            env=dict(os.environ) | {"NODE_PATH": f"{folder}/node_modules"}, capture_output=True, text=True, timeout=120, check=False,
        )
    checks.equal("the package of npm", ran.stdout.splitlines(), NODE)


def main() -> None:
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        try:
            for part in (check_jdbc, check_node):
                with checks.section(part.__name__):
                    part(checks, server)
        finally:
            checks.equal("the server ends in order", server.stop(), 0)
    checks.finish()


if __name__ == "__main__":
    main()
