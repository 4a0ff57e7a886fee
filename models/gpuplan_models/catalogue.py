"""The catalogued architectures, by name, alias or path."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from gpuplan_models.config import build, read_config
from gpuplan_models.errors import ModelError, close_matches, shown
from gpuplan_models.fields import Fields
from gpuplan_models.hub import is_repository, read_repository
from gpuplan_models.loading import file_error, read_folder, refuse_twice
from gpuplan_models.shape import Architecture

if TYPE_CHECKING:
    from gpuplan_models.schema import ArchitectureFile

#: Papers print rounded counts; all others must be met to the last parameter.
PAPERS_ROUND = 0.02


def architectures() -> dict[str, Architecture]:
    """Return every catalogued architecture by its name, in alphabetical order.

    Raises
    ------
    ModelError
        If a file of data/architectures is wrong; the message names file, field and value.
    """
    return dict(_architectures())


def architecture(model: str | os.PathLike[str]) -> Architecture:
    """Return the architecture that a name, an alias, a path or a repository of the Hugging Face hub stands for.

    Parameters
    ----------
    model
        A catalogue name or alias in any case (``"r1"``, ``"deepseek-ai/DeepSeek-R1"``), the path of a ``config.json``
        or of its folder, or ``org/name`` on the hub. A name wins over a path, and a path over the hub; ``./name`` is
        a folder that is called like a model.

    Raises
    ------
    ModelError
        If nothing matches (with close matches), or the config cannot be had or used (see `read_config` and
        `gpuplan_models.hub.read_repository`).
    """
    text = os.fspath(model).strip()
    name = _index().get(_normalise(text))
    if name is not None:
        return _architectures()[name]
    if _is_path(text):
        return read_config(text)
    if is_repository(text):
        return read_repository(text, _similar(text))
    raise _unknown(text)


@cache
def _architectures() -> dict[str, Architecture]:
    from gpuplan_models.schema import ArchitectureFile

    found: dict[str, Architecture] = {}
    for path, file in read_folder("architectures", ArchitectureFile):
        refuse_twice(path, "name", file.name, file.name in found)
        found[file.name] = _build(path, file)
    return dict(sorted(found.items()))


def _build(path: Path, file: ArchitectureFile) -> Architecture:
    published = file.published_parameters
    found = build(
        Fields(file.config, f"{path.parent.name}/{path.name}"),
        name=file.name,
        basis=published.verification,
        source=f"{file.source} ({file.as_of})",
        aliases=tuple(file.aliases),
        tokenizer=file.tokenizer,
    )
    if abs(found.parameters / published.value - 1) > (PAPERS_ROUND if published.basis == "paper" else 0.0):
        right = f"its [config] comes to {found.parameters:,}; one of the two is wrong"
        raise file_error(path, "published_parameters.value", f"{published.value:,}", right)
    return found


@cache
def _index() -> dict[str, str]:
    """Return every name and alias, normalised, with the catalogue name that it stands for."""
    index: dict[str, str] = {}
    for found in _architectures().values():
        for text in (found.name, *found.aliases):
            key = _normalise(text)
            if index.setdefault(key, found.name) != found.name:
                message = f"aliases: {text!r} stands for both {index[key]} and {found.name}; aliases are unique."
                raise ModelError("aliases", text, message)
    return index


def _normalise(text: str) -> str:
    return "-".join(text.casefold().replace("_", "-").split())


def _is_path(text: str) -> bool:
    """Whether a text that is no name should be read as a path: it exists, or is written like one."""
    if text.endswith(".json") or text.startswith((".", "~", os.sep)):
        return True
    try:
        return bool(text) and Path(text).exists()
    except (OSError, ValueError):  # a text that no file can be called: too long, or with a null byte
        return False


def _similar(text: str) -> tuple[str, ...]:
    """Catalogue names like a mistyped one."""
    close = close_matches(_normalise(text), _index()) if text else ()
    return tuple(dict.fromkeys(_index()[match] for match in close))


def _unknown(text: str) -> ModelError:
    names = _similar(text)
    known = "" if names else "; `gpuplan models list` names those that are known"
    message = f"model is {shown(text)!r}, which is neither a known model nor a path{known}."
    return ModelError("model", text, message, names)
