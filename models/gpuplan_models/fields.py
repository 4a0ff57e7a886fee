"""Typed access to the fields of a Hugging Face ``config.json``, with an error that says what would be right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gpuplan_models.errors import ModelError, shown

LARGEST = 2**31 - 1
"""Largest value of any size in a config; more is a mistake, and would not fit where sizes are multiplied."""


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of one config.

    Attributes
    ----------
    values
        The fields as they were read.
    origin
        Where they come from, for messages: a path.
    """

    values: Mapping[str, object]
    origin: str

    def integer(self, name: str, minimum: int = 1) -> int:
        """Return a required integer of at least `minimum`; raises `ModelError` when it is missing or anything else."""
        if name not in self.values:
            raise self.error(name, "", f"is missing in {self.origin}; {_wanted(minimum)} is needed")
        value = self.values[name]
        if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value <= LARGEST:
            raise self.error(name, value, f"is {_quoted(value)} in {self.origin}; it must be {_wanted(minimum)}")
        return value

    def optional_integer(self, name: str, minimum: int = 1) -> int | None:
        """Return an integer, or None where the field is missing or null; raises `ModelError` for anything else."""
        return None if self.values.get(name) is None else self.integer(name, minimum)

    def flag(self, name: str, default: bool) -> bool:
        """Return a boolean, or `default` where the field is missing or null; raises `ModelError` for anything else."""
        value = self.values.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.error(name, value, f"is {_quoted(value)} in {self.origin}; it must be true or false")
        return value

    def table(self, name: str) -> Mapping[str, object]:
        """Return a nested table, empty where the field is missing or null; raises `ModelError` for anything else."""
        value = self.values.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self.error(name, value, f"is {_quoted(value)} in {self.origin}; it must be an object")
        return value

    def text(self, name: str) -> str:
        """Return a text, empty where the field is missing or null; raises `ModelError` for anything else."""
        value = self.values.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self.error(name, value, f"is {_quoted(value)} in {self.origin}; it must be a text")
        return value

    def require_multiple(self, name: str, divisor_name: str, value: int, divisor: int) -> None:
        """Check that a field is a multiple of another; raises `ModelError` with both values otherwise."""
        if value % divisor:
            clash = f"is {value} in {self.origin}; it must be a multiple of {divisor_name}, which is {divisor}"
            raise self.error(name, value, clash)

    def require_at_most(self, name: str, limit_name: str, value: int, limit: int) -> None:
        """Check that a field is not larger than another; raises `ModelError` with both values otherwise."""
        if value > limit:
            clash = f"is {value} in {self.origin}; it must be at most {limit_name}, which is {limit}"
            raise self.error(name, value, clash)

    def error(self, name: str, value: object, complaint: str) -> ModelError:
        """Return the error for a field; `complaint` goes on after the field's name."""
        return ModelError(name, value, f"{name} {complaint}.")


def _wanted(minimum: int) -> str:
    return f"an integer from {minimum} to {LARGEST}"


def _quoted(value: object) -> str:
    return f'"{shown(value)}"' if isinstance(value, str) else shown(value)
