"""Checks that print what held, and an exit status that says whether all did."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import Any, Callable, Iterator


class Failure(Exception):
    """A check that did not hold."""


class Checks:
    """Counts checks and ends the program with their outcome.

    A section groups checks that build on each other: its first failure ends the section, and the
    next section still runs.
    """

    def __init__(self) -> None:
        self.held = 0
        self.failed = 0

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        """Runs a group of checks; any exception counts as a failure of the group."""
        try:
            yield
        except Failure as failure:
            self.failed += 1
            print(f"FAILED {name}: {failure}")
        # what the client raises unexpectedly is a finding about the server, not a reason to stop
        except Exception as error:  # noqa: BLE001
            self.failed += 1
            print(f"FAILED {name}: {type(error).__name__}: {error}")

    def true(self, name: str, condition: bool, detail: Any = "") -> None:
        """The condition holds; `detail` is shown when it does not."""
        if not condition:
            raise Failure(f"{name}: {detail}" if detail != "" else name)
        self.held += 1
        print(f"ok {name}")

    def equal(self, name: str, got: Any, wanted: Any) -> None:
        """Both values are the same."""
        self.true(name, got == wanted, f"got {got!r}, wanted {wanted!r}")

    def raises(self, name: str, kind: type[BaseException], act: Callable[[], Any]) -> BaseException:
        """The call raises exactly this kind of error, which is given back."""
        try:
            result = act()
        except kind as error:
            self.held += 1
            print(f"ok {name}")
            return error
        except Exception as error:
            raise Failure(f"{name}: raised {type(error).__name__} ({error})") from error
        raise Failure(f"{name}: raised nothing, gave {result!r}")

    def finish(self) -> None:
        """Prints the totals and ends the program; a run without any check is a failure, too."""
        print(f"{self.held} checks held, {self.failed} sections failed")
        sys.exit(0 if self.failed == 0 and self.held > 0 else 1)
