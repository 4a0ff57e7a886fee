"""The best plan over imported catalogues against brute force over every one of their offers, each region by itself.

The layouts are those of the search oracle (`oracle_layouts`, `oracle_structure`), all of them; what a layout takes on a machine is
computed by the functions of which `predict` is made, over arrays; clock, bill and host of every offer are those of `oracle_formulas`.
Nothing is left out because something else beats it: no offer stands for another, no table, bound or reduction is used.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from gpuplan.job import Job, resolve
from gpuplan.layout import LIGHTER, OFFLOAD
from gpuplan.listing.imports import import_offers
from gpuplan.performance import interval
from gpuplan.performance.layers import AtomKeys, layer_seconds
from gpuplan.performance.machine import block_gpus, machines
from gpuplan.performance.memory import activation_bytes, loss_bytes, working_bytes
from gpuplan.performance.predict import predict, step_terms
from gpuplan.performance.recompute import RECOMPUTE
from gpuplan.performance.spot import MOST_STOPS
from gpuplan.performance.stages import ShapeKeys, Shapes, shapes
from gpuplan.performance.states import StateKeys, States, states
from gpuplan.performance.workload import Workload
from gpuplan.plan import workload
from gpuplan.result import Result
from gpuplan.solve import solve
from gpuplan.values import candidate_values
from gpuplan_hardware import Node, Offer
from gpuplan_hardware.imports.store import current_offers
from gpuplan_hardware.regions import in_area
from gpuplan_models import Framework
from oracle_formulas import Formulas
from oracle_layouts import Candidate, Layouts
from oracle_selection import computes, left_out_by, quotas

pytestmark = pytest.mark.sources

PRICES = Path(__file__).parents[3] / "shared" / "data" / "prices"
#: The job of the README.
MAIN: dict[str, Any] = {"model": "deepseek-r1-distill-qwen-7b", "method": "lora", "data": "1GB", "deadline": "24h"}
#: Two evaluations of one formula differ by less (relative).
SAME = 1e-6
#: Prices that differ by less are the same price.
TIE = 1e-9

Array = np.ndarray


class Row(NamedTuple):
    """A layout that fits a machine and that no other one beats in time and host memory on as many nodes."""

    nodes: int
    gpus: int
    training: float
    sure: float
    host_bytes: float
    candidate: Candidate


@dataclass(frozen=True)
class Rows:
    """All layouts of a framework on nodes of one shape: rows of numbers, without the rate of any machine."""

    framework: Framework
    candidates: Sequence[Candidate]
    atoms: AtomKeys
    atom: Array
    shape: Shapes
    state: States
    memory_bytes: Array

    @classmethod
    def of(cls, work: Workload, framework: Framework, node: Node, candidates: Sequence[Candidate]) -> Rows:
        """Compute everything that the shape of the node decides."""
        atoms, atom = _atoms(node, candidates)
        layouts = [one.layout for one in candidates]
        schedule = _columns(
            [(o.pipeline, o.virtual, LIGHTER.index(o.lighter), o.data, o.micro_batch, o.global_batch) for o in layouts]
        )
        shape = shapes(work, ShapeKeys(*schedule))
        degrees = _columns(
            [(o.tensor, o.context, o.pipeline, LIGHTER.index(o.lighter), o.expert, o.expert_tensor) for o in layouts]
        )
        held = _columns([(o.data, o.zero, OFFLOAD.index(o.offload)) for o in layouts])
        sizes = [np.full(len(layouts), size) for size in (node.gpus_per_node, block_gpus(node), node.scale_up_gpus)]
        state = states(work, framework, StateKeys(*sizes, *degrees, *held))
        return cls(
            framework, candidates, atoms, atom, shape, state, _memory(work, framework, atoms, atom, shape, state)
        )


def _columns(rows: Sequence[tuple[int, ...]]) -> list[Array]:
    return list(np.array(rows, dtype=np.int64).T)


def _atoms(node: Node, candidates: Sequence[Candidate]) -> tuple[AtomKeys, Array]:
    """What a layer depends on: every combination once, and which one each layout has."""
    rows = [
        (
            0, o.tensor, o.context, o.expert, o.expert_tensor, o.micro_batch, RECOMPUTE.index(o.recompute),
            one.nodes * node.gpus_per_node > node.scale_up_gpus, o.data * o.context if o.zero == 3 else 1, o.offload == "parameters",
        )
        for one in candidates
        for o in (one.layout,)
    ]  # fmt: skip
    once, place = np.unique(np.array(rows, dtype=np.int64), axis=0, return_inverse=True)
    *columns, several, gather, streamed = once.T
    flags = {"several_nodes": several.astype(bool), "gather": gather, "streamed": streamed.astype(bool)}
    return AtomKeys(*columns, **flags), place.reshape(-1)


def _memory(work: Workload, framework: Framework, atoms: AtomKeys, atom: Array, shape: Shapes, state: States) -> Array:
    """Bytes on the worst GPU, the sum of the parts that `predict` names."""
    held = working_bytes(work, framework, atoms)[atom][:, None] + sum(
        activation_bytes(kind, work, framework, atoms)[atom][:, None] * shape.in_flight_layers[:, :, index]
        for index, kind in enumerate(work.layers)
    )
    logits = loss_bytes(work, framework, atoms)[atom][:, None] * shape.has_head
    total = state.weights_bytes + state.gradients_bytes + state.optimizer_bytes + state.gather_bytes + state.base_bytes
    total = total + held + logits + np.maximum(0.0, state.step_bytes - held - logits)
    return np.asarray(np.where(shape.exists, total, 0.0).max(axis=1))


def _taken(things: Any, index: Array) -> Any:
    """Some rows of a record of arrays."""
    return type(things)(**{field.name: getattr(things, field.name)[index] for field in fields(things)})


class BruteForce:
    """Every layout on every machine that some offers have."""

    def __init__(self, job: Job, offers: Sequence[Offer]) -> None:
        self.job, self.work = job, workload(job)
        self.offers = [offer for offer in offers if computes(offer.node, job.precision)]
        self.most_nodes = max(offer.max_nodes for offer in self.offers)
        self._rows: dict[tuple[object, ...], list[Rows]] = {}
        self._fitting: dict[tuple[object, ...], list[Row]] = {}

    @cached_property
    def layouts(self) -> Layouts:
        """Every combination of the values that decisions may have."""
        return Layouts(self.job, candidate_values(self.job, [offer.node for offer in self.offers]))

    def fitting(self, node: Node) -> list[Row]:
        """Layouts that fit a node's GPUs; of those on as many nodes the fastest, and slower ones with less on the host."""
        network = None if node.network is None else node.network.bytes_per_second_per_gpu
        key = (node.accelerator, node.gpus_per_node, node.scale_up_gpus, node.intra_node, network)
        if key not in self._fitting:
            found = (row for rows in self._of_shape(node) for row in self._timed(node, rows))
            self._fitting[key] = list(found)
        return self._fitting[key]

    def _of_shape(self, node: Node) -> list[Rows]:
        sizes = (node.gpus_per_node, node.scale_up_gpus, block_gpus(node))
        key = (*sizes, node.network is not None, node.accelerator.vendor)
        if key not in self._rows:
            legal = [one for one in self.layouts.candidates(node) if one.nodes <= self.most_nodes]
            names = dict.fromkeys(one.framework.name for one in legal)
            groups = [[one for one in legal if one.framework.name == name] for name in names]
            self._rows[key] = [Rows.of(self.work, group[0].framework, node, group) for group in groups]
        return self._rows[key]

    def _timed(self, node: Node, rows: Rows) -> Iterator[Row]:
        """The layouts of a framework that fit, with their seconds of training."""
        framework, family, formulas = rows.framework, node.accelerator.kernel_family, Formulas(self.job)
        width = interval.memory_width(family, framework.kernels, framework.stand_in)
        room = node.accelerator.usable_memory_bytes / formulas.factor(width)
        fits = np.flatnonzero(rows.memory_bytes <= room)
        if not len(fits):
            return
        machine, atom = machines([node], self.job.precision), rows.atom[fits]
        layers = [layer_seconds(kind, self.work, framework, machine, rows.atoms) for kind in self.work.layers]
        layers = [{name: seconds[atom] for name, seconds in parts.items()} for parts in layers]
        shape, state = _taken(rows.shape, fits), _taken(rows.state, fits)
        terms = step_terms(self.work, framework, machine, _taken(rows.atoms, atom), layers, shape, state)
        batches = np.array([rows.candidates[place].layout.global_batch for place in fits.tolist()])
        training = terms.seconds() * np.ceil(self.job.sequences / batches)
        width = interval.step_width(family, framework.kernels, self.work.is_mixture, framework.stand_in)
        nodes = np.array([rows.candidates[place].nodes for place in fits.tolist()])
        least: dict[int, float] = {}
        for place in np.lexsort((state.host_bytes, training, nodes)).tolist():
            host_bytes, count = float(state.host_bytes[place]), int(nodes[place])
            if host_bytes < least.get(count, math.inf):
                least[count] = host_bytes
                candidate, seconds = rows.candidates[int(fits[place])], float(training[place])
                sure = seconds * formulas.factor(width)
                yield Row(count, candidate.layout.gpus, seconds, sure, host_bytes, candidate)

    def costs(self, job: Job) -> dict[str, tuple[float, Offer, Row]]:
        """The least cost of every offer that has a plan within the limits of a job, by its id."""
        formulas, found = Formulas(job), {}
        for offer in self.offers:
            if left_out_by(job, offer) or not _stays(job, offer):
                continue
            plans = [row for row in self.fitting(offer.node) if _allowed(job, formulas, offer, row)]
            if plans:
                best = min(plans, key=lambda row: formulas.cost(offer, row.nodes, row.training))
                found[offer.id] = (formulas.cost(offer, best.nodes, best.training), offer, best)
        return found


