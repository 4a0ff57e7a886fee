"""The incumbent: the best plan by branch and bound over machine classes, shardings, atoms and whole layouts.

Machine classes come in the order of an optimistic bound. Of each, shardings are held against a bound that no atom can beat, then
shardings with atoms against a sharper one, and what is left is evaluated, most promising first.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

import numpy as np

from gpuplan.bounds import MARGIN, Batches, Keys, Shardings, machine_bounds, shardings
from gpuplan.candidates import Candidates, Families
from gpuplan.layout import LIGHTER, OFFLOAD, Layout
from gpuplan.look import Look, Pairs, layer_sum
from gpuplan.order import Order, compare
from gpuplan.performance.recompute import RECOMPUTE
from gpuplan.physics import Physics
from gpuplan.plan import Plan
from gpuplan.space import Space

Array = np.ndarray

#: Machine classes whose atoms are computed in one go: few at first, for the incumbent; then more.
FIRST_BATCH, LARGEST_BATCH = 4, 64
#: Pairs that are evaluated in one go, likewise.
FIRST_CHUNK, LARGEST_CHUNK = 2_000, 100_000


@dataclass
class Search:
    """What the branch and bound found.

    Attributes
    ----------
    best
        Best plan, None if there is none.
    values
        Its objectives and tie-breakers.
    limit
        Plans whose first objective is larger are of no interest.
    bounds
        Least first objective that any plan of a machine class may have, as far as it was looked at.
    finished
        Machine classes of which no plan beats the best.
    row
        The best plan's machine class, offer and rows.
    complete
        False where the time ran out: then another plan may be better, by `bound` at most.
    seen, layouts
        Machine classes looked at, and how many layouts were evaluated.
    """

    space: Space
    order: Order
    best: Plan | None = None
    values: list[float] | None = None
    limit: float = np.inf
    bounds: Array = field(default_factory=lambda: np.zeros(0))
    finished: set[int] = field(default_factory=set)
    row: tuple[int, int, Candidates] | None = None
    complete: bool = True
    seen: set[int] = field(default_factory=set)
    layouts: int = 0

    @property
    def value(self) -> float:
        """First objective of the best plan; without one, the largest that is of interest."""
        return self.limit if self.values is None else self.values[0]

    @property
    def goal(self) -> list[float] | None:
        """Values that a plan must not lose against; None where any plan will do."""
        if self.values is not None:
            return self.values
        return [self.limit] if np.isfinite(self.limit) else None

    def open(self, machine: int) -> bool:
        """Whether a machine class may hold a plan as good as the best."""
        return bool(np.isfinite(self.bounds[machine]) and self.bounds[machine] <= self.value * (1 + MARGIN))

    @property
    def excluded(self) -> int:
        """Machine classes that a bound excludes without a look at them."""
        return sum(machine not in self.seen and not self.open(machine) for machine in range(len(self.bounds)))

    @property
    def bound(self) -> float:
        """No plan has a first objective below this."""
        left = (bound for machine, bound in enumerate(self.bounds) if machine not in self.finished)
        return min(self.value, float(min(left, default=np.inf)))


class Searcher:
    """Runs the branch and bound over `physics` for an order of plans; `seconds` may end it early, `limit` is a plan's worst value."""

    def __init__(self, physics: Physics, order: Order, seconds: float = np.inf, limit: float = np.inf) -> None:
        self.physics, self.space, self.order = physics, physics.space, order
        self.end = time.perf_counter() + seconds
        self.batches = Batches.of(self.space)
        self.found = Search(self.space, order, limit=limit)
        self._ties: list[tuple[int, int, Candidates, int]] = []
        self._shardings: dict[int, Shardings] = {}
        self._keys: dict[int, Keys] = {}
        self._looks: dict[int, Look] = {}

    def run(self) -> Search:
        """The search; the best so far is in `found` also where the user interrupts it."""
        try:
            self._run()
        finally:
            if self._ties:
                self._choose()
        return self.found

    def _run(self) -> None:
        found = self.found
        found.bounds = machine_bounds(self.space, self.order.primary)
        queue = [int(machine) for machine in np.lexsort((np.arange(len(found.bounds)), found.bounds))]
        size = FIRST_BATCH
        while queue and time.perf_counter() <= self.end:
            batch, queue = queue[:size], queue[size:]
            batch = [machine for machine in batch if found.open(machine)]
            self.prepare(batch)
            for machine in batch:
                if found.open(machine) and time.perf_counter() <= self.end:
                    self._look(machine)
            size = min(2 * size, LARGEST_BATCH)
        # Where the time is up, plans that tie by the first objective may not have been looked at.
        found.complete = time.perf_counter() <= self.end and found.bound >= found.value * (1 - MARGIN)

    def prepare(self, machines: list[int]) -> None:
        """Compute the base atoms of machine classes; of all but the first of a size only those that fit with some state."""
        first: dict[int, int] = {}
        for machine in machines:
            first.setdefault(int(self.space.size_of_machine[machine]), machine)
        for size, machine in first.items():
            if size not in self._shardings:
                self.look(machine)
        self.physics.prepare(
            [machine for machine in machines if machine not in self._looks],
            {size: np.unique(found.group_code) for size, found in self._shardings.items()},
        )

    def look(self, machine: int) -> Look:
        """The machine class under the eye."""
        size = int(self.space.size_of_machine[machine])
        if machine not in self._keys:
            atoms = self.physics.base(machine)
            self._keys[machine] = Keys.of(atoms, layer_sum(self.space, atoms))
        if size not in self._shardings:
            self._shardings[size] = shardings(self.physics, size, self._keys[machine], self._capacity(size))
        if machine not in self._looks:
            self._looks[machine] = Look(self.physics, machine, self._keys[machine], self._shardings[size], self.batches)
        return self._looks[machine]

    def _capacity(self, size: int) -> Array:
        """Largest usable memory over the confidence factor among machines of that size, by framework."""
        space, here = self.space, np.flatnonzero(self.space.size_of_machine == size)
        return self.physics.roomiest(here) if len(here) else np.zeros(len(space.values.frameworks))

    def _look(self, machine: int) -> None:
        found = self.found
        found.seen.add(machine)
        look = self.look(machine)
        states, least = look.states(self.order, found.goal)
        self._raise_bound(machine, least)
        pairs, least = look.pairs(self.order, found.goal, states)
        self._raise_bound(machine, least)
        values = look.least_value(self.order, pairs)
        left = np.arange(len(pairs))
        chunk = FIRST_CHUNK
        while len(left) and time.perf_counter() <= self.end:
            # The most promising first; they need no order among themselves.
            left = left[np.argpartition(values[left], chunk)] if len(left) > chunk else left
            self._evaluate(look, pairs.take(left[:chunk]))
            left = left[chunk:]
            left = left[values[left] <= found.value * (1 + MARGIN)]
            chunk = LARGEST_CHUNK
        if not len(left):
            found.finished.add(machine)

    def _raise_bound(self, machine: int, least: float) -> None:
        """Take over the least bound of what is left of a machine class; what was left out cannot beat the best plan."""
        self.found.bounds[machine] = max(self.found.bounds[machine], min(least, self.found.value))

    def _evaluate(self, look: Look, pairs: Pairs) -> None:
        """Evaluate all schedules of the pairs on every offer, and keep what nothing beats."""
        candidates, pair = look.layouts(pairs)
        self.found.layouts += len(candidates)
        training, fits = look.evaluate(candidates)
        rows = np.flatnonzero(fits)
        if not len(rows):
            return
        training, state = training[rows], pairs.state[pair[rows]]
        count, factor = look.shardings.count_index[state], look.factor(state)
        for sold in look.sold:
            inside, first = look.on_offer(self.order, sold, state, training)
            good = np.flatnonzero(inside & (first <= self.found.value * (1 + MARGIN)))
            if len(good):
                top, values = self.order.best_of(sold.clusters, count[good], training[good], factor[good])
                self._offer(look.machine, sold.offer, candidates, rows[good[top]], values)

    def _offer(self, machine: int, offer: int, candidates: Candidates, rows: Array, values: list[float]) -> None:
        """Take rows over as the best, or beside the best."""
        better = -1 if self.found.values is None else compare(values, self.found.values)
        if better > 0:
            return
        if better < 0:
            self.found.values, self._ties = values, []
        self._ties += [(machine, offer, candidates, int(row)) for row in rows]

    def _choose(self) -> None:
        """Of all plans that tie take the plainest, then the first by offer id."""
        plans = [
            plan_of(self.space, c.families, offer, int(c.atom[row]), int(c.shape[row]), int(c.state[row]))
            for _, offer, c, row in self._ties
        ]
        chosen = min(range(len(plans)), key=lambda index: (plans[index].layout.plainness(), plans[index].offer.id))
        machine, offer, candidates, row = self._ties[chosen]
        self.found.best, self.found.row = plans[chosen], (machine, offer, candidates.take(np.array([row])))


