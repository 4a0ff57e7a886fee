from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpuplan.errors import InputError
from gpuplan.units import (
    format_bytes,
    format_count,
    format_percent,
    parse_bytes,
    parse_count_range,
    parse_decimal,
    parse_duration,
    parse_fraction,
    parse_money,
    parse_quantity,
    parse_whole,
)

NOT_NUMBERS = [
    "",
    " ",
    "nan",
    "inf",
    "-inf",
    "Infinity",
    "abc",
    "1,00",
    "1.2.3",
    "--1",
    "1 2",
    "١",
    "1e",
    True,
    [],
    None,
]
PARSERS: list[Callable[[str, object], object]] = [
    parse_bytes,
    parse_duration,
    parse_money,
    parse_fraction,
    parse_quantity,
    parse_decimal,
    parse_whole,
    parse_count_range,
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1GB", 1e9),
        ("1K", 1e3),
        ("1kb", 1e3),
        ("1MB", 1e6),
        ("1 T", 1e12),
        ("2PB", 2e15),
        ("1e9B", 1e9),
        ("512 bytes", 512),
        ("1gb", 1e9),
        ("1,500MB", 1.5e9),
        (".5GB", 5e8),
        ("16GiB", 16 * 2**30),
        ("1Ki", 1024),
    ],
)
def test_sizes_are_decimal_unless_they_say_gib(text: object, expected: float) -> None:
    assert parse_bytes("data", text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("24h", 86_400),
        ("90m", 5_400),
        ("2d", 172_800),
        ("1d12h", 129_600),
        ("1d 12h", 129_600),
        ("1h 30min", 5_400),
        ("1.5 hours", 5_400),
        ("45s", 45),
        ("1w", 604_800),
    ],
)
def test_durations(text: str, expected: float) -> None:
    assert parse_duration("deadline", text) == expected


@pytest.mark.parametrize("value", ["24", 24, 1.5, "1e3"])
def test_a_duration_without_a_unit_gets_advice(value: object) -> None:
    with pytest.raises(InputError, match="has no unit") as caught:
        parse_duration("deadline", value)
    assert caught.value.suggestions == (f"{value}h", f"{value}m", f"{value}s")


@pytest.mark.parametrize("value", ["90", 90, 1.5, "1e9"])
def test_a_size_without_a_unit_gets_advice(value: object) -> None:
    with pytest.raises(InputError, match="has no unit") as caught:
        parse_bytes("min_memory", value)
    assert caught.value.suggestions == (f"{value}KB", f"{value}MB", f"{value}GB")


@pytest.mark.parametrize("text", ["1Gb", "40 Gib", "1.5Tb", "8Mb"])
def test_what_may_be_bits_is_not_taken_for_bytes(text: str) -> None:
    with pytest.raises(InputError, match="may mean bits") as caught:
        parse_bytes("data", text)
    assert caught.value.suggestions == (f"{text[:-1]}B",)


@pytest.mark.parametrize("text", ["24:00", "1h30", "h", "1mo", "1d-12h", "-1h", "1 fortnight", "tomorrow"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(InputError, match="is not a duration; write 90m"):
        parse_duration("deadline", text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$500", 500),
        ("2,000", 2000),
        ("2k", 2000),
        ("$2.5M", 2.5e6),
        ("USD 5", 5),
        ("5 usd", 5),
        ("US$7", 7),
        (99.5, 99.5),
    ],
)
def test_money(text: object, expected: float) -> None:
    assert parse_money("budget", text) == expected


@pytest.mark.parametrize("text", ["€500", "500 EUR", "£5", "5 gbp"])
def test_other_currencies_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="give US dollars"):
        parse_money("budget", text)


@pytest.mark.parametrize(
    ("text", "expected"), [("20%", 0.2), ("0.2", 0.2), (0.2, 0.2), ("0", 0), ("100%", 1), ("1", 1)]
)
def test_fractions(text: object, expected: float) -> None:
    assert parse_fraction("contingency", text) == expected


def test_a_percentage_without_its_sign_gets_advice() -> None:
    with pytest.raises(InputError, match="from 0 to 1") as caught:
        parse_fraction("contingency", "20")
    assert caught.value.suggestions == ("20%",)


