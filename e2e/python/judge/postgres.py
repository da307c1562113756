"""A PostgreSQL server of the test's own, and a client for it.

The server runs on a free port of loopback, with its data in a temporary folder. It refuses to run as root,
so it then runs as the user that its package creates, or as `nobody`.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path

SECONDS = 30
USER = "judge"


class Refused(Exception):
    """A statement that PostgreSQL refuses; `code` is its SQLSTATE."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def _account() -> pwd.struct_passwd | None:
    """Whom the server runs as; `None` for the user that runs the test."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("PostgreSQL does not run as root, and there is no other user")


class Server:
    """A running server; a context manager."""

    def __init__(self, programs: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="judge-"))
        self.account = _account()
        if self.account:
            os.chown(self.folder, self.account.pw_uid, self.account.pw_gid)
        data = self.folder / "data"
        options = ["-A", "trust", "-U", USER, "-E", "UTF8", "--no-locale", "--no-sync"]
        self._run([str(programs / "initdb"), "-D", str(data), *options])
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        settings = {"listen_addresses": "127.0.0.1", "port": self.port, "fsync": "off",
                    "unix_socket_directories": "", "timezone": "UTC", "jit": "off"}
        flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self.log = open(self.folder / "log", "wb")
        self.process = subprocess.Popen(
            [str(programs / "postgres"), "-D", str(data), *flags],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, cwd=self.folder, **self._identity(),
        )

    def _identity(self) -> dict:
        if not self.account:
            return {}
        return {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": []}

    def _run(self, command: list[str]) -> None:
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.folder, **self._identity())
        if done.returncode:
            raise RuntimeError(f"{command[0]}: {done.stderr or done.stdout}")

    def connect(self) -> "Connection":
        """A connection, once the server accepts any."""
        end = time.monotonic() + SECONDS
        while True:
            try:
                return Connection(self.port)
            except (OSError, Refused) as error:
                if time.monotonic() > end or self.process.poll() is not None:
                    log = (self.folder / "log").read_text(errors="replace")
                    raise RuntimeError(f"PostgreSQL does not answer ({error}): {log[-2000:]}") from error
                time.sleep(0.1)

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Connection:
    """Simple queries over the wire protocol, version 3."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), SECONDS)
        self.buffer = b""
        pairs = {"user": USER, "database": "postgres", "client_encoding": "UTF8", "TimeZone": "UTC"}
        body = b"".join(f"{key}\0{value}\0".encode() for key, value in pairs.items()) + b"\0"
        self.socket.sendall(struct.pack("!ii", len(body) + 8, 3 << 16) + body)
        self._until_ready()

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def query(self, text: str) -> tuple[list[int], list[list[str | None]]]:
        """The type of each column, by its number in the catalog, and the rows as text."""
        body = text.encode() + b"\0"
        self.socket.sendall(b"Q" + struct.pack("!i", len(body) + 4) + body)
        return self._until_ready()

    def _until_ready(self) -> tuple[list[int], list[list[str | None]]]:
        kinds: list[int] = []
        rows: list[list[str | None]] = []
        refused: Refused | None = None
        while True:
            kind, body = self._message()
            if kind == b"T":
                kinds, rows = _kinds(body), []
            elif kind == b"D":
                rows.append(_cells(body))
            elif kind == b"E":
                fields = {part[:1]: part[1:].decode() for part in body.split(b"\0") if part}
                refused = Refused(fields.get(b"C", ""), fields.get(b"M", ""))
                if fields.get(b"S") == "FATAL":
                    raise refused
            elif kind == b"Z":
                if refused:
                    raise refused
                return kinds, rows

    def _message(self) -> tuple[bytes, bytes]:
        head = self._read(5)
        return head[:1], self._read(struct.unpack("!i", head[1:])[0] - 4)

    def _read(self, count: int) -> bytes:
        while len(self.buffer) < count:
            more = self.socket.recv(1 << 16)
            if not more:
                raise OSError("the server closed the connection")
            self.buffer += more
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken


def _kinds(body: bytes) -> list[int]:
    (count,) = struct.unpack_from("!h", body)
    at, kinds = 2, []
    for _ in range(count):
        at = body.index(b"\0", at) + 1
        kinds.append(struct.unpack_from("!ihihih", body, at)[2])
        at += 18
    return kinds


def _cells(body: bytes) -> list[str | None]:
    (count,) = struct.unpack_from("!h", body)
    at, cells = 2, []
    for _ in range(count):
        (length,) = struct.unpack_from("!i", body, at)
        at += 4
        cells.append(None if length < 0 else body[at : at + length].decode())
        at += max(length, 0)
    return cells
