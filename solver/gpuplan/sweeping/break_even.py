"""At which price an offer costs as much as the best plan without it: exact, by a few proved questions for each offer.

The bill of a plan is a straight line in the price of its nodes: ``price * GPU-hours + what else is paid``. So the cheapest plan on an
offer is the least of many rising lines. From the price at which the plan that is best now would cost as much as the rival the next
question is asked, until the best plan there is that plan (Newton's method, which for the least of lines ends after a few steps, and
ends exactly). A budget forbids a plan from some price on; then the question after it is asked just above that price.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from gpuplan.answer import plan_answer
from gpuplan.ask import Asker, unasked
from gpuplan.catalogue import offers_for
from gpuplan.errors import InputError, close_matches, shown
from gpuplan.job import Job
from gpuplan.job.market import Market, market_of
from gpuplan.pipeline import Outcome
from gpuplan.plan import Plan
from gpuplan.providers import choose_provider
from gpuplan.rules.base import TOLERANCE
from gpuplan.selection import outside, selected
from gpuplan.sweeping.result import BreakEvenAnswer
from gpuplan_hardware import CatalogueError, Offer, accelerators, providers, resolve_gpus

#: Two prices, or bills, that differ by a smaller share are the same.
SAME = 1e-9
#: The lowest price of a GPU-hour in USD; less is none.
LEAST_PRICE = 1e-6
#: Questions about one offer; a handful is usual.
MOST_STEPS = 100


@dataclass(frozen=True)
class Whose:
    """Offers that are meant by a word: all with some GPUs, all of a provider, or one."""

    kind: Literal["gpu", "provider", "offer"]
    names: tuple[str, ...]

    def has(self, offer: Offer) -> bool:
        """Whether an offer is among them."""
        name = {"gpu": offer.node.accelerator.name, "provider": offer.provider.name, "offer": offer.id}[self.kind]
        return name in self.names

    def alone(self, job: Job) -> Job:
        """The job with its selection opened for them where it asks for others; a price of the user's own is that of the GPU he named."""
        limits, catalogue, left = job.limits, job.catalogue, self._left
        if self.kind == "offer" or (self.kind == "gpu" and left(limits.gpus or ())):
            catalogue = replace(catalogue, price_usd_per_gpu_hour=None)
        if self.kind == "gpu":
            limits = replace(limits, gpus=self.names, exclude_gpus=left(limits.exclude_gpus))
        elif self.kind == "provider":
            limits = replace(limits, providers=self.names, exclude_providers=left(limits.exclude_providers))
        pinned = self.names[0] if self.kind == "offer" else None
        return replace(job, limits=limits, catalogue=catalogue, pins=replace(job.pins, offer=pinned))

    def others(self, job: Job) -> Job:
        """The job that looks for the rival: without a selection that only these keep."""
        limits, catalogue = job.limits, job.catalogue
        if self.kind == "gpu" and not self._left(limits.gpus or self.names):
            limits, catalogue = replace(limits, gpus=None), replace(catalogue, price_usd_per_gpu_hour=None)
        elif self.kind == "provider" and not self._left(limits.providers or self.names):
            limits = replace(limits, providers=None)
        pinned = None if job.pins.offer in self.names else job.pins.offer
        return replace(job, limits=limits, catalogue=catalogue, pins=replace(job.pins, offer=pinned))

    def _left(self, names: Sequence[str]) -> tuple[str, ...]:
        return tuple(name for name in names if name not in self.names)


def meant(field: str, word: str, market: Market) -> Whose:
    """The offers that a word stands for: the name of a GPU or of a family, a provider, or the id of an offer.

    Raises
    ------
    InputError
        It is none of them, with close matches; or a GPU that jobs are not planned on, or a provider without a price.
    """
    text = word.strip()
    if "/" in text or any(offer.id == text for offer in market.offers):
        return Whose("offer", (market.offer_id(field, text),))
    sold = {name.lower(): name for name in (offer.node.accelerator.name for offer in market.sample)}
    if text.lower() in sold:
        return Whose("gpu", (sold[text.lower()],))
    try:
        names = resolve_gpus(text)
    except CatalogueError:
        return Whose("provider", (_provider(field, text, market, tuple(sold.values())),))
    planned = tuple(name for name in names if accelerators()[name].refused is None)
    if not planned:
        raise InputError(field, text, f"{text} cannot be planned on: {accelerators()[names[0]].refused}")
    return Whose("gpu", planned)


