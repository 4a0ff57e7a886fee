"""A job, resolved: catalogue things instead of names, base units instead of words. All of it is immutable."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from gpuplan_models import Architecture, Framework, Method

STARTUP_SECONDS = 600.0
"""Provisioning, container and compile before the first step, unless told otherwise."""

WEIGHTS_BYTES_PER_SECOND = 1e9
"""Rate at which one node downloads and loads weights."""

CHECKPOINT_INTERVAL_SECONDS = 3600.0
"""Time between two checkpoints."""


@dataclass(frozen=True, slots=True)
class TokenCount:
    """Tokens of one epoch, with the range that the tokenizer leaves open.

    Attributes
    ----------
    tokens, low, high
        Central count and its range; equal when the user gave tokens or samples.
    basis
        How the count came about, a sentence.
    data_bytes
        Bytes of text, None when the user gave tokens or samples.
    bytes_per_token
        Bytes of text per token that `tokens` rests on, None likewise.
    """

    tokens: float
    low: float
    high: float
    basis: str
    data_bytes: float | None = None
    bytes_per_token: float | None = None


@dataclass(frozen=True, slots=True)
class Quota:
    """GPUs that the user may have at a time; None stands for any provider, GPU model or region."""

    gpus: int
    provider: str | None = None
    gpu: tuple[str, ...] | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What the answer may not exceed and where it may look; None means no limit.

    Attributes
    ----------
    expected_seconds
        Longest time from the order to the end at the point estimate: where a frontier goes on.
    max_tensor
        Largest tensor-parallel degree.
    min_mfu
        Least model FLOP utilisation of the rented GPUs at the point estimate, a share.
    node_counts
        Node counts that the cluster of one trial may have.
    nvswitch_only
        Only nodes whose GPUs are all joined by NVSwitch.
    exclude_layouts
        Degrees (TP, PP, DP, CP, EP) that have been shown already.
    quotas
        What the user may rent at a time.
    residency
        Countries and groups of them in which the data must stay; None anywhere.
    """

    deadline_seconds: float | None = None
    deadline_from: Literal["order", "start"] = "order"
    budget_usd: float | None = None
    max_gpus: int | None = None
    max_nodes: int | None = None
    gpus: tuple[str, ...] | None = None
    exclude_gpus: tuple[str, ...] = ()
    providers: tuple[str, ...] | None = None
    regions: tuple[str, ...] | None = None
    pricing: tuple[str, ...] = ("on-demand",)
    marketplace: bool = False
    allow_unknown_host: bool = False
    available_within_seconds: float | None = None
    timed: bool = False
    exclude_providers: tuple[str, ...] = ()
    exclude_regions: tuple[str, ...] = ()
    nvswitch_only: bool = False
    max_tensor: int | None = None
    min_mfu: float | None = None
    node_counts: tuple[int, ...] | None = None
    exclude_layouts: tuple[tuple[int, int, int, int, int], ...] = ()
    quotas: tuple[Quota, ...] = ()
    residency: tuple[str, ...] | None = None
    expected_seconds: float | None = None

    @property
    def needs_lead_time(self) -> bool:
        """Whether an offer must state how soon its nodes can be had: where time counts from the order (`timed`)."""
        return self.timed and self.deadline_from == "order"


