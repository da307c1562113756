"""Runs statements of every kind against a mock of every provider in a registry, and tells what works.

    STRATAQL_BIN=…/strataql python run.py --registry FOLDER [--registry FOLDER] [--full] [--provider NAME] [-v]

For each provider some methods of each SQL verb are drawn (with a seed), a statement is written for each, the product
runs all of them in one process, and a server on loopback answers as the service would: untransformed, lists in three
pages. A statement works if its request has the right verb, host and path and every value once and in its place, and if
all rows come back with their values. Exit code 1 if fewer work than `--least` percent.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import documents
from documents import SQL_NAMES, Service as Documents, load
from server import Service
from statements import Statement, Writer
from verdict import judge

# how many of each kind: as a sample, and in full
SAMPLE = {"list": 4, "get": 3, "insert": 2, "update": 2, "delete": 2, "view": 4}
FULL = {"list": 15, "get": 9, "insert": 6, "update": 6, "delete": 3, "view": 100_000}
SAMPLE_BYTES, FULL_BYTES = 700_000, 40_000_000
SECONDS = 900
KEY_FILE = Path(__file__).parents[2] / "crates/net/tests/transport/keys/rsa.pem"


def services(folder: Path, limit: int, seed: int) -> tuple[str, list[Documents], list[str]]:
    """The SQL name of a provider, some of its services, up to `limit` bytes, and what could not be read."""
    index = load(folder / "provider.yaml")
    provider = SQL_NAMES.get(folder.parent.name, folder.parent.name)
    entries = list((index.get("providerServices") or {}).items())
    random.Random(f"{seed}{provider}").shuffle(entries)
    root, found, used, problems = folder.parent.parent, [], 0, []
    for key, entry in entries:
        reference = (entry.get("resources") or entry.get("service") or {}).get("$ref")
        file = root / str(reference)
        if not file.is_file():
            continue
        size = file.stat().st_size
        if found and used + size > limit:
            continue
        used += size
        try:
            found.append(Documents(provider, root, index, key, entry))
        except Exception as error:  # noqa: BLE001
            problems.append(f"{provider}.{key}: {type(error).__name__} {error}")
    return provider, found, problems


def draw(found: list[Documents], wanted: dict[str, int], seed: int, provider: str) -> list[Statement]:
    """Statements of a provider: some of each kind, from all its services in turn."""
    writer = Writer(seed)
    chooser = random.Random(f"{seed}{provider}statements")
    drawn: list[Statement] = []
    counts: Counter[str] = Counter()
    pools = []
    for one in found:
        for verb in documents.VERBS:
            methods = [method for method in one.methods() if method.verb == verb]
            chooser.shuffle(methods)
            pools.append((one, verb, methods))
    by_verb: dict[str, list[Any]] = defaultdict(list)
    for verb in documents.VERBS:
        own = [(one, list(methods)) for one, which, methods in pools if which == verb]
        while any(methods for _, methods in own):
            for one, methods in own:
                if methods:
                    by_verb[verb].append((one, methods.pop()))
    for verb, methods in by_verb.items():
        kinds = ("list", "get") if verb == "select" else (verb,)
        for one, method in methods:
            if all(counts[kind] >= wanted[kind] for kind in kinds):
                break
            statement = writer.write(one, method)
            if statement and counts[statement.verb] < wanted[statement.verb]:
                counts[statement.verb] += 1
                drawn.append(statement)
    for one in found:
        for view in one.views():
            if counts["view"] < wanted["view"]:
                counts["view"] += 1
                drawn.append(writer.view(view))
    return drawn


def environment(home: Path, folder: Path) -> dict[str, str]:
    """An environment with nothing of the machine's owner, and a dummy for every credential of the provider."""
    kept = {name: value for name, value in os.environ.items()
            if name in ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "RUST_BACKTRACE")}
    kept |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "XDG_CONFIG_HOME": str(home / "config"),
             "XDG_DATA_HOME": str(home / "data"), "STRATAQL_HOME": str(home / "strataql"), "AWS_EC2_METADATA_DISABLED": "true",
             "AZURE_TENANT_ID": "dummy", "AZURE_CLIENT_ID": "dummy", "AZURE_CLIENT_SECRET": "dummy",
             "DATABRICKS_ACCOUNT_ID": "dummy", "AWS_REGION": "us-east-1"}

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            for key, value in node.items():
                if isinstance(value, str) and key.replace("_", "").lower().endswith(("envvar", "var")):
                    kept.setdefault(value, "dummy")
                walk(value)
        elif isinstance(node, list):
            for one in node:
                walk(one)

    auth = (load(folder / "provider.yaml").get("config") or {}).get("auth") or {}
    walk(auth)
    if auth.get("type") == "service_account":
        key = {"type": "service_account", "client_email": "dummy@example.com", "private_key": KEY_FILE.read_text(),
               "private_key_id": "1", "token_uri": "https://oauth2.googleapis.com/token", "project_id": "dummy"}
        kept[str(auth.get("credentialsenvvar") or "GOOGLE_CREDENTIALS")] = json.dumps(key)
    return kept


