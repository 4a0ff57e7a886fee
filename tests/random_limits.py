"""Random limits and side rules, each near the need of a plan that obeys those before it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Any

from gpuplan.job import Job, Limits, Quota
from oracle import Evaluated, Oracle, first

#: Field of `Limits`, the quantity of a plan that it limits, how often it is given.
_LIMITED = {
    "deadline_seconds": ("deadline_clock", 0.5),
    "budget_usd": ("cost_at_confidence", 0.3),
    "max_gpus": ("gpus", 0.45),
    "max_nodes": ("nodes", 0.15),
}
#: How many problems may lose their last plan to a rule.
FORBIDDING = 0.35


def random_limits(rng: Random, job: Job, free: Oracle, focus: str) -> Limits:
    """Limits and side rules in random order, the last ones against the plan that is best then; now and then none.

    `free` knows the plans without any.
    """
    limits = replace(
        job.limits,
        allow_unknown_host=rng.random() < 0.2,
        deadline_from=rng.choice(("order", "start")),
        available_within_seconds=rng.choice((*(None,) * 5, 1000.0)),
        timed=rng.random() < 0.2,
    )
    if rng.random() < 0.1:
        return limits
    plans, forbids = _plans(free, limits), rng.random() < FORBIDDING
    share = 1.0 if focus in ("none", "tensor") else 0.6  # elsewhere the decision of the focus is to survive
    for field in rng.sample(_FIELDS, len(_FIELDS)):
        chance = _LIMITED[field][1] if field in _LIMITED else _SIDE_RULES[field][1]
        if plans and rng.random() < chance * share:
            tried = replace(limits, **{field: _drawn(rng, job, plans, field)})
            left = _plans(free, tried)
            if left or forbids:
                limits, plans = tried, left
    for _ in range(2):
        if rng.random() < share:
            limits = _against_the_best(rng, job, free, limits, forbids)
    return limits


def _plans(free: Oracle, limits: Limits) -> list[Evaluated]:
    return [plan for plan in free.under(limits).plans if not plan.broken]


def _against_the_best(rng: Random, job: Job, free: Oracle, limits: Limits, forbids: bool) -> Limits:
    """One rule more, which the best plan breaks."""
    plans = _plans(free, limits)
    if not plans:
        return limits
    best = first(plans, job.objectives)
    for field in sorted(_FIELDS, key=lambda name: rng.random() ** (1 / _SELDOM.get(name, 1.0)), reverse=True):
        if getattr(limits, field):
            continue
        if field in _LIMITED:
            need = best.value(_LIMITED[field][0])
            whole = field in ("max_gpus", "max_nodes")
            limit: Any = round(need - 1) * job.parallel if whole else need * math.exp(rng.uniform(-0.15, -1e-3))
        else:
            limit = _SIDE_RULES[field][0](rng, plans, best)
        tried = replace(limits, **{field: limit})
        left = _plans(free, tried) if limit else [best]
        refused = all(plan.offer.id != best.offer.id or plan.candidate.layout != best.candidate.layout for plan in left)
        if refused and (left or forbids):
            return tried
    return limits


def _drawn(rng: Random, job: Job, plans: Sequence[Evaluated], field: str) -> Any:
    """A limit near the need of a plan, or a side rule against one, mostly the best."""
    if field in _LIMITED:
        return _limit(rng, job, plans, _LIMITED[field][0])
    against = first(plans, job.objectives) if rng.random() < 0.85 else rng.choice(plans)
    return _SIDE_RULES[field][0](rng, plans, against)


def _limit(rng: Random, job: Job, plans: Sequence[Evaluated], quantity: str) -> float | int:
    need, whole = _reference(rng, job, plans, quantity).value(quantity), quantity in ("gpus", "nodes")
    if whole:
        return round(max(1, need - rng.choice((0, 1, 1, 2)))) * job.parallel
    return need * math.exp(rng.uniform(-0.2, 0.1))


def _reference(rng: Random, job: Job, plans: Sequence[Evaluated], quantity: str) -> Evaluated:
    """Any plan, the best one (then the limit often binds), or the one that needs least (then it often forbids everything)."""
    best = min(plans, key=lambda plan: plan.values(job.objectives))
    least = min(plans, key=lambda plan: plan.value(quantity))
    return rng.choice((best, best, best, best, least, rng.choice(plans)))


# -- side rules: each mostly refuses the plan that it is drawn against -----------------------------------------------------
_Draw = Callable[[Random, Sequence[Evaluated], Evaluated], Any]


def _least_utilisation(rng: Random, plans: Sequence[Evaluated], against: Evaluated) -> float:
    return against.utilisation * rng.uniform(0.97, 1.2)


def _largest_tensor(rng: Random, plans: Sequence[Evaluated], against: Evaluated) -> int | None:
    return against.tensor // 2 or None


def _node_counts(rng: Random, plans: Sequence[Evaluated], against: Evaluated) -> tuple[int, ...]:
    others = {plan.nodes for plan in plans} - {against.nodes}
    return tuple(sorted(rng.sample(sorted(others | {5, 7}), 2)))


def _shown_layouts(rng: Random, plans: Sequence[Evaluated], against: Evaluated) -> tuple[tuple[int, ...], ...]:
    shown = [plan.candidate.layout for plan in (against, *rng.sample(plans, min(2, len(plans))))]
    degrees = [(one.tensor, one.pipeline, one.data, one.context, one.expert) for one in shown]
    return tuple(dict.fromkeys(degrees))


def _other_words(name: Callable[[Evaluated], str]) -> _Draw:
    """Words of the plans beside that of the plan it is drawn against; one that nobody has where there is none."""

    def draw(rng: Random, plans: Sequence[Evaluated], against: Evaluated) -> tuple[str, ...]:
        return tuple(sorted({name(plan) for plan in plans} - {name(against)})) or ("nowhere",)

    return draw


def _that_word(name: Callable[[Evaluated], str]) -> _Draw:
    return lambda rng, plans, against: (name(against),)


def _gpu(plan: Evaluated) -> str:
    return plan.offer.node.accelerator.name


def _provider(plan: Evaluated) -> str:
    return plan.offer.provider.name


def _region(plan: Evaluated) -> str:
    return plan.offer.region


def _switched(rng: Random, plans: Sequence[Evaluated], against: Evaluated) -> bool:
    return against.offer.node.intra_node.kind != "nvswitch"


def _pricing(plan: Evaluated) -> str:
    return plan.offer.pricing


def _quota(rng: Random, plans: Sequence[Evaluated], against: Evaluated) -> tuple[Quota, ...]:
    """One GPU less than the plan has, for what it is made of or for everything; and a wide one."""
    narrow = rng.choice(({}, {"provider": _provider(against)}, {"gpu": (_gpu(against),)}, {"region": _region(against)}))
    return (Quota(max(1, against.gpus - 1), **narrow), Quota(10_000, provider=_provider(against)))


#: How each side rule is drawn, and how often.
_SIDE_RULES: dict[str, tuple[_Draw, float]] = {
    "min_mfu": (_least_utilisation, 0.4),
    "max_tensor": (_largest_tensor, 0.75),
    "node_counts": (_node_counts, 0.2),
    "exclude_layouts": (_shown_layouts, 0.15),
    "nvswitch_only": (_switched, 0.55),
    "gpus": (_other_words(_gpu), 0.06),
    "exclude_gpus": (_that_word(_gpu), 0.06),
    "providers": (_other_words(_provider), 0.06),
    "exclude_providers": (_that_word(_provider), 0.15),
    "regions": (_other_words(_region), 0.06),
    "exclude_regions": (_that_word(_region), 0.15),
    "pricing": (_other_words(_pricing), 0.2),
    "quotas": (_quota, 0.5),
}
_FIELDS = (*_LIMITED, *_SIDE_RULES)
#: Those that seldom can be held against the best plan are tried earlier than the others.
_SELDOM = {"max_tensor": 30.0, "max_gpus": 20.0, "deadline_seconds": 8.0, "nvswitch_only": 8.0, "min_mfu": 6.0}
_SELDOM |= {"exclude_providers": 3.0, "exclude_regions": 3.0, "node_counts": 2.0, "exclude_gpus": 2.0, "max_nodes": 0.3}
