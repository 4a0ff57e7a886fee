"""What came of the problems so far: counts, shares, failures by kind, where the time went."""

from __future__ import annotations

import platform
from collections import Counter
from importlib.metadata import version

from benchmarks.soak.store import Row, fingerprint

#: Failures that are written out; all are in the store.
SHOWN = 20
NOT_ANSWERED = ("crash", "died", "timeout")


class Tally:
    """Counts over rows."""

    def __init__(self) -> None:
        self.seeds: list[int] = []
        self.unreduced = self.explained = self.relaxations = self.layouts = 0
        self.failures: list[tuple[int, str, str]] = []
        self.statuses: Counter[str] = Counter()
        self.objectives: Counter[str] = Counter()
        self.focus: Counter[str] = Counter()
        self.cp_sat: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.seconds: Counter[str] = Counter()

    @property
    def problems(self) -> int:
        """How many."""
        return len(self.seeds)

    def add(self, row: Row) -> None:
        """Count a row in."""
        self.seeds.append(row.seed)
        self.statuses[row.status] += 1
        self.objectives[row.objectives or "?"] += 1
        self.focus[row.focus or "?"] += 1
        self.cp_sat[row.cp_sat_status or "not asked"] += 1
        self.unreduced += row.unreduced
        self.explained += row.relaxations > 0
        self.relaxations += row.relaxations
        self.layouts += row.layouts
        self.failures += [(row.seed, kind, text) for kind, text in row.failures]
        self.kinds.update(kind for kind, _ in row.failures)
        self.seconds.update(row.seconds)

    def line(self, row: Row) -> str:
        """Progress, and what is wrong with the problem that was just done."""
        wrong = "".join(f"\n  {kind}: {text}" for kind, text in row.failures)
        return f"{self.problems:,} problems, {len(self.failures)} failures; last: {row.seed} {row.status}{wrong}"


def markdown(tally: Tally) -> str:
    """The result as a page."""
    answered = sum(count for status, count in tally.statuses.items() if status not in NOT_ANSWERED)
    parts = [
        "# Soak",
        "",
        f"{tally.problems:,} random problems (`tests/problems.py`, numbers {min(tally.seeds, default=0):,} to "
        f"{max(tally.seeds, default=0):,}), each solved, verified and held against the search oracle: {len(tally.failures):,} "
        "failures. Written by `python -m benchmarks.soak`.",
        "",
        *_table("answer", tally.statuses, tally.problems),
        "`near`: a plan meets a limit to within rounding (1e-6), so that either answer is right; not judged.",
        "",
        *_table("minimised", tally.objectives, tally.problems),
        *_table("drawn for", tally.focus, tally.problems),
        *_table("CP-SAT said", tally.cp_sat, tally.problems),
        f"Plans that break no rule of structure and at most one other: {tally.layouts:,}. Solved a second time by CP-SAT alone, "
        f"without reductions: {tally.unreduced:,} problems. Explained: {tally.explained:,} infeasible problems, with "
        f"{tally.relaxations:,} relaxations that were tried.",
        "",
        *_failures(tally),
        *_seconds(tally, answered),
        f"gpuplan {version('gpuplan')} (sources {fingerprint()}), OR-Tools {version('ortools')}, numpy {version('numpy')}, "
        f"Python {platform.python_version()}.",
    ]
    return "\n".join(parts) + "\n"


def _table(name: str, counts: Counter[str], of: int) -> list[str]:
    lines = [f"| {key} | {count:,} | {count / of:.1%} |" for key, count in counts.most_common()]
    return [f"| {name} | problems | share |", "|---|---|---|", *lines, ""]


def _failures(tally: Tally) -> list[str]:
    if not tally.failures:
        return ["No failure of any kind.", ""]
    kinds = [f"| {kind} | {count:,} |" for kind, count in tally.kinds.most_common()]
    shown = [
        f"- problem {seed}, {kind}: {text.strip().splitlines()[-1]}" for seed, kind, text in tally.failures[:SHOWN]
    ]
    return ["| failure | problems |", "|---|---|", *kinds, "", *shown, ""]


def _seconds(tally: Tally, answered: int) -> list[str]:
    """Where the time went, per problem that was answered."""
    lines = [f"| {part} | {1e3 * total / max(1, answered):.1f} |" for part, total in tally.seconds.most_common()]
    return ["| part | CPU milliseconds a problem |", "|---|---|", *lines, ""]
