"""What people do, and what it costs them, as the tables of the page."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.fleet.against import JOBS, Outcome
from benchmarks.fleet.baselines import BASELINES
from benchmarks.fleet.measure import OURS, WORKERS

RULES = {
    "cheapest first come": "each takes the plan that is cheapest for himself, and waits until it is free; first come, first served",
    "first come in time": "first come, first served: the cheapest that ends in time given what is booked, else what ends first",
    "earliest deadline first": "the same, the earliest deadline first",
}


def rules(part: Mapping[str, Any]) -> list[str]:
    """The section of the generated fleets."""
    every = [Outcome(**row) for row in part["rows"]]
    fleets = list(dict.fromkeys(one.fleet for one in every))
    return [
        "## Against what people do",
        "",
        f"{len(fleets)} generated fleets of {JOBS} jobs; {_setting(part)} The rules keep capacities, releases and order, and nothing else; "
        "they place one job after the other and never move it again (`baselines.py`):",
        "",
        *(f"- *{name}*: {RULES[name]};" for name in BASELINES),
        f"- *{OURS}*: all deadlines and the budget kept, least cost.",
        "",
        "| | cost, median | rent, median | deadlines missed, of all | hours late, median | over the budget |",
        "|---|---:|---:|---:|---:|---:|",
        *(_summary(every, by, len(fleets)) for by in (OURS, *BASELINES)),
        "",
        "A rule that misses deadlines is cheaper for it. So each is also held against gpuplan **at equal service**: every deadline moved "
        "to when the rule ends that job, where that is later, and no budget, so that no job ends later than by its deadline or by the "
        "rule. Where the rule misses nothing and keeps the budget, that is the same question. The last column is what keeping all "
        "deadlines costs, or saves, against the rule.",
        "",
        "| rule | misses something in | saving at equal service: median | least | most | cost with all deadlines kept, median |",
        "|---|---:|---:|---:|---:|---:|",
        *(_savings(every, rule, fleets) for rule in BASELINES),
        "",
        "Each fleet: cost (deadlines missed) of the rule, and the saving at equal service.",
        "",
        f"| fleet | {OURS} (gap) | {' | '.join(BASELINES)} |",
        "|---|---:|" + "---:|" * len(BASELINES),
        *(_fleet(every, fleet) for fleet in fleets),
    ]


def table(part: Mapping[str, Any]) -> list[str]:
    """The section of the sizing table's fleet."""
    every = [Outcome(**row) for row in part["rows"]]
    (fleet,) = {one.fleet for one in every}
    found = [
        "## The rows of a sizing table as a fleet",
        "",
        f"The 23 rows of `seed_table.csv` as jobs of one team, on the stock that `benchmarks/fleet/seed_table.py` states, with rent from "
        f"every provider; their modes with the true physics. {_setting(part)}",
        "",
        "| | cost | rent | deadlines missed | hours late | gap, in |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for one in every:
        name = one.by if one.as_late is None else f"{one.by}, as late as *{one.as_late}*"
        gap = "" if one.seconds is None else f"{_gap(one)}, {one.seconds:.1f} s"
        found.append(
            f"| {name} | {_usd(one.usd)} | {_usd(one.rent_usd)} | {one.missed} | {one.late_hours or 0:,.1f} | {gap} |"
        )
    return [
        *found,
        "",
        "| rule | saving at equal service | cost with all deadlines kept |",
        "|---|---:|---:|",
        *(
            f"| {rule} | {_saving(every, rule, fleet, equal=True)} | {_more(every, rule, fleet)} |"
            for rule in BASELINES
        ),
    ]


def _setting(part: Mapping[str, Any]) -> str:
    return f"{part['seconds']:g} s for each schedule, {WORKERS} workers, {part['machine']}."


def _summary(every: Sequence[Outcome], by: str, fleets: int) -> str:
    mine = [one for one in every if one.by == by and one.as_late is None]
    done = [one for one in mine if one.usd is not None]
    usd, rent, late = (
        statistics.median(getattr(one, name) for one in done) if done else None
        for name in ("usd", "rent_usd", "late_hours")
    )
    missed, over = sum(one.missed or 0 for one in done), sum(bool(one.over_budget) for one in done)
    without = "" if len(done) == fleets else f" ({fleets - len(done)} without a schedule)"
    return (
        f"| {by}{without} | {_usd(usd)} | {_usd(rent)} | {missed} of {JOBS * len(done):,} | {late or 0:,.1f} "
        f"| {over} of {len(done)} |"
    )


def _savings(every: Sequence[Outcome], rule: str, fleets: Sequence[str]) -> str:
    equal = [_share(every, rule, fleet, equal=True) for fleet in fleets]
    kept = [_share(every, rule, fleet, equal=False) for fleet in fleets]
    known, all_kept = [one for one in equal if one is not None], [one for one in kept if one is not None]
    breaks = sum(_find(every, OURS, rule, fleet) is not None for fleet in fleets)
    if not known or not all_kept:
        return f"| {rule} | {breaks} of {len(fleets)} | – | – | – | – |"
    return (
        f"| {rule} | {breaks} of {len(fleets)} | **{statistics.median(known):.1%}** | {min(known):.1%} | {max(known):.1%} "
        f"| {-statistics.median(all_kept):+.1%} |"
    )


def _fleet(every: Sequence[Outcome], fleet: str) -> str:
    ours = _find(every, OURS, None, fleet)
    cells = []
    for rule in BASELINES:
        one = _find(every, rule, None, fleet)
        cells.append(
            "–" if one is None else f"{_usd(one.usd)} ({one.missed}), {_saving(every, rule, fleet, equal=True)}"
        )
    return f"| {fleet} | {'–' if ours is None else f'{_usd(ours.usd)} ({_gap(ours)})'} | {' | '.join(cells)} |"


def _saving(every: Sequence[Outcome], rule: str, fleet: str, *, equal: bool) -> str:
    share = _share(every, rule, fleet, equal=equal)
    return "–" if share is None else f"{share:.1%}"


def _more(every: Sequence[Outcome], rule: str, fleet: str) -> str:
    """How much more gpuplan's schedule costs that keeps all deadlines."""
    share = _share(every, rule, fleet, equal=False)
    return "–" if share is None else f"{-share:+.1%}"


def _share(every: Sequence[Outcome], rule: str, fleet: str, *, equal: bool) -> float | None:
    """What gpuplan saves of a rule's cost: at the rule's own lateness, or with all kept."""
    one, ours = _find(every, rule, None, fleet), _find(every, OURS, None, fleet)
    if equal:
        ours = _find(every, OURS, rule, fleet) or ours
    return None if one is None or ours is None or not one.usd or ours.usd is None else 1 - ours.usd / one.usd


def _find(every: Sequence[Outcome], by: str, as_late: str | None, fleet: str) -> Outcome | None:
    return next((one for one in every if (one.fleet, one.by, one.as_late) == (fleet, by, as_late)), None)


def _gap(one: Outcome) -> str:
    if one.usd is None or one.bound_usd is None:
        return "no schedule"
    gap = (one.usd - one.bound_usd) / one.usd if one.usd else 0.0
    return "proved" if gap < 5e-7 else f"{100 * gap:.2f} %"


def _usd(amount: float | None) -> str:
    return "–" if amount is None else f"${amount:,.0f}"
