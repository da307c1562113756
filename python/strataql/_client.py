"""The client: one run of the executable for each call."""

from __future__ import annotations

import json
import signal
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any, Iterator

from ._command import PARTIAL, Options
from ._errors import Report, failure, reports


@dataclass
class Statement:
    """What one statement did."""

    keyword: str
    rows: list[dict[str, Any]] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    affected: int | None = None
    complete: bool = True
    requests: int = 0
    notes: list[str] = field(default_factory=list)


class Result:
    """The rows of one statement, as an Arrow stream."""

    def __init__(self, data: bytes, found: list[Report], complete: bool) -> None:
        self._data = data
        self.reports = found
        self.complete = complete

    @property
    def notes(self) -> list[str]:
        """Facts that the statement tells beside its rows."""
        return [report.message for report in self.reports if report.severity in ("note", "warning")]

    def arrow(self) -> Any:
        """The rows as `pyarrow.Table`."""
        import pyarrow

        with pyarrow.ipc.open_stream(pyarrow.py_buffer(self._data)) as reader:
            return reader.read_all()

    def pandas(self, **options: Any) -> Any:
        """The rows as `pandas.DataFrame`; `options` are those of `pyarrow.Table.to_pandas`."""
        return self.arrow().to_pandas(**options)

    def polars(self) -> Any:
        """The rows as `polars.DataFrame`."""
        import polars

        return polars.from_arrow(self.arrow())

    def rows(self) -> list[dict[str, Any]]:
        """The rows as dictionaries."""
        return self.arrow().to_pylist()

    def __len__(self) -> int:
        return self.arrow().num_rows


class Client:
    """Runs statements with the same arguments.

    `sandbox` is true, or the options of `--sandbox`; `auth` has the shape of `--auth`; `variables` fill
    `{{ name }}`; `settings` are set as SET does; `env` is added to the environment; `flags` are
    added to the command line.
    """

    def __init__(self, **options: Any) -> None:
        self.options = Options(**options)

    def query(self, sql: str, params: Any = None) -> Result:
        """Runs one statement and gives its rows."""
        ran = self._run(sql, "arrow", params)
        return result(ran.stdout, ran.stderr, ran.returncode)

    def execute(self, sql: str, params: Any = None) -> list[Statement]:
        """Runs statements in order and tells what each did. The first failure raises."""
        ran = self._run(sql, "events", params)
        return statements(ran.stdout, ran.stderr, ran.returncode)

    def stream(self, sql: str, params: Any = None) -> Iterator[Any]:
        """Gives the batches of one statement as `pyarrow.RecordBatch`, one at a time.

        The first comes when the last page has arrived: a result that fails has no batch.
        """
        import pyarrow

        with self._running(sql, "arrow", params) as output:
            # a failed statement has no stream
            start = output.read(1)
            if not start:
                return
            with pyarrow.ipc.open_stream(_Rest(start, output)) as reader:
                yield from reader

    def stream_rows(self, sql: str, params: Any = None) -> Iterator[dict[str, Any]]:
        """Gives the rows of one statement as they arrive. A failure raises after the rows before it."""
        with self._running(sql, "jsonl", params) as output:
            for line in output:
                yield json.loads(line)

    def _run(self, sql: str, output: str, params: Any) -> subprocess.CompletedProcess[bytes]:
        command, environment = self.options.command(output, params), self.options.environment()
        return subprocess.run(command, input=sql.encode(), capture_output=True, env=environment, check=False)

    @contextmanager
    def _running(self, sql: str, output: str, params: Any) -> Iterator[IO[bytes]]:
        """The output of a run; whoever leaves before its end cancels it."""
        command, environment = self.options.command(output, params), self.options.environment()
        with tempfile.TemporaryFile() as messages:
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=messages, env=environment
            )
            assert process.stdin is not None and process.stdout is not None
            is_whole = False
            try:
                try:
                    process.stdin.write(sql.encode())
                    process.stdin.close()
                except BrokenPipeError:
                    # it ended at once, and says why
                    pass
                yield process.stdout
                is_whole = True
            finally:
                process.stdout.close()
                if not is_whole and process.poll() is None:
                    process.send_signal(signal.SIGINT)
                exit_code = process.wait()
            messages.seek(0)
            check(messages.read(), exit_code)


class _Rest:
    """A stream whose first byte was read."""

    def __init__(self, start: bytes, rest: IO[bytes]) -> None:
        self._start, self._rest, self.closed = start, rest, False

    def read(self, size: int = -1) -> bytes:
        start, self._start = self._start, b""
        if not start:
            return self._rest.read(size)
        return start + self._rest.read(size - 1 if size > 0 else size) if size != 0 else start

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        self.closed = True


def check(messages: bytes, exit_code: int) -> list[Report]:
    """The reports of a run; raises if it failed."""
    found = reports(messages.decode(errors="replace"))
    if exit_code not in (0, PARTIAL):
        raise failure(found, exit_code)
    return found


def result(output: bytes, messages: bytes, exit_code: int) -> Result:
    """The result of a run with `-o arrow`."""
    return Result(output, check(messages, exit_code), exit_code != PARTIAL)


def statements(output: bytes, messages: bytes, exit_code: int) -> list[Statement]:
    """The statements of a run with `-o events`."""
    found: list[Statement] = []
    told: list[Report] = reports(messages.decode(errors="replace"))
    for line in output.splitlines():
        event = json.loads(line)
        kind = event.get("event")
        if kind == "start":
            found.append(Statement(event.get("kind", "")))
        elif kind in ("note", "warning", "error"):
            told.append(Report.of({"severity": kind, **event}))
            if found and kind != "error":
                found[-1].notes.append(event.get("message", ""))
        elif found and kind == "columns":
            found[-1].columns = [column["name"] for column in event.get("columns", [])]
        elif found and kind == "row":
            found[-1].rows.append(event.get("row", {}))
        elif found and kind == "end":
            found[-1].affected = event.get("affected")
            found[-1].complete = event.get("complete", True)
            found[-1].requests = event.get("requests", 0)
    if exit_code not in (0, PARTIAL):
        raise failure(told, exit_code)
    return found