def search(physics: Physics, order: Order, seconds: float = np.inf, limit: float = np.inf) -> Search:
    """Find the best plan whose first objective is at most `limit`."""
    return Searcher(physics, order, seconds, limit).run()


def least_memory(space: Space) -> Plan | None:
    """The plan on the first offer that needs least memory, whether it fits or not; None if there is no layout at all."""
    endless = replace(space.machines, usable_memory_bytes=np.full(len(space.machines), np.inf))
    look = Searcher(Physics(replace(space, machines=endless)), Order.of(("cost",))).look(0)
    candidates, _ = look.layouts(look.join(np.arange(len(look.shardings))))
    if not len(candidates):
        return None
    row = int(np.argmin(candidates.memory_bytes()))
    rows = (int(candidates.atom[row]), int(candidates.shape[row]), int(candidates.state[row]))
    return plan_of(space, candidates.families, 0, *rows)


def plan_of(space: Space, rows: Families, offer: int, atom: int, shape: int, state: int) -> Plan:
    """The plan that one row of each family on an offer stands for."""
    framework = space.values.frameworks[int(rows.states.framework[state])]
    layout = layout_of(framework.name, rows, atom, shape, state)
    return Plan(space.job, space.offers[offer], int(rows.states.nodes[state]), layout, framework)


def layout_of(framework: str, rows: Families, atom: int, shape: int, state: int) -> Layout:
    """The layout that one row of each family stands for."""
    s, h, a = rows.states.keys, rows.shapes.keys, rows.atoms.keys
    return Layout(
        framework=framework,
        tensor=int(s.tensor[state]),
        pipeline=int(s.pipeline[state]),
        data=int(s.data[state]),
        expert=int(s.expert[state]),
        zero=int(s.zero[state]),
        micro_batch=int(h.micro_batch[shape]),
        global_batch=int(h.global_batch[shape]),
        recompute=RECOMPUTE[int(a.recompute[atom])],
        virtual=int(h.virtual[shape]),
        context=int(s.context[state]),
        expert_tensor=int(s.expert_tensor[state]),
        offload=OFFLOAD[int(s.offload[state])],
        lighter=LIGHTER[int(s.lighter[state])],
    )
