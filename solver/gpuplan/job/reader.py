"""Reads one field after another of a job, and writes down every default that it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from gpuplan.errors import InputError
from gpuplan.fields import BY_NAME
from gpuplan.job.spec import JobSpec

T = TypeVar("T")
Parser = Callable[[str, Any], T]


class Reader:
    """The fields of a `JobSpec`, parsed on demand.

    Attributes
    ----------
    spec
        The user's words.
    assumptions
        A sentence for each default taken so far, in the order in which they were taken.
    """

    def __init__(self, spec: JobSpec) -> None:
        self.spec = spec
        self.assumptions: list[str] = []

    def given(self, name: str) -> bool:
        """Whether the user gave the field."""
        return getattr(self.spec, name) is not None

    def optional(self, name: str, parse: Parser[T]) -> T | None:
        """Return the parsed field, None when it was not given."""
        value = getattr(self.spec, name)
        return None if value is None else parse(name, value)

    def default(self, name: str, parse: Parser[T], default: T, sentence: str = "") -> T:
        """Return the parsed field, or the default with a sentence about it."""
        value = self.optional(name, parse)
        if value is not None:
            return value
        if sentence:
            self.assume(sentence)
        return default

    def assume(self, sentence: str) -> None:
        """Write down an assumption of the answer."""
        self.assumptions.append(sentence)

    def required(self, name: str) -> str:
        """Return the text of a field that has no default."""
        value = getattr(self.spec, name)
        if value is None:
            field = BY_NAME[name]
            raise InputError(name, "", f"is missing; give {field.flag} (or '{name}:' in the job file): {field.help}")
        return str(value)

    def refuse(self, name: str, why: str) -> None:
        """Refuse a field that would have no effect: silence would look like consent."""
        if self.given(name):
            raise InputError(name, getattr(self.spec, name), f"has no effect {why}; leave it out")
