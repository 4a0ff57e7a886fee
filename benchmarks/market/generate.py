"""A seeded market: 50,000 rows of 20 providers in the kinds of files in which prices are published.

It is made for measuring and says nothing about any market; nothing of it is shipped. Of the rows

- 60 % are in the form of SkyPilot's catalogue v8 (14 providers, columns in each one's own order, zones, spot prices; on AWS and
  Azure a third are machines without a GPU, GCP prices GPUs and hosts apart), a quarter of them in an older edition,
- 15 % in that of gpuhunt (8 providers; spot is a row of its own),
- 10 % items of the Azure Retail Prices API (JSON; 40 % are no machines with GPUs, a fifth is for Windows),
- 6 % Karpenter's tables of AWS and Azure (a row in 30 in CNY), 4 % Cyclenerd's of GCP with commitments,
- 5 % gpuplan's own price lists (5 providers).

One row of CSV in a hundred is broken: a cell is missing, or the price is a word, NaN, negative, 0 or beyond belief. A region has a
price level of its own, 1 in every other region; spot prices are a fifth to three fifths, some are empty, equal to the on-demand
price, or above it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.market.forms import Place, Writer
from benchmarks.market.shapes import PRICES, Shape, sellers

SEED = 6
ROWS = 50_000
NEW, OLD = "2026-11-01", "2026-08-01"
OLD_SHARE = 0.25
"""Of SkyPilot's rows, those of the older edition: mostly the same machines and places at other prices."""
BROKEN_SHARE = 0.01
REGION_SPREAD, OLD_SPREAD = 0.15, 0.1
"""Standard deviations of the logarithm of a price: between regions, and between two editions."""
EQUAL_REGIONS = 0.5
"""Share of the regions that have the same prices."""

#: Rows of each provider in thousands, by form.
SKYPILOT = {
    "aws": 10.5, "gcp": 7.5, "azure": 6.0, "oci": 0.8, "lambda": 0.8, "nebius": 0.3, "runpod": 0.8, "vast": 1.2, "verda": 0.3,
    "paperspace": 0.3, "fluidstack": 0.4, "vultr": 0.5, "cudo": 0.3, "hyperstack": 0.3,
}  # fmt: skip
GPUHUNT = {
    "aws": 1.8, "azure": 1.8, "gcp": 1.8, "lambda": 0.3, "oci": 0.3, "vast": 0.8, "tensordock": 0.4, "digitalocean": 0.3,
}  # fmt: skip
KARPENTER = {"aws": 1.5, "azure": 1.5}
CYCLENERD = {"gcp": 2.0}
AZURE_RETAIL = {"azure": 5.0}
OWN = {"coreweave": 0.3, "crusoe": 0.8, "ibm": 0.7, "jarvislabs": 0.6, "nebius": 0.1}
_ZONES = {"aws": 3, "gcp": 3}


@dataclass(frozen=True)
class Made:
    """What was written: rows by form, and who sells."""

    rows: dict[str, int]
    providers: int

    @property
    def total(self) -> int:
        """All rows."""
        return sum(self.rows.values())


def generate(folder: Path, rows: int = ROWS, seed: int = SEED, learn_from: Path = PRICES) -> Made:
    """Write the files of a market of so many rows into an empty folder; the same ones for the same seed and sources.

    Parameters
    ----------
    folder
        Made if it is not there.
    rows
        Rows of all files: lines of CSV beside the headers, items of JSON.
    seed
        Other prices, places and mistakes.
    learn_from
        Real catalogues whose machines and regions are taken as well, where they are there.
    """
    known = sellers(seed, learn_from)
    written: dict[str, int] = {}
    forms = {
        "SkyPilot": (SKYPILOT, Writer.skypilot),
        "gpuhunt": (GPUHUNT, Writer.gpuhunt),
        "Karpenter": (KARPENTER, Writer.karpenter),
        "Cyclenerd": (CYCLENERD, Writer.cyclenerd),
        "Azure Retail Prices": (AZURE_RETAIL, Writer.azure_retail),
        "gpuplan": (OWN, Writer.own),
    }
    everyone = set[str]()
    for form, (shares, write) in forms.items():
        for provider, thousands in shares.items():
            rng = random.Random(f"{seed}/{form}/{provider}")
            wanted = round(thousands * 1000 * rows / ROWS)
            shapes = sorted(known.shapes[provider].values(), key=lambda shape: shape.name)
            market = Market(provider, shapes, known.regions[provider], wanted, seed)
            for edition, count in _editions(form, wanted):
                writer = Writer(folder, provider, market.sold(rng, edition != NEW), rng, edition, BROKEN_SHARE)
                write(writer, count)
            written[form] = written.get(form, 0) + wanted
            everyone.add(provider)
    return Made(written, len(everyone))


def _editions(form: str, wanted: int) -> list[tuple[str, int]]:
    if form != "SkyPilot":
        return [(NEW, wanted)]
    old = round(wanted * OLD_SHARE)
    return [(NEW, wanted - old), (OLD, old)]


class Market:
    """Who sells what where: enough regions for the rows that are wanted, invented where the real ones do not suffice."""

    def __init__(self, provider: str, shapes: Sequence[Shape], regions: set[str], wanted: int, seed: int) -> None:
        self._provider, self._shapes = provider, shapes
        self._zones = _ZONES.get(provider, 1)
        rng = random.Random(f"{seed}/{provider}")
        real = sorted(regions)
        needed = max(4, -(-wanted * 2 // max(1, len(shapes) * self._zones)))
        invented = (f"{rng.choice(_AREAS)}-{number:02d}" for number in range(needed))
        self._regions = [*real, *invented][: max(needed, len(real))]
        self._levels = {region: _level(random.Random(f"{seed}/{provider}/{region}")) for region in self._regions}

    def sold(self, rng: random.Random, old: bool) -> list[tuple[Shape, Place]]:
        """Every machine in every place, in a random order, at the prices of now or of the older edition."""
        pairs = [
            (shape, region, zone)
            for region in self._regions
            for zone in range(self._zones)
            for shape in self._shapes
            if hash_share(self._provider, shape.name, region) < _SOLD_SHARE
        ]
        rng.shuffle(pairs)
        drift = {shape.name: rng.lognormvariate(0.0, OLD_SPREAD) if old else 1.0 for shape in self._shapes}
        return [
            (shape, Place(region, _zone(self._provider, region, zone), self._levels[region] * drift[shape.name]))
            for shape, region, zone in pairs
        ]


_AREAS = (
    "us-east",
    "us-west",
    "eu-west",
    "eu-north",
    "ap-south",
    "ap-northeast",
    "sa-east",
    "ca-central",
    "me-central",
)
_SOLD_SHARE = 0.75


def hash_share(*words: str) -> float:
    """A number between 0 and 1 that the words alone decide."""
    return random.Random("/".join(words)).random()


def _level(rng: random.Random) -> float:
    return 1.0 if rng.random() < EQUAL_REGIONS else rng.lognormvariate(0.05, REGION_SPREAD)


def _zone(provider: str, region: str, number: int) -> str:
    letter = "abc"[number]
    return {"aws": f"{region}{letter}", "gcp": f"{region}-{letter}"}.get(provider, "")
