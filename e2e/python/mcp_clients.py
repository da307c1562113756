"""The official SDK of the Model Context Protocol as a client, over stdio and over HTTP.

Every tool is called, results are continued, a person is asked and says yes or no, and more than eighty
ways to write are refused in read-only mode over both transports: the sandbox sees no request that
could change anything. Malformed frames, foreign hosts and wrong tokens end no server.

Run by `cargo xtask test`. By hand: `STRATAQL_BIN=…/strataql python e2e/python/mcp_clients.py`.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import tempfile
import urllib.error
import urllib.request
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, AsyncIterator

import httpx2
import mcp_types as types
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from support import environment
from support.checks import Checks

APPS = "databricks_account.oauth2.custom_app_integration"
KEY = "account_id = 'a1' AND integration_id = 'i1'"
TOKEN = "0123456789abcdef0123456789abcdef"
TOOLS = {
    "server_info", "list_providers", "list_services", "list_resources", "list_methods",
    "describe_resource", "describe_method", "validate_select_query", "run_select_query",
    "run_mutation_query", "run_lifecycle_operation", "reload_credentials",
    "query_library_search", "query_library_get", "explain_requests", "search_schema", "describe",
    "continue_result",
}
DELETE = f"DELETE FROM {APPS} WHERE {KEY}"
INSERT = f"INSERT INTO {APPS} (account_id, name) VALUES ('a1', 'x')"
UPDATE = f"UPDATE {APPS} SET scopes = '[]' WHERE {KEY}"
EXEC = f"EXEC {APPS}.custom_app_integration_delete @account_id = 'a1', @integration_id = 'i1'"


def attempts() -> list[str]:
    """Ways to write that a look at the first word, or at the text, would let through."""
    found = []
    for write in (DELETE, INSERT, UPDATE, EXEC):
        verb, rest = write.split(" ", 1)
        found += [
            write,
            write.lower(),
            f"  {write} ;",
            f"\n\t{write}",
            f"/* SELECT 1 */ {write}",
            f"-- SELECT 1\n{write}",
            f"/* /* SELECT */ 1 */ {write}",
            f"{verb}/**/{rest}",
            f"SELECT 1; {write}",
            f"SELECT ';'; {write}; SELECT 2",
            f"{write}; SELECT 1",
            f"SHOW PROVIDERS; {write}",
            f"BEGIN; {write}; COMMIT",
            f"EXPLAIN ANALYZE {write}",
            f"EXPLAIN {write}; {write}",
            f"SET read_only = off; {write}",
            f"SET \"read_only\" TO false; {write}",
            f"USE databricks_account; {write}",
            f"SELECT '--'; {write} -- '",
        ]
    for write in (DELETE, INSERT, UPDATE):
        found += [
            f"WITH x AS ({write} RETURNING *) SELECT * FROM x",
            f"WITH x AS (SELECT 1) {write}",
            f"SELECT * FROM ({write} RETURNING *) AS x",
            f"{write} RETURNING *",
        ]
    found += [
        f"SELECT * FROM ({EXEC})",
        f"SELECT * FROM ({EXEC}) LIMIT 0",
        f"SELECT 1 WHERE EXISTS (SELECT 1 FROM ({EXEC}) e)",
        f"WITH e AS (SELECT * FROM ({EXEC})) SELECT 1 FROM e",
        f"SELECT 1 UNION ALL SELECT 2 FROM ({EXEC})",
        f"VALUES ((SELECT count(*) FROM ({EXEC})))",
        f"EXPLAIN ANALYZE SELECT * FROM ({EXEC})",
        f"DELETE FROM {APPS}",
        f"REPLACE {APPS} SET name = 'x' WHERE {KEY}",
        f"TRUNCATE {APPS}",
        f"DROP TABLE {APPS}",
        f"CREATE TABLE t AS SELECT * FROM {APPS} WHERE account_id = 'a1'",
        "CREATE VIEW v AS SELECT 1",
        f"CREATE VIEW v AS SELECT * FROM ({EXEC})",
        f"SELECT * INTO t FROM {APPS} WHERE account_id = 'a1'",
        f"COPY (SELECT 1) TO '/tmp/x.csv'",
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
        f"PREPARE p AS {DELETE}",
        "SELECT * FROM '/etc/passwd.csv'",
    ]
    return found


@asynccontextmanager
async def over_stdio(home: Path, *flags: str, ask: Any = None) -> AsyncIterator[ClientSession]:
    """A session with a server that is started for it."""
    server = StdioServerParameters(
        command=environment.binary(),
        args=["mcp", *flags],
        env=environment.clean(home) | {"RUST_BACKTRACE": "0"},
    )
    async with stdio_client(server) as (read, write):
        async with ClientSession(read, write, elicitation_callback=ask) as session:
            await session.initialize()
            yield session


@asynccontextmanager
async def serving(home: Path, *flags: str) -> AsyncIterator[str]:
    """A server over HTTP; gives its URL."""
    surroundings = environment.clean(home) | {"STRATAQL_MCP_TOKEN": TOKEN}
    command = [environment.binary(), "mcp", "--http", "127.0.0.1:0", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=surroundings) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().strip()
        finally:
            server.terminate()
            server.wait(10)


@asynccontextmanager
async def over_http(url: str, ask: Any = None) -> AsyncIterator[ClientSession]:
    """A session over HTTP."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx2.AsyncClient(headers=headers, timeout=60, trust_env=False) as client:
        async with streamable_http_client(url, http_client=client) as streams:
            read, write = streams[0], streams[1]
            async with ClientSession(read, write, elicitation_callback=ask) as session:
                await session.initialize()
                yield session