def run(binary: str, registry: Path, folder: Path, full: bool, seed: int) -> dict[str, Any]:
    """Draws, runs and judges the statements of a provider."""
    began = time.time()
    provider, found, problems = services(folder, FULL_BYTES if full else SAMPLE_BYTES, seed)
    statements = draw(found, FULL if full else SAMPLE, seed, provider)
    others = [method for one in found for method in one.all_methods()]
    if not statements:
        return {"provider": provider, "results": [], "problems": problems, "seconds": time.time() - began}
    server = Service(statements, others)
    prepared = time.time()
    events: dict[int, list[dict[str, Any]]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as home:
        command = [binary, "exec", "--registry", f"file:{registry}", "--endpoint", f"{provider}={server.url}", "-o", "events",
                   "--keep-going", "--max-writes", "1000000", "-i", "-"]
        text = ";\n".join(one.sql for one in statements)
        try:
            ended = subprocess.run(command, input=text, env=environment(Path(home), folder), capture_output=True, text=True,
                                   timeout=SECONDS, check=False)
            output, errors = ended.stdout, ended.stderr
        except subprocess.TimeoutExpired as late:
            output, errors = (late.stdout or b"").decode(), "did not end in time"
    for line in output.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if event.get("statement") is not None:
            events[int(event["statement"])].append(event)
    server.close()
    if errors.strip():
        problems.append(f"{provider}: stderr: {errors.strip()[:300]}")
    counts = [next((int(one.get("requests") or 0) for one in events[number] if one["event"] == "end"), 0)
              for number in range(1, len(statements) + 1)]
    log, results, at = list(server.log), [], 0
    is_split = sum(counts) == len(log)
    for number, statement in enumerate(statements):
        if is_split:
            own = log[at : at + counts[number]]
            at += counts[number]
            # a request that another method of the same service would have sent is not the statement's own
            for one in own:
                if one.statement != number:
                    one.statement = None
        else:
            own = [one for one in log if one.statement == number]
        if not events[number + 1]:
            reason = "not run"
        else:
            reason = judge(statement, events[number + 1], own)
        error = next((one.get("message") for one in events[number + 1] if one["event"] == "error"), "")
        results.append({"verb": statement.verb, "key": statement.key, "reason": reason, "sql": statement.sql,
                        "transform": bool(statement.method and statement.method.transformed), "error": error,
                        "paging": statement.answer.paging.style if statement.answer else "",
                        "requests": [one.shown() for one in own]})
    return {"provider": provider, "results": results, "problems": problems, "seconds": time.time() - began,
            "prepared": prepared - began}


def report(outcomes: list[dict[str, Any]], verbose: bool) -> float:
    """Prints a table per provider and verb, reasons by count, and gives the share that works."""
    verbs = ("list", "get", "insert", "update", "delete", "view")
    print(f"{'provider':22}" + "".join(f"{verb:>10}" for verb in verbs) + f"{'seconds':>9}")
    total: dict[str, list[int]] = {verb: [0, 0] for verb in verbs}
    reasons: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for outcome in outcomes:
        cells = ""
        for verb in verbs:
            own = [one for one in outcome["results"] if one["verb"] == verb]
            works = sum(not one["reason"] for one in own)
            total[verb][0] += works
            total[verb][1] += len(own)
            cells += f"{f'{works}/{len(own)}' if own else '-':>10}"
        print(f"{outcome['provider']:22}{cells}{outcome['seconds']:9.1f}")
        for one in outcome["results"]:
            if one["reason"]:
                reason = f"{one['verb']}: {one['reason']}"
                reasons[reason] += 1
                examples.setdefault(reason, one["key"])
                if verbose:
                    print(f"  {one['verb']} {one['key']}: {one['reason']}\n    {one['sql'][:400]}\n    {one['error'] or ''}")
                    for request in one["requests"][:4]:
                        print(f"    > {request[:300]}")
        for problem in outcome["problems"]:
            print(f"  {problem}")
    print(f"{'all':22}" + "".join(f"{f'{a}/{b}':>10}" for a, b in total.values()))
    for reason, count in reasons.most_common(60):
        print(f"{count:5}  {reason}   ({examples[reason]})")
    works, all_of = (sum(one[at] for one in total.values()) for at in (0, 1))
    share = 100 * works / all_of if all_of else 0.0
    print(f"{works} of {all_of} statements work: {share:.1f} %")
    return share


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--registry", action="append", type=Path, default=[])
    parser.add_argument("--provider", action="append", default=[])
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--least", type=float, default=0)
    parser.add_argument("--json", type=Path)
    parser.add_argument("-j", "--jobs", type=int, default=2)
    parser.add_argument("-v", "--verbose", action="store_true")
    arguments = parser.parse_args()
    binary = os.environ.get("STRATAQL_BIN", "strataql")
    registries = [one.resolve() for one in arguments.registry]
    tasks = [(registry, folder) for registry in registries for folder in documents.providers(registry)
             if not arguments.provider or folder.parent.name in arguments.provider]
    if not tasks:
        sys.exit("there is no provider to run; name a registry folder with --registry")
    with ProcessPoolExecutor(max_workers=arguments.jobs) as pool:
        futures = [pool.submit(run, binary, registry, folder, arguments.full, arguments.seed) for registry, folder in tasks]
        outcomes = [one.result() for one in futures]
    if arguments.json:
        arguments.json.write_text(json.dumps(outcomes, indent=1))
    share = report(outcomes, arguments.verbose)
    if share < arguments.least:
        sys.exit(f"fewer than {arguments.least} % of the statements work")


if __name__ == "__main__":
    main()
