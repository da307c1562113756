"""What `strataql srv` does with clients that ask for much, leave early, or may not.

Users with a role each, TLS with and without certificates of clients, /health and /metrics, limits, thousands of
prepared statements, very long statements, clients that leave in the middle of their rows, the end of the server.
Frames that are no frames are tested in `crates/pg/tests/protocol`.

Run by `cargo xtask test`. By hand: `STRATAQL_BIN=…/strataql python e2e/python/postgres_limits.py`.
"""

from __future__ import annotations

import datetime
import ipaddress
import signal
import socket
import struct
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

import psycopg
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from support import environment
from support.checks import Checks
from support.pg import Server

APPS = "databricks_account.oauth2.custom_app_integration"
USERS = """
[user.analyst]
password-env = "ANALYST"
read-only = true
providers = ["databricks_account"]

[user.operator]
password-env = "OPERATOR"
settings = { timeout = "300ms", "memory.limit" = "64MB" }
"""
ENDLESS = "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b WHERE a.value * b.value % 7 = 3"


class Certificates:
    """An authority, and certificates of a server and of clients."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
        self.write("ca", self.certificate(self.name, self.key.public_key(), is_authority=True), self.key)
        self.issue("server")
        self.issue("client")
        self.issue("old", days=-1)

    def certificate(self, subject: x509.Name, key: ec.EllipticCurvePublicKey, is_authority: bool = False, days: int = 2) -> x509.Certificate:
        now = datetime.datetime.now(datetime.timezone.utc)
        names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        return (
            x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=5)).not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(names, critical=False).sign(self.key, hashes.SHA256())
        )

    def issue(self, name: str, days: int = 2) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.write(name, self.certificate(subject, key.public_key(), days=days), key)

    def write(self, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        pem = serialization.Encoding.PEM
        (self.folder / f"{name}.pem").write_bytes(certificate.public_bytes(pem))
        path = self.folder / f"{name}.key"
        path.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        path.chmod(0o600)

    def __getitem__(self, name: str) -> str:
        return str(self.folder / name)


def check_users(checks: Checks, home: Path) -> None:
    certificates = Certificates(home)
    (home / "users.toml").write_text(USERS)
    server = Server(
        home, "--users", str(home / "users.toml"), "--tls-cert", certificates["server.pem"], "--tls-key", certificates["server.key"],
        "--tls-required", "--tls-client-ca", certificates["ca.pem"], "--max-connections", "3", ANALYST="secret one", OPERATOR="secret two",
    )

    def connect(user: str, password: str, client: str = "client", **others: str) -> psycopg.Connection:
        given = {"sslmode": "verify-full", "sslrootcert": certificates["ca.pem"]} | others
        if client:
            given |= {"sslcert": certificates[f"{client}.pem"], "sslkey": certificates[f"{client}.key"]}
        return psycopg.connect(
            host="127.0.0.1", port=server.port, user=user, password=password, dbname="strataql", autocommit=True, connect_timeout=20, **given
        )

    try:
        with connect("analyst", "secret one") as connection:
            checks.equal("a user with a certificate and a password", connection.execute("SELECT 1").fetchone(), (1,))
            error = checks.raises(
                "a reader may not write", psycopg.Error,
                lambda: connection.execute(f"INSERT INTO {APPS} (account_id, name) VALUES ('a1', 'x')"),
            )
            checks.equal("for that reason", error.sqlstate, "25006")
            checks.raises("nor change that", psycopg.Error, lambda: connection.execute("SET read_only = off"))
            providers = [row[0] for row in connection.execute("SHOW PROVIDERS").fetchall()]
            checks.equal("a user sees the providers of the role", providers, ["databricks_account"])
            databases = [row[0] for row in connection.execute("SELECT datname FROM pg_database").fetchall()]
            checks.true("in the catalogs, too", "databricks_workspace" not in databases, databases)
        with connect("operator", "secret two") as connection:
            cursor = connection.execute(f"INSERT INTO {APPS} (account_id, name) VALUES ('a1', 'x')")
            checks.equal("a writer may", cursor.statusmessage, "INSERT 0 1")
            began = time.monotonic()
            checks.raises("a time limit of the role", psycopg.errors.QueryCanceled, lambda: connection.execute(ENDLESS))
            checks.true("is kept", time.monotonic() - began < 10)
        said = set()
        for user, password in (("analyst", "wrong"), ("nobody", "secret one")):
            error = checks.raises("a wrong login", psycopg.OperationalError, lambda: connect(user, password))
            said.add(str(error).replace(user, "…"))
        checks.equal("is the same for a user who does not exist", len(said), 1)
        checks.raises("no password", psycopg.OperationalError, lambda: connect("analyst", ""))
        checks.raises("no certificate", psycopg.OperationalError, lambda: connect("analyst", "secret one", client=""))
        checks.raises("an old certificate", psycopg.OperationalError, lambda: connect("analyst", "secret one", client="old"))
        checks.raises("no TLS", psycopg.OperationalError, lambda: connect("analyst", "secret one", client="", sslmode="disable"))
        open_ones = [connect("analyst", "secret one") for _ in range(3)]
        checks.raises("one connection too many", psycopg.OperationalError, lambda: connect("analyst", "secret one"))
        for connection in open_ones:
            connection.close()
        checks.true("and there is room again", any(retry(lambda: connect("analyst", "secret one"))))
    finally:
        checks.equal("the server ends in order", server.stop(), 0)
    left = subprocess.run(
        [environment.binary(), "srv", "--sandbox", "--host", "0.0.0.0", "--port", "0"], env=environment.clean(home), capture_output=True, text=True, timeout=60, check=False
    )
    checks.true("other machines need users", left.returncode != 0 and "users" in left.stderr, left)


def retry(act):  # noqa: ANN001, ANN201
    """Tries for a while; gives True for a connection that worked."""
    for _ in range(50):
        try:
            act().close()
            yield True
            return
        except psycopg.OperationalError:
            time.sleep(0.1)
    yield False


def check_monitor(checks: Checks, home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Server(home, "--monitor-port", str(port))
    try:
        def get(path: str) -> str:
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                return answer.read().decode()

        checks.true("/health", get("/health").strip() != "")
        with psycopg.connect(server.conninfo(), autocommit=True) as connection:
            connection.execute("SELECT value FROM generate_series(1, 10)").fetchall()
            figures = get("/metrics")
        lines = dict(line.rsplit(" ", 1) for line in figures.splitlines() if line and not line.startswith("#"))
        checks.true("/metrics counts rows", any("rows" in name and float(value) >= 10 for name, value in lines.items()), figures)
        checks.true("and says what they are", "# HELP" in figures and "# TYPE" in figures, figures)
    finally:
        server.stop()


def check_much(checks: Checks, home: Path) -> None:
    server = Server(home)
    try:
        with psycopg.connect(server.conninfo(), autocommit=True) as connection:
            connection.execute("SELECT 1")
            before = server.memory()
            prepared, error = 0, None
            try:
                for number in range(10_000):
                    connection.execute(f"PREPARE p{number} AS SELECT {number}")
                    prepared += 1
            except psycopg.Error as raised:
                error = raised
            checks.true("prepared statements have a limit", prepared == 4096 and error is not None and error.sqlstate == "53400", (prepared, error))
            checks.equal("those before are there", connection.execute("EXECUTE p4095").fetchone(), (4095,))
            connection.execute("DEALLOCATE ALL")
            checks.true("they take little memory", server.memory() - before < 300, (before, server.memory()))
            for text in ("SELECT '" + "x" * 10_000_000 + "' AS a", "SELECT " + "1 + " * 3_000_000 + "1", "SELECT " + "(" * 5_000_000):
                try:
                    row = connection.execute(text).fetchone()
                    checks.true("10 MB of SQL run", row is not None and len(row[0]) == 10_000_000)
                except psycopg.Error as raised:
                    checks.true("10 MB of SQL are refused with a reason", bool(raised.diag.message_primary) and raised.sqlstate is not None, raised)
            checks.equal("and the session goes on", connection.execute("SELECT 1").fetchone(), (1,))
            long = psycopg.connect(server.conninfo(), autocommit=True)
            try:
                long.execute("SELECT '" + "x" * 40_000_000 + "'")
                checks.true("a message above the limit", False)
            except psycopg.Error as raised:
                checks.true("a message above the limit ends its connection", long.closed or long.broken, raised)
        for _ in range(20):
            leave(server)
        settled(checks, "clients that left in the middle of rows are gone", server)
        checks.equal("others are served", server.shown("SELECT 1"), [["1"]])
        slow = stalled(server)
        time.sleep(1)
        peak = server.memory()
        checks.true("a client that reads nothing fills no memory", peak < 1500, peak)
        slow.close()
        with psycopg.connect(server.conninfo(), autocommit=True) as connection:
            connection.execute('SET "memory.limit" = \'20MB\'')
            # one value has to be in memory; groups would go to disk
            error = checks.raises(
                "a limit of memory", psycopg.Error,
                lambda: connection.execute("SELECT length(string_agg(value || 'some text that takes memory', ',')) FROM generate_series(1, 3000000)"),
            )
            checks.equal("has its SQLSTATE", error.sqlstate in ("53200", "54000"), True)
            checks.equal("and the session goes on again", connection.execute("SELECT 1").fetchone(), (1,))
        check_end(checks, server)
    finally:
        if server.process.poll() is None:
            server.process.kill()


def startup(server: Server) -> socket.socket:
    """A connection that has logged in."""
    connection = socket.create_connection((server.host, server.port), timeout=20)
    body = struct.pack("!I", 196608) + b"user\0me\0database\0strataql\0\0"
    connection.sendall(struct.pack("!I", len(body) + 4) + body)
    seen = b""
    while b"Z\0\0\0\5I" not in seen:
        seen += connection.recv(4096)
    return connection


def query(connection: socket.socket, text: str) -> None:
    body = text.encode() + b"\0"
    connection.sendall(b"Q" + struct.pack("!I", len(body) + 4) + body)


def leave(server: Server) -> None:
    """Asks for many rows, reads a few bytes and is gone."""
    connection = startup(server)
    query(connection, "SELECT value, repeat('x', 100) FROM generate_series(1, 100000000)")
    connection.recv(2000)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def stalled(server: Server) -> socket.socket:
    """Asks for many rows and reads none."""
    connection = startup(server)
    query(connection, "SELECT value, repeat('x', 1000) FROM generate_series(1, 100000000)")
    return connection


def settled(checks: Checks, name: str, server: Server) -> None:
    """The server uses no time any more."""
    def used() -> int:
        return sum(int(part) for part in Path(f"/proc/{server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13])

    for _ in range(60):
        before = used()
        time.sleep(0.5)
        if used() - before < 5:
            checks.true(name, True)
            return
    checks.true(name, False, "it still computes")


def check_end(checks: Checks, server: Server) -> None:
    with psycopg.connect(server.conninfo(), autocommit=True) as connection:
        server.process.send_signal(signal.SIGTERM)
        error = checks.raises("clients are told of the end", psycopg.Error, lambda: [connection.execute("SELECT 1") for _ in range(100_000)])
        checks.true("with its SQLSTATE", error.sqlstate in ("57P01", None), error)
    checks.equal("SIGTERM ends the server in order", server.process.wait(timeout=20), 0)


def main() -> None:
    checks = Checks()
    for part in (check_users, check_monitor, check_much):
        with tempfile.TemporaryDirectory() as folder, checks.section(part.__name__):
            part(checks, Path(folder))
    checks.finish()


if __name__ == "__main__":
    main()