async def call(session: ClientSession, name: str, **arguments: Any) -> Any:
    """Calls a tool."""
    return await session.call_tool(name, arguments)


def content(result: Any) -> dict[str, Any]:
    """The structured content of a result."""
    return result.structured_content


async def tools(checks: Checks, session: ClientSession, transport: str) -> None:
    """Each tool answers."""
    at = f"{transport}:"
    names = {tool.name for tool in (await session.list_tools()).tools}
    checks.equal(f"{at} the tools", names, TOOLS)
    info = content(await call(session, "server_info"))
    checks.true(f"{at} server_info", info["sandbox"] and info["transport"] in at, info)
    path = {"provider": "databricks_account"}
    rows = content(await call(session, "list_providers"))["rows"]
    checks.true(f"{at} list_providers", any(row["name"] == "databricks_account" for row in rows), rows)
    rows = content(await call(session, "list_services", **path))["rows"]
    checks.true(f"{at} list_services", any(row["name"] == "oauth2" for row in rows), rows)
    path["service"] = "oauth2"
    rows = content(await call(session, "list_resources", **path))["rows"]
    checks.true(f"{at} list_resources", len(rows) > 1, rows)
    path["resource"] = "custom_app_integration"
    rows = content(await call(session, "list_methods", **path))["rows"]
    checks.true(f"{at} list_methods", len(rows) == 5, rows)
    rows = content(await call(session, "describe_resource", **path))["rows"]
    checks.true(f"{at} describe_resource", any(row["name"] == "account_id" for row in rows), rows)
    method = await call(session, "describe_method", **path, method="custom_app_integration_create")
    checks.true(f"{at} describe_method", not method.is_error and content(method)["rows"], method)
    query = f"SELECT name, integration_id FROM {APPS} WHERE account_id = 'a1'"
    valid = content(await call(session, "validate_select_query", sql=query))
    checks.equal(f"{at} validate_select_query", valid, {"valid": True, "errors": []})
    for wrong, code in ((f"SELECT nam FROM {APPS}", "unknown-column"), (f"SELECT name FROM {APPS}", "missing-param")):
        valid = content(await call(session, "validate_select_query", sql=wrong))
        checks.true(f"{at} it says what is wrong", valid["errors"][0]["code"] == code, valid)
    rows = content(await call(session, "run_select_query", sql=query))
    checks.true(f"{at} run_select_query", rows["complete"] and rows["row_count"] > 2, rows)
    first = content(await call(session, "run_select_query", sql=query, row_limit=2))
    checks.true(f"{at} a limit truncates", first["truncated"] and not first["complete"], first)
    rest = content(await call(session, "continue_result", continuation=first["continuation"]))
    checks.equal(f"{at} the rest follows", first["rows"] + rest["rows"], rows["rows"])
    again = await call(session, "continue_result", continuation=first["continuation"])
    checks.true(f"{at} once", again.is_error)
    many = await call(
        session, "run_select_query",
        sql="SELECT value AS n, repeat('x', 100) AS t FROM generate_series(1, 5000)", max_tokens=500,
    )
    checks.true(f"{at} a budget of tokens", len(many.content[0].text) < 4000 and content(many)["truncated"])
    exact = await call(session, "run_select_query", sql="SELECT CAST('12345678901234567890123456789' AS DECIMAL(38, 0)) AS n")
    checks.true(f"{at} digits", "12345678901234567890123456789" in json.dumps(content(exact)["rows"]), exact)
    plan = content(await call(session, "explain_requests", sql=f"{INSERT}; {DELETE}"))
    verbs = [step["http"] for one in plan["statements"] for step in one["requests"]]
    checks.equal(f"{at} explain_requests", verbs, ["POST", "DELETE"])
    described = content(await call(session, "describe", sql=f"SELECT name FROM {APPS} WHERE account_id = $1"))
    checks.true(f"{at} describe", described["parameters"] and described["columns"][0]["name"] == "name", described)
    found = content(await call(session, "search_schema", query="custom app integrations"))["rows"]
    checks.equal(f"{at} search_schema", found[0]["name"], APPS)
    hits = content(await call(session, "query_library_search", intent="list custom app integrations"))
    checks.true(f"{at} query_library_search", not hits["miss"] and not hits["hits"][0]["mutation"], hits)
    template = content(await call(
        session, "query_library_get", id=f"{APPS}.custom_app_integration_list", params={"account_id": "a'1"}
    ))
    checks.true(f"{at} query_library_get", template["sql"].endswith("WHERE account_id = 'a''1'"), template)
    reloaded = content(await call(session, "reload_credentials", provider="databricks_account"))
    checks.equal(f"{at} reload_credentials", reloaded["providers"][0]["status"], "ok")
    failed = await call(session, "run_select_query", sql=f"SELECT * FROM {APPS}")
    checks.true(f"{at} a failure is an error", failed.is_error and content(failed)["error"]["help"], failed)
    failed = await call(session, "list_services", provider="x;DROP")
    checks.true(f"{at} names are names", failed.is_error, failed)
    prompts = (await session.list_prompts()).prompts
    checks.true(f"{at} prompts", len(prompts) == 7)
    resources = (await session.list_resources()).resources
    text = await session.read_resource(resources[0].uri)
    checks.true(f"{at} resources", len(resources) == 4 and text.contents[0].text)


