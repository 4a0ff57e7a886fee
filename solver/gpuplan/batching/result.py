"""What `batch` answers: a row for every job, and a summary of all."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from gpuplan.result import Answer, Result


class ErrorAnswer(Answer):
    """What is wrong with a row: the same as `solve` would say."""

    field: str
    value: str
    message: str
    suggestions: list[str] = Field(default_factory=list)


class BatchRow(Answer):
    """One job and its answer."""

    row: int = Field(description="place in the file of jobs, from 1; a grid counts its combinations")
    name: str = Field(description="what the file calls it, else its model, method and data")
    job: dict[str, Any] = Field(description="its fields, defaults of the file included")
    status: Literal["optimal", "feasible", "infeasible", "unknown", "error"]
    reason: str | None = Field(default=None, description="why there is no plan, in a sentence")
    error: ErrorAnswer | None = None
    answer: Result | None = Field(
        description="what `solve` answers, without alternatives and worth unless the job asks; null: an error"
    )


class GroupAnswer(Answer):
    """Totals of the rows that have something in common: a model, a GPU, a provider."""

    name: str
    jobs: int
    planned: int
    cost_usd: float
    gpu_hours: float
    least_usd: float | None
    most_usd: float | None


class ExtremeAnswer(Answer):
    """A row that is among the cheapest or the dearest."""

    row: int
    name: str
    cost_usd: float
    hours: float
    plan: str = Field(description="such as '8 x H100 (nebius)'")


class UnplannedAnswer(Answer):
    """Rows without a plan for one reason."""

    status: Literal["infeasible", "unknown", "error"]
    reason: str
    rows: int
    examples: list[int] = Field(description="the first rows")


class BatchSolver(Answer):
    """How the rows came about."""

    asked: int = Field(description="rows that this run answered")
    resumed: int = Field(description="rows from the journal of a run that was stopped")
    seconds: float = Field(description="wall time of this run")
    rows_per_second: float | None
    executor: Literal["local", "ray"]
    processes: int
    stopped: Literal["interrupted"] | None = None
    versions: dict[str, str]


class BatchResult(Answer):
    """The answer to `batch`: a summary; the rows are in the file."""

    status: Literal["decided", "undecided"] = Field(description="undecided: a row came to its time limit")
    jobs: int
    planned: int
    infeasible: int
    undecided: int
    errors: int
    cost_usd: float = Field(description="of all plans together, each rented by itself")
    gpu_hours: float
    by_model: list[GroupAnswer]
    by_gpu: list[GroupAnswer]
    by_provider: list[GroupAnswer]
    cheapest: list[ExtremeAnswer]
    dearest: list[ExtremeAnswer]
    unplanned: list[UnplannedAnswer] = Field(description="the most frequent reason first")
    warnings: list[str] = Field(default_factory=list)
    out: str | None = Field(description="the file of the rows")
    solver: BatchSolver
