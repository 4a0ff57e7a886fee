"""ownership.png; matplotlib (the extra `plots`) is loaded only here."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.ownership import cases
from gpuplan.owning import Stream, ledger

DPI = 110
NODES = ("p4de.24xlarge", "p4d.24xlarge")


def draw(path: Path) -> None:
    """The price of an hour of use against rents, and the money of a stream of jobs by month."""
    mpl.use("Agg")
    figure = Figure(figsize=(12, 5), layout="constrained")
    left, right = figure.subplots(1, 2)
    _hours(left)
    _months(right)
    # Without the version in it, the file depends on nothing but the picture.
    figure.savefig(path, dpi=DPI, metadata={"Software": None})


def _hours(axes: Axes) -> None:
    shares = np.linspace(0.08, 1, 93)
    for title, owned, color in (("guide's sum", cases.guide(), "C7"), ("all parts", cases.a100(), "C0")):
        axes.plot(100 * shares, [cases.price(owned, share) for share in shares], color=color, label=f"owned, {title}")
    rents = cases.rented(cases.A100_GPUS)
    named = [offer for offer in rents if offer.node.name in NODES]
    for offer, color in zip([rents[0], *named, rents[-1]], ("C2", "C1", "C3", "C4"), strict=True):
        rent = offer.price_usd_per_hour
        axes.axhline(rent, color=color, linewidth=1, label=f"{offer.provider.name} {offer.node.name}, ${rent:.2f}")
    axes.set(xlim=(0, 100), ylim=(0, 60), xlabel="hours at work, %", ylabel="USD per hour of use, 8 x A100")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)


def _months(axes: Axes) -> None:
    rents = {offer.node.name: offer.price_usd_per_hour for offer in cases.rented(cases.A100_GPUS)}
    rent, hours = rents["p4de.24xlarge"], cases.SHOWN_STREAM
    months = ledger(cases.a100(), Stream(hours), rent)
    count = [month.month for month in months]
    axes.plot(count, [month.owned_usd / 1000 for month in months], color="C0", label="owned, all parts")
    axes.plot(count, [month.rented_usd / 1000 for month in months], color="C1", label=f"rented, p4de at ${rent:.2f}")
    axes.set(xlim=(0, count[-1]), ylim=(0, None), xlabel="months", ylabel=f"1,000 USD, {hours} node-hours a month")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
