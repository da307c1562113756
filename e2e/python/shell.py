"""`strataql shell` in a terminal of tmux: what a person types, and what is on the screen.

Several lines, completion with its menu, history and its search, the pager, Ctrl-C, the commands with
`\\`, the rc file, and the time that completion takes on the largest provider that ships.

Run by `cargo xtask test`. By hand: `STRATAQL_BIN=…/strataql python e2e/python/shell.py`.
"""

from __future__ import annotations

import shlex
import subprocess
import tempfile
import time
from pathlib import Path

from support import environment
from support.checks import Checks

APPS = "databricks_account.oauth2.custom_app_integration"
PATIENCE = 60
PROMPTS = ("sandbox>", "strataql>", "...")


class Terminal:
    """A shell in a terminal of 120 columns and 40 lines."""

    def __init__(self, home: Path, *flags: str, **variables: str) -> None:
        self.socket = str(home / f"tmux-{time.monotonic_ns()}")
        surroundings = environment.clean(home)
        surroundings.pop("TMUX", None)
        self.env = surroundings | {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "LESS": "", **variables}
        command = shlex.join([environment.binary(), "shell", *flags])
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "120", "-y", "40", f"trap : INT; {command}; echo ended $?; sleep 600")
        self.tmux("set-option", "-g", "escape-time", "0")

    def tmux(self, *arguments: str) -> str:
        command = ["tmux", "-S", self.socket, *arguments]
        return subprocess.run(command, env=self.env, check=True, capture_output=True, text=True).stdout

    def keys(self, *keys: str) -> None:
        """Presses keys by their names in tmux."""
        self.tmux("send-keys", *keys)

    def type(self, text: str) -> None:
        """Types a text, and waits until it is there."""
        # a `;` at the end would end the command of tmux
        given = f"{text[:-1]}\\;" if text.endswith(";") else text
        self.tmux("send-keys", "-l", given)
        if len(text) > 1:
            self.wait(text.strip())

    def run(self, line: str) -> None:
        """Types a line and sends it, once the shell waits for one."""
        self.ready()
        self.type(line)
        self.keys("Enter")

    def interrupt(self, *texts: str) -> str:
        """Presses Ctrl-C until the texts are there: it may come before there is something to interrupt."""
        end = time.monotonic() + PATIENCE
        while True:
            self.keys("C-c")
            until = time.monotonic() + 1
            while time.monotonic() < until:
                screen = self.screen()
                if all(text in screen for text in texts) and self.is_ready(screen):
                    return screen
                time.sleep(0.05)
            if time.monotonic() > end:
                raise AssertionError(f"not interrupted: {texts!r}\n{screen}")

    def screen(self) -> str:
        """What is on the screen."""
        return self.tmux("capture-pane", "-p", "-J")

    def wait(self, *texts: str, without: str = "") -> str:
        """Waits until all texts are on the screen; gives it."""
        end = time.monotonic() + PATIENCE
        while True:
            screen = self.screen()
            if all(text in screen for text in texts) and (not without or without not in screen):
                return screen
            if time.monotonic() > end:
                raise AssertionError(f"not seen: {texts!r}\n{screen}")
            time.sleep(0.05)

    @staticmethod
    def is_ready(screen: str) -> bool:
        """True if the last line is a prompt with nothing behind it."""
        lines = [line for line in screen.splitlines() if line.strip()]
        return bool(lines) and lines[-1].strip() in PROMPTS

    def ready(self) -> None:
        """Waits for a prompt with nothing behind it."""
        end = time.monotonic() + PATIENCE
        while not self.is_ready(screen := self.screen()):
            if time.monotonic() > end:
                raise AssertionError("there is no prompt:\n" + screen)
            time.sleep(0.05)

    def clear(self) -> None:
        """An empty screen with a prompt."""
        self.interrupt()
        end = time.monotonic() + PATIENCE
        self.keys("C-l")
        while [line.strip() for line in self.screen().splitlines() if line.strip()] not in ([one] for one in PROMPTS):
            if time.monotonic() > end:
                raise AssertionError("not cleared:\n" + self.screen())
            time.sleep(0.05)

    def close(self) -> None:
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], env=self.env, check=False, capture_output=True)


