"""Answers of sweeps, put together from proved plans of small questions, for the tests of the pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from gpuplan.ask import Asker
from gpuplan.catalogue import offers_for
from gpuplan.job import resolve_all
from gpuplan.outcome import result_of
from gpuplan.result import Relaxation, Result
from gpuplan.sweeping.result import BreakEvenAnswer, SeriesAnswer, SweepPoint, SweepResult, SweepSolver, SweptAnswer

LARGE = {"model": "deepseek-r1-distill-llama-70b", "method": "lora", "data": "1GB"}
SMALL = {"model": "deepseek-r1-distill-qwen-7b", "method": "lora", "data": "1GB"}
#: A little less: how a frontier goes on.
LESS = 1 - 1e-7


class Questions:
    """A job with its offers, asked again and again."""

    def __init__(self, words: Mapping[str, Any]) -> None:
        self.job = resolve_all(dict(words))[0]
        self._offers = offers_for(self.job, None)
        self._ask = Asker(self._offers, 60)

    def __call__(self, **limits: Any) -> Result:
        """The answer under other limits."""
        job = replace(self.job, limits=replace(self.job.limits, **limits))
        outcome = self._ask(job)
        if outcome is None:
            raise TimeoutError("the sample was not answered in time")
        return result_of(job, outcome, self._offers)


@lru_cache
def frontier(
    first: str = "cost", second: str = "time", words: tuple[tuple[str, str], ...] = tuple(LARGE.items())
) -> SweepResult:
    """The frontier of one job."""
    return _frontier((first, second), [_curve("", dict(words), first, second)])


@lru_cache
def frontiers() -> SweepResult:
    """Frontiers of three methods."""
    curves = [_curve(method, SMALL | {"method": method}, "cost", "deadline") for method in ("full", "lora", "qlora")]
    return _frontier(("cost", "deadline"), curves)


@lru_cache
def deadlines() -> SweepResult:
    """A sweep of the deadline whose first values have no plan."""
    hours = (0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 4.0, 8.0, 24.0, 48.0)
    texts = ("6min", "12min", "18min", "30min", "1h", "2h", "4h", "8h", "1d", "2d")
    ask = Questions(LARGE)
    points = []
    for value, text in zip(hours, texts, strict=True):
        answer = ask(deadline_seconds=value * 3600)
        points.append(_point(answer, "", over="deadline", at=value, at_unit="hours", at_text=text))
    least = min(point.hours_at_confidence for point in frontier().points if point.hours_at_confidence is not None)
    points = [_infeasible(point, "deadline", least, "hours", frontier().points[-1]) for point in points]
    return _sweep("deadline", "hours", hours, texts, [_series("", LARGE)], points)


@lru_cache
def batches(minimize: str = "time") -> SweepResult:
    """A sweep of the global batch by the least time; the last one was not decided, and two have no plan."""
    sizes = (16, 32, 48, 64, 128, 256, 512, 1000)
    points = []
    for size in sizes:
        ask = Questions(SMALL | {"global_batch": size, "minimize": minimize, "max_gpus": 64})
        point = _point(ask(), "", over="global-batch", at=float(size), at_unit="sequences", at_text=str(size))
        if size in (48, 1000):
            status, reason = (
                ("infeasible", "no layout of the given GPUs divides the batch")
                if size == 48
                else ("unknown", "not decided in 1 s")
            )
            point = point.model_copy(update={"plan": None, "status": status, "reason": reason})
        points.append(point)
    swept = _sweep(
        "global-batch", "sequences", tuple(map(float, sizes)), tuple(map(str, sizes)), [_series("", SMALL)], points
    )
    return swept.model_copy(update={"minimize": [minimize], "status": "undecided"})


@lru_cache
def budgets(series: int = 2) -> SweepResult:
    """What a budget buys: the most GPUs' worth of tokens, by method."""
    dollars = (20.0, 100.0, 500.0, 2000.0, 10000.0)
    texts = ("$20", "$100", "$500", "$2,000", "$10,000")
    points, curves = [], []
    for method in ("lora", "full", "qlora")[:series]:
        label = method if series > 1 else ""
        curves.append(_series(label, SMALL | {"method": method}))
        for value, text in zip(dollars, texts, strict=True):
            ask = Questions(
                {
                    "model": SMALL["model"],
                    "method": method,
                    "tokens": f"{int(value * (12 if method == 'lora' else 9))}M",
                }
            )
            answer = ask(deadline_seconds=24 * 3600.0)
            points.append(_point(answer, label, over="budget", at=value, at_unit="USD", at_text=text))
    points = [
        _bare(point, "no plan keeps the budget with a single sequence")
        if point.at == 20.0 and point.series == "full"
        else point
        for point in points
    ]
    return _sweep("budget", "USD", dollars, texts, curves, points).model_copy(update={"maximize": "tokens"})


