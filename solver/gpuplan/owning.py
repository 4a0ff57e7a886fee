"""Rent against buy for a stream of jobs: what both have cost, month by month."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gpuplan.errors import InputError
from gpuplan_hardware.ownership import HOURS_PER_YEAR, MONTHS_PER_YEAR, Ownership

HOURS_PER_MONTH = HOURS_PER_YEAR / MONTHS_PER_YEAR
MOST_NODES = 100_000
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Stream:
    """Jobs that keep coming.

    Attributes
    ----------
    node_hours_per_month : float
        Hours of use of all nodes together in the first month.
    job_nodes : int
        Nodes that one job needs at the same time; they are bought in groups of as many.
    growth_share_per_month : float
        By how much each month has more hours than the one before; below 0 it has fewer.
    """

    node_hours_per_month: float
    job_nodes: int = 1
    growth_share_per_month: float = 0.0

    def node_hours(self, month: int) -> float:
        """Hours of use in a month, counted from 1."""
        return float(self.node_hours_per_month * (1 + self.growth_share_per_month) ** (month - 1))


@dataclass(frozen=True, slots=True)
class Month:
    """The end of a month: its hours, the nodes that there are, and what has been paid until then. Month 0 is the purchase."""

    month: int
    node_hours: float
    nodes: int
    owned_usd: float
    rented_usd: float


def nodes_needed(stream: Stream, month: int, most_used_share: float) -> int:
    """Nodes that hold the hours of a month when each can be used a share of the time, in whole groups of those of one job.

    Raises
    ------
    InputError
        More than anybody buys.
    """
    wanted = stream.node_hours(month) / (HOURS_PER_MONTH * most_used_share)
    if wanted > MOST_NODES:
        given = f"{stream.node_hours_per_month:g}"
        right = (
            f"month {month} would need {wanted:,.0f} nodes, more than {MOST_NODES:,}; give fewer hours or less growth"
        )
        raise InputError("hours_per_month", given, right)
    return stream.job_nodes * max(1, math.ceil(wanted / stream.job_nodes - _ROUNDING))


def nodes_at_the_end(stream: Stream, owned: Ownership) -> int:
    """Most nodes that the stream needs within the years of amortisation."""
    return max(nodes_needed(stream, month, owned.used_share) for month in (1, months_of(owned)))


def months_of(owned: Ownership) -> int:
    """Months of amortisation."""
    return max(1, round(owned.amortisation_years * MONTHS_PER_YEAR))


def ledger(owned: Ownership, stream: Stream, rent_usd_per_node_hour: float) -> list[Month]:
    """What owning and renting have cost at the end of each month of the years of amortisation.

    Nodes are paid when they are first needed, and none is sold before the end; what is then left of them (`residual_share`) is
    taken off the last month. A node works at most ``owned.used_share`` of the time; beyond that a further one is bought. Each
    month costs ``nodes * (rack + maintenance) / 12`` and power for the hours of use and, at idle power, for the others. Rent
    is ``hours * rent_usd_per_node_hour`` and nothing else.
    """
    last, owned_usd, rented_usd, bought = months_of(owned), 0.0, 0.0, 0
    found: list[Month] = []
    for month in range(1, last + 1):
        hours, needed = stream.node_hours(month), nodes_needed(stream, month, owned.used_share)
        owned_usd += max(0, needed - bought) * owned.bought_usd
        bought = max(bought, needed)
        if not found:
            found.append(Month(0, 0.0, bought, owned_usd, 0.0))
        owned_usd += bought * _upkeep_per_month(owned, hours / (bought * HOURS_PER_MONTH))
        rented_usd += hours * rent_usd_per_node_hour
        if month == last:
            owned_usd -= bought * owned.bought_usd * owned.residual_share
        found.append(Month(month, hours, bought, owned_usd, rented_usd))
    return found


def _upkeep_per_month(owned: Ownership, used_share: float) -> float:
    """USD of a node and month, without what was paid for it."""
    parts = owned.cost_per_year(used_share)
    return (parts["power"] + parts["rack"] + parts["maintenance"]) / MONTHS_PER_YEAR


def break_even_month(months: Sequence[Month]) -> int | None:
    """First month from whose end on owning has cost no more than renting, to the last; None where it has at the end."""
    dearer = [month.month for month in months if month.owned_usd > month.rented_usd]
    if not dearer:
        return months[0].month
    return None if dearer[-1] == months[-1].month else dearer[-1] + 1