def test_bounds_may_be_excluded() -> None:
    assert parse_fraction("confidence", "0.6", 0.5, 1.0, exclusive=True) == 0.6
    for text in ("0.5", "50%", "1", "100%"):
        with pytest.raises(InputError, match=r"above 0\.5 and below 1"):
            parse_fraction("confidence", text, 0.5, 1.0, exclusive=True)


@pytest.mark.parametrize(("text", "expected"), [("250M", 250e6), ("1.5B", 1.5e9), ("10k", 1e4), ("2T", 2e12), (7, 7)])
def test_quantities(text: object, expected: float) -> None:
    assert parse_quantity("tokens", text) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("64", (64, 64)), ("64:1024", (64, 1024)), (8, (8, 8)), ("1e3", (1000, 1000))]
)
def test_count_ranges(text: object, expected: tuple[int, int]) -> None:
    assert parse_count_range("global_batch", text) == expected


@pytest.mark.parametrize("text", ["1024:64", "64:", ":64", "a:b", "1.5:3", "0:4", "1:2:3", "-1"])
def test_bad_count_ranges(text: str) -> None:
    with pytest.raises(InputError, match="global_batch"):
        parse_count_range("global_batch", text)


def test_a_range_that_runs_backwards_is_turned_round() -> None:
    with pytest.raises(InputError, match="runs backwards") as caught:
        parse_count_range("global_batch", "1024:64")
    assert caught.value.suggestions == ("64:1024",)


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("value", NOT_NUMBERS)
def test_what_is_no_number_is_an_error_with_field_and_value(
    parser: Callable[[str, object], object], value: object
) -> None:
    with pytest.raises(InputError) as caught:
        parser("some_field", value)
    assert caught.value.field == "some_field"
    assert str(caught.value).startswith("some_field: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("parser", [parse_bytes, parse_money, parse_quantity, parse_decimal, parse_whole])
@pytest.mark.parametrize("value", ["0", "-1", 0, -5.5, "-0.0"])
def test_zero_and_less_are_refused(parser: Callable[[str, object], object], value: object) -> None:
    with pytest.raises(InputError, match=r"must be|not a whole"):
        parser("some_field", value)


@pytest.mark.parametrize("parser", [parse_bytes, parse_money, parse_quantity, parse_decimal])
@pytest.mark.parametrize("value", ["1e400", 1e308 * 10, float("nan"), float("inf"), float("-inf")])
def test_infinity_and_nan_are_refused(parser: Callable[[str, object], object], value: object) -> None:
    with pytest.raises(InputError, match=r"too large|is not a"):
        parser("some_field", value)


def test_a_long_value_is_cut_in_the_message() -> None:
    with pytest.raises(InputError) as caught:
        parse_bytes("data", "x" * 10_000 + "\n\x1b[31m")
    assert len(str(caught.value)) < 250
    assert "\x1b" not in str(caught.value)


@given(st.text())
def test_any_text_gives_a_positive_number_or_an_input_error(text: str) -> None:
    for parser in (parse_bytes, parse_duration, parse_money, parse_quantity, parse_decimal):
        try:
            assert 0 < parser("some_field", text) < float("inf")
        except InputError:
            continue


@given(st.floats(min_value=1e-3, max_value=1e15))
def test_numbers_survive_being_written(number: float) -> None:
    assert parse_bytes("data", f"{number!r}B") == number
    assert parse_quantity("tokens", f"{number!r}k") == number * 1e3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (format_bytes(1e9), "1 GB"),
        (format_bytes(999.96e6), "1 GB"),
        (format_bytes(1.3e12), "1.3 TB"),
        (format_bytes(12), "12 B"),
        (format_bytes(0), "0 B"),
        (format_percent(0.205), "20.5%"),
        (format_percent(1), "100%"),
        (format_count(250e6), "250 M"),
        (format_count(4_096), "4,096"),
        (format_count(1.25e9), "1.25 B"),
    ],
)
def test_printing(text: str, expected: str) -> None:
    assert text == expected
