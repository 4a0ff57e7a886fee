"""The summary of a batch as text, pictures and a page: what they say, that nothing overlaps, that the page works offline."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import batch_answers as samples
from gpuplan.batching.result import BatchResult, BatchRow
from gpuplan.errors import InputError
from gpuplan.report.batch import MOST_GROUPS, render, tables, verdict
from gpuplan.report.batch_plots import draw
from gpuplan.report.batch_plots.chart import MOST_COLOURS, MOST_MODELS, MOST_POINTS, OTHERS, batch_chart
from gpuplan.report.batch_plots.points import read_points
from gpuplan.report.batch_plots.shades import shade
from gpuplan.report.sweep_plots.labels import Box

SAMPLES: dict[str, Callable[[], list[BatchRow]]] = {
    "ten rows": samples.ten,
    "a thousand rows": lambda: samples.many(1000),
    "long and odd names": samples.odd,
    "no plan at all": lambda: [samples.without_plan(1, ["deadline"]), samples.with_error(2)],
    "one plan": lambda: samples.ten()[:1],
}


def answered(name: str, folder: Path, ending: str = ".jsonl") -> BatchResult:
    return samples.batched(SAMPLES[name](), folder / f"plans{ending}")


def text_of(result: BatchResult, width: int = 100) -> str:
    buffer = io.StringIO()
    render(result, Console(file=buffer, width=width))
    return buffer.getvalue()


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("width", [60, 100, 200])
def test_text_is_as_wide_as_it_may_be(name: str, width: int, tmp_path: Path) -> None:
    lines = text_of(answered(name, tmp_path), width).splitlines()
    assert max(map(len, lines)) <= min(100, width)
    assert all(line == line.rstrip() for line in lines)


def test_text_says_what_came_of_it(tmp_path: Path) -> None:
    text = text_of(answered("ten rows", tmp_path))
    assert " ".join(text.split("\n\n")[0].split()) == (
        "Of 10 jobs 5 have a plan, for $207 and 209 GPU-hours in all, each rented by itself; for 3 it is proved that there is "
        "none; 1 was not decided; 1 has an error. Warning: 1 of 10 rows have errors."
    )
    sections = re.findall(r"^(\w[\w ]+)$", text, re.MULTILINE)
    assert sections == ["By model", "By GPU", "By provider", "Cheapest", "Without a plan", "Work"]
    assert re.search(r"llama-3.1-70b\s+1\s+1\s+\$141\s+\$141\s+\$141", text)
    assert re.search(r"5\s+qwen2.5-0.5b, lora, 1GB\s+\$0.27\s+24.0 min\s+8 x L4 \(gcp\)", text)
    assert re.search(r"2\s+no plan, proved\s+budget cannot be kept\s+6, 8", text)
    assert "in 2 processes for 10 jobs, 0.500 jobs a second" in text


def test_a_row_is_not_among_the_cheapest_and_the_dearest(tmp_path: Path) -> None:
    named = {title: {row[0] for row in rows} for title, _, rows in tables(answered("a thousand rows", tmp_path))}
    assert len(named["Cheapest"]) == len(named["Dearest"]) == 5
    assert not named["Cheapest"] & named["Dearest"]


def test_small_groups_are_counted_together(tmp_path: Path) -> None:
    result = answered("a thousand rows", tmp_path)
    (_, _, rows), *_ = tables(result)
    assert len(rows) == MOST_GROUPS + 1
    assert rows[-1][0] == f"{len(result.by_model) - MOST_GROUPS} others"
    assert sum(int(row[1].replace(",", "")) for row in rows) == result.jobs
    assert sum(int(row[2].replace(",", "")) for row in rows) == result.planned


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"planned": 10, "infeasible": 0, "undecided": 0, "errors": 0}, "Of 10\u00a0jobs 10 have a plan, for"),
        ({"planned": 0}, "Of 10\u00a0jobs none has a plan; for 3 it is proved"),
        ({"undecided": 2}, "2 were not decided"),
        ({"errors": 2}, "2 have an error."),
    ],
)
def test_the_sentence(changes: dict[str, int], words: str, tmp_path: Path) -> None:
    sentence, style = verdict(answered("ten rows", tmp_path).model_copy(update=changes))
    assert words in sentence
    assert ("green" in style) == (changes.get("planned") == 10)


@pytest.mark.parametrize("name", SAMPLES)
def test_csv_and_json_give_the_same_points(name: str, tmp_path: Path) -> None:
    first, second = (read_points(answered(name, tmp_path, ending).out) for ending in (".jsonl", ".csv"))
    assert first == second
    assert len(first) == answered(name, tmp_path).planned


def test_of_several_methods_the_cheapest_is_drawn(tmp_path: Path) -> None:
    dear, cheap = (samples.with_plan(1, "m", samples.planned("L4", "gcp", 2.0, usd)) for usd in (9.0, 4.0))
    row = dear.model_copy(
        update={
            "answer": dear.answer
            and dear.answer.model_copy(update={"plan": None, "choices": [dear.answer, cheap.answer]})
        }
    )
    for ending in (".jsonl", ".csv"):
        result = samples.batched(
            [row, samples.with_plan(2, "m", samples.planned("L4", "gcp", 2.0, 7.0))], tmp_path / f"a{ending}"
        )
        assert [(point.row, point.cost_usd) for point in read_points(result.out)] == [(1, 4.0), (2, 7.0)]


@pytest.mark.parametrize("text", ["{}\n", "not json\n", '{"row": 1, "answer": {"plan": {}, "model": "m"}}\n'])
def test_a_file_that_was_changed(text: str, tmp_path: Path) -> None:
    (tmp_path / "plans.jsonl").write_text(text)
    with pytest.raises(InputError, match="holds no rows of a batch"):
        read_points(str(tmp_path / "plans.jsonl"))
    with pytest.raises(InputError, match="cannot be read"):
        read_points(str(tmp_path / "none.csv"))


def test_everything_is_counted_in_the_chart(tmp_path: Path) -> None:
    result = answered("a thousand rows", tmp_path)
    chart = batch_chart(result, read_points(result.out))
    assert (
        sum(strip.count for strip in chart.strips) == len(chart.dots) == sum(map(sum, chart.counts)) == result.planned
    )
    assert len(chart.strips) == MOST_MODELS and chart.strips[-1].label == "other models"
    assert len(chart.styles) == MOST_COLOURS and chart.styles["other GPUs"] is OTHERS
    assert chart.providers[-1] == "others" and chart.sampled is None
    assert sum(bar.count for bar in chart.reasons) == result.jobs - result.planned
    for strip in chart.strips:
        assert list(strip.five) == sorted(strip.five)


def test_of_very_many_plans_some_are_drawn_and_all_are_counted(tmp_path: Path) -> None:
    result = answered("ten rows", tmp_path)
    points = read_points(result.out) * 2500
    chart = batch_chart(result, points)
    assert 0.5 * MOST_POINTS <= len(chart.dots) <= MOST_POINTS and chart.sampled == len(chart.dots)
    assert sum(strip.count for strip in chart.strips) == sum(map(sum, chart.counts)) == len(points)
    assert f"{len(chart.dots):,} of them are drawn" in chart.subtitle


def test_more_is_darker() -> None:
    fills = [shade(count, 1000)[0] for count in (1, 10, 100, 1000)]
    light = [sum(int(fill[place : place + 2], 16) for place in (1, 3, 5)) for fill in fills]
    assert light == sorted(light, reverse=True) and len(set(light)) == 4
    assert shade(0, 5)[0] not in fills and shade(1000, 1000)[1] == "#FFFFFF"


@pytest.mark.parametrize("name", SAMPLES)
def test_no_text_overlaps_another_or_leaves_the_picture(name: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    from gpuplan.report.batch_plots.picture import figure_of
    from gpuplan.report.plot_picture import drawing_style

    result = answered(name, tmp_path)
    with drawing_style():
        figure = figure_of(batch_chart(result, read_points(result.out)))
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
        boxes = [Box(box.x0, box.y0, box.x1, box.y1).grown(-0.5) for box in (first, second)]
        assert not boxes[0].meets(boxes[1]), (one.get_text(), other.get_text())


@pytest.mark.parametrize("suffix", [".png", ".svg", ".html"])
def test_the_same_answer_gives_the_same_file(suffix: str, tmp_path: Path) -> None:
    pytest.importorskip("plotly" if suffix == ".html" else "matplotlib")
    result = answered("a thousand rows", tmp_path)
    for index in range(2):
        draw(result, tmp_path / f"{index}{suffix}")
    first, second = ((tmp_path / f"{index}{suffix}").read_bytes() for index in range(2))
    assert first == second and len(first) > 10_000


@pytest.mark.parametrize("name", SAMPLES)
def test_the_page_works_offline_and_has_plots_and_tables(name: str, tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    result = answered(name, tmp_path)
    draw(result, tmp_path / "a.HTML")
    text = (tmp_path / "a.HTML").read_text(encoding="utf-8")
    around = text.replace(max(re.split(r"</?script[^>]*>", text), key=len), "")  # without plotly's own script
    assert not re.search(r"<(script|img|iframe)[^>]*\ssrc=|<link|@import|url\(|//\w+\.", around)
    assert "<b>x</b>" not in around and "<i>GPU</i>" not in around
    titles = re.findall(r"<h[23]>([^<]*)</h[23]>", text)
    assert len(titles) == len(set(titles)) and "Work" in titles
    traces = [trace for figure in figures_in(text) for trace in figure]
    assert {trace["type"] for trace in traces} <= {"scatter", "bar", "box"}
    assert all(isinstance(trace[side], list) for trace in traces for side in "xy" if side in trace)
    told = {line for trace in traces if trace["type"] == "scatter" for line in trace["text"]}
    for point in read_points(result.out):
        assert any(line.startswith(f"row {point.row:,}: ") for line in told)
    if result.unplanned:
        assert "Why jobs have no plan" in titles and "Without a plan" in titles
    assert ("Cost by model" in titles) == bool(result.planned)


def figures_in(text: str) -> list[list[dict[str, Any]]]:
    """Traces of each figure in a page."""
    decode = json.JSONDecoder().raw_decode
    starts = [found.end() for found in re.finditer(r"Plotly\.newPlot\(\s*\"gpuplan-batch-\w+\",\s*", text)]
    return [decode(text, start)[0] for start in starts]


def test_a_name_is_no_script(tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    wicked = "</script><script>alert(1)</script>"
    rows = [
        samples.with_plan(1, wicked, samples.planned(wicked, wicked, 1.0, 1.0), name=wicked),
        samples.with_error(2, wicked),
    ]
    draw(samples.batched(rows, tmp_path / "a.jsonl"), tmp_path / "a.html")
    assert wicked not in (tmp_path / "a.html").read_text(encoding="utf-8")


def test_another_ending(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.png, \.svg or \.html") as caught:
        draw(answered("ten rows", tmp_path), tmp_path / "a.pdf")
    assert caught.value.field == "page"
