"""A program reads `-o events`: everything in one stream, assigned to its statement.

Two hundred statements go through one process on stdin. Every row, note, error and end has to carry the
number of its statement, in order, and nothing is on stderr. Then the third statement fails, with and
without `--keep-going`.

Run by `cargo xtask test`. By hand: `STRATAQL_BIN=…/strataql python e2e/python/events.py`.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

from support import environment
from support.checks import Checks

RESOURCE = "databricks_account.oauth2.published_app_integration"
STATEMENTS = 200
ROWS = 3
SECONDS = 120


def run(home: Path, statements: list[str], *flags: str) -> tuple[int, list[dict], str]:
    """Exit code, events and stderr of a run."""
    ended = subprocess.run(
        [environment.binary(), "exec", f"--sandbox=rows={ROWS}", "-o", "events", *flags],
        input=";\n".join(statements),
        env=environment.clean(home),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return ended.returncode, [json.loads(line) for line in ended.stdout.splitlines()], ended.stderr


def of(events: list[dict], number: int, kind: str) -> list[dict]:
    """The events of one kind of one statement."""
    return [one for one in events if one["statement"] == number and one["event"] == kind]


def statements() -> list[str]:
    """Statements of which each has a value of its own; every tenth reads a service."""
    made = []
    for number in range(1, STATEMENTS + 1):
        if number % 10 == 0:
            made.append(f"SELECT {number} AS number, name FROM {RESOURCE} WHERE account_id = 'a{number}'")
        else:
            made.append(f"SELECT {number} AS number")
    return made


def is_own(events: list[dict], number: int) -> bool:
    """True if a statement has exactly its rows, and an end that counts them."""
    reads = number % 10 == 0
    rows = [one["row"]["number"] for one in of(events, number, "row")]
    ends = [(one["status"], one["rows"], one["requests"]) for one in of(events, number, "end")]
    wanted = [number] * (ROWS if reads else 1)
    return rows == wanted and ends == [("done", len(wanted), 1 if reads else 0)]


def check_all(checks: Checks, home: Path) -> None:
    """Two hundred statements that succeed."""
    code, events, errors = run(home, statements())
    checks.equal("the exit code", code, 0)
    checks.equal("stderr", errors, "")
    started = [one["statement"] for one in events if one["event"] == "start"]
    checks.equal("statements in order", started, list(range(1, STATEMENTS + 1)))
    wrong = [number for number in range(1, STATEMENTS + 1) if not is_own(events, number)]
    checks.equal("statements with rows or an end that are not theirs", wrong, [])
    exit_event = events[-1]
    checks.equal("the last event", (exit_event["event"], exit_event["code"]), ("exit", 0))
    checks.equal("statements that ended", exit_event["statements"], STATEMENTS)


def check_failure(checks: Checks, home: Path) -> None:
    """The third statement fails."""
    made = statements()
    made[2] = f"SELECT nmae FROM {RESOURCE} WHERE account_id = 'a1'"
    for flags, run_after in (([], False), (["--keep-going"], True)):
        code, events, errors = run(home, made, *flags)
        name = " ".join(flags) or "without flags"
        checks.equal(f"the exit code, {name}", code, 2)
        checks.equal(f"stderr, {name}", errors, "")
        found = [one for one in events if one["event"] == "error"]
        checks.equal(f"errors, {name}", [(one["statement"], one["code"]) for one in found], [(3, "unknown-column")])
        ends = [one["status"] for one in events if one["event"] == "end"]
        after = "done" if run_after else "skipped"
        checks.equal(f"ends, {name}", ends, ["done", "done", "failed"] + [after] * (STATEMENTS - 3))
        rows = {one["statement"] for one in events if one["event"] == "row"}
        wanted = set(range(1, STATEMENTS + 1)) - {3} if run_after else {1, 2}
        checks.equal(f"statements with rows, {name}", rows, wanted)


def main() -> None:
    """All checks, each in a home of its own."""
    checks = Checks()
    for check in (check_all, check_failure):
        with checks.section(check.__name__), tempfile.TemporaryDirectory() as folder:
            check(checks, Path(folder))
    checks.finish()


if __name__ == "__main__":
    main()
