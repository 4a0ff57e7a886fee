"""A solution of a CP-SAT model held against every constraint of it, in Python's integers of any size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def broken_constraints(proto: Any, values: Sequence[int]) -> list[int]:
    """Numbers of the constraints of a model that `values` of its variables break, and of variables outside their domain."""
    outside = [index for index, one in enumerate(proto.variables) if not _inside(values[index], one.domain)]
    return outside + [index for index, one in enumerate(proto.constraints) if not _holds(one, values)]


def _holds(constraint: Any, values: Sequence[int]) -> bool:
    if not all(_true(literal, values) for literal in constraint.enforcement_literal):
        return True
    if constraint.has_linear():
        linear = constraint.linear
        return _inside(sum(c * values[v] for c, v in zip(linear.coeffs, linear.vars, strict=True)), linear.domain)
    if constraint.has_exactly_one():
        return sum(_true(literal, values) for literal in constraint.exactly_one.literals) == 1
    if constraint.has_bool_and():
        return all(_true(literal, values) for literal in constraint.bool_and.literals)
    # A check that passed over a constraint it cannot read would call a wrong solution right.
    raise ValueError(f"a kind of constraint that gpuplan does not post: {constraint}")


def _true(literal: int, values: Sequence[int]) -> bool:
    """Whether a literal is: a variable, or for a negative number the negation of variable ``-literal - 1``."""
    return bool(values[literal]) if literal >= 0 else not values[-literal - 1]


def _inside(value: int, domain: Sequence[int]) -> bool:
    """Whether a value lies in one of the intervals that a domain lists by their ends."""
    ends = list(domain)
    return any(low <= value <= high for low, high in zip(ends[::2], ends[1::2], strict=True))
