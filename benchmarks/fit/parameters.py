"""What is fitted: constants of the shipped table and of gpuplan.runs' software.toml, each with its prior."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from gpuplan.performance.constants import Constant, Constants
from gpuplan.runs.software import base_constants, constants_of

Array = np.ndarray
GIB = 2.0**30


@dataclass(frozen=True)
class Parameter:
    """One fitted number: `name` and `key` of the table, its prior and the prior's width (log-normal)."""

    name: str
    key: str
    prior: float
    width: float = 0.5

    @property
    def label(self) -> str:
        return f"{self.name}.{self.key}"


TIME = (
    Parameter("matmul_efficiency", "ampere", 0.80, 0.1),
    Parameter("matmul_efficiency", "hopper", 0.72, 0.1),
    Parameter("matmul_efficiency", "blackwell", 0.72, 0.2),
    Parameter("matmul_efficiency", "blackwell-ultra", 0.76, 0.2),
    Parameter("matmul_efficiency", "ada", 0.70, 0.2),
    Parameter("matmul_efficiency", "cdna3", 0.50, 0.1),
    Parameter("matmul_efficiency", "cdna3-1000w", 0.60, 0.1),
    Parameter("matmul_efficiency", "cdna4", 0.55, 0.2),
    Parameter("matmul_efficiency", "gaudi2", 0.80, 0.2),
    Parameter("fp8_efficiency", "hopper", 0.85, 0.2),
    Parameter("fp8_efficiency", "cdna3", 0.85, 0.2),
    Parameter("flash_efficiency", "ampere", 0.55, 0.3),
    Parameter("flash_efficiency", "hopper", 0.50, 0.3),
    Parameter("flash_efficiency", "blackwell", 0.45, 0.3),
    Parameter("flash_efficiency", "blackwell-ultra", 0.45, 0.3),
    Parameter("flash_efficiency", "cdna3", 0.35, 0.3),
    Parameter("matmul_traffic_share", "*", 1.0, 0.3),
    Parameter("elementwise_traffic", "megatron", 1.2),
    Parameter("elementwise_traffic", "torch", 2.0),
    Parameter("elementwise_traffic", "megatron-2022", 2.0),
    Parameter("loss_bytes_per_logit", "hf", 40.0),
    Parameter("loss_bytes_per_logit", "*", 20.0),
    Parameter("quantise_bytes_per_element", "*", 6.0),
    Parameter("launch_seconds", "megatron", 0.0005),
    Parameter("launch_seconds", "hf", 0.0035),
    Parameter("launch_seconds", "megatron-2022", 0.005, 2.0),
    Parameter("launch_unpack_ratio", "*", 1.3, 0.3),
    Parameter("launch_moe_ratio", "*", 5.0),
    Parameter("launch_seconds_per_expert", "*", 0.0004),
    Parameter("dense_speedup_per_year", "megatron", 1.03, 0.05),
    Parameter("link_efficiency", "*", 0.7, 0.1),
    Parameter("network_efficiency", "*", 0.70, 0.05),
    Parameter("tensor_parallel_exposed", "megatron", 0.5),
    Parameter("pipeline_exposed", "*", 0.4),
    Parameter("data_parallel_exposed", "*", 0.25),
    Parameter("gather_exposed", "megatron", 0.3),
    Parameter("permute_bytes_per_element", "*", 8.0),
    Parameter("expert_weight_bytes", "*", 20.0),
    Parameter("adapter_traffic", "hf", 3.5, 0.4),
    Parameter("optimizer_bytes_per_parameter", "*", 30.0),
    Parameter("step_seconds", "*", 0.02),
    Parameter("synchronise_seconds", "*", 0.001),
    Parameter("software", "triton_ampere", 0.8, 0.3),
    Parameter("software", "triton_hopper", 0.6, 0.3),
    Parameter("software", "gptq", 2.5),
    Parameter("software", "untuned", 2.0),
    Parameter("software", "sinks", 0.3),
    Parameter("software", "nvfp4", 1.4, 0.1),
    Parameter("software", "plain_attention", 0.15),
    Parameter("software", "late_exchange", 3.0, 0.2),
    Parameter("software", "misaligned", 0.75),
    Parameter("software", "odd_heads", 0.2),
)

MEMORY = (
    Parameter("activation_multiplier", "megatron", 1.1, 0.2),
    Parameter("activation_multiplier", "hf", 1.0, 0.2),
    Parameter("activation_multiplier", "megatron-2022", 1.1, 0.3),
    Parameter("adapter_activations", "hf", 0.3),
    Parameter("working_set", "*", 2.0, 0.1),
    Parameter("head_bytes_per_logit", "megatron", 8.0, 0.3),
    Parameter("head_bytes_per_logit", "hf", 10.0, 0.3),
    Parameter("base_bytes", "*", 1.4e9, 0.05),
    Parameter("communicator_bytes", "*", 1.0e9, 0.1),
    Parameter("nf4_bytes_per_parameter", "*", 0.53, 0.05),
    Parameter("software", "variable_lengths", 1.3),
)


@dataclass(frozen=True)
class Point:
    """Values for some parameters; every other constant keeps its shipped value."""

    parameters: Sequence[Parameter]
    values: Array
    _cache: dict[tuple[float, frozenset[str]], Constants] = field(default_factory=dict, compare=False)

    @cached_property
    def factors(self) -> dict[str, float]:
        """Fitted factors of software.toml by name."""
        pairs = zip(self.parameters, self.values, strict=True)
        return {parameter.key: float(value) for parameter, value in pairs if parameter.name == "software"}

    @cached_property
    def base(self) -> Constants:
        start = base_constants()
        tables: dict[str, dict[str, Constant]] = {name: dict(keys) for name, keys in start.tables.items()}
        for parameter, value in zip(self.parameters, self.values, strict=True):
            if parameter.name != "software":
                tables[parameter.name][parameter.key] = Constant(float(value), "fitted", 1)
        return replace(start, tables=tables)

    def table(self, year: float, software: frozenset[str]) -> Constants:
        """Constants of a run's software; cached, as a point is evaluated over all groups."""
        key = (year, software)
        if key not in self._cache:
            self._cache[key] = constants_of(year, software, self.base, self.factors)
        return self._cache[key]
