"""`gpuplan offers own` and `gpuplan offers rent-or-buy`: machines of one's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gpuplan.cli.completion import values_of
from gpuplan.cli.options import output_options
from gpuplan.errors import InputError

if TYPE_CHECKING:
    from gpuplan.listing.machines import Machine
    from gpuplan.owning import Stream

F = TypeVar("F", bound=Callable[..., Any])

PLOT_FORMATS = (".png", ".svg")

#: Flag, name of the figure, placeholder, help. The order is that of the help.
_FIGURES = (
    ("--purchase", "purchase_usd", "USD", "price of the whole node, host and adapters included"),
    ("--power-watts", "power_watts", "WATTS", "maximum of the whole node, not of its GPUs alone"),
    ("--switches", "network_usd", "USD", "switches and cables, a node's share [by --nodes and its network]"),
    ("--pue", "power_usage_effectiveness", "FACTOR", "kW from the grid per kW of the machines"),
    ("--electricity", "electricity_usd_per_kwh", "USD", "price of a kWh"),
    ("--idle-power", "idle_power_share", "SHARE", "power of an idle node, of its maximum"),
    (
        "--colocation",
        "colocation_usd_per_kw_month",
        "USD",
        "space, cooling and supply, per kW of the maximum and month",
    ),
    ("--rack", "rack_usd_per_month", "USD", "rent per node and month, in place of --colocation"),
    ("--maintenance", "maintenance_share", "SHARE", "support, parts and staff for a year, of what was bought"),
    ("--years", "amortisation_years", "YEARS", "years over which the purchase is written off"),
    ("--residual", "residual_share", "SHARE", "what is left of the price at the end"),
)
_SHARES = ("idle_power_share", "maintenance_share", "residual_share", "used_share")


def owning_options(utilisation: str) -> Callable[[F], F]:
    """Add the flags that say what is bought and what its upkeep costs; `utilisation` says what that share means."""

    def decorate(function: F) -> F:
        function = click.option("--utilisation", "used_share", metavar="SHARE", help=utilisation)(function)
        for flag, name, metavar, text in reversed(_FIGURES):
            function = click.option(flag, name, metavar=metavar, help=text)(function)
        for flag, metavar, text, values in (
            ("--gpus-per-node", "N", "GPUs of the node, with --gpu [8]", None),
            ("--gpu", "NAME", "GPU of the node, in place of --node", "gpu"),
            ("--node", "NAME", "node of the catalogue, such as own/HGX-H100", None),
        ):
            complete = None if values is None else values_of(values)
            function = click.option(flag, metavar=metavar, help=text, shell_complete=complete)(function)
        return function

    return decorate


@click.command("own")
@owning_options("share of all hours that the node works")
@click.option("--nodes", metavar="N", help="how many are owned; decides on the switches [1]")
@click.option(
    "--out", metavar="FILE.csv", help="also write a price list, for solve --offers", shell_complete=values_of("out")
)
@click.option(
    "--format", "output_format", type=click.Choice(("text", "json")), default="text", help="form of the answer [text]"
)
def own(nodes: str | None, out: str | None, output_format: str, **words: Any) -> int:
    """Say what an hour, a year and all years of a node of one's own cost, by part.

    gpuplan offers own --node own/HGX-H100 --electricity 0.09 --out mine.csv

    What is not given is taken from the catalogue, and said.
    """
    from gpuplan.cli.output import Destination
    from gpuplan.listing import machines, owning
    from gpuplan.units import parse_whole

    destination = Destination(output_format, None)
    bought, figures = _machine(words), _figures(words)
    count = 1 if nodes is None else parse_whole("nodes", nodes, 1, 100_000)
    answer = owning.own(bought, figures, count)
    if out is not None:
        text = machines.price_list(bought, answer.usd_per_node_hour, count, answer.source)
        Destination("csv", out).write_text(text)
    destination.write(answer)
    return 0


@click.command("rent-or-buy")
@owning_options("most of its hours that jobs can fill of a node; beyond that another is bought")
@click.option("--rent", metavar="USD", help="rent of such a node for an hour")
@click.option("--offer", metavar="ID", help="the offer that it would be rented from", shell_complete=values_of("offer"))
@click.option("--hours-per-month", metavar="H", help="node-hours of use a month")
@click.option("--jobs-per-month", metavar="N", help="jobs a month, in place of --hours-per-month")
@click.option("--job-hours", metavar="H", help="hours of a job")
@click.option("--job-nodes", metavar="K", help="nodes of a job [1]")
@click.option("--growth", metavar="SHARE", help="by how much a month has more hours than the last [0]")
@click.option(
    "--plot", metavar="FILE.png", help="draw both costs by month (.png or .svg)", shell_complete=values_of("out")
)
@output_options("text", "json", "csv")
def rent_or_buy(
    rent: str | None, offer: str | None, plot: str | None, output_format: str, out: str | None, **words: Any
) -> int:
    """Say from which month on buying nodes for a stream of jobs costs less than renting them.

    gpuplan offers rent-or-buy --node own/HGX-A100-80GB --offer aws/p4de.24xlarge/us-east-1/on-demand --hours-per-month 400
    """
    from gpuplan.cli.output import Destination
    from gpuplan.listing import owning

    destination = Destination(output_format, out)
    picture = None if plot is None else _picture(plot)
    stream, bought = _stream(words), _machine(words)
    price, offer_id = _rent(rent, offer, bought)
    answer = owning.rent_or_buy(bought, _figures(words), stream, price, offer_id)
    if picture is not None:
        from gpuplan.report.owning_plot import draw

        draw(answer, picture)
    destination.write(answer)
    return 0


def _machine(words: dict[str, Any]) -> Machine:
    """Take the flags that name the node out of `words`, and find it."""
    from gpuplan.listing import machines
    from gpuplan.units import parse_whole

    node, gpu, gpus = (words.pop(name) for name in ("node", "gpu", "gpus_per_node"))
    if node is None and gpu is None and words["purchase_usd"] is None:
        right = (
            "say what is owned: a node of the catalogue, whose price and power are known, or --gpu NAME with --gpus-per-node N, "
            "--purchase USD and --power-watts WATTS of the whole node"
        )
        raise InputError("node", "", right, ("own/HGX-H100",))
    return machines.machine(node, gpu, None if gpus is None else parse_whole("gpus_per_node", gpus, 1, 128))


def _figures(words: dict[str, Any]) -> dict[str, float | None]:
    """Figures of one's own, by the names of `Ownership`; None where the flag was not given."""
    from gpuplan.units import parse_decimal, parse_fraction
    from gpuplan_hardware.ownership import RANGES

    flags = {name: flag.lstrip("-").replace("-", "_") for flag, name, _, _ in _FIGURES} | {"used_share": "utilisation"}
    if words["rack_usd_per_month"] is not None and words["colocation_usd_per_kw_month"] is not None:
        raise InputError(
            "rack", words["rack_usd_per_month"], "--rack takes the place of --colocation; give one of the two"
        )
    found: dict[str, float | None] = {}
    for name, field in flags.items():
        word, (low, high, _) = words[name], RANGES[name]
        if word is None:
            found[name] = None
        elif name in _SHARES:
            found[name] = parse_fraction(field, word, low, high)
        elif "usd" in name:
            found[name] = _money(field, word, low, high)
        else:
            found[name] = parse_decimal(field, word, low, high, zero=True)
    return found