@dataclass(frozen=True, slots=True)
class Pins:
    """Decisions that the user has taken; None leaves a decision to the solver. `lighter` and `offload` are those of `Layout`."""

    offer: str | None = None
    nodes: int | None = None
    gpus: int | None = None
    tensor_parallel: int | None = None
    pipeline_parallel: int | None = None
    data_parallel: int | None = None
    expert_parallel: int | None = None
    zero_stage: int | None = None
    micro_batch: int | None = None
    recompute: str | None = None
    framework: str | None = None
    virtual_pipeline: int | None = None
    context_parallel: int | None = None
    expert_tensor_parallel: int | None = None
    offload: str | None = None
    lighter: str | None = None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Where the offers come from when it is not the built-in list.

    Attributes
    ----------
    offers_path
        CSV file that replaces the built-in offers.
    price_usd_per_gpu_hour
        The user's own price for the one accelerator of `Limits.gpus`.
    origin
        Which offers: the built-in ones and those that the user has imported ("all"), or one of the two alone.
    max_price_age_days
        Offers whose price is older are left out; None keeps all.
    discounts
        Shares off the list price that the user has, by provider; "" is for every other.
    """

    offers_path: Path | None = None
    price_usd_per_gpu_hour: float | None = None
    origin: Literal["all", "built-in", "imported"] = "all"
    discounts: tuple[tuple[str, float], ...] = ()
    max_price_age_days: float | None = None


@dataclass(frozen=True, slots=True)
class Currency:
    """A currency in which amounts are said beside USD: its code, how much a dollar is, who says so, and when (None: the user)."""

    code: str
    per_usd: float
    source: str
    as_of: date | None


@dataclass(frozen=True, slots=True)
class Search:
    """How the search runs; none of it changes which plan is the best.

    Attributes
    ----------
    alternatives
        Next-best plans to show.
    alternatives_by
        In what each differs from those before it: "gpu", "provider" or "layout".
    time_limit_seconds
        Wall time of the search.
    workers
        Threads of CP-SAT; 0 takes every core.
    seed
        Seed of CP-SAT.
    """

    alternatives: int = 3
    alternatives_by: str = "gpu"
    time_limit_seconds: float = 60.0
    workers: int = 1
    seed: int = 0


@dataclass(frozen=True, slots=True)
class CalibratedConstant:
    """A constant of the performance model as a user's own `runs` corrected it."""

    name: str
    key: str
    value: float
    runs: int


@dataclass(frozen=True, slots=True)
class Job:
    """A fine-tuning job and its limits, ready for the solver. See `gpuplan.job.resolve`."""

    architecture: Architecture
    method: Method
    precision: str
    weights: str
    tokens: TokenCount
    lora_rank: int = 16
    lora_targets: str | tuple[str, ...] = "all-linear"
    optimizer: str = "adamw"
    framework: Framework | None = None
    epochs: float = 1.0
    sequence_length: int = 4096
    packing_efficiency: float = 1.0
    samples: int | None = None
    global_batches: tuple[int, ...] = (64,)
    trials: int = 1
    parallel: int = 1
    contingency: float = 0.0
    evaluation_share: float = 0.0
    startup_seconds: float = STARTUP_SECONDS
    weights_bytes_per_second: float = WEIGHTS_BYTES_PER_SECOND
    checkpoint_interval_seconds: float = CHECKPOINT_INTERVAL_SECONDS
    checkpoint_days: float = 0.0
    egress: float | Literal["result"] = 0.0
    spot_interruptions_per_node_hour: float | None = None
    confidence: float | None = 0.9
    objectives: tuple[str, ...] = ("cost", "gpus", "time")
    limits: Limits = field(default_factory=Limits)
    pins: Pins = field(default_factory=Pins)
    catalogue: Catalogue = field(default_factory=Catalogue)
    search: Search = field(default_factory=Search)
    calibration: tuple[CalibratedConstant, ...] = ()
    currency: Currency | None = None
    assumptions: tuple[str, ...] = ()

    @property
    def sequences(self) -> int:
        """Sequences of all epochs: samples, or tokens / (length x packing efficiency) rounded up, times epochs."""
        if self.samples is not None:
            return _ceil(self.samples * self.epochs)
        return _ceil(_ceil(self.tokens.tokens / (self.sequence_length * self.packing_efficiency)) * self.epochs)

    @property
    def training_tokens(self) -> int:
        """Token positions that the GPUs process, padding included: sequences x sequence length."""
        return self.sequences * self.sequence_length

    def steps(self, global_batch: int) -> int:
        """Optimizer steps of all epochs at a global batch, in sequences; the last step may be partly filled."""
        return -(-self.sequences // global_batch)


def _ceil(value: float) -> int:
    """Round up, but not for the noise of a floating-point division (0.1 * 3 must not become one more)."""
    return max(1, math.ceil(value * (1 - 1e-12)))
