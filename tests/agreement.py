"""The solver held against the search oracle, one problem at a time: what they disagree about, by kind."""

from __future__ import annotations

from dataclasses import dataclass

from gpuplan.physics import Physics
from gpuplan.pipeline import Outcome
from gpuplan.space import build_space
from gpuplan.unreduced import unreduced_tables
from gpuplan.verify import violations
from oracle import Answer, Evaluated
from problems import Problem

#: A problem with a plan this near to a limit (relative) may go either way: the solver rounds to the safe side.
NEAR = 1e-6
#: What two evaluations of the same formulas in floating point may differ by (relative).
SAME = 1e-8
#: What the integers of a model and their bound may differ by from the value in floating point (relative).
ROUNDED = 1e-4


@dataclass(frozen=True)
class Finding:
    """Something that is wrong, and of which kind: one of `KINDS`."""

    kind: str
    text: str


#: What can go wrong: "infeasible" where there is a plan, a plan where there is none, no proof, a bound that is none, a plan that
#: breaks a rule, is not the best, or not the first of equal ones; CP-SAT alone says otherwise; an explanation does not hold.
KINDS = (
    "wrong infeasible",
    "wrong plan",
    "not proved",
    "wrong bound",
    "violation",
    "not optimal",
    "wrong tie",
    "wrong alone",
    "wrong explanation",
)


def compare(problem: Problem, answer: Answer, outcome: Outcome) -> Finding | None:
    """What the solver says otherwise than the oracle, None if nothing."""
    best, plan = answer.best, outcome.plan
    if best is None or answer.values is None:
        text = f"solver {outcome.status} {outcome.value}, oracle infeasible"
        return None if plan is None and outcome.status == "infeasible" else Finding("wrong plan", text)
    if plan is None or outcome.value is None:
        return Finding(
            "wrong infeasible", f"solver {outcome.status}, oracle {answer.values}; {_layouts(outcome, best)}"
        )
    broken = violations(plan)
    if broken:
        return Finding("violation", "; ".join(f"{one.rule}: {one.name}" for one in broken))
    if outcome.status != "optimal" or outcome.bound is None:
        return Finding("not proved", f"solver {outcome.status} with bound {outcome.bound}")
    if not answer.values[0] * (1 - ROUNDED) <= outcome.bound <= answer.values[0] * (1 + SAME):
        return Finding("wrong bound", f"bound {outcome.bound} of an optimum of {answer.values[0]}")
    return _compare_plans(problem, best, outcome)


def _compare_plans(problem: Problem, best: Evaluated, outcome: Outcome) -> Finding | None:
    """Objectives in their order, then cost, GPUs, time, the plainer layout and the offer's name."""
    plan = outcome.plan
    if plan is None:
        return None
    found = {"cost": plan.cost_usd(), "gpus": float(plan.gpus), "time": plan.wall_seconds()}
    for name in (*problem.job.objectives, "cost", "gpus", "time"):
        if abs(found[name] - best.value(name)) > SAME * best.value(name):
            kind = "not optimal" if name in problem.job.objectives else "wrong tie"
            return Finding(kind, f"{name}: solver {found[name]}, oracle {best.value(name)}; {_layouts(outcome, best)}")
    if plan.layout.plainness() > best.candidate.layout.plainness():
        return Finding("wrong tie", f"not the plainest: {_layouts(outcome, best)}")
    if plan.layout == best.candidate.layout and plan.offer.id != best.offer.id:
        return Finding("wrong tie", f"offer {plan.offer.id}, the first is {best.offer.id}")
    return None


def literals(problem: Problem) -> int:
    """Rows of the unreduced model of a problem; 0 where there is nothing to choose from."""
    space = build_space(problem.job, problem.offers, reduced=False)
    if not space.offers or not space.values.frameworks:
        return 0
    tables = unreduced_tables(Physics(space))
    return tables.atoms + tables.shapes + tables.states


def compare_alone(answer: Answer, alone: Outcome) -> Finding | None:
    """What CP-SAT alone says otherwise than the oracle: its values agree within its own bound on rounding."""
    if answer.value is None or alone.value is None:
        agree = answer.value is None and alone.status == "infeasible"
        return None if agree else Finding("wrong alone", f"CP-SAT alone {alone.status}, oracle {answer.values}")
    allowed = (alone.rounding_bound or 0.0) * answer.value
    if alone.status == "optimal" and abs(alone.value - answer.value) <= allowed:
        return None
    return Finding("wrong alone", f"CP-SAT alone {alone.status} {alone.value}, oracle {answer.values}")


def _layouts(outcome: Outcome, best: Evaluated) -> str:
    plan = outcome.plan
    return f"solver {plan and (plan.offer.id, plan.layout)}, oracle {(best.offer.id, best.candidate.layout)}"
