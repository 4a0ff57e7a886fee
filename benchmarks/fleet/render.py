"""What was measured, as a page."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from benchmarks.fleet.measure import ASKED, LOADED_JOBS, OURS, PLAIN, WORKERS, Scheduled
from benchmarks.fleet.render_rules import rules, table

Rows = Sequence[Mapping[str, Any]]


def markdown(found: Mapping[str, Any]) -> str:
    """The page of the parts that are there."""
    parts = [
        "# Fleets",
        "",
        "Written by `python -m benchmarks.fleet`; `--only sizes|loads|rules|table|modes` measures a part anew and keeps the others "
        "(fleet.json).",
        "",
    ]
    for name, render in _PARTS.items():
        if name in found:
            parts += [*render(found[name]), ""]
    return "\n".join(parts)


def line(part: str, row: Mapping[str, Any]) -> str:
    """A measurement on a terminal."""
    if part in ("sizes", "loads"):
        one = Scheduled(**row)
        where = f"{one.jobs} jobs, seed {one.seed}" + ("" if one.load is None else f", load {one.load}")
        return f"{where}: {one.by} {one.status}, gap {_percent(one.gap)} after {one.seconds:.1f} s"
    if part == "modes":
        return f"{row['fleet']}: {row['modes']} modes in {row['seconds']:.1f} s"
    late = f" as late as {row['as_late']}" if row["as_late"] else ""
    usd = "nothing" if row["usd"] is None else f"${row['usd']:,.0f}, {row['missed']} deadlines missed"
    return f"{row['fleet']}: {row['by']}{late}: {usd}"


def _sizes(part: Mapping[str, Any]) -> list[str]:
    return [
        "## Generated fleets",
        "",
        f"{_setting(part)} Five kinds of resource and more that change over time, 20 to 40 modes a job, deadlines, order, lead times, "
        "a budget; cost is minimised (`benchmarks/fleet/generate.py` says what is drawn). Scheduling only; what the modes of real fleets "
        "take is below. `plain CP-SAT` is what one writes first: an optional interval for each mode, a cumulative for each resource, the "
        "schedule by earliest deadline as a hint (`plain.py`; of each size the first fleet). A gap is that of the own bound; the last "
        "column holds the schedule against the better of both bounds.",
        "",
        *_scheduled(part["rows"], "jobs", lambda jobs: ASKED[jobs][1]),
        "",
        "**How the generator was made:** its parameters (nodes, prices, quotas, loads, deadlines) were tuned while the solver was written, "
        "on what the rules that people use make of the fleets, so that neither everything fits nor nothing does, and for loads at which "
        "proofs are possible. So these figures say what gpuplan does with fleets of this kind, not with any; the next table says what "
        "changes with the load.",
        "",
        *_contradicted(part["rows"]),
    ]


def _loads(part: Mapping[str, Any]) -> list[str]:
    return [
        "## By load",
        "",
        f"{_setting(part)} Fleets of {LOADED_JOBS} jobs whose work is that share of what the stock can do in the calendar; what does not "
        "fit before its deadline is rented.",
        "",
        *_scheduled(part["rows"], "load", None),
        "",
        *_contradicted(part["rows"]),
    ]


def _setting(part: Mapping[str, Any]) -> str:
    seeds = "Seed 0" if part["seeds"] == 1 else f"Seeds 0 to {part['seeds'] - 1}"
    return f"{seeds}, {part['seconds']:g} s, {WORKERS} workers, {part['machine']}."


def _scheduled(rows: Rows, key: str, asked: Callable[[int], str] | None) -> list[str]:
    every = [Scheduled(**row) for row in rows]
    best = {_fleet(one): max(_bounds(every, one), default=None) for one in every}
    head = f"| {key} | by | proved | seconds, median | gap, median | gap, worst | to the better bound, median |"
    found = [
        head + (" asked for |" if asked else ""),
        "|---:|---|---:|---:|---:|---:|---:|" + ("---|" if asked else ""),
    ]
    for value in dict.fromkeys(getattr(one, key) for one in every):
        for by in (OURS, PLAIN):
            mine = [one for one in every if getattr(one, key) == value and one.by == by]
            if mine:
                words = _summary(mine, best)
                found.append(f"| {value} | {by} | {words}" + (f" {asked(value)} |" if asked else ""))
    return found


def _summary(mine: Sequence[Scheduled], best: Mapping[tuple[int, int, float | None], float | None]) -> str:
    proved = sum(one.status == "optimal" for one in mine)
    gaps = [one.gap for one in mine if one.gap is not None]
    none = len(mine) - len(gaps)
    to_best = [1 - bound / one.usd for one in mine if one.usd and (bound := best[_fleet(one)]) is not None]
    worst = f"no schedule in {none} of {len(mine)}" if none else _percent(max(gaps, default=None))
    return (
        f"{proved} of {len(mine)} | {statistics.median(one.seconds for one in mine):.1f} | {_percent(_median(gaps))} | {worst} "
        f"| {_percent(_median([max(0.0, each) for each in to_best]))} |"
    )


def _fleet(one: Scheduled) -> tuple[int, int, float | None]:
    return one.jobs, one.seed, one.load


def _bounds(every: Sequence[Scheduled], one: Scheduled) -> list[float]:
    return [other.bound_usd for other in every if _fleet(other) == _fleet(one) and other.bound_usd is not None]


def _contradicted(rows: Rows) -> list[str]:
    """Bounds that a schedule of the other is below: one of the two is wrong."""
    every = [Scheduled(**row) for row in rows]
    wrong = [
        f"- {other.by} says that nothing is below ${other.bound_usd:,.2f}, and {one.by} has ${one.usd:,.2f}: {_fleet(one)}"
        for one in every
        for other in every
        if _fleet(one) == _fleet(other)
        and one.usd is not None
        and other.bound_usd is not None
        and other.bound_usd > one.usd + 1e-6 * one.usd
    ]
    return wrong or ["No schedule of one is below the bound of the other."]


def _modes(part: Mapping[str, Any]) -> list[str]:
    return [
        "## What the modes of real fleets take",
        "",
        f"The exact non-dominated plans of every job in nodes, time and cost, with the true physics, on the stock of the sizing table's "
        f"fleet and on all built-in offers; each anew in one process, {part['machine']}. Scheduling comes on top.",
        "",
        "| fleet | jobs | cannot be done | stocks and offers in use | plans looked at | modes | of one job at most | seconds |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
        *(
            f"| {row['fleet']} | {row['jobs']} | {row['without']} | {row['sources']} | {row['looked_at']:,} | {row['modes']:,} "
            f"| {row['most_modes']} | {row['seconds']:.1f} |"
            for row in part["rows"]
        ),
    ]


def _median(values: Iterable[float]) -> float | None:
    listed = list(values)
    return statistics.median(listed) if listed else None


def _percent(share: float | None) -> str:
    return "–" if share is None else "0" if share < 5e-7 else f"{100 * share:.2f} %"


_PARTS: dict[str, Callable[[Mapping[str, Any]], list[str]]] = {
    "sizes": _sizes,
    "loads": _loads,
    "rules": rules,
    "table": table,
    "modes": _modes,
}
