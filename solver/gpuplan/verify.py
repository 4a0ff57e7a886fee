"""Check an answer against every rule, in floating point from the formulas; no table, no solver takes part."""

from __future__ import annotations

from gpuplan.objectives import Objective
from gpuplan.plan import Plan
from gpuplan.rules import Quantity, rules


class VerificationError(RuntimeError):
    """An answer breaks a rule or its objective is not what it is said to be: an error in gpuplan, not in the input."""


def quantities(plan: Plan) -> list[Quantity]:
    """Every rule's quantities for `plan`."""
    return [quantity for rule in rules() for quantity in rule.quantities(plan)]


def violations(plan: Plan) -> list[Quantity]:
    """The quantities of `plan` that break their rule."""
    return [quantity for quantity in quantities(plan) if not quantity.satisfied]


def verify(plan: Plan, objective: Objective, value: float) -> None:
    """Check that `plan` obeys every rule and has the objective `value`.

    Raises
    ------
    VerificationError
        Listing all that is wrong.
    """
    wrong = [
        f"{broken.rule}: {broken.name} needs {broken.required:.6g} of {broken.available} {broken.unit}"
        for broken in violations(plan)
    ]
    recomputed = objective.value(plan)
    if abs(recomputed - value) > 1e-6 * max(abs(value), 1.0):
        wrong.append(f"{objective.name} is {recomputed:.9g}, not {value:.9g}")
    if wrong:
        raise VerificationError("the plan does not hold: " + "; ".join(wrong))
