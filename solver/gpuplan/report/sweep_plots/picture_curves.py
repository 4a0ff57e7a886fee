"""The curves of a picture: lines, markers, regions without a plan, and their labels."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from matplotlib.colors import to_hex, to_rgb
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from gpuplan.report.sweep_plots.chart import INK, PALE, PALER, Axis, Chart, Curve, Mark
from gpuplan.report.sweep_plots.labels import Box, Canvas, Point

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

LABEL_POINTS = 9.0
MARKER_POINTS, AGAIN_POINTS, KNEE_POINTS = 7.0, 4.0, 14.0
#: Numbers of characters a line of a reason may have, the widest first.
WIDTHS = (44, 30, 22, 17)
#: Rows of crosses: the first one, and from one curve's to the next, as shares of the axis.
FIRST_ROW, NEXT_ROW = 0.045, 0.04


def draw_curves(chart: Chart, axes: Axes) -> None:
    """Draw everything but the labels, which need to know where all else is."""
    _scale(chart, axes)
    _regions(chart, axes)
    single = bool(chart.legend_title)
    row = 0
    for curve in chart.curves:
        found = curve.found
        colour = "#777777" if single or not curve.label else chart.styles[curve.label].colour
        if found:
            right = [chart.x.high] if curve.stairs else []
            x = [mark.x for mark in found] + right
            y = [mark.height for mark in found] + [found[-1].height for _ in right]
            # Between points where nothing holds the line only leads the eye.
            line: dict[str, Any] = (
                {"linewidth": 1.6, "drawstyle": "steps-post"} if curve.stairs else {"linewidth": 1.0, "linestyle": "--"}
            )
            axes.plot(x, y, color=colour, zorder=2, **line)
        _markers(chart, axes, found)
        if curve.missing:
            _crosses(chart, axes, curve, row, INK if single else colour)
            row += 1


def label_curves(chart: Chart, axes: Axes, figure: Figure, renderer: Any) -> None:
    """Label what there is room to label, the most telling first."""
    writer = _Writer(axes, figure, renderer)
    for curve in chart.curves:
        writer.keep_off(chart, curve)
    _say_why_empty(chart, writer)
    marks = [mark for curve in chart.curves for mark in curve.found if mark.label]
    many = len(chart.curves) > 1
    for mark in sorted((mark for mark in marks if mark.rank < 2 or not many), key=lambda mark: mark.rank):
        writer.beside(
            writer.pixels(mark.x, mark.height), [mark.label], darker(chart.styles[mark.group].colour) if many else INK
        )
    _say_why_missing(chart, writer)


def _scale(chart: Chart, axes: Axes) -> None:
    for axis, side, name in ((chart.x, axes.xaxis, "x"), (chart.y, axes.yaxis, "y")):
        if axis is not None:
            set_scale(axis, axes, side, name)
    axes.grid(color="#E3E3E3", linewidth=0.7)
    axes.set_axisbelow(True)


def set_scale(axis: Axis, axes: Any, side: Any, name: str) -> None:
    """Set the ends, the scale and the named values of an axis."""
    axes.set(
        **{
            f"{name}scale": "log" if axis.log else "linear",
            f"{name}lim": (axis.low, axis.high),
            f"{name}label": axis.title,
        }
    )
    side.set_major_locator(FixedLocator([value for value, _ in axis.ticks]))
    side.set_major_formatter(FixedFormatter([text for _, text in axis.ticks]))
    side.set_minor_locator(NullLocator())


def _regions(chart: Chart, axes: Axes) -> None:
    """Where there is no plan: under the stairs, left of them, and where a limit is too small."""
    if chart.y is None:
        return
    found = chart.curves[0].found if chart.curves else []
    if chart.nothing_below and found:
        x = [mark.x for mark in found] + [chart.x.high]
        y = [mark.height for mark in found] + [found[-1].height]
        axes.fill_between(x, y, chart.y.low, step="post", color=PALER, linewidth=0, zorder=0)
        axes.axvspan(chart.x.low, found[0].x, color=PALE, linewidth=0, zorder=0)
    if chart.shut is not None:
        axes.axvspan(chart.x.low, chart.shut[1], color=PALE, linewidth=0, zorder=0)


def _markers(chart: Chart, axes: Axes, found: Sequence[Mark]) -> None:
    for mark in found:
        style = chart.styles[mark.group]
        if mark.knee:
            axes.plot(
                mark.x, mark.height, "o", markersize=KNEE_POINTS, markerfacecolor="none", markeredgecolor=INK, zorder=4
            )
        axes.plot(
            mark.x,
            mark.height,
            style.marker,
            markersize=AGAIN_POINTS if mark.again else MARKER_POINTS,
            alpha=0.6 if mark.again else 1.0,
            markerfacecolor=style.colour if mark.proved else "white",
            markeredgecolor="white" if mark.proved else style.colour,
            markeredgewidth=0.7 if mark.proved else 1.4,
            zorder=5,
            clip_on=False,
        )


@cache
def question_mark() -> Any:
    """The marker of a point that was not decided."""
    from matplotlib.textpath import TextPath

    return TextPath((-0.27, -0.37), "?", size=1.0)


def _row(chart: Chart, row: int) -> float:
    """Height of a row of crosses, a share of the axis."""
    away = FIRST_ROW + NEXT_ROW * row
    return 1 - away if chart.empty_above else away


def _crosses(chart: Chart, axes: Axes, curve: Curve, row: int, colour: str) -> None:
    for mark in curve.missing:
        axes.plot(
            mark.x,
            _row(chart, row),
            marker="x" if mark.proved else question_mark(),
            linestyle="",
            transform=axes.get_xaxis_transform(),
            color=colour,
            markersize=MARKER_POINTS,
            markeredgewidth=1.8 if mark.proved else 0.3,
            zorder=5,
        )


def _say_why_empty(chart: Chart, writer: _Writer) -> None:
    """Words inside the regions without a plan."""
    found = chart.curves[0].found if chart.curves else []
    frame = writer.canvas.frame
    if chart.nothing_below and found:
        fastest = writer.pixels(found[0].x, found[0].height)[0]
        if chart.beyond:
            band = Box(frame.left, frame.bottom, fastest - 4, frame.top)
            writer.within([band], [textwrap.fill(chart.beyond, width) for width in (24, 20, 17, 15)])
            writer.canvas.boxes.append(band)  # what is written there speaks of that region alone
        stairs = []
        for mark, after in zip(found, [*found[1:], None], strict=True):
            left, top = writer.pixels(mark.x, mark.height)
            right = frame.right if after is None else writer.pixels(after.x, after.height)[0]
            stairs.append(Box(left, frame.bottom, right, top))
        writer.within(stairs, ["no plan here: proved", "no plan here:\nproved"])
    if chart.nothing:
        writer.within([frame], [textwrap.fill(chart.nothing, width) for width in (70, *WIDTHS)])


def _say_why_missing(chart: Chart, writer: _Writer) -> None:
    """The reason of each run of crosses that share it."""
    if chart.nothing:
        return
    row = 0
    for curve in chart.curves:
        if not curve.missing:
            continue
        height = _row(chart, row)
        row += 1
        reasons: dict[str, list[float]] = {}
        for mark in curve.missing:
            reasons.setdefault(mark.reason, []).append(mark.x)
        for text, places in list(reasons.items())[:4]:
            anchor = writer.on_row(places[len(places) // 2], height)
            colour = INK if chart.legend_title else darker(chart.styles[curve.label].colour)
            writer.beside(anchor, [textwrap.fill(text, width) for width in WIDTHS], colour)


def darker(colour: str) -> str:
    """A colour in which text can be read on white."""
    red, green, blue = to_rgb(colour)
    return to_hex((0.72 * red, 0.72 * green, 0.72 * blue))


class _Writer:
    """Puts text into a picture where it touches nothing."""

    def __init__(self, axes: Axes, figure: Figure, renderer: Any) -> None:
        self._axes, self._figure, self._renderer = axes, figure, renderer
        area = axes.get_window_extent(renderer)
        self.canvas = Canvas(Box(area.x0 + 3, area.y0 + 3, area.x1 + 6, area.y1 - 1))
        self._pixels_per_point = figure.dpi / 72

    def pixels(self, x: float, y: float) -> Point:
        """Place of a point of the data."""
        across, along = self._axes.transData.transform((x, y))
        return float(across), float(along)

    def on_row(self, x: float, height: float) -> Point:
        """Place of a cross."""
        across, along = self._axes.get_xaxis_transform().transform((x, height))
        return float(across), float(along)

    def keep_off(self, chart: Chart, curve: Curve) -> None:
        """Nothing may be written over a curve, its markers and its crosses."""
        places = [self.pixels(mark.x, mark.height) for mark in curve.found]
        for mark, place in zip(curve.found, places, strict=True):
            self._keep(place, KNEE_POINTS if mark.knee else AGAIN_POINTS if mark.again else MARKER_POINTS)
        crossed = [one for one in chart.curves if one.missing]
        for mark in curve.missing:
            self._keep(self.on_row(mark.x, _row(chart, crossed.index(curve))), MARKER_POINTS + 3)
        if curve.stairs and places:
            places.append((self.pixels(chart.x.high, 1.0)[0], places[-1][1]))
        for before, after in pairwise(places):
            if curve.stairs:
                corner = (after[0], before[1])
                self.canvas.lines += [(before, corner), (corner, after)]
            else:
                self.canvas.lines.append((before, after))

    def _keep(self, place: Point, points: float) -> None:
        half = points / 2 * self._pixels_per_point + 1
        self.canvas.boxes.append(Box(place[0] - half, place[1] - half, place[0] + half, place[1] + half))

    def beside(self, anchor: Point, texts: Sequence[str], colour: str) -> None:
        """Write the first form of a text that has a place near a point, or nothing."""
        place = self.canvas.beside(anchor, [self._size(text) for text in texts])
        if place is None:
            return
        index, box, start = place
        if start is not None:
            ends = [self._share(start), self._share(anchor)]
            self._axes.plot(
                *zip(*ends, strict=True),
                transform=self._figure.transFigure,
                color="#999999",
                linewidth=0.7,
                zorder=3,
                clip_on=False,
            )
        self._write(box, texts[index], colour)

    def within(self, region: Sequence[Box], texts: Sequence[str]) -> None:
        """Write the first form of a text that fits into a region, or nothing."""
        place = self.canvas.roomiest([self._size(text) for text in texts], region)
        if place is not None:
            self._write(place[1], texts[place[0]], "#555555", style="italic")

    def _size(self, text: str) -> Point:
        probe = self._text(0.0, 0.0, text)
        extent = probe.get_window_extent(self._renderer)
        probe.remove()
        return float(extent.width), float(extent.height)

    def _write(self, box: Box, text: str, colour: str, **more: Any) -> None:
        self._text(*self._share((box.left, box.bottom)), text, color=colour, **more)

    def _text(self, x: float, y: float, text: str, **more: Any) -> Text:
        return self._figure.text(x, y, text, fontsize=LABEL_POINTS, ha="left", va="bottom", linespacing=1.3, **more)

    def _share(self, place: Point) -> Point:
        """Pixels as shares of the figure, which hold at any resolution."""
        return place[0] / self._figure.bbox.width, place[1] / self._figure.bbox.height
