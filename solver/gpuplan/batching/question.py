"""All that the answers of a batch depend on, as a text: the journal of another one is not gone on with."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from gpuplan.batching.rows import Row
from gpuplan.errors import InputError
from gpuplan.job.limits import read_catalogue
from gpuplan.job.market import market_of
from gpuplan.job.reader import Reader
from gpuplan.job.spec import make_spec
from gpuplan.performance.constants import constants
from gpuplan_hardware import Offer

#: Fields whose value may be a file, which may change between two runs.
FILES = ("model", "data", "tokenizer", "calibration")


def question_of(rows: Sequence[Row], given: Sequence[Offer] | None) -> str:
    """Rows, offers with their prices, files that rows name, and constants."""
    keys = hashlib.sha256("\n".join(row.key for row in rows).encode()).hexdigest()
    catalogues = [""] if given is not None else sorted({str(row.words.get("offers") or "") for row in rows})
    offers = [(word, _digest_of_offers(word, given)) for word in catalogues]
    named = {str(row.words[name]) for row in rows for name in FILES if isinstance(row.words.get(name), str)}
    files = [(name, stamp) for name in sorted(named) if (stamp := _stamp(name)) is not None]
    return repr(("batch", keys, offers, files, constants().as_of, sorted(_values())))


def _digest_of_offers(word: str, given: Sequence[Offer] | None) -> str:
    """Ids and prices of the offers that a word stands for; of a word that cannot be used what is wrong with it."""
    try:
        spec = make_spec({"offers": word} if word else {})
        market = market_of(read_catalogue(Reader(spec)), given)
    except InputError as error:
        return error.message
    if market.table is None:
        return _digest((offer.id, offer.price_usd_per_hour) for offer in market.offers)
    return _digest(zip(market.table.ids(), market.table.rows["price"].tolist(), strict=True))


def _digest(pairs: Iterable[tuple[str, float]]) -> str:
    digest = hashlib.sha256()
    for name, price in pairs:
        digest.update(f"{name} {price!r}\n".encode())
    return digest.hexdigest()


def _stamp(name: str) -> tuple[int, int] | None:
    """Size and time of a file or folder; None where there is none."""
    try:
        found = Path(os.path.expanduser(name)).stat()  # noqa: PTH111  Path.expanduser raises for an unknown user
    except (OSError, ValueError):
        return None
    return found.st_size, found.st_mtime_ns


def _values() -> list[tuple[str, str, float]]:
    """Constants in force."""
    tables = constants().tables
    return [(name, key, entry.value) for name, table in tables.items() for key, entry in table.items()]
