"""`%strataql` and `%%strataql` in a notebook.

    %%strataql --sandbox --name apps
    SELECT name FROM databricks_account.oauth2.custom_app_integration WHERE account_id = 'a1'

The rows are shown as a frame of pandas; `--name` keeps them under that name, `--as arrow` or
`--as polars` gives another kind. Other flags are those of `strataql exec`. `:name` in a statement is
the value of the notebook's variable of that name.
"""

from __future__ import annotations

import argparse
import re
import shlex
from typing import Any

from ._client import Client
from ._errors import Error

_PARAMETER = re.compile(r"(?<![:\w]):([A-Za-z_]\w*)")
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/", re.DOTALL)


def load(shell: Any) -> None:
    """Registers the magics."""

    def run(line: str, cell: str | None = None) -> Any:
        parser = argparse.ArgumentParser("strataql", add_help=False, allow_abbrev=False)
        parser.add_argument("--name")
        parser.add_argument("--as", dest="kind", choices=("pandas", "polars", "arrow"), default="pandas")
        if cell is None:
            given, flags, sql = parser.parse_args([]), [], line
        else:
            given, flags = parser.parse_known_args(shlex.split(line))
            sql = cell
        try:
            found = Client(flags=flags).query(sql, parameters(sql, shell.user_ns))
        except Error as error:
            # the traceback would show this package
            print(error)
            return None
        for note in found.notes:
            print(f"note: {note}")
        frame = getattr(found, given.kind)()
        if given.name:
            shell.user_ns[given.name] = frame
            return None
        return frame

    shell.register_magic_function(run, "line_cell", "strataql")


def parameters(sql: str, names: dict[str, Any]) -> dict[str, Any]:
    """The notebook's values of the parameters of a statement."""
    plain = _QUOTED.sub(" ", sql)
    return {name: names[name] for name in _PARAMETER.findall(plain) if name in names}
