"""Audit the sizing table that people copy from a popular guide: ``python benchmarks/reference_table [seed_table.csv]``.

Writes reference_table.md and reference_table.csv beside this file.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from reference_table.audit import audit  # noqa: E402  the folder is run as a script
from reference_table.render import csv_text, headline, markdown  # noqa: E402
from reference_table.rows import read_rows  # noqa: E402

DEFAULT = HERE.parents[2] / "shared" / "data" / "seed_table.csv"


def main() -> None:
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT
    if not path.is_file():
        raise SystemExit(f"there is no table at {path}; give its path")
    audits = [audit(row) for row in read_rows(path)]
    (HERE / "reference_table.md").write_text(markdown(audits), encoding="utf-8")
    (HERE / "reference_table.csv").write_text(csv_text(audits), encoding="utf-8")
    print(headline(audits))


if __name__ == "__main__":
    main()
