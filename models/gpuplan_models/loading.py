"""Walks a data folder and checks every file of it; the things themselves are built where they belong."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from gpuplan_models.errors import ModelError, shown

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from gpuplan_models.schema import FileModel

    AnyFile = TypeVar("AnyFile", bound=FileModel)

# pydantic is imported where a file is read, not here: importing the package must stay cheap.

DATA = Path(__file__).parent / "data"


def read_folder(folder: str, model: type[AnyFile]) -> Iterator[tuple[Path, AnyFile]]:
    """Yield every TOML file of a data folder, checked, in alphabetical order.

    Raises
    ------
    ModelError
        If a file is no TOML or does not have the shape of `model`; the message names file, field and value.
    """
    for path in sorted((DATA / folder).glob("*.toml")):
        yield path, _read(path, model)


def resolve(path: Path, field: str, key: str, texts: Mapping[str, str]) -> str:
    """Return the text that a source key stands for; raises `ModelError` when [sources] does not have it."""
    if key not in texts:
        known = ", ".join(sorted(texts)) or "there is none"
        raise file_error(path, field, key, f"one of the keys of [sources] was expected: {known}")
    return texts[key]


def refuse_twice(path: Path, field: str, value: str, taken: bool) -> None:
    """Raise `ModelError` when a name that must be unique is taken already."""
    if taken:
        raise file_error(path, field, value, "it is taken already; names and aliases are unique")


def file_error(path: Path, field: str, value: object, right: str) -> ModelError:
    """Return the error for a field of a catalogue file; `right` says what was expected."""
    where = f"{path.parent.name}/{path.name}"
    return ModelError(field, value, f"{field} is {shown(value)!r} in {where}: {right}.")


def _read(path: Path, model: type[AnyFile]) -> AnyFile:
    from pydantic import ValidationError

    try:
        return model.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        raise _validation_error(path, error) from error
    except ValueError as error:  # no TOML, or no Unicode
        raise ModelError("file", path, f"file {path.parent.name}/{path.name} is no TOML: {error}.") from error


def _validation_error(path: Path, error: ValidationError) -> ModelError:
    keys = _wrong_key(error.errors())
    if keys is not None:
        return file_error(path, *keys)
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"]) or "file"
    return file_error(path, field, first["input"], first["msg"].removeprefix("Value error, "))


def _wrong_key(errors: Sequence[ErrorDetails]) -> tuple[str, str, str] | None:
    """Field, value and problem of the first key that is missing or unknown; None where all keys are right.

    Both are seen together: a misspelt key is unknown, and the right one missing. The hardware package has the same function: neither may
    import the other, and a package for one function is more than two of them.
    """
    missing = [error["loc"] for error in errors if error["type"] == "missing"]
    unknown = [error["loc"] for error in errors if error["type"] == "extra_forbidden"]
    if unknown:
        place = unknown[0]
        close = get_close_matches(
            str(place[-1]), [str(other[-1]) for other in missing if other[:-1] == place[:-1]], n=1
        )
        return (
            ".".join(map(str, place)),
            str(place[-1]),
            f"there is no such key{f'; {close[0]} was expected' if close else ''}",
        )
    if missing:
        return ".".join(map(str, missing[0])), "", "the key is missing"
    return None
