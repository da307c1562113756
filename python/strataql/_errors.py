"""Failures of the executable as exceptions."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Report:
    """One error, warning or note."""

    severity: str
    message: str
    code: str = ""
    sqlstate: str = ""
    help: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    labels: list[dict[str, Any]] = field(default_factory=list)
    remote: dict[str, Any] | None = None

    @classmethod
    def of(cls, value: dict[str, Any]) -> Report:
        """The report of a JSON object."""
        known = {name: value[name] for name in cls.__dataclass_fields__ if value.get(name) is not None}
        known.setdefault("severity", "error")
        known.setdefault("message", "")
        return cls(**known)


class Error(Exception):
    """A statement that failed.

    `code` is a stable identifier such as `missing-param`, `help` what can be done about it.
    """

    def __init__(self, report: Report, exit_code: int) -> None:
        lines = [f"[{report.code}] {report.message}" if report.code else report.message]
        lines += [f"  help: {text}" for text in report.help]
        lines += [f"  note: {text}" for text in report.notes]
        super().__init__("\n".join(lines))
        self.report = report
        self.exit_code = exit_code

    @property
    def code(self) -> str:
        """The stable identifier."""
        return self.report.code

    @property
    def message(self) -> str:
        """What happened."""
        return self.report.message

    @property
    def help(self) -> list[str]:
        """What can be done about it."""
        return self.report.help

    @property
    def notes(self) -> list[str]:
        """Facts that help to understand it."""
        return self.report.notes

    @property
    def sqlstate(self) -> str:
        """The SQLSTATE."""
        return self.report.sqlstate


def reports(text: str) -> list[Report]:
    """The reports of stderr, one JSON object a line; other lines become reports without a code."""
    found = []
    for line in text.splitlines():
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError:
            value = {"severity": "error", "message": line}
        found.append(Report.of(value if isinstance(value, dict) else {"message": line}))
    return found


def failure(found: list[Report], exit_code: int) -> Error:
    """The exception for a run that failed."""
    errors = [report for report in found if report.severity == "error"]
    usual = Report("error", f"strataql ended with exit code {exit_code} and no message")
    return Error(errors[0] if errors else usual, exit_code)
