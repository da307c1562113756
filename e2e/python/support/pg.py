"""A `strataql srv` of the binary under test, and psql."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

from . import environment


class Server:
    """A server on a port that is free, with simulated providers."""

    def __init__(self, home: Path, *flags: str, sandbox: str = "rows=7,page-size=3", **variables: str) -> None:
        self.process = subprocess.Popen(
            [environment.binary(), "srv", "--port", "0", f"--sandbox={sandbox}", *flags],
            env=environment.clean(home) | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        if not line:
            raise RuntimeError(f"no server: {self.process.stderr.read() if self.process.stderr else ''}")
        self.host, port = line.removeprefix("postgresql://").split("/")[0].rsplit(":", 1)
        self.port = int(port)

    def conninfo(self, database: str = "strataql", user: str = "me") -> str:
        """What libpq connects with."""
        return f"host={self.host} port={self.port} user={user} dbname={database}"

    def psql(
        self, *arguments: str, database: str = "strataql", text: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """A run of psql without its start-up file."""
        return subprocess.run(
            ["psql", "-X", "-d", self.conninfo(database), *arguments],
            input=text,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def shown(self, command: str, database: str = "strataql") -> list[list[str]]:
        """The cells of what psql prints for a command; raises with what it says instead."""
        ended = self.psql("-At", "-F", "|", "-v", "ON_ERROR_STOP=1", "-c", command, database=database)
        if ended.returncode != 0 or ended.stderr:
            raise RuntimeError(f"{command}: {ended.stderr or ended.stdout}")
        return [line.split("|") for line in ended.stdout.splitlines()]

    def memory(self) -> int:
        """Megabytes of memory that the server holds."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) // 1024
        return 0

    def stop(self) -> int:
        """Ends it as Ctrl-C does; its exit status."""
        self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(timeout=30)
        finally:
            if self.process.poll() is None:
                self.process.kill()
