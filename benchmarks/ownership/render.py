"""The sums as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.ownership import cases
from benchmarks.ownership.cases import Against, Step
from gpuplan_hardware.ownership import NOT_IN_IT, PARTS, Ownership

COMMAND = "python -m benchmarks.ownership"
NEVER = "-"


def markdown() -> str:
    """All tables."""
    steps, owned, newer = cases.steps(), cases.a100(), cases.h100()
    rents, newer_rents = cases.against(owned, cases.A100_GPUS), cases.against(newer, ("H100-SXM",))
    return "\n".join(
        [
            "# A server of one's own",
            "",
            headline(steps, rents),
            "",
            f"Made by `{COMMAND}`. Every figure that is not said below is a default of",
            "[ownership.toml](../../hardware/gpuplan_hardware/data/ownership.toml), with its source; `gpuplan offers own` and",
            f"`gpuplan offers rent-or-buy` do the same sums with one's own. Not in any of them: {NOT_IN_IT}.",
            "",
            "## The guide's example",
            "",
            "A server with 8 x A100: $120,000, 8 kW, $0.12 per kWh, 5 years, always at work.",
            "",
            *_guide(steps[0].owned),
            "",
            "Its formula has a term for maintenance, which its sum leaves out. Corrected one term after the other:",
            "",
            *_steps(steps),
            "",
            "8 kW would be the 6.5 kW of a DGX A100 at a PUE of 1.23. Where the node idles it draws a fifth of its maximum; all else",
            "is paid whether it works or not.",
            "",
            "## An hour of use, by how much the node works",
            "",
            *_shares((("8 x A100 80 GB", owned), ("8 x H100", newer))),
            "",
            f"The A100 server at ${owned.purchase_usd:,.0f} and {owned.power_watts / 1000:g} kW, the H100 server with its adapters at "
            f"${newer.purchase_usd:,.0f} (cost sheet of 2024-08)",
            f"and {newer.power_watts / 1000:g} kW, both over {owned.amortisation_years:g} years, single, without switches.",
            "",
            "![cost of an hour of use against rents, and what a stream of jobs has cost by month](ownership.png)",
            "",
            "## Against the rent of the same GPUs: 8 x A100",
            "",
            "The cheapest region of each. Buying wins from that share of a node's hours on, over the 4 years; then the month from whose",
            "end on the purchase has paid, by node-hours of use a month. - is never within the 4 years.",
            "",
            *_against(rents),
            "",
            "Nodes with the 40 GB card hold less than the server bought here.",
            "",
            "## Against the rent of the same GPUs: 8 x H100",
            "",
            *_against(newer_rents),
            "",
        ]
    )


def headline(steps: Sequence[Step], rents: Sequence[Against]) -> str:
    """The result in a few sentences."""
    said, right = steps[0].owned, steps[-2].owned
    p4de = next(one for one in rents if one.offer.node.name == "p4de.24xlarge")
    month = p4de.break_even[cases.SHOWN_STREAM]
    return (
        f"The guide's arithmetic holds: ${cases.power_usd_per_year(said):,.2f} of electricity a year (it prints $8,409) and "
        f"${cases.usd_in_total(said):,.0f} in 5 years (it prints $162,045). With maintenance, cooling, colocation, a citable "
        f"purchase and 4 years an hour costs ${cases.price(right, 1):.2f} where the guide's sum comes to "
        f"${cases.price(said, 1):.2f}, and ${cases.price(right, 0.7):.2f} at 70 % use. Against a p4de at "
        f"${p4de.offer.price_usd_per_hour:.2f} buying wins from {_percent(p4de.winning_share)} of a node's hours on; with "
        f"{cases.SHOWN_STREAM} hours a month the purchase has paid after {month} months."
    )


def _guide(said: Ownership) -> list[str]:
    power, total = cases.power_usd_per_year(said), cases.usd_in_total(said)
    return [
        *_head("", "guide", "here"),
        _row("electricity of a year", f"${cases.GUIDE_USD_PER_YEAR_OF_POWER:,.0f}", f"${power:,.2f}"),
        _row("5 years", f"${cases.GUIDE_USD_IN_5_YEARS:,.0f}", f"${total:,.0f}"),
        _row("of it maintenance", "not counted", f"${said.cost_in_total()['maintenance']:,.0f}"),
        _row("an hour of use, always at work", "not said", f"${cases.price(said, 1):.2f}"),
    ]


def _steps(steps: Iterable[Step]) -> list[str]:
    lines = _head("sum", *PARTS, "total", "an hour, always at work", "an hour at 70 %")
    for step in steps:
        parts = step.owned.cost_in_total()
        money = [f"${parts[part]:,.0f}" for part in PARTS]
        hours = [f"${cases.price(step.owned, share):.2f}" for share in (1.0, 0.7)]
        lines.append(_row(step.title, *money, f"${cases.usd_in_total(step.owned):,.0f}", *hours))
    return lines


def _shares(servers: Iterable[tuple[str, Ownership]]) -> list[str]:
    lines = _head("", *(f"{share:.0%}" for share in cases.SHARES))
    for title, owned in servers:
        lines.append(_row(f"{title}, a node", *(f"${cases.price(owned, share):,.2f}" for share in cases.SHARES)))
        lines.append(_row(f"{title}, a GPU", *(f"${cases.price(owned, share) / 8:,.2f}" for share in cases.SHARES)))
    return lines


def _against(rents: Iterable[Against]) -> list[str]:
    lines = _head("rent", "GPU", "$/h", "as of", "buying wins from", *(f"{hours} h" for hours in cases.STREAMS))
    for one in rents:
        offer = one.offer
        months = [NEVER if month is None else f"{month}" for month in one.break_even.values()]
        known = (offer.id.removesuffix("/on-demand"), offer.node.accelerator.name, f"{offer.price_usd_per_hour:.2f}")
        lines.append(_row(*known, offer.as_of.isoformat(), _percent(one.winning_share), *months))
    return lines


def _percent(share: float | None) -> str:
    return "never" if share is None else f"{share:.0%}"


def _head(*cells: str) -> list[str]:
    return [_row(*cells), "|---" * len(cells) + "|"]


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"