async def read_only(checks: Checks, session: ClientSession, transport: str, log: Path) -> None:
    """No attempt to write gets through, by whatever tool."""
    found = attempts()
    checks.true(f"{transport}: there are many attempts", len(found) >= 80, len(found))
    through = []
    for sql in found:
        for tool in ("run_select_query", "run_mutation_query", "run_lifecycle_operation"):
            result = await call(session, tool, sql=sql)
            if not result.is_error:
                through.append((tool, sql))
    checks.equal(f"{transport}: {len(found)} attempts, three tools: all refused", through, [])
    await call(session, "run_select_query", sql=f"SELECT name FROM {APPS} WHERE account_id = 'a1'")
    sent = [line for line in log.read_text().splitlines() if "/custom-app-integrations" in line]
    checks.true(f"{transport}: reads are logged", any("GET" in line for line in sent), sent)
    writes = [line for line in sent if any(verb in line for verb in ("POST ", "DELETE ", "PATCH ", "PUT "))]
    checks.equal(f"{transport}: no request could change anything", writes, [])


async def approvals(checks: Checks, transport: str, connect: Any) -> None:
    """A person is asked, and what they say counts."""
    questions: list[str] = []

    def answering(action: str) -> Any:
        async def ask(_: Any, params: Any) -> Any:
            questions.append(params.message)
            return types.ElicitResult(action=action, content={} if action == "accept" else None)

        return ask

    for action, runs in (("accept", True), ("decline", False), ("cancel", False)):
        async with connect(answering(action)) as session:
            result = await call(session, "run_mutation_query", sql=f"{INSERT} RETURNING *")
            checks.equal(f"{transport}: {action}", not result.is_error, runs)
            if runs:
                message = content(result)["messages"][0]
                checks.true(f"{transport}: it says what was done", message["affected"] == 1, message)
    checks.equal(f"{transport}: each was asked once", len(questions), 3)
    checks.true(f"{transport}: with the requests", "POST https://" in questions[0], questions[0])
    async with connect(None) as session:
        result = await call(session, "run_mutation_query", sql=INSERT)
        checks.true(f"{transport}: nobody to ask", result.is_error and "elicitation" in result.content[0].text, result)


