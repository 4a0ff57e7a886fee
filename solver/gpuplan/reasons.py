"""Why there is no plan, and what would make one, in a sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gpuplan.result import Relaxation
from gpuplan.units import format_count, format_hours_at_least, format_money_at_least

#: What limits are called in a sentence, where the name itself will not do.
LIMITS = {
    "max_gpus": "max GPUs",
    "node_counts": "node count",
    "max_tp": "max TP",
    "min_mfu": "min MFU",
}


def reason_of(conflict: Sequence[str], relaxations: Sequence[Relaxation]) -> str:
    """Why there is no plan, and what would make one, in a sentence; from an explanation or an answer."""
    if relaxations:
        return f"no plan; {changes_of(relaxations)}"
    if list(conflict) == ["offers"]:
        return "no plan; no offer in the selection can hold the job at all"
    named = " and ".join(_named(name) for name in conflict)
    return f"no plan; {named} cannot be kept" if named else "no plan; not all limits can be kept"


def changes_of(relaxations: Sequence[Relaxation]) -> str:
    """Changes of which one is enough: "it takes a deadline of 1.2 h or max GPUs of 16"."""
    return f"it takes {' or '.join(_change(change) for change in relaxations)}"


def _change(change: Relaxation) -> str:
    """A relaxation in a phrase: "a deadline of 1.2 h"."""
    if change.limit == "framework":
        phrase = f"the framework {change.plan.layout.framework}"
    elif change.unit == "switch":
        phrase = f"a change of {_named(change.limit)}"
    else:
        phrase = _limit(change.limit, change.to, change.unit)
    others = [_limit(other.limit, other.to, other.unit) for other in change.also_lifted if other.unit != "switch"]
    return f"{phrase} with {' and '.join(others)}" if others else phrase


def _named(limit: str) -> str:
    return LIMITS.get(limit, limit.replace("_", " "))


def _limit(limit: str, value: float, unit: str) -> str:
    """A limit that is enough, rounded so that it stays enough."""
    if limit == "offer_nodes":
        return f"an offer with {format_count(value)} nodes"
    article = "" if limit in ("max_gpus", "max_nodes") else "a "
    if unit == "hours":
        amount = format_hours_at_least(value)
    elif unit == "USD":
        amount = format_money_at_least(value)
    else:  # of a share less is enough
        amount = f"{math.floor(1000 * value) / 10:g}%" if unit == "share" else format_count(value)
    return f"{article}{_named(limit)} of {amount}"
