"""From a row to complete runs: what the row leaves open becomes a list of candidates, in the order in which they are to be tried."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cached_property

from gpuplan.layout import Layout
from gpuplan.performance.workload import Workload
from gpuplan.runs.gpus import node_of
from gpuplan.runs.groups import BASE_SHARE, Run
from gpuplan.runs.reading import (
    framework_of,
    inputs_on_host,
    method_of,
    not_understood,
    precision_of,
    recompute_of,
    rule_of,
    stated_recompute,
    states_on_host,
    workload_of,
    zero_of,
)
from gpuplan.runs.rows import RunRow, UnpredictableError
from gpuplan.runs.shapes import architecture_of
from gpuplan.runs.software import LAST_YEAR, Circumstances, software_of
from gpuplan.runs.tables import FrameworkRule
from gpuplan_hardware import Node
from gpuplan_models import Framework

#: What is tried where tensor and pipeline parallelism are not stated, in this order.
DEGREES = ((1, 1), (2, 1), (4, 1), (8, 1), (8, 2), (8, 4), (8, 8), (8, 16))
#: GPUs that share the experts of a mixture where the row does not say: a node's.
EXPERT_PARALLEL = 8
#: Multiples of features that tensor cores want: of a matrix's side, of a head's width.
ALIGNED, EVEN = 64, 8
#: A release named by year and month: "Release 25.09".
RELEASE = re.compile(r"\b(2[0-9])\.(0[1-9]|1[0-2])\b")
#: What memory figures count where neither the row nor the framework's rule says.
MEASURE = "nvidia-smi"


def candidates(row: RunRow) -> list[Run]:
    """Return the ways in which a row may have run, the first that fits being the likeliest.

    What is not stated: no sharding of weights before ZeRO-3, then the least recompute, then the least tensor and pipeline parallelism;
    the micro-batch is 1.

    Raises
    ------
    UnpredictableError
        If the row does not say enough, or names what gpuplan does not know.
    """
    return _Completion(row).runs()


def software_year(row: RunRow) -> float:
    """Return the year of a row's software: that of its date, the last one known where there is none.

    A release of that year in the text of the framework ("NeMo 25.09") places it within the year; without one it is the middle.
    """
    text = row.text("date").split("-")[0]
    year = min(int(text), LAST_YEAR) if text.isdigit() else LAST_YEAR
    months = [int(month) for short, month in RELEASE.findall(row.text("framework")) if 2000 + int(short) == year]
    return year + (max(months) - 6.5) / 12 if months else float(year)


@dataclass(frozen=True)
class _Completion:
    """The parts of a row's runs that all candidates share."""

    row: RunRow

    @cached_property
    def gpus(self) -> int:
        gpus = self.row.whole("n_gpus")
        if gpus is None:
            raise UnpredictableError("n_gpus is not given")
        return gpus

    @cached_property
    def batch(self) -> int:
        batch = self.row.whole("global_batch_sequences")
        if batch is None:
            raise UnpredictableError("global_batch_sequences is not given")
        return batch

    @cached_property
    def rule(self) -> FrameworkRule | None:
        return rule_of(self.row)

    @cached_property
    def node(self) -> tuple[Node, str]:
        if not self.row.text("gpu"):
            raise UnpredictableError("gpu is not given")
        return node_of(self.row.text("gpu"), self.row.whole("gpus_per_node") or min(8, self.gpus))

    def runs(self) -> list[Run]:
        row, rule, (node, gpu_note) = self.row, self.rule, self.node
        gpus = self.gpus
        year = software_year(row)
        architecture, shape_note = architecture_of(row)
        text, precision = precision_of(row, rule, node.accelerator, year)
        framework = framework_of(row, rule, method_of(row) != "full", precision, bool(architecture.routed_experts))
        work = workload_of(row, architecture, rule, precision)
        self._refuse_impossible(work.layer_count)
        layouts = self._layouts(
            framework, work.layer_count, architecture.routed_experts, architecture.layers[0].attention.heads
        )
        notes = tuple(
            note for note in (self._framework_note(framework), gpu_note, shape_note, self._precision_note(text)) if note
        )
        return [
            Run(
                workload=work,
                framework=framework,
                node=node,
                nodes=-(-gpus // node.gpus_per_node),
                layout=layout,
                year=year,
                software=self._software(work, framework, layout, text, year),
                measure=self._measure(),
                last_stage=row.text("memory_rank") == "last",
                partial=rule is not None and rule.partial and not row.text("recompute"),
                hosted=self._hosted(layout),
                inputs_on_host=inputs_on_host(row, rule),
                states_on_host=states_on_host(row),
                notes=notes + self._layout_notes(layout),
            )
            for layout in layouts
        ]

    def _software(
        self, work: Workload, framework: Framework, layout: Layout, precision: str, year: float
    ) -> frozenset[str]:
        core = work.architecture.layers[0].attention
        return software_of(
            Circumstances(
                framework=self.row.text("framework"),
                precision=precision,
                kernels=framework.kernels,
                family=self.node[0].accelerator.kernel_family,
                model_type=work.architecture.model_type,
                mixture=work.is_mixture,
                adapters=work.trains_adapters,
                misaligned=work.architecture.hidden_size % (ALIGNED * layout.tensor) != 0,
                odd_heads=core.qk_head_dim % EVEN != 0,
                year=year,
            )
        )

    def _hosted(self, layout: Layout) -> bool:
        hosts = self.rule is not None and self.rule.hosts_sharded and not self.row.text("recompute")
        return hosts and layout.recompute == "full" and layout.zero == 3 and layout.pipeline == 1

    def _refuse_impossible(self, layers: int) -> None:
        """Refuse degrees that cannot be: more GPUs than there are, more stages than layers."""
        degrees = [self.row.whole(column) or 1 for column in ("tp", "pp", "cp")]
        if math.prod(degrees) > self.gpus:
            raise UnpredictableError(f"tp x pp x cp is {math.prod(degrees)}, but n_gpus is {self.gpus}")
        if degrees[1] > layers:
            raise UnpredictableError(f"pp is {degrees[1]}, but there are {layers} layers")

    def _framework_note(self, framework: Framework) -> str:
        if self.rule is None:
            stated = self.row.text("framework")
            return f"framework {stated!r} not known: {framework.name}" if stated else f"framework: {framework.name}"
        return ""

    def _precision_note(self, text: str) -> str:
        return "" if self.row.text("precision") else f"precision {text}"

    def _layout_notes(self, layout: Layout) -> tuple[str, ...]:
        stated = self.row.text
        chosen = list(not_understood(self.row))
        if not stated_recompute(self.row):
            chosen.append(f"recompute {layout.recompute}")
        if not stated("tp"):
            chosen.append(f"TP {layout.tensor}")
        if not stated("pp"):
            chosen.append(f"PP {layout.pipeline}")
        if not stated("micro_batch"):
            chosen.append(f"micro-batch {layout.micro_batch}")
        if zero_of(self.row, None) is None:
            chosen.append(f"ZeRO-{layout.zero}")
        if stated("offload") not in ("", "none"):
            chosen.append("time of offloading not counted")
        return tuple(chosen)

    def _measure(self) -> str:
        stated = self.row.text("memory_measure")
        if stated and stated not in BASE_SHARE:
            raise UnpredictableError(f"memory_measure is {stated!r}, not one of {', '.join(BASE_SHARE)}")
        return stated or (self.rule.measure if self.rule is not None and self.rule.measure else MEASURE)

    def _layouts(self, framework: Framework, layers: int, experts: int, heads: int) -> list[Layout]:
        """Return every candidate."""
        found = []
        for sharded in (False, True):
            for recompute in recompute_of(self.row, self.rule, framework):
                for tensor, pipeline in self._degrees(framework, layers, heads):
                    context = self.row.whole("cp") or max(1, self.gpus // (tensor * pipeline * self.batch))
                    data = max(1, self.gpus // (tensor * pipeline * context))
                    zero = self._stage(framework, data, pipeline, sharded)
                    layout = Layout(
                        framework=framework.name,
                        tensor=tensor,
                        pipeline=pipeline,
                        data=data,
                        expert=self._expert(framework, experts, tensor * data * context),
                        zero=zero,
                        micro_batch=self._micro_batch(data),
                        global_batch=self.batch,
                        recompute=recompute,
                        virtual=self._virtual(layers, pipeline),
                        context=context,
                        expert_tensor=(self.row.whole("etp") or 1) if experts else 1,
                    )
                    found.append(layout)
        return list(dict.fromkeys(found))

    def _degrees(self, framework: Framework, layers: int, heads: int) -> list[tuple[int, int]]:
        tensor, pipeline = self.row.whole("tp"), self.row.whole("pp")
        most = self.gpus if framework.tensor_parallel else 1
        open_ones = [
            (t, p)
            for t, p in DEGREES
            if t * p <= most
            and heads % t == 0
            and p <= layers
            and t <= max(8, tensor or 1)
            and self.gpus % (t * p) == 0
        ] or [(1, 1)]
        choices = [(tensor or t, pipeline or p) for t, p in open_ones]
        return list(dict.fromkeys(choices))

    def _stage(self, framework: Framework, data: int, pipeline: int, sharded: bool) -> int:
        """Return the ZeRO stage: the stated one, else the framework's least, or the one that shards everything."""
        stated = zero_of(self.row, self.rule)
        if stated is not None:
            return stated
        if sharded and data > 1 and 3 in framework.zero_stages and pipeline == 1:
            return 3
        usual = 1 if framework.tensor_parallel else 0
        return usual if usual in framework.zero_stages or data == 1 else min(framework.zero_stages)

    def _expert(self, framework: Framework, experts: int, ranks: int) -> int:
        """GPUs over which experts are dealt."""
        if not experts:
            return 1
        unstated = min(EXPERT_PARALLEL, experts, ranks) if framework.expert_parallel else 1
        return self.row.whole("ep") or unstated

    def _micro_batch(self, data: int) -> int:
        return max(1, min(self.row.whole("micro_batch") or 1, -(-self.batch // data)))

    def _virtual(self, layers: int, pipeline: int) -> int:
        stated = self.row.whole("vp")
        if stated is not None or pipeline == 1:
            return stated or 1
        per_chunk = self.rule.layers_per_chunk if self.rule is not None else 0
        return max(1, layers // (per_chunk * pipeline)) if per_chunk else 1
