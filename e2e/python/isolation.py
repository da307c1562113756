"""`--sandbox` sends nothing of the user's to anybody.

A run in the sandbox is surrounded by canaries: `DATABRICKS_*` variables, a profile file and
`STRATAQL_*` settings with texts found nowhere else, and proxies, hosts and endpoints that all
point at a recorder on loopback. The run has to give its rows while no canary appears in its
output, in its log of requests or in the files it leaves behind, and while the recorder hears
nothing.

The canaries are real bait: the last section runs the same statement without `--sandbox`, against
the recorder, and there the credentials do arrive. Without that proof a typing mistake in a
variable's name would make every other check here pass for ever.

Run by `cargo xtask test`. By hand: `STRATAQL_BIN=…/strataql python e2e/python/isolation.py`.
"""

from __future__ import annotations

import base64
import json
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from support import environment
from support.checks import Checks
from support.recorder import Recorder

RESOURCE = "databricks_account.oauth2.published_app_integration"
SELECT = f"SELECT name, app_id FROM {RESOURCE} WHERE account_id = 'a1'"
PROVIDER_HOST = "accounts.cloud.databricks.com"
ROWS = 7
SECONDS = 60

CANARY = "canary-5e1f"
CLIENT_ID = f"{CANARY}-client"
CLIENT_SECRET = f"{CANARY}-secret"
ACCOUNT = f"{CANARY}-account"
TOKEN = f"{CANARY}-token"
PROFILE_TOKEN = f"{CANARY}-profile-token"


def traces() -> list[str]:
    """Texts that give a canary away, as it stands and as HTTP might spell it."""
    basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
    alone = [base64.b64encode(text.encode()).decode().rstrip("=") for text in (CLIENT_ID, TOKEN)]
    return [CANARY, basic, *alone]


def surroundings(home: Path, recorder: Recorder) -> dict[str, str]:
    """The environment of a user with credentials, profiles and a proxy."""
    baited = environment.clean(home)
    baited.update(
        {
            "DATABRICKS_HOST": f"{recorder.url}/{CANARY}",
            "DATABRICKS_ACCOUNT_ID": ACCOUNT,
            "DATABRICKS_CLIENT_ID": CLIENT_ID,
            "DATABRICKS_CLIENT_SECRET": CLIENT_SECRET,
            "DATABRICKS_TOKEN": TOKEN,
            "STRATAQL_ENDPOINT": f"databricks_account={recorder.url}",
        }
    )
    proxied = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"]
    for name in proxied + [name.lower() for name in proxied]:
        baited[name] = recorder.url
    return baited


def write_profile(home: Path, recorder: Recorder) -> None:
    """The profile file that Databricks tools read."""
    (home / ".databrickscfg").write_text(
        f"[DEFAULT]\nhost = {recorder.url}\naccount_id = {ACCOUNT}\ntoken = {PROFILE_TOKEN}\n"
        f"client_id = {CLIENT_ID}\nclient_secret = {CLIENT_SECRET}\n",
        encoding="utf-8",
    )


def run(home: Path, recorder: Recorder, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs `strataql exec` among the canaries."""
    return subprocess.run(
        [environment.binary(), "exec", *arguments],
        env=surroundings(home, recorder),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def found(text: str) -> list[str]:
    """The canaries' traces in a text."""
    return [trace for trace in traces() if trace in text]


def left_behind(home: Path) -> dict[str, list[str]]:
    """Traces in the files of the home, but for the profile that was put there."""
    files = [path for path in home.rglob("*") if path.is_file() and path.name != ".databrickscfg"]
    texts = {str(path): path.read_bytes().decode("utf-8", "replace") for path in files}
    return {path: found(text) for path, text in texts.items() if found(text)}


def hosts(log: str) -> set[str]:
    """The hosts of the requests in an `--http-log`."""
    lines = [line.split() for line in log.splitlines() if line.startswith("> ")]
    urls = [words[2] for words in lines if len(words) > 2 and "://" in words[2]]
    return {urlsplit(url).hostname or "" for url in urls}


def sandboxed(checks: Checks, home: Path, recorder: Recorder, name: str, *arguments: str) -> str:
    """One run in the sandbox that has to succeed and to give nothing away; its stdout."""
    done = run(home, recorder, *arguments)
    checks.equal(f"{name}: exit status", done.returncode, 0)
    checks.equal(f"{name}: no canary in the rows", found(done.stdout), [])
    checks.equal(f"{name}: no canary on stderr", found(done.stderr), [])
    checks.equal(f"{name}: the recorder heard nothing", recorder.heard(), [])
    return done.stdout


def select(checks: Checks, home: Path, recorder: Recorder) -> None:
    """A list, with its requests logged to a file."""
    log = home / "requests.log"
    out = sandboxed(
        checks, home, recorder, "select", "--sandbox", f"--http-log={log}", "-o", "jsonl", SELECT
    )
    rows = [json.loads(line) for line in out.splitlines()]
    checks.equal("select: all rows are there", len(rows), ROWS)
    checks.true("select: … with their values", all(row["name"] for row in rows), rows)
    text = log.read_text(encoding="utf-8")
    checks.true("select: the log has the request", "> GET " in text, text)
    checks.equal("select: no canary in the log", found(text), [])
    # the sandbox answers for the provider's own host; no other may be asked
    checks.equal("select: one host was asked", hosts(text), {PROVIDER_HOST})


def write(checks: Checks, home: Path, recorder: Recorder) -> None:
    """Writes, and a failure: error texts are where secrets like to turn up."""
    insert = f"INSERT INTO {RESOURCE} (account_id, app_id) VALUES ('a1', 'power-bi')"
    sandboxed(checks, home, recorder, "insert", "--sandbox", "--http-log", insert)
    failed = run(home, recorder, "--sandbox=fault=401:100%", "--http-log", SELECT)
    checks.true("a refusal: exit status", failed.returncode != 0, failed.returncode)
    checks.equal("a refusal: no rows", failed.stdout, "")
    checks.true("a refusal: an error", "error[" in failed.stderr, failed.stderr)
    checks.equal("a refusal: no canary", found(failed.stderr), [])
    checks.equal("a refusal: the recorder heard nothing", recorder.heard(), [])


def bait(checks: Checks, home: Path, recorder: Recorder) -> None:
    """Without `--sandbox` the same surroundings do lead to the recorder, with the credentials."""
    done = run(home, recorder, SELECT)
    heard = b"\n".join(recorder.heard()).decode("utf-8", "replace")
    checks.true("bait: the recorder is found", heard != "", done.stderr)
    checks.true("bait: the credentials arrive there", found(heard) != [], heard)
    checks.true("bait: nobody answered, so the run failed", done.returncode != 0, done.returncode)
    secrets = [text for text in (CLIENT_SECRET, TOKEN) if text in done.stdout + done.stderr]
    checks.equal("bait: the error tells no secret", secrets, [])


def main() -> None:
    """Runs all sections; the bait last, since the recorder remembers."""
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder, Recorder() as recorder:
        home = Path(folder)
        write_profile(home, recorder)
        with checks.section("select"):
            select(checks, home, recorder)
        with checks.section("write"):
            write(checks, home, recorder)
        with checks.section("files"):
            checks.equal("no canary in a file that a run left behind", left_behind(home), {})
        with checks.section("bait"):
            bait(checks, home, recorder)
    checks.finish()


if __name__ == "__main__":
    main()
