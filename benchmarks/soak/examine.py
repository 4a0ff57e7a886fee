"""One random problem: drawn, solved, verified, and held against the oracle; some are also solved unreduced or explained."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from random import Random
from typing import TypeVar

from agreement import NEAR, Finding, compare
from benchmarks.soak.store import Row
from gpuplan.build import ModelTooLargeError
from gpuplan.pipeline import Outcome, find
from gpuplan.unreduced import find_unreduced
from gpuplan.verify import VerificationError
from oracle import Answer
from problems import Problem, random_problem
from promises import broken_promises, literals

Result = TypeVar("Result")

#: Literals of an unreduced model that CP-SAT decides in well under a second.
MOST_LITERALS = 1500


class Shares:
    """One problem in so many is also solved unreduced, and one infeasible problem in so many is explained."""

    def __init__(self, unreduced: int = 50, explained: int = 20) -> None:
        self.unreduced, self.explained = unreduced, explained


def examine(seed: int, shares: Shares) -> Row:
    """Solve and judge the problem with that number; whatever is raised becomes part of the row."""
    seconds: dict[str, float] = {}
    try:
        return _examine(seed, shares, seconds)
    except Exception as error:  # noqa: BLE001  a crash is what this benchmark looks for, and the run goes on
        text = "".join(traceback.format_exception(error))[-2000:]
        kind = "internal error" if isinstance(error, VerificationError) else "crash"
        return Row(seed, "crash", failures=[(kind, text)], seconds=seconds)


def _examine(seed: int, shares: Shares, seconds: dict[str, float]) -> Row:
    problem = _timed(seconds, "draw", lambda: random_problem(Random(seed)))
    answer = _timed(seconds, "oracle", problem.oracle.solve)
    outcome = _timed(seconds, "solve", lambda: find(problem.job, problem.offers))
    findings = [compare(problem, answer, outcome)]
    near = answer.distance < NEAR
    unreduced = relaxations = 0
    if not near and seed % shares.unreduced == 0:
        unreduced, finding = _timed(seconds, "unreduced", lambda: _unreduced(problem, answer))
        findings.append(finding)
    if not near and outcome.status == "infeasible" and seed % shares.explained == 0:
        relaxations, broken = _timed(seconds, "explain", lambda: broken_promises(problem))
        findings += broken
    wrong = [(one.kind, one.text) for one in findings if one is not None and not near]
    return Row(
        seed=seed,
        status="near" if near else outcome.status,
        objectives=",".join(problem.job.objectives),
        focus=problem.focus,
        layouts=len(problem.oracle.plans),
        cp_sat_status=outcome.cp_sat_status,
        unreduced=bool(unreduced),
        relaxations=relaxations,
        failures=wrong,
        seconds={name: round(value, 5) for name, value in seconds.items()},
    )


def _unreduced(problem: Problem, answer: Answer) -> tuple[int, Finding | None]:
    """Literals of the model that CP-SAT solved alone (0: it was too large), and what it says otherwise than the oracle."""
    size = literals(problem)
    if not 0 < size <= MOST_LITERALS:
        return 0, None
    try:
        alone = find_unreduced(problem.job, problem.offers)
    except ModelTooLargeError:
        return 0, None
    return size, _compare_alone(answer, alone)


def _compare_alone(answer: Answer, alone: Outcome) -> Finding | None:
    """Its units are coarser than those of a reduced model: values agree within its own bound on rounding."""
    if answer.value is None or alone.value is None:
        agree = answer.value is None and alone.status == "infeasible"
        return None if agree else Finding("unreduced", f"CP-SAT alone {alone.status}, oracle {answer.values}")
    allowed = (alone.rounding_bound or 0.0) * answer.value
    if alone.status == "optimal" and abs(alone.value - answer.value) <= allowed:
        return None
    return Finding("unreduced", f"CP-SAT alone {alone.status} {alone.value}, oracle {answer.values}")


def _timed(seconds: dict[str, float], name: str, run: Callable[[], Result]) -> Result:
    start = time.perf_counter()
    try:
        return run()
    finally:
        seconds[name] = time.perf_counter() - start
