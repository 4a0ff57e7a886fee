"""Lists of the catalogue as tables, and what is known of one thing, for people."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rich.console import Console, RenderableType

from gpuplan.listing.base import Listing
from gpuplan.report import catalogue_details as details
from gpuplan.report import catalogue_hardware as hardware
from gpuplan.report import catalogue_tables as tables
from gpuplan.report import imports, owning
from gpuplan.report.blocks import MAX_WIDTH, write
from gpuplan.result import Answer

# By the names of the types: importing the types would load all catalogues for the list of one.
_BLOCKS: dict[str, Callable[[Any], list[RenderableType]]] = {
    "ModelList": tables.models,
    "AcceleratorList": tables.accelerators,
    "NodeList": tables.nodes,
    "OfferList": tables.offers,
    "FrameworkList": tables.frameworks,
    "MethodList": tables.methods,
    "ModelDetails": details.model,
    "AcceleratorDetails": hardware.accelerator,
    "NodeDetails": hardware.node,
    "OfferDetails": hardware.offer,
    "OffersImport": imports.imported,
    "OffersDiff": imports.diff,
    "OffersHistory": imports.history,
    "OwningAnswer": owning.own,
    "RentOrBuy": owning.rent_or_buy,
    "FrameworkDetails": details.framework,
    "MethodDetails": details.method,
}


def render(answer: Answer, console: Console) -> None:
    """Print a list as one table as wide as the console, or what is known of one thing.

    Parameters
    ----------
    answer
        Any answer of `gpuplan.listing`.
    console
        Where to print; there are no trailing spaces.
    """
    width = console.width if isinstance(answer, Listing) else min(console.width, MAX_WIDTH)
    write(console, _BLOCKS[type(answer).__name__](answer), width)
