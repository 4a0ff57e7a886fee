"""What a plan gives and takes against another one, in words."""

from __future__ import annotations

from collections.abc import Callable

from gpuplan.report import format as f
from gpuplan.report.words import plain_pricing
from gpuplan.result import PlanAnswer

#: Costs and times nearer to each other than this share are called the same.
SAME = 0.005
#: From the best known to the least.
COVERAGE = ("measured", "transferred", "extrapolated")


def trades(best: PlanAnswer, other: PlanAnswer) -> str:
    """What `other` trades against `best`: money, time, GPUs, provider, pricing, certainty."""
    before, after = best.prediction, other.prediction
    said = [
        _more(before.cost_usd, after.cost_usd, f.money, ("dearer", "cheaper")) or "same cost",
        _more(before.total_hours, after.total_hours, f.hours, ("slower", "faster")) or "same time",
    ]
    if other.gpus != best.gpus:
        fewer = "more" if other.gpus > best.gpus else "fewer"
        number = abs(other.gpus - best.gpus)
        said.append(f"{number} {fewer} {'GPU' if number == 1 else 'GPUs'}")
    if other.offer.provider != best.offer.provider:
        said.append(f"from {other.offer.provider}")
    elif other.offer.region != best.offer.region:
        said.append(f"in {other.offer.region}")
    if other.offer.pricing != best.offer.pricing:
        said.append(f"{plain_pricing(other.offer.pricing)} instead of {plain_pricing(best.offer.pricing)}")
    if other.offer.lead_time != best.offer.lead_time:
        said.append("to be had at once" if other.offer.lead_time == "instant" else f"by {other.offer.lead_time}")
    surer = COVERAGE.index(before.coverage) - COVERAGE.index(after.coverage)
    if surer:
        said.append(f"{'more' if surer > 0 else 'less'} certain ({after.coverage})")
    return ", ".join(said)


def _more(before: float, after: float, write: Callable[[float], str], names: tuple[str, str]) -> str:
    """By how much a figure is above or below another; "" where they are the same."""
    if before <= 0 or abs(after / before - 1) < SAME:
        return ""
    sign = "+" if after > before else "-"
    return f"{write(abs(after - before))} {names[0] if after > before else names[1]} ({sign}{f.percent(abs(after / before - 1))})"
