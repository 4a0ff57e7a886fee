"""Offers of a table that may stand for each other, and the cheapest of them; the argument is that of `OfferTable.representatives`."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gpuplan_hardware.imports.table_parts import SAME_PRICE

if TYPE_CHECKING:
    from gpuplan_hardware.imports.columns import OfferTable


def kinds_of(
    table: OfferTable,
    regions: Collection[str] | None,
    exclude_regions: Collection[str],
    alike: Callable[[str, str], int] | None,
) -> NDArray[np.int64]:
    """What `alike` says of each offer, 0 without it; -1 where its region is not allowed."""
    wanted, out = None if regions is None else set(regions), set(exclude_regions)
    pairs = table.rows["provider"].astype(np.int64) * len(table.places) + table.rows["region"]
    kinds = np.full(len(table.sellers) * len(table.places), -1, dtype=np.int64)
    for pair in np.flatnonzero(np.bincount(pairs)).tolist():
        seller, region = table.sellers[pair // len(table.places)].name, table.places[pair % len(table.places)]
        if (wanted is None or region in wanted) and region not in out:
            kinds[pair] = 0 if alike is None else max(-1, alike(seller, region))
    found: NDArray[np.int64] = kinds[pairs]
    return found


def groups_of(table: OfferTable, kinds: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number of the group of each offer: offers of one differ in region and price alone."""
    shapes = table.rows["provider"].astype(np.int64) * len(table.nodes) + table.rows["node"]
    sold = shapes * len(table.terms) + table.rows["terms"]
    key: NDArray[np.int64] = sold * (2 + int(kinds.max(initial=0))) + kinds + 1
    return key


def cheapest(
    table: OfferTable, allowed: NDArray[np.int64], groups: NDArray[np.int64]
) -> tuple[list[int], list[tuple[str, ...]]]:
    """Places of the cheapest offer of each group, and the other regions where each costs the same."""
    if not len(allowed):
        return [], []
    by_id = np.argsort(np.argsort(np.array([f"{region}/" for region in table.places])))  # as ids are ordered
    group, price, region = groups[allowed], table.rows["price"][allowed], table.rows["region"][allowed]
    order = np.lexsort((by_id[region], price, group))
    group, price, region = group[order], price[order], region[order]
    starts = np.flatnonzero(np.concatenate([[True], group[1:] != group[:-1]]))
    lowest = np.repeat(price[starts], np.diff(np.append(starts, len(group))))
    ends = starts + np.add.reduceat((price <= lowest * (1 + SAME_PRICE)).astype(np.int64), starts)
    names = [table.places[code] for code in region.tolist()]
    others = [tuple(sorted(names[a + 1 : b])) for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]
    return allowed[order[starts]].tolist(), others


def at_the_price(
    table: OfferTable, place: int, allowed: NDArray[np.int64], groups: NDArray[np.int64]
) -> tuple[str, ...]:
    """Other allowed regions where one offer costs the same."""
    price, alike = table.rows["price"], allowed[groups[allowed] == groups[place]]
    same = alike[np.abs(price[alike] - price[place]) <= SAME_PRICE * price[place]]
    return tuple(sorted(table.places[table.rows["region"][one]] for one in same.tolist() if one != place))
