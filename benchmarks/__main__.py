"""Run every benchmark that needs nothing but this checkout: ``python -m benchmarks``."""

from __future__ import annotations

from benchmarks import solve_time
from benchmarks.reference_table import __main__ as reference_table


def main() -> None:
    solve_time.main([])
    if reference_table.DEFAULT.is_file():
        reference_table.main([])


if __name__ == "__main__":
    main()
