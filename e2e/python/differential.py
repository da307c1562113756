"""SQL means what PostgreSQL means: the same statements over the same rows, on both sides.

Two random generators and a corpus give the statements. A statement that both sides answer has to have the
same rows. What ours refuses is counted, by the code of the refusal; what PostgreSQL alone refuses is no
statement. The seed is the number of the round, so that every statement can be made again.

Run by `cargo xtask test` with a sample, by `cargo xtask full` with all. By hand:
`STRATAQL_BIN=…/strataql STRATAQL_POSTGRES=…/bin python e2e/python/differential.py [queries|times|corpus] [SEED]`.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from judge import cells, corpus
from judge.ours import Refusal, Runner
from judge.postgres import Connection, Refused, Server
from judge.random_queries import Queries
from judge.random_times import Times
from judge.statements import TABLES, Statement
from support import environment
from support.checks import Checks

# statements of one seed
ROUND = 200
ROUNDS = {"sample": 2, "full": 125}
SHOWN = 40
# statements that PostgreSQL refuses because of a value: rows in their place are wrong
VALUE_ERRORS = ("22", "21")


class Comparison:
    """Both sides, and what came of the statements so far."""

    def __init__(self, judge: Connection, runner: Runner) -> None:
        self.judge, self.runner = judge, runner
        self.outcomes: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.samples: dict[str, str] = {}
        self.wrong: list[str] = []

    def tables(self) -> None:
        """Creates the tables on both sides."""
        for text in TABLES:
            self.judge.query(text)
        for text, result in zip(TABLES, self.runner.run(TABLES)):
            if isinstance(result, Refusal):
                raise RuntimeError(f"{text}: {result.message}")

    def compare(self, statements: list[Statement], name: str) -> None:
        """Runs statements on both sides."""
        asked, answers = [], []
        for statement in statements:
            try:
                answers.append(self.judge.query(statement.text))
            except Refused as refused:
                if not refused.code.startswith(VALUE_ERRORS):
                    self.outcomes["no statement"] += 1
                    continue
                answers.append(refused)
            asked.append(statement)
        for statement, answer, ours in zip(asked, answers, self.runner.run([it.text for it in asked])):
            self._judge(statement, answer, ours, name)

    def _judge(self, statement: Statement, answer: object, ours: list[list] | Refusal, name: str) -> None:
        if isinstance(ours, Refusal):
            if isinstance(answer, Refused):
                self.outcomes["both refuse"] += 1
                return
            self.outcomes["refused"] += 1
            self.refusals[_kind(ours)] += 1
            self.samples.setdefault(_kind(ours), statement.text)
            if ours.code in ("internal", "crash", "timeout"):
                self.wrong.append(f"{name}: {statement.text}\n  {ours.code}: {ours.message}")
            return
        if isinstance(answer, Refused):
            self.wrong.append(f"{name}: {statement.text}\n  PostgreSQL: {answer} ({answer.code})\n  ours: {ours[:4]}")
            return
        kinds, rows = answer
        wanted, got = cells.rows(rows, kinds, statement.ordered), cells.rows(ours, kinds, statement.ordered)
        if wanted == got:
            self.outcomes["same rows"] += 1
        else:
            self.wrong.append(f"{name}: {statement.text}\n  PostgreSQL: {wanted[:6]}\n  ours:       {got[:6]}")


def _kind(refusal: Refusal) -> str:
    """What refusals of one kind have in common: their message without names and numbers."""
    return re.sub(r"[`'\"][^`'\"]*[`'\"]|\d+", "…", refusal.message)[:120]


def main() -> None:
    checks = Checks()
    full = os.environ.get("STRATAQL_FULL") == "1"
    chosen = sys.argv[1] if len(sys.argv) > 1 else ""
    seeds = [int(sys.argv[2])] if len(sys.argv) > 2 else range(ROUNDS["full" if full else "sample"])
    programs = Path(os.environ["STRATAQL_POSTGRES"])
    with tempfile.TemporaryDirectory() as folder, Server(programs) as server:
        runner = Runner(str(Path(environment.binary()).resolve()), environment.clean(Path(folder)), Path(folder))
        first = Comparison(server.connect(), runner)
        first.tables()
        jobs: list[tuple[str, list[Statement]]] = []
        for kind, source in (("queries", Queries), ("times", Times)):
            if chosen in ("", kind):
                for seed in seeds:
                    made = source(seed)
                    jobs.append((f"{kind} {seed}", [made.next() for _ in range(ROUND)]))
        if chosen in ("", "corpus"):
            known = corpus.statements()
            part = known if full or chosen else known[::5]
            jobs += [("corpus", part[at : at + ROUND]) for at in range(0, len(part), ROUND)]
        done: list[Comparison] = []

        def work(job: tuple[str, list[Statement]]) -> None:
            with server.connect() as judge:
                own = Comparison(judge, runner)
                own.compare(job[1], job[0])
            done.append(own)
            if full:
                print(f"{len(done)} of {len(jobs)} rounds, {sum(len(it.wrong) for it in done)} wrong", file=sys.stderr)
                print("\n".join(own.wrong), end="\n" if own.wrong else "", file=sys.stderr)

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(work, jobs))
    outcomes: Counter[str] = sum((own.outcomes for own in done), Counter())
    refusals: Counter[str] = sum((own.refusals for own in done), Counter())
    wrong = [text for own in done for text in own.wrong]
    print(", ".join(f"{count} {name}" for name, count in outcomes.most_common()))
    samples = {kind: text for own in done for kind, text in own.samples.items()}
    for kind, count in refusals.most_common(SHOWN):
        print(f"refused {count}: {kind}\n  {samples[kind]}")
    for text in wrong[:SHOWN]:
        print(text)
    with checks.section("rows"):
        checks.true("statements were compared", outcomes["same rows"] > 0)
        checks.equal(f"wrong rows among {outcomes['same rows'] + len(wrong)}", len(wrong), 0)
    checks.finish()


if __name__ == "__main__":
    main()
