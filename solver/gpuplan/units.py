"""Read and print sizes, durations, money, percentages and counts, the way people write them.

Every reader takes the name of the field first and raises `InputError` with the value and a way out. Sizes are decimal
(1GB = 1e9 bytes) unless they say GiB. Sizes and durations need a unit: nobody can tell whether "24" is hours or minutes,
or whether "90" is bytes or gigabytes.
"""

from __future__ import annotations

import math
import re

from gpuplan.errors import InputError, shown

BYTE_UNITS = {
    "": 1,
    "b": 1,
    "byte": 1,
    "bytes": 1,
    **{prefix + tail: 1000**power for power, prefix in enumerate("kmgtp", 1) for tail in ("", "b")},
    **{f"{prefix}i{tail}": 1024**power for power, prefix in enumerate("kmgtp", 1) for tail in ("", "b")},
}
DURATION_UNITS = {
    **dict.fromkeys(("w", "week", "weeks"), 604_800),
    **dict.fromkeys(("d", "day", "days"), 86_400),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3_600),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1),
}
COUNT_UNITS = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9, "t": 1e12}

SIZE_EXAMPLES = "1K, 1MB, 1GB, 1T or 16GiB"
DURATION_EXAMPLES = "90m, 24h, 2d or 1d12h"
MONEY_EXAMPLES = "$500, 2,000 or 2k"
FRACTION_EXAMPLES = "20% or 0.2"
COUNT_EXAMPLES = "500, 10k, 250M or 1.5B"

_NUMBER = r"(?P<number>[+-]?(?:\d{1,3}(?:,\d{3})+|\d+|(?=\.\d))(?:\.\d*)?(?:e[+-]?\d+)?)"
_QUANTITY = re.compile(_NUMBER + r"\s*(?P<unit>[a-z]*)", re.IGNORECASE | re.ASCII)
#: "Gb" and "Gib" mean bits to those who write "GB" for bytes; "gb" is written by those who do not tell them apart.
_BITS = re.compile(r"[KMGTP]i?b$")
_DURATION_PART = re.compile(_NUMBER + r"\s*(?P<unit>[a-z]+)[\s,]*", re.IGNORECASE | re.ASCII)


def is_size(value: object) -> bool:
    """Whether a value reads as a number of bytes at all, be it out of range."""
    match = _QUANTITY.fullmatch(str(value).strip())
    return match is not None and match["unit"].lower() in BYTE_UNITS


def is_plain_number(value: object) -> bool:
    """Whether a value reads as a number without a unit."""
    match = _QUANTITY.fullmatch(str(value).strip())
    return match is not None and not match["unit"]


def parse_bytes(field: str, value: object) -> float:
    """Bytes of a size: "1GB" is 1e9, "1K" is 1e3, "16GiB" is 16 * 2^30.

    Raises
    ------
    InputError
        No size, not above zero, a number without a unit, or a unit that may mean bits ("Gb").
    """
    count = _positive(field, value, _quantity(field, value, BYTE_UNITS, "a size", SIZE_EXAMPLES))
    text = str(value).strip()
    if is_plain_number(text):
        ways_out = tuple(f"{text}{unit}" for unit in ("KB", "MB", "GB"))
        raise InputError(field, value, f"{shown(value)!r} has no unit; write for example {text}GB", ways_out)
    if _BITS.search(text):
        in_bytes = f"{text[:-1]}B"
        message = f"{shown(value)!r} may mean bits; write {in_bytes} for bytes (8 bits are a byte)"
        raise InputError(field, value, message, (in_bytes,))
    return count


def parse_duration(field: str, value: object) -> float:
    """Seconds of a duration with units: "24h", "90m", "2d", "1d12h".

    Raises
    ------
    InputError
        No duration, not above zero, or a number without a unit.
    """
    text = str(value).strip()
    if is_plain_number(text):
        raise InputError(
            field,
            value,
            f"{shown(value)!r} has no unit; write for example {text}h",
            tuple(f"{text}{unit}" for unit in "hms"),
        )
    seconds, position = 0.0, 0
    for part in _DURATION_PART.finditer(text):
        factor = DURATION_UNITS.get(part["unit"].lower())
        if factor is None or part.start() != position or part["number"][0] in "+-":
            break
        seconds += _number(part["number"]) * factor
        position = part.end()
    if not text or position != len(text):
        raise InputError(field, value, f"{shown(value)!r} is not a duration; write {DURATION_EXAMPLES}")
    return _positive(field, value, seconds)


