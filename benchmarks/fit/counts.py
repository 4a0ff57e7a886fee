"""How many runs speak for a fitted number: those whose prediction depends on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.fit.parameters import Parameter
from benchmarks.fit.rows import Measured
from gpuplan.performance.machine import OVERLAPPING_LINKS
from gpuplan.runs.groups import Run


def _family(run: Run, key: str) -> bool:
    return key in ("*", run.node.accelerator.kernel_family)


def _kernels(run: Run, key: str) -> bool:
    return key in ("*", run.framework.kernels)


def _hugging_face(run: Run, key: str) -> bool:
    """The "*" entry answers for every framework but Hugging Face's."""
    return (run.framework.kernels == "hf") == (key == "hf")


def _mixture(run: Run, key: str) -> bool:
    return run.workload.is_mixture


def _overlaps_collectives(run: Run) -> bool:
    return run.layout.tensor > 1 and run.node.intra_node.kind in OVERLAPPING_LINKS


def _exchanges(run: Run, key: str) -> bool:
    return run.layout.data * run.layout.context > 1 and run.layout.zero < 3


#: Which runs speak for a constant; the others of the table speak for all runs.
SPEAKS: dict[str, Callable[[Run, str], bool]] = {
    "matmul_efficiency": _family,
    "fp8_efficiency": lambda run, key: run.workload.precision == "fp8" and _family(run, key),
    "flash_efficiency": _family,
    "elementwise_traffic": _kernels,
    "loss_bytes_per_logit": _hugging_face,
    "quantise_bytes_per_element": lambda run, key: run.workload.precision == "fp8",
    "launch_seconds": _kernels,
    "launch_unpack_ratio": lambda run, key: run.workload.unpacks_weights,
    "launch_moe_ratio": _mixture,
    "launch_seconds_per_expert": _mixture,
    "dense_speedup_per_year": lambda run, key: _kernels(run, key) and not run.workload.is_mixture,
    "link_efficiency": lambda run, key: run.layout.gpus > 1,
    "network_efficiency": lambda run, key: run.nodes > 1,
    "tensor_parallel_exposed": lambda run, key: _overlaps_collectives(run) and _kernels(run, key),
    "pipeline_exposed": lambda run, key: run.layout.pipeline > 1,
    "expert_parallel_exposed": lambda run, key: run.layout.expert > 1,
    "data_parallel_exposed": _exchanges,
    "gather_exposed": lambda run, key: run.layout.zero == 3 and run.layout.data > 1,
    "permute_bytes_per_element": _mixture,
    "expert_weight_bytes": _mixture,
    "adapter_traffic": lambda run, key: run.workload.trains_adapters and _hugging_face(run, key),
    "synchronise_seconds": lambda run, key: run.layout.gpus > 1,
    "software": lambda run, key: key in run.software,
    "activation_multiplier": _kernels,
    "adapter_activations": lambda run, key: run.workload.trains_adapters and _kernels(run, key),
    "working_set": lambda run, key: run.layout.recompute == "full",
    "communicator_bytes": lambda run, key: run.measure == "nvidia-smi" and run.layout.gpus > 1,
    "head_bytes_per_logit": _kernels,
    "nf4_bytes_per_parameter": lambda run, key: run.workload.weights == "nf4",
}


def runs_behind(parameter: Parameter, runs: Sequence[Measured]) -> int:
    """Number of `runs` whose prediction depends on `parameter`."""
    speaks = SPEAKS.get(parameter.name)
    if speaks is None:
        return len(runs)
    return sum(speaks(each.run, parameter.key) for each in runs)
