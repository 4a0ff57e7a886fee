"""Run every benchmark that needs nothing but this checkout: ``python -m benchmarks``."""

from __future__ import annotations

from benchmarks.grid import __main__ as grid
from benchmarks.guides import __main__ as guides
from benchmarks.reference_table import __main__ as reference_table


def main() -> None:
    grid.main([], standalone_mode=False)
    if reference_table.DEFAULT.is_file():
        reference_table.main([])
    if guides.DEFAULT.is_file():
        guides.main([])


if __name__ == "__main__":
    main()
