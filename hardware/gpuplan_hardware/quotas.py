"""What has to be asked of a provider before a cluster can be ordered: its quotas, in the provider's own unit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING

from gpuplan_hardware.catalogue import _refuse_twice, _refuse_unknown, file_error, providers, read_folder
from gpuplan_hardware.errors import CatalogueError

if TYPE_CHECKING:
    from pathlib import Path

    from gpuplan_hardware import schema
    from gpuplan_hardware.entities import Basis, Offer


@dataclass(frozen=True, slots=True)
class QuotaNeed:
    """One quota that must be large enough, and by how much of it this cluster takes.

    Attributes
    ----------
    name : str
        The provider's name for it ("Running On-Demand P instances"); "ask the provider" where nothing is published.
    unit : str
        What it counts: "vCPUs", "GPUs", "instances", "USD per hour" ...
    code : str or None
        The name that its interface has for it ("L-417A185B"); None where it has none.
    amount : int or None
        What the cluster takes of it; None when it cannot be told, and then `note` says why.
    region : str
        Where it has to be large enough: the offer's region, or "all regions" for one of the whole account.
    default_amount : float or None
        What new accounts have, where that is published.
    how : str or None
        Where to ask; None where nothing is known.
    note : str
        What the person who asks must know.
    source : str
        The public source, spelled out.
    as_of : date or None
        The day of the source; None where there is no source.
    basis : {"datasheet", "measured", "assumed"}
        Published by the provider, or put together from elsewhere.
    """

    name: str
    unit: str
    code: str | None
    amount: int | None
    region: str
    default_amount: float | None
    how: str | None
    note: str
    source: str
    as_of: date | None
    basis: Basis


def quota_needs(offer: Offer, nodes: int) -> tuple[QuotaNeed, ...]:
    """The quotas that nodes of an offer take.

    Parameters
    ----------
    offer : Offer
        Its provider, node and pricing decide which quotas there are.
    nodes : int
        How many nodes run at the same time, at least 1.

    Returns
    -------
    tuple of QuotaNeed
        Never empty: an offer without a rule gives one need called "ask the provider", in nodes.

    Raises
    ------
    CatalogueError
        When there are no nodes, or a file of data/quotas is wrong.
    """
    if nodes < 1:
        raise CatalogueError("nodes", str(nodes), f"nodes is {nodes}: at least 1 was expected.")
    if offer.pricing == "owned":
        return (_unruled(offer, nodes, "nodes of your own", "They have to be free; nobody else is asked."),)
    found = tuple(
        _need(rule, sources, offer, nodes)
        for rule, sources in _rules().get(offer.provider.name, ())
        if offer.pricing in rule.pricings and _matches(offer.node.name, rule.nodes)
    )
    if found:
        return found
    return (_unruled(offer, nodes, "ask the provider", "No quota is known for this node under this pricing."),)


def _matches(node: str, globs: list[str]) -> bool:
    return any(fnmatchcase(node.casefold(), glob.casefold()) for glob in globs)


def _need(rule: schema.QuotaRuleFile, sources: dict[str, str], offer: Offer, nodes: int) -> QuotaNeed:
    amount, note = _amount(rule, offer, nodes), rule.note
    if amount is None:
        note = f"The vCPUs of {offer.node.name} are unknown, so the amount is left open. {note}".strip()
    return QuotaNeed(
        name=rule.name,
        unit=rule.unit,
        code=rule.code,
        amount=amount,
        region=offer.region if rule.scope == "region" else rule.scope,
        default_amount=None if rule.default is None else rule.default.value,
        how=rule.how,
        note=note,
        source=sources[rule.source],
        as_of=rule.as_of,
        basis=rule.basis,
    )


def _amount(rule: schema.QuotaRuleFile, offer: Offer, nodes: int) -> int | None:
    """What `nodes` nodes take, in the unit of the quota; money is rounded up to whole dollars."""
    if rule.counts == "nodes":
        return nodes
    if rule.counts == "gpus":
        return nodes * offer.node.gpus_per_node
    if rule.counts == "usd_per_hour":
        return math.ceil(nodes * offer.price_usd_per_hour)
    vcpus = offer.node.host.vcpus
    return None if vcpus is None else nodes * vcpus


def _unruled(offer: Offer, nodes: int, name: str, note: str) -> QuotaNeed:
    return QuotaNeed(name, "nodes", None, nodes, offer.region, None, None, note, "no public source", None, "assumed")


@cache
def _rules() -> dict[str, tuple[tuple[schema.QuotaRuleFile, dict[str, str]], ...]]:
    """The rules by provider, each with the spelled-out sources of its file."""
    from gpuplan_hardware import schema

    found: dict[str, tuple[tuple[schema.QuotaRuleFile, dict[str, str]], ...]] = {}
    for path, file in read_folder("quotas", schema.QuotaFile):
        _refuse_twice(path, file.name, file.name in found)
        _refuse_unknown(path, "name", file.name, providers())
        for number, rule in enumerate(file.quotas):
            _check_sources(path, f"quotas.{number}", rule, file.sources)
        found[file.name] = tuple((rule, file.sources) for rule in file.quotas)
    return found


def _check_sources(path: Path, place: str, rule: schema.QuotaRuleFile, sources: dict[str, str]) -> None:
    keys = {"source": rule.source} | ({} if rule.default is None else {"default.source": rule.default.source})
    for field, key in keys.items():
        if key not in sources:
            right = f"one of the keys of [sources] was expected: {', '.join(sorted(sources))}"
            raise file_error(path, f"{place}.{field}", key, right)
