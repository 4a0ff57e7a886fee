"""A batch that is killed at random moments, again and again, until it ends; then another one."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.batch.jobs import KILLED
from benchmarks.batch.rate import say
from benchmarks.batch.runs import begin, measured, members, rows_of, write_jobs
from gpuplan.batching.read import read_rows

#: Processes of a killed run have this long to end by themselves.
GONE_SECONDS = 60.0
#: Where a run is killed: while it starts, after a few rows more, or when all are known and the file is written; and how often.
PHASES = {"start": 2, "rows": 7, "end": 1}
#: Longest wait in each phase: from the beginning, from the row on, from the last row on.
WAIT_SECONDS = {"start": 3.0, "rows": 0.1, "end": 0.05}
MOST_ROWS = 8
#: Of runs that have nothing left to do but to write the file, this share is killed.
KILLED_AT_THE_END = 0.5


@dataclass
class Soak:
    """What came of it; `moments` counts kills by what the run was at."""

    kills: int = 0
    batches: int = 0
    rows: int = 0
    moments: dict[str, int] = field(default_factory=dict)
    torn: int = 0
    failures: list[str] = field(default_factory=list)


def soak(kills: int, seed: int) -> Soak:
    """Kill so many runs."""
    draw, found = random.Random(seed), Soak()
    with tempfile.TemporaryDirectory() as folder:
        jobs = write_jobs(Path(folder, "jobs.jsonl"), [dict(row.words) for row in read_rows({"grid": KILLED})])
        measured(jobs, Path(folder, "whole.jsonl"), 2)
        expected = rows_of(Path(folder, "whole.jsonl"))
        found.rows = len(expected)
        while found.kills < kills:
            out = Path(folder, f"plans{found.batches}.jsonl")
            _one_batch(jobs, out, expected, draw, kills, found)
            say(f"{found.kills} kills, {found.batches} batches, {len(found.failures)} failures {found.failures[-1:]}")
    return found


def _one_batch(
    jobs: Path, out: Path, expected: list[dict[str, Any]], draw: random.Random, kills: int, found: Soak
) -> None:
    """Kill runs of a batch until one ends, and look at what it has written."""
    journal, known = Path(f"{out}.journal"), list[str]()
    found.batches += 1
    while journal.exists() or not out.exists():
        process = begin(jobs, out, draw.choice((1, 1, 2)))
        if found.kills < kills and (len(known) < len(expected) or draw.random() < KILLED_AT_THE_END):
            _wait(process, journal, len(known), len(expected), draw)
            process.send_signal(signal.SIGKILL)
        said, problem = process.communicate()
        if process.returncode != -signal.SIGKILL:
            found.failures += _ended(process.returncode, said, problem, len(known), len(expected))
            break
        found.kills += 1
        found.failures += _left_over(process.pid)
        now, torn = entries(journal)
        found.torn += torn
        name = moment(len(now), len(known), len(expected), out, journal)
        found.moments[name] = found.moments.get(name, 0) + 1
        found.failures += _wrong(known, now, out)
        known = now
    if journal.exists() or rows_of(out) != expected:
        found.failures.append("the rows are not those of a run that nobody killed")


def _ended(code: int, said: str, problem: str, known: int, rows: int) -> list[str]:
    """What is wrong with a run that ended by itself."""
    if code:
        return [f"a run ended with {code}: {problem}"]
    solver = json.loads(said)["solver"]
    if (solver["resumed"], solver["asked"]) == (known, rows - known):
        return []
    return [f"{solver['resumed']} rows resumed and {solver['asked']} asked, of {known} kept"]


def _wait(process: subprocess.Popen[str], journal: Path, known: int, rows: int, draw: random.Random) -> None:
    """Wait until a random moment of a run."""
    phase = draw.choices(list(PHASES), list(PHASES.values()))[0]
    target = {"start": 0, "rows": min(rows, known + draw.randint(1, MOST_ROWS)), "end": rows}[phase]
    while process.poll() is None and _lines(journal) <= target and phase != "start":
        time.sleep(0.002)
    time.sleep(draw.random() * WAIT_SECONDS[phase])


def _lines(journal: Path) -> int:
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def moment(now: int, before: int, rows: int, out: Path, journal: Path) -> str:
    """What a run was at when it was killed."""
    if out.exists():
        return (
            "the file written, the journal still there" if journal.exists() else "the file written, the journal removed"
        )
    if now == rows:
        return "all rows known, before the file was written"
    return "before a row was answered" if now == before else "between two rows, or at one"


def entries(journal: Path) -> tuple[list[str], bool]:
    """Keys of the whole entries of a journal, and whether its last line is torn."""
    content = journal.read_bytes() if journal.exists() else b""
    whole = content[: content.rfind(b"\n") + 1]
    return [json.loads(line)["key"] for line in whole.splitlines()[1:]], len(whole) < len(content)


def _wrong(known: list[str], now: list[str], out: Path) -> list[str]:
    """What a killed run has done that it must not."""
    wrong = []
    if now[: len(known)] != known and not out.exists():  # the journal is removed when the file is there
        wrong.append("an entry of the journal is lost")
    if len(set(now)) < len(now):
        wrong.append("a row was answered twice")
    return wrong


def _left_over(session: int) -> list[str]:
    """Processes that outlive the one that was killed."""
    end = time.monotonic() + GONE_SECONDS
    while members(session):
        if time.monotonic() > end:
            return [f"{len(members(session))} processes outlive a killed run"]
        time.sleep(0.01)
    return []
