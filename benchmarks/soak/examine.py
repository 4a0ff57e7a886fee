"""One random problem: drawn, solved, verified, and held against the oracle; some are also solved unreduced or explained."""

from __future__ import annotations

import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from agreement import NEAR, Finding, compare, compare_alone, literals
from benchmarks.soak.store import Row
from explained import check, fewer_pins
from gpuplan.build import ModelTooLargeError
from gpuplan.explain import explain
from gpuplan.pipeline import find
from gpuplan.unreduced import find_unreduced
from gpuplan.verify import VerificationError
from oracle import Answer
from problems import Problem, random_problem

Result = TypeVar("Result")

#: Literals of an unreduced model that CP-SAT decides in well under a second.
MOST_LITERALS = 1500


@dataclass(frozen=True)
class Shares:
    """One problem in so many is also solved unreduced, and one infeasible problem in so many is explained."""

    unreduced: int = 50
    explained: int = 50


def examine(seed: int, shares: Shares) -> Row:
    """Solve and judge the problem with that number; whatever is raised, a warning too, becomes part of the row."""
    seconds: dict[str, float] = {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
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
    unreduced, relaxations = False, 0
    if not near and seed % shares.unreduced == 0:
        unreduced, finding = _timed(seconds, "unreduced", lambda: _unreduced(problem, answer))
        findings.append(finding)
    if not near and outcome.status == "infeasible" and seed % shares.explained == 0:
        relaxations, finding = _timed(seconds, "explain", lambda: _explained(problem))
        findings.append(finding)
    wrong = [(one.kind, one.text) for one in findings if one is not None and not near]
    return Row(
        seed=seed,
        status="near" if near else outcome.status,
        objectives=",".join(problem.job.objectives),
        focus=problem.focus,
        layouts=len(problem.oracle.plans),
        cp_sat_status=outcome.cp_sat_status,
        unreduced=unreduced,
        relaxations=relaxations,
        failures=wrong,
        seconds={name: round(value, 5) for name, value in seconds.items()},
    )


def _unreduced(problem: Problem, answer: Answer) -> tuple[bool, Finding | None]:
    """Whether CP-SAT solved the problem alone, which must not be too large, and what it says otherwise than the oracle."""
    if not 0 < literals(problem) <= MOST_LITERALS:
        return False, None
    try:
        return True, compare_alone(answer, find_unreduced(problem.job, problem.offers))
    except ModelTooLargeError:
        return False, None


def _explained(problem: Problem) -> tuple[int, Finding | None]:
    """Relaxations of the problem, with few decisions taken by the user, and what of its explanation does not hold."""
    job = fewer_pins(problem)
    if find(job, problem.offers).status != "infeasible":
        return 0, None
    explanation = explain(job, problem.offers)
    try:
        check(job, problem.offers, explanation)
    except AssertionError:
        return len(explanation.relaxations), Finding("wrong explanation", traceback.format_exc()[-1500:])
    return len(explanation.relaxations), None


def _timed(seconds: dict[str, float], name: str, run: Callable[[], Result]) -> Result:
    start = time.process_time()
    try:
        return run()
    finally:
        seconds[name] = time.process_time() - start
