from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpuplan.report import format as f
from gpuplan.report.format import GLUE
from gpuplan.result import Interval

CASES: list[tuple[Callable[[float], str], float, str]] = [
    (f.hours, 0, "0 min"),
    (f.hours, 36 / 3600, "36.0 s"),
    (f.hours, 46 / 60, "46.0 min"),
    (f.hours, 0.9995, "1.0 h"),
    (f.hours, 2.84, "2.8 h"),
    (f.hours, 47.96, "48.0 h"),
    (f.hours, 48, "2.0 days"),
    (f.hours, 86.7, "3.6 days"),
    (f.hours, 24e4, "10,000 days"),
    (f.hours, 1e-9, "3.6e-06 s"),
    (f.limit_hours, 24, "24 h"),
    (f.limit_hours, 36.5, "36.5 h"),
    (f.limit_hours, 72, "3 days"),
    (f.limit_hours, 100, "100 h"),
    (f.limit_hours, 50, "50 h"),
    (f.hours_at_least, 24.01, "24.1 h"),
    (f.hours_at_least, 0.5001, "30.1 min"),
    (f.money, 0, "$0.00"),
    (f.money, 1e-9, "less than $0.01"),
    (f.money, 0.00532, "$0.01"),
    (f.money, 0.0525, "$0.05"),
    (f.money, 0.2321, "$0.23"),
    (f.money, 0.9999, "$1.00"),
    (f.money, 14.743, "$14.74"),
    (f.money, 99.996, "$100"),
    (f.money, 139.4, "$139"),
    (f.money, 96307.5, "$96,308"),
    (f.money, 12.3e6, "$12.3 M"),
    (f.money, -14.743, "-$14.74"),
    (f.money_at_least, 16.3186, "$16.32"),
    (f.money_at_least, 139.1, "$140"),
    (f.limit_money, 5, "$5"),
    (f.limit_money, 12.5, "$12.50"),
    (f.price, 5.16, "$5.16"),
    (f.price, 113.92, "$113.92"),
    (f.gib, 49.52 * 2**30, "49.5 GiB"),
    (f.gib, 1792 * 2**30, "1,792 GiB"),
    (f.gib_part, 0.06 * 2**30, "0.06 GiB"),
    (f.gib_part, 1.0, "<0.01 GiB"),
    (f.decimal_bytes, 67.36e9, "67.4 GB"),
    (f.rate, 625e6, "625 MB/s"),
    (f.count, 250e6, "250 M"),
    (f.percent, 0.926, "93%"),
    (f.percent, 0.053, "5.3%"),
    (f.percent, 0.000041, "0.0041%"),
    (f.percent, 1e-16, "0%"),
    (f.share, 0.053, "5.3%"),
    (f.probability, 1, "above 99.9%"),
    (f.probability, 0, "below 0.1%"),
    (f.probability, 0.931, "93.1%"),
]


@pytest.mark.parametrize(("write", "value", "text"), CASES)
def test_examples(write: Callable[[float], str], value: float, text: str) -> None:
    assert write(value).replace(GLUE, " ") == text
    assert " " not in write(value)  # a number never parts from its unit


def test_intervals_are_told_in_the_unit_of_the_expected_value() -> None:
    hours = f.hours_interval(Interval(point=0.9, low=0.5, high=1.5))
    assert hours.replace(GLUE, " ") == "54.0 min [30.0 min-1.5 h]"
    shorter = f.hours_interval(Interval(point=0.6, low=0.55, high=0.7))
    assert shorter.replace(GLUE, " ") == "36.0 min [33.0-42.0 min]"
    assert f.hours_interval(Interval(point=48, low=48, high=48.1)).replace(GLUE, " ") == "2.0 days"
    assert f.money_interval(Interval(point=0.001, low=0.0009, high=0.0012)).replace(GLUE, " ") == "less than $0.01"
    assert f.money_interval(Interval(point=0.34, low=0.33, high=0.36)) == "$0.34 [$0.33-$0.36]"
    assert f.money_interval(Interval(point=105, low=98.2, high=113)) == "$105 [$98-$113]"
    step = f.seconds_interval(Interval(point=0.154, low=0.134, high=0.178))
    assert step.replace(GLUE, " ") == "154 ms [134-178 ms]"


def test_parts_have_the_digits_of_the_whole() -> None:
    assert [f.step_seconds(value, 39.8).replace(GLUE, " ") for value in (25.23, 0.786)] == ["25.2 s", "0.8 s"]


def test_a_column_lines_up() -> None:
    values = [f.hours(value) for value in (2.64, 10 / 60, 17 / 3600)]
    assert [value.replace(GLUE, " ").rjust(9) for value in f.align_units(values)] == [
        "  2.6 h  ",
        " 10.0 min",
        " 17.0 s  ",
    ]


@given(st.floats(min_value=0, max_value=1e15))
def test_a_positive_amount_is_never_nothing(usd: float) -> None:
    for text in (f.money(usd), f.limit_money(usd)):
        assert (re.search("[1-9]", text) is not None) == (usd > 0)


@given(st.floats(min_value=1e-6, max_value=1e9))
def test_a_limit_that_is_proposed_is_enough(value: float) -> None:
    factors = {"s": 1 / 3600, "min": 1 / 60, "h": 1.0, "days": 24.0}
    number, unit = f.hours_at_least(value).split(GLUE)
    assert float(number.replace(",", "")) * factors[unit] >= value * (1 - 1e-9)


@given(st.floats(min_value=0.01, max_value=9e6))
def test_a_budget_that_is_proposed_is_enough(usd: float) -> None:
    text = f.money_at_least(usd)
    assert float(text.replace("$", "").replace(",", "")) >= usd * (1 - 1e-9)


@pytest.mark.parametrize(
    ("least", "step", "words"),
    [
        (None, 1.0, "least time not stated, in steps of 1 s"),
        (60.0, None, "for 1 min at least, steps not stated"),
        (60.0, 0.0, "for 1 min at least"),
        (0.0, 3600.0, "from the start, in steps of 1 h"),
    ],
)
def test_least_time_and_steps_of_a_bill(least: float | None, step: float | None, words: str) -> None:
    assert f.billed(least, step).replace("\u00a0", " ") == words
