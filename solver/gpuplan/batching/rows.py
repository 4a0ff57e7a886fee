"""Rows: the words of one job each, and what is wrong with those that cannot be read."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from gpuplan.errors import InputError, shown
from gpuplan.fields import BY_NAME

#: What a row may have besides the fields of a job.
NAME = "name"
#: Fields of the training and of its certainty: rows that have them in common share most of what is computed.
SHARED = (
    "model",
    "method",
    "precision",
    "weights",
    "lora_rank",
    "lora_targets",
    "optimizer",
    "framework",
    "seq_len",
    "confidence",
    "calibration",
    "offers",
)
#: Of these the first that is given names the amount of data in a row's name.
AMOUNTS = ("data", "tokens", "samples")


@dataclass(frozen=True)
class Row:
    """One job in the user's words.

    Attributes
    ----------
    number
        Its place in the file, from 1.
    words
        Fields of the job, with what else stands there.
    given_name
        What the file calls it, empty where it does not.
    problem
        Why it cannot be read; None where it can.
    """

    number: int
    words: Mapping[str, Any]
    given_name: str = ""
    problem: InputError | None = field(default=None, compare=False)

    @property
    def name(self) -> str:
        """What the file calls it, else its model, method and data."""
        if self.given_name:
            return self.given_name
        amount = next((name for name in AMOUNTS if name in self.words), "data")
        parts = [_text(self.words.get(name)) for name in ("model", "method", amount)]
        return ", ".join(part for part in parts if part)

    @cached_property
    def key(self) -> str:
        """What a journal knows it by: its place, and a digest of what stands there."""
        problem = None if self.problem is None else self.problem.message
        said = json.dumps([self.given_name, self.words, problem], sort_keys=True)
        return f"{self.number}|{hashlib.sha256(said.encode()).hexdigest()[:32]}"

    @property
    def sharing(self) -> tuple[str, ...]:
        """Rows for which this is the same have most of their work in common."""
        return tuple(_text(self.words.get(name)) for name in SHARED)


def row_of(number: int, words: object) -> Row:
    """The row of a mapping, dashes in its names or underscores; what is None or an empty text is not given."""
    try:
        if not isinstance(words, Mapping):
            message = (
                f"{shown(words)!r} (of type {type(words).__name__}) is no job; give its fields, such as model: NAME"
            )
            raise InputError("job", words, message)
        found: dict[str, Any] = {}
        for key, value in words.items():
            name = field_name(key)
            if name in found:
                raise InputError(name, value, "stands twice, with a dash and with an underscore; keep one")
            found[name] = plain(name, value)
        given_name = found.pop(NAME, None)
        kept = {name: value for name, value in found.items() if value is not None and value != ""}
        return Row(number, kept, "" if given_name is None else _text(given_name))
    except InputError as problem:
        return Row(number, {}, "", problem)


def unreadable(number: int, problem: InputError) -> Row:
    """A row of which nothing is known but what is wrong with it."""
    return Row(number, {}, "", problem)


def field_name(key: object) -> str:
    """A field's name as it is written in Python; what nobody knows stays as it is, to be said so."""
    text = str(key).strip()
    name = text.removeprefix("--").replace("-", "_").lower()
    return name if name in BY_NAME or name == NAME else text


def plain(name: str, value: object) -> Any:
    """A value that JSON can say.

    Raises
    ------
    InputError
        It is none.
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [plain(name, one) for one in value]
    message = (
        f"cannot use {shown(repr(value))} (of type {type(value).__name__}); give a text, a number or a list of these"
    )
    raise InputError(name, value, message)


def _text(value: object) -> str:
    """A value as one writes it."""
    if value is None:
        return ""
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
