"""Prices in other currencies than USD."""

from __future__ import annotations

from functools import cache

from gpuplan_hardware.catalogue import DATA, read_file, sourced
from gpuplan_hardware.entities import Figure
from gpuplan_hardware.errors import CatalogueError

_PREFIX = "usd_per."


def currencies() -> dict[str, Figure]:
    """USD for one unit of each currency that is known, by its code (ISO 4217); USD itself is not among them.

    Raises
    ------
    CatalogueError
        When data/currencies.toml is wrong.
    """
    return dict(_rates())


def rate(code: str) -> Figure:
    """USD for one unit of a currency.

    Parameters
    ----------
    code : str
        "CNY", in any case. Not "USD", which is no rate.

    Raises
    ------
    CatalogueError
        When the currency is not in data/currencies.toml.
    """
    known = _rates()
    found = known.get(code.upper())
    if found is None:
        message = f"currency is {code!r}; one of USD, {', '.join(known)} was expected."
        raise CatalogueError("currency", code, message)
    return found


def to_usd(amount: float, code: str) -> float:
    """An amount of money in USD.

    Raises
    ------
    CatalogueError
        When the currency is not in data/currencies.toml.
    """
    return amount if code.upper() == "USD" else amount * rate(code).value


@cache
def _rates() -> dict[str, Figure]:
    from gpuplan_hardware import schema

    path = DATA / "currencies.toml"
    file = read_file(path, schema.CurrenciesFile)
    return {key.removeprefix(_PREFIX): figure for key, figure in sourced(path, file, file.sources).items()}
