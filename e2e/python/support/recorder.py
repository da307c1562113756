"""A listener on loopback that only remembers who knocked and what they said first."""

from __future__ import annotations

import socket
import threading
from types import TracebackType


class Recorder:
    """Accepts connections, keeps their first bytes and closes them without an answer."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._first_bytes: list[bytes] = []
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Recorder:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(timeout=5)

    def heard(self) -> list[bytes]:
        """The first bytes of every connection so far.

        A connection that the kernel has queued but nobody has accepted yet would be missed, so the
        recorder first connects to itself and waits until it has heard that.
        """
        mark = f"mark {len(self._first_bytes)}".encode()
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as own:
            own.sendall(mark)
            own.shutdown(socket.SHUT_WR)
            own.settimeout(5)
            own.recv(1)
        with self._lock:
            return [first for first in self._first_bytes if not first.startswith(b"mark ")]

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(2)
                try:
                    first = connection.recv(65536)
                except OSError:
                    first = b""
                with self._lock:
                    self._first_bytes.append(first)
