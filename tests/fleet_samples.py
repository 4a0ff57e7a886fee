"""Answers to `fleet` with round figures, put together without solving anything, for the tests of what is made of them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from fleet_parts import DAY, DGX, EDGE, LAB, RENT, SOURCES, STEP, Source, Spec, in_use, result
from gpuplan.scheduling.result import FleetRelaxation, FleetResult, FleetWorth, ObjectiveAnswer, PeriodAnswer

TEAMS = ("support", "legal", "claims", "search", "fraud", "voice", "retail", "coder", "clinic", "tutor")
WORK = ("bot", "summaries", "triage", "ranker", "tagger", "rewrite", "extract", "judge", "translate", "draft")
MODELS = ("llama-3.1-8b", "llama-3.1-70b", "mixtral-8x7b", "deepseek-r1-distill-qwen-7b")


@lru_cache
def fleet(jobs: int = 25, *, dated: bool = True, seed: int = 8) -> FleetResult:
    """So many jobs on four stocks, with rent beyond them; some are left out, some late, some come after others."""
    lot = random.Random(seed)
    placed: list[Spec] = []
    for index in range(jobs):
        name = f"{TEAMS[index % 10]}-{WORK[(index // 10 + index) % 10]}"
        value = 500.0 * lot.randint(1, 9) if index % 9 == 4 else None
        if index % 18 == 4:
            why = f"worth ${value:,.0f}, and the cheapest place left for it costs ${(value or 0) * 1.4:,.0f}"
            placed.append(Spec(name, None, value=value, why=why, deadline=lot.choice((72.0, 120.0))))
            continue
        source = lot.choices(SOURCES, weights=(5, 5, 5, 4, 1, 1))[0]
        nodes = lot.choice((1, 1, 2, 2, 4))
        hours = lot.choice((1.5, 3.0, 6.0, 9.5, 14.0, 22.0, 31.0)) * (0.7 if jobs > 50 else 1.4)
        release = lot.choice((0.0, 0.0, 0.0, 12.0, 48.0))
        after = (placed[-1].name,) if index % 11 == 7 and placed[-1].source else ()
        ready = max([release, *(spec.end for spec in placed if spec.name in after)])
        spec = _placed(Spec(name, source, nodes, 0.0, hours, release=release, after=after, value=value), placed, ready)
        deadline = spec.end + lot.choice((0.5, 3.0, 11.0, 30.0, 90.0)) if index % 4 else None
        late = index % 15 == 13
        if late:
            deadline = max(1.0, spec.end - min(spec.hours / 2, 7.0))
        if index % 13 == 5:
            spec = replace(spec, model=None)
        model = None if spec.model is None else MODELS[index % 4]
        more = {"model": model}
        placed.append(replace(spec, deadline=deadline, late=late, more=more))
    names = [spec.name for spec in placed]
    if len(set(names)) < len(names):
        raise ValueError("two jobs of the sample have one name")
    answer = result(placed, dated=dated)
    return answer.model_copy(update={"worth": _worths()})


def _placed(spec: Spec, placed: Sequence[Spec], ready: float) -> Spec:
    """The job at the first quarter of an hour from `ready` on at which its source has nodes for it all the time."""
    for source in (spec.source, EDGE):  # a block may have ended
        if source is None:
            continue
        its = [one for one in placed if one.source == source]
        edges = [*(at for one in its for at in (one.start, one.end)), *(at for at, _ in source.capacity)]
        for step in range(2000):
            start = ready + step * STEP
            moments = [start, *(at for at in edges if start < at < start + spec.hours)]
            if all(in_use(its, at) + spec.nodes <= source.units(at) for at in moments):
                return replace(spec, source=source, start=start)
    raise ValueError(f"no place for {spec.name}")


def _worths() -> list[FleetWorth]:
    unit: dict[str, Any] = {"objective_unit": "USD"}
    return [
        FleetWorth(
            limit="dgx",
            unit="nodes",
            step=2,
            from_hours=0.0,
            until_hours=7 * DAY,
            saves=4100.0,
            saves_at_most=4350.0,
            sentence="16 more H100-SXM of dgx until day 8 would save $4,100",
            **unit,
        ),
        FleetWorth(
            limit="budget",
            unit="USD",
            step=5000.0,
            from_hours=None,
            until_hours=None,
            saves=0.0,
            saves_at_most=0.0,
            sentence="$5,000 more budget would save nothing",
            **unit,
        ),
    ]


TUNED = Spec("support-bot", DGX, 2, 0.0, 18.5, 36.0)


@lru_cache
def small(*, dated: bool = True) -> FleetResult:
    """Four jobs: one after another, known work, one that is rented."""
    specs = [
        TUNED,
        Spec("support-eval", DGX, 1, 18.5, 2.0, 40.0, after=("support-bot",), model=None),
        Spec("legal-70b", RENT, 4, 6.0, 21.0, 28.0, 6.0, model="llama-3.1-70b"),
        Spec("triage", LAB, 3, 0.0, 9.0),
    ]
    return result(specs, dated=dated).model_copy(update={"worth": _worths()[:1]})


@lru_cache
def late() -> FleetResult:
    """Deadlines that may be missed are: tardiness first, then cost, and not proved."""
    specs = [
        replace(TUNED, name=f"run-{index}", start=20.0 * index, hours=20.0, deadline=24.0 + 8 * index, late=True)
        for index in range(5)
    ]
    found = result(specs)
    hours = found.totals.late_hours if found.totals else 0.0
    objectives = [
        ObjectiveAnswer(name="tardiness", value=hours, unit="hours", bound=0.9 * hours, gap=0.1),
        ObjectiveAnswer(name="cost", value=found.objectives[0].value, unit="USD", bound=None, gap=None),
    ]
    solver = found.solver.model_copy(update={"stopped": "time limit", "reproducible": False})
    changes = {"status": "feasible", "minimize": ["tardiness", "cost"], "objectives": objectives, "solver": solver}
    return found.model_copy(update=changes)


@lru_cache
def left_out() -> FleetResult:
    """Values within a budget: half of the jobs are left out, with long reasons and names."""
    specs = [replace(TUNED, name="kept", value=9000.0)]
    for index in range(4):
        why = (
            "what is left of the budget of $500 does not pay for any of its plans: the cheapest one costs $1,234, " * 2
        )
        name = "a-name-that-is-much-longer-than-any-column-has-room-for-" + "x" * (40 * index)
        specs.append(replace(TUNED, name=name + str(index), source=None, value=1500.0 * index, why=why.strip(" ,")))
    return result(specs).model_copy(update={"minimize": ["value", "cost"], "budget_usd": 500.0})


@lru_cache
def changing() -> FleetResult:
    """A stock that grows and shrinks, and a quota beside it; a job waits for its nodes."""
    stock = Source("block", "reserved", "H200-SXM", 8, ((0.0, 2), (24.0, 8), (48.0, 0), (60.0, 5), (61.0, 6)))
    specs = [
        Spec("one", stock, 2, 0.0, 23.5, 30.0),
        Spec("two", stock, 8, 24.0, 24.0, 48.0),
        Spec("three", stock, 5, 60.0, 12.25, 400.0),
        Spec("three-eval", stock, 1, 72.25, 0.1, after=("three",), model=None),
    ]
    found = result(specs, (stock,))
    (own,) = found.resources
    periods = [PeriodAnswer(from_hours=0.0, until_hours=72.35, units=64, peak=64, used_share=0.6)]
    steps = [step.model_copy(update={"units": step.units * 8}) for step in own.in_use]
    quota = {
        "name": "aws-h200",
        "kind": "quota",
        "unit": "GPUs",
        "gpus_per_unit": 1,
        "periods": periods,
        "in_use": steps,
    }
    return found.model_copy(update={"resources": [own, own.model_copy(update=quota)]})


@lru_cache
def infeasible() -> FleetResult:
    """No schedule: what conflicts, and what would help."""
    specs = [replace(TUNED, name=name, source=None, deadline=12.0) for name in ("support-bot", "legal-70b")]
    found = result(specs)
    relaxations = [
        _relaxation(
            "deadline of legal-70b",
            12.0,
            19.25,
            "hours",
            "legal-70b by 2026-12-02 03:15 instead of 20:00",
            job="legal-70b",
        ),
        _relaxation("dgx", 4, 7, "nodes", "3 more nodes of dgx until day 8"),
        _relaxation("budget", 50_000.0, 61_234.0, "USD", "a budget of $61,234", smallest=False),
    ]
    jobs = [job.model_copy(update={"status": "left out", "why": None}) for job in found.jobs]
    objectives = [ObjectiveAnswer(name="cost", value=None, unit="USD", bound=None, gap=None)]
    return found.model_copy(
        update={
            "status": "infeasible",
            "totals": None,
            "jobs": jobs,
            "objectives": objectives,
            "conflict": ["deadline of support-bot", "deadline of legal-70b", "dgx", "budget"],
            "relaxations": relaxations,
            "undecided": ["deadline of support-bot"],
        }
    )


def _relaxation(
    limit: str, before: float, to: float, unit: str, sentence: str, *, job: str | None = None, smallest: bool = True
) -> FleetRelaxation:
    values = {"limit": limit, "job": job, "from": before, "to": to, "unit": unit, "smallest": smallest}
    return FleetRelaxation.model_validate(values | {"sentence": sentence})


@lru_cache
def unknown() -> FleetResult:
    """The time limit came before any schedule, and before any proof that there is none."""
    found = infeasible()
    solver = found.solver.model_copy(update={"stopped": "time limit", "reproducible": False})
    return found.model_copy(update={"status": "unknown", "conflict": [], "relaxations": [], "solver": solver})


@lru_cache
def all_left_out() -> FleetResult:
    """Nothing is worth doing."""
    specs = [replace(TUNED, name=f"run-{index}", source=None, value=10.0, deadline=None) for index in range(3)]
    return result(specs)


def renamed(answer: FleetResult, name: str) -> FleetResult:
    """The same with another name for its first job and its first resource."""
    first, *jobs = answer.jobs
    here, *others = answer.resources
    changed = [first.model_copy(update={"name": name}), *jobs]
    after = [
        job.model_copy(update={"after": [name if one == first.name else one for one in job.after]}) for job in changed
    ]
    return answer.model_copy(update={"jobs": after, "resources": [here.model_copy(update={"name": name}), *others]})


@lru_cache
def stretched(factor: float = 12.0) -> FleetResult:
    """A fleet of months."""
    specs = [replace(TUNED, name=f"run-{index}", start=index * 36 * factor, hours=30 * factor) for index in range(9)]
    return result([replace(spec, deadline=spec.end + 20.0 * factor) for spec in specs])


def many(jobs: int) -> FleetResult:
    """More jobs than a picture can show."""
    return result(
        [replace(TUNED, name=f"run-{index}", nodes=1, start=float(index // 4), hours=1.0) for index in range(jobs)]
    )
