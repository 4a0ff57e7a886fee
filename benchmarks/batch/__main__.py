"""Measure batches: ``python -m benchmarks.batch [--jobs N]``, and kill them: ``python -m benchmarks.batch --soak N``.

Both write batch.md beside this file, with what the other has left in batch.json; of fewer than 1,000 jobs or 200 kills the page is
only printed. Exits with 1 where a single solve says something else, or a killed batch lost something.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from benchmarks.batch.jobs import JOBS
from benchmarks.batch.rate import rate
from benchmarks.batch.render import markdown
from benchmarks.batch.soak import soak

HERE = Path(__file__).resolve().parent
#: Kills that are worth writing down.
KILLS = 200


@click.command()
@click.option("--jobs", default=JOBS, help="how many jobs")
@click.option("--soak", "kills", default=0, help="kill batches so many times instead")
@click.option("--seed", default=0, help="of the moments of the kills")
def main(jobs: int, kills: int, seed: int) -> None:
    """Measure, write."""
    stored = HERE / "batch.json"
    found: dict[str, Any] = json.loads(stored.read_text(encoding="utf-8")) if stored.exists() else {}
    new = {"soak": asdict(soak(kills, seed))} if kills else {"rate": asdict(rate(jobs))}
    if kills >= KILLS or (not kills and jobs >= JOBS):
        found |= new
        stored.write_text(f"{json.dumps(found, indent=1)}\n", encoding="utf-8")
        (HERE / "batch.md").write_text(markdown(found), encoding="utf-8")
    else:
        print(markdown(new))
    sys.exit(1 if any(part.get("failures") or part.get("different") for part in new.values()) else 0)


if __name__ == "__main__":
    main()
