"""What the answer may not exceed, where it may look, and what the user has decided already."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from gpuplan.errors import InputError, choose, close_matches, input_error, shown
from gpuplan.job.gpus import default_pricing, gpu_names, some
from gpuplan.job.reader import Reader
from gpuplan.job.types import Catalogue, Limits, Pins
from gpuplan.providers import choose_provider
from gpuplan.units import parse_duration, parse_money, parse_whole
from gpuplan_hardware import CatalogueError, Offer, offers, read_offers

if TYPE_CHECKING:
    from gpuplan_models import Framework

PRICINGS = ("on-demand", "spot", "reserved-1y", "reserved-3y", "owned")
RECOMPUTE = ("none", "selective", "full")
MAX_GPUS = 1_000_000


def read_limits(reader: Reader, known: Sequence[Offer], own: bool) -> Limits:
    """Read deadline, budget, counts and where to look; `known` are the offers, `own` says whether they are the user's."""
    gpus = reader.optional("gpu", gpu_names(reader))
    limits = Limits(
        deadline_seconds=reader.optional("deadline", parse_duration),
        deadline_from=_deadline_from(reader),
        timed=reader.given("deadline") or reader.spec.minimize == "time",
        budget_usd=reader.optional("budget", parse_money),
        max_gpus=reader.optional("max_gpus", _count),
        max_nodes=reader.optional("max_nodes", _count),
        gpus=gpus,
        exclude_gpus=reader.optional("exclude_gpu", gpu_names(reader)) or (),
        providers=reader.optional("provider", _names_of((offer.provider.name for offer in known), choose_provider)),
        regions=reader.optional("region", _names_of(offer.region for offer in known)),
        pricing=reader.optional("pricing", _names_of(PRICINGS)) or default_pricing(reader, gpus, known, own),
        marketplace=reader.spec.marketplace,
        allow_unknown_host=reader.spec.allow_unknown_host,
        available_within_seconds=reader.optional("available_within", parse_duration),
    )
    if limits.gpus is not None and set(limits.gpus) <= set(limits.exclude_gpus):
        raise InputError(
            "exclude_gpu", ", ".join(limits.exclude_gpus), f"leaves none of {', '.join(limits.gpus)}; take one out"
        )
    _check_marketplaces(reader, limits, known)
    return limits


def known_offers(catalogue: Catalogue, offers_of_caller: Sequence[Offer] | None = None) -> Sequence[Offer]:
    """Offers whose names the job may use: the caller's, those of the user's file, or the built-in ones."""
    if offers_of_caller is not None:
        return offers_of_caller
    if catalogue.offers_path is None:
        return offers()
    try:
        return read_offers(catalogue.offers_path)
    except CatalogueError as error:
        raise input_error(error, "offers") from None


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
    path = reader.optional("offers", _existing_file)
    price = reader.optional("price", parse_money)
    if price is None:
        return Catalogue(offers_path=path)
    given = shown(reader.spec.price)
    if path is not None:
        raise InputError(
            "price", given, f"{given!r} cannot be combined with offers, which have prices; give one of the two"
        )
    names = reader.optional("gpu", gpu_names(None)) or ()
    if len(names) != 1:
        which = f"--gpu stands for {', '.join(names)}" if names else "no --gpu is given"
        raise InputError("price", given, f"{given!r} is the price of one GPU, and {which}; name one", names)
    return Catalogue(price_usd_per_gpu_hour=price)


def read_pins(reader: Reader, framework: Framework | None, known: Sequence[Offer]) -> Pins:
    """Read what `check` fixes, and check what contradicts itself whatever the offer is."""
    pins = Pins(
        offer=reader.optional("offer", lambda name, value: _offer_id(name, str(value).strip(), known)),
        nodes=reader.optional("nodes", _count),
        gpus=reader.optional("gpus", _count),
        tensor_parallel=reader.optional("tp", _count),
        pipeline_parallel=reader.optional("pp", _count),
        data_parallel=reader.optional("dp", _count),
        expert_parallel=reader.optional("ep", _count),
        zero_stage=reader.optional("zero", lambda name, value: parse_whole(name, value, 0, 3)),
        micro_batch=reader.optional("micro_batch", _count),
        recompute=reader.optional("recompute", lambda name, value: choose(name, value, RECOMPUTE)),
        framework=framework.name if framework else None,
    )
    _check_unmodelled(reader)
    _check_product(pins)
    if framework:
        _check_framework(pins, framework)
    return pins