def editing(checks: Checks, terminal: Terminal) -> None:
    screen = terminal.wait("sandbox> ")
    checks.true("the banner says where statements go", "Simulated providers at http://127.0.0.1:" in screen, screen)
    checks.true("and which", "databricks_account" in screen, screen)
    terminal.run("SELECT 1")
    terminal.wait("... ")
    terminal.run("  + 41 AS answer")
    terminal.run(";")
    screen = terminal.wait("answer", "42")
    checks.true("a text is sent when it is complete", True)
    terminal.run("SELEC 1;")
    checks.true("a mistake is marked", "^^^^" in terminal.wait("error[syntax]"))
    terminal.run("SELECT 7 AS seven\\G")
    terminal.wait("seven  7")
    checks.true("records", True)


def completion(checks: Checks, terminal: Terminal) -> None:
    terminal.clear()
    terminal.type("SELECT name FROM databricks_account.oau")
    terminal.keys("Tab")
    terminal.wait("databricks_account.oauth2")
    checks.true("one choice is taken", True)
    terminal.type(".custom_app")
    terminal.keys("Tab")
    terminal.wait(APPS)
    terminal.type(" WHERE ")
    terminal.keys("Tab")
    screen = terminal.wait("account_id")
    checks.true("the missing parameter comes first, with its meaning", "required by" in screen, screen)
    terminal.keys("Enter")
    terminal.wait("account_id = ")
    terminal.type("'a1' LIMIT 1;")
    terminal.keys("Enter")
    screen = terminal.wait("name", "sandbox> ")
    checks.true("and the statement runs", "error" not in screen, screen)
    terminal.clear()
    terminal.type("\\fo")
    terminal.keys("Tab")
    checks.true("commands complete", "\\format" in terminal.wait("\\format"))
    terminal.clear()


def interrupting(checks: Checks, terminal: Terminal) -> None:
    terminal.clear()
    terminal.run("SELECT count(*) AS big FROM generate_series(1, 100000000000);")
    terminal.interrupt("the statement was cancelled")
    checks.true("Ctrl-C ends the statement", True)
    terminal.run("SELECT 'still here' AS note;")
    terminal.wait("still here")
    checks.true("and not the shell", True)
    terminal.clear()
    terminal.type("SELECT half")
    terminal.interrupt("SELECT half")
    terminal.run("SELECT 'whole' AS line;")
    screen = terminal.wait("whole")
    checks.true("and a line", "error" not in screen, screen)


def paging(checks: Checks, terminal: Terminal) -> None:
    terminal.clear()
    terminal.run("SELECT value AS number FROM generate_series(1, 500);")
    screen = terminal.wait("number", ":")
    checks.true("a long result is shown in the pager", "500" not in screen and "sandbox>" not in screen, screen)
    terminal.type("G")
    terminal.wait("500")
    terminal.type("q")
    terminal.ready()
    terminal.clear()
    columns = ", ".join(f"'{'x' * 30}' AS column_{number}" for number in range(8))
    terminal.run(f"SELECT {columns};")
    screen = terminal.wait("column_0", "(END)")
    header = next(line for line in screen.splitlines() if line.startswith("column_0 "))
    checks.true("so is a wide one", "column_7" not in header, screen)
    terminal.type("q")
    terminal.ready()
    terminal.run("\\pager off")
    terminal.wait("the pager is off")


def commands(checks: Checks, terminal: Terminal, home: Path) -> None:
    terminal.clear()
    terminal.run("\\?")
    checks.true("help", "\\watch" in terminal.wait("\\explain"))
    terminal.clear()
    terminal.run(f"\\d {APPS}")
    checks.true("describe", "required" in terminal.wait("account_id"))
    terminal.clear()
    terminal.run("\\l")
    terminal.wait("embedded")
    terminal.run(f"\\explain DELETE FROM {APPS} WHERE account_id = 'a1' AND integration_id = 'x'")
    checks.true("a command needs no ;", "DELETE" in terminal.wait("https://accounts"))
    terminal.clear()
    terminal.run("\\format csv")
    terminal.run("\\timing on")
    terminal.run("SELECT 1 AS a, 'x,y' AS b;")
    terminal.wait('1,"x,y"', "1 row, 0 requests")
    checks.true("format and timing", True)
    terminal.run("\\set who O'Hara")
    terminal.run("SELECT '{{ who }}' AS name;")
    checks.true("variables", "O'Hara" in terminal.wait("name\nO'Hara"))
    terminal.clear()
    written = home / "out.csv"
    terminal.run(f"\\o {written}")
    terminal.run("SELECT 'in a file' AS note;")
    terminal.run("\\o")
    script = home / "script.sql"
    script.write_text("\\format table\nSELECT 'from' AS a;\nSELECT\n 'script' AS b;\n")
    terminal.run(f"\\i {script}")
    terminal.wait("from", "script")
    checks.equal("a file for results", written.read_text(), "note\nin a file\n")
    terminal.clear()
    terminal.run("SELECT 'again' AS tick;")
    terminal.wait("again")
    terminal.run("\\watch 0.2")
    end = time.monotonic() + PATIENCE
    while terminal.screen().count("again") < 4 and time.monotonic() < end:
        time.sleep(0.1)
    terminal.interrupt()
    checks.true("watch repeats until Ctrl-C", terminal.screen().count("again") >= 4)
    terminal.clear()
    terminal.run("\\e")
    terminal.wait("edited")
    terminal.keys("Enter")
    terminal.wait("edited by a program")
    checks.true("an editor changes the statement", True)
    terminal.clear()
    terminal.run("\\nonsense")
    terminal.wait("there is no command")
    terminal.run("\\sandbox off")
    screen = terminal.wait("strataql> ", "Statements go to these services")
    checks.true("the real services, with hosts and accounts",
                "accounts.cloud.databricks.com" in screen and "no credential" in screen, screen)
    terminal.run("\\sandbox")
    terminal.wait("sandbox> ")


