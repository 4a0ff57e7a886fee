"""How the bill comes about where a job is more than one run: trials, clusters at once, the contingency in money."""

from __future__ import annotations

from gpuplan.report import format as f
from gpuplan.report.words import clusters_at_once
from gpuplan.result import PlanAnswer, Result

#: What a cluster does once, not for every trial; no contingency stretches it.
ONCE = ("lead_time", "provisioning", "download_weights")


def how_billed(result: Result, plan: PlanAnswer) -> str | None:
    """Trials and clusters in words, and what the contingency is; None for a single run without one."""
    said = [*_trials(result), *_contingency(result, plan)]
    return "; ".join(said) or None


def _trials(result: Result) -> list[str]:
    if result.trials <= 1:
        return []
    at_once = clusters_at_once(result)
    if at_once <= 1:
        return [f"{f.plural(result.trials, 'trial')}, one after the other on one cluster, which is set up once"]
    most, fewer = _rounds(result), result.trials % at_once
    each = "a trial" if most == 1 else f.plural(most, "trial")
    up_to = f"{each} on each" if fewer == 0 else f"up to {each} on each"
    return [
        f"{f.plural(result.trials, 'trial')} on {f.plural(at_once, 'cluster')} at once, {up_to}; each cluster is paid for its own "
        "setting up and goes back after its last trial"
    ]


def _rounds(result: Result) -> int:
    """Trials that the busiest cluster runs, one after the other."""
    return max(1, -(-result.trials // max(1, clusters_at_once(result))))


def _contingency(result: Result, plan: PlanAnswer) -> list[str]:
    """By how much trials are stretched, and what that costs.

    Of the hours in use, ``parallel * once + trials * (1 + contingency) * trial``, the part ``trials * contingency * trial``; the rest of
    a least bill is not among them.
    """
    parts, cost = plan.prediction.time_parts_hours, plan.prediction.cost_parts_usd
    hours = parts.get("contingency", 0.0)
    if hours <= 0 or plan.prediction.cost_usd <= 0:
        return []
    once = sum(parts.get(name, 0.0) for name in ONCE if name != "lead_time")
    trials = sum(value for name, value in parts.items() if name not in ONCE)  # of the busiest cluster, stretched
    share = hours / (trials - hours) if trials > hours else 1.0
    in_use = clusters_at_once(result) * once + result.trials / _rounds(result) * trials
    paid = cost.get("nodes", 0.0) + cost.get("network_volume", 0.0)
    usd = paid * result.trials / _rounds(result) * hours / in_use
    return [
        f"the contingency makes every trial {f.percent(share)} longer, not the setting up: {f.hours(hours)} and {f.money(usd)}, "
        f"{f.percent(usd / plan.prediction.cost_usd)} of the expected cost"
    ]
