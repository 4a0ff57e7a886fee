"""What bounds start from: the least time of a pipeline's slowest stage, the least bytes of the weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpuplan.layout import LIGHTER
from gpuplan.performance.stages import ShapeKeys, Shapes, shapes, stage_floor, stage_layer_counts
from gpuplan.performance.states import StateKeys, least_weight_bytes, states
from gpuplan.performance.step import StepTerms
from gpuplan.performance.workload import Workload
from gpuplan_models import architecture
from performance.strategies import Case, cases
from performance.toy import DENSE, MLA, MOE, about, framework, work

Array = np.ndarray

#: One kind of layer; dense layers before mixtures; kinds in turn.
MODELS = (DENSE, MLA, architecture("gemma-3-27b"), architecture("deepseek-r1"))
VIRTUAL = (1, 2, 3, 4, 5)


@pytest.mark.parametrize(
    ("stages", "lighter", "layers", "head", "fill"),
    [
        # Eight layers. On one stage all of them and the head; no filling.
        (1, "none", 1.0, 1.0, 0.0),
        # Every stage has a quarter, the mean as well, which has a quarter of the head besides; filling in 3/4 of a pass over
        # the most chunks, 2.
        (4, "none", 0.25, 0.25, 0.375),
        # 1, 3, 3 and 1: the middle stage has 3/8, and no head. Nothing is interleaved.
        (4, "both", 0.375, 0.0, 0.75),
        # 5 and 3: the first has more than the mean.
        (2, "last", 0.625, 0.0, 0.5),
        (2, "first", 0.625, 1.0, 0.5),
    ],
)
def test_floor_of_a_pipeline(stages: int, lighter: str, layers: float, head: float, fill: float) -> None:
    found = stage_floor(work(), stages, lighter, (1, 2, 3))
    assert (found.layers, found.head, found.fill) == about((layers, head, fill))


def test_interleaved_stages_may_hold_less_of_a_kind() -> None:
    # Two dense layers and six with experts on 2 stages: (2, 2) and (0, 4). In chunks of two layers each rank holds 4 in the mean,
    # a dense one and three with experts; in 3 chunks they cannot be cut.
    plain, cut = (stage_floor(work(MLA), 2, "none", virtual) for virtual in ((1, 3), (1, 2)))
    assert plain.held.tolist() == [[2, 2], [0, 0], [0, 4]]
    assert cut.held.tolist() == [[1, 2], [0, 0], [0, 3]]


@st.composite
def pipelines(draw: st.DrawFn) -> tuple[Workload, int, str]:
    """A model, pipeline stages that each hold a layer, and which ends are lighter."""
    job = work(draw(st.sampled_from(MODELS)))
    layers = job.layer_count
    stages = draw(st.integers(1, min(layers, 32)))
    possible = [word for word in LIGHTER[: {1: 1, 2: 3}.get(stages, 4)] if _filled(layers, stages, word)]
    return job, stages, draw(st.sampled_from(possible))


def _filled(layers: int, stages: int, lighter: str) -> bool:
    first, _, last = stage_layer_counts(layers, stages, lighter)
    return stages == 1 or (first > 0 and last > 0)


def schedule(job: Workload, stages: int, lighter: str, virtual: int, micro_batches: int) -> Shapes:
    values = (stages, virtual, LIGHTER.index(lighter), 1, 1, micro_batches)
    return shapes(job, ShapeKeys(*(np.array([value]) for value in values)))


def slowest(found: Shapes, layer: Array, head: float) -> float:
    """Seconds of the slowest stage with free transfers."""
    zero = np.zeros(1)
    terms = StepTerms(
        layer=layer[None],
        head=np.array([head]),
        transfer=zero,
        layer_passes=found.layer_passes,
        head_passes=found.head_passes,
        transfers=found.transfers,
        mean_layers=found.mean_layers,
        exchange=zero,
        optimizer=zero,
        fixed=zero,
    )
    return float(terms.stage_seconds().max())


@given(
    pipelines(), st.lists(st.floats(0, 10), min_size=2, max_size=2), st.floats(0, 100), st.integers(1, 40), st.data()
)
def test_the_slowest_stage_takes_at_least_the_floor(
    case: tuple[Workload, int, str], seconds: list[float], head: float, micro_batches: int, data: st.DataObject
) -> None:
    job, stages, lighter = case
    layer = np.array(seconds[: len(job.layers)])
    total = float(layer @ [work.kind.count for work in job.layers])
    even = stages > 1 and lighter == "none"
    legal = [v for v in VIRTUAL if v == 1 or (even and job.layer_count % (stages * v) == 0)]
    virtual = data.draw(st.sampled_from(legal))
    floor = stage_floor(job, stages, lighter, VIRTUAL)
    found = schedule(job, stages, lighter, virtual, micro_batches)
    least = micro_batches * (floor.layers * total + floor.head * head) + floor.fill * (total + head)
    assert slowest(found, layer, head) >= least * (1 - 1e-12)
    assert np.all(floor.held <= found.in_flight_layers[0] * (1 + 1e-12))
    assert floor.exists.tolist() == found.exists[0].tolist()
    assert floor.has_head.tolist() == (found.has_head[0] > 0).tolist()


@pytest.mark.usefixtures("toy_constants")
def test_least_weight_bytes() -> None:
    # Megatron trains in 2 + 4 bytes: eight layers of 9,002,000, half of them on a stage; t = 2 leaves 4,502,000 of each.
    one, two, half = np.array([1]), np.array([2]), np.array([0.5])
    assert least_weight_bytes(work(), framework(), one, one, half) == about([6 * 4 * 9_002_000])
    assert least_weight_bytes(work(), framework(), two, one, half) == about([6 * 4 * 4_502_000])
    # Frozen in 4 bit: 0.6 bytes, and no gradients. The mixture has 3,018,000 beside 24 M, of which 8 GPUs hold a part each.
    qlora = work(method="qlora", weights="nf4")
    assert least_weight_bytes(qlora, framework("hf-peft"), one, one, one) == about([0.6 * 8 * 9_002_000])
    assert least_weight_bytes(work(MOE, "lora"), framework(), one, 8 * one, one) == about([2 * 8 * 6_018_000])


@given(cases())
def test_weights_take_no_less_than_the_least(case: Case) -> None:
    layout = replace(case.layout, zero=0, offload="none")
    keys = StateKeys(
        gpus_per_node=np.array([case.node.gpus_per_node]),
        gpus_per_block=np.array([case.node.gpus_per_node]),
        domain_gpus=np.array([case.node.gpus_per_node]),
        tensor=np.array([layout.tensor]),
        context=np.array([layout.context]),
        pipeline=np.array([layout.pipeline]),
        lighter=np.array([LIGHTER.index(layout.lighter)]),
        expert=np.array([layout.expert]),
        expert_tensor=np.array([layout.expert_tensor]),
        data=np.array([layout.data]),
        zero=np.array([0]),
        offload=np.array([0]),
    )
    found = states(case.work, case.framework, keys)
    trained_in_full = not case.work.trains_adapters
    held = found.weights_bytes + (found.gradients_bytes if trained_in_full else 0.0)
    share = np.array([stage_floor(case.work, layout.pipeline, layout.lighter, (1,)).layers])
    least = least_weight_bytes(case.work, case.framework, keys.tensor, keys.expert_ranks, share)
    assert least[0] <= held.max() * (1 + 1e-12)
    # Sharded over all ranks of a stage it is a bound for ZeRO-3 too.
    zero3 = states(case.work, case.framework, replace(keys, zero=np.array([3])))
    sharded = zero3.weights_bytes + (zero3.gradients_bytes if trained_in_full else 0.0)
    assert least[0] / (layout.tensor * layout.context * layout.data) <= sharded.max() * (1 + 1e-12)
