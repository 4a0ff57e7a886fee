"""How many bytes of text a token stands for: tokenizer families, and counting with a real tokenizer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from gpuplan_models.errors import ModelError, close_matches, shown
from gpuplan_models.loading import read_folder, refuse_twice, resolve

if TYPE_CHECKING:
    from gpuplan_models.schema import TokenizerFile

UNKNOWN = "unknown"
"""The family of a vocabulary that no catalogued family has."""


@dataclass(frozen=True, slots=True)
class BytesPerToken:
    """Bytes of UTF-8 text per token, with the range that texts of one language span."""

    central: float
    low: float
    high: float
    source: str
    basis: str


@dataclass(frozen=True, slots=True)
class TokenizerFamily:
    """Tokenizers that cut text alike.

    Attributes
    ----------
    vocab_sizes
        The ``vocab_size`` of configs of this family, rows that pad the embedding included.
    bytes_per_token
        Language (``"en"``, ``"zh"``, ``"code"``, ``"mixed"``) -> rate; ``"default"`` is for text of any kind.
    """

    name: str
    title: str
    vocab_sizes: tuple[int, ...]
    bytes_per_token: Mapping[str, BytesPerToken] = field(compare=False)

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that have a rate of their own."""
        return tuple(name for name in self.bytes_per_token if name != "default")

    def rate(self, language: str | None = None) -> BytesPerToken:
        """Return the rate of a language, or the default; raises `ModelError` (with close matches) if it is unknown."""
        key = "default" if language is None else language.casefold()
        if key not in self.bytes_per_token:
            known = ", ".join(self.languages)
            message = f"language is {shown(language)!r}, which has no rate for the {self.name} tokenizer; use {known}."
            raise ModelError("language", language, message, close_matches(key, self.languages))
        return self.bytes_per_token[key]


def tokenizers() -> dict[str, TokenizerFamily]:
    """Return every tokenizer family by its name; raises `ModelError` if a file of data/tokenizers is wrong."""
    return dict(_families())


def family_of_vocabulary(vocab_size: int) -> str:
    """Return the family whose configs have this ``vocab_size``, or ``"unknown"``."""
    return _by_vocabulary().get(vocab_size, UNKNOWN)


@cache
def _families() -> dict[str, TokenizerFamily]:
    from gpuplan_models.schema import TokenizerFile

    found: dict[str, TokenizerFamily] = {}
    sizes: set[int] = set()
    for path, file in read_folder("tokenizers", TokenizerFile):
        refuse_twice(path, "name", file.name, file.name in found)
        for size in file.vocab_sizes:
            refuse_twice(path, "vocab_sizes", str(size), size in sizes)
        sizes.update(file.vocab_sizes)
        found[file.name] = _family(path, file)
    return dict(sorted(found.items()))


@cache
def _by_vocabulary() -> dict[int, str]:
    return {size: family.name for family in _families().values() for size in family.vocab_sizes}


def _family(path: Path, file: TokenizerFile) -> TokenizerFamily:
    rates = {
        language: BytesPerToken(
            central=rate.central,
            low=rate.low,
            high=rate.high,
            source=resolve(path, f"bytes_per_token.{language}.source", rate.source, file.sources),
            basis=rate.basis,
        )
        for language, rate in file.bytes_per_token.items()
    }
    return TokenizerFamily(file.name, file.title, tuple(file.vocab_sizes), rates)
