"""Statements in the binary under test: many in one process, as long as none is refused."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

SECONDS = 120
_CODE = re.compile(r"error\[([\w-]+)\]")


class Refusal:
    """A statement that was refused."""

    def __init__(self, code: str, message: str) -> None:
        self.code, self.message = code, message


class Runner:
    """Runs statements in a home folder of their own, whose tables stay from one run to the next."""

    def __init__(self, binary: str, environment: dict[str, str], folder: Path) -> None:
        self.binary, self.environment, self.folder = binary, environment, folder

    def run(self, statements: list[str]) -> list[list[list] | Refusal]:
        """The rows of each statement, or why there are none."""
        results: list[list[list] | Refusal] = []
        while len(results) < len(statements):
            results += self._batch(statements[len(results) :])
        return results

    def _batch(self, statements: list[str]) -> list[list[list] | Refusal]:
        text = "".join(f"SELECT {n} AS \"\u00a7\";\n{statement};\n" for n, statement in enumerate(statements))
        try:
            done = subprocess.run(
                [self.binary, "exec", "-o", "jsonl", "-i", "-"], input=text.encode(), capture_output=True,
                env=self.environment, cwd=self.folder, timeout=SECONDS,
            )
            out, errors, status = done.stdout, done.stderr.decode(errors="replace"), done.returncode
        except subprocess.TimeoutExpired as expired:
            out, errors, status = expired.stdout or b"", "error[timeout] no end in time", 1
        results: list[list[list] | Refusal] = []
        for line in out.decode(errors="replace").splitlines():
            try:
                pairs = json.loads(line, object_pairs_hook=list, parse_float=str, parse_int=str)
            except ValueError:
                continue
            if len(pairs) == 1 and pairs[0][0] == "\u00a7":
                results.append([])
            elif results:
                results[-1].append([value for _, value in pairs])
        if status:
            found = _CODE.search(errors)
            lines = [line for line in errors.splitlines() if line.startswith("error")]
            code = found[1] if found else ("crash" if status < 0 or status == 101 else "unknown")
            refusal = Refusal(code, lines[0][:300] if lines else f"status {status}")
            # a text that cannot be read at all stops before its first statement
            results[max(len(results), 1) - 1 :] = [refusal]
        return results
