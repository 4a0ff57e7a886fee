"""The layouts of the search oracle: every combination of the candidate values, and the rules of structure that it breaks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from gpuplan.job import Job
from gpuplan.layout import Layout
from gpuplan.values import Values
from gpuplan_hardware import Node
from gpuplan_models import Framework
from oracle_structure import Cut, Held, Structure

RECOMPUTE = ("none", "selective", "full")


@dataclass(frozen=True)
class Candidate:
    """A layout on nodes of one shape, and the rules of `STRUCTURE` that it breaks."""

    layout: Layout
    framework: Framework
    nodes: int
    broken: frozenset[str] = frozenset()


class Layouts:
    """All layouts of a job's lattice, by the shape of the nodes that they are for."""

    def __init__(self, job: Job, values: Values) -> None:
        self.values = values
        self.structure = Structure(job, min(values.zero, default=0))
        self._found: dict[tuple[object, ...], list[Candidate]] = {}

    def on(self, node: Node, most_broken: int = 0) -> list[Candidate]:
        """Every layout on nodes of that shape that breaks at most so many rules of structure."""
        fabric = (node.gpus_per_node, node.scale_up_gpus, node.network is not None)
        shape = (*fabric, node.accelerator.vendor, most_broken)
        if shape not in self._found:
            self._found[shape] = list(self.candidates(node, most_broken))
        return self._found[shape]

    def candidates(self, node: Node, most_broken: int = 0) -> Iterator[Candidate]:
        """The same, one after the other: how the model is cut, who holds it, the schedule."""
        v, structure = self.values, self.structure
        cuts = [
            Cut(*degrees) for degrees in product(v.tensor, v.context, v.pipeline, v.expert, v.expert_tensor, v.virtual)
        ]
        holders = [Held(*held) for held in product(v.data, v.zero, v.offload, v.lighter)]
        for framework in v.frameworks:
            for cut in cuts:
                broken = structure.cut_breaks(framework, node, cut)
                if len(broken) > most_broken:
                    continue
                for held in holders:
                    wrong = broken | structure.held_breaks(framework, node, cut, held)
                    if len(wrong) <= most_broken:
                        yield from self._schedules(framework, node, cut, held, wrong, most_broken)

    def _schedules(
        self, framework: Framework, node: Node, cut: Cut, held: Held, broken: set[str], most_broken: int
    ) -> Iterator[Candidate]:
        v = self.values
        for batch, micro, code in product(v.global_batch, v.micro_batch, v.recompute):
            mode = RECOMPUTE[code]
            wrong = broken | self.structure.schedule_breaks(framework, cut, held, batch, micro, mode)
            if len(wrong) <= most_broken:
                layout = layout_of(framework, cut, held, batch, micro, mode)
                yield Candidate(layout, framework, math.ceil(layout.gpus / node.gpus_per_node), frozenset(wrong))


def layout_of(framework: Framework, cut: Cut, held: Held, batch: int, micro_batch: int, recompute: str) -> Layout:
    """The layout of these decisions."""
    return Layout(
        framework=framework.name,
        tensor=cut.tensor,
        pipeline=cut.pipeline,
        virtual=cut.virtual,
        data=held.data,
        context=cut.context,
        expert=cut.expert,
        expert_tensor=cut.expert_tensor,
        zero=held.zero,
        micro_batch=micro_batch,
        global_batch=batch,
        recompute=recompute,
        offload=held.offload,
        lighter=held.lighter,
    )