def _provider(field: str, text: str, market: Market, gpus: Sequence[str]) -> str:
    try:
        return choose_provider(field, text, market.providers)
    except InputError as error:
        if text.lower() in providers():
            raise
        close = close_matches(text, (*accelerators(), *gpus, *market.providers)) or error.suggestions
        message = f"{shown(text)!r} is no GPU, no provider and no offer (provider/node/region/pricing)"
        raise InputError(field, text, message, close) from None


@dataclass(frozen=True)
class BreakEvens:
    """Break-even prices, those that are nearest to the listed price or below it first, and what they are held against.

    `rival` is the best plan without the offers that are asked about.
    """

    answers: list[BreakEvenAnswer]
    rival: Outcome
    warnings: list[str]
    questions: int


def break_evens(
    job: Job, what: str, ask: Asker, given: Sequence[Offer] | None = None, field: str = "break_even"
) -> BreakEvens:
    """The price per GPU-hour of each offer of `what` below which it is the cheapest plan's, all other prices staying as they are.

    Of each offer alone: what other offers of `what` cost does not count. At the price all limits of the job hold, the budget too.

    Parameters
    ----------
    job
        Its objective does not count: cost is what prices change. A selection of GPUs, providers or an offer is opened for `what`,
        so that H200 can be held against ``--gpu H100``.
    what
        GPU, provider or offer (see `meant`). A GPU that no offer in the selection has is priced as `catalogue.offers_for` prices
        the user's own GPU.
    ask
        Gets the job's time limit anew for each offer; its own offers do not count.
    given
        Offers to choose from instead of the job's.
    field
        The name of `what` in errors.

    Raises
    ------
    InputError
        `what` is nothing that is known, or the selection leaves out all of its offers.
    """
    market = market_of(job.catalogue, given)
    whose = meant(field, what, market)
    cheapest = replace(job, objectives=("cost", "gpus", "time"))
    of_what, listed = offers_of(whose, field, what, cheapest, given)
    search = _Search(ask)
    rival = search.rival(whose, cheapest, given)
    warnings = []
    if rival.plan is None:
        undecided = "" if rival.status == "infeasible" else ", as far as the time limit allowed to look"
        warnings.append(
            f"no plan without {what} keeps the limits{undecided}: there is nothing to hold its price against"
        )
    alone = whose.alone(cheapest)
    answers = [search.answer(alone, offer, listed, rival) for offer in of_what]
    answers.sort(
        key=lambda one: (-(one.break_even_usd_per_gpu_hour or 0) / (one.listed_usd_per_gpu_hour or 1), one.offer)
    )
    return BreakEvens(answers, rival, warnings, search.questions)


def offers_of(whose: Whose, field: str, what: str, job: Job, given: Sequence[Offer] | None) -> tuple[list[Offer], bool]:
    """The offers that are asked about, and whether they have a price.

    Raises
    ------
    InputError
        The selection leaves them all out.
    """
    alone = whose.alone(job)
    theirs = [offer for offer in offers_for(alone, given) if whose.has(offer)]
    chosen = [offer for offer in theirs if selected(alone, offer)]
    if not chosen and whose.kind == "gpu":
        own = replace(alone, catalogue=replace(alone.catalogue, price_usd_per_gpu_hour=1.0))
        chosen = [offer for offer in offers_for(own, given) if selected(own, offer)]
        if chosen:
            return chosen, False
    if not chosen:
        reasons = dict.fromkeys(name for offer in theirs for name in outside(alone, offer))
        why = f"; what is asked of {', '.join(reasons).replace('_', ' ')} leaves it out" if reasons else ""
        raise InputError(field, what, f"no offer of {shown(what)} is in the selection{why}")
    return chosen, True


