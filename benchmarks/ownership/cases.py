"""A guide's sum for a server of its own, the same with what it leaves out, and against the rent of such a server."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gpuplan.owning import Stream, break_even_month, ledger
from gpuplan_hardware import Offer, offers
from gpuplan_hardware.ownership import HOURS_PER_YEAR, Ownership, owned_price, ownership, purchases

#: What the guide prints for its server with 8 A100, $120,000, 8 kW and $0.12 per kWh.
GUIDE_USD_PER_YEAR_OF_POWER = 8409.0
GUIDE_USD_IN_5_YEARS = 162_045.0

SHARES = (0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0)
#: Node-hours of use a month.
STREAMS = (50, 100, 200, 300, 400, 500)
SHOWN_STREAM = 400
A100_GPUS = ("A100-40GB-SXM", "A100-80GB-SXM")
#: A node with 8 x H100 and 8 adapters of 400 Gbit/s in a cost sheet for GPU clusters of 2024-08 (docs.google.com, 1Ft3Rbe...).
H100_WITH_ADAPTERS_USD = 310_000.0


@dataclass(frozen=True, slots=True)
class Step:
    """One way to do the sum, and in which it differs from the one before."""

    title: str
    owned: Ownership


@dataclass(frozen=True, slots=True)
class Against:
    """A node of one's own against the rent of one with the same GPUs."""

    offer: Offer
    winning_share: float | None
    break_even: dict[int, int | None]


def guide() -> Ownership:
    """The guide's server: power all year, no PUE of its own, no rack, no maintenance, written off over 5 years."""
    return Ownership(
        purchase_usd=120_000,
        power_watts=8_000,
        network_usd=0,
        power_usage_effectiveness=1,
        electricity_usd_per_kwh=0.12,
        idle_power_share=1,
        colocation_usd_per_kw_month=0,
        maintenance_share=0,
        amortisation_years=5,
        used_share=1,
        residual_share=0,
    )


def steps() -> list[Step]:
    """The guide's sum, corrected one term after the other."""
    said, usual = guide(), ownership(120_000, 6_500)
    maintained = replace(said, maintenance_share=usual.maintenance_share)
    powered = replace(
        maintained,
        power_watts=usual.power_watts,
        power_usage_effectiveness=usual.power_usage_effectiveness,
        idle_power_share=usual.idle_power_share,
    )
    housed = replace(powered, colocation_usd_per_kw_month=usual.colocation_usd_per_kw_month)
    server, dgx = (purchases()["own", name] for name in ("HGX-A100-80GB", "DGX-A100-320GB"))
    bought = replace(housed, purchase_usd=server.purchase_usd)
    return [
        Step("as the guide has it", said),
        Step(f"with maintenance, {usual.maintenance_share:.0%} of the purchase a year", maintained),
        Step(f"and 6.5 kW, the maximum of a DGX A100, x PUE {usual.power_usage_effectiveness:g}", powered),
        Step(f"and colocation at ${usual.colocation_usd_per_kw_month:g} per kW and month", housed),
        Step(f"and a price somebody asked: ${server.purchase_usd:,.0f}, HGX A100 80 GB, {server.as_of}", bought),
        Step("and 4 years instead of 5", replace(bought, amortisation_years=usual.amortisation_years)),
        Step(
            f"the same with a DGX A100 320 GB at its launch, ${dgx.purchase_usd:,.0f}, {dgx.as_of}",
            replace(bought, amortisation_years=usual.amortisation_years, purchase_usd=dgx.purchase_usd),
        ),
    ]


def a100() -> Ownership:
    """A server with 8 x A100 80 GB, every figure the catalogue's."""
    bought = purchases()["own", "HGX-A100-80GB"]
    return ownership(bought.purchase_usd, bought.power_watts)


def h100() -> Ownership:
    """A server with 8 x H100 and its adapters."""
    return ownership(H100_WITH_ADAPTERS_USD, purchases()["own", "HGX-H100"].power_watts)


def rented(gpus: tuple[str, ...]) -> list[Offer]:
    """The cheapest region's on-demand offer of each provider and node with 8 of these GPUs, without marketplaces, cheapest first."""
    found: dict[tuple[str, str], Offer] = {}
    for offer in offers():
        same = offer.node.accelerator.name in gpus and offer.node.gpus_per_node == 8
        if not same or offer.pricing != "on-demand" or offer.provider.marketplace:
            continue
        key = (offer.provider.name, offer.node.name)
        if key not in found or offer.price_usd_per_hour < found[key].price_usd_per_hour:
            found[key] = offer
    return sorted(found.values(), key=lambda offer: (offer.price_usd_per_hour, offer.id))


def against(owned: Ownership, gpus: tuple[str, ...]) -> list[Against]:
    """A node of one's own against all rents of the same GPUs."""
    return [_against(owned, offer) for offer in rented(gpus)]


def _against(owned: Ownership, offer: Offer) -> Against:
    rent = offer.price_usd_per_hour
    months = {hours: break_even_month(ledger(owned, Stream(hours), rent)) for hours in STREAMS}
    return Against(offer, owned.winning_share(rent), months)


def power_usd_per_year(owned: Ownership) -> float:
    """Electricity of a year."""
    return owned.cost_per_year()["power"]


def usd_in_total(owned: Ownership) -> float:
    """Everything over the years of amortisation."""
    return sum(owned.cost_in_total().values())


def price(owned: Ownership, used_share: float) -> float:
    """USD per node-hour of use."""
    return owned_price(replace(owned, used_share=used_share))


def hours_per_month(share: float) -> float:
    """Hours of a month."""
    return share * HOURS_PER_YEAR / 12
