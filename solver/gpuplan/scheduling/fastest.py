"""The fastest layout of every cluster, with its proof: one pass over the layouts of all machine classes, whatever their nodes cost.

On a given offer, number of nodes and framework all that a layout decides of time and money is the seconds of training, and every rule
that is left bounds them from above. So the fastest layout that fits is the best in everything, and no other one is needed.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from gpuplan.bounds import MARGIN
from gpuplan.candidates import Candidates, Families, Rates, concatenate
from gpuplan.job import Job
from gpuplan.layout import Layout
from gpuplan.look import Look, Pairs, layouts_of, step_counts
from gpuplan.order import TIE, Order
from gpuplan.physics import Physics
from gpuplan.plan import workload
from gpuplan.rules import rules
from gpuplan.rules.base import TOLERANCE
from gpuplan.search import Searcher, layout_of
from gpuplan.selection import machine_key
from gpuplan.space import space_over
from gpuplan_hardware import Offer
from gpuplan_models import Framework

Array = np.ndarray

#: States of each group that are looked at first, and how many times as many in each further go.
FIRST_STATES, MORE_STATES = 16, 16
#: Most pairs that are evaluated in one go.
LARGEST_CHUNK = 200_000


@dataclass(frozen=True)
class Fastest:
    """Fastest layouts on a machine class: an entry per framework and number of nodes that has any.

    ``training = units * seconds_per_unit``, with the `training_units` of a job; `ties` are the layouts that take just as long: rows of
    families, and which of them.
    """

    frameworks: tuple[Framework, ...]
    framework: Array
    nodes: Array
    seconds_per_unit: Array
    ties: tuple[tuple[tuple[Families, int], ...], ...]

    def __len__(self) -> int:
        return len(self.nodes)

    def layout(self, entry: int) -> tuple[Framework, Layout]:
        """The plainest of an entry's layouts."""
        framework = self.frameworks[int(self.framework[entry])]
        found = [layout_of(framework.name, rows, row, row, row) for rows, row in self.ties[entry]]
        return framework, min(found, key=Layout.plainness)


@dataclass
class Known:
    """What has been found, for all jobs and questions that share it. It is small: the rows it came from are not kept.

    Attributes
    ----------
    reasons
        Why jobs cannot be done.
    layouts
        How many were evaluated.
    """

    found: dict[Hashable, Fastest] = field(default_factory=dict)
    reasons: dict[Hashable, str] = field(default_factory=dict)
    layouts: int = 0


def kin(job: Job) -> Hashable:
    """Jobs that are equal in this have the same fastest layouts: the training, what is pinned, how sure memory must be."""
    limits = job.limits
    alone = job.sequences if len(job.global_batches) > 1 else None  # which batch is the fastest depends on the data
    structure = (job.pins, job.framework, limits.max_tensor, limits.exclude_layouts, limits.allow_unknown_host)
    return workload(job), job.confidence, structure, job.global_batches, alone


def training_units(job: Job) -> int:
    """Steps at the job's first global batch: with one batch, times go with them."""
    return job.steps(job.global_batches[0])


