"""Audit the sizing table that people copy from a popular guide: ``python -m benchmarks.reference_table [seed_table.csv]``.

Writes reference_table.md and reference_table.csv beside this file.
"""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.reference_table.audit import audit
from benchmarks.reference_table.render import csv_text, headline, markdown
from benchmarks.reference_table.rows import read_rows

HERE = Path(__file__).resolve().parent
DEFAULT = HERE.parents[2] / "shared" / "data" / "seed_table.csv"


def main(arguments: list[str]) -> None:
    path = Path(arguments[0]) if arguments else DEFAULT
    if not path.is_file():
        raise SystemExit(f"there is no table at {path}; give its path")
    audits = [audit(row) for row in read_rows(path)]
    (HERE / "reference_table.md").write_text(markdown(audits), encoding="utf-8")
    (HERE / "reference_table.csv").write_text(csv_text(audits), encoding="utf-8")
    print(headline(audits))


if __name__ == "__main__":
    main(sys.argv[1:])