@lru_cache
def models() -> SweepResult:
    """The largest model of a family by budget; the smallest budget buys none."""
    dollars, texts = (1.0, 10.0, 40.0, 150.0, 400.0), ("$1", "$10", "$40", "$150", "$400")
    names = ("qwen-1.5b", "qwen-1.5b", "qwen-7b", "qwen-14b", "llama-70b")
    points = []
    for value, text, name in zip(dollars, texts, names, strict=True):
        ask = Questions(SMALL | {"model": f"deepseek-r1-distill-{name}"})
        point = _point(ask(deadline_seconds=24 * 3600.0), "", over="budget", at=value, at_unit="USD", at_text=text)
        points.append(_bare(point, "deepseek-r1-distill-qwen-1.5b needs $5.32") if value == 1.0 else point)
    return _sweep("budget", "USD", dollars, texts, [_series("", SMALL)], points).model_copy(
        update={"maximize": "model"}
    )


@lru_cache
def nothing(frontier_asked: bool = False) -> SweepResult:
    """A question no point of which has a plan."""
    answer = deadlines()
    points = [point for point in answer.points if point.plan is None]
    if frontier_asked:
        points = [
            point.model_copy(update={"over": None, "at": None, "at_unit": None, "at_text": ""}) for point in points[:1]
        ]
        return _frontier(("cost", "time"), [(_series("", LARGE), points)])
    swept = SweptAnswer(
        field="deadline",
        unit="hours",
        values=[point.at or 0.0 for point in points],
        texts=[point.at_text for point in points],
    )
    return answer.model_copy(update={"points": points, "swept": swept})


@lru_cache
def break_even(count: int = 6) -> SweepResult:
    """Break-even prices of offers; one has no plan at any price, one is sold by nobody."""
    rival, *others = [point.plan for point in frontier().points if point.plan is not None][: count + 1]
    offers = []
    for index, plan in enumerate(others):
        listed = plan.offer.price_usd_per_hour / plan.offer.gpus_per_node
        even = None if index == 3 else listed * (1.18 - 0.11 * index)
        sold = None if index == 4 else listed
        offers.append(
            BreakEvenAnswer(
                offer=plan.offer.id if index != 4 else f"{plan.offer.gpu} at a price of yours",
                gpu=plan.offer.gpu,
                provider=plan.offer.provider,
                gpus_per_node=plan.offer.gpus_per_node,
                listed_usd_per_gpu_hour=sold,
                break_even_usd_per_gpu_hour=even,
                change=None if even is None or sold is None else even / sold - 1,
                wins_now=even is not None and sold is not None and even > sold,
                proved=True,
                plan=None if even is None else plan,
            )
        )
    return _result("break-even", [_series("", LARGE)], [], break_even=offers, rival=rival)


def relabelled(answer: SweepResult, label: str) -> SweepResult:
    """The same with a name for its only curve."""
    return answer.model_copy(
        update={
            "series": [answer.series[0].model_copy(update={"label": label})],
            "points": [point.model_copy(update={"series": label}) for point in answer.points],
        }
    )


