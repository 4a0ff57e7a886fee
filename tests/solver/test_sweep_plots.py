"""Pictures of sweeps: what is in them, that nothing in them overlaps, and that the same answer gives the same file."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import pytest

import sweep_samples as samples
from gpuplan.errors import InputError
from gpuplan.report.sweep_plots import draw
from gpuplan.report.sweep_plots.bars import colour_of
from gpuplan.report.sweep_plots.chart import OTHER_COLOUR, PART_COLOURS, STYLES, Chart
from gpuplan.report.sweep_plots.dumbbells import dumbbell_chart
from gpuplan.report.sweep_plots.labels import Box, Canvas
from gpuplan.report.sweep_plots.phrases import short_reason, value
from gpuplan.report.sweep_plots.scales import axis, tick_text
from gpuplan.report.sweep_plots.scene import MOST_BARS, curve_chart
from gpuplan.report.words import MEMORY_PARTS, words
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
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    from gpuplan.report.plot_picture import drawing_style
    from gpuplan.report.sweep_plots import picture

    with drawing_style():
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
    # Nothing is loaded: neither scripts nor style sheets, fonts or pictures; plotly's own script is the longest part.
    around = text.replace(max(re.split(r"</?script[^>]*>", text), key=len), "")
    assert not re.search(r"<(script|img|iframe)[^>]*\ssrc=|<link|@import|url\(|//\w+\.", around)
    assert "<!doctype html>" in text and "<title>" in text
    traces = figure_in(text)
    # Traces of a map would load it; an array in base64 would be no list.
    assert {trace["type"] for trace in traces} <= {"scatter", "bar"}
    assert all(isinstance(trace[side], list) for trace in traces for side in "xy")
    assert all(len(trace["text"]) == len(trace["x"]) for trace in traces if "text" in trace)
    assert "<b>x</b>" not in around
    told = [line.replace("<br>", " ") for trace in traces for line in trace.get("text", [])]
    plans = [point.plan for point in result.points] + [one.plan for one in result.break_even]
    for plan in (plan for plan in plans if plan is not None):
        wanted = [plan.offer.gpu, plan.offer.provider, f"global batch {plan.layout.global_batch:,}", "tokens/s per GPU"]
        assert any(all(word in line for word in wanted) for line in told)


def figure_in(text: str) -> list[dict[str, Any]]:
    """Traces of the figure in a page."""
    start = text.rindex("Plotly.newPlot(") + len("Plotly.newPlot(")
    traces: list[dict[str, Any]] = json.JSONDecoder().raw_decode(text, text.index("[", start))[0]
    return traces


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
    for name in [
        name for name in sys.modules if name.startswith(("gpuplan.report.sweep_plots.p", "gpuplan.report.plot_p"))
    ]:
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


def test_a_part_of_memory_has_its_colour_in_every_picture() -> None:
    (point, *_) = samples.frontier().points
    assert point.plan is not None
    parts = {words(MEMORY_PARTS, name) for name in point.plan.prediction.memory.parts_bytes}
    assert parts == set(PART_COLOURS)
    colours = [*PART_COLOURS.values(), OTHER_COLOUR]
    assert len(set(colours)) == len(colours) and not set(colours) & {style.colour for style in STYLES}
    assert colour_of("a part of tomorrow") == OTHER_COLOUR


def test_only_limits_have_stairs() -> None:
    for result, stairs in [
        (samples.deadlines(), True),
        (samples.models(), True),
        (samples.frontiers(), True),
        (samples.budgets(), False),
        (samples.batches(), False),
    ]:
        assert {curve.stairs for curve in curve_chart(result).curves} == {stairs}


def test_a_plan_that_holds_on_is_drawn_small_and_named_once() -> None:
    found = curve_chart(samples.deadlines()).curves[0].found
    assert [mark.again for mark in found[:1] + found[-1:]] == [False, True]
    for before, mark in pairwise(found):
        assert mark.again == (mark.height == before.height)
        assert not (mark.again and mark.label)
    # More tokens on the same cluster are another answer.
    assert not any(mark.again for curve in curve_chart(samples.budgets()).curves for mark in curve.marks)


def test_the_second_line_says_what_is_fixed() -> None:
    lines = {name: chart(SAMPLES[name]()).subtitle[0] for name in SAMPLES}
    assert lines["deadlines"].startswith("250\u00a0M tokens x 1\u00a0epoch; sequences of 4,096; limits kept")
    assert lines["tokens by budget"].startswith("1\u00a0epoch; sequences of 4,096; deadline 24\u00a0h; limits kept")
    assert "deadline" not in lines["deadlines"] and "at most 64\u00a0GPUs" in lines["global batches"]


def test_values_are_written_as_on_the_axis() -> None:
    labels = [bar.label for bar in curve_chart(samples.budgets(1)).bars]
    assert any("budget $10,000)" in label for label in labels)
    dear = samples.budgets(1).points[-1].model_copy(update={"over": "sequence-length", "at_unit": "tokens"})
    assert value(dear.model_copy(update={"at_text": "16384"})) == "sequence length 16,384"
    assert value(dear.model_copy(update={"at_text": "250M"})) == "sequence length 250M"


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
