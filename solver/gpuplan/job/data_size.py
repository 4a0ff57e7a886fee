"""How many tokens one epoch has: given, counted in samples, or worked out from the size of the text."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpuplan.errors import InputError, choose, input_error, shown
from gpuplan.job.reader import Reader
from gpuplan.job.text_files import TextFiles, describe, find_text
from gpuplan.job.types import TokenCount
from gpuplan.units import (
    SIZE_EXAMPLES,
    format_bytes,
    format_count,
    is_plain_number,
    is_size,
    parse_bytes,
    parse_decimal,
    parse_quantity,
)
from gpuplan_models import ModelError, count_tokens, tokenizers

if TYPE_CHECKING:
    from gpuplan_models import Architecture

MAX_BYTES_PER_TOKEN = 100.0
MAX_TOKENS = 1e16
MAX_DATA_BYTES = 1e17
"""Far above all text that there is; what is larger is a slip of the keyboard, and arithmetic loses whole tokens there."""
SAMPLE_ERROR = 0.03
"""Half width of the range of a rate measured on a sample: pieces spread over all of the text (assumed)."""
AMOUNTS = ("data", "tokens", "samples")
ONLY_WITH_DATA = ("bytes_per_token", "language", "tokenizer")


@dataclass(frozen=True, slots=True)
class _Density:
    """Bytes of text per token with its range, and where it comes from."""

    central: float
    low: float
    high: float
    basis: str


def token_count(reader: Reader, architecture: Architecture, sequence_length: int, packing: float) -> TokenCount:
    """Tokens of one epoch.

    Raises
    ------
    InputError
        None or several of data, tokens and samples; or a value that cannot be read.
    """
    name = _the_amount(reader)
    if name != "data":
        for other in ONLY_WITH_DATA:
            reader.refuse(other, f"with {name}: only the bytes of data are turned into tokens")
    if name == "tokens":
        return _exactly(
            reader, "tokens", reader.optional("tokens", parse_quantity) or 0.0, "tokens of one epoch, as given"
        )
    if name == "samples":
        tokens = samples(reader) * sequence_length * packing
        return _exactly(
            reader, "samples", tokens, f"{samples(reader):,} samples of one sequence of {sequence_length:,} tokens each"
        )
    return _from_data(reader, architecture)


def samples(reader: Reader) -> int:
    """Number of samples given, 0 when the amount of data is given otherwise."""
    count = reader.optional("samples", parse_quantity)
    if count is not None and count != int(count):
        raise InputError("samples", reader.spec.samples, f"{shown(reader.spec.samples)!r} must be a whole number")
    return int(count or 0)


def _the_amount(reader: Reader) -> str:
    """Name of the one field that says how much data there is."""
    given = [name for name in AMOUNTS if reader.given(name)]
    if not given:
        raise InputError(
            "data", "", f"is missing; give one of --data ({SIZE_EXAMPLES}, or a path), --tokens or --samples"
        )
    if len(given) > 1:
        other, value = given[1], getattr(reader.spec, given[1])
        raise InputError(
            other, value, f"{shown(value)!r} says how much data there is, and {given[0]} too; give one of them"
        )
    return given[0]


def _exactly(reader: Reader, name: str, tokens: float, basis: str) -> TokenCount:
    """Return a count that leaves nothing open, given by the field `name`."""
    given = shown(getattr(reader.spec, name))
    if tokens < 1:
        raise InputError(name, given, f"{given!r} comes to less than one token; give more")
    if tokens > MAX_TOKENS:
        raise InputError(name, given, f"{given!r} comes to {tokens:.3g} tokens; give at most {MAX_TOKENS:g} in all")
    return TokenCount(tokens, tokens, tokens, basis)


def _from_data(reader: Reader, architecture: Architecture) -> TokenCount:
    """Tokens of a size, a file or a folder."""
    size, text = _measure(reader.spec.data)
    density = _density(reader, architecture, text)
    tokens = max(1.0, size / density.central)
    if text is not None:
        reader.assume(f"every byte of {describe(text)} is training text, markup included")
    basis = f"{format_bytes(size)} at {round(density.central, 2)} bytes per token, {density.basis}"
    low, high = max(1.0, size / density.high), max(1.0, size / density.low)
    if high > low:
        basis += f"; range {format_count(low)} to {format_count(high)} tokens"
    reader.assume(f"{format_count(tokens)} tokens per epoch: {basis}")
    return TokenCount(tokens, low, high, basis, data_bytes=size, bytes_per_token=density.central)


def _measure(value: Any) -> tuple[float, TextFiles | None]:
    """Bytes of data, and the files where it is a path; what reads as a size is one, even if a file is called so."""
    path = os.path.expanduser(str(value).strip())  # noqa: PTH111  Path.expanduser raises for an unknown user
    if is_size(value):
        if is_plain_number(value) and os.path.exists(path):  # noqa: PTH110  Path.exists raises for a name that is too long
            message = (
                f"{shown(value)!r} is a number without a unit and a path; write {value}GB, or ./{value} for the path"
            )
            raise InputError("data", value, message)
        return _size(value), None
    if not path or not os.path.exists(path):  # noqa: PTH110  Path.exists raises for a name that is too long
        message = f"{shown(value)!r} is neither a size nor an existing path; write {SIZE_EXAMPLES}, or a file or folder"
        raise InputError("data", value, message)
    text = find_text(Path(path))
    return float(text.total_bytes), text


def _size(value: Any) -> float:
    """Bytes of a size, not more than anybody has."""
    size = parse_bytes("data", value)
    if size > MAX_DATA_BYTES:
        most = format_bytes(MAX_DATA_BYTES)
        raise InputError("data", value, f"{shown(value)!r} is more text than there is; give at most {most}")
    return size


def _density(reader: Reader, architecture: Architecture, text: TextFiles | None) -> _Density:
    """Bytes per token: given, measured with a tokenizer, of a family and language, or the default."""
    if reader.given("bytes_per_token"):
        for other in ("language", "tokenizer"):
            reader.refuse(other, "with bytes_per_token, which says all")
        given = parse_decimal("bytes_per_token", reader.spec.bytes_per_token, 0.0, MAX_BYTES_PER_TOKEN)
        return _Density(given, given, given, "as given")
    tokenizer = str(reader.spec.tokenizer or "").strip()
    if tokenizer and _looks_like_a_file(tokenizer):
        return _sampled(reader, Path(tokenizer), text)
    return _of_family(reader, tokenizer or architecture.tokenizer)


def _looks_like_a_file(tokenizer: str) -> bool:
    """Whether a tokenizer is named by a path rather than by its family."""
    return tokenizer.endswith(".json") or os.sep in tokenizer or Path(tokenizer).is_file()


def _sampled(reader: Reader, path: Path, text: TextFiles | None) -> _Density:
    """Bytes per token measured on the user's own text."""
    reader.refuse("language", "with a tokenizer.json, which counts the text itself")
    if not path.is_file():
        raise InputError(
            "tokenizer",
            path,
            f"there is no file {str(path)!r}; give a tokenizer.json or one of {', '.join(tokenizers())}",
        )
    if text is None:
        message = f"{str(path)!r} counts a file or folder, and data is a size; give the path of the text, or --language"
        raise InputError("tokenizer", path, message)
    try:
        sample = count_tokens(text.path, path)
    except ModelError as error:
        raise input_error(error) from None
    open_share = 0.0 if sample.sample_bytes > 0.99 * sample.data_bytes else SAMPLE_ERROR
    rate = sample.bytes_per_token
    basis = f"measured on {format_bytes(sample.sample_bytes)} of it with {path.name}"
    return _Density(rate, rate / (1 + open_share), rate * (1 + open_share), basis)


def _of_family(reader: Reader, family: str) -> _Density:
    """Bytes per token of a tokenizer family, in a language where one is given."""
    key = choose("tokenizer", family, tokenizers())
    language = None if reader.spec.language is None else str(reader.spec.language).strip()
    try:
        rate = tokenizers()[key].rate(language)
    except ModelError as error:
        raise input_error(error) from None
    text = f"{language} text" if language else "text of any language"
    return _Density(rate.central, rate.low, rate.high, f"{text} with the {key} tokenizer")
