"""Walks a data folder and checks every file of it; the things themselves are built where they belong."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from gpuplan_models.errors import ModelError, shown

if TYPE_CHECKING:
    from pydantic import ValidationError

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
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"]) or "file"
    return file_error(path, field, first["input"], first["msg"].removeprefix("Value error, "))
