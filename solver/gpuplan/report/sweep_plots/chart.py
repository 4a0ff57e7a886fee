"""What is drawn, before anybody knows by which library: places, words and colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["hours", "usd", "usd_per_gpu_hour", "bytes", "count"]


@dataclass(frozen=True)
class Style:
    """Colour, marker of matplotlib and of plotly, and dash of a line."""

    colour: str
    marker: str
    symbol: str


#: Okabe and Ito's colours, which people who do not tell red from green tell apart, darkest first; each with its own marker, so
#: that a picture printed in grey says the same. Yellow is left out: it is lost on white.
STYLES = (
    Style("#0072B2", "o", "circle"),
    Style("#D55E00", "s", "square"),
    Style("#009E73", "^", "triangle-up"),
    Style("#CC79A7", "D", "diamond"),
    Style("#E69F00", "v", "triangle-down"),
    Style("#56B4E9", "P", "cross"),
    Style("#000000", "X", "x"),
)
#: Parts of memory from the left, each with a colour of its own in every picture: Paul Tol's muted scheme, which people who do not
#: tell red from green tell apart and no GPU has; light and dark in turn, so that neighbours differ in grey as well.
PART_COLOURS = {
    "weights": "#332288",
    "activations": "#DDCC77",
    "optimizer states": "#882255",
    "gradients": "#88CCEE",
    "logits and loss": "#117733",
    "gathered and unpacked": "#CC6677",
    "CUDA, NCCL, framework": "#44AA99",
    "optimizer step": "#AA4499",
}
OTHER, OTHER_COLOUR = "other", "#999933"
INK = "#333333"
#: An offer that wins, and one that does not.
WINS, LOSES = STYLES[0].colour, STYLES[1].colour
PALE = "#ECECEC"
PALER = "#F6F6F6"


@dataclass(frozen=True)
class Axis:
    """One axis: what it shows, from where to where, and where it says so."""

    title: str
    kind: Kind
    low: float
    high: float
    log: bool
    ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class Bar:
    """Memory of a plan on its fullest GPU, in bytes."""

    label: str
    group: str
    parts: tuple[tuple[str, float], ...]
    bound: float
    usable: float
    hover: tuple[str, ...]


@dataclass(frozen=True)
class Mark:
    """A point of a curve.

    Attributes
    ----------
    y
        None where there is no plan; then `reason` says why.
    group
        Whose colour it has: a GPU model, or a curve.
    label
        The plan in short; empty where it says nothing new.
    rank
        Which labels and bars come first where there is no room for all: 0 ends and knee, 1 another GPU model, 2 the rest.
    again
        The plan is that of the mark before it, which holds here too: drawn so that it does not hide the line.
    """

    x: float
    y: float | None
    group: str
    label: str
    rank: int
    knee: bool
    proved: bool
    reason: str
    hover: tuple[str, ...]
    again: bool = False
    bar: Bar | None = None

    @property
    def height(self) -> float:
        """`y` of a mark that has a plan."""
        return 0.0 if self.y is None else self.y


@dataclass(frozen=True)
class Curve:
    """Marks that belong together; stairs where between two of them the plan of the left one holds, else a dashed line."""

    label: str
    marks: tuple[Mark, ...]
    stairs: bool

    @property
    def found(self) -> list[Mark]:
        """Marks with a plan, from left to right."""
        return sorted((mark for mark in self.marks if mark.y is not None), key=lambda mark: (mark.x, -mark.height))

    @property
    def missing(self) -> list[Mark]:
        """Marks without a plan, from left to right."""
        return sorted((mark for mark in self.marks if mark.y is None), key=lambda mark: mark.x)


@dataclass(frozen=True)
class Dumbbell:
    """An offer: its listed price and the one at which it costs as much as the best plan without it."""

    label: str
    listed: float | None
    even: float | None
    wins: bool
    note: str
    hover: tuple[str, ...]


@dataclass(frozen=True)
class Chart:
    """A whole picture.

    Attributes
    ----------
    empty_above
        Marks without a plan are shown at the top (a cost that nothing reaches) or at the bottom (tokens that nothing buys).
    nothing_below
        What is under the stairs is proved empty.
    beyond
        Why nothing is left of a frontier's last point; empty where that is not said in the picture.
    nothing
        Why there is no plan at all; empty where there is one.
    shut
        Interval of x in which there is no plan, proved.
    bars_title
        What the memory bars show; empty where there are none.
    bound_title
        What their bounds are.
    """

    title: str
    subtitle: tuple[str, ...]
    x: Axis
    y: Axis | None
    styles: dict[str, Style]
    legend_title: str = ""
    curves: tuple[Curve, ...] = ()
    empty_above: bool = True
    nothing_below: bool = False
    beyond: str = ""
    nothing: str = ""
    shut: tuple[float, float] | None = None
    bars: tuple[Bar, ...] = ()
    bars_title: str = ""
    bound_title: str = ""
    dumbbells: tuple[Dumbbell, ...] = ()


def styles_of(groups: list[str]) -> dict[str, Style]:
    """A style for each group, in their order; after seven the colours come again with other markers."""
    return {
        group: Style(
            STYLES[index % len(STYLES)].colour,
            STYLES[(index + index // len(STYLES)) % len(STYLES)].marker,
            STYLES[(index + index // len(STYLES)) % len(STYLES)].symbol,
        )
        for index, group in enumerate(dict.fromkeys(groups))
    }
