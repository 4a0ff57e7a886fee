"""What an hour of a node that one owns costs, by part: purchase, network, power, rack, maintenance."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass, fields
from datetime import date
from functools import cache

from gpuplan_hardware.catalogue import DATA, ownership_figures
from gpuplan_hardware.entities import Network
from gpuplan_hardware.errors import CatalogueError

HOURS_PER_YEAR = 8760.0
MONTHS_PER_YEAR = 12
PARTS = ("purchase", "network", "power", "rack", "maintenance")
NOT_IN_IT = "interest, taxes and staff beyond the maintenance share"

#: Least and largest value of each figure, and its unit; what they catch is a wrong unit.
RANGES: dict[str, tuple[float, float, str]] = {
    "purchase_usd": (100, 1e7, "USD for the whole node"),
    "power_watts": (10, 2e5, "watts of the whole node"),
    "network_usd": (0, 1e6, "USD of switches and cables for a node"),
    "power_usage_effectiveness": (1, 3, "kW drawn per kW of the machines"),
    "electricity_usd_per_kwh": (0, 2, "USD per kWh"),
    "idle_power_share": (0, 1, "of the power at work"),
    "colocation_usd_per_kw_month": (0, 5000, "USD per kW and month"),
    "rack_usd_per_month": (0, 1e6, "USD per node and month"),
    "maintenance_share": (0, 1, "of what is bought, a year"),
    "amortisation_years": (0.5, 20, "years"),
    "used_share": (1e-6, 1, "of all hours"),
    "residual_share": (0, 1, "of what is bought"),
}

# The figures of the network are for nodes with eight ports of 400 Gbit/s, in clusters of these sizes.
_NETWORK_BYTES_PER_SECOND = 8 * 50e9
_FEW_NODES, _MANY_NODES = 2, 128


@dataclass(frozen=True, slots=True)
class Ownership:
    """A node that one owns, and what its upkeep costs. Interest, taxes and staff beyond the maintenance share are not in it.

    Attributes
    ----------
    purchase_usd : float
        Price of the whole node: GPUs, host and network adapters.
    power_watts : float
        Draw of the whole node at its maximum; the sum of the GPUs' TDP is little more than half of it.
    network_usd : float
        Switches and cables, this node's share.
    power_usage_effectiveness : float
        kW drawn from the grid per kW of the machines.
    electricity_usd_per_kwh : float
        Price of electricity.
    idle_power_share : float
        Power of a node that is on without work, of its maximum.
    colocation_usd_per_kw_month : float
        Rent for space, cooling and a supply of the node's maximum power, used or not; electricity is apart.
    maintenance_share : float
        Support, spare parts and whoever changes them, for a year, of what was bought.
    amortisation_years : float
        Years over which the purchase is written off in equal parts.
    used_share : float
        Hours at work, of all hours.
    residual_share : float
        What the node and its network sell for at the end, of what was paid.
    rack_usd_per_month : float or None
        Rent per node and month in place of `colocation_usd_per_kw_month`.

    Raises
    ------
    CatalogueError
        When a figure is out of its range (`RANGES`).
    """

    purchase_usd: float
    power_watts: float
    network_usd: float
    power_usage_effectiveness: float
    electricity_usd_per_kwh: float
    idle_power_share: float
    colocation_usd_per_kw_month: float
    maintenance_share: float
    amortisation_years: float
    used_share: float
    residual_share: float
    rack_usd_per_month: float | None = None

    def __post_init__(self) -> None:
        for name in (field.name for field in fields(self)):
            value, (low, high, unit) = getattr(self, name), RANGES[name]
            if value is not None and not low <= value <= high:
                right = f"a number from {low:g} to {high:g} ({unit}) was expected"
                raise CatalogueError(name, f"{value:g}", f"{name} is {value:g}; {right}.")

    @property
    def bought_usd(self) -> float:
        """The node and its network."""
        return self.purchase_usd + self.network_usd

    def cost_per_year(self, used_share: float | None = None) -> dict[str, float]:
        """USD of a node and year by part, keyed as `PARTS`.

        ::

            purchase     purchase_usd * (1 - residual_share) / amortisation_years
            network      network_usd  * (1 - residual_share) / amortisation_years
            power        watts / 1000 * PUE * usd_per_kwh * 8760 * (used + idle_power_share * (1 - used))
            rack         colocation_usd_per_kw_month * watts / 1000 * 12, or rack_usd_per_month * 12
            maintenance  maintenance_share * (purchase_usd + network_usd)

        The node is on all year: at its maximum while it works, at a share of it while it does not.

        Parameters
        ----------
        used_share
            Hours at work, of all hours; the node's own by default.
        """
        used = self.used_share if used_share is None else used_share
        written_off = (1 - self.residual_share) / self.amortisation_years
        kilowatts = self.power_watts / 1000
        full_power = kilowatts * self.power_usage_effectiveness * self.electricity_usd_per_kwh * HOURS_PER_YEAR
        monthly = self.rack_usd_per_month
        rack = self.colocation_usd_per_kw_month * kilowatts if monthly is None else monthly
        return {
            "purchase": self.purchase_usd * written_off,
            "network": self.network_usd * written_off,
            "power": full_power * (used + self.idle_power_share * (1 - used)),
            "rack": rack * MONTHS_PER_YEAR,
            "maintenance": self.maintenance_share * self.bought_usd,
        }

    def cost_per_hour(self, used_share: float | None = None) -> dict[str, float]:
        """USD per node-hour of use by part: ``cost_per_year / (8760 * used_share)``, the idle hours spread over those at work."""
        used = self.used_share if used_share is None else used_share
        return {part: usd / (HOURS_PER_YEAR * used) for part, usd in self.cost_per_year(used).items()}

    def cost_in_total(self) -> dict[str, float]:
        """USD of a node over its years by part: ``cost_per_year * amortisation_years``."""
        return {part: usd * self.amortisation_years for part, usd in self.cost_per_year().items()}

    def winning_share(self, rent_usd_per_hour: float) -> float | None:
        """Share of all hours from which a node of one's own costs less than a rented one; None where it never does.

        The cost of a year is ``a + b * share`` (a line, as only power depends on the share) and that of renting
        ``8760 * rent * share``, so they meet at ``a / (8760 * rent - b)``; beyond 1 they do not meet.
        """
        idle, busy = (sum(self.cost_per_year(share).values()) for share in (0.0, 1.0))
        saved = HOURS_PER_YEAR * rent_usd_per_hour - (busy - idle)
        if saved <= 0 or idle > saved:
            return None
        return idle / saved


@dataclass(frozen=True, slots=True)
class Purchase:
    """What a node of the catalogue costs to buy and draws at its maximum, on a day, and who says so."""

    purchase_usd: float
    power_watts: float
    as_of: date
    source: str


@cache
def purchases() -> dict[tuple[str, str], Purchase]:
    """Purchase and power of the nodes of the built-in price lists, by (provider, node)."""
    found: dict[tuple[str, str], Purchase] = {}
    for path in sorted((DATA / "offers").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if row.get("purchase_usd"):
                    found[row["provider"], row["node"]] = Purchase(
                        float(row["purchase_usd"]),
                        float(row["power_watts"]),
                        date.fromisoformat(row["as_of"]),
                        row["source"].partition("; max_nodes")[0],  # what follows is about the offer
                    )
    return found


def ownership(
    purchase_usd: float, power_watts: float, *, nodes: int = 1, network: Network | None = None, gpus_per_node: int = 8
) -> Ownership:
    """A node with the figures of data/ownership.toml for all that is not given.

    Parameters
    ----------
    purchase_usd, power_watts
        Of the whole node.
    nodes
        How many are joined by a network.
    network
        The fabric between them; None where there is none, or nobody knows.
    gpus_per_node
        GPUs of a node, each with its share of the network.

    Raises
    ------
    CatalogueError
        When a figure is out of its range.
    """
    figures = ownership_figures()
    rate = 0.0 if network is None else network.bytes_per_second_per_gpu * gpus_per_node
    usual = {name: figures[name].value for name in RANGES if name in figures}
    return Ownership(purchase_usd, power_watts, network_usd=network_usd(nodes, rate), **usual)


def network_usd(nodes: int, bytes_per_second: float) -> float:
    """USD of switches and cables for one of `nodes` that a network joins; nothing for a single one.

    Between the two published sizes of a cluster on a straight line over log2 of the nodes (a level of switches more as they
    double), beyond the larger as there, and in proportion to the node's rate: both assumed.

    Parameters
    ----------
    nodes
        Nodes of the cluster.
    bytes_per_second
        Rate of the whole node, one way.
    """
    if nodes < _FEW_NODES:
        return 0.0
    figures = ownership_figures()
    few, many = (figures[f"network_usd_per_node_of_{count}"].value for count in (_FEW_NODES, _MANY_NODES))
    way = math.log2(min(nodes, _MANY_NODES) / _FEW_NODES) / math.log2(_MANY_NODES / _FEW_NODES)
    return (few + (many - few) * way) * bytes_per_second / _NETWORK_BYTES_PER_SECOND


def owned_price(owned: Ownership) -> float:
    """USD per hour of use of an owned node: the sum of all parts of `Ownership.cost_per_hour`."""
    return sum(owned.cost_per_hour().values())


def owned_source(owned: Ownership) -> str:
    """The sum behind `owned_price`, in words."""
    switches = f" and ${owned.network_usd:,.0f} of switches and cables" if owned.network_usd else ""
    residual = f", {owned.residual_share:.0%} of it left at the end," if owned.residual_share else ""
    if owned.rack_usd_per_month is None:
        rack = f"colocation at ${owned.colocation_usd_per_kw_month:g} per kW and month"
    else:
        rack = f"${owned.rack_usd_per_month:,.0f} a month for its rack"
    return (
        f"${owned.purchase_usd:,.0f}{switches} over {owned.amortisation_years:g} years{residual} at "
        f"{owned.used_share:.0%} use; {owned.power_watts / 1000:g} kW, {owned.idle_power_share:.0%} of it while idle, x PUE "
        f"{owned.power_usage_effectiveness:g} x ${owned.electricity_usd_per_kwh:g}/kWh; {rack}; maintenance "
        f"{owned.maintenance_share:.0%} of the purchase a year; without {NOT_IN_IT}"
    )
