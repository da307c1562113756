"""A `strataql sandbox serve` process for the time of a `with` block."""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import threading
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

from .environment import clean

START_SECONDS = 30
STOP_SECONDS = 10

# the credentials a sandbox accepts unless a scenario says otherwise
CLIENT_ID = "sandbox-client"
CLIENT_SECRET = "sandbox-secret"


class Sandbox:
    """The server process. `url` is what it printed as its first line."""

    def __init__(self, binary: str, home: Path, *arguments: str) -> None:
        self._command = [binary, "sandbox", "serve", *arguments, "--port", "0"]
        self._home = home
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def __enter__(self) -> Sandbox:
        self._process = subprocess.Popen(
            self._command,
            env=clean(self._home),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            self.url = self._first_line()
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        try:
            status = self._process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise RuntimeError("the sandbox did not end on an interrupt") from error
        if error is None and status != 0:
            raise RuntimeError(f"the sandbox ended with status {status}")

    def _first_line(self) -> str:
        """Waits for the address; a reading thread, because a pipe knows no time limit."""
        lines: queue.Queue[str] = queue.Queue()
        output = self._process.stdout  # type: ignore[union-attr]
        threading.Thread(target=lambda: lines.put(output.readline()), daemon=True).start()
        try:
            line = lines.get(timeout=START_SECONDS).strip()
        except queue.Empty:
            raise RuntimeError(f"the sandbox said nothing for {START_SECONDS} s") from None
        if not line.startswith("http://127.0.0.1:"):
            raise RuntimeError(f"the first line of the sandbox is no address: {line!r}")
        return line

    def log(self) -> list[dict[str, Any]]:
        """The requests that the server has seen, oldest first."""
        return self._ask("/__log")

    def reset(self) -> None:
        """Back to the beginning: the same objects under the same ids, and an empty log."""
        self._ask("/__reset", b"")

    def _ask(self, path: str, body: bytes | None = None) -> Any:
        # an opener of its own, so that a proxy of the environment stays out of it
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{self.url}{path}", data=body, timeout=10) as answer:
            return json.load(answer)
