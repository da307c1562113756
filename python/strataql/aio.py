"""The functions of the package for `asyncio`."""

from __future__ import annotations

import asyncio
import json
from typing import Any, AsyncIterator

from ._client import Client, Result, Statement, check, result, statements

__all__ = ["execute", "query", "stream_rows"]


async def query(sql: str, params: Any = None, **options: Any) -> Result:
    """Runs one statement and gives its rows."""
    return result(*await _run(sql, "arrow", params, options))


async def execute(sql: str, params: Any = None, **options: Any) -> list[Statement]:
    """Runs statements in order and tells what each did."""
    return statements(*await _run(sql, "events", params, options))


async def stream_rows(sql: str, params: Any = None, **options: Any) -> AsyncIterator[dict[str, Any]]:
    """Gives the rows of one statement as they arrive."""
    process = await _start(sql, "jsonl", params, options)
    assert process.stdout is not None and process.stderr is not None
    messages = asyncio.ensure_future(process.stderr.read())
    try:
        async for line in _lines(process.stdout):
            yield json.loads(line)
        exit_code = await process.wait()
        check(await messages, exit_code)
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
        if not messages.done():
            messages.cancel()


async def _lines(stream: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Lines of any length."""
    rest = b""
    while part := await stream.read(1 << 16):
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            yield line
    if rest:
        yield rest


async def _start(sql: str, output: str, params: Any, options: dict[str, Any]) -> asyncio.subprocess.Process:
    client = Client(**options).options
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *client.command(output, params), stdin=pipe, stdout=pipe, stderr=pipe, env=client.environment()
    )
    assert process.stdin is not None
    try:
        process.stdin.write(sql.encode())
        await process.stdin.drain()
        process.stdin.close()
    except (BrokenPipeError, ConnectionResetError):
        # it ended at once, and says why
        pass
    return process


async def _run(sql: str, output: str, params: Any, options: dict[str, Any]) -> tuple[bytes, bytes, int]:
    process = await _start(sql, output, params, options)
    assert process.stdout is not None and process.stderr is not None
    try:
        found, messages = await asyncio.gather(process.stdout.read(), process.stderr.read())
        return found, messages, await process.wait()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
