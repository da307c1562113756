"""The command line of a call: what goes where.

The statement goes through stdin and credentials through the environment, since other users of the
machine can see command lines.
"""

from __future__ import annotations

import json
import os
import shutil
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Mapping, Sequence

PARTIAL = 8
"""The exit code of a partial result that was asked for."""


def executable() -> str:
    """The executable: that of `STRATAQL_BIN`, the wheel's own, or the first on the path."""
    named = os.environ.get("STRATAQL_BIN")
    if named:
        return named
    name = "strataql.exe" if os.name == "nt" else "strataql"
    for scheme in (None, f"{os.name}_user"):
        try:
            folder = sysconfig.get_path("scripts", scheme) if scheme else sysconfig.get_path("scripts")
        except KeyError:
            continue
        path = Path(folder) / name
        if path.is_file():
            return str(path)
    found = shutil.which(name)
    if found is None:
        raise FileNotFoundError("the strataql executable is neither next to Python nor on PATH; set STRATAQL_BIN")
    return found


@dataclass
class Options:
    """The arguments of a client."""

    sandbox: bool | str = False
    read_only: bool = False
    registry: str | None = None
    auth: Mapping[str, Any] | None = None
    endpoints: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    max_writes: int | None = None
    timeout: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    flags: Sequence[str] = ()

    def command(self, output: str, params: Any) -> list[str]:
        """The command line; the statement comes through stdin."""
        command = [executable(), "exec", "-i", "-", "-o", output, "--error-format", "json"]
        if self.sandbox:
            command.append("--sandbox" if self.sandbox is True else f"--sandbox={self.sandbox}")
        if self.read_only:
            command.append("--read-only")
        if self.registry is not None:
            command += ["--registry", self.registry]
        if self.max_writes is not None:
            command += ["--max-writes", str(self.max_writes)]
        if self.timeout is not None:
            command += ["--timeout", self.timeout]
        for provider, url in self.endpoints.items():
            command += ["--endpoint", f"{provider}={url}"]
        for name, value in self.settings.items():
            command += ["--set", f"{name}={text(value)}"]
        for name, value in _named(params).items():
            command.append(f"--param={name}={text(value)}")
        return command + list(self.flags)

    def environment(self) -> dict[str, str]:
        """The environment of the executable."""
        found = {**os.environ, **self.env}
        if self.auth is not None:
            found["STRATAQL_AUTH"] = json.dumps(self.auth)
        for name, value in self.variables.items():
            found[f"STRATAQL_VAR_{name}"] = text(value)
        return found


def text(value: Any) -> str:
    """A value as the command line takes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        return json.dumps(value)
    return str(value)


def _named(params: Any) -> dict[str, Any]:
    if params is None:
        return {}
    if isinstance(params, Mapping):
        return {str(name): value for name, value in params.items()}
    return {str(number): value for number, value in enumerate(params, 1)}
