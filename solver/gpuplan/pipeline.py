"""Incumbent, reduce, prove: from a job to a plan with its proof, or to the certainty that there is none."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gpuplan.interrupts import held_back
from gpuplan.job import Job
from gpuplan.objectives import Objective
from gpuplan.order import Order
from gpuplan.performance.clock import in_steps
from gpuplan.physics import Cache, Physics
from gpuplan.plan import Plan
from gpuplan.reduce import build_tables, reduce_rows
from gpuplan.rules import rules
from gpuplan.search import Searcher
from gpuplan.space import Space, build_space
from gpuplan.tables import Tables
from gpuplan.verify import VerificationError, verify
from gpuplan_hardware import Offer

if TYPE_CHECKING:
    from gpuplan.prove import Proof

#: The incumbent and CP-SAT's optimum come from two evaluations of the same physics; they may differ by rounding only.
AGREEMENT = 1e-4


@dataclass
class Outcome:
    """What was found and how.

    ``status`` is optimal, feasible, infeasible or unknown; `stopped` says why a search ended before its proof ("time limit",
    "interrupted"), which cannot be reproduced. `pairs` counts the layouts over which CP-SAT
    decided.
    """

    space: Space
    objective: Objective
    status: str = "unknown"
    plan: Plan | None = None
    value: float | None = None
    bound: float | None = None
    proof: str = ""
    stopped: str | None = None
    cp_sat_status: str | None = None
    literals: int = 0
    pairs: int = 0
    layouts: int = 0
    skipped_machines: int = 0
    rounding_bound: float | None = None
    largest_activity: int | None = None
    seconds: dict[str, float] = field(default_factory=dict)


def find(job: Job, offers: Sequence[Offer], objective_name: str | None = None, cache: Cache | None = None) -> Outcome:
    """Find the best plan for `job` among `offers`, prove it, verify it.

    Parameters
    ----------
    objective_name
        What to minimise instead of the job's objectives.
    cache
        Rows that earlier solves of the same job under other limits have computed.

    Raises
    ------
    VerificationError
        If the plan breaks a rule, or CP-SAT and the incumbent search disagree: an internal error.
    """
    names = job.objectives if objective_name is None else (objective_name,)
    order = Order.of(names)
    clock = Stopwatch()
    cache = Cache() if cache is None else cache
    space = build_space(job, offers, kept=cache.get)
    outcome = Outcome(space, order.primary)
    clock.lap("space")
    physics = Physics(space, cache)
    searcher = Searcher(physics, order, job.search.time_limit_seconds - clock.total)
    try:
        searcher.run()
    except KeyboardInterrupt:
        outcome.stopped = "interrupted"
    clock.lap("incumbent")
    clock.move("incumbent", "tables", physics.seconds)
    found = searcher.found
    outcome.layouts, outcome.skipped_machines = found.layouts, found.excluded
    outcome.plan = found.best
    if outcome.stopped is None and not found.complete:
        outcome.stopped = "time limit"
    if outcome.stopped is not None:
        outcome.status = "unknown" if found.best is None else "feasible"
        outcome.bound = found.bound if math.isfinite(found.bound) else None
        outcome.proof = f"{outcome.stopped} before the search was complete; another run may find another plan"
    else:
        _decide(searcher, cache, outcome, clock)
    if outcome.plan is not None:
        outcome.value = order.primary.value(outcome.plan)
        verify(outcome.plan, order.primary, found.value)
        clock.lap("verify")
    outcome.seconds = clock.laps
    return outcome


def _decide(searcher: Searcher, cache: Cache, outcome: Outcome, clock: Stopwatch) -> None:
    """Reduce, then let CP-SAT decide what is left; an interrupt leaves the incumbent."""
    try:
        _prove(searcher, cache, outcome, clock)
    except KeyboardInterrupt:
        outcome.status = "unknown" if outcome.plan is None else "feasible"
        outcome.stopped, outcome.proof = "interrupted", "interrupted before the proof was complete"
        bound = searcher.found.bound
        outcome.bound = bound if math.isfinite(bound) else None


def _prove(searcher: Searcher, cache: Cache, outcome: Outcome, clock: Stopwatch) -> None:
    """Reduce, then let CP-SAT decide what is left."""
    with held_back():
        import gpuplan.prove  # noqa: F401  # takes long: timed by itself, and only where there is something to prove

    found = searcher.found
    clock.lap("import_solver")
    kept = reduce_rows(searcher)
    outcome.pairs = kept.pairs
    clock.lap("reduce")
    if not kept.rows:
        _conclude_empty(searcher, cache, outcome, clock)
        return
    tables = build_tables(searcher, kept, outcome.objective)
    clock.lap("tables")
    job, objective = found.space.job, outcome.objective
    proof = _ask_cp_sat(tables, objective, outcome, clock)
    if proof is None:
        return
    outcome.cp_sat_status, outcome.literals = proof.status, proof.literals
    outcome.largest_activity = proof.largest_activity
    if found.best is None:
        _conclude_infeasible(proof, outcome)
        return
    outcome.rounding_bound = tables.rounding_bound(found.best.training_seconds, found.best.prediction.step_seconds)
    outcome.bound = None if proof.bound is None else min(proof.bound, found.value)
    _conclude_feasible(proof, objective, found.value, found.best, outcome)
    if len(job.objectives) > 1 and objective is searcher.order.levels[0] and objective.strict:
        _prove_second(searcher, outcome, clock)


def _prove_second(searcher: Searcher, outcome: Outcome, clock: Stopwatch) -> None:
    """Among plans with the first objective's optimum, a whole number, CP-SAT proves the second one's.

    Money and time hardly ever tie; where one of them comes first, the search's own order of plans decides.
    """
    found = searcher.found
    if outcome.status != "optimal" or found.best is None or found.values is None:
        return
    first, second = searcher.order.levels[:2]
    tables = build_tables(searcher, reduce_rows(searcher, levels=2), second)
    proof = _ask_cp_sat(tables, second, outcome, clock, (first, found.values[0]))
    if proof is not None:
        _conclude_feasible(proof, second, found.values[1], found.best, outcome)


def _ask_cp_sat(
    tables: Tables,
    objective: Objective,
    outcome: Outcome,
    clock: Stopwatch,
    first: tuple[Objective, float] | None = None,
) -> Proof | None:
    """What CP-SAT says; None where the model is too large to be handed to it, which the outcome then says."""
    from gpuplan.build import ModelTooLargeError
    from gpuplan.prove import prove

    job = outcome.space.job
    try:
        proof = prove(tables, objective, job, job.search.time_limit_seconds - clock.total, first)
    except ModelTooLargeError as error:
        outcome.status = "unknown" if outcome.plan is None else "feasible"
        outcome.proof = f"evaluated exhaustively, not proved by CP-SAT: {error}"
        return None
    clock.lap("cp_sat")
    return proof


def _conclude_feasible(proof: Proof, objective: Objective, value: float, best: Plan, outcome: Outcome) -> None:
    """CP-SAT must agree with the incumbent; only a plan within rounding of a limit may be missing from its integers."""
    cut_off = proof.status == "infeasible" or (
        proof.status == "optimal" and proof.value is not None and proof.value > value * (1 + AGREEMENT)
    )
    better = proof.value is not None and proof.value < value * (1 - AGREEMENT)
    if better or (cut_off and not _at_a_limit(best, outcome.rounding_bound or 0.0)):
        raise VerificationError(
            f"CP-SAT says {proof.status} with {objective.name} {proof.value}, the incumbent search found {value}"
        )
    if cut_off:
        outcome.bound = value if objective is outcome.objective else outcome.bound
        outcome.status = "optimal"
        outcome.proof = "CP-SAT proved that no other plan is better; this one meets a limit to within rounding"
        return
    outcome.status = "optimal" if proof.status == "optimal" else "feasible"
    outcome.proof = "CP-SAT proved that no plan is better"
    if outcome.status == "feasible":
        outcome.stopped = proof.stopped or "time limit"
        outcome.proof = (
            "the time limit ended the proof" if outcome.stopped == "time limit" else "the proof was interrupted"
        )


def _at_a_limit(plan: Plan, rounding: float) -> bool:
    """Whether a rule that the model holds in rounded integers is met by less than the rounding."""
    shares = [quantity.used_share for rule in rules() if rule.rounded for quantity in rule.quantities(plan)]
    return any(share is not None and share > 1 - rounding for share in shares) or _at_a_step(plan, rounding)


def _at_a_step(plan: Plan, rounding: float) -> bool:
    """Whether the bill is so near a whole number of billing steps that the model may count one more."""
    step = plan.clock.billing_step_seconds
    used = [
        plan.clock.used_seconds(plan.training_seconds * factor, deviations)
        for factor, deviations in ((1.0, 0.0), (plan.step_factor, plan.deviations))
    ]
    return step > 0 and any(
        bool(in_steps(seconds * (1 + rounding), step) > in_steps(seconds, step)) for seconds in used
    )


def _conclude_infeasible(proof: Proof, outcome: Outcome) -> None:
    """Two independent means: branch and bound found nothing, and CP-SAT says the same of what optimistic bounds leave."""
    status = proof.status
    if status in ("optimal", "feasible"):
        raise VerificationError("CP-SAT found a plan where branch and bound found none")
    outcome.status = "infeasible" if status == "infeasible" else "unknown"
    outcome.stopped = None if status == "infeasible" else proof.stopped or "time limit"
    agrees = "and CP-SAT proves it" if status == "infeasible" else "but CP-SAT did not finish"
    outcome.proof = f"branch and bound over every layout on every offer finds no plan, {agrees}"


def _conclude_empty(searcher: Searcher, cache: Cache, outcome: Outcome, clock: Stopwatch) -> None:
    """Bounds leave nothing: CP-SAT is asked about what comes nearest, so that no verdict rests on one means."""
    from gpuplan.build import ModelTooLargeError
    from gpuplan.confirm import ROOMIER, confirm

    if not searcher.space.offers:
        outcome.status, outcome.proof = "infeasible", "the selection leaves no offer to look at"
        return
    bounds = "no layout on any offer keeps memory and limits even at optimistic bounds"
    left = searcher.space.job.search.time_limit_seconds - clock.total
    try:
        said = confirm(searcher.space, cache, left)
    except ModelTooLargeError as error:
        outcome.proof = f"{bounds}, but CP-SAT could not be asked: {error}"
        return
    clock.lap("cp_sat")
    outcome.cp_sat_status, outcome.pairs = said.status, said.layouts
    if said.status in ("optimal", "feasible"):
        raise VerificationError("CP-SAT found a plan where optimistic bounds leave none")
    if said.status == "unknown":
        outcome.status, outcome.stopped = "unknown", said.stopped or "time limit"
        outcome.proof = f"{bounds}, but CP-SAT did not finish"
        return
    outcome.status = "infeasible"
    outcome.proof = f"{bounds}, not even without limits and with {ROOMIER:g} times the memory"
    if said.status is not None:
        nearest = (
            f"the {said.layouts:,} layouts that come nearest" if said.layouts > 1 else "the layout that comes nearest"
        )
        outcome.proof = f"{bounds}; of {nearest} CP-SAT proves the same"


class Stopwatch:
    """Seconds between laps."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._start = self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = self.laps.get(name, 0.0) + now - self._last
        self._last = now

    def include(self, laps: Mapping[str, float]) -> None:
        """Take over laps that were timed elsewhere, up to now."""
        self.laps |= laps
        self._last = time.perf_counter()

    def move(self, source: str, target: str, seconds: float) -> None:
        """Count `seconds` of one lap to another."""
        self.laps[source] -= seconds
        self.laps[target] = self.laps.get(target, 0.0) + seconds

    @property
    def total(self) -> float:
        return time.perf_counter() - self._start
