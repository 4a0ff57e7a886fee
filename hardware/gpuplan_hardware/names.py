"""GPU names: aliases, families, any case."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache

from gpuplan_hardware.catalogue import accelerators
from gpuplan_hardware.errors import CatalogueError

_VENDORS = ("nvidia", "amd", "intel", "huawei", "google", "aws")
#: "1g.10gb", "3g.40gb+me" (MIG profiles), "MIG", "vGPU", "1/2 A10", "0.5 x A10", "A10:0.167".
_SLICE = re.compile(r"\bmig\b|\b[1-7]g\.[0-9]+gb|\bvgpu\b|\b1/[2-9]\b|\b0\.[0-9]+", re.IGNORECASE)


@dataclass(frozen=True)
class _Index:
    """Normalised names; `spelling` gives each back as a person would write it."""

    names: dict[str, tuple[str, ...]]
    families: dict[str, tuple[str, ...]]
    aliases: dict[str, tuple[str, ...]]
    spelling: dict[str, str]


def resolve_gpus(text: str) -> tuple[str, ...]:
    """Names of the accelerators that a text stands for.

    An accelerator's own name comes first, then a family, then an alias: "A100-80GB-SXM" is one model, "A100-80GB" all
    its variants. Case, spaces, "-", "_" and a leading vendor name do not matter.

    Parameters
    ----------
    text : str
        "H100-SXM", "h100", "a100 80gb", "NVIDIA A100-SXM4-80GB", "4090" ...

    Returns
    -------
    tuple of str
        Catalogue names in alphabetical order, at least one.

    Raises
    ------
    CatalogueError
        When nothing matches (`suggestions` holds close matches), or the text names a slice of a GPU.
    """
    if _SLICE.search(text):
        raise _slice_error(text)
    index = _index()
    key = normalise(text)
    for table in (index.names, index.families, index.aliases):
        if key in table:
            return table[key]
    close = get_close_matches(key, index.spelling, n=5, cutoff=0.6)
    message = f"gpu is {text!r}: no such GPU in the catalogue; gpuplan hardware list shows the names."
    raise CatalogueError("gpu", text, message, tuple(dict.fromkeys(index.spelling[match] for match in close)))


def _slice_error(text: str) -> CatalogueError:
    """Slices are refused: training joins GPUs through NCCL, which has no peer-to-peer traffic between slices of a card."""
    message = (
        f"gpu is {text!r}: slices of a GPU (MIG, vGPU, fractions) are not planned on, as training cannot join them (NCCL has no "
        "peer-to-peer traffic between them) and no published run measures one; name the whole GPU."
    )
    return CatalogueError("gpu", text, message)


def normalise(text: str) -> str:
    """The text without case, white space, "-", "_" and a leading vendor name."""
    bare = "".join(text.casefold().split()).replace("-", "").replace("_", "")
    for vendor in _VENDORS:
        bare = bare.removeprefix(vendor)
    return bare


@cache
def _index() -> _Index:
    names: dict[str, tuple[str, ...]] = {}
    families: dict[str, tuple[str, ...]] = {}
    aliases: dict[str, tuple[str, ...]] = {}
    spelling: dict[str, str] = {}
    for accelerator in accelerators().values():
        _add(names, spelling, accelerator.name, accelerator.name)
        for family in accelerator.families:
            key = normalise(family)
            families[key] = (*families.get(key, ()), accelerator.name)
            spelling.setdefault(key, family)
        for alias in accelerator.aliases:
            _add(aliases, spelling, alias, accelerator.name)
    for key in aliases:
        if names.get(key, aliases[key]) != aliases[key]:
            raise _taken(spelling[key], names[key][0], aliases[key][0])
        if key in families:
            raise _taken(spelling[key], f"the family of {', '.join(families[key])}", aliases[key][0])
    return _Index(names, families, aliases, spelling)


def _add(table: dict[str, tuple[str, ...]], spelling: dict[str, str], text: str, name: str) -> None:
    key = normalise(text)
    if table.get(key, (name,)) != (name,):
        raise _taken(text, table[key][0], name)
    table[key] = (name,)
    spelling.setdefault(key, text)


def _taken(text: str, first: str, second: str) -> CatalogueError:
    message = f"accelerators: {text!r} stands for both {first} and {second}; a name or alias must be unique."
    return CatalogueError("aliases", text, message)
