"""The grid: a few cheap cells, and how they are written down."""

import csv
import io

import pytest

from benchmarks.grid.cells import Cell, cells
from benchmarks.grid.render import csv_text, headline, hours, markdown


@pytest.fixture(scope="module")
def found() -> list[Cell]:
    return list(cells(("Distill-Qwen-7B",), ("1K", "1T"), ("lora", "qlora")))


def test_every_cell_is_answered_and_proved(found: list[Cell]) -> None:
    assert [(cell.method, cell.size) for cell in found] == [
        ("lora", "1K"),
        ("lora", "1T"),
        ("qlora", "1K"),
        ("qlora", "1T"),
    ]
    assert all(cell.proved for cell in found)


def test_at_1k_what_surrounds_the_training_decides_and_at_1t_hundreds_of_gpus_train(found: list[Cell]) -> None:
    small, large = found[0].plan, found[1].plan
    assert small is not None
    assert large is not None
    assert small.prediction.time_parts_hours["training"] < 0.5 * small.prediction.total_hours
    assert large.gpus > 100
    assert large.prediction.time_parts_hours["training"] > 0.9 * large.prediction.total_hours


def test_what_nobody_sells_is_said() -> None:
    (cell,) = cells(("R1-671B",), ("1T",), ("lora",))
    days, nodes = cell.change("deadline"), cell.change("offer_nodes")
    assert cell.plan is None
    assert cell.proved
    assert days is not None
    assert nodes is not None
    assert days.to > 24
    assert nodes.to > nodes.from_
    text = markdown([cell])
    assert "which nobody sells on demand" in text
    assert "**not in a day**" in text


def test_the_files_hold_every_cell(found: list[Cell]) -> None:
    rows = list(csv.DictReader(io.StringIO(csv_text(found))))
    assert [(row["method"], row["data"], row["status"]) for row in rows] == [
        (cell.method, cell.size, "optimal") for cell in found
    ]
    assert float(rows[0]["cost_usd_low"]) <= float(rows[0]["cost_usd"]) <= float(rows[0]["cost_usd_high"])
    assert markdown(found).count("| 1T |") >= 2
    assert headline(found).startswith("4 questions, 4 answers proved")


@pytest.mark.parametrize(("value", "text"), [(0.5, "30 min"), (1.0, "1.0 h"), (47.9, "47.9 h"), (72.0, "3.0 days")])
def test_hours_are_said_as_people_say_them(value: float, text: str) -> None:
    assert hours(value) == text