def history(checks: Checks, terminal: Terminal, home: Path) -> None:
    terminal.clear()
    terminal.run("SELECT 'findable' AS needle;")
    terminal.wait("findable")
    terminal.run("EXEC x.y.z @client_secret = 'hunter2hunter2';")
    terminal.wait("error")
    terminal.run("\\q")
    terminal.wait("ended 0")
    terminal.close()
    kept = home / ".local/share/strataql/history"
    checks.true("secrets are not kept", "hunter2" not in kept.read_text() and "findable" in kept.read_text())
    checks.equal("the file is the owner's", oct(kept.stat().st_mode & 0o777), "0o600")
    again = Terminal(home, "--sandbox")
    try:
        again.wait("sandbox> ")
        again.keys("C-r")
        again.type("needle")
        again.wait("SELECT 'findable'")
        again.keys("Enter")
        again.wait("sandbox> SELECT 'findable' AS needle;")
        again.keys("Enter")
        again.wait("\nneedle")
        checks.true("the history is there in the next run, and is searched", True)
        again.clear()
        again.keys("Up")
        again.wait("SELECT 'findable'")
        again.clear()
        again.keys("C-d")
        again.wait("ended 0")
        checks.true("Ctrl-D leaves", True)
    finally:
        again.close()


def piped(checks: Checks, home: Path) -> None:
    ran = subprocess.run(
        [environment.binary(), "shell", "--sandbox", "-o", "csv"], input="SELECT 1 AS a; SELECT\n2 AS b",
        env=environment.clean(home), capture_output=True, text=True, timeout=60, check=False,
    )
    checks.equal("without a terminal it reads like exec", (ran.stdout, ran.returncode), ("a\n1\nb\n2\n", 0))
    ran = subprocess.run(
        [environment.binary(), "shell", "--sandbox"], input="SELECT nam;",
        env=environment.clean(home), capture_output=True, text=True, timeout=60, check=False,
    )
    checks.true("and fails like it", ran.returncode == 2 and "unknown-column" in ran.stderr, ran)


def main() -> None:
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        editor = home / "editor.sh"
        editor.write_text("#!/bin/sh\necho \"SELECT 'edited by a program' AS e;\" > \"$1\"\n")
        editor.chmod(0o700)
        rc = home / ".config/strataql/shellrc"
        rc.parent.mkdir(parents=True)
        rc.write_text("-- what every shell begins with\nSELECT 'from the rc file' AS hello;\n")
        terminal = Terminal(home, "--sandbox", EDITOR=str(editor))
        try:
            with checks.section("editing"):
                terminal.wait("from the rc file")
                checks.true("the rc file runs", True)
                editing(checks, terminal)
            with checks.section("completion"):
                completion(checks, terminal)
            with checks.section("interrupting"):
                interrupting(checks, terminal)
            with checks.section("paging"):
                paging(checks, terminal)
            with checks.section("commands"):
                commands(checks, terminal, home)
            with checks.section("history"):
                history(checks, terminal, home)
        finally:
            terminal.close()
        with checks.section("piped"):
            piped(checks, home)
    checks.finish()


if __name__ == "__main__":
    main()
