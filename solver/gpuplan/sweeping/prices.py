"""The price of some offers varied, all others staying as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gpuplan.catalogue import offers_for
from gpuplan.job import Job
from gpuplan.job.market import market_of
from gpuplan.selection import selected
from gpuplan.sweeping.break_even import at_price, meant, offers_of
from gpuplan_hardware import Offer


@dataclass(frozen=True)
class Priced:
    """A job that may take its own offers and those whose price is varied; and both kinds of offers."""

    job: Job
    others: tuple[Offer, ...]
    varied: tuple[Offer, ...]

    def at(self, usd_per_gpu_hour: float) -> tuple[Offer, ...]:
        """All offers at a price."""
        return (*self.others, *(at_price(offer, usd_per_gpu_hour) for offer in self.varied))


def priced(job: Job, of: str, given: Sequence[Offer] | None) -> Priced:
    """Set the offers of `of` (a GPU, a provider, an offer) apart; the job's selection is opened for them.

    Raises
    ------
    InputError
        `of` is nothing that is known, or the selection leaves out all of its offers.
    """
    whose = meant("of", of, market_of(job.catalogue, given))
    varied, _ = offers_of(whose, "of", of, job, given)
    others = [offer for offer in offers_for(job, given) if selected(job, offer) and not whose.has(offer)]
    limits, theirs = job.limits, whose.alone(job).limits
    # Both kinds are chosen already, so what tells them apart in the selection goes.
    opened = replace(
        limits,
        gpus=None if limits.gpus is None or theirs.gpus is None else (*limits.gpus, *theirs.gpus),
        providers=None
        if limits.providers is None or theirs.providers is None
        else (*limits.providers, *theirs.providers),
        exclude_gpus=theirs.exclude_gpus,
        exclude_providers=theirs.exclude_providers,
    )
    return Priced(replace(job, limits=opened, pins=replace(job.pins, offer=None)), tuple(others), tuple(varied))
