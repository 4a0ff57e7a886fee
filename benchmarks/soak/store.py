"""What has been found so far: a line of JSON for each problem, in a file that belongs to one state of the sources."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
#: Sources that an answer or its judgement depends on; what only prints, and prices, which the problems do not read, are not among them.
_SOURCES = ("solver/gpuplan/**/*.py", "models/gpuplan_models/**/*.py", "hardware/gpuplan_hardware/*.py")
_FACTS = ("solver/gpuplan/performance/*.toml", "models/gpuplan_models/data/frameworks/*.toml")
_JUDGES = ("tests/oracle*.py", "tests/random_*.py", "tests/problems.py", "tests/agreement.py")
_PRINTING = ("cli", "report", "listing")


@dataclass(frozen=True)
class Row:
    """One problem: what was asked and answered, what is wrong with it (kind and text), and the seconds that each part took.

    `status` is the solver's, "near" where a plan is so near to a limit that rounding may decide, or "crash", "died", "timeout".
    """

    seed: int
    status: str
    objectives: str = ""
    focus: str = ""
    layouts: int = 0
    cp_sat_status: str | None = None
    unreduced: bool = False
    relaxations: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)


def fingerprint() -> str:
    """Twelve digits that stand for the sources: answers of others are not counted with these."""
    digest = hashlib.sha256()
    paths = {path for pattern in (*_SOURCES, *_FACTS, *_JUDGES) for path in TOP.glob(pattern)}
    for path in sorted(paths):
        inside = path.relative_to(TOP)
        if not set(_PRINTING) & set(inside.parts):
            digest.update(str(inside).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


class Store:
    """Rows in a file; lines are written whole, one after the other, so that a run can be cut off at any time and go on."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{fingerprint()}.jsonl"
        self._cut_torn_line()

    def add(self, row: Row) -> None:
        """Append a row in one write."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(row), separators=(",", ":")) + "\n")

    def rows(self) -> Iterator[Row]:
        """All rows so far."""
        if self.path.is_file():
            with self.path.open(encoding="utf-8") as file:
                for line in file:
                    yield Row(**json.loads(line))

    def seeds(self) -> set[int]:
        """Problems that need not be looked at again."""
        return {row.seed for row in self.rows()}

    def _cut_torn_line(self) -> None:
        """A machine that stopped in the middle of a write leaves a line without an end: it is taken off."""
        if not self.path.is_file():
            return
        content = self.path.read_bytes()
        end = content.rfind(b"\n") + 1
        if end < len(content):
            with self.path.open("r+b") as file:
                file.truncate(end)
