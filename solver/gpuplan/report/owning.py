"""What a node of one's own costs, and rent against buy, for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import RenderableType

from gpuplan.report import format as f
from gpuplan.report.blocks import Prose, bullets, facts, section, table
from gpuplan.report.format import GLUE

if TYPE_CHECKING:
    from gpuplan.listing.owning import MonthEntry, OwningAnswer, OwningFigure, RentOrBuy

WORDS = {
    "purchase": "node",
    "network": "switches and cables",
    "power": "electricity",
    "rack": "rack or colocation",
    "maintenance": "maintenance and staff",
}
LABELS = {
    "purchase_usd": "purchase of the node",
    "power_watts": "power of the node",
    "network_usd": "switches and cables",
    "power_usage_effectiveness": "PUE",
    "electricity_usd_per_kwh": "electricity",
    "idle_power_share": "power while idle",
    "colocation_usd_per_kw_month": "colocation",
    "rack_usd_per_month": "rack",
    "maintenance_share": "maintenance",
    "amortisation_years": "written off over",
    "used_share": "hours at work",
    "residual_share": "left at the end",
}
UNITS = {
    "power_watts": " W",
    "amortisation_years": " years",
    "electricity_usd_per_kwh": " per kWh",
    "colocation_usd_per_kw_month": " per kW and month",
    "rack_usd_per_month": " a month",
    "idle_power_share": " of the maximum",
    "maintenance_share": " of what is bought, a year",
    "used_share": " of all",
    "residual_share": " of what is bought",
}


def own(found: OwningAnswer) -> list[RenderableType]:
    """The cost of a node by part, at other utilisations, and every figure behind it."""
    per_gpu = "" if found.usd_per_gpu_hour is None else f", {f.price(found.usd_per_gpu_hour)} per GPU and hour"
    known = [
        ("an hour of use", f"{f.price(found.usd_per_node_hour)} for the node{per_gpu}"),
        ("a year", _of_all(found, found.usd_per_year, found.usd_per_year_of_all_nodes)),
        (
            f"{found.amortisation_years:g}{GLUE}years",
            _of_all(found, found.usd_in_total, found.usd_in_total_of_all_nodes),
        ),
    ]
    return [
        Prose(f"Owning {what(found)}, {f.percent(found.used_share)} of all hours at work", "bold"),
        facts(known),
        section("Cost of a node", _parts(found)),
        section("If it works more or less", _shares(found)),
        section("Figures", table(("figure", ">value", "from"), _figures(found.figures))),
        section("Not counted", bullets(found.notes)),
    ]


def what(found: OwningAnswer) -> str:
    """What is owned, in words."""
    gpus = "" if found.gpu is None else f"{found.gpus_per_node} x {found.gpu}"
    name = f"{found.node} ({gpus})" if found.node else gpus or "a node"
    return f"{found.nodes} x {name}" if found.nodes > 1 else name


def _of_all(found: OwningAnswer, one: float, together: float) -> str:
    return f"{f.money(one)} for a node, {f.money(together)} for {found.nodes}" if found.nodes > 1 else f.money(one)


def _parts(found: OwningAnswer) -> RenderableType:
    rows = [
        (WORDS[one.part], f.price(one.usd_per_node_hour), f.money(one.usd_per_year), f.money(one.usd_in_total))
        for one in found.parts
    ]
    total = ("together", f.price(found.usd_per_node_hour), f.money(found.usd_per_year), f.money(found.usd_in_total))
    return table(("part", ">hour of use", ">year", f">{found.amortisation_years:g} years"), [*rows, total])


def _shares(found: OwningAnswer) -> RenderableType:
    rows = [
        (
            f.percent(one.used_share),
            f.price(one.usd_per_node_hour),
            "" if one.usd_per_gpu_hour is None else f.price(one.usd_per_gpu_hour),
            f.money(one.usd_per_year),
        )
        for one in found.at_shares
    ]
    return table((">hours at work", ">hour of use", ">per GPU", ">year"), rows)


def _figures(found: Sequence[OwningFigure]) -> Iterator[tuple[str, str, str]]:
    """Figures with where they come from; what was just said is not said again."""
    last = None
    for one in found:
        day = "" if one.as_of is None else f", {one.as_of}"
        source = "given" if one.source is None else f"default{day}: {one.source}"
        yield LABELS[one.field], _value(one), "default, the same" if one.source and one.source == last else source
        last = one.source


def _value(one: OwningFigure) -> str:
    unit = UNITS.get(one.field, "")
    if one.field.endswith("_share"):
        return f"{f.percent(one.value)}{unit}"
    return f"${one.value:,g}{unit}" if "usd" in one.field and one.value < 1000 else _plain(one.field, one.value) + unit


def _plain(field: str, value: float) -> str:
    return f.money(value) if "usd" in field else f"{value:,g}"


def rent_or_buy(found: RentOrBuy) -> list[RenderableType]:
    """The verdict, the break-even, and the money by year."""
    rent = f"{f.price(found.rent_usd_per_node_hour)} per node and hour"
    bought = found.owning
    known = [
        ("stream", _stream(found)),
        (
            "bought",
            f"{found.nodes} x {bought.node or bought.gpu or 'node'}, {f.percent(found.used_share)} of their hours at work",
        ),
        ("rented", f"{found.rent_offer}, {rent}" if found.rent_offer else rent),
        ("owning costs", f"{f.money(found.owned_usd)}, {f.price(found.owned_usd_per_node_hour)} per hour of use"),
        ("renting costs", f.money(found.rented_usd)),
        ("break-even", break_even(found)),
        ("buying wins", _winning(found)),
    ]
    years = [one for one in found.months if one.month % 12 == 0 or one.month == found.months[-1].month]
    return [
        Prose(verdict(found), "bold"),
        facts(known),
        section(
            "Paid until then", table(("after", ">nodes", ">owning", ">renting", ">saved by owning"), map(_month, years))
        ),
        section("Know that", bullets([*found.notes, *bought.notes])),
    ]


def verdict(found: RentOrBuy) -> str:
    """Which of the two, and by how much."""
    saved = abs(found.rented_usd - found.owned_usd)
    other = "renting" if found.cheaper == "owning" else "owning"
    word = "Buy" if found.cheaper == "owning" else "Rent"
    return f"{word}: {found.cheaper} costs {f.money(saved)} less than {other} over {found.owning.amortisation_years:g}{GLUE}years"


def break_even(found: RentOrBuy) -> str:
    """The month from which owning has cost no more."""
    if found.break_even_month is None:
        return f"never within the {found.owning.amortisation_years:g}{GLUE}years of amortisation"
    return f"month {found.break_even_month} of {found.months[-1].month}"


def _stream(found: RentOrBuy) -> str:
    growth = found.growth_share_per_month
    more = f", {f.percent(abs(growth))} {'more' if growth > 0 else 'fewer'} each month" if growth else ""
    together = f", {found.job_nodes} nodes together" if found.job_nodes > 1 else ""
    return f"{found.node_hours_per_month:,.4g} node-hours a month{more}{together}"


def _winning(found: RentOrBuy) -> str:
    if found.winning_share is None or found.winning_node_hours_per_month is None:
        return "never at this rent, not even with a node that always works"
    beyond = f", more than jobs can fill of it ({f.percent(found.most_used_share)})"
    return (
        f"from {f.percent(found.winning_share)} of a node's hours on ({found.winning_node_hours_per_month:,.0f} a month)"
        f"{beyond if found.winning_share > found.most_used_share else ''}"
    )


def _month(one: MonthEntry) -> tuple[str, ...]:
    after = f"{one.month // 12} years" if one.month % 12 == 0 and one.month != 12 else f"{one.month} months"
    word = "the purchase" if one.month == 0 else after
    return (
        word,
        str(one.nodes),
        f.money(one.owned_usd),
        f.money(one.rented_usd),
        f.money(one.rented_usd - one.owned_usd),
    )