def _stays(job: Job, offer: Offer) -> bool:
    areas = job.limits.residency
    return areas is None or any(in_area(offer.provider.name, offer.region, area) for area in areas)


def _allowed(job: Job, formulas: Formulas, offer: Offer, row: Row) -> bool:
    limits, gpus = job.limits, row.nodes * offer.node.gpus_per_node
    return (
        row.nodes <= offer.max_nodes
        and all(gpus <= most for most in quotas(limits, offer))
        and formulas.host_suffices(offer, row.nodes, row.gpus, row.host_bytes)
        and formulas.stops(offer, row.nodes) <= MOST_STOPS
        and (limits.deadline_seconds is None or formulas.wall(offer, row.nodes, row.sure, sure=True) <= limits.deadline_seconds)
        and (limits.budget_usd is None or formulas.cost(offer, row.nodes, row.sure, sure=True) <= limits.budget_usd)
    )  # fmt: skip


@pytest.fixture(scope="module")
def brute(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BruteForce]:
    """Every offer, those of ../shared imported."""
    if not PRICES.exists():
        pytest.skip("the price files of ../shared are not here")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GPUPLAN_OFFERS_DIR", str(tmp_path_factory.mktemp("catalogue") / "offers"))
        import_offers([str(PRICES)])
        yield BruteForce(resolve(MAIN), list(current_offers()))


