"""Environments that hold nothing of the machine's owner."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# a proxy would be asked for loopback addresses, and a set variable of the SDK beats its arguments
_FOREIGN_PREFIXES = ("DATABRICKS_", "STRATAQL_", "XDG_", "ARM_", "GOOGLE_")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


def binary() -> str:
    """The `strataql` binary under test, which the test run names in `STRATAQL_BIN`."""
    path = os.environ.get("STRATAQL_BIN", "")
    if not path or not Path(path).is_file():
        sys.exit(
            f"STRATAQL_BIN names no file: {path!r}; run these programs with `cargo xtask test`"
        )
    return path


def clean(home: Path) -> dict[str, str]:
    """A copy of the environment with another home, without proxies and providers' variables."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_FOREIGN_PREFIXES) and name.upper() not in _PROXIES
    }
    kept["HOME"] = str(home)
    return kept


def enter(home: Path) -> None:
    """Gives this very process a clean environment: the SDK reads its own surroundings."""
    wanted = clean(home)
    # an absent file, so that the profiles of whoever runs the tests are never read
    wanted["DATABRICKS_CONFIG_FILE"] = str(home / "no-such-databrickscfg")
    os.environ.clear()
    os.environ.update(wanted)
