"""What a sweep answers: its points are answers of `solve`, with where they stand on the curve and what changes there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from gpuplan.result import Answer, PlanAnswer, Result

if TYPE_CHECKING:
    import pandas as pd


class SweepPoint(Result):
    """One point of a curve: the answer of `solve` there, by all its fields."""

    series: str = Field(description="the curve that it belongs to; empty where there is one only")
    over: str | None = Field(description="what was varied, such as deadline; null on a frontier")
    at: float | None = Field(description="its value, in `at_unit`; null on a frontier")
    at_unit: str | None
    at_text: str = Field(description="the same as one writes it: 24h, $500; on a frontier what the plan needs")
    hours_at_confidence: float | None = Field(
        description="the deadline that the plan keeps at the asked confidence; null: no plan"
    )
    cost_usd_at_confidence: float | None = Field(description="the budget that it keeps, likewise")
    changes: list[str] = Field(
        default_factory=list,
        description="what is different from the plan of the point before: GPU, provider, nodes, layout, each 'name: before -> after'",
    )
    knee: bool = Field(
        default=False,
        description="the least product of the two objectives: beyond it 1 % less of one costs more than 1 %",
    )
    reason: str | None = Field(default=None, description="why there is no plan, or none beyond it, in a sentence")
    proved_at: float | None = Field(
        default=None,
        description="the point whose proof holds here too, as its plan keeps the limit; null: a proof of its own",
    )

    @property
    def key(self) -> str:
        """What tells it from every other point of a sweep."""
        return key_of(self.series, self.at, self.objective)


def key_of(series: str, at: float | None, objective: float | None = None) -> str:
    """What tells a point from every other one of a sweep: its curve, and its value or (on a frontier) that of its plan."""
    return f"{series}|{objective!r}" if at is None else f"{series}|{at!r}"


class SeriesAnswer(Answer):
    """One curve."""

    label: str
    words: dict[str, str] = Field(description="fields of the job that it has of its own")
    model: str
    method: str
    precision: str
    decided: bool = Field(description="whether each of its points has a plan or a proof that there is none")
    beyond: str | None = Field(
        default=None,
        description="why the frontier does not go on beyond its last point, in a sentence; null: no frontier",
    )


class SweptAnswer(Answer):
    """What was varied, and over which values."""

    field: str
    unit: str
    values: list[float]
    texts: list[str]
    of: str | None = Field(default=None, description="whose price was varied; null: another field was")


class BreakEvenAnswer(Answer):
    """The price at which an offer costs as much as the best plan without it; below it wins."""

    offer: str
    gpu: str
    provider: str
    gpus_per_node: int
    listed_usd_per_gpu_hour: float | None = Field(description="null: nobody sells it")
    break_even_usd_per_gpu_hour: float | None = Field(
        description="null: at no price does a plan on it keep the limits and cost less than the best without it; or there is no rival"
    )
    change: float | None = Field(description="from the listed price to the break-even, a share: -0.2 is 20 % less")
    wins_now: bool
    proved: bool = Field(description="whether both sides of the comparison are proved optima")
    plan: PlanAnswer | None = Field(description="the best plan on it at the break-even price")


class SweepSolver(Answer):
    """Who decided, and how long it took."""

    points: int
    asked: int = Field(
        description="points with a proof of their own; for break-even prices the questions that were asked"
    )
    reused: int = Field(description="points that follow from the proof of another one")
    resumed: int = Field(default=0, description="points taken from the journal of a run that was stopped")
    processes: int = 1
    seconds: float = Field(description="wall time of this run")
    stopped: Literal["time limit", "interrupted"] | None = None
    reproducible: bool = True
    versions: dict[str, str]


class SweepResult(Answer):
    """The answer to `sweep`: curves of points, or break-even prices."""

    status: Literal["decided", "undecided"]
    question: Literal["sweep", "frontier", "break-even"]
    swept: SweptAnswer | None = None
    frontier: list[str] = Field(default_factory=list, description="the two objectives of a frontier")
    minimize: list[str]
    maximize: Literal["tokens", "model"] | None = None
    confidence: float | None
    series: list[SeriesAnswer]
    points: list[SweepPoint]
    break_even: list[BreakEvenAnswer] = Field(default_factory=list)
    rival: PlanAnswer | None = Field(default=None, description="what a break-even price is held against")
    assumptions: list[str] = Field(description="those that all points share")
    warnings: list[str] = Field(default_factory=list, description="likewise")
    solver: SweepSolver

    def of(self, series: str) -> list[SweepPoint]:
        """Points of one curve, in their order."""
        return [point for point in self.points if point.series == series]

    def to_dataframe(self) -> pd.DataFrame:
        """The points as a table with the columns of the CSV, a row each.

        Raises
        ------
        ImportError
            pandas is not installed.
        """
        import pandas as pd

        from gpuplan.sweeping.rows import rows

        return pd.DataFrame(rows(self))
