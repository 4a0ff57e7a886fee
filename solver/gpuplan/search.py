"""The incumbent: the best plan by branch and bound over machines, and the views of them that a reduction starts from."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from gpuplan.candidates import Candidates, Families, Physics, join
from gpuplan.host import host_needs
from gpuplan.layout import Layout
from gpuplan.objectives import Objective, Totals
from gpuplan.performance.clock import clock, offer_clock
from gpuplan.performance.constants import constants
from gpuplan.performance.predict import model_flops
from gpuplan.performance.recompute import RECOMPUTE
from gpuplan.plan import Plan
from gpuplan.rules import rules
from gpuplan.rules.base import TOLERANCE
from gpuplan.space import Space

Array = np.ndarray

#: Relative margin of every comparison that leaves something out: far above the noise of floating point, far below what matters.
MARGIN = 1e-6
#: Two values that differ by less than this share are a tie.
TIE = 1e-9


@dataclass(frozen=True)
class View:
    """All layouts of one machine class that fit its memory at least as far as the states go, with their times.

    ``training`` is the seconds of all steps; ``training_bound`` leaves out exchange, optimizer and fixed parts and so never
    exceeds it; ``fits`` says whether the whole of the memory fits.
    """

    machine: int
    candidates: Candidates
    training: Array
    training_bound: Array
    fits: Array
    factor: Array
    nodes: Array
    gpus: Array


@dataclass(frozen=True)
class Terms:
    """Clock and bill of one offer for the layouts of a view: ``wall = wall0 + wall1 * training``, ``cost`` likewise, or the least."""

    allowed: Array
    wall0: Array
    wall1: Array
    cost0: Array
    cost1: Array
    cost_least: Array
    gpus: Array
    nodes: Array
    head_start: float

    def values(self, objective: Objective, training: Array, factor: Array) -> Array:
        """Objective at `training` seconds; a bound where `training` is one."""
        counted = training * factor if objective.at_confidence else training
        wall = self.wall0 + self.wall1 * counted
        return objective.of(Totals(self.cost(counted), wall, self.gpus, self.nodes))

    def cost(self, counted: Array | float) -> Array:
        """Bill of all nodes in USD for `counted` seconds of training."""
        return np.maximum(self.cost0 + self.cost1 * counted, self.cost_least)

    def within(self, space: Space, training: Array, factor: Array) -> Array:
        """Whether deadline and budget hold when steps take `factor` times the prediction."""
        limits = space.job.limits
        mask = self.allowed.copy()
        if limits.deadline_seconds is not None:
            most = limits.deadline_seconds * (1 + TOLERANCE)
            mask &= self.wall0 + self.wall1 * training * factor - self.head_start <= most
        if limits.budget_usd is not None:
            mask &= self.cost(training * factor) <= limits.budget_usd * (1 + TOLERANCE)
        return mask


@dataclass
class Search:
    """What the branch and bound found.

    Attributes
    ----------
    best
        Best plan, None if there is none.
    value
        Its objective.
    views
        Evaluated machine classes; the others cannot hold a better plan.
    skipped_machines, layouts
        Machine classes left out by their bound, and layouts evaluated.
    """

    space: Space
    objective: Objective
    best: Plan | None = None
    row: tuple[int, int] | None = None
    value: float = np.inf
    views: dict[int, View] = field(default_factory=dict)
    terms: dict[int, Terms] = field(default_factory=dict)
    skipped_machines: int = 0
    layouts: int = 0


def search(physics: Physics, objective: Objective) -> Search:
    """Find the best plan: machine classes in the order of an optimistic bound, every layout of each, until the bound passes the best.

    The bound of a machine: the model's own FLOP at the fastest rate the machine sustains, the cheapest offer, nothing else.
    """
    space = physics.space
    found = Search(space, objective)
    bounds = {machine: _machine_bound(space, objective, machine) for machine in range(len(space.machines))}
    for machine in sorted(bounds, key=lambda index: (bounds[index], index)):
        if bounds[machine] > found.value * (1 + MARGIN):
            found.skipped_machines += 1
            continue
        view = evaluate(physics, machine)
        found.views[machine] = view
        found.layouts += len(view.candidates)
        for offer in space.offers_of(machine):
            terms = _offer_terms(space, view, offer)
            found.terms[offer] = terms
            feasible = view.fits & terms.within(space, view.training, view.factor)
            if feasible.any():
                found.value = min(
                    found.value, float(terms.values(objective, view.training, view.factor)[feasible].min())
                )
    if np.isfinite(found.value):
        _choose(found)
    return found


def evaluate(physics: Physics, machine: int) -> View:
    """Memory and time of every layout of `machine` whose states alone fit."""
    space, m = physics.space, physics.space.machines
    families = physics.families(machine)
    states, capacity = families.states, m.usable_memory_bytes[machine]
    smallest = families.atoms.memory_factor.min() if len(families.atoms) else 1.0
    most_nodes = max((space.offers[offer].max_nodes for offer in space.offers_of(machine)), default=0)
    alive = (states.stepping.max(axis=1) * smallest <= capacity) & (states.nodes <= most_nodes)
    candidates = join(families, space.values.recompute, alive)
    count = len(candidates)
    rates = (m.link_rate, m.network_rate, m.memory_rate)
    terms = candidates.terms(*(np.full(count, rate[machine]) for rate in rates))
    stages = terms.stage_seconds().max(axis=1) if count else np.zeros(0)
    rest = terms.exposed_exchange() + terms.optimizer + terms.fixed if count else np.zeros(0)
    batch = families.shapes.keys.global_batch[candidates.shape]
    steps = _steps(space, batch)
    nodes = states.nodes[candidates.state]
    return View(
        machine=machine,
        candidates=candidates,
        training=steps * (stages + rest),
        training_bound=steps * stages,
        fits=(candidates.memory_bytes() <= capacity) if count else np.zeros(0, dtype=bool),
        factor=families.atoms.step_factor[candidates.atom],
        nodes=nodes,
        gpus=nodes * int(m.gpus_per_node[machine]),
    )


def _steps(space: Space, batch: Array) -> Array:
    values, inverse = np.unique(batch, return_inverse=True)
    return np.array([space.job.steps(int(value)) for value in values], dtype=float)[inverse]


def _machine_bound(space: Space, objective: Objective, machine: int) -> float:
    """Optimistic objective of any plan on `machine`: model FLOP at the highest sustained rate, cheapest node, no losses."""
    m, job, work = space.machines, space.job, space.work
    rate = np.nanmax([m.matmul_flops[machine], m.flash_flops[machine], m.matmul8_flops[machine]])
    speedup = (
        max(constants().value("dense_speedup_per_year", f.kernels) for f in space.values.frameworks)
        if space.values.frameworks
        else 1.0
    )
    speedup = max(1.0, speedup ** (constants().software_year - 2025))
    sequences = min(job.steps(batch) * batch for batch in job.global_batches)
    gpu_seconds = model_flops(work, float(sequences) * work.sequence_length) / (rate * speedup)
    per_node = int(m.gpus_per_node[machine])
    offers = [space.offers[offer] for offer in space.offers_of(machine)]
    most_nodes = max((offer.max_nodes for offer in offers), default=1)
    price = min((offer.price_usd_per_hour for offer in offers), default=0.0)
    least = clock(job, work, float(most_nodes), 0.0)
    node_seconds = float(least.billed_fixed_seconds + least.billed_slope * gpu_seconds / per_node)
    wall = float(least.fixed_seconds + least.slope * gpu_seconds / (per_node * most_nodes))
    totals = Totals(
        np.asarray(price * node_seconds / 3600), np.asarray(wall), np.asarray(float(per_node)), np.asarray(1.0)
    )
    return float(objective.of(totals))


def _offer_terms(space: Space, view: View, offer: int) -> Terms:
    """Clock and bill by number of nodes, spread over the layouts."""
    job = space.job
    counts, inverse = np.unique(view.nodes, return_inverse=True)
    allowed = np.ones(len(counts), dtype=bool)
    for rule in rules():
        allowed &= rule.cluster_allowed(space, offer, counts)
    times = offer_clock(job, space.work, space.offers[offer], counts)
    prices = np.array(
        [host_needs(job, space.work, space.offers[offer], int(n)).price_usd_per_node_hour for n in counts]
    )
    rent = prices * counts / 3600
    return Terms(
        allowed=allowed[inverse],
        wall0=times.fixed_seconds[inverse],
        wall1=times.slope[inverse],
        cost0=(rent * times.billed_fixed_seconds)[inverse],
        cost1=(rent * times.billed_slope)[inverse],
        cost_least=(rent * times.least_billed_seconds)[inverse],
        gpus=view.gpus,
        nodes=view.nodes,
        head_start=times.ready_seconds if job.limits.deadline_from == "start" else 0.0,
    )


def _choose(found: Search) -> None:
    """Of all plans with the best objective take the cheapest, then smallest, then fastest, then plainest, then first by offer id."""
    space = found.space
    ties: list[tuple[float, float, float, int, int, int]] = []
    for machine, view in found.views.items():
        for offer in space.offers_of(machine):
            terms = found.terms[offer]
            good = view.fits & terms.within(space, view.training, view.factor)
            good &= terms.values(found.objective, view.training, view.factor) <= found.value * (1 + TIE)
            rows = np.flatnonzero(good)
            bills = terms.cost(view.training)
            costs = bills[rows]
            for index in rows[costs <= costs.min(initial=np.inf) * (1 + TIE)]:
                cost = float(bills[index])
                wall = float(terms.wall0[index] + terms.wall1[index] * view.training[index])
                ties.append((cost, float(view.gpus[index]), wall, machine, offer, int(index)))
    for position in range(3):
        least = min(tie[position] for tie in ties)
        ties = [tie for tie in ties if tie[position] <= least * (1 + TIE)]

    def order(tie: tuple[float, float, float, int, int, int]) -> tuple[object, ...]:
        plan = make_plan(space, found.views[tie[3]], tie[4], tie[5])
        return (plan.layout.plainness(), plan.offer.id)

    _, _, _, machine, offer, row = min(ties, key=order)
    found.best, found.row = make_plan(space, found.views[machine], offer, row), (offer, row)


def make_plan(space: Space, view: View, offer: int, row: int) -> Plan:
    """The plan that a row of `view` on an offer stands for."""
    c = view.candidates
    return plan_of(space, c.families, offer, int(c.atom[row]), int(c.shape[row]), int(c.state[row]))


def plan_of(space: Space, rows: Families, offer: int, atom: int, shape: int, state: int) -> Plan:
    """The plan that one row of each family on an offer stands for."""
    framework = space.values.frameworks[int(rows.states.framework[state])]
    layout = Layout(
        framework=framework.name,
        tensor=int(rows.states.keys.tensor[state]),
        pipeline=int(rows.states.keys.pipeline[state]),
        data=int(rows.states.keys.data[state]),
        expert=int(rows.states.keys.expert[state]),
        zero=int(rows.states.keys.zero[state]),
        micro_batch=int(rows.shapes.keys.micro_batch[shape]),
        global_batch=int(rows.shapes.keys.global_batch[shape]),
        recompute=RECOMPUTE[int(rows.atoms.keys.recompute[atom])],
    )
    return Plan(space.job, space.offers[offer], int(rows.states.nodes[state]), layout, framework)
