"""Totals of a batch, from one row after the other."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from gpuplan.batching.result import BatchRow, ExtremeAnswer, GroupAnswer, UnplannedAnswer
from gpuplan.result import PlanAnswer, Result

#: Cheapest and dearest rows that are named, reasons, and rows of each reason.
MOST_EXTREMES, MOST_REASONS, MOST_EXAMPLES = 5, 50, 5


def plans_of(row: BatchRow) -> list[tuple[Result, PlanAnswer]]:
    """The plans of a row, each with its answer: several where method or precision are left open."""
    if row.answer is None:
        return []
    return [(one, one.plan) for one in row.answer.choices or [row.answer] if one.plan is not None]


def cheapest_of(row: BatchRow) -> tuple[Result, PlanAnswer] | None:
    """The plan of a row that totals count: the cheapest of several methods and precisions."""
    return min(plans_of(row), key=lambda pair: pair[1].prediction.cost_usd, default=None)


def gpu_hours_of(result: Result, plan: PlanAnswer) -> float:
    """GPUs of all trials that run together, times the hours from when the nodes are up."""
    parts = plan.prediction.time_parts_hours
    waited = parts["lead_time"] + parts["provisioning"]
    return plan.gpus * result.parallel * (plan.prediction.total_hours - waited)


@dataclass
class _Group:
    """Sums over rows that have something in common."""

    jobs: int = 0
    planned: int = 0
    cost_usd: float = 0.0
    gpu_hours: float = 0.0
    least_usd: float | None = None
    most_usd: float | None = None

    def add(self, found: tuple[Result, PlanAnswer] | None) -> None:
        self.jobs += 1
        if found is None:
            return
        usd = found[1].prediction.cost_usd
        self.planned += 1
        self.cost_usd += usd
        self.gpu_hours += gpu_hours_of(*found)
        self.least_usd = usd if self.least_usd is None else min(self.least_usd, usd)
        self.most_usd = usd if self.most_usd is None else max(self.most_usd, usd)


@dataclass
class Summary:
    """Counts rows; `answers` writes it out."""

    counts: dict[str, int] = field(default_factory=dict)
    _total: _Group = field(default_factory=_Group)
    _models: dict[str, _Group] = field(default_factory=dict)
    _gpus: dict[str, _Group] = field(default_factory=dict)
    _providers: dict[str, _Group] = field(default_factory=dict)
    _cheap: list[tuple[float, int, ExtremeAnswer]] = field(default_factory=list)
    _dear: list[tuple[float, int, ExtremeAnswer]] = field(default_factory=list)
    _reasons: dict[tuple[str, str], tuple[int, list[int]]] = field(default_factory=dict)

    def add(self, row: BatchRow) -> None:
        """Count one row."""
        self.counts[row.status] = self.counts.get(row.status, 0) + 1
        found = cheapest_of(row)
        self._total.add(found)
        model = row.answer.model if row.answer is not None else str(row.job.get("model") or "")
        self._models.setdefault(model, _Group()).add(found)
        if found is None:
            self._explain(row)
            return
        offer = found[1].offer
        self._gpus.setdefault(offer.gpu, _Group()).add(found)
        self._providers.setdefault(offer.provider, _Group()).add(found)
        self._rank(row, found[1])

    @property
    def planned(self) -> int:
        """Rows with a plan."""
        return self._total.planned

    @property
    def totals(self) -> dict[str, float]:
        """Cost and GPU-hours of all plans."""
        return {"cost_usd": self._total.cost_usd, "gpu_hours": self._total.gpu_hours}

    def groups(self) -> dict[str, list[GroupAnswer]]:
        """Totals by model, GPU and provider, the dearest first."""
        kinds = {"by_model": self._models, "by_gpu": self._gpus, "by_provider": self._providers}
        return {name: _written(found) for name, found in kinds.items()}

    def extremes(self) -> dict[str, list[ExtremeAnswer]]:
        """The cheapest rows, and the dearest."""
        ranked = {"cheapest": self._cheap, "dearest": self._dear}
        return {name: [answer for _, _, answer in sorted(found, reverse=True)] for name, found in ranked.items()}

    def unplanned(self) -> list[UnplannedAnswer]:
        """Why rows have no plan, the most frequent reason first."""
        order = sorted(self._reasons.items(), key=lambda item: (-item[1][0], item[1][1][0]))
        return [
            UnplannedAnswer(status=status, reason=reason, rows=count, examples=examples)
            for (status, reason), (count, examples) in order[:MOST_REASONS]
        ]

    def _explain(self, row: BatchRow) -> None:
        key = (row.status if row.status in ("infeasible", "error") else "unknown", _kind_of_reason(row))
        count, examples = self._reasons.get(key, (0, []))
        self._reasons[key] = (count + 1, [*examples, row.row][:MOST_EXAMPLES])

    def _rank(self, row: BatchRow, plan: PlanAnswer) -> None:
        """Keep the row where it is among the cheapest or the dearest; of equals the first."""
        usd = plan.prediction.cost_usd
        answer = ExtremeAnswer(
            row=row.row,
            name=row.name,
            cost_usd=usd,
            hours=plan.prediction.total_hours,
            plan=f"{plan.gpus} x {plan.offer.gpu} ({plan.offer.provider})",
        )
        for heap, value in ((self._cheap, -usd), (self._dear, usd)):
            heapq.heappush(heap, (value, -row.row, answer))
            if len(heap) > MOST_EXTREMES:
                heapq.heappop(heap)


def _kind_of_reason(row: BatchRow) -> str:
    """The reason without its figures, so that rows of one kind are counted together."""
    if row.status != "infeasible" or row.answer is None:
        return (row.reason or "").split(". Did you mean")[0] if row.status == "error" else "the time limit came first"
    conflicts = dict.fromkeys(_conflict(one) for one in row.answer.choices or [row.answer])
    return "; ".join(conflicts)


def _conflict(result: Result) -> str:
    names = [name.replace("_", " ") for name in result.conflict]
    if result.conflict == ["offers"]:
        return "no offer in the selection can hold the job at all"
    return f"{' and '.join(names)} cannot be kept" if names else "not all limits can be kept"


def _written(groups: Mapping[str, _Group]) -> list[GroupAnswer]:
    order = sorted(groups.items(), key=lambda item: (-item[1].cost_usd, item[0]))
    return [
        GroupAnswer(
            name=name,
            jobs=group.jobs,
            planned=group.planned,
            cost_usd=group.cost_usd,
            gpu_hours=group.gpu_hours,
            least_usd=group.least_usd,
            most_usd=group.most_usd,
        )
        for name, group in order
    ]


def summary_of(rows: Iterator[BatchRow]) -> Summary:
    """Count all rows."""
    found = Summary()
    for row in rows:
        found.add(row)
    return found