class _Search:
    """Asks what break-even prices need."""

    def __init__(self, ask: Asker) -> None:
        self.ask, self.questions = ask, 0

    def rival(self, whose: Whose, job: Job, given: Sequence[Offer] | None) -> Outcome:
        """The best plan without the offers that are asked about."""
        others = whose.others(job)
        ids = whose.names if whose.kind == "offer" else ()
        found = [offer for offer in offers_for(others, given, ids) if not whose.has(offer)]
        self.ask.extend(job.search.time_limit_seconds)
        return self._asked(others, found) or unasked(others, found)

    def answer(self, job: Job, offer: Offer, listed: bool, rival: Outcome) -> BreakEvenAnswer:
        """The break-even price of one offer."""
        per_node = offer.node.gpus_per_node
        price = offer.price_usd_per_hour / per_node if listed else None
        self.ask.extend(job.search.time_limit_seconds)
        if rival.plan is None or rival.value is None:
            found = self._asked(job, [offer]) if listed else None
            root = Root(None, None, rival.status == "infeasible" and (not listed or _decided(found)))
            wins = found is not None and found.plan is not None
        else:
            theirs = rival.plan.offer
            start = price or theirs.price_usd_per_hour / theirs.node.gpus_per_node
            root = highest_price(self._asked, job, offer, rival.value, max(start, LEAST_PRICE))
            wins = price is not None and root.price is not None and price < root.price
        return BreakEvenAnswer(
            offer=offer.id,
            gpu=offer.node.accelerator.name,
            provider=offer.provider.name,
            gpus_per_node=per_node,
            listed_usd_per_gpu_hour=price,
            break_even_usd_per_gpu_hour=root.price,
            change=None if not price or root.price is None else root.price / price - 1,
            wins_now=wins,
            proved=root.proved and _decided(rival),
            plan=None if root.plan is None else plan_answer(root.plan),
        )

    def _asked(self, job: Job, offers: Sequence[Offer]) -> Outcome | None:
        self.questions += 1
        return self.ask(job, None, offers)


@dataclass(frozen=True)
class Root:
    """A break-even price with the plan there; None: no price is low enough."""

    price: float | None
    plan: Plan | None
    proved: bool


def highest_price(
    asked: Callable[[Job, Sequence[Offer]], Outcome | None], job: Job, offer: Offer, usd: float, start: float
) -> Root:
    """The highest price per GPU-hour at which a plan on the offer costs no more than `usd`, looked for from `start` on."""
    price, best = start, Root(None, None, False)
    for _ in range(MOST_STEPS):
        found = asked(job, [at_price(offer, price)])
        if found is None or not _decided(found):
            return best
        plan = found.plan
        if plan is None or plan.cost_usd() > usd * (1 + SAME):
            never = plan is None and job.limits.budget_usd is None
            if best.price is not None or price <= LEAST_PRICE or never:
                return replace(best, proved=True)
            # Too dear. This plan is worth it from the next price down; where the budget allows none, there may be one further down.
            price = LEAST_PRICE if plan is None else max(_price_at(plan, usd), LEAST_PRICE)
            continue
        budget, equal = job.limits.budget_usd, _price_at(plan, usd)
        paid = equal if budget is None else _price_at(plan, budget, sure=True)
        best = Root(min(equal, paid), replace(plan, job=job, offer=at_price(offer, min(equal, paid))), False)
        if equal <= paid and equal <= price * (1 + SAME):
            return replace(best, proved=True)
        if equal <= paid or budget is None:
            price = equal
        else:
            price = _price_at(plan, budget * (1 + 4 * TOLERANCE) + 4 * TOLERANCE, sure=True)
    return best


def _decided(outcome: Outcome | None) -> bool:
    return outcome is not None and outcome.status in ("optimal", "infeasible")


def at_price(offer: Offer, usd_per_gpu_hour: float) -> Offer:
    """The offer at another price."""
    return replace(offer, price_usd_per_hour=usd_per_gpu_hour * offer.node.gpus_per_node)


def _bill(plan: Plan, sure: bool) -> float:
    """What a plan costs; `sure`: at the job's confidence."""
    return plan.cost_at_confidence_usd if sure else plan.cost_usd()


def _price_at(plan: Plan, usd: float, sure: bool = False) -> float:
    """The price per GPU-hour at which the bill of a plan is so much; below 0 where what is paid beside the GPUs is more."""
    free, at_one = (_bill(replace(plan, offer=at_price(plan.offer, price)), sure) for price in (0.0, 1.0))
    return (usd - free) / (at_one - free)


__all__ = ["BreakEvens", "Root", "Whose", "at_price", "break_evens", "highest_price", "meant", "offers_of"]