def _curve(label: str, words: Mapping[str, str], first: str, second: str) -> tuple[SeriesAnswer, list[SweepPoint]]:
    """Plans of least `first`, each with a little less of `second` than the one before, as far as there are plans."""
    ask = Questions(dict(words) | {"minimize": first})
    points: list[SweepPoint] = []
    limits: dict[str, float] = {}
    while (answer := ask(**limits)).plan is not None:
        point = _point(answer, label)
        plan = answer.plan
        needs = {
            "time": plan.prediction.total_hours,
            "deadline": point.hours_at_confidence or 0.0,
            "gpus": float(plan.gpus),
        }
        points.append(
            point.model_copy(update={"at_text": f"{needs[second]:.3g} {'GPUs' if second == 'gpus' else 'h'}"})
        )
        tighter: dict[str, dict[str, float]] = {
            "time": {"expected_seconds": needs["time"] * 3600 * LESS},
            "deadline": {"deadline_seconds": needs["deadline"] * 3600 * LESS},
            "gpus": {"max_gpus": plan.gpus - 1},
        }
        limits = tighter[second]
    beyond = {
        "time": "nothing is faster than 17.4 min: with more GPUs the global batch of 256 sequences leaves some idle",
        "deadline": "no plan keeps a shorter deadline",
        "gpus": "with fewer GPUs the weights do not fit: 141 GB on one GPU",
    }[second]
    knee = min(points, key=lambda point: _product(point, second))
    points = [point.model_copy(update={"knee": point is knee}) for point in points]
    return _series(label, words, beyond), points


def _product(point: SweepPoint, second: str) -> float:
    if point.plan is None:
        return float("inf")
    return point.plan.prediction.cost_usd * (point.plan.gpus if second == "gpus" else point.plan.prediction.total_hours)


def _series(label: str, words: Mapping[str, str], beyond: str | None = None) -> SeriesAnswer:
    return SeriesAnswer(
        label=label,
        words={},
        model=words["model"],
        method=words["method"],
        precision="bf16",
        decided=True,
        beyond=beyond,
    )


def _point(answer: Result, series: str, **place: Any) -> SweepPoint:
    """An answer as a point; along a frontier nothing is varied."""
    needs = {rule.rule: rule.required for rule in answer.rules}
    where = {"over": None, "at": None, "at_unit": None, "at_text": ""} | place
    return SweepPoint(
        **{name: getattr(answer, name) for name in Result.model_fields},
        series=series,
        **where,
        hours_at_confidence=needs["deadline"] / 3600 if "deadline" in needs else None,
        cost_usd_at_confidence=needs.get("budget"),
    )


def _infeasible(point: SweepPoint, limit: str, to: float, unit: str, there: SweepPoint) -> SweepPoint:
    """A point without a plan, with the smallest change that gives it one."""
    if point.plan is not None or there.plan is None:
        return point
    change = Relaxation.model_validate({"limit": limit, "from": point.at, "to": to, "unit": unit, "plan": there.plan})
    return point.model_copy(
        update={
            "relaxations": [change],
            "reason": f"the {limit} conflicts with nothing but itself: it would have to be {to:.3g} {unit}",
        }
    )


def _bare(point: SweepPoint, reason: str) -> SweepPoint:
    return point.model_copy(update={"plan": None, "status": "infeasible", "reason": reason})


def _frontier(objectives: tuple[str, str], curves: Sequence[tuple[SeriesAnswer, list[SweepPoint]]]) -> SweepResult:
    points = [point for _, found in curves for point in found]
    return _result(
        "frontier", [series for series, _ in curves], points, frontier=list(objectives), minimize=[objectives[0]]
    )


def _sweep(
    field: str,
    unit: str,
    values: Sequence[float],
    texts: Sequence[str],
    series: list[SeriesAnswer],
    points: list[SweepPoint],
) -> SweepResult:
    swept = SweptAnswer(field=field, unit=unit, values=list(values), texts=list(texts))
    return _result("sweep", series, points, swept=swept)


def _result(question: str, series: list[SeriesAnswer], points: list[SweepPoint], **more: Any) -> SweepResult:
    solver = SweepSolver(points=len(points), asked=len(points), reused=0, seconds=1.0, versions={})
    whole = {"status": "decided", "minimize": ["cost"], "confidence": 0.9, "assumptions": [], "solver": solver} | more
    return SweepResult(question=question, series=series, points=points, **whole)
