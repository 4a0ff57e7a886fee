"""Offers for benchmarks: the built-in ones and seeded variants of them, as many as are asked for."""

from __future__ import annotations

import random
from dataclasses import replace

from gpuplan_hardware import Offer, offers


def offers_with_variants(count: int, seed: int = 1) -> tuple[Offer, ...]:
    """Return the built-in offers, then copies with other prices, networks and node counts, `count` in all."""
    base = offers()
    rng = random.Random(seed)
    found = list(base[:count])
    while len(found) < count:
        found.append(_variant(rng.choice(base), rng, len(found)))
    return tuple(found)


def _variant(offer: Offer, rng: random.Random, number: int) -> Offer:
    node = offer.node
    if node.network is not None:
        rate = node.network.bytes_per_second_per_gpu * rng.choice((0.5, 1.0, 2.0))
        node = replace(node, network=replace(node.network, bytes_per_second_per_gpu=rate))
    return replace(
        offer,
        id=f"{offer.id}/variant-{number}",
        node=node,
        price_usd_per_hour=round(offer.price_usd_per_hour * rng.uniform(0.8, 1.5), 4),
        max_nodes=1 if node.network is None else rng.choice((4, 8, 16, 32, 64)),
    )
