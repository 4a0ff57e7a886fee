"""The Azure Retail Prices API: pages of JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any, TextIO

from gpuplan_hardware.entities import Pricing
from gpuplan_hardware.imports.base import Format, Head, ImportFileError, Listed, Skipped, Source
from gpuplan_hardware.imports.rows import NO_GPU, NO_REGION, Machine
from gpuplan_hardware.imports.tally import Tally

MOST_JSON_CHARACTERS = (
    100_000_000  # of one JSON text, which is held in memory; files with one in each line may be longer
)
HOURS_PER_YEAR = 8760

_TERMS: dict[str, tuple[Pricing, int]] = {"1 Year": ("reserved-1y", 1), "3 Years": ("reserved-3y", 3)}
_KEYS = ('"armSkuName"', '"retailPrice"')


class AzureRetail(Format):
    """What ``https://prices.azure.com/api/retail/prices`` answers, or what was saved of it.

    One page ``{"Items": [...], "NextPageLink": ..., "Count": ...}``, a list of pages, a list of items, or JSON lines of pages or
    items. The keys are those of https://learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices:

    - Virtual machines of the N series (``armSkuName`` "Standard_N...", which have GPUs, but for the FPGAs of NP) with Linux.
      What is not "for Windows" in ``productName`` ("... Windows", "... Srs Win") is a price without a licence.
    - ``type`` "Consumption" is on demand, or spot where ``skuName`` or ``meterName`` say so.
    - ``type`` "Reservation": ``retailPrice`` is that of the whole ``reservationTerm``, though ``unitOfMeasure`` is "1 Hour":
      price per hour = retailPrice / (years x 8,760 h).
    - Meters that are not primary are not billed (``isPrimaryMeterRegion``), and prices from a minimum usage on
      (``tierMinimumUnits``) are not for everybody; both are left out.
    - ``effectiveStartDate`` is the day on which a price began, often years ago, and it holds until another begins. The day of
      the price is that on which the answer was read, which is the day of the file (`Source.as_of`).
    """

    name = "Azure Retail Prices"

    def recognises(self, head: Head) -> bool:
        """Whether it is JSON with the keys of an item near its beginning."""
        return head.text.lstrip()[:1] in ("{", "[") and all(key in head.text for key in _KEYS)

    def read(self, source: Source) -> Iterator[Listed | Skipped]:
        tally = Tally()
        found: list[Listed | Skipped] = []
        for place, item in enumerate(_items(source.path), start=1):
            left_out = _left_out(item)
            if left_out is None:
                found.append(_price(place, item))
            else:
                tally.add(place, left_out, _text(item, "armSkuName") or _text(item, "productName"))
        yield from tally.skipped()
        yield from _with_on_demand(found)


def _with_on_demand(found: list[Listed | Skipped]) -> Iterator[Listed | Skipped]:
    """The same, spot prices with the on-demand price of the same machine and region, which is an item of its own."""
    on_demand: dict[tuple[str, str, str], float] = {}
    for row in found:
        if isinstance(row, Listed) and row.pricing == "on-demand":
            key = (row.instance_type, row.region, row.currency)
            on_demand[key] = max(row.price_per_hour, on_demand.get(key, 0.0))
    for row in found:
        if isinstance(row, Listed) and row.pricing == "spot":
            row = replace(row, on_demand_per_hour=on_demand.get((row.instance_type, row.region, row.currency)))
        yield row


def _left_out(item: dict[str, Any]) -> str | None:
    """Why an item is no price of a machine with GPUs and Linux; these are most items, and they are only counted."""
    machine, product = _text(item, "armSkuName"), _text(item, "productName")
    service = _text(item, "serviceName") or product  # some who save the answer keep only what tells prices apart
    if not service.startswith("Virtual Machines"):
        return "not a virtual machine"
    if not machine.startswith("Standard_N") or machine.startswith("Standard_NP"):
        return NO_GPU
    if any(word.startswith("Win") for word in product.split()):
        return "for Windows"
    if "CloudServices" in product or "Cloud Services" in product:
        return "for Azure Cloud Services"
    if "Dedicated" in product:
        return "a dedicated host"
    names = f"{_text(item, 'skuName')} {_text(item, 'meterName')}"
    if "Low Priority" in names:
        return "low priority, which is no longer sold"
    if "Expired" in names:
        return "expired"
    return None


def _price(place: int, item: dict[str, Any]) -> Listed | Skipped:
    machine = _text(item, "armSkuName")
    region, currency, price = (
        _text(item, "armRegionName").lower(),
        _text(item, "currencyCode"),
        _number(item.get("retailPrice")),
    )
    terms = _terms(item)
    if isinstance(terms, str):
        return Skipped(place, terms, machine)
    pricing, hours = terms
    if item.get("isPrimaryMeterRegion") is False:
        return Skipped(place, "a meter that is not billed (not primary)", machine)
    if _number(item.get("tierMinimumUnits", 0)) != 0:
        return Skipped(place, "a price from a minimum usage on", machine)
    if _text(item, "unitOfMeasure") != "1 Hour":
        return Skipped(place, "a price of another unit than an hour", f"{machine}: {_text(item, 'unitOfMeasure')!r}")
    if not region or not currency:
        return Skipped(place, "no currency" if region else NO_REGION, machine)
    found = Machine(place, "azure", machine, "", None, region, currency=currency.upper())
    return found.priced(pricing, _number(price) / hours, str(price))


def _terms(item: dict[str, Any]) -> tuple[Pricing, int] | str:
    """The pricing and for how many hours the price is, or why it is none."""
    kind = _text(item, "type") or _text(item, "priceType")
    if kind == "Consumption":
        spot = "Spot" in _text(item, "skuName") or "Spot" in _text(item, "meterName")
        return ("spot" if spot else "on-demand"), 1
    if kind == "Reservation":
        if _text(item, "reservationTerm") not in _TERMS:
            return "a reservation for neither 1 nor 3 years"
        pricing, years = _TERMS[_text(item, "reservationTerm")]
        return pricing, years * HOURS_PER_YEAR
    if kind == "DevTestConsumption":
        return "only for development and test subscriptions"
    return "an unknown type of price"


def _text(item: dict[str, Any], key: str) -> str:
    value = item.get(key)
    return value.strip() if isinstance(value, str) else ""


def _number(value: object) -> float:
    """A JSON number; infinity for what is none."""
    try:
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else inf
    except OverflowError:
        return inf


def _items(path: Path) -> Iterator[dict[str, Any]]:
    for document in _documents(path):
        for part in document if isinstance(document, list) else [document]:
            inner = part.get("Items") if isinstance(part, dict) else None
            for item in inner if isinstance(inner, list) else [part]:
                if not isinstance(item, dict) or not ("armSkuName" in item or "retailPrice" in item):
                    raise ImportFileError(
                        f"it holds {str(item)[:60]!r} where a page with Items or an item was expected"
                    )
                yield item


def _documents(path: Path) -> Iterator[Any]:
    """The JSON texts of a file: one in each line, or one in all of it."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            beginning, number = _line(file), 1
            while beginning.isspace():
                beginning, number = _line(file), number + 1
            try:
                yield json.loads(beginning)
            except ValueError:  # not one in a line
                text = beginning + file.read(MOST_JSON_CHARACTERS)
                if len(text) > MOST_JSON_CHARACTERS:
                    raise _too_long() from None
                yield _parsed(text, number)
                return
            while line := _line(file):
                number += 1
                if not line.isspace():
                    yield _parsed(line, number)
    except OSError as error:
        raise ImportFileError(f"it cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ImportFileError("it is not a text file in UTF-8") from None
    except RecursionError:
        raise ImportFileError("its lists or objects are nested too deep") from None


def _line(file: TextIO) -> str:
    line = file.readline(MOST_JSON_CHARACTERS + 1)
    if len(line) > MOST_JSON_CHARACTERS:
        raise _too_long()
    return line


def _parsed(text: str, first_line: int) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        line = first_line + error.lineno - 1
        raise ImportFileError(f"line {line} is not well-formed JSON ({error.msg}); is the file cut short?") from None
    except ValueError as error:  # a number with thousands of digits
        raise ImportFileError(f"it is not well-formed JSON ({error})") from None


def _too_long() -> ImportFileError:
    most = f"{MOST_JSON_CHARACTERS:,} characters"
    return ImportFileError(f"it is one JSON text of more than {most}; save it with one page or one item in a line")
