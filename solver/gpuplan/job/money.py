"""The buyer's words: quotas, discounts, where data may be, what is kept and taken out after the job, and in which currency to say it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from gpuplan.errors import InputError, choose, close_matches, input_error, shown
from gpuplan.job.gpus import gpu_names, some
from gpuplan.job.market import Market
from gpuplan.job.reader import Reader
from gpuplan.job.types import Currency, Quota
from gpuplan.providers import choose_provider
from gpuplan.units import parse_bytes, parse_days, parse_decimal, parse_fraction, parse_whole
from gpuplan_hardware import CatalogueError
from gpuplan_hardware.currencies import rate
from gpuplan_hardware.regions import members_of

QUOTA_EXAMPLES = "H100=16, aws=64, aws/H100=32 or aws/H100@us-east-1=8"
DISCOUNT_EXAMPLES = "aws=12% or 5% (of every provider)"
MAX_QUOTA = 10_000_000
#: A discount of all is no price.
MOST_DISCOUNT = 0.95
#: Interruptions of a node in an hour that anyone would still rent.
MOST_INTERRUPTIONS = 10.0


def read_quotas(reader: Reader, market: Market) -> tuple[Quota, ...]:
    """GPUs that may be had at a time, by provider, GPU and region, each of which may be left out."""
    words = reader.spec.quota
    if words is None:
        return ()
    found: dict[tuple[object, ...], Quota] = {}
    for word in some("quota", words):
        quota = _quota(market, word)
        key = (quota.provider, quota.gpu, quota.region)
        if key in found:
            raise InputError(
                "quota", word, f"{shown(word)!r}: there is a quota of {found[key].gpus} for the same already"
            )
        found[key] = quota
    return tuple(found.values())


def _quota(market: Market, word: str) -> Quota:
    what, equals, number = word.rpartition("=")
    if not equals or not what.strip():
        raise InputError("quota", word, f"{shown(word)!r} is no quota; write for example {QUOTA_EXAMPLES}")
    gpus = parse_whole("quota", number, 0, MAX_QUOTA)
    rest, at, place = what.strip().partition("@")
    region = choose("quota", place, market.regions) if at else None
    first, slash, second = rest.partition("/")
    if slash:
        return Quota(gpus, _provider("quota", first, market.providers), gpu_names(None)("quota", (second,)), region)
    if not first:
        return Quota(gpus, region=region)
    if first.strip().lower() in market.providers:
        return Quota(gpus, provider=first.strip().lower(), region=region)
    return Quota(gpus, gpu=_gpu_of_quota(first.strip(), market), region=region)


def _gpu_of_quota(word: str, market: Market) -> tuple[str, ...]:
    """GPUs that a word stands for; who mistypes a provider is told so."""
    try:
        return gpu_names(None)("quota", (word,))
    except InputError as error:
        close = close_matches(word, market.providers)
        if error.suggestions or not close:
            raise
        message = f"{shown(word)!r} is neither a GPU nor a provider in the catalogue"
        raise InputError("quota", word, message, close) from None


def read_discounts(reader: Reader, market: Market) -> tuple[tuple[str, float], ...]:
    """Shares off the price by provider; "" is every other one."""
    found: dict[str, float] = {}
    if reader.spec.discount is None:
        return ()
    for word in some("discount", reader.spec.discount):
        name, equals, share = word.rpartition("=")
        provider = _provider("discount", name, market.providers) if equals else ""
        if provider in found:
            raise InputError(
                "discount", word, f"{provider or 'every provider'} has a discount already; give one of them"
            )
        if not share.strip():
            raise InputError("discount", word, f"{shown(word)!r} is no discount; write for example {DISCOUNT_EXAMPLES}")
        found[provider] = parse_fraction("discount", share, 0.0, MOST_DISCOUNT)
    return tuple(found.items())


def _provider(field: str, name: str, known: Iterable[str]) -> str:
    return choose_provider(field, name.strip(), known)


def read_residency(reader: Reader) -> tuple[str, ...] | None:
    """Countries and groups of them, as their names are known."""
    words = reader.spec.residency
    if words is None:
        return None
    try:
        for word in some("residency", words):
            members_of(word)
    except CatalogueError as error:
        raise input_error(error, "residency") from None
    return tuple(dict.fromkeys(word.lower() for word in words))


def read_egress(reader: Reader) -> float | Literal["result"]:
    """Bytes that every trial takes out, or "result"; nothing unless asked for."""
    word = reader.spec.egress
    if word is None:
        return 0.0
    text = str(word).strip().lower()
    if text in ("result", "none"):
        return "result" if text == "result" else 0.0
    return parse_bytes("egress", word)


def read_interruptions(reader: Reader) -> float | None:
    """How often a spot node is taken back, in an hour."""
    if "spot" not in (reader.spec.pricing or ()):
        reader.refuse("interruptions", "where --pricing does not name spot, as nothing else is taken back")
    return reader.optional(
        "interruptions", lambda name, value: parse_decimal(name, value, 0.0, MOST_INTERRUPTIONS, zero=True)
    )


def read_price_age(reader: Reader) -> float | None:
    """Days that a price may be old."""
    return reader.optional("max_price_age", parse_days)


def read_currency(reader: Reader) -> Currency | None:
    """A second currency: "CNY" at the built-in rate, "CNY=7.10" (per USD) at the user's."""
    word = reader.spec.currency
    if word is None or str(word).strip().upper() == "USD":
        return None
    code, equals, number = str(word).strip().partition("=")
    try:
        figure = rate(code)
    except CatalogueError as error:
        raise input_error(error, "currency") from None
    if equals:
        per_usd = parse_decimal("currency", number, 0.0, 1e6)
        return Currency(code.upper(), per_usd, "your rate", None)
    return Currency(code.upper(), 1 / figure.value, figure.source, figure.as_of)
