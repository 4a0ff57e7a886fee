"""The reduction: what a plan as good as the best one could still be made of, and its tables."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gpuplan.candidates import AtomRows, Families, Physics, StateRows, concatenate
from gpuplan.search import MARGIN, Search, Terms, View
from gpuplan.space import Space
from gpuplan.tables import Tables

Array = np.ndarray


@dataclass(frozen=True)
class Kept:
    """What may still be part of a plan at least as good as the best one.

    `rows` indexes the layouts of each view; `offers` indexes the space's offers; `horizon_seconds` bounds the training time of
    any such plan.
    """

    rows: dict[int, Array]
    offers: tuple[int, ...]
    pairs: int
    horizon_seconds: float


def reduce_rows(found: Search) -> Kept:
    """Keep what a plan as good as the best one could be made of.

    Argument: a layout is left out only if it breaks deadline or budget, or loses against the best plan, even when all its
    exchange, optimizer and fixed time is forgiven (`View.training_bound`), or if its states alone do not fit. None of these can
    be part of an optimal answer. The best plan itself is always kept, so that the model must find a solution. With the objective
    "gpus" a plan of the same size is no improvement; such rows go too.
    """
    space, value = found.space, found.value
    strict = found.objective.strict
    rows: dict[int, Array] = {}
    offers, pairs, horizon = [], 0, 0.0
    for machine, view in found.views.items():
        union = np.zeros(len(view.candidates), dtype=bool)
        for offer in space.offers_of(machine):
            terms = found.terms[offer]
            mask = terms.within(space, view.training_bound * (1 - MARGIN), view.factor)
            bound = terms.values(found.objective, view.training_bound, view.factor)
            mask &= (bound < value * (1 - MARGIN)) if strict else (bound <= value * (1 + MARGIN))
            if found.best is not None and found.row is not None and found.row[0] == offer:
                mask[found.row[1]] = True
            if mask.any():
                offers.append(offer)
                pairs += int(mask.sum())
                union |= mask
                horizon = max(horizon, _horizon(found, view, terms, mask))
        if union.any():
            rows[machine] = np.flatnonzero(union)
    return Kept(rows, tuple(sorted(offers)), pairs, horizon)


def _horizon(found: Search, view: View, terms: Terms, mask: Array) -> float:
    """Longest training that any plan with these nodes and this offer may take under deadline, budget and the best value."""
    limits = found.space.job.limits
    longest = np.full(int(mask.sum()), np.inf)
    if limits.deadline_seconds is not None:
        left = limits.deadline_seconds + terms.head_start - terms.wall0[mask]
        longest = np.minimum(longest, left / terms.wall1[mask])
    if limits.budget_usd is not None:
        longest = np.minimum(longest, (limits.budget_usd - terms.cost0[mask]) / terms.cost1[mask])
    if np.isfinite(found.value):
        costs, walls = (terms.cost0[mask], terms.cost1[mask]), (terms.wall0[mask], terms.wall1[mask])
        longest = np.minimum(longest, found.objective.longest_training(found.value, costs, walls))
    if not np.isfinite(longest).all():
        longest = np.where(np.isfinite(longest), longest, view.training[mask].max())
    return max(1e-3, float(longest.max()) * (1 + 1e-3))


def build_tables(physics: Physics, found: Search, kept: Kept) -> Tables:
    """Tables of the rows of `kept`."""
    atoms: list[AtomRows] = []
    shapes = np.zeros(0, dtype=np.int64)
    by_size: dict[int, Array] = {}
    for machine, index in kept.rows.items():
        candidates = found.views[machine].candidates
        atoms.append(candidates.families.atoms.take(np.unique(candidates.atom[index])))
        shapes = np.union1d(shapes, candidates.shape[index])
        per_node = int(physics.space.machines.gpus_per_node[machine])
        by_size[per_node] = np.union1d(by_size.get(per_node, np.zeros(0, dtype=np.int64)), candidates.state[index])
    states: list[StateRows] = [
        physics.states(size).take(index.astype(np.int64)) for size, index in sorted(by_size.items())
    ]
    rows = Families(
        concatenate(atoms),
        physics.shapes.take(shapes.astype(np.int64)),
        concatenate(states),
    )
    return _with_limits(physics.space, rows, found, kept)


def _with_limits(space: Space, rows: Families, found: Search, kept: Kept) -> Tables:
    """Largest bill and wall clock of interest: the best plan's where it is what is minimised, else the dearest of any row."""
    cost = wall = 0.0
    for machine, index in kept.rows.items():
        for offer in space.offers_of(machine):
            if offer in kept.offers:
                terms = found.terms[offer]
                longest = kept.horizon_seconds * float(found.views[machine].factor.max())
                cost = max(cost, float(terms.cost(longest)[index].max()))
                wall = max(wall, float((terms.wall0[index] + terms.wall1[index] * longest).max()))
    if found.best is not None:
        slack = found.value * (1 + 1e-3)
        cost, wall = (slack, wall) if found.objective.unit == "USD" else (cost, slack)
    return Tables(space, rows, kept.offers, kept.horizon_seconds, max(cost, 1e-9), max(wall, 1e-9))
