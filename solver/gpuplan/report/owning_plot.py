"""The plot of rent against buy; matplotlib (the extra `plots`) is loaded only here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gpuplan.errors import InputError

if TYPE_CHECKING:
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
    try:
        from matplotlib.figure import Figure
    except ImportError:
        right = (
            "a plot needs matplotlib, the extra 'plots', which is not installed; run pip install 'gpuplan[plots]' (in a clone "
            ".venv/bin/pip install '.[plots]'), or leave --plot out"
        )
        raise InputError("plot", path, right) from None
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
    try:
        # Without version and date in it, the file depends on nothing but the picture.
        figure.savefig(path, dpi=DPI, metadata={"Software" if path.suffix.lower() == ".png" else "Date": None})
    except OSError as error:
        raise InputError("plot", path, f"cannot write {str(path)!r}: {error.strerror}; give another path") from None
