"""The corpus: statements of `corpus/*.sql`, where `{a|b|c}` stands for each of its choices in turn.

A line that begins with `--` is a comment; one that ends with `-- ordered` gives the order of its rows.
"""

from __future__ import annotations

import itertools
import re
from pathlib import Path

from .statements import Statement

FOLDER = Path(__file__).parent / "corpus"
_CHOICE = re.compile(r"\{([^{}]*)\}")
_ORDERED = "-- ordered"


def expand(line: str) -> list[str]:
    """Every statement that a line stands for."""
    parts = _CHOICE.split(line)
    choices = [part.split("|") if at % 2 else [part] for at, part in enumerate(parts)]
    return ["".join(chosen) for chosen in itertools.product(*choices)]


def statements() -> list[Statement]:
    """All of them, in order of files and lines, each once."""
    found: dict[str, Statement] = {}
    for path in sorted(FOLDER.glob("*.sql")):
        for line in path.read_text().splitlines():
            line = line.strip()
            if not line or line.startswith("--"):
                continue
            ordered = line.endswith(_ORDERED)
            for text in expand(line.removesuffix(_ORDERED).strip()):
                found.setdefault(text, Statement(text, ordered))
    return list(found.values())
