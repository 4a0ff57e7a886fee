"""What `fleet` answers: a schedule with its bounds, what is used of what there is, what each limit costs, or why there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from gpuplan.result import Answer, PlanAnswer, Status

if TYPE_CHECKING:
    import pandas as pd


class ObjectiveAnswer(Answer):
    """One of the objectives, in their order: each was minimised among the schedules that are best by those before it."""

    name: Literal["cost", "tardiness", "makespan", "value"]
    value: float | None = Field(description="null: there is no schedule")
    unit: str = Field(
        description="cost: USD spent, and the value of what is left out; tardiness: hours times priority; makespan: hours from the start; "
        "value: USD of what is left out"
    )
    bound: float | None = Field(description="no schedule is below it")
    gap: float | None = Field(description="(value - bound) / value; 0: proved optimal")


class FleetJobAnswer(Answer):
    """A job, its plan, and when it runs. Hours count from the start of the calendar; *_at are the same as dates, where it has one."""

    name: str
    status: Literal["planned", "left out"]
    model: str | None = Field(description="null: known work, such as an evaluation")
    method: str | None
    priority: int
    optional: bool
    value_usd: float | None
    after: list[str]
    release_hours: float
    release_at: str | None
    deadline_hours: float | None = Field(description="when it must have ended, or should (`may_be_late`)")
    deadline_at: str | None
    may_be_late: bool
    start_hours: float | None = Field(description="from then on its nodes are in use; null: it is left out")
    start_at: str | None
    end_hours: float | None = Field(description="by then it has ended, at the asked confidence")
    end_at: str | None
    hours: float | None
    late_hours: float | None
    slack_hours: float | None = Field(description="from the end to the deadline; null: there is none")
    order_by_hours: float | None = Field(
        description="when its nodes must be ordered at the latest; null: they are there"
    )
    order_by_at: str | None
    source: str | None = Field(description="name of the stock, or id of the offer")
    source_kind: Literal["owned", "reserved", "rented"] | None
    gpu: str | None
    gpus: int | None
    nodes: int | None
    provider: str | None
    region: str | None
    cost_usd: float | None
    cost_usd_at_confidence: float | None
    alone_usd: float | None = Field(
        description="cost of the plan it would have if nobody else needed anything; null: not even then there is one"
    )
    modes: int = Field(description="plans that it could choose from: none of them is beaten in nodes, time and cost")
    why: str | None = Field(default=None, description="why it is left out, or dearer than alone, in a sentence")
    plan: PlanAnswer | None = Field(description="null: left out, or known work")


class PeriodAnswer(Answer):
    """How much of a limit there is in a part of the calendar, and how much of it is used."""

    from_hours: float
    until_hours: float
    units: int
    peak: int = Field(description="most units in use at a time")
    used_share: float | None = Field(description="of all unit-hours; null: there are none")


class StepAnswer(Answer):
    """So many units are in use from that hour on."""

    hours: float
    units: int


class ResourceAnswer(Answer):
    """Something that jobs share: the nodes of a stock, the GPUs of a quota, the nodes of an offer."""

    name: str
    kind: Literal["owned", "reserved", "quota", "offer"]
    unit: Literal["nodes", "GPUs"]
    gpu: str | None
    gpus_per_unit: int
    periods: list[PeriodAnswer] = Field(description="the whole calendar, up to the end of the schedule")
    in_use: list[StepAnswer]
    used_share: float | None


class FleetWorth(Answer):
    """What more of a shared limit would save of the first objective: at least, and at most."""

    limit: str = Field(description="budget, or the name of a stock, a quota or an offer")
    unit: Literal["USD", "nodes", "GPUs"]
    step: float
    from_hours: float | None = Field(description="in which part of the calendar; null: all of it")
    until_hours: float | None
    saves: float = Field(description="at least: by a schedule that was found, against the bound")
    saves_at_most: float | None = Field(
        description="proved, among the plans that fit what there is now; null: nothing is proved"
    )
    objective_unit: str
    sentence: str = Field(description="such as '8 more H100 of dgx from day 8 to day 15 would save $4,100'")


class FleetRelaxation(Answer):
    """The smallest change of one limit that makes a schedule exist, all others kept."""

    limit: str = Field(description="deadline of a job, budget, or the name of a stock or a quota")
    job: str | None = None
    from_: float = Field(alias="from")
    to: float
    unit: str
    smallest: bool = Field(
        description="proved to be the smallest, among the plans that fit what there is now; false: the time limit came first"
    )
    sentence: str


class FleetTotals(Answer):
    """The whole in figures."""

    jobs: int
    planned: int
    left_out: int
    late: int
    cost_usd: float
    cost_usd_at_confidence: float
    rent_usd: float = Field(description="of the cost, what is rented beyond the stock")
    gpu_hours: float
    rented_gpu_hours: float
    makespan_hours: float
    late_hours: float
    value_usd: float = Field(description="of the optional jobs that are done")


class FleetSolver(Answer):
    """Who decided, how, and how long it took."""

    proof: str
    tasks: int
    modes: int
    modes_of_one: int = Field(description="most modes of one job")
    plans_looked_at: int = Field(description="questions whose answers the modes are")
    rounds: int = Field(description="how often it was scheduled until no offer was used beyond its nodes")
    mode_seconds: float
    schedule_seconds: float
    worth_seconds: float
    workers: int
    seed: int
    stopped: Literal["time limit", "interrupted"] | None = None
    reproducible: bool = True
    versions: dict[str, str]


class FleetResult(Answer):
    """The answer to `fleet`."""

    status: Status
    start_at: str | None = Field(description="hour 0 of the calendar, ISO 8601; null: it has no date")
    minimize: list[str]
    confidence: float | None
    budget_usd: float | None
    objectives: list[ObjectiveAnswer]
    totals: FleetTotals | None = Field(description="null: there is no schedule")
    jobs: list[FleetJobAnswer] = Field(description="in the order of the file")
    resources: list[ResourceAnswer]
    worth: list[FleetWorth] = Field(default_factory=list, description="the most worth first")
    conflict: list[str] = Field(
        default_factory=list, description="limits that cannot be kept together; without any of them they can"
    )
    relaxations: list[FleetRelaxation] = Field(default_factory=list)
    undecided: list[str] = Field(default_factory=list, description="questions that the time limit left open")
    assumptions: list[str]
    warnings: list[str] = Field(default_factory=list)
    solver: FleetSolver

    def to_dataframe(self) -> pd.DataFrame:
        """The jobs as a table with the columns of the CSV, a row each.

        Raises
        ------
        ImportError
            pandas is not installed.
        """
        import pandas as pd

        from gpuplan.scheduling.rows import rows

        return pd.DataFrame(rows(self))
