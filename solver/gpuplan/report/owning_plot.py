"""The plot of rent against buy; matplotlib (the extra `plots`) is loaded only here."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from gpuplan.files import write_whole
from gpuplan.report.plot_library import check_library

if TYPE_CHECKING:
    from pathlib import Path

    from gpuplan.listing.owning import RentOrBuy

DPI = 110


def draw(answer: RentOrBuy, path: Path) -> None:
    """Draw what owning and renting have cost by month, and the month from which owning is cheaper.

    Parameters
    ----------
    answer
        Rent against buy.
    path
        A picture; its suffix says which kind.

    Raises
    ------
    InputError
        matplotlib is not installed, or the file cannot be written.
    """
    check_library("matplotlib", path)
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    months = [one.month for one in answer.months]
    rent = answer.rent_offer or f"${answer.rent_usd_per_node_hour:,.2f} per node-hour"
    what = answer.owning.node or answer.owning.gpu or "node"
    axes.plot(months, [one.owned_usd for one in answer.months], label=f"owning {answer.nodes} x {what}")
    axes.plot(months, [one.rented_usd for one in answer.months], label=f"renting: {rent}")
    if answer.break_even_month is not None:
        at = answer.months[answer.break_even_month].owned_usd
        axes.plot(
            [answer.break_even_month], [at], "o", color="black", label=f"break-even: month {answer.break_even_month}"
        )
    axes.set(xlabel="months since the purchase", xlim=(0, months[-1]), ylim=(0, None), ylabel="USD paid until then")
    axes.yaxis.set_major_formatter("${x:,.0f}")
    axes.grid(alpha=0.3)
    axes.legend()
    kind, picture = path.suffix.lower().removeprefix("."), BytesIO()
    # Without version and date in it, the file depends on nothing but the picture.
    figure.savefig(picture, format=kind, dpi=DPI, metadata={"Software" if kind == "png" else "Date": None})
    write_whole(path, picture.getvalue(), "plot")