def parse_days(field: str, value: object) -> float:
    """Days of a duration, which for prices and checkpoints are what people mean.

    Raises
    ------
    InputError
        No duration, not above zero, or a number without a unit.
    """
    if is_plain_number(value):
        days = f"{str(value).strip()}d"
        raise InputError(field, value, f"{shown(value)!r} has no unit; write for example {days}", (days,))
    return parse_duration(field, value) / 86_400


def parse_money(field: str, value: object) -> float:
    """US dollars of "$500", "2,000", "2k", "2.5M USD"."""
    text = re.sub(r"^\s*(?:\$|US\$|USD\b)|\s*(?:USD|\$)\s*$", "", str(value), flags=re.IGNORECASE).strip()
    if re.search(r"[€£¥]|\b(?:eur|gbp|cny|jpy)\b", text, re.IGNORECASE):
        raise InputError(field, value, f"{shown(value)!r} is in another currency; give US dollars: {MONEY_EXAMPLES}")
    amount = _quantity(field, text, COUNT_UNITS, "an amount of US dollars", MONEY_EXAMPLES, original=value)
    return _positive(field, value, amount)


def parse_fraction(field: str, value: object, low: float = 0.0, high: float = 1.0, *, exclusive: bool = False) -> float:
    """Fraction of "20%" or 0.2, between two bounds that count as allowed unless `exclusive`."""
    text = str(value).strip()
    percent = text.endswith("%")
    number = _quantity(field, text.removesuffix("%"), {"": 1.0}, "a fraction", FRACTION_EXAMPLES, original=value)
    fraction = number / 100 if percent else number
    inside = low < fraction < high if exclusive else low <= fraction <= high
    if not inside:
        span = f"{'above' if exclusive else 'from'} {low:g} {'and below' if exclusive else 'to'} {high:g}"
        hint = (f"{number:g}%",) if not percent and low <= number / 100 <= high else ()
        raise InputError(field, value, f"{shown(value)!r} must be {span} (or as a percentage)", hint)
    return fraction


def parse_quantity(field: str, value: object) -> float:
    """Count that may be large and have a suffix: "250M" tokens, "1.5B", "10k"; above zero."""
    return _positive(field, value, _quantity(field, value, COUNT_UNITS, "a count", COUNT_EXAMPLES))


def parse_decimal(field: str, value: object, low: float = 0.0, high: float = math.inf, *, zero: bool = False) -> float:
    """Plain number above `low` (or equal to it with `zero`) and not above `high`."""
    number = _quantity(field, value, {"": 1.0}, "a number", "a plain number such as 1.5")
    if number > high or number < low or (number == low and not zero):
        limit = f"{'at least' if zero else 'above'} {low:g}" + ("" if high == math.inf else f" and at most {high:g}")
        raise InputError(field, value, f"{shown(value)!r} must be {limit}")
    return number


def parse_whole(field: str, value: object, low: int = 1, high: int = 10**9) -> int:
    """Whole number between two bounds that count as allowed."""
    number = _quantity(field, value, {"": 1.0}, "a whole number", f"a whole number from {low:,} to {high:,}")
    if number != math.floor(number) or not low <= number <= high:
        raise InputError(field, value, f"{shown(value)!r} must be a whole number from {low:,} to {high:,}")
    return int(number)


def parse_count_range(field: str, value: object, low: int = 1, high: int = 10**9) -> tuple[int, int]:
    """Both ends of "64:1024"; a single "64" is a range of one."""
    first, colon, last = str(value).partition(":")
    start = parse_whole(field, first, low, high)
    end = parse_whole(field, last, low, high) if colon else start
    if end < start:
        raise InputError(
            field, value, f"{shown(value)!r} runs backwards; write the smaller count first", (f"{end}:{start}",)
        )
    return start, end


def format_bytes(count: float) -> str:
    """Decimal size, three digits at most: 1e9 is "1 GB"."""
    for power, unit in ((5, "PB"), (4, "TB"), (3, "GB"), (2, "MB"), (1, "kB")):
        if count >= 0.9995 * 1000**power:
            return f"{_digits(count / 1000**power)} {unit}"
    return f"{count:.0f} B"


