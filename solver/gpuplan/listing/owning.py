"""What a node of one's own costs, and whether to buy or to rent for a stream of jobs: `gpuplan offers own|rent-or-buy`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace

from pydantic import Field

from gpuplan.errors import input_error
from gpuplan.listing.base import Listing
from gpuplan.listing.machines import Machine
from gpuplan.listing.power import check_power, power_note
from gpuplan.owning import HOURS_PER_MONTH, Stream, break_even_month, ledger, nodes_at_the_end
from gpuplan.result import Answer
from gpuplan_hardware import CatalogueError
from gpuplan_hardware.catalogue import ownership_figures
from gpuplan_hardware.ownership import NOT_IN_IT, PARTS, RANGES, Ownership, network_usd, owned_price, owned_source

NO_SWITCHES = "none counted: a single node needs none, or the network between nodes is unknown"
#: Shares of all hours for which the price of an hour is told, beside the asked one.
SHARES = (0.1, 0.25, 0.5, 0.7, 0.9, 1.0)


class OwningPart(Answer):
    """One part of the cost of a node."""

    part: str
    usd_per_node_hour: float
    usd_per_year: float
    usd_in_total: float


class OwningAtShare(Answer):
    """The cost of a node that works a share of all hours."""

    used_share: float
    usd_per_node_hour: float
    usd_per_gpu_hour: float | None
    usd_per_year: float


class OwningFigure(Answer):
    """A figure behind the cost; the source is null where it was given."""

    field: str
    value: float
    given: bool
    source: str | None
    as_of: str | None
    basis: str | None


class OwningAnswer(Answer):
    """What a node of one's own costs: per hour of use, per year, and in total over the years of amortisation.

    Costs are those of one node unless their name says otherwise; the GPU is null where it was not given.
    """

    node: str | None
    gpu: str | None
    gpus_per_node: int | None
    nodes: int
    used_share: float
    amortisation_years: float
    usd_per_node_hour: float
    usd_per_gpu_hour: float | None
    usd_per_year: float
    usd_in_total: float
    usd_per_year_of_all_nodes: float
    usd_in_total_of_all_nodes: float
    parts: list[OwningPart]
    at_shares: list[OwningAtShare]
    figures: list[OwningFigure]
    notes: list[str]
    source: str = Field(description="the sum in words, as it stands beside the price in a price list")


class MonthEntry(Answer):
    """The end of a month, counted from the purchase; what has been paid until then."""

    month: int
    node_hours: float
    nodes: int
    owned_usd: float
    rented_usd: float


class RentOrBuy(Listing):
    """Rent against buy for a stream of jobs, over the years of amortisation."""

    break_even_month: int | None = Field(
        description="end of the month from which on owning has cost no more; null: not within the years"
    )
    cheaper: str = Field(description="owning or renting, at the end")
    owned_usd: float
    rented_usd: float
    owned_usd_per_node_hour: float = Field(description="owned_usd over the hours of use of all months")
    rent_usd_per_node_hour: float
    rent_offer: str | None
    winning_share: float | None = Field(
        description="share of all hours from which a node of one's own is cheaper over its years; null: never"
    )
    winning_node_hours_per_month: float | None = Field(description="the same in hours of one node and month")
    most_used_share: float = Field(description="share of a node's hours that jobs can fill; beyond it a node is bought")
    used_share: float = Field(description="share of the owned nodes' hours that the jobs fill over the years")
    node_hours_per_month: float
    growth_share_per_month: float
    job_nodes: int
    nodes: int = Field(description="nodes that are owned at the end")
    notes: list[str]
    owning: OwningAnswer
    months: list[MonthEntry]

    def rows(self) -> list[MonthEntry]:
        return self.months

    def row_type(self) -> type[MonthEntry]:
        return MonthEntry


def own(machine: Machine, given: Mapping[str, float | None], nodes: int = 1) -> OwningAnswer:
    """What a node costs to own.

    Parameters
    ----------
    machine
        The node: its purchase price and power, and its shape where that is known (`gpuplan.listing.machines`).
    given
        Figures of one's own in place of those of the catalogue, keyed as the attributes of `Ownership`.
    nodes
        How many are owned, which decides on the switches.

    Raises
    ------
    InputError
        A figure that is out of its range.
    """
    return _answer(owned_node(machine, given, nodes), machine, given, nodes)


def rent_or_buy(
    machine: Machine,
    given: Mapping[str, float | None],
    stream: Stream,
    rent_usd_per_node_hour: float,
    rent_offer: str | None = None,
) -> RentOrBuy:
    """Whether to rent or to buy nodes for a stream of jobs, and from which month on a purchase has paid.

    Parameters
    ----------
    machine, given
        As of `own`; `used_share` is the most that jobs can fill of a node's hours.
    stream
        The jobs.
    rent_usd_per_node_hour
        Rent of the same node.
    rent_offer
        Id of the offer that it comes from.

    Raises
    ------
    InputError
        A figure that is out of its range, or more nodes than anybody buys.
    """
    single = owned_node(machine, given, 1)
    nodes = nodes_at_the_end(stream, single)
    owned = owned_node(machine, given, nodes)
    months = ledger(owned, stream, rent_usd_per_node_hour)
    share, last = owned.winning_share(rent_usd_per_node_hour), months[-1]
    owned_hours = sum(month.nodes for month in months[1:]) * HOURS_PER_MONTH
    used_hours = sum(month.node_hours for month in months)
    used_share = used_hours / owned_hours
    return RentOrBuy(
        break_even_month=break_even_month(months),
        cheaper="owning" if last.owned_usd <= last.rented_usd else "renting",
        owned_usd=last.owned_usd,
        rented_usd=last.rented_usd,
        owned_usd_per_node_hour=last.owned_usd / used_hours,
        rent_usd_per_node_hour=rent_usd_per_node_hour,
        rent_offer=rent_offer,
        winning_share=share,
        winning_node_hours_per_month=None if share is None else share * HOURS_PER_MONTH,
        most_used_share=owned.used_share,
        used_share=used_share,
        node_hours_per_month=stream.node_hours_per_month,
        growth_share_per_month=stream.growth_share_per_month,
        job_nodes=stream.job_nodes,
        nodes=nodes,
        notes=_notes(owned, stream, months[1].nodes, nodes),
        owning=_answer(replace(owned, used_share=used_share), machine, {**given, "used_share": used_share}, nodes),
        months=[MonthEntry(**asdict(one)) for one in months],
    )


def owned_node(machine: Machine, given: Mapping[str, float | None], nodes: int) -> Ownership:
    """The figures of one of `nodes`: those given, else the machine's own, else those of the catalogue.

    Raises
    ------
    InputError
        A figure that is out of its range.
    """
    figures = {name: figure.value for name, figure in ownership_figures().items() if name in RANGES}
    figures |= {"network_usd": network_usd(nodes, machine.network_bytes_per_second)}
    figures |= machine.bought(given)
    figures |= {name: value for name, value in given.items() if value is not None}
    if given.get("power_watts") is not None:
        check_power(machine, figures["power_watts"])
    try:
        return Ownership(**figures)
    except CatalogueError as error:
        raise input_error(error) from None


def _notes(owned: Ownership, stream: Stream, first_nodes: int, nodes: int) -> list[str]:
    """What the reader must know of the sum."""
    found = []
    if nodes > first_nodes:
        found.append(
            f"{nodes - first_nodes} of the {nodes} nodes are bought later, as the stream grows, and are not worn out at the end; "
            "what they are worth then is counted as for the others"
        )
    if owned.residual_share == 0:
        found.append("nothing is counted on from selling the nodes at the end")
    if stream.job_nodes > 1:
        found.append(f"nodes are bought in groups of {stream.job_nodes}, as a job needs as many at the same time")
    return [
        *found,
        "rent is for the hours of use alone: no minimum, no storage, no egress, and the price stays as it is",
    ]


def _answer(owned: Ownership, machine: Machine, given: Mapping[str, float | None], nodes: int) -> OwningAnswer:
    """All about the cost of a node."""
    hour, year, total = owned.cost_per_hour(), owned.cost_per_year(), owned.cost_in_total()
    price, gpus = owned_price(owned), machine.gpus_per_node
    return OwningAnswer(
        node=machine.name,
        gpu=machine.gpu,
        gpus_per_node=gpus,
        nodes=nodes,
        used_share=owned.used_share,
        amortisation_years=owned.amortisation_years,
        usd_per_node_hour=price,
        usd_per_gpu_hour=None if gpus is None else price / gpus,
        usd_per_year=sum(year.values()),
        usd_in_total=sum(total.values()),
        usd_per_year_of_all_nodes=nodes * sum(year.values()),
        usd_in_total_of_all_nodes=nodes * sum(total.values()),
        parts=[
            OwningPart(part=part, usd_per_node_hour=hour[part], usd_per_year=year[part], usd_in_total=total[part])
            for part in PARTS
        ],
        at_shares=[_at_share(owned, share, gpus) for share in sorted({*SHARES, owned.used_share})],
        figures=_figures(owned, machine, given),
        notes=[*machine.notes(nodes, given), *power_note(machine, owned), f"{NOT_IN_IT} are not in it"],
        source=owned_source(owned),
    )


def _at_share(owned: Ownership, share: float, gpus: int | None) -> OwningAtShare:
    price = sum(owned.cost_per_hour(share).values())
    return OwningAtShare(
        used_share=share,
        usd_per_node_hour=price,
        usd_per_gpu_hour=None if gpus is None else price / gpus,
        usd_per_year=sum(owned.cost_per_year(share).values()),
    )


def _figures(owned: Ownership, machine: Machine, given: Mapping[str, float | None]) -> list[OwningFigure]:
    """Every figure behind the cost, with its source unless it was given."""
    catalogue, found = ownership_figures(), []
    for name in RANGES:
        value = getattr(owned, name)
        if value is None or (name == "colocation_usd_per_kw_month" and owned.rack_usd_per_month is not None):
            continue
        figure = catalogue.get("network_usd_per_node_of_2" if name == "network_usd" else name)
        source, as_of, basis = machine.source, machine.as_of, None
        if figure is not None:
            source, as_of, basis = figure.source, figure.as_of.isoformat(), figure.basis
        if name == "network_usd" and value == 0:  # no cost sheet says so
            source, as_of, basis = NO_SWITCHES, None, "assumed"
        said = given.get(name) is not None
        found.append(
            OwningFigure(
                field=name,
                value=value,
                given=said,
                source=None if said else source,
                as_of=None if said else as_of,
                basis=None if said else basis,
            )
        )
    return found
