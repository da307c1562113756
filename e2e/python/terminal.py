"""Results on a terminal of 80 and of 160 columns, with and without colours.

`goldens/terminal-80.txt` and `goldens/terminal-160.txt` hold what is on the screen, with escape sequences as
`<ESC>`. `UPDATE_EXPECT=1` writes them. A line of a table is never wider than the terminal, and without colours
there is no escape sequence.

Run by `cargo xtask test`. By hand: `STRATAQL_BIN=…/strataql python e2e/python/terminal.py`.
"""

from __future__ import annotations

import difflib
import fcntl
import os
import pty
import re
import struct
import subprocess
import tempfile
import termios
import unicodedata
from pathlib import Path

from support import environment
from support.checks import Checks

APPS = "databricks_account.oauth2.custom_app_integration"
GOLDENS = Path(__file__).resolve().parent.parent / "goldens"
WIDTHS = (80, 160)

CASES = {
    "narrow": "SELECT value AS id, 'x' || value AS name FROM generate_series(1, 3)",
    "a long cell": "SELECT value AS id, repeat('long ', 40) AS text, NULL AS nothing FROM generate_series(1, 2)",
    "many columns": f"SELECT * FROM {APPS} WHERE account_id = 'a1' LIMIT 3",
    "a single row": f"SELECT * FROM {APPS} WHERE account_id = 'a1' LIMIT 1",
    "no rows": "SELECT 1 AS id WHERE false",
    "unicode": "SELECT * FROM (VALUES ('日本語の表', 'Grüße 👍'), ('x', E'a\\tb\\nc')) AS t (name, text)",
    "records": "SELECT value AS id, 'x' AS name FROM generate_series(1, 2)\\G",
    "EXPLAIN": f"EXPLAIN SELECT name FROM {APPS} WHERE account_id IN ('a1', 'a2') AND name LIKE 'a%'",
    "RETURNING": f"INSERT INTO {APPS} (account_id, name) VALUES ('a1', 'wiki') RETURNING *",
}


def screen(home: Path, sql: str, width: int, color: bool) -> str:
    """What a terminal of that width receives on stdout."""
    surroundings = environment.clean(home) | {"TERM": "xterm"}
    surroundings.pop("NO_COLOR", None)
    if not color:
        surroundings["NO_COLOR"] = "1"
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    command = [environment.binary(), "exec", "--sandbox=rows=3", sql]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=theirs, stderr=subprocess.PIPE, env=surroundings
    ) as process:
        os.close(theirs)
        received = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:
                # how Linux says that the other side is closed
                break
            if not part:
                break
            received += part
        errors = process.stderr.read() if process.stderr else b""
    os.close(ours)
    if process.returncode != 0:
        raise AssertionError(errors.decode())
    return received.decode().replace("\r\n", "\n")


def columns(line: str) -> int:
    """The width of a line on a terminal."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", line)
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in plain)


def check(checks: Checks, home: Path, width: int) -> None:
    """All cases at one width."""
    parts = []
    for name, sql in CASES.items():
        for color in (False, True):
            shown = screen(home, sql, width, color)
            if not color:
                checks.true(f"no escape sequence in {name} at {width}", "\x1b" not in shown, shown)
            is_table = name in ("narrow", "a long cell", "many columns", "no rows", "unicode")
            if is_table:
                wide = [line for line in shown.splitlines() if columns(line) > width]
                checks.equal(f"lines of {name} wider than {width}", wide, [])
            heading = f"# {name}, {'colours' if color else 'NO_COLOR'}"
            parts.append(f"{heading}\n{shown.replace(chr(27), '<ESC>')}")
    golden = GOLDENS / f"terminal-{width}.txt"
    text = "\n".join(parts)
    if os.environ.get("UPDATE_EXPECT"):
        golden.write_text(text, encoding="utf-8")
    wanted = golden.read_text(encoding="utf-8")
    difference = "\n".join(difflib.unified_diff(wanted.splitlines(), text.splitlines(), lineterm=""))
    checks.true(f"{golden.name} is what is shown", wanted == text, difference)


def main() -> None:
    """Every width, each in a home of its own."""
    checks = Checks()
    for width in WIDTHS:
        with checks.section(f"{width} columns"), tempfile.TemporaryDirectory() as folder:
            check(checks, Path(folder), width)
    checks.finish()


if __name__ == "__main__":
    main()
