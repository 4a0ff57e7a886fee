"""What a tool answers, and the file that keeps the answers of the two packages."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

KEPT = Path(__file__).resolve().parent / "answers.csv"
FIELDS = ("tool", "version", "asked_on", "question", "gpu", "gpus", "hours", "usd", "said")


@dataclass(frozen=True)
class Answer:
    """A cluster, by the catalogue's names of the GPU (several where the tool knows no finer name), or None and why not.

    `hours` and `usd` are the tool's own figures.
    """

    tool: str
    question: str
    gpu: tuple[str, ...] = ()
    gpus: int = 0
    hours: float | None = None
    usd: float | None = None
    said: str = ""
    version: str = ""
    asked_on: str = ""

    @property
    def answered(self) -> bool:
        """Whether a cluster is named."""
        return self.gpus > 0


def write(answers: Iterable[Answer]) -> str:
    """The answers as CSV."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(FIELDS)
    for a in answers:
        figures = ["" if value is None else f"{value:.6g}" for value in (a.hours, a.usd)]
        writer.writerow([a.tool, a.version, a.asked_on, a.question, "|".join(a.gpu), a.gpus or "", *figures, a.said])
    return buffer.getvalue()


def read(text: str) -> list[Answer]:
    """Answers as `write` wrote them."""
    return [
        Answer(
            tool=row["tool"],
            question=row["question"],
            gpu=tuple(row["gpu"].split("|")) if row["gpu"] else (),
            gpus=int(row["gpus"] or 0),
            hours=float(row["hours"]) if row["hours"] else None,
            usd=float(row["usd"]) if row["usd"] else None,
            said=row["said"],
            version=row["version"],
            asked_on=row["asked_on"],
        )
        for row in csv.DictReader(io.StringIO(text))
    ]
