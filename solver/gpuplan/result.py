"""What an answer is: the JSON that gpuplan prints, as pydantic models. Units are suffixes of the names; what is absent is null."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gpuplan.result_parts import (
    Answer,
    BuyingAnswer,
    CommitmentAnswer,
    CurrencyAnswer,
    HostAnswer,
    Interval,
    LayoutAnswer,
    MemoryAnswer,
    OfferAnswer,
    PlanAnswer,
    PredictionAnswer,
    QuotaAnswer,
)

__all__ = [
    "AlsoLifted",
    "Answer",
    "BuyingAnswer",
    "ChoiceAnswer",
    "CommitmentAnswer",
    "CurrencyAnswer",
    "HostAnswer",
    "Interval",
    "LayoutAnswer",
    "LimitsAnswer",
    "MemoryAnswer",
    "OfferAnswer",
    "PlanAnswer",
    "PredictionAnswer",
    "QuotaAnswer",
    "Relaxation",
    "Result",
    "RuleAnswer",
    "SolverAnswer",
    "Status",
    "TokensAnswer",
    "Worth",
]

Status = Literal["optimal", "feasible", "infeasible", "unknown"]


class RuleAnswer(Answer):
    """How near a rule is to binding: `required` of `available`."""

    rule: str
    name: str
    required: float
    available: float | None
    unit: str
    used_share: float | None
    satisfied: bool
    binding: bool = Field(
        default=False, description="it holds the plan back: it is used up, or without it there is a better plan"
    )


class AlsoLifted(Answer):
    """Another limit that must give way together with a relaxed one, and what the plan needs of it; a switch is 1."""

    limit: str
    to: float
    unit: str


class Relaxation(Answer):
    """The smallest change of one limit that makes a plan exist, with that plan; a switch goes from 0 to 1."""

    limit: str
    from_: float = Field(alias="from")
    to: float
    unit: str
    which: str | None = Field(default=None, description="of several limits of this kind, the one that holds the plan")
    smallest: bool = Field(default=True, description="proved to be the smallest; false: the time limit came first")
    also_lifted: list[AlsoLifted] = Field(default_factory=list, description="other limits that must give way too")
    plan: PlanAnswer


class Worth(Answer):
    """What a change of one limit is worth: the best plan under it, and how much lower its objective is (in the answer's unit).

    A step below zero is a tighter limit, and what it saves is negative or nothing.
    """

    limit: str
    unit: str
    step: float
    to: float
    objective: float
    saves: float
    plan: PlanAnswer | None = Field(description="the better plan; null where the plan stays as it is")


class ChoiceAnswer(Answer):
    """One of several methods and precisions that were left open: what it saves, and what it may cost in quality."""

    saves_usd: float | None = Field(description="against the dearest plan that keeps weights and compute in 16 bits")
    saves_hours: float | None
    against: str | None = Field(description="which that is; null where there is none, or this is it")
    quality: str
    quality_sources: list[str]


class LimitsAnswer(Answer):
    """The user's limits; null where there is none."""

    deadline_hours: float | None
    deadline_from: str
    budget_usd: float | None
    max_gpus: int | None
    max_nodes: int | None
    node_counts: list[int] | None = None
    max_tp: int | None = None
    min_mfu: float | None = None
    selection: list[str] = Field(
        default_factory=list,
        description="what else the choice was restricted to, a phrase for each: the plan is the best within",
    )


class TokensAnswer(Answer):
    """How much there is to train on."""

    tokens: float
    low: float
    high: float
    basis: str
    epochs: float
    sequences: int
    sequence_length: int


class SolverAnswer(Answer):
    """Who decided, how, and how long it took."""

    proof: str
    offers: int
    offers_listed: int = Field(
        default=0, description="before the same node in dearer regions was left out, which no plan needs"
    )
    machine_classes: int
    machine_classes_excluded_by_bound: int
    layouts_evaluated: int
    pairs_left_to_cp_sat: int
    cp_sat_literals: int
    cp_sat_status: str | None
    gap: float | None
    rounding_bound: float | None
    largest_activity: int | None
    seconds: dict[str, float]
    versions: dict[str, str]
    stopped: Literal["time limit", "interrupted"] | None = Field(
        default=None, description="what cut the search, or the questions after it, short; null: nothing did"
    )
    reproducible: bool = Field(
        default=True, description="false: the same question may be answered otherwise, as the answer was cut short"
    )
    catalogue_as_of: str | None
    constants_as_of: str


class Result(Answer):
    """The answer to `solve` and `check`.

    `objective` is the value of the plan in `objective_unit`, `bound` the proved limit below which no plan lies; `objective_order`
    begins with what is minimised and goes on with what decides among equals. `check` adds `fits`, `finishes` and `violations`.

    Where several methods or precisions were left open, each has an answer of its own in `choices`, nothing is chosen among them,
    and the whole has no plan: it is "optimal" if every one was decided and at least one has a plan, "infeasible" if none can have
    one, and else "feasible" or "unknown".
    """

    status: Status
    question: str
    model: str
    method: str
    precision: str
    weights: str
    objective_name: str
    objective_order: list[str] = Field(default_factory=list)
    objective: float | None
    objective_unit: str
    bound: float | None
    confidence: float | None
    tokens: TokensAnswer
    limits: LimitsAnswer
    trials: int
    parallel: int
    plan: PlanAnswer | None
    rules: list[RuleAnswer]
    alternatives: list[PlanAnswer]
    alternatives_by: Literal["gpu", "provider", "layout"] = "gpu"
    worth: list[Worth] = Field(default_factory=list, description="what one unit more or less of each limit is worth")
    other_framework: PlanAnswer | None = Field(
        default=None,
        description="best plan under another framework than the default, where it is better by 2 % or more",
    )
    buying: BuyingAnswer | None = Field(default=None, description="how to order the plan; null: there is none")
    currency: CurrencyAnswer | None = None
    conflict: list[str]
    undecided: list[str]
    relaxations: list[Relaxation]
    assumptions: list[str]
    warnings: list[str]
    solver: SolverAnswer
    fits: bool | None = None
    finishes: bool | None = None
    violations: list[RuleAnswer] = Field(default_factory=list)
    choice: ChoiceAnswer | None = Field(
        default=None, description="where this is one of several choices: how it compares"
    )
    choices: list[Result] = Field(default_factory=list)