def format_percent(fraction: float) -> str:
    """Percentage with at most one decimal: 0.2 is "20%"."""
    return f"{round(100 * fraction, 1):g}%"


def format_count(count: float) -> str:
    """Large count: 250e6 is "250 M", 4,096 is "4,096", 1.5e9 is "1.5 B"."""
    for power, unit in ((4, "T"), (3, "B"), (2, "M")):
        if count >= 0.9995 * 1000**power:
            return f"{_digits(count / 1000**power)} {unit}"
    return f"{count:,.0f}"


def format_money(usd: float) -> str:
    """US dollars: "$96,308", cents below $100: "$14.74", "$0.23"; what is less than a cent says so, and 0 is "$0.00"."""
    sign, amount = ("-", -usd) if usd < 0 else ("", usd)
    if amount >= 1e7:
        return f"{sign}${format_count(amount)}"
    if 0 < amount < 0.005:
        return f"less than {sign}$0.01"
    return f"{sign}${amount:,.0f}" if amount >= 99.995 else f"{sign}${amount:.2f}"


def format_hours(hours: float) -> str:
    """Time given in hours: "36.0 s", minutes below an hour: "46.0 min", hours below two days: "2.8 h", then "3.6 days"."""
    factor, unit = hours_unit(hours)
    return f"{decimal(hours * factor)} {unit}"


def format_money_at_least(usd: float) -> str:
    """US dollars rounded up: to whole dollars from $100, to cents below."""
    return format_money(math.ceil(usd) if usd >= 100 else math.ceil(100 * usd) / 100)


def format_hours_at_least(hours: float) -> str:
    """Time that may be rounded up but never down: what a deadline must allow."""
    factor, unit = hours_unit(hours)
    return f"{decimal(_up(hours * factor))} {unit}"


def _up(number: float) -> float:
    """Rounded up to the last digit that `decimal` shows."""
    places = 0 if number >= 99.9 else 1 if number >= 0.1 else 1 - math.floor(math.log10(number)) if number > 0 else 0
    return math.ceil(number * 10.0**places) / 10.0**places


def hours_unit(hours: float) -> tuple[float, str]:
    """Factor from hours and unit in which a time is told."""
    if hours >= 48.0:
        return 1 / 24, "days"
    if hours >= 0.9992:  # no "60.0 min"
        return 1.0, "h"
    return (60.0, "min") if hours * 3600 >= 59.5 or hours == 0 else (3600.0, "s")


def decimal(number: float) -> str:
    """One digit after the point below 100, none above, two significant ones below 0.1."""
    if number == 0:
        return "0"
    if abs(number) >= 99.95:
        return f"{number:,.0f}" if abs(number) < 1e9 else f"{number:.3g}"
    return f"{number:.1f}" if abs(number) >= 0.095 else f"{number:.2g}"


def _digits(number: float) -> str:
    """Three significant digits, more only before the point, no trailing zeros."""
    return f"{number:,.0f}" if number >= 99.95 else f"{float(f'{number:.3g}'):g}"


def _number(text: str) -> float:
    """Float of a matched number, thousands separators removed."""
    return float(text.replace(",", ""))


def _quantity(
    field: str,
    value: object,
    units: dict[str, float] | dict[str, int],
    kind: str,
    examples: str,
    original: object = None,
) -> float:
    """Number times the factor of its unit; an `InputError` for anything else, infinity and NaN included."""
    given = value if original is None else original
    match = _QUANTITY.fullmatch(str(value).strip())
    if isinstance(value, bool) or match is None or match["unit"].lower() not in units:
        raise InputError(field, given, f"{shown(given)!r} is not {kind}; write {examples}")
    number = _number(match["number"]) * units[match["unit"].lower()]
    if not math.isfinite(number):
        raise InputError(field, given, f"{shown(given)!r} is too large; write {examples}")
    return number


def _positive(field: str, value: object, number: float) -> float:
    """Return the number when it is finite and above zero."""
    if not math.isfinite(number) or number <= 0:
        raise InputError(field, value, f"{shown(value)!r} must be {'above zero' if number <= 0 else 'finite'}")
    return number
