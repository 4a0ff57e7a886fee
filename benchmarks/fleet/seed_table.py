"""A fleet of the 23 rows of a guide's sizing table on a stated stock: ``fleet(path)`` is what `gpuplan.fleet` takes.

``python -m benchmarks.fleet.seed_table`` plans it, and writes seed_table.txt and the picture of docs/fleet.md.

The guide says of each row that its cluster does it within a day; a team that has all of them to do has three weeks, some nodes, and
rent. Of the rows only model, method and data count: their clusters are the guide's answer, not the question.

Stated here, the same each time:

- the calendar begins on 1 December 2026; a job comes every seven hours, in the order ``5 * row mod 23``, so that small and large ones mix;
- 1M of text is to be done in a day from its release, 1G in two, 10G in six, 100G three weeks from the start;
- nodes of one's own: three with A100-80GB and from the second week on four, two with A100-40GB of which one is serviced for two days, one
  with A10G; four with H100 are reserved for two weeks, of which row 4 alone would take three quarters. Nearly every row is cheapest on
  these: together they would need 2.0 times the hours that they have, 0.57 of those of all nodes of the stock;
- prices of an hour of use for what is one's own: power and wear (assumed);
- rent on demand from everyone, of which H100 of AWS fall under a quota that is raised once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image
from rich.console import Console

import gpuplan
from benchmarks.reference_table.rows import METHODS, Row, read_rows
from gpuplan.report.fleet import render
from gpuplan.report.fleet_plots import draw

TABLE = Path("../shared/data/seed_table.csv")
ANSWER = Path(__file__).with_name("seed_table.txt")
COLOURS = 256
PICTURE = Path(__file__).resolve().parents[2] / "docs" / "fleet.png"
START = "2026-12-01 00:00"
HOURS_BETWEEN = 7
#: Hours from the release to the deadline; None: the end of the calendar.
HOURS_FOR = {"1M": 24, "1G": 48, "10G": 144, "100G": None}
WEEKS_HOURS = 3 * 168
#: Whom it is a pity to be late for: those who wait for a small job sit beside it.
PRIORITY = {"1M": 4, "1G": 3, "10G": 2, "100G": 1}

STOCK: list[dict[str, Any]] = [
    {
        "name": "a100-80",
        "node": "own/HGX-A100-80GB",
        "nodes": 3,
        "price": "$0.35",
        "calendar": [{"from": "7d", "nodes": 4}],
    },
    {
        "name": "a100-40",
        "node": "own/DGX-A100-320GB",
        "nodes": 2,
        "price": "$0.30",
        "calendar": [{"from": "10d", "nodes": 1}, {"from": "12d", "nodes": 2}],
    },
    {"name": "a10g", "node": "aws/g5.48xlarge", "nodes": 1, "price": "$0.10"},
    {
        "name": "h100-block",
        "offer": "aws/p5.48xlarge/us-east-1/on-demand",
        "nodes": 4,
        "from": "2026-12-05",
        "until": "2026-12-19",
    },
]
QUOTAS: list[dict[str, Any]] = [
    {"name": "aws-h100", "provider": "aws", "gpu": "H100", "gpus": 32, "calendar": [{"from": "7d", "gpus": 64}]}
]


def fleet(path: Path = TABLE) -> dict[str, Any]:
    """The words of the fleet, for the table at `path`."""
    rows = read_rows(path)
    return {
        "start": START,
        "minimize": "cost",
        "stock": STOCK,
        "quotas": QUOTAS,
        "jobs": [_job(row, len(rows)) for row in rows],
    }


def _job(row: Row, rows: int) -> dict[str, Any]:
    release = 5 * row.number % rows * HOURS_BETWEEN
    hours = HOURS_FOR[row.data]
    model = row.model.removeprefix("DeepSeek-").removeprefix("R1-Distill-").lower()
    return {
        "name": f"{row.number:02d} {model} {row.data}",
        "model": row.model,
        "method": METHODS[row.method],
        "data": row.data,
        "release": f"{release}h",
        "deadline": f"{WEEKS_HOURS if hours is None else release + hours}h",
        "priority": PRIORITY[row.data],
    }


def main() -> None:
    """Plan it; write the answer as text, and the picture."""
    result = gpuplan.fleet({**fleet(), "workers": 2})
    with ANSWER.open("w", encoding="utf-8") as file:
        render(result, Console(file=file, width=140))
    draw(result, PICTURE)
    with Image.open(PICTURE) as picture:  # a third of the size, and looks the same
        fewer = picture.convert("RGB").quantize(COLOURS)
    fewer.save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
