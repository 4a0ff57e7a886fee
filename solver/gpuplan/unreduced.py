"""Solve without reductions: CP-SAT alone decides over every row of every machine and every offer, with all rules posted.

A second opinion for small problems. No incumbent, no bound and no filter takes part, so that it shows that nothing a reduction left
out was part of an optimal answer; the number of literals grows with the whole lattice.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gpuplan.candidates import AtomRows, Families, concatenate
from gpuplan.clusters import clusters_of
from gpuplan.job import Job
from gpuplan.objectives import Objective, objectives
from gpuplan.physics import Physics
from gpuplan.pipeline import AGREEMENT, Outcome
from gpuplan.prove import Proof, prove
from gpuplan.reduce import longest_training
from gpuplan.search import plan_of
from gpuplan.space import build_space
from gpuplan.tables import Tables
from gpuplan.verify import VerificationError, verify
from gpuplan_hardware import Offer

Array = np.ndarray


def find_unreduced(job: Job, offers: Sequence[Offer], objective_name: str | None = None) -> Outcome:
    """Find the best plan for `job` among `offers` with CP-SAT alone; the same answer as `pipeline.find`, only slower.

    Meant for spaces of some thousand rows. What is infeasible here is so by the solver's word alone.

    Raises
    ------
    ModelTooLargeError
        If the space is so large that an activity could pass 2^53.
    VerificationError
        If the plan breaks a rule, or CP-SAT contradicts itself or the formulas: an internal error.
    """
    objective = objectives()[objective_name or job.objectives[0]]
    space = build_space(job, offers, reduced=False)
    outcome = Outcome(space, objective)
    if not space.offers or not space.values.frameworks:
        outcome.status, outcome.proof = "infeasible", "there is no offer, or no framework that runs the method"
        return outcome
    physics = Physics(space)
    tables = unreduced_tables(physics)
    proof = prove(tables, objective, job, job.search.time_limit_seconds)
    if proof.value is not None:
        # The units of the first model are as coarse as the space is wide; those of the second fit its answer.
        tables = unreduced_tables(physics, objective, proof.value)
        proof = prove(tables, objective, job, job.search.time_limit_seconds)
        if proof.status == "infeasible":
            raise VerificationError("CP-SAT calls a model infeasible whose solution it has just found")
    outcome.cp_sat_status, outcome.literals = proof.status, proof.literals
    outcome.largest_activity, outcome.bound = proof.largest_activity, proof.bound
    outcome.status = proof.status if proof.status in ("optimal", "feasible", "infeasible") else "unknown"
    outcome.proof = "CP-SAT alone, without an incumbent and without reductions"
    if proof.rows is not None:
        offer, *rows = proof.rows
        plan = plan_of(space, tables.rows, tables.offer_indices[offer], *rows)
        outcome.plan, outcome.value = plan, objective.value(plan)
        outcome.rounding_bound = tables.rounding_bound(plan.training_seconds, plan.prediction.step_seconds)
        verify(plan, objective, outcome.value)
        _check_value(proof, outcome.value)
    return outcome


def _check_value(proof: Proof, value: float) -> None:
    """CP-SAT's own value must be that of its plan, but for rounding."""
    if proof.value is None or abs(proof.value - value) > AGREEMENT * value:
        raise VerificationError(f"CP-SAT gives its plan the value {proof.value}, the formulas {value}")


def unreduced_tables(physics: Physics, objective: Objective | None = None, value: float = np.inf) -> Tables:
    """Tables of all rows of a space that was built with ``reduced=False``.

    The units follow from a training time that no plan passes: every part of a step at its longest, at the largest number of steps;
    or, where a `value` that `objective` can reach is known, the longest training that can still reach it. No row is left out.
    """
    space = physics.space
    rows = Families(
        atoms=concatenate(
            [
                _atoms(physics, machine, index)
                for machine in range(len(space.machines))
                for index in range(len(space.values.frameworks))
            ]
        ),
        shapes=physics.shapes,
        states=concatenate([physics.states(size) for size in range(len(space.sizes))]),
    )
    clusters = [clusters_of(space, offer, np.unique(rows.states.nodes)) for offer in range(len(space.offers))]
    longest = longest_training(space, rows) * (1 + 1e-3)  # parts are rounded up, and the longest must still fit
    limit = value * (1 + 1e-3)
    if objective is not None:
        reach = [objective.longest_training(limit, c.counted(objective.at_confidence)) for c in clusters]
        longest = min(longest, max(1e-3, max(float(each.max()) for each in reach)))
    counted = longest * float(rows.atoms.step_factor.max())
    dearest = max(float(each.sure.cost(counted).max()) for each in clusters)
    last = max(float(each.sure.wall(counted).max()) for each in clusters)
    if objective is not None and objective.unit == "USD":
        dearest = min(dearest, limit)
    if objective is not None and objective.unit == "seconds":
        last = min(last, limit)
    return Tables(space, rows, tuple(range(len(space.offers))), longest, dearest, last)


def _atoms(physics: Physics, machine: int, index: int) -> AtomRows:
    """Every atom of a machine class under a framework."""
    space = physics.space
    keys = space.atoms(machine, space.values.frameworks[index])
    rows = physics.atom_rows(keys, index)
    return physics.gathered(rows, keys.several_nodes, keys.gather, keys.streamed)