def frames(checks: Checks, home: Path) -> None:
    """Malformed frames are answered, and the session goes on to its end."""
    hello = {
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {"protocolVersion": "1999-01-01", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
    }
    lines = [
        "{", "nonsense", "[]", "42", '{"jsonrpc":"2.0"}', json.dumps(hello), "\x00\x01\x02",
        '{"jsonrpc":"2.0","id":5,"method":"tools/call","params":"x"}',
        '{"jsonrpc":"2.0","id":6,"method":"no/such"}',
        json.dumps({"jsonrpc": "2.0", "id": 7, "method": "ping", "params": {"x": "y" * (9 << 20)}}),
        '{"jsonrpc":"2.0","id":8,"method":"tools/call","params":{"name":"run_select_query","arguments":{"sql":"SELECT 1 AS one"}}}',
    ]
    # the last line has no end, and the input ends with it
    ran = subprocess.run(
        [environment.binary(), "mcp", "--sandbox"], input="\r\n".join(lines).encode(),
        env=environment.clean(home), capture_output=True, timeout=120, check=False,
    )
    checks.equal("frames: the end of the input is the end", ran.returncode, 0)
    answers = [json.loads(line) for line in ran.stdout.decode().splitlines()]
    codes = [answer["error"]["code"] for answer in answers if "error" in answer]
    checks.equal("frames: each is answered", sorted(codes), sorted([-32700] * 3 + [-32600] * 4 + [-32602, -32601]))
    by_id = {answer.get("id"): answer for answer in answers}
    checks.true("frames: another version gets ours", by_id[1]["result"]["protocolVersion"] >= "2024-11-05", by_id[1])
    checks.equal("frames: the session went on", by_id[8]["result"]["structuredContent"]["rows"], [{"one": 1}])


def doors(checks: Checks, url: str) -> None:
    """Who may not connect over HTTP."""
    body = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'

    def status(**headers: str) -> int:
        usual = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        request = urllib.request.Request(url, data=body, headers=usual | headers, method="POST")
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    token = f"Bearer {TOKEN}"
    checks.equal("http: no token", status(), 401)
    checks.equal("http: a wrong token", status(Authorization=f"Bearer {TOKEN[:-1]}0"), 401)
    checks.equal("http: another host", status(Authorization=token, Host="evil.example"), 403)
    checks.equal("http: another site", status(Authorization=token, Origin="https://evil.example"), 403)


async def main() -> None:
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        sandbox = "--sandbox=rows=5"
        with checks.section("tools over stdio"):
            async with over_stdio(home, sandbox) as session:
                await tools(checks, session, "stdio")
        with checks.section("read-only over stdio"):
            log = home / "stdio.log"
            async with over_stdio(home, sandbox, "--mode", "read_only", f"--http-log={log}") as session:
                await read_only(checks, session, "stdio", log)
        with checks.section("approvals over stdio"):
            await approvals(checks, "stdio", lambda ask: over_stdio(home, sandbox, ask=ask))
        with checks.section("over HTTP"):
            async with serving(home, sandbox) as url:
                async with over_http(url) as session:
                    await tools(checks, session, "http")
                await approvals(checks, "http", lambda ask: over_http(url, ask))
                doors(checks, url)
        with checks.section("read-only over HTTP"):
            log = home / "http.log"
            async with serving(home, sandbox, "--mode", "read_only", f"--http-log={log}") as url:
                async with over_http(url) as session:
                    await read_only(checks, session, "http", log)
        with checks.section("frames"):
            frames(checks, home)
        with checks.section("an open address"):
            ran = subprocess.run(
                [environment.binary(), "mcp", "--sandbox", "--http", "0.0.0.0:0"],
                env=environment.clean(home), capture_output=True, timeout=60, check=False,
            )
            checks.true("it needs a token", ran.returncode == 2 and b"no token" in ran.stderr, ran)
    checks.finish()


if __name__ == "__main__":
    asyncio.run(main())
