"""What a sweep may vary: fields of a job whose values can be put in a row."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gpuplan.errors import InputError, choose, shown
from gpuplan.units import parse_bytes, parse_decimal, parse_duration, parse_money, parse_quantity, parse_whole

#: Points between two ends unless told otherwise, and the most that are taken.
POINTS, MOST_POINTS = 11, 10_000


@dataclass(frozen=True)
class Axis:
    """A field that is varied.

    Attributes
    ----------
    word
        Its name on the command line; `field` is its name in a job.
    unit
        Of the values in the answer; the parser counts in ``unit_size``-ths of it.
    parse
        Reader of a value; `write` makes text of one that `parse` reads back.
    limit
        Field of `Limits`, where a larger value only adds plans; None where nothing of the kind holds.
    whole
        Whether only whole numbers make sense.
    """

    word: str
    field: str
    unit: str
    parse: Callable[[str, Any], float]
    write: Callable[[float], str]
    unit_size: float = 1.0
    limit: str | None = None
    whole: bool = False

    def values(
        self, values: Sequence[Any] | str | None, start: Any = None, stop: Any = None, points: int | None = None
    ) -> dict[float, str]:
        """Values of the parser with their texts, in order: those given, or evenly spaced and rounded ones from `start` to `stop`.

        Raises
        ------
        InputError
            A value that cannot be read, none at all, or both ways of giving them.
        """
        if values is None:
            return self._spaced(start, stop, points)
        if isinstance(values, str):
            values = [part for part in values.split(",") if part.strip()]
        if (start, stop, points) != (None, None, None):
            given = ",".join(str(value) for value in values)
            raise InputError("values", given, "cannot be combined with --from, --to or --points; give one of the two")
        found: dict[float, str] = {}
        for value in values:
            found.setdefault(self.parse("values", value), self._text(value))
        if not found:
            raise InputError("values", "", f"are empty; give some, such as --values {self._examples()}")
        return found

    def _spaced(self, start: Any, stop: Any, points: int | None) -> dict[float, str]:
        for name, end in (("from", start), ("to", stop)):
            if end is None:
                raise InputError(name, "", f"is missing; give --from and --to, or --values {self._examples()}")
        first, last = self.parse("from", start), self.parse("to", stop)
        if first == last:
            raise InputError(
                "to", stop, f"{shown(stop)!r} is where the sweep begins; give another end, or --values {stop}"
            )
        count = POINTS if points is None else parse_whole("points", points, 2, MOST_POINTS)
        inner = [first + (last - first) * index / (count - 1) for index in range(1, count - 1)]
        texts = [
            self._text(start),
            *(self.write(float(round(v)) if self.whole else v) for v in inner),
            self._text(stop),
        ]
        return {self.parse("values", text): text for text in dict.fromkeys(texts)}

    def _text(self, value: Any) -> str:
        """A value as it was given; an amount of money is seen to be one."""
        text = str(value).strip()
        return f"${text}" if self.unit.startswith("USD") and text[:1].isdigit() else text

    def _examples(self) -> str:
        return ",".join(self.write(value * self.unit_size) for value in EXAMPLES[self.word])


def _hours(seconds: float) -> str:
    return f"{_plain(seconds / 3600)}h" if seconds >= 3600 else f"{_plain(seconds / 60)}m"


def _plain(number: float) -> str:
    """Up to four significant digits, all of them before the point, without an exponent."""
    text = f"{number:.{max(0, 3 - math.floor(math.log10(abs(number)))) if number else 0}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _dollars(usd: float) -> str:
    return f"${_plain(usd)}"


def _bytes(count: float) -> str:
    for size, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "KB")):
        if count >= size:
            return f"{_plain(count / size)}{unit}"
    return f"{_plain(count)}B"


def _whole(most: int = 10**9) -> Callable[[str, Any], float]:
    return lambda field, value: float(parse_whole(field, value, 1, most))


def _epochs(field: str, value: Any) -> float:
    return parse_decimal(field, value, 0.0, 10_000.0)


#: Every axis by its word.
AXES = {
    axis.word: axis
    for axis in (
        Axis("deadline", "deadline", "hours", parse_duration, _hours, 3600.0, "deadline_seconds"),
        Axis("budget", "budget", "USD", parse_money, _dollars, limit="budget_usd"),
        Axis("max-gpus", "max_gpus", "GPUs", _whole(), _plain, limit="max_gpus", whole=True),
        Axis("max-nodes", "max_nodes", "nodes", _whole(), _plain, limit="max_nodes", whole=True),
        Axis("data", "data", "bytes", parse_bytes, _bytes),
        Axis("tokens", "tokens", "tokens", parse_quantity, _plain),
        Axis("epochs", "epochs", "epochs", _epochs, _plain),
        Axis("global-batch", "global_batch", "sequences", _whole(), _plain, whole=True),
        Axis("sequence-length", "seq_len", "tokens", _whole(), _plain, whole=True),
        Axis("price", "price", "USD/GPU-hour", parse_money, _dollars),
    )
}
EXAMPLES: dict[str, tuple[float, ...]] = {
    "deadline": (6, 12, 24),
    "budget": (500, 2000, 10_000),
    "max-gpus": (8, 16, 32),
    "max-nodes": (1, 2, 4),
    "data": (1e8, 1e9, 1e10),
    "tokens": (1e8, 1e9),
    "epochs": (1, 2, 3),
    "global-batch": (64, 128, 256),
    "sequence-length": (2048, 4096, 8192),
    "price": (1.5, 2.0, 2.5),
}
#: What people also call them.
ALSO = {"seq-len": "sequence-length", "batch": "global-batch"}


def axis_of(word: str) -> Axis:
    """The axis of that name.

    Raises
    ------
    InputError
        There is none, with close matches.
    """
    plain = str(word).strip().lower().replace("_", "-")
    return AXES[choose("over", ALSO.get(plain, plain), tuple(AXES))]
