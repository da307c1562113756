"""SQL for every control plane, from Python.

>>> import strataql
>>> strataql.query("SELECT 1 AS one").rows()
[{'one': 1}]
"""

from __future__ import annotations

from typing import Any, Iterator

from . import aio
from ._client import Client, Result, Statement
from ._errors import Error, Report

__all__ = [
    "Client",
    "Error",
    "Report",
    "Result",
    "Statement",
    "aio",
    "execute",
    "query",
    "stream",
    "stream_rows",
]


def query(sql: str, params: Any = None, **options: Any) -> Result:
    """Runs one statement; `options` are those of `Client`."""
    return Client(**options).query(sql, params)


def execute(sql: str, params: Any = None, **options: Any) -> list[Statement]:
    """Runs statements in order; `options` are those of `Client`."""
    return Client(**options).execute(sql, params)


def stream(sql: str, params: Any = None, **options: Any) -> Iterator[Any]:
    """Gives the Arrow batches of one statement; `options` are those of `Client`."""
    return Client(**options).stream(sql, params)


def stream_rows(sql: str, params: Any = None, **options: Any) -> Iterator[dict[str, Any]]:
    """Gives the rows of one statement as they arrive; `options` are those of `Client`."""
    return Client(**options).stream_rows(sql, params)


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext strataql`."""
    from ._magic import load

    load(shell)
