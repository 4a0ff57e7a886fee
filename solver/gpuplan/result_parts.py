"""Parts of an answer: a plan with its offer, layout, prediction and host, and what it takes to order it (see `gpuplan.result`)."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Answer(BaseModel):
    """Base of every part of an answer: immutable, no unknown fields, no NaN or infinity.

    Checks are built when a part is first used: no command uses all of them, and lists must be instant.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, serialize_by_alias=True, defer_build=True
    )


class Interval(Answer):
    """A predicted value with its two-sided 90 % interval."""

    point: float
    low: float
    high: float


class OfferAnswer(Answer):
    """The offer of a plan."""

    id: str
    provider: str
    region: str
    pricing: str
    node: str
    gpu: str
    gpus_per_node: int
    price_usd_per_hour: float
    price_as_of: str
    price_age_days: int
    max_nodes: int
    lead_time: Literal["instant", "queue", "contract"]
    lead_time_hours: float | None = Field(
        description="from the order to the start of provisioning; null: nobody states it"
    )
    minimum_billing_seconds: float | None = Field(description="least time billed for a node; null: nobody states it")
    billing_increment_seconds: float | None = Field(
        default=None, description="steps in which time is billed; null: nobody states them"
    )
    interruptions_per_node_hour: float | None = Field(
        default=None, description="how often a node is taken back, as counted; null: it is not spot"
    )
    also_in: list[str] = Field(default_factory=list, description="other regions of the provider at the same price")
    intra_node: str
    network: str | None
    source: str
    purchase_usd_per_node: float | None = Field(
        default=None,
        description="what a node costs to buy, where it is priced as owned and nobody said that it is there; null: otherwise",
    )


class LayoutAnswer(Answer):
    """Parallelism degrees and memory options."""

    framework: str
    tensor_parallel: int
    pipeline_parallel: int
    data_parallel: int
    expert_parallel: int
    zero_stage: int
    micro_batch: int
    gradient_accumulation: int
    global_batch: int
    recompute: str
    gpus_used: int
    stage_layers: list[int] = Field(
        description="layers of the first, of the fullest middle and of the last pipeline stage"
    )
    virtual_stages: int = Field(default=1, description="stages that a pipeline rank interleaves; 1: plain 1F1B")
    context_parallel: int = Field(default=1, description="ranks that share a sequence")
    expert_tensor_parallel: int = Field(default=1, description="ranks over which a single expert is cut")
    offload: Literal["none", "optimizer", "parameters"] = Field(default="none", description="what the host keeps")
    lighter_stages: Literal["none", "first", "last", "both"] = Field(
        default="none", description="end stages of the pipeline with one layer less than their even share"
    )


class MemoryAnswer(Answer):
    """Bytes on the worst GPU: the estimate by part, the bound that was held against what is usable."""

    bytes: float
    bound_bytes: float = Field(
        description="estimate at the asked confidence; the memory rule holds this against usable_bytes"
    )
    usable_bytes: float
    worst_stage: str
    parts_bytes: dict[str, float]


class PredictionAnswer(Answer):
    """Time, money and memory of a plan. `total_hours` and `cost_usd` include start-up, checkpoints and contingency."""

    step_seconds: float
    step_seconds_interval: Interval
    step_parts_seconds: dict[str, float]
    steps: int
    total_hours: float
    total_hours_interval: Interval
    time_parts_hours: dict[str, float]
    cost_usd: float
    cost_usd_interval: Interval
    cost_parts_usd: dict[str, float]
    on_time_probability: float | None
    tokens_per_second_per_gpu: float
    model_flops_utilisation: float
    memory: MemoryAnswer
    coverage: Literal["measured", "transferred", "extrapolated"] = Field(
        description="published runs speak for this GPU under this framework; for each apart; or not even that"
    )


class HostAnswer(Answer):
    """What each node must have beside its GPUs, and what the chosen node has (null: unknown)."""

    required_vcpus: int
    available_vcpus: int | None
    required_ram_bytes: float
    available_ram_bytes: float | None
    required_storage_bytes: float
    available_nvme_bytes: float | None
    rented_volume_bytes: float
    required_network_bytes_per_second: float
    available_network_bytes_per_second: float | None


class PlanAnswer(Answer):
    """An offer, a number of nodes and a layout."""

    offer: OfferAnswer
    nodes: int
    gpus: int
    layout: LayoutAnswer
    prediction: PredictionAnswer
    host: HostAnswer


class QuotaAnswer(Answer):
    """Something to be asked for before the order, in the provider's own unit."""

    name: str
    unit: str
    code: str | None
    amount: int | None = Field(description="what the cluster takes of it; null: it cannot be told, see the note")
    region: str
    default_amount: float | None = Field(description="what new accounts have; null: not published")
    how: str | None
    note: str
    source: str
    as_of: str | None
    basis: str


class CommitmentAnswer(Answer):
    """A term for which the plan's nodes can be had at another price, whether they are used or not."""

    pricing: str
    offer: str
    region: str
    price_usd_per_hour: float
    price_as_of: str
    term_hours: float = Field(description="shortest term; of capacity blocks, as many whole ones as the job takes")
    total_usd: float = Field(description="all nodes of all clusters at once, for the whole term")
    used_share: float = Field(description="what of the term the job takes")
    on_demand_usd_per_hour: float | None = Field(description="cheapest price of the same node without a term")
    wins_from_utilisation: float | None = Field(
        description="share of the term from which it is cheaper than on demand; above 1: never; null: no such price"
    )
    chosen: bool = Field(description="whether it is what the plan is priced with")


class BuyingAnswer(Answer):
    """What the person who orders must know: what to ask for, and which commitments there are."""

    ask_for: list[QuotaAnswer]
    lead_time: str
    commitments: list[CommitmentAnswer]
    checkpoint_interval_minutes: float
    result_gb: float = Field(description="size of what one trial leaves, 1e9 bytes")
    checkpoint_gb: float
    egress_result_usd: float = Field(description="price of taking the results out, whether it is in the cost or not")
    egress_price_known: bool


class CurrencyAnswer(Answer):
    """A second currency; every amount of the answer is in USD."""

    code: str
    per_usd: float
    source: str
    as_of: str | None
    cost: float | None = Field(description="what the plan costs in it")
