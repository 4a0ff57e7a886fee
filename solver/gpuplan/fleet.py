"""The verb `fleet`: many jobs on one stock, one budget and one calendar."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gpuplan.performance.constants import calibrated, use_constants
from gpuplan.scheduling.answer import date_of, job_answers, objective_answers, solver_answer, totals
from gpuplan.scheduling.conflict import reason
from gpuplan.scheduling.file import load_fleet
from gpuplan.scheduling.result import FleetResult
from gpuplan.scheduling.sentences import limit_name, relaxations, worth_answer
from gpuplan.scheduling.settle import Settled, settle
from gpuplan.scheduling.types import Fleet, KnownWork
from gpuplan.scheduling.use import resource_answers
from gpuplan.scheduling.worth import savings
from gpuplan_hardware import Offer

Progress = Callable[[int, int], None]


def fleet(
    fleet: Fleet | Mapping[str, Any] | str | Path,
    *,
    offers: Sequence[Offer] | None = None,
    progress: Progress | None = None,
) -> FleetResult:
    """Choose for every job of a fleet what it runs on and when, so that no more is in use than there is.

    Every job has its exact non-dominated plans, in nodes, time and cost, on every stock and offer that it may use; CP-SAT chooses one
    of each, and its start, minimising what the fleet asks for, one objective after the other.

    Parameters
    ----------
    fleet
        Path of a YAML file, a mapping with its words (see `gpuplan.scheduling.file.load_fleet`), or a resolved `Fleet`.
    offers
        What may be rented, in place of the built-in and imported offers and those that the jobs name.
    progress
        Called with the number of jobs whose plans are known, and how many there are.

    Returns
    -------
    FleetResult
        With `status` "optimal", "feasible" (the gap is in `objectives`), "infeasible" (then `conflict` and `relaxations` say why) or
        "unknown", when the time limit or Ctrl-C ended the search.

    Raises
    ------
    InputError
        If a word of the fleet cannot be used.
    """
    known = fleet if isinstance(fleet, Fleet) else load_fleet(fleet, offers)
    first = known.jobs[0].work
    job = first.like if isinstance(first, KnownWork) else first
    with use_constants(calibrated(job.calibration)):
        return _answer(known, settle(known, offers, progress))


def _answer(known: Fleet, settled: Settled) -> FleetResult:
    begin = time.monotonic()
    jobs = job_answers(known, settled)
    more = _more(known, settled)
    return FleetResult(
        status=settled.found.status,
        start_at=date_of(known, 0),
        minimize=list(known.objectives),
        confidence=known.confidence,
        budget_usd=known.budget_usd,
        objectives=objective_answers(known, settled),
        totals=totals(known, settled, jobs),
        jobs=jobs,
        resources=resource_answers(settled),
        assumptions=_assumptions(known),
        warnings=_warnings(known, settled),
        solver=solver_answer(known, settled, time.monotonic() - begin),
        **more,
    )


def _more(known: Fleet, settled: Settled) -> dict[str, Any]:
    """Why there is no schedule, or what would make it better; Ctrl-C does not cost the answer that there is."""
    found = settled.found
    infeasible = found.status == "infeasible"
    if not infeasible and (not known.worth or found.schedule is None or found.stopped == "interrupted"):
        return {}
    try:
        return _explained(known, settled) if infeasible else _worths(known, settled)
    except KeyboardInterrupt:
        found.stopped = "interrupted"
        return {"undecided": ["conflict" if infeasible else "worth"]}


def _explained(known: Fleet, settled: Settled) -> dict[str, Any]:
    """Which limits conflict, and what must change."""
    prepared = settled.prepared
    impossible = [job.name for job in known.jobs if job.value_usd is None and job.name in prepared.without]
    if impossible:
        return {"conflict": [f"plan of {name}" for name in impossible]}
    why = reason(prepared.problem, known.time_limit_seconds, known.workers, known.seed)
    return {
        "conflict": [limit_name(prepared, limit) for limit in why.conflict],
        "relaxations": relaxations(known, prepared, why),
        "undecided": why.undecided,
    }


def _worths(known: Fleet, settled: Settled) -> dict[str, Any]:
    """What more of each shared limit would save."""
    prepared = settled.prepared
    gpus = [shared.gpus_per_unit for shared in prepared.resources]
    found, complete = savings(
        prepared.problem, settled.found, gpus, known.time_limit_seconds, known.workers, known.seed
    )
    return {
        "worth": [worth_answer(known, prepared, saving) for saving in found],
        "undecided": [] if complete else ["worth"],
    }


def _assumptions(known: Fleet) -> list[str]:
    """What all jobs rest on, and how times and money are meant."""
    said = dict.fromkeys(known.notes)
    each = [set(job.work.assumptions) for job in known.jobs if not isinstance(job.work, KnownWork)]
    shared = set.intersection(*each) if each else set()
    for job in known.jobs:
        if not isinstance(job.work, KnownWork):
            said |= dict.fromkeys(text for text in job.work.assumptions if text in shared)
    sure = (
        "at the point estimate"
        if known.confidence is None
        else f"at {known.confidence:.0%} confidence, each job by itself"
    )
    said[f"nodes are held, and ends and the budget counted, {sure}; cost is what is to be expected"] = None
    if known.rent:
        said[
            "rented nodes are ordered their lead time before a job starts, at the start of the calendar at the earliest"
        ] = None
    said["an offer's largest number of nodes is all that its provider lets the jobs have together"] = None
    return list(said)


def _warnings(known: Fleet, settled: Settled) -> list[str]:
    """What cannot be done at all."""
    return [f"{name} cannot be done: {why}" for name, why in settled.prepared.without.items()]