def _check_unmodelled(reader: Reader) -> None:
    """Degrees that other tools have and the physics does not cover yet: better refused than ignored."""
    for name, what in (("cp", "context parallelism"), ("vp", "interleaved pipeline stages")):
        degree = reader.optional(name, _count) or 1
        if degree > 1:
            raise InputError(name, degree, f"{what} of {degree} is not modelled yet; give 1, or leave it out")
    word = reader.optional("offload", lambda field, value: str(value).strip().lower())
    if word not in (None, "none"):
        raise InputError("offload", word, f"offloading {shown(word)!r} is not modelled yet; give none, or leave it out")


def _offer_id(field: str, text: str, known: Sequence[Offer]) -> str:
    """Id of a known offer; there are too many of them to list in a message."""
    ids = {offer.id.lower(): offer.id for offer in known}
    if text.lower() not in ids:
        message = f"{shown(text)!r} is none of the {len(ids):,} offers (provider/node/region/pricing)"
        raise InputError(field, text, message, close_matches(text, ids.values()))
    return ids[text.lower()]


def _check_product(pins: Pins) -> None:
    """TP x PP x DP = GPUs, and EP divides those of a stage; a degree that is not given may still divide."""
    if pins.gpus and pins.expert_parallel and pins.gpus // (pins.pipeline_parallel or 1) % pins.expert_parallel:
        stage = " of a pipeline stage" if (pins.pipeline_parallel or 1) > 1 else ""
        gpus = pins.gpus // (pins.pipeline_parallel or 1)
        message = f"ep {pins.expert_parallel} must divide the number of GPUs{stage}, {gpus}"
        raise InputError("ep", pins.expert_parallel, message)
    degrees = {"tp": pins.tensor_parallel, "pp": pins.pipeline_parallel, "dp": pins.data_parallel}
    if pins.gpus is None or not any(degrees.values()):
        return
    product = 1
    for degree in degrees.values():
        product *= degree or 1
    written = " x ".join(f"{name} {degree}" for name, degree in degrees.items() if degree)
    if pins.gpus % product or (all(degrees.values()) and product != pins.gpus):
        fits = "divide" if None in degrees.values() else "be"
        comes_to = f" = {product}, which" if " x " in written else ""
        message = f"{written}{comes_to} must {fits} the number of GPUs, {pins.gpus}"
        raise InputError("gpus", pins.gpus, message)


def _check_framework(pins: Pins, framework: Framework) -> None:
    """Refuse a layout that the framework cannot run at all."""
    degrees = (
        ("tp", pins.tensor_parallel, framework.tensor_parallel),
        ("pp", pins.pipeline_parallel, framework.pipeline_parallel),
        ("ep", pins.expert_parallel, framework.expert_parallel),
    )
    for name, degree, supported in degrees:
        if degree is not None and degree > 1 and not supported:
            raise InputError(
                name, degree, f"{degree} does not go with framework {framework.name}; give 1, or framework megatron"
            )
    if pins.zero_stage is not None and pins.zero_stage not in framework.zero_stages:
        stages = ", ".join(str(stage) for stage in framework.zero_stages)
        raise InputError(
            "zero", pins.zero_stage, f"stage {pins.zero_stage} does not go with {framework.name}; it has {stages}"
        )
    if pins.recompute is not None and pins.recompute not in framework.recompute:
        kinds = ", ".join(framework.recompute)
        raise InputError(
            "recompute", pins.recompute, f"{pins.recompute} does not go with {framework.name}; it has {kinds}"
        )


def _deadline_from(reader: Reader) -> Literal["order", "start"]:
    """When the clock starts."""
    sentence = "the deadline counts from the order" if reader.given("deadline") else ""
    word = reader.default(
        "deadline_from", lambda name, value: choose(name, value, ("order", "start")), "order", sentence
    )
    return cast(Literal["order", "start"], word)


def _count(name: str, value: object) -> int:
    """Count of GPUs, nodes or ranks."""
    return parse_whole(name, value, 1, MAX_GPUS)


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
        raise InputError(field, value, f"{shown(value)!r} {kind}; give the path of a CSV file of offers")
    return Path(path)
