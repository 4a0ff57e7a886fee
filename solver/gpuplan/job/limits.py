"""What the answer may not exceed, and where it may look."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal, cast, get_args

from gpuplan.errors import InputError, choose, shown
from gpuplan.job.gpus import default_pricing, gpu_names, some
from gpuplan.job.market import Market
from gpuplan.job.money import read_quotas, read_residency
from gpuplan.job.pins import count
from gpuplan.job.reader import Reader
from gpuplan.job.types import Catalogue, Limits
from gpuplan.providers import choose_provider
from gpuplan.units import parse_duration, parse_fraction, parse_money
from gpuplan_hardware import Offer
from gpuplan_hardware.entities import Pricing

PRICINGS = get_args(Pricing)
ORIGINS = ("all", "built-in", "imported")


def read_limits(reader: Reader, market: Market, own: bool, objectives: Sequence[str]) -> Limits:
    """Read deadline, budget, counts and where to look.

    `own` says whether the offers of the `market` are the user's; `objectives` are those that the user named.
    """
    gpus = reader.optional("gpu", gpu_names(reader))
    providers = _names_of(market.providers, choose_provider)
    regions = _names_of(market.regions)
    limits = Limits(
        deadline_seconds=reader.optional("deadline", parse_duration),
        deadline_from=_deadline_from(reader),
        timed=reader.given("deadline") or "time" in objectives,
        budget_usd=reader.optional("budget", parse_money),
        max_gpus=reader.optional("max_gpus", count),
        max_nodes=reader.optional("max_nodes", count),
        node_counts=reader.optional("node_counts", _node_counts),
        max_tensor=reader.optional("max_tp", count),
        min_mfu=reader.optional("min_mfu", _utilisation),
        gpus=gpus,
        exclude_gpus=reader.optional("exclude_gpu", gpu_names(reader)) or (),
        providers=reader.optional("provider", providers),
        exclude_providers=reader.optional("exclude_provider", providers) or (),
        regions=reader.optional("region", regions),
        exclude_regions=reader.optional("exclude_region", regions) or (),
        nvswitch_only=reader.spec.nvswitch_only,
        pricing=reader.optional("pricing", _names_of(PRICINGS)) or default_pricing(reader, gpus, market.sample, own),
        marketplace=reader.spec.marketplace,
        allow_unknown_host=reader.spec.allow_unknown_host,
        available_within_seconds=reader.optional("available_within", parse_duration),
        quotas=read_quotas(reader, market),
        residency=read_residency(reader),
    )
    _check_something_left(limits)
    _check_marketplaces(reader, limits, market.sample)
    return limits


def _check_something_left(limits: Limits) -> None:
    """Refuse to leave out all that is asked for."""
    for field, asked, without in (
        ("exclude_gpu", limits.gpus, limits.exclude_gpus),
        ("exclude_provider", limits.providers, limits.exclude_providers),
        ("exclude_region", limits.regions, limits.exclude_regions),
    ):
        if asked is not None and set(asked) <= set(without):
            raise InputError(field, ", ".join(without), f"leaves none of {', '.join(asked)}; take one out")


def _check_marketplaces(reader: Reader, limits: Limits, known: Sequence[Offer]) -> None:
    """A marketplace that is asked for by name still needs the flag: its hosts come without a promise."""
    if limits.marketplace:
        return
    markets = {offer.provider.name for offer in known if offer.provider.marketplace}
    asked = markets.intersection(limits.providers or ())
    if asked:
        name = min(asked)
        raise InputError(
            "provider", name, f"{name} is a marketplace; add --marketplace (or 'marketplace: true' in the job file)"
        )
    if limits.providers is None and markets:
        reader.assume("all providers, marketplaces left out")


def read_catalogue(reader: Reader) -> Catalogue:
    """Read the file of offers and the user's own price."""
    origin, path = _offers(reader)
    price = reader.optional("price", parse_money)
    if price is None:
        return Catalogue(offers_path=path, origin=origin)
    given = shown(reader.spec.price)
    if path is not None:
        raise InputError(
            "price", given, f"{given!r} cannot be combined with offers, which have prices; give one of the two"
        )
    names = reader.optional("gpu", gpu_names(None)) or ()
    if len(names) != 1:
        which = f"--gpu stands for {', '.join(names)}" if names else "no --gpu is given"
        raise InputError("price", given, f"{given!r} is the price of one GPU, and {which}; name one", names)
    return Catalogue(price_usd_per_gpu_hour=price, origin=origin)


def _offers(reader: Reader) -> tuple[Literal["all", "built-in", "imported"], Path | None]:
    """Which offers: a word, or a file."""
    word = str(reader.spec.offers or "all").strip().lower()
    if word in ORIGINS:
        return cast(Literal["all", "built-in", "imported"], word), None
    return "all", reader.optional("offers", _existing_file)


def _deadline_from(reader: Reader) -> Literal["order", "start"]:
    """When the clock starts."""
    sentence = "the deadline counts from the order" if reader.given("deadline") else ""
    word = reader.default(
        "deadline_from", lambda name, value: choose(name, value, ("order", "start")), "order", sentence
    )
    return cast(Literal["order", "start"], word)


def _node_counts(field: str, words: tuple[str, ...]) -> tuple[int, ...]:
    """Node counts of a list, in ascending order."""
    return tuple(sorted({count(field, word) for word in some(field, words)}))


def _utilisation(field: str, value: object) -> float:
    """Share of the peak; none is no limit, and all of it is out of reach."""
    return parse_fraction(field, value, 0.0, 1.0, exclusive=True)


def _names_of(
    known: Iterable[str], choose_one: Callable[[str, object, Iterable[str]], str] = choose
) -> Callable[[str, tuple[str, ...]], tuple[str, ...]]:
    """Return a parser of lists of known names; `choose_one` finds the name that a word means."""
    names = tuple(sorted(set(known)))

    def parse(field: str, words: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(choose_one(field, word, names) for word in some(field, words)))

    return parse


def _existing_file(field: str, value: object) -> Path:
    """Path of a file that is there."""
    path = os.path.expanduser(str(value))  # noqa: PTH111  Path.expanduser raises for an unknown user
    if not os.path.isfile(path):  # noqa: PTH113  Path.is_file raises for a name that is too long
        kind = "is a folder" if os.path.isdir(path) else "does not exist"  # noqa: PTH112
        raise InputError(
            field,
            value,
            f"{shown(value)!r} {kind}; give the path of a CSV file of offers, or one of {', '.join(ORIGINS)}",
        )
    return Path(path)
