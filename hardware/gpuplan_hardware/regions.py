"""Which country a provider's region is in, for limits on where data may be."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from gpuplan_hardware.catalogue import DATA, file_error, read_file, read_folder
from gpuplan_hardware.errors import CatalogueError

if TYPE_CHECKING:
    from pathlib import Path

    from gpuplan_hardware import schema

#: Codes of countries that catalogues also use for continents: alone, they say nothing.
_CONTINENTS = frozenset({"AF", "AS", "NA", "SA"})


@dataclass(frozen=True, slots=True)
class _Places:
    """A provider's regions in lower case; longer beginnings come first."""

    countries: dict[str, str]
    prefixes: tuple[tuple[str, str], ...]
    codes: bool


def country(provider: str, region: str) -> str | None:
    """Code of the country (ISO 3166-1, two letters) that a region is in; None where nobody says.

    Parameters
    ----------
    provider : str
        Name of the provider in the catalogue ("aws").
    region : str
        As the provider names it, in any case ("eu-central-1"; "Sweden, SE" on vast).

    Raises
    ------
    CatalogueError
        When a file of data/regions is wrong.
    """
    return _country(provider, region)


def areas() -> dict[str, frozenset[str]]:
    """Groups of countries by name ("eu", "eea", "cn" ...), as in data/areas.toml.

    Raises
    ------
    CatalogueError
        When the file is wrong.
    """
    return dict(_areas()[0])


def in_area(provider: str, region: str, area: str) -> bool | None:
    """Whether a region is in a group of countries or a country; None where it is unknown which country it is in.

    Parameters
    ----------
    provider, region : str
        As those of `country`.
    area : str
        The name of a group ("eu") or the code of a country ("DE"), in any case.

    Raises
    ------
    CatalogueError
        When there is no such area.
    """
    members = members_of(area)
    where = _country(provider, region)
    return None if where is None else where in members


def members_of(area: str) -> frozenset[str]:
    """Codes of the countries of a group, or the one whose code is given; in any case.

    Raises
    ------
    CatalogueError
        When there is no such area.
    """
    groups, codes = _areas()
    members = groups.get(area.lower())
    if members is None and area.upper() in codes:
        members = frozenset({area.upper()})
    if members is None:
        message = f"area is {area!r}; one of {', '.join(groups)} or the code of a country, such as DE, was expected."
        raise CatalogueError("area", area, message)
    return members


@cache
def _country(provider: str, region: str) -> str | None:
    places = _places().get(provider)
    if places is None:
        return None
    name = region.strip().lower()
    if name in places.countries:
        return places.countries[name]
    for prefix, code in places.prefixes:
        if name.startswith(prefix):
            return code
    return _code_in(region) if places.codes else None


def _code_in(region: str) -> str | None:
    """The code that a region is ("SE") or that follows its last comma ("Sweden, SE")."""
    place, comma, code = (part.strip() for part in region.rpartition(","))
    code = code.upper()
    if code not in _areas()[1] or (code in _CONTINENTS and not (comma and place)):
        return None
    return code


@cache
def _areas() -> tuple[dict[str, frozenset[str]], frozenset[str]]:
    """The groups of countries, and every code there is."""
    from gpuplan_hardware import schema

    path = DATA / "areas.toml"
    file = read_file(path, schema.AreasFile)
    _check_source(path, file)
    codes = frozenset(file.countries.split())
    groups = {name: frozenset(text.split()) for name, text in file.areas.items()}
    for name, members in groups.items():
        if members - codes:
            right = "codes of ISO 3166-1 were expected"
            raise file_error(path, f"areas.{name}", " ".join(sorted(members - codes)), right)
    return groups, codes


def _check_source(path: Path, file: schema.RegionsFile | schema.AreasFile) -> None:
    if file.source not in file.sources:
        raise file_error(path, "source", file.source, "one of the keys of [sources] was expected")


@cache
def _places() -> dict[str, _Places]:
    from gpuplan_hardware import schema

    found: dict[str, _Places] = {}
    for path, file in read_folder("regions", schema.RegionsFile):
        if file.name in found:
            raise file_error(path, "name", file.name, "another file has it already")
        _check_source(path, file)
        for region, code in {**file.countries, **file.prefixes}.items():
            if code not in _areas()[1]:
                raise file_error(path, region, code, "a code of ISO 3166-1 was expected")
        prefixes = sorted(file.prefixes.items(), key=lambda entry: (-len(entry[0]), entry))
        found[file.name] = _Places(dict(file.countries), tuple(prefixes), file.codes)
    return found