class Family:
    """Jobs of one `kin`, of which `job` is any, over all offers that any of them may use; everything is found at once."""

    def __init__(self, job: Job, offers: Sequence[Offer], known: Known) -> None:
        self.space = space_over(job, offers)
        self._known, self._key = known, kin(job)
        self._place = {offer.id: index for index, offer in enumerate(offers)}
        missing = [place for place in range(len(offers)) if self._name(place) not in known.found]
        if missing:
            self._find(missing)

    def place(self, offer: Offer) -> int:
        """Index of an offer in the space."""
        return self._place[offer.id]

    def fastest(self, place: int) -> Fastest:
        """The fastest layouts on an offer."""
        return self._known.found[self._name(place)]

    def _name(self, place: int) -> Hashable:
        """What of an offer the fastest layouts depend on."""
        offer, machine = self.space.offers[place], int(self.space.machine_of_offer[place])
        size = self.space.sizes[int(self.space.size_of_machine[machine])]
        return self._key, size, machine_key(offer.node), offer.node.host, offer.host_open

    def _find(self, places: Sequence[int]) -> None:
        # Without offers: their clocks and bills are of no interest here.
        bare = replace(self.space, offers=(), machine_of_offer=np.zeros(0, dtype=np.int64))
        searcher = Searcher(Physics(bare), Order.of(("time",)))
        machines = {place: int(self.space.machine_of_offer[place]) for place in places}
        searcher.prepare(sorted(set(machines.values())))
        sized: dict[int, dict[tuple[int, bytes], _Case]] = {}
        for place, machine in machines.items():
            look = searcher.look(machine)
            held = self._held(look, place)
            cases = sized.setdefault(int(self.space.size_of_machine[machine]), {})
            cases.setdefault((machine, held.tobytes()), _Case(look, held)).names.append(self._name(place))
        for cases in sized.values():
            groups = _Groups(list(cases.values()))
            for pairs in _promising(groups):
                groups.evaluate(pairs)
            self._known.layouts += groups.layouts
            units = training_units(self.space.job)
            for index, case in enumerate(cases.values()):
                found = groups.result(index, units)
                self._known.found.update(dict.fromkeys(case.names, found))

    def _held(self, look: Look, place: int) -> Array:
        """Mask of the states that the hosts of an offer can hold."""
        held = np.ones(len(look.shardings), dtype=bool)
        if look.shardings.offloads:
            for rule in rules():
                held &= rule.state_on_offer_allowed(self.space, place, look.shardings.rows)
        return held


@dataclass
class _Case:
    """A machine class with hosts that hold some of its states; `names` are the offers of that kind."""

    look: Look
    held: Array
    names: list[Hashable] = field(default_factory=list)

    def bounds(self) -> Array:
        """Lower bound of the training seconds of each state; infinite where it does not fit."""
        look, s = self.look, self.look.shardings
        _, there = look.keys.find(s.code)
        fits = s.floor * look.memory_factor[look.framework] <= look.capacity * (1 + MARGIN)
        found, states = np.full(len(s), np.inf), np.flatnonzero(there & fits & self.held)
        found[states] = look.state_bound(states)
        return found


@dataclass(frozen=True)
class _Pairs:
    """Pairs of several cases: whose they are, atoms counted through."""

    case: Array
    pairs: Pairs

    def take(self, index: Array) -> _Pairs:
        return _Pairs(self.case[index], self.pairs.take(index))


def _promising(groups: _Groups) -> Iterator[_Pairs]:
    """Pairs that may be the fastest of their group, the most promising first; what has been evaluated meanwhile counts.

    Argument: a state, or a state with an atom, is left out only where a lower bound of its training is above what a layout of the
    same group takes.
    """
    case, state, bound = groups.states()
    group = groups.of(case, state)
    now = groups.least(group, bound)
    left, most = np.flatnonzero(~now), FIRST_STATES
    now = np.flatnonzero(now)
    while len(now):
        pairs = groups.join(case[now], state[now])
        mine, least = groups.of(pairs.case, pairs.pairs.state), pairs.pairs.bound
        # The first of each group alone leave few of the others to be evaluated.
        top = groups.least(mine, least)
        yield pairs.take(np.flatnonzero(top))
        rows = np.flatnonzero(~top & groups.hopeful(mine, least))
        for start in range(0, len(rows), LARGEST_CHUNK):
            part = rows[start : start + LARGEST_CHUNK]
            yield pairs.take(part[groups.hopeful(mine[part], least[part])])
        left = left[groups.hopeful(group[left], bound[left])]
        chosen = _among_first(group[left], bound[left], most)
        now, left = left[chosen], left[~chosen]
        most *= MORE_STATES


def _among_first(group: Array, value: Array, most: int) -> Array:
    """Mask of the so many least values of each group."""
    order = np.lexsort((value, group))
    first = np.flatnonzero(np.diff(group[order], prepend=-1))
    rank = np.empty_like(order)
    rank[order] = np.arange(len(group)) - np.repeat(first, np.diff(first, append=len(group)))
    return np.asarray(rank < most)


