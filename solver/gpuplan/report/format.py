"""Numbers with their units, as a person reads them.

A number and its unit are joined by a space that does not break (`GLUE`), which `blocks.Prose` prints as a plain one.
"""

from __future__ import annotations

from collections.abc import Sequence

from gpuplan.result import Interval
from gpuplan.units import (
    decimal,
    format_bytes,
    format_count,
    format_hours,
    format_hours_at_least,
    format_money,
    format_money_at_least,
    hours_unit,
)

GLUE = "\u00a0"
#: A probability nearer to 0 or 1 than this is not told apart from them by any model.
SURE = 0.999


def hours(value: float) -> str:
    """Time given in hours: "36.0 s", "46.0 min", "2.8 h", "3.6 days"."""
    return format_hours(value).replace(" ", GLUE)


def limit_hours(value: float) -> str:
    """Time limit as its owner wrote it: "24 h", not "24.0 h"; and "100 h", where "4.2 days" is not quite that."""
    if hours_unit(value)[1] == "days" and abs(round(value / 24, 1) * 24 - value) > 1e-9 * value:
        return f"{decimal(value)}{GLUE}h".replace(f".0{GLUE}", GLUE)
    return hours(value).replace(f".0{GLUE}", GLUE)


def hours_at_least(value: float) -> str:
    """Time that may be rounded up but never down: what a deadline must allow."""
    return format_hours_at_least(value).replace(" ", GLUE)


def hours_interval(interval: Interval) -> str:
    """Expected time and its interval: "2.8 h [2.4-3.3 h]", "1.1 h [50.2 min-1.4 h]"; the point alone where they look the same."""
    point, low, high = (hours(value) for value in (interval.point, interval.low, interval.high))
    if low == high == point:
        return point
    number, _, unit = low.partition(GLUE)
    return f"{point} [{number if unit == high.partition(GLUE)[2] else low}-{high}]"


def step_seconds(value: float, whole: float) -> str:
    """Part of a step, in the unit and with the digits of the whole step, so that a column of them lines up."""
    factor, unit = step_unit(whole)
    places = 2 if whole * factor < 10 else 1
    return f"{value * factor:,.{places}f}{GLUE}{unit}"


def seconds_interval(interval: Interval) -> str:
    """Expected time of a step and its interval in one unit: "39.8 s [34.6-45.7 s]"."""
    factor, unit = step_unit(interval.point)
    point, low, high = (significant(value * factor) for value in (interval.point, interval.low, interval.high))
    return f"{point}{GLUE}{unit} [{low}-{high}{GLUE}{unit}]"


def step_unit(seconds: float) -> tuple[float, str]:
    """Factor and unit in which a time of the order of a step is told."""
    if seconds < 1e-3:
        return 1e6, "us"
    if seconds < 1:
        return 1e3, "ms"
    return (1.0, "s") if seconds < 600 else (1 / 60, "min")


def money(usd: float) -> str:
    """US dollars: "$96,308", "$14.74", "$0.23", "less than $0.01"; never "$0.00" for a positive amount."""
    return format_money(usd).replace(" ", GLUE)


def limit_money(usd: float) -> str:
    """Budget as its owner wrote it: "$5", not "$5.00"."""
    return money(usd).removesuffix(".00")


def money_at_least(usd: float) -> str:
    """US dollars rounded up: to whole dollars from $100, to cents below."""
    return format_money_at_least(usd).replace(" ", GLUE)


def money_interval(interval: Interval) -> str:
    """Expected cost and its interval: "$139 [$118-$162]"."""
    point, low, high = money(interval.point), money(interval.low), money(interval.high)
    if low == high == point:
        return point
    if interval.point >= 99.995 > interval.low >= 1:
        low = f"${interval.low:,.0f}"
    return f"{point} [{low}-{high}]"


def price(usd_per_hour: float) -> str:
    """Price per hour; cents matter up to $1,000."""
    return f"${usd_per_hour:,.2f}" if 99.995 <= usd_per_hour < 1000 else money(usd_per_hour)


def gib(count: float) -> str:
    """Memory: "49.5 GiB"."""
    return f"{decimal(count / 2**30)}{GLUE}GiB"


def gib_part(count: float) -> str:
    """Memory in a column, two digits after the point: "0.06 GiB"."""
    return f"{count / 2**30:,.2f}{GLUE}GiB" if count >= 0.005 * 2**30 or count == 0 else f"<0.01{GLUE}GiB"


def decimal_bytes(count: float) -> str:
    """Storage, in decimal units as it is sold: "67.4 GB"."""
    return format_bytes(count).replace(" ", GLUE)


def rate(bytes_per_second: float) -> str:
    """Transfer rate: "1 GB/s"."""
    return f"{decimal_bytes(bytes_per_second)}/s"


def count(number: float) -> str:
    """Count: "4,096", "250 M"."""
    return format_count(number).replace(" ", GLUE)


def percent(share: float) -> str:
    """Percentage: "93%", "5.3%", "0.0041%"; a tenth only below 10%, noise of the arithmetic not at all."""
    if abs(share) < 1e-9:
        return "0%"
    if abs(share) >= 0.0995:
        return f"{100 * share:,.0f}%"
    return f"{100 * share:.1f}%" if abs(share) >= 0.0005 else f"{100 * share:.2g}%"


def share(part: float) -> str:
    """Percentage in a column, one digit after the point."""
    return f"{100 * part:,.1f}%"


def probability(chance: float) -> str:
    """Chance; the ends are not certainties."""
    if chance > SURE:
        return f"above{GLUE}{100 * SURE:g}%"
    return f"below{GLUE}{100 * (1 - SURE):.1g}%" if chance < 1 - SURE else f"{100 * chance:.3g}%"


def plural(number: float, thing: str) -> str:
    """A count with its noun: "1 node", "2 nodes"."""
    return f"{count(number)}{GLUE}{thing}" + ("" if number == 1 else "s")


def age(days: int) -> str:
    """Age of a price: "of today", "3 days old"."""
    return f"{plural(days, 'day')} old" if days > 0 else "of today"


def billed(least_seconds: float | None, step_seconds: float | None) -> str:
    """Least time and steps of a bill: "for 1 min at least, in steps of 1 s"; None is what nobody states."""
    known = "least time not stated"
    if least_seconds is not None:
        known = f"for {limit_hours(least_seconds / 3600)} at least" if least_seconds else "from the start"
    if step_seconds is None:
        return f"{known}, steps not stated"
    return f"{known}, in steps of {limit_hours(step_seconds / 3600)}" if step_seconds else known


def significant(number: float) -> str:
    """Three significant digits, all digits before the point."""
    if abs(number) >= 999.5:
        return f"{number:,.0f}" if abs(number) < 1e9 else f"{number:.3g}"
    return f"{number:#.3g}".rstrip(".")


def align_units(values: Sequence[str]) -> list[str]:
    """Pad units so that numbers line up in a column that is set flush right."""
    units = [value.partition(GLUE)[2] for value in values]
    longest = max(map(len, units), default=0)
    return [value + GLUE * (longest - len(unit)) for value, unit in zip(values, units, strict=True)]
