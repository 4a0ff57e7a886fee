"""Pictures of schedules: what is in them, that nothing in them overlaps, and that the same answer gives the same file."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from datetime import datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

import fleet_samples as samples
from gpuplan.errors import InputError
from gpuplan.report.fleet_plots import draw
from gpuplan.report.fleet_plots.chart import FleetChart, Head, Task
from gpuplan.report.fleet_plots.colours import letters_on, pale
from gpuplan.report.fleet_plots.dates import time_axis
from gpuplan.report.fleet_plots.labels import place
from gpuplan.report.fleet_plots.layout import shortened
from gpuplan.report.fleet_plots.scene import MOST_JOBS, MOST_LINKS, fleet_chart
from gpuplan.report.format import GLUE
from gpuplan.report.sweep_plots.chart import STYLES
from gpuplan.report.sweep_plots.labels import Box
from gpuplan.scheduling.result import FleetResult

WICKED = "$1 and $2 <b>x</b> " + "y" * 60
SAMPLES: dict[str, Callable[[], FleetResult]] = {
    "4 jobs": samples.small,
    "4 jobs without dates": lambda: samples.small(dated=False),
    "25 jobs": samples.fleet,
    "25 jobs without dates": lambda: samples.fleet(dated=False),
    "100 jobs": lambda: samples.fleet(100),
    "late": samples.late,
    "left out": samples.left_out,
    "all left out": samples.all_left_out,
    "changing": samples.changing,
    "infeasible": samples.infeasible,
    "unknown": samples.unknown,
    "weeks": lambda: samples.stretched(1.5),
    "months": samples.stretched,
    "years": lambda: samples.stretched(90.0),
    "odd names": lambda: samples.renamed(samples.small(), WICKED),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_no_text_overlaps_another_or_leaves_the_picture(name: str) -> None:
    pytest.importorskip("matplotlib")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    from gpuplan.report.fleet_plots import picture
    from gpuplan.report.plot_picture import drawing_style

    with drawing_style():
        figure, _ = picture.figure_of(fleet_chart(SAMPLES[name]()))
        renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
        figure.draw(renderer)
        texts: list[Any] = [text for text in figure.findobj(Text) if getattr(text, "get_text", str)().strip()]
        inside = [(text, text.get_window_extent(renderer)) for text in texts if text.get_visible()]
        whole = figure.bbox
        assert len(inside) >= 5
        for text, box in inside:
            assert text.get_fontsize() >= 7, text
            assert whole.x0 <= box.x0 and box.x1 <= whole.x1 and whole.y0 <= box.y0 and box.y1 <= whole.y1, text
        for (one, first), (other, second) in combinations(inside, 2):
            assert not _boxes_meet(first, second), (one.get_text(), other.get_text())


def _boxes_meet(one: Any, other: Any) -> bool:
    boxes = [Box(box.x0, box.y0, box.x1, box.y1).grown(-1.0) for box in (one, other)]
    return boxes[0].meets(boxes[1])


@pytest.mark.parametrize("jobs", [25, 100])
def test_letters_are_large_enough(jobs: int) -> None:
    from gpuplan.report.fleet_plots.layout import LARGE, letters

    size = letters(fleet_chart(samples.fleet(jobs)))
    assert size == LARGE if jobs == 25 else 7 <= size < LARGE


@pytest.mark.parametrize("suffix", [".png", ".svg", ".html"])
@pytest.mark.parametrize("name", ["25 jobs", "changing", "infeasible"])
def test_the_same_answer_gives_the_same_file(name: str, suffix: str, tmp_path: Path) -> None:
    pytest.importorskip("plotly" if suffix == ".html" else "matplotlib")
    paths = [tmp_path / f"{index}{suffix}" for index in range(2)]
    for path in paths:
        draw(SAMPLES[name](), path)
    first, second = (path.read_bytes() for path in paths)
    assert first == second and len(first) > 10_000
    assert [path.name for path in sorted(tmp_path.iterdir())] == [path.name for path in paths]


@pytest.mark.parametrize("name", SAMPLES)
def test_the_page_works_offline_and_tells_all_jobs(name: str, tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    path, result = tmp_path / "a.HTML", SAMPLES[name]()
    draw(result, path)
    text = path.read_text(encoding="utf-8")
    # Nothing is loaded: neither scripts nor style sheets, fonts or pictures; plotly's own script is the longest part.
    around = text.replace(max(re.split(r"</?script[^>]*>", text), key=len), "")
    assert not re.search(r"<(script|img|iframe)[^>]*\ssrc=|<link|@import|url\(|//\w+\.", around)
    assert "<!doctype html>" in text and "<title>" in text
    traces = _traces(text)
    # Traces of a map would load it; an array in base64 would be no list.
    assert {trace["type"] for trace in traces} <= {"scatter", "bar"}
    assert all(isinstance(trace[side], list) for trace in traces for side in "xy")
    assert "<b>x</b>" not in around
    told = [_squeezed(line) for trace in traces for line in trace.get("hovertext", [])]
    for job in result.jobs:
        wanted = ["&lt;b&gt;x" if job.name == WICKED else job.name]
        if job.plan is not None and job.gpu is not None:
            wanted += [
                job.gpu,
                "its plan",
                f"global batch {job.plan.layout.global_batch:,}",
                "tokens/s per GPU",
                "cost",
            ]
            wanted += ["order by"] if job.order_by_hours is not None else []
        assert any(all(_squeezed(word) in line for word in wanted) for line in told), wanted


def _squeezed(text: str) -> str:
    """The text without what holds its words apart."""
    return re.sub(r"<br>|\s", "", text)


def _traces(text: str) -> list[dict[str, Any]]:
    """Traces of the figure in a page."""
    start = text.rindex("Plotly.newPlot(") + len("Plotly.newPlot(")
    traces: list[dict[str, Any]] = json.JSONDecoder().raw_decode(text, text.index("[", start))[0]
    return traces


def test_bars_of_a_page_are_as_long_as_jobs_run(tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    from gpuplan.report.fleet_plots.page import figure_of

    for dated, unit in ((True, 3_600_000.0), (False, 1.0)):
        result = samples.small(dated=dated)
        bars = {trace.name: trace for trace in figure_of(fleet_chart(result)).data if trace.type == "bar"}
        bar = bars["A100-80GB-SXM"]
        (job,) = (job for job in result.jobs if job.gpu == "A100-80GB-SXM")
        assert list(bar.x) == [(job.hours or 0.0) * unit]
        assert list(bar.base) == (["2026-12-01T08:00:00"] if dated else [0.0])


def test_a_name_is_no_script(tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    wicked = "</script><script>alert(1)</script>"
    draw(samples.renamed(samples.small(), wicked), tmp_path / "a.html")
    assert wicked not in (tmp_path / "a.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["fleet.pdf", "fleet", "fleet.png.txt"])
def test_another_ending(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.png, \.svg or \.html") as caught:
        draw(samples.small(), tmp_path / name)
    assert caught.value.field == "plot"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("suffix", "library"), [(".png", "matplotlib"), (".svg", "matplotlib"), (".html", "plotly")])
def test_a_missing_library(suffix: str, library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(InputError, match=rf"{library}.*gpuplan\[plots\]") as caught:
        draw(samples.small(), tmp_path / f"a{suffix}")
    assert caught.value.field == "plot"


# -- what is drawn --------------------------------------------------------------------------------------------------------------
def test_lanes_are_the_stock_then_what_is_rented_each_by_start() -> None:
    result = samples.fleet(100)
    lanes = _lanes(fleet_chart(result))
    assert [lane.partition(":")[0] for lane in lanes] == ["dgx", "block", "lab", "edge", "rented", "rented", "left out"]
    for tasks in lanes.values():
        assert [task.start for task in tasks] == sorted(task.start for task in tasks)
    assert {task.name for tasks in lanes.values() for task in tasks} == {
        job.name for job in result.jobs if job.status == "planned"
    }
    assert [out.name for out in fleet_chart(result).outs] == [
        job.name for job in result.jobs if job.status == "left out"
    ]


def _lanes(chart: FleetChart) -> dict[str, list[Task]]:
    lanes: dict[str, list[Task]] = {}
    for row in chart.rows:
        if isinstance(row, Head):
            lanes[row.text] = []
        elif isinstance(row, Task):
            lanes[list(lanes)[-1]].append(row)
    return lanes


def test_a_gpu_has_one_colour_above_and_below() -> None:
    chart = fleet_chart(samples.fleet(100))
    assert [style.colour for style in chart.styles.values()] == [style.colour for style in STYLES[: len(chart.styles)]]
    panels = {panel.name: panel.colour for panel in chart.panels}
    assert panels["dgx"] == chart.styles["H100-SXM"].colour == panels["nebius/gpu-8/eu-north1/on-demand"]
    assert panels["block"] == chart.styles["H200-SXM"].colour


def test_a_job_is_where_and_as_long_as_it_runs() -> None:
    result = samples.fleet()
    tasks = {task.name: task for task in fleet_chart(result).tasks}
    for job in result.jobs:
        if job.start_hours is None:
            continue
        task = tasks[job.name]
        assert (task.start, task.end, task.deadline, task.group) == (
            job.start_hours,
            job.end_hours,
            job.deadline_hours,
            job.gpu,
        )
        assert (task.late_from is not None) == bool(job.late_hours)
    late = [job for job in result.jobs if job.late_hours]
    assert late and all(tasks[job.name].late_from == job.deadline_hours for job in late)
    waits = {name for name, task in tasks.items() if task.ready is not None}
    assert waits == {job.name for job in result.jobs if 0 < job.release_hours < (job.start_hours or 0)}


def test_a_job_that_is_late_all_the_time_is_late_from_its_start() -> None:
    last = fleet_chart(samples.late()).tasks[-1]
    assert last.deadline is not None and last.deadline < last.start == last.late_from


def test_what_comes_after_is_drawn_only_where_it_can_be_followed() -> None:
    assert [(link.before, link.after) for link in fleet_chart(samples.small()).links] == [
        ("support-bot", "support-eval")
    ]
    found = samples.fleet(100)
    before = next(job.name for job in found.jobs if job.start_hours == 0)
    jobs = [job.model_copy(update={"after": [before]}) for job in found.jobs if job.start_hours]
    assert len(jobs) > MOST_LINKS
    first = [job for job in found.jobs if job.name == before]
    assert fleet_chart(found.model_copy(update={"jobs": first + jobs})).links == ()


def test_deadlines_far_beyond_the_end_do_not_stretch_the_axis() -> None:
    chart = fleet_chart(samples.changing())
    assert chart.time.high == pytest.approx(72.35 * 1.02)
    assert max(task.deadline or 0 for task in chart.tasks) == 400.0


def test_use_is_dark_where_nothing_is_left() -> None:
    block, quota = fleet_chart(samples.changing()).panels
    assert block.full == ((0.0, 23.5), (24.0, 48.0), (60.0, 61.0))
    assert quota.full == ((24.0, 48.0),)
    assert [(step.hours, step.units) for step in block.capacity] == [(0, 2), (24, 8), (48, 0), (60, 5), (61, 6)]
    assert (block.use_at(23.9), block.use_at(24.0), block.capacity_at(59.0)) == (0, 8, 0)
    assert (block.named, quota.named) == (8, 64)


def test_an_offer_that_nobody_uses_is_not_drawn_and_a_large_one_not_from_afar() -> None:
    found = samples.small()
    *stocks, offer = found.resources
    idle = offer.model_copy(update={"in_use": [step.model_copy(update={"units": 0}) for step in offer.in_use]})
    names = [panel.name for panel in fleet_chart(found.model_copy(update={"resources": [*stocks, idle]})).panels]
    assert names == [stock.name for stock in stocks]
    large = offer.model_copy(update={"periods": [one.model_copy(update={"units": 512}) for one in offer.periods]})
    panel = fleet_chart(found.model_copy(update={"resources": [*stocks, large]})).panels[-1]
    assert panel.top == 10.0 and panel.named == 4  # four nodes are in use


def test_of_too_many_jobs_the_first_are_drawn() -> None:
    chart = fleet_chart(samples.many(MOST_JOBS + 7))
    assert len(chart.tasks) == MOST_JOBS
    assert chart.more == f"and 7{GLUE}more jobs, which the table has"


def test_without_a_schedule_the_conflict_and_the_ways_out_are_said() -> None:
    chart = fleet_chart(samples.infeasible())
    assert chart.title.startswith("No schedule for 2\u00a0jobs: the deadline of support-bot, ")
    assert "3 more nodes of dgx until day 8, or a budget of $61,234" in chart.subtitle[1]
    assert [out.until for out in chart.outs] == [12.0, 12.0]
    assert not chart.panels


# -- parts ----------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("last", "texts"),
    [
        (12.0, ["08:00", "10:00", "12:00", "14:00", "16:00", "18:00", "20:00"]),
        (60.0, ["12:00", "Wed 2 Dec", "12:00", "Thu 3 Dec", "12:00"]),
        (24 * 6, ["Wed 2 Dec", "Thu 3 Dec", "Fri 4 Dec", "Sat 5 Dec", "Sun 6 Dec", "Mon 7 Dec"]),
        (24 * 30, ["7 Dec", "14 Dec", "21 Dec", "28 Dec"]),
        (24 * 400, ["Jan 2027", "Mar 2027", "May 2027", "Jul 2027", "Sep 2027", "Nov 2027", "Jan 2028"]),
    ],
)
def test_an_axis_of_dates_names_round_ones(last: float, texts: list[str]) -> None:
    axis = time_axis(datetime(2026, 12, 1, 8), last)
    assert [text.replace(GLUE, " ") for _, text in axis.ticks] == texts
    assert axis.title == "starts Tue 1 Dec 2026, 08:00"
    assert all(0 <= place <= axis.high for place, _ in axis.ticks)


@pytest.mark.parametrize(
    ("last", "texts"),
    [
        (5.0, ["0", "1 h", "2 h", "3 h", "4 h", "5 h"]),
        (93.0, ["0", "12 h", "1 day", "1.5 days", "2 days", "2.5 days", "3 days", "3.5 days"]),
        (24 * 365, ["0", "42 days", "84 days", "126 days", "168 days", "210 days", "252 days", "294 days", "336 days"]),
    ],
)
def test_an_axis_without_dates_names_round_times(last: float, texts: list[str]) -> None:
    assert [text.replace(GLUE, " ") for _, text in time_axis(None, last).ticks] == texts


def test_a_month_begins_at_its_first_day() -> None:
    axis = time_axis(datetime(2026, 12, 1), 24.0 * 400)
    assert axis.ticks[1] == (31 * 24.0 + 59 * 24.0, f"Mar{GLUE}2027")


@pytest.mark.parametrize(
    ("start", "end", "deadline", "late_from", "beside", "left"),
    [
        (10.0, 50.0, None, None, "inside", 11.0),
        (10.0, 20.0, None, None, "after", 21.0),
        (10.0, 20.0, 60.0, None, "after", 21.0),  # there is room before the tick
        (10.0, 20.0, 30.0, None, "after the deadline", 31.0),
        (80.0, 95.0, None, None, "before", 59.0),
        (10.0, 50.0, 12.0, 12.0, "after", 51.0),  # not on what is hatched
        (10.0, 50.0, 40.0, 40.0, "inside", 11.0),
    ],
)
def test_a_label_is_where_there_is_room(
    start: float, end: float, deadline: float | None, late_from: float | None, beside: str, left: float
) -> None:
    task = Task("a", "g", start, end, ("x" * 20,), (), deadline, late_from)
    label = place(task, 1.0, 100.0, len, 1.0)
    assert label is not None and (label.beside, label.left) == (beside, left)


def test_a_label_gives_way_to_its_short_form_and_at_last_goes() -> None:
    task = Task("a", "g", 40.0, 60.0, ("x" * 50, "x" * 30), ())
    label = place(task, 1.0, 100.0, len, 1.0)
    assert label is not None and label.text == "x" * 30
    assert place(task, 0.2, 20.0, len, 1.0) is None


def test_a_text_is_cut_where_room_ends() -> None:
    assert shortened("support-bot", 11, len) == "support-bot"
    assert shortened("support-bot", 8, len) == "support…"
    assert shortened("support-bot-7", 9, len, ends=True) == "supp…ot-7"
    assert shortened("support-bot", 2, len) == ""


def test_letters_can_be_read_on_every_colour() -> None:
    assert [letters_on(style.colour) for style in STYLES[:3]] == ["white", "white", "black"]
    assert letters_on("#000000") == "white" and letters_on("#ffffff") == "black"
    assert pale("#000000", 0.5) == "#808080"
