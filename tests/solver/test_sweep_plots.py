"""Pictures of sweeps: what is in them, that nothing in them overlaps, and that the same answer gives the same file."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

import sweep_samples as samples
from gpuplan.errors import InputError
from gpuplan.report.sweep_plots import draw
from gpuplan.report.sweep_plots.chart import Chart
from gpuplan.report.sweep_plots.dumbbells import dumbbell_chart
from gpuplan.report.sweep_plots.labels import Box, Canvas
from gpuplan.report.sweep_plots.phrases import short_reason
from gpuplan.report.sweep_plots.scales import axis, tick_text
from gpuplan.report.sweep_plots.scene import MOST_BARS, curve_chart
from gpuplan.sweeping.result import SweepResult

SAMPLES: dict[str, Callable[[], SweepResult]] = {
    "cost against time": samples.frontier,
    "cost against deadline": lambda: samples.frontier("cost", "deadline"),
    "cost against GPUs": lambda: samples.frontier("cost", "gpus"),
    "time against GPUs": lambda: samples.frontier("time", "gpus"),
    "three frontiers": samples.frontiers,
    "deadlines": samples.deadlines,
    "global batches": samples.batches,
    "tokens by budget": samples.budgets,
    "models by budget": samples.models,
    "no plan in a sweep": samples.nothing,
    "no plan on a frontier": lambda: samples.nothing(True),
    "break-even": samples.break_even,
    "long and odd names": lambda: samples.relabelled(samples.frontier(), "$1 and $2 <b>x</b> " + "y" * 90),
}


def chart(result: SweepResult) -> Chart:
    return dumbbell_chart(result) if result.question == "break-even" else curve_chart(result)


@pytest.mark.parametrize("name", SAMPLES)
def test_no_text_overlaps_another_or_leaves_the_picture(name: str) -> None:
    pytest.importorskip("matplotlib")
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    from gpuplan.report.sweep_plots import picture

    with rc_context(picture._SETTINGS):
        figure = picture.figure_of(chart(SAMPLES[name]()))
        renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
        figure.draw(renderer)
        texts: list[Any] = [text for text in figure.findobj(Text) if getattr(text, "get_text", str)().strip()]
        inside = [(text, text.get_window_extent(renderer)) for text in texts if text.get_visible()]
        whole = figure.bbox
        assert len(inside) >= 5
        for text, box in inside:
            assert text.get_fontsize() >= 9, text
            assert whole.x0 <= box.x0 and box.x1 <= whole.x1 and whole.y0 <= box.y0 and box.y1 <= whole.y1, text
        for (one, first), (other, second) in combinations(inside, 2):
            assert not _boxes_meet(first, second), (one.get_text(), other.get_text())


def _boxes_meet(one: object, other: object) -> bool:
    boxes = [Box(box.x0, box.y0, box.x1, box.y1).grown(-0.5) for box in (one, other)]  # type: ignore[attr-defined]
    return boxes[0].meets(boxes[1])


@pytest.mark.parametrize("suffix", [".png", ".svg", ".html"])
@pytest.mark.parametrize("name", ["cost against time", "tokens by budget", "break-even", "no plan on a frontier"])
def test_the_same_answer_gives_the_same_file(name: str, suffix: str, tmp_path: Path) -> None:
    pytest.importorskip("plotly" if suffix == ".html" else "matplotlib")
    paths = [tmp_path / f"{index}{suffix}" for index in range(2)]
    for path in paths:
        draw(SAMPLES[name](), path)
    first, second = (path.read_bytes() for path in paths)
    assert first == second and len(first) > 10_000
    assert [path.name for path in sorted(tmp_path.iterdir())] == [path.name for path in paths]


@pytest.mark.parametrize("name", SAMPLES)
def test_the_page_works_offline_and_tells_all_plans(name: str, tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    path, result = tmp_path / "a.HTML", SAMPLES[name]()
    draw(result, path)
    text = path.read_text(encoding="utf-8")
    # Nothing is loaded: neither scripts nor style sheets, fonts or pictures.
    assert not re.search(r"<(script|img|iframe)[^>]*\ssrc=|<link|@import", text[:200] + text[-60_000:])
    assert "<!doctype html>" in text and "<title>" in text
    plans = [point.plan for point in result.points if point.plan is not None]
    plans += [one.plan for one in result.break_even if one.plan is not None]
    assert all(plan.offer.gpu in text for plan in plans)
    assert "<b>x</b>" not in text[-200_000:]


def test_a_name_is_no_script(tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    wicked = "</script><script>alert(1)</script>"
    draw(samples.relabelled(samples.frontier(), wicked), tmp_path / "a.html")
    assert wicked not in (tmp_path / "a.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["sweep.pdf", "sweep", "sweep.png.txt"])
def test_another_ending(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.png, \.svg or \.html") as caught:
        draw(samples.break_even(), tmp_path / name)
    assert caught.value.field == "plot"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("suffix", "library"), [(".png", "matplotlib"), (".svg", "matplotlib"), (".html", "plotly")])
def test_a_missing_library(suffix: str, library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("gpuplan.report.sweep_plots.p")]:
        if name.rpartition(".")[2].startswith(("picture", "page")):
            monkeypatch.delitem(sys.modules, name)
    for name in [name for name in sys.modules if name.partition(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(InputError, match=rf"{library}.*gpuplan\[plots\]") as caught:
        draw(samples.break_even(), tmp_path / f"a{suffix}")
    assert caught.value.field == "plot"


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    with pytest.raises(InputError, match="give another path"):
        draw(samples.break_even(), tmp_path / "none" / "a.svg")


def test_stairs_hold_the_plan_of_the_left_point() -> None:
    result = samples.frontier()
    drawn = curve_chart(result)
    (curve,) = drawn.curves
    assert curve.stairs and drawn.nothing_below and drawn.beyond == result.series[0].beyond
    times = [point.plan.prediction.total_hours for point in result.points if point.plan is not None]
    costs = [point.plan.prediction.cost_usd for point in result.points if point.plan is not None]
    assert [mark.x for mark in curve.found] == times[::-1]
    assert [mark.y for mark in curve.found] == costs[::-1]
    assert sum(mark.knee for mark in curve.found) == 1
    assert drawn.x.log and drawn.y is not None and drawn.y.log


def test_memory_is_that_of_the_plans() -> None:
    result = samples.frontier()
    bars = curve_chart(result).bars
    assert 2 <= len(bars) <= MOST_BARS
    memories = [point.plan.prediction.memory for point in result.points if point.plan is not None]
    for bar in bars:
        assert any(
            sum(size for _, size in bar.parts) == pytest.approx(memory.bytes)
            and (bar.bound, bar.usable) == (memory.bound_bytes, memory.usable_bytes)
            for memory in memories
        )
    assert not curve_chart(samples.frontiers()).bars  # of three methods there are more plans than there is room for


def test_the_shut_region_ends_at_the_smallest_deadline() -> None:
    result = samples.deadlines()
    drawn = curve_chart(result)
    least = next(point for point in result.points if point.plan is None).relaxations[0].to
    assert drawn.shut == (0.1, least)
    assert "smallest deadline" in short_reason(result.points[0])
    assert [mark.x for mark in drawn.curves[0].missing] == [0.1, 0.2]


def test_prices_that_win_come_first() -> None:
    drawn = dumbbell_chart(samples.break_even())
    wins = [one.wins for one in drawn.dumbbells]
    assert wins == sorted(wins, reverse=True)
    assert drawn.dumbbells[-1].even is None and "no plan at any price" in drawn.dumbbells[-1].note
    assert any(one.listed is None for one in drawn.dumbbells)


def test_axes_name_round_values() -> None:
    hours = axis("time", "hours", [0.4, 30.0])
    assert hours.log and [text for _, text in hours.ticks] == [
        text.replace(" ", "\u00a0") for text in ("30 min", "1 h", "3 h", "6 h", "12 h", "1 day")
    ]
    assert tick_text(48.0, "hours") == "2\u00a0days"
    assert [text for _, text in axis("cost", "usd", [100.0, 130.0]).ticks] == ["$100", "$110", "$120", "$130"]
    assert [text for _, text in axis("GPUs", "count", [1.0, 64.0]).ticks][:3] == ["1", "2", "4"]
    named = axis("budget", "usd", [500.0, 10_000.0], named=[(500.0, "$500"), (2000.0, "$2k"), (10_000.0, "$10k")])
    assert [text for _, text in named.ticks] == ["$500", "$2,000", "$10,000"]
    assert axis("cost", "usd", []).ticks == ()
    one = axis("cost", "usd", [7.0])
    assert one.low <= 7.0 < one.high


def test_labels_keep_off_what_is_there() -> None:
    canvas = Canvas(Box(0, 0, 200, 100))
    canvas.lines.append(((0.0, 50.0), (200.0, 50.0)))
    for _ in range(20):
        canvas.beside((100.0, 50.0), [(40.0, 12.0)])
    boxes = canvas.boxes
    assert len(boxes) > 3
    assert not any(one.meets(other) for one, other in combinations([box.grown(-1) for box in boxes], 2))
    assert not any(box.cut_by((0.0, 50.0), (200.0, 50.0)) for box in boxes)
    assert canvas.beside((100.0, 50.0), [(300.0, 12.0)]) is None