class _Groups:
    """The best so far of every case, framework and number of nodes; all nodes are of one size."""

    def __init__(self, cases: Sequence[_Case]) -> None:
        self.cases, self.look = cases, cases[0].look
        self.space, self.shardings = self.look.space, self.look.shardings
        self.counts = len(self.shardings.node_counts)
        self.each = len(self.space.values.frameworks) * self.counts
        self.best = np.full(len(cases) * self.each, np.inf)
        self.layouts = 0
        self.atoms = concatenate([case.look.atoms for case in cases])
        self._offset = np.cumsum([0, *(len(case.look.atoms) for case in cases)])
        self._top: list[tuple[Array, Array, Candidates]] = []

    def states(self) -> tuple[Array, Array, Array]:
        """Case, state and bound of all states that may fit."""
        bounds = np.stack([case.bounds() for case in self.cases])
        case, state = np.nonzero(np.isfinite(bounds))
        return case, state, bounds[case, state]

    def join(self, case: Array, state: Array) -> _Pairs:
        """States, those of one case after those of another, with every base atom of their machine class."""
        parts, cases = [], []
        ends = np.searchsorted(case, np.arange(len(self.cases) + 1))
        for index, each in enumerate(self.cases):
            pairs = each.look.join(state[ends[index] : ends[index + 1]])
            parts.append(replace(pairs, atom=pairs.atom + self._offset[index]))
            cases.append(np.full(len(pairs), index))
        return _Pairs(np.concatenate(cases), concatenate(parts))

    def of(self, case: Array, state: Array) -> Array:
        """The group of each state."""
        inside = self.look.framework[state] * self.counts + self.shardings.count_index[state]
        return np.asarray(case * self.each + inside)

    def least(self, group: Array, bound: Array) -> Array:
        """Mask of the least bounds of each group."""
        least = np.full(len(self.best), np.inf)
        np.minimum.at(least, group, bound)
        return np.asarray(bound <= least[group])

    def hopeful(self, group: Array, bound: Array) -> Array:
        """Mask of what may be as fast as the best of its group."""
        return np.asarray(bound <= self.best[group] * (1 + TIE))

    def evaluate(self, chosen: _Pairs) -> None:
        """Take over the fastest whole layouts of pairs."""
        pairs = chosen.pairs
        candidates, pair = layouts_of(self.look.physics, self.shardings, self.atoms, pairs)
        if not len(candidates):
            return
        self.layouts += len(candidates)
        families = candidates.families
        machines = families.atoms.keys.machine
        usable = self.space.machines.usable_memory_bytes[machines[candidates.atom]]
        rows = np.flatnonzero(candidates.memory_bytes() <= usable * (1 + TOLERANCE))
        candidates, pair = candidates.take(rows), pair[rows]
        steps = step_counts(self.space, families.shapes.keys.global_batch[candidates.shape])
        training = steps * candidates.terms(Rates.of_each(self.space, machines)).seconds()
        group = self.of(chosen.case[pair], pairs.state[pair])
        np.minimum.at(self.best, group, training)
        top = np.flatnonzero(self.hopeful(group, training))
        if len(top):
            few = candidates.take(top)
            kept = Families(
                families.atoms.take(few.atom), families.shapes.take(few.shape), families.states.take(few.state)
            )
            here = np.arange(len(top))
            self._top.append((group[top], training[top], Candidates(kept, here, here, here)))

    def result(self, case: int, units: int) -> Fastest:
        """The best of every group of a case, with all that tie."""
        ties: dict[int, list[tuple[Families, int]]] = {}
        for group, training, candidates in self._top:
            mine = group // self.each == case
            for row in np.flatnonzero(mine & self.hopeful(group, training)):
                ties.setdefault(int(group[row]), []).append((candidates.families, int(row)))
        groups = np.array(sorted(ties), dtype=np.int64)
        inside = groups % self.each
        return Fastest(
            frameworks=self.space.values.frameworks,
            framework=inside // self.counts,
            nodes=self.shardings.node_counts[inside % self.counts],
            seconds_per_unit=self.best[groups] / units,
            ties=tuple(tuple(ties[int(index)]) for index in groups),
        )
