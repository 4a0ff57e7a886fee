"""What a table of offers is made of: its row of numbers, and the texts and things that the numbers point to."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from gpuplan_hardware.entities import LeadTime, Offer, Pricing

#: One offer: places in the tables of an `OfferTable`, the proleptic day of its price (`date.toordinal`), USD per hour of the node,
#: whether nobody states that day, and the kind of catalogue that the price is from (`kind_code`).
ROW = np.dtype(
    [
        ("provider", "<i4"),
        ("node", "<i4"),
        ("terms", "<i4"),
        ("region", "<i4"),
        ("source", "<i4"),
        ("day", "<i4"),
        ("price", "<f8"),
        ("weak", "?"),
        ("kind", "<u4"),
    ]
)
#: Prices that differ by less, relatively, are the same price: currencies are converted in floating point.
SAME_PRICE = 1e-5

Thing = TypeVar("Thing")


def kind_code(name: str) -> int:
    """Number of a kind of catalogue, the same in every table; 0 for none."""
    return zlib.crc32(name.encode())


class Terms(NamedTuple):
    """What an offer says of how it is sold: everything of it that matters to a plan beside node, provider, region and price."""

    pricing: Pricing
    lead_time: LeadTime
    lead_time_seconds: float | None
    max_nodes: int
    host_open: bool
    interruptions_per_node_hour: float | None


def terms_of(offer: Offer) -> Terms:
    """How an offer is sold."""
    return Terms(
        offer.pricing,
        offer.lead_time,
        offer.lead_time_seconds,
        offer.max_nodes,
        offer.host_open,
        offer.interruptions_per_node_hour,
    )


class Texts(Sequence[str]):
    """Texts in one block of UTF-8, decoded one by one when asked for.

    Parameters
    ----------
    block : bytes
        All of them without anything in between.
    ends : numpy array of int
        Where each ends in the block.
    """

    def __init__(self, block: bytes, ends: NDArray[np.int64]) -> None:
        self.block = block
        self.ends = ends

    @classmethod
    def of(cls, texts: Iterable[str]) -> Texts:
        """Make the block of texts."""
        encoded = [text.encode() for text in texts]
        return cls(b"".join(encoded), np.cumsum([len(text) for text in encoded], dtype=np.int64))

    def joined(self, other: Texts) -> Texts:
        """Return these texts and, after them, those of another block."""
        return Texts(self.block + other.block, np.concatenate([self.ends, other.ends + len(self.block)]))

    def __len__(self) -> int:
        return len(self.ends)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> list[str]: ...
    def __getitem__(self, place: int | slice) -> str | list[str]:
        if isinstance(place, slice):
            return [self[index] for index in range(*place.indices(len(self)))]
        start = int(self.ends[place - 1]) if place else 0
        return self.block[start : int(self.ends[place])].decode()


class Codes(dict[Thing, int]):
    """Numbers of things in the order in which they are met; iterating gives the things."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[int, int] = {}

    def of(self, thing: Thing) -> int:
        """Number of a thing."""
        return self.setdefault(thing, len(self))

    def of_object(self, thing: Thing) -> int:
        """Number of a thing that is slow to hash; the caller keeps every one alive."""
        code = self._seen.get(id(thing))
        if code is None:
            code = self._seen[id(thing)] = self.of(thing)
        return code