def _money(field: str, word: str, low: float, high: float, *, zero: bool = True) -> float:
    """US dollars as people write them; unlike a budget, a cost may be nothing (`zero`)."""
    from gpuplan.units import is_plain_number, parse_decimal, parse_money

    amount = word if is_plain_number(word) else f"{parse_money(field, word):.15g}"
    return parse_decimal(field, amount, low, high, zero=zero)


def _stream(words: dict[str, Any]) -> Stream:
    """Take the flags of the stream of jobs out of `words`."""
    from gpuplan.owning import MOST_NODES, Stream
    from gpuplan.units import parse_decimal, parse_fraction, parse_whole

    hours, jobs, each, nodes, growth = (
        words.pop(name) for name in ("hours_per_month", "jobs_per_month", "job_hours", "job_nodes", "growth")
    )
    least = 1 if nodes is None else parse_whole("job_nodes", nodes, 1, MOST_NODES)
    share = 0.0 if growth is None else parse_fraction("growth", growth, -0.5, 0.5)
    if hours is not None:
        for name, word in (("jobs_per_month", jobs), ("job_hours", each)):
            if word is not None:
                raise InputError(name, word, "--hours-per-month says it already; leave one of the two out")
        return Stream(parse_decimal("hours_per_month", hours, 0, 1e8), least, share)
    if jobs is None or each is None:
        right = "say how much work there is: --hours-per-month H, or --jobs-per-month N and --job-hours H"
        raise InputError("hours_per_month", "", right)
    total = parse_decimal("jobs_per_month", jobs, 0, 1e6) * parse_decimal("job_hours", each, 0, 1e5) * least
    return Stream(total, least, share)


def _rent(rent: str | None, offer: str | None, bought: Machine) -> tuple[float, str | None]:
    """USD per node-hour of rent, and the offer that it comes from."""
    from gpuplan.listing.offers import offer_details

    if (rent is None) == (offer is None):
        right = "give --rent USD for an hour of such a node, or --offer ID, one of the two"
        raise InputError("rent", rent or "", right)
    if offer is None:
        return _money("rent", str(rent), 0, 1e4, zero=False), None
    found = offer_details(offer)
    if found.pricing == "owned":
        raise InputError("offer", offer, "nobody lets it, it is owned; give an offer that is rented")
    if bought.gpu is not None and (found.gpu, found.gpus_per_node) != (bought.gpu, bought.gpus_per_node):
        right = (
            f"it has {found.gpus_per_node} x {found.gpu}, and the node to buy {bought.gpus_per_node} x {bought.gpu}; give an "
            "offer of the same GPUs, or --rent with the price of what does the same work"
        )
        raise InputError("offer", offer, right)
    return found.price_usd_per_hour, found.id


def _picture(word: str) -> Path:
    """Path of a picture, checked before the work begins."""
    path = Path(word)
    if path.suffix.lower() not in PLOT_FORMATS:
        right = f"{word!r} is no picture; its name must end in {' or '.join(PLOT_FORMATS)}"
        raise InputError("plot", word, right)
    if not path.parent.is_dir():
        right = f"{word!r} is in a folder that does not exist; make it, or give another path"
        raise InputError("plot", word, right)
    return path
