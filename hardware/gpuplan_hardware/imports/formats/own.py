"""gpuplan's own price lists."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from gpuplan_hardware.errors import CatalogueError
from gpuplan_hardware.imports.base import Format, Head, ImportFileError, Listed, Skipped, Source
from gpuplan_hardware.imports.rows import header_of, read_rows
from gpuplan_hardware.price_list import OPTIONAL_COLUMNS, REQUIRED_COLUMNS, offer_of
from gpuplan_hardware.table import Row

_COLUMNS = (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS)


class Own(Format):
    """The CSV of `price_list.read_offers`: a row is an offer already, with its links, lead time and purchase.

    Where `read_offers` refuses a file for one wrong row, an import leaves out the row.
    """

    name = "gpuplan price list"

    def recognises(self, head: Head) -> bool:
        return set(REQUIRED_COLUMNS).issubset(head.columns)

    def read(self, source: Source) -> Iterator[Listed | Skipped]:
        _check_columns(source)
        path = Path(source.name)
        for row in read_rows(source, _COLUMNS):
            if isinstance(row, Skipped):
                yield row
                continue
            try:
                offer = offer_of(Row(path, row.line, dict(zip(_COLUMNS, row.cells, strict=True))))
            except CatalogueError as error:
                where = f"{path} line {row.line}: "
                yield Skipped(row.line, "the row of the price list is wrong", str(error).removeprefix(where))
                continue
            yield Listed(
                line=row.line,
                provider=offer.provider.name,
                instance_type=offer.node.name,
                accelerator=offer.node.accelerator.name,
                accelerator_count=offer.node.gpus_per_node,
                region=offer.region,
                pricing=offer.pricing,
                price_per_hour=offer.price_usd_per_hour,
                as_of=offer.as_of,
                offer=offer,
            )


def _check_columns(source: Source) -> None:
    """A column that is not known may be a slip of the pen, and what it says would be lost."""
    for name in header_of(source):
        if name not in _COLUMNS:
            close = get_close_matches(name, _COLUMNS, n=1)
            meant = f"was {close[0]!r} meant?" if close else f"the columns are {', '.join(_COLUMNS)}"
            raise ImportFileError(f"its column {name[:60]!r} is not known; {meant}")