#: Limits, and for what they are there: every one but the first must make the best plan of the main job another one.
LIMITS: dict[str, Mapping[str, Any]] = {
    "none": {},
    "spot": {"pricing": ["spot", "on-demand"]},
    "spot alone, sooner": {"pricing": ["spot"], "deadline": "4h"},
    "regions": {"region": ["us-east-1", "eastus", "westeurope", "us-central1"]},
    "no Lambda, regions left out": {"exclude_provider": ["lambda"], "exclude_region": ["FIN-02", "FIN-03", "eu-north1"]},
    "quotas": {"quota": ["lambda=0", "verda=0", "nebius=0", "gcp=1", "azure@westeurope=2"]},
    "a quota of a region": {"quota": ["lambda=0", "verda=0", "nebius/H100@eu-north1=0", "oci=0", "runpod=0"], "deadline": "5h"},
    "data in the EU": {"residency": ["eu"]},
    "data in Japan": {"residency": ["jp"], "deadline": "8h"},
    "a budget": {"budget": 60, "deadline": "3h"},
    "one provider, sooner": {"provider": ["gcp"], "deadline": "2h"},
    "nothing": {"residency": ["eu"], "deadline": "40m", "budget": 5},
}  # fmt: skip


@cache
def answer(name: str) -> Result:
    """What is said under these limits, over what the fixture has imported."""
    return solve({**MAIN, **LIMITS[name], "alternatives": 0})


@pytest.mark.slow
@pytest.mark.parametrize("name", LIMITS)
def test_the_best_plan_is_that_of_brute_force_over_every_offer(brute: BruteForce, name: str) -> None:
    job = resolve({**MAIN, **LIMITS[name]})
    result = answer(name)
    costs = brute.costs(job)
    if not costs:
        assert (result.status, result.plan) == ("infeasible", None)
        return
    least = min(cost for cost, _, _ in costs.values())
    plan = result.plan
    assert result.status == "optimal"
    assert plan is not None
    assert plan.prediction.cost_usd == pytest.approx(least, rel=SAME)
    cost, chosen, row = costs[plan.offer.id]
    assert cost == pytest.approx(least, rel=TIE)
    step = predict(brute.work, row.candidate.framework, chosen.node, row.nodes, row.candidate.layout).step_seconds
    steps = math.ceil(job.sequences / row.candidate.layout.global_batch)
    assert steps * step == pytest.approx(row.training, rel=TIE)
    alike = {
        offer.region
        for cost, offer, _ in costs.values()
        if cost <= least * (1 + TIE) and (offer.provider, offer.node, offer.pricing) == (chosen.provider, chosen.node, chosen.pricing)
    }  # fmt: skip
    assert alike == {plan.offer.region, *plan.offer.also_in}


@pytest.mark.slow
def test_the_limits_make_a_difference(brute: BruteForce) -> None:
    """And there is an answer that holds in several regions."""
    best, several = {}, 0
    for name in LIMITS:
        found = answer(name).plan
        best[name] = None if found is None else (found.offer.id, found.prediction.cost_usd)
        several += found is not None and bool(found.offer.also_in)
    assert len({offer for offer in best.values() if offer != best["none"]}) >= len(LIMITS) - 4, best
    assert best["nothing"] is None
    assert several
